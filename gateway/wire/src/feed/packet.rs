//! Datagrams of the feed: one [`PacketBlock`] frame, then whole frames, below one Ethernet frame in all.
//!
//! Invariants: every datagram is understood by itself; increments in it are of one channel and follow each other without a
//! gap; the same bytes go to both groups. No input panics. Owning thread: none.

use tidegate_domain::MarketId;

use super::blocks::PacketBlock;
use super::codec::{FeedDecodeError, belongs, decode_feed, number_after};
use super::fields::{FeedChannel, FeedNumber, FeedService};
use super::message::{FeedMessage, FeedServer, SnapshotMessage};
use crate::codec::append;
use crate::field::Pad;
use crate::frame::{FrameError, split_frame};
use crate::layout::Block;

/// Longest datagram: with IP and UDP headers it stays below the 1,500 bytes of an Ethernet frame, tunnels included.
pub const PACKET_LEN_MAX_BYTES: usize = 1_400;

/// What a datagram says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Messages that follow each other on a channel; none: a heartbeat.
    Increments {
        /// Identity of the numbering.
        stream: u64,
        /// Which channel.
        channel: FeedChannel,
        /// Number of the first message, or, without any, of the next one to come.
        first: FeedNumber,
        /// The messages.
        messages: Vec<FeedMessage>,
    },
    /// Pieces of one market's snapshot.
    Snapshot {
        /// Identity of the numbering.
        stream: u64,
        /// The pieces; all of one market, channel and number.
        pieces: Vec<SnapshotMessage>,
    },
}

/// Why a datagram is not one of the feed. It is dropped, as a lost one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketError {
    /// A frame in it.
    Message(FeedDecodeError),
    /// It does not begin with a `FeedPacket`.
    NoHeader,
    /// A frame is cut short, or says what does not belong into this datagram.
    Contents,
}

impl std::fmt::Display for PacketError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Message(error) => error.fmt(f),
            Self::NoHeader => f.write_str("the datagram does not begin with a FeedPacket"),
            Self::Contents => f.write_str("a frame of the datagram is cut short or does not belong to its header"),
        }
    }
}

impl std::error::Error for PacketError {}

impl From<FrameError> for PacketError {
    fn from(error: FrameError) -> Self {
        Self::Message(error.into())
    }
}

/// Reads a datagram.
///
/// # Errors
/// [`PacketError`].
pub fn decode_packet(bytes: &[u8]) -> Result<Packet, PacketError> {
    let header = split_frame(bytes)?.ok_or(PacketError::NoHeader)?;
    if header.header().template != PacketBlock::TEMPLATE {
        return Err(PacketError::NoHeader);
    }
    let block = PacketBlock::get(header.block()).map_err(|error| PacketError::Message(error.into()))?;
    let PacketBlock { stream, first_number: first, market, channel, service, .. } = block;
    let mut rest = &bytes[header.bytes().len()..];
    let (mut messages, mut pieces) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let frame = split_frame(rest)?.ok_or(PacketError::Contents)?;
        rest = &rest[frame.bytes().len()..];
        match (service, decode_feed(&frame).map_err(PacketError::Message)?) {
            (FeedService::Increments, FeedServer::Message(message)) => {
                let expected = number_after(first, messages.len());
                let fits = message.head.number == expected && message.head.channel == channel;
                if !fits || !belongs(channel, &message.body) {
                    return Err(PacketError::Contents);
                }
                messages.push(message);
            }
            (FeedService::Snapshot, FeedServer::Snapshot(piece)) => {
                let head = piece.head;
                if (head.number, head.market, head.channel) != (first, market, channel) {
                    return Err(PacketError::Contents);
                }
                pieces.push(piece);
            }
            _ => return Err(PacketError::Contents),
        }
    }
    Ok(match service {
        FeedService::Increments => Packet::Increments { stream, channel, first, messages },
        FeedService::Snapshot => Packet::Snapshot { stream, pieces },
    })
}

/// Puts encoded messages into datagrams.
#[derive(Debug)]
pub struct PacketBuilder {
    stream: u64,
    service: FeedService,
    bytes: Vec<u8>,
}

impl PacketBuilder {
    /// For increments, or pieces of snapshots, of this numbering.
    #[must_use]
    pub const fn new(stream: u64, service: FeedService) -> Self {
        Self { stream, service, bytes: Vec::new() }
    }

    /// A datagram without messages: `next` is the next number of the channel.
    #[must_use]
    pub fn heartbeat(stream: u64, channel: FeedChannel, next: FeedNumber) -> Vec<u8> {
        let mut builder = Self::new(stream, FeedService::Increments);
        builder.begin(channel, next, MarketId::new(0));
        builder.bytes
    }

    fn begin(&mut self, channel: FeedChannel, first: FeedNumber, market: MarketId) {
        let (stream, service) = (self.stream, self.service);
        append(&PacketBlock { stream, first_number: first, market, channel, service, padding: Pad }, &mut self.bytes);
    }

    /// Adds a frame; where it does not fit, the datagram before it goes to `send` first. Frames of one datagram are of one
    /// channel, and of one market's one snapshot: call [`Self::finish`] between them.
    pub fn push(
        &mut self,
        channel: FeedChannel,
        first: FeedNumber,
        market: MarketId,
        frame: &[u8],
        send: &mut impl FnMut(&[u8]),
    ) {
        if self.bytes.len() + frame.len() > PACKET_LEN_MAX_BYTES {
            self.finish(send);
        }
        if self.bytes.is_empty() {
            self.begin(channel, first, market);
        }
        self.bytes.extend_from_slice(frame);
    }

    /// Sends what is there.
    pub fn finish(&mut self, send: &mut impl FnMut(&[u8])) {
        if !self.bytes.is_empty() {
            send(&self.bytes);
            self.bytes.clear();
        }
    }
}
