//! `engine`: measures book and engine, and counts their instructions. See the library.
//!
//!   arguments --> [`tidegate_perf::run`] | [`tidegate_perf::instructions`] --> stdout; what is going on --> stderr
//!
//! Invariants: every allocation of the process is counted here, whoever makes it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use tidegate_perf::instructions::{self, FixedWork, Measured};
use tidegate_perf::{Options, PeerReport, PerfError, peers, run};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Measures Tidegate's book and engine on generated and recorded order flow.
#[derive(Debug, Parser)]
#[command(name = "engine")]
struct Arguments {
    /// Workloads: a, b, b_flash_crash, c, d, e, f; all of them without this.
    #[arg(long, value_delimiter = ',')]
    workload: Vec<String>,
    /// Measured commands of a workload.
    #[arg(long)]
    commands: Option<usize>,
    /// Throughput is the median of so many runs.
    #[arg(long)]
    runs: Option<usize>,
    /// Makes the streams: the same seed, the same streams.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Small books and 2,000 commands, once: to see that it works.
    #[arg(long)]
    quick: bool,
    /// Leaves other people's books out.
    #[arg(long)]
    no_peers: bool,
    /// Folder of the recorded flow of workload e.
    #[arg(long)]
    recorded: Option<PathBuf>,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
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
    /// Counts the instructions of a command with callgrind, and compares with the counts that were saved.
    #[arg(long)]
    instructions: bool,
    /// Saves the counts.
    #[arg(long, requires = "instructions")]
    save: bool,
    /// Where counts are saved, from the root of the repository.
    #[arg(long, default_value = instructions::SAVED, requires = "instructions")]
    saved: PathBuf,
}

impl Arguments {
    fn options(&self) -> Options {
        let mut options = if self.quick { Options::quick() } else { Options::default() };
        if !self.workload.is_empty() {
            options.workloads.clone_from(&self.workload);
        }
        options.commands = self.commands.unwrap_or(options.commands);
        options.runs = self.runs.unwrap_or(options.runs);
        options.recorded = self.recorded.clone().unwrap_or(options.recorded);
        options.seed = self.seed;
        options.peers =
            (cfg!(feature = "peers") && !self.no_peers).then(|| std::env::current_exe().unwrap_or_default());
        options.allocations = Some(|| ALLOCATIONS.load(Ordering::Relaxed));
        // What a peer's process writes to stderr is a complaint.
        options.progress = self.peer.is_none().then_some(|what| eprintln!("{what}"));
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
            let counts = instructions::count(&self.options(), &self.saved)?;
            if self.save {
                counts.save(&self.saved)?;
            }
            return if self.json { json(serde_json::to_string_pretty(&counts)) } else { Ok(counts.to_string()) };
        }
        if let Some(name) = &self.peer {
            peers::one(&self.options(), name, say)?;
            return Ok(String::new());
        }
        let report = run(&self.options())?;
        if self.json { json(serde_json::to_string(&report)) } else { Ok(report.to_string()) }
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
    match Arguments::parse().output() {
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
