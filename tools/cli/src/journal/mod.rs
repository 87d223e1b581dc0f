//! `tidegate journal`: looks into a journal or event log, of a stopped node or beside a running one, copies it, and cuts it.
//!
//! ```text
//!   check (verify, ls)  stat  dump (dump, tail)  export --scan, follow--> fields --> output
//!   diff  replay        --stream: a scan on a thread of its own--> fields, engine --> output
//!   backup  restore     copies of whole folders             cut   the only one that changes a log
//! ```
//!
//! Invariants: all but `cut` and `restore` change nothing in a data folder; a closed pipe ends a tool quietly; exit codes mean
//! the same in each of them.

mod backup;
mod check;
mod cut;
mod diff;
mod dump;
mod export;
mod fields;
mod filter;
pub(crate) mod output;
mod replay;
mod stat;
mod state;
pub(crate) mod stream;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use tidegate_journal::LogKind;

use crate::CommandResult;
use output::{DAMAGED, Failure};

/// Exit codes, for `--help`.
const EXIT_CODES: &str = "Exit codes: 0 good, 1 cannot be read or done (wrong usage included), 2 damaged.";

/// `tidegate journal`
#[derive(Subcommand)]
pub enum JournalCommand {
    /// List the segments of a log: size, sequences, epochs, batches
    #[command(after_help = EXIT_CODES)]
    Ls(check::LsArgs),
    /// Print records, decoded
    #[command(after_help = EXIT_CODES)]
    Dump(dump::DumpArgs),
    /// Print the last records, and with -f what follows
    #[command(after_help = EXIT_CODES)]
    Tail(dump::TailArgs),
    /// Check every batch: checksums, hashes, chain, sequence
    #[command(
        after_help = "Exit codes: 0 good, 1 cannot be read (wrong usage included), 2 damaged, 3 good but for a torn tail, \
                            which the next start cuts (beside a running node: what is being written)."
    )]
    Verify(check::VerifyArgs),
    /// Count: kinds, markets, accounts, rates, batch sizes, epochs
    #[command(after_help = EXIT_CODES)]
    Stat(stat::StatArgs),
    /// Find the first difference between the logs of two folders
    #[command(
        after_help = "Left out, since two nodes differ in it by construction: the address `previous_report` of an event, \
                            and its DEGRADED mark. Where one log begins later, they are compared from there.\n\n\
                            Exit codes: 0 the same, 1 cannot be compared (damage included), 2 different, 3 one is a prefix \
                            of the other."
    )]
    Diff(diff::DiffArgs),
    /// Write one row a record, as CSV or JSON lines
    #[command(after_help = EXIT_CODES)]
    Export(export::ExportArgs),
    /// Run the engine over the journal, without a node, and show the state: digest, books, balances, orders
    #[command(after_help = EXIT_CODES)]
    Replay(replay::ReplayArgs),
    /// Cut the end off the journal of a lone node, and accept what is lost
    #[command(
        after_help = "For a node that has no peer to take the lost records from: one that does promotes the peer instead, \
                            and starts this node as standby with an empty folder. What is removed goes into a file \
                            discarded-after-.. in the data folder; the event log is cut, too, and made again by the node.\n\n\
                            Exit codes: 0 cut, 1 refused and nothing changed (a running node, a wrong number, nothing to \
                            cut), 2 damaged before the cut."
    )]
    Cut(cut::CutArgs),
    /// Copy a node's folder, also while it runs, and check the copy
    #[command(
        after_help = "The copy is a prefix of the node's journal, up to the end when it began, with its events and its \
                            state file, and a manifest. Keys and configuration are not in it. Every tool here reads it like a \
                            data folder.\n\nExit codes: 0 done, 1 refused or cannot be done, 2 damaged."
    )]
    Backup(backup::BackupArgs),
    /// Make a data folder from a backup
    #[command(
        after_help = "The folder is the node as it was then: what was acknowledged since is not in it. Start it only where \
                            the node and its peer are gone; where another node leads, start a standby with an empty folder \
                            instead. A SQL database that has more than the backup must be moved away.\n\n\
                            Exit codes: 0 done, 1 refused or cannot be done, 2 the backup is damaged."
    )]
    Restore(backup::RestoreArgs),
    /// Take, list, check and restore snapshots
    #[command(subcommand)]
    Snapshot(crate::snapshot::SnapshotCommand),
}

/// Which log.
#[derive(Args)]
pub struct LogArgs {
    /// The node's data folder, or a backup
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Which of its two logs
    #[arg(long, value_enum, default_value = "journal")]
    log: LogArg,
}

impl LogArgs {
    fn kind(&self) -> LogKind {
        self.log.into()
    }
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
/// What cannot be read or done: file, offset, sequence, and what to do. Damage has an exit code of its own.
pub fn run(command: &JournalCommand) -> CommandResult {
    let done = match command {
        JournalCommand::Ls(args) => check::list(args),
        JournalCommand::Dump(args) => dump::dump(args),
        JournalCommand::Tail(args) => dump::tail(args),
        JournalCommand::Verify(args) => check::check(args),
        JournalCommand::Stat(args) => stat::stat(args),
        JournalCommand::Diff(args) => diff::diff(args),
        JournalCommand::Export(args) => export::export(args),
        JournalCommand::Replay(args) => replay::replay(args),
        JournalCommand::Cut(args) => cut::cut(args),
        JournalCommand::Backup(args) => backup::backup(args),
        JournalCommand::Restore(args) => backup::restore(args),
        JournalCommand::Snapshot(command) => return crate::snapshot::run(command),
    };
    match done {
        Ok(code) => Ok(code),
        Err(Failure::Closed) => Ok(ExitCode::SUCCESS),
        Err(Failure::Refused(message)) => Err(message),
        Err(Failure::Damaged(message)) => {
            eprintln!("tidegate: {message}");
            Ok(ExitCode::from(DAMAGED))
        }
    }
}
