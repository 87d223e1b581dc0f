//! Every message of the feed, declared once: template id, offsets, types and meanings.
//!
//! ```text
//! templates 128..=131  the datagram's header and a client's requests     140..=147  answers of the server
//!           160..=168  numbered messages: each begins with the feed head  176..=178  pieces of a snapshot
//! ```
//!
//! Invariants: as in `blocks` of the client protocol: a published template never changes. Owning thread: none.

use tidegate_domain::{Epoch, MarketId, MarketState, Name, NodeId, OrderId, Price, Qty, Sequence, Side, Timestamp};

use super::fields::{FeedChannel, FeedLogoutReason, FeedNumber, FeedRefusal, FeedService, MarketNumber};
use crate::field::{Field, FieldError, Pad, Text};
use crate::layout::{BLOCK_LENGTH_FIELD, Block, FieldLayout, MessageLayout, Origin, message};

message!(PacketBlock "FeedPacket" = 128, Server, start 0, block 24, "The first frame of every datagram: what the frames after it are." {
    0 stream: u64 = "Identity of the numbering: the time of the journal's first record. Another one means that all numbers began anew.",
    8 first_number: FeedNumber = "Increments: number of the first message, or, without any, of the next one to come. Snapshot: the number that it includes.",
    16 market: MarketId = "Snapshot: its market. Increments: 0.",
    20 channel: FeedChannel = "Which channel.",
    21 service: FeedService = "What the frames are.",
    22 padding: Pad<2> = "Zero.",
});
message!(SubscribeBlock "FeedSubscribe" = 129, Client, start 0, block 24, "Asks for a channel, of one market or of all." {
    0 from: FeedNumber = "The first message that is wanted; 0 for a snapshot and what comes after it.",
    8 market: MarketId = "Which market; 0 for all.",
    12 epoch: Epoch = "The term of the last message that the client has on the channel; 0 where from is 0.",
    16 channel: FeedChannel = "Which channel.",
    17 padding: Pad<7> = "Zero.",
});
message!(RetransmitBlock "FeedRetransmit" = 130, Client, start 0, block 16, "Asks for messages that were lost." {
    0 first: FeedNumber = "Number of the first.",
    8 count: u32 = "How many, from 1.",
    12 channel: FeedChannel = "Of which channel.",
    13 padding: Pad<3> = "Zero.",
});
message!(SnapshotRequestBlock "FeedSnapshotRequest" = 131, Client, start 0, block 8, "Asks for the snapshot of a market, without what comes after it." {
    0 market: MarketId = "Which market; 0 for all.",
    4 channel: FeedChannel = "On which channel.",
    5 padding: Pad<3> = "Zero.",
});

message!(HelloBlock "FeedHello" = 140, Server, start 0, block 72, "The first message of the server." {
    0 stream: u64 = "Identity of the numbering: the time of the journal's first record; 0 where there is none yet.",
    8 node: NodeId = "The node.",
    12 heartbeat_ms: u32 = "The server says something at least this often; the client within ten of these.",
    16 oldest_orders: FeedNumber = "The oldest message of the channel orders that is kept.",
    24 oldest_levels: FeedNumber = "The same of levels.",
    32 oldest_trades: FeedNumber = "The same of trades.",
    40 next_orders: FeedNumber = "The next message of the channel orders.",
    48 next_levels: FeedNumber = "The same of levels.",
    56 next_trades: FeedNumber = "The same of trades.",
    64 retransmit_max: u32 = "Most messages that one FeedRetransmit may ask for.",
    68 padding: Pad<4> = "Zero.",
});
message!(HeartbeatBlock "FeedHeartbeat" = 141, Server, start 0, block 24, "Nothing is missing up to these numbers; sent when nothing else was." {
    0 next_orders: FeedNumber = "The next message of the channel orders.",
    8 next_levels: FeedNumber = "The same of levels.",
    16 next_trades: FeedNumber = "The same of trades.",
});
message!(SubscribedBlock "FeedSubscribed" = 142, Server, start 0, block 24, "Markets and snapshots of the subscription were sent; its messages follow, all of them from number first on." {
    0 first: FeedNumber = "No message of the subscription from this number on is left out.",
    8 market: MarketId = "As asked.",
    12 channel: FeedChannel = "As asked.",
    13 padding: Pad<3> = "Zero.",
    16 next: FeedNumber = "The next message of the channel, at this moment.",
});
message!(GapBlock "FeedGap" = 143, Server, start 0, block 24, "Messages of the channel that were asked for are not kept any more; snapshots follow." {
    0 first: FeedNumber = "The first that is missing.",
    8 last: FeedNumber = "The last that is missing.",
    16 market: MarketId = "As asked.",
    20 channel: FeedChannel = "Which channel.",
    21 padding: Pad<3> = "Zero.",
});
message!(RetransmittedBlock "FeedRetransmitted" = 144, Server, start 0, block 16, "All messages of a FeedRetransmit were sent." {
    0 first: FeedNumber = "Number of the first.",
    8 count: u32 = "How many.",
    12 channel: FeedChannel = "Of which channel.",
    13 padding: Pad<3> = "Zero.",
});
message!(RefusedBlock "FeedRefused" = 145, Server, start 0, block 48, "A request was refused; the connection goes on." {
    0 first: FeedNumber = "The first number of the request; 0 where it had none.",
    8 oldest: FeedNumber = "The oldest message of the channel that is kept.",
    16 next: FeedNumber = "The next message of the channel.",
    24 limit: u64 = "The limit that was broken; 0 where the rule is not a limit.",
    32 market: MarketId = "The market of the request; 0 where it had none.",
    36 retry_after_ms: u32 = "When to ask again; 0 where asking again does not help.",
    40 reason: FeedRefusal = "Why.",
    42 channel: FeedChannel = "The channel of the request.",
    43 padding: Pad<5> = "Zero.",
});
message!(LogoutBlock "FeedLogout" = 146, Server, start 0, block 96, "The server ends the connection." {
    0 resume_orders: FeedNumber = "The next message of the channel orders that this connection would have got.",
    8 resume_levels: FeedNumber = "The same of levels.",
    16 resume_trades: FeedNumber = "The same of trades.",
    24 reason: FeedLogoutReason = "Why.",
    26 padding: Pad<6> = "Zero.",
    32 detail: Text = "Field, value and limit, for people.",
});

