//! The book alone, as a program would have it that brings its own accounts, ids and messages: a few orders, a sweep through two
//! levels, a cancel, and every trade and level that comes of it.
//!
//! ```sh
//! cargo run -p tidegate-matching --example order_book
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;

use tidegate_domain::{Price, Qty, Side};
use tidegate_matching::book::{Book, Handle, Shelf, crosses};

/// What this program wants to find again at an order; the book does not look at it.
type Owner = &'static str;

/// One market. Several of them share a shelf, or each has its own.
struct Market {
    shelf: Shelf<Owner>,
    book: Book,
    /// Orders that rest, by owner: each has at most one here. A handle is good for as long as its order rests.
    resting: BTreeMap<Owner, Handle>,
    /// What happened.
    tape: String,
}

impl Market {
    fn new() -> Self {
        let (shelf, book) = (Shelf::with_capacity(1_000), Book::new());
        Self { shelf, book, resting: BTreeMap::new(), tape: String::new() }
    }

    /// Trades with whatever is there at this price or a better one; the rest stays in the book.
    fn limit_order(&mut self, owner: Owner, side: Side, ticks: i64, lots: u64) {
        writeln!(self.tape, "{owner} {side}s {lots} at {ticks}").expect("a string takes everything");
        let (limit, mut leaves) = (Price::from_ticks(ticks), Qty::from_lots(lots));
        while !leaves.is_zero()
            && let Some(maker) = self.book.best(&self.shelf, side.opposite())
            && crosses(side, Some(limit), self.shelf.price(maker))
        {
            let qty = leaves.min(self.shelf.leaves(maker));
            let (price, other) = (self.shelf.price(maker).ticks(), *self.shelf.tag(maker));
            writeln!(self.tape, "  {} lots with {other} at {price}", qty.lots()).expect("as above");
            if self.book.take(&mut self.shelf, maker, qty).is_zero() {
                self.resting.remove(other);
            }
            leaves = leaves.minus(qty);
        }
        if !leaves.is_zero() {
            let handle = self.book.rest(&mut self.shelf, side, limit, leaves, owner);
            self.resting.insert(owner, handle);
            writeln!(self.tape, "  {} lots rest", leaves.lots()).expect("as above");
        }
    }

    fn cancel(&mut self, owner: Owner) {
        let left = self.resting.remove(owner).map(|handle| self.book.remove(&mut self.shelf, handle));
        let lots = left.map_or(0, |order| order.leaves.lots());
        writeln!(self.tape, "{owner} cancels {lots} lots").expect("as above");
    }

    fn show(&mut self) {
        // Best prices in the middle.
        let asks = self.book.depth(&self.shelf, Side::Sell, 5).into_iter().rev().map(|level| (Side::Sell, level));
        let bids = self.book.depth(&self.shelf, Side::Buy, 5).into_iter().map(|level| (Side::Buy, level));
        for (side, (price, qty, orders)) in asks.chain(bids) {
            let (lots, ticks) = (qty.lots(), price.ticks());
            writeln!(self.tape, "  {side:4} {lots:3} lots of {orders} at {ticks}").expect("as above");
        }
    }
}

fn session() -> String {
    let mut market = Market::new();
    market.limit_order("ann", Side::Sell, 101, 5);
    market.limit_order("bob", Side::Sell, 101, 3);
    market.limit_order("carol", Side::Sell, 102, 10);
    market.limit_order("dave", Side::Buy, 99, 4);
    market.show();
    market.limit_order("erin", Side::Buy, 102, 12);
    market.cancel("dave");
    market.show();
    market.tape
}

fn main() {
    print!("{}", session());
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sweep_meets_the_best_price_first_and_the_oldest_order_there() {
        let expected = "\
ann sells 5 at 101
  5 lots rest
bob sells 3 at 101
  3 lots rest
carol sells 10 at 102
  10 lots rest
dave buys 4 at 99
  4 lots rest
  sell  10 lots of 1 at 102
  sell   8 lots of 2 at 101
  buy    4 lots of 1 at 99
erin buys 12 at 102
  5 lots with ann at 101
  3 lots with bob at 101
  4 lots with carol at 102
dave cancels 4 lots
  sell   6 lots of 1 at 102
";
        assert_eq!(super::session(), expected);
    }
}
