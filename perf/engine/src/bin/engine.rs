//! `engine`: measures book and engine, and counts their instructions. See the library.
//!
//!   arguments --> [`tidegate_perf::run`] | [`tidegate_perf::instructions`] --> stdout; what is going on --> stderr
//!
//! Invariants: every allocation of the thread that measures is counted, whoever makes it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tidegate_memory::Allocator;
use tidegate_perf::instructions::{self, Counts, FixedWork, Measured};
use tidegate_perf::{Arguments, Options, PeerReport, PerfError, Progress, peers, run};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Measures Tidegate's book and engine on generated and recorded order flow.
#[derive(Debug, Parser)]
#[command(name = "engine")]
struct Program {
    #[command(flatten)]
    what: Arguments,
    /// Leaves other people's books out.
    #[arg(long)]
    no_peers: bool,
    /// Measures one other book alone, and prints what is known of it after every step.
    #[arg(long, value_name = "NAME", hide = true)]
    peer: Option<String>,
    /// Runs one workload once, without a clock, for callgrind.
    #[arg(long, value_name = "WORKLOAD", conflicts_with_all = ["workload", "runs", "instructions"])]
    fixed_work: Option<String>,
    /// What runs the fixed work.
    #[arg(long, value_enum, default_value = "book", requires = "fixed_work")]
    subject: Measured,
    /// Applies only so many of the commands of the fixed work.
    #[arg(long, value_name = "COMMANDS", requires = "fixed_work")]
    apply: Option<usize>,
    /// Counts the instructions of a command with callgrind: workloads a and b, book and engine.
    #[arg(long)]
    instructions: bool,
    /// Compares with the counts that were saved.
    #[arg(long, requires = "instructions")]
    compare: bool,
    /// Saves the counts.
    #[arg(long, requires = "instructions")]
    save: bool,
    /// Where counts are saved, from the root of the repository.
    #[arg(long, default_value = instructions::SAVED, requires = "instructions")]
    saved: PathBuf,
}

impl Program {
    fn options(&self) -> Options {
        let mut options = self.what.options();
        options.peers =
            (cfg!(feature = "peers") && !self.no_peers).then(|| std::env::current_exe().unwrap_or_default());
        // What a peer's process writes to stderr is a complaint.
        if self.peer.is_none() {
            options.progress = Progress::new(|what| eprintln!("{what}"));
        }
        options
    }

    fn output(&self) -> Result<String, PerfError> {
        let json =
            |value: Result<String, serde_json::Error>| value.map_err(|error| PerfError::Environment(error.to_string()));
        if let Some(workload) = &self.fixed_work {
            let work = FixedWork { workload: workload.clone(), subject: self.subject, apply: self.apply };
            return work.run(&self.options());
        }
        if self.instructions {
            // First: counting takes a minute, and then it would be too late to hear that there is nothing.
            let saved = self.compare.then(|| Counts::load(&self.saved)).transpose()?;
            let mut counts = instructions::count(&self.options())?;
            if let Some(saved) = &saved {
                counts.compare(saved);
            }
            if self.save {
                counts.save(&self.saved)?;
            }
            return if self.what.json { json(serde_json::to_string_pretty(&counts)) } else { Ok(counts.to_string()) };
        }
        if let Some(name) = &self.peer {
            peers::one(&self.options(), name, say)?;
            return Ok(String::new());
        }
        let report = run(&self.options())?;
        if self.what.json { json(serde_json::to_string(&report)) } else { Ok(report.to_string()) }
    }
}

/// One line of JSON.
fn say(report: &PeerReport) {
    match serde_json::to_string(report) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("{error}"),
    }
}

fn main() -> ExitCode {
    match Program::parse().output() {
        Ok(text) => {
            println!("{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
