//! Reports to verdicts: does the engine's outcome of every request equal the exchange's?
//!
//!   report + what was asked --> deals, killed, cancels --end of the transaction--> figures, the first difference
//!
//! Invariants: what came of a request is taken from reports only. A deal counts when both sides' reports agree with each
//! other and with the exchange's two rows: orders, price, amount, and what is left of each.

use std::collections::HashMap;
use std::fmt::Write as _;

use tidegate_domain::{CancelReason, Liquidity, OrderId, Qty};
use tidegate_wire::{FillReport, Report, ReportBody};

use super::transactions::{Deal, DealSide, Killed, Outcome, Step, StepRequest};

/// What must come of a transaction.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) line: u64,
    pub(crate) outcome: Outcome,
}

/// The figures, as far as the reports go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) matching_transactions: u64,
    pub(crate) matching_transactions_equal: u64,
    pub(crate) deals: u64,
    pub(crate) deals_equal: u64,
    pub(crate) cancels: u64,
    pub(crate) cancels_equal: u64,
    pub(crate) ioc_remainders: u64,
    pub(crate) ioc_remainders_equal: u64,
    pub(crate) snapshot_orders: u64,
    pub(crate) session_cleared: u64,
    pub(crate) first_difference: Option<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    verdicts: Verdicts,
    /// The engine's orders by their numbers in the file.
    orders: HashMap<OrderId, u64>,
    /// What the reports of this transaction say so far.
    seen: Outcome,
    /// A taker's fill whose maker's comes next.
    half: Option<FillReport>,
    /// Orders that the running cancel-all has cancelled.
    clearing: u64,
}

impl Judge {
    pub(crate) const fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    pub(crate) fn on_report(&mut self, step: Step, report: &Report) {
        let outcome = match (step.request, report.body) {
            (StepRequest::Add { order, is_snapshot, .. }, ReportBody::OrderAccepted { order: id, .. }) => {
                self.orders.insert(id, order);
                self.verdicts.snapshot_orders += u64::from(is_snapshot);
                Ok(())
            }
            (StepRequest::Add { .. }, ReportBody::Fill(fill)) => self.on_fill(&fill),
            (
                StepRequest::Add { is_ioc: true, .. },
                ReportBody::OrderCancelled { order, cancelled, reason: CancelReason::ImmediateOrCancel, .. },
            ) => self.on_killed(order, cancelled),
            (StepRequest::Cancel { order, amount }, body) => self.on_cancelled(order, amount, body),
            (StepRequest::Reduce { order, rest, .. }, body) => self.on_reduced(order, rest, body),
            (StepRequest::Clear { orders }, body) => self.on_cleared(orders, body),
            (_, body) => Err(format!("the report {body:?} was not expected")),
        };
        if let Err(difference) = outcome {
            self.differs(step.line, &difference);
        }
    }

    fn name(&self, order: OrderId) -> Result<u64, String> {
        self.orders.get(&order).copied().ok_or_else(|| format!("the engine's order {order} is none of the file's"))
    }

    fn on_fill(&mut self, fill: &FillReport) -> Result<(), String> {
        let Some(taker) = self.half.take() else {
            if fill.liquidity != Liquidity::Taker {
                return Err(format!("the maker's fill {fill:?} came without the taker's"));
            }
            self.half = Some(*fill);
            return Ok(());
        };
        let terms = |fill: &FillReport| (fill.price, fill.qty);
        let is_pair = fill.liquidity == Liquidity::Maker
            && fill.side == taker.side.opposite()
            && (fill.order, fill.counter_order) == (taker.counter_order, taker.order)
            && terms(fill) == terms(&taker);
        if !is_pair {
            return Err(format!("the reports of one deal's two sides disagree: {taker:?} and {fill:?}"));
        }
        let maker = DealSide { order: self.name(fill.order)?, rest: fill.leaves.lots() };
        let taker = DealSide { order: self.name(taker.order)?, rest: taker.leaves.lots() };
        self.seen.deals.push(Deal::new(fill.price.ticks(), fill.qty.lots(), [maker, taker]));
        Ok(())
    }

    fn on_killed(&mut self, order: OrderId, cancelled: Qty) -> Result<(), String> {
        self.seen.killed.push(Killed { order: self.name(order)?, amount: cancelled.lots() });
        Ok(())
    }

