//! Where each key's newest report is, for any number of keys: the limit stands in the journal's first record, which a new
//! standby gets from its leader only after this log is open.
//!
//! Invariants: entries only grow; a reader never waits, the writer allocates once per [`CHUNK_KEYS`] keys.
//! Owning threads: publish writes, any thread reads.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tidegate_domain::{EventRecord, KeyId, LogAddress, RECORD_LEN_BYTES};

use crate::checkpoint::Checkpoint;

/// Keys that share an allocation.
const CHUNK_KEYS: usize = 4_096;
/// 16 million keys, 16 times what a configuration can allow.
const CHUNKS: usize = 4_096;
/// Most keys that have a place.
pub(crate) const KEYS_MAX: usize = CHUNKS * CHUNK_KEYS;

/// Address of the newest report, by key: the view of whoever writes the log, or reads it from a checkpoint on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastReports(Vec<LogAddress>);

impl LastReports {
    /// Of each key that has one, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (KeyId, LogAddress)> {
        (0..).map(KeyId::new).zip(self.0.iter().copied()).filter(|(_, at)| !at.is_none())
    }

    pub(crate) fn addresses(&self) -> &[LogAddress] {
        &self.0
    }

    /// Of addresses by key, from key 0 on; [`LogAddress::NONE`] is none.
    #[must_use]
    pub fn from_addresses(addresses: Vec<LogAddress>) -> Self {
        Self(addresses)
    }

    /// [`LogAddress::NONE`] before the first report.
    pub(crate) fn of(&self, key: KeyId) -> LogAddress {
        self.0.get(key.raw() as usize).copied().unwrap_or(LogAddress::NONE)
    }

    /// Notes a key's new newest report; the one before it.
    pub(crate) fn replace(&mut self, key: KeyId, at: LogAddress) -> LogAddress {
        let key = key.raw() as usize;
        if key >= self.0.len() {
            self.0.resize(key + 1, LogAddress::NONE);
        }
        std::mem::replace(&mut self.0[key], at)
    }

    /// Notes the reports of a batch whose records begin here.
    pub(crate) fn note(&mut self, segment: u32, offset: usize, records: &[u8]) {
        for (n, record) in records.chunks_exact(RECORD_LEN_BYTES).enumerate() {
            let record = EventRecord::from_bytes(record.try_into().expect("a record is 128 bytes"));
            if record.session_sequence().raw() != 0 {
                self.replace(record.key(), crate::log::address(segment, offset + n * RECORD_LEN_BYTES));
            }
        }
    }
}

/// A checkpoint of an event log: the place, and every key's newest report before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventCheckpoint {
    /// The place.
    pub log: Checkpoint,
    /// The reports.
    pub reports: LastReports,
}

/// What readers see of [`LastReports`].
pub(crate) struct NewestReports {
    chunks: Box<[OnceLock<Box<[AtomicU64]>>]>,
}

impl NewestReports {
    pub(crate) fn new() -> Self {
        Self { chunks: std::iter::repeat_with(OnceLock::new).take(CHUNKS).collect() }
    }

    /// [`LogAddress::NONE`] before the first report.
    pub(crate) fn of(&self, key: KeyId) -> LogAddress {
        let key = key.raw() as usize;
        let chunk = self.chunks.get(key / CHUNK_KEYS).and_then(OnceLock::get);
        LogAddress::new(chunk.map_or(0, |chunk| chunk[key % CHUNK_KEYS].load(Ordering::Acquire)))
    }

    /// # Panics
    /// For a key that no engine gives out.
    pub(crate) fn set(&self, key: KeyId, at: LogAddress) {
        let key = key.raw() as usize;
        let chunk = self.chunks.get(key / CHUNK_KEYS).expect("an engine numbers keys densely, within its limits");
        let chunk = chunk.get_or_init(|| std::iter::repeat_with(AtomicU64::default).take(CHUNK_KEYS).collect());
        chunk[key % CHUNK_KEYS].store(at.raw(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_key_has_a_place_of_its_own_and_nothing_in_it_at_first() {
        let newest = NewestReports::new();
        let keys = [0, 1, 4_095, 4_096, 1 << 20, (CHUNKS * CHUNK_KEYS - 1) as u32];
        for (n, key) in (1..).zip(keys) {
            assert!(newest.of(KeyId::new(key)).is_none());
            newest.set(KeyId::new(key), LogAddress::new(n));
        }
        assert_eq!(keys.map(|key| newest.of(KeyId::new(key)).raw()), [1, 2, 3, 4, 5, 6]);
        assert!(newest.of(KeyId::new(u32::MAX)).is_none());
    }
}
