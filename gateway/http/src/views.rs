//! Depth, trades and tickers of every market, from events alone.
//!
//! ```text
//!   EventHeader, Event --[MarketViews::on_event]--> levels, last trades, spans --> HTTP, WebSocket
//! ```
//!
//! Invariants: pure: no clock, no I/O. An order is in a level from its acceptance (only what may rest: a limit order, good
//! till cancelled) until it is filled, cancelled or reduced away, so the levels are the engine's at every command
//! boundary; between two events of one command they are not, and nobody looks ([`MarketViews::through`]).
//! Owning thread: whoever holds the board.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tidegate_domain::{
    AssetId, CancelReason, Epoch, Event, EventFlags, EventHeader, Fill, Liquidity, MarketDefinition, MarketId,
    MarketState, OrderId, OrderType, Price, Qty, Sequence, Side, TimeInForce, Timestamp,
};

use crate::decimal::Scale;
use crate::ticker::{Span, Ticker};

/// Trades kept of each market.
pub const TRADES_KEPT: usize = 1_000;

/// All resting orders at one price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Sum of what is left of them, in lots. Many orders of the largest size may exceed a [`Qty`].
    pub lots: u128,
    /// How many.
    pub orders: u32,
}

/// One trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Its command; with `index` it identifies the trade.
    pub sequence: Sequence,
    /// Index of the taker's fill.
    pub index: u32,
    /// When.
    pub time: Timestamp,
    /// At which price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// Which side came in.
    pub taker_side: Side,
}

/// One market.
#[derive(Clone, Debug)]
pub struct MarketView {
    pub(crate) id: MarketId,
    pub(crate) definition: MarketDefinition,
    pub(crate) state: MarketState,
    pub(crate) base: Asset,
    pub(crate) quote: Asset,
    pub(crate) scale: Scale,
    bids: BTreeMap<Price, Level>,
    asks: BTreeMap<Price, Level>,
    trades: VecDeque<Trade>,
    ticker: Ticker,
}

/// Name and decimal places of an asset.
#[derive(Clone, Debug)]
pub(crate) struct Asset {
    pub(crate) name: String,
    pub(crate) decimals: u8,
}

impl MarketView {
    /// The best `count` levels of a side, best first.
    pub fn levels(&self, side: Side, count: usize) -> Vec<(Price, Level)> {
        let pair = |(price, level): (&Price, &Level)| (*price, *level);
        match side {
            Side::Buy => self.bids.iter().rev().take(count).map(pair).collect(),
            Side::Sell => self.asks.iter().take(count).map(pair).collect(),
        }
    }

    /// The last `count` trades, newest first.
    pub fn last_trades(&self, count: usize) -> impl Iterator<Item = &Trade> {
        self.trades.iter().rev().take(count)
    }

    /// Everything since the market was made.
    #[must_use]
    pub fn all(&self) -> Option<Span> {
        self.ticker.all()
    }

    /// The 24 hours before `now`.
    #[must_use]
    pub fn day(&self, now: Timestamp) -> Option<Span> {
        self.ticker.day(now)
    }

    fn half(&mut self, side: Side) -> &mut BTreeMap<Price, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn add(&mut self, side: Side, price: Price, qty: Qty) {
        let level = self.half(side).entry(price).or_default();
        level.lots += u128::from(qty.lots());
        level.orders += 1;
    }

    /// Takes quantity off a level, and the order with it when nothing is left of it.
    fn take(&mut self, side: Side, price: Price, qty: Qty, order_gone: bool) {
        let level = self.half(side).entry(price).or_default();
        let lots = level.lots.checked_sub(qty.lots().into());
        level.lots = lots.expect("an event takes off a level only what an event before it put there");
        if order_gone {
            level.orders = level.orders.checked_sub(1).expect("an order leaves the level that it entered");
        }
        if level.orders == 0 {
            assert_eq!(level.lots, 0, "a level without orders has no quantity");
            self.half(side).remove(&price);
        }
    }
}

/// The order that the running command created, if it may rest.
#[derive(Clone, Copy, Debug)]
struct Incoming {
    order: OrderId,
    price: Price,
}

/// What changed since it was asked last.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) depth: BTreeSet<MarketId>,
    pub(crate) trades: BTreeMap<MarketId, Vec<Trade>>,
}

/// Every market.
#[derive(Debug, Default)]
pub struct MarketViews {
    through: Sequence,
    epoch: Epoch,
    time: Timestamp,
    assets: BTreeMap<AssetId, Asset>,
    markets: BTreeMap<MarketId, MarketView>,
    by_name: BTreeMap<String, MarketId>,
    incoming: Option<Incoming>,
    changes: Changes,
}

