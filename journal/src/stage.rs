//! The journal's two duties in a running node: the stage that appends, and the helper thread that syncs.
//!
//! ```text
//!   command ring --[JournalStage: append]--> mapped segment --> journaled_through
//!                                                  |
//!                                            [SyncHelper: fdatasync] --> synced_through
//! ```
//!
//! Group commit needs no timer: a sync covers whatever was appended when it began, and the next begins when it returns.
//!
//! Invariants: the stage never waits for the disk's cache to empty; an error of either is final. After the ring was quiet
//! for [`COMMIT_MARK_IDLE`], and at a clean stop, a commit mark is written and synced, so that damage below it is never
//! mistaken for a torn tail.
//! Owning threads: `JournalStage` a pipeline runner, `SyncHelper` its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tidegate_domain::{CommandRecord, Sequence};
use tidegate_pipeline::rings::take_into;
use tidegate_pipeline::{
    AckPolicy, AckRule, CommandPoller, Fatal, Listener, OnFatal, Stage, WatermarkReader, WatermarkWriter,
};

use crate::{JournalSyncer, JournalWriter};

/// Records per round.
const BATCH: usize = 511;
/// Quiet time after which a commit mark is written.
pub const COMMIT_MARK_IDLE: Duration = Duration::from_millis(10);
/// Time between two syncs where no acknowledgement waits for them: what a power cut may take in `async` and `replicated`.
pub const FLUSH_WINDOW: Duration = Duration::from_millis(5);
/// Longest sleep of the sync helper between two looks.
const SYNC_LOOK: Duration = Duration::from_millis(100);

/// Appends sequenced commands; see the module.
pub struct JournalStage {
    poller: CommandPoller,
    writer: JournalWriter,
    /// What the journal held when it was opened: a restart sends it through the pipeline again.
    recovered: Sequence,
    journaled: WatermarkWriter,
    published: WatermarkReader,
    appended: Listener,
    batch: Vec<CommandRecord>,
    quiet_since: Option<Instant>,
}

impl JournalStage {
    /// A stage that appends through `writer` and calls `appended` after it did.
    #[must_use]
    pub fn new(
        poller: CommandPoller,
        writer: JournalWriter,
        mut journaled: WatermarkWriter,
        published: WatermarkReader,
        appended: Listener,
    ) -> Self {
        let recovered = writer.appended_through();
        journaled.advance_through(recovered);
        let batch = Vec::with_capacity(BATCH);
        Self { poller, writer, recovered, journaled, published, appended, batch, quiet_since: None }
    }

    /// Writes a commit mark when nothing came for a while and the last one is out of date.
    fn mark_if_quiet(&mut self) -> Result<(), Fatal> {
        let published = self.published.through();
        if published <= self.writer.commit() {
            return Ok(());
        }
        let now = Instant::now();
        let quiet_since = *self.quiet_since.get_or_insert(now);
        if now.duration_since(quiet_since) >= COMMIT_MARK_IDLE {
            self.writer.mark_commit(published)?;
            (self.appended)();
        }
        Ok(())
    }
}

impl Stage for JournalStage {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn do_work(&mut self) -> Result<usize, Fatal> {
        self.batch.clear();
        let taken = take_into(&mut self.poller, BATCH, &mut self.batch);
        let known = self.batch.partition_point(|record| record.sequence() <= self.recovered);
        let new = &self.batch[known..];
        if let Some(last) = new.last() {
            self.writer.append(new, self.published.through())?;
            self.journaled.advance_through(last.sequence());
            self.quiet_since = None;
            (self.appended)();
        } else if taken == 0 {
            self.mark_if_quiet()?;
        }
        Ok(taken)
    }
}

impl Drop for JournalStage {
    fn drop(&mut self) {
        if let Err(error) = self.writer.mark_commit(self.published.through()) {
            tracing::error!(%error, "could not write the commit mark at the stop");
        }
    }
}

/// Handle of the thread that syncs.
pub struct SyncHelper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl SyncHelper {
    /// Starts the thread; what recovery synced counts as synced. It calls `on_synced` after each sync, and `on_fatal` when one fails, after which it ends.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub fn start(
        mut syncer: JournalSyncer,
        mut synced: WatermarkWriter,
        policy: AckPolicy,
        on_synced: Listener,
        on_fatal: OnFatal,
    ) -> std::io::Result<Self> {
        synced.advance_through(syncer.synced_through());
        let stop = Arc::new(AtomicBool::new(false));
        let stop_seen = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("journal-sync".to_owned()).spawn(move || {
            loop {
                // Read before the look, so that what was appended before the stop is synced.
                let stopping = stop_seen.load(Ordering::Acquire);
                if syncer.has_unsynced() {
                    match syncer.sync() {
                        Ok(through) => synced.raise_through(through),
                        Err(error) => return on_fatal("journal-sync", error.into()),
                    }
                    on_synced();
                    if !stopping && !matches!(policy.rule(), AckRule::Local | AckRule::Solo) {
                        // Not a park: every append would end it.
                        std::thread::sleep(FLUSH_WINDOW);
                    }
                } else if stopping {
                    return;
                } else {
                    std::thread::park_timeout(SYNC_LOOK);
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// A call for "there is more to sync".
    #[must_use]
    pub fn listener(&self) -> Listener {
        let thread = self.thread.thread().clone();
        Arc::new(move || thread.unpark())
    }

    /// Syncs what is left and ends the thread.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            tracing::error!("the sync helper panicked");
        }
    }
}
