//! The engine checks itself: money adds up, and every index agrees with what it indexes. Full walks, for tests and audits.

use alloc::collections::BTreeMap;

use tidegate_domain::{AccountId, AssetAmount, AssetId, KeyId, MarketId, Side};

use super::Engine;
use super::money::UNITS_LIMIT;
use super::orders::reservation;
use super::requests::OUTCOMES_PER_KEY;

/// Money was made or lost: a bug of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConservationError {
    /// What is there of an asset is not what came in minus what went out.
    Asset {
        /// Which.
        asset: AssetId,
        /// Available, held and fees together.
        there: AssetAmount,
        /// Deposits minus withdrawals.
        expected: AssetAmount,
    },
    /// What an account has held is not what its resting orders need.
    Held {
        /// Which account.
        account: AccountId,
        /// Of which asset.
        asset: AssetId,
        /// What is held.
        held: AssetAmount,
        /// What its orders need.
        expected: AssetAmount,
    },
}

impl core::fmt::Display for ConservationError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Asset { asset, there, expected } => {
                write!(f, "asset {asset}: {there} units are there, deposits minus withdrawals are {expected}")
            }
            Self::Held { account, asset, held, expected } => {
                write!(f, "account {account}, asset {asset}: {held} units are held, its open orders need {expected}")
            }
        }
    }
}

impl core::error::Error for ConservationError {}

impl Engine {
    /// Whether every unit is accounted for: per asset, available + held + fees = deposits - withdrawals, and per account,
    /// what is held is what its open orders reserve.
    ///
    /// # Errors
    /// [`ConservationError`] names the first asset or account where it is not so.
    pub fn conservation(&self) -> Result<(), ConservationError> {
        let mut reserved: BTreeMap<(AccountId, AssetId), AssetAmount> = BTreeMap::new();
        for (_, market) in self.markets.iter() {
            for side in [Side::Buy, Side::Sell] {
                for (_, order) in self.orders_of(market, side) {
                    let (asset, amount) = reservation(&market.definition, &order, order.leaves);
                    let sum = reserved.entry((order.account, asset)).or_default();
                    *sum = sum.plus(amount);
                }
            }
        }
        for (raw, _) in self.assets.iter() {
            let asset = AssetId::new(raw);
            let totals = self.ledger.totals(asset);
            let mut there = totals.fees;
            for (raw, _) in self.accounts.iter() {
                let account = AccountId::new(raw);
                let balance = self.ledger.balance(account, asset);
                let expected = reserved.get(&(account, asset)).copied().unwrap_or_default();
                if balance.held != expected {
                    return Err(ConservationError::Held { account, asset, held: balance.held, expected });
                }
                there = there.plus(balance.available).plus(balance.held);
            }
            let expected = totals.deposited.minus(totals.withdrawn);
            if there != expected || there.units() >= UNITS_LIMIT {
                return Err(ConservationError::Asset { asset, there, expected });
            }
        }
        Ok(())
    }

    /// Checks that every index agrees with what it indexes, and that money adds up.
    ///
    /// # Panics
    /// When it does not.
    pub fn verify(&self) {
        self.conservation().unwrap_or_else(|error| panic!("{error}"));
        self.verify_orders();
        self.verify_keys();
        assert_eq!(self.ledger.accounts().len(), self.accounts.len());
        if let Some(genesis) = &self.genesis {
            let limits = &genesis.limits;
            assert!(self.assets.len() <= limits.assets_max as usize);
            assert!(self.markets.len() <= limits.markets_max as usize);
            assert!(self.accounts.len() <= limits.accounts_max as usize);
            assert!(self.keys.len() <= limits.keys_max as usize);
            assert!(self.orders.len() <= limits.open_orders_max as usize);
            assert!(self.references.len() <= limits.references_max as usize);
        }
    }

    fn verify_orders(&self) {
        let mut seen = 0;
        let mut of_account: BTreeMap<AccountId, u32> = BTreeMap::new();
        for (raw, market) in self.markets.iter() {
            market.book.verify(&self.orders.shelf);
            for side in [Side::Buy, Side::Sell] {
                for (handle, order) in self.orders_of(market, side) {
                    assert_eq!(order.market, MarketId::new(raw));
                    assert_eq!(self.orders.by_id(order.id), Some(handle));
                    assert_eq!(self.orders.by_request(order.key, order.request), Some(handle));
                    let key = self.keys.get(order.key.raw()).expect("the key of an order exists");
                    assert_eq!(key.account, order.account);
                    *of_account.entry(order.account).or_default() += 1;
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, self.orders.len());
        assert_eq!((seen, seen), self.orders.index_sizes());
        for (raw, account) in self.accounts.iter() {
            assert_eq!(account.open_orders, of_account.get(&AccountId::new(raw)).copied().unwrap_or(0));
            let listed = || self.orders.of_account(account).map(|handle| self.orders.get(handle));
            assert_eq!(listed().count(), account.open_orders as usize);
            assert!(listed().all(|order| order.account == AccountId::new(raw)));
            assert!(listed().is_sorted_by(|older, newer| older.id < newer.id));
        }
    }

    fn verify_keys(&self) {
        let mut armed = 0;
        for (raw, key) in self.keys.iter() {
            assert!(self.public_keys.contains(&key.public_key));
            assert!(key.outcomes.len() <= OUTCOMES_PER_KEY);
            assert!(key.outcomes.iter().is_sorted_by(|before, after| before.request < after.request));
            assert!(key.outcomes.back().is_none_or(|outcome| outcome.request == key.request_mark));
            let Some(session) = &key.session else { continue };
            assert!(session.open || session.deadline.is_some(), "a session that is away has a timer");
            if let Some(deadline) = session.deadline {
                assert!(session.cancel_on_disconnect, "only cancel-on-disconnect has a timer");
                assert!(self.deadlines.contains(&(deadline, KeyId::new(raw))));
                armed += 1;
            }
        }
        assert_eq!(armed, self.deadlines.len());
        assert_eq!(self.public_keys.len(), self.keys.len());
    }
}
