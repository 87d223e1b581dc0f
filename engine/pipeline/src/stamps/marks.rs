//! A ring of marks: one writer that never waits, one reader that may be late.
//!
//! ```text
//!   stage --mark(through, ticks)--> [ (through, ticks) x MARKS_KEPT ] --take--> StampReader
//! ```
//!
//! Invariants: a mark that the reader takes is whole: it looks at the writer's count after it has read, and drops what may have
//! been written over meanwhile. The writer announces a mark (its count, released) before it begins the next one.
//! Owning threads: the writer its stage's, the reader its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crossbeam_utils::CachePadded;
use tidegate_domain::Sequence;

use super::ticks::{TickClock, Ticks};

/// Marks of one ring: at a million batches a second, a reader may be 16 ms late.
pub const MARKS_KEPT: usize = 1 << 14;
const MASK: u64 = MARKS_KEPT as u64 - 1;

/// Everything through a sequence was done at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Inclusive.
    pub through: Sequence,
    /// When.
    pub at: Ticks,
}

#[derive(Debug, Default)]
struct Place {
    through: AtomicU64,
    at: AtomicU64,
}

#[derive(Debug)]
struct Shared {
    /// Marks written since the start.
    written: CachePadded<AtomicU64>,
    places: Box<[Place]>,
}

/// The stage's end; not `Clone`.
#[derive(Debug)]
pub struct MarkWriter {
    shared: Arc<Shared>,
    written: u64,
    clock: TickClock,
}

/// The reader's end.
#[derive(Debug)]
pub struct MarkReader {
    shared: Arc<Shared>,
    read: u64,
}

/// A ring of marks by this clock.
#[must_use]
pub fn marks(clock: TickClock) -> (MarkWriter, MarkReader) {
    let places = (0..MARKS_KEPT).map(|_| Place::default()).collect();
    let shared = Arc::new(Shared { written: CachePadded::default(), places });
    (MarkWriter { shared: Arc::clone(&shared), written: 0, clock }, MarkReader { shared, read: 0 })
}

impl MarkWriter {
    /// Everything through `through` is done, now.
    #[inline]
    pub fn mark(&mut self, through: Sequence) {
        self.mark_at(Mark { through, at: self.clock.now() });
    }

    /// As [`Self::mark`], at a moment that is known already.
    #[inline]
    pub fn mark_at(&mut self, mark: Mark) {
        let place = &self.shared.places[(self.written & MASK) as usize];
        // A reader that sees this mark in the place of an older one also sees the count of those before it.
        fence(Ordering::Release);
        place.through.store(mark.through.raw(), Ordering::Relaxed);
        place.at.store(mark.at.raw(), Ordering::Relaxed);
        self.written += 1;
        self.shared.written.store(self.written, Ordering::Release);
    }

    /// The clock of the marks.
    #[must_use]
    pub const fn clock(&self) -> TickClock {
        self.clock
    }
}

impl MarkReader {
    /// Takes what was written since the last time, at most `max`; whether marks were lost before those.
    pub fn take(&mut self, max: usize, out: &mut VecDeque<Mark>) -> bool {
        let kept = MARKS_KEPT as u64;
        let written = self.shared.written.load(Ordering::Acquire);
        let mut lost = false;
        if written - self.read >= kept {
            self.read = written - kept / 2;
            lost = true;
        }
        let (first, end) = (self.read, written.min(self.read + max as u64));
        let before = out.len();
        for index in first..end {
            let place = &self.shared.places[(index & MASK) as usize];
            let (through, at) = (place.through.load(Ordering::Relaxed), place.at.load(Ordering::Relaxed));
            out.push_back(Mark { through: Sequence::new(through), at: Ticks::from_raw(at) });
        }
        fence(Ordering::Acquire);
        // The writer may be at work on the mark after those that it has announced.
        let overwritten = (self.shared.written.load(Ordering::Relaxed) + 1).saturating_sub(kept);
        if overwritten > first {
            let torn = (overwritten.min(end) - first) as usize;
            out.drain(before..before + torn);
            lost = true;
        }
        self.read = end;
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(n: u64) -> Mark {
        Mark { through: Sequence::new(n), at: Ticks::from_raw(n * 7) }
    }

    #[test]
    fn marks_come_out_as_they_went_in() {
        let (mut writer, mut reader) = marks(TickClock::Monotonic);
        let mut out = VecDeque::new();
        assert!(!reader.take(10, &mut out));
        (1..=5).for_each(|n| writer.mark_at(mark(n)));
        assert!(!reader.take(3, &mut out));
        assert!(!reader.take(3, &mut out));
        assert_eq!(out, (1..=5).map(mark).collect::<VecDeque<_>>());
    }

    #[test]
    fn a_late_reader_loses_the_oldest_marks_and_says_so() {
        let (mut writer, mut reader) = marks(TickClock::Monotonic);
        let mut out = VecDeque::new();
        let count = MARKS_KEPT as u64 + 10;
        (1..=count).for_each(|n| writer.mark_at(mark(n)));
        assert!(reader.take(MARKS_KEPT, &mut out));
        assert_eq!(out, (count - MARKS_KEPT as u64 / 2 + 1..=count).map(mark).collect::<VecDeque<_>>());
        assert!(!reader.take(MARKS_KEPT, &mut out), "said once");
    }

    #[test]
    fn no_mark_is_ever_torn_while_the_writer_laps_the_reader() {
        const MARKS: u64 = 2_000_000;
        let (mut writer, mut reader) = marks(TickClock::Monotonic);
        let writes = std::thread::spawn(move || (1..=MARKS).for_each(|n| writer.mark_at(mark(n))));
        let (mut out, mut last) = (VecDeque::new(), 0);
        while last < MARKS {
            out.clear();
            let lost = reader.take(4_096, &mut out);
            for taken in &out {
                let n = taken.through.raw();
                assert_eq!(*taken, mark(n));
                assert!(n == last + 1 || (lost && n > last), "{n} after {last}");
                last = n;
            }
        }
        writes.join().expect("the writer does not panic");
    }
}
