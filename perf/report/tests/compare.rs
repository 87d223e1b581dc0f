//! Verdicts on runs that were made better, worse, the same, or something else altogether.

#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code, unreachable_pub)]
mod common;

use common::Specimen;
use tidegate_latency::{Failover, LoadMode, Run, RunFolder};
use tidegate_report::{Comparison, RunData, Verdict, compare};

const PLAIN: Specimen = Specimen { seconds: 20, samples_per_second: 2_000, times: 1.0, times_tail: 1.0, seed: 1 };

fn run(specimen: &Specimen, change: impl FnOnce(&mut Run)) -> RunData {
    let folder = tempfile::tempdir().unwrap();
    let mut run = specimen.write(folder.path());
    change(&mut run);
    RunFolder::open(folder.path()).unwrap().0.rewrite(&run).unwrap();
    RunData::read(folder.path()).unwrap()
}

fn with_plain(specimen: &Specimen, change: impl FnOnce(&mut Run)) -> Comparison {
    compare(&run(&PLAIN, |_| ()), &run(specimen, change))
}

fn row<'a>(comparison: &'a Comparison, figure: &str) -> &'a tidegate_report::Row {
    comparison.rows.iter().find(|row| row.series == "response" && row.figure == figure).unwrap()
}

#[test]
fn runs_of_the_same_thing_are_no_difference() {
    for seed in 2..22 {
        let comparison = with_plain(&Specimen { seed, ..PLAIN }, |_| ());
        assert_eq!(comparison.verdict, Verdict::NoDifference, "seed {seed}:\n{comparison}");
        assert!(row(&comparison, "p99").band.is_some());
    }
}

#[test]
fn a_run_with_itself_has_ratios_of_exactly_one() {
    let comparison = with_plain(&PLAIN, |_| ());
    assert!(comparison.rows.iter().all(|row| (row.ratio - 1.0).abs() < 1e-12), "{comparison}");
    assert_eq!(comparison.verdict, Verdict::NoDifference);
}

#[test]
fn a_slower_run_is_worse_and_a_quicker_one_better_with_the_ratio_in_the_band() {
    for (times, verdict) in [(1.2, Verdict::Worse), (0.8, Verdict::Better)] {
        let comparison = with_plain(&Specimen { times, seed: 9, ..PLAIN }, |_| ());
        assert_eq!(comparison.verdict, verdict, "{comparison}");
        for figure in ["p50", "p90", "p99"] {
            let row = row(&comparison, figure);
            let band = row.band.unwrap();
            assert!(band.low <= times && times <= band.high, "{figure}: {band:?} without {times}");
            assert!(band.low <= row.ratio && row.ratio <= band.high, "{row:?}");
            assert_eq!(row.verdict, Some(verdict));
        }
    }
}

#[test]
fn a_longer_tail_alone_is_worse_and_the_row_says_which() {
    let comparison = with_plain(&Specimen { times_tail: 3.0, seed: 9, ..PLAIN }, |_| ());
    assert_eq!(comparison.verdict, Verdict::Worse, "{comparison}");
    assert_eq!(row(&comparison, "p50").verdict, Some(Verdict::NoDifference));
    assert_eq!(row(&comparison, "p99.9").verdict, None, "two samples above in a second are too few");
    assert!(comparison.why[0].contains("response p99"), "{comparison}");
}

#[test]
fn something_better_does_not_hide_something_worse() {
    let comparison = with_plain(&Specimen { times: 0.7, times_tail: 4.0, seed: 9, ..PLAIN }, |_| ());
    assert_eq!(row(&comparison, "p50").verdict, Some(Verdict::Better));
    assert_eq!(comparison.verdict, Verdict::Worse, "{comparison}");
    assert!(comparison.why[0].contains("better: response p50"), "{comparison}");
}

#[test]
fn a_difference_within_the_margin_is_none_however_sure() {
    let comparison = with_plain(&Specimen { times: 1.03, ..PLAIN }, |_| ());
    assert_eq!(comparison.verdict, Verdict::NoDifference, "{comparison}");
    let comparison = with_plain(&Specimen { times: 1.08, ..PLAIN }, |_| ());
    assert_eq!(comparison.verdict, Verdict::Worse, "{comparison}");
}

