//! The two ways into a segment, behind one trait. A segment is written by one of them from its first byte to its last.
//!
//! | Writer | Stores | Durable | For |
//! | --- | --- | --- | --- |
//! | mapped | into a mapping whose pages are there and writable already | when the helper thread has synced | `async`, `replicated`, the event log |
//! | direct | one aligned write past the page cache, `O_DIRECT\|O_DSYNC` | when the call returns | `local`, `solo` |
//!
//! A synced write of a page into preallocated blocks costs about half of a store and a sync of the same (measured with
//! `tidegate bench journal`), and a mapping cannot tell which write failed. A mapping in turn costs some tens of nanoseconds,
//! where nobody waits for the disk.
//!
//! Invariant: bytes are in place (mapped), or on the disk (direct), when [`SegmentWriter::write`] returns.
//! Owning thread: the log's writer.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use tidegate_domain::RECORD_LEN_BYTES;

use crate::batch::HEADER_LEN_BYTES;
use crate::disk::{AlignedBytes, DIRECT_ALIGN_BYTES, DiskFile};
use crate::segment::Segment;
use crate::{BATCH_RECORDS_MAX, JournalError};

/// Which kind of writer a segment has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriterKind {
    /// Through a mapping; synced by a helper thread.
    #[default]
    Mapped,
    /// Past the page cache; synced when it returns.
    Direct,
}

impl WriterKind {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Mapped => 0,
            Self::Direct => 1,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Mapped),
            1 => Some(Self::Direct),
            _ => None,
        }
    }

    /// The name in tools and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Direct => "direct",
        }
    }

    /// What a batch of this length takes up.
    pub(crate) const fn padded(self, len: usize) -> usize {
        match self {
            Self::Mapped => len,
            Self::Direct => len.next_multiple_of(DIRECT_ALIGN_BYTES),
        }
    }
}

/// Puts batches into one segment.
pub(crate) trait SegmentWriter: Debug + Send {
    fn kind(&self) -> WriterKind;

    /// Writes a batch at `offset`, which is where the one before ended.
    fn write(&mut self, offset: usize, header: &[u8; HEADER_LEN_BYTES], records: &[u8]) -> Result<(), JournalError>;
}

/// A writer of this kind for a segment.
pub(crate) fn writer_for(kind: WriterKind, segment: &Arc<Segment>) -> Result<Box<dyn SegmentWriter>, JournalError> {
    Ok(match kind {
        WriterKind::Mapped => Box::new(Mapped::new(Arc::clone(segment))?),
        WriterKind::Direct => Box::new(Direct::new(Arc::clone(segment))?),
    })
}

#[derive(Debug)]
struct Mapped {
    segment: Arc<Segment>,
}

impl Mapped {
    fn new(segment: Arc<Segment>) -> Result<Self, JournalError> {
        segment.take_mapped()?;
        Ok(Self { segment })
    }
}

impl SegmentWriter for Mapped {
    fn kind(&self) -> WriterKind {
        WriterKind::Mapped
    }

    fn write(&mut self, offset: usize, header: &[u8; HEADER_LEN_BYTES], records: &[u8]) -> Result<(), JournalError> {
        assert!(offset + HEADER_LEN_BYTES + records.len() <= self.segment.len, "writes stay inside the segment");
        let start = self.segment.mapping()?.start_mut();
        // SAFETY: inside the mapping; above the log's end nobody reads, and there is one writer.
        unsafe { std::ptr::copy_nonoverlapping(records.as_ptr(), start.add(offset + HEADER_LEN_BYTES), records.len()) };
        // The header last: a crash in between leaves no valid batch. The fence keeps the compiler from turning it round.
        fence(Ordering::Release);
        // SAFETY: as above.
        unsafe { std::ptr::copy_nonoverlapping(header.as_ptr(), start.add(offset), HEADER_LEN_BYTES) };
        Ok(())
    }
}

#[derive(Debug)]
struct Direct {
    segment: Arc<Segment>,
    file: Arc<dyn DiskFile>,
    bytes: AlignedBytes,
}

impl Direct {
    fn new(segment: Arc<Segment>) -> Result<Self, JournalError> {
        let file = segment.take_direct()?;
        let bytes =
            AlignedBytes::zeros(WriterKind::Direct.padded(HEADER_LEN_BYTES + BATCH_RECORDS_MAX * RECORD_LEN_BYTES));
        Ok(Self { segment, file, bytes })
    }
}

impl SegmentWriter for Direct {
    fn kind(&self) -> WriterKind {
        WriterKind::Direct
    }

    fn write(&mut self, offset: usize, header: &[u8; HEADER_LEN_BYTES], records: &[u8]) -> Result<(), JournalError> {
        let len = HEADER_LEN_BYTES + records.len();
        let padded = WriterKind::Direct.padded(len);
        self.bytes[..HEADER_LEN_BYTES].copy_from_slice(header);
        self.bytes[HEADER_LEN_BYTES..len].copy_from_slice(records);
        self.bytes[len..padded].fill(0);
        let written = self.file.write_through(&self.bytes[..padded], offset as u64);
        written.map_err(JournalError::io(&self.segment.path, "write"))
    }
}
