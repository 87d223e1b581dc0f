//! The one walk over a log, from its start or from a checkpoint, for recovery and for verification, and the verdict where
//! it ends.
//!
//! ```text
//!   segments --[Source: pread]--> [walk] --whole batches in order--> caller
//!                                    '--> [Walked]: where the log ends, and as what (table in FORMAT.md)
//! ```
//!
//! Invariants: a walk changes nothing; a place is a clean end or a torn tail only where no whole batch of anything newer
//! follows, in this segment or a later one; bytes are read by `pread`, so a bad block is an error and not a signal.
//! Owning thread: the caller's.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use tidegate_domain::{ClusterId, CommandRecord, Epoch, EventRecord, RECORD_LEN_BYTES, Sequence};

use crate::batch::{BatchFault, BatchHeader, HEADER_LEN_BYTES};
use crate::checkpoint::Checkpoint;
use crate::disk::{Access, Disk};
use crate::segment::{Position, check_len, pages_of, path_of};
use crate::{JournalError, LogKind, WriterKind};

/// The log so far: what the next batch must continue.
#[derive(Debug)]
pub(crate) struct Chain {
    kind: LogKind,
    /// Whose log it is; where nobody says, the first header that can be read does.
    cluster: Option<ClusterId>,
    pub(crate) previous_hash: u128,
    pub(crate) last: Option<Position>,
    pub(crate) last_epoch: Epoch,
    pub(crate) commit: Sequence,
    pub(crate) batches: u64,
    /// Segment, offset and end of the last batch; nothing before the first.
    pub(crate) last_batch: Option<(u32, usize, usize)>,
}

/// How a log ends.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Zeros from here on.
    Clean,
    /// Left-overs of a crash, and nothing whole and newer after them: nobody was told that they are there.
    Torn,
    /// Something that was there is lost or changed.
    Damaged(String),
    /// The caller has seen enough.
    Stopped,
}

/// Where and how a walk ended.
#[derive(Debug)]
pub(crate) struct Walked {
    pub(crate) chain: Chain,
    /// Segment of the end.
    pub(crate) number: u32,
    /// Offset of the end.
    pub(crate) offset: usize,
    pub(crate) outcome: Outcome,
}

/// Reads segments by `pread`, whole; keeps the last two.
pub(crate) struct Source<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    kind: LogKind,
    first: u32,
    last: u32,
    kept: Vec<(u32, Rc<Vec<u8>>)>,
    /// Memory of a segment that nobody looks at any more: fresh pages would cost more than reading into them.
    free: Vec<u8>,
}

impl<'a> Source<'a> {
    /// Of the segments `numbers`, which are dense and not empty.
    pub(crate) fn new(disk: &'a dyn Disk, dir: &'a Path, kind: LogKind, numbers: &[u32]) -> Self {
        let ends = numbers.first().zip(numbers.last());
        let (first, last) = ends.expect("callers ask for a walk only where there is a segment");
        Self { disk, dir, kind, first: *first, last: *last, kept: Vec::with_capacity(2), free: Vec::new() }
    }

    fn path(&self, number: u32) -> PathBuf {
        path_of(self.dir, self.kind, number)
    }

    fn segment(&mut self, number: u32) -> Result<Option<Rc<Vec<u8>>>, JournalError> {
        if number < self.first || number > self.last {
            return Ok(None);
        }
        if let Some((_, bytes)) = self.kept.iter().find(|(kept, _)| *kept == number) {
            return Ok(Some(Rc::clone(bytes)));
        }
        let path = self.path(number);
        let file = self.disk.open(&path, Access::Cached).map_err(JournalError::io(&path, "open"))?;
        let len = check_len(&path, file.len_bytes().map_err(JournalError::io(&path, "stat"))?)?;
        if self.kept.len() == 2 {
            let (_, oldest) = self.kept.remove(0);
            self.free = Rc::into_inner(oldest).unwrap_or_default();
        }
        let mut bytes = std::mem::take(&mut self.free);
        bytes.resize(len, 0);
        file.read_at(&mut bytes, 0).map_err(JournalError::io(&path, "read"))?;
        // What was cut off with the end of a file leaves no trace in the rest of it.
        if let Ok(header) = BatchHeader::decode(&bytes)
            && header.segment_pages != pages_of(len)
        {
            let made = u64::from(header.segment_pages) * 4_096;
            let why = format!("it has {len} bytes and was made with {made}: it was cut short");
            return Err(JournalError::BadSegment { file: path, why });
        }
        let bytes = Rc::new(bytes);
        self.kept.push((number, Rc::clone(&bytes)));
        Ok(Some(bytes))
    }

