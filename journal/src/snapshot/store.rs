//! Snapshot files in a data folder: names, drafts, and which are kept.
//!
//! ```text
//!   [SnapshotStore::lock] --draft--> snapshot-000000000042.new --written, synced, read back--> [SnapshotDraft::accept]
//!                                                                     --> snapshot-000000000042.snap
//! ```
//!
//! Invariants: one process makes snapshots of a folder at a time (`snapshot.lock`); a `.snap` was whole and verified when it
//! got its name.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use tidegate_domain::Sequence;

use super::{LogPlaces, Snapshot, SnapshotFileError, SnapshotHead, read::read_place, read_snapshot, write_snapshot};
use crate::checkpoint::Checkpoint;
use crate::lock::DirLock;

const PREFIX: &str = "snapshot-";
const BUFFER_LEN_BYTES: usize = 1 << 20;

/// `snapshot-000000000042.snap`
#[must_use]
pub fn snapshot_file(dir: &Path, sequence: Sequence) -> PathBuf {
    dir.join(format!("{PREFIX}{:012}.snap", sequence.raw()))
}

/// Sequence of a snapshot from the part of its name between prefix and extension, exactly as [`snapshot_file`] writes it.
fn sequence_of(name: &str) -> Option<Sequence> {
    let sequence: u64 = name.parse().ok()?;
    (format!("{sequence:012}") == name && sequence > 0).then_some(Sequence::new(sequence))
}

/// Sequences of the snapshots in a folder, oldest first. What is half-made is not one.
///
/// # Errors
/// When the folder cannot be read.
pub fn list_snapshots(dir: &Path) -> Result<Vec<Sequence>, SnapshotFileError> {
    let mut found: Vec<Sequence> =
        names(dir)?.iter().filter_map(|name| sequence_of(name.strip_suffix(".snap")?)).collect();
    found.sort_unstable();
    Ok(found)
}

/// File names after the prefix.
fn names(dir: &Path) -> Result<Vec<String>, SnapshotFileError> {
    let entries = fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(io(dir, "list"))?;
    let name = |entry: &fs::DirEntry| Some(entry.file_name().to_str()?.strip_prefix(PREFIX)?.to_owned());
    Ok(entries.iter().filter_map(name).collect())
}

fn load(path: &Path, progress: impl FnMut(u64, u64)) -> Result<Snapshot, SnapshotFileError> {
    let file = File::open(path).map_err(io(path, "open"))?;
    let len = file.metadata().map_err(io(path, "stat"))?.len();
    read_snapshot(&mut BufReader::with_capacity(BUFFER_LEN_BYTES, file), len, path, progress)
}

/// Reads the snapshot of this sequence, whole and checked. Needs no lock: a snapshot never changes.
///
/// # Errors
/// As [`read_snapshot`].
pub fn load_snapshot(
    dir: &Path,
    sequence: Sequence,
    progress: impl FnMut(u64, u64),
) -> Result<Snapshot, SnapshotFileError> {
    load(&snapshot_file(dir, sequence), progress)
}

/// Where the journal stood at a snapshot of the folder, without reading the engine's bytes.
///
/// # Errors
/// As [`read_snapshot`].
pub fn read_journal_place(dir: &Path, sequence: Sequence) -> Result<Checkpoint, SnapshotFileError> {
    let path = snapshot_file(dir, sequence);
    read_place(&mut File::open(&path).map_err(io(&path, "open"))?, &path)
}

/// A folder whose snapshots this process makes.
#[derive(Debug)]
pub struct SnapshotStore {
    dir: PathBuf,
    _lock: DirLock,
}

impl SnapshotStore {
    /// Takes the lock, and removes what another process left half-made.
    ///
    /// # Errors
    /// When another process makes one, or the folder cannot be changed.
    pub fn lock(dir: &Path) -> Result<Self, SnapshotFileError> {
        let lock = DirLock::take_named(dir, "snapshot").map_err(SnapshotFileError::Locked)?;
        for name in names(dir)? {
            if name.ends_with(".new") {
                let path = dir.join(format!("{PREFIX}{name}"));
                fs::remove_file(&path).map_err(io(&path, "remove"))?;
            }
        }
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// Writes a snapshot under a name that does not count, and syncs it.
    ///
    /// # Errors
    /// What the disk says; nothing that counts was changed.
    pub fn draft(
        &self,
        head: &SnapshotHead,
        places: &LogPlaces,
        engine: &[u8],
        progress: impl FnMut(u64, u64),
    ) -> Result<SnapshotDraft, SnapshotFileError> {
        let path = snapshot_file(&self.dir, head.sequence);
        let unfinished = path.with_extension("new");
        let write = || {
            let file = File::create(&unfinished)?;
            let mut out = BufWriter::with_capacity(BUFFER_LEN_BYTES, file);
            write_snapshot(&mut out, head, places, engine, progress)?;
            out.flush()?;
            out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
        };
        write().map_err(io(&unfinished, "write"))?;
        Ok(SnapshotDraft { unfinished, path, dir: self.dir.clone() })
    }

    /// Keeps the newest `keep` snapshots that are not in `bad`, and removes whatever is older; which was removed.
    ///
    /// # Errors
    /// What the folder says.
    pub fn keep_newest(&self, keep: usize, bad: &[Sequence]) -> Result<Vec<Sequence>, SnapshotFileError> {
        let all = list_snapshots(&self.dir)?;
        let good: Vec<&Sequence> = all.iter().filter(|sequence| !bad.contains(sequence)).collect();
        let Some(oldest) = good.len().checked_sub(keep).map(|at| *good[at]) else { return Ok(Vec::new()) };
        let old = &all[..all.partition_point(|sequence| *sequence < oldest)];
        for sequence in old {
            let path = snapshot_file(&self.dir, *sequence);
            fs::remove_file(&path).map_err(io(&path, "remove"))?;
        }
        sync_dir(&self.dir)?;
        Ok(old.to_vec())
    }
}

/// A snapshot that is on the disk and does not count yet.
#[derive(Debug)]
pub struct SnapshotDraft {
    unfinished: PathBuf,
    path: PathBuf,
    dir: PathBuf,
}

impl SnapshotDraft {
    /// Reads it again.
    ///
    /// # Errors
    /// When it is not what was written.
    pub fn read_back(&self, progress: impl FnMut(u64, u64)) -> Result<Snapshot, SnapshotFileError> {
        load(&self.unfinished, progress)
    }

    /// From now on it counts.
    ///
    /// # Errors
    /// What the folder says.
    pub fn accept(self) -> Result<PathBuf, SnapshotFileError> {
        fs::rename(&self.unfinished, &self.path).map_err(io(&self.path, "rename"))?;
        sync_dir(&self.dir)?;
        Ok(self.path)
    }
}

fn sync_dir(dir: &Path) -> Result<(), SnapshotFileError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir, "sync"))
}

fn io(path: &Path, op: &'static str) -> impl FnOnce(std::io::Error) -> SnapshotFileError {
    let path = path.to_owned();
    move |source| SnapshotFileError::Io { path, op, source }
}
