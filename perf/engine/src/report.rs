//! What a run says: the same for a program (JSON) and for people (a table).
//!
//! Invariants: a workload that could not run is there with its reason, and so is a peer that could not.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it ran on.
    pub machine: Machine,
    /// Of the working folder.
    pub commit: String,
    /// Makes the streams.
    pub seed: u64,
    /// Each throughput is the median of so many.
    pub runs: usize,
    /// Which core the thread was pinned to; `null` where that was refused.
    pub pinned_core: Option<usize>,
    /// What the clock itself adds to every latency, in nanoseconds.
    pub clock_ns: u64,
    /// In the order of the request.
    pub workloads: Vec<WorkloadReport>,
}

/// One workload.
#[derive(Clone, Debug, Serialize)]
pub struct WorkloadReport {
    /// See [`crate::workload`].
    pub name: String,
    /// Measured commands.
    pub commands: u64,
    /// Trades that they cause.
    pub fills: u64,
    /// Why it did not run.
    pub skipped: Option<String>,
    /// Tidegate's book alone.
    pub book: Option<Figures>,
    /// Tidegate's whole engine.
    pub engine: Option<Figures>,
    /// Other people's books.
    pub peers: Vec<PeerReport>,
}

/// The figures of one of ours.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Median of the runs.
    pub commands_per_second: u64,
    /// See [`LatencyNs`].
    pub latency_ns: LatencyNs,
    /// Of memory, during the measured commands of one pass; `null` where nobody counts.
    pub allocations: Option<u64>,
    /// Of the results of all commands, equal in every run.
    pub checksum: String,
    /// Whether it trades as the naive book does.
    pub conforms: bool,
    /// The first difference.
    pub why: Option<String>,
}

/// Time from before a command until after it, with what the clock itself takes, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LatencyNs {
    /// Half of the commands were faster.
    pub p50: u64,
    /// 99 % were.
    pub p99: u64,
    /// 99.9 % were.
    pub p999: u64,
    /// 99.99 % were.
    pub p9999: u64,
    /// The slowest.
    pub max: u64,
}

/// The figures of somebody else's book.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PeerReport {
    /// The package.
    pub name: String,
    /// Median of the runs; `null` where it did not run.
    pub commands_per_second: Option<u64>,
    /// Whether it trades as the naive book does.
    pub conforms: bool,
    /// The first difference, what it cannot express, or what else there is to say of the figure.
    pub why: Option<String>,
}

impl PeerReport {
    /// Nothing is known yet.
    pub(crate) fn of_nothing(name: &str) -> Self {
        Self { name: name.to_owned(), commands_per_second: None, conforms: false, why: None }
    }

    pub(crate) fn add_why(&mut self, why: &str) {
        self.why = Some(self.why.take().map_or_else(|| why.to_owned(), |before| format!("{before}; {why}")));
    }
}

impl Report {
    /// As a table, in colours where the reader is a terminal.
    #[must_use]
    pub const fn table(&self, colour: bool) -> Table<'_> {
        Table { report: self, colour }
    }

    /// Whether everything that ran trades as the naive book does.
    #[must_use]
    pub fn conforms(&self) -> bool {
        let figures = self.workloads.iter().flat_map(|workload| [&workload.book, &workload.engine]);
        figures.flatten().all(|figures| figures.conforms)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table(false).fmt(f)
    }
}

/// See [`Report::table`].
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    report: &'a Report,
    colour: bool,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "1;31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { machine, commit, seed, runs, pinned_core, clock_ns, workloads } = self.report;
        let Machine { cpu, cores, memory_mib, system } = machine;
        writeln!(f, "{cpu}, {cores} cores, {memory_mib} MiB, {system}; commit {commit}")?;
        let pinned = pinned_core.map_or_else(|| "not pinned".to_owned(), |core| format!("pinned to core {core}"));
        writeln!(f, "seed {seed}, median of {runs} runs, {pinned}")?;
        writeln!(f, "latencies in ns, with the {clock_ns} ns of the clock itself")?;
        workloads.iter().try_for_each(|workload| {
            writeln!(f)?;
            self.write_workload(f, workload)
        })
    }
}

impl Table<'_> {
    fn paint(&self, text: &str, code: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn write_workload(&self, f: &mut fmt::Formatter<'_>, workload: &WorkloadReport) -> fmt::Result {
        let WorkloadReport { name, commands, fills, skipped, book, engine, peers } = workload;
        let name = self.paint(&format!("{name}:"), BOLD);
        writeln!(f, "{name} {} commands, {} fills", grouped(*commands), grouped(*fills))?;
        if let Some(reason) = skipped {
            return writeln!(f, "  {}", self.paint(&format!("skipped: {reason}"), YELLOW));
        }
        let head = ["commands/s", "p50", "p99", "p99.9", "p99.99", "max", "allocations"];
        let head: String = head.iter().map(|word| format!("{word:>13}")).collect();
        writeln!(f, "  {:<16}{}", "", self.paint(&head, DIM))?;
        for (name, figures) in [("book", book), ("engine", engine)] {
            let Some(figures) = figures else { continue };
            let LatencyNs { p50, p99, p999, p9999, max } = figures.latency_ns;
            write!(f, "  {name:<16}{}", self.paint(&format!("{:>13}", grouped(figures.commands_per_second)), GREEN))?;
            for number in [p50, p99, p999, p9999, max] {
                write!(f, "{:>13}", grouped(number))?;
            }
            let allocations = format!("{:>13}", figures.allocations.map_or_else(|| "-".to_owned(), grouped));
            let is_clean = figures.allocations.unwrap_or(0) == 0;
            write!(f, "{}", if is_clean { allocations } else { self.paint(&allocations, YELLOW) })?;
            self.write_why(f, figures.conforms, figures.why.as_deref())?;
        }
        for peer in peers {
            let rate = peer.commands_per_second.map_or_else(|| "-".to_owned(), grouped);
            write!(f, "  {:<16}{rate:>13}", peer.name)?;
            self.write_why(f, peer.conforms, peer.why.as_deref())?;
        }
        Ok(())
    }

    fn write_why(&self, f: &mut fmt::Formatter<'_>, conforms: bool, why: Option<&str>) -> fmt::Result {
        if !conforms {
            write!(f, "  {}", self.paint("does not conform", RED))?;
        }
        match why {
            Some(why) => writeln!(f, "  ({why})"),
            None => writeln!(f),
        }
    }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
