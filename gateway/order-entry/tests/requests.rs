//! Every request over a real socket, through the real pipeline and engine, with io_uring and with epoll.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use tidegate_domain::*;
use tidegate_order_entry::{IoChoice, RateLimit, SecondLogon};
use tidegate_wire::*;

with_both!(
    every_option_of_an_order_comes_back_with_its_acceptance,
    an_order_is_replaced_and_queried_and_its_account_asked_for_balances,
    a_mass_quote_puts_replaces_and_withdraws_quotes,
    a_mass_quote_of_many_sessions_is_never_torn,
    too_many_quotes_are_a_reject_of_the_engine,
    a_filtered_cancel_takes_what_matches,
    protection_pulls_a_group_and_lets_it_trade_again,
    the_kill_switch_pulls_everything_and_refuses_new_orders,
    the_timer_of_a_key_cancels_its_orders_when_it_is_not_set_anew,
    a_flood_is_throttled_and_cancels_go_through,
    a_second_logon_is_refused_where_the_venue_says_so,
    a_client_without_state_passes_over_what_it_does_not_want,
    answers_to_queries_are_not_replayed,
    a_drop_copy_has_every_report_of_the_group_and_resumes_after_any,
    a_drop_copy_after_a_place_in_the_future_is_refused,
    a_key_has_so_many_drop_copies_and_no_more,
    a_key_that_loses_its_roles_loses_its_session,
    a_takeover_that_the_engine_refuses_leaves_the_older_session_alive,
    many_logons_of_one_key_at_once_leave_one_session_that_can_end,
    a_maintenance_is_told_to_those_who_are_there_and_to_those_who_come,
);

fn report_bodies(client: &mut TestClient, count: usize) -> Vec<ReportBody> {
    (0..count).map(|_| client.report().body).collect()
}

fn price(ticks: i64) -> Price {
    Price::from_ticks(ticks)
}

fn lots(lots: u64) -> Qty {
    Qty::from_lots(lots)
}

fn request(number: u64) -> OrderTarget {
    OrderTarget::Request(RequestNumber::new(number))
}

/// A trader whose key has all roles.
fn admin_trader(world: &World, seed: u16) -> Trader {
    let trader = world.node.trader(seed);
    let roles = Roles::READ.with(Roles::TRADE).with(Roles::ADMIN);
    let (_, event) = world.node.admin(trader.account, Command::SetKeyRoles { key: trader.key, roles });
    assert!(matches!(event, Event::KeyRolesSet { .. }), "{event:?}");
    trader
}

fn every_option_of_an_order_comes_back_with_its_acceptance(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&world.node.trader(1));
    let plain = NewOrder {
        market: MARKET,
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        price: price(10),
        qty: lots(50),
        options: OrderOptions::default(),
    };
    let far = Timestamp::from_nanos(4_000_000_000_000_000_000);
    let cases = [
        NewOrder { options: OrderOptions { display: lots(5), group: 9, ..OrderOptions::default() }, ..plain },
        NewOrder {
            post_only: true,
            options: OrderOptions { reprice: true, self_trade: SelfTrade::CancelBoth, ..OrderOptions::default() },
            ..plain
        },
        NewOrder {
            time_in_force: TimeInForce::Gtd,
            options: OrderOptions { expires: far, on_disconnect: OnDisconnect::Stay, ..OrderOptions::default() },
            ..plain
        },
        NewOrder {
            order_type: OrderType::StopLimit,
            options: OrderOptions { trigger: price(20), ..OrderOptions::default() },
            ..plain
        },
    ];
    for (number, order) in (1..).zip(cases) {
        client.order(number, OrderAction::New(order));
        match client.report().body {
            ReportBody::OrderAccepted { side, order_type, time_in_force, post_only, price, qty, options, .. } => {
                let told = NewOrder { market: MARKET, side, order_type, time_in_force, post_only, price, qty, options };
                assert_eq!(told, order);
            }
            other => panic!("{other:?}"),
        }
    }
}

