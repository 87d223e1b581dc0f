//! What journal and event log share: segments, one writer, an end that readers stop at, a walk over batches.
//!
//!   [LogWriter::append] --segment writer, release--> [LogShared::end] --acquire--> [Walk] (any number, any thread)
//!
//! Invariants: the end only grows; it is advanced after the whole batch is in place (mapped) or on the disk (direct); a batch
//! never straddles two segments; the next segment is made by a helper thread before the current one is half full; once
//! making one has failed, nothing more is appended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use tidegate_domain::{ClusterId, Epoch, LogAddress, RECORD_LEN_BYTES, Sequence};

use crate::batch::{BATCH_RECORDS_MAX, BatchFault, BatchHeader, HEADER_LEN_BYTES, digest_of, hash_of};
use crate::prepare::Preparer;
use crate::recovery::Recovered;
use crate::segment::{INDEX_STEP_BYTES, Position, Segment, Window};
use crate::space::Space;
use crate::writer::{SegmentWriter, WriterKind, writer_for};
use crate::{JournalError, LogConfig, LogKind};

/// So much after the end of a mapped log its helper keeps writable, so that no store waits for a fault while the helper makes no segment ..
pub(crate) const TOUCH_AHEAD_BYTES: usize = 1 << 20;
/// .. each time for so much.
const TOUCH_STEP_BYTES: usize = 256 << 10;

/// Seen by writer and readers.
#[derive(Debug)]
pub(crate) struct LogShared {
    kind: LogKind,
    cluster: ClusterId,
    segments: RwLock<Vec<Arc<Segment>>>,
    /// Address of the first slot that is not written.
    end: AtomicU64,
    /// Up to here everything was on the disk when the writer returned, or the writer has synced it.
    durable_end: AtomicU64,
    /// Whether a sync has failed.
    sync_failed: Mutex<bool>,
    /// What the disk has left.
    pub(crate) space: Space,
    /// Sequence of the last record.
    appended: AtomicU64,
}

pub(crate) fn address(segment: u32, offset: usize) -> LogAddress {
    LogAddress::new(u64::from(segment) << 32 | (offset / RECORD_LEN_BYTES) as u64)
}

pub(crate) fn place(address: LogAddress) -> (u32, usize) {
    ((address.raw() >> 32) as u32, (address.raw() as u32) as usize * RECORD_LEN_BYTES)
}

impl LogShared {
    /// Around what recovery found.
    pub(crate) fn new(config: &LogConfig, kind: LogKind, recovered: &Recovered) -> Arc<Self> {
        let open = &recovered.segments[recovered.open];
        Arc::new(Self {
            kind,
            cluster: config.cluster,
            segments: RwLock::new(recovered.segments[..=recovered.open].to_vec()),
            end: AtomicU64::new(address(open.number, recovered.offset).raw()),
            durable_end: AtomicU64::new(0),
            sync_failed: Mutex::default(),
            space: Space::default(),
            appended: AtomicU64::new(recovered.last.map_or(0, |(sequence, _)| sequence)),
        })
    }

    pub(crate) fn appended_through(&self) -> Sequence {
        Sequence::new(self.appended.load(Ordering::Acquire))
    }

    pub(crate) fn end(&self) -> (u32, usize) {
        place(LogAddress::new(self.end.load(Ordering::Acquire)))
    }

    /// See [`Self::durable_end`].
    pub(crate) fn durable_end(&self) -> (u32, usize) {
        place(LogAddress::new(self.durable_end.load(Ordering::Acquire)))
    }

    /// Puts a segment on the disk, one sync at a time. The kernel tells a failure once, to whoever asks first: after it nobody
    /// hears of a success.
    ///
    /// # Errors
    /// Final, for every caller.
    pub(crate) fn sync(&self, segment: &Segment) -> Result<(), JournalError> {
        let mut failed = self.sync_failed.lock().expect("no holder of this lock panics");
        if *failed {
            let dir = segment.path.parent().unwrap_or(&segment.path).to_owned();
            return Err(JournalError::SyncFailedBefore { dir });
        }
        let synced = segment.sync();
        *failed = synced.is_err();
        synced
    }

