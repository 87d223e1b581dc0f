//! The engine's tables: what exists, by id and by name.
//!
//! Invariants: ids are dense from 1 and never reused; a name is unique within its table. Tables grow only when something is
//! created, which is the operator's doing.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use tidegate_domain::{
    AccountId, AccountLimits, KeyId, MarketDefinition, MarketRules, MarketState, Name, Nanos, Networks, Price, Qty,
    Reject, RequestNumber, Roles, SessionId, SessionSequence, Timestamp,
};

use crate::book::{Book, Handle};
use crate::hash::{Fact, hash, words};

/// Entries with an id from 1 and a unique name.
#[derive(Debug)]
pub(crate) struct Table<T> {
    entries: Vec<T>,
    names: BTreeMap<Name, u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), names: BTreeMap::new() }
    }
}

impl<T> Table<T> {
    /// Whether one more of this name may be added.
    pub(crate) fn check_name(&self, name: Name) -> Result<(), Reject> {
        if self.names.contains_key(&name) { Err(Reject::NameTaken) } else { Ok(()) }
    }

    /// Whether one more may be added under this limit.
    pub(crate) fn check_room(&self, limit: u32) -> Result<(), Reject> {
        if self.entries.len() < limit as usize { Ok(()) } else { Err(Reject::TableFull) }
    }

    /// Adds what was checked before, and returns its id.
    pub(crate) fn add(&mut self, name: Name, entry: T) -> u32 {
        self.entries.push(entry);
        let id = u32::try_from(self.entries.len()).expect("the limits of tables are u32");
        assert!(self.names.insert(name, id).is_none(), "names are checked before");
        id
    }

    #[inline]
    pub(crate) fn get(&self, id: u32) -> Option<&T> {
        self.entries.get((id as usize).wrapping_sub(1))
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        self.entries.get_mut((id as usize).wrapping_sub(1))
    }

    pub(crate) fn id_of(&self, name: Name) -> Option<u32> {
        self.names.get(&name).copied()
    }

    /// All, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (1..).zip(&self.entries)
    }

    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }
}

/// The words of a name.
pub(crate) fn name_words(name: Name) -> [u64; 2] {
    words(u128::from_le_bytes(name.bytes()))
}

#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) name: Name,
    pub(crate) decimals: u8,
}

#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) definition: MarketDefinition,
    pub(crate) rules: MarketRules,
    pub(crate) state: MarketState,
    /// Price of the newest trade; 0 before the first.
    pub(crate) last: Price,
    pub(crate) book: Book,
    /// Waiting stop orders by trigger: a sell stop is on the buy side here (the highest first), a buy stop on the sell side.
    pub(crate) stops: Book,
}

impl Market {
    pub(crate) fn new(definition: MarketDefinition) -> Self {
        let (book, stops) = (Book::new(), Book::new());
        let rules = definition.first_rules();
        Self { definition, rules, state: MarketState::Open, last: Price::from_ticks(0), book, stops }
    }

    pub(crate) fn hash(&self, id: u32) -> u128 {
        let rules = &self.rules;
        let fees =
            u64::from(rules.maker_fee.ppm().cast_unsigned()) << 32 | u64::from(rules.taker_fee.ppm().cast_unsigned());
        hash(
            Fact::Market,
            [
                u64::from(id) << 32 | u64::from(rules.day_end_s) << 8 | u64::from(self.state.code()),
                self.last.ticks().cast_unsigned(),
                fees,
                rules.qty_min.lots(),
                rules.qty_max.lots(),
                rules.price_min.ticks().cast_unsigned(),
                rules.price_max.ticks().cast_unsigned(),
                rules.notional_min,
                u64::from(rules.static_band_ppm) << 32 | u64::from(rules.dynamic_band_ppm),
                rules.reference.ticks().cast_unsigned(),
            ],
        )
    }
}

/// What pulls the orders of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protection {
    pub(crate) group: u8,
    pub(crate) is_triggered: bool,
    pub(crate) count_max: u32,
    pub(crate) count: u32,
    pub(crate) window: Nanos,
    pub(crate) qty_max: Qty,
    pub(crate) qty: u128,
    /// Time of the first fill that is counted.
    pub(crate) since: Timestamp,
}

impl Protection {
    pub(crate) fn hash(&self, account: AccountId) -> u128 {
        let [qty_low, qty_high] = words(self.qty);
        hash(
            Fact::Protection,
            [
                u64::from(account.raw()) << 16 | u64::from(self.group) << 8 | u64::from(self.is_triggered),
                u64::from(self.count_max) << 32 | u64::from(self.count),
                self.window.nanos(),
                self.qty_max.lots(),
                qty_low,
                qty_high,
                self.since.nanos(),
                0,
            ],
        )
    }
}

