//! Trading: a taker against the book, maker by maker. RULES.md 3 and 4.
//!
//!   Taker --best maker--> self-trade? | payable? --> money of both sides --> two fills --> refresh | end of the maker
//!
//! Invariants: trades are at the maker's price; money, book and events of one trade are complete before the next begins; no
//! maker is met more than twice.
//!
//! Hot path: for every order that crosses.

use tidegate_domain::{
    AccountId, AssetAmount, CancelReason, Event, FeeRate, Fill, Liquidity, MarketDefinition, Price, Qty, SelfTrade,
    Side,
};

use super::admit::lots_for;
use super::{End, Taker, reservation};
use crate::book::{Handle, crosses};
use crate::engine::open_orders::{Identity, shown_of};
use crate::engine::{Call, Engine, To};

/// The order that a taker meets.
#[derive(Clone, Copy)]
struct Maker {
    handle: Handle,
    who: Identity,
    price: Price,
    displayed: Qty,
    hidden: Qty,
    filled: Qty,
    group: u8,
}

impl Engine {
    /// Trades until the taker is filled, nothing acceptable rests, or something ends it.
    pub(super) fn trade(&mut self, call: &mut Call<'_>, taker: &mut Taker) -> End {
        let since = self.orders.priority();
        while taker.budget.map_or(!taker.leaves.is_zero(), |budget| !budget.is_zero()) {
            let book = self.market(taker.who.market).book;
            let Some(handle) = book.best(&self.orders.shelf, taker.side.opposite()) else { return End::Done };
            let price = self.orders.shelf.price(handle);
            if !crosses(taker.side, taker.limit(), price) {
                return End::Done;
            }
            let definition = self.market(taker.who.market).definition;
            let most = match taker.budget {
                Some(budget) => lots_for(budget.units(), &definition, price),
                None => taker.leaves,
            };
            if most.is_zero() {
                // The rest of a budget does not pay for a lot.
                return End::Done;
            }
            let maker = self.meet(handle, price);
            if taker.terms.self_trade != SelfTrade::None && self.is_same_owner(taker.who.account, maker.who.account) {
                match self.prevent_self_trade(call, taker, &maker) {
                    Some(end) => return end,
                    None => continue,
                }
            }
            // One that was refreshed while this taker trades is met for the second time: all of it is there.
            let is_again = self.orders.shelf.tag(handle).priority() > since;
            let there = if is_again { maker.displayed.plus(maker.hidden) } else { maker.displayed };
            let wanted = there.min(most);
            let qty = self.payable(taker, &definition, price, wanted);
            if !qty.is_zero() {
                let is_pulled = self.fill(call, taker, &maker, &definition, qty);
                if is_pulled {
                    return End::Protection;
                }
            }
            if qty < wanted {
                // Stop even if the account, being its own counterparty, has money again.
                return End::OutOfFunds;
            }
        }
        End::Done
    }

    fn meet(&self, handle: Handle, price: Price) -> Maker {
        let extra = self.orders.extra(handle);
        Maker {
            handle,
            who: self.orders.identity(handle),
            price,
            displayed: self.orders.shelf.leaves(handle),
            hidden: extra.hidden,
            filled: extra.filled,
            group: extra.terms.group,
        }
    }

    /// How much of `wanted` the taker can pay at `price`.
    fn payable(&self, taker: &Taker, definition: &MarketDefinition, price: Price, wanted: Qty) -> Qty {
        if taker.is_backed {
            return wanted;
        }
        let available = self.ledger.row(self.paying_row(taker)).available.units();
        let lots = available / reservation(definition, taker.side, price, Qty::from_lots(1)).units();
        wanted.min(Qty::from_lots(u64::try_from(lots).unwrap_or(u64::MAX)))
    }

