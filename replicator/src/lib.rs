//! The replication link: one leader ships its sequenced commands to one standby, which journals, applies and acknowledges.
//!
//! ```text
//!  leader                                                          standby
//!  command ring --[ReplicateStage]--> LiveFeed --+                 +--> inbound queue --> sequencer --> journal, match
//!  journal ----(catch-up, gaps)------------------+--Frame--> QUIC -+
//!  peer_received, peer_synced <--------------Ack------------------ journaled, synced, matched
//! ```
//!
//! Invariants: frames are contiguous in Sequence; nothing is dropped between the two journals (a full feed is filled up
//! from the journal, a full inbound queue stops the reading of the stream); acknowledgements are cumulative and only grow;
//! an epoch never goes backwards on either side.
//! Owning threads: [`ReplicateStage`] runs on a pipeline runner; everything else is one task on the tokio runtime, the sole
//! writer of `peer_received`, `peer_synced` and `commit`. The cores ([`leader`], [`standby`]) do no I/O.

pub mod digests;
pub mod keys;
pub mod leader;
pub mod live;
pub mod message;
pub mod peer;
pub mod quic;
mod shell;
pub mod standby;
mod tls;
mod wire;

pub use keys::{KeyError, NodeIdentity, check_private_file, load_identity, make_cluster};
pub use live::{LiveFeed, ReplicateStage};
pub use message::LinkRole;
pub use quic::{JournalSource, LinkConfig, LinkError, LinkEvent, LinkPorts, LinkStatus, Replicator};
