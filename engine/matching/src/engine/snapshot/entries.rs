//! What is written: the entries of every section, field by field. Their order here is their order in the bytes.
//!
//! Invariants: the lengths are those of the table in [`super`]; another length or order is another format version.
//!
//! Owning thread: whoever drives the engine.

use alloc::vec::Vec;

use tidegate_domain::{
    AccountId, AccountLimits, AssetAmount, AssetId, ClusterId, CommandKind, EngineLimits, Epoch, FeeRate, Genesis,
    KeyId, MarketDefinition, MarketId, MarketRules, MarketState, Name, Nanos, Networks, OnDisconnect, OrderId, Price,
    Qty, Quote, QuoteMode, QuoteSide, QuoteTerms, Reference, RequestNumber, Roles, SelfTrade, Sequence, SessionId,
    SessionSequence, Side, TimeInForce, Timestamp,
};

use super::fields::{Field, Wrong, record};
use crate::engine::money::{Hold, Moved};
use crate::engine::open_orders::Terms;
use crate::engine::outcomes::{Created, RequestResult};
use crate::engine::tables::{Protection, Session};

/// An entry of a section.
pub(super) trait Entry: Field {
    const TAG: u32;
    const SECTION: &'static str;
}

/// Declares an entry: its section's tag and name, its length, its fields.
macro_rules! entry {
    ($(#[$doc:meta])* $name:ident = $tag:literal $section:literal $len:literal { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        pub(super) struct $name {
            $(pub(super) $field: $type,)*
        }
        record!($name { $($field: $type,)* });
        impl Entry for $name {
            const TAG: u32 = $tag;
            const SECTION: &'static str = $section;
        }
        const _: () = assert!(<$name as Field>::LEN_BYTES == $len);
    };
}

entry! {
    /// The one entry of its section.
    StateEntry = 1 "state" 92 { genesis: Genesis, applied: Sequence, time: Timestamp, epoch: Epoch, priority: u64, }
}
entry! {
    /// By id, which is the place in the section, from 1.
    AssetEntry = 2 "assets" 65 {
        name: Name, decimals: u8, deposited: AssetAmount, withdrawn: AssetAmount, fees: AssetAmount,
    }
}
entry! {
    /// By id, which is the place in the section, from 1. `last` is 0 before the first trade.
    MarketEntry = 3 "markets" 141 { definition: MarketDefinition, rules: MarketRules, state: MarketState, last: Price, }
}
entry! {
    /// By id, which is the place in the section, from 1.
    AccountEntry = 4 "accounts" 54 { name: Name, owner: u32, tier: u8, kill_switch: u8, limits: AccountLimits, }
}
entry! {
    /// By account, then group.
    ProtectionEntry = 5 "protections" 54 { account: AccountId, protection: Protection, }
}
entry! {
    /// By id, which is the place in the section, from 1.
    KeyEntry = 6 "keys" 135 {
        name: Name, public_key: [u8; 32], account: AccountId, roles: Roles, request_mark: RequestNumber,
        report_mark: SessionSequence, dead_man: Option<Timestamp>, networks: Networks,
    }
}
entry! {
    /// By key.
    SessionEntry = 7 "sessions" 31 { key: KeyId, session: Session, }
}
entry! {
    /// By key, then request.
    OutcomeEntry = 8 "outcomes" 38 {
        key: KeyId, request: RequestNumber, sequence: Sequence, payload_hash: u32, result: RequestResult,
        created: Created,
    }
}
entry! {
    /// By tier; only those with a rate that is not 0.
    FeeTierEntry = 9 "fee_tiers" 9 { tier: u8, maker_fee: FeeRate, taker_fee: FeeRate, }
}
entry! {
    /// By account, then asset; also those that are all 0, since they take up room.
    BalanceEntry = 10 "balances" 56 {
        account: AccountId, asset: AssetId, available: AssetAmount, held: AssetAmount, pending: AssetAmount,
    }
}
entry! {
    /// By account, then market; also those without an order, since they take up room.
    SeatEntry = 11 "seats" 8 { account: AccountId, market: MarketId, }
}
entry! {
    /// By reference.
    ReferenceEntry = 12 "references" 92 { reference: Reference, moved: Moved, }
}
entry! {
    /// By age. `side` is the order's own; `price` is where it stands: its limit or, of a waiting stop, its trigger.
    OrderEntry = 13 "orders" 102 {
        id: OrderId, request: RequestNumber, priority: u64, account: AccountId, key: KeyId, market: MarketId,
        side: Side, price: Price, displayed: Qty, hidden: Qty, filled: Qty, terms: Terms,
    }
}

entry! {
    /// Slots of a mass quote whose last one is not there yet, in their order: all of them full.
    SlotEntry = 14 "pending_quotes" 92 {
        key: KeyId, account: AccountId, request: RequestNumber, terms: QuoteTerms, slots: u8, one: Quote, two: Quote,
    }
}

record!(Genesis { cluster: ClusterId, logic_version: u32, limits: EngineLimits, seed: u64 });
record!(EngineLimits {
    assets_max: u32,
    markets_max: u32,
    accounts_max: u32,
    keys_max: u32,
    open_orders_max: u32,
    account_open_orders_max: u32,
    references_max: u32,
    balances_max: u32,
    seats_max: u32,
});
record!(MarketDefinition {
    name: Name,
    base: AssetId,
    quote: AssetId,
    base_units_per_lot: u64,
    quote_units_per_tick_lot: u64,
    maker_fee: FeeRate,
    taker_fee: FeeRate,
    qty_max: Qty,
    price_max: Price,
});
record!(MarketRules {
    maker_fee: FeeRate,
    taker_fee: FeeRate,
    qty_min: Qty,
    qty_max: Qty,
    price_min: Price,
    price_max: Price,
    notional_min: u64,
    static_band_ppm: u32,
    dynamic_band_ppm: u32,
    reference: Price,
    day_end_s: u32,
});
record!(AccountLimits { open_orders_max: u32, market_open_orders_max: u32, qty_max: Qty, notional_max: AssetAmount });
record!(Protection {
    group: u8,
    is_triggered: bool,
    count_max: u32,
    count: u32,
    window: Nanos,
    qty_max: Qty,
    qty: u128,
    since: Timestamp,
});
record!(Session { id: SessionId, cancel_on_disconnect: bool, grace: Nanos, open: bool, deadline: Option<Timestamp>, });
record!(Moved {
    sequence: Sequence,
    payload_hash: u64,
    kept_from: Timestamp,
    account: AccountId,
    hold: Option<Hold>,
});
record!(Hold { asset: AssetId, amount: AssetAmount, done: Option<(CommandKind, Sequence)>, });
record!(Terms {
    time_in_force: TimeInForce,
    self_trade: SelfTrade,
    group: u8,
    post_only: bool,
    reprice: bool,
    limit: Price,
    is_stop: bool,
    quote: Option<Side>,
    display: Qty,
    expires: Timestamp,
    on_disconnect: OnDisconnect,
});
record!(QuoteTerms { group: u8, mode: QuoteMode, self_trade: SelfTrade });
record!(Quote { market: MarketId, bid: QuoteSide, ask: QuoteSide });
record!(QuoteSide { price: Price, qty: Qty });
