//! Mass quotes that collide, from three rolls a quote: a step has not more.

use tidegate_domain::*;

use super::dice::Dice;

/// Quotes of a request, as rolls: market, bid, ask.
pub(crate) type QuoteRolls = [[u16; 3]; 16];

/// Which slots are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Whole,
    /// So many, and nothing more.
    First(u8),
    /// All but so many.
    Without(u8),
    /// All, but something else comes after so many.
    Tick(u8),
    /// All, this one twice.
    Twice(u8),
    /// All, this one with another group.
    Stray(u8),
}

pub(super) fn cut(dice: &mut Dice<'_>) -> Cut {
    let at = dice.below(4) as u8;
    dice.pick(&[
        (30, Cut::Whole),
        (1, Cut::First(at)),
        (1, Cut::Without(at)),
        (1, Cut::Tick(at)),
        (1, Cut::Twice(at)),
        (1, Cut::Stray(at)),
    ])
}

pub(super) fn count(dice: &mut Dice<'_>) -> u8 {
    let few = dice.within(2, 6) as u8;
    dice.pick(&[(12, 1), (8, few), (1, 15), (1, 16), (1, 0)])
}

pub(super) fn terms(dice: &mut Dice<'_>) -> QuoteTerms {
    QuoteTerms {
        group: dice.pick(&[(6, 0), (3, 1), (2, 2), (1, 3)]),
        mode: dice.pick(&[(3, QuoteMode::MayTake), (1, QuoteMode::PostOnly), (1, QuoteMode::Reprice)]),
        self_trade: SelfTrade::from_code(dice.pick(&[(4, 0), (1, 1), (1, 2), (1, 3), (1, 4)])).unwrap(),
    }
}

pub(super) fn rolls(count: u8, dice: &mut Dice<'_>) -> QuoteRolls {
    let mut rolls = [[0; 3]; 16];
    rolls[..count.into()].fill_with(|| std::array::from_fn(|_| dice.below(1 << 16) as u16));
    rolls
}

pub(super) fn quote([market, bid, ask]: [u16; 3]) -> Quote {
    let market = match market % 40 {
        0..24 => 1,
        24..36 => 2,
        36..39 => 3,
        _ => u32::from(market / 40 % 2) * 4,
    };
    Quote { market: MarketId::new(market), bid: side(bid, 1), ask: side(ask, 4) }
}

/// The same slot with something else in its first quote, if it has one.
pub(super) fn changed(slot: &MassQuote) -> MassQuote {
    let mut quotes = slot.quotes().to_vec();
    if let Some(quote) = quotes.first_mut() {
        quote.bid.qty = Qty::from_lots(quote.bid.qty.lots() ^ 1);
    }
    MassQuote::new(slot.terms, slot.slots, slot.slot, &quotes).unwrap()
}

/// The same slot in another group.
pub(super) fn stray(slot: &MassQuote) -> MassQuote {
    let terms = QuoteTerms { group: slot.terms.group ^ 1, ..slot.terms };
    MassQuote::new(terms, slot.slots, slot.slot, slot.quotes()).unwrap()
}

fn side(roll: u16, lowest: i64) -> QuoteSide {
    let (kind, roll) = (roll % 20, roll / 20);
    let (price, qty) = (lowest + i64::from(roll % 5), 1 + u64::from(roll / 5 % 8));
    let (price, qty) = match kind {
        0..15 => (price, qty),
        15..18 => (0, 0),
        18 => ([0, 101, -1, 20, i64::MAX, i64::MIN, 1, 9][usize::from(roll % 8)], qty),
        _ => (price, [0, 51, 30, 50, u64::MAX, u64::MAX / 2, 15, 40][usize::from(roll / 5 % 8)]),
    };
    QuoteSide { price: Price::from_ticks(price), qty: Qty::from_lots(qty) }
}
