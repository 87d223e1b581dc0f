//! The journal on real files: what comes back, what is cut, what is refused.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use common::{CLUSTER, commands, config};
use tidegate_domain::{ClusterId, CommandRecord, Sequence};
use tidegate_journal::{
    JournalError, LogConfig, LogKind, OpenedJournal, WriterKind, open_journal, prepare_segments, verify,
};

const BATCH_OF_TEN: usize = 128 * 11;

fn read_all(journal: &OpenedJournal) -> Vec<CommandRecord> {
    let mut out = Vec::new();
    if journal.recovery.last > Sequence::ZERO {
        journal.reader.read(Sequence::new(1), usize::MAX / 2, &mut out).unwrap();
    }
    out
}

/// Ten batches of ten records, the last `committed` of them covered by a commit mark at the end.
fn hundred(dir: &Path, commit: u64) {
    let mut journal = open_journal(&config(dir)).unwrap();
    for batch in 0..10 {
        journal.writer.append(&commands(batch * 10 + 1, 10), Sequence::ZERO).unwrap();
    }
    if commit > 0 {
        journal.writer.mark_commit(Sequence::new(commit)).unwrap();
    }
}

fn segment(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("journal-{number:08}.seg"))
}

fn overwrite(file: &Path, offset: usize, bytes: &[u8]) {
    OpenOptions::new().write(true).open(file).unwrap().write_all_at(bytes, offset as u64).unwrap();
}

#[test]
fn what_was_appended_comes_back_in_order_over_many_segments() {
    let dir = tempfile::tempdir().unwrap();
    let all = commands(1, 30_000);
    {
        let mut journal = open_journal(&config(dir.path())).unwrap();
        for piece in all.chunks(777) {
            journal.writer.append(piece, Sequence::ZERO).unwrap();
        }
        assert_eq!(journal.syncer.sync().unwrap().raw(), 30_000);
        assert!(read_all(&journal).is_empty(), "recovery found nothing yet");
        let mut tail = Vec::new();
        journal.reader.read(Sequence::new(29_990), 5, &mut tail).unwrap();
        assert_eq!(tail, all[29_989..29_994]);
    }
    assert!(segment(dir.path(), 4).exists());
    let journal = open_journal(&config(dir.path())).unwrap();
    assert_eq!((journal.recovery.last.raw(), &journal.recovery.cut), (30_000, &None));
    assert!(read_all(&journal) == all);
    let mut pieces = Vec::new();
    while pieces.len() < all.len() {
        journal.reader.read(Sequence::new(pieces.len() as u64 + 1), 1_001, &mut pieces).unwrap();
    }
    assert!(pieces == all, "reading on in pieces gives the same");
}

#[test]
fn appending_goes_on_after_a_restart_at_the_end_of_a_segment() {
    let dir = tempfile::tempdir().unwrap();
    let mut written = 0;
    for _ in 0..40 {
        let mut journal = open_journal(&config(dir.path())).unwrap();
        assert_eq!(journal.recovery.last.raw(), written);
        journal.writer.append(&commands(written + 1, 511), Sequence::new(written)).unwrap();
        written += 511;
    }
    assert!(read_all(&open_journal(&config(dir.path())).unwrap()) == commands(1, written));
}

#[test]
fn a_batch_torn_at_any_byte_is_cut_and_everything_before_it_stays() {
    let start = 9 * BATCH_OF_TEN;
    for torn_at in (0..BATCH_OF_TEN).step_by(61).chain([1, 127, 128, 129, BATCH_OF_TEN - 1]) {
        let dir = tempfile::tempdir().unwrap();
        hundred(dir.path(), 0);
        overwrite(&segment(dir.path(), 1), start + torn_at, &vec![0; BATCH_OF_TEN - torn_at]);
        let mut journal = open_journal(&config(dir.path())).unwrap();
        // The last record ends in zeros: a tear inside them took nothing.
        let whole = torn_at > BATCH_OF_TEN - 88;
        let last = if whole { 100 } else { 90 };
        assert_eq!(journal.recovery.last.raw(), last, "torn at {torn_at}");
        assert_eq!(journal.recovery.cut.is_some(), torn_at > 0 && !whole, "torn at {torn_at}");
        journal.writer.append(&commands(last + 1, 20), Sequence::ZERO).unwrap();
        drop(journal);
        let journal = open_journal(&config(dir.path())).unwrap();
        assert!(read_all(&journal) == commands(1, last + 20));
        assert_eq!(journal.recovery.cut, None);
    }
}

