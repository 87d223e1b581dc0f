//! The feed's server with real sockets, over a real event log.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::flow::{self, Flow};
use common::{Truth, assert_book, lossy, step, truth};
use tidegate_domain::*;
use tidegate_feed_client::ChannelFeed;
use tidegate_feed_client::tcp::{FeedClientError, FeedConnection, Step, TcpFollower};
use tidegate_journal::OpenedEventLog;
use tidegate_market_data::{FeedConfig, FeedPorts, FeedRunner};
use tidegate_wire::feed::*;

/// Longest wait for anything: reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine, its event log, and the feed that reads it.
struct World {
    flow: Flow,
    log: OpenedEventLog,
    runner: FeedRunner,
    _folder: tempfile::TempDir,
}

impl World {
    fn start(seed: u64, change: impl FnOnce(&mut FeedConfig)) -> Self {
        println!("seed {seed}");
        let folder = tempfile::tempdir().unwrap();
        let log = flow::open_log(folder.path());
        let mut config = FeedConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)), NodeId::new(1));
        config.heartbeat = Duration::from_millis(300);
        // The budget is asked about in its own test.
        config.recovery_per_second = 10_000_000;
        change(&mut config);
        let ports = FeedPorts {
            log: log.log.clone(),
            leads: Box::new(|| true),
            on_fatal: Box::new(|error| panic!("the feed ends: {error}")),
        };
        let runner = FeedRunner::start(config, ports).unwrap();
        let mut world = Self { flow: Flow::new(seed), log, runner, _folder: folder };
        let mut prelude = world.flow.prelude();
        world.log.writer.append(&mut prelude).unwrap();
        world
    }

    fn address(&self) -> SocketAddr {
        self.runner.local_addr()
    }

    fn play(&mut self, steps: usize) {
        for _ in 0..steps {
            let mut events = step(&mut self.flow);
            if !events.is_empty() {
                self.log.writer.append(&mut events).unwrap();
            }
        }
    }

    fn truth(&self, market: u32) -> Truth {
        truth(&self.flow.engine, MarketId::new(market))
    }

    /// Waits until the feed has read all that was released.
    async fn caught_up(&self) {
        let end = self.log.writer.last().unwrap().0.raw();
        until(|| self.runner.stats().get().through == end).await;
    }
}

async fn until(mut done: impl FnMut() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes before patience ends");
}

