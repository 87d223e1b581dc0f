//! `tidegate journal stat`: what a log consists of, in numbers.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tidegate_domain::{Command, RECORD_LEN_BYTES};
use tidegate_journal::{BatchInfo, LogKind, scan};

use super::LogArgs;
use super::fields::{Record, bytes_of};
use super::output::{Failure, Out, ToolResult, bar, size, table, utc};

/// Accounts that are shown.
const ACCOUNTS_SHOWN: usize = 10;

/// Arguments of `tidegate journal stat`.
#[derive(Args)]
pub struct StatArgs {
    #[command(flatten)]
    log: LogArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is counted.
#[derive(Default)]
struct Counts {
    kinds: BTreeMap<&'static str, u64>,
    markets: BTreeMap<u32, u64>,
    accounts: BTreeMap<u32, u64>,
    epochs: Vec<EpochRange>,
    /// Batches by the power of two at or below their number of records; 0 for commit marks.
    batch_sizes: BTreeMap<u32, u64>,
    /// First and last time, nanoseconds since the Unix epoch.
    times: Option<(u64, u64)>,
    sequences: Option<(u64, u64)>,
}

#[derive(Debug)]
struct EpochRange {
    epoch: u32,
    first: u64,
    last: u64,
    times: (u64, u64),
}

impl Counts {
    fn add_batch(&mut self, batch: &BatchInfo) {
        *self.batch_sizes.entry(batch.count.checked_ilog2().map_or(0, |power| 1 << power)).or_default() += 1;
    }

    fn add(&mut self, record: &Record) {
        *self.kinds.entry(record.kind()).or_default() += 1;
        let (sequence, time) = (record.sequence(), record.time_ns());
        self.times = Some((self.times.map_or(time, |(first, _)| first), time));
        self.sequences = Some((self.sequences.map_or(sequence, |(first, _)| first), sequence));
        let (epoch, account) = match record {
            Record::Command(header, command) => {
                for market in markets_of(command).into_iter().flatten() {
                    *self.markets.entry(market).or_default() += 1;
                }
                (header.epoch.raw(), header.account.raw())
            }
            Record::Event(header, _) => {
                if header.market.raw() != 0 {
                    *self.markets.entry(header.market.raw()).or_default() += 1;
                }
                (header.epoch.raw(), header.account.raw())
            }
            Record::Unreadable { .. } => return,
        };
        if account != 0 {
            *self.accounts.entry(account).or_default() += 1;
        }
        match self.epochs.last_mut().filter(|range| range.epoch == epoch) {
            Some(range) => {
                range.last = sequence;
                range.times.1 = time;
            }
            None => self.epochs.push(EpochRange { epoch, first: sequence, last: sequence, times: (time, time) }),
        }
    }

