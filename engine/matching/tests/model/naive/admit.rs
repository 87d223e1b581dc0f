//! Whether a new order is taken: RULES.md, 2 (the table), 2.1, 2.3, 2.4, 2.5, 6.3, 7.2. Nothing here changes anything.

use tidegate_domain::*;

use super::{Naive, NaiveMarket, NaiveOrder, Place, TOO_MUCH, refuse_if};

impl Naive {
    /// The new order as it would be taken, with its effective price and display.
    pub(super) fn admit(&self, new: &NewOrder) -> Result<NaiveOrder, Reject> {
        let account = self.now.account.raw();
        let id = new.market.raw();
        refuse_if(id == 0 || id as usize > self.markets.len(), Reject::UnknownMarket)?;
        let market = self.market(id);
        check_takes_orders(market.state)?;
        refuse_if(self.account(account).is_killed, Reject::AccountKilled)?;
        self.check_form(new, &market.rules)?;
        refuse_if(self.is_pulled(account, new.options.group), Reject::ProtectionActive)?;
        self.check_room(account, id, new.time_in_force)?;
        let mut order = self.as_taken(new, market);
        let opposite = self.best_price(id, !order.is_buy);
        let is_market = matches!(order.order_type, OrderType::Market | OrderType::Budget);
        refuse_if(is_market && opposite.is_none(), Reject::NoLiquidity)?;
        order.price = self.post_only_price(&order, order.price)?;
        self.check_band(&order, order.price)?;
        self.check_size(&order, order.price, order.left)?;
        let is_stop = order.place == Place::Waiting;
        refuse_if(is_stop && is_triggered(market, &order), Reject::StopWouldTrigger)?;
        let takes = !is_stop && opposite.is_some_and(|best| crosses(order.is_buy, order.limit(), best));
        refuse_if(market.state == MarketState::PostOnly && takes, Reject::MarketPostOnly)?;
        self.check_funds(&order, opposite)?;
        let is_fok = new.time_in_force == TimeInForce::Fok;
        refuse_if(is_fok && !self.can_fill_at_once(&order), Reject::FillOrKillUnfillable)?;
        Ok(order)
    }

    fn as_taken(&self, new: &NewOrder, market: &NaiveMarket) -> NaiveOrder {
        let options = &new.options;
        let qty = i128::from(new.qty.lots());
        let display = i128::from(options.display.lots());
        NaiveOrder {
            id: self.now.sequence.raw(),
            key: self.now.key.raw(),
            account: self.now.account.raw(),
            request: self.now.request.raw(),
            market: new.market.raw(),
            is_buy: new.side == Side::Buy,
            order_type: new.order_type,
            time_in_force: new.time_in_force,
            post_only: new.post_only,
            reprice: options.reprice,
            self_trade: options.self_trade,
            group: options.group,
            price: new.price.ticks().into(),
            trigger: options.trigger.ticks().into(),
            display: if display < qty { display } else { 0 },
            left: qty,
            shown: 0,
            filled: 0,
            budget: options.budget.units() as i128,
            expires: match new.time_in_force {
                TimeInForce::Gtd => Some(options.expires.nanos()),
                TimeInForce::Day => Some(next_day_end(self.now.time.nanos(), market.rules.day_end_s)),
                _ => None,
            },
            place: match new.order_type {
                OrderType::Stop | OrderType::StopLimit => Place::Waiting,
                _ => Place::Taking,
            },
            is_quote: false,
            on_disconnect: new.options.on_disconnect,
        }
    }

    /// 2.1, line by line.
    fn check_form(&self, new: &NewOrder, rules: &MarketRules) -> Result<(), Reject> {
        use OrderType::{Budget, Limit, Market, Stop, StopLimit};
        let options = &new.options;
        let (kind, rests) = (new.order_type, new.time_in_force.rests());
        let has_limit = matches!(kind, Limit | StopLimit);
        let is_stop = matches!(kind, Stop | StopLimit);
        let is_resting_limit = kind == Limit && rests;
        refuse_if(new.post_only && !is_resting_limit, Reject::PostOnlyMustRest)?;
        refuse_if(!has_limit && new.price.ticks() != 0, Reject::PriceOnMarketOrder)?;
        refuse_if(matches!(kind, Market | Budget) && rests, Reject::MarketOrderCannotRest)?;
        refuse_if(is_stop && !rests, Reject::StopMustWait)?;
        let qty = i128::from(new.qty.lots());
        if kind == Budget {
            refuse_if(qty != 0, Reject::QtyOnBudgetOrder)?;
        } else {
            check_qty(qty, rules)?;
        }
        let budget = options.budget.units();
        refuse_if(kind == Budget && budget == 0, Reject::BudgetZero)?;
        refuse_if(kind != Budget && budget != 0, Reject::BudgetWithoutBudgetOrder)?;
        refuse_if(budget >= TOO_MUCH as u128, Reject::AmountTooLarge)?;
        if has_limit {
            check_price(new.price.ticks().into(), rules)?;
        }
        let trigger = options.trigger.ticks();
        refuse_if(!is_stop && trigger != 0, Reject::TriggerWithoutStop)?;
        let is_outside = trigger < 1 || trigger > rules.price_max.ticks();
        refuse_if(is_stop && is_outside, Reject::TriggerOutOfRange)?;
        refuse_if(options.display.lots() != 0 && !is_resting_limit, Reject::DisplayWithoutLimitOrder)?;
        let (is_gtd, expires) = (new.time_in_force == TimeInForce::Gtd, options.expires.nanos());
        refuse_if(!is_gtd && expires != 0, Reject::ExpiryWithoutGtd)?;
        refuse_if(is_gtd && expires <= self.now.time.nanos(), Reject::ExpiryInThePast)
    }

