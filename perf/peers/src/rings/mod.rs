//! Rings hop for hop: records of 128 bytes from one thread to another, there and back, and within one thread.
//!
//! ```text
//!   throughput:   [producer, core A] --records, in batches--> [consumer, core B]
//!   round trip:   [asker, core A]    --one record-->  [echo, core B]  --the same--> [asker]
//!   fused:        one thread writes a batch and reads it again, as the plan `fused` does
//! ```
//!
//! Invariants: every record is numbered and checked where it is read, and all of them against one checksum; a lost, changed
//! or reordered one is an error. Nobody waits for ever: each side ends when the other one has. A ring is fresh in every pass.

mod ends;
mod passes;

use std::fmt;

use serde::Serialize;
use tidegate_latency::{Percentiles, histogram};

use ends::{Batched, Bounded, Chunked, OneByOne, Ring, RtrbOneByOne, StdBounded};
use passes::{Cores, Pass, Source};

/// How much to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingPlan {
    /// Records of one pass of throughput, and of one within a thread.
    pub records: u64,
    /// Round trips of one pass.
    pub round_trips: u64,
    /// Throughput is the median of so many passes.
    pub rounds: u32,
}

impl RingPlan {
    /// Most records and round trips of a pass.
    pub const RECORDS_MAX: u64 = 1_000_000_000;
    /// Most rounds.
    pub const ROUNDS_MAX: u32 = 1_000;
}

/// All rings.
#[derive(Clone, Debug, Serialize)]
pub struct RingsReport {
    /// Records of one pass.
    pub records: u64,
    /// Round trips of one pass.
    pub round_trips: u64,
    /// Passes.
    pub rounds: u32,
    /// Slots of each ring.
    pub slots: usize,
    /// Most records that are written or read at once, where a ring can.
    pub batch: usize,
    /// Cores of the two ends; `null` where threads could not be pinned.
    pub cores: Option<[usize; 2]>,
    /// Ours first.
    pub rings: Vec<RingFigures>,
}

/// One ring.
#[derive(Clone, Debug, Serialize)]
pub struct RingFigures {
    /// Whose, and how it is used.
    pub name: &'static str,
    /// From one thread to another, median of the rounds.
    pub records_per_second: u64,
    /// Nanoseconds there and back, over all rounds.
    pub round_trip_ns: Percentiles,
    /// Nanoseconds to write and read one record within a thread, median of the rounds.
    pub fused_ns: f64,
}

/// Slots of each ring: as many as the node's command ring has.
const SLOTS: usize = 16_384;
/// Most records that are written or read at once.
const BATCH: usize = 64;

/// Runs one pass of so many records.
type RunPass = fn(&Source, u64, Cores) -> Result<Pass, String>;

/// A ring, and how to run it.
struct Peer {
    name: &'static str,
    throughput: RunPass,
    round_trip: RunPass,
    fused: RunPass,
}

impl Peer {
    const fn of<R: Ring>() -> Self {
        Self {
            name: R::NAME,
            throughput: passes::throughput::<R>,
            round_trip: passes::round_trip::<R>,
            fused: passes::fused::<R>,
        }
    }
}

const PEERS: [Peer; 6] = [
    Peer::of::<OneByOne>(),
    Peer::of::<Batched>(),
    Peer::of::<RtrbOneByOne>(),
    Peer::of::<Chunked>(),
    Peer::of::<Bounded>(),
    Peer::of::<StdBounded>(),
];

/// Measures all rings. `tell` hears what comes next.
///
/// # Errors
/// When a ring loses, changes or reorders a record: which one.
pub fn measure(plan: RingPlan, tell: &dyn Fn(&str)) -> Result<RingsReport, String> {
    let source = Source::new();
    let cores = passes::two_cores();
    let mut throughputs = vec![Vec::new(); PEERS.len()];
    let mut fused = vec![Vec::new(); PEERS.len()];
    let mut round_trips = vec![histogram(); PEERS.len()];
    for round in 1..=plan.rounds {
        for (at, peer) in PEERS.iter().enumerate() {
            tell(&format!("round {round} of {}: {}", plan.rounds, peer.name));
            let named = |error: String| format!("{}: {error}", peer.name);
            throughputs[at].push((peer.throughput)(&source, plan.records, cores).map_err(named)?.per_second());
            fused[at].push((peer.fused)(&source, plan.records, cores).map_err(named)?.ns_per_record());
            let pass = (peer.round_trip)(&source, plan.round_trips, cores).map_err(named)?;
            round_trips[at].add(&pass.latencies).expect("a histogram that grows takes every other");
        }
    }
    let rings = PEERS.iter().enumerate().map(|(at, peer)| RingFigures {
        name: peer.name,
        records_per_second: median(&mut throughputs[at]) as u64,
        round_trip_ns: Percentiles::of(&round_trips[at]),
        fused_ns: median(&mut fused[at]),
    });
    let RingPlan { records, round_trips: trips, rounds } = plan;
    Ok(RingsReport { records, round_trips: trips, rounds, slots: SLOTS, batch: BATCH, cores, rings: rings.collect() })
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl fmt::Display for RingsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, round_trips, rounds, slots, batch, cores, rings } = self;
        let pinned = cores.map_or_else(|| "not pinned".to_owned(), |[a, b]| format!("cores {a} and {b}"));
        writeln!(f, "128-byte records, each checked; {slots} slots, at most {batch} at once, {pinned}")?;
        writeln!(f, "{records} records and {round_trips} round trips a pass, {rounds} rounds in turns")?;
        writeln!(f, "\n  {:<36}{:>12}{:>12}   there and back, ns:", "", "", "one thread,")?;
        let head = ["p50", "p99", "p99.9", "max"].map(|name| format!("{name:>11}")).concat();
        writeln!(f, "  {:<36}{:>12}{:>12}{head}", "", "records/s", "ns/record")?;
        for RingFigures { name, records_per_second, round_trip_ns, fused_ns } in rings {
            let shown = |ns: Option<u64>| ns.map_or_else(|| "-".to_owned(), |ns| ns.to_string());
            let [p50, p99, p99_9, max] =
                [round_trip_ns.p50, round_trip_ns.p99, round_trip_ns.p99_9, round_trip_ns.max].map(shown);
            write!(f, "  {name:<36}{records_per_second:>12}{fused_ns:>12.1}")?;
            writeln!(f, "{p50:>11}{p99:>11}{p99_9:>11}{max:>11}")?;
        }
        Ok(())
    }
}
