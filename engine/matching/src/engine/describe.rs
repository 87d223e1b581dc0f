//! What is set up, told as the events that would set it up: whoever follows events can begin with an engine that was restored.
//!
//! Invariants: the events name only what one before them created; orders, balances and sessions are not among them. They have
//! no sequence: nobody was told them.

use alloc::vec::Vec;

use tidegate_domain::{AccountId, AccountLimits, AssetId, Event, EventHeader, FeeRate, KeyId, MarketId, MarketState};

use super::Engine;

impl Engine {
    /// Gives `tell` the events: assets, markets with rules and state, tiers, accounts, keys, withdrawals that wait.
    pub fn describe(&self, mut tell: impl FnMut(&EventHeader, &Event)) {
        let nobody = EventHeader::default();
        for (id, asset) in self.assets.iter() {
            let (name, decimals) = (asset.name, asset.decimals);
            tell(&nobody, &Event::AssetCreated { asset: AssetId::new(id), name, decimals });
        }
        for (id, market) in self.markets.iter() {
            let of_market = EventHeader { market: MarketId::new(id), ..nobody };
            tell(&of_market, &Event::MarketCreated(market.definition));
            tell(&of_market, &Event::MarketRulesSet(market.rules));
            if market.state != MarketState::Open {
                tell(&of_market, &Event::MarketStateChanged { state: market.state });
            }
        }
        for (tier, (maker_fee, taker_fee)) in (0..=u8::MAX).zip(&self.tiers).skip(1) {
            if (*maker_fee, *taker_fee) != (FeeRate::default(), FeeRate::default()) {
                tell(&nobody, &Event::FeeTierSet { tier, maker_fee: *maker_fee, taker_fee: *taker_fee });
            }
        }
        for (id, account) in self.accounts.iter() {
            let of_account = EventHeader { account: AccountId::new(id), ..nobody };
            tell(&of_account, &Event::AccountCreated { name: account.name });
            if account.limits != AccountLimits::default() {
                tell(&of_account, &Event::AccountLimitsSet(account.limits));
            }
            if account.owner != 0 {
                tell(&of_account, &Event::AccountOwnerSet { owner: account.owner });
            }
            if account.tier != 0 {
                tell(&of_account, &Event::AccountTierSet { tier: account.tier });
            }
            if account.kill_switch.is_engaged() {
                tell(&of_account, &Event::KillSwitchSet { engaged: true, cancelled: 0 });
            }
        }
        for (id, key) in self.keys.iter() {
            let of_account = EventHeader { account: key.account, ..nobody };
            let (id, name) = (KeyId::new(id), key.name);
            tell(&of_account, &Event::KeyCreated { key: id, name, public_key: key.public_key, roles: key.roles });
            if !key.networks.list().is_empty() {
                tell(&of_account, &Event::KeyNetworksSet { key: id, networks: key.networks });
            }
        }
        let mut holds: Vec<_> =
            self.references.iter().filter_map(|(reference, moved)| Some((reference, moved, moved.hold?))).collect();
        holds.sort_unstable_by_key(|(reference, ..)| *reference);
        for (reference, moved, hold) in holds {
            if hold.done.is_none() {
                let of_account = EventHeader { account: moved.account, ..nobody };
                tell(&of_account, &Event::WithdrawalHeld { asset: hold.asset, amount: hold.amount, reference });
            }
        }
    }
}
