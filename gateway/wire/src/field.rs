//! Field types of a block: how one typed value stands in little-endian bytes, and which bytes it refuses.
//!
//! Invariants: `get(put(x)) == x` for every value that fits; `get` never panics on a slice of `LEN` bytes; padding is
//! zero both ways. Owning thread: none.

use tidegate_domain::{
    AccountId, AssetAmount, AssetId, CancelReason, ClusterId, CommandKind, Epoch, FeeRate, KeyId, Liquidity, MarketId,
    MarketState, Name, Nanos, NodeId, OnDisconnect, OrderId, OrderType, Price, Qty, QuoteMode, Reject, RequestNumber,
    SelfTrade, Sequence, SessionId, SessionSequence, Side, TimeInForce, Timestamp,
};

use crate::layout::{Code, CodeList};
use crate::reason::{GapFillReason, GatewayReject, LogoutReason, RefusedField, SessionMode, TargetKind};

/// A field that holds what the protocol does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the message, as in the layout tables.
    pub message: &'static str,
    /// Name of the field, as in the layout tables.
    pub field: &'static str,
    /// What it holds: its number, or the first offending byte of a text or of padding.
    pub value: u64,
    /// What is allowed.
    pub allowed: &'static str,
    /// The limit that it broke; 0 where the rule is not a limit.
    pub limit: u64,
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} is {}, allowed: {}", self.message, self.field, self.value, self.allowed)
    }
}

impl std::error::Error for FieldError {}

/// One typed value in a block.
pub(crate) trait Field: Sized {
    /// Bytes that it takes.
    const LEN: usize;
    /// Its offset is a multiple of this.
    const ALIGN: usize;
    /// Its type in the layout tables.
    const TYPE: &'static str;
    /// What it allows, where that is not every value.
    const ALLOWED: &'static str = "";
    /// Its codes, where it is one of a list.
    const CODES: Option<CodeList> = None;

    /// Writes it to `bytes`, which are `LEN` long.
    fn put(&self, bytes: &mut [u8]);
    /// Reads it from `bytes`, which are `LEN` long, or returns the offending value.
    fn get(bytes: &[u8]) -> Result<Self, u64>;
}

macro_rules! integer_field {
    ($($ty:ty, align $align:literal, $name:literal;)*) => {
        $(impl Field for $ty {
            const LEN: usize = size_of::<$ty>();
            const ALIGN: usize = $align;
            const TYPE: &'static str = $name;

            fn put(&self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }
            fn get(bytes: &[u8]) -> Result<Self, u64> {
                Ok(Self::from_le_bytes(bytes.try_into().expect("the caller cuts LEN bytes")))
            }
        })*
    };
}

// A u128 is aligned like its halves: blocks start at byte 16 of a frame and are multiples of 8.
integer_field! {
    u8, align 1, "u8";
    u16, align 2, "u16";
    u32, align 4, "u32";
    i32, align 4, "i32";
    u64, align 8, "u64";
    i64, align 8, "i64";
    u128, align 8, "u128";
}

/// Fields that are one integer behind a type.
macro_rules! wrapped_field {
    ($($ty:ident: $inner:ty, $raw:ident, $new:ident;)*) => {
        $(impl Field for $ty {
            const LEN: usize = <$inner as Field>::LEN;
            const ALIGN: usize = <$inner as Field>::ALIGN;
            const TYPE: &'static str = <$inner as Field>::TYPE;

            fn put(&self, bytes: &mut [u8]) {
                self.$raw().put(bytes);
            }
            fn get(bytes: &[u8]) -> Result<Self, u64> {
                <$inner as Field>::get(bytes).map(Self::$new)
            }
        })*
    };
}

wrapped_field! {
    AccountId: u32, raw, new;
    AssetId: u32, raw, new;
    MarketId: u32, raw, new;
    KeyId: u32, raw, new;
    NodeId: u32, raw, new;
    Epoch: u32, raw, new;
    FeeRate: i32, ppm, from_ppm;
    OrderId: u64, raw, new;
    RequestNumber: u64, raw, new;
    Sequence: u64, raw, new;
    SessionId: u64, raw, new;
    SessionSequence: u64, raw, new;
    Timestamp: u64, nanos, from_nanos;
    Nanos: u64, nanos, from_nanos;
    Qty: u64, lots, from_lots;
    Price: i64, ticks, from_ticks;
    AssetAmount: u128, units, from_units;
    ClusterId: u128, raw, new;
}

/// The list of an enum's codes, made from the enum.
macro_rules! code_list {
    ($ty:ident) => {
        CodeList {
            name: stringify!($ty),
            codes: &{
                let mut codes = [Code { code: 0, name: "", sentence: "" }; $ty::ALL.len()];
                let mut at = 0;
                while at < codes.len() {
                    let value = $ty::ALL[at];
                    codes[at] = Code { code: value.code() as u16, name: value.as_str(), sentence: value.sentence() };
                    at += 1;
                }
                codes
            },
        }
    };
}

