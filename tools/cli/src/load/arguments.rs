//! What `tidegate load` can be told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tidegate_latency::LoadMode;
use tidegate_perf_wire::schedule::sweep_rates;
use tidegate_perf_wire::{LoadPlan, Pace, Schedule, WorkloadKind};

use super::recorded::Recorded;

/// Highest rate that can be asked for.
const RATE_MAX: u64 = 10_000_000;

/// What to send, how fast, where to, and where its figures go.
#[derive(Args, Clone, Debug)]
pub struct LoadArgs {
    /// When requests go out: at intended times, after the answer before, or as fast as full windows allow
    #[arg(long, value_parser = ["open", "closed", "saturate"], default_value = "open")]
    mode: String,
    /// Intended requests a second, over all sessions
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=RATE_MAX), conflicts_with = "sweep")]
    rate: u64,
    /// One rate after the other, from A to B, until the node has not answered twice in a row what was offered
    #[arg(long, value_name = "A..B", value_parser = parse_sweep)]
    sweep: Option<(u64, u64)>,
    /// Rates of a sweep, each the same factor above the one before
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(2..=100))]
    sweep_steps: u32,
    /// So many requests at once, in distances that keep the rate
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    burst: u64,
    /// Length of the measured part, of each rate of a sweep
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Load before it, of which nothing is counted
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    warm_up: u64,
    /// Connections, each with a key of its own [default: 1; with --connect as many as keys]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=200))]
    sessions: Option<u32>,
    /// Unanswered requests of a session with --mode saturate
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    window: u32,
    /// What is asked
    #[arg(long, value_parser = workload_names(), default_value = "pairs")]
    pub(super) workload: String,
    /// With --workload recorded: a node's data folder or a backup of one, or a LOBSTER message file
    #[arg(long, value_name = "FILE-OR-FOLDER")]
    pub(super) recorded: Option<PathBuf>,
    /// With a LOBSTER message file: the order book file whose first row seeds the opening book
    #[arg(long, value_name = "FILE", requires = "recorded")]
    pub(super) seed_book: Option<PathBuf>,
    /// So many seconds into the measured part, kill the primary and promote the standby; with --durability replicated
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["sweep", "connect"])]
    failover_at: Option<u64>,
    /// What the requests are made from
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// What an acknowledgement needs; `replicated` starts two nodes
    #[arg(long, value_parser = ["async", "local", "replicated"], default_value = "local", conflicts_with = "connect")]
    pub(super) durability: String,
    /// Let the node's threads sleep when there is nothing to do; two nodes on this machine always do
    #[arg(long, conflicts_with = "connect")]
    pub(super) park: bool,
    /// Which kernel interface the node's sockets use
    #[arg(long, value_parser = ["auto", "uring", "epoll"], default_value = "auto", conflicts_with = "connect")]
    pub(super) io: String,
    /// Use a running node: the address of its binary gateway; needs --market, --key and --key-file
    #[arg(long, value_name = "ADDR", requires_all = ["market", "key", "key_file"])]
    pub(super) connect: Option<SocketAddr>,
    /// With --connect: the markets' numbers, where the keys' accounts have no orders
    #[arg(long, value_name = "N", value_delimiter = ',', requires = "connect")]
    pub(super) market: Vec<u32>,
    /// With --connect: the keys' numbers, one for each session; their accounts need ample funds
    #[arg(long, value_name = "N", value_delimiter = ',', requires = "connect")]
    pub(super) key: Vec<u32>,
    /// With --connect: files of the private keys, in the same order
    #[arg(long, value_name = "FILE", value_delimiter = ',', requires = "connect")]
    pub(super) key_file: Vec<PathBuf>,
    /// With --connect: that node's data folder, for its stages
    #[arg(long, value_name = "DIR", requires = "connect")]
    pub(super) data_dir: Option<PathBuf>,
    /// A send this many microseconds after its intended time is late
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..=60_000_000))]
    late_us: u64,
    /// How many of the slowest requests are listed
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    slowest: u32,
    /// Seconds of the hiccup meter on each core before the nodes start, and again after they stopped; 0: none
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub(super) hiccup_s: u64,
    /// A line for people about this run
    #[arg(long, value_name = "TEXT")]
    pub(super) title: Option<String>,
    /// The folder of the run, which must not have one [default: tidegate-load-TIME]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Where the nodes' folders are made and removed again, on the disk that is meant [default: a temporary one]
    #[arg(long, value_name = "DIR", conflicts_with = "connect")]
    pub(super) folder: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// `1000..200000`
