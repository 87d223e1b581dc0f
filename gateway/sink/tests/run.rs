//! The loop that feeds a sink, with a sink that only remembers. Time is the runtime's paused clock: nobody waits.
#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use tidegate_domain::{ClusterId, Epoch, Event, EventFlags, EventHeader, EventRecord, Sequence};
use tidegate_journal::{LogConfig, OpenedEventLog, SEGMENT_LEN_BYTES_MIN, open_event_log};
use tidegate_sink::{BATCH_EVENTS, Sink, SinkError, SinkPosition, SinkProgress, run_sink};
use tokio::sync::{mpsc, watch};

type Position = (u64, u32);

/// What a sink remembers, and the test looks at.
#[derive(Clone, Default)]
struct Memory {
    position: Option<(u32, Position)>,
    batches: Arc<Mutex<Vec<Vec<Position>>>>,
    applied: Option<mpsc::UnboundedSender<Position>>,
}

impl Sink for Memory {
    type Error = Infallible;

    async fn position(&mut self) -> Result<Option<SinkPosition>, Infallible> {
        Ok(self.position.map(|(epoch, (sequence, index))| SinkPosition {
            epoch: Epoch::new(epoch),
            sequence: Sequence::new(sequence),
            index,
        }))
    }

    async fn apply(&mut self, batch: &[EventRecord]) -> Result<u64, Infallible> {
        let positions: Vec<Position> = batch.iter().map(|event| (event.sequence().raw(), event.index())).collect();
        if let Some(applied) = &self.applied {
            let _ = applied.send(*positions.last().unwrap());
        }
        self.batches.lock().unwrap().push(positions);
        Ok(batch.len() as u64)
    }
}

fn log(dir: &tempfile::TempDir) -> OpenedEventLog {
    let segment_len_bytes = SEGMENT_LEN_BYTES_MIN;
    let config = LogConfig::new(dir.path(), ClusterId::new(1), segment_len_bytes);
    open_event_log(&config, None).unwrap()
}

/// The events of one command; only the last has the flag.
fn command(sequence: u64, events: u32) -> Vec<EventRecord> {
    let event = |index| {
        let flags = if index + 1 == events { EventFlags::LAST } else { EventFlags::NONE };
        let header = EventHeader { sequence: Sequence::new(sequence), index, flags, ..Default::default() };
        EventRecord::encode(&header, &Event::CancelAllDone { cancelled: 0 })
    };
    (0..events).map(event).collect()
}

async fn run_to_end(log: &OpenedEventLog, sink: &Memory) -> Result<Arc<SinkProgress>, SinkError> {
    let (_stop, stopped) = watch::channel(true);
    let progress = Arc::new(SinkProgress::default());
    run_sink(log.log.clone(), sink.clone(), Epoch::new(3), stopped, Arc::clone(&progress)).await?;
    Ok(progress)
}

#[tokio::test(start_paused = true)]
async fn a_batch_never_splits_a_command_however_long_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = log(&dir);
    let long = u32::try_from(BATCH_EVENTS * 2 + 7).unwrap();
    let mut all = Vec::new();
    for (sequence, events) in [(1, 1), (2, 3), (5, long), (6, 2)] {
        all.extend(command(sequence, events));
    }
    log.writer.append(&mut all).unwrap();
    // The end of this one is not released yet.
    log.writer.append(&mut command(9, 4)[..3]).unwrap();
    let sink = Memory::default();
    let progress = run_to_end(&log, &sink).await.unwrap();
    let batches = sink.batches.lock().unwrap().clone();
    for pair in batches.windows(2) {
        assert_ne!(pair[0].last().unwrap().0, pair[1][0].0, "a command is in two batches");
    }
    let expected: Vec<Position> = all.iter().map(|event| (event.sequence().raw(), event.index())).collect();
    assert_eq!(batches.concat(), expected);
    assert_eq!((progress.through(), progress.events()), (Sequence::new(6), all.len() as u64));
    assert_eq!(progress.lag(), 3, "command 9 is released in part");
}

#[tokio::test(start_paused = true)]
async fn a_sink_goes_on_after_its_position() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = log(&dir);
    for sequence in 1..=5 {
        log.writer.append(&mut command(sequence, 2)).unwrap();
    }
    let sink = Memory { position: Some((3, (3, 1))), ..Default::default() };
    run_to_end(&log, &sink).await.unwrap();
    assert_eq!(sink.batches.lock().unwrap().concat(), [(4, 0), (4, 1), (5, 0), (5, 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_released_while_it_runs_is_projected_and_a_stop_drains() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = log(&dir);
    let (applied, mut seen) = mpsc::unbounded_channel();
    let sink = Memory { applied: Some(applied), ..Default::default() };
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(run_sink(
        log.log.clone(),
        sink.clone(),
        Epoch::new(3),
        stopped,
        Arc::new(SinkProgress::default()),
    ));
    for sequence in 1..=3 {
        log.writer.append(&mut command(sequence, 1)).unwrap();
        assert_eq!(seen.recv().await, Some((sequence, 0)));
    }
    log.writer.append(&mut command(4, 1)).unwrap();
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(sink.batches.lock().unwrap().concat(), [(1, 0), (2, 0), (3, 0), (4, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_ahead_of_its_log_stops_and_names_both_places() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = log(&dir);
    log.writer.append(&mut command(7, 2)).unwrap();
    let sink = Memory { position: Some((3, (8, 0))), ..Default::default() };
    let (_stop, stopped) = watch::channel(false);
    let ended = run_sink(log.log.clone(), sink.clone(), Epoch::new(3), stopped, Arc::default()).await;
    let said = ended.unwrap_err().to_string();
    assert!(said.contains("the sink is at 8/0, the event log ends at 7/1"), "{said}");
    assert!(sink.batches.lock().unwrap().is_empty());
}

/// A standby that was just promoted releases again what its predecessor released last.
#[tokio::test(start_paused = true)]
async fn a_log_that_catches_up_with_the_sink_in_time_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = log(&dir);
    log.writer.append(&mut command(1, 1)).unwrap();
    let (applied, mut seen) = mpsc::unbounded_channel();
    let sink = Memory { position: Some((2, (2, 0))), applied: Some(applied), ..Default::default() };
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(run_sink(
        log.log.clone(),
        sink.clone(),
        Epoch::new(3),
        stopped,
        Arc::new(SinkProgress::default()),
    ));
    tokio::task::yield_now().await;
    for sequence in 2..=3 {
        log.writer.append(&mut command(sequence, 1)).unwrap();
    }
    assert_eq!(seen.recv().await, Some((3, 0)));
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(sink.batches.lock().unwrap().concat(), [(3, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_a_higher_term_wrote_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = log(&dir);
    log.writer.append(&mut command(1, 1)).unwrap();
    let sink = Memory { position: Some((4, (1, 0))), ..Default::default() };
    let said = run_to_end(&log, &sink).await.unwrap_err().to_string();
    assert!(said.contains("epoch 4") && said.contains("epoch 3"), "{said}");
}
