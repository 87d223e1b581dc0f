//! The catalogue of business refusals: one number and one sentence each, shared by code, wire, SQL and documents.
//!
//! Invariants: a code is never reused or renumbered. A rejected command changed nothing.

/// Declares the catalogue: code, name, and the sentence for people.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $code:literal $name:literal $sentence:literal,)*) => {
        /// Why a command was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Reject {
            $(#[doc = $sentence] $(#[$doc])* $variant = $code,)*
        }

        impl Reject {
            /// Every reject, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable number on disk and on the wire.
            #[must_use]
            pub const fn code(self) -> u16 {
                self as u16
            }

            /// The reject with this number.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The name in JSON, SQL columns and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it means and what to do, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)*
                }
            }
        }

        impl core::fmt::Display for Reject {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

catalogue! {
    UnknownMarket = 1 "unknown_market" "No market has this id or name.",
    UnknownAsset = 2 "unknown_asset" "No asset has this name.",
    UnknownAccount = 3 "unknown_account" "No account has this id.",
    UnknownKey = 4 "unknown_key" "No key has this id, or it belongs to another account.",
    UnknownOrder = 5 "unknown_order" "No open order of this account has this id; it may be filled or cancelled already.",
    NameTaken = 6 "name_taken" "Something of this kind already has this name.",
    PublicKeyTaken = 7 "public_key_taken" "Another key already has this public key.",
    TableFull = 8 "table_full" "A table of the engine is full; its size is a limit of the journal's first record.",

    MarketHalted = 16 "market_halted" "The market is halted: cancel and reduce only.",
    QtyZero = 17 "qty_zero" "The quantity must be at least one lot.",
    QtyTooLarge = 18 "qty_too_large" "The quantity is over the market's limit for one order.",
    PriceNotPositive = 19 "price_not_positive" "The price of a limit order must be at least one tick.",
    PriceTooHigh = 20 "price_too_high" "The price is over the market's limit.",
    PriceOnMarketOrder = 21 "price_on_market_order" "A market order has no price: it must be 0.",
    MarketOrderCannotRest = 22 "market_order_cannot_rest" "A market order must be IOC or FOK.",
    PostOnlyMustRest = 23 "post_only_must_rest" "A post-only order must be a limit order, good till cancelled.",
    PostOnlyWouldTake = 24 "post_only_would_take" "The post-only order would have traded at once.",
    FillOrKillUnfillable = 25 "fill_or_kill_unfillable" "The book cannot fill the whole quantity at once.",
    InsufficientFunds = 26 "insufficient_funds" "The account's available balance does not cover it.",
    TooManyOpenOrders = 27 "too_many_open_orders" "The account, or the engine, has as many resting orders as it may.",
    NoLiquidity = 28 "no_liquidity" "The other side of the book is empty.",

    AmountZero = 48 "amount_zero" "The amount must be at least one smallest unit.",
    AmountTooLarge = 49 "amount_too_large" "The amount, or the balance that it would make, is 2^96 units or more.",
    ReferenceReused = 50 "reference_reused" "The business reference was used with another payload.",

    RequestNumberReused = 64 "request_number_reused" "The request number was used with another payload.",
    OutcomeExpired = 65 "outcome_expired" "The request number is older than the window of kept outcomes; nothing was executed.",
    RequestNumberZero = 66 "request_number_zero" "Request numbers start at 1.",

    DecimalsTooMany = 80 "decimals_too_many" "An asset has at most 30 decimal places.",
    UnitsPerLotZero = 81 "units_per_lot_zero" "Units per lot and units per tick and lot must be at least 1.",
    FeeTooHigh = 82 "fee_too_high" "A fee is at most 1,000,000 parts per million.",
    BaseEqualsQuote = 83 "base_equals_quote" "A market needs two different assets.",
    MarketLimitZero = 84 "market_limit_zero" "The largest quantity and the highest price must be at least 1.",
    NotionalOverflow = 85 "notional_overflow" "Highest price times largest quantity must stay below 2^96 units on both sides.",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_finds_its_reject_and_no_code_is_used_twice() {
        for reject in Reject::ALL {
            assert_eq!(Reject::from_code(reject.code()), Some(*reject));
        }
        assert!(Reject::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
    }
}
