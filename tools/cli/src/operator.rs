//! The operator's commands and the way to a node: one JSON line over the Unix socket in its data folder.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;
use tidegate_node::config::DurabilityName;
use tidegate_node::status::NodeState;
use tidegate_node::{ADMIN_SOCKET, AdminReply, AdminRequest, NodeStatus};

use crate::{CommandResult, NodeAddress, print_json};

/// Longest wait for a node's answer: longer than the node itself waits, first for what was asked before and then for the answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two looks of `--watch`.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// Asks a node.
///
/// # Errors
/// The node's refusal, or why it cannot be reached.
pub fn ask(data_dir: &Path, request: &AdminRequest) -> Result<Value, String> {
    let socket = data_dir.join(ADMIN_SOCKET);
    let unreachable = |error: std::io::Error| {
        format!("no node answers at {}: {error}; is it running, and is --data-dir its data folder?", socket.display())
    };
    let mut stream = UnixStream::connect(&socket).map_err(unreachable)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).map_err(unreachable)?;
    let mut line = serde_json::to_string(request).expect("a request always serialises");
    line.push('\n');
    stream.write_all(line.as_bytes()).map_err(unreachable)?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply).map_err(unreachable)?;
    match serde_json::from_str(&reply) {
        Ok(AdminReply::Done(value)) => Ok(value),
        Ok(AdminReply::Refused { reason, message }) => Err(format!("{reason}: {message}")),
        Err(error) if reply.is_empty() => Err(format!("the node stopped before it answered ({error})")),
        Err(error) => Err(format!("the node answered what this program does not understand: {error}")),
    }
}

/// A node's status.
///
/// # Errors
/// Why it cannot be had.
pub fn node_status(data_dir: &Path, digest: bool) -> Result<NodeStatus, String> {
    let value = ask(data_dir, &AdminRequest::Status { digest })?;
    serde_json::from_value(value).map_err(|error| format!("the node's status is of another version: {error}"))
}

/// Arguments of `tidegate status`.
#[derive(Args)]
pub struct StatusArgs {
    #[command(flatten)]
    node: NodeAddress,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Compute a digest of the whole state, to compare two nodes at the same sequence
    #[arg(long)]
    digest: bool,
    /// Show it again twice a second until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    watch: bool,
}

/// `tidegate status`
///
/// # Errors
/// When the node cannot be reached.
pub fn status(args: &StatusArgs) -> CommandResult {
    loop {
        let status = node_status(&args.node.data_dir, args.digest)?;
        if args.json {
            print_json(&serde_json::to_value(&status).expect("a status always serialises"));
        } else {
            if args.watch {
                print!("\x1b[2J\x1b[H");
            }
            print!("{}", render(&status, std::io::stdout().is_terminal()));
        }
        if !args.watch {
            return Ok(ExitCode::from(status.state.exit_code()));
        }
        std::thread::sleep(WATCH_INTERVAL);
    }
}

