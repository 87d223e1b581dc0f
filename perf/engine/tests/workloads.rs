//! The generators: every mix is what it claims, and the same seed makes the same stream.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use tidegate_perf::op::{Action, Op, Tif};
use tidegate_perf::workload::{Mix, NAMES, Request, Size, Workload};

const COMMANDS: usize = 40_000;

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/lobster_20120621")
}

fn generate(name: &str, size: Size, seed: u64) -> Option<Workload> {
    let request = Request { name: name.to_owned(), commands: COMMANDS, seed, size, recorded: recorded() };
    match Workload::generate(&request) {
        Ok(workload) => Some(workload),
        Err(reason) => {
            assert_eq!(name, "e", "{reason}");
            println!("SKIPPED: {reason}");
            None
        }
    }
}

fn measured_ops(workload: &Workload) -> impl Iterator<Item = &Op> {
    let mut ops = workload.ops.iter();
    let parts =
        workload.parts.iter().map(move |part| (part.is_measured, ops.by_ref().take(part.ops).collect::<Vec<_>>()));
    parts.filter(|(is_measured, _)| *is_measured).flat_map(|(_, ops)| ops)
}

#[track_caller]
fn assert_percent(what: &str, part: u64, whole: u64, percent: f64) {
    let is = 100.0 * part as f64 / whole as f64;
    assert!((is - percent).abs() <= 1.0, "{what}: {is:.2} %, claimed are {percent} %");
}

fn check_moves(mix: &Mix) {
    let all = mix.gtc + mix.ioc + mix.cancels + mix.replaces;
    assert_eq!(all, COMMANDS as u64);
    assert_percent("GTC", mix.gtc, all, 9.0);
    assert_percent("IOC", mix.ioc, all, 3.0);
    assert_percent("cancel", mix.cancels, all, 6.0);
    assert_percent("replace", mix.replaces, all, 82.0);
    assert_eq!(mix.late_cancels, 0);
    assert!(mix.fills > 0);
}

#[test]
fn a_is_mostly_replaces_over_about_a_thousand_resting_orders() {
    let workload = generate("a", Size::Full, 1).unwrap();
    check_moves(&workload.mix);
    assert_eq!((workload.markets, workload.accounts), (1, 1_000));
    assert!((1_000..1_100).contains(&workload.resting_max), "{}", workload.resting_max);
}

#[test]
fn b_ends_95_of_100_resting_orders_by_a_cancel() {
    for seed in [1, 2] {
        let Mix { gtc, ioc, cancels, late_cancels, replaces, ended_by_cancel, ended_by_fill, .. } =
            generate("b", Size::Full, seed).unwrap().mix;
        assert_eq!((gtc + ioc + cancels, replaces), (COMMANDS as u64, 0));
        assert_percent("IOC among new", ioc, gtc + ioc, 15.0);
        assert_percent("ended by cancel", ended_by_cancel, ended_by_cancel + ended_by_fill, 95.0);
        assert_percent("late cancels", late_cancels, cancels, 2.0);
    }
}

#[test]
fn b_flash_crash_falls_through_the_book_and_comes_back() {
    let workload = generate("b_flash_crash", Size::Full, 1).unwrap();
    let prices: Vec<i64> = measured_ops(&workload)
        .filter_map(|op| match op.action {
            Action::New { price, tif: Tif::Ioc, .. } => Some(price),
            _ => None,
        })
        .collect();
    let (lowest, last) = (prices.iter().min().unwrap(), prices.last().unwrap());
    assert!(prices[0] - lowest > 1_000, "from {} to {lowest}", prices[0]);
    assert!((prices[0] - last).abs() < 300, "from {} to {last}", prices[0]);
    let calm = generate("b", Size::Full, 1).unwrap();
    assert!(workload.mix.ended_by_fill > 2 * calm.mix.ended_by_fill);
}

