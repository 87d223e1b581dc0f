//! One run over the workloads: generate, compare, measure, report.
//!
//! ```text
//! for each workload: generate
//!   for each subject: conform on a shortened stream --> throughput, `runs` times --> latency, once
//! ```
//!
//! Invariants: a subject is fresh in every pass. The checksum of a subject is the same in every pass, and the book's is the
//! naive book's; anything else is a bug and stops the run.

use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use crate::conform::conformance;
use crate::machine::{self, Machine};
use crate::measure::{self, Pass};
use crate::op::Checksum;
use crate::peers;
use crate::report::{Figures, Report, WorkloadReport};
use crate::subject::Subject;
use crate::subject::book::TidegateBook;
use crate::subject::engine::TidegateEngine;
use crate::subject::naive::NaiveBook;
use crate::workload::{self, Request, Size, Workload};

/// Where the recorded flow is looked for: beside the project, as for every test that uses it.
const RECORDED: &str = "../shared/data/lobster_20120621";
const COMMANDS: usize = 1_000_000;
/// More would need more memory than most machines have: about 300 B each.
const COMMANDS_MAX: usize = 20_000_000;
const RUNS_MAX: usize = 1_000;
const COMMANDS_QUICK: usize = 2_000;
/// Measured commands on which fills are compared.
pub(crate) const COMPARED_COMMANDS: usize = 200_000;
/// A pass is ended when its measured commands took so long: some peers would take minutes.
pub(crate) const PASS_LIMIT: Duration = Duration::from_secs(10);

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names of workloads, in the order of the report.
    pub workloads: Vec<String>,
    /// Measured commands of each.
    pub commands: usize,
    /// Throughput is the median of so many passes.
    pub runs: usize,
    /// Makes the streams.
    pub seed: u64,
    /// See [`Size`].
    pub size: Size,
    /// The folder of the recorded flow.
    pub recorded: PathBuf,
    /// The program that measures one peer, if any is measured: see [`crate::peers`].
    pub peers: Option<PathBuf>,
    /// How many allocations there were so far, if the program counts them.
    pub allocations: Option<fn() -> u64>,
    /// Told what comes next, [`Options::steps`] times.
    pub progress: Progress,
}

/// Whoever wants to be told what comes next.
#[derive(Clone, Default)]
pub struct Progress(Option<Rc<Tell>>);

type Tell = dyn Fn(&str);

impl Progress {
    /// Calls this before every step. It should be back soon and do nothing later: the measurement begins when it returns.
    #[must_use]
    pub fn new(tell: impl Fn(&str) + 'static) -> Self {
        Self(Some(Rc::new(tell)))
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "told" } else { "not told" })
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workloads: workload::NAMES.map(str::to_owned).to_vec(),
            commands: COMMANDS,
            runs: 3,
            seed: 1,
            size: Size::Full,
            recorded: PathBuf::from(RECORDED),
            peers: None,
            allocations: None,
            progress: Progress::default(),
        }
    }
}

impl Options {
    /// Everything once, small: to see that it works, in a second or two.
    #[must_use]
    pub fn quick() -> Self {
        Self { commands: COMMANDS_QUICK, runs: 1, size: Size::Quick, ..Self::default() }
    }

    pub(crate) fn request(&self, name: &str) -> Request {
        Request {
            name: name.to_owned(),
            commands: self.commands,
            seed: self.seed,
            size: self.size,
            recorded: self.recorded.clone(),
        }
    }

    pub(crate) fn tell(&self, what: &str) {
        if let Some(tell) = &self.progress.0 {
            tell(what);
        }
    }

    /// How many steps a run takes, if no workload is skipped.
    #[must_use]
    pub fn steps(&self) -> usize {
        let peers = if self.peers.is_some() { peers::NAMES.len() } else { 0 };
        self.workloads.len() * (2 + 2 * (self.runs + 2) + peers)
    }

