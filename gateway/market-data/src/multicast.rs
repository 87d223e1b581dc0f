//! The multicast side: increments to A and B, heartbeats, and snapshots in turn.
//!
//! ```text
//!   newest messages --[Publisher::publish]--> datagrams --+--> group A      snapshots --[Publisher::snapshots]--> group S
//!                                                         '--> group B
//! ```
//!
//! Invariants: the same bytes go to both groups; a datagram that the system does not take is counted and lost, as any other
//! can be. Only the node that leads sends: two senders of one stream would be right, too (the bytes are the same), but a
//! standby may be behind. Nothing is sent that was released before this node led and was up to date: readers get that from a snapshot.
//! Owning thread: `market-data`.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use tidegate_domain::MarketId;
use tidegate_wire::feed::{ChannelMarks, FeedChannel, FeedNumber, FeedService, PacketBuilder};

use crate::config::MulticastConfig;
use crate::hub::Hub;
use crate::stats::FeedStats;

/// Messages of one channel that are sent before the others have their turn.
const BURST: usize = 512;

/// See the module.
#[derive(Debug)]
pub(crate) struct Publisher {
    config: MulticastConfig,
    a: UdpSocket,
    b: UdpSocket,
    /// The next message of each channel; `None` while this node does not lead.
    next: Option<ChannelMarks>,
    /// When each channel was heard of last, since the start.
    said_at: [Duration; 3],
    snapshots: SnapshotCycle,
    stats: FeedStats,
}

/// Whose snapshot is sent, and when the next datagram may be.
#[derive(Debug, Default)]
struct SnapshotCycle {
    waiting: VecDeque<(FeedChannel, MarketId)>,
    /// Datagrams of the snapshot under way.
    packets: VecDeque<Vec<u8>>,
    began: Option<Duration>,
    next_packet: Duration,
}

/// A socket that sends to groups by an interface.
fn socket(interface: Ipv4Addr, ttl: u8) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_nonblocking(true)?;
    socket.set_multicast_ttl_v4(ttl.into())?;
    socket.set_multicast_loop_v4(true)?;
    let address = libc::in_addr { s_addr: u32::from_ne_bytes(interface.octets()) };
    // SAFETY: the option takes an `in_addr`, which lives until the call returns.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MULTICAST_IF,
            (&raw const address).cast(),
            size_of::<libc::in_addr>() as libc::socklen_t,
        )
    };
    if done == 0 { Ok(socket) } else { Err(std::io::Error::last_os_error()) }
}

impl Publisher {
    pub(crate) fn open(config: MulticastConfig, stats: FeedStats) -> std::io::Result<Self> {
        let (a, b) = (socket(config.interface_a, config.ttl)?, socket(config.interface_b, config.ttl)?);
        let (said_at, snapshots) = ([Duration::ZERO; 3], SnapshotCycle::default());
        Ok(Self { config, a, b, next: None, said_at, snapshots, stats })
    }

    /// Begins where the channels are now, or ends.
    pub(crate) fn lead(&mut self, leads: bool, next: ChannelMarks) {
        match (leads, self.next) {
            (true, None) => {
                tracing::info!(orders = next.orders.raw(), "multicast begins");
                self.next = Some(next);
            }
            (false, Some(_)) => {
                tracing::info!("multicast ends: this node does not lead");
                (self.next, self.snapshots) = (None, SnapshotCycle::default());
            }
            _ => {}
        }
    }

