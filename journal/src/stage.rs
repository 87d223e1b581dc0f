//! The journal's two duties in a running node: the stage that appends, and the helper thread that syncs.
//!
//! ```text
//!   command ring --[JournalStage: append]--> mapped segment --> journaled_through
//!                              |                   |
//!                              |             [SyncHelper: fdatasync] --> synced_through
//!                              '-----------> direct segment --> journaled_through, synced_through
//! ```
//!
//! Where an acknowledgement waits for this node's disk (`local`, `solo`), the stage writes directly and what it has written
//! is synced; else it stores into a mapping, and the helper syncs behind it. The rule in force decides, at the next append.
//! Group commit needs no timer: a write takes whatever is in the ring when the one before has returned.
//!
//! Invariants: an error of either is final. After the ring was quiet for [`COMMIT_MARK_IDLE`], and at a clean stop, a commit
//! mark is written and synced, so that damage below it is never mistaken for a torn tail.
//! Owning threads: `JournalStage` a pipeline runner, `SyncHelper` its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tidegate_domain::{CommandRecord, Sequence};
use tidegate_pipeline::rings::take_into;
use tidegate_pipeline::{
    AckPolicy, AckRule, CommandPoller, Fatal, Listener, OnFatal, SharedWatermarkWriter, Stage, WatermarkReader,
    WatermarkWriter,
};

use crate::{JournalSyncer, JournalWriter, WriterKind};

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
    policy: AckPolicy,
    marks: JournalMarks,
    listeners: JournalListeners,
    batch: Vec<CommandRecord>,
    quiet_since: Option<Instant>,
}

/// The watermarks of the stage.
pub struct JournalMarks {
    /// It writes this one.
    pub journaled: WatermarkWriter,
    /// It and the [`SyncHelper`] raise this one.
    pub synced: SharedWatermarkWriter,
    /// It reads this one, for commit marks.
    pub published: WatermarkReader,
}

/// Whom the stage calls. They must not block.
pub struct JournalListeners {
    /// After every append.
    pub appended: Listener,
    /// After an append that somebody has to sync.
    pub to_sync: Listener,
}

impl JournalStage {
    /// A stage that appends through `writer`, in the way that the rule in `policy` asks for.
    #[must_use]
    pub fn new(
        poller: CommandPoller,
        writer: JournalWriter,
        policy: AckPolicy,
        mut marks: JournalMarks,
        listeners: JournalListeners,
    ) -> Self {
        let recovered = writer.appended_through();
        marks.journaled.advance_through(recovered);
        let batch = Vec::with_capacity(BATCH);
        Self { poller, writer, recovered, policy, marks, listeners, batch, quiet_since: None }
    }

    /// Appends with the writer that the rule asks for.
    fn append(&mut self, known: usize) -> Result<(), Fatal> {
        let new = &self.batch[known..];
        let Some(last) = new.last() else { return Ok(()) };
        match self.policy.rule() {
            AckRule::Local | AckRule::Solo => self.writer.change_writer(WriterKind::Direct)?,
            AckRule::Async | AckRule::Replicated | AckRule::Follow => self.writer.change_writer(WriterKind::Mapped)?,
            // Nothing leaves: whichever it is.
            AckRule::Frozen => {}
        }
        self.writer.append(new, self.marks.published.through())?;
        self.marks.journaled.advance_through(last.sequence());
        self.tell();
        self.quiet_since = None;
        Ok(())
    }

    fn tell(&self) {
        match self.writer.kind() {
            WriterKind::Mapped => (self.listeners.to_sync)(),
            WriterKind::Direct => self.marks.synced.raise_through(self.writer.appended_through()),
        }
        (self.listeners.appended)();
    }

    /// Writes a commit mark when nothing came for a while and the last one is out of date.
    fn mark_if_quiet(&mut self) -> Result<(), Fatal> {
        let published = self.marks.published.through();
        if published <= self.writer.commit() {
            return Ok(());
        }
        let now = Instant::now();
        let quiet_since = *self.quiet_since.get_or_insert(now);
        if now.duration_since(quiet_since) >= COMMIT_MARK_IDLE {
            self.writer.mark_commit(published)?;
            self.tell();
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
        self.append(known)?;
        if taken == 0 {
            self.mark_if_quiet()?;
        }
        Ok(taken)
    }
}

impl Drop for JournalStage {
    fn drop(&mut self) {
        if let Err(error) = self.writer.mark_commit(self.marks.published.through()) {
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
        synced: SharedWatermarkWriter,
        policy: AckPolicy,
        on_synced: Listener,
        on_fatal: OnFatal,
    ) -> std::io::Result<Self> {
        synced.raise_through(syncer.synced_through());
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
