//! Other people's books, each fed the way its documentation says is the fast one.
//!
//! ```text
//! package        new, cancel      replace            reduce                 beside that
//! matchcore      execute          amend              amend to what is left  commands are built before, as for the engine
//! nanobook       submit, cancel   modify: a new id   modify: to the back    no event log; keeps all trades and orders
//! limitbook      add, cancel      cancel, add        cancel, add            no IOC: what is left of one is cancelled
//! orderbook-rs   add, cancel      update             update                 no journal, metrics, tracker, risk, listener
//! ```
//!
//! Invariants: numbers become the package's types while preparing; only ids that the package chooses are looked up while it
//! is timed. Each market has a book of its own. Who wants fills pays for them: listeners and tables back are there only then.

pub mod limitbook;
pub mod matchcore;
pub mod nanobook;
pub mod orderbook_rs;
