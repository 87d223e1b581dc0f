//! Orders: what is admitted, how it trades, what becomes of the rest.
//!
//!   NewOrder --admit--> hold funds --> OrderAccepted --trade--> Fill, Fill, .. --> rests | OrderCancelled
//!
//! Invariants: everything that can refuse an order is decided before anything changes. A resting order is backed by
//! exactly the reservation of what is left of it. Trades are at the resting order's price, oldest order of the best
//! price first; each resting order meets an incoming one at most once. A market buy reserves nothing: it pays fill by
//! fill from what is available, and its first fill that money cuts short is its last.
//!
//! Who is told: the key that created the order. When another key of the account cancels or reduces it, that report
//! carries the number of the request that created the order, and the requester gets an `Outcome` of its own.

use tidegate_domain::{
    AccountId, AssetAmount, AssetId, CancelReason, CommandHeader, Event, Fill, KeyId, Liquidity, MarketDefinition,
    MarketId, MarketState, NewOrder, OrderId, OrderTarget, OrderType, FeeRate, Price, Qty, Reject, RequestNumber, Side,
    TimeInForce,
};

use super::open_orders::Order;
use super::tables::{Account, Market, RequestResult};
use super::{Call, Engine, To};
use crate::book::{Handle, crosses};

/// An order on its way through the book.
struct Taker {
    order: Order,
    /// `None`: any price.
    limit: Option<Price>,
    /// Whether its funds are held; if not, it pays from what is available.
    is_reserved: bool,
}

impl Engine {
    pub(super) fn place_order(&mut self, call: &mut Call<'_>, new: &NewOrder) -> RequestResult {
        self.admit(&call.header, new)?;
        let header = call.header;
        let mut taker = Taker {
            order: Order {
                id: OrderId::new(header.sequence.raw()),
                account: header.account,
                key: header.key,
                request: header.request,
                market: new.market,
                side: new.side,
                price: new.price,
                leaves: new.qty,
            },
            limit: limit_of(new),
            is_reserved: is_reserved(new),
        };
        let order = taker.order;
        if taker.is_reserved {
            let (asset, amount) = reservation(&self.market(order.market).definition, &order, order.leaves);
            self.ledger.hold(order.account, asset, amount);
        }
        let NewOrder { side, order_type, time_in_force, post_only, price, qty, .. } = *new;
        let accepted = Event::OrderAccepted { order: order.id, side, order_type, time_in_force, post_only, price, qty };
        self.emit(call, To::creator_of(&order), accepted);
        let is_out_of_funds = self.trade(call, &mut taker);
        self.settle_remainder(call, &taker, new.time_in_force, is_out_of_funds);
        Ok(Some(order.id))
    }

    /// Decides whether a new order is taken; changes nothing.
    fn admit(&self, header: &CommandHeader, new: &NewOrder) -> Result<(), Reject> {
        let market = self.markets.get(new.market.raw()).ok_or(Reject::UnknownMarket)?;
        if market.state != MarketState::Open {
            return Err(Reject::MarketHalted);
        }
        check_form(&market.definition, new)?;
        if new.time_in_force == TimeInForce::Gtc {
            self.check_open_orders(header.account)?;
        }
        let opposite_best = market.book.best_price(&self.orders.shelf, new.side.opposite());
        if new.order_type == OrderType::Market && opposite_best.is_none() {
            return Err(Reject::NoLiquidity);
        }
        self.check_funds(header, market, new, opposite_best)?;
        if new.post_only && opposite_best.is_some_and(|price| crosses(new.side, limit_of(new), price)) {
            return Err(Reject::PostOnlyWouldTake);
        }
        if new.time_in_force == TimeInForce::Fok && !self.can_fill_at_once(header.account, market, new) {
            return Err(Reject::FillOrKillUnfillable);
        }
        Ok(())
    }

    /// Room is asked for before it is known whether the order will rest: the answer must not depend on the book.
    fn check_open_orders(&self, account: AccountId) -> Result<(), Reject> {
        let limits = self.limits();
        let of_account = self.account(account).open_orders;
        if of_account >= limits.account_open_orders_max || self.orders.len() >= limits.open_orders_max as usize {
            return Err(Reject::TooManyOpenOrders);
        }
        Ok(())
    }

