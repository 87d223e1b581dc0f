//! The node's configuration: one TOML file, unknown fields refused, every value checked before anything starts.
//!
//! Limits that decide a reject are not here in force: `[limits]` only goes into the first record of a new journal.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tidegate_domain::{ClusterId, Durability, EngineLimits, LimitOutOfRange, NodeId};
use tidegate_matching::SESSION_GRACE_AFTER_RESTART;
use tidegate_pipeline::CorePlanChoice;

/// Which part a node plays when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It leads.
    Primary,
    /// It follows its peer until it is promoted.
    Standby,
}

impl Role {
    /// The name in configs and status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Standby => "standby",
        }
    }
}

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Who this node is.
    pub node: NodeSection,
    /// Its log.
    #[serde(default)]
    pub journal: JournalSection,
    /// Its threads and queues.
    #[serde(default)]
    pub pipeline: PipelineSection,
    /// Where clients log on.
    pub order_entry: OrderEntrySection,
    /// Where browsers and monitoring look; absent: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSection>,
    /// Where the market-data feed is; absent: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub market_data: Option<MarketDataSection>,
    /// Its peer; absent: a single node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication: Option<ReplicationSection>,
    /// The database that it projects into while it leads; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<SqlSection>,
    /// Its snapshots.
    #[serde(default)]
    pub snapshots: SnapshotsSection,
    /// Limits for the first record of a new journal.
    #[serde(default)]
    pub limits: LimitsSection,
}

/// `[node]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSection {
    /// Its number in the cluster, from 1.
    pub id: u32,
    /// The part that it plays at the start.
    pub role: Role,
    /// The cluster's identity: 32 hexadecimal digits, from `tidegate keygen cluster`.
    pub cluster: String,
    /// Folder of journal, event log, state and operator's socket. Relative paths are relative to the file.
    pub data_dir: PathBuf,
}

/// `[journal]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalSection {
    /// What an acknowledgement needs; by default `local` on a single node and `replicated` with `[replication]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability: Option<DurabilityName>,
    /// Size of a segment in MiB.
    pub segment_mib: u64,
}

impl Default for JournalSection {
    fn default() -> Self {
        Self { durability: None, segment_mib: 64 }
    }
}

/// A [`Durability`] as the file spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DurabilityName {
    /// See [`Durability::Async`].
    Async,
    /// See [`Durability::Local`].
    Local,
    /// See [`Durability::Replicated`].
    Replicated,
}

impl From<DurabilityName> for Durability {
    fn from(name: DurabilityName) -> Self {
        match name {
            DurabilityName::Async => Self::Async,
            DurabilityName::Local => Self::Local,
            DurabilityName::Replicated => Self::Replicated,
        }
    }
}

/// `[pipeline]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineSection {
    /// How stages are spread over cores.
    pub core_plan: CorePlanName,
    /// What its threads do when there is nothing to do.
    pub idle: IdleName,
    /// Slots of the command ring, a power of two.
    pub command_ring_slots: usize,
    /// Slots of the event ring, a power of two.
    pub event_ring_slots: usize,
    /// Commands that may wait for the sequencer.
    pub inbox_slots: usize,
}

impl Default for PipelineSection {
    fn default() -> Self {
        Self {
            core_plan: CorePlanName::Auto,
            idle: IdleName::Auto,
            command_ring_slots: 16_384,
            event_ring_slots: 16_384,
            inbox_slots: 8_192,
        }
    }
}

/// A [`CorePlanChoice`] as the file spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CorePlanName {
    /// See [`CorePlanChoice::Auto`].
    Auto,
    /// See [`CorePlanChoice::Pinned`].
    Pinned,
    /// See [`CorePlanChoice::Fused`].
    Fused,
}

impl From<CorePlanName> for CorePlanChoice {
    fn from(name: CorePlanName) -> Self {
        match name {
            CorePlanName::Auto => Self::Auto,
            CorePlanName::Pinned => Self::Pinned,
            CorePlanName::Fused => Self::Fused,
        }
    }
}

/// What a thread does when there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdleName {
    /// As the core plan has it: `pinned` spins, `fused` parks.
    Auto,
    /// Looks again at once, for ever: quickest, and a core is gone.
    Spin,
    /// Looks again for a while, then sleeps until it is woken.
    Park,
}

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

/// `[http]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSection {
    /// Address of HTTP, WebSocket and metrics.
    pub listen: SocketAddr,
}

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

