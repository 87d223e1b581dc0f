//! A full order log of MOEX: the exchange's own input and output. Every transaction's deals, every cancel and every killed
//! remainder is compared with the log.
//!
//! Rows up to `TxEnd` form one transaction. `Snap` is the opening book, `Add|Quote` a limit order, `Add|Counter` an IOC,
//! a removal a cancel (or, for an IOC, its killed remainder: output), `Fill` a deal, two rows each: output. The second
//! `NewSess` clears the book.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;
use tidegate_client::Client;
use tidegate_domain::{
    CancelReason, Liquidity, MarketId, OrderId, OrderTarget, OrderType, Price, Qty, RequestNumber, Side, TimeInForce,
};
use tidegate_wire::{OrderAction, Report, ReportBody};

use crate::driver::{Driver, Judge};
use crate::table::{Row, Table};
use crate::{Latency, Progress, ReplayError};

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MoexReport {
    /// Transactions with a deal in the log or in our reports.
    pub matching_transactions: u64,
    /// Of those, with the same deals in the same order.
    pub matching_transactions_equal: u64,
    /// Deals in the log.
    pub deals: u64,
    /// Of those, reported with the same orders, price and quantity.
    pub deals_equal: u64,
    /// Cancels sent.
    pub cancels: u64,
    /// Of those, reported with the log's quantity.
    pub cancels_equal: u64,
    /// Killed remainders in the log.
    pub ioc_remainders: u64,
    /// Of those, reported with the log's quantity.
    pub ioc_remainders_equal: u64,
    /// Requests sent.
    pub orders_sent: u64,
    /// Orders of the opening snapshot.
    pub snapshot_orders: u64,
    /// Orders that the second session's start cleared.
    pub session_cleared: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Requests a second.
    pub orders_per_second: u64,
    /// From submit to answer, pipelined.
    pub ack_latency_us: Latency,
    /// The first thing that differs, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<String>,
}

impl MoexReport {
    /// Whether everything came out as the exchange's own.
    #[must_use]
    pub fn all_equal(&self) -> bool {
        self.matching_transactions == self.matching_transactions_equal
            && self.deals == self.deals_equal
            && self.cancels == self.cancels_equal
            && self.ioc_remainders == self.ioc_remainders_equal
    }
}

/// A deal: the two orders' numbers in the file, the smaller first; price in ticks; quantity.
type Deal = (u64, u64, i64, u64);

/// What one request must come to.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// An order of the file.
    Order { id: u64, transaction: usize },
    /// A cancel of so much.
    Cancel { id: u64, qty: u64 },
    /// Nothing that is counted.
    Anything,
}

/// Compares reports with the log.
#[derive(Debug, Default)]
struct Comparison {
    expected: HashMap<RequestNumber, Expected>,
    /// Engine's id to the file's.
    orders: HashMap<OrderId, u64>,
    /// Deals of each transaction: the log's, ours.
    deals: Vec<(Vec<Deal>, Vec<Deal>)>,
    /// Remainders of IOC orders: the log's, ours.
    remainders: HashMap<u64, (Option<u64>, Option<u64>)>,
    outstanding: u64,
    report: MoexReport,
}

impl Comparison {
    fn differs(&mut self, what: String) {
        self.report.first_difference.get_or_insert(what);
    }

    fn note(&mut self, request: RequestNumber, expected: Expected) {
        self.outstanding += 1;
        self.expected.insert(request, expected);
    }

