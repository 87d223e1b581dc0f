//! Client of the market-data feed: builds the books and proves that nothing is missing. The rules are in
//! `gateway/market-data/FEED.md`.
//!
//! ```text
//!   group A --.
//!   group B --+--[ChannelFeed: in order, once; gaps]--> per market: snapshot + increments --> book, checksum proven
//!   TCP ------'        '--> what to ask for again
//! ```
//!
//! Invariants: the cores ([`channel`], [`book`]) see no socket and no clock; a book is called consistent only when every
//! message up to a stated number is in it. Owning thread: whoever holds them; the shells are tasks of the caller's runtime.

mod assembly;
pub mod book;
pub mod channel;
pub mod multicast;
pub mod tcp;

pub use channel::{ChannelFeed, Notice, Scope};
