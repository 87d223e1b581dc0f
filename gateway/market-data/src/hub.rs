//! What the feed's thread knows: the core, the newest messages, snapshots that can be used again, who may ask for what.
//!
//! ```text
//!   events --[Hub::take]--> FeedCore --> Recent, by channel --> connections, multicast
//!                               '--[Hub::snapshot]--> frames of one market, shared by all that ask --'
//! ```
//!
//! Invariants: between two calls it is at the end of a command. A snapshot is used again while what came after it is
//! surely kept, so that many who ask at once cost one of them; one that was replaced stays only while somebody still sends it and
//! what came after it is kept, so that readers decide nothing about how many there are. Owning thread: `market-data`; tasks of it borrow it and never across an await.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tidegate_domain::{Epoch, EventRecord, MarketId};
use tidegate_wire::feed::{ChannelMarks, FeedChannel, FeedMessage, FeedNumber, encode_feed_snapshot};

use crate::FeedError;
use crate::checkpoint::{self, Place};
use crate::config::FeedConfig;
use crate::core::FeedCore;
use crate::limits::Limits;
use crate::recent::Recent;
use crate::stats::FeedStats;

/// A snapshot is made anew when more than this part of the kept messages came after it.
const SNAPSHOT_AGE_PART: u64 = 8;
/// Or when it is older than this and anything came after it: a reader of multicast needs one that includes what was before it
/// began to listen, and on a quiet feed few messages come.
const SNAPSHOT_AGE_MAX: Duration = Duration::from_secs(5);

/// A checkpoint waits at most so many times the events between two of them for the channels that say little.
const CHECKPOINT_WAITS: u64 = 16;

/// The frames of one market's snapshot.
#[derive(Debug)]
pub(crate) struct SnapshotFrames {
    /// What it includes.
    pub(crate) number: FeedNumber,
    /// The term in which it was made: no later message is of an earlier one.
    epoch: Epoch,
    channel: FeedChannel,
    /// When, since the start.
    made_at: Duration,
    /// Where each frame begins, and the end of the last.
    pub(crate) starts: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl SnapshotFrames {
    pub(crate) fn pieces(&self) -> u64 {
        self.starts.len() as u64 - 1
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) core: FeedCore,
    pub(crate) recent: [Recent; 3],
    pub(crate) limits: Limits,
    pub(crate) stats: FeedStats,
    /// The last event that was taken.
    last: Option<EventRecord>,
    /// How many were, since a checkpoint was made.
    events_since: u64,
    /// A checkpoint that is not written yet, and the next number of each channel when it was made.
    unwritten: Option<(Vec<u8>, ChannelMarks)>,
    snapshots: BTreeMap<(FeedChannel, MarketId), Rc<SnapshotFrames>>,
    /// Those that were replaced, and are still being sent.
    replaced: Vec<Rc<SnapshotFrames>>,
    out: Vec<FeedMessage>,
}

impl Hub {
    pub(crate) fn new(config: &FeedConfig, core: FeedCore, stats: FeedStats) -> Self {
        let next = core.next();
        let recent = [FeedChannel::Orders, FeedChannel::Levels, FeedChannel::Trades]
            .map(|channel| Recent::new(config.keep_messages, next.of(channel)));
        let limits = Limits::new(config.connections_max, config.connections_per_ip_max, config.recovery_per_second);
        let (last, events_since, unwritten) = (None, 0, None);
        let (snapshots, replaced, out) = (BTreeMap::new(), Vec::new(), Vec::new());
        let hub = Self { core, recent, limits, stats, last, events_since, unwritten, snapshots, replaced, out };
        hub.count();
        hub
    }

    /// Takes events of whole commands.
    pub(crate) fn take(&mut self, events: &[EventRecord]) -> Result<(), FeedError> {
        for record in events {
            let (header, event) = record.decode().map_err(|source| FeedError::Record {
                sequence: record.sequence(),
                index: record.index(),
                source,
            })?;
            self.core.on_event(&header, &event, &mut self.out);
        }
        for message in self.out.drain(..) {
            self.recent[message.head.channel.at()].push(&message);
        }
        let recent = &self.recent;
        self.replaced.retain(|frames| {
            Rc::weak_count(frames) > 0 && frames.number.next() >= recent[frames.channel.at()].oldest()
        });
        self.last = events.last().copied().or(self.last);
        self.events_since += events.len() as u64;
        self.count();
        Ok(())
    }

