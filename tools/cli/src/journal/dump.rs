//! `tidegate journal dump` and `tidegate journal tail`: records, decoded, for people and for programs.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use tidegate_domain::{RECORD_LEN_BYTES, Sequence};
use tidegate_journal::{LogFollower, scan_from};

use super::LogArgs;
use super::fields::{Record, bytes_of};
use super::filter::{Filter, FilterArgs, RangeArgs, for_each};
use super::output::{Failure, Out, ToolResult, utc};

/// Pause between two looks at a log that is followed.
const LOOK: Duration = Duration::from_millis(50);

/// Arguments of `tidegate journal dump`.
#[derive(Args)]
pub struct DumpArgs {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Arguments of `tidegate journal tail`.
#[derive(Args)]
pub struct TailArgs {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// How many records to begin with
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    lines: u64,
    /// Wait for more, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// End after so many records
    #[arg(long, value_name = "N", requires = "follow")]
    count: Option<u64>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn dump(args: &DumpArgs) -> ToolResult {
    let kind = args.log.kind();
    let filter = Filter::new(&args.filter, &args.log.data_dir, kind)?;
    let mut out = Out::new();
    for_each(&args.log.data_dir, kind, args.range, &filter, |record| {
        show(&mut out, record, args.json)?;
        Ok(true)
    })?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn tail(args: &TailArgs) -> ToolResult {
    let (dir, kind) = (&args.log.data_dir, args.log.kind());
    let filter = Filter::new(&args.filter, dir, kind)?;
    let mut out = Out::new();
    let mut left = args.count.unwrap_or(u64::MAX);
    // Before the first line: whoever has seen that may stop it.
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM].into_iter().filter(|_| args.follow) {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| format!("cannot listen for signals: {error}"))?;
    }
    // Only the last segment is read for the end; records of the event log are at least as many as its sequences.
    let last = scan_from(dir, kind, Sequence::new(u64::MAX), |_, _| {}, |_, _| true)?.last;
    let from = Sequence::new(last.raw().saturating_sub(args.lines.max(1) - 1).max(1));
    let mut lines = VecDeque::new();
    let mut on_batch = |records: &[u8]| {
        for record in records.chunks_exact(RECORD_LEN_BYTES) {
            let record = Record::of(kind, bytes_of(record));
            if filter.wants(&record) {
                lines.push_back(record);
            }
            while lines.len() as u64 > args.lines {
                lines.pop_front();
            }
        }
        true
    };
    let end = scan_from(dir, kind, from, |_, _| {}, |_, records| on_batch(records))?.checkpoint;
    for record in lines {
        if left > 0 {
            show(&mut out, &record, args.json)?;
            left -= 1;
        }
    }
    out.flush()?;
    if args.follow {
        follow(&mut out, LogFollower::new(dir, kind, &end)?, &filter, left, args, &stop)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn follow(
    out: &mut Out,
    mut log: LogFollower,
    filter: &Filter,
    mut left: u64,
    args: &TailArgs,
    stop: &AtomicBool,
) -> Result<(), Failure> {
    while left > 0 && !stop.load(Ordering::Relaxed) {
        let Some((_, records)) = log.next_batch()? else {
            out.flush()?;
            std::thread::sleep(LOOK);
            continue;
        };
        for record in records.chunks_exact(RECORD_LEN_BYTES) {
            let record = Record::of(args.log.kind(), bytes_of(record));
            if left > 0 && filter.wants(&record) {
                left -= 1;
                show(out, &record, args.json)?;
            }
        }
    }
    out.flush()
}

/// A record as a person or a program reads it.
fn show(out: &mut Out, record: &Record, json: bool) -> Result<(), Failure> {
    if json {
        return out.line(&record.to_json().to_string());
    }
    let head = record.head();
    let mut at = record.sequence().to_string();
    if let Some(index) = head.get("index") {
        at = format!("{at}/{index}");
    }
    // What is nobody's, nowhere or unnumbered has no column.
    let who = ["account", "key", "market", "request", "session_sequence"].into_iter().filter_map(|name| {
        let value = head.get(name)?;
        (value.as_u64() != Some(0)).then(|| format!("{}={value}", out.paint(name, "2")))
    });
    let who: Vec<String> = who.collect();
    let degraded = if head.get("degraded").is_some_and(|degraded| degraded == true) { " DEGRADED" } else { "" };
    let body = record.body_for_people().into_iter().map(|(name, value)| format!("{}={value}", out.paint(&name, "2")));
    let body: Vec<String> = body.collect();
    let kind = out.paint(&format!("{:<18}", record.kind()), colour_of(record.kind()));
    let time = out.paint(&utc(record.time_ns()), "2");
    out.line(format!("{at:>10}  {time}  {kind}  {}{degraded}  {}", who.join(" "), body.join(" ")).trim_end())
}

/// What a person looks for first: trades, refusals, money, and what the operator did.
fn colour_of(kind: &str) -> &'static str {
    match kind {
        "fill" => "1;32",
        "rejected" | "quote_rejected" | "unreadable" => "31",
        "new_order" | "order_accepted" | "replace_order" | "order_replaced" | "mass_quote" => "36",
        "deposit" | "deposited" | "withdraw" | "withdrawn" | "transfer" | "transferred" => "33",
        "cancel_order" | "cancel_all" | "order_cancelled" | "cancel_all_done" => "35",
        _ => "1",
    }
}
