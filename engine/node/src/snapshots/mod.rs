//! Snapshots of a node: made beside it by a process of its own, and what a start takes from them.
//!
//! ```text
//!   journal, event log --pread--> [make]: newest good snapshot, replay --> engine's bytes --> second engine --> snapshot-N.snap
//!   snapshot-N.snap --[Base::load]--> engine, places in both logs --> start, or the next snapshot
//! ```
//!
//! Invariants: making one takes no lock that a running node holds and writes to neither log, so the primary never waits for
//! it. It stops at a command that the journal's commit covers: nothing in it can still be cut away. A snapshot is of one node,
//! since the places in its logs are.
//! Thread: whoever calls; blocks on the disk.

mod base;
mod inspect;
mod make;
mod restore;
mod schedule;

pub(crate) use base::{Base, pass_over};
pub use inspect::{SnapshotCheck, SnapshotInfo, list, verify};
pub use make::{Made, make};
pub use restore::{Restored, restore};
pub(crate) use schedule::{Snapshots, run};

/// What is being done, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The newest good snapshot is read.
    Base,
    /// The journal is read, to find the last command that was released.
    Journal,
    /// Commands are applied.
    Replay,
    /// The event log is read.
    Events,
    /// What the snapshot stands on is put on the disk.
    Sync,
    /// The file is written.
    Write,
    /// The file is read back and restored.
    Verify,
    /// Files are copied.
    Copy,
}

impl Phase {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "reading the snapshot before",
            Self::Journal => "reading the journal",
            Self::Replay => "replaying commands",
            Self::Events => "reading the event log",
            Self::Sync => "syncing",
            Self::Write => "writing",
            Self::Verify => "loading it back",
            Self::Copy => "copying",
        }
    }
}

/// Told the phase, how much of it is done and how much there is.
pub type Tell<'a> = &'a mut dyn FnMut(Phase, u64, u64);
