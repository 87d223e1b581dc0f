//! Looking at a log from outside: of a stopped node, or of a running one as far as it had come when it was opened. Reads by
//! `pread`, changes nothing, takes no lock.
//!
//! Beside a running node the batch that is being written at this moment may show as a torn tail; look again.
//!
//! Invariant: what recovery would refuse is an error here, what it would cut is reported: both come from the same walk.
//! Owning thread: the caller's.

use std::path::{Path, PathBuf};

use tidegate_domain::{ClusterId, Epoch, Sequence};

use crate::batch::BatchHeader;
use crate::chain::{Outcome, Source, walk};
use crate::checkpoint::{Checkpoint, header_at};
use crate::disk::RealDisk;
use crate::segment::{list, path_of};
use crate::{JournalError, LogKind};

/// Progress is told each time this much was read.
const PROGRESS_STEP_BYTES: u64 = 1 << 20;

/// One batch, as a tool shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchInfo {
    /// Number of its segment.
    pub segment: u32,
    /// Where in it.
    pub offset: u64,
    /// How much of the segment it takes.
    pub len_bytes: u64,
    /// Its epoch.
    pub epoch: Epoch,
    /// Sequence of its first record.
    pub first: Sequence,
    /// How many records; 0 for a commit mark.
    pub count: u32,
    /// What was released when it was written.
    pub commit: Sequence,
    /// Whose it is.
    pub cluster: ClusterId,
}

impl BatchInfo {
    pub(crate) fn of(header: &BatchHeader, segment: u32, offset: usize) -> Self {
        Self {
            segment,
            offset: offset as u64,
            len_bytes: (next_offset(header, offset) - offset) as u64,
            epoch: header.epoch,
            first: Sequence::new(header.first.0),
            count: header.count,
            commit: header.commit,
            cluster: header.cluster,
        }
    }
}

/// Where the batch after this one begins, if it is in the same segment: the one place where the tools know how long a batch is.
pub(crate) fn next_offset(header: &BatchHeader, offset: usize) -> usize {
    offset + header.stored_len_bytes()
}

/// A segment's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// Its number.
    pub number: u32,
    /// Its file.
    pub path: PathBuf,
    /// Length of the file.
    pub len_bytes: u64,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Number of the first segment that was read: above 1 where a journal's older ones were removed.
    pub first_segment: u32,
    /// Segments that were read.
    pub segments: u32,
    /// Whole batches.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Sequence of the last record.
    pub last: Sequence,
    /// The last commit mark or header says that everything through this was released.
    pub commit: Sequence,
    /// Bytes of batches.
    pub bytes: u64,
    /// Where the log ends in left-overs of a crash, if it does: the next start cuts them off.
    pub torn_tail_at: Option<(PathBuf, u64)>,
    /// The place after the last batch that was given.
    pub checkpoint: Checkpoint,
}

/// The segments of a log, in order; none is no error.
///
/// # Errors
/// A segment that is missing, the disk.
pub fn segments(dir: &Path, kind: LogKind) -> Result<Vec<SegmentFile>, JournalError> {
    let file = |number| {
        let path = path_of(dir, kind, number);
        let len_bytes = std::fs::metadata(&path).map_err(JournalError::io(&path, "stat"))?.len();
        Ok(SegmentFile { number, path, len_bytes })
    };
    list(dir, kind)?.into_iter().map(file).collect()
}

/// Reads a log from its start, or from its oldest segment where older ones were removed, and gives each batch with the bytes
/// of its records to `on_batch`, which may end it before this batch by returning `false`. `progress` gets bytes read and bytes
/// in all.
///
/// # Errors
/// Damage that is not a torn tail, at the file, offset and sequence where it begins; another version; the disk.
pub fn scan(
    dir: &Path,
    kind: LogKind,
    progress: impl FnMut(u64, u64),
    on_batch: impl FnMut(&BatchInfo, &[u8]) -> bool,
) -> Result<VerifyReport, JournalError> {
    scan_from(dir, kind, Sequence::ZERO, progress, on_batch)
}

/// As [`scan`], without the segments whose successor begins at or before `from`: the first batches may lie before it. What
/// the first batch says of the ones before it is taken on trust.
///
/// # Errors
/// As [`scan`].
pub fn scan_from(
    dir: &Path,
    kind: LogKind,
    from: Sequence,
    progress: impl FnMut(u64, u64),
    on_batch: impl FnMut(&BatchInfo, &[u8]) -> bool,
) -> Result<VerifyReport, JournalError> {
    let segments = segments_of(dir, kind)?;
    let segments = &segments[start(&segments, from)?..];
    scan_segments((dir, kind), segments, (None, &Checkpoint::default()), progress, on_batch)
}

/// As [`scan`], from a checkpoint on, which is compared with the log first.
///
/// # Errors
/// As [`scan`], and [`JournalError::CheckpointDiffers`].
pub fn scan_at(
    (dir, kind): (&Path, LogKind),
    (cluster, from): (ClusterId, &Checkpoint),
    progress: impl FnMut(u64, u64),
    on_batch: impl FnMut(&BatchInfo, &[u8]) -> bool,
) -> Result<VerifyReport, JournalError> {
    let segments = segments_of(dir, kind)?;
    from.check_beginning(dir, kind, cluster, segments[0].number)?;
    scan_segments((dir, kind), &segments, (Some(cluster), from), progress, on_batch)
}

