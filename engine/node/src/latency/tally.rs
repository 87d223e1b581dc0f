//! The counts: one histogram a stage and one of the whole, since the start and of the last ten seconds, and the slowest orders.
//!
//! Invariants: the histograms are allocated in `new`; only an order that is among the slowest so far allocates. The histograms of the last ten seconds are
//! ten of one second each, of which the oldest is emptied when a second begins.
//! Owning thread: `latency`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use hdrhistogram::Histogram;
use tidegate_percentiles::{Percentiles, curve};
use tidegate_pipeline::stamps::{OrderTimes, STAGES, TickClock, TickScale, Ticks, TimedStage};

use super::histograms::{Histograms, OrderParts};
use super::sample::{LatencySample, LatencySpan, SlowOrder, StageLine};

/// Slowest orders that are kept.
pub(crate) const SLOWEST_KEPT: usize = 16;
/// Slowest orders that are kept between two requests for histograms: enough that whoever measures from outside finds its own.
const RECENT_KEPT: usize = 1_024;
/// Seconds of the moving window.
const WINDOW_S: usize = 10;
/// Larger values count as this one.
const LARGEST_NS: u64 = 60_000_000_000;
/// Bounds of the buckets: 100 ns to 10 s, three in each decade.
const BOUNDS_NS: [u64; 25] = {
    let mut bounds = [0; 25];
    let (mut index, mut unit) = (0, 100);
    while index < bounds.len() {
        bounds[index] = unit * [1, 2, 5][index % 3];
        index += 1;
        if index % 3 == 0 {
            unit *= 10;
        }
    }
    bounds
};

/// One histogram as Prometheus has them.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    pub(crate) stage: &'static str,
    pub(crate) sum_ns: u64,
    /// Orders that took at most so many nanoseconds and more than the bound before; the last bound has none above.
    pub(crate) orders_by_bound: Vec<(u64, u64)>,
}

impl Buckets {
    /// Within the histogram's precision, a thousandth of a value.
    fn of(stage: &'static str, sum_ns: u64, histogram: &Histogram<u64>) -> Self {
        let mut above = 0;
        let bounds = BOUNDS_NS.into_iter().chain([u64::MAX]);
        let orders_by_bound = bounds.map(|bound| {
            let orders = histogram.count_between(above, bound);
            above = histogram.next_non_equivalent(bound.min(LARGEST_NS));
            (bound, orders)
        });
        Self { stage, sum_ns, orders_by_bound: orders_by_bound.collect() }
    }
}

/// Histograms of one span of time.
#[derive(Clone)]
struct Counts {
    total: Histogram<u64>,
    stages: [StageCounts; STAGES.len()],
}

#[derive(Clone)]
struct StageCounts {
    histogram: Histogram<u64>,
    sum_ns: u64,
    critical: u64,
}

/// One order's parts in nanoseconds.
struct PartsNs {
    of_stage: [u64; STAGES.len()],
    total: u64,
    critical: TimedStage,
}

impl Counts {
    /// With so many significant digits.
    fn new(digits: u8) -> Self {
        let histogram = || Histogram::new_with_bounds(1, LARGEST_NS, digits).expect("the bounds are in order");
        let stages = STAGES.map(|_| StageCounts { histogram: histogram(), sum_ns: 0, critical: 0 });
        Self { total: histogram(), stages }
    }

    fn count(&mut self, parts: &PartsNs) {
        self.total.saturating_record(parts.total);
        for (counts, ns) in self.stages.iter_mut().zip(parts.of_stage) {
            counts.histogram.saturating_record(ns);
            counts.sum_ns += ns;
        }
        self.stages[parts.critical as usize].critical += 1;
    }

    fn empty(&mut self) {
        self.total.reset();
        for counts in &mut self.stages {
            counts.histogram.reset();
            (counts.sum_ns, counts.critical) = (0, 0);
        }
    }

    fn add(&mut self, other: &Self) {
        let why = "both have the same bounds";
        self.total.add(&other.total).expect(why);
        for (counts, more) in self.stages.iter_mut().zip(&other.stages) {
            counts.histogram.add(&more.histogram).expect(why);
            counts.sum_ns += more.sum_ns;
            counts.critical += more.critical;
        }
    }

