//! Reduce and replace: RULES.md, 5.1, 5.2, 5.5.

use tidegate_domain::*;

use super::admit::{check_price, check_qty, check_takes_orders, crosses};
use super::{Answer, Naive, NaiveOrder, Place, lots, refuse_if, side, ticks};

impl Naive {
    pub(super) fn reduce(&mut self, target: OrderTarget, by: i128) -> Answer {
        refuse_if(by == 0, Reject::QtyZero)?;
        let order = self.find(target)?;
        let state = self.market(order.market).state;
        let is_allowed = matches!(state, MarketState::Open | MarketState::PostOnly | MarketState::CancelOnly);
        refuse_if(!is_allowed, Reject::MarketHalted)?;
        if by < order.left {
            let event = self.shrink(order.id, by);
            self.tell_creator_of_change(&order, event);
        } else {
            self.cancel_as_asked(&order, CancelReason::ReducedToZero);
        }
        self.answer_other_key(&order);
        Ok(Some(order.id))
    }

    /// Takes `by` off an order, from what is hidden first.
    pub(super) fn shrink(&mut self, id: u64, by: i128) -> Event {
        let order = self.order_mut(id);
        order.left -= by;
        order.shown = order.shown.min(order.left);
        Event::OrderReduced {
            order: OrderId::new(id),
            side: side(order.is_buy),
            price: ticks(order.price),
            by: lots(by),
            leaves: lots(order.left),
        }
    }

    pub(super) fn replace(&mut self, target: OrderTarget, price: i128, qty: i128) -> Answer {
        let order = self.find(target)?;
        let (price, left) = self.check_replace(&order, price, qty)?;
        let keeps_place = price == order.price && left <= order.left;
        let changed = self.order_mut(order.id);
        changed.price = price;
        changed.left = left;
        changed.shown = if keeps_place { changed.shown.min(left) } else { changed.shown_of(left) };
        let event = Event::OrderReplaced {
            order: OrderId::new(order.id),
            side: side(order.is_buy),
            price: ticks(price),
            leaves: lots(left),
            displayed: lots(changed.shown),
            kept_place: keeps_place,
        };
        if !keeps_place {
            changed.place = Place::Taking;
        }
        self.tell_creator_of_change(&order, event);
        if !keeps_place {
            self.take(order.id);
        }
        self.answer_other_key(&order);
        Ok(Some(order.id))
    }

    /// The price and the leaves that the order would get.
    pub(super) fn check_replace(&self, order: &NaiveOrder, price: i128, qty: i128) -> Result<(i128, i128), Reject> {
        refuse_if(order.place == Place::Waiting, Reject::StopNotReplaceable)?;
        let market = self.market(order.market);
        check_takes_orders(market.state)?;
        refuse_if(self.account(order.account).is_killed, Reject::AccountKilled)?;
        check_qty(qty, &market.rules)?;
        refuse_if(qty <= order.filled, Reject::ReplaceBelowFilled)?;
        check_price(price, &market.rules)?;
        refuse_if(self.is_pulled(order.account, order.group), Reject::ProtectionActive)?;
        let price = self.post_only_price(order, price)?;
        self.check_band(order, price)?;
        self.check_size(order, price, qty)?;
        let opposite = self.best_price(order.market, !order.is_buy);
        let takes = opposite.is_some_and(|best| crosses(order.is_buy, Some(price), best));
        refuse_if(market.state == MarketState::PostOnly && takes, Reject::MarketPostOnly)?;
        let left = qty - order.filled;
        let asset = if order.is_buy { market.quote } else { market.base };
        let there = self.balance(order.account, asset).0 + self.price_of(order.is_buy, market, order.price, order.left);
        refuse_if(there < self.price_of(order.is_buy, market, price, left), Reject::InsufficientFunds)?;
        Ok((price, left))
    }
}
