//! The core against the engine: what the feed says makes exactly the books that the engine has, under every kind of command.
#![allow(clippy::unwrap_used)]

mod common;

#[path = "../../../engine/matching/tests/model/play.rs"]
mod play;

use std::collections::BTreeMap;

use common::{SIDES, assert_book, channels, feed, record, step, truth};
use proptest::test_runner::TestRunner;
use tidegate_domain::*;
use tidegate_feed_client::channel::Book;
use tidegate_feed_client::{ChannelFeed, Notice, Scope};
use tidegate_market_data::core::FeedCore;
use tidegate_matching::Engine;
use tidegate_wire::feed::{FeedBody, FeedChannel, FeedMessage, FeedNumber, MarketNumber};

/// A client of every channel that misses nothing.
struct Followers([ChannelFeed; 3]);

impl Followers {
    fn new() -> Self {
        Self([FeedChannel::Orders, FeedChannel::Levels, FeedChannel::Trades].map(|c| ChannelFeed::new(c, Scope::Whole)))
    }

    fn take(&mut self, messages: &[FeedMessage]) {
        for message in messages {
            let follower = &mut self.0[message.head.channel.at()];
            follower.on_message(message);
            while let Some(notice) = follower.next_notice() {
                assert!(matches!(notice, Notice::Applied(_)), "{notice:?}");
            }
        }
    }

    /// # Panics
    /// Where a book is not the engine's, or the clients are not sure of it.
    fn assert(&self, core: &FeedCore, engine: &Engine) {
        for (market, ..) in engine.markets() {
            let truth = truth(engine, market);
            let what = format!("market {market} after {}", engine.applied_through());
            assert_book(&Book::Orders(core.book(market).unwrap().clone()), &truth, &what);
            for follower in &self.0 {
                assert!(follower.is_consistent(market), "{what}, {}", follower.channel());
                assert_book(follower.book(market).unwrap(), &truth, &what);
            }
            let best = SIDES.map(|side| truth.levels[side as usize - 1].first().map(|level| level.price));
            assert!(!matches!(best, [Some(bid), Some(ask)] if bid >= ask), "{what}: crossed {best:?}");
        }
    }
}

#[test]
fn books_of_the_feed_are_the_engines_after_every_command() {
    for seed in 1..=4 {
        println!("seed {seed}");
        let (mut flow, mut core, mut followers) =
            (common::flow::Flow::new(seed), FeedCore::default(), Followers::new());
        followers.take(&feed(&mut core, &flow.prelude()));
        let mut said = BTreeMap::<&str, u32>::new();
        for _ in 0..6_000 {
            let messages = feed(&mut core, &step(&mut flow));
            for message in &messages {
                *said.entry(kind(&message.body)).or_default() += 1;
            }
            followers.take(&messages);
            followers.assert(&core, &flow.engine);
        }
        println!("{said:?}");
        let kinds = ["added", "changed", "checksum", "deleted", "executed", "level", "state", "trade"];
        assert_eq!(said.keys().copied().collect::<Vec<_>>(), kinds);
        assert!(said["executed"] > 500 && said["checksum"] > 50, "the flow is too thin to prove anything: {said:?}");
    }
}

fn kind(body: &FeedBody) -> &'static str {
    match body {
        FeedBody::Market { .. } => "market",
        FeedBody::State { .. } => "state",
        FeedBody::OrderAdded { .. } => "added",
        FeedBody::OrderExecuted { .. } => "executed",
        FeedBody::OrderChanged { .. } => "changed",
        FeedBody::OrderDeleted { .. } => "deleted",
        FeedBody::Level { .. } => "level",
        FeedBody::Trade { .. } => "trade",
        FeedBody::Checksum { .. } => "checksum",
    }
}

/// The commands of the engine's own model test: everything that it knows, in tables that are full most of the time.
#[test]
fn books_of_the_feed_are_the_engines_under_the_commands_of_the_model_test() {
    let mut runner = TestRunner::new(play::config(48));
    let result = runner.run(&play::steps(), |steps| {
        let mut script = play::Script::default();
        let (mut engine, mut core, mut followers) = (Engine::new(), FeedCore::default(), Followers::new());
        let mut apply = |script: &mut play::Script, record: &CommandRecord| {
            let mut out = EventBuffer::default();
            engine.apply(record, &mut out);
            out.records().iter().for_each(|event| script.learn(&event.decode().unwrap().1));
            followers.take(&feed(&mut core, out.records()));
            followers.assert(&core, &engine);
        };
        for record in script.prelude() {
            apply(&mut script, &record);
        }
        for step in &steps {
            for record in script.records(step) {
                apply(&mut script, &record);
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn numbers_are_dense_and_the_last_message_of_a_command_says_so() {
    let recording = record(5, 4_000);
    for channel in channels() {
        let messages = &recording.messages[channel.at()];
        let mut of_market = BTreeMap::<MarketId, MarketNumber>::new();
        for (at, message) in messages.iter().enumerate() {
            let head = message.head;
            assert_eq!(head.number, FeedNumber::new(at as u64 + 1));
            let last = of_market.entry(head.market).or_default();
            *last = last.next();
            assert_eq!(head.market_number, *last);
            let next = messages.get(at + 1).map(|next| next.head);
            assert_eq!(head.last, next.is_none_or(|next| next.sequence != head.sequence), "{head:?} {next:?}");
            let later = messages[at + 1..].iter().take_while(|later| later.head.sequence == head.sequence);
            assert_eq!(head.market_last, !later.into_iter().any(|later| later.head.market == head.market));
        }
        assert_eq!(recording.core.next().of(channel), FeedNumber::new(messages.len() as u64 + 1));
    }
}

#[test]
fn the_same_events_make_the_same_messages_whatever_else_a_release_was_marked_with() {
    let (_, events) = common::flow::events(6, 2_000);
    let (mut one, mut other) = (FeedCore::default(), FeedCore::default());
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for event in &events {
        let (mut header, event) = event.decode().unwrap();
        one.on_event(&header, &event, &mut first);
        header.flags = header.flags.with(EventFlags::DEGRADED);
        other.on_event(&header, &event, &mut second);
    }
    assert!(first.len() > 1_000);
    assert_eq!(first, second);
}

#[test]
fn a_snapshot_at_any_time_is_what_the_messages_up_to_it_made() {
    let (mut flow, mut core) = (common::flow::Flow::new(8), FeedCore::default());
    feed(&mut core, &flow.prelude());
    for _ in 0..300 {
        for _ in 0..10 {
            feed(&mut core, &step(&mut flow));
        }
        for channel in channels() {
            for market in core.markets().collect::<Vec<_>>() {
                let mut follower = ChannelFeed::new(channel, Scope::Whole);
                let number = core.snapshot(channel, market, |piece| follower.on_snapshot(piece));
                assert_eq!(number.map(FeedNumber::next), Some(core.next().of(channel)));
                assert_book(follower.book(market).unwrap(), &truth(&flow.engine, market), "snapshot");
            }
        }
    }
    assert_eq!(core.snapshot(FeedChannel::Orders, MarketId::new(99), |_| panic!("nothing is told")), None);
}
