//! Snapshot files: what was written is read, and nothing else is taken for one.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;
use std::path::Path;

use common::{CLUSTER, commands, config, event};
use proptest::prelude::*;
use tidegate_domain::{Digest, Epoch, KeyId, LogAddress, Sequence, Timestamp};
use tidegate_journal::snapshot::{
    LogPlaces, Snapshot, SnapshotFileError, SnapshotHead, SnapshotStore, list_snapshots, load_snapshot, pass_events,
    read_header, read_snapshot, snapshot_file, sync_segments, write_snapshot,
};
use tidegate_journal::{
    Checkpoint, EventCheckpoint, JournalError, LastReports, LogKind, open_event_log, open_event_log_at, open_journal,
    open_journal_at, scan_at,
};

fn head(sequence: u64) -> SnapshotHead {
    SnapshotHead {
        cluster: CLUSTER,
        sequence: Sequence::new(sequence),
        epoch: Epoch::new(3),
        time: Timestamp::from_nanos(77),
        digest: Digest(1 << 90),
    }
}

/// Places as they are after this command, of logs that are not there.
fn places(sequence: u64) -> LogPlaces {
    let journal = Checkpoint {
        segment: 2,
        batch_offset: 128,
        offset: 384,
        hash: 5 << 80,
        last: Some((Sequence::new(sequence), 0)),
        last_epoch: Epoch::new(3),
        commit: Sequence::new(sequence),
        batches: 9,
    };
    let log = Checkpoint { segment: 1, last: Some((Sequence::new(sequence - 1), 4)), ..journal };
    let reports = LastReports::from_addresses([0, 1 << 32 | 7, 0, 1 << 32 | 1].map(LogAddress::new).to_vec());
    let events = EventCheckpoint { log, reports };
    LogPlaces { journal, events, events_through: Some((Sequence::new(sequence), 1)) }
}

fn written(sequence: u64, engine: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_snapshot(&mut bytes, &head(sequence), &places(sequence), engine, |_, _| {}).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Result<Snapshot, SnapshotFileError> {
    read_snapshot(&mut &*bytes, bytes.len() as u64, Path::new("bytes"), |_, _| {})
}

#[test]
fn what_was_written_is_read_whatever_its_length() {
    for len in [0, 1, 1 << 10, (1 << 20) - 400, 1 << 20, (1 << 20) + 1, 3 << 20] {
        let engine: Vec<u8> = (0..len).map(|n| (n * 7 % 251) as u8).collect();
        let snapshot = read(&written(42, &engine)).unwrap();
        assert_eq!((snapshot.head, &snapshot.places), (head(42), &places(42)));
        assert!(snapshot.engine() == engine, "{len} bytes");
    }
}

/// The bytes of format version 1. They never change: a new layout gets a new version, and this stays.
#[test]
fn the_bytes_are_those_of_format_version_1() {
    let fixture = include_str!("fixtures/snapshot-v1.hex");
    let fixture: Vec<u8> = fixture.split_whitespace().collect::<String>().as_bytes().chunks(2).map(hex_byte).collect();
    assert_eq!(written(42, b"engine"), fixture);
    let snapshot = read(&fixture).unwrap();
    assert_eq!((snapshot.head, snapshot.engine()), (head(42), b"engine".as_slice()));
}

fn hex_byte(digits: &[u8]) -> u8 {
    u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let bytes = written(42, &[0x5a; 300]);
    assert!(read(&bytes).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&damaged).is_err(), "bit {bit}");
    }
    for len in 0..bytes.len() {
        assert!(read(&bytes[..len]).is_err(), "cut to {len}");
        // Whoever reads may also believe the length that the file had.
        assert!(read_snapshot(&mut &bytes[..len], bytes.len() as u64, Path::new("bytes"), |_, _| {}).is_err());
    }
    assert!(read(&[bytes.clone(), vec![0]].concat()).is_err(), "something follows");
}

/// A header whose checksum is right may still lie: about a length that no memory has.
#[test]
fn no_room_is_made_for_more_than_the_file_has() {
    let mut bytes = written(42, b"engine");
    for len in [u64::MAX, 1 << 60, 1 << 40, 0] {
        bytes[72..80].copy_from_slice(&len.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..124]);
        bytes[124..128].copy_from_slice(&crc.to_le_bytes());
        let error = read(&bytes).unwrap_err();
        assert!(error.to_string().contains("another length"), "{error}");
    }
}