/// The status as a person reads it.
fn render(status: &NodeStatus, colour: bool) -> String {
    let paint = |text: &str, code: &str| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
    let state = match status.state {
        NodeState::Primary => paint("primary", "1;32"),
        NodeState::Standby => paint("standby", "1;36"),
        NodeState::Degraded => paint("DEGRADED", "1;33"),
        NodeState::Blocked => paint("BLOCKED", "1;31"),
        other => paint(other.as_str(), "1;33"),
    };
    let marks = &status.watermarks;
    let mut lines = vec![
        format!("node {}  {state}  epoch {}  pid {}  up {} s", status.node, status.epoch, status.pid, status.uptime_s),
        format!("  {}", status.message),
        format!(
            "  durability  {} (configured: {})   core plan {}   gateway {} on {}",
            status.durability, status.durability_configured, status.core_plan, status.io, status.order_entry
        ),
        format!(
            "  sequence    assigned {}  journaled {}  synced {}  matched {}  published {}",
            marks.assigned_through,
            marks.journaled_through,
            marks.synced_through,
            marks.matched_through,
            marks.published_through
        ),
        format!("  sessions    {}   requests {}   reports {}", status.sessions, status.requests, status.reports),
        format!(
            "  disk        journal {:.1} MiB   event log {:.1} MiB",
            mebibytes(status.journal_bytes),
            mebibytes(status.event_log_bytes)
        ),
    ];
    if let Some(peer) = &status.peer {
        let link = if peer.connected { paint("connected", "32") } else { paint("not connected", "31") };
        let digest = match peer.digest_equal {
            Some(true) => "equal",
            Some(false) => "DIFFERENT",
            None => "not compared yet",
        };
        lines.push(format!(
            "  peer        node {}  {link}  caught up {}  lag {}  digest {digest}",
            peer.node, peer.caught_up, peer.lag_commands
        ));
        if let Some(error) = &peer.last_error {
            lines.push(format!("              {error}"));
        }
    }
    if let Some(sink) = &status.sink {
        let running = if sink.running { paint("running", "32") } else { paint("stopped", "31") };
        lines.push(format!("  SQL sink    {running}  through {}", sink.through));
        if let Some(error) = &sink.error {
            lines.push(format!("              {error}"));
        }
    }
    lines.push(snapshot_line(status));
    if let Some(error) = &status.snapshot.last_error {
        lines.push(format!("              {error}"));
    }
    if let Some(digest) = &status.digest {
        lines.push(format!("  digest      {} at {}", digest.digest, digest.sequence));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn snapshot_line(status: &NodeStatus) -> String {
    let snapshot = &status.snapshot;
    let newest = match snapshot.sequence {
        0 => "none".to_owned(),
        sequence => {
            let behind = status.watermarks.journaled_through.saturating_sub(sequence);
            format!("through {sequence}, {behind} commands ago, {} s old", snapshot.age_s)
        }
    };
    let running = if snapshot.running { "   one is being taken" } else { "" };
    let from = match status.started_from {
        0 => "the journal's start".to_owned(),
        sequence => format!("the snapshot at {sequence}"),
    };
    format!("  snapshot    {newest}{running}   started from {from}")
}

#[expect(clippy::cast_precision_loss, reason = "one decimal place of MiB on a screen")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

/// Arguments of `tidegate promote`.
#[derive(Args)]
pub struct PromoteArgs {
    #[command(flatten)]
    node: NodeAddress,
    /// Even while the link to the primary is alive, or acknowledged orders are missing here
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `tidegate promote`
///
/// # Errors
/// The node's refusal.
pub fn promote(args: &PromoteArgs) -> CommandResult {
    let value = ask(&args.node.data_dir, &AdminRequest::Promote { force: args.force })?;
    if args.json {
        print_json(&value);
    } else {
        println!(
            "promoted: epoch {}, last sequence {} (last acknowledged by the old primary, as far as known: {}), takeover {} µs\n{}",
            value["epoch"],
            value["last_sequence"],
            value["last_commit_seen"],
            value["takeover_us"],
            value["message"].as_str().unwrap_or_default()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// `tidegate durability`
#[derive(Subcommand)]
pub enum DurabilityCommand {
    /// Set the rule from here on
    Set {
        /// `async`: in the mapped journal. `local`: synced to this node's disk. `replicated`: the standby has it
        #[arg(value_enum)]
        rule: RuleArg,
        /// Which node
        #[command(flatten)]
        node: NodeAddress,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// A durability on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RuleArg {
    /// In the mapped journal.
    Async,
    /// Synced to this node's disk.
    Local,
    /// The standby has it.
    Replicated,
}

impl From<RuleArg> for DurabilityName {
    fn from(rule: RuleArg) -> Self {
        match rule {
            RuleArg::Async => Self::Async,
            RuleArg::Local => Self::Local,
            RuleArg::Replicated => Self::Replicated,
        }
    }
}

/// `tidegate durability`
///
/// # Errors
/// The node's refusal.
pub fn durability(command: &DurabilityCommand) -> CommandResult {
    let DurabilityCommand::Set { rule, node, json } = command;
    let value = ask(&node.data_dir, &AdminRequest::SetDurability { durability: (*rule).into() })?;
    if *json {
        print_json(&value);
    } else {
        let flagged = if value["degraded"] == true { ", acknowledgements are flagged DEGRADED" } else { "" };
        println!("acknowledgements need {} from here on{flagged}", value["durability"]);
    }
    Ok(ExitCode::SUCCESS)
}
