//! From an engine to entries, by id wherever memory has another order.
//!
//!   tables, ledger, references, open orders --collect, sort by id--> entries --> sections
//!
//! Invariants: structs of the engine are taken apart without `..`: what is added to one must be written here or be
//! named as what follows from the rest.
//!
//! Owning thread: whoever drives the engine, between two commands.

use alloc::vec::Vec;

use tidegate_domain::{AccountId, AssetId, FeeRate, KeyId, MassQuote, OrderId, RequestNumber, Side, StateMachine};

use super::entries::*;
use super::sections::{SnapshotHeader, put_section};
use crate::book::Handle;
use crate::engine::Engine;
use crate::engine::outcomes::Outcome;
use crate::engine::tables::{Account, Asset, Key, Market};
use crate::ledger::{Balance, Seat, Totals};

impl Engine {
    /// The whole state after the command applied last, for [`Self::restore`]. Equal states give equal bytes.
    ///
    /// # Panics
    /// Before the first command, when there is no state yet.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let Self {
            genesis,
            applied,
            time,
            epoch,
            assets,
            markets,
            accounts,
            keys,
            public_keys: _, // those of the keys
            outcomes,
            ledger: _, // balances, seats, and totals with the assets
            references,
            orders,
            tiers,
            timers: _, // those of sessions and orders
            quotes: _, // by their slots
            sum: _,
        } = self;
        let genesis = genesis.expect("there is a state to write once the journal began");
        let (applied, time, epoch, priority) = (*applied, *time, *epoch, orders.priority());
        let mut bytes = Vec::new();
        let out = &mut bytes;
        SnapshotHeader::reserve(out);
        put_section(out, core::iter::once(StateEntry { genesis, applied, time, epoch, priority }));
        put_section(out, assets.iter().map(|(id, asset)| self.asset_entry(AssetId::new(id), asset)));
        put_section(out, markets.iter().map(|(_, market)| market_entry(market)));
        put_section(out, accounts.iter().map(|(_, account)| account_entry(account)));
        put_section(out, self.protection_entries().into_iter());
        put_section(out, keys.iter().map(|(_, key)| key_entry(key)));
        let key_id = |(id, key)| (KeyId::new(id), key);
        let sessions = keys.iter().map(key_id).filter_map(|(key, entry)| Some((key, entry.session?)));
        put_section(out, sessions.map(|(key, session)| SessionEntry { key, session }));
        let of_keys = keys.iter().map(key_id).flat_map(|(key, _)| outcomes.of_key(key).map(move |it| (key, it)));
        put_section(out, of_keys.map(|(key, outcome)| outcome_entry(key, outcome)));
        put_section(out, fee_tier_entries(tiers));
        put_section(out, self.balance_entries().into_iter());
        put_section(out, self.seat_entries().into_iter());
        let moved = references.iter().map(|(reference, moved)| ReferenceEntry { reference, moved });
        put_section(out, moved);
        put_section(out, self.orders_by_age().into_iter().map(|(_, handle)| self.order_entry(handle)));
        put_section(out, self.kept_slots().map(slot_entry));
        let header = SnapshotHeader { applied, digest: self.digest(), len_bytes: bytes.len() as u64 };
        header.write(&mut bytes);
        bytes
    }

    fn asset_entry(&self, id: AssetId, asset: &Asset) -> AssetEntry {
        let Asset { name, decimals } = *asset;
        // The others are sums over balances and orders.
        let Totals { deposited, withdrawn, fees, balances: _, held: _, reserved: _ } = *self.ledger.totals(id);
        AssetEntry { name, decimals, deposited, withdrawn, fees }
    }

    fn protection_entries(&self) -> Vec<ProtectionEntry> {
        let mut entries = Vec::new();
        for (id, account) in self.accounts.iter() {
            let account_id = AccountId::new(id);
            let mut protections = account.protections.clone();
            protections.sort_unstable_by_key(|protection| protection.group);
            entries
                .extend(protections.into_iter().map(|protection| ProtectionEntry { account: account_id, protection }));
        }
        entries
    }

    fn balance_entries(&self) -> Vec<BalanceEntry> {
        let mut rows = self.ledger.rows().to_vec();
        rows.sort_unstable_by_key(|row| (row.account, row.asset));
        let entry = |row| {
            let Balance { available, held, pending, account, asset, weight: _ } = row;
            BalanceEntry { account, asset, available, held, pending }
        };
        rows.into_iter().map(entry).collect()
    }

    fn seat_entries(&self) -> Vec<SeatEntry> {
        // Its balances are those of the market's assets, its orders are counted.
        let place = |seat: &Seat| {
            let Seat { account, market, base: _, quote: _, open_orders: _ } = *seat;
            (account, market)
        };
        let mut seats: Vec<_> = self.ledger.seats().iter().map(place).collect();
        seats.sort_unstable();
        seats.into_iter().map(|(account, market)| SeatEntry { account, market }).collect()
    }

    fn orders_by_age(&self) -> Vec<(OrderId, Handle)> {
        let mut orders = Vec::with_capacity(self.orders.len());
        for (_, market) in self.markets.iter() {
            for side in [Side::Buy, Side::Sell] {
                for queues in [market.book, market.stops] {
                    let handles = queues.orders(&self.orders.shelf, side);
                    orders.extend(handles.map(|(handle, resting)| (resting.tag.id(), handle)));
                }
            }
        }
        orders.sort_unstable_by_key(|(id, _)| id.age());
        orders
    }

    fn order_entry(&self, handle: Handle) -> OrderEntry {
        let (resting, extra) = (self.orders.shelf.get(handle), self.orders.extra(handle));
        let terms = extra.terms;
        let who = self.orders.identity(handle);
        OrderEntry {
            id: who.id,
            request: who.request,
            priority: resting.tag.priority(),
            account: who.account,
            key: who.key,
            market: who.market,
            // A stop waits on the side that its list has it on.
            side: if terms.is_stop { resting.side.opposite() } else { resting.side },
            price: resting.price,
            displayed: resting.leaves,
            hidden: extra.hidden,
            filled: extra.filled,
            terms,
        }
    }
}

