//! What journal and event log share: segments, one writer, an end that readers stop at, a walk over batches.
//!
//!   [LogWriter::append] --copy, header, release--> [LogShared::end] --acquire--> [Walk] (any number, any thread)
//!
//! Invariants: the end only grows; it is advanced after the whole batch is in the mapping; a batch never straddles two
//! segments; the next segment is made by a helper thread before the current one is half full.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use tidegate_domain::{ClusterId, Epoch, LogAddress, RECORD_LEN_BYTES, Sequence};

use crate::batch::{BATCH_RECORDS_MAX, BatchFault, BatchHeader, HEADER_LEN_BYTES, digest_of, hash_of};
use crate::recovery::Recovered;
use crate::segment::{Position, Segment};
use crate::{JournalError, LogConfig, LogKind};

/// Seen by writer and readers.
#[derive(Debug)]
pub(crate) struct LogShared {
    kind: LogKind,
    cluster: ClusterId,
    segments: RwLock<Vec<Arc<Segment>>>,
    /// Address of the first slot that is not written.
    end: AtomicU64,
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
            appended: AtomicU64::new(recovered.last.map_or(0, |(sequence, _)| sequence)),
        })
    }

    pub(crate) fn appended_through(&self) -> Sequence {
        Sequence::new(self.appended.load(Ordering::Acquire))
    }

    pub(crate) fn end(&self) -> (u32, usize) {
        place(LogAddress::new(self.end.load(Ordering::Acquire)))
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
        Walk { shared: Arc::clone(self), offset: segment.offset_before(position), segment: Arc::clone(segment) }
    }

    pub(crate) fn walk_from_start(self: &Arc<Self>) -> Walk {
        let segment = Arc::clone(&self.segments()[0]);
        Walk { shared: Arc::clone(self), segment, offset: 0 }
    }
}

/// Walks over batches up to the end; knows where it is, so that it can go on when there is more.
#[derive(Debug)]
pub(crate) struct Walk {
    shared: Arc<LogShared>,
    pub(crate) segment: Arc<Segment>,
    pub(crate) offset: usize,
}

