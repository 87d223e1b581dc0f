//! The session core under a clock of our own: no socket, no thread, no waiting.

use tidegate_domain::{
    AccountId, Command, CommandHeader, CommandKind, Event, EventHeader, EventRecord, MarketState, Name, OrderId, Price,
    Qty, Reject, RequestNumber, Roles, Sequence, SessionCloseReason, Side, TimeInForce,
};
use tidegate_wire::{OrderAction, OrderRequest, Report, ReportBody, SessionMode};

use crate::directory::Maintenance;
use crate::throttle::RateLimit;

mod drop_copy;
mod exactly_once;
mod limits;

use super::*;

const KEY: KeyId = KeyId::new(5);
const ACCOUNT: AccountId = AccountId::new(9);
const EPOCH: Epoch = Epoch::new(2);
const SESSION: SessionId = SessionId::new(77);
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const WALL: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);
const LEADS: Serving = Serving::Primary { epoch: EPOCH };

/// A core and the world around it.
struct Rig {
    core: SessionCore,
    directory: Directory,
    serving: Serving,
    now_ms: u64,
    stats: Arc<OrderEntryStats>,
    submitted: Vec<(CommandHeader, Command)>,
    replays: Vec<SessionSequence>,
    follows: Vec<Option<Position>>,
}

impl Rig {
    fn new(output_max_bytes: usize, in_flight_max: usize) -> Self {
        let mut directory = Directory::default();
        let header = EventHeader { account: ACCOUNT, ..EventHeader::default() };
        let created = Event::KeyCreated {
            key: KEY,
            name: Name::new("k").unwrap(),
            public_key: [1; 32],
            roles: Roles::TRADE.with(Roles::READ),
        };
        directory.on_event(&header, &created);
        Self::with_terms(directory, |terms| {
            terms.output_max_bytes = output_max_bytes;
            terms.in_flight_max = in_flight_max;
        })
    }

    fn with_terms(directory: Directory, change: impl FnOnce(&mut SessionTerms)) -> Self {
        let mut terms = SessionTerms {
            cluster: ClusterId::new(1),
            node: NodeId::new(1),
            logon_timeout: Nanos::from_millis(5_000),
            heartbeat_min_ms: 100,
            heartbeat_max_ms: 10_000,
            output_max_bytes: 1 << 20,
            in_flight_max: 16,
            second_logon: SecondLogon::TakesOver,
            throttles: Arc::new(Throttles::new(RateLimit::default(), RateLimit::default())),
            wall_at_zero: WALL,
        };
        change(&mut terms);
        let stats = Arc::new(OrderEntryStats::default());
        let view = View { directory: &directory, serving: LEADS, now: Nanos::default() };
        let core = SessionCore::new(Arc::new(terms), Arc::clone(&stats), [3; 32], SESSION, PEER, &view);
        let (submitted, replays, follows) = (Vec::new(), Vec::new(), Vec::new());
        Self { core, directory, serving: LEADS, now_ms: 0, stats, submitted, replays, follows }
    }

