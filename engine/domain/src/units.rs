//! Units and identifiers: every number that crosses a module border has a type of its own.
//!
//! Invariants: no `Deref`, no `From<u64>`, only the operators that mean something. Constructors name the unit.

use core::fmt;

use crate::command::Side;

/// Declares an integer that is only an identity: comparable, printable, nothing else.
macro_rules! identity {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// Wraps the raw number.
            #[must_use]
            pub const fn new(raw: $inner) -> Self {
                Self(raw)
            }
            /// The raw number, for a record, a column or a screen.
            #[must_use]
            pub const fn raw(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

identity!(
    /// An asset, numbered from 1 in the order of creation. 0 means "none".
    AssetId(u32)
);
identity!(
    /// A traded pair, numbered from 1 in the order of creation. 0 means "none" or, in a cancel-all, "every market".
    MarketId(u32)
);
identity!(
    /// An account, numbered from 1 in the order of creation. 0 means "none".
    AccountId(u32)
);
identity!(
    /// A client's key, numbered from 1 in the order of creation. 0 is the node itself and its operator.
    KeyId(u32)
);
identity!(
    /// An order. It is the [`Sequence`] of the command that created it, so it is unique for ever; a mass quote creates up to
    /// 30, whose ids have the number of the side, from 1, above its 48 bits. All stay below 2^53, so that they are exact
    /// numbers in JSON and signed columns.
    OrderId(u64)
);
identity!(
    /// A client's own number for a request; strictly increasing per key, gaps allowed, 0 means "none".
    RequestNumber(u64)
);
identity!(
    /// Position of a report in one key's stream of reports: dense, from 1; 0 means "not a sequenced report".
    SessionSequence(u64)
);
identity!(
    /// One login of a key: chosen by the gateway, unique within an epoch.
    SessionId(u64)
);
identity!(
    /// A node of the cluster, from the configuration.
    NodeId(u32)
);
identity!(
    /// Identity of a cluster, drawn at random when its keys are made. Two clusters never share a journal.
    ClusterId(u128)
);

/// Bits of an order's id that say which command created it.
const ORDER_SEQUENCE_BITS: u32 = 48;

impl OrderId {
    /// The order that a command created.
    #[must_use]
    pub const fn of_command(sequence: Sequence) -> Self {
        Self(sequence.0)
    }

    /// The order of one side of a quote in a mass quote: `quote` counts from 0.
    ///
    /// # Panics
    /// After 2^48 commands: at a million a second, in nine years.
    #[must_use]
    pub const fn of_quote(sequence: Sequence, quote: u8, side: Side) -> Self {
        assert!(sequence.0 >> ORDER_SEQUENCE_BITS == 0, "2^48 commands leave no room for the ids of quotes");
        let number = quote as u64 * 2 + side.code() as u64;
        Self(sequence.0 | number << ORDER_SEQUENCE_BITS)
    }

    /// Orders by age: which command created it, and as which of its orders.
    #[must_use]
    pub const fn age(self) -> (Sequence, u64) {
        (Sequence(self.0 & ((1 << ORDER_SEQUENCE_BITS) - 1)), self.0 >> ORDER_SEQUENCE_BITS)
    }
}

impl KeyId {
    /// The node itself and its operator: admin commands, timers, leadership.
    pub const OPERATOR: Self = Self(0);
}

/// Position of a command in the one order of everything: assigned once by the sequencer, dense from 1, the same on
/// every node, in every event and in SQL. Never a ring index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u64);

impl Sequence {
    /// "Nothing yet": the inclusive watermark before the first command.
    pub const ZERO: Self = Self(0);

    /// Wraps the raw number.
    #[must_use]
    pub const fn new(raw: u64) -> Self {
        Self(raw)
    }
    /// The raw number.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0
    }
    /// The next position.
    ///
    /// # Panics
    /// After 2^64 - 1 commands, which no node lives to see.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("2^64 commands are out of reach"))
    }
    /// The position before; [`Sequence::ZERO`] stays where it is.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A leadership term. It only grows; a node that meets a higher one stops serving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u32);

impl Epoch {
    /// Wraps the raw number.
    #[must_use]
    pub const fn new(raw: u32) -> Self {
        Self(raw)
    }
    /// The raw number.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.0
    }
    /// The next term.
    ///
    /// # Panics
    /// After 2^32 - 1 changes of leadership.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("2^32 terms are out of reach"))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A moment: nanoseconds since the Unix epoch, as the sequencer stamped it. Never goes backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }
    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }
    /// The moment `later` after this one; stops at the end of time (year 2554) instead of wrapping.
    #[must_use]
    pub const fn plus(self, later: Nanos) -> Self {
        Self(self.0.saturating_add(later.nanos()))
    }
    /// How long after `earlier` this is; zero where it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A duration in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(u64);

