//! Tidegate's whole engine: requests exactly once, accounts, money, fees and events around the book.
//!
//!   Workload --encode, not timed--> CommandRecord, .. --`StateMachine::apply`--> EventBuffer, used again
//!
//! Invariants: markets, accounts, keys and deposits are applied while preparing, and the records of the workload are
//! encoded then too. No command is refused, except a cancel that comes too late. The engine's replace names the whole
//! quantity of an order from its beginning, so encoding follows on the naive book what is filled of it.

use std::collections::HashSet;

use tidegate_domain::{
    AccountId, AssetAmount, CancelFilter, ClusterId, Command, CommandHeader, CommandRecord, EngineLimits, Epoch, Event,
    EventBuffer, FeeRate, Genesis, KeyId, LOGIC_VERSION, Liquidity, MarketId, MarketTerms, Name, Nanos, NewOrder,
    NodeId, OrderId, OrderOptions, OrderTarget, OrderType, Price, Qty, Reference, RequestNumber, Roles, Sequence,
    StateMachine, TimeInForce, Timestamp,
};
use tidegate_matching::Engine;

use super::naive::NaiveBook;
use super::{Part, Stream, Subject};
use crate::op::{Action, Fill, FillSink, Op, Tif};
use crate::workload::Workload;

/// Nanoseconds of the command's clock between two commands.
const NANOS_PER_COMMAND: u64 = 1_000;
/// Enough of each asset that nobody ever runs out.
const DEPOSIT_UNITS: u128 = 10_u128.pow(23);
const PRICE_MAX_TICKS: i64 = 1 << 30;
const QTY_MAX_LOTS: u64 = 1 << 30;
const MAKER_FEE_PPM: i32 = 100;
const TAKER_FEE_PPM: i32 = 200;

/// See the module.
#[derive(Debug)]
pub struct TidegateEngine {
    engine: Engine,
    out: EventBuffer,
    /// By sequence: the id that the workload knows an order by; 0 where the command made none.
    ids: Vec<u64>,
}

impl Subject for TidegateEngine {
    const NAME: &'static str = "tidegate-engine";
    type Command = CommandRecord;

    fn prepare(workload: &Workload, _: bool) -> Result<(Self, Stream<CommandRecord>), String> {
        let mut engine = Engine::new();
        let mut out = EventBuffer::default();
        let Encoded { set_up, stream, ids } = encode(workload, Timestamp::from_nanos(0));
        for record in set_up {
            out.clear();
            engine.apply(&record, &mut out);
            if let Some(Ok((_, Event::Rejected { reason, .. }))) = out.records().last().map(|last| last.decode()) {
                return Err(format!("the set-up was refused: {reason:?}"));
            }
        }
        out.clear();
        out.reserve_total(engine.events_per_command_max());
        Ok((Self { engine, out, ids }, stream))
    }

    #[inline]
    fn look_ahead(&self, coming: &[CommandRecord]) {
        self.engine.look_ahead(coming);
    }

    #[inline]
    fn apply<F: FillSink>(&mut self, record: &CommandRecord, fills: &mut F) -> u64 {
        self.out.clear();
        self.engine.apply(record, &mut self.out);
        if F::WANTED {
            self.report_fills(fills);
        }
        let events = self.out.records();
        let report = events.last().map_or(0, |last| last.session_sequence().raw());
        events.len() as u64 ^ report << 8
    }

    fn resting(&self) -> Option<usize> {
        Some(self.engine.open_order_count())
    }
}

impl TidegateEngine {
    fn report_fills<F: FillSink>(&self, fills: &mut F) {
        for record in self.out.records() {
            let Ok((_, Event::Fill(fill))) = record.decode() else { continue };
            if fill.liquidity == Liquidity::Taker {
                let id = |order: OrderId| self.ids[order.raw() as usize];
                let (taker, maker) = (id(fill.order), id(fill.counter_order));
                fills.fill(Fill { taker, maker, price: fill.price.ticks(), qty: fill.qty.lots() });
            }
        }
    }
}

/// A workload as commands, numbered from 1.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// `Genesis`, `TakeLead`, and then assets, markets, accounts, keys and deposits.
    pub set_up: Vec<CommandRecord>,
    /// What follows.
    pub stream: Stream<CommandRecord>,
    /// By sequence: the id that the workload knows an order by.
    ids: Vec<u64>,
}