    fn top_accounts(&self) -> Vec<(u32, u64)> {
        let mut accounts: Vec<(u32, u64)> = self.accounts.iter().map(|(id, count)| (*id, *count)).collect();
        accounts.sort_by_key(|(id, count)| (std::cmp::Reverse(*count), *id));
        accounts.truncate(ACCOUNTS_SHOWN);
        accounts
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn records_per_s(&self, records: u64) -> Option<f64> {
        let (first, last) = self.times?;
        (last > first).then(|| records as f64 * 1e9 / (last - first) as f64)
    }
}

/// The markets that a command names by number, each once.
fn markets_of(command: &Command) -> [Option<u32>; 2] {
    match command {
        Command::NewOrder(order) => [Some(order.market.raw()), None],
        Command::CancelAll(filter) => [filter.market.map(|market| market.raw()), None],
        Command::MassQuote(slot) => {
            let of = |at: usize| slot.quotes().get(at).map(|quote| quote.market.raw());
            [of(0), of(1).filter(|second| Some(*second) != of(0))]
        }
        _ => [None, None],
    }
}

pub(super) fn stat(args: &StatArgs) -> ToolResult {
    let (dir, kind) = (&args.log.data_dir, args.log.kind());
    let mut counts = Counts::default();
    // A journal's batches say what was released when they were written.
    let mut lag: Histogram<u64> = Histogram::new(3).expect("three digits are allowed");
    let progress = bar("reading");
    let told = |done, total| {
        progress.set_length(total);
        progress.set_position(done);
    };
    let report = scan(dir, kind, told, |batch, records| {
        counts.add_batch(batch);
        if batch.count > 0 && kind == LogKind::Journal {
            lag.saturating_record(batch.first.raw() + u64::from(batch.count) - 1 - batch.commit.raw());
        }
        records.chunks_exact(RECORD_LEN_BYTES).for_each(|record| counts.add(&Record::of(kind, bytes_of(record))));
        true
    });
    progress.finish_and_clear();
    let report = report?;
    let lag = (kind == LogKind::Journal && !lag.is_empty()).then(|| {
        json!({
            "p50": lag.value_at_quantile(0.5),
            "p99": lag.value_at_quantile(0.99),
            "max": lag.max(),
            "at_end": report.last.raw().saturating_sub(report.commit.raw()),
        })
    });
    let shown = json!({
        "log": kind.prefix(),
        "records": report.records,
        "batches": report.batches,
        "segments": report.segments,
        "bytes": report.bytes,
        "first_sequence": counts.sequences.map(|(first, _)| first),
        "last_sequence": counts.sequences.map(|(_, last)| last),
        "first_time_ns": counts.times.map(|(first, _)| first),
        "last_time_ns": counts.times.map(|(_, last)| last),
        "records_per_s": counts.records_per_s(report.records),
        "commit_lag_records": lag,
        "epochs": counts.epochs.iter().map(|range| json!({
            "epoch": range.epoch,
            "first_sequence": range.first,
            "last_sequence": range.last,
            "first_time_ns": range.times.0,
            "last_time_ns": range.times.1,
        })).collect::<Vec<_>>(),
        "kinds": by_count(&counts.kinds),
        "markets": counts.markets.iter().map(|(id, count)| json!({ "market": id, "records": count })).collect::<Vec<_>>(),
        "top_accounts":
            counts.top_accounts().iter().map(|(id, count)| json!({ "account": id, "records": count })).collect::<Vec<_>>(),
        "batch_sizes": counts.batch_sizes.iter().map(|(from, count)| {
            json!({ "from_records": from, "to_records": (from * 2).saturating_sub(1).min(511), "batches": count })
        }).collect::<Vec<_>>(),
    });
    let mut out = Out::new();
    if args.json {
        out.json(&shown)?;
    } else {
        print(&mut out, &shown, &counts)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The most frequent first.
fn by_count(counts: &BTreeMap<&'static str, u64>) -> Value {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), **name));
    Value::Object(counts.into_iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect())
}

fn print(out: &mut Out, shown: &Value, counts: &Counts) -> Result<(), Failure> {
    let bytes = size(shown["bytes"].as_u64().unwrap_or(0));
    out.line(&format!(
        "{} log: {} records in {} batches in {} segments, {bytes}",
        shown["log"].as_str().unwrap_or_default(),
        shown["records"],
        shown["batches"],
        shown["segments"]
    ))?;
    if let (Some((first, last)), Some((from, to))) = (counts.sequences, counts.times) {
        out.line(&format!("sequences  {first} to {last}"))?;
        out.line(&format!("time       {} to {}", utc(from), utc(to)))?;
    }
    if let Some(rate) = shown["records_per_s"].as_f64() {
        out.line(&format!("rate       {rate:.1} records/s"))?;
    }
    if let Some(lag) = shown["commit_lag_records"].as_object() {
        let [p50, p99, max, end] = ["p50", "p99", "max", "at_end"].map(|name| &lag[name]);
        out.line(&format!(
            "commit lag p50 {p50}  p99 {p99}  max {max} records when a batch was written; {end} at the end"
        ))?;
    }
    let range = |from: &Value, to: &Value| if from == to { from.to_string() } else { format!("{from}-{to}") };
    let sizes: Vec<String> = shown["batch_sizes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| format!("{}: {}", range(&row["from_records"], &row["to_records"]), row["batches"]))
        .collect();
    out.line(&format!("batches    by records  {}", sizes.join("  ")))?;
    for range in &counts.epochs {
        let EpochRange { epoch, first, last, times } = range;
        out.line(&format!("epoch {epoch:<4} {first} to {last}, {} to {}", utc(times.0), utc(times.1)))?;
    }
    let rows =
        |pairs: Vec<(String, u64)>| pairs.into_iter().map(|(name, count)| vec![name, count.to_string()]).collect();
    let kinds = shown["kinds"].as_object().into_iter().flatten();
    let kinds = kinds.map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0))).collect();
    let markets = counts.markets.iter().map(|(id, count)| (id.to_string(), *count)).collect();
    let accounts = counts.top_accounts().into_iter().map(|(id, count)| (id.to_string(), count)).collect();
    for (name, pairs) in [("kind", kinds), ("market", markets), ("account (top 10)", accounts)] {
        let rows: Vec<Vec<String>> = rows(pairs);
        if !rows.is_empty() {
            out.line("")?;
            for line in table(&[name, "records"], &rows) {
                out.line(&line)?;
            }
        }
    }
    Ok(())
}
