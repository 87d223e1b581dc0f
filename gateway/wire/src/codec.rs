//! Messages to blocks and back.
//!
//!   bytes --split_frame--> Frame --template--> block --fields--> message          message --> block --> bytes
//!
//! Invariants: decode(encode(x)) == x; no input panics; a request that is well framed but wrong inside is told apart
//! from bytes that are not the protocol, since only the latter ends a connection. Owning thread: none.

use tidegate_domain::{MarketDefinition, MarketId, Nanos, OrderId, OrderTarget, RequestNumber};

use crate::blocks::*;
use crate::field::{FieldError, Pad, TargetKind, Text};
use crate::frame::{Frame, FrameError, FrameHeader, split_frame};
use crate::layout::Block;
use crate::message::{ClientMessage, FillReport, Logon, OrderAction, OrderRequest, Report, ReportBody, ServerMessage};
use crate::reason::{GatewayReject, RefusedField};

/// Why a frame is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Not a frame of this protocol: ends the connection.
    Frame(FrameError),
    /// A session message with a wrong field: ends the connection too, since the session cannot go on without it.
    Session(FieldError),
    /// A request with a wrong field or an unknown template: refuse it and go on, the next frame is where it should be.
    Request {
        /// Its number; zero where the block is too short to hold it.
        request: RequestNumber,
        /// What is wrong.
        error: FieldError,
    },
}

impl DecodeError {
    /// The gateway's answer to a wrong request; `None` for the errors that end the connection.
    #[must_use]
    pub fn refusal(&self) -> Option<ServerMessage> {
        let Self::Request { request, error } = self else {
            return None;
        };
        Some(ServerMessage::RequestRefused {
            request: *request,
            reason: GatewayReject::Malformed,
            field: RefusedField::from_field_name(error.field),
            value: error.value,
            limit: error.limit,
        })
    }
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::Session(error) => error.fmt(f),
            Self::Request { request, error } => write!(f, "request {request}: {error}"),
        }
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Frame(error) => Some(error),
            Self::Session(error) | Self::Request { error, .. } => Some(error),
        }
    }
}

impl From<FrameError> for DecodeError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

/// Decodes one whole frame that a client sent.
///
/// # Errors
/// [`DecodeError`] says whether the connection must end or only the request is refused.
pub fn decode_client(bytes: &[u8]) -> Result<ClientMessage, DecodeError> {
    whole_frame(bytes)?.client_message()
}

/// Decodes one whole frame that the gateway sent.
///
/// # Errors
/// [`DecodeError`], never its variant `Request`.
pub fn decode_server(bytes: &[u8]) -> Result<ServerMessage, DecodeError> {
    whole_frame(bytes)?.server_message()
}

fn whole_frame(bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
    match split_frame(bytes)? {
        Some(frame) if frame.bytes().len() == bytes.len() => Ok(frame),
        _ => Err(FrameError::Incomplete { len_bytes: bytes.len() }),
    }
}

impl Frame<'_> {
    /// The message in a frame that a client sent.
    ///
    /// # Errors
    /// [`DecodeError`] says whether the connection must end or only the request is refused.
    pub fn client_message(&self) -> Result<ClientMessage, DecodeError> {
        let template = self.header().template;
        if REQUEST_TEMPLATES.contains(&template) {
            return order_request(template, self.block()).map(ClientMessage::Order);
        }
        let block = self.block();
        match template {
            LogonBlock::TEMPLATE => LogonBlock::get(block).map(|block| ClientMessage::Logon(logon(&block))),
            HeartbeatBlock::TEMPLATE => Ok(ClientMessage::Heartbeat),
            ClientLogoutBlock::TEMPLATE => Ok(ClientMessage::Logout),
            _ => return Err(FrameError::Template(template).into()),
        }
        .map_err(DecodeError::Session)
    }

    /// The message in a frame that the gateway sent.
    ///
    /// # Errors
    /// [`DecodeError`], never its variant `Request`.
    pub fn server_message(&self) -> Result<ServerMessage, DecodeError> {
        let (template, block) = (self.header().template, self.block());
        match template {
            HeartbeatBlock::TEMPLATE => Ok(ServerMessage::Heartbeat),
            ChallengeBlock::TEMPLATE..=RequestRefusedBlock::TEMPLATE => session_message(template, block),
            OrderAccepted::TEMPLATE..=MassQuoteDone::TEMPLATE => report(template, block).map(ServerMessage::Report),
            _ => return Err(FrameError::Template(template).into()),
        }
        .map_err(DecodeError::Session)
    }
}

fn logon(block: &LogonBlock) -> Logon {
    Logon {
        key: block.key,
        last_session_sequence: block.last_session_sequence,
        heartbeat_ms: block.heartbeat_ms,
        grace_ms: block.grace_ms,
        cancel_on_disconnect: block.cancel_on_disconnect,
        signature: block.signature,
    }
}