proptest! {
    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(read(&bytes).is_err());
    }

    /// Checksums that are right over anything: what is inside is not trusted either.
    #[test]
    fn a_right_frame_around_anything_never_panics(
        payload in prop::collection::vec(any::<u8>(), 0..400), at in 0..300_usize, flip in 1..=255_u8,
    ) {
        let good = written(42, &payload);
        let (start, end) = (128 + 32, good.len() - 64);
        let mut payload = good[start..end].to_vec();
        let at = at % payload.len();
        payload[at] ^= flip;
        let framed = common::framed(&good[..128], &payload);
        if let Ok(snapshot) = read(&framed) {
            let mut again = Vec::new();
            write_snapshot(&mut again, &snapshot.head, &snapshot.places, snapshot.engine(), |_, _| {}).unwrap();
            prop_assert_eq!(again, framed);
        }
    }
}

#[test]
fn a_snapshot_counts_once_it_has_its_name_and_only_the_newest_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::lock(dir.path()).unwrap();
    let another = SnapshotStore::lock(dir.path()).unwrap_err().to_string();
    assert!(another.contains("snapshot.lock") && another.contains(&std::process::id().to_string()), "{another}");
    for sequence in [7, 900, 1_000_000_000_000] {
        let draft = store.draft(&head(sequence), &places(sequence), b"engine", |_, _| {}).unwrap();
        assert!(!list_snapshots(dir.path()).unwrap().contains(&Sequence::new(sequence)));
        assert_eq!(draft.read_back(|_, _| {}).unwrap().head, head(sequence));
        assert_eq!(draft.accept().unwrap(), snapshot_file(dir.path(), Sequence::new(sequence)));
    }
    let kept = [7, 900, 1_000_000_000_000].map(Sequence::new);
    assert_eq!(list_snapshots(dir.path()).unwrap(), kept);
    let loaded = load_snapshot(dir.path(), kept[1], |_, _| {}).unwrap();
    let file = fs::read(snapshot_file(dir.path(), kept[1])).unwrap();
    assert_eq!(read_header(&mut &*file, Path::new("")).unwrap(), loaded.head);
    assert_eq!(store.keep_newest(3, &[]).unwrap(), []);
    assert_eq!(store.keep_newest(2, &[kept[1]]).unwrap(), [], "two that are good, and one that is not");
    assert_eq!(store.keep_newest(2, &[]).unwrap(), [kept[0]]);
    assert_eq!(list_snapshots(dir.path()).unwrap(), kept[1..]);
    // What a crash leaves half-made.
    drop(store.draft(&head(8), &places(8), b"engine", |_, _| {}).unwrap());
    fs::write(dir.path().join("snapshot-x.snap"), "not one").unwrap();
    assert!(snapshot_file(dir.path(), Sequence::new(8)).with_extension("new").exists());
    drop(store);
    drop(SnapshotStore::lock(dir.path()).unwrap());
    assert!(!snapshot_file(dir.path(), Sequence::new(8)).with_extension("new").exists());
    assert_eq!(list_snapshots(dir.path()).unwrap(), kept[1..]);
}

/// Both logs are opened at a checkpoint and go on as if they had been read from their start.
#[test]
fn logs_that_are_opened_at_a_checkpoint_go_on_as_if_read_from_their_start() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let mut journal = open_journal(&config).unwrap();
    let mut events = open_event_log(&config, None).unwrap();
    for first in (1..=20_000).step_by(100) {
        journal.writer.append(&commands(first, 100), Sequence::new(first - 1)).unwrap();
        let mut batch: Vec<_> =
            (first..first + 100).map(|sequence| event(sequence, 0, 1 + (sequence % 3) as u32, sequence)).collect();
        events.writer.append(&mut batch).unwrap();
    }
    let through = Sequence::new(15_000);
    let stop = |info: &tidegate_journal::BatchInfo, _: &[u8]| info.first <= through;
    let start = Checkpoint::default();
    // Beside the writers.
    let scanned = scan_at((dir.path(), LogKind::Journal), (CLUSTER, &start), |_, _| {}, stop).unwrap();
    assert_eq!(scanned.checkpoint.last_sequence(), through);
    let pass = pass_events(dir.path(), CLUSTER, &EventCheckpoint::default(), Sequence::new(15_050)).unwrap();
    assert_eq!((pass.checkpoint.log.last_sequence(), pass.last), (through, Some((Sequence::new(15_050), 0))));
    sync_segments(dir.path(), LogKind::Events, 1).unwrap();
    drop((journal, events));

    let journal = open_journal_at(&config, &scanned.checkpoint).unwrap();
    assert_eq!(journal.recovery.last.raw(), 20_000);
    for first in [1, 7_777, 15_000, 15_001, 20_000] {
        let mut records = Vec::new();
        journal.reader.read(Sequence::new(first), 3, &mut records).unwrap();
        assert_eq!(records[0].sequence().raw(), first);
    }
    let whole = open_event_log(&config, None).unwrap();
    let newest = [1, 2, 3].map(|key| whole.log.last_report(KeyId::new(key)));
    drop(whole);
    let events = open_event_log_at(&config, None, &pass.checkpoint).unwrap();
    assert_eq!(events.last, Some((Sequence::new(20_000), 0)));
    assert_eq!([1, 2, 3].map(|key| events.log.last_report(KeyId::new(key))), newest);
    let mut cursor = events.log.cursor_after(through, 0).unwrap();
    let mut read = Vec::new();
    cursor.next_batch(1, &mut read).unwrap();
    assert_eq!(read[0].sequence().raw(), 15_001);
    assert_eq!(events.log.cursor_at_start().next_batch(1, &mut read).unwrap(), 1);
    assert_eq!(read[1].sequence().raw(), 1);
}

