//! A disk that fails: the log says so, acknowledges nothing after it, and what it had acknowledged is there.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::Arc;

use common::faulty::{FaultyDisk, Op};
use common::{commands, config};
use tidegate_domain::Sequence;
use tidegate_journal::{JournalError, LogConfig, OpenedJournal, SpaceState, WriterKind, open_journal};

/// What the workload could rely on before it ended.
struct Ended {
    acknowledged: u64,
    error: Option<JournalError>,
}

fn append(journal: &mut OpenedJournal, count: u64) -> Result<(), JournalError> {
    let first = journal.writer.appended_through().raw() + 1;
    journal.writer.append(&commands(first, count), Sequence::new(first - 1))
}

/// A segment and more with each kind of writer, with changes between them, synced as a node does, until something fails.
fn work(config: &LogConfig, acknowledged: &mut u64) -> Result<(), JournalError> {
    let mut journal = open_journal(config)?;
    for (kind, appends) in
        [(WriterKind::Mapped, 50), (WriterKind::Direct, 60), (WriterKind::Mapped, 5), (WriterKind::Direct, 5)]
    {
        journal.writer.change_writer(kind)?;
        for n in 0..appends {
            append(&mut journal, if n % 3 == 0 { 511 } else { 1 })?;
            if kind == WriterKind::Mapped {
                journal.syncer.sync()?;
            }
            *acknowledged = journal.writer.appended_through().raw();
        }
    }
    journal.writer.mark_commit(journal.writer.appended_through())?;
    journal.syncer.sync().map(|_| ())
}

fn run(config: &LogConfig) -> Ended {
    let mut acknowledged = 0;
    let error = work(config, &mut acknowledged).err();
    Ended { acknowledged, error }
}

#[test]
fn whichever_operation_fails_the_log_stops_and_keeps_what_it_acknowledged() {
    let mut tried = 0;
    for op in Op::ALL {
        for errno in [libc::EIO, libc::ENOSPC] {
            for after in (0..).map(|n| (1 << n) - 1) {
                let dir = tempfile::tempdir().unwrap();
                let disk = FaultyDisk::default();
                disk.fail(op, "journal", after, errno);
                let config = LogConfig { disk: Arc::new(disk.clone()), ..config(dir.path()) };
                let ended = run(&config);
                let what = format!("{op:?} number {after} failed with {errno}");
                if disk.fired() == 0 {
                    assert!(ended.error.is_none(), "{what}: nothing failed, yet {:?}", ended.error);
                    break;
                }
                tried += 1;
                assert!(ended.error.is_some(), "{what}: nobody was told");
                let again = open_journal(&common::config(dir.path())).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert!(again.recovery.last.raw() >= ended.acknowledged, "{what}: an acknowledged command is lost");
            }
        }
    }
    assert!(tried > 40, "only {tried} faults were tried");
}

#[test]
fn a_failed_sync_is_final_though_the_next_one_would_succeed() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let mut journal = open_journal(&LogConfig { disk: Arc::new(disk.clone()), ..config(dir.path()) }).unwrap();
    append(&mut journal, 1).unwrap();
    assert_eq!(journal.syncer.sync().unwrap().raw(), 1);
    disk.fail(Op::Sync, "", 0, libc::EIO);
    append(&mut journal, 1).unwrap();
    assert!(matches!(journal.syncer.sync(), Err(JournalError::Io { op: "sync", .. })));
    assert!(matches!(journal.syncer.sync(), Err(JournalError::SyncFailedBefore { .. })));
}

#[test]
fn a_sync_covers_every_segment_written_since_the_one_before_and_no_older_one() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let mut journal = open_journal(&LogConfig { disk: Arc::new(disk.clone()), ..config(dir.path()) }).unwrap();
    append(&mut journal, 20_000).unwrap();
    assert_eq!(journal.syncer.sync().unwrap().raw(), 20_000);
    disk.fail(Op::Sync, "journal-00000002", 0, libc::EIO);
    append(&mut journal, 8_000).unwrap();
    assert_eq!(journal.syncer.sync().unwrap().raw(), 28_000, "a sealed and synced segment is left alone");
}

#[test]
fn a_direct_writer_takes_over_only_after_everything_before_it_is_synced() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let mut journal = open_journal(&LogConfig { disk: Arc::new(disk.clone()), ..config(dir.path()) }).unwrap();
    append(&mut journal, 1).unwrap();
    disk.fail(Op::Sync, "", 0, libc::EIO);
    assert!(matches!(journal.writer.change_writer(WriterKind::Direct), Err(JournalError::Io { op: "sync", .. })));
}

#[test]
fn a_direct_writer_leaves_nothing_to_sync_and_a_mapped_one_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open_journal(&config(dir.path())).unwrap();
    journal.writer.change_writer(WriterKind::Direct).unwrap();
    append(&mut journal, 3).unwrap();
    assert!(!journal.syncer.has_unsynced());
    journal.writer.change_writer(WriterKind::Mapped).unwrap();
    append(&mut journal, 3).unwrap();
    assert!(journal.syncer.has_unsynced());
    assert_eq!(journal.syncer.sync().unwrap().raw(), 6);
    assert!(!journal.syncer.has_unsynced());
}

/// A quarter of the segment is used when the next one is asked for: there is time to stop in order.
#[test]
fn a_disk_that_fills_up_is_known_while_there_is_still_room() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let mut journal = open_journal(&LogConfig { disk: Arc::new(disk.clone()), ..config(dir.path()) }).unwrap();
    assert_eq!(journal.reader.space(), SpaceState::Enough);
    disk.say_free(2 << 20);
    disk.fail(Op::Allocate, "journal-00000002", 0, libc::ENOSPC);
    append(&mut journal, 511 * 5).unwrap();
    while journal.reader.space() != SpaceState::Out {
        std::thread::yield_now();
    }
    // Eleven full batches are left, and what stops in order needs a few.
    append(&mut journal, 511 * 11).unwrap();
    assert!(matches!(append(&mut journal, 511), Err(JournalError::NoSpace { .. })));
}

#[test]
fn a_disk_with_room_for_two_segments_more_is_low() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let mut journal = open_journal(&LogConfig { disk: Arc::new(disk.clone()), ..config(dir.path()) }).unwrap();
    disk.say_free(2 << 20);
    append(&mut journal, 511 * 5).unwrap();
    while journal.reader.space() != SpaceState::Low {
        std::thread::yield_now();
    }
    append(&mut journal, 511 * 30).unwrap();
}