fn order_request(template: u16, block: &[u8]) -> Result<OrderRequest, DecodeError> {
    let request = block.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let request = RequestNumber::new(request);
    let action = order_action(template, block).map_err(|error| DecodeError::Request { request, error })?;
    Ok(OrderRequest { request, action })
}

fn order_action(template: u16, block: &[u8]) -> Result<OrderAction, FieldError> {
    Ok(match template {
        NewOrderBlock::TEMPLATE => {
            let block = NewOrderBlock::get(block)?;
            OrderAction::New {
                market: block.market,
                side: block.side,
                order_type: block.order_type,
                time_in_force: block.time_in_force,
                post_only: block.post_only,
                price: block.price,
                qty: block.qty,
            }
        }
        CancelOrderBlock::TEMPLATE => {
            let block = CancelOrderBlock::get(block)?;
            OrderAction::Cancel { target: target(block.target, block.target_kind) }
        }
        ReduceOrderBlock::TEMPLATE => {
            let block = ReduceOrderBlock::get(block)?;
            OrderAction::Reduce { target: target(block.target, block.target_kind), by: block.by }
        }
        CancelAllBlock::TEMPLATE => {
            let block = CancelAllBlock::get(block)?;
            OrderAction::CancelAll { market: (block.market.raw() != 0).then_some(block.market) }
        }
        unknown => {
            return Err(FieldError {
                message: "Request",
                field: "template",
                value: u64::from(unknown),
                allowed: "16, 17, 18, 19",
                limit: 0,
            });
        }
    })
}

fn target(raw: u64, kind: TargetKind) -> OrderTarget {
    match kind {
        TargetKind::Order => OrderTarget::Order(OrderId::new(raw)),
        TargetKind::Request => OrderTarget::Request(RequestNumber::new(raw)),
    }
}

fn target_parts(target: OrderTarget) -> (u64, TargetKind) {
    match target {
        OrderTarget::Order(order) => (order.raw(), TargetKind::Order),
        OrderTarget::Request(request) => (request.raw(), TargetKind::Request),
    }
}

fn session_message(template: u16, block: &[u8]) -> Result<ServerMessage, FieldError> {
    Ok(match template {
        ChallengeBlock::TEMPLATE => {
            let ChallengeBlock { nonce, cluster, node, epoch } = ChallengeBlock::get(block)?;
            ServerMessage::Challenge { nonce, cluster, node, epoch }
        }
        NotPrimaryBlock::TEMPLATE => {
            let block = NotPrimaryBlock::get(block)?;
            ServerMessage::NotPrimary { epoch: block.epoch, address: block.address.to_text() }
        }
        LogonAcceptedBlock::TEMPLATE => {
            let LogonAcceptedBlock { session, request_mark, report_mark, epoch, heartbeat_ms } =
                LogonAcceptedBlock::get(block)?;
            ServerMessage::LogonAccepted { session, request_mark, report_mark, epoch, heartbeat_ms }
        }
        ReplayDoneBlock::TEMPLATE => {
            ServerMessage::ReplayDone { report_mark: ReplayDoneBlock::get(block)?.report_mark }
        }
        MarketDefinitionBlock::TEMPLATE => market_definition(&MarketDefinitionBlock::get(block)?),
        LogoutBlock::TEMPLATE => {
            let LogoutBlock { reason, resume_after, detail, .. } = LogoutBlock::get(block)?;
            ServerMessage::Logout { reason, resume_after, detail: detail.to_text() }
        }
        _ => {
            let RequestRefusedBlock { request, value, limit, reason, field, .. } = RequestRefusedBlock::get(block)?;
            ServerMessage::RequestRefused { request, reason, field, value, limit }
        }
    })
}

fn market_definition(block: &MarketDefinitionBlock) -> ServerMessage {
    let definition = MarketDefinition {
        name: block.name,
        base: block.base,
        quote: block.quote,
        base_units_per_lot: block.base_units_per_lot,
        quote_units_per_tick_lot: block.quote_units_per_tick_lot,
        maker_fee: block.maker_fee,
        taker_fee: block.taker_fee,
        qty_max: block.qty_max,
        price_max: block.price_max,
    };
    ServerMessage::MarketDefinition { market: block.market, definition, state: block.state }
}

fn report(template: u16, block: &[u8]) -> Result<Report, FieldError> {
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
        last: head.last,
        body: report_body(template, block)?,
    })
}

fn report_body(template: u16, block: &[u8]) -> Result<ReportBody, FieldError> {
    Ok(match template {
        OrderAccepted::TEMPLATE => {
            let OrderAccepted { order, price, qty, side, order_type, time_in_force, post_only, .. } =
                OrderAccepted::get(block)?;
            ReportBody::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty }
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
        _ => {
            let Outcome { original, order, reject, command, .. } = Outcome::get(block)?;
            ReportBody::Outcome { original, order: (order.raw() != 0).then_some(order), reject, command }
        }
    })
}

