//! When a checkpoint is written, and which snapshots are used again.

use std::net::SocketAddr;

use tidegate_domain::NodeId;

use super::*;
use crate::flow::Flow;

const START: Duration = Duration::ZERO;

fn config(file: &std::path::Path) -> FeedConfig {
    let mut config = FeedConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)), NodeId::new(1));
    (config.checkpoint, config.keep_messages, config.checkpoint_every_events) = (Some(file.to_owned()), 1_024, 200);
    config
}

/// It was written when the channel orders alone had enough messages, and a start from it could not give the old trades.
#[test]
fn a_checkpoint_is_written_when_all_that_is_kept_on_every_channel_came_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.checkpoint");
    let mut config = config(&file);
    // Waiting is asked about in the other test.
    config.checkpoint_every_events = 1_000;
    let mut hub = Hub::new(&config, FeedCore::default(), FeedStats::default());
    let mut flow = Flow::new(61);
    hub.take(&flow.prelude()).unwrap();
    while !file.exists() {
        hub.take(&flow.step()).unwrap();
        hub.checkpoint(&config);
        assert!(hub.events_since < 16_000, "the flow has trades enough");
    }
    let (core, _) = checkpoint::decode(&std::fs::read(&file).unwrap()).unwrap();
    for channel in FeedChannel::ALL {
        assert!(core.next().of(*channel) <= hub.oldest().of(*channel), "{channel}");
    }
}

#[test]
fn a_channel_that_says_nothing_does_not_put_a_checkpoint_off_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.checkpoint");
    let mut config = config(&file);
    config.keep_messages = usize::MAX;
    let mut hub = Hub::new(&config, FeedCore::default(), FeedStats::default());
    let mut flow = Flow::new(62);
    hub.take(&flow.prelude()).unwrap();
    let mut events = 0;
    while !file.exists() {
        let step = flow.step();
        events += step.len() as u64;
        hub.take(&step).unwrap();
        hub.checkpoint(&config);
        assert!(events < 200 * (CHECKPOINT_WAITS + 2), "it never comes");
    }
    assert!(events >= 200 * CHECKPOINT_WAITS);
}

#[test]
fn a_snapshot_is_used_again_until_a_new_term_begins_or_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = Hub::new(&config(folder.path()), FeedCore::default(), FeedStats::default());
    let mut flow = Flow::new(63);
    hub.take(&flow.prelude()).unwrap();
    for _ in 0..400 {
        hub.take(&flow.step()).unwrap();
    }
    let (channel, market) = (FeedChannel::Orders, MarketId::new(1));
    let first = hub.snapshot(channel, market, START).unwrap();
    assert!(Rc::ptr_eq(&first, &hub.snapshot(channel, market, SNAPSHOT_AGE_MAX * 2).unwrap()), "nothing came after it");
    let before = hub.next().of(channel);
    while hub.next().of(channel) == before {
        hub.take(&flow.step()).unwrap();
    }
    let young = SNAPSHOT_AGE_MAX - Duration::from_millis(1);
    assert!(Rc::ptr_eq(&first, &hub.snapshot(channel, market, young).unwrap()), "what came after it is kept");
    let second = hub.snapshot(channel, market, SNAPSHOT_AGE_MAX).unwrap();
    assert!(second.number > first.number, "it is too old");
    flow.epoch = tidegate_domain::Epoch::new(flow.epoch.raw() + 1);
    while hub.core.epoch != flow.epoch {
        hub.take(&flow.step()).unwrap();
    }
    let third = hub.snapshot(channel, market, SNAPSHOT_AGE_MAX).unwrap();
    assert!(!Rc::ptr_eq(&second, &third) && third.epoch == flow.epoch, "a later term began");
}
