//! What the node says about its latency: one structure for metrics, HTTP and the operator. Nanoseconds everywhere.
//!
//! Invariants: a percentile, or a point of a curve, is there only where `tidegate_percentiles` allows it, so that nobody believes
//! a p99.99 of a hundred orders.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_percentiles::{CurvePoint, Percentiles};
use tidegate_pipeline::stamps::STAGES;

use crate::status::NodeStatus;

/// One stage of the orders' way in a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageLine {
    /// Its name.
    pub stage: String,
    /// Where it begins.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// What all orders spent in it, in nanoseconds.
    pub sum_ns: u64,
    /// Orders of which it took the largest part.
    pub critical: u64,
    /// Its part of each order.
    #[serde(flatten)]
    pub latency: Percentiles,
    /// The same as a percentile plot.
    pub curve: Vec<CurvePoint>,
}

/// A span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencySpan {
    /// Orders that were answered in it.
    pub orders: u64,
    /// What they took together, in nanoseconds: the sum of the stages'.
    pub sum_ns: u64,
    /// From the receipt of an order's bytes to its first report at the kernel.
    pub total: Percentiles,
    /// The same as a percentile plot.
    pub curve: Vec<CurvePoint>,
    /// Its parts, in the order of the way.
    pub stages: Vec<StageLine>,
}

/// One of the slowest orders since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowOrder {
    /// Its place in the journal.
    pub sequence: u64,
    /// When it was answered, in nanoseconds since 1970 by the wall clock.
    pub at_ns: u64,
    /// What it took.
    pub latency_ns: u64,
    /// Its parts, which add up to that.
    pub stages: BTreeMap<String, u64>,
    /// What it was, where the journal still has it.
    #[serde(default)]
    pub content: Option<String>,
}

impl SlowOrder {
    pub(crate) fn new(sequence: u64, at_ns: u64, latency_ns: u64, parts_ns: [u64; STAGES.len()]) -> Self {
        let stages = STAGES.iter().zip(parts_ns).map(|(stage, ns)| (stage.as_str().to_owned(), ns)).collect();
        Self { sequence, at_ns, latency_ns, stages, content: None }
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencySample {
    /// The clock of the stamps: `tsc`, or `monotonic` where the processor's counter is not invariant.
    pub clock: String,
    /// Commands whose stamps were lost because they were read too late; those of a restart's replay count, too.
    pub skipped: u64,
    /// Since the start of the node.
    pub since_start: LatencySpan,
    /// The last ten seconds.
    pub last_10_s: LatencySpan,
    /// The slowest orders since the start, the slowest first.
    pub slowest: Vec<SlowOrder>,
}

impl LatencySample {
    /// Without what belongs to clients: what their orders were.
    pub(crate) fn without_content(mut self) -> Self {
        self.slowest.iter_mut().for_each(|slow| slow.content = None);
        self
    }
}

/// How busy a stage was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusyLine {
    /// Its name.
    pub stage: String,
    /// Estimate of the time since the start in which it had something to do, in nanoseconds.
    pub busy_ns: u64,
}

/// A logged-on session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSample {
    /// Its key.
    pub key: u32,
    /// The client's address.
    pub peer: String,
    /// Requests that are handed in and not answered.
    pub in_flight: u64,
    /// Bytes that its socket has not taken.
    pub queued_bytes: u64,
    /// Released reports that are not encoded for it yet.
    pub reports_behind: u64,
}

/// Everything that `tidegate top` shows, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSample {
    /// Nanoseconds since the start of the node.
    pub at_ns: u64,
    /// Its status.
    pub status: NodeStatus,
    /// Its histograms.
    pub latency: LatencySample,
    /// Its stages.
    pub busy: Vec<BusyLine>,
    /// Its sessions.
    pub sessions: Vec<SessionSample>,
    /// Commands that could wait for the sequencer.
    pub inbox_slots: u64,
    /// Slots of the command ring.
    pub command_ring_slots: u64,
}
