//! Recovery: from files to a log that can be appended to. The decision table is in `FORMAT.md`, its code in `chain`.
//!
//! Invariants: a journal is cut only where nothing whole and newer follows; everything else is refused and left as it is.
//! An event log is derived, so it is cut at its first damage, wherever that is. After a cut the rest of the log is zeros.
//! Owning thread: whoever opens the log, before it has a writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegate_domain::{Epoch, RECORD_LEN_BYTES, Sequence};

use crate::batch::HEADER_LEN_BYTES;
use crate::chain::{Chain, Outcome, Source, position_of, walk};
use crate::checkpoint::{Checkpoint, header_at};
use crate::disk::Access;
use crate::segment::{INDEX_STEP_BYTES, Position, Segment, list, path_of};
use crate::{JournalError, LogConfig, LogKind, SEGMENT_LEN_BYTES_MAX, SEGMENT_LEN_BYTES_MIN, WriterKind};

/// A torn tail that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// In which file.
    pub file: PathBuf,
    /// From where.
    pub offset: u64,
    /// How much.
    pub bytes: u64,
}

/// What recovery found.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) segments: Vec<Arc<Segment>>,
    /// The kind of writer of the segment that is written on, if it has a batch.
    pub(crate) writer: Option<WriterKind>,
    /// Index of the segment that is written on.
    pub(crate) open: usize,
    /// Where in it.
    pub(crate) offset: usize,
    pub(crate) last: Option<Position>,
    pub(crate) last_epoch: Epoch,
    pub(crate) commit: Sequence,
    pub(crate) previous_hash: u128,
    pub(crate) batches: u64,
    pub(crate) cut: Option<Cut>,
}

/// Reads the log from a checkpoint on, or the whole of it, calling `on_batch` with segment number, offset of the first record,
/// and records of each batch. With `keep_through`, the log is cut before the first batch that reaches beyond it.
pub(crate) fn recover(
    config: &LogConfig,
    kind: LogKind,
    keep_through: Option<Sequence>,
    from: &Checkpoint,
    mut on_batch: impl FnMut(u32, usize, &[u8]),
) -> Result<Recovered, JournalError> {
    check_config(config)?;
    let numbers = list(&config.dir, kind)?;
    from.check_beginning(&config.dir, kind, config.cluster, numbers.first().copied().unwrap_or(1))?;
    if numbers.is_empty() {
        let first = Segment::create(config, kind, 1)?;
        return Ok(empty(first));
    }
    if kind == LogKind::Journal {
        put_on_the_disk(config, &numbers, from)?;
    }
    let mut notes = Notes::before(from, &config.dir, kind, &numbers)?;
    let mut source = Source::new(&*config.disk, &config.dir, kind, &numbers);
    let mut writer = match from.last_batch() {
        Some((segment, offset, _)) => {
            header_at(&path_of(&config.dir, kind, segment), offset)?.ok().map(|header| (segment, header.writer))
        }
        None => None,
    };
    let walked = walk(&mut source, Some(config.cluster), from, |number, offset, header, records| {
        let newest = records.chunks_exact(RECORD_LEN_BYTES).next_back().map(|record| position_of(kind, record).0);
        if keep_through.is_some_and(|keep| newest > Some(keep.raw())) {
            return false;
        }
        if header.count > 0 {
            notes.note(number, header.first, offset);
        }
        writer = Some((number, header.writer));
        on_batch(number, offset + HEADER_LEN_BYTES, records);
        true
    })?;
    drop(source);
    let Chain { previous_hash, last, last_epoch, commit, batches, .. } = walked.chain;
    let cut_at = match walked.outcome {
        Outcome::Clean => None,
        Outcome::Torn | Outcome::Stopped => Some(walked.offset),
        Outcome::Damaged(_) if kind == LogKind::Events => Some(walked.offset),
        Outcome::Damaged(why) => {
            let file = path_of(&config.dir, kind, walked.number);
            let after = Sequence::new(last.map_or(0, |(sequence, _)| sequence));
            return Err(JournalError::Corrupt { file, offset: walked.offset as u64, after, why });
        }
    };
    let mut segments = Vec::with_capacity(numbers.len());
    for number in &numbers {
        segments.push(Arc::new(Segment::open(config, kind, *number)?));
    }
    notes.apply(&segments);
    let open = (walked.number - numbers[0]) as usize;
    let cut = cut_at.map(|offset| cut(&segments[open..], offset)).transpose()?;
    let writer = writer.filter(|(number, _)| *number == walked.number).map(|(_, writer)| writer);
    Ok(Recovered {
        segments,
        writer,
        open,
        offset: walked.offset,
        last,
        last_epoch,
        commit,
        previous_hash,
        batches,
        cut,
    })
}

