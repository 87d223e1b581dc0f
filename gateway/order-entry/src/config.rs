//! Settings of the server, their bounds, and what can go wrong when it starts.
//!
//! Invariants: every bound is checked once, before a socket is opened. Nothing here decides a business reject: those
//! limits are in the journal's first record.

use std::net::SocketAddr;
use std::time::Duration;

use tidegate_domain::{ClusterId, NodeId};
use tidegate_pipeline::runner::IdleStrategy;

use crate::throttle::RateLimit;

/// Most requests of one session that may be unanswered: the size of the engine's window of outcomes per key.
pub(crate) const OUTCOME_WINDOW: usize = 1_024;
/// Most bytes of output that a session may have encoded and not yet handed to the socket. What is beyond it waits in
/// the event log, where it costs nothing.
pub(crate) const OUTPUT_SOFT_MAX_BYTES: usize = 256 * 1_024;

/// Which kernel interface moves the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IoChoice {
    /// io_uring where the kernel lets us, else epoll, with a log line that says why.
    #[default]
    Auto,
    /// io_uring, or an error.
    Uring,
    /// epoll.
    Epoll,
}

/// What becomes of a logon with a key that has a live session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondLogon {
    /// It takes over, and the older session is told so.
    #[default]
    TakesOver,
    /// It is refused.
    IsRefused,
}

/// Settings of the order-entry server.
#[derive(Clone, Debug)]
pub struct OrderEntryConfig {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// See [`IoChoice`].
    pub io: IoChoice,
    /// This node, part of what a client signs.
    pub node: NodeId,
    /// The cluster, part of what a client signs.
    pub cluster: ClusterId,
    /// How long a connection may take to log on.
    pub logon_timeout: Duration,
    /// Shortest heartbeat interval that a client gets, whatever it asks for.
    pub heartbeat_min_ms: u32,
    /// Longest heartbeat interval that a client gets, whatever it asks for.
    pub heartbeat_max_ms: u32,
    /// How far behind, in bytes of reports, a client may be before it counts as slow.
    pub output_max_bytes: usize,
    /// Most connections at a time.
    pub sessions_max: usize,
    /// Most unanswered requests of one session; beyond it its socket is not read.
    pub in_flight_max: usize,
    /// See [`SecondLogon`].
    pub second_logon: SecondLogon,
    /// Tokens of a key.
    pub key_rate: RateLimit,
    /// Tokens of an address, for all keys that come from it.
    pub address_rate: RateLimit,
    /// Threads that carry sessions; a key's sessions are all on thread `key % threads`.
    pub threads: usize,
    /// What threads of its own do when there is nothing to do.
    pub idle: IdleStrategy,
    /// Buffers of 4 KiB that receive, per thread: a power of two.
    pub receive_buffers: usize,
    /// Most connections of one address that have not logged on; an address is an IPv4 address or an IPv6 network of 64 bits.
    pub address_unauthenticated_max: u32,
    /// Most logons that one address may try in a second; as many may come at once.
    pub address_logons_per_second: u32,
    /// Whether the two limits above hold for loopback addresses, too.
    pub limit_loopback: bool,
}

impl OrderEntryConfig {
    /// The defaults for a node of a cluster.
    #[must_use]
    pub fn new(listen: SocketAddr, cluster: ClusterId, node: NodeId) -> Self {
        Self {
            listen,
            io: IoChoice::Auto,
            node,
            cluster,
            logon_timeout: Duration::from_secs(5),
            heartbeat_min_ms: 100,
            heartbeat_max_ms: 60_000,
            output_max_bytes: 4 * 1_024 * 1_024,
            sessions_max: 1_024,
            in_flight_max: OUTCOME_WINDOW,
            second_logon: SecondLogon::default(),
            key_rate: RateLimit::default(),
            address_rate: RateLimit::default(),
            threads: 1,
            idle: IdleStrategy::SpinThenPark,
            receive_buffers: 512,
            address_unauthenticated_max: 16,
            address_logons_per_second: 10,
            limit_loopback: true,
        }
    }

