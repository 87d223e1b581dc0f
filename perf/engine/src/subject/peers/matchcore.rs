//! The package `matchcore`: a book that executes commands.
//!
//! Invariants: the package names an order by the number of its command, which is dense in each book, so ids are translated
//! while preparing. Version 0.4.0 lets an order that trades go on through prices beyond its limit; nothing is done about it
//! here, so it conforms only where no order would.

use matchcore::{
    AmendCmd, AmendPatch, CancelCmd, Command, CommandKind, CommandMeta, CommandOutcome, CommandReport, LimitOrder,
    LimitOrderPatch, NewOrder, OrderBook, OrderFlags, OrderId, OrderKind, Price, Quantity, QuantityPolicy,
    SequenceNumber, Side, SubmitCmd, TimeInForce, Timestamp,
};

use crate::op::{Action, Fill, FillSink, NoFills, Op, Tif};
use crate::subject::naive::NaiveBook;
use crate::subject::{Stream, Subject, plain_stream};
use crate::workload::Workload;

/// See the module.
#[derive(Debug)]
pub struct Peer {
    books: Vec<OrderBook>,
    /// By market and number of the command: our id.
    ids: Vec<Vec<u64>>,
}

/// A command and its market.
#[derive(Debug)]
pub struct MarketCommand {
    market: u32,
    command: Command,
}

struct Encoder {
    /// Knows what is left of an order: the package is told quantities, never differences.
    naive: NaiveBook,
    /// By market and number of the command: our id.
    ids: Vec<Vec<u64>>,
    /// By our id: the package's.
    orders: Vec<OrderId>,
}

const fn standard(qty: u64) -> QuantityPolicy {
    QuantityPolicy::Standard { quantity: Quantity(qty) }
}

impl Encoder {
    fn submit(&mut self, market: u32, id: u64, at: (tidegate_domain::Side, i64), qty: u64, tif: Tif) -> Command {
        let side = if at.0 == tidegate_domain::Side::Buy { Side::Buy } else { Side::Sell };
        let tif = if tif == Tif::Gtc { TimeInForce::Gtc } else { TimeInForce::Ioc };
        let price = Price(at.1.cast_unsigned());
        let order = LimitOrder::new(price, standard(qty), OrderFlags::new(side, false, tif));
        self.orders[id as usize] = OrderId(self.ids[market as usize].len() as u64);
        self.numbered(market, id, CommandKind::Submit(SubmitCmd { order: NewOrder::Limit(order) }))
    }

    fn amend(&mut self, market: u32, id: u64, patch: LimitOrderPatch) -> Command {
        let order_id = self.orders[id as usize];
        self.numbered(market, id, CommandKind::Amend(AmendCmd { order_id, patch: AmendPatch::Limit(patch) }))
    }

    fn cancel(&mut self, market: u32, id: u64) -> Command {
        let order_id = self.orders[id as usize];
        self.numbered(market, id, CommandKind::Cancel(CancelCmd { order_id, order_kind: OrderKind::Limit }))
    }

    fn numbered(&mut self, market: u32, id: u64, kind: CommandKind) -> Command {
        let ids = &mut self.ids[market as usize];
        let number = ids.len() as u64;
        ids.push(id);
        Command { meta: CommandMeta { sequence_number: SequenceNumber(number), timestamp: Timestamp(number) }, kind }
    }

    fn command(&mut self, op: &Op) -> MarketCommand {
        let market = op.market;
        let command = match op.action {
            Action::New { id, side, price, qty, tif, .. } => self.submit(market, id, (side, price), qty, tif),
            Action::Cancel { id } => self.cancel(market, id),
            Action::Replace { id, price, qty } => {
                let price = Price(price.cast_unsigned());
                let patch = LimitOrderPatch::new().with_price(price).with_quantity_policy(standard(qty));
                self.amend(market, id, patch)
            }
            Action::Reduce { id, by } => {
                let leaves = self.naive.leaves(id).expect("a reduced order rests") - by;
                self.amend(market, id, LimitOrderPatch::new().with_quantity_policy(standard(leaves)))
            }
        };
        self.naive.apply(op, &mut NoFills);
        MarketCommand { market, command }
    }
}

impl Subject for Peer {
    const NAME: &'static str = "matchcore";
    type Command = MarketCommand;

    fn prepare(workload: &Workload, _: bool) -> Result<(Self, Stream<MarketCommand>), String> {
        let markets = workload.markets as usize;
        let mut encoder = Encoder {
            naive: NaiveBook::new(markets),
            ids: vec![Vec::new(); markets],
            orders: vec![OrderId(u64::MAX); workload.orders as usize + 1],
        };
        let Stream { commands, parts } = plain_stream(workload);
        let commands = commands.iter().map(|op| encoder.command(op)).collect();
        let books = (0..markets).map(|market| OrderBook::new(&format!("M{market}"))).collect();
        Ok((Self { books, ids: encoder.ids }, Stream { commands, parts }))
    }

    #[inline]
    fn apply<F: FillSink>(&mut self, command: &MarketCommand, fills: &mut F) -> u64 {
        let outcome = self.books[command.market as usize].execute(&command.command);
        let CommandOutcome::Applied(CommandReport::Submit(effects) | CommandReport::Amend(effects)) = outcome else {
            return 0;
        };
        let target = effects.target_order();
        let Some(matched) = target.match_result() else { return 0 };
        if F::WANTED {
            let ids = &self.ids[command.market as usize];
            let id = |order: OrderId| ids[order.0 as usize];
            for trade in matched.trades() {
                let (taker, maker) = (id(target.order_id()), id(trade.maker_order_id()));
                fills.fill(Fill { taker, maker, price: trade.price().0.cast_signed(), qty: trade.quantity().0 });
            }
        }
        matched.executed_quantity().0
    }
}