fn an_order_is_replaced_and_queried_and_its_account_asked_for_balances(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&admin_trader(&world, 1));
    client.order(1, limit(Side::Buy, 10, 5));
    client.report();
    client.order(2, OrderAction::Replace { target: request(1), price: price(11), qty: lots(7) });
    assert!(matches!(client.report().body, ReportBody::OrderReplaced { leaves, .. } if leaves == lots(7)));
    client.order(3, OrderAction::QueryOrder { target: request(1) });
    match client.report().body {
        ReportBody::OrderStatus(status) => {
            assert_eq!((status.price, status.leaves, status.request.raw()), (price(11), lots(7), 1));
        }
        other => panic!("{other:?}"),
    }
    client.order(4, limit(Side::Sell, 90, 3));
    client.report();
    client.order(5, OrderAction::QueryOrders { market: None });
    let answers = report_bodies(&mut client, 3);
    assert!(matches!(
        answers[..],
        [ReportBody::OrderStatus(_), ReportBody::OrderStatus(_), ReportBody::QueryDone { count: 2 }]
    ));
    client.order(6, OrderAction::QueryBalances { asset: None });
    let answers = report_bodies(&mut client, 3);
    let held: Vec<u128> = answers
        .iter()
        .filter_map(|answer| match answer {
            ReportBody::BalanceStatus { held, .. } => Some(held.units()),
            _ => None,
        })
        .collect();
    assert_eq!(held, [3, 77], "3 lots to sell, 7 lots at 11 to buy");
    // Sent again, a query is answered with what became of it, not with what it would find now.
    client.order(5, OrderAction::QueryOrders { market: None });
    assert!(matches!(client.report().body, ReportBody::Outcome { command: CommandKind::QueryOrders, .. }));
}

fn quotes(list: &[(i64, u64, i64, u64)]) -> Vec<Quote> {
    let side = |at, qty| QuoteSide { price: price(at), qty: lots(qty) };
    list.iter()
        .map(|(bid, bid_qty, ask, ask_qty)| Quote {
            market: MARKET,
            bid: side(*bid, *bid_qty),
            ask: side(*ask, *ask_qty),
        })
        .collect()
}

const TERMS: QuoteTerms = QuoteTerms { group: 1, mode: QuoteMode::MayTake, self_trade: SelfTrade::None };

fn a_mass_quote_puts_replaces_and_withdraws_quotes(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&world.node.trader(1));
    let quote = |list: &[_]| OrderAction::MassQuote { terms: TERMS, quotes: quotes(list) };
    client.order(1, quote(&[(10, 5, 20, 6)]));
    let first = report_bodies(&mut client, 3);
    assert!(matches!(
        first[..],
        [
            ReportBody::OrderAccepted { .. },
            ReportBody::OrderAccepted { .. },
            ReportBody::MassQuoteDone { accepted: 2, withdrawn: 0, rejected: 0 }
        ]
    ));
    // The same market three times in one request: three slots, applied in order.
    client.order(2, quote(&[(11, 5, 21, 6), (12, 5, 22, 6), (12, 5, 0, 0)]));
    let mut done = None;
    while done.is_none() {
        let report = client.report();
        assert_eq!(report.request.raw(), if report.last { 2 } else { report.request.raw() });
        if let ReportBody::MassQuoteDone { accepted, withdrawn, rejected } = report.body {
            done = Some((accepted, withdrawn, rejected));
        }
    }
    assert_eq!(done, Some((5, 1, 0)));
    client.order(2, quote(&[(11, 5, 21, 6), (12, 5, 22, 6), (12, 5, 0, 0)]));
    assert!(matches!(client.report().body, ReportBody::Outcome { command: CommandKind::MassQuote, .. }));
}

fn a_mass_quote_of_many_sessions_is_never_torn(io: IoChoice) {
    const ROUNDS: u64 = 200;
    let world = World::with(io, 8, |_| {});
    let clients: Vec<_> = (1..=4).map(|seed| world.logged_on(&world.node.trader(seed))).collect();
    std::thread::scope(|scope| {
        for (at, mut client) in clients.into_iter().enumerate() {
            scope.spawn(move || {
                // Prices of different clients never cross, so every side is taken.
                let base = 10 + at as i64;
                for number in 1..=ROUNDS {
                    let list: Vec<_> = (0..15).map(|_| (base, 1 + number % 3, base + 1_000, 1)).collect();
                    client.order(number, OrderAction::MassQuote { terms: TERMS, quotes: quotes(&list) });
                    loop {
                        let report = client.report();
                        if let ReportBody::MassQuoteDone { accepted, rejected, .. } = report.body {
                            assert_eq!((report.request.raw(), accepted, rejected), (number, 30, 0));
                            break;
                        }
                    }
                }
            });
        }
    });
}

