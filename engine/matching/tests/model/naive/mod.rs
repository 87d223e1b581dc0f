//! The rules once more, as plainly as they can be said: one list of orders that is searched from end to end, balances as
//! totals from which what is held and what is pending is computed anew each time, full payloads instead of hashes.
//!
//! Shares no code with the engine but the words of `domain`, and not even its arithmetic. RULES.md is the only source:
//! where the engine does something else, one of the three is wrong.

use std::collections::{BTreeMap, VecDeque};

use tidegate_domain::*;

mod admin;
mod admit;
mod changes;
mod money;
mod orders;
mod protection;
mod queries;
mod quotes;
mod requests;
mod sessions;
mod stops;
mod trading;

/// 2^96.
const TOO_MUCH: i128 = 79_228_162_514_264_337_593_543_950_336;
const MILLION: i128 = 1_000_000;
const SECOND_NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * SECOND_NS;

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In its market's stop list.
    Waiting,
    /// On its way through the book.
    Taking,
    /// In the book; at one price the lower number trades first.
    Resting(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct NaiveOrder {
    pub(crate) id: u64,
    pub(crate) key: u32,
    pub(crate) account: u32,
    pub(crate) request: u64,
    pub(crate) market: u32,
    pub(crate) is_buy: bool,
    pub(crate) order_type: OrderType,
    time_in_force: TimeInForce,
    post_only: bool,
    reprice: bool,
    self_trade: SelfTrade,
    pub(crate) group: u8,
    /// Its limit; 0 without.
    pub(crate) price: i128,
    pub(crate) trigger: i128,
    /// 0: all of it is shown.
    display: i128,
    pub(crate) left: i128,
    pub(crate) shown: i128,
    pub(crate) filled: i128,
    /// What is left to spend or to bring in; 0 for all but budget orders.
    budget: i128,
    expires: Option<u64>,
    pub(crate) place: Place,
    is_quote: bool,
    pub(crate) on_disconnect: OnDisconnect,
}

impl NaiveOrder {
    fn has_limit(&self) -> bool {
        matches!(self.order_type, OrderType::Limit | OrderType::StopLimit)
    }

    fn limit(&self) -> Option<i128> {
        self.has_limit().then_some(self.price)
    }

    /// Whether its funds are held; if not, it pays from what is available.
    fn is_backed(&self) -> bool {
        match self.order_type {
            OrderType::Limit | OrderType::StopLimit => true,
            OrderType::Market | OrderType::Stop => !self.is_buy,
            OrderType::Budget => false,
        }
    }

    /// How much of `left` it would show in the book.
    fn shown_of(&self, left: i128) -> i128 {
        if self.display == 0 { left } else { self.display.min(left) }
    }

    fn rank(&self) -> Option<u64> {
        if let Place::Resting(rank) = self.place { Some(rank) } else { None }
    }
}

pub(crate) struct NaiveMarket {
    name: Name,
    base: u32,
    quote: u32,
    base_unit: i128,
    quote_unit: i128,
    pub(crate) state: MarketState,
    pub(crate) rules: MarketRules,
    /// Price of its newest trade.
    pub(crate) last: Option<i128>,
}

#[derive(Default)]
struct NaiveAccount {
    name: Name,
    is_killed: bool,
    is_killed_by_operator: bool,
    owner: u32,
    tier: u8,
    limits: AccountLimits,
    protections: Vec<Protection>,
}

struct Protection {
    group: u8,
    window: u64,
    qty_max: i128,
    count_max: i128,
    /// Time of the first fill that is counted.
    since: Option<u64>,
    qty: i128,
    count: i128,
    is_triggered: bool,
}

struct NaiveKey {
    name: Name,
    public_key: [u8; 32],
    account: u32,
    roles: Roles,
    mark: u64,
    reports: u64,
    done: VecDeque<Done>,
    session: Option<NaiveSession>,
    /// When its orders go.
    dead_man: Option<u64>,
}

struct Done {
    request: u64,
    sequence: u64,
    payload: Vec<u8>,
    /// Ids of the orders that it made.
    made: Vec<u64>,
    order: Option<u64>,
    reject: Option<Reject>,
}

#[derive(Clone)]
struct NaiveSession {
    id: u64,
    cancels: bool,
    grace: u64,
    told: bool,
    due: Option<u64>,
}

/// Kind, giver, receiver, asset, amount.
type PaymentPayload = (CommandKind, u32, u32, Name, AssetAmount);

struct NaiveReference {
    reference: Reference,
    account: u32,
    payload: PaymentPayload,
    sequence: u64,
    /// The latest of its business time, its command's, and its hold's end.
    kept_from: u64,
    hold: Option<Hold>,
}

#[derive(Clone, Copy)]
struct Hold {
    asset: u32,
    amount: i128,
    /// Settled or released, by which command.
    done: Option<(CommandKind, u64)>,
}

#[derive(Default)]
pub(crate) struct Naive {
    limits: EngineLimits,
    assets: Vec<Name>,
    pub(crate) markets: Vec<NaiveMarket>,
    accounts: Vec<NaiveAccount>,
    keys: Vec<NaiveKey>,
    tiers: BTreeMap<u8, (i128, i128)>,
    /// Available and held together.
    total: BTreeMap<(u32, u32), i128>,
    pub(crate) fees: BTreeMap<u32, i128>,
    /// Pairs of account and market that ever had an order.
    seats: Vec<(u32, u32)>,
    references: Vec<NaiveReference>,
    /// In the order of their ids.
    pub(crate) orders: Vec<NaiveOrder>,
    /// Counts the arrivals in books.
    arrivals: u64,
    now: CommandHeader,
    kind: Option<CommandKind>,
    payload: Vec<u8>,
    /// Ids of the orders that the command made.
    made: Vec<u64>,
    /// Of a mass quote that is not complete: who sent them, what they say, their payloads.
    slots: Vec<(CommandHeader, MassQuote, Vec<u8>)>,
    out: Vec<(EventHeader, Event)>,
}

/// The order that a request made or changed, or why it did not.
type Answer = Result<Option<u64>, Reject>;

impl Naive {
    pub(crate) fn apply(&mut self, record: &CommandRecord) -> Vec<(EventHeader, Event)> {
        let (header, command) = record.decode().unwrap();
        self.now = header;
        self.kind = Some(command.kind());
        self.payload.clear();
        self.made.clear();
        self.payload.extend_from_slice(record.payload());
        self.forget_old_references();
        if !matches!(command, Command::TakeLead { .. }) {
            self.fire_timers();
        }
        if !matches!(command, Command::MassQuote(_)) {
            self.slots.clear();
        }
        self.execute(&command);
        let mut out = std::mem::take(&mut self.out);
        if let Some((last, _)) = out.last_mut() {
            last.flags = EventFlags::LAST;
        }
        out
    }

    /// Available, held.
    pub(crate) fn balance(&self, account: u32, asset: u32) -> (i128, i128) {
        let held = self.held(account, asset);
        (self.total.get(&(account, asset)).copied().unwrap_or(0) - held, held)
    }

    pub(crate) fn pending(&self, account: u32, asset: u32) -> i128 {
        let of_account = self.references.iter().filter(|reference| reference.account == account);
        let holds = of_account.filter_map(|reference| reference.hold);
        holds.filter(|hold| hold.asset == asset && hold.done.is_none()).map(|hold| hold.amount).sum()
    }

    /// The orders of one side of a book, in the order in which they would trade.
    pub(crate) fn book(&self, market: u32, is_buy: bool) -> Vec<&NaiveOrder> {
        let in_book = |order: &&NaiveOrder| order.market == market && order.is_buy == is_buy && order.rank().is_some();
        let mut book: Vec<&NaiveOrder> = self.orders.iter().filter(in_book).collect();
        book.sort_by_key(|order| (if is_buy { -order.price } else { order.price }, order.rank()));
        book
    }

    /// Buys by the lowest trigger, then sells by the highest, at one trigger the oldest first.
    pub(crate) fn waiting_stops(&self, market: u32) -> Vec<&NaiveOrder> {
        let is_waiting = |order: &&NaiveOrder| order.market == market && order.place == Place::Waiting;
        let mut stops: Vec<&NaiveOrder> = self.orders.iter().filter(is_waiting).collect();
        stops.sort_by_key(|order| (!order.is_buy, if order.is_buy { order.trigger } else { -order.trigger }, order.id));
        stops
    }

    fn held(&self, account: u32, asset: u32) -> i128 {
        let mut held = 0;
        for order in &self.orders {
            let market = &self.markets[order.market as usize - 1];
            if order.account == account && order.is_backed() {
                if order.is_buy && market.quote == asset {
                    held += order.price * order.left * market.quote_unit;
                }
                if !order.is_buy && market.base == asset {
                    held += order.left * market.base_unit;
                }
            }
        }
        held
    }

    fn market(&self, id: u32) -> &NaiveMarket {
        &self.markets[id as usize - 1]
    }

    fn account(&self, id: u32) -> &NaiveAccount {
        &self.accounts[id as usize - 1]
    }

    fn has_account(&self, id: u32) -> bool {
        id >= 1 && id as usize <= self.accounts.len()
    }

    fn has_key(&self, id: u32) -> bool {
        id >= 1 && id as usize <= self.keys.len()
    }

    fn order(&self, id: u64) -> Option<&NaiveOrder> {
        self.orders.iter().find(|order| order.id == id)
    }

    fn order_mut(&mut self, id: u64) -> &mut NaiveOrder {
        self.orders.iter_mut().find(|order| order.id == id).unwrap()
    }

    fn tell(&mut self, key: u32, account: u32, market: u32, request: u64, event: Event) {
        // Reports: answers, and all that is told of orders, protections and keys' timers.
        let is_report = event.kind().code() < EventKind::Deposited.code()
            && !matches!(event, Event::SessionOpened { .. } | Event::SessionClosed { .. });
        let mut number = 0;
        if is_report && self.has_key(key) {
            let key = &mut self.keys[key as usize - 1];
            key.reports += 1;
            number = key.reports;
        }
        let header = EventHeader {
            sequence: self.now.sequence,
            index: self.out.len() as u32,
            time: self.now.time,
            epoch: self.now.epoch,
            key: KeyId::new(key),
            account: AccountId::new(account),
            market: MarketId::new(market),
            request: RequestNumber::new(request),
            session_sequence: SessionSequence::new(number),
            previous_report: LogAddress::NONE,
            flags: EventFlags::NONE,
        };
        self.out.push((header, event));
    }

    /// To whoever asked.
    fn answer(&mut self, market: u32, event: Event) {
        let CommandHeader { key, account, request, .. } = self.now;
        self.tell(key.raw(), account.raw(), market, request.raw(), event);
    }

    fn refuse(&mut self, market: u32, reason: Reject) {
        let command = self.kind.unwrap();
        self.answer(market, Event::Rejected { reason, command });
    }

    /// To the key that created the order, with the request that created it.
    fn tell_creator(&mut self, order: &NaiveOrder, event: Event) {
        self.tell(order.key, order.account, order.market, order.request, event);
    }

    /// The same, but to a creator who asked for it this answers what it asked.
    fn tell_creator_of_change(&mut self, order: &NaiveOrder, event: Event) {
        let is_asker = order.key == self.now.key.raw();
        let request = if is_asker { self.now.request.raw() } else { order.request };
        self.tell(order.key, order.account, order.market, request, event);
    }

    fn execute(&mut self, command: &Command) {
        match *command {
            Command::Genesis(genesis) => {
                self.limits = genesis.limits;
                self.answer(0, Event::JournalBegun(genesis));
            }
            Command::TakeLead { node, incarnation, session_grace } => self.take_lead(node, incarnation, session_grace),
            Command::SetDurability { durability, degraded } => {
                self.answer(0, Event::DurabilityChanged { durability, degraded });
            }
            Command::Tick => {}
            Command::OpenSession { session, cancel_on_disconnect, grace, refuse_if_open } => {
                self.login(session, cancel_on_disconnect, grace, refuse_if_open);
            }
            Command::CloseSession { session } => self.logout(session.raw()),
            Command::NewOrder(ref new) => self.once(new.market.raw(), command),
            Command::CancelAll(ref filter) => self.once(filter.market.map_or(0, MarketId::raw), command),
            Command::CancelOrder { .. }
            | Command::ReduceOrder { .. }
            | Command::ReplaceOrder { .. }
            | Command::SetProtection { .. }
            | Command::ResetProtection { .. }
            | Command::CancelAllAfter { .. }
            | Command::QueryOrder { .. }
            | Command::QueryBalances { .. } => self.once(0, command),
            Command::QueryOrders { market } => self.once(market.map_or(0, MarketId::raw), command),
            Command::MassQuote(ref slot) => self.slot(command, slot),
            Command::HoldWithdrawal { .. }
            | Command::Transfer { .. }
            | Command::SetKillSwitch { .. }
            | Command::SetKeyRoles { .. }
                if self.now.key.raw() != 0 =>
            {
                self.once(0, command);
            }
            _ if self.now.key.raw() != 0 => self.refuse(0, Reject::UnknownKey),
            Command::Deposit { .. }
            | Command::Withdraw { .. }
            | Command::HoldWithdrawal { .. }
            | Command::Transfer { .. }
            | Command::SettleWithdrawal { .. }
            | Command::ReleaseWithdrawal { .. } => {
                if let Err(reason) = self.pay(command) {
                    self.refuse(0, reason);
                }
            }
            _ => {
                if let Err(reason) = self.set_up(command) {
                    self.refuse(0, reason);
                }
            }
        }
    }
}

fn side(is_buy: bool) -> Side {
    if is_buy { Side::Buy } else { Side::Sell }
}

fn lots(qty: i128) -> Qty {
    Qty::from_lots(u64::try_from(qty).unwrap())
}

fn ticks(price: i128) -> Price {
    Price::from_ticks(i64::try_from(price).unwrap())
}

fn units(amount: i128) -> AssetAmount {
    AssetAmount::from_units(u128::try_from(amount).unwrap())
}

fn refuse_if(condition: bool, reason: Reject) -> Result<(), Reject> {
    if condition { Err(reason) } else { Ok(()) }
}
