//! Answers to what a client asks about its account: open orders and balances, as they are when the query's turn comes. RULES.md 11.
//!
//!   QueryOrder, QueryOrders --> OrderStatus, .. --> QueryDone        QueryBalances --> BalanceStatus, .. --> QueryDone
//!
//! Invariants: nothing changes but what every request changes: mark, outcome, report numbers. Answers are events, so nobody
//! hears of a state that is not safe yet. Owning thread: the engine's. Not for every order: `query_orders` walks the account's
//! orders, `query_balances` all assets.

use tidegate_domain::{AssetId, Event, MarketId, OrderStatus, OrderTarget, OrderType, Reject};

use super::outcomes::RequestResult;
use super::{Call, Engine};
use crate::book::Handle;

impl Engine {
    pub(super) fn query_order(&mut self, call: &mut Call<'_>, target: OrderTarget) -> RequestResult {
        let handle = self.find(&call.header, target)?;
        self.tell_status(call, handle);
        Ok(None)
    }

    /// Every open order of the account, whichever of its keys created it, oldest first.
    pub(super) fn query_orders(&mut self, call: &mut Call<'_>, market: Option<MarketId>) -> RequestResult {
        if market.is_some_and(|market| self.markets.get(market.raw()).is_none()) {
            return Err(Reject::UnknownMarket);
        }
        let mut count = 0;
        let mut next = self.account(call.header.account).oldest;
        while let Some(handle) = next {
            next = self.orders.newer(handle);
            if market.is_none_or(|market| market == self.orders.identity(handle).market) {
                self.tell_status(call, handle);
                count += 1;
            }
        }
        let to = call.requester().in_market(market.unwrap_or(MarketId::new(0)));
        self.emit(call, to, Event::QueryDone { count });
        Ok(None)
    }

    /// Every balance that the account has, by asset; one that it never had is not told.
    pub(super) fn query_balances(&mut self, call: &mut Call<'_>, asset: Option<AssetId>) -> RequestResult {
        if asset.is_some_and(|asset| self.assets.get(asset.raw()).is_none()) {
            return Err(Reject::UnknownAsset);
        }
        let last = u32::try_from(self.assets.len()).expect("the limit of assets is a u32");
        let range = asset.map_or(1..=last, |asset| asset.raw()..=asset.raw());
        let mut count = 0;
        for asset in range.map(AssetId::new) {
            let Some(row) = self.ledger.row_of(call.header.account, asset) else { continue };
            let balance = self.ledger.row(row);
            let (available, held, pending) = (balance.available, balance.held, balance.pending);
            self.emit(call, call.requester(), Event::BalanceStatus { asset, available, held, pending });
            count += 1;
        }
        self.emit(call, call.requester(), Event::QueryDone { count });
        Ok(None)
    }

    fn tell_status(&mut self, call: &mut Call<'_>, handle: Handle) {
        let (order, extra) = self.orders.look(handle);
        let terms = &extra.terms;
        let order_type = match terms.is_stop {
            true if order.price.ticks() > 0 => OrderType::StopLimit,
            true => OrderType::Stop,
            false => OrderType::Limit,
        };
        let status = OrderStatus {
            order: order.id,
            key: order.key,
            request: order.request,
            side: order.side,
            order_type,
            time_in_force: terms.time_in_force,
            post_only: terms.post_only,
            reprice: terms.reprice,
            is_quote: terms.quote.is_some(),
            price: order.price,
            leaves: order.leaves,
            filled: order.filled,
            displayed: order.displayed,
            trigger: order.trigger,
            expires: terms.expires,
            self_trade: terms.self_trade,
            group: order.group,
            on_disconnect: order.on_disconnect,
        };
        self.emit(call, call.requester().in_market(order.market), Event::OrderStatus(status));
    }
}
