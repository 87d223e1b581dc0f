//! Attacks on the port that is open to everybody. While each of them runs, two well-behaved sessions trade with each other
//! without a pause: nothing of theirs is refused, lost, doubled or out of order, and afterwards the event log has exactly what
//! they were told. Outcomes and counters decide, never how long something took.
//!
//! `HOSTILE_LOGONS` is how many logons the storm has (2,000 unless said), `HOSTILE_SEED` repeats what is random.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use common::*;
use tidegate_domain::*;
use tidegate_order_entry::{IoChoice, RateLimit};
use tidegate_wire::*;

with_both!(
    half_frames_execute_nothing_and_end_as_timeouts,
    giant_lengths_end_their_connections_alone,
    a_slow_loris_is_cut_off_by_the_logon_timeout_however_it_drips,
    a_storm_of_bad_logons_opens_no_session,
    a_storm_of_good_logons_leaves_one_session,
    garbage_after_the_logon_is_refused_or_ends_the_connection,
    skewed_clocks_decide_nothing_but_their_own_orders,
    a_reused_challenge_opens_no_session,
    a_flood_beyond_the_limit_is_refused_and_its_cancels_are_not,
    an_address_beyond_its_budget_is_turned_away_and_others_are_not,
    a_crowd_that_does_not_log_on_keeps_nobody_out_and_takes_bounded_room,
);

/// A number from the environment.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// Random numbers that can be had again.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = setting("HOSTILE_SEED", 1);
        println!("HOSTILE_SEED={seed}");
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Two sessions that trade with each other.
struct Bystanders {
    traders: [Trader; 2],
    rounds: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<[Vec<Report>; 2]>,
}

impl Bystanders {
    fn start(world: &World) -> Self {
        Self::with_rounds(world, u64::MAX)
    }

    /// They stop by themselves after so many trades.
    fn with_rounds(world: &World, rounds_max: u64) -> Self {
        let traders = [world.node.trader(1), world.node.trader(2)];
        let mut clients = [world.logged_on(&traders[0]), world.logged_on(&traders[1])];
        let (rounds, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (done, ended) = (Arc::clone(&rounds), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut reports = [Vec::new(), Vec::new()];
            let mut request = 0;
            while !ended.load(Ordering::SeqCst) && request < rounds_max {
                request += 1;
                trade(&mut clients, &mut reports, request);
                done.fetch_add(1, Ordering::SeqCst);
            }
            reports
        });
        Self { traders, rounds, stop, thread }
    }

    /// Waits until they have traded so many times more.
    fn go_on(&self, rounds: u64) {
        let at_least = self.rounds.load(Ordering::SeqCst) + rounds;
        wait_until(|| {
            assert!(!self.thread.is_finished(), "somebody else's attack ended their session");
            self.rounds.load(Ordering::SeqCst) >= at_least
        });
    }

    /// Ends them; what they were told is what the event log has.
    fn finish(self, world: &World) {
        self.stop.store(true, Ordering::SeqCst);
        let told = self.thread.join().expect("their trading went well");
        assert!(self.rounds.load(Ordering::SeqCst) > 0, "they traded");
        for (trader, told) in self.traders.iter().zip(told) {
            let mut client = world.connect();
            client.log_on(trader, 0);
            let logged = client.until_replay_done();
            let place = |report: &Report| (report.session_sequence, report.request, report.sequence, report.index);
            assert_eq!(logged.len(), told.len());
            for (logged, told) in logged.iter().zip(&told) {
                assert_eq!((place(logged), &logged.body), (place(told), &told.body));
            }
        }
    }
}

/// One trade: every report has its number, its request and its meaning.
fn trade(clients: &mut [TestClient; 2], reports: &mut [Vec<Report>; 2], request: u64) {
    let mut expect = |clients: &mut [TestClient; 2], who: usize, is_fill: bool| {
        let report = clients[who].report();
        assert_eq!(report.session_sequence.raw(), reports[who].len() as u64 + 1, "{report:?}");
        assert_eq!(report.request.raw(), request, "{report:?}");
        match (&report.body, is_fill) {
            (ReportBody::OrderAccepted { .. }, false) => {}
            (ReportBody::Fill(fill), true) => assert!(fill.leaves.is_zero() && fill.qty.lots() == 1, "{report:?}"),
            _ => panic!("fill expected: {is_fill}, got {report:?}"),
        }
        reports[who].push(report);
    };
    clients[0].order(request, limit(Side::Sell, 100, 1));
    expect(clients, 0, false);
    clients[1].order(request, limit(Side::Buy, 100, 1));
    expect(clients, 1, false);
    expect(clients, 1, true);
    expect(clients, 0, true);
}

