//! The slab of resting orders: one for all books, so its size is the journal's limit of open orders.
//!
//! Invariants: a [`Handle`] is valid from `insert` to `remove`; who holds one longer asks for an order that is not
//! there, which panics. Free slots are reused last in, first out, which is deterministic but never visible: no event and
//! no digest contains a handle. Nothing is allocated after `with_capacity` unless more orders rest than it was told.

use alloc::vec::Vec;

use tidegate_domain::{Price, Qty};

/// No slot.
pub(super) const NONE: u32 = u32::MAX;
/// As a level: the order is in no queue at this moment.
pub(super) const DETACHED: u32 = u32::MAX - 1;

/// Place of an order in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(u32);

impl Handle {
    /// The number of the slot: dense from 0, for tables beside the slab.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The handle of a slot.
    pub(crate) const fn from_index(index: u32) -> Self {
        Self(index)
    }

    pub(super) const fn raw(self) -> u32 {
        self.0
    }
}

/// A resting order, its neighbours in the queue of its price level, and whatever its owner tags it with. With a tag of 36
/// bytes it fills a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Node<T> {
    pub(super) price: Price,
    pub(super) leaves: Qty,
    /// The order that trades before it at its price; in a free slot, the next free one.
    pub(super) before: u32,
    pub(super) after: u32,
    /// Its level; [`NONE`] in a free slot, [`DETACHED`] outside of every queue.
    pub(super) level: u32,
    pub(super) tag: T,
}

/// Every resting order of every book that shares it.
#[derive(Debug)]
pub(super) struct Orders<T> {
    slots: Vec<Node<T>>,
    free: u32,
    used: usize,
}

impl<T: Copy> Orders<T> {
    /// With room for `capacity` orders.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { slots: Vec::with_capacity(capacity), free: NONE, used: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.used
    }

    pub(super) fn insert(&mut self, node: Node<T>) -> u32 {
        self.used += 1;
        if self.free == NONE {
            let slot = u32::try_from(self.slots.len()).expect("the limit of open orders is a u32");
            self.slots.push(node);
            return slot;
        }
        let slot = self.free;
        let place = &mut self.slots[slot as usize];
        self.free = place.before;
        *place = node;
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        place.level = NONE;
        place.before = self.free;
        self.free = slot;
        self.used -= 1;
    }

    /// Whatever is in a slot.
    #[inline]
    pub(super) fn slot(&self, slot: u32) -> Option<&Node<T>> {
        self.slots.get(slot as usize)
    }

    #[inline]
    pub(super) fn node(&self, slot: u32) -> &Node<T> {
        let node = &self.slots[slot as usize];
        assert!(node.level != NONE, "a handle outlived its order");
        node
    }

    #[inline]
    pub(super) fn node_mut(&mut self, slot: u32) -> &mut Node<T> {
        let node = &mut self.slots[slot as usize];
        assert!(node.level != NONE, "a handle outlived its order");
        node
    }
}
