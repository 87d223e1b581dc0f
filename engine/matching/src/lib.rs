//! The engine: everything that decides, and nothing else.
//!
//!   CommandRecord --(Engine)--> EventRecord, EventRecord, ..
//!
//! ```text
//! engine/   what a command means: dispatch, requests, sessions and timers, orders, money, admin
//! book/     price levels with FIFO queues over one slab of orders; knows no account and no money
//! ledger    what every account has, available and held, and what every asset took in fees
//! digest    one hash of all of it
//! ```
//!
//! The book can be had alone, without accounts and money: [`book`], and `examples/order_book.rs`.
//!
//! Invariants: pure. The same commands make the same state and the same events, byte for byte, on every node: no clock,
//! no I/O, no randomness, no hash seed but the journal's, no iteration order that depends on memory. Money is neither made nor lost: per
//! asset, available + held + pending + fees = deposits - withdrawals after every command.
//! Owning thread: whoever drives [`Engine`]; it is a plain value.

#![no_std]

extern crate alloc;

pub mod book;
mod digest;
mod engine;
mod hash;
mod ledger;
mod prefetch;

pub use engine::{
    ConservationError, Engine, OUTCOMES_PER_KEY, Order, SESSION_GRACE_AFTER_RESTART, SNAPSHOT_FORMAT_VERSION,
    SnapshotError, SnapshotHeader,
};
