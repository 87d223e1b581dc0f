//! What a replay, or a start, begins with: a good snapshot, or nothing.

use std::path::Path;

use tidegate_domain::{ClusterId, Epoch, Sequence, StateMachine, Timestamp};
use tidegate_journal::LogKind;
use tidegate_journal::snapshot::{LogPlaces, Snapshot, list_snapshots, load_snapshot, snapshot_file};
use tidegate_matching::Engine;
use tidegate_order_entry::Known;
use tidegate_pipeline::Resume;

use super::{Phase, Tell};

/// An engine and where the logs stood.
pub(crate) struct Base {
    pub(crate) cluster: Option<ClusterId>,
    pub(crate) sequence: Sequence,
    pub(crate) epoch: Epoch,
    pub(crate) time: Timestamp,
    pub(crate) places: LogPlaces,
    pub(crate) engine: Engine,
}

impl Base {
    /// Before the first command.
    pub(crate) fn genesis() -> Self {
        Self {
            cluster: None,
            sequence: Sequence::ZERO,
            epoch: Epoch::default(),
            time: Timestamp::default(),
            places: LogPlaces::default(),
            engine: Engine::new(),
        }
    }

    /// Reads a snapshot whole and checks that it is of these logs; the engine's bytes are not restored yet.
    pub(crate) fn read(
        dir: &Path,
        sequence: Sequence,
        cluster: Option<ClusterId>,
        progress: impl FnMut(u64, u64),
    ) -> Result<Snapshot, String> {
        let snapshot = load_snapshot(dir, sequence, progress).map_err(|error| error.to_string())?;
        let whose = snapshot.head.cluster;
        if let Some(cluster) = cluster.filter(|cluster| *cluster != whose) {
            return Err(format!("it is of cluster {:032x}, not {:032x}", whose.raw(), cluster.raw()));
        }
        let LogPlaces { journal, events, .. } = &snapshot.places;
        journal.check(dir, LogKind::Journal, whose).map_err(|error| error.to_string())?;
        events.log.check(dir, LogKind::Events, whose).map_err(|error| error.to_string())?;
        Ok(snapshot)
    }

    /// Restores the engine; its digest, by a full walk, must be the header's.
    pub(crate) fn restored(snapshot: Snapshot) -> Result<Self, String> {
        let engine = Engine::restore(snapshot.engine()).map_err(|error| error.to_string())?;
        let head = snapshot.head;
        if engine.digest() != head.digest || engine.applied_through() != head.sequence {
            return Err("the engine's state is not the one that the header names".to_owned());
        }
        Ok(Self {
            cluster: Some(head.cluster),
            sequence: head.sequence,
            epoch: head.epoch,
            time: head.time,
            places: snapshot.places,
            engine,
        })
    }

    /// What order entry need not learn from the event log.
    pub(crate) fn known(&self) -> Known {
        if self.sequence == Sequence::ZERO {
            return Known::default();
        }
        let mut described = Vec::new();
        self.engine.describe(|header, event| described.push((*header, *event)));
        Known { described, after: self.places.events.log.last }
    }

    /// Where the pipeline goes on.
    pub(crate) fn resume(&self) -> Resume {
        Resume { through: self.sequence, epoch: self.epoch, time: self.time }
    }

    /// The newest good snapshot of a folder, or the start of its logs, and those newer ones that are not good.
    pub(crate) fn newest(dir: &Path, tell: Tell<'_>) -> Result<(Self, Vec<Sequence>), String> {
        let mut bad = Vec::new();
        for sequence in list_snapshots(dir).map_err(|error| error.to_string())?.into_iter().rev() {
            let base = Self::read(dir, sequence, None, |done, total| tell(Phase::Base, done, total));
            match base.and_then(Self::restored) {
                Ok(base) => return Ok((base, bad)),
                Err(why) => {
                    pass_over(dir, sequence, &why);
                    bad.push(sequence);
                }
            }
        }
        Ok((Self::genesis(), bad))
    }
}

/// Says that a snapshot is not used.
pub(crate) fn pass_over(dir: &Path, sequence: Sequence, why: &str) {
    tracing::warn!(file = %snapshot_file(dir, sequence).display(), why, "a snapshot is passed over");
}