/// Encodes a workload, as if it began at this time.
#[must_use]
pub fn encode(workload: &Workload, begins: Timestamp) -> Encoded {
    let mut encoder = Encoder::new(workload, begins);
    let set_up = encoder.set_up(workload);
    let mut stream = Stream { commands: Vec::with_capacity(workload.ops.len()), parts: Vec::new() };
    let mut ops = workload.ops.iter();
    for part in &workload.parts {
        let first = stream.commands.len();
        let taken = ops.by_ref().take(part.ops);
        match part.cancels_all_of {
            Some(account) => {
                taken.for_each(|op| encoder.follow(op));
                stream.commands.push(encoder.cancel_all(account));
            }
            None => stream.commands.extend(taken.map(|op| encoder.op(op))),
        }
        let commands = stream.commands.len() - first;
        stream.parts.push(Part { commands, ops: part.ops, is_measured: part.is_measured });
    }
    Encoded { set_up, stream, ids: encoder.ids }
}

/// What is known of an order while encoding.
#[derive(Clone, Copy, Debug)]
struct Known {
    account: u32,
    /// The engine's id of it.
    order: OrderId,
    /// Lots that were filled of it since it was new.
    filled: u64,
}

struct Encoder {
    begins: Timestamp,
    sequence: u64,
    /// By account: the number of its last request.
    requests: Vec<u64>,
    /// By the workload's id.
    orders: Vec<Known>,
    ids: Vec<u64>,
    limits: EngineLimits,
    naive: NaiveBook,
    fills: Vec<Fill>,
}

impl Encoder {
    fn new(workload: &Workload, begins: Timestamp) -> Self {
        let nobody = Known { account: 0, order: OrderId::new(0), filled: 0 };
        let resting = workload.resting_max as u32 + 1;
        let limits = EngineLimits {
            markets_max: workload.markets,
            accounts_max: workload.accounts,
            keys_max: workload.accounts,
            open_orders_max: resting,
            account_open_orders_max: resting,
            references_max: 2 * workload.accounts,
            balances_max: 2 * workload.accounts,
            seats_max: seats(workload),
            ..EngineLimits::default()
        };
        Self {
            begins,
            sequence: 0,
            requests: vec![0; workload.accounts as usize],
            orders: vec![nobody; workload.orders as usize + 1],
            ids: vec![0],
            limits,
            naive: NaiveBook::new(workload.markets as usize),
            fills: Vec::new(),
        }
    }

    /// The next record; `id` is the workload's, of the order that it makes.
    fn record(&mut self, mut header: CommandHeader, command: &Command, id: u64) -> CommandRecord {
        self.sequence += 1;
        header.sequence = Sequence::new(self.sequence);
        header.time = Timestamp::from_nanos(self.begins.nanos() + self.sequence * NANOS_PER_COMMAND);
        header.epoch = Epoch::new(u32::from(self.sequence > 1));
        self.ids.push(id);
        CommandRecord::encode(&header, command)
    }

    /// Everything before the first order.
    fn set_up(&mut self, workload: &Workload) -> Vec<CommandRecord> {
        let operator = CommandHeader::default();
        let genesis =
            Genesis { cluster: ClusterId::new(1), logic_version: LOGIC_VERSION, limits: self.limits, seed: 7 };
        let lead = Command::TakeLead { node: NodeId::new(1), incarnation: 1, session_grace: Nanos::default() };
        let mut records = vec![self.record(operator, &Command::Genesis(genesis), 0), self.record(operator, &lead, 0)];
        let (base, quote) = (name("BASE"), name("QUOTE"));
        for name in [base, quote] {
            records.push(self.admin(0, &Command::CreateAsset { name, decimals: 8 }));
        }
        for market in 0..workload.markets {
            let terms = MarketTerms {
                name: name(&format!("M{market}")),
                base,
                quote,
                base_units_per_lot: 1,
                quote_units_per_tick_lot: 1,
                maker_fee: FeeRate::from_ppm(MAKER_FEE_PPM),
                taker_fee: FeeRate::from_ppm(TAKER_FEE_PPM),
                qty_max: Qty::from_lots(QTY_MAX_LOTS),
                price_max: Price::from_ticks(PRICE_MAX_TICKS),
            };
            records.push(self.admin(0, &Command::CreateMarket(terms)));
        }
        for account in 1..=workload.accounts {
            records.push(self.admin(0, &Command::CreateAccount { name: name(&format!("A{account}")) }));
            let mut public_key = [0; 32];
            public_key[..4].copy_from_slice(&account.to_le_bytes());
            let (name, roles) = (name(&format!("K{account}")), Roles::READ.with(Roles::TRADE));
            records.push(self.admin(account, &Command::CreateKey { name, public_key, roles }));
            for asset in [base, quote] {
                let reference = Reference::new(&format!("{asset}-{account}")).expect("it is short and printable");
                let amount = AssetAmount::from_units(DEPOSIT_UNITS);
                let deposit = Command::Deposit { asset, amount, reference, at: self.begins };
                records.push(self.admin(account, &deposit));
            }
        }
        records
    }

