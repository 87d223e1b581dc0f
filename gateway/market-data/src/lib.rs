//! The market-data feed: every displayed order, every level and every trade, from released events, over TCP and multicast.
//! What a reader must know is in `FEED.md`; the messages are in `tidegate_wire::feed`.
//!
//! ```text
//!   event log --[core]--> numbered messages --[hub]--> newest ones, snapshots --+--[session]--> TCP connections
//!                                                                              '--[multicast]--> groups A and B
//! ```
//!
//! Invariants: what is said follows from the event log alone, so every node says the same under the same numbers; nothing is
//! said that is not released; a reader that is slow, or rude, costs nobody else anything, and the pipeline least.
//! Owning thread: `market-data`, all of it.

mod checkpoint;
mod config;
pub mod core;
mod hub;
mod limits;
mod multicast;
mod recent;
mod server;
mod session;
mod stats;

#[cfg(test)]
#[path = "../../sink-sql/tests/flow/mod.rs"]
mod flow;

use std::net::SocketAddr;

use tidegate_domain::{RecordError, Sequence};
use tidegate_journal::JournalError;

pub use config::{FeedConfig, MulticastConfig};
pub use server::{FeedPorts, FeedRunner};
pub use stats::{FeedStats, FeedStatus};

/// Why the feed does not start or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The TCP address.
    #[error("cannot listen on {address}: {error}; choose a free address")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The sockets of the groups.
    #[error("cannot send by the interface of a multicast group: {0}; give the address of an interface of this machine")]
    Multicast(std::io::Error),
    /// The runtime or the thread.
    #[error("the market-data thread: {0}")]
    Io(#[from] std::io::Error),
    /// The event log.
    #[error("the event log: {0}")]
    Log(#[from] JournalError),
    /// An event that cannot be read.
    #[error("the event {sequence}/{index} cannot be read: {source}; run `tidegate journal verify`")]
    Record {
        /// Which.
        sequence: Sequence,
        /// Which.
        index: u32,
        /// Why.
        source: RecordError,
    },
}
