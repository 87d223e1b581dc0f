//! The stages of a node and what joins them, in the order of the fused plan, with logs in a folder of their own.
//!
//!   inbox --> sequencer --> command ring --> journal, replicate, match --> event ring --> publish --> event log
//!
//! Invariants: the same stages, rings and watermarks as in a node with `async` and no standby, as large as by default.
//! Owning threads: whoever runs the stages; the sync helper has one of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crossbeam_queue::ArrayQueue;
use tidegate_domain::{ClusterId, CommandRecord, Sequence};
use tidegate_journal::stage::{JournalListeners, JournalMarks, JournalStage, SyncHelper};
use tidegate_journal::{
    LogConfig, LogKind, OpenedEventLog, OpenedJournal, Released, SEGMENT_LEN_BYTES_DEFAULT, open_event_log,
    open_journal, prepare_segments,
};
use tidegate_matching::Engine;
use tidegate_pipeline::busy::timed;
use tidegate_pipeline::stamps::{MarkWriter, StampSources, TickClock, marks as stamp_marks, receipts};
use tidegate_pipeline::{
    AckPolicy, AckRule, DigestBoard, Fatal, Inbox, MatchStage, OnFatal, Publish, RecordSource, RunControl, Sequencer,
    Stage, Waker, WatermarkReader, Watermarks, command_ring, event_ring, watermark,
};
use tidegate_replicator::{LiveFeed, ReplicateStage};

/// As in a node's default configuration.
const INBOX_SLOTS: usize = 8_192;
const COMMAND_RING_SLOTS: usize = 16_384;
const EVENT_RING_SLOTS: usize = 16_384;
/// An own journal that is empty.
struct NoRestart;

impl RecordSource for NoRestart {
    fn read(&mut self, _: usize, _: &mut Vec<CommandRecord>) -> Result<(), Fatal> {
        Ok(())
    }
}

/// Both logs, empty.
pub(crate) struct Logs {
    pub(crate) journal: OpenedJournal,
    pub(crate) events: OpenedEventLog,
}

impl Logs {
    /// New ones in a folder, with so many segments made in advance.
    pub(crate) fn open(folder: &Path, prepared: (u32, u32)) -> Result<Self, String> {
        let config = LogConfig::new(folder, ClusterId::new(1), SEGMENT_LEN_BYTES_DEFAULT);
        let open = || {
            prepare_segments(&config, LogKind::Journal, prepared.0)?;
            prepare_segments(&config, LogKind::Events, prepared.1)?;
            Ok(Self { journal: open_journal(&config)?, events: open_event_log(&config, None)? })
        };
        open().map_err(|error: tidegate_journal::JournalError| error.to_string())
    }
}

/// The stages, and the ends that others hold.
pub(crate) struct Wired {
    /// In the order of the pipeline.
    pub(crate) stages: Vec<Box<dyn Stage>>,
    pub(crate) inbox: Inbox,
    pub(crate) control: RunControl,
    pub(crate) waker: Waker,
    pub(crate) published: WatermarkReader,
    /// Where a gateway stamps what it has sent.
    pub(crate) sent: MarkWriter,
    pub(crate) sources: StampSources,
    pub(crate) sync: SyncHelper,
}

/// Joins everything; `stamps` says whether stages stamp what they did.
pub(crate) fn wire(logs: Logs, clock: TickClock, stamps: bool, on_fatal: &OnFatal) -> Result<Wired, String> {
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
    let ((_, peer_stamps), (sent, sent_stamps)) = (stamp_marks(clock), stamp_marks(clock));
    let (receipts, receipts_read) = receipts();
    let synced = synced.share();
    let (syncer, syncs) = (logs.journal.syncer, synced.clone());
    let sync = SyncHelper::start(syncer, syncs, policy.clone(), waker.listener(), Arc::clone(on_fatal))
        .map_err(|error| format!("the sync helper: {error}"))?;

    let deadline = Arc::new(AtomicU64::new(u64::MAX));
    let commands = command_ring(COMMAND_RING_SLOTS);
    let (event_producer, event_poller) = event_ring(EVENT_RING_SLOTS);
    let from_leader = Arc::new(ArrayQueue::new(1));
    let (restart, due) = (Box::new(NoRestart), Arc::clone(&deadline));
    let sequencer =
        Sequencer::new(restart, inbox.clone(), from_leader, control.clone(), commands.producer, assigned, due);
    let sequencer = if stamps { sequencer.noting_receipts(receipts) } else { sequencer };
    let marks = JournalMarks { journaled, synced, published: published_through.clone() };
    let listeners = JournalListeners { appended: Arc::new(|| {}), to_sync: sync.listener() };
    let journal = JournalStage::new(commands.journal, logs.journal.writer, policy.clone(), marks, listeners);
    let replicate = ReplicateStage::new(commands.replicate, LiveFeed::default(), Sequence::ZERO);
    let digests = DigestBoard::default();
    let matching = MatchStage::new(Engine::new(), commands.match_, event_producer, matched, deadline, digests);
    let safety = Watermarks { journaled: journaled_through, synced: synced_through, peer_received, commit };
    let released = Released::new(logs.events);
    let publish = Publish::new(event_poller, policy.clone(), safety, matched_through, published, released);
    let stages: [Box<dyn Stage>; 5] =
        [Box::new(sequencer), Box::new(journal), Box::new(replicate), Box::new(matching), Box::new(publish)];
    let sources = StampSources {
        receipts: receipts_read,
        assigned_through,
        policy,
        assigned: assigned_stamps,
        journaled: journaled_stamps,
        peer_received: peer_stamps,
        matched: matched_stamps,
        published: published_stamps,
        sent: vec![sent_stamps],
    };
    let stages = stages.into_iter().map(|stage| timed(stage, clock).0).collect();
    Ok(Wired { stages, inbox, control, waker, published: published_through, sent, sources, sync })
}