    /// Compares what can only be compared when all is there.
    fn conclude(mut self) -> MoexReport {
        let deals = std::mem::take(&mut self.deals);
        for (transaction, (log, ours)) in deals.iter().enumerate() {
            self.report.deals += log.len() as u64;
            self.report.deals_equal += log.iter().zip(ours).filter(|(one, other)| one == other).count() as u64;
            if !log.is_empty() || !ours.is_empty() {
                self.report.matching_transactions += 1;
                if log == ours {
                    self.report.matching_transactions_equal += 1;
                } else {
                    self.differs(format!("transaction {transaction}: the log has deals {log:?}, our reports {ours:?}"));
                }
            }
        }
        let mut remainders: Vec<_> = std::mem::take(&mut self.remainders).into_iter().collect();
        remainders.sort_unstable();
        for (id, (log, ours)) in remainders {
            self.report.ioc_remainders += u64::from(log.is_some());
            if log == ours {
                self.report.ioc_remainders_equal += 1;
            } else {
                self.differs(format!("order {id}: the log kills a remainder of {log:?}, our reports of {ours:?}"));
            }
        }
        self.report
    }
}

impl Judge for Comparison {
    fn on_report(&mut self, report: &Report) {
        match report.body {
            ReportBody::OrderAccepted { order, .. } => {
                if let Some(Expected::Order { id, .. }) = self.expected.get(&report.request) {
                    self.orders.insert(order, *id);
                }
            }
            ReportBody::Fill(fill) if fill.liquidity == Liquidity::Taker => {
                if let Some(Expected::Order { id, transaction }) = self.expected.get(&report.request).copied() {
                    let maker = self.orders.get(&fill.counter_order).copied().unwrap_or_default();
                    let deal = (maker.min(id), maker.max(id), fill.price.ticks(), fill.qty.lots());
                    self.deals[transaction].1.push(deal);
                }
            }
            ReportBody::OrderCancelled { cancelled, reason: CancelReason::ImmediateOrCancel, .. } => {
                if let Some(Expected::Order { id, .. }) = self.expected.get(&report.request) {
                    self.remainders.entry(*id).or_default().1 = Some(cancelled.lots());
                }
            }
            ReportBody::OrderCancelled { cancelled, reason: CancelReason::Requested, .. } => {
                if let Some(Expected::Cancel { id, qty }) = self.expected.get(&report.request).copied() {
                    if cancelled.lots() == qty {
                        self.report.cancels_equal += 1;
                    } else {
                        self.differs(format!("cancel of order {id}: the log takes {qty}, our report {cancelled:?}"));
                    }
                }
            }
            ReportBody::CancelAllDone { cancelled } => self.report.session_cleared += cancelled,
            ReportBody::Rejected { reason, command } => {
                self.differs(format!("request {}, a {command}, was rejected: {}", report.request, reason.sentence()));
            }
            _ => {}
        }
        // All orders are this key's, so the last report of each command is ours.
        self.outstanding -= u64::from(report.last && self.outstanding > 0);
    }

    fn is_done(&self) -> bool {
        self.outstanding == 0
    }
}

/// The columns that are used.
struct Columns {
    order: usize,
    flags: usize,
    price: usize,
    amount: usize,
    rest: usize,
    deal: usize,
    deal_price: usize,
}

/// What the plan remembers of the file's orders.
#[derive(Default)]
struct Plan {
    /// Request that created an order, and its first quantity.
    resting: HashMap<u64, (RequestNumber, u64)>,
    /// Orders that were sent as IOC.
    immediate: HashMap<u64, ()>,
    transaction: usize,
    sessions: u32,
    /// Rows of the deal that has one side so far, by the log's number.
    half_deals: HashMap<u64, (u64, i64, u64)>,
}

/// Replays a file.
///
/// # Errors
/// The file, named with line and column; the client.
pub async fn replay(
    client: &mut Client,
    market: MarketId,
    file: &Path,
    progress: &Progress,
) -> Result<MoexReport, ReplayError> {
    let table = Table::read(file, true)?;
    let names = ["order_id", "flags", "price_ticks", "amount", "amount_rest", "deal_id", "deal_price_ticks"];
    let [order, flags, price, amount, rest, deal, deal_price] = table.columns(names)?;
    let columns = Columns { order, flags, price, amount, rest, deal, deal_price };
    progress.start(table.len());
    let mut driver = Driver::new(client);
    let mut judge = Comparison::default();
    let mut plan = Plan::default();
    judge.deals.push(Default::default());
    for row in table.rows() {
        plan.row(&row, &columns, market, &mut driver, &mut judge).await?;
        if row.text(columns.flags)?.split('|').any(|flag| flag == "TxEnd") {
            plan.transaction += 1;
            judge.deals.push(Default::default());
        }
        progress.step();
    }
    driver.finish(&mut judge).await?;
    progress.finish();
    let seconds = driver.seconds();
    let mut report = judge.conclude();
    report.orders_sent = driver.sent();
    report.seconds = seconds;
    report.orders_per_second = crate::lobster::per_second(driver.sent(), seconds);
    report.ack_latency_us = driver.latency();
    Ok(report)
}

