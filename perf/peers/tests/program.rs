//! The whole program, tiny, so that it cannot rot: its JSON has every part, its table every ring.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

const RINGS: [&str; 6] = [
    "tidegate command ring, one by one",
    "tidegate command ring, batches",
    "rtrb, push and pop",
    "rtrb, chunks",
    "crossbeam-channel, bounded",
    "std::sync::mpsc, sync_channel",
];

fn peers(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_peers")).args(arguments).output().unwrap()
}

fn said(arguments: &[&str]) -> String {
    let output = peers(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn one_json_object_has_rings_journal_and_engine() {
    let report: Value = serde_json::from_str(&said(&["--quick", "--workload", "a", "--json"])).unwrap();
    assert!(report["machine"]["cpu"].is_string() && report["commit"].is_string());
    let rings = report["rings"]["rings"].as_array().unwrap();
    assert_eq!(rings.iter().map(|ring| &ring["name"]).collect::<Vec<_>>(), RINGS);
    for ring in rings {
        assert!(ring["records_per_second"].as_u64() > Some(0) && ring["fused_ns"].as_f64() > Some(0.0), "{ring}");
        assert_eq!(ring["round_trip_ns"]["count"], 500);
        assert!(ring["round_trip_ns"]["p50"].as_u64() > Some(0), "{ring}");
    }
    let written = report["journal"]["written"].as_array().unwrap();
    assert!(written.len() == 4 && written.iter().all(|loop_| loop_["records_per_second"].as_u64() > Some(0)));
    assert_eq!(report["engine"]["workloads"][0]["engine"]["conforms"], true);
    // With the feature `peers`, this runs them, too.
    let books = report["engine"]["workloads"][0]["peers"].as_array().unwrap();
    assert_eq!(books.len(), if cfg!(feature = "peers") { 4 } else { 0 });
    let left_out = report["left_out"].to_string();
    assert_eq!(left_out.contains("--features peers"), !cfg!(feature = "peers"), "{left_out}");
}

#[test]
fn the_table_has_every_ring_and_only_the_parts_that_are_asked_for() {
    let table = said(&["--quick", "--only", "rings", "--rounds", "2"]);
    assert!(RINGS.iter().all(|name| table.contains(name)), "{table}");
    assert!(!table.contains("Journal") && !table.contains("LEFT OUT"), "{table}");
}

#[test]
fn wrong_numbers_are_refused_with_field_and_limit() {
    for (field, value) in [("--records", "0"), ("--rounds", "1001"), ("--round-trips", "many"), ("--only", "disk")] {
        let output = peers(&[field, value]);
        assert_eq!(output.status.code(), Some(2), "{field}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(field) && message.contains(value), "{message}");
    }
}
