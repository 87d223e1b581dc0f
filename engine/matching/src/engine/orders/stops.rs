//! Stop orders: they wait in a list by trigger, and come in as takers when the last price reaches it. RULES.md 2.7.
//!
//! Invariants: after a command no stop of a market that traded is triggered.

use tidegate_domain::{Event, MarketId, Price, Qty, Side, TimeInForce};

use super::admit::is_triggered;
use super::{End, Taker, reservation};
use crate::book::Handle;
use crate::engine::open_orders::{Order, Terms};
use crate::engine::{Call, Engine, To};

impl Engine {
    /// Lets a stop order wait.
    pub(super) fn wait(&mut self, taker: &Taker, trigger: Price) {
        let handle = self.open_order(&taker.who, taker.terms);
        let market = self.markets.get_mut(taker.who.market.raw()).expect("the market of an order exists");
        // The lowest buy and the highest sell come first: the other way round than in a book.
        let side = taker.side.opposite();
        self.orders.enter(&mut market.stops, handle, side, trigger, taker.leaves, Qty::ZERO);
        if taker.is_backed {
            let amount = reservation(&market.definition, taker.side, taker.price, taker.leaves);
            self.ledger.reserve(self.paying_row(taker), amount);
        }
    }

    /// Triggers stops until none is left that the last price reaches.
    #[inline]
    pub(super) fn run_stops(&mut self, call: &mut Call<'_>, market: MarketId) {
        while let Some(handle) = self.next_triggered(market) {
            self.trigger(call, handle);
        }
    }

    #[inline]
    fn next_triggered(&self, market: MarketId) -> Option<Handle> {
        let market = self.market(market);
        [Side::Buy, Side::Sell].into_iter().find_map(|side| {
            let trigger = market.stops.best_price(side.opposite())?;
            is_triggered(market, side, trigger).then(|| market.stops.best(&self.orders.shelf, side.opposite()))?
        })
    }

    #[inline(never)]
    fn trigger(&mut self, call: &mut Call<'_>, handle: Handle) {
        let (order, who) = (self.orders.get(handle), self.orders.identity(handle));
        let terms = self.orders.extra(handle).terms;
        let market = self.markets.get_mut(order.market.raw()).expect("the market of an order exists");
        self.orders.leave(&mut market.stops, handle);
        self.orders.trigger(handle);
        let has_limit = order.price.ticks() > 0;
        let is_backed = has_limit || order.side == Side::Sell;
        // A stop without a limit is a market order from here on.
        let time_in_force = if has_limit { terms.time_in_force } else { TimeInForce::Ioc };
        let terms = Terms { is_stop: false, limit: Price::from_ticks(0), time_in_force, ..terms };
        let Order { id, side, price, leaves, .. } = order;
        let mut taker = Taker {
            who,
            side,
            price,
            has_limit,
            leaves,
            filled: order.filled,
            budget: None,
            is_backed,
            terms,
            handle: Some(handle),
        };
        if is_backed {
            let amount = reservation(&self.market(order.market).definition, side, price, leaves);
            self.ledger.unreserve(self.paying_row(&taker), amount);
        }
        self.emit(call, To::creator(&who), Event::OrderTriggered { order: id, side, price, leaves });
        let book = self.market(order.market).book;
        let is_empty = book.best(&self.orders.shelf, side.opposite()).is_none();
        let end = if !has_limit && is_empty { End::NoLiquidity } else { self.trade(call, &mut taker) };
        self.settle_remainder(call, &taker, end);
    }
}
