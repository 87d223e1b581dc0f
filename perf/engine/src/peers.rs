//! Other people's books, each in a process of its own: one that does not end, or ends everything, costs its own figure only.
//!
//! ```text
//! run --`engine --peer NAME --workload W`--> a process: generate, compare, say so, measure, say so
//!  ^                                            |
//!  +------ last line, or why there is none -----+
//! ```
//!
//! Invariants: the process makes the same stream from the same seed, and runs on the same core while this one waits.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::report::PeerReport;
use crate::run::{Options, PerfError};
use crate::workload::Size;

/// The packages, in the order of the report.
pub const NAMES: [&str; 4] = ["matchcore", "nanobook", "limitbook", "orderbook-rs"];

/// A process that takes longer is stuck: passes are limited to a fraction of it.
const PROCESS_LIMIT: Duration = Duration::from_secs(60);
const PROCESS_LIMIT_QUICK: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Measures a peer in a process of its own, made of `program`, which must know the arguments of `engine`.
pub(crate) fn in_own_process(options: &Options, program: &Path, workload: &str, name: &'static str) -> PeerReport {
    options.tell(&format!("{workload}: {name}"));
    let mut command = Command::new(program);
    command.args(["--peer", name, "--workload", workload, "--commands", &options.commands.to_string()]);
    command.args(["--runs", &options.runs.to_string(), "--seed", &options.seed.to_string(), "--recorded"]);
    command.arg(&options.recorded);
    if options.size == Size::Quick {
        command.arg("--quick");
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let (lines, problem) = match child {
        Ok(child) => lines_of(child, if options.size == Size::Quick { PROCESS_LIMIT_QUICK } else { PROCESS_LIMIT }),
        Err(error) => (String::new(), Some(format!("{} does not start: {error}", program.display()))),
    };
    let said = lines.lines().filter_map(|line| serde_json::from_str::<PeerReport>(line).ok()).next_back();
    let mut report = said.unwrap_or_else(|| PeerReport::of_nothing(name));
    if let Some(problem) = problem {
        report.add_why(&problem);
    }
    report
}

/// What a process printed until it ended or was ended, and what went wrong.
fn lines_of(mut child: Child, limit: Duration) -> (String, Option<String>) {
    let started = Instant::now();
    // The few lines fit into the pipes, so the process never waits for this one.
    let problem = loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => break None,
            Ok(Some(status)) => break Some(format!("its process ended: {status}")),
            Ok(None) if started.elapsed() > limit => {
                // It may have ended by itself in the meantime, which is as good.
                drop(child.kill());
                drop(child.wait());
                break Some(format!("does not end: stopped after {} s", limit.as_secs()));
            }
            Ok(None) => std::thread::sleep(LOOK_EVERY),
            Err(error) => break Some(error.to_string()),
        }
    };
    let mut lines = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        // What could be read is what it said.
        drop(stdout.read_to_string(&mut lines));
    }
    let mut complaint = String::new();
    if let (Some(mut stderr), Some(_)) = (child.stderr.take(), &problem) {
        drop(stderr.read_to_string(&mut complaint));
    }
    // A panic says where in its first line and what in its second.
    let complaint = complaint.lines().filter(|line| !line.trim().is_empty()).take(2).collect::<Vec<_>>().join(" ");
    let problem = problem.map(|problem| if complaint.is_empty() { problem } else { format!("{problem}: {complaint}") });
    (lines, problem)
}

/// Measures a peer in this process, and says after every step what is known: whoever waits may have to end it.
///
/// # Errors
/// [`PerfError::Options`] when there is no such peer or workload, or the peers are not built in.
pub fn one(options: &Options, name: &str, say: fn(&PeerReport)) -> Result<(), PerfError> {
    built_in::one(options, name, say).map_err(PerfError::Options)
}

#[cfg(not(feature = "peers"))]
mod built_in {
    use super::{Options, PeerReport};

    pub(super) fn one(_: &Options, name: &str, _: fn(&PeerReport)) -> Result<(), String> {
        Err(format!("{name} is not built in: build with the feature `peers`"))
    }
}

#[cfg(feature = "peers")]
mod built_in {
    use super::{NAMES, Options, PeerReport};
    use crate::conform::conformance;
    use crate::measure::Pass;
    use crate::run::{COMPARED_COMMANDS, PASS_LIMIT, median_rate, pass};
    use crate::subject::Subject;
    use crate::subject::peers::{limitbook, matchcore, nanobook, orderbook_rs};
    use crate::workload::Workload;

    pub(super) fn one(options: &Options, name: &str, say: fn(&PeerReport)) -> Result<(), String> {
        crate::machine::pin();
        for workload in &options.workloads {
            let workload = Workload::generate(&options.request(workload))?;
            match name {
                "matchcore" => measure::<matchcore::Peer>(options, &workload, say),
                "nanobook" => measure::<nanobook::Peer>(options, &workload, say),
                "limitbook" => measure::<limitbook::Peer>(options, &workload, say),
                "orderbook-rs" => measure::<orderbook_rs::Peer>(options, &workload, say),
                other => return Err(format!("there is no peer {other:?}; there are {}", NAMES.join(", "))),
            }
        }
        Ok(())
    }

    fn measure<S: Subject>(options: &Options, workload: &Workload, say: fn(&PeerReport)) {
        let mut report = PeerReport::of_nothing(S::NAME);
        match conformance::<S>(&workload.shortened(COMPARED_COMMANDS)) {
            Ok(conformance) => {
                report.conforms = conformance.difference.is_none();
                report.why = conformance.difference;
            }
            Err(unable) => {
                report.add_why(&unable);
                return say(&report);
            }
        }
        say(&report);
        let mut passes: Vec<Pass> = Vec::new();
        for _ in 0..options.runs {
            let pass = pass::<S>(options, workload, None).expect("it took the ops when it was compared");
            passes.push(pass);
            report.commands_per_second = Some(median_rate(&passes));
            if pass.is_cut {
                report.add_why(&format!("ended after {} commands and {} s", pass.ops, PASS_LIMIT.as_secs()));
                break;
            }
        }
        say(&report);
    }
}
