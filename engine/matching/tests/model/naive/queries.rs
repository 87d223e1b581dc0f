//! Queries: RULES.md, 11.

use tidegate_domain::*;

use super::{Answer, Naive, NaiveOrder, Place, lots, refuse_if, side, ticks, units};

impl Naive {
    pub(super) fn query_order(&mut self, target: OrderTarget) -> Answer {
        let order = self.find(target)?;
        self.answer(order.market, status(&order));
        Ok(None)
    }

    pub(super) fn query_orders(&mut self, market: Option<u32>) -> Answer {
        refuse_if(market.is_some_and(|id| id as usize > self.markets.len()), Reject::UnknownMarket)?;
        let account = self.now.account.raw();
        let is_meant = |order: &&NaiveOrder| order.account == account && market.is_none_or(|id| id == order.market);
        let orders: Vec<NaiveOrder> = self.orders.iter().filter(is_meant).cloned().collect();
        for order in &orders {
            self.answer(order.market, status(order));
        }
        self.answer(market.unwrap_or(0), Event::QueryDone { count: orders.len() as u64 });
        Ok(None)
    }

    pub(super) fn query_balances(&mut self, asset: Option<u32>) -> Answer {
        refuse_if(asset.is_some_and(|id| id as usize > self.assets.len()), Reject::UnknownAsset)?;
        let account = self.now.account.raw();
        let has = self.total.keys().filter(|(of, id)| *of == account && asset.is_none_or(|asset| asset == *id));
        let assets: Vec<u32> = has.map(|(_, id)| *id).collect();
        for id in &assets {
            let ((available, held), pending) = (self.balance(account, *id), self.pending(account, *id));
            let (asset, pending) = (AssetId::new(*id), units(pending));
            let (available, held) = (units(available), units(held));
            self.answer(0, Event::BalanceStatus { asset, available, held, pending });
        }
        self.answer(0, Event::QueryDone { count: assets.len() as u64 });
        Ok(None)
    }
}

fn status(order: &NaiveOrder) -> Event {
    let is_waiting = order.place == Place::Waiting;
    Event::OrderStatus(OrderStatus {
        order: OrderId::new(order.id),
        key: KeyId::new(order.key),
        request: RequestNumber::new(order.request),
        side: side(order.is_buy),
        order_type: if is_waiting { order.order_type } else { OrderType::Limit },
        time_in_force: order.time_in_force,
        post_only: order.post_only,
        reprice: order.reprice,
        is_quote: order.is_quote,
        price: ticks(order.price),
        leaves: lots(order.left),
        filled: lots(order.filled),
        displayed: lots(order.shown),
        trigger: ticks(if is_waiting { order.trigger } else { 0 }),
        expires: Timestamp::from_nanos(order.expires.unwrap_or(0)),
        self_trade: order.self_trade,
        group: order.group,
        on_disconnect: order.on_disconnect,
    })
}
