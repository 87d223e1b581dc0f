//! The two rings: commands (one producer, three independent readers) and events (one producer, one reader).
//!
//! Invariants: ring cursors mean only "this slot may be reused". An `EventGuard` of the crate counts its whole batch as
//! read when it is dropped, so every reader here first decides how many it can take, takes that many and finishes them.

use disruptor::{BusySpin, MultiConsumerBarrier, SingleConsumerBarrier, SingleProducer, SingleProducerBarrier};
use tidegate_domain::{CommandRecord, EventRecord};

/// Writes the command ring: the sequencer.
pub type CommandProducer = SingleProducer<CommandRecord, MultiConsumerBarrier>;
/// Reads the command ring: journal, replicate or match.
pub type CommandPoller = disruptor::EventPoller<CommandRecord, SingleProducerBarrier>;
/// Writes the event ring: match.
pub type EventProducer = SingleProducer<EventRecord, SingleConsumerBarrier>;
/// Reads the event ring: publish.
pub type EventPoller = disruptor::EventPoller<EventRecord, SingleProducerBarrier>;

/// The command ring, taken apart into its four ends.
pub struct CommandRing {
    /// For the sequencer.
    pub producer: CommandProducer,
    /// For the journal stage.
    pub journal: CommandPoller,
    /// For the replicate stage.
    pub replicate: CommandPoller,
    /// For the match stage.
    pub match_: CommandPoller,
}

/// A command ring of `slots`, a power of two.
#[must_use]
pub fn command_ring(slots: usize) -> CommandRing {
    let builder = disruptor::build_single_producer(slots, CommandRecord::default, BusySpin);
    let (journal, builder) = builder.new_event_poller();
    let (replicate, builder) = builder.new_event_poller();
    let (match_, builder) = builder.new_event_poller();
    CommandRing { producer: builder.build(), journal, replicate, match_ }
}

/// An event ring of `slots`, a power of two.
#[must_use]
pub fn event_ring(slots: usize) -> (EventProducer, EventPoller) {
    let (poller, builder) = disruptor::build_single_producer(slots, EventRecord::default, BusySpin).new_event_poller();
    (builder.build(), poller)
}

/// Takes at most `limit` records from a ring into `out`; how many.
pub fn take_into<E: Copy>(
    poller: &mut disruptor::EventPoller<E, SingleProducerBarrier>,
    limit: usize,
    out: &mut Vec<E>,
) -> usize {
    match poller.take(limit as u64) {
        Ok(mut guard) => {
            let before = out.len();
            out.extend((&mut guard).copied());
            out.len() - before
        }
        // Shutdown only means that the producer is gone; the runner stops its stages by its own flag.
        Err(disruptor::Polling::NoEvents | disruptor::Polling::Shutdown) => 0,
    }
}
