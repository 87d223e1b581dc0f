//! The clock around a subject: throughput and allocations over whole parts, then latency one command at a time.
//!
//! Invariants: parts that only prepare the book are never timed. Throughput reads the clock a few times a part, not once a
//! command; latency reads it twice a command, and the price of that is in the figures: see [`clock_ns`].

use std::hint::black_box;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::op::{Checksum, NoFills};
use crate::report::LatencyNs;
use crate::subject::{Stream, Subject};

/// Commands between two looks at the time limit.
const COMMANDS_PER_LOOK: usize = 65_536;
/// The longest latency that is told apart from longer ones.
const LATENCY_MAX_NS: u64 = 60_000_000_000;
const CLOCK_PAIRS: usize = 100_000;

/// One pass over a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    /// Measured ops.
    pub(crate) ops: usize,
    pub(crate) elapsed: Duration,
    pub(crate) allocations: Option<u64>,
    pub(crate) checksum: Checksum,
    /// Whether the time limit ended it early.
    pub(crate) is_cut: bool,
}

impl Pass {
    pub(crate) fn ops_per_second(&self) -> f64 {
        self.ops as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Applies a stream and times its measured parts.
pub(crate) fn throughput<S: Subject>(
    subject: &mut S,
    stream: &Stream<S::Command>,
    limit: Duration,
    allocations: Option<fn() -> u64>,
) -> Pass {
    let mut pass = Pass {
        ops: 0,
        elapsed: Duration::ZERO,
        allocations: allocations.map(|_| 0),
        checksum: Checksum::default(),
        is_cut: false,
    };
    let mut commands = stream.commands.as_slice();
    for part in &stream.parts {
        let (now, later) = commands.split_at(part.commands);
        commands = later;
        if !part.is_measured {
            now.iter().for_each(|command| pass.checksum.mix(subject.apply(command, &mut NoFills)));
            continue;
        }
        let mut done = 0;
        for chunk in now.chunks(COMMANDS_PER_LOOK) {
            let before = allocations.map_or(0, |count| count());
            let started = Instant::now();
            for (at, command) in chunk.iter().enumerate() {
                subject.look_ahead(&chunk[at..]);
                pass.checksum.mix(subject.apply(black_box(command), &mut NoFills));
            }
            pass.elapsed += started.elapsed();
            let after = allocations.map_or(0, |count| count());
            pass.allocations = pass.allocations.map(|sum| sum + after - before);
            done += chunk.len();
            if pass.elapsed > limit && done < now.len() {
                pass.is_cut = true;
                pass.ops += done;
                return pass;
            }
        }
        pass.ops += part.ops;
    }
    pass
}

/// Applies a stream and times every measured command.
pub(crate) fn latency<S: Subject>(subject: &mut S, stream: &Stream<S::Command>) -> LatencyNs {
    let mut histogram =
        Histogram::<u64>::new_with_bounds(1, LATENCY_MAX_NS, 3).expect("the bounds are those of a histogram");
    let mut commands = stream.commands.as_slice();
    for part in &stream.parts {
        let (now, later) = commands.split_at(part.commands);
        commands = later;
        for (at, command) in now.iter().enumerate() {
            if part.is_measured {
                let started = Instant::now();
                subject.look_ahead(&now[at..]);
                let result = subject.apply(black_box(command), &mut NoFills);
                let elapsed = started.elapsed();
                black_box(result);
                histogram.saturating_record(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX).max(1));
            } else {
                black_box(subject.apply(command, &mut NoFills));
            }
        }
    }
    LatencyNs {
        p50: histogram.value_at_quantile(0.5),
        p99: histogram.value_at_quantile(0.99),
        p999: histogram.value_at_quantile(0.999),
        p9999: histogram.value_at_quantile(0.9999),
        max: histogram.max(),
    }
}

/// What two readings of the clock cost that have nothing between them: the median, which is in every latency.
#[must_use]
pub fn clock_ns() -> u64 {
    let mut pairs: Vec<u64> = (0..CLOCK_PAIRS)
        .map(|_| {
            let started = Instant::now();
            u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
        })
        .collect();
    pairs.sort_unstable();
    pairs[CLOCK_PAIRS / 2]
}
