//! Cutting a journal by an operator's decision: what a lone node is left with when the end of its journal must go.
//!
//!   [JournalCut::plan] --lock, walk--> [CutPlan], shown to a person --[JournalCut::perform]--> discarded file, shorter logs
//!
//! Invariants: nothing changes before the removed bytes are in a file of their own, synced. Records through the cut stay: those
//! of a batch that the cut goes through are appended again. Segments are emptied from the last one back, so that a crash
//! leaves a journal that the same cut can be made in again. The event log is cut with it; it is derived.
//! Owning thread: the caller's.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tidegate_domain::{ClusterId, CommandRecord, RECORD_LEN_BYTES, Sequence};

use crate::chain::{Outcome, Source, position_of, walk};
use crate::checkpoint::Checkpoint;
use crate::disk::RealDisk;
use crate::lock::DirLock;
use crate::segment::Segment;
use crate::verify::{SegmentFile, segments};
use crate::{JournalError, LogConfig, LogKind, open_event_log, open_journal};

/// What a cut would remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutPlan {
    /// The last record that stays.
    pub at: Sequence,
    /// The last record that can be read now.
    pub last: Sequence,
    /// Everything through this is known to be released.
    pub commit: Sequence,
    /// What is wrong behind `last`, if something is: records there cannot be counted.
    pub damage: Option<String>,
    /// Whether there is anything to remove.
    pub is_needed: bool,
}

impl CutPlan {
    /// How many readable records go.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.last.raw().saturating_sub(self.at.raw())
    }

    /// How many of them are known to be released, so that a client may have heard of them.
    #[must_use]
    pub const fn lost_released(&self) -> u64 {
        self.commit.raw().saturating_sub(self.at.raw())
    }
}

/// A cut that is planned; holds the journal's lock.
#[derive(Debug)]
pub struct JournalCut {
    dir: PathBuf,
    plan: CutPlan,
    cluster: Option<ClusterId>,
    /// Segment and offset of the first batch that goes.
    place: (u32, usize),
    /// Records of that batch that stay.
    kept: Vec<CommandRecord>,
    segments: Vec<SegmentFile>,
    lock: DirLock,
}

impl JournalCut {
    /// Looks at the journal in a folder, whose lock it takes: what `at` as the last record would mean.
    ///
    /// # Errors
    /// A node that runs, a journal that ends or is damaged before `at`, the disk.
    pub fn plan(dir: &Path, at: Sequence) -> Result<Self, JournalError> {
        let kind = LogKind::Journal;
        let segments = segments(dir, kind)?;
        if segments.is_empty() {
            let what = format!("{}: no journal segment is there; is it a node's data folder?", dir.display());
            return Err(JournalError::NoSuchRecord { what });
        }
        if segments[0].number > 1 {
            let why = "the journal's older segments were removed behind a snapshot: cut a copy that has them all, or restore a \
                       backup"
                .to_owned();
            return Err(JournalError::BadSegment { file: segments[0].path.clone(), why });
        }
        let lock = DirLock::take(dir, kind)?;
        let numbers: Vec<u32> = segments.iter().map(|segment| segment.number).collect();
        let (mut place, mut kept, mut cluster, mut first) = (None, Vec::new(), None, None);
        let walked = walk(
            &mut Source::new(&RealDisk, dir, kind, &numbers),
            None,
            &Checkpoint::default(),
            |number, offset, header, records| {
                cluster = Some(header.cluster);
                first.get_or_insert(header.first.0);
                let mut positions = records.chunks_exact(RECORD_LEN_BYTES).map(|record| position_of(kind, record).0);
                if place.is_none() && positions.next_back().is_some_and(|last| last > at.raw()) {
                    place = Some((number, offset));
                    let stays = records.chunks_exact(RECORD_LEN_BYTES);
                    let stays = stays.map(|record| CommandRecord::from_bytes(record.try_into().expect("128 bytes")));
                    kept.extend(stays.take_while(|record| record.sequence() <= at));
                }
                true
            },
        )?;
        let (last, end) = (walked.chain.last_sequence(), (walked.number, walked.offset));
        if at == Sequence::ZERO || first.is_none_or(|first| at.raw() < first) || at > last {
            let first = first.map_or_else(|| "nowhere".to_owned(), |first| first.to_string());
            return Err(JournalError::NoSuchRecord {
                what: format!("sequence {at}: the journal goes from {first} to {last}"),
            });
        }
        let is_needed = place.is_some() || !matches!(walked.outcome, Outcome::Clean);
        let damage = match walked.outcome {
            Outcome::Damaged(why) => Some(why),
            Outcome::Clean | Outcome::Torn | Outcome::Stopped => None,
        };
        let plan = CutPlan { at, last, commit: walked.chain.commit, damage, is_needed };
        Ok(Self { dir: dir.to_owned(), plan, cluster, place: place.unwrap_or(end), kept, segments, lock })
    }

