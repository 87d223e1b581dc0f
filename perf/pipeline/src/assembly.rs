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
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use tidegate_domain::{CommandRecord, Epoch, Sequence};
use tidegate_journal::EventLog;
use tidegate_journal::stage::SyncHelper;
use tidegate_pipeline::affinity::KeptOff;
use tidegate_pipeline::runner::IdleStrategy;
use tidegate_pipeline::stamps::{TickClock, Ticks};
use tidegate_pipeline::{Fatal, OnFatal, Runner, SequencerOrder};

use crate::feed::{Feed, Pace, Work};
use crate::stages::{StageCounts, StageThread};
use crate::watch::{Watch, Watched};
use crate::wiring::{Logs, Wired, wire};

/// Pause between two looks of the caller, who must not disturb.
const LOOK: Duration = Duration::from_millis(1);

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
        let clock = TickClock::best();
        // As a node whose pipeline spins does it.
        let kept_off = KeptOff::cores(place.core);
        let failed: Arc<Mutex<Option<String>>> = Arc::default();
        let says = Arc::clone(&failed);
        let on_fatal: OnFatal = Arc::new(move |part: &str, error: Fatal| {
            *says.lock().expect("no holder of this lock panics") = Some(format!("{part}: {error}"));
        });
        let logs = Logs::open(place.folder, prepared)?;
        let log = logs.events.log.clone();
        let Wired { mut stages, inbox, control, waker, published, sent, sources, sync } =
            wire(logs, clock, place.stamps, &on_fatal)?;
        let (works, watched, done) =
            (Arc::new(ArrayQueue::new(1)), Arc::new(ArrayQueue::new(1)), Arc::new(ArrayQueue::new(1)));
        stages.insert(0, Box::new(Feed::new(Arc::clone(&works), inbox, clock)));
        let sent = place.stamps.then_some(sent);
        stages.push(Box::new(Watch::new(published, clock, sent, Arc::clone(&watched), Arc::clone(&done))));
        let counts = Arc::new(AtomicBool::new(false));
        let stage_thread = StageThread::start(sources, clock, Arc::clone(&counts))
            .map_err(|error| format!("the latency thread: {error}"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let runner = Runner { name: "pipeline", core: place.core, idle: IdleStrategy::Spin, stages, waker };
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

    /// From now on, the stamps are counted.
    pub(crate) fn count_stages(&self) {
        self.counts.store(true, Ordering::Release);
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