/// A connection of somebody who does not care how it ends.
struct Attacker(TcpStream);

impl Attacker {
    fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Connects from another address of this machine.
    fn connect_from(source: &str, address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
            socket.connect(address).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// Sends until the other side has had enough.
    fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Everything that is said until the connection ends. What a reset took away was not read by us either.
    fn last_words(mut self) -> Vec<ServerMessage> {
        let (mut bytes, mut chunk) = (Vec::new(), [0; 4_096]);
        loop {
            match self.0.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("the connection is never ended: {error}"),
            }
        }
        let (mut messages, mut rest) = (Vec::new(), &bytes[..]);
        while let Ok(Some(frame)) = split_frame(rest) {
            messages.push(frame.server_message().unwrap());
            rest = &rest[frame.bytes().len()..];
        }
        messages
    }
}

/// Why a connection was ended, if that was heard.
fn reason_of(messages: &[ServerMessage]) -> Option<LogoutReason> {
    messages.iter().find_map(|message| match message {
        ServerMessage::Logout { reason, .. } => Some(*reason),
        _ => None,
    })
}

/// A logon with a signature that nobody made.
fn forged_logon(key: KeyId, signature: u8) -> Vec<u8> {
    encoded(&ClientMessage::Logon(Logon {
        mode: SessionMode::Trading,
        replay_max: 0,
        resume_after: Position::default(),
        key,
        last_session_sequence: SessionSequence::default(),
        heartbeat_ms: 1_000,
        grace_ms: 0,
        cancel_on_disconnect: false,
        signature: [signature; 64],
    }))
}

/// A world whose clients have little time to log on.
fn impatient(io: IoChoice) -> World {
    World::with(io, 4_096, |config| config.logon_timeout = Duration::from_millis(300))
}

fn half_frames_execute_nothing_and_end_as_timeouts(io: IoChoice) {
    let world = impatient(io);
    let bystanders = Bystanders::start(&world);
    let trader = world.node.trader(3);
    let frame = encoded(&order(1, limit(Side::Buy, 7, 7)));
    for cut in [1, 3, 4, 15, 16, frame.len() - 1] {
        let mut client = world.connect();
        let logon = Logon { heartbeat_ms: 100, ..client.logon(&trader, 0) };
        client.send(&ClientMessage::Logon(logon));
        client.until_replay_done();
        client.send_bytes(&frame[..cut]);
        assert_eq!(client.goodbye().0, LogoutReason::HeartbeatMissed, "half an order keeps no session alive");
    }
    let mut halves = Vec::new();
    for cut in [0, 1, 4, 15, 16, 60] {
        let mut client = world.connect();
        let logon = encoded(&ClientMessage::Logon(client.logon(&trader, 0)));
        client.send_bytes(&logon[..cut]);
        halves.push(client);
    }
    for mut client in halves {
        assert_eq!(client.goodbye().0, LogoutReason::LogonTimeout);
    }
    bystanders.go_on(10);
    let mut client = world.connect();
    client.log_on(&trader, 0);
    assert_eq!(client.until_replay_done(), [], "nothing of it was executed");
    bystanders.finish(&world);
}

fn giant_lengths_end_their_connections_alone(io: IoChoice) {
    let world = World::start(io);
    let bystanders = Bystanders::start(&world);
    let trader = world.node.trader(3);
    let lengths = [0, 15, FRAME_LEN_MAX_BYTES as u32 + 1, 1 << 16, 1 << 31, u32::MAX];
    let mut attacks = 0;
    for length in lengths {
        let mut bytes = encoded(&order(1, limit(Side::Buy, 7, 7)));
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        for is_logged_on in [false, true] {
            let mut client = if is_logged_on { world.logged_on(&trader) } else { world.connect() };
            client.send_bytes(&bytes[..4]); // seen with the fourth byte, before anything is waited for
            let (reason, _, detail) = client.goodbye();
            assert_eq!(reason, LogoutReason::MalformedFrame);
            assert!(detail.contains(&format!("length is {length}, allowed: 16 to {FRAME_LEN_MAX_BYTES}")), "{detail}");
            attacks += 1;
            bystanders.go_on(1);
        }
    }
    assert_eq!(world.stats.malformed_total.load(Ordering::SeqCst), attacks);
    bystanders.finish(&world);
}

