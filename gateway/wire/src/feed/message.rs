//! The typed messages of the feed.
//!
//! Invariants: what a [`FeedMessage`] or a [`SnapshotMessage`] says follows from the event log alone. Owning thread: none.

use tidegate_domain::{
    AssetId, Epoch, MarketDefinition, MarketId, MarketState, Name, NodeId, OrderId, Price, Qty, Sequence, Side,
    Timestamp,
};

use super::fields::{FeedChannel, FeedLogoutReason, FeedNumber, FeedRefusal, MarketNumber};
use crate::scale::Scale;

/// A position on each channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelMarks {
    /// On [`FeedChannel::Orders`].
    pub orders: FeedNumber,
    /// On [`FeedChannel::Levels`].
    pub levels: FeedNumber,
    /// On [`FeedChannel::Trades`].
    pub trades: FeedNumber,
}

impl ChannelMarks {
    /// The position on one channel.
    #[must_use]
    pub const fn of(&self, channel: FeedChannel) -> FeedNumber {
        match channel {
            FeedChannel::Orders => self.orders,
            FeedChannel::Levels => self.levels,
            FeedChannel::Trades => self.trades,
        }
    }

    /// From a function of the channel.
    pub fn from_fn(mut of: impl FnMut(FeedChannel) -> FeedNumber) -> Self {
        Self { orders: of(FeedChannel::Orders), levels: of(FeedChannel::Levels), trades: of(FeedChannel::Trades) }
    }
}

/// What a numbered message has besides its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedHead {
    /// Position on the channel.
    pub number: FeedNumber,
    /// Position among the messages of this market on the channel.
    pub market_number: MarketNumber,
    /// The command that caused it.
    pub sequence: Sequence,
    /// When the sequencer took that command.
    pub time: Timestamp,
    /// Which market.
    pub market: MarketId,
    /// The leadership term of that command.
    pub epoch: Epoch,
    /// The event of that command that caused it.
    pub index: u32,
    /// The last message of its command for this market on this channel.
    pub market_last: bool,
    /// The last message of its command on this channel.
    pub last: bool,
    /// On which channel.
    pub channel: FeedChannel,
}

/// A numbered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedMessage {
    /// Where it stands.
    pub head: FeedHead,
    /// What it says.
    pub body: FeedBody,
}

/// What a market is, for whoever shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketInfo {
    /// Its name.
    pub name: Name,
    /// Name of the asset that is traded.
    pub base: Name,
    /// Name of the asset that pays.
    pub quote: Name,
    /// Smallest units of the base asset in one lot.
    pub base_units_per_lot: u64,
    /// Smallest units of the quote asset that one lot costs per tick.
    pub quote_units_per_tick_lot: u64,
    /// Id of the base asset.
    pub base_id: AssetId,
    /// Id of the quote asset.
    pub quote_id: AssetId,
    /// Decimal places of the base asset.
    pub base_decimals: u8,
    /// Decimal places of the quote asset.
    pub quote_decimals: u8,
}

impl MarketInfo {
    /// How its ticks and lots become decimals. `None` where the decimal places are none that the engine creates.
    #[must_use]
    pub fn scale(&self) -> Option<Scale> {
        if self.base_decimals > MAX_DECIMALS || self.quote_decimals > MAX_DECIMALS {
            return None;
        }
        if self.base_units_per_lot == 0 || self.quote_units_per_tick_lot == 0 {
            return None;
        }
        let definition = MarketDefinition {
            name: self.name,
            base: self.base_id,
            quote: self.quote_id,
            base_units_per_lot: self.base_units_per_lot,
            quote_units_per_tick_lot: self.quote_units_per_tick_lot,
            maker_fee: tidegate_domain::FeeRate::from_ppm(0),
            taker_fee: tidegate_domain::FeeRate::from_ppm(0),
            qty_max: Qty::from_lots(0),
            price_max: Price::from_ticks(0),
        };
        Some(Scale::new(&definition, self.base_decimals, self.quote_decimals))
    }
}

/// Most decimal places that [`Scale`] works with.
const MAX_DECIMALS: u8 = 38;

/// What a numbered message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedBody {
    /// A market was created, open and empty. On every channel.
    Market {
        /// What it is.
        info: MarketInfo,
        /// What it accepts.
        state: MarketState,
    },
    /// A market changed its state. On every channel.
    State {
        /// What it accepts from here on.
        state: MarketState,
    },
    /// An order is shown, at the tail of its price.
    OrderAdded {
        /// Its id.
        order: OrderId,
        /// Its price.
        price: Price,
        /// What is shown of it.
        qty: Qty,
        /// Its side.
        side: Side,
    },
    /// An order that is shown traded.
    OrderExecuted {
        /// Which.
        order: OrderId,
        /// How much traded.
        qty: Qty,
        /// What is still shown; 0: it is gone.
        displayed: Qty,
    },
    /// What is shown of an order changed.
    OrderChanged {
        /// Which.
        order: OrderId,
        /// What is shown from here on.
        displayed: Qty,
    },
    /// An order is gone.
    OrderDeleted {
        /// Which.
        order: OrderId,
    },
    /// A level as it is after the command.
    Level {
        /// Its price.
        price: Price,
        /// What is shown at it, in lots; 0: it is gone.
        lots: u128,
        /// Orders that are shown at it.
        orders: u32,
        /// Its side.
        side: Side,
    },
    /// A trade; (sequence, index) of the head is its identity.
    Trade {
        /// Its price.
        price: Price,
        /// Its quantity.
        qty: Qty,
        /// The order that came in.
        taker_order: OrderId,
        /// The order that rested.
        maker_order: OrderId,
        /// Side of the order that came in.
        taker_side: Side,
    },
    /// The ten best levels of both sides, after all other messages of its command.
    Checksum {
        /// See [`super::book_checksum`].
        checksum: u32,
    },
}

