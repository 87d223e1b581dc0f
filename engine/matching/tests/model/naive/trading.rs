//! Trading, the money of a trade, self-trades: RULES.md, 2.4, 2.8, 3, 4.

use tidegate_domain::*;

use super::admit::crosses;
use super::{MILLION, Naive, NaiveMarket, NaiveOrder, Place, lots, side, ticks, units};

/// What a taker does after it met a maker.
enum Next {
    GoesOn,
    Ends(CancelReason),
}

impl Naive {
    /// The order trades, and what is left of it rests or is cancelled.
    pub(super) fn take(&mut self, id: u64) {
        // Orders that were refreshed while this one trades: it takes all that is left of them.
        let mut refreshed = Vec::new();
        let reason = loop {
            let taker = self.order(id).unwrap().clone();
            if taker.left == 0 && taker.budget == 0 {
                self.orders.retain(|order| order.id != id);
                return;
            }
            let Some(maker) = self.best_against(&taker) else { break CancelReason::ImmediateOrCancel };
            if self.most(&taker, &maker) == 0 {
                break CancelReason::ImmediateOrCancel;
            }
            let is_own = self.are_of_one_owner(taker.account, maker.account);
            let next = if is_own && taker.self_trade != SelfTrade::None {
                self.meet_own(&taker, &maker)
            } else {
                self.meet(&taker, &maker, &mut refreshed)
            };
            match next {
                Next::GoesOn => {}
                Next::Ends(reason) => break reason,
            }
        };
        let rest = self.order(id).unwrap().clone();
        if reason == CancelReason::ImmediateOrCancel && rest.has_limit() && rest.time_in_force.rests() {
            self.arrivals += 1;
            let (rank, order) = (self.arrivals, self.order_mut(id));
            order.place = Place::Resting(rank);
            order.shown = order.shown_of(order.left);
        } else if rest.left > 0 || rest.budget > 0 {
            self.cancel_because(&rest, reason);
        } else {
            self.orders.retain(|order| order.id != id);
        }
    }

    fn best_against(&self, taker: &NaiveOrder) -> Option<NaiveOrder> {
        let is_it = |maker: &&NaiveOrder| {
            maker.market == taker.market
                && maker.is_buy != taker.is_buy
                && maker.rank().is_some()
                && crosses(taker.is_buy, taker.limit(), maker.price)
        };
        let order = |maker: &&NaiveOrder| (if taker.is_buy { maker.price } else { -maker.price }, maker.rank());
        self.orders.iter().filter(is_it).min_by_key(order).cloned()
    }

    fn meet_own(&mut self, taker: &NaiveOrder, maker: &NaiveOrder) -> Next {
        let reason = CancelReason::SelfTrade;
        match taker.self_trade {
            SelfTrade::None => unreachable!(),
            SelfTrade::CancelOldest => {
                self.cancel_because(maker, reason);
                Next::GoesOn
            }
            SelfTrade::CancelBoth => {
                self.cancel_because(maker, reason);
                Next::Ends(reason)
            }
            SelfTrade::Decrement if taker.order_type != OrderType::Budget => {
                if maker.left > taker.left {
                    let event = self.shrink(maker.id, taker.left);
                    self.tell_creator(maker, event);
                    return Next::Ends(reason);
                }
                self.cancel_because(maker, reason);
                if maker.left == taker.left {
                    return Next::Ends(reason);
                }
                let event = self.shrink(taker.id, maker.left);
                self.tell_creator(taker, event);
                Next::GoesOn
            }
            SelfTrade::CancelNewest | SelfTrade::Decrement => Next::Ends(reason),
        }
    }

    /// As many lots as the taker may still take at the maker's price.
    fn most(&self, taker: &NaiveOrder, maker: &NaiveOrder) -> i128 {
        if taker.order_type == OrderType::Budget {
            taker.budget / (maker.price * self.market(maker.market).quote_unit)
        } else {
            taker.left
        }
    }

    fn meet(&mut self, taker: &NaiveOrder, maker: &NaiveOrder, refreshed: &mut Vec<u64>) -> Next {
        let market = self.market(taker.market);
        let there = if refreshed.contains(&maker.id) { maker.left } else { maker.shown };
        let wanted = self.most(taker, maker).min(there);
        let asset = if taker.is_buy { market.quote } else { market.base };
        let payable = if taker.is_backed() {
            wanted
        } else {
            self.balance(taker.account, asset).0 / self.price_of(taker.is_buy, market, maker.price, 1)
        };
        let qty = wanted.min(payable);
        if qty > 0 {
            self.trade(taker.id, maker.id, qty);
            if self.take_from_maker(maker.id, qty) {
                refreshed.push(maker.id);
            }
            let is_same = taker.account == maker.account && taker.group == maker.group;
            let is_pulled = self.count_fill(taker, qty);
            if (self.count_fill(maker, qty) && is_same) || is_pulled {
                return Next::Ends(CancelReason::Protection);
            }
        }
        if qty < wanted { Next::Ends(CancelReason::InsufficientFunds) } else { Next::GoesOn }
    }

