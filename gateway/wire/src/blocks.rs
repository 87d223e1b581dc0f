//! Every message of the protocol, declared once: template id, offsets, types and meanings.
//!
//! ```text
//! templates   1..=15  session messages       16..=63  requests: each begins with its request number
//!            64..=95  the gateway's messages 96..     reports: each begins with the report header
//! ```
//!
//! Invariants: a published template never changes; a newer version appends to its block. See `layout` for what the
//! compiler proves of each. Owning thread: none.

use tidegate_domain::{
    AccountId, AssetAmount, AssetId, CancelReason, ClusterId, CommandKind, Epoch, FeeRate, KeyId, Liquidity, MarketId,
    MarketState, Name, NodeId, OrderId, OrderType, Price, Qty, Reject, RequestNumber, Sequence, SessionId,
    SessionSequence, Side, TimeInForce, Timestamp,
};

use crate::field::{Field, FieldError, Pad, TargetKind, Text};
use crate::layout::{BLOCK_LENGTH_FIELD, Block, FieldLayout, MessageLayout, Origin, message};
use crate::reason::{GatewayReject, LogoutReason, RefusedField};

/// Templates of requests. Every one begins with its request number, also one that this build does not know.
pub(crate) const REQUEST_TEMPLATES: std::ops::RangeInclusive<u16> = 16..=63;
/// Length of the header that every report begins with.
pub(crate) const REPORT_HEAD_LEN_BYTES: usize = ReportHead::LEN;

message!(LogonBlock "Logon" = 1, Client, start 0, block 88, "Answers the challenge. The first message of a client." {
    0 key: KeyId = "The key that signs.",
    4 heartbeat_ms: u32 = "Each side sends something at least this often.",
    8 last_session_sequence: SessionSequence = "The last report that the client has; 0 for none. Later ones are replayed.",
    16 grace_ms: u32 = "How long the client may stay away before its orders go.",
    20 cancel_on_disconnect: bool = "Whether its orders go when it stays away longer than that.",
    21 padding: Pad<3> = "Zero.",
    24 signature: [u8; 64] = "Ed25519 over the logon bytes.",
});
message!(HeartbeatBlock "Heartbeat" = 2, Both, start 0, block 0, "Says that the sender is there." {});
message!(ClientLogoutBlock "ClientLogout" = 3, Client, start 0, block 0, "Ends the session; the gateway answers with Logout and closes." {});

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
message!(CancelAllBlock "CancelAll" = 19, Client, start 0, block 16, "Asks to cancel every order of the account." {
    0 request: RequestNumber = "Strictly increasing per key, from 1.",
    8 market: MarketId = "In which market; 0 for all.",
    12 padding: Pad<4> = "Zero.",
});

message!(ChallengeBlock "Challenge" = 64, Server, start 0, block 56, "The first message of the gateway: what the client must sign." {
    0 nonce: [u8; 32] = "Random, good for one logon on this connection.",
    32 cluster: ClusterId = "The cluster.",
    48 node: NodeId = "The node.",
    52 epoch: Epoch = "Its leadership term.",
});
message!(NotPrimaryBlock "NotPrimary" = 65, Server, start 0, block 72, "This node does not lead; the gateway closes after it." {
    0 epoch: Epoch = "The highest term that it knows.",
    4 padding: Pad<4> = "Zero.",
    8 address: Text = "Where the primary takes orders, as host:port; empty where it does not know.",
});
message!(LogonAcceptedBlock "LogonAccepted" = 66, Server, start 0, block 32, "The session is open. Market definitions, replayed reports and ReplayDone follow." {
    0 session: SessionId = "The gateway's number for it.",
    8 request_mark: RequestNumber = "Highest request number that was applied for this key.",
    16 report_mark: SessionSequence = "Number of the last report made for this key.",
    24 epoch: Epoch = "The leadership term.",
    28 heartbeat_ms: u32 = "The interval that holds for both sides.",
});
message!(ReplayDoneBlock "ReplayDone" = 67, Server, start 0, block 8, "Every report up to report_mark was sent; requests are taken from here on." {
    0 report_mark: SessionSequence = "Number of the last replayed report.",
});
message!(MarketDefinitionBlock "MarketDefinition" = 68, Server, start 0, block 72, "A market, after logon and whenever one is created or changes its state." {
    0 name: Name = "Its name.",
    16 base_units_per_lot: u64 = "Smallest units of the base asset in one lot.",
    24 quote_units_per_tick_lot: u64 = "Smallest units of the quote asset that one lot costs per tick.",
    32 qty_max: Qty = "Largest quantity of one order.",
    40 price_max: Price = "Highest price of one order.",
    48 market: MarketId = "Its id.",
    52 base: AssetId = "The asset that is traded.",
    56 quote: AssetId = "The asset that pays.",
    60 maker_fee: FeeRate = "Fee of the resting side in parts per million.",
    64 taker_fee: FeeRate = "Fee of the incoming side in parts per million.",
    68 state: MarketState = "What it accepts.",
    69 padding: Pad<3> = "Zero.",
});
message!(LogoutBlock "Logout" = 69, Server, start 0, block 80, "The gateway ends the connection." {
    0 reason: LogoutReason = "Why.",
    2 padding: Pad<6> = "Zero.",
    8 resume_after: SessionSequence = "The last report that was sent on this connection.",
    16 detail: Text = "Field, value and limit, for people.",
});
message!(RequestRefusedBlock "RequestRefused" = 70, Server, start 0, block 32, "A request was refused before it became a command: not journaled, its number is not used up." {
    0 request: RequestNumber = "Which; 0 where it could not be read.",
    8 value: u64 = "What the field held.",
    16 limit: u64 = "The limit that it broke; 0 where the rule is not a limit.",
    24 reason: GatewayReject = "Why.",
    26 field: RefusedField = "Which field.",
    28 padding: Pad<4> = "Zero.",
});

