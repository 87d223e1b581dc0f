//! Changing an open order: reduce and replace. RULES.md 5.1 and 5.2.

use tidegate_domain::{AssetAmount, CommandHeader, Event, MarketState, OrderTarget, Price, Qty, Reject};

use super::admit::{check_bands, check_price, check_protection, check_qty, check_size, post_only_price};
use super::{Taker, recipient, reservation};
use crate::book::{Handle, crosses};
use crate::engine::open_orders::{Order, Terms, shown_of};
use crate::engine::outcomes::RequestResult;
use crate::engine::{Call, Engine, To, in_market_state};
use crate::ledger::{Row, SeatRef};

/// What becomes of an order that is replaced.
#[derive(Clone, Copy)]
pub(super) struct Change {
    /// Its effective limit.
    pub(super) price: Price,
    pub(super) leaves: Qty,
    /// What is held for it before and after, of which balance.
    old: AssetAmount,
    new: AssetAmount,
    row: Row,
    /// Whether there is something to trade with at its new limit.
    takes: bool,
}

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
        let (order, extra) = self.orders.look(handle);
        let (terms, who) = (extra.terms, order.identity(extra.seat));
        let change = self.admit_replace(&call.header, who.seat, &order, &terms, price, qty)?;
        let to = recipient(&call.header, &who);
        let keeps_place = change.price == order.price && change.leaves <= order.leaves;
        if keeps_place {
            if change.leaves < order.leaves {
                self.shrink(handle, &order, change.leaves);
            }
            let displayed = self.orders.get(handle).displayed;
            self.emit_replaced(call, to, &order, change.price, change.leaves, displayed, true);
        } else {
            self.move_order(call, handle, &order, &terms, &change, to);
        }
        self.answer_other_key(call, &who);
        // Without a trade no stop is triggered.
        if change.takes && !keeps_place {
            self.run_stops(call, order.market);
        }
        Ok(Some(order.id))
    }

    /// Takes an order out of the book and lets it come in anew, with these terms.
    #[inline(always)]
    pub(super) fn move_order(
        &mut self,
        call: &mut Call<'_>,
        handle: Handle,
        order: &Order,
        terms: &Terms,
        change: &Change,
        to: To,
    ) {
        let Change { price, leaves, old, new, row, takes } = *change;
        self.emit_replaced(call, to, order, price, leaves, shown_of(terms.display, leaves), false);
        if takes {
            return self.move_taker(call, handle, order, terms, change);
        }
        // Nothing to trade with, as nearly always: straight to its new place.
        let market = self.markets.get_mut(order.market.raw()).expect("the market of an order exists");
        self.orders.shift(&mut market.book, handle, order, price, leaves);
        self.ledger.reserve_instead(row, old, new);
    }

    /// Lets an order come in anew that has something to trade with.
    #[inline(never)]
    fn move_taker(&mut self, call: &mut Call<'_>, handle: Handle, order: &Order, terms: &Terms, change: &Change) {
        let Change { price, leaves, old, new, row, .. } = *change;
        let market = self.markets.get_mut(order.market.raw()).expect("the market of an order exists");
        self.orders.leave(&mut market.book, handle);
        self.ledger.unreserve(row, old);
        if new < old {
            self.ledger.release(row, old.minus(new));
        } else if new > old {
            self.ledger.hold(row, new.minus(old));
        }
        let mut taker = Taker {
            who: self.orders.identity(handle),
            side: order.side,
            price,
            has_limit: true,
            leaves,
            filled: order.filled,
            budget: None,
            is_backed: true,
            terms: *terms,
            handle: Some(handle),
        };
        let end = self.trade(call, &mut taker);
        self.settle_remainder(call, &taker, end);
    }

    /// Decides whether an order may become another, with these terms; what changes then.
    #[inline(always)]
    pub(super) fn admit_replace(
        &self,
        header: &CommandHeader,
        seat: SeatRef,
        order: &Order,
        terms: &Terms,
        price: Price,
        qty: Qty,
    ) -> Result<Change, Reject> {
        if terms.is_stop {
            return Err(Reject::StopNotReplaceable);
        }
        let (market, account) = (self.market(order.market), self.account(header.account));
        in_market_state(market, &[MarketState::Open, MarketState::PostOnly])?;
        if account.kill_switch.is_engaged() {
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
        check_bands(market, price)?;
        check_size(account, &market.definition, &market.rules, Some(price), qty)?;
        let takes = opposite.is_some_and(|best| crosses(order.side, Some(price), best));
        if market.state == MarketState::PostOnly && takes {
            return Err(Reject::MarketPostOnly);
        }
        let leaves = qty.minus(order.filled);
        let old = reservation(&market.definition, order.side, order.price, order.leaves);
        let new = reservation(&market.definition, order.side, price, leaves);
        let row = self.ledger.seat(seat).paying_row(order.side);
        if new > old && self.ledger.row(row).available < new.minus(old) {
            return Err(Reject::InsufficientFunds);
        }
        Ok(Change { price, leaves, old, new, row, takes })
    }

    #[expect(clippy::too_many_arguments, reason = "they are the event's fields")]
    #[inline(always)]
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
        self.emit_here(call, to, Event::OrderReplaced { order, side, price, leaves, displayed, kept_place });
    }
}
