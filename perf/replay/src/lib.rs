//! Recorded order flow, sent through the binary gateway and judged by the reports that come back.
//!
//!   file --rows--> plan --[`Flow::next_action`]--> client --> gateway --> engine
//!                                                                           |
//!   figures <--judge-- [`Flow::on_report`] <------------- reports <---------+
//!
//! Invariants: a file is read and understood as a whole before the first request goes out; what the input implies
//! decides which request is sent, never what came of it; requests are not held back for answers, and their answers come
//! in the order of the requests, because all of them are of one key.
//! Owning thread: the caller's; nothing here is shared.

mod answers;
mod drive;
mod error;
mod flow;
mod input;
pub mod lobster;
pub mod moex;
mod progress;

pub use drive::{Latency, Timing};
pub use error::ReplayError;
pub use flow::Flow;
pub use progress::Progress;
