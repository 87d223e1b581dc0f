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
use crate::disk::RealDisk;
use crate::segment::{check_from_start, list, path_of};
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
}

/// Reads a log from its start and gives each batch with the bytes of its records to `on_batch`, which may end it
/// before this batch by returning `false`. `progress` gets bytes read and bytes in all.
///
/// # Errors
/// Damage that is not a torn tail, at the file, offset and sequence where it begins; another version; the disk.
pub fn scan(
    dir: &Path,
    kind: LogKind,
    mut progress: impl FnMut(u64, u64),
    mut on_batch: impl FnMut(&BatchInfo, &[u8]) -> bool,
) -> Result<VerifyReport, JournalError> {
    let numbers = list(dir, kind)?;
    check_from_start(dir, kind, &numbers)?;
    if numbers.is_empty() {
        let what = format!("{}: no {} segment is there; is it a node's data folder?", dir.display(), kind.prefix());
        return Err(JournalError::NoSuchRecord { what });
    }
    let mut ends = Ends::of(dir, kind, &numbers)?;
    let mut report = VerifyReport { segments: numbers.len() as u32, ..VerifyReport::default() };
    progress(0, ends.total);
    let walked = walk(&mut Source::new(&RealDisk, dir, kind, &numbers), None, |number, offset, header, records| {
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
            report.bytes += header.stored_len_bytes() as u64;
        }
        go_on
    })?;
    report.batches = walked.chain.batches;
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