/// What a killed process left in the page cache counts as journaled: it is made durable before anyone relies on it. After a
/// failed sync the kernel takes pages for clean that the disk does not have, so what is read next comes from the disk. What
/// lies before a checkpoint was synced before that counted.
fn put_on_the_disk(config: &LogConfig, numbers: &[u32], from: &Checkpoint) -> Result<(), JournalError> {
    for number in numbers.iter().filter(|number| **number >= from.segment) {
        let path = path_of(&config.dir, LogKind::Journal, *number);
        let file = config.disk.open(&path, Access::Cached).map_err(JournalError::io(&path, "open"))?;
        file.sync().map_err(JournalError::io(&path, "sync"))?;
        file.forget_cached();
    }
    Ok(())
}

fn check_config(config: &LogConfig) -> Result<(), JournalError> {
    let found = config.segment_len_bytes;
    let allowed = SEGMENT_LEN_BYTES_MIN..=SEGMENT_LEN_BYTES_MAX;
    if allowed.contains(&found) && found.is_multiple_of(4_096) {
        return Ok(());
    }
    Err(JournalError::BadSegmentLen { found, least: SEGMENT_LEN_BYTES_MIN, most: SEGMENT_LEN_BYTES_MAX })
}

fn empty(first: Segment) -> Recovered {
    Recovered {
        segments: vec![Arc::new(first)],
        writer: None,
        open: 0,
        offset: 0,
        last: None,
        last_epoch: Epoch::default(),
        commit: Sequence::ZERO,
        previous_hash: 0,
        batches: 0,
        cut: None,
    }
}

/// Zeros everything from `offset` of the first of these segments on, durably. A crash in between leaves a torn tail again.
fn cut(segments: &[Arc<Segment>], offset: usize) -> Result<Cut, JournalError> {
    let mut bytes = segments[0].clear_from(offset)? as u64;
    for segment in &segments[1..] {
        bytes += segment.clear_from(0)? as u64;
    }
    Ok(Cut { file: segments[0].path.clone(), offset: offset as u64, bytes })
}

/// Entries for the segments' indexes, as sparse as those will be: a journal may have millions of batches.
#[derive(Default)]
struct Notes(Vec<(u32, Position, usize)>);

impl Notes {
    /// Of what lies before a checkpoint and is not read: where each segment begins, and the checkpoint's own batch.
    fn before(from: &Checkpoint, dir: &Path, kind: LogKind, numbers: &[u32]) -> Result<Self, JournalError> {
        let mut notes = Self::default();
        for number in numbers.iter().take_while(|number| **number <= from.segment) {
            if let Ok(header) = header_at(&path_of(dir, kind, *number), 0)? {
                notes.note(*number, header.first, 0);
            }
        }
        if let Some((segment, offset, _)) = from.last_batch()
            && let Ok(header) = header_at(&path_of(dir, kind, segment), offset)?
        {
            notes.note(segment, header.first, offset);
        }
        Ok(notes)
    }

    fn note(&mut self, number: u32, first: Position, offset: usize) {
        let far = |(of, _, at): &(u32, Position, usize)| *of != number || offset - at >= INDEX_STEP_BYTES;
        if self.0.last().is_none_or(far) {
            self.0.push((number, first, offset));
        }
    }

    fn apply(self, segments: &[Arc<Segment>]) {
        for (number, first, offset) in self.0 {
            segments[(number - segments[0].number) as usize].note(first, offset);
        }
    }
}