const fn market_entry(market: &Market) -> MarketEntry {
    let Market { definition, rules, state, last, book: _, stops: _ } = *market;
    MarketEntry { definition, rules, state, last }
}

const fn account_entry(account: &Account) -> AccountEntry {
    // Its orders are linked and counted when they come back; protections have a section of their own.
    let Account { name, open_orders: _, oldest: _, newest: _, owner, tier, kill_switch, limits, protections: _ } =
        account;
    AccountEntry { name: *name, owner: *owner, tier: *tier, kill_switch: *kill_switch as u8, limits: *limits }
}

const fn key_entry(key: &Key) -> KeyEntry {
    let Key { name, public_key, account, roles, weight: _, request_mark, report_mark, session: _, dead_man, networks } =
        key;
    KeyEntry {
        name: *name,
        public_key: *public_key,
        account: *account,
        roles: *roles,
        request_mark: *request_mark,
        report_mark: *report_mark,
        dead_man: *dead_man,
        networks: *networks,
    }
}

fn fee_tier_entries(tiers: &[(FeeRate, FeeRate)]) -> impl Iterator<Item = FeeTierEntry> {
    let tiers = (0..=u8::MAX).zip(tiers).filter(|(_, fees)| **fees != Default::default());
    tiers.map(|(tier, (maker_fee, taker_fee))| FeeTierEntry { tier, maker_fee: *maker_fee, taker_fee: *taker_fee })
}

fn outcome_entry(key: KeyId, outcome: &Outcome) -> OutcomeEntry {
    let Outcome { request, sequence, payload_hash, .. } = *outcome;
    OutcomeEntry { key, request, sequence, payload_hash, result: outcome.result(), created: outcome.created() }
}

/// All of them are full: the last slot is never kept.
fn slot_entry(((key, account, request), slot): ((KeyId, AccountId, RequestNumber), MassQuote)) -> SlotEntry {
    let (one, two) = (slot.quotes()[0], slot.quotes()[1]);
    SlotEntry { key, account, request, terms: slot.terms, slots: slot.slots, one, two }
}