/// Fields that are one of a list of codes.
macro_rules! coded_field {
    ($($ty:ident: $inner:ty, $type:literal, $allowed:literal;)*) => {
        $(impl Field for $ty {
            const LEN: usize = size_of::<$inner>();
            const ALIGN: usize = size_of::<$inner>();
            const TYPE: &'static str = $type;
            const ALLOWED: &'static str = $allowed;
            const CODES: Option<CodeList> = Some(code_list!($ty));

            fn put(&self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.code().to_le_bytes());
            }
            fn get(bytes: &[u8]) -> Result<Self, u64> {
                let code = <$inner>::from_le_bytes(bytes.try_into().expect("the caller cuts LEN bytes"));
                Self::from_code(code).ok_or(u64::from(code))
            }
        })*
    };
}

pub(crate) use {code_list, coded_field};

coded_field! {
    Side: u8, "u8", "1 buy, 2 sell";
    OrderType: u8, "u8", "1 limit, 2 market, 3 budget, 4 stop, 5 stop_limit";
    TimeInForce: u8, "u8", "1 gtc, 2 ioc, 3 fok, 4 gtd, 5 day";
    MarketState: u8, "u8", "1 open, 2 halted, 3 post_only, 4 cancel_only, 5 closed";
    Liquidity: u8, "u8", "1 maker, 2 taker";
    TargetKind: u8, "u8", "1 order, 2 request";
    SelfTrade: u8, "u8", "0 none, 1 cancel_newest, 2 cancel_oldest, 3 cancel_both, 4 decrement";
    QuoteMode: u8, "u8", "0 may_take, 1 post_only, 2 reprice";
    OnDisconnect: u8, "u8", "0 session, 1 cancel, 2 stay";
    SessionMode: u8, "u8", "1 trading, 2 drop_copy";
    GapFillReason: u8, "u8", "1 not_requested, 2 stale_answer";
    CancelReason: u8, "u8", "a cancel reason";
    CommandKind: u16, "u16", "a command kind";
    Reject: u16, "u16", "a reject";
    LogoutReason: u16, "u16", "a logout reason";
    GatewayReject: u16, "u16", "a gateway reject";
    RefusedField: u16, "u16", "a refused field";
}

impl Field for bool {
    const LEN: usize = 1;
    const ALIGN: usize = 1;
    const TYPE: &'static str = "u8";
    const ALLOWED: &'static str = "0 no, 1 yes";
    const CODES: Option<CodeList> = Some(CodeList {
        name: "Bool",
        codes: &[Code { code: 0, name: "no", sentence: "No." }, Code { code: 1, name: "yes", sentence: "Yes." }],
    });

    fn put(&self, bytes: &mut [u8]) {
        bytes[0] = u8::from(*self);
    }
    fn get(bytes: &[u8]) -> Result<Self, u64> {
        match bytes[0] {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(u64::from(other)),
        }
    }
}

/// Fields where 0 is "none".
macro_rules! optional_field {
    ($($ty:ident: $allowed:literal $(, $name:literal $zero:literal $sentence:literal)?;)*) => {
        $(impl Field for Option<$ty> {
            const LEN: usize = <$ty as Field>::LEN;
            const ALIGN: usize = <$ty as Field>::ALIGN;
            const TYPE: &'static str = <$ty as Field>::TYPE;
            const ALLOWED: &'static str = $allowed;
            $(const CODES: Option<CodeList> = Some(CodeList {
                name: $name,
                codes: &{
                    let list = <$ty as Field>::CODES.expect("it is one of a list").codes;
                    let mut codes = [Code { code: 0, name: $zero, sentence: $sentence }; $ty::ALL.len() + 1];
                    let mut at = 1;
                    while at < codes.len() {
                        codes[at] = list[at - 1];
                        at += 1;
                    }
                    codes
                },
            });)?

            fn put(&self, bytes: &mut [u8]) {
                match self {
                    Some(value) => value.put(bytes),
                    None => bytes.fill(0),
                }
            }
            fn get(bytes: &[u8]) -> Result<Self, u64> {
                if bytes.iter().all(|byte| *byte == 0) { Ok(None) } else { <$ty as Field>::get(bytes).map(Some) }
            }
        })*
    };
}

optional_field! {
    Reject: "0 none, or a reject", "RejectOrNone" "none" "It was not refused.";
    Side: "0 both, 1 buy, 2 sell", "SideOrBoth" "both" "Both sides.";
    MarketId: "";
    AssetId: "";
    OrderId: "";
}

macro_rules! bytes_field {
    ($($len:literal $name:literal;)*) => {
        $(impl Field for [u8; $len] {
            const LEN: usize = $len;
            const ALIGN: usize = 1;
            const TYPE: &'static str = $name;

            fn put(&self, bytes: &mut [u8]) {
                bytes.copy_from_slice(self);
            }
            fn get(bytes: &[u8]) -> Result<Self, u64> {
                Ok(bytes.try_into().expect("the caller cuts LEN bytes"))
            }
        })*
    };
}

bytes_field! { 32 "u8[32]"; 64 "u8[64]"; }

impl Field for Name {
    const LEN: usize = Name::LEN_BYTES;
    const ALIGN: usize = 1;
    const TYPE: &'static str = "char[16]";
    const ALLOWED: &'static str = "printable ASCII without spaces, zeros after it";