    fn span(&self) -> LatencySpan {
        let orders = self.total.len();
        let stages = STAGES.into_iter().zip(&self.stages).map(|(stage, counts)| StageLine {
            stage: stage.as_str().to_owned(),
            from: stage.from().to_owned(),
            to: stage.to().to_owned(),
            sum_ns: counts.sum_ns,
            critical: counts.critical,
            latency: Percentiles::of(&counts.histogram),
            curve: curve(&counts.histogram),
        });
        let sum_ns = self.stages.iter().map(|counts| counts.sum_ns).sum();
        let total = Percentiles::of(&self.total);
        LatencySpan { orders, sum_ns, total, curve: curve(&self.total), stages: stages.collect() }
    }

    fn buckets(&self) -> Vec<Buckets> {
        let of_stages = STAGES.into_iter().zip(&self.stages);
        let of_stages = of_stages.map(|(stage, counts)| Buckets::of(stage.as_str(), counts.sum_ns, &counts.histogram));
        let sum_ns = self.stages.iter().map(|counts| counts.sum_ns).sum();
        of_stages.chain([Buckets::of("total", sum_ns, &self.total)]).collect()
    }
}

/// See the module.
pub(crate) struct Tally {
    clock: TickClock,
    since_start: Counts,
    window: Vec<Counts>,
    /// The second of the start that is being counted.
    second: u64,
    /// The slowest first.
    slowest: Vec<SlowOrder>,
    /// The slowest since histograms were last asked for, by duration and sequence.
    recent: BinaryHeap<Reverse<(u64, u64, [u64; STAGES.len()])>>,
    pub(crate) skipped: u64,
    /// Every order up to here is counted, or skipped.
    pub(crate) through: u64,
}

impl Tally {
    pub(crate) fn new(clock: TickClock) -> Self {
        Self {
            clock,
            since_start: Counts::new(3),
            window: (0..WINDOW_S).map(|_| Counts::new(2)).collect(),
            second: 0,
            slowest: Vec::with_capacity(SLOWEST_KEPT + 1),
            recent: BinaryHeap::with_capacity(RECENT_KEPT + 1),
            skipped: 0,
            through: 0,
        }
    }

    /// So much time has passed since the start: what is older than the window leaves it.
    pub(crate) fn turn_to(&mut self, since_start: Duration) {
        let second = since_start.as_secs();
        let passed = second.saturating_sub(self.second).min(WINDOW_S as u64);
        for back in 0..passed {
            self.window[((second - back) % WINDOW_S as u64) as usize].empty();
        }
        self.second = self.second.max(second);
    }

    /// Counts an order; `wall_of` tells the wall clock's nanoseconds of a moment, asked for slow ones only.
    pub(crate) fn count(&mut self, times: &OrderTimes, scale: &TickScale, wall_of: impl Fn(Ticks) -> u64) {
        let ticks = times.parts();
        let of_stage = ticks.map(|part| scale.ns(part));
        let critical = OrderTimes::critical(&ticks);
        // The sum of what is shown, so that it adds up to the nanosecond.
        let parts = PartsNs { of_stage, total: of_stage.iter().sum(), critical };
        self.since_start.count(&parts);
        self.window[(self.second % WINDOW_S as u64) as usize].count(&parts);
        let is_slow = self.slowest.len() < SLOWEST_KEPT
            || self.slowest.last().is_some_and(|fastest| parts.total > fastest.latency_ns);
        if is_slow {
            let sequence = times.sequence.raw();
            let slow = SlowOrder::new(sequence, wall_of(times.sent), parts.total, parts.of_stage);
            let place = self.slowest.partition_point(|other| other.latency_ns >= slow.latency_ns);
            self.slowest.insert(place, slow);
            self.slowest.truncate(SLOWEST_KEPT);
        }
        let place = (parts.total, times.sequence.raw(), parts.of_stage);
        if self.recent.len() < RECENT_KEPT || self.recent.peek().is_some_and(|Reverse(fastest)| place > *fastest) {
            self.recent.push(Reverse(place));
            if self.recent.len() > RECENT_KEPT {
                self.recent.pop();
            }
        }
    }

