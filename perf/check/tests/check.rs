//! The whole check on made-up programs and a made-up repository: what differs is found, what is missing is said.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tidegate_perf_check::builds::{Worktree, default_revision};
use tidegate_perf_check::metrics::{Better, Metric, SOURCES, Source};
use tidegate_perf_check::statistics::Verdict;
use tidegate_perf_check::{Measured, Programs, Report, Side, instructions, measure};

const SAME: &[&str] = &["bench", "one"];
const NEW: &[&str] = &["bench", "new"];

const TINY: &[Source] = &[
    Source {
        arguments: SAME,
        metrics: &[
            Metric { name: "rate", pointer: "/rate", better: Better::Higher },
            Metric { name: "p50", pointer: "/latencies/0/p50", better: Better::Lower },
            Metric { name: "steady", pointer: "/steady", better: Better::Lower },
            Metric { name: "young", pointer: "/young", better: Better::Lower },
        ],
    },
    Source { arguments: NEW, metrics: &[Metric { name: "new", pointer: "/new", better: Better::Lower }] },
];

/// A program that says this of `bench one`, and nothing else unless `more` has it.
fn program(folder: &Path, name: &str, json: &str, more: &str) -> Programs {
    let file = folder.join(name);
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in\n\"bench one\") echo '{json}';;\n{more}\n*) echo 'error: no such command' >&2; exit 2;;\nesac\n"
    );
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    Programs { name: name.to_owned(), tidegate: file, engine: PathBuf::from("/nonexistent") }
}

fn report(measured: Measured) -> Report {
    let side = |text: &str| Side { revision: text.to_owned(), commit: format!("{text}1") };
    Report::new("rustc 1".to_owned(), side("old"), side("new"), 8, measured.rows, measured.left_out)
}

#[test]
fn what_differs_is_found_and_what_one_side_lacks_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let old = r#"{"rate": 1000, "latencies": [{"p50": 80}], "steady": 5}"#;
    let new = r#"{"rate": 1200, "latencies": [{"p50": 100}], "steady": 5, "young": 7}"#;
    let against = program(folder.path(), "old", old, "");
    let this = program(folder.path(), "this", new, "\"bench new\") echo '{\"new\": 3}';;");
    let measured = measure([&against, &this], TINY, 8, &|_| {}).unwrap();
    let report = report(measured);
    let rows: Vec<_> = report.rows.iter().map(|row| (row.name.as_str(), row.ratio.ratio, row.ratio.verdict)).collect();
    assert_eq!(
        rows.iter().map(|row| (row.0, row.2)).collect::<Vec<_>>(),
        [("rate", Verdict::Better), ("p50", Verdict::Worse), ("steady", Verdict::NoDifference)]
    );
    assert!((rows[0].1 - 1.2).abs() < 1e-9 && (rows[1].1 - 1.25).abs() < 1e-9, "{rows:?}");
    assert_eq!(
        report.left_out,
        ["young: old has no such figure", "bench new: old does not know it: error: no such command"]
    );
    assert_eq!(report.verdict, Verdict::Worse, "nothing worse hides behind something better");

    let text = report.to_string();
    for line in [
        "rate            1000       1200   1.200  1.200 to 1.200  better",
        "p50            80.00     100.00   1.250  1.250 to 1.250  WORSE",
        "steady          5.00       5.00   1.000  1.000 to 1.000  no difference",
        "LEFT OUT: young: old has no such figure",
        "All in all: WORSE",
    ] {
        // Widths are not what this is about.
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert!(text.lines().any(|other| words(other) == words(line)), "{line:?} is not in\n{text}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["rows"][1]["verdict"], "worse");
    assert!(["ratio", "low", "high"].iter().all(|field| json["rows"][1][field].as_f64() > Some(1.2)), "{json}");
    assert_eq!((&json["verdict"], &json["against"]["commit"]), (&"worse".into(), &"old1".into()));
}

#[test]
fn few_rounds_are_said_and_not_judged() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = [r#"{"rate": 1000}"#, r#"{"rate": 10}"#];
    let sides = [program(folder.path(), "old", old, ""), program(folder.path(), "this", new, "")];
    let measured = measure([&sides[0], &sides[1]], &TINY[..1], 2, &|_| {}).unwrap();
    let report = report(measured);
    assert_eq!(report.verdict, Verdict::TooFewRounds);
    assert!(report.to_string().contains("1 figures need 6 rounds at least: --rounds"), "{report}");
}

#[test]
fn a_program_that_fails_or_prints_no_json_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let good = program(folder.path(), "good", r#"{"rate": 1}"#, "");
    for (name, json, more, expected) in [
        ("fails", "", "\"bench new\") echo disk is full >&2; exit 1;;", "disk is full"),
        ("talks", "", "\"bench new\") echo hello;;", "prints no JSON"),
    ] {
        let other = program(folder.path(), name, json, more);
        let new_too = program(folder.path(), "newer", "{}", "\"bench new\") echo '{\"new\": 1}';;");
        let error = measure([&new_too, &other], &TINY[1..], 1, &|_| {}).unwrap_err();
        assert!(error.contains(name) && error.contains("bench new") && error.contains(expected), "{error}");
    }
    let missing = Programs { tidegate: folder.path().join("nothing"), ..good.clone() };
    let error = measure([&good, &missing], &TINY[..1], 1, &|_| {}).unwrap_err();
    assert!(error.contains("nothing"), "{error}");
}

#[test]
fn instruction_counts_of_the_same_work_are_compared_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let engine = |name: &str, counts: &str| {
        let text = format!("\"--instructions --commands 1000 --json\") echo '{{\"counts\": [{counts}]}}';;");
        let Programs { name, tidegate: engine, .. } = program(folder.path(), name, "", &text);
        Programs { name, tidegate: PathBuf::from("/nonexistent"), engine }
    };
    let count = |subject: &str, commands: u32, figure: f64| {
        format!(
            r#"{{"workload": "a", "subject": "{subject}", "commands": {commands}, "instructions_per_command": {figure}}}"#
        )
    };
    let old = engine("old", &[count("book", 1_000, 200.0), count("engine", 2_000, 700.0)].join(","));
    let new = engine("this", &[count("book", 1_000, 202.0), count("engine", 1_000, 700.0)].join(","));
    let measured = instructions([&old, &new], 1_000, &|_| {}).unwrap();
    if let Some(skipped) = measured.left_out.iter().find(|what| what.starts_with("SKIPPED")) {
        println!("{skipped}");
        return;
    }
    let rows: Vec<_> = measured.rows.iter().map(|row| (row.name.as_str(), row.is_exact, row.ratio.verdict)).collect();
    assert_eq!(rows, [("book a, instructions", true, Verdict::Worse)]);
    assert_eq!(measured.left_out, ["engine a, instructions: old has no such figure"]);
    let text = report(measured).to_string();
    assert!(text.contains("   1.010  exact           WORSE"), "{text}");
}