    /// Makes the pages after the end writable again, as far as `bytes` ahead in the open segment.
    pub(crate) fn touch_after_sync(&self, bytes: usize) {
        let (number, offset) = self.end();
        if let Some(segment) = self.segment(number) {
            segment.touch(offset, bytes);
        }
    }

    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        self.segments.read().expect("no holder of this lock panics").clone()
    }

    pub(crate) fn segment(&self, number: u32) -> Option<Arc<Segment>> {
        let segments = self.segments.read().expect("no holder of this lock panics");
        let first = segments.first()?.number;
        segments.get(number.checked_sub(first)? as usize).cloned()
    }

    /// Takes the oldest segments out, as long as their numbers are below `before` and no record in them comes after `through`.
    /// Whoever reads one keeps it.
    pub(crate) fn take_before(&self, before: u32, through: Sequence) -> Vec<Arc<Segment>> {
        let mut segments = self.segments.write().expect("no holder of this lock panics");
        // The last record of a segment comes right before the first of the next.
        let goes = |pair: &[Arc<Segment>]| {
            pair[0].number < before && pair[1].first().is_some_and(|(first, _)| first <= through.raw() + 1)
        };
        let count = segments.windows(2).take_while(|pair| goes(pair)).count();
        segments.drain(..count).collect()
    }

    /// Bytes written so far, headers included.
    pub(crate) fn bytes(&self) -> u64 {
        let (open, offset) = self.end();
        let segments = self.segments.read().expect("no holder of this lock panics");
        segments.iter().map(|segment| if segment.number == open { offset } else { segment.len } as u64).sum()
    }

    /// A walk that begins at or before the batch that holds `position`.
    pub(crate) fn walk_from(self: &Arc<Self>, position: Position) -> Walk {
        let segments = self.segments();
        let with_records: Vec<&Arc<Segment>> = segments.iter().filter(|segment| segment.first().is_some()).collect();
        let after = with_records.partition_point(|segment| segment.first().is_some_and(|first| first <= position));
        let segment = after.checked_sub(1).map_or(&segments[0], |at| with_records[at]);
        let (offset, segment, window) = (segment.offset_before(position), Arc::clone(segment), Window::default());
        Walk { shared: Arc::clone(self), offset, segment, window }
    }

    pub(crate) fn walk_from_start(self: &Arc<Self>) -> Walk {
        let segment = Arc::clone(&self.segments()[0]);
        Walk { shared: Arc::clone(self), segment, offset: 0, window: Window::default() }
    }
}

/// Walks over batches up to the end; knows where it is, so that it can go on when there is more.
#[derive(Debug)]
pub(crate) struct Walk {
    shared: Arc<LogShared>,
    pub(crate) segment: Arc<Segment>,
    pub(crate) offset: usize,
    window: Window,
}

impl Walk {
    /// The batch here, checked, without stepping over it; `None` at the end.
    pub(crate) fn peek(&mut self) -> Result<Option<BatchHeader>, JournalError> {
        loop {
            let end = self.shared.end();
            if (self.segment.number, self.offset) >= end {
                return Ok(None);
            }
            let end = if self.segment.number == end.0 { end.1 } else { self.segment.len };
            let fault = match self.whole_batch(end)? {
                Ok(header) => return Ok(Some(header)),
                Err(fault) => fault,
            };
            // Below the end, zeros are the unused rest of a full segment; anything else is damage under our feet.
            let next = self.shared.segment(self.segment.number + 1);
            match (fault, next) {
                (BatchFault::Zeros, Some(next)) => {
                    self.segment = next;
                    self.offset = 0;
                }
                (fault, _) => return Err(self.damaged(&fault)),
            }
        }
    }

