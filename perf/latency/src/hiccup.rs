//! The floor of the machine: how long a core is away from a thread that does nothing but look at its clock.
//!
//! ```text
//!   looks:     | | | | | |          | | | |        a gap of 10 steps: the kernel, an interrupt, the hypervisor
//!   samples:   one for each slot of 100 µs: the largest gap that ended in it; a gap longer than a slot counts in each slot
//!              that it covers, with what was left of it: as whoever came in the middle of it would have waited
//! ```
//!
//! Invariants: [`Hiccups`] is a pure function of the moments; [`measure`] reads the clock. Never beside a load on the same
//! core: two threads that spin take turns, and that would be measured instead of the machine.
//! Owning thread: one for each core.

use std::time::{Duration, Instant};

use crate::Recorder;

/// One sample for so long.
pub const SLOT_NS: u64 = 100_000;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Hiccups {
    last_ns: Option<u64>,
    slot: u64,
    largest_ns: u64,
}

impl Hiccups {
    /// The clock says so; what ended goes to `samples`.
    pub fn look(&mut self, now_ns: u64, samples: &mut Recorder) {
        let slot = now_ns / SLOT_NS;
        let Some(last_ns) = self.last_ns.replace(now_ns) else {
            self.slot = slot;
            return;
        };
        let gap_ns = now_ns.saturating_sub(last_ns);
        if slot == self.slot {
            self.largest_ns = self.largest_ns.max(gap_ns);
            return;
        }
        samples.record(self.slot * SLOT_NS, self.largest_ns.max(gap_ns));
        // Whole slots inside the gap: who came at their beginnings waited for the rest of it.
        for covered in self.slot + 1..slot {
            samples.record(covered * SLOT_NS, now_ns - covered * SLOT_NS);
        }
        self.slot = slot;
        self.largest_ns = 0;
    }
}

/// Looks at the clock for so long, on the core where the thread is; the moments count from `zero`.
pub fn measure(zero: Instant, length: Duration, samples: &mut Recorder) {
    let mut hiccups = Hiccups::default();
    let begun = Instant::now();
    loop {
        let now = Instant::now();
        hiccups.look(u64::try_from((now - zero).as_nanos()).expect("less than 584 years"), samples);
        if now - begun >= length {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(moments: impl IntoIterator<Item = u64>) -> Recorder {
        let (mut hiccups, mut samples) = (Hiccups::default(), Recorder::default());
        moments.into_iter().for_each(|now| hiccups.look(now, &mut samples));
        samples
    }

    #[test]
    fn a_quiet_core_has_one_small_sample_for_each_slot() {
        let total = samples((0..=10 * SLOT_NS).step_by(20)).total();
        assert_eq!((total.len(), total.max()), (10, 20));
    }

    #[test]
    fn the_largest_gap_of_a_slot_counts() {
        let moments = [0, 20, 5_020, 5_040, SLOT_NS];
        let recorder = samples(moments);
        assert_eq!(recorder.total().len(), 1);
        let largest = recorder.total().max();
        assert!(largest >= SLOT_NS - 5_040, "the gap that ends the slot is in it: {largest}");
        let moments = (0..SLOT_NS).step_by(100).filter(|now| !(20_000..27_000).contains(now)).chain([SLOT_NS]);
        let largest = samples(moments).total().max();
        assert!((7_000..7_200).contains(&largest), "{largest}");
    }

    #[test]
    fn a_gap_over_several_slots_counts_in_each_with_what_was_left() {
        let total = samples([0, 10, 4 * SLOT_NS + 50_000]).total();
        assert_eq!(total.len(), 4, "slot 0 and the three after it, of which all was away");
        assert!(total.max() >= 4 * SLOT_NS + 49_000);
        let least = total.value_at_quantile(0.0);
        assert!((149_000..=151_000).contains(&least), "the last whole slot began 150 µs before the end: {least}");
    }

    #[test]
    fn the_real_clock_gives_samples() {
        let mut samples = Recorder::default();
        measure(Instant::now(), Duration::from_millis(5), &mut samples);
        assert!(!samples.total().is_empty());
    }
}
