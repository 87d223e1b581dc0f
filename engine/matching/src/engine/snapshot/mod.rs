//! The whole state as bytes, and back: a node that has a snapshot replays only the commands after it.
//!
//! ```text
//!   Engine --[capture]--> entries --[fields]--> header | section | section | ..
//!   header | section | section | .. --[sections: versions, lengths, checksums]--> entries --[restore]--> Engine
//! ```
//!
//! What can influence a later event, deadline, digest or reject is written; what follows from it (indexes, levels,
//! lists, timers, sums, hashes) is made again. Everything is little-endian and without padding. A checksum is XXH3-64
//! of the bytes before it, from the start of its header or section.
//!
//! ```text
//! header, 56 B    | magic 8 B | format version u32 | logic version u32 | applied u64 | digest u128 | length u64 | checksum u64 |
//! section         | tag u32 | entry length u32 | entries u64 | entry, entry, ..                                 | checksum u64 |
//!
//! tag section      entry  order             tag section      entry  order
//!  1  state         92 B  one entry          8  outcomes      38 B  key, request
//!  2  assets        65 B  id from 1          9  fee tiers      9 B  tier, if it has fees
//!  3  markets      141 B  id from 1         10  balances      56 B  account, asset
//!  4  accounts      54 B  id from 1         11  seats          8 B  account, market
//!  5  protections   54 B  account, group    12  references    92 B  reference
//!  6  keys         135 B  id from 1         13  orders       102 B  age
//!  7  sessions      31 B  key                  14  pending quotes 92 B  slot
//! ```
//!
//! All sections are there, in this order; their fields are listed in `entries`. An order's place in its queue is its
//! priority: all orders of a place, in a book or in a stop list, come in the order of their priorities.
//!
//! Invariants: equal states are equal bytes, whatever the history of slots and handles: everything goes by id. Nothing
//! that is read is trusted: a restored engine has the digest of the header by a full walk, its money adds up, and every
//! reference from one entry to another leads somewhere. No bytes make [`crate::Engine::restore`] panic, and room is
//! made by the limits of the journal, which are checked first.
//!
//! Owning thread: whoever drives the engine. Not on the hot path: both directions allocate, and take time that grows
//! with the state.

mod capture;
mod entries;
mod fields;
mod restore;
mod restore_orders;
mod sections;

pub use sections::SnapshotHeader;

/// Version of the byte layout. A new one needs a reader for the old one as long as the rules are the same.
pub const SNAPSHOT_FORMAT_VERSION: u32 = 3;

/// Why bytes are not a snapshot that this build can go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// It was made by another version: a build of that version reads it, this one starts from an older snapshot or the
    /// journal.
    OtherVersion {
        /// Of what: `format_version` or `logic_version`.
        field: &'static str,
        /// What the snapshot has.
        found: u32,
        /// What this build has.
        supported: u32,
    },
    /// It is not what an engine wrote: start from another snapshot or from the journal.
    Damaged {
        /// Where: `header`, or the name of a section.
        section: &'static str,
        /// Which entry of the section, from 0.
        entry: u64,
        /// Which field.
        field: &'static str,
        /// What would be right.
        allowed: &'static str,
    },
}

impl core::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::OtherVersion { field, found, supported } => {
                write!(f, "snapshot: {field} is {found}; this build reads {supported}")
            }
            Self::Damaged { section, entry, field, allowed } => {
                write!(f, "snapshot: section {section}, entry {entry}, field {field}: must be {allowed}")
            }
        }
    }
}

impl core::error::Error for SnapshotError {}
