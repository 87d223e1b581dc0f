//! The contract between the pipeline and the engine: one command in, events out, nothing else.

extern crate alloc;

use alloc::vec::Vec;

use crate::event::{Event, EventHeader};
use crate::record::{CommandRecord, EventRecord};
use crate::units::{Sequence, Timestamp};

/// A hash of the whole state: equal on every node, by replay and by restore, at the same sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Digest(pub u128);

impl core::fmt::Display for Digest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A deterministic machine: no I/O, no clock, no randomness. Match drives it, and so do recovery, audit and tests.
pub trait StateMachine {
    /// Applies the next command and appends its events to `out`, which is empty on entry.
    ///
    /// # Panics
    /// When a command does not follow the one before, or an invariant of the machine is broken: the node must stop.
    fn apply(&mut self, command: &CommandRecord, out: &mut EventBuffer);

    /// A hint, which changes nothing and need not be given: `coming[0]` is applied next, and the rest after it, so what they will
    /// touch can be fetched from memory meanwhile. Worth it once a command.
    #[inline]
    fn look_ahead(&self, _coming: &[CommandRecord]) {}

    /// The command applied last.
    fn applied_through(&self) -> Sequence;

    /// When the next timer is due, so that the sequencer adds a `Tick` if nothing else arrives.
    fn next_deadline(&self) -> Option<Timestamp>;

    /// The digest of the state as it is now. The engine keeps it, so it costs nothing.
    fn digest(&self) -> Digest;

    /// The most events that one command can cause, from the limits of the journal: the room that `out` needs.
    fn events_per_command_max(&self) -> usize;
}

/// Output of [`StateMachine::apply`]: events in the order of their index.
#[derive(Debug, Default)]
pub struct EventBuffer {
    records: Vec<EventRecord>,
}

impl EventBuffer {
    /// With room for `capacity` events.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { records: Vec::with_capacity(capacity) }
    }

    /// Makes room for `capacity` events in all, at the start of a journal, when its limits become known.
    pub fn reserve_total(&mut self, capacity: usize) {
        self.records.reserve_exact(capacity.saturating_sub(self.records.len()));
    }

    /// Appends one, encoded where it stays. Always inlined, with all that it calls: which event it is, most callers know, and
    /// then a dozen stores are all that is left.
    #[inline(always)]
    pub fn push(&mut self, header: &EventHeader, event: &Event) {
        self.records.push(EventRecord::default());
        if let Some(record) = self.records.last_mut() {
            record.write(header, event);
        }
    }

    /// All, in order.
    #[must_use]
    pub fn records(&self) -> &[EventRecord] {
        &self.records
    }

    /// All, in order, to finish their flags.
    pub fn records_mut(&mut self) -> &mut [EventRecord] {
        &mut self.records
    }

    /// Empties it, keeping the room.
    pub fn clear(&mut self) {
        self.records.clear();
    }
}
