//! Client of the binary order entry: one key, one session, any node of the cluster.
//!
//!   submit --> [`ClientCore`] --bytes--> socket --> gateway --> reports --> [`ClientCore`] --> next_event
//!
//! Invariants: reports reach the caller densely numbered, each once, whatever happens to connections and nodes; a request
//! without an answer is sent again with the same number, in order, so the engine executes it at most once.
//! Owning thread: the core belongs to whoever calls it; [`Client`] shares it with one background task that owns the socket.

mod core;
mod error;
mod shell;

pub use crate::core::{Attempt, ClientCore, ClientEvent, ClientSecret, ClientStats, CoreConfig, MarketInfo};
pub use crate::error::{ClientError, Disconnect};
pub use crate::shell::{Client, ClientConfig};

/// Most requests without an answer: the engine keeps the outcomes of this many for each key, so that every resend of an
/// older one still finds its own.
pub const IN_FLIGHT_MAX: usize = 1_024;
