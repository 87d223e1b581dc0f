//! Which percentiles of a histogram mean something.
//!
//! Invariants: [`printable`] alone decides; everything that prints asks it, so that no table, page or gauge shows a p99.999 of
//! a thousand samples.
//! Owning thread: the caller's.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Samples that must lie above a percentile before it is shown.
pub const SAMPLES_ABOVE_MIN: u64 = 10;

/// The percentiles of every table: name, and how many of a million samples lie above.
pub const PERCENTILES: [(&str, u64); 6] =
    [("p50", 500_000), ("p90", 100_000), ("p99", 10_000), ("p99.9", 1_000), ("p99.99", 100), ("p99.999", 10)];

/// Whether a percentile with so many of a million samples above it may be shown, of `count` samples.
#[must_use]
pub fn printable(count: u64, above_per_million: u64) -> bool {
    u128::from(count) * u128::from(above_per_million) >= u128::from(SAMPLES_ABOVE_MIN) * 1_000_000
}

/// The percentiles of one histogram, in nanoseconds; `None` where too few samples lie above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Percentiles {
    /// Samples.
    pub count: u64,
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
    /// 99.999 % are not above.
    #[serde(rename = "p99.999")]
    pub p99_999: Option<u64>,
    /// The largest; `None` without a sample.
    pub max: Option<u64>,
}

impl Percentiles {
    /// Of a histogram of nanoseconds.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let count = histogram.len();
        let [p50, p90, p99, p99_9, p99_99, p99_999] = PERCENTILES.map(|(_, above)| {
            let share = (1_000_000 - above) as f64 / 1e6;
            printable(count, above).then(|| histogram.value_at_quantile(share))
        });
        Self { count, p50, p90, p99, p99_9, p99_99, p99_999, max: (count > 0).then(|| histogram.max()) }
    }

    /// Those of [`PERCENTILES`], in that order, and the largest at the end.
    #[must_use]
    pub fn values(&self) -> [(&'static str, Option<u64>); 7] {
        let all = [self.p50, self.p90, self.p99, self.p99_9, self.p99_99, self.p99_999];
        let mut values = [("max", self.max); 7];
        for (place, ((name, _), value)) in values.iter_mut().zip(PERCENTILES.iter().zip(all)) {
            *place = (name, value);
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u64) -> Percentiles {
        let mut histogram = crate::histogram();
        for value in 1..=count {
            histogram.record(value).expect("it grows");
        }
        Percentiles::of(&histogram)
    }

    #[test]
    fn a_percentile_needs_ten_samples_above_it() {
        assert!(printable(20, 500_000));
        assert!(!printable(19, 500_000));
        assert!(printable(1_000_000, 10));
        assert!(!printable(999_999, 10));
        assert!(!printable(0, 500_000));
        assert!(printable(u64::MAX, 10), "no overflow");
    }

    #[test]
    fn what_is_not_printable_is_absent_and_the_largest_always_there() {
        let few = of(999);
        assert_eq!((few.p90.is_some(), few.p99, few.max.is_some()), (true, None, true));
        let more = of(1_000);
        assert!(more.p99.is_some_and(|value| (990..=991).contains(&value)), "{more:?}");
        assert_eq!(of(0), Percentiles::default());
    }

    #[test]
    fn values_are_named_in_order() {
        let names = of(20).values().map(|(name, _)| name);
        assert_eq!(names, ["p50", "p90", "p99", "p99.9", "p99.99", "p99.999", "max"]);
        assert_eq!(of(20).values()[0].1, of(20).p50);
        assert_eq!(of(20).values()[6].1, Some(20));
    }
}
