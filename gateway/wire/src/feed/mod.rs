//! The market-data feed: what anybody may see of the books, as numbered messages. The rules are in `FEED.md`.
//!
//! ```text
//!   FeedMessage, SnapshotMessage, FeedServer --[codec]--> frames --> TCP, or a datagram of [packet]
//! ```
//!
//! Invariants: messages of one channel are numbered densely from 1, and those of one market in it too; both numbers follow
//! from the event log alone, so every node and both multicast groups agree. No account, key or hidden quantity is in any
//! message. Owning thread: none, these are values.

pub(crate) mod blocks;
mod checksum;
mod codec;
mod fields;
mod message;
mod packet;

pub use checksum::{CHECKSUM_LEVELS, LevelView, book_checksum};
pub use codec::{
    FeedDecodeError, decode_feed, decode_feed_request, encode_feed, encode_feed_message, encode_feed_request,
    encode_feed_snapshot,
};
pub use fields::{FeedChannel, FeedLogoutReason, FeedNumber, FeedRefusal, FeedService, MarketNumber};
pub use message::{
    BookSnapshotHead, ChannelMarks, FeedBody, FeedHead, FeedMessage, FeedRequest, FeedServer, MarketInfo, SnapshotBody,
    SnapshotMessage,
};
pub use packet::{PACKET_LEN_MAX_BYTES, Packet, PacketBuilder, PacketError, decode_packet};

/// A market's book is proven by a checksum at least once in so many of its messages on a channel.
pub const CHECKSUM_EVERY: u64 = 64;