message!(ReportHead "ReportHead" = 0, Server, start 0, block 56, "What every report begins with." {
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
    50 padding: Pad<6> = "Zero.",
});
message!(OrderAccepted "OrderAccepted" = 96, Server, start 56, block 88, "A new order was taken." {
    56 order: OrderId = "Its id.",
    64 price: Price = "Its limit in ticks; 0 for a market order.",
    72 qty: Qty = "Its quantity in lots.",
    80 side: Side = "Its side.",
    81 order_type: OrderType = "How its price is found.",
    82 time_in_force: TimeInForce = "How long it stays.",
    83 post_only: bool = "Whether it may only rest.",
    84 padding: Pad<4> = "Zero.",
});
message!(FillBlock "Fill" = 97, Server, start 56, block 120, "One side of one trade. The trade is (sequence, index of the taker's fill); the maker's fill has the next index." {
    56 order: OrderId = "The order that was filled.",
    64 counter_order: OrderId = "The order on the other side.",
    72 price: Price = "Price of the trade in ticks.",
    80 qty: Qty = "Quantity of the trade in lots.",
    88 leaves: Qty = "What is left of the order.",
    96 fee: AssetAmount = "Smallest units of the asset that this side receives (buyer: base, seller: quote).",
    112 side: Side = "Side of the order.",
    113 liquidity: Liquidity = "Whether the order rested or came in.",
    114 is_rebate: bool = "The fee is none but a rebate: this side gets it, in the asset that it pays.",
    115 padding: Pad<5> = "Zero.",
});
message!(OrderCancelled "OrderCancelled" = 98, Server, start 56, block 88, "An order, or what was left of it, is gone." {
    56 order: OrderId = "Which.",
    64 price: Price = "Its limit in ticks.",
    72 cancelled: Qty = "What was left of it.",
    80 side: Side = "Its side.",
    81 reason: CancelReason = "Why.",
    82 padding: Pad<6> = "Zero.",
});
message!(OrderReduced "OrderReduced" = 99, Server, start 56, block 96, "An order became smaller and kept its priority." {
    56 order: OrderId = "Which.",
    64 price: Price = "Its limit in ticks.",
    72 by: Qty = "What was taken off.",
    80 leaves: Qty = "What is left.",
    88 side: Side = "Its side.",
    89 padding: Pad<7> = "Zero.",
});
message!(CancelAllDone "CancelAllDone" = 100, Server, start 56, block 64, "A cancel-all is complete; its OrderCancelled reports came before." {
    56 cancelled: u64 = "How many orders went.",
});
message!(Rejected "Rejected" = 101, Server, start 56, block 64, "A request was refused by the engine and changed nothing; its number is used up." {
    56 reason: Reject = "Why.",
    58 command: CommandKind = "What was asked.",
    60 padding: Pad<4> = "Zero.",
});
message!(Outcome "Outcome" = 102, Server, start 56, block 80, "Answer to a request that was applied before: what came of it then." {
    56 original: Sequence = "The command that was applied.",
    64 order: OrderId = "The order that it created; 0 for none.",
    72 reject: Option<Reject> = "Its reject.",
    74 command: CommandKind = "What was asked.",
    76 padding: Pad<4> = "Zero.",
});

