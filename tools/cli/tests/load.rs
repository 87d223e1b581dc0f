//! `tidegate load` against real nodes: what it leaves in its folder, that its checks can fail, and what it refuses.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tidegate_cli::local::ClusterPlan;
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
            SeriesKind::Stage => panic!("nobody stamps stages here"),
        }
        assert_eq!(json["percentiles"][&series.name]["count"], total, "{}", series.name);
    }
    let kinds: Vec<SeriesKind> = first.series.iter().map(|series| series.kind).collect();
    assert_eq!(kinds[..3], [SeriesKind::Response, SeriesKind::Service, SeriesKind::Hiccup]);
    assert_eq!(json["percentiles"]["response"]["p99.9"], Value::Null, "600 samples have no p99.9");
    assert!(first.config.contains("[order_entry]") && first.nodes == 1, "{}", first.config);
    assert_eq!(first.outliers.len(), 20);
    assert!(first.outliers.iter().all(|outlier| outlier.sequence > 0 && !outlier.content.is_empty()));

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
        assert_eq!(run.series.len(), 1);
        assert_eq!((run.series[0].kind, run.load.rate), (SeriesKind::Service, 0.0));
        assert_eq!(files.log(&run.series[0]).unwrap().total().len(), run.answered);
        assert!(run.answered > 0 && run.rejects.is_empty());
        let table = text(&output.stdout);
        for part in ["service", "ok     the final book", "5 sessions", "late sends 0", "folder"] {
            assert!(table.contains(part), "{part}: {table}");
        }
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
    let second = folder.path().join("second");
    let output = load(&second, &arguments);
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{table}{}", text(&output.stderr));
    assert!(
        table.contains("WRONG  the final book") && table.contains("its reports say it is not"),
        "{table}{}",
        text(&output.stderr)
    );
    let run = RunFolder::open(&second).unwrap().1;
    let wrong: Vec<&str> = run.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
    assert_eq!(wrong, ["the final book is the one of the reports"]);
    node.stop().unwrap();
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
