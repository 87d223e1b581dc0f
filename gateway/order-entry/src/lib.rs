//! The binary order-entry server: sessions over TCP, from the socket to the inbox and from the event log to the socket.
//!
//! ```text
//!  socket --bytes--> [SessionCore] --CommandRecord--> [Ingress] --> inbox --> sequencer
//!    ^                    ^    |
//!    |                    |    +-- signature --> verify worker
//!    +---- bytes ---------+
//!                         +-- reports -- [pump] <-- event log (released events only)
//!                         +-- replay --- [replay] <-- event log, along one key's back-pointers
//! ```
//!
//! Invariants: a report is sent only after the event log has it; a key's reports leave in the order of their
//! `session_sequence` without a gap; a request that was read is handed to the inbox exactly once or was refused with a
//! reason; what one client does or fails to do is not noticed by another. Memory per session is bounded.
//! Owning thread: `order-entry`, one asynchronous runtime; signatures are verified on its blocking workers.

mod config;
mod connection;
mod directory;
mod follow;
mod gateway;
mod ingress;
mod pump;
mod replay;
mod server;
mod session;
mod socket;
mod stats;
mod throttle;
mod verify;

pub use config::{IoChoice, OrderEntryConfig, OrderEntryError, SecondLogon};
pub use directory::Known;
pub use server::{OrderEntry, OrderEntryPorts};
pub use stats::OrderEntryStats;
pub use throttle::RateLimit;