impl MarketViews {
    /// The last command that is in the views as a whole.
    #[must_use]
    pub fn through(&self) -> Sequence {
        self.through
    }

    /// The term of that command.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// When that command was.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The market with this name.
    #[must_use]
    pub fn market(&self, name: &str) -> Option<&MarketView> {
        self.markets.get(self.by_name.get(name)?)
    }

    /// The market with this id.
    pub(crate) fn market_by_id(&self, id: MarketId) -> Option<&MarketView> {
        self.markets.get(&id)
    }

    /// Every market, in the order of the ids.
    pub fn markets(&self) -> impl Iterator<Item = &MarketView> {
        self.markets.values()
    }

    /// What changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Takes the next event of the log.
    ///
    /// # Panics
    /// When the events contradict each other: an event log has them in order and without a gap.
    pub fn on_event(&mut self, header: &EventHeader, event: &Event) {
        if header.index == 0 {
            self.incoming = None;
        }
        match *event {
            Event::AssetCreated { asset, name, decimals } => {
                self.assets.insert(asset, Asset { name: name.as_str().to_owned(), decimals });
            }
            Event::MarketCreated(definition) => self.create(header.market, definition),
            Event::MarketStateChanged { state } => self.market_mut(header.market).state = state,
            Event::OrderAccepted { order, side, order_type, time_in_force, price, qty, .. } => {
                let may_rest = order_type == OrderType::Limit && time_in_force == TimeInForce::Gtc;
                self.incoming = may_rest.then_some(Incoming { order, price });
                if may_rest {
                    self.market_mut(header.market).add(side, price, qty);
                    self.changes.depth.insert(header.market);
                }
            }
            Event::Fill(ref fill) => self.fill(header, fill),
            // The remainder of an order that could not rest was never in a level.
            Event::OrderCancelled {
                reason: CancelReason::ImmediateOrCancel | CancelReason::InsufficientFunds, ..
            } => {}
            Event::OrderCancelled { side, price, cancelled, .. } => {
                self.market_mut(header.market).take(side, price, cancelled, true);
                self.changes.depth.insert(header.market);
            }
            Event::OrderReduced { side, price, by, .. } => {
                self.market_mut(header.market).take(side, price, by, false);
                self.changes.depth.insert(header.market);
            }
            _ => {}
        }
        if header.flags.has(EventFlags::LAST) {
            (self.through, self.epoch, self.time) = (header.sequence, header.epoch, header.time);
        }
    }

    fn create(&mut self, id: MarketId, definition: MarketDefinition) {
        let asset = |asset: AssetId| {
            self.assets.get(&asset).cloned().expect("the engine creates a market only of assets that it created")
        };
        let (base, quote) = (asset(definition.base), asset(definition.quote));
        let scale = Scale::new(&definition, base.decimals, quote.decimals);
        self.by_name.insert(definition.name.as_str().to_owned(), id);
        let view = MarketView {
            id,
            definition,
            state: MarketState::Open,
            base,
            quote,
            scale,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            trades: VecDeque::new(),
            ticker: Ticker::default(),
        };
        self.markets.insert(id, view);
    }

    fn fill(&mut self, header: &EventHeader, fill: &Fill) {
        let gone = fill.leaves.is_zero();
        let incoming = self.incoming;
        let market = self.market_mut(header.market);
        match fill.liquidity {
            Liquidity::Maker => market.take(fill.side, fill.price, fill.qty, gone),
            Liquidity::Taker => {
                let trade = Trade {
                    sequence: header.sequence,
                    index: header.index,
                    time: header.time,
                    price: fill.price,
                    qty: fill.qty,
                    taker_side: fill.side,
                };
                if market.trades.len() == TRADES_KEPT {
                    market.trades.pop_front();
                }
                market.trades.push_back(trade);
                market.ticker.on_trade(header.time, fill.price, fill.qty);
                // The taker entered the level of its own limit; the trade is at the maker's price.
                if let Some(incoming) = incoming.filter(|incoming| incoming.order == fill.order) {
                    market.take(fill.side, incoming.price, fill.qty, gone);
                }
                self.changes.trades.entry(header.market).or_default().push(trade);
            }
        }
        self.changes.depth.insert(header.market);
    }

    fn market_mut(&mut self, id: MarketId) -> &mut MarketView {
        self.markets.get_mut(&id).expect("an event names only markets that an event before it created")
    }
}
