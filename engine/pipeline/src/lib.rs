//! The pipeline: from the inbox to the released event.
//!
//! ```text
//!  gateways --CommandRecord--> [Inbox] --> [Sequencer] --> command ring --+--> journal stage    --> journaled, synced
//!  leader's records (standby) ------------->    |                         +--> replicate stage  --> peer_received
//!  own journal (restart) ------------------>    |                         +--> [MatchStage]     --> event ring
//!                                                                                                        |
//!        event log <-- [Publish] <-- ReleasableThrough <-- AckPolicy(journaled, synced, peer, commit) <--+
//! ```
//!
//! Invariants: one producer per ring; nothing in a duty cycle waits; a full ring is back-pressure on whatever feeds it,
//! up to the socket, never loss; only publish hands events out, and only up to a [`ReleasableThrough`].
//! Owning threads: runners ([`runner`]), one per core or one for all stages, by the core plan.

pub mod ack;
pub mod affinity;
pub mod busy;
pub mod control;
pub mod core_plan;
pub mod digests;
pub mod inbox;
pub mod match_stage;
pub mod publish;
pub mod rings;
pub mod runner;
pub mod sequencer;
pub mod serving;
pub mod stamps;
pub mod watermark;

pub use ack::{AckPolicy, AckRule, ReleasableThrough, Watermarks};
pub use control::{RunControl, SequencerOrder};
pub use core_plan::{CorePlan, CorePlanChoice};
pub use digests::DigestBoard;
pub use inbox::{Inbox, InboxFull};
pub use match_stage::MatchStage;
pub use publish::{LastEvent, Publish, ReleasedEvents};
pub use rings::{CommandPoller, CommandProducer, EventPoller, EventProducer, command_ring, event_ring};
pub use runner::{Fatal, Listener, OnFatal, Runner, Stage, Waker};
pub use sequencer::{RecordSource, Resume, Sequencer};
pub use serving::{Serving, ServingState};
pub use watermark::{SharedWatermarkWriter, WatermarkReader, WatermarkWriter, watermark};
