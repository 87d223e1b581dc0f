//! How busy each stage is: an estimate from a few rounds, so that it costs nearly nothing.
//!
//! ```text
//!   runner --do_work--> [Timed stage] --every 61st time by the clock--> BusyReader --> monitoring
//! ```
//!
//! Invariants: a timed round stands for as many as are not timed; a round that found nothing to do counts as idle. 61 is prime, so
//! that no regular pattern of work hides between two timed rounds.
//! Owning threads: the stage's; anyone reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_utils::CachePadded;

use crate::runner::{Fatal, Stage};
use crate::stamps::TickClock;

/// One round of so many is timed.
const TIMED_EVERY: u64 = 61;

/// Reads how long a stage was busy.
#[derive(Clone, Debug)]
pub struct BusyReader {
    name: &'static str,
    ticks: Arc<CachePadded<AtomicU64>>,
}

impl BusyReader {
    /// The stage's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Estimate of its busy time since the start, in ticks of the clock.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }
}

struct Timed {
    stage: Box<dyn Stage>,
    clock: TickClock,
    rounds: u64,
    ticks: Arc<CachePadded<AtomicU64>>,
}

/// The stage, and where its busy time is read.
#[must_use]
pub fn timed(stage: Box<dyn Stage>, clock: TickClock) -> (Box<dyn Stage>, BusyReader) {
    let ticks = Arc::new(CachePadded::default());
    let reader = BusyReader { name: stage.name(), ticks: Arc::clone(&ticks) };
    (Box::new(Timed { stage, clock, rounds: 0, ticks }), reader)
}

impl Stage for Timed {
    fn name(&self) -> &'static str {
        self.stage.name()
    }

    fn do_work(&mut self) -> Result<usize, Fatal> {
        self.rounds += 1;
        if self.rounds < TIMED_EVERY {
            return self.stage.do_work();
        }
        self.rounds = 0;
        let begun = self.clock.now();
        let work = self.stage.do_work()?;
        if work > 0 {
            let took = self.clock.now().raw().saturating_sub(begun.raw());
            self.ticks.fetch_add(took * TIMED_EVERY, Ordering::Relaxed);
        }
        Ok(work)
    }

    fn sleep(&mut self, max: Duration) -> Result<bool, Fatal> {
        self.stage.sleep(max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spins for some nanoseconds; says that it did something only where it is told to.
    struct Spins {
        ns: u64,
        works: bool,
    }

    impl Stage for Spins {
        fn name(&self) -> &'static str {
            "spins"
        }
        fn do_work(&mut self) -> Result<usize, Fatal> {
            let begun = TickClock::Monotonic.now().raw();
            while TickClock::Monotonic.now().raw() < begun + self.ns {}
            Ok(usize::from(self.works))
        }
    }

    #[test]
    fn timed_rounds_stand_for_the_others_and_idle_ones_for_nothing() {
        const ROUNDS: u64 = TIMED_EVERY * 20;
        let busy = |works| {
            let (mut stage, reader) = timed(Box::new(Spins { ns: 1_000, works }), TickClock::Monotonic);
            (0..ROUNDS).for_each(|_| assert_eq!(stage.do_work().expect("it never fails"), usize::from(works)));
            assert_eq!(reader.name(), "spins");
            reader.ticks()
        };
        assert!(busy(true) >= ROUNDS * 1_000, "each round takes at least as long as it spins");
        assert_eq!(busy(false), 0);
    }
}
