//! The feed over TCP: a connection, and a follower that reconnects and goes on where it was.
//!
//! ```text
//!   TcpFollower --connect--> Hello --subscribe, from where it was--> snapshots or what was missed --> ChannelFeed, by channel
//!        ^------------------------------ ended, silent or told to go ------------------------------------'
//! ```
//!
//! Invariants: what a new connection cannot give any more is a gap, which the server says, and the books are joined again from
//! snapshots; nothing is assumed: the newest message that was taken is asked for again, and where another one comes under its number, the
//! channel begins anew. Owning thread: a task of the caller's runtime.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tidegate_domain::MarketId;
use tidegate_wire::feed::{
    ChannelMarks, FeedChannel, FeedDecodeError, FeedLogoutReason, FeedNumber, FeedRefusal, FeedRequest, FeedServer,
    decode_feed, encode_feed_request,
};
use tidegate_wire::{FrameError, FrameReader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::channel::{ChannelFeed, Scope};

/// Longest wait for a connection and its hello.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that says nothing for so many of its heartbeats is gone.
const SILENT_HEARTBEATS: u32 = 5;
/// Pause between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// Bytes of one read.
const READ_LEN_BYTES: usize = 64 * 1024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum FeedClientError {
    /// The socket.
    #[error("the connection to {address}: {error}")]
    Io {
        /// The server.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// What came is not the feed.
    #[error("what {address} says is not the feed: {error}")]
    Decode {
        /// The server.
        address: SocketAddr,
        /// Why.
        error: FeedDecodeError,
    },
    /// Nothing came for too long.
    #[error("{address} said nothing for {silence:?}")]
    Silent {
        /// The server.
        address: SocketAddr,
        /// How long.
        silence: Duration,
    },
    /// The server ended it.
    #[error("{address} ended the connection: {reason} {detail}")]
    Logout {
        /// The server.
        address: SocketAddr,
        /// Why.
        reason: FeedLogoutReason,
        /// The next message of each channel that the connection would have got.
        resume: ChannelMarks,
        /// Its words.
        detail: String,
    },
}

/// What the server said first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Identity of the numbering.
    pub stream: u64,
    /// How often the server says something.
    pub heartbeat: Duration,
    /// The oldest messages that are kept.
    pub oldest: ChannelMarks,
    /// The next messages.
    pub next: ChannelMarks,
    /// Most messages of one retransmit.
    pub retransmit_max: u32,
}

/// One connection.
#[derive(Debug)]
pub struct FeedConnection {
    address: SocketAddr,
    stream: TcpStream,
    reader: FrameReader,
    input: Vec<u8>,
    messages: VecDeque<FeedServer>,
    hello: Hello,
    asked_at: Instant,
    heard_at: Instant,
}

impl FeedConnection {
    /// Connects and reads the hello.
    ///
    /// # Errors
    /// [`FeedClientError`].
    pub async fn open(address: SocketAddr) -> Result<Self, FeedClientError> {
        let opening = async {
            let stream = TcpStream::connect(address).await.map_err(|error| FeedClientError::Io { address, error })?;
            // Small requests should not wait; without it they only come later.
            let _ = stream.set_nodelay(true);
            let (now, marks) = (Instant::now(), ChannelMarks::default());
            let heartbeat = CONNECT_TIMEOUT;
            let hello = Hello { stream: 0, heartbeat, oldest: marks, next: marks, retransmit_max: 0 };
            let (reader, input) = (FrameReader::new(), vec![0; READ_LEN_BYTES]);
            let messages = VecDeque::new();
            let mut connection = Self { address, stream, reader, input, messages, hello, asked_at: now, heard_at: now };
            match connection.next().await? {
                FeedServer::Hello { stream, heartbeat_ms, oldest, next, retransmit_max, .. } => {
                    let heartbeat = Duration::from_millis(heartbeat_ms.max(1).into());
                    connection.hello = Hello { stream, heartbeat, oldest, next, retransmit_max };
                    Ok(connection)
                }
                _ => Err(FeedClientError::Decode { address, error: FrameError::Template(0).into() }),
            }
        };
        let silent = || FeedClientError::Silent { address, silence: CONNECT_TIMEOUT };
        tokio::time::timeout(CONNECT_TIMEOUT, opening).await.map_err(|_| silent())?
    }

    /// What the server said first.
    #[must_use]
    pub const fn hello(&self) -> Hello {
        self.hello
    }

    /// The server.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request.
    ///
    /// # Errors
    /// [`FeedClientError::Io`].
    pub async fn ask(&mut self, request: FeedRequest) -> Result<(), FeedClientError> {
        let mut bytes = Vec::new();
        encode_feed_request(&request, &mut bytes);
        self.asked_at = Instant::now();
        let address = self.address;
        self.stream.write_all(&bytes).await.map_err(|error| FeedClientError::Io { address, error })
    }

    /// The next message; heartbeats are sent meanwhile. May be dropped while it waits without losing anything.
    ///
    /// # Errors
    /// [`FeedClientError`]: the connection has ended. A logout is one of them.
    pub async fn next(&mut self) -> Result<FeedServer, FeedClientError> {
        loop {
            let address = self.address;
            match self.messages.pop_front() {
                Some(FeedServer::Logout { reason, resume, detail }) => {
                    return Err(FeedClientError::Logout { address, reason, resume, detail });
                }
                Some(message) => return Ok(message),
                None => {}
            }
            let heartbeat = self.hello.heartbeat;
            let failed = |error| FeedClientError::Io { address, error };
            if self.asked_at.elapsed() >= heartbeat {
                self.beat().map_err(failed)?;
            }
            match tokio::time::timeout_at(self.asked_at + heartbeat, self.stream.read(&mut self.input)).await {
                Ok(Ok(0)) => return Err(failed(std::io::ErrorKind::UnexpectedEof.into())),
                Ok(Ok(count)) => {
                    self.heard_at = Instant::now();
                    self.decode(count)?;
                }
                Ok(Err(error)) => return Err(failed(error)),
                Err(_) if self.heard_at.elapsed() > heartbeat * SILENT_HEARTBEATS => {
                    return Err(FeedClientError::Silent { address, silence: heartbeat * SILENT_HEARTBEATS });
                }
                Err(_) => {}
            }
        }
    }

    /// Says that it is there, without waiting: a caller that drops the future must not cut a frame in two.
    fn beat(&mut self) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        encode_feed_request(&FeedRequest::Heartbeat, &mut bytes);
        self.asked_at = Instant::now();
        match self.stream.try_write(&bytes) {
            Ok(count) if count == bytes.len() => Ok(()),
            Ok(_) => Err(std::io::ErrorKind::WriteZero.into()),
            // The server does not read; it hears of us when it does.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn decode(&mut self, count: usize) -> Result<(), FeedClientError> {
        let address = self.address;
        let mut input = &self.input[..count];
        loop {
            let frame = self.reader.next_frame(&mut input);
            let frame = frame.map_err(|error| FeedClientError::Decode { address, error: error.into() })?;
            let Some(frame) = frame else { return Ok(()) };
            let message = decode_feed(&frame).map_err(|error| FeedClientError::Decode { address, error })?;
            self.messages.push_back(message);
        }
    }
}

/// What a step of a follower did.
#[derive(Debug)]
pub enum Step {
    /// A connection was opened.
    Connected(Hello),
    /// A connection ended, or could not be opened; the next step tries the next address.
    Disconnected(FeedClientError),
    /// The server refused what was asked.
    Refused {
        /// Why.
        reason: FeedRefusal,
        /// When it is asked again; 0: never.
        retry_after_ms: u32,
    },
    /// A message was taken into its channel, whose notices say what it did.
    Taken(FeedChannel),
    /// Something without an effect on a book.
    Other,
}

/// Follows channels over TCP, from whichever address answers.
#[derive(Debug)]
pub struct TcpFollower {
    addresses: Vec<SocketAddr>,
    at: usize,
    market: Option<MarketId>,
    feeds: Vec<ChannelFeed>,
    connection: Option<FeedConnection>,
    /// Channels that are asked for again, and when.
    again: Vec<(FeedChannel, Instant)>,
    pause_until: Option<Instant>,
}

impl TcpFollower {
    /// Follows these channels, of one market or of all.
    ///
    /// # Panics
    /// Without an address.
    #[must_use]
    pub fn new(addresses: Vec<SocketAddr>, channels: &[FeedChannel], market: Option<MarketId>) -> Self {
        assert!(!addresses.is_empty(), "a follower has a server");
        let scope = if market.is_some() { Scope::Some } else { Scope::Whole };
        let feeds = channels.iter().map(|channel| ChannelFeed::new(*channel, scope)).collect();
        Self { addresses, at: 0, market, feeds, connection: None, again: Vec::new(), pause_until: None }
    }

    /// A channel that is followed.
    pub fn feed(&mut self, channel: FeedChannel) -> Option<&mut ChannelFeed> {
        self.feeds.iter_mut().find(|feed| feed.channel() == channel)
    }

    /// Does the next thing: connects, or takes one message. May be dropped while it waits without losing anything.
    pub async fn step(&mut self) -> Step {
        let Some(connection) = &mut self.connection else { return self.connect().await };
        let due = self.again.iter().map(|(_, when)| *when).min();
        let message = match due {
            None => connection.next().await,
            Some(due) => match tokio::time::timeout_at(due, connection.next()).await {
                Ok(message) => message,
                Err(_) => return self.ask_again().await,
            },
        };
        match message {
            Ok(message) => self.take(&message),
            Err(error) => self.lose(error),
        }
    }

    fn lose(&mut self, error: FeedClientError) -> Step {
        self.connection = None;
        self.again.clear();
        self.at = (self.at + 1) % self.addresses.len();
        self.pause_until = Some(Instant::now() + RECONNECT_PAUSE);
        Step::Disconnected(error)
    }

    /// What was taken is not what this server has: it is asked for snapshots, over a connection that sends nothing else before them.
    fn begin_anew(&mut self) -> Step {
        self.connection = None;
        self.again.clear();
        self.pause_until = Some(Instant::now() + RECONNECT_PAUSE);
        let address = self.addresses[self.at];
        let error = std::io::Error::other("what it says is not what was said before: messages were lost");
        Step::Disconnected(FeedClientError::Io { address, error })
    }

    async fn connect(&mut self) -> Step {
        if let Some(until) = self.pause_until {
            tokio::time::sleep_until(until).await;
        }
        let mut connection = match FeedConnection::open(self.addresses[self.at]).await {
            Ok(connection) => connection,
            Err(error) => return self.lose(error),
        };
        let hello = connection.hello();
        for feed in &mut self.feeds {
            // A node whose numbering is older has lost what was said since: it is not the one to follow.
            if hello.stream != 0 && !feed.on_stream(hello.stream) {
                let address = connection.address();
                let error = std::io::Error::other("its numbering is older than the one that was followed");
                return self.lose(FeedClientError::Io { address, error });
            }
            let request = subscribe(feed, self.market, &hello);
            if let Err(error) = connection.ask(request).await {
                return self.lose(error);
            }
        }
        self.connection = Some(connection);
        Step::Connected(hello)
    }

    async fn ask_again(&mut self) -> Step {
        let now = Instant::now();
        let due: Vec<FeedChannel> =
            self.again.iter().filter(|(_, when)| *when <= now).map(|(channel, _)| *channel).collect();
        self.again.retain(|(_, when)| *when > now);
        let Some(connection) = &mut self.connection else { return Step::Other };
        let hello = connection.hello();
        for feed in self.feeds.iter_mut().filter(|feed| due.contains(&feed.channel())) {
            if let Err(error) = connection.ask(subscribe(feed, self.market, &hello)).await {
                return self.lose(error);
            }
        }
        Step::Other
    }

    fn take(&mut self, message: &FeedServer) -> Step {
        let channel = match message {
            FeedServer::Message(message) => message.head.channel,
            FeedServer::Snapshot(piece) => piece.head.channel,
            FeedServer::Subscribed { channel, .. } | FeedServer::Gap { channel, .. } => *channel,
            FeedServer::Heartbeat { next } => {
                self.feeds.iter_mut().for_each(|feed| feed.on_next(next.of(feed.channel())));
                return Step::Other;
            }
            FeedServer::Refused { reason, channel, retry_after_ms, .. } => {
                if *reason == FeedRefusal::TailLost
                    && let Some(feed) = self.feeds.iter_mut().find(|feed| feed.channel() == *channel)
                {
                    feed.reset();
                }
                if *retry_after_ms > 0 || *reason == FeedRefusal::TailLost {
                    let when = Instant::now() + Duration::from_millis((*retry_after_ms).into());
                    self.again.push((*channel, when));
                }
                return Step::Refused { reason: *reason, retry_after_ms: *retry_after_ms };
            }
            _ => return Step::Other,
        };
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.channel() == channel) else { return Step::Other };
        let was_known = feed.next().raw() != 0;
        match message {
            FeedServer::Message(message) => feed.on_message(message),
            FeedServer::Snapshot(piece) => feed.on_snapshot(piece),
            FeedServer::Gap { last, .. } => feed.on_lost(feed.next(), *last),
            FeedServer::Subscribed { first, next, .. } => feed.on_subscribed(*first, *next),
            _ => return Step::Other,
        }
        if was_known && feed.next().raw() == 0 {
            return self.begin_anew();
        }
        Step::Taken(channel)
    }
}

/// From the newest message that was taken, which shows whether the server has the same; or from a snapshot where nothing was taken,
/// or not all of it can be trusted.
fn subscribe(feed: &mut ChannelFeed, market: Option<MarketId>, hello: &Hello) -> FeedRequest {
    let channel = feed.channel();
    let is_joined = feed.waiting().next().is_none() && feed.markets().next().is_some();
    if !is_joined && feed.next().raw() != 0 {
        // A snapshot may be older than what was taken, and all that came after it is needed, once more.
        feed.reset();
    }
    // A server that is behind has the rest later; asking it for a snapshot would go back in time.
    let from = if is_joined { feed.next().previous().min(hello.next.of(channel)) } else { FeedNumber::default() };
    FeedRequest::Subscribe { channel, market, from, epoch: feed.epoch() }
}
