//! What came of the newest requests of a key.
//!
//!   request, result --[Outcome]--> ring of a key --find--> the same answer again
//!
//! Invariants: request numbers grow along the ring; it never has more than [`OUTCOMES_PER_KEY`], and its memory is there, and
//! was written once, from the start: no page fault comes with a request. An outcome is half a cache line, because the place
//! of the next one is nearly always cold: it was written a thousand requests ago.
//! Owning thread: the engine's.

use alloc::boxed::Box;
use alloc::vec;

use tidegate_domain::{KeyId, OrderId, Reject, RequestNumber, Sequence};

use crate::hash::{Fact, hash};
use crate::prefetch::prefetch;

/// Outcomes that are kept for each key: its resends are answered as long as it has no more than this in flight.
pub const OUTCOMES_PER_KEY: usize = 1_024;

/// The order that a request created, cancelled or reduced, if it was about one; or why it was refused.
pub(crate) type RequestResult = Result<Option<OrderId>, Reject>;

/// What came of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) request: RequestNumber,
    pub(crate) sequence: Sequence,
    /// 0: none.
    order: u64,
    /// Tells another payload under the same number from the same one.
    pub(crate) payload_hash: u32,
    /// Code of the reject; 0: none.
    reject: u16,
    pub(crate) is_new_order: bool,
}

const _: () = assert!(size_of::<Outcome>() == 32);

impl Outcome {
    pub(crate) fn new(
        (request, sequence): (RequestNumber, Sequence),
        payload_hash: u32,
        result: RequestResult,
        is_new_order: bool,
    ) -> Self {
        let (order, reject) = match result {
            Ok(order) => (order.map_or(0, OrderId::raw), 0),
            Err(reject) => (0, reject.code()),
        };
        Self { request, sequence, order, payload_hash, reject, is_new_order }
    }

    pub(crate) fn result(&self) -> RequestResult {
        match Reject::from_code(self.reject) {
            Some(reject) => Err(reject),
            None => Ok((self.order > 0).then_some(OrderId::new(self.order))),
        }
    }

    /// The order, if the request created one.
    pub(crate) fn created(&self) -> Option<OrderId> {
        self.result().ok().flatten().filter(|_| self.is_new_order)
    }

    #[inline]
    pub(crate) fn hash(&self, key: KeyId) -> u128 {
        let who = u64::from(key.raw()) << 17 | u64::from(self.reject) << 1 | u64::from(self.is_new_order);
        hash(Fact::Outcome, [who, self.request.raw(), self.sequence.raw(), u64::from(self.payload_hash), self.order, 0])
    }
}

/// The newest outcomes of a key.
#[derive(Debug)]
pub(crate) struct Outcomes {
    ring: Box<[Outcome]>,
    /// Where the next one goes: over the oldest, when the ring is full.
    next: usize,
    len: usize,
}

impl Outcomes {
    pub(crate) fn new() -> Self {
        // One that is not all zero, so that the memory is really written.
        let blank = Outcome { payload_hash: 1, ..Outcome::default() };
        Self { ring: vec![blank; OUTCOMES_PER_KEY].into_boxed_slice(), next: 0, len: 0 }
    }

    /// Fetches the place of the next outcome, long before it is needed.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch(&self.ring[self.next]);
    }

    /// Takes the next outcome; the one that had to go for it.
    #[inline]
    pub(crate) fn push(&mut self, outcome: Outcome) -> Option<Outcome> {
        let is_full = self.len == OUTCOMES_PER_KEY;
        let place = &mut self.ring[self.next];
        let before = is_full.then_some(*place);
        *place = outcome;
        self.next = (self.next + 1) % OUTCOMES_PER_KEY;
        self.len += usize::from(!is_full);
        before
    }

    /// The outcome of a request, if it is kept.
    pub(crate) fn find(&self, request: RequestNumber) -> Option<&Outcome> {
        let (mut from, mut to) = (0, self.len);
        while from < to {
            let middle = usize::midpoint(from, to);
            if self.at(middle).request < request {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        (from < self.len).then(|| self.at(from)).filter(|outcome| outcome.request == request)
    }

    /// All, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Outcome> {
        (0..self.len).map(|at| self.at(at))
    }

    pub(crate) fn newest(&self) -> Option<&Outcome> {
        self.len.checked_sub(1).map(|last| self.at(last))
    }

    /// The `at`-th from the oldest.
    fn at(&self, at: usize) -> &Outcome {
        &self.ring[(self.next + OUTCOMES_PER_KEY - self.len + at) % OUTCOMES_PER_KEY]
    }
}
