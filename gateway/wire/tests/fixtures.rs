//! The fixtures are what the code does. A published layout never changes, so a difference here is a broken client, not a
//! stale file: only additions are right.
#![allow(clippy::unwrap_used)]

mod feed_samples;

use std::fmt::Write as _;
use std::path::PathBuf;

use tidegate_domain::{
    AccountId, AssetAmount, AssetId, CancelFilter, CancelReason, ClusterId, CommandKind, Epoch, FeeRate, KeyId,
    Liquidity, MarketDefinition, MarketId, MarketState, Name, Nanos, NewOrder, NodeId, OnDisconnect, OrderId,
    OrderOptions, OrderStatus, OrderTarget, OrderType, Price, Qty, Quote, QuoteMode, QuoteSide, QuoteTerms, Reject,
    RequestNumber, SelfTrade, Sequence, SessionId, SessionSequence, Side, TimeInForce, Timestamp,
};
use tidegate_wire::{
    ClientMessage, FillReport, GapFillReason, GatewayReject, GatewayStamps, Logon, LogoutReason, OrderAction,
    OrderRequest, Position, RefusedField, Report, ReportBody, ServerMessage, SessionMode, decode_client, decode_server,
    encode_client, encode_server, layout_tables, logon_bytes,
};

fn order(request: u64, action: OrderAction) -> ClientMessage {
    ClientMessage::Order(OrderRequest { request: RequestNumber::new(request), action })
}

fn client_samples() -> Vec<(&'static str, ClientMessage)> {
    let logon = Logon {
        key: KeyId::new(0x0102_0304),
        mode: SessionMode::DropCopy,
        replay_max: 1_000,
        resume_after: Position { sequence: Sequence::new(0x7172), index: 3 },
        last_session_sequence: SessionSequence::new(0x1112_1314_1516_1718),
        heartbeat_ms: 5_000,
        grace_ms: 30_000,
        cancel_on_disconnect: true,
        signature: std::array::from_fn(|i| i as u8),
    };
    let new = NewOrder {
        market: MarketId::new(3),
        side: Side::Sell,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Fok,
        post_only: true,
        price: Price::from_ticks(-2),
        qty: Qty::from_lots(0x2122_2324_2526_2728),
        options: OrderOptions::default(),
    };
    let full = NewOrder { options: options(), ..new };
    let (price, by) = (Price::from_ticks(99), Qty::from_lots(4));
    let filter = CancelFilter {
        market: Some(MarketId::new(9)),
        side: Some(Side::Buy),
        group: 7,
        price_low: Price::from_ticks(10),
        price_high: Price::from_ticks(20),
    };
    let side = |price, qty| QuoteSide { price: Price::from_ticks(price), qty: Qty::from_lots(qty) };
    let quotes = vec![
        Quote { market: MarketId::new(1), bid: side(100, 5), ask: side(102, 6) },
        Quote { market: MarketId::new(2), bid: side(0, 0), ask: side(70, 8) },
    ];
    let terms = QuoteTerms { group: 4, mode: QuoteMode::PostOnly, self_trade: SelfTrade::CancelBoth };
    let qty_max = Qty::from_lots(500);
    vec![
        ("Logon", ClientMessage::Logon(logon)),
        ("Heartbeat", ClientMessage::Heartbeat),
        ("ClientLogout", ClientMessage::Logout),
        ("TestRequest", ClientMessage::TestRequest { id: 0x0807_0605_0403_0201 }),
        ("TestReply", ClientMessage::TestReply { id: 12 }),
        ("NewOrder", order(1, OrderAction::New(new))),
        ("CancelOrder", order(2, OrderAction::Cancel { target: OrderTarget::Order(OrderId::new(77)) })),
        ("ReduceOrder", order(3, OrderAction::Reduce { target: OrderTarget::Request(RequestNumber::new(1)), by })),
        ("CancelAll", order(4, OrderAction::CancelAll(filter))),
        ("NewOrderFull", order(5, OrderAction::New(full))),
        (
            "ReplaceOrder",
            order(6, OrderAction::Replace { target: OrderTarget::Order(OrderId::new(77)), price, qty: by }),
        ),
        (
            "SetProtection",
            order(7, OrderAction::SetProtection { group: 3, window: Nanos::from_millis(100), qty_max, count_max: 4 }),
        ),
        ("ResetProtection", order(8, OrderAction::ResetProtection { group: 3 })),
        ("SetKillSwitch", order(9, OrderAction::SetKillSwitch { engaged: true })),
        ("MassQuote", order(10, OrderAction::MassQuote { terms, quotes })),
        ("CancelAllAfter", order(11, OrderAction::CancelAllAfter { timeout: Nanos::from_millis(5_000) })),
        ("QueryOrder", order(12, OrderAction::QueryOrder { target: OrderTarget::Request(RequestNumber::new(1)) })),
        ("QueryOrders", order(13, OrderAction::QueryOrders { market: Some(MarketId::new(2)) })),
        ("QueryBalances", order(14, OrderAction::QueryBalances { asset: None })),
    ]
}

