//! Whether a new order is taken: the checks of RULES.md 2, in its order. Nothing changes here.

use tidegate_domain::{
    AccountId, AssetAmount, CommandHeader, MarketDefinition, MarketRules, MarketState, NewOrder, OrderType, Price, Qty,
    Reject, SelfTrade, Side, TimeInForce, Timestamp,
};

use super::{is_backed, reservation};
use crate::book::crosses;
use crate::engine::money::UNITS_LIMIT;
use crate::engine::tables::{Account, Market};
use crate::engine::{Engine, in_market_state};
use crate::ledger::SeatRef;

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * NANOS_PER_SECOND;
const PPM: u128 = 1_000_000;

/// The first end of a day after `now`, where days end `day_end_s` after midnight UTC.
pub(super) const fn day_end(now: Timestamp, day_end_s: u32) -> Timestamp {
    let (now, offset) = (now.nanos(), day_end_s as u64 * NANOS_PER_SECOND);
    let today = (now / DAY_NS * DAY_NS).saturating_add(offset);
    Timestamp::from_nanos(if today > now { today } else { today.saturating_add(DAY_NS) })
}

/// What is known of a new order that is taken.
pub(super) struct Admitted {
    /// Its effective limit.
    pub(super) price: Price,
    /// Where its account sits, if it was in this market before.
    pub(super) seat: Option<SeatRef>,
    /// What must be available: for an order that is backed, what is held for it.
    pub(super) needed: AssetAmount,
    /// Whether there is something to trade with at its limit.
    pub(super) takes: bool,
}

impl Engine {
    /// Decides whether a new order is taken.
    #[inline(always)]
    pub(super) fn admit(&self, header: &CommandHeader, new: &NewOrder) -> Result<Admitted, Reject> {
        let market = self.markets.get(new.market.raw()).ok_or(Reject::UnknownMarket)?;
        in_market_state(market, &[MarketState::Open, MarketState::PostOnly])?;
        let account = self.account(header.account);
        if account.kill_switch.is_engaged() {
            return Err(Reject::AccountKilled);
        }
        check_form(&market.rules, new, header.time)?;
        check_protection(account, new.options.group)?;
        let seat = self.ledger.seat_of(header.account, new.market);
        self.check_room(header.account, account, seat, market, new)?;
        let opposite = market.book.best_price(new.side.opposite());
        if matches!(new.order_type, OrderType::Market | OrderType::Budget) && opposite.is_none() {
            return Err(Reject::NoLiquidity);
        }
        let has_limit = matches!(new.order_type, OrderType::Limit | OrderType::StopLimit);
        let mut price = new.price;
        if new.post_only {
            price = post_only_price(&market.rules, new.side, price, opposite, new.options.reprice)?;
        }
        if has_limit {
            check_bands(market, price)?;
        }
        check_size(account, &market.definition, &market.rules, has_limit.then_some(price), new.qty)?;
        let is_stop = matches!(new.order_type, OrderType::Stop | OrderType::StopLimit);
        if is_stop && is_triggered(market, new.side, new.options.trigger) {
            return Err(Reject::StopWouldTrigger);
        }
        let limit = has_limit.then_some(price);
        let takes = !is_stop && opposite.is_some_and(|best| crosses(new.side, limit, best));
        if market.state == MarketState::PostOnly && takes {
            return Err(Reject::MarketPostOnly);
        }
        let needed = self.check_funds(header.account, seat, market, new, price, opposite)?;
        if new.time_in_force == TimeInForce::Fok && !self.can_fill_at_once(header.account, market, new) {
            return Err(Reject::FillOrKillUnfillable);
        }
        Ok(Admitted { price, seat, needed, takes })
    }

