//! Reports: every one begins with the report header.

use tidegate_domain::{
    AccountId, AssetAmount, AssetId, CancelReason, CommandKind, Epoch, KeyId, Liquidity, MarketId, OnDisconnect,
    OrderId, OrderType, Price, Qty, Reject, RequestNumber, SelfTrade, Sequence, SessionSequence, Side, TimeInForce,
    Timestamp,
};

use crate::field::{Field, FieldError, Pad};
use crate::layout::{BLOCK_LENGTH_FIELD, Block, FieldLayout, MessageLayout, Origin, message};

/// Length of the header that every report begins with.
pub(crate) const REPORT_HEAD_LEN_BYTES: usize = ReportHead::LEN;

message!(ReportHead "ReportHead" = 0, Server, start 0, block 72, "What every report begins with." {
    0 session_sequence: SessionSequence = "Position among the key's reports: dense, from 1.",
    8 request: RequestNumber = "The request that this answers; on a later report of an order, the one that created it.",
    16 sequence: Sequence = "The command that caused it: its place in the journal.",
    24 time: Timestamp = "When the sequencer took that command, nanoseconds since 1970.",
    32 account: AccountId = "Whose.",
    36 market: MarketId = "Where; 0 where no market is concerned.",
    40 epoch: Epoch = "The leadership term of that command.",
    44 index: u32 = "Position among the events of that command.",
    48 degraded: bool = "Released by a primary without a standby: safe on one disk only.",
    49 last: bool = "The last event of its command.",
    50 tokens: u16 = "Tokens that the key has left; 65535 where there are as many or more, or no limit.",
    52 key: KeyId = "The key whose report it is: on a drop copy, any of the owner group.",
    56 received: Timestamp = "When the gateway read the request that this answers, nanoseconds since 1970; 0 where it is no answer to a request of this connection.",
    64 sent: Timestamp = "When the gateway wrote this report, nanoseconds since 1970.",
});
message!(OrderAccepted "OrderAccepted" = 96, Server, start 72, block 104, "A new order was taken." {
    72 order: OrderId = "Its id.",
    80 price: Price = "Its limit in ticks; 0 for a market order.",
    88 qty: Qty = "Its quantity in lots.",
    96 side: Side = "Its side.",
    97 order_type: OrderType = "How its price is found.",
    98 time_in_force: TimeInForce = "How long it stays.",
    99 post_only: bool = "Whether it may only rest.",
    100 padding: Pad<4> = "Zero.",
});
message!(FillBlock "Fill" = 97, Server, start 72, block 136, "One side of one trade. The trade is (sequence, index of the taker's fill); the maker's fill has the next index." {
    72 order: OrderId = "The order that was filled.",
    80 counter_order: OrderId = "The order on the other side.",
    88 price: Price = "Price of the trade in ticks.",
    96 qty: Qty = "Quantity of the trade in lots.",
    104 leaves: Qty = "What is left of the order.",
    112 fee: AssetAmount = "Smallest units of the asset that this side receives (buyer: base, seller: quote).",
    128 side: Side = "Side of the order.",
    129 liquidity: Liquidity = "Whether the order rested or came in.",
    130 is_rebate: bool = "The fee is none but a rebate: this side gets it, in the asset that it pays.",
    131 padding: Pad<5> = "Zero.",
});
message!(OrderCancelled "OrderCancelled" = 98, Server, start 72, block 104, "An order, or what was left of it, is gone." {
    72 order: OrderId = "Which.",
    80 price: Price = "Its limit in ticks.",
    88 cancelled: Qty = "What was left of it.",
    96 side: Side = "Its side.",
    97 reason: CancelReason = "Why.",
    98 padding: Pad<6> = "Zero.",
});
message!(OrderReduced "OrderReduced" = 99, Server, start 72, block 112, "An order became smaller and kept its priority." {
    72 order: OrderId = "Which.",
    80 price: Price = "Its limit in ticks.",
    88 by: Qty = "What was taken off.",
    96 leaves: Qty = "What is left.",
    104 side: Side = "Its side.",
    105 padding: Pad<7> = "Zero.",
});
message!(CancelAllDone "CancelAllDone" = 100, Server, start 72, block 80, "A cancel-all is complete; its OrderCancelled reports came before." {
    72 cancelled: u64 = "How many orders went.",
});
message!(Rejected "Rejected" = 101, Server, start 72, block 80, "A request was refused by the engine and changed nothing; its number is used up." {
    72 reason: Reject = "Why.",
    74 command: CommandKind = "What was asked.",
    76 padding: Pad<4> = "Zero.",
});
message!(Outcome "Outcome" = 102, Server, start 72, block 96, "Answer to a request that was applied before: what came of it then." {
    72 original: Sequence = "The command that was applied.",
    80 order: Option<OrderId> = "The order that it created; 0 for none.",
    88 reject: Option<Reject> = "Its reject.",
    90 command: CommandKind = "What was asked.",
    92 padding: Pad<4> = "Zero.",
});

