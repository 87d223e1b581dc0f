//! Two machines, as two network namespaces with two wires between them: groups A and B each lose, A's wire goes down for a
//! while, and the follower still ends with the engine's books.
//!
//! ```text
//!   namespace S: engine, event log, feed --A--> [wire 1] --> [loses] --.
//!                                        --B--> [wire 2] --> [loses] --+--> MulticastFollower, in namespace C
//!                                        <------ TCP over wire 2 ------'
//! ```
//!
//! The test starts itself again in each namespace and talks to both over their standard input and output.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use common::flow::{self, Flow};
use common::{assert_book, feed, lossy, step, truth};
use tidegate_domain::NodeId;
use tidegate_feed_client::multicast::{MulticastFollower, join};
use tidegate_market_data::core::FeedCore;
use tidegate_market_data::{FeedConfig, FeedPorts, FeedRunner, MulticastConfig};
use tidegate_wire::feed::FeedChannel;

/// Says which part this process plays.
const ROLE: &str = "TIDEGATE_NETNS_ROLE";
const TEST: &str = "a_follower_behind_two_bad_wires_has_the_engines_books";
const SEED: u64 = 41;
const SERVER: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 1, 1), Ipv4Addr::new(10, 77, 2, 1)];
const CLIENT: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 1, 2), Ipv4Addr::new(10, 77, 2, 2)];
/// Longest wait for anything: reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(60);
const CHANNELS: [FeedChannel; 3] = [FeedChannel::Orders, FeedChannel::Levels, FeedChannel::Trades];

fn group(last: u8) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(239, 77, 0, last), 7_300 + u16::from(last))
}

#[test]
fn a_follower_behind_two_bad_wires_has_the_engines_books() {
    match std::env::var(ROLE).as_deref() {
        Ok("server") => serve(),
        Ok(_) => follow(),
        Err(_) => direct(),
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip").args(arguments.split(' ')).output().map_err(|error| format!("ip: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("ip {arguments}: {said}")) }
}

/// Two namespaces, which go with it.
struct Namespaces([String; 2]);

