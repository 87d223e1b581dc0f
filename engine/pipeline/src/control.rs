//! Orders to the sequencer that come past the inbox, because they must never need a free slot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;
use tidegate_domain::{CommandRecord, Epoch};

use crate::runner::Waker;

/// What control asks of the sequencer.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful in the life of a node")]
pub enum SequencerOrder {
    /// Take commands from the inbox from now on, in this epoch; `first` is sequenced before any of them.
    Lead {
        /// The new term.
        epoch: Epoch,
        /// The `TakeLead` command.
        first: CommandRecord,
        /// `Genesis`, to be sequenced before `first` when the journal is empty.
        genesis: Option<CommandRecord>,
    },
    /// Take records from the leader from now on, numbers already assigned.
    Follow,
    /// Take no more commands, not even from a restart's journal; what is in the ring goes on. Final: orders that were given
    /// before and have not taken effect yet never will.
    Stop,
}

/// A handle; clones share the queue.
#[derive(Clone)]
pub struct RunControl {
    orders: Arc<ArrayQueue<SequencerOrder>>,
    given: Arc<AtomicU64>,
    obeyed: Arc<AtomicU64>,
    stopping: Arc<AtomicBool>,
    waker: Waker,
}

impl RunControl {
    /// A control whose orders wake `waker`.
    #[must_use]
    pub fn new(waker: Waker) -> Self {
        Self {
            orders: Arc::new(ArrayQueue::new(8)),
            given: Arc::default(),
            obeyed: Arc::default(),
            stopping: Arc::default(),
            waker,
        }
    }

    /// Gives an order.
    ///
    /// # Panics
    /// When eight orders wait: control gives one at a time and waits for its effect.
    pub fn give(&self, order: SequencerOrder) {
        if matches!(order, SequencerOrder::Stop) {
            self.stopping.store(true, Ordering::Release);
        }
        self.given.fetch_add(1, Ordering::AcqRel);
        assert!(self.orders.push(order).is_ok(), "control waits for the effect of each order");
        self.waker.wake();
    }

    /// Whether every order given so far has taken effect: the commands that it brings are numbered.
    #[must_use]
    pub fn is_obeyed(&self) -> bool {
        self.obeyed.load(Ordering::Acquire) == self.given.load(Ordering::Acquire)
    }

    pub(crate) fn obeyed(&self) {
        self.obeyed.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn next(&self) -> Option<SequencerOrder> {
        self.orders.pop()
    }
}
