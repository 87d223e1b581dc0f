//! What a command means: the dispatch, and the state that every part of it shares.
//!
//!   CommandRecord --decode--> due timers --> [admin | money | sessions | requests --> orders] --emit--> EventRecord
//!
//! Invariants: commands follow each other without a gap, time and epoch never go back, `Genesis` is first and only
//! first. A refused command changes nothing except the marks of the key that asked. Every report of a key gets the
//! next number of that key, in the order of the events. The digest and the sums of money are kept, not walked for.
//!
//! Hot path: `apply` is called by match for every command. It allocates nothing for an order or a session (tests/no_alloc.rs);
//! what is created, closed and paid does.

mod accounts;
mod admin;
mod ahead;
mod check;
mod dead_man;
mod describe;
mod index_table;
mod money;
mod open_orders;
mod orders;
mod outcomes;
mod queries;
mod requests;
mod sessions;
mod snapshot;
mod tables;
mod timers;
mod views;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use tidegate_domain::{
    AccountId, Command, CommandHeader, CommandKind, CommandRecord, Digest, EngineLimits, Epoch, Event, EventBuffer,
    EventFlags, EventHeader, EventKind, FeeRate, Genesis, KeyId, LOGIC_VERSION, LogAddress, MarketId, MarketState,
    Reject, RequestNumber, Roles, Sequence, SessionSequence, StateMachine, Timestamp,
};

use crate::hash::Sum;
use crate::ledger::Ledger;
pub(crate) use accounts::networks_hash;
pub use check::ConservationError;
pub(crate) use dead_man::dead_man_hash;
pub(crate) use index_table::IndexTable;
use money::References;
pub use open_orders::Order;
use open_orders::{Identity, OpenOrders};
use orders::quotes::Pending;
pub use outcomes::OUTCOMES_PER_KEY;
use outcomes::Outcomes;
pub use sessions::SESSION_GRACE_AFTER_RESTART;
pub use snapshot::{SNAPSHOT_FORMAT_VERSION, SnapshotError, SnapshotHeader};
pub(crate) use tables::{Account, Asset, Key, Market, Table};
use timers::{Subject, Timers};

/// Events that a command can cause beside those of orders and sessions: each of the 30 sides of a mass quote is told of, its
/// old order can be cancelled, its last maker is only filled in part, a protection can be triggered, its rest cancelled.
const EVENTS_PER_COMMAND_MARGIN: usize = 256;

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
    /// What came of the newest requests of the keys.
    pub(crate) outcomes: Outcomes,
    pub(crate) ledger: Ledger,
    pub(crate) references: References,
    pub(crate) orders: OpenOrders,
    /// Slots of a mass quote that is not complete.
    pub(crate) quotes: Pending,
    /// Fees as maker and as taker, by tier; tier 0 is not used.
    tiers: Vec<(FeeRate, FeeRate)>,
    timers: Timers,
    /// Hashes of everything but orders, balances and references, which keep their own.
    sum: Sum,
}

/// A command while it is applied: what it says and where its events go.
struct Call<'a> {
    header: CommandHeader,
    kind: CommandKind,
    /// Its bytes: a repeated request must have the same ones as the first.
    record: &'a CommandRecord,
    out: &'a mut EventBuffer,
}

impl Call<'_> {
    fn is_operators(&self) -> bool {
        self.header.key == KeyId::OPERATOR
    }

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
    const fn creator(order: &Identity) -> Self {
        Self { key: order.key, account: order.account, market: order.market, request: order.request }
    }

    const fn in_market(self, market: MarketId) -> Self {
        Self { market, ..self }
    }
}

/// Refuses unless the market is in one of these states.
fn in_market_state(market: &Market, states: &[MarketState]) -> Result<(), Reject> {
    if states.contains(&market.state) {
        Ok(())
    } else if market.state == MarketState::Closed {
        Err(Reject::MarketClosed)
    } else {
        Err(Reject::MarketHalted)
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
            | EventKind::OrderReplaced
            | EventKind::OrderTriggered
            | EventKind::OrderRefreshed
            | EventKind::CancelAllDone
            | EventKind::ProtectionSet
            | EventKind::ProtectionReset
            | EventKind::ProtectionTriggered
            | EventKind::QuoteRejected
            | EventKind::MassQuoteDone
            | EventKind::CancelAllAfterSet
            | EventKind::CancelAllAfterFired
            | EventKind::OrderStatus
            | EventKind::BalanceStatus
            | EventKind::QueryDone
    )
}

