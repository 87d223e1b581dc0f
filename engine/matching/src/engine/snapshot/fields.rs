//! How words become bytes and bytes words: one list of fields a struct, which both directions go through.
//!
//!   record!(Session { id: SessionId, .. })  -->  put: fields to bytes, in that order; take: bytes to fields, in that order
//!
//! Invariants: every field has a fixed length; integers are little-endian; a value has one form only, so that equal
//! states are equal bytes. `put` takes a struct apart without `..` and `take` makes it whole, so a field that is added
//! to a struct and not here does not compile. `take` never panics.
//!
//! Owning thread: whoever drives the engine.

use alloc::vec::Vec;
use core::net::IpAddr;

use tidegate_domain::{
    AccountId, AssetAmount, AssetId, ClusterId, CommandKind, Epoch, FeeRate, KeyId, MarketId, MarketState,
    NETWORKS_MAX, Name, Nanos, Network, Networks, OnDisconnect, OrderId, Price, QUOTES_MAX, Qty, QuoteMode, Reference,
    Reject, RequestNumber, Roles, SelfTrade, Sequence, SessionId, SessionSequence, Side, TimeInForce, Timestamp,
};

use super::SnapshotError;
use crate::engine::outcomes::{Created, RequestResult};

/// A field that is not as it must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wrong {
    pub(super) field: &'static str,
    pub(super) allowed: &'static str,
}

impl Wrong {
    /// The innermost struct names the field.
    pub(super) fn of(self, field: &'static str) -> Self {
        if self.field.is_empty() { Self { field, ..self } } else { self }
    }

    pub(super) const fn at(self, section: &'static str, entry: u64) -> SnapshotError {
        let Self { field, allowed } = self;
        SnapshotError::Damaged { section, entry, field, allowed }
    }
}

/// Refuses a field unless it is as it must be.
pub(super) const fn check(is_right: bool, field: &'static str, allowed: &'static str) -> Result<(), Wrong> {
    if is_right { Ok(()) } else { Err(Wrong { field, allowed }) }
}

/// A value of a fixed length.
pub(super) trait Field: Sized {
    const LEN_BYTES: usize;

    fn put(&self, out: &mut Vec<u8>);

    /// Takes itself off the front.
    fn take(from: &mut &[u8]) -> Result<Self, Wrong>;
}

impl<const N: usize> Field for [u8; N] {
    const LEN_BYTES: usize = N;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
        let (bytes, rest) = from.split_first_chunk().ok_or(Wrong { field: "", allowed: "not cut off" })?;
        *from = rest;
        Ok(*bytes)
    }
}

macro_rules! numbers {
    ($($type:ty)*) => {
        $(impl Field for $type {
            const LEN_BYTES: usize = size_of::<$type>();

            fn put(&self, out: &mut Vec<u8>) {
                self.to_le_bytes().put(out);
            }

            fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
                Field::take(from).map(Self::from_le_bytes)
            }
        })*
    };
}
numbers!(u8 u16 u32 u64 u128 i32 i64);

/// Types around a number, every value of which is one.
macro_rules! units {
    ($($name:ident($inner:ty) $new:ident $raw:ident,)*) => {
        $(impl Field for $name {
            const LEN_BYTES: usize = <$inner>::LEN_BYTES;

            fn put(&self, out: &mut Vec<u8>) {
                self.$raw().put(out);
            }

            fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
                <$inner>::take(from).map(Self::$new)
            }
        })*
    };
}
units! {
    AccountId(u32) new raw,
    AssetId(u32) new raw,
    KeyId(u32) new raw,
    MarketId(u32) new raw,
    OrderId(u64) new raw,
    RequestNumber(u64) new raw,
    SessionSequence(u64) new raw,
    SessionId(u64) new raw,
    ClusterId(u128) new raw,
    Sequence(u64) new raw,
    Epoch(u32) new raw,
    Timestamp(u64) from_nanos nanos,
    Nanos(u64) from_nanos nanos,
    Price(i64) from_ticks ticks,
    Qty(u64) from_lots lots,
    AssetAmount(u128) from_units units,
    FeeRate(i32) from_ppm ppm,
}

/// Types around a value, some of which are none.
macro_rules! codes {
    ($($name:ident($inner:ty) $new:ident $raw:ident $allowed:literal,)*) => {
        $(impl Field for $name {
            const LEN_BYTES: usize = <$inner>::LEN_BYTES;

            fn put(&self, out: &mut Vec<u8>) {
                self.$raw().put(out);
            }

            fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
                Self::$new(<$inner>::take(from)?).ok_or(Wrong { field: "", allowed: $allowed })
            }
        })*
    };
}
codes! {
    Side(u8) from_code code "the code of a side",
    TimeInForce(u8) from_code code "the code of a time in force",
    QuoteMode(u8) from_code code "the code of a quote mode",
    SelfTrade(u8) from_code code "the code of a self-trade mode",
    OnDisconnect(u8) from_code code "the code of what happens on disconnect",
    MarketState(u8) from_code code "the code of a market's state",
    CommandKind(u16) from_code code "the code of a command",
    Reject(u16) from_code code "the code of a reject",
    Roles(u8) from_bits bits "bits of roles",
    Name([u8; 16]) from_bytes bytes "printable ASCII, padded with zeros",
    Reference([u8; 32]) from_bytes bytes "printable ASCII, padded with zeros",
}

