//! The journal: dense, sequenced commands; the truth of a node.
//!
//!   [JournalWriter] appends (journal stage) · [JournalSyncer] syncs (helper thread) · [JournalReader] reads (any thread)
//!
//! Invariants: records are dense in sequence; a batch has one epoch; `appended_through` is readable at once and survives the
//! end of the process; what [`JournalSyncer::sync`] returned survives the end of the machine.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tidegate_domain::{CommandRecord, Epoch, RECORD_LEN_BYTES, Sequence};

use crate::batch::BATCH_RECORDS_MAX;
use crate::checkpoint::Checkpoint;
use crate::lock::DirLock;
use crate::log::{LogShared, LogWriter, TOUCH_AHEAD_BYTES, Walk};
use crate::recovery::{Cut, recover};
use crate::{JournalError, LogConfig, LogKind, SpaceState, WriterKind};

/// A journal that is open, in its three parts.
#[derive(Debug)]
pub struct OpenedJournal {
    /// For the journal stage.
    pub writer: JournalWriter,
    /// For the sync helper.
    pub syncer: JournalSyncer,
    /// For everyone else.
    pub reader: JournalReader,
    /// What was found.
    pub recovery: Recovery,
}

/// What recovery found.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The last command.
    pub last: Sequence,
    /// The epoch of the last batch.
    pub last_epoch: Epoch,
    /// Everything through this was released.
    pub commit: Sequence,
    /// The torn tail that was cut off, if there was one.
    pub cut: Option<Cut>,
    /// Batches read.
    pub batches: u64,
}

/// Opens the journal in a folder: makes a new one where there is none, recovers what is there. Recovered records are synced
/// before this returns.
///
/// # Errors
/// Damage that is not a torn tail, another cluster's or version's journal, another process, the disk.
pub fn open_journal(config: &LogConfig) -> Result<OpenedJournal, JournalError> {
    open_journal_at(config, &Checkpoint::default())
}

/// As [`open_journal`], but what lies before the checkpoint is not read.
///
/// # Errors
/// As [`open_journal`], and [`JournalError::CheckpointDiffers`].
pub fn open_journal_at(config: &LogConfig, from: &Checkpoint) -> Result<OpenedJournal, JournalError> {
    let lock = DirLock::take(&config.dir, LogKind::Journal)?;
    let recovered = recover(config, LogKind::Journal, None, from, |_, _, _| {})?;
    let recovery = Recovery {
        last: Sequence::new(recovered.last.map_or(0, |(sequence, _)| sequence)),
        last_epoch: recovered.last_epoch,
        commit: recovered.commit,
        cut: recovered.cut.clone(),
        batches: recovered.batches,
    };
    let shared = LogShared::new(config, LogKind::Journal, &recovered);
    let synced_segment = recovered.segments[recovered.open].number;
    let log = LogWriter::new(config, LogKind::Journal, Arc::clone(&shared), recovered)?;
    Ok(OpenedJournal {
        writer: JournalWriter {
            log,
            last: recovery.last,
            last_epoch: recovery.last_epoch,
            commit: recovery.commit,
            _lock: lock,
        },
        syncer: JournalSyncer {
            shared: Arc::clone(&shared),
            segment: synced_segment,
            synced_end: shared.end(),
            synced_through: recovery.last,
        },
        reader: JournalReader { shared, at: Arc::default() },
        recovery,
    })
}

/// Records as bytes, as they stand in memory.
pub(crate) fn bytes_of(records: &[CommandRecord]) -> &[u8] {
    // SAFETY: a `CommandRecord` is 128 plain bytes without padding (asserted in `domain`), so a slice of them is a slice of
    // bytes of the same place and life.
    unsafe { std::slice::from_raw_parts(records.as_ptr().cast(), records.len() * RECORD_LEN_BYTES) }
}

/// Appends; see the module.
#[derive(Debug)]
pub struct JournalWriter {
    log: LogWriter,
    last: Sequence,
    last_epoch: Epoch,
    commit: Sequence,
    _lock: DirLock,
}

