//! `tidegate journal`: looks into a journal or event log, of a stopped node or beside a running one, and changes nothing; takes
//! snapshots ([`crate::snapshot`]).

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;
use serde_json::json;
use tidegate_domain::{CommandRecord, EventRecord, RECORD_LEN_BYTES};
use tidegate_journal::{LogKind, scan, verify};

use crate::snapshot::{self, SnapshotCommand};
use crate::{CommandResult, print_json};

/// `tidegate journal`
#[derive(Subcommand)]
pub enum JournalCommand {
    /// Print records, decoded
    Dump {
        /// Which log
        #[command(flatten)]
        log: LogArgs,
        /// First sequence
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// How many records
        #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
        count: u64,
    },
    /// Check every batch: checksums, hashes, chain, sequence
    Verify {
        /// Which log
        #[command(flatten)]
        log: LogArgs,
    },
    /// Take, list, check and restore snapshots
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
}

/// Which log.
#[derive(Args)]
pub struct LogArgs {
    /// The node's data folder
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Which of its two logs
    #[arg(long, value_enum, default_value = "journal")]
    log: LogArg,
    /// Print JSON; with `dump`, one object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogArg {
    /// Commands.
    Journal,
    /// Released events.
    Events,
}

impl From<LogArg> for LogKind {
    fn from(log: LogArg) -> Self {
        match log {
            LogArg::Journal => Self::Journal,
            LogArg::Events => Self::Events,
        }
    }
}

/// `tidegate journal`
///
/// # Errors
/// What is damaged: file, offset, sequence.
pub fn run(command: &JournalCommand) -> CommandResult {
    match command {
        JournalCommand::Dump { log, from, count } => dump(log, *from, *count),
        JournalCommand::Verify { log } => check(log),
        JournalCommand::Snapshot(command) => snapshot::run(command),
    }
}

fn dump(log: &LogArgs, from: u64, count: u64) -> CommandResult {
    let mut left = count;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut trouble = None;
    let scanned = scan(
        &log.data_dir,
        log.log.into(),
        |_, _| {},
        |_, records| {
            for record in records.chunks_exact(RECORD_LEN_BYTES) {
                let record: [u8; RECORD_LEN_BYTES] = record.try_into().expect("chunks are of this length");
                let sequence = CommandRecord::from_bytes(record).sequence().raw();
                if sequence < from {
                    continue;
                }
                if left == 0 {
                    return false;
                }
                left -= 1;
                // A closed pipe, as of `head`, ends the dump.
                if let Err(error) = std::io::Write::write_all(&mut out, line(log, record).as_bytes()) {
                    trouble = (error.kind() != std::io::ErrorKind::BrokenPipe).then_some(error);
                    return false;
                }
            }
            left > 0
        },
    );
    scanned.map_err(|error| error.to_string())?;
    match trouble {
        Some(error) => Err(format!("cannot write: {error}")),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// A record as a person or a program reads it.
fn line(log: &LogArgs, record: [u8; RECORD_LEN_BYTES]) -> String {
    let (sequence, index, kind, text) = match log.log {
        LogArg::Journal => {
            let record = CommandRecord::from_bytes(record);
            let (kind, text) = match record.decode() {
                Ok((header, command)) => {
                    let at = format!(
                        "epoch {} time {} key {} account {} request {}  {command:?}",
                        header.epoch,
                        header.time.nanos(),
                        header.key,
                        header.account,
                        header.request
                    );
                    (command.kind().as_str(), at)
                }
                Err(error) => ("unreadable", error.to_string()),
            };
            (record.sequence().raw(), None, kind, text)
        }
        LogArg::Events => {
            let record = EventRecord::from_bytes(record);
            let (kind, text) = match record.decode() {
                Ok((header, event)) => {
                    let at = format!(
                        "epoch {} key {} report {} request {}  {event:?}",
                        header.epoch, header.key, header.session_sequence, header.request
                    );
                    (event.kind().as_str(), at)
                }
                Err(error) => ("unreadable", error.to_string()),
            };
            (record.sequence().raw(), Some(record.index()), kind, text)
        }
    };
    if log.json {
        format!("{}\n", json!({ "sequence": sequence, "index": index, "kind": kind, "record": text }))
    } else {
        let index = index.map_or_else(String::new, |index| format!("/{index}"));
        format!("{:>10}{index}  {kind:<16} {text}\n", sequence)
    }
}

fn check(log: &LogArgs) -> CommandResult {
    let bar = if log.json { ProgressBar::hidden() } else { ProgressBar::new(0) };
    let report = verify(&log.data_dir, log.log.into(), |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = report.map_err(|error| error.to_string())?;
    let torn = report.torn_tail_at.as_ref().map(|(file, offset)| json!({ "file": file, "offset": offset }));
    if log.json {
        print_json(&json!({
            "first_segment": report.first_segment,
            "segments": report.segments,
            "batches": report.batches,
            "records": report.records,
            "last_sequence": report.last.raw(),
            "committed_through": report.commit.raw(),
            "bytes": report.bytes,
            "torn_tail": torn,
        }));
    } else {
        println!(
            "good: {} segments, {} batches, {} records, last sequence {}, released through at least {}",
            report.segments, report.batches, report.records, report.last, report.commit
        );
        if report.first_segment > 1 {
            println!("the journal begins at segment {}: a node needs a snapshot to start", report.first_segment);
        }
        if let Some((file, offset)) = report.torn_tail_at {
            println!(
                "torn tail at {} offset {offset}: it was never acknowledged, the next start cuts it",
                file.display()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