fn too_many_quotes_are_a_reject_of_the_engine(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&world.node.trader(1));
    client.order(1, OrderAction::MassQuote { terms: TERMS, quotes: quotes(&[(10, 1, 20, 1); 16]) });
    assert!(matches!(client.report().body, ReportBody::Rejected { reason: Reject::QuotesCount, .. }));
    client.works(2);
}

fn a_filtered_cancel_takes_what_matches(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&world.node.trader(1));
    for (number, (side, at)) in
        (1..).zip([(Side::Buy, 10), (Side::Buy, 11), (Side::Sell, 90), (Side::Buy, 12), (Side::Sell, 91)])
    {
        client.order(number, limit(side, at, 1));
        client.report();
    }
    let filter = CancelFilter { side: Some(Side::Buy), price_low: price(11), ..CancelFilter::default() };
    client.order(6, OrderAction::CancelAll(filter));
    let answers = report_bodies(&mut client, 3);
    assert!(matches!(answers[2], ReportBody::CancelAllDone { cancelled: 2 }), "{answers:?}");
}

fn protection_pulls_a_group_and_lets_it_trade_again(io: IoChoice) {
    let world = World::start(io);
    let (mut maker, mut taker) = (world.logged_on(&world.node.trader(1)), world.logged_on(&world.node.trader(2)));
    let window = Nanos::from_millis(600_000);
    maker.order(1, OrderAction::SetProtection { group: 4, window, qty_max: lots(0), count_max: 1 });
    assert!(matches!(maker.report().body, ReportBody::ProtectionSet { group: 4, .. }));
    let grouped = |at| {
        let OrderAction::New(order) = limit(Side::Sell, at, 1) else { unreachable!() };
        OrderAction::New(NewOrder { options: OrderOptions { group: 4, ..OrderOptions::default() }, ..order })
    };
    for (number, at) in [(2, 50), (3, 51)] {
        maker.order(number, grouped(at));
        maker.report();
    }
    taker.order(1, limit(Side::Buy, 50, 1));
    let answers = report_bodies(&mut maker, 3);
    assert!(
        matches!(
            answers[..],
            [
                ReportBody::Fill(_),
                ReportBody::ProtectionTriggered { group: 4 },
                ReportBody::OrderCancelled { reason: CancelReason::Protection, .. }
            ]
        ),
        "{answers:?}"
    );
    maker.order(4, grouped(60));
    assert!(matches!(maker.report().body, ReportBody::Rejected { reason: Reject::ProtectionActive, .. }));
    maker.order(5, OrderAction::ResetProtection { group: 4 });
    assert!(matches!(maker.report().body, ReportBody::ProtectionReset { group: 4 }));
    maker.order(6, grouped(60));
    assert!(matches!(maker.report().body, ReportBody::OrderAccepted { .. }));
}

fn the_kill_switch_pulls_everything_and_refuses_new_orders(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&admin_trader(&world, 1));
    client.order(1, limit(Side::Buy, 10, 1));
    client.report();
    client.order(2, OrderAction::SetKillSwitch { engaged: true });
    let answers = report_bodies(&mut client, 2);
    assert!(
        matches!(
            answers[..],
            [
                ReportBody::OrderCancelled { reason: CancelReason::KillSwitch, .. },
                ReportBody::Outcome { command: CommandKind::SetKillSwitch, reject: None, .. }
            ]
        ),
        "{answers:?}"
    );
    client.order(3, limit(Side::Buy, 10, 1));
    assert!(matches!(client.report().body, ReportBody::Rejected { reason: Reject::AccountKilled, .. }));
    client.order(4, OrderAction::SetKillSwitch { engaged: false });
    assert!(matches!(client.report().body, ReportBody::Outcome { reject: None, .. }));
    client.works(5);
}