impl Namespaces {
    fn make() -> Result<Self, String> {
        let process = std::process::id();
        let made = Self(["s", "c"].map(|side| format!("tidegate-{side}-{process}")));
        for name in &made.0 {
            ip(&format!("netns add {name}"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        for wire in 0..2 {
            let [server, client] = &made.0;
            ip(&format!("link add w{wire} netns {server} type veth peer name w{wire} netns {client}"))?;
            for (name, address) in [(server, SERVER[wire]), (client, CLIENT[wire])] {
                ip(&format!("-n {name} address add {address}/24 dev w{wire}"))?;
                ip(&format!("-n {name} link set w{wire} up"))?;
            }
        }
        Ok(made)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.0 {
            // One that was not made is not there.
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

/// This test again, in a namespace.
struct Actor {
    child: Child,
    says: BufReader<ChildStdout>,
    hears: ChildStdin,
}

impl Actor {
    fn start(namespace: &str, role: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(program).args(["--exact", TEST, "--nocapture"]);
        command.env(ROLE, role).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (says, hears) = (BufReader::new(child.stdout.take().unwrap()), child.stdin.take().unwrap());
        Self { child, says, hears }
    }

    /// Waits for a line that begins with a word; the rest of it.
    fn wait_for(&mut self, word: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.says.read_line(&mut line).unwrap() > 0, "it ended before it said {word}");
            if let Some(rest) = line.trim().strip_prefix(word) {
                return rest.trim().to_owned();
            }
        }
    }

    fn ask(&mut self, line: &str, word: &str) -> String {
        writeln!(self.hears, "{line}").unwrap();
        self.wait_for(word)
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn direct() {
    let namespaces = match Namespaces::make() {
        Ok(namespaces) => namespaces,
        Err(error) => {
            eprintln!("SKIPPED: network namespaces need root and the program ip: {error}");
            return;
        }
    };
    println!("seed {SEED}");
    let mut server = Actor::start(&namespaces.0[0], "server");
    let address = server.wait_for("READY");
    let mut client = Actor::start(&namespaces.0[1], "client");
    client.wait_for("READY");
    client.ask(&address, "FOLLOWING");
    let mut steps = 0;
    for round in 0..12 {
        // In the middle, group A's wire is down for some rounds.
        if round == 4 || round == 8 {
            let state = if round == 4 { "down" } else { "up" };
            ip(&format!("-n {} link set w0 {state}", namespaces.0[0])).unwrap();
        }
        steps += 200;
        server.ask("200", "PLAYED");
        println!("{steps} steps: {}", client.ask(&steps.to_string(), "SAME"));
    }
    let counts = client.ask("0", "COUNTS");
    println!("{counts}");
    assert!(!counts.contains("retransmits: 0,"), "nothing was lost on both wires: {counts}");
}

fn lines() -> impl Iterator<Item = String> {
    std::io::stdin().lock().lines().map(Result::unwrap)
}

fn serve() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = flow::open_log(folder.path());
    let mut config = FeedConfig::new(SocketAddr::from((SERVER[1], 0)), NodeId::new(1));
    config.heartbeat = Duration::from_millis(50);
    config.recovery_per_second = 10_000_000;
    config.multicast = Some(MulticastConfig {
        group_a: group(1),
        group_b: group(2),
        group_snapshot: group(3),
        interface_a: SERVER[0],
        interface_b: SERVER[1],
        ttl: 1,
        snapshot_interval: Duration::from_millis(200),
        snapshot_packets_per_second: 2_000,
    });
    let ports = FeedPorts {
        log: log.log.clone(),
        leads: Box::new(|| true),
        on_fatal: Box::new(|error| panic!("the feed ends: {error}")),
    };
    let runner = FeedRunner::start(config, ports).unwrap();
    let mut flow = Flow::new(SEED);
    log.writer.append(&mut flow.prelude()).unwrap();
    println!("\nREADY {}", runner.local_addr());
    for line in lines() {
        for _ in 0..line.parse::<u32>().unwrap() {
            let mut events = step(&mut flow);
            if !events.is_empty() {
                log.writer.append(&mut events).unwrap();
            }
        }
        println!("PLAYED");
    }
    runner.stop();
}

fn follow() {
    println!("\nREADY");
    let mut lines = lines();
    let server: SocketAddr = lines.next().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut heard = Vec::new();
        for (at, (group, interface)) in
            [(group(1), CLIENT[0]), (group(2), CLIENT[1]), (group(3), CLIENT[0])].into_iter().enumerate()
        {
            let inner = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let SocketAddr::V4(to) = inner.local_addr().unwrap() else { panic!("it was bound to IPv4") };
            tokio::spawn(lossy(join(group, interface).unwrap(), to, SEED + at as u64, 30));
            heard.push(inner);
        }
        let mut follower = MulticastFollower::new(heard, Some(server), &CHANNELS);
        println!("FOLLOWING");
        // The same commands here: what the books must be.
        let (mut flow, mut core, mut steps) = (Flow::new(SEED), FeedCore::default(), 0);
        feed(&mut core, &flow.prelude());
        for line in lines {
            let wanted: u32 = line.parse().unwrap();
            if wanted == 0 {
                println!("COUNTS {:?}", follower.counts());
                return;
            }
            while steps < wanted {
                feed(&mut core, &step(&mut flow));
                steps += 1;
            }
            for channel in CHANNELS {
                let next = core.next().of(channel);
                let stepping = async {
                    loop {
                        let feed = follower.feed(channel).unwrap();
                        let is_through = |market| feed.is_consistent(market) && feed.through(market).next() == next;
                        if core.markets().all(is_through) {
                            return;
                        }
                        follower.step().await.unwrap();
                    }
                };
                tokio::time::timeout(PATIENCE, stepping).await.expect("it comes before patience ends");
                for market in core.markets() {
                    let book = follower.feed(channel).unwrap().book(market).unwrap();
                    assert_book(book, &truth(&flow.engine, market), "in the other namespace");
                }
            }
            println!("SAME {:?}", follower.counts());
        }
    });
}
