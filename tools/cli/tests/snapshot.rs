//! Snapshots of real nodes: taken beside them, started from after `kill -9`, passed over when damaged.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::path::Path;
use std::time::Instant;

use common::{
    Load, TIMEOUT, assert_has, check_against_sql, leads, plan, refused, seed, start_single, tidegate, wait_for_sink,
};
use serde_json::Value;
use tidegate_cli::local::LocalNode;
use tidegate_journal::{LogKind, verify};
use tidegate_node::AdminRequest;
use tidegate_node::config::DurabilityName;

fn snapshot(arguments: &[&str], dir: &Path) -> Value {
    let all = [&["journal", "snapshot"], arguments, &["--json", "--data-dir", dir.to_str().unwrap()]].concat();
    let output = tidegate(&all);
    assert!(output.status.success(), "{all:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Takes a snapshot beside a quiet node when its last command is below a commit mark, ten milliseconds after it.
fn snapshot_of_everything(node: &LocalNode) -> Value {
    let digest = node.status(true).unwrap().digest.unwrap();
    let started = Instant::now();
    let committed = || verify(node.data_dir(), LogKind::Journal, |_, _| {}).map_or(0, |report| report.commit.raw());
    while committed() < digest.sequence {
        assert!(started.elapsed() < TIMEOUT, "{digest:?}");
    }
    let made = snapshot(&["now"], node.data_dir());
    assert_eq!(made["sequence"], digest.sequence);
    assert_eq!(made["digest"], digest.digest, "the replay comes to the state of the node");
    made
}

fn copy_logs(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name.ends_with(".seg") {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

fn damage(file: &str) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(file, bytes).unwrap();
}

/// Starts it again; the snapshot from which it did.
fn restart(node: &mut LocalNode) -> u64 {
    node.kill();
    node.start().unwrap();
    node.wait_for("the node leads again", leads).unwrap().started_from
}

#[test]
fn a_killed_node_goes_on_from_a_snapshot_that_was_taken_beside_it_under_load() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Local);
    let (market, traders) = seed(&node, dir.path(), 2);
    let load = Load::start(&traders, market, &[node.gateway()], 11);
    load.wait_for_answers(300);
    let first = snapshot(&["now", "--idle"], node.data_dir());
    load.wait_for_answers(300);
    let second = snapshot(&["now"], node.data_dir());
    assert_eq!((first["base"].as_u64(), &second["base"]), (Some(0), &first["sequence"]));
    // Clients go on over the restart: their sessions, their reports and what they sent again.
    load.wait_for_answers(200);
    assert_eq!(restart(&mut node), second["sequence"]);
    load.wait_for_answers(200);
    assert_eq!(restart(&mut node), second["sequence"]);
    load.wait_for_answers(100);
    let ledger = load.finish();
    wait_for_sink(&mut node);
    check_against_sql(dir.path(), &ledger);
    assert!(node.ask(&AdminRequest::List).unwrap()["keys"].as_array().unwrap().len() >= 2);

    // Beside the node, from the snapshot; and all of it, without any.
    let third = snapshot_of_everything(&node);
    assert_eq!(third["base"], second["sequence"]);
    assert_eq!(third["removed"], serde_json::json!([first["sequence"]]));
    let copy = dir.path().join("copy");
    copy_logs(node.data_dir(), &copy);
    let replayed = snapshot(&["now"], &copy);
    assert_eq!((replayed["base"].as_u64(), &replayed["sequence"]), (Some(0), &third["sequence"]));
    assert_eq!(replayed["digest"], third["digest"]);
    let files = [&third, &replayed].map(|made| std::fs::read(made["file"].as_str().unwrap()).unwrap());
    assert!(files[0] == files[1], "the same state at the same places of the same logs");
    assert_eq!(snapshot(&["now"], node.data_dir())["file"], Value::Null, "nothing came after it");

    // A copy of the running node's folder is a node.
    let restored = dir.path().join("restored");
    let made = snapshot(&["restore", "--from", node.data_dir().to_str().unwrap()], &restored);
    assert_eq!((&made["snapshot"], &made["last_sequence"]), (&third["sequence"], &third["sequence"]));
    let checks = snapshot(&["verify"], &restored);
    assert!(checks.as_array().unwrap().iter().all(|check| check["good"] == true), "{checks}");
    node.kill();
    node.config.node.data_dir = restored;
    node.config.sql = None;
    node.write_config().unwrap();
    assert_eq!(restart(&mut node), third["sequence"]);
    let again =
        ["journal", "snapshot", "restore", "--from", "/nowhere", "--data-dir", node.data_dir().to_str().unwrap()];
    assert_has(&refused(&again), &["is not empty"]);
}

#[test]
fn a_damaged_snapshot_is_passed_over_for_the_one_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Local);
    seed(&node, dir.path(), 1);
    let older = snapshot_of_everything(&node);
    node.create_trader("another", &dir.path().join("another.key"), &[]).unwrap();
    let newer = snapshot_of_everything(&node);
    let listed = snapshot(&["list"], node.data_dir());
    assert_eq!([&listed[0]["sequence"], &listed[1]["sequence"]], [&older["sequence"], &newer["sequence"]]);
    assert_eq!(restart(&mut node), newer["sequence"]);

    let file = newer["file"].as_str().unwrap();
    damage(file);
    let verify = ["journal", "snapshot", "verify", "--json", "--data-dir", node.data_dir().to_str().unwrap()];
    let checked = tidegate(&verify);
    assert!(!checked.status.success());
    assert_has(&String::from_utf8(checked.stdout).unwrap(), &[file, "checksum or hash is wrong"]);
    assert_eq!(restart(&mut node), older["sequence"]);
    assert_has(&node.log_tail(), &["a snapshot is passed over", file]);
    // The next one begins with the good one, which stays: the damaged one is not one of the two that are kept.
    node.create_trader("third", &dir.path().join("third.key"), &[]).unwrap();
    let third = snapshot_of_everything(&node);
    assert_eq!((&third["base"], &third["removed"]), (&older["sequence"], &serde_json::json!([])));

    for made in [&older, &third] {
        damage(made["file"].as_str().unwrap());
    }
    assert_eq!(restart(&mut node), 0, "the whole journal is still there");
    let status = node.status(false).unwrap();
    assert!(status.watermarks.matched_through > third["sequence"].as_u64().unwrap());
}

