//! The rings, each behind the same two ends.
//!
//! Invariants: nothing here waits; what found no room stays with the caller, in order. Each ring is used as its own
//! documentation says is quick. Owning threads: one for each end.

use std::sync::mpsc;

use disruptor::Producer as _;
use tidegate_domain::CommandRecord;
use tidegate_pipeline::{CommandPoller, CommandProducer, command_ring};

use super::BATCH;

/// The writing end.
pub(super) trait Sender: Send {
    /// Writes the first of these records that find room; how many.
    fn send(&mut self, records: &[CommandRecord]) -> usize;
}

/// The reading end.
pub(super) trait Receiver: Send {
    /// Shows the next records that are there, some [`BATCH`] at most; how many.
    fn receive(&mut self, see: impl FnMut(&CommandRecord)) -> usize;
}

/// A ring.
pub(super) trait Ring {
    /// In reports.
    const NAME: &'static str;
    type Sender: Sender;
    type Receiver: Receiver;

    /// A fresh one, taken apart.
    fn ends(slots: usize) -> (Self::Sender, Self::Receiver);
}

/// One record at a time until there is no room.
fn send_each(records: &[CommandRecord], mut send: impl FnMut(&CommandRecord) -> bool) -> usize {
    records.iter().take_while(|record| send(record)).count()
}

/// One record at a time until there is none, or a batch was shown.
fn receive_each(mut next: impl FnMut() -> Option<CommandRecord>, mut see: impl FnMut(&CommandRecord)) -> usize {
    let mut seen = 0;
    while seen < BATCH {
        let Some(record) = next() else { break };
        see(&record);
        seen += 1;
    }
    seen
}

/// Our command ring as the sequencer writes it.
pub(super) struct OneByOne;

pub(super) struct PublishEach(CommandProducer);

/// The match stage reads; journal and replicate, which the ring waits for, too, pass the same records by.
pub(super) struct Pollers {
    match_: CommandPoller,
    others: [CommandPoller; 2],
}

impl Ring for OneByOne {
    const NAME: &'static str = "tidegate command ring, one by one";
    type Sender = PublishEach;
    type Receiver = Pollers;

    fn ends(slots: usize) -> (PublishEach, Pollers) {
        let ring = command_ring(slots);
        (PublishEach(ring.producer), Pollers { match_: ring.match_, others: [ring.journal, ring.replicate] })
    }
}

impl Sender for PublishEach {
    #[inline]
    fn send(&mut self, records: &[CommandRecord]) -> usize {
        send_each(records, |record| self.0.try_publish(|slot| *slot = *record).is_ok())
    }
}

impl Receiver for Pollers {
    #[inline]
    fn receive(&mut self, mut see: impl FnMut(&CommandRecord)) -> usize {
        let Ok(mut records) = self.match_.take(BATCH as u64) else { return 0 };
        let mut seen = 0;
        for record in &mut records {
            see(record);
            seen += 1;
        }
        drop(records);
        for other in &mut self.others {
            // Counts as read when it is dropped.
            drop(other.take(seen as u64));
        }
        seen
    }
}

/// Our command ring, written in batches.
pub(super) struct Batched;

pub(super) struct PublishBatch(CommandProducer);

impl Ring for Batched {
    const NAME: &'static str = "tidegate command ring, batches";
    type Sender = PublishBatch;
    type Receiver = Pollers;

    fn ends(slots: usize) -> (PublishBatch, Pollers) {
        let (PublishEach(producer), pollers) = OneByOne::ends(slots);
        (PublishBatch(producer), pollers)
    }
}

impl Sender for PublishBatch {
    #[inline]
    fn send(&mut self, records: &[CommandRecord]) -> usize {
        let written = self.0.try_batch_publish(records.len(), |slots| {
            slots.zip(records).for_each(|(slot, record)| *slot = *record);
        });
        if written.is_ok() { records.len() } else { 0 }
    }
}

/// `rtrb` with push and pop.
pub(super) struct RtrbOneByOne;

pub(super) struct Push(rtrb::Producer<CommandRecord>);

pub(super) struct Pop(rtrb::Consumer<CommandRecord>);

