//! New orders and what becomes of them: RULES.md, 2.2 and 5.3, 5.4.

use tidegate_domain::*;

use super::{Answer, Naive, NaiveOrder, Place, refuse_if, side};
use super::{lots, ticks};

impl Naive {
    pub(super) fn new_order(&mut self, new: &NewOrder) -> Answer {
        let order = self.admit(new)?;
        let id = order.id;
        self.accept(order, new);
        Ok(Some(id))
    }

    /// What becomes of a new order that was admitted.
    pub(super) fn accept(&mut self, order: NaiveOrder, new: &NewOrder) {
        let (id, place) = (order.id, order.place);
        self.made.push(id);
        self.take_seat(order.account, order.market);
        let accepted = Event::OrderAccepted {
            order: OrderId::new(id),
            side: new.side,
            order_type: new.order_type,
            time_in_force: new.time_in_force,
            post_only: new.post_only,
            price: ticks(order.price),
            qty: new.qty,
            options: OrderOptions {
                display: lots(order.display),
                expires: Timestamp::from_nanos(order.expires.unwrap_or(0)),
                ..new.options
            },
        };
        self.tell_creator(&order, accepted);
        self.orders.push(order);
        if place == Place::Taking {
            self.take(id);
        } else {
            let order = self.order_mut(id);
            order.shown = order.left;
        }
    }

    /// From its first order in a market on, an account has a place there and balances of both assets.
    fn take_seat(&mut self, account: u32, market: u32) {
        if !self.seats.contains(&(account, market)) {
            self.seats.push((account, market));
            let (base, quote) = (self.market(market).base, self.market(market).quote);
            self.total.entry((account, base)).or_default();
            self.total.entry((account, quote)).or_default();
        }
    }

    /// The open order that a request means.
    pub(super) fn find(&self, target: OrderTarget) -> Result<NaiveOrder, Reject> {
        let (key, account) = (self.now.key.raw(), self.now.account.raw());
        let is_it = |order: &&NaiveOrder| match target {
            OrderTarget::Order(id) => order.id == id.raw() && order.account == account,
            OrderTarget::Request(number) => order.request == number.raw() && order.key == key && !order.is_quote,
        };
        if let Some(order) = self.orders.iter().find(is_it) {
            return Ok(order.clone());
        }
        let mut done = self.keys[key as usize - 1].done.iter();
        let made_one = match target {
            OrderTarget::Order(id) => done.any(|done| done.made.contains(&id.raw())),
            // The orders of a mass quote are not found by its number.
            OrderTarget::Request(number) => {
                done.any(|done| done.request == number.raw() && done.order.is_some_and(|id| done.made == [id]))
            }
        };
        Err(if made_one { Reject::OrderNotOpen } else { Reject::UnknownOrder })
    }

    pub(super) fn cancel(&mut self, target: OrderTarget) -> Answer {
        let order = self.find(target)?;
        self.cancel_as_asked(&order, CancelReason::Requested);
        self.answer_other_key(&order);
        Ok(Some(order.id))
    }

    pub(super) fn cancel_all(&mut self, filter: &CancelFilter) -> Answer {
        let market = filter.market.map(MarketId::raw);
        refuse_if(market.is_some_and(|id| id == 0 || id as usize > self.markets.len()), Reject::UnknownMarket)?;
        let account = self.now.account.raw();
        let (low, high) = (i128::from(filter.price_low.ticks()), i128::from(filter.price_high.ticks()));
        let is_meant = |order: &NaiveOrder| {
            let is_in_range = match order.limit() {
                Some(price) => (low == 0 || price >= low) && (high == 0 || price <= high),
                None => low == 0 && high == 0,
            };
            order.account == account
                && market.is_none_or(|id| id == order.market)
                && filter.side.is_none_or(|wanted| wanted == side(order.is_buy))
                && (filter.group == 0 || filter.group == order.group)
                && is_in_range
        };
        let cancelled = self.cancel_every(CancelReason::CancelAll, is_meant);
        self.answer(market.unwrap_or(0), Event::CancelAllDone { cancelled });
        Ok(None)
    }

    /// Every order that rests or waits and is meant, oldest first; how many.
    pub(super) fn cancel_every(&mut self, reason: CancelReason, is_meant: impl Fn(&NaiveOrder) -> bool) -> u64 {
        let is_there = |order: &&NaiveOrder| order.place != Place::Taking && is_meant(order);
        let gone: Vec<NaiveOrder> = self.orders.iter().filter(is_there).cloned().collect();
        for order in &gone {
            self.cancel_because(order, reason);
        }
        gone.len() as u64
    }

    /// The order goes, and its creator is told with the request that created it.
    pub(super) fn cancel_because(&mut self, order: &NaiveOrder, reason: CancelReason) {
        self.orders.retain(|other| other.id != order.id);
        self.tell_creator(order, cancelled(order, reason));
    }

    /// The same, by a request for this order.
    pub(super) fn cancel_as_asked(&mut self, order: &NaiveOrder, reason: CancelReason) {
        self.orders.retain(|other| other.id != order.id);
        self.tell_creator_of_change(order, cancelled(order, reason));
    }

    /// The report of a change goes to the creator; another key that asked for it gets an answer of its own.
    pub(super) fn answer_other_key(&mut self, order: &NaiveOrder) {
        if order.key != self.now.key.raw() {
            let (original, command) = (self.now.sequence, self.kind.unwrap());
            let id = Some(OrderId::new(order.id));
            self.answer(order.market, Event::Outcome { original, order: id, reject: None, command });
        }
    }
}

fn cancelled(order: &NaiveOrder, reason: CancelReason) -> Event {
    Event::OrderCancelled {
        order: OrderId::new(order.id),
        side: side(order.is_buy),
        price: ticks(order.price),
        cancelled: lots(order.left),
        reason,
    }
}
