//! One channel of the feed, from whatever arrives: the core of a client.
//!
//! ```text
//!   message --> [in the order of numbers, once] --> market: joined?  --yes--> next of this market? --> book
//!                     | gap: kept, asked for                |                    '-- no: join again
//!                     '-- lost for good: `covered_from`     '--no--> held <-- snapshot
//! ```
//!
//! Invariants: a market's book is that of its last message taken, and [`ChannelFeed::is_consistent`] is true only when no message
//! up to [`ChannelFeed::through`] is missing in it: every number up to there was taken or is included in its snapshot, the last one ended
//! its command, and no checksum differed. Terms never go back along the numbers, and a number is one message's: where something else is
//! heard, a history was lost with whoever led, and the books are made anew. A market whose book cannot be proven waits for a snapshot; the others go on. Nothing
//! grows without a bound. No clock, no socket: whoever owns it asks [`ChannelFeed::missing`] what to ask the server for.
//! Owning thread: whoever holds it.

use std::collections::{BTreeMap, VecDeque};

use tidegate_domain::{Epoch, MarketId, MarketState, Sequence, Timestamp};
use tidegate_wire::feed::{
    FeedBody, FeedChannel, FeedHead, FeedMessage, FeedNumber, MarketInfo, MarketNumber, Packet, SnapshotBody,
    SnapshotMessage,
};

use crate::assembly::{Assembly, Snapshot};
use crate::book::BookError;

pub use crate::assembly::Book;

/// Messages kept behind a gap; when there are more, what is missing counts as lost.
const PENDING_MAX: usize = 65_536;
/// Messages kept of a market that waits for its snapshot; the oldest go first, so that the snapshot must be newer.
const HELD_MAX: usize = 65_536;
/// Markets that are followed: more than an engine has.
const MARKETS_MAX: usize = 65_536;
/// Messages whose heads are kept, to see that a number comes again with another message.
const TAKEN_MAX: usize = 4_096;
/// Notices that nobody took; older ones go first.
const NOTICES_MAX: usize = 65_536;

/// What a channel is followed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of its messages arrive, or are lost: numbers are dense. Nobody says whether a later term has all that was said
    /// before it (multicast).
    Multicast,
    /// All of its messages arrive, or are lost: numbers are dense. The server knows what was taken, and refuses to go on where a
    /// later term does not have it (TCP for all markets).
    Whole,
    /// Only messages of some markets arrive, over a connection that loses none and keeps their order (TCP).
    Some,
}

/// What happened, for whoever shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A message was taken into its market.
    Applied(FeedMessage),
    /// Messages have not come; they are asked for.
    Gap {
        /// The first that is missing.
        first: FeedNumber,
        /// The last that is missing.
        last: FeedNumber,
    },
    /// Messages will not come: markets that they may concern wait for a snapshot.
    Lost {
        /// The first.
        first: FeedNumber,
        /// The last.
        last: FeedNumber,
    },
    /// A market's book comes from a snapshot.
    Joined {
        /// Which market.
        market: MarketId,
        /// What the snapshot includes.
        number: FeedNumber,
    },
    /// A market's book is given up until a snapshot comes: a message of it is missing.
    Left {
        /// Which market.
        market: MarketId,
    },
    /// A message or a snapshot contradicts the book.
    Contradiction {
        /// Which market.
        market: MarketId,
        /// How.
        error: BookError,
    },
    /// The numbering began anew: another journal.
    NewStream,
    /// What was taken may not be what the server has, as where the newest messages were lost with the node that led before:
    /// the channel begins again with snapshots.
    NewHistory,
}

/// One market on the channel.
#[derive(Debug)]
struct Market {
    info: Option<MarketInfo>,
    state: MarketState,
    /// `None` until it is joined.
    book: Option<Book>,
    /// The last message of it that is in the book.
    market_number: MarketNumber,
    /// Nothing of it up to this number is missing.
    base: FeedNumber,
    /// The last message ended its command for this market.
    whole_command: bool,
    /// What came while it was not joined.
    held: BTreeMap<MarketNumber, FeedMessage>,
    assembly: Option<Assembly>,
}

