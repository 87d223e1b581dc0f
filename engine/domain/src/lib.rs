//! The words of Tidegate: one name per concept, from socket to SQL column.
//!
//!   Request --gateway--> [`Command`] --sequencer--> [`CommandRecord`] --engine--> [`Event`] --publish--> [`EventRecord`]
//!
//! Invariants: no I/O, no clock, no allocation, no floating point. Units are types: a price is not a quantity, a
//! timestamp is not a duration, and a [`Sequence`] is never a ring index. A record is 128 bytes, little-endian, and a
//! published layout never changes: a new one gets a new version number.
//! Owning thread: none, these are values.

#![no_std]

pub mod command;
pub mod event;
pub mod genesis;
mod layout;
pub mod network;
pub mod order_status;
pub mod quote;
pub mod record;
pub mod reject;
pub mod roles;
pub mod state_machine;
pub mod units;

pub use command::{
    AccountLimits, CANCEL_ALL_AFTER_MAX, CANCEL_ALL_AFTER_MIN, CancelFilter, Command, CommandHeader, CommandKind,
    Durability, MarketRules, MarketState, MarketTerms, NewOrder, OnDisconnect, OrderOptions, OrderTarget, OrderType,
    SelfTrade, Side, TimeInForce,
};
pub use event::{
    CancelReason, Event, EventFlags, EventHeader, EventKind, Fill, Liquidity, LogAddress, MarketDefinition,
    SessionCloseReason,
};
pub use genesis::{EngineLimits, Genesis, LOGIC_VERSION, LimitOutOfRange};
pub use network::{NETWORKS_MAX, Network, NetworkError, Networks};
pub use order_status::OrderStatus;
pub use quote::{MassQuote, QUOTE_SLOTS_MAX, QUOTES_MAX, QUOTES_PER_SLOT, Quote, QuoteMode, QuoteSide, QuoteTerms};
pub use record::{CommandRecord, EventRecord, RECORD_LEN_BYTES, RecordError};
pub use reject::Reject;
pub use roles::{Roles, UnknownRole};
pub use state_machine::{Digest, EventBuffer, StateMachine};
pub use units::{
    AccountId, AssetAmount, AssetId, ClusterId, Epoch, FeeRate, KeyId, MarketId, Name, Nanos, NodeId, OrderId, Price,
    Qty, Reference, RequestNumber, Sequence, SessionId, SessionSequence, TextError, Timestamp,
};