    /// Sends what is new, and a heartbeat where nothing was for as long as `heartbeat`. Whether there is more.
    pub(crate) fn publish(&mut self, hub: &Hub, now: Duration, heartbeat: Duration) -> bool {
        let Some(mut next) = self.next else { return false };
        let mut builder = PacketBuilder::new(hub.core.stream(), FeedService::Increments);
        let mut is_more = false;
        for channel in FeedChannel::ALL {
            let recent = &hub.recent[channel.at()];
            let mark = match channel {
                FeedChannel::Orders => &mut next.orders,
                FeedChannel::Levels => &mut next.levels,
                FeedChannel::Trades => &mut next.trades,
            };
            // What fell out of the ring before it was sent is lost; readers see the gap.
            *mark = (*mark).max(recent.oldest());
            let upto = FeedNumber::new(recent.next().raw().min(mark.raw() + BURST as u64));
            is_more |= upto < recent.next();
            let mut send = |bytes: &[u8]| self.both(bytes);
            if *mark < upto {
                while *mark < upto {
                    let (_, frame) = recent.get(*mark).expect("it is between the oldest and the next");
                    builder.push(*channel, *mark, MarketId::new(0), frame, &mut send);
                    *mark = mark.next();
                }
                builder.finish(&mut send);
                self.said_at[channel.at()] = now;
            } else if now.saturating_sub(self.said_at[channel.at()]) >= heartbeat {
                send(&PacketBuilder::heartbeat(hub.core.stream(), *channel, *mark));
                self.said_at[channel.at()] = now;
            }
        }
        self.next = Some(next);
        is_more
    }

    fn both(&self, bytes: &[u8]) {
        self.send(&self.a, self.config.group_a, bytes);
        self.send(&self.b, self.config.group_b, bytes);
        self.stats.count(|c| &c.packets, 1);
    }

    fn send(&self, socket: &UdpSocket, group: SocketAddrV4, bytes: &[u8]) {
        if socket.send_to(bytes, group).is_err() {
            self.stats.count(|c| &c.packet_errors, 1);
        }
    }

    /// Sends the datagrams of snapshots that are due.
    pub(crate) fn snapshots(&mut self, hub: &mut Hub, now: Duration) {
        if self.next.is_none() {
            return;
        }
        let pause = Duration::from_secs(1) / self.config.snapshot_packets_per_second;
        // A thread that was away for long does not send all that it missed.
        self.snapshots.next_packet = self.snapshots.next_packet.max(now.saturating_sub(pause * 16));
        while self.snapshots.next_packet <= now {
            let Some(packet) = self.next_snapshot_packet(hub, now) else { return };
            self.send(&self.a, self.config.group_snapshot, &packet);
            self.snapshots.next_packet += pause;
        }
    }

    fn next_snapshot_packet(&mut self, hub: &mut Hub, now: Duration) -> Option<Vec<u8>> {
        loop {
            if let Some(packet) = self.snapshots.packets.pop_front() {
                return Some(packet);
            }
            let Some((channel, market)) = self.snapshots.waiting.pop_front() else {
                let interval = self.config.snapshot_interval;
                if self.snapshots.began.is_some_and(|began| now.saturating_sub(began) < interval) {
                    return None;
                }
                self.snapshots.began = Some(now);
                let markets: Vec<_> = hub.core.markets().collect();
                if markets.is_empty() {
                    return None;
                }
                let all = markets.iter().flat_map(|id| FeedChannel::ALL.iter().map(|channel| (*channel, *id)));
                self.snapshots.waiting.extend(all);
                continue;
            };
            let Some(frames) = hub.snapshot(channel, market, now) else { continue };
            let mut builder = PacketBuilder::new(hub.core.stream(), FeedService::Snapshot);
            let packets = &mut self.snapshots.packets;
            let mut send = |bytes: &[u8]| packets.push_back(bytes.to_vec());
            for ends in frames.starts.windows(2) {
                builder.push(channel, frames.number, market, &frames.bytes[ends[0]..ends[1]], &mut send);
            }
            builder.finish(&mut send);
        }
    }

    /// When [`Self::snapshots`] or a heartbeat is due next.
    pub(crate) fn due(&self, heartbeat: Duration) -> Option<Duration> {
        self.next?;
        let beat = self.said_at.iter().min().map_or(Duration::ZERO, |said| *said + heartbeat);
        let cycle = &self.snapshots;
        let snapshot = if cycle.packets.is_empty() && cycle.waiting.is_empty() {
            cycle.began.map_or(Duration::ZERO, |began| began + self.config.snapshot_interval)
        } else {
            cycle.next_packet
        };
        Some(beat.min(snapshot))
    }
}
