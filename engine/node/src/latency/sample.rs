//! What the node says about its latency: one structure for metrics, HTTP and the operator. Nanoseconds everywhere.
//!
//! Invariants: a percentile is there only where at least ten samples lie above it, so that nobody believes a p99.99 of a hundred
//! orders.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tidegate_pipeline::stamps::STAGES;

use crate::status::NodeStatus;

/// Samples that must lie above a percentile.
const SAMPLES_ABOVE_MIN: u64 = 10;

/// Percentiles of one histogram, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyLine {
    /// Half are not above.
    pub p50: Option<u64>,
    /// 90 % are not above.
    pub p90: Option<u64>,
    /// 99 % are not above.
    pub p99: Option<u64>,
    /// 99.9 % are not above.
    #[serde(rename = "p99.9")]
    pub p99_9: Option<u64>,
    /// 99.99 % are not above.
    #[serde(rename = "p99.99")]
    pub p99_99: Option<u64>,
    /// The largest; absent without an order.
    pub max: Option<u64>,
}

impl LatencyLine {
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let count = u128::from(histogram.len());
        let at = |above_per_million: u32| {
            let has_enough = count * u128::from(above_per_million) >= u128::from(SAMPLES_ABOVE_MIN) * 1_000_000;
            has_enough.then(|| histogram.value_at_quantile(1.0 - f64::from(above_per_million) / 1e6))
        };
        Self {
            p50: at(500_000),
            p90: at(100_000),
            p99: at(10_000),
            p99_9: at(1_000),
            p99_99: at(100),
            max: (count > 0).then(|| histogram.max()),
        }
    }

    /// Each by name.
    #[must_use]
    pub fn each(&self) -> [(&'static str, Option<u64>); 6] {
        [
            ("p50", self.p50),
            ("p90", self.p90),
            ("p99", self.p99),
            ("p99.9", self.p99_9),
            ("p99.99", self.p99_99),
            ("max", self.max),
        ]
    }
}

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
    pub latency: LatencyLine,
}

/// A span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencySpan {
    /// Orders that were answered in it.
    pub orders: u64,
    /// What they took together, in nanoseconds: the sum of the stages'.
    pub sum_ns: u64,
    /// From the receipt of an order's bytes to its first report at the kernel.
    pub total: LatencyLine,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_there_when_ten_samples_lie_above_it() {
        for (count, there) in
            [(0, 0), (19, 1), (20, 2), (99, 2), (100, 3), (999, 3), (1_000, 4), (10_000, 5), (100_000, 6)]
        {
            let mut histogram = Histogram::new(3).expect("three digits");
            for value in 1..=count {
                histogram.record(value).expect("it grows");
            }
            let line = LatencyLine::of(&histogram);
            assert_eq!(line.each().iter().filter(|(_, value)| value.is_some()).count(), there, "{count}: {line:?}");
        }
    }
}
