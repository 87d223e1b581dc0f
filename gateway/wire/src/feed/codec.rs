//! Messages of the feed to blocks and back.
//!
//! Invariants: decode(encode(x)) == x; no input panics. Owning thread: none.

use tidegate_domain::{AssetId, MarketId};

use super::blocks::*;
use super::fields::{FeedChannel, FeedNumber};
use super::message::{
    BookSnapshotHead, ChannelMarks, FeedBody, FeedHead, FeedMessage, FeedRequest, FeedServer, MarketInfo, SnapshotBody,
    SnapshotMessage,
};
use crate::blocks::HeartbeatBlock as ClientHeartbeatBlock;
use crate::codec::{append, append_with};
use crate::field::{FieldError, Pad, Text};
use crate::frame::{Frame, FrameError};
use crate::layout::Block;

/// Why a frame is not a message of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedDecodeError {
    /// Not a frame of this protocol, or no message of the feed: the connection ends.
    Frame(FrameError),
    /// A field holds what it must not.
    Field(FieldError),
}

impl std::fmt::Display for FeedDecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FeedDecodeError {}

impl From<FrameError> for FeedDecodeError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<FieldError> for FeedDecodeError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

const fn market_or_all(raw: MarketId) -> Option<MarketId> {
    if raw.raw() == 0 { None } else { Some(raw) }
}

fn all_or_market(market: Option<MarketId>) -> MarketId {
    market.unwrap_or_default()
}

/// The request in a frame that a client of the feed sent.
///
/// # Errors
/// [`FeedDecodeError::Field`] where only this request is wrong.
pub fn decode_feed_request(frame: &Frame<'_>) -> Result<FeedRequest, FeedDecodeError> {
    let block = frame.block();
    Ok(match frame.header().template {
        SubscribeBlock::TEMPLATE => {
            let SubscribeBlock { from, market, epoch, channel, .. } = SubscribeBlock::get(block)?;
            FeedRequest::Subscribe { channel, market: market_or_all(market), from, epoch }
        }
        RetransmitBlock::TEMPLATE => {
            let RetransmitBlock { first, count, channel, .. } = RetransmitBlock::get(block)?;
            FeedRequest::Retransmit { channel, first, count }
        }
        SnapshotRequestBlock::TEMPLATE => {
            let SnapshotRequestBlock { market, channel, .. } = SnapshotRequestBlock::get(block)?;
            FeedRequest::Snapshot { channel, market: market_or_all(market) }
        }
        ClientHeartbeatBlock::TEMPLATE => FeedRequest::Heartbeat,
        template => return Err(FrameError::Template(template).into()),
    })
}

/// Appends a client's request as one frame.
pub fn encode_feed_request(request: &FeedRequest, out: &mut Vec<u8>) {
    match *request {
        FeedRequest::Subscribe { channel, market, from, epoch } => {
            append(&SubscribeBlock { from, market: all_or_market(market), epoch, channel, padding: Pad }, out);
        }
        FeedRequest::Retransmit { channel, first, count } => {
            append(&RetransmitBlock { first, count, channel, padding: Pad }, out);
        }
        FeedRequest::Snapshot { channel, market } => {
            append(&SnapshotRequestBlock { market: all_or_market(market), channel, padding: Pad }, out);
        }
        FeedRequest::Heartbeat => append(&ClientHeartbeatBlock {}, out),
    }
}

/// The message in a frame that the server of the feed sent.
///
/// # Errors
/// [`FeedDecodeError`].
pub fn decode_feed(frame: &Frame<'_>) -> Result<FeedServer, FeedDecodeError> {
    let (template, block) = (frame.header().template, frame.block());
    match template {
        HelloBlock::TEMPLATE..=LogoutBlock::TEMPLATE => Ok(answer(template, block)?),
        MarketCreatedBlock::TEMPLATE..=ChecksumBlock::TEMPLATE => {
            Ok(FeedServer::Message(FeedMessage { head: feed_head(block)?, body: body(template, block)? }))
        }
        SnapshotBeginBlock::TEMPLATE..=SnapshotLevelBlock::TEMPLATE => {
            Ok(FeedServer::Snapshot(SnapshotMessage { head: snapshot_head(block)?, body: piece(template, block)? }))
        }
        _ => Err(FrameError::Template(template).into()),
    }
}

