//! Books from public messages: order by order ([`OrderBook`]) and by levels ([`LevelBook`]).
//!
//! ```text
//!   added, executed, changed, deleted --[OrderBook]--> levels --+--> top ten --> checksum
//!   level ------------------------------[LevelBook]--> levels --'
//! ```
//!
//! Invariants: orders of one price are in the order in which they would trade; a level's sum is that of its orders; what
//! contradicts the book changes nothing and is an error. The server keeps its own books with this same code, so that a
//! snapshot is what its messages make. Owning thread: whoever holds it.

use std::collections::{BTreeMap, HashMap};

use tidegate_domain::{OrderId, Price, Qty, Side};
use tidegate_wire::feed::{FeedBody, LevelView, book_checksum};

/// A message that contradicts the book: something was lost, or forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// The order is there already.
    #[error("order {0} is added and is there already")]
    Duplicate(OrderId),
    /// No such order.
    #[error("order {0} is not in the book")]
    Unknown(OrderId),
    /// An order or a level that shows nothing, or a level whose sum and count do not fit each other.
    #[error("an order or a level shows nothing and is not taken off")]
    Empty,
    /// The book and its checksum differ.
    #[error("the checksum of the book is {is:#010x}, the message says {said:#010x}")]
    Checksum {
        /// Of the book.
        is: u32,
        /// Of the message.
        said: u32,
    },
}

/// An order as anybody sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// Its id.
    pub order: OrderId,
    /// Its price.
    pub price: Price,
    /// What is shown of it.
    pub qty: Qty,
    /// Its side.
    pub side: Side,
}

/// Orders at one price, in the order in which they would trade.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Queue {
    lots: u128,
    /// By rank: later is larger.
    orders: BTreeMap<u64, (OrderId, Qty)>,
}

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    side: Side,
    price: Price,
    rank: u64,
}

/// A book of orders (L3).
#[derive(Clone, Debug, Default)]
pub struct OrderBook {
    bids: BTreeMap<Price, Queue>,
    asks: BTreeMap<Price, Queue>,
    places: HashMap<OrderId, Place>,
    next_rank: u64,
}

impl OrderBook {
    /// Shows an order at the tail of its price.
    ///
    /// # Errors
    /// [`BookError::Duplicate`], [`BookError::Empty`].
    pub fn add(&mut self, view: OrderView) -> Result<(), BookError> {
        let OrderView { order, price, qty, side } = view;
        if qty.is_zero() {
            return Err(BookError::Empty);
        }
        let rank = self.next_rank;
        match self.places.entry(order) {
            std::collections::hash_map::Entry::Occupied(_) => return Err(BookError::Duplicate(order)),
            std::collections::hash_map::Entry::Vacant(vacant) => vacant.insert(Place { side, price, rank }),
        };
        self.next_rank += 1;
        let queue = self.half_mut(side).entry(price).or_default();
        queue.lots += u128::from(qty.lots());
        queue.orders.insert(rank, (order, qty));
        Ok(())
    }

    /// Sets what is shown of an order, which keeps its place; nothing takes it off.
    ///
    /// # Errors
    /// [`BookError::Unknown`].
    pub fn set_displayed(&mut self, order: OrderId, displayed: Qty) -> Result<(), BookError> {
        let place = *self.places.get(&order).ok_or(BookError::Unknown(order))?;
        let half = self.half_mut(place.side);
        let queue = half.get_mut(&place.price).expect("a place names a level that is there");
        let shown = &mut queue.orders.get_mut(&place.rank).expect("a place names an order that is there").1;
        queue.lots = queue.lots - u128::from(shown.lots()) + u128::from(displayed.lots());
        *shown = displayed;
        if displayed.is_zero() {
            queue.orders.remove(&place.rank);
            if queue.orders.is_empty() {
                half.remove(&place.price);
            }
            self.places.remove(&order);
        }
        Ok(())
    }

    /// What is shown of an order.
    #[must_use]
    pub fn order(&self, order: OrderId) -> Option<OrderView> {
        let Place { side, price, rank } = *self.places.get(&order)?;
        let qty = self.half(side).get(&price)?.orders.get(&rank)?.1;
        Some(OrderView { order, price, qty, side })
    }

    /// Orders in the book.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The orders of a side in the order in which they would trade.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = OrderView> {
        best_first(self.half(side), side)
            .flat_map(move |(price, queue)| queue.orders.values().map(move |(order, qty)| (*price, *order, *qty)))
            .map(move |(price, order, qty)| OrderView { order, price, qty, side })
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = LevelView> {
        best_first(self.half(side), side).map(|(price, queue)| queue.view(*price))
    }

    /// One level; `None` where nothing is shown at the price.
    #[must_use]
    pub fn level(&self, side: Side, price: Price) -> Option<LevelView> {
        self.half(side).get(&price).map(|queue| queue.view(price))
    }

    /// See [`book_checksum`].
    #[must_use]
    pub fn checksum(&self) -> u32 {
        book_checksum(self.levels(Side::Buy), self.levels(Side::Sell))
    }

