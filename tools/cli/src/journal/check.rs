//! `tidegate journal verify` and `tidegate journal ls`: whether a log is whole, and what it consists of.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tidegate_journal::{LogKind, SegmentFile, VerifyReport, scan, segments, verify};

use super::LogArgs;
use super::output::{DAMAGED, Failure, Out, SHORT, ToolResult, bar, size, table};

/// Arguments of `tidegate journal verify`.
#[derive(Args)]
pub struct VerifyArgs {
    /// The node's data folder
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Which of its logs
    #[arg(long, value_enum, default_value = "journal")]
    log: VerifyLogs,
    /// Print JSON; with `--log all`, by log
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum VerifyLogs {
    /// Commands.
    Journal,
    /// Released events.
    Events,
    /// Both.
    All,
}

/// Arguments of `tidegate journal ls`.
#[derive(Args)]
pub struct LsArgs {
    #[command(flatten)]
    log: LogArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn check(args: &VerifyArgs) -> ToolResult {
    let logs: &[LogKind] = match args.log {
        VerifyLogs::Journal => &[LogKind::Journal],
        VerifyLogs::Events => &[LogKind::Events],
        VerifyLogs::All => &[LogKind::Journal, LogKind::Events],
    };
    let mut out = Out::new();
    let (mut worst, mut all) = (0, serde_json::Map::new());
    for kind in logs {
        // A missing event log is no damage: the node makes it from its journal.
        if args.log == VerifyLogs::All && *kind == LogKind::Events && segments(&args.data_dir, *kind)?.is_empty() {
            all.insert(kind.prefix().to_owned(), Value::Null);
            if !args.json {
                out.line("events: none here; the node makes them from its journal")?;
            }
            continue;
        }
        let started = Instant::now();
        let progress = bar(kind.prefix());
        let found = verify(&args.data_dir, *kind, |done, total| {
            progress.set_length(total);
            progress.set_position(done);
        });
        progress.finish_and_clear();
        let gigabytes_per_s = rate(found.as_ref().map_or(0, |report| report.bytes), started);
        match found.map_err(Failure::from) {
            Ok(report) => {
                worst = worst.max(if report.torn_tail_at.is_some() { SHORT } else { 0 });
                all.insert(kind.prefix().to_owned(), report_json(&report, gigabytes_per_s));
                if !args.json {
                    let name = if logs.len() > 1 { format!("{}: ", kind.prefix()) } else { String::new() };
                    print_report(&mut out, &name, &report, gigabytes_per_s)?;
                }
            }
            Err(Failure::Damaged(why)) if args.log == VerifyLogs::All => {
                // Worse than a torn tail, whichever number is larger.
                worst = u8::MAX;
                all.insert(kind.prefix().to_owned(), json!({ "damaged": why }));
                eprintln!("tidegate: {why}");
            }
            Err(failure) => return Err(failure),
        }
    }
    if args.json {
        match logs {
            [one] => out.json(&all[one.prefix()])?,
            _ => out.json(&Value::Object(all))?,
        }
    }
    out.flush()?;
    Ok(ExitCode::from(if worst == u8::MAX { DAMAGED } else { worst }))
}

#[expect(clippy::cast_precision_loss, reason = "two decimal places on a screen")]
fn rate(bytes: u64, started: Instant) -> f64 {
    bytes as f64 / 1e9 / started.elapsed().as_secs_f64().max(1e-9)
}

fn report_json(report: &VerifyReport, gigabytes_per_s: f64) -> Value {
    let torn = report.torn_tail_at.as_ref().map(|(file, offset)| json!({ "file": file, "offset": offset }));
    json!({
        "first_segment": report.first_segment,
        "segments": report.segments,
        "batches": report.batches,
        "records": report.records,
        "last_sequence": report.last.raw(),
        "committed_through": report.commit.raw(),
        "bytes": report.bytes,
        "gigabytes_per_s": gigabytes_per_s,
        "torn_tail": torn,
    })
}

fn print_report(out: &mut Out, name: &str, report: &VerifyReport, gigabytes_per_s: f64) -> Result<(), Failure> {
    let good = out.paint("good", "32");
    let VerifyReport { segments, batches, records, last, commit, .. } = report;
    let bytes = size(report.bytes);
    out.line(&format!(
        "{name}{good}: {segments} segments, {batches} batches, {records} records, {bytes}, last sequence {last}, released through \
         at least {commit} ({gigabytes_per_s:.2} GB/s)"
    ))?;
    if report.first_segment > 1 {
        let first = report.first_segment;
        out.line(&format!(
            "{name}begins at segment {first}: older ones were removed, a node needs a snapshot to start"
        ))?;
    }
    if let Some((file, offset)) = &report.torn_tail_at {
        out.line(&format!(
            "{name}torn tail at {} offset {offset}: it was never acknowledged, the next start cuts it. Beside a running node it \
             is what is being written",
            file.display()
        ))?;
    }
    Ok(())
}

/// What a segment holds.
#[derive(Clone, Debug, Default)]
struct Row {
    used_bytes: u64,
    batches: u64,
    records: u64,
    sequences: Option<(u64, u64)>,
    epochs: Option<(u32, u32)>,
}

pub(super) fn list(args: &LsArgs) -> ToolResult {
    let (dir, kind) = (&args.log.data_dir, args.log.kind());
    let files = segments(dir, kind)?;
    let (rows, scanned) = rows(dir, kind, &files);
    let open = rows.iter().rposition(|row| row.batches > 0);
    let state = |at: usize| match open {
        Some(open) if at < open => "sealed",
        Some(open) if at == open => "open",
        _ => "spare",
    };
    let mut out = Out::new();
    if args.json {
        let shown = files.iter().zip(&rows).enumerate().map(|(at, (file, row))| {
            json!({
                "file": file.path,
                "number": file.number,
                "bytes": file.len_bytes,
                "used_bytes": row.used_bytes,
                "first_sequence": row.sequences.map(|(first, _)| first),
                "last_sequence": row.sequences.map(|(_, last)| last),
                "first_epoch": row.epochs.map(|(first, _)| first),
                "last_epoch": row.epochs.map(|(_, last)| last),
                "batches": row.batches,
                "records": row.records,
                "state": state(at),
            })
        });
        out.json(&Value::Array(shown.collect()))?;
    } else {
        let cells = files.iter().zip(&rows).enumerate().map(|(at, (file, row))| {
            let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let range = |range: Option<(u64, u64)>| match range {
                Some((first, last)) if first == last => first.to_string(),
                Some((first, last)) => format!("{first}-{last}"),
                None => "-".to_owned(),
            };
            let epochs = row.epochs.map(|(first, last)| (first.into(), last.into()));
            let (first, last) = row.sequences.map_or(("-".into(), "-".into()), |(a, b)| (a.to_string(), b.to_string()));
            let mut cells = vec![name, file.number.to_string(), size(file.len_bytes), row.used_bytes.to_string()];
            cells.extend([first, last, range(epochs), row.batches.to_string(), row.records.to_string()]);
            cells.push(state(at).to_owned());
            cells
        });
        let head = ["file", "number", "size", "used B", "first", "last", "epochs", "batches", "records", "state"];
        for line in table(&head, &cells.collect::<Vec<_>>()) {
            out.line(&line)?;
        }
    }
    out.flush()?;
    // After what could be read was shown.
    scanned?;
    Ok(ExitCode::SUCCESS)
}

fn rows(dir: &Path, kind: LogKind, files: &[SegmentFile]) -> (Vec<Row>, Result<VerifyReport, Failure>) {
    let mut rows = vec![Row::default(); files.len()];
    let progress = bar("reading");
    let told = |done, total| {
        progress.set_length(total);
        progress.set_position(done);
    };
    let scanned = scan(dir, kind, told, |batch, records| {
        // One that a running node has made since does not count yet.
        let Some(row) = files.iter().position(|file| file.number == batch.segment).map(|at| &mut rows[at]) else {
            return false;
        };
        row.used_bytes = batch.offset + batch.len_bytes;
        row.batches += 1;
        row.records += u64::from(batch.count);
        if let Some(last) = records.chunks_exact(tidegate_domain::RECORD_LEN_BYTES).next_back() {
            let last = tidegate_domain::CommandRecord::from_bytes(super::fields::bytes_of(last)).sequence().raw();
            row.sequences = Some((row.sequences.map_or(batch.first.raw(), |(first, _)| first), last));
            row.epochs = Some((row.epochs.map_or(batch.epoch.raw(), |(first, _)| first), batch.epoch.raw()));
        }
        true
    });
    progress.finish_and_clear();
    (rows, scanned.map_err(Failure::from))
}
