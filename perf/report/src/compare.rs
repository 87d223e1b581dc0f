//! Compares two runs: a ratio with a noise band for each percentile, and one verdict.
//!
//! The band is the percentile interval of a bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 13.3) whose unit is
//! an interval of the log and not a sample, since samples of the same second depend on each other (Davison and Hinkley, Bootstrap
//! Methods and their Application, 1997, 3.8: resampling whole groups). For each of [`RESAMPLES`] times: draw as many intervals as
//! A has from A, with replacement, and the same of B; `ratio = quantile(drawn of B) / quantile(drawn of A)`. With `k` ratios compared
//! the band of each holds `1 - (1 - CONFIDENCE) / k` of them (Bonferroni), so that all bands together hold with [`CONFIDENCE`].
//!
//! A percentile is better or worse when its band lies wholly on one side of 1 and the ratio is further from 1 than [`MARGIN`]: the
//! intervals of one run know nothing of what differs from one start to the next, and the margin stands for that.
//!
//! Neither do they know how the machine's own gaps differ from run to run. Where a duration would be better or worse by less than the
//! gap that one in a thousand is longer than ([`Floor`]), there is no verdict: one run a side cannot tell the engine from the machine.
//!
//! Invariants: runs on other machines, with other load or other checks get no ratio at all; the same two runs give the same
//! bytes (the seed is a constant); nothing worse may hide behind something better.
//! Owning thread: none; this is a function of two [`RunData`].

mod text;

use std::collections::BTreeSet;

use serde::Serialize;
use tidegate_latency::{
    Load, LoadMode, PERCENTILES, Percentiles, RateOutcome, Run, SeriesKind, knee, printable, rate_outcomes,
};

use crate::data::{RunData, SeriesData};
use crate::format::{count, duration, rate};

/// How often both runs are drawn again.
pub const RESAMPLES: usize = 2_000;
/// Of all bands together.
pub const CONFIDENCE: f64 = 0.95;
/// What the ratio must be away from 1, by a share, before it is a difference.
pub const MARGIN: f64 = 0.05;
/// Intervals that each run needs.
pub const INTERVALS_MIN: usize = 10;
/// Of the draws.
pub const SEED: u64 = 0x7469_6465_6761_7465;
/// Rejects may differ by this share of the answers before the runs did different things.
const REJECTS_DIFFER: f64 = 0.01;

/// What a comparison ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// B is better.
    Better,
    /// B is worse, or better in one and worse in another.
    Worse,
    /// Nothing that is larger than the noise.
    NoDifference,
    /// There is a difference, and the machine's own gaps are longer than it.
    NoVerdict,
    /// Ratios would mean nothing.
    NotComparable,
}

/// Two runs side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The one to compare with.
    pub a: Side,
    /// The one that is judged.
    pub b: Side,
    /// Of all rows.
    pub verdict: Verdict,
    /// Why, in sentences.
    pub why: Vec<String>,
    /// What else is different and was perhaps meant to be.
    pub notes: Vec<String>,
    /// One for each percentile; empty when not comparable.
    pub rows: Vec<Row>,
    /// [`RESAMPLES`].
    pub resamples: usize,
    /// [`CONFIDENCE`].
    pub confidence: f64,
    /// [`MARGIN`].
    pub margin: f64,
    /// [`SEED`].
    pub seed: u64,
}

/// Which run.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Its folder.
    pub folder: String,
    /// Its title.
    pub title: String,
    /// When.
    pub started_at: String,
    /// Of the program.
    pub commit: String,
}

/// One number of both.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The series.
    pub series: String,
    /// `p50` to `p99.999`, or `rate`.
    pub figure: &'static str,
    /// Of A: nanoseconds, or answers a second.
    pub a: f64,
    /// Of B.
    pub b: f64,
    /// B / A.
    pub ratio: f64,
    /// `None` where there are fewer than ten samples above it in a mean interval, too few to tell noise from a difference.
    pub band: Option<Band>,
    /// `None` where there is no band.
    pub verdict: Option<Verdict>,
}

/// Where the ratio lies but for noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Compares B with A.
#[must_use]
pub fn compare(a: &RunData, b: &RunData) -> Comparison {
    let mut comparison = Comparison {
        a: side(a),
        b: side(b),
        verdict: Verdict::NotComparable,
        why: reasons_against(a, b),
        notes: notes(a, b),
        rows: Vec::new(),
        resamples: RESAMPLES,
        confidence: CONFIDENCE,
        margin: MARGIN,
        seed: SEED,
    };
    if comparison.why.is_empty() {
        comparison.rows = rows(a, b);
        (comparison.verdict, comparison.why) = judge(&comparison.rows, floor(a, b));
    }
    comparison
}