    /// One trade: money of both sides, the book, two events. Whether the taker's group was pulled by it.
    fn fill(
        &mut self,
        call: &mut Call<'_>,
        taker: &mut Taker,
        maker: &Maker,
        definition: &MarketDefinition,
        qty: Qty,
    ) -> bool {
        let price = maker.price;
        let fees = self.settle(taker, maker, definition, qty);
        taker.leaves = if taker.budget.is_some() { Qty::ZERO } else { taker.leaves.minus(qty) };
        match &mut taker.budget {
            // It never rests, and what it is filled may be more than one quantity can say.
            Some(budget) => *budget = budget.minus(definition.quote_amount(price, qty)),
            None => taker.filled = taker.filled.plus(qty),
        }
        let maker_leaves = maker.displayed.plus(maker.hidden).minus(qty);
        self.change_market(taker.who.market, |market| market.last = price);
        let taken = Fill {
            order: taker.who.id,
            counter_order: maker.who.id,
            counter_account: maker.who.account,
            side: taker.side,
            liquidity: Liquidity::Taker,
            price,
            qty,
            leaves: taker.leaves,
            fee: fees.taker,
            is_rebate: false,
        };
        let made = Fill {
            order: maker.who.id,
            counter_order: taker.who.id,
            counter_account: taker.who.account,
            side: taker.side.opposite(),
            liquidity: Liquidity::Maker,
            price,
            qty,
            leaves: maker_leaves,
            fee: fees.maker,
            is_rebate: fees.is_rebate,
        };
        self.emit_here(call, taker.to(), Event::Fill(taken));
        self.emit_here(call, To::creator(&maker.who), Event::Fill(made));
        self.take_from_maker(call, maker, taker.side.opposite(), definition, qty);
        let is_pulled = taker.terms.group != 0 && self.count_fill(call, &taker.who, taker.terms.group, qty);
        if maker.group != 0 {
            let same = maker.group == taker.terms.group && maker.who.account == taker.who.account;
            return self.count_fill(call, &maker.who, maker.group, qty) && same || is_pulled;
        }
        is_pulled
    }

    /// Takes a fill off a maker: it stays, shows its next part, or is gone.
    fn take_from_maker(
        &mut self,
        call: &mut Call<'_>,
        maker: &Maker,
        side: Side,
        definition: &MarketDefinition,
        qty: Qty,
    ) {
        let seat = self.ledger.seat(maker.who.seat);
        let row = seat.paying_row(side);
        self.ledger.unreserve(row, reservation(definition, side, maker.price, qty));
        let (left, filled) = (maker.displayed.plus(maker.hidden).minus(qty), maker.filled.plus(qty));
        if qty < maker.displayed {
            return self.orders.set(maker.handle, maker.displayed.minus(qty), maker.hidden, filled);
        }
        let market = self.markets.get_mut(maker.who.market.raw()).expect("the market of an order exists");
        self.orders.leave(&mut market.book, maker.handle);
        if left.is_zero() {
            return self.end_order(maker.handle);
        }
        self.orders.enter(&mut market.book, maker.handle, side, maker.price, left, filled);
        let display = self.orders.extra(maker.handle).terms.display;
        let (order, price, displayed) = (maker.who.id, maker.price, shown_of(display, left));
        self.emit(call, To::creator(&maker.who), Event::OrderRefreshed { order, side, price, displayed });
    }

