//! The board: the views, and who wants to hear of them. One task writes it, from the event log.
//!
//! ```text
//!   event log --[follow]--> whole commands --> MarketViews --+--> answers over HTTP
//!                                                            '--> pushes into one bounded queue per socket
//! ```
//!
//! Invariants: the board changes only by whole commands; a snapshot and the subscription that follows it are made under one
//! lock, so a socket misses nothing and sees nothing twice; a push never waits: a socket whose queue is full is dropped
//! and told. Trades are pushed at once, depth at most once in [`DEPTH_INTERVAL`] for each market, as it is then.
//! Owning thread: the task of [`follow`] writes; handlers read under the lock, briefly.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use tidegate_domain::{EventRecord, MarketId};
use tidegate_journal::EventLog;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::HttpError;
use crate::json::{DepthBody, PUSH_LEVELS, Push, TradesBody, text};
use crate::views::{MarketViews, Trade};

/// Events taken under one lock, unless one command has more.
const BATCH_EVENTS: usize = 1_000;
/// Depth of a market is pushed at most this often: a screen sees no more, and a socket carries no more.
pub(crate) const DEPTH_INTERVAL: Duration = Duration::from_millis(50);
/// Trades in one message.
const PUSH_TRADES: usize = 64;
/// Trades in the snapshot of a subscription.
const SNAPSHOT_TRADES: usize = 50;

/// What a socket can subscribe to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    Depth,
    Trades,
}

impl Topic {
    const ALL: [Self; 2] = [Self::Depth, Self::Trades];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::Trades => "trades",
        }
    }
}

/// A topic of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Channel {
    topic: Topic,
    market: MarketId,
}

/// A socket's end of its queue.
#[derive(Clone)]
pub(crate) struct Subscriber {
    pub(crate) socket: u64,
    pub(crate) queue: mpsc::Sender<Utf8Bytes>,
    /// Raised when the queue was full: the socket is not subscribed to anything any more.
    pub(crate) too_slow: Arc<Notify>,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) views: MarketViews,
    subscribers: BTreeMap<Channel, Vec<Subscriber>>,
    /// Markets whose depth changed since it was pushed.
    stale_depth: BTreeSet<MarketId>,
}

/// The board as tasks share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedBoard(Arc<Mutex<Board>>);

impl SharedBoard {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().expect("no holder of this lock panics and lives on")
    }
}

impl Board {
    /// The channel with this name, such as `depth:BTC-USDT`.
    pub(crate) fn channel(&self, name: &str) -> Option<Channel> {
        let (topic, market) = name.split_once(':')?;
        let topic = Topic::ALL.into_iter().find(|known| known.as_str() == topic)?;
        Some(Channel { topic, market: self.views.market(market)?.id })
    }

    /// Adds a socket to a channel; its snapshot goes into the queue first. Subscribing again gives the snapshot again.
    pub(crate) fn subscribe(&mut self, channel: Channel, name: &str, subscriber: &Subscriber) {
        let Some(market) = self.views.market_by_id(channel.market) else { return };
        let kind = "snapshot";
        let snapshot = match channel.topic {
            Topic::Depth => {
                let body = DepthBody::of(&self.views, market, PUSH_LEVELS);
                text(&Push { channel: name, kind, body })
            }
            Topic::Trades => {
                let mut trades: Vec<&Trade> = market.last_trades(SNAPSHOT_TRADES).collect();
                trades.reverse();
                let body = TradesBody::of(&self.views, market, trades);
                text(&Push { channel: name, kind, body })
            }
        };
        self.unsubscribe(channel, subscriber.socket);
        match subscriber.queue.try_send(snapshot.into()) {
            Ok(()) => self.subscribers.entry(channel).or_default().push(subscriber.clone()),
            Err(_) => subscriber.too_slow.notify_one(),
        }
    }

