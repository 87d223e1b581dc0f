//! Where each key's newest report is, for any number of keys: the limit stands in the journal's first record, which a new
//! standby gets from its leader only after this log is open.
//!
//! Invariants: entries only grow; a reader never waits, the writer allocates once per [`CHUNK_KEYS`] keys.
//! Owning threads: publish writes, any thread reads.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tidegate_domain::{KeyId, LogAddress};

/// Keys that share an allocation.
const CHUNK_KEYS: usize = 4_096;
/// 16 million keys, 16 times what a configuration can allow.
const CHUNKS: usize = 4_096;

/// See the module.
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
