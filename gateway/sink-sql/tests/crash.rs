//! `kill -9` in the middle of projecting, again and again: the database ends up as if nothing had happened.
//!
//! The test starts its own binary again as the process that is killed. That one says on its standard output when it begins
//! a batch and when it has committed one; the test kills it a random moment after the beginning of a batch, and starts the
//! next, until one reaches the end. A child that is not killed in time waits after that batch, so the number of kills does
//! not depend on how busy the machine is.
#![allow(clippy::unwrap_used)]

mod flow;
mod run;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use run::{Reader, project};
use tidegate_domain::Epoch;
use tidegate_domain::EventRecord;
use tidegate_sink::{Sink, SinkPosition, SinkProgress, run_sink};
use tidegate_sink_sql::{SqlSink, SqlSinkError};

const FOLDER: &str = "TIDEGATE_TEST_SINK_FOLDER";
const BATCHES: &str = "TIDEGATE_TEST_SINK_BATCHES";
/// Events in a batch: enough that its transaction takes about a millisecond or two, which a kill can hit.
const CHILD_BATCH: usize = 300;
/// The kill comes up to this long after the beginning of a batch.
const KILL_WITHIN_MICROS: u64 = 2_000;
const KILLS_AT_LEAST: u32 = 20;

/// Gives the sink smaller batches than the runner does, and says each.
struct Talkative {
    sink: SqlSink,
    batches_left: u64,
}

impl Sink for Talkative {
    type Error = SqlSinkError;

    async fn position(&mut self) -> Result<Option<SinkPosition>, SqlSinkError> {
        self.sink.position().await
    }

    async fn apply(&mut self, batch: &[EventRecord]) -> Result<u64, SqlSinkError> {
        let mut rows = 0;
        let mut rest = batch;
        while !rest.is_empty() {
            let last = rest.iter().take(CHILD_BATCH).rposition(EventRecord::is_last);
            let end = last.or_else(|| rest.iter().position(EventRecord::is_last)).unwrap() + 1;
            if self.batches_left == 0 {
                // Until the kill; or until the test is gone, which closes the pipe.
                std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
                std::process::exit(1);
            }
            self.batches_left -= 1;
            println!("begin");
            rows += self.sink.apply(&rest[..end]).await?;
            println!("at {}", rest[end - 1].sequence());
            rest = &rest[end..];
        }
        Ok(rows)
    }
}

/// The process that is killed. Without the variable it is an empty test.
#[tokio::test]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let log = flow::open_log(&folder);
    let epoch = Epoch::new(1);
    let sink = SqlSink::connect(folder.join("killed.sqlite").to_str().unwrap(), epoch).await.unwrap();
    let sink = Talkative { sink, batches_left: std::env::var(BATCHES).unwrap().parse().unwrap() };
    let (_stop, stopped) = tokio::sync::watch::channel(true);
    run_sink(log.log, sink, epoch, stopped, Arc::new(SinkProgress::default())).await.unwrap();
    println!("done");
}

#[tokio::test]
async fn a_kill_at_any_moment_neither_loses_nor_repeats_a_row() {
    let dir = tempfile::tempdir().unwrap();
    let seed = u64::from(std::process::id());
    let (mut flow, events) = flow::events(seed, 10_000);
    let log = run::fill_log(dir.path(), &events);
    let reference = dir.path().join("reference.sqlite");
    project(&log.log, &reference, 1).await.unwrap();
    drop(log);

    let (mut kills, mut within) = (0, 0);
    let mut said = 0;
    loop {
        let (batches, delay) = (1 + flow.below(2), Duration::from_micros(flow.below(KILL_WITHIN_MICROS)));
        let Some(committed) = run_child(dir.path(), batches, delay, &mut said) else { break };
        kills += 1;
        // What the child said is committed; a batch that it began may be, or not.
        let mut db = Reader::open(&dir.path().join("killed.sqlite")).await;
        let position = db.numbers("SELECT sequence FROM sink_position").await;
        assert!(position[0] >= said, "seed {seed}: the child said {said}, the database is at {}", position[0]);
        within += u32::from(committed < batches && position[0] == said);
    }
    println!("{kills} kills, {within} of them within a transaction");
    assert!(within > 0, "seed {seed}: no kill came before the commit of a batch that had begun");
    assert!(kills >= KILLS_AT_LEAST, "only {kills} kills: the flow is too short");
    let killed = Reader::open(&dir.path().join("killed.sqlite")).await.everything().await;
    let whole = Reader::open(&reference).await.everything().await;
    for (killed, whole) in killed.iter().zip(&whole) {
        assert!(killed == whole, "seed {seed}: table {} differs after {kills} kills", whole.0);
        println!("{}: {} rows, equal after {kills} kills", whole.0, whole.1.len());
    }
}

/// Starts a child and kills it `delay` after it began its last batch of `batches`; how many it committed. `None`
/// when it came to its end before.
fn run_child(folder: &Path, batches: u64, delay: Duration, said: &mut i64) -> Option<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(BATCHES, batches.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut begun, mut committed) = (0, 0);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    // The first word shares its line with the name of the test.
    while let Some(line) = lines.next() {
        if line.ends_with("done") {
            assert!(child.wait().unwrap().success(), "the child came to its end and failed");
            return None;
        }
        committed += note(&line, said);
        begun += u64::from(line.ends_with("begin"));
        if begun == batches {
            let moment = Instant::now() + delay;
            while Instant::now() < moment {
                std::hint::spin_loop();
            }
            // SIGKILL.
            child.kill().unwrap();
            child.wait().unwrap();
            lines.for_each(|line| committed += note(&line, said));
            return Some(committed);
        }
    }
    panic!("the child ended by itself: {}", child.wait().unwrap());
}

/// Remembers what a child said was committed; how many batches that is.
fn note(line: &str, said: &mut i64) -> u64 {
    let Some(sequence) = line.strip_prefix("at ") else { return 0 };
    *said = sequence.parse().unwrap();
    1
}
