//! Damage of every kind to a closed journal: every bit, every length, every pair of sectors. None goes unnoticed, and no start
//! drops a good batch that was acknowledged.
//!
//! A sample by default; `DAMAGE=all cargo test --release -p tidegate-journal --test campaign` tries everything (an hour or two).

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use common::{Random, commands, config, event};
use tidegate_domain::Sequence;
use tidegate_journal::{JournalError, LogConfig, LogKind, WriterKind, open_event_log, open_journal, verify};

const SECTOR_LEN_BYTES: usize = 512;
/// Of random places in a sample.
const SAMPLE: u64 = 1_500;

fn everything() -> bool {
    std::env::var("DAMAGE").is_ok_and(|what| what == "all")
}

/// All places, or a sample of them.
fn places(count: u64, seed: u64) -> Box<dyn Iterator<Item = u64>> {
    if everything() {
        return Box::new(0..count);
    }
    println!("seed {seed}");
    let mut random = Random::new(seed);
    Box::new((0..SAMPLE.min(count)).map(move |_| random.below(count)))
}

/// In memory where that is: every case reads the whole file.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// A journal in one segment, nearly full of batches of many sizes, closed as a node closes it.
fn closed_journal(dir: &Path, writer: WriterKind, segment_len_bytes: u64) -> (PathBuf, u64) {
    let config = LogConfig { segment_len_bytes, ..config(dir) };
    let mut journal = open_journal(&config).unwrap();
    journal.writer.change_writer(writer).unwrap();
    let mut random = Random::new(3);
    let mut last = 0;
    while journal.reader.bytes() < segment_len_bytes - (160 << 10) {
        let count = if random.below(4) == 0 { random.below(511) + 1 } else { random.below(30) + 1 };
        journal.writer.append(&commands(last + 1, count), Sequence::new(last)).unwrap();
        last += count;
    }
    journal.writer.mark_commit(Sequence::new(last)).unwrap();
    journal.syncer.sync().unwrap();
    drop(journal);
    // The next one, which was asked for, is empty.
    let _ = std::fs::remove_file(dir.join("journal-00000002.seg"));
    (dir.join("journal-00000001.seg"), last)
}

/// It is noticed, and whoever starts all the same has everything. One loss leaves no trace: that of the commit mark itself,
/// where its sector holds nothing else. Nothing is dropped by it.
fn noticed(dir: &Path, last: u64, what: &str) {
    match verify(dir, LogKind::Journal, |_, _| {}) {
        Ok(report) => {
            let only_the_mark_is_gone = report.commit.raw() < last;
            assert!(report.torn_tail_at.is_some() || only_the_mark_is_gone, "{what}: nobody noticed");
            assert_eq!(report.last.raw(), last, "{what}: good batches would be dropped");
        }
        Err(JournalError::Corrupt { .. } | JournalError::BadSegment { .. }) => {}
        // A whole header with another version or cluster cannot come of a flipped bit.
        Err(error) => panic!("{what}: {error}"),
    }
}

fn with_change(file: &File, at: u64, bytes: &[u8], check: impl FnOnce()) {
    let mut before = vec![0; bytes.len()];
    file.read_exact_at(&mut before, at).unwrap();
    file.write_all_at(bytes, at).unwrap();
    check();
    file.write_all_at(&before, at).unwrap();
}

