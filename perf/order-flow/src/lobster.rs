//! LOBSTER messages of Nasdaq: the best bid and ask, built from our reports only, are compared with the exchange's after
//! every message.
//!
//! Types: 1 new limit order, 2 reduce, 3 cancel, 4 visible execution, 5 hidden execution (changes no book). An execution
//! becomes an immediate-or-cancel order of the other side when the named order is first in line at the best price; that is
//! decided on a shadow of the exchange's book. The opening book is seeded from the first row of the 50-level file.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tidegate_client::Client;
use tidegate_domain::{
    Liquidity, MarketId, OrderId, OrderTarget, OrderType, Price, Qty, RequestNumber, Side, TimeInForce,
};
use tidegate_wire::{OrderAction, Report, ReportBody};

use crate::driver::{Driver, Judge};
use crate::table::Table;
use crate::{Latency, Progress, ReplayError};

/// Orders of the file below this number were there before it.
const FIRST_OWN_ID: i64 = 16_113_575;
/// What the exchange writes where there is no level.
const NO_ASK: i64 = 9_999_999_999;

/// The files.
#[derive(Clone, Debug)]
pub struct LobsterOptions {
    /// The messages.
    pub messages: PathBuf,
    /// Order book rows; the first seeds the opening book.
    pub seed_book: PathBuf,
    /// Best ask and bid after every message.
    pub check_l1: Option<PathBuf>,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LobsterReport {
    /// Rows of the file.
    pub messages: u64,
    /// Trades in our reports.
    pub trades: u64,
    /// Rows to compare with.
    pub l1_rows: u64,
    /// Of those, equal.
    pub l1_equal: u64,
    /// Orders of the opening book, anonymous volume included.
    pub seed_orders: u64,
    /// Orders that enter the visible book without a message.
    pub late_orders: u64,
    /// Hidden executions, which change no book.
    pub hidden_skipped: u64,
    /// Requests sent.
    pub orders_sent: u64,
    /// Requests a second.
    pub orders_per_second: u64,
    /// From submit to answer, pipelined.
    pub ack_latency_us: Latency,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Requests that the engine rejected.
    pub rejects: u64,
    /// The first row that differs, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<String>,
}

/// A rate, rounded down.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
pub(crate) fn per_second(count: u64, seconds: f64) -> u64 {
    (count as f64 / seconds.max(1e-9)) as u64
}

/// One row of the message file.
#[derive(Clone, Copy, Debug)]
struct Message {
    kind: u8,
    id: i64,
    size: u64,
    price: i64,
    side: Side,
}

/// An order that is there without a message.
#[derive(Clone, Copy, Debug)]
struct Seed {
    id: i64,
    side: Side,
    price: i64,
    size: u64,
}

fn read_messages(file: &Path) -> Result<Vec<Message>, ReplayError> {
    let table = Table::read(file, false)?;
    table
        .rows()
        .map(|row| {
            if row.width() < 6 {
                return Err(
                    row.fail(format!("has {} columns; expected: time,type,id,size,price,direction", row.width()))
                );
            }
            let side = match row.number::<i8>(5)? {
                1 => Side::Buy,
                -1 => Side::Sell,
                other => return Err(row.fail(format!("direction is {other}; expected: 1 or -1"))),
            };
            let (kind, id) = (row.number(1)?, row.number(2)?);
            Ok(Message { kind, id, size: row.number(3)?, price: row.number(4)?, side })
        })
        .collect()
}

/// Price and volume of the 50 levels of each side in the first row, with the first message undone.
fn opening_levels(file: &Path, first: &Message) -> Result<HashMap<(bool, i64), i64>, ReplayError> {
    let table = Table::read(file, false)?;
    let row = table.rows().next();
    let row = row.ok_or_else(|| ReplayError::File { file: file.to_owned(), line: None, why: "is empty".to_owned() })?;
    let mut levels = HashMap::new();
    for level in 0..row.width() / 4 {
        let (ask, ask_size, bid, bid_size): (i64, i64, i64, i64) = (
            row.number(4 * level)?,
            row.number(4 * level + 1)?,
            row.number(4 * level + 2)?,
            row.number(4 * level + 3)?,
        );
        if ask_size > 0 && ask < NO_ASK {
            levels.insert((false, ask), ask_size);
        }
        if bid_size > 0 && bid > 0 {
            levels.insert((true, bid), bid_size);
        }
    }
    let size = i64::try_from(first.size).unwrap_or(i64::MAX);
    let undo = match first.kind {
        1 => -size,
        2..=4 => size,
        _ => 0,
    };
    *levels.entry((first.side == Side::Buy, first.price)).or_default() += undo;
    levels.retain(|_, size| *size != 0);
    Ok(levels)
}

/// Orders of the opening book, and, by message, those that appear later without a message of their own.
struct Opening {
    seeds: Vec<Seed>,
    late: HashMap<usize, Vec<Seed>>,
}

impl Opening {
    fn of(messages: &[Message], mut levels: HashMap<(bool, i64), i64>) -> Self {
        // Orders that are named before they are added: their price, side and all that is ever taken off them.
        let mut added = HashSet::new();
        let mut named: BTreeMap<i64, (Seed, usize)> = BTreeMap::new();
        for (n, message) in messages.iter().enumerate() {
            if message.kind == 1 {
                added.insert(message.id);
            } else if (2..=4).contains(&message.kind) && !added.contains(&message.id) {
                let seed = Seed { id: message.id, side: message.side, price: message.price, size: 0 };
                let entry = named.entry(message.id).or_insert((seed, n));
                entry.0.size += message.size;
                if message.kind != 4 {
                    entry.0.price = message.price;
                }
            }
        }
        // Numbers grow with time, so their order is the time priority.
        let mut seeds = Vec::new();
        let mut unseen = Vec::new();
        for (seed, first) in named.into_values() {
            let size = i64::try_from(seed.size).unwrap_or(i64::MAX);
            let level = levels.get_mut(&(seed.side == Side::Buy, seed.price));
            match level.filter(|volume| seed.id < FIRST_OWN_ID && **volume >= size) {
                Some(volume) => {
                    *volume -= size;
                    seeds.push(seed);
                }
                None => unseen.push((seed, first)),
            }
        }
        // What is left of each level is anonymous volume behind the known orders.
        let mut rest: Vec<_> = levels.into_iter().filter(|(_, volume)| *volume > 0).collect();
        rest.sort_unstable();
        for (n, ((buy, price), volume)) in rest.into_iter().enumerate() {
            let side = if buy { Side::Buy } else { Side::Sell };
            seeds.push(Seed { id: -1 - n as i64, side, price, size: volume.unsigned_abs() });
        }
        // An order that enters unseen comes where its number belongs among the added ones, at the latest when it is named.
        let mut highest = 0;
        let mut numbers = Vec::new();
        for (n, message) in messages.iter().enumerate() {
            if message.kind == 1 && message.id >= FIRST_OWN_ID && message.id > highest {
                highest = message.id;
                numbers.push((highest, n));
            }
        }
        let mut late: HashMap<usize, Vec<Seed>> = HashMap::new();
        for (seed, first) in unseen {
            let at = numbers.partition_point(|(id, _)| *id < seed.id);
            let by_number = numbers.get(at).map_or(first, |(_, n)| *n);
            let n = if seed.id >= FIRST_OWN_ID { by_number.min(first) } else { first };
            late.entry(n).or_default().push(seed);
        }
        Self { seeds, late }
    }
}

/// The exchange's book as the messages tell it: who is first in line.
#[derive(Default)]
struct Shadow {
    live: HashMap<i64, Seed>,
    /// Orders by side and price in order of arrival; gone ones are skipped when they come to the front.
    queues: [BTreeMap<i64, VecDeque<i64>>; 2],
    volumes: [BTreeMap<i64, u64>; 2],
}

const fn slot(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

impl Shadow {
    fn add(&mut self, seed: Seed) {
        self.live.insert(seed.id, seed);
        self.queues[slot(seed.side)].entry(seed.price).or_default().push_back(seed.id);
        *self.volumes[slot(seed.side)].entry(seed.price).or_default() += seed.size;
    }

    /// Whether an order is first in line at the best price of its side.
    fn is_first(&mut self, order: &Seed) -> bool {
        let volumes = &self.volumes[slot(order.side)];
        let best = match order.side {
            Side::Buy => volumes.last_key_value(),
            Side::Sell => volumes.first_key_value(),
        };
        if best.map(|(price, _)| *price) != Some(order.price) {
            return false;
        }
        let Some(queue) = self.queues[slot(order.side)].get_mut(&order.price) else { return false };
        while let Some(front) = queue.front() {
            if self.live.get(front).is_some_and(|live| live.side == order.side && live.price == order.price) {
                break;
            }
            queue.pop_front();
        }
        queue.front() == Some(&order.id)
    }

    fn take(&mut self, id: i64, size: u64) {
        let Some(order) = self.live.get_mut(&id) else { return };
        let taken = size.min(order.size);
        order.size -= taken;
        let (side, price, gone) = (order.side, order.price, order.size == 0);
        if gone {
            self.live.remove(&id);
        }
        if let Some(volume) = self.volumes[slot(side)].get_mut(&price) {
            *volume -= taken;
            if *volume == 0 {
                self.volumes[slot(side)].remove(&price);
                self.queues[slot(side)].remove(&price);
            }
        }
    }
}

/// What stands between two comparisons.
#[derive(Clone, Copy, Debug)]
enum Step {
    Command,
    EndOfMessage(usize),
}

/// Our book, from reports only, and the comparison with the exchange's rows.
struct Comparison {
    volumes: [BTreeMap<i64, u64>; 2],
    resting: HashMap<OrderId, (Side, i64, u64)>,
    steps: VecDeque<Step>,
    rows: Vec<[i64; 4]>,
    report: LobsterReport,
}

impl Comparison {
    fn command(&mut self) {
        self.steps.push_back(Step::Command);
    }

    fn end_of_message(&mut self, n: usize) {
        self.steps.push_back(Step::EndOfMessage(n));
        self.compare_what_is_due();
    }

    fn compare_what_is_due(&mut self) {
        while let Some(Step::EndOfMessage(n)) = self.steps.front().copied() {
            self.steps.pop_front();
            let Some(row) = self.rows.get(n) else { continue };
            let best = |level: Option<(&i64, &u64)>| level.map_or((0, 0), |(price, volume)| (*price, *volume as i64));
            let (ask, ask_size) = best(self.volumes[slot(Side::Sell)].first_key_value());
            let (bid, bid_size) = best(self.volumes[slot(Side::Buy)].last_key_value());
            if [ask, ask_size, bid, bid_size] == *row {
                self.report.l1_equal += 1;
            } else {
                let ours = [ask, ask_size, bid, bid_size];
                self.report.first_difference.get_or_insert_with(|| {
                    format!("after message {n}: the exchange has ask, size, bid, size {row:?}, our reports {ours:?}")
                });
            }
        }
    }

    fn change(&mut self, order: OrderId, taken: Qty) {
        let Some((side, price, left)) = self.resting.get_mut(&order) else { return };
        let taken = taken.lots().min(*left);
        *left -= taken;
        let (side, price, gone) = (*side, *price, *left == 0);
        if gone {
            self.resting.remove(&order);
        }
        if let Some(volume) = self.volumes[slot(side)].get_mut(&price) {
            *volume -= taken;
            if *volume == 0 {
                self.volumes[slot(side)].remove(&price);
            }
        }
    }
}

impl Judge for Comparison {
    fn on_report(&mut self, report: &Report) {
        match report.body {
            ReportBody::OrderAccepted { order, side, time_in_force: TimeInForce::Gtc, price, qty, .. } => {
                self.resting.insert(order, (side, price.ticks(), qty.lots()));
                *self.volumes[slot(side)].entry(price.ticks()).or_default() += qty.lots();
            }
            ReportBody::Fill(fill) => {
                self.report.trades += u64::from(fill.liquidity == Liquidity::Taker);
                self.change(fill.order, fill.qty);
            }
            ReportBody::OrderCancelled { order, cancelled, .. } => self.change(order, cancelled),
            ReportBody::OrderReduced { order, by, .. } => self.change(order, by),
            ReportBody::Rejected { .. } => self.report.rejects += 1,
            _ => {}
        }
        if report.last && matches!(self.steps.front(), Some(Step::Command)) {
            self.steps.pop_front();
            self.compare_what_is_due();
        }
    }

    fn is_done(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Replays a file.
///
/// # Errors
/// The files, named with line and column; the client.
pub async fn replay(
    client: &mut Client,
    market: MarketId,
    options: LobsterOptions,
    progress: &Progress,
) -> Result<LobsterReport, ReplayError> {
    let messages = read_messages(&options.messages)?;
    let first = messages.first().copied();
    let first = first.ok_or_else(|| ReplayError::File {
        file: options.messages.clone(),
        line: None,
        why: "is empty".to_owned(),
    })?;
    let opening = Opening::of(&messages, opening_levels(&options.seed_book, &first)?);
    let rows = options.check_l1.as_deref().map_or_else(|| Ok(Vec::new()), read_l1)?;
    let report = LobsterReport {
        messages: messages.len() as u64,
        l1_rows: rows.len() as u64,
        seed_orders: opening.seeds.len() as u64,
        late_orders: opening.late.values().map(|seeds| seeds.len() as u64).sum(),
        ..LobsterReport::default()
    };
    let mut judge =
        Comparison { volumes: Default::default(), resting: HashMap::new(), steps: VecDeque::new(), rows, report };
    let mut plan = Plan { driver: Driver::new(client), market, shadow: Shadow::default(), requests: HashMap::new() };
    progress.start(messages.len());
    for seed in &opening.seeds {
        plan.add(*seed, &mut judge).await?;
    }
    for (n, message) in messages.iter().enumerate() {
        for seed in opening.late.get(&n).into_iter().flatten() {
            plan.add(*seed, &mut judge).await?;
        }
        plan.message(message, &mut judge).await?;
        judge.end_of_message(n);
        progress.step();
    }
    plan.driver.finish(&mut judge).await?;
    progress.finish();
    let mut report = judge.report;
    report.seconds = plan.driver.seconds();
    report.orders_sent = plan.driver.sent();
    report.orders_per_second = per_second(report.orders_sent, report.seconds);
    report.ack_latency_us = plan.driver.latency();
    Ok(report)
}

fn read_l1(file: &Path) -> Result<Vec<[i64; 4]>, ReplayError> {
    let table = Table::read(file, false)?;
    table.rows().map(|row| Ok([row.number(0)?, row.number(1)?, row.number(2)?, row.number(3)?])).collect()
}

/// Turns messages into requests.
struct Plan<'c> {
    driver: Driver<'c>,
    market: MarketId,
    shadow: Shadow,
    requests: HashMap<i64, RequestNumber>,
}

impl Plan<'_> {
    async fn send(&mut self, action: OrderAction, judge: &mut Comparison) -> Result<RequestNumber, ReplayError> {
        self.driver.send(action, judge, |judge, _| judge.command()).await
    }

    fn limit(&self, side: Side, time_in_force: TimeInForce, price: i64, size: u64) -> OrderAction {
        OrderAction::New {
            market: self.market,
            side,
            order_type: OrderType::Limit,
            time_in_force,
            post_only: false,
            price: Price::from_ticks(price),
            qty: Qty::from_lots(size),
        }
    }

    async fn add(&mut self, seed: Seed, judge: &mut Comparison) -> Result<(), ReplayError> {
        let request = self.send(self.limit(seed.side, TimeInForce::Gtc, seed.price, seed.size), judge).await?;
        self.requests.insert(seed.id, request);
        self.shadow.add(seed);
        Ok(())
    }

    async fn message(&mut self, message: &Message, judge: &mut Comparison) -> Result<(), ReplayError> {
        let Message { kind, id, size, price, side } = *message;
        if kind == 1 {
            return self.add(Seed { id, side, price, size }, judge).await;
        }
        if kind == 5 {
            judge.report.hidden_skipped += 1;
            return Ok(());
        }
        let (Some(order), Some(request)) = (self.shadow.live.get(&id).copied(), self.requests.get(&id).copied()) else {
            return Ok(());
        };
        let target = OrderTarget::Request(request);
        let action = match kind {
            3 => OrderAction::Cancel { target },
            4 if self.shadow.is_first(&order) => self.limit(order.side.opposite(), TimeInForce::Ioc, price, size),
            2 | 4 => OrderAction::Reduce { target, by: Qty::from_lots(size) },
            _ => return Ok(()),
        };
        self.shadow.take(id, if kind == 3 { order.size } else { size });
        self.send(action, judge).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, id: i64, size: u64, price: i64) -> Message {
        Message { kind, id, size, price, side: Side::Buy }
    }

    #[test]
    fn the_opening_book_holds_named_orders_first_and_the_rest_as_anonymous_volume() {
        let messages = [message(1, FIRST_OWN_ID, 5, 100), message(4, 7, 3, 99), message(3, 8, 4, 98)];
        // Row 0 is the book after message 0: level 99 has 10 (3 of them order 7's), 100 only what message 0 added.
        let levels = HashMap::from([((true, 99), 10), ((true, 98), 2)]);
        let opening = Opening::of(&messages, levels);
        let seeds: Vec<_> = opening.seeds.iter().map(|seed| (seed.id, seed.price, seed.size)).collect();
        assert_eq!(seeds, [(7, 99, 3), (-1, 98, 2), (-2, 99, 7)]);
        // Order 8 needs more than its level has: it enters just before it is named.
        assert_eq!(opening.late[&2].len(), 1);
    }

    #[test]
    fn the_shadow_knows_who_is_first_in_line() {
        let mut shadow = Shadow::default();
        let order = |id, price, size| Seed { id, side: Side::Buy, price, size };
        for seed in [order(1, 100, 5), order(2, 100, 5), order(3, 99, 5)] {
            shadow.add(seed);
        }
        assert!(shadow.is_first(&order(1, 100, 5)));
        assert!(!shadow.is_first(&order(2, 100, 5)));
        shadow.take(1, 5);
        assert!(shadow.is_first(&order(2, 100, 5)));
        assert!(!shadow.is_first(&order(3, 99, 5)));
        shadow.take(2, 9);
        assert!(shadow.is_first(&order(3, 99, 5)));
    }
}
