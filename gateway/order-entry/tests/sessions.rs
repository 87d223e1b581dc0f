//! Sessions over their life: logon, replay, takeover, back-pressure, slowness, silence, loss of the lead, stop.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::net::TcpStream;
use std::sync::atomic::Ordering;

use common::*;
use tidegate_domain::*;
use tidegate_order_entry::{IoChoice, OrderEntry, OrderEntryConfig};
use tidegate_pipeline::Serving;
use tidegate_wire::*;

with_both!(
    a_logon_tells_the_marks_and_the_markets,
    a_request_before_the_end_of_the_replay_is_refused,
    a_key_can_log_on_as_soon_as_its_creation_is_answered,
    a_second_login_of_a_key_takes_the_session_over,
    a_reconnected_client_gets_every_missed_report_once_while_more_come,
    a_client_from_the_future_is_refused_with_both_numbers,
    a_full_inbox_holds_the_sockets_and_loses_nothing,
    requests_in_flight_are_capped_and_all_answered_in_order,
    a_slow_reader_is_disconnected_alone_and_can_resume,
    a_silent_client_is_disconnected_and_a_quiet_one_gets_heartbeats,
    orders_go_when_a_session_that_wants_it_ends,
    a_standby_names_the_primary_and_a_deposed_one_closes_its_sessions,
    a_stop_tells_everybody_where_to_resume,
    a_drained_server_takes_no_request_and_still_reports,
    a_new_market_state_reaches_the_sessions,
    many_requests_in_one_write_are_all_answered,
);

fn a_logon_tells_the_marks_and_the_markets(io: IoChoice) {
    let world = World::start(io);
    let trader = world.node.trader(1);
    world.logged_on(&trader).works(41);
    let mut client = world.connect();
    client.log_on(&trader, 0);
    match client.receive() {
        ServerMessage::LogonAccepted { request_mark, report_mark, epoch, heartbeat_ms, .. } => {
            assert_eq!((request_mark.raw(), report_mark.raw(), epoch, heartbeat_ms), (41, 1, EPOCH, 30_000));
        }
        other => panic!("{other:?}"),
    }
    match client.receive() {
        ServerMessage::MarketDefinition { market, definition, state } => {
            assert_eq!((market, state), (MARKET, MarketState::Open));
            assert_eq!(definition.name.as_str(), "BTC-USDT");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(client.receive(), ServerMessage::Report(report) if report.request.raw() == 41));
    assert_eq!(client.receive(), ServerMessage::ReplayDone { report_mark: SessionSequence::new(1) });
    // A server that starts later knows the same from the event log.
    let config = OrderEntryConfig::new("127.0.0.1:0".parse().unwrap(), CLUSTER, NODE);
    let later = OrderEntry::start(OrderEntryConfig { io, ..config }, ports(&world.node)).unwrap();
    let mut client = TestClient::connect(later.local_addr());
    client.log_on(&trader, 0);
    assert_eq!(client.until_replay_done().len(), 1);
    client.works(42);
}

fn a_request_before_the_end_of_the_replay_is_refused(io: IoChoice) {
    let world = World::start(io);
    let trader = world.node.trader(1);
    let mut client = world.connect();
    let mut bytes = encoded(&ClientMessage::Logon(client.logon(&trader, 0)));
    bytes.extend(encoded(&order(3, limit(Side::Buy, 1, 1))));
    client.send_bytes(&bytes);
    match client.receive() {
        ServerMessage::RequestRefused { request, reason, .. } => {
            assert_eq!((request.raw(), reason), (3, GatewayReject::ReplayNotDone));
        }
        other => panic!("{other:?}"),
    }
    client.until_replay_done();
    client.works(3);
}

fn a_second_login_of_a_key_takes_the_session_over(io: IoChoice) {
    let world = World::start(io);
    let (trader, bystander) = (world.node.trader(1), world.node.trader(2));
    let mut bystander = world.logged_on(&bystander);
    let mut old = world.logged_on(&trader);
    old.works(1);
    let mut new = world.logged_on(&trader);
    let (reason, resume_after, _) = old.goodbye();
    assert_eq!((reason, resume_after), (LogoutReason::TakenOver, 1));
    new.works(2);
    bystander.works(1);
    assert_eq!(world.stats.taken_over_total.load(Ordering::SeqCst), 1);
    drop(old);
    // The end of the old connection does not end the new session.
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == 2);
    new.works(3);
}

