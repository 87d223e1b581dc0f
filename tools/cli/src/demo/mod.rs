//! `tidegate demo`: two nodes, three markets, three robots, one database, and what came of it.
//!
//! ```text
//!   [demo] --starts--> node 2 (standby), node 1 (primary) --> SQLite
//!     |--> maker-1, maker-2, taker: ordinary binary clients, each on a task of its own
//!     '--> every second: a line of orders/s, latency, lag, disk; at the end: drain, compare, print
//! ```
//!
//! Invariants: whatever it started ends with it; it stops by itself at `--max-disk`; numbers are counted where they arise
//! (requests and answers in the clients, trades in the database, digests in the nodes).

mod robots;
mod summary;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use tidegate_node::AdminRequest;
use tidegate_node::config::{DurabilityName, IoName};
use tidegate_node::status::NodeState;
use tokio::task::JoinHandle;

use crate::local::{ClusterPlan, LocalNode, Trader};
use crate::{CommandResult, print_json};
use robots::{RobotStats, RobotTask};
use summary::Summary;

/// How long robots and sink may take to finish what is under way.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// The markets: name, base, quote, tick, lot, first price in ticks.
const MARKETS: [(&str, &str, &str, &str, &str, i64); 3] = [
    ("BTC-USDT", "BTC", "USDT", "0.01", "0.0001", 6_500_000),
    ("ETH-USDT", "ETH", "USDT", "0.01", "0.001", 350_000),
    ("ETH-BTC", "ETH", "BTC", "0.00001", "0.001", 5_380),
];
/// Assets and their decimal places.
const ASSETS: [(&str, u8); 3] = [("BTC", 8), ("ETH", 8), ("USDT", 6)];

/// Arguments of `tidegate demo`.
#[derive(Args)]
pub struct DemoArgs {
    /// Stop by itself after so many seconds of trading
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Print one JSON object at the end, and nothing else on standard output
    #[arg(long)]
    json: bool,
    /// Folder for keys, configurations, journals and the database; by default a new one under the system's temporary folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Requests a second that the robots send together
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(10..=200_000))]
    rate: u32,
    /// Stop when journals, event logs and database are larger than so many MiB together
    #[arg(long, value_name = "MIB", default_value_t = 2_048, value_parser = clap::value_parser!(u64).range(300..))]
    max_disk: u64,
    /// Keep the folder (one that was given with --dir is always kept)
    #[arg(long)]
    keep: bool,
}

/// Runs the demo.
///
/// # Errors
/// What could not be started, with the end of its log.
pub fn run(args: DemoArgs) -> CommandResult {
    let (folder, temporary) = match &args.dir {
        Some(folder) => (folder.clone(), None),
        None => {
            let made = tempfile::Builder::new().prefix("tidegate-demo-").tempdir();
            let made = made.map_err(|error| format!("cannot make a temporary folder: {error}"))?;
            if args.keep { (made.keep(), None) } else { (made.path().to_owned(), Some(made)) }
        }
    };
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program's own file: {error}"))?;
    let plan = ClusterPlan {
        folder: folder.clone(),
        program,
        nodes: 2,
        durability: DurabilityName::Replicated,
        http: true,
        market_data: true,
        sql: true,
        segment_mib: 64,
        io: IoName::Auto,
    };
    let stop = stop_on_signals()?;
    say(&args, &format!("folder {}", folder.display()));
    let mut nodes = plan.write()?;
    // The standby first: a primary in `replicated` acknowledges nothing without it.
    for node in nodes.iter_mut().rev() {
        node.start()?;
    }
    let traders = prepare(&mut nodes, &folder)?;
    let gateways: Vec<SocketAddr> = nodes.iter().map(LocalNode::gateway).collect();
    if !args.json {
        print!("{}", invitation(&nodes, &folder));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the robots: {error}"))?;
    let summary = runtime.block_on(trade(&args, &mut nodes, &traders, &gateways, &folder, &stop));
    // Whatever came of it, the nodes stop in order.
    let mut trouble = Vec::new();
    for node in &mut nodes {
        if let Err(error) = node.stop() {
            trouble.push(error);
        }
    }
    let summary = summary?;
    if args.json {
        print_json(&serde_json::to_value(&summary).expect("a summary always serialises"));
    } else {
        print!("{}", summary.text());
    }
    drop(temporary);
    if trouble.is_empty() { Ok(summary.exit_code()) } else { Err(trouble.join("\n")) }
}

/// A progress line: on standard error where standard output belongs to JSON.
fn say(args: &DemoArgs, line: &str) {
    if args.json { eprintln!("{line}") } else { println!("{line}") }
}

/// A flag that Ctrl-C or SIGTERM sets.
fn stop_on_signals() -> Result<Arc<AtomicBool>, String> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // A second signal ends the process at once; its children die with it.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| format!("cannot listen for signals: {error}"))?;
    }
    Ok(stop)
}

