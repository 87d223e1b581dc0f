//! Why a replay cannot go on. A wrong outcome is no error: it is counted and said in words in the report.
//!
//! Owning thread: none, these are values.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_client::ClientError;
use tidegate_domain::RequestNumber;
use tidegate_wire::{GatewayReject, RefusedField};

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read at all.
    #[error("cannot read {}: {source}; expected a text file of comma-separated values, or one packed with xz", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system or the decoder says.
        source: io::Error,
    },
    /// The file says something that it cannot mean.
    #[error("{}, line {line}: {column} is `{value}`, expected {expected}", path.display())]
    Input {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// Which column.
        column: String,
        /// What it holds.
        value: String,
        /// What it may hold.
        expected: String,
    },
    /// The session ended for good.
    #[error("the session with the gateway ended: {0}")]
    Client(#[from] ClientError),
    /// The gateway refused a request, so everything after it would differ.
    #[error("the gateway refused request {request}: {reason}: {field} is {value}, limit {limit}")]
    Refused {
        /// Which.
        request: RequestNumber,
        /// Why.
        reason: GatewayReject,
        /// Which field.
        field: RefusedField,
        /// What it held.
        value: u64,
        /// The limit that it broke.
        limit: u64,
    },
    /// A report belongs to nothing that was asked.
    #[error(
        "{what}; a replay needs an empty market, and an account and a key that nobody else uses: start it on such ones"
    )]
    OutOfStep {
        /// Which report, and what was expected.
        what: String,
    },
    /// The node went silent.
    #[error(
        "no report for {after:?} while {waiting} requests wait for theirs: see with `tidegate status` whether the node releases"
    )]
    Stalled {
        /// How long.
        after: Duration,
        /// Requests without their last report.
        waiting: usize,
    },
}
