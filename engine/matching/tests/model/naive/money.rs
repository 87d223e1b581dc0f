//! Money in, out and between accounts, once per business reference: RULES.md, 8.

use tidegate_domain::*;

use super::{DAY_NS, Hold, Naive, NaiveReference, TOO_MUCH, refuse_if};

const REFERENCE_AGE_NS: u64 = 30 * DAY_NS;

/// What the four commands that move money have in common.
struct Move {
    asset: Name,
    amount: AssetAmount,
    reference: Reference,
    at: u64,
}

impl Naive {
    pub(super) fn pay(&mut self, command: &Command) -> Result<(), Reject> {
        match *command {
            Command::Deposit { asset, amount, reference, at }
            | Command::Withdraw { asset, amount, reference, at }
            | Command::HoldWithdrawal { asset, amount, reference, at }
            | Command::Transfer { asset, amount, reference, at, .. } => {
                self.move_money(command, &Move { asset, amount, reference, at: at.nanos() })
            }
            Command::SettleWithdrawal { reference } | Command::ReleaseWithdrawal { reference } => {
                self.finish_hold(reference)
            }
            _ => unreachable!(),
        }
    }

    fn move_money(&mut self, command: &Command, what: &Move) -> Result<(), Reject> {
        let (account, now) = (self.now.account.raw(), self.now.time.nanos());
        let is_from_pool = account == 0 && matches!(command, Command::Transfer { .. });
        let receiver = if let Command::Transfer { to, .. } = *command { to.raw() } else { account };
        let payload = (command.kind(), account, receiver, what.asset, what.amount);
        refuse_if(is_old(what.at, now), Reject::ReferenceExpired)?;
        refuse_if(what.at > now && what.at - now > DAY_NS, Reject::ReferenceInTheFuture)?;
        if let Some(known) = self.references.iter().find(|known| known.reference == what.reference) {
            refuse_if(known.payload != payload, Reject::ReferenceReused)?;
            self.answer_as_before(known.sequence);
            return Ok(());
        }
        refuse_if(!is_from_pool && !self.has_account(account), Reject::UnknownAccount)?;
        refuse_if(!self.has_account(receiver), Reject::UnknownAccount)?;
        let asset = 1 + self.assets.iter().position(|at| *at == what.asset).ok_or(Reject::UnknownAsset)? as u32;
        refuse_if(what.amount.units() == 0, Reject::AmountZero)?;
        refuse_if(what.amount.units() >= TOO_MUCH as u128, Reject::AmountTooLarge)?;
        let amount = what.amount.units() as i128;
        let is_deposit = matches!(command, Command::Deposit { .. });
        if is_deposit {
            refuse_if(self.all_there_is(asset) + amount >= TOO_MUCH, Reject::AmountTooLarge)?;
        } else {
            let has = if is_from_pool { self.pool(asset) } else { self.balance(account, asset).0 };
            refuse_if(has < amount, Reject::InsufficientFunds)?;
        }
        let needs_balance = !self.total.contains_key(&(receiver, asset));
        let is_full = self.references.len() >= self.limits.references_max as usize
            || (needs_balance && self.total.len() >= self.limits.balances_max as usize);
        refuse_if(is_full, Reject::TableFull)?;
        let is_hold = matches!(command, Command::HoldWithdrawal { .. });
        self.references.push(NaiveReference {
            reference: what.reference,
            account,
            payload,
            sequence: self.now.sequence.raw(),
            kept_from: what.at.max(now),
            hold: is_hold.then_some(Hold { asset, amount, done: None }),
        });
        if is_from_pool {
            *self.fees.entry(asset).or_default() -= amount;
        } else if !is_deposit {
            *self.total.entry((account, asset)).or_default() -= amount;
        }
        if is_deposit || matches!(command, Command::Transfer { .. }) {
            *self.total.entry((receiver, asset)).or_default() += amount;
        }
        self.answer(0, moved(command, AssetId::new(asset), what));
        Ok(())
    }

    fn finish_hold(&mut self, reference: Reference) -> Result<(), Reject> {
        let (account, sequence, kind) = (self.now.account.raw(), self.now.sequence.raw(), self.kind.unwrap());
        let now = self.now.time.nanos();
        let is_it = |known: &&mut NaiveReference| known.reference == reference && known.account == account;
        let known = self.references.iter_mut().find(is_it).ok_or(Reject::UnknownReference)?;
        let hold = known.hold.as_mut().ok_or(Reject::UnknownReference)?;
        if let Some((before, original)) = hold.done {
            refuse_if(before != kind, Reject::WithdrawalDone)?;
            self.answer_as_before(original);
            return Ok(());
        }
        hold.done = Some((kind, sequence));
        known.kept_from = known.kept_from.max(now);
        let (asset, amount) = (AssetId::new(hold.asset), AssetAmount::from_units(hold.amount as u128));
        if kind == CommandKind::SettleWithdrawal {
            self.answer(0, Event::WithdrawalSettled { asset, amount, reference });
        } else {
            *self.total.entry((account, asset.raw())).or_default() += amount.units() as i128;
            self.answer(0, Event::WithdrawalReleased { asset, amount, reference });
        }
        Ok(())
    }

    pub(super) fn answer_as_before(&mut self, original: u64) {
        let (original, command) = (Sequence::new(original), self.kind.unwrap());
        self.answer(0, Event::Outcome { original, order: None, reject: None, command });
    }

    fn pool(&self, asset: u32) -> i128 {
        self.fees.get(&asset).copied().unwrap_or(0)
    }

    /// Available, held, pending and fees, of everybody.
    fn all_there_is(&self, asset: u32) -> i128 {
        let totals: i128 = self.total.iter().filter(|((_, of), _)| *of == asset).map(|(_, total)| *total).sum();
        let pending: i128 = (1..=self.accounts.len() as u32).map(|account| self.pending(account, asset)).sum();
        totals + pending + self.pool(asset)
    }

    /// A held withdrawal that waits is never forgotten, or its money would be lost.
    pub(super) fn forget_old_references(&mut self) {
        let now = self.now.time.nanos();
        let waits = |known: &NaiveReference| known.hold.is_some_and(|hold| hold.done.is_none());
        self.references.retain(|known| !is_old(known.kept_from, now) || waits(known));
    }
}

fn is_old(at: u64, now: u64) -> bool {
    at < now && now - at > REFERENCE_AGE_NS
}

fn moved(command: &Command, asset: AssetId, what: &Move) -> Event {
    let Move { amount, reference, .. } = *what;
    match *command {
        Command::Deposit { .. } => Event::Deposited { asset, amount, reference },
        Command::Withdraw { .. } => Event::Withdrawn { asset, amount, reference },
        Command::HoldWithdrawal { .. } => Event::WithdrawalHeld { asset, amount, reference },
        Command::Transfer { to, .. } => Event::Transferred { to, asset, amount, reference },
        _ => unreachable!(),
    }
}
