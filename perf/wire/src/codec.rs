//! What decoding a request and encoding a report cost, without sockets.
//!
//! Invariants: the messages differ from each other, and a checksum of everything decoded and encoded is told, so that
//! nothing can be left out.
//! Owning thread: the caller's.

use std::time::Instant;

use serde::Serialize;
use tidegate_domain::{
    AccountId, Epoch, KeyId, MarketId, OrderId, OrderOptions, OrderTarget, OrderType, Price, Qty, RequestNumber,
    Sequence, SessionSequence, Side, TimeInForce, Timestamp,
};
use tidegate_wire::{
    ClientMessage, GatewayStamps, OrderAction, OrderRequest, Report, ReportBody, ServerMessage, encode_client,
    encode_server, split_frame,
};

/// Different messages that are gone through again and again.
const MESSAGES: u64 = 256;

/// What one message costs.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CodecFigures {
    /// Decoding one request, half of them new orders and half cancellations.
    pub decode_ns: f64,
    /// Encoding the report that answers it.
    pub encode_ns: f64,
    /// Requests per figure.
    pub messages: u64,
    /// Of everything that came out.
    pub checksum: u64,
    /// Length of a new order on the wire.
    pub request_len_bytes: usize,
    /// Length of its answer.
    pub report_len_bytes: usize,
}

fn request(number: u64) -> ClientMessage {
    let action = if number % 2 == 1 {
        OrderAction::limit(
            MarketId::new(1),
            Side::Buy,
            TimeInForce::Gtc,
            Price::from_ticks(number as i64),
            Qty::from_lots(number),
        )
    } else {
        OrderAction::Cancel { target: OrderTarget::Request(RequestNumber::new(number - 1)) }
    };
    ClientMessage::Order(OrderRequest { request: RequestNumber::new(number), action })
}

fn report(number: u64) -> ServerMessage {
    ServerMessage::Report(Report {
        session_sequence: SessionSequence::new(number),
        request: RequestNumber::new(number),
        sequence: Sequence::new(number),
        index: 0,
        epoch: Epoch::new(1),
        time: Timestamp::from_nanos(number),
        account: AccountId::new(1),
        market: MarketId::new(1),
        key: KeyId::new(1),
        degraded: false,
        last: true,
        stamps: GatewayStamps::default(),
        body: ReportBody::OrderAccepted {
            order: OrderId::new(number),
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            price: Price::from_ticks(number as i64),
            qty: Qty::from_lots(number),
            options: OrderOptions::default(),
        },
    })
}

fn encoded(message: &ClientMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_client(message, &mut bytes);
    bytes
}

/// Length of a new order and of its answer on the wire.
#[must_use]
pub fn lengths() -> (usize, usize) {
    let mut answer = Vec::new();
    encode_server(&report(1), &mut answer);
    (encoded(&request(1)).len(), answer.len())
}

/// Goes through `messages` of each; the better of three times counts.
///
/// # Panics
/// When the codec does not take its own bytes.
#[must_use]
pub fn measure(messages: u64) -> CodecFigures {
    let requests: Vec<u8> = (1..=MESSAGES).flat_map(|number| encoded(&request(number))).collect();
    let reports: Vec<ServerMessage> = (1..=MESSAGES).map(report).collect();
    let rounds = messages.div_ceil(MESSAGES);
    let (mut decode_ns, mut encode_ns, mut checksum) = (f64::MAX, f64::MAX, 0_u64);
    for _ in 0..3 {
        let start = Instant::now();
        for _ in 0..rounds {
            let mut rest = std::hint::black_box(&requests[..]);
            while let Some(frame) = split_frame(rest).expect("these are frames") {
                rest = &rest[frame.bytes().len()..];
                let ClientMessage::Order(order) = frame.client_message().expect("these are requests") else {
                    panic!("these are orders");
                };
                checksum = checksum.wrapping_mul(31).wrapping_add(order.request.raw());
                std::hint::black_box(&order.action);
            }
        }
        decode_ns = decode_ns.min(start.elapsed().as_nanos() as f64 / (rounds * MESSAGES) as f64);
        let mut out = Vec::with_capacity(1 << 16);
        let start = Instant::now();
        for _ in 0..rounds {
            out.clear();
            for report in std::hint::black_box(&reports[..]) {
                encode_server(report, &mut out);
            }
            checksum = checksum.wrapping_mul(31).wrapping_add(out.len() as u64);
            std::hint::black_box(&out);
        }
        encode_ns = encode_ns.min(start.elapsed().as_nanos() as f64 / (rounds * MESSAGES) as f64);
    }
    let (request_len_bytes, report_len_bytes) = lengths();
    CodecFigures { decode_ns, encode_ns, messages: rounds * MESSAGES, checksum, request_len_bytes, report_len_bytes }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_same_messages_give_the_same_checksum() {
        let (one, two) = (super::measure(1_000), super::measure(1_000));
        assert_eq!((one.messages, one.checksum), (1_024, two.checksum));
        assert!(one.decode_ns > 0.0 && one.encode_ns > 0.0);
    }
}
