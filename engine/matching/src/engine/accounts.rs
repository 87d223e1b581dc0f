//! What is set about accounts and keys: limits, owner groups, fee tiers, the kill switch, roles, networks. RULES.md 7. The kill
//! switch and roles also by a key of the account.

use core::net::IpAddr;

use tidegate_domain::{AccountLimits, CancelReason, Event, FeeRate, KeyId, Network, Networks, Reject, Roles};

use super::admin::check_fees;
use super::money::UNITS_LIMIT;
use super::tables::KillSwitch;
use super::{Call, Engine, To};
use crate::hash::{Fact, hash, words};

type Done = Result<(To, Event), Reject>;

impl Engine {
    fn check_account(&self, to: To) -> Result<(), Reject> {
        self.accounts.get(to.account.raw()).map(|_| ()).ok_or(Reject::UnknownAccount)
    }

    pub(super) fn set_account_limits(&mut self, to: To, limits: &AccountLimits) -> Done {
        self.check_account(to)?;
        if limits.notional_max.units() >= UNITS_LIMIT {
            return Err(Reject::AmountTooLarge);
        }
        self.change_account(to.account, |account| account.limits = *limits);
        Ok((to, Event::AccountLimitsSet(*limits)))
    }

    pub(super) fn set_account_owner(&mut self, to: To, owner: u32) -> Done {
        self.check_account(to)?;
        self.change_account(to.account, |account| account.owner = owner);
        Ok((to, Event::AccountOwnerSet { owner }))
    }

    pub(super) fn set_account_tier(&mut self, to: To, tier: u8) -> Done {
        self.check_account(to)?;
        self.change_account(to.account, |account| account.tier = tier);
        Ok((to, Event::AccountTierSet { tier }))
    }

    pub(super) fn set_fee_tier(&mut self, to: To, tier: u8, maker_fee: FeeRate, taker_fee: FeeRate) -> Done {
        if tier == 0 {
            return Err(Reject::TierZero);
        }
        check_fees(maker_fee, taker_fee)?;
        let before = self.tiers[usize::from(tier)];
        self.sum.replace(tier_hash(tier, before), tier_hash(tier, (maker_fee, taker_fee)));
        self.tiers[usize::from(tier)] = (maker_fee, taker_fee);
        Ok((to, Event::FeeTierSet { tier, maker_fee, taker_fee }))
    }

    pub(super) fn set_kill_switch(&mut self, call: &mut Call<'_>, to: To, engaged: bool) -> Done {
        self.check_account(to)?;
        let before = self.accounts.get(to.account.raw()).expect("checked above").kill_switch;
        let is_operators = call.is_operators();
        let after = match (engaged, is_operators) {
            (true, true) => KillSwitch::ByOperator,
            (true, false) => before.max(KillSwitch::ByKey),
            (false, false) if before == KillSwitch::ByOperator => return Err(Reject::KeyNotAllowed),
            (false, _) => KillSwitch::Released,
        };
        self.change_account(to.account, |account| account.kill_switch = after);
        let cancelled =
            if engaged { self.cancel_matching(call, to.account, CancelReason::KillSwitch, |_| true) } else { 0 };
        Ok((to, Event::KillSwitchSet { engaged, cancelled }))
    }

    pub(super) fn set_key_roles(&mut self, to: To, key: KeyId, roles: Roles) -> Done {
        self.check_account(to)?;
        let of_account = self.keys.get(key.raw()).filter(|entry| entry.account == to.account);
        let before = of_account.ok_or(Reject::UnknownKey)?.roles;
        // The operator is no key: it gives what it likes.
        if let Some(giver) = self.keys.get(to.key.raw())
            && !before.with(giver.roles).has(roles)
        {
            return Err(Reject::KeyNotAllowed);
        }
        self.change_key(key, |key| key.roles = roles);
        Ok((to, Event::KeyRolesSet { key, roles }))
    }

    pub(super) fn set_key_networks(&mut self, to: To, key: KeyId, networks: &Networks) -> Done {
        self.check_account(to)?;
        let entry = self.keys.get_mut(key.raw()).filter(|entry| entry.account == to.account);
        let before = core::mem::replace(&mut entry.ok_or(Reject::UnknownKey)?.networks, *networks);
        self.sum.replace(networks_hash(key, &before), networks_hash(key, networks));
        Ok((to, Event::KeyNetworksSet { key, networks: *networks }))
    }

    pub(super) fn tiers_hash(&self) -> u128 {
        (0..=u8::MAX).zip(&self.tiers).skip(1).fold(0, |sum, (tier, fees)| sum.wrapping_add(tier_hash(tier, *fees)))
    }
}

/// A key that may come from anywhere is as one whose networks were never set.
pub(crate) fn networks_hash(key: KeyId, networks: &Networks) -> u128 {
    let place = |network: &Network| {
        let (kind, [low, high]) = match network.address() {
            IpAddr::V4(address) => (4_u64, [address.to_bits().into(), 0]),
            IpAddr::V6(address) => (6, words(address.to_bits())),
        };
        (kind << 8 | u64::from(network.prefix_len()), low, high)
    };
    networks.list().iter().zip(0_u64..).fold(0, |sum, (network, at)| {
        let (kind, low, high) = place(network);
        sum.wrapping_add(hash(Fact::Network, [u64::from(key.raw()) << 32 | at, kind, low, high]))
    })
}

/// A tier without fees is as one that was never set.
fn tier_hash(tier: u8, (maker, taker): (FeeRate, FeeRate)) -> u128 {
    if maker.ppm() == 0 && taker.ppm() == 0 {
        return 0;
    }
    let fees = u64::from(maker.ppm().cast_unsigned()) << 32 | u64::from(taker.ppm().cast_unsigned());
    hash(Fact::FeeTier, [tier.into(), fees])
}
