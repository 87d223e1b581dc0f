//! What stands between a file and whoever executes its requests.
//!
//! Invariants: no I/O and no clock, so that the same flow runs over a client, or straight over an engine in a test.

use tidegate_domain::RequestNumber;
use tidegate_wire::{OrderAction, Report};

use crate::error::ReplayError;

/// A recorded order flow: gives requests, takes reports.
pub trait Flow {
    /// The next request; `None` at the end of the file. [`Flow::on_sent`] must follow before the next call.
    fn next_action(&mut self) -> Option<OrderAction>;

    /// The number under which the last action went out: later rows address its order with it.
    fn on_sent(&mut self, request: RequestNumber);

    /// A report of the key, in the order of the session.
    ///
    /// # Errors
    /// [`ReplayError::OutOfStep`] when it belongs to nothing that was asked.
    fn on_report(&mut self, report: &Report) -> Result<(), ReplayError>;

    /// Requests that still wait for the end of their reports.
    fn waiting(&self) -> usize;

    /// How far it is, of [`Flow::steps_total`].
    fn steps_done(&self) -> u64;

    /// Transactions or messages in the file.
    fn steps_total(&self) -> u64;
}
