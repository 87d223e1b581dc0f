//! What a gateway must know to let a client in: keys, owner groups and markets, from released events, or from a snapshot
//! that was made of what they came from.
//!
//!   event log --keys, roles, owners, markets, their states--> [Directory] --> logon, drop copies, market definitions
//!
//! Invariants: it never knows more than what was released; keys are never removed.
//! Owning thread: order-entry.

use std::collections::{BTreeMap, HashMap};

use tidegate_domain::{
    AccountId, Event, EventHeader, KeyId, MarketDefinition, MarketId, MarketState, Networks, Roles, Sequence, Timestamp,
};

/// What a snapshot has, so that a long log need not be read before the first client is served. The default is nothing: then
/// the log is read from its start.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Events that would set up what is set up.
    pub described: Vec<(EventHeader, Event)>,
    /// The event after which the log is read: at or before the snapshot's.
    pub after: Option<(Sequence, u32)>,
}

/// A client's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyEntry {
    /// For whom it acts.
    pub(crate) account: AccountId,
    /// Ed25519 public key.
    pub(crate) public_key: [u8; 32],
    /// What it may do.
    pub(crate) roles: Roles,
    /// From where it may be used.
    pub(crate) networks: Networks,
}

/// Whose orders count as one owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Those of every account of an owner group.
    Owner(u32),
    /// Those of an account that is in none.
    Account(AccountId),
}

/// The operator will stop the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// When.
    pub at: Timestamp,
    /// What the operator says of it; clients get the first 64 characters.
    pub detail: String,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    keys: HashMap<KeyId, KeyEntry>,
    owners: HashMap<AccountId, u32>,
    markets: BTreeMap<MarketId, (MarketDefinition, MarketState)>,
    /// Not from events: the operator said it to this node.
    pub(crate) maintenance: Option<Maintenance>,
}

impl Directory {
    /// Begins with what a snapshot has; what the log says from there on comes after.
    pub(crate) fn know(&mut self, known: &Known) {
        for (header, event) in &known.described {
            self.on_event(header, event);
        }
    }

    /// Learns from an event; the market that is new or has a new state, if any.
    pub(crate) fn on_event(&mut self, header: &EventHeader, event: &Event) -> Option<MarketId> {
        match event {
            Event::KeyCreated { key, public_key, roles, .. } => {
                let (account, public_key, roles) = (header.account, *public_key, *roles);
                self.keys.insert(*key, KeyEntry { account, public_key, roles, networks: Networks::default() });
                None
            }
            Event::KeyRolesSet { key, roles } => {
                self.keys.get_mut(key).expect("a key gets other roles after it was created").roles = *roles;
                None
            }
            Event::KeyNetworksSet { key, networks } => {
                self.keys.get_mut(key).expect("a key gets networks after it was created").networks = *networks;
                None
            }
            Event::AccountOwnerSet { owner } => {
                self.owners.insert(header.account, *owner);
                None
            }
            Event::MarketCreated(definition) => {
                self.markets.insert(header.market, (*definition, MarketState::Open));
                Some(header.market)
            }
            Event::MarketStateChanged { state } => {
                let known = self.markets.get_mut(&header.market);
                known.expect("a market changes its state after it was created").1 = *state;
                Some(header.market)
            }
            _ => None,
        }
    }

    /// The key with this id.
    pub(crate) fn key(&self, key: KeyId) -> Option<&KeyEntry> {
        self.keys.get(&key)
    }

    /// Which group an account is in.
    pub(crate) fn group(&self, account: AccountId) -> Group {
        match self.owners.get(&account) {
            None | Some(0) => Group::Account(account),
            Some(owner) => Group::Owner(*owner),
        }
    }

    /// The market with this id.
    pub(crate) fn market(&self, market: MarketId) -> Option<(MarketDefinition, MarketState)> {
        self.markets.get(&market).copied()
    }

    /// Every market, in the order of the ids.
    pub(crate) fn markets(&self) -> impl Iterator<Item = (MarketId, MarketDefinition, MarketState)> + '_ {
        self.markets.iter().map(|(market, (definition, state))| (*market, *definition, *state))
    }
}
