//! Whatever a client sends wrong gets its own reason, and nobody else notices.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::*;
use tidegate_domain::*;
use tidegate_order_entry::IoChoice;
use tidegate_wire::*;

with_both!(
    a_malformed_frame_ends_its_connection_and_names_the_field,
    a_malformed_frame_before_the_logon_ends_its_connection,
    a_malformed_request_is_refused_by_field_and_the_session_goes_on,
    a_wrong_signature_and_an_unknown_key_are_told_apart,
    a_signature_over_another_challenge_is_wrong,
    a_heartbeat_interval_out_of_range_is_refused_with_the_range,
    anything_but_a_logon_is_refused_first,
    a_second_logon_on_one_connection_is_refused,
    a_connection_without_logon_is_closed_in_time,
    a_replayed_request_gets_its_first_outcome_and_another_payload_its_own_reject,
    a_client_that_vanishes_within_a_frame_changes_nothing_else,
    connections_over_the_limit_are_told_so,
    the_oldest_connection_without_a_logon_makes_room_for_a_newer_one,
    a_business_reject_is_an_ordinary_report,
);

/// A good frame with some bytes changed.
fn spoiled(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = encoded(&order(9, limit(Side::Buy, 1, 1)));
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}

fn malformed_frames() -> Vec<(Vec<u8>, &'static str)> {
    vec![
        (spoiled(0, &15_u32.to_le_bytes()), "length is 15, allowed: 16 to 1024"),
        (spoiled(0, &1_025_u32.to_le_bytes()), "length is 1025, allowed: 16 to 1024"),
        (spoiled(0, &u32::MAX.to_le_bytes()), "length is 4294967295"),
        (spoiled(4, &2_u16.to_le_bytes()), "protocol version is 2, allowed: 1"),
        (spoiled(6, &1_u16.to_le_bytes()), "flags is 1, allowed: 0"),
        (spoiled(8, &1_u16.to_le_bytes()), "block length is 1"),
        (spoiled(12, &9_u16.to_le_bytes()), "schema id is 9, allowed: 1"),
        (spoiled(14, &0_u16.to_le_bytes()), "schema version is 0"),
        (b"GET / HTTP/1.1\r\nHost: exchange\r\n\r\n".to_vec(), "length is 542393671"),
    ]
}

fn a_malformed_frame_ends_its_connection_and_names_the_field(io: IoChoice) {
    let world = World::start(io);
    let mut other = world.logged_on(&world.node.trader(1));
    let trader = world.node.trader(2);
    for (round, (bytes, expected)) in malformed_frames().into_iter().enumerate() {
        let mut client = world.logged_on(&trader);
        client.send_bytes(&bytes);
        let (reason, _, detail) = client.goodbye();
        assert_eq!(reason, LogoutReason::MalformedFrame);
        assert!(detail.contains(expected), "{detail:?} should contain {expected:?}");
        assert_eq!(world.stats.malformed_total.load(Ordering::SeqCst), round as u64 + 1);
        other.works(round as u64 + 1);
    }
}

fn a_malformed_frame_before_the_logon_ends_its_connection(io: IoChoice) {
    let world = World::start(io);
    for (bytes, expected) in malformed_frames() {
        let mut client = world.connect();
        client.send_bytes(&bytes);
        let (reason, _, detail) = client.goodbye();
        assert_eq!(reason, LogoutReason::MalformedFrame);
        assert!(detail.contains(expected), "{detail:?} should contain {expected:?}");
    }
}

fn a_malformed_request_is_refused_by_field_and_the_session_goes_on(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&world.node.trader(1));
    // The side's place, found by comparing a buy with a sell.
    let (buy, sell) = (encoded(&order(9, limit(Side::Buy, 1, 1))), encoded(&order(9, limit(Side::Sell, 1, 1))));
    let at = (0..buy.len()).find(|at| buy[*at] != sell[*at]).unwrap();
    client.send_bytes(&spoiled(at, &[77]));
    match client.receive() {
        ServerMessage::RequestRefused { request, reason, field, value, .. } => {
            assert_eq!(request.raw(), 9);
            assert_eq!((reason, field, value), (GatewayReject::Malformed, RefusedField::Side, 77));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.stats.refused_total.load(Ordering::SeqCst), 1);
    client.works(9); // its number was not used up
}

