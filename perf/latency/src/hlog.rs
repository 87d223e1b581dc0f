//! HdrHistogram interval logs, as other people's tools read and write them: format 1.3, V2 deflate payloads.
//!
//! ```text
//!   #[Histogram log format version 1.3]
//!   #[StartTime: 1763764800.000 (seconds since epoch)]       both the moment at which the run began, so that the
//!   #[BaseTime: 1763764800.000 (seconds since epoch)]        intervals count from there
//!   "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
//!   Tag=response,0.000,1.000,81919.000,HISTFAAAA...
//! ```
//!
//! Invariants: values are nanoseconds, `Interval_Max` too; intervals come in the order of their beginnings; a line is either
//! whole in the file or not at all, but for a crash.
//! Owning thread: the writer's caller.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use crate::FolderError;

/// Digits that a histogram keeps of a value: within 0.1 %.
const DIGITS: u8 = 3;
/// The line that says which column is which.
const LEGEND: &str = "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"";

/// An empty histogram of nanoseconds as every part of the lab keeps them: it grows to whatever comes.
#[must_use]
pub fn histogram() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("three digits are within 0 to 5")
}

/// The histogram of a line's payload: V2, deflated or not, in base64.
///
/// # Errors
/// What is wrong with it.
pub fn decode_histogram(text: &str) -> Result<Histogram<u64>, String> {
    let payload = STANDARD.decode(text).map_err(|error| format!("base64: {error}"))?;
    Deserializer::new().deserialize(&mut &payload[..]).map_err(|error| format!("histogram: {error}"))
}

/// Writes one log.
pub struct HlogWriter {
    path: PathBuf,
    file: BufWriter<File>,
    serializer: V2DeflateSerializer,
    tag: String,
}

impl std::fmt::Debug for HlogWriter {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("HlogWriter").field("path", &self.path).field("tag", &self.tag).finish_non_exhaustive()
    }
}

impl HlogWriter {
    /// Makes a new file with its header; every interval in it gets the tag. `started_at` is zero of the intervals.
    ///
    /// # Errors
    /// When the file is there already or cannot be written.
    ///
    /// # Panics
    /// When the tag has a comma, a space or a line end: tags are ours.
    pub fn create(path: &Path, tag: &str, started_at: SystemTime) -> Result<Self, FolderError> {
        assert!(Tag::new(tag).is_some(), "a tag without commas, spaces and line ends: `{tag}`");
        let file = File::create_new(path).map_err(|error| io_error("create", path, error))?;
        let mut writer = Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            serializer: V2DeflateSerializer::new(),
            tag: tag.to_owned(),
        };
        let mut header = IntervalLogWriterBuilder::new();
        header.add_comment("[Histogram log format version 1.3]");
        header.with_start_time(started_at).with_base_time(started_at);
        let begun = header.begin_log_with(&mut writer.file, &mut writer.serializer);
        begun.map(drop).and_then(|()| writeln!(writer.file, "{LEGEND}")).map_err(|e| io_error("write", path, e))?;
        Ok(writer)
    }

    /// Appends an interval that began `start` after the log's zero.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, start: Duration, length: Duration, histogram: &Histogram<u64>) -> Result<(), FolderError> {
        // A builder that was told nothing writes no header.
        let mut line = Vec::new();
        let nothing = IntervalLogWriterBuilder::new();
        let mut log = nothing.begin_log_with(&mut line, &mut self.serializer).expect("memory takes it");
        log.write_histogram(histogram, start, length, Tag::new(&self.tag)).expect("memory takes it");
        self.file.write_all(&line).map_err(|error| io_error("write", &self.path, error))
    }

    /// Brings everything to the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<(), FolderError> {
        self.file.flush().map_err(|error| io_error("write", &self.path, error))
    }
}

/// One interval of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// When it began, after the log's zero.
    pub start: Duration,
    /// How long it was.
    pub length: Duration,
    /// Its tag.
    pub tag: Option<String>,
    /// Nanoseconds.
    pub histogram: Histogram<u64>,
}

/// A log, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Hlog {
    /// When the run began, since 1970; zero where the log does not say.
    pub started_at: Duration,
    /// In the order of the file.
    pub intervals: Vec<Interval>,
}

