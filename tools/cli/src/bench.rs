//! `tidegate bench`: the measurements of `tidegate-perf`, without other people's books, and those of a whole node.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use tidegate_perf::Progress;

use crate::rates_bench::{self, EngineArguments};
use crate::restart_bench::{self, RestartArguments};
use crate::wire_bench::{self, WireArguments};
use crate::{CommandResult, print_json};

/// `tidegate bench`
#[derive(Subcommand)]
pub enum BenchCommand {
    /// Commands per second, latencies and allocations of the book alone and of the whole engine
    #[command(after_help = "Workloads, each made from the seed before anything is measured:\n  \
        a              9 % GTC, 3 % IOC, 6 % cancel, 82 % replace; 1,000 resting orders, one market\n  \
        b              new and cancel: 95 % of what rested ends by cancel\n  \
        b_flash_crash  the same, but the price falls through the book and recovers, three times\n  \
        c              deep sweeps: one order takes 5,000, again and again\n  \
        d              the mix of a over 10,000 markets with 1,000,000 resting orders\n  \
        e              a recorded hour of one stock; needs --recorded\n  \
        f              mass cancel of 10,000 orders\n\n\
        Everything is in memory and on one core: no journal, no network. For figures, build with --release and leave\n\
        the machine alone meanwhile. Every fill is first compared with a naive book's; exit code 1 when one differs.\n\n\
        With --rates, commands come at intended times, ready or not, on the same core, and a latency runs from the intended\n\
        time until the command is done: the table that exchange-core publishes, of workload a unless said. A rate that was\n\
        not kept shows the one that was. A core that is not left alone shows in the last columns first.")]
    Engine(EngineArguments),
    /// Appends, syncs and verification of the journal, beside the bare device
    #[command(
        after_help = "The bare figures are taken in the same run on the same disk: a store into a mapping, and one write of 4 and of\n\
        64 KiB with O_DIRECT and O_DSYNC into preallocated zeros. Name the disk that is meant with --dir."
    )]
    Journal(tidegate_perf_journal::Arguments),
    /// The pipeline in process, from the inbox to the released event: latencies at given rates, saturation, stages
    #[command(
        after_help = "Inbox, sequencer, journal (`async`), match and publish on one thread, as a node on few cores has them; no socket. A\n\
        latency counts from the moment at which a command should have been pushed until its last event is in the event log. The\n\
        event log is compared with what the engine alone says. Logs are in memory, with their segments made in advance, unless --dir names a disk;\n\
        --sustained saturates once more with segments made meanwhile. exchange-core's table: --rates 125k,250k,500k,1m,2m,3m,4m,5m,6m,7m\n\n\
        For figures, build with --release and leave the machine alone meanwhile: the row `hiccups` says what it did by itself."
    )]
    Pipeline(tidegate_perf_pipeline::Arguments),
    /// How long a node takes to come back, from its snapshot and without it
    #[command(
        after_help = "Builds a node with the given state, starts it without a snapshot, takes one, and restarts it from that; then\n\
        replays order flow through the engine. Every start is a process of its own, from `exec` to `leads`. For figures, build\n\
        with --release and leave the machine alone meanwhile."
    )]
    Restart(RestartArguments),
    /// Round trips and throughput of orders over real sockets, beside a raw TCP echo
    #[command(
        after_help = "Nodes are processes of their own on this machine. One request in flight: new order and cancellation in turns, by a\n\
        client that never sleeps; the echo answers as many bytes on the same cores while the node is stopped. A single node\n\
        spins, two do not. For figures, build with --release and leave the machine alone meanwhile."
    )]
    Wire(WireArguments),
}

/// `tidegate bench`
///
/// # Errors
/// What of the options is wrong.
pub fn run(command: &BenchCommand) -> CommandResult {
    match command {
        BenchCommand::Engine(arguments) => engine(arguments),
        BenchCommand::Journal(arguments) => journal(arguments),
        BenchCommand::Pipeline(arguments) => pipeline(arguments),
        BenchCommand::Restart(arguments) => restart(arguments),
        BenchCommand::Wire(arguments) => wire(arguments),
    }
}

/// Shows what is done at the moment, on standard error where that is a terminal.
fn with_spinner<T>(measure: impl FnOnce(&dyn Fn(&str)) -> T) -> T {
    let bar = ProgressBar::new_spinner();
    let measured = measure(&|what| {
        bar.set_message(what.to_owned());
        bar.tick();
    });
    bar.finish_and_clear();
    measured
}

fn journal(arguments: &tidegate_perf_journal::Arguments) -> CommandResult {
    let report = with_spinner(|tell| tidegate_perf_journal::run(arguments, tell))?;
    if arguments.json {
        print_json(&serde_json::to_value(&report).expect("a report always serialises"));
    } else {
        print!("{}", report.table());
    }
    Ok(ExitCode::SUCCESS)
}

fn pipeline(arguments: &tidegate_perf_pipeline::Arguments) -> CommandResult {
    let report = with_spinner(|tell| tidegate_perf_pipeline::run(arguments, tell))?;
    if arguments.json {
        print_json(&serde_json::to_value(&report).expect("a report always serialises"));
    } else {
        print!("{}", report.table());
    }
    Ok(ExitCode::SUCCESS)
}

fn wire(arguments: &WireArguments) -> CommandResult {
    let report = with_spinner(|tell| wire_bench::measure(arguments, tell))?;
    if arguments.json {
        print_json(&serde_json::to_value(&report).expect("a report always serialises"));
    } else {
        print!("{}", report.table());
    }
    Ok(ExitCode::SUCCESS)
}

fn engine(arguments: &EngineArguments) -> CommandResult {
    if let Some(rates) = arguments.rates() {
        let report = with_spinner(|tell| rates_bench::measure(arguments, rates, tell))?;
        if arguments.what.json {
            print_json(&serde_json::to_value(&report).expect("a report always serialises"));
        } else {
            print!("{report}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let arguments = &arguments.what;
    let mut options = arguments.options();
    // On stderr, and only where that is a terminal. It redraws when it is told something and never by itself: nothing else
    // runs while something is measured.
    let bar = ProgressBar::new(options.steps() as u64);
    let style = ProgressStyle::with_template("[{bar:30}] {pos}/{len} {msg}");
    bar.set_style(style.expect("the template is a constant that the tests parse").progress_chars("=> "));
    let told = bar.clone();
    options.progress = Progress::new(move |what| {
        told.set_message(what.to_owned());
        told.inc(1);
    });
    let report = tidegate_perf::run(&options).map_err(|error| error.to_string());
    bar.finish_and_clear();
    let report = report?;
    if arguments.json {
        print_json(&serde_json::to_value(&report).expect("a report always serialises"));
    } else {
        print!("{}", report.table(std::io::stdout().is_terminal()));
    }
    Ok(if report.conforms() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn restart(arguments: &RestartArguments) -> CommandResult {
    let report = with_spinner(|tell| restart_bench::measure(arguments, tell))?;
    if arguments.json {
        print_json(&report);
    } else {
        for (field, value) in report.as_object().into_iter().flatten() {
            println!("{field:<28} {value}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