    /// Room is asked for before it is known whether the order will rest: the answer must not depend on the book.
    #[inline]
    fn check_room(
        &self,
        id: AccountId,
        account: &Account,
        seat: Option<SeatRef>,
        market: &Market,
        new: &NewOrder,
    ) -> Result<(), Reject> {
        if new.time_in_force.rests() {
            let (limits, own) = (self.limits(), &account.limits);
            let in_market = || seat.map_or(0, |seat| self.ledger.seat(seat).open_orders);
            if account.open_orders >= limits.account_open_orders_max
                || self.orders.len() >= limits.open_orders_max as usize
                || (own.open_orders_max > 0 && account.open_orders >= own.open_orders_max)
                || (own.market_open_orders_max > 0 && in_market() >= own.market_open_orders_max)
            {
                return Err(Reject::TooManyOpenOrders);
            }
        }
        let definition = &market.definition;
        if seat.is_some() || self.ledger.has_room_for_seat(id, &[definition.base, definition.quote]) {
            Ok(())
        } else {
            Err(Reject::TableFull)
        }
    }

    /// Whether the account can pay; what it must be able to.
    #[inline]
    fn check_funds(
        &self,
        account: AccountId,
        seat: Option<SeatRef>,
        market: &Market,
        new: &NewOrder,
        price: Price,
        opposite: Option<Price>,
    ) -> Result<AssetAmount, Reject> {
        let definition = &market.definition;
        let needed = if is_backed(new.order_type, new.side) {
            reservation(definition, new.side, price, new.qty)
        } else if new.order_type == OrderType::Stop {
            return Ok(AssetAmount::ZERO);
        } else {
            // It pays fill by fill: for one lot at least it must be able to.
            let best = opposite.expect("an order without liquidity was refused");
            reservation(definition, new.side, best, Qty::from_lots(1))
        };
        let available = match seat {
            Some(seat) => self.ledger.row(self.ledger.seat(seat).paying_row(new.side)).available,
            None => self.ledger.balance(account, pays(definition, new.side)).available,
        };
        if available < needed { Err(Reject::InsufficientFunds) } else { Ok(needed) }
    }

    /// Whether the book has the whole quantity at acceptable prices and, where nothing is held, the account the money.
    #[inline(never)]
    fn can_fill_at_once(&self, account: AccountId, market: &Market, new: &NewOrder) -> bool {
        let definition = &market.definition;
        let is_backed = is_backed(new.order_type, new.side);
        let mut funds = self.ledger.balance(account, pays(definition, new.side)).available;
        let mut budget = (new.order_type == OrderType::Budget).then_some(new.options.budget);
        let mut missing = new.qty;
        let limit = (new.order_type == OrderType::Limit).then_some(new.price);
        let mode = new.options.self_trade;
        let mut has_bought = false;
        for (price, makers) in market.book.queues(&self.orders.shelf, new.side.opposite()) {
            if !crosses(new.side, limit, price) {
                return false;
            }
            // What is hidden is met after everything that is displayed at the price.
            let (displayed, hidden) = (makers.clone().map(|maker| (maker, false)), makers.map(|maker| (maker, true)));
            for (maker, is_hidden) in displayed.chain(hidden) {
                let most = budget.map_or(missing, |budget| lots_for(budget.units(), definition, price));
                if most.is_zero() {
                    // The rest of a budget does not pay for a lot.
                    return has_bought;
                }
                if mode != SelfTrade::None && self.is_same_owner(account, self.orders.shelf.tag(maker).account()) {
                    match mode {
                        SelfTrade::CancelOldest => continue,
                        _ => return false,
                    }
                }
                let there = if is_hidden { self.orders.extra(maker).hidden } else { self.orders.shelf.leaves(maker) };
                let wanted = there.min(most);
                if !is_backed {
                    match funds.checked_sub(reservation(definition, new.side, price, wanted)) {
                        Some(rest) => funds = rest,
                        None => return false,
                    }
                }
                has_bought |= !wanted.is_zero();
                match &mut budget {
                    Some(budget) => {
                        *budget = budget.minus(definition.quote_amount(price, wanted));
                        if budget.is_zero() {
                            return true;
                        }
                    }
                    None => {
                        missing = missing.minus(wanted);
                        if missing.is_zero() {
                            return true;
                        }
                    }
                }
            }
        }
        false
    }

