//! Hashes of single facts, added up: the state's digest without a walk.
//!
//!   fact changes: sum - hash(old) + hash(new)
//!
//! Invariants: a hash covers a fact and what kind it is, so that equal words of two kinds differ; the sum does not depend on
//! the order in which facts came about. It detects accidents, not forgers: who may write is decided elsewhere.
//!
//! The function: pairs of words are xored with constants, multiplied to 128 bits and added (as in UMASH and wyhash); then the
//! halves of that are multiplied once more, so that what two facts share does not cancel. All pairs are independent of each
//! other, so a fact of eight words costs five multiplications, a few nanoseconds.

/// Odd constants from the digits of pi.
const KEYS: [u64; 16] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7345,
    0xa409_3822_299f_31d1,
    0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377,
    0xbe54_66cf_34e9_0c6d,
    0xc0ac_29b7_c97c_50dd,
    0x3f84_d5b5_b547_0917,
    0x9216_d5d9_8979_fb1b,
    0xd131_0ba6_98df_b5ad,
    0x2ffd_72db_d01a_dfb7,
    0xb8e1_afed_6a26_7e97,
    0xba7c_9045_f12c_7f99,
    0x24a1_9947_b391_6cf7,
    0x0801_f2e2_858e_fc17,
    0x6369_20d8_7157_4e69,
];

/// Odd, with bits all over.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a hashed fact is about.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Fact {
    Journal = 1,
    Asset,
    Balance,
    Market,
    Account,
    Protection,
    FeeTier,
    Key,
    PublicKey,
    Session,
    Outcome,
    Order,
    Place,
    Reference,
    Seat,
    Name,
    Quotes,
    DeadMan,
    Network,
}

const fn product(one: u64, two: u64) -> u128 {
    one as u128 * two as u128
}

/// Both halves of a product in one word.
#[inline]
pub(crate) const fn fold(one: u64, two: u64) -> u64 {
    let product = product(one, two);
    product as u64 ^ (product >> 64) as u64
}

/// Hash of a fact of up to sixteen words.
#[inline]
pub(crate) const fn hash<const N: usize>(fact: Fact, words: [u64; N]) -> u128 {
    const { assert!(N.is_multiple_of(2) && N <= KEYS.len()) };
    // The kind goes into the first constant, which costs nothing; spread, so that no small number makes up for it.
    let first = KEYS[0] ^ (fact as u64).wrapping_mul(SPREAD);
    let mut sum = product(words[0] ^ first, words[1] ^ KEYS[1]);
    let mut at = 2;
    while at < N {
        sum = sum.wrapping_add(product(words[at] ^ KEYS[at], words[at + 1] ^ KEYS[at + 1]));
        at += 2;
    }
    let (low, high) = (sum as u64, (sum >> 64) as u64);
    product(low ^ KEYS[2], high ^ KEYS[3]).wrapping_add(sum)
}

/// Hash of a command's payload, which only tells it from another one under the same number. Halves of words are multiplied:
/// that is what the processor's vectors can do, so twelve words cost fifty instructions instead of a hundred.
#[inline]
pub(crate) fn payload_hash(words: &[u64; 12]) -> u32 {
    let products = words.iter().zip(KEYS).map(|(word, key)| {
        let word = word ^ key;
        (word & u64::from(u32::MAX)) * (word >> 32)
    });
    let sum = products.fold(0, u64::wrapping_add);
    (fold(sum ^ KEYS[12], SPREAD) >> 32) as u32
}

/// A sum of hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum(pub(crate) u128);

impl Sum {
    #[inline]
    pub(crate) fn add(&mut self, hash: u128) {
        self.0 = self.0.wrapping_add(hash);
    }

    #[inline]
    pub(crate) fn remove(&mut self, hash: u128) {
        self.0 = self.0.wrapping_sub(hash);
    }

    /// A fact changed.
    #[inline]
    pub(crate) fn replace(&mut self, old: u128, new: u128) {
        self.0 = self.0.wrapping_sub(old).wrapping_add(new);
    }
}

/// The words of an amount.
#[inline]
pub(crate) const fn words(units: u128) -> [u64; 2] {
    [units as u64, (units >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bit_of_any_word_and_the_kind_change_the_hash() {
        for words in [[0; 8], [1, 2, 3, 4, 5, 6, 7, 8], [u64::MAX; 8]] {
            let base = hash(Fact::Order, words);
            assert_ne!(hash(Fact::Key, words), base);
            for at in 0..words.len() {
                for bit in 0..64 {
                    let mut other = words;
                    other[at] ^= 1 << bit;
                    assert_ne!(hash(Fact::Order, other), base, "word {at}, bit {bit}");
                }
            }
        }
    }

    #[test]
    fn facts_that_swap_what_they_say_do_not_cancel() {
        let sum = |one: [u64; 4], two: [u64; 4]| hash(Fact::Order, one).wrapping_add(hash(Fact::Order, two));
        for at in 0..4 {
            let (mut one, mut two) = ([1, 2, 3, 4], [5, 6, 7, 8]);
            let before = sum(one, two);
            core::mem::swap(&mut one[at], &mut two[at]);
            assert_ne!(sum(one, two), before, "word {at}");
        }
    }

    #[test]
    fn any_bit_of_a_payload_changes_its_hash() {
        for words in [[0; 12], core::array::from_fn(|at| at as u64)] {
            let base = payload_hash(&words);
            for at in 0..words.len() {
                for bit in 0..64 {
                    let mut other = words;
                    other[at] ^= 1 << bit;
                    assert_ne!(payload_hash(&other), base, "word {at}, bit {bit}");
                }
            }
        }
    }

    #[test]
    fn a_sum_forgets_what_was_removed_and_not_the_order_of_anything() {
        let (one, two) = (hash(Fact::Order, [1, 2]), hash(Fact::Order, [2, 1]));
        let mut sum = Sum::default();
        sum.add(one);
        sum.add(two);
        sum.remove(one);
        let mut other = Sum::default();
        other.add(one);
        other.replace(one, two);
        assert_eq!(sum, other);
        assert_ne!(sum, Sum::default());
    }
}