/// The segments of a log that has one at least.
fn segments_of(dir: &Path, kind: LogKind) -> Result<Vec<SegmentFile>, JournalError> {
    let segments = segments(dir, kind)?;
    if segments.is_empty() {
        let what = format!("{}: no {} segment is there; is it a node's data folder?", dir.display(), kind.prefix());
        return Err(JournalError::NoSuchRecord { what });
    }
    Ok(segments)
}

fn scan_segments(
    (dir, kind): (&Path, LogKind),
    segments: &[SegmentFile],
    (cluster, from): (Option<ClusterId>, &Checkpoint),
    mut progress: impl FnMut(u64, u64),
    mut on_batch: impl FnMut(&BatchInfo, &[u8]) -> bool,
) -> Result<VerifyReport, JournalError> {
    let mut read = BytesRead::of(segments);
    let numbers: Vec<u32> = segments.iter().map(|segment| segment.number).collect();
    let mut report =
        VerifyReport { first_segment: numbers[0], segments: numbers.len() as u32, ..VerifyReport::default() };
    progress(0, read.total);
    let walked =
        walk(&mut Source::new(&RealDisk, dir, kind, &numbers), cluster, from, |number, offset, header, records| {
            if let Some(done) = read.done(number - numbers[0], offset as u64) {
                progress(done, read.total);
            }
            let info = BatchInfo::of(header, number, offset);
            let go_on = on_batch(&info, records);
            if go_on {
                report.records += u64::from(header.count);
                report.bytes += info.len_bytes;
            }
            go_on
        })?;
    report.batches = walked.chain.batches - from.batches;
    report.checkpoint = walked.chain.checkpoint();
    report.last = walked.chain.last_sequence();
    report.commit = walked.chain.commit;
    let (file, offset) = (path_of(dir, kind, walked.number), walked.offset as u64);
    match walked.outcome {
        Outcome::Clean => progress(read.total, read.total),
        Outcome::Stopped => {}
        Outcome::Torn => report.torn_tail_at = Some((file, offset)),
        Outcome::Damaged(why) => return Err(JournalError::Corrupt { file, offset, after: report.last, why }),
    }
    Ok(report)
}

/// Checks a whole log.
///
/// # Errors
/// As [`scan`].
pub fn verify(dir: &Path, kind: LogKind, progress: impl FnMut(u64, u64)) -> Result<VerifyReport, JournalError> {
    scan(dir, kind, progress, |_, _| true)
}

/// Index of the last segment that begins at or before `from`. One whose first header cannot be read decides nothing: the walk
/// comes to it and judges it.
fn start(segments: &[SegmentFile], from: Sequence) -> Result<usize, JournalError> {
    for (at, segment) in segments.iter().enumerate().skip(1).rev() {
        if let Ok(header) = header_at(&segment.path, 0)?
            && header.first <= (from.raw(), 0)
        {
            return Ok(at);
        }
    }
    Ok(0)
}

/// Where each segment begins in the bytes of all of them.
struct BytesRead {
    starts: Vec<u64>,
    total: u64,
    told: u64,
}

impl BytesRead {
    fn of(segments: &[SegmentFile]) -> Self {
        let mut read = Self { starts: Vec::with_capacity(segments.len()), total: 0, told: 0 };
        for segment in segments {
            read.starts.push(read.total);
            read.total += segment.len_bytes;
        }
        read
    }

    /// Bytes read, if enough were since it was told last.
    fn done(&mut self, segment: u32, offset: u64) -> Option<u64> {
        let done = self.starts[segment as usize] + offset;
        let tell = done - self.told >= PROGRESS_STEP_BYTES;
        if tell {
            self.told = done;
        }
        tell.then_some(done)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::ticks;
    use crate::{LogConfig, open_journal};

    #[test]
    fn a_scan_from_a_sequence_skips_whole_segments_and_nothing_that_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, cluster) = (folder.path().to_owned(), ClusterId::new(1));
        let config = LogConfig::new(dir, cluster, crate::SEGMENT_LEN_BYTES_MIN);
        open_journal(&config).unwrap().writer.append(&ticks(1, 20_000), Sequence::ZERO).unwrap();
        let whole = verify(folder.path(), LogKind::Journal, |_, _| {}).unwrap();
        for from in [1_u64, 8_000, 9_000, 16_500, 20_000, 30_000] {
            let (mut first, mut through) = (None, 0);
            let report = scan_from(
                folder.path(),
                LogKind::Journal,
                Sequence::new(from),
                |_, _| {},
                |batch, _| {
                    first.get_or_insert(*batch);
                    through = batch.first.raw() + u64::from(batch.count) - 1;
                    true
                },
            );
            let (report, first) = (report.unwrap(), first.unwrap());
            assert!(first.first.raw() <= from, "{from}");
            // How many batches were read differs, and nothing else.
            let end = Checkpoint { batches: whole.checkpoint.batches, ..report.checkpoint };
            assert_eq!((through, end, report.last), (20_000, whole.checkpoint, whole.last), "{from}");
            assert_eq!(first.segment, (from.min(20_000) / 8_176 + 1) as u32, "{from}");
        }
    }
}
