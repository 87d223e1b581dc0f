//! The engine's tables: what exists, by id and by name.
//!
//! Invariants: ids are dense from 1 and never reused; a name is unique within its table.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use tidegate_domain::{
    AccountId, MarketDefinition, MarketState, Name, OrderId, Reject, RequestNumber, Sequence, SessionId,
    SessionSequence, Timestamp,
};

use crate::book::{Book, Handle};

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

    pub(crate) fn get(&self, id: u32) -> Option<&T> {
        self.entries.get((id as usize).checked_sub(1)?)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        self.entries.get_mut((id as usize).checked_sub(1)?)
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

#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) name: Name,
    pub(crate) decimals: u8,
}

#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) definition: MarketDefinition,
    pub(crate) state: MarketState,
    pub(crate) book: Book,
}

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: Name,
    /// Its resting orders, in all markets.
    pub(crate) open_orders: u32,
    /// The ends of the list of them, in the order of their ids.
    pub(crate) oldest: Option<Handle>,
    pub(crate) newest: Option<Handle>,
}

/// A client's key, with all that makes its requests exactly-once.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: Name,
    pub(crate) public_key: [u8; 32],
    pub(crate) account: AccountId,
    /// Highest request number that was applied.
    pub(crate) request_mark: RequestNumber,
    /// Number of the last report.
    pub(crate) report_mark: SessionSequence,
    /// The newest outcomes, oldest first; their request numbers grow.
    pub(crate) outcomes: VecDeque<Outcome>,
    pub(crate) session: Option<Session>,
}

/// What came of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) request: RequestNumber,
    pub(crate) sequence: Sequence,
    pub(crate) payload_hash: u64,
    pub(crate) result: RequestResult,
}

/// The order that a request created, cancelled or reduced, if it was about one; or why it was refused.
pub(crate) type RequestResult = Result<Option<OrderId>, Reject>;

/// A login of a key, from its opening until it is closed for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) cancel_on_disconnect: bool,
    pub(crate) grace: tidegate_domain::Nanos,
    /// Whether its end was not reported yet.
    pub(crate) open: bool,
    /// When its orders go, unless the key logs on again.
    pub(crate) deadline: Option<Timestamp>,
}

/// A money command that was applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub(crate) sequence: Sequence,
    pub(crate) payload_hash: u64,
}
