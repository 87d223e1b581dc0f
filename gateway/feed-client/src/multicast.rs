//! The feed over multicast: groups A and B, snapshots, and TCP for what both groups lost.
//!
//! ```text
//!   A --.                                     .-- gap that stays --> FeedRetransmit --.
//!   B --+--[MulticastFollower]--> ChannelFeed +-- market that waits --> FeedSnapshotRequest +--> TCP server
//!   S --'                                     '<------------------------------------------'
//! ```
//!
//! Invariants: a gap is asked for only when it stays for some milliseconds, since the other group fills most of them; one request
//! is under way at a time. Without a TCP server the snapshot group heals everything, later. Owning thread: a task of the caller's runtime.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::{AsRawFd, FromRawFd};
use std::time::Duration;

use tidegate_wire::feed::{FeedChannel, FeedNumber, FeedRefusal, FeedRequest, FeedServer, decode_packet};
use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::channel::{ChannelFeed, Scope};
use crate::tcp::{FeedClientError, FeedConnection};

/// How long a gap may stay before it is asked for.
const GAP_PATIENCE: Duration = Duration::from_millis(5);
/// How long a market may wait for a snapshot of the group before one is asked for.
const SNAPSHOT_PATIENCE: Duration = Duration::from_millis(500);
/// An answer that does not come for so long is asked for again, over a new connection.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// Longest datagram that is looked at: more than the feed sends.
const DATAGRAM_LEN_BYTES: usize = 2_048;
/// Room for datagrams that nobody read yet, asked of the system.
const RECEIVE_LEN_BYTES: libc::c_int = 4 * 1024 * 1024;

/// A socket that gets what is sent to a group, on the interface with this address (0.0.0.0: as the system routes). Several programs of one
/// machine may each have one.
///
/// # Errors
/// Of the system.
pub fn join(group: SocketAddrV4, interface: Ipv4Addr) -> std::io::Result<UdpSocket> {
    // SAFETY: a plain call; what it returns is checked.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and owned by nobody else.
    let socket = unsafe { std::net::UdpSocket::from_raw_fd(fd) };
    set_option(&socket, libc::SO_REUSEADDR, 1)?;
    // The system may allow less; then more is lost when this program is slow.
    let _ = set_option(&socket, libc::SO_RCVBUF, RECEIVE_LEN_BYTES);
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: group.port().to_be(),
        // Bound to the group itself: a socket bound to every address would get the datagrams of other groups, too.
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(group.ip().octets()) },
        sin_zero: [0; 8],
    };
    // SAFETY: the address lives until the call returns, and its length is given.
    let bound = unsafe {
        libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size_of::<libc::sockaddr_in>() as libc::socklen_t)
    };
    if bound != 0 {
        return Err(std::io::Error::last_os_error());
    }
    socket.join_multicast_v4(group.ip(), &interface)?;
    UdpSocket::from_std(socket)
}

fn set_option(socket: &std::net::UdpSocket, option: libc::c_int, value: libc::c_int) -> std::io::Result<()> {
    // SAFETY: the option takes an int, which lives until the call returns.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Counters of a follower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams that were understood.
    pub packets: u64,
    /// Datagrams that were not.
    pub malformed: u64,
    /// Requests for messages that were lost.
    pub retransmits: u64,
    /// Requests for snapshots.
    pub snapshots: u64,
    /// Requests that were refused.
    pub refused: u64,
}

/// What is under way over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Messages { channel: FeedChannel, first: FeedNumber, last: FeedNumber },
    Snapshot,
}

/// See the module.
#[derive(Debug)]
pub struct MulticastFollower {
    groups: Vec<UdpSocket>,
    server: Option<SocketAddr>,
    connection: Option<FeedConnection>,
    feeds: Vec<ChannelFeed>,
    asked: Option<(Asked, Instant)>,
    not_before: Instant,
    counts: Counts,
    datagram: Vec<u8>,
}

impl MulticastFollower {
    /// Follows these channels from sockets of [`join`], with a server to ask, if there is one.
    #[must_use]
    pub fn new(groups: Vec<UdpSocket>, server: Option<SocketAddr>, channels: &[FeedChannel]) -> Self {
        Self {
            groups,
            server,
            connection: None,
            feeds: channels.iter().map(|channel| ChannelFeed::new(*channel, Scope::Multicast)).collect(),
            asked: None,
            not_before: Instant::now() + GAP_PATIENCE,
            counts: Counts::default(),
            datagram: vec![0; DATAGRAM_LEN_BYTES],
        }
    }

