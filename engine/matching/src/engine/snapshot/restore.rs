//! From entries to an engine: tables, keys, money. Orders come after, in `restore_orders`.
//!
//!   sections --check every field, put back by the engine's own functions--> tables, ledger, references --> orders --> digest
//!
//! Invariants: whatever an entry says is checked before the engine's functions are given it, since they panic on what
//! cannot be. Sums stay below what would overflow, because each is compared with its bound at every step.
//!
//! Owning thread: whoever drives the engine.

use alloc::vec;

use tidegate_domain::{
    AssetAmount, AssetId, Command, CommandHeader, CommandKind, CommandRecord, Genesis, KeyId, LOGIC_VERSION,
    LimitOutOfRange, MassQuote, Name, OrderId, Sequence, StateMachine,
};

use super::SnapshotError;
use super::entries::*;
use super::fields::{Wrong, check};
use super::sections::{Section, Sections, SnapshotHeader};
use crate::engine::Engine;
use crate::engine::admin::{DECIMALS_MAX, check_definition, check_fees, check_rules};
use crate::engine::money::{Moved, UNITS_LIMIT};
use crate::engine::outcomes::{Created, Outcome};
use crate::engine::tables::{Account, Asset, Key, KillSwitch, Market, PROTECTIONS_MAX, Table};
use crate::engine::timers::Subject;
use crate::ledger::Balance;

const NEXT: &str = "above that of the entry before";
const BELOW_LIMIT: &str = "below 2^96";

