//! Orders: what is admitted, how it trades, what becomes of the rest. The rules, in words: `RULES.md`.
//!
//! ```text
//!   NewOrder ----[admit]--> hold funds --> OrderAccepted --+--> waits in the stop list
//!   ReplaceOrder [change]--> OrderReplaced ----------------+--> [trade] --> Fill, Fill, .. --> rests | OrderCancelled
//!   a stop is triggered [stops] --> OrderTriggered --------'      '--> [protection] pulls a group
//! ```
//!
//! Invariants: everything that can refuse is decided before anything changes. An order in a queue is backed by exactly the
//! reservation of what is left of it (market buys, budget orders and stop buys by nothing). Whatever comes into a book comes as a
//! [`Taker`], whether it is new, replaced or triggered.

mod admit;
mod cancel;
mod change;
mod protection;
pub(in crate::engine) mod quotes;
mod stops;
mod trade;

use tidegate_domain::{
    AssetAmount, CancelReason, CommandHeader, Event, KeyId, MarketDefinition, NewOrder, OrderId, OrderOptions,
    OrderType, Price, Qty, Reject, RequestNumber, Side, TimeInForce,
};

use super::open_orders::{Identity, Terms};
use super::outcomes::RequestResult;
use super::{Call, Engine, To};
use crate::book::Handle;
use crate::ledger::Row;
use admit::Admitted;

/// An order on its way through the book.
#[derive(Clone, Copy)]
pub(super) struct Taker {
    pub(super) who: Identity,
    pub(super) side: Side,
    /// 0 without a limit.
    pub(super) price: Price,
    pub(super) has_limit: bool,
    pub(super) leaves: Qty,
    pub(super) filled: Qty,
    /// What is left of a budget order's budget.
    pub(super) budget: Option<AssetAmount>,
    /// Whether its funds are held; if not, it pays from what is available.
    pub(super) is_backed: bool,
    pub(super) terms: Terms,
    /// Of an order that was open before.
    pub(super) handle: Option<Handle>,
}

impl Taker {
    pub(super) const fn limit(&self) -> Option<Price> {
        if self.has_limit { Some(self.price) } else { None }
    }

    pub(super) fn to(&self) -> To {
        To::creator(&self.who)
    }
}

/// Why a taker stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing is left of it, or nothing that it may trade with.
    Done,
    OutOfFunds,
    /// A triggered stop without a limit found an empty book.
    NoLiquidity,
    SelfTrade,
    Protection,
}

/// Whether an order is paid out of what is held for it.
pub(super) const fn is_backed(order_type: OrderType, side: Side) -> bool {
    match order_type {
        OrderType::Limit | OrderType::StopLimit => true,
        OrderType::Market | OrderType::Stop => matches!(side, Side::Sell),
        OrderType::Budget => false,
    }
}

/// What backs `qty` of an order: a buy's money at its own limit, a sell's goods; nothing for a buy without a limit.
#[inline]
pub(super) fn reservation(definition: &MarketDefinition, side: Side, limit: Price, qty: Qty) -> AssetAmount {
    match side {
        Side::Buy => definition.quote_amount(limit, qty),
        Side::Sell => definition.base_amount(qty),
    }
}

impl Engine {
    pub(super) fn place_order(&mut self, call: &mut Call<'_>, new: &NewOrder) -> RequestResult {
        let id = OrderId::of_command(call.header.sequence);
        self.admit_and_trade(call, new, id, None)?;
        self.run_stops(call, new.market);
        Ok(Some(id))
    }

    /// All that a new order does but trigger stops.
    fn admit_and_trade(
        &mut self,
        call: &mut Call<'_>,
        new: &NewOrder,
        id: OrderId,
        side_of_quote: Option<Side>,
    ) -> Result<(), Reject> {
        let Admitted { price, seat, needed, takes } = self.admit(&call.header, new)?;
        let market = self.market(new.market);
        let (base, quote, day_end_s) = (market.definition.base, market.definition.quote, market.rules.day_end_s);
        let header = &call.header;
        let seat = match seat {
            Some(seat) => seat,
            None => self.ledger.open_seat(header.account, new.market, base, quote),
        };
        let who = Identity {
            id,
            account: header.account,
            key: header.key,
            request: header.request,
            market: new.market,
            seat,
        };
        let mut options = new.options;
        if options.display >= new.qty {
            options.display = Qty::ZERO;
        }
        if new.time_in_force == TimeInForce::Day {
            options.expires = admit::day_end(header.time, day_end_s);
        }
        let is_stop = matches!(new.order_type, OrderType::Stop | OrderType::StopLimit);
        let has_limit = matches!(new.order_type, OrderType::Limit | OrderType::StopLimit);
        let terms = Terms {
            time_in_force: new.time_in_force,
            self_trade: options.self_trade,
            group: options.group,
            post_only: new.post_only,
            reprice: options.reprice,
            limit: if is_stop { price } else { Price::from_ticks(0) },
            is_stop,
            display: options.display,
            expires: options.expires,
            quote: side_of_quote,
            on_disconnect: options.on_disconnect,
        };
        self.emit_accepted(call, &who, new, price, &options);
        if new.order_type == OrderType::Limit && new.time_in_force.rests() && !takes {
            // Nothing to trade with, as nearly always: straight to its place.
            let handle = self.open_order(&who, terms);
            let market = self.markets.get_mut(new.market.raw()).expect("the market was looked up before");
            self.orders.enter(&mut market.book, handle, new.side, price, new.qty, Qty::ZERO);
            let row = self.ledger.seat(seat).paying_row(new.side);
            self.ledger.reserve_instead(row, AssetAmount::ZERO, needed);
        } else {
            let taker = Taker {
                who,
                side: new.side,
                price,
                has_limit,
                leaves: new.qty,
                filled: Qty::ZERO,
                budget: (new.order_type == OrderType::Budget).then_some(options.budget),
                is_backed: is_backed(new.order_type, new.side),
                terms,
                handle: None,
            };
            self.come_in(call, taker, needed, is_stop.then_some(options.trigger));
        }
        Ok(())
    }