    /// A channel that is followed.
    pub fn feed(&mut self, channel: FeedChannel) -> Option<&mut ChannelFeed> {
        self.feeds.iter_mut().find(|feed| feed.channel() == channel)
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes what arrives, or asks for what is missing.
    ///
    /// # Errors
    /// Of the groups' sockets. What happens to the TCP connection is not one: another is opened.
    pub async fn step(&mut self) -> std::io::Result<()> {
        let is_behind = self.wanted().is_some();
        let due = if is_behind { self.not_before } else { Instant::now() + SNAPSHOT_PATIENCE };
        let Self { groups, connection, datagram, .. } = self;
        tokio::select! {
            received = receive(groups, datagram) => {
                let count = received?;
                match decode_packet(&self.datagram[..count]) {
                    Ok(packet) => {
                        self.counts.packets += 1;
                        self.feeds.iter_mut().for_each(|feed| feed.on_packet(&packet));
                    }
                    Err(_) => self.counts.malformed += 1,
                }
            }
            answer = answer(connection) => match answer {
                Ok(message) => self.take(&message),
                Err(_) => (self.connection, self.asked) = (None, None),
            },
            () = tokio::time::sleep_until(due) => {
                if is_behind && self.ask().await.is_err() {
                    (self.connection, self.asked) = (None, None);
                    self.not_before = Instant::now() + SNAPSHOT_PATIENCE;
                }
            }
        }
        Ok(())
    }

    /// What should be asked for next.
    fn wanted(&self) -> Option<FeedRequest> {
        self.server?;
        for feed in &self.feeds {
            let channel = feed.channel();
            if let Some((first, last)) = feed.missing() {
                let count = u32::try_from(last.raw() - first.raw() + 1).unwrap_or(u32::MAX);
                return Some(FeedRequest::Retransmit { channel, first, count });
            }
            if let Some(market) = feed.waiting().next() {
                return Some(FeedRequest::Snapshot { channel, market: Some(market) });
            }
        }
        None
    }

    async fn ask(&mut self) -> Result<(), FeedClientError> {
        let now = Instant::now();
        if self.asked.is_some_and(|(_, when)| now.duration_since(when) < ANSWER_PATIENCE) {
            self.not_before = now + GAP_PATIENCE;
            return Ok(());
        }
        if self.asked.take().is_some() {
            self.connection = None;
        }
        let (Some(mut request), Some(server)) = (self.wanted(), self.server) else { return Ok(()) };
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(FeedConnection::open(server).await?),
        };
        let asked = match &mut request {
            FeedRequest::Retransmit { channel, first, count } => {
                *count = (*count).min(connection.hello().retransmit_max).max(1);
                self.counts.retransmits += 1;
                let last = FeedNumber::new(first.raw() + u64::from(*count) - 1);
                Asked::Messages { channel: *channel, first: *first, last }
            }
            _ => {
                self.counts.snapshots += 1;
                Asked::Snapshot
            }
        };
        connection.ask(request).await?;
        self.asked = Some((asked, now));
        self.not_before = now + GAP_PATIENCE;
        Ok(())
    }

    fn take(&mut self, message: &FeedServer) {
        match message {
            FeedServer::Message(message) => self.feeds.iter_mut().for_each(|feed| feed.on_message(message)),
            FeedServer::Snapshot(piece) => {
                self.feeds.iter_mut().for_each(|feed| feed.on_snapshot(piece));
                if piece.head.position + 1 >= piece.head.total {
                    self.asked = None;
                    self.not_before = Instant::now() + GAP_PATIENCE;
                }
            }
            FeedServer::Retransmitted { .. } => self.asked = None,
            FeedServer::Refused { reason, channel, market, oldest, retry_after_ms, .. } => {
                self.counts.refused += 1;
                let asked = self.asked.take();
                let wait = Duration::from_millis((*retry_after_ms).into()).max(GAP_PATIENCE);
                self.not_before = Instant::now() + wait;
                let Some(feed) = self.feeds.iter_mut().find(|feed| feed.channel() == *channel) else { return };
                match (*reason, asked, *market) {
                    (FeedRefusal::TooOld, Some((Asked::Messages { first, last, .. }, _)), _) => {
                        feed.on_lost(first, last.min(oldest.previous()).max(first));
                    }
                    (FeedRefusal::UnknownMarket, Some((Asked::Snapshot, _)), Some(market)) => feed.forget(market),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// The next datagram of any group.
async fn receive(groups: &[UdpSocket], datagram: &mut [u8]) -> std::io::Result<usize> {
    std::future::poll_fn(|context| {
        for group in groups {
            let mut buffer = tokio::io::ReadBuf::new(datagram);
            if let std::task::Poll::Ready(received) = group.poll_recv(context, &mut buffer) {
                return std::task::Poll::Ready(received.map(|()| buffer.filled().len()));
            }
        }
        std::task::Poll::Pending
    })
    .await
}

/// The next answer, or never without a connection.
async fn answer(connection: &mut Option<FeedConnection>) -> Result<FeedServer, FeedClientError> {
    match connection {
        Some(connection) => connection.next().await,
        None => std::future::pending().await,
    }
}