fn answer(template: u16, block: &[u8]) -> Result<FeedServer, FieldError> {
    let marks = |orders, levels, trades| ChannelMarks { orders, levels, trades };
    Ok(match template {
        HelloBlock::TEMPLATE => {
            let block = HelloBlock::get(block)?;
            FeedServer::Hello {
                stream: block.stream,
                node: block.node,
                heartbeat_ms: block.heartbeat_ms,
                oldest: marks(block.oldest_orders, block.oldest_levels, block.oldest_trades),
                next: marks(block.next_orders, block.next_levels, block.next_trades),
                retransmit_max: block.retransmit_max,
            }
        }
        HeartbeatBlock::TEMPLATE => {
            let HeartbeatBlock { next_orders, next_levels, next_trades } = HeartbeatBlock::get(block)?;
            FeedServer::Heartbeat { next: marks(next_orders, next_levels, next_trades) }
        }
        SubscribedBlock::TEMPLATE => {
            let SubscribedBlock { first, market, channel, next, .. } = SubscribedBlock::get(block)?;
            FeedServer::Subscribed { channel, market: market_or_all(market), first, next }
        }
        GapBlock::TEMPLATE => {
            let GapBlock { first, last, market, channel, .. } = GapBlock::get(block)?;
            FeedServer::Gap { channel, market: market_or_all(market), first, last }
        }
        RetransmittedBlock::TEMPLATE => {
            let RetransmittedBlock { first, count, channel, .. } = RetransmittedBlock::get(block)?;
            FeedServer::Retransmitted { channel, first, count }
        }
        RefusedBlock::TEMPLATE => {
            let block = RefusedBlock::get(block)?;
            FeedServer::Refused {
                reason: block.reason,
                channel: block.channel,
                market: market_or_all(block.market),
                first: block.first,
                oldest: block.oldest,
                next: block.next,
                limit: block.limit,
                retry_after_ms: block.retry_after_ms,
            }
        }
        _ => {
            let block = LogoutBlock::get(block)?;
            FeedServer::Logout {
                reason: block.reason,
                resume: marks(block.resume_orders, block.resume_levels, block.resume_trades),
                detail: block.detail.to_text(),
            }
        }
    })
}

fn feed_head(block: &[u8]) -> Result<FeedHead, FieldError> {
    let head = FeedHeadBlock::get(block)?;
    Ok(FeedHead {
        number: head.number,
        market_number: head.market_number,
        sequence: head.sequence,
        time: head.time,
        market: head.market,
        epoch: head.epoch,
        index: head.index,
        market_last: head.market_last,
        last: head.last,
        channel: head.channel,
    })
}

/// The engine allows no more decimal places than fit a byte; a forged message may claim more.
fn decimals(message: &'static str, field: &'static str, value: u32) -> Result<u8, FieldError> {
    let wrong = FieldError { message, field, value: value.into(), allowed: "0 to 255", limit: 255 };
    u8::try_from(value).map_err(|_| wrong)
}

fn body(template: u16, block: &[u8]) -> Result<FeedBody, FieldError> {
    Ok(match template {
        MarketCreatedBlock::TEMPLATE => {
            let block = MarketCreatedBlock::get(block)?;
            let info = MarketInfo {
                name: block.name,
                base: block.base,
                quote: block.quote,
                base_units_per_lot: block.base_units_per_lot,
                quote_units_per_tick_lot: block.quote_units_per_tick_lot,
                base_id: AssetId::new(block.base_id),
                quote_id: AssetId::new(block.quote_id),
                base_decimals: decimals(MarketCreatedBlock::NAME, "base_decimals", block.base_decimals)?,
                quote_decimals: decimals(MarketCreatedBlock::NAME, "quote_decimals", block.quote_decimals)?,
            };
            FeedBody::Market { info, state: block.state }
        }
        StateBlock::TEMPLATE => FeedBody::State { state: StateBlock::get(block)?.state },
        OrderAddedBlock::TEMPLATE => {
            let OrderAddedBlock { order, price, qty, side, .. } = OrderAddedBlock::get(block)?;
            FeedBody::OrderAdded { order, price, qty, side }
        }
        OrderExecutedBlock::TEMPLATE => {
            let OrderExecutedBlock { order, qty, displayed } = OrderExecutedBlock::get(block)?;
            FeedBody::OrderExecuted { order, qty, displayed }
        }
        OrderChangedBlock::TEMPLATE => {
            let OrderChangedBlock { order, displayed } = OrderChangedBlock::get(block)?;
            FeedBody::OrderChanged { order, displayed }
        }
        OrderDeletedBlock::TEMPLATE => FeedBody::OrderDeleted { order: OrderDeletedBlock::get(block)?.order },
        LevelBlock::TEMPLATE => {
            let LevelBlock { price, lots, orders, side, .. } = LevelBlock::get(block)?;
            FeedBody::Level { price, lots, orders, side }
        }
        TradeBlock::TEMPLATE => {
            let TradeBlock { price, qty, taker_order, maker_order, taker_side, .. } = TradeBlock::get(block)?;
            FeedBody::Trade { price, qty, taker_order, maker_order, taker_side }
        }
        _ => FeedBody::Checksum { checksum: ChecksumBlock::get(block)?.checksum },
    })
}