/// Steps until the follower's channel is as wanted.
async fn follow(follower: &mut TcpFollower, channel: FeedChannel, wanted: impl Fn(&ChannelFeed) -> bool) {
    let stepping = async {
        while !wanted(follower.feed(channel).unwrap()) {
            match follower.step().await {
                Step::Refused { reason, .. } => panic!("refused: {reason}"),
                Step::Disconnected(error) => println!("{error}"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, stepping).await.expect("it comes before patience ends");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Whether every market of the channel is known to be complete before this number.
fn is_through(feed: &ChannelFeed, markets: usize, next: FeedNumber) -> bool {
    feed.markets().count() == markets
        && feed.markets().all(|market| feed.is_consistent(market) && feed.through(market).next() == next)
}

#[test]
fn followers_of_all_and_of_one_market_have_the_engines_books() {
    runtime().block_on(async {
        let mut world = World::start(21, |_| {});
        world.play(500);
        let channels = [FeedChannel::Orders, FeedChannel::Levels, FeedChannel::Trades];
        let mut all = TcpFollower::new(vec![world.address()], &channels, None);
        // A market that the feed has not read yet would be refused.
        world.caught_up().await;
        let mut one = TcpFollower::new(vec![world.address()], &channels, Some(MarketId::new(2)));
        for _round in 0..5 {
            world.play(400);
            world.caught_up().await;
            let stats = world.runner.stats().get();
            for (channel, last) in channels.into_iter().zip([stats.orders, stats.levels, stats.trades]) {
                let next = FeedNumber::new(last + 1);
                follow(&mut all, channel, |feed| is_through(feed, 2, next)).await;
                follow(&mut one, channel, |feed| is_through(feed, 1, next)).await;
                for market in [1, 2] {
                    let book = all.feed(channel).unwrap().book(MarketId::new(market)).unwrap();
                    assert_book(book, &world.truth(market), "all markets");
                }
                let book = one.feed(channel).unwrap().book(MarketId::new(2)).unwrap();
                assert_book(book, &world.truth(2), "one market");
            }
        }
        let (info, _) = one.feed(FeedChannel::Orders).unwrap().info(MarketId::new(2)).unwrap();
        assert_eq!(info.name.as_str(), "ETH-BTC");
        world.runner.stop();
    });
}

/// Messages of a channel from a retransmit.
async fn fetch(connection: &mut FeedConnection, channel: FeedChannel, first: u64, count: u32) -> Vec<FeedMessage> {
    connection.ask(FeedRequest::Retransmit { channel, first: FeedNumber::new(first), count }).await.unwrap();
    let mut messages = Vec::new();
    loop {
        match connection.next().await.unwrap() {
            FeedServer::Message(message) => messages.push(message),
            FeedServer::Retransmitted { .. } => return messages,
            FeedServer::Heartbeat { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn two_nodes_with_the_same_events_say_the_same_under_the_same_numbers() {
    runtime().block_on(async {
        let mut said = Vec::new();
        for node in 0..2 {
            let mut world = World::start(22, |config| {
                config.node = NodeId::new(node + 1);
                config.heartbeat = Duration::from_secs(5);
            });
            world.play(800);
            world.caught_up().await;
            let mut connection = FeedConnection::open(world.address()).await.unwrap();
            let next = connection.hello().next;
            let mut all = vec![connection.hello().stream];
            let mut messages = Vec::new();
            for channel in FeedChannel::ALL {
                let count = u32::try_from(next.of(*channel).raw() - 1).unwrap();
                messages.extend(fetch(&mut connection, *channel, 1, count.min(4_096)).await);
            }
            all.push(messages.len() as u64);
            said.push((all, messages));
            world.runner.stop();
        }
        assert!(said[0].1.len() > 1_500);
        assert_eq!(said[0], said[1]);
    });
}

/// Events of another leader after the same beginning: what the first one released last is lost with it. In a later term the
/// server knows it; a node that was not replaced goes on in the same term, and only its messages show it.
#[test]
fn a_follower_whose_newest_messages_were_lost_with_their_leader_takes_snapshots() {
    for term in [2, 1] {
        runtime().block_on(a_lost_tail(Epoch::new(term)));
    }
}

async fn a_lost_tail(term: Epoch) {
    let mut first = World::start(29, |_| {});
    first.play(500);
    first.caught_up().await;
    let cut = Arc::new(tokio::sync::Notify::new());
    let servers = Arc::new(std::sync::Mutex::new(first.address()));
    let address = switch(Arc::clone(&servers), Arc::clone(&cut)).await;
    let mut follower = TcpFollower::new(vec![address], &[FeedChannel::Orders], None);
    let mut next = FeedNumber::default();
    // Snapshots, then messages.
    for more in [0, 100] {
        first.play(more);
        first.caught_up().await;
        next = FeedNumber::new(first.runner.stats().get().orders + 1);
        follow(&mut follower, FeedChannel::Orders, |feed| is_through(feed, 2, next)).await;
    }
    // The other has the first 300 of these commands, takes the lead, and goes on by itself for longer.
    let mut second = World::start(29, |_| {});
    second.play(300);
    let lead = Command::TakeLead { node: NodeId::new(2), incarnation: 1, session_grace: Nanos::from_millis(10) };
    second.flow.epoch = term;
    let mut taken = second.flow.apply(0, 0, lead);
    second.log.writer.append(&mut taken).unwrap();
    second.play(900);
    second.caught_up().await;
    let after = FeedNumber::new(second.runner.stats().get().orders + 1);
    assert!(after > next, "the numbers alone would go on");
    *servers.lock().unwrap() = second.address();
    cut.notify_one();
    while !matches!(follower.step().await, Step::Disconnected(_)) {}
    let (mut refused, mut begun_anew) = (false, false);
    let stepping = async {
        while !follower.feed(FeedChannel::Orders).is_some_and(|feed| is_through(feed, 2, after)) {
            match follower.step().await {
                Step::Refused { reason, .. } => {
                    assert_eq!(reason, FeedRefusal::TailLost);
                    refused = true;
                }
                Step::Disconnected(error) => {
                    println!("{error}");
                    begun_anew = true;
                }
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, stepping).await.expect("it comes before patience ends");
    assert_eq!((refused, begun_anew), if term.raw() > 1 { (true, false) } else { (false, true) });
    for market in [1, 2] {
        let book = follower.feed(FeedChannel::Orders).unwrap().book(MarketId::new(market)).unwrap();
        assert_book(book, &second.truth(market), "of the node that leads");
    }
    first.runner.stop();
    second.runner.stop();
}

/// What a server keeps of the channel orders.
struct FeedNumbers {
    oldest: u64,
    next: u64,
}

impl FeedNumbers {
    fn of(connection: &FeedConnection) -> Self {
        let hello = connection.hello();
        Self { oldest: hello.oldest.orders.raw(), next: hello.next.orders.raw() }
    }
}

#[test]
fn a_start_from_a_checkpoint_goes_on_with_the_same_numbers_and_books() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("feed.checkpoint");
        let mut world = World::start(28, |config| {
            config.checkpoint = Some(file.clone());
            config.checkpoint_every_events = 500;
            config.keep_messages = 1_024;
        });
        // Enough for all that is kept of every channel to come after a checkpoint, of the trades as well.
        world.play(8_000);
        world.caught_up().await;
        let before = world.runner.stats().get();
        assert!(file.exists(), "it is written meanwhile");
        for damage in [false, true] {
            world.runner.stop();
            if damage {
                std::fs::write(&file, b"TGFEEDC1 and then nothing of sense").unwrap();
            }
            let mut config = FeedConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)), NodeId::new(1));
            config.checkpoint = Some(file.clone());
            config.keep_messages = 1_024;
            let (leads, log) = (Box::new(|| true), world.log.log.clone());
            let on_fatal = Box::new(|error| panic!("the feed ends: {error}"));
            world.runner = FeedRunner::start(config, FeedPorts { log, leads, on_fatal }).unwrap();
            world.caught_up().await;
            let after = world.runner.stats().get();
            assert_eq!(after.resumed_at > 0, !damage);
            assert!(after.resumed_at < before.through, "what is kept is made again from before it");
            assert_eq!((after.orders, after.levels, after.trades), (before.orders, before.levels, before.trades));
            let mut follower = TcpFollower::new(vec![world.address()], &[FeedChannel::Orders], None);
            let next = FeedNumber::new(after.orders + 1);
            follow(&mut follower, FeedChannel::Orders, |feed| is_through(feed, 2, next)).await;
            let connection = FeedConnection::open(world.address()).await.unwrap();
            let FeedNumbers { oldest, next } = FeedNumbers::of(&connection);
            assert_eq!(next - oldest, 1_024, "readers can go on where they were");
            for market in [1, 2] {
                let book = follower.feed(FeedChannel::Orders).unwrap().book(MarketId::new(market)).unwrap();
                assert_book(book, &world.truth(market), "after a start");
            }
        }
        world.runner.stop();
    });
}

/// Something between the follower and the server that can cut the wire.
async fn proxy(server: SocketAddr, cut: Arc<tokio::sync::Notify>) -> SocketAddr {
    switch(Arc::new(std::sync::Mutex::new(server)), cut).await
}

/// The same, to whichever server is meant when a connection comes.
async fn switch(server: Arc<std::sync::Mutex<SocketAddr>>, cut: Arc<tokio::sync::Notify>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let meant = *server.lock().unwrap();
            let mut server = tokio::net::TcpStream::connect(meant).await.unwrap();
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                () = cut.notified() => {}
            }
        }
    });
    address
}