impl Plan {
    /// Sends what a row asks for, or notes what it expects.
    async fn row(
        &mut self,
        row: &Row<'_>,
        columns: &Columns,
        market: MarketId,
        driver: &mut Driver<'_>,
        judge: &mut Comparison,
    ) -> Result<(), ReplayError> {
        let flags: Vec<&str> = row.text(columns.flags)?.split('|').collect();
        let has = |flag: &str| flags.contains(&flag);
        let id: u64 = row.number(columns.order)?;
        if has("NewSess") {
            self.sessions += 1;
            if self.sessions == 2 {
                let all = OrderAction::CancelAll { market: Some(market) };
                driver.send(all, judge, |judge, request| judge.note(request, Expected::Anything)).await?;
                self.resting.clear();
            }
        }
        if has("Add") {
            return self.add(row, columns, market, &flags, id, driver, judge).await;
        }
        if has("Snap") {
            // An order of the snapshot that was part-filled before it.
            let rest: u64 = row.number(columns.rest)?;
            let (created, qty) = self.known(row, id)?;
            let by = Qty::from_lots(qty.saturating_sub(rest));
            let reduce = OrderAction::Reduce { target: OrderTarget::Request(created), by };
            driver.send(reduce, judge, |judge, request| judge.note(request, Expected::Anything)).await?;
            self.resting.insert(id, (created, rest));
            return Ok(());
        }
        let amount: u64 = row.number(columns.amount)?;
        if has("Fill") {
            let (deal, price): (u64, i64) = (row.number(columns.deal)?, row.number(columns.deal_price)?);
            match self.half_deals.remove(&deal) {
                None => {
                    self.half_deals.insert(deal, (id, price, amount));
                }
                Some((other, price, amount)) => {
                    judge.deals[self.transaction].0.push((id.min(other), id.max(other), price, amount));
                }
            }
            return Ok(());
        }
        if self.immediate.contains_key(&id) {
            judge.remainders.entry(id).or_default().0 = Some(amount);
            return Ok(());
        }
        let (created, _) = self.known(row, id)?;
        let cancel = OrderAction::Cancel { target: OrderTarget::Request(created) };
        judge.report.cancels += 1;
        driver.send(cancel, judge, |judge, request| judge.note(request, Expected::Cancel { id, qty: amount })).await?;
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one row of the file, taken apart by the caller")]
    async fn add(
        &mut self,
        row: &Row<'_>,
        columns: &Columns,
        market: MarketId,
        flags: &[&str],
        id: u64,
        driver: &mut Driver<'_>,
        judge: &mut Comparison,
    ) -> Result<(), ReplayError> {
        let side = match (flags.contains(&"Buy"), flags.contains(&"Sell")) {
            (true, false) => Side::Buy,
            (false, true) => Side::Sell,
            _ => return Err(row.fail(format!("flags {flags:?} must have one of Buy and Sell"))),
        };
        let (price, amount): (i64, u64) = (row.number(columns.price)?, row.number(columns.amount)?);
        let immediate = flags.contains(&"Counter");
        let new = OrderAction::New {
            market,
            side,
            order_type: OrderType::Limit,
            time_in_force: if immediate { TimeInForce::Ioc } else { TimeInForce::Gtc },
            post_only: false,
            price: Price::from_ticks(price),
            qty: Qty::from_lots(amount),
        };
        judge.report.snapshot_orders += u64::from(flags.contains(&"Snap"));
        let expected = Expected::Order { id, transaction: self.transaction };
        let request = driver.send(new, judge, |judge, request| judge.note(request, expected)).await?;
        if immediate {
            self.immediate.insert(id, ());
        } else {
            self.resting.insert(id, (request, amount));
        }
        Ok(())
    }

    fn known(&self, row: &Row<'_>, id: u64) -> Result<(RequestNumber, u64), ReplayError> {
        let known = self.resting.get(&id).copied();
        known.ok_or_else(|| row.fail(format!("order {id} was never added")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_domain::{AccountId, AssetAmount, Epoch, Sequence, SessionSequence, Timestamp};
    use tidegate_wire::FillReport;

    fn report(request: u64, body: ReportBody) -> Report {
        Report {
            session_sequence: SessionSequence::new(1),
            request: RequestNumber::new(request),
            sequence: Sequence::new(request),
            index: 0,
            epoch: Epoch::new(1),
            time: Timestamp::default(),
            account: AccountId::new(1),
            market: MarketId::new(1),
            degraded: false,
            last: true,
            body,
        }
    }

    fn accepted(order: u64) -> ReportBody {
        ReportBody::OrderAccepted {
            order: OrderId::new(order),
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            price: Price::from_ticks(5),
            qty: Qty::from_lots(3),
        }
    }

    fn fill(price: i64) -> ReportBody {
        ReportBody::Fill(FillReport {
            order: OrderId::new(2),
            counter_order: OrderId::new(1),
            side: Side::Buy,
            liquidity: Liquidity::Taker,
            price: Price::from_ticks(price),
            qty: Qty::from_lots(3),
            leaves: Qty::ZERO,
            fee: AssetAmount::ZERO,
        })
    }

    fn cancelled(qty: u64, reason: CancelReason) -> ReportBody {
        let (order, price) = (OrderId::new(2), Price::from_ticks(5));
        ReportBody::OrderCancelled { order, side: Side::Buy, price, cancelled: Qty::from_lots(qty), reason }
    }

    /// Two orders of the file, 71 and 72, that trade 3 at 5; then a cancel of 4, and a remainder of 2 killed.
    fn judged(price: i64, cancel: u64, remainder: u64) -> MoexReport {
        let mut judge = Comparison::default();
        judge.deals.push((vec![(71, 72, 5, 3)], Vec::new()));
        judge.remainders.insert(72, (Some(2), None));
        judge.note(RequestNumber::new(1), Expected::Order { id: 71, transaction: 0 });
        judge.note(RequestNumber::new(2), Expected::Order { id: 72, transaction: 0 });
        judge.note(RequestNumber::new(3), Expected::Cancel { id: 71, qty: 4 });
        judge.report.cancels = 1;
        judge.on_report(&report(1, accepted(1)));
        judge.on_report(&report(2, fill(price)));
        judge.on_report(&Report { last: false, ..report(2, cancelled(remainder, CancelReason::ImmediateOrCancel)) });
        assert!(!judge.is_done());
        judge.on_report(&report(3, cancelled(cancel, CancelReason::Requested)));
        assert!(judge.is_done());
        judge.conclude()
    }

    #[test]
    fn what_comes_back_as_in_the_log_is_equal() {
        assert!(judged(5, 4, 2).all_equal());
        assert_eq!(judged(5, 4, 2).first_difference, None);
    }

    #[test]
    fn another_price_quantity_or_remainder_is_counted_and_named() {
        let wrong_price = judged(6, 4, 2);
        assert_eq!((wrong_price.deals_equal, wrong_price.matching_transactions_equal), (0, 0));
        assert!(wrong_price.first_difference.is_some_and(|what| what.starts_with("transaction 0")));
        assert_eq!(judged(5, 3, 2).cancels_equal, 0);
        assert_eq!(judged(5, 4, 1).ioc_remainders_equal, 0);
    }
}
