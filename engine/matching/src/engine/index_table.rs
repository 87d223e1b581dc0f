//! From names to places: a hash table of small numbers that never grows.
//!
//!   (two words, seed) --hash--> bucket --probe--> index, checked by the caller against what stands there
//!
//! Open addressing with linear probing; a removal moves later entries back, so no tombstones pile up. An entry is the hash
//! and the index, eight bytes: a probe touches what it finds only when 32 bits of hash agree.
//!
//! Invariants: at most a quarter full (a removal moves back what stands in a row behind it, and rows grow fast beyond that);
//! which bucket an entry is in is never visible outside. The seed comes from the journal, so that every node has the same tables, and no
//! client knows it: both what is xored in and what is multiplied with follow from it, so nobody can choose names that collide.

use alloc::vec::Vec;

use crate::hash::fold;
use crate::prefetch::prefetch;

const EMPTY: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    /// [`EMPTY`] in a free bucket.
    index: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct IndexTable {
    entries: Vec<Entry>,
    /// To get a bucket from a hash.
    shift: u32,
    /// Both from the seed.
    blind: u64,
    multiplier: u64,
    len: usize,
}

impl IndexTable {
    /// With room for `capacity` indexes.
    pub(crate) fn with_capacity(capacity: usize, seed: u64) -> Self {
        let buckets = (capacity * 4).max(4).next_power_of_two();
        let entries = alloc::vec![Entry { hash: 0, index: EMPTY }; buckets];
        let blind = mixed(seed);
        Self { entries, shift: 32 - buckets.trailing_zeros(), blind, multiplier: mixed(blind) | 1, len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Hash of a name of two words. Both are spread before they meet: numbers that grow would else fill rows of buckets.
    #[inline]
    pub(crate) const fn hash(&self, one: u64, two: u64) -> u32 {
        let (one, two) = (one.wrapping_mul(0x9e37_79b9_7f4a_7c15), two.wrapping_mul(0xa076_1d64_78bd_642f));
        (fold(one ^ two.rotate_left(32) ^ self.blind, self.multiplier) >> 32) as u32
    }

    #[inline]
    const fn bucket(&self, hash: u32) -> usize {
        (hash >> self.shift) as usize
    }

    /// The index of this hash that `is_it`.
    #[inline]
    pub(crate) fn get(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.bucket(hash);
        loop {
            let entry = self.entries.get(at)?;
            if entry.index == EMPTY {
                return None;
            }
            if entry.hash == hash && is_it(entry.index) {
                return Some(entry.index);
            }
            at = (at + 1) & (self.entries.len() - 1);
        }
    }

    /// Fetches the bucket of a hash.
    #[inline]
    pub(crate) fn fetch(&self, hash: u32) {
        if let Some(entry) = self.entries.get(self.bucket(hash)) {
            prefetch(entry);
        }
    }

    /// The first index of this hash: most likely the one that is meant.
    #[inline]
    pub(crate) fn likely(&self, hash: u32) -> Option<u32> {
        self.get(hash, |_| true)
    }

    /// Adds an index that is not there.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u32, index: u32) {
        assert!(self.len < self.entries.len() / 4, "the limit is checked before");
        let mut at = self.bucket(hash);
        while self.entries[at].index != EMPTY {
            at = (at + 1) & (self.entries.len() - 1);
        }
        self.entries[at] = Entry { hash, index };
        self.len += 1;
    }

    /// Takes an index out that is there.
    #[inline]
    pub(crate) fn remove(&mut self, hash: u32, index: u32) {
        let last = self.entries.len() - 1;
        let mut at = self.bucket(hash);
        while self.entries[at].index != index {
            assert!(self.entries[at].index != EMPTY, "what is removed was added");
            at = (at + 1) & last;
        }
        self.len -= 1;
        // Move back whatever a probe would not find across the gap.
        let mut next = at;
        loop {
            next = (next + 1) & last;
            let entry = self.entries[next];
            if entry.index == EMPTY {
                break;
            }
            let home = self.bucket(entry.hash);
            if (next.wrapping_sub(home) & last) >= (next.wrapping_sub(at) & last) {
                self.entries[at] = entry;
                at = next;
            }
        }
        self.entries[at].index = EMPTY;
    }
}

/// Any word to one that looks random: the last step of SplitMix64.
const fn mixed(seed: u64) -> u64 {
    let word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    #[test]
    fn the_table_does_what_a_map_does_even_when_hashes_collide() {
        for seed in 1..=8_u64 {
            let mut map = IndexTable::with_capacity(64, seed);
            let mut naive: BTreeMap<u64, u32> = BTreeMap::new();
            let mut state = seed;
            let mut random = move |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            for step in 0..20_000_u32 {
                let name = random(80);
                // Half of the seeds use a hash with few values.
                let hash = if seed % 2 == 0 { map.hash(name, 7) } else { (name as u32 % 5) << 29 };
                let found = map.get(hash, |index| naive.get(&name) == Some(&index));
                assert_eq!(found, naive.get(&name).copied(), "seed {seed} step {step}");
                match found {
                    Some(index) => {
                        map.remove(hash, index);
                        naive.remove(&name);
                    }
                    None if naive.len() < 64 => {
                        map.insert(hash, step);
                        naive.insert(name, step);
                    }
                    None => {}
                }
                assert_eq!(map.len(), naive.len());
            }
        }
    }

    /// A removal walks a row, so rows must stay short for the names that there really are: numbers that grow.
    #[test]
    fn names_that_grow_spread_evenly() {
        for seed in (0..100).chain([u64::MAX, 0x9e37_79b9_7f4a_7c15]) {
            // Growing numbers of one key; the same few numbers of many keys.
            let growing = [(1, 0), (2, 0), (1, 5), (64, 1), (1 << 20, 0)].map(|(step, two)| (step, two, u32::MAX));
            let shared = [(1, 1, 1), (1, 1, 10), (1, 7, 100)];
            for (step, two, numbers) in growing.into_iter().chain(shared) {
                let mut map = IndexTable::with_capacity(1_000, seed);
                for n in 0..1_000_u32 {
                    let key = two + u64::from(n / numbers.min(1_000)) * u64::from(numbers != u32::MAX);
                    map.insert(map.hash(u64::from(n % numbers) * step + 1, key), n);
                }
                let longest = map.entries.split(|entry| entry.index == EMPTY).map(<[Entry]>::len).max();
                assert!(longest <= Some(20), "seed {seed}, step {step}: a row of {longest:?}");
            }
        }
    }
}
