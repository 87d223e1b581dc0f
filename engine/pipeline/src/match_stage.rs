//! Match: applies commands to the deterministic machine and moves its events to the event ring.
//!
//!   command ring --[MatchStage: apply]--> output buffer --in pieces--> event ring --> publish
//!
//! Invariants: `apply` writes into a buffer that holds the largest output of one command; while that is not in the event
//! ring, no new command is taken. `matched_through` advances only when all events of a command are in the ring.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use disruptor::Producer;
use tidegate_domain::{CommandRecord, EventBuffer, Sequence, StateMachine, Timestamp};

use crate::digests::{DIGEST_INTERVAL, DigestBoard};
use crate::rings::{CommandPoller, EventProducer, take_into};
use crate::runner::{Fatal, Stage};
use crate::watermark::WatermarkWriter;

/// Commands per round.
const BATCH: usize = 64;

/// See the module.
pub struct MatchStage<M> {
    machine: M,
    poller: CommandPoller,
    events: EventProducer,
    matched: WatermarkWriter,
    /// It has come further than its last stamp says.
    unstamped: bool,
    deadline: Arc<AtomicU64>,
    digests: DigestBoard,
    /// Commands copied out of the ring, not yet applied.
    pending: Vec<CommandRecord>,
    pending_next: usize,
    /// Events of the command applied last, moved up to `out_next`.
    out: EventBuffer,
    out_next: usize,
}

impl<M: StateMachine> MatchStage<M> {
    /// A stage around `machine`, which is at the start of the journal or comes from a snapshot: it takes the command after the
    /// one that `machine` applied last.
    #[must_use]
    pub fn new(
        machine: M,
        poller: CommandPoller,
        events: EventProducer,
        mut matched: WatermarkWriter,
        deadline: Arc<AtomicU64>,
        digests: DigestBoard,
    ) -> Self {
        matched.advance_through(machine.applied_through());
        deadline.store(due(&machine), Ordering::Relaxed);
        let out = EventBuffer::with_capacity(machine.events_per_command_max());
        let pending = Vec::with_capacity(BATCH);
        Self {
            machine,
            poller,
            events,
            matched,
            unstamped: false,
            deadline,
            digests,
            pending,
            pending_next: 0,
            out,
            out_next: 0,
        }
    }

    /// Moves output to the event ring; whether all of it is there.
    fn drain_output(&mut self) -> (usize, bool) {
        let start = self.out_next;
        while let Some(record) = self.out.records().get(self.out_next) {
            if self.events.try_publish(|slot| *slot = *record).is_err() {
                return (self.out_next - start, false);
            }
            self.out_next += 1;
        }
        (self.out_next - start, true)
    }

    /// Applies the next pending command, where there is one; whether there was.
    fn apply_next(&mut self) -> bool {
        let Some(record) = self.pending.get(self.pending_next) else { return false };
        self.machine.look_ahead(&self.pending[self.pending_next..]);
        self.pending_next += 1;
        self.out.clear();
        self.out_next = 0;
        self.machine.apply(record, &mut self.out);
        if record.sequence().raw() == 1 {
            // Genesis told the limits.
            self.out.reserve_total(self.machine.events_per_command_max());
        }
        self.deadline.store(due(&self.machine), Ordering::Relaxed);
        true
    }

    /// Applies a batch as far as its events find room; how much was done, and whether nothing is left of it.
    fn apply_batch(&mut self) -> (usize, bool) {
        let (mut work, mut empty) = self.drain_output();
        if self.pending.is_empty() {
            take_into(&mut self.poller, BATCH, &mut self.pending);
        }
        loop {
            if !empty {
                return (work, false);
            }
            // The output of the command before is in the event ring as a whole.
            if self.machine.applied_through() > self.matched.through() {
                self.finish(self.machine.applied_through());
            }
            if !self.apply_next() {
                break;
            }
            work += 1;
            let (moved, all) = self.drain_output();
            work += moved;
            empty = all;
        }
        self.pending.clear();
        self.pending_next = 0;
        (work, true)
    }

    fn finish(&mut self, sequence: Sequence) {
        self.matched.advance_unstamped(sequence);
        self.unstamped = true;
        if sequence.raw().is_multiple_of(DIGEST_INTERVAL) {
            self.digests.post(sequence, self.machine.digest());
        }
    }
}

/// When the sequencer must send a `Tick` if nothing else comes.
fn due(machine: &impl StateMachine) -> u64 {
    machine.next_deadline().map_or(u64::MAX, Timestamp::nanos)
}

impl<M: StateMachine + Send> Stage for MatchStage<M> {
    fn name(&self) -> &'static str {
        "match"
    }

    fn do_work(&mut self) -> Result<usize, Fatal> {
        let (work, done) = self.apply_batch();
        if std::mem::take(&mut self.unstamped) {
            self.matched.stamp();
        }
        if done && self.digests.is_wanted() {
            self.digests.post(self.matched.through(), self.machine.digest());
        }
        Ok(work)
    }
}