    pub(crate) fn unsubscribe(&mut self, channel: Channel, socket: u64) {
        if let Some(subscribers) = self.subscribers.get_mut(&channel) {
            subscribers.retain(|subscriber| subscriber.socket != socket);
        }
    }

    /// Takes a socket off everything.
    pub(crate) fn remove(&mut self, socket: u64) {
        for subscribers in self.subscribers.values_mut() {
            subscribers.retain(|subscriber| subscriber.socket != socket);
        }
        self.subscribers.retain(|_, subscribers| !subscribers.is_empty());
    }

    /// Takes whole commands in, and pushes their trades.
    fn apply(&mut self, events: &[EventRecord]) -> Result<(), HttpError> {
        for record in events {
            let (header, event) = record.decode().map_err(|source| HttpError::Record {
                sequence: record.sequence(),
                index: record.index(),
                source,
            })?;
            self.views.on_event(&header, &event);
        }
        let changes = self.views.take_changes();
        self.stale_depth.extend(changes.depth);
        for (market, trades) in changes.trades {
            for trades in trades.chunks(PUSH_TRADES) {
                self.push(Channel { topic: Topic::Trades, market }, |views, name| {
                    let body = TradesBody::of(views, views.market_by_id(market)?, trades);
                    Some(text(&Push { channel: name, kind: "update", body }))
                });
            }
        }
        Ok(())
    }

    /// Pushes the depth that changed.
    fn push_depth(&mut self) {
        for market in std::mem::take(&mut self.stale_depth) {
            self.push(Channel { topic: Topic::Depth, market }, |views, name| {
                let body = DepthBody::of(views, views.market_by_id(market)?, PUSH_LEVELS);
                Some(text(&Push { channel: name, kind: "update", body }))
            });
        }
    }

    /// Makes a message once and gives it to everybody who listens, if anybody does.
    fn push(&mut self, channel: Channel, message: impl FnOnce(&MarketViews, &str) -> Option<String>) {
        let Some(subscribers) = self.subscribers.get(&channel).filter(|subscribers| !subscribers.is_empty()) else {
            return;
        };
        let Some(market) = self.views.market_by_id(channel.market) else { return };
        let name = format!("{}:{}", channel.topic.as_str(), market.definition.name);
        let Some(message) = message(&self.views, &name) else { return };
        let message = Utf8Bytes::from(message);
        let send = |subscriber: &&Subscriber| subscriber.queue.try_send(message.clone()).is_err();
        let failed: Vec<Subscriber> = subscribers.iter().filter(send).cloned().collect();
        for subscriber in failed {
            self.remove(subscriber.socket);
            subscriber.too_slow.notify_one();
        }
    }
}

/// Follows the event log until it cannot be read.
pub(crate) async fn follow(log: EventLog, board: SharedBoard) -> Result<(), HttpError> {
    let more = Arc::new(Notify::new());
    let notified = Arc::clone(&more);
    log.add_listener(Arc::new(move || notified.notify_one()));
    let mut cursor = log.cursor_at_start();
    let mut events = Vec::with_capacity(BATCH_EVENTS);
    let mut next_depth = Instant::now();
    loop {
        let read = cursor.next_batch(BATCH_EVENTS, &mut events)?;
        let whole = events.iter().rposition(EventRecord::is_last).map_or(0, |last| last + 1);
        let stale = {
            let mut board = board.lock();
            board.apply(&events[..whole])?;
            if Instant::now() >= next_depth && !board.stale_depth.is_empty() {
                board.push_depth();
                next_depth = Instant::now() + DEPTH_INTERVAL;
            }
            !board.stale_depth.is_empty()
        };
        events.drain(..whole);
        if read > 0 {
            // Catching up must not keep a thread of the runtime from its other tasks.
            tokio::task::yield_now().await;
        } else if stale {
            let _ = tokio::time::timeout_at(next_depth, more.notified()).await;
        } else {
            more.notified().await;
        }
    }
}