#[test]
fn c_builds_5000_orders_and_sweeps_them_all() {
    let workload = generate("c", Size::Full, 1).unwrap();
    let Mix { gtc, ioc, fills, ended_by_fill, .. } = workload.mix;
    assert_eq!(gtc, 5_000 * ioc);
    assert_eq!((fills, ended_by_fill), (gtc, gtc));
    assert_eq!(workload.resting_max, 5_000);
}

#[test]
fn d_is_the_mix_of_a_with_zipf_over_the_markets() {
    let workload = generate("d", Size::Quick, 1).unwrap();
    check_moves(&workload.mix);
    let mut per_market = vec![0_u64; workload.markets as usize];
    measured_ops(&workload).for_each(|op| per_market[op.market as usize] += 1);
    per_market.sort_unstable_by(|a, b| b.cmp(a));
    let harmonic: f64 = (1..=per_market.len()).map(|rank| 1.0 / rank as f64).sum();
    for rank in [1, 2, 5] {
        assert_percent("share of a market", per_market[rank - 1], COMMANDS as u64, 100.0 / harmonic / rank as f64);
    }
}

#[test]
fn d_has_ten_thousand_markets_and_a_million_resting_orders() {
    let workload = generate("d", Size::Full, 1).unwrap();
    assert_eq!(workload.markets, 10_000);
    assert!((1_000_000..1_010_000).contains(&workload.resting_max));
    assert_eq!(workload.measured(), COMMANDS);
    check_moves(&workload.mix);
}

#[test]
fn e_is_the_recorded_hour() {
    let Some(workload) = generate("e", Size::Full, 1) else { return };
    let Mix { gtc, ioc, cancels, late_cancels, replaces, reduces, .. } = workload.mix;
    assert_eq!((gtc + ioc + cancels + reduces, replaces, late_cancels), (COMMANDS as u64, 0, 0));
    assert!(reduces > 0);
    let request = Request { name: "e".into(), commands: usize::MAX, seed: 1, size: Size::Full, recorded: recorded() };
    assert_eq!(Workload::generate(&request).unwrap().mix.fills, 4_043, "as through a node");
    let nowhere = Request { recorded: PathBuf::from("nowhere"), ..request };
    assert!(Workload::generate(&nowhere).unwrap_err().contains("is not there"));
}

#[test]
fn f_cancels_ten_thousand_orders_of_one_account_at_once() {
    let workload = generate("f", Size::Full, 1).unwrap();
    let Mix { gtc, cancels, late_cancels, fills, .. } = workload.mix;
    assert_eq!((gtc, cancels, late_cancels, fills), (0, COMMANDS as u64, 0, 0));
    assert_eq!(workload.resting_max, 10_000);
    assert_eq!(workload.measured(), COMMANDS);
}

#[test]
fn a_seed_makes_one_stream_and_another_seed_another() {
    for name in NAMES.iter().filter(|name| **name != "e") {
        let stream = |seed| generate(name, Size::Quick, seed).unwrap().ops;
        assert!(stream(7) == stream(7), "{name}");
        assert!(stream(7) != stream(8), "{name}");
    }
}

#[test]
fn ids_are_dense_from_one_and_what_is_moved_or_reduced_is_known() {
    for name in NAMES {
        let Some(workload) = generate(name, Size::Quick, 3) else { continue };
        let mut known = 0;
        for op in &workload.ops {
            match op.action {
                Action::New { id, price, qty, account, .. } => {
                    known += 1;
                    assert_eq!(id, known);
                    assert!(price >= 1 && qty >= 1 && account < workload.accounts && op.market < workload.markets);
                }
                Action::Cancel { id } | Action::Replace { id, .. } | Action::Reduce { id, .. } => assert!(id <= known),
            }
        }
        assert_eq!(known, workload.orders);
    }
}

#[test]
fn an_unknown_workload_is_refused_by_name() {
    let request = Request { name: "z".into(), commands: 1, seed: 1, size: Size::Quick, recorded: PathBuf::new() };
    assert!(Workload::generate(&request).unwrap_err().contains("\"z\""));
}