message!(OrderReplaced "OrderReplaced" = 103, Server, start 56, block 96, "An order has another price and quantity." {
    56 order: OrderId = "Which.",
    64 price: Price = "Its limit in ticks from here on.",
    72 leaves: Qty = "What is left of it from here on.",
    80 displayed: Qty = "How much of that is shown while it rests.",
    88 side: Side = "Its side.",
    89 kept_place: bool = "Whether it kept its place in the queue.",
    90 padding: Pad<6> = "Zero.",
});
message!(OrderTriggered "OrderTriggered" = 104, Server, start 56, block 88, "A stop order was triggered and trades from here on." {
    56 order: OrderId = "Which.",
    64 price: Price = "Its limit in ticks; 0 for a stop without.",
    72 leaves: Qty = "Its quantity.",
    80 side: Side = "Its side.",
    81 padding: Pad<7> = "Zero.",
});
message!(OrderRefreshed "OrderRefreshed" = 105, Server, start 56, block 88, "The next part of an iceberg is shown, at the tail of its price." {
    56 order: OrderId = "Which.",
    64 price: Price = "Its limit in ticks.",
    72 displayed: Qty = "What is shown.",
    80 side: Side = "Its side.",
    81 padding: Pad<7> = "Zero.",
});
message!(ProtectionSet "ProtectionSet" = 106, Server, start 56, block 80, "A group's protection was set." {
    56 window_ns: u64 = "How long fills are counted together, in nanoseconds.",
    64 qty_max: Qty = "Most that is filled in a window; 0 is none.",
    72 count_max: u32 = "Most fills in a window; 0 is none.",
    76 group: u32 = "The group.",
});
message!(ProtectionReset "ProtectionReset" = 107, Server, start 56, block 64, "A group may trade again." {
    56 group: u32 = "The group.",
    60 padding: Pad<4> = "Zero.",
});
message!(ProtectionTriggered "ProtectionTriggered" = 108, Server, start 56, block 64, "A group's fills reached a limit: its orders are cancelled next." {
    56 group: u32 = "The group.",
    60 padding: Pad<4> = "Zero.",
});
message!(QuoteRejected "QuoteRejected" = 109, Server, start 56, block 64, "One side of a quote was refused; what was quoted there before is cancelled next." {
    56 quote: u32 = "Which quote of the mass quote, from 0.",
    60 reason: Reject = "Why.",
    62 side: Side = "Which side of it.",
    63 padding: Pad<1> = "Zero.",
});
message!(MassQuoteDone "MassQuoteDone" = 110, Server, start 56, block 72, "A mass quote is complete: what became of its sides came before this." {
    56 accepted: u32 = "Sides that were taken, as new orders or as replacements.",
    60 withdrawn: u32 = "Orders that were withdrawn as asked.",
    64 rejected: u32 = "Sides that were refused.",
    68 padding: Pad<4> = "Zero.",
});

/// The layout of every message, in the order of the template ids: the source of `PROTOCOL.md`.
#[must_use]
pub fn layout_tables() -> Vec<MessageLayout> {
    let head = ReportHead::layout().fields;
    let report = |mut layout: MessageLayout| {
        layout.fields.splice(0..0, head.iter().copied());
        layout
    };
    vec![
        LogonBlock::layout(),
        HeartbeatBlock::layout(),
        ClientLogoutBlock::layout(),
        NewOrderBlock::layout(),
        CancelOrderBlock::layout(),
        ReduceOrderBlock::layout(),
        CancelAllBlock::layout(),
        ChallengeBlock::layout(),
        NotPrimaryBlock::layout(),
        LogonAcceptedBlock::layout(),
        ReplayDoneBlock::layout(),
        MarketDefinitionBlock::layout(),
        LogoutBlock::layout(),
        RequestRefusedBlock::layout(),
        report(OrderAccepted::layout()),
        report(FillBlock::layout()),
        report(OrderCancelled::layout()),
        report(OrderReduced::layout()),
        report(CancelAllDone::layout()),
        report(Rejected::layout()),
        report(Outcome::layout()),
        report(OrderReplaced::layout()),
        report(OrderTriggered::layout()),
        report(OrderRefreshed::layout()),
        report(ProtectionSet::layout()),
        report(ProtectionReset::layout()),
        report(ProtectionTriggered::layout()),
        report(QuoteRejected::layout()),
        report(MassQuoteDone::layout()),
    ]
}
