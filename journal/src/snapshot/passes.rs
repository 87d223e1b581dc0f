//! What whoever makes a snapshot needs of the event log beside a running node: a checkpoint of it, and its segments on the disk.
//!
//! Invariant: files are read by `pread` and nothing is written.

use std::fs::File;
use std::path::Path;

use tidegate_domain::{ClusterId, RECORD_LEN_BYTES, Sequence};

use crate::batch::HEADER_LEN_BYTES;
use crate::chain::{Outcome, Source, position_of, walk};
use crate::disk::RealDisk;
use crate::newest::EventCheckpoint;
use crate::segment::{list, path_of};
use crate::{JournalError, LogKind};

/// Where an event log stands after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsPass {
    /// After the last batch that holds nothing of a later command.
    pub checkpoint: EventCheckpoint,
    /// The last event that was seen of this command or earlier ones.
    pub last: Option<(Sequence, u32)>,
}

/// Reads an event log from a checkpoint on, until it comes to events of commands after `through`.
///
/// # Errors
/// Damage before that, a checkpoint of another log, the disk.
pub fn pass_events(
    dir: &Path,
    cluster: ClusterId,
    from: &EventCheckpoint,
    through: Sequence,
) -> Result<EventsPass, JournalError> {
    let numbers = list(dir, LogKind::Events)?;
    let Some(first) = numbers.first() else {
        let why = "this segment is missing".to_owned();
        return Err(JournalError::BadSegment { file: path_of(dir, LogKind::Events, 1), why });
    };
    from.log.check_beginning(dir, LogKind::Events, cluster, *first)?;
    let mut reports = from.reports.clone();
    let mut last = from.log.last;
    let mut source = Source::new(&RealDisk, dir, LogKind::Events, &numbers);
    let walked = walk(&mut source, Some(cluster), &from.log, |number, offset, _, records| {
        let positions = records.chunks_exact(RECORD_LEN_BYTES).map(|record| position_of(LogKind::Events, record));
        let before = positions.take_while(|(sequence, _)| *sequence <= through.raw());
        if let Some((sequence, index)) = before.last() {
            last = Some((Sequence::new(sequence), index));
        }
        let goes_on = records.chunks_exact(RECORD_LEN_BYTES).next_back();
        let goes_on = goes_on.is_none_or(|record| position_of(LogKind::Events, record).0 <= through.raw());
        if goes_on {
            reports.note(number, offset + HEADER_LEN_BYTES, records);
        }
        goes_on
    })?;
    if let Outcome::Damaged(why) = walked.outcome {
        let (file, offset) = (path_of(dir, LogKind::Events, walked.number), walked.offset as u64);
        return Err(JournalError::Corrupt { file, offset, after: walked.chain.last_sequence(), why });
    }
    let checkpoint = EventCheckpoint { log: walked.chain.checkpoint(), reports };
    Ok(EventsPass { checkpoint, last })
}

/// Puts the segments from this number on, up to the newest, on the disk. Any process can: pages belong to the file.
///
/// # Errors
/// What the disk says; then nobody knows what is on it.
pub fn sync_segments(dir: &Path, kind: LogKind, from: u32) -> Result<(), JournalError> {
    for number in list(dir, kind)?.into_iter().filter(|number| *number >= from) {
        let path = path_of(dir, kind, number);
        let file = File::open(&path).map_err(JournalError::io(&path, "open"))?;
        file.sync_data().map_err(JournalError::io(&path, "sync"))?;
    }
    Ok(())
}
