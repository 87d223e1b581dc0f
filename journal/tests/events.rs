//! The event log: order, tails, positions, and one key's reports by their back-pointers.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{config, event};
use tidegate_domain::{Epoch, Event, EventHeader, EventRecord, KeyId, LogAddress, Sequence, SessionSequence};
use tidegate_journal::{EventCursor, JournalError, open_event_log};

/// Two events a command: one of key `sequence % 5` (0 is nobody's), one of key 7.
fn traffic(first: u64, commands: u64) -> Vec<EventRecord> {
    let mut events = Vec::new();
    for sequence in first..first + commands {
        let key = (sequence % 5) as u32;
        let report = if key == 0 { 0 } else { sequence / 5 + 1 };
        events.push(event(sequence, 0, key, report));
        events.push(event(sequence, 1, 7, sequence));
    }
    events
}

fn positions(events: &[EventRecord]) -> Vec<(u64, u32)> {
    events.iter().map(|event| (event.sequence().raw(), event.index())).collect()
}

fn rest(cursor: &mut EventCursor) -> Vec<EventRecord> {
    let mut out = Vec::new();
    while cursor.next_batch(100, &mut out).unwrap() > 0 {}
    out
}

#[test]
fn cursors_give_every_event_once_and_go_on_when_there_is_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open_event_log(&config(dir.path()), None).unwrap();
    let mut cursor = opened.log.cursor_at_start();
    assert!(rest(&mut cursor).is_empty());
    let mut seen = Vec::new();
    for piece in 0..50 {
        opened.writer.append(&mut traffic(piece * 200 + 1, 200)).unwrap();
        seen.extend(rest(&mut cursor));
    }
    assert_eq!(positions(&seen), positions(&traffic(1, 10_000)));
    assert_eq!(opened.log.end(), Some((Sequence::new(10_000), 1)));
    assert!(rest(&mut opened.log.cursor_at_end().unwrap()).is_empty());
}

#[test]
fn a_cursor_starts_after_any_position_and_refuses_one_that_is_ahead() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open_event_log(&config(dir.path()), None).unwrap();
    opened.writer.append(&mut traffic(1, 9_000)).unwrap();
    let all = positions(&traffic(1, 9_000));
    for at in [0, 1, 2, 509, 510, 511, 512, 1_021, 8_191, 8_192, 17_998, 17_999] {
        let (sequence, index) = all[at];
        let mut cursor = opened.log.cursor_after(Sequence::new(sequence), index).unwrap();
        assert_eq!(positions(&rest(&mut cursor)), all[at + 1..], "after {sequence}/{index}");
    }
    let ahead = opened.log.cursor_after(Sequence::new(9_001), 0);
    assert!(matches!(ahead, Err(JournalError::AheadOfLog { .. })));
}

#[test]
fn the_reports_of_one_key_are_found_without_the_others() {
    let dir = tempfile::tempdir().unwrap();
    for reopened in [false, true] {
        let mut opened = open_event_log(&config(dir.path()), None).unwrap();
        if !reopened {
            for piece in 0..100 {
                opened.writer.append(&mut traffic(piece * 100 + 1, 100)).unwrap();
            }
        }
        let reports = opened.log.reports_after(KeyId::new(3), SessionSequence::new(1_990), 100).unwrap();
        let numbers: Vec<u64> = reports.iter().map(|event| event.session_sequence().raw()).collect();
        assert_eq!(numbers, (1_991..=2_000).collect::<Vec<_>>(), "reopened {reopened}");
        let oldest = opened.log.reports_after(KeyId::new(7), SessionSequence::new(5), 3).unwrap();
        let numbers: Vec<u64> = oldest.iter().map(|event| event.session_sequence().raw()).collect();
        assert_eq!(numbers, [6, 7, 8], "the oldest of what is missing come first");
        assert!(opened.log.reports_after(KeyId::new(6), SessionSequence::new(0), 9).unwrap().is_empty());
        assert!(opened.log.last_report(KeyId::new(6)).is_none());
    }
}

#[test]
fn a_damaged_event_log_is_cut_because_it_can_be_made_again() {
    let dir = tempfile::tempdir().unwrap();
    open_event_log(&config(dir.path()), None).unwrap().writer.append(&mut traffic(1, 2_000)).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(dir.path().join("events-00000001.seg")).unwrap();
    file.write_all_at(&[0xff], 100_000).unwrap();
    let mut opened = open_event_log(&config(dir.path()), None).unwrap();
    assert!(opened.cut.is_some());
    let (last, index) = opened.last.unwrap();
    assert!(last.raw() < 1_000);
    let mut again: Vec<_> = traffic(1, 2_000);
    again.retain(|event| (event.sequence(), event.index()) > (last, index));
    opened.writer.append(&mut again).unwrap();
    assert_eq!(positions(&rest(&mut opened.log.cursor_at_start())), positions(&traffic(1, 2_000)));
    let reports = opened.log.reports_after(KeyId::new(7), SessionSequence::new(0), usize::MAX).unwrap();
    assert_eq!(reports.len(), 2_000, "back-pointers are whole again");
}