    /// Makes and writes checkpoints. One is written when all the messages that are kept came after it, on every channel: the
    /// start that reads it makes them again, so readers can go on where they were. A channel that says little does not put that
    /// off for ever: after [`CHECKPOINT_WAITS`] times the events between two checkpoints it is written all the same, and after a
    /// start such a channel has fewer of its old messages. What cannot be written makes the next start longer, and nothing else.
    pub(crate) fn checkpoint(&mut self, config: &FeedConfig) {
        let Some(file) = &config.checkpoint else { return };
        let (next, keep) = (self.next(), config.keep_messages as u64);
        let has_waited = self.events_since >= config.checkpoint_every_events.saturating_mul(CHECKPOINT_WAITS);
        let is_due = |made_at: &ChannelMarks| {
            let is_after = |channel: &FeedChannel| next.of(*channel).raw() - made_at.of(*channel).raw() >= keep;
            has_waited || FeedChannel::ALL.iter().all(is_after)
        };
        if let Some((bytes, _)) = self.unwritten.take_if(|(_, made_at)| is_due(made_at))
            && let Err(error) = checkpoint::save(file, &bytes)
        {
            tracing::warn!(file = %file.display(), %error, "the feed's checkpoint cannot be written");
        }
        if self.unwritten.is_none()
            && self.events_since >= config.checkpoint_every_events
            && let Some(last) = &self.last
        {
            let place = Place::after(last).expect("an event that was taken can be read");
            self.unwritten = Some((checkpoint::encode(&self.core, place), next));
            self.events_since = 0;
        }
    }

    /// How far it is, for metrics.
    fn count(&self) {
        self.stats.set(|c| &c.through, self.core.through().raw());
        let last = |channel: FeedChannel| self.recent[channel.at()].next().previous().raw();
        self.stats.set(|c| &c.orders, last(FeedChannel::Orders));
        self.stats.set(|c| &c.levels, last(FeedChannel::Levels));
        self.stats.set(|c| &c.trades, last(FeedChannel::Trades));
    }

    pub(crate) fn next(&self) -> ChannelMarks {
        ChannelMarks::from_fn(|channel| self.recent[channel.at()].next())
    }

    pub(crate) fn oldest(&self) -> ChannelMarks {
        ChannelMarks::from_fn(|channel| self.recent[channel.at()].oldest())
    }

    /// A market's snapshot, perhaps one from before that is as good.
    pub(crate) fn snapshot(
        &mut self,
        channel: FeedChannel,
        market: MarketId,
        now: Duration,
    ) -> Option<Rc<SnapshotFrames>> {
        let recent = &self.recent[channel.at()];
        let (next, oldest) = (recent.next().raw(), recent.oldest().raw());
        let epoch = self.core.epoch;
        if let Some(frames) = self.snapshots.get(&(channel, market)) {
            let after = frames.number.next().raw();
            let is_recent = next - after <= (next - oldest) / SNAPSHOT_AGE_PART
                && now.saturating_sub(frames.made_at) < SNAPSHOT_AGE_MAX;
            // A reader of multicast that heard of a new term believes no snapshot of an earlier one.
            if frames.epoch == epoch && (after == next || is_recent) {
                return Some(Rc::clone(frames));
            }
        }
        let (mut starts, mut bytes) = (vec![0], Vec::new());
        let number = self.core.snapshot(channel, market, |piece| {
            encode_feed_snapshot(piece, &mut bytes);
            starts.push(bytes.len());
        })?;
        let frames = Rc::new(SnapshotFrames { number, epoch, channel, made_at: now, starts, bytes });
        let before = self.snapshots.insert((channel, market), Rc::clone(&frames));
        self.replaced.extend(before.filter(|before| Rc::weak_count(before) > 0));
        Some(frames)
    }

    /// The markets that a request means; `None` for one that does not exist.
    pub(crate) fn markets_of(&self, market: Option<MarketId>) -> Option<Vec<MarketId>> {
        match market {
            None => Some(self.core.markets().collect()),
            Some(market) => self.core.book(market).map(|_| vec![market]),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "../tests/hub/mod.rs"]
mod tests;
