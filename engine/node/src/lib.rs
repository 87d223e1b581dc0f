//! A running node: the one place where every part is put together.
//!
//! ```text
//!   config --> [composition] --> runners (sequencer, journal, replicate, match, publish)
//!                            --> sync helper, order entry, replication link, HTTP, SQL sink
//!   operator --admin.sock--> [admin] --> commands (inbox) or [control] (promote, durability, stop)
//! ```
//!
//! Invariants: a part that fails for good ends the process with a message that names it; a standby may then take over.
//! A panic anywhere aborts the process ([`Node::start`]). What a node may do is decided in `decisions`, from facts alone.

mod admin;
mod composition;
pub mod config;
mod control;
mod decisions;
mod desk;
mod directory;
mod glue;
pub mod latency;
mod metrics;
pub mod snapshots;
mod state_file;
pub mod status;
mod view;

pub use admin::{AdminReply, AdminRequest, LimitsRequest, MoneyRequest, ROLES_DEFAULT, TransferRequest};
pub use composition::{Node, NodeError, OnMustStop};
pub use config::{ADMIN_SOCKET, ConfigError, NodeConfig, Role};
pub use state_file::STATE_FILE;
pub use status::NodeStatus;

/// Exit code of a node that another node has replaced: it must not be restarted as a primary.
pub const EXIT_FENCED: i32 = 40;
/// Exit code of a node that stopped in order because its disk is full.
pub const EXIT_NO_SPACE: i32 = 41;
/// Exit code of a node that a part of itself stopped.
pub const EXIT_FATAL: i32 = 70;