    fn whole_batch(&mut self, end: usize) -> Result<Result<BatchHeader, BatchFault>, JournalError> {
        let Self { segment, offset, window, shared } = self;
        let rest = end - *offset;
        if rest < HEADER_LEN_BYTES {
            return Ok(Err(BatchFault::Zeros));
        }
        let header = match BatchHeader::decode(segment.read(*offset, HEADER_LEN_BYTES, end, window)?) {
            Ok(header) => header,
            Err(fault) => return Ok(Err(fault)),
        };
        let bytes = segment.read(*offset, header.stored_len_bytes().min(rest), end, window)?;
        Ok(header.check(shared.kind, shared.cluster, segment.number, bytes).map(|()| header))
    }

    /// The records of the batch that [`Self::peek`] gave.
    pub(crate) fn records(&mut self, header: &BatchHeader) -> Result<&[u8], JournalError> {
        let (offset, len) = (self.offset + HEADER_LEN_BYTES, header.count as usize * RECORD_LEN_BYTES);
        self.segment.read(offset, len, self.offset + header.stored_len_bytes(), &mut self.window)
    }

    /// Steps over the batch that [`Self::peek`] gave.
    pub(crate) fn step(&mut self, header: &BatchHeader) {
        self.offset += header.stored_len_bytes();
    }

    fn damaged(&self, fault: &BatchFault) -> JournalError {
        JournalError::Corrupt {
            file: self.segment.path.clone(),
            offset: self.offset as u64,
            after: Sequence::ZERO,
            why: format!("a running log changed under its reader: {fault:?}"),
        }
    }
}

/// The one writer.
#[derive(Debug)]
pub(crate) struct LogWriter {
    pub(crate) shared: Arc<LogShared>,
    segment: Arc<Segment>,
    writer: Box<dyn SegmentWriter>,
    offset: usize,
    /// Up to here its helper was asked to make pages writable.
    touched: usize,
    /// Offset of the last batch that is in the segment's index.
    noted: Option<usize>,
    previous_hash: u128,
    preparer: Preparer,
}

impl LogWriter {
    /// Goes on where recovery ended: with the kind of writer that the segment has, or a mapped one where it has none yet.
    pub(crate) fn new(
        config: &LogConfig,
        kind: LogKind,
        shared: Arc<LogShared>,
        recovered: Recovered,
    ) -> Result<Self, JournalError> {
        let segment = Arc::clone(&recovered.segments[recovered.open]);
        let spares = recovered.segments.into_iter().skip(recovered.open + 1).collect();
        let writer = recovered.writer.unwrap_or_default();
        let preparer = Preparer::start(config, kind, Arc::clone(&shared), spares, writer)?;
        let (offset, previous_hash) = (recovered.offset, recovered.previous_hash);
        let writer = writer_for(writer, &segment)?;
        Ok(Self { shared, segment, writer, offset, touched: offset, noted: None, previous_hash, preparer })
    }

    /// Which kind of writer is at work.
    pub(crate) fn kind(&self) -> WriterKind {
        self.writer.kind()
    }

    /// From here on the other kind of writer, in a segment of its own. What the one before has left is on the disk when
    /// this returns.
    pub(crate) fn change_writer(&mut self, kind: WriterKind) -> Result<(), JournalError> {
        if kind == self.writer.kind() {
            return Ok(());
        }
        if self.writer.kind() == WriterKind::Mapped {
            // What a direct writer says is durable must not stand on something that is not.
            self.sync_all()?;
        }
        if self.offset == 0 {
            self.segment.seal()?;
            self.writer = writer_for(kind, &self.segment)?;
            return Ok(());
        }
        self.roll_to(kind)?;
        for segment in self.shared.segments() {
            if segment.number < self.segment.number {
                segment.close();
            }
        }
        Ok(())
    }

    fn sync_all(&self) -> Result<(), JournalError> {
        let end = self.shared.end.load(Ordering::Relaxed);
        for segment in self.shared.segments() {
            if segment.is_open() {
                self.shared.sync(&segment)?;
            }
        }
        self.shared.durable_end.fetch_max(end, Ordering::Release);
        Ok(())
    }

