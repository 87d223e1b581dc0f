//! Power cuts on a disk that forgets what was not synced, sector by sector: what was said to be durable is there.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::Arc;

use common::forgetful::ForgetfulDisk;
use common::{Random, commands, config};
use tidegate_domain::{CommandRecord, Sequence};
use tidegate_journal::{JournalError, LogConfig, OpenedJournal, WriterKind, open_journal};

/// `POWER_CUTS=2000 cargo test --release -p tidegate-journal --test power_cut` for a long run.
fn cuts() -> u64 {
    std::env::var("POWER_CUTS").map_or(15, |cuts| cuts.parse().expect("POWER_CUTS is a number"))
}

fn append(journal: &mut OpenedJournal, count: u64) {
    let first = journal.writer.appended_through().raw() + 1;
    journal.writer.append(&commands(first, count), Sequence::new(first - 1)).unwrap();
}

fn is_a_prefix(journal: &OpenedJournal) {
    let mut found = Vec::new();
    let last = journal.recovery.last.raw();
    if last > 0 {
        journal.reader.read(Sequence::new(1), usize::MAX, &mut found).unwrap();
    }
    let bytes = |records: &[CommandRecord]| records.iter().map(|record| *record.as_bytes()).collect::<Vec<_>>();
    assert!(bytes(&found) == bytes(&commands(1, last)), "what is there is what was appended");
}

/// Appends and syncs at random, cuts the power at random. `change` says which writer goes on.
fn cut(
    seed: u64,
    mut change: impl FnMut(&mut Random) -> WriterKind,
) -> (u64, Result<OpenedJournal, JournalError>, tempfile::TempDir) {
    let mut random = Random::new(seed);
    let (dir, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let disk = ForgetfulDisk::default();
    let mut journal = open_journal(&LogConfig { disk: Arc::new(disk.clone()), ..config(dir.path()) }).unwrap();
    let mut durable = 0;
    for _ in 0..random.below(60) + 1 {
        let kind = change(&mut random);
        journal.writer.change_writer(kind).unwrap();
        let count = if random.below(6) == 0 { random.below(1_200) + 1 } else { random.below(40) + 1 };
        append(&mut journal, count);
        if kind == WriterKind::Direct {
            durable = journal.writer.appended_through().raw();
        } else if random.below(3) == 0 {
            durable = journal.syncer.sync().unwrap().raw();
        }
    }
    disk.cut_power(dir.path(), after.path(), &mut random);
    drop(journal);
    (durable, open_journal(&config(after.path())), after)
}

#[test]
fn a_direct_writer_loses_nothing_and_always_starts_again() {
    for seed in 1..=cuts() {
        let (durable, opened, _folder) = cut(seed, |_| WriterKind::Direct);
        let journal = opened.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(journal.recovery.last.raw() >= durable, "seed {seed}: an acknowledged command is lost");
        is_a_prefix(&journal);
    }
}

/// A mapping reaches the disk in any order: a hole before something whole is refused, since nobody can tell it from damage.
#[test]
fn a_mapped_writer_loses_nothing_synced_and_starts_or_names_the_hole() {
    let mut refused = 0;
    for seed in 1..=cuts() {
        let (durable, opened, _folder) = cut(seed, |_| WriterKind::Mapped);
        match opened {
            Ok(journal) => {
                assert!(journal.recovery.last.raw() >= durable, "seed {seed}: a synced command is lost");
                is_a_prefix(&journal);
            }
            Err(JournalError::Corrupt { after, .. }) => {
                assert!(after.raw() >= durable, "seed {seed}: a synced command is lost");
                refused += 1;
            }
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(refused < cuts(), "no cut ended in a journal that starts");
}

#[test]
fn changes_of_the_writer_lose_nothing_durable() {
    for seed in 1..=cuts() {
        let pick = |random: &mut Random| if random.below(8) == 0 { WriterKind::Mapped } else { WriterKind::Direct };
        let (durable, opened, _folder) = cut(seed, pick);
        match opened {
            Ok(journal) => {
                assert!(journal.recovery.last.raw() >= durable, "seed {seed}");
                is_a_prefix(&journal);
            }
            Err(JournalError::Corrupt { after, .. }) => assert!(after.raw() >= durable, "seed {seed}"),
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
}