impl StateMachine for Engine {
    fn apply(&mut self, record: &CommandRecord, out: &mut EventBuffer) {
        assert!(out.records().is_empty(), "the output of the command before is still there");
        assert_eq!(record.sequence(), self.applied.next(), "commands follow each other without a gap");
        assert!(record.time() >= self.time, "time goes back at sequence {}", record.sequence());
        assert!(record.epoch() >= self.epoch, "the epoch goes back at sequence {}", record.sequence());
        let (header, kind) = match record.decode_header() {
            Ok(decoded) => decoded,
            Err(error) => panic!("the command at sequence {} does not decode: {error}", record.sequence()),
        };
        self.applied = header.sequence;
        self.time = header.time;
        self.epoch = header.epoch;
        let mut call = Call { header, kind, record, out };
        // By reference: a command moves as wide words, which wait for the narrow ones that it was just written with.
        match &record.decode_body(kind) {
            Ok(command) => self.dispatch(&mut call, command),
            Err(error) => panic!("the command at sequence {} does not decode: {error}", record.sequence()),
        }
        if let Some(last) = out.records_mut().last_mut() {
            last.add_flags(EventFlags::LAST);
        }
    }

    #[inline]
    fn look_ahead(&self, coming: &[CommandRecord]) {
        if self.orders.is_large() {
            self.fetch_ahead(coming);
        }
    }

    fn applied_through(&self) -> Sequence {
        self.applied
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.first().map(|(deadline, _)| deadline)
    }

    fn digest(&self) -> Digest {
        crate::digest::digest(self)
    }

    /// A taker can fill against every open order, two events each, twice for an iceberg, which is shown anew in between and
    /// may trigger its group, and what is left can be cancelled. A query tells of every order once, or of every asset, while timers may
    /// cancel every order. Every key can have a session that ends and a timer of its own. A cascade of stops over icebergs can exceed
    /// it, and so can a mass quote over icebergs: then the buffer grows.
    fn events_per_command_max(&self) -> usize {
        let Some(genesis) = &self.genesis else { return EVENTS_PER_COMMAND_MARGIN };
        let of = |limit: u32| limit as usize;
        let limits = &genesis.limits;
        let (orders, assets) = (of(limits.open_orders_max), of(limits.assets_max.min(limits.balances_max)));
        (6 * orders).max(orders + assets) + 2 * of(limits.keys_max) + EVENTS_PER_COMMAND_MARGIN
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
        // Time that passed without a leader is nobody's absence: `TakeLead` arms every timer of a session anew instead.
        if call.kind != CommandKind::TakeLead {
            self.fire_due_timers(call);
        }
        if self.quotes.is_there() && call.kind != CommandKind::MassQuote {
            self.forget_slots();
        }
        match *command {
            Command::Genesis(genesis) => self.begin(call, genesis),
            Command::TakeLead { node, incarnation, session_grace } => {
                self.take_lead(call, node, incarnation, session_grace);
            }
            Command::SetDurability { durability, degraded } => {
                self.emit(call, call.requester(), Event::DurabilityChanged { durability, degraded });
            }
            Command::Tick => {}
            Command::OpenSession { session, cancel_on_disconnect, grace, refuse_if_open } => {
                self.open_session(call, session, cancel_on_disconnect, grace, refuse_if_open);
            }
            Command::CloseSession { session } => self.close_session(call, session),
            Command::NewOrder(_)
            | Command::ReplaceOrder { .. }
            | Command::CancelOrder { .. }
            | Command::ReduceOrder { .. }
            | Command::CancelAll(_)
            | Command::SetProtection { .. }
            | Command::ResetProtection { .. }
            | Command::CancelAllAfter { .. } => self.request(call, command, Roles::TRADE),
            Command::QueryOrder { .. } | Command::QueryOrders { .. } | Command::QueryBalances { .. } => {
                self.request(call, command, Roles::READ);
            }
            Command::MassQuote(ref slot) => self.take_slot(call, command, slot),
            Command::HoldWithdrawal { .. } | Command::Transfer { .. } if !call.is_operators() => {
                self.request(call, command, Roles::PAY);
            }
            Command::SetKillSwitch { .. } | Command::SetKeyRoles { .. } if !call.is_operators() => {
                self.request(call, command, Roles::ADMIN);
            }
            Command::CreateAsset { .. }
            | Command::CreateMarket(_)
            | Command::CreateAccount { .. }
            | Command::CreateKey { .. }
            | Command::SetMarketState { .. }
            | Command::SetMarketRules { .. }
            | Command::SetAccountLimits(_)
            | Command::SetAccountOwner { .. }
            | Command::SetAccountTier { .. }
            | Command::SetFeeTier { .. }
            | Command::SetKillSwitch { .. }
            | Command::SetKeyRoles { .. }
            | Command::SetKeyNetworks { .. } => self.administer(call, command),
            Command::Deposit { .. }
            | Command::Withdraw { .. }
            | Command::HoldWithdrawal { .. }
            | Command::SettleWithdrawal { .. }
            | Command::ReleaseWithdrawal { .. }
            | Command::Transfer { .. } => self.move_money(call, command),
        }
    }

