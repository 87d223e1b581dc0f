//! The measurement itself, small: every command is released as the engine alone says, and every figure is there.

#![allow(clippy::unwrap_used, missing_docs)]

use clap::Parser;
use tidegate_perf_pipeline::{Arguments, Report, run};

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    what: Arguments,
}

fn measured(arguments: &[&str]) -> Result<Report, String> {
    let all = ["bench", "--quick"].iter().chain(arguments);
    run(&Program::try_parse_from(all).map_err(|error| error.to_string())?.what, |_| {})
}

#[test]
fn every_figure_of_every_workload_is_there_and_stages_add_up() {
    for workload in ["a", "b", "d"] {
        let report =
            measured(&["--workload", workload, "--rates", "20k,50k", "--commands", "5000", "--sustained"]).unwrap();
        assert_eq!(report.rates.iter().map(|rate| rate.rate).collect::<Vec<_>>(), [20_000, 50_000]);
        for rate in &report.rates {
            assert!(rate.medians.count > 0 && rate.medians.max > Some(0), "{rate:?}");
            let share: f64 = rate.stages.iter().map(|stage| stage.critical_share).sum();
            assert!((share - 1.0).abs() < 1e-9 || rate.stages.is_empty(), "{share}");
        }
        for figures in [report.saturation, report.sustained] {
            let figures = figures.unwrap();
            assert_eq!((figures.commands, figures.runs.len()), (5_000, 1));
            assert!(figures.commands_per_second > 0.0);
        }
    }
}

#[test]
fn without_stamps_there_are_no_stages_and_the_same_latencies() {
    let report = measured(&["--rates", "20k", "--commands", "0", "--without-stamps"]).unwrap();
    assert!(report.rates[0].stages.is_empty());
    assert!(report.rates[0].medians.count > 0);
    assert!(report.saturation.is_none());
}

#[test]
fn the_table_names_what_was_measured() {
    let table = measured(&["--rates", "20k", "--commands", "1000"]).unwrap().table();
    for part in ["workload a", "async", "20000", "hiccups", "|rate|", "saturation:", "page faults"] {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
}

#[test]
fn wrong_options_are_named_with_what_is_allowed() {
    for (arguments, named) in [
        (&["--rates", "999"][..], "allowed are 1000 to 20000000"),
        (&["--seconds", "0"], "--seconds 0"),
        (&["--commands", "100000001"], "at most 100000000"),
        (&["--core", "100000"], "--core 100000: allowed are 0 to"),
        (&["--runs", "0"], "1..=100"),
        (&["--workload", "z"], "possible values: a, b, d"),
        (&["--dir", "/nonexistent"], "/nonexistent"),
    ] {
        let error = measured(arguments).unwrap_err();
        assert!(error.contains(named), "{arguments:?}: {error}");
    }
}