    /// What it would remove.
    #[must_use]
    pub const fn as_plan(&self) -> &CutPlan {
        &self.plan
    }

    /// Moves everything after the cut into `discarded`, which must not exist, and cuts both logs. How many bytes went.
    ///
    /// # Errors
    /// The disk. The same cut can be made again then; what is in `discarded` is complete as soon as anything else changes.
    pub fn perform(self, discarded: &Path) -> Result<u64, JournalError> {
        let (number, offset) = self.place;
        let going: Vec<&SegmentFile> = self.segments.iter().filter(|segment| segment.number >= number).collect();
        let from = |segment: &SegmentFile| if segment.number == number { offset } else { 0 };
        let moved = self.write_discarded(discarded, &going, from)?;
        let last = self.segments.last().expect("a plan is made of a journal with a segment");
        let cluster = self.cluster.expect("a journal that reaches the cut has a batch");
        let config = LogConfig::new(&self.dir, cluster, last.len_bytes);
        for segment in going.iter().rev() {
            Segment::open(&config, LogKind::Journal, segment.number)?.clear_from(from(segment))?;
        }
        drop(self.lock);
        let mut journal = open_journal(&config)?;
        journal.writer.append(&self.kept, Sequence::ZERO)?;
        // So that damage to what is the end now is not taken for a torn tail.
        journal.writer.mark_commit(self.plan.commit.min(self.plan.at))?;
        journal.syncer.sync()?;
        open_event_log(&config, Some(self.plan.at))?;
        Ok(moved)
    }

