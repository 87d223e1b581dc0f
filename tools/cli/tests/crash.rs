//! `kill -9` under load, with real processes: every acknowledged order is there exactly once, nothing is executed twice,
//! balances sum to zero, SQL agrees.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::atomic::Ordering;

use common::{
    Load, assert_digests_equal, check_against_sql, healthy, leads, promote, seed, start_pair, start_single,
    wait_for_sink,
};
use tidegate_node::Role;
use tidegate_node::config::DurabilityName;

const FAILOVERS: u64 = 5;

/// `KILLS=10000 cargo test --release -p tidegate --test crash single` for a long run.
fn kills() -> u64 {
    std::env::var("KILLS").map_or(100, |kills| kills.parse().expect("KILLS is a number"))
}

#[test]
fn a_killed_primary_loses_nothing_that_was_acknowledged_and_its_standby_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = start_pair(dir.path());
    let (market, traders) = seed(&nodes[0], dir.path(), 3);
    let gateways = [nodes[0].gateway(), nodes[1].gateway()];
    let load = Load::start(&traders, market, &gateways, 17);
    for cycle in 0..FAILOVERS {
        let (primary, standby) = if cycle % 2 == 0 { (0, 1) } else { (1, 0) };
        load.wait_for_answers(300 + 97 * cycle);
        nodes[primary].kill();
        promote(&nodes[standby]);
        let before = load.ledger.degraded.load(Ordering::SeqCst);
        load.wait_for_answers(300);
        assert!(load.ledger.degraded.load(Ordering::SeqCst) > before, "a lone primary flags what it acknowledges");
        // The killed one comes back as standby, with an empty folder.
        std::fs::remove_dir_all(nodes[primary].data_dir()).unwrap();
        nodes[primary].config.node.role = Role::Standby;
        nodes[primary].write_config().unwrap();
        nodes[primary].start().unwrap();
        let status = nodes[standby].wait_for("the pair is complete again", healthy).unwrap();
        assert_eq!((u64::from(status.epoch), status.durability.as_str()), (cycle + 2, "replicated"));
        println!("cycle {cycle}: epoch {}, {} answers", status.epoch, load.ledger.acked.load(Ordering::SeqCst));
    }
    let ledger = load.finish();
    let leader = (FAILOVERS % 2) as usize;
    wait_for_sink(&mut nodes[leader]);
    assert_digests_equal(&nodes);
    check_against_sql(dir.path(), &ledger);
    assert!(ledger.reconnects.load(Ordering::SeqCst) >= FAILOVERS * 3);
}

#[test]
fn a_killed_single_node_restarts_with_everything_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Local);
    let (market, traders) = seed(&node, dir.path(), 2);
    let load = Load::start(&traders, market, &[node.gateway()], 4);
    for cycle in 0..kills() {
        load.wait_for_answers(11 + 31 * (cycle % 7));
        node.kill();
        node.start().unwrap();
        let status = node.wait_for("the node leads again", leads).unwrap();
        assert_eq!(status.incarnation, cycle + 2);
    }
    let ledger = load.finish();
    wait_for_sink(&mut node);
    check_against_sql(dir.path(), &ledger);
    let before = node.status(true).unwrap().digest.unwrap();
    node.stop().unwrap();
    // The same journal gives the same state: only the commands of the new start are added.
    node.start().unwrap();
    node.wait_for("the node leads again and goes on where it was", |status| {
        leads(status) && status.watermarks.matched_through > before.sequence
    })
    .unwrap();
    let after = node.status(true).unwrap().digest.unwrap();
    assert!(after.sequence > before.sequence && after.digest != before.digest);
}
