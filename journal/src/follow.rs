//! Following a log from outside, beside the process that writes it: batch after batch as they come.
//!
//!   [`Checkpoint`] of a scan --> [LogFollower::next_batch] --batch, batch, nothing yet, batch, ..--> caller
//!
//! Invariants: reads by `pread`, changes nothing, takes no lock; a batch is given as a whole, checked, and in the order of the
//! chain. What is half-written shows as "nothing yet".
//! Owning thread: the caller's.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::batch::{BatchFault, BatchHeader, HEADER_LEN_BYTES};
use crate::segment::{list, path_of};
use crate::verify::next_offset;
use crate::{BatchInfo, Checkpoint, JournalError, LogKind};

/// See the module.
#[derive(Debug)]
pub struct LogFollower {
    dir: PathBuf,
    kind: LogKind,
    at: Place,
    file: File,
    /// Header and records of the batch that was given last.
    batch: Vec<u8>,
}

/// Where the next batch is looked for, and the hash of the one before.
#[derive(Clone, Copy, Debug)]
struct Place {
    segment: u32,
    offset: u64,
    hash: u128,
}

/// What stands at a place.
enum Found {
    Batch(BatchHeader),
    /// Nothing, or what is not yet whole.
    Nothing,
    /// The rest of a segment that is used up.
    EndOfSegment,
}

impl LogFollower {
    /// Follows from where a scan ended.
    ///
    /// # Errors
    /// The disk.
    pub fn new(dir: &Path, kind: LogKind, from: &Checkpoint) -> Result<Self, JournalError> {
        let (segment, offset) = match from.place() {
            Some((segment, offset)) => (segment, offset as u64),
            None => (list(dir, kind)?.first().copied().unwrap_or(1), 0),
        };
        let at = Place { segment, offset, hash: from.hash };
        let file = open(&path_of(dir, kind, segment))?;
        Ok(Self { dir: dir.to_owned(), kind, at, file, batch: Vec::new() })
    }

    /// The next batch and the bytes of its records; `None` where there is none yet.
    ///
    /// # Errors
    /// The disk, and a log that was cut and written anew behind its reader.
    pub fn next_batch(&mut self) -> Result<Option<(BatchInfo, &[u8])>, JournalError> {
        let header = match self.look()? {
            Found::Batch(header) => header,
            Found::Nothing => return Ok(None),
            Found::EndOfSegment => {
                let next = path_of(&self.dir, self.kind, self.at.segment + 1);
                if !next.exists() {
                    return Ok(None);
                }
                let here = (self.at, std::mem::replace(&mut self.file, open(&next)?));
                self.at = Place { segment: self.at.segment + 1, offset: 0, hash: self.at.hash };
                match self.look()? {
                    Found::Batch(header) => header,
                    // Only prepared: the next batch may still go where it was looked for first.
                    Found::Nothing | Found::EndOfSegment => {
                        (self.at, self.file) = here;
                        return Ok(None);
                    }
                }
            }
        };
        let info = BatchInfo::of(&header, self.at.segment, self.at.offset as usize);
        self.at.offset = next_offset(&header, self.at.offset as usize) as u64;
        self.at.hash = header.hash();
        Ok(Some((info, &self.batch[HEADER_LEN_BYTES..header.len_bytes()])))
    }

    /// Reads what stands here into `batch`.
    fn look(&mut self) -> Result<Found, JournalError> {
        let path = || path_of(&self.dir, self.kind, self.at.segment);
        let len = self.file.metadata().map_err(JournalError::io(&path(), "stat"))?.len();
        if self.at.offset + HEADER_LEN_BYTES as u64 > len {
            return Ok(Found::EndOfSegment);
        }
        self.batch.resize(HEADER_LEN_BYTES, 0);
        let read = self.file.read_exact_at(&mut self.batch, self.at.offset);
        read.map_err(JournalError::io(&path(), "read"))?;
        let header = match BatchHeader::decode(&self.batch) {
            Ok(header) => header,
            Err(BatchFault::Zeros) => return Ok(Found::EndOfSegment),
            Err(_) => return Ok(Found::Nothing),
        };
        let records_at = self.at.offset + HEADER_LEN_BYTES as u64;
        self.batch.resize(header.stored_len_bytes(), 0);
        if self.file.read_exact_at(&mut self.batch[HEADER_LEN_BYTES..], records_at).is_err()
            || header.check(self.kind, header.cluster, self.at.segment, &self.batch).is_err()
        {
            return Ok(Found::Nothing);
        }
        if header.previous_hash != self.at.hash {
            let why =
                "the batch here does not follow the one before: the log was cut and written anew behind its reader; \
                       begin again"
                    .to_owned();
            let (file, offset) = (path(), self.at.offset);
            return Err(JournalError::Changed { file, offset, why });
        }
        Ok(Found::Batch(header))
    }
}

fn open(path: &Path) -> Result<File, JournalError> {
    File::open(path).map_err(JournalError::io(path, "open"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tidegate_domain::{ClusterId, RECORD_LEN_BYTES, Sequence};

    use super::*;
    use crate::testing::ticks;
    use crate::{LogConfig, OpenedJournal, open_journal, scan_from};

    fn append(journal: &mut OpenedJournal, count: u64) {
        let first = journal.writer.appended_through().raw() + 1;
        journal.writer.append(&ticks(first, count), Sequence::ZERO).unwrap();
    }

    #[test]
    fn every_batch_comes_once_across_segments_and_the_end_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, kind) = (folder.path(), LogKind::Journal);
        let (cluster, segment_len_bytes) = (ClusterId::new(1), crate::SEGMENT_LEN_BYTES_MIN);
        let mut journal = open_journal(&LogConfig::new(dir, cluster, segment_len_bytes)).unwrap();
        append(&mut journal, 3);
        let end = scan_from(dir, kind, Sequence::new(u64::MAX), |_, _| {}, |_, _| true).unwrap().checkpoint;
        let mut follower = LogFollower::new(dir, kind, &end).unwrap();
        let mut last = 3;
        // Three segments' worth, in batches of many sizes.
        for round in 0..200 {
            assert!(follower.next_batch().unwrap().is_none(), "round {round}");
            append(&mut journal, 1 + round);
            while let Some((info, records)) = follower.next_batch().unwrap() {
                assert_eq!((info.first.raw(), records.len()), (last + 1, info.count as usize * RECORD_LEN_BYTES));
                last += u64::from(info.count);
            }
            assert_eq!(last, journal.writer.appended_through().raw(), "round {round}");
        }
        assert!(last > 16_384, "more than two segments");
    }

    #[test]
    fn a_log_that_was_exchanged_is_an_error_and_not_silence() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, kind) = (folder.path(), LogKind::Journal);
        let (cluster, segment_len_bytes) = (ClusterId::new(1), crate::SEGMENT_LEN_BYTES_MIN);
        let mut journal = open_journal(&LogConfig::new(dir, cluster, segment_len_bytes)).unwrap();
        append(&mut journal, 3);
        let end = scan_from(dir, kind, Sequence::ZERO, |_, _| {}, |_, _| true).unwrap().checkpoint;
        append(&mut journal, 3);
        let mut follower = LogFollower::new(dir, kind, &Checkpoint { hash: 1, ..end }).unwrap();
        assert!(matches!(follower.next_batch(), Err(JournalError::Changed { .. })));
    }
}
