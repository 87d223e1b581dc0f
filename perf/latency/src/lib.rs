//! What a latency measurement leaves behind: a folder that reports, comparisons and other people's tools read.
//!
//! ```text
//!   load --durations--> [`Recorder`] --a histogram a second--> [`HlogWriter`] --> DIR/NAME.hlog --+--> report, compare
//!                                    \--> [`Run`] --[`RunFolder`]---------------> DIR/run.json ---+    (and any HdrHistogram tool)
//! ```
//!
//! What has a rate and a histogram for each, but no folder, is a [`RateTable`].
//!
//! Invariants: one run is one folder; durations are nanoseconds everywhere; a percentile is shown only where
//! [`printable`] says that enough samples lie above it; a folder that holds a run is not written over.
//! Owning thread: the caller's.

mod folder;
pub mod hiccup;
mod hlog;
mod host;
mod machine;
mod rates;
mod recorder;
mod run;

pub use folder::{RUN_FILE, RunFolder};
pub use hlog::{Hlog, HlogWriter, Interval, decode_histogram, histogram};
pub use host::{Disk, HostFiles, device_of};
pub use machine::Machine;
pub use rates::{EXCHANGE_CORE_RATES, Rate, RateRow, RateTable};
pub use recorder::Recorder;
pub use run::{
    Check, CoreOf, FORMAT, Failover, LateSends, Load, LoadMode, Outlier, RateOutcome, Run, Series, SeriesKind, Stage,
    SweepPoint, knee, rate_outcomes,
};

use std::io;
use std::path::PathBuf;

pub use tidegate_percentiles::{CurvePoint, PERCENTILES, Percentiles, SAMPLES_ABOVE_MIN, curve, printable};

/// What goes wrong with a run folder: always about one file.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system refuses.
    #[error("cannot {doing} {file}: {error}")]
    Io {
        /// What was tried: `create`, `read`, `write`.
        doing: &'static str,
        /// The file or folder.
        file: PathBuf,
        /// What it says.
        error: io::Error,
    },
    /// There is a run already.
    #[error("{file} is there already: a run is not written over; name another folder")]
    Taken {
        /// Its `run.json`.
        file: PathBuf,
    },
    /// The file is not what it should be.
    #[error("{file}: {what}")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Where, and what was expected.
        what: String,
    },
}
