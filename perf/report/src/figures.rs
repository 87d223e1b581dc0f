//! Every number of the page, from the logs of a run.
//!
//! Invariants: nothing is interpolated: a point of the percentile plot is what the histogram answers for its quantile; the
//! shares of [`PathStage`] add up to the end of the path; what is not there is in [`Figures::missing`] with its reason.
//! Owning thread: none; this is a function of [`RunData`].

use hdrhistogram::Histogram;
use serde::Serialize;
use tidegate_latency::{
    CurvePoint, Interval, LoadMode, Percentiles, RateOutcome, Run, Series, SeriesKind, Stage, curve, knee,
    rate_outcomes,
};

use crate::data::{RunData, SeriesData};
use crate::warnings::warnings;

/// The version of `report.json`.
const FORMAT: u32 = 1;
/// Widest timeline: above, several intervals are drawn as one.
const MOMENTS_MAX: usize = 600;
/// Widest heat map.
const HEAT_COLUMNS_MAX: usize = 120;
/// Rows of the heat map for a tenfold latency.
const HEAT_ROWS_PER_DECADE: f64 = 8.0;

/// What a request waited in the generator or behind a full window, in [`Figures::path`].
pub(crate) const BEFORE_SENT: &str = "before it is sent";

/// See the module.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// 1.
    pub format: u32,
    /// `run.json`.
    pub run: Run,
    /// One for each log.
    pub series: Vec<SeriesFigures>,
    /// Which of them the timeline, the heat map and the stages are about.
    pub main: Option<usize>,
    /// Service times of the same requests.
    pub service: Option<usize>,
    /// The machine's longest gap in each moment of the main series' timeline; empty where no meter ran at the same time.
    pub floor: Vec<Option<u64>>,
    /// Samples over time and latency.
    pub heat: Option<Heat>,
    /// Where the mean goes.
    pub path: Vec<PathStage>,
    /// The last rate that is kept up with.
    pub knee: Option<Knee>,
    /// How each rate of the sweep went.
    pub rates: Vec<RateOutcome>,
    /// What a reader must know before the numbers.
    pub warnings: Vec<String>,
    /// What this run does not have.
    pub missing: Vec<Missing>,
    /// When the run began, nanoseconds since 1970, where a log says so.
    pub started_at_ns: Option<u128>,
}

/// One log in numbers.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesFigures {
    /// What it is.
    #[serde(flatten)]
    pub series: Series,
    /// Mean; `None` without a sample.
    pub mean_ns: Option<f64>,
    /// As tables show them.
    #[serde(flatten)]
    pub percentiles: Percentiles,
    /// As the plot shows them, from the smallest to the last with enough samples above.
    pub plot: Vec<CurvePoint>,
    /// Over time.
    pub timeline: Vec<Moment>,
}

/// A second, or several where the run is long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// Its beginning, after that of the run.
    pub at_s: f64,
    /// Its length.
    pub seconds: f64,
    /// Samples.
    pub count: u64,
    /// `None` where too few samples lie above.
    pub p99: Option<u64>,
    /// `None` without a sample.
    pub max: Option<u64>,
}

/// Samples over time and latency.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Heat {
    /// Beginning and end of each column, seconds.
    pub columns: Vec<(f64, f64)>,
    /// Lowest and highest latency of each row, upwards, nanoseconds.
    pub rows: Vec<(u64, u64)>,
    /// Samples by column, then row.
    pub counts: Vec<Vec<u64>>,
}

/// A stage, or what the stamps do not see, on the way through the mean.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathStage {
    /// Its name.
    pub name: String,
    /// When it begins, by the means before it.
    pub start_ns: f64,
    /// Its mean.
    pub mean_ns: f64,
    /// By how much it moves the end: the whole mean, or less where it runs beside a longer one.
    pub adds_ns: f64,
    /// How often the others waited for it, 0 to 1; `None` for what no stamp sees.
    pub critical_share: Option<f64>,
}

/// Where a sweep stops keeping up: see [`tidegate_latency::knee`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Knee {
    /// Its place in the sweep.
    pub point: usize,
    /// Intended requests a second.
    pub offered: f64,
    /// Whether the sweep went on to a rate that is not kept up with.
    pub passed: bool,
}

/// A part of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Response times.
    Response,
    /// Service times.
    Service,
    /// Gaps of the machine.
    JitterFloor,
    /// A log that the run names.
    Log,
    /// Stages of the node.
    Stages,
    /// A sweep of rates.
    Sweep,
    /// The slowest requests.
    Outliers,
    /// Checks of the outcome.
    Checks,
    /// The node's configuration.
    Config,
    /// Which thread was where.
    CoreMap,
}

/// What a run does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Which part.
    pub part: Part,
    /// A sentence.
    pub why: String,
}