fn a_slow_loris_is_cut_off_by_the_logon_timeout_however_it_drips(io: IoChoice) {
    let world = impatient(io);
    let bystanders = Bystanders::start(&world);
    let trader = world.node.trader(3);
    let mut drips: Vec<_> = (0..32).map(|_| (world.connect(), true)).collect();
    let logons: Vec<_> =
        drips.iter().map(|(client, _)| encoded(&ClientMessage::Logon(client.logon(&trader, 0)))).collect();
    // A byte at a time, and never the last one.
    for at in 0..logons[0].len() - 1 {
        for ((client, is_open), logon) in drips.iter_mut().zip(&logons) {
            *is_open = *is_open && client.stream.write_all(&logon[at..=at]).is_ok();
        }
        bystanders.go_on(1);
    }
    for (client, _) in drips {
        let heard = Attacker(client.stream).last_words();
        assert!(matches!(reason_of(&heard), Some(LogoutReason::LogonTimeout) | None), "{heard:?}");
    }
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == 2);
    assert_eq!(world.stats.sessions.load(Ordering::SeqCst), 2, "nobody but the bystanders is logged on");
    bystanders.finish(&world);
}

fn a_storm_of_bad_logons_opens_no_session(io: IoChoice) {
    let world = World::start(io);
    let bystanders = Bystanders::start(&world);
    let (victim, count) = (world.node.trader(3), setting("HOSTILE_LOGONS", 2_000));
    let before = world.stats.logons_total.load(Ordering::SeqCst);
    let address = world.server.local_addr();
    let storms: Vec<_> = (0..4_u64)
        .map(|storm| {
            let victim = victim.clone();
            std::thread::spawn(move || {
                let mut forged = 0;
                for number in 0..count / 4 {
                    let mut attacker = Attacker::connect(address);
                    attacker.send(&forged_logon(victim.key, (storm + number) as u8));
                    match reason_of(&attacker.last_words()) {
                        Some(LogoutReason::BadSignature) => forged += 1,
                        // Turned away, or ended without a word.
                        Some(LogoutReason::TooBusy | LogoutReason::TooManyConnections) | None => {}
                        other => panic!("{other:?}"),
                    }
                }
                forged
            })
        })
        .collect();
    let forged: u64 = storms.into_iter().map(|storm| storm.join().unwrap()).sum();
    println!("{count} logons, of which {forged} signatures were looked at");
    assert_eq!(world.stats.logons_total.load(Ordering::SeqCst), before, "none of them is logged on");
    assert!(world.stats.logons_refused_total.load(Ordering::SeqCst) >= forged);
    bystanders.go_on(1);
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == 2);
    world.logged_on(&victim).works(1);
    bystanders.finish(&world);
}

fn a_storm_of_good_logons_leaves_one_session(io: IoChoice) {
    let world = World::start(io);
    let bystanders = Bystanders::start(&world);
    let trader = world.node.trader(3);
    let mut older: Vec<TestClient> = Vec::new();
    for request in 1..=50 {
        let mut client = world.connect();
        client.log_on(&trader, request - 1);
        assert_eq!(client.until_replay_done(), []);
        client.works(request);
        for mut older in older.drain(..) {
            assert_eq!(older.goodbye().0, LogoutReason::TakenOver);
        }
        older.push(client);
    }
    assert_eq!(world.stats.taken_over_total.load(Ordering::SeqCst), 49);
    bystanders.go_on(1);
    bystanders.finish(&world);
}

