//! Recorded order flow through the binary gateway, judged by the reports that come back.
//!
//! ```text
//!   file --[table]--> rows --[moex, lobster: plan]--> requests --[Driver]--> gateway
//!                                                                   |
//!                     counts <--[moex, lobster: judge]-- reports <--'
//! ```
//!
//! Invariants: what is counted as equal comes from reports, never from the input; requests are pipelined, since orders are
//! addressed by the request that created them; all orders are one key's, so reports come in the order of the requests.

mod driver;
pub mod lobster;
pub mod moex;
mod table;

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Why a replay ends early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read or is not what it should be.
    #[error("{}{}: {why}", file.display(), line.map_or_else(String::new, |line| format!(", line {line}")))]
    File {
        /// Which.
        file: PathBuf,
        /// Where in it.
        line: Option<usize>,
        /// What is wrong and what is expected.
        why: String,
    },
    /// The client gave up.
    #[error("the gateway: {0}")]
    Client(#[from] tidegate_client::ClientError),
    /// The gateway refused what a replay sends.
    #[error("the gateway refused a request: {0}")]
    Refused(String),
}

/// Quantiles of a latency in microseconds, from submit to answer.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Latency {
    /// Median.
    pub p50: u64,
    /// 99 %.
    pub p99: u64,
    /// 99.9 %.
    pub p999: u64,
    /// The largest.
    pub max: u64,
}

/// A progress bar on standard error.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// One that people see, where standard error is a terminal.
    ///
    /// # Panics
    /// Never: the template is a constant.
    #[must_use]
    pub fn visible() -> Self {
        let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {pos}/{len} rows  {per_sec}  {eta} left");
        Self(ProgressBar::new(0).with_style(style.expect("the template is a constant")))
    }

    /// One that nobody sees.
    #[must_use]
    pub fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    fn start(&self, rows: usize) {
        self.0.set_length(rows as u64);
    }

    fn step(&self) {
        self.0.inc(1);
    }

    fn finish(&self) {
        self.0.finish_and_clear();
    }
}
