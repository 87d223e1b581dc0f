//! `tidegate load`: orders at intended times, every answer checked, and a folder with all the latencies.
//!
//! ```text
//!   hiccup meter on each core --> node or pair of this program (or --connect) --> the loads, one after the other
//!       --> the final book is compared --> nodes stop --> hiccup meter again --> DIR/*.hlog, DIR/run.json, a table
//! ```
//!
//! Invariants: the generator has a core of its own where there are two; nothing is written while it runs; `run.json` comes
//! last. The hiccup meter never runs beside the load: on the core of a thread that spins it would measure their turns.

mod arguments;
mod floor;
mod output;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use tidegate_domain::{KeyId, MarketId};
use tidegate_latency::{CoreOf, FORMAT, Load, LoadMode, Machine, Run, RunFolder, Series, SeriesKind, SweepPoint, knee};
use tidegate_node::NodeConfig;
use tidegate_node::config::DurabilityName;
use tidegate_perf_wire::{Generator, Login, Outcome, Pinned, WireClient};
use xxhash_rust::xxh3::xxh3_64;

pub use arguments::LoadArgs;

use crate::CommandResult;
use crate::journal::output::utc;
use crate::keygen::read_client_key;
use crate::load::arguments::Step;
use crate::load::floor::Floor;
use crate::trading_cluster::{TradingCluster, TradingPlan, io_name};

/// Below the options.
pub(crate) const HELP: &str = "Workloads, made from the seed:\n  \
    pairs        an order that rests, then its cancellation; nothing trades\n  \
    takers       even sessions keep a ladder of orders and renew it, odd ones take from it\n  \
    mass-quotes  each request moves five two-sided quotes, one in each of five markets\n\n\
    The response time counts from the moment at which a request should have gone out, so a node that stalls pays for every\n\
    request that had to wait for it; the service time, from the moment at which it went out, is a series of its own. In a\n\
    closed loop and in saturation there is no intention and so only the service time. Percentiles are shown where at least\n\
    ten samples lie above them. A sweep ends when less than 98 % of what was offered was answered in time, twice in a row.\n\n\
    The folder has run.json and one .hlog for each series, which HdrHistogram's own tools read. Exit code 1 when a check\n\
    fails. For figures, build with --release and leave the machine alone meanwhile.";

/// Where the generator runs, where there is another core for the node.
const GENERATOR_CORE: usize = 0;

