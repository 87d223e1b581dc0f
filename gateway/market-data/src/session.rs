//! One connection of the feed, without its socket: requests in, bytes out, from the hub.
//!
//! ```text
//!   request --[Session::on_frame]--> jobs: snapshots, messages that are sent again --.
//!   newest messages, from the cursor of each channel --------------------------------+--[Session::fill]--> bytes
//! ```
//!
//! Invariants: a session keeps places, not messages: what it will send is in the hub's rings and snapshots, its requests are
//! counted, and none is taken while [`Session::takes_requests`] says no; so it is bounded whatever the client does. Whatever
//! brings old messages or snapshots is paid for. When the ring has gone past its cursor, or past a snapshot that it still
//! sends, it is told so ([`FeedLogoutReason::SlowConsumer`]) with the place to resume from, and ends. What it writes ends with a
//! whole frame. No socket, no clock: time comes in. Owning thread: `market-data`.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

use tidegate_domain::MarketId;
use tidegate_wire::Frame;
use tidegate_wire::feed::{
    ChannelMarks, FeedChannel, FeedDecodeError, FeedLogoutReason, FeedNumber, FeedRefusal, FeedRequest, FeedServer,
    decode_feed_request, encode_feed,
};

use crate::config::FeedConfig;
use crate::hub::{Hub, SnapshotFrames};

/// Bytes that are put together before they are written; one frame more at most.
const CHUNK_LEN_BYTES: usize = 64 * 1024;
/// Nothing more is taken from a client that does not read so many bytes of its answers.
const UNREAD_LEN_BYTES: usize = 128 * 1024;
/// Requests that may wait for their answers.
const JOBS_MAX: usize = 256;
/// Snapshots of all markets count as one request, but their jobs are many.
const JOBS_HARD_MAX: usize = 1 << 18;

/// A channel that is followed.
#[derive(Debug)]
struct Subscription {
    /// The next message to look at.
    cursor: FeedNumber,
    /// `None`: all.
    markets: Option<BTreeSet<MarketId>>,
}

/// What is to be sent before newer messages.
#[derive(Debug)]
enum Job {
    /// The hub keeps the frames while what came after them is kept.
    Snapshot {
        frames: Weak<SnapshotFrames>,
        channel: FeedChannel,
        next_piece: usize,
    },
    /// All snapshots of a subscription are before this.
    Subscribed {
        channel: FeedChannel,
        market: Option<MarketId>,
        first: FeedNumber,
    },
    Retransmit {
        channel: FeedChannel,
        first: FeedNumber,
        next: FeedNumber,
        count: u32,
    },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    ip: IpAddr,
    retransmit_max: u32,
    subscriptions: [Option<Subscription>; 3],
    jobs: VecDeque<Job>,
    /// Bytes for the socket, of which the first `written` are with the system.
    out: Vec<u8>,
    written: usize,
    /// It ends when the bytes are written.
    pub(crate) is_ending: bool,
}

impl Session {
    /// Says hello.
    pub(crate) fn new(config: &FeedConfig, hub: &Hub, ip: IpAddr) -> Self {
        let mut session = Self {
            ip,
            retransmit_max: config.retransmit_max,
            subscriptions: [None, None, None],
            jobs: VecDeque::new(),
            out: Vec::new(),
            written: 0,
            is_ending: false,
        };
        session.say(&FeedServer::Hello {
            stream: hub.core.stream(),
            node: config.node,
            heartbeat_ms: config.heartbeat.as_millis() as u32,
            oldest: hub.oldest(),
            next: hub.next(),
            retransmit_max: config.retransmit_max,
        });
        session
    }

    fn say(&mut self, message: &FeedServer) {
        encode_feed(message, &mut self.out);
    }

    /// Ends the connection with a word.
    pub(crate) fn end(&mut self, hub: &Hub, reason: FeedLogoutReason, detail: String) {
        if !self.is_ending {
            self.jobs.clear();
            let resume = self.resume(hub);
            self.say(&FeedServer::Logout { reason, resume, detail });
            self.is_ending = true;
        }
    }