    /// Refuses what cannot be run, with what can.
    pub(crate) fn check(&self) -> Result<(), PerfError> {
        let known = workload::NAMES.join(", ");
        if let Some(wrong) = self.workloads.iter().find(|name| !workload::NAMES.contains(&name.as_str())) {
            return Err(PerfError::Options(format!(
                "--workload is {wrong:?}, allowed: {known}; give some of these, with commas between them, or leave it \
                 out to run all of them"
            )));
        }
        let within = |field: &str, value: usize, max: usize, what_to_do: &str| {
            if (1..=max).contains(&value) {
                return Ok(());
            }
            Err(PerfError::Options(format!("{field} is {value}, allowed: 1 to {max}; {what_to_do}")))
        };
        let default = COMMANDS;
        within("--commands", self.commands, COMMANDS_MAX, &format!("leave it out to measure {default} commands"))?;
        within("--runs", self.runs, RUNS_MAX, "leave it out for the median of 3")
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum PerfError {
    /// Correct the options.
    #[error("{0}")]
    Options(String),
    /// Something beside the measurement: a program that is missing, a file that cannot be written.
    #[error("{0}")]
    Environment(String),
}

/// Runs what the options say.
///
/// # Errors
/// [`PerfError::Options`], before anything runs.
///
/// # Panics
/// When two passes over one stream come to different results: then no figure means anything.
pub fn run(options: &Options) -> Result<Report, PerfError> {
    options.check()?;
    // Before the thread is pinned: then it may use one core only.
    let machine = Machine::this();
    let pinned_core = machine::pin();
    Ok(Report {
        machine,
        commit: machine::commit(),
        seed: options.seed,
        runs: options.runs,
        pinned_core,
        clock_ns: measure::clock_ns(),
        workloads: options.workloads.iter().map(|name| one_workload(options, name)).collect(),
    })
}

fn one_workload(options: &Options, name: &str) -> WorkloadReport {
    options.tell(&format!("{name}: generating"));
    let mut report = WorkloadReport {
        name: name.to_owned(),
        commands: 0,
        fills: 0,
        skipped: None,
        book: None,
        engine: None,
        peers: Vec::new(),
    };
    let workload = match Workload::generate(&options.request(name)) {
        Ok(workload) => workload,
        Err(reason) => {
            report.skipped = Some(reason);
            return report;
        }
    };
    report.commands = workload.measured() as u64;
    report.fills = workload.mix.fills;
    let compared = workload.shortened(COMPARED_COMMANDS);
    let oracle = pass::<NaiveBook>(options, &workload, None).expect("the naive book takes every op").checksum;
    let book = figures::<TidegateBook>(options, &workload, &compared);
    assert!(!book.conforms || book.checksum == oracle.hex(), "the book conforms, but not to the end of {name}");
    report.book = Some(book);
    report.engine = Some(figures::<TidegateEngine>(options, &workload, &compared));
    if let Some(program) = &options.peers {
        report.peers = peers::NAMES.iter().map(|peer| peers::in_own_process(options, program, name, peer)).collect();
    }
    report
}

/// One pass on a fresh subject.
pub(crate) fn pass<S: Subject>(
    options: &Options,
    workload: &Workload,
    allocations: Option<fn() -> u64>,
) -> Result<Pass, String> {
    options.tell(&format!("{}: {}: throughput", workload.name, S::NAME));
    let (mut subject, stream) = S::prepare(workload, false)?;
    Ok(measure::throughput(&mut subject, &stream, PASS_LIMIT, allocations))
}

fn figures<S: Subject>(options: &Options, workload: &Workload, compared: &Workload) -> Figures {
    options.tell(&format!("{}: {}: comparing every fill", workload.name, S::NAME));
    let why = match conformance::<S>(compared) {
        Ok(conformance) => conformance.difference,
        Err(unable) => Some(unable),
    };
    let passes: Vec<Pass> = (0..options.runs)
        .map(|_| pass::<S>(options, workload, options.allocations).expect("ours take every op"))
        .collect();
    assert_same(S::NAME, &passes);
    options.tell(&format!("{}: {}: latency", workload.name, S::NAME));
    let (mut subject, stream) = S::prepare(workload, false).expect("ours take every op");
    let latency_ns = measure::latency(&mut subject, &stream);
    Figures {
        commands_per_second: median_rate(&passes),
        latency_ns,
        allocations: passes[0].allocations,
        checksum: passes[0].checksum.hex(),
        conforms: why.is_none(),
        why,
    }
}

fn assert_same(name: &str, passes: &[Pass]) {
    let sums: Vec<Checksum> = passes.iter().filter(|pass| !pass.is_cut).map(|pass| pass.checksum).collect();
    assert!(sums.windows(2).all(|pair| pair[0] == pair[1]), "{name} came to different results in two passes");
}

pub(crate) fn median_rate(passes: &[Pass]) -> u64 {
    let mut rates: Vec<f64> = passes.iter().map(Pass::ops_per_second).collect();
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2] as u64
}