    /// Lets a new order wait for its trigger, or trade.
    #[inline(never)]
    fn come_in(&mut self, call: &mut Call<'_>, mut taker: Taker, needed: AssetAmount, trigger: Option<Price>) {
        if taker.is_backed {
            self.ledger.hold(self.paying_row(&taker), needed);
        }
        if let Some(trigger) = trigger {
            return self.wait(&taker, trigger);
        }
        let end = self.trade(call, &mut taker);
        self.settle_remainder(call, &taker, end);
    }

    #[inline(always)]
    fn emit_accepted(
        &mut self,
        call: &mut Call<'_>,
        who: &Identity,
        new: &NewOrder,
        price: Price,
        options: &OrderOptions,
    ) {
        let NewOrder { side, order_type, time_in_force, post_only, qty, .. } = *new;
        let (order, options) = (who.id, *options);
        let accepted = Event::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty, options };
        self.emit_here(call, To::creator(who), accepted);
    }

    /// What becomes of what is left of a taker.
    pub(super) fn settle_remainder(&mut self, call: &mut Call<'_>, taker: &Taker, end: End) {
        let is_over = taker.budget.map_or(taker.leaves.is_zero(), |budget| budget.is_zero());
        if !is_over && end == End::Done && taker.terms.time_in_force.rests() && taker.has_limit {
            return self.rest(taker);
        }
        if let Some(handle) = taker.handle {
            self.end_order(handle);
        }
        if is_over {
            return;
        }
        if taker.is_backed {
            let amount = reservation(&self.market(taker.who.market).definition, taker.side, taker.price, taker.leaves);
            self.ledger.release(self.paying_row(taker), amount);
        }
        let reason = match end {
            End::Done => CancelReason::ImmediateOrCancel,
            End::OutOfFunds => CancelReason::InsufficientFunds,
            End::NoLiquidity => CancelReason::NoLiquidity,
            End::SelfTrade => CancelReason::SelfTrade,
            End::Protection => CancelReason::Protection,
        };
        self.emit_cancelled(call, taker.to(), taker.who.id, taker.side, taker.price, taker.leaves, reason);
    }

    /// Lets what is left of a taker rest at its limit.
    fn rest(&mut self, taker: &Taker) {
        let handle = match taker.handle {
            Some(handle) => handle,
            None => self.open_order(&taker.who, taker.terms),
        };
        let market = self.markets.get_mut(taker.who.market.raw()).expect("the market of an order exists");
        self.orders.enter(&mut market.book, handle, taker.side, taker.price, taker.leaves, taker.filled);
        let amount = reservation(&market.definition, taker.side, taker.price, taker.leaves);
        self.ledger.reserve(self.paying_row(taker), amount);
    }

    /// Makes an order findable and counts it.
    #[inline]
    pub(super) fn open_order(&mut self, who: &Identity, terms: Terms) -> Handle {
        let account = self.accounts.get_mut(who.account.raw()).expect("the account of an order exists");
        let handle = self.orders.open(account, who, terms);
        self.ledger.seat_mut(who.seat).open_orders += 1;
        if terms.expires.nanos() > 0 {
            self.timers.arm(super::timers::Subject::Order(who.id, handle), terms.expires);
        }
        handle
    }

    /// Ends an order that is in no queue.
    #[inline]
    fn end_order(&mut self, handle: Handle) {
        let who = self.orders.identity(handle);
        if self.orders.extra(handle).terms.expires.nanos() > 0 {
            self.timers.disarm(super::timers::Subject::Order(who.id, handle));
        }
        let account = self.accounts.get_mut(who.account.raw()).expect("the account of an order exists");
        self.orders.end(account, handle);
        self.ledger.seat_mut(who.seat).open_orders -= 1;
    }

    /// The balance that an order is paid from.
    fn paying_row(&self, taker: &Taker) -> Row {
        self.ledger.seat(taker.who.seat).paying_row(taker.side)
    }

    #[expect(clippy::too_many_arguments, reason = "they are the event's fields")]
    pub(super) fn emit_cancelled(
        &mut self,
        call: &mut Call<'_>,
        to: To,
        order: OrderId,
        side: Side,
        price: Price,
        cancelled: Qty,
        reason: CancelReason,
    ) {
        self.emit_here(call, to, Event::OrderCancelled { order, side, price, cancelled, reason });
    }

    /// The report went to the key that created the order; a requester that is another key needs its own answer.
    fn answer_other_key(&mut self, call: &mut Call<'_>, who: &Identity) {
        if who.key != call.header.key {
            let to = call.requester().in_market(who.market);
            let original = call.header.sequence;
            self.emit(call, to, Event::Outcome { original, order: Some(who.id), reject: None, command: call.kind });
        }
    }
}

/// A change's report answers the request of the creator itself; asked by another key, it is a later report of the order.
fn recipient(header: &CommandHeader, who: &Identity) -> To {
    let request: RequestNumber = if who.key == header.key { header.request } else { who.request };
    let key: KeyId = who.key;
    To { key, request, account: who.account, market: who.market }
}