fn a_reconnected_client_gets_every_missed_report_once_while_more_come(io: IoChoice) {
    let world = World::start(io);
    let (maker, taker) = (world.node.trader(1), world.node.trader(2));
    let mut client = world.logged_on(&maker);
    let orders = 3_000;
    let mut bytes = Vec::new();
    for request in 1..=orders {
        bytes.extend(encoded(&order(request, limit(Side::Sell, 100, 1))));
    }
    let mut writer = client.stream.try_clone().unwrap();
    let sent = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &bytes).unwrap());
    for sequence in 1..=1_234 {
        assert_eq!(client.report().session_sequence.raw(), sequence);
    }
    sent.join().unwrap();
    wait_for_stat(&world.stats.requests_total, orders);
    drop(client);
    // Its orders trade while it is away and while it comes back.
    let mut taker = world.logged_on(&taker);
    let trades = std::thread::spawn(move || {
        for request in 1..=orders {
            taker.order(request, limit(Side::Buy, 100, 1));
            if request % 100 == 0 {
                while taker.report().request.raw() < request {}
            }
        }
        taker
    });
    let mut last = 1_234;
    for _ in 0..5 {
        let mut client = world.connect();
        client.log_on(&maker, last);
        for _ in 0..800 {
            match client.receive() {
                ServerMessage::Report(report) => {
                    assert_eq!(report.session_sequence.raw(), last + 1);
                    last += 1;
                }
                ServerMessage::LogonAccepted { report_mark, .. } => assert!(report_mark.raw() >= last),
                ServerMessage::MarketDefinition { .. } | ServerMessage::ReplayDone { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let taker = trades.join().unwrap();
    let mut client = world.connect();
    client.log_on(&maker, last);
    for report in client.until_replay_done() {
        assert_eq!(report.session_sequence.raw(), last + 1);
        last += 1;
    }
    while last < 2 * orders {
        assert_eq!(client.report().session_sequence.raw(), last + 1);
        last += 1;
    }
    client.works(orders + 1);
    drop(taker);
}

fn a_client_from_the_future_is_refused_with_both_numbers(io: IoChoice) {
    let world = World::start(io);
    let trader = world.node.trader(1);
    world.logged_on(&trader).works(1);
    let mut client = world.connect();
    client.log_on(&trader, 77);
    let (reason, _, detail) = client.goodbye();
    assert_eq!(reason, LogoutReason::ReplayFromFuture);
    assert!(detail.contains("77") && detail.contains("is 1"), "{detail}");
    world.logged_on(&trader).works(2);
}

fn a_full_inbox_holds_the_sockets_and_loses_nothing(io: IoChoice) {
    let world = World::with(io, 16, |_| {});
    let mut clients: Vec<_> = (1..=3).map(|seed| world.logged_on(&world.node.trader(seed))).collect();
    let mut late = world.connect();
    let latecomer = world.node.trader(4);
    world.node.hold(true);
    let orders = 500;
    for client in &mut clients {
        for request in 1..=orders {
            client.order(request, limit(Side::Buy, 1, 1));
        }
    }
    wait_for_stat(&world.stats.inbox_full_total, 3);
    assert_eq!(world.node.inbox.fill(), 16);
    // A logon waits its turn as well, and so does the end of a session.
    late.log_on(&latecomer, 0);
    wait_for_stat(&world.stats.inbox_full_total, 4);
    assert!(world.stats.requests_total.load(Ordering::SeqCst) <= 16 + 3);
    world.node.hold(false);
    for client in &mut clients {
        for request in 1..=orders {
            let report = client.report();
            assert_eq!((report.request.raw(), report.session_sequence.raw()), (request, request));
        }
    }
    late.until_replay_done();
    late.works(1);
    assert_eq!(world.stats.requests_total.load(Ordering::SeqCst), 3 * orders + 1);
}

fn requests_in_flight_are_capped_and_all_answered_in_order(io: IoChoice) {
    let world = World::with(io, 4_096, |config| config.in_flight_max = 4);
    let mut client = world.logged_on(&world.node.trader(1));
    world.node.hold(true);
    let before = world.stats.bytes_in_total.load(Ordering::SeqCst);
    let bytes: Vec<u8> = (1..=100).flat_map(|request| encoded(&order(request, limit(Side::Buy, 1, 1)))).collect();
    client.send_bytes(&bytes);
    wait_for_stat(&world.stats.requests_total, 4);
    assert!(world.stats.bytes_in_total.load(Ordering::SeqCst) > before);
    // A request is counted before it is handed over: for a moment the fourth was not in the inbox yet.
    wait_until(|| world.node.inbox.fill() >= 4);
    assert_eq!(world.node.inbox.fill(), 4);
    assert_eq!(world.stats.requests_total.load(Ordering::SeqCst), 4);
    world.node.hold(false);
    for request in 1..=100 {
        assert_eq!(client.report().request.raw(), request);
    }
    // Cancels count and are answered too, whatever kind of report answers them.
    client.order(101, OrderAction::Cancel { target: OrderTarget::Request(RequestNumber::new(1)) });
    client.order(102, OrderAction::Cancel { target: OrderTarget::Request(RequestNumber::new(1)) });
    client
        .order(103, OrderAction::Reduce { target: OrderTarget::Request(RequestNumber::new(2)), by: Qty::from_lots(1) });
    client.order(104, OrderAction::CancelAll(CancelFilter::default()));
    while !matches!(client.report().body, ReportBody::CancelAllDone { .. }) {}
    for request in 105..=120 {
        client.works(request);
    }
}

/// A connection whose receive buffer is as small as the kernel makes it.
fn small_window(world: &World) -> TestClient {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream: TcpStream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.connect(world.server.local_addr()).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    TestClient::over(stream)
}

fn a_slow_reader_is_disconnected_alone_and_can_resume(io: IoChoice) {
    let world = World::with(io, 4_096, |config| config.output_max_bytes = 64 * 1_024);
    let (slow, quick) = (world.node.trader(1), world.node.trader(2));
    let mut quick = world.logged_on(&quick);
    let mut client = small_window(&world);
    client.log_on(&slow, 0);
    client.until_replay_done();
    // Each of these is rejected: a report and nothing else. It reads none of them.
    let mut request = 0;
    let missing = MarketId::new(50);
    let deadline = std::time::Instant::now() + PATIENCE;
    while world.stats.slow_consumers_total.load(Ordering::SeqCst) == 0 {
        assert!(std::time::Instant::now() < deadline, "it was never found slow");
        let mut bytes = Vec::new();
        for _ in 0..64 {
            request += 1;
            bytes.extend(encoded(&order(request, OrderAction::CancelAll(CancelFilter::in_market(Some(missing))))));
        }
        // The server stops reading when it says goodbye, and may reset what comes after.
        if request < 200_000 && std::io::Write::write_all(&mut client.stream, &bytes).is_err() {
            break;
        }
        if request.is_multiple_of(6_400) {
            quick.works(request);
        }
    }
    wait_for_stat(&world.stats.slow_consumers_total, 1);
    assert_eq!(world.stats.slow_consumers_total.load(Ordering::SeqCst), 1);
    let (reason, _resume_after, detail) = {
        let mut seen = 0;
        loop {
            match client.receive() {
                ServerMessage::Report(report) => {
                    assert_eq!(report.session_sequence.raw(), seen + 1);
                    seen += 1;
                }
                ServerMessage::Logout { reason, resume_after, detail } => {
                    assert_eq!(resume_after.raw(), seen, "it names the last report that was sent");
                    break (reason, resume_after, detail);
                }
                ServerMessage::Heartbeat => {}
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(reason, LogoutReason::SlowConsumer);
    assert!(detail.contains("allowed: 65536"), "{detail}");
    quick.works(request + 1);
    // It comes back and goes on where it was.
    let mut client = world.connect();
    client.log_on(&slow, 0);
    let reports = client.until_replay_done();
    assert!(reports.iter().enumerate().all(|(at, report)| report.session_sequence.raw() == at as u64 + 1));
    client.works(request + 1);
}

fn a_silent_client_is_disconnected_and_a_quiet_one_gets_heartbeats(io: IoChoice) {
    let world = World::with(io, 64, |config| config.heartbeat_min_ms = 50);
    let (silent, quiet) = (world.node.trader(1), world.node.trader(2));
    let log_on = |trader: &Trader, heartbeat_ms| {
        let mut client = world.connect();
        let logon = Logon { heartbeat_ms, ..client.logon(trader, 0) };
        client.send(&ClientMessage::Logon(logon));
        client.until_replay_done();
        client
    };
    // One that may be silent for six seconds, so that a busy machine does not decide this test.
    let mut quiet = log_on(&quiet, 2_000);
    let mut silent = log_on(&silent, 50);
    let (reason, _, detail) = silent.goodbye();
    assert_eq!(reason, LogoutReason::HeartbeatMissed, "{detail}");
    assert_eq!(quiet.receive(), ServerMessage::Heartbeat);
    quiet.send(&ClientMessage::Heartbeat);
    quiet.works(1);
}

fn a_key_can_log_on_as_soon_as_its_creation_is_answered(io: IoChoice) {
    let world = World::start(io);
    for seed in 1..=40 {
        let trader = world.node.trader(seed);
        world.logged_on(&trader).works(1);
    }
}

fn orders_go_when_a_session_that_wants_it_ends(io: IoChoice) {
    let world = World::start(io);
    let trader = world.node.trader(1);
    let mut client = world.connect();
    let logon = Logon { cancel_on_disconnect: true, grace_ms: 0, ..client.logon(&trader, 0) };
    client.send(&ClientMessage::Logon(logon));
    client.until_replay_done();
    client.works(1);
    let mut cursor = world.node.log.cursor_at_end().unwrap();
    drop(client);
    world.node.wait_for(&mut cursor, |_, event| {
        matches!(event, Event::OrderCancelled { reason: CancelReason::Disconnected, .. })
    });
    let mut client = world.connect();
    client.log_on(&trader, 1);
    let reports = client.until_replay_done();
    assert_eq!(reports.len(), 1);
    assert!(matches!(reports[0].body, ReportBody::OrderCancelled { reason: CancelReason::Disconnected, .. }));
}

fn a_standby_names_the_primary_and_a_deposed_one_closes_its_sessions(io: IoChoice) {
    let world = World::start(io);
    let trader = world.node.trader(1);
    let mut session = world.logged_on(&trader);
    session.works(1);
    let (epoch, primary) = (Epoch::new(4), "10.1.2.3:7000".parse().unwrap());
    world.node.serving.set(Serving::Standby { epoch, primary: Some(primary) });
    let expected = ServerMessage::NotPrimary { epoch, address: "10.1.2.3:7000".to_owned() };
    assert_eq!(session.receive(), expected);
    assert_eq!(session.try_receive(), None);
    let mut newcomer = world.connect();
    newcomer.log_on(&trader, 0);
    assert_eq!(newcomer.receive(), expected);
    assert_eq!(newcomer.try_receive(), None);
    world.node.serving.set(Serving::Not);
    let mut newcomer = world.connect();
    newcomer.log_on(&trader, 0);
    let expected = ServerMessage::NotPrimary { epoch: Epoch::default(), address: String::new() };
    assert_eq!(newcomer.receive(), expected);
    world.node.serving.set(Serving::Primary { epoch: EPOCH });
    world.logged_on(&trader).works(2);
}

fn a_stop_tells_everybody_where_to_resume(io: IoChoice) {
    let world = World::start(io);
    let mut one = world.logged_on(&world.node.trader(1));
    let mut two = world.logged_on(&world.node.trader(2));
    one.works(1);
    one.works(2);
    let mut stranger = world.connect();
    let readers = std::thread::spawn(move || (one.goodbye(), two.goodbye(), stranger.goodbye()));
    world.server.stop();
    let (one, two, stranger) = readers.join().unwrap();
    assert_eq!((one.0, one.1), (LogoutReason::NodeStopping, 2));
    assert_eq!((two.0, two.1), (LogoutReason::NodeStopping, 0));
    assert_eq!(stranger.0, LogoutReason::NodeStopping);
    assert_eq!(world.stats.connections.load(Ordering::SeqCst), 0);
}

fn a_drained_server_takes_no_request_and_still_reports(io: IoChoice) {
    let world = World::start(io);
    let (maker, taker) = (world.node.trader(1), world.node.trader(2));
    let mut maker = world.logged_on(&maker);
    let mut taker = world.logged_on(&taker);
    world.node.hold(true);
    maker.order(1, limit(Side::Sell, 10, 1));
    taker.order(1, limit(Side::Buy, 10, 1));
    wait_for_stat(&world.stats.requests_total, 2);
    world.server.stop_reading();
    world.node.hold(false);
    assert!(matches!(maker.report().body, ReportBody::OrderAccepted { .. }));
    maker.order(2, limit(Side::Sell, 10, 1));
    let (reason, _, _) = {
        let reader = std::thread::spawn(move || maker.goodbye());
        wait_until(|| world.node.inbox.fill() == 0);
        world.server.stop();
        reader.join().unwrap()
    };
    assert_eq!(reason, LogoutReason::NodeStopping);
    assert_eq!(world.stats.requests_total.load(Ordering::SeqCst), 2);
    drop(taker);
}

fn a_new_market_state_reaches_the_sessions(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&world.node.trader(1));
    let market = Name::new("BTC-USDT").unwrap();
    world.node.admin(AccountId::default(), Command::SetMarketState { market, state: MarketState::Halted });
    match client.receive() {
        ServerMessage::MarketDefinition { state, .. } => assert_eq!(state, MarketState::Halted),
        other => panic!("{other:?}"),
    }
}

fn many_requests_in_one_write_are_all_answered(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&world.node.trader(1));
    let orders = 20_000;
    let mut writer = client.stream.try_clone().unwrap();
    let sent = std::thread::spawn(move || {
        let missing = MarketId::new(50);
        let bytes: Vec<u8> = (1..=orders)
            .flat_map(|request| {
                encoded(&order(request, OrderAction::CancelAll(CancelFilter::in_market(Some(missing)))))
            })
            .collect();
        std::io::Write::write_all(&mut writer, &bytes).unwrap();
    });
    for request in 1..=orders {
        assert_eq!(client.report().request.raw(), request);
    }
    sent.join().unwrap();
}