/// Length of the head that every numbered message begins with.
pub(crate) const FEED_HEAD_LEN_BYTES: usize = FeedHeadBlock::LEN;

message!(FeedHeadBlock "FeedHead" = 0, Server, start 0, block 48, "What every numbered message begins with." {
    0 number: FeedNumber = "Position on the channel: dense, from 1.",
    8 market_number: MarketNumber = "Position among the messages of this market on the channel: dense, from 1.",
    16 sequence: Sequence = "The command that caused it: its place in the journal.",
    24 time: Timestamp = "When the sequencer took that command, nanoseconds since 1970.",
    32 market: MarketId = "Which market.",
    36 epoch: Epoch = "The leadership term of that command.",
    40 index: u32 = "The event of that command that caused it; of a trade with (sequence, index) its identity.",
    44 market_last: bool = "The last message of its command for this market: its book is consistent after it.",
    45 last: bool = "The last message of its command on this channel: every book is.",
    46 channel: FeedChannel = "On which channel.",
    47 padding: Pad<1> = "Zero.",
});
message!(MarketCreatedBlock "FeedMarket" = 160, Server, start 48, block 136, "A market was created, open and empty." {
    48 name: Name = "Its name.",
    64 base: Name = "Name of the asset that is traded.",
    80 quote: Name = "Name of the asset that pays.",
    96 base_units_per_lot: u64 = "Smallest units of the base asset in one lot.",
    104 quote_units_per_tick_lot: u64 = "Smallest units of the quote asset that one lot costs per tick.",
    112 base_id: u32 = "Id of the base asset.",
    116 quote_id: u32 = "Id of the quote asset.",
    120 base_decimals: u32 = "Decimal places of the base asset.",
    124 quote_decimals: u32 = "Decimal places of the quote asset.",
    128 state: MarketState = "What it accepts.",
    129 padding: Pad<7> = "Zero.",
});
message!(StateBlock "FeedMarketState" = 161, Server, start 48, block 56, "A market changed its state: halts and their ends." {
    48 state: MarketState = "What it accepts from here on.",
    49 padding: Pad<7> = "Zero.",
});
message!(OrderAddedBlock "FeedOrderAdded" = 162, Server, start 48, block 80, "An order is shown, at the tail of its price. The next part of an iceberg comes under its old id." {
    48 order: OrderId = "Its id.",
    56 price: Price = "Its price in ticks.",
    64 qty: Qty = "What is shown of it, in lots.",
    72 side: Side = "Its side.",
    73 padding: Pad<7> = "Zero.",
});
message!(OrderExecutedBlock "FeedOrderExecuted" = 163, Server, start 48, block 72, "An order that is shown traded." {
    48 order: OrderId = "Which.",
    56 qty: Qty = "How much traded, in lots; of an iceberg that is met twice by one taker it can be more than was shown.",
    64 displayed: Qty = "What is still shown; 0: it is taken off the book. It keeps its place.",
});
message!(OrderChangedBlock "FeedOrderChanged" = 164, Server, start 48, block 64, "What is shown of an order changed; it keeps its place." {
    48 order: OrderId = "Which.",
    56 displayed: Qty = "What is shown from here on, in lots; at least 1.",
});
message!(OrderDeletedBlock "FeedOrderDeleted" = 165, Server, start 48, block 56, "An order is taken off the book." {
    48 order: OrderId = "Which.",
});
message!(LevelBlock "FeedLevel" = 166, Server, start 48, block 80, "A level as it is after the command." {
    48 price: Price = "Its price in ticks.",
    56 lots: u128 = "What is shown at it, in lots; 0: it is gone.",
    72 orders: u32 = "Orders that are shown at it.",
    76 side: Side = "Its side.",
    77 padding: Pad<3> = "Zero.",
});
message!(TradeBlock "FeedTrade" = 167, Server, start 48, block 88, "A trade, at the resting order's price." {
    48 price: Price = "Its price in ticks.",
    56 qty: Qty = "Its quantity in lots.",
    64 taker_order: OrderId = "The order that came in.",
    72 maker_order: OrderId = "The order that rested.",
    80 taker_side: Side = "Side of the order that came in.",
    81 padding: Pad<7> = "Zero.",
});
message!(ChecksumBlock "FeedChecksum" = 168, Server, start 48, block 56, "The ten best levels of both sides, after all other messages of its command." {
    48 checksum: u32 = "CRC-32C of them, as FEED.md lays them out.",
    52 padding: Pad<4> = "Zero.",
});