    /// A command of the operator about an account, or about none.
    fn admin(&mut self, account: u32, command: &Command) -> CommandRecord {
        let account = AccountId::new(account);
        let header =
            CommandHeader { account, request: RequestNumber::new(self.sequence + 1), ..CommandHeader::default() };
        self.record(header, command, 0)
    }

    /// The next request of an account's key.
    fn request(&mut self, account: u32, command: &Command, id: u64) -> CommandRecord {
        let number = &mut self.requests[account as usize];
        *number += 1;
        let header = CommandHeader {
            request: RequestNumber::new(*number),
            key: KeyId::new(account + 1),
            account: AccountId::new(account + 1),
            ..CommandHeader::default()
        };
        self.record(header, command, id)
    }

    fn op(&mut self, op: &Op) -> CommandRecord {
        let record = match op.action {
            Action::New { id, account, side, price, qty, tif } => {
                // The engine names an order by the sequence of its command.
                self.orders[id as usize] = Known { account, order: OrderId::new(self.sequence + 1), filled: 0 };
                let order = NewOrder {
                    market: MarketId::new(op.market + 1),
                    side,
                    order_type: OrderType::Limit,
                    time_in_force: if tif == Tif::Gtc { TimeInForce::Gtc } else { TimeInForce::Ioc },
                    post_only: false,
                    price: Price::from_ticks(price),
                    qty: Qty::from_lots(qty),
                    options: OrderOptions::default(),
                };
                self.request(account, &Command::NewOrder(order), id)
            }
            Action::Cancel { id } => {
                let Known { account, order, .. } = self.orders[id as usize];
                self.request(account, &Command::CancelOrder { target: OrderTarget::Order(order) }, 0)
            }
            Action::Replace { id, price, qty: leaves } => {
                let Known { account, order, filled } = self.orders[id as usize];
                let (price, qty) = (Price::from_ticks(price), Qty::from_lots(filled + leaves));
                self.request(account, &Command::ReplaceOrder { target: OrderTarget::Order(order), price, qty }, 0)
            }
            Action::Reduce { id, by } => {
                let Known { account, order, .. } = self.orders[id as usize];
                let (target, by) = (OrderTarget::Order(order), Qty::from_lots(by));
                self.request(account, &Command::ReduceOrder { target, by }, 0)
            }
        };
        self.follow(op);
        record
    }

    /// Notes what an op fills.
    fn follow(&mut self, op: &Op) {
        self.naive.apply(op, &mut self.fills);
        for Fill { taker, maker, qty, .. } in self.fills.drain(..) {
            self.orders[taker as usize].filled += qty;
            self.orders[maker as usize].filled += qty;
        }
    }

    fn cancel_all(&mut self, account: u32) -> CommandRecord {
        self.request(account, &Command::CancelAll(CancelFilter::default()), 0)
    }
}

/// Pairs of account and market that ever have an order.
fn seats(workload: &Workload) -> u32 {
    let pairs = workload.ops.iter().filter_map(|op| match op.action {
        Action::New { account, .. } => Some((account, op.market)),
        _ => None,
    });
    u32::try_from(pairs.collect::<HashSet<_>>().len()).expect("there are fewer orders")
}

fn name(text: &str) -> Name {
    Name::new(text).expect("names of the set-up are short and printable")
}
