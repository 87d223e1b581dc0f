//! What a command means: the dispatch, and the state that every part of it shares.
//!
//!   CommandRecord --decode--> due timers --> [admin | money | sessions | requests --> orders] --emit--> EventRecord
//!
//! Invariants: commands follow each other without a gap, time and epoch never go back, `Genesis` is first and only
//! first. A refused command changes nothing except the marks of the key that asked. Every report of a key gets the
//! next number of that key, in the order of the events.
//!
//! Hot path: `apply` is called by match for every command.

mod admin;
mod check;
mod handle_map;
mod money;
mod open_orders;
mod orders;
mod requests;
mod sessions;
mod tables;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use tidegate_domain::{
    AccountId, AssetAmount, AssetId, Command, CommandHeader, CommandKind, CommandRecord, Digest, EngineLimits, Epoch,
    Event, EventBuffer, EventFlags, EventHeader, EventKind, EventRecord, Genesis, KeyId, LOGIC_VERSION, LogAddress,
    MarketDefinition, MarketId, MarketState, Name, Price, Qty, Reference, Reject, RequestNumber, Sequence,
    SessionSequence, Side, StateMachine, Timestamp,
};

use crate::book::Handle;
use crate::ledger::Ledger;
pub use check::ConservationError;
use open_orders::OpenOrders;
pub use open_orders::Order;
pub use requests::OUTCOMES_PER_KEY;
pub use sessions::SESSION_GRACE_AFTER_RESTART;
pub(crate) use tables::{Account, Asset, Key, Market, Moved, Table};

/// Events that a command can cause beside those of orders and sessions.
const EVENTS_PER_COMMAND_MARGIN: usize = 16;

/// The deterministic machine: see the crate.
#[derive(Debug, Default)]
pub struct Engine {
    pub(crate) genesis: Option<Genesis>,
    pub(crate) applied: Sequence,
    pub(crate) time: Timestamp,
    pub(crate) epoch: Epoch,
    pub(crate) assets: Table<Asset>,
    pub(crate) markets: Table<Market>,
    pub(crate) accounts: Table<Account>,
    pub(crate) keys: Table<Key>,
    pub(crate) public_keys: BTreeSet<[u8; 32]>,
    pub(crate) ledger: Ledger,
    pub(crate) references: BTreeMap<Reference, Moved>,
    pub(crate) orders: OpenOrders,
    /// Armed timers of sessions, the next one first.
    deadlines: BTreeSet<(Timestamp, KeyId)>,
}

/// A command while it is applied: what it says and where its events go.
struct Call<'a> {
    header: CommandHeader,
    kind: CommandKind,
    payload: &'a [u8],
    out: &'a mut EventBuffer,
}

impl Call<'_> {
    /// Who asked.
    const fn requester(&self) -> To {
        To {
            key: self.header.key,
            account: self.header.account,
            market: MarketId::new(0),
            request: self.header.request,
        }
    }
}

/// Whom an event concerns.
#[derive(Clone, Copy)]
struct To {
    key: KeyId,
    account: AccountId,
    market: MarketId,
    request: RequestNumber,
}

impl To {
    /// The key that created an order, about that order.
    const fn creator_of(order: &Order) -> Self {
        Self { key: order.key, account: order.account, market: order.market, request: order.request }
    }

    const fn in_market(self, market: MarketId) -> Self {
        Self { market, ..self }
    }
}

/// Whether a key's client is told of it, with a number.
const fn is_report(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Rejected
            | EventKind::Outcome
            | EventKind::OrderAccepted
            | EventKind::Fill
            | EventKind::OrderCancelled
            | EventKind::OrderReduced
            | EventKind::CancelAllDone
    )
}