/// `[replication]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicationSection {
    /// UDP address of this node's end of the link.
    pub listen: SocketAddr,
    /// UDP address of the peer's end.
    pub peer: SocketAddr,
    /// The peer's number.
    pub peer_node: u32,
    /// Folder with `ca.pem`, `node-<id>.pem` and `node-<id>.key`, from `tidegate keygen cluster`.
    pub keys_dir: PathBuf,
    /// Heartbeat of the link in milliseconds.
    #[serde(default = "default_heartbeat_ms")]
    pub heartbeat_ms: u64,
    /// Silence after which the link counts as dead, in milliseconds.
    #[serde(default = "default_idle_timeout_ms")]
    pub idle_timeout_ms: u64,
}

const fn default_heartbeat_ms() -> u64 {
    50
}

const fn default_idle_timeout_ms() -> u64 {
    1_000
}

/// `[sql]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlSection {
    /// The SQLite file. Two nodes may share one: only the leader writes it.
    pub file: PathBuf,
}

/// `[snapshots]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotsSection {
    /// One is taken when the journal grew by so many commands; 0: only when an operator asks.
    pub every_commands: u64,
    /// How many are kept.
    pub keep: usize,
    /// Whether segments of the journal that lie before the oldest snapshot are removed.
    pub prune: bool,
}

impl Default for SnapshotsSection {
    fn default() -> Self {
        Self { every_commands: 5_000_000, keep: 2, prune: false }
    }
}

/// `[limits]`: see [`EngineLimits`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// Most assets.
    pub assets_max: u32,
    /// Most markets.
    pub markets_max: u32,
    /// Most accounts.
    pub accounts_max: u32,
    /// Most keys.
    pub keys_max: u32,
    /// Most resting orders in all.
    pub open_orders_max: u32,
    /// Most resting orders of one account.
    pub account_open_orders_max: u32,
    /// Most business references kept.
    pub references_max: u32,
    /// Most pairs of account and asset that ever had a balance.
    pub balances_max: u32,
    /// Most pairs of account and market that ever had an order.
    pub seats_max: u32,
}

impl Default for LimitsSection {
    fn default() -> Self {
        let limits = EngineLimits::default();
        Self {
            assets_max: limits.assets_max,
            markets_max: limits.markets_max,
            accounts_max: limits.accounts_max,
            keys_max: limits.keys_max,
            open_orders_max: limits.open_orders_max,
            account_open_orders_max: limits.account_open_orders_max,
            references_max: limits.references_max,
            balances_max: limits.balances_max,
            seats_max: limits.seats_max,
        }
    }
}

impl From<&LimitsSection> for EngineLimits {
    fn from(section: &LimitsSection) -> Self {
        Self {
            assets_max: section.assets_max,
            markets_max: section.markets_max,
            accounts_max: section.accounts_max,
            keys_max: section.keys_max,
            open_orders_max: section.open_orders_max,
            account_open_orders_max: section.account_open_orders_max,
            references_max: section.references_max,
            balances_max: section.balances_max,
            seats_max: section.seats_max,
        }
    }
}

