//! Puts the pieces of one market's snapshot together, in whatever order they come.
//!
//! Invariants: only the newest snapshot is being put together; a piece is kept once; room grows with the pieces that come,
//! never with what one of them claims. Owning thread: whoever holds the channel.

use std::collections::BTreeMap;

use tidegate_domain::{Epoch, MarketState, Sequence, Side, Timestamp};
use tidegate_wire::feed::{
    BookSnapshotHead, FeedChannel, FeedNumber, LevelView, MarketInfo, MarketNumber, SnapshotBody, SnapshotMessage,
};

use crate::book::{BookError, LevelBook, OrderBook, OrderView};

/// Most pieces of one snapshot: more orders than a market has.
const PIECES_MAX: u32 = 1 << 24;

/// The book of a market on one channel.
#[derive(Clone, Debug)]
pub enum Book {
    /// On [`FeedChannel::Orders`].
    Orders(OrderBook),
    /// On [`FeedChannel::Levels`].
    Levels(LevelBook),
    /// On [`FeedChannel::Trades`], which has none.
    Trades,
}

impl Book {
    pub(crate) fn new(channel: FeedChannel) -> Self {
        match channel {
            FeedChannel::Orders => Self::Orders(OrderBook::default()),
            FeedChannel::Levels => Self::Levels(LevelBook::default()),
            FeedChannel::Trades => Self::Trades,
        }
    }

    /// The levels of a side, best first; none on the channel trades.
    #[must_use]
    pub fn levels(&self, side: Side, count: usize) -> Vec<LevelView> {
        match self {
            Self::Orders(book) => book.levels(side).take(count).collect(),
            Self::Levels(book) => book.levels(side).take(count).collect(),
            Self::Trades => Vec::new(),
        }
    }

    fn checksum(&self) -> u32 {
        match self {
            Self::Orders(book) => book.checksum(),
            Self::Levels(book) => book.checksum(),
            Self::Trades => 0,
        }
    }
}

/// A snapshot that is complete and agrees with its checksum.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) number: FeedNumber,
    pub(crate) market_number: MarketNumber,
    pub(crate) stream: u64,
    pub(crate) epoch: Epoch,
    /// The last command that is included, and when it was.
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
    pub(crate) info: MarketInfo,
    pub(crate) state: MarketState,
    pub(crate) book: Book,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Assembly {
    number: FeedNumber,
    total: u32,
    pieces: BTreeMap<u32, SnapshotBody>,
}

impl Assembly {
    /// Takes a piece; the snapshot when it was the last one.
    pub(crate) fn take(slot: &mut Option<Self>, piece: &SnapshotMessage) -> Option<Result<Snapshot, BookError>> {
        let BookSnapshotHead { number, position, total, channel, .. } = piece.head;
        if position >= total || total > PIECES_MAX || slot.as_ref().is_some_and(|assembly| number < assembly.number) {
            return None;
        }
        if slot.as_ref().is_none_or(|assembly| (assembly.number, assembly.total) != (number, total)) {
            *slot = Some(Self { number, total, pieces: BTreeMap::new() });
        }
        let assembly = slot.as_mut()?;
        assembly.pieces.entry(position).or_insert(piece.body);
        if assembly.pieces.len() < total as usize {
            return None;
        }
        slot.take().and_then(|assembly| assembly.finish(channel))
    }

    fn finish(self, channel: FeedChannel) -> Option<Result<Snapshot, BookError>> {
        let number = self.number;
        let mut pieces = self.pieces.into_values();
        let Some(SnapshotBody::Begin { market_number, info, state, checksum, stream, epoch, sequence, time, .. }) =
            pieces.next()
        else {
            return None;
        };
        let book = match fill(channel, pieces) {
            Ok(book) => book,
            Err(error) => return Some(Err(error)),
        };
        let is = book.checksum();
        if is != checksum {
            return Some(Err(BookError::Checksum { is, said: checksum }));
        }
        Some(Ok(Snapshot { number, market_number, stream, epoch, sequence, time, info, state, book }))
    }
}

fn fill(channel: FeedChannel, pieces: impl Iterator<Item = SnapshotBody>) -> Result<Book, BookError> {
    let mut book = Book::new(channel);
    for piece in pieces {
        match (&mut book, piece) {
            (Book::Orders(book), SnapshotBody::Order { order, price, qty, side }) => {
                book.add(OrderView { order, price, qty, side })?;
            }
            (Book::Levels(book), SnapshotBody::Level { price, lots, orders, side }) if orders > 0 => {
                book.set(side, LevelView { price, lots, orders })?;
            }
            _ => return Err(BookError::Empty),
        }
    }
    Ok(book)
}
