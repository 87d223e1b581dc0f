//! The loop that feeds a sink: claim, find the place, read whole commands, apply, wait for more.
//!
//! Invariants: events go to the sink in order and exactly after its position; a command whose last event is not released
//! yet is kept back; the wait cannot miss a wake-up, because [`Notify`] keeps one permit.
//! Owning thread: the sink's task. Reading the log is reading mapped memory.

use std::sync::Arc;
use std::time::Duration;

use tidegate_domain::{Epoch, EventRecord, Sequence};
use tidegate_journal::{EventCursor, EventLog, JournalError};
use tokio::sync::{Notify, watch};

use crate::{Sink, SinkPosition, SinkProgress};

/// Events that are read for one batch. A batch holds more only when one command has more.
pub const BATCH_EVENTS: usize = 2_000;

/// How long a log may take to reach the sink's position. A standby that was just promoted releases again what its
/// predecessor released last, so for a moment the sink may be ahead of it.
pub const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a sink stopped.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The log does not reach the sink's position: the sink belongs to another log, or this log lost its end.
    #[error(
        "the sink is at {sequence}/{index}, the event log ends at {end}: the sink is ahead of the log. Nothing was \
         written. Point the node at the sink that belongs to its journal, or restore the journal"
    )]
    AheadOfLog {
        /// Where the sink is.
        sequence: Sequence,
        /// Where the sink is.
        index: u32,
        /// Where the log ends.
        end: String,
    },
    /// A node of a higher term wrote into this sink.
    #[error("the sink was written in epoch {found}, this node leads in epoch {ours}: another node is the primary now")]
    HigherEpoch {
        /// The sink's.
        found: Epoch,
        /// This node's.
        ours: Epoch,
    },
    /// The log cannot be read.
    #[error("the event log: {0}")]
    Log(#[from] JournalError),
    /// The sink itself.
    #[error("{0}")]
    Sink(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SinkError {
    fn of(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Sink(Box::new(error))
    }
}

/// Projects `log` into `sink` from the sink's position on, until `stop` becomes true or its sender is gone; then it
/// finishes what is released and returns.
///
/// # Errors
/// [`SinkError`]: the sink is left as the last complete batch made it.
pub async fn run_sink<S: Sink>(
    log: EventLog,
    mut sink: S,
    epoch: Epoch,
    mut stop: watch::Receiver<bool>,
    progress: Arc<SinkProgress>,
) -> Result<(), SinkError> {
    let more = Arc::new(Notify::new());
    let notified = Arc::clone(&more);
    log.add_listener(Arc::new(move || notified.notify_one()));

    let position = sink.position().await.map_err(SinkError::of)?;
    if let Some(position) = position {
        if position.epoch > epoch {
            return Err(SinkError::HigherEpoch { found: position.epoch, ours: epoch });
        }
        progress.starts_at(position.sequence);
    }
    tracing::info!(through = progress.through().raw(), epoch = epoch.raw(), "the sink starts");
    let mut cursor = match position {
        None => log.cursor_at_start(),
        Some(position) => place(&log, position, &more, &mut stop).await?,
    };
    let mut events = Vec::with_capacity(BATCH_EVENTS);
    loop {
        // Asked before the read: what was released before the stop is read after it.
        let stopping = has_stopped(&stop);
        let read = cursor.next_batch(BATCH_EVENTS, &mut events)?;
        if let Some((end, _)) = log.end() {
            progress.sees_end(end);
        }
        let whole = whole_commands(&events);
        if whole > 0 {
            let rows = sink.apply(&events[..whole]).await.map_err(SinkError::of)?;
            progress.applied(events[whole - 1].sequence(), whole as u64, rows);
            events.drain(..whole);
        }
        if read == 0 {
            if stopping {
                return Ok(());
            }
            wait(&more, &mut stop).await;
        }
    }
}

/// How many of these events are whole commands.
fn whole_commands(events: &[EventRecord]) -> usize {
    events.iter().rposition(EventRecord::is_last).map_or(0, |last| last + 1)
}

/// The cursor after the sink's position, once the log reaches it.
async fn place(
    log: &EventLog,
    position: SinkPosition,
    more: &Notify,
    stop: &mut watch::Receiver<bool>,
) -> Result<EventCursor, SinkError> {
    let deadline = tokio::time::Instant::now() + CATCH_UP_TIMEOUT;
    loop {
        match log.cursor_after(position.sequence, position.index) {
            Err(JournalError::AheadOfLog { sequence, index, end }) => {
                let in_time = tokio::time::timeout_at(deadline, wait(more, stop)).await.is_ok();
                if !in_time || has_stopped(stop) {
                    return Err(SinkError::AheadOfLog { sequence, index, end });
                }
            }
            found => return Ok(found?),
        }
    }
}

/// Until the log grows or the sink is to stop.
async fn wait(more: &Notify, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = more.notified() => {}
        // An error means that the sender is gone, which is a stop as well.
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

fn has_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}