    fn on_cancelled(&mut self, order: u64, amount: u64, body: ReportBody) -> Result<(), String> {
        self.verdicts.cancels += 1;
        let ReportBody::OrderCancelled { order: id, cancelled, reason: CancelReason::Requested, .. } = body else {
            return Err(format!("cancel of order {order} with {amount} left: the report is {body:?}"));
        };
        let (name, cancelled) = (self.name(id)?, cancelled.lots());
        if (name, cancelled) != (order, amount) {
            return Err(format!("cancel of order {order} with {amount} left took {cancelled} off order {name}"));
        }
        self.verdicts.cancels_equal += 1;
        Ok(())
    }

    fn on_reduced(&self, order: u64, rest: u64, body: ReportBody) -> Result<(), String> {
        let (id, leaves) = match body {
            ReportBody::OrderReduced { order, leaves, .. } => (order, leaves.lots()),
            ReportBody::OrderCancelled { order, reason: CancelReason::ReducedToZero, .. } => (order, 0),
            _ => return Err(format!("reduce of order {order} to {rest}: the report is {body:?}")),
        };
        let name = self.name(id)?;
        if (name, leaves) == (order, rest) {
            return Ok(());
        }
        Err(format!("reduce of order {order} to {rest} left {leaves} of order {name}"))
    }

    fn on_cleared(&mut self, orders: u64, body: ReportBody) -> Result<(), String> {
        match body {
            ReportBody::OrderCancelled { order, reason: CancelReason::CancelAll, .. } => {
                self.clearing += 1;
                self.name(order).map(|_| ())
            }
            ReportBody::CancelAllDone { cancelled } => {
                let told = std::mem::take(&mut self.clearing);
                self.verdicts.session_cleared += cancelled;
                if (told, cancelled) == (orders, orders) {
                    return Ok(());
                }
                Err(format!(
                    "the new session clears {orders} orders; the engine cleared {cancelled} and reported {told} of them"
                ))
            }
            _ => Err(format!("the new session clears {orders} orders: the report is {body:?}")),
        }
    }

    /// Every request of a transaction was answered in full.
    pub(crate) fn on_end(&mut self, expected: &Expected) {
        let seen = std::mem::take(&mut self.seen);
        if let Some(half) = self.half.take() {
            self.differs(expected.line, &format!("the taker's fill {half:?} came without the maker's"));
        }
        let want = &expected.outcome;
        let verdicts = &mut self.verdicts;
        if !want.deals.is_empty() || !seen.deals.is_empty() {
            verdicts.matching_transactions += 1;
            verdicts.matching_transactions_equal += u64::from(want.deals == seen.deals);
            // One too many is as wrong as one too few.
            verdicts.deals += want.deals.len().max(seen.deals.len()) as u64;
            verdicts.deals_equal +=
                want.deals.iter().zip(&seen.deals).filter(|(want, seen)| want == seen).count() as u64;
        }
        let equal = want.killed.iter().filter(|killed| seen.killed.contains(killed)).count();
        verdicts.ioc_remainders += (want.killed.len() + seen.killed.len() - equal) as u64;
        verdicts.ioc_remainders_equal += equal as u64;
        if *want != seen {
            self.differs(expected.line, &format!("the exchange has {}; the engine has {}", words(want), words(&seen)));
        }
    }

    fn differs(&mut self, line: u64, what: &str) {
        if self.verdicts.first_difference.is_none() {
            self.verdicts.first_difference = Some(format!("line {line}: {what}"));
        }
    }
}

fn words(outcome: &Outcome) -> String {
    let mut text = String::new();
    for deal in &outcome.deals {
        let Deal { price, amount, sides: [a, b] } = deal;
        let (a, b) = ((a.order, a.rest), (b.order, b.rest));
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "a deal of {amount} at {price} between orders {} ({} left) and {} ({} left), ",
            a.0, a.1, b.0, b.1
        );
    }
    for Killed { order, amount } in &outcome.killed {
        let _ = write!(text, "a killed remainder of {amount} of order {order}, ");
    }
    if text.is_empty() { "no deal and no killed remainder".to_owned() } else { text.trim_end_matches(", ").to_owned() }
}
