//! Tidegate's whole engine: requests exactly once, accounts, money, fees and events around the book.
//!
//!   Workload --encode, not timed--> CommandRecord, .. --`StateMachine::apply`--> EventBuffer, used again
//!
//! Invariants: markets, accounts, keys and deposits are applied while preparing, and the records of the workload are
//! encoded then too. No command is refused, except a cancel that comes too late. A replace is one op even where it is
//! two commands.

use tidegate_domain::{
    AccountId, AssetAmount, ClusterId, Command, CommandHeader, CommandRecord, EngineLimits, Epoch, Event, EventBuffer,
    Genesis, KeyId, LOGIC_VERSION, Liquidity, MarketId, MarketTerms, Name, NewOrder, NodeId, OrderId, OrderTarget,
    OrderType, Ppm, Price, Qty, Reference, RequestNumber, Sequence, Side, StateMachine, TimeInForce, Timestamp,
};
use tidegate_matching::Engine;

use super::{Part, Stream, Subject};
use crate::op::{Action, Fill, FillSink, Op, Tif};
use crate::workload::Workload;

/// Nanoseconds of the command's clock between two commands.
const NANOS_PER_COMMAND: u64 = 1_000;
/// Enough of each asset that nobody ever runs out.
const DEPOSIT_UNITS: u128 = 10_u128.pow(23);
const PRICE_MAX_TICKS: i64 = 1 << 30;
const QTY_MAX_LOTS: u64 = 1 << 30;
const MAKER_FEE_PPM: u32 = 100;
const TAKER_FEE_PPM: u32 = 200;

/// Records that are applied one after the other for one op.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    first: u32,
    len: u32,
}

/// See the module.
#[derive(Debug)]
pub struct TidegateEngine {
    engine: Engine,
    out: EventBuffer,
    records: Vec<CommandRecord>,
    /// By sequence: the id that the workload knows an order by; 0 where the command made none.
    ids: Vec<u64>,
}

impl Subject for TidegateEngine {
    const NAME: &'static str = "tidegate-engine";
    type Command = Span;

    fn prepare(workload: &Workload, _: bool) -> Result<(Self, Stream<Span>), String> {
        let mut engine = Engine::new();
        let mut out = EventBuffer::default();
        let mut encoder = Encoder::new(workload);
        encoder.set_up(workload);
        for record in encoder.records.drain(..) {
            out.clear();
            engine.apply(&record, &mut out);
            if let Some(Ok((_, Event::Rejected { reason, .. }))) = out.records().last().map(|last| last.decode()) {
                return Err(format!("the set-up was refused: {reason:?}"));
            }
        }
        out.clear();
        out.reserve_total(engine.events_per_command_max());
        let mut stream = Stream { commands: Vec::with_capacity(workload.ops.len()), parts: Vec::new() };
        let mut ops = workload.ops.iter();
        for part in &workload.parts {
            let first = stream.commands.len();
            let taken = ops.by_ref().take(part.ops);
            match part.cancels_all_of {
                Some(account) => {
                    taken.for_each(drop);
                    stream.commands.push(encoder.cancel_all(account));
                }
                None => stream.commands.extend(taken.map(|op| encoder.op(op))),
            }
            let commands = stream.commands.len() - first;
            stream.parts.push(Part { commands, ops: part.ops, is_measured: part.is_measured });
        }
        Ok((Self { engine, out, records: encoder.records, ids: encoder.ids }, stream))
    }

    #[inline]
    fn apply<F: FillSink>(&mut self, span: &Span, fills: &mut F) -> u64 {
        let mut result = 0;
        let first = span.first as usize;
        for record in &self.records[first..first + span.len as usize] {
            self.out.clear();
            self.engine.apply(record, &mut self.out);
            let events = self.out.records();
            result += events.len() as u64;
            if let Some(last) = events.last() {
                result ^= last.session_sequence().raw() << 8;
            }
            if F::WANTED {
                self.report_fills(fills);
            }
        }
        result
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

    /// How many records one pass applies: more than ops where an op is two of them.
    #[must_use]
    pub const fn record_count(&self) -> usize {
        self.records.len()
    }
}

/// What is known of an order while encoding.
#[derive(Clone, Copy, Debug)]
struct Known {
    account: u32,
    side: Side,
    /// The engine's id of it.
    order: OrderId,
}

struct Encoder {
    records: Vec<CommandRecord>,
    sequence: u64,
    /// By account: the number of its last request.
    requests: Vec<u64>,
    /// By the workload's id.
    orders: Vec<Known>,
    ids: Vec<u64>,
    limits: EngineLimits,
}

impl Encoder {
    fn new(workload: &Workload) -> Self {
        let nobody = Known { account: 0, side: Side::Buy, order: OrderId::new(0) };
        let resting = workload.resting_max as u32 + 1;
        let limits = EngineLimits {
            markets_max: workload.markets,
            accounts_max: workload.accounts,
            keys_max: workload.accounts,
            open_orders_max: resting,
            account_open_orders_max: resting,
            references_max: 2 * workload.accounts,
            ..EngineLimits::default()
        };
        Self {
            records: Vec::with_capacity(workload.ops.len() * 3 / 2),
            sequence: 0,
            requests: vec![0; workload.accounts as usize],
            orders: vec![nobody; workload.orders as usize + 1],
            ids: vec![0],
            limits,
        }
    }

