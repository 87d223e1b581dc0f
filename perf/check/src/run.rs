//! Runs the programs of both commits in turns and takes the figures out of what they print.
//!
//! Invariants: a command that a commit does not know (exit code 2) is left out; one that fails is an error. So is one that
//! prints no JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::metrics::{Better, Source};
use crate::report::Row;
use crate::statistics::{self, Round};

/// What a usage error ends with, as clap does it.
const WRONG_USAGE: i32 = 2;

/// The programs of one commit.
#[derive(Clone, Debug)]
pub struct Programs {
    /// In messages.
    pub name: String,
    /// The product.
    pub tidegate: PathBuf,
    /// What counts instructions.
    pub engine: PathBuf,
}

/// What was compared, and what was not and why.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// One for each figure that both have.
    pub rows: Vec<Row>,
    /// Sentences.
    pub left_out: Vec<String>,
}

/// One run: its JSON, or `None` where the program does not know such a command.
fn run(programs: &Programs, program: &PathBuf, arguments: &[&str]) -> Result<Result<Value, String>, String> {
    let shown = || format!("{}: {} {}", programs.name, program.display(), arguments.join(" "));
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{}: {error}", shown()))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    // The last lines are about what ended it; the ones before tell what is going on.
    let first = complaint.lines().find(|line| line.contains("error")).or_else(|| complaint.lines().last());
    let first = first.unwrap_or("").trim().to_owned();
    match output.status.code() {
        Some(0) => {}
        Some(WRONG_USAGE) => return Ok(Err(first)),
        _ => return Err(format!("{} failed ({}): {}", shown(), output.status, complaint.trim())),
    }
    serde_json::from_slice(&output.stdout).map(Ok).map_err(|error| format!("{} prints no JSON: {error}", shown()))
}

/// Measures everything in rounds. `tell` hears what comes next.
///
/// # Errors
/// When a program fails: which one, with what it said.
pub fn measure(
    [against, this]: [&Programs; 2],
    sources: &[Source],
    rounds: usize,
    tell: &dyn Fn(&str),
) -> Result<Measured, String> {
    let mut measured = Measured::default();
    let mut known = Vec::new();
    for source in sources {
        let command = source.arguments.join(" ");
        tell(&format!("warming up: {command}"));
        let mut values = Vec::new();
        for programs in [against, this] {
            match run(programs, &programs.tidegate, source.arguments)? {
                Ok(value) => values.push(value),
                Err(why) => measured.left_out.push(format!("{command}: {} does not know it: {why}", programs.name)),
            }
        }
        let [before, after] = values.as_slice() else { continue };
        let mut metrics = Vec::new();
        for metric in source.metrics {
            let lacks: Vec<_> = [(against, before), (this, after)]
                .into_iter()
                .filter(|(_, value)| figure(value, metric.pointer).is_none())
                .map(|(programs, _)| format!("{}: {} has no such figure", metric.name, programs.name))
                .collect();
            if lacks.is_empty() {
                metrics.push(*metric);
            }
            measured.left_out.extend(lacks);
        }
        known.push((source.arguments, metrics));
    }
    let mut figures: BTreeMap<&'static str, Vec<Round>> = BTreeMap::new();
    for round in 1..=rounds {
        for (arguments, metrics) in known.iter().filter(|(_, metrics)| !metrics.is_empty()) {
            tell(&format!("round {round} of {rounds}: {}", arguments.join(" ")));
            let mut values = Vec::new();
            for programs in [against, this, this, against] {
                let value = run(programs, &programs.tidegate, arguments)?;
                values.push(value.map_err(|why| format!("{}: it knew this before: {why}", programs.name))?);
            }
            for metric in metrics {
                let at = |turn: usize| {
                    figure(&values[turn], metric.pointer).ok_or_else(|| {
                        format!(
                            "{}: there is no figure at {} in one run, there was before",
                            metric.name, metric.pointer
                        )
                    })
                };
                let round = Round { against: [at(0)?, at(3)?], this: [at(1)?, at(2)?] };
                figures.entry(metric.name).or_default().push(round);
            }
        }
    }
    let compared = figures.len();
    let metrics = known.iter().flat_map(|(_, metrics)| metrics);
    measured.rows.extend(metrics.filter_map(|metric| {
        let rounds = figures.get(metric.name)?;
        let ratio = statistics::ratio(rounds, compared, metric.better);
        let middle = |of: fn(&Round) -> [f64; 2]| {
            let mut all: Vec<f64> = rounds.iter().flat_map(of).collect();
            all.sort_by(f64::total_cmp);
            statistics::median(&all)
        };
        let (against, this) = (middle(|round| round.against), middle(|round| round.this));
        Some(Row { name: metric.name.to_owned(), better: metric.better.into(), against, this, ratio, is_exact: false })
    }));
    Ok(measured)
}

/// A figure that has a logarithm.
fn figure(value: &Value, pointer: &str) -> Option<f64> {
    value.pointer(pointer).and_then(Value::as_f64).filter(|figure| figure.is_finite() && *figure > 0.0)
}

/// Instructions per command of both, counted once: they repeat.
///
/// # Errors
/// When a program prints something else than counts.
pub fn instructions([against, this]: [&Programs; 2], commands: usize, tell: &dyn Fn(&str)) -> Result<Measured, String> {
    let mut measured = Measured::default();
    if let Err(error) = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status() {
        let why = format!(
            "SKIPPED: instruction counts: valgrind does not start ({error}): on Debian, apt-get install valgrind"
        );
        measured.left_out.push(why);
        return Ok(measured);
    }
    let commands = commands.to_string();
    let arguments = ["--instructions", "--commands", &commands, "--json"];
    let mut counts = Vec::new();
    for programs in [against, this] {
        tell(&format!("{}: counting instructions", programs.name));
        match run(programs, &programs.engine, &arguments)? {
            Ok(value) => counts.push(value),
            Err(why) => measured.left_out.push(format!("instruction counts: {} has none: {why}", programs.name)),
        }
    }
    let [before, after] = counts.as_slice() else { return Ok(measured) };
    let list = |value: &Value| value["counts"].as_array().cloned().unwrap_or_default();
    for count in list(after) {
        let is_same =
            |other: &&Value| ["workload", "subject", "commands"].into_iter().all(|field| other[field] == count[field]);
        let name = || {
            format!(
                "{} {}, instructions",
                count["subject"].as_str().unwrap_or("?"),
                count["workload"].as_str().unwrap_or("?")
            )
        };
        let per_command = |value: &Value| figure(value, "/instructions_per_command");
        let was = list(before).iter().find(is_same).and_then(per_command);
        match was.zip(per_command(&count)) {
            Some((was, is)) => {
                let ratio = statistics::exact(was, is);
                let better = Better::Lower.into();
                measured.rows.push(Row { name: name(), better, against: was, this: is, ratio, is_exact: true });
            }
            None => measured.left_out.push(format!("{}: {} has no such figure", name(), against.name)),
        }
    }
    Ok(measured)
}
