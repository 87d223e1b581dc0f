//! What came of the newest requests of every key.
//!
//! ```text
//!   request, result --[Outcome]--> ring of a key --find--> the same answer again
//!
//!   block of 2 MiB: | ring of key 1 | ring of key 2 | .. | ring of key 64 |
//! ```
//!
//! Invariants: request numbers and sequences grow along the ring; it never has more than [`OUTCOMES_PER_KEY`], and its memory is there, and
//! was written once, from the start: no page fault comes with a request. An outcome is half a cache line, because the place
//! of the next one is nearly always cold: it was written a thousand requests ago. Rings stand together in blocks that fill a
//! large page, because on small pages that place is missing in the processor's table of pages too.
//! Owning thread: the engine's.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

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

/// Rings that share a block.
const KEYS_PER_BLOCK: usize = 64;
/// Of a known length, and indexed by remainders, so that no index needs a check.
type Block = [Outcome; KEYS_PER_BLOCK * OUTCOMES_PER_KEY];
const _: () = assert!(size_of::<Block>() == 2 << 20);

/// A key's ring: the number of the next outcome, which goes over the oldest when the ring is full.
#[derive(Clone, Copy, Debug, Default)]
struct Ring {
    next: u32,
    len: u32,
}

/// The newest outcomes of every key.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    /// By key, from 1.
    rings: Vec<Ring>,
    blocks: Vec<Box<Block>>,
}

impl Outcomes {
    /// Makes room for those of the next key.
    pub(crate) fn add_key(&mut self) {
        if self.rings.len() == self.blocks.len() * KEYS_PER_BLOCK {
            // One that is not all zero, so that the memory is really written.
            let blank = Outcome { payload_hash: 1, ..Outcome::default() };
            // By way of a slice: an array would be made on the stack.
            let block = vec![blank; KEYS_PER_BLOCK * OUTCOMES_PER_KEY].into_boxed_slice();
            self.blocks.push(block.try_into().expect("it has the length of a block"));
        }
        self.rings.push(Ring::default());
    }

    /// Fetches the place of the next outcome of a key, long before it is needed.
    #[inline]
    pub(crate) fn prefetch(&self, key: KeyId) {
        let index = index_of(key);
        if let Some(ring) = self.rings.get(index) {
            prefetch(&self.blocks[index / KEYS_PER_BLOCK][place(index, ring.next as usize)]);
        }
    }

    /// Takes the next outcome of a key; the one that had to go for it.
    #[inline]
    pub(crate) fn push(&mut self, key: KeyId, outcome: Outcome) -> Option<Outcome> {
        let index = index_of(key);
        let ring = &mut self.rings[index];
        let place = &mut self.blocks[index / KEYS_PER_BLOCK][place(index, ring.next as usize)];
        let is_full = ring.len as usize == OUTCOMES_PER_KEY;
        let before = is_full.then_some(*place);
        *place = outcome;
        ring.next = ring.next.wrapping_add(1);
        ring.len += u32::from(!is_full);
        before
    }

    /// The outcome of a request, if it is kept.
    pub(crate) fn find(&self, key: KeyId, request: RequestNumber) -> Option<&Outcome> {
        self.first_from(key, |outcome| outcome.request < request).filter(|outcome| outcome.request == request)
    }

    /// Whether one of the requests of a key created this order.
    pub(crate) fn has_created(&self, key: KeyId, order: OrderId) -> bool {
        let (sequence, _) = order.age();
        let found = self.first_from(key, |outcome| outcome.sequence < sequence);
        found.is_some_and(|outcome| outcome.sequence == sequence && outcome.has_created(order))
    }

    /// The oldest of a key that is not before what is looked for.
    fn first_from(&self, key: KeyId, is_before: impl Fn(&Outcome) -> bool) -> Option<&Outcome> {
        let len = self.len(key);
        let (mut from, mut to) = (0, len);
        while from < to {
            let middle = usize::midpoint(from, to);
            if is_before(self.at(key, middle)) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        (from < len).then(|| self.at(key, from))
    }

    /// All of a key, oldest first.
    pub(crate) fn of_key(&self, key: KeyId) -> impl Iterator<Item = &Outcome> {
        (0..self.len(key)).map(move |at| self.at(key, at))
    }

    pub(crate) fn newest(&self, key: KeyId) -> Option<&Outcome> {
        self.len(key).checked_sub(1).map(|last| self.at(key, last))
    }

    fn len(&self, key: KeyId) -> usize {
        self.rings[index_of(key)].len as usize
    }

    /// The `at`-th of a key from the oldest.
    fn at(&self, key: KeyId, at: usize) -> &Outcome {
        let index = index_of(key);
        let Ring { next, len } = self.rings[index];
        let in_ring = next.wrapping_sub(len) as usize + at;
        &self.blocks[index / KEYS_PER_BLOCK][place(index, in_ring)]
    }
}

/// The index of a key's ring; that of no ring for the operator, who is key 0.
#[inline]
const fn index_of(key: KeyId) -> usize {
    (key.raw() as usize).wrapping_sub(1)
}

/// Where in its block a ring has something.
#[inline]
const fn place(index: usize, in_ring: usize) -> usize {
    index % KEYS_PER_BLOCK * OUTCOMES_PER_KEY + in_ring % OUTCOMES_PER_KEY
}
