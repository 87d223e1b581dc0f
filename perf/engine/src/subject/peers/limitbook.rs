//! The package `limitbook`: a book of decimal numbers.
//!
//! Invariants: the package chooses the ids, dense from 0 in each book. It has no IOC, replace or reduce: what is left of an
//! IOC order is cancelled, and an order that changes is cancelled and added again.

use limitbook::{OrderBook, OrderSide};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use tidegate_domain::Side;

use super::nanobook::reduces_to_replaces;
use crate::op::{Action, Fill, FillSink, Tif};
use crate::subject::{Stream, Subject, plain_stream};
use crate::workload::Workload;

/// What is asked, in decimal numbers.
#[derive(Clone, Copy, Debug)]
pub struct DecimalOp {
    market: u32,
    id: u64,
    is_cancelled: bool,
    /// Side, price, quantity.
    added: Option<(OrderSide, Decimal, Decimal)>,
    is_ioc: bool,
}

/// See the module.
pub struct Peer {
    books: Vec<OrderBook>,
    /// By our id: the package's.
    orders: Vec<u64>,
    /// By market and the package's id: ours. Kept only if fills are wanted.
    ids: Vec<Vec<u64>>,
}

impl Subject for Peer {
    const NAME: &'static str = "limitbook";
    type Command = DecimalOp;

    fn prepare(workload: &Workload, _: bool) -> Result<(Self, Stream<DecimalOp>), String> {
        let markets = workload.markets as usize;
        let Stream { mut commands, parts } = plain_stream(workload);
        reduces_to_replaces(markets, &mut commands);
        let mut sides = vec![OrderSide::Buy; workload.orders as usize + 1];
        let mut encoded = Vec::with_capacity(commands.len());
        for op in &commands {
            let mut command =
                DecimalOp { market: op.market, id: op.id(), is_cancelled: false, added: None, is_ioc: false };
            match op.action {
                Action::New { id, side, price, qty, tif, .. } => {
                    sides[id as usize] = if side == Side::Buy { OrderSide::Buy } else { OrderSide::Sell };
                    command.added = Some((sides[id as usize], price.into(), qty.into()));
                    command.is_ioc = tif == Tif::Ioc;
                }
                Action::Cancel { .. } => command.is_cancelled = true,
                Action::Replace { id, price, qty } => {
                    command.is_cancelled = true;
                    command.added = Some((sides[id as usize], price.into(), qty.into()));
                }
                Action::Reduce { .. } => unreachable!("they were replaced before"),
            }
            encoded.push(command);
        }
        let books: Result<Vec<_>, _> = (0..markets).map(|_| OrderBook::new(Decimal::ONE)).collect();
        let books = books.map_err(|error| error.to_string())?;
        let orders = vec![u64::MAX; workload.orders as usize + 1];
        Ok((Self { books, orders, ids: vec![Vec::new(); markets] }, Stream { commands: encoded, parts }))
    }

    #[inline]
    fn apply<F: FillSink>(&mut self, command: &DecimalOp, fills: &mut F) -> u64 {
        let book = &mut self.books[command.market as usize];
        if command.is_cancelled {
            // An order that is gone is an error of the package and nothing to us.
            drop(book.cancel_limit_order(self.orders[command.id as usize]));
        }
        let Some((side, price, qty)) = command.added else { return 0 };
        let Ok((order, trades)) = book.add_limit_order(side, price, qty) else { return 0 };
        self.orders[command.id as usize] = order;
        let traded: Decimal = trades.iter().map(|trade| trade.quantity).sum();
        if command.is_ioc && traded < qty {
            drop(book.cancel_limit_order(order));
        }
        if F::WANTED {
            let ids = &mut self.ids[command.market as usize];
            ids.resize(order as usize + 1, 0);
            ids[order as usize] = command.id;
            for trade in &trades {
                let (taker, maker) = (ids[trade.taker_order_id as usize], ids[trade.maker_order_id as usize]);
                let price = trade.price.to_i64().unwrap_or(0);
                fills.fill(Fill { taker, maker, price, qty: trade.quantity.to_u64().unwrap_or(0) });
            }
        }
        traded.to_u64().unwrap_or(u64::MAX)
    }
}