#[test]
fn damage_with_valid_batches_after_it_is_refused_and_names_file_offset_and_sequence() {
    for bit in (0..BATCH_OF_TEN * 8).step_by(97) {
        let dir = tempfile::tempdir().unwrap();
        hundred(dir.path(), 0);
        let (file, at) = (segment(dir.path(), 1), 4 * BATCH_OF_TEN + bit / 8);
        let before = fs::read(&file).unwrap();
        overwrite(&file, at, &[before[at] ^ 1 << (bit % 8)]);
        let damaged = fs::read(&file).unwrap();
        match open_journal(&config(dir.path())) {
            Err(JournalError::Corrupt { file: named, offset, after, .. }) => {
                assert_eq!((named, offset, after.raw()), (file.clone(), 4 * BATCH_OF_TEN as u64, 40), "bit {bit}");
            }
            other => panic!("bit {bit}: {:?}", other.map(|journal| journal.recovery)),
        }
        assert!(fs::read(&file).unwrap() == damaged, "nothing was changed");
        assert!(verify(dir.path(), LogKind::Journal, |_, _| {}).is_err());
    }
}

#[test]
fn damage_below_the_commit_mark_is_refused_even_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    hundred(dir.path(), 100);
    // The last batch and the mark itself: only what earlier headers say of the commit is left. So put a second mark.
    {
        let mut journal = open_journal(&config(dir.path())).unwrap();
        journal.writer.append(&commands(101, 10), Sequence::new(100)).unwrap();
        journal.writer.append(&commands(111, 10), Sequence::new(120)).unwrap_or(());
    }
    let file = segment(dir.path(), 1);
    // Damage batch 101..110: what follows says that 120 is released.
    overwrite(&file, 10 * BATCH_OF_TEN + 128 + 300, &[0xff]);
    let error = open_journal(&config(dir.path())).err().unwrap().to_string();
    assert!(error.contains("after sequence 100"), "{error}");
}

#[test]
fn a_tail_whose_later_part_reached_the_disk_and_its_earlier_part_did_not_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    hundred(dir.path(), 0);
    overwrite(&segment(dir.path(), 1), 5 * BATCH_OF_TEN, &vec![0; BATCH_OF_TEN]);
    let error = open_journal(&config(dir.path())).err().unwrap().to_string();
    assert!(error.contains("batches follow"), "{error}");
}

#[test]
fn rubbish_after_the_end_is_a_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    hundred(dir.path(), 100);
    overwrite(&segment(dir.path(), 1), 10 * BATCH_OF_TEN + 128, &[0xa5; 5_000]);
    let journal = open_journal(&config(dir.path())).unwrap();
    assert_eq!(journal.recovery.last.raw(), 100);
    assert_eq!(journal.recovery.cut.as_ref().unwrap().bytes, 5_000);
}

#[test]
fn a_swapped_segment_a_missing_one_and_another_clusters_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut journal = open_journal(&config(dir.path())).unwrap();
        journal.writer.append(&commands(1, 20_000), Sequence::ZERO).unwrap();
    }
    let other = LogConfig { cluster: ClusterId::new(CLUSTER.raw() + 1), ..config(dir.path()) };
    assert!(matches!(open_journal(&other), Err(JournalError::WrongCluster { .. })));
    let (one, two) = (fs::read(segment(dir.path(), 1)).unwrap(), fs::read(segment(dir.path(), 2)).unwrap());
    fs::write(segment(dir.path(), 2), &one).unwrap();
    assert!(matches!(open_journal(&config(dir.path())), Err(JournalError::Corrupt { .. })));
    fs::write(segment(dir.path(), 2), &two).unwrap();
    assert!(open_journal(&config(dir.path())).is_ok());
    fs::remove_file(segment(dir.path(), 2)).unwrap();
    let error = open_journal(&config(dir.path())).err().unwrap().to_string();
    assert!(error.contains("journal-00000002.seg") && error.contains("missing"), "{error}");
}

#[test]
fn a_second_process_is_refused_with_the_number_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open_journal(&config(dir.path())).unwrap();
    let error = open_journal(&config(dir.path())).err().unwrap().to_string();
    assert!(error.contains(&std::process::id().to_string()), "{error}");
}

#[test]
fn a_reader_never_sees_half_a_batch_while_a_writer_appends() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open_journal(&config(dir.path())).unwrap();
    let reader = journal.reader.clone();
    let all = 40_000;
    let reading = std::thread::spawn(move || {
        let mut seen = Vec::new();
        while seen.len() < all {
            if reader.appended_through().raw() as usize > seen.len() {
                reader.read(Sequence::new(seen.len() as u64 + 1), 300, &mut seen).unwrap();
            }
        }
        seen
    });
    for piece in commands(1, all as u64).chunks(13) {
        journal.writer.append(piece, Sequence::ZERO).unwrap();
    }
    assert!(reading.join().unwrap() == commands(1, all as u64));
}