fn snapshot_head(block: &[u8]) -> Result<BookSnapshotHead, FieldError> {
    let SnapshotHeadBlock { number, market, position, total, channel, .. } = SnapshotHeadBlock::get(block)?;
    Ok(BookSnapshotHead { number, market, position, total, channel })
}

fn piece(template: u16, block: &[u8]) -> Result<SnapshotBody, FieldError> {
    Ok(match template {
        SnapshotBeginBlock::TEMPLATE => {
            let block = SnapshotBeginBlock::get(block)?;
            let info = MarketInfo {
                name: block.name,
                base: block.base,
                quote: block.quote,
                base_units_per_lot: block.base_units_per_lot,
                quote_units_per_tick_lot: block.quote_units_per_tick_lot,
                base_id: AssetId::new(block.base_id),
                quote_id: AssetId::new(block.quote_id),
                base_decimals: decimals(SnapshotBeginBlock::NAME, "base_decimals", block.base_decimals)?,
                quote_decimals: decimals(SnapshotBeginBlock::NAME, "quote_decimals", block.quote_decimals)?,
            };
            SnapshotBody::Begin {
                market_number: block.market_number,
                sequence: block.sequence,
                time: block.time,
                info,
                state: block.state,
                checksum: block.checksum,
                orders: block.orders,
                stream: block.stream,
                epoch: block.epoch,
            }
        }
        SnapshotOrderBlock::TEMPLATE => {
            let SnapshotOrderBlock { order, price, qty, side, .. } = SnapshotOrderBlock::get(block)?;
            SnapshotBody::Order { order, price, qty, side }
        }
        _ => {
            let SnapshotLevelBlock { price, lots, orders, side, .. } = SnapshotLevelBlock::get(block)?;
            SnapshotBody::Level { price, lots, orders, side }
        }
    })
}

/// Appends a message of the server as one frame. A text over its limit is cut.
pub fn encode_feed(message: &FeedServer, out: &mut Vec<u8>) {
    match *message {
        FeedServer::Hello { stream, node, heartbeat_ms, oldest, next, retransmit_max } => append(
            &HelloBlock {
                stream,
                node,
                heartbeat_ms,
                oldest_orders: oldest.orders,
                oldest_levels: oldest.levels,
                oldest_trades: oldest.trades,
                next_orders: next.orders,
                next_levels: next.levels,
                next_trades: next.trades,
                retransmit_max,
                padding: Pad,
            },
            out,
        ),
        FeedServer::Heartbeat { next } => append(
            &HeartbeatBlock { next_orders: next.orders, next_levels: next.levels, next_trades: next.trades },
            out,
        ),
        FeedServer::Subscribed { channel, market, first, next } => {
            append(&SubscribedBlock { first, market: all_or_market(market), channel, padding: Pad, next }, out);
        }
        FeedServer::Gap { channel, market, first, last } => {
            append(&GapBlock { first, last, market: all_or_market(market), channel, padding: Pad }, out);
        }
        FeedServer::Retransmitted { channel, first, count } => {
            append(&RetransmittedBlock { first, count, channel, padding: Pad }, out);
        }
        FeedServer::Refused { reason, channel, market, first, oldest, next, limit, retry_after_ms } => {
            let market = all_or_market(market);
            let padding = Pad;
            append(&RefusedBlock { first, oldest, next, limit, market, retry_after_ms, reason, channel, padding }, out);
        }
        FeedServer::Logout { reason, resume, ref detail } => append(
            &LogoutBlock {
                resume_orders: resume.orders,
                resume_levels: resume.levels,
                resume_trades: resume.trades,
                reason,
                padding: Pad,
                detail: Text::new(detail),
            },
            out,
        ),
        FeedServer::Message(ref message) => encode_feed_message(message, out),
        FeedServer::Snapshot(ref piece) => encode_feed_snapshot(piece, out),
    }
}

