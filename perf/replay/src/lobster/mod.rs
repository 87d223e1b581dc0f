//! LOBSTER: Nasdaq's messages of one stock as requests, and the best bid and ask after every one of them.
//!
//!   messages + opening book --> shadow book decides --> requests --> .. --> reports --> judge's book --> [`LobsterReport`]
//!
//! New is a limit order; a partial cancel reduces, a full one cancels. An execution is an immediate-or-cancel order of
//! the other side when the executed order is at the front of the best level, where price-time priority would trade with
//! it, and otherwise a reduce of that order; executions are never summed. Hidden executions are skipped. Prices are cents
//! where every price of the book is a whole cent, and otherwise the file's own unit, dollars times 10,000.
//!
//! Invariants: see `opening`, `shadow` and `judge`. Owning thread: the caller's.

mod judge;
mod opening;
mod rows;
mod shadow;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tidegate_client::Client;
use tidegate_domain::{MarketId, OrderTarget, Price, Qty, RequestNumber, Side, TimeInForce};
use tidegate_wire::{OrderAction, Report};

use crate::answers::Answers;
use crate::drive::{Latency, Timing, drive};
use crate::error::ReplayError;
use crate::flow::Flow;
use crate::input;
use crate::progress::Progress;
use judge::Judge;
use opening::{Opening, Resting, opening};
use rows::{Best, BookRow, Message, MessageKind};
use shadow::Shadow;

/// Units of the file in one cent.
const UNITS_PER_CENT: i64 = 100;

/// Which files to replay.
#[derive(Clone, Debug)]
pub struct LobsterOptions {
    /// The message file.
    pub messages: PathBuf,
    /// The order book file whose first row is the book after the first message.
    pub seed_book: PathBuf,
    /// The order book file to compare with, row by row; one with fewer rows than messages is compared as far as it goes.
    pub check_l1: Option<PathBuf>,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LobsterReport {
    /// Messages in the file.
    pub messages: u64,
    /// Trades, by the reports.
    pub trades: u64,
    /// Rows that were compared.
    pub l1_rows: u64,
    /// Those with the same best bid and ask, price and size.
    pub l1_equal: u64,
    /// Orders of the opening book, one of anonymous volume per level included.
    pub seed_orders: u64,
    /// Orders that entered later without a message.
    pub late_orders: u64,
    /// Hidden executions, which change no book.
    pub hidden_skipped: u64,
    /// Requests that were sent: news, cancels, reduces.
    pub orders_sent: u64,
    /// Requests over seconds.
    pub orders_per_second: f64,
    /// See [`Latency`].
    pub ack_latency_us: Latency,
    /// From the first request to the last report.
    pub seconds: f64,
    /// Messages about an order of which nothing was left, which ask for nothing.
    pub ignored_messages: u64,
    /// Requests that the engine rejected.
    pub rejects: u64,
    /// The first row that came out differently, or the first reject, in words. Of a file that is a window of the book
    /// some rows always do: orders leave the window unseen.
    pub first_difference: Option<String>,
}

/// Sends a message file through a client that is logged on, into a market whose book is empty, and compares.
///
/// # Errors
/// [`ReplayError`]: a file that cannot be understood, before anything was sent; a session that ends.
pub async fn replay(
    client: &mut Client,
    market: MarketId,
    options: LobsterOptions,
    progress: &Progress,
) -> Result<LobsterReport, ReplayError> {
    let mut flow = LobsterFlow::open(&options, market)?;
    let timing = drive(client, &mut flow, "messages", progress).await?;
    Ok(flow.into_report(&timing))
}

/// A request before it is sent. Orders are the file's own numbers.
#[derive(Clone, Copy, Debug)]
enum StepRequest {
    Add(Resting),
    /// Immediate or cancel, against what rests.
    Take {
        side: Side,
        price: i64,
        size: u64,
    },
    Reduce {
        order: i64,
        by: u64,
    },
    Cancel {
        order: i64,
    },
}

#[derive(Clone, Copy, Debug)]
struct Step {
    request: StepRequest,
    /// Which message it is of; `None` for the opening book.
    message: Option<usize>,
}

/// A message file as a [`Flow`].
#[derive(Debug)]
pub struct LobsterFlow {
    market: MarketId,
    units_per_tick: i64,
    messages: Vec<Message>,
    /// What must be best after each message, in ticks.
    best: Vec<Best>,
    opening: Opening,
    shadow: Shadow,
    /// Under which number each order of the file was created.
    requests: HashMap<i64, RequestNumber>,
    /// The message that comes next.
    next: usize,
    /// What is left to send of the opening book, or of the message before `next`.
    steps: VecDeque<Step>,
    sending: Option<Step>,
    /// The message to check when its steps are sent and answered.
    checking: Option<usize>,
    answers: Answers<Option<usize>, usize>,
    judge: Judge,
    counts: Counts,
}

/// What is known without any report.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    seed_orders: u64,
    late_orders: u64,
    hidden_skipped: u64,
    ignored_messages: u64,
}