    /// A header for people, then the removed bytes of each segment, without the zeros at its end.
    fn write_discarded(
        &self,
        discarded: &Path,
        going: &[&SegmentFile],
        from: impl Fn(&SegmentFile) -> usize,
    ) -> Result<u64, JournalError> {
        let CutPlan { at, last, commit, .. } = self.plan;
        let mut text = format!(
            "Removed from a Tidegate journal by `tidegate journal cut`. Batches as in journal/FORMAT.md, version 1.\n\
             folder: {}\ncut after sequence: {at}\nlast readable sequence: {last}\nreleased through at least: {commit}\n",
            self.dir.display()
        );
        if let Some(damage) = &self.plan.damage {
            writeln!(text, "damaged behind it: {damage}").expect("a text grows");
        }
        let (mut parts, mut moved) = (Vec::new(), 0);
        for segment in going {
            let mut file = File::open(&segment.path).map_err(JournalError::io(&segment.path, "open"))?;
            let mut bytes = Vec::new();
            let start = from(segment);
            let read = file.seek(SeekFrom::Start(start as u64)).and_then(|_| file.read_to_end(&mut bytes));
            read.map_err(JournalError::io(&segment.path, "read"))?;
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            // Whole slots, so that a record which ends in zeros stays whole.
            bytes.resize(bytes.len().next_multiple_of(RECORD_LEN_BYTES), 0);
            if bytes.is_empty() {
                continue;
            }
            let name = segment.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            writeln!(text, "part: {name} from offset {start}, {} bytes", bytes.len()).expect("a text grows");
            moved += bytes.len() as u64;
            parts.push(bytes);
        }
        text.push('\n');
        let write = || {
            let mut file = File::create_new(discarded)?;
            file.write_all(text.as_bytes())?;
            parts.iter().try_for_each(|part| file.write_all(part))?;
            file.sync_all()?;
            File::open(discarded.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
                .sync_all()
        };
        write().map_err(JournalError::io(discarded, "write"))?;
        Ok(moved)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::ticks;
    use crate::verify;

    fn journal_of(dir: &Path, batches: u64, each: u64) -> LogConfig {
        let (cluster, segment_len_bytes) = (ClusterId::new(1), crate::SEGMENT_LEN_BYTES_MIN);
        let config = LogConfig::new(dir, cluster, segment_len_bytes);
        let mut journal = open_journal(&config).unwrap();
        for batch in 0..batches {
            journal.writer.append(&ticks(batch * each + 1, each), Sequence::new(batch * each)).unwrap();
        }
        journal.writer.mark_commit(Sequence::new(batches * each)).unwrap();
        config
    }

    #[test]
    fn a_cut_keeps_every_record_through_it_and_the_rest_is_in_the_file() {
        // At the end of a batch, inside one, in an earlier segment, at the first record.
        for at in [200_u64, 205, 9_999, 1] {
            let folder = tempfile::tempdir().unwrap();
            let config = journal_of(folder.path(), 2_000, 10);
            let cut = JournalCut::plan(folder.path(), Sequence::new(at)).unwrap();
            assert_eq!((cut.as_plan().lost(), cut.as_plan().lost_released()), (20_000 - at, 20_000 - at));
            let discarded = folder.path().join("discarded");
            let moved = cut.perform(&discarded).unwrap();
            assert!(moved >= (20_000 - at) * RECORD_LEN_BYTES as u64);
            assert!(std::fs::metadata(&discarded).unwrap().len() > moved, "with a header");
            let report = verify(folder.path(), LogKind::Journal, |_, _| {}).unwrap();
            assert_eq!((report.last.raw(), report.commit.raw(), report.records), (at, at, at));
            let journal = open_journal(&config).unwrap();
            assert_eq!(journal.recovery.cut, None);
            let mut records = Vec::new();
            journal.reader.read(Sequence::new(at), 1, &mut records).unwrap();
            assert_eq!(records[0].sequence().raw(), at);
        }
    }

    #[test]
    fn a_cut_before_damage_leaves_a_journal_that_opens() {
        let folder = tempfile::tempdir().unwrap();
        let config = journal_of(folder.path(), 20, 10);
        let path = crate::segment::path_of(folder.path(), LogKind::Journal, 1);
        let mut bytes = std::fs::read(&path).unwrap();
        // In a record of the tenth batch.
        bytes[9 * 11 * RECORD_LEN_BYTES + 300] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(open_journal(&config).is_err());
        assert!(matches!(JournalCut::plan(folder.path(), Sequence::new(91)), Err(JournalError::NoSuchRecord { .. })));
        let cut = JournalCut::plan(folder.path(), Sequence::new(90)).unwrap();
        assert!(cut.as_plan().is_needed && cut.as_plan().damage.is_some() && cut.as_plan().lost() == 0);
        cut.perform(&folder.path().join("discarded")).unwrap();
        assert_eq!(open_journal(&config).unwrap().recovery.last.raw(), 90);
    }

    #[test]
    fn a_journal_in_use_or_one_that_does_not_reach_the_cut_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = journal_of(folder.path(), 2, 10);
        let at = |sequence| JournalCut::plan(folder.path(), Sequence::new(sequence));
        assert!(matches!(at(21), Err(JournalError::NoSuchRecord { .. })));
        assert!(matches!(at(0), Err(JournalError::NoSuchRecord { .. })));
        assert!(!at(20).unwrap().as_plan().is_needed);
        let existing = folder.path().join("there");
        std::fs::write(&existing, "x").unwrap();
        assert!(at(5).unwrap().perform(&existing).is_err(), "nothing is overwritten");
        assert_eq!(verify(folder.path(), LogKind::Journal, |_, _| {}).unwrap().last.raw(), 20);
        let _open = open_journal(&config).unwrap();
        assert!(matches!(at(5), Err(JournalError::Locked { .. })));
    }
}
