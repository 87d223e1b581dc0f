//! The whole measurement, tiny, so that it cannot rot: its report has every field, and the program prints it.
#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use serde_json::Value;
use tidegate_perf::workload::NAMES;
use tidegate_perf::{Options, Progress, run};

const LATENCIES: [&str; 5] = ["p50", "p99", "p999", "p9999", "max"];

fn check_figures(figures: &Value, counts_allocations: bool) {
    assert!(figures["commands_per_second"].as_u64().unwrap() > 0);
    assert!(LATENCIES.map(|name| figures["latency_ns"][name].as_u64().unwrap()).is_sorted());
    assert_eq!(figures["allocations"].is_u64(), counts_allocations);
    assert_eq!(figures["checksum"].as_str().unwrap().len(), 16);
    assert_eq!(figures["conforms"], true);
    assert_eq!(figures["why"], Value::Null);
}

fn check_report(report: &Value, counts_allocations: bool) {
    for field in ["cpu", "cores", "memory_mib", "system"] {
        assert!(!report["machine"][field].is_null(), "{field}");
    }
    assert!(report["commit"].is_string());
    assert!(report["clock_ns"].is_u64());
    let workloads = report["workloads"].as_array().unwrap();
    assert_eq!(workloads.iter().map(|workload| &workload["name"]).collect::<Vec<_>>(), NAMES);
    for workload in workloads {
        if workload["skipped"].is_string() {
            assert_eq!(workload["name"], "e");
            println!("SKIPPED: {}", workload["skipped"]);
            continue;
        }
        assert!(workload["commands"].as_u64().unwrap() >= 2_000);
        check_figures(&workload["book"], counts_allocations);
        check_figures(&workload["engine"], counts_allocations);
        let peers = workload["peers"].as_array().unwrap();
        for peer in peers {
            assert!(peer["name"].is_string());
            assert!(peer["conforms"] == true || peer["why"].is_string(), "{peer}");
            assert!(peer["commands_per_second"].is_u64() || peer["why"].is_string(), "{peer}");
        }
    }
}

fn recorded() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/lobster_20120621")
}

#[test]
fn a_quick_run_reports_every_workload() {
    let options = Options { recorded: recorded(), runs: 2, ..Options::quick() };
    let report = run(&options).unwrap();
    check_report(&serde_json::to_value(&report).unwrap(), false);
    let table = report.to_string();
    assert!(NAMES.iter().all(|name| table.contains(&format!("\n{name}: "))), "{table}");
}

#[test]
fn every_step_is_told_and_colours_change_no_word() {
    let told = Rc::new(Cell::new(0));
    let steps = Rc::clone(&told);
    let options = Options {
        workloads: vec!["a".to_owned(), "b".to_owned()],
        runs: 2,
        progress: Progress::new(move |_| steps.set(steps.get() + 1)),
        ..Options::quick()
    };
    let report = run(&options).unwrap();
    assert_eq!(told.get(), options.steps());
    assert!(report.conforms());
    let (plain, mut coloured) = (report.table(false).to_string(), report.table(true).to_string());
    assert!(coloured.contains("\x1b[1ma:\x1b[0m 2,000 commands"), "{coloured}");
    for code in ["1", "2", "32", "0"] {
        coloured = coloured.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(coloured, plain);
    assert_eq!(plain, report.to_string());
}

#[test]
fn the_same_seed_comes_to_the_same_checksums() {
    let checksums = |seed| {
        let options = Options { workloads: vec!["a".to_owned(), "c".to_owned()], seed, ..Options::quick() };
        let workloads = run(&options).unwrap().workloads;
        workloads
            .iter()
            .map(|it| [it.book.as_ref(), it.engine.as_ref()].map(|it| it.unwrap().checksum.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(checksums(5), checksums(5));
    assert_ne!(checksums(5), checksums(6));
}

#[test]
fn wrong_options_are_refused_before_anything_runs() {
    let error = |options: Options| run(&options).unwrap_err().to_string();
    assert!(error(Options { workloads: vec!["z".to_owned()], ..Options::quick() }).contains("\"z\""));
    assert_eq!(
        error(Options { runs: 0, ..Options::quick() }),
        "--runs is 0, allowed: 1 to 1000; leave it out for the median of 3"
    );
    assert!(
        error(Options { commands: 0, ..Options::quick() }).starts_with("--commands is 0, allowed: 1 to 20000000; ")
    );
    assert!(error(Options { commands: usize::MAX, ..Options::quick() }).contains("20000000"));
}

fn engine(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_engine")).args(arguments).arg("--recorded").arg(recorded()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// With the feature `peers`, this runs them all, too.
#[test]
fn the_program_prints_one_json_object() {
    let report: Value = serde_json::from_str(&engine(&["--quick", "--json"])).unwrap();
    check_report(&report, true);
    let peers = report["workloads"][0]["peers"].as_array().unwrap();
    assert_eq!(peers.len(), if cfg!(feature = "peers") { 4 } else { 0 });
}

#[test]
fn fixed_work_is_fixed() {
    let work = |subject, apply| engine(&["--quick", "--fixed-work", "b", "--subject", subject, "--apply", apply]);
    for subject in ["book", "engine"] {
        assert_eq!(work(subject, "1000"), work(subject, "1000"));
        assert_ne!(work(subject, "1000"), work(subject, "2000"));
    }
}
