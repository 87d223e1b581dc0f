//! Cancelling: one order, all that match, all of an account or of a market. RULES.md 5.3 and 5.4.

use tidegate_domain::{
    AccountId, AssetAmount, CancelFilter, CancelReason, CommandHeader, Event, MarketId, OrderTarget, Qty, Reject, Side,
};

use super::{recipient, reservation};
use crate::book::Handle;
use crate::engine::open_orders::Order;
use crate::engine::outcomes::{Created, Outcome, RequestResult};
use crate::engine::{Call, Engine, To};

impl Engine {
    pub(in crate::engine) fn cancel_order(&mut self, call: &mut Call<'_>, target: OrderTarget) -> RequestResult {
        let handle = self.find(&call.header, target)?;
        let who = self.orders.identity(handle);
        self.cancel_to(call, handle, CancelReason::Requested, recipient(&call.header, &who));
        self.answer_other_key(call, &who);
        Ok(Some(who.id))
    }

    /// Every order of the account that matches, whichever of its keys created it, oldest first.
    pub(in crate::engine) fn cancel_all(&mut self, call: &mut Call<'_>, filter: &CancelFilter) -> RequestResult {
        if filter.market.is_some_and(|market| self.markets.get(market.raw()).is_none()) {
            return Err(Reject::UnknownMarket);
        }
        let matches = |order: &Order| {
            let (low, high) = (filter.price_low.ticks(), filter.price_high.ticks());
            let has_price = (low == 0 && high == 0) || order.price.ticks() > 0;
            filter.market.is_none_or(|market| market == order.market)
                && filter.side.is_none_or(|side| side == order.side)
                && (filter.group == 0 || filter.group == order.group)
                && has_price
                && (low == 0 || order.price.ticks() >= low)
                && (high == 0 || order.price.ticks() <= high)
        };
        let cancelled = self.cancel_matching(call, call.header.account, CancelReason::CancelAll, matches);
        let to = call.requester().in_market(filter.market.unwrap_or(MarketId::new(0)));
        self.emit(call, to, Event::CancelAllDone { cancelled });
        Ok(None)
    }

    /// Cancels the orders of an account that match, oldest first; how many.
    pub(in crate::engine) fn cancel_matching(
        &mut self,
        call: &mut Call<'_>,
        account: AccountId,
        reason: CancelReason,
        matches: impl Fn(&Order) -> bool,
    ) -> u64 {
        let mut cancelled = 0;
        let mut next = self.account(account).oldest;
        while let Some(handle) = next {
            next = self.orders.newer(handle);
            // An order that is trading at this moment is in no queue: it ends by itself.
            if !self.orders.shelf.is_detached(handle) && matches(&self.orders.get(handle)) {
                self.cancel(call, handle, reason);
                cancelled += 1;
            }
        }
        cancelled
    }

    /// Cancels an order and tells its creator.
    pub(in crate::engine) fn cancel(&mut self, call: &mut Call<'_>, handle: Handle, reason: CancelReason) {
        let to = To::creator(&self.orders.identity(handle));
        self.cancel_to(call, handle, reason, to);
    }

    pub(super) fn cancel_to(&mut self, call: &mut Call<'_>, handle: Handle, reason: CancelReason, to: To) {
        let (order, extra) = self.orders.look(handle);
        let is_stop = extra.terms.is_stop;
        self.unback(handle, &order, order.leaves);
        let market = self.markets.get_mut(order.market.raw()).expect("the market of an order exists");
        self.orders.leave(if is_stop { &mut market.stops } else { &mut market.book }, handle);
        self.end_order(handle);
        let Order { id, side, price, leaves, .. } = order;
        self.emit_cancelled(call, to, id, side, price, leaves, reason);
    }

    /// Gives back what backs `qty` of an order in a queue.
    #[inline]
    pub(super) fn unback(&mut self, handle: Handle, order: &Order, qty: Qty) {
        let is_unbacked_stop = order.price.ticks() == 0 && order.side == Side::Buy;
        if is_unbacked_stop {
            return;
        }
        let amount = reservation(&self.market(order.market).definition, order.side, order.price, qty);
        let seat = self.ledger.seat(self.orders.extra(handle).seat);
        let row = seat.paying_row(order.side);
        self.ledger.reserve_instead(row, amount, AssetAmount::ZERO);
    }

    #[inline]
    pub(in crate::engine) fn find(&self, header: &CommandHeader, target: OrderTarget) -> Result<Handle, Reject> {
        match target {
            OrderTarget::Order(order) => {
                let found = self.orders.by_id(order);
                let own = found.filter(|handle| self.orders.identity(*handle).account == header.account);
                own.ok_or_else(|| self.why_not_found(header, target))
            }
            OrderTarget::Request(request) => {
                self.orders.by_request(header.key, request).ok_or_else(|| self.why_not_found(header, target))
            }
        }
    }

    /// Of an order that is not open: whether the key is known to have created it.
    #[cold]
    fn why_not_found(&self, header: &CommandHeader, target: OrderTarget) -> Reject {
        let is_created = match target {
            OrderTarget::Order(order) => self.outcomes.has_created(header.key, order),
            OrderTarget::Request(request) => self
                .outcomes
                .find(header.key, request)
                .map(Outcome::created)
                .is_some_and(|created| created == Created::Order),
        };
        if is_created { Reject::OrderNotOpen } else { Reject::UnknownOrder }
    }
}
