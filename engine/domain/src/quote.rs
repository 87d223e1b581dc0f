//! Quotes: what a mass quote says, and how it is cut into slots.
//!
//!   up to 15 quotes --[MassQuote::slots]--> slot, slot, .. (two quotes each) --> one record a slot
//!
//! Invariants: a slot that no mass quote has cannot be made; all slots but the last are full.

use crate::command::{SelfTrade, Side, coded};
use crate::units::{MarketId, Price, Qty};

/// Most quotes of one mass quote.
pub const QUOTES_MAX: usize = 15;
/// Quotes in one slot of a mass quote.
pub const QUOTES_PER_SLOT: usize = 2;
/// Most slots of one mass quote: one quote more than it may have fits, so that too many are refused, not unspeakable.
pub const QUOTE_SLOTS_MAX: usize = 8;

coded!(
    /// Whether the quotes of a mass quote may take.
    QuoteMode: u8 {
        /// They trade with what they cross.
        MayTake = 0 "may_take",
        /// One that would take is refused.
        PostOnly = 1 "post_only",
        /// One that would take is re-priced.
        Reprice = 2 "reprice",
    }
);

/// One side of a quote. Price 0 and quantity 0: no order on this side, and what is there goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuoteSide {
    /// Its limit.
    pub price: Price,
    /// How much of it is left from here on, whatever was filled before.
    pub qty: Qty,
}

impl QuoteSide {
    /// Whether it asks for no order on this side.
    #[must_use]
    pub const fn is_withdrawal(&self) -> bool {
        self.price.ticks() == 0 && self.qty.is_zero()
    }
}

/// A price to buy and a price to sell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// Where.
    pub market: MarketId,
    /// To buy.
    pub bid: QuoteSide,
    /// To sell.
    pub ask: QuoteSide,
}

impl Quote {
    /// One of its sides.
    #[must_use]
    pub const fn side(&self, side: Side) -> &QuoteSide {
        match side {
            Side::Buy => &self.bid,
            Side::Sell => &self.ask,
        }
    }
}

/// What the quotes of one mass quote share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuoteTerms {
    /// The client's own grouping; part of which quote is meant, so an account can have several in a market. 0 is a group here.
    pub group: u8,
    /// See [`QuoteMode`].
    pub mode: QuoteMode,
    /// See [`SelfTrade`].
    pub self_trade: SelfTrade,
}

/// One slot of a mass quote: the command is all of its slots, in a row, with one request number. The engine keeps them
/// until the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MassQuote {
    /// The same in every slot.
    pub terms: QuoteTerms,
    /// How many slots the command has, 1 to [`QUOTE_SLOTS_MAX`].
    pub slots: u8,
    /// Which this is, from 0.
    pub slot: u8,
    /// Its quotes; all slots but the last are full.
    count: u8,
    quotes: [Quote; QUOTES_PER_SLOT],
}

impl MassQuote {
    /// One slot; `None` where no mass quote has such a one.
    #[must_use]
    pub fn new(terms: QuoteTerms, slots: u8, slot: u8, quotes: &[Quote]) -> Option<Self> {
        let count = quotes.len();
        if slot >= slots || usize::from(slots) > QUOTE_SLOTS_MAX || count > QUOTES_PER_SLOT {
            return None;
        }
        let is_last = slot + 1 == slots;
        if (!is_last && count < QUOTES_PER_SLOT) || (slot > 0 && count == 0) {
            return None;
        }
        let quotes = core::array::from_fn(|at| quotes.get(at).copied().unwrap_or_default());
        Some(Self { terms, slots, slot, count: count as u8, quotes })
    }

    /// The slots of a mass quote of at most 16 quotes, of which the engine takes at most [`QUOTES_MAX`].
    ///
    /// # Panics
    /// With more quotes than [`QUOTE_SLOTS_MAX`] slots hold.
    pub fn slots(terms: QuoteTerms, quotes: &[Quote]) -> impl Iterator<Item = Self> + Clone {
        assert!(quotes.len() <= QUOTE_SLOTS_MAX * QUOTES_PER_SLOT, "no mass quote has {} quotes", quotes.len());
        let slots = quotes.len().div_ceil(QUOTES_PER_SLOT).max(1);
        (0..slots).map(move |slot| {
            let (from, to) = (slot * QUOTES_PER_SLOT, quotes.len().min((slot + 1) * QUOTES_PER_SLOT));
            Self::new(terms, slots as u8, slot as u8, &quotes[from..to]).expect("a full slot, or the last")
        })
    }

    /// Its quotes.
    #[must_use]
    pub fn quotes(&self) -> &[Quote] {
        &self.quotes[..usize::from(self.count)]
    }

    /// Whether the command is complete with it.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.slot + 1 == self.slots
    }
}
