//! `tidegate bench wire`: what an order takes from a client's socket back to it, beside what the sockets alone take.
//!
//! ```text
//!   per durability: a node (or two) of this program --+-- rounds: raw echo while the node is stopped | one in flight
//!                                                     +-- rounds: four sessions with full windows
//!   async only:                                       +-- logons, and a reconnect with a long replay beside busy sessions
//! ```
//!
//! Invariants: what is measured is the product, as a process of its own; its threads spin, as the echo's do; echo and node take
//! turns on the same cores within each round.

use std::fmt::Write;
use std::path::Path;

use clap::Args;
use serde::Serialize;
use tidegate_node::config::DurabilityName;
use tidegate_perf::Machine;
use tidegate_perf_wire::codec::CodecFigures;
use tidegate_perf_wire::{FeedReader, LatencyNs, Pinned, WireClient, codec, echo, load, median};

use crate::trading_cluster::{TradingCluster, TradingPlan, io_name};

/// Name of the node that has a feed.
const FEED: &str = "feed";
/// Name of the node whose keys have limits.
const HOSTILE: &str = "hostile";
/// Sessions of the throughput figure.
const SESSIONS: usize = 4;
/// Logons that are timed.
const LOGONS: usize = 200;
/// Synced writes of the bare device, per round.
const WRITES: usize = 500;
/// What a key may send while another floods, in orders a second and at once, and how often the other sends one.
const LIMIT_PER_SECOND: u32 = 20_000;
const LIMIT_BURST: u32 = 1_000;
const PACE_PER_SECOND: u32 = 10_000;
/// Messages of the codec's figure.
const CODEC_MESSAGES: u64 = 4_000_000;