fn the_timer_of_a_key_cancels_its_orders_when_it_is_not_set_anew(io: IoChoice) {
    let world = World::start(io);
    let mut client = world.logged_on(&world.node.trader(1));
    client.order(1, limit(Side::Buy, 10, 1));
    client.report();
    client.order(2, OrderAction::CancelAllAfter { timeout: Nanos::from_millis(99) });
    assert!(matches!(client.report().body, ReportBody::Rejected { reason: Reject::TimeoutOutOfRange, .. }));
    client.order(3, OrderAction::CancelAllAfter { timeout: Nanos::from_millis(100) });
    let set = client.report();
    let ReportBody::CancelAllAfterSet { deadline } = set.body else { panic!("{set:?}") };
    assert_eq!(deadline, set.time.plus(Nanos::from_millis(100)));
    let (cancelled, fired) = (client.report(), client.report());
    assert!(
        matches!(cancelled.body, ReportBody::OrderCancelled { reason: CancelReason::DeadMan, .. }),
        "{cancelled:?}"
    );
    assert!(matches!(fired.body, ReportBody::CancelAllAfterFired { cancelled: 1 }), "{fired:?}");
    assert!(fired.time >= deadline);
    client.works(4);
}

fn a_flood_is_throttled_and_cancels_go_through(io: IoChoice) {
    let world = World::with(io, 4_096, |config| config.key_rate = RateLimit { per_second: 1, burst: 100 });
    let (mut flood, mut calm) = (world.logged_on(&world.node.trader(1)), world.logged_on(&world.node.trader(2)));
    for number in 1..=200 {
        flood.order(number, limit(Side::Buy, 10, 1));
    }
    flood.order(201, OrderAction::CancelAll(CancelFilter::default()));
    let (mut accepted, mut refused, mut cancelled) = (0, 0, 0);
    loop {
        match flood.receive() {
            ServerMessage::RequestRefused { reason: GatewayReject::ThrottledKey, limit: 1, .. } => refused += 1,
            ServerMessage::Report(report) => match report.body {
                ReportBody::OrderAccepted { .. } => accepted += 1,
                ReportBody::OrderCancelled { .. } => cancelled += 1,
                ReportBody::CancelAllDone { .. } => break,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(accepted + refused, 200);
    assert!(accepted >= 100, "the whole burst was taken: {accepted}");
    assert_eq!(cancelled, accepted, "the cancel needed no token");
    calm.works(1);
}

fn a_second_logon_is_refused_where_the_venue_says_so(io: IoChoice) {
    let world = World::with(io, 4_096, |config| config.second_logon = SecondLogon::IsRefused);
    let trader = world.node.trader(1);
    let mut first = world.logged_on(&trader);
    let mut second = world.connect();
    second.log_on(&trader, 0);
    assert_eq!(second.goodbye().0, LogoutReason::AlreadyLoggedOn);
    let told = first.report().body;
    let refused = ReportBody::Rejected { reason: Reject::SessionOpen, command: CommandKind::OpenSession };
    assert_eq!(told, refused, "the live session hears that somebody tried");
    first.works(1);
    first.send(&ClientMessage::Logout);
    assert_eq!(first.goodbye().0, LogoutReason::ClientRequested);
    let mut cursor = world.node.log.cursor_at_start();
    world.node.wait_for(&mut cursor, |_, event| matches!(event, Event::SessionClosed { .. }));
    world.logged_on(&trader).works(2);
}

fn a_client_without_state_passes_over_what_it_does_not_want(io: IoChoice) {
    let world = World::start(io);
    let trader = world.node.trader(1);
    let mut first = world.logged_on(&trader);
    (1..=10).for_each(|number| first.works(number));
    let mut second = world.connect();
    let logon = Logon { replay_max: 3, ..second.logon(&trader, 0) };
    second.send(&ClientMessage::Logon(logon));
    let mut seen = Vec::new();
    loop {
        match second.receive() {
            ServerMessage::GapFill { first, last, reason: GapFillReason::NotRequested } => {
                seen.push((first.raw(), last.raw()));
            }
            ServerMessage::Report(report) => {
                seen.push((report.session_sequence.raw(), report.session_sequence.raw()));
            }
            ServerMessage::ReplayDone { .. } => break,
            _ => {}
        }
    }
    assert_eq!(seen, [(1, 7), (8, 8), (9, 9), (10, 10)]);
    second.works(11);
}

fn answers_to_queries_are_not_replayed(io: IoChoice) {
    let world = World::start(io);
    let trader = admin_trader(&world, 1);
    let mut first = world.logged_on(&trader);
    first.works(1);
    first.order(2, OrderAction::QueryBalances { asset: None });
    report_bodies(&mut first, 3);
    first.works(3);
    let mut second = world.connect();
    second.log_on(&trader, 0);
    let mut seen = Vec::new();
    loop {
        match second.receive() {
            ServerMessage::GapFill { first, last, reason: GapFillReason::StaleAnswer } => {
                seen.push((first.raw(), last.raw()));
            }
            ServerMessage::Report(report) => {
                seen.push((report.session_sequence.raw(), report.session_sequence.raw()));
            }
            ServerMessage::ReplayDone { .. } => break,
            _ => {}
        }
    }
    assert_eq!(seen, [(1, 1), (2, 4), (5, 5)]);
}

/// Logs on for a drop copy and reads `count` reports: key, sequence and index of each.
fn copy(world: &World, trader: &Trader, after: Position, count: usize) -> Vec<(KeyId, Position)> {
    let mut client = world.connect();
    let logon = Logon { mode: SessionMode::DropCopy, resume_after: after, ..client.logon(trader, 0) };
    client.send(&ClientMessage::Logon(logon));
    let mut copied = Vec::new();
    while copied.len() < count {
        match client.receive() {
            ServerMessage::Report(report) => {
                copied.push((report.key, Position { sequence: report.sequence, index: report.index }));
            }
            ServerMessage::LogonAccepted { .. }
            | ServerMessage::MarketDefinition { .. }
            | ServerMessage::Heartbeat
            | ServerMessage::DropCopyPosition(_) => {}
            other => panic!("{other:?}"),
        }
    }
    copied
}

fn a_drop_copy_has_every_report_of_the_group_and_resumes_after_any(io: IoChoice) {
    let world = World::start(io);
    let (watcher, mate, stranger) = (admin_trader(&world, 1), world.node.trader(2), world.node.trader(3));
    for trader in [&watcher, &mate] {
        world.node.admin(trader.account, Command::SetAccountOwner { owner: 5 });
    }
    let mut clients = [&watcher, &mate, &stranger].map(|trader| world.logged_on(trader));
    for number in 1..=20 {
        clients.iter_mut().for_each(|client| client.works(number));
    }
    let all = copy(&world, &watcher, Position::default(), 40);
    assert!(all.iter().all(|(key, _)| [watcher.key, mate.key].contains(key)));
    assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].1), "in the order of the event log");
    for at in [0, 7, 38] {
        let rest = copy(&world, &watcher, all[at].1, 39 - at);
        assert_eq!(rest, all[at + 1..], "after report {at}");
    }
    // The copy takes nothing over.
    clients[0].works(21);
}