    fn check_funds(
        &self,
        header: &CommandHeader,
        market: &Market,
        new: &NewOrder,
        opposite_best: Option<Price>,
    ) -> Result<(), Reject> {
        let settlement = if is_reserved(new) {
            market.definition.settlement(new.side, new.price, new.qty)
        } else {
            // A market buy must be able to pay for one lot at least.
            let price = opposite_best.expect("a market order without liquidity was refused");
            market.definition.settlement(new.side, price, Qty::from_lots(1))
        };
        if self.ledger.balance(header.account, settlement.pays).available < settlement.paid {
            return Err(Reject::InsufficientFunds);
        }
        Ok(())
    }

    /// Whether the book has the whole quantity at acceptable prices and, for a market buy, the account the money.
    fn can_fill_at_once(&self, account: AccountId, market: &Market, new: &NewOrder) -> bool {
        let definition = &market.definition;
        let mut budget = self.ledger.balance(account, definition.quote).available;
        let mut missing = u128::from(new.qty.lots());
        for (price, lots, _) in market.book.levels(&self.orders.shelf, new.side.opposite()) {
            if !crosses(new.side, limit_of(new), price) {
                return false;
            }
            let taken = missing.min(lots);
            if !is_reserved(new) {
                let qty = Qty::from_lots(u64::try_from(taken).expect("no more than the order's quantity"));
                match budget.checked_sub(definition.quote_amount(price, qty)) {
                    Some(rest) => budget = rest,
                    None => return false,
                }
            }
            missing -= taken;
            if missing == 0 {
                return true;
            }
        }
        false
    }

    /// Trades until the order is filled, nothing acceptable rests, or (`true`) the money is gone.
    fn trade(&mut self, call: &mut Call<'_>, taker: &mut Taker) -> bool {
        while !taker.order.leaves.is_zero() {
            let book = self.market(taker.order.market).book;
            let Some(handle) = book.best(&self.orders.shelf, taker.order.side.opposite()) else { break };
            let maker = self.orders.get(handle);
            if !crosses(taker.order.side, taker.limit, maker.price) {
                break;
            }
            let wanted = taker.order.leaves.min(maker.leaves);
            let qty = self.payable(taker, maker.price, wanted);
            if !qty.is_zero() {
                self.fill(call, taker, handle, qty);
            }
            if qty < wanted {
                // Stop even if the account, being its own counterparty, has money again: a resting order is met once.
                return true;
            }
        }
        false
    }

    /// How much of `wanted` the taker can pay at `price`.
    fn payable(&self, taker: &Taker, price: Price, wanted: Qty) -> Qty {
        if taker.is_reserved {
            return wanted;
        }
        let definition = &self.market(taker.order.market).definition;
        let available = self.ledger.balance(taker.order.account, definition.quote).available;
        let lots = available.units() / definition.quote_amount(price, Qty::from_lots(1)).units();
        wanted.min(Qty::from_lots(u64::try_from(lots).unwrap_or(u64::MAX)))
    }

    /// One trade: money of both sides, the book, two events.
    fn fill(&mut self, call: &mut Call<'_>, taker: &mut Taker, handle: Handle, qty: Qty) {
        let maker = self.orders.get(handle);
        let definition = self.market(maker.market).definition;
        let price = maker.price;
        let taker_fee = self.settle(&definition, &taker.order, taker.is_reserved, definition.taker_fee, price, qty);
        let maker_fee = self.settle(&definition, &maker, true, definition.maker_fee, price, qty);
        taker.order.leaves = taker.order.leaves.minus(qty);
        let maker_leaves = self.take_off(&maker, handle, qty);
        let taken = Fill {
            order: taker.order.id,
            counter_order: maker.id,
            counter_account: maker.account,
            side: taker.order.side,
            liquidity: Liquidity::Taker,
            price,
            qty,
            leaves: taker.order.leaves,
            fee: taker_fee,
        };
        let made = Fill {
            order: maker.id,
            counter_order: taker.order.id,
            counter_account: taker.order.account,
            side: maker.side,
            liquidity: Liquidity::Maker,
            price,
            qty,
            leaves: maker_leaves,
            fee: maker_fee,
        };
        self.emit(call, To::creator_of(&taker.order), Event::Fill(taken));
        self.emit(call, To::creator_of(&maker), Event::Fill(made));
    }

