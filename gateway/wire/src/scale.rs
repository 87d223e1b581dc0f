//! Ticks and lots as the decimals that people read and write, with integers only.
//!
//! Invariants: a text is exact or it is not given: nothing is rounded. What is shown is read again as the same number.

use std::fmt;

use tidegate_domain::{MarketDefinition, Price, Qty};

use crate::decimal::{DecimalError, parse_decimal};

/// How a market's ticks and lots become decimals.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// One tick as a fraction: whole quote assets for one whole base asset. `None` where it does not fit.
    tick: Option<(u128, u128)>,
    /// One lot as a fraction of a whole base asset.
    lot: (u128, u128),
    /// One tick times one lot as a fraction of a whole quote asset.
    tick_lot: (u128, u128),
}

/// Why a text is no price, quantity or notional of a market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScaleError {
    /// It is no number, or one with too many digits.
    Number(DecimalError),
    /// It lies between two steps of the market.
    NotAMultiple {
        /// The text.
        text: String,
        /// One step.
        step: String,
    },
    /// It has more steps than fit.
    TooLarge(String),
    /// One step of the market has no finite decimal.
    NoDecimal,
}

impl fmt::Display for ScaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(error) => write!(f, "{error}"),
            Self::NotAMultiple { text, step } => write!(f, "`{text}` is not a multiple of the market's step {step}"),
            Self::TooLarge(text) => write!(f, "`{text}` is too large"),
            Self::NoDecimal => f.write_str("cannot be given: one step of this market has no finite decimal"),
        }
    }
}

impl std::error::Error for ScaleError {}

impl Scale {
    /// For a market whose assets have these decimal places.
    #[must_use]
    pub fn new(market: &MarketDefinition, base_decimals: u8, quote_decimals: u8) -> Self {
        let (units, per_lot) = (u128::from(market.base_units_per_lot), u128::from(market.quote_units_per_tick_lot));
        let (ticks, units_reduced) = reduce(per_lot, units);
        let power = |places: u8| 10_u128.pow(places.into());
        let tick = if base_decimals >= quote_decimals {
            ticks.checked_mul(power(base_decimals - quote_decimals)).map(|ticks| (ticks, units_reduced))
        } else {
            units_reduced.checked_mul(power(quote_decimals - base_decimals)).map(|units| (ticks, units))
        };
        Self {
            tick: tick.map(|(up, down)| reduce(up, down)),
            lot: reduce(units, power(base_decimals)),
            tick_lot: reduce(per_lot, power(quote_decimals)),
        }
    }

    /// A price, where it has a finite decimal.
    #[must_use]
    pub fn price(&self, price: Price) -> Option<String> {
        let (up, down) = self.tick?;
        product(u128::try_from(price.ticks()).ok()?, up, down)
    }

    /// A quantity in lots, or a sum of them.
    #[must_use]
    pub fn qty(&self, lots: u128) -> Option<String> {
        product(lots, self.lot.0, self.lot.1)
    }

    /// A price times a quantity in the quote asset, from ticks times lots.
    #[must_use]
    pub fn notional(&self, tick_lots: u128) -> Option<String> {
        product(tick_lots, self.tick_lot.0, self.tick_lot.1)
    }

    /// Reads a price.
    ///
    /// # Errors
    /// [`ScaleError`] repeats the text and says what is allowed.
    pub fn parse_price(&self, text: &str) -> Result<Price, ScaleError> {
        let ticks = count(text, self.tick.ok_or(ScaleError::NoDecimal)?)?;
        i64::try_from(ticks).map(Price::from_ticks).map_err(|_| ScaleError::TooLarge(text.to_owned()))
    }

    /// Reads a quantity.
    ///
    /// # Errors
    /// [`ScaleError`] repeats the text and says what is allowed.
    pub fn parse_qty(&self, text: &str) -> Result<Qty, ScaleError> {
        let lots = count(text, self.lot)?;
        u64::try_from(lots).map(Qty::from_lots).map_err(|_| ScaleError::TooLarge(text.to_owned()))
    }

    /// Reads a price times a quantity in the quote asset, as ticks times lots.
    ///
    /// # Errors
    /// [`ScaleError`] repeats the text and says what is allowed.
    pub fn parse_notional(&self, text: &str) -> Result<u64, ScaleError> {
        let tick_lots = count(text, self.tick_lot)?;
        u64::try_from(tick_lots).map_err(|_| ScaleError::TooLarge(text.to_owned()))
    }
}

/// How many steps of `up / down`, which have no common factor, are in the text.
fn count(text: &str, (up, down): (u128, u128)) -> Result<u128, ScaleError> {
    let (twos, rest) = take_out(down, 2);
    let (fives, rest) = take_out(rest, 5);
    let places = u8::try_from(twos.max(fives)).ok().filter(|_| rest == 1).ok_or(ScaleError::NoDecimal)?;
    let power = 10_u128.checked_pow(places.into()).ok_or(ScaleError::NoDecimal)?;
    let step = up.checked_mul(power / down).ok_or(ScaleError::NoDecimal)?;
    let off_step = || {
        let step = exact(up, down).unwrap_or_default();
        ScaleError::NotAMultiple { text: text.to_owned(), step }
    };
    let units = parse_decimal(text, places).map_err(|error| match error {
        DecimalError::TooManyPlaces { .. } => off_step(),
        other => ScaleError::Number(other),
    })?;
    if units.is_multiple_of(step) { Ok(units / step) } else { Err(off_step()) }
}