fn side(data: &RunData) -> Side {
    let run = &data.run;
    let commit = run.machine.commit.clone();
    Side {
        folder: data.folder.display().to_string(),
        title: run.title.clone(),
        started_at: run.started_at.clone(),
        commit,
    }
}

/// Why a ratio would mean nothing; empty where it means something.
fn reasons_against(a: &RunData, b: &RunData) -> Vec<String> {
    let (left, right) = (&a.run, &b.run);
    let mut why = Vec::new();
    let mut differ = |what: &str, name: &str, one: &str, other: &str| {
        if one != other {
            let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") };
            why.push(format!("other {what}: {name} is {} and {}", shown(one), shown(other)));
        }
    };
    let facts = |run: &Run| {
        let machine = &run.machine;
        [
            ("processor", machine.cpu.clone()),
            ("cores", machine.cores.to_string()),
            ("memory", format!("{} MiB", machine.memory_mib)),
            ("kernel", machine.system.clone()),
            ("boot line", machine.boot_line.clone()),
            ("governor", machine.governor.clone()),
            ("SMT", machine.smt.clone()),
            ("isolated cores", machine.isolated.clone()),
            ("mitigations", machine.mitigations.join("; ")),
            ("clock source", machine.clock_source.clone()),
            ("huge pages", machine.huge_pages.clone()),
            ("disk", machine.disk.clone()),
            ("build profile", machine.profile.clone()),
        ]
    };
    for ((name, one), (_, other)) in facts(left).into_iter().zip(facts(right)) {
        differ("machine", name, &one, &other);
    }
    let load = |run: &Run| {
        let load = &run.load;
        let planned = !matches!(load.mode, LoadMode::Closed | LoadMode::Saturate);
        [
            ("mode", format!("{:?}", load.mode).to_lowercase()),
            ("rate", load.rate.to_string()),
            ("burst", burst_text(load)),
            // It bounds nothing but a saturated load.
            ("window", if load.mode == LoadMode::Saturate { known(u64::from(load.window)) } else { String::new() }),
            ("seconds", load.seconds.to_string()),
            ("warm-up", load.warm_up_s.to_string()),
            ("sessions", load.sessions.to_string()),
            ("seed", load.seed.to_string()),
            ("workload", load.workload.clone()),
            ("mix", load.mix.clone()),
            // How many requests a run without a plan sends depends on how fast they are answered.
            ("hash of the input", if planned { load.input_hash.clone() } else { String::new() }),
            ("durability", run.durability.clone()),
            ("nodes", run.nodes.to_string()),
        ]
    };
    for ((name, one), (_, other)) in load(left).into_iter().zip(load(right)) {
        differ("load", name, &one, &other);
    }
    let checked = |run: &Run| run.checks.iter().map(|check| check.name.clone()).collect::<BTreeSet<_>>();
    let names = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
    differ("checks", "what was checked", &names(checked(left)), &names(checked(right)));
    for (name, run) in [("A", left), ("B", right)] {
        for check in run.checks.iter().filter(|check| !check.ok) {
            why.push(format!("{name} is not right: check `{}` failed: {}", check.name, check.detail));
        }
        for failover in run.failovers.iter().filter(|failover| failover.lost + failover.duplicated > 0) {
            why.push(format!("{name} is not right: {} lost, {} executed twice", failover.lost, failover.duplicated));
        }
    }
    if left.failovers.len() != right.failovers.len() {
        why.push(format!("other failovers: {} and {}", left.failovers.len(), right.failovers.len()));
    }
    for reason in left.rejects.keys().chain(right.rejects.keys()).collect::<BTreeSet<_>>() {
        let share = |run: &Run| run.rejects.get(reason).map_or(0.0, |n| *n as f64 / run.answered.max(1) as f64);
        if (share(left) - share(right)).abs() > REJECTS_DIFFER {
            let [one, other] = [left, right].map(|run| run.rejects.get(reason).copied().unwrap_or(0));
            why.push(format!("other outcome: `{reason}` rejects {} and {} requests", count(one), count(other)));
        }
    }
    if pairs(a, b).next().is_none() {
        why.push("other series: no log of response or service times that both kept up with is in both runs".to_owned());
    }
    for (one, other) in pairs(a, b) {
        for (name, data) in [("A", one), ("B", other)] {
            let there = data.intervals.iter().filter(|interval| !interval.histogram.is_empty()).count();
            if there < INTERVALS_MIN {
                let series = &data.series.name;
                why.push(format!(
                    "too short: {name} has {there} intervals of `{series}`, {INTERVALS_MIN} are needed to know its noise"
                ));
            }
        }
    }
    why
}

