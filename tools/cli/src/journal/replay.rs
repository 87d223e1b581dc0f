//! `tidegate journal replay`: the engine itself over a journal, without a node, and what the state is then.
//!
//! Invariant: nothing is allocated for a command; the journal is read and checked on another thread meanwhile.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::ProgressBar;
use tidegate_domain::{Command, CommandRecord, EventBuffer, LOGIC_VERSION, Sequence, StateMachine};
use tidegate_journal::LogKind;
use tidegate_matching::Engine;

use super::output::{Failure, Out, ToolResult, bar};
use super::state::{self, Narrow};
use super::stream::{Chunk, Stream};

/// Arguments of `tidegate journal replay`.
#[derive(Args)]
pub struct ReplayArgs {
    /// The node's data folder, or a backup
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The last command to apply [default: the last there is]
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
    /// Only balances and orders of this account
    #[arg(long, value_name = "ID")]
    account: Option<u32>,
    /// Only the book and the orders of this market, by number or name
    #[arg(long, value_name = "MARKET")]
    market: Option<String>,
    /// Levels of each side of a book [default: all]
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a replay did, beside the state that it left.
pub(super) struct Replayed {
    pub(super) engine: Engine,
    pub(super) events: u64,
    pub(super) elapsed: Duration,
}

pub(super) fn replay(args: &ReplayArgs) -> ToolResult {
    let progress = bar("replaying");
    let to = Sequence::new(args.to.unwrap_or(u64::MAX));
    let replayed = run(&args.data_dir, to, &progress);
    progress.finish_and_clear();
    let replayed = replayed?;
    let applied = replayed.engine.applied_through();
    if args.to.is_some_and(|to| applied.raw() < to) {
        return Err(Failure::Refused(format!("--to {to}: the journal ends at sequence {applied}")));
    }
    let narrow = Narrow::new(&replayed.engine, args.account, args.market.as_deref(), args.depth)?;
    let mut out = Out::new();
    if args.json {
        out.json(&state::to_json(&replayed, &narrow))?;
    } else {
        state::print(&mut out, &replayed, &narrow)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Applies every command through `to`.
pub(super) fn run(dir: &std::path::Path, to: Sequence, progress: &ProgressBar) -> Result<Replayed, Failure> {
    let stream = Stream::open(dir, LogKind::Journal, Sequence::ZERO, to)?;
    let started = Instant::now();
    let (mut engine, mut out, mut events) = (Engine::new(), EventBuffer::default(), 0);
    while let Some(chunk) = stream.next_chunk() {
        if engine.genesis().is_none()
            && let Some(first) = chunk.first()
        {
            check_first(first)?;
        }
        events += apply(&mut engine, &mut out, &chunk, to);
        stream.give_back(chunk);
        let (done, total) = stream.progress();
        progress.set_length(total);
        progress.set_position(done);
        progress.set_message(format!("{:.2} M commands/s", rate(engine.applied_through(), started.elapsed()) / 1e6));
    }
    let elapsed = started.elapsed();
    stream.finish()?;
    if engine.genesis().is_none() {
        return Err(Failure::Refused(format!("{}: the journal is empty", dir.display())));
    }
    Ok(Replayed { engine, events, elapsed })
}

/// Commands of a second.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub(super) fn rate(applied: Sequence, elapsed: Duration) -> f64 {
    applied.raw() as f64 / elapsed.as_secs_f64().max(1e-9)
}

/// Applies a chunk; how many events came of it.
fn apply(engine: &mut Engine, out: &mut EventBuffer, chunk: &Chunk, to: Sequence) -> u64 {
    let mut events = 0;
    for (at, record) in chunk.iter().enumerate() {
        if record.sequence() > to {
            break;
        }
        let is_first = engine.genesis().is_none();
        engine.look_ahead(&chunk[at..]);
        engine.apply(record, out);
        events += out.records().len() as u64;
        out.clear();
        if is_first {
            out.reserve_total(engine.events_per_command_max());
        }
    }
    events
}

/// A journal is replayed from its first command, under the rules that it was written by.
fn check_first(first: &CommandRecord) -> Result<(), Failure> {
    let refused = match first.decode() {
        Ok((header, _)) if header.sequence.raw() != 1 => format!(
            "the journal here begins at sequence {}: what came before was removed, and without it there is no state to replay \
             from; use a folder that has it",
            header.sequence
        ),
        Ok((_, Command::Genesis(genesis))) if genesis.logic_version == LOGIC_VERSION => return Ok(()),
        Ok((_, Command::Genesis(genesis))) => format!(
            "the journal was written by logic version {}, this program has {LOGIC_VERSION}: use the program that wrote it",
            genesis.logic_version
        ),
        Ok(_) => "its first record is not `genesis`: this is not a journal of this program".to_owned(),
        Err(error) => format!("its first record does not decode: {error}; use the program that wrote it"),
    };
    Err(Failure::Refused(refused))
}