    /// Calls the core with the view of this moment, then performs what it wants done.
    fn with(&mut self, act: impl FnOnce(&mut SessionCore, &View<'_>)) {
        let now = Nanos::from_millis(self.now_ms);
        let view = View { directory: &self.directory, serving: self.serving, now };
        act(&mut self.core, &view);
        self.core.begin_turn();
        while let Some(action) = self.core.next_action(&view) {
            match action {
                Action::CatchUp => self.core.on_caught_up(&view),
                Action::Verify { signature, .. } => self.core.on_verified(signature == [1; 64], &view),
                Action::Open { submission, .. } | Action::Submit(submission) => {
                    self.submitted.extend(submission.records().iter().map(|record| record.decode().unwrap()));
                }
                Action::Replay { after, .. } => self.replays.push(after),
                Action::Follow { after } => self.follows.push(after),
            }
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.with(|core, view| core.on_bytes(bytes, view.now));
    }

    fn message(&mut self, message: &ClientMessage) {
        self.bytes(&encoded(message));
    }

    fn tick(&mut self, at_ms: u64) {
        self.now_ms = at_ms;
        self.with(|core, view| core.on_tick(view));
    }

    fn log_on(&mut self, last: u64) {
        self.message(&logon(KEY, last));
    }

    fn opened(&mut self, report_mark: u64) {
        let event = Event::SessionOpened {
            session: SESSION,
            request_mark: RequestNumber::new(0),
            report_mark: SessionSequence::new(report_mark),
            cancel_on_disconnect: false,
            grace: Nanos::default(),
        };
        self.with(|core, view| core.on_session_event(EPOCH, &event, view));
    }

    fn streaming(output_max_bytes: usize, in_flight_max: usize) -> Self {
        let mut rig = Self::new(output_max_bytes, in_flight_max);
        rig.log_on(0);
        rig.opened(0);
        rig.written();
        rig.submitted.clear();
        rig
    }

    /// The socket takes everything; the messages in it.
    fn written(&mut self) -> Vec<ServerMessage> {
        let now = Nanos::from_millis(self.now_ms);
        let bytes = self.core.take_output(Vec::new(), now).unwrap_or_default();
        if !bytes.is_empty() {
            self.with(|core, _| core.on_written());
        }
        messages(&bytes)
    }

    fn report(&mut self, sequence: u64, request: u64) {
        let report = Report::from_event(&header(sequence, request), &rejected()).unwrap();
        self.with(|core, view| core.on_report(report, view.now));
    }

    fn closes(&self) -> usize {
        self.submitted.iter().filter(|(_, command)| command.kind() == CommandKind::CloseSession).count()
    }
}

fn rejected() -> Event {
    Event::Rejected { reason: Reject::UnknownMarket, command: CommandKind::NewOrder }
}

fn header(sequence: u64, request: u64) -> EventHeader {
    EventHeader {
        sequence: Sequence::new(sequence),
        key: KEY,
        account: ACCOUNT,
        request: RequestNumber::new(request),
        session_sequence: SessionSequence::new(sequence),
        ..EventHeader::default()
    }
}

fn encoded(message: &ClientMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    tidegate_wire::encode_client(message, &mut bytes);
    bytes
}

fn messages(mut bytes: &[u8]) -> Vec<ServerMessage> {
    let mut messages = Vec::new();
    while let Some(frame) = tidegate_wire::split_frame(bytes).unwrap() {
        messages.push(frame.server_message().unwrap());
        bytes = &bytes[frame.bytes().len()..];
    }
    assert!(bytes.is_empty(), "output is whole frames");
    messages
}

fn logon(key: KeyId, last: u64) -> ClientMessage {
    ClientMessage::Logon(Logon {
        key,
        mode: SessionMode::Trading,
        replay_max: 0,
        resume_after: Position::default(),
        last_session_sequence: SessionSequence::new(last),
        heartbeat_ms: 1_000,
        grace_ms: 0,
        cancel_on_disconnect: false,
        signature: [1; 64],
    })
}

fn order(request: u64) -> ClientMessage {
    let (price, qty) = (Price::from_ticks(1), Qty::from_lots(1));
    let action = OrderAction::limit(MarketId::new(1), Side::Buy, TimeInForce::Gtc, price, qty);
    ClientMessage::Order(OrderRequest { request: RequestNumber::new(request), action })
}

fn is_logout(message: Option<&ServerMessage>, expected: LogoutReason, resume: u64) -> bool {
    matches!(message, Some(ServerMessage::Logout { reason, resume_after, .. })
        if *reason == expected && resume_after.raw() == resume)
}

#[test]
fn heartbeats_are_sent_when_idle_and_missed_after_three() {
    let mut rig = Rig::streaming(1 << 20, 16);
    rig.tick(999);
    assert_eq!(rig.written(), []);
    rig.tick(1_000);
    assert_eq!(rig.written(), [ServerMessage::Heartbeat]);
    rig.now_ms = 1_500;
    rig.message(&ClientMessage::Heartbeat);
    rig.tick(2_999);
    assert_eq!(rig.written(), [ServerMessage::Heartbeat]);
    rig.tick(3_000);
    assert!(matches!(rig.written()[..], [ServerMessage::TestRequest { .. }]), "half of the patience is over");
    rig.tick(4_499);
    assert_eq!(rig.written(), [ServerMessage::Heartbeat]);
    rig.tick(4_500);
    assert!(is_logout(rig.written().last(), LogoutReason::HeartbeatMissed, 0));
    assert_eq!(rig.closes(), 1);
}

#[test]
fn silence_is_not_counted_while_nothing_is_read() {
    let mut rig = Rig::streaming(1 << 20, 2);
    rig.message(&order(1));
    rig.message(&order(2));
    assert_eq!(rig.core.read_max(), 0, "as many are in flight as may be");
    rig.tick(60_000);
    assert!(!rig.core.is_closed());
    rig.report(1, 1);
    assert!(rig.core.read_max() > 0);
    rig.tick(62_999);
    assert!(!rig.core.is_closed());
    rig.tick(63_000);
    assert!(rig.core.is_closed());
}

#[test]
fn requests_beyond_the_cap_wait_undecoded_until_answers_come() {
    let mut rig = Rig::streaming(1 << 20, 2);
    let bytes: Vec<u8> = (1..=5).flat_map(|request| encoded(&order(request))).collect();
    rig.bytes(&bytes);
    assert_eq!(rig.submitted.len(), 2);
    rig.report(1, 1);
    assert_eq!(rig.submitted.len(), 3);
    rig.report(2, 3); // answers 2 as well: answers come in the order of the requests
    assert_eq!(rig.submitted.len(), 5);
    let numbers: Vec<u64> = rig.submitted.iter().map(|(header, _)| header.request.raw()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

#[test]
fn a_record_that_waits_for_the_inbox_holds_the_next_request_back() {
    let mut rig = Rig::streaming(1 << 20, 16);
    rig.with(|core, _| core.set_blocked(true));
    rig.bytes(&[encoded(&order(1)), encoded(&order(2))].concat());
    assert_eq!(rig.submitted, []);
    assert_eq!(rig.core.read_max(), 0);
    rig.with(|core, _| core.set_blocked(false));
    assert_eq!(rig.submitted.len(), 2);
}

#[test]
fn bytes_may_come_one_at_a_time() {
    let mut rig = Rig::new(1 << 20, 16);
    for byte in encoded(&logon(KEY, 0)) {
        assert!(rig.core.read_max() > 0);
        rig.bytes(&[byte]);
    }
    rig.opened(0);
    for byte in [encoded(&order(1)), encoded(&ClientMessage::Heartbeat), encoded(&order(2))].concat() {
        rig.bytes(&[byte]);
    }
    let kinds: Vec<_> = rig.submitted.iter().map(|(_, command)| command.kind()).collect();
    assert_eq!(kinds, [CommandKind::OpenSession, CommandKind::NewOrder, CommandKind::NewOrder]);
    assert!(rig.submitted.iter().all(|(header, _)| (header.key, header.account) == (KEY, ACCOUNT)));
}

#[test]
fn before_the_logon_no_more_than_one_frame_is_held() {
    let rig = Rig::new(1 << 20, 16);
    assert_eq!(rig.core.read_max(), FRAME_LEN_MAX_BYTES);
    let mut rig = Rig::new(1 << 20, 16);
    rig.bytes(&encoded(&logon(KEY, 0))[..40]);
    assert_eq!(rig.core.read_max(), FRAME_LEN_MAX_BYTES - 40);
}

#[test]
fn live_reports_wait_for_the_replay_and_follow_it_without_a_gap() {
    let mut rig = Rig::new(1 << 20, 16);
    rig.log_on(1);
    rig.opened(3);
    assert_eq!(rig.replays, [SessionSequence::new(1)]);
    rig.report(4, 40);
    let records: Vec<_> = (2..=3).map(|at| EventRecord::encode(&header(at, at), &rejected())).collect();
    rig.with(|core, view| core.on_replayed(&records, view.now));
    rig.with(|core, _| core.on_replay_end());
    // The fourth came while the log was being read: it is fetched from there too.
    assert_eq!(rig.replays, [SessionSequence::new(1), SessionSequence::new(3)]);
    rig.with(|core, view| core.on_replayed(&[EventRecord::encode(&header(4, 40), &rejected())], view.now));
    rig.with(|core, _| core.on_replay_end());
    rig.report(5, 50);
    let mut seen = Vec::new();
    for message in rig.written() {
        match message {
            ServerMessage::Report(report) => seen.push(report.session_sequence.raw()),
            ServerMessage::ReplayDone { report_mark } => {
                assert_eq!((report_mark.raw(), seen.as_slice()), (3, [2, 3].as_slice()));
            }
            _ => {}
        }
    }
    assert_eq!(seen, [2, 3, 4, 5]);
    assert_eq!(rig.replays.len(), 2);
}

/// The event log is ahead of the pump: the replay sends reports that the pump brings later. That was taken for a report
/// that comes twice.
#[test]
fn a_replay_may_get_ahead_of_the_pump() {
    let mut rig = Rig::new(1 << 20, 1);
    rig.log_on(0);
    rig.opened(2);
    rig.with(|core, view| {
        core.on_replayed(&[1, 2].map(|at| EventRecord::encode(&header(at, 0), &rejected())), view.now);
    });
    rig.message(&order(7));
    rig.message(&order(8));
    rig.with(|core, view| {
        core.on_replayed(&[3, 4].map(|at| EventRecord::encode(&header(at, at + 4), &rejected())), view.now);
        core.on_replay_end();
    });
    assert_eq!(rig.submitted.len(), 2, "an answer counts when the pump brings it");
    rig.report(3, 7);
    assert_eq!(rig.submitted.len(), 3);
    rig.report(4, 8);
    rig.report(5, 0);
    let reports = rig.written().into_iter().filter_map(|message| match message {
        ServerMessage::Report(report) => Some(report.session_sequence.raw()),
        _ => None,
    });
    assert_eq!(reports.collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[test]
fn a_client_that_stays_too_far_behind_is_slow_and_a_burst_is_not() {
    let mut rig = Rig::streaming(10_000, 16);
    let mut sequence = 0;
    let mut burst = |rig: &mut Rig| {
        for _ in 0..200 {
            sequence += 1;
            rig.report(sequence, 0);
        }
    };
    burst(&mut rig);
    rig.tick(100);
    rig.tick(1_099);
    assert_eq!(rig.written().len(), 200, "it was behind for less than a second");
    rig.tick(1_200);
    burst(&mut rig);
    let taken = rig.core.take_output(Vec::new(), Nanos::from_millis(1_200)).unwrap();
    burst(&mut rig);
    rig.message(&ClientMessage::Heartbeat);
    rig.tick(1_300);
    rig.tick(2_300);
    assert!(rig.core.is_closed());
    assert_eq!(messages(&taken).len(), 200);
    rig.core.on_written();
    // What the socket never had is not counted as sent.
    assert!(is_logout(rig.written().first(), LogoutReason::SlowConsumer, 400));
    assert_eq!(rig.closes(), 1);
    assert!(!rig.core.must_abort(Nanos::from_millis(3_299)));
    assert!(rig.core.must_abort(Nanos::from_millis(3_300)));
}

#[test]
fn output_beyond_the_soft_limit_stays_in_the_event_log() {
    let mut rig = Rig::streaming(1 << 30, 16);
    for sequence in 1..=10_000 {
        rig.report(sequence, 0);
    }
    assert!(rig.core.output.len() < OUTPUT_SOFT_MAX_BYTES + FRAME_LEN_MAX_BYTES, "{}", rig.core.output.len());
    assert_eq!(rig.replays, [], "there is no room for a replay either");
    let sent = rig.written().len() as u64;
    assert_eq!(rig.replays, [SessionSequence::new(sent)]);
}

#[test]
fn the_engine_hears_once_of_the_end_of_an_opened_session_and_never_of_another() {
    type End = fn(&mut Rig);
    let endings: [(&str, End, usize); 6] = [
        ("end of the stream", |rig| rig.with(|core, view| core.on_disconnected(view.now)), 1),
        ("logout", |rig| rig.message(&ClientMessage::Logout), 1),
        ("malformed", |rig| rig.bytes(&[0xff; 16]), 1),
        ("stop", |rig| rig.with(|core, view| core.on_stop(view.now)), 0),
        (
            "deposed",
            |rig| {
                rig.serving = Serving::Not;
                rig.with(|core, view| core.on_serving(view));
            },
            0,
        ),
        (
            "taken over",
            |rig| {
                let event = Event::SessionClosed { session: SESSION, reason: SessionCloseReason::TakenOver };
                rig.with(|core, view| core.on_session_event(EPOCH, &event, view));
            },
            0,
        ),
    ];
    for (name, end, closes) in endings {
        let mut rig = Rig::streaming(1 << 20, 16);
        end(&mut rig);
        assert!(rig.core.is_closed(), "{name}");
        rig.with(|core, view| core.on_disconnected(view.now));
        assert_eq!(rig.closes(), closes, "{name}");
        assert_eq!(rig.stats.sessions.load(std::sync::atomic::Ordering::Relaxed), 0, "{name}");
        // Before the logon the engine knows of nothing.
        let mut rig = Rig::new(1 << 20, 16);
        end(&mut rig);
        assert_eq!(rig.submitted, [], "{name}");
    }
}

#[test]
fn a_session_that_ends_while_the_engine_opens_it_is_closed_there_too() {
    let mut rig = Rig::new(1 << 20, 16);
    rig.log_on(0);
    rig.with(|core, view| core.on_disconnected(view.now));
    rig.opened(0);
    let kinds: Vec<_> = rig.submitted.iter().map(|(_, command)| command.kind()).collect();
    assert_eq!(kinds, [CommandKind::OpenSession, CommandKind::CloseSession]);
}

#[test]
fn a_session_that_the_engine_refuses_says_why() {
    let mut rig = Rig::new(1 << 20, 16);
    rig.log_on(0);
    let event = Event::Rejected { reason: Reject::UnknownKey, command: CommandKind::OpenSession };
    rig.with(|core, view| core.on_session_event(EPOCH, &event, view));
    assert!(is_logout(rig.written().last(), LogoutReason::LogonRefused, 0));
    assert_eq!(rig.closes(), 0);
}

#[test]
fn a_logon_beyond_the_verifiers_is_told_to_come_again() {
    let mut rig = Rig::new(1 << 20, 16);
    rig.with(|core, view| core.on_too_busy("come back later", view.now));
    assert!(is_logout(rig.written().last(), LogoutReason::TooBusy, 0));
    assert_eq!(rig.submitted, []);
}

#[test]
fn fills_and_later_reports_of_an_order_answer_nothing() {
    let mut rig = Rig::streaming(1 << 20, 1);
    rig.message(&order(1));
    rig.message(&order(2));
    let cancelled = Event::OrderCancelled {
        order: OrderId::new(1),
        side: Side::Buy,
        price: Price::from_ticks(1),
        cancelled: Qty::from_lots(1),
        reason: tidegate_domain::CancelReason::CancelAll,
    };
    let report = Report::from_event(&header(1, 99), &cancelled).unwrap();
    assert!(matches!(report.body, ReportBody::OrderCancelled { .. }));
    rig.with(|core, view| core.on_report(report, view.now));
    assert_eq!(rig.submitted.len(), 1, "the answer to 1 is still missing");
    rig.report(2, 1);
    assert_eq!(rig.submitted.len(), 2);
}

#[test]
fn no_bytes_make_it_panic_or_hold_more_than_it_may() {
    let seed = 0x9e37_79b9_7f4a_7c15_u64;
    println!("seed {seed:#x}");
    let mut state = seed;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..3_000 {
        let mut rig = if round % 2 == 0 { Rig::new(1 << 20, 4) } else { Rig::streaming(1 << 20, 4) };
        let mut bytes = [encoded(&logon(KEY, 0)), encoded(&order(1)), encoded(&order(2))].concat();
        for _ in 0..random() % 4 {
            let at = (random() % bytes.len() as u64) as usize;
            bytes[at] = random() as u8;
        }
        bytes.truncate((random() % (bytes.len() as u64 + 1)) as usize);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() && rig.core.read_max() > 0 {
            let count = (random() as usize % 97 + 1).min(rest.len()).min(rig.core.read_max());
            rig.bytes(&rest[..count]);
            rest = &rest[count..];
        }
        rig.with(|core, view| core.on_disconnected(view.now));
        assert!(rig.core.is_closed());
        rig.written();
    }
}

#[test]
fn a_market_is_told_to_those_who_are_logged_on() {
    let mut rig = Rig::streaming(1 << 20, 4);
    let definition = tidegate_domain::MarketDefinition {
        name: Name::new("A-B").unwrap(),
        base: tidegate_domain::AssetId::new(1),
        quote: tidegate_domain::AssetId::new(2),
        base_units_per_lot: 1,
        quote_units_per_tick_lot: 1,
        maker_fee: tidegate_domain::FeeRate::from_ppm(0),
        taker_fee: tidegate_domain::FeeRate::from_ppm(0),
        qty_max: Qty::from_lots(1),
        price_max: Price::from_ticks(1),
    };
    let market = MarketId::new(1);
    let header = EventHeader { market, ..EventHeader::default() };
    assert_eq!(rig.directory.on_event(&header, &Event::MarketCreated(definition)), Some(market));
    rig.with(|core, view| core.on_market(market, view));
    let state = MarketState::Open;
    assert_eq!(rig.written(), [ServerMessage::MarketDefinition { market, definition, state }]);
}

#[test]
fn a_test_request_is_answered_either_way() {
    let mut rig = Rig::streaming(1 << 20, 4);
    rig.message(&ClientMessage::TestRequest { id: 77 });
    assert_eq!(rig.written(), [ServerMessage::TestReply { id: 77 }]);
    rig.tick(1_500);
    let id = match rig.written()[..] {
        [ServerMessage::TestRequest { id }] => id,
        ref other => panic!("{other:?}"),
    };
    rig.now_ms = 2_900;
    rig.message(&ClientMessage::TestReply { id });
    rig.tick(4_399);
    assert!(!rig.core.is_closed(), "the reply says that the client is there");
    rig.tick(5_900);
    assert!(rig.core.is_closed());
}

#[test]
fn reports_carry_when_the_request_was_read_and_when_they_were_written() {
    let mut rig = Rig::streaming(1 << 20, 4);
    rig.now_ms = 10;
    rig.message(&order(1));
    rig.now_ms = 12;
    rig.report(1, 1);
    rig.report(2, 1);
    let stamps: Vec<_> = rig
        .written()
        .into_iter()
        .map(|message| match message {
            ServerMessage::Report(report) => (report.stamps.received.nanos(), report.stamps.sent.nanos()),
            other => panic!("{other:?}"),
        })
        .collect();
    let at = |ms: u64| WALL.nanos() + ms * 1_000_000;
    assert_eq!(stamps, [(at(10), at(12)), (0, at(12))], "the second answers nothing of this connection any more");
}

#[test]
fn reports_that_a_client_does_not_want_are_said_to_be_passed_over() {
    for (last, mark, max, gap, replayed_after) in [
        (0, 10, 3, Some((1, 7)), 7),
        (4, 10, 3, Some((5, 7)), 7),
        (7, 10, 3, None, 7),
        (0, 10, 10, None, 0),
        (0, 10, 0, None, 0),
    ] {
        let mut rig = Rig::new(1 << 20, 4);
        let ClientMessage::Logon(wanted) = logon(KEY, last) else { unreachable!() };
        rig.message(&ClientMessage::Logon(Logon { replay_max: max, ..wanted }));
        rig.opened(mark);
        let gaps: Vec<_> = rig
            .written()
            .into_iter()
            .filter_map(|message| match message {
                ServerMessage::GapFill { first, last, .. } => Some((first.raw(), last.raw())),
                _ => None,
            })
            .collect();
        assert_eq!(gaps, Vec::from_iter(gap), "{last} {mark} {max}");
        assert_eq!(rig.replays, [SessionSequence::new(replayed_after)]);
    }
}

#[test]
fn maintenance_is_told_to_those_who_are_logged_on_and_to_those_who_come_before_it() {
    let to_come = |ms: u64| {
        let at = WALL.plus(Nanos::from_millis(ms));
        let detail = "upgrade".to_owned();
        (Maintenance { at, detail: detail.clone() }, ServerMessage::Maintenance { at, detail })
    };
    let mut rig = Rig::streaming(1 << 20, 4);
    let (maintenance, told) = to_come(5_000);
    rig.directory.maintenance = Some(maintenance.clone());
    rig.with(|core, view| core.on_maintenance(view));
    assert_eq!(rig.written(), std::slice::from_ref(&told));
    for (now_ms, is_told) in [(4_000, true), (6_000, false)] {
        let mut rig = Rig::new(1 << 20, 4);
        rig.directory.maintenance = Some(maintenance.clone());
        rig.with(|core, view| core.on_maintenance(view));
        rig.now_ms = now_ms;
        rig.log_on(0);
        rig.opened(0);
        assert_eq!(rig.written().contains(&told), is_told, "logged on at {now_ms} ms");
    }
}

#[test]
fn answers_to_queries_of_an_earlier_connection_are_passed_over_and_those_of_this_one_are_not() {
    let mut rig = Rig::new(1 << 20, 4);
    rig.log_on(0);
    rig.opened(5);
    let answer = |at| EventRecord::encode(&header(at, at), &Event::QueryDone { count: at });
    let other = |at| EventRecord::encode(&header(at, at), &rejected());
    let records = [other(1), answer(2), answer(3), other(4), answer(5), answer(6), other(7)];
    rig.with(|core, view| core.on_replayed(&records, view.now));
    let seen: Vec<_> = rig
        .written()
        .into_iter()
        .filter_map(|message| match message {
            ServerMessage::Report(report) => Some(("report", report.session_sequence.raw(), 0)),
            ServerMessage::GapFill { first, last, .. } => Some(("gap", first.raw(), last.raw())),
            ServerMessage::ReplayDone { report_mark } => Some(("done", report_mark.raw(), 0)),
            _ => None,
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("report", 1, 0),
            ("gap", 2, 3),
            ("report", 4, 0),
            ("gap", 5, 5),
            ("done", 5, 0),
            ("report", 6, 0),
            ("report", 7, 0)
        ]
    );
}

#[test]
fn a_key_is_used_only_from_its_networks() {
    for (network, is_allowed) in [("127.0.0.0/8", true), ("10.0.0.0/8", false), ("::/0", false)] {
        let mut rig = Rig::new(1 << 20, 4);
        let networks = tidegate_domain::Networks::default().with(network.parse().unwrap()).unwrap();
        rig.directory.on_event(&EventHeader::default(), &Event::KeyNetworksSet { key: KEY, networks });
        rig.log_on(0);
        assert_eq!(rig.submitted.len() == 1, is_allowed, "{network}");
        let messages = rig.written();
        assert_eq!(is_logout(messages.last(), LogoutReason::AddressNotAllowed, 0), !is_allowed, "{network}");
    }
}

#[test]
fn a_second_logon_is_refused_where_the_venue_says_so() {
    for (second_logon, refuses) in [(SecondLogon::TakesOver, false), (SecondLogon::IsRefused, true)] {
        let directory = std::mem::take(&mut Rig::new(1 << 20, 4).directory);
        let mut rig = Rig::with_terms(directory, |terms| terms.second_logon = second_logon);
        rig.log_on(0);
        assert!(matches!(
            rig.submitted[..],
            [(_, Command::OpenSession { refuse_if_open, .. })] if refuse_if_open == refuses
        ));
        let event = Event::Rejected { reason: Reject::SessionOpen, command: CommandKind::OpenSession };
        rig.with(|core, view| core.on_session_event(EPOCH, &event, view));
        assert!(is_logout(rig.written().last(), LogoutReason::AlreadyLoggedOn, 0));
    }
}

#[test]
fn a_key_that_may_not_be_used_any_more_is_logged_out() {
    let changes: [(&str, Event, LogoutReason); 2] = [
        ("roles", Event::KeyRolesSet { key: KEY, roles: Roles::default() }, LogoutReason::KeyNotAllowed),
        (
            "networks",
            Event::KeyNetworksSet {
                key: KEY,
                networks: tidegate_domain::Networks::default().with("10.0.0.0/8".parse().unwrap()).unwrap(),
            },
            LogoutReason::AddressNotAllowed,
        ),
    ];
    for (name, event, expected) in changes {
        let mut rig = Rig::streaming(1 << 20, 4);
        rig.directory.on_event(&EventHeader::default(), &event);
        rig.with(|core, view| core.on_key_changed(KeyId::new(99), view));
        assert!(!rig.core.is_closed(), "{name}: another key's change is nothing to it");
        rig.with(|core, view| core.on_key_changed(KEY, view));
        assert!(is_logout(rig.written().last(), expected, 0), "{name}");
        assert_eq!(rig.closes(), 1, "{name}");
    }
}
