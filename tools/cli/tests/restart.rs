//! A pair that is started again with what it has: together, one by one, with lost ends, with small rings.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::path::Path;

use common::{
    assert_digests_equal, assert_has, client_of, healthy, leads, place, plan, promote, refused, seed, start_pair,
};
use tidegate_cli::local::{LocalNode, Trader};
use tidegate_client::{Client, ClientEvent};
use tidegate_domain::{MarketId, Price, Qty, Side, TimeInForce};
use tidegate_node::config::DurabilityName;
use tidegate_node::status::NodeState;
use tidegate_node::{AdminRequest, Role};
use tidegate_wire::OrderAction;

/// A pair whose rings hold next to nothing.
fn start_small_pair(folder: &Path) -> Vec<LocalNode> {
    let mut nodes = plan(folder, 2, DurabilityName::Replicated).write().unwrap();
    for node in nodes.iter_mut().rev() {
        node.config.pipeline.command_ring_slots = 64;
        node.config.pipeline.event_ring_slots = 64;
        node.config.pipeline.inbox_slots = 64;
        node.write_config().unwrap();
        node.start().unwrap();
    }
    nodes[0].wait_for("the pair is complete", healthy).unwrap();
    nodes
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Places orders one by one; whether the last was flagged.
fn place_orders(nodes: &[LocalNode], trader: &Trader, market: u32, orders: u32) -> bool {
    let gateways: Vec<_> = nodes.iter().map(LocalNode::gateway).collect();
    runtime().block_on(async {
        let mut client = Client::connect(client_of(trader, &gateways)).await.unwrap();
        let mut flagged = false;
        for _ in 0..orders {
            flagged = place(&mut client, market).await;
        }
        client.logout().await.unwrap();
        flagged
    })
}

/// Starts a node in another role.
fn start_as(node: &mut LocalNode, role: Role) {
    node.config.node.role = role;
    node.write_config().unwrap();
    node.start().unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_pair_starts_again_with_more_history_than_its_rings_hold() {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = start_small_pair(dir.path());
    let (market, traders) = seed(&nodes[0], dir.path(), 1);
    place_orders(&nodes, &traders[0], market, 300);
    for orderly in [true, false] {
        for node in &mut nodes {
            if orderly { node.stop().unwrap() } else { node.kill() }
        }
        for node in nodes.iter_mut().rev() {
            node.start().unwrap();
        }
        nodes[0].wait_for("the pair is complete", healthy).unwrap();
        assert!(!place_orders(&nodes, &traders[0], market, 50));
    }
    // The primary first: it has nobody yet who could confirm its tail.
    nodes.iter_mut().for_each(LocalNode::kill);
    nodes[0].start().unwrap();
    nodes[0].wait_for("it waits for its standby", |status| status.state == NodeState::Blocked).unwrap();
    nodes[1].start().unwrap();
    nodes[0].wait_for("the pair is complete", healthy).unwrap();
    assert_digests_equal(&nodes);
    // The standby alone: it knows of no commit, and is promoted.
    nodes.iter_mut().for_each(LocalNode::kill);
    nodes[1].start().unwrap();
    nodes[1].wait_for("it follows", |status| status.state == NodeState::Standby).unwrap();
    promote(&nodes[1]);
    assert!(place_orders(&nodes, &traders[0], market, 10), "flagged: it is alone");
    // The promoted node alone, as the primary that it is now. The operator decides to go on without a standby.
    nodes[1].kill();
    start_as(&mut nodes[1], Role::Primary);
    nodes[1].wait_for("it waits for its standby", |status| status.state == NodeState::Blocked).unwrap();
    nodes[1].ask(&AdminRequest::SetDurability { durability: DurabilityName::Local }).unwrap();
    let status = nodes[1].wait_for("it leads", leads).unwrap();
    assert_eq!((status.epoch, status.state), (2, NodeState::Degraded));
    assert!(place_orders(&nodes, &traders[0], market, 10));
    nodes[1].stop().unwrap();
}

#[test]
fn the_operator_can_change_the_rule_while_every_queue_is_full() {
    const ORDERS: u64 = 2_000;
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = start_small_pair(dir.path());
    let (market, traders) = seed(&nodes[0], dir.path(), 1);
    let config = client_of(&traders[0], &[nodes[0].gateway()]);
    let (connected, is_connected) = std::sync::mpsc::channel();
    let (standby_is_gone, go) = std::sync::mpsc::channel();
    let answers = std::thread::spawn(move || {
        runtime().block_on(async {
            let mut client = Client::connect(config).await.unwrap();
            connected.send(()).unwrap();
            go.recv().unwrap();
            let order = OrderAction::limit(
                MarketId::new(market),
                Side::Buy,
                TimeInForce::Gtc,
                Price::from_ticks(1_000),
                Qty::from_lots(1),
            );
            let (mut sent, mut answered, mut flagged) = (0, 0, 0);
            while answered < ORDERS {
                if sent < ORDERS && client.in_flight() < 512 {
                    client.submit(order.clone()).await.unwrap();
                    sent += 1;
                    if sent % 64 == 0 || sent == ORDERS {
                        client.flush().await.unwrap();
                    }
                } else if let ClientEvent::Report { report, answered: Some(_) } = client.next_event().await.unwrap() {
                    answered += 1;
                    flagged += u64::from(report.degraded);
                }
            }
            client.logout().await.unwrap();
            flagged
        })
    });
    is_connected.recv().unwrap();
    nodes[1].kill();
    standby_is_gone.send(()).unwrap();
    let full = |status: &tidegate_node::NodeStatus| status.state == NodeState::Blocked && status.inbox_fill >= 64;
    nodes[0].wait_for("every queue is full", full).unwrap();
    nodes[0].ask(&AdminRequest::SetDurability { durability: DurabilityName::Local }).unwrap();
    assert_eq!(answers.join().unwrap(), ORDERS, "all answered, all flagged");
    nodes[0].stop().unwrap();
}

#[test]
fn a_starting_standby_is_not_promoted_beside_its_living_primary() {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = start_pair(dir.path());
    seed(&nodes[0], dir.path(), 1);
    for _ in 0..5 {
        nodes[1].kill();
        nodes[1].start().unwrap();
        loop {
            let refusal = nodes[1].ask(&AdminRequest::Promote { force: false }).unwrap_err();
            if refusal.starts_with("primary_alive") {
                break;
            }
            // The old process's socket may still be there.
            assert!(refusal.starts_with("starting") || refusal.contains("no node answers"), "{refusal}");
            assert!(nodes[1].has_exited().is_none(), "{}", nodes[1].log_tail());
        }
    }
    let status = nodes[0].wait_for("the pair is complete", healthy).unwrap();
    assert_eq!(status.epoch, 1);
}

#[test]
fn a_primary_that_lost_its_journals_end_does_not_lead_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = start_pair(dir.path());
    let (market, traders) = seed(&nodes[0], dir.path(), 1);
    for node in nodes.iter_mut() {
        node.stop().unwrap();
    }
    let (data, old) = (nodes[0].data_dir().to_owned(), dir.path().join("old"));
    copy_folder(&data, &old);
    for node in nodes.iter_mut().rev() {
        node.start().unwrap();
    }
    nodes[0].wait_for("the pair is complete", healthy).unwrap();
    place_orders(&nodes, &traders[0], market, 20);
    nodes[0].kill();
    // As after a power cut: the journal ends earlier, the standby has what was acknowledged.
    std::fs::remove_file(data.join("journal-00000001.seg")).unwrap();
    std::fs::copy(old.join("journal-00000001.seg"), data.join("journal-00000001.seg")).unwrap();
    let message = refused(&["node", "--config", nodes[0].config_file().to_str().unwrap()]);
    assert_has(&message, &["the event log", "events were released that the journal has lost", "Promote the standby"]);
    // The same with an event log that lost as much: nothing but the peer tells.
    std::fs::remove_dir_all(&data).unwrap();
    copy_folder(&old, &data);
    nodes[0].start().unwrap();
    let ended = loop {
        if let Some(ended) = nodes[0].has_exited() {
            break ended;
        }
        std::thread::yield_now();
    };
    assert_eq!(ended.code(), Some(tidegate_node::EXIT_FENCED));
    assert_has(&nodes[0].log_tail(), &["the peer's journal reaches", "tidegate promote"]);
    // It does not forget, even when nobody is there to tell it.
    nodes[0].kill();
    nodes[1].kill();
    let message = refused(&["node", "--config", nodes[0].config_file().to_str().unwrap()]);
    assert_has(&message, &["the peer had", "tidegate promote"]);
    nodes[1].start().unwrap();
    nodes[1].wait_for("it follows", |status| status.state == NodeState::Standby).unwrap();
    promote(&nodes[1]);
    assert!(place_orders(&nodes, &traders[0], market, 1));
}

#[test]
fn a_standby_whose_event_log_outlived_its_journal_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = start_pair(dir.path());
    let (market, traders) = seed(&nodes[0], dir.path(), 1);
    nodes[1].stop().unwrap();
    let journal = nodes[1].data_dir().join("journal-00000001.seg");
    let old = std::fs::read(&journal).unwrap();
    nodes[1].start().unwrap();
    nodes[0].wait_for("the pair is complete", healthy).unwrap();
    place_orders(&nodes, &traders[0], market, 20);
    nodes.iter_mut().for_each(LocalNode::kill);
    std::fs::write(&journal, old).unwrap();
    nodes[1].start().unwrap();
    nodes[1].wait_for("it follows", |status| status.state == NodeState::Standby).unwrap();
    // The event log was the proof that it lacks what was acknowledged: it is cut, and not forgotten.
    let refusal = loop {
        let refusal = nodes[1].ask(&AdminRequest::Promote { force: false }).unwrap_err();
        if !refusal.starts_with("starting") {
            break refusal;
        }
    };
    assert_has(&refusal, &["behind", "would lose"]);
    nodes[0].start().unwrap();
    nodes[0].wait_for("the pair is complete", healthy).unwrap();
    assert!(!place_orders(&nodes, &traders[0], market, 20));
    assert_digests_equal(&nodes);
}

#[test]
fn a_standby_takes_its_limits_from_its_primary() {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = plan(dir.path(), 2, DurabilityName::Replicated).write().unwrap();
    nodes[1].config.limits.keys_max = 1;
    nodes[1].config.limits.accounts_max = 1;
    nodes[1].config.limits.open_orders_max = 1;
    nodes[1].write_config().unwrap();
    for node in nodes.iter_mut().rev() {
        node.start().unwrap();
    }
    nodes[0].wait_for("the pair is complete", healthy).unwrap();
    let (market, traders) = seed(&nodes[0], dir.path(), 3);
    for trader in &traders {
        place_orders(&nodes, trader, market, 5);
    }
    nodes[0].kill();
    promote(&nodes[1]);
    assert!(place_orders(&nodes, &traders[2], market, 1));
    nodes[1].kill();
    start_as(&mut nodes[1], Role::Primary);
    nodes[1].wait_for("it waits for its standby", |status| status.state == NodeState::Blocked).unwrap();
}
