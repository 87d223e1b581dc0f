//! The book as the messages make it: only to decide which request a message becomes, so that no request has to wait for
//! the reports of the one before.
//!
//! Invariants: an order is in the map as long as something of it is left; a level's queue may hold orders that are gone,
//! never at its front. Nothing here is compared with anything: that is the judge's book, made of reports.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tidegate_domain::Side;

/// An order of the file.
#[derive(Clone, Copy, Debug)]
struct ShadowOrder {
    side: Side,
    price: i64,
    size: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Shadow {
    orders: HashMap<i64, ShadowOrder>,
    bids: BTreeMap<i64, VecDeque<i64>>,
    asks: BTreeMap<i64, VecDeque<i64>>,
}

impl Shadow {
    /// Adds an order behind the others of its price. Returns whether its number was free.
    pub(crate) fn add(&mut self, order: i64, side: Side, price: i64, size: u64) -> bool {
        if self.orders.contains_key(&order) {
            return false;
        }
        self.orders.insert(order, ShadowOrder { side, price, size });
        self.side_mut(side).entry(price).or_default().push_back(order);
        true
    }

    /// Whether something of an order is left.
    pub(crate) fn has(&self, order: i64) -> bool {
        self.orders.contains_key(&order)
    }

    /// Whether an incoming order at this one's price would trade with it first.
    pub(crate) fn is_front_of_best(&self, order: i64) -> bool {
        let Some(ShadowOrder { side, .. }) = self.orders.get(&order) else { return false };
        let best = match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        };
        best.is_some_and(|(_, queue)| queue.front() == Some(&order))
    }

    /// Takes quantity off an order, all of it at most.
    pub(crate) fn take(&mut self, order: i64, size: u64) {
        let Some(known) = self.orders.get_mut(&order) else { return };
        known.size = known.size.saturating_sub(size);
        if known.size > 0 {
            return;
        }
        let ShadowOrder { side, price, .. } = *known;
        self.orders.remove(&order);
        let levels = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let queue = levels.get_mut(&price).expect("an order's level is there as long as the order");
        while queue.front().is_some_and(|front| !self.orders.contains_key(front)) {
            queue.pop_front();
        }
        if queue.is_empty() {
            levels.remove(&price);
        }
    }

    const fn side_mut(&mut self, side: Side) -> &mut BTreeMap<i64, VecDeque<i64>> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_of_the_best_level_is_the_oldest_order_that_is_left() {
        let mut shadow = Shadow::default();
        for (order, price) in [(1, 10), (2, 10), (3, 10), (4, 9)] {
            assert!(shadow.add(order, Side::Buy, price, 5));
        }
        assert!(shadow.is_front_of_best(1));
        assert!(!shadow.is_front_of_best(2));
        assert!(!shadow.is_front_of_best(4));
        shadow.take(2, 5);
        shadow.take(1, 4);
        assert!(shadow.is_front_of_best(1));
        shadow.take(1, 1);
        assert!(shadow.is_front_of_best(3));
        shadow.take(3, 99);
        assert!(shadow.is_front_of_best(4));
        assert!(!shadow.add(4, Side::Buy, 9, 1));
    }
}
