//! The main job as a user runs it: `demo` and both replays, judged by what they print.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::program;
use serde_json::Value;

fn run_json(arguments: &[&str]) -> Value {
    let output = Command::new(program()).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tidegate {arguments:?}: {}\n{errors}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_demo_counts_the_same_in_clients_in_sql_and_on_both_nodes() {
    let value = run_json(&["demo", "--seconds", "4", "--json", "--rate", "1000"]);
    let number = |field: &str| value[field].as_u64().unwrap_or_else(|| panic!("{field} in {value}"));
    assert!(number("orders_sent") > 1_000);
    assert_eq!(number("orders_sent"), number("orders_acked"));
    assert!(number("trades") > 0);
    assert_eq!(number("trades"), number("sql_trades"));
    assert_eq!(value["standby_digest_equal"], true);
    assert_eq!(value["durability"], "replicated");
    assert_eq!(number("epoch"), 1);
    assert!(number("journal_bytes") > 128 * number("orders_sent"));
    for quantile in ["p50", "p99", "p999", "max"] {
        assert!(value["ack_latency_us"][quantile].as_u64().unwrap() > 0);
    }
}

/// Private exchange data beside the repository, or `TIDEGATE_DATA`.
fn data(file: &str) -> Option<String> {
    let folder = std::env::var_os("TIDEGATE_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from);
    let file = folder.join(file);
    if file.exists() {
        return Some(file.to_str().unwrap().to_owned());
    }
    println!("SKIPPED: {} is not here; set TIDEGATE_DATA to the folder of the recorded order flow", file.display());
    None
}

#[test]
fn the_moex_order_log_comes_out_as_the_exchanges_own() {
    let Some(file) = data("moex_sngr_20181005/ordlog.csv.xz") else { return };
    let value = run_json(&["replay", "moex", &file, "--json"]);
    for (field, expected) in [
        ("matching_transactions", 247),
        ("matching_transactions_equal", 247),
        ("deals", 275),
        ("deals_equal", 275),
        ("cancels", 23_600),
        ("cancels_equal", 23_600),
        ("ioc_remainders", 91),
        ("ioc_remainders_equal", 91),
        ("session_cleared", 173),
    ] {
        assert_eq!(value[field], expected, "{field}");
    }
}

#[test]
fn the_lobster_messages_lead_to_the_exchanges_best_prices() {
    let files = ["AAPL_message_50.csv.xz", "AAPL_orderbook_50_first672.csv.xz", "AAPL_orderbook_L1.csv.xz"];
    let files: Vec<String> = files.iter().filter_map(|file| data(&format!("lobster_20120621/{file}"))).collect();
    let [messages, seed, l1] = files.as_slice() else { return };
    let arguments = ["replay", "lobster", "--messages", messages, "--seed-book", seed, "--check-l1", l1, "--json"];
    let value = run_json(&arguments);
    for (field, expected) in
        [("messages", 91_997), ("l1_rows", 91_997), ("l1_equal", 91_907), ("trades", 4_043), ("rejects", 0)]
    {
        assert_eq!(value[field], expected, "{field}");
    }
}