#[test]
fn a_follower_that_was_away_goes_on_where_it_was_or_is_told_of_the_gap() {
    for (away, keeps) in [(50, true), (3_000, false)] {
        runtime().block_on(async {
            let mut world = World::start(23, |config| config.keep_messages = 1_024);
            world.play(300);
            world.caught_up().await;
            let cut = Arc::new(tokio::sync::Notify::new());
            let address = proxy(world.address(), Arc::clone(&cut)).await;
            let mut follower = TcpFollower::new(vec![address], &[FeedChannel::Orders], None);
            let next = FeedNumber::new(world.runner.stats().get().orders + 1);
            follow(&mut follower, FeedChannel::Orders, |feed| is_through(feed, 2, next)).await;
            cut.notify_one();
            while !matches!(follower.step().await, Step::Disconnected(_)) {}
            while follower.feed(FeedChannel::Orders).unwrap().next_notice().is_some() {}
            world.play(away);
            world.caught_up().await;
            let next = FeedNumber::new(world.runner.stats().get().orders + 1);
            follow(&mut follower, FeedChannel::Orders, |feed| is_through(feed, 2, next)).await;
            let feed = follower.feed(FeedChannel::Orders).unwrap();
            for market in [1, 2] {
                assert_book(feed.book(MarketId::new(market)).unwrap(), &world.truth(market), "after it was away");
            }
            let notices: Vec<_> = std::iter::from_fn(|| feed.next_notice()).collect();
            let is = |what: fn(&tidegate_feed_client::Notice) -> bool| notices.iter().any(what);
            assert_eq!(is(|notice| matches!(notice, tidegate_feed_client::Notice::Lost { .. })), !keeps);
            assert_eq!(is(|notice| matches!(notice, tidegate_feed_client::Notice::Joined { .. })), !keeps);
            world.runner.stop();
        });
    }
}