impl LobsterFlow {
    /// Reads and understands the files.
    ///
    /// # Errors
    /// [`ReplayError::File`] and [`ReplayError::Input`].
    pub fn open(options: &LobsterOptions, market: MarketId) -> Result<Self, ReplayError> {
        let messages = rows::messages(&options.messages)?;
        let book = rows::first_book_row(&options.seed_book)?;
        let best = options.check_l1.as_deref().map(|path| rows::best_rows(path, messages.len())).transpose()?;
        let mut best = best.unwrap_or_default();
        let mut opening = opening(&messages, &book);
        check_numbers(&options.messages, &messages, &opening)?;
        let units_per_tick = units_per_tick(&messages, &book, &best);
        for quote in best.iter_mut().flat_map(|best| [&mut best.ask, &mut best.bid]).flatten() {
            quote.0 /= units_per_tick;
        }
        let counts = Counts {
            seed_orders: opening.seed.len() as u64,
            late_orders: opening.late.values().map(Vec::len).sum::<usize>() as u64,
            ..Counts::default()
        };
        let seed = std::mem::take(&mut opening.seed);
        let mut flow = Self {
            market,
            units_per_tick,
            messages,
            best,
            opening,
            shadow: Shadow::default(),
            requests: HashMap::new(),
            next: 0,
            steps: VecDeque::new(),
            sending: None,
            checking: None,
            answers: Answers::new(),
            judge: Judge::default(),
            counts,
        };
        seed.into_iter().for_each(|resting| flow.add(resting, None));
        Ok(flow)
    }

    /// The figures, as far as the reports go.
    #[must_use]
    pub fn into_report(self, timing: &Timing) -> LobsterReport {
        let verdicts = self.judge.verdicts().clone();
        LobsterReport {
            messages: self.messages.len() as u64,
            trades: verdicts.trades,
            l1_rows: verdicts.l1_rows,
            l1_equal: verdicts.l1_equal,
            seed_orders: self.counts.seed_orders,
            late_orders: self.counts.late_orders,
            hidden_skipped: self.counts.hidden_skipped,
            orders_sent: timing.orders_sent,
            orders_per_second: timing.orders_per_second(),
            ack_latency_us: timing.ack_latency_us,
            seconds: timing.seconds,
            ignored_messages: self.counts.ignored_messages,
            rejects: verdicts.rejects,
            first_difference: verdicts.first_difference,
        }
    }

    fn add(&mut self, resting: Resting, message: Option<usize>) {
        let is_new = self.shadow.add(resting.order, resting.side, resting.price, resting.size);
        assert!(is_new, "`check_numbers` lets no number come twice");
        self.steps.push_back(Step { request: StepRequest::Add(resting), message });
    }

    /// Decides what the next message asks for.
    fn plan(&mut self, at: usize) {
        for resting in self.opening.late.remove(&at).unwrap_or_default() {
            self.add(resting, Some(at));
        }
        let Message { kind, order, size, price, side } = self.messages[at];
        let request = match kind {
            MessageKind::New => return self.add(Resting { order, side, price, size }, Some(at)),
            MessageKind::ExecuteHidden => {
                self.counts.hidden_skipped += 1;
                return;
            }
            _ if !self.shadow.has(order) => {
                self.counts.ignored_messages += 1;
                return;
            }
            MessageKind::Cancel => StepRequest::Cancel { order },
            MessageKind::Execute if self.shadow.is_front_of_best(order) => {
                StepRequest::Take { side: side.opposite(), price, size }
            }
            MessageKind::Execute | MessageKind::Reduce => StepRequest::Reduce { order, by: size },
        };
        let taken = if kind == MessageKind::Cancel { u64::MAX } else { size };
        self.shadow.take(order, taken);
        self.steps.push_back(Step { request, message: Some(at) });
    }

