//! The node's configuration: one TOML file, unknown fields refused, every value checked before anything starts.
//!
//! Limits that decide a reject are not here in force: `[limits]` only goes into the first record of a new journal.

mod market_data;
mod order_entry;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tidegate_domain::{ClusterId, Durability, EngineLimits, LimitOutOfRange, NodeId};
use tidegate_pipeline::CorePlanChoice;

pub use self::market_data::{MarketDataSection, MulticastSection};
pub use self::order_entry::{
    IoName, OrderEntrySection, SecondLogonName, SessionLimitsSection, TlsSection, default_session_grace_ms,
};

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

/// `[http]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSection {
    /// Address of HTTP, WebSocket and metrics: whoever reaches it sees what is public.
    pub listen: SocketAddr,
    /// A second address, on this machine only: the same, and what the slowest orders were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_listen: Option<SocketAddr>,
}

impl HttpSection {
    fn check(&self) -> Result<(), ConfigError> {
        let Some(operator) = self.operator_listen else { return Ok(()) };
        const FIELD: &str = "http.operator_listen";
        const HERE: &str = "an address of this machine alone, as 127.0.0.1:8101; from elsewhere, `ssh -L`";
        // It shows what clients ask for, and asks nobody who he is.
        check(operator.ip().is_loopback(), FIELD, operator, HERE)?;
        let other = operator.port() == 0 || operator != self.listen;
        check(other, FIELD, operator, "another address than http.listen")
    }
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
        self.order_entry.check()?;
        self.http.as_ref().map_or(Ok(()), HttpSection::check)?;
        self.check_limits()?;
        self.market_data.as_ref().map_or(Ok(()), MarketDataSection::check)?;
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

/// File name of the operator's socket in the data folder.
pub const ADMIN_SOCKET: &str = "admin.sock";
