//! What is measured: latencies at given rates, and how much goes through.
//!
//! ```text
//!   for each figure, so many times:  a fresh pipeline --> set-up --> what prepares the book --> warm-up --> measured --> stopped
//! ```
//!
//! Invariants: figures take turns, so that no figure has the good minutes for itself; medians are over whole runs.
//! Owning thread: the caller's.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hdrhistogram::Histogram;
use tidegate_domain::{CommandRecord, Sequence, Timestamp};
use tidegate_latency::{Machine, Percentiles, Rate, RateTable, Recorder, hiccup, histogram};
use tidegate_perf::subject::engine::{Encoded, encode};
use tidegate_perf::workload::{Request, Size, Workload};
use tidegate_pipeline::stamps::{Mark, TickScale, Ticks};

use crate::assembly::{Assembly, Place};
use crate::check::{Reference, Sum, first_difference, sum_of};
use crate::feed::Pace;
use crate::interference::Interference;
use crate::report::{RateFigures, Report, SaturationFigures, StageFigures};
use crate::stages::StageCounts;
use crate::watch::Watched;

/// Time at the rate before anything is counted.
const WARM_UP: Duration = Duration::from_millis(300);
/// From giving the work to its first intended moment.
const HEAD_START: Duration = Duration::from_millis(2);
const SEGMENT_LEN_BYTES: u64 = tidegate_journal::SEGMENT_LEN_BYTES_DEFAULT;

/// Rates that make sense: one core takes some millions.
const RATES: std::ops::RangeInclusive<u64> = 1_000..=20_000_000;
/// Commands that one run sends at a rate: what they leave in both logs fits into memory, twice.
const RATE_COMMANDS_MAX: usize = 5_000_000;
/// A file system in memory, on every Linux.
const MEMORY: &str = "/dev/shm";

/// What to measure, as a command line says it.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Where the logs are: name a disk to see what it adds and sustains [default: in memory, /dev/shm]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The stream of commands: a, b or d of `bench engine`
    #[arg(long, default_value = "a", value_parser = ["a", "b", "d"])]
    pub workload: String,
    /// Rates for latencies, in commands a second; at most 5 million commands are sent at each
    #[arg(long, value_delimiter = ',', default_value = "125k,1m", value_name = "RATES")]
    pub rates: Vec<Rate>,
    /// Length of the measured part at a rate
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS")]
    pub seconds: f64,
    /// Commands in saturation; 0 leaves it out
    #[arg(long, default_value_t = 10_000_000, value_name = "N")]
    pub commands: usize,
    /// Saturates once more without segments made in advance: what the disk sustains
    #[arg(long)]
    pub sustained: bool,
    /// Every figure is the median of so many runs
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// Core of the pipeline's thread [default: the last]
    #[arg(long, value_name = "CORE")]
    pub core: Option<usize>,
    /// Makes the stream: the same seed, the same stream
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Takes no stamps, and so tells no stages: what the stamps cost is the difference
    #[arg(long)]
    pub without_stamps: bool,
    /// Next to nothing of everything: to see that it works
    #[arg(long)]
    pub quick: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

impl Arguments {
    fn check(&self) -> Result<(), String> {
        if !(0.01..=600.0).contains(&self.seconds) {
            return Err(format!("--seconds {}: allowed are 0.01 to 600", self.seconds));
        }
        if let Some(rate) = self.rates.iter().find(|rate| !RATES.contains(&rate.per_second())) {
            let (min, max) = (RATES.start(), RATES.end());
            return Err(format!("--rates {rate}: allowed are {min} to {max} commands a second"));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if let Some(core) = self.core.filter(|core| *core >= cores) {
            return Err(format!("--core {core}: allowed are 0 to {}, this process has {cores}", cores - 1));
        }
        if self.commands > 100_000_000 {
            return Err(format!("--commands {}: at most 100000000, each takes 300 bytes of memory", self.commands));
        }
        Ok(())
    }
}

/// Deposits say when they were made, and the engine refuses those of long ago.
fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX))
}

