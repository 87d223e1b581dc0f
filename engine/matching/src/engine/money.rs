//! Deposits and withdrawals: applied once per business reference.
//!
//! Invariants: a reference is taken by the command that was applied with it, never by a refused one. The same reference
//! with the same payload gets the first outcome; with another payload it is refused. No asset has 2^96 units in all.

use tidegate_domain::{AssetAmount, AssetId, CommandKind, Event, KeyId, Name, Reference, Reject};
use xxhash_rust::xxh3::Xxh3;

use super::tables::Moved;
use super::{Call, Engine};

/// Amounts stay below it, so that a sum of two, or an amount times a million, fits in 128 bits.
pub(crate) const UNITS_LIMIT: u128 = 1 << 96;

impl Engine {
    pub(super) fn move_money(&mut self, call: &mut Call<'_>, asset: Name, amount: AssetAmount, reference: Reference) {
        let to = call.requester();
        if to.key != KeyId::OPERATOR {
            return self.reject(call, to, Reject::UnknownKey);
        }
        let payload_hash = hash(call);
        if let Some(moved) = self.references.get(&reference).copied() {
            if moved.payload_hash != payload_hash {
                return self.reject(call, to, Reject::ReferenceReused);
            }
            let (original, command) = (moved.sequence, call.kind);
            return self.emit(call, to, Event::Outcome { original, order: None, reject: None, command });
        }
        match self.check_money(call, asset, amount) {
            Ok(asset) => {
                self.references.insert(reference, Moved { sequence: call.header.sequence, payload_hash });
                if call.kind == CommandKind::Deposit {
                    self.ledger.deposit(to.account, asset, amount);
                    self.emit(call, to, Event::Deposited { asset, amount, reference });
                } else {
                    self.ledger.withdraw(to.account, asset, amount);
                    self.emit(call, to, Event::Withdrawn { asset, amount, reference });
                }
            }
            Err(reason) => self.reject(call, to, reason),
        }
    }

    fn check_money(&self, call: &Call<'_>, asset: Name, amount: AssetAmount) -> Result<AssetId, Reject> {
        let account = call.header.account;
        self.accounts.get(account.raw()).ok_or(Reject::UnknownAccount)?;
        let asset = AssetId::new(self.assets.id_of(asset).ok_or(Reject::UnknownAsset)?);
        if amount.is_zero() {
            return Err(Reject::AmountZero);
        }
        if amount.units() >= UNITS_LIMIT {
            return Err(Reject::AmountTooLarge);
        }
        if call.kind == CommandKind::Deposit {
            let totals = self.ledger.totals(asset);
            let there = totals.deposited.minus(totals.withdrawn).units();
            // No balance exceeds what is there of the asset, so this bounds the balance too.
            if there + amount.units() >= UNITS_LIMIT || totals.deposited.checked_add(amount).is_none() {
                return Err(Reject::AmountTooLarge);
            }
        } else if self.ledger.balance(account, asset).available < amount {
            return Err(Reject::InsufficientFunds);
        }
        if self.references.len() >= self.limits().references_max as usize {
            return Err(Reject::TableFull);
        }
        Ok(asset)
    }
}

/// The account is part of what a reference stands for, and is not in the record's payload.
fn hash(call: &Call<'_>) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(call.payload);
    hash.update(&call.header.account.raw().to_le_bytes());
    hash.digest()
}
