//! The histograms of the stages as they are, for whoever measures from outside: two of them subtract exactly.
//!
//! Invariants: a copy is taken under the tally's lock, and made into text outside of it. Thread: tokio.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};
use tidegate_pipeline::stamps::{STAGES, TimedStage};

/// Everything that a node has counted since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyHistograms {
    /// The clock of the stamps: `tsc`, or `monotonic` where the processor's counter is not invariant.
    pub clock: String,
    /// Every order up to this sequence is counted, or skipped.
    pub counted_through: u64,
    /// Commands whose stamps were lost because they were read too late; those of a restart's replay count, too.
    pub skipped: u64,
    /// Orders.
    pub orders: u64,
    /// From the receipt of an order's bytes to its first report at the kernel, in nanoseconds: HdrHistogram V2, deflated, in
    /// base64, as the lines of a histogram log have it.
    pub total: String,
    /// Its parts, in the order of the way.
    pub stages: Vec<StageHistogram>,
    /// The slowest orders that were counted since somebody asked for this the last time, the slowest first.
    pub slowest: Vec<OrderParts>,
    /// How many of them are kept at most: an order that is not there although there are fewer was not counted since then.
    pub slowest_kept_max: u64,
}

/// One stage since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageHistogram {
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
    /// Its part of each order, as [`LatencyHistograms::total`].
    pub histogram: String,
}

/// The parts of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderParts {
    /// Its place in the journal.
    pub sequence: u64,
    /// What it took inside the node, in nanoseconds.
    pub latency_ns: u64,
    /// Its parts, which add up to that.
    pub stages: BTreeMap<String, u64>,
}

impl OrderParts {
    pub(super) fn new(sequence: u64, latency_ns: u64, parts_ns: [u64; STAGES.len()]) -> Self {
        let stages = STAGES.iter().zip(parts_ns).map(|(stage, ns)| (stage.as_str().to_owned(), ns)).collect();
        Self { sequence, latency_ns, stages }
    }
}

/// The same before it is made into text.
pub(crate) struct Histograms {
    pub(super) clock: &'static str,
    pub(super) counted_through: u64,
    pub(super) skipped: u64,
    pub(super) slowest_kept_max: u64,
    pub(super) slowest: Vec<OrderParts>,
    pub(super) total: Histogram<u64>,
    /// With sum and how often it was critical.
    pub(super) stages: Vec<(TimedStage, Histogram<u64>, u64, u64)>,
}

impl Histograms {
    /// As text.
    pub(crate) fn encoded(self) -> LatencyHistograms {
        let stages = self.stages.iter().map(|(stage, histogram, sum_ns, critical)| StageHistogram {
            stage: stage.as_str().to_owned(),
            from: stage.from().to_owned(),
            to: stage.to().to_owned(),
            sum_ns: *sum_ns,
            critical: *critical,
            histogram: encoded(histogram),
        });
        LatencyHistograms {
            clock: self.clock.to_owned(),
            counted_through: self.counted_through,
            skipped: self.skipped,
            orders: self.total.len(),
            total: encoded(&self.total),
            stages: stages.collect(),
            slowest: self.slowest,
            slowest_kept_max: self.slowest_kept_max,
        }
    }
}

fn encoded(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("memory takes it");
    STANDARD.encode(bytes)
}
