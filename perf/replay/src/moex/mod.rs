//! MOEX: a full order log of the exchange, its inputs sent again, its outputs compared one by one.
//!
//!   ordlog.csv[.xz] --> rows --> transactions --> requests --> .. --> reports --> judge --> [`MoexReport`]
//!
//! A new order marked `Quote` is a limit order, `Counter` an immediate-or-cancel one; a `Moved` pair is a cancel and a
//! new order; the snapshot's part-filled order is added whole and reduced; a second `NewSess` cancels everything. `Fill`
//! rows and removals of a `Counter` are never sent: they are what the reports must say.
//!
//! Invariants: see `transactions` and `judge`. Owning thread: the caller's.

mod judge;
mod rows;
mod transactions;

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;
use tidegate_client::Client;
use tidegate_domain::{CancelFilter, MarketId, OrderTarget, Price, Qty, RequestNumber, TimeInForce};
use tidegate_wire::{OrderAction, Report};

use crate::answers::Answers;
use crate::drive::{Latency, Timing, drive};
use crate::error::ReplayError;
use crate::flow::Flow;
use crate::progress::Progress;
use judge::{Expected, Judge};
use transactions::{Step, StepRequest, Transaction, transactions};

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MoexReport {
    /// Transactions with deals, by the exchange or by the engine.
    pub matching_transactions: u64,
    /// Those with the same deals in the same order.
    pub matching_transactions_equal: u64,
    /// Deals.
    pub deals: u64,
    /// Those with the same two orders, price, amount and rests.
    pub deals_equal: u64,
    /// Cancels, the first halves of moves included.
    pub cancels: u64,
    /// Those that took the same amount off the same order.
    pub cancels_equal: u64,
    /// Killed remainders of immediate-or-cancel orders, by the exchange or by the engine.
    pub ioc_remainders: u64,
    /// Those of the same order and amount.
    pub ioc_remainders_equal: u64,
    /// Requests that were sent: news, cancels, reduces.
    pub orders_sent: u64,
    /// Orders that rested before the log begins.
    pub snapshot_orders: u64,
    /// Orders that the second session's begin took away.
    pub session_cleared: u64,
    /// From the first request to the last report.
    pub seconds: f64,
    /// Requests over seconds.
    pub orders_per_second: f64,
    /// See [`Latency`].
    pub ack_latency_us: Latency,
    /// The first thing that came out differently, in words.
    pub first_difference: Option<String>,
}

impl MoexReport {
    /// Whether everything came out as on the exchange, the opening and the clearing of the book included.
    #[must_use]
    pub const fn all_equal(&self) -> bool {
        self.matching_transactions == self.matching_transactions_equal
            && self.deals == self.deals_equal
            && self.cancels == self.cancels_equal
            && self.ioc_remainders == self.ioc_remainders_equal
            && self.first_difference.is_none()
    }
}

/// Sends an order log through a client that is logged on, into a market whose book is empty, and compares.
///
/// # Errors
/// [`ReplayError`]: a file that cannot be understood, before anything was sent; a session that ends.
pub async fn replay(
    client: &mut Client,
    market: MarketId,
    file: &Path,
    progress: &Progress,
) -> Result<MoexReport, ReplayError> {
    let mut flow = MoexFlow::open(file, market)?;
    let timing = drive(client, &mut flow, "transactions", progress).await?;
    Ok(flow.into_report(&timing))
}

/// An order log as a [`Flow`].
#[derive(Debug)]
pub struct MoexFlow {
    market: MarketId,
    transactions: std::vec::IntoIter<Transaction>,
    total: u64,
    /// The rest of the transaction that is being sent.
    steps: std::vec::IntoIter<Step>,
    /// What must come of it, once it was sent.
    expected: Option<Expected>,
    /// What was given out and waits for its number.
    sending: Option<Step>,
    /// Under which number each order of the file was created.
    requests: HashMap<u64, RequestNumber>,
    answers: Answers<Step, Expected>,
    judge: Judge,
}

