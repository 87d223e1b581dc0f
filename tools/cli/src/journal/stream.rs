//! A log as a stream of records from a thread of its own, so that reading and checking cost the caller nothing.
//!
//!   scan (thread) --chunks of records--> [Stream::next_chunk] --spent chunks--> scan
//!
//! Invariants: chunks are used again, so nothing is allocated for a record; a stream that is dropped ends its thread; what ended
//! the scan comes from [`Stream::finish`], after the last chunk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use tidegate_domain::{CommandRecord, RECORD_LEN_BYTES, Sequence};
use tidegate_journal::{JournalError, LogKind, VerifyReport, scan_from};

use super::fields::bytes_of;
use super::output::Failure;

/// Records in a chunk: half a MiB.
const CHUNK_RECORDS: usize = 4_096;
/// Chunks that wait for the caller.
const CHUNKS_AHEAD: usize = 4;

/// Records as aligned bytes: of either log, a command record is only the room for them.
pub(crate) type Chunk = Vec<CommandRecord>;

/// See the module.
pub(crate) struct Stream {
    chunks: Receiver<Chunk>,
    spent: Sender<Chunk>,
    progress: Arc<Progress>,
    thread: JoinHandle<Result<VerifyReport, JournalError>>,
}

#[derive(Default)]
struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

impl Stream {
    /// Of a log, from the start of the segment with `from` up to the batch with `to`.
    pub(crate) fn open(dir: &Path, log: LogKind, from: Sequence, to: Sequence) -> Result<Self, Failure> {
        let (give, chunks) = sync_channel(CHUNKS_AHEAD);
        let (spent, back) = channel();
        let progress = Arc::new(Progress::default());
        let (told, dir) = (Arc::clone(&progress), dir.to_owned());
        let read = move || read(&dir, log, from, to, &give, &back, &told);
        let thread = std::thread::Builder::new().name("journal-reader".to_owned()).spawn(read);
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self { chunks, spent, progress, thread })
    }

    /// The next records; `None` at the end, whatever it is.
    pub(crate) fn next_chunk(&self) -> Option<Chunk> {
        self.chunks.recv().ok()
    }

    /// A chunk that is not needed any more.
    pub(crate) fn give_back(&self, chunk: Chunk) {
        // The reader may have come to its end.
        let _ = self.spent.send(chunk);
    }

    /// Bytes read and bytes in all.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.progress.done.load(Ordering::Relaxed), self.progress.total.load(Ordering::Relaxed))
    }

    /// What the scan found up to where it ended.
    pub(crate) fn finish(self) -> Result<VerifyReport, Failure> {
        drop(self.chunks);
        Ok(self.thread.join().map_err(|_| "the thread that reads the log panicked".to_owned())??)
    }
}

fn read(
    dir: &Path,
    log: LogKind,
    from: Sequence,
    to: Sequence,
    give: &SyncSender<Chunk>,
    back: &Receiver<Chunk>,
    progress: &Progress,
) -> Result<VerifyReport, JournalError> {
    let fresh = || {
        let mut chunk = back.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK_RECORDS));
        chunk.clear();
        chunk
    };
    let mut chunk = fresh();
    let told = |done, total| {
        progress.done.store(done, Ordering::Relaxed);
        progress.total.store(total, Ordering::Relaxed);
    };
    let report = scan_from(dir, log, from, told, |batch, records| {
        if batch.first > to {
            return false;
        }
        for record in records.chunks_exact(RECORD_LEN_BYTES) {
            chunk.push(CommandRecord::from_bytes(bytes_of(record)));
            if chunk.len() == CHUNK_RECORDS && give.send(std::mem::replace(&mut chunk, fresh())).is_err() {
                return false;
            }
        }
        true
    });
    // The caller may have seen enough.
    let _ = give.send(chunk);
    report
}
