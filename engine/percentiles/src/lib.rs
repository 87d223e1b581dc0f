//! Which percentiles of a histogram mean something, and the points of its percentile plot: one rule for node, load and reports.
//!
//! ```text
//!   Histogram --+--[`Percentiles::of`]--> tables, gauges
//!               '--[`curve`]------------> plots
//! ```
//!
//! Invariants: [`printable`] alone decides; everything that prints asks it, so that no table, page or gauge shows a p99.999 of
//! a thousand samples. Nothing is interpolated: a value is what the histogram answers for its quantile.
//! Owning thread: the caller's.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Samples that must lie above a percentile before it is shown.
pub const SAMPLES_ABOVE_MIN: u64 = 10;

/// The percentiles of every table: name, and how many of a million samples lie above.
pub const PERCENTILES: [(&str, u64); 6] =
    [("p50", 500_000), ("p90", 100_000), ("p99", 10_000), ("p99.9", 1_000), ("p99.99", 100), ("p99.999", 10)];

/// Points of a curve between a quantile and the one with a tenth of the samples above.
const POINTS_PER_DECADE: i32 = 12;

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

/// A point of the percentile plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// How many of a million samples are slower.
    pub above_per_million: u64,
    /// What the others take at most.
    pub value_ns: u64,
}

/// The percentile plot: points in equal distances on a logarithmic scale of how many samples lie above, as far as enough do.
#[must_use]
pub fn curve(histogram: &Histogram<u64>) -> Vec<CurvePoint> {
    let mut points: Vec<CurvePoint> = Vec::new();
    for step in 0..=6 * POINTS_PER_DECADE {
        let above = (1e6 * 10_f64.powf(-f64::from(step) / f64::from(POINTS_PER_DECADE))).round() as u64;
        let new = points.last().is_none_or(|last| last.above_per_million > above);
        if new && above > 0 && printable(histogram.len(), above) {
            let share = (1_000_000 - above) as f64 / 1e6;
            points.push(CurvePoint { above_per_million: above, value_ns: histogram.value_at_quantile(share) });
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(count: u64) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).expect("three digits");
        for value in 1..=count {
            histogram.record(value).expect("it grows");
        }
        histogram
    }

    fn of(count: u64) -> Percentiles {
        Percentiles::of(&histogram(count))
    }

    #[test]
    fn a_curve_rises_to_the_last_point_with_ten_samples_above() {
        for count in [0, 9, 10, 1_000, 54_321] {
            let points = curve(&histogram(count));
            assert!(points.is_sorted_by(|a, b| a.above_per_million > b.above_per_million && a.value_ns <= b.value_ns));
            assert!(points.iter().all(|point| printable(count, point.above_per_million)), "{count}: {points:?}");
            assert_eq!(points.is_empty(), count < 10);
            if let Some(last) = points.last() {
                assert!(count * last.above_per_million < 13_000_000, "the next one would have too few: {last:?}");
            }
        }
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