impl JournalWriter {
    /// Appends records, split into batches where they are many or their epoch changes. `commit` is what is released by now;
    /// a restart, which releases again from the start, never takes back what was written before.
    ///
    /// # Errors
    /// Final: the node stops.
    ///
    /// # Panics
    /// When the records do not follow the ones before.
    pub fn append(&mut self, records: &[CommandRecord], commit: Sequence) -> Result<(), JournalError> {
        for of_one_epoch in records.chunk_by(|one, next| one.epoch() == next.epoch()) {
            for batch in of_one_epoch.chunks(BATCH_RECORDS_MAX) {
                self.append_batch(batch, commit)?;
            }
        }
        Ok(())
    }

    fn append_batch(&mut self, batch: &[CommandRecord], commit: Sequence) -> Result<(), JournalError> {
        let first = self.last.next();
        let epoch = batch[0].epoch();
        for (expected, record) in (first.raw()..).zip(batch) {
            assert_eq!(record.sequence().raw(), expected, "the journal is dense");
        }
        assert!(epoch >= self.last_epoch, "an epoch never goes backwards");
        let last = batch[batch.len() - 1].sequence();
        self.commit = self.commit.max(commit);
        self.log.append(bytes_of(batch), (first.raw(), 0), last.raw(), epoch, self.commit)?;
        self.last = last;
        self.last_epoch = epoch;
        Ok(())
    }

    /// Writes an empty batch that carries what is released, if that is more than the last batch says: below it nothing is
    /// ever mistaken for a torn tail.
    ///
    /// # Errors
    /// Final: the node stops.
    pub fn mark_commit(&mut self, commit: Sequence) -> Result<(), JournalError> {
        assert!(commit <= self.last, "nothing is released before it is journaled");
        if commit <= self.commit {
            return Ok(());
        }
        self.commit = commit;
        self.log.append(&[], (self.last.next().raw(), 0), self.last.raw(), self.last_epoch, commit)?;
        Ok(())
    }

    /// Which kind of writer is at work.
    #[must_use]
    pub fn kind(&self) -> WriterKind {
        self.log.kind()
    }

    /// From here on this kind of writer, in a segment of its own. Everything that was appended is on the disk when a change
    /// to [`WriterKind::Direct`] returns, and from then on when [`Self::append`] does.
    ///
    /// # Errors
    /// Final: the node stops.
    pub fn change_writer(&mut self, kind: WriterKind) -> Result<(), JournalError> {
        self.log.change_writer(kind)
    }

    /// The last record.
    #[must_use]
    pub fn appended_through(&self) -> Sequence {
        self.last
    }

    /// What the newest batch says is released.
    #[must_use]
    pub fn commit(&self) -> Sequence {
        self.commit
    }
}

/// Least that is made writable after a sync; [`TOUCH_AHEAD_BYTES`] is the most.
const TOUCH_LEAST_BYTES: usize = 64 << 10;

/// Syncs; see the module.
#[derive(Debug)]
pub struct JournalSyncer {
    shared: Arc<LogShared>,
    /// The first segment that may hold something that is not synced.
    segment: u32,
    /// The log's end that the last sync covered.
    synced_end: (u32, usize),
    synced_through: Sequence,
}

impl JournalSyncer {
    /// Puts everything on the disk that was appended when this was called; returns up to where.
    ///
    /// # Errors
    /// Final: after a failed sync nobody knows what is on the disk.
    pub fn sync(&mut self) -> Result<Sequence, JournalError> {
        // The sequence first: the end read after it covers it.
        let through = self.shared.appended_through();
        let end @ (open, _) = self.shared.end();
        let is_mapped = self.shared.durable_end() < end;
        for number in self.segment.max(self.shared.durable_end().0)..=open {
            // One that was removed lies before a snapshot, which was not made before its records were on the disk.
            let Some(segment) = self.shared.segment(number) else { continue };
            if is_mapped {
                self.shared.sync(&segment)?;
            }
            if number < open {
                segment.close();
            }
        }
        // A sync protects the pages again that it wrote, also those that were only made writable: those that the next appends
        // will need are made writable now, as many as the last ones needed.
        if is_mapped {
            let appended = if open == self.synced_end.0 { end.1 - self.synced_end.1 } else { end.1 };
            self.shared.touch_after_sync(appended.clamp(TOUCH_LEAST_BYTES, TOUCH_AHEAD_BYTES));
        }
        self.segment = open;
        self.synced_end = end;
        self.synced_through = through;
        Ok(through)
    }

