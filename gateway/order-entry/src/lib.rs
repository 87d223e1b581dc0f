//! The binary order-entry server: sessions over TCP, from the socket to the inbox and from the event log to the socket.
//!
//! ```text
//!  socket --bytes--> [SessionCore] --CommandRecord--> [Ingress] --> inbox --> sequencer
//!    ^                    ^    |
//!    |  [sockets]         |    +-- signature --> [verify] threads
//!    +---- bytes ---------+
//!                         +-- reports -- [pump] <-- event log (released events only)
//!                         +-- replay --- [replay] <-- event log, along one key's back-pointers
//! ```
//!
//! A `Gateway` is a stage: a duty cycle over a [`Driver`](tidegate_sockets::Driver) (io_uring, or epoll), on threads
//! of its own or on the pipeline's.
//!
//! Invariants: a report is sent only after the event log has it; a key's reports leave in the order of their
//! `session_sequence` without a gap; a request that was read is handed to the inbox exactly once or was refused with a
//! reason; what one client does or fails to do is not noticed by another. Memory per session is bounded.
//! TLS ends before the driver ([`TlsDoor`]), on a thread of its own.
//!
//! Owning threads: `order-entry`, as many as are configured, or `pipeline`; signatures are verified on `verify`, TLS is on `tls`.

mod admission;
mod catch_up;
mod config;
mod connection;
mod directory;
mod doorstep;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod ingress;
mod lifecycle;
mod mailbox;
mod pump;
mod replay;
mod server;
mod session;
mod session_list;
mod stats;
mod throttle;
mod tls;
mod verify;

pub use config::{IoChoice, OrderEntryConfig, OrderEntryError, SecondLogon};
pub use directory::{Known, Maintenance};
pub use server::{Announcer, Door, OrderEntry, OrderEntryPorts, listen};
pub use session_list::SessionLine;
pub use stats::OrderEntryStats;
pub use throttle::RateLimit;
pub use tls::{TlsConfig, TlsDoor};
