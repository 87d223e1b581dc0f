//! `peers`: rings, journal and engine beside what others have. See the library.
//!
//!   arguments --> rings, journal, engine, one after the other --> stdout; what is going on --> stderr
//!
//! Invariants: every allocation of the thread that measures the engine is counted, whoever makes it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tidegate_memory::Allocator;
use tidegate_perf::{Arguments, Machine, Options, PeerReport, Progress, peers};
use tidegate_perf_peers::{Report, RingPlan, rings};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// How to have other people's books.
const TURN_ON: &str =
    "other people's books are not built in: cargo run --release -p tidegate-perf-peers --features peers";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Rings,
    Journal,
    Engine,
}

/// Measures rings, journal and engine, each beside what others have, in one run.
#[derive(Debug, Parser)]
#[command(
    name = "peers",
    max_term_width = 110,
    after_help = "Rings: records of 128 bytes from one pinned thread to another, there and back, and within one thread; each\n\
                  record is checked where it is read. Journal: `tidegate bench journal`, with a loop of bare writes beside it.\n\
                  Engine: `tidegate bench engine`, beside other books where the feature `peers` is built in. For figures, build\n\
                  with --release and leave the machine alone meanwhile."
)]
struct Program {
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<Part>,
    /// Records of each ring in one pass [default: 5000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=RingPlan::RECORDS_MAX))]
    records: Option<u64>,
    /// Round trips of each ring in one pass [default: 200000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=RingPlan::RECORDS_MAX))]
    round_trips: Option<u64>,
    /// Passes of each ring, of which the median counts [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(RingPlan::ROUNDS_MAX)))]
    rounds: Option<u32>,
    /// Where the journal writes, on the disk that is meant [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    engine: Arguments,
    /// Measures one other book alone, and prints what is known of it after every step.
    #[arg(long, value_name = "NAME", hide = true)]
    peer: Option<String>,
}

impl Program {
    fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn ring_plan(&self) -> RingPlan {
        let quick = self.engine.quick;
        let pick = |given: Option<u64>, full, small| given.unwrap_or(if quick { small } else { full });
        RingPlan {
            records: pick(self.records, 5_000_000, 20_000),
            round_trips: pick(self.round_trips, 200_000, 500),
            rounds: self.rounds.unwrap_or(if quick { 1 } else { 5 }),
        }
    }

    fn journal(&self) -> tidegate_perf_journal::Arguments {
        tidegate_perf_journal::Arguments {
            dir: self.dir.clone(),
            quick: self.engine.quick,
            ..tidegate_perf_journal::Arguments::default()
        }
    }

    fn engine(&self) -> Result<Options, String> {
        let mut options = self.engine.options();
        if cfg!(feature = "peers") {
            options.peers = Some(std::env::current_exe().map_err(|error| format!("where is this program? {error}"))?);
        }
        options.progress = Progress::new(tell);
        Ok(options)
    }

    fn measure(&self) -> Result<Report, String> {
        // Before the thread is pinned by the engine's part: then it may use one core only.
        let (machine, commit) = (Machine::this(), tidegate_perf::commit());
        let mut report = Report { machine, commit, rings: None, journal: None, engine: None, left_out: Vec::new() };
        if self.has(Part::Rings) {
            report.rings = Some(rings::measure(self.ring_plan(), &tell)?);
        }
        if self.has(Part::Journal) {
            report.journal = Some(tidegate_perf_journal::run(&self.journal(), tell)?);
        }
        if self.has(Part::Engine) {
            report.engine = Some(tidegate_perf::run(&self.engine()?).map_err(|error| error.to_string())?);
            if !cfg!(feature = "peers") {
                report.left_out.push(TURN_ON.to_owned());
            }
        }
        Ok(report)
    }

    fn run(&self) -> Result<ExitCode, String> {
        if let Some(name) = &self.peer {
            // What a peer's process writes to stderr is a complaint, so it tells nothing.
            peers::one(&self.engine.options(), name, say).map_err(|error| error.to_string())?;
            return Ok(ExitCode::SUCCESS);
        }
        let report = self.measure()?;
        if self.engine.json {
            println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
        } else {
            print!("{report}");
        }
        let conforms = report.engine.as_ref().is_none_or(tidegate_perf::Report::conforms);
        Ok(if conforms { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn tell(what: &str) {
    eprintln!("{what}");
}

/// One line of JSON.
fn say(report: &PeerReport) {
    match serde_json::to_string(report) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("{error}"),
    }
}

fn main() -> ExitCode {
    Program::parse().run().unwrap_or_else(|error| {
        eprintln!("peers: {error}");
        ExitCode::FAILURE
    })
}