/// Why a configuration is refused.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not this TOML: the message names line, field and what is allowed.
    Malformed {
        /// Which.
        file: PathBuf,
        /// The parser's words.
        message: String,
    },
    /// A value is out of bounds.
    Refused {
        /// Section and field.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => write!(f, "cannot read the configuration {}: {error}", file.display()),
            Self::Malformed { file, message } => {
                write!(f, "the configuration {} is refused:\n{message}", file.display())
            }
            Self::Refused { field, value, allowed } => {
                write!(f, "the configuration is refused: `{field}` is {value}; allowed: {allowed}")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// Shortens one bound check to a line.
fn check(ok: bool, field: &'static str, value: impl fmt::Display, allowed: &'static str) -> Result<(), ConfigError> {
    if ok { Ok(()) } else { Err(ConfigError::Refused { field, value: format!("`{value}`"), allowed }) }
}

impl NodeConfig {
    /// Reads and checks a file. Relative paths in it become relative to its folder.
    ///
    /// # Errors
    /// [`ConfigError`] names the field, its value and what is allowed.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(file).map_err(|error| ConfigError::Unreadable { file: file.to_owned(), error })?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| ConfigError::Malformed { file: file.to_owned(), message: error.to_string() })?;
        let folder = file.parent().unwrap_or(Path::new("."));
        config.node.data_dir = folder.join(&config.node.data_dir);
        if let Some(replication) = &mut config.replication {
            replication.keys_dir = folder.join(&replication.keys_dir);
        }
        if let Some(tls) = &mut config.order_entry.tls {
            tls.certificates = folder.join(&tls.certificates);
            tls.private_key = folder.join(&tls.private_key);
        }
        if let Some(sql) = &mut config.sql {
            sql.file = folder.join(&sql.file);
        }
        config.check()?;
        Ok(config)
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self) -> Result<(), ConfigError> {
        check(self.node.id >= 1, "node.id", self.node.id, "1 or more")?;
        self.cluster()?;
        let segment = self.journal.segment_mib;
        check((1..=1_024).contains(&segment), "journal.segment_mib", segment, "1 to 1024")?;
        self.check_pipeline()?;
        let grace = self.order_entry.session_grace_ms;
        check((100..=600_000).contains(&grace), "order_entry.session_grace_ms", grace, "100 to 600000")?;
        if let Some(tls) = &self.order_entry.tls {
            let other = tls.listen.port() == 0 || tls.listen != self.order_entry.listen;
            check(other, "order_entry.tls.listen", tls.listen, "another address than order_entry.listen")?;
        }
        let threads = self.order_entry.threads;
        check((1..=64).contains(&threads), "order_entry.threads", threads, "1 to 64")?;
        self.check_session_limits()?;
        self.check_limits()?;
        self.market_data.as_ref().map_or(Ok(()), check_market_data)?;
        let keep = self.snapshots.keep;
        check((2..=1_000).contains(&keep), "snapshots.keep", keep, "2 to 1000")?;
        match &self.replication {
            None => {
                check(self.node.role == Role::Primary, "node.role", "standby", "`primary` without [replication]")?;
                let replicated = self.durability() == Durability::Replicated;
                check(!replicated, "journal.durability", "replicated", "`async` or `local` without [replication]")?;
            }
            Some(link) => {
                let peer = link.peer_node;
                check(peer >= 1, "replication.peer_node", peer, "1 or more")?;
                check(peer != self.node.id, "replication.peer_node", peer, "another number than node.id")?;
                let heartbeat = link.heartbeat_ms;
                check((5..=1_000).contains(&heartbeat), "replication.heartbeat_ms", heartbeat, "5 to 1000")?;
                let idle = link.idle_timeout_ms;
                let enough = idle >= 3 * heartbeat && idle <= 60_000;
                check(enough, "replication.idle_timeout_ms", idle, "three heartbeats to 60000")?;
            }
        }
        Ok(())
    }

    fn check_pipeline(&self) -> Result<(), ConfigError> {
        let p = &self.pipeline;
        let ring = |slots: usize| slots.is_power_of_two() && (64..=1 << 22).contains(&slots);
        const RING: &str = "a power of two from 64 to 4194304";
        check(ring(p.command_ring_slots), "pipeline.command_ring_slots", p.command_ring_slots, RING)?;
        check(ring(p.event_ring_slots), "pipeline.event_ring_slots", p.event_ring_slots, RING)?;
        let inbox = (64..=1 << 22).contains(&p.inbox_slots);
        check(inbox, "pipeline.inbox_slots", p.inbox_slots, "64 to 4194304")
    }

    fn check_session_limits(&self) -> Result<(), ConfigError> {
        let limits = &self.order_entry.limits;
        let sessions = limits.sessions_max;
        check((1..=65_536).contains(&sessions), "order_entry.limits.sessions_max", sessions, "1 to 65536")?;
        let open = limits.address_unauthenticated_max;
        let field = "order_entry.limits.address_unauthenticated_max";
        check((1..=65_536).contains(&open), field, open, "1 to 65536")?;
        let logons = limits.address_logons_per_second;
        check((1..=100_000).contains(&logons), "order_entry.limits.address_logons_per_second", logons, "1 to 100000")?;
        const TOKENS_MAX: u32 = 100_000_000;
        const PER_SECOND: &str = "0 to 100000000";
        const MOST: &str = "100 to 100000000, or 0 where there is no limit";
        let (key, address) = (limits.key_tokens_per_s, limits.address_tokens_per_s);
        check(key <= TOKENS_MAX, "order_entry.limits.key_tokens_per_s", key, PER_SECOND)?;
        check(address <= TOKENS_MAX, "order_entry.limits.address_tokens_per_s", address, PER_SECOND)?;
        let valid = |per_second, most| if per_second == 0 { most == 0 } else { (100..=TOKENS_MAX).contains(&most) };
        let most = limits.key_tokens_max;
        check(valid(key, most), "order_entry.limits.key_tokens_max", most, MOST)?;
        let most = limits.address_tokens_max;
        check(valid(address, most), "order_entry.limits.address_tokens_max", most, MOST)
    }

    fn check_limits(&self) -> Result<(), ConfigError> {
        let limits = EngineLimits::from(&self.limits);
        limits.check().map_err(|wrong| {
            let LimitOutOfRange { field, value, allowed } = wrong;
            ConfigError::Refused { field, value: value.to_string(), allowed }
        })
    }

    /// The cluster's identity.
    ///
    /// # Errors
    /// When it is not 32 hexadecimal digits.
    pub fn cluster(&self) -> Result<ClusterId, ConfigError> {
        let text = &self.node.cluster;
        let parsed = (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten();
        let allowed = "32 hexadecimal digits, from `tidegate keygen cluster`";
        parsed.map(ClusterId::new).ok_or(ConfigError::Refused {
            field: "node.cluster",
            value: format!("`{text}`"),
            allowed,
        })
    }

    /// What an acknowledgement of a healthy node needs.
    #[must_use]
    pub fn durability(&self) -> Durability {
        match (self.journal.durability, &self.replication) {
            (Some(name), _) => name.into(),
            (None, None) => Durability::Local,
            (None, Some(_)) => Durability::Replicated,
        }
    }

    /// This node's number.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        NodeId::new(self.node.id)
    }

    /// The operator's socket.
    #[must_use]
    pub fn admin_socket(&self) -> PathBuf {
        self.node.data_dir.join(ADMIN_SOCKET)
    }
}

fn check_market_data(feed: &MarketDataSection) -> Result<(), ConfigError> {
    let within = |low: u64, value: u64, high: u64| (low..=high).contains(&value);
    let heartbeat = feed.heartbeat_ms;
    check(within(10, heartbeat, 60_000), "market_data.heartbeat_ms", heartbeat, "10 to 60000")?;
    let keep = feed.keep_messages;
    check(within(1_024, keep as u64, 1 << 24), "market_data.keep_messages", keep, "1024 to 16777216")?;
    let max = feed.connections_max;
    check(within(1, max as u64, 65_536), "market_data.connections_max", max, "1 to 65536")?;
    let per_ip = feed.connections_per_ip_max;
    let fits = within(1, per_ip as u64, max as u64);
    check(fits, "market_data.connections_per_ip_max", per_ip, "1 to market_data.connections_max")?;
    let rate = feed.recovery_per_second;
    check(within(100, rate.into(), 100_000_000), "market_data.recovery_per_second", rate, "100 to 100000000")?;
    let retransmit = feed.retransmit_max;
    let fits = within(1, retransmit.into(), keep as u64);
    check(fits, "market_data.retransmit_max", retransmit, "1 to market_data.keep_messages")?;
    let Some(multicast) = &feed.multicast else { return Ok(()) };
    let (a, b, snapshot) = (multicast.group_a, multicast.group_b, multicast.group_snapshot);
    const GROUP: &str = "a group of 224.0.0.0 to 239.255.255.255 and a port, another for each of A, B and snapshots";
    let is_group = |group: SocketAddrV4| group.ip().is_multicast() && group.port() != 0;
    check(is_group(a), "market_data.multicast.group_a", a, GROUP)?;
    check(is_group(b) && b != a, "market_data.multicast.group_b", b, GROUP)?;
    let is_third = is_group(snapshot) && snapshot != a && snapshot != b;
    check(is_third, "market_data.multicast.group_snapshot", snapshot, GROUP)?;
    let interval = multicast.snapshot_interval_ms;
    let fits = within(100, interval, 600_000);
    check(fits, "market_data.multicast.snapshot_interval_ms", interval, "100 to 600000")?;
    let packets = multicast.snapshot_packets_per_second;
    let fits = within(1, packets.into(), 1_000_000);
    check(fits, "market_data.multicast.snapshot_packets_per_second", packets, "1 to 1000000")
}

/// File name of the operator's socket in the data folder.
pub const ADMIN_SOCKET: &str = "admin.sock";