#[test]
fn names_of_figures_are_unique_and_every_command_prints_json() {
    let mut names: Vec<_> = SOURCES.iter().flat_map(|source| source.metrics).map(|metric| metric.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(SOURCES.iter().all(|source| source.arguments.last() == Some(&"--json") && !source.metrics.is_empty()));
    assert!(SOURCES.iter().flat_map(|source| source.metrics).all(|metric| metric.pointer.starts_with('/')));
}

fn git(folder: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").arg("-C").arg(folder).args(who).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_other_commit_is_checked_out_beside_the_working_folder_and_removed_again() {
    if let Err(error) = Command::new("git").arg("--version").output() {
        println!("SKIPPED: git does not start: {error}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    git(root, &["init", "--quiet"]);
    for text in ["one", "two"] {
        fs::write(root.join("file"), text).unwrap();
        git(root, &["add", "file"]);
        git(root, &["commit", "--quiet", "-m", text]);
    }
    assert_eq!(default_revision(root).unwrap(), "HEAD~1");
    fs::write(root.join("file"), "three").unwrap();
    assert_eq!(default_revision(root).unwrap(), "HEAD");
    let path = {
        let worktree = Worktree::of(root, "HEAD~1").unwrap();
        assert_eq!(fs::read_to_string(worktree.path.join("file")).unwrap(), "one");
        assert!(worktree.commit.len() >= 7, "{}", worktree.commit);
        // As a check that was killed leaves it.
        let left_behind = worktree.path.clone();
        std::mem::forget(worktree);
        left_behind
    };
    let worktree = Worktree::of(root, "HEAD").unwrap();
    assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "two");
    drop(worktree);
    assert!(!path.exists());
    assert_eq!(fs::read_to_string(root.join("file")).unwrap(), "three", "the working folder is as it was");
    let error = Worktree::of(root, "nowhere").unwrap_err();
    assert!(error.contains("--against is \"nowhere\"") && error.contains("a commit, a branch or a tag"), "{error}");
}
