//! Ticks and lots as the decimals that people read, with integers only.
//!
//! Invariants: a text is exact or it is not given: nothing is rounded.

use tidegate_domain::{MarketDefinition, Price};

/// How a market's ticks and lots become decimals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// One tick as a fraction: whole quote assets for one whole base asset. `None` where it does not fit.
    tick: Option<(u128, u128)>,
    /// One lot as a fraction of a whole base asset.
    lot: (u128, u128),
}

impl Scale {
    /// For a market whose assets have these decimal places.
    pub(crate) fn new(market: &MarketDefinition, base_decimals: u8, quote_decimals: u8) -> Self {
        let (units, ticks) = (u128::from(market.base_units_per_lot), u128::from(market.quote_units_per_tick_lot));
        let (ticks, units_reduced) = reduce(ticks, units);
        let power = |places: u8| 10_u128.pow(places.into());
        let tick = if base_decimals >= quote_decimals {
            ticks.checked_mul(power(base_decimals - quote_decimals)).map(|ticks| (ticks, units_reduced))
        } else {
            units_reduced.checked_mul(power(quote_decimals - base_decimals)).map(|units| (ticks, units))
        };
        Self { tick: tick.map(|(up, down)| reduce(up, down)), lot: (units, power(base_decimals)) }
    }

    /// A price, where it has a finite decimal.
    pub(crate) fn price(&self, price: Price) -> Option<String> {
        let (up, down) = self.tick?;
        product(u128::try_from(price.ticks()).ok()?, up, down)
    }

    /// A quantity, or a sum of them.
    pub(crate) fn qty(&self, lots: u128) -> Option<String> {
        product(lots, self.lot.0, self.lot.1)
    }
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
    use tidegate_domain::{AssetId, FeeRate, Name, Qty};

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
}