impl Nanos {
    /// From nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }
    /// From milliseconds; stops at the largest duration instead of wrapping.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }
    /// In nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }
}

/// A price in a market's ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i64);

impl Price {
    /// From ticks.
    #[must_use]
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }
    /// In ticks.
    #[must_use]
    pub const fn ticks(self) -> i64 {
        self.0
    }
}

/// A quantity in a market's lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Qty(u64);

impl Qty {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From lots.
    #[must_use]
    pub const fn from_lots(lots: u64) -> Self {
        Self(lots)
    }
    /// In lots.
    #[must_use]
    pub const fn lots(self) -> u64 {
        self.0
    }
    /// Whether there is none.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
    /// The sum.
    ///
    /// # Panics
    /// On overflow: quantities are limited far below it when a market is created.
    #[must_use]
    #[inline]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("quantities are limited when the market is created"))
    }
    /// The difference.
    ///
    /// # Panics
    /// When `other` is larger: a broken invariant of the caller.
    #[must_use]
    #[inline]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("never take more than there is"))
    }
    /// The smaller of the two.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if self.0 < other.0 { self } else { other }
    }
}

/// An amount of an asset in its smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetAmount(u128);

impl AssetAmount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From smallest units.
    #[must_use]
    pub const fn from_units(units: u128) -> Self {
        Self(units)
    }
    /// In smallest units.
    #[must_use]
    pub const fn units(self) -> u128 {
        self.0
    }
    /// Whether there is none.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
    /// The sum, or `None` where it would not fit.
    #[must_use]
    #[inline]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }
    /// The difference, or `None` where `other` is larger.
    #[must_use]
    #[inline]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }
    /// The sum.
    ///
    /// # Panics
    /// On overflow: amounts enter the ledger only by deposits, and a deposit that could overflow is rejected.
    #[must_use]
    #[inline]
    pub const fn plus(self, other: Self) -> Self {
        self.checked_add(other).expect("a deposit that could overflow is rejected")
    }
    /// The difference.
    ///
    /// # Panics
    /// When `other` is larger: a broken invariant of the ledger.
    #[must_use]
    #[inline]
    pub const fn minus(self, other: Self) -> Self {
        self.checked_sub(other).expect("the ledger never takes more than there is")
    }
}

impl fmt::Display for AssetAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a trade costs one side, in parts per million of what it receives: 1,000 is 0.1 %. Negative: a rebate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeeRate(i32);

impl FeeRate {
    /// From parts per million.
    #[must_use]
    pub const fn from_ppm(ppm: i32) -> Self {
        Self(ppm)
    }
    /// In parts per million.
    #[must_use]
    pub const fn ppm(self) -> i32 {
        self.0
    }
    /// The fee on `amount`, rounded up to a whole unit: always against the payer of the smallest unit. Nothing for a rebate.
    ///
    /// # Panics
    /// When `amount` is 2^96 or more: markets are limited below it when they are created.
    #[must_use]
    #[inline]
    pub const fn fee_on(self, amount: AssetAmount) -> AssetAmount {
        assert!(amount.0 < 1 << 96);
        let ppm = if self.0 > 0 { self.0.unsigned_abs() } else { 0 };
        AssetAmount((amount.0 * ppm as u128).div_ceil(1_000_000))
    }
    /// The rebate on `amount`, rounded down. Nothing for a fee.
    ///
    /// # Panics
    /// When `amount` is 2^96 or more.
    #[must_use]
    #[inline]
    pub const fn rebate_on(self, amount: AssetAmount) -> AssetAmount {
        assert!(amount.0 < 1 << 96);
        let ppm = if self.0 < 0 { self.0.unsigned_abs() } else { 0 };
        AssetAmount(amount.0 * ppm as u128 / 1_000_000)
    }
}

