//! A market's book: price levels, best first, each a queue of orders in the order of their arrival.
//!
//! ```text
//!   Book  = two ladders of levels, one a side
//!   Shelf = where the orders and levels of any number of books live, allocated once
//!
//!   bids: level -> order <-> order <-> order     a Handle leads to an order, an order to its level
//!   asks: level -> order <-> order
//! ```
//!
//! Invariants: a level is never empty. The best bid is below the best ask, except inside a match. Finding the best order,
//! letting one rest, and removing one by its [`Handle`] walk no queue and allocate nothing. The book knows no account, no
//! money and no event: `T` is whatever its user wants to find again at an order.
//!
//! Hot path: `best`, `take`, `rest` and `remove` are called by match for every order.
//!
//! ```
//! use tidegate_domain::{Price, Qty, Side};
//! use tidegate_matching::book::{Book, Shelf, crosses};
//!
//! let mut shelf: Shelf<&str> = Shelf::with_capacity(1_000);
//! let mut book = Book::new();
//! let (price, two) = (Price::from_ticks(100), Qty::from_lots(2));
//! let asked = book.rest(&mut shelf, Side::Sell, price, two, "ann's");
//! book.rest(&mut shelf, Side::Sell, price, two, "bob's");
//! // Somebody buys three.
//! let mut wanted = Qty::from_lots(3);
//! let mut fills = Vec::new();
//! while let Some(maker) = book.best(&shelf, Side::Sell)
//!     && !wanted.is_zero()
//!     && crosses(Side::Buy, Some(price), shelf.price(maker))
//! {
//!     let qty = wanted.min(shelf.leaves(maker));
//!     fills.push((*shelf.tag(maker), qty.lots()));
//!     book.take(&mut shelf, maker, qty);
//!     wanted = wanted.minus(qty);
//! }
//! assert_eq!(fills, [("ann's", 2), ("bob's", 1)]);
//! # let _ = asked;
//! ```

mod ladder;
mod slab;

use alloc::vec::Vec;

use tidegate_domain::{Price, Qty, Side};

use crate::prefetch::prefetch;
use ladder::{Ladder, Level, LevelNumber, Levels};
pub use slab::Handle;
use slab::{DETACHED, NONE, Node, Orders};

/// In the number of a level that an order remembers: the side.
const SELL: u32 = 1 << 31;

/// The lowest rank is the best on both sides.
const fn rank(side: Side, price: Price) -> u64 {
    // Negative prices sort below positive ones.
    let ascending = price.ticks().cast_unsigned() ^ 1 << 63;
    match side {
        Side::Buy => !ascending,
        Side::Sell => ascending,
    }
}

/// The price of a rank.
const fn price_of(side: Side, rank: u64) -> Price {
    let ascending = match side {
        Side::Buy => !rank,
        Side::Sell => rank,
    };
    Price::from_ticks((ascending ^ 1 << 63).cast_signed())
}

/// Whether an order of `side` with `limit` may trade with a resting one at `price`; no limit takes every price.
#[must_use]
#[inline]
pub fn crosses(side: Side, limit: Option<Price>, price: Price) -> bool {
    limit.is_none_or(|limit| match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    })
}

/// A resting order as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting<T> {
    /// Its side.
    pub side: Side,
    /// Its limit.
    pub price: Price,
    /// What is left of it; at least one lot.
    pub leaves: Qty,
    /// What its owner tagged it with.
    pub tag: T,
}

/// Storage of the orders and levels of any number of books; see the module.
#[derive(Debug)]
pub struct Shelf<T> {
    orders: Orders<T>,
    levels: Levels,
}

impl<T: Copy> Shelf<T> {
    /// With room for `orders` resting orders.
    #[must_use]
    pub fn with_capacity(orders: usize) -> Self {
        Self { orders: Orders::with_capacity(orders), levels: Levels::with_capacity(orders) }
    }

    /// How many orders rest.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether none does.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An order's limit.
    ///
    /// # Panics
    /// Here and below: when the order is gone. Handles do not outlive their orders.
    #[must_use]
    #[inline]
    pub fn price(&self, handle: Handle) -> Price {
        self.orders.node(handle.raw()).price
    }

