//! Ctrl-C and SIGTERM during a load: the nodes of this program and their folder go, and it is said.
//!
//! ```text
//!   [thread "signals"]  SIGINT, SIGTERM --> end the child processes --> remove the folder of the nodes, and that of the run
//!                                           if it is empty --> a line on standard error --> exit code 130
//!   [main thread]       an error, because the nodes are gone --> waits for the end
//! ```
//!
//! Invariants: only children of this process are ended; only the folders that this run made are removed. The thread sleeps
//! until a signal comes, and is started before the generator is pinned.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tidegate_latency::RUN_FILE;

/// What a shell says of a program that Ctrl-C ended.
const EXIT_CODE: i32 = 130;
/// Nodes may still be on their way out while their folder is removed.
const ATTEMPTS: usize = 50;

/// See the module.
pub(super) struct Interrupt {
    came: Arc<AtomicBool>,
    temporary: Arc<Mutex<Option<PathBuf>>>,
}

impl Interrupt {
    /// From here on. `is_own` says whether this run has made its folder.
    pub(super) fn listen(folder: &Path, is_own: bool) -> Result<Self, String> {
        let (came, temporary) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
        let this = Self { came: Arc::clone(&came), temporary: Arc::clone(&temporary) };
        let folder = folder.to_owned();
        let mut signals =
            Signals::new([SIGINT, SIGTERM]).map_err(|error| format!("cannot listen for signals: {error}"))?;
        let work = move || {
            let Some(signal) = signals.forever().next() else { return };
            came.store(true, Ordering::Release);
            let why = if signal == SIGINT { "interrupted" } else { "told to end" };
            end(why, &folder, is_own, &temporary);
        };
        let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(work);
        thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(this)
    }

    /// This folder goes with the run.
    pub(super) fn note_temporary(&self, folder: &Path) {
        *locked(&self.temporary) = Some(folder.to_owned());
    }

    /// An error after a signal is only its consequence: the process ends here then.
    pub(super) fn wait_if_it_came(&self) {
        while self.came.load(Ordering::Acquire) {
            std::thread::park();
        }
    }
}

fn locked(temporary: &Mutex<Option<PathBuf>>) -> MutexGuard<'_, Option<PathBuf>> {
    temporary.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(why: &str, folder: &Path, is_own: bool, temporary: &Mutex<Option<PathBuf>>) -> ! {
    let mut left = None;
    // The main thread may be starting a node or removing the same folder right now.
    for _ in 0..ATTEMPTS {
        end_children();
        left = locked(temporary).clone().filter(|folder| {
            let _ = std::fs::remove_dir_all(folder);
            folder.exists()
        });
        if left.is_none() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    if is_own {
        // It stays where there is something in it.
        let _ = std::fs::remove_dir(folder);
    }
    let written = match (folder.join(RUN_FILE).exists(), folder.display()) {
        (true, path) => format!("{path} has the run"),
        (false, path) if is_own && folder.exists() => format!("{path} has logs and no {RUN_FILE}, and so no run"),
        (false, _) => "nothing is written of this run".to_owned(),
    };
    let nodes = left.map_or_else(
        || "what it has started is stopped and removed".to_owned(),
        |folder| format!("the nodes are stopped, but {} could not be removed", folder.display()),
    );
    // Over a progress bar, if there is one.
    eprintln!("\ntidegate: {why}: {written}; {nodes}");
    std::process::exit(EXIT_CODE)
}

/// Kills the processes whose parent is this one.
fn end_children() {
    let own = std::process::id();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()) {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name before may have anything in it, brackets too.
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        if parent == Some(own) {
            // SAFETY: a plain system call; a child's number is its own until its parent has waited for it.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
}
