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
mod command;
mod failover;
mod floor;
mod interrupt;
mod output;
mod recorded;
mod stages;
mod target;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use tidegate_latency::{CoreOf, FORMAT, Load, LoadMode, Machine, Run, RunFolder, Series, SeriesKind, SweepPoint, knee};
use tidegate_perf_wire::{Generator, Outcome, Pinned, WireClient};
use tidegate_report::RunData;

pub use arguments::LoadArgs;

use crate::CommandResult;
use crate::journal::output::utc;
use crate::load::arguments::{Step, What};
use crate::load::failover::Failing;
use crate::load::floor::Floor;
use crate::load::interrupt::Interrupt;
use crate::load::stages::{StageMeter, Stages};
use crate::load::target::Target;

/// Below the options.
pub(crate) const HELP: &str = "Workloads, made from the seed:\n  \
    pairs        an order that rests, then its cancellation; nothing trades\n  \
    takers       even sessions keep a ladder of orders and renew it, odd ones take from it\n  \
    mass-quotes  each request moves five two-sided quotes, one in each of five markets\n  \
    sweeps       orders on 500 price levels, then one that takes them all\n  \
    mass-cancel  500 orders, then one request that cancels them all\n  \
    recorded     the requests of --recorded in their order: a node's data folder (or a backup), or a LOBSTER message file\n  \
                 with its order book file (--seed-book). Accounts are spread over the sessions; what changes an order goes\n  \
                 where the order was put. The load ends with the recording. Refusals of orders that are gone are no error.\n\n\
    The response time counts from the moment at which a request should have gone out, so a node that stalls pays for every\n\
    request that had to wait for it; the service time, from the moment at which it went out, is a series of its own. In a\n\
    closed loop and in saturation there is no intention and so only the service time. Percentiles are shown where at least\n\
    ten samples lie above them.\n\n\
    Of a sweep the knee is the last rate that was kept up with: 98 % of it answered in time, p99 within ten times the\n\
    best one of the sweep. A rate below it that went worse is noisy, one above it beyond. The sweep ends when less than 98 %\n\
    of what was offered was answered in time, twice in a row: one bad rate may be the machine's fault.\n\n\
    The node's own stages of the measured part come from its operator's socket: with --connect name its --data-dir. They are\n\
    between the receipt of a request's bytes and its report at the kernel, so a client's latency is larger.\n\n\
    --failover-at kills the primary (kill -9) while the schedule goes on, promotes the standby as soon as that lets itself be\n\
    promoted, lets the sessions come back there, and at the end reads every report of every session once more from the node\n\
    that is left: nothing that was acknowledged may be gone, nothing executed twice.\n\n\
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
    let was_there = path.exists();
    let folder = RunFolder::create(&path).map_err(|error| error.to_string())?;
    let interrupt = Interrupt::listen(&path, !was_there)?;
    let measured = match measure(arguments, &folder, &interrupt) {
        Ok(measured) => measured,
        Err(error) => {
            interrupt.wait_if_it_came();
            if !was_there {
                // Only what is empty goes: whatever was measured stays.
                let _ = std::fs::remove_dir(&path);
            }
            return Err(error);
        }
    };
    folder.write(&measured.run).map_err(|error| error.to_string())?;
    let warnings = tidegate_report::warnings(&RunData::read(&path).map_err(|error| error.to_string())?);
    if arguments.json {
        crate::print_json(&measured.json(&path, &warnings));
    } else {
        crate::print_text(&measured.table(&path, &warnings));
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

fn measure(arguments: &LoadArgs, folder: &RunFolder, interrupt: &Interrupt) -> Result<MeasuredRun, String> {
    let parent = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let machine = Machine::this(&parent, profile);
    let recorded = arguments.recorded()?;
    let markets = recorded.as_ref().map_or_else(|| arguments.markets_of_workload(), |recorded| recorded.markets);
    let mix = recorded.as_ref().map_or_else(|| arguments.mix(), |recorded| recorded.mix.clone());
    arguments.check_markets(markets)?;
    let mut floor = Floor::new(machine.cores, arguments.connect.is_some(), Duration::from_secs(arguments.hiccup_s));
    floor.measure();
    let mut target = Target::prepare(arguments, &parent, markets, interrupt)?;
    let clients = target.logins.iter().map(|login| WireClient::log_on(login, None)).collect::<Result<Vec<_>, _>>()?;
    let mut generator = match (recorded, arguments.what()) {
        (Some(recorded), _) => Generator::of_recording(clients, recorded.recording(&target.markets))?,
        (None, What::Made(kind)) => Generator::new(clients, kind, arguments.seed, &target.markets)?,
        (None, What::Recorded) => unreachable!("a recorded workload was read above"),
    };
    let mut meter = StageMeter::of(arguments, &target);
    let mut failing = match (arguments.failover_at(), &mut target.own) {
        (Some(at), Some((cluster, _))) => Some(Failing::begin(at, &mut cluster.nodes, &target.logins, &mut generator)?),
        _ => None,
    };
    let pinned = if machine.cores > 1 { Pinned::to(GENERATOR_CORE) } else { None };
    let generator_core = pinned.is_some().then_some(GENERATOR_CORE);
    let loaded = run_steps(arguments, &mut generator, &mut meter, failing.as_ref());
    let outcomes = match (loaded, &mut failing) {
        (Ok(outcomes), _) => outcomes,
        // Whoever waits for a node that nobody promoted only knows that it waited.
        (Err(error), Some(failing)) => return Err(failing.why(error)),
        (Err(error), None) => return Err(error),
    };
    let checks = generator.check(arguments.connect.is_none())?;
    drop(pinned);
    let mut run = describe(arguments, machine, &outcomes);
    run.load.mix = mix;
    run.checks = checks;
    run.load.input_hash = generator.input_hash();
    if let Some(failing) = failing {
        let first = &outcomes.first().expect("at least one load").outcome;
        let node = failing.finish(&generator, first, &mut run)?;
        let (cluster, _) = target.own.as_mut().expect("a failover is one of this program's nodes");
        cluster.nodes.push(node);
    }
    run.core_map =
        std::iter::once(CoreOf { thread: "load".to_owned(), core: generator_core }).chain(target.threads()).collect();
    target.describe(&mut run);
    drop(generator);
    target.stop()?;
    floor.measure();
    let mut percentiles = write_series(folder, &mut run, &outcomes)?;
    let shown = &outcomes[shown_step(&run)];
    match (&shown.stages, meter.why_not) {
        (Some(stages), _) => percentiles.extend(stages.write(folder, &mut run, shown.outcome.started_at)?),
        (None, why) => run.no_stages = why,
    }
    percentiles.extend(floor.write(folder, &mut run)?);
    Ok(MeasuredRun { run, percentiles })
}

/// A load that came to its end.
struct Done {
    step: Step,
    outcome: Outcome,
    stages: Option<Stages>,
}

/// One load after the other; a sweep ends when the node has not kept up twice in a row.
fn run_steps(
    arguments: &LoadArgs,
    generator: &mut Generator,
    meter: &mut StageMeter,
    failing: Option<&Failing>,
) -> Result<Vec<Done>, String> {
    let steps = arguments.steps();
    let mut outcomes: Vec<Done> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let what = step.rate.map_or_else(String::new, |rate| format!("{rate}/s"));
        let message = if steps.len() > 1 { format!("{what}, {} of {}", number + 1, steps.len()) } else { what };
        let length = step.plan.warm_up + step.plan.measured;
        let mut begin = |through| {
            meter.begin(through);
            failing.map_or(Ok(()), Failing::start_clock)
        };
        let outcome = with_bar(length, message, |progress| generator.run(&step.plan, progress, &mut begin))?;
        let has_stopped = outcome.unanswered > 0;
        let stages = meter.end(generator.last_sequence());
        outcomes.push(Done { step: *step, outcome, stages });
        let beyond = outcomes.iter().rev().take_while(|done| !keeps_up(&done.step, &done.outcome)).count();
        // One row may be the machine's fault.
        if has_stopped || beyond == 2 {
            break;
        }
    }
    Ok(outcomes)
}

