//! Ours beside what others have, in one run on one machine: rings hop for hop, the journal beside bare writes, the engine
//! beside other books.
//!
//! ```text
//!   rings:    ours | rtrb | crossbeam-channel | std, in turns              [`rings`]
//!   journal:  appends | write(2) of as many bytes | the bare device        `tidegate-perf-journal`
//!   engine:   book and engine | other books, with the feature `peers`      `tidegate-perf`
//! ```
//!
//! Invariants: peers take turns within each round, so that what the machine does meanwhile falls on all of them. Owning
//! thread: the caller's; the ends of rings have threads of their own, pinned.

pub mod rings;

use std::fmt;

use serde::Serialize;
use tidegate_perf::Machine;

pub use rings::{RingPlan, RingsReport};

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it ran on.
    pub machine: Machine,
    /// Of the working folder.
    pub commit: String,
    /// Hop for hop.
    pub rings: Option<RingsReport>,
    /// Beside bare writes.
    pub journal: Option<tidegate_perf_journal::Report>,
    /// Beside other books, where they are built in.
    pub engine: Option<tidegate_perf::Report>,
    /// What is not here and how to have it.
    pub left_out: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, commit, rings, journal, engine, left_out } = self;
        let Machine { cpu, cores, memory_mib, system } = machine;
        writeln!(f, "{cpu}, {cores} cores, {memory_mib} MiB, {system}; commit {commit}")?;
        if let Some(rings) = rings {
            write!(f, "\nRings\n\n{rings}")?;
        }
        if let Some(journal) = journal {
            write!(f, "\nJournal\n\n{}", journal.table())?;
        }
        if let Some(engine) = engine {
            write!(f, "\nEngine\n\n{engine}")?;
        }
        left_out.iter().try_for_each(|what| writeln!(f, "\nLEFT OUT: {what}"))
    }
}