#[test]
fn a_client_that_does_not_read_is_told_where_to_resume_and_nobody_else_notices() {
    runtime().block_on(async {
        let mut world = World::start(24, |config| {
            config.keep_messages = 8_192;
            config.heartbeat = Duration::from_secs(5);
        });
        world.play(100);
        world.caught_up().await;
        let mut slow = FeedConnection::open(world.address()).await.unwrap();
        let (from, epoch) = (FeedNumber::new(1), Epoch::new(1));
        slow.ask(FeedRequest::Subscribe { channel: FeedChannel::Orders, market: None, from, epoch }).await.unwrap();
        let mut reads = TcpFollower::new(vec![world.address()], &[FeedChannel::Levels], None);
        // More than the system keeps for a socket that nobody reads.
        while world.runner.stats().get().orders < 300_000 {
            world.play(2_000);
            world.caught_up().await;
            let next = FeedNumber::new(world.runner.stats().get().levels + 1);
            follow(&mut reads, FeedChannel::Levels, |feed| is_through(feed, 2, next)).await;
        }
        let mut last = FeedNumber::default();
        let reason = loop {
            match slow.next().await {
                Ok(FeedServer::Message(message)) => {
                    assert!(last.raw() == 0 || message.head.number == last.next(), "without a gap to the end");
                    last = message.head.number;
                }
                Ok(_) => {}
                Err(FeedClientError::Logout { reason, resume, detail, .. }) => {
                    println!("{detail}");
                    assert_eq!(resume.orders, last.next());
                    break reason;
                }
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(reason, FeedLogoutReason::SlowConsumer);
        assert_eq!(world.runner.stats().get().slow_consumers, 1);
        for market in [1, 2] {
            let book = reads.feed(FeedChannel::Levels).unwrap().book(MarketId::new(market)).unwrap();
            assert_book(book, &world.truth(market), "of who reads");
        }
        world.runner.stop();
    });
}

async fn refusal(connection: &mut FeedConnection, request: FeedRequest) -> (FeedRefusal, u32) {
    connection.ask(request).await.unwrap();
    loop {
        match connection.next().await.unwrap() {
            FeedServer::Refused { reason, retry_after_ms, oldest, next, .. } => {
                assert!(oldest <= next);
                return (reason, retry_after_ms);
            }
            FeedServer::Heartbeat { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_cannot_be_given_is_refused_with_the_reason() {
    runtime().block_on(async {
        let mut world = World::start(25, |config| {
            config.keep_messages = 1_024;
            config.retransmit_max = 100;
            config.recovery_per_second = 120;
            config.heartbeat = Duration::from_secs(5);
        });
        world.play(2_000);
        world.caught_up().await;
        let mut connection = FeedConnection::open(world.address()).await.unwrap();
        let hello = connection.hello();
        assert_eq!(hello.retransmit_max, 100);
        let (channel, epoch) = (FeedChannel::Orders, Epoch::new(1));
        let ask = |first: u64, count| FeedRequest::Retransmit { channel, first: FeedNumber::new(first), count };
        let (oldest, next) = (hello.oldest.orders.raw(), hello.next.orders.raw());
        assert!(oldest > 1 && next - oldest == 1_024);
        for (request, reason) in [
            (ask(oldest - 1, 1), FeedRefusal::TooOld),
            (ask(0, 1), FeedRefusal::TooOld),
            (ask(next, 1), FeedRefusal::TooNew),
            (ask(next - 1, 2), FeedRefusal::TooNew),
            (ask(u64::MAX, 100), FeedRefusal::TooNew),
            (ask(oldest, 0), FeedRefusal::TooMany),
            (ask(oldest, 101), FeedRefusal::TooMany),
            (
                FeedRequest::Subscribe { channel, market: Some(MarketId::new(77)), from: FeedNumber::default(), epoch },
                FeedRefusal::UnknownMarket,
            ),
            (
                FeedRequest::Subscribe { channel, market: None, from: FeedNumber::new(next + 1), epoch },
                FeedRefusal::TooNew,
            ),
            (FeedRequest::Snapshot { channel, market: Some(MarketId::new(77)) }, FeedRefusal::UnknownMarket),
        ] {
            assert_eq!(refusal(&mut connection, request).await, (reason, 0), "{request:?}");
        }
        // 120 a second, and one answer on credit: the third is too much, and it says when it is not.
        assert_eq!(fetch(&mut connection, channel, oldest, 100).await.len(), 100);
        assert_eq!(fetch(&mut connection, channel, oldest + 100, 100).await.len(), 100);
        let (reason, retry_after_ms) = refusal(&mut connection, ask(oldest, 100)).await;
        assert_eq!(reason, FeedRefusal::Rate);
        assert!((1..=1_000).contains(&retry_after_ms), "{retry_after_ms}");
        assert_eq!(world.runner.stats().get().refused_requests, 11);
        world.runner.stop();
    });
}

#[test]
fn a_wrong_field_ends_the_connection_with_its_name() {
    runtime().block_on(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let world = World::start(26, |_| {});
        let mut good = Vec::new();
        let subscribe = FeedRequest::Subscribe {
            channel: FeedChannel::Orders,
            market: None,
            from: FeedNumber::new(0),
            epoch: Epoch::default(),
        };
        encode_feed_request(&subscribe, &mut good);
        for (at, value, detail) in [
            (16 + 16, 9, "FeedSubscribe.channel is 9, allowed: 1 orders, 2 levels, 3 trades"),
            (10, 0xff, "template id is 255, which is not known here"),
            (0, 0xff, "block length is 24, length leaves 239"),
        ] {
            let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
            let mut bad = good.clone();
            bad[at] = value;
            stream.write_all(&bad).await.unwrap();
            let mut bytes = Vec::new();
            tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
            let mut rest = bytes.as_slice();
            let mut last = None;
            while let Some(frame) = tidegate_wire::split_frame(rest).unwrap() {
                rest = &rest[frame.bytes().len()..];
                last = Some(decode_feed(&frame).unwrap());
            }
            let Some(FeedServer::Logout { reason, detail: said, .. }) = last else { panic!("{last:?}") };
            assert_eq!(reason, FeedLogoutReason::MalformedFrame);
            assert!(detail.starts_with(&said) && said.len() >= detail.len().min(64), "{said}");
        }
        world.runner.stop();
    });
}

#[test]
fn connections_over_a_limit_are_told_and_the_others_stay() {
    runtime().block_on(async {
        let world = World::start(27, |config| {
            config.connections_per_ip_max = 2;
            config.heartbeat = Duration::from_secs(1);
        });
        let mut first = FeedConnection::open(world.address()).await.unwrap();
        let second = FeedConnection::open(world.address()).await.unwrap();
        match FeedConnection::open(world.address()).await {
            Err(FeedClientError::Logout { reason, detail, .. }) => {
                assert_eq!(reason, FeedLogoutReason::TooManyConnections);
                assert_eq!(detail, "connections of this address: 2 of 2");
            }
            other => panic!("{other:?}"),
        }
        drop(second);
        until(|| world.runner.stats().get().connections == 1).await;
        let third = FeedConnection::open(world.address()).await.unwrap();
        // Idle connections hear from the server, which says up to where nothing is missing.
        let FeedServer::Heartbeat { next } = first.next().await.unwrap() else { panic!("nothing else is said") };
        assert!(next.orders >= third.hello().next.orders || next.orders >= FeedNumber::new(1));
        assert_eq!(world.runner.stats().get().refused_connections, 1);
        world.runner.stop();
        let ended = loop {
            if let Err(error) = first.next().await {
                break error;
            }
        };
        assert!(matches!(ended, FeedClientError::Logout { reason: FeedLogoutReason::NodeStopping, .. }), "{ended}");
    });
}

/// Multicast over the loopback interface, where it works.
mod groups {
    use super::*;
    use std::net::{Ipv4Addr, SocketAddrV4};
    use tidegate_feed_client::multicast::{MulticastFollower, join};
    use tidegate_market_data::MulticastConfig;

    const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

    /// Groups that no other test of this process uses; the ports are free ones.
    fn groups(test: u8) -> [SocketAddrV4; 3] {
        let process = std::process::id().to_le_bytes();
        [1, 2, 3].map(|group| {
            let free = std::net::UdpSocket::bind((LOOPBACK, 0)).unwrap().local_addr().unwrap().port();
            SocketAddrV4::new(Ipv4Addr::new(239, process[0], process[1], test * 4 + group), free)
        })
    }

    fn config(groups: [SocketAddrV4; 3]) -> MulticastConfig {
        MulticastConfig {
            group_a: groups[0],
            group_b: groups[1],
            group_snapshot: groups[2],
            interface_a: LOOPBACK,
            interface_b: LOOPBACK,
            ttl: 0,
            snapshot_interval: Duration::from_millis(100),
            snapshot_packets_per_second: 2_000,
        }
    }

    async fn follow(follower: &mut MulticastFollower, channel: FeedChannel, wanted: impl Fn(&ChannelFeed) -> bool) {
        let stepping = async {
            while !wanted(follower.feed(channel).unwrap()) {
                follower.step().await.unwrap();
            }
        };
        if tokio::time::timeout(PATIENCE, stepping).await.is_err() {
            let counts = follower.counts();
            let feed = follower.feed(channel).unwrap();
            panic!("{counts:?}, missing {:?}, waiting {:?}", feed.missing(), feed.waiting().collect::<Vec<_>>());
        }
    }

    fn run(seed: u64, test: u8, losses: [u64; 3], asks: bool) {
        let groups = groups(test);
        runtime().block_on(async {
            if let Err(error) = join(groups[0], LOOPBACK) {
                eprintln!("SKIPPED: this machine has no multicast on its loopback interface: {error}");
                return;
            }
            let mut world = World::start(seed, |feed| {
                feed.multicast = Some(config(groups));
                // What is lost at the end of a round shows with the next heartbeat.
                feed.heartbeat = Duration::from_millis(50);
            });
            // What the groups lose is lost between them and where the follower listens.
            let mut heard = Vec::new();
            for (at, (group, lost)) in groups.into_iter().zip(losses).enumerate() {
                let inner = tokio::net::UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
                let SocketAddr::V4(to) = inner.local_addr().unwrap() else { panic!("it was bound to IPv4") };
                tokio::spawn(lossy(join(group, LOOPBACK).unwrap(), to, seed + at as u64, lost));
                heard.push(inner);
            }
            let server = asks.then(|| world.address());
            let channels = [FeedChannel::Orders, FeedChannel::Levels, FeedChannel::Trades];
            let mut follower = MulticastFollower::new(heard, server, &channels);
            for _round in 0..10 {
                world.play(150);
                world.caught_up().await;
                let stats = world.runner.stats().get();
                for (channel, last) in channels.into_iter().zip([stats.orders, stats.levels, stats.trades]) {
                    let next = FeedNumber::new(last + 1);
                    follow(&mut follower, channel, |feed| is_through(feed, 2, next)).await;
                    for market in [1, 2] {
                        let book = follower.feed(channel).unwrap().book(MarketId::new(market)).unwrap();
                        assert_book(book, &world.truth(market), "over multicast");
                    }
                }
            }
            println!("{:?} {:?}", follower.counts(), world.runner.stats().get());
            assert_eq!(follower.counts().malformed, 0);
            assert!(follower.counts().packets > 50);
            if asks {
                assert!(follower.counts().retransmits > 0, "nothing was lost on both groups: {:?}", follower.counts());
            }
            world.runner.stop();
        });
    }

    #[test]
    fn one_group_alone_is_enough() {
        run(31, 1, [0, 100, 0], false);
    }

    #[test]
    fn what_both_groups_lose_is_sent_again() {
        run(32, 2, [40, 40, 50], true);
    }

    #[test]
    fn a_standby_says_nothing_to_the_groups_and_begins_when_it_leads() {
        let groups = groups(3);
        runtime().block_on(async {
            let Ok(group) = join(groups[0], LOOPBACK) else {
                eprintln!("SKIPPED: this machine has no multicast on its loopback interface");
                return;
            };
            let (folder, leads) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
            let mut log = flow::open_log(folder.path());
            let mut feed = FeedConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)), NodeId::new(1));
            feed.heartbeat = Duration::from_millis(200);
            feed.multicast = Some(config(groups));
            let asked = Arc::clone(&leads);
            let ports = FeedPorts {
                log: log.log.clone(),
                leads: Box::new(move || asked.load(Ordering::Relaxed)),
                on_fatal: Box::new(|error| panic!("the feed ends: {error}")),
            };
            let runner = FeedRunner::start(feed, ports).unwrap();
            let (_, mut events) = flow::events(33, 300);
            log.writer.append(&mut events).unwrap();
            let end = events.last().unwrap().sequence().raw();
            until(|| runner.stats().get().through == end).await;
            // A connection's heartbeats show that the thread went round several times, and still said nothing.
            let mut connection = FeedConnection::open(runner.local_addr()).await.unwrap();
            for _ in 0..3 {
                assert!(matches!(connection.next().await.unwrap(), FeedServer::Heartbeat { .. }));
            }
            assert_eq!(runner.stats().get().packets, 0);
            leads.store(true, Ordering::Relaxed);
            let mut bytes = vec![0; 2_048];
            let count = tokio::time::timeout(PATIENCE, group.recv(&mut bytes)).await.unwrap().unwrap();
            let Packet::Increments { stream, channel, first, messages } = decode_packet(&bytes[..count]).unwrap()
            else {
                panic!("the group has increments");
            };
            assert_eq!(stream, connection.hello().stream);
            assert!(messages.is_empty(), "what was before it led is not said");
            assert_eq!(first, connection.hello().next.of(channel));
            runner.stop();
        });
    }
}