/// Of a sweep the knee: the rates beyond it would only say that they are beyond.
fn shown_step(run: &Run) -> usize {
    run.shown_rate().unwrap_or(0)
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
fn describe(arguments: &LoadArgs, machine: Machine, outcomes: &[Done]) -> Run {
    let Done { step: first, outcome: first_outcome, .. } = outcomes.first().expect("at least one load");
    let mode = arguments.load_mode();
    let mut run = Run {
        format: FORMAT,
        title: arguments.title.clone().unwrap_or_else(|| arguments.describe()),
        command: command::again(std::env::args()),
        started_at: utc_of(first_outcome.started_at),
        machine,
        durability: arguments.durability.clone(),
        load: Load {
            mode,
            rate: if mode == LoadMode::Sweep { 0.0 } else { first.rate.unwrap_or(0) as f64 },
            seconds: first_outcome.measured.as_secs_f64(),
            warm_up_s: first.plan.warm_up.as_secs_f64(),
            burst: arguments.burst(),
            window: arguments.window(),
            sessions: arguments.sessions() as u32,
            seed: arguments.seed,
            workload: arguments.workload.clone(),
            mix: String::new(),
            input_hash: String::new(),
        },
        ..Run::default()
    };
    run.late_sends.threshold_ns = first_outcome.account.late.threshold_ns;
    for Done { step, outcome, .. } in outcomes {
        let account = &outcome.account;
        run.sent += account.sent;
        run.answered += account.answered;
        run.late_sends.count += account.late.count;
        run.late_sends.max_ns = run.late_sends.max_ns.max(account.late.max_ns);
        for (reason, count) in &account.rejects {
            *run.rejects.entry(reason.clone()).or_default() += count;
        }
        if mode == LoadMode::Sweep {
            run.sweep.push(sweep_point(step, outcome));
        }
    }
    let Outcome { account, stalls, .. } = &outcomes[shown_step(&run)].outcome;
    run.achieved_rate = account.achieved_rate();
    run.outliers = account.outliers(stalls);
    run
}

/// Writes the logs of all loads; the percentiles of each.
fn write_series(
    folder: &RunFolder,
    run: &mut Run,
    outcomes: &[Done],
) -> Result<Vec<(String, tidegate_latency::Percentiles)>, String> {
    let mut all = Vec::new();
    for Done { step, outcome, .. } in outcomes {
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