    /// The next message of each channel that would be sent.
    fn resume(&self, hub: &Hub) -> ChannelMarks {
        let next = hub.next();
        ChannelMarks::from_fn(|channel| {
            self.subscriptions[channel.at()].as_ref().map_or(next.of(channel), |subscription| subscription.cursor)
        })
    }

    /// Says that it is there, and up to where nothing is missing.
    pub(crate) fn heartbeat(&mut self, hub: &Hub) {
        let next = self.resume(hub);
        self.say(&FeedServer::Heartbeat { next });
    }

    /// What is to be written next.
    pub(crate) fn unwritten(&self) -> &[u8] {
        &self.out[self.written..]
    }

    /// The system took so many bytes. Whether that ends a chunk: less is no proof that the client reads, and the room of a chunk
    /// is free again, so that answers to one who always leaves a few bytes do not pile up behind each other.
    pub(crate) fn wrote(&mut self, count: usize) -> bool {
        self.written += count;
        let is_whole = self.written == self.out.len() || self.written >= CHUNK_LEN_BYTES;
        if is_whole {
            self.out.drain(..self.written);
            self.written = 0;
        }
        is_whole
    }

    /// Whether more may be read from the client.
    pub(crate) fn takes_requests(&self) -> bool {
        !self.is_ending && self.unwritten().len() < UNREAD_LEN_BYTES && self.jobs.len() < JOBS_MAX
    }

    /// Takes a request. `now` counts from the start of the server.
    pub(crate) fn on_frame(&mut self, hub: &mut Hub, frame: &Frame<'_>, now: Duration) {
        match decode_feed_request(frame) {
            Ok(FeedRequest::Heartbeat) => {}
            Ok(FeedRequest::Subscribe { channel, market, from, epoch }) => {
                if from.raw() != 0 && !hub.core.has(channel, from.previous(), epoch) {
                    let what = (channel, market, from);
                    return self.refuse(hub, FeedRefusal::TailLost, what, 0, Duration::ZERO);
                }
                self.subscribe(hub, channel, market, from, now);
            }
            Ok(FeedRequest::Snapshot { channel, market }) => {
                if self.queue_snapshots(hub, channel, market, now).is_none() {
                    tracing::debug!(ip = %self.ip, %channel, "a snapshot was refused");
                }
            }
            Ok(FeedRequest::Retransmit { channel, first, count }) => self.retransmit(hub, channel, first, count, now),
            Err(error @ (FeedDecodeError::Frame(_) | FeedDecodeError::Field(_))) => {
                self.end(hub, FeedLogoutReason::MalformedFrame, error.to_string());
            }
        }
    }