    /// The last record that is on the disk.
    #[must_use]
    pub fn synced_through(&self) -> Sequence {
        self.synced_through
    }

    /// Whether anything was appended since the last sync, commit marks included.
    #[must_use]
    pub fn has_unsynced(&self) -> bool {
        // A direct writer needs nobody. Both of the rest: the end is visible a moment before what it covers counts as appended.
        let end = self.shared.end();
        self.shared.durable_end() < end
            && (end != self.synced_end || self.shared.appended_through() > self.synced_through)
    }
}

/// Reads; see the module. Clones share a memory of where the last read ended, so that reading on is cheap.
#[derive(Clone, Debug)]
pub struct JournalReader {
    shared: Arc<LogShared>,
    at: Arc<Mutex<Option<(Sequence, Walk)>>>,
}

impl JournalReader {
    /// The last record.
    #[must_use]
    pub fn appended_through(&self) -> Sequence {
        self.shared.appended_through()
    }

    /// The oldest record that is there: the first of all unless segments were removed. `None` while the journal is empty.
    #[must_use]
    pub fn begins_at(&self) -> Option<Sequence> {
        self.shared.segments()[0].first().map(|(sequence, _)| Sequence::new(sequence))
    }

    /// Appends up to `max` records from `first` on to `out`; fewer at the end of the journal.
    ///
    /// # Errors
    /// When the journal does not reach `first`, or is damaged under a running node.
    pub fn read(&self, first: Sequence, max: usize, out: &mut Vec<CommandRecord>) -> Result<(), JournalError> {
        let last = self.appended_through();
        if first == Sequence::ZERO || first > last {
            return Err(JournalError::NoSuchRecord { what: format!("sequence {first}; the journal ends at {last}") });
        }
        if let Some(begin) = self.begins_at().filter(|begin| first < *begin) {
            return Err(JournalError::NoSuchRecord {
                what: format!("sequence {first}; the journal begins at {begin}"),
            });
        }
        let remembered = self.at.lock().expect("no holder of this lock panics").take();
        let mut walk = match remembered {
            Some((next, walk)) if next == first => walk,
            _ => self.shared.walk_from((first.raw(), 0)),
        };
        let limit = out.len().saturating_add(max);
        let mut next = first;
        while out.len() < limit
            && let Some(header) = walk.peek()?
        {
            let skip = next.raw().saturating_sub(header.first.0) as usize;
            for record in walk.records(&header)?.chunks_exact(RECORD_LEN_BYTES).skip(skip) {
                if out.len() == limit {
                    break;
                }
                let record = CommandRecord::from_bytes(record.try_into().expect("a record is 128 bytes"));
                if record.sequence() != next {
                    let what = format!("sequence {next}: its segment was removed while it was asked for");
                    return Err(JournalError::NoSuchRecord { what });
                }
                next = next.next();
                out.push(record);
            }
            if next.raw() < header.first.0 + u64::from(header.count) {
                break;
            }
            walk.step(&header);
        }
        *self.at.lock().expect("no holder of this lock panics") = Some((next, walk));
        Ok(())
    }

    /// Removes the oldest segments whose numbers are below `before` and whose records all come at or before `through`, oldest
    /// first. Which they were.
    ///
    /// # Errors
    /// When a file cannot be removed; then those after it stay as well.
    pub fn remove_before(&self, before: u32, through: Sequence) -> Result<Vec<PathBuf>, JournalError> {
        let removed = self.shared.take_before(before, through);
        for segment in &removed {
            std::fs::remove_file(&segment.path).map_err(JournalError::io(&segment.path, "remove"))?;
        }
        if let Some(dir) = removed.first().and_then(|segment| segment.path.parent()) {
            std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(JournalError::io(dir, "sync"))?;
        }
        Ok(removed.iter().map(|segment| segment.path.clone()).collect())
    }

    /// Bytes written so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shared.bytes()
    }

    /// What the disk has left for the journal.
    #[must_use]
    pub fn space(&self) -> SpaceState {
        self.shared.space.state()
    }
}
