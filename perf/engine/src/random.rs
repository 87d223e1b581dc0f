//! Random numbers of the generators: the same on every machine, so whole numbers only.
//!
//! Invariants: one seed makes one stream for ever; a change here changes every checksum that was ever written down.

/// A splitmix64 stream.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Its next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `end`, without it. The bias is below 2^-40 for what is asked here.
    pub const fn below(&mut self, end: u64) -> u64 {
        ((self.next() as u128 * end as u128) >> 64) as u64
    }

    /// `true` in `percent` of 100 cases.
    pub const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Picks an index with a given weight.
#[derive(Clone, Debug)]
pub(crate) struct Weighted {
    sums: Vec<u64>,
}

impl Weighted {
    pub(crate) fn new(weights: impl Iterator<Item = u64>) -> Self {
        let mut sum = 0;
        let sums = weights.map(|weight| {
            sum += weight;
            sum
        });
        Self { sums: sums.collect() }
    }

    /// Zipf with exponent 1: the n-th has a weight of 1/n.
    pub(crate) fn zipf(count: usize) -> Self {
        Self::new((1..=count as u64).map(|rank| (1 << 40) / rank))
    }

    /// Distance from the touch in ticks, from 0: the weight falls with its square, from a shoulder of four ticks on.
    pub(crate) fn depth(ticks_max: u64) -> Self {
        Self::new((0..ticks_max).map(|ticks| (1 << 40) / ((ticks + 4) * (ticks + 4))))
    }

    pub(crate) fn pick(&self, random: &mut Random) -> usize {
        let end = *self.sums.last().expect("there is something to pick from");
        let at = random.below(end);
        self.sums.partition_point(|sum| *sum <= at)
    }
}

/// A deck of choices that is dealt to its end and shuffled anew: the shares are exact, the order is not foreseeable.
#[derive(Clone, Debug)]
pub(crate) struct Deck<T> {
    cards: Vec<T>,
    dealt: usize,
}

impl<T: Copy> Deck<T> {
    /// `(choice, how many of it)`.
    pub(crate) fn new(shares: &[(T, usize)]) -> Self {
        let cards: Vec<T> = shares.iter().flat_map(|&(card, count)| std::iter::repeat_n(card, count)).collect();
        Self { dealt: cards.len(), cards }
    }

    pub(crate) fn deal(&mut self, random: &mut Random) -> T {
        if self.dealt == self.cards.len() {
            random.shuffle(&mut self.cards);
            self.dealt = 0;
        }
        self.dealt += 1;
        self.cards[self.dealt - 1]
    }
}
