//! What came of the newest requests of a key.
//!
//!   request, result --[Outcome]--> ring of a key --find--> the same answer again
//!
//! Invariants: request numbers and sequences grow along the ring; it never has more than [`OUTCOMES_PER_KEY`], and its memory is there, and
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

/// What a request created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Created {
    /// No order, or none that was not there before.
    #[default]
    Nothing,
    /// The order of its result.
    Order,
    /// A mass quote's orders: a bit for each side of each quote, the one that [`OrderId::age`] counts it as. Never 0.
    Quotes(u32),
}

const NOTHING: u8 = 0;
const ORDER: u8 = 1;
const QUOTES: u8 = 2;

/// What came of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) request: RequestNumber,
    pub(crate) sequence: Sequence,
    /// 0: none. Of a mass quote, whose result names none, the bits of [`Created::Quotes`].
    order: u64,
    /// Tells another payload under the same number from the same one.
    pub(crate) payload_hash: u32,
    /// Code of the reject; 0: none.
    reject: u16,
    /// [`NOTHING`], [`ORDER`] or [`QUOTES`].
    created: u8,
}

const _: () = assert!(size_of::<Outcome>() == 32);

impl Outcome {
    pub(crate) fn new(
        (request, sequence): (RequestNumber, Sequence),
        payload_hash: u32,
        result: RequestResult,
        created: Created,
    ) -> Self {
        let (order, reject) = match result {
            Ok(order) => (order.map_or(0, OrderId::raw), 0),
            Err(reject) => (0, reject.code()),
        };
        let (order, created) = match created {
            Created::Nothing => (order, NOTHING),
            Created::Order => (order, ORDER),
            Created::Quotes(sides) => (sides.into(), QUOTES),
        };
        Self { request, sequence, order, payload_hash, reject, created }
    }

    pub(crate) fn result(&self) -> RequestResult {
        match Reject::from_code(self.reject) {
            Some(reject) => Err(reject),
            None => Ok((self.order > 0 && self.created != QUOTES).then_some(OrderId::new(self.order))),
        }
    }

    /// What the request created.
    pub(crate) const fn created(&self) -> Created {
        match self.created {
            ORDER => Created::Order,
            QUOTES => Created::Quotes(self.order as u32),
            _ => Created::Nothing,
        }
    }

    /// Whether the request created this order, which is of its sequence.
    fn has_created(&self, order: OrderId) -> bool {
        match self.created() {
            Created::Nothing => false,
            Created::Order => self.order == order.raw(),
            Created::Quotes(sides) => {
                1_u64.checked_shl(order.age().1 as u32).is_some_and(|side| u64::from(sides) & side > 0)
            }
        }
    }

    #[inline]
    pub(crate) fn hash(&self, key: KeyId) -> u128 {
        let who = u64::from(key.raw()) << 32 | u64::from(self.reject) << 8 | u64::from(self.created);
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
        let before = core::mem::replace(&mut self.ring[self.next], outcome);
        self.next = (self.next + 1) % OUTCOMES_PER_KEY;
        if self.len == OUTCOMES_PER_KEY {
            return Some(before);
        }
        self.len += 1;
        None
    }

    /// The outcome of a request, if it is kept.
    pub(crate) fn find(&self, request: RequestNumber) -> Option<&Outcome> {
        self.first_from(|outcome| outcome.request < request).filter(|outcome| outcome.request == request)
    }

    /// Whether one of the requests created this order.
    pub(crate) fn has_created(&self, order: OrderId) -> bool {
        let (sequence, _) = order.age();
        let found = self.first_from(|outcome| outcome.sequence < sequence);
        found.is_some_and(|outcome| outcome.sequence == sequence && outcome.has_created(order))
    }

    /// The oldest that is not before what is looked for.
    fn first_from(&self, is_before: impl Fn(&Outcome) -> bool) -> Option<&Outcome> {
        let (mut from, mut to) = (0, self.len);
        while from < to {
            let middle = usize::midpoint(from, to);
            if is_before(self.at(middle)) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        (from < self.len).then(|| self.at(from))
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