impl Walk {
    /// The batch here, checked, without stepping over it; `None` at the end.
    pub(crate) fn peek(&mut self) -> Result<Option<BatchHeader>, JournalError> {
        loop {
            let end = self.shared.end();
            if (self.segment.number, self.offset) >= end {
                return Ok(None);
            }
            let rest = self.segment.len - self.offset;
            let fault = if rest < HEADER_LEN_BYTES {
                BatchFault::Zeros
            } else {
                match BatchHeader::decode(self.segment.read(self.offset, HEADER_LEN_BYTES)) {
                    Ok(header) => {
                        let len = header.len_bytes().min(rest);
                        let bytes = self.segment.read(self.offset, len);
                        match header.check(self.shared.kind, self.shared.cluster, self.segment.number, bytes) {
                            Ok(()) => return Ok(Some(header)),
                            Err(fault) => fault,
                        }
                    }
                    Err(fault) => fault,
                }
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

    /// The records of the batch that [`Self::peek`] gave.
    pub(crate) fn records(&self, header: &BatchHeader) -> &[u8] {
        self.segment.read(self.offset + HEADER_LEN_BYTES, header.count as usize * RECORD_LEN_BYTES)
    }

    /// Steps over the batch that [`Self::peek`] gave.
    pub(crate) fn step(&mut self, header: &BatchHeader) {
        self.offset += header.len_bytes();
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
    offset: usize,
    previous_hash: u128,
    preparer: Preparer,
}

impl LogWriter {
    pub(crate) fn new(
        config: &LogConfig,
        kind: LogKind,
        shared: Arc<LogShared>,
        recovered: Recovered,
    ) -> Result<Self, JournalError> {
        let segment = Arc::clone(&recovered.segments[recovered.open]);
        let spare = recovered.segments.into_iter().nth(recovered.open + 1);
        let preparer = Preparer::start(config, kind, spare)?;
        let (offset, previous_hash) = (recovered.offset, recovered.previous_hash);
        Ok(Self { shared, segment, offset, previous_hash, preparer })
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
        let len = HEADER_LEN_BYTES + records.len();
        if self.offset + len > self.segment.len {
            self.roll()?;
        }
        let (records_crc, records_hash) = digest_of(records);
        let header = BatchHeader {
            kind: self.shared.kind.code(),
            count: count as u32,
            cluster: self.shared.cluster,
            segment: self.segment.number,
            epoch,
            first,
            commit,
            previous_hash: self.previous_hash,
            records_hash,
            records_crc,
        };
        self.segment.write(self.offset + HEADER_LEN_BYTES, records);
        // The header last: a crash in between leaves no valid batch. The fence keeps the compiler from turning it round.
        std::sync::atomic::fence(Ordering::Release);
        let header_bytes = header.encode();
        self.segment.write(self.offset, &header_bytes);
        self.previous_hash = hash_of(&header_bytes);
        if count > 0 {
            self.segment.note(first, self.offset);
        }
        let at = address(self.segment.number, self.offset + HEADER_LEN_BYTES);
        self.offset += len;
        self.shared.end.store(address(self.segment.number, self.offset).raw(), Ordering::Release);
        if count > 0 {
            self.shared.appended.store(last_sequence, Ordering::Release);
        }
        if self.offset * 4 > self.segment.len {
            self.preparer.request(self.segment.number + 1)?;
        }
        Ok(at)
    }

    /// Where the first record of a batch of `count` records will stand, if it is appended next.
    pub(crate) fn next_address(&mut self, count: usize) -> Result<LogAddress, JournalError> {
        if self.offset + HEADER_LEN_BYTES + count * RECORD_LEN_BYTES > self.segment.len {
            self.roll()?;
        }
        Ok(address(self.segment.number, self.offset + HEADER_LEN_BYTES))
    }

    fn roll(&mut self) -> Result<(), JournalError> {
        self.preparer.request(self.segment.number + 1)?;
        let next = Arc::new(self.preparer.take()?);
        assert_eq!(next.number, self.segment.number + 1, "segments are numbered without a gap");
        self.shared.segments.write().expect("no holder of this lock panics").push(Arc::clone(&next));
        self.segment = next;
        self.offset = 0;
        Ok(())
    }
}

/// Makes segments ahead of need, on a thread of its own, which ends before this struct does: it must not make files in a
/// folder that somebody else has opened meanwhile.
#[derive(Debug)]
struct Preparer {
    /// `None` only while it is dropped: that ends the thread.
    wanted: Option<mpsc::Sender<u32>>,
    thread: Option<JoinHandle<()>>,
    made: mpsc::Receiver<Result<Segment, JournalError>>,
    requested: u32,
    spare: Option<Segment>,
}

impl Preparer {
    fn start(config: &LogConfig, kind: LogKind, spare: Option<Arc<Segment>>) -> Result<Self, JournalError> {
        let (wanted, requests) = mpsc::channel();
        let (finished, made) = mpsc::channel();
        let (dir, len): (PathBuf, usize) = (config.dir.clone(), config.segment_len_bytes as usize);
        let thread = std::thread::Builder::new().name(format!("{}-prepare", kind.prefix()));
        let run = move || {
            for number in requests {
                let made = Segment::create(&dir, kind, number, len);
                if let Err(error) = &made {
                    tracing::error!(%error, "cannot prepare the next segment: the node stops when this one is full");
                }
                if finished.send(made).is_err() {
                    return;
                }
            }
        };
        let thread = thread.spawn(run);
        let thread = thread.map_err(JournalError::io(&config.dir, "start the thread that prepares segments"))?;
        let requested = spare.as_ref().map_or(0, |segment| segment.number);
        let spare = spare.map(|spare| Arc::into_inner(spare).expect("nobody else holds a segment that is not in use"));
        Ok(Self { wanted: Some(wanted), thread: Some(thread), made, requested, spare })
    }

    /// Asks for a segment, once.
    fn request(&mut self, number: u32) -> Result<(), JournalError> {
        if self.requested < number {
            self.requested = number;
            let wanted = self.wanted.as_ref().expect("only a drop takes it");
            // The thread ends only with this struct, or by a panic that `take` reports.
            let _ = wanted.send(number);
        }
        Ok(())
    }

    /// The segment that was asked for. Waits only where the disk is slower than the log.
    fn take(&mut self) -> Result<Segment, JournalError> {
        if let Some(spare) = self.spare.take() {
            return Ok(spare);
        }
        if let Ok(made) = self.made.try_recv() {
            return made;
        }
        let started = Instant::now();
        let made = self.made.recv().expect("the preparing thread lives as long as its requests");
        tracing::warn!(waited_ms = started.elapsed().as_millis(), "the log waited for its next segment");
        made
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        drop(self.wanted.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that prepares segments panicked");
        }
    }
}