fn a_drop_copy_after_a_place_in_the_future_is_refused(io: IoChoice) {
    let world = World::start(io);
    let watcher = admin_trader(&world, 1);
    let mut client = world.connect();
    let after = Position { sequence: Sequence::new(1_000_000), index: 0 };
    let logon = Logon { mode: SessionMode::DropCopy, resume_after: after, ..client.logon(&watcher, 0) };
    client.send(&ClientMessage::Logon(logon));
    let (reason, _, detail) = client.goodbye();
    assert_eq!((reason, detail.contains("1000000/0")), (LogoutReason::PositionUnknown, true), "{detail}");
}

fn a_maintenance_is_told_to_those_who_are_there_and_to_those_who_come(io: IoChoice) {
    let world = World::start(io);
    let mut early = world.logged_on(&world.node.trader(1));
    let at = Timestamp::from_nanos(u64::MAX);
    let maintenance = tidegate_order_entry::Maintenance { at, detail: "upgrade".to_owned() };
    world.server.announcer().maintenance(Some(&maintenance));
    let told = ServerMessage::Maintenance { at, detail: "upgrade".to_owned() };
    assert_eq!(early.receive(), told);
    let late = |seed| {
        let mut client = world.connect();
        client.log_on(&world.node.trader(seed), 0);
        loop {
            match client.receive() {
                ServerMessage::ReplayDone { .. } => return false,
                message if message == told => return true,
                _ => {}
            }
        }
    };
    assert!(late(2));
    world.server.announcer().maintenance(None);
    // Everybody hears in order, so this session's answer shows that the gateway has heard.
    early.works(1);
    assert!(!late(3));
}

