//! Fuzz targets as plain functions of bytes: whatever the bytes are, none of them panics.
//!
//! ```text
//!   corpus/NAME/* --+--> [`TARGETS`]: NAME --> the function --> panic = found something
//!                   |      ^ tests/corpus.rs: the corpus and some thousands of mutants, in every `cargo test`
//!                   '------' targets/: libFuzzer, a workspace of its own, `tools/fuzz/run`, nightly only
//! ```
//!
//! Invariants: nothing here runs in a node. A target checks more than that nothing panics: what decodes is encoded again and
//! decodes to the same, the engine does what its naive twin does, recovery keeps what verification has seen.
//! The twin, the link's messages and the configuration are included as files: the first is a test, and the crates of
//! the others would add a database to what libFuzzer must build. A session comes from its crate, whose feature `fuzzing`
//! shows it.

mod config_text;
mod engine;
mod feed;
mod input;
mod log;
mod records;
mod replication;
pub mod seeds;
mod snapshot_file;
mod wire;

#[path = "../../../replicator/src/message.rs"]
#[allow(dead_code, unreachable_pub)]
mod link_message;
#[path = "../../../engine/node/src/config/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod node_config;

#[path = "../../../engine/matching/tests/model/compare.rs"]
#[allow(clippy::unwrap_used)]
mod compare;
#[path = "../../../engine/matching/tests/model/coverage.rs"]
#[allow(dead_code, clippy::unwrap_used)]
mod coverage;
#[path = "../../../engine/matching/tests/model/naive/mod.rs"]
#[allow(dead_code, clippy::unwrap_used)]
mod naive;
#[path = "../../../engine/matching/tests/model/pair.rs"]
#[allow(dead_code, clippy::unwrap_used)]
mod pair;
#[path = "../../../engine/matching/tests/model/play.rs"]
#[allow(clippy::unwrap_used)]
mod play;

pub use config_text::config;
pub use engine::{engine_apply, engine_patched};
pub use feed::{feed_client, feed_packet, feed_request, feed_server};
pub use log::{event_log, journal};
pub use records::{command_record, event_record};
pub use replication::replication;
pub use snapshot_file::snapshot_file;
pub use tidegate_order_entry::fuzzing::session;
pub use wire::{decimal, wire_client, wire_server};

/// Name and function of a target.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 17] = [
    ("engine_apply", engine_apply),
    ("engine_patched", engine_patched),
    ("command_record", command_record),
    ("event_record", event_record),
    ("wire_client", wire_client),
    ("wire_server", wire_server),
    ("decimal", decimal),
    ("replication", replication),
    ("journal", journal),
    ("event_log", event_log),
    ("config", config),
    ("snapshot_file", snapshot_file),
    ("feed_server", feed_server),
    ("feed_request", feed_request),
    ("feed_packet", feed_packet),
    ("feed_client", feed_client),
    ("session", session),
];
