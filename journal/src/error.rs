//! What can go wrong with a log, by what the caller can do about it. Errors of writing are final: the node stops.

use std::path::{Path, PathBuf};

use tidegate_domain::Sequence;

use crate::LogKind;

/// Every message names the file, the place and what to do.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused.
    #[error("{}: {op} failed: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What was tried.
        op: &'static str,
        /// What it said.
        source: std::io::Error,
    },
    /// No room for a segment.
    #[error("{}: no space for a segment of {bytes} bytes; free some and start the node again", path.display())]
    NoSpace {
        /// Which file.
        path: PathBuf,
        /// How much was asked for.
        bytes: u64,
    },
    /// Damage that is not a torn tail.
    #[error(
        "{}: damaged at offset {offset}, after sequence {after}: {why}. Nothing was changed. {}",
        file.display(),
        remedy(file)
    )]
    Corrupt {
        /// Which file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// The last sequence before the damage.
        after: Sequence,
        /// What is wrong.
        why: String,
    },
    /// A file that is not a segment, or one that is not there.
    #[error("{}: {why}. Nothing was changed. {}", file.display(), remedy(file))]
    BadSegment {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A log that is not what its reader saw before.
    #[error("{}: offset {offset}: {why}", file.display())]
    Changed {
        /// Which file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong and what to do.
        why: String,
    },
    /// The log is another cluster's.
    #[error("{}: belongs to cluster {found:032x}, not {expected:032x}: wrong folder or wrong node.cluster", file.display())]
    WrongCluster {
        /// Which file.
        file: PathBuf,
        /// Whose it is.
        found: u128,
        /// Who asks.
        expected: u128,
    },
    /// A newer program wrote it.
    #[error("{}: format version {found}, this program knows {known}: use the program that wrote it", file.display())]
    UnknownVersion {
        /// Which file.
        file: PathBuf,
        /// Its version.
        found: u16,
        /// Ours.
        known: u16,
    },
    /// Another process writes this folder.
    #[error("{}: locked by process {owner}: stop it first, two processes never write one folder", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        owner: String,
    },
    /// A reader asks for what the log does not have yet.
    #[error("position {sequence}/{index} was asked for, the log ends at {end}: its reader is ahead of the log")]
    AheadOfLog {
        /// Asked for.
        sequence: Sequence,
        /// Asked for.
        index: u32,
        /// Where the log ends.
        end: String,
    },
    /// A checkpoint of another log, or of this one before its end was cut.
    #[error(
        "{}: the batch at offset {offset} is not the one that a checkpoint after sequence {sequence} remembers",
        file.display()
    )]
    CheckpointDiffers {
        /// Where the batch should be.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// The last sequence before the checkpoint.
        sequence: Sequence,
    },
    /// A position that is not in the log.
    #[error("there is no record at {what}")]
    NoSuchRecord {
        /// What was asked for.
        what: String,
    },
    /// A sync failed before: what it should have put on the disk may be lost, and a second try could not tell.
    #[error("{}: an earlier sync failed, so nothing more is synced: stop the node and check the disk", dir.display())]
    SyncFailedBefore {
        /// The folder.
        dir: PathBuf,
    },
    /// The configuration.
    #[error("segment_len_bytes is {found}; allowed: a multiple of 4096 from {least} to {most}")]
    BadSegmentLen {
        /// What it is.
        found: u64,
        /// The lower limit.
        least: u64,
        /// The upper limit.
        most: u64,
    },
}

impl JournalError {
    pub(crate) fn io(path: &Path, op: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, op, source }
    }
}

/// What to do about a damaged file: the journal is the truth, the event log can be made again from it.
fn remedy(file: &Path) -> &'static str {
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    if name.starts_with(LogKind::Events.prefix()) {
        "Move all events-*.seg files away and start again: the node makes them from its journal"
    } else {
        "Restore the file from a backup, or start this node as a standby with an empty folder"
    }
}