/// Everything that runs push, made once.
struct Stream {
    first_two: [CommandRecord; 2],
    /// What comes after them.
    records: Arc<Vec<CommandRecord>>,
    /// Those at the beginning of `records` that are not measured.
    unmeasured: usize,
}

impl Stream {
    fn make(arguments: &Arguments, commands: usize, size: Size) -> Result<Self, String> {
        let request = Request {
            name: arguments.workload.clone(),
            commands,
            seed: arguments.seed,
            size,
            recorded: PathBuf::new(),
        };
        let workload = Workload::generate(&request)?;
        let Encoded { mut set_up, stream, .. } = encode(&workload, now());
        drop(workload);
        let unmeasured =
            stream.parts.iter().take_while(|part| !part.is_measured).map(|part| part.commands).sum::<usize>();
        let first_two = [set_up[0], set_up[1]];
        set_up.drain(..2);
        let unmeasured = unmeasured + set_up.len();
        set_up.extend(stream.commands);
        Ok(Self { first_two, records: Arc::new(set_up), unmeasured })
    }

    /// Sums of everything through so many measured commands, for each of these.
    fn reference(&self, counts: &[usize]) -> Vec<Sum> {
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by_key(|at| counts[*at]);
        let mut reference = Reference::new();
        reference.apply(&self.first_two);
        reference.apply(&self.records[..self.unmeasured]);
        let (mut done, mut sums) = (0, vec![Sum::default(); counts.len()]);
        for at in order {
            sums[at] = reference.apply(&self.records[self.unmeasured + done..self.unmeasured + counts[at]]);
            done = counts[at];
        }
        sums
    }
}

/// One figure: what all its runs do.
#[derive(Clone, Copy)]
struct Figure {
    /// None: as much as goes through.
    rate: Option<Rate>,
    /// Before what is counted, and counted.
    warm_up: usize,
    measured: usize,
    /// Whether all segments are made before.
    prepared: bool,
}

impl Figure {
    fn commands(&self) -> usize {
        self.warm_up + self.measured
    }

    /// Segments of the journal and of the event log that so many commands take, at most.
    fn segments(&self, stream: &Stream, events: u64) -> (u32, u32) {
        if !self.prepared {
            return (2, 2);
        }
        let commands = (stream.unmeasured + self.commands()) as u64;
        // A header for each record where every batch is a single one; in saturation batches are long.
        let header = if self.rate.is_some() { 128 } else { 24 };
        let count = |records: u64| (records * (128 + header) / SEGMENT_LEN_BYTES + 3) as u32;
        (count(commands), count(events))
    }
}

/// What one run came to.
struct OneRun {
    latencies: Histogram<u64>,
    commands_per_second: f64,
    stages: StageCounts,
    interference: Interference,
}