/// Why a text is not a [`Name`] or a [`Reference`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// It is empty.
    Empty,
    /// It has more bytes than the limit given here.
    TooLong(usize),
    /// It has a byte that is not printable ASCII.
    NotPrintableAscii(u8),
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong(limit) => write!(f, "is longer than {limit} bytes"),
            Self::NotPrintableAscii(byte) => write!(f, "has the byte 0x{byte:02x}, which is not printable ASCII"),
        }
    }
}

impl core::error::Error for TextError {}

/// Declares a short text of printable ASCII in a fixed array, padded with zeros.
macro_rules! short_text {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Longest text in bytes.
            pub const LEN_BYTES: usize = $len;

            /// Checks and wraps a text.
            ///
            /// # Errors
            /// [`TextError`] when it is empty, too long or not printable ASCII without spaces.
            pub fn new(text: &str) -> Result<Self, TextError> {
                if text.is_empty() {
                    return Err(TextError::Empty);
                }
                if text.len() > $len {
                    return Err(TextError::TooLong($len));
                }
                if let Some(byte) = text.bytes().find(|byte| !byte.is_ascii_graphic()) {
                    return Err(TextError::NotPrintableAscii(byte));
                }
                let mut bytes = [0; $len];
                bytes[..text.len()].copy_from_slice(text.as_bytes());
                Ok(Self(bytes))
            }

            /// Checks and wraps the padded bytes of a record. An all-zero field is the default: "no text".
            #[must_use]
            pub fn from_bytes(bytes: [u8; $len]) -> Option<Self> {
                let used = bytes.iter().position(|byte| *byte == 0).unwrap_or($len);
                let (text, padding) = bytes.split_at(used);
                let clean = text.iter().all(u8::is_ascii_graphic) && padding.iter().all(|byte| *byte == 0);
                clean.then_some(Self(bytes))
            }

            /// The padded bytes, for a record.
            #[must_use]
            pub const fn bytes(&self) -> [u8; $len] {
                self.0
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                let used = self.0.iter().position(|byte| *byte == 0).unwrap_or($len);
                core::str::from_utf8(&self.0[..used]).expect("constructors admit ASCII only")
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.as_str())
            }
        }
    };
}

short_text!(
    /// Name of an asset, market, account or key: up to 16 bytes of printable ASCII.
    Name,
    16
);
short_text!(
    /// Business reference of a money command, its key for idempotency: up to 32 bytes of printable ASCII.
    Reference,
    32
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_rounded_up_to_the_next_unit() {
        let fee = |rate, amount| FeeRate::from_ppm(rate).fee_on(AssetAmount::from_units(amount)).units();
        assert_eq!(fee(1_000, 1), 1);
        assert_eq!(fee(1_000, 1_000), 1);
        assert_eq!(fee(1_000, 1_001), 2);
        assert_eq!(fee(0, 1_001), 0);
        assert_eq!(fee(1_000_000, 77), 77);
        assert_eq!(fee(-1_000, 77), 0);
    }

    #[test]
    fn a_rebate_is_rounded_down() {
        let rebate = |rate, amount| FeeRate::from_ppm(rate).rebate_on(AssetAmount::from_units(amount)).units();
        assert_eq!(rebate(-1_000, 1_999), 1);
        assert_eq!(rebate(-1_000, 999), 0);
        assert_eq!(rebate(1_000, 1_999), 0);
        assert_eq!(rebate(i32::MIN, 1_000_000), 2_147_483_648);
    }

    #[test]
    fn a_name_refuses_what_would_not_print() {
        assert_eq!(Name::new(""), Err(TextError::Empty));
        assert_eq!(Name::new("0123456789abcdefg"), Err(TextError::TooLong(16)));
        assert_eq!(Name::new("a b"), Err(TextError::NotPrintableAscii(b' ')));
        assert_eq!(Name::new("BTC-USDT").map(|name| name.as_str() == "BTC-USDT"), Ok(true));
        assert!(Name::from_bytes(*b"BTC\0x\0\0\0\0\0\0\0\0\0\0\0").is_none());
    }
}
