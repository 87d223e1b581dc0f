//! Requests from a journal, or from a LOBSTER message file, for the sessions of a load.
//!
//! ```text
//!   journal folder --commands--> [`Mapper`] --session, action, which request it refers to--> [`Recorded`] --> generator
//!   message file   --`LobsterFlow`, as `tidegate replay` would send it--> [`Mapper`] ---^
//! ```
//!
//! Invariants: the recorded order is kept. An account's requests go out in one session, and what changes an order in the session
//! of the order. A market is the n-th that the recording names, and becomes the n-th that the load has. What cannot be sent again
//! is left out, counted, and said.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use tidegate_domain::{
    Command, CommandHeader, CommandKind, KeyId, MarketId, MassQuote, OrderTarget, OrderType, Quote, RequestNumber,
    Sequence,
};
use tidegate_journal::LogKind;
use tidegate_perf_wire::{Recording, Step, target_of};
use tidegate_replay::Flow as _;
use tidegate_replay::lobster::{LobsterFlow, LobsterOptions};
use tidegate_wire::OrderAction;

use crate::journal::output::Failure;
use crate::journal::stream::Stream;

/// Most requests that are read: they are in memory before the load begins.
const REQUESTS_MAX: usize = 4_000_000;

/// See the module. Its markets are numbered from 0.
#[derive(Debug)]
pub(super) struct Recorded {
    steps: Vec<Step>,
    opening: usize,
    /// How many the requests name.
    pub(super) markets: usize,
    /// What the requests are, and what was left out.
    pub(super) mix: String,
}

impl Recorded {
    /// Reads as many requests as a load of `needed` takes, at most [`REQUESTS_MAX`].
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub(super) fn read(path: &Path, seed_book: Option<&Path>, sessions: usize, needed: usize) -> Result<Self, String> {
        let mapper = Mapper::new(sessions, needed.min(REQUESTS_MAX));
        let is_folder =
            std::fs::metadata(path).map_err(|error| format!("--recorded {}: {error}", path.display()))?.is_dir();
        let recorded = match (is_folder, seed_book) {
            (true, None) => mapper.journal(path)?,
            (true, Some(_)) => {
                return Err(format!("--seed-book is for a message file; --recorded {} is a folder", path.display()));
            }
            (false, Some(book)) => mapper.lobster(path, book)?,
            (false, None) => {
                let path = path.display();
                return Err(format!("--recorded {path} is a message file: name its order book file with --seed-book"));
            }
        };
        if recorded.steps.len() == recorded.opening {
            return Err(format!("--recorded {}: there is no request in it that can be sent again", path.display()));
        }
        Ok(recorded)
    }

    /// For the generator, in these markets.
    ///
    /// # Panics
    /// With fewer markets than the requests name.
    pub(super) fn recording(self, markets: &[MarketId]) -> Recording {
        let there = |market: &mut MarketId| *market = markets[market.raw() as usize];
        let mut steps = self.steps;
        for step in &mut steps {
            each_market(&mut step.action, there);
        }
        Recording::new(steps, self.opening)
    }
}

fn each_market(action: &mut OrderAction, mut change: impl FnMut(&mut MarketId)) {
    match action {
        OrderAction::New(order) => change(&mut order.market),
        OrderAction::CancelAll(filter) => filter.market.iter_mut().for_each(change),
        OrderAction::MassQuote { quotes, .. } => quotes.iter_mut().for_each(|quote| change(&mut quote.market)),
        _ => {}
    }
}

/// Where a request went: which of a session's.
type Place = (usize, u64);

struct Mapper {
    sessions: usize,
    needed: usize,
    steps: Vec<Step>,
    opening: usize,
    /// Requests of each session so far.
    sent: Vec<u64>,
    /// By the recorded key and request number.
    by_request: HashMap<(KeyId, RequestNumber), Place>,
    /// By the command that put the order.
    by_order: HashMap<u64, Place>,
    markets: Vec<MarketId>,
    /// Highest request number of a key: what is not above it was a resend.
    marks: HashMap<KeyId, RequestNumber>,
    /// Quotes of the slots that came so far.
    quotes: Vec<Quote>,
    kinds: BTreeMap<&'static str, u64>,
    left_out: BTreeMap<&'static str, u64>,
}

