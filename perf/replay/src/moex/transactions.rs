//! Rows to transactions: what to send, and what the exchange says came of it.
//!
//!   rows --> [`Transaction`] { steps: requests } + { deals, killed: the exchange's own outcome }
//!
//! Invariants: what is expected comes from the rows alone, and is only ever compared with reports. A cancel names an
//! order that the file added before. A deal has two sides that agree on price and amount.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use tidegate_domain::Side;

use super::rows::{LogRow, RowKind};
use crate::error::ReplayError;
use crate::input::wrong;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) line: u64,
    pub(crate) request: StepRequest,
}

/// What a request is for. Orders are the file's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepRequest {
    /// A new order.
    Add { order: u64, side: Side, price: i64, amount: u64, is_ioc: bool, is_snapshot: bool },
    /// A cancel, with what should be left of the order by then.
    Cancel { order: u64, amount: u64 },
    /// A reduce, with what should be left of the order after it.
    Reduce { order: u64, by: u64, rest: u64 },
    /// A cancel-all, with how many orders should rest by then.
    Clear { orders: u64 },
}

/// One side of a deal, in the file's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DealSide {
    pub(crate) order: u64,
    pub(crate) rest: u64,
}

/// A deal; the side with the smaller order number first, so that it does not matter who is named first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deal {
    pub(crate) price: i64,
    pub(crate) amount: u64,
    pub(crate) sides: [DealSide; 2],
}

impl Deal {
    pub(crate) fn new(price: i64, amount: u64, mut sides: [DealSide; 2]) -> Self {
        sides.sort_unstable();
        Self { price, amount, sides }
    }
}

/// The remainder of an immediate-or-cancel order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Killed {
    pub(crate) order: u64,
    pub(crate) amount: u64,
}

/// What came of a transaction, by the exchange or by the reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) deals: Vec<Deal>,
    pub(crate) killed: Vec<Killed>,
}

/// The rows up to one with `TxEnd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub(crate) line: u64,
    pub(crate) steps: Vec<Step>,
    pub(crate) outcome: Outcome,
}

/// Cuts rows into transactions.
pub(crate) fn transactions(path: &Path, rows: &[LogRow]) -> Result<Vec<Transaction>, ReplayError> {
    let mut cutter = Cutter { path, rests: BTreeMap::new(), half_deals: Vec::new() };
    let mut made = Vec::new();
    let mut is_first = true;
    for rows in rows.split_inclusive(|row| row.ends_transaction) {
        let mut transaction = Transaction { line: rows[0].line, steps: Vec::new(), outcome: Outcome::default() };
        for row in rows {
            cutter.take(row, is_first, &mut transaction)?;
            is_first = false;
        }
        if let Some((deal, half)) = cutter.half_deals.first() {
            return Err(cutter.wrong(half, "deal_id", *deal, "a second side in the same transaction"));
        }
        made.push(transaction);
    }
    Ok(made)
}

struct Cutter<'a> {
    path: &'a Path,
    /// What is left of each order, as far as the rows say; orders that are gone stay, with 0.
    rests: BTreeMap<u64, u64>,
    /// Deals of this transaction with one side so far.
    half_deals: Vec<(u64, LogRow)>,
}

impl Cutter<'_> {
    fn take(&mut self, row: &LogRow, is_first: bool, to: &mut Transaction) -> Result<(), ReplayError> {
        if row.begins_session && !is_first {
            let orders = self.rests.values().filter(|rest| **rest > 0).count() as u64;
            self.rests.clear();
            to.steps.push(Step { line: row.line, request: StepRequest::Clear { orders } });
        }
        let request = match row.kind {
            RowKind::SnapshotAdd => self.add(row, false, true)?,
            RowKind::Add { is_ioc } => self.add(row, is_ioc, false)?,
            RowKind::SnapshotFill => self.reduce(row)?,
            RowKind::Cancel => {
                *self.known(row)? = 0;
                StepRequest::Cancel { order: row.order, amount: row.amount }
            }
            RowKind::Fill { deal, price } => return self.fill(row, deal, price, &mut to.outcome),
            RowKind::Killed => {
                *self.known(row)? = 0;
                to.outcome.killed.push(Killed { order: row.order, amount: row.amount });
                return Ok(());
            }
        };
        to.steps.push(Step { line: row.line, request });
        Ok(())
    }

    fn add(&mut self, row: &LogRow, is_ioc: bool, is_snapshot: bool) -> Result<StepRequest, ReplayError> {
        if self.rests.insert(row.order, row.amount).is_some() {
            return Err(self.wrong(row, "order_id", row.order, "a new order to have a number of its own"));
        }
        let LogRow { order, side, price, amount, .. } = *row;
        Ok(StepRequest::Add { order, side, price, amount, is_ioc, is_snapshot })
    }

    fn reduce(&mut self, row: &LogRow) -> Result<StepRequest, ReplayError> {
        let rest = self.known(row)?;
        let by = rest.checked_sub(row.rest).filter(|by| *by > 0);
        *rest = row.rest;
        let expected = "less than what was left of the order before";
        let by = by.ok_or_else(|| self.wrong(row, "amount_rest", row.rest, expected))?;
        Ok(StepRequest::Reduce { order: row.order, by, rest: row.rest })
    }

    fn fill(&mut self, row: &LogRow, deal: u64, price: i64, to: &mut Outcome) -> Result<(), ReplayError> {
        *self.known(row)? = row.rest;
        let side = |row: &LogRow| DealSide { order: row.order, rest: row.rest };
        let Some(at) = self.half_deals.iter().position(|(half, _)| *half == deal) else {
            self.half_deals.push((deal, *row));
            return Ok(());
        };
        let (_, other) = self.half_deals.remove(at);
        if other.kind != row.kind {
            return Err(self.wrong(row, "deal_price_ticks", price, "the price of the deal's other side"));
        }
        if other.amount != row.amount {
            return Err(self.wrong(row, "amount", row.amount, "the amount of the deal's other side"));
        }
        to.deals.push(Deal::new(price, row.amount, [side(&other), side(row)]));
        Ok(())
    }

    /// What is left of the row's order.
    fn known(&mut self, row: &LogRow) -> Result<&mut u64, ReplayError> {
        let expected = "the number of an order that the file added before in this session";
        let path = self.path;
        let rest = self.rests.get_mut(&row.order);
        rest.ok_or_else(|| wrong(path, row.line, "order_id", &row.order.to_string(), expected))
    }

    fn wrong(&self, row: &LogRow, column: &str, value: impl Display, expected: &str) -> ReplayError {
        wrong(self.path, row.line, column, &value.to_string(), expected)
    }
}
