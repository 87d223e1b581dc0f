//! What the feed's thread knows: the core, the newest messages, snapshots that can be used again, who may ask for what.
//!
//! ```text
//!   events --[Hub::take]--> FeedCore --> Recent, by channel --> connections, multicast
//!                               '--[Hub::snapshot]--> frames of one market, shared by all that ask --'
//! ```
//!
//! Invariants: between two calls it is at the end of a command. A snapshot is used again while what came after it is
//! surely kept, so that many who ask at once cost one of them. Owning thread: `market-data`; tasks of it borrow it and never across an await.

use std::collections::BTreeMap;
use std::rc::Rc;

use tidegate_domain::{EventRecord, MarketId};
use tidegate_wire::feed::{ChannelMarks, FeedChannel, FeedMessage, FeedNumber, encode_feed_snapshot};

use crate::FeedError;
use crate::config::FeedConfig;
use crate::core::FeedCore;
use crate::limits::Limits;
use crate::recent::Recent;
use crate::stats::FeedStats;

/// A snapshot is made anew when more than this part of the kept messages came after it.
const SNAPSHOT_AGE_PART: u64 = 8;

/// The frames of one market's snapshot.
#[derive(Debug)]
pub(crate) struct SnapshotFrames {
    /// What it includes.
    pub(crate) number: FeedNumber,
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
    snapshots: BTreeMap<(FeedChannel, MarketId), Rc<SnapshotFrames>>,
    out: Vec<FeedMessage>,
}

impl Hub {
    pub(crate) fn new(config: &FeedConfig, core: FeedCore, stats: FeedStats) -> Self {
        let next = core.next();
        let recent = [FeedChannel::Orders, FeedChannel::Levels, FeedChannel::Trades]
            .map(|channel| Recent::new(config.keep_messages, next.of(channel)));
        let limits = Limits::new(config.connections_max, config.connections_per_ip_max, config.recovery_per_second);
        Self { core, recent, limits, stats, snapshots: BTreeMap::new(), out: Vec::new() }
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
        self.stats.set(|c| &c.through, self.core.through().raw());
        let last = |channel: FeedChannel| self.recent[channel.at()].next().previous().raw();
        self.stats.set(|c| &c.orders, last(FeedChannel::Orders));
        self.stats.set(|c| &c.levels, last(FeedChannel::Levels));
        self.stats.set(|c| &c.trades, last(FeedChannel::Trades));
        Ok(())
    }

    pub(crate) fn next(&self) -> ChannelMarks {
        ChannelMarks::from_fn(|channel| self.recent[channel.at()].next())
    }

    pub(crate) fn oldest(&self) -> ChannelMarks {
        ChannelMarks::from_fn(|channel| self.recent[channel.at()].oldest())
    }

    /// A market's snapshot, perhaps one from before whose later messages are all kept.
    pub(crate) fn snapshot(&mut self, channel: FeedChannel, market: MarketId) -> Option<Rc<SnapshotFrames>> {
        let recent = &self.recent[channel.at()];
        let (next, oldest) = (recent.next().raw(), recent.oldest().raw());
        if let Some(frames) = self.snapshots.get(&(channel, market)) {
            let after = frames.number.next().raw();
            if after >= oldest && next - after <= (next - oldest) / SNAPSHOT_AGE_PART {
                return Some(Rc::clone(frames));
            }
        }
        let (mut starts, mut bytes) = (vec![0], Vec::new());
        let number = self.core.snapshot(channel, market, |piece| {
            encode_feed_snapshot(piece, &mut bytes);
            starts.push(bytes.len());
        })?;
        let frames = Rc::new(SnapshotFrames { number, starts, bytes });
        self.snapshots.insert((channel, market), Rc::clone(&frames));
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
