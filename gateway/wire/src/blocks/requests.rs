//! Requests: every one begins with its request number.

use tidegate_domain::{
    AssetAmount, AssetId, MarketId, Nanos, OnDisconnect, OrderType, Price, Qty, QuoteMode, RequestNumber, SelfTrade,
    Side, TimeInForce, Timestamp,
};

use crate::field::{Field, FieldError, Pad};
use crate::layout::{BLOCK_LENGTH_FIELD, Block, FieldLayout, MessageLayout, Origin, message};
use crate::reason::TargetKind;

message!(NewOrderBlock "NewOrder" = 16, Client, start 0, block 32, "Asks for a new order." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 price: Price = "In ticks; 0 for a market order.",
    16 qty: Qty = "In lots.",
    24 market: MarketId = "Where.",
    28 side: Side = "Which side.",
    29 order_type: OrderType = "How its price is found.",
    30 time_in_force: TimeInForce = "How long it stays.",
    31 post_only: bool = "Reject it rather than let it take.",
});
message!(CancelOrderBlock "CancelOrder" = 17, Client, start 0, block 24, "Asks to cancel one order." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 target: u64 = "Which order, as target_kind says.",
    16 target_kind: TargetKind = "Whether target is an order id or the request number that created the order.",
    17 padding: Pad<7> = "Zero.",
});
message!(ReduceOrderBlock "ReduceOrder" = 18, Client, start 0, block 32, "Asks to take quantity off one order; it keeps its priority." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 target: u64 = "Which order, as target_kind says.",
    16 by: Qty = "In lots.",
    24 target_kind: TargetKind = "Whether target is an order id or the request number that created the order.",
    25 padding: Pad<7> = "Zero.",
});
message!(CancelAllBlock "CancelAll" = 19, Client, start 0, block 32, "Asks to cancel every order of the account that matches all that is given." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 price_low: Price = "Lowest limit price in ticks; 0 is any.",
    16 price_high: Price = "Highest limit price in ticks; 0 is any.",
    24 market: Option<MarketId> = "In which market; 0 for all.",
    28 side: Option<Side> = "On which side.",
    29 group: u8 = "Of which group; 0 is any.",
    30 padding: Pad<2> = "Zero.",
});
message!(NewOrderFullBlock "NewOrderFull" = 20, Client, start 0, block 80, "Asks for a new order, with everything that an order can have." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 price: Price = "In ticks; 0 for a market, budget or stop order.",
    16 qty: Qty = "In lots; 0 for a budget order.",
    24 trigger: Price = "Of a stop order: where it triggers, in ticks; else 0.",
    32 display: Qty = "Of an iceberg: how much is shown at a time, in lots; else 0.",
    40 expires: Timestamp = "Of a good-till-date order: when it leaves, nanoseconds since 1970; else 0.",
    48 budget: AssetAmount = "Of a budget order: smallest units of the quote asset; else 0.",
    64 market: MarketId = "Where.",
    68 side: Side = "Which side.",
    69 order_type: OrderType = "How its price is found.",
    70 time_in_force: TimeInForce = "How long it stays.",
    71 post_only: bool = "Reject it rather than let it take.",
    72 reprice: bool = "Of a post-only order: re-price it rather than reject it.",
    73 self_trade: SelfTrade = "What becomes of two orders of one owner that would trade with each other.",
    74 group: u8 = "The client's own grouping, 1 to 255; 0 is none.",
    75 on_disconnect: OnDisconnect = "What becomes of it when its session stays away longer than its grace time.",
    76 padding: Pad<4> = "Zero.",
});
message!(ReplaceOrderBlock "ReplaceOrder" = 21, Client, start 0, block 40, "Asks to give one order another price and another total quantity." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 target: u64 = "Which order, as target_kind says.",
    16 price: Price = "Its new limit in ticks.",
    24 qty: Qty = "Its new quantity in lots, what is filled already included.",
    32 target_kind: TargetKind = "Whether target is an order id or the request number that created the order.",
    33 padding: Pad<7> = "Zero.",
});
message!(SetProtectionBlock "SetProtection" = 22, Client, start 0, block 32, "Sets what pulls the orders of a group of the account, and clears its counts. All 0: no protection." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 window: Nanos = "How long fills are counted together, in nanoseconds.",
    16 qty_max: Qty = "Most that is filled in a window, in lots; 0 is none.",
    24 count_max: u32 = "Most fills in a window; 0 is none.",
    28 group: u8 = "The group, from 1.",
    29 padding: Pad<3> = "Zero.",
});
message!(ResetProtectionBlock "ResetProtection" = 23, Client, start 0, block 16, "Lets a group whose protection was triggered trade again." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 group: u8 = "The group.",
    9 padding: Pad<7> = "Zero.",
});
message!(SetKillSwitchBlock "SetKillSwitch" = 24, Client, start 0, block 16, "Engages or releases the kill switch of the account. Answered by Outcome." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 engaged: bool = "Whether it is engaged from here on.",
    9 padding: Pad<7> = "Zero.",
});
message!(MassQuoteBlock "MassQuote" = 25, Client, start 0, block 16, "Puts, replaces or withdraws up to 15 two-sided quotes of the account." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 group: u8 = "The client's own grouping; part of which quote is meant. 0 is a group here.",
    9 mode: QuoteMode = "Whether the quotes may take.",
    10 self_trade: SelfTrade = "What becomes of two orders of one owner that would trade with each other.",
    11 padding: Pad<5> = "Zero.",
});
message!(GroupSize "GroupSize" = 0, Client, start 0, block 8, "Dimensions of a repeating group, before its entries." {
    0 entry_length: u16 = "Bytes of one entry.",
    2 count: u16 = "How many entries follow.",
    4 padding: Pad<4> = "Zero.",
});
message!(QuoteEntry "quotes" = 0, Client, start 0, block 40, "Its quotes. A side with price 0 and quantity 0 is withdrawn." {
    0 bid_price: Price = "To buy, in ticks.",
    8 bid_qty: Qty = "How much is left from here on, in lots.",
    16 ask_price: Price = "To sell, in ticks.",
    24 ask_qty: Qty = "How much is left from here on, in lots.",
    32 market: MarketId = "Where.",
    36 padding: Pad<4> = "Zero.",
});
message!(CancelAllAfterBlock "CancelAllAfter" = 26, Client, start 0, block 16, "Arms the key's own timer anew: when it is due, every open order that this key created is cancelled, whether or not it is logged on." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 timeout: Nanos = "From now, in nanoseconds: 100 ms to 24 h; 0 disarms it.",
});
message!(QueryOrderBlock "QueryOrder" = 27, Client, start 0, block 24, "Asks for one open order of the account." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 target: u64 = "Which order, as target_kind says.",
    16 target_kind: TargetKind = "Whether target is an order id or the request number that created the order.",
    17 padding: Pad<7> = "Zero.",
});
message!(QueryOrdersBlock "QueryOrders" = 28, Client, start 0, block 16, "Asks for every open order of the account." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 market: Option<MarketId> = "In which market; 0 for all.",
    12 padding: Pad<4> = "Zero.",
});
message!(QueryBalancesBlock "QueryBalances" = 29, Client, start 0, block 16, "Asks what the account has." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 asset: Option<AssetId> = "Of which asset; 0 for all.",
    12 padding: Pad<4> = "Zero.",
});