#[test]
#[should_panic(expected = "the journal is dense")]
fn a_gap_stops_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open_journal(&config(dir.path())).unwrap();
    let _ = journal.writer.append(&commands(2, 1), Sequence::ZERO);
}

#[test]
fn a_segment_length_that_is_not_whole_pages_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let bad = LogConfig { segment_len_bytes: 1_000_001, ..config(dir.path()) };
    assert!(matches!(open_journal(&bad), Err(JournalError::BadSegmentLen { .. })));
}

mod random {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

        /// Any bytes as a segment, good batches overwritten in places: refused or cut, never a panic, never a wrong record.
        #[test]
        fn no_bytes_make_recovery_panic_or_invent_records(
            patches in prop::collection::vec((0_usize..2 * 10 * BATCH_OF_TEN, prop::collection::vec(any::<u8>(), 1..300)), 1..6),
        ) {
            let dir = tempfile::tempdir().unwrap();
            hundred(dir.path(), 0);
            for (at, bytes) in &patches {
                overwrite(&segment(dir.path(), 1), *at, bytes);
            }
            if let Ok(journal) = open_journal(&config(dir.path())) {
                let read = read_all(&journal);
                prop_assert!(read == commands(1, read.len() as u64));
            }
        }
    }
}

#[test]
fn a_commit_mark_never_takes_back_what_an_earlier_start_released_and_wants_to_be_synced() {
    let dir = tempfile::tempdir().unwrap();
    hundred(dir.path(), 100);
    let mut journal = open_journal(&config(dir.path())).unwrap();
    assert_eq!((journal.writer.commit(), journal.syncer.synced_through()), (Sequence::new(100), Sequence::new(100)));
    let before = journal.reader.bytes();
    // A restart releases from the start again.
    journal.writer.mark_commit(Sequence::new(30)).unwrap();
    assert_eq!((journal.writer.commit(), journal.reader.bytes()), (Sequence::new(100), before));
    assert!(!journal.syncer.has_unsynced());
    journal.writer.append(&commands(101, 10), Sequence::new(40)).unwrap();
    journal.syncer.sync().unwrap();
    assert!(!journal.syncer.has_unsynced());
    journal.writer.mark_commit(Sequence::new(110)).unwrap();
    assert!(journal.syncer.has_unsynced(), "a mark too");
    assert_eq!(journal.syncer.sync().unwrap(), Sequence::new(110));
    drop(journal);
    assert_eq!(open_journal(&config(dir.path())).unwrap().recovery.commit, Sequence::new(110));
}

#[test]
fn segments_that_were_made_in_advance_are_used_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let files = || (1..=4).map(|number| fs::metadata(segment(dir.path(), number)).unwrap().ino()).collect::<Vec<_>>();
    prepare_segments(&config(dir.path()), LogKind::Journal, 4).unwrap();
    let made = files();
    assert!(!segment(dir.path(), 5).exists());
    let all = commands(1, 30_000);
    {
        let mut journal = open_journal(&config(dir.path())).unwrap();
        for piece in all.chunks(333) {
            journal.writer.append(piece, Sequence::ZERO).unwrap();
        }
        assert_eq!(journal.syncer.sync().unwrap().raw(), 30_000);
        let busy = prepare_segments(&config(dir.path()), LogKind::Journal, 9).unwrap_err();
        assert!(matches!(busy, JournalError::Locked { .. }), "{busy}");
    }
    assert_eq!(files(), made, "none was made again");
    assert_eq!(read_all(&open_journal(&config(dir.path())).unwrap()), all);
    // As many as there are: nothing to do.
    prepare_segments(&config(dir.path()), LogKind::Journal, 2).unwrap();
    assert_eq!(files(), made);
}

/// Its first pages were made writable for a mapping: they must not be written back over what a direct writer has put there.
#[test]
fn a_segment_that_was_made_for_a_mapping_takes_a_direct_writer() {
    let dir = tempfile::tempdir().unwrap();
    prepare_segments(&config(dir.path()), LogKind::Journal, 4).unwrap();
    let all = commands(1, 6_000);
    {
        let mut journal = open_journal(&config(dir.path())).unwrap();
        for (piece, writer) in all.chunks(500).zip([WriterKind::Mapped, WriterKind::Direct].into_iter().cycle()) {
            if piece[0].sequence().raw() < 2_500 {
                journal.writer.change_writer(writer).unwrap();
            }
            piece.chunks(7).for_each(|batch| journal.writer.append(batch, Sequence::ZERO).unwrap());
        }
        assert_eq!(journal.syncer.sync().unwrap().raw(), 6_000);
    }
    assert_eq!(read_all(&open_journal(&config(dir.path())).unwrap()), all);
}
