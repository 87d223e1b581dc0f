//! `tidegate journal diff`: where two folders' logs part.
//!
//! Invariants: what differs between two nodes by construction is left out: addresses in the event log (`previous_report`) and
//! its DEGRADED mark. Where one log begins later, they are compared from there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tidegate_domain::{CommandRecord, EventRecord, LogAddress, RECORD_LEN_BYTES, Sequence};
use tidegate_journal::LogKind;

use super::LogArg;
use super::fields::{Fields, Record, text_of};
use super::output::{DAMAGED, Failure, Out, SHORT, ToolResult, bar};
use super::stream::{Chunk, Stream};

/// Of an event: its flags, and the one that publish stamps.
const EVENT_FLAGS_AT: usize = 63;
const DEGRADED: u8 = tidegate_domain::EventFlags::DEGRADED.bits();

/// Arguments of `tidegate journal diff`.
#[derive(Args)]
pub struct DiffArgs {
    /// A node's data folder, or a backup
    #[arg(value_name = "A")]
    left: PathBuf,
    /// Another
    #[arg(value_name = "B")]
    right: PathBuf,
    /// Which of the two logs
    #[arg(long, value_enum, default_value = "journal")]
    log: LogArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A log, record by record.
struct Side {
    log: LogKind,
    stream: Stream,
    chunk: Chunk,
    at: usize,
    last: u64,
}

impl Side {
    fn open(dir: &Path, log: LogKind) -> Result<Self, Failure> {
        let stream = Stream::open(dir, log, Sequence::ZERO, Sequence::new(u64::MAX))?;
        Ok(Self { log, stream, chunk: Chunk::new(), at: 0, last: 0 })
    }

    /// The record here, without what differs by construction; `None` at the end.
    fn peek(&mut self) -> Option<[u8; RECORD_LEN_BYTES]> {
        while self.at == self.chunk.len() {
            let next = self.stream.next_chunk()?;
            self.stream.give_back(std::mem::replace(&mut self.chunk, next));
            self.at = 0;
        }
        let bytes = *self.chunk[self.at].as_bytes();
        Some(match self.log {
            LogKind::Journal => bytes,
            LogKind::Events => {
                let mut record = EventRecord::from_bytes(bytes);
                record.set_previous_report(LogAddress::NONE);
                let mut bytes = *record.as_bytes();
                bytes[EVENT_FLAGS_AT] &= !DEGRADED;
                bytes
            }
        })
    }

    fn step(&mut self) {
        self.last = self.chunk[self.at].sequence().raw();
        self.at += 1;
    }

