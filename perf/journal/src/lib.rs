//! Measures the journal, and beside it, in the same run on the same disk, what it is made of.
//!
//! ```text
//!   bare device:  a store into a mapping | one synced write of 4 or 64 KiB          [device]
//!                 a loop of write(2) of as many bytes as an append has              [journal]
//!   journal:      append, mapped and direct, by batch size | sync | verify          [journal]
//!   stage:        ring --> journal stage --> synced, one order in flight or a full ring [stage]
//! ```
//!
//! Invariants: what is written is made before the clock starts; every journal is verified afterwards.
//! Owning thread: the caller's.

mod device;
mod journal;
mod report;
mod stage;

use std::path::PathBuf;

use tidegate_domain::{CancelFilter, Command, CommandHeader, CommandRecord, Epoch, RequestNumber, Sequence, Timestamp};
use tidegate_perf::Machine;

pub use report::{AppendFigures, DeviceFigures, LatencyNs, Report, StageFigures, VerifyFigures};

/// Records of one batch.
const BATCHES: [usize; 4] = [1, 8, 64, 511];
const WRITES: usize = 5_000;
const RECORDS: usize = 2_000_000;

/// What to measure, as a command line says it.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Where to write, on the disk that is meant [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Synced writes per figure
    #[arg(long, default_value_t = WRITES, value_name = "N")]
    pub writes: usize,
    /// Records per figure of the mapped writer
    #[arg(long, default_value_t = RECORDS, value_name = "N")]
    pub records: usize,
    /// Next to nothing of everything: to see that it works
    #[arg(long)]
    pub quick: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { dir: None, writes: WRITES, records: RECORDS, quick: false, json: false }
    }
}

/// Measures everything. `progress` is told what comes next.
///
/// # Errors
/// When the disk refuses, in words that name file and operation.
pub fn run(arguments: &Arguments, progress: impl Fn(&str)) -> Result<Report, String> {
    let (writes, records) = if arguments.quick { (50, 20_000) } else { (arguments.writes, arguments.records) };
    let folder = match &arguments.dir {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    let folder = folder.map_err(|error| format!("cannot make a folder to write in: {error}"))?;
    let say = |error: tidegate_journal::JournalError| error.to_string();
    progress("the bare device");
    let device = device::measure(folder.path(), writes, records)
        .map_err(|error| format!("{}: {error}", folder.path().display()))?;
    let (mut written, mut append) = (Vec::new(), Vec::new());
    for batch in BATCHES {
        progress(&format!("a loop of write(2), batches of {batch}"));
        let figures = journal::written(folder.path(), batch, records);
        written.push(figures.map_err(|error| format!("{}: {error}", folder.path().display()))?);
    }
    for batch in BATCHES {
        progress(&format!("mapped writer, batches of {batch}"));
        append.push(journal::mapped(folder.path(), batch, records).map_err(say)?);
    }
    for batch in BATCHES {
        progress(&format!("direct writer, batches of {batch}"));
        append.push(journal::direct(folder.path(), batch, writes).map_err(say)?);
    }
    progress("the stage in `local`");
    let stage = stage::measure(folder.path(), writes, &device)?;
    progress("verify");
    let verify = journal::verify(folder.path(), records).map_err(say)?;
    Ok(Report { machine: Machine::this(), writes, records, device, written, append, stage, verify })
}

/// One write of 4 KiB, past the page cache and synced, so many times: what `local` cannot be quicker than.
///
/// # Errors
/// When the disk refuses, in words that name the folder.
pub fn synced_write(dir: &std::path::Path, writes: usize) -> Result<LatencyNs, String> {
    let device = device::measure(dir, writes, 1_000).map_err(|error| format!("{}: {error}", dir.display()))?;
    Ok(device.write_4k)
}

/// Commands `first..first + count`.
fn commands(first: u64, count: usize) -> Vec<CommandRecord> {
    let one = |sequence| {
        let header = CommandHeader {
            sequence: Sequence::new(sequence),
            time: Timestamp::from_nanos(sequence * 1_000),
            epoch: Epoch::new(1),
            request: RequestNumber::new(sequence),
            ..CommandHeader::default()
        };
        CommandRecord::encode(&header, &Command::CancelAll(CancelFilter::in_market(None)))
    };
    (first..).take(count).map(one).collect()
}