fn opened(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

#[test]
fn every_flipped_bit_is_noticed() {
    for writer in [WriterKind::Mapped, WriterKind::Direct] {
        let dir = folder();
        let (path, last) = closed_journal(dir.path(), writer, 1 << 20);
        let file = opened(&path);
        for bit in places(8 << 20, 11) {
            let mut byte = [0];
            file.read_exact_at(&mut byte, bit / 8).unwrap();
            with_change(&file, bit / 8, &[byte[0] ^ 1 << (bit % 8)], || {
                noticed(dir.path(), last, &format!("{} bit {bit}", writer.as_str()));
            });
        }
    }
}

#[test]
fn every_shorter_length_is_noticed() {
    for writer in [WriterKind::Mapped, WriterKind::Direct] {
        let dir = folder();
        // Longer than the shortest segment, so that some cut lengths could be a segment's.
        let (path, last) = closed_journal(dir.path(), writer, 3 << 19);
        let whole = std::fs::read(&path).unwrap();
        let file = opened(&path);
        let pages = (0..whole.len() as u64 / 4_096).map(|page| page * 4_096);
        for len in places(whole.len() as u64, 12).chain(pages) {
            file.set_len(len).unwrap();
            noticed(dir.path(), last, &format!("{} length {len}", writer.as_str()));
            file.write_all_at(&whole[len as usize..], len).unwrap();
        }
    }
}

#[test]
fn swapped_sectors_lost_sectors_and_rubbish_are_noticed() {
    for writer in [WriterKind::Mapped, WriterKind::Direct] {
        let dir = folder();
        let (path, last) = closed_journal(dir.path(), writer, 1 << 20);
        let whole = std::fs::read(&path).unwrap();
        let file = opened(&path);
        let sectors = (whole.len() / SECTOR_LEN_BYTES) as u64;
        let sector = |n: u64| &whole[n as usize * SECTOR_LEN_BYTES..][..SECTOR_LEN_BYTES];
        let at = |n: u64| n * SECTOR_LEN_BYTES as u64;
        for pair in places(sectors * sectors, 13) {
            let (one, other) = (pair / sectors, pair % sectors);
            if sector(one) == sector(other) {
                continue;
            }
            let what = format!("{} sectors {one} and {other}", writer.as_str());
            // Swapped, and one in the place of the other: a stale or a misdirected write.
            with_change(&file, at(one), sector(other), || {
                noticed(dir.path(), last, &what);
                with_change(&file, at(other), sector(one), || noticed(dir.path(), last, &what));
            });
        }
        let used = (whole.iter().rposition(|byte| *byte != 0).unwrap() / SECTOR_LEN_BYTES) as u64;
        for lost in 0..=used {
            if sector(lost).iter().any(|byte| *byte != 0) {
                let what = format!("{} lost sector {lost}", writer.as_str());
                with_change(&file, at(lost), &[0; SECTOR_LEN_BYTES], || noticed(dir.path(), last, &what));
            }
        }
        let mut random = Random::new(14);
        for _ in 0..SAMPLE / 10 {
            let after = (used + 1) * SECTOR_LEN_BYTES as u64;
            let rubbish: Vec<u8> = (0..random.below(600) + 1).map(|_| random.below(256) as u8 | 1).collect();
            let at = after + random.below(whole.len() as u64 - after - rubbish.len() as u64);
            with_change(&file, at, &rubbish, || noticed(dir.path(), last, "rubbish after the end"));
        }
    }
}

/// The event log is derived, so it is cut at its damage; what is before it stays, and nothing after it is ever believed.
#[test]
fn a_damaged_event_log_is_cut_before_its_damage() {
    let dir = folder();
    let mut log = open_event_log(&config(dir.path()), None).unwrap();
    let count = 4_000;
    let mut events: Vec<_> = (1..=count).map(|n| event(n, 0, 1, n)).collect();
    for batch in events.chunks_mut(37) {
        log.writer.append(batch).unwrap();
    }
    drop(log);
    let path = dir.path().join("events-00000001.seg");
    let whole = std::fs::read(&path).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    for bit in places(used * 8, 15).take(if everything() { usize::MAX } else { 200 }) {
        let mut damaged = whole.clone();
        damaged[bit as usize / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, damaged).unwrap();
        let opened = open_event_log(&config(dir.path()), None).unwrap();
        // A batch of 37 takes 38 slots.
        let batch = bit / 8 / (38 * 128);
        assert_eq!(opened.last.map_or(0, |(sequence, _)| sequence.raw()), batch * 37, "bit {bit}");
        assert!(opened.cut.is_some());
    }
}