    /// Everything counted since the start, and the slowest since this was last asked, which are forgotten with it.
    pub(crate) fn histograms(&mut self) -> Histograms {
        let mut slowest: Vec<_> = self.recent.drain().collect();
        slowest.sort_unstable();
        let slowest =
            slowest.into_iter().map(|Reverse((total, sequence, parts))| OrderParts::new(sequence, total, parts));
        Histograms {
            clock: self.clock.as_str(),
            counted_through: self.through,
            skipped: self.skipped,
            slowest_kept_max: RECENT_KEPT as u64,
            slowest: slowest.collect(),
            total: self.since_start.total.clone(),
            stages: STAGES
                .into_iter()
                .zip(self.since_start.stages.clone())
                .map(|(stage, counts)| (stage, counts.histogram, counts.sum_ns, counts.critical))
                .collect(),
        }
    }

    /// Slow orders of which nobody has said yet what they were.
    pub(crate) fn undescribed(&self) -> Vec<u64> {
        self.slowest.iter().filter(|slow| slow.content.is_none()).map(|slow| slow.sequence).collect()
    }

    /// Says what an order was; one that is not among the slowest any more is passed over.
    pub(crate) fn describe(&mut self, sequence: u64, content: String) {
        if let Some(slow) = self.slowest.iter_mut().find(|slow| slow.sequence == sequence) {
            slow.content = Some(content);
        }
    }

    /// A copy of what is shown, to be worked out without the lock.
    pub(crate) fn shown(&self) -> Shown {
        let mut last_10_s = Counts::new(2);
        for second in &self.window {
            last_10_s.add(second);
        }
        Shown {
            clock: self.clock,
            skipped: self.skipped,
            since_start: self.since_start.clone(),
            last_10_s,
            slowest: self.slowest.clone(),
        }
    }
}

/// See [`Tally::shown`].
pub(crate) struct Shown {
    clock: TickClock,
    skipped: u64,
    since_start: Counts,
    last_10_s: Counts,
    slowest: Vec<SlowOrder>,
}

impl Shown {
    /// The histograms since the start, the whole way as stage `total`.
    pub(crate) fn buckets(&self) -> Vec<Buckets> {
        self.since_start.buckets()
    }

