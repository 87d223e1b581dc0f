//! Money that comes, goes and changes hands: applied once per business reference. RULES.md 8.
//!
//!   command --reference known? checks--> ledger, [References] --> event
//!
//! Invariants: a reference is taken by the command that was applied with it, never by a refused one. The same reference
//! with the same payload gets the first outcome; with another payload it is refused. It is forgotten only when a command
//! with its business time would be refused anyway, and 30 days after it was last used for something. No asset has 2^96 units in all.

use alloc::collections::BTreeMap;

use tidegate_domain::{
    AccountId, AssetAmount, AssetId, Command, CommandKind, Event, Name, Nanos, Reference, Reject, Sequence, Timestamp,
};
use xxhash_rust::xxh3::Xxh3;

use super::{Call, Engine, To};
use crate::hash::{Fact, Sum, hash, words};

/// Amounts stay below it, so that a sum of two, or an amount times a million, fits in 128 bits.
pub(crate) const UNITS_LIMIT: u128 = 1 << 96;
/// How long a business reference is kept after its business time and after what was done with it.
const REFERENCE_KEPT: Nanos = Nanos::from_millis(30 * 86_400_000);
/// How far ahead a business time may be.
const REFERENCE_AHEAD: Nanos = Nanos::from_millis(86_400_000);

/// A held withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) asset: AssetId,
    pub(super) amount: AssetAmount,
    /// What became of it, and when.
    pub(super) done: Option<(CommandKind, Sequence)>,
}

/// A money command that was applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub(super) sequence: Sequence,
    pub(super) payload_hash: u64,
    /// The latest of its business time, when it was applied, and when its hold ended.
    pub(super) kept_from: Timestamp,
    pub(super) account: AccountId,
    pub(super) hold: Option<Hold>,
}

impl Moved {
    fn hash(&self, reference: Reference) -> u128 {
        let bytes = reference.bytes();
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("a reference is 32 bytes"));
        let (asset, [low, high]) = self.hold.map_or((0, [0; 2]), |hold| (hold.asset.raw(), words(hold.amount.units())));
        let done = self.hold.and_then(|hold| hold.done);
        let kind = done.map_or(0, |(kind, _)| u64::from(kind.code())) << 1 | u64::from(self.hold.is_some());
        hash(
            Fact::Reference,
            [
                word(0),
                word(8),
                word(16),
                word(24),
                self.sequence.raw(),
                self.payload_hash,
                self.kept_from.nanos(),
                u64::from(self.account.raw()) << 32 | u64::from(asset),
                low,
                high,
                kind,
                done.map_or(0, |(_, sequence)| sequence.raw()),
            ],
        )
    }

    fn is_pending(&self) -> bool {
        self.hold.is_some_and(|hold| hold.done.is_none())
    }
}

/// Every reference that is kept.
#[derive(Debug, Default)]
pub(crate) struct References {
    // Money moves some thousand times slower than orders: maps that allocate are good enough here.
    moved: BTreeMap<Reference, Moved>,
    /// Those that may be forgotten, by `kept_from`: all but withdrawals that wait.
    by_time: alloc::collections::BTreeSet<(Timestamp, Reference)>,
    capacity: usize,
    sum: Sum,
}

impl References {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.moved.len()
    }

    pub(crate) const fn sum(&self) -> Sum {
        self.sum
    }

    pub(crate) fn walked_sum(&self) -> Sum {
        let mut sum = Sum::default();
        self.moved.iter().for_each(|(reference, moved)| sum.add(moved.hash(*reference)));
        sum
    }

    /// All, by reference.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Reference, Moved)> {
        self.moved.iter().map(|(reference, moved)| (*reference, *moved))
    }

    /// Amounts that are pending, by account and asset.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (AccountId, AssetId, AssetAmount)> {
        let pending = self.moved.values().filter(|moved| moved.is_pending());
        pending.filter_map(|moved| moved.hold.map(|hold| (moved.account, hold.asset, hold.amount)))
    }

    /// Takes a new reference, or what became of a known one.
    pub(super) fn insert(&mut self, reference: Reference, moved: Moved) {
        self.sum.add(moved.hash(reference));
        if !moved.is_pending() {
            self.by_time.insert((moved.kept_from, reference));
        }
        if let Some(before) = self.moved.insert(reference, moved) {
            self.sum.remove(before.hash(reference));
        }
    }

    /// Forgets what is too old to be repeated.
    fn forget(&mut self, now: Timestamp) {
        let oldest = Timestamp::from_nanos(now.nanos().saturating_sub(REFERENCE_KEPT.nanos()));
        while let Some((_, reference)) = self.by_time.first().copied().filter(|(from, _)| *from < oldest) {
            self.by_time.pop_first();
            let moved = self.moved.remove(&reference).expect("what is in by_time is kept");
            self.sum.remove(moved.hash(reference));
        }
    }
}

