//! Header and sections: lengths, versions and checksums, so that whoever reads entries reads what was written.
//!
//!   bytes --[SnapshotHeader::read]--> versions, length --[Sections::split]--> one checked slice of entries a section
//!
//! Invariants: all checksums are right before the first entry is looked at, so nothing is allocated for bytes that were
//! damaged.
//!
//! Owning thread: whoever drives the engine.

use alloc::vec::Vec;
use core::marker::PhantomData;

use tidegate_domain::{Digest, LOGIC_VERSION, Sequence};
use xxhash_rust::xxh3::xxh3_64;

use super::entries::*;
use super::fields::{Field, Wrong, check, record};
use super::{SNAPSHOT_FORMAT_VERSION, SnapshotError};

const MAGIC: [u8; 8] = *b"TDGSNAP\0";
const CHECKSUM_LEN_BYTES: usize = u64::LEN_BYTES;

/// What a snapshot says of itself, at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The command applied last: a restored engine goes on with the next.
    pub applied: Sequence,
    /// The digest after it.
    pub digest: Digest,
    /// Length of the whole snapshot.
    pub len_bytes: u64,
}

/// The header as it is written; magic and format version stand where they do in every version.
struct RawHeader {
    magic: [u8; 8],
    format_version: u32,
    logic_version: u32,
    applied: Sequence,
    digest: u128,
    len_bytes: u64,
}
record!(RawHeader {
    magic: [u8; 8],
    format_version: u32,
    logic_version: u32,
    applied: Sequence,
    digest: u128,
    len_bytes: u64,
});

impl SnapshotHeader {
    /// Length of a header: what of a file must be read to read it.
    pub const LEN_BYTES: usize = RawHeader::LEN_BYTES + CHECKSUM_LEN_BYTES;

    /// Reads the header of a snapshot, of which there must be at least [`Self::LEN_BYTES`].
    ///
    /// # Errors
    /// [`SnapshotError`] when it is none, is damaged, or is of another version.
    pub fn read(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let raw = RawHeader::take(&mut &*bytes).map_err(in_header)?;
        check(raw.magic == MAGIC, "magic", "that of a snapshot").map_err(in_header)?;
        let of_version = |field, found, supported| {
            if found == supported { Ok(()) } else { Err(SnapshotError::OtherVersion { field, found, supported }) }
        };
        of_version("format_version", raw.format_version, SNAPSHOT_FORMAT_VERSION)?;
        let is_sealed = take_sealed(&mut &*bytes, RawHeader::LEN_BYTES).is_some();
        check(is_sealed, "checksum", "that of the header").map_err(in_header)?;
        of_version("logic_version", raw.logic_version, LOGIC_VERSION)?;
        Ok(Self { applied: raw.applied, digest: Digest(raw.digest), len_bytes: raw.len_bytes })
    }

    /// Room for a header, to be filled in by [`Self::write`].
    pub(super) fn reserve(out: &mut Vec<u8>) {
        out.resize(out.len() + Self::LEN_BYTES, 0);
    }

    pub(super) fn write(&self, out: &mut [u8]) {
        let mut bytes = Vec::with_capacity(Self::LEN_BYTES);
        let raw = RawHeader {
            magic: MAGIC,
            format_version: SNAPSHOT_FORMAT_VERSION,
            logic_version: LOGIC_VERSION,
            applied: self.applied,
            digest: self.digest.0,
            len_bytes: self.len_bytes,
        };
        raw.put(&mut bytes);
        seal(&mut bytes, 0);
        out[..Self::LEN_BYTES].copy_from_slice(&bytes);
    }
}

const fn in_header(wrong: Wrong) -> SnapshotError {
    wrong.at("header", 0)
}

/// Appends the checksum of everything from `start` on.
fn seal(out: &mut Vec<u8>, start: usize) {
    xxh3_64(&out[start..]).put(out);
}

/// Takes `len_bytes` and their checksum off the front; nothing when they are cut off or differ.
fn take_sealed<'a>(from: &mut &'a [u8], len_bytes: usize) -> Option<&'a [u8]> {
    let (body, mut rest) = from.split_at_checked(len_bytes)?;
    let checksum = u64::take(&mut rest).ok()?;
    *from = rest;
    (xxh3_64(body) == checksum).then_some(body)
}

/// What a section begins with.
struct SectionHead {
    tag: u32,
    entry_len_bytes: u32,
    entries: u64,
}
record!(SectionHead { tag: u32, entry_len_bytes: u32, entries: u64 });

impl SectionHead {
    fn new<E: Entry>(entries: u64) -> Self {
        let entry_len_bytes = u32::try_from(E::LEN_BYTES).expect("entries are some hundred bytes at most");
        Self { tag: E::TAG, entry_len_bytes, entries }
    }
}

