//! Reports to blocks and back.

use tidegate_domain::{Nanos, OrderOptions, OrderStatus};

use super::append_with;
use crate::blocks::*;
use crate::field::{FieldError, Pad};
use crate::layout::Block;
use crate::report::{FillReport, GatewayStamps, Report, ReportBody};

pub(super) fn decode(template: u16, block: &[u8]) -> Result<Report, FieldError> {
    let head = ReportHead::get(block)?;
    Ok(Report {
        session_sequence: head.session_sequence,
        request: head.request,
        sequence: head.sequence,
        index: head.index,
        epoch: head.epoch,
        time: head.time,
        account: head.account,
        market: head.market,
        degraded: head.degraded,
        key: head.key,
        last: head.last,
        stamps: GatewayStamps { received: head.received, sent: head.sent, tokens: head.tokens },
        body: report_body(template, block)?,
    })
}

fn report_body(template: u16, block: &[u8]) -> Result<ReportBody, FieldError> {
    Ok(match template {
        OrderAccepted::TEMPLATE => {
            let OrderAccepted { order, price, qty, side, order_type, time_in_force, post_only, .. } =
                OrderAccepted::get(block)?;
            let options = OrderOptions::default();
            ReportBody::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty, options }
        }
        OrderAcceptedFull::TEMPLATE => {
            let block = OrderAcceptedFull::get(block)?;
            ReportBody::OrderAccepted {
                order: block.order,
                side: block.side,
                order_type: block.order_type,
                time_in_force: block.time_in_force,
                post_only: block.post_only,
                price: block.price,
                qty: block.qty,
                options: OrderOptions {
                    reprice: block.reprice,
                    self_trade: block.self_trade,
                    group: block.group,
                    trigger: block.trigger,
                    display: block.display,
                    budget: block.budget,
                    expires: block.expires,
                    on_disconnect: block.on_disconnect,
                },
            }
        }
        FillBlock::TEMPLATE => {
            let FillBlock { order, counter_order, price, qty, leaves, fee, side, liquidity, is_rebate, .. } =
                FillBlock::get(block)?;
            ReportBody::Fill(FillReport { order, counter_order, side, liquidity, price, qty, leaves, fee, is_rebate })
        }
        OrderCancelled::TEMPLATE => {
            let OrderCancelled { order, price, cancelled, side, reason, .. } = OrderCancelled::get(block)?;
            ReportBody::OrderCancelled { order, side, price, cancelled, reason }
        }
        OrderReduced::TEMPLATE => {
            let OrderReduced { order, price, by, leaves, side, .. } = OrderReduced::get(block)?;
            ReportBody::OrderReduced { order, side, price, by, leaves }
        }
        CancelAllDone::TEMPLATE => ReportBody::CancelAllDone { cancelled: CancelAllDone::get(block)?.cancelled },
        Rejected::TEMPLATE => {
            let Rejected { reason, command, .. } = Rejected::get(block)?;
            ReportBody::Rejected { reason, command }
        }
        OrderReplaced::TEMPLATE => {
            let OrderReplaced { order, price, leaves, displayed, side, kept_place, .. } = OrderReplaced::get(block)?;
            ReportBody::OrderReplaced { order, side, price, leaves, displayed, kept_place }
        }
        OrderTriggered::TEMPLATE => {
            let OrderTriggered { order, price, leaves, side, .. } = OrderTriggered::get(block)?;
            ReportBody::OrderTriggered { order, side, price, leaves }
        }
        OrderRefreshed::TEMPLATE => {
            let OrderRefreshed { order, price, displayed, side, .. } = OrderRefreshed::get(block)?;
            ReportBody::OrderRefreshed { order, side, price, displayed }
        }
        ProtectionSet::TEMPLATE => {
            let ProtectionSet { window_ns, qty_max, count_max, group } = ProtectionSet::get(block)?;
            ReportBody::ProtectionSet { group, window: Nanos::from_nanos(window_ns), qty_max, count_max }
        }
        ProtectionReset::TEMPLATE => ReportBody::ProtectionReset { group: ProtectionReset::get(block)?.group },
        ProtectionTriggered::TEMPLATE => {
            ReportBody::ProtectionTriggered { group: ProtectionTriggered::get(block)?.group }
        }
        QuoteRejected::TEMPLATE => {
            let QuoteRejected { quote, reason, side, .. } = QuoteRejected::get(block)?;
            ReportBody::QuoteRejected { quote, side, reason }
        }
        MassQuoteDone::TEMPLATE => {
            let MassQuoteDone { accepted, withdrawn, rejected, .. } = MassQuoteDone::get(block)?;
            ReportBody::MassQuoteDone { accepted, withdrawn, rejected }
        }
        OrderStatusBlock::TEMPLATE => ReportBody::OrderStatus(order_status(&OrderStatusBlock::get(block)?)),
        BalanceStatus::TEMPLATE => {
            let BalanceStatus { available, held, pending, asset, .. } = BalanceStatus::get(block)?;
            ReportBody::BalanceStatus { asset, available, held, pending }
        }
        QueryDone::TEMPLATE => ReportBody::QueryDone { count: QueryDone::get(block)?.count },
        CancelAllAfterSet::TEMPLATE => {
            ReportBody::CancelAllAfterSet { deadline: CancelAllAfterSet::get(block)?.deadline }
        }
        CancelAllAfterFired::TEMPLATE => {
            ReportBody::CancelAllAfterFired { cancelled: CancelAllAfterFired::get(block)?.cancelled }
        }
        _ => {
            let Outcome { original, order, reject, command, .. } = Outcome::get(block)?;
            ReportBody::Outcome { original, order, reject, command }
        }
    })
}

