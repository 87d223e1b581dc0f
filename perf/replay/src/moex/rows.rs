//! Rows of a full order log: the columns, the flags, and what a row means.
//!
//!   line --flags--> [`RowKind`]: an input of the exchange (added, removed, snapshot), or an output of its (fill, killed)
//!
//! Invariants: a flag that is not known is refused, because it could change the meaning of the row.

use std::path::Path;

use tidegate_domain::Side;

use crate::error::ReplayError;
use crate::input::{CsvReader, Row};

pub(crate) const COLUMNS: [&str; 10] = [
    "time_msk",
    "order_id",
    "flags_hex",
    "flags",
    "price_ticks",
    "amount",
    "amount_rest",
    "deal_id",
    "deal_price_ticks",
    "open_interest",
];

/// The known flags, in the order of the bits of [`Flags`].
const FLAGS: [&str; 12] =
    ["NewSess", "Add", "Fill", "Buy", "Sell", "Snap", "Quote", "Counter", "TxEnd", "Moved", "Canceled", "CancGrp"];

const NEW_SESSION: Flags = Flags(1);
const ADD: Flags = Flags(1 << 1);
const FILL: Flags = Flags(1 << 2);
const BUY: Flags = Flags(1 << 3);
const SELL: Flags = Flags(1 << 4);
const SNAPSHOT: Flags = Flags(1 << 5);
const QUOTE: Flags = Flags(1 << 6);
const COUNTER: Flags = Flags(1 << 7);
const TRANSACTION_END: Flags = Flags(1 << 8);
/// Moved, cancelled, or cancelled with a group: somebody asked for the removal.
const ASKED_FOR: Flags = Flags(1 << 9 | 1 << 10 | 1 << 11);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Flags(u16);

impl Flags {
    const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }
}

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowKind {
    /// An order that rested before the log begins.
    SnapshotAdd,
    /// A fill of such an order before the log begins.
    SnapshotFill,
    /// A new order: good till cancelled, or immediate or cancel.
    Add {
        /// Whether it never rests.
        is_ioc: bool,
    },
    /// Output: one side of a deal.
    Fill {
        /// The exchange's number of the deal.
        deal: u64,
        /// Its price.
        price: i64,
    },
    /// A resting order leaves: cancelled, or the first half of a move.
    Cancel,
    /// Output: the remainder of an immediate-or-cancel order was killed.
    Killed,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogRow {
    pub(crate) line: u64,
    pub(crate) order: u64,
    pub(crate) kind: RowKind,
    pub(crate) side: Side,
    pub(crate) price: i64,
    pub(crate) amount: u64,
    pub(crate) rest: u64,
    pub(crate) begins_session: bool,
    pub(crate) ends_transaction: bool,
}

/// All rows of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<LogRow>, ReplayError> {
    let mut file = CsvReader::open(path)?;
    match file.next_row()? {
        Some(header) => check_header(&header)?,
        None => return Err(file.wrong_at_end("the file", "empty", format!("the header {}", COLUMNS.join(",")))),
    }
    let mut rows = Vec::new();
    while let Some(row) = file.next_row()? {
        rows.push(parse(&row)?);
    }
    match rows.last() {
        Some(last) if last.ends_transaction => Ok(rows),
        Some(_) => Err(file.wrong_at_end("flags", "no TxEnd", "TxEnd in the last row; the file was cut off")),
        None => Err(file.wrong_at_end("the file", "nothing but a header", "rows")),
    }
}

fn check_header(header: &Row<'_>) -> Result<(), ReplayError> {
    header.expect_columns(&COLUMNS)?;
    match COLUMNS.iter().enumerate().find(|(column, name)| header.text(*column) != **name) {
        Some((column, name)) => {
            Err(header.wrong(&format!("column {}", column + 1), header.text(column), format!("`{name}`")))
        }
        None => Ok(()),
    }
}

fn parse(row: &Row<'_>) -> Result<LogRow, ReplayError> {
    row.expect_columns(&COLUMNS)?;
    let flags = parse_flags(row)?;
    let side = match (flags.any(BUY), flags.any(SELL)) {
        (true, false) => Side::Buy,
        (false, true) => Side::Sell,
        _ => return Err(row.wrong("flags", row.text(3), "exactly one of Buy and Sell")),
    };
    Ok(LogRow {
        line: row.line,
        order: row.number(1, "order_id", 1..=u64::MAX)?,
        kind: kind_of(row, flags)?,
        side,
        price: row.number(4, "price_ticks", 1..=i64::MAX)?,
        amount: row.number(5, "amount", 1..=u64::MAX)?,
        rest: row.number(6, "amount_rest", 0..=u64::MAX)?,
        begins_session: flags.any(NEW_SESSION),
        ends_transaction: flags.any(TRANSACTION_END),
    })
}

fn parse_flags(row: &Row<'_>) -> Result<Flags, ReplayError> {
    let mut bits = 0;
    for name in row.text(3).split('|') {
        match FLAGS.iter().position(|known| *known == name) {
            Some(bit) => bits |= 1 << bit,
            None => return Err(row.wrong("flags", name, format!("flags out of {}", FLAGS.join("|")))),
        }
    }
    Ok(Flags(bits))
}

fn kind_of(row: &Row<'_>, flags: Flags) -> Result<RowKind, ReplayError> {
    match (flags.any(ADD), flags.any(FILL), flags.any(SNAPSHOT)) {
        (true, false, true) => Ok(RowKind::SnapshotAdd),
        (false, true, true) => Ok(RowKind::SnapshotFill),
        (true, false, false) if flags.any(QUOTE) != flags.any(COUNTER) => {
            Ok(RowKind::Add { is_ioc: flags.any(COUNTER) })
        }
        (false, true, false) => Ok(RowKind::Fill {
            deal: row.number(7, "deal_id", 1..=u64::MAX)?,
            price: row.number(8, "deal_price_ticks", 1..=i64::MAX)?,
        }),
        (false, false, false) if flags.any(ASKED_FOR) => Ok(RowKind::Cancel),
        (false, false, false) if flags.any(COUNTER) => Ok(RowKind::Killed),
        _ => Err(row.wrong(
            "flags",
            row.text(3),
            "Add with one of Quote and Counter, Fill, Add or Fill of a Snap, or a removal that is Moved, Canceled, \
             CancGrp or of a Counter",
        )),
    }
}
