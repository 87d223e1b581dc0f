//! The catalogue of business refusals: one number and one sentence each, shared by code, wire, SQL and documents.
//!
//! Invariants: a code is never reused or renumbered. A rejected command changed nothing. A reject that is about a field names one.

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
    UnknownOrder = 5 "unknown_order" "No open order of this account has this id, and none that this key created lately.",
    NameTaken = 6 "name_taken" "Something of this kind already has this name.",
    PublicKeyTaken = 7 "public_key_taken" "Another key already has this public key.",
    TableFull = 8 "table_full" "A table of the engine is full; its size is a limit of the journal's first record.",
    OrderNotOpen = 9 "order_not_open" "This key created the order, but it is filled or cancelled already.",
    UnknownReference = 10 "unknown_reference" "No held withdrawal has this business reference.",

    MarketHalted = 16 "market_halted" "The market's state does not allow this now.",
    QtyZero = 17 "qty_zero" "The quantity must be at least one lot.",
    QtyTooLarge = 18 "qty_too_large" "The quantity is over the market's limit for one order.",
    PriceNotPositive = 19 "price_not_positive" "The price of a limit order must be at least one tick.",
    PriceTooHigh = 20 "price_too_high" "The price is over the market's limit.",
    PriceOnMarketOrder = 21 "price_on_market_order" "A market order has no price: it must be 0.",
    MarketOrderCannotRest = 22 "market_order_cannot_rest" "A market order must be IOC or FOK.",
    PostOnlyMustRest = 23 "post_only_must_rest" "A post-only order must be a limit order that can rest.",
    PostOnlyWouldTake = 24 "post_only_would_take" "The post-only order would have traded at once.",
    FillOrKillUnfillable = 25 "fill_or_kill_unfillable" "The book cannot fill the whole quantity at once.",
    InsufficientFunds = 26 "insufficient_funds" "The account's available balance does not cover it.",
    TooManyOpenOrders = 27 "too_many_open_orders" "The account, or the engine, has as many open orders as it may.",
    NoLiquidity = 28 "no_liquidity" "The other side of the book is empty.",
    MarketClosed = 29 "market_closed" "The market is closed.",
    MarketPostOnly = 30 "market_post_only" "The market takes only orders that rest; this one would have traded at once.",
    QtyTooSmall = 31 "qty_too_small" "The quantity is under the market's limit for one order.",
    PriceTooLow = 32 "price_too_low" "The price is under the market's limit.",
    PriceOutOfBand = 33 "price_out_of_band" "The price is too far from the market's last price.",
    NotionalTooSmall = 34 "notional_too_small" "Price times quantity is under the market's limit for one order.",
    // 35 was `order_too_large`: now 72 and 73.
    AccountKilled = 36 "account_killed" "The account's kill switch is engaged: cancels only.",
    KeyNotAllowed = 37 "key_not_allowed" "The key does not have the role that this needs.",
    BudgetZero = 38 "budget_zero" "The budget must be at least one smallest unit.",
    BudgetWithoutBudgetOrder = 39 "budget_without_budget_order" "Only a budget order has a budget.",
    QtyOnBudgetOrder = 40 "qty_on_budget_order" "A budget order has no quantity: it must be 0.",
    StopMustWait = 41 "stop_must_wait" "A stop order must be good till cancelled, till a date or for the day.",
    TriggerWithoutStop = 42 "trigger_without_stop" "Only a stop order has a trigger price.",
    TriggerOutOfRange = 43 "trigger_out_of_range" "The trigger price must be from one tick to the market's highest price.",
    StopWouldTrigger = 44 "stop_would_trigger" "The last price has reached the trigger price already.",
    DisplayWithoutLimitOrder = 45 "display_without_limit_order" "Only a limit order that can rest has a displayed quantity.",
    ExpiryWithoutGtd = 46 "expiry_without_gtd" "Only a good-till-date order has an expiry.",
    ExpiryInThePast = 47 "expiry_in_the_past" "The expiry must be later than now.",

    AmountZero = 48 "amount_zero" "The amount must be at least one smallest unit.",
    AmountTooLarge = 49 "amount_too_large" "The amount, or the balance that it would make, is 2^96 units or more.",
    ReferenceReused = 50 "reference_reused" "The business reference was used with another payload.",
    ReferenceExpired = 51 "reference_expired" "The business reference is older than 30 days; nothing was applied.",
    ReferenceInTheFuture = 52 "reference_in_the_future" "The business time is more than a day ahead.",
    WithdrawalDone = 53 "withdrawal_done" "The held withdrawal was settled or released already.",

    RequestNumberReused = 64 "request_number_reused" "The request number was used with another payload.",
    OutcomeExpired = 65 "outcome_expired" "The request number is older than the window of kept outcomes; nothing was executed.",
    RequestNumberZero = 66 "request_number_zero" "Request numbers start at 1.",
    ReplaceBelowFilled = 67 "replace_below_filled" "The new quantity is not more than what is filled already.",
    StopNotReplaceable = 68 "stop_not_replaceable" "A waiting stop order cannot be replaced: cancel it and send a new one.",
    ProtectionActive = 69 "protection_triggered" "The group's protection was triggered: reset it first.",
    QuotesCount = 70 "quotes_count" "A mass quote has 1 to 15 quotes.",
    QuoteCrossed = 71 "quote_crossed" "The bid of the quote is not below its ask.",
    QtyOverAccountLimit = 72 "qty_over_account_limit" "The quantity is over the account's limit for one order.",
    NotionalOverAccountLimit = 73 "notional_over_account_limit" "Price times quantity is over the account's limit for one order.",
    PriceOutOfStaticBand = 74 "price_out_of_static_band" "The price is too far from the market's reference price.",
    TimeoutOutOfRange = 75 "timeout_out_of_range" "The timeout must be 0, or 100 milliseconds to 24 hours.",
    SessionOpen = 76 "session_open" "The key has a live session; log out there first.",

    DecimalsTooMany = 80 "decimals_too_many" "An asset has at most 30 decimal places.",
    // 81 was `units_per_lot_zero`: now 93 and 94. 82 was `fee_too_high`: now 91 and 92.
    BaseEqualsQuote = 83 "base_equals_quote" "A market needs two different assets.",
    // 84 was `market_limit_zero`: now 95 and 96. 85 was `notional_overflow`: now 97 and 98. 86 was `market_limits_crossed`:
    // now 99 and 100.
    DayEndOutOfRange = 87 "day_end_out_of_range" "The end of the day must be before 86,400 seconds.",
    // 88 was `band_out_of_range`: now 103 and 104.
    GroupZero = 89 "group_zero" "A group is a number from 1 to 255.",
    TierZero = 90 "tier_zero" "A fee tier is a number from 1 to 255; tier 0 is the market's own fees.",
    MakerFeeOutOfRange = 91 "maker_fee_out_of_range" "A maker's fee is from -1,000,000 to 1,000,000 parts per million.",
    TakerFeeOutOfRange = 92 "taker_fee_out_of_range" "A taker's fee is from 0 to 1,000,000 parts per million.",
    BaseUnitsPerLotZero = 93 "base_units_per_lot_zero" "A lot must be at least one smallest unit of the base asset.",
    QuoteUnitsPerTickLotZero = 94 "quote_units_per_tick_lot_zero" "A tick of a lot must be at least one smallest unit of the quote asset.",
    QtyMaxZero = 95 "qty_max_zero" "The market's largest quantity must be at least one lot.",
    PriceMaxNotPositive = 96 "price_max_not_positive" "The market's highest price must be at least one tick.",
    BaseAmountOverflow = 97 "base_amount_overflow" "The largest quantity must stay below 2^96 units of the base asset.",
    QuoteAmountOverflow = 98 "quote_amount_overflow" "Highest price times largest quantity must stay below 2^96 units of the quote asset.",
    QtyMinOverQtyMax = 99 "qty_min_over_qty_max" "The market's smallest quantity is over its largest.",
    PriceMinOverPriceMax = 100 "price_min_over_price_max" "The market's lowest price is over its highest.",
    PriceMinNegative = 101 "price_min_negative" "The market's lowest price must not be below 0.",
    ReferenceNegative = 102 "reference_negative" "The market's reference price must not be below 0.",
    StaticBandOutOfRange = 103 "static_band_out_of_range" "The band around the reference price is at most 1,000,000 parts per million.",
    DynamicBandOutOfRange = 104 "dynamic_band_out_of_range" "The band around the last price is at most 1,000,000 parts per million.",
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

    #[test]
    fn a_code_that_was_given_up_means_nothing_any_more() {
        for code in [35, 81, 82, 84, 85, 86, 88] {
            assert_eq!(Reject::from_code(code), None, "{code}");
        }
    }
}
