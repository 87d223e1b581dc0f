//! What should rest and what was traded, by the reports: so that a fast answer is also a right one.
//!
//! ```text
//!   reports of a key --> [`Orders`] --compare--> what the node says when it is asked for every open order
//!   fills of all keys --> [`Trades`]: every taker's fill has its maker's, with the same price and quantity
//! ```
//!
//! Invariants: no I/O. Whatever does not fit is counted and the first one described; nothing is corrected silently.
//! Owning thread: the caller's.

use std::collections::HashMap;

use tidegate_domain::{Liquidity, OrderId, OrderStatus, Price, Qty, Side};
use tidegate_wire::{FillReport, Report, ReportBody};
use xxhash_rust::xxh3::xxh3_64;

/// An order that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resting {
    side: Side,
    price: Price,
    leaves: Qty,
}

/// Open orders of one key, by its reports.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    open: HashMap<OrderId, Resting>,
    contradictions: u64,
    first: Option<String>,
}

impl Orders {
    /// Takes a report, in the order of the session.
    pub fn note(&mut self, report: &Report) {
        match report.body {
            ReportBody::OrderAccepted { order, side, price, qty, .. } => {
                let before = self.open.insert(order, Resting { side, price, leaves: qty });
                self.expect(before.is_none(), || format!("order {} was accepted twice", order.raw()));
            }
            ReportBody::Fill(fill) => self.change(fill.order, fill.leaves, |was| {
                was.side == fill.side && was.leaves.lots() == fill.leaves.lots() + fill.qty.lots()
            }),
            ReportBody::OrderReduced { order, by, leaves, price, .. } => {
                self.change(order, leaves, |was| was.price == price && was.leaves.lots() == leaves.lots() + by.lots())
            }
            ReportBody::OrderCancelled { order, side, cancelled, .. } => {
                self.change(order, Qty::from_lots(0), |was| was.side == side && was.leaves == cancelled);
            }
            ReportBody::OrderReplaced { order, side, price, leaves, .. } => {
                let found = self.open.insert(order, Resting { side, price, leaves });
                self.expect(found.is_some_and(|was| was.side == side), || {
                    format!("order {} was replaced and is not open", order.raw())
                });
            }
            _ => {}
        }
    }

    fn change(&mut self, order: OrderId, leaves: Qty, fits: impl FnOnce(&Resting) -> bool) {
        let found = self.open.get_mut(&order);
        let is_right = found.as_deref().is_some_and(fits);
        if let Some(resting) = found {
            resting.leaves = leaves;
        }
        if leaves.is_zero() {
            self.open.remove(&order);
        }
        self.expect(is_right, || format!("a report of order {} does not follow from those before", order.raw()));
    }

    fn expect(&mut self, is_right: bool, what: impl FnOnce() -> String) {
        if !is_right {
            self.contradictions += 1;
            self.first.get_or_insert_with(what);
        }
    }

    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The first report that did not follow from those before, if there was one, and how many there were.
    #[must_use]
    pub fn contradiction(&self) -> Option<(&str, u64)> {
        self.first.as_deref().map(|first| (first, self.contradictions))
    }

    /// The first difference from what the node says is open, if there is one.
    #[must_use]
    pub fn difference(&self, found: &[OrderStatus]) -> Option<String> {
        for status in found {
            let Some(mine) = self.open.get(&status.order) else {
                return Some(format!("order {} is open, its reports say it is not", status.order.raw()));
            };
            let theirs = Resting { side: status.side, price: status.price, leaves: status.leaves };
            if *mine != theirs {
                return Some(format!("order {} is {theirs:?}, by its reports {mine:?}", status.order.raw()));
            }
        }
        (found.len() != self.open.len())
            .then(|| format!("{} orders are open, by their reports {}", found.len(), self.open.len()))
    }
}

/// Sums over both sides of all trades, which are equal when each has both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trades {
    taken: u64,
    made: u64,
    taken_sum: u64,
    made_sum: u64,
}

impl Trades {
    /// Takes a report of whatever key.
    pub fn note(&mut self, report: &Report) {
        let ReportBody::Fill(FillReport { order, counter_order, liquidity, price, qty, .. }) = report.body else {
            return;
        };
        // A trade is its command and the place of the taker's fill in it; the maker's is the next one.
        let (taker, maker, index) = match liquidity {
            Liquidity::Taker => (order, counter_order, Some(report.index)),
            Liquidity::Maker => (counter_order, order, report.index.checked_sub(1)),
        };
        let fields = [
            report.sequence.raw(),
            index.map_or(u64::MAX, u64::from),
            taker.raw(),
            maker.raw(),
            price.ticks().cast_unsigned(),
            qty.lots(),
        ];
        let mut bytes = [0; 48];
        for (place, field) in bytes.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        let hash = xxh3_64(&bytes);
        match liquidity {
            Liquidity::Taker => (self.taken, self.taken_sum) = (self.taken + 1, self.taken_sum.wrapping_add(hash)),
            Liquidity::Maker => (self.made, self.made_sum) = (self.made + 1, self.made_sum.wrapping_add(hash)),
        }
    }

    /// How many, by the takers.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.taken
    }

    /// Whether every trade has both of its sides, with the same orders, price and quantity.
    #[must_use]
    pub const fn are_paired(&self) -> bool {
        self.taken == self.made && self.taken_sum == self.made_sum
    }
}

#[cfg(test)]
mod tests;