/// The event log is not synced on the way of an acknowledgement: after a power cut it may end before the newest snapshot.
#[test]
fn an_event_log_that_lost_its_end_is_made_again_from_the_snapshot_that_it_reaches() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Local);
    seed(&node, dir.path(), 1);
    let older = snapshot_of_everything(&node);
    let log = node.data_dir().join("events-00000001.seg");
    let before = std::fs::read(&log).unwrap();
    node.create_trader("another", &dir.path().join("another.key"), &[]).unwrap();
    let newer = snapshot_of_everything(&node);
    node.kill();
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, before).unwrap();
    assert_eq!(restart(&mut node), older["sequence"]);
    assert_has(&node.log_tail(), &["a snapshot is passed over", newer["file"].as_str().unwrap()]);
    node.kill();
    let again = std::fs::read(&log).unwrap();
    // Batches may be cut elsewhere; the events are the same.
    assert!(again != whole);
    let events = |bytes: Vec<u8>| {
        std::fs::write(&log, bytes).unwrap();
        let dumped = tidegate(&["journal", "dump", "--log", "events", "--data-dir", node.data_dir().to_str().unwrap()]);
        String::from_utf8(dumped.stdout).unwrap()
    };
    let (whole, again) = (events(whole), events(again));
    assert!(again.len() > whole.len() && again.starts_with(&whole), "{whole}\n{again}");
}

/// The schedule of a running node, and what it removes.
#[test]
fn a_node_takes_snapshots_by_itself_and_removes_the_journal_behind_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = plan(dir.path(), 1, DurabilityName::Async).write().unwrap().remove(0);
    node.config.journal.segment_mib = 1;
    node.config.snapshots.every_commands = 2_000;
    node.config.snapshots.prune = true;
    node.write_config().unwrap();
    node.start().unwrap();
    node.wait_for("the node leads", leads).unwrap();
    let (market, traders) = seed(&node, dir.path(), 3);
    let load = Load::start(&traders, market, &[node.gateway()], 5);
    let oldest = node.data_dir().join("journal-00000001.seg");
    node.wait_for("the first segment is removed", |_| !oldest.exists()).unwrap();
    load.wait_for_answers(100);
    let ledger = load.finish();
    let from = restart(&mut node);
    assert!(from > 0);
    wait_for_sink(&mut node);
    check_against_sql(dir.path(), &ledger);
    // Asked for by an operator.
    node.ask(&AdminRequest::Snapshot).unwrap();
    node.wait_for("there is a newer one", |status| status.snapshot.sequence > from && !status.snapshot.running)
        .unwrap();

    let dir = node.data_dir().to_owned();
    let verified = tidegate(&["journal", "verify", "--data-dir", dir.to_str().unwrap()]);
    assert_has(&String::from_utf8(verified.stdout).unwrap(), &["good", "begins at segment", "needs a snapshot"]);
    // A backup of it has what a start needs; a cut could not be finished, so it is not begun.
    let (copy, restored) = (dir.with_file_name("copy"), dir.with_file_name("again"));
    let (copy, restored) = (copy.to_str().unwrap(), restored.to_str().unwrap());
    assert!(tidegate(&["journal", "backup", "--data-dir", dir.to_str().unwrap(), "--to", copy]).status.success());
    assert!(tidegate(&["journal", "restore", "--from", copy, "--data-dir", restored]).status.success());
    node.kill();
    let cut = ["journal", "cut", "--data-dir", dir.to_str().unwrap(), "--at", "5", "--accept-loss", "--type", "5"];
    assert_has(&refused(&cut), &["older segments were removed"]);
    node.config.node.data_dir = restored.into();
    node.config.sql = None;
    node.write_config().unwrap();
    assert!(restart(&mut node) > 0);
    node.kill();
    node.config.node.data_dir = dir.clone();
    node.write_config().unwrap();
    for entry in std::fs::read_dir(&dir).unwrap().map(Result::unwrap) {
        if entry.file_name().to_str().unwrap().ends_with(".snap") {
            damage(entry.path().to_str().unwrap());
        }
    }
    let why = refused(&["node", "--config", node.config_file().to_str().unwrap()]);
    assert_has(&why, &["a snapshot is passed over", "journal-00000001.seg", "missing"]);
}
