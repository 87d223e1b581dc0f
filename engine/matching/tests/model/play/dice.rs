//! Random choices from a short list of rolls, so that proptest can shrink them: a roll of 0 is always the plainest choice.

use proptest::prelude::*;

/// Enough for the choices of one step; further rolls are 0.
const ROLLS: usize = 64;

/// The rolls of one step.
pub(crate) type Rolls = [u16; ROLLS];

pub(crate) struct Dice<'a> {
    rolls: std::slice::Iter<'a, u16>,
}

impl<'a> Dice<'a> {
    pub(crate) fn new(rolls: &'a Rolls) -> Self {
        Self { rolls: rolls.iter() }
    }

    fn roll(&mut self) -> u16 {
        self.rolls.next().copied().unwrap_or(0)
    }

    /// 0 to `end` - 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        u64::from(self.roll()) % end
    }

    /// `first` to `last`.
    pub(crate) fn within(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// Whether something happens that happens `of_1000` times in 1,000.
    pub(crate) fn happens(&mut self, of_1000: u64) -> bool {
        self.below(1_000) >= 1_000 - of_1000
    }

    /// One of these, all alike.
    pub(crate) fn any<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    /// One of these by weight, the plainest first.
    pub(crate) fn pick<T: Copy>(&mut self, values: &[(u64, T)]) -> T {
        let mut roll = self.below(values.iter().map(|(weight, _)| weight).sum());
        for (weight, value) in values {
            if roll < *weight {
                return *value;
            }
            roll -= weight;
        }
        unreachable!("a roll is below the sum of the weights")
    }
}

pub(super) fn any_rolls() -> impl Strategy<Value = Rolls> {
    prop::collection::vec(any::<u16>(), ROLLS).prop_map(|rolls| Rolls::try_from(rolls).unwrap())
}

/// A stream of rolls for runs that are too long to shrink: SplitMix64.
pub(crate) struct RollSource(u64);

impl RollSource {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next_rolls(&mut self) -> Rolls {
        let mut rolls = [0; ROLLS];
        for four in rolls.chunks_exact_mut(4) {
            let bits = self.next_u64();
            for (at, roll) in four.iter_mut().enumerate() {
                *roll = (bits >> (16 * at)) as u16;
            }
        }
        rolls
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}
