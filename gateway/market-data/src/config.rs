//! What the feed is started with. The node checks the bounds before.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use tidegate_domain::NodeId;

/// See the module.
#[derive(Clone, Debug)]
pub struct FeedConfig {
    /// The TCP address of the feed.
    pub listen: SocketAddr,
    /// This node.
    pub node: NodeId,
    /// The server says something at least this often, over TCP and on every multicast channel.
    pub heartbeat: Duration,
    /// Messages of each channel that are kept for retransmits and resumed subscriptions.
    pub keep_messages: usize,
    /// Most connections at a time.
    pub connections_max: usize,
    /// Most connections at a time from one address.
    pub connections_per_ip_max: usize,
    /// Messages and pieces of snapshots that one address gets back in a second, as a long-term rate.
    pub recovery_per_second: u32,
    /// Most messages that one retransmit may ask for.
    pub retransmit_max: u32,
    /// The file that says where the feed was, so that a start need not read the whole event log; none: it is read.
    pub checkpoint: Option<PathBuf>,
    /// A checkpoint is made when so many events came after the one before it.
    pub checkpoint_every_events: u64,
    /// The multicast groups; none: TCP only.
    pub multicast: Option<MulticastConfig>,
}

impl FeedConfig {
    /// The defaults, at this address.
    #[must_use]
    pub const fn new(listen: SocketAddr, node: NodeId) -> Self {
        Self {
            listen,
            node,
            heartbeat: Duration::from_secs(1),
            keep_messages: 65_536,
            connections_max: 256,
            connections_per_ip_max: 16,
            recovery_per_second: 100_000,
            retransmit_max: 4_096,
            checkpoint: None,
            checkpoint_every_events: 1_000_000,
            multicast: None,
        }
    }
}

/// The multicast side of the feed.
#[derive(Clone, Debug)]
pub struct MulticastConfig {
    /// Group A.
    pub group_a: SocketAddrV4,
    /// Group B: the same datagrams.
    pub group_b: SocketAddrV4,
    /// Group of the snapshots.
    pub group_snapshot: SocketAddrV4,
    /// Address of the interface that A and snapshots leave by; 0.0.0.0: as the system routes.
    pub interface_a: Ipv4Addr,
    /// The same of B.
    pub interface_b: Ipv4Addr,
    /// Routers that a datagram may pass, plus one.
    pub ttl: u8,
    /// Every market's snapshot is sent once in this time, or as fast as `snapshot_packets_per_second` allows.
    pub snapshot_interval: Duration,
    /// Most datagrams of snapshots in a second.
    pub snapshot_packets_per_second: u32,
}
