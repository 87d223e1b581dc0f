//! One market's book: price levels, best first, each a queue of orders in the order of their arrival.
//!
//!   bids: rank -> Level -> order <-> order <-> order   (linked through the slab [`Orders`])
//!   asks: rank -> Level -> order <-> order
//!
//! Invariants: a level is never empty; its quantity and count are those of its queue; in a queue the ids grow. The best
//! bid is below the best ask, except inside a match. Finding the best order, and removing an order by its [`Handle`],
//! does not walk a queue. The book knows no account, no money and no event.
//!
//! Hot path: `best`, `fill`, `rest` and `remove` are called by match for every order.

mod slab;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use tidegate_domain::{Price, Qty, Side};

pub use slab::{Handle, Order, Orders};

/// Key of a level: the smallest is the best on both sides.
type Rank = i64;

const fn rank(side: Side, price: Price) -> Rank {
    match side {
        Side::Buy => -price.ticks(),
        Side::Sell => price.ticks(),
    }
}

const fn price_of(side: Side, rank: Rank) -> Price {
    match side {
        Side::Buy => Price::from_ticks(-rank),
        Side::Sell => Price::from_ticks(rank),
    }
}

/// Whether an order of `side` with `limit` may trade with a resting one at `price`; no limit takes every price.
#[must_use]
pub fn crosses(side: Side, limit: Option<Price>, price: Price) -> bool {
    limit.is_none_or(|limit| match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    })
}

#[derive(Clone, Copy, Debug)]
struct Level {
    head: Handle,
    tail: Handle,
    /// Sum of the queue in lots: wider than a [`Qty`], since only each order is limited.
    lots: u128,
    count: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Book {
    bids: BTreeMap<Rank, Level>,
    asks: BTreeMap<Rank, Level>,
}

impl Book {
    /// An empty book.
    #[must_use]
    pub const fn new() -> Self {
        Self { bids: BTreeMap::new(), asks: BTreeMap::new() }
    }

    const fn half(&self, side: Side) -> &BTreeMap<Rank, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    const fn half_mut(&mut self, side: Side) -> &mut BTreeMap<Rank, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The order of `side` that trades next.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Handle> {
        self.half(side).first_key_value().map(|(_, level)| level.head)
    }

    /// The price at which `side` trades next.
    #[must_use]
    pub fn best_price(&self, side: Side) -> Option<Price> {
        self.half(side).first_key_value().map(|(rank, _)| price_of(side, *rank))
    }

    /// Lets an order rest, behind every order of its price.
    pub fn rest(&mut self, orders: &mut Orders, order: Order) -> Handle {
        assert!(!order.leaves.is_zero());
        assert!(order.price.ticks() > 0);
        let handle = orders.insert(order);
        let lots = u128::from(order.leaves.lots());
        let level = self.half_mut(order.side).entry(rank(order.side, order.price)).or_insert(Level {
            head: handle,
            tail: handle,
            lots: 0,
            count: 0,
        });
        if level.count > 0 {
            orders.node_mut(level.tail).after = Some(handle);
            orders.node_mut(handle).before = Some(level.tail);
            level.tail = handle;
        }
        level.lots += lots;
        level.count += 1;
        handle
    }

    /// Takes an order out and returns it as it was.
    pub fn remove(&mut self, orders: &mut Orders, handle: Handle) -> Order {
        let node = orders.remove(handle);
        let order = node.order;
        let half = self.half_mut(order.side);
        let rank = rank(order.side, order.price);
        let level = half.get_mut(&rank).expect("an order's level exists as long as the order");
        match node.before {
            Some(before) => orders.node_mut(before).after = node.after,
            None => level.head = node.after.unwrap_or(handle),
        }
        match node.after {
            Some(after) => orders.node_mut(after).before = node.before,
            None => level.tail = node.before.unwrap_or(handle),
        }
        level.lots -= u128::from(order.leaves.lots());
        level.count -= 1;
        if level.count == 0 {
            assert_eq!(level.lots, 0);
            half.remove(&rank);
        }
        order
    }

    /// Takes `by` off an order, by a trade or by its owner, and returns what is left. It keeps its place; at zero it is
    /// gone and so is its handle.
    pub fn take(&mut self, orders: &mut Orders, handle: Handle, by: Qty) -> Qty {
        let order = &mut orders.node_mut(handle).order;
        assert!(!by.is_zero());
        assert!(by <= order.leaves);
        if by == order.leaves {
            self.remove(orders, handle);
            return Qty::ZERO;
        }
        order.leaves = order.leaves.minus(by);
        let (side, price, leaves) = (order.side, order.price, order.leaves);
        let level = self.half_mut(side).get_mut(&rank(side, price)).expect("an order's level exists");
        level.lots -= u128::from(by.lots());
        leaves
    }

    /// Levels of `side`, best first: price, lots, orders.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = (Price, u128, u32)> {
        self.half(side).iter().map(move |(rank, level)| (price_of(side, *rank), level.lots, level.count))
    }

    /// The first `depth` levels of `side`, best first. A quantity beyond a [`Qty`] is shown as its largest.
    #[must_use]
    pub fn depth(&self, side: Side, depth: usize) -> Vec<(Price, Qty, u32)> {
        let shown = |lots: u128| Qty::from_lots(u64::try_from(lots).unwrap_or(u64::MAX));
        self.levels(side).take(depth).map(|(price, lots, count)| (price, shown(lots), count)).collect()
    }