/// Waits for the pair and creates assets, markets and traders.
fn prepare(nodes: &mut [LocalNode], folder: &Path) -> Result<Vec<Trader>, String> {
    nodes[1].wait_for("the standby answers", |status| status.state == NodeState::Standby)?;
    let primary = &mut nodes[0];
    primary.wait_for("the primary leads with its standby", |status| {
        status.state == NodeState::Primary && status.peer.as_ref().is_some_and(|peer| peer.caught_up)
    })?;
    for (name, decimals) in ASSETS {
        primary.ask(&AdminRequest::CreateAsset { name: name.to_owned(), decimals })?;
    }
    for (name, base, quote, tick, lot, _) in MARKETS {
        primary.create_market(name, base, quote, tick, lot)?;
    }
    let money = [("BTC", "1000000"), ("ETH", "10000000"), ("USDT", "100000000000")];
    ["maker-1", "maker-2", "taker"]
        .iter()
        .map(|name| primary.create_trader(name, &folder.join(format!("{name}.key")), &money))
        .collect()
}

/// What to open and what to try.
fn invitation(nodes: &[LocalNode], folder: &Path) -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tidegate"));
    let program = program.display();
    let http = nodes[0].config.http.as_ref();
    let latency =
        http.and_then(|section| section.operator_listen).map(|address| address.to_string()).unwrap_or_default();
    let http = http.map(|section| section.listen.to_string()).unwrap_or_default();
    let feeds = nodes.iter().filter_map(|node| node.config.market_data.as_ref());
    let feeds: Vec<_> = feeds.map(|section| format!("--address {}", section.listen)).collect();
    let feeds = feeds.join(" ");
    let (primary, standby) = (nodes[0].data_dir().display(), nodes[1].data_dir().display());
    format!(
        "\nopen   http://{http}/                 live depth and trades\n\
         open   http://{latency}/latency          where the time of the orders goes\n\
         open   http://{http}/v1/markets       JSON (also /metrics, /readyz)\n\
         open   {}   every order, trade and balance change (SQLite)\n\n\
         try    {program} status --data-dir {primary}\n\
         try    {program} top --data-dir {primary}\n\
         try    kill -9 {}          the primary; then make the standby lead:\n\
         then   {program} promote --data-dir {standby}\n\
         try    {program} feed {feeds} --market BTC-USDT\n\n\
         stop   Ctrl-C\n\n",
        folder.join("tidegate.sqlite").display(),
        nodes[0].pid().unwrap_or_default(),
    )
}

/// Lets the robots trade, shows a line a second, drains and counts.
async fn trade(
    args: &DemoArgs,
    nodes: &mut [LocalNode],
    traders: &[Trader],
    gateways: &[SocketAddr],
    folder: &Path,
    stop: &Arc<AtomicBool>,
) -> Result<Summary, String> {
    let stats = Arc::new(RobotStats::default());
    let stop_robots = Arc::new(AtomicBool::new(false));
    let mut robots = Vec::new();
    for (index, trader) in traders.iter().enumerate() {
        let robot = RobotTask::new(index, trader, gateways, args.rate, &stats, &stop_robots)?;
        robots.push(tokio::spawn(robot.run()));
    }
    let started = Instant::now();
    let end = args.seconds.map(|seconds| started + Duration::from_secs(seconds));
    let mut line = tokio::time::interval(Duration::from_secs(1));
    line.tick().await;
    let mut stopped_by = "the time is over";
    loop {
        tokio::select! {
            _ = line.tick() => {
                let disk = disk_bytes(folder);
                say(args, &stats.line(&leader_of(nodes), disk, std::io::stdout().is_terminal() && !args.json));
                if disk > args.max_disk << 20 {
                    stopped_by = "the folder reached --max-disk";
                    break;
                }
            }
            () = tokio::time::sleep_until(end.unwrap_or(started + Duration::from_secs(365 * 86_400)).into()) => break,
            () = signalled(stop) => {
                stopped_by = "a signal";
                break;
            }
        }
        if robots.iter().any(JoinHandle::is_finished) {
            stopped_by = "a robot ended";
            break;
        }
    }
    say(args, &format!("stopping: {stopped_by}"));
    stop_robots.store(true, Ordering::Release);
    let mut trouble = Vec::new();
    for robot in robots {
        match tokio::time::timeout(DRAIN_TIMEOUT, robot).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => trouble.push(error),
            Ok(Err(error)) => trouble.push(format!("a robot panicked: {error}")),
            Err(_) => trouble.push(format!("a robot waits for answers for more than {} s", DRAIN_TIMEOUT.as_secs())),
        }
    }
    if !trouble.is_empty() {
        return Err(trouble.join("\n"));
    }
    Summary::collect(nodes, &stats, folder, DRAIN_TIMEOUT).await
}

async fn signalled(stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the live line says of the node that leads.
fn leader_of(nodes: &mut [LocalNode]) -> String {
    for node in nodes.iter_mut() {
        if let Ok(status) = node.status(false)
            && matches!(status.state, NodeState::Primary | NodeState::Degraded | NodeState::Blocked)
        {
            let lag = status.peer.map_or(0, |peer| peer.lag_commands);
            return format!("node {} {} epoch {}  lag {lag}", status.node, status.state.as_str(), status.epoch);
        }
    }
    "no node leads: promote the standby".to_owned()
}

/// Bytes of everything in the folder, as the disk holds them.
fn disk_bytes(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// Exit code of a demo whose numbers do not agree.
pub(crate) const EXIT_DISAGREES: ExitCode = ExitCode::FAILURE;
