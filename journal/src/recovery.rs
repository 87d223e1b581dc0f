//! Recovery: from files to a log that can be appended to. The decision table is in `FORMAT.md`.
//!
//! Invariants: a journal is cut only where nothing valid follows and no commit mark covers the place; everything else is
//! refused and left as it is. An event log is derived, so it is cut at its first damage, wherever that is.

use std::path::PathBuf;
use std::sync::Arc;

use tidegate_domain::{Epoch, RECORD_LEN_BYTES, Sequence};

use crate::batch::{BatchFault, BatchHeader, HEADER_LEN_BYTES};
use crate::segment::{Position, Segment, list};
use crate::{JournalError, LogConfig, LogKind, SEGMENT_LEN_BYTES_MIN};

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

/// Reads the whole log, calling `on_batch` with address-giving segment, offset and records of each batch.
pub(crate) fn recover(
    config: &LogConfig,
    kind: LogKind,
    mut on_batch: impl FnMut(&Segment, usize, &[u8]),
) -> Result<Recovered, JournalError> {
    let len = config.segment_len_bytes;
    if len < SEGMENT_LEN_BYTES_MIN || !len.is_multiple_of(4_096) {
        return Err(JournalError::BadSegmentLen { found: len, least: SEGMENT_LEN_BYTES_MIN });
    }
    let mut segments = Vec::new();
    for number in list(&config.dir, kind)? {
        segments.push(Arc::new(Segment::open(&config.dir, kind, number)?));
    }
    if segments.is_empty() {
        segments.push(Arc::new(Segment::create(&config.dir, kind, 1, len as usize)?));
    }
    let mut state = Recovered {
        segments,
        open: 0,
        offset: 0,
        last: None,
        last_epoch: Epoch::default(),
        commit: Sequence::ZERO,
        previous_hash: 0,
        batches: 0,
        cut: None,
    };
    loop {
        let segment = Arc::clone(&state.segments[state.open]);
        match state.next_batch(config, kind, &segment) {
            Ok(header) => {
                let records_at = state.offset + HEADER_LEN_BYTES;
                let records = segment.read(records_at, header.count as usize * RECORD_LEN_BYTES);
                on_batch(&segment, records_at, records);
                state.accept(&segment, &header, records);
            }
            Err(BatchFault::Zeros) => {
                if state.next_segment_has_more() {
                    state.open += 1;
                    state.offset = 0;
                } else if state.later_valid(config, kind) {
                    state.damaged(config, kind, "nothing is written here, but batches follow")?;
                    break;
                } else {
                    break;
                }
            }
            Err(BatchFault::Version(found)) => {
                let (file, known) = (segment.path.clone(), crate::FORMAT_VERSION);
                return Err(JournalError::UnknownVersion { file, found, known });
            }
            Err(BatchFault::Cluster(found)) => {
                let (file, expected) = (segment.path.clone(), config.cluster.raw());
                return Err(JournalError::WrongCluster { file, found, expected });
            }
            Err(BatchFault::Bad(why)) => {
                state.damaged(config, kind, why)?;
                break;
            }
        }
    }
    Ok(state)
}

impl Recovered {
    /// The batch that must stand here, checked in itself and against what came before.
    fn next_batch(&self, config: &LogConfig, kind: LogKind, segment: &Segment) -> Result<BatchHeader, BatchFault> {
        let rest = segment.len.saturating_sub(self.offset);
        if rest < HEADER_LEN_BYTES {
            return Err(BatchFault::Zeros);
        }
        let header = BatchHeader::decode(segment.read(self.offset, HEADER_LEN_BYTES))?;
        let bytes = segment.read(self.offset, header.len_bytes().min(rest));
        header.check(kind, config.cluster, segment.number, bytes)?;
        if header.previous_hash != self.previous_hash {
            return Err(BatchFault::Bad("the chain is broken: this batch does not follow the one before"));
        }
        if header.epoch < self.last_epoch {
            return Err(BatchFault::Bad("the epoch goes backwards"));
        }
        let follows = match kind {
            LogKind::Journal => header.first == (self.last.map_or(0, |(sequence, _)| sequence) + 1, 0),
            LogKind::Events => header.count == 0 || self.last.is_none_or(|last| header.first > last),
        };
        if !follows {
            return Err(BatchFault::Bad("the sequence does not follow"));
        }
        Ok(header)
    }

    fn accept(&mut self, segment: &Segment, header: &BatchHeader, records: &[u8]) {
        self.batches += 1;
        self.previous_hash = header.hash();
        self.last_epoch = header.epoch;
        self.commit = self.commit.max(header.commit);
        if let Some(last) = records.chunks_exact(RECORD_LEN_BYTES).next_back() {
            segment.note(header.first, self.offset);
            self.last = Some(position_of(segment_kind(header), last));
        }
        self.offset += header.len_bytes();
    }

    fn next_segment_has_more(&self) -> bool {
        let next = self.segments.get(self.open + 1);
        next.is_some_and(|segment| segment.read(0, HEADER_LEN_BYTES).iter().any(|byte| *byte != 0))
    }

    /// Whether any batch that is whole in itself stands after this place.
    fn later_valid(&self, config: &LogConfig, kind: LogKind) -> bool {
        let whole = |segment: &Segment, from: usize| {
            (from..segment.len.saturating_sub(HEADER_LEN_BYTES - 1)).step_by(RECORD_LEN_BYTES).any(|offset| {
                BatchHeader::decode(segment.read(offset, HEADER_LEN_BYTES)).is_ok_and(|header| {
                    let bytes = segment.read(offset, header.len_bytes().min(segment.len - offset));
                    header.check(kind, config.cluster, segment.number, bytes).is_ok()
                })
            })
        };
        whole(&self.segments[self.open], self.offset + RECORD_LEN_BYTES)
            || self.segments[self.open + 1..].iter().any(|segment| whole(segment, 0))
    }

    /// Damage at the place where recovery stands: cut it where that is provably right, refuse otherwise.
    fn damaged(&mut self, config: &LogConfig, kind: LogKind, why: &str) -> Result<(), JournalError> {
        let after = Sequence::new(self.last.map_or(0, |(sequence, _)| sequence));
        let file = self.segments[self.open].path.clone();
        let offset = self.offset as u64;
        if kind == LogKind::Journal {
            let refuse = |why: String| Err(JournalError::Corrupt { file: file.clone(), offset, after, why });
            if self.later_valid(config, kind) {
                return refuse(format!("{why}, and valid batches follow: this is not a torn tail"));
            }
            if self.commit > after {
                return refuse(format!("{why}, and everything through {} was acknowledged", self.commit));
            }
        }
        let mut bytes = self.segments[self.open].clear_from(self.offset)? as u64;
        for segment in &self.segments[self.open + 1..] {
            bytes += segment.clear_from(0)? as u64;
        }
        self.cut = Some(Cut { file, offset, bytes });
        Ok(())
    }
}

fn segment_kind(header: &BatchHeader) -> LogKind {
    if header.kind == LogKind::Journal.code() { LogKind::Journal } else { LogKind::Events }
}

/// Position of a record, from its own bytes.
fn position_of(kind: LogKind, record: &[u8]) -> Position {
    let sequence = u64::from_le_bytes(record[0..8].try_into().expect("a record is 128 bytes"));
    let index = match kind {
        LogKind::Journal => 0,
        LogKind::Events => u32::from_le_bytes(record[56..60].try_into().expect("a record is 128 bytes")),
    };
    (sequence, index)
}
