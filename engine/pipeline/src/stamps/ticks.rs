//! The clock of the stamps: the processor's cycle counter where it can be trusted, else the monotonic clock.
//!
//! Invariants: the counter is used only where the processor says that it runs at one rate in every state (invariant TSC) and the kernel
//! offers it as a clock source, which it does not when the cores' counters disagree. Its
//! rate is measured against the monotonic clock over the whole time since the start, so it becomes more exact as time passes.

use std::time::{Duration, Instant};

/// Time that must pass before the counter's rate is known well enough: a disturbed look of 2 µs is then one part in 10,000.
const RATE_KNOWN_AFTER: Duration = Duration::from_millis(20);

/// A moment by a [`TickClock`]; zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(u64);

impl Ticks {
    /// No moment.
    pub const NONE: Self = Self(0);

    /// From the clock's number.
    #[must_use]
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The clock's number.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// Whether there is no moment.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// Which clock stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickClock {
    /// The processor's counter.
    Tsc,
    /// The system's monotonic clock, in nanoseconds.
    Monotonic,
}

impl TickClock {
    /// The counter where its rate is invariant, else the monotonic clock.
    #[must_use]
    pub fn best() -> Self {
        if has_invariant_tsc() && kernel_trusts_tsc() { Self::Tsc } else { Self::Monotonic }
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tsc => "tsc",
            Self::Monotonic => "monotonic",
        }
    }

    /// Now. The counter is not a fence: what is stamped may finish some nanoseconds around it.
    #[inline]
    #[must_use]
    pub fn now(self) -> Ticks {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the instruction only reads a register of the processor; every x86_64 has it.
            Self::Tsc => Ticks(unsafe { std::arch::x86_64::_rdtsc() }),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Tsc => unreachable!("`best` chooses the counter on x86_64 only"),
            Self::Monotonic => monotonic(),
        }
    }
}