/// Groups of an account that may have a protection.
pub(crate) const PROTECTIONS_MAX: usize = 16;

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: Name,
    /// Its orders, resting and waiting, in all markets.
    pub(crate) open_orders: u32,
    /// The ends of the list of them, in the order of their ids.
    pub(crate) oldest: Option<Handle>,
    pub(crate) newest: Option<Handle>,
    pub(crate) owner: u32,
    pub(crate) tier: u8,
    pub(crate) kill_switch: KillSwitch,
    pub(crate) limits: AccountLimits,
    /// At most [`PROTECTIONS_MAX`]; their memory comes with the account's first key, without which none can be set.
    pub(crate) protections: Vec<Protection>,
}

/// Who has engaged the kill switch of an account: what the operator has engaged, no key releases. RULES.md 7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum KillSwitch {
    Released = 0,
    ByKey = 1,
    ByOperator = 2,
}

impl KillSwitch {
    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Released),
            1 => Some(Self::ByKey),
            2 => Some(Self::ByOperator),
            _ => None,
        }
    }

    pub(crate) fn is_engaged(self) -> bool {
        self != Self::Released
    }
}

impl Account {
    pub(crate) fn new(name: Name) -> Self {
        Self {
            name,
            open_orders: 0,
            oldest: None,
            newest: None,
            owner: 0,
            tier: 0,
            kill_switch: KillSwitch::Released,
            limits: AccountLimits::default(),
            protections: Vec::new(),
        }
    }

    /// Makes room for all protections.
    pub(crate) fn has_a_key(&mut self) {
        self.protections.reserve_exact(PROTECTIONS_MAX - self.protections.len());
    }

    pub(crate) fn protection_mut(&mut self, group: u8) -> Option<&mut Protection> {
        self.protections.iter_mut().find(|protection| protection.group == group)
    }

    pub(crate) fn protection(&self, group: u8) -> Option<&Protection> {
        self.protections.iter().find(|protection| protection.group == group)
    }

    pub(crate) fn hash(&self, id: u32) -> u128 {
        let ([name_low, name_high], limits) = (name_words(self.name), &self.limits);
        let [notional_low, notional_high] = words(limits.notional_max.units());
        hash(
            Fact::Account,
            [
                name_low,
                name_high,
                u64::from(id) << 32 | u64::from(self.owner),
                u64::from(self.tier) << 8 | self.kill_switch as u64,
                u64::from(limits.open_orders_max) << 32 | u64::from(limits.market_open_orders_max),
                limits.qty_max.lots(),
                notional_low,
                notional_high,
            ],
        )
    }
}

/// A client's key, with all that makes its requests exactly-once.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: Name,
    pub(crate) public_key: [u8; 32],
    pub(crate) account: AccountId,
    pub(crate) roles: Roles,
    /// See [`Self::weight_of`].
    pub(crate) weight: u128,
    /// Highest request number that was applied.
    pub(crate) request_mark: RequestNumber,
    /// Number of the last report.
    pub(crate) report_mark: SessionSequence,
    pub(crate) session: Option<Session>,
    /// When its orders go unless its client says otherwise before. The timer is armed exactly then.
    pub(crate) dead_man: Option<Timestamp>,
    /// From where its client may log on, which the gateway sees to.
    pub(crate) networks: Networks,
}

impl Key {
    /// What of the digest is one step of the report mark; 2^64 times that is one step of the request mark. Marks change several
    /// times a command, so their part of the digest is linear in them: a step is an addition.
    pub(crate) fn weight_of(id: KeyId) -> u128 {
        hash(Fact::Key, [id.raw().into(), 1]) | 1
    }

    pub(crate) fn hash(&self, id: KeyId) -> u128 {
        let who = u64::from(id.raw()) << 32 | u64::from(self.account.raw());
        let marks = u128::from(self.request_mark.raw()) << 64 | u128::from(self.report_mark.raw());
        let of_marks = self.weight.wrapping_mul(marks);
        hash(Fact::Key, [who, u64::from(self.roles.bits())]).wrapping_add(of_marks)
    }
}

/// A login of a key, from its opening until it is closed for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) cancel_on_disconnect: bool,
    pub(crate) grace: Nanos,
    /// Whether its end was not reported yet.
    pub(crate) open: bool,
    /// When the orders go that go with it, unless the key logs on again. The timer is armed exactly then.
    pub(crate) deadline: Option<Timestamp>,
}

impl Session {
    pub(crate) fn hash(&self, key: KeyId) -> u128 {
        let flags =
            u64::from(self.cancel_on_disconnect) | u64::from(self.open) << 1 | u64::from(self.deadline.is_some()) << 2;
        let deadline = self.deadline.map_or(0, Timestamp::nanos);
        hash(Fact::Session, [u64::from(key.raw()) << 8 | flags, self.id.raw(), self.grace.nanos(), deadline])
    }
}
