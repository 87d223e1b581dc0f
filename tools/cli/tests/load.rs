//! `tidegate load` against real nodes: what it leaves in its folder, that its checks can fail, and what it refuses.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value;
use tidegate_cli::local::{CHILD_TIMEOUT, ClusterPlan};
use tidegate_latency::{LoadMode, Run, RunFolder, SeriesKind};
use tidegate_node::AdminRequest;
use tidegate_node::config::{DurabilityName, IoName};
use tidegate_node::status::NodeState;

fn load(out: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(["load", "--warm-up", "0", "--seconds", "1", "--out"]).arg(out);
    command.args(arguments.split_whitespace()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn opened(out: &Path, output: &Output) -> (RunFolder, Run) {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    RunFolder::open(out).unwrap()
}

#[test]
fn every_request_is_in_the_logs_and_the_seed_makes_the_input() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "--workload takers --sessions 6 --rate 600 --hiccup-s 1 --durability async --park --json --seed";
    let run = |out: &str, seed: u32| {
        let out = folder.path().join(out);
        let output = load(&out, &format!("{arguments} {seed}"));
        let (folder, run) = opened(&out, &output);
        (folder, run, serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    let (files, first, json) = run("a", 5);
    assert_eq!((first.sent, first.answered, first.load.mode), (600, 600, LoadMode::Open));
    assert!(first.is_right(), "{:?}", first.checks);
    assert!(first.checks.iter().any(|check| check.name.contains("final book")), "{:?}", first.checks);
    let trades = first.checks.iter().find(|check| check.name.contains("every trade")).unwrap();
    assert_ne!(trades.detail, "0 trades");
    for series in &first.series {
        let total = files.log(series).unwrap().total().len();
        match series.kind {
            SeriesKind::Response | SeriesKind::Service => assert_eq!(total, 600, "{}", series.name),
            SeriesKind::Hiccup => assert!(total > 0, "{}", series.name),
            SeriesKind::Stage => assert_eq!(total, 600, "{}: warm-up and set-up are not in it", series.name),
        }
        assert_eq!(json["percentiles"][&series.name]["count"], total, "{}", series.name);
    }
    let kinds: Vec<SeriesKind> = first.series.iter().map(|series| series.kind).collect();
    assert_eq!(kinds[..2], [SeriesKind::Response, SeriesKind::Service]);
    assert_eq!(kinds.iter().filter(|kind| **kind == SeriesKind::Stage).count(), 7, "the whole and six parts");
    assert!(kinds.contains(&SeriesKind::Hiccup));
    let whole = first.series.iter().find(|series| series.name == "node").unwrap();
    let mean = files.log(whole).unwrap().total().mean();
    let sum: f64 = first.stages.iter().map(|stage| stage.mean_ns).sum();
    assert!((sum - mean).abs() < mean / 100.0, "{sum} {mean}: a histogram is within 0.1 %");
    assert!(first.stages.iter().all(|stage| stage.count == 600), "{:?}", first.stages);
    let critical: f64 = first.stages.iter().map(|stage| stage.critical_share).sum();
    assert!((critical - 1.0).abs() < 1e-9, "{critical}");
    assert_eq!(json["percentiles"]["response"]["p99.9"], Value::Null, "600 samples have no p99.9");
    assert!(first.config.contains("[order_entry]") && first.nodes == 1, "{}", first.config);
    assert_eq!(first.outliers.len(), 20);
    for outlier in &first.outliers {
        assert!(outlier.sequence > 0 && !outlier.content.is_empty() && outlier.cause.is_some(), "{outlier:?}");
        let inside: u64 = outlier.stages.values().sum();
        assert!(outlier.stages.len() == 6 && inside > 0, "of 600 orders the node keeps all: {outlier:?}");
    }

    let (_, same, _) = run("b", 5);
    assert_eq!(same.load.input_hash, first.load.input_hash);
    assert_eq!(same.config_hash, first.config_hash);
    let (_, other, _) = run("c", 6);
    assert_ne!(other.load.input_hash, first.load.input_hash);
}

#[test]
fn a_pair_is_loaded_at_one_rate_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "--workload mass-quotes --sweep 50..200 --sweep-steps 3 --hiccup-s 0 --durability replicated";
    let (files, run) = opened(folder.path(), &load(folder.path(), arguments));
    assert!(run.is_right(), "{:?}", run.checks);
    assert_eq!((run.nodes, run.load.mode, run.durability.as_str()), (2, LoadMode::Sweep, "replicated"));
    // A machine that is busy with something else may end it after two rows.
    let offered: Vec<f64> = run.sweep.iter().map(|point| point.offered).collect();
    assert!(offered.len() >= 2, "{offered:?}");
    assert_eq!(offered, [50.0, 100.0, 200.0][..offered.len()]);
    let shown = &run.sweep[run.shown_rate().unwrap()];
    assert!((run.achieved_rate - shown.achieved).abs() < 1e-9, "of the rate that is shown: {run:?}");
    for (point, rate) in run.sweep.iter().zip([50, 100, 200]) {
        assert_eq!(point.response.count, rate);
        let series = run.series.iter().find(|series| series.name == format!("response-{rate}")).unwrap();
        assert_eq!(files.log(series).unwrap().total().len(), rate);
    }
}

#[test]
fn without_an_intention_there_is_no_response_time() {
    for mode in ["closed", "saturate"] {
        let folder = tempfile::tempdir().unwrap();
        let arguments = format!("--mode {mode} --sessions 5 --hiccup-s 0 --durability async --park --io epoll");
        let output = load(folder.path(), &arguments);
        let (files, run) = opened(folder.path(), &output);
        assert!(run.is_right(), "{:?}", run.checks);
        assert!(run.series[1..].iter().all(|series| series.kind == SeriesKind::Stage), "{:?}", run.series);
        assert_eq!((run.series[0].kind, run.load.rate), (SeriesKind::Service, 0.0));
        assert_eq!(files.log(&run.series[0]).unwrap().total().len(), run.answered);
        assert!(run.answered > 0 && run.rejects.is_empty());
        let table = text(&output.stdout);
        for part in ["service", "ok     the final book", "5 sessions", "folder"] {
            assert!(table.contains(part), "{part}: {table}");
        }
        assert!(!table.contains("late sends"), "none is intended: {table}");
        assert!(!table.contains("stage-replicate"), "one node replicates nothing: {table}");
        let window = if mode == "saturate" { 512 } else { 0 };
        assert_eq!((run.load.burst, run.load.window), (0, window));
        assert!(!table.contains('\x1b') && output.stderr.is_empty(), "{table}{}", text(&output.stderr));
    }
}

#[test]
fn a_book_that_is_not_the_one_of_the_reports_is_told_with_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let plan = ClusterPlan {
        folder: folder.path().join("cluster"),
        program: env!("CARGO_BIN_EXE_tidegate").into(),
        nodes: 1,
        durability: DurabilityName::Async,
        http: false,
        market_data: false,
        sql: false,
        segment_mib: 4,
        io: IoName::Auto,
    };
    let mut node = plan.write().unwrap().remove(0);
    node.start().unwrap();
    node.wait_for("the node leads", |status| status.state == NodeState::Primary).unwrap();
    for asset in ["BTC", "USDT"] {
        node.ask(&AdminRequest::CreateAsset { name: asset.to_owned(), decimals: 8 }).unwrap();
    }
    let market = node.create_market("BTC-USDT", "BTC", "USDT", "0.01", "0.0001").unwrap();
    let file = folder.path().join("trader.key");
    let trader = node.create_trader("trader", &file, &[("USDT", "1000000")]).unwrap();
    let arguments = format!(
        "--rate 101 --hiccup-s 0 --connect {} --market {market} --key {} --key-file {}",
        node.gateway(),
        trader.key,
        file.display()
    );
    // 101 requests: the last order has no cancellation and rests.
    let first = folder.path().join("first");
    let (_, run) = opened(&first, &load(&first, &arguments));
    assert_eq!((run.sent, run.nodes, run.durability.as_str()), (101, 0, "unknown"));
    assert!(run.stages.is_empty() && run.no_stages.is_some_and(|why| why.contains("--data-dir")));
    // A recording of what that was: 51 orders and 50 cancellations.
    let recorded = folder.path().join("recorded");
    let again = format!(
        "--workload recorded --recorded {} --rate 1000 --hiccup-s 0 --durability async --park --sessions 2",
        node.data_dir().display()
    );
    let (_, run) = opened(&recorded, &load(&recorded, &again));
    assert!(run.is_right() && run.rejects.is_empty(), "{:?} {:?}", run.checks, run.rejects);
    let mix = "journal: 50 cancel_order, 51 new_order; left out: 1 query, kill switch or timer";
    assert_eq!((run.sent, run.load.mix.as_str()), (101, mix), "the query is the first load's own check");
    let book = run.checks.iter().find(|check| check.name.contains("final book")).unwrap();
    assert_eq!(book.detail, "1 open orders of 2 sessions");
    let second = folder.path().join("second");
    let arguments = format!("{arguments} --data-dir {}", node.data_dir().display());
    let output = load(&second, &arguments);
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{table}{}", text(&output.stderr));
    assert!(
        table.contains("WRONG  the final book") && table.contains("its reports say it is not"),
        "{table}{}",
        text(&output.stderr)
    );
    let run = RunFolder::open(&second).unwrap().1;
    assert_eq!(run.durability, "async", "its operator's socket says so");
    assert!(run.stages.len() == 6 && run.stages.iter().all(|stage| stage.count == 101), "{:?}", run.stages);
    let elsewhere = arguments.replace(&node.gateway().to_string(), "127.0.0.1:1");
    let output = load(&folder.path().join("third"), &elsewhere);
    let message = text(&output.stderr);
    assert!(message.contains("--data-dir") && message.contains("--connect is 127.0.0.1:1"), "{message}");
    let wrong: Vec<&str> = run.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
    assert_eq!(wrong, ["the final book is the one of the reports"]);
    node.stop().unwrap();
}

#[test]
fn a_killed_primary_loses_nothing_and_the_schedule_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let arguments = "--workload takers --sessions 6 --rate 300 --seconds 4 --failover-at 1 --slowest 1200 --durability replicated --hiccup-s 0";
    let output = load(&out, &arguments.replace("--seconds 4 ", ""));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--failover-at is 1"), "{}", text(&output.stderr));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(["load", "--warm-up", "0", "--out"]).arg(&out).args(arguments.split_whitespace());
    let (_, run) = opened(&out, &command.output().unwrap());
    assert!(run.is_right(), "{:?}", run.checks);
    assert_eq!((run.sent, run.answered), (1_200, 1_200), "what was due in the gap was sent after it");
    let [failover] = run.failovers[..] else { panic!("{:?}", run.failovers) };
    assert_eq!((failover.lost, failover.duplicated), (0, 0));
    assert!(failover.until_promotion_ns > 0 && failover.first_ack_ns > 0, "{failover:?}");
    assert_eq!((run.nodes, run.durability.as_str()), (2, "replicated"), "the one that was killed took part");
    assert!(run.outliers.iter().any(|outlier| outlier.cause.as_deref() == Some("failover")), "{:?}", run.outliers);
    assert!(run.no_stages.is_some_and(|why| why.contains("killed")) && run.stages.is_empty());
    let compared = run.checks.iter().find(|check| check.name.contains("after the failover")).unwrap();
    assert!(!compared.detail.contains(" by 0 reports"), "{}", compared.detail);
    let page = Command::new(env!("CARGO_BIN_EXE_tidegate")).arg("report").arg(&out).output().unwrap();
    assert!(page.status.success(), "{}", text(&page.stderr));
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("2 nodes; durability <b>replicated until the primary was killed, degraded after"), "{page}");
    for part in ["failover: no acknowledgement for", "Nothing was lost, nothing executed twice.", "gone with it"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn recorded_messages_are_sent_after_their_opening_book() {
    let folder = tempfile::tempdir().unwrap();
    let (messages, book) = (folder.path().join("messages.csv"), folder.path().join("book.csv"));
    // A buy that rests, a sell that a hidden hand takes, a reduction, and the cancellation of the rest.
    let rows = [
        "34200.1,1,11,10,1000000,1",
        "34200.2,1,12,5,1005000,-1",
        "34200.3,2,11,4,1000000,1",
        "34200.4,4,12,5,1005000,-1",
        "34200.5,3,11,6,1000000,1",
    ];
    std::fs::write(&messages, rows.join("\n") + "\n").unwrap();
    std::fs::write(&book, "1010000,50,1000000,10\n").unwrap();
    let out = folder.path().join("run");
    let arguments = format!(
        "--workload recorded --recorded {} --seed-book {} --rate 100 --hiccup-s 0 --durability async --park",
        messages.display(),
        book.display()
    );
    let (_, run) = opened(&out, &load(&out, &arguments));
    assert!(run.is_right() && run.rejects.is_empty(), "{:?} {:?}", run.checks, run.rejects);
    assert_eq!((run.sent, run.answered), (5, 5), "the opening book is sent before and not measured");
    assert!(run.load.seconds < 1.0, "it ends with the recording: {}", run.load.seconds);
    assert!(run.load.mix.contains("1 of them are the opening book"), "{}", run.load.mix);
    let detail = |name: &str| run.checks.iter().find(|check| check.name.contains(name)).unwrap().detail.clone();
    assert_eq!(detail("every trade"), "1 trades");
    assert_eq!(detail("final book"), "1 open orders of 1 sessions");
    assert!(run.stages.iter().all(|stage| stage.count == 5), "{:?}", run.stages);

    let refused = |arguments: &str, parts: [&str; 2]| {
        let output = load(&folder.path().join("refused"), arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{arguments}: {message}");
    };
    let recorded = |path: &Path| format!("--workload recorded --hiccup-s 0 --recorded {}", path.display());
    refused(&recorded(&messages), ["is a message file", "--seed-book"]);
    refused(&recorded(&folder.path().join("nowhere")), ["--recorded", "nowhere"]);
    refused(&recorded(folder.path()), ["--recorded", "journal"]);
    assert!(!folder.path().join("refused").exists(), "nothing was written, so no folder is left");
    let there = folder.path().join("there");
    std::fs::create_dir(&there).unwrap();
    assert_eq!(load(&there, &recorded(&messages)).status.code(), Some(1));
    assert!(there.exists(), "a folder that was there before stays");
}

#[test]
fn a_signal_stops_the_nodes_removes_the_folders_and_says_so() {
    for (signal, words) in [(libc::SIGINT, "interrupted"), (libc::SIGTERM, "told to end")] {
        let folder = tempfile::tempdir().unwrap();
        let (nodes, out) = (folder.path().join("nodes"), folder.path().join("run"));
        std::fs::create_dir(&nodes).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args("load --seconds 600 --hiccup-s 0 --durability async --park --folder".split_whitespace());
        command.arg(&nodes).arg("--out").arg(&out).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        // A node that has its log has been started, and its folder is there.
        let started = |nodes: &Path| {
            let mut folders = std::fs::read_dir(nodes).unwrap().flatten();
            folders.any(|folder| folder.path().join("cluster/node-1.log").exists())
        };
        while !started(&nodes) {
            assert!(begun.elapsed() < CHILD_TIMEOUT && child.try_wait().unwrap().is_none(), "no node was started");
            std::thread::yield_now();
        }
        // SAFETY: a plain system call on a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(child.id().cast_signed(), signal) }, 0);
        let output = child.wait_with_output().unwrap();
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{message}");
        assert!(message.contains(words) && message.contains("nothing is written of this run"), "{message}");
        assert_eq!(std::fs::read_dir(&nodes).unwrap().count(), 0, "the nodes' folder: {message}");
        assert!(!out.exists(), "{message}");
    }
}

#[test]
fn bad_days_are_answered_in_full() {
    for (workload, trades) in [("sweeps", true), ("mass-cancel", false)] {
        let folder = tempfile::tempdir().unwrap();
        let arguments =
            format!("--workload {workload} --sessions 2 --rate 1200 --hiccup-s 0 --durability async --park");
        let (_, run) = opened(folder.path(), &load(folder.path(), &arguments));
        assert!(run.is_right() && run.rejects.is_empty(), "{workload}: {:?}", run.checks);
        assert_eq!((run.sent, run.answered), (1_200, 1_200));
        let found = run.checks.iter().find(|check| check.name.contains("every trade")).unwrap();
        assert_eq!(found.detail != "0 trades", trades, "{workload}: {}", found.detail);
    }
}

#[test]
fn what_cannot_work_is_refused_before_a_node_starts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("run.json"), "{}").unwrap();
    let refused = |arguments: &str, code: i32, parts: [&str; 2]| {
        let output = load(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments}");
        let message = text(&output.stderr);
        assert!(parts.iter().all(|part| message.contains(part)), "{arguments}: {message}");
        assert!(output.stdout.is_empty());
    };
    refused("", 1, ["run.json is there already", "name another folder"]);
    refused("--workload takers", 1, ["--sessions is 1", "2 to 200"]);
    refused("--sessions 201", 2, ["--sessions", "1..=200"]);
    refused("--sweep 10..5", 2, ["--sweep", "the lower one first"]);
    refused("--rate 5 --sweep 1..5", 2, ["--rate", "--sweep"]);
}
