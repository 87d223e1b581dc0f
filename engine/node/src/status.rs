//! What a node says about itself: one structure for the operator's screen, for scripts and for HTTP.

use serde::{Deserialize, Serialize};

/// In one word, how the node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It replays its journal, or changes its role.
    Starting,
    /// It leads and releases as configured.
    Primary,
    /// It follows.
    Standby,
    /// It leads and releases, but promises less than configured.
    Degraded,
    /// It leads and holds acknowledgements back: its standby is missing.
    Blocked,
    /// It stops.
    Stopping,
}

impl NodeState {
    /// Exit code of `tidegate status`.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Primary => 0,
            Self::Standby => 10,
            Self::Degraded => 20,
            Self::Blocked => 30,
            Self::Starting | Self::Stopping => 50,
        }
    }

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::Degraded => "degraded",
            Self::Blocked => "blocked",
            Self::Stopping => "stopping",
        }
    }
}

/// How far each stage has come: inclusive sequences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatermarkStatus {
    /// Numbered by the sequencer.
    pub assigned_through: u64,
    /// In the local log.
    pub journaled_through: u64,
    /// On the local disk.
    pub synced_through: u64,
    /// Applied by the engine.
    pub matched_through: u64,
    /// Released.
    pub published_through: u64,
    /// In the standby's log.
    pub peer_received_through: u64,
    /// On the standby's disk.
    pub peer_synced_through: u64,
    /// On a standby: released by its primary.
    pub commit_through: u64,
}

/// The link to the peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Its number.
    pub node: u32,
    /// Whether the link is alive.
    pub connected: bool,
    /// Whether a standby holds everything that was acknowledged.
    pub caught_up: bool,
    /// The highest epoch that it told.
    pub epoch: u32,
    /// Commands that it has not received yet (on a leader).
    pub lag_commands: u64,
    /// Whether the newest digest that both have is the same; absent until there is one.
    pub digest_equal: Option<bool>,
    /// Why the last attempt failed, if it did.
    pub last_error: Option<String>,
}

/// The SQL sink.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkStatus {
    /// Whether it runs.
    pub running: bool,
    /// Sequence up to which it has projected.
    pub through: u64,
    /// Why it stopped, if it did by itself.
    pub error: Option<String>,
}

/// Snapshots of the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotStatus {
    /// The newest one's last command; 0 when there is none.
    pub sequence: u64,
    /// Seconds since it was made.
    pub age_s: u64,
    /// Whether one is being taken.
    pub running: bool,
    /// Why the last attempt failed, if it did.
    pub last_error: Option<String>,
}

/// A digest of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestStatus {
    /// At which command.
    pub sequence: u64,
    /// 32 hexadecimal digits.
    pub digest: String,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its number.
    pub node: u32,
    /// The cluster's identity.
    pub cluster: String,
    /// Process id.
    pub pid: u32,
    /// Version of the program.
    pub version: String,
    /// In one word.
    pub state: NodeState,
    /// What it waits for, or what the operator should know, in a sentence.
    pub message: String,
    /// Its term.
    pub epoch: u32,
    /// Count of its starts.
    pub incarnation: u64,
    /// What an acknowledgement needs now.
    pub durability: String,
    /// What it needs when all is well.
    pub durability_configured: String,
    /// Stages and cores.
    pub core_plan: String,
    /// How the gateway drives its sockets.
    pub io: String,
    /// Where the binary gateway listens.
    pub order_entry: String,
    /// Where HTTP listens.
    pub http: Option<String>,
    /// Where HTTP listens for the operator alone.
    #[serde(default)]
    pub http_operator: Option<String>,
    /// Where the market-data feed listens.
    #[serde(default)]
    pub market_data: Option<String>,
    /// Logged-on sessions.
    pub sessions: u64,
    /// Requests taken by the gateway since the start.
    pub requests: u64,
    /// Reports sent since the start.
    pub reports: u64,
    /// Commands that wait for the sequencer: more than none for long means that something downstream holds them back.
    pub inbox_fill: u64,
    /// How far each stage has come.
    pub watermarks: WatermarkStatus,
    /// The peer, where there is one.
    pub peer: Option<PeerStatus>,
    /// The sink, where there is one.
    pub sink: Option<SinkStatus>,
    /// Its snapshots.
    pub snapshot: SnapshotStatus,
    /// The snapshot from which it started; 0 is the journal's start.
    pub started_from: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Whether the disk has room for the logs: `enough`, `low` (fewer than three segments), `out`.
    pub disk_space: String,
    /// Bytes of the event log.
    pub event_log_bytes: u64,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// The digest that was asked for.
    pub digest: Option<DigestStatus>,
}