    /// Reads a segment again: a writer may have gone on since.
    fn again(&mut self, number: u32) -> Result<Rc<Vec<u8>>, JournalError> {
        self.kept.retain(|(kept, _)| *kept != number);
        Ok(self.segment(number)?.expect("it was there a moment ago"))
    }
}

/// Walks from a checkpoint, which the caller has compared with the log; `on_batch` gets segment number, offset, header and
/// records of each whole batch, and ends the walk before this batch by returning `false`.
pub(crate) fn walk(
    source: &mut Source<'_>,
    cluster: Option<ClusterId>,
    from: &Checkpoint,
    mut on_batch: impl FnMut(u32, usize, &BatchHeader, &[u8]) -> bool,
) -> Result<Walked, JournalError> {
    let mut chain = Chain::new(source.kind, cluster, from);
    let (mut number, mut offset) = from.place().unwrap_or((source.first, 0));
    // Of the segment, once a batch of it was read.
    let mut writer: Option<WriterKind> = None;
    let mut bytes = source.segment(number)?.expect("the first segment is there");
    if from.is_start() && number > 1 {
        chain.begin_with(&bytes, number).map_err(|why| JournalError::BadSegment { file: source.path(number), why })?;
    }
    loop {
        let fault = match chain.batch_of_writer(&bytes, offset, number, writer) {
            Ok(header) => {
                writer = Some(header.writer);
                let records = &bytes[offset + HEADER_LEN_BYTES..offset + header.len_bytes()];
                if !on_batch(number, offset, &header, records) {
                    return Ok(Walked { chain, number, offset, outcome: Outcome::Stopped });
                }
                let end = offset + header.stored_len_bytes();
                chain.accept(&header, records, (number, offset, end));
                offset = end;
                continue;
            }
            Err(fault) => fault,
        };
        chain.refuse_foreign(&fault, source.path(number))?;
        chain.learn_owner(source, number, offset)?;
        let outcome = match chain.judge(source, &bytes, number, offset, &fault)? {
            Verdict::NextSegment => {
                number += 1;
                offset = 0;
                bytes = source.segment(number)?.expect("the verdict has looked into it");
                continue;
            }
            Verdict::End(outcome) => outcome,
        };
        if !matches!(outcome, Outcome::Clean) {
            // Beside a running writer, the evidence may be newer than the bytes here. What follows a batch is written after
            // it, so a second look finds the batch if it is only that.
            let fresh = source.again(number)?;
            if chain.batch_of_writer(&fresh, offset, number, writer).is_ok() {
                bytes = fresh;
                continue;
            }
        }
        return Ok(Walked { chain, number, offset, outcome });
    }
}

enum Verdict {
    /// This is the unused rest of a full segment.
    NextSegment,
    End(Outcome),
}

fn all_zeros(bytes: &[u8]) -> bool {
    // Sixteen at a time: whole segments are looked at.
    let (chunks, rest) = bytes.as_chunks::<16>();
    chunks.iter().all(|chunk| u128::from_ne_bytes(*chunk) == 0) && rest.iter().all(|byte| *byte == 0)
}

impl Chain {
    fn new(kind: LogKind, cluster: Option<ClusterId>, from: &Checkpoint) -> Self {
        Self {
            kind,
            cluster,
            previous_hash: from.hash,
            last: from.last.map(|(sequence, index)| (sequence.raw(), index)),
            last_epoch: from.last_epoch,
            commit: from.commit,
            batches: from.batches,
            last_batch: from.last_batch(),
        }
    }