/// `count * up / down` as a decimal.
fn product(count: u128, up: u128, down: u128) -> Option<String> {
    let (count, down) = reduce(count, down);
    let (up, down) = reduce(up, down);
    exact(count.checked_mul(up)?, down)
}

/// `up / down`, which have no common factor, as a decimal without zeros at its end; `None` where it does not end, or
/// does not fit.
fn exact(up: u128, down: u128) -> Option<String> {
    let (twos, rest) = take_out(down, 2);
    let (fives, rest) = take_out(rest, 5);
    if rest != 1 {
        return None;
    }
    let mut text = (up / down).to_string();
    let mut left = up % down;
    for place in 0..twos.max(fives) {
        if place == 0 {
            text.push('.');
        }
        left = left.checked_mul(10)?;
        text.push(char::from(b'0' + u8::try_from(left / down).expect("a digit is below 10")));
        left %= down;
    }
    Some(text)
}

/// How often `factor` is in `number`, which is not 0, and what is left without it.
fn take_out(mut number: u128, factor: u128) -> (u32, u128) {
    let mut times = 0;
    while number.is_multiple_of(factor) {
        number /= factor;
        times += 1;
    }
    (times, number)
}

fn reduce(up: u128, down: u128) -> (u128, u128) {
    let (mut a, mut b) = (up, down);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (up / a.max(1), down / a.max(1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tidegate_domain::{AssetId, FeeRate, Name};

    use super::*;

    fn scale(base_units_per_lot: u64, quote_units_per_tick_lot: u64, base_decimals: u8, quote_decimals: u8) -> Scale {
        let market = MarketDefinition {
            name: Name::new("M").unwrap(),
            base: AssetId::new(1),
            quote: AssetId::new(2),
            base_units_per_lot,
            quote_units_per_tick_lot,
            maker_fee: FeeRate::from_ppm(0),
            taker_fee: FeeRate::from_ppm(0),
            qty_max: Qty::from_lots(1),
            price_max: Price::from_ticks(1),
        };
        Scale::new(&market, base_decimals, quote_decimals)
    }

    #[test]
    fn a_tick_and_a_lot_are_shown_exactly() {
        // 1 lot = 0.0001 BTC (8 places), 1 tick costs 0.000001 USDT (6 places) a lot: a tick is 0.01 USDT for a BTC.
        let btc = scale(10_000, 1, 8, 6);
        assert_eq!(btc.price(Price::from_ticks(6_712_345)).as_deref(), Some("67123.45"));
        assert_eq!(btc.price(Price::from_ticks(1)).as_deref(), Some("0.01"));
        assert_eq!(btc.price(Price::from_ticks(100)).as_deref(), Some("1"));
        assert_eq!(btc.qty(12_345).as_deref(), Some("1.2345"));
        assert_eq!(btc.qty(0).as_deref(), Some("0"));
        assert_eq!(scale(1, 100, 0, 2).price(Price::from_ticks(7)).as_deref(), Some("7"));
        assert_eq!(scale(1, 25, 0, 2).price(Price::from_ticks(1)).as_deref(), Some("0.25"));
    }

    #[test]
    fn a_price_without_a_finite_decimal_is_not_given() {
        assert_eq!(scale(3, 1, 0, 0).price(Price::from_ticks(1)), None);
        assert_eq!(scale(3, 1, 0, 0).price(Price::from_ticks(6)).as_deref(), Some("2"));
        assert_eq!(scale(1, u64::MAX, 30, 0).price(Price::from_ticks(1)), None, "does not fit");
        assert_eq!(scale(1, 1, 0, 0).price(Price::from_ticks(-1)), None, "no order has it");
    }

    #[test]
    fn what_is_shown_is_read_again() {
        for market in [scale(10_000, 1, 8, 6), scale(1, 25, 0, 2), scale(1, 100, 0, 2), scale(7, 7, 3, 3)] {
            for steps in [0, 1, 2, 3, 99, 1_000_001] {
                let price = Price::from_ticks(steps);
                assert_eq!(market.parse_price(&market.price(price).unwrap()), Ok(price));
                let steps = steps.unsigned_abs();
                assert_eq!(market.parse_qty(&market.qty(steps.into()).unwrap()), Ok(Qty::from_lots(steps)));
                assert_eq!(market.parse_notional(&market.notional(steps.into()).unwrap()), Ok(steps));
            }
        }
    }

    #[test]
    fn what_lies_between_two_steps_is_refused_with_the_step() {
        let btc = scale(10_000, 1, 8, 6);
        let said = |error: ScaleError| error.to_string();
        for text in ["67123.456", "0.001"] {
            let expected = format!("`{text}` is not a multiple of the market's step 0.01");
            assert_eq!(btc.parse_price(text).map_err(said), Err(expected));
        }
        let quarters = scale(1, 25, 0, 2);
        assert_eq!(quarters.parse_price("7.50"), Ok(Price::from_ticks(30)));
        assert!(quarters.parse_price("7.30").unwrap_err().to_string().contains("step 0.25"));
        assert!(btc.parse_qty("0.00015").unwrap_err().to_string().contains("step 0.0001"));
        assert!(matches!(btc.parse_qty("-1"), Err(ScaleError::Number(_))));
        assert!(matches!(btc.parse_price("1000000000000000000"), Err(ScaleError::TooLarge(_))));
        assert_eq!(scale(3, 1, 0, 0).parse_price("1"), Err(ScaleError::NoDecimal));
    }
}
