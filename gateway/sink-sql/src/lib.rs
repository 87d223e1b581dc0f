//! Projects released events into SQLite: orders, trades, balance changes, and the position, in one transaction.
//!
//! ```text
//!   event log --[tidegate_sink::run_sink]--> whole commands --[Projection]--> rows --+
//!                                                                                    +--> one transaction
//!                                         position: WHERE it is where I left it -----+
//! ```
//!
//! Invariants: a row and the position that covers it are committed together, so a `kill -9` at any moment neither loses
//! nor repeats a row; a writer whose term is over, or that is not where the position is, changes nothing and says so.
//! The tables are described in `schema.sql`.
//! Owning thread: the sink's task; the driver runs SQLite on a thread of its own.

mod error;
mod projection;
mod rows;
mod sink;
mod write;

pub use error::SqlSinkError;
pub use sink::SqlSink;
