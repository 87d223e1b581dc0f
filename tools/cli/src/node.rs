//! `tidegate node` and `tidegate check-config`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tidegate_node::{EXIT_NO_SPACE, Node, NodeConfig};
use tracing_subscriber::EnvFilter;

use crate::CommandResult;

/// Arguments of `tidegate node`.
#[derive(clap::Args)]
pub struct NodeArgs {
    /// The configuration file (see deploy/config)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs a node until SIGTERM, SIGINT or a full disk, then stops it in order.
///
/// # Errors
/// Why it does not start.
pub fn run(args: &NodeArgs) -> CommandResult {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let config = NodeConfig::load(&args.config).map_err(|error| error.to_string())?;
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|error| format!("cannot listen for signals: {error}"))?;
    let must_stop = Arc::new(OnceLock::new());
    let reason = Arc::clone(&must_stop);
    let on_must_stop = Box::new(move |why: &str| {
        let _ = reason.set(why.to_owned());
        // The one way to a stop: as if an operator had asked for it.
        signal_hook::low_level::raise(SIGTERM).expect("the signal is listened for");
    });
    let node = Node::start(config, on_must_stop).map_err(|error| error.to_string())?;
    tracing::info!(order_entry = %node.order_entry_address(), "started");
    signals.forever().next();
    node.stop();
    match must_stop.get() {
        None => Ok(ExitCode::SUCCESS),
        Some(why) => {
            eprintln!("tidegate: stopped in order: {why}");
            Ok(ExitCode::from(EXIT_NO_SPACE as u8))
        }
    }
}

/// Checks a configuration.
///
/// # Errors
/// Names the field, its value and what is allowed.
pub fn check_config(file: &Path) -> CommandResult {
    let config = NodeConfig::load(file).map_err(|error| error.to_string())?;
    println!(
        "{}: good. Node {} as {}, durability {}, data in {}",
        file.display(),
        config.node.id,
        config.node.role.as_str(),
        config.durability(),
        config.node.data_dir.display()
    );
    if let Some(feed) = &config.market_data {
        let groups = feed.multicast.as_ref().map_or_else(
            || "no multicast".to_owned(),
            |groups| {
                format!("multicast A {}, B {}, snapshots {}", groups.group_a, groups.group_b, groups.group_snapshot)
            },
        );
        println!("Market data on {}, {} messages of each channel kept, {groups}", feed.listen, feed.keep_messages);
    }
    Ok(ExitCode::SUCCESS)
}
