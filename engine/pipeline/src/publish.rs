//! Publish: lets events out, up to what the acknowledgement policy allows, and not one further.
//!
//!   event ring --[Publish]--> event log --> sessions, feeds, SQL, push
//!
//! Invariants: release is one prefix; an event that may not leave yet is copied out of the ring and waits here. The
//! event log is the only way out, and [`ReleasableThrough`] the only key to it. What the log held when it was opened was
//! let out by an earlier start: a restart makes those events again, and they pass at once, or a long history would
//! fill the ring before the node can hear from anybody that the rest may leave.

use tidegate_domain::{EventFlags, EventRecord, Sequence};

use crate::ack::{AckPolicy, ReleasableThrough, Watermarks};
use crate::rings::{EventPoller, take_into};
use crate::runner::{Fatal, Stage};
use crate::watermark::{WatermarkReader, WatermarkWriter};

/// Events per piece.
const BATCH: usize = 256;
/// Pieces per round.
const PIECES: usize = 4;

/// An event log's last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEvent {
    /// Its command.
    pub sequence: Sequence,
    /// Its place among its command's events.
    pub index: u32,
    /// Whether it is its command's last.
    pub complete: bool,
}

/// Where released events go: the event log.
pub trait ReleasedEvents: Send {
    /// The last event that it held when it was opened.
    fn already_out(&self) -> Option<LastEvent>;

    /// Appends events in order; those that it has already never come here.
    ///
    /// # Errors
    /// What the log says; final.
    fn append(&mut self, events: &mut [EventRecord]) -> Result<(), Fatal>;
}

/// See the module.
pub struct Publish<L> {
    poller: EventPoller,
    policy: AckPolicy,
    marks: Watermarks,
    matched: WatermarkReader,
    published: WatermarkWriter,
    log: L,
    /// What an earlier start let out.
    already_out: Option<LastEvent>,
    /// Copied out of the ring; released up to `next`.
    waiting: Vec<EventRecord>,
    next: usize,
}

impl<L: ReleasedEvents> Publish<L> {
    /// A stage that writes to `log`.
    #[must_use]
    pub fn new(
        poller: EventPoller,
        policy: AckPolicy,
        marks: Watermarks,
        matched: WatermarkReader,
        mut published: WatermarkWriter,
        log: L,
    ) -> Self {
        let already_out = log.already_out();
        // A standby that joins while this node replays must hear how far it may release, not how far the replay is.
        published.raise_through(out_before(already_out));
        let waiting = Vec::with_capacity(BATCH);
        Self { poller, policy, marks, matched, published, log, already_out, waiting, next: 0 }
    }

    /// Passes over the waiting events that an earlier start let out; how many.
    fn pass_over(&mut self) -> usize {
        let Some(LastEvent { sequence, index, .. }) = self.already_out else { return 0 };
        let waiting = &self.waiting[self.next..];
        let count = waiting.partition_point(|event| (event.sequence(), event.index()) <= (sequence, index));
        self.next += count;
        count
    }

    /// Lets the waiting events out that may leave; how many.
    fn release(&mut self, upto: ReleasableThrough) -> Result<usize, Fatal> {
        let waiting = &mut self.waiting[self.next..];
        let count = waiting.partition_point(|event| event.sequence() <= upto.through());
        if count == 0 {
            return Ok(0);
        }
        if upto.degraded() {
            for event in &mut waiting[..count] {
                event.add_flags(EventFlags::DEGRADED);
            }
        }
        self.log.append(&mut waiting[..count])?;
        self.next += count;
        Ok(count)
    }

    /// What may have left: by the policy now, or by an earlier start.
    fn limit(&self, upto: ReleasableThrough) -> Sequence {
        out_before(self.already_out).max(upto.through())
    }

    /// The last sequence that is out as a whole, given that everything up to `matched` had its events in the ring before
    /// this round looked into it.
    fn out_through(&self, matched: Sequence, upto: ReleasableThrough) -> Sequence {
        let complete = self.waiting.get(self.next).map_or(matched, |event| event.sequence().previous());
        complete.min(self.limit(upto))
    }
}

/// The last sequence that an earlier start let out as a whole.
fn out_before(already_out: Option<LastEvent>) -> Sequence {
    match already_out {
        Some(LastEvent { sequence, complete: true, .. }) => sequence,
        Some(LastEvent { sequence, .. }) => sequence.previous(),
        None => Sequence::ZERO,
    }
}

impl<L: ReleasedEvents> Stage for Publish<L> {
    fn name(&self) -> &'static str {
        "publish"
    }

    fn do_work(&mut self) -> Result<usize, Fatal> {
        let mut work = 0;
        for _ in 0..PIECES {
            // In this order: events of commands up to `matched` are in the ring or out already.
            let matched = self.matched.through();
            let upto = self.policy.releasable(&self.marks);
            let mut ring_empty = false;
            if self.next == self.waiting.len() {
                self.waiting.clear();
                self.next = 0;
                ring_empty = take_into(&mut self.poller, BATCH, &mut self.waiting) < BATCH;
            }
            let released = self.pass_over() + self.release(upto)?;
            work += released;
            // With more in the ring, only what stands in `waiting` says how far we are.
            if ring_empty || self.next < self.waiting.len() {
                self.published.raise_through(self.out_through(matched, upto));
            }
            if released == 0 {
                break;
            }
        }
        Ok(work)
    }
}