/// Appends `block` as one frame.
fn append<B: Block>(block: &B, out: &mut Vec<u8>) {
    append_with(B::TEMPLATE, B::LEN, out, |room| block.put(room));
}

fn append_with(template: u16, block_len_bytes: usize, out: &mut Vec<u8>, put: impl FnOnce(&mut [u8])) {
    out.extend_from_slice(&FrameHeader::encode(template, block_len_bytes));
    let start = out.len();
    out.resize(start + block_len_bytes, 0);
    put(&mut out[start..]);
}

/// Appends a client's message as one frame.
pub fn encode_client(message: &ClientMessage, out: &mut Vec<u8>) {
    match message {
        ClientMessage::Logon(logon) => append(
            &LogonBlock {
                key: logon.key,
                heartbeat_ms: logon.heartbeat_ms,
                last_session_sequence: logon.last_session_sequence,
                grace_ms: logon.grace_ms,
                cancel_on_disconnect: logon.cancel_on_disconnect,
                padding: Pad,
                signature: logon.signature,
            },
            out,
        ),
        ClientMessage::Heartbeat => append(&HeartbeatBlock {}, out),
        ClientMessage::Logout => append(&ClientLogoutBlock {}, out),
        ClientMessage::Order(order) => encode_order(order, out),
    }
}

fn encode_order(order: &OrderRequest, out: &mut Vec<u8>) {
    let request = order.request;
    match order.action {
        OrderAction::New { market, side, order_type, time_in_force, post_only, price, qty } => {
            append(&NewOrderBlock { request, price, qty, market, side, order_type, time_in_force, post_only }, out)
        }
        OrderAction::Cancel { target } => {
            let (target, target_kind) = target_parts(target);
            append(&CancelOrderBlock { request, target, target_kind, padding: Pad }, out);
        }
        OrderAction::Reduce { target, by } => {
            let (target, target_kind) = target_parts(target);
            append(&ReduceOrderBlock { request, target, by, target_kind, padding: Pad }, out);
        }
        OrderAction::CancelAll { market } => {
            let market = market.unwrap_or(MarketId::new(0));
            append(&CancelAllBlock { request, market, padding: Pad }, out);
        }
    }
}

/// Appends the gateway's message as one frame. A text over its limit is cut.
pub fn encode_server(message: &ServerMessage, out: &mut Vec<u8>) {
    match *message {
        ServerMessage::Challenge { nonce, cluster, node, epoch } => {
            append(&ChallengeBlock { nonce, cluster, node, epoch }, out);
        }
        ServerMessage::NotPrimary { epoch, ref address } => {
            append(&NotPrimaryBlock { epoch, padding: Pad, address: Text::new(address) }, out);
        }
        ServerMessage::LogonAccepted { session, request_mark, report_mark, epoch, heartbeat_ms } => {
            append(&LogonAcceptedBlock { session, request_mark, report_mark, epoch, heartbeat_ms }, out);
        }
        ServerMessage::ReplayDone { report_mark } => append(&ReplayDoneBlock { report_mark }, out),
        ServerMessage::MarketDefinition { market, ref definition, state } => append(
            &MarketDefinitionBlock {
                name: definition.name,
                base_units_per_lot: definition.base_units_per_lot,
                quote_units_per_tick_lot: definition.quote_units_per_tick_lot,
                qty_max: definition.qty_max,
                price_max: definition.price_max,
                market,
                base: definition.base,
                quote: definition.quote,
                maker_fee: definition.maker_fee,
                taker_fee: definition.taker_fee,
                state,
                padding: Pad,
            },
            out,
        ),
        ServerMessage::Heartbeat => append(&HeartbeatBlock {}, out),
        ServerMessage::Logout { reason, resume_after, ref detail } => {
            append(&LogoutBlock { reason, padding: Pad, resume_after, detail: Text::new(detail) }, out);
        }
        ServerMessage::RequestRefused { request, reason, field, value, limit } => {
            append(&RequestRefusedBlock { request, value, limit, reason, field, padding: Pad }, out);
        }
        ServerMessage::Report(ref report) => encode_report(report, out),
    }
}

fn encode_report(report: &Report, out: &mut Vec<u8>) {
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
        padding: Pad,
    };
    match report.body {
        ReportBody::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty } => {
            let body = OrderAccepted { order, price, qty, side, order_type, time_in_force, post_only, padding: Pad };
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
            let order = order.unwrap_or(OrderId::new(0));
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
    }
}

/// A report is its header and, after it, the fields of its kind.
fn append_report<B: Block>(head: &ReportHead, body: &B, out: &mut Vec<u8>) {
    const { assert!(B::LEN > REPORT_HEAD_LEN_BYTES) };
    append_with(B::TEMPLATE, B::LEN, out, |room| {
        head.put(room);
        body.put(room);
    });
}
