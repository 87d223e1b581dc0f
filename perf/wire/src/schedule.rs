//! When requests should go out: a pure function of the rate.
//!
//! ```text
//!   rate 4 a second:             |    |    |    |    |    |       request n at n / rate
//!   the same in bursts of 3:     |||              |||             request n when the first of its burst would go
//! ```
//!
//! Invariants: no clock; the n-th moment does not depend on what happened to the ones before, so whoever is late stays late
//! in the figures until it has caught up. No rounding adds up: a million requests later the rate is still exact.
//! Owning thread: none, these are values.

/// Nanoseconds of a second.
pub const SECOND_NS: u64 = 1_000_000_000;

/// The intended moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    rate_per_s: u64,
    burst: u64,
}

impl Schedule {
    /// So many requests a second, `burst` of them at once; 1 is none.
    ///
    /// # Panics
    /// When either is 0: whoever takes them from a person says so before.
    #[must_use]
    pub const fn new(rate_per_s: u64, burst: u64) -> Self {
        assert!(rate_per_s > 0, "a rate");
        assert!(burst > 0, "a burst of at least one");
        Self { rate_per_s, burst }
    }

    /// When request `n`, from 0, should go out, after the beginning.
    #[must_use]
    pub const fn intended_ns(&self, n: u64) -> u64 {
        let first = n - n % self.burst;
        (first as u128 * SECOND_NS as u128 / self.rate_per_s as u128) as u64
    }

    /// How many requests should have gone out before `end_ns`.
    #[must_use]
    pub const fn count_before(&self, end_ns: u64) -> u64 {
        // The first n whose moment is not before the end: n × second / rate, rounded down, ≥ end.
        let first = (end_ns as u128 * self.rate_per_s as u128).div_ceil(SECOND_NS as u128) as u64;
        first.div_ceil(self.burst) * self.burst
    }
}

/// Rates from `from` to `to`, each the same factor above the one before, rounded to whole requests a second.
#[must_use]
pub fn sweep_rates(from: u64, to: u64, steps: u32) -> Vec<u64> {
    let last = f64::from(steps.max(2) - 1);
    let factor = to as f64 / from as f64;
    let mut rates: Vec<u64> =
        (0..steps.max(2)).map(|n| (from as f64 * factor.powf(f64::from(n) / last)).round() as u64).collect();
    // The ends are what was asked for, whatever the floating point made of them.
    *rates.first_mut().expect("at least two") = from;
    *rates.last_mut().expect("at least two") = to;
    rates.dedup();
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_equally_far_apart_and_exact_after_a_billion() {
        let schedule = Schedule::new(3, 1);
        let first: Vec<u64> = (0..7).map(|n| schedule.intended_ns(n)).collect();
        assert_eq!(first, [0, 333_333_333, 666_666_666, 1_000_000_000, 1_333_333_333, 1_666_666_666, 2_000_000_000]);
        assert_eq!(schedule.intended_ns(3_000_000_000), 1_000_000_000 * SECOND_NS);
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rate_stays() {
        let schedule = Schedule::new(1_000, 10);
        assert!((0..10).all(|n| schedule.intended_ns(n) == 0));
        assert!((10..20).all(|n| schedule.intended_ns(n) == 10_000_000));
        assert_eq!(schedule.intended_ns(1_000), SECOND_NS);
    }

    #[test]
    fn as_many_are_before_an_end_as_have_earlier_moments() {
        for (rate, burst) in [(1, 1), (3, 1), (1_000, 1), (1_000, 7), (999_999, 64)] {
            let schedule = Schedule::new(rate, burst);
            for end_ns in [0, 1, 333_333_333, 333_333_334, 999_999_999, SECOND_NS, 2 * SECOND_NS + 1] {
                let count = schedule.count_before(end_ns);
                assert!(schedule.intended_ns(count) >= end_ns, "{rate} {burst} {end_ns}: {count}");
                assert!(count == 0 || schedule.intended_ns(count - 1) < end_ns, "{rate} {burst} {end_ns}: {count}");
            }
        }
    }

    #[test]
    fn a_sweep_begins_and_ends_as_asked_and_grows_by_one_factor() {
        assert_eq!(sweep_rates(1_000, 16_000, 5), [1_000, 2_000, 4_000, 8_000, 16_000]);
        assert_eq!(sweep_rates(5, 5, 9), [5]);
        assert_eq!(sweep_rates(500, 32_000, 4), [500, 2_000, 8_000, 32_000]);
        assert_eq!(sweep_rates(1, 200_000, 2), [1, 200_000]);
        let rates = sweep_rates(1_000, 200_000, 12);
        assert!(rates.is_sorted() && rates.len() == 12, "{rates:?}");
    }
}
