//! `tidegate tune`: what of this host costs a node latency, how much, and which command changes it.
//!
//! ```text
//!   /sys /proc /etc --+
//!   syscalls that no -+--> [Facts] --checks, pure--> [Finding]s --> table, JSON, exit code
//!   file answers      |                                 ^
//!   --measure --------+---------------------------------+
//! ```
//!
//! Invariants: looks only, but for `--measure`, which writes one file in the data folder and removes it. A check is a function
//! of a tree of files and of [`Facts`], so that tests make hosts up. What cannot be known is said to be so, and why. The script
//! that fixes is `deploy/host/tune.sh`: tests run it on the same made-up trees and look again.

mod checks;
mod cores;
mod facts;
mod finding;
mod measure;
mod output;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tidegate_latency::{HostFiles, device_of};
use tidegate_node::NodeConfig;
use tidegate_pipeline::CorePlanChoice;

pub use self::checks::all as check;
pub use self::facts::{ClockSync, Facts, NodeFacts};
pub use self::finding::{Finding, Fix, State, Topic};
pub use self::measure::{CoreHiccups, Measured};
pub use self::output::table;
use crate::{CommandResult, print_json};

/// Exit code: something hurts.
const HURTS: u8 = 3;

/// Files that a node opens for itself: logs, sockets, database.
const OWN_FILES: u64 = 256;
/// `[order_entry.limits] sessions_max` where no configuration was named.
const SESSIONS_DEFAULT: u64 = 4_096;

/// Below the options.
pub(crate) const HELP: &str = "Exit codes: 0 nothing hurts, 3 something does, 1 failed, 2 wrong usage. What cannot be told changes no exit code.\n\n\
    Limits, capabilities and cores are those of this command: run it as the user, and under the service manager, that the node \
    has. The fixes call deploy/host/tune.sh of the source tree; its README.md says what each one costs in turn.";

/// Arguments of `tidegate tune`.
#[derive(Args)]
pub struct TuneArgs {
    /// The node's data folder, for the checks of the disk
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data_dir: Option<PathBuf>,
    /// The node's configuration: its data folder, core plan and limits
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Also measure, for some seconds: clock, wake-ups, synced writes in the data folder, time taken from the pipeline's cores
    #[arg(long)]
    measure: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `tidegate tune`
///
/// # Errors
/// What is wrong with the configuration, or that the machine cannot be looked at.
pub fn run(args: &TuneArgs) -> CommandResult {
    let config = args.config.as_deref().map(NodeConfig::load).transpose().map_err(|error| error.to_string())?;
    let folder = config.as_ref().map(|config| config.node.data_dir.clone()).or_else(|| args.data_dir.clone());
    let facts = of_this_host(config.as_ref(), folder.as_deref());
    if facts.online().is_empty() {
        return Err(
            "/sys/devices/system/cpu/online cannot be read: mount /sys, nothing can be told without it".to_owned()
        );
    }
    let mut findings = check(&facts);
    let (plan, cores) = facts.plan();
    let measured = args.measure.then(|| {
        let cores: Vec<usize> = cores.iter().copied().collect();
        measure::measure(folder.as_deref(), &cores)
    });
    if let Some(measured) = &measured {
        measured.tell(&mut findings);
    }
    let hurts = findings.iter().any(|finding| finding.state == State::Hurts);
    if args.json {
        print_json(&json!({
            "hurts": hurts,
            "core_plan": plan.as_str(),
            "pipeline_cores": cores,
            "data_dir": folder,
            "findings": findings,
            "measured": measured,
        }));
    } else {
        print!("{}", table(&findings, output::width(), output::has_colour()));
    }
    Ok(if hurts { ExitCode::from(HURTS) } else { ExitCode::SUCCESS })
}

fn of_this_host(config: Option<&NodeConfig>, folder: Option<&Path>) -> Facts {
    let connections = |config: &NodeConfig| {
        let feed = config.market_data.as_ref().map_or(0, |feed| feed.connections_max);
        (config.order_entry.limits.sessions_max + feed) as u64
    };
    Facts {
        files: HostFiles::this(),
        available: std::thread::available_parallelism().map_or(1, usize::from),
        device: folder.and_then(device_of),
        io_uring: Some(try_io_uring()),
        clock: clock_sync(),
        node: NodeFacts {
            core_plan: config.map_or(CorePlanChoice::Auto, |config| config.pipeline.core_plan.into()),
            files: config.map_or(SESSIONS_DEFAULT, connections) + OWN_FILES,
            is_replicated: config.is_none_or(|config| config.replication.is_some()),
        },
    }
}

/// Asks for the smallest ring there is, and gives it back.
fn try_io_uring() -> Result<(), String> {
    // `struct io_uring_params`: 120 bytes, no options.
    let mut parameters = [0_u64; 15];
    // SAFETY: the kernel reads and fills the 120 bytes, which live through the call.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) };
    if ring < 0 {
        return Err(std::io::Error::last_os_error().to_string());
    }
    let ring = i32::try_from(ring).expect("a file's number fits");
    // SAFETY: the kernel just made it, and nobody else has its number.
    drop(unsafe { <std::os::fd::OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(ring) });
    Ok(())
}

fn clock_sync() -> Option<ClockSync> {
    // SAFETY: all zeros is a valid request that changes nothing; the kernel fills it.
    let (state, answer) = unsafe {
        let mut answer: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&mut answer), answer)
    };
    let error_max_us = u64::try_from(answer.maxerror).ok()?;
    (state >= 0).then_some(ClockSync {
        is_synced: state != libc::TIME_ERROR && answer.status & libc::STA_UNSYNC == 0,
        error_max_us,
    })
}
