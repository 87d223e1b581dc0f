//! Cuts a series of durations into the intervals of its log.
//!
//! Hot path: called once per answer by the load generator; a record is one increment, and once a second a swap of histograms.
//!
//! Invariants: an interval holds what happened in it, by the time that the caller says; nothing is written while the load
//! runs. Owning thread: one per recorder; [`Recorder::merge`] joins those of several threads afterwards.

use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;

use crate::hlog::{HlogWriter, histogram};
use crate::{FolderError, Percentiles};

/// Length of an interval.
const INTERVAL_NS: u64 = 1_000_000_000;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    intervals: Vec<Histogram<u64>>,
}

impl Recorder {
    /// With room for the intervals of so many seconds, so that the load does not wait for memory.
    #[must_use]
    pub fn with_seconds(seconds: u64) -> Self {
        // What a histogram grows to when it sees everything from nanoseconds to seconds.
        let roomy = || {
            let mut histogram = histogram();
            histogram.record(10 * INTERVAL_NS).expect("it grows");
            histogram.reset();
            histogram
        };
        Self { intervals: (0..seconds).map(|_| roomy()).collect() }
    }

    /// A duration that ended `at_ns` after the beginning.
    pub fn record(&mut self, at_ns: u64, value_ns: u64) {
        let index = usize::try_from(at_ns / INTERVAL_NS).expect("a run of less than 584 years");
        while self.intervals.len() <= index {
            self.intervals.push(histogram());
        }
        self.intervals[index].record(value_ns).expect("a histogram that grows takes every u64");
    }

    /// Adds what another recorder with the same beginning has.
    pub fn merge(&mut self, other: &Self) {
        while self.intervals.len() < other.intervals.len() {
            self.intervals.push(histogram());
        }
        for (mine, theirs) in self.intervals.iter_mut().zip(&other.intervals) {
            mine.add(theirs).expect("a histogram that grows takes every other");
        }
    }

    /// Everything as one histogram.
    #[must_use]
    pub fn total(&self) -> Histogram<u64> {
        let mut total = histogram();
        for interval in &self.intervals {
            total.add(interval).expect("a histogram that grows takes every other");
        }
        total
    }

    /// The percentiles of everything.
    #[must_use]
    pub fn percentiles(&self) -> Percentiles {
        Percentiles::of(&self.total())
    }

    /// Writes the log, without empty intervals at its end.
    ///
    /// # Errors
    /// As [`HlogWriter::create`].
    pub fn write(&self, path: &Path, tag: &str, started_at: SystemTime) -> Result<(), FolderError> {
        let mut writer = HlogWriter::create(path, tag, started_at)?;
        let used = self.intervals.iter().rposition(|interval| !interval.is_empty()).map_or(0, |last| last + 1);
        for (index, interval) in self.intervals[..used].iter().enumerate() {
            let length = Duration::from_nanos(INTERVAL_NS);
            writer.write(length * u32::try_from(index).expect("less than 136 years"), length, interval)?;
        }
        writer.finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Hlog;

    #[test]
    fn a_sample_is_in_the_second_in_which_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.hlog");
        let mut recorder = Recorder::with_seconds(2);
        recorder.record(0, 5);
        recorder.record(999_999_999, 6);
        recorder.record(1_000_000_000, 7);
        recorder.record(3_500_000_000, 8);
        recorder.write(&path, "a", SystemTime::UNIX_EPOCH).unwrap();
        let lens: Vec<u64> = Hlog::read(&path).unwrap().intervals.iter().map(|part| part.histogram.len()).collect();
        assert_eq!(lens, [2, 1, 0, 1]);
    }

    #[test]
    fn merged_recorders_have_the_samples_of_both() {
        let (mut one, mut two) = (Recorder::with_seconds(1), Recorder::with_seconds(0));
        one.record(10, 100);
        two.record(20, 200);
        two.record(2_000_000_000, 300);
        one.merge(&two);
        assert_eq!((one.total().len(), one.total().max()), (3, 300));
    }

    #[test]
    fn room_that_was_not_needed_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.hlog");
        Recorder::with_seconds(30).write(&path, "a", SystemTime::UNIX_EPOCH).unwrap();
        assert!(Hlog::read(&path).unwrap().intervals.is_empty());
    }
}