    /// Checks every bound.
    pub(crate) fn check(&self) -> Result<(), OrderEntryError> {
        let logon_ms = self.logon_timeout.as_millis();
        check((1..=600_000).contains(&logon_ms), "logon_timeout", logon_ms, "1 ms to 600000 ms")?;
        let (min, max) = (self.heartbeat_min_ms, self.heartbeat_max_ms);
        check((10..=600_000).contains(&min), "heartbeat_min_ms", min, "10 to 600000")?;
        check((min..=600_000).contains(&max), "heartbeat_max_ms", max, "heartbeat_min_ms to 600000")?;
        let output = self.output_max_bytes;
        check((4_096..=1 << 30).contains(&output), "output_max_bytes", output, "4096 to 1073741824")?;
        check((1..=65_536).contains(&self.sessions_max), "sessions_max", self.sessions_max, "1 to 65536")?;
        let in_flight = self.in_flight_max;
        check((1..=OUTCOME_WINDOW).contains(&in_flight), "in_flight_max", in_flight, "1 to 1024")?;
        for (field, rate) in [("key_rate", self.key_rate), ("address_rate", self.address_rate)] {
            let value = format!("{} tokens per second, at most {}", rate.per_second, rate.burst);
            check(rate.is_valid(), field, value, "0 and 0, or 1 to 100000000 per second and at most 100 to 100000000")?;
        }
        check((1..=64).contains(&self.threads), "threads", self.threads, "1 to 64")?;
        let buffers = self.receive_buffers;
        let good = buffers.is_power_of_two() && (8..=32_768).contains(&buffers);
        check(good, "receive_buffers", buffers, "a power of two from 8 to 32768")?;
        let (open, logons) = (self.address_unauthenticated_max, self.address_logons_per_second);
        check((1..=65_536).contains(&open), "address_unauthenticated_max", open, "1 to 65536")?;
        check((1..=100_000).contains(&logons), "address_logons_per_second", logons, "1 to 100000")
    }
}

fn check(
    ok: bool,
    field: &'static str,
    value: impl std::fmt::Display,
    allowed: &'static str,
) -> Result<(), OrderEntryError> {
    if ok { Ok(()) } else { Err(OrderEntryError::Config { field, value: value.to_string(), allowed }) }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum OrderEntryError {
    /// A setting is out of bounds.
    #[error("order entry: {field} is {value}; allowed is {allowed}")]
    Config {
        /// Which.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// The address cannot be listened on.
    #[error("order entry: cannot listen on {address}: {error}; choose a free address in the configuration")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// io_uring was asked for and the kernel refuses it.
    #[error("order entry: io_uring was asked for, but {error}; use `auto` or `epoll`")]
    UringRefused {
        /// What the system says.
        error: std::io::Error,
    },
    /// The driver of its sockets or one of its threads cannot be made.
    #[error("order entry: cannot start: {error}")]
    Start {
        /// What the system says.
        error: std::io::Error,
    },
    /// The certificate or the private key of the second door cannot be used.
    #[error("order entry: TLS: {}: {error}", file.display())]
    Tls {
        /// Which file.
        file: std::path::PathBuf,
        /// Why.
        error: String,
    },
    /// The event log cannot be read.
    #[error("order entry: {0}")]
    Log(#[from] tidegate_journal::JournalError),
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_bounds_is_named_with_its_value_and_what_is_allowed() {
        let good = OrderEntryConfig::new("127.0.0.1:0".parse().unwrap(), ClusterId::new(1), NodeId::new(1));
        assert!(good.check().is_ok());
        let burst_too_small = RateLimit { per_second: 100, burst: 99 };
        let cases: [(OrderEntryConfig, &str); 10] = [
            (
                OrderEntryConfig { key_rate: burst_too_small, ..good.clone() },
                "key_rate is 100 tokens per second, at most 99",
            ),
            (OrderEntryConfig { threads: 65, ..good.clone() }, "threads is 65; allowed is 1 to 64"),
            (
                OrderEntryConfig { receive_buffers: 9, ..good.clone() },
                "receive_buffers is 9; allowed is a power of two",
            ),
            (OrderEntryConfig { address_unauthenticated_max: 0, ..good.clone() }, "address_unauthenticated_max is 0"),
            (OrderEntryConfig { address_logons_per_second: 0, ..good.clone() }, "address_logons_per_second is 0"),
            (OrderEntryConfig { in_flight_max: 1_025, ..good.clone() }, "in_flight_max is 1025; allowed is 1 to 1024"),
            (OrderEntryConfig { sessions_max: 0, ..good.clone() }, "sessions_max is 0; allowed is 1 to 65536"),
            (OrderEntryConfig { heartbeat_max_ms: 99, ..good.clone() }, "heartbeat_max_ms is 99"),
            (OrderEntryConfig { output_max_bytes: 1, ..good.clone() }, "output_max_bytes is 1; allowed is 4096"),
            (OrderEntryConfig { logon_timeout: Duration::ZERO, ..good }, "logon_timeout is 0; allowed is 1 ms"),
        ];
        for (config, expected) in cases {
            let message = config.check().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
