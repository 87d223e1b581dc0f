//! Tidegate's book alone: `tidegate_matching::book`, a table of handles by id, nothing else.
//!
//! Invariants: a handle is in the table exactly as long as its order rests.

use tidegate_domain::{Price, Qty, Side};
use tidegate_matching::book::{Book, Handle, Shelf, crosses};

use super::{Stream, Subject, plain_stream};
use crate::op::{Action, Fill, FillSink, Op, Tif};
use crate::workload::Workload;

/// See the module.
#[derive(Debug)]
pub struct TidegateBook {
    shelf: Shelf<u64>,
    books: Vec<Book>,
    /// By the order's id.
    handles: Vec<Option<Handle>>,
}

/// An order on its way through a book.
#[derive(Clone, Copy)]
struct Incoming {
    market: u32,
    id: u64,
    side: Side,
    limit: Price,
}

impl TidegateBook {
    #[inline]
    fn submit<F: FillSink>(&mut self, order: Incoming, qty: u64, tif: Tif, fills: &mut F) -> u64 {
        let Incoming { market, id, side, limit } = order;
        let book = &mut self.books[market as usize];
        let mut leaves = Qty::from_lots(qty);
        while !leaves.is_zero()
            && let Some(maker) = book.best(&self.shelf, side.opposite())
            && crosses(side, Some(limit), self.shelf.price(maker))
        {
            let maker_id = *self.shelf.tag(maker);
            let qty = leaves.min(self.shelf.leaves(maker));
            fills.fill(Fill { taker: id, maker: maker_id, price: self.shelf.price(maker).ticks(), qty: qty.lots() });
            leaves = leaves.minus(qty);
            if book.take(&mut self.shelf, maker, qty).is_zero() {
                self.handles[maker_id as usize] = None;
            }
        }
        if tif == Tif::Gtc && !leaves.is_zero() {
            self.handles[id as usize] = Some(book.rest(&mut self.shelf, side, limit, leaves, id));
        }
        qty - leaves.lots()
    }
}

impl Subject for TidegateBook {
    const NAME: &'static str = "tidegate-book";
    type Command = Op;

    fn prepare(workload: &Workload, _: bool) -> Result<(Self, Stream<Op>), String> {
        let subject = Self {
            shelf: Shelf::with_capacity(workload.resting_max),
            books: vec![Book::new(); workload.markets as usize],
            handles: vec![None; workload.orders as usize + 1],
        };
        Ok((subject, plain_stream(workload)))
    }

    #[inline]
    fn apply<F: FillSink>(&mut self, op: &Op, fills: &mut F) -> u64 {
        match op.action {
            Action::New { id, side, price, qty, tif, .. } => {
                self.submit(Incoming { market: op.market, id, side, limit: Price::from_ticks(price) }, qty, tif, fills)
            }
            Action::Cancel { id } => {
                if let Some(handle) = self.handles[id as usize].take() {
                    self.books[op.market as usize].remove(&mut self.shelf, handle);
                }
                0
            }
            Action::Replace { id, price, qty } => {
                let handle = self.handles[id as usize].take().expect("a replaced order rests");
                let side = self.books[op.market as usize].remove(&mut self.shelf, handle).side;
                let order = Incoming { market: op.market, id, side, limit: Price::from_ticks(price) };
                self.submit(order, qty, Tif::Gtc, fills)
            }
            Action::Reduce { id, by } => {
                let handle = self.handles[id as usize].expect("a reduced order rests");
                self.books[op.market as usize].take(&mut self.shelf, handle, Qty::from_lots(by));
                0
            }
        }
    }

    fn resting(&self) -> Option<usize> {
        Some(self.shelf.len())
    }
}