impl Default for Market {
    fn default() -> Self {
        Self {
            info: None,
            state: MarketState::Open,
            book: None,
            market_number: MarketNumber::default(),
            base: FeedNumber::default(),
            whole_command: true,
            held: BTreeMap::new(),
            assembly: None,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct ChannelFeed {
    channel: FeedChannel,
    scope: Scope,
    /// 0: not known.
    stream: u64,
    /// The next message in order; 0: nothing was heard.
    next: FeedNumber,
    /// The highest next number that was heard of.
    known_next: FeedNumber,
    /// The term of the newest message that was taken in order, or is in a snapshot.
    epoch: Epoch,
    /// Every message from this one on was taken, or will be.
    covered_from: FeedNumber,
    /// Messages behind a gap.
    pending: BTreeMap<FeedNumber, FeedMessage>,
    /// The newest that were taken, by number.
    taken: VecDeque<FeedHead>,
    /// What the newest snapshot includes: nothing up to this number is of a later command, or was later.
    included: (FeedNumber, Sequence, Timestamp),
    markets: BTreeMap<MarketId, Market>,
    notices: VecDeque<Notice>,
}

impl ChannelFeed {
    /// Follows a channel, about which nothing is known yet.
    #[must_use]
    pub const fn new(channel: FeedChannel, scope: Scope) -> Self {
        let zero = FeedNumber::new(0);
        Self {
            channel,
            scope,
            stream: 0,
            next: zero,
            known_next: zero,
            epoch: Epoch::new(0),
            covered_from: zero,
            pending: BTreeMap::new(),
            taken: VecDeque::new(),
            included: (zero, Sequence::new(0), Timestamp::from_nanos(0)),
            markets: BTreeMap::new(),
            notices: VecDeque::new(),
        }
    }

    /// Which channel.
    #[must_use]
    pub const fn channel(&self) -> FeedChannel {
        self.channel
    }

    /// The next message in order; 0 before anything was heard.
    #[must_use]
    pub const fn next(&self) -> FeedNumber {
        self.next
    }

    /// The term of the newest message that was taken or is in a snapshot; 0 before the first.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Forgets everything but the numbering: what was followed is not what the server has.
    pub fn reset(&mut self) {
        let notices = std::mem::take(&mut self.notices);
        *self = Self { stream: self.stream, notices, ..Self::new(self.channel, self.scope) };
        self.notify(Notice::NewHistory);
    }

    /// Learns that no such market exists: its beginning was lost with the node that led.
    pub fn forget(&mut self, market: MarketId) {
        self.markets.remove(&market);
    }

    /// Identity of the numbering; 0 before anything was heard.
    #[must_use]
    pub const fn stream(&self) -> u64 {
        self.stream
    }

    /// The first messages that have not come and are needed, to be asked for.
    #[must_use]
    pub fn missing(&self) -> Option<(FeedNumber, FeedNumber)> {
        if self.next.raw() == 0 {
            return None;
        }
        let end = self.pending.first_key_value().map_or(self.known_next, |(first, _)| *first);
        (self.next < end).then(|| (self.next, end.previous()))
    }

    /// Markets whose books are not proven, which a snapshot would help.
    pub fn waiting(&self) -> impl Iterator<Item = MarketId> {
        self.markets.iter().filter(|(_, market)| !self.is_proven(market)).map(|(id, _)| *id)
    }

    /// Markets that were heard of.
    pub fn markets(&self) -> impl Iterator<Item = MarketId> {
        self.markets.keys().copied()
    }

    /// Whether the book of a market has every message that is known to exist, and is between two commands.
    #[must_use]
    pub fn is_consistent(&self, market: MarketId) -> bool {
        self.markets.get(&market).is_some_and(|market| {
            self.is_proven(market) && market.whole_command && self.complete_through(market).next() >= self.known_next
        })
    }

    /// Nothing of a proven market is missing up to this number; 0 for any other.
    #[must_use]
    pub fn through(&self, market: MarketId) -> FeedNumber {
        let market = self.markets.get(&market).filter(|market| self.is_proven(market));
        market.map_or_else(FeedNumber::default, |market| self.complete_through(market))
    }

    /// The book of a market, if it is joined; whether it can be trusted says [`Self::is_consistent`].
    #[must_use]
    pub fn book(&self, market: MarketId) -> Option<&Book> {
        self.markets.get(&market)?.book.as_ref()
    }

    /// The last message of a market that is in its book.
    #[must_use]
    pub fn market_number(&self, market: MarketId) -> MarketNumber {
        self.markets.get(&market).map_or_else(MarketNumber::default, |market| market.market_number)
    }

    /// What a market is and what it accepts, once known.
    #[must_use]
    pub fn info(&self, market: MarketId) -> Option<(MarketInfo, MarketState)> {
        let market = self.markets.get(&market)?;
        Some((market.info?, market.state))
    }

    /// What happened since it was asked last, oldest first.
    pub fn next_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Takes a datagram of either group.
    pub fn on_packet(&mut self, packet: &Packet) {
        match packet {
            Packet::Increments { stream, channel, first, messages } => {
                if *channel != self.channel || !self.on_stream(*stream) {
                    return;
                }
                for message in messages {
                    self.on_message(message);
                }
                if messages.is_empty() {
                    self.on_next(*first);
                }
            }
            Packet::Snapshot { stream, pieces } => {
                if self.on_stream(*stream) {
                    pieces.iter().for_each(|piece| self.on_snapshot(piece));
                }
            }
        }
    }

    /// Learns which numbering it is; false where it is an older one than what is known.
    pub fn on_stream(&mut self, stream: u64) -> bool {
        if stream > self.stream {
            let scope = self.scope;
            let is_new = self.stream != 0;
            let notices = std::mem::take(&mut self.notices);
            *self = Self { stream, notices, ..Self::new(self.channel, scope) };
            if is_new {
                self.notify(Notice::NewStream);
            }
        }
        stream == self.stream
    }

    /// Learns that a connection gives every message of its subscription from `first` on, and that `next` is the channel's next.
    pub fn on_subscribed(&mut self, first: FeedNumber, next: FeedNumber) {
        if self.next.raw() == 0 {
            (self.next, self.covered_from) = (first, first);
        } else if first > self.next {
            self.on_lost(self.next, first.previous());
        }
        if self.scope != Scope::Some {
            self.hear_of(next);
        }
    }

    /// Learns the channel's next number. Over a connection ([`Scope::Some`]) it says that everything before it was sent.
    pub fn on_next(&mut self, next: FeedNumber) {
        if self.next.raw() == 0 {
            (self.next, self.covered_from) = (next, next);
        }
        if self.scope == Scope::Some {
            self.next = self.next.max(next);
        }
        self.hear_of(next);
    }

    fn hear_of(&mut self, next: FeedNumber) {
        let had_gap = self.missing().is_some();
        self.known_next = self.known_next.max(next);
        if !had_gap && let Some((first, last)) = self.missing() {
            self.notify(Notice::Gap { first, last });
        }
    }

    /// Takes a numbered message, from anywhere, any number of times.
    pub fn on_message(&mut self, message: &FeedMessage) {
        let FeedHead { number, channel, epoch, .. } = message.head;
        if channel != self.channel || number.raw() == 0 {
            return;
        }
        if self.scope == Scope::Multicast && epoch < self.epoch {
            // Of a leader that was replaced: what is needed of before its end is in the snapshots.
            return;
        }
        if number < self.next && self.is_of_another_history(&message.head) {
            self.reset();
            if self.scope != Scope::Multicast {
                // Who holds the connection sees that nothing is known any more, and asks for snapshots.
                return;
            }
        }
        if self.next.raw() == 0 {
            (self.next, self.covered_from) = (number, number);
        }
        if self.scope == Scope::Some {
            if number >= self.next {
                self.epoch = epoch;
                self.remember(&message.head);
            }
            self.next = self.next.max(number.next());
            self.known_next = self.known_next.max(self.next);
            return self.deliver(message);
        }
        if number < self.next {
            return;
        }
        if number > self.next {
            let had_gap = self.missing().is_some();
            if self.pending.get(&number).is_none_or(|kept| kept.head.epoch <= epoch) {
                self.pending.insert(number, *message);
            }
            self.known_next = self.known_next.max(number.next());
            if !had_gap {
                self.notify(Notice::Gap { first: self.next, last: number.previous() });
            }
            if self.pending.len() > PENDING_MAX
                && let Some((first, last)) = self.missing()
            {
                self.on_lost(first, last);
            }
            return;
        }
        self.take(message);
        self.known_next = self.known_next.max(self.next);
        self.deliver_pending();
    }

    /// Whether a message whose number was passed shows that what was taken under these numbers is lost: it is of a later term,
    /// while terms never go back along the numbers; or another message was taken under its number, or it is younger than a snapshot
    /// that includes it, since a node that lost its tail goes on in the same term when nobody took its place.
    fn is_of_another_history(&self, head: &FeedHead) -> bool {
        if head.epoch > self.epoch && self.epoch.raw() != 0 {
            return true;
        }
        let (number, sequence, time) = self.included;
        if head.number <= number && (head.sequence > sequence || head.time > time) && head.epoch >= self.epoch {
            return true;
        }
        let at = self.taken.binary_search_by_key(&head.number, |taken| taken.number);
        at.is_ok_and(|at| self.taken[at] != *head && self.taken[at].epoch <= head.epoch)
    }

    /// Takes the next message in order.
    fn take(&mut self, message: &FeedMessage) {
        let FeedHead { number, epoch, .. } = message.head;
        if self.scope == Scope::Multicast && epoch > self.epoch && self.epoch.raw() != 0 {
            self.begin_term(number, epoch);
        }
        (self.next, self.epoch) = (number.next(), epoch);
        self.remember(&message.head);
        self.deliver(message);
    }

    fn remember(&mut self, head: &FeedHead) {
        if self.taken.len() == TAKEN_MAX {
            self.taken.pop_front();
        }
        self.taken.push_back(*head);
    }

    /// A later term is heard of, from this number on. Numbers below it may be other messages' in its history than those that
    /// were taken: no book is proven before a snapshot of this term.
    fn begin_term(&mut self, from: FeedNumber, epoch: Epoch) {
        (self.next, self.covered_from, self.epoch) = (from, from, epoch);
        self.pending.retain(|number, message| *number >= from && message.head.epoch >= epoch);
        self.known_next = self.pending.last_key_value().map_or(from, |(number, _)| number.next());
        self.taken.clear();
        self.included = Default::default();
        for (id, market) in std::mem::take(&mut self.markets) {
            let Market { info, state, book, .. } = market;
            self.markets.insert(id, Market { info, state, ..Market::default() });
            if book.is_some() {
                self.notify(Notice::Left { market: id });
            }
        }
    }

    /// Learns that messages will not come.
    pub fn on_lost(&mut self, first: FeedNumber, last: FeedNumber) {
        let (first, last) = (first.max(self.next), last);
        if self.next.raw() == 0 || last < first || first > self.next {
            return;
        }
        (self.next, self.covered_from) = (last.next(), last.next());
        self.known_next = self.known_next.max(self.next);
        self.pending = self.pending.split_off(&self.next);
        self.notify(Notice::Lost { first, last });
        self.deliver_pending();
    }

    fn deliver_pending(&mut self) {
        while let Some(entry) = self.pending.first_entry().filter(|entry| *entry.key() == self.next) {
            let message = entry.remove();
            self.take(&message);
        }
    }

    /// Takes a piece of a snapshot.
    pub fn on_snapshot(&mut self, piece: &SnapshotMessage) {
        let id = piece.head.market;
        if piece.head.channel != self.channel || !self.makes_room(id) {
            return;
        }
        let is_done = |market: &Market| self.is_proven(market) && market.assembly.is_none();
        let is_later = matches!(piece.body, SnapshotBody::Begin { epoch, .. } if epoch > self.epoch);
        let is_needed = is_later || !self.markets.get(&id).is_some_and(is_done);
        if !is_needed && self.missing().is_none() && piece.head.number < self.next {
            // It can say nothing new.
            return;
        }
        let market = self.markets.entry(id).or_default();
        match Assembly::take(&mut market.assembly, piece) {
            Some(Ok(snapshot)) if self.on_stream(snapshot.stream) => self.join(id, snapshot),
            Some(Err(error)) => self.notify(Notice::Contradiction { market: id, error }),
            // Not all of it is there, or it is of a numbering that has ended.
            _ => {}
        }
    }

    fn join(&mut self, id: MarketId, snapshot: Snapshot) {
        let Snapshot { number, market_number, info, state, book, epoch, sequence, time, .. } = snapshot;
        if self.epoch.raw() != 0 && epoch > self.epoch {
            if self.scope == Scope::Multicast {
                self.begin_term(number.next(), epoch);
            } else if number.next() < self.next {
                // All that comes after it is of its term or a later one, so what was taken of after it is lost.
                self.reset();
            }
        } else if self.scope == Scope::Multicast && epoch < self.epoch {
            // Of a leader that was replaced: it may include what is lost.
            return;
        }
        self.epoch = self.epoch.max(epoch);
        self.included = self.included.max((number, sequence, time));
        let market = self.markets.entry(id).or_default();
        if market.book.is_some() && market_number < market.market_number {
            return;
        }
        market.base = market.base.max(number);
        if market.book.is_some() && market_number == market.market_number {
            return;
        }
        (market.info, market.state) = (Some(info), state);
        (market.book, market.market_number, market.whole_command) = (Some(book), market_number, true);
        let held = std::mem::take(&mut market.held);
        self.notify(Notice::Joined { market: id, number });
        for message in held.values() {
            self.deliver(message);
        }
        self.deliver_pending();
    }

    /// Takes a message into its market; those of one market come in their order.
    fn deliver(&mut self, message: &FeedMessage) {
        let id = message.head.market;
        if !self.makes_room(id) {
            return;
        }
        let market = self.markets.entry(id).or_default();
        let market_number = message.head.market_number;
        if let FeedBody::Market { info, .. } = message.body
            && market_number.raw() == 1
            && market.book.is_none()
        {
            // It is born: nothing was before.
            market.info = Some(info);
            (market.book, market.market_number) = (Some(Book::new(self.channel)), market_number.previous());
        }
        let expected = market.market_number.next();
        if market.book.is_some() && market_number < expected {
            // The snapshot has it.
            return;
        }
        if market.book.is_some() && market_number > expected {
            market.book = None;
            self.notify(Notice::Left { market: id });
        }
        let market = self.markets.entry(id).or_default();
        let Some(book) = &mut market.book else {
            if market.held.len() == HELD_MAX {
                market.held.pop_first();
            }
            market.held.insert(market_number, *message);
            return;
        };
        let done = match book {
            Book::Orders(book) => book.apply(&message.body),
            Book::Levels(book) => book.apply(&message.body),
            Book::Trades => Ok(()),
        };
        if let Err(error) = done {
            // What came so far led to a wrong book. The message is kept, so that a snapshot without it does not pass for
            // the whole.
            market.book = None;
            market.held.insert(market_number, *message);
            self.notify(Notice::Contradiction { market: id, error });
            return;
        }
        if let FeedBody::State { state } | FeedBody::Market { state, .. } = message.body {
            market.state = state;
        }
        (market.market_number, market.base) = (market_number, market.base.max(message.head.number));
        market.whole_command = message.head.market_last;
        self.notify(Notice::Applied(*message));
    }

    fn makes_room(&self, id: MarketId) -> bool {
        self.markets.len() < MARKETS_MAX || self.markets.contains_key(&id)
    }

    /// Whether nothing of the market up to where it is can be missing.
    fn is_proven(&self, market: &Market) -> bool {
        market.book.is_some() && market.base.next() >= self.covered_from
    }

    /// Of a proven market: every message up to here is in its book.
    fn complete_through(&self, market: &Market) -> FeedNumber {
        market.base.max(self.next.previous())
    }

    fn notify(&mut self, notice: Notice) {
        if self.notices.len() == NOTICES_MAX {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }
}
