//! Markets: terms, state, rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tidegate_domain::{AccountId, Command, FeeRate, MarketRules, MarketState, MarketTerms, Price, Qty, Reject};
use tidegate_wire::Scale;
use tidegate_wire::decimal::parse_decimal;

use super::{AdminRequest, Refusal, change, decimals, name, refused};
use crate::control::Control;

/// How a rule is given and shown.
enum Unit {
    /// A whole number between these two.
    Whole(i128, i128),
    /// A price, at least so many ticks.
    Price(i128),
    /// A quantity, at least so many lots.
    Qty(i128),
    /// A price times a quantity.
    Notional,
}

/// One rule of a market.
struct Rule {
    name: &'static str,
    unit: Unit,
    get: fn(&MarketRules) -> i128,
    set: fn(&mut MarketRules, i128),
}

const fn rule(name: &'static str, unit: Unit, get: fn(&MarketRules) -> i128, set: fn(&mut MarketRules, i128)) -> Rule {
    Rule { name, unit, get, set }
}

/// Every rule: the one table that requests, replies and lists go by.
const RULES: &[Rule] = &[
    rule("maker_fee_ppm", MAKER_FEE, |r| r.maker_fee.ppm().into(), |r, n| r.maker_fee = FeeRate::from_ppm(fit(n))),
    rule("taker_fee_ppm", PPM, |r| r.taker_fee.ppm().into(), |r, n| r.taker_fee = FeeRate::from_ppm(fit(n))),
    rule("qty_min", Unit::Qty(0), |r| r.qty_min.lots().into(), |r, n| r.qty_min = Qty::from_lots(fit(n))),
    rule("qty_max", Unit::Qty(1), |r| r.qty_max.lots().into(), |r, n| r.qty_max = Qty::from_lots(fit(n))),
    rule("price_min", Unit::Price(0), |r| r.price_min.ticks().into(), |r, n| r.price_min = Price::from_ticks(fit(n))),
    rule("price_max", Unit::Price(1), |r| r.price_max.ticks().into(), |r, n| r.price_max = Price::from_ticks(fit(n))),
    rule("notional_min", Unit::Notional, |r| r.notional_min.into(), |r, n| r.notional_min = fit(n)),
    rule("static_band_ppm", PPM, |r| r.static_band_ppm.into(), |r, n| r.static_band_ppm = fit(n)),
    rule("dynamic_band_ppm", PPM, |r| r.dynamic_band_ppm.into(), |r, n| r.dynamic_band_ppm = fit(n)),
    rule("reference", Unit::Price(0), |r| r.reference.ticks().into(), |r, n| r.reference = Price::from_ticks(fit(n))),
    rule("day_end_s", Unit::Whole(0, 86_399), |r| r.day_end_s.into(), |r, n| r.day_end_s = fit(n)),
];

pub(super) const MILLION: i32 = 1_000_000;
const MAKER_FEE: Unit = Unit::Whole(-(MILLION as i128), MILLION as i128);
const PPM: Unit = Unit::Whole(0, MILLION as i128);

/// A number whose unit bounds it.
fn fit<T: TryFrom<i128>>(number: i128) -> T {
    T::try_from(number).ok().expect("the unit of a rule bounds it")
}

impl Rule {
    fn parse(&self, text: &str, scale: &Scale) -> Result<i128, Refusal> {
        let of_scale = |error| Refusal::field(self.name, format!("is refused: {error}"));
        let (number, least, step) = match self.unit {
            Unit::Whole(lowest, highest) => {
                let number = text.parse().ok().filter(|number| (lowest..=highest).contains(number));
                return number.ok_or_else(|| Refusal::out_of_range(self.name, text, &format!("{lowest} to {highest}")));
            }
            Unit::Price(least) => {
                (scale.parse_price(text).map_err(of_scale)?.ticks().into(), least, scale.price(Price::from_ticks(1)))
            }
            Unit::Qty(least) => (scale.parse_qty(text).map_err(of_scale)?.lots().into(), least, scale.qty(1)),
            Unit::Notional => (scale.parse_notional(text).map_err(of_scale)?.into(), 0, None),
        };
        if number < least {
            return Err(Refusal::out_of_range(self.name, text, &format!("{} or more", step.unwrap_or_default())));
        }
        Ok(number)
    }

    fn show(&self, rules: &MarketRules, scale: &Scale) -> Value {
        let number = (self.get)(rules);
        let steps = u128::try_from(number).unwrap_or_default();
        let decimal = match self.unit {
            Unit::Whole(..) => return i64::try_from(number).map_or(Value::Null, Value::from),
            Unit::Price(_) => scale.price(Price::from_ticks(fit(number))),
            Unit::Qty(_) => scale.qty(steps),
            Unit::Notional => scale.notional(steps),
        };
        decimal.map_or(Value::Null, Value::from)
    }
}

/// Every rule by its name, as it is given: what cannot be said in decimals is null.
pub(crate) fn rules_json(rules: &MarketRules, scale: &Scale) -> Value {
    Value::Object(RULES.iter().map(|rule| (rule.name.to_owned(), rule.show(rules, scale))).collect::<Map<_, _>>())
}

