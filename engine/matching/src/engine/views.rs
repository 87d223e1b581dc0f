//! What tests, reports and tools may see of an engine. Clients never do: they read released events.

use alloc::vec::Vec;

use tidegate_domain::{
    AccountId, AssetAmount, AssetId, Epoch, Genesis, KeyId, MarketDefinition, MarketId, MarketRules, MarketState, Name,
    Price, Qty, RequestNumber, SessionSequence, Side,
};

use super::{Engine, Market, Order};
use crate::book::Handle;

impl Engine {
    /// The leadership term of the command applied last.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The limits of the journal, once it began.
    #[must_use]
    pub const fn genesis(&self) -> Option<&Genesis> {
        self.genesis.as_ref()
    }

    /// Every market, in the order of the ids.
    pub fn markets(&self) -> impl Iterator<Item = (MarketId, &MarketDefinition, MarketState)> {
        self.markets.iter().map(|(id, market)| (MarketId::new(id), &market.definition, market.state))
    }

    /// The first `depth` levels of a book, best first: price, quantity, orders. Nothing for an unknown market.
    #[must_use]
    pub fn levels(&self, market: MarketId, side: Side, depth: usize) -> Vec<(Price, Qty, u32)> {
        self.markets
            .get(market.raw())
            .map_or_else(Vec::new, |market| market.book.depth(&self.orders.shelf, side, depth))
    }

    /// The orders of one side of a book, in the order in which they would trade.
    pub fn resting_orders(&self, market: MarketId, side: Side) -> impl Iterator<Item = Order> {
        let market = self.markets.get(market.raw());
        market.into_iter().flat_map(move |market| self.orders_of(market, side).map(|(_, order)| order))
    }

    pub(crate) fn orders_of(&self, market: &Market, side: Side) -> impl Iterator<Item = (Handle, Order)> {
        market.book.orders(&self.orders.shelf, side).map(|(handle, _)| (handle, self.orders.get(handle)))
    }

    /// Waiting stop orders: buys by the lowest trigger, then sells by the highest.
    pub fn waiting_stops(&self, market: MarketId) -> impl Iterator<Item = Order> {
        let market = self.markets.get(market.raw());
        market.into_iter().flat_map(move |market| self.stops_of(market).map(|(_, order)| order))
    }

    pub(crate) fn stops_of(&self, market: &Market) -> impl Iterator<Item = (Handle, Order)> {
        let side = |side| market.stops.orders(&self.orders.shelf, side);
        side(Side::Sell).chain(side(Side::Buy)).map(|(handle, _)| (handle, self.orders.get(handle)))
    }

    /// The rules of a market and the price of its newest trade, if there was one.
    #[must_use]
    pub fn market_rules(&self, market: MarketId) -> Option<(&MarketRules, Option<Price>)> {
        let market = self.markets.get(market.raw())?;
        Some((&market.rules, (market.last.ticks() > 0).then_some(market.last)))
    }

    /// What an account has waiting as withdrawals of an asset. `None` when one of them does not exist.
    #[must_use]
    pub fn pending(&self, account: AccountId, asset: AssetId) -> Option<AssetAmount> {
        self.accounts.get(account.raw())?;
        self.assets.get(asset.raw())?;
        Some(self.ledger.balance(account, asset).pending)
    }

    /// How many orders rest, in all books.
    #[must_use]
    pub const fn open_order_count(&self) -> usize {
        self.orders.len()
    }

    /// Every asset, in the order of the ids: id, name, decimal places.
    pub fn assets(&self) -> impl Iterator<Item = (AssetId, Name, u8)> {
        self.assets.iter().map(|(id, asset)| (AssetId::new(id), asset.name, asset.decimals))
    }

    /// Every account, in the order of the ids.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, Name)> {
        self.accounts.iter().map(|(id, account)| (AccountId::new(id), account.name))
    }

    /// Every key, in the order of the ids: id, name, account, public key.
    pub fn keys(&self) -> impl Iterator<Item = (KeyId, Name, AccountId, [u8; 32])> {
        self.keys.iter().map(|(id, key)| (KeyId::new(id), key.name, key.account, key.public_key))
    }

    /// What an account has of an asset: available, held. `None` when one of them does not exist.
    #[must_use]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Option<(AssetAmount, AssetAmount)> {
        self.accounts.get(account.raw())?;
        self.assets.get(asset.raw())?;
        let balance = self.ledger.balance(account, asset);
        Some((balance.available, balance.held))
    }

    /// Fees earned of an asset.
    #[must_use]
    pub fn fees(&self, asset: AssetId) -> Option<AssetAmount> {
        self.assets.get(asset.raw()).map(|_| self.ledger.totals(asset).fees)
    }

    /// All that came in and all that went out of an asset.
    #[must_use]
    pub fn deposits_and_withdrawals(&self, asset: AssetId) -> Option<(AssetAmount, AssetAmount)> {
        self.assets
            .get(asset.raw())
            .map(|_| self.ledger.totals(asset))
            .map(|totals| (totals.deposited, totals.withdrawn))
    }

    /// A key's highest applied request and the number of its last report.
    #[must_use]
    pub fn key_marks(&self, key: KeyId) -> Option<(RequestNumber, SessionSequence)> {
        self.keys.get(key.raw()).map(|key| (key.request_mark, key.report_mark))
    }
}
