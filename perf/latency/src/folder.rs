//! The folder of one run.
//!
//! Invariants: `run.json` is written last and at once, so a folder that has one is complete; it is never written over but by
//! whoever adds to the same run ([`RunFolder::rewrite`]).
//! Owning thread: the caller's.

use std::fs;
use std::path::{Path, PathBuf};

use crate::hlog::io_error;
use crate::run::{FORMAT, Run};
use crate::{FolderError, Hlog, Series};

/// The file that describes the run.
pub const RUN_FILE: &str = "run.json";

/// See the module.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder for a new run.
    ///
    /// # Errors
    /// When there is a run in it, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, FolderError> {
        let folder = Self { path: path.to_owned() };
        if folder.file(RUN_FILE).exists() {
            return Err(FolderError::Taken { file: folder.file(RUN_FILE) });
        }
        fs::create_dir_all(path).map_err(|error| io_error("create", path, error))?;
        Ok(folder)
    }

    /// Opens the folder of a run and reads its description.
    ///
    /// # Errors
    /// When `run.json` is not there or not ours.
    pub fn open(path: &Path) -> Result<(Self, Run), FolderError> {
        let folder = Self { path: path.to_owned() };
        let file = folder.file(RUN_FILE);
        let text = fs::read_to_string(&file).map_err(|error| io_error("read", &file, error))?;
        let malformed = |what: String| FolderError::Malformed { file: file.clone(), what };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        // Before the rest: another format has other fields.
        if value["format"] != FORMAT {
            return Err(malformed(format!("`format` is {}, this program reads {FORMAT}", value["format"])));
        }
        let run: Run = serde_json::from_value(value).map_err(|error| malformed(error.to_string()))?;
        if let Some(series) = run.series.iter().find(|series| !is_plain_name(&series.file)) {
            return Err(malformed(format!("`series.file` must be a name inside the folder, not `{}`", series.file)));
        }
        Ok((folder, run))
    }

    /// Where a file of the run is.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes the description of a new run.
    ///
    /// # Errors
    /// When there is one already, or the disk refuses.
    pub fn write(&self, run: &Run) -> Result<(), FolderError> {
        let file = self.file(RUN_FILE);
        if file.exists() {
            return Err(FolderError::Taken { file });
        }
        self.rewrite(run)
    }

    /// Writes the description again, with what was added to it.
    ///
    /// # Errors
    /// When the disk refuses; the one before is then still there.
    pub fn rewrite(&self, run: &Run) -> Result<(), FolderError> {
        let file = self.file(RUN_FILE);
        let new = self.file("run.json.new");
        let mut text = serde_json::to_string_pretty(run).expect("a run always serialises");
        text.push('\n');
        fs::write(&new, text).map_err(|error| io_error("write", &new, error))?;
        fs::rename(&new, &file).map_err(|error| io_error("write", &file, error))
    }

    /// Reads a log of the run.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn log(&self, series: &Series) -> Result<Hlog, FolderError> {
        Hlog::read(&self.file(&series.file))
    }
}

/// A run may come from somebody else: what it names stays inside its folder.
fn is_plain_name(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|last| last == name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{LateSends, Machine};

    fn run() -> Run {
        let late_sends = LateSends { count: 3, max_ns: 1_234, threshold_ns: 1_000 };
        Run { format: FORMAT, title: "a run".into(), machine: Machine::default(), late_sends, ..Run::default() }
    }

    #[test]
    fn a_run_reads_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let mut run = run();
        run.rejects.insert("insufficient_funds".into(), 7);
        RunFolder::create(&path).unwrap().write(&run).unwrap();
        assert_eq!(RunFolder::open(&path).unwrap().1, run);
    }

    #[test]
    fn a_run_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let made = RunFolder::create(folder.path()).unwrap();
        made.write(&run()).unwrap();
        assert!(made.write(&run()).unwrap_err().to_string().contains("name another folder"));
        assert!(RunFolder::create(folder.path()).unwrap_err().to_string().contains("run.json"));
        let more = Run { title: "more".into(), ..run() };
        made.rewrite(&more).unwrap();
        assert_eq!(RunFolder::open(folder.path()).unwrap().1.title, "more");
    }

    #[test]
    fn a_file_that_is_not_ours_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let missing = RunFolder::open(folder.path()).unwrap_err().to_string();
        assert!(missing.contains("cannot read") && missing.contains("run.json"), "{missing}");
        let series = Series { file: "../../etc/passwd".into(), ..Series::default() };
        let outside = serde_json::to_string(&Run { series: vec![series], ..run() }).unwrap();
        for (text, expected) in [
            ("{", "run.json"),
            (r#"{"format": 2}"#, "`format` is 2, this program reads 1"),
            (r#"{"format": 1}"#, "missing field"),
            (&outside, "`series.file`"),
        ] {
            fs::write(folder.path().join(RUN_FILE), text).unwrap();
            let error = RunFolder::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
