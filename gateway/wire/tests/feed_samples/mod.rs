//! A sample of every message of the feed, each decoded again to what it was.

use tidegate_domain::*;
use tidegate_wire::feed::*;
use tidegate_wire::{Frame, split_frame};

fn frame(bytes: &[u8]) -> Frame<'_> {
    let frame = split_frame(bytes).unwrap().unwrap();
    assert_eq!(frame.bytes().len(), bytes.len());
    frame
}

fn info() -> MarketInfo {
    MarketInfo {
        name: Name::new("BTC-USDT").unwrap(),
        base: Name::new("BTC").unwrap(),
        quote: Name::new("USDT").unwrap(),
        base_units_per_lot: 10_000,
        quote_units_per_tick_lot: 1,
        base_id: AssetId::new(1),
        quote_id: AssetId::new(2),
        base_decimals: 8,
        quote_decimals: 6,
    }
}

fn requests() -> Vec<(&'static str, FeedRequest)> {
    let channel = FeedChannel::Levels;
    let (market, first) = (Some(MarketId::new(3)), FeedNumber::new(1_000_001));
    vec![
        ("FeedSubscribe", FeedRequest::Subscribe { channel, market, from: first, epoch: Epoch::new(6) }),
        ("FeedRetransmit", FeedRequest::Retransmit { channel, first, count: 40 }),
        ("FeedSnapshotRequest", FeedRequest::Snapshot { channel, market }),
    ]
}

fn answers() -> Vec<(&'static str, FeedServer)> {
    let channel = FeedChannel::Orders;
    let marks = |first: u64| {
        let number = |more| FeedNumber::new(first + more);
        ChannelMarks { orders: number(0), levels: number(1), trades: number(2) }
    };
    let (market, first, next) = (Some(MarketId::new(3)), FeedNumber::new(71), FeedNumber::new(99));
    let (oldest, node, stream) = (FeedNumber::new(70), NodeId::new(2), 1_700_000_000_000_000_000);
    vec![
        (
            "FeedHello",
            FeedServer::Hello {
                stream,
                node,
                heartbeat_ms: 1_000,
                oldest: marks(10),
                next: marks(20),
                retransmit_max: 4_096,
            },
        ),
        ("FeedHeartbeat", FeedServer::Heartbeat { next: marks(30) }),
        ("FeedSubscribed", FeedServer::Subscribed { channel, market, first, next }),
        ("FeedGap", FeedServer::Gap { channel, market, first, last: FeedNumber::new(80) }),
        ("FeedRetransmitted", FeedServer::Retransmitted { channel, first, count: 40 }),
        (
            "FeedRefused",
            FeedServer::Refused {
                reason: FeedRefusal::Rate,
                channel,
                market,
                first,
                oldest,
                next,
                limit: 5,
                retry_after_ms: 250,
            },
        ),
        (
            "FeedLogout",
            FeedServer::Logout {
                reason: FeedLogoutReason::SlowConsumer,
                resume: marks(40),
                detail: "too slow".to_owned(),
            },
        ),
    ]
}

fn numbered() -> Vec<(&'static str, FeedServer)> {
    let (order, side, price, qty) = (OrderId::new(1_001), Side::Sell, Price::from_ticks(500), Qty::from_lots(20));
    let displayed = Qty::from_lots(7);
    let trade = FeedBody::Trade { price, qty, taker_order: order, maker_order: OrderId::new(900), taker_side: side };
    let bodies = [
        ("FeedMarket", FeedChannel::Trades, FeedBody::Market { info: info(), state: MarketState::Open }),
        ("FeedMarketState", FeedChannel::Levels, FeedBody::State { state: MarketState::Halted }),
        ("FeedOrderAdded", FeedChannel::Orders, FeedBody::OrderAdded { order, price, qty, side }),
        ("FeedOrderExecuted", FeedChannel::Orders, FeedBody::OrderExecuted { order, qty, displayed }),
        ("FeedOrderChanged", FeedChannel::Orders, FeedBody::OrderChanged { order, displayed }),
        ("FeedOrderDeleted", FeedChannel::Orders, FeedBody::OrderDeleted { order }),
        ("FeedLevel", FeedChannel::Levels, FeedBody::Level { price, lots: 1 << 70 | 3, orders: 12, side }),
        ("FeedTrade", FeedChannel::Trades, trade),
        ("FeedChecksum", FeedChannel::Orders, FeedBody::Checksum { checksum: 0x33ca_0e37 }),
    ];
    let head = |channel| FeedHead {
        number: FeedNumber::new(1_000_001),
        market_number: MarketNumber::new(500_001),
        sequence: Sequence::new(1_234),
        time: Timestamp::from_nanos(1_700_000_000_123_456_789),
        market: MarketId::new(3),
        epoch: Epoch::new(6),
        index: 1,
        market_last: true,
        last: false,
        channel,
    };
    let message = |channel, body| FeedServer::Message(FeedMessage { head: head(channel), body });
    bodies.into_iter().map(|(name, channel, body)| (name, message(channel, body))).collect()
}

fn pieces() -> Vec<(&'static str, FeedServer)> {
    let (order, side, price, qty) = (OrderId::new(1_001), Side::Buy, Price::from_ticks(500), Qty::from_lots(20));
    let begin = SnapshotBody::Begin {
        market_number: MarketNumber::new(500_001),
        sequence: Sequence::new(1_234),
        time: Timestamp::from_nanos(1_700_000_000_123_456_789),
        info: info(),
        state: MarketState::PostOnly,
        checksum: 0x33ca_0e37,
        orders: 2,
        stream: 1_700_000_000_000_000_000,
        epoch: Epoch::new(6),
    };
    let bodies = [
        ("FeedSnapshotBegin", FeedChannel::Orders, begin),
        ("FeedSnapshotOrder", FeedChannel::Orders, SnapshotBody::Order { order, price, qty, side }),
        ("FeedSnapshotLevel", FeedChannel::Levels, SnapshotBody::Level { price, lots: 27, orders: 2, side }),
    ];
    let (number, market, total) = (FeedNumber::new(1_000_001), MarketId::new(3), 3);
    let placed = (0..).zip(bodies).map(|(position, (name, channel, body))| {
        let head = BookSnapshotHead { number, market, position, total, channel };
        (name, FeedServer::Snapshot(SnapshotMessage { head, body }))
    });
    placed.collect()
}

/// The frame of every message, in the order of the templates.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let heartbeat =
        PacketBuilder::heartbeat(1_700_000_000_000_000_000, FeedChannel::Levels, FeedNumber::new(1_000_002));
    assert!(matches!(decode_packet(&heartbeat), Ok(Packet::Increments { messages, .. }) if messages.is_empty()));
    let mut all = vec![("FeedPacket", heartbeat)];
    for (name, request) in requests() {
        let mut bytes = Vec::new();
        encode_feed_request(&request, &mut bytes);
        assert_eq!(decode_feed_request(&frame(&bytes)), Ok(request));
        all.push((name, bytes));
    }
    for (name, message) in answers().into_iter().chain(numbered()).chain(pieces()) {
        let mut bytes = Vec::new();
        encode_feed(&message, &mut bytes);
        assert_eq!(decode_feed(&frame(&bytes)), Ok(message));
        all.push((name, bytes));
    }
    all
}