/// The parts of a money command with an amount.
struct Money {
    asset: Name,
    amount: AssetAmount,
    reference: Reference,
    at: Timestamp,
    /// The receiver of a transfer.
    to: Option<AccountId>,
}

impl Engine {
    pub(super) fn move_money(&mut self, call: &mut Call<'_>, command: &Command) {
        let to = call.requester();
        if !call.is_operators() {
            return self.reject(call, to, Reject::UnknownKey);
        }
        match self.pay(call, to, command) {
            Ok(event) => self.emit(call, to, event),
            Err(reason) => self.reject(call, to, reason),
        }
    }

    /// Moves money, for the operator or for a client; what came of it.
    pub(super) fn pay(&mut self, call: &Call<'_>, to: To, command: &Command) -> Result<Event, Reject> {
        self.references.forget(call.header.time);
        match *command {
            Command::Deposit { asset, amount, reference, at }
            | Command::Withdraw { asset, amount, reference, at }
            | Command::HoldWithdrawal { asset, amount, reference, at } => {
                self.apply_money(call, to, &Money { asset, amount, reference, at, to: None })
            }
            Command::Transfer { to: receiver, asset, amount, reference, at } => {
                self.apply_money(call, to, &Money { asset, amount, reference, at, to: Some(receiver) })
            }
            Command::SettleWithdrawal { reference } | Command::ReleaseWithdrawal { reference } => {
                self.finish_withdrawal(call, to, reference)
            }
            _ => unreachable!("dispatch sends only money here"),
        }
    }

    fn apply_money(&mut self, call: &Call<'_>, to: To, money: &Money) -> Result<Event, Reject> {
        let (now, payload_hash) = (call.header.time, hash_of(call, money));
        if money.at.nanos() < now.nanos().saturating_sub(REFERENCE_KEPT.nanos()) {
            return Err(Reject::ReferenceExpired);
        }
        if money.at > now.plus(REFERENCE_AHEAD) {
            return Err(Reject::ReferenceInTheFuture);
        }
        if let Some(moved) = self.references.moved.get(&money.reference) {
            if moved.payload_hash != payload_hash {
                return Err(Reject::ReferenceReused);
            }
            return Ok(Event::Outcome { original: moved.sequence, order: None, reject: None, command: call.kind });
        }
        let asset = self.check_money(call.kind, to.account, money)?;
        let (amount, reference) = (money.amount, money.reference);
        let hold = (call.kind == CommandKind::HoldWithdrawal).then_some(Hold { asset, amount, done: None });
        let (sequence, kept_from, account) = (call.header.sequence, money.at.max(now), to.account);
        self.references.insert(reference, Moved { sequence, payload_hash, kept_from, account, hold });
        Ok(self.post(call.kind, to.account, asset, money))
    }