    fn action(&self, request: StepRequest) -> OrderAction {
        let target = |order| OrderTarget::Request(*self.requests.get(&order).expect("steps are sent in their order"));
        let new_order = |side, price: i64, size, time_in_force| {
            let (price, qty) = (Price::from_ticks(price / self.units_per_tick), Qty::from_lots(size));
            OrderAction::limit(self.market, side, time_in_force, price, qty)
        };
        match request {
            StepRequest::Add(Resting { side, price, size, .. }) => new_order(side, price, size, TimeInForce::Gtc),
            StepRequest::Take { side, price, size } => new_order(side, price, size, TimeInForce::Ioc),
            StepRequest::Reduce { order, by } => OrderAction::Reduce { target: target(order), by: Qty::from_lots(by) },
            StepRequest::Cancel { order } => OrderAction::Cancel { target: target(order) },
        }
    }

    fn judge_what_ended(&mut self) {
        while let Some(message) = self.answers.pop_mark() {
            self.judge.on_message_end(message, self.best[message]);
        }
    }
}

impl Flow for LobsterFlow {
    fn next_action(&mut self) -> Option<OrderAction> {
        assert!(self.sending.is_none(), "the action before was not sent");
        loop {
            if let Some(step) = self.steps.pop_front() {
                self.sending = Some(step);
                return Some(self.action(step.request));
            }
            if let Some(message) = self.checking.take() {
                self.answers.push_mark(message);
                self.judge_what_ended();
            }
            if self.next == self.messages.len() {
                return None;
            }
            let at = self.next;
            self.next += 1;
            self.plan(at);
            self.checking = (at < self.best.len()).then_some(at);
        }
    }

    fn on_sent(&mut self, request: RequestNumber) {
        let step = self.sending.take().expect("only what next_action gave out is sent");
        if let StepRequest::Add(Resting { order, .. }) = step.request {
            self.requests.insert(order, request);
        }
        self.answers.push_request(request, step.message);
    }

    fn on_report(&mut self, report: &Report) -> Result<(), ReplayError> {
        if let Some(message) = self.answers.owner(report)? {
            self.judge.on_report(message, report);
            self.answers.close(report);
            self.judge_what_ended();
        }
        Ok(())
    }

    fn waiting(&self) -> usize {
        self.answers.requests()
    }

    fn steps_done(&self) -> u64 {
        self.next as u64
    }

    fn steps_total(&self) -> u64 {
        self.messages.len() as u64
    }
}

/// Refuses a file in which two orders have one number.
fn check_numbers(path: &Path, messages: &[Message], opening: &Opening) -> Result<(), ReplayError> {
    let before = opening.seed.iter().chain(opening.late.values().flatten());
    let mut known: HashSet<i64> = before.map(|resting| resting.order).collect();
    for (at, message) in messages.iter().enumerate() {
        if message.kind == MessageKind::New && !known.insert(message.order) {
            let expected = "a new order to have a number that no message had before it";
            return Err(input::wrong(path, at as u64 + 1, "order id", &message.order.to_string(), expected));
        }
    }
    Ok(())
}

/// Cents where every price that can be in the book is a whole number of them.
fn units_per_tick(messages: &[Message], book: &BookRow, best: &[Best]) -> i64 {
    let visible = messages.iter().filter(|message| message.kind != MessageKind::ExecuteHidden);
    let levels = book.asks.iter().chain(&book.bids).map(|(price, _)| *price);
    let quotes = best.iter().flat_map(|best| [best.ask, best.bid]).flatten().map(|(price, _)| price);
    let mut prices = visible.map(|message| message.price).chain(levels).chain(quotes);
    if prices.all(|price| price % UNITS_PER_CENT == 0) { UNITS_PER_CENT } else { 1 }
}
