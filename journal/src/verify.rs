//! Looking at a log from outside: of a stopped node, or of a running one as far as it had come when it was opened. Reads by
//! `pread`, changes nothing, takes no lock.
//!
//! Beside a running node the batch that is being written at this moment may show as a torn tail; look again.
//!
//! Invariant: what recovery would refuse is an error here, what it would cut is reported: both come from the same walk.
//! Owning thread: the caller's.

use std::path::{Path, PathBuf};

use tidegate_domain::{ClusterId, Epoch, Sequence};

use crate::chain::{Outcome, Source, walk};
use crate::checkpoint::{Checkpoint, header_at};
use crate::segment::{list, path_of};
use crate::{JournalError, LogKind};

/// Progress is told each time this much was read.
const PROGRESS_STEP_BYTES: u64 = 1 << 20;

/// One batch, as a tool shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchInfo {
    /// Its file.
    pub file: PathBuf,
    /// Where in it.
    pub offset: u64,
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

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Number of the oldest segment: above 1 where a journal's older ones were removed.
    pub first_segment: u32,
    /// Segments.
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
    pub end: Checkpoint,
}

/// Reads a log from its start, or from its oldest segment where older ones were removed, and gives each batch with the bytes of its records to `on_batch`, which may end it
/// before this batch by returning `false`. `progress` gets bytes read and bytes in all.
///
/// # Errors
/// Damage that is not a torn tail, at the file, offset and sequence where it begins; another version; the disk.
pub fn scan(
    dir: &Path,
    kind: LogKind,
    progress: impl FnMut(u64, u64),
    on_batch: impl FnMut(&BatchInfo, &[u8]) -> bool,
) -> Result<VerifyReport, JournalError> {
    let numbers = segments_of(dir, kind)?;
    let from = match (kind, numbers[0]) {
        (_, 1) => Checkpoint::default(),
        (LogKind::Journal, oldest) => place_before(dir, oldest)?,
        (LogKind::Events, oldest) => return Err(missing_first(dir, kind, oldest)),
    };
    scan_segments((dir, kind), &numbers, (None, &from), progress, on_batch)
}

/// As [`scan`], from a checkpoint on, which is compared with the log first.
///
/// # Errors
/// As [`scan`], and [`JournalError::CheckpointDiffers`].
pub fn scan_from(
    (dir, kind): (&Path, LogKind),
    (cluster, from): (ClusterId, &Checkpoint),
    progress: impl FnMut(u64, u64),
    on_batch: impl FnMut(&BatchInfo, &[u8]) -> bool,
) -> Result<VerifyReport, JournalError> {
    let numbers = segments_of(dir, kind)?;
    if from.is_start() && numbers[0] > 1 {
        return Err(missing_first(dir, kind, numbers[0]));
    }
    from.check(dir, kind, cluster)?;
    scan_segments((dir, kind), &numbers, (Some(cluster), from), progress, on_batch)
}

/// The numbers of the segments, of which there is one at least.
fn segments_of(dir: &Path, kind: LogKind) -> Result<Vec<u32>, JournalError> {
    let numbers = list(dir, kind)?;
    if numbers.is_empty() {
        let what = format!("{}: no {} segment is there; is it a node's data folder?", dir.display(), kind.prefix());
        return Err(JournalError::NoSuchRecord { what });
    }
    Ok(numbers)
}

fn missing_first(dir: &Path, kind: LogKind, oldest: u32) -> JournalError {
    let why = format!("this segment is missing, segment {oldest} is there");
    JournalError::BadSegment { file: path_of(dir, kind, 1), why }
}

/// What the oldest segment of a journal says of those that were removed. Nobody can tell whether it is true.
fn place_before(dir: &Path, segment: u32) -> Result<Checkpoint, JournalError> {
    let before = match header_at(dir, LogKind::Journal, segment, 0)? {
        Ok(header) => Checkpoint {
            hash: header.previous_hash,
            last: header.first.0.checked_sub(1).map(|last| (Sequence::new(last), u32::MAX)),
            ..Checkpoint::default()
        },
        Err(_) => Checkpoint::default(),
    };
    Ok(Checkpoint { segment, ..before })
}

fn scan_segments(
    (dir, kind): (&Path, LogKind),
    numbers: &[u32],
    (cluster, from): (Option<ClusterId>, &Checkpoint),
    mut progress: impl FnMut(u64, u64),
    mut on_batch: impl FnMut(&BatchInfo, &[u8]) -> bool,
) -> Result<VerifyReport, JournalError> {
    let mut ends = Ends::of(dir, kind, numbers)?;
    let mut report =
        VerifyReport { first_segment: numbers[0], segments: numbers.len() as u32, ..VerifyReport::default() };
    progress(0, ends.total);
    let walked = walk(&mut Source::new(dir, kind, numbers), cluster, from, |number, offset, header, records| {
        if let Some(done) = ends.done(number - numbers[0], offset as u64) {
            progress(done, ends.total);
        }
        let info = BatchInfo {
            file: path_of(dir, kind, number),
            offset: offset as u64,
            epoch: header.epoch,
            first: Sequence::new(header.first.0),
            count: header.count,
            commit: header.commit,
            cluster: header.cluster,
        };
        let go_on = on_batch(&info, records);
        if go_on {
            report.records += u64::from(header.count);
            report.bytes += header.len_bytes() as u64;
        }
        go_on
    })?;
    report.batches = walked.chain.batches - from.batches;
    report.end = walked.chain.checkpoint();
    report.last = walked.chain.last_sequence();
    report.commit = walked.chain.commit;
    let (file, offset) = (path_of(dir, kind, walked.number), walked.offset as u64);
    match walked.outcome {
        Outcome::Clean => progress(ends.total, ends.total),
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

/// Where each segment begins in the bytes of all of them.
struct Ends {
    starts: Vec<u64>,
    total: u64,
    told: u64,
}

impl Ends {
    fn of(dir: &Path, kind: LogKind, numbers: &[u32]) -> Result<Self, JournalError> {
        let mut ends = Self { starts: Vec::with_capacity(numbers.len()), total: 0, told: 0 };
        for number in numbers {
            let path = path_of(dir, kind, *number);
            ends.starts.push(ends.total);
            ends.total += std::fs::metadata(&path).map_err(JournalError::io(&path, "stat"))?.len();
        }
        Ok(ends)
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