/// Length of the head that every piece of a snapshot begins with.
pub(crate) const SNAPSHOT_HEAD_LEN_BYTES: usize = SnapshotHeadBlock::LEN;

message!(SnapshotHeadBlock "SnapshotHead" = 0, Server, start 0, block 24, "What every piece of a snapshot begins with." {
    0 number: FeedNumber = "The snapshot includes every message of the channel up to this one.",
    8 market: MarketId = "Which market.",
    12 position: u32 = "Position in the snapshot, from 0.",
    16 total: u32 = "Pieces of the snapshot, this one included.",
    20 channel: FeedChannel = "On which channel.",
    21 padding: Pad<3> = "Zero.",
});
message!(SnapshotBeginBlock "FeedSnapshotBegin" = 176, Server, start 24, block 160, "The first piece of a snapshot, position 0: the market. On the channel trades it is the only one." {
    24 market_number: MarketNumber = "The last message of this market that is included.",
    32 sequence: Sequence = "The last command that is included.",
    40 time: Timestamp = "When that was, nanoseconds since 1970.",
    48 name: Name = "The market's name.",
    64 base: Name = "Name of the asset that is traded.",
    80 quote: Name = "Name of the asset that pays.",
    96 base_units_per_lot: u64 = "Smallest units of the base asset in one lot.",
    104 quote_units_per_tick_lot: u64 = "Smallest units of the quote asset that one lot costs per tick.",
    112 base_id: u32 = "Id of the base asset.",
    116 quote_id: u32 = "Id of the quote asset.",
    120 base_decimals: u32 = "Decimal places of the base asset.",
    124 quote_decimals: u32 = "Decimal places of the quote asset.",
    128 state: MarketState = "What it accepts.",
    129 padding: Pad<3> = "Zero.",
    132 checksum: u32 = "CRC-32C of the ten best levels of both sides; 0 on the channel trades.",
    136 orders: u64 = "Orders that are shown; 0 on the channel trades.",
    144 stream: u64 = "Identity of the numbering, as in FeedHello.",
    152 epoch: Epoch = "The leadership term of the last command that is included.",
    156 padding_end: Pad<4> = "Zero.",
});
message!(SnapshotOrderBlock "FeedSnapshotOrder" = 177, Server, start 24, block 56, "An order. Bids come first, then asks, each in the order in which they would trade." {
    24 order: OrderId = "Its id.",
    32 price: Price = "Its price in ticks.",
    40 qty: Qty = "What is shown of it, in lots.",
    48 side: Side = "Its side.",
    49 padding: Pad<7> = "Zero.",
});
message!(SnapshotLevelBlock "FeedSnapshotLevel" = 178, Server, start 24, block 56, "A level. Bids come first, then asks, best first." {
    24 price: Price = "Its price in ticks.",
    32 lots: u128 = "What is shown at it, in lots.",
    48 orders: u32 = "Orders that are shown at it.",
    52 side: Side = "Its side.",
    53 padding: Pad<3> = "Zero.",
});

/// The layout of every message of the feed, in the order of the template ids.
pub(crate) fn layouts() -> Vec<MessageLayout> {
    let after = |head: MessageLayout| {
        move |mut layout: MessageLayout| {
            layout.fields.splice(0..0, head.fields.iter().copied());
            layout
        }
    };
    let (numbered, piece) = (after(FeedHeadBlock::layout()), after(SnapshotHeadBlock::layout()));
    vec![
        PacketBlock::layout(),
        SubscribeBlock::layout(),
        RetransmitBlock::layout(),
        SnapshotRequestBlock::layout(),
        HelloBlock::layout(),
        HeartbeatBlock::layout(),
        SubscribedBlock::layout(),
        GapBlock::layout(),
        RetransmittedBlock::layout(),
        RefusedBlock::layout(),
        LogoutBlock::layout(),
        numbered(MarketCreatedBlock::layout()),
        numbered(StateBlock::layout()),
        numbered(OrderAddedBlock::layout()),
        numbered(OrderExecutedBlock::layout()),
        numbered(OrderChangedBlock::layout()),
        numbered(OrderDeletedBlock::layout()),
        numbered(LevelBlock::layout()),
        numbered(TradeBlock::layout()),
        numbered(ChecksumBlock::layout()),
        piece(SnapshotBeginBlock::layout()),
        piece(SnapshotOrderBlock::layout()),
        piece(SnapshotLevelBlock::layout()),
    ]
}