fn a_wrong_signature_and_an_unknown_key_are_told_apart(io: IoChoice) {
    let world = World::start(io);
    let (one, two) = (world.node.trader(1), world.node.trader(2));
    let mut client = world.connect();
    client.log_on(&Trader { signing: two.signing, ..one.clone() }, 0);
    assert_eq!(client.goodbye().0, LogoutReason::BadSignature);
    let mut client = world.connect();
    client.log_on(&Trader { key: KeyId::new(60), ..one.clone() }, 0);
    let (reason, _, detail) = client.goodbye();
    assert_eq!(reason, LogoutReason::UnknownKey);
    assert!(detail.contains("60"), "{detail}");
    assert_eq!(world.stats.logons_refused_total.load(Ordering::SeqCst), 2);
    world.logged_on(&one).works(1);
}

fn a_signature_over_another_challenge_is_wrong(io: IoChoice) {
    let world = World::start(io);
    let trader = world.node.trader(1);
    let recorded = world.connect().logon(&trader, 0);
    let mut client = world.connect();
    client.send(&ClientMessage::Logon(recorded));
    assert_eq!(client.goodbye().0, LogoutReason::BadSignature);
}

fn a_heartbeat_interval_out_of_range_is_refused_with_the_range(io: IoChoice) {
    let world = World::start(io);
    let trader = world.node.trader(1);
    for heartbeat_ms in [0, 99, 60_001, u32::MAX] {
        let mut client = world.connect();
        let logon = Logon { heartbeat_ms, ..client.logon(&trader, 0) };
        client.send(&ClientMessage::Logon(logon));
        let (reason, _, detail) = client.goodbye();
        assert_eq!(reason, LogoutReason::HeartbeatOutOfRange);
        assert_eq!(detail, format!("heartbeat_ms is {heartbeat_ms}, allowed: 100 to 60000"));
    }
}

fn anything_but_a_logon_is_refused_first(io: IoChoice) {
    let world = World::start(io);
    for message in [ClientMessage::Heartbeat, ClientMessage::Logout, order(1, limit(Side::Buy, 1, 1))] {
        let mut client = world.connect();
        client.send(&message);
        assert_eq!(client.goodbye().0, LogoutReason::LogonExpected);
    }
}

fn a_second_logon_on_one_connection_is_refused(io: IoChoice) {
    let world = World::start(io);
    let trader = world.node.trader(1);
    let mut client = world.logged_on(&trader);
    client.log_on(&trader, 0);
    assert_eq!(client.goodbye().0, LogoutReason::UnexpectedMessage);
}

fn a_connection_without_logon_is_closed_in_time(io: IoChoice) {
    let world = World::with(io, 64, |config| config.logon_timeout = Duration::from_millis(50));
    let mut silent = world.connect();
    let (reason, _, detail) = silent.goodbye();
    assert_eq!(reason, LogoutReason::LogonTimeout);
    assert!(detail.contains("50 ms"), "{detail}");
    // Half a logon is no logon.
    let mut slow = world.connect();
    let logon = encoded(&ClientMessage::Logon(slow.logon(&world.node.trader(1), 0)));
    slow.send_bytes(&logon[..logon.len() / 2]);
    assert_eq!(slow.goodbye().0, LogoutReason::LogonTimeout);
}

fn a_replayed_request_gets_its_first_outcome_and_another_payload_its_own_reject(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&world.node.trader(1));
    client.order(5, limit(Side::Buy, 10, 3));
    let ReportBody::OrderAccepted { order: created, .. } = client.report().body else { panic!("not accepted") };
    client.order(5, limit(Side::Buy, 10, 3));
    match client.report().body {
        ReportBody::Outcome { order, reject, .. } => assert_eq!((order, reject), (Some(created), None)),
        other => panic!("{other:?}"),
    }
    client.order(5, limit(Side::Buy, 10, 4));
    match client.report().body {
        ReportBody::Rejected { reason, .. } => assert_eq!(reason, Reject::RequestNumberReused),
        other => panic!("{other:?}"),
    }
    client.works(6);
}

