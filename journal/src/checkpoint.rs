//! A checkpoint: a place between two batches, and what the chain was there, so that a reader need not begin at the start.
//!
//! Invariants: a checkpoint is compared with the log before anything is built on it: the batch before its place must have
//! the hash that it remembers. That hash covers the whole chain up to there.
//! Owning thread: the caller's.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use tidegate_domain::{ClusterId, Epoch, Sequence};

use crate::batch::{BatchFault, BatchHeader, HEADER_LEN_BYTES};
use crate::segment::path_of;
use crate::{JournalError, LogKind};

/// See the module. The default is the start of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Segment of the last batch before the place; 0 at the start of a log.
    pub segment: u32,
    /// Where that batch begins.
    pub batch_offset: u64,
    /// Where it ends: the place.
    pub offset: u64,
    /// Its hash.
    pub hash: u128,
    /// Sequence and index of the last record before the place.
    pub last: Option<(Sequence, u32)>,
    /// Epoch of that batch.
    pub last_epoch: Epoch,
    /// Everything through this was released, say the batches before the place.
    pub commit: Sequence,
    /// How many batches there are before the place.
    pub batches: u64,
}

impl Checkpoint {
    /// Whether it is the start of a log.
    #[must_use]
    pub const fn is_start(&self) -> bool {
        self.segment == 0
    }

    /// Sequence of the last record before the place.
    #[must_use]
    pub fn last_sequence(&self) -> Sequence {
        self.last.map_or(Sequence::ZERO, |(sequence, _)| sequence)
    }

    pub(crate) fn place(&self) -> Option<(u32, usize)> {
        (!self.is_start()).then_some((self.segment, self.offset as usize))
    }

    /// Segment, offset and end of the batch before the place.
    pub(crate) fn last_batch(&self) -> Option<(u32, usize, usize)> {
        (!self.is_start()).then_some((self.segment, self.batch_offset as usize, self.offset as usize))
    }

    /// Whether a log whose oldest segment is `first` can be read from here: the start needs segment 1, any other place the
    /// batch before it.
    pub(crate) fn check_beginning(
        &self,
        dir: &Path,
        kind: LogKind,
        cluster: ClusterId,
        first: u32,
    ) -> Result<(), JournalError> {
        if self.is_start() && first > 1 {
            let why =
                format!("this segment is missing, segment {first} is there, and no checkpoint says how it begins");
            return Err(JournalError::BadSegment { file: path_of(dir, kind, 1), why });
        }
        self.check(dir, kind, cluster)
    }

    /// Compares it with the log in a folder, by reading one header.
    ///
    /// # Errors
    /// [`JournalError::CheckpointDiffers`] when another batch, or none, stands before the place; the disk.
    pub fn check(&self, dir: &Path, kind: LogKind, cluster: ClusterId) -> Result<(), JournalError> {
        let Some((segment, offset, end)) = self.last_batch() else { return Ok(()) };
        let differs = || JournalError::CheckpointDiffers {
            file: path_of(dir, kind, segment),
            offset: self.batch_offset,
            sequence: self.last_sequence(),
        };
        let path = path_of(dir, kind, segment);
        let header = match header_at(&path, offset) {
            Ok(Ok(header)) => header,
            Ok(Err(_)) => return Err(differs()),
            Err(JournalError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(differs());
            }
            Err(error) => return Err(error),
        };
        let len = std::fs::metadata(&path).map_err(JournalError::io(&path, "stat"))?.len();
        let is_it = header.hash() == self.hash
            && self.offset <= len
            && header.kind == kind.code()
            && header.cluster == cluster
            && header.segment == segment
            && end.checked_sub(offset) == Some(header.stored_len_bytes());
        if is_it { Ok(()) } else { Err(differs()) }
    }
}

/// The header at a place of a segment, by `pread`.
pub(crate) fn header_at(path: &Path, offset: usize) -> Result<Result<BatchHeader, BatchFault>, JournalError> {
    let file = File::open(path).map_err(JournalError::io(path, "open"))?;
    let mut bytes = [0; HEADER_LEN_BYTES];
    match file.read_exact_at(&mut bytes, offset as u64) {
        Ok(()) => Ok(BatchHeader::decode(&bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(Err(BatchFault::Zeros)),
        Err(error) => Err(JournalError::io(path, "read")(error)),
    }
}