impl Figures {
    /// Of a run.
    #[must_use]
    pub fn of(data: &RunData) -> Self {
        let main = data.main();
        let place = |wanted: Option<&SeriesData>| {
            let wanted = wanted?;
            data.series.iter().position(|each| std::ptr::eq(each, wanted))
        };
        Self {
            format: FORMAT,
            run: data.run.clone(),
            series: data.series.iter().map(SeriesFigures::of).collect(),
            main: place(main),
            service: place(data.of(SeriesKind::Service)),
            floor: main.map(|main| floor(data, main)).unwrap_or_default(),
            heat: main.map(heat),
            path: path(data),
            knee: knee_of(&data.run),
            rates: rate_outcomes(&data.run.sweep),
            warnings: warnings(data),
            missing: missing(data),
            started_at_ns: main.map(|main| main.started_at.as_nanos()).filter(|at| *at > 0),
        }
    }

    /// The series that the page is about.
    #[must_use]
    pub fn main(&self) -> Option<&SeriesFigures> {
        self.main.map(|index| &self.series[index])
    }

    /// Response and service times that the page is about; where their logs have no samples, what the run meant to measure.
    #[must_use]
    pub fn outside(&self) -> Vec<&Series> {
        let shown = [self.main, self.service].into_iter().flatten().map(|index| &self.series[index].series);
        let of = |kind| shown.clone().chain(&self.run.series).find(|series| series.kind == kind);
        [SeriesKind::Response, SeriesKind::Service].into_iter().filter_map(of).collect()
    }

    /// Why a part is missing; `None` where it is there.
    #[must_use]
    pub fn why_missing(&self, part: Part) -> Option<&str> {
        self.missing.iter().find(|missing| missing.part == part).map(|missing| missing.why.as_str())
    }
}

impl SeriesFigures {
    fn of(data: &SeriesData) -> Self {
        let total = &data.total;
        Self {
            series: data.series.clone(),
            mean_ns: (!total.is_empty()).then(|| total.mean()),
            percentiles: Percentiles::of(total),
            plot: curve(total),
            timeline: timeline(&data.intervals),
        }
    }
}

/// Intervals side by side as one histogram, so that there are at most `most` groups.
fn grouped(intervals: &[Interval], most: usize) -> impl Iterator<Item = (f64, f64, Histogram<u64>)> {
    let size = intervals.len().div_ceil(most).max(1);
    intervals.chunks(size).map(|group| {
        let mut all = tidegate_latency::histogram();
        for interval in group {
            all.add(&interval.histogram).expect("a histogram that grows takes every other");
        }
        let start = group.first().map_or(0.0, |interval| interval.start.as_secs_f64());
        let end = group.last().map_or(start, |last| last.start.as_secs_f64() + last.length.as_secs_f64());
        (start, end, all)
    })
}

fn timeline(intervals: &[Interval]) -> Vec<Moment> {
    let moments = grouped(intervals, MOMENTS_MAX).map(|(start, end, all)| {
        let percentiles = Percentiles::of(&all);
        let (p99, max) = (percentiles.p99, percentiles.max);
        Moment { at_s: start, seconds: end - start, count: percentiles.count, p99, max }
    });
    moments.collect()
}

/// Logs have beginnings of their own; what was measured before or after the load is not in its moments.
fn floor(data: &RunData, main: &SeriesData) -> Vec<Option<u64>> {
    let gaps: Vec<(f64, f64, u64)> = data
        .floors()
        .flat_map(|meter| {
            let shift = meter.started_at.as_secs_f64() - main.started_at.as_secs_f64();
            meter.intervals.iter().filter(|interval| !interval.histogram.is_empty()).map(move |interval| {
                let start = interval.start.as_secs_f64() + shift;
                (start, start + interval.length.as_secs_f64(), interval.histogram.max())
            })
        })
        .collect();
    let moments = timeline(&main.intervals).into_iter().map(|moment| {
        let touched = gaps.iter().filter(|(from, to, _)| *from < moment.at_s + moment.seconds && *to > moment.at_s);
        touched.map(|(_, _, max)| *max).max()
    });
    let moments: Vec<_> = moments.collect();
    // The seconds at both ends may touch a meter that ran before or after.
    if moments.iter().flatten().count() * 2 <= moments.len() { Vec::new() } else { moments }
}

fn heat(data: &SeriesData) -> Heat {
    let row_of = |ns: u64| ((ns.max(1) as f64).log10() * HEAT_ROWS_PER_DECADE).floor() as i32;
    let (first, last) = (row_of(data.total.min()), row_of(data.total.max()));
    let edge = |row: i32| 10_f64.powf(f64::from(row) / HEAT_ROWS_PER_DECADE).ceil() as u64;
    // Upper and lower edge are whole nanoseconds that belong to the row.
    let rows: Vec<(u64, u64)> = (first..=last).map(|row| (edge(row), edge(row + 1).saturating_sub(1))).collect();
    let (mut columns, mut counts) = (Vec::new(), Vec::new());
    for (start, end, all) in grouped(&data.intervals, HEAT_COLUMNS_MAX) {
        let mut column = vec![0_u64; rows.len()];
        for recorded in all.iter_recorded() {
            let row = row_of(recorded.value_iterated_to()).clamp(first, last) - first;
            column[row as usize] += recorded.count_since_last_iteration();
        }
        columns.push((start, end));
        counts.push(column);
    }
    Heat { columns, rows, counts }
}

