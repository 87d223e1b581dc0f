//! Instructions per command, counted by callgrind: the one figure that does not depend on what else the machine does.
//!
//! ```text
//! engine --instructions [--compare] [--save]
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
        for (at, command) in now[..some].iter().enumerate() {
            if part.is_measured {
                subject.look_ahead(&now[at..some]);
            }
            sum.mix(subject.apply(command, &mut NoFills));
        }
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
    /// As `rustc --version` says: another one makes other instructions.
    pub compiler: String,
    /// Makes the streams.
    pub seed: u64,
    /// Commit and compiler of the saved counts, where it was compared with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_with: Option<String>,
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
    /// The saved figure of the same work, where it was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_instructions_per_command: Option<f64>,
    /// This one divided by the saved one: below 1 is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
}

/// Counts instructions by running this program under callgrind.
///
/// # Errors
/// [`PerfError::Options`] as for a run; [`PerfError::Environment`] when there is no valgrind, or a run under it fails.
pub fn count(options: &Options) -> Result<Counts, PerfError> {
    options.check()?;
    let commands = options.commands.min(COMMANDS_MAX);
    let (commit, compiler) = (machine::commit(), machine::compiler());
    let mut counts = Counts { commit, compiler, seed: options.seed, compared_with: None, counts: Vec::new() };
    for workload in WORKLOADS {
        for subject in [Measured::Book, Measured::Engine] {
            options.tell(&format!("{workload}: instructions of {}", subject.as_str()));
            let half = callgrind(options, workload, subject, commands, commands)?;
            let whole = callgrind(options, workload, subject, commands, 2 * commands)?;
            counts.counts.push(Count {
                workload: workload.to_owned(),
                subject,
                commands: commands as u64,
                instructions_per_command: whole.saturating_sub(half) as f64 / commands as f64,
                saved_instructions_per_command: None,
                ratio: None,
            });
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
        environment(format!(
            "valgrind does not start ({error}): on Debian, apt-get install valgrind, and run this again"
        ))
    })?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match collected {
        Some(collected) if output.status.success() => Ok(collected),
        _ => Err(environment(format!("callgrind says nothing of use: {text}"))),
    }
}

impl Counts {
    /// What was saved.
    ///
    /// # Errors
    /// [`PerfError::Environment`] when nothing was saved there, or something else.
    pub fn load(path: &Path) -> Result<Self, PerfError> {
        let bytes = fs::read(path).map_err(|error| {
            let shown = path.display();
            PerfError::Environment(format!(
                "{shown}: {error}; there is nothing to compare with: save counts first with `--instructions --save`, or \
                 name the file with --saved"
            ))
        })?;
        serde_json::from_slice(&bytes).map_err(|error| file_error(path, &error))
    }

    /// Puts the saved figure beside each, where it is about the same work.
    pub fn compare(&mut self, saved: &Self) {
        self.compared_with = Some(format!("{}, {}", saved.commit, saved.compiler));
        let is_same_seed = self.seed == saved.seed;
        for count in &mut self.counts {
            let is_same = |other: &&Count| {
                is_same_seed
                    && (&other.workload, other.subject, other.commands)
                        == (&count.workload, count.subject, count.commands)
            };
            let was = saved.counts.iter().find(is_same).map(|other| other.instructions_per_command);
            count.saved_instructions_per_command = was;
            count.ratio = was.filter(|was| *was > 0.0).map(|was| count.instructions_per_command / was);
        }
    }

    /// Saves them, without the comparison.
    ///
    /// # Errors
    /// [`PerfError::Environment`] when the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), PerfError> {
        let mut saved = Self { compared_with: None, ..self.clone() };
        for count in &mut saved.counts {
            (count.saved_instructions_per_command, count.ratio) = (None, None);
        }
        let text = serde_json::to_string_pretty(&saved).map_err(|error| file_error(path, &error))?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| file_error(folder, &error))?;
        }
        fs::write(path, text + "\n").map_err(|error| file_error(path, &error))
    }
}

fn file_error(path: &Path, error: &dyn fmt::Display) -> PerfError {
    PerfError::Environment(format!("{}: {error}", path.display()))
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commit, compiler, seed, compared_with, counts } = self;
        writeln!(f, "instructions per command; seed {seed}; commit {commit}, {compiler}")?;
        let Some(saved) = compared_with else {
            for Count { workload, subject, instructions_per_command, .. } in counts {
                writeln!(f, "  {workload:<4}{:<8}{instructions_per_command:>12.1}", subject.as_str())?;
            }
            return Ok(());
        };
        writeln!(f, "compared with {saved}")?;
        if !saved.ends_with(compiler.as_str()) {
            writeln!(f, "ANOTHER COMPILER: count the older commit again with this one before you believe a ratio")?;
        }
        writeln!(f, "  {:<12}{:>12}{:>12}{:>9}", "", "saved", "now", "ratio")?;
        for Count { workload, subject, instructions_per_command, saved_instructions_per_command, ratio, .. } in counts {
            write!(f, "  {workload:<4}{:<8}", subject.as_str())?;
            match saved_instructions_per_command.zip(*ratio) {
                Some((was, ratio)) => writeln!(f, "{was:>12.1}{instructions_per_command:>12.1}{ratio:>9.4}")?,
                None => writeln!(f, "{:>12}{instructions_per_command:>12.1}  nothing of the same work is saved", "-")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(compiler: &str, seed: u64, figure: f64) -> Counts {
        let count = Count {
            workload: "a".to_owned(),
            subject: Measured::Book,
            commands: 1_000,
            instructions_per_command: figure,
            saved_instructions_per_command: None,
            ratio: None,
        };
        let (commit, compiler) = ("abc".to_owned(), compiler.to_owned());
        Counts { commit, compiler, seed, compared_with: None, counts: vec![count] }
    }

    #[test]
    fn a_comparison_has_old_new_and_ratio_and_is_not_saved() {
        let folder = std::env::temp_dir().join(format!("tidegate-perf-{}", std::process::id()));
        let file = folder.join("results/counts.json");
        let missing = Counts::load(&file).expect_err("nothing was saved").to_string();
        assert!(missing.contains("--instructions --save"), "{missing}");
        counts("rustc 1", 1, 200.0).save(&file).expect("a temporary folder can be written");
        let saved = Counts::load(&file).expect("it was saved");
        let mut now = counts("rustc 1", 1, 150.0);
        now.compare(&saved);
        assert!(now.to_string().contains("200.0       150.0   0.7500"), "{now}");
        let json = serde_json::to_value(&now).expect("counts serialise");
        assert_eq!(json["counts"][0]["ratio"], 0.75);
        assert_eq!(json["counts"][0]["saved_instructions_per_command"], 200.0);
        now.save(&file).expect("a temporary folder can be written");
        let text = fs::read_to_string(&file).expect("it was saved");
        assert!(!text.contains("ratio") && !text.contains("compared_with"), "{text}");
        fs::remove_dir_all(&folder).expect("this test made it");
    }

    #[test]
    fn other_work_is_not_compared_and_another_compiler_is_said() {
        let mut now = counts("rustc 2", 1, 150.0);
        now.compare(&counts("rustc 1", 2, 200.0));
        assert_eq!(now.counts[0].ratio, None);
        let text = now.to_string();
        assert!(text.contains("ANOTHER COMPILER") && text.contains("nothing of the same work is saved"), "{text}");
    }
}