    /// Moves one side's money of a trade and returns its fee.
    fn settle(
        &mut self,
        definition: &MarketDefinition,
        order: &Order,
        is_reserved: bool,
        rate: FeeRate,
        price: Price,
        qty: Qty,
    ) -> AssetAmount {
        let settlement = definition.settlement(order.side, price, qty);
        if is_reserved {
            let (asset, reserved) = reservation(definition, order, qty);
            assert_eq!(asset, settlement.pays);
            self.ledger.pay_held(order.account, asset, reserved, settlement.paid);
        } else {
            self.ledger.debit(order.account, settlement.pays, settlement.paid);
        }
        let fee = rate.of_rounded_up(settlement.received);
        self.ledger.credit(order.account, settlement.receives, settlement.received.minus(fee));
        self.ledger.earn_fee(settlement.receives, fee);
        fee
    }

    fn settle_remainder(&mut self, call: &mut Call<'_>, taker: &Taker, tif: TimeInForce, is_out_of_funds: bool) {
        let order = taker.order;
        if order.leaves.is_zero() {
            return;
        }
        assert!(tif != TimeInForce::Fok, "a fill-or-kill order is admitted only if it fills");
        if tif == TimeInForce::Gtc {
            return self.index(order);
        }
        if taker.is_reserved {
            self.release(&order, order.leaves);
        }
        let reason = if is_out_of_funds { CancelReason::InsufficientFunds } else { CancelReason::ImmediateOrCancel };
        self.emit_cancelled(call, To::creator_of(&order), &order, reason);
    }

    pub(super) fn cancel_order(&mut self, call: &mut Call<'_>, target: OrderTarget) -> RequestResult {
        let handle = self.find(&call.header, target)?;
        let order = self.close_order(handle);
        self.emit_cancelled(call, recipient(&call.header, &order), &order, CancelReason::Requested);
        self.answer_other_key(call, &order);
        Ok(Some(order.id))
    }

    pub(super) fn reduce_order(&mut self, call: &mut Call<'_>, target: OrderTarget, by: Qty) -> RequestResult {
        if by.is_zero() {
            return Err(Reject::QtyZero);
        }
        let handle = self.find(&call.header, target)?;
        let order = self.orders.get(handle);
        let to = recipient(&call.header, &order);
        if by >= order.leaves {
            self.close_order(handle);
            self.emit_cancelled(call, to, &order, CancelReason::ReducedToZero);
        } else {
            self.release(&order, by);
            let leaves = self.take_off(&order, handle, by);
            let (side, price) = (order.side, order.price);
            self.emit(call, to, Event::OrderReduced { order: order.id, side, price, by, leaves });
        }
        self.answer_other_key(call, &order);
        Ok(Some(order.id))
    }

    /// Every order of the account, whichever of its keys created it, oldest first.
    pub(super) fn cancel_all(&mut self, call: &mut Call<'_>, market: Option<MarketId>) -> RequestResult {
        if market.is_some_and(|market| self.markets.get(market.raw()).is_none()) {
            return Err(Reject::UnknownMarket);
        }
        let account = call.header.account;
        let mut cancelled = 0;
        let mut next = self.account(account).oldest;
        while let Some(handle) = next {
            next = self.orders.newer(handle);
            if market.is_some_and(|market| market != self.orders.get(handle).market) {
                continue;
            }
            let order = self.close_order(handle);
            self.emit_cancelled(call, To::creator_of(&order), &order, CancelReason::CancelAll);
            cancelled += 1;
        }
        let to = call.requester().in_market(market.unwrap_or(MarketId::new(0)));
        self.emit(call, to, Event::CancelAllDone { cancelled });
        Ok(None)
    }

    fn find(&self, header: &CommandHeader, target: OrderTarget) -> Result<Handle, Reject> {
        let found = match target {
            OrderTarget::Order(order) => {
                self.orders.by_id(order).filter(|handle| self.orders.get(*handle).account == header.account)
            }
            OrderTarget::Request(request) => self.orders.by_request(header.key, request),
        };
        found.ok_or(Reject::UnknownOrder)
    }