/// Older files do not say.
fn known(number: u64) -> String {
    if number == 0 { "unknown".to_owned() } else { number.to_string() }
}

/// Of a load with intended times.
fn burst_text(load: &Load) -> String {
    match load.mode {
        LoadMode::Closed | LoadMode::Saturate => String::new(),
        LoadMode::Burst => known(load.burst),
        LoadMode::Open | LoadMode::Sweep => load.burst.max(1).to_string(),
    }
}

/// Differences that a comparison may be about.
fn notes(a: &RunData, b: &RunData) -> Vec<String> {
    let (left, right) = (&a.run, &b.run);
    let mut notes = Vec::new();
    let unknown: Vec<_> = [("A", left), ("B", right)]
        .into_iter()
        .filter(|(_, run)| ["", "unknown"].contains(&run.machine.commit.as_str()))
        .map(|(name, _)| name)
        .collect();
    if !unknown.is_empty() {
        let which = unknown.join(" and ");
        notes.push(format!("the commit of {which} is unknown: these may be any two programs"));
    }
    if left.machine.compiler != right.machine.compiler {
        notes.push(format!("compiler: {} and {}", left.machine.compiler, right.machine.compiler));
    }
    if left.config_hash != right.config_hash {
        notes.push("the node's configuration is not the same".to_owned());
    }
    if left.core_map != right.core_map {
        notes.push("the threads were on other cores".to_owned());
    }
    let floor = |data: &RunData| data.floors().map(|meter| meter.total.max()).max();
    match (floor(a), floor(b)) {
        (Some(one), Some(other)) => notes.push(format!(
            "longest gap of the machine itself: {} and {}",
            duration(one as f64),
            duration(other as f64)
        )),
        _ => notes.push("without a hiccup meter in both runs a difference may be the machine's".to_owned()),
    }
    if !left.sweep.is_empty() {
        let [one, other] = [left, right]
            .map(|run| knee(&run.sweep).map_or_else(|| "none".to_owned(), |point| rate(run.sweep[point].offered)));
        notes.push(format!("knee: {one} and {other}; rates beyond either, and noisy ones, are not compared"));
    }
    if left.checks.is_empty() {
        notes.push("nothing was checked in either run".to_owned());
    }
    notes
}

/// Series of both runs: what was seen from outside the node. Beyond its knee a node is late by as much as the load is long, so
/// of sweeps only what both keep up with is compared.
fn pairs<'a>(a: &'a RunData, b: &'a RunData) -> impl Iterator<Item = (&'a SeriesData, &'a SeriesData)> {
    let of_kind = |data: &'a RunData, kind: SeriesKind| {
        let outcomes = rate_outcomes(&data.run.sweep);
        let all: Vec<_> = data.series.iter().filter(|each| each.series.kind == kind).collect();
        let has_all = all.len() == outcomes.len();
        let kept = |index: usize| !has_all || outcomes[index] == RateOutcome::Kept;
        let all = all.into_iter().enumerate().filter(|(index, _)| kept(*index)).map(|(_, each)| each);
        all.filter(|each| !each.total.is_empty()).collect::<Vec<_>>()
    };
    [SeriesKind::Response, SeriesKind::Service].into_iter().flat_map(move |kind| {
        let others = of_kind(b, kind);
        of_kind(a, kind)
            .into_iter()
            .filter_map(move |one| Some((one, *others.iter().find(|other| other.series.name == one.series.name)?)))
    })
}

/// What the bootstrap draws from: intervals as counts over the distinct values of both runs.
struct Drawn {
    /// `(place in the values, count)` of each interval.
    intervals: Vec<Vec<(usize, u64)>>,
    seconds: Vec<f64>,
}

impl Drawn {
    fn of(data: &SeriesData, values: &[u64]) -> Self {
        let used = || data.intervals.iter().filter(|interval| !interval.histogram.is_empty());
        let sparse = used().map(|interval| {
            let recorded = interval.histogram.iter_recorded();
            let place = |value: u64| values.binary_search(&value).expect("the values are those of all intervals");
            recorded.map(|each| (place(each.value_iterated_to()), each.count_since_last_iteration())).collect()
        });
        Self { intervals: sparse.collect(), seconds: used().map(|interval| interval.length.as_secs_f64()).collect() }
    }