    /// Room in the table of orders for those that may stay, and for the account's place in the market for all.
    fn check_room(&self, account: u32, market: u32, time_in_force: TimeInForce) -> Result<(), Reject> {
        if time_in_force.rests() {
            let of_account = || self.orders.iter().filter(|order| order.account == account);
            let in_all = of_account().count();
            let in_market = of_account().filter(|order| order.market == market).count();
            let own = &self.account(account).limits;
            let is_full = |count: usize, max: u32| max != 0 && count >= max as usize;
            let too_many = self.orders.len() >= self.limits.open_orders_max as usize
                || in_all >= self.limits.account_open_orders_max as usize
                || is_full(in_all, own.open_orders_max)
                || is_full(in_market, own.market_open_orders_max);
            refuse_if(too_many, Reject::TooManyOpenOrders)?;
        }
        if self.seats.contains(&(account, market)) {
            return Ok(());
        }
        let NaiveMarket { base, quote, .. } = *self.market(market);
        let missing = [base, quote].iter().filter(|asset| !self.total.contains_key(&(account, **asset))).count();
        let is_full = self.seats.len() >= self.limits.seats_max as usize
            || self.total.len() + missing > self.limits.balances_max as usize;
        refuse_if(is_full, Reject::TableFull)
    }

    pub(super) fn best_price(&self, market: u32, is_buy: bool) -> Option<i128> {
        let in_book = |order: &&NaiveOrder| order.market == market && order.is_buy == is_buy && order.rank().is_some();
        let prices = self.orders.iter().filter(in_book).map(|order| order.price);
        if is_buy { prices.max() } else { prices.min() }
    }

    /// 2.3: the price that an order gets if it asks for `price`.
    pub(super) fn post_only_price(&self, order: &NaiveOrder, price: i128) -> Result<i128, Reject> {
        let opposite = self.best_price(order.market, !order.is_buy);
        let Some(best) = opposite.filter(|best| order.post_only && crosses(order.is_buy, Some(price), *best)) else {
            return Ok(price);
        };
        refuse_if(!order.reprice, Reject::PostOnlyWouldTake)?;
        let price = if order.is_buy { best - 1 } else { best + 1 };
        let rules = &self.market(order.market).rules;
        let is_outside = price < 1 || price < rules.price_min.ticks().into() || price > rules.price_max.ticks().into();
        refuse_if(is_outside, Reject::PostOnlyWouldTake)?;
        Ok(price)
    }

    /// 6.3.
    pub(super) fn check_band(&self, order: &NaiveOrder, price: i128) -> Result<(), Reject> {
        let NaiveMarket { last, rules, .. } = self.market(order.market);
        // Both sides times a million: no rounding to get wrong.
        let is_outside = |middle: i128, band: u32| {
            let distance = (price - middle).abs();
            order.has_limit() && band > 0 && middle > 0 && distance * 1_000_000 > middle * i128::from(band)
        };
        refuse_if(is_outside(rules.reference.ticks().into(), rules.static_band_ppm), Reject::PriceOutOfStaticBand)?;
        refuse_if(last.is_some_and(|last| is_outside(last, rules.dynamic_band_ppm)), Reject::PriceOutOfBand)
    }

    /// 6.2 and 7.2.
    pub(super) fn check_size(&self, order: &NaiveOrder, price: i128, qty: i128) -> Result<(), Reject> {
        let market = self.market(order.market);
        let own = &self.account(order.account).limits;
        let smallest = i128::from(market.rules.notional_min);
        refuse_if(order.has_limit() && smallest > 0 && price * qty < smallest, Reject::NotionalTooSmall)?;
        let largest = i128::from(own.qty_max.lots());
        refuse_if(largest > 0 && qty > largest, Reject::QtyOverAccountLimit)?;
        let largest = own.notional_max.units();
        let notional = (price * qty * market.quote_unit) as u128;
        refuse_if(order.has_limit() && largest > 0 && notional > largest, Reject::NotionalOverAccountLimit)
    }

