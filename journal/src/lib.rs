//! The log on disk: 128-byte records in checksummed, chained batches in preallocated segments. One format, two uses.
//!
//! ```text
//!   commands --[JournalWriter]--> journal-00000001.seg ..   synced by [JournalSyncer], read by [JournalReader]
//!   events   --[EventLogWriter]-> events-00000001.seg ..    tailed by any number of [EventCursor]s
//! ```
//!
//! The journal is the truth; the event log is derived from it, never synced on the way of an acknowledgement, and made
//! again where its tail is missing. Byte tables and recovery rules: `FORMAT.md`.
//!
//! Invariants: sequences in the journal are dense; a batch is visible to readers as a whole or not at all; nothing below a
//! commit mark is ever cut; one process writes a folder.

mod batch;
mod chain;
mod checkpoint;
mod cut;
pub mod disk;
mod error;
mod events;
mod follow;
mod journal;
mod lock;
mod log;
mod newest;
mod prepare;
mod recovery;
mod segment;
mod sigbus;
pub mod snapshot;
mod space;
pub mod stage;
#[cfg(test)]
mod testing;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegate_domain::ClusterId;

pub use batch::{BATCH_RECORDS_MAX, FORMAT_VERSION};
pub use checkpoint::Checkpoint;
pub use cut::{CutPlan, JournalCut};
pub use error::JournalError;
pub use events::{EventCursor, EventLog, EventLogWriter, OpenedEventLog, Released, open_event_log, open_event_log_at};
pub use follow::LogFollower;
pub use journal::{
    JournalReader, JournalSyncer, JournalWriter, OpenedJournal, Recovery, open_journal, open_journal_at,
};
pub use newest::{EventCheckpoint, LastReports};
pub use prepare::prepare_segments;
pub use recovery::Cut;
pub use segment::path_of as segment_file;
pub use sigbus::{EXIT_SIGBUS, name_bus_errors};
pub use space::{SPACE_LOW_SEGMENTS, SpaceState};
pub use verify::{BatchInfo, SegmentFile, VerifyReport, scan, scan_at, scan_from, segments, verify};
pub use writer::WriterKind;

use disk::{Disk, RealDisk};

/// Size of a segment unless configured.
pub const SEGMENT_LEN_BYTES_DEFAULT: u64 = 64 << 20;
/// Smallest segment: what tests use.
pub const SEGMENT_LEN_BYTES_MIN: u64 = 1 << 20;

/// Largest segment: recovery holds two of them in memory.
pub const SEGMENT_LEN_BYTES_MAX: u64 = 1 << 30;

/// Where a log is and whose it is.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The folder; it must exist.
    pub dir: PathBuf,
    /// The cluster; a log of another one is refused.
    pub cluster: ClusterId,
    /// Size of new segments: from [`SEGMENT_LEN_BYTES_MIN`] to [`SEGMENT_LEN_BYTES_MAX`], a multiple of 4,096.
    pub segment_len_bytes: u64,
    /// What the folder is on.
    pub disk: Arc<dyn Disk>,
}

impl LogConfig {
    /// On this machine's disk.
    #[must_use]
    pub fn new(dir: impl AsRef<Path>, cluster: ClusterId, segment_len_bytes: u64) -> Self {
        Self { dir: dir.as_ref().to_owned(), cluster, segment_len_bytes, disk: RealDisk::shared() }
    }
}

/// Which of the two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// Commands.
    Journal,
    /// Events.
    Events,
}

impl LogKind {
    /// First part of the file names.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Events => "events",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Journal => 1,
            Self::Events => 2,
        }
    }
}