#[cold]
fn monotonic() -> Ticks {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` lives through the call, which writes it; this clock exists on every Linux.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(result, 0, "the monotonic clock can always be read");
    Ticks(time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs())
}

/// The kernel takes a counter out of this list when it finds it unstable.
fn kernel_trusts_tsc() -> bool {
    const SOURCES: &str = "/sys/devices/system/clocksource/clocksource0/available_clocksource";
    std::fs::read_to_string(SOURCES).is_ok_and(|sources| sources.split_whitespace().any(|source| source == "tsc"))
}

#[cfg(target_arch = "x86_64")]
fn has_invariant_tsc() -> bool {
    use std::arch::x86_64::__cpuid;
    const POWER_LEAF: u32 = 0x8000_0007;
    const INVARIANT_TSC: u32 = 1 << 8;
    __cpuid(0x8000_0000).eax >= POWER_LEAF && __cpuid(POWER_LEAF).edx & INVARIANT_TSC != 0
}

#[cfg(not(target_arch = "x86_64"))]
const fn has_invariant_tsc() -> bool {
    false
}

/// What a tick is in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct TickScale {
    clock: TickClock,
    began: Instant,
    began_ticks: Ticks,
    /// Nanoseconds of 2^32 ticks.
    ns_per_4gi: u64,
}

impl TickScale {
    /// Begins to measure a clock's rate.
    #[must_use]
    pub fn begin(clock: TickClock) -> Self {
        Self { clock, began: Instant::now(), began_ticks: clock.now(), ns_per_4gi: 0 }
    }

    /// Measures again; whether the rate is known.
    pub fn measure(&mut self) -> bool {
        let (elapsed, now) = (self.began.elapsed(), self.clock.now());
        self.take(elapsed, now)
    }

    fn take(&mut self, elapsed: Duration, now: Ticks) -> bool {
        let ticks = now.raw().saturating_sub(self.began_ticks.raw());
        if elapsed < RATE_KNOWN_AFTER || ticks == 0 {
            return false;
        }
        let scale = (elapsed.as_nanos() << 32) / u128::from(ticks);
        // A counter that was set back, by a suspended machine, counts as one that stands still.
        let Ok(scale) = u64::try_from(scale) else { return false };
        self.ns_per_4gi = scale;
        true
    }

    /// A span in nanoseconds, rounded down.
    #[inline]
    #[must_use]
    pub fn ns(&self, ticks: u64) -> u64 {
        let ns = (u128::from(ticks) * u128::from(self.ns_per_4gi)) >> 32;
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// How long ago a moment was, in nanoseconds.
    #[must_use]
    pub fn ns_ago(&self, moment: Ticks) -> u64 {
        self.ns(self.clock.now().raw().saturating_sub(moment.raw()))
    }
}

/// The monotonic clock, read through the counter: a third of the price of asking the system. It asks the system once a
/// millisecond, so a counter and a clock that the kernel slews are never far apart.
#[derive(Clone, Copy, Debug)]
pub struct TickTime {
    scale: TickScale,
    /// The last time that the system was asked, and what it said.
    asked: Ticks,
    elapsed_ns: u64,
    /// Ticks for which that is good; none while the rate is not known.
    good_for: u64,
}

/// Time after which the system is asked again.
const ASK_EVERY_NS: u64 = 1_000_000;

impl TickTime {
    /// From now on.
    #[must_use]
    pub fn begin(clock: TickClock) -> Self {
        Self { scale: TickScale::begin(clock), asked: Ticks::NONE, elapsed_ns: 0, good_for: 0 }
    }

    /// This moment, and how many nanoseconds have passed since the beginning. It may be behind the system's clock for a millisecond, by as
    /// long as the thread was held up while it asked, and never ahead by more than the two clocks differ in a millisecond.
    #[inline]
    pub fn look(&mut self) -> (Ticks, u64) {
        let now = self.scale.clock.now();
        let ticks = now.raw().wrapping_sub(self.asked.raw());
        if ticks < self.good_for {
            return (now, self.elapsed_ns + self.scale.ns(ticks));
        }
        let elapsed = self.scale.began.elapsed();
        // After the system: what lies between the two looks makes this time late, and never early.
        self.is_asked(elapsed, self.scale.clock.now())
    }

    #[cold]
    fn is_asked(&mut self, elapsed: Duration, now: Ticks) -> (Ticks, u64) {
        self.good_for = 0;
        if self.scale.take(elapsed, now) {
            let ticks = (u128::from(ASK_EVERY_NS) << 32) / u128::from(self.scale.ns_per_4gi.max(1));
            self.good_for = u64::try_from(ticks).unwrap_or(u64::MAX);
        }
        self.asked = now;
        self.elapsed_ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        (now, self.elapsed_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_questions_time_goes_on_by_ticks_at_the_rate_of_the_whole_time() {
        let mut time = TickTime { scale: scale(TickClock::Monotonic), asked: Ticks::NONE, elapsed_ns: 0, good_for: 0 };
        assert_eq!(time.is_asked(Duration::from_millis(19), Ticks::from_raw(57_001_000)).1, 19_000_000);
        assert_eq!(time.good_for, 0, "the rate is not known: the system is asked every time");
        let (at, ns) = time.is_asked(Duration::from_millis(20), Ticks::from_raw(60_001_000));
        assert_eq!((at.raw(), ns), (60_001_000, 20_000_000));
        assert!(time.good_for.abs_diff(3_000_000) <= 3, "a millisecond of a counter of 3 GHz: {}", time.good_for);
        assert!(time.scale.ns(2_999_999) <= ASK_EVERY_NS);
    }

    #[test]
    fn time_is_never_later_than_the_system_says_afterwards() {
        let mut time = TickTime::begin(TickClock::best());
        let mut by_ticks = 0;
        while by_ticks < 10_000 {
            let (_, ns) = time.look();
            let after = time.scale.began.elapsed();
            // A thousandth: the rate is measured over the first 20 ms.
            assert!(u128::from(ns) <= after.as_nanos() + after.as_nanos() / 1_000 + 10_000, "{ns} {after:?}");
            by_ticks += u64::from(time.good_for > 0);
        }
    }

    fn scale(clock: TickClock) -> TickScale {
        TickScale { clock, began: Instant::now(), began_ticks: Ticks::from_raw(1_000), ns_per_4gi: 0 }
    }

    #[test]
    fn the_rate_is_the_ratio_of_both_clocks_since_the_start() {
        let mut three_ghz = scale(TickClock::Monotonic);
        assert!(!three_ghz.take(Duration::from_millis(19), Ticks::from_raw(57_001_000)), "too early to know");
        assert!(three_ghz.take(Duration::from_millis(20), Ticks::from_raw(60_001_000)));
        assert_eq!([0, 3, 3_000, 3_000_000_000].map(|ticks| three_ghz.ns(ticks).abs_diff(ticks / 3) <= 1), [true; 4]);
        assert!(three_ghz.take(Duration::from_secs(86_400), Ticks::from_raw(86_400_000_000_000 * 3 + 1_000)));
        assert!((9_999..=10_000).contains(&three_ghz.ns(30_000)), "a day later, too");
    }

    #[test]
    fn a_counter_that_stands_still_has_no_rate() {
        assert!(!scale(TickClock::Monotonic).take(Duration::from_secs(1), Ticks::from_raw(1_000)));
    }

    #[test]
    fn both_clocks_tell_moments_and_never_none() {
        for clock in [TickClock::best(), TickClock::Monotonic] {
            let first = clock.now();
            let second = clock.now();
            assert!(!first.is_none() && second >= first, "{}", clock.as_str());
        }
    }
}
