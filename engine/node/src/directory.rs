//! What exists and how it is set, as the event log tells it: what the operator's socket needs to turn decimal texts into units,
//! to change some rules of a market and keep the others, and to list everything. Built from released events, or from a snapshot
//! and those after it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_domain::{
    AccountId, AccountLimits, AssetAmount, AssetId, Event, EventHeader, EventKind, FeeRate, KeyId, MarketDefinition,
    MarketId, MarketRules, MarketState, Name, Networks, Price, Reference, Roles,
};
use tidegate_matching::Engine;
use tidegate_wire::{Scale, format_decimal};

use crate::admin::{limits_json, rules_json};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    assets: BTreeMap<Name, (AssetId, u8)>,
    asset_names: BTreeMap<AssetId, Name>,
    markets: BTreeMap<MarketId, MarketEntry>,
    accounts: BTreeMap<AccountId, AccountEntry>,
    tiers: BTreeMap<u8, (FeeRate, FeeRate)>,
    keys: BTreeMap<KeyId, KeyEntry>,
    /// Held withdrawals that wait.
    withdrawals: BTreeMap<Reference, (AccountId, AssetId, AssetAmount)>,
}

/// A market.
#[derive(Clone, Debug)]
pub(crate) struct MarketEntry {
    name: Name,
    base: Name,
    quote: Name,
    state: MarketState,
    pub(crate) rules: MarketRules,
    pub(crate) scale: Scale,
}

/// An account.
#[derive(Debug)]
pub(crate) struct AccountEntry {
    name: Name,
    owner: u32,
    tier: u8,
    is_killed: bool,
    pub(crate) limits: AccountLimits,
}

#[derive(Debug)]
struct KeyEntry {
    name: Name,
    account: AccountId,
    roles: Roles,
    networks: Networks,
}

impl Directory {
    /// What a snapshot's engine knows: a shorter way than the events that it comes from.
    pub(crate) fn of(engine: &Engine) -> Self {
        let mut directory = Self::default();
        engine.describe(|header, event| directory.on_event(header, event));
        directory
    }

    /// Whether an event of this kind, caused by a client, changes something here.
    pub(crate) const fn follows(kind: EventKind) -> bool {
        matches!(kind, EventKind::KillSwitchSet | EventKind::KeyRolesSet | EventKind::WithdrawalHeld)
    }

    pub(crate) fn on_event(&mut self, header: &EventHeader, event: &Event) {
        let account = header.account;
        match *event {
            Event::AssetCreated { asset, name, decimals } => {
                self.assets.insert(name, (asset, decimals));
                self.asset_names.insert(asset, name);
            }
            Event::MarketCreated(ref definition) => self.create_market(header.market, definition),
            Event::MarketStateChanged { state } => self.market_mut(header.market).state = state,
            Event::MarketRulesSet(rules) => self.market_mut(header.market).rules = rules,
            Event::AccountCreated { name } => {
                let limits = AccountLimits::default();
                self.accounts.insert(account, AccountEntry { name, owner: 0, tier: 0, is_killed: false, limits });
            }
            Event::AccountLimitsSet(limits) => self.account_mut(account).limits = limits,
            Event::AccountOwnerSet { owner } => self.account_mut(account).owner = owner,
            Event::AccountTierSet { tier } => self.account_mut(account).tier = tier,
            Event::KillSwitchSet { engaged, .. } => self.account_mut(account).is_killed = engaged,
            Event::FeeTierSet { tier, maker_fee, taker_fee } => {
                self.tiers.insert(tier, (maker_fee, taker_fee));
            }
            Event::KeyCreated { key, name, roles, .. } => {
                self.keys.insert(key, KeyEntry { name, account, roles, networks: Networks::default() });
            }
            Event::KeyRolesSet { key, roles } => self.key_mut(key).roles = roles,
            Event::KeyNetworksSet { key, networks } => self.key_mut(key).networks = networks,
            Event::WithdrawalHeld { asset, amount, reference } => {
                self.withdrawals.insert(reference, (account, asset, amount));
            }
            Event::WithdrawalSettled { reference, .. } | Event::WithdrawalReleased { reference, .. } => {
                self.withdrawals.remove(&reference);
            }
            _ => {}
        }
    }