    fn refuse(
        &mut self,
        hub: &Hub,
        reason: FeedRefusal,
        (channel, market, first): (FeedChannel, Option<MarketId>, FeedNumber),
        limit: u64,
        retry_after: Duration,
    ) {
        hub.stats.count(|c| &c.refused_requests, 1);
        let (oldest, next) = (hub.oldest().of(channel), hub.next().of(channel));
        let retry_after_ms = u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX);
        self.say(&FeedServer::Refused { reason, channel, market, first, oldest, next, limit, retry_after_ms });
    }

    fn subscribe(
        &mut self,
        hub: &mut Hub,
        channel: FeedChannel,
        market: Option<MarketId>,
        from: FeedNumber,
        now: Duration,
    ) {
        let (oldest, next) = (hub.oldest().of(channel), hub.next().of(channel));
        let what = (channel, market, from);
        if self.jobs.len() >= JOBS_MAX {
            return self.refuse(hub, FeedRefusal::Rate, what, JOBS_MAX as u64, Duration::from_secs(1));
        }
        if from > next {
            return self.refuse(hub, FeedRefusal::TooNew, what, next.raw(), Duration::ZERO);
        }
        let first = if from.raw() != 0 && from >= oldest {
            if hub.markets_of(market).is_none() {
                return self.refuse(hub, FeedRefusal::UnknownMarket, what, 0, Duration::ZERO);
            }
            if let Err(wait) = hub.limits.spend(self.ip, 1 + next.raw() - from.raw(), now) {
                return self.refuse(hub, FeedRefusal::Rate, what, 0, wait);
            }
            from
        } else {
            let Some(first) = self.queue_snapshots(hub, channel, market, now) else { return };
            // They may be from before: what came since comes, too.
            hub.limits.charge(self.ip, next.raw() - first.raw());
            if from.raw() != 0 {
                self.say(&FeedServer::Gap { channel, market, first: from, last: oldest.previous() });
            }
            first
        };
        self.jobs.push_back(Job::Subscribed { channel, market, first });
        let subscription = &mut self.subscriptions[channel.at()];
        match (subscription, market) {
            (Some(Subscription { cursor, markets: Some(markets) }), Some(market)) => {
                markets.insert(market);
                // The market's messages from there on; those of the others come twice, which their numbers show.
                *cursor = first.min(*cursor);
            }
            (Some(Subscription { cursor, markets }), _) => {
                *markets = None;
                *cursor = first.min(*cursor);
            }
            (none, market) => {
                *none = Some(Subscription { cursor: first, markets: market.map(|market| BTreeSet::from([market])) });
            }
        }
    }

    /// Puts the snapshots of one market or of all before anything newer; the first message after the oldest of them.
    fn queue_snapshots(
        &mut self,
        hub: &mut Hub,
        channel: FeedChannel,
        market: Option<MarketId>,
        now: Duration,
    ) -> Option<FeedNumber> {
        let what = (channel, market, FeedNumber::default());
        let Some(markets) = hub.markets_of(market) else {
            self.refuse(hub, FeedRefusal::UnknownMarket, what, 0, Duration::ZERO);
            return None;
        };
        if self.jobs.len() >= JOBS_MAX || self.jobs.len() + markets.len() >= JOBS_HARD_MAX {
            self.refuse(hub, FeedRefusal::Rate, what, JOBS_MAX as u64, Duration::from_secs(1));
            return None;
        }
        // Before they are made: who is in debt costs no work.
        if let Err(wait) = hub.limits.spend(self.ip, 1, now) {
            self.refuse(hub, FeedRefusal::Rate, what, 0, wait);
            return None;
        }
        let frames: Vec<_> = markets.iter().filter_map(|market| hub.snapshot(channel, *market, now)).collect();
        hub.limits.charge(self.ip, frames.iter().map(|frames| frames.pieces()).sum());
        let first = frames.iter().map(|frames| frames.number.next()).min().unwrap_or(hub.next().of(channel));
        let job = |frames| Job::Snapshot { frames: Rc::downgrade(frames), channel, next_piece: 0 };
        self.jobs.extend(frames.iter().map(job));
        Some(first)
    }

    fn retransmit(&mut self, hub: &mut Hub, channel: FeedChannel, first: FeedNumber, count: u32, now: Duration) {
        let (oldest, next) = (hub.oldest().of(channel), hub.next().of(channel));
        let what = (channel, None, first);
        let max = u64::from(self.retransmit_max);
        let refusal = if count == 0 || u64::from(count) > max {
            Some((FeedRefusal::TooMany, max, Duration::ZERO))
        } else if first < oldest {
            Some((FeedRefusal::TooOld, oldest.raw(), Duration::ZERO))
        } else if first.raw().checked_add(count.into()).is_none_or(|end| end > next.raw()) {
            Some((FeedRefusal::TooNew, next.raw(), Duration::ZERO))
        } else if self.jobs.len() >= JOBS_MAX {
            Some((FeedRefusal::Rate, JOBS_MAX as u64, Duration::from_secs(1)))
        } else {
            let wait = hub.limits.spend(self.ip, count.into(), now).err();
            wait.map(|wait| (FeedRefusal::Rate, 0, wait))
        };
        match refusal {
            Some((reason, limit, retry_after)) => self.refuse(hub, reason, what, limit, retry_after),
            None => self.jobs.push_back(Job::Retransmit { channel, first, next: first, count }),
        }
    }

    /// Puts together what is to be written next, as far as a chunk has room, where everything before it is written.
    pub(crate) fn fill(&mut self, hub: &Hub) {
        if !self.out.is_empty() {
            return;
        }
        while !self.is_ending && self.out.len() < CHUNK_LEN_BYTES {
            match self.jobs.pop_front() {
                Some(job) => self.work(hub, job),
                None => break,
            }
        }
        for channel in FeedChannel::ALL {
            if self.jobs.is_empty() && !self.is_ending {
                self.follow(hub, *channel);
            }
        }
    }

    fn work(&mut self, hub: &Hub, job: Job) {
        match job {
            Job::Snapshot { frames: weak, channel, next_piece } => {
                let oldest = hub.recent[channel.at()].oldest();
                let Some(frames) = weak.upgrade().filter(|frames| frames.number.next() >= oldest) else {
                    hub.stats.count(|c| &c.slow_consumers, 1);
                    let detail = format!("{channel}: what came after a snapshot is not kept any more");
                    return self.end(hub, FeedLogoutReason::SlowConsumer, detail);
                };
                let room = CHUNK_LEN_BYTES.saturating_sub(self.out.len());
                let start = frames.starts[next_piece];
                let upto = frames.starts.partition_point(|end| *end <= start + room).max(next_piece + 2) - 1;
                self.out.extend_from_slice(&frames.bytes[start..frames.starts[upto]]);
                if upto + 1 < frames.starts.len() {
                    self.jobs.push_front(Job::Snapshot { frames: weak, channel, next_piece: upto });
                }
            }
            Job::Subscribed { channel, market, first } => {
                let next = hub.next().of(channel);
                self.say(&FeedServer::Subscribed { channel, market, first, next });
            }
            Job::Retransmit { channel, first, mut next, count } => {
                let end = FeedNumber::new(first.raw() + u64::from(count));
                while next < end && self.out.len() < CHUNK_LEN_BYTES {
                    let Some((_, frame)) = hub.recent[channel.at()].get(next) else {
                        // It was there when it was asked for; the ring went past it meanwhile.
                        return self.refuse(hub, FeedRefusal::TooOld, (channel, None, next), 0, Duration::ZERO);
                    };
                    self.out.extend_from_slice(frame);
                    hub.stats.count(|c| &c.retransmitted, 1);
                    next = next.next();
                }
                if next == end {
                    self.say(&FeedServer::Retransmitted { channel, first, count });
                } else {
                    self.jobs.push_front(Job::Retransmit { channel, first, next, count });
                }
            }
        }
    }

    fn follow(&mut self, hub: &Hub, channel: FeedChannel) {
        let recent = &hub.recent[channel.at()];
        let Some(subscription) = &mut self.subscriptions[channel.at()] else { return };
        if subscription.cursor < recent.oldest() {
            let behind = recent.next().raw() - subscription.cursor.raw();
            hub.stats.count(|c| &c.slow_consumers, 1);
            let detail = format!(
                "{channel}: {behind} messages behind, {} are kept",
                recent.next().raw() - recent.oldest().raw()
            );
            return self.end(hub, FeedLogoutReason::SlowConsumer, detail);
        }
        while self.out.len() < CHUNK_LEN_BYTES
            && let Some((market, frame)) = recent.get(subscription.cursor)
        {
            if subscription.markets.as_ref().is_none_or(|markets| markets.contains(&market)) {
                self.out.extend_from_slice(frame);
            }
            subscription.cursor = subscription.cursor.next();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "../tests/session/mod.rs"]
mod tests;