    /// The quantiles and the rate of the chosen intervals.
    fn figures(&self, chosen: impl Iterator<Item = usize>, values: &[u64], counts: &mut [u64]) -> Vec<f64> {
        counts.fill(0);
        let (mut samples, mut seconds) = (0_u64, 0.0);
        for index in chosen {
            seconds += self.seconds[index];
            for (place, number) in &self.intervals[index] {
                counts[*place] += number;
                samples += number;
            }
        }
        let mut figures = Vec::with_capacity(PERCENTILES.len() + 1);
        let (mut place, mut through) = (0, counts.first().copied().unwrap_or(0));
        for (_, above) in PERCENTILES {
            // As the histogram does it: the smallest value that so many samples are not above.
            let wanted = u128::from(samples) * u128::from(1_000_000 - above);
            while u128::from(through) * 1_000_000 < wanted && place + 1 < counts.len() {
                place += 1;
                through += counts[place];
            }
            figures.push(values[place] as f64);
        }
        figures.push(samples as f64 / seconds.max(1e-9));
        figures
    }
}

/// The last figure of [`Drawn::figures`].
const RATE: usize = PERCENTILES.len();

fn rows(a: &RunData, b: &RunData) -> Vec<Row> {
    let mut rows = Vec::new();
    // Without an intention the rate is an outcome.
    let with_rate = matches!(a.run.load.mode, LoadMode::Closed | LoadMode::Saturate);
    let judged = |one: &SeriesData, other: &SeriesData, figure: usize| {
        let enough = |data: &SeriesData| {
            let used = data.intervals.iter().filter(|interval| !interval.histogram.is_empty()).count();
            figure == RATE || printable(data.total.len() / used.max(1) as u64, PERCENTILES[figure].1)
        };
        enough(one) && enough(other)
    };
    let figures = |one: &SeriesData, other: &SeriesData, first: bool| {
        let shown = |figure: usize| {
            let there = |data: &SeriesData| printable(data.total.len(), PERCENTILES[figure].1);
            if figure == RATE { with_rate && first } else { there(one) && there(other) }
        };
        (0..=RATE).filter(|figure| shown(*figure)).collect::<Vec<_>>()
    };
    let all: Vec<_> =
        pairs(a, b).enumerate().map(|(n, (one, other))| (one, other, figures(one, other, n == 0))).collect();
    let compared: usize =
        all.iter().map(|(one, other, shown)| shown.iter().filter(|figure| judged(one, other, **figure)).count()).sum();
    let tail = (1.0 - CONFIDENCE) / compared.max(1) as f64 / 2.0;
    let machine = floor(a, b);
    let mut random = Random(SEED);
    for (one, other, shown) in all {
        let (whole_a, whole_b, ratios) = bootstrap(one, other, &mut random);
        for figure in shown {
            let (a, b) = (whole_a[figure], whole_b[figure]);
            let ratio = quotient(b, a);
            let band = judged(one, other, figure).then(|| band(ratios.iter().map(|each| each[figure]).collect(), tail));
            let name = if figure == RATE { "rate" } else { PERCENTILES[figure].0 };
            let verdict = band.map(|band| judge_row(ratio, band, figure == RATE));
            let is_hidden = figure != RATE && machine.is_some_and(|gap| gap.ns > (a - b).abs());
            let verdict = match verdict {
                Some(Verdict::Better | Verdict::Worse) if is_hidden => Some(Verdict::NoVerdict),
                verdict => verdict,
            };
            rows.push(Row { series: one.series.name.clone(), figure: name, a, b, ratio, band, verdict });
        }
    }
    rows
}

/// How long the machine was away from a thread that did nothing: of the noisier run, p99.9 where it has enough samples, else the
/// longest gap.
#[derive(Clone, Copy, Debug)]
struct Floor {
    ns: f64,
    name: &'static str,
}

/// `None` where neither run has a hiccup meter.
fn floor(a: &RunData, b: &RunData) -> Option<Floor> {
    let meters = a.floors().chain(b.floors()).map(|meter| Percentiles::of(&meter.total));
    let gaps = meters.filter_map(|gaps| match gaps.p99_9 {
        Some(ns) => Some(Floor { ns: ns as f64, name: "p99.9" }),
        None => gaps.max.map(|ns| Floor { ns: ns as f64, name: "the longest" }),
    });
    gaps.max_by(|one, other| one.ns.total_cmp(&other.ns))
}

