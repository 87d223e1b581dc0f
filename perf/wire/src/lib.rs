//! Measures order entry over real sockets, with clients that never sleep, and beside it what the sockets alone take.
//!
//! ```text
//!   [echo]    client --request-sized--> thread --report-sized--> client            the floor: TCP and nothing else
//!   [client]  client --New, Cancel--> a node --OrderAccepted, OrderCancelled--> client
//!   [load]    the same, one in flight | four sessions with a full window | a replay beside busy sessions
//!   [feed]    an order that trades: until its owner has the fills, and until the trade is on the feed
//!   [generator] requests at intended times over many sessions, every answer checked, through a failover too: `tidegate load`
//!   [codec]   one request decoded, one report encoded, without sockets
//! ```
//!
//! Invariants: every request is answered, and every answer is looked at: a reject or a missing report is an error, not a
//! fast sample; what is sent is made while the clock does not run.
//! Owning thread: the caller's; the echo has one of its own.

mod account;
pub mod client;
pub mod codec;
pub mod echo;
mod feed;
pub mod generator;
pub mod load;
mod orders;
mod pin;
mod ready;
mod recording;
pub mod schedule;
pub mod workload;

pub use account::{Account, STOOD_STILL};
pub use client::{Login, WireClient};
pub use feed::FeedReader;
pub use generator::{Gap, Generator, LoadPlan, Outcome, Pace, Verdict};
pub use orders::{Orders, Trades};
pub use pin::Pinned;
pub use recording::{Recording, Step, target_of};
pub use schedule::Schedule;
pub use workload::{Workload, WorkloadKind};

use serde::Serialize;

/// Quantiles of a duration in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LatencyNs {
    /// Half were faster.
    pub p50: u64,
    /// 99 % were.
    pub p99: u64,
    /// 99.9 % were.
    pub p999: u64,
    /// The slowest.
    pub max: u64,
    /// How many there were.
    pub samples: usize,
}

impl LatencyNs {
    /// Of these samples, in any order.
    ///
    /// # Panics
    /// Without a sample.
    #[must_use]
    pub fn of(samples: &mut [u64]) -> Self {
        assert!(!samples.is_empty(), "a quantile of nothing");
        samples.sort_unstable();
        let at = |share: f64| samples[((samples.len() as f64 * share) as usize).min(samples.len() - 1)];
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: samples[samples.len() - 1], samples: samples.len() }
    }

    /// Of rounds: of each quantile the middle one.
    ///
    /// # Panics
    /// Without a round.
    #[must_use]
    pub fn median_of(rounds: &[Self]) -> Self {
        let middle = |of: fn(&Self) -> u64| median(rounds.iter().map(of).collect());
        Self {
            p50: middle(|round| round.p50),
            p99: middle(|round| round.p99),
            p999: middle(|round| round.p999),
            max: middle(|round| round.max),
            samples: rounds.iter().map(|round| round.samples).sum(),
        }
    }
}

/// The middle one.
///
/// # Panics
/// Without a value.
#[must_use]
pub fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_samples() {
        let mut samples: Vec<u64> = (1..=1_000).rev().collect();
        let latency = LatencyNs::of(&mut samples);
        assert_eq!((latency.p50, latency.p99, latency.p999, latency.max), (501, 991, 1_000, 1_000));
        let other = LatencyNs { p50: 1, p99: 2_000, ..latency };
        let third = LatencyNs { p50: 700, p99: 1_500, ..latency };
        let median = LatencyNs::median_of(&[latency, other, third]);
        assert_eq!((median.p50, median.p99, median.samples), (501, 1_500, 3_000));
    }
}
