//! Snapshots on disk: the state of a node after one command, and where both logs stood then, so that a restart reads neither
//! from its start.
//!
//! ```text
//!   checkpoints, engine's bytes --[write]--> snapshot-N.new --[read], second engine--> snapshot-N.snap    [store]
//! ```
//!
//! What the engine's bytes mean is not known here. Byte table: `FORMAT.md`.
//!
//! Invariants: a file counts only under its final name, which it gets after it was read back whole; a half-made one is
//! ignored, and removed by the next. Everything that is read is checked before it is used, and room is made for no more than
//! the file's own length.
//! Owning thread: the caller's. Nothing here is near the hot path.

mod format;
mod passes;
mod read;
mod sections;
mod store;
mod write;

use std::path::PathBuf;

use tidegate_domain::{ClusterId, Digest, Epoch, Sequence, Timestamp};

use crate::checkpoint::Checkpoint;
use crate::newest::EventCheckpoint;

pub use passes::{EventsPass, pass_events, sync_segments};
pub use read::{read_header, read_snapshot};
pub use store::{SnapshotDraft, SnapshotStore, list_snapshots, load_snapshot, read_journal_place, snapshot_file};
pub use write::write_snapshot;

/// Version of the snapshot's format that this program writes, and the only one it knows.
pub const SNAPSHOT_FILE_VERSION: u16 = 1;

/// What a snapshot says of itself at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHead {
    /// Whose it is.
    pub cluster: ClusterId,
    /// The command applied last.
    pub sequence: Sequence,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its time.
    pub time: Timestamp,
    /// The engine's digest after it.
    pub digest: Digest,
}

/// Where both logs stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPlaces {
    /// After exactly the snapshot's command.
    pub journal: Checkpoint,
    /// After the last batch without an event of a later command.
    pub events: EventCheckpoint,
    /// The last event of the snapshot's command or of those before it, if there was any: a log that ends earlier lacks something.
    pub events_through: Option<(Sequence, u32)>,
}

/// A whole snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What it says of itself.
    pub head: SnapshotHead,
    /// Where the logs stood.
    pub places: LogPlaces,
    /// Sections before the engine's bytes, and those.
    payload: Vec<u8>,
    engine_at: usize,
}

impl Snapshot {
    /// The engine's bytes.
    #[must_use]
    pub fn engine(&self) -> &[u8] {
        &self.payload[self.engine_at..]
    }
}

/// Why a file is no snapshot to start from.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotFileError {
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
    /// A newer program wrote it.
    #[error("{}: snapshot format version {found}, this program knows {SNAPSHOT_FILE_VERSION}", path.display())]
    UnknownVersion {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u16,
    },
    /// It is not what was written.
    #[error("{}: damaged at offset {offset}: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// Another process makes one.
    #[error(transparent)]
    Locked(crate::JournalError),
}