/// A journal without its oldest segments is one that a checkpoint explains, and only then.
#[test]
fn a_journal_goes_on_without_the_segments_before_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let mut journal = open_journal(&config).unwrap();
    for first in (1..=30_000).step_by(100) {
        journal.writer.append(&commands(first, 100), Sequence::new(first - 1)).unwrap();
    }
    let through = Sequence::new(20_000);
    let stop = |info: &tidegate_journal::BatchInfo, _: &[u8]| info.first <= through;
    let start = Checkpoint::default();
    let place = scan_at((dir.path(), LogKind::Journal), (CLUSTER, &start), |_, _| {}, stop).unwrap().checkpoint;
    assert_eq!(place.segment, 3);
    let first_of = |number| tidegate_journal::segment_file(dir.path(), LogKind::Journal, number);
    assert_eq!(
        journal.reader.remove_before(place.segment, Sequence::new(5_000)).unwrap(),
        <Vec<std::path::PathBuf>>::new()
    );
    assert_eq!(journal.reader.remove_before(place.segment, Sequence::new(12_000)).unwrap(), [first_of(1)]);
    assert_eq!(journal.reader.remove_before(place.segment, through).unwrap(), [first_of(2)]);
    assert_eq!(journal.reader.remove_before(place.segment, through).unwrap(), <Vec<std::path::PathBuf>>::new());
    let begin = journal.reader.begins_at().unwrap();
    assert!(begin > Sequence::new(12_000) && begin <= through);
    let mut records = Vec::new();
    let error = journal.reader.read(Sequence::new(1), 1, &mut records).unwrap_err().to_string();
    assert!(error.contains(&format!("begins at {begin}")), "{error}");
    journal.writer.append(&commands(30_001, 100), Sequence::new(30_000)).unwrap();
    assert_eq!(journal.syncer.sync().unwrap().raw(), 30_100);
    drop(journal);

    let error = open_journal(&config).err().unwrap().to_string();
    assert!(error.contains("journal-00000001.seg") && error.contains("missing"), "{error}");
    let journal = open_journal_at(&config, &place).unwrap();
    assert_eq!((journal.recovery.last.raw(), journal.reader.begins_at()), (30_100, Some(begin)));
    for first in [begin, through, Sequence::new(30_100)] {
        journal.reader.read(first, 1, &mut records).unwrap();
        assert_eq!(records.last().unwrap().sequence(), first);
    }
    let verified = tidegate_journal::verify(dir.path(), LogKind::Journal, |_, _| {}).unwrap();
    assert_eq!((verified.first_segment, verified.last.raw()), (3, 30_100));
}

#[test]
fn a_checkpoint_of_another_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let mut journal = open_journal(&config).unwrap();
    for first in [1, 11, 21] {
        journal.writer.append(&commands(first, 10), Sequence::ZERO).unwrap();
    }
    drop(journal);
    let all = |_: &tidegate_journal::BatchInfo, _: &[u8]| true;
    let scan = |from: &Checkpoint| scan_at((dir.path(), LogKind::Journal), (CLUSTER, from), |_, _| {}, all);
    let end = scan(&Checkpoint::default()).unwrap().checkpoint;
    assert_eq!(scan(&end).unwrap().batches, 0);
    let wrong = [
        Checkpoint { hash: end.hash ^ 1, ..end },
        Checkpoint { batch_offset: end.batch_offset - 128, ..end },
        Checkpoint { offset: end.offset + 128, ..end },
        Checkpoint { segment: 2, ..end },
        Checkpoint { batch_offset: 1 << 20, offset: 1 << 20, ..end },
    ];
    for wrong in wrong {
        let error = open_journal_at(&config, &wrong).err().unwrap();
        assert!(matches!(error, JournalError::CheckpointDiffers { .. }), "{error}");
    }
    assert_eq!(open_journal_at(&config, &end).unwrap().recovery.last.raw(), 30);
}
