//! When a running node takes a snapshot: the program itself, started once more, as a process of the lowest priority.
//!
//! ```text
//!   journal grew by `every_commands`, or an operator asks --> child: tidegate journal snapshot now --idle --> log, status
//!                                                                                    '--> journal segments behind the oldest
//! ```
//!
//! Each node takes its own, a standby as well: a snapshot holds places in the logs of one node, so that another could not
//! start from it. Invariants: one at a time; the pipeline never waits for it.
//! Thread: tokio.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tidegate_domain::Sequence;
use tidegate_journal::snapshot::{list_snapshots, read_journal_place};
use tokio::process::Command;
use tokio::sync::Notify;

use super::{SnapshotInfo, list};
use crate::admin::Refusal;
use crate::control::Control;
use crate::status::SnapshotStatus;

/// Pause between two looks at how far the journal has grown.
const LOOK: Duration = Duration::from_secs(1);
/// Pause before a schedule tries again what failed.
const RETRY: Duration = Duration::from_secs(60);

/// What the schedule knows; for the status.
#[derive(Default)]
pub(crate) struct Snapshots {
    wanted: Notify,
    running: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    newest: Option<SnapshotInfo>,
    last_error: Option<String>,
}

impl Snapshots {
    /// Has one taken now.
    pub(crate) fn request(&self) -> Result<(), Refusal> {
        if self.running.load(Ordering::Acquire) {
            return Err(Refusal::new("snapshot_running", "one is being taken; `tidegate status` shows it"));
        }
        self.wanted.notify_one();
        Ok(())
    }

    pub(crate) fn status(&self) -> SnapshotStatus {
        let known = self.known.lock().expect("no holder of this lock panics");
        let age = |info: &SnapshotInfo| std::fs::metadata(&info.file).ok()?.modified().ok()?.elapsed().ok();
        SnapshotStatus {
            sequence: known.newest.as_ref().map_or(0, |info| info.sequence),
            age_s: known.newest.as_ref().and_then(age).map_or(0, |age| age.as_secs()),
            running: self.running.load(Ordering::Acquire),
            last_error: known.last_error.clone(),
        }
    }

    /// Looks which is the newest.
    fn look(&self, dir: &std::path::Path) -> u64 {
        let newest = list(dir).unwrap_or_default().into_iter().rev().find(|info| info.error.is_none());
        let sequence = newest.as_ref().map_or(0, |info| info.sequence);
        self.known.lock().expect("no holder of this lock panics").newest = newest;
        sequence
    }
}

/// Takes snapshots until the node stops.
pub(crate) async fn run(control: Arc<Control>) {
    let (every, dir) = (control.config.snapshots.every_commands, control.config.node.data_dir.clone());
    let mut newest = control.snapshots.look(&dir);
    let mut not_before = Instant::now();
    loop {
        let asked = tokio::time::timeout(LOOK, control.snapshots.wanted.notified()).await.is_ok();
        let grown = control.journal.appended_through().raw().saturating_sub(newest);
        let due = every > 0 && grown >= every && Instant::now() >= not_before;
        if !asked && !due {
            continue;
        }
        control.snapshots.running.store(true, Ordering::Release);
        let ended = take(&control).await;
        newest = control.snapshots.look(&dir);
        match &ended {
            Ok(said) => tracing::info!(sequence = newest, "took a snapshot: {said}"),
            Err(error) => {
                not_before = Instant::now() + RETRY;
                tracing::warn!(%error, "no snapshot was taken; the node goes on without it");
            }
        }
        control.snapshots.known.lock().expect("no holder of this lock panics").last_error = ended.err();
        if control.config.snapshots.prune {
            match tokio::task::block_in_place(|| prune(&control)) {
                Ok(removed) if removed.is_empty() => {}
                Ok(removed) => tracing::info!(?removed, "removed segments of the journal behind the oldest snapshot"),
                Err(error) => tracing::warn!(%error, "no segment of the journal was removed"),
            }
        }
        control.snapshots.running.store(false, Ordering::Release);
    }
}

/// Runs the child to its end; what it printed.
async fn take(control: &Control) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let mut command = Command::new(program);
    command.args(["journal", "snapshot", "now", "--idle", "--json", "--data-dir"]).arg(&control.config.node.data_dir);
    command.arg("--keep").arg(control.config.snapshots.keep.to_string());
    // Half-made is as good as not begun, so it ends with the node.
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| format!("cannot start a process: {error}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if !output.status.success() {
        return Err(complaint);
    }
    if !complaint.is_empty() {
        tracing::warn!("the process that took a snapshot: {complaint}");
    }
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    Ok(said.to_string())
}

/// Removes the segments of the journal that nobody needs any more; which.
fn prune(control: &Control) -> Result<Vec<PathBuf>, String> {
    let dir = &control.config.node.data_dir;
    let kept = list_snapshots(dir).map_err(|error| error.to_string())?;
    let [oldest, _, ..] = kept[..] else { return Ok(Vec::new()) };
    let place = read_journal_place(dir, oldest).map_err(|error| error.to_string())?;
    control.journal.remove_before(place.segment, needed_by_nobody(control, oldest)).map_err(|error| error.to_string())
}

/// Up to where neither the oldest snapshot, nor the sink, nor a standby that this node ships to needs the journal.
fn needed_by_nobody(control: &Control, oldest: Sequence) -> Sequence {
    let sink = control.sink.lock().expect("no holder of this lock panics").as_ref().map(|sink| sink.status().through);
    let leads = control.check_leads().is_ok();
    // A standby that has not caught up may need everything; the mark may be of the one before it.
    let peer = control.link.as_ref().filter(|_| leads).map(|link| {
        let link = link.status();
        if link.connected && link.caught_up { control.marks.peer_received.through() } else { Sequence::ZERO }
    });
    oldest.min(sink.map_or(oldest, Sequence::new)).min(peer.unwrap_or(oldest))
}