/// What to measure and how often.
#[derive(Args, Clone, Debug)]
pub struct WireArguments {
    /// Rounds, of which each figure is the median
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Requests of one round with one in flight
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    requests: u32,
    /// Requests of one round with full windows, of each of the four sessions
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    pipelined: u32,
    /// Unanswered requests of a session while its window is full
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    window: u32,
    /// Reports of the replay
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
    replay: u32,
    /// Sessions that are busy meanwhile
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    busy: u32,
    /// Only these durabilities
    #[arg(long, value_delimiter = ',', value_parser = ["async", "local", "replicated"], default_value = "async,local,replicated")]
    durability: Vec<String>,
    /// Also what a flood at ten times its key's limit does to another session
    #[arg(long)]
    hostile: bool,
    /// Which kernel interface the node's sockets use
    #[arg(long, value_parser = ["auto", "uring", "epoll"], default_value = "auto")]
    io: String,
    /// Where the nodes' folders are made and removed again, on the disk that is meant; by default a temporary one
    #[arg(long, value_name = "DIR")]
    folder: Option<std::path::PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct WireReport {
    machine: Machine,
    /// `io_uring` or `epoll`.
    io: String,
    rounds: u32,
    codec: CodecFigures,
    durabilities: Vec<DurabilityFigures>,
    logon: Option<LatencyNs>,
    reconnect: Option<ReconnectFigures>,
    /// From sending an order that trades; the node's threads sleep when idle, since the feed has one of its own.
    trade: Option<TradeFigures>,
    hostile: Option<HostileFigures>,
}

/// One session alone, and behind the bursts of another that sends ten times what its key may.
#[derive(Clone, Debug, Serialize)]
struct HostileFigures {
    calm: LatencyNs,
    flooded: LatencyNs,
    /// The median of the rounds' ratios.
    ratio_p50: f64,
    ratio_p99: f64,
    /// Orders a second that the key may send, and that it sent.
    limit_per_second: u32,
    flood_per_second: u64,
    /// Percent of the flood that was refused.
    refused_percent: u64,
}

/// One durability.
#[derive(Clone, Debug, Serialize)]
struct DurabilityFigures {
    durability: String,
    nodes: u32,
    /// Whether the node's threads spin; two nodes do not: the machine would have nothing left.
    spinning: bool,
    /// Medians of the rounds.
    echo: Option<LatencyNs>,
    one_in_flight: LatencyNs,
    /// The median of the rounds' ratios of the middle values.
    ratio_p50: Option<f64>,
    /// Per round: echo, then the node.
    rounds_p50: Vec<(Option<u64>, u64)>,
    /// One synced write of 4 KiB to the same disk, in `local`, in turns with the other two.
    synced_write: Option<LatencyNs>,
    /// Answers a second over four sessions: median, and each round's.
    pipelined_per_second: u64,
    pipelined_per_second_all: Vec<u64>,
}

/// Where a trade is seen first.
#[derive(Clone, Copy, Debug, Serialize)]
struct TradeFigures {
    /// Its owner has the fills.
    to_reports: LatencyNs,
    /// A reader of the feed has it.
    to_feed: LatencyNs,
}

/// A reconnect with a long replay.
#[derive(Clone, Copy, Debug, Serialize)]
struct ReconnectFigures {
    replayed: u64,
    busy_sessions: usize,
    took_ms: f64,
    others_answered: u64,
}

/// Measures everything, and tells each step to `tell`.
///
/// # Errors
/// What could not be made or started, or what the node answered.
pub fn measure(arguments: &WireArguments, tell: &dyn Fn(&str)) -> Result<WireReport, String> {
    let parent = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::tempdir_in(&parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    tell("the codec");
    let messages = if arguments.requests < 1_000 { 1_000 } else { CODEC_MESSAGES };
    let mut report = WireReport {
        machine: Machine::this(),
        io: String::new(),
        rounds: arguments.rounds,
        codec: codec::measure(messages),
        durabilities: Vec::new(),
        logon: None,
        reconnect: None,
        trade: None,
        hostile: None,
    };
    let cores = report.machine.cores;
    for name in &arguments.durability {
        let durability = match name.as_str() {
            "async" => DurabilityName::Async,
            "local" => DurabilityName::Local,
            _ => DurabilityName::Replicated,
        };
        let mut cluster = start(arguments, folder.path(), name, durability)?;
        report.io.clone_from(&cluster.io);
        let figures = cluster.measure(arguments, name, cores, folder.path(), tell)?;
        report.durabilities.push(figures);
        if durability == DurabilityName::Async {
            report.logon = Some(cluster.logons(tell)?);
            report.reconnect = Some(cluster.reconnect(arguments, tell)?);
        }
        cluster.stop()?;
    }
    if arguments.durability.iter().any(|name| name == "async") {
        let mut cluster = start(arguments, folder.path(), FEED, DurabilityName::Async)?;
        report.trade = Some(cluster.trade(arguments, cores, tell)?);
        cluster.stop()?;
    }
    if arguments.hostile {
        let mut cluster = start(arguments, folder.path(), HOSTILE, DurabilityName::Async)?;
        report.hostile = Some(cluster.hostile(arguments, cores, tell)?);
        cluster.stop()?;
    }
    Ok(report)
}

/// The nodes of one part of the measurement, named after it.
fn start(
    arguments: &WireArguments,
    folder: &Path,
    name: &str,
    durability: DurabilityName,
) -> Result<TradingCluster, String> {
    let is_async = durability == DurabilityName::Async;
    TradingCluster::start(&TradingPlan {
        folder: folder.join(name),
        durability,
        io: io_name(&arguments.io),
        traders: if is_async { SESSIONS + arguments.busy as usize } else { SESSIONS },
        markets: 1,
        // Where another thread of the node has to run, too, on a machine of two cores, none may spin.
        spins: durability != DurabilityName::Replicated && name != FEED,
        market_data: name == FEED,
        key_limit: (name == HOSTILE).then_some((LIMIT_PER_SECOND, LIMIT_BURST)),
    })
}

impl TradingCluster {
    fn measure(
        &mut self,
        arguments: &WireArguments,
        name: &str,
        cores: usize,
        folder: &Path,
        tell: &dyn Fn(&str),
    ) -> Result<DurabilityFigures, String> {
        let single = self.nodes.len() == 1;
        // Away from the node's core. Where the kernel refuses, the figures are those of a thread that may wander.
        let _pinned = if cores > 1 { Pinned::to(0) } else { None };
        let (mut echoes, mut nodes, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut rounds_p50, mut writes) = (Vec::new(), Vec::new());
        let requests = arguments.requests as usize;
        let mut client = WireClient::log_on(&self.logins[0], None)?;
        // Nobody's figure: caches, branch predictors, the kernel's buffers.
        load::one_in_flight(&mut client, requests.min(2_000))?;
        for round in 1..=arguments.rounds {
            tell(&format!("{name}: one in flight, round {round} of {}", arguments.rounds));
            let echo = if single { Some(self.echo(requests, cores)?) } else { None };
            let node = LatencyNs::of(&mut load::one_in_flight(&mut client, requests)?);
            rounds_p50.push((echo.map(|echo| echo.p50), node.p50));
            if let Some(echo) = echo {
                ratios.push(node.p50 * 1_000 / echo.p50);
                echoes.push(echo);
            }
            nodes.push(node);
            if name == "local" {
                let bare = tidegate_perf_journal::synced_write(folder, WRITES.min(requests))?;
                let (p50, p99, p999, max) = (bare.p50, bare.p99, bare.p999, bare.max);
                writes.push(LatencyNs { p50, p99, p999, max, samples: WRITES.min(requests) });
            }
        }
        drop(client);
        let mut clients: Vec<WireClient> =
            self.logins[..SESSIONS].iter().map(|login| WireClient::log_on(login, None)).collect::<Result<_, _>>()?;
        let mut pipelined = Vec::new();
        for round in 1..=arguments.rounds {
            tell(&format!("{name}: {SESSIONS} sessions, round {round} of {}", arguments.rounds));
            let per_session = arguments.pipelined as usize / 2 * 2;
            pipelined.push(load::pipelined(&mut clients, per_session, arguments.window as usize)?);
        }
        Ok(DurabilityFigures {
            durability: name.to_owned(),
            nodes: self.nodes.len() as u32,
            spinning: single,
            echo: (!echoes.is_empty()).then(|| LatencyNs::median_of(&echoes)),
            one_in_flight: LatencyNs::median_of(&nodes),
            ratio_p50: (!ratios.is_empty()).then(|| median(ratios) as f64 / 1_000.0),
            rounds_p50,
            synced_write: (!writes.is_empty()).then(|| LatencyNs::median_of(&writes)),
            pipelined_per_second: median(pipelined.clone()),
            pipelined_per_second_all: pipelined,
        })
    }

    /// The raw echo, on the node's core while the node is stopped.
    fn echo(&self, requests: usize, cores: usize) -> Result<LatencyNs, String> {
        let _stopped = Stopped::now(self.nodes[0].pid().ok_or("the node ended")?);
        let (request, report) = codec::lengths();
        let core = (cores > 1).then(|| cores - 1);
        let mut samples =
            echo::round_trips(requests, request, report, core).map_err(|error| format!("echo: {error}"))?;
        Ok(LatencyNs::of(&mut samples))
    }

    fn logons(&self, tell: &dyn Fn(&str)) -> Result<LatencyNs, String> {
        tell("logons");
        // A key that has no reports: nothing but the logon.
        let Some(login) = self.logins.get(SESSIONS) else { return Ok(LatencyNs::default()) };
        let mut samples = Vec::with_capacity(LOGONS);
        for _ in 0..LOGONS {
            let client = WireClient::log_on(login, Some(0))?;
            samples.push(u64::try_from(client.logged_on_in.as_nanos()).unwrap_or(u64::MAX));
        }
        Ok(LatencyNs::of(&mut samples))
    }

    fn reconnect(&self, arguments: &WireArguments, tell: &dyn Fn(&str)) -> Result<ReconnectFigures, String> {
        tell("a reconnect with a replay");
        let mut client = WireClient::log_on(&self.logins[0], None)?;
        let missing = u64::from(arguments.replay).saturating_sub(client.last_report);
        load::pipelined(std::slice::from_mut(&mut client), missing as usize, 512)?;
        drop(client);
        let others: Vec<WireClient> =
            self.logins[SESSIONS..].iter().map(|login| WireClient::log_on(login, None)).collect::<Result<_, _>>()?;
        let busy_sessions = others.len();
        let reconnect = load::reconnect(&self.logins[0], u64::from(arguments.replay), others)?;
        Ok(ReconnectFigures {
            replayed: reconnect.replayed,
            busy_sessions,
            took_ms: reconnect.took.as_secs_f64() * 1e3,
            others_answered: reconnect.others_answered,
        })
    }

    fn trade(&mut self, arguments: &WireArguments, cores: usize, tell: &dyn Fn(&str)) -> Result<TradeFigures, String> {
        let _pinned = if cores > 1 { Pinned::to(0) } else { None };
        let address = self.nodes[0].config.market_data.as_ref().map(|section| section.listen);
        let mut client = WireClient::log_on(&self.logins[0], None)?;
        let mut feed = FeedReader::follow(address.ok_or("the node has no feed")?, self.logins[0].market)?;
        let requests = (arguments.requests as usize / 4).max(1);
        load::to_the_feed(&mut client, &mut feed, requests.min(500))?;
        let (mut to_reports, mut to_feed) = (Vec::new(), Vec::new());
        for round in 1..=arguments.rounds {
            tell(&format!("a trade on the feed, round {round} of {}", arguments.rounds));
            let (mut reports, mut trades) = load::to_the_feed(&mut client, &mut feed, requests)?;
            to_reports.push(LatencyNs::of(&mut reports));
            to_feed.push(LatencyNs::of(&mut trades));
        }
        Ok(TradeFigures { to_reports: LatencyNs::median_of(&to_reports), to_feed: LatencyNs::median_of(&to_feed) })
    }

    fn hostile(
        &mut self,
        arguments: &WireArguments,
        cores: usize,
        tell: &dyn Fn(&str),
    ) -> Result<HostileFigures, String> {
        let _pinned = if cores > 1 { Pinned::to(0) } else { None };
        let mut victim = WireClient::log_on(&self.logins[0], None)?;
        let mut flooder = WireClient::log_on(&self.logins[1], None)?;
        let requests = arguments.requests as usize;
        let (mut calm, mut flooded, mut ratios) = (Vec::new(), Vec::new(), (Vec::new(), Vec::new()));
        let (mut sent, mut refused) = (0, 0);
        let burst = (LIMIT_PER_SECOND * 10 / PACE_PER_SECOND) as usize;
        let pace = std::time::Duration::from_secs(1) / PACE_PER_SECOND;
        load::behind_bursts(&mut victim, None, requests.min(2_000), pace)?;
        for round in 1..=arguments.rounds {
            tell(&format!("a flood, round {round} of {}", arguments.rounds));
            let (mut samples, _) = load::behind_bursts(&mut victim, None, requests, pace)?;
            let alone = LatencyNs::of(&mut samples);
            let (mut samples, flood) = load::behind_bursts(&mut victim, Some((&mut flooder, burst)), requests, pace)?;
            let beside = LatencyNs::of(&mut samples);
            ratios.0.push(beside.p50 * 1_000 / alone.p50);
            ratios.1.push(beside.p99 * 1_000 / alone.p99);
            calm.push(alone);
            flooded.push(beside);
            sent += flood.sent;
            refused += flood.refused;
        }
        Ok(HostileFigures {
            calm: LatencyNs::median_of(&calm),
            flooded: LatencyNs::median_of(&flooded),
            ratio_p50: median(ratios.0) as f64 / 1_000.0,
            ratio_p99: median(ratios.1) as f64 / 1_000.0,
            limit_per_second: LIMIT_PER_SECOND,
            flood_per_second: burst as u64 * u64::from(PACE_PER_SECOND),
            refused_percent: refused * 100 / sent,
        })
    }
}

/// A process that is stopped as long as this lives.
struct Stopped(i32);

impl Stopped {
    fn now(pid: u32) -> Self {
        let pid = i32::try_from(pid).expect("process ids fit");
        // SAFETY: a system call without memory, to a child that nobody has waited for.
        unsafe { libc::kill(pid, libc::SIGSTOP) };
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // SAFETY: as in `now`.
        unsafe { libc::kill(self.0, libc::SIGCONT) };
    }
}

fn row(out: &mut String, name: &str, latency: &LatencyNs, rest: &str) {
    let micros = |ns: u64| format!("{:.1} µs", ns as f64 / 1e3);
    let [p50, p99, p999, max] = [latency.p50, latency.p99, latency.p999, latency.max].map(micros);
    // Writing to a string does not fail.
    let _ = writeln!(out, "  {name:<34} {p50:>11} {p99:>11} {p999:>11} {max:>12}   {rest}");
}

impl WireReport {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let machine = &self.machine;
        let mut out = format!("{} ({} cores), {}, {}\n", machine.cpu, machine.cores, machine.system, self.io);
        let _ = writeln!(out, "  {:<34} {:>11} {:>11} {:>11} {:>12}", "", "p50", "p99", "p99.9", "max");
        for figures in &self.durabilities {
            let name = &figures.durability;
            if let Some(echo) = &figures.echo {
                row(&mut out, "raw echo", echo, "");
            }
            let ratio = figures.ratio_p50.map(|ratio| format!("{ratio:.2} times the echo")).unwrap_or_default();
            row(&mut out, &format!("`{name}`, one in flight"), &figures.one_in_flight, &ratio);
            if let Some(write) = &figures.synced_write {
                row(&mut out, "  the bare synced write", write, "");
            }
            let rate = figures.pipelined_per_second;
            let _ = writeln!(out, "  `{name}`, {SESSIONS} sessions: {rate} requests answered a second");
        }
        if let Some(logon) = &self.logon {
            row(&mut out, "logon", logon, "");
        }
        if let Some(reconnect) = &self.reconnect {
            let ReconnectFigures { replayed, busy_sessions, took_ms, .. } = reconnect;
            let _ = writeln!(out, "  reconnect, {replayed} reports, {busy_sessions} busy sessions: {took_ms:.0} ms");
        }
        if let Some(trade) = &self.trade {
            row(&mut out, "a trade, until its owner has it", &trade.to_reports, "");
            row(&mut out, "  until it is read on the feed", &trade.to_feed, "");
        }
        if let Some(hostile) = &self.hostile {
            row(&mut out, "at a steady pace, alone", &hostile.calm, "");
            let HostileFigures { ratio_p99, flood_per_second, refused_percent, .. } = hostile;
            let rest = format!("p99 {ratio_p99:.2} times, {flood_per_second} orders/s, {refused_percent} % refused");
            row(&mut out, "  behind a flood at 10x its limit", &hostile.flooded, &rest);
        }
        let codec = &self.codec;
        let _ = writeln!(out, "  decode {:.1} ns, encode {:.1} ns a message", codec.decode_ns, codec.encode_ns);
        out
    }
}
