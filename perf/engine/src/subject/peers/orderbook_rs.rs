//! The package `orderbook-rs`: a book for many threads, used by one.
//!
//! Invariants: ids are ours. Fills come through its listener, which is installed only if they are wanted: the remainder of an
//! IOC order is an error to the package, and its fills are in no result.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use orderbook_rs::OrderBook;
use pricelevel::{Id, OrderUpdate, Price, Quantity, Side, TimeInForce};

use crate::op::{Action, Fill, FillSink, NoFills, Op, Tif};
use crate::subject::naive::NaiveBook;
use crate::subject::{Stream, Subject, plain_stream};
use crate::workload::Workload;

/// See the module.
pub struct Peer {
    books: Vec<OrderBook<()>>,
    heard: Arc<Mutex<Vec<Fill>>>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("books", &self.books.len()).finish_non_exhaustive()
    }
}

/// What is asked, in the package's types.
#[derive(Debug)]
pub struct MarketCommand {
    market: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Add { id: Id, price: u128, qty: u64, side: Side, tif: TimeInForce },
    Cancel(Id),
    Update(OrderUpdate),
}

fn kind(naive: &NaiveBook, op: &Op) -> Kind {
    let order_id = Id::sequential(op.id());
    match op.action {
        Action::New { side, price, qty, tif, .. } => {
            let side = if side == tidegate_domain::Side::Buy { Side::Buy } else { Side::Sell };
            let tif = if tif == Tif::Gtc { TimeInForce::Gtc } else { TimeInForce::Ioc };
            Kind::Add { id: order_id, price: u128::from(price.cast_unsigned()), qty, side, tif }
        }
        Action::Cancel { .. } => Kind::Cancel(order_id),
        Action::Replace { price, qty, .. } => {
            let new_price = Price::new(u128::from(price.cast_unsigned()));
            Kind::Update(OrderUpdate::UpdatePriceAndQuantity { order_id, new_price, new_quantity: Quantity::new(qty) })
        }
        Action::Reduce { id, by } => {
            let leaves = naive.leaves(id).expect("a reduced order rests") - by;
            Kind::Update(OrderUpdate::UpdateQuantity { order_id, new_quantity: Quantity::new(leaves) })
        }
    }
}

impl Subject for Peer {
    const NAME: &'static str = "orderbook-rs";
    type Command = MarketCommand;

    fn prepare(workload: &Workload, wants_fills: bool) -> Result<(Self, Stream<MarketCommand>), String> {
        let mut naive = NaiveBook::new(workload.markets as usize);
        let Stream { commands, parts } = plain_stream(workload);
        let commands = commands.iter().map(|op| {
            let kind = kind(&naive, op);
            naive.apply(op, &mut NoFills);
            MarketCommand { market: op.market, kind }
        });
        let commands = commands.collect();
        let heard: Arc<Mutex<Vec<Fill>>> = Arc::default();
        let mut books: Vec<OrderBook<()>> =
            (0..workload.markets).map(|market| OrderBook::new(&format!("M{market}"))).collect();
        for book in books.iter_mut().filter(|_| wants_fills) {
            let heard = heard.clone();
            book.set_trade_listener(Arc::new(move |result| {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                for trade in result.match_result.trades().as_vec() {
                    let id = |id: Id| id.as_u64().unwrap_or(0);
                    let price = i64::try_from(trade.price().as_u128()).unwrap_or(0);
                    let (taker, maker) = (id(trade.taker_order_id()), id(trade.maker_order_id()));
                    heard.push(Fill { taker, maker, price, qty: trade.quantity().as_u64() });
                }
            }));
        }
        Ok((Self { books, heard }, Stream { commands, parts }))
    }

    #[inline]
    fn apply<F: FillSink>(&mut self, command: &MarketCommand, fills: &mut F) -> u64 {
        let book = &self.books[command.market as usize];
        let done = match command.kind {
            Kind::Add { id, price, qty, side, tif } => book.add_limit_order(id, price, qty, side, tif, None).is_ok(),
            Kind::Cancel(id) => book.cancel_order(id).is_ok_and(|found| found.is_some()),
            Kind::Update(update) => book.update_order(update).is_ok(),
        };
        if F::WANTED {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.drain(..).for_each(|fill| fills.fill(fill));
        }
        u64::from(done)
    }
}