    /// Changes the balances of what was checked.
    fn post(&mut self, kind: CommandKind, account: AccountId, asset: AssetId, money: &Money) -> Event {
        let (amount, reference) = (money.amount, money.reference);
        match kind {
            CommandKind::Deposit => {
                let row = self.ledger.open_row(account, asset);
                self.ledger.deposit(row, amount);
                Event::Deposited { asset, amount, reference }
            }
            CommandKind::Withdraw => {
                let row = self.ledger.open_row(account, asset);
                self.ledger.withdraw(row, amount);
                Event::Withdrawn { asset, amount, reference }
            }
            CommandKind::HoldWithdrawal => {
                let row = self.ledger.open_row(account, asset);
                self.ledger.pend(row, amount);
                Event::WithdrawalHeld { asset, amount, reference }
            }
            _ => {
                let to = money.to.expect("a transfer has a receiver");
                let into = self.ledger.open_row(to, asset);
                if account.raw() == 0 {
                    self.ledger.spend_fees(asset, amount);
                } else {
                    let from = self.ledger.open_row(account, asset);
                    self.ledger.debit(from, amount);
                }
                self.ledger.credit(into, amount);
                Event::Transferred { to, asset, amount, reference }
            }
        }
    }

    fn check_money(&self, kind: CommandKind, account: AccountId, money: &Money) -> Result<AssetId, Reject> {
        let is_pool = money.to.is_some() && account.raw() == 0;
        if !is_pool {
            self.accounts.get(account.raw()).ok_or(Reject::UnknownAccount)?;
        }
        let receiver = money.to.unwrap_or(account);
        self.accounts.get(receiver.raw()).ok_or(Reject::UnknownAccount)?;
        let asset = AssetId::new(self.assets.id_of(money.asset).ok_or(Reject::UnknownAsset)?);
        let amount = money.amount;
        if amount.is_zero() {
            return Err(Reject::AmountZero);
        }
        if amount.units() >= UNITS_LIMIT {
            return Err(Reject::AmountTooLarge);
        }
        let totals = self.ledger.totals(asset);
        if kind == CommandKind::Deposit {
            let there = totals.deposited.minus(totals.withdrawn).units();
            // No balance exceeds what is there of the asset, so this bounds the balance too.
            if there + amount.units() >= UNITS_LIMIT || totals.deposited.checked_add(amount).is_none() {
                return Err(Reject::AmountTooLarge);
            }
        } else {
            let there = if is_pool { totals.fees } else { self.ledger.balance(account, asset).available };
            if there < amount {
                return Err(Reject::InsufficientFunds);
            }
        }
        let is_full = self.references.len() >= self.references.capacity;
        if is_full || !self.ledger.has_room_for(receiver, &[asset]) {
            return Err(Reject::TableFull);
        }
        Ok(asset)
    }

    fn finish_withdrawal(&mut self, call: &Call<'_>, to: To, reference: Reference) -> Result<Event, Reject> {
        let kind = call.kind;
        let moved = self.references.moved.get(&reference).copied().filter(|moved| moved.account == to.account);
        let (mut moved, hold) = moved.and_then(|moved| Some((moved, moved.hold?))).ok_or(Reject::UnknownReference)?;
        match hold.done {
            Some((before, original)) if before == kind => {
                return Ok(Event::Outcome { original, order: None, reject: None, command: kind });
            }
            Some(_) => return Err(Reject::WithdrawalDone),
            None => {}
        }
        moved.hold = Some(Hold { done: Some((kind, call.header.sequence)), ..hold });
        moved.kept_from = moved.kept_from.max(call.header.time);
        self.references.insert(reference, moved);
        let Hold { asset, amount, .. } = hold;
        let row = self.ledger.open_row(to.account, asset);
        if kind == CommandKind::SettleWithdrawal {
            self.ledger.settle_pending(row, amount);
            return Ok(Event::WithdrawalSettled { asset, amount, reference });
        }
        self.ledger.unpend(row, amount);
        Ok(Event::WithdrawalReleased { asset, amount, reference })
    }
}

/// What a reference stands for: everything but its business time, so that whoever asks again need not remember that.
fn hash_of(call: &Call<'_>, money: &Money) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&call.kind.code().to_le_bytes());
    hash.update(&call.header.account.raw().to_le_bytes());
    hash.update(&money.to.map_or(0, AccountId::raw).to_le_bytes());
    hash.update(&money.asset.bytes());
    hash.update(&money.amount.units().to_le_bytes());
    hash.digest()
}