    /// Moves the money of a trade.
    fn settle(&mut self, taker: &Taker, maker: &Maker, definition: &MarketDefinition, qty: Qty) -> Fees {
        let (taker_seat, maker_seat) = (*self.ledger.seat(taker.who.seat), *self.ledger.seat(maker.who.seat));
        let (base, quote) = (definition.base_amount(qty), definition.quote_amount(maker.price, qty));
        // What each side pays, and from where; what it receives is what the other pays.
        let (taker_pays, maker_pays) = match taker.side {
            Side::Buy => (quote, base),
            Side::Sell => (base, quote),
        };
        let (taker_from, taker_into, maker_from, maker_into) = match taker.side {
            Side::Buy => (taker_seat.quote, taker_seat.base, maker_seat.base, maker_seat.quote),
            Side::Sell => (taker_seat.base, taker_seat.quote, maker_seat.quote, maker_seat.base),
        };
        if taker.is_backed {
            self.ledger.pay_held(taker_from, reservation(definition, taker.side, taker.price, qty), taker_pays);
        } else {
            self.ledger.debit(taker_from, taker_pays);
        }
        self.ledger.pay_held(maker_from, maker_pays, maker_pays);
        let taker_rate = self.fee_rates(taker.who.account, taker.who.market).1;
        let maker_rate = self.fee_rates(maker.who.account, maker.who.market).0;
        let taker_fee = taker_rate.fee_on(maker_pays);
        let maker_fee = maker_rate.fee_on(taker_pays);
        let rebate = maker_rate.rebate_on(maker_pays);
        let rebate = if rebate < taker_fee { rebate } else { taker_fee };
        self.ledger.credit(taker_into, maker_pays.minus(taker_fee));
        self.ledger.credit(maker_into, taker_pays.minus(maker_fee));
        let (taker_asset, maker_asset) = match taker.side {
            Side::Buy => (definition.base, definition.quote),
            Side::Sell => (definition.quote, definition.base),
        };
        self.ledger.earn_fee(taker_asset, taker_fee.minus(rebate));
        self.ledger.earn_fee(maker_asset, maker_fee);
        if maker_rate.ppm() < 0 {
            if !rebate.is_zero() {
                self.ledger.credit(maker_from, rebate);
            }
            return Fees { taker: taker_fee, maker: rebate, is_rebate: true };
        }
        Fees { taker: taker_fee, maker: maker_fee, is_rebate: false }
    }

    /// What an account pays in a market: as maker, as taker.
    #[inline]
    fn fee_rates(&self, account: AccountId, market: tidegate_domain::MarketId) -> (FeeRate, FeeRate) {
        let tier = self.account(account).tier;
        if tier == 0 {
            let rules = &self.market(market).rules;
            (rules.maker_fee, rules.taker_fee)
        } else {
            self.tiers[usize::from(tier)]
        }
    }

    /// What becomes of a taker and a maker of one owner; the end of the taker, or `None` when it goes on.
    fn prevent_self_trade(&mut self, call: &mut Call<'_>, taker: &mut Taker, maker: &Maker) -> Option<End> {
        match taker.terms.self_trade {
            SelfTrade::None => unreachable!("they would trade"),
            SelfTrade::CancelNewest => Some(End::SelfTrade),
            SelfTrade::CancelOldest => {
                self.cancel(call, maker.handle, CancelReason::SelfTrade);
                None
            }
            SelfTrade::CancelBoth => {
                self.cancel(call, maker.handle, CancelReason::SelfTrade);
                Some(End::SelfTrade)
            }
            SelfTrade::Decrement if taker.budget.is_some() => Some(End::SelfTrade),
            SelfTrade::Decrement => self.decrement(call, taker, maker),
        }
    }

    /// The smaller is cancelled, the larger becomes smaller by as much.
    fn decrement(&mut self, call: &mut Call<'_>, taker: &mut Taker, maker: &Maker) -> Option<End> {
        let made = maker.displayed.plus(maker.hidden);
        if made > taker.leaves {
            self.reduce(call, maker.handle, taker.leaves, To::creator(&maker.who));
            return Some(End::SelfTrade);
        }
        self.cancel(call, maker.handle, CancelReason::SelfTrade);
        if made == taker.leaves {
            return Some(End::SelfTrade);
        }
        if taker.is_backed {
            let definition = &self.market(taker.who.market).definition;
            let amount = reservation(definition, taker.side, taker.price, made);
            self.ledger.release(self.paying_row(taker), amount);
        }
        taker.leaves = taker.leaves.minus(made);
        let (order, side, price, leaves) = (taker.who.id, taker.side, taker.price, taker.leaves);
        self.emit(call, taker.to(), Event::OrderReduced { order, side, price, by: made, leaves });
        None
    }
}

/// Fees of a trade.
struct Fees {
    taker: AssetAmount,
    maker: AssetAmount,
    is_rebate: bool,
}