    /// Whether two accounts are one owner's.
    pub(super) fn is_same_owner(&self, one: AccountId, other: AccountId) -> bool {
        one == other || {
            let owner = self.account(one).owner;
            owner != 0 && owner == self.account(other).owner
        }
    }
}

/// The asset that a side pays with.
pub(super) const fn pays(definition: &MarketDefinition, side: Side) -> tidegate_domain::AssetId {
    match side {
        Side::Buy => definition.quote,
        Side::Sell => definition.base,
    }
}

/// How many lots an amount of the quote asset is worth at a price.
pub(super) fn lots_for(units: u128, definition: &MarketDefinition, price: Price) -> Qty {
    let lots = units / definition.quote_amount(price, Qty::from_lots(1)).units();
    Qty::from_lots(u64::try_from(lots).unwrap_or(u64::MAX))
}

/// Whether a stop with this trigger is triggered by the market's last price.
pub(super) fn is_triggered(market: &Market, side: Side, trigger: Price) -> bool {
    market.last.ticks() > 0
        && match side {
            Side::Buy => market.last >= trigger,
            Side::Sell => market.last <= trigger,
        }
}

#[inline]
pub(super) fn check_protection(account: &Account, group: u8) -> Result<(), Reject> {
    if group != 0 && account.protection(group).is_some_and(|protection| protection.is_triggered) {
        return Err(Reject::ProtectionActive);
    }
    Ok(())
}

/// The limit of a post-only order: as it is, or re-priced to one tick from the best price that it would take.
#[inline]
pub(super) fn post_only_price(
    rules: &MarketRules,
    side: Side,
    price: Price,
    opposite: Option<Price>,
    reprice: bool,
) -> Result<Price, Reject> {
    let Some(best) = opposite.filter(|best| crosses(side, Some(price), *best)) else { return Ok(price) };
    let beside = match side {
        Side::Buy => best.ticks() - 1,
        Side::Sell => best.ticks().saturating_add(1),
    };
    let allowed = rules.price_min.ticks().max(1)..=rules.price_max.ticks();
    if reprice && beside != best.ticks() && allowed.contains(&beside) {
        Ok(Price::from_ticks(beside))
    } else {
        Err(Reject::PostOnlyWouldTake)
    }
}

/// How far a limit may be from the reference price and from the last price.
#[inline]
pub(super) fn check_bands(market: &Market, price: Price) -> Result<(), Reject> {
    let rules = &market.rules;
    if rules.static_band_ppm | rules.dynamic_band_ppm == 0 { Ok(()) } else { check_inside_bands(market, price) }
}

fn check_inside_bands(market: &Market, price: Price) -> Result<(), Reject> {
    let rules = &market.rules;
    if !is_in_band(price, rules.reference, rules.static_band_ppm) {
        return Err(Reject::PriceOutOfStaticBand);
    }
    if !is_in_band(price, market.last, rules.dynamic_band_ppm) {
        return Err(Reject::PriceOutOfBand);
    }
    Ok(())
}

/// Without a band, or a price that it is around, everything is inside.
fn is_in_band(price: Price, around: Price, band_ppm: u32) -> bool {
    if band_ppm == 0 || around.ticks() == 0 {
        return true;
    }
    let (around, band) = (u128::from(around.ticks().unsigned_abs()), u128::from(band_ppm));
    let low = (around * (PPM - band)).div_ceil(PPM);
    let high = around * (PPM + band) / PPM;
    (low..=high).contains(&u128::from(price.ticks().unsigned_abs()))
}

