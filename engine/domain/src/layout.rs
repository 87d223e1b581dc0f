//! Byte layouts of the records, version 1: plain `rkyv` structs, little-endian, no padding that is not a field.
//!
//! ```text
//! command record, 128 B      | header 40 B | body 88 B (one struct per kind, zeros after it)  |
//! event record, 128 B        | header 64 B            | body 64 B                             |
//! ```
//!
//! Invariants: a published layout never changes; a new one gets a new version and its own struct here. Every size is
//! asserted to be the sum of its fields. Amounts are two u64 halves, since u128 would force an alignment of 16.

use rkyv::Archive;

/// Numbers without padding: all bytes of its archived form are written when it is, and any bytes are one.
///
/// Both ways are spelled out here, always inlined, because what `rkyv` derives is not inlined into other crates: a record was
/// built on the stack, and copied from there by a call.
///
/// # Safety
/// Every field is a [`Number`], and there is no byte between them.
pub(crate) unsafe trait Layout: Archive {
    /// Bytes with a meaning; all after them are zero in a record.
    const USED_BYTES: usize;

    /// The archived form of `self`.
    fn archived(&self) -> Self::Archived;

    /// What was archived.
    fn of_archived(archived: &Self::Archived) -> Self;
}

/// Any bytes of its length are one.
///
/// # Safety
/// It is an integer, or an array of them.
pub(crate) unsafe trait Number: Archive + Copy {
    /// The archived form of `self`.
    fn archived(self) -> Self::Archived;

    /// What was archived.
    fn of_archived(archived: &Self::Archived) -> Self;
}

macro_rules! numbers {
    ($($ty:ty)*) => {$(
        // SAFETY: it is an integer.
        unsafe impl Number for $ty {
            #[inline(always)]
            fn archived(self) -> Self::Archived {
                self.into()
            }

            #[inline(always)]
            fn of_archived(archived: &Self::Archived) -> Self {
                (*archived).into()
            }
        }
    )*};
}
numbers!(u8 u16 u32 u64 i8 i16 i32 i64);
// SAFETY: as its elements.
unsafe impl<T: Number, const N: usize> Number for [T; N] {
    #[inline(always)]
    fn archived(self) -> Self::Archived {
        core::array::from_fn(|at| self[at].archived())
    }

    #[inline(always)]
    fn of_archived(archived: &Self::Archived) -> Self {
        core::array::from_fn(|at| T::of_archived(&archived[at]))
    }
}

