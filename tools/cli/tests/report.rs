//! `tidegate report` as a program: page and verdict from run folders, exit codes, and what a wrong folder is told.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::{Command, Output};
use std::time::SystemTime;

use tidegate_latency::{FORMAT, Recorder, Run, RunFolder, Series};

fn report(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate")).arg("report").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Twelve seconds of durations around the given one.
fn run(folder: &Path, ns: u64, title: &str, workload: &str) {
    let mut recorder = Recorder::with_seconds(0);
    for sample in 0..24_000_u64 {
        recorder.record(sample * 500_000, ns + sample * 7_919 % 1_000);
    }
    let made = RunFolder::create(folder).unwrap();
    recorder.write(&made.file("response.hlog"), "response", SystemTime::UNIX_EPOCH).unwrap();
    let series =
        Series { name: "response".into(), file: "response.hlog".into(), unit: "ns".into(), ..Series::default() };
    let mut run = Run { format: FORMAT, title: title.into(), series: vec![series], ..Run::default() };
    run.load.workload = workload.into();
    made.write(&run).unwrap();
}

#[test]
fn a_run_becomes_a_page_and_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), 10_000, "of the test", "a");
    let output = report(&[folder.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(told.contains("report.html\n") && told.contains("report.json\n"), "{told}");
    assert!(told.contains("not in this run: no hiccup meter ran"), "{told}");
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<h1>of the test</h1>"));
    let printed: serde_json::Value =
        serde_json::from_slice(&report(&["--json", folder.path().to_str().unwrap()]).stdout).unwrap();
    let written = std::fs::read(folder.path().join("report.json")).unwrap();
    assert_eq!(printed, serde_json::from_slice::<serde_json::Value>(&written).unwrap());
}

#[test]
fn the_exit_code_is_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, ns, workload) in [("plain", 10_000, "a"), ("slow", 15_000, "a"), ("other", 10_000, "b")] {
        run(Path::new(&path(name)), ns, name, workload);
    }
    for (a, b, code, words, verdict) in [
        ("plain", "plain", 0, "B is no difference", "no_difference"),
        ("plain", "slow", 10, "B is worse", "worse"),
        ("slow", "plain", 0, "B is better", "better"),
        ("plain", "other", 20, "other load: workload is `a` and `b`", "not_comparable"),
    ] {
        let output = report(&["--compare", &path(a), &path(b)]);
        let told = text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(words), "{told}");
        let json = report(&["--json", "--compare", &path(a), &path(b)]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["verdict"], verdict);
    }
}

/// `| head` closes the pipe before everything is written, here before anything is.
#[test]
fn whoever_closes_the_pipe_has_read_enough() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), 10_000, "of the test", "a");
    let path = folder.path().to_str().unwrap();
    for arguments in [&["--json", path][..], &[path], &["--compare", path, path], &["--json", "--compare", path, path]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        let output = command.arg("report").args(arguments).stdout(writer).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_wrong_folder_or_usage_is_told_in_one_message() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let output = report(&[nowhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.starts_with("tidegate: cannot read") && told.contains("run.json"), "{told}");
    assert!(!nowhere.exists(), "nothing is made");
    std::fs::write(folder.path().join("run.json"), r#"{"format": 9}"#).unwrap();
    let told = text(&report(&[folder.path().to_str().unwrap()]).stderr);
    assert!(told.contains("`format` is 9, this program reads 1"), "{told}");
    for wrong in [&[][..], &["--compare", "a"], &["a", "--compare", "b", "c"]] {
        assert_eq!(report(wrong).status.code(), Some(2), "{wrong:?}");
    }
}
