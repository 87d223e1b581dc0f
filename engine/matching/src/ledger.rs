//! Who has what: per account and asset what is available and what is held for resting orders, per asset the fees.
//!
//! Invariants: per asset, sum of available + held + fees = deposits - withdrawals < 2^96, so no addition overflows.
//! Nothing here decides a reject: callers check first, and taking more than there is panics.
//!
//! Hot path: called by match for every order and twice for every trade.

use alloc::vec::Vec;

use tidegate_domain::{AccountId, AssetAmount, AssetId};

/// What an account has of one asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) available: AssetAmount,
    pub(crate) held: AssetAmount,
}

/// What came in, went out and was earned of one asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) deposited: AssetAmount,
    pub(crate) withdrawn: AssetAmount,
    pub(crate) fees: AssetAmount,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By account, then by asset; an account's row grows to the highest asset that it ever had.
    accounts: Vec<Vec<Balance>>,
    /// By asset.
    totals: Vec<Totals>,
}

fn place(id: u32) -> usize {
    assert!(id > 0, "ids start at 1");
    id as usize - 1
}

impl Ledger {
    pub(crate) fn add_account(&mut self) {
        self.accounts.push(Vec::new());
    }

    pub(crate) fn add_asset(&mut self) {
        self.totals.push(Totals::default());
    }

    pub(crate) fn totals(&self, asset: AssetId) -> &Totals {
        &self.totals[place(asset.raw())]
    }

    pub(crate) fn balance(&self, account: AccountId, asset: AssetId) -> Balance {
        self.accounts[place(account.raw())].get(place(asset.raw())).copied().unwrap_or_default()
    }

    /// Every row, for checks and the digest.
    pub(crate) fn accounts(&self) -> &[Vec<Balance>] {
        &self.accounts
    }

    fn balance_mut(&mut self, account: AccountId, asset: AssetId) -> &mut Balance {
        let row = &mut self.accounts[place(account.raw())];
        let place = place(asset.raw());
        if row.len() <= place {
            row.resize(place + 1, Balance::default());
        }
        &mut row[place]
    }

    pub(crate) fn deposit(&mut self, account: AccountId, asset: AssetId, amount: AssetAmount) {
        let totals = &mut self.totals[place(asset.raw())];
        totals.deposited = totals.deposited.plus(amount);
        self.credit(account, asset, amount);
    }

    pub(crate) fn withdraw(&mut self, account: AccountId, asset: AssetId, amount: AssetAmount) {
        let totals = &mut self.totals[place(asset.raw())];
        totals.withdrawn = totals.withdrawn.plus(amount);
        self.debit(account, asset, amount);
    }

    /// Adds to what is available.
    pub(crate) fn credit(&mut self, account: AccountId, asset: AssetId, amount: AssetAmount) {
        let balance = self.balance_mut(account, asset);
        balance.available = balance.available.plus(amount);
    }

    /// Takes from what is available.
    pub(crate) fn debit(&mut self, account: AccountId, asset: AssetId, amount: AssetAmount) {
        let balance = self.balance_mut(account, asset);
        balance.available = balance.available.minus(amount);
    }

    /// Moves from available to held.
    pub(crate) fn hold(&mut self, account: AccountId, asset: AssetId, amount: AssetAmount) {
        let balance = self.balance_mut(account, asset);
        balance.available = balance.available.minus(amount);
        balance.held = balance.held.plus(amount);
    }

    /// Moves from held back to available.
    pub(crate) fn release(&mut self, account: AccountId, asset: AssetId, amount: AssetAmount) {
        let balance = self.balance_mut(account, asset);
        balance.held = balance.held.minus(amount);
        balance.available = balance.available.plus(amount);
    }

    /// Pays `paid` out of the `reserved` that was held for it; the difference is available at once.
    pub(crate) fn pay_held(&mut self, account: AccountId, asset: AssetId, reserved: AssetAmount, paid: AssetAmount) {
        let balance = self.balance_mut(account, asset);
        balance.held = balance.held.minus(reserved);
        balance.available = balance.available.plus(reserved.minus(paid));
    }

    /// Books a fee: it was taken from what a side received.
    pub(crate) fn earn_fee(&mut self, asset: AssetId, fee: AssetAmount) {
        let totals = &mut self.totals[place(asset.raw())];
        totals.fees = totals.fees.plus(fee);
    }
}