    /// Money and reports of a trade; what is left of both.
    fn trade(&mut self, taker: u64, maker: u64, qty: i128) {
        let price = self.order(maker).unwrap().price;
        for id in [taker, maker] {
            let order = self.order_mut(id);
            order.filled += qty;
            order.left -= if order.order_type == OrderType::Budget { 0 } else { qty };
        }
        let (taker, maker) = (self.order(taker).unwrap().clone(), self.order(maker).unwrap().clone());
        let at = taker.market as usize - 1;
        self.markets[at].last = Some(price);
        let NaiveMarket { base, quote, base_unit, quote_unit, .. } = self.markets[at];
        let (goods, money) = (qty * base_unit, price * qty * quote_unit);
        if taker.order_type == OrderType::Budget {
            self.order_mut(taker.id).budget -= money;
        }
        let (buyer, seller) = if taker.is_buy { (&taker, &maker) } else { (&maker, &taker) };
        *self.total.entry((buyer.account, quote)).or_default() -= money;
        *self.total.entry((buyer.account, base)).or_default() += goods;
        *self.total.entry((seller.account, base)).or_default() -= goods;
        *self.total.entry((seller.account, quote)).or_default() += money;
        let (taker_gets, maker_gets) =
            if taker.is_buy { ((base, goods), (quote, money)) } else { ((quote, money), (base, goods)) };

        let taker_rate = self.rates(taker.account, taker.market).1;
        let maker_rate = self.rates(maker.account, maker.market).0;
        let taker_fee = round_up(taker_gets.1 * taker_rate);
        self.charge(taker.account, taker_gets.0, taker_fee);
        let maker_fee = if maker_rate < 0 {
            let rebate = (taker_gets.1 * -maker_rate / MILLION).min(taker_fee);
            self.charge(maker.account, taker_gets.0, -rebate);
            rebate
        } else {
            let fee = round_up(maker_gets.1 * maker_rate);
            self.charge(maker.account, maker_gets.0, fee);
            fee
        };
        self.tell_fill(&taker, &maker, price, qty, (Liquidity::Taker, taker_fee, false));
        self.tell_fill(&maker, &taker, price, qty, (Liquidity::Maker, maker_fee, maker_rate < 0));
    }

    /// Maker's and taker's rate of an account.
    fn rates(&self, account: u32, market: u32) -> (i128, i128) {
        let tier = self.account(account).tier;
        let rules = &self.market(market).rules;
        if tier == 0 {
            (rules.maker_fee.ppm().into(), rules.taker_fee.ppm().into())
        } else {
            self.tiers.get(&tier).copied().unwrap_or((0, 0))
        }
    }

    /// From an account into the fee pool, or, below zero, back.
    fn charge(&mut self, account: u32, asset: u32, fee: i128) {
        *self.total.entry((account, asset)).or_default() -= fee;
        *self.fees.entry(asset).or_default() += fee;
    }

    fn tell_fill(
        &mut self,
        order: &NaiveOrder,
        counter: &NaiveOrder,
        price: i128,
        qty: i128,
        (liquidity, fee, is_rebate): (Liquidity, i128, bool),
    ) {
        let fill = Fill {
            order: OrderId::new(order.id),
            counter_order: OrderId::new(counter.id),
            counter_account: AccountId::new(counter.account),
            side: side(order.is_buy),
            liquidity,
            price: ticks(price),
            qty: lots(qty),
            leaves: lots(order.left),
            fee: units(fee),
            is_rebate,
        };
        self.tell_creator(order, Event::Fill(fill));
    }

    /// What a fill does to the displayed part of the maker; whether the next part came.
    fn take_from_maker(&mut self, id: u64, qty: i128) -> bool {
        let next_rank = self.arrivals + 1;
        let maker = self.order_mut(id);
        if maker.left == 0 {
            self.orders.retain(|order| order.id != id);
            return false;
        }
        maker.shown -= qty.min(maker.shown);
        if maker.shown > 0 {
            return false;
        }
        maker.shown = maker.shown_of(maker.left);
        maker.place = Place::Resting(next_rank);
        let maker = maker.clone();
        self.arrivals = next_rank;
        let event = Event::OrderRefreshed {
            order: OrderId::new(id),
            side: side(maker.is_buy),
            price: ticks(maker.price),
            displayed: lots(maker.shown),
        };
        self.tell_creator(&maker, event);
        true
    }
}

/// A share in millionths, rounded up to a whole unit.
fn round_up(millionths: i128) -> i128 {
    (millionths + MILLION - 1) / MILLION
}
