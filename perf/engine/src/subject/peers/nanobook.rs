//! The package `nanobook`, without its event log: an exchange of one market, used through its interface for orders.
//!
//! Invariants: the package chooses the ids, and a replace makes a new one. It has no reduce that keeps the place of an order,
//! so a reduce is a replace at the same price.

use nanobook::{Exchange, OrderId, Price, Side, TimeInForce, Trade};

use crate::op::{Action, Fill, FillSink, NoFills, Op, Tif};
use crate::subject::naive::NaiveBook;
use crate::subject::{Stream, Subject, plain_stream};
use crate::workload::Workload;

/// See the module.
#[derive(Debug)]
pub struct Peer {
    exchanges: Vec<Exchange>,
    /// By our id: the package's.
    orders: Vec<OrderId>,
    /// By market and the package's id: ours. Kept only if fills are wanted.
    ids: Vec<Vec<u64>>,
}

impl Peer {
    #[inline]
    fn created<F: FillSink>(&mut self, op: &Op, order: OrderId, trades: &[Trade], fills: &mut F) -> u64 {
        self.orders[op.id() as usize] = order;
        if F::WANTED {
            let ids = &mut self.ids[op.market as usize];
            ids.resize(order.0 as usize + 1, 0);
            ids[order.0 as usize] = op.id();
            for trade in trades {
                let (taker, maker) = (ids[trade.aggressor_order_id.0 as usize], ids[trade.passive_order_id.0 as usize]);
                fills.fill(Fill { taker, maker, price: trade.price.0, qty: trade.quantity });
            }
        }
        trades.iter().map(|trade| trade.quantity).sum()
    }
}

impl Subject for Peer {
    const NAME: &'static str = "nanobook";
    type Command = Op;

    fn prepare(workload: &Workload, _: bool) -> Result<(Self, Stream<Op>), String> {
        let markets = workload.markets as usize;
        let mut stream = plain_stream(workload);
        reduces_to_replaces(markets, &mut stream.commands);
        let subject = Self {
            exchanges: vec![Exchange::new(); markets],
            orders: vec![OrderId(u64::MAX); workload.orders as usize + 1],
            ids: vec![Vec::new(); markets],
        };
        Ok((subject, stream))
    }

    #[inline]
    fn apply<F: FillSink>(&mut self, op: &Op, fills: &mut F) -> u64 {
        let exchange = &mut self.exchanges[op.market as usize];
        match op.action {
            Action::New { side, price, qty, tif, .. } => {
                let side = if side == tidegate_domain::Side::Buy { Side::Buy } else { Side::Sell };
                let tif = if tif == Tif::Gtc { TimeInForce::GTC } else { TimeInForce::IOC };
                let result = exchange.submit_limit(side, Price(price), qty, tif);
                self.created(op, result.order_id, &result.trades, fills)
            }
            Action::Cancel { id } => {
                exchange.cancel(self.orders[id as usize]);
                0
            }
            Action::Replace { id, price, qty } => {
                let result = exchange.modify(self.orders[id as usize], Price(price), qty);
                match result.new_order_id {
                    Some(order) => self.created(op, order, &result.trades, fills),
                    None => 0,
                }
            }
            Action::Reduce { .. } => unreachable!("they were replaced while preparing"),
        }
    }
}

/// For a package that can only move an order to the back of its queue.
pub(super) fn reduces_to_replaces(markets: usize, ops: &mut [Op]) {
    if !ops.iter().any(|op| matches!(op.action, Action::Reduce { .. })) {
        return;
    }
    let mut naive = NaiveBook::new(markets);
    for op in ops {
        let original = *op;
        if let Action::Reduce { id, by } = op.action {
            let (place, leaves) = (naive.place(id).expect("it rests"), naive.leaves(id).expect("it rests"));
            op.action = Action::Replace { id, price: place.price, qty: leaves - by };
        }
        naive.apply(&original, &mut NoFills);
    }
}