/// The figures of both, and their ratios in every draw.
fn bootstrap(a: &SeriesData, b: &SeriesData, random: &mut Random) -> (Vec<f64>, Vec<f64>, Vec<Vec<f64>>) {
    let all = a.intervals.iter().chain(&b.intervals);
    let values: BTreeSet<u64> =
        all.flat_map(|interval| interval.histogram.iter_recorded().map(|each| each.value_iterated_to())).collect();
    let values: Vec<u64> = values.into_iter().collect();
    let (one, other) = (Drawn::of(a, &values), Drawn::of(b, &values));
    let mut counts = vec![0_u64; values.len()];
    let whole = |drawn: &Drawn, counts: &mut [u64]| drawn.figures(0..drawn.intervals.len(), &values, counts);
    let (whole_a, whole_b) = (whole(&one, &mut counts), whole(&other, &mut counts));
    let mut draw = |drawn: &Drawn| {
        let number = drawn.intervals.len();
        let chosen: Vec<usize> = (0..number).map(|_| random.below(number)).collect();
        drawn.figures(chosen.into_iter(), &values, &mut counts)
    };
    let ratios = (0..RESAMPLES).map(|_| {
        let (a, b) = (draw(&one), draw(&other));
        b.iter().zip(&a).map(|(b, a)| quotient(*b, *a)).collect()
    });
    let ratios = ratios.collect();
    (whole_a, whole_b, ratios)
}

/// Where a clock is coarse a duration may be zero: less than a nanosecond counts as one.
fn quotient(b: f64, a: f64) -> f64 {
    b.max(1.0) / a.max(1.0)
}

fn band(mut ratios: Vec<f64>, tail: f64) -> Band {
    ratios.sort_by(f64::total_cmp);
    let at = |share: f64| ratios[((ratios.len() - 1) as f64 * share).round() as usize];
    Band { low: at(tail), high: at(1.0 - tail) }
}

fn judge_row(ratio: f64, band: Band, more_is_better: bool) -> Verdict {
    match () {
        () if band.high < 1.0 && ratio < 1.0 - MARGIN => {
            if more_is_better {
                Verdict::Worse
            } else {
                Verdict::Better
            }
        }
        () if band.low > 1.0 && ratio > 1.0 + MARGIN => {
            if more_is_better {
                Verdict::Better
            } else {
                Verdict::Worse
            }
        }
        () => Verdict::NoDifference,
    }
}

fn judge(rows: &[Row], machine: Option<Floor>) -> (Verdict, Vec<String>) {
    let of = |verdict: Verdict| {
        let rows = rows.iter().filter(|row| row.verdict == Some(verdict));
        rows.map(|row| format!("{} {}", row.series, row.figure)).collect::<Vec<_>>().join(", ")
    };
    let (better, worse, unsure) = (of(Verdict::Better), of(Verdict::Worse), of(Verdict::NoVerdict));
    if rows.iter().all(|row| row.verdict.is_none()) {
        return (Verdict::NotComparable, vec!["too few samples in every interval".to_owned()]);
    }
    let (verdict, why) = match (better.is_empty(), worse.is_empty()) {
        (true, true) if !unsure.is_empty() => {
            (Verdict::NoVerdict, "the machine's own gaps are larger than the difference".to_owned())
        }
        (true, true) => (Verdict::NoDifference, "no figure differs by more than its noise and the margin".to_owned()),
        (false, true) => (Verdict::Better, format!("better: {better}; nothing worse")),
        (true, false) => (Verdict::Worse, format!("worse: {worse}; nothing better")),
        (false, false) => {
            (Verdict::Worse, format!("worse: {worse}; better: {better}; what got worse decides, the rest is a trade"))
        }
    };
    // Not to see a difference is not to know that there is none.
    let hides = |row: &&Row| {
        let wide = row.band.is_some_and(|band| band.low < 1.0 - MARGIN || band.high > 1.0 + MARGIN);
        wide && row.verdict == Some(Verdict::NoDifference)
    };
    let hidden: Vec<_> = rows.iter().filter(hides).map(|row| format!("{} {}", row.series, row.figure)).collect();
    let mut why = vec![why];
    if let (Some(Floor { ns, name }), false) = (machine, unsure.is_empty()) {
        let gap = duration(ns);
        why.push(format!(
            "no verdict on {unsure}: they differ by less than the machine's gaps with nothing running ({name} {gap}); a quieter \
             machine would tell, or several runs of each side in turns"
        ));
    }
    if !hidden.is_empty() {
        let list = hidden.join(", ");
        why.push(format!("so noisy that more than the margin may hide in: {list}; longer runs would tell"));
    }
    (verdict, why)
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // The upper half of the product is uniform but for one part in 2^64 / end.
        ((u128::from(z) * end as u128) >> 64) as usize
    }
}
