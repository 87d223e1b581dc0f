//! The first stage: pushes prepared commands into the inbox, each when its time has come.
//!
//!   [Work] --[Feed]--> inbox
//!
//! Invariants: the intended moment of a command follows from its place alone, whatever the pipeline does; a full inbox
//! delays a push and never the intention.
//! Owning thread: the pipeline's.

use std::ops::Range;
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;
use tidegate_domain::CommandRecord;
use tidegate_pipeline::stamps::{Receipt, TickClock, Ticks};
use tidegate_pipeline::{Fatal, Inbox, Stage};

/// Commands per round: what a gateway's poll may bring.
const BATCH: usize = 64;

/// When commands go out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// As fast as the inbox takes them.
    Saturate,
    /// One after the other in equal distances.
    At {
        /// The first.
        first: Ticks,
        /// Ticks between two, times 2^32.
        interval: u128,
    },
}

impl Pace {
    /// At `rate` a second from `first` on, by a clock that ticks so often in a second.
    pub(crate) fn at(rate: u64, first: Ticks, ticks_per_second: f64) -> Self {
        Self::At { first, interval: (ticks_per_second / rate as f64 * 2_f64.powi(32)) as u128 }
    }

    /// When number `n` from 0 should go out; none in saturation.
    #[inline]
    pub(crate) fn intended(&self, n: usize) -> Ticks {
        match self {
            Self::Saturate => Ticks::NONE,
            Self::At { first, interval } => Ticks::from_raw(first.raw() + ((interval * n as u128) >> 32) as u64),
        }
    }
}

/// What to push.
pub(crate) struct Work {
    /// Of all commands.
    pub(crate) records: Arc<Vec<CommandRecord>>,
    /// These.
    pub(crate) range: Range<usize>,
    /// When.
    pub(crate) pace: Pace,
}

/// See the module.
pub(crate) struct Feed {
    orders: Arc<ArrayQueue<Work>>,
    work: Option<Work>,
    next: usize,
    inbox: Inbox,
    clock: TickClock,
}

impl Feed {
    /// A stage that does one work after the other.
    pub(crate) fn new(orders: Arc<ArrayQueue<Work>>, inbox: Inbox, clock: TickClock) -> Self {
        Self { orders, work: None, next: 0, inbox, clock }
    }
}

impl Stage for Feed {
    fn name(&self) -> &'static str {
        "feed"
    }

    fn do_work(&mut self) -> Result<usize, Fatal> {
        if self.work.is_none() {
            self.work = self.orders.pop();
            self.next = self.work.as_ref().map_or(0, |work| work.range.start);
        }
        let Some(work) = &self.work else { return Ok(0) };
        let now = self.clock.now();
        let start = self.next;
        while self.next < work.range.end && self.next < start + BATCH {
            let intended = work.pace.intended(self.next - work.range.start);
            if intended > now {
                break;
            }
            // What the stamps call received is the intention here: whatever delays it belongs to the way.
            let receipt = Receipt { at: if intended.is_none() { now } else { intended }, gateway: 0 };
            if self.inbox.try_push_all(&work.records[self.next..=self.next], receipt).is_err() {
                break;
            }
            self.next += 1;
        }
        let pushed = self.next - start;
        if self.next == work.range.end {
            self.work = None;
        }
        Ok(pushed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intended_moments_do_not_drift() {
        let pace = Pace::at(3, Ticks::from_raw(1_000), 1e9);
        assert_eq!(pace.intended(0).raw(), 1_000);
        assert!(pace.intended(3).raw().abs_diff(1_000_001_000) <= 1);
        assert!(pace.intended(3_000_000_000).raw().abs_diff(1_000_000_000_000_001_000) <= 1_000);
        assert!(Pace::Saturate.intended(7).is_none());
    }
}
