//! Decimal texts to integers and back: the one place where a human's `12.5` becomes smallest units. No floating point.
//!
//! Invariants: nothing is rounded; a text with more places than the asset has is refused. `parse(format(x)) == x`.

use std::fmt;

/// Most digits before and after the point together: what a `u128` holds for certain.
const DIGITS_MAX: usize = 38;

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// It is not digits with at most one point.
    NotANumber(String),
    /// It has more decimal places than the asset.
    TooManyPlaces {
        /// The text.
        text: String,
        /// Places allowed.
        places: u8,
    },
    /// It does not fit.
    TooLarge(String),
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber(text) => write!(f, "`{text}` is not a number such as 12 or 12.5"),
            Self::TooManyPlaces { text, places } => write!(f, "`{text}` has more than {places} decimal places"),
            Self::TooLarge(text) => write!(f, "`{text}` has more than {DIGITS_MAX} digits"),
        }
    }
}

impl std::error::Error for DecimalError {}

/// Parses a non-negative decimal into units of 10^-`places`.
///
/// # Errors
/// [`DecimalError`] repeats the text and says what is allowed.
pub fn parse_decimal(text: &str, places: u8) -> Result<u128, DecimalError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
        return Err(DecimalError::NotANumber(text.to_owned()));
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > usize::from(places) {
        return Err(DecimalError::TooManyPlaces { text: text.to_owned(), places });
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() + usize::from(places) > DIGITS_MAX {
        return Err(DecimalError::TooLarge(text.to_owned()));
    }
    let padding = usize::from(places) - fraction.len();
    let all = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', padding));
    Ok(all.fold(0, |units, digit| units * 10 + u128::from(digit - b'0')))
}

/// Writes units of 10^-`places` as a decimal with exactly that many places.
#[must_use]
pub fn format_decimal(units: u128, places: u8) -> String {
    if places == 0 {
        return units.to_string();
    }
    let places = usize::from(places);
    let digits = format!("{units:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    format!("{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_formatted_parses_to_the_same_units() {
        for (units, places, text) in [(0, 0, "0"), (0, 2, "0.00"), (5, 2, "0.05"), (12_345, 2, "123.45"), (7, 0, "7")] {
            assert_eq!(format_decimal(units, places), text);
            assert_eq!(parse_decimal(text, places), Ok(units));
        }
        assert_eq!(parse_decimal("1.5000", 1), Ok(15));
    }

    #[test]
    fn what_is_not_exactly_an_amount_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1 000", "1.2.3", "0x10"] {
            assert!(matches!(parse_decimal(text, 2), Err(DecimalError::NotANumber(_))), "{text}");
        }
        assert!(matches!(parse_decimal("1.001", 2), Err(DecimalError::TooManyPlaces { .. })));
        assert!(matches!(parse_decimal(&"9".repeat(40), 0), Err(DecimalError::TooLarge(_))));
    }
}
