//! The words of the measurements: what is asked of a book, and what it says it traded.
//!
//!   generator --[`Op`]--> subject --[`Fill`]--> [`FillSink`]
//!
//! Invariants: an order's id is dense from 1 in the order of creation and survives a replace, so a table by id finds
//! everything. Markets and accounts are dense from 0. Prices are ticks of at least 1, quantities lots of at least 1.

use tidegate_domain::Side;

/// How long an order stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tif {
    /// Good till cancelled: what is left rests.
    Gtc,
    /// Immediate or cancel: what is left is gone.
    Ioc,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new limit order.
    New {
        /// Its id, one more than that of the order before.
        id: u64,
        /// Whose it is.
        account: u32,
        /// Its side.
        side: Side,
        /// Its limit in ticks.
        price: i64,
        /// How much, in lots.
        qty: u64,
        /// How long it stays.
        tif: Tif,
    },
    /// Takes an order out. Nothing happens when it does not rest any more.
    Cancel {
        /// Which.
        id: u64,
    },
    /// Moves a resting order to the end of the queue of another price, where it may trade like a new one. It always rests.
    Replace {
        /// Which.
        id: u64,
        /// Its limit from here on, in ticks; never the one it has.
        price: i64,
        /// What is left of it from here on, in lots.
        qty: u64,
    },
    /// Takes quantity off a resting order, never all of it; it keeps its place. It always rests.
    Reduce {
        /// Which.
        id: u64,
        /// How much, in lots.
        by: u64,
    },
}

/// One command to one market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    /// Which market, from 0.
    pub market: u32,
    /// What is asked of it.
    pub action: Action,
}

impl Op {
    /// The order it is about.
    #[must_use]
    pub const fn id(&self) -> u64 {
        match self.action {
            Action::New { id, .. } | Action::Cancel { id } | Action::Replace { id, .. } | Action::Reduce { id, .. } => {
                id
            }
        }
    }
}

/// One trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The order that came in.
    pub taker: u64,
    /// The order that rested.
    pub maker: u64,
    /// The resting order's price in ticks.
    pub price: i64,
    /// How much, in lots.
    pub qty: u64,
}

/// Where a subject's trades go. A sink that does not want them costs nothing: it is known at compile time.
pub trait FillSink {
    /// Whether trades are looked at.
    const WANTED: bool;

    /// The next trade, in the order in which they happen.
    fn fill(&mut self, fill: Fill);
}

/// Looks at no trade.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFills;

impl FillSink for NoFills {
    const WANTED: bool = false;

    #[inline]
    fn fill(&mut self, _: Fill) {}
}

impl FillSink for Vec<Fill> {
    const WANTED: bool = true;

    fn fill(&mut self, fill: Fill) {
        self.push(fill);
    }
}

/// A hash of numbers in their order. Not for keys: for telling two streams apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum(u64);

impl Default for Checksum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Checksum {
    /// Mixes the next number in.
    #[inline]
    pub const fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// Sixteen hexadecimal digits: a number of this size does not survive every JSON reader.
    #[must_use]
    pub fn hex(self) -> String {
        format!("{:016x}", self.0)
    }

    /// Of trades, in their order.
    #[must_use]
    pub fn of_fills(fills: &[Fill]) -> Self {
        let mut sum = Self::default();
        for fill in fills {
            [fill.taker, fill.maker, fill.price.cast_unsigned(), fill.qty].into_iter().for_each(|part| sum.mix(part));
        }
        sum
    }
}