fn parse_sweep(text: &str) -> Result<(u64, u64), String> {
    let rates = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    match rates {
        Some((from, to)) if 0 < from && from < to && to <= RATE_MAX => Ok((from, to)),
        _ => Err(format!("two rates from 1 to {RATE_MAX}, the lower one first, such as 1000..200000")),
    }
}

/// Name of the workload that was recorded.
const RECORDED: &str = "recorded";

fn workload_names() -> Vec<&'static str> {
    WorkloadKind::ALL.iter().map(|kind| kind.as_str()).chain([RECORDED]).collect()
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Made from the seed.
    Made(WorkloadKind),
    /// Read from a file or a journal.
    Recorded,
}

/// One load of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Intended requests a second; `None` without an intention.
    pub(super) rate: Option<u64>,
    /// What the generator is told.
    pub(super) plan: LoadPlan,
}

impl LoadArgs {
    pub(super) fn load_mode(&self) -> LoadMode {
        match self.mode.as_str() {
            _ if self.sweep.is_some() => LoadMode::Sweep,
            "closed" => LoadMode::Closed,
            "saturate" => LoadMode::Saturate,
            _ if self.burst > 1 => LoadMode::Burst,
            _ => LoadMode::Open,
        }
    }

    /// Sessions: with `--connect` as many as keys.
    pub(super) fn sessions(&self) -> usize {
        if self.connect.is_some() { self.key.len() } else { self.sessions.unwrap_or(1) as usize }
    }

    /// Requests of a moment, as `run.json` has it: 0 without intended moments.
    pub(super) fn burst(&self) -> u64 {
        if self.mode == "open" { self.burst } else { 0 }
    }

    /// The window, as `run.json` has it: 0 but in saturation.
    pub(super) fn window(&self) -> u32 {
        if self.load_mode() == LoadMode::Saturate { self.window } else { 0 }
    }

    pub(super) fn what(&self) -> What {
        let named = WorkloadKind::ALL.into_iter().find(|kind| kind.as_str() == self.workload);
        named.map_or(What::Recorded, What::Made)
    }

    pub(super) fn failover_at(&self) -> Option<Duration> {
        self.failover_at.map(Duration::from_secs)
    }

