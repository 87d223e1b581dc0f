//! A pipeline in this process, put together as the node does it, with its logs in a folder of its own.
//!
//! ```text
//!   start: threads, genesis --> push: some commands at their pace, until the last is out --> .. --> stop --> the event log
//! ```
//!
//! Invariants: the stages, their order and their helpers are those of a node in the fused plan with `async` and no standby; only
//! the gateway is another one.
//! Owning threads: `pipeline` the stages, `journal-sync`, `journal-prepare`, `events-prepare` and `latency` the helpers.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use tidegate_domain::{ClusterId, CommandRecord, Epoch, Sequence};
use tidegate_journal::stage::{JournalListeners, JournalMarks, JournalStage, SyncHelper};
use tidegate_journal::{
    EventLog, LogConfig, LogKind, Released, SEGMENT_LEN_BYTES_DEFAULT, open_event_log, open_journal, prepare_segments,
};
use tidegate_matching::Engine;
use tidegate_pipeline::affinity::KeptOff;
use tidegate_pipeline::busy::timed;
use tidegate_pipeline::runner::IdleStrategy;
use tidegate_pipeline::stamps::{StampSources, TickClock, Ticks, marks as stamp_marks, receipts};
use tidegate_pipeline::{
    AckPolicy, AckRule, DigestBoard, Fatal, Inbox, MatchStage, OnFatal, Publish, RecordSource, RunControl, Runner,
    Sequencer, SequencerOrder, Stage, Waker, Watermarks, command_ring, event_ring, watermark,
};
use tidegate_replicator::{LiveFeed, ReplicateStage};

use crate::feed::{Feed, Pace, Work};
use crate::stages::{StageCounts, StageThread};
use crate::watch::{Watch, Watched};

/// As in a node's default configuration.
const INBOX_SLOTS: usize = 8_192;
const COMMAND_RING_SLOTS: usize = 16_384;
const EVENT_RING_SLOTS: usize = 16_384;
/// Pause between two looks of the caller, who must not disturb.
const LOOK: Duration = Duration::from_millis(1);

/// An own journal that is empty.
struct NoRestart;

impl RecordSource for NoRestart {
    fn read(&mut self, _: usize, _: &mut Vec<CommandRecord>) -> Result<(), Fatal> {
        Ok(())
    }
}

/// Where one runs.
pub(crate) struct Place<'a> {
    /// Of its logs.
    pub(crate) folder: &'a Path,
    /// Of the pipeline's thread.
    pub(crate) core: Option<usize>,
    /// Whether it takes stamps.
    pub(crate) stamps: bool,
}

/// See the module.
pub(crate) struct Assembly {
    clock: TickClock,
    log: EventLog,
    works: Arc<ArrayQueue<Work>>,
    watched: Arc<ArrayQueue<Watched>>,
    done: Arc<ArrayQueue<Watched>>,
    counts: Arc<AtomicBool>,
    failed: Arc<Mutex<Option<String>>>,
    stop: Arc<AtomicBool>,
    pipeline: JoinHandle<()>,
    sync: SyncHelper,
    stages: StageThread,
    /// The caller's thread, too: it looks now and then.
    _kept_off: Option<KeptOff>,
}