    /// From where a later walk can go on.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        let (segment, batch_offset, offset) = self.last_batch.unwrap_or_default();
        Checkpoint {
            segment,
            batch_offset: batch_offset as u64,
            offset: offset as u64,
            hash: self.previous_hash,
            last: self.last.map(|(sequence, index)| (Sequence::new(sequence), index)),
            last_epoch: self.last_epoch,
            commit: self.commit,
            batches: self.batches,
        }
    }

    /// Takes on trust what the first batch of a later segment says of everything before it, which is not read.
    fn begin_with(&mut self, bytes: &[u8], segment: u32) -> Result<(), String> {
        let header = match self.whole_at(bytes, 0, segment) {
            Ok(header) => header,
            Err(BatchFault::Bad(why)) => {
                return Err(format!("the log begins here, and its first batch is not good: {why}"));
            }
            // Judged where the walk meets it.
            Err(_) => return Ok(()),
        };
        self.previous_hash = header.previous_hash;
        if self.kind == LogKind::Journal {
            self.last = header.first.0.checked_sub(1).filter(|last| *last > 0).map(|last| (last, 0));
        }
        Ok(())
    }

    /// Sequence of the last record, zero before the first.
    pub(crate) fn last_sequence(&self) -> Sequence {
        Sequence::new(self.last.map_or(0, |(sequence, _)| sequence))
    }

    /// A batch that is whole in itself, wherever it belongs.
    fn whole_at(&self, bytes: &[u8], offset: usize, segment: u32) -> Result<BatchHeader, BatchFault> {
        let rest = bytes.get(offset..).unwrap_or_default();
        if rest.is_empty() {
            return Err(BatchFault::Zeros);
        }
        let header = BatchHeader::decode(rest)?;
        header.check(self.kind, self.cluster.unwrap_or(header.cluster), segment, rest)?;
        Ok(header)
    }

    /// The batch that must stand here, checked in itself and against what came before.
    fn batch_at(&self, bytes: &[u8], offset: usize, segment: u32) -> Result<BatchHeader, BatchFault> {
        let header = self.whole_at(bytes, offset, segment)?;
        if header.previous_hash != self.previous_hash {
            return Err(BatchFault::Bad("the chain is broken: this batch does not follow the one before"));
        }
        if header.epoch < self.last_epoch {
            return Err(BatchFault::Bad("the epoch goes backwards"));
        }
        let follows = match self.kind {
            LogKind::Journal => header.first == (self.last_sequence().raw() + 1, 0),
            LogKind::Events => header.count == 0 || self.last.is_none_or(|last| header.first > last),
        };
        if !follows {
            return Err(BatchFault::Bad("the sequence does not follow"));
        }
        let records = &bytes[offset + HEADER_LEN_BYTES..offset + header.len_bytes()];
        if !records_follow(self.kind, header.first, records) {
            return Err(BatchFault::Bad("the records of the batch do not follow each other"));
        }
        if !epochs_follow(self.kind, self.last_epoch, header.epoch, records) {
            return Err(BatchFault::Bad("the epochs of the records are not those of the batch"));
        }
        Ok(header)
    }

    /// As [`Self::batch_at`], by the writer of its segment, once a batch there has said which that is.
    fn batch_of_writer(
        &self,
        bytes: &[u8],
        offset: usize,
        segment: u32,
        writer: Option<WriterKind>,
    ) -> Result<BatchHeader, BatchFault> {
        let header = self.batch_at(bytes, offset, segment)?;
        if offset > 0 && writer.is_some_and(|writer| writer != header.writer) {
            return Err(BatchFault::Bad("the batch has another kind of writer than its segment"));
        }
        Ok(header)
    }

    fn accept(&mut self, header: &BatchHeader, records: &[u8], place: (u32, usize, usize)) {
        self.batches += 1;
        self.last_batch = Some(place);
        self.cluster = Some(header.cluster);
        self.previous_hash = header.hash();
        self.last_epoch = header.epoch;
        self.commit = self.commit.max(header.commit);
        if let Some(last) = records.chunks_exact(RECORD_LEN_BYTES).next_back() {
            self.last = Some(position_of(self.kind, last));
        }
    }

    /// Whether a whole batch proves that there was something after `last`. One that does not is a stale copy.
    fn is_newer(&self, header: &BatchHeader) -> bool {
        let records_through = header.first.0.saturating_add(u64::from(header.count)).saturating_sub(1);
        header.epoch > self.last_epoch
            || match self.kind {
                LogKind::Journal => records_through > self.last_sequence().raw(),
                LogKind::Events => header.count > 0 && self.last.is_none_or(|last| header.first > last),
            }
    }

    fn newer_from(&self, bytes: &[u8], offset: usize, segment: u32) -> bool {
        // A batch of another log, cluster or version is no left-over of a crash either.
        let newer = |at| match self.whole_at(bytes, at, segment) {
            Ok(header) => self.is_newer(&header),
            Err(BatchFault::Version(_) | BatchFault::Cluster(_) | BatchFault::Kind) => true,
            Err(BatchFault::Zeros | BatchFault::Bad(_)) => false,
        };
        (offset..bytes.len()).step_by(RECORD_LEN_BYTES).any(newer)
    }

    /// A batch of another format or another cluster is whole, so it is not damage: the folder or the program is the wrong one.
    fn refuse_foreign(&self, fault: &BatchFault, file: PathBuf) -> Result<(), JournalError> {
        match *fault {
            BatchFault::Version(found) => {
                Err(JournalError::UnknownVersion { file, found, known: crate::FORMAT_VERSION })
            }
            BatchFault::Cluster(found) => {
                let expected = self.cluster.expect("a cluster is only wrong where one is expected").raw();
                Err(JournalError::WrongCluster { file, found, expected })
            }
            BatchFault::Kind => {
                let why = format!("it holds batches of the other log, not of the {}", self.kind.prefix());
                Err(JournalError::BadSegment { file, why })
            }
            BatchFault::Zeros | BatchFault::Bad(_) => Ok(()),
        }
    }

    /// Where not one batch was read, the first header that can be read from this place on says whose the log is, though its
    /// records may be damaged. A walk that was told no cluster goes on with that one and so comes to the verdict of the owner's
    /// recovery; one that was told another refuses it as another cluster's, which no damage in front of it changes.
    fn learn_owner(&mut self, source: &mut Source<'_>, number: u32, offset: usize) -> Result<(), JournalError> {
        if self.last_batch.is_some() {
            return Ok(());
        }
        let mut from = offset;
        for later in number..=source.last {
            let Some(bytes) = source.segment(later)? else { break };
            let rest = bytes.get(std::mem::take(&mut from)..).unwrap_or_default();
            if all_zeros(rest) {
                continue;
            }
            let header = rest.chunks_exact(HEADER_LEN_BYTES).find_map(|slot| BatchHeader::decode(slot).ok());
            let Some(header) = header else { continue };
            if *self.cluster.get_or_insert(header.cluster) != header.cluster {
                self.refuse_foreign(&BatchFault::Cluster(header.cluster.raw()), source.path(later))?;
            }
            break;
        }
        Ok(())
    }

    /// The decision table: what the end of the chain at this place is.
    fn judge(
        &self,
        source: &mut Source<'_>,
        bytes: &[u8],
        number: u32,
        offset: usize,
        fault: &BatchFault,
    ) -> Result<Verdict, JournalError> {
        let rest_is_zeros = all_zeros(bytes.get(offset..).unwrap_or_default());
        if rest_is_zeros && let Some(next) = source.segment(number + 1)? {
            // Foreign batches too: the walk goes there and names that file.
            let follows = self.batch_at(&next, 0, number + 1);
            if matches!(follows, Ok(_) | Err(BatchFault::Version(_) | BatchFault::Cluster(_) | BatchFault::Kind)) {
                return Ok(Verdict::NextSegment);
            }
        }
        let mut newer = !rest_is_zeros && self.newer_from(bytes, offset, number);
        let mut only_zeros = rest_is_zeros;
        for later in number + 1..=source.last {
            let Some(bytes) = source.segment(later)? else { break };
            if !all_zeros(&bytes) {
                only_zeros = false;
                newer = newer || self.newer_from(&bytes, 0, later);
            }
        }
        let why = match fault {
            BatchFault::Bad(why) => why,
            _ => "nothing is written here",
        };
        let outcome = if newer {
            Outcome::Damaged(format!("{why}, and whole batches follow: this is not a torn tail"))
        } else if self.kind == LogKind::Journal && self.commit > self.last_sequence() {
            Outcome::Damaged(format!("{why}, and everything through {} was acknowledged", self.commit))
        } else if only_zeros {
            Outcome::Clean
        } else {
            Outcome::Torn
        };
        Ok(Verdict::End(outcome))
    }
}

