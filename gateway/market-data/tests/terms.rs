//! Two leaders, one after the other, and the tail of the first that was lost with it: a client that had it never calls a
//! book consistent that is not that of the leader which goes on.
#![allow(clippy::unwrap_used)]

mod common;

use common::flow::Flow;
use common::{assert_book, feed, step, truth};
use tidegate_domain::*;
use tidegate_feed_client::{ChannelFeed, Scope};
use tidegate_market_data::core::FeedCore;
use tidegate_wire::feed::*;

const CHANNEL: FeedChannel = FeedChannel::Orders;
const MARKETS: [MarketId; 2] = [MarketId::new(1), MarketId::new(2)];

/// An engine and what the feed says of it.
struct Leader {
    flow: Flow,
    core: FeedCore,
    said: Vec<FeedMessage>,
}

impl Leader {
    /// The same seed gives the same beginning.
    fn new(seed: u64, steps: usize) -> Self {
        let mut leader = Self { flow: Flow::new(seed), core: FeedCore::default(), said: Vec::new() };
        let prelude = leader.flow.prelude();
        leader.take(&prelude);
        leader.play(steps);
        leader
    }

    fn take(&mut self, events: &[EventRecord]) {
        let messages = feed(&mut self.core, events);
        self.said.extend(messages.into_iter().filter(|message| message.head.channel == CHANNEL));
    }

    fn play(&mut self, steps: usize) {
        for _ in 0..steps {
            let events = step(&mut self.flow);
            self.take(&events);
        }
    }

    /// Takes the lead in a term; what the random commands are from here on is another matter than with the leader before.
    fn lead(&mut self, epoch: u32) {
        self.flow.epoch = Epoch::new(epoch);
        let command = Command::TakeLead { node: NodeId::new(2), incarnation: 1, session_grace: Nanos::from_millis(10) };
        let events = self.flow.apply(0, 0, command);
        self.take(&events);
        self.flow.below(7);
    }

    fn next(&self) -> u64 {
        self.said.len() as u64 + 1
    }

    /// Messages of these numbers.
    fn messages(&self, numbers: std::ops::Range<u64>) -> &[FeedMessage] {
        &self.said[numbers.start as usize - 1..numbers.end as usize - 1]
    }

    fn snapshots(&self) -> Vec<SnapshotMessage> {
        let mut pieces = Vec::new();
        for market in MARKETS {
            self.core.snapshot(CHANNEL, market, |piece| pieces.push(*piece));
        }
        pieces
    }
}

fn packet(leader: &Leader, messages: &[FeedMessage]) -> Packet {
    let first = messages[0].head.number;
    Packet::Increments { stream: leader.core.stream(), channel: CHANNEL, first, messages: messages.to_vec() }
}

fn snapshot_packet(leader: &Leader, pieces: &[SnapshotMessage]) -> Packet {
    Packet::Snapshot { stream: leader.core.stream(), pieces: pieces.to_vec() }
}

/// A client that has all that this leader said.
fn follower(leader: &Leader, scope: Scope) -> ChannelFeed {
    let mut client = ChannelFeed::new(CHANNEL, scope);
    client.on_packet(&packet(leader, &leader.said));
    for market in MARKETS {
        assert!(client.is_consistent(market));
        assert_book(client.book(market).unwrap(), &truth(&leader.flow.engine, market), "of the first leader");
    }
    client
}

/// How many books the client is sure of; all of them are this leader's.
fn sure(client: &ChannelFeed, leader: &Leader, what: &str) -> usize {
    let markets = MARKETS.into_iter().filter(|market| client.is_consistent(*market));
    markets
        .inspect(|market| assert_book(client.book(*market).unwrap(), &truth(&leader.flow.engine, *market), what))
        .count()
}

/// Two nodes with the same beginning; the second takes the lead without the last of what the first said, and goes on until
/// it has said more than the first.
fn failover(seed: u64) -> (Leader, Leader, u64) {
    println!("seed {seed}");
    let (first, mut second) = (Leader::new(seed, 400), Leader::new(seed, 360));
    let began = second.next();
    second.lead(2);
    while second.next() < first.next() + 20 {
        second.play(1);
    }
    assert!(first.next() > began, "something was lost");
    (first, second, began)
}