    /// 2.4.
    fn check_funds(&self, order: &NaiveOrder, opposite: Option<i128>) -> Result<(), Reject> {
        let market = self.market(order.market);
        let need = if order.is_backed() {
            self.price_of(order.is_buy, market, order.price, order.left)
        } else if order.order_type == OrderType::Stop {
            0
        } else {
            self.price_of(order.is_buy, market, opposite.unwrap(), 1)
        };
        let asset = if order.is_buy { market.quote } else { market.base };
        refuse_if(self.balance(order.account, asset).0 < need, Reject::InsufficientFunds)
    }

    /// What a side gives for `qty` lots at `price`.
    pub(super) fn price_of(&self, is_buy: bool, market: &NaiveMarket, price: i128, qty: i128) -> i128 {
        if is_buy { price * qty * market.quote_unit } else { qty * market.base_unit }
    }

    /// 2.5.
    fn can_fill_at_once(&self, order: &NaiveOrder) -> bool {
        let market = self.market(order.market);
        let asset = if order.is_buy { market.quote } else { market.base };
        let mut money = self.balance(order.account, asset).0;
        let (mut missing, mut budget) = (order.left, order.budget);
        let is_budget = order.order_type == OrderType::Budget;
        let mut bought = 0;
        // Of each price first what is displayed, then what is hidden.
        let mut parts: Vec<(usize, bool, NaiveOrder)> = Vec::new();
        let mut prices: Vec<i128> = Vec::new();
        for maker in self.book(order.market, !order.is_buy) {
            if !prices.contains(&maker.price) {
                prices.push(maker.price);
            }
            for is_hidden in [false, true] {
                parts.push((prices.len(), is_hidden, maker.clone()));
            }
        }
        parts.sort_by_key(|(price, is_hidden, _)| (*price, *is_hidden));
        for (_, is_hidden, maker) in parts {
            if !crosses(order.is_buy, order.limit(), maker.price) {
                return false;
            }
            let most = if is_budget { budget / (maker.price * market.quote_unit) } else { missing };
            if most == 0 {
                return bought > 0;
            }
            if self.are_of_one_owner(order.account, maker.account) {
                match order.self_trade {
                    SelfTrade::None => {}
                    SelfTrade::CancelOldest => continue,
                    _ => return false,
                }
            }
            let part = most.min(if is_hidden { maker.left - maker.shown } else { maker.shown });
            let cost = self.price_of(order.is_buy, market, maker.price, part);
            if !order.is_backed() {
                if cost > money {
                    return false;
                }
                money -= cost;
            }
            bought += part;
            missing -= part;
            budget -= maker.price * part * market.quote_unit;
            if (is_budget && budget == 0) || (!is_budget && missing == 0) {
                return true;
            }
        }
        false
    }

    pub(super) fn are_of_one_owner(&self, one: u32, other: u32) -> bool {
        let (group, same) = (self.account(one).owner, self.account(other).owner);
        one == other || (group != 0 && group == same)
    }
}

/// Whether the state lets new and replaced orders in.
pub(super) fn check_takes_orders(state: MarketState) -> Result<(), Reject> {
    match state {
        MarketState::Open | MarketState::PostOnly => Ok(()),
        MarketState::Closed => Err(Reject::MarketClosed),
        MarketState::Halted | MarketState::CancelOnly => Err(Reject::MarketHalted),
    }
}

pub(super) fn check_qty(qty: i128, rules: &MarketRules) -> Result<(), Reject> {
    refuse_if(qty == 0, Reject::QtyZero)?;
    refuse_if(qty > rules.qty_max.lots().into(), Reject::QtyTooLarge)?;
    refuse_if(qty < rules.qty_min.lots().into(), Reject::QtyTooSmall)
}

pub(super) fn check_price(price: i128, rules: &MarketRules) -> Result<(), Reject> {
    refuse_if(price < 1, Reject::PriceNotPositive)?;
    refuse_if(price > rules.price_max.ticks().into(), Reject::PriceTooHigh)?;
    refuse_if(price < rules.price_min.ticks().into(), Reject::PriceTooLow)
}

/// Whether an order of this side trades with a maker at `price`.
pub(super) fn crosses(is_buy: bool, limit: Option<i128>, price: i128) -> bool {
    limit.is_none_or(|limit| if is_buy { price <= limit } else { price >= limit })
}

pub(super) fn is_triggered(market: &NaiveMarket, stop: &NaiveOrder) -> bool {
    market.last.is_some_and(|last| if stop.is_buy { last >= stop.trigger } else { last <= stop.trigger })
}

/// 2.6.
fn next_day_end(now: u64, day_end_s: u32) -> u64 {
    let mut end = now - now % super::DAY_NS + u64::from(day_end_s) * super::SECOND_NS;
    while end <= now {
        end += super::DAY_NS;
    }
    end
}