/// Appends a numbered message as one frame.
pub fn encode_feed_message(message: &FeedMessage, out: &mut Vec<u8>) {
    let FeedHead { number, market_number, sequence, time, market, epoch, index, market_last, last, channel } =
        message.head;
    let head = FeedHeadBlock {
        number,
        market_number,
        sequence,
        time,
        market,
        epoch,
        index,
        market_last,
        last,
        channel,
        padding: Pad,
    };
    match message.body {
        FeedBody::Market { info, state } => {
            let MarketInfo { name, base, quote, base_units_per_lot, quote_units_per_tick_lot, .. } = info;
            let body = MarketCreatedBlock {
                name,
                base,
                quote,
                base_units_per_lot,
                quote_units_per_tick_lot,
                base_id: info.base_id.raw(),
                quote_id: info.quote_id.raw(),
                base_decimals: info.base_decimals.into(),
                quote_decimals: info.quote_decimals.into(),
                state,
                padding: Pad,
            };
            numbered(&head, &body, out);
        }
        FeedBody::State { state } => numbered(&head, &StateBlock { state, padding: Pad }, out),
        FeedBody::OrderAdded { order, price, qty, side } => {
            numbered(&head, &OrderAddedBlock { order, price, qty, side, padding: Pad }, out);
        }
        FeedBody::OrderExecuted { order, qty, displayed } => {
            numbered(&head, &OrderExecutedBlock { order, qty, displayed }, out);
        }
        FeedBody::OrderChanged { order, displayed } => numbered(&head, &OrderChangedBlock { order, displayed }, out),
        FeedBody::OrderDeleted { order } => numbered(&head, &OrderDeletedBlock { order }, out),
        FeedBody::Level { price, lots, orders, side } => {
            numbered(&head, &LevelBlock { price, lots, orders, side, padding: Pad }, out);
        }
        FeedBody::Trade { price, qty, taker_order, maker_order, taker_side } => {
            let body = TradeBlock { price, qty, taker_order, maker_order, taker_side, padding: Pad };
            numbered(&head, &body, out);
        }
        FeedBody::Checksum { checksum } => numbered(&head, &ChecksumBlock { checksum, padding: Pad }, out),
    }
}

/// A numbered message is its head and, after it, the fields of its kind.
fn numbered<B: Block>(head: &FeedHeadBlock, body: &B, out: &mut Vec<u8>) {
    const { assert!(B::LEN > FEED_HEAD_LEN_BYTES) };
    append_with(B::TEMPLATE, B::LEN, 0, out, |room| {
        head.put(room);
        body.put(room);
    });
}

/// Appends a piece of a snapshot as one frame.
pub fn encode_feed_snapshot(piece: &SnapshotMessage, out: &mut Vec<u8>) {
    let BookSnapshotHead { number, market, position, total, channel } = piece.head;
    let head = SnapshotHeadBlock { number, market, position, total, channel, padding: Pad };
    match piece.body {
        SnapshotBody::Begin { market_number, sequence, time, info, state, checksum, orders, stream, epoch } => {
            let MarketInfo { name, base, quote, base_units_per_lot, quote_units_per_tick_lot, .. } = info;
            let body = SnapshotBeginBlock {
                market_number,
                sequence,
                time,
                name,
                base,
                quote,
                base_units_per_lot,
                quote_units_per_tick_lot,
                base_id: info.base_id.raw(),
                quote_id: info.quote_id.raw(),
                base_decimals: info.base_decimals.into(),
                quote_decimals: info.quote_decimals.into(),
                state,
                padding: Pad,
                checksum,
                orders,
                stream,
                epoch,
                padding_end: Pad,
            };
            snapshot_piece(&head, &body, out);
        }
        SnapshotBody::Order { order, price, qty, side } => {
            snapshot_piece(&head, &SnapshotOrderBlock { order, price, qty, side, padding: Pad }, out);
        }
        SnapshotBody::Level { price, lots, orders, side } => {
            snapshot_piece(&head, &SnapshotLevelBlock { price, lots, orders, side, padding: Pad }, out);
        }
    }
}

fn snapshot_piece<B: Block>(head: &SnapshotHeadBlock, body: &B, out: &mut Vec<u8>) {
    const { assert!(B::LEN > SNAPSHOT_HEAD_LEN_BYTES) };
    append_with(B::TEMPLATE, B::LEN, 0, out, |room| {
        head.put(room);
        body.put(room);
    });
}

/// Whether a message of this channel may say this; the rest is forged.
pub(super) const fn belongs(channel: FeedChannel, body: &FeedBody) -> bool {
    match body {
        FeedBody::Market { .. } | FeedBody::State { .. } => true,
        FeedBody::OrderAdded { .. }
        | FeedBody::OrderExecuted { .. }
        | FeedBody::OrderChanged { .. }
        | FeedBody::OrderDeleted { .. } => matches!(channel, FeedChannel::Orders),
        FeedBody::Level { .. } => matches!(channel, FeedChannel::Levels),
        FeedBody::Trade { .. } => matches!(channel, FeedChannel::Trades),
        FeedBody::Checksum { .. } => !matches!(channel, FeedChannel::Trades),
    }
}

/// The number after `count` messages from `first` on.
pub(super) const fn number_after(first: FeedNumber, count: usize) -> FeedNumber {
    FeedNumber::new(first.raw().saturating_add(count as u64))
}
