//! The client under loss: whatever is lost, doubled or late on both groups, it ends with the engine's books, and it never
//! calls a book consistent that is not.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::flow::Flow;
use common::{SIDES, Truth, assert_book, feed, step, truth};
use tidegate_domain::*;
use tidegate_feed_client::{ChannelFeed, Notice, Scope};
use tidegate_market_data::core::FeedCore;
use tidegate_wire::feed::*;

/// Messages that the server of this test keeps for a retransmit.
const KEPT: u64 = 300;

/// Which datagrams arrive, and when.
struct Net {
    random: Flow,
    lost_of_100: u64,
    /// Steps until an outage of both groups ends.
    outage: u64,
    /// (when, bytes)
    on_the_way: Vec<(u64, Vec<u8>)>,
    now: u64,
}

impl Net {
    fn below(&mut self, limit: u64) -> u64 {
        self.random.below(limit)
    }

    /// Both groups get it; each loses, doubles and delays for itself.
    fn publish(&mut self, bytes: &[u8]) {
        for _group in 0..2 {
            if self.outage > 0 || self.below(100) < self.lost_of_100 {
                continue;
            }
            for _copy in 0..1 + u64::from(self.below(10) == 0) {
                let late = if self.below(4) == 0 { self.below(40) } else { 0 };
                self.on_the_way.push((self.now + late, bytes.to_vec()));
            }
        }
    }

    fn arrived(&mut self) -> Vec<Vec<u8>> {
        self.now += 1;
        self.outage = self.outage.saturating_sub(1);
        let (mut here, mut later) = (Vec::new(), Vec::new());
        for (when, bytes) in self.on_the_way.drain(..) {
            if when <= self.now { here.push(bytes) } else { later.push((when, bytes)) }
        }
        self.on_the_way = later;
        here
    }
}

/// What was said on the channel, and the truth about it.
#[derive(Default)]
struct Said {
    messages: Vec<FeedMessage>,
    truths: BTreeMap<(MarketId, u64), Option<Truth>>,
}

impl Said {
    fn take(&mut self, flow: &Flow, channel: FeedChannel, messages: &[FeedMessage]) {
        let messages: Vec<_> = messages.iter().filter(|message| message.head.channel == channel).collect();
        for (place, message) in messages.iter().enumerate() {
            let head = message.head;
            if head.market_last {
                let is_newest = !messages[place + 1..].iter().any(|later| later.head.market == head.market);
                let truth = is_newest.then(|| truth(&flow.engine, head.market));
                self.truths.insert((head.market, head.market_number.raw()), truth);
            }
            self.messages.push(**message);
        }
    }

    /// Where a market is in the channel after the message `through`.
    fn position(&self, market: MarketId, through: FeedNumber) -> Option<FeedHead> {
        let upto = &self.messages[..through.raw() as usize];
        upto.iter().rev().map(|message| message.head).find(|head| head.market == market)
    }

    /// # Panics
    /// When the client is sure of a book that is not the engine's.
    fn assert_no_lie(&self, client: &ChannelFeed) -> usize {
        let mut sure = 0;
        for market in client.markets().filter(|market| client.is_consistent(*market)) {
            let (number, through) = (client.market_number(market), client.through(market));
            let what = format!("{} of market {market} through {through}", client.channel());
            let position = self.position(market, through);
            assert_eq!(number, position.map_or(number, |head| head.market_number), "{what}");
            assert!(position.is_none_or(|head| head.market_last), "{what} is within a command");
            if let Some(Some(truth)) = self.truths.get(&(market, number.raw())) {
                assert_book(client.book(market).unwrap(), truth, &what);
                sure += 1;
            }
        }
        sure
    }
}

fn packets(core: &FeedCore, messages: &[FeedMessage]) -> Vec<Vec<u8>> {
    let (mut builder, mut out) = (PacketBuilder::new(core.stream(), FeedService::Increments), Vec::new());
    let mut send = |bytes: &[u8]| out.push(bytes.to_vec());
    for message in messages {
        let mut frame = Vec::new();
        encode_feed_message(message, &mut frame);
        builder.push(message.head.channel, message.head.number, MarketId::new(0), &frame, &mut send);
    }
    builder.finish(&mut send);
    out
}

fn snapshot_packets(core: &FeedCore, channel: FeedChannel, market: MarketId) -> Vec<Vec<u8>> {
    let (mut builder, mut out) = (PacketBuilder::new(core.stream(), FeedService::Snapshot), Vec::new());
    let mut send = |bytes: &[u8]| out.push(bytes.to_vec());
    core.snapshot(channel, market, |piece| {
        let mut frame = Vec::new();
        encode_feed_snapshot(piece, &mut frame);
        builder.push(channel, piece.head.number, market, &frame, &mut send);
    });
    builder.finish(&mut send);
    out
}