impl Engine {
    /// Makes an engine with the state that [`Self::snapshot`] wrote: it goes on with the command after
    /// [`SnapshotHeader::applied`].
    ///
    /// # Errors
    /// [`SnapshotError`] when the bytes are of another version, or are not exactly what an engine wrote. Nothing in
    /// them is trusted.
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let header = SnapshotHeader::read(bytes)?;
        let sections = Sections::split(&header, bytes)?;
        let mut engine = Self::default();
        let places_given = engine.put_state(&header, &sections.state)?;
        engine.put_assets(&sections.assets)?;
        engine.put_markets(&sections.markets)?;
        engine.put_accounts(&sections.accounts)?;
        engine.put_protections(&sections.protections)?;
        engine.put_keys(&sections.keys)?;
        engine.put_sessions(&sections.sessions)?;
        engine.put_outcomes(&sections.outcomes)?;
        engine.put_fee_tiers(&sections.fee_tiers)?;
        engine.put_balances(&sections.balances)?;
        engine.put_seats(&sections.seats)?;
        engine.put_references(&sections.references)?;
        engine.put_orders(&sections.orders, places_given)?;
        engine.put_slots(&sections.pending_quotes)?;
        engine.check_assets()?;
        engine.sum = crate::digest::walked_own(&engine);
        let is_same = crate::digest::walked(&engine) == engine.kept_sum() && engine.digest() == header.digest;
        check(is_same, "digest", "that of the state").map_err(|wrong| wrong.at("header", 0))?;
        Ok(engine)
    }

    /// How many places in queues were given.
    fn put_state(&mut self, header: &SnapshotHeader, section: &Section<'_, StateEntry>) -> Result<u64, SnapshotError> {
        check(section.len() == 1, "entries", "one").map_err(|wrong| wrong.at(StateEntry::SECTION, 0))?;
        let mut places_given = 0;
        section.each(|entry| {
            let StateEntry { genesis, applied, time, epoch, priority } = entry;
            check(applied == header.applied, "applied", "that of the header")?;
            check(applied > Sequence::ZERO, "applied", "1 or more")?;
            check_genesis(&genesis)?;
            self.make_room(genesis);
            (self.applied, self.time, self.epoch) = (applied, time, epoch);
            places_given = priority;
            Ok(())
        })?;
        Ok(places_given)
    }

    fn put_assets(&mut self, section: &Section<'_, AssetEntry>) -> Result<(), SnapshotError> {
        section.check_room(self.limits().assets_max)?;
        section.each(|entry| {
            let AssetEntry { name, decimals, deposited, withdrawn, fees } = entry;
            check_name(&self.assets, name)?;
            check(decimals <= DECIMALS_MAX, "decimals", "30 or less")?;
            check(withdrawn <= deposited, "withdrawn", "not more than was deposited")?;
            check(
                deposited.minus(withdrawn).units() < UNITS_LIMIT,
                "deposited",
                "less than 2^96 over what was withdrawn",
            )?;
            check(fees.units() < UNITS_LIMIT, "fees", BELOW_LIMIT)?;
            let asset = AssetId::new(self.assets.add(name, Asset { name, decimals }));
            self.ledger.add_asset();
            self.ledger.set_flows(asset, deposited, withdrawn, fees);
            Ok(())
        })
    }

    fn put_markets(&mut self, section: &Section<'_, MarketEntry>) -> Result<(), SnapshotError> {
        section.check_room(self.limits().markets_max)?;
        section.each(|entry| {
            let MarketEntry { definition, rules, state, last } = entry;
            check_name(&self.markets, definition.name)?;
            check_there(&self.assets, definition.base.raw(), "base")?;
            check_there(&self.assets, definition.quote.raw(), "quote")?;
            check(definition.base != definition.quote, "quote", "another asset than the base")?;
            check_definition(&definition)
                .map_err(|reject| Wrong { field: "definition", allowed: reject.sentence() })?;
            check_rules(&definition, &rules).map_err(|reject| Wrong { field: "rules", allowed: reject.sentence() })?;
            check(last.ticks() >= 0, "last", "0 or more")?;
            self.markets.add(definition.name, Market { rules, state, last, ..Market::new(definition) });
            Ok(())
        })
    }

    fn put_accounts(&mut self, section: &Section<'_, AccountEntry>) -> Result<(), SnapshotError> {
        section.check_room(self.limits().accounts_max)?;
        section.each(|entry| {
            let AccountEntry { name, owner, tier, kill_switch, limits } = entry;
            let kill_switch = KillSwitch::from_code(kill_switch);
            let kill_switch = kill_switch.ok_or(Wrong { field: "kill_switch", allowed: "0, 1 or 2" })?;
            check_name(&self.accounts, name)?;
            check(limits.notional_max.units() < UNITS_LIMIT, "notional_max", BELOW_LIMIT)?;
            self.accounts.add(name, Account { owner, tier, kill_switch, limits, ..Account::new(name) });
            Ok(())
        })
    }

    fn put_protections(&mut self, section: &Section<'_, ProtectionEntry>) -> Result<(), SnapshotError> {
        let (mut before, now) = (None, self.time);
        section.each(|entry| {
            let ProtectionEntry { account, protection } = entry;
            check(is_next(&mut before, (account, protection.group)), "group", NEXT)?;
            check(protection.group > 0, "group", "1 or more")?;
            // It grows by what one order may have at a time.
            check(protection.qty < UNITS_LIMIT, "qty", BELOW_LIMIT)?;
            check(protection.since <= now, "since", "not after the state's time")?;
            let account = self.accounts.get_mut(account.raw()).ok_or(missing("account"))?;
            check(account.protections.len() < PROTECTIONS_MAX, "account", "with 16 protections at most")?;
            account.protections.push(protection);
            Ok(())
        })
    }

    fn put_keys(&mut self, section: &Section<'_, KeyEntry>) -> Result<(), SnapshotError> {
        section.check_room(self.limits().keys_max)?;
        section.each(|entry| {
            let KeyEntry { name, public_key, account, roles, request_mark, report_mark, dead_man, networks } = entry;
            check_name(&self.keys, name)?;
            self.accounts.get_mut(account.raw()).ok_or(missing("account"))?.has_a_key();
            check(self.public_keys.insert(public_key), "public_key", "that of no other key")?;
            let id = KeyId::new(u32::try_from(self.keys.len() + 1).map_err(|_| missing("key"))?);
            let key = Key {
                weight: Key::weight_of(id),
                name,
                public_key,
                account,
                roles,
                request_mark,
                report_mark,
                session: None,
                dead_man,
                networks,
            };
            self.keys.add(name, key);
            if let Some(deadline) = dead_man {
                self.timers.arm(Subject::DeadMan(id), deadline);
            }
            self.outcomes.add_key();
            Ok(())
        })
    }

    fn put_sessions(&mut self, section: &Section<'_, SessionEntry>) -> Result<(), SnapshotError> {
        let mut before = None;
        section.each(|entry| {
            let SessionEntry { key, session } = entry;
            check(is_next(&mut before, key), "key", NEXT)?;
            let has_timer = session.deadline.is_some();
            check(session.open || has_timer, "deadline", "there, of a session that is away")?;
            self.keys.get_mut(key.raw()).ok_or(missing("key"))?.session = Some(session);
            if let Some(deadline) = session.deadline {
                self.timers.arm(Subject::Session(key), deadline);
            }
            Ok(())
        })
    }

    fn put_outcomes(&mut self, section: &Section<'_, OutcomeEntry>) -> Result<(), SnapshotError> {
        let (mut before, applied) = (None, self.applied);
        section.each(|entry| {
            let OutcomeEntry { key, request, sequence, payload_hash, result, created } = entry;
            check(is_next(&mut before, (key, request)), "request", NEXT)?;
            check(request.raw() > 0, "request", "1 or more")?;
            check((Sequence::new(1)..=applied).contains(&sequence), "sequence", "that of an applied command")?;
            let mark = self.keys.get(key.raw()).ok_or(missing("key"))?.request_mark;
            check(request <= mark, "request", "not above the mark of its key")?;
            let before = self.outcomes.newest(key).map_or(Sequence::ZERO, |before| before.sequence);
            check(sequence > before, "sequence", "above that of the request before")?;
            let is_possible = match created {
                Created::Nothing => true,
                Created::Order => result == Ok(Some(OrderId::of_command(sequence))),
                Created::Quotes(_) => result == Ok(None),
            };
            check(is_possible, "created", "what came of the request")?;
            let outcome = Outcome::new((request, sequence), payload_hash, result, created);
            check(self.outcomes.push(key, outcome).is_none(), "key", "with 1,024 outcomes at most")
        })?;
        for (id, key) in self.keys.iter() {
            let newest = self.outcomes.newest(KeyId::new(id)).map_or(0, |outcome| outcome.request.raw());
            let is_newest =
                check(newest == key.request_mark.raw(), "request_mark", "the request of its newest outcome");
            is_newest.map_err(|wrong| wrong.at(KeyEntry::SECTION, u64::from(id) - 1))?;
        }
        Ok(())
    }

    /// Keeps the slots of a mass quote again, as if they came in.
    fn put_slots(&mut self, section: &Section<'_, SlotEntry>) -> Result<(), SnapshotError> {
        let mut slots_kept = 0;
        section.each(|entry| {
            let SlotEntry { key, account, request, terms, slots, one, two } = entry;
            let slot = MassQuote::new(terms, slots, slots_kept, &[one, two]).filter(|slot| !slot.is_last());
            let slot = slot.ok_or(Wrong { field: "slots", allowed: "8 at most, and more than are kept" })?;
            let header = CommandHeader { key, account, request, ..CommandHeader::default() };
            let payload = CommandRecord::encode(&header, &Command::MassQuote(slot)).payload_words();
            slots_kept += 1;
            check(self.keep_slot((key, account, request), payload, &slot), "request", "that of the slot before")?;
            check(self.kept_slots().count() == usize::from(slots_kept), "request", "that of the slot before")
        })
    }

    fn put_fee_tiers(&mut self, section: &Section<'_, FeeTierEntry>) -> Result<(), SnapshotError> {
        let mut before = None;
        section.each(|entry| {
            let FeeTierEntry { tier, maker_fee, taker_fee } = entry;
            check(is_next(&mut before, tier), "tier", NEXT)?;
            check(tier > 0, "tier", "1 or more")?;
            check_fees(maker_fee, taker_fee)
                .map_err(|reject| Wrong { field: "taker_fee", allowed: reject.sentence() })?;
            let fees = (maker_fee, taker_fee);
            check(fees != Default::default(), "taker_fee", "not 0 where the maker's is")?;
            self.tiers[usize::from(tier)] = fees;
            Ok(())
        })
    }

    /// The place of an entry is that of its row from here on.
    fn put_balances(&mut self, section: &Section<'_, BalanceEntry>) -> Result<(), SnapshotError> {
        section.check_room(self.limits().balances_max)?;
        let mut before = None;
        section.each(|entry| {
            let BalanceEntry { account, asset, available, held, pending } = entry;
            check(is_next(&mut before, (account, asset)), "asset", NEXT)?;
            check_there(&self.accounts, account.raw(), "account")?;
            check_there(&self.assets, asset.raw(), "asset")?;
            check(available.units() < UNITS_LIMIT, "available", BELOW_LIMIT)?;
            check(held.units() < UNITS_LIMIT, "held", BELOW_LIMIT)?;
            check(pending.units() < UNITS_LIMIT, "pending", BELOW_LIMIT)?;
            let all = available.plus(held).plus(pending);
            let of_asset = self.ledger.totals(asset).balances.plus(all);
            check(of_asset.units() < UNITS_LIMIT, "available", "below 2^96 with all other balances of the asset")?;
            let row = self.ledger.open_row(account, asset);
            self.ledger.credit(row, all);
            self.ledger.hold(row, held);
            self.ledger.pend(row, pending);
            Ok(())
        })
    }

    fn put_seats(&mut self, section: &Section<'_, SeatEntry>) -> Result<(), SnapshotError> {
        section.check_room(self.limits().seats_max)?;
        let mut before = None;
        section.each(|entry| {
            let SeatEntry { account, market } = entry;
            check(is_next(&mut before, (account, market)), "market", NEXT)?;
            let definition = self.markets.get(market.raw()).ok_or(missing("market"))?.definition;
            for asset in [definition.base, definition.quote] {
                let row = self.ledger.row_of(account, asset);
                check(row.is_some(), "account", "one with balances of the market's assets")?;
            }
            self.ledger.open_seat(account, market, definition.base, definition.quote);
            Ok(())
        })
    }

    fn put_references(&mut self, section: &Section<'_, ReferenceEntry>) -> Result<(), SnapshotError> {
        section.check_room(self.limits().references_max)?;
        let mut pending = vec![AssetAmount::ZERO; self.ledger.rows().len()];
        let mut before = None;
        section.each(|entry| {
            let ReferenceEntry { reference, moved } = entry;
            check(is_next(&mut before, reference), "reference", NEXT)?;
            check(!reference.as_str().is_empty(), "reference", "not empty")?;
            self.check_moved(&moved, &mut pending)?;
            self.references.insert(reference, moved);
            Ok(())
        })?;
        self.check_rows("pending", "what its waiting withdrawals have", |row| row.pending, &pending)
    }

    /// Adds what waits to the row that it came from.
    fn check_moved(&self, moved: &Moved, pending: &mut [AssetAmount]) -> Result<(), Wrong> {
        let Moved { sequence, payload_hash: _, kept_from: _, account, hold } = *moved;
        let applied = Sequence::new(1)..=self.applied;
        check(applied.contains(&sequence), "sequence", "that of an applied command")?;
        let Some(hold) = hold else {
            // 0 is the fee pool.
            return if account.raw() == 0 { Ok(()) } else { check_there(&self.accounts, account.raw(), "account") };
        };
        check(!hold.amount.is_zero(), "amount", "1 or more")?;
        check(hold.amount.units() < UNITS_LIMIT, "amount", BELOW_LIMIT)?;
        let row = self.ledger.row_of(account, hold.asset).ok_or(missing("account"))?;
        if let Some((kind, at)) = hold.done {
            let is_end = matches!(kind, CommandKind::SettleWithdrawal | CommandKind::ReleaseWithdrawal);
            check(is_end, "done", "a settlement or a release")?;
            return check(applied.contains(&at), "done", "by an applied command");
        }
        let sum = &mut pending[row.index()];
        // Both are below 2^96.
        *sum = sum.plus(hold.amount);
        check(*sum <= self.ledger.row(row).pending, "amount", "within what is pending of its account")
    }

    /// Compares one part of every balance.
    pub(super) fn check_rows(
        &self,
        field: &'static str,
        allowed: &'static str,
        part: impl Fn(&Balance) -> AssetAmount,
        expected: &[AssetAmount],
    ) -> Result<(), SnapshotError> {
        for ((entry, row), expected) in (0..).zip(self.ledger.rows()).zip(expected) {
            check(part(row) == *expected, field, allowed).map_err(|wrong| wrong.at(BalanceEntry::SECTION, entry))?;
        }
        Ok(())
    }

    /// Money adds up, asset by asset.
    fn check_assets(&self) -> Result<(), SnapshotError> {
        for (id, _) in self.assets.iter() {
            let totals = self.ledger.totals(AssetId::new(id));
            // All are below 2^96, or were compared with each other.
            let (there, expected) = (totals.balances.plus(totals.fees), totals.deposited.minus(totals.withdrawn));
            let is_whole = check(there == expected, "deposited", "all balances, the fees and what was withdrawn");
            is_whole.map_err(|wrong| wrong.at(AssetEntry::SECTION, u64::from(id) - 1))?;
        }
        Ok(())
    }
}

/// Rules of another version would go on differently; limits out of range would be memory for nothing.
fn check_genesis(genesis: &Genesis) -> Result<(), Wrong> {
    check(genesis.logic_version == LOGIC_VERSION, "logic_version", "that of the header")?;
    genesis.limits.check().map_err(|LimitOutOfRange { field, allowed, .. }| Wrong { field, allowed })
}

fn check_name<T>(table: &Table<T>, name: Name) -> Result<(), Wrong> {
    check(!name.as_str().is_empty(), "name", "not empty")?;
    check(table.check_name(name).is_ok(), "name", "that of no other entry")
}

fn check_there<T>(table: &Table<T>, id: u32, field: &'static str) -> Result<(), Wrong> {
    table.get(id).map(|_| ()).ok_or(missing(field))
}

pub(super) const fn missing(field: &'static str) -> Wrong {
    Wrong { field, allowed: "one that exists" }
}

/// Whether entries come in their order, none of them twice.
pub(super) fn is_next<T: Ord + Copy>(before: &mut Option<T>, next: T) -> bool {
    before.replace(next).is_none_or(|before| before < next)
}
