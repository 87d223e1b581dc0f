//! Builds both commits: the working folder as it is, and the other one from a git worktree of its own.
//!
//! ```text
//!   working folder              --cargo--> target/release
//!   target/perf-check/worktree  --cargo--> target/perf-check/target/release    (kept: the next check builds only what differs)
//! ```
//!
//! Invariants: nothing in the working folder is touched; the worktree is removed in the end, also after an error.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::Programs;

/// The other commit's files, for as long as this lives.
#[derive(Debug)]
pub struct Worktree {
    root: PathBuf,
    /// Where they are.
    pub path: PathBuf,
    /// What was checked out, short.
    pub commit: String,
}

impl Worktree {
    /// Checks a revision out beside the working folder at `root`.
    ///
    /// # Errors
    /// When git does not know the revision, or cannot write.
    pub fn of(root: &Path, revision: &str) -> Result<Self, String> {
        let found = git(root, &["rev-parse", "--verify", "--short", &format!("{revision}^{{commit}}")]);
        let commit = found.map_err(|error| {
            format!("--against is {revision:?}, which git does not know ({error}); give a commit, a branch or a tag")
        })?;
        let path = root.join("target/perf-check/worktree");
        let worktree = Self { root: root.to_owned(), path, commit };
        // A check that was killed leaves its own behind.
        worktree.remove();
        let shown = worktree.path.to_string_lossy().into_owned();
        git(root, &["worktree", "add", "--quiet", "--detach", &shown, &worktree.commit])?;
        Ok(worktree)
    }

    fn remove(&self) {
        if self.path.exists() {
            // What stays, git names when the next one is made.
            let _ = git(&self.root, &["worktree", "remove", "--force", &self.path.to_string_lossy()]);
        }
        let _ = git(&self.root, &["worktree", "prune"]);
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The folder of the repository.
///
/// # Errors
/// When the current folder is not in one.
pub fn root() -> Result<PathBuf, String> {
    git(Path::new("."), &["rev-parse", "--show-toplevel"]).map(PathBuf::from)
}

/// What this folder is to be compared with when nobody says: what was before the changes, committed or not.
///
/// # Errors
/// When git does not answer.
pub fn default_revision(root: &Path) -> Result<&'static str, String> {
    let changed = git(root, &["status", "--porcelain", "--untracked-files=no"])?;
    Ok(if changed.is_empty() { "HEAD~1" } else { "HEAD" })
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output();
    let output = output.map_err(|error| format!("git does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Builds the programs of a folder.
///
/// # Errors
/// When cargo fails; it has said why.
pub fn build(name: &str, folder: &Path, target: &Path) -> Result<Programs, String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--quiet", "-p", "tidegate", "-p", "tidegate-perf", "--bins", "--target-dir"]);
    let status =
        cargo.arg(target).current_dir(folder).status().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err(format!("{name} does not build ({status}): cargo build in {}", folder.display()));
    }
    let programs = target.join("release");
    Ok(Programs { name: name.to_owned(), tidegate: programs.join("tidegate"), engine: programs.join("engine") })
}