#[test]
fn listeners_are_called_once_for_each_append() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open_event_log(&config(dir.path()), None).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    opened.log.add_listener(Arc::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    }));
    opened.writer.append(&mut traffic(1, 1_000)).unwrap();
    opened.writer.append(&mut traffic(1_001, 1)).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn readers_beside_the_writer_see_every_event_and_every_report_of_a_key_without_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open_event_log(&config(dir.path()), None).unwrap();
    let (log, of_key) = (opened.log.clone(), opened.log.clone());
    let commands = 20_000;
    let tail = std::thread::spawn(move || {
        let (mut cursor, mut seen) = (log.cursor_at_start(), Vec::new());
        while seen.len() < 2 * commands as usize {
            if cursor.next_batch(300, &mut seen).unwrap() == 0 {
                std::thread::yield_now();
            }
        }
        seen
    });
    let reports = std::thread::spawn(move || {
        let mut seen = 0;
        while seen < commands {
            let new = of_key.reports_after(KeyId::new(7), SessionSequence::new(seen), 1_000).unwrap();
            for report in new {
                assert_eq!((report.key().raw(), report.session_sequence().raw()), (7, seen + 1));
                seen += 1;
            }
        }
    });
    for piece in traffic(1, commands).chunks_mut(37) {
        opened.writer.append(piece).unwrap();
    }
    assert_eq!(positions(&tail.join().unwrap()), positions(&traffic(1, commands)));
    reports.join().unwrap();
}

#[test]
fn an_address_that_is_not_in_the_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open_event_log(&config(dir.path()), None).unwrap();
    opened.writer.append(&mut traffic(1, 3)).unwrap();
    let newest = opened.log.last_report(KeyId::new(7));
    assert_eq!(opened.log.event_at(newest).unwrap().sequence(), Sequence::new(3));
    for raw in [0, 1, newest.raw() + 1, 1 << 32 | 0xffff_ffff, 2 << 32, u64::MAX] {
        assert!(opened.log.event_at(LogAddress::new(raw)).is_err(), "address {raw:#x}");
    }
}

#[test]
fn a_command_cut_in_the_middle_of_its_events_is_known_as_incomplete() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut opened = open_event_log(&config(dir.path()), None).unwrap();
        assert!(opened.complete && opened.last.is_none());
        let header = EventHeader { sequence: Sequence::new(1), epoch: Epoch::new(1), ..EventHeader::default() };
        let first = EventRecord::encode(&header, &Event::CancelAllDone { cancelled: 0 });
        opened.writer.append(&mut [first]).unwrap();
    }
    let mut opened = open_event_log(&config(dir.path()), None).unwrap();
    assert_eq!((opened.last, opened.complete), (Some((Sequence::new(1), 0)), false));
    opened.writer.append(&mut [event(1, 1, 0, 0)]).unwrap();
    drop(opened);
    assert!(open_event_log(&config(dir.path()), None).unwrap().complete);
}

#[test]
fn what_reaches_beyond_the_journal_can_be_cut_off_and_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut opened = open_event_log(&config(dir.path()), None).unwrap();
        for piece in 0..90 {
            opened.writer.append(&mut traffic(piece * 100 + 1, 100)).unwrap();
        }
    }
    let mut opened = open_event_log(&config(dir.path()), Some(Sequence::new(8_150))).unwrap();
    assert_eq!(opened.last, Some((Sequence::new(8_100), 1)), "a batch that reaches beyond goes as a whole");
    assert!(opened.cut.is_some());
    assert_eq!(opened.log.reports_after(KeyId::new(7), SessionSequence::new(8_098), 9).unwrap().len(), 2);
    opened.writer.append(&mut traffic(8_101, 899)).unwrap();
    let whole = positions(&rest(&mut opened.log.cursor_at_start()));
    assert_eq!(whole, positions(&traffic(1, 8_999)));
    drop(opened);
    let again = open_event_log(&config(dir.path()), Some(Sequence::new(8_999))).unwrap();
    assert_eq!((again.last, again.cut), (Some((Sequence::new(8_999), 1)), None), "nothing to cut, nothing cut");
}

#[test]
fn a_key_may_have_any_number() {
    let dir = tempfile::tempdir().unwrap();
    let key = KeyId::new(1 << 20);
    for start in 0..2 {
        let mut opened = open_event_log(&config(dir.path()), None).unwrap();
        opened.writer.append(&mut [event(start + 1, 0, key.raw(), start + 1)]).unwrap();
        let reports = opened.log.reports_after(key, SessionSequence::new(0), 9).unwrap();
        assert_eq!(reports.len() as u64, start + 1);
    }
}
