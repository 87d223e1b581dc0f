//! The folder of a run, read once.
//!
//! Invariants: intervals are in the order of time; a log that the run names and that is not there is remembered as missing,
//! one that is there and broken is an error.
//! Owning thread: the caller's.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hdrhistogram::Histogram;
use tidegate_latency::{FolderError, Interval, RUN_FILE, Run, RunFolder, Series, SeriesKind};

/// A run and its logs.
#[derive(Clone, Debug)]
pub struct RunData {
    /// Where it is.
    pub folder: PathBuf,
    /// What it says about itself.
    pub run: Run,
    /// In the order of the run.
    pub series: Vec<SeriesData>,
    /// Logs that the run names and that are not there.
    pub absent: Vec<Series>,
}

/// One log.
#[derive(Clone, Debug)]
pub struct SeriesData {
    /// What it is.
    pub series: Series,
    /// When the run began, since 1970; zero where the log does not say.
    pub started_at: Duration,
    /// In the order of time.
    pub intervals: Vec<Interval>,
    /// All of them as one, in nanoseconds.
    pub total: Histogram<u64>,
}

impl RunData {
    /// Reads the folder.
    ///
    /// # Errors
    /// Names the file that is missing, broken, of another format, or not in nanoseconds.
    pub fn read(path: &Path) -> Result<Self, FolderError> {
        let (folder, run) = RunFolder::open(path)?;
        let (mut series, mut absent) = (Vec::new(), Vec::new());
        for described in &run.series {
            if described.unit != "ns" {
                let what = format!("`series.unit` of `{}` is `{}`, it must be `ns`", described.name, described.unit);
                return Err(FolderError::Malformed { file: folder.file(RUN_FILE), what });
            }
            match folder.log(described) {
                Ok(log) => {
                    let total = log.total();
                    let mut intervals = log.intervals;
                    intervals.sort_by_key(|interval| interval.start);
                    series.push(SeriesData { series: described.clone(), started_at: log.started_at, intervals, total });
                }
                Err(FolderError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => {
                    absent.push(described.clone());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self { folder: path.to_owned(), run, series, absent })
    }

    /// What the client saw: response times, or where nothing was intended service times.
    #[must_use]
    pub fn main(&self) -> Option<&SeriesData> {
        self.of(SeriesKind::Response).or_else(|| self.of(SeriesKind::Service))
    }

    /// The series of a kind that the page is about: of a sweep, which has one for each rate, that of the knee, else the first
    /// one with samples.
    #[must_use]
    pub fn of(&self, kind: SeriesKind) -> Option<&SeriesData> {
        let mut with_samples = self.series.iter().filter(|data| data.series.kind == kind && !data.total.is_empty());
        let at_knee = match self.run.shown_rate() {
            Some(point) if with_samples.clone().count() == self.run.sweep.len() => point,
            _ => 0,
        };
        with_samples.nth(at_knee)
    }

    /// The meters of the machine's own gaps that have samples.
    pub fn floors(&self) -> impl Iterator<Item = &SeriesData> {
        self.series.iter().filter(|data| data.series.kind == SeriesKind::Hiccup && !data.total.is_empty())
    }
}