    fn begin(&mut self, call: &mut Call<'_>, genesis: Genesis) {
        assert_eq!(
            genesis.logic_version, LOGIC_VERSION,
            "the journal was written by other rules; run it with a build that has them"
        );
        if let Err(wrong) = genesis.limits.check() {
            panic!("the journal cannot begin: {wrong}");
        }
        self.make_room(genesis);
        self.emit(call, call.requester(), Event::JournalBegun(genesis));
    }

    /// Makes every table, with the room that the journal's limits give it.
    fn make_room(&mut self, genesis: Genesis) {
        let limits = &genesis.limits;
        let (orders, seed) = (limits.open_orders_max as usize, genesis.seed);
        self.orders = OpenOrders::with_capacity(orders, seed);
        self.timers = Timers::with_capacity(limits.keys_max as usize, orders);
        let (balances, seats) = (limits.balances_max as usize, limits.seats_max as usize);
        self.ledger = Ledger::with_capacity(balances, seats, limits.assets_max as usize, seed);
        self.references = References::with_capacity(limits.references_max as usize);
        self.tiers = alloc::vec![(FeeRate::default(), FeeRate::default()); 256];
        self.genesis = Some(genesis);
    }

    fn limits(&self) -> &EngineLimits {
        &self.genesis.as_ref().expect("dispatch lets nothing pass before genesis").limits
    }

    /// Appends an event; a report gets the next number of its key.
    #[inline(never)]
    fn emit(&mut self, call: &mut Call<'_>, to: To, event: Event) {
        self.emit_here(call, to, event);
    }

    /// As [`Self::emit`], for the events that nearly every command causes: where it is known which one it is, nothing is left
    /// of the event but its fields, written to where they stay.
    #[inline(always)]
    fn emit_here(&mut self, call: &mut Call<'_>, to: To, event: Event) {
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
        call.out.push(&header, &event);
    }

    /// The operator and a key that does not exist have no numbered reports.
    #[inline]
    fn next_report(&mut self, id: KeyId) -> SessionSequence {
        let Some(key) = self.keys.get_mut(id.raw()) else { return SessionSequence::new(0) };
        let next = key.report_mark.raw().checked_add(1).expect("2^64 reports are out of reach");
        key.report_mark = SessionSequence::new(next);
        self.sum.add(key.weight);
        key.report_mark
    }

    fn reject(&mut self, call: &mut Call<'_>, to: To, reason: Reject) {
        self.emit(call, to, Event::Rejected { reason, command: call.kind });
    }

    #[inline]
    fn market(&self, id: MarketId) -> &Market {
        self.markets.get(id.raw()).expect("the market of an order exists")
    }

    #[inline]
    fn account(&self, id: AccountId) -> &Account {
        self.accounts.get(id.raw()).expect("a key's account exists")
    }

    #[inline]
    fn key_mut(&mut self, id: KeyId) -> &mut Key {
        self.keys.get_mut(id.raw()).expect("the key was looked up before")
    }

    /// Changes a market where its hash must follow.
    fn change_market(&mut self, id: MarketId, change: impl FnOnce(&mut Market)) {
        let market = self.markets.get_mut(id.raw()).expect("the market exists");
        let before = market.hash(id.raw());
        change(market);
        self.sum.replace(before, market.hash(id.raw()));
    }

    /// Changes an account where its hash must follow.
    fn change_account(&mut self, id: AccountId, change: impl FnOnce(&mut Account)) {
        let account = self.accounts.get_mut(id.raw()).expect("the account exists");
        let before = account.hash(id.raw());
        change(account);
        self.sum.replace(before, account.hash(id.raw()));
    }

    /// Changes a key where its hash must follow.
    #[inline]
    fn change_key(&mut self, id: KeyId, change: impl FnOnce(&mut Key)) {
        let key = self.keys.get_mut(id.raw()).expect("the key exists");
        let before = key.hash(id);
        change(key);
        self.sum.replace(before, key.hash(id));
    }
}