    fn create_market(&mut self, id: MarketId, definition: &MarketDefinition) {
        let asset = |asset| self.asset(asset).expect("the engine creates a market only of assets that it created");
        let ((base, base_decimals), (quote, quote_decimals)) = (asset(definition.base), asset(definition.quote));
        let entry = MarketEntry {
            name: definition.name,
            base,
            quote,
            state: MarketState::Open,
            rules: definition.first_rules(),
            scale: Scale::new(definition, base_decimals, quote_decimals),
        };
        self.markets.insert(id, entry);
    }

    fn market_mut(&mut self, id: MarketId) -> &mut MarketEntry {
        self.markets.get_mut(&id).expect("an event names only what an event before it created")
    }

    fn account_mut(&mut self, id: AccountId) -> &mut AccountEntry {
        self.accounts.get_mut(&id).expect("an event names only what an event before it created")
    }

    fn key_mut(&mut self, id: KeyId) -> &mut KeyEntry {
        self.keys.get_mut(&id).expect("an event names only what an event before it created")
    }

    /// Decimal places of an asset.
    pub(crate) fn decimals(&self, asset: &Name) -> Option<u8> {
        self.assets.get(asset).map(|(_, decimals)| *decimals)
    }

    /// Name and decimal places of an asset.
    pub(crate) fn asset(&self, asset: AssetId) -> Option<(Name, u8)> {
        let name = *self.asset_names.get(&asset)?;
        Some((name, self.decimals(&name)?))
    }

    /// The market with this name.
    pub(crate) fn market(&self, name: &Name) -> Option<&MarketEntry> {
        self.markets.values().find(|market| market.name == *name)
    }

    /// An account.
    pub(crate) fn account(&self, id: AccountId) -> Option<&AccountEntry> {
        self.accounts.get(&id)
    }

    /// The account of a key.
    pub(crate) fn account_of(&self, key: KeyId) -> Option<AccountId> {
        self.keys.get(&key).map(|key| key.account)
    }

    /// Everything that exists, for `admin list`.
    pub(crate) fn to_json(&self) -> Value {
        let assets = self
            .assets
            .iter()
            .map(|(name, (id, decimals))| json!({ "id": id.raw(), "name": name.as_str(), "decimals": decimals }));
        let markets = self.markets.iter().map(|(id, market)| {
            json!({
                "id": id.raw(),
                "name": market.name.as_str(),
                "base": market.base.as_str(),
                "quote": market.quote.as_str(),
                "tick": market.scale.price(Price::from_ticks(1)),
                "lot": market.scale.qty(1),
                "state": market.state.as_str(),
                "rules": rules_json(&market.rules, &market.scale),
            })
        });
        let accounts = self.accounts.iter().map(|(id, account)| {
            json!({
                "id": id.raw(),
                "name": account.name.as_str(),
                "owner": account.owner,
                "tier": account.tier,
                "killed": account.is_killed,
                "limits": limits_json(&account.limits),
            })
        });
        let tiers = self.tiers.iter().map(|(tier, (maker_fee, taker_fee))| {
            json!({ "tier": tier, "maker_fee_ppm": maker_fee.ppm(), "taker_fee_ppm": taker_fee.ppm() })
        });
        let keys = self.keys.iter().map(|(id, key)| {
            json!({
                "id": id.raw(),
                "name": key.name.as_str(),
                "account": key.account.raw(),
                "roles": key.roles.to_string(),
                "networks": key.networks.to_string(),
            })
        });
        let withdrawals = self.withdrawals.iter().map(|(reference, (account, asset, amount))| {
            let known = self.asset(*asset);
            json!({
                "reference": reference.as_str(),
                "account": account.raw(),
                "asset": known.map(|(name, _)| name.to_string()),
                "amount": known.map(|(_, decimals)| format_decimal(amount.units(), decimals)),
            })
        });
        json!({
            "assets": assets.collect::<Vec<_>>(),
            "markets": markets.collect::<Vec<_>>(),
            "accounts": accounts.collect::<Vec<_>>(),
            "fee_tiers": tiers.collect::<Vec<_>>(),
            "keys": keys.collect::<Vec<_>>(),
            "pending_withdrawals": withdrawals.collect::<Vec<_>>(),
        })
    }
}