/// Where a piece of a snapshot belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookSnapshotHead {
    /// Every message of the channel up to this one is included.
    pub number: FeedNumber,
    /// Which market.
    pub market: MarketId,
    /// Position in the snapshot, from 0.
    pub position: u32,
    /// Pieces of the snapshot, this one included.
    pub total: u32,
    /// On which channel.
    pub channel: FeedChannel,
}

/// A piece of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotMessage {
    /// Where it belongs.
    pub head: BookSnapshotHead,
    /// What it says.
    pub body: SnapshotBody,
}

/// What a piece of a snapshot says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotBody {
    /// The market; position 0.
    Begin {
        /// The last message of this market that is included.
        market_number: MarketNumber,
        /// The last command that is included.
        sequence: Sequence,
        /// When that was.
        time: Timestamp,
        /// What it is.
        info: MarketInfo,
        /// What it accepts.
        state: MarketState,
        /// Of the ten best levels.
        checksum: u32,
        /// Orders that are shown.
        orders: u64,
        /// Identity of the numbering.
        stream: u64,
        /// The term of the last command that is included.
        epoch: Epoch,
    },
    /// An order.
    Order {
        /// Its id.
        order: OrderId,
        /// Its price.
        price: Price,
        /// What is shown of it.
        qty: Qty,
        /// Its side.
        side: Side,
    },
    /// A level.
    Level {
        /// Its price.
        price: Price,
        /// What is shown at it, in lots.
        lots: u128,
        /// Orders that are shown at it.
        orders: u32,
        /// Its side.
        side: Side,
    },
}

/// What a client of the feed says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedRequest {
    /// Wants a channel.
    Subscribe {
        /// Which.
        channel: FeedChannel,
        /// Of which market; `None` for all.
        market: Option<MarketId>,
        /// The first message that is wanted; 0 for a snapshot and what comes after it.
        from: FeedNumber,
        /// The term of the last message that the client has; 0 where `from` is 0.
        epoch: Epoch,
    },
    /// Wants what was lost.
    Retransmit {
        /// Of which channel.
        channel: FeedChannel,
        /// Number of the first.
        first: FeedNumber,
        /// How many.
        count: u32,
    },
    /// Wants a snapshot.
    Snapshot {
        /// On which channel.
        channel: FeedChannel,
        /// Of which market; `None` for all.
        market: Option<MarketId>,
    },
    /// "I am here."
    Heartbeat,
}

/// What the server of the feed says over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedServer {
    /// The first message.
    Hello {
        /// Identity of the numbering; 0 where there is none yet.
        stream: u64,
        /// The node.
        node: NodeId,
        /// The server says something at least this often.
        heartbeat_ms: u32,
        /// The oldest messages that are kept.
        oldest: ChannelMarks,
        /// The next messages.
        next: ChannelMarks,
        /// Most messages that one retransmit may ask for.
        retransmit_max: u32,
    },
    /// Nothing is missing up to these numbers.
    Heartbeat {
        /// The next messages.
        next: ChannelMarks,
    },
    /// Markets and snapshots of a subscription were sent.
    Subscribed {
        /// As asked.
        channel: FeedChannel,
        /// As asked.
        market: Option<MarketId>,
        /// No message of the subscription from this number on is left out.
        first: FeedNumber,
        /// The next message of the channel, at this moment.
        next: FeedNumber,
    },
    /// What was asked for is not kept any more; snapshots follow.
    Gap {
        /// Which channel.
        channel: FeedChannel,
        /// As asked.
        market: Option<MarketId>,
        /// The first that is missing.
        first: FeedNumber,
        /// The last that is missing.
        last: FeedNumber,
    },
    /// All messages of a retransmit were sent.
    Retransmitted {
        /// Of which channel.
        channel: FeedChannel,
        /// Number of the first.
        first: FeedNumber,
        /// How many.
        count: u32,
    },
    /// A request was refused.
    Refused {
        /// Why.
        reason: FeedRefusal,
        /// The channel of the request.
        channel: FeedChannel,
        /// The market of the request.
        market: Option<MarketId>,
        /// The first number of the request; 0 where it had none.
        first: FeedNumber,
        /// The oldest message of the channel that is kept.
        oldest: FeedNumber,
        /// The next message of the channel.
        next: FeedNumber,
        /// The limit that was broken; 0 where the rule is not a limit.
        limit: u64,
        /// When to ask again; 0 where asking again does not help.
        retry_after_ms: u32,
    },
    /// The connection ends.
    Logout {
        /// Why.
        reason: FeedLogoutReason,
        /// The next message of each channel that this connection would have got.
        resume: ChannelMarks,
        /// For people. At most [`crate::TEXT_LEN_MAX_BYTES`].
        detail: String,
    },
    /// A numbered message.
    Message(FeedMessage),
    /// A piece of a snapshot.
    Snapshot(SnapshotMessage),
}