/// Position of a record, from its own bytes.
pub(crate) fn position_of(kind: LogKind, record: &[u8]) -> Position {
    let sequence = u64::from_le_bytes(record[0..8].try_into().expect("a record is 128 bytes"));
    let index = match kind {
        LogKind::Journal => 0,
        LogKind::Events => u32::from_le_bytes(record[56..60].try_into().expect("a record is 128 bytes")),
    };
    (sequence, index)
}

fn records_follow(kind: LogKind, first: Position, records: &[u8]) -> bool {
    let mut positions = records.chunks_exact(RECORD_LEN_BYTES).map(|record| position_of(kind, record));
    match kind {
        LogKind::Journal => positions.zip(first.0..).all(|(position, expected)| position == (expected, 0)),
        LogKind::Events => {
            let Some(mut last) = positions.next() else { return true };
            last == first && positions.all(|position| std::mem::replace(&mut last, position) < position)
        }
    }
}

/// In the journal every record is of the batch's epoch; in the event log epochs grow, and the batch has the last one's.
fn epochs_follow(kind: LogKind, before: Epoch, of_batch: Epoch, records: &[u8]) -> bool {
    let mut epochs = records.chunks_exact(RECORD_LEN_BYTES).map(|record| {
        let record = record.try_into().expect("a record is 128 bytes");
        match kind {
            LogKind::Journal => CommandRecord::from_bytes(record).epoch(),
            LogKind::Events => EventRecord::from_bytes(record).epoch(),
        }
    });
    match kind {
        LogKind::Journal => epochs.all(|epoch| epoch == of_batch),
        LogKind::Events => {
            let mut last = before;
            epochs.all(|epoch| std::mem::replace(&mut last, epoch) <= epoch) && (records.is_empty() || last == of_batch)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::batch::digest_of;

    /// A batch whose checksums are right, with records at these positions.
    fn batch(kind: LogKind, first: Position, positions: &[Position]) -> Vec<u8> {
        let mut records = vec![0; positions.len() * RECORD_LEN_BYTES];
        for (record, (sequence, index)) in records.chunks_exact_mut(RECORD_LEN_BYTES).zip(positions) {
            record[0..8].copy_from_slice(&sequence.to_le_bytes());
            record[56..60].copy_from_slice(&index.to_le_bytes());
        }
        let (records_crc, records_hash) = digest_of(&records);
        let header = BatchHeader {
            kind: kind.code(),
            writer: WriterKind::Mapped,
            count: positions.len() as u32,
            cluster: ClusterId::new(1),
            segment: 1,
            segment_pages: 256,
            epoch: Epoch::default(),
            first,
            commit: Sequence::ZERO,
            previous_hash: 0,
            records_hash,
            records_crc,
        };
        [header.encode().to_vec(), records].concat()
    }

    /// Right checksums do not make a gap right: readers count on the order of the records inside a batch.
    #[test]
    fn records_that_do_not_follow_each_other_are_no_batch() {
        let accepted = |kind, first, positions: &[Position]| {
            Chain::new(kind, None, &Checkpoint::default()).batch_at(&batch(kind, first, positions), 0, 1).is_ok()
        };
        assert!(accepted(LogKind::Journal, (1, 0), &[(1, 0), (2, 0), (3, 0)]));
        assert!(!accepted(LogKind::Journal, (1, 0), &[(1, 0), (3, 0)]));
        assert!(!accepted(LogKind::Journal, (1, 0), &[(2, 0), (3, 0)]));
        assert!(!accepted(LogKind::Journal, (2, 0), &[(2, 0), (3, 0)]));
        assert!(accepted(LogKind::Events, (4, 1), &[(4, 1), (4, 2), (9, 0)]));
        assert!(!accepted(LogKind::Events, (4, 1), &[(4, 2), (4, 3)]));
        assert!(!accepted(LogKind::Events, (4, 1), &[(4, 1), (4, 1)]));
        assert!(!accepted(LogKind::Events, (4, 1), &[(4, 1), (3, 9)]));
    }
}
