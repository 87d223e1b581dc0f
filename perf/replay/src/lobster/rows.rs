//! Rows of LOBSTER files: messages, and order books by level.
//!
//!   message line --> [`Message`]      book line --> [`BookRow`], or only its best [`Quote`]s
//!
//! Invariants: prices are whole numbers in the file's own unit, dollars times 10,000; an empty level is `None`.

use std::path::Path;

use tidegate_domain::Side;

use crate::error::ReplayError;
use crate::input::{CsvReader, Row};

const MESSAGE_COLUMNS: [&str; 6] = ["time", "type", "order id", "size", "price", "direction"];
const LEVEL_COLUMNS: [&str; 4] = ["ask price", "ask size", "bid price", "bid size"];
/// What a level holds instead of a price where the book ends; negative on the bid side.
const NO_PRICE: i64 = 9_999_999_999;

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// A new limit order.
    New,
    /// Some of an order was cancelled.
    Reduce,
    /// All of it.
    Cancel,
    /// A resting order was executed.
    Execute,
    /// An order that nobody saw was executed: no change of the book.
    ExecuteHidden,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: MessageKind,
    pub(crate) order: i64,
    pub(crate) size: u64,
    pub(crate) price: i64,
    /// Side of the order; for executions, of the resting one.
    pub(crate) side: Side,
}

/// Price and size.
pub(crate) type Quote = Option<(i64, u64)>;

/// Best ask and best bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Best {
    pub(crate) ask: Quote,
    pub(crate) bid: Quote,
}

/// The levels of one row, asks and bids, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BookRow {
    pub(crate) asks: Vec<(i64, u64)>,
    pub(crate) bids: Vec<(i64, u64)>,
}

/// All messages of a file.
pub(crate) fn messages(path: &Path) -> Result<Vec<Message>, ReplayError> {
    let mut file = CsvReader::open(path)?;
    let mut messages = Vec::new();
    while let Some(row) = file.next_row()? {
        messages.push(message(&row)?);
    }
    if messages.is_empty() {
        return Err(file.wrong_at_end("the file", "empty", format!("rows of {}", MESSAGE_COLUMNS.join(","))));
    }
    Ok(messages)
}

fn message(row: &Row<'_>) -> Result<Message, ReplayError> {
    row.expect_columns(&MESSAGE_COLUMNS)?;
    let time = row.text(0);
    // The replay does not use the time, but a row without one is no message.
    if time.is_empty() || !time.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(row.wrong("time", time, "seconds after midnight"));
    }
    let kind = match row.text(1) {
        "1" => MessageKind::New,
        "2" => MessageKind::Reduce,
        "3" => MessageKind::Cancel,
        "4" => MessageKind::Execute,
        "5" => MessageKind::ExecuteHidden,
        other => {
            let known =
                "1 new, 2 reduce, 3 cancel, 4 execution or 5 hidden execution; crosses and halts are not replayed";
            return Err(row.wrong("type", other, known));
        }
    };
    let side = match row.text(5) {
        "1" => Side::Buy,
        "-1" => Side::Sell,
        other => return Err(row.wrong("direction", other, "1 (buy) or -1 (sell)")),
    };
    // Hidden orders have the number 0.
    let order_min = i64::from(kind != MessageKind::ExecuteHidden);
    Ok(Message {
        kind,
        order: row.number(2, "order id", order_min..=i64::MAX)?,
        size: row.number(3, "size", 1..=u64::MAX >> 1)?,
        price: row.number(4, "price", 1..=NO_PRICE - 1)?,
        side,
    })
}

/// The first row of an order book file.
pub(crate) fn first_book_row(path: &Path) -> Result<BookRow, ReplayError> {
    let mut file = CsvReader::open(path)?;
    let Some(row) = file.next_row()? else {
        return Err(file.wrong_at_end("the file", "empty", "an order book after the first message"));
    };
    expect_levels(&row)?;
    let mut book = BookRow::default();
    for level in 0..row.len() / LEVEL_COLUMNS.len() {
        book.asks.extend(quote(&row, level, Side::Sell)?);
        book.bids.extend(quote(&row, level, Side::Buy)?);
    }
    Ok(book)
}

/// Best ask and bid of every row of an order book file, at most one row for each of `messages_max` messages.
pub(crate) fn best_rows(path: &Path, messages_max: usize) -> Result<Vec<Best>, ReplayError> {
    let mut file = CsvReader::open(path)?;
    let mut rows = Vec::new();
    while let Some(row) = file.next_row()? {
        expect_levels(&row)?;
        if rows.len() == messages_max {
            let expected = format!("the end of the file: there are {messages_max} messages");
            return Err(row.wrong("the row", row.text(0), expected));
        }
        rows.push(Best { ask: quote(&row, 0, Side::Sell)?, bid: quote(&row, 0, Side::Buy)? });
    }
    Ok(rows)
}

fn expect_levels(row: &Row<'_>) -> Result<(), ReplayError> {
    if row.len().is_multiple_of(LEVEL_COLUMNS.len()) {
        return Ok(());
    }
    let found = format!("{} columns", row.len());
    Err(row.wrong("the row", &found, format!("levels of {}", LEVEL_COLUMNS.join(","))))
}

fn quote(row: &Row<'_>, level: usize, side: Side) -> Result<Quote, ReplayError> {
    let column = LEVEL_COLUMNS.len() * level + if side == Side::Sell { 0 } else { 2 };
    let names = if side == Side::Sell { &LEVEL_COLUMNS[..2] } else { &LEVEL_COLUMNS[2..] };
    let price: i64 = row.number(column, names[0], -NO_PRICE..=NO_PRICE)?;
    let size: u64 = row.number(column + 1, names[1], 0..=u64::MAX >> 1)?;
    Ok((price > 0 && price < NO_PRICE && size > 0).then_some((price, size)))
}