/// `tidegate load`
///
/// # Errors
/// What of the options is wrong, what could not be started, or a session that ended.
pub fn run(arguments: &LoadArgs) -> CommandResult {
    arguments.check()?;
    let path = arguments.out.clone().unwrap_or_else(|| {
        let now: String = now_utc().chars().take(19).filter(|letter| !"-:".contains(*letter)).collect();
        PathBuf::from(format!("tidegate-load-{now}Z"))
    });
    let folder = RunFolder::create(&path).map_err(|error| error.to_string())?;
    let measured = measure(arguments, &folder)?;
    folder.write(&measured.run).map_err(|error| error.to_string())?;
    if arguments.json {
        crate::print_json(&measured.json(&path));
    } else {
        print!("{}", measured.table(&path));
    }
    Ok(if measured.run.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The run, and the percentiles of its logs for table and JSON.
struct MeasuredRun {
    run: Run,
    percentiles: Vec<(String, tidegate_latency::Percentiles)>,
}

fn now_utc() -> String {
    utc_of(SystemTime::now())
}

fn utc_of(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    utc(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn measure(arguments: &LoadArgs, folder: &RunFolder) -> Result<MeasuredRun, String> {
    let parent = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let machine = Machine::this(&parent, profile);
    let mut floor = Floor::new(machine.cores, arguments.connect.is_some(), Duration::from_secs(arguments.hiccup_s));
    floor.measure();
    let target = Target::prepare(arguments, &parent)?;
    let clients = target.logins.iter().map(|login| WireClient::log_on(login, None)).collect::<Result<Vec<_>, _>>()?;
    let mut generator = Generator::new(clients, arguments.workload(), arguments.seed, &target.markets)?;
    let pinned = if machine.cores > 1 { Pinned::to(GENERATOR_CORE) } else { None };
    let generator_core = pinned.is_some().then_some(GENERATOR_CORE);
    let outcomes = run_steps(arguments, &mut generator)?;
    let checks = generator.check(arguments.connect.is_none())?;
    drop(pinned);
    let mut run = describe(arguments, machine, &outcomes);
    run.checks = checks;
    run.load.input_hash = generator.input_hash();
    run.core_map =
        std::iter::once(CoreOf { thread: "load".to_owned(), core: generator_core }).chain(target.threads()).collect();
    target.describe(&mut run);
    drop(generator);
    target.stop()?;
    floor.measure();
    let mut percentiles = write_series(folder, &mut run, &outcomes)?;
    percentiles.extend(floor.write(folder, &mut run)?);
    Ok(MeasuredRun { run, percentiles })
}

/// One load after the other; a sweep ends when the node has not kept up twice in a row.
fn run_steps(arguments: &LoadArgs, generator: &mut Generator) -> Result<Vec<(Step, Outcome)>, String> {
    let steps = arguments.steps();
    let mut outcomes: Vec<(Step, Outcome)> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let what = step.rate.map_or_else(String::new, |rate| format!("{rate}/s"));
        let message = if steps.len() > 1 { format!("{what}, {} of {}", number + 1, steps.len()) } else { what };
        let length = step.plan.warm_up + step.plan.measured;
        let outcome = with_bar(length, message, |progress| generator.run(&step.plan, progress))?;
        let has_stopped = outcome.unanswered > 0;
        outcomes.push((*step, outcome));
        let beyond = outcomes.iter().rev().take_while(|(step, outcome)| !keeps_up(step, outcome)).count();
        // One row may be the machine's fault.
        if has_stopped || beyond == 2 {
            break;
        }
    }
    Ok(outcomes)
}

fn keeps_up(step: &Step, outcome: &Outcome) -> bool {
    knee(&[sweep_point(step, outcome)]).is_some()
}

fn sweep_point(step: &Step, outcome: &Outcome) -> SweepPoint {
    let account = &outcome.account;
    SweepPoint {
        offered: step.rate.unwrap_or(0) as f64,
        achieved: account.achieved_rate(),
        response: account.response.percentiles(),
        late: account.late.count,
    }
}

/// Shows how far a load is, on standard error where that is a terminal, from a thread that sleeps most of the time.
fn with_bar<T>(length: Duration, message: String, load: impl FnOnce(&AtomicU64) -> T) -> T {
    let (progress, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let bar = ProgressBar::new(u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("[{bar:30}] {percent:>3} % {msg}");
    bar.set_style(style.expect("the template is a constant that the tests parse").progress_chars("=> "));
    bar.set_message(message);
    std::thread::scope(|scope| {
        let shown = scope.spawn(|| {
            while !bar.is_hidden() && !is_over.load(Ordering::Acquire) {
                bar.set_position(progress.load(Ordering::Relaxed) / 1_000_000);
                std::thread::park_timeout(Duration::from_millis(250));
            }
        });
        let result = load(&progress);
        is_over.store(true, Ordering::Release);
        shown.thread().unpark();
        // It only draws.
        let _ = shown.join();
        bar.finish_and_clear();
        result
    })
}

/// What the loads say, all of them together.
fn describe(arguments: &LoadArgs, machine: Machine, outcomes: &[(Step, Outcome)]) -> Run {
    let (first, first_outcome) = outcomes.first().expect("at least one load");
    let mode = arguments.load_mode();
    let kind = arguments.workload();
    let mut run = Run {
        format: FORMAT,
        title: arguments.title.clone().unwrap_or_else(|| arguments.describe()),
        command: std::env::args().collect::<Vec<_>>().join(" "),
        started_at: utc_of(first_outcome.started_at),
        machine,
        durability: arguments.durability.clone(),
        load: Load {
            mode,
            rate: if mode == LoadMode::Sweep { 0.0 } else { first.rate.unwrap_or(0) as f64 },
            seconds: first.plan.measured.as_secs_f64(),
            warm_up_s: first.plan.warm_up.as_secs_f64(),
            sessions: arguments.sessions() as u32,
            seed: arguments.seed,
            workload: kind.as_str().to_owned(),
            mix: kind.mix().to_owned(),
            input_hash: String::new(),
        },
        ..Run::default()
    };
    run.late_sends.threshold_ns = first_outcome.account.late.threshold_ns;
    for (step, outcome) in outcomes {
        let account = &outcome.account;
        run.sent += account.sent;
        run.answered += account.answered;
        run.late_sends.count += account.late.count;
        run.late_sends.max_ns = run.late_sends.max_ns.max(account.late.max_ns);
        run.achieved_rate = run.achieved_rate.max(account.achieved_rate());
        for (reason, count) in &account.rejects {
            *run.rejects.entry(reason.clone()).or_default() += count;
        }
        if mode == LoadMode::Sweep {
            run.sweep.push(sweep_point(step, outcome));
        }
    }
    // Those of a rate beyond the knee would only say that it is beyond.
    let shown = if mode == LoadMode::Sweep { knee(&run.sweep).unwrap_or(0) } else { 0 };
    run.outliers = outcomes[shown].1.account.outliers();
    run
}

/// Writes the logs of all loads; the percentiles of each.
fn write_series(
    folder: &RunFolder,
    run: &mut Run,
    outcomes: &[(Step, Outcome)],
) -> Result<Vec<(String, tidegate_latency::Percentiles)>, String> {
    let mut all = Vec::new();
    for (step, outcome) in outcomes {
        let suffix = match step.rate {
            Some(rate) if run.load.mode == LoadMode::Sweep => format!("-{rate}"),
            _ => String::new(),
        };
        let account = &outcome.account;
        let mut kinds =
            vec![(SeriesKind::Service, "service", "sent", "from the send to the first report of a request")];
        if step.rate.is_some() {
            let text = "from the moment at which a request should have gone out to its first report";
            kinds.insert(0, (SeriesKind::Response, "response", "intended", text));
        }
        for (kind, tag, from, description) in kinds {
            let recorder = if kind == SeriesKind::Response { &account.response } else { &account.service };
            let name = format!("{tag}{suffix}");
            let file = format!("{name}.hlog");
            recorder.write(&folder.file(&file), tag, outcome.started_at).map_err(|error| error.to_string())?;
            all.push((name.clone(), recorder.percentiles()));
            run.series.push(Series {
                name,
                file,
                tag: tag.to_owned(),
                kind,
                unit: "ns".to_owned(),
                from: from.to_owned(),
                to: "answered".to_owned(),
                description: description.to_owned(),
            });
        }
    }
    Ok(all)
}

/// Where the load goes.
struct Target {
    logins: Vec<Login>,
    markets: Vec<MarketId>,
    /// What this command started, and its folder.
    own: Option<(TradingCluster, tempfile::TempDir)>,
}

impl Target {
    fn prepare(arguments: &LoadArgs, parent: &Path) -> Result<Self, String> {
        if let Some(address) = arguments.connect {
            let markets: Vec<MarketId> = arguments.market.iter().map(|market| MarketId::new(*market)).collect();
            let mut logins = Vec::new();
            for (key, file) in arguments.key.iter().zip(&arguments.key_file) {
                let (key, secret) = (KeyId::new(*key), read_client_key(file)?);
                logins.push(Login { address, key, secret, market: markets[0] });
            }
            return Ok(Self { logins, markets, own: None });
        }
        let folder = tempfile::tempdir_in(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
        let durability = match arguments.durability.as_str() {
            "async" => DurabilityName::Async,
            "local" => DurabilityName::Local,
            _ => DurabilityName::Replicated,
        };
        let cluster = TradingCluster::start(&TradingPlan {
            folder: folder.path().join("cluster"),
            durability,
            io: io_name(&arguments.io),
            traders: arguments.sessions(),
            markets: arguments.workload().markets(),
            spins: !arguments.park && durability != DurabilityName::Replicated,
            market_data: false,
            key_limit: None,
        })?;
        let (logins, markets) = (cluster.logins.clone(), cluster.markets.clone());
        Ok(Self { logins, markets, own: Some((cluster, folder)) })
    }

    /// The nodes' threads that are pinned to one core.
    fn threads(&self) -> Vec<CoreOf> {
        let nodes = self.own.iter().flat_map(|(cluster, _)| &cluster.nodes);
        nodes.filter_map(|node| Some((node.config.node.id, node.pid()?))).flat_map(pinned_threads).collect()
    }

    fn describe(&self, run: &mut Run) {
        let Some((cluster, _)) = &self.own else {
            run.durability = "unknown".to_owned();
            return;
        };
        run.nodes = cluster.nodes.len() as u32;
        let config = &cluster.nodes[0].config;
        run.config = toml::to_string(config).expect("its file was written from it");
        run.config_hash = config_hash(config.clone());
    }

    fn stop(mut self) -> Result<(), String> {
        self.own.as_mut().map_or(Ok(()), |(cluster, _)| cluster.stop())
    }
}

/// Of what a configuration says, without what is another one in every run and says nothing: folders, ports, the cluster's name.
fn config_hash(mut config: NodeConfig) -> String {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    config.node.cluster = String::new();
    config.node.data_dir = PathBuf::new();
    config.order_entry.listen = nowhere;
    if let Some(replication) = &mut config.replication {
        (replication.listen, replication.peer, replication.keys_dir) = (nowhere, nowhere, PathBuf::new());
    }
    let text = toml::to_string(&config).expect("its file was written from it");
    format!("{:016x}", xxh3_64(text.as_bytes()))
}

fn pinned_threads((node, pid): (u32, u32)) -> Vec<CoreOf> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut threads: Vec<CoreOf> = tasks
        .filter_map(|task| {
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            let status = std::fs::read_to_string(task.path().join("status")).ok()?;
            let core = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
            // A list or a range is no single core.
            let core = core.trim().parse().ok()?;
            Some(CoreOf { thread: format!("node-{node}/{}", name.trim()), core: Some(core) })
        })
        .collect();
    threads.sort_by(|one, other| one.thread.cmp(&other.thread));
    threads
}
