//! `perf-check`: see the library. `cargo xtask perf-check` starts it.
//!
//!   arguments --> builds --> rounds, instructions --> stdout, perf/results; what is going on --> stderr
//!
//! Invariants: exit codes: 0 better or no difference, 1 something is worse, 2 it could not be measured.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use tidegate_perf_check::builds::{self, Worktree};
use tidegate_perf_check::metrics::SOURCES;
use tidegate_perf_check::statistics::Verdict;
use tidegate_perf_check::{Report, Side, instructions, measure};

/// Where `--save` writes, from the root of the repository.
const SAVED: &str = "perf/results/perf-check.json";
/// As `engine --instructions` counts them.
const COMMANDS_COUNTED: usize = 100_000;
const NOT_MEASURED: u8 = 2;

/// Compares the speed of the working folder with that of another commit, in turns on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "perf-check",
    bin_name = "cargo xtask perf-check",
    max_term_width = 110,
    after_help = "Builds both with --release (the other one in target/perf-check), runs the commands of perf/check/src/metrics.rs in\n\
                  rounds of A B B A, and counts instructions where there is valgrind. Leave the machine alone meanwhile. Exit codes:\n\
                  0 better or no difference, 1 something is worse, 2 it could not be measured."
)]
struct Program {
    /// The commit, branch or tag to compare with [default: HEAD where files are changed, else HEAD~1]
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// Rounds; each runs everything four times
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rounds: u16,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Write the result into perf/results/perf-check.json, too
    #[arg(long)]
    save: bool,
}

impl Program {
    fn check(&self) -> Result<Report, String> {
        let root = builds::root()?;
        let revision = match &self.against {
            Some(revision) => revision.clone(),
            None => builds::default_revision(&root)?.to_owned(),
        };
        let other = Worktree::of(&root, &revision)?;
        let (compiler, commit) = (tidegate_perf::compiler(), tidegate_perf::commit());
        tell(&format!("building {} ({revision})", other.commit));
        let against = builds::build(&other.commit, &other.path, &root.join("target/perf-check/target"))?;
        tell("building the working folder");
        let this = builds::build("this", &root, &root.join("target"))?;
        let sides = [&against, &this];
        let mut measured = measure(sides, SOURCES, usize::from(self.rounds), &tell)?;
        let counted = instructions(sides, COMMANDS_COUNTED, &tell)?;
        measured.rows.extend(counted.rows);
        measured.left_out.extend(counted.left_out);
        let against = Side { revision, commit: other.commit.clone() };
        let this = Side { revision: "working folder".to_owned(), commit };
        let rounds = usize::from(self.rounds);
        let report = Report::new(compiler, against, this, rounds, measured.rows, measured.left_out);
        if self.save {
            save(&root.join(SAVED), &report)?;
        }
        Ok(report)
    }
}

fn save(path: &Path, report: &Report) -> Result<(), String> {
    let text = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
    std::fs::write(path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))
}

fn tell(what: &str) {
    eprintln!("{what}");
}

fn main() -> ExitCode {
    let program = Program::parse();
    let report = match program.check() {
        Ok(report) => report,
        Err(error) => {
            eprintln!("perf-check: {error}");
            return ExitCode::from(NOT_MEASURED);
        }
    };
    if program.json {
        println!("{:#}", serde_json::to_value(&report).expect("a report always serialises"));
    } else {
        print!("{report}");
    }
    if report.verdict == Verdict::Worse { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
