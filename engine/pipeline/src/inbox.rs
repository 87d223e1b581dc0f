//! The inbox: many gateways, one sequencer, a bounded queue between them.
//!
//! Invariants: a record that was pushed is sequenced exactly once, in the order of the pushes; the records of one command
//! are pushed together or not at all, and nothing stands between them; a full inbox refuses, and whoever was refused keeps
//! the records and stops reading its socket until its space listener is called.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crossbeam_queue::ArrayQueue;
use tidegate_domain::CommandRecord;

use crate::runner::{Listener, Waker};
use crate::stamps::Receipt;

/// Most records of one command.
pub const TOGETHER_MAX: usize = tidegate_domain::QUOTE_SLOTS_MAX;

/// The inbox is full: keep the record, stop reading, try again when the space listener is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxFull;

/// A handle; clones share the queue.
#[derive(Clone)]
pub struct Inbox {
    shared: Arc<Shared>,
}

/// What one push brought. Nearly every command is one record; only longer ones take memory of their own, so that they are
/// one entry of the queue like any other.
pub(crate) enum Pushed {
    One(CommandRecord, Receipt),
    Together(Box<[CommandRecord]>, Receipt),
}

struct Shared {
    queue: ArrayQueue<Pushed>,
    refused: AtomicBool,
    space_listeners: Mutex<Vec<Listener>>,
    waker: Waker,
}

impl Inbox {
    /// An inbox for `capacity` commands whose arrivals wake `waker`.
    #[must_use]
    pub fn new(capacity: usize, waker: Waker) -> Self {
        let (queue, refused) = (ArrayQueue::new(capacity), AtomicBool::new(false));
        Self { shared: Arc::new(Shared { queue, refused, space_listeners: Mutex::default(), waker }) }
    }

    /// Hands a command over. Sequence, time and epoch are stamped by the sequencer.
    ///
    /// # Errors
    /// [`InboxFull`]: nothing was taken.
    pub fn try_push(&self, record: CommandRecord) -> Result<(), InboxFull> {
        self.push(Pushed::One(record, Receipt::NONE))
    }

    /// Hands over all records of one command, whose sequences will follow each other without a gap, and when a gateway received
    /// it: [`Receipt::NONE`] where none did.
    ///
    /// # Errors
    /// [`InboxFull`]: none of them was taken.
    ///
    /// # Panics
    /// When there is no record, or more than [`TOGETHER_MAX`].
    pub fn try_push_all(&self, records: &[CommandRecord], receipt: Receipt) -> Result<(), InboxFull> {
        assert!(!records.is_empty(), "a command is one record or more");
        assert!(records.len() <= TOGETHER_MAX, "a command is {TOGETHER_MAX} records at most");
        match records {
            [record] => self.push(Pushed::One(*record, receipt)),
            records => self.push(Pushed::Together(records.into(), receipt)),
        }
    }

    fn push(&self, pushed: Pushed) -> Result<(), InboxFull> {
        if let Err(pushed) = self.shared.queue.push(pushed) {
            // Say so before the second try: a sequencer that empties the queue in between either makes room for it or
            // sees the flag.
            self.shared.refused.store(true, Ordering::SeqCst);
            if self.shared.queue.push(pushed).is_err() {
                return Err(InboxFull);
            }
        }
        self.shared.waker.wake();
        Ok(())
    }

    /// Registers a call for "there is room again", made after somebody was refused. It must not block.
    pub fn on_space(&self, listener: Listener) {
        self.shared.space_listeners.lock().expect("no holder of this lock panics").push(listener);
    }

    /// How many commands wait; one of several records counts once.
    #[must_use]
    pub fn fill(&self) -> usize {
        self.shared.queue.len()
    }

    /// How many could wait.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.queue.capacity()
    }

    pub(crate) fn pop(&self) -> Option<Pushed> {
        self.shared.queue.pop()
    }

    /// Called by the sequencer after it took commands.
    pub(crate) fn announce_space(&self) {
        if self.shared.refused.swap(false, Ordering::SeqCst) {
            for listener in self.shared.space_listeners.lock().expect("no holder of this lock panics").iter() {
                listener();
            }
        }
    }
}