    /// Steps to the first record at or after a position.
    fn skip_to(&mut self, position: (u64, u32)) {
        while self.peek().is_some_and(|bytes| position_of(self.log, bytes) < position) {
            self.step();
        }
    }
}

fn position_of(log: LogKind, bytes: [u8; RECORD_LEN_BYTES]) -> (u64, u32) {
    match log {
        LogKind::Journal => (CommandRecord::from_bytes(bytes).sequence().raw(), 0),
        LogKind::Events => {
            let record = EventRecord::from_bytes(bytes);
            (record.sequence().raw(), record.index())
        }
    }
}

pub(super) fn diff(args: &DiffArgs) -> ToolResult {
    // Damage is exit code 1 here: 2 says that two good logs differ.
    compare(args).map_err(|failure| match failure {
        Failure::Damaged(why) => Failure::Refused(format!("cannot compare: {why}")),
        other => other,
    })
}

fn compare(args: &DiffArgs) -> ToolResult {
    let log = args.log.into();
    let (mut left, mut right) = (Side::open(&args.left, log)?, Side::open(&args.right, log)?);
    let progress = bar("comparing");
    let first = left.peek().zip(right.peek()).map(|(one, other)| position_of(log, one).max(position_of(log, other)));
    if let Some(first) = first {
        left.skip_to(first);
        right.skip_to(first);
    }
    let mut equal = 0_u64;
    let (one, other) = loop {
        match (left.peek(), right.peek()) {
            (Some(one), Some(other)) if one == other => {
                left.step();
                right.step();
                equal += 1;
                if equal.is_multiple_of(1 << 16) {
                    let (done, total) = left.stream.progress();
                    progress.set_length(total);
                    progress.set_position(done);
                }
            }
            parted => break parted,
        }
    };
    progress.finish_and_clear();
    let last = left.last.max(right.last);
    let report = |side: Side, is_over: bool| {
        side.stream.finish().map(|report| report.last.raw()).or_else(|failure| {
            // Only a log that was read to its end has an end to speak of.
            if is_over { Err(failure) } else { Ok(0) }
        })
    };
    let (is_left_over, is_right_over) = (one.is_none(), other.is_none());
    report(left, is_left_over)?;
    report(right, is_right_over)?;
    let shown = |bytes: Option<[u8; RECORD_LEN_BYTES]>| bytes.map(|bytes| Record::of(log, bytes));
    let mut out = Out::new();
    let code = match (shown(one), shown(other)) {
        (None, None) => {
            say(&mut out, args, json!({ "verdict": "same", "records": equal, "last_sequence": last }), || {
                format!("same: {equal} records, last sequence {last}")
            })?;
            0
        }
        (Some(one), Some(other)) => {
            show_difference(&mut out, args, equal, &one, &other)?;
            DAMAGED
        }
        (one, other) => {
            let (short, long, next) =
                if one.is_none() { (&args.left, &args.right, other) } else { (&args.right, &args.left, one) };
            let next = next.map_or(0, |record| record.sequence());
            let value = json!({
                "verdict": "prefix", "records": equal, "last_sequence": last, "prefix": short, "longer": long, "next_sequence": next,
            });
            say(&mut out, args, value, || {
                let (short, long) = (short.display(), long.display());
                format!(
                    "{short} is a prefix of {long}: {equal} records, last sequence {last}; the longer goes on at {next}"
                )
            })?;
            SHORT
        }
    };
    out.flush()?;
    Ok(ExitCode::from(code))
}

fn say(out: &mut Out, args: &DiffArgs, value: Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
    if args.json { out.json(&value) } else { out.line(&text()) }
}

/// Both records, field beside field.
fn show_difference(out: &mut Out, args: &DiffArgs, equal: u64, one: &Record, other: &Record) -> Result<(), Failure> {
    let fields = [one, other].map(|record| {
        let mut fields = record.head();
        // Left out of the comparison, so not shown as equal either.
        fields.remove("previous_report");
        fields.remove("degraded");
        fields.insert("kind".to_owned(), record.kind().into());
        fields.extend(record.body());
        fields
    });
    let [left, right] = &fields;
    let mut names: Vec<&String> = left.keys().collect();
    names.extend(right.keys().filter(|name| !left.contains_key(*name)));
    let differing: Vec<&String> = names.iter().copied().filter(|name| left.get(*name) != right.get(*name)).collect();
    let sequence = one.sequence().min(other.sequence());
    if args.json {
        return out.json(&json!({
            "verdict": "different",
            "records": equal,
            "sequence": sequence,
            "fields": differing,
            "a": one.to_json(),
            "b": other.to_json(),
        }));
    }
    out.line(&format!("different at sequence {sequence}, after {equal} equal records"))?;
    let cell = |fields: &Fields, name: &String| fields.get(name).map_or_else(|| "-".to_owned(), text_of);
    let wide = |texts: Vec<usize>| texts.into_iter().max().unwrap_or(0);
    let (name_width, left_width) = (
        wide(names.iter().map(|name| name.len()).collect()),
        wide(names.iter().map(|name| cell(left, name).len()).collect()),
    );
    for name in names {
        let (mark, colour) = if differing.contains(&name) { ("*", "1;31") } else { (" ", "0") };
        let line = format!("{mark} {name:<name_width$}  {:<left_width$}  {}", cell(left, name), cell(right, name));
        out.line(&out.paint(line.trim_end(), colour))?;
    }
    Ok(())
}
