//! `kill -9` of a real process: what it said it had appended is there, in both logs, and appending goes on.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Random, commands, config, event};
use tidegate_domain::{CommandRecord, EventRecord, KeyId, Sequence, SessionSequence};
use tidegate_journal::{open_event_log, open_journal};

const CHILD_DIR: &str = "TIDEGATE_CRASH_TEST_DIR";
const CHILD_SEED: &str = "TIDEGATE_CRASH_TEST_SEED";
const CYCLES: u64 = 20;
const KEYS: u32 = 3;

/// One report a command, of one of three keys, numbered densely per key.
fn events(first: u64, count: u64) -> Vec<EventRecord> {
    let keys = u64::from(KEYS);
    let one = |sequence: u64| event(sequence, 0, (sequence % keys) as u32 + 1, (sequence - 1) / keys + 1);
    (first..first + count).map(one).collect()
}

/// Not a test of its own: the process that [`what_a_killed_process_acknowledged_is_there`] kills. Appends for ever and
/// says after each append how far it came.
#[test]
fn child_that_appends_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let mut random = Random::new(std::env::var(CHILD_SEED).unwrap().parse().unwrap());
    let mut journal = open_journal(&config(Path::new(&dir))).unwrap();
    let mut event_log = open_event_log(&config(Path::new(&dir)), None).unwrap();
    let mut last = journal.recovery.last.raw();
    // What the journal has and the event log has not is made again, as a node's restart does.
    let released = event_log.last.map_or(0, |(sequence, _)| sequence.raw());
    event_log.writer.append(&mut events(released + 1, last - released)).unwrap();
    let mut out = std::io::stdout().lock();
    loop {
        // Mostly small, sometimes more than a batch holds.
        let count = if random.below(8) == 0 { random.below(1_200) + 1 } else { random.below(20) + 1 };
        journal.writer.append(&commands(last + 1, count), Sequence::new(last)).unwrap();
        event_log.writer.append(&mut events(last + 1, count)).unwrap();
        last += count;
        if random.below(50) == 0 {
            journal.writer.mark_commit(Sequence::new(last)).unwrap();
        }
        // The line break before it ends whatever the test harness has begun.
        writeln!(out, "\nacked {last}").unwrap();
    }
}

/// Starts the child, kills it after `acks` acknowledgements, returns the last one that came through the pipe.
fn run_and_kill(dir: &Path, seed: u64, acks: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_appends_until_it_is_killed", "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir)
        .env(CHILD_SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = BufReader::new(child.stdout.take().unwrap());
    let (mut line, mut last, mut seen) = (String::new(), 0, 0);
    while pipe.read_line(&mut line).unwrap() > 0 {
        // A line without its end was cut by the kill: not an acknowledgement.
        if let Some(acked) = line.strip_prefix("acked ").and_then(|rest| rest.strip_suffix('\n')) {
            last = acked.parse().unwrap();
            seen += 1;
            if seen == acks {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    child.wait().unwrap();
    assert!(seen >= acks, "the child ended by itself after {seen} acknowledgements");
    last
}

#[test]
fn what_a_killed_process_acknowledged_is_there() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut before = 0;
    for cycle in 0..CYCLES {
        let acked = run_and_kill(dir.path(), seed + cycle, random.below(200) + 1);
        let journal = open_journal(&config(dir.path())).unwrap();
        let last = journal.recovery.last.raw();
        assert!(last >= acked, "cycle {cycle}: {acked} was acknowledged, {last} is there");
        assert!(acked > before, "cycle {cycle}: appending went on");
        before = last;
        let mut found: Vec<CommandRecord> = Vec::new();
        journal.reader.read(Sequence::new(1), usize::MAX, &mut found).unwrap();
        assert!(found == commands(1, last), "cycle {cycle}: every record is what was appended");
        let event_log = open_event_log(&config(dir.path()), None).unwrap();
        let released = event_log.last.map_or(0, |(sequence, _)| sequence.raw());
        assert!(released >= acked && released <= last, "cycle {cycle}: {acked} <= {released} <= {last}");
        for key in 1..=KEYS {
            let reports = event_log.log.reports_after(KeyId::new(key), SessionSequence::new(0), usize::MAX).unwrap();
            let dense = reports.iter().zip(1..).all(|(report, number)| report.session_sequence().raw() == number);
            let expected = events(1, released).iter().filter(|event| event.key().raw() == key).count();
            assert!(dense && reports.len() == expected, "cycle {cycle}: reports of key {key}");
        }
    }
}
