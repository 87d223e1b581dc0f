//! What a node must remember across restarts beside its journal: the highest epoch that it promised to respect, how
//! often it started, and whether it ever led with this folder.
//!
//! Invariants: written to a temporary file, synced, renamed, folder synced, before the promise takes effect.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tidegate_domain::Epoch;

const FILE: &str = "node.state";

/// The file's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    epoch: u32,
    incarnation: u64,
    led: bool,
}

/// The file and what it says.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    content: Content,
}

impl StateFile {
    /// Reads it, or begins with epoch 0 where there is none; counts one more start, durably.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, String> {
        let path = data_dir.join(FILE);
        let content = match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                format!("{} is damaged: {error}; restore it, or start this node with an empty folder", path.display())
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        };
        Ok(Self { path, content })
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch::new(self.content.epoch)
    }

    pub(crate) fn incarnation(&self) -> u64 {
        self.content.incarnation
    }

    /// Whether this folder was ever a leader's: its tail may hold what nobody acknowledged.
    pub(crate) fn has_led(&self) -> bool {
        self.content.led
    }

    pub(crate) fn count_start(&mut self) -> Result<(), String> {
        self.content.incarnation += 1;
        self.write()
    }

    /// Promises never to respect an epoch below this one.
    pub(crate) fn promise(&mut self, epoch: Epoch) -> Result<(), String> {
        if epoch > self.epoch() {
            self.content.epoch = epoch.raw();
            self.write()?;
        }
        Ok(())
    }

    /// Records, before the first command of `epoch`, that this node leads.
    pub(crate) fn lead(&mut self, epoch: Epoch) -> Result<(), String> {
        self.content.epoch = self.content.epoch.max(epoch.raw());
        self.content.led = true;
        self.write()
    }

    fn write(&self) -> Result<(), String> {
        let text = toml::to_string(&self.content).expect("three numbers always serialise");
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
    fn a_promise_and_a_lead_survive_a_restart_and_never_go_back() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut state = StateFile::open(folder.path()).expect("a new one");
        state.count_start().expect("written");
        state.promise(Epoch::new(5)).expect("written");
        state.promise(Epoch::new(3)).expect("ignored");
        state.lead(Epoch::new(4)).expect("written");
        let again = StateFile::open(folder.path()).expect("read back");
        assert_eq!((again.epoch().raw(), again.incarnation(), again.has_led()), (5, 1, true));
    }

    #[test]
    fn a_damaged_file_is_named_and_not_overwritten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join(FILE), "epoch = \"x\"").expect("written");
        let error = StateFile::open(folder.path()).expect_err("refused");
        assert!(error.contains("node.state is damaged"), "{error}");
    }
}