fn order_status(block: &OrderStatusBlock) -> OrderStatus {
    OrderStatus {
        order: block.order,
        key: block.creator,
        request: block.created_by,
        side: block.side,
        order_type: block.order_type,
        time_in_force: block.time_in_force,
        post_only: block.post_only,
        reprice: block.reprice,
        is_quote: block.is_quote,
        price: block.price,
        leaves: block.leaves,
        filled: block.filled,
        displayed: block.displayed,
        trigger: block.trigger,
        expires: block.expires,
        self_trade: block.self_trade,
        group: block.group,
        on_disconnect: block.on_disconnect,
    }
}

fn order_status_block(status: &OrderStatus) -> OrderStatusBlock {
    OrderStatusBlock {
        order: status.order,
        created_by: status.request,
        price: status.price,
        leaves: status.leaves,
        filled: status.filled,
        displayed: status.displayed,
        trigger: status.trigger,
        expires: status.expires,
        creator: status.key,
        side: status.side,
        order_type: status.order_type,
        time_in_force: status.time_in_force,
        post_only: status.post_only,
        reprice: status.reprice,
        is_quote: status.is_quote,
        self_trade: status.self_trade,
        group: status.group,
        on_disconnect: status.on_disconnect,
        padding: Pad,
    }
}

pub(super) fn encode(report: &Report, out: &mut Vec<u8>) {
    let head = ReportHead {
        session_sequence: report.session_sequence,
        request: report.request,
        sequence: report.sequence,
        time: report.time,
        account: report.account,
        market: report.market,
        epoch: report.epoch,
        index: report.index,
        degraded: report.degraded,
        last: report.last,
        tokens: report.stamps.tokens,
        key: report.key,
        received: report.stamps.received,
        sent: report.stamps.sent,
    };
    match report.body {
        ReportBody::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty, options } => {
            if options == OrderOptions::default() {
                let padding = Pad;
                let body = OrderAccepted { order, price, qty, side, order_type, time_in_force, post_only, padding };
                return append_report(&head, &body, out);
            }
            let OrderOptions { reprice, self_trade, group, trigger, display, budget, expires, on_disconnect } = options;
            let body = OrderAcceptedFull {
                order,
                price,
                qty,
                trigger,
                display,
                expires,
                budget,
                side,
                order_type,
                time_in_force,
                post_only,
                reprice,
                self_trade,
                group,
                on_disconnect,
            };
            append_report(&head, &body, out);
        }
        ReportBody::Fill(fill) => {
            let FillReport { order, counter_order, side, liquidity, price, qty, leaves, fee, is_rebate } = fill;
            let padding = Pad;
            let body = FillBlock { order, counter_order, price, qty, leaves, fee, side, liquidity, is_rebate, padding };
            append_report(&head, &body, out);
        }
        ReportBody::OrderCancelled { order, side, price, cancelled, reason } => {
            append_report(&head, &OrderCancelled { order, price, cancelled, side, reason, padding: Pad }, out);
        }
        ReportBody::OrderReduced { order, side, price, by, leaves } => {
            append_report(&head, &OrderReduced { order, price, by, leaves, side, padding: Pad }, out);
        }
        ReportBody::CancelAllDone { cancelled } => append_report(&head, &CancelAllDone { cancelled }, out),
        ReportBody::Rejected { reason, command } => {
            append_report(&head, &Rejected { reason, command, padding: Pad }, out);
        }
        ReportBody::Outcome { original, order, reject, command } => {
            append_report(&head, &Outcome { original, order, reject, command, padding: Pad }, out);
        }
        ReportBody::OrderReplaced { order, side, price, leaves, displayed, kept_place } => {
            let body = OrderReplaced { order, price, leaves, displayed, side, kept_place, padding: Pad };
            append_report(&head, &body, out);
        }
        ReportBody::OrderTriggered { order, side, price, leaves } => {
            append_report(&head, &OrderTriggered { order, price, leaves, side, padding: Pad }, out);
        }
        ReportBody::OrderRefreshed { order, side, price, displayed } => {
            append_report(&head, &OrderRefreshed { order, price, displayed, side, padding: Pad }, out);
        }
        ReportBody::ProtectionSet { group, window, qty_max, count_max } => {
            append_report(&head, &ProtectionSet { window_ns: window.nanos(), qty_max, count_max, group }, out);
        }
        ReportBody::ProtectionReset { group } => append_report(&head, &ProtectionReset { group, padding: Pad }, out),
        ReportBody::ProtectionTriggered { group } => {
            append_report(&head, &ProtectionTriggered { group, padding: Pad }, out);
        }
        ReportBody::QuoteRejected { quote, side, reason } => {
            append_report(&head, &QuoteRejected { quote, reason, side, padding: Pad }, out);
        }
        ReportBody::MassQuoteDone { accepted, withdrawn, rejected } => {
            append_report(&head, &MassQuoteDone { accepted, withdrawn, rejected, padding: Pad }, out);
        }
        ReportBody::OrderStatus(ref status) => append_report(&head, &order_status_block(status), out),
        ReportBody::BalanceStatus { asset, available, held, pending } => {
            append_report(&head, &BalanceStatus { available, held, pending, asset, padding: Pad }, out);
        }
        ReportBody::QueryDone { count } => append_report(&head, &QueryDone { count }, out),
        ReportBody::CancelAllAfterSet { deadline } => append_report(&head, &CancelAllAfterSet { deadline }, out),
        ReportBody::CancelAllAfterFired { cancelled } => {
            append_report(&head, &CancelAllAfterFired { cancelled }, out);
        }
    }
}

/// A report is its header and, after it, the fields of its kind.
fn append_report<B: Block>(head: &ReportHead, body: &B, out: &mut Vec<u8>) {
    const { assert!(B::LEN > REPORT_HEAD_LEN_BYTES) };
    append_with(B::TEMPLATE, B::LEN, 0, out, |room| {
        head.put(room);
        body.put(room);
    });
}
