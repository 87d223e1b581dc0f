//! The bytes of format version 1, as they were written when it was new: this program writes the same and reads them back.
//!
//! `FORMAT_FIXTURES=write cargo test -p tidegate-journal --test format` writes them, for a new version.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::path::{Path, PathBuf};

use common::{commands, config, event};
use tidegate_domain::{CommandRecord, RECORD_LEN_BYTES, Sequence};
use tidegate_journal::{JournalError, LogKind, WriterKind, open_event_log, open_journal, scan, verify};

const SEGMENT_LEN_BYTES: usize = 1 << 20;

/// Two batches and a commit mark.
fn journal(dir: &Path, writer: WriterKind) -> PathBuf {
    let mut journal = open_journal(&config(dir)).unwrap();
    journal.writer.change_writer(writer).unwrap();
    journal.writer.append(&commands(1, 3), Sequence::ZERO).unwrap();
    journal.writer.append(&commands(4, 1), Sequence::new(3)).unwrap();
    journal.writer.mark_commit(Sequence::new(4)).unwrap();
    journal.syncer.sync().unwrap();
    dir.join("journal-00000001.seg")
}

/// Two batches.
fn events(dir: &Path) -> PathBuf {
    let mut log = open_event_log(&config(dir), None).unwrap();
    log.writer.append(&mut [event(1, 0, 7, 1), event(2, 0, 0, 0)]).unwrap();
    log.writer.append(&mut [event(2, 1, 7, 2)]).unwrap();
    dir.join("events-00000001.seg")
}

/// The used part of a segment, compared with its fixture.
fn check(name: &str, segment: &Path) {
    let bytes = std::fs::read(segment).unwrap();
    assert_eq!(bytes.len(), SEGMENT_LEN_BYTES);
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    if std::env::var("FORMAT_FIXTURES").is_ok_and(|what| what == "write") {
        std::fs::write(&fixture, &bytes[..used]).unwrap();
    }
    assert!(std::fs::read(&fixture).unwrap() == bytes[..used], "{name}: what is written now is not format version 1");
}

#[test]
fn what_is_written_is_format_version_1() {
    for (name, writer) in [("journal-v1-mapped.seg", WriterKind::Mapped), ("journal-v1-direct.seg", WriterKind::Direct)]
    {
        let dir = tempfile::tempdir().unwrap();
        check(name, &journal(dir.path(), writer));
    }
    let dir = tempfile::tempdir().unwrap();
    check("events-v1.seg", &events(dir.path()));
}

/// A folder with one segment made from a fixture, changed by `change`.
fn folder(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> tempfile::TempDir {
    let mut bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap();
    change(&mut bytes);
    bytes.resize(SEGMENT_LEN_BYTES, 0);
    let dir = tempfile::tempdir().unwrap();
    let kind = if name.starts_with("events") { "events" } else { "journal" };
    std::fs::write(dir.path().join(format!("{kind}-00000001.seg")), bytes).unwrap();
    dir
}

#[test]
fn what_was_written_in_format_version_1_is_read() {
    for name in ["journal-v1-mapped.seg", "journal-v1-direct.seg"] {
        let dir = folder(name, |_| {});
        let mut records = Vec::new();
        let report = scan(
            dir.path(),
            LogKind::Journal,
            |_, _| {},
            |_, bytes| {
                records.extend(bytes.chunks_exact(RECORD_LEN_BYTES).map(|record| record.to_vec()));
                true
            },
        );
        let report = report.unwrap();
        assert_eq!((report.batches, report.last.raw(), report.commit.raw()), (3, 4, 4), "{name}");
        let expected: Vec<Vec<u8>> =
            commands(1, 4).iter().map(|record: &CommandRecord| record.as_bytes().to_vec()).collect();
        assert!(records == expected, "{name}");
    }
    let dir = folder("events-v1.seg", |_| {});
    let log = open_event_log(&config(dir.path()), None).unwrap();
    assert_eq!(log.last, Some((Sequence::new(2), 1)));
}

/// Checksums that are right and a version that is not: another program's journal, not a damaged one.
#[test]
fn another_version_another_writer_and_reserved_bytes_are_refused() {
    let with = |at: usize, value: u8| {
        let dir = folder("journal-v1-mapped.seg", |bytes| {
            bytes[at] = value;
            let crc = crc32c::crc32c(&bytes[..124]);
            bytes[124..128].copy_from_slice(&crc.to_le_bytes());
        });
        verify(dir.path(), LogKind::Journal, |_, _| {}).unwrap_err()
    };
    assert!(matches!(with(8, 2), JournalError::UnknownVersion { found: 2, known: 1, .. }));
    assert!(with(11, 2).to_string().contains("kind of writer"));
    assert!(with(11, 1).to_string().contains("padding"));
    assert!(with(110, 1).to_string().contains("reserved"));
    assert!(with(96, 9).to_string().contains("cut short"));
}
