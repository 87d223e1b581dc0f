//! The market-data feed: its messages both ways, its datagrams, and the client as a whole.

use tidegate_domain::{Epoch, MarketId, MarketState, OrderId, Price, Qty, Sequence, Side, Timestamp};
use tidegate_feed_client::channel::Book;
use tidegate_feed_client::{ChannelFeed, Scope};
use tidegate_wire::feed::{
    BookSnapshotHead, FeedBody, FeedChannel, FeedDecodeError, FeedHead, FeedMessage, FeedNumber, FeedService,
    MarketNumber, Packet, PacketBuilder, SnapshotBody, SnapshotMessage, decode_feed, decode_feed_request,
    decode_packet, encode_feed, encode_feed_message, encode_feed_request, encode_feed_snapshot,
};
use tidegate_wire::{Frame, split_frame};

/// What a server of the feed says over TCP.
///
/// # Panics
/// When a message does not come back from its encoding.
pub fn feed_server(data: &[u8]) {
    frames(data, decode_feed, encode_feed);
}

/// What a client of the feed asks.
///
/// # Panics
/// As [`feed_server`].
pub fn feed_request(data: &[u8]) {
    frames(data, decode_feed_request, encode_feed_request);
}

fn frames<M: PartialEq + std::fmt::Debug>(
    mut data: &[u8],
    decode: impl Fn(&Frame<'_>) -> Result<M, FeedDecodeError>,
    encode: impl Fn(&M, &mut Vec<u8>),
) {
    while let Ok(Some(frame)) = split_frame(data) {
        data = &data[frame.bytes().len()..];
        match decode(&frame) {
            Ok(message) => {
                let mut bytes = Vec::new();
                encode(&message, &mut bytes);
                let again = split_frame(&bytes).ok().flatten().expect("what is encoded is one frame");
                assert_eq!(decode(&again), Ok(message));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// A datagram: what is understood is put together again as the same.
///
/// # Panics
/// When it is not.
pub fn feed_packet(data: &[u8]) {
    let packet = match decode_packet(data) {
        Ok(packet) => packet,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let mut sent: Vec<Vec<u8>> = Vec::new();
    let mut send = |bytes: &[u8]| sent.push(bytes.to_vec());
    match &packet {
        Packet::Increments { stream, channel, first, messages } => {
            if messages.is_empty() {
                send(&PacketBuilder::heartbeat(*stream, *channel, *first));
            }
            let mut builder = PacketBuilder::new(*stream, FeedService::Increments);
            for message in messages {
                let mut frame = Vec::new();
                encode_feed_message(message, &mut frame);
                builder.push(*channel, message.head.number, MarketId::new(0), &frame, &mut send);
            }
            builder.finish(&mut send);
        }
        Packet::Snapshot { stream, pieces } => {
            let mut builder = PacketBuilder::new(*stream, FeedService::Snapshot);
            for piece in pieces {
                let BookSnapshotHead { number, market, channel, .. } = piece.head;
                let mut frame = Vec::new();
                encode_feed_snapshot(piece, &mut frame);
                builder.push(channel, number, market, &frame, &mut send);
            }
            builder.finish(&mut send);
        }
    }
    // A datagram that is longer than ours comes back as several.
    if let [one] = sent.as_slice() {
        assert_eq!(decode_packet(one), Ok(packet));
    }
}

/// Bytes as small numbers, so that messages meet each other's places.
struct Rolls<'a>(&'a [u8]);

impl Rolls<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn below(&mut self, limit: u8) -> u64 {
        u64::from(self.next().unwrap_or(0) % limit)
    }

    /// Mostly small, sometimes as large as it can be.
    fn number(&mut self) -> FeedNumber {
        match self.below(64) {
            63 => FeedNumber::new(u64::MAX - self.below(3)),
            number => FeedNumber::new(number),
        }
    }

    fn side(&mut self) -> Side {
        if self.below(2) == 0 { Side::Buy } else { Side::Sell }
    }

    fn body(&mut self) -> FeedBody {
        let (order, price) = (OrderId::new(self.below(4)), Price::from_ticks(self.below(4) as i64));
        let (qty, side) = (Qty::from_lots(self.below(4)), self.side());
        match self.below(9) {
            0 => FeedBody::OrderExecuted { order, qty, displayed: qty },
            1 => FeedBody::OrderChanged { order, displayed: qty },
            2 => FeedBody::OrderDeleted { order },
            3 => FeedBody::Level { price, lots: qty.lots().into(), orders: self.below(3) as u32, side },
            4 => FeedBody::Trade { price, qty, taker_order: order, maker_order: order, taker_side: side },
            5 => FeedBody::Checksum { checksum: 0 },
            6 => FeedBody::State { state: MarketState::Halted },
            _ => FeedBody::OrderAdded { order, price, qty, side },
        }
    }

    fn message(&mut self, channel: FeedChannel) -> FeedMessage {
        let head = FeedHead {
            number: self.number(),
            market_number: MarketNumber::new(self.number().raw()),
            sequence: Sequence::new(1),
            time: Timestamp::from_nanos(1),
            market: MarketId::new(1 + self.below(2) as u32),
            epoch: Epoch::new(1 + self.below(2) as u32),
            index: 0,
            market_last: self.below(2) == 0,
            last: self.below(2) == 0,
            channel,
        };
        FeedMessage { head, body: self.body() }
    }

    fn piece(&mut self, channel: FeedChannel) -> SnapshotMessage {
        let (number, market) = (self.number(), MarketId::new(1 + self.below(2) as u32));
        let total = [1, 2, 3, u32::MAX][self.below(4) as usize];
        let head = BookSnapshotHead { number, market, position: self.below(3) as u32, total, channel };
        let body = match self.body() {
            FeedBody::Level { price, lots, orders, side } => SnapshotBody::Level { price, lots, orders, side },
            FeedBody::OrderAdded { order, price, qty, side } => SnapshotBody::Order { order, price, qty, side },
            _ => SnapshotBody::Begin {
                market_number: MarketNumber::new(self.number().raw()),
                sequence: Sequence::new(1),
                time: Timestamp::from_nanos(1),
                info: info(),
                state: MarketState::Open,
                checksum: empty_checksum(),
                orders: 0,
                stream: self.below(3),
                epoch: Epoch::new(1),
            },
        };
        SnapshotMessage { head, body }
    }
}

fn info() -> tidegate_wire::feed::MarketInfo {
    let name = tidegate_domain::Name::new("M").expect("a letter is a name");
    tidegate_wire::feed::MarketInfo {
        name,
        base: name,
        quote: name,
        base_units_per_lot: 1,
        quote_units_per_tick_lot: 1,
        base_id: tidegate_domain::AssetId::new(1),
        quote_id: tidegate_domain::AssetId::new(2),
        base_decimals: 2,
        quote_decimals: 2,
    }
}

fn empty_checksum() -> u32 {
    tidegate_wire::feed::book_checksum(std::iter::empty(), std::iter::empty())
}

/// The client as a whole: whatever comes in whatever order, from a server that may be broken.
///
/// # Panics
/// When it panics, contradicts itself, or one that hears the same differs.
pub fn feed_client(data: &[u8]) {
    let mut rolls = Rolls(data);
    let channel = [FeedChannel::Orders, FeedChannel::Levels, FeedChannel::Trades][rolls.below(3) as usize];
    let scope = [Scope::Whole, Scope::Some, Scope::Multicast][rolls.below(3) as usize];
    let (mut client, mut twin) = (ChannelFeed::new(channel, scope), ChannelFeed::new(channel, scope));
    while let Some(op) = rolls.next() {
        match op % 10 {
            0 => {
                let len = usize::from(op / 10) * 8;
                let (packet, rest) = rolls.0.split_at(len.min(rolls.0.len()));
                rolls = Rolls(rest);
                if let Ok(packet) = decode_packet(packet) {
                    for client in [&mut client, &mut twin] {
                        client.on_packet(&packet);
                    }
                }
            }
            1 => {
                let (first, last) = (rolls.number(), rolls.number());
                for client in [&mut client, &mut twin] {
                    client.on_lost(first, last);
                }
            }
            2 => {
                let next = rolls.number();
                for client in [&mut client, &mut twin] {
                    client.on_next(next);
                }
            }
            3 => {
                let (first, next) = (rolls.number(), rolls.number());
                for client in [&mut client, &mut twin] {
                    client.on_subscribed(first, next);
                }
            }
            4 => {
                let stream = rolls.below(3);
                for client in [&mut client, &mut twin] {
                    client.on_stream(stream);
                }
            }
            5 | 6 => {
                let piece = rolls.piece(channel);
                for client in [&mut client, &mut twin] {
                    client.on_snapshot(&piece);
                }
            }
            _ => {
                let message = rolls.message(channel);
                for client in [&mut client, &mut twin] {
                    client.on_message(&message);
                }
            }
        }
        check(&mut client, &mut twin);
    }
}

fn check(client: &mut ChannelFeed, twin: &mut ChannelFeed) {
    if let Some((first, last)) = client.missing() {
        assert!(first <= last && first == client.next());
    }
    let markets: Vec<MarketId> = client.markets().collect();
    for market in markets {
        if client.is_consistent(market) {
            assert!(client.book(market).is_some());
            assert!(client.waiting().all(|waiting| waiting != market));
            assert!(client.missing().is_none_or(|(_, last)| client.through(market) >= last));
        }
        if let Some(Book::Orders(book)) = client.book(market) {
            for side in [Side::Buy, Side::Sell] {
                let of_orders: u128 = book.orders(side).map(|order| u128::from(order.qty.lots())).sum();
                assert_eq!(book.levels(side).map(|level| level.lots).sum::<u128>(), of_orders);
                assert_eq!(
                    book.levels(side).map(|level| level.orders as usize).sum::<usize>(),
                    book.orders(side).count()
                );
            }
        }
        assert_eq!(client.is_consistent(market), twin.is_consistent(market));
    }
    loop {
        let notice = client.next_notice();
        assert_eq!(notice, twin.next_notice());
        if notice.is_none() {
            return;
        }
    }
}
