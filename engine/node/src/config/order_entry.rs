//! `[order_entry]`: where clients log on, and what they may take up.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tidegate_matching::SESSION_GRACE_AFTER_RESTART;

use super::{ConfigError, check};

/// `[order_entry]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderEntrySection {
    /// Address of the binary gateway.
    pub listen: SocketAddr,
    /// How its sockets are driven.
    #[serde(default)]
    pub io: IoName,
    /// How long a client may take to log on again after a restart or a promotion of this node before its
    /// orders go, in milliseconds. A connection that ends otherwise has the grace time that its client asked for.
    #[serde(default = "default_session_grace_ms")]
    pub session_grace_ms: u64,
    /// Threads that carry sessions. With one and the core plan `fused` it is the pipeline's own.
    #[serde(default = "one_thread")]
    pub threads: usize,
    /// What becomes of a logon with a key that has a live session.
    #[serde(default)]
    pub second_logon: SecondLogonName,
    /// A second door with TLS 1.3; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSection>,
    /// What clients may take up.
    #[serde(default)]
    pub limits: SessionLimitsSection,
}

impl OrderEntrySection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let grace = self.session_grace_ms;
        check((100..=600_000).contains(&grace), "order_entry.session_grace_ms", grace, "100 to 600000")?;
        if let Some(tls) = &self.tls {
            let other = tls.listen.port() == 0 || tls.listen != self.listen;
            check(other, "order_entry.tls.listen", tls.listen, "another address than order_entry.listen")?;
        }
        check((1..=64).contains(&self.threads), "order_entry.threads", self.threads, "1 to 64")?;
        self.limits.check()
    }
}

/// What becomes of a logon with a key that has a live session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondLogonName {
    /// It takes over, and the older session is told so.
    #[default]
    TakesOver,
    /// It is refused.
    IsRefused,
}

/// `[order_entry.tls]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// Address of the second door.
    pub listen: SocketAddr,
    /// PEM file: the server's certificate, then those that lead to a root.
    pub certificates: PathBuf,
    /// PEM file: the private key. Nobody else may read it.
    pub private_key: PathBuf,
}

const fn one_thread() -> usize {
    1
}

/// `[order_entry.limits]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionLimitsSection {
    /// Most connections at a time.
    pub sessions_max: usize,
    /// Most connections of one address (an IPv4 address, or 64 bits of an IPv6 one) that have not logged on.
    pub address_unauthenticated_max: u32,
    /// Most logons that one address may try in a second; also, handshakes at the TLS door.
    pub address_logons_per_second: u32,
    /// Whether those two limits hold for loopback, too.
    pub limit_loopback: bool,
    /// Tokens that a key gets back in a second: every request costs one, a mass quote as many as it has quotes, what takes orders
    /// away none. 0 is no limit.
    pub key_tokens_per_s: u32,
    /// Most tokens that a key can have: 100 or more, or 0 where there is no limit.
    pub key_tokens_max: u32,
    /// The same for all keys that come from one address.
    pub address_tokens_per_s: u32,
    /// The same for all keys that come from one address.
    pub address_tokens_max: u32,
}

impl SessionLimitsSection {
    fn check(&self) -> Result<(), ConfigError> {
        let sessions = self.sessions_max;
        check((1..=65_536).contains(&sessions), "order_entry.limits.sessions_max", sessions, "1 to 65536")?;
        let open = self.address_unauthenticated_max;
        let field = "order_entry.limits.address_unauthenticated_max";
        check((1..=65_536).contains(&open), field, open, "1 to 65536")?;
        let logons = self.address_logons_per_second;
        check((1..=100_000).contains(&logons), "order_entry.limits.address_logons_per_second", logons, "1 to 100000")?;
        const TOKENS_MAX: u32 = 100_000_000;
        const PER_SECOND: &str = "0 to 100000000";
        const MOST: &str = "100 to 100000000, or 0 where there is no limit";
        let (key, address) = (self.key_tokens_per_s, self.address_tokens_per_s);
        check(key <= TOKENS_MAX, "order_entry.limits.key_tokens_per_s", key, PER_SECOND)?;
        check(address <= TOKENS_MAX, "order_entry.limits.address_tokens_per_s", address, PER_SECOND)?;
        let valid = |per_second, most| if per_second == 0 { most == 0 } else { (100..=TOKENS_MAX).contains(&most) };
        let most = self.key_tokens_max;
        check(valid(key, most), "order_entry.limits.key_tokens_max", most, MOST)?;
        let most = self.address_tokens_max;
        check(valid(address, most), "order_entry.limits.address_tokens_max", most, MOST)
    }
}

impl Default for SessionLimitsSection {
    fn default() -> Self {
        Self {
            sessions_max: 4_096,
            address_unauthenticated_max: 16,
            address_logons_per_second: 10,
            limit_loopback: true,
            key_tokens_per_s: 20_000,
            key_tokens_max: 40_000,
            address_tokens_per_s: 100_000,
            address_tokens_max: 200_000,
        }
    }
}

/// As long as the engine gives where nobody says.
#[must_use]
pub const fn default_session_grace_ms() -> u64 {
    SESSION_GRACE_AFTER_RESTART.nanos() / 1_000_000
}

/// How sockets are driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IoName {
    /// io_uring where the kernel allows it, else epoll.
    #[default]
    Auto,
    /// io_uring or not at all.
    Uring,
    /// epoll.
    Epoll,
}