fn garbage_after_the_logon_is_refused_or_ends_the_connection(io: IoChoice) {
    let world = World::start(io);
    let bystanders = Bystanders::start(&world);
    let (trader, mut random) = (world.node.trader(3), Random::new());
    for round in 0..60 {
        let client = world.logged_on(&trader);
        let mut bytes = Vec::new();
        if round % 2 == 0 {
            bytes.extend((0..1 + random.below(5_000)).map(|_| random.next() as u8));
        } else {
            // Whole frames with nonsense in them: the session goes on until something that no session forgives.
            for _ in 0..40 {
                let mut frame = encoded(&order(random.next(), limit(Side::Buy, 7, 7)));
                frame[10..12].copy_from_slice(&(16 + random.below(48) as u16).to_le_bytes());
                let from = 16 + random.below(frame.len() as u64 - 16) as usize;
                frame[from..].fill_with(|| random.next() as u8);
                bytes.extend(frame);
            }
        }
        let mut attacker = Attacker(client.stream.try_clone().unwrap());
        attacker.send(&bytes);
        // Whatever became of it, this ends it: half a frame, and no more to come.
        client.stream.shutdown(Shutdown::Write).ok();
        for message in attacker.last_words() {
            match message {
                ServerMessage::Logout { reason, .. } => {
                    assert!(matches!(reason, LogoutReason::MalformedFrame | LogoutReason::TakenOver), "{reason:?}");
                }
                ServerMessage::RequestRefused { .. } | ServerMessage::Report(_) => {}
                ServerMessage::Heartbeat | ServerMessage::TestRequest { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        bystanders.go_on(1);
    }
    assert!(world.stats.malformed_total.load(Ordering::SeqCst) > 0);
    assert!(world.stats.refused_total.load(Ordering::SeqCst) > 0);
    bystanders.finish(&world);
}

/// Nothing of a session depends on a client's clock; only the expiry of an order comes from it.
fn skewed_clocks_decide_nothing_but_their_own_orders(io: IoChoice) {
    const DAY: Nanos = Nanos::from_millis(86_400_000);
    let world = World::start(io);
    let bystanders = Bystanders::start(&world);
    let mut client = world.logged_on(&world.node.trader(3));
    let until = |expires| {
        OrderAction::New(NewOrder {
            market: MARKET,
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtd,
            post_only: false,
            price: Price::from_ticks(1),
            qty: Qty::from_lots(1),
            options: OrderOptions { expires, ..OrderOptions::default() },
        })
    };
    client.order(1, limit(Side::Buy, 1, 1));
    let here = client.report().time;
    let behind = Timestamp::from_nanos(here.nanos() - DAY.nanos());
    for (request, expires) in [(2, Timestamp::from_nanos(1)), (3, behind), (4, here)] {
        client.order(request, until(expires));
        match client.report().body {
            ReportBody::Rejected { reason, .. } => assert_eq!(reason, Reject::ExpiryInThePast),
            other => panic!("{other:?}"),
        }
    }
    client.order(5, until(here.plus(DAY)));
    assert_eq!(client.report().request.raw(), 5);
    client.order(6, until(Timestamp::from_nanos(u64::MAX)));
    assert_eq!(client.report().request.raw(), 6);
    for _ in 0..1_000 {
        client.send(&ClientMessage::Heartbeat); // a clock that runs far too fast
    }
    client.works(7);
    bystanders.go_on(1);
    bystanders.finish(&world);
}

fn a_reused_challenge_opens_no_session(io: IoChoice) {
    let world = World::start(io);
    let bystanders = Bystanders::start(&world);
    let trader = world.node.trader(3);
    let mut first = world.connect();
    let recorded = encoded(&ClientMessage::Logon(first.logon(&trader, 0)));
    first.send_bytes(&recorded);
    first.until_replay_done();
    let before = world.stats.logons_total.load(Ordering::SeqCst);
    for _ in 0..20 {
        let mut replayed = world.connect();
        replayed.send_bytes(&recorded);
        assert_eq!(replayed.goodbye().0, LogoutReason::BadSignature);
    }
    first.works(1);
    // Not on its own connection either.
    first.send_bytes(&recorded);
    assert_eq!(first.goodbye().0, LogoutReason::UnexpectedMessage);
    assert_eq!(world.stats.logons_total.load(Ordering::SeqCst), before);
    bystanders.go_on(1);
    bystanders.finish(&world);
}

fn a_flood_beyond_the_limit_is_refused_and_its_cancels_are_not(io: IoChoice) {
    // A token comes back once a second, so what is let through is the burst and hardly more.
    const BURST: u64 = 2_000;
    let limited = RateLimit { per_second: 1, burst: BURST as u32 };
    let world = World::with(io, 4_096, |config| config.key_rate = limited);
    let bystanders = Bystanders::with_rounds(&world, BURST - 200);
    let trader = world.node.trader(3);
    let mut client = world.logged_on(&trader);
    let mut writer = client.stream.try_clone().unwrap();
    let flood = std::thread::spawn(move || {
        for chunk in 0..10 {
            let requests = chunk * BURST + 1..=(chunk + 1) * BURST;
            let bytes: Vec<u8> =
                requests.flat_map(|request| encoded(&order(request, limit(Side::Buy, 1, 1)))).collect();
            writer.write_all(&bytes).unwrap();
        }
        let action = OrderAction::CancelAll(CancelFilter::default());
        writer.write_all(&encoded(&order(10 * BURST + 1, action))).unwrap();
    });
    let (mut accepted, mut refused, mut last_refused, mut cancelled) = (0, 0, 0, 0);
    loop {
        match client.receive() {
            ServerMessage::RequestRefused { request, reason, limit, .. } => {
                assert_eq!((reason, limit), (GatewayReject::ThrottledKey, 1));
                assert!(request.raw() > last_refused, "refusals come in the order of the requests");
                (refused, last_refused) = (refused + 1, request.raw());
            }
            ServerMessage::Report(report) => match report.body {
                ReportBody::OrderAccepted { .. } => accepted += 1,
                ReportBody::OrderCancelled { .. } => cancelled += 1,
                ReportBody::CancelAllDone { cancelled: all } => {
                    assert_eq!(all, accepted, "the cancel was taken in the middle of the flood");
                    break;
                }
                other => panic!("{other:?}"),
            },
            ServerMessage::Heartbeat | ServerMessage::TestRequest { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    flood.join().unwrap();
    assert_eq!((accepted + refused, cancelled), (10 * BURST, accepted));
    assert!(accepted >= BURST, "{accepted} of a burst of {BURST} were let through");
    assert!(refused >= 8 * BURST, "{refused} of {} were refused", 10 * BURST);
    assert_eq!(world.stats.throttled_total.load(Ordering::SeqCst), refused);
    assert!(world.stats.sessions.load(Ordering::SeqCst) >= 1, "a breach is not the end of a session");
    bystanders.finish(&world);
}

fn an_address_beyond_its_budget_is_turned_away_and_others_are_not(io: IoChoice) {
    const ELSEWHERE: &str = "127.0.0.66";
    let world = World::with(io, 4_096, |config| {
        config.limit_loopback = true;
        config.address_unauthenticated_max = 4;
        config.address_logons_per_second = 20;
    });
    let bystanders = Bystanders::start(&world);
    let (victim, address) = (world.node.trader(3), world.server.local_addr());
    let silent: Vec<_> = (0..4).map(|_| Attacker::connect_from(ELSEWHERE, address)).collect();
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == 6);
    let heard = Attacker::connect_from(ELSEWHERE, address).last_words();
    assert_eq!(reason_of(&heard), Some(LogoutReason::TooManyConnections));
    world.logged_on(&victim).works(1);
    drop(silent);
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == 2);
    // So many that only a machine on which each takes 50 ms would let all of them pass.
    let is_stopped = (0..2_000).any(|number| {
        let mut attacker = Attacker::connect_from(ELSEWHERE, address);
        attacker.send(&forged_logon(victim.key, number as u8));
        match reason_of(&attacker.last_words()) {
            Some(LogoutReason::TooBusy) => true,
            Some(LogoutReason::BadSignature | LogoutReason::TooManyConnections) | None => false,
            other => panic!("{other:?}"),
        }
    });
    assert!(is_stopped, "no budget ended the storm");
    world.logged_on(&victim).works(2);
    bystanders.go_on(1);
    bystanders.finish(&world);
}

fn a_crowd_that_does_not_log_on_keeps_nobody_out_and_takes_bounded_room(io: IoChoice) {
    // And so many that are told that there are too many, at a time.
    const TOLD_MAX: u64 = 64;
    const PLACES: u64 = 8;
    let world = World::with(io, 4_096, |config| {
        config.sessions_max = PLACES as usize;
        config.logon_timeout = Duration::from_secs(600);
    });
    let bystanders = Bystanders::start(&world);
    let (victim, address) = (world.node.trader(3), world.server.local_addr());
    let crowd: Vec<_> = (0..300).map(|_| Attacker::connect(address)).collect();
    for round in 1..=3 {
        // None of them reads, closes, or says anything.
        world.logged_on(&victim).works(round);
        let open = world.stats.connections.load(Ordering::SeqCst);
        assert!(open <= PLACES + TOLD_MAX, "{open} connections are open");
    }
    drop(crowd);
    bystanders.go_on(1);
    bystanders.finish(&world);
}