/// Declares a layout: the struct, which ends with `reserved` bytes where its fields do not fill it, and the proof that it has no
/// hidden padding and fits its place.
macro_rules! layout {
    ($(#[$doc:meta])* $name:ident within $room:literal { $($field:ident: $ty:ty,)* } $(reserved $reserved:literal)?) => {
        $(#[$doc])*
        #[derive(Archive, Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) struct $name {
            $(pub(crate) $field: $ty,)*
            $(pub(crate) reserved: [u8; $reserved],)?
        }
        // SAFETY: the fields are asserted to be numbers, and their sizes to be all there is.
        unsafe impl Layout for $name {
            const USED_BYTES: usize = 0 $(+ size_of::<$ty>())*;

            #[inline(always)]
            fn archived(&self) -> Self::Archived {
                rkyv::Archived::<Self> {
                    $($field: Number::archived(self.$field),)*
                    $(reserved: Number::archived([0_u8; $reserved]),)?
                }
            }

            #[inline(always)]
            fn of_archived(archived: &Self::Archived) -> Self {
                // A layout may have no field.
                let _ = archived;
                Self {
                    $($field: Number::of_archived(&archived.$field),)*
                    $(reserved: [0; $reserved],)?
                }
            }
        }
        const _: () = assert!(size_of::<rkyv::Archived<$name>>() == 0 $(+ size_of::<$ty>())* $(+ $reserved)?);
        const _: () = assert!(size_of::<rkyv::Archived<$name>>() <= $room);
        const _: () = assert!(align_of::<rkyv::Archived<$name>>() <= 8);
    };
}

layout!(
    /// Header of a command record.
    CommandHeaderV1 within 40 {
        sequence: u64, time: u64, request: u64, key: u32, account: u32, epoch: u32, kind: u16, version: u8, flags: u8,
    }
);
const _: () = assert!(size_of::<rkyv::Archived<CommandHeaderV1>>() == 40);

layout!(
    /// Header of an event record.
    EventHeaderV1 within 64 {
        sequence: u64, time: u64, request: u64, session_sequence: u64, previous_report: u64,
        key: u32, account: u32, market: u32, epoch: u32, index: u32, kind: u16, version: u8, flags: u8,
    }
);
const _: () = assert!(size_of::<rkyv::Archived<EventHeaderV1>>() == 64);

// Bodies shared by commands and events.

layout!(GenesisV1 within 64 {
    cluster_low: u64, cluster_high: u64, logic_version: u32, assets_max: u32, markets_max: u32, accounts_max: u32,
    keys_max: u32, open_orders_max: u32, account_open_orders_max: u32, references_max: u32, balances_max: u32,
    seats_max: u32, seed: u64,
});
layout!(LeadV1 within 64 { incarnation: u64, node: u32, } reserved 4);
layout!(DurabilityV1 within 64 { durability: u8, degraded: u8, } reserved 6);
layout!(NameV1 within 64 { name: [u8; 16], });
layout!(AccountLimitsV1 within 64 {
    qty_max: u64, notional_low: u64, notional_high: u64, open_orders_max: u32, market_open_orders_max: u32,
});
layout!(OwnerV1 within 64 { owner: u32, } reserved 4);
layout!(FeeTierV1 within 64 { maker_fee: i32, taker_fee: i32, tier: u8, } reserved 3);
layout!(KillSwitchV1 within 64 { cancelled: u64, engaged: u8, } reserved 7);
layout!(ProtectionV1 within 64 { window: u64, qty_max: u64, count_max: u32, group: u8, } reserved 3);

// Bodies of commands: 88 bytes.

layout!(TakeLeadV1 within 88 { incarnation: u64, session_grace: u64, node: u32, } reserved 4);
layout!(EmptyV1 within 88 {} reserved 8);
layout!(CreateAssetV1 within 88 { name: [u8; 16], decimals: u8, } reserved 7);
layout!(CreateMarketV1 within 88 {
    name: [u8; 16], base: [u8; 16], quote: [u8; 16], base_units_per_lot: u64, quote_units_per_tick_lot: u64,
    qty_max: u64, price_max: i64, maker_fee: i32, taker_fee: i32,
});
layout!(CreateKeyV1 within 88 { name: [u8; 16], public_key: [u8; 32], roles: u8, } reserved 7);
layout!(SetMarketStateV1 within 88 { market: [u8; 16], state: u8, } reserved 7);
layout!(SetMarketRulesV1 within 88 {
    market: [u8; 16], qty_min: u64, qty_max: u64, price_min: i64, price_max: i64, notional_min: u64, reference: i64,
    maker_fee: i32, taker_fee: i32, static_band_ppm: u32, dynamic_band_ppm: u32, day_end_s: u32,
} reserved 4);
layout!(
    /// An IPv4 address is in the first four bytes of its place. `kinds`: two bits for each network, from the lowest: 0 none,
    /// 1 IPv4, 2 IPv6.
    KeyNetworksV1 within 64 { addresses: [[u8; 16]; 3], key: u32, prefixes: [u8; 3], kinds: u8, }
);
layout!(KeyRolesV1 within 64 { key: u32, roles: u8, } reserved 3);
layout!(
    /// `to` is the receiver of a transfer, else 0.
    MoneyV1 within 88 {
        asset: [u8; 16], reference: [u8; 32], amount_low: u64, amount_high: u64, at: u64, to: u32,
    } reserved 4
);
layout!(ReferenceV1 within 88 { reference: [u8; 32], });
layout!(OpenSessionV1 within 88 {
    session: u64, grace: u64, cancel_on_disconnect: u8, refuse_if_open: u8,
} reserved 6);
layout!(CloseSessionV1 within 88 { session: u64, });
layout!(NewOrderV1 within 88 {
    price: i64, qty: u64, trigger: i64, display: u64, expires: u64, budget_low: u64, budget_high: u64, market: u32,
    side: u8, order_type: u8, time_in_force: u8, post_only: u8, reprice: u8, self_trade: u8, group: u8,
    on_disconnect: u8,
} reserved 4);
layout!(
    /// Cancel and reduce; `by` is zero in a cancel. `by_request` says what `target` is.
    ChangeOrderV1 within 88 { target: u64, by: u64, by_request: u8, } reserved 7
);
layout!(
    /// 0 is any, in every field.
    CancelAllV1 within 88 { price_low: i64, price_high: i64, market: u32, side: u8, group: u8, } reserved 2
);
layout!(ReplaceOrderV1 within 88 { target: u64, price: i64, qty: u64, by_request: u8, } reserved 7);
layout!(
    /// One slot of a mass quote: two quotes, of which `count` are used; zeros in the other.
    MassQuoteV1 within 88 {
        bid_price: [i64; 2], bid_qty: [u64; 2], ask_price: [i64; 2], ask_qty: [u64; 2], market: [u32; 2], slots: u8,
        slot: u8, count: u8, group: u8, mode: u8, self_trade: u8,
    } reserved 10
);
layout!(CancelAllAfterV1 within 88 { timeout: u64, });
layout!(
    /// Of a market or an asset; 0 is any.
    QueryV1 within 88 { id: u32, } reserved 4
);

// Bodies of events: 64 bytes.

layout!(RejectedV1 within 64 { reason: u16, command: u16, } reserved 4);
layout!(OutcomeV1 within 64 { original: u64, order: u64, reject: u16, command: u16, } reserved 4);
layout!(
    /// A budget order has neither trigger nor displayed quantity: in those places are the halves of its budget.
    OrderAcceptedV1 within 64 {
        order: u64, price: i64, qty: u64, trigger: i64, display: u64, expires: u64, side: u8, order_type: u8,
        time_in_force: u8, flags: u8, self_trade: u8, group: u8, on_disconnect: u8,
    } reserved 1
);
layout!(FillV1 within 64 {
    order: u64, counter_order: u64, price: i64, qty: u64, leaves: u64, fee_low: u64, fee_high: u64,
    counter_account: u32, side: u8, liquidity: u8, is_rebate: u8,
} reserved 1);
layout!(OrderCancelledV1 within 64 { order: u64, price: i64, cancelled: u64, side: u8, reason: u8, } reserved 6);
layout!(OrderReducedV1 within 64 { order: u64, price: i64, by: u64, leaves: u64, side: u8, } reserved 7);
layout!(CancelAllDoneV1 within 64 { cancelled: u64, });
layout!(OrderReplacedV1 within 64 {
    order: u64, price: i64, leaves: u64, displayed: u64, side: u8, kept_place: u8,
} reserved 6);
layout!(OrderTriggeredV1 within 64 { order: u64, price: i64, leaves: u64, side: u8, } reserved 7);
layout!(OrderRefreshedV1 within 64 { order: u64, price: i64, displayed: u64, side: u8, } reserved 7);
layout!(QuoteRejectedV1 within 64 { reason: u16, quote: u8, side: u8, } reserved 4);
layout!(MassQuoteDoneV1 within 64 { accepted: u32, withdrawn: u32, rejected: u32, } reserved 4);
layout!(CancelAllAfterSetV1 within 64 { deadline: u64, });
layout!(
    /// `filled`: of a stop that waits, of which nothing is filled, its trigger. `kinds`: side in bits 0 and 1, type from bit 2, time
    /// in force from bit 5. `modes`: self-trade mode in bits 0 to 2, what happens on disconnect from bit 3. `flags`: post-only 1,
    /// re-priced 2, quote 4.
    OrderStatusV1 within 64 {
        order: u64, request: u64, price: i64, leaves: u64, filled: u64, displayed: u64, expires: u64, key: u32,
        kinds: u8, modes: u8, flags: u8, group: u8,
    }
);
layout!(BalanceStatusV1 within 64 {
    available_low: u64, available_high: u64, held_low: u64, held_high: u64, pending_low: u64, pending_high: u64,
    asset: u32,
} reserved 4);
layout!(QueryDoneV1 within 64 { count: u64, });
layout!(SessionOpenedV1 within 64 {
    session: u64, request_mark: u64, report_mark: u64, grace: u64, cancel_on_disconnect: u8,
} reserved 7);
layout!(SessionClosedV1 within 64 { session: u64, reason: u8, } reserved 7);
layout!(MovedV1 within 64 { reference: [u8; 32], amount_low: u64, amount_high: u64, asset: u32, to: u32, });
layout!(AssetCreatedV1 within 64 { name: [u8; 16], asset: u32, decimals: u8, } reserved 3);
layout!(MarketCreatedV1 within 64 {
    name: [u8; 16], base_units_per_lot: u64, quote_units_per_tick_lot: u64, qty_max: u64, price_max: i64,
    base: u32, quote: u32, maker_fee: i32, taker_fee: i32,
});
layout!(KeyCreatedV1 within 64 { name: [u8; 16], public_key: [u8; 32], key: u32, roles: u8, } reserved 3);
layout!(
    /// `bands_and_day_end`: 20 bits of ppm of the static band, 20 of the dynamic one, 24 of seconds, from the lowest bit.
    MarketRulesV1 within 64 {
        qty_min: u64, qty_max: u64, price_min: i64, price_max: i64, notional_min: u64, reference: i64,
        maker_fee: i32, taker_fee: i32, bands_and_day_end: u64,
    }
);
layout!(MarketStateChangedV1 within 64 { state: u8, } reserved 7);