/// Measures everything. `progress` is told what comes next.
///
/// # Errors
/// What of the options is wrong, what the disk refuses, or what of the released events is not what the engine alone says.
pub fn run(arguments: &Arguments, progress: impl Fn(&str)) -> Result<Report, String> {
    arguments.check()?;
    let (runs, seconds, size, saturation) = if arguments.quick {
        (1, 0.02, Size::Quick, arguments.commands.min(20_000))
    } else {
        (arguments.runs, arguments.seconds, Size::Full, arguments.commands)
    };
    let mut figures: Vec<Figure> = Vec::new();
    for rate in &arguments.rates {
        let commands = |length: f64| ((rate.per_second() as f64 * length) as usize).clamp(1, RATE_COMMANDS_MAX);
        let warm_up = commands(if arguments.quick { 0.002 } else { WARM_UP.as_secs_f64() });
        figures.push(Figure { rate: Some(*rate), warm_up, measured: commands(seconds), prepared: true });
    }
    if saturation > 0 {
        for prepared in [true, false].into_iter().take(1 + usize::from(arguments.sustained)) {
            figures.push(Figure { rate: None, warm_up: 0, measured: saturation, prepared });
        }
    }
    progress("making the stream");
    let counts: Vec<usize> = figures.iter().map(Figure::commands).collect();
    let stream = Stream::make(arguments, counts.iter().copied().max().unwrap_or(0), size)?;
    progress("what the engine alone says to it");
    let sums = stream.reference(&counts);
    let memory = || if Path::new(MEMORY).is_dir() { PathBuf::from(MEMORY) } else { std::env::temp_dir() };
    let parent = arguments.dir.clone().unwrap_or_else(memory);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let core = arguments.core.or(Some(cores - 1));
    let mut hiccups = Recorder::default();
    let zero = Instant::now();
    let floor = Duration::from_secs_f64(if arguments.quick { 0.01 } else { 1.0 });
    progress("the machine's own hiccups");
    measure_hiccups(core, zero, floor, &mut hiccups);

    let mut all: Vec<Vec<OneRun>> = figures.iter().map(|_| Vec::new()).collect();
    for run in 1..=runs {
        for (place, (figure, expected)) in figures.iter().zip(&sums).enumerate() {
            let what = figure.rate.map_or_else(|| "saturation".to_owned(), |rate| format!("{rate} commands/s"));
            progress(&format!("{what}, run {run} of {runs}"));
            let folder = tempfile::tempdir_in(&parent).map_err(|error| format!("{}: {error}", parent.display()))?;
            let place_of = Place { folder: folder.path(), core, stamps: !arguments.without_stamps };
            all[place].push(one_run(&stream, figure, *expected, &place_of)?);
        }
    }
    progress("the machine's own hiccups");
    measure_hiccups(core, zero, floor, &mut hiccups);
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let mut report = Report {
        machine: Machine::this(&parent, profile),
        workload: arguments.workload.clone(),
        seed: arguments.seed,
        durability: "async",
        core_plan: "fused",
        core,
        runs,
        hiccups: hiccups.percentiles(),
        stamps: !arguments.without_stamps,
        rates: Vec::new(),
        table: RateTable::default(),
        saturation: None,
        sustained: None,
    };
    for (figure, runs) in figures.iter().zip(all) {
        match figure.rate {
            Some(rate) => {
                for run in &runs {
                    let elapsed = Duration::from_secs_f64(figure.measured as f64 / run.commands_per_second);
                    report.table.add(rate, figure.measured as u64, elapsed, &run.latencies);
                }
                report.rates.push(rate_figures(rate, runs));
            }
            None if figure.prepared => report.saturation = Some(saturation_figures(figure, &runs)),
            None => report.sustained = Some(saturation_figures(figure, &runs)),
        }
    }
    Ok(report)
}

fn measure_hiccups(core: Option<usize>, zero: Instant, length: Duration, into: &mut Recorder) {
    let thread = std::thread::spawn(move || {
        let mut samples = Recorder::default();
        if let Some(id) = core {
            core_affinity::set_for_current(core_affinity::CoreId { id });
        }
        hiccup::measure(zero, length, &mut samples);
        samples
    });
    into.merge(&thread.join().expect("looking at a clock does not panic"));
}

