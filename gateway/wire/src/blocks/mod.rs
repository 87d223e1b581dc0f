//! Every message of the protocol, declared once: template id, offsets, types and meanings.
//!
//! ```text
//! templates   1..=15  session messages       16..=63  requests: each begins with its request number
//!            64..=95  the gateway's messages 96..=127 reports: each begins with the report header
//!            128..=191 the market-data feed: see `feed::blocks`
//! ```
//!
//! Invariants: a published template never changes; a newer version appends to its block. See `layout` for what the
//! compiler proves of each. Owning thread: none.

mod reports;
mod requests;
mod session;

pub(crate) use reports::*;
pub(crate) use requests::*;
pub(crate) use session::*;

use crate::layout::{Block, GroupLayout, MessageLayout};
use crate::request::WIRE_QUOTES_MAX;

/// Templates of requests. Every one begins with its request number, also one that this build does not know.
pub(crate) const REQUEST_TEMPLATES: std::ops::RangeInclusive<u16> = 16..=63;

/// Whether a repeating group follows the block of this template.
pub(crate) const fn has_group(template: u16) -> bool {
    template == MassQuoteBlock::TEMPLATE
}

fn with_group(mut message: MessageLayout, entry: MessageLayout, count_max: usize) -> MessageLayout {
    message.group = Some(GroupLayout {
        name: entry.name,
        meaning: entry.meaning,
        count_max,
        entry_len_bytes: entry.block_len_bytes,
        dimensions: GroupSize::layout().fields,
        fields: entry.fields,
    });
    message
}

/// The layout of what every report begins with. In [`layout_tables`] its fields are the first of each report.
#[must_use]
pub fn report_head_layout() -> MessageLayout {
    ReportHead::layout()
}

/// The layout of every message, in the order of the template ids: the source of `PROTOCOL.md`, `schema/tidegate.xml` and
/// `include/tidegate.h`.
#[must_use]
pub fn layout_tables() -> Vec<MessageLayout> {
    let head = report_head_layout().fields;
    let report = |mut layout: MessageLayout| {
        layout.fields.splice(0..0, head.iter().copied());
        layout
    };
    let mut tables = vec![
        LogonBlock::layout(),
        HeartbeatBlock::layout(),
        ClientLogoutBlock::layout(),
        TestRequestBlock::layout(),
        TestReplyBlock::layout(),
        NewOrderBlock::layout(),
        CancelOrderBlock::layout(),
        ReduceOrderBlock::layout(),
        CancelAllBlock::layout(),
        NewOrderFullBlock::layout(),
        ReplaceOrderBlock::layout(),
        SetProtectionBlock::layout(),
        ResetProtectionBlock::layout(),
        SetKillSwitchBlock::layout(),
        with_group(MassQuoteBlock::layout(), QuoteEntry::layout(), WIRE_QUOTES_MAX),
        CancelAllAfterBlock::layout(),
        QueryOrderBlock::layout(),
        QueryOrdersBlock::layout(),
        QueryBalancesBlock::layout(),
        ChallengeBlock::layout(),
        NotPrimaryBlock::layout(),
        LogonAcceptedBlock::layout(),
        ReplayDoneBlock::layout(),
        MarketDefinitionBlock::layout(),
        LogoutBlock::layout(),
        RequestRefusedBlock::layout(),
        GapFillBlock::layout(),
        MaintenanceBlock::layout(),
        DropCopyPositionBlock::layout(),
        report(OrderAccepted::layout()),
        report(FillBlock::layout()),
        report(OrderCancelled::layout()),
        report(OrderReduced::layout()),
        report(CancelAllDone::layout()),
        report(Rejected::layout()),
        report(Outcome::layout()),
        report(OrderReplaced::layout()),
        report(OrderTriggered::layout()),
        report(OrderRefreshed::layout()),
        report(ProtectionSet::layout()),
        report(ProtectionReset::layout()),
        report(ProtectionTriggered::layout()),
        report(QuoteRejected::layout()),
        report(MassQuoteDone::layout()),
        report(OrderAcceptedFull::layout()),
        report(OrderStatusBlock::layout()),
        report(BalanceStatus::layout()),
        report(QueryDone::layout()),
        report(CancelAllAfterSet::layout()),
        report(CancelAllAfterFired::layout()),
    ];
    tables.extend(crate::feed::blocks::layouts());
    tables
}
