//! Making a data folder that a node can start in, from a backup or from another node's folder.
//!
//! Invariants: snapshots are copied first, then the event log, then the journal, each as far as it goes at that moment, so that the
//! copy of a running node's folder is what a `kill -9` leaves: a journal that reaches at least as far as its event log and
//! its snapshots. The source is only read. What is copied is checked before the folder counts as made.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tidegate_domain::Sequence;
use tidegate_journal::snapshot::{list_snapshots, snapshot_file};
use tidegate_journal::{LogKind, scan_at, segment_file, verify};

use super::base::{Base, pass_over};
use super::{Phase, Tell};
use crate::state_file::STATE_FILE;

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The folder.
    pub data_dir: PathBuf,
    /// The snapshot that a start will take; 0 when there is none, and it replays the journal from its start.
    pub snapshot: u64,
    /// The last command of the journal.
    pub last_sequence: u64,
    /// What of it was certainly released.
    pub committed_through: u64,
    /// Files copied.
    pub files: u64,
    /// Bytes copied.
    pub bytes: u64,
}

/// Copies what a node needs from `source` into `target`, which must not exist or be empty.
///
/// # Errors
/// In words that name the file. What was copied so far stays, without `node.state`, and no node starts in it unnoticed.
pub fn restore(source: &Path, target: &Path, tell: Tell<'_>) -> Result<Restored, String> {
    let failed = |what: &Path| {
        let what = what.to_owned();
        move |error: io::Error| format!("{}: {error}", what.display())
    };
    fs::create_dir_all(target).map_err(failed(target))?;
    if fs::read_dir(target).map_err(failed(target))?.next().is_some() {
        return Err(format!("{} is not empty: give a folder that does not exist yet", target.display()));
    }
    let mut copied = Copied::default();
    for sequence in list_snapshots(source).map_err(|error| error.to_string())? {
        let file = snapshot_file(source, sequence);
        let len = fs::metadata(&file).map_err(failed(&file))?.len();
        copied.copy(&file, target, len).map_err(failed(&file))?;
        tell(Phase::Copy, copied.bytes, copied.bytes);
    }
    for kind in [LogKind::Events, LogKind::Journal] {
        let report = verify(source, kind, |done, total| tell(Phase::Journal, done, total));
        let report = report.map_err(|error| error.to_string())?;
        let total = u64::from(report.segments);
        for number in report.first_segment..=report.checkpoint.segment {
            let file = segment_file(source, kind, number);
            // What a writer does behind the end would come torn, and is not needed.
            let len = if number == report.checkpoint.segment { report.checkpoint.offset } else { u64::MAX };
            copied.copy(&file, target, len).map_err(failed(&file))?;
            tell(Phase::Copy, u64::from(number - report.first_segment) + 1, total);
        }
    }
    let (snapshot, end) = check(target, tell)?;
    // Last: a folder with a journal and without what its node promised is refused by nobody, so it must not look finished.
    let state = source.join(STATE_FILE);
    if state.exists() {
        fs::copy(&state, target.join(STATE_FILE)).map_err(failed(&state))?;
        File::open(target.join(STATE_FILE)).and_then(|copy| copy.sync_all()).map_err(failed(target))?;
    }
    File::open(target).and_then(|dir| dir.sync_all()).map_err(failed(target))?;
    Ok(Restored {
        data_dir: target.to_owned(),
        snapshot: snapshot.raw(),
        last_sequence: end.0.raw(),
        committed_through: end.1.raw(),
        files: copied.files,
        bytes: copied.bytes,
    })
}

/// What was copied so far.
#[derive(Default)]
struct Copied {
    files: u64,
    bytes: u64,
}

impl Copied {
    /// Copies the first `len` bytes of a file into a folder, durably; zeros stand for the rest.
    fn copy(&mut self, file: &Path, into: &Path, len: u64) -> io::Result<()> {
        let from = File::open(file)?;
        let whole = from.metadata()?.len();
        let mut to = File::create_new(into.join(file.file_name().expect("files of a folder have names")))?;
        self.bytes += io::copy(&mut from.take(len), &mut to)?;
        to.set_len(whole)?;
        to.sync_all()?;
        self.files += 1;
        Ok(())
    }
}

/// The snapshot that a start will take, and how far the journal goes and is released. Damaged snapshots are removed.
fn check(dir: &Path, tell: Tell<'_>) -> Result<(Sequence, (Sequence, Sequence)), String> {
    for sequence in list_snapshots(dir).map_err(|error| error.to_string())?.into_iter().rev() {
        let read = Base::read(dir, sequence, None, |done, total| tell(Phase::Verify, done, total));
        match read.and_then(Base::restored) {
            Ok(base) => {
                let from = (base.cluster.expect("a snapshot names its cluster"), &base.places.journal);
                let progress = |done, total| tell(Phase::Journal, done, total);
                let report = scan_at((dir, LogKind::Journal), from, progress, |_, _| true);
                let report = report.map_err(|error| error.to_string())?;
                return Ok((sequence, (report.last, report.commit)));
            }
            Err(why) => {
                pass_over(dir, sequence, &why);
                let file = snapshot_file(dir, sequence);
                fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            }
        }
    }
    let report = verify(dir, LogKind::Journal, |done, total| tell(Phase::Journal, done, total));
    let report = report.map_err(|error| error.to_string())?;
    if report.first_segment > 1 {
        let why = "the journal's beginning was removed and no snapshot is good: this backup cannot be used";
        return Err(format!("{}: {why}", dir.display()));
    }
    Ok((Sequence::ZERO, (report.last, report.commit)))
}