fn one_run(stream: &Stream, figure: &Figure, expected: Sum, place: &Place<'_>) -> Result<OneRun, String> {
    let assembly = Assembly::start(place, figure.segments(stream, expected.events), stream.first_two)?;
    let clock = assembly.clock();
    let mut scale = TickScale::begin(clock);
    let first = Sequence::new(3);
    assembly.push(&stream.records, 0..stream.unmeasured, first, || Pace::Saturate)?;
    let first = Sequence::new(first.raw() + stream.unmeasured as u64);
    while !scale.measure() {
        std::thread::yield_now();
    }
    let ticks_per_second = 1e9 * 2_f64.powi(32) / scale.ns(1 << 32) as f64;
    // Warm-up and what is counted are one work, so that there is no gap between them.
    let range = stream.unmeasured..stream.unmeasured + figure.commands();
    assembly.count_stages();
    let pace = || match figure.rate {
        None => Pace::Saturate,
        Some(rate) => {
            let ahead = (HEAD_START.as_secs_f64() * ticks_per_second) as u64;
            Pace::at(rate.per_second(), Ticks::from_raw(clock.now().raw() + ahead), ticks_per_second)
        }
    };
    let (began, pace, Watched { marks, interference, .. }) = assembly.push(&stream.records, range, first, pace)?;
    scale.measure();
    let (stages, log) = assembly.stop()?;
    let last = Sequence::new(first.raw() + figure.commands() as u64 - 1);
    let is = sum_of(&log, last)?;
    if is != expected {
        let records = stream.first_two.iter().chain(&stream.records[..stream.unmeasured + figure.commands()]);
        return Err(format!("released is not what the engine alone says: {}", first_difference(&log, records)?));
    }
    let latencies = latencies(&marks, first, figure, &pace, &scale);
    let counted_from = if figure.rate.is_some() { pace.intended(figure.warm_up) } else { began };
    let end = marks.last().map_or(began, |mark| mark.at);
    let elapsed_ns = scale.ns(end.raw().saturating_sub(counted_from.raw())).max(1);
    let commands_per_second = figure.measured as f64 * 1e9 / elapsed_ns as f64;
    Ok(OneRun { latencies, commands_per_second, stages, interference })
}

/// From each command's intended moment to the first mark at or above it.
fn latencies(marks: &[Mark], first: Sequence, figure: &Figure, pace: &Pace, scale: &TickScale) -> Histogram<u64> {
    let mut all = histogram();
    if figure.rate.is_none() {
        return all;
    }
    let mut n = 0;
    for mark in marks {
        while n < figure.commands() && first.raw() + n as u64 <= mark.through.raw() {
            if n >= figure.warm_up {
                let ticks = mark.at.raw().saturating_sub(pace.intended(n).raw());
                all.record(scale.ns(ticks).max(1)).expect("it grows");
            }
            n += 1;
        }
    }
    all
}

/// The middle of some numbers, the lower of two.
fn median<T: Copy + PartialOrd>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_by(|one, other| one.partial_cmp(other).expect("figures are numbers"));
    values.get(values.len().saturating_sub(1) / 2).copied()
}

fn rate_figures(rate: Rate, runs: Vec<OneRun>) -> RateFigures {
    let each: Vec<Percentiles> = runs.iter().map(|run| Percentiles::of(&run.latencies)).collect();
    let of = |value: fn(&Percentiles) -> Option<u64>| median(each.iter().filter_map(value));
    let medians = Percentiles {
        count: median(each.iter().map(|run| run.count)).unwrap_or(0),
        p50: of(|run| run.p50),
        p90: of(|run| run.p90),
        p99: of(|run| run.p99),
        p99_9: of(|run| run.p99_9),
        p99_99: of(|run| run.p99_99),
        p99_999: of(|run| run.p99_999),
        max: of(|run| run.max),
    };
    let achieved = median(runs.iter().map(|run| run.commands_per_second)).unwrap_or(0.0);
    let interference = runs.iter().map(|run| run.interference).collect();
    let mut stages = None::<StageCounts>;
    for run in runs {
        match &mut stages {
            Some(all) => all.add(&run.stages),
            None => stages = Some(run.stages),
        }
    }
    RateFigures {
        rate: rate.per_second(),
        achieved,
        medians,
        runs: each,
        interference,
        skipped: stages.as_ref().map_or(0, |counts| counts.skipped),
        stages: stages.map(StageFigures::of).unwrap_or_default(),
    }
}

fn saturation_figures(figure: &Figure, runs: &[OneRun]) -> SaturationFigures {
    SaturationFigures {
        commands: figure.measured,
        commands_per_second: median(runs.iter().map(|run| run.commands_per_second)).unwrap_or(0.0),
        runs: runs.iter().map(|run| run.commands_per_second).collect(),
        interference: runs.iter().map(|run| run.interference).collect(),
    }
}