fn a_key_has_so_many_drop_copies_and_no_more(io: IoChoice) {
    let world = World::start(io);
    let watcher = admin_trader(&world, 1);
    let copies: Vec<_> = (0..5)
        .map(|_| {
            let mut client = world.connect();
            let logon = Logon { mode: SessionMode::DropCopy, ..client.logon(&watcher, 0) };
            client.send(&ClientMessage::Logon(logon));
            client
        })
        .collect();
    let mut refused = 0;
    for mut client in copies {
        loop {
            match client.receive() {
                ServerMessage::Logout { reason, .. } => {
                    assert_eq!(reason, LogoutReason::TooManyConnections);
                    refused += 1;
                    break;
                }
                ServerMessage::DropCopyPosition(_) => break,
                _ => {}
            }
        }
        // The others stay as long as this test.
        std::mem::forget(client);
    }
    assert_eq!(refused, 1, "a key has four on a thread");
}

fn a_key_that_loses_its_roles_loses_its_session(io: IoChoice) {
    let world = World::start(io);
    let (trader, other) = (world.node.trader(1), world.node.trader(2));
    let (mut client, mut bystander) = (world.logged_on(&trader), world.logged_on(&other));
    client.works(1);
    world.node.admin(trader.account, Command::SetKeyRoles { key: trader.key, roles: Roles::default() });
    assert_eq!(client.goodbye().0, LogoutReason::KeyNotAllowed);
    bystander.works(1);
}

fn a_takeover_that_the_engine_refuses_leaves_the_older_session_alive(io: IoChoice) {
    let world = World::start(io);
    let trader = world.node.trader(1);
    let mut first = world.logged_on(&trader);
    first.works(1);
    // The gateway knows of the change only when it is released; the engine already refuses the logon.
    world.node.hold(true);
    let mut second = world.connect();
    second.log_on(&trader, 0);
    wait_until(|| world.node.inbox.fill() > 0);
    let header = CommandHeader { account: trader.account, ..CommandHeader::default() };
    let no_role = Command::SetKeyRoles { key: trader.key, roles: Roles::default() };
    world.node.hold(false);
    assert_eq!(first.goodbye().0, LogoutReason::TakenOver);
    second.until_replay_done();
    second.works(2);
    // Now the roles go before the third logon is sequenced, and come back.
    world.node.hold(true);
    world.node.inbox.try_push(CommandRecord::encode(&header, &no_role)).unwrap();
    let fill = world.node.inbox.fill();
    let mut third = world.connect();
    third.log_on(&trader, 0);
    wait_until(|| world.node.inbox.fill() > fill);
    let roles = Command::SetKeyRoles { key: trader.key, roles: Roles::TRADE };
    world.node.inbox.try_push(CommandRecord::encode(&header, &roles)).unwrap();
    world.node.hold(false);
    // Both hear of it: the key had no role for a moment.
    assert!(matches!(third.goodbye().0, LogoutReason::LogonRefused | LogoutReason::KeyNotAllowed));
    assert_eq!(second.goodbye().0, LogoutReason::KeyNotAllowed);
    world.logged_on(&trader).works(3);
}

fn many_logons_of_one_key_at_once_leave_one_session_that_can_end(io: IoChoice) {
    let world = World::with(io, 4_096, |config| config.second_logon = SecondLogon::IsRefused);
    let trader = world.node.trader(1);
    for round in 1..=5 {
        let clients: Vec<_> = (0..6)
            .map(|_| {
                let mut client = world.connect();
                client.log_on(&trader, 0);
                client
            })
            .collect();
        let mut live = Vec::new();
        for mut client in clients {
            loop {
                match client.receive() {
                    ServerMessage::ReplayDone { .. } => {
                        live.push(client);
                        break;
                    }
                    ServerMessage::Logout { reason, .. } => {
                        assert_eq!(reason, LogoutReason::AlreadyLoggedOn, "round {round}");
                        break;
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(live.len(), 1, "round {round}");
        let mut client = live.remove(0);
        client.send(&ClientMessage::Logout);
        // Reports of the refused logons may still be on their way.
        assert_eq!(client.goodbye().0, LogoutReason::ClientRequested, "round {round}");
        let mut cursor = world.node.log.cursor_at_start();
        let closed = std::cell::Cell::new(0);
        world.node.wait_for(&mut cursor, |_, event| {
            closed.set(closed.get() + u32::from(matches!(event, Event::SessionClosed { .. })));
            closed.get() == round
        });
    }
}
