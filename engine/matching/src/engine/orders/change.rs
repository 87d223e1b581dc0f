//! Changing an open order: reduce and replace. RULES.md 5.1 and 5.2.

use tidegate_domain::{CommandHeader, Event, MarketState, OrderTarget, Price, Qty, Reject};

use super::admit::{check_band, check_price, check_protection, check_qty, check_size, post_only_price};
use super::{Taker, recipient, reservation};
use crate::book::{Handle, crosses};
use crate::engine::open_orders::{Order, Terms, shown_of};
use crate::engine::outcomes::RequestResult;
use crate::engine::{Call, Engine, To, in_market_state};

impl Engine {
    pub(in crate::engine) fn reduce_order(
        &mut self,
        call: &mut Call<'_>,
        target: OrderTarget,
        by: Qty,
    ) -> RequestResult {
        if by.is_zero() {
            return Err(Reject::QtyZero);
        }
        let handle = self.find(&call.header, target)?;
        let who = self.orders.identity(handle);
        in_market_state(self.market(who.market), &[MarketState::Open, MarketState::PostOnly, MarketState::CancelOnly])?;
        let to = recipient(&call.header, &who);
        if by >= self.orders.get(handle).leaves {
            self.cancel_to(call, handle, tidegate_domain::CancelReason::ReducedToZero, to);
        } else {
            self.reduce(call, handle, by, to);
        }
        self.answer_other_key(call, &who);
        Ok(Some(who.id))
    }

    /// Takes `by`, which is less than all, off an order; the hidden part goes first.
    pub(super) fn reduce(&mut self, call: &mut Call<'_>, handle: Handle, by: Qty, to: To) {
        let order = self.orders.get(handle);
        let leaves = order.leaves.minus(by);
        self.shrink(handle, &order, leaves);
        let Order { id, side, price, .. } = order;
        self.emit(call, to, Event::OrderReduced { order: id, side, price, by, leaves });
    }

    /// Leaves an order less, where it stands, and gives back what it does not need any more.
    fn shrink(&mut self, handle: Handle, order: &Order, leaves: Qty) {
        let by = order.leaves.minus(leaves);
        let hidden = order.leaves.minus(order.displayed);
        let (displayed, hidden) = if by <= hidden { (order.displayed, hidden.minus(by)) } else { (leaves, Qty::ZERO) };
        self.unback(handle, order, by);
        self.orders.set(handle, displayed, hidden, order.filled);
    }

    pub(in crate::engine) fn replace_order(
        &mut self,
        call: &mut Call<'_>,
        target: OrderTarget,
        price: Price,
        qty: Qty,
    ) -> RequestResult {
        let handle = self.find(&call.header, target)?;
        let order = self.orders.get(handle);
        let terms = self.orders.extra(handle).terms;
        let price = self.admit_replace(&call.header, handle, &order, &terms, price, qty)?;
        let leaves = qty.minus(order.filled);
        let who = self.orders.identity(handle);
        let to = recipient(&call.header, &who);
        let keeps_place = price == order.price && leaves <= order.leaves;
        if keeps_place {
            if leaves < order.leaves {
                self.shrink(handle, &order, leaves);
            }
            self.emit_replaced(call, to, &order, price, leaves, self.orders.get(handle).displayed, true);
        } else {
            self.move_order(call, handle, &order, price, leaves, to);
        }
        self.answer_other_key(call, &who);
        if !keeps_place {
            self.run_stops(call, order.market);
        }
        Ok(Some(order.id))
    }

    /// Takes an order out of the book and lets it come in anew.
    pub(super) fn move_order(
        &mut self,
        call: &mut Call<'_>,
        handle: Handle,
        order: &Order,
        price: Price,
        leaves: Qty,
        to: To,
    ) {
        let side = order.side;
        let market = self.markets.get_mut(order.market.raw()).expect("the market of an order exists");
        self.orders.leave(&mut market.book, handle);
        let opposite = market.book.best_price(side.opposite());
        let old = reservation(&market.definition, side, order.price, order.leaves);
        let new = reservation(&market.definition, side, price, leaves);
        let extra = self.orders.extra(handle);
        let (terms, row) = (extra.terms, self.ledger.seat(extra.seat).paying_row(side));
        self.ledger.unreserve(row, old);
        if new < old {
            self.ledger.release(row, old.minus(new));
        } else if new > old {
            self.ledger.hold(row, new.minus(old));
        }
        self.emit_replaced(call, to, order, price, leaves, shown_of(terms.display, leaves), false);
        if !opposite.is_some_and(|best| crosses(side, Some(price), best)) {
            // Nothing to trade with, as nearly always: straight to its new place.
            let market = self.markets.get_mut(order.market.raw()).expect("the market of an order exists");
            self.orders.enter(&mut market.book, handle, side, price, leaves, order.filled);
            return self.ledger.reserve(row, new);
        }
        let mut taker = Taker {
            who: self.orders.identity(handle),
            side,
            price,
            has_limit: true,
            leaves,
            filled: order.filled,
            budget: None,
            is_backed: true,
            terms,
            handle: Some(handle),
        };
        let end = self.trade(call, &mut taker);
        self.settle_remainder(call, &taker, end);
    }

    /// Decides whether an order may become another, with these terms; its effective limit.
    pub(super) fn admit_replace(
        &self,
        header: &CommandHeader,
        handle: Handle,
        order: &Order,
        terms: &Terms,
        price: Price,
        qty: Qty,
    ) -> Result<Price, Reject> {
        if terms.is_stop {
            return Err(Reject::StopNotReplaceable);
        }
        let (market, account) = (self.market(order.market), self.account(header.account));
        in_market_state(market, &[MarketState::Open, MarketState::PostOnly])?;
        if account.is_killed {
            return Err(Reject::AccountKilled);
        }
        check_qty(&market.rules, qty)?;
        if qty <= order.filled {
            return Err(Reject::ReplaceBelowFilled);
        }
        check_price(&market.rules, price)?;
        check_protection(account, order.group)?;
        let opposite = market.book.best_price(order.side.opposite());
        let price = if terms.post_only {
            post_only_price(&market.rules, order.side, price, opposite, terms.reprice)?
        } else {
            price
        };
        check_band(market, price)?;
        check_size(account, &market.definition, &market.rules, Some(price), qty)?;
        let takes = opposite.is_some_and(|best| crosses(order.side, Some(price), best));
        if market.state == MarketState::PostOnly && takes {
            return Err(Reject::MarketPostOnly);
        }
        let leaves = qty.minus(order.filled);
        let old = reservation(&market.definition, order.side, order.price, order.leaves);
        let new = reservation(&market.definition, order.side, price, leaves);
        let row = self.ledger.seat(self.orders.extra(handle).seat).paying_row(order.side);
        if new > old && self.ledger.row(row).available < new.minus(old) {
            return Err(Reject::InsufficientFunds);
        }
        Ok(price)
    }

    #[expect(clippy::too_many_arguments, reason = "they are the event's fields")]
    pub(super) fn emit_replaced(
        &mut self,
        call: &mut Call<'_>,
        to: To,
        order: &Order,
        price: Price,
        leaves: Qty,
        displayed: Qty,
        kept_place: bool,
    ) {
        let Order { id: order, side, .. } = *order;
        self.emit(call, to, Event::OrderReplaced { order, side, price, leaves, displayed, kept_place });
    }
}