/// Appends a section.
pub(super) fn put_section<E: Entry>(out: &mut Vec<u8>, entries: impl Iterator<Item = E>) {
    let start = out.len();
    out.reserve(SectionHead::LEN_BYTES + entries.size_hint().0 * E::LEN_BYTES + CHECKSUM_LEN_BYTES);
    SectionHead::new::<E>(0).put(out);
    let mut count = 0;
    for entry in entries {
        entry.put(out);
        count += 1;
    }
    let mut head = Vec::with_capacity(SectionHead::LEN_BYTES);
    SectionHead::new::<E>(count).put(&mut head);
    out[start..start + head.len()].copy_from_slice(&head);
    seal(out, start);
}

/// The entries of a section, whose checksum was right.
pub(super) struct Section<'a, E> {
    body: &'a [u8],
    entries: PhantomData<E>,
}

impl<'a, E: Entry> Section<'a, E> {
    fn split(from: &mut &'a [u8]) -> Result<Self, SnapshotError> {
        let wrong = |field, allowed| Wrong { field, allowed }.at(E::SECTION, 0);
        let head = SectionHead::take(&mut &**from).map_err(|wrong| wrong.of("head").at(E::SECTION, 0))?;
        let expected = SectionHead::new::<E>(head.entries);
        if head.tag != expected.tag {
            return Err(wrong("tag", "that of the section which follows here"));
        }
        if head.entry_len_bytes != expected.entry_len_bytes {
            return Err(wrong("entry_len_bytes", "that of this format version"));
        }
        let body_len = usize::try_from(head.entries).ok().and_then(|entries| entries.checked_mul(E::LEN_BYTES));
        let len = body_len.and_then(|len| len.checked_add(SectionHead::LEN_BYTES)).filter(|len| *len <= from.len());
        let len = len.ok_or(wrong("entries", "as many as there are"))?;
        let sealed = take_sealed(from, len).ok_or(wrong("checksum", "that of the section"))?;
        Ok(Self { body: &sealed[SectionHead::LEN_BYTES..], entries: PhantomData })
    }

    pub(super) const fn len(&self) -> usize {
        self.body.len() / E::LEN_BYTES
    }

    /// Gives every entry to `put`; what is wrong with one is told with its place.
    pub(super) fn each(&self, mut put: impl FnMut(E) -> Result<(), Wrong>) -> Result<(), SnapshotError> {
        for (entry, mut bytes) in (0..).zip(self.body.chunks_exact(E::LEN_BYTES)) {
            E::take(&mut bytes).and_then(&mut put).map_err(|wrong| wrong.at(E::SECTION, entry))?;
        }
        Ok(())
    }

    /// One entry that [`Self::each`] has given before.
    pub(super) fn get(&self, entry: usize) -> Result<E, SnapshotError> {
        let mut bytes = &self.body[entry * E::LEN_BYTES..];
        E::take(&mut bytes).map_err(|wrong| wrong.at(E::SECTION, entry as u64))
    }

    /// Refuses more entries than the journal's limits allow.
    pub(super) fn check_room(&self, limit: u32) -> Result<(), SnapshotError> {
        let is_right = self.len() <= limit as usize;
        check(is_right, "entries", "within the limits of the journal").map_err(|wrong| wrong.at(E::SECTION, 0))
    }
}

/// Every section of a snapshot.
pub(super) struct Sections<'a> {
    pub(super) state: Section<'a, StateEntry>,
    pub(super) assets: Section<'a, AssetEntry>,
    pub(super) markets: Section<'a, MarketEntry>,
    pub(super) accounts: Section<'a, AccountEntry>,
    pub(super) protections: Section<'a, ProtectionEntry>,
    pub(super) keys: Section<'a, KeyEntry>,
    pub(super) sessions: Section<'a, SessionEntry>,
    pub(super) outcomes: Section<'a, OutcomeEntry>,
    pub(super) fee_tiers: Section<'a, FeeTierEntry>,
    pub(super) balances: Section<'a, BalanceEntry>,
    pub(super) seats: Section<'a, SeatEntry>,
    pub(super) references: Section<'a, ReferenceEntry>,
    pub(super) orders: Section<'a, OrderEntry>,
    pub(super) pending_quotes: Section<'a, SlotEntry>,
}

impl<'a> Sections<'a> {
    /// Takes a whole snapshot apart.
    pub(super) fn split(header: &SnapshotHeader, bytes: &'a [u8]) -> Result<Self, SnapshotError> {
        let is_whole = header.len_bytes == bytes.len() as u64;
        check(is_whole, "len_bytes", "the length of the snapshot").map_err(in_header)?;
        let mut rest = &bytes[SnapshotHeader::LEN_BYTES..];
        let from = &mut rest;
        // In the order in which they are written.
        let sections = Self {
            state: Section::split(from)?,
            assets: Section::split(from)?,
            markets: Section::split(from)?,
            accounts: Section::split(from)?,
            protections: Section::split(from)?,
            keys: Section::split(from)?,
            sessions: Section::split(from)?,
            outcomes: Section::split(from)?,
            fee_tiers: Section::split(from)?,
            balances: Section::split(from)?,
            seats: Section::split(from)?,
            references: Section::split(from)?,
            orders: Section::split(from)?,
            pending_quotes: Section::split(from)?,
        };
        check(rest.is_empty(), "len_bytes", "the end of the last section").map_err(in_header)?;
        Ok(sections)
    }
}