impl Assembly {
    /// Starts one with so many segments of both logs made in advance; the records are `Genesis` and `TakeLead`.
    pub(crate) fn start(
        place: &Place<'_>,
        prepared: (u32, u32),
        [genesis, lead]: [CommandRecord; 2],
    ) -> Result<Self, String> {
        let Place { folder, core, stamps } = *place;
        let clock = TickClock::best();
        // As a node whose pipeline spins does it.
        let kept_off = KeptOff::cores(core);
        let config = LogConfig::new(folder, ClusterId::new(1), SEGMENT_LEN_BYTES_DEFAULT);
        let journal_failed = |error: tidegate_journal::JournalError| error.to_string();
        prepare_segments(&config, LogKind::Journal, prepared.0).map_err(journal_failed)?;
        prepare_segments(&config, LogKind::Events, prepared.1).map_err(journal_failed)?;
        let journal = open_journal(&config).map_err(journal_failed)?;
        let events = open_event_log(&config, None).map_err(journal_failed)?;
        let log = events.log.clone();
        let failed: Arc<Mutex<Option<String>>> = Arc::default();
        let says = Arc::clone(&failed);
        let on_fatal: OnFatal = Arc::new(move |part: &str, error: Fatal| {
            *says.lock().expect("no holder of this lock panics") = Some(format!("{part}: {error}"));
        });

        let waker = Waker::default();
        let inbox = Inbox::new(INBOX_SLOTS, waker.clone());
        let control = RunControl::new(waker.clone());
        let policy = AckPolicy::new(AckRule::Async);
        let stamped = || {
            let ((writer, reader), (marks, read)) = (watermark(), stamp_marks(clock));
            (if stamps { writer.stamped_by(marks) } else { writer }, reader, read)
        };
        let (assigned, assigned_through, assigned_stamps) = stamped();
        let (journaled, journaled_through, journaled_stamps) = stamped();
        let (matched, matched_through, matched_stamps) = stamped();
        let (published, published_through, published_stamps) = stamped();
        let ((synced, synced_through), (_, peer_received), (_, commit)) = (watermark(), watermark(), watermark());
        // There is neither a standby nor a socket here: what a release and a send are is the same moment.
        let ((_, peer_stamps), (sent_stamps, sent_read)) = (stamp_marks(clock), stamp_marks(clock));
        let (receipts, receipts_read) = receipts();
        let synced = synced.share();
        let sync =
            SyncHelper::start(journal.syncer, synced.clone(), policy.clone(), waker.listener(), Arc::clone(&on_fatal))
                .map_err(|error| format!("the sync helper: {error}"))?;

        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let commands = command_ring(COMMAND_RING_SLOTS);
        let (event_producer, event_poller) = event_ring(EVENT_RING_SLOTS);
        let queue = || Arc::new(ArrayQueue::new(2));
        let (works, watched, done) = (queue(), Arc::new(ArrayQueue::new(2)), Arc::new(ArrayQueue::new(2)));
        let sequencer = Sequencer::new(
            Box::new(NoRestart),
            inbox.clone(),
            Arc::new(ArrayQueue::new(1)),
            control.clone(),
            commands.producer,
            assigned,
            Arc::clone(&deadline),
        );
        let marks = JournalMarks { journaled, synced, published: published_through.clone() };
        let listeners = JournalListeners { appended: Arc::new(|| {}), to_sync: sync.listener() };
        let safety = Watermarks { journaled: journaled_through, synced: synced_through, peer_received, commit };
        let matching =
            MatchStage::new(Engine::new(), commands.match_, event_producer, matched, deadline, DigestBoard::default());
        let publish =
            Publish::new(event_poller, policy.clone(), safety, matched_through, published, Released::new(events));
        let stages: Vec<Box<dyn Stage>> = vec![
            Box::new(if stamps { sequencer.noting_receipts(receipts) } else { sequencer }),
            Box::new(JournalStage::new(commands.journal, journal.writer, policy.clone(), marks, listeners)),
            Box::new(ReplicateStage::new(commands.replicate, LiveFeed::default(), Sequence::ZERO)),
            Box::new(matching),
            Box::new(publish),
        ];
        let mut stages: Vec<_> = stages.into_iter().map(|stage| timed(stage, clock).0).collect();
        stages.insert(0, Box::new(Feed::new(Arc::clone(&works), inbox, clock)));
        let watch = Watch::new(
            published_through,
            clock,
            stamps.then_some(sent_stamps),
            Arc::clone(&watched),
            Arc::clone(&done),
        );
        stages.push(Box::new(watch));
        let sources = StampSources {
            receipts: receipts_read,
            assigned_through,
            policy,
            assigned: assigned_stamps,
            journaled: journaled_stamps,
            peer_received: peer_stamps,
            matched: matched_stamps,
            published: published_stamps,
            sent: vec![sent_read],
        };
        let counts = Arc::new(AtomicBool::new(false));
        let stage_thread = StageThread::start(sources, clock, Arc::clone(&counts))
            .map_err(|error| format!("the latency thread: {error}"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let runner = Runner { name: "pipeline", core, idle: IdleStrategy::Spin, stages, waker };
        let pipeline =
            runner.start(Arc::clone(&stop), on_fatal).map_err(|error| format!("the pipeline's thread: {error}"))?;
        control.give(SequencerOrder::Lead { epoch: Epoch::new(1), first: lead, genesis: Some(genesis) });
        let assembly = Self {
            clock,
            log,
            works,
            watched,
            done,
            counts,
            failed,
            stop,
            pipeline,
            sync,
            stages: stage_thread,
            _kept_off: kept_off,
        };
        while !control.is_obeyed() {
            assembly.look()?;
        }
        Ok(assembly)
    }

    /// Its clock.
    pub(crate) fn clock(&self) -> TickClock {
        self.clock
    }

    /// Waits a moment; says whether a stage has failed.
    fn look(&self) -> Result<(), String> {
        std::thread::sleep(LOOK);
        match &*self.failed.lock().expect("no holder of this lock panics") {
            Some(error) => Err(error.clone()),
            None if self.pipeline.is_finished() => Err("the pipeline ended by itself".to_owned()),
            None => Ok(()),
        }
    }

    /// Pushes these commands, whose first has sequence `first`, and waits until the last is out. `pace` is asked when all else is ready.
    /// When it began, and how far what was out when.
    pub(crate) fn push(
        &self,
        records: &Arc<Vec<CommandRecord>>,
        range: Range<usize>,
        first: Sequence,
        pace: impl FnOnce() -> Pace,
    ) -> Result<(Ticks, Pace, Watched), String> {
        assert!(!range.is_empty(), "something to push");
        let last = Sequence::new(first.raw() + range.len() as u64 - 1);
        let full = "the one before is done";
        assert!(self.watched.push(Watched::new(range.len(), last, self.clock)).is_ok(), "{full}");
        let pace = pace();
        let began = self.clock.now();
        assert!(self.works.push(Work { records: Arc::clone(records), range, pace }).is_ok(), "{full}");
        loop {
            if let Some(done) = self.done.pop() {
                return Ok((began, pace, done));
            }
            self.look()?;
        }
    }

    /// From now on, the stamps are counted, or not any more.
    pub(crate) fn count_stages(&self, counts: bool) {
        self.counts.store(counts, Ordering::Release);
    }

    /// Ends the threads; what the stages took, and the event log.
    pub(crate) fn stop(self) -> Result<(StageCounts, EventLog), String> {
        let Self { log, stop, pipeline, sync, stages, .. } = self;
        stop.store(true, Ordering::Release);
        pipeline.join().map_err(|_| "the pipeline's thread panicked".to_owned())?;
        sync.stop();
        Ok((stages.stop(), log))
    }
}
