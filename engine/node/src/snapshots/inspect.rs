//! Looking at snapshots.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use tidegate_domain::Sequence;
use tidegate_journal::snapshot::{list_snapshots, read_header, snapshot_file};

use super::base::Base;
use super::{Phase, Tell};

/// A snapshot as its header and its file tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotInfo {
    /// The file.
    pub file: PathBuf,
    /// The command applied last.
    pub sequence: u64,
    /// Its epoch.
    pub epoch: u32,
    /// Its time, in nanoseconds since 1970.
    pub time_ns: u64,
    /// 32 hexadecimal digits.
    pub digest: String,
    /// The file's length.
    pub bytes: u64,
    /// Seconds since it was made.
    pub age_s: u64,
    /// What is wrong with the header, if anything is.
    pub error: Option<String>,
}

/// The snapshots of a folder, oldest first, by their headers alone.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(dir: &Path) -> Result<Vec<SnapshotInfo>, String> {
    let sequences = list_snapshots(dir).map_err(|error| error.to_string())?;
    Ok(sequences.into_iter().map(|sequence| info(dir, sequence)).collect())
}

fn info(dir: &Path, sequence: Sequence) -> SnapshotInfo {
    let file = snapshot_file(dir, sequence);
    let metadata = std::fs::metadata(&file).ok();
    let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
    let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok()).unwrap_or_default();
    let head = File::open(&file)
        .map_err(|error| format!("{}: {error}", file.display()))
        .and_then(|mut opened| read_header(&mut opened, &file).map_err(|error| error.to_string()));
    let head = head.and_then(|head| {
        if head.sequence == sequence {
            Ok(head)
        } else {
            Err(format!("{}: holds sequence {}", file.display(), head.sequence))
        }
    });
    let mut info = SnapshotInfo {
        sequence: sequence.raw(),
        epoch: 0,
        time_ns: 0,
        digest: String::new(),
        bytes: metadata.map_or(0, |metadata| metadata.len()),
        age_s: age.as_secs(),
        error: None,
        file,
    };
    match head {
        Ok(head) => {
            (info.epoch, info.time_ns) = (head.epoch.raw(), head.time.nanos());
            info.digest = head.digest.to_string();
        }
        Err(error) => info.error = Some(error),
    }
    info
}

/// What a full check of one snapshot found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotCheck {
    /// What its header says.
    #[serde(flatten)]
    pub info: SnapshotInfo,
    /// Whether a node can start from it with the logs in the folder.
    pub good: bool,
}

/// Checks snapshots of a folder as a start would: every checksum, the places in both logs, the restored state's digest.
/// `only` one of them, or all.
///
/// # Errors
/// When the folder cannot be read, or the one that was asked for is not there.
pub fn verify(dir: &Path, only: Option<u64>, tell: Tell<'_>) -> Result<Vec<SnapshotCheck>, String> {
    let mut checks = Vec::new();
    for mut info in list(dir)?.into_iter().filter(|info| only.is_none_or(|only| only == info.sequence)) {
        if info.error.is_none() {
            let sequence = Sequence::new(info.sequence);
            let read = Base::read(dir, sequence, None, |done, total| tell(Phase::Verify, done, total));
            info.error = read.and_then(Base::restored).err();
        }
        checks.push(SnapshotCheck { good: info.error.is_none(), info });
    }
    match only {
        Some(only) if checks.is_empty() => Err(format!("{}: there is no snapshot {only}", dir.display())),
        _ => Ok(checks),
    }
}
