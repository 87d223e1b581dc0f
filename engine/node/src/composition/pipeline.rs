//! The pipeline: watermarks, stages, the sync helper, and the threads that run them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::JoinHandle;

use tidegate_journal::stage::{JournalListeners, JournalMarks, JournalStage, SyncHelper};
use tidegate_journal::{JournalReader, JournalSyncer, JournalWriter, OpenedEventLog, Released};
use tidegate_matching::Engine;
use tidegate_pipeline::runner::IdleStrategy;
use tidegate_pipeline::stamps::{
    MarkReader, MarkWriter, ReceiptReader, ReceiptWriter, StampSources, TickClock, marks as stamp_marks, receipts,
};
use tidegate_pipeline::{
    CorePlan, Listener, MatchStage, OnFatal, Publish, Resume, Runner, Sequencer, Stage, Waker, WatermarkReader,
    WatermarkWriter, Watermarks, command_ring, event_ring, watermark,
};
use tidegate_replicator::ReplicateStage;

use super::link::{LinkEnds, LinkMarks};
use super::{Handles, NodeError, start_error};
use crate::config::{IdleName, NodeConfig};
use crate::control::Marks;
use crate::glue::Restart;

/// The watermarks that the stages write.
pub(super) struct StageMarks {
    assigned: WatermarkWriter,
    journaled: WatermarkWriter,
    synced: WatermarkWriter,
    matched: WatermarkWriter,
    published: WatermarkWriter,
    receipts: ReceiptWriter,
}

/// Where the stamps of all of them are read.
pub(super) struct StampReaders {
    receipts: ReceiptReader,
    assigned: MarkReader,
    journaled: MarkReader,
    peer_received: MarkReader,
    matched: MarkReader,
    published: MarkReader,
}

impl StampReaders {
    /// Together with those of the gateways.
    pub(super) fn sources(self, handles: &Handles<'_>, sent: Vec<MarkReader>) -> StampSources {
        let Self { receipts, assigned, journaled, peer_received, matched, published } = self;
        let (assigned_through, policy) = (handles.marks.assigned.clone(), handles.policy.clone());
        StampSources {
            receipts,
            assigned_through,
            policy,
            assigned,
            journaled,
            peer_received,
            matched,
            published,
            sent,
        }
    }
}

/// Both ends of the stamps of so many gateways.
pub(super) fn gateway_stamps(clock: TickClock, gateways: usize) -> (Vec<MarkWriter>, Vec<MarkReader>) {
    (0..gateways).map(|_| stamp_marks(clock)).unzip()
}

fn stamped_watermark(clock: TickClock) -> (WatermarkWriter, WatermarkReader, MarkReader) {
    let ((writer, reader), (stamps, read)) = (watermark(), stamp_marks(clock));
    (writer.stamped_by(stamps), reader, read)
}

/// Both ends of every watermark, and where those are read that `clock` stamps.
pub(super) fn marks(clock: TickClock) -> (StageMarks, LinkMarks, Marks, StampReaders) {
    let (receipts, receipts_r) = receipts();
    let (assigned, assigned_r, assigned_s) = stamped_watermark(clock);
    let (journaled, journaled_r, journaled_s) = stamped_watermark(clock);
    let (synced, synced_r) = watermark();
    let (matched, matched_r, matched_s) = stamped_watermark(clock);
    let (published, published_r, published_s) = stamped_watermark(clock);
    let (peer_received, peer_received_r, peer_received_s) = stamped_watermark(clock);
    let (peer_synced, peer_synced_r) = watermark();
    let (commit, commit_r) = watermark();
    let readers = Marks {
        assigned: assigned_r,
        journaled: journaled_r,
        synced: synced_r,
        matched: matched_r,
        published: published_r,
        peer_received: peer_received_r,
        peer_synced: peer_synced_r,
        commit: commit_r,
    };
    let stamps = StampReaders {
        receipts: receipts_r,
        assigned: assigned_s,
        journaled: journaled_s,
        peer_received: peer_received_s,
        matched: matched_s,
        published: published_s,
    };
    let stages = StageMarks { assigned, journaled, synced, matched, published, receipts };
    (stages, LinkMarks { peer_received, peer_synced, commit }, readers, stamps)
}

