//! What the tests of the feed share: an engine under random flow beside the feed's core, and what the engine's books were.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

#[path = "../../../sink-sql/tests/flow/mod.rs"]
pub mod flow;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use flow::Flow;
use tidegate_domain::*;
use tidegate_feed_client::book::OrderView;
use tidegate_feed_client::channel::Book;
use tidegate_market_data::core::FeedCore;
use tidegate_matching::Engine;
use tidegate_wire::feed::{FeedChannel, FeedMessage, LevelView};

/// A market's book as the engine has it: what is displayed, in the order in which it would trade.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    pub orders: Vec<OrderView>,
    pub levels: [Vec<LevelView>; 2],
}

pub const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

pub fn truth(engine: &Engine, market: MarketId) -> Truth {
    let view = |order: tidegate_matching::Order| OrderView {
        order: order.id,
        price: order.price,
        qty: order.displayed,
        side: order.side,
    };
    let orders: Vec<OrderView> = SIDES.iter().flat_map(|side| engine.resting_orders(market, *side)).map(view).collect();
    let levels = SIDES.map(|side| {
        let levels = engine.levels(market, side, usize::MAX).into_iter();
        levels.map(|(price, qty, orders)| LevelView { price, lots: qty.lots().into(), orders }).collect()
    });
    Truth { orders, levels }
}

/// Panics where a client's book is not the engine's.
pub fn assert_book(book: &Book, truth: &Truth, what: &str) {
    if let Book::Orders(book) = book {
        let orders: Vec<OrderView> = SIDES.iter().flat_map(|side| book.orders(*side)).collect();
        assert_eq!(orders, truth.orders, "{what}");
    }
    for (at, side) in SIDES.into_iter().enumerate() {
        if !matches!(book, Book::Trades) {
            assert_eq!(book.levels(side, usize::MAX), truth.levels[at], "{what}: {side}");
        }
    }
}

/// Events of one command through the core.
pub fn feed(core: &mut FeedCore, events: &[EventRecord]) -> Vec<FeedMessage> {
    let mut out = Vec::new();
    for event in events {
        let (header, event) = event.decode().unwrap();
        core.on_event(&header, &event, &mut out);
    }
    out
}

/// One random command, sometimes of a kind that the shared flow does not have: markets that close, protections that pull.
pub fn step(flow: &mut Flow) -> Vec<EventRecord> {
    let roll = flow.below(1_000);
    let market = [flow::name("BTC-USDT"), flow::name("ETH-BTC")][flow.below(2) as usize];
    match roll {
        0..2 => flow.apply(0, 0, Command::SetMarketState { market, state: MarketState::Closed }),
        2..6 => {
            let state = [MarketState::PostOnly, MarketState::CancelOnly, MarketState::Halted][flow.below(3) as usize];
            flow.apply(0, 0, Command::SetMarketState { market, state })
        }
        6..40 => flow.apply(0, 0, Command::SetMarketState { market, state: MarketState::Open }),
        40..44 => {
            let (group, window) = (1 + flow.below(2) as u8, Nanos::from_millis(500));
            let (qty_max, count_max) = (Qty::from_lots(60), 5);
            flow.apply(1, 1, Command::SetProtection { group, window, qty_max, count_max })
        }
        44..50 => {
            let group = 1 + flow.below(2) as u8;
            flow.apply(1, 1, Command::ResetProtection { group })
        }
        _ => flow.step(),
    }
}

/// Everything that a run said, and what the books were when it did.
pub struct Recording {
    pub core: FeedCore,
    pub messages: [Vec<FeedMessage>; 3],
    /// By channel: the engine's book after the command of each last message of a market, by (market, its number);
    /// `None` where the engine went on before it could be asked.
    pub truths: [BTreeMap<(MarketId, u64), Option<Truth>>; 3],
}

/// Plays the prelude and `steps` random commands.
pub fn record(seed: u64, steps: usize) -> Recording {
    println!("seed {seed}");
    let mut flow = Flow::new(seed);
    let mut recording =
        Recording { core: FeedCore::default(), messages: Default::default(), truths: Default::default() };
    let prelude = flow.prelude();
    take(&mut recording, &flow, &prelude);
    for _ in 0..steps {
        let events = step(&mut flow);
        take(&mut recording, &flow, &events);
    }
    recording
}

fn take(recording: &mut Recording, flow: &Flow, events: &[EventRecord]) {
    let messages = feed(&mut recording.core, events);
    for (place, message) in messages.iter().enumerate() {
        let (head, at) = (message.head, message.head.channel.at());
        if head.market_last {
            // Of several commands that were applied together only the market's last one left the book as it is now.
            let same = |later: &FeedMessage| (later.head.market, later.head.channel) == (head.market, head.channel);
            let is_newest = !messages[place + 1..].iter().any(same);
            let truth = is_newest.then(|| truth(&flow.engine, head.market));
            recording.truths[at].insert((head.market, head.market_number.raw()), truth);
        }
    }
    for message in messages {
        recording.messages[message.head.channel.at()].push(message);
    }
}

pub fn channels() -> impl Iterator<Item = FeedChannel> {
    FeedChannel::ALL.iter().copied()
}

/// Takes datagrams of a group and gives some of them to another: the network that loses, doubles and reorders.
pub async fn lossy(from: tokio::net::UdpSocket, to: SocketAddrV4, seed: u64, lost_of_100: u64) {
    let out = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    out.set_nonblocking(true).unwrap();
    let out = tokio::net::UdpSocket::from_std(out).unwrap();
    let (mut random, mut late): (Flow, Option<Vec<u8>>) = (Flow::new(seed), None);
    let mut bytes = vec![0; 2_048];
    while let Ok(count) = from.recv(&mut bytes).await {
        if random.below(100) < lost_of_100 {
            continue;
        }
        let copies = 1 + usize::from(random.below(20) == 0);
        for _ in 0..copies {
            out.send_to(&bytes[..count], to).await.unwrap();
        }
        match late.take() {
            Some(held) => drop(out.send_to(&held, to).await.unwrap()),
            None if random.below(10) == 0 => late = Some(bytes[..count].to_vec()),
            None => {}
        }
    }
}