    fn put(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.bytes());
    }
    fn get(bytes: &[u8]) -> Result<Self, u64> {
        let raw = bytes.try_into().expect("the caller cuts LEN bytes");
        Self::from_bytes(raw).ok_or_else(|| {
            u64::from(bytes.iter().copied().find(|byte| *byte != 0 && !byte.is_ascii_graphic()).unwrap_or(0))
        })
    }
}

/// A short sentence of printable ASCII and spaces, padded with zeros. Longer ones are cut, other characters become `?`:
/// it is for people to read, nothing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text([u8; crate::TEXT_LEN_MAX_BYTES]);

impl Text {
    pub(crate) fn new(text: &str) -> Self {
        let mut bytes = [0; crate::TEXT_LEN_MAX_BYTES];
        for (place, character) in bytes.iter_mut().zip(text.chars()) {
            *place = if is_text(character as u32) { character as u8 } else { b'?' };
        }
        Self(bytes)
    }

    pub(crate) fn to_text(self) -> String {
        self.0.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
    }
}

const fn is_text(code_point: u32) -> bool {
    matches!(code_point, 0x20..=0x7e)
}

impl Field for Text {
    const LEN: usize = crate::TEXT_LEN_MAX_BYTES;
    const ALIGN: usize = 1;
    const TYPE: &'static str = "char[64]";
    const ALLOWED: &'static str = "printable ASCII and spaces, zeros after it";

    fn put(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }
    fn get(bytes: &[u8]) -> Result<Self, u64> {
        let used = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let (text, padding) = bytes.split_at(used);
        let bad = text.iter().find(|byte| !is_text(u32::from(**byte))).or(padding.iter().find(|byte| **byte != 0));
        match bad {
            Some(byte) => Err(u64::from(*byte)),
            None => Ok(Self(bytes.try_into().expect("the caller cuts LEN bytes"))),
        }
    }
}

/// Bytes that must be zero: room for a later field, never silently ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pad<const N: usize>;

macro_rules! pad_field {
    ($($len:literal $name:literal;)*) => {
        $(impl Field for Pad<$len> {
            const LEN: usize = $len;
            const ALIGN: usize = 1;
            const TYPE: &'static str = $name;
            const ALLOWED: &'static str = "zeros";

            fn put(&self, bytes: &mut [u8]) {
                bytes.fill(0);
            }
            fn get(bytes: &[u8]) -> Result<Self, u64> {
                match bytes.iter().find(|byte| **byte != 0) {
                    Some(byte) => Err(u64::from(*byte)),
                    None => Ok(Self),
                }
            }
        })*
    };
}

pad_field! { 1 "u8[1]"; 2 "u8[2]"; 3 "u8[3]"; 4 "u8[4]"; 5 "u8[5]"; 6 "u8[6]"; 7 "u8[7]"; 11 "u8[11]"; }

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentences of the short lists are written by hand; this keeps them true.
    #[test]
    fn what_a_coded_field_allows_is_what_its_enum_has() {
        fn list(values: impl Iterator<Item = (u8, &'static str)>) -> String {
            values.map(|(code, name)| format!("{code} {name}")).collect::<Vec<_>>().join(", ")
        }
        assert_eq!(Side::ALLOWED, list(Side::ALL.iter().map(|v| (v.code(), v.as_str()))));
        assert_eq!(OrderType::ALLOWED, list(OrderType::ALL.iter().map(|v| (v.code(), v.as_str()))));
        assert_eq!(TimeInForce::ALLOWED, list(TimeInForce::ALL.iter().map(|v| (v.code(), v.as_str()))));
        assert_eq!(MarketState::ALLOWED, list(MarketState::ALL.iter().map(|v| (v.code(), v.as_str()))));
        assert_eq!(SelfTrade::ALLOWED, list(SelfTrade::ALL.iter().map(|v| (v.code(), v.as_str()))));
        assert_eq!(OnDisconnect::ALLOWED, list(OnDisconnect::ALL.iter().map(|v| (v.code(), v.as_str()))));
        assert_eq!(QuoteMode::ALLOWED, list(QuoteMode::ALL.iter().map(|v| (v.code(), v.as_str()))));
        assert_eq!(SessionMode::ALLOWED, list(SessionMode::ALL.iter().map(|v| (v.code(), v.as_str()))));
        assert_eq!(GapFillReason::ALLOWED, list(GapFillReason::ALL.iter().map(|v| (v.code(), v.as_str()))));
        assert_eq!(TargetKind::ALLOWED, list(TargetKind::ALL.iter().map(|v| (v.code(), v.as_str()))));
        assert_eq!(Liquidity::ALLOWED, list(Liquidity::ALL.iter().map(|v| (v.code(), v.as_str()))));
    }

    #[test]
    fn a_text_is_cut_and_cleaned_never_refused_by_the_writer() {
        let long = "x".repeat(100);
        assert_eq!(Text::new(&long).to_text(), "x".repeat(64));
        assert_eq!(Text::new("caf\u{e9}\n").to_text(), "caf??");
    }
}