    /// What is left of an order.
    #[must_use]
    #[inline]
    pub fn leaves(&self, handle: Handle) -> Qty {
        self.orders.node(handle.raw()).leaves
    }

    /// An order's tag.
    #[must_use]
    #[inline]
    pub fn tag(&self, handle: Handle) -> &T {
        &self.orders.node(handle.raw()).tag
    }

    /// An order's tag, to change it.
    #[inline]
    pub fn tag_mut(&mut self, handle: Handle) -> &mut T {
        &mut self.orders.node_mut(handle.raw()).tag
    }

    /// An order.
    #[must_use]
    #[inline]
    pub fn get(&self, handle: Handle) -> Resting<T> {
        let node = self.orders.node(handle.raw());
        let side = if node.level & SELL == 0 { Side::Buy } else { Side::Sell };
        Resting { side, price: node.price, leaves: node.leaves, tag: node.tag }
    }

    /// Fetches an order.
    #[inline]
    pub(crate) fn fetch(&self, handle: Handle) {
        if let Some(node) = self.orders.slot(handle.raw()) {
            prefetch(node);
        }
    }

    /// Fetches the neighbours of an order and its level.
    #[inline]
    pub(crate) fn fetch_around(&self, handle: Handle) {
        let Some(node) = self.orders.slot(handle.raw()) else { return };
        for neighbour in [node.before, node.after] {
            self.fetch(Handle::from_index(neighbour));
        }
        self.levels.fetch(node.level & !SELL);
    }

    /// Fetches the level at a price.
    #[inline]
    pub(crate) fn fetch_level(&self, book: &Book, side: Side, price: Price) {
        if let Some(number) = book.half(side).find(&self.levels, rank(side, price)) {
            self.levels.fetch(number);
        }
    }

    /// Fetches the last order at a price.
    #[inline]
    pub(crate) fn fetch_last(&self, book: &Book, side: Side, price: Price) {
        if let Some(number) = book.half(side).find(&self.levels, rank(side, price)) {
            self.fetch(Handle::from_index(self.levels.level(number).tail));
        }
    }

    /// Makes an order that is in no queue yet. The shelf grows when more orders rest than it was told: its user has the limit.
    #[inline]
    pub fn add(&mut self, tag: T) -> Handle {
        let (price, leaves) = (Price::from_ticks(0), Qty::ZERO);
        Handle::from_index(self.orders.insert(Node { price, leaves, before: NONE, after: NONE, level: DETACHED, tag }))
    }

    /// Whether an order is in no queue at this moment.
    #[must_use]
    #[inline]
    pub fn is_detached(&self, handle: Handle) -> bool {
        self.orders.node(handle.raw()).level == DETACHED
    }

    /// Changes what is left of an order where it stands.
    ///
    /// # Panics
    /// When nothing would be left.
    #[inline]
    pub fn set_leaves(&mut self, handle: Handle, leaves: Qty) {
        assert!(!leaves.is_zero());
        self.orders.node_mut(handle.raw()).leaves = leaves;
    }

    /// Ends an order that is in no queue.
    #[inline]
    pub fn discard(&mut self, handle: Handle) {
        assert!(self.orders.node(handle.raw()).level == DETACHED, "an order leaves its queue before it ends");
        self.orders.remove(handle.raw());
    }

    fn queue(&self, number: LevelNumber) -> impl Iterator<Item = (Handle, &Node<T>)> + Clone {
        let mut next = self.levels.level(number).head;
        core::iter::from_fn(move || {
            let slot = (next != NONE).then_some(next)?;
            let node = self.orders.node(slot);
            next = node.after;
            Some((Handle::from_index(slot), node))
        })
    }

