//! `cargo xtask ci`: what CI runs, in the order in which failures are cheapest. `cargo xtask tidy`: what no compiler checks.
//! `cargo xtask perf-check`: starts `perf/check`, which compares the speed of two commits.
//!
//! Invariants: one profile, so that nothing is built twice; no dependency, so that it builds in a second.

use std::process::{Command, ExitCode};
use std::time::Instant;

mod tidy;

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    let done = match task.as_deref() {
        Some("ci") => ci(),
        Some("tidy") => tidy::run(),
        Some("perf-check") => return perf_check(),
        _ => Err("usage: cargo xtask ci | tidy | perf-check [--help]".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Everything that must pass before a change lands.
fn ci() -> Result<(), String> {
    let started = Instant::now();
    cargo("formatting", &["fmt", "--all", "--check"], &[])?;
    tidy::run()?;
    cargo("lints", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?;
    // The program first: tests start it as a process of its own.
    cargo("build", &["build", "--workspace"], &[])?;
    cargo("tests and doc tests", &["test", "--workspace"], &[])?;
    cargo(
        "documentation",
        &["doc", "--workspace", "--no-deps", "--document-private-items"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )?;
    println!("xtask: all of it passed in {} s", started.elapsed().as_secs());
    Ok(())
}

/// Builds and runs the program of `perf/check` with the arguments that follow. Its exit code is this one's: 1 is worse.
fn perf_check() -> ExitCode {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--release", "--quiet", "--package", "tidegate-perf-check", "--"]);
    match command.args(std::env::args_os().skip(2)).status() {
        // A signal ended it, or cargo could not build it: neither says anything of the speed.
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::from(2), ExitCode::from),
        Err(error) => {
            eprintln!("xtask: cannot run cargo: {error}");
            ExitCode::from(2)
        }
    }
}

fn cargo(what: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    println!("xtask: {what}: cargo {}", arguments.join(" "));
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).envs(environment.iter().copied());
    match command.status() {
        Ok(status) if status.success() => {
            println!("xtask: {what}: {} s", started.elapsed().as_secs());
            Ok(())
        }
        Ok(status) => Err(format!("{what} failed ({status}): cargo {}", arguments.join(" "))),
        Err(error) => Err(format!("cannot run cargo: {error}")),
    }
}