/// Lays the stages one after the other by their stamps. A stage begins where the stage that ends at its first stamp ends; with
/// a first stamp that another stage has too it begins beside it; with one that nobody else names, after everything before it.
pub(crate) fn path(data: &RunData) -> Vec<PathStage> {
    let mean = |kind| data.of(kind).map(|each| each.total.mean());
    let (response, service) = (mean(SeriesKind::Response), mean(SeriesKind::Service));
    let (Some(whole), false) = (response.or(service), data.run.stages.is_empty()) else { return Vec::new() };
    let mut path: Vec<PathStage> = Vec::new();
    let mut end = 0.0_f64;
    if let (Some(response), Some(service)) = (response, service) {
        // What was intended earlier than it was sent waited in the generator or behind a full window.
        let waits = (response - service).max(0.0);
        let name = BEFORE_SENT.to_owned();
        path.push(PathStage { name, start_ns: 0.0, mean_ns: waits, adds_ns: waits, critical_share: None });
        end = waits;
    }
    let mut stamps: Vec<(&str, f64)> = Vec::new();
    let position = |stamps: &[(&str, f64)], name: &str| {
        stamps.iter().filter(|(stamp, _)| *stamp == name).map(|(_, at)| *at).reduce(f64::max)
    };
    for stage in data.run.stages.iter().filter(|stage| !is_idle(&data.run, stage)) {
        let start = position(&stamps, &stage.from).unwrap_or(end);
        stamps.push((&stage.from, start));
        stamps.push((&stage.to, start + stage.mean_ns));
        let adds = (start + stage.mean_ns - end).max(0.0);
        end += adds;
        path.push(PathStage {
            name: stage.name.clone(),
            start_ns: start,
            mean_ns: stage.mean_ns,
            adds_ns: adds,
            critical_share: Some(stage.critical_share),
        });
    }
    // Negative where the stages saw more than the client: another set of orders, or stamps that overlap. The page says so.
    let rest = whole - end;
    let name = "outside the stamps".to_owned();
    path.push(PathStage { name, start_ns: end, mean_ns: rest, adds_ns: rest, critical_share: None });
    path
}

/// One node has nobody to replicate to, and its stamps there mean nothing.
pub(crate) fn is_idle(run: &Run, stage: &Stage) -> bool {
    run.nodes == 1 && stage.name == "replicate" && stage.mean_ns <= 0.0
}

fn knee_of(run: &Run) -> Option<Knee> {
    let point = knee(&run.sweep)?;
    Some(Knee { point, offered: run.sweep[point].offered, passed: point + 1 < run.sweep.len() })
}

fn missing(data: &RunData) -> Vec<Missing> {
    let run = &data.run;
    let mut missing: Vec<Missing> = Vec::new();
    let mut unless = |there: bool, part: Part, why: &str| {
        if !there {
            missing.push(Missing { part, why: why.to_owned() });
        }
    };
    let samples = |kind| data.of(kind).is_some();
    let response = match run.load.mode {
        LoadMode::Closed | LoadMode::Saturate => {
            "this load intends no moment of sending, so there are service times only"
        }
        LoadMode::Open | LoadMode::Sweep | LoadMode::Burst => "no log of response times with a sample in it",
    };
    unless(samples(SeriesKind::Response), Part::Response, response);
    unless(samples(SeriesKind::Service), Part::Service, "no log of service times with a sample in it");
    unless(
        samples(SeriesKind::Hiccup),
        Part::JitterFloor,
        "no hiccup meter ran: engine and machine cannot be told apart",
    );
    let stages = match (run.stages.is_empty(), data.main()) {
        (true, _) => run.no_stages.as_deref().unwrap_or("the node told no stages"),
        (false, None) => "stages without response or service times add up to nothing",
        (false, Some(_)) => "",
    };
    unless(stages.is_empty(), Part::Stages, stages);
    let swept = match run.load.mode {
        LoadMode::Sweep => "the run says that it is a sweep and has no rate in it",
        _ => "one load only; a sweep of rates is a run of its own (mode sweep)",
    };
    unless(!run.sweep.is_empty(), Part::Sweep, swept);
    unless(!run.outliers.is_empty(), Part::Outliers, "the slowest requests were not kept");
    unless(!run.checks.is_empty(), Part::Checks, "nothing was checked: whether fast was also right is not known");
    unless(!run.config.is_empty(), Part::Config, "the node's configuration is not known");
    unless(!run.core_map.is_empty(), Part::CoreMap, "which thread was on which core is not known");
    for series in &data.absent {
        unless(
            false,
            Part::Log,
            &format!("{}: the run names {}, which is not in its folder", series.name, series.file),
        );
    }
    missing
}
