//! A gateway's side of the conversation, in a few words.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

use tidegate_client::ClientSecret;
use tidegate_domain::{
    AccountId, CancelReason, ClusterId, Epoch, KeyId, MarketId, NodeId, OrderId, OrderOptions, OrderType, Price, Qty,
    RequestNumber, Sequence, SessionId, SessionSequence, Side, TimeInForce, Timestamp,
};
use tidegate_wire::{GatewayStamps, OrderAction, Report, ReportBody, ServerMessage, encode_server};

pub const KEY: KeyId = KeyId::new(7);

pub fn secret() -> ClientSecret {
    ClientSecret::from_bytes(&[9; 32])
}

pub fn bytes(messages: &[ServerMessage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    messages.iter().for_each(|message| encode_server(message, &mut bytes));
    bytes
}

pub fn challenge() -> ServerMessage {
    ServerMessage::Challenge { nonce: [5; 32], cluster: ClusterId::new(1), node: NodeId::new(2), epoch: Epoch::new(3) }
}

pub fn accepted(request_mark: u64, report_mark: u64) -> ServerMessage {
    ServerMessage::LogonAccepted {
        session: SessionId::new(44),
        request_mark: RequestNumber::new(request_mark),
        report_mark: SessionSequence::new(report_mark),
        epoch: Epoch::new(3),
        heartbeat_ms: 1_000,
        tokens_per_s: 0,
        tokens_max: 0,
    }
}

pub fn replay_done(mark: u64) -> ServerMessage {
    ServerMessage::ReplayDone { report_mark: SessionSequence::new(mark) }
}

pub fn report(session_sequence: u64, request: u64, body: ReportBody) -> ServerMessage {
    ServerMessage::Report(Report {
        session_sequence: SessionSequence::new(session_sequence),
        request: RequestNumber::new(request),
        sequence: Sequence::new(100 + request),
        index: 0,
        epoch: Epoch::new(3),
        time: Timestamp::from_nanos(1),
        account: AccountId::new(1),
        market: MarketId::new(1),
        key: KEY,
        degraded: false,
        last: true,
        stamps: GatewayStamps::default(),
        body,
    })
}

pub fn order_accepted(request: u64) -> ReportBody {
    ReportBody::OrderAccepted {
        order: OrderId::new(100 + request),
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        price: Price::from_ticks(10),
        qty: Qty::from_lots(1),
        options: OrderOptions::default(),
    }
}

pub fn cancelled(reason: CancelReason) -> ReportBody {
    ReportBody::OrderCancelled {
        order: OrderId::new(101),
        side: Side::Buy,
        price: Price::from_ticks(10),
        cancelled: Qty::from_lots(1),
        reason,
    }
}

pub fn buy() -> OrderAction {
    OrderAction::limit(MarketId::new(1), Side::Buy, TimeInForce::Gtc, Price::from_ticks(10), Qty::from_lots(1))
}