    /// Appends one batch; `records` are `count * 128` bytes, none for a commit mark. Returns the address of the first record.
    pub(crate) fn append(
        &mut self,
        records: &[u8],
        first: Position,
        last_sequence: u64,
        epoch: Epoch,
        commit: Sequence,
    ) -> Result<LogAddress, JournalError> {
        let count = records.len() / RECORD_LEN_BYTES;
        assert!(count <= BATCH_RECORDS_MAX, "callers split what is longer");
        self.preparer.look()?;
        if !self.fits(count) {
            self.roll_to(self.writer.kind())?;
        }
        let (records_crc, records_hash) = digest_of(records);
        let header = BatchHeader {
            kind: self.shared.kind.code(),
            writer: self.writer.kind(),
            count: count as u32,
            cluster: self.shared.cluster,
            segment: self.segment.number,
            segment_pages: self.segment.pages(),
            epoch,
            first,
            commit,
            previous_hash: self.previous_hash,
            records_hash,
            records_crc,
        };
        let header_bytes = header.encode();
        self.writer.write(self.offset, &header_bytes, records)?;
        self.previous_hash = hash_of(&header_bytes);
        // The index takes a lock: only for the batches that it keeps.
        if count > 0 && self.noted.is_none_or(|noted| self.offset - noted >= INDEX_STEP_BYTES) {
            self.segment.note(first, self.offset);
            self.noted = Some(self.offset);
        }
        let at = address(self.segment.number, self.offset + HEADER_LEN_BYTES);
        self.offset += header.stored_len_bytes();
        let end = address(self.segment.number, self.offset).raw();
        // Durable first: whoever sees the end and finds it durable leaves the segment alone.
        if self.writer.kind() == WriterKind::Direct {
            self.shared.durable_end.fetch_max(end, Ordering::Release);
        }
        self.shared.end.store(end, Ordering::Release);
        if self.writer.kind() == WriterKind::Mapped && self.touched < self.offset + TOUCH_AHEAD_BYTES {
            self.ask_for_pages();
        }
        if count > 0 {
            self.shared.appended.store(last_sequence, Ordering::Release);
        }
        if self.offset * 4 > self.segment.len {
            self.preparer.request(self.segment.number + 1, self.writer.kind());
        }
        Ok(at)
    }

    /// Once every [`TOUCH_STEP_BYTES`].
    #[cold]
    fn ask_for_pages(&mut self) {
        let until = (self.offset + TOUCH_AHEAD_BYTES + TOUCH_STEP_BYTES).min(self.segment.len);
        if self.touched < until {
            self.preparer.touch(Arc::clone(&self.segment), self.touched..until);
        }
        // Beyond the end of the segment, too, so that nobody comes here again for nothing.
        self.touched = self.offset + TOUCH_AHEAD_BYTES + TOUCH_STEP_BYTES;
    }

    fn fits(&self, count: usize) -> bool {
        self.offset + self.writer.kind().padded(HEADER_LEN_BYTES + count * RECORD_LEN_BYTES) <= self.segment.len
    }

    /// Where the first record of a batch of `count` records will stand, if it is appended next.
    pub(crate) fn next_address(&mut self, count: usize) -> Result<LogAddress, JournalError> {
        if !self.fits(count) {
            self.roll_to(self.writer.kind())?;
        }
        Ok(address(self.segment.number, self.offset + HEADER_LEN_BYTES))
    }

    fn roll_to(&mut self, kind: WriterKind) -> Result<(), JournalError> {
        self.preparer.request(self.segment.number + 1, kind);
        let next = Arc::new(self.preparer.take()?);
        assert_eq!(next.number, self.segment.number + 1, "segments are numbered without a gap");
        let writer = writer_for(kind, &next)?;
        self.shared.segments.write().expect("no holder of this lock panics").push(Arc::clone(&next));
        self.segment.seal()?;
        if self.writer.kind() == WriterKind::Direct || self.shared.kind == LogKind::Events {
            // Nobody syncs it any more.
            self.segment.close();
        }
        (self.segment, self.writer) = (next, writer);
        // Its maker has made the first pages writable.
        (self.offset, self.touched, self.noted) = (0, TOUCH_AHEAD_BYTES, None);
        Ok(())
    }
}
