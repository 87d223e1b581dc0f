//! Measures the pipeline of a node in process: inbox, sequencer, journal, match and publish on one thread, as the fused plan
//! has them, with the journal's and the latency's helpers on the other cores. No socket, no client.
//!
//! ```text
//!   records --[Feed: at intended times]--> inbox --> sequencer --> journal (async) --> match --> publish --> event log
//!                                                                                                   |
//!   intended times ------------------------------[latency]<---- moments -----------[Watch: published through] <--'
//! ```
//!
//! A latency counts from the moment at which a command should have been pushed to the moment at which its last event is in the
//! event log, where sessions and feeds read it. Feed and watch are stages of the same thread, as a gateway is in the fused plan; what they
//! cost is in the figures.
//!
//! Invariants: commands are encoded before anything is measured; every one is answered, and the event log is compared with what
//! the engine alone says to the same commands, so that fast is also right.
//! Owning threads: `pipeline` runs the stages; the caller waits.

mod assembly;
mod check;
mod feed;
mod interference;
mod measure;
mod report;
mod stages;
mod watch;
mod wiring;

pub use interference::Interference;
pub use measure::{Arguments, run};
pub use report::{RateFigures, Report, SaturationFigures, StageFigures};