/// A few bad seconds out of twenty are noise of the machine: the band is wide.
#[test]
fn noise_between_seconds_widens_the_band() {
    let quiet = with_plain(&Specimen { seed: 3, ..PLAIN }, |_| ());
    let folder = tempfile::tempdir().unwrap();
    let specimen = Specimen { seed: 3, ..PLAIN };
    let written = specimen.write(folder.path());
    let mut noisy = tidegate_latency::Recorder::with_seconds(0);
    for (at, ns) in specimen.responses() {
        noisy.record(at, if at / 1_000_000_000 % 10 == 4 { ns * 20 } else { ns });
    }
    let file = folder.path().join("response.hlog");
    std::fs::remove_file(&file).unwrap();
    noisy.write(&file, "response", std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(written.series[0].name, "response");
    let noisy = compare(&run(&PLAIN, |_| ()), &RunData::read(folder.path()).unwrap());
    let width = |comparison: &Comparison| row(comparison, "p90").band.map(|band| band.high - band.low).unwrap();
    assert_eq!(row(&noisy, "p90").verdict, Some(Verdict::NoDifference), "{noisy}");
    assert!(noisy.why.iter().any(|why| why.contains("may hide in: ") && why.contains("response p90")), "{noisy}");
    assert!(!quiet.why.iter().any(|why| why.contains("response p50")), "{quiet}");
    assert!(width(&noisy) > 5.0 * width(&quiet), "{noisy}\n{quiet}");
}

#[test]
fn without_a_plan_the_rate_is_compared_and_more_is_better() {
    let saturated = |run: &mut Run| run.load.mode = LoadMode::Saturate;
    let a = run(&PLAIN, saturated);
    let same_load = |run: &mut Run| {
        saturated(run);
        run.load.rate = 2_000.0;
    };
    for (samples_per_second, verdict) in [(2_400, Verdict::Better), (1_600, Verdict::Worse)] {
        let b = run(&Specimen { samples_per_second, seed: 4, ..PLAIN }, same_load);
        let comparison = compare(&a, &b);
        assert_eq!(row(&comparison, "rate").verdict, Some(verdict), "{comparison}");
        assert_eq!(comparison.verdict, verdict, "{comparison}");
    }
}

#[test]
fn other_machine_load_checks_or_outcome_are_not_comparable_and_it_says_which() {
    type Change = fn(&mut Run);
    let cases: [(Change, &str); 14] = [
        (|run| run.machine.cpu = "another".into(), "other machine: processor is `specimen` and `another`"),
        (|run| run.machine.governor = "powersave".into(), "other machine: governor"),
        (|run| run.machine.profile = "dev".into(), "other machine: build profile"),
        (|run| run.load.rate = 5.0, "other load: rate is `2000` and `5`"),
        (|run| run.load.burst = 500, "other load: burst is `1` and `500`"),
        (|run| run.load.input_hash = "0".into(), "other load: hash of the input"),
        (|run| run.load.mode = LoadMode::Closed, "other load: mode is `open` and `closed`"),
        (|run| run.durability = "async".into(), "other load: durability"),
        (|run| run.checks.clear(), "other checks: what was checked is"),
        (|run| run.checks[1].ok = false, "B is not right: check `answers` failed"),
        (|run| run.failovers[0].lost = 1, "B is not right: 1 lost"),
        (|run| run.failovers.push(Failover::default()), "other failovers: 1 and 2"),
        (|run| run.rejects.extend([("halted".into(), 4_000)]), "other outcome: `halted` rejects 0 and 4,000"),
        (|run| run.series.clear(), "other series"),
    ];
    for (change, expected) in cases {
        let comparison = with_plain(&PLAIN, change);
        assert_eq!(comparison.verdict, Verdict::NotComparable, "{expected}: {comparison}");
        assert!(comparison.why.iter().any(|why| why.contains(expected)), "{expected}: {comparison}");
        assert!(comparison.rows.is_empty() && comparison.to_string().contains("not comparable with A"));
    }
}

#[test]
fn bursts_and_windows_count_in_the_modes_that_have_them() {
    let with = |mode, burst, window| {
        run(&PLAIN, |run| (run.load.mode, run.load.burst, run.load.window) = (mode, burst, window))
    };
    for (a, b, expected) in [
        (with(LoadMode::Burst, 5, 0), with(LoadMode::Burst, 500, 0), Some("burst is `5` and `500`")),
        (with(LoadMode::Burst, 0, 0), with(LoadMode::Burst, 5, 0), Some("burst is `unknown` and `5`")),
        (with(LoadMode::Saturate, 0, 8), with(LoadMode::Saturate, 0, 512), Some("window is `8` and `512`")),
        (with(LoadMode::Open, 1, 8), with(LoadMode::Open, 1, 512), None),
        // A file from before that field.
        (with(LoadMode::Open, 0, 0), with(LoadMode::Open, 1, 0), None),
    ] {
        let comparison = compare(&a, &b);
        match expected {
            Some(words) => assert!(comparison.why.iter().any(|why| why.contains(words)), "{words}: {comparison}"),
            None => assert_eq!(comparison.verdict, Verdict::NoDifference, "{comparison}"),
        }
    }
}

#[test]
fn a_comparison_of_unknown_commits_says_so() {
    let nameless = |run: &mut Run| run.machine.commit = "unknown".into();
    let notes = |comparison: Comparison| comparison.notes.join("\n");
    assert!(!notes(with_plain(&PLAIN, |_| ())).contains("unknown"));
    assert!(notes(with_plain(&PLAIN, nameless)).contains("the commit of B is unknown"));
    let both = compare(&run(&PLAIN, nameless), &run(&PLAIN, |run| run.machine.commit.clear()));
    assert!(notes(both).contains("the commit of A and B is unknown"));
}

/// One run a side: what the machine does by itself may be all of the difference.
#[test]
fn a_difference_below_the_gaps_of_the_machine_is_no_verdict() {
    let on_a_machine_with = |specimen: &Specimen, gap_ns: u64| {
        let folder = tempfile::tempdir().unwrap();
        specimen.write(folder.path());
        let file = folder.path().join("hiccup.hlog");
        std::fs::remove_file(&file).unwrap();
        let mut floor = tidegate_latency::Recorder::with_seconds(0);
        (0..20_000_u64)
            .for_each(|sample| floor.record(sample * 1_000_000, if sample % 500 == 0 { gap_ns } else { 100 }));
        floor.write(&file, "hiccup", std::time::SystemTime::UNIX_EPOCH).unwrap();
        RunData::read(folder.path()).unwrap()
    };
    // The medians are 2.6 µs apart.
    let slower = Specimen { times: 1.2, seed: 9, ..PLAIN };
    let (quiet, noisy) = (on_a_machine_with(&PLAIN, 500), on_a_machine_with(&slower, 5_000_000));
    let comparison = compare(&quiet, &noisy);
    assert_eq!(comparison.verdict, Verdict::NoVerdict, "{comparison}");
    assert_eq!(comparison.why[0], "the machine's own gaps are larger than the difference");
    assert!(comparison.why[1].contains("response p50") && comparison.why[1].contains("p99.9 5.00 ms"), "{comparison}");
    assert_eq!(row(&comparison, "p50").verdict, Some(Verdict::NoVerdict));
    assert!(comparison.to_string().contains("No verdict on B:"), "{comparison}");
    assert_eq!(compare(&noisy, &noisy).verdict, Verdict::NoDifference, "what does not differ needs no quiet");
    assert_eq!(compare(&quiet, &on_a_machine_with(&slower, 500)).verdict, Verdict::Worse);
}

#[test]
fn a_run_of_a_few_seconds_does_not_know_its_noise() {
    let short = run(&Specimen { seconds: 9, ..PLAIN }, |_| ());
    let comparison = compare(&short, &short);
    assert_eq!(comparison.verdict, Verdict::NotComparable);
    assert!(comparison.why[0].contains("9 intervals of `response`, 10 are needed"), "{comparison}");
}

#[test]
fn another_commit_compiler_or_configuration_is_what_one_compares() {
    let comparison = with_plain(&PLAIN, |run| {
        run.machine.commit = "fffffff".into();
        run.machine.compiler = "rustc 2.0".into();
        run.config_hash = "1".into();
    });
    assert_eq!(comparison.verdict, Verdict::NoDifference);
    let notes = comparison.notes.join("\n");
    assert!(notes.contains("compiler") && notes.contains("configuration") && notes.contains("longest gap"), "{notes}");
}

/// Beyond the knee a node is late by as much as the load is long: no figure of the node.
#[test]
fn of_sweeps_only_the_rates_are_compared_that_both_keep_up_with() {
    let swept = |slow: u64, knee: usize| {
        let folder = tempfile::tempdir().unwrap();
        let mut run = PLAIN.write(folder.path());
        let template = run.series[0].clone();
        run.series.clear();
        for (point, row) in run.sweep.iter_mut().enumerate() {
            row.achieved = if point <= knee { row.offered } else { row.offered / 2.0 };
            let beyond = if point <= knee { 1 } else { 1_000 };
            let mut recorder = tidegate_latency::Recorder::with_seconds(0);
            let ns = |sample: u64| 10_000 * slow * beyond + sample * 7_919 % 1_000;
            (0..24_000_u64).for_each(|sample| recorder.record(sample * 500_000, ns(sample)));
            let name = format!("response-{}", row.offered);
            let file = format!("{name}.hlog");
            recorder.write(&folder.path().join(&file), "response", std::time::SystemTime::UNIX_EPOCH).unwrap();
            run.series.push(tidegate_latency::Series { name, file, ..template.clone() });
        }
        RunFolder::open(folder.path()).unwrap().0.rewrite(&run).unwrap();
        RunData::read(folder.path()).unwrap()
    };
    let comparison = compare(&swept(1, 2), &swept(1, 1));
    let series: Vec<_> = comparison.rows.iter().map(|row| row.series.as_str()).collect();
    assert!(series.contains(&"response-25000") && series.contains(&"response-50000"), "{comparison}");
    assert!(!series.contains(&"response-100000"), "{comparison}");
    assert_eq!(comparison.verdict, Verdict::NoDifference, "{comparison}");
    assert!(comparison.notes.iter().any(|note| note.starts_with("knee: 100 k/s and 50.0 k/s")), "{comparison}");
    assert_eq!(compare(&swept(1, 2), &swept(2, 2)).verdict, Verdict::Worse);
}

#[test]
fn the_same_two_runs_give_the_same_words() {
    let (a, b) = (run(&PLAIN, |_| ()), run(&Specimen { seed: 8, ..PLAIN }, |_| ()));
    assert_eq!(compare(&a, &b).to_string(), compare(&a, &b).to_string());
}
