//! The book as the reports make it, and its best bid and ask compared with the file's.
//!
//!   reports --> orders --> volume by price --after the last report of a message--> L1 row equal or not
//!
//! Invariants: nothing of the input reaches this book. A row is compared when every request of its message and of those
//! before was answered in full.

use std::collections::{BTreeMap, HashMap};

use tidegate_domain::{Liquidity, OrderId, Price, Qty, Side, TimeInForce};
use tidegate_wire::{Report, ReportBody};

use super::rows::{Best, Quote};

#[derive(Clone, Copy, Debug)]
struct Order {
    side: Side,
    price: i64,
    leaves: u64,
}

/// The book of an account's own reports.
#[derive(Debug, Default)]
struct ReportedBook {
    orders: HashMap<OrderId, Order>,
    bids: BTreeMap<i64, u64>,
    asks: BTreeMap<i64, u64>,
}

impl ReportedBook {
    fn add(&mut self, id: OrderId, side: Side, price: Price, qty: Qty) {
        let order = Order { side, price: price.ticks(), leaves: 0 };
        self.orders.insert(id, order);
        self.set(id, qty.lots());
    }

    /// An order that does not rest here never changes a level.
    fn set(&mut self, id: OrderId, leaves: u64) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        let before = std::mem::replace(&mut order.leaves, leaves);
        let Order { side, price, .. } = *order;
        let levels = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let volume = levels.entry(price).or_default();
        // What one order has is part of its level's sum.
        *volume = *volume - before + leaves;
        if *volume == 0 {
            levels.remove(&price);
        }
        if leaves == 0 {
            self.orders.remove(&id);
        }
    }

    fn best(&self) -> Best {
        let quote = |level: Option<(&i64, &u64)>| level.map(|(price, volume)| (*price, *volume));
        Best { ask: quote(self.asks.first_key_value()), bid: quote(self.bids.last_key_value()) }
    }
}

/// The figures, as far as the reports go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) trades: u64,
    pub(crate) l1_rows: u64,
    pub(crate) l1_equal: u64,
    pub(crate) rejects: u64,
    pub(crate) first_difference: Option<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    book: ReportedBook,
    verdicts: Verdicts,
}

impl Judge {
    pub(crate) const fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// `message` is the index of the message that asked; `None` for the seed.
    pub(crate) fn on_report(&mut self, message: Option<usize>, report: &Report) {
        match report.body {
            ReportBody::OrderAccepted { order, side, time_in_force: TimeInForce::Gtc, price, qty, .. } => {
                self.book.add(order, side, price, qty);
            }
            // An order that never rests is seen by what it takes.
            ReportBody::OrderAccepted { .. } | ReportBody::CancelAllDone { .. } | ReportBody::Outcome { .. } => {}
            ReportBody::Fill(fill) => {
                self.verdicts.trades += u64::from(fill.liquidity == Liquidity::Taker);
                self.book.set(fill.order, fill.leaves.lots());
            }
            ReportBody::OrderCancelled { order, .. } => self.book.set(order, 0),
            ReportBody::OrderReduced { order, leaves, .. } => self.book.set(order, leaves.lots()),
            // The recorded flow asks for none of these.
            ReportBody::OrderReplaced { .. }
            | ReportBody::OrderTriggered { .. }
            | ReportBody::OrderRefreshed { .. }
            | ReportBody::ProtectionSet { .. }
            | ReportBody::ProtectionReset { .. }
            | ReportBody::ProtectionTriggered { .. }
            | ReportBody::QuoteRejected { .. }
            | ReportBody::MassQuoteDone { .. }
            | ReportBody::OrderStatus(_)
            | ReportBody::BalanceStatus { .. }
            | ReportBody::QueryDone { .. }
            | ReportBody::CancelAllAfterSet { .. }
            | ReportBody::CancelAllAfterFired { .. } => {}
            ReportBody::Rejected { reason, command } => {
                self.verdicts.rejects += 1;
                let of = message.map_or("the opening book".to_owned(), message_name);
                self.differs(format!("{of}: {command} was rejected: {reason}: {}", reason.sentence()));
            }
        }
    }

    /// Everything up to a message was answered.
    pub(crate) fn on_message_end(&mut self, message: usize, expected: Best) {
        let seen = self.book.best();
        self.verdicts.l1_rows += 1;
        if seen == expected {
            self.verdicts.l1_equal += 1;
            return;
        }
        let words = |best: Best| format!("bid {} and ask {}", quote_words(best.bid), quote_words(best.ask));
        let difference = format!(
            "after {}: the file has {}; the engine has {}",
            message_name(message),
            words(expected),
            words(seen)
        );
        self.differs(difference);
    }

    fn differs(&mut self, what: String) {
        self.verdicts.first_difference.get_or_insert(what);
    }
}

fn message_name(message: usize) -> String {
    format!("message {} (line {})", message, message + 1)
}

fn quote_words(quote: Quote) -> String {
    quote.map_or_else(|| "none".to_owned(), |(price, size)| format!("{size} at {price}"))
}