    fn push(&mut self, mut header: CommandHeader, command: &Command, id: u64) {
        self.sequence += 1;
        header.sequence = Sequence::new(self.sequence);
        header.time = Timestamp::from_nanos(self.sequence * NANOS_PER_COMMAND);
        header.epoch = Epoch::new(u32::from(self.sequence > 1));
        self.records.push(CommandRecord::encode(&header, command));
        self.ids.push(id);
    }

    /// Everything before the first order.
    fn set_up(&mut self, workload: &Workload) {
        let operator = CommandHeader::default();
        let genesis = Genesis { cluster: ClusterId::new(1), logic_version: LOGIC_VERSION, limits: self.limits };
        self.push(operator, &Command::Genesis(genesis), 0);
        self.push(operator, &Command::TakeLead { node: NodeId::new(1), incarnation: 1 }, 0);
        let (base, quote) = (name("BASE"), name("QUOTE"));
        for name in [base, quote] {
            self.admin(0, &Command::CreateAsset { name, decimals: 8 });
        }
        for market in 0..workload.markets {
            let terms = MarketTerms {
                name: name(&format!("M{market}")),
                base,
                quote,
                base_units_per_lot: 1,
                quote_units_per_tick_lot: 1,
                maker_fee: Ppm::new(MAKER_FEE_PPM),
                taker_fee: Ppm::new(TAKER_FEE_PPM),
                qty_max: Qty::from_lots(QTY_MAX_LOTS),
                price_max: Price::from_ticks(PRICE_MAX_TICKS),
            };
            self.admin(0, &Command::CreateMarket(terms));
        }
        for account in 1..=workload.accounts {
            self.admin(0, &Command::CreateAccount { name: name(&format!("A{account}")) });
            let mut public_key = [0; 32];
            public_key[..4].copy_from_slice(&account.to_le_bytes());
            self.admin(account, &Command::CreateKey { name: name(&format!("K{account}")), public_key });
            for asset in [base, quote] {
                let reference = Reference::new(&format!("{asset}-{account}")).expect("it is short and printable");
                let amount = AssetAmount::from_units(DEPOSIT_UNITS);
                self.admin(account, &Command::Deposit { asset, amount, reference });
            }
        }
    }

    /// A command of the operator about an account, or about none.
    fn admin(&mut self, account: u32, command: &Command) {
        let account = AccountId::new(account);
        let header =
            CommandHeader { account, request: RequestNumber::new(self.sequence + 1), ..CommandHeader::default() };
        self.push(header, command, 0);
    }

    /// The next request of an account's key.
    fn request(&mut self, account: u32, command: &Command, id: u64) {
        let number = &mut self.requests[account as usize];
        *number += 1;
        let header = CommandHeader {
            request: RequestNumber::new(*number),
            key: KeyId::new(account + 1),
            account: AccountId::new(account + 1),
            ..CommandHeader::default()
        };
        self.push(header, command, id);
    }

    fn op(&mut self, op: &Op) -> Span {
        let first = self.records.len();
        match op.action {
            Action::New { id, account, side, price, qty, tif } => {
                self.orders[id as usize] = Known { account, side, order: OrderId::new(0) };
                self.new_order(op, id, price, qty, tif);
            }
            Action::Cancel { id } => self.cancel(id),
            Action::Replace { id, price, qty } => self.replace(op, id, price, qty),
            Action::Reduce { id, by } => {
                let Known { account, order, .. } = self.orders[id as usize];
                let target = OrderTarget::Order(order);
                self.request(account, &Command::ReduceOrder { target, by: Qty::from_lots(by) }, 0);
            }
        }
        self.span(first)
    }

    fn span(&self, first: usize) -> Span {
        let number = |value: usize| u32::try_from(value).expect("a workload has less than 2^32 records");
        Span { first: number(first), len: number(self.records.len() - first) }
    }

    fn new_order(&mut self, op: &Op, id: u64, price: i64, qty: u64, tif: Tif) {
        let Known { account, side, .. } = self.orders[id as usize];
        let order = NewOrder {
            market: MarketId::new(op.market + 1),
            side,
            order_type: OrderType::Limit,
            time_in_force: if tif == Tif::Gtc { TimeInForce::Gtc } else { TimeInForce::Ioc },
            post_only: false,
            price: Price::from_ticks(price),
            qty: Qty::from_lots(qty),
        };
        self.request(account, &Command::NewOrder(order), id);
        // The engine names an order by the sequence of its command.
        self.orders[id as usize].order = OrderId::new(self.sequence);
    }

    fn cancel(&mut self, id: u64) {
        let Known { account, order, .. } = self.orders[id as usize];
        self.request(account, &Command::CancelOrder { target: OrderTarget::Order(order) }, 0);
    }

    /// The engine has no replace yet: a cancel and a new order. One op all the same.
    fn replace(&mut self, op: &Op, id: u64, price: i64, qty: u64) {
        self.cancel(id);
        self.new_order(op, id, price, qty, Tif::Gtc);
    }

    fn cancel_all(&mut self, account: u32) -> Span {
        let first = self.records.len();
        self.request(account, &Command::CancelAll { market: None }, 0);
        self.span(first)
    }
}

fn name(text: &str) -> Name {
    Name::new(text).expect("names of the set-up are short and printable")
}