    pub(crate) fn sample(&self) -> LatencySample {
        LatencySample {
            clock: self.clock.as_str().to_owned(),
            skipped: self.skipped,
            since_start: self.since_start.span(),
            last_10_s: self.last_10_s.span(),
            slowest: self.slowest.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tidegate_domain::Sequence;

    use super::*;

    /// The monotonic clock's ticks are nanoseconds; measured, so close to it.
    fn scale() -> TickScale {
        let mut scale = TickScale::begin(TickClock::Monotonic);
        while !scale.measure() {}
        scale
    }

    /// An order whose journal part is `journal` ns and every other one 100 ns.
    fn order(sequence: u64, journal: u64) -> OrderTimes {
        let at = |ns: u64| Ticks::from_raw(1_000_000 + ns);
        OrderTimes {
            sequence: Sequence::new(sequence),
            received: at(0),
            assigned: at(100),
            journaled: at(100 + journal),
            replicated: None,
            matched: at(200 + journal),
            released: at(300 + journal),
            sent: at(400 + journal),
        }
    }

    fn tally_of(orders: impl IntoIterator<Item = OrderTimes>) -> Tally {
        let (mut tally, scale) = (Tally::new(TickClock::Monotonic), scale());
        for times in orders {
            tally.count(&times, &scale, Ticks::raw);
        }
        tally
    }

    #[test]
    fn the_stages_add_up_to_the_total_and_each_order_has_one_critical_stage() {
        let sample = tally_of((1..=1_000).map(|n| order(n, n * 10))).shown().sample();
        let span = &sample.since_start;
        assert_eq!(span.orders, 1_000);
        assert_eq!(span.stages.iter().map(|stage| stage.sum_ns).sum::<u64>(), span.sum_ns);
        let exact: u64 = (1..=1_000).map(|n| 400 + n * 10).sum();
        assert!(span.sum_ns.abs_diff(exact) < exact / 50, "{} {exact}", span.sum_ns);
        assert_eq!(span.stages.iter().map(|stage| stage.critical).sum::<u64>(), 1_000);
        let journal = span.stages.iter().find(|stage| stage.stage == "journal").expect("it is a stage");
        assert!((988..=992).contains(&journal.critical), "all but those of 100 ns and less: {}", journal.critical);
        assert!(journal.latency.p99.is_some_and(|ns| (9_700..=10_100).contains(&ns)), "{journal:?}");
    }

    #[test]
    fn every_order_is_in_one_bucket_of_each_stage() {
        let tally = tally_of(
            (0..=7)
                .flat_map(|power| [order(2 * power + 1, 10_u64.pow(power as u32 + 2) - 60), order(2 * power + 2, 3)]),
        );
        let buckets = tally.shown().buckets();
        assert_eq!(
            buckets.iter().map(|of| of.stage).collect::<Vec<_>>(),
            ["inbox", "journal", "replicate", "match", "release", "send", "total"]
        );
        for of in &buckets {
            assert_eq!(of.orders_by_bound.iter().map(|(_, orders)| orders).sum::<u64>(), 16, "{of:?}");
            assert!(of.orders_by_bound.is_sorted());
        }
        let bounds: Vec<_> = buckets[0].orders_by_bound.iter().map(|(bound, _)| *bound).collect();
        assert_eq!(
            (&bounds[..5], &bounds[24..]),
            (&[100, 200, 500, 1_000, 2_000][..], &[10_000_000_000, u64::MAX][..])
        );
        let journal = &buckets[1].orders_by_bound;
        for power in 0..=7_u32 {
            let bound = 10_u64.pow(power + 2);
            let orders = journal.iter().find(|(at, _)| *at == bound).expect("it is a bound").1;
            assert_eq!(orders, if power == 0 { 9 } else { 1 }, "just below {bound}: {journal:?}");
        }
        assert_eq!(buckets[6].sum_ns, buckets[..6].iter().map(|of| of.sum_ns).sum::<u64>());
    }

    #[test]
    fn the_slowest_orders_are_kept_slowest_first() {
        let sample = tally_of((1..=500).map(|n| order(n, (n * 7_919) % 501 * 1_000))).shown().sample();
        let kept: Vec<_> = sample.slowest.iter().map(|slow| slow.latency_ns).collect();
        assert_eq!(kept.len(), SLOWEST_KEPT);
        assert!(kept.is_sorted_by(|slower, faster| slower >= faster));
        let largest = (1..=500).max_by_key(|n| (n * 7_919) % 501).expect("some");
        assert_eq!(sample.slowest[0].sequence, largest);
        for slow in &sample.slowest {
            assert_eq!(slow.stages.values().sum::<u64>(), slow.latency_ns);
        }
    }

    #[test]
    fn histograms_are_of_everything_and_the_slowest_of_what_came_since_they_were_asked_for() {
        let scale = scale();
        let mut tally = tally_of((1..=3).map(|n| order(n, n * 10_000)));
        tally.through = 3;
        let first = tally.histograms().encoded();
        assert_eq!((first.orders, first.counted_through), (3, 3));
        assert_eq!(first.slowest.iter().map(|order| order.sequence).collect::<Vec<_>>(), [3, 2, 1]);
        for n in 4..=2_000 {
            tally.count(&order(n, n), &scale, Ticks::raw);
        }
        let second = tally.histograms().encoded();
        assert_eq!(second.orders, 2_000);
        assert_eq!(second.stages.iter().map(|stage| stage.critical).sum::<u64>(), 2_000);
        let kept: Vec<u64> = second.slowest.iter().map(|order| order.sequence).collect();
        assert_eq!(kept.len(), RECENT_KEPT);
        assert_eq!(
            (kept[0], kept[RECENT_KEPT - 1]),
            (2_000, 2_000 - RECENT_KEPT as u64 + 1),
            "without the first three"
        );
        assert!(second.slowest.iter().all(|order| order.stages.values().sum::<u64>() == order.latency_ns));
        assert!(tally.histograms().encoded().slowest.is_empty());
    }

    #[test]
    fn an_order_leaves_the_window_after_ten_seconds_and_stays_in_the_whole() {
        let (mut tally, scale) = (Tally::new(TickClock::Monotonic), scale());
        for second in 0..25 {
            tally.turn_to(Duration::from_secs(second));
            tally.count(&order(second + 1, 5), &scale, Ticks::raw);
            let sample = tally.shown().sample();
            assert_eq!(sample.last_10_s.orders, (second + 1).min(10));
            assert_eq!(sample.since_start.orders, second + 1);
        }
        tally.turn_to(Duration::from_secs(30));
        assert_eq!(tally.shown().sample().last_10_s.orders, 4, "seconds 21 to 24");
        tally.turn_to(Duration::from_secs(3_000));
        assert_eq!(tally.shown().sample().last_10_s.orders, 0);
        assert_eq!(tally.shown().sample().since_start.orders, 25);
    }
}
