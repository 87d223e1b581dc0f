//! Names and scales of assets, markets, accounts and keys as the event log tells them: what the operator's socket needs
//! to turn decimal texts into units and to list what exists. Built from released events, or from a snapshot and those after it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_domain::{AccountId, AssetId, Event, EventHeader, KeyId, MarketId, MarketState, Name};
use tidegate_matching::Engine;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    assets: BTreeMap<Name, (AssetId, u8)>,
    markets: BTreeMap<MarketId, (Name, MarketState)>,
    accounts: BTreeMap<AccountId, Name>,
    keys: BTreeMap<KeyId, (Name, AccountId)>,
}

impl Directory {
    /// What a snapshot's engine knows: a shorter way than the events that it comes from.
    pub(crate) fn of(engine: &Engine) -> Self {
        Self {
            assets: engine.assets().map(|(id, name, decimals)| (name, (id, decimals))).collect(),
            markets: engine.markets().map(|(id, terms, state)| (id, (terms.name, state))).collect(),
            accounts: engine.accounts().collect(),
            keys: engine.keys().map(|(id, name, account, _)| (id, (name, account))).collect(),
        }
    }

    pub(crate) fn on_event(&mut self, header: &EventHeader, event: &Event) {
        match *event {
            Event::AssetCreated { asset, name, decimals } => {
                self.assets.insert(name, (asset, decimals));
            }
            Event::MarketCreated(ref market) => {
                self.markets.insert(header.market, (market.name, MarketState::Open));
            }
            Event::MarketStateChanged { state } => {
                if let Some(market) = self.markets.get_mut(&header.market) {
                    market.1 = state;
                }
            }
            Event::AccountCreated { name } => {
                self.accounts.insert(header.account, name);
            }
            Event::KeyCreated { key, name, .. } => {
                self.keys.insert(key, (name, header.account));
            }
            _ => {}
        }
    }

    /// Decimal places of an asset.
    pub(crate) fn decimals(&self, asset: &Name) -> Option<u8> {
        self.assets.get(asset).map(|(_, decimals)| *decimals)
    }

    /// Everything that exists, for `admin list`.
    pub(crate) fn to_json(&self) -> Value {
        let assets = self
            .assets
            .iter()
            .map(|(name, (id, decimals))| json!({ "id": id.raw(), "name": name.as_str(), "decimals": decimals }));
        let markets = self
            .markets
            .iter()
            .map(|(id, (name, state))| json!({ "id": id.raw(), "name": name.as_str(), "state": state.as_str() }));
        let accounts = self.accounts.iter().map(|(id, name)| json!({ "id": id.raw(), "name": name.as_str() }));
        let keys = self
            .keys
            .iter()
            .map(|(id, (name, account))| json!({ "id": id.raw(), "name": name.as_str(), "account": account.raw() }));
        json!({
            "assets": assets.collect::<Vec<_>>(),
            "markets": markets.collect::<Vec<_>>(),
            "accounts": accounts.collect::<Vec<_>>(),
            "keys": keys.collect::<Vec<_>>(),
        })
    }
}
