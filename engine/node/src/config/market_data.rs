//! `[market_data]`: the public feed over TCP and multicast.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use serde::{Deserialize, Serialize};

use super::{ConfigError, check};

/// `[market_data]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketDataSection {
    /// Address of the feed over TCP: subscriptions, snapshots, messages that are sent again.
    pub listen: SocketAddr,
    /// The feed says something at least this often, in milliseconds.
    #[serde(default = "default_feed_heartbeat_ms")]
    pub heartbeat_ms: u64,
    /// Messages of each channel that are kept, to be sent again.
    #[serde(default = "default_keep_messages")]
    pub keep_messages: usize,
    /// Most connections at a time.
    #[serde(default = "default_connections_max")]
    pub connections_max: usize,
    /// Most connections at a time from one address.
    #[serde(default = "default_connections_per_ip_max")]
    pub connections_per_ip_max: usize,
    /// Messages and pieces of snapshots that one address gets back in a second.
    #[serde(default = "default_recovery_per_second")]
    pub recovery_per_second: u32,
    /// Most messages that are sent again for one request.
    #[serde(default = "default_retransmit_max")]
    pub retransmit_max: u32,
    /// The multicast groups; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multicast: Option<MulticastSection>,
}

impl MarketDataSection {
    /// The defaults, at this address.
    #[must_use]
    pub const fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            heartbeat_ms: default_feed_heartbeat_ms(),
            keep_messages: default_keep_messages(),
            connections_max: default_connections_max(),
            connections_per_ip_max: default_connections_per_ip_max(),
            recovery_per_second: default_recovery_per_second(),
            retransmit_max: default_retransmit_max(),
            multicast: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let heartbeat = self.heartbeat_ms;
        check(within(10, heartbeat, 60_000), "market_data.heartbeat_ms", heartbeat, "10 to 60000")?;
        let keep = self.keep_messages;
        check(within(1_024, keep as u64, 1 << 24), "market_data.keep_messages", keep, "1024 to 16777216")?;
        let max = self.connections_max;
        check(within(1, max as u64, 65_536), "market_data.connections_max", max, "1 to 65536")?;
        let per_ip = self.connections_per_ip_max;
        let fits = within(1, per_ip as u64, max as u64);
        check(fits, "market_data.connections_per_ip_max", per_ip, "1 to market_data.connections_max")?;
        let rate = self.recovery_per_second;
        check(within(100, rate.into(), 100_000_000), "market_data.recovery_per_second", rate, "100 to 100000000")?;
        let retransmit = self.retransmit_max;
        let fits = within(1, retransmit.into(), keep as u64);
        check(fits, "market_data.retransmit_max", retransmit, "1 to market_data.keep_messages")?;
        self.multicast.as_ref().map_or(Ok(()), MulticastSection::check)
    }
}

fn within(low: u64, value: u64, high: u64) -> bool {
    (low..=high).contains(&value)
}

const fn default_feed_heartbeat_ms() -> u64 {
    1_000
}

const fn default_keep_messages() -> usize {
    65_536
}

const fn default_connections_max() -> usize {
    256
}

const fn default_connections_per_ip_max() -> usize {
    16
}

const fn default_recovery_per_second() -> u32 {
    100_000
}

const fn default_retransmit_max() -> u32 {
    4_096
}

/// `[market_data.multicast]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MulticastSection {
    /// Group A and its port.
    pub group_a: SocketAddrV4,
    /// Group B and its port: the same datagrams.
    pub group_b: SocketAddrV4,
    /// Group of the snapshots and its port.
    pub group_snapshot: SocketAddrV4,
    /// Address of the interface that A and snapshots leave by; 0.0.0.0: as the system routes.
    #[serde(default = "any_interface")]
    pub interface_a: Ipv4Addr,
    /// The same of B.
    #[serde(default = "any_interface")]
    pub interface_b: Ipv4Addr,
    /// Routers that a datagram may pass, plus one; 0: it stays on this machine.
    #[serde(default = "default_ttl")]
    pub ttl: u8,
    /// Every market's snapshot is sent once in this time, in milliseconds.
    #[serde(default = "default_snapshot_interval_ms")]
    pub snapshot_interval_ms: u64,
    /// Most datagrams of snapshots in a second.
    #[serde(default = "default_snapshot_packets_per_second")]
    pub snapshot_packets_per_second: u32,
}

impl MulticastSection {
    fn check(&self) -> Result<(), ConfigError> {
        let (a, b, snapshot) = (self.group_a, self.group_b, self.group_snapshot);
        const GROUP: &str =
            "a group of 224.0.0.0 to 239.255.255.255 and a port, another for each of A, B and snapshots";
        let is_group = |group: SocketAddrV4| group.ip().is_multicast() && group.port() != 0;
        check(is_group(a), "market_data.multicast.group_a", a, GROUP)?;
        check(is_group(b) && b != a, "market_data.multicast.group_b", b, GROUP)?;
        let is_third = is_group(snapshot) && snapshot != a && snapshot != b;
        check(is_third, "market_data.multicast.group_snapshot", snapshot, GROUP)?;
        let interval = self.snapshot_interval_ms;
        let fits = within(100, interval, 600_000);
        check(fits, "market_data.multicast.snapshot_interval_ms", interval, "100 to 600000")?;
        let packets = self.snapshot_packets_per_second;
        let fits = within(1, packets.into(), 1_000_000);
        check(fits, "market_data.multicast.snapshot_packets_per_second", packets, "1 to 1000000")
    }
}

const fn any_interface() -> Ipv4Addr {
    Ipv4Addr::UNSPECIFIED
}

const fn default_ttl() -> u8 {
    1
}

const fn default_snapshot_interval_ms() -> u64 {
    5_000
}

const fn default_snapshot_packets_per_second() -> u32 {
    2_000
}
