//! Instructions per command, counted by callgrind: the one figure that does not depend on what else the machine does.
//!
//! ```text
//! engine --instructions
//!   for a, b and book, engine: valgrind engine --fixed-work a --subject book --commands 2N --apply N  -> n1
//!                              valgrind engine --fixed-work a --subject book --commands 2N --apply 2N -> n2
//!                              (n2 - n1) / N
//! ```
//!
//! Invariants: both runs generate, encode and set up the same, so the difference is the last N commands and nothing else.
//! Counts of two builds compare; counts of two compilers or two instruction sets do not.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::machine;
use crate::op::{Checksum, NoFills};
use crate::run::{Options, PerfError};
use crate::subject::Subject;
use crate::subject::book::TidegateBook;
use crate::subject::engine::TidegateEngine;
use crate::workload::Workload;

/// Where counts are saved, from the root of the repository.
pub const SAVED: &str = "perf/results/engine-instructions.json";

const WORKLOADS: [&str; 2] = ["a", "b"];
/// Enough for every branch to be met, and callgrind is done in a minute.
const COMMANDS_MAX: usize = 100_000;

/// Which of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Measured {
    /// The book alone.
    Book,
    /// The whole engine.
    Engine,
}

impl Measured {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Engine => "engine",
        }
    }
}

/// One workload, once, without a clock.
#[derive(Clone, Debug)]
pub struct FixedWork {
    /// See [`crate::workload`].
    pub workload: String,
    /// What runs it.
    pub subject: Measured,
    /// How many of the measured commands; all of them where it is `None`.
    pub apply: Option<usize>,
}

impl FixedWork {
    /// Generates and applies, and returns the checksum of the results.
    ///
    /// # Errors
    /// [`PerfError::Options`] when there is no such workload.
    pub fn run(&self, options: &Options) -> Result<String, PerfError> {
        let workload = Workload::generate(&options.request(&self.workload)).map_err(PerfError::Options)?;
        let apply = self.apply.unwrap_or(usize::MAX);
        let sum = match self.subject {
            Measured::Book => apply_some::<TidegateBook>(&workload, apply),
            Measured::Engine => apply_some::<TidegateEngine>(&workload, apply),
        };
        sum.map(Checksum::hex).map_err(PerfError::Options)
    }
}

fn apply_some<S: Subject>(workload: &Workload, measured_max: usize) -> Result<Checksum, String> {
    let (mut subject, stream) = S::prepare(workload, false)?;
    let mut sum = Checksum::default();
    let mut left = measured_max;
    let mut commands = stream.commands.as_slice();
    for part in &stream.parts {
        let (now, later) = commands.split_at(part.commands);
        commands = later;
        let some = if part.is_measured { now.len().min(left) } else { now.len() };
        now[..some].iter().for_each(|command| sum.mix(subject.apply(command, &mut NoFills)));
        if part.is_measured {
            left -= some;
        }
    }
    Ok(sum)
}

/// What was counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// Of the working folder.
    pub commit: String,
    /// One for each workload and subject.
    pub counts: Vec<Count>,
}

/// Instructions of one subject on one workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Count {
    /// See [`crate::workload`].
    pub workload: String,
    /// Which of ours.
    pub subject: Measured,
    /// Commands that were counted.
    pub commands: u64,
    /// The figure.
    pub instructions_per_command: f64,
    /// Against the count that was saved, where it is about the same work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_percent: Option<f64>,
}

/// Counts instructions by running this program under callgrind, and compares with what was saved.
///
/// # Errors
/// [`PerfError::Environment`] when there is no valgrind, or a run under it fails.
pub fn count(options: &Options, saved: &Path) -> Result<Counts, PerfError> {
    let before = Counts::load(saved)?;
    let commands = options.commands.min(COMMANDS_MAX);
    let mut counts = Counts { commit: machine::commit(), counts: Vec::new() };
    for workload in WORKLOADS {
        for subject in [Measured::Book, Measured::Engine] {
            if let Some(progress) = options.progress {
                progress(&format!("{workload}: instructions of {}", subject.as_str()));
            }
            let half = callgrind(options, workload, subject, commands, commands)?;
            let whole = callgrind(options, workload, subject, commands, 2 * commands)?;
            let mut count = Count {
                workload: workload.to_owned(),
                subject,
                commands: commands as u64,
                instructions_per_command: whole.saturating_sub(half) as f64 / commands as f64,
                change_percent: None,
            };
            let was = before.as_ref().and_then(|before| before.of_same_work(&count));
            count.change_percent = was.map(|was| 100.0 * (count.instructions_per_command / was - 1.0));
            counts.counts.push(count);
        }
    }
    Ok(counts)
}

/// The instructions of one run of this program.
fn callgrind(
    options: &Options,
    workload: &str,
    subject: Measured,
    commands: usize,
    apply: usize,
) -> Result<u64, PerfError> {
    let environment = |what: String| PerfError::Environment(what);
    let program = std::env::current_exe().map_err(|error| environment(format!("where is this program? {error}")))?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    command.args(["--fixed-work", workload, "--subject", subject.as_str()]);
    command.args(["--commands".to_owned(), (2 * commands).to_string(), "--apply".to_owned(), apply.to_string()]);
    command.args(["--seed", &options.seed.to_string()]);
    let output = command.output().map_err(|error| {
        environment(format!("valgrind does not start ({error}); install it: apt-get install valgrind"))
    })?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match collected {
        Some(collected) if output.status.success() => Ok(collected),
        _ => Err(environment(format!("callgrind says nothing of use: {text}"))),
    }
}

impl Counts {
    /// What was saved; `None` where nothing was.
    fn load(path: &Path) -> Result<Option<Self>, PerfError> {
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| file_error(path, &error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error(path, &error)),
        }
    }

    /// Saves them, without the comparison.
    ///
    /// # Errors
    /// [`PerfError::Environment`] when the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), PerfError> {
        let mut saved = self.clone();
        saved.counts.iter_mut().for_each(|count| count.change_percent = None);
        let text = serde_json::to_string_pretty(&saved).map_err(|error| file_error(path, &error))?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| file_error(folder, &error))?;
        }
        fs::write(path, text + "\n").map_err(|error| file_error(path, &error))
    }

    fn of_same_work(&self, count: &Count) -> Option<f64> {
        let key = |count: &Count| (count.workload.clone(), count.subject, count.commands);
        self.counts.iter().find(|other| key(other) == key(count)).map(|other| other.instructions_per_command)
    }
}

fn file_error(path: &Path, error: &dyn fmt::Display) -> PerfError {
    PerfError::Environment(format!("{}: {error}", path.display()))
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "instructions per command; commit {}", self.commit)?;
        for count in &self.counts {
            let subject = count.subject.as_str();
            write!(f, "  {:<4}{subject:<8}{:>10.1}", count.workload, count.instructions_per_command)?;
            match count.change_percent {
                Some(change) => writeln!(f, "  {change:+.2} % against what was saved")?,
                None => writeln!(f, "  nothing saved to compare with")?,
            }
        }
        Ok(())
    }
}