impl Ring for RtrbOneByOne {
    const NAME: &'static str = "rtrb, push and pop";
    type Sender = Push;
    type Receiver = Pop;

    fn ends(slots: usize) -> (Push, Pop) {
        let (producer, consumer) = rtrb::RingBuffer::new(slots);
        (Push(producer), Pop(consumer))
    }
}

impl Sender for Push {
    #[inline]
    fn send(&mut self, records: &[CommandRecord]) -> usize {
        send_each(records, |record| self.0.push(*record).is_ok())
    }
}

impl Receiver for Pop {
    #[inline]
    fn receive(&mut self, see: impl FnMut(&CommandRecord)) -> usize {
        receive_each(|| self.0.pop().ok(), see)
    }
}

/// `rtrb` with chunks.
pub(super) struct Chunked;

pub(super) struct WriteChunks(rtrb::Producer<CommandRecord>);

pub(super) struct ReadChunks(rtrb::Consumer<CommandRecord>);

impl Ring for Chunked {
    const NAME: &'static str = "rtrb, chunks";
    type Sender = WriteChunks;
    type Receiver = ReadChunks;

    fn ends(slots: usize) -> (WriteChunks, ReadChunks) {
        let (producer, consumer) = rtrb::RingBuffer::new(slots);
        (WriteChunks(producer), ReadChunks(consumer))
    }
}

impl Sender for WriteChunks {
    #[inline]
    fn send(&mut self, records: &[CommandRecord]) -> usize {
        self.0.push_partial_slice(records).0.len()
    }
}

impl Receiver for ReadChunks {
    #[inline]
    fn receive(&mut self, mut see: impl FnMut(&CommandRecord)) -> usize {
        let there = self.0.slots().min(BATCH);
        if there == 0 {
            return 0;
        }
        let Ok(chunk) = self.0.read_chunk(there) else { return 0 };
        let (first, second) = chunk.as_slices();
        first.iter().chain(second).for_each(&mut see);
        chunk.commit_all();
        there
    }
}

/// `crossbeam-channel`, bounded.
pub(super) struct Bounded;

pub(super) struct CrossbeamSender(crossbeam_channel::Sender<CommandRecord>);

pub(super) struct CrossbeamReceiver(crossbeam_channel::Receiver<CommandRecord>);

impl Ring for Bounded {
    const NAME: &'static str = "crossbeam-channel, bounded";
    type Sender = CrossbeamSender;
    type Receiver = CrossbeamReceiver;

    fn ends(slots: usize) -> (CrossbeamSender, CrossbeamReceiver) {
        let (sender, receiver) = crossbeam_channel::bounded(slots);
        (CrossbeamSender(sender), CrossbeamReceiver(receiver))
    }
}

impl Sender for CrossbeamSender {
    #[inline]
    fn send(&mut self, records: &[CommandRecord]) -> usize {
        send_each(records, |record| self.0.try_send(*record).is_ok())
    }
}

impl Receiver for CrossbeamReceiver {
    #[inline]
    fn receive(&mut self, see: impl FnMut(&CommandRecord)) -> usize {
        receive_each(|| self.0.try_recv().ok(), see)
    }
}

/// `std::sync::mpsc`, bounded.
pub(super) struct StdBounded;

pub(super) struct StdSender(mpsc::SyncSender<CommandRecord>);

pub(super) struct StdReceiver(mpsc::Receiver<CommandRecord>);

impl Ring for StdBounded {
    const NAME: &'static str = "std::sync::mpsc, sync_channel";
    type Sender = StdSender;
    type Receiver = StdReceiver;

    fn ends(slots: usize) -> (StdSender, StdReceiver) {
        let (sender, receiver) = mpsc::sync_channel(slots);
        (StdSender(sender), StdReceiver(receiver))
    }
}

impl Sender for StdSender {
    #[inline]
    fn send(&mut self, records: &[CommandRecord]) -> usize {
        send_each(records, |record| self.0.try_send(*record).is_ok())
    }
}

impl Receiver for StdReceiver {
    #[inline]
    fn receive(&mut self, see: impl FnMut(&CommandRecord)) -> usize {
        receive_each(|| self.0.try_recv().ok(), see)
    }
}