fn receive(client: &mut ChannelFeed, bytes: &[u8], notices: &mut BTreeMap<&'static str, u32>) {
    assert!(bytes.len() <= PACKET_LEN_MAX_BYTES);
    client.on_packet(&decode_packet(bytes).unwrap());
    while let Some(notice) = client.next_notice() {
        let name = match notice {
            Notice::Applied(_) => "applied",
            Notice::Gap { .. } => "gap",
            Notice::Lost { .. } => "lost",
            Notice::Joined { .. } => "joined",
            Notice::Left { .. } => "left",
            Notice::Contradiction { .. } => "contradiction",
            Notice::NewStream => "new_stream",
            Notice::NewHistory => "new_history",
        };
        *notices.entry(name).or_default() += 1;
    }
}

/// Asks for what is missing: some of it comes, over the same bad network, or it is not kept any more.
fn recover(net: &mut Net, core: &FeedCore, said: &Said, client: &mut ChannelFeed) {
    let Some((first, last)) = client.missing() else { return };
    let oldest = core.next().of(client.channel()).raw().saturating_sub(KEPT).max(1);
    if first.raw() < oldest {
        client.on_lost(first, FeedNumber::new(last.raw().min(oldest - 1)));
    } else {
        let last = last.raw().min(first.raw() + 40) as usize;
        for packet in packets(core, &said.messages[first.raw() as usize - 1..last]) {
            net.publish(&packet);
        }
    }
}

fn run(seed: u64, channel: FeedChannel, totals: &mut BTreeMap<&'static str, u32>) -> usize {
    let mut flow = Flow::new(seed);
    let (mut core, mut said) = (FeedCore::default(), Said::default());
    let prelude = flow.prelude();
    said.take(&flow, channel, &feed(&mut core, &prelude));
    let mut net = Net { random: Flow::new(seed ^ 0xfeed), lost_of_100: 0, outage: 0, on_the_way: Vec::new(), now: 0 };
    net.lost_of_100 = [0, 5, 30, 60][net.below(4) as usize];
    let retransmits = net.below(3) > 0;
    let starts_at = net.below(200);
    let (mut client, mut sure) = (ChannelFeed::new(channel, Scope::Multicast), 0);
    for at in 0..1_200 {
        let events = step(&mut flow);
        let messages = feed(&mut core, &events);
        said.take(&flow, channel, &messages);
        let mine: Vec<_> = messages.into_iter().filter(|message| message.head.channel == channel).collect();
        if at >= starts_at {
            packets(&core, &mine).iter().for_each(|packet| net.publish(packet));
        }
        if net.below(20) == 0 {
            net.publish(&PacketBuilder::heartbeat(core.stream(), channel, core.next().of(channel)));
        }
        if net.below(25) == 0 {
            let market = MarketId::new(1 + net.below(2) as u32);
            snapshot_packets(&core, channel, market).iter().for_each(|packet| net.publish(packet));
        }
        if net.below(150) == 0 {
            net.outage = net.below(60);
        }
        for bytes in net.arrived() {
            receive(&mut client, &bytes, totals);
            sure += said.assert_no_lie(&client);
        }
        if net.below(5) == 0 {
            if retransmits {
                recover(&mut net, &core, &said, &mut client);
            } else if let Some((first, last)) = client.missing() {
                client.on_lost(first, last);
            }
            sure += said.assert_no_lie(&client);
        }
    }
    // The network is good from here on.
    (net.lost_of_100, net.outage) = (0, 0);
    net.publish(&PacketBuilder::heartbeat(core.stream(), channel, core.next().of(channel)));
    let mut rounds = 0;
    while client.waiting().count() > 0 || client.missing().is_some() || client.markets().count() < 2 || rounds == 0 {
        rounds += 1;
        assert!(
            rounds < 1_000,
            "it does not recover: {:?} {:?}",
            client.missing(),
            client.waiting().collect::<Vec<_>>()
        );
        recover(&mut net, &core, &said, &mut client);
        for market in core.markets().collect::<Vec<_>>() {
            snapshot_packets(&core, channel, market).iter().for_each(|packet| net.publish(packet));
        }
        for _ in 0..50 {
            for bytes in net.arrived() {
                receive(&mut client, &bytes, totals);
                sure += said.assert_no_lie(&client);
            }
        }
    }
    for market in core.markets() {
        assert!(client.is_consistent(market), "market {market}");
        assert_eq!(client.through(market).next(), core.next().of(channel));
        assert_book(client.book(market).unwrap(), &truth(&flow.engine, market), "at the end");
    }
    sure
}

