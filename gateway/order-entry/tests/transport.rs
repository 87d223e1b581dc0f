//! Sockets by the many and sockets that break: numbers of sessions, buffers that run out, threads, addresses, resets.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::io::Write;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;

use common::*;
use tidegate_domain::*;
use tidegate_order_entry::IoChoice;
use tidegate_wire::*;

with_both!(
    more_sockets_than_receive_buffers_are_all_served,
    a_key_moves_to_its_thread_and_its_sessions_stay_together,
    an_address_may_have_so_many_connections_without_a_logon,
    an_address_may_try_so_many_logons_and_a_logged_on_session_does_not_notice,
    a_reset_within_a_frame_ends_its_session_alone,
    a_client_that_closes_its_half_is_gone_and_its_place_is_used_again,
    a_thousand_idle_sessions_leave_two_hundred_active_ones_alone,
);

fn orders(first: u64, count: u64) -> Vec<u8> {
    (first..first + count).flat_map(|request| encoded(&order(request, limit(Side::Buy, 1, 1)))).collect()
}

fn more_sockets_than_receive_buffers_are_all_served(io: IoChoice) {
    let world = World::with(io, 4_096, |config| config.receive_buffers = 8);
    let mut clients: Vec<_> = (1..=24).map(|seed| world.logged_on(&world.node.trader(seed))).collect();
    // Everybody has more to send than all buffers hold, at once.
    let writers: Vec<_> = clients
        .iter()
        .map(|client| {
            let mut stream = client.stream.try_clone().unwrap();
            std::thread::spawn(move || stream.write_all(&orders(1, 300)).unwrap())
        })
        .collect();
    for client in &mut clients {
        for request in 1..=300 {
            assert_eq!(client.report().request.raw(), request);
        }
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(world.stats.requests_total.load(Ordering::SeqCst), 24 * 300);
}

fn a_key_moves_to_its_thread_and_its_sessions_stay_together(io: IoChoice) {
    // On the pipeline's thread there is one gateway; elsewhere three.
    let threads = if is_on_the_pipeline() { 1 } else { 3 };
    let world = World::with(io, 4_096, |config| config.threads = threads);
    let traders: Vec<_> = (1..=9).map(|seed| world.node.trader(seed)).collect();
    let mut clients: Vec<_> = traders.iter().map(|trader| world.logged_on(trader)).collect();
    for request in 1..=20 {
        for client in &mut clients {
            client.works(request);
        }
    }
    // What comes with the logon, before it is answered, goes along.
    for (trader, old) in traders.iter().zip(&mut clients) {
        let mut new = world.connect();
        let mut bytes = encoded(&ClientMessage::Logon(new.logon(trader, 0)));
        bytes.extend(encoded(&order(21, limit(Side::Buy, 1, 1))));
        new.send_bytes(&bytes);
        match new.receive() {
            ServerMessage::RequestRefused { request, reason, .. } => {
                assert_eq!((request.raw(), reason), (21, GatewayReject::ReplayNotDone));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(new.until_replay_done().len(), 20);
        assert_eq!(old.goodbye().0, LogoutReason::TakenOver);
        new.works(21);
        *old = new;
    }
    assert_eq!(world.stats.sessions.load(Ordering::SeqCst), 9);
    let goodbyes: Vec<_> =
        clients.into_iter().map(|mut client| std::thread::spawn(move || client.goodbye().0)).collect();
    world.server.stop();
    for goodbye in goodbyes {
        assert_eq!(goodbye.join().unwrap(), LogoutReason::NodeStopping);
    }
    assert_eq!(world.stats.connections.load(Ordering::SeqCst), 0);
}

fn an_address_may_have_so_many_connections_without_a_logon(io: IoChoice) {
    let world = World::with(io, 64, |config| {
        config.limit_loopback = true;
        config.address_unauthenticated_max = 3;
        config.address_logons_per_second = 1_000;
    });
    let mut waiting: Vec<_> = (0..3).map(|_| world.connect()).collect();
    let (reason, _, detail) = world.connect().goodbye();
    assert_eq!(reason, LogoutReason::TooManyConnections);
    assert!(detail.contains("allowed: 3"), "{detail}");
    // One that logs on does not count any more.
    let trader = world.node.trader(1);
    let mut session = waiting.pop().unwrap();
    session.log_on(&trader, 0);
    session.until_replay_done();
    let again = world.connect();
    assert_eq!(world.connect().goodbye().0, LogoutReason::TooManyConnections);
    session.works(1);
    // Nor does one that is gone.
    drop(again);
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == 3);
    drop(world.connect());
}

fn an_address_may_try_so_many_logons_and_a_logged_on_session_does_not_notice(io: IoChoice) {
    let world = World::with(io, 64, |config| {
        config.limit_loopback = true;
        config.address_logons_per_second = 1;
    });
    let (good, bad) = (world.node.trader(1), world.node.trader(2));
    let mut session = world.logged_on(&good);
    let wrong = Trader { signing: good.signing.clone(), ..bad };
    let mut refused = 0;
    // It would take a machine that stands still for a minute to let all of them through.
    for round in 1..=60 {
        let mut client = world.connect();
        client.log_on(&wrong, 0);
        let (reason, _, detail) = client.goodbye();
        match reason {
            LogoutReason::TooBusy => {
                assert!(detail.contains("of this address"), "{detail}");
                refused += 1;
            }
            other => assert_eq!(other, LogoutReason::BadSignature),
        }
        session.works(round);
    }
    assert!(refused > 0);
}

/// Makes the close of a socket a reset.
fn reset(client: TestClient) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the option's value lives through the call and has the length that is said.
    let result = unsafe {
        let value = std::ptr::from_ref(&linger).cast();
        let len = size_of::<libc::linger>() as libc::socklen_t;
        libc::setsockopt(client.stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, value, len)
    };
    assert_eq!(result, 0);
    drop(client);
}

fn a_reset_within_a_frame_ends_its_session_alone(io: IoChoice) {
    let world = World::start(io);
    let mut other = world.logged_on(&world.node.trader(1));
    let trader = world.node.trader(2);
    let frame = encoded(&order(7, limit(Side::Buy, 2, 2)));
    let mut cursor = world.node.log.cursor_at_end().unwrap();
    for (round, cut) in [1, 4, 16, frame.len() - 1].into_iter().enumerate() {
        let mut client = world.logged_on(&trader);
        client.send_bytes(&frame[..cut]);
        reset(client);
        let closed = |_: &EventHeader, event: &Event| matches!(event, Event::SessionClosed { .. });
        world.node.wait_for(&mut cursor, closed);
        other.works(round as u64 + 1);
    }
    // Before the logon, too, and in the middle of it.
    for cut in [0, 10, 60] {
        let mut client = world.connect();
        let logon = encoded(&ClientMessage::Logon(client.logon(&trader, 0)));
        client.send_bytes(&logon[..cut]);
        reset(client);
    }
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == 1);
    world.logged_on(&trader).works(1);
    other.works(99);
}