/// A snapshot of the later term that includes less than the client has was joined, and the rest of the later term passed for
/// messages that come twice.
#[test]
fn a_snapshot_of_a_later_term_that_includes_less_than_is_known_begins_the_channel_again() {
    let mut proven = 0;
    for seed in 81..91 {
        let (first, mut second, began) = failover(seed);
        let mut early = Leader::new(seed, 360);
        early.lead(2);
        while early.next() < began + 3 {
            early.play(1);
        }
        if early.next() >= first.next() {
            // It includes more than is known.
            continue;
        }
        proven += 1;
        second.play(50);
        for scope in [Scope::Multicast, Scope::Whole] {
            let mut client = follower(&first, scope);
            // A gap, so that a snapshot is looked at, and then everything of the later term.
            client.on_next(FeedNumber::new(first.next() + 10));
            client.on_packet(&snapshot_packet(&early, &early.snapshots()));
            client.on_packet(&packet(&second, second.messages(early.next()..second.next())));
            assert_eq!(sure(&client, &second, "after a snapshot of a later term"), MARKETS.len());
        }
    }
    assert!(proven >= 5, "{proven} of 10 seeds");
}

/// The messages that the second leader said under the numbers of the lost ones did not come, and the next one was taken for
/// what comes after those that were lost.
#[test]
fn a_term_that_begins_at_the_expected_number_over_the_groups_is_proven_by_snapshots_only() {
    for seed in 91..101 {
        let (first, mut second, began) = failover(seed);
        let mut client = follower(&first, Scope::Multicast);
        client.on_packet(&packet(&second, second.messages(first.next()..second.next())));
        assert_eq!(sure(&client, &second, "nothing says which history it is"), 0);
        assert_eq!(client.waiting().count(), MARKETS.len());
        // Datagrams and snapshots of the leader that is gone may still be on the way.
        client.on_packet(&packet(&first, first.messages(began..first.next())));
        client.on_packet(&snapshot_packet(&first, &first.snapshots()));
        assert_eq!(sure(&client, &second, "after what came late"), 0);
        client.on_packet(&snapshot_packet(&second, &second.snapshots()));
        assert_eq!(sure(&client, &second, "after snapshots"), MARKETS.len());
        let from = second.next();
        second.play(50);
        client.on_packet(&packet(&second, second.messages(from..second.next())));
        assert_eq!(sure(&client, &second, "in the end"), MARKETS.len());
    }
}

/// A node that lost its tail by a power cut and was not replaced keeps its term: only what the messages say shows it.
#[test]
fn a_number_that_comes_again_with_another_message_of_the_same_term_begins_the_channel_again() {
    for seed in 101..111 {
        println!("seed {seed}");
        let (first, mut second) = (Leader::new(seed, 400), Leader::new(seed, 360));
        let began = second.next();
        second.lead(1);
        while second.next() < first.next() + 20 {
            second.play(1);
        }
        for scope in [Scope::Multicast, Scope::Whole] {
            let mut client = follower(&first, scope);
            client.on_packet(&packet(&second, second.messages(began..second.next())));
            sure(&client, &second, "of a history that shows itself");
            client.on_packet(&snapshot_packet(&second, &second.snapshots()));
            assert_eq!(sure(&client, &second, "in the end"), MARKETS.len());
        }
    }
}

/// The same of a client that took no message, and knows the books from snapshots only.
#[test]
fn a_message_that_is_younger_than_a_snapshot_that_includes_it_begins_the_channel_again() {
    for seed in 111..116 {
        println!("seed {seed}");
        let (first, mut second) = (Leader::new(seed, 400), Leader::new(seed, 360));
        // The machine is down for a while.
        for _ in 0..400 {
            second.lead(1);
        }
        while second.next() < first.next() + 20 {
            second.play(1);
        }
        for scope in [Scope::Multicast, Scope::Whole] {
            let mut client = ChannelFeed::new(CHANNEL, scope);
            client.on_packet(&snapshot_packet(&first, &first.snapshots()));
            client.on_next(FeedNumber::new(first.next()));
            assert_eq!(sure(&client, &first, "of the first leader"), MARKETS.len());
            // What TCP asks for again.
            client.on_packet(&packet(&second, second.messages(first.next() - 1..second.next())));
            assert_eq!(sure(&client, &second, "of a history that shows itself"), 0);
            client.on_packet(&snapshot_packet(&second, &second.snapshots()));
            assert_eq!(sure(&client, &second, "in the end"), MARKETS.len());
        }
    }
}