#[test]
fn any_loss_on_both_groups_ends_with_the_engines_books_and_no_wrong_book_is_called_consistent() {
    let first = std::env::var("FEED_SEED").map_or_else(|_| random_seed(), |seed| seed.parse().unwrap());
    println!("FEED_SEED={first} repeats this run");
    let (mut totals, mut sure) = (BTreeMap::new(), 0);
    for seed in first..first + 24 {
        println!("seed {seed}");
        for channel in [FeedChannel::Orders, FeedChannel::Levels, FeedChannel::Trades] {
            sure += run(seed, channel, &mut totals);
        }
    }
    println!("{totals:?}, {sure} comparisons of a book that was said to be consistent");
    for notice in ["applied", "gap", "lost", "joined"] {
        assert!(totals.contains_key(notice), "the network was too good to prove anything: {totals:?}");
    }
    assert!(sure > 10_000, "{sure}");
    assert!(!totals.contains_key("contradiction"), "nothing was forged: {totals:?}");
}

fn random_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish() >> 1
}

/// Levels of the channel orders are those of the channel levels, message by message of the other.
#[test]
fn levels_made_of_orders_are_the_levels_of_the_other_channel() {
    let recording = common::record(11, 3_000);
    let [mut orders, mut levels] =
        [FeedChannel::Orders, FeedChannel::Levels].map(|channel| ChannelFeed::new(channel, Scope::Whole));
    let mut of_levels = recording.messages[FeedChannel::Levels.at()].iter().peekable();
    let mut compared = 0;
    for message in &recording.messages[FeedChannel::Orders.at()] {
        orders.on_message(message);
        if !message.head.last {
            continue;
        }
        while let Some(level) = of_levels.next_if(|level| level.head.sequence <= message.head.sequence) {
            levels.on_message(level);
        }
        for market in recording.core.markets().filter(|market| orders.is_consistent(*market)) {
            for side in SIDES {
                let of = |feed: &ChannelFeed| feed.book(market).unwrap().levels(side, usize::MAX);
                assert_eq!(of(&orders), of(&levels), "market {market} {side} after {}", message.head.sequence);
                compared += 1;
            }
        }
    }
    assert!(compared > 3_000);
}

#[test]
fn a_checksum_that_differs_ends_the_trust_in_the_book_until_a_snapshot() {
    let recording = common::record(12, 2_000);
    let messages = &recording.messages[FeedChannel::Levels.at()];
    let mut client = ChannelFeed::new(FeedChannel::Levels, Scope::Whole);
    // A level whose quantity is not what the server said, as a broken memory or a forger would have it.
    let forged =
        messages.iter().rposition(|message| matches!(message.body, FeedBody::Level { lots: 2.., .. })).unwrap();
    let market = messages[forged].head.market;
    let mut contradicted = false;
    for (at, message) in messages.iter().enumerate().take(forged + 1) {
        let mut message = *message;
        if let FeedBody::Level { lots, .. } = &mut message.body
            && at == forged
        {
            *lots -= 1;
        }
        client.on_message(&message);
    }
    assert!(client.is_consistent(market), "nobody can know yet");
    let head = FeedHead {
        number: client.next(),
        market_number: client.market_number(market).next(),
        market_last: true,
        ..messages[forged].head
    };
    let truth = LevelsOf(&recording, forged);
    client.on_message(&FeedMessage { head, body: FeedBody::Checksum { checksum: truth.checksum(market) } });
    while let Some(notice) = client.next_notice() {
        contradicted |= matches!(notice, Notice::Contradiction { .. });
    }
    assert!(contradicted && !client.is_consistent(market) && client.waiting().any(|waiting| waiting == market));
}

/// The books that the first messages make.
struct LevelsOf<'a>(&'a common::Recording, usize);

impl LevelsOf<'_> {
    fn checksum(&self, market: MarketId) -> u32 {
        let mut client = ChannelFeed::new(FeedChannel::Levels, Scope::Whole);
        self.0.messages[FeedChannel::Levels.at()][..=self.1].iter().for_each(|message| client.on_message(message));
        let [bids, asks] = SIDES.map(|side| client.book(market).unwrap().levels(side, usize::MAX));
        book_checksum(bids.into_iter(), asks.into_iter())
    }
}
