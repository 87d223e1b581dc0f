//! What a node must remember across restarts beside its journal: its [`Promises`], and how often it started.
//!
//! Invariants: written to a temporary file, synced, renamed, folder synced, before the promise takes effect.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tidegate_domain::{Epoch, Sequence};

use crate::decisions::Promises;

/// Name of the file in the data folder.
pub const STATE_FILE: &str = "node.state";

/// The file's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    epoch: u32,
    led_epoch: u32,
    incarnation: u64,
    commit_seen: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest_differs_at: Option<u64>,
}

/// The file and what it says.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    content: Content,
}

impl StateFile {
    /// Reads it, or begins with epoch 0 where there is none.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, String> {
        let path = data_dir.join(STATE_FILE);
        let content = match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                format!(
                    "{} is damaged: {error}; restore it. Where another node leads, this one may start with an empty folder instead",
                    path.display()
                )
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        };
        Ok(Self { path, content })
    }

    pub(crate) fn promises(&self) -> Promises {
        let Content { epoch, led_epoch, commit_seen, digest_differs_at, .. } = self.content;
        Promises {
            epoch: Epoch::new(epoch),
            led: Epoch::new(led_epoch),
            commit_seen: Sequence::new(commit_seen),
            digest_differs_at: digest_differs_at.map(Sequence::new),
        }
    }

    pub(crate) fn incarnation(&self) -> u64 {
        self.content.incarnation
    }

    pub(crate) fn count_start(&mut self) -> Result<(), String> {
        self.change(|content| content.incarnation += 1)
    }

    /// Promises never to respect an epoch below this one.
    pub(crate) fn promise(&mut self, epoch: Epoch) -> Result<(), String> {
        self.change(|content| content.epoch = content.epoch.max(epoch.raw()))
    }

    /// Records, before the first command of `epoch`, that this node leads it.
    pub(crate) fn lead(&mut self, epoch: Epoch) -> Result<(), String> {
        // Both at once: an epoch that was promised and not led is another node's.
        self.change(|content| {
            content.epoch = content.epoch.max(epoch.raw());
            content.led_epoch = content.led_epoch.max(epoch.raw());
        })
    }

    /// Records how far the primary has acknowledged.
    pub(crate) fn see_commit(&mut self, commit: Sequence) -> Result<(), String> {
        self.change(|content| content.commit_seen = content.commit_seen.max(commit.raw()))
    }

    /// Records that this standby's state differs from its primary's.
    pub(crate) fn note_digest_difference(&mut self, at: Sequence) -> Result<(), String> {
        self.change(|content| content.digest_differs_at = content.digest_differs_at.or(Some(at.raw())))
    }

    fn change(&mut self, change: impl FnOnce(&mut Content)) -> Result<(), String> {
        let before = self.content;
        change(&mut self.content);
        if self.content == before { Ok(()) } else { self.write() }
    }

    fn write(&self) -> Result<(), String> {
        let text = toml::to_string(&self.content).expect("some numbers always serialise");
        let temporary = self.path.with_extension("state.new");
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &self.path)?;
            File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_promised_survives_a_restart_and_never_goes_back() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut state = StateFile::open(folder.path()).expect("a new one");
        assert_eq!(state.promises(), Promises::default());
        state.count_start().expect("written");
        state.lead(Epoch::new(4)).expect("written");
        state.promise(Epoch::new(5)).expect("written");
        state.promise(Epoch::new(3)).expect("ignored");
        state.see_commit(Sequence::new(70)).expect("written");
        state.see_commit(Sequence::new(60)).expect("ignored");
        state.note_digest_difference(Sequence::new(8)).expect("written");
        state.note_digest_difference(Sequence::new(9)).expect("ignored");
        let again = StateFile::open(folder.path()).expect("read back");
        let promises = Promises {
            epoch: Epoch::new(5),
            led: Epoch::new(4),
            commit_seen: Sequence::new(70),
            digest_differs_at: Some(Sequence::new(8)),
        };
        assert_eq!((again.promises(), again.incarnation()), (promises, 1));
    }

    #[test]
    fn a_damaged_file_is_named_and_not_overwritten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join(STATE_FILE), "epoch = \"x\"").expect("written");
        let error = StateFile::open(folder.path()).expect_err("refused");
        assert!(error.contains("node.state is damaged"), "{error}");
    }
}