    /// Orders of `side` in the order in which they would trade.
    pub fn orders<'a>(&'a self, orders: &'a Orders, side: Side) -> impl Iterator<Item = (Handle, &'a Order)> {
        self.half(side).values().flat_map(move |level| {
            core::iter::successors(Some(level.head), move |handle| orders.node(*handle).after)
                .map(move |handle| (handle, orders.get(handle)))
        })
    }

    /// Walks everything and checks the invariants of the module.
    ///
    /// # Panics
    /// When one is broken.
    pub fn verify(&self, orders: &Orders) {
        for side in [Side::Buy, Side::Sell] {
            for (rank_of_level, level) in self.half(side) {
                let (mut lots, mut count, mut before) = (0, 0, None);
                let mut next = Some(level.head);
                while let Some(handle) = next {
                    let node = orders.node(handle);
                    assert_eq!(node.before, before);
                    assert_eq!(node.order.side, side);
                    assert_eq!(rank(side, node.order.price), *rank_of_level);
                    assert!(before.is_none_or(|before| orders.get(before).id < node.order.id));
                    assert!(!node.order.leaves.is_zero());
                    lots += u128::from(node.order.leaves.lots());
                    count += 1;
                    before = Some(handle);
                    next = node.after;
                }
                assert_eq!(before, Some(level.tail));
                assert_eq!((lots, count), (level.lots, level.count));
                assert!(count > 0);
            }
        }
        if let (Some(bid), Some(ask)) = (self.best_price(Side::Buy), self.best_price(Side::Sell)) {
            assert!(bid < ask, "the book is crossed: bid {bid:?}, ask {ask:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_domain::{AccountId, KeyId, MarketId, OrderId, RequestNumber};

    fn order(id: u64, side: Side, ticks: i64, lots: u64) -> Order {
        Order {
            id: OrderId::new(id),
            account: AccountId::new(1),
            key: KeyId::new(1),
            request: RequestNumber::new(id),
            market: MarketId::new(1),
            side,
            price: Price::from_ticks(ticks),
            leaves: Qty::from_lots(lots),
        }
    }

    fn ids(book: &Book, orders: &Orders, side: Side) -> alloc::vec::Vec<u64> {
        book.verify(orders);
        book.orders(orders, side).map(|(_, order)| order.id.raw()).collect()
    }

    #[test]
    fn an_order_leaves_from_any_place_of_its_queue() {
        for gone in 0..3 {
            let (mut book, mut orders) = (Book::new(), Orders::with_capacity(4));
            let handles = [1, 2, 3].map(|id| book.rest(&mut orders, order(id, Side::Buy, 10, id)));
            let removed = book.remove(&mut orders, handles[gone]);
            let mut left = alloc::vec![1, 2, 3];
            assert_eq!(left.remove(gone), removed.id.raw());
            assert_eq!(ids(&book, &orders, Side::Buy), left);
            // The slot is used again, at the end of the queue.
            book.rest(&mut orders, order(4, Side::Buy, 10, 1));
            left.push(4);
            assert_eq!(ids(&book, &orders, Side::Buy), left);
        }
    }

    #[test]
    fn the_best_level_comes_first_on_both_sides() {
        let (mut book, mut orders) = (Book::new(), Orders::with_capacity(4));
        for (id, side, ticks) in [(1, Side::Buy, 9), (2, Side::Buy, 10), (3, Side::Sell, 12), (4, Side::Sell, 11)] {
            book.rest(&mut orders, order(id, side, ticks, 5));
        }
        assert_eq!(ids(&book, &orders, Side::Buy), [2, 1]);
        assert_eq!(ids(&book, &orders, Side::Sell), [4, 3]);
        let best = book.best(Side::Sell).expect("there are two asks");
        assert_eq!(book.take(&mut orders, best, Qty::from_lots(5)), Qty::ZERO);
        assert_eq!(book.best_price(Side::Sell), Some(Price::from_ticks(12)));
    }

    /// Each order is limited, their sum is not: two of the largest quantity at one price are more than a `Qty` holds.
    #[test]
    fn a_level_may_hold_more_than_the_largest_quantity() {
        let (mut book, mut orders) = (Book::new(), Orders::with_capacity(2));
        book.rest(&mut orders, order(1, Side::Sell, 1, u64::MAX));
        let second = book.rest(&mut orders, order(2, Side::Sell, 1, u64::MAX));
        assert_eq!(book.levels(Side::Sell).next(), Some((Price::from_ticks(1), 2 * u128::from(u64::MAX), 2)));
        assert_eq!(book.depth(Side::Sell, 1), [(Price::from_ticks(1), Qty::from_lots(u64::MAX), 2)]);
        book.remove(&mut orders, second);
        book.verify(&orders);
    }

    #[test]
    #[should_panic(expected = "a handle outlived its order")]
    fn a_handle_is_not_used_after_its_order() {
        let (mut book, mut orders) = (Book::new(), Orders::with_capacity(1));
        let handle = book.rest(&mut orders, order(1, Side::Buy, 1, 1));
        book.remove(&mut orders, handle);
        let _ = orders.get(handle);
    }
}