impl StateMachine for Engine {
    fn apply(&mut self, record: &CommandRecord, out: &mut EventBuffer) {
        assert!(out.records().is_empty(), "the output of the command before is still there");
        assert_eq!(record.sequence(), self.applied.next(), "commands follow each other without a gap");
        assert!(record.time() >= self.time, "time goes back at sequence {}", record.sequence());
        assert!(record.epoch() >= self.epoch, "the epoch goes back at sequence {}", record.sequence());
        let (header, command) = match record.decode() {
            Ok(decoded) => decoded,
            Err(error) => panic!("the command at sequence {} does not decode: {error}", record.sequence()),
        };
        self.applied = header.sequence;
        self.time = header.time;
        self.epoch = header.epoch;
        let mut call = Call { header, kind: command.kind(), payload: record.payload(), out };
        self.dispatch(&mut call, &command);
        if let Some(last) = out.records_mut().last_mut() {
            last.add_flags(EventFlags::LAST);
        }
    }

    fn applied_through(&self) -> Sequence {
        self.applied
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    fn digest(&self) -> Digest {
        crate::digest::digest(self)
    }

    /// A taker can fill against every resting order, two events each, and timers can cancel those that it does not: at
    /// most two events an order. Every key can have a session that ends.
    fn events_per_command_max(&self) -> usize {
        let (orders, keys) = self
            .genesis
            .map_or((0, 0), |genesis| (genesis.limits.open_orders_max as usize, genesis.limits.keys_max as usize));
        2 * orders + keys + EVENTS_PER_COMMAND_MARGIN
    }
}

impl Engine {
    /// An empty engine: its first command must be `Genesis`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn dispatch(&mut self, call: &mut Call<'_>, command: &Command) {
        assert_eq!(
            self.genesis.is_none(),
            call.kind == CommandKind::Genesis,
            "a journal begins with genesis and has no second one"
        );
        // Time that passed without a leader is nobody's absence: `TakeLead` arms every timer anew instead.
        if call.kind != CommandKind::TakeLead {
            self.fire_due_timers(call);
        }
        match *command {
            Command::Genesis(genesis) => self.begin(call, genesis),
            Command::TakeLead { node, incarnation } => self.take_lead(call, node, incarnation),
            Command::SetDurability { durability, degraded } => {
                self.emit(call, call.requester(), Event::DurabilityChanged { durability, degraded });
            }
            Command::Tick => {}
            Command::OpenSession { session, cancel_on_disconnect, grace } => {
                self.open_session(call, session, cancel_on_disconnect, grace);
            }
            Command::CloseSession { session } => self.close_session(call, session),
            Command::NewOrder(_)
            | Command::CancelOrder { .. }
            | Command::ReduceOrder { .. }
            | Command::CancelAll { .. } => self.request(call, command),
            Command::CreateAsset { .. }
            | Command::CreateMarket(_)
            | Command::CreateAccount { .. }
            | Command::CreateKey { .. }
            | Command::SetMarketState { .. } => self.administer(call, command),
            Command::Deposit { asset, amount, reference } | Command::Withdraw { asset, amount, reference } => {
                self.move_money(call, asset, amount, reference);
            }
        }
    }

    fn begin(&mut self, call: &mut Call<'_>, genesis: Genesis) {
        assert_eq!(
            genesis.logic_version, LOGIC_VERSION,
            "the journal was written by other rules; run it with a build that has them"
        );
        self.orders = OpenOrders::with_capacity(genesis.limits.open_orders_max as usize, genesis.cluster.raw() as u64);
        self.genesis = Some(genesis);
        self.emit(call, call.requester(), Event::JournalBegun(genesis));
    }

    fn limits(&self) -> &EngineLimits {
        &self.genesis.as_ref().expect("dispatch lets nothing pass before genesis").limits
    }

    /// Appends an event; a report gets the next number of its key.
    fn emit(&mut self, call: &mut Call<'_>, to: To, event: Event) {
        let session_sequence = if is_report(event.kind()) { self.next_report(to.key) } else { SessionSequence::new(0) };
        let header = EventHeader {
            sequence: call.header.sequence,
            index: u32::try_from(call.out.records().len()).expect("the limits of a command's events are below 2^32"),
            time: call.header.time,
            epoch: call.header.epoch,
            key: to.key,
            account: to.account,
            market: to.market,
            request: to.request,
            session_sequence,
            previous_report: LogAddress::NONE,
            flags: EventFlags::NONE,
        };
        call.out.push(EventRecord::encode(&header, &event));
    }