impl Hlog {
    /// Reads a whole log, ours or anybody's of this format.
    ///
    /// # Errors
    /// Names the file and what is wrong in it.
    pub fn read(path: &Path) -> Result<Self, FolderError> {
        let bytes = fs::read(path).map_err(|error| io_error("read", path, error))?;
        Self::parse(&bytes).map_err(|what| FolderError::Malformed { file: path.to_owned(), what })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let (mut started_at, mut base) = (None, None);
        let mut intervals = Vec::new();
        for entry in IntervalLogIterator::new(bytes) {
            match entry {
                Ok(LogEntry::StartTime(at)) => started_at = Some(at),
                Ok(LogEntry::BaseTime(at)) => base = Some(at),
                Ok(LogEntry::Interval(interval)) => {
                    let number = intervals.len() + 1;
                    let histogram = decode_histogram(interval.encoded_histogram());
                    let histogram = histogram.map_err(|error| format!("interval {number}: {error}"))?;
                    intervals.push(Interval {
                        start: interval.start_timestamp(),
                        length: interval.duration(),
                        tag: interval.tag().map(|tag| tag.as_str().to_owned()),
                        histogram,
                    });
                }
                Err(error) => return Err(format!("no line of a histogram log: {error:?}")),
            }
        }
        // Without a base the intervals count from 1970.
        let zero = base.unwrap_or_default();
        let started_at = started_at.or(base).unwrap_or_default();
        for interval in &mut intervals {
            interval.start = (zero + interval.start).saturating_sub(started_at);
        }
        Ok(Self { started_at, intervals })
    }

    /// All intervals as one histogram.
    #[must_use]
    pub fn total(&self) -> Histogram<u64> {
        let mut total = histogram();
        for interval in &self.intervals {
            total.add(&interval.histogram).expect("a histogram that grows takes every other");
        }
        total
    }
}

pub(crate) fn io_error(doing: &'static str, file: &Path, error: std::io::Error) -> FolderError {
    FolderError::Io { doing, file: file.to_owned(), error }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn recorded(values: &[u64]) -> Histogram<u64> {
        let mut histogram = histogram();
        values.iter().for_each(|value| histogram.record(*value).unwrap());
        histogram
    }

    #[test]
    fn a_log_reads_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("response.hlog");
        let start = SystemTime::UNIX_EPOCH + Duration::from_millis(1_763_764_800_125);
        let parts = [recorded(&[1, 1_000, 2_500_000_000]), recorded(&[]), recorded(&[7; 5_000])];
        let mut writer = HlogWriter::create(&path, "response", start).unwrap();
        for (second, part) in parts.iter().enumerate() {
            writer.write(Duration::from_secs(second as u64), Duration::from_millis(1_000), part).unwrap();
        }
        writer.finish().unwrap();
        let read = Hlog::read(&path).unwrap();
        assert_eq!(read.started_at, Duration::from_millis(1_763_764_800_125));
        assert_eq!(read.intervals.len(), 3);
        for (second, (interval, part)) in read.intervals.iter().zip(&parts).enumerate() {
            assert_eq!(interval.start, Duration::from_secs(second as u64));
            assert_eq!(interval.length, Duration::from_secs(1));
            assert_eq!(interval.tag.as_deref(), Some("response"));
            assert_eq!(&interval.histogram, part);
        }
        assert_eq!(read.total().len(), 5_003);
    }

    #[test]
    fn a_log_that_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.hlog");
        HlogWriter::create(&path, "a", SystemTime::UNIX_EPOCH).unwrap().finish().unwrap();
        let error = HlogWriter::create(&path, "a", SystemTime::UNIX_EPOCH).unwrap_err().to_string();
        assert!(error.contains("cannot create") && error.contains("a.hlog"), "{error}");
    }

    #[test]
    fn a_damaged_log_is_an_error_that_names_file_and_interval() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.hlog");
        for (text, expected) in [
            ("Tag=a,0.000,1.000,5.000,HIST\n", "interval 1"),
            ("Tag=a,0.000,1.000,5.000,!!!\n", "base64"),
            ("half a line", "no line of a histogram log"),
        ] {
            fs::write(&path, text).unwrap();
            let error = Hlog::read(&path).unwrap_err().to_string();
            assert!(error.contains("a.hlog") && error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_log_without_a_base_counts_from_its_start() {
        let text = "#[StartTime: 100.000 (seconds since epoch)]\n";
        let read = Hlog::parse(text.as_bytes()).unwrap();
        assert_eq!((read.started_at, read.intervals.len()), (Duration::from_secs(100), 0));
    }
}