/// The five stages in the order of the pipeline, with an engine that goes on where `resume` says, and the helper that syncs the journal, which runs from now on.
pub(super) fn stages(
    handles: &Handles<'_>,
    marks: StageMarks,
    journal: (JournalWriter, JournalSyncer, JournalReader),
    events: OpenedEventLog,
    (engine, resume): (Engine, Resume),
    link: &LinkEnds,
) -> Result<(Vec<Box<dyn Stage>>, SyncHelper), NodeError> {
    let (writer, syncer, reader) = journal;
    let recovered = writer.appended_through();
    let (readers, policy) = (&handles.marks, &handles.policy);
    let on_synced = both(handles.waker.listener(), Arc::clone(&link.poke));
    let synced = marks.synced.share();
    let sync_helper =
        SyncHelper::start(syncer, synced.clone(), policy.clone(), on_synced, Arc::clone(&handles.on_fatal))
            .map_err(start_error("the sync helper"))?;
    let safety = Watermarks {
        journaled: readers.journaled.clone(),
        synced: readers.synced.clone(),
        peer_received: readers.peer_received.clone(),
        commit: readers.commit.clone(),
    };
    let deadline = Arc::new(AtomicU64::new(u64::MAX));
    let commands = command_ring(handles.config.pipeline.command_ring_slots);
    let (event_producer, event_poller) = event_ring(handles.config.pipeline.event_ring_slots);
    let sequencer = Sequencer::new(
        Box::new(Restart::new(reader, resume)),
        handles.inbox.clone(),
        Arc::clone(&link.from_leader),
        handles.run.clone(),
        commands.producer,
        marks.assigned,
        Arc::clone(&deadline),
    );
    let stages: Vec<Box<dyn Stage>> = vec![
        Box::new(sequencer.noting_receipts(marks.receipts)),
        Box::new(JournalStage::new(
            commands.journal,
            writer,
            policy.clone(),
            JournalMarks { journaled: marks.journaled, synced, published: readers.published.clone() },
            JournalListeners { appended: Arc::clone(&link.poke), to_sync: sync_helper.listener() },
        )),
        Box::new(ReplicateStage::new(commands.replicate, link.feed.clone(), recovered)),
        Box::new(MatchStage::new(
            engine,
            commands.match_,
            event_producer,
            marks.matched,
            deadline,
            handles.digests.clone(),
        )),
        Box::new(Publish::new(
            event_poller,
            policy.clone(),
            safety,
            readers.matched.clone(),
            marks.published,
            Released::new(events),
        )),
    ];
    Ok((stages, sync_helper))
}

/// How stages are spread over cores, and over how many.
pub(super) fn core_plan(config: &NodeConfig) -> (CorePlan, usize) {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    let plan = CorePlan::choose(config.pipeline.core_plan.into(), available);
    tracing::info!(plan = plan.as_str(), available, "core plan");
    (plan, available)
}

/// What threads of the pipeline and of order entry do when there is nothing to do.
pub(super) fn idle(config: &NodeConfig, plan: CorePlan) -> IdleStrategy {
    match config.pipeline.idle {
        IdleName::Auto => plan.idle(),
        IdleName::Spin => IdleStrategy::Spin,
        IdleName::Park => IdleStrategy::SpinThenPark,
    }
}

/// The threads that run the stages.
pub(super) struct Runners {
    threads: Vec<JoinHandle<()>>,
    wakers: Vec<Waker>,
    stop: Arc<AtomicBool>,
}

impl Runners {
    /// Spreads the stages over threads by the core plan.
    pub(super) fn start(
        (plan, available): (CorePlan, usize),
        idle: IdleStrategy,
        stages: Vec<Box<dyn Stage>>,
        pipeline_waker: Waker,
        on_fatal: &OnFatal,
    ) -> Result<Self, NodeError> {
        let groups: Vec<(&'static str, Vec<Box<dyn Stage>>)> = match plan {
            CorePlan::Fused => vec![("pipeline", stages)],
            CorePlan::Pinned => stages.into_iter().map(|stage| (stage.name(), vec![stage])).collect(),
        };
        let mut runners = Self { threads: Vec::new(), wakers: Vec::new(), stop: Arc::default() };
        for (n, (name, stages)) in groups.into_iter().enumerate() {
            // What feeds the pipeline wakes its first thread, which in the fused plan is the only one.
            let waker = if n == 0 { pipeline_waker.clone() } else { Waker::default() };
            runners.wakers.push(waker.clone());
            let runner = Runner { name, core: plan.core_of(n, available), idle, stages, waker };
            let thread = runner.start(Arc::clone(&runners.stop), Arc::clone(on_fatal));
            runners.threads.push(thread.map_err(start_error("a pipeline thread"))?);
        }
        Ok(runners)
    }

    /// Ends the threads once they find nothing to do. Dropping the journal stage writes the last commit mark.
    pub(super) fn stop(self) {
        self.stop.store(true, std::sync::atomic::Ordering::Release);
        for waker in &self.wakers {
            waker.wake();
        }
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a pipeline thread panicked");
            }
        }
    }
}

/// Joins two calls into one.
fn both(first: Listener, second: Listener) -> Listener {
    Arc::new(move || {
        first();
        second();
    })
}
