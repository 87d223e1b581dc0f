//! The engine checks itself: money adds up, and every index and sum agrees with what it is about. Full walks, for tests and
//! audits; every digest compares the sums that are kept, which is cheap.

use alloc::collections::BTreeMap;

use tidegate_domain::{AccountId, AssetAmount, AssetId, KeyId, MarketId, Side};

use super::money::UNITS_LIMIT;
use super::orders::reservation;
use super::timers::Subject;
use super::{Engine, Market, Order};
use crate::book::Handle;
use crate::hash::Sum;

/// Money was made or lost: a bug of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConservationError {
    /// What is there of an asset is not what came in minus what went out.
    Asset {
        /// Which.
        asset: AssetId,
        /// Available, held, pending and fees together.
        there: AssetAmount,
        /// Deposits minus withdrawals.
        expected: AssetAmount,
    },
    /// What an account has held is not what its open orders need.
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
    /// Whether every unit is accounted for, by a full walk: per asset, available + held + pending + fees = deposits -
    /// withdrawals, and per account, what is held is what its open orders reserve.
    ///
    /// # Errors
    /// [`ConservationError`] names the first asset or account where it is not so.
    pub fn conservation(&self) -> Result<(), ConservationError> {
        let mut reserved: BTreeMap<(AccountId, AssetId), AssetAmount> = BTreeMap::new();
        for (_, market) in self.markets.iter() {
            for (_, order) in self.all_orders_of(market) {
                let (asset, amount) = backing(market, &order);
                let sum = reserved.entry((order.account, asset)).or_default();
                *sum = sum.plus(amount);
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
                there = there.plus(balance.available).plus(balance.held).plus(balance.pending);
            }
            let expected = totals.deposited.minus(totals.withdrawn);
            if there != expected || there.units() >= UNITS_LIMIT {
                return Err(ConservationError::Asset { asset, there, expected });
            }
        }
        Ok(())
    }

    fn all_orders_of(&self, market: &Market) -> impl Iterator<Item = (Handle, Order)> {
        let (buys, sells) = (self.orders_of(market, Side::Buy), self.orders_of(market, Side::Sell));
        buys.chain(sells).chain(self.stops_of(market))
    }

    /// Checks that every index and sum agrees with what it is about, and that money adds up.
    ///
    /// # Panics
    /// When it does not.
    pub fn verify(&self) {
        self.conservation().unwrap_or_else(|error| panic!("{error}"));
        self.ledger.assert_that_it_adds_up();
        self.verify_orders();
        self.verify_keys();
        self.verify_money();
        assert_eq!(crate::digest::walked(self), self.kept_sum(), "the digest that is kept is not that of the state");
        if let Some(genesis) = &self.genesis {
            let limits = &genesis.limits;
            assert!(self.assets.len() <= limits.assets_max as usize);
            assert!(self.markets.len() <= limits.markets_max as usize);
            assert!(self.accounts.len() <= limits.accounts_max as usize);
            assert!(self.keys.len() <= limits.keys_max as usize);
            assert!(self.orders.len() <= limits.open_orders_max as usize);
            assert!(self.references.len() <= limits.references_max as usize);
            assert!(self.ledger.rows().len() <= limits.balances_max as usize);
            assert!(self.ledger.seats().len() <= limits.seats_max as usize);
        }
    }

    /// Everything that is kept of the digest.
    pub(crate) fn kept_sum(&self) -> Sum {
        let mut sum = self.sum;
        for part in [self.orders.sum(), self.ledger.sum(), self.references.sum()] {
            sum.add(part.0);
        }
        sum
    }

    fn verify_orders(&self) {
        let (mut seen, mut quotes) = (0, 0);
        let mut of_account: BTreeMap<AccountId, u32> = BTreeMap::new();
        let mut of_seat: BTreeMap<(AccountId, MarketId), u32> = BTreeMap::new();
        for (raw, market) in self.markets.iter() {
            market.book.verify(&self.orders.shelf);
            market.stops.verify(&self.orders.shelf);
            assert!(!market.book.is_crossed(), "the book is crossed");
            for (handle, order) in self.all_orders_of(market) {
                assert_eq!(order.market, MarketId::new(raw));
                assert_eq!(self.orders.by_id(order.id), Some(handle));
                match self.orders.extra(handle).terms.quote {
                    Some(side) => {
                        let found = self.orders.by_quote(order.account, order.group, order.market, side);
                        assert_eq!((found, side), (Some(handle), order.side));
                        assert_eq!(order.displayed, order.leaves);
                        quotes += 1;
                    }
                    None => assert_eq!(self.orders.by_request(order.key, order.request), Some(handle)),
                }
                let key = self.keys.get(order.key.raw()).expect("the key of an order exists");
                assert_eq!(key.account, order.account);
                assert!(order.displayed <= order.leaves && !order.displayed.is_zero());
                let expires = self.orders.extra(handle).terms.expires;
                let armed = self.timers.deadline(Subject::Order(order.id, handle));
                assert_eq!(armed, (expires.nanos() > 0).then_some(expires));
                *of_account.entry(order.account).or_default() += 1;
                *of_seat.entry((order.account, order.market)).or_default() += 1;
                seen += 1;
            }
            for side in [Side::Buy, Side::Sell] {
                for (_, queue) in market.book.queues(&self.orders.shelf, side) {
                    assert!(queue.map(|handle| self.orders.shelf.tag(handle).priority()).is_sorted());
                }
            }
        }
        assert_eq!(seen, self.orders.len());
        assert_eq!((seen, seen - quotes, quotes), self.orders.index_sizes());
        for (raw, account) in self.accounts.iter() {
            assert_eq!(account.open_orders, of_account.get(&AccountId::new(raw)).copied().unwrap_or(0));
            let listed = || self.orders.of_account(account).map(|handle| self.orders.get(handle));
            assert_eq!(listed().count(), account.open_orders as usize);
            assert!(listed().all(|order| order.account == AccountId::new(raw)));
            assert!(listed().is_sorted_by(|older, newer| older.id.age() < newer.id.age()));
        }
        for seat in self.ledger.seats() {
            assert_eq!(seat.open_orders, of_seat.get(&(seat.account, seat.market)).copied().unwrap_or(0));
        }
    }

    fn verify_keys(&self) {
        let mut armed = 0;
        for (raw, key) in self.keys.iter() {
            assert!(self.public_keys.contains(&key.public_key));
            let outcomes = || self.outcomes.of_key(KeyId::new(raw));
            assert!(outcomes().is_sorted_by(|before, after| before.request < after.request));
            assert!(outcomes().is_sorted_by(|before, after| before.sequence < after.sequence));
            assert!(self.outcomes.newest(KeyId::new(raw)).is_none_or(|outcome| outcome.request == key.request_mark));
            let deadline = self.timers.deadline(Subject::Session(KeyId::new(raw)));
            assert_eq!(deadline, key.session.and_then(|session| session.deadline));
            let dead_man = self.timers.deadline(Subject::DeadMan(KeyId::new(raw)));
            assert_eq!(dead_man, key.dead_man);
            armed += usize::from(deadline.is_some()) + usize::from(dead_man.is_some());
            let Some(session) = &key.session else { continue };
            assert!(session.open || session.deadline.is_some(), "a session that is away has a timer");
        }
        let expiring = self.markets.iter().flat_map(|(_, market)| self.all_orders_of(market));
        let expiring = expiring.filter(|(handle, _)| self.orders.extra(*handle).terms.expires.nanos() > 0).count();
        assert_eq!(armed + expiring, self.timers.len());
        assert_eq!(self.public_keys.len(), self.keys.len());
    }

    fn verify_money(&self) {
        let mut pending: BTreeMap<(AccountId, AssetId), AssetAmount> = BTreeMap::new();
        for (account, asset, amount) in self.references.pending() {
            let sum = pending.entry((account, asset)).or_default();
            *sum = sum.plus(amount);
        }
        for balance in self.ledger.rows() {
            let expected = pending.get(&(balance.account, balance.asset)).copied().unwrap_or_default();
            assert_eq!(balance.pending, expected, "pending of account {}", balance.account);
        }
    }
}

/// What backs an open order, and in which asset.
fn backing(market: &Market, order: &Order) -> (AssetId, AssetAmount) {
    match order.side {
        // A stop buy without a limit has price 0 and so is backed by nothing.
        Side::Buy => (market.definition.quote, reservation(&market.definition, order.side, order.price, order.leaves)),
        Side::Sell => (market.definition.base, reservation(&market.definition, order.side, order.price, order.leaves)),
    }
}