    fn price_of(&self, number: LevelNumber) -> Price {
        self.orders.node(self.levels.level(number).head).price
    }
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Book {
    bids: Ladder,
    asks: Ladder,
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

impl Book {
    /// An empty book.
    #[must_use]
    pub const fn new() -> Self {
        Self { bids: Ladder::new(), asks: Ladder::new() }
    }

    const fn half(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    const fn half_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The order of `side` that trades next.
    #[must_use]
    #[inline]
    pub fn best<T: Copy>(&self, shelf: &Shelf<T>, side: Side) -> Option<Handle> {
        let number = self.half(side).best()?;
        Some(Handle::from_index(shelf.levels.level(number).head))
    }

    /// The price at which `side` trades next.
    #[must_use]
    #[inline]
    pub fn best_price(&self, side: Side) -> Option<Price> {
        self.half(side).best_rank().map(|rank| price_of(side, rank))
    }

    /// Lets an order rest, behind every order of its price.
    ///
    /// # Panics
    /// When nothing is left of it, or there are more levels than the shelf was told of orders.
    #[inline]
    pub fn rest<T: Copy>(&mut self, shelf: &mut Shelf<T>, side: Side, price: Price, leaves: Qty, tag: T) -> Handle {
        let handle = shelf.add(tag);
        self.attach(shelf, handle, side, price, leaves);
        handle
    }

    /// Takes an order out and returns it as it was.
    #[inline]
    pub fn remove<T: Copy>(&mut self, shelf: &mut Shelf<T>, handle: Handle) -> Resting<T> {
        let order = shelf.get(handle);
        self.detach(shelf, handle);
        shelf.orders.remove(handle.raw());
        order
    }

    /// Puts an order that is in no queue behind every order of its price, in whichever book of the shelf this is.
    #[inline]
    pub fn attach<T: Copy>(&mut self, shelf: &mut Shelf<T>, handle: Handle, side: Side, price: Price, leaves: Qty) {
        assert!(shelf.is_detached(handle), "an order is in one queue");
        self.link(shelf, handle, side, price, leaves);
    }

    /// Takes an order out of its queue; its handle stays. It goes on with [`Self::attach`] or [`Shelf::discard`].
    #[inline]
    pub fn detach<T: Copy>(&mut self, shelf: &mut Shelf<T>, handle: Handle) {
        self.unlink(shelf, handle);
        shelf.orders.node_mut(handle.raw()).level = DETACHED;
    }

    /// Puts an order that is in a queue behind every order of another price, or of its own: as [`Self::detach`] and
    /// [`Self::attach`] do.
    #[inline(always)]
    pub fn shift<T: Copy>(&mut self, shelf: &mut Shelf<T>, handle: Handle, side: Side, price: Price, leaves: Qty) {
        self.unlink(shelf, handle);
        self.link(shelf, handle, side, price, leaves);
    }

    #[inline(always)]
    fn link<T: Copy>(&mut self, shelf: &mut Shelf<T>, handle: Handle, side: Side, price: Price, leaves: Qty) {
        assert!(!leaves.is_zero());
        let number = self.half_mut(side).level_at(&mut shelf.levels, rank(side, price));
        let level = shelf.levels.level_mut(number);
        let before = level.tail;
        level.tail = handle.raw();
        if before == NONE {
            level.head = handle.raw();
        } else {
            shelf.orders.node_mut(before).after = handle.raw();
        }
        let on_side = if matches!(side, Side::Sell) { SELL } else { 0 };
        let node = shelf.orders.node_mut(handle.raw());
        (node.price, node.leaves, node.before, node.after) = (price, leaves, before, NONE);
        node.level = number | on_side;
    }

    /// Closes the gap that an order leaves in its queue; the order itself still says where it was.
    #[inline(always)]
    fn unlink<T: Copy>(&mut self, shelf: &mut Shelf<T>, handle: Handle) {
        let Node { before, after, level, .. } = *shelf.orders.node(handle.raw());
        assert!(level != DETACHED, "an order that is in a queue");
        let number = level & !SELL;
        if before == NONE && after == NONE {
            let side = if level & SELL == 0 { Side::Buy } else { Side::Sell };
            return self.half_mut(side).drop_level(&mut shelf.levels, number);
        }
        if before == NONE {
            shelf.levels.level_mut(number).head = after;
        } else {
            shelf.orders.node_mut(before).after = after;
        }
        if after == NONE {
            shelf.levels.level_mut(number).tail = before;
        } else {
            shelf.orders.node_mut(after).before = before;
        }
    }

    /// Takes `by` off an order, by a trade or by its owner, and returns what is left. It keeps its place; at zero it is
    /// gone and so is its handle.
    #[inline]
    pub fn take<T: Copy>(&mut self, shelf: &mut Shelf<T>, handle: Handle, by: Qty) -> Qty {
        let node = shelf.orders.node_mut(handle.raw());
        assert!(!by.is_zero());
        assert!(by <= node.leaves);
        if by == node.leaves {
            self.remove(shelf, handle);
            return Qty::ZERO;
        }
        node.leaves = node.leaves.minus(by);
        node.leaves
    }

    /// Prices of `side`, best first, each with its orders in the order in which they would trade.
    pub fn queues<'a, T: Copy>(
        &self,
        shelf: &'a Shelf<T>,
        side: Side,
    ) -> impl Iterator<Item = (Price, impl Iterator<Item = Handle> + Clone + use<'a, T>)> + use<'a, T> {
        let levels = self.half(side).iter(&shelf.levels);
        levels.map(|number| (shelf.price_of(number), shelf.queue(number).map(|(handle, _)| handle)))
    }

    /// Levels of `side`, best first: price, lots, orders. Lots are wider than a [`Qty`], since only each order is limited.
    pub fn levels<'a, T: Copy>(
        &self,
        shelf: &'a Shelf<T>,
        side: Side,
    ) -> impl Iterator<Item = (Price, u128, u32)> + use<'a, T> {
        self.half(side).iter(&shelf.levels).map(|number| {
            let sum = |(lots, count), (_, node): (_, &Node<T>)| (lots + u128::from(node.leaves.lots()), count + 1);
            let (lots, count) = shelf.queue(number).fold((0, 0), sum);
            (shelf.price_of(number), lots, count)
        })
    }

    /// The first `depth` levels of `side`, best first. A quantity beyond a [`Qty`] is shown as its largest.
    #[must_use]
    pub fn depth<T: Copy>(&self, shelf: &Shelf<T>, side: Side, depth: usize) -> Vec<(Price, Qty, u32)> {
        let shown = |lots: u128| Qty::from_lots(u64::try_from(lots).unwrap_or(u64::MAX));
        self.levels(shelf, side).take(depth).map(|(price, lots, count)| (price, shown(lots), count)).collect()
    }

    /// Orders of `side` in the order in which they would trade.
    pub fn orders<'a, T: Copy>(
        &self,
        shelf: &'a Shelf<T>,
        side: Side,
    ) -> impl Iterator<Item = (Handle, Resting<T>)> + use<'a, T> {
        let levels = self.half(side).iter(&shelf.levels);
        levels.flat_map(|number| shelf.queue(number).map(|(handle, _)| (handle, shelf.get(handle))))
    }

    /// Walks everything and checks the invariants of the module.
    ///
    /// # Panics
    /// When one is broken.
    pub fn verify<T: Copy>(&self, shelf: &Shelf<T>) {
        for side in [Side::Buy, Side::Sell] {
            self.half(side).verify(&shelf.levels);
            let mut rank_before = None;
            for number in self.half(side).iter(&shelf.levels) {
                let Level { head, tail } = shelf.levels.level(number);
                assert!(head != NONE, "a level is never empty");
                let price = shelf.price_of(number);
                assert!(rank_before.is_none_or(|before| before < rank(side, price)));
                rank_before = Some(rank(side, price));
                let mut before = NONE;
                for (handle, node) in shelf.queue(number) {
                    assert_eq!((node.before, node.level & !SELL, node.price), (before, number, price));
                    assert_eq!(shelf.get(handle).side, side);
                    assert!(!node.leaves.is_zero());
                    before = handle.raw();
                }
                assert_eq!(before, tail);
            }
        }
    }

    /// Whether the best bid is not below the best ask.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        let best = self.best_price(Side::Buy).zip(self.best_price(Side::Sell));
        best.is_some_and(|(bid, ask)| bid >= ask)
    }
}

#[cfg(test)]
mod tests;
