//! Making a snapshot beside a running node, or of a stopped one.
//!
//! ```text
//!   base --> journal: how far is released? --> replay to there --> event log to there --> fdatasync --> draft --> verify
//! ```

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use tidegate_domain::{ClusterId, CommandRecord, EventBuffer, RECORD_LEN_BYTES, Sequence, StateMachine};
use tidegate_journal::snapshot::{LogPlaces, SnapshotHead, SnapshotStore, pass_events, sync_segments};
use tidegate_journal::{BatchInfo, JournalError, LogKind, scan, scan_at};
use tidegate_matching::Engine;

use super::base::Base;
use super::{Phase, Tell};

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Made {
    /// The command applied last.
    pub sequence: u64,
    /// The file; `None` when nothing was released since the snapshot that is there.
    pub file: Option<PathBuf>,
    /// Its length.
    pub bytes: u64,
    /// 32 hexadecimal digits.
    pub digest: String,
    /// The snapshot that the replay began with; 0 is the journal's start.
    pub base: u64,
    /// Commands applied since.
    pub replayed: u64,
    /// Older snapshots that were removed.
    pub removed: Vec<u64>,
    /// How long it took.
    pub elapsed_ms: u64,
}

/// Makes a snapshot of the node in a folder, and keeps the newest `keep` of them.
///
/// # Errors
/// In words that name the file and what to do; then there is no new snapshot.
pub fn make(dir: &Path, keep: usize, tell: Tell<'_>) -> Result<Made, String> {
    let started = Instant::now();
    let words = |error: JournalError| error.to_string();
    let store = SnapshotStore::lock(dir).map_err(|error| error.to_string())?;
    let (mut base, bad) = Base::newest(dir, tell)?;
    let from = base.sequence;
    let (cluster, target) = released(dir, &base, tell).map_err(words)?;
    let mut made = Made {
        sequence: from.raw(),
        file: None,
        bytes: 0,
        digest: base.engine.digest().to_string(),
        base: from.raw(),
        replayed: 0,
        removed: Vec::new(),
        elapsed_ms: 0,
    };
    if target > from {
        let (head, places) = replay(dir, cluster, &mut base, target, tell)?;
        let engine = base.engine.snapshot();
        drop(base.engine);
        let draft = store.draft(&head, &places, &engine, |done, total| tell(Phase::Write, done, total));
        let draft = draft.map_err(|error| error.to_string())?;
        drop(engine);
        let back =
            draft.read_back(|done, total| tell(Phase::Verify, done, total)).map_err(|error| error.to_string())?;
        // A second engine, from what the disk holds; its digest is made by a full walk.
        let second = Engine::restore(back.engine()).map_err(|error| error.to_string())?;
        if (back.head, &back.places, second.digest()) != (head, &places, head.digest) {
            return Err(format!(
                "the snapshot at {target} does not load back as it was written: check memory and disk"
            ));
        }
        let file = draft.accept().map_err(|error| error.to_string())?;
        made.bytes = std::fs::metadata(&file).map_or(0, |metadata| metadata.len());
        (made.sequence, made.digest) = (target.raw(), head.digest.to_string());
        (made.file, made.replayed) = (Some(file), target.raw() - from.raw());
    }
    let removed = store.keep_newest(keep.max(2), &bad).map_err(|error| error.to_string())?;
    made.removed = removed.into_iter().map(Sequence::raw).collect();
    made.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(made)
}

/// Whose journal it is, and its last batch end that its commit covers: what comes later could still be cut away.
fn released(dir: &Path, base: &Base, tell: Tell<'_>) -> Result<(ClusterId, Sequence), JournalError> {
    let (mut cluster, mut target) = (base.cluster, base.sequence);
    let mut commit = base.places.journal.commit;
    // Ends of batches that are not known to be released; few, since a batch names what was released when it was written.
    let mut open: VecDeque<Sequence> = VecDeque::new();
    let progress = |done, total| tell(Phase::Journal, done, total);
    let on_batch = |info: &BatchInfo, _: &[u8]| {
        cluster.get_or_insert(info.cluster);
        commit = commit.max(info.commit);
        if info.count > 0 {
            open.push_back(Sequence::new(info.first.raw() + u64::from(info.count) - 1));
        }
        while let Some(end) = open.front().filter(|end| **end <= commit) {
            target = *end;
            open.pop_front();
        }
        true
    };
    match base.cluster {
        Some(cluster) => {
            scan_at((dir, LogKind::Journal), (cluster, &base.places.journal), progress, on_batch)?;
        }
        None => {
            scan(dir, LogKind::Journal, progress, on_batch)?;
        }
    }
    Ok((cluster.unwrap_or_default(), target))
}

/// Brings the base's engine to `target`, and finds where both logs stand there.
fn replay(
    dir: &Path,
    cluster: ClusterId,
    base: &mut Base,
    target: Sequence,
    tell: Tell<'_>,
) -> Result<(SnapshotHead, LogPlaces), String> {
    let words = |error: JournalError| error.to_string();
    let (from, engine) = (base.sequence.raw(), &mut base.engine);
    let mut out = EventBuffer::with_capacity(engine.events_per_command_max());
    let mut batch: Vec<CommandRecord> = Vec::new();
    let mut events_through = base.places.events_through;
    let (mut epoch, mut time) = (base.epoch, base.time);
    let total = target.raw() - from;
    let scanned = scan_at(
        (dir, LogKind::Journal),
        (cluster, &base.places.journal),
        |_, _| {},
        |info, records| {
            if info.first > target {
                return false;
            }
            batch.clear();
            batch.extend(
                records.as_chunks::<RECORD_LEN_BYTES>().0.iter().map(|record| CommandRecord::from_bytes(*record)),
            );
            for (at, record) in batch.iter().enumerate() {
                out.clear();
                engine.look_ahead(&batch[at..]);
                engine.apply(record, &mut out);
                if record.sequence().raw() == 1 {
                    // Genesis told the limits.
                    out.reserve_total(engine.events_per_command_max());
                }
                if let Some(event) = out.records().last() {
                    events_through = Some((event.sequence(), event.index()));
                }
                (epoch, time) = (record.epoch(), record.time());
            }
            tell(Phase::Replay, engine.applied_through().raw() - from, total);
            true
        },
    );
    let journal = scanned.map_err(words)?.checkpoint;
    if journal.last_sequence() != target {
        return Err(format!(
            "the journal ended at {} while it was read, it went to {target} before",
            journal.last_sequence()
        ));
    }
    tell(Phase::Events, 0, 1);
    let pass = pass_events(dir, cluster, &base.places.events, target).map_err(words)?;
    if pass.last < events_through {
        return Err(format!(
            "the event log of {} does not reach command {target}, which was released: its end was lost with the machine. \
             Start the node, which makes it again, and take a snapshot then",
            dir.display()
        ));
    }
    tell(Phase::Sync, 0, 1);
    sync_segments(dir, LogKind::Journal, base.places.journal.segment).map_err(words)?;
    sync_segments(dir, LogKind::Events, base.places.events.log.segment).map_err(words)?;
    let head = SnapshotHead { cluster, sequence: target, epoch, time, digest: engine.digest() };
    Ok((head, LogPlaces { journal, events: pass.checkpoint, events_through }))
}
