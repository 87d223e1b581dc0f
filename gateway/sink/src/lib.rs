//! The contract of a sink: read released events after a checkpoint, so that applying twice is applying once.
//!
//! ```text
//!   event log --[run_sink]--> whole commands --[Sink::apply]--> rows and the position, in one step
//!       ^                                                              |
//!       '------------ after the position -- [Sink::position] <---------'
//! ```
//!
//! Invariants: a batch never splits a command; a sink stores its position in the same step as what it projects; a sink
//! reads released events only, and never slows who writes them. A sink that is ahead of its log stops and says so.
//! Owning thread: one task of the asynchronous runtime for each sink.

mod progress;
mod run;

use std::future::Future;

use tidegate_domain::{Epoch, EventRecord, Sequence};

pub use progress::SinkProgress;
pub use run::{BATCH_EVENTS, CATCH_UP_TIMEOUT, SinkError, run_sink};

/// How far a sink is: the last event that it projected, and in whose term it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkPosition {
    /// Highest term of a node that wrote into this sink.
    pub epoch: Epoch,
    /// Command of the event.
    pub sequence: Sequence,
    /// Index of the event.
    pub index: u32,
}

/// Something that released events are projected into.
pub trait Sink: Send {
    /// What can go wrong; its text names what to do.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Claims the sink for this writer's term and says where it is; `None` when nothing was projected yet.
    fn position(&mut self) -> impl Future<Output = Result<Option<SinkPosition>, Self::Error>> + Send;

    /// Projects whole commands, which follow the position, and moves the position, in one step: all of it, or nothing.
    /// How many rows it wrote.
    fn apply(&mut self, batch: &[EventRecord]) -> impl Future<Output = Result<u64, Self::Error>> + Send;
}