fn a_client_that_closes_its_half_is_gone_and_its_place_is_used_again(io: IoChoice) {
    let world = World::start(io);
    let mut other = world.logged_on(&world.node.trader(1));
    let trader = world.node.trader(2);
    for round in 1..=60 {
        let mut client = world.logged_on(&trader);
        client.works(round);
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.try_receive(), None, "a client that says no more has no session");
        other.works(round);
    }
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == 1);
}

/// Resident memory of this process in bytes.
fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

fn a_thousand_idle_sessions_leave_two_hundred_active_ones_alone(io: IoChoice) {
    const IDLE: u16 = 1_000;
    const ACTIVE: u16 = 200;
    raise_descriptor_limit();
    let world = World::with(io, 4_096, |config| config.sessions_max = 2_048);
    let traders: Vec<_> = (1..=IDLE + ACTIVE).map(|seed| world.node.trader(seed)).collect();
    let mut active: Vec<_> = traders[..ACTIVE.into()].iter().map(|trader| world.logged_on(trader)).collect();
    let before = resident_bytes();
    let idle: Vec<_> = traders[ACTIVE.into()..].iter().map(|trader| world.logged_on(trader)).collect();
    let grown = resident_bytes().saturating_sub(before);
    // The clients of this test are in it, too.
    println!("{} bytes for an idle session and its client here", grown / usize::from(IDLE));
    assert_eq!(world.stats.sessions.load(Ordering::SeqCst), u64::from(IDLE + ACTIVE));
    for request in 1..=20 {
        for client in &mut active {
            client.order(request, limit(Side::Buy, 1, 1));
        }
        for client in &mut active {
            assert_eq!(client.report().request.raw(), request);
        }
    }
    for mut client in idle {
        client.works(1);
    }
}

/// To what the system allows at most: this test needs both ends of 1,200 connections.
fn raise_descriptor_limit() {
    // SAFETY: plain system calls on a value that lives through them.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
        assert!(limit.rlim_cur >= 4_096, "this system allows {} open files; 4096 are needed", limit.rlim_cur);
    }
}