    /// Does what a message says; messages about other things do nothing.
    ///
    /// # Errors
    /// [`BookError`] when it contradicts the book.
    pub fn apply(&mut self, body: &FeedBody) -> Result<(), BookError> {
        match *body {
            FeedBody::OrderAdded { order, price, qty, side } => self.add(OrderView { order, price, qty, side }),
            FeedBody::OrderExecuted { order, displayed, .. } => self.set_displayed(order, displayed),
            FeedBody::OrderChanged { order, displayed } if !displayed.is_zero() => self.set_displayed(order, displayed),
            FeedBody::OrderChanged { .. } => Err(BookError::Empty),
            FeedBody::OrderDeleted { order } => self.set_displayed(order, Qty::from_lots(0)),
            FeedBody::Checksum { checksum } => compare(self.checksum(), checksum),
            FeedBody::Market { .. } | FeedBody::State { .. } | FeedBody::Level { .. } | FeedBody::Trade { .. } => {
                Ok(())
            }
        }
    }

    fn half(&self, side: Side) -> &BTreeMap<Price, Queue> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn half_mut(&mut self, side: Side) -> &mut BTreeMap<Price, Queue> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

impl Queue {
    fn view(&self, price: Price) -> LevelView {
        // No more orders than the ids of one journal's limit, which is a u32.
        LevelView { price, lots: self.lots, orders: u32::try_from(self.orders.len()).unwrap_or(u32::MAX) }
    }
}

/// A book of levels (L2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelBook {
    bids: BTreeMap<Price, (u128, u32)>,
    asks: BTreeMap<Price, (u128, u32)>,
}

impl LevelBook {
    /// Sets a level; without quantity it is gone.
    ///
    /// # Errors
    /// [`BookError::Empty`] where quantity and count do not fit each other.
    pub fn set(&mut self, side: Side, level: LevelView) -> Result<(), BookError> {
        let LevelView { price, lots, orders } = level;
        if (lots == 0) != (orders == 0) {
            return Err(BookError::Empty);
        }
        let half = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        if orders == 0 {
            half.remove(&price);
        } else {
            half.insert(price, (lots, orders));
        }
        Ok(())
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = LevelView> {
        let half = match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        };
        best_first(half, side).map(|(price, (lots, orders))| LevelView { price: *price, lots: *lots, orders: *orders })
    }

    /// See [`book_checksum`].
    #[must_use]
    pub fn checksum(&self) -> u32 {
        book_checksum(self.levels(Side::Buy), self.levels(Side::Sell))
    }

    /// Does what a message says; messages about other things do nothing.
    ///
    /// # Errors
    /// [`BookError`] when it contradicts the book.
    pub fn apply(&mut self, body: &FeedBody) -> Result<(), BookError> {
        match *body {
            FeedBody::Level { price, lots, orders, side } => self.set(side, LevelView { price, lots, orders }),
            FeedBody::Checksum { checksum } => compare(self.checksum(), checksum),
            _ => Ok(()),
        }
    }
}

fn compare(is: u32, said: u32) -> Result<(), BookError> {
    if is == said { Ok(()) } else { Err(BookError::Checksum { is, said }) }
}

/// A side from its best price on.
fn best_first<V>(half: &BTreeMap<Price, V>, side: Side) -> impl Iterator<Item = (&Price, &V)> {
    let (bids, asks) = match side {
        Side::Buy => (Some(half.iter().rev()), None),
        Side::Sell => (None, Some(half.iter())),
    };
    bids.into_iter().flatten().chain(asks.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(order: u64, price: i64, qty: u64) -> OrderView {
        OrderView {
            order: OrderId::new(order),
            price: Price::from_ticks(price),
            qty: Qty::from_lots(qty),
            side: Side::Buy,
        }
    }

    #[test]
    fn an_order_that_changes_keeps_its_place_and_one_that_comes_back_is_last() {
        let mut book = OrderBook::default();
        for order in [view(1, 10, 5), view(2, 10, 5), view(3, 11, 1)] {
            assert_eq!(book.add(order), Ok(()));
        }
        assert_eq!(book.set_displayed(OrderId::new(1), Qty::from_lots(9)), Ok(()));
        assert_eq!(book.orders(Side::Buy).map(|view| view.order.raw()).collect::<Vec<_>>(), [3, 1, 2]);
        assert_eq!(book.set_displayed(OrderId::new(1), Qty::from_lots(0)), Ok(()));
        assert_eq!(book.add(view(1, 10, 2)), Ok(()));
        assert_eq!(book.orders(Side::Buy).map(|view| view.order.raw()).collect::<Vec<_>>(), [3, 2, 1]);
        let levels: Vec<_> = book.levels(Side::Buy).map(|level| (level.lots, level.orders)).collect();
        assert_eq!(levels, [(1, 1), (7, 2)]);
    }

    #[test]
    fn what_contradicts_the_book_changes_nothing() {
        let mut book = OrderBook::default();
        assert_eq!(book.add(view(1, 10, 5)), Ok(()));
        let before = book.checksum();
        assert_eq!(book.add(view(1, 11, 5)), Err(BookError::Duplicate(OrderId::new(1))));
        assert_eq!(book.add(view(2, 11, 0)), Err(BookError::Empty));
        assert_eq!(book.set_displayed(OrderId::new(7), Qty::from_lots(1)), Err(BookError::Unknown(OrderId::new(7))));
        assert_eq!(book.apply(&FeedBody::Checksum { checksum: before }), Ok(()));
        let wrong = FeedBody::Checksum { checksum: !before };
        assert_eq!(book.apply(&wrong), Err(BookError::Checksum { is: before, said: !before }));
    }
}