impl Mapper {
    fn new(sessions: usize, needed: usize) -> Self {
        Self {
            sessions,
            needed,
            steps: Vec::new(),
            opening: 0,
            sent: vec![0; sessions],
            by_request: HashMap::new(),
            by_order: HashMap::new(),
            markets: Vec::new(),
            marks: HashMap::new(),
            quotes: Vec::new(),
            kinds: BTreeMap::new(),
            left_out: BTreeMap::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.steps.len() - self.opening >= self.needed
    }

    fn journal(mut self, dir: &Path) -> Result<Recorded, String> {
        let failed = |failure: Failure| match failure {
            Failure::Refused(why) | Failure::Damaged(why) => format!("--recorded {}: {why}", dir.display()),
            Failure::Closed => format!("--recorded {}: it ended early", dir.display()),
        };
        let stream = Stream::open(dir, LogKind::Journal, Sequence::ZERO, Sequence::new(u64::MAX)).map_err(failed)?;
        while !self.is_full()
            && let Some(chunk) = stream.next_chunk()
        {
            for record in &chunk {
                let decoded = record.decode();
                let (header, command) = decoded.map_err(|error| failed(Failure::Damaged(error.to_string())))?;
                if self.is_full() {
                    break;
                }
                self.command(&header, &command);
            }
            stream.give_back(chunk);
        }
        // A full recording ends the thread that reads; what it says of the part that was not needed does not matter.
        let is_full = self.is_full();
        let read = stream.finish();
        if !is_full {
            read.map_err(failed)?;
        }
        Ok(self.done("journal"))
    }

    /// Takes a command of a client; others are the operator's, the node's, or about sessions.
    fn command(&mut self, header: &CommandHeader, command: &Command) {
        let Some(mut action) = self.action_of(header, command) else { return };
        let mark = self.marks.entry(header.key).or_default();
        if header.request <= *mark {
            return self.leave_out("sent again");
        }
        *mark = header.request;
        let session = header.account.raw() as usize % self.sessions;
        let mut target = None;
        if let Some(place) = target_of(&mut action) {
            let found = match *place {
                OrderTarget::Request(request) => self.by_request.get(&(header.key, request)),
                OrderTarget::Order(order) => self.by_order.get(&order.raw()),
            };
            match found {
                Some((of, index)) if *of == session => target = Some(*index),
                _ => return self.leave_out("about an order that is not in it"),
            }
        }
        if let OrderAction::New(order) = &action
            && order.order_type == OrderType::Budget
        {
            // Its reports do not say how much it was.
            return self.leave_out("budget order");
        }
        let place = self.push(session, action, target, command.kind());
        if command.kind() == CommandKind::NewOrder {
            self.by_order.insert(header.sequence.raw(), place);
        }
        self.by_request.insert((header.key, header.request), place);
    }

    /// What a client asked; of a mass quote, with its last slot.
    fn action_of(&mut self, header: &CommandHeader, command: &Command) -> Option<OrderAction> {
        if header.key == KeyId::OPERATOR {
            return None;
        }
        Some(match *command {
            Command::NewOrder(order) => OrderAction::New(order),
            Command::CancelOrder { target } => OrderAction::Cancel { target },
            Command::ReduceOrder { target, by } => OrderAction::Reduce { target, by },
            Command::ReplaceOrder { target, price, qty } => OrderAction::Replace { target, price, qty },
            Command::CancelAll(filter) => OrderAction::CancelAll(filter),
            Command::SetProtection { group, window, qty_max, count_max } => {
                OrderAction::SetProtection { group, window, qty_max, count_max }
            }
            Command::ResetProtection { group } => OrderAction::ResetProtection { group },
            Command::MassQuote(ref slot) => return self.quote_of(slot),
            Command::SetKillSwitch { .. }
            | Command::CancelAllAfter { .. }
            | Command::QueryOrder { .. }
            | Command::QueryOrders { .. }
            | Command::QueryBalances { .. } => {
                self.leave_out("query, kill switch or timer");
                return None;
            }
            _ => return None,
        })
    }

    fn quote_of(&mut self, slot: &MassQuote) -> Option<OrderAction> {
        if slot.slot == 0 {
            self.quotes.clear();
        }
        self.quotes.extend_from_slice(slot.quotes());
        let quotes = || std::mem::take(&mut self.quotes);
        slot.is_last().then(quotes).map(|quotes| OrderAction::MassQuote { terms: slot.terms, quotes })
    }

    fn leave_out(&mut self, why: &'static str) {
        *self.left_out.entry(why).or_default() += 1;
    }

    fn push(&mut self, session: usize, mut action: OrderAction, target: Option<u64>, kind: CommandKind) -> Place {
        let markets = &mut self.markets;
        each_market(&mut action, |market| {
            let known = markets.iter().position(|known| known == market);
            let index = known.unwrap_or_else(|| {
                markets.push(*market);
                markets.len() - 1
            });
            *market = MarketId::new(index as u32);
        });
        *self.kinds.entry(kind.as_str()).or_default() += 1;
        self.steps.push(Step { session, action, target });
        self.sent[session] += 1;
        (session, self.sent[session] - 1)
    }

    fn lobster(mut self, messages: &Path, seed_book: &Path) -> Result<Recorded, String> {
        let options = LobsterOptions { messages: messages.to_owned(), seed_book: seed_book.to_owned(), check_l1: None };
        let mut flow = LobsterFlow::open(&options, MarketId::new(1)).map_err(|error| error.to_string())?;
        // By the flow's own numbers: what each request became.
        let mut places: Vec<Place> = Vec::new();
        while !self.is_full()
            && let Some(mut action) = flow.next_action()
        {
            let is_opening = flow.steps_done() == 0;
            flow.on_sent(RequestNumber::new(places.len() as u64));
            let kind = match action {
                OrderAction::New(_) => CommandKind::NewOrder,
                OrderAction::Reduce { .. } => CommandKind::ReduceOrder,
                _ => CommandKind::CancelOrder,
            };
            let meant = match target_of(&mut action) {
                Some(OrderTarget::Request(number)) => Some(places[number.raw() as usize]),
                _ => None,
            };
            let session = meant.map_or(places.len() % self.sessions, |(session, _)| session);
            let place = self.push(session, action, meant.map(|(_, index)| index), kind);
            places.push(place);
            self.opening += usize::from(is_opening);
        }
        Ok(self.done("LOBSTER"))
    }

    fn done(self, what: &str) -> Recorded {
        let list = |counts: &BTreeMap<&str, u64>| {
            counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
        };
        let mut mix = format!("{what}: {}", list(&self.kinds));
        if self.opening > 0 {
            mix += &format!("; {} of them are the opening book, sent before the load", self.opening);
        }
        if !self.left_out.is_empty() {
            mix += &format!("; left out: {}", list(&self.left_out));
        }
        Recorded { steps: self.steps, opening: self.opening, markets: self.markets.len(), mix }
    }
}

#[cfg(test)]
mod tests {
    use tidegate_domain::{
        AccountId, OrderId, Price, Qty, QuoteMode, QuoteSide, QuoteTerms, SelfTrade, Side, TimeInForce,
    };

