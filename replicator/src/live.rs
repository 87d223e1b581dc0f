//! The fast way from the command ring to the link.
//!
//!   command ring --[ReplicateStage]--> LiveFeed --> link task
//!
//! Invariants: never waits. Without a link, or with a full feed, a record is dropped here and the link reads it from the
//! journal instead, since it finds by sequence what it lacks. A record may be in the feed before it is in the journal.
//! Owning threads: the stage's runner pushes; the link task pops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;
use tidegate_domain::{CommandRecord, Sequence};
use tidegate_pipeline::rings::take_into;
use tidegate_pipeline::{CommandPoller, Fatal, Listener, Stage};
use tokio::sync::Notify;

/// Records that a feed holds: some milliseconds of full load, 2 MiB.
pub const FEED_RECORDS_DEFAULT: usize = 16_384;
/// Records per round of the stage.
const BATCH: usize = 256;

/// A handle; clones share the queue.
#[derive(Clone)]
pub struct LiveFeed {
    shared: Arc<Shared>,
}

struct Shared {
    queue: ArrayQueue<CommandRecord>,
    linked: AtomicBool,
    overruns: AtomicU64,
    wake: Notify,
}

impl Default for LiveFeed {
    fn default() -> Self {
        Self::new(FEED_RECORDS_DEFAULT)
    }
}

impl LiveFeed {
    /// A feed for this many records.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let (linked, overruns) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { shared: Arc::new(Shared { queue: ArrayQueue::new(capacity), linked, overruns, wake: Notify::new() }) }
    }

    /// The call that makes the link look at everything again: see `Replicator::listener`. It exists before the link does.
    #[must_use]
    pub fn listener(&self) -> Listener {
        let shared = Arc::clone(&self.shared);
        Arc::new(move || shared.wake.notify_one())
    }

    /// How many records wait.
    #[must_use]
    pub fn fill(&self) -> usize {
        self.shared.queue.len()
    }

    /// How many records found the feed full, and went by way of the journal.
    #[must_use]
    pub fn overruns(&self) -> u64 {
        self.shared.overruns.load(Ordering::Relaxed)
    }

    /// Offers records in order; those that do not fit are dropped.
    fn offer(&self, records: &[CommandRecord]) {
        if !self.shared.linked.load(Ordering::Acquire) {
            return;
        }
        let kept = records.iter().take_while(|record| self.shared.queue.push(**record).is_ok()).count();
        self.shared.overruns.fetch_add((records.len() - kept) as u64, Ordering::Relaxed);
        self.shared.wake.notify_one();
    }

    pub(crate) fn pop(&self) -> Option<CommandRecord> {
        self.shared.queue.pop()
    }

    /// Opens or closes the feed; what is in it from before is let go.
    pub(crate) fn set_linked(&self, linked: bool) {
        self.shared.linked.store(false, Ordering::Release);
        while self.shared.queue.pop().is_some() {}
        self.shared.linked.store(linked, Ordering::Release);
    }

    /// Returns when [`Self::listener`] was called or records came since the last time.
    pub(crate) async fn woken(&self) {
        self.shared.wake.notified().await;
    }
}

/// See the module.
pub struct ReplicateStage {
    poller: CommandPoller,
    feed: LiveFeed,
    /// The journal's end at the start: what a restart replays is read from there.
    recovered: Sequence,
    batch: Vec<CommandRecord>,
}

impl ReplicateStage {
    /// A stage between the ring's replicate end and a feed, of a node whose journal ended at `recovered` when it started.
    #[must_use]
    pub fn new(poller: CommandPoller, feed: LiveFeed, recovered: Sequence) -> Self {
        Self { poller, feed, recovered, batch: Vec::with_capacity(BATCH) }
    }
}

impl Stage for ReplicateStage {
    fn name(&self) -> &'static str {
        "replicate"
    }

    fn do_work(&mut self) -> Result<usize, Fatal> {
        self.batch.clear();
        let taken = take_into(&mut self.poller, BATCH, &mut self.batch);
        let known = self.batch.partition_point(|record| record.sequence() <= self.recovered);
        if known < taken {
            self.feed.offer(&self.batch[known..]);
        }
        Ok(taken)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use disruptor::Producer;
    use tidegate_domain::{Command, CommandHeader, Epoch, Timestamp};
    use tidegate_pipeline::command_ring;

    use super::*;

    fn records(sequences: std::ops::RangeInclusive<u64>) -> Vec<CommandRecord> {
        let make = |n| {
            let mut record = CommandRecord::encode(&CommandHeader::default(), &Command::Tick);
            record.stamp(Sequence::new(n), Timestamp::from_nanos(n), Epoch::new(1));
            record
        };
        sequences.map(make).collect()
    }

    fn fed(feed: &LiveFeed) -> Vec<u64> {
        std::iter::from_fn(|| feed.pop()).map(|record| record.sequence().raw()).collect()
    }

    #[test]
    fn the_stage_empties_the_ring_with_and_without_a_link() {
        let mut ring = command_ring(8);
        let feed = LiveFeed::new(4);
        let mut stage = ReplicateStage::new(ring.replicate, feed.clone(), Sequence::ZERO);
        for record in records(1..=3) {
            assert!(ring.producer.try_publish(|slot| *slot = record).is_ok());
        }
        assert_eq!((stage.do_work().unwrap(), fed(&feed)), (3, vec![]));
        feed.set_linked(true);
        for record in records(4..=8) {
            assert!(ring.producer.try_publish(|slot| *slot = record).is_ok());
        }
        assert_eq!((stage.do_work().unwrap(), fed(&feed)), (5, vec![4, 5, 6, 7]));
        assert_eq!(stage.do_work().unwrap(), 0);
    }

    #[test]
    fn a_full_feed_drops_the_newest_and_a_closed_one_everything() {
        let feed = LiveFeed::new(4);
        feed.offer(&records(1..=3));
        assert_eq!(feed.fill(), 0);
        feed.set_linked(true);
        feed.offer(&records(1..=6));
        assert_eq!((feed.overruns(), fed(&feed)), (2, vec![1, 2, 3, 4]));
        feed.offer(&records(7..=8));
        feed.set_linked(false);
        assert_eq!(feed.fill(), 0);
    }
}
