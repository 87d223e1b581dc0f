//! What a gateway must know to let a client in: keys and markets, from released events, or from a snapshot that was made
//! of what they came from.
//!
//!   event log --KeyCreated, MarketCreated, MarketStateChanged--> [Directory] --> logon, market definitions
//!
//! Invariants: it never knows more than what was released; keys are never removed.
//! Owning thread: order-entry.

use std::collections::{BTreeMap, HashMap};

use tidegate_domain::{AccountId, Event, EventHeader, KeyId, MarketDefinition, MarketId, MarketState};

use crate::server::Known;

/// A client's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyEntry {
    /// For whom it acts.
    pub(crate) account: AccountId,
    /// Ed25519 public key.
    pub(crate) public_key: [u8; 32],
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    keys: HashMap<KeyId, KeyEntry>,
    markets: BTreeMap<MarketId, (MarketDefinition, MarketState)>,
}

impl Directory {
    /// Begins with what a snapshot has; what the log says from there on comes after.
    pub(crate) fn know(&mut self, known: Known) {
        let entry = |(key, account, public_key)| (key, KeyEntry { account, public_key });
        self.keys.extend(known.keys.into_iter().map(entry));
        self.markets.extend(known.markets.into_iter().map(|(market, definition, state)| (market, (definition, state))));
    }

    /// Learns from an event; the market that is new or has a new state, if any.
    pub(crate) fn on_event(&mut self, header: &EventHeader, event: &Event) -> Option<MarketId> {
        match event {
            Event::KeyCreated { key, public_key, .. } => {
                self.keys.insert(*key, KeyEntry { account: header.account, public_key: *public_key });
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
    pub(crate) fn key(&self, key: KeyId) -> Option<KeyEntry> {
        self.keys.get(&key).copied()
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
