//! The slab of resting orders: one for all books, so its size is the journal's limit of open orders.
//!
//! Invariants: a [`Handle`] is valid from `insert` to `remove`; who holds one longer asks for an order that is not
//! there, which panics. Free slots are reused last in, first out, which is deterministic but never visible: no event and
//! no digest contains a handle.

use alloc::vec::Vec;

use tidegate_domain::{AccountId, KeyId, MarketId, OrderId, Price, Qty, RequestNumber, Side};

/// Slots that are reserved at once; a larger limit grows into it.
const RESERVED_MAX: usize = 1 << 20;

/// A resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Whose money stands behind it.
    pub account: AccountId,
    /// Which key created it, so whose reports tell of it.
    pub key: KeyId,
    /// With which request.
    pub request: RequestNumber,
    /// Where it rests.
    pub market: MarketId,
    /// On which side.
    pub side: Side,
    /// Its limit.
    pub price: Price,
    /// What is left of it; at least one lot.
    pub leaves: Qty,
}

/// Place of an order in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(u32);

/// An order and its neighbours in the queue of its price level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) order: Order,
    pub(super) before: Option<Handle>,
    pub(super) after: Option<Handle>,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Used(Node),
    Free { next: Option<Handle> },
}

/// Every resting order of every book.
#[derive(Debug, Default)]
pub struct Orders {
    slots: Vec<Slot>,
    free: Option<Handle>,
    used: usize,
}

impl Orders {
    /// With room for `capacity` orders.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { slots: Vec::with_capacity(capacity.min(RESERVED_MAX)), free: None, used: 0 }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.used
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// The order at `handle`.
    ///
    /// # Panics
    /// When it is gone: handles do not outlive their orders.
    #[must_use]
    pub fn get(&self, handle: Handle) -> &Order {
        &self.node(handle).order
    }

    pub(super) fn insert(&mut self, order: Order) -> Handle {
        let node = Slot::Used(Node { order, before: None, after: None });
        self.used += 1;
        match self.free {
            Some(handle) => {
                let slot = &mut self.slots[handle.0 as usize];
                let Slot::Free { next } = *slot else { panic!("the free list names a used slot") };
                self.free = next;
                *slot = node;
                handle
            }
            None => {
                let index = u32::try_from(self.slots.len()).expect("the limit of open orders is a u32");
                self.slots.push(node);
                Handle(index)
            }
        }
    }

    pub(super) fn remove(&mut self, handle: Handle) -> Node {
        let node = *self.node(handle);
        self.slots[handle.0 as usize] = Slot::Free { next: self.free };
        self.free = Some(handle);
        self.used -= 1;
        node
    }

    pub(super) fn node(&self, handle: Handle) -> &Node {
        match &self.slots[handle.0 as usize] {
            Slot::Used(node) => node,
            Slot::Free { .. } => panic!("a handle outlived its order"),
        }
    }

    pub(super) fn node_mut(&mut self, handle: Handle) -> &mut Node {
        match &mut self.slots[handle.0 as usize] {
            Slot::Used(node) => node,
            Slot::Free { .. } => panic!("a handle outlived its order"),
        }
    }
}