    use super::*;

    fn header(sequence: u64, key: u32, account: u32, request: u64) -> CommandHeader {
        CommandHeader {
            sequence: Sequence::new(sequence),
            key: KeyId::new(key),
            account: AccountId::new(account),
            request: RequestNumber::new(request),
            ..CommandHeader::default()
        }
    }

    fn order(market: u32) -> Command {
        let (price, qty) = (Price::from_ticks(5), Qty::from_lots(1));
        match OrderAction::limit(MarketId::new(market), Side::Buy, TimeInForce::Gtc, price, qty) {
            OrderAction::New(order) => Command::NewOrder(order),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_journal_keeps_order_session_and_what_is_meant() {
        let mut mapper = Mapper::new(2, 100);
        let cancel = |target| Command::CancelOrder { target };
        mapper.command(&header(10, 1, 4, 1), &order(7));
        mapper.command(&header(11, 2, 5, 1), &order(9));
        mapper.command(&header(12, 1, 4, 2), &order(7));
        mapper.command(&header(13, 1, 4, 2), &order(7));
        mapper.command(&header(14, 3, 4, 1), &cancel(OrderTarget::Order(OrderId::new(12))));
        mapper.command(&header(15, 1, 4, 3), &cancel(OrderTarget::Request(RequestNumber::new(1))));
        mapper.command(&header(16, 1, 4, 4), &cancel(OrderTarget::Request(RequestNumber::new(77))));
        mapper.command(&header(17, 0, 0, 4), &order(7));
        let recorded = mapper.done("journal");
        assert_eq!(
            recorded.mix,
            "journal: 2 cancel_order, 3 new_order; left out: 1 about an order that is not in it, 1 sent again"
        );
        assert_eq!(recorded.markets, 2);
        let places: Vec<_> = recorded.steps.iter().map(|step| (step.session, step.target)).collect();
        assert_eq!(places, [(0, None), (1, None), (0, None), (0, Some(1)), (0, Some(0))]);
        let recording = recorded.recording(&[MarketId::new(1), MarketId::new(2)]);
        let markets = recording.steps().iter().filter_map(|step| match step.action {
            OrderAction::New(order) => Some(order.market.raw()),
            _ => None,
        });
        assert_eq!(markets.collect::<Vec<_>>(), [1, 2, 1]);
    }

    #[test]
    fn the_slots_of_a_mass_quote_become_one_request() {
        let side = |ticks| QuoteSide { price: Price::from_ticks(ticks), qty: Qty::from_lots(1) };
        let quotes: Vec<Quote> =
            (1..=5).map(|n| Quote { market: MarketId::new(n), bid: side(4), ask: side(6) }).collect();
        let terms = QuoteTerms { group: 1, mode: QuoteMode::PostOnly, self_trade: SelfTrade::None };
        let mut mapper = Mapper::new(1, 100);
        for slot in MassQuote::slots(terms, &quotes) {
            mapper.command(&header(10, 1, 4, 1), &Command::MassQuote(slot));
        }
        let recorded = mapper.done("journal");
        assert_eq!((recorded.steps.len(), recorded.markets), (1, 5));
        let OrderAction::MassQuote { quotes: sent, .. } = &recorded.steps[0].action else { panic!("{recorded:?}") };
        assert_eq!(sent.len(), 5);
    }
}