fn options() -> OrderOptions {
    OrderOptions {
        reprice: true,
        self_trade: SelfTrade::CancelOldest,
        group: 9,
        trigger: Price::from_ticks(0x3132),
        display: Qty::from_lots(0x4142),
        budget: AssetAmount::from_units(1 << 80 | 0x5152),
        expires: Timestamp::from_nanos(1_800_000_000_000_000_000),
        on_disconnect: OnDisconnect::Stay,
    }
}

fn session_samples() -> Vec<(&'static str, ServerMessage)> {
    let definition = MarketDefinition {
        name: Name::new("BTC-USDT").unwrap(),
        base: AssetId::new(1),
        quote: AssetId::new(2),
        base_units_per_lot: 1_000,
        quote_units_per_tick_lot: 10,
        maker_fee: FeeRate::from_ppm(100),
        taker_fee: FeeRate::from_ppm(200),
        qty_max: Qty::from_lots(1_000_000),
        price_max: Price::from_ticks(10_000_000),
    };
    let (epoch, mark) = (Epoch::new(6), SessionSequence::new(50));
    let (nonce, cluster) =
        (std::array::from_fn(|i| 0xff - i as u8), ClusterId::new(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100));
    vec![
        ("Challenge", ServerMessage::Challenge { nonce, cluster, node: NodeId::new(2), epoch }),
        ("NotPrimary", ServerMessage::NotPrimary { epoch, address: "10.0.0.2:7001".to_owned() }),
        (
            "LogonAccepted",
            ServerMessage::LogonAccepted {
                session: SessionId::new(0xaabb_ccdd),
                request_mark: RequestNumber::new(41),
                report_mark: mark,
                epoch,
                heartbeat_ms: 5_000,
                tokens_per_s: 10_000,
                tokens_max: 20_000,
            },
        ),
        ("ReplayDone", ServerMessage::ReplayDone { report_mark: mark }),
        (
            "MarketDefinition",
            ServerMessage::MarketDefinition { market: MarketId::new(1), definition, state: MarketState::Halted },
        ),
        (
            "Logout",
            ServerMessage::Logout {
                reason: LogoutReason::SlowConsumer,
                resume_after: mark,
                detail: "too slow".to_owned(),
            },
        ),
        (
            "RequestRefused",
            ServerMessage::RequestRefused {
                request: RequestNumber::new(8),
                reason: GatewayReject::Malformed,
                field: RefusedField::Side,
                value: 7,
                limit: 0,
            },
        ),
        (
            "GapFill",
            ServerMessage::GapFill { first: SessionSequence::new(11), last: mark, reason: GapFillReason::NotRequested },
        ),
        (
            "Maintenance",
            ServerMessage::Maintenance {
                at: Timestamp::from_nanos(1_700_000_000_000_000_000),
                detail: "upgrade".to_owned(),
            },
        ),
        ("DropCopyPosition", ServerMessage::DropCopyPosition(Position { sequence: Sequence::new(1_234), index: 2 })),
    ]
}