impl MoexFlow {
    /// Reads and understands a whole file.
    ///
    /// # Errors
    /// [`ReplayError::File`] and [`ReplayError::Input`].
    pub fn open(file: &Path, market: MarketId) -> Result<Self, ReplayError> {
        let transactions = transactions(file, &rows::read(file)?)?;
        Ok(Self {
            market,
            total: transactions.len() as u64,
            transactions: transactions.into_iter(),
            steps: Vec::new().into_iter(),
            expected: None,
            sending: None,
            requests: HashMap::new(),
            answers: Answers::new(),
            judge: Judge::default(),
        })
    }

    /// The figures, as far as the reports go.
    #[must_use]
    pub fn into_report(self, timing: &Timing) -> MoexReport {
        let verdicts = self.judge.verdicts().clone();
        MoexReport {
            matching_transactions: verdicts.matching_transactions,
            matching_transactions_equal: verdicts.matching_transactions_equal,
            deals: verdicts.deals,
            deals_equal: verdicts.deals_equal,
            cancels: verdicts.cancels,
            cancels_equal: verdicts.cancels_equal,
            ioc_remainders: verdicts.ioc_remainders,
            ioc_remainders_equal: verdicts.ioc_remainders_equal,
            orders_sent: timing.orders_sent,
            snapshot_orders: verdicts.snapshot_orders,
            session_cleared: verdicts.session_cleared,
            seconds: timing.seconds,
            orders_per_second: timing.orders_per_second(),
            ack_latency_us: timing.ack_latency_us,
            first_difference: verdicts.first_difference,
        }
    }

    fn action(&self, request: StepRequest) -> OrderAction {
        // `transactions` lets no row name an order that was not added before, and what was given out was sent.
        let target = |order| OrderTarget::Request(*self.requests.get(&order).expect("the order was sent before"));
        match request {
            StepRequest::Add { side, price, amount, is_ioc, .. } => {
                let time_in_force = if is_ioc { TimeInForce::Ioc } else { TimeInForce::Gtc };
                let (price, qty) = (Price::from_ticks(price), Qty::from_lots(amount));
                OrderAction::limit(self.market, side, time_in_force, price, qty)
            }
            StepRequest::Cancel { order, .. } => OrderAction::Cancel { target: target(order) },
            StepRequest::Reduce { order, by, .. } => {
                OrderAction::Reduce { target: target(order), by: Qty::from_lots(by) }
            }
            StepRequest::Clear { .. } => OrderAction::CancelAll(CancelFilter::in_market(Some(self.market))),
        }
    }

    fn judge_what_ended(&mut self) {
        while let Some(expected) = self.answers.pop_mark() {
            self.judge.on_end(&expected);
        }
    }
}

impl Flow for MoexFlow {
    fn next_action(&mut self) -> Option<OrderAction> {
        assert!(self.sending.is_none(), "the action before was not sent");
        loop {
            if let Some(step) = self.steps.next() {
                self.sending = Some(step);
                return Some(self.action(step.request));
            }
            if let Some(expected) = self.expected.take() {
                self.answers.push_mark(expected);
                self.judge_what_ended();
            }
            let transaction = self.transactions.next()?;
            self.steps = transaction.steps.into_iter();
            self.expected = Some(Expected { line: transaction.line, outcome: transaction.outcome });
        }
    }

    fn on_sent(&mut self, request: RequestNumber) {
        let step = self.sending.take().expect("only what next_action gave out is sent");
        if let StepRequest::Add { order, .. } = step.request {
            self.requests.insert(order, request);
        }
        self.answers.push_request(request, step);
    }

    fn on_report(&mut self, report: &Report) -> Result<(), ReplayError> {
        if let Some(step) = self.answers.owner(report)? {
            self.judge.on_report(step, report);
            self.answers.close(report);
            self.judge_what_ended();
        }
        Ok(())
    }

    fn waiting(&self) -> usize {
        self.answers.requests()
    }

    fn steps_done(&self) -> u64 {
        self.total - self.transactions.len() as u64
    }

    fn steps_total(&self) -> u64 {
        self.total
    }
}