    /// Takes a resting order out of book and indexes, and gives its funds back.
    pub(super) fn close_order(&mut self, handle: Handle) -> Order {
        let Order { market, account, .. } = self.orders.get(handle);
        let market = self.markets.get_mut(market.raw()).expect("the market of an order exists");
        let account = self.accounts.get_mut(account.raw()).expect("the account of an order exists");
        let order = self.orders.close(&mut market.book, account, handle);
        self.release(&order, order.leaves);
        order
    }

    fn release(&mut self, order: &Order, qty: Qty) {
        let (asset, amount) = reservation(&self.market(order.market).definition, order, qty);
        self.ledger.release(order.account, asset, amount);
    }

    /// Lets an order rest.
    fn index(&mut self, order: Order) {
        let market = self.markets.get_mut(order.market.raw()).expect("the market of an order exists");
        let account = self.accounts.get_mut(order.account.raw()).expect("the account of an order exists");
        self.orders.open(&mut market.book, account, &order);
    }

    /// Takes quantity off a resting order, which is gone when nothing is left.
    fn take_off(&mut self, order: &Order, handle: Handle, qty: Qty) -> Qty {
        let market = self.markets.get_mut(order.market.raw()).expect("the market of an order exists");
        let account = self.accounts.get_mut(order.account.raw()).expect("the account of an order exists");
        self.orders.take(&mut market.book, account, handle, qty)
    }

    pub(super) fn account(&self, id: AccountId) -> &Account {
        self.accounts.get(id.raw()).expect("a key's account exists")
    }

    pub(super) fn emit_cancelled(&mut self, call: &mut Call<'_>, to: To, order: &Order, reason: CancelReason) {
        let Order { id, side, price, leaves: cancelled, .. } = *order;
        self.emit(call, to, Event::OrderCancelled { order: id, side, price, cancelled, reason });
    }

    /// The report went to the key that created the order; a requester that is another key needs its own answer.
    fn answer_other_key(&mut self, call: &mut Call<'_>, order: &Order) {
        if order.key != call.header.key {
            let to = call.requester().in_market(order.market);
            let original = call.header.sequence;
            self.emit(call, to, Event::Outcome { original, order: Some(order.id), reject: None, command: call.kind });
        }
    }
}

/// A change's report answers the request of the creator itself; asked by another key, it is a later report of the order.
fn recipient(header: &CommandHeader, order: &Order) -> To {
    let request: RequestNumber = if order.key == header.key { header.request } else { order.request };
    let key: KeyId = order.key;
    To { key, request, account: order.account, market: order.market }
}

fn limit_of(new: &NewOrder) -> Option<Price> {
    (new.order_type == OrderType::Limit).then_some(new.price)
}

/// A market buy has no price to reserve at; everything else is backed before it trades.
fn is_reserved(new: &NewOrder) -> bool {
    !(new.order_type == OrderType::Market && new.side == Side::Buy)
}

/// What backs `qty` of an order: a buy's money at its own limit, a sell's goods.
pub(super) fn reservation(definition: &MarketDefinition, order: &Order, qty: Qty) -> (AssetId, AssetAmount) {
    let settlement = definition.settlement(order.side, order.price, qty);
    (settlement.pays, settlement.paid)
}

/// What a new order may look like, whatever the book and the balances.
fn check_form(definition: &MarketDefinition, new: &NewOrder) -> Result<(), Reject> {
    let is_market = new.order_type == OrderType::Market;
    if new.post_only && (is_market || new.time_in_force != TimeInForce::Gtc) {
        return Err(Reject::PostOnlyMustRest);
    }
    if is_market && new.price.ticks() != 0 {
        return Err(Reject::PriceOnMarketOrder);
    }
    if is_market && new.time_in_force == TimeInForce::Gtc {
        return Err(Reject::MarketOrderCannotRest);
    }
    if new.qty.is_zero() {
        return Err(Reject::QtyZero);
    }
    if new.qty > definition.qty_max {
        return Err(Reject::QtyTooLarge);
    }
    if !is_market && new.price.ticks() < 1 {
        return Err(Reject::PriceNotPositive);
    }
    if new.price > definition.price_max {
        return Err(Reject::PriceTooHigh);
    }
    Ok(())
}