/// The market's least notional and the account's largest order; orders without a limit have no notional.
#[inline]
pub(super) fn check_size(
    account: &Account,
    definition: &MarketDefinition,
    rules: &MarketRules,
    limit: Option<Price>,
    qty: Qty,
) -> Result<(), Reject> {
    if let Some(price) = limit {
        let notional = u128::from(price.ticks().unsigned_abs()) * u128::from(qty.lots());
        if notional < u128::from(rules.notional_min) {
            return Err(Reject::NotionalTooSmall);
        }
    }
    let own = &account.limits;
    if !own.qty_max.is_zero() && qty > own.qty_max {
        return Err(Reject::QtyOverAccountLimit);
    }
    let too_much = !own.notional_max.is_zero()
        && limit.is_some_and(|price| definition.quote_amount(price, qty) > own.notional_max);
    if too_much { Err(Reject::NotionalOverAccountLimit) } else { Ok(()) }
}

/// Bounds of a quantity.
#[inline]
pub(super) fn check_qty(rules: &MarketRules, qty: Qty) -> Result<(), Reject> {
    if qty.is_zero() {
        return Err(Reject::QtyZero);
    }
    if qty > rules.qty_max {
        return Err(Reject::QtyTooLarge);
    }
    if qty < rules.qty_min {
        return Err(Reject::QtyTooSmall);
    }
    Ok(())
}

/// Bounds of a limit.
#[inline]
pub(super) fn check_price(rules: &MarketRules, price: Price) -> Result<(), Reject> {
    if price.ticks() < 1 {
        return Err(Reject::PriceNotPositive);
    }
    if price > rules.price_max {
        return Err(Reject::PriceTooHigh);
    }
    if price < rules.price_min {
        return Err(Reject::PriceTooLow);
    }
    Ok(())
}

/// What a new order may look like, whatever the book and the balances: RULES.md 2.1.
#[inline]
fn check_form(rules: &MarketRules, new: &NewOrder, now: Timestamp) -> Result<(), Reject> {
    let (kind, tif, options) = (new.order_type, new.time_in_force, &new.options);
    let is_budget = kind == OrderType::Budget;
    let is_stop = matches!(kind, OrderType::Stop | OrderType::StopLimit);
    let has_limit = matches!(kind, OrderType::Limit | OrderType::StopLimit);
    let can_rest = kind == OrderType::Limit && tif.rests();
    if new.post_only && !can_rest {
        return Err(Reject::PostOnlyMustRest);
    }
    if !has_limit && new.price.ticks() != 0 {
        return Err(Reject::PriceOnMarketOrder);
    }
    if matches!(kind, OrderType::Market | OrderType::Budget) && tif.rests() {
        return Err(Reject::MarketOrderCannotRest);
    }
    if is_stop && !tif.rests() {
        return Err(Reject::StopMustWait);
    }
    if is_budget && !new.qty.is_zero() {
        return Err(Reject::QtyOnBudgetOrder);
    }
    if !is_budget {
        check_qty(rules, new.qty)?;
    }
    if is_budget && options.budget.is_zero() {
        return Err(Reject::BudgetZero);
    }
    if !is_budget && !options.budget.is_zero() {
        return Err(Reject::BudgetWithoutBudgetOrder);
    }
    if options.budget.units() >= UNITS_LIMIT {
        return Err(Reject::AmountTooLarge);
    }
    if has_limit {
        check_price(rules, new.price)?;
    }
    if !is_stop && options.trigger.ticks() != 0 {
        return Err(Reject::TriggerWithoutStop);
    }
    if is_stop && (options.trigger.ticks() < 1 || options.trigger > rules.price_max) {
        return Err(Reject::TriggerOutOfRange);
    }
    if !options.display.is_zero() && !can_rest {
        return Err(Reject::DisplayWithoutLimitOrder);
    }
    if tif != TimeInForce::Gtd && options.expires.nanos() != 0 {
        return Err(Reject::ExpiryWithoutGtd);
    }
    if tif == TimeInForce::Gtd && options.expires <= now {
        return Err(Reject::ExpiryInThePast);
    }
    Ok(())
}