fn report_samples() -> Vec<(&'static str, ServerMessage)> {
    let (order, side) = (OrderId::new(1_001), Side::Buy);
    let (price, qty, leaves) = (Price::from_ticks(500), Qty::from_lots(20), Qty::from_lots(13));
    let bodies = [
        (
            "OrderAccepted",
            ReportBody::OrderAccepted {
                order,
                side,
                order_type: OrderType::Market,
                time_in_force: TimeInForce::Ioc,
                post_only: false,
                price,
                qty,
                options: OrderOptions::default(),
            },
        ),
        (
            "Fill",
            ReportBody::Fill(FillReport {
                order,
                counter_order: OrderId::new(900),
                side,
                liquidity: Liquidity::Taker,
                price,
                qty,
                leaves,
                fee: AssetAmount::from_units(1 << 70 | 5),
                is_rebate: false,
            }),
        ),
        (
            "OrderCancelled",
            ReportBody::OrderCancelled { order, side, price, cancelled: qty, reason: CancelReason::CancelAll },
        ),
        ("OrderReduced", ReportBody::OrderReduced { order, side, price, by: qty, leaves }),
        ("CancelAllDone", ReportBody::CancelAllDone { cancelled: 12 }),
        ("Rejected", ReportBody::Rejected { reason: Reject::InsufficientFunds, command: CommandKind::NewOrder }),
        (
            "Outcome",
            ReportBody::Outcome {
                original: Sequence::new(1_001),
                order: Some(order),
                reject: None,
                command: CommandKind::NewOrder,
            },
        ),
        (
            "OrderReplaced",
            ReportBody::OrderReplaced { order, side, price, leaves: qty, displayed: leaves, kept_place: true },
        ),
        ("OrderTriggered", ReportBody::OrderTriggered { order, side, price, leaves }),
        ("OrderRefreshed", ReportBody::OrderRefreshed { order, side, price, displayed: leaves }),
        (
            "ProtectionSet",
            ReportBody::ProtectionSet { group: 3, window: Nanos::from_millis(100), qty_max: qty, count_max: 4 },
        ),
        ("ProtectionReset", ReportBody::ProtectionReset { group: 3 }),
        ("ProtectionTriggered", ReportBody::ProtectionTriggered { group: 3 }),
        ("QuoteRejected", ReportBody::QuoteRejected { quote: 7, side, reason: Reject::QuoteCrossed }),
        ("MassQuoteDone", ReportBody::MassQuoteDone { accepted: 20, withdrawn: 3, rejected: 2 }),
        (
            "OrderAcceptedFull",
            ReportBody::OrderAccepted {
                order,
                side,
                order_type: OrderType::StopLimit,
                time_in_force: TimeInForce::Gtd,
                post_only: false,
                price,
                qty,
                options: options(),
            },
        ),
        (
            "OrderStatus",
            ReportBody::OrderStatus(OrderStatus {
                order,
                key: KeyId::new(8),
                request: RequestNumber::new(40),
                side,
                order_type: OrderType::Limit,
                time_in_force: TimeInForce::Gtd,
                post_only: true,
                reprice: true,
                is_quote: false,
                price,
                leaves,
                filled: qty,
                displayed: Qty::from_lots(3),
                trigger: Price::from_ticks(0),
                expires: Timestamp::from_nanos(1_800_000_000_000_000_000),
                self_trade: SelfTrade::Decrement,
                group: 9,
                on_disconnect: OnDisconnect::Cancel,
            }),
        ),
        (
            "BalanceStatus",
            ReportBody::BalanceStatus {
                asset: AssetId::new(2),
                available: AssetAmount::from_units(1 << 70 | 1),
                held: AssetAmount::from_units(2),
                pending: AssetAmount::from_units(3),
            },
        ),
        ("QueryDone", ReportBody::QueryDone { count: 2 }),
        (
            "CancelAllAfterSet",
            ReportBody::CancelAllAfterSet { deadline: Timestamp::from_nanos(1_700_000_005_000_000_000) },
        ),
        ("CancelAllAfterFired", ReportBody::CancelAllAfterFired { cancelled: 6 }),
    ];
    let report = |body| Report {
        session_sequence: SessionSequence::new(51),
        request: RequestNumber::new(42),
        sequence: Sequence::new(1_234),
        index: 1,
        epoch: Epoch::new(6),
        time: Timestamp::from_nanos(1_700_000_000_123_456_789),
        account: AccountId::new(5),
        market: MarketId::new(1),
        key: KeyId::new(4),
        degraded: true,
        last: false,
        stamps: GatewayStamps {
            received: Timestamp::from_nanos(1_700_000_000_123_450_000),
            sent: Timestamp::from_nanos(1_700_000_000_123_480_000),
            tokens: 9_999,
        },
        body,
    };
    bodies.into_iter().map(|(name, body)| (name, ServerMessage::Report(report(body)))).collect()
}

#[test]
fn every_message_has_the_bytes_of_its_fixture() {
    let fixtures = include_str!("fixtures/messages_v1.hex");
    let mut made = String::new();
    for (name, message) in client_samples() {
        let mut bytes = Vec::new();
        encode_client(&message, &mut bytes);
        assert_eq!(decode_client(&bytes), Ok(message));
        writeln!(made, "{name} {}", hex::encode(bytes)).unwrap();
    }
    for (name, message) in session_samples().into_iter().chain(report_samples()) {
        let mut bytes = Vec::new();
        encode_server(&message, &mut bytes);
        assert_eq!(decode_server(&bytes), Ok(message));
        writeln!(made, "{name} {}", hex::encode(bytes)).unwrap();
    }
    for (name, bytes) in feed_samples::all() {
        writeln!(made, "{name} {}", hex::encode(bytes)).unwrap();
    }
    let names: Vec<_> = made.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, layout_tables().iter().map(|table| table.name).collect::<Vec<_>>(), "every message has a sample");
    if std::env::var_os("UPDATE_PROTOCOL").is_some() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/messages_v1.hex");
        return std::fs::write(path, made).unwrap();
    }
    for (made, fixture) in made.lines().zip(fixtures.lines()) {
        assert_eq!(made, fixture);
    }
    assert_eq!(made.lines().count(), fixtures.lines().count(), "all of it:\n{made}");
}

#[test]
fn the_bytes_to_sign_are_as_documented() {
    let nonce = [0xee; 32];
    let bytes = logon_bytes(ClusterId::new(0x0201), NodeId::new(3), &nonce, KeyId::new(4));
    let expected = [&b"tidegate-logon-v1"[..], &[1, 2], &[0; 14], &[3, 0, 0, 0], &nonce, &[4, 0, 0, 0]].concat();
    assert_eq!(bytes, expected);
}