message!(OrderReplaced "OrderReplaced" = 103, Server, start 72, block 112, "An order has another price and quantity." {
    72 order: OrderId = "Which.",
    80 price: Price = "Its limit in ticks from here on.",
    88 leaves: Qty = "What is left of it from here on.",
    96 displayed: Qty = "How much of that is shown while it rests.",
    104 side: Side = "Its side.",
    105 kept_place: bool = "Whether it kept its place in the queue.",
    106 padding: Pad<6> = "Zero.",
});
message!(OrderTriggered "OrderTriggered" = 104, Server, start 72, block 104, "A stop order was triggered and trades from here on." {
    72 order: OrderId = "Which.",
    80 price: Price = "Its limit in ticks; 0 for a stop without.",
    88 leaves: Qty = "Its quantity.",
    96 side: Side = "Its side.",
    97 padding: Pad<7> = "Zero.",
});
message!(OrderRefreshed "OrderRefreshed" = 105, Server, start 72, block 104, "The next part of an iceberg is shown, at the tail of its price." {
    72 order: OrderId = "Which.",
    80 price: Price = "Its limit in ticks.",
    88 displayed: Qty = "What is shown.",
    96 side: Side = "Its side.",
    97 padding: Pad<7> = "Zero.",
});
message!(ProtectionSet "ProtectionSet" = 106, Server, start 72, block 96, "A group's protection was set." {
    72 window_ns: u64 = "How long fills are counted together, in nanoseconds.",
    80 qty_max: Qty = "Most that is filled in a window; 0 is none.",
    88 count_max: u32 = "Most fills in a window; 0 is none.",
    92 group: u32 = "The group.",
});
message!(ProtectionReset "ProtectionReset" = 107, Server, start 72, block 80, "A group may trade again." {
    72 group: u32 = "The group.",
    76 padding: Pad<4> = "Zero.",
});
message!(ProtectionTriggered "ProtectionTriggered" = 108, Server, start 72, block 80, "A group's fills reached a limit: its orders are cancelled next." {
    72 group: u32 = "The group.",
    76 padding: Pad<4> = "Zero.",
});
message!(QuoteRejected "QuoteRejected" = 109, Server, start 72, block 80, "One side of a quote was refused; what was quoted there before is cancelled next." {
    72 quote: u32 = "Which quote of the mass quote, from 0.",
    76 reason: Reject = "Why.",
    78 side: Side = "Which side of it.",
    79 padding: Pad<1> = "Zero.",
});
message!(MassQuoteDone "MassQuoteDone" = 110, Server, start 72, block 88, "A mass quote is complete: what became of its sides came before this." {
    72 accepted: u32 = "Sides that were taken, as new orders or as replacements.",
    76 withdrawn: u32 = "Orders that were withdrawn as asked.",
    80 rejected: u32 = "Sides that were refused.",
    84 padding: Pad<4> = "Zero.",
});
message!(OrderAcceptedFull "OrderAcceptedFull" = 111, Server, start 72, block 144, "A new order was taken that has more than the short message says." {
    72 order: OrderId = "Its id.",
    80 price: Price = "Its limit in ticks; 0 for a market, budget or stop order.",
    88 qty: Qty = "Its quantity in lots; 0 for a budget order.",
    96 trigger: Price = "Of a stop order: where it triggers, in ticks.",
    104 display: Qty = "Of an iceberg: how much is shown at a time, in lots.",
    112 expires: Timestamp = "Of a good-till-date order: when it leaves.",
    120 budget: AssetAmount = "Of a budget order: smallest units of the quote asset.",
    136 side: Side = "Its side.",
    137 order_type: OrderType = "How its price is found.",
    138 time_in_force: TimeInForce = "How long it stays.",
    139 post_only: bool = "Whether it may only rest.",
    140 reprice: bool = "Whether it is re-priced rather than rejected.",
    141 self_trade: SelfTrade = "What becomes of two orders of one owner that would trade with each other.",
    142 group: u8 = "The client's own grouping.",
    143 on_disconnect: OnDisconnect = "What becomes of it when its session stays away longer than its grace time.",
});
message!(OrderStatusBlock "OrderStatus" = 112, Server, start 72, block 160, "An open order, as a query found it." {
    72 order: OrderId = "Its id.",
    80 created_by: RequestNumber = "With which request of its key it was created.",
    88 price: Price = "Its limit in ticks; 0 for a stop without.",
    96 leaves: Qty = "All that is left of it, in lots.",
    104 filled: Qty = "What was filled before, in lots.",
    112 displayed: Qty = "How much of what is left is shown.",
    120 trigger: Price = "Of a stop that waits: where it triggers; else 0.",
    128 expires: Timestamp = "When it leaves; 0 is never.",
    136 creator: KeyId = "Which key created it.",
    140 side: Side = "Its side.",
    141 order_type: OrderType = "What it is now.",
    142 time_in_force: TimeInForce = "How long it stays.",
    143 post_only: bool = "Whether it may only rest.",
    144 reprice: bool = "Whether it is re-priced rather than rejected.",
    145 is_quote: bool = "Whether it is one side of a quote.",
    146 self_trade: SelfTrade = "What becomes of two orders of one owner that would trade with each other.",
    147 group: u8 = "The client's own grouping.",
    148 on_disconnect: OnDisconnect = "What becomes of it when its session stays away longer than its grace time.",
    149 padding: Pad<11> = "Zero.",
});
message!(BalanceStatus "BalanceStatus" = 113, Server, start 72, block 128, "What the account has of an asset, as a query found it." {
    72 available: AssetAmount = "What it can use, in smallest units.",
    88 held: AssetAmount = "What its open orders hold.",
    104 pending: AssetAmount = "What waits as withdrawals.",
    120 asset: AssetId = "Which.",
    124 padding: Pad<4> = "Zero.",
});
message!(QueryDone "QueryDone" = 114, Server, start 72, block 80, "A query is answered: what it found came before this." {
    72 count: u64 = "How many.",
});
message!(CancelAllAfterSet "CancelAllAfterSet" = 115, Server, start 72, block 80, "The key's own timer was set." {
    72 deadline: Timestamp = "When its orders go, nanoseconds since 1970; 0: it is disarmed.",
});
message!(CancelAllAfterFired "CancelAllAfterFired" = 116, Server, start 72, block 80, "The key's own timer was due, and is disarmed: its cancelled orders came before this." {
    72 cancelled: u64 = "How many orders went.",
});
