//! `tidegate journal export`: one row a record, for spreadsheets, data frames and other programs.
//!
//! Invariant: the columns of a log are always the same, in this order; a field that has no column of its own is in `body`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tidegate_journal::LogKind;

use super::LogArgs;
use super::fields::{Record, text_of};
use super::filter::{Filter, FilterArgs, RangeArgs, for_each};
use super::output::{Out, ToolResult};

const COMMAND_COLUMNS: &[&str] = &["sequence", "time_ns", "epoch", "kind", "key", "account", "request"];
const EVENT_COLUMNS: &[&str] = &[
    "sequence",
    "index",
    "time_ns",
    "epoch",
    "kind",
    "key",
    "account",
    "request",
    "session_sequence",
    "previous_report",
    "last",
    "degraded",
];
/// What is asked for most, from the body or, in the event log, the market from the head.
const BODY_COLUMNS: &[&str] = &[
    "market",
    "order",
    "side",
    "order_type",
    "time_in_force",
    "price_ticks",
    "qty_lots",
    "leaves_lots",
    "asset",
    "amount",
    "reference",
    "reason",
];

/// Arguments of `tidegate journal export`.
#[derive(Args)]
pub struct ExportArgs {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct FormatArgs {
    /// A head and one line a record; what has no column of its own is in the last one, as JSON
    #[arg(long)]
    csv: bool,
    /// One JSON object a line, as `dump --json` prints it
    #[arg(long)]
    jsonl: bool,
}

pub(super) fn export(args: &ExportArgs) -> ToolResult {
    let kind = args.log.kind();
    let filter = Filter::new(&args.filter, &args.log.data_dir, kind)?;
    let mut out = Out::new();
    let head = match kind {
        LogKind::Journal => COMMAND_COLUMNS,
        LogKind::Events => EVENT_COLUMNS,
    };
    if args.format.csv {
        out.line(&format!("{},{},body", head.join(","), BODY_COLUMNS.join(",")))?;
    }
    for_each(&args.log.data_dir, kind, args.range, &filter, |record| {
        let line = if args.format.csv { row(record, head) } else { record.to_json().to_string() };
        out.line(&line)?;
        Ok(true)
    })?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn row(record: &Record, columns: &[&str]) -> String {
    let (mut head, body) = (record.head(), record.body());
    head.insert("kind".to_owned(), json!(record.kind()));
    let from_head = columns.iter().map(|name| head.get(*name));
    let from_body = BODY_COLUMNS.iter().map(|name| body.get(*name).or_else(|| head.get(*name)));
    let mut cells: Vec<String> = from_head.chain(from_body).map(|value| cell(value.unwrap_or(&Value::Null))).collect();
    cells.push(cell(&Value::Object(body)));
    cells.join(",")
}

/// A cell, in quotes where it must be (RFC 4180).
fn cell(value: &Value) -> String {
    let text = if value.is_null() { String::new() } else { text_of(value) };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_a_reader_would_split_it() {
        assert_eq!(cell(&json!("plain")), "plain");
        assert_eq!(cell(&json!("a,b\"c")), "\"a,b\"\"c\"");
        assert_eq!(cell(&json!({ "a": 1, "b": 2 })), "\"{\"\"a\"\":1,\"\"b\"\":2}\"");
        assert_eq!(cell(&Value::Null), "");
    }
}
