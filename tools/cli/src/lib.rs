//! The `tidegate` command: argument texts here, one module for each command behind them.
//!
//! Invariants: an error goes to standard error as one message that names the field and says what to do; `--json` prints
//! one JSON value on standard output and nothing else there. Exit codes: 0 done, 1 refused or failed, 2 wrong usage;
//! `status`, `report`, `tune` and `journal` have their own (see their help).

pub mod admin;
pub mod bench;
pub mod demo;
pub mod feed;
pub mod journal;
pub mod keygen;
pub mod load;
pub mod local;
pub mod node;
pub mod operator;
pub mod rates_bench;
pub mod replay;
pub mod report;
pub mod restart_bench;
pub mod snapshot;
pub mod top;
mod trading_cluster;
pub mod tune;
pub mod wire_bench;

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand};

/// What a command ends with: an exit code, or a message for standard error.
pub type CommandResult = Result<ExitCode, String>;

/// With what a figure of this program stands for.
fn long_version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        format!("{} (commit {}, {})", env!("CARGO_PKG_VERSION"), tidegate_perf::commit(), tidegate_perf::compiler())
    });
    &TEXT
}

/// Exchange and payments core: one order from the wire to SQL, across two nodes.
#[derive(Parser)]
#[command(name = "tidegate", version, long_version = long_version(), max_term_width = 110, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start two nodes, three markets and three trading robots, and show what happens
    #[command(
        after_help = "While it runs, it prints what to open and what to try: the kill line for the primary and the \
                            promote line for the standby included. Ctrl-C stops everything it started."
    )]
    Demo(demo::DemoArgs),
    /// Run one node
    Node(node::NodeArgs),
    /// Check a configuration without starting anything
    CheckConfig {
        /// The configuration file
        file: PathBuf,
    },
    /// Make keys
    #[command(subcommand)]
    Keygen(keygen::KeygenCommand),
    /// Assets, markets and their rules, accounts and their limits, keys and their roles, money
    Admin(admin::AdminArgs),
    /// Show a node's role, watermarks, link and sink
    #[command(after_help = "Exit codes: 0 primary, 10 standby, 20 degraded, 30 blocked (waits for its standby), 50 \
                            starting or stopping, 1 not reachable.")]
    Status(operator::StatusArgs),
    /// Watch a node: latency of each stage, watermarks, sessions
    Top(top::TopArgs),
    /// Make a standby the primary, under a higher epoch
    Promote(operator::PromoteArgs),
    /// Change what an acknowledgement needs
    #[command(subcommand)]
    Durability(operator::DurabilityCommand),
    /// Follow a market's public data: the book, its trades, its halts
    Feed(feed::FeedArgs),
    /// Send recorded order flow through the binary gateway and compare with the exchange's own outcome
    #[command(subcommand)]
    Replay(replay::ReplayCommand),
    /// Send orders at intended times, check every answer, and leave a folder of latencies
    #[command(after_help = load::HELP)]
    Load(Box<load::LoadArgs>),
    /// Measure this machine: book and engine on generated order flow, restart of a node
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Look at what of this host costs latency, how much, and what changes it
    #[command(after_help = tune::HELP)]
    Tune(tune::TuneArgs),
    /// Make the page of a latency run, or compare two runs
    #[command(
        after_help = "Writes report.html, one file that needs nothing else, and report.json into the folder. A comparison writes \
                            nothing; its exit codes: 0 better or no difference, 10 worse, 20 not comparable or no verdict, 1 failed."
    )]
    Report(report::ReportArgs),
    /// Look into a journal or event log, copy it, cut it; take and check snapshots
    #[command(subcommand)]
    Journal(journal::JournalCommand),
}

/// Which node an operator's command goes to.
#[derive(Args, Clone, Debug)]
pub struct NodeAddress {
    /// The node's data folder: its operator's socket is there
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
}

/// Runs the command line of the process.
#[must_use]
pub fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return wrong_usage(&error),
    };
    let result = match command {
        Command::Demo(args) => demo::run(args),
        Command::Node(args) => node::run(&args),
        Command::CheckConfig { file } => node::check_config(&file),
        Command::Keygen(command) => keygen::run(&command),
        Command::Admin(args) => admin::run(args),
        Command::Status(args) => operator::status(&args),
        Command::Top(args) => top::run(&args),
        Command::Promote(args) => operator::promote(&args),
        Command::Durability(command) => operator::durability(&command),
        Command::Feed(args) => feed::run(&args),
        Command::Replay(command) => replay::run(command),
        Command::Load(args) => load::run(&args),
        Command::Bench(command) => bench::run(&command),
        Command::Tune(args) => tune::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Journal(command) => journal::run(&command),
    };
    result.unwrap_or_else(|message| {
        eprintln!("tidegate: {message}");
        ExitCode::FAILURE
    })
}

/// Help is no mistake. In the tools of `journal` 2 means damage, so a mistake there is 1.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    // Whoever closed the pipe does not read it.
    let _ = error.print();
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if std::env::args_os().nth(1).is_some_and(|command| command == "journal") => ExitCode::FAILURE,
        _ => ExitCode::from(2),
    }
}

/// Prints one JSON value.
pub(crate) fn print_json(value: &serde_json::Value) {
    print_text(&format!("{value:#}\n"));
}

/// Prints what a command found. Whoever closed the pipe has read enough; any other failure ends the process with code 1, since
/// what was to be printed is lost.
pub(crate) fn print_text(text: &str) {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("tidegate: cannot write to standard output: {error}");
            std::process::exit(1);
        }
        _ => {}
    }
}