impl Field for bool {
    const LEN_BYTES: usize = 1;

    fn put(&self, out: &mut Vec<u8>) {
        u8::from(*self).put(out);
    }

    fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
        match u8::take(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Wrong { field: "", allowed: "0 or 1" }),
        }
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    const LEN_BYTES: usize = A::LEN_BYTES + B::LEN_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
        Ok((A::take(from)?, B::take(from)?))
    }
}

/// Whether it is there, and then it or as many zeros.
impl<T: Field> Field for Option<T> {
    const LEN_BYTES: usize = 1 + T::LEN_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        match self {
            Some(value) => value.put(out),
            None => out.resize(out.len() + T::LEN_BYTES, 0),
        }
    }

    fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
        if bool::take(from)? {
            return T::take(from).map(Some);
        }
        let (zeros, rest) = from.split_at_checked(T::LEN_BYTES).ok_or(Wrong { field: "", allowed: "not cut off" })?;
        *from = rest;
        check(zeros.iter().all(|byte| *byte == 0), "", "zeros where there is no value").map(|()| None)
    }
}

/// Version of the address, the address from the left, zeros behind an IPv4 one, length of the prefix.
impl Field for Network {
    const LEN_BYTES: usize = 1 + 16 + 1;

    fn put(&self, out: &mut Vec<u8>) {
        let (version, bits): (u8, u128) = match self.address() {
            IpAddr::V4(address) => (4, u128::from(address.to_bits()) << 96),
            IpAddr::V6(address) => (6, address.to_bits()),
        };
        version.put(out);
        bits.to_be_bytes().put(out);
        self.prefix_len().put(out);
    }

    fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
        let (version, bytes) = <(u8, [u8; 16])>::take(from)?;
        let address = match (version, bytes) {
            (4, [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) => Some(IpAddr::from([a, b, c, d])),
            (6, _) => Some(IpAddr::from(bytes)),
            _ => None,
        };
        let prefix_len = u8::take(from)?;
        let network = address.and_then(|address| Network::new(address, prefix_len).ok());
        network.ok_or(Wrong { field: "", allowed: "a network without bits behind its prefix" })
    }
}

/// Each that there is, then as many zeros as the others would take.
impl Field for Networks {
    const LEN_BYTES: usize = NETWORKS_MAX * <Option<Network>>::LEN_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        (0..NETWORKS_MAX).for_each(|at| self.list().get(at).copied().put(out));
    }

    fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
        let mut networks = Self::default();
        for at in 0..NETWORKS_MAX {
            if let Some(network) = <Option<Network> as Field>::take(from)? {
                check(networks.list().len() == at, "", "networks without a gap between them")?;
                networks = networks.with(network).ok_or(Wrong { field: "", allowed: "three networks at most" })?;
            }
        }
        Ok(networks)
    }
}

/// 0: no order; 1: an order, its id; 2: a reject, its code.
impl Field for RequestResult {
    const LEN_BYTES: usize = 1 + u64::LEN_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        let (kind, value): (u8, u64) = match *self {
            Ok(None) => (0, 0),
            Ok(Some(order)) => (1, order.raw()),
            Err(reject) => (2, reject.code().into()),
        };
        (kind, value).put(out);
    }

    fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
        let reject = |value| u16::try_from(value).ok().and_then(Reject::from_code);
        let result = match <(u8, u64)>::take(from)? {
            (0, 0) => Some(Ok(None)),
            (1, order @ 1..) => Some(Ok(Some(OrderId::new(order)))),
            (2, value) => reject(value).map(Err),
            _ => None,
        };
        result.ok_or(Wrong { field: "", allowed: "nothing, an order's id or the code of a reject" })
    }
}

/// 0: nothing; 1: the order of the result; 2: sides of quotes, a bit each.
impl Field for Created {
    const LEN_BYTES: usize = 1 + u32::LEN_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        let (kind, sides): (u8, u32) = match *self {
            Self::Nothing => (0, 0),
            Self::Order => (1, 0),
            Self::Quotes(sides) => (2, sides),
        };
        (kind, sides).put(out);
    }

    fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
        /// Two for each of the quotes that a mass quote may have, counted from 1.
        const SIDES: u32 = ((1 << (2 * QUOTES_MAX)) - 1) << 1;
        match <(u8, u32)>::take(from)? {
            (0, 0) => Ok(Self::Nothing),
            (1, 0) => Ok(Self::Order),
            (2, sides @ 1..) if sides & !SIDES == 0 => Ok(Self::Quotes(sides)),
            _ => Err(Wrong { field: "", allowed: "nothing, an order or sides of quotes" }),
        }
    }
}

/// The fields of a struct, once for both directions.
macro_rules! record {
    ($name:ty { $($field:ident: $type:ty),* $(,)? }) => {
        impl Field for $name {
            const LEN_BYTES: usize = 0 $(+ <$type as Field>::LEN_BYTES)*;

            fn put(&self, out: &mut Vec<u8>) {
                let Self { $($field,)* } = self;
                $(Field::put($field, out);)*
            }

            fn take(from: &mut &[u8]) -> Result<Self, Wrong> {
                Ok(Self { $($field: <$type as Field>::take(from).map_err(|wrong| wrong.of(stringify!($field)))?,)* })
            }
        }
    };
}
pub(super) use record;
