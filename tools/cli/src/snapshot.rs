//! `tidegate journal snapshot`: snapshots of a node's state, so that a start need not read its logs from their beginning.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tidegate_node::snapshots::{self, Phase};

use crate::{CommandResult, print_json};

/// `tidegate journal snapshot`
#[derive(Subcommand)]
pub enum SnapshotCommand {
    /// Take a snapshot: of a stopped node, or beside a running one, which does not notice
    #[command(
        after_help = "Replays the journal from the newest good snapshot to the last command that was released, writes the\n\
        state, loads it back into a second engine, and only then counts it. Needs memory for two engines.\n\
        Exit codes: 0 it is there (or was: nothing new was released), 1 none was taken."
    )]
    Now {
        /// Which folder
        #[command(flatten)]
        folder: Folder,
        /// How many snapshots to keep, this one included; 2 at least
        #[arg(long, default_value_t = 2)]
        keep: usize,
        /// Run only when the machine has nothing else to do (SCHED_IDLE)
        #[arg(long)]
        idle: bool,
    },
    /// List the snapshots of a folder by their headers
    #[command(after_help = "Exit codes: 0 listed, 1 a header is damaged or the folder cannot be read.")]
    List {
        /// Which folder
        #[command(flatten)]
        folder: Folder,
    },
    /// Check snapshots as a start would: checksums, places in both logs, the restored state's digest
    #[command(after_help = "Exit codes: 0 all are good, 1 one is not, or there is none.")]
    Verify {
        /// Which folder
        #[command(flatten)]
        folder: Folder,
        /// Only the one at this sequence
        #[arg(long)]
        sequence: Option<u64>,
    },
    /// Make a data folder that a node can start in from a backup, or from another node's folder
    #[command(
        after_help = "Copies snapshots, event log and journal as far as they go, and node.state; checks everything on the way,\n\
        leaves damaged snapshots behind. The source may be the folder of a running node: the copy is then what a kill -9\n\
        would leave at this moment. The new folder holds the same node: never start both.\n\
        Exit codes: 0 made and checked, 1 not."
    )]
    Restore {
        /// The backup, or a node's data folder
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// The new data folder; must not exist, or be empty
        #[command(flatten)]
        folder: Folder,
    },
}

/// Which folder.
#[derive(Args)]
pub struct Folder {
    /// The node's data folder
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `tidegate journal snapshot`
///
/// # Errors
/// What is wrong, and with which file.
pub fn run(command: &SnapshotCommand) -> CommandResult {
    // Which snapshots are passed over, and why.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .init();
    match command {
        SnapshotCommand::Now { folder, keep, idle } => now(folder, *keep, *idle),
        SnapshotCommand::List { folder } => list(folder),
        SnapshotCommand::Verify { folder, sequence } => verify(folder, *sequence),
        SnapshotCommand::Restore { from, folder } => {
            let bar = Bar::new(folder);
            let restored =
                snapshots::restore(from, &folder.data_dir, &mut |phase, done, all| bar.tell(phase, done, all));
            bar.end();
            let restored = restored?;
            if folder.json {
                print_json(&value(&restored));
            } else {
                println!(
                    "{}: a node can start here, from {}. The journal ends at {}, released through at least {}",
                    restored.data_dir.display(),
                    if restored.snapshot == 0 {
                        "the journal's start".to_owned()
                    } else {
                        format!("the snapshot at {}", restored.snapshot)
                    },
                    restored.last_sequence,
                    restored.committed_through
                );
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn now(folder: &Folder, keep: usize, idle: bool) -> CommandResult {
    if keep < 2 {
        return Err(format!("--keep is {keep}; allowed: 2 or more, since the newest may turn out to be damaged"));
    }
    if idle {
        run_when_idle();
    }
    let bar = Bar::new(folder);
    let made = snapshots::make(&folder.data_dir, keep, &mut |phase, done, all| bar.tell(phase, done, all));
    bar.end();
    let made = made?;
    if folder.json {
        print_json(&value(&made));
    } else if let Some(file) = &made.file {
        println!(
            "{}: {} bytes, digest {}, {} commands replayed after {}, {} ms",
            file.display(),
            made.bytes,
            made.digest,
            made.replayed,
            made.base,
            made.elapsed_ms
        );
    } else {
        println!("nothing was released after the snapshot at {}", made.base);
    }
    Ok(ExitCode::SUCCESS)
}

fn list(folder: &Folder) -> CommandResult {
    let found = snapshots::list(&folder.data_dir)?;
    if folder.json {
        print_json(&value(&found));
    } else {
        for info in &found {
            let what = info.error.clone().unwrap_or_else(|| format!("epoch {}  digest {}", info.epoch, info.digest));
            println!("{:>14}  {:>12} bytes  {:>8} s old  {what}", info.sequence, info.bytes, info.age_s);
        }
    }
    let all_good = found.iter().all(|info| info.error.is_none());
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verify(folder: &Folder, only: Option<u64>) -> CommandResult {
    let bar = Bar::new(folder);
    let checks = snapshots::verify(&folder.data_dir, only, &mut |phase, done, all| bar.tell(phase, done, all));
    bar.end();
    let checks = checks?;
    if folder.json {
        print_json(&value(&checks));
    } else {
        for check in &checks {
            println!("{:>14}  {}", check.info.sequence, check.info.error.as_deref().unwrap_or("good"));
        }
        if checks.is_empty() {
            println!("there is no snapshot in {}", folder.data_dir.display());
        }
    }
    let all_good = !checks.is_empty() && checks.iter().all(|check| check.good);
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn value(of: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(of).expect("numbers and texts always serialise")
}

/// Gives way to everything else on this machine. Where the kernel refuses, the snapshot is taken all the same.
fn run_when_idle() {
    // SAFETY: `nothing` is plain zeros, which is the only priority of this policy, and lives through the call; 0 is this thread.
    let refused = unsafe {
        let nothing: libc::sched_param = std::mem::zeroed();
        libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const nothing) != 0
    };
    if refused {
        eprintln!("tidegate: cannot run with the lowest priority: {}", std::io::Error::last_os_error());
    }
}

/// Shows phases on standard error, where that is a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(folder: &Folder) -> Self {
        let hidden = folder.json || !std::io::stderr().is_terminal();
        let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::new(0) };
        let style = ProgressStyle::with_template("[{bar:30}] {percent:>3} % {msg}");
        bar.set_style(style.expect("the template is a constant").progress_chars("=> "));
        Self(bar)
    }

    fn tell(&self, phase: Phase, done: u64, all: u64) {
        self.0.set_message(phase.as_str());
        self.0.set_length(all);
        self.0.set_position(done);
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