    /// The operator and a key that does not exist have no numbered reports.
    fn next_report(&mut self, key: KeyId) -> SessionSequence {
        let Some(key) = self.keys.get_mut(key.raw()) else { return SessionSequence::new(0) };
        let next = key.report_mark.raw().checked_add(1).expect("2^64 reports are out of reach");
        key.report_mark = SessionSequence::new(next);
        key.report_mark
    }

    fn reject(&mut self, call: &mut Call<'_>, to: To, reason: Reject) {
        self.emit(call, to, Event::Rejected { reason, command: call.kind });
    }

    fn market(&self, id: MarketId) -> &Market {
        self.markets.get(id.raw()).expect("the market of an order exists")
    }

    fn key_mut(&mut self, id: KeyId) -> &mut Key {
        self.keys.get_mut(id.raw()).expect("the key was looked up before")
    }
}

/// What tests, reports and tools may see. Clients never do: they read released events.
impl Engine {
    /// The leadership term of the command applied last.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The limits of the journal, once it began.
    #[must_use]
    pub const fn genesis(&self) -> Option<&Genesis> {
        self.genesis.as_ref()
    }

    /// Every market, in the order of the ids.
    pub fn markets(&self) -> impl Iterator<Item = (MarketId, &MarketDefinition, MarketState)> {
        self.markets.iter().map(|(id, market)| (MarketId::new(id), &market.definition, market.state))
    }

    /// The first `depth` levels of a book, best first: price, quantity, orders. Nothing for an unknown market.
    #[must_use]
    pub fn levels(&self, market: MarketId, side: Side, depth: usize) -> Vec<(Price, Qty, u32)> {
        self.markets
            .get(market.raw())
            .map_or_else(Vec::new, |market| market.book.depth(&self.orders.shelf, side, depth))
    }

    /// The orders of one side of a book, in the order in which they would trade.
    pub fn resting_orders(&self, market: MarketId, side: Side) -> impl Iterator<Item = Order> {
        let market = self.markets.get(market.raw());
        market.into_iter().flat_map(move |market| self.orders_of(market, side).map(|(_, order)| order))
    }

    pub(crate) fn orders_of(&self, market: &Market, side: Side) -> impl Iterator<Item = (Handle, Order)> {
        market.book.orders(&self.orders.shelf, side).map(|(handle, resting)| (handle, open_orders::shown(&resting)))
    }

    /// How many orders rest, in all books.
    #[must_use]
    pub const fn open_order_count(&self) -> usize {
        self.orders.len()
    }

    /// Every asset, in the order of the ids: id, name, decimal places.
    pub fn assets(&self) -> impl Iterator<Item = (AssetId, Name, u8)> {
        self.assets.iter().map(|(id, asset)| (AssetId::new(id), asset.name, asset.decimals))
    }

    /// Every account, in the order of the ids.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, Name)> {
        self.accounts.iter().map(|(id, account)| (AccountId::new(id), account.name))
    }

    /// What an account has of an asset: available, held. `None` when one of them does not exist.
    #[must_use]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Option<(AssetAmount, AssetAmount)> {
        self.accounts.get(account.raw())?;
        self.assets.get(asset.raw())?;
        let balance = self.ledger.balance(account, asset);
        Some((balance.available, balance.held))
    }

    /// Fees earned of an asset.
    #[must_use]
    pub fn fees(&self, asset: AssetId) -> Option<AssetAmount> {
        self.assets.get(asset.raw()).map(|_| self.ledger.totals(asset).fees)
    }

    /// All that came in and all that went out of an asset.
    #[must_use]
    pub fn deposits_and_withdrawals(&self, asset: AssetId) -> Option<(AssetAmount, AssetAmount)> {
        self.assets
            .get(asset.raw())
            .map(|_| self.ledger.totals(asset))
            .map(|totals| (totals.deposited, totals.withdrawn))
    }

    /// A key's highest applied request and the number of its last report.
    #[must_use]
    pub fn key_marks(&self, key: KeyId) -> Option<(RequestNumber, SessionSequence)> {
        self.keys.get(key.raw()).map(|key| (key.request_mark, key.report_mark))
    }
}