/// Changes what is given of the rules that the market has now.
pub(super) async fn set_rules(
    control: &Control,
    market: &str,
    given: &BTreeMap<String, String>,
) -> Result<Value, Refusal> {
    let market = name("market", market)?;
    let allowed = || RULES.iter().map(|rule| rule.name).collect::<Vec<_>>().join(", ");
    if given.is_empty() {
        return Err(Refusal::field("rules", format!("are empty; allowed: {}", allowed())));
    }
    if let Some(unknown) = given.keys().find(|name| !RULES.iter().any(|rule| rule.name == **name)) {
        return Err(Refusal::field(unknown, format!("is no rule of a market; allowed: {}", allowed())));
    }
    let _one_at_a_time = control.desk.settled(&control.marks, &control.log).await?;
    let entry = control.desk.directory().market(&market).cloned();
    let entry = entry.ok_or_else(|| refused(Reject::UnknownMarket))?;
    let mut rules = entry.rules;
    for rule in RULES {
        if let Some(text) = given.get(rule.name) {
            (rule.set)(&mut rules, rule.parse(text, &entry.scale)?);
        }
    }
    let mut reply = change(control, AccountId::default(), Command::SetMarketRules { market, rules }).await?;
    reply["name"] = json!(market.as_str());
    reply["old"] = rules_json(&entry.rules, &entry.scale);
    reply["new"] = rules_json(&rules, &entry.scale);
    Ok(reply)
}

/// The state with this name.
pub(super) fn state(text: &str) -> Result<MarketState, Refusal> {
    MarketState::from_name(text).ok_or_else(|| {
        let allowed: Vec<_> = MarketState::ALL.iter().map(|state| state.as_str()).collect();
        Refusal::out_of_range("state", text, &allowed.join(", "))
    })
}

/// Checks a fee, so that the refusal names it.
pub(super) fn fee(field: &str, ppm: i32, lowest: i32) -> Result<FeeRate, Refusal> {
    if !(lowest..=MILLION).contains(&ppm) {
        return Err(Refusal::out_of_range(field, &ppm.to_string(), &format!("{lowest} to {MILLION}")));
    }
    Ok(FeeRate::from_ppm(ppm))
}

/// `lot` in base units, `tick` times `lot` in quote units: both must come out whole, so that trades never round.
pub(super) fn terms(request: AdminRequest, control: &Control) -> Result<MarketTerms, Refusal> {
    let AdminRequest::CreateMarket {
        name: text,
        base,
        quote,
        tick,
        lot,
        maker_fee_ppm,
        taker_fee_ppm,
        qty_max_lots,
        price_max_ticks,
    } = request
    else {
        unreachable!("the caller matched it");
    };
    let (base, quote) = (name("base", &base)?, name("quote", &quote)?);
    let (base_places, quote_places) = (decimals(control, "base", &base)?, decimals(control, "quote", &quote)?);
    let lot_units =
        parse_decimal(&lot, base_places).map_err(|error| Refusal::field("lot", format!("is refused: {error}")))?;
    // The tick in units of 10^-18: finer than any price step in use.
    const TICK_PLACES: u8 = 18;
    let tick_units =
        parse_decimal(&tick, TICK_PLACES).map_err(|error| Refusal::field("tick", format!("is refused: {error}")))?;
    // tick [quote/base] * lot [base] * 10^quote_places, with tick in 10^-18 and lot in 10^-base_places.
    let scale = 10_u128.checked_pow(u32::from(TICK_PLACES) + u32::from(base_places));
    let product =
        tick_units.checked_mul(lot_units).and_then(|p| p.checked_mul(10_u128.checked_pow(quote_places.into())?));
    let too_fine = || {
        Refusal::field(
            "tick",
            format!("times `lot` is out of range for assets with {base_places} and {quote_places} decimal places"),
        )
    };
    let (scale, product) = (scale.ok_or_else(too_fine)?, product.ok_or_else(too_fine)?);
    if product == 0 || !product.is_multiple_of(scale) {
        let least = format!(
            "times `lot` must be a whole number of the smallest unit of {quote} ({quote_places} decimal places); make `tick` or `lot` larger"
        );
        return Err(Refusal::field("tick", least));
    }
    let narrow = |value: u128, field| u64::try_from(value).map_err(|_| Refusal::field(field, "is too large"));
    Ok(MarketTerms {
        name: name("name", &text)?,
        base,
        quote,
        base_units_per_lot: narrow(lot_units, "lot")?,
        quote_units_per_tick_lot: narrow(product / scale, "tick")?,
        maker_fee: fee("maker_fee_ppm", maker_fee_ppm, -MILLION)?,
        taker_fee: fee("taker_fee_ppm", taker_fee_ppm, 0)?,
        qty_max: Qty::from_lots(qty_max_lots),
        price_max: Price::from_ticks(price_max_ticks),
    })
}
