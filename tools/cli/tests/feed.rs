//! The market-data feed of real nodes: through a failover, and as the command shows it.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use common::{Load, TIMEOUT, assert_has, healthy, leads, plan, promote, refused, seed, tidegate};
use serde_json::Value;
use tidegate_cli::local::LocalNode;
use tidegate_domain::{MarketId, Side};
use tidegate_feed_client::Notice;
use tidegate_feed_client::tcp::{Step, TcpFollower};
use tidegate_node::config::{DurabilityName, MulticastSection};
use tidegate_wire::feed::{FeedBody, FeedChannel};

fn feed_of(node: &LocalNode) -> SocketAddr {
    node.config.market_data.as_ref().unwrap().listen
}

/// What a follower saw.
struct Seen {
    trades: BTreeSet<(u64, u32)>,
    connections: u32,
}

/// Follows until it has seen these many trades and its book is empty.
async fn follow(mut follower: TcpFollower, stop: tokio::sync::watch::Receiver<Option<usize>>) -> Seen {
    let mut seen = Seen { trades: BTreeSet::new(), connections: 0 };
    loop {
        match follower.step().await {
            Step::Connected(_) => seen.connections += 1,
            Step::Disconnected(error) => println!("{error}"),
            Step::Refused { reason, .. } => panic!("refused: {reason}"),
            Step::Taken(_) | Step::Other => {}
        }
        for channel in [FeedChannel::Orders, FeedChannel::Trades] {
            while let Some(notice) = follower.feed(channel).unwrap().next_notice() {
                match notice {
                    Notice::Applied(message) => {
                        if let FeedBody::Trade { .. } = message.body {
                            let trade = (message.head.sequence.raw(), message.head.index);
                            assert!(seen.trades.insert(trade), "trade {trade:?} came twice");
                        }
                    }
                    Notice::Joined { .. } | Notice::Gap { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        if *stop.borrow() == Some(seen.trades.len()) {
            let orders = follower.feed(FeedChannel::Orders).unwrap();
            let market = MarketId::new(1);
            let is_empty = orders.is_consistent(market)
                && [Side::Buy, Side::Sell].iter().all(|side| orders.book(market).unwrap().levels(*side, 1).is_empty());
            if is_empty {
                return seen;
            }
        }
    }
}

#[test]
fn trades_and_books_of_both_nodes_are_complete_through_a_failover() {
    let dir = tempfile::tempdir().unwrap();
    let mut plan = plan(dir.path(), 2, DurabilityName::Replicated);
    plan.market_data = true;
    let mut nodes = plan.write().unwrap();
    nodes[1].start().unwrap();
    nodes[0].start().unwrap();
    nodes[0].wait_for("the pair is complete", healthy).unwrap();
    let (market, traders) = seed(&nodes[0], dir.path(), 2);
    let feeds: Vec<SocketAddr> = nodes.iter().map(feed_of).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(None);
    let channels = [FeedChannel::Orders, FeedChannel::Trades];
    // One goes to the other node when its own is gone, the other follows the standby from the beginning.
    let followers = [feeds.clone(), vec![feeds[1]]].map(|addresses| {
        let follower = TcpFollower::new(addresses, &channels, None);
        runtime.spawn(follow(follower, stopped.clone()))
    });
    let gateways: Vec<SocketAddr> = nodes.iter().map(LocalNode::gateway).collect();
    let load = Load::start(&traders, market, &gateways, 77);
    load.wait_for_answers(2_000);
    let mut shown = tidegate(&["feed", "--address", &feeds[0].to_string(), "--market", "BTC-USDT", "--once", "--json"]);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let lines: Vec<Value> = shown.stdout.lines_of_json();
    let book = lines.iter().find(|line| line["type"] == "book").unwrap();
    assert_eq!((book["consistent"].as_bool(), book["state"].as_str()), (Some(true), Some("open")));
    nodes[0].kill();
    promote(&nodes[1]);
    load.wait_for_answers(2_000);
    let ledger = load.finish();
    let told = ledger.trades.lock().unwrap().clone();
    stop.send(Some(told.len())).unwrap();
    for (follower, connections) in followers.into_iter().zip([2, 1]) {
        let seen = runtime.block_on(async { tokio::time::timeout(TIMEOUT, follower).await }).expect("it ends").unwrap();
        assert!(seen.trades == told, "the feed has the trades that takers were told");
        assert!(seen.connections >= connections, "{}", seen.connections);
    }
    shown = tidegate(&["feed", "--address", &feeds[1].to_string(), "--market", "BTC-USDT", "--once"]);
    assert_has(&String::from_utf8(shown.stdout).unwrap(), &["BTC-USDT", "open", "complete through", "bid", "ask"]);
    let wrong = ["feed", "--address", &feeds[1].to_string(), "--market", "DOGE-USDT"];
    assert_has(&refused(&wrong), &["`--market` DOGE-USDT", "BTC-USDT"]);
    let gone = ["feed", "--address", &feeds[0].to_string(), "--market", "BTC-USDT"];
    assert_has(&refused(&gone), &["`--address`", &feeds[0].to_string(), "[market_data]"]);
}

#[test]
fn a_wrong_market_data_section_is_refused_with_the_field_its_value_and_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let mut plan = plan(dir.path(), 1, DurabilityName::Local);
    plan.market_data = true;
    let mut node = plan.write().unwrap().remove(0);
    let group = |last, port| SocketAddrV4::new(Ipv4Addr::new(239, 1, 1, last), port);
    node.config.market_data.as_mut().unwrap().multicast = Some(MulticastSection {
        group_a: group(1, 7_301),
        group_b: group(2, 7_302),
        group_snapshot: group(3, 7_303),
        interface_a: Ipv4Addr::UNSPECIFIED,
        interface_b: Ipv4Addr::UNSPECIFIED,
        ttl: 1,
        snapshot_interval_ms: 5_000,
        snapshot_packets_per_second: 2_000,
    });
    node.write_config().unwrap();
    let file = node.config_file().to_str().unwrap().to_owned();
    let good = std::fs::read_to_string(&file).unwrap();
    let shown = tidegate(&["check-config", &file]);
    let listen = feed_of(&node).to_string();
    assert_has(
        &String::from_utf8(shown.stdout).unwrap(),
        &["Market data on", &listen, "239.1.1.1:7301", "239.1.1.3:7303"],
    );
    for (from, to, parts) in [
        ("keep_messages = 65536", "keep_messages = 1023", ["market_data.keep_messages", "`1023`", "1024 to 16777216"]),
        ("keep_messages = 65536", "keep_message = 65536", ["keep_message", "unknown field", "keep_messages"]),
        ("connections_max = 256", "connections_max = 0", ["market_data.connections_max", "`0`", "1 to 65536"]),
        (
            "connections_per_ip_max = 16",
            "connections_per_ip_max = 257",
            ["market_data.connections_per_ip_max", "`257`", "connections_max"],
        ),
        (
            "recovery_per_second = 100000",
            "recovery_per_second = 99",
            ["recovery_per_second", "`99`", "100 to 100000000"],
        ),
        ("retransmit_max = 4096", "retransmit_max = 65537", ["market_data.retransmit_max", "`65537`", "keep_messages"]),
        ("239.1.1.2:7302", "10.1.1.2:7302", ["multicast.group_b", "`10.1.1.2:7302`", "239.255.255.255"]),
        ("239.1.1.2:7302", "239.1.1.1:7301", ["multicast.group_b", "`239.1.1.1:7301`", "another for each"]),
        ("239.1.1.3:7303", "239.1.1.3:0", ["multicast.group_snapshot", "`239.1.1.3:0`", "a port"]),
        ("snapshot_interval_ms = 5000", "snapshot_interval_ms = 1", ["snapshot_interval_ms", "`1`", "100 to 600000"]),
        (
            "snapshot_packets_per_second = 2000",
            "snapshot_packets_per_second = 0",
            ["snapshot_packets_per_second", "`0`", "1 to 1000000"],
        ),
    ] {
        assert!(good.contains(from), "{from}");
        std::fs::write(&file, good.replace(from, to)).unwrap();
        assert_has(&refused(&["check-config", &file]), &parts);
    }
}

trait Lines {
    fn lines_of_json(&self) -> Vec<Value>;
}

impl Lines for Vec<u8> {
    fn lines_of_json(&self) -> Vec<Value> {
        std::str::from_utf8(self).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The numbering goes on over a restart, which reads it from the event log.
#[test]
fn a_restarted_node_goes_on_with_the_same_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let mut plan = plan(dir.path(), 1, DurabilityName::Local);
    plan.market_data = true;
    let mut node = plan.write().unwrap().remove(0);
    node.start().unwrap();
    node.wait_for("the node leads", leads).unwrap();
    let (market, traders) = seed(&node, dir.path(), 2);
    let load = Load::start(&traders, market, &[node.gateway()], 78);
    load.wait_for_answers(1_000);
    load.finish();
    let through = node.status(false).unwrap().watermarks.published_through;
    let said = |node: &LocalNode| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = tidegate_feed_client::tcp::FeedConnection::open(feed_of(node)).await.unwrap();
            let hello = connection.hello();
            let (channel, first) = (FeedChannel::Trades, hello.oldest.trades);
            let count = u32::try_from(hello.next.trades.raw() - first.raw()).unwrap().min(hello.retransmit_max);
            let ask = tidegate_wire::feed::FeedRequest::Retransmit { channel, first, count };
            connection.ask(ask).await.unwrap();
            let mut messages = Vec::new();
            loop {
                match connection.next().await.unwrap() {
                    tidegate_wire::feed::FeedServer::Message(message) => messages.push(message),
                    tidegate_wire::feed::FeedServer::Retransmitted { .. } => return (hello.stream, messages),
                    _ => {}
                }
            }
        })
    };
    let before = said(&node);
    assert!(before.1.len() > 100 && before.0 != 0);
    node.stop().unwrap();
    node.start().unwrap();
    node.wait_for("the node leads again", |status| leads(status) && status.watermarks.published_through >= through)
        .unwrap();
    assert!(said(&node) == before, "the same messages under the same numbers");
    node.stop().unwrap();
}