    /// The recording, where it is one.
    pub(super) fn recorded(&self) -> Result<Option<Recorded>, String> {
        let Some(path) = self.recorded.as_ref().filter(|_| self.what() == What::Recorded) else { return Ok(None) };
        let seconds = self.warm_up + self.seconds;
        let needed = match self.mode.as_str() {
            "open" => usize::try_from(self.rate.saturating_mul(seconds)).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        Recorded::read(path, self.seed_book.as_deref(), self.sessions(), needed).map(Some)
    }

    /// Of a workload that is made.
    pub(super) fn markets_of_workload(&self) -> usize {
        if let What::Made(kind) = self.what() { kind.markets() } else { 0 }
    }

    /// Of a workload that is made.
    pub(super) fn mix(&self) -> String {
        if let What::Made(kind) = self.what() { kind.mix().to_owned() } else { String::new() }
    }

    /// Whether there are enough.
    pub(super) fn check_markets(&self, needed: usize) -> Result<(), String> {
        if self.connect.is_some() && self.market.len() < needed {
            let (has, name) = (self.market.len(), &self.workload);
            return Err(format!("--market names {has}; workload {name} needs {needed}"));
        }
        Ok(())
    }

    /// What clap cannot see.
    pub(super) fn check(&self) -> Result<(), String> {
        let sessions = self.sessions();
        let min = if let What::Made(kind) = self.what() { kind.sessions_min() } else { 1 };
        if self.key.len() != self.key_file.len() {
            let (keys, files) = (self.key.len(), self.key_file.len());
            return Err(format!("--key names {keys} and --key-file {files}; each key needs its file"));
        }
        if let (Some(_), Some(asked)) = (self.connect, self.sessions)
            && asked as usize != sessions
        {
            return Err(format!(
                "--sessions is {asked} and --key names {sessions}; with --connect each key is one session: leave out --sessions, or \
                 name as many keys"
            ));
        }
        if !(min..=200).contains(&sessions) {
            let name = &self.workload;
            return Err(format!("--sessions is {sessions}; workload {name} takes {min} to 200"));
        }
        self.check_markets(self.markets_of_workload())?;
        match (self.what(), &self.recorded) {
            (What::Recorded, None) => return Err("--workload recorded needs --recorded FILE-OR-FOLDER".to_owned()),
            (What::Made(_), Some(_)) => {
                return Err(format!("--recorded is sent with --workload recorded, not with {}", self.workload));
            }
            (What::Recorded, _) if self.sweep.is_some() => {
                return Err("a recording has one end; leave out --sweep, or make a run for each --rate".to_owned());
            }
            _ => {}
        }
        self.check_failover()?;
        if self.mode != "open" && (self.sweep.is_some() || self.burst > 1) {
            return Err(format!("--mode {} has no intended times; leave out --sweep and --burst", self.mode));
        }
        Ok(())
    }

    fn check_failover(&self) -> Result<(), String> {
        let Some(at) = self.failover_at else { return Ok(()) };
        if self.durability != "replicated" {
            return Err(format!("--failover-at needs a standby: --durability replicated, not {}", self.durability));
        }
        if self.mode != "open" {
            return Err(format!("--failover-at with --mode {}: only an open loop sees the whole gap", self.mode));
        }
        if !(1..self.seconds).contains(&at) {
            return Err(format!("--failover-at is {at}; it must be at least 1 and below --seconds, {}", self.seconds));
        }
        Ok(())
    }

    /// The loads, in their order.
    pub(super) fn steps(&self) -> Vec<Step> {
        let step = |rate, pace| Step {
            rate,
            plan: LoadPlan {
                pace,
                warm_up: Duration::from_secs(self.warm_up),
                measured: Duration::from_secs(self.seconds),
                late_threshold: Duration::from_micros(self.late_us),
                outliers_max: self.slowest as usize,
            },
        };
        let open = |rate| step(Some(rate), Pace::Open(Schedule::new(rate, self.burst)));
        match (self.sweep, self.load_mode()) {
            (Some((from, to)), _) => sweep_rates(from, to, self.sweep_steps).into_iter().map(open).collect(),
            (None, LoadMode::Closed) => vec![step(None, Pace::Window(1))],
            (None, LoadMode::Saturate) => vec![step(None, Pace::Window(self.window as usize))],
            (None, _) => vec![open(self.rate)],
        }
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        let pace = match (self.sweep, self.load_mode()) {
            (Some((from, to)), _) => format!("open loop from {from} to {to} requests/s"),
            (None, LoadMode::Closed) => "closed loop".to_owned(),
            (None, LoadMode::Saturate) => format!("saturated, windows of {}", self.window),
            (None, _) if self.burst > 1 => format!("open loop at {} requests/s in bursts of {}", self.rate, self.burst),
            (None, _) => format!("open loop at {} requests/s", self.rate),
        };
        let sessions = self.sessions();
        format!("{}, {pace}, {sessions} session{}", self.workload, if sessions == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        load: LoadArgs,
    }

    fn parsed(words: &str) -> Result<LoadArgs, String> {
        let line = Line::try_parse_from(std::iter::once("load").chain(words.split_whitespace()));
        let load = line.map_err(|error| error.to_string())?.load;
        load.check().map(|()| load)
    }

    #[test]
    fn the_options_decide_the_mode_and_the_steps() {
        for (words, mode, rates) in [
            ("", LoadMode::Open, vec![Some(10_000)]),
            ("--rate 5 --burst 10", LoadMode::Burst, vec![Some(5)]),
            ("--mode closed", LoadMode::Closed, vec![None]),
            ("--mode saturate", LoadMode::Saturate, vec![None]),
            ("--sweep 10..40 --sweep-steps 3", LoadMode::Sweep, vec![Some(10), Some(20), Some(40)]),
        ] {
            let load = parsed(words).unwrap();
            assert_eq!(load.load_mode(), mode, "{words}");
            assert_eq!(load.steps().iter().map(|step| step.rate).collect::<Vec<_>>(), rates, "{words}");
        }
    }

    #[test]
    fn what_is_at_once_is_told_of_the_modes_that_have_it() {
        for (words, burst, window) in [
            ("", 1, 0),
            ("--burst 500", 500, 0),
            ("--burst 5 --sweep 1..9", 5, 0),
            ("--mode closed", 0, 0),
            ("--mode saturate --window 7", 0, 7),
            ("--window 7", 1, 0),
        ] {
            let load = parsed(words).unwrap();
            assert_eq!((load.burst(), load.window()), (burst, window), "{words}");
        }
        let load = parsed("--connect 127.0.0.1:1 --market 1 --key 4,5 --key-file a,b --sessions 2").unwrap();
        assert_eq!(load.sessions(), 2);
    }

    #[test]
    fn wrong_options_are_refused_with_their_name_and_limit() {
        for (words, parts) in [
            ("--rate 0", ["--rate", "1..=10000000"]),
            ("--sessions 201", ["--sessions", "1..=200"]),
            ("--sweep 5..4", ["--sweep", "the lower one first"]),
            ("--sweep 1..99999999", ["--sweep", "10000000"]),
            ("--sweep fast", ["--sweep", "such as 1000..200000"]),
            ("--workload takers", ["--sessions is 1", "takes 2 to 200"]),
            ("--mode closed --burst 5", ["--mode closed", "leave out"]),
            ("--connect 127.0.0.1:1", ["--market", "--key-file"]),
            ("--connect 127.0.0.1:1 --market 1 --key 1,2 --key-file a", ["--key names 2", "--key-file 1"]),
            ("--workload recorded", ["needs --recorded", "FILE-OR-FOLDER"]),
            ("--recorded x", ["--workload recorded", "not with pairs"]),
            ("--workload recorded --recorded x --sweep 1..5", ["leave out --sweep", "one end"]),
            ("--failover-at 3", ["--durability replicated", "not local"]),
            ("--failover-at 10 --durability replicated", ["--failover-at is 10", "below --seconds, 10"]),
            ("--failover-at 3 --durability replicated --mode saturate", ["--mode saturate", "open loop"]),
            ("--failover-at 3 --durability replicated --sweep 1..5", ["--failover-at", "--sweep"]),
            ("--data-dir x", ["--connect", "--data-dir"]),
            ("--connect 127.0.0.1:1 --market 1 --key 1 --key-file a --durability async", ["--connect", "--durability"]),
            ("--connect 127.0.0.1:1 --market 1 --key 1 --key-file a --park", ["--connect", "--park"]),
            ("--connect 127.0.0.1:1 --market 1 --key 1 --key-file a --io epoll", ["--connect", "--io"]),
            ("--connect 127.0.0.1:1 --market 1 --key 1 --key-file a --folder x", ["--connect", "--folder"]),
            (
                "--connect 127.0.0.1:1 --market 1 --key 1 --key-file a --sessions 3",
                ["--sessions is 3", "--key names 1"],
            ),
            (
                "--connect 127.0.0.1:1 --market 1 --key 1 --key-file a --workload mass-quotes",
                ["--market names 1", "needs 5"],
            ),
        ] {
            let error = parsed(words).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{words}: {error}");
        }
    }
}
