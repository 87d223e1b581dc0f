//! `tidegate bench` as a program: its JSON has every field, its table every workload, and wrong options are named.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tidegate_perf_check::metrics::{SOURCES, Source};
use tidegate_perf_check::{Programs, measure};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate")).args(["bench", "engine"]).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn json_has_every_field_and_the_seed_makes_the_stream() {
    let report = |seed| -> Value {
        let arguments = ["--quick", "--workload", "a,b", "--commands", "1000", "--runs", "2", "--seed", seed, "--json"];
        let output = bench(&arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let first = report("7");
    for field in ["machine", "commit", "seed", "runs", "pinned_core", "clock_ns", "workloads"] {
        assert!(first.get(field).is_some(), "{field}");
    }
    assert_eq!((&first["seed"], &first["runs"]), (&7.into(), &2.into()));
    let workloads = first["workloads"].as_array().unwrap();
    assert_eq!(workloads.iter().map(|workload| &workload["name"]).collect::<Vec<_>>(), ["a", "b"]);
    for workload in workloads {
        assert_eq!(workload["commands"], 1_000);
        assert_eq!(workload["skipped"], Value::Null);
        assert_eq!(workload["peers"], Value::Array(Vec::new()));
        for subject in ["book", "engine"] {
            let figures = &workload[subject];
            assert!(figures["commands_per_second"].is_u64());
            for quantile in ["p50", "p99", "p999", "p9999", "max"] {
                assert!(figures["latency_ns"][quantile].is_u64(), "{quantile}");
            }
            assert_eq!(figures["checksum"].as_str().unwrap().len(), 16);
            assert_eq!((&figures["conforms"], &figures["why"]), (&Value::Bool(true), &Value::Null));
        }
        assert_eq!(workload["engine"]["allocations"], 0, "the engine allocates nothing, and somebody counts");
    }
    let checksum = |report: &Value| report["workloads"][0]["engine"]["checksum"].clone();
    assert_eq!(checksum(&report("7")), checksum(&first));
    assert_ne!(checksum(&report("8")), checksum(&first));
}

#[test]
fn the_table_has_no_colours_in_a_pipe_and_says_what_was_skipped() {
    let output = bench(&["--quick", "--workload", "c,e", "--recorded", "/nonexistent"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for part in ["\nc: ", "  book ", "  engine ", "\ne: ", "skipped: ", "/nonexistent"] {
        assert!(table.contains(part), "{part:?} is not in {table}");
    }
    assert!(!table.contains('\x1b'), "{table}");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn rates_come_as_the_table_of_exchange_core_and_as_json() {
    let run = |arguments: &[&str]| {
        let output = bench(arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let common = ["--quick", "--runs", "2", "--workload", "a,b", "--rates", "50k,1.5m"];
    let report: Value = serde_json::from_str(&run(&[&common[..], &["--json"]].concat())).unwrap();
    for field in ["machine", "commit", "seed", "runs", "pinned_core", "clock_ns"] {
        assert!(report.get(field).is_some(), "{field}");
    }
    let workloads = report["workloads"].as_array().unwrap();
    assert_eq!(workloads.iter().map(|workload| &workload["name"]).collect::<Vec<_>>(), ["a", "b"]);
    for workload in workloads {
        let (commands, warm_up) = (workload["commands"].as_u64().unwrap(), workload["warm_up"].as_u64().unwrap());
        assert!(commands >= 2_000 && warm_up == commands / 10, "{workload}");
        let rates = workload["rates"].as_array().unwrap();
        assert_eq!(
            rates.iter().map(|row| row["offered_per_second"].as_u64().unwrap()).collect::<Vec<_>>(),
            [50_000, 1_500_000]
        );
        for row in rates {
            assert_eq!(row["samples"].as_u64(), Some(2 * (commands - warm_up)), "{row}");
            let achieved = row["achieved_per_second"].as_u64().unwrap();
            assert!(achieved > 0 && achieved <= row["offered_per_second"].as_u64().unwrap() * 101 / 100, "{row}");
            assert!(row["latency_ns"]["p99"].as_u64() > Some(0) && row["latency_ns"]["worst"].is_u64(), "{row}");
        }
    }
    let table = run(&common);
    for part in ["|rate|50.0%", "|90.0%", "|95.0%", "|99.99%|worst", "\n| 50K|", "\n|1.5M|", "workload a: 2 x 2000 "] {
        assert!(table.contains(part), "{part:?} is not in {table}");
    }
    let own = run(&["--quick", "--commands", "1000", "--runs", "1", "--rates"]);
    assert_eq!(own.lines().filter(|line| line.starts_with('|')).count(), 2 + 10, "exchange-core has ten rates: {own}");
}

#[test]
fn rates_that_cannot_be_offered_are_refused() {
    for (arguments, code, parts) in [
        (["--rates", "0k", "--workload", "a"], 2, ["--rates", "\"0k\"", "125k or 1.5m"]),
        (["--rates", "5", "--workload", "a"], 1, ["--rates has 5 ", "allowed: 300 s", "higher rate"]),
        (["--rates", "1m", "--workload", "c"], 1, ["--workload is \"c\"", "a, b, b_flash_crash, d, e", "leave it out"]),
    ] {
        let output = bench(&[&["--quick"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(parts.iter().all(|part| message.contains(part)), "{message} has not all of {parts:?}");
        assert!(output.stdout.is_empty());
    }
}

/// `cargo xtask perf-check` leaves out what it does not find, so a field that gets another name would go unnoticed.
#[test]
fn every_figure_of_the_perf_check_is_there() {
    let small = |argument: &'static str| match argument {
        "300000" => "2000",
        "200000" => "5000",
        "300" => "20",
        other => other,
    };
    let sources: Vec<Source> = SOURCES
        .iter()
        .map(|source| {
            let arguments: Vec<_> = source.arguments.iter().copied().map(small).collect();
            Source { arguments: arguments.leak(), ..*source }
        })
        .collect();
    let tidegate = PathBuf::from(env!("CARGO_BIN_EXE_tidegate"));
    let side = Programs { name: "this".to_owned(), tidegate, engine: PathBuf::new() };
    let measured = measure([&side, &side], &sources, 1, &|_| {}).unwrap();
    assert_eq!(measured.left_out, Vec::<String>::new());
    let names: Vec<_> = measured.rows.iter().map(|row| row.name.as_str()).collect();
    assert!(names.iter().copied().eq(SOURCES.iter().flat_map(|source| source.metrics).map(|metric| metric.name)));
}

#[test]
fn wrong_options_are_refused_with_field_value_limit_and_what_to_do() {
    for (arguments, parts) in [
        (["--workload", "z"], ["--workload", "\"z\"", "b_flash_crash", "leave it out"]),
        (["--commands", "0"], ["--commands", "is 0", "1 to 20000000", "leave it out"]),
        (["--commands", "20000001"], ["--commands", "20000001", "1 to 20000000", "leave it out"]),
        (["--runs", "0"], ["--runs", "is 0", "1 to 1000", "leave it out"]),
    ] {
        let output = bench(&arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(message.starts_with("tidegate: "), "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{message} has not all of {parts:?}");
        assert!(output.stdout.is_empty());
    }
    for arguments in [["--seed", "many"], ["--commands", "-1"], ["--peers", "all"]] {
        assert_eq!(bench(&arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn the_journals_figures_stand_beside_the_bare_devices() {
    let run = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_tidegate")).args(["bench", "journal", "--quick"]).args(arguments).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let report: Value = serde_json::from_str(&run(&["--json"])).unwrap();
    for bare in ["write_4k", "write_64k", "store_128"] {
        assert!(report["device"][bare]["p50"].as_u64() > Some(0), "{bare}");
    }
    let append = report["append"].as_array().unwrap();
    let kinds: Vec<_> = append
        .iter()
        .map(|figures| (figures["writer"].as_str().unwrap(), figures["batch"].as_u64().unwrap()))
        .collect();
    let batches = [1, 8, 64, 511];
    assert!(
        kinds
            .iter()
            .copied()
            .eq(["mapped", "direct"].into_iter().flat_map(|writer| batches.map(|batch| (writer, batch))))
    );
    assert!(
        append
            .iter()
            .all(|figures| figures["records_per_second"].as_u64() > Some(0) && figures["sync_ns"]["p99"].is_u64())
    );
    let written = report["written"].as_array().unwrap();
    assert!(written.iter().map(|figures| figures["batch"].as_u64().unwrap()).eq(batches));
    assert!(written.iter().all(|figures| figures["writer"] == "write(2)" && figures["append_ns"]["p99"].is_u64()));
    assert!(report["stage"]["one_in_flight_ns"]["p50"].is_u64() && report["stage"]["records_per_second_full"].is_u64());
    assert!(report["verify"]["gb_per_second"].is_f64());
    let table = run(&[]);
    for part in [
        "bare write, 4 KiB synced",
        "bare write(2), batch of 64",
        "mapped append, batch of 511",
        "`local`, one order in flight",
        "verify: ",
    ] {
        assert!(table.contains(part), "{part:?} is not in {table}");
    }
}

#[test]
fn a_small_node_is_restarted_and_measured() {
    let arguments = "bench restart --accounts 50 --orders 200 --keys 5 --flow 1000 --runs 1 --json";
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate")).args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let fields = ["start_without_snapshot_ms", "restart_ms", "state_replay_per_second", "flow_replay_per_second"];
    for field in fields {
        assert!(report[field].as_u64().is_some_and(|figure| figure > 0), "{field} in {report}");
    }
    // What every start adds, too.
    assert!((1_000..1_010).contains(&report["flow_commands"].as_u64().unwrap()), "{report}");
}

#[test]
fn the_wires_figures_stand_beside_the_raw_echos() {
    let arguments = "bench wire --rounds 1 --requests 40 --pipelined 200 --window 16 --replay 300 --busy 3 \
                     --durability async,local --hostile --json";
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate")).args(arguments.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let durabilities = report["durabilities"].as_array().unwrap();
    assert_eq!(durabilities.len(), 2);
    for figures in durabilities {
        assert_eq!(figures["one_in_flight"]["samples"], 40);
        assert_eq!(figures["echo"]["samples"], 40);
        assert!(figures["ratio_p50"].as_f64() > Some(0.0) && figures["pipelined_per_second"].as_u64() > Some(0));
    }
    assert!(durabilities[1]["synced_write"]["p50"].is_u64());
    assert_eq!(report["reconnect"]["replayed"], 300);
    assert_eq!(report["hostile"]["flooded"]["samples"], 40);
    assert!(report["logon"]["p50"].is_u64() && report["codec"]["decode_ns"].is_f64());
}