fn a_client_that_vanishes_within_a_frame_changes_nothing_else(io: IoChoice) {
    let world = World::start(io);
    let mut other = world.logged_on(&world.node.trader(1));
    let trader = world.node.trader(2);
    let frame = encoded(&order(7, limit(Side::Buy, 2, 2)));
    let mut cursor = world.node.log.cursor_at_end().unwrap();
    for (round, cut) in [1, 4, 15, 16, 17, frame.len() - 1].into_iter().enumerate() {
        let mut client = world.logged_on(&trader);
        client.send_bytes(&frame[..cut]);
        client.stream.shutdown(Shutdown::Both).unwrap();
        drop(client);
        let (_, event) = world.node.wait_for(&mut cursor, |_, event| matches!(event, Event::SessionClosed { .. }));
        assert!(matches!(event, Event::SessionClosed { reason: SessionCloseReason::Disconnected, .. }), "{event:?}");
        other.works(round as u64 + 1);
    }
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == 1);
    assert_eq!(world.stats.sessions.load(Ordering::SeqCst), 1);
    let mut back = world.connect();
    back.log_on(&trader, 0);
    assert_eq!(back.until_replay_done(), [], "none of its half requests was executed");
}

fn connections_over_the_limit_are_told_so(io: IoChoice) {
    let world = World::with(io, 64, |config| config.sessions_max = 2);
    let mut first = world.logged_on(&world.node.trader(1));
    let mut second = world.logged_on(&world.node.trader(2));
    let (reason, _, detail) = world.connect().goodbye();
    assert_eq!(reason, LogoutReason::TooManyConnections);
    assert!(detail.contains("try again later"), "{detail}");
    second.works(1);
    drop(second);
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == 1);
    first.works(1);
    world.logged_on(&world.node.trader(3)).works(1);
}

/// Whoever had not logged on once kept the places for as long as a logon may take.
fn the_oldest_connection_without_a_logon_makes_room_for_a_newer_one(io: IoChoice) {
    const PLACES: usize = 4;
    let world = World::with(io, 64, |config| {
        config.sessions_max = PLACES;
        config.logon_timeout = Duration::from_secs(600);
    });
    let traders: Vec<_> = (1..=PLACES as u16).map(|seed| world.node.trader(seed)).collect();
    let silent: Vec<_> = (0..PLACES).map(|_| world.connect()).collect();
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == PLACES as u64);
    let mut sessions = Vec::new();
    for (trader, mut oldest) in traders.iter().zip(silent) {
        let mut session = world.logged_on(trader);
        session.works(1);
        let (reason, _, detail) = oldest.goodbye();
        assert_eq!(reason, LogoutReason::TooManyConnections);
        assert!(detail.contains("has not logged on"), "{detail}");
        sessions.push(session);
    }
    assert_eq!(world.connect().goodbye().0, LogoutReason::TooManyConnections, "no session makes room");
    for session in &mut sessions {
        session.works(2);
    }
}

fn a_business_reject_is_an_ordinary_report(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&world.node.trader(1));
    let wrong = |change: fn(&mut NewOrder)| {
        let mut new = NewOrder {
            market: MARKET,
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            price: Price::from_ticks(5),
            qty: Qty::from_lots(5),
            options: OrderOptions::default(),
        };
        change(&mut new);
        OrderAction::New(new)
    };
    let cases: [(OrderAction, Reject); 7] = [
        (wrong(|new| new.market = MarketId::new(99)), Reject::UnknownMarket),
        (wrong(|new| new.price = Price::from_ticks(0)), Reject::PriceNotPositive),
        (wrong(|new| new.price = Price::from_ticks(i64::MIN)), Reject::PriceNotPositive),
        (wrong(|new| new.price = Price::from_ticks(i64::MAX)), Reject::PriceTooHigh),
        (wrong(|new| new.qty = Qty::from_lots(u64::MAX)), Reject::QtyTooLarge),
        (wrong(|new| new.qty = Qty::ZERO), Reject::QtyZero),
        (limit(Side::Buy, 1_000_000, 1_000_000), Reject::InsufficientFunds),
    ];
    for (number, (action, expected)) in cases.into_iter().enumerate() {
        client.order(number as u64 + 1, action);
        match client.report().body {
            ReportBody::Rejected { reason, .. } => assert_eq!(reason, expected),
            other => panic!("{other:?} instead of {expected:?}"),
        }
    }
    client.works(8);
}
