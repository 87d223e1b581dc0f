//! Depth, trades and tickers of every market, from events alone.
//!
//! ```text
//!   EventHeader, Event --[MarketViews::on_event]--> levels, last trades, spans --> HTTP, WebSocket
//! ```
//!
//! Invariants: pure: no clock, no I/O. An order that may rest is known from its acceptance until it is filled or cancelled; what
//! is shown of it is in a level while it rests, which is from the moment when it is met as a maker, or its command ends. So the
//! levels are the engine's at every command boundary; between two events of one command they may not be, and nobody looks
//! ([`MarketViews::through`]).
//! Owning thread: whoever holds the board.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use tidegate_domain::{
    AssetId, Epoch, Event, EventFlags, EventHeader, Fill, Liquidity, MarketDefinition, MarketId, MarketRules,
    MarketState, OrderId, OrderType, Price, Qty, Sequence, Side, Timestamp,
};
use tidegate_wire::Scale;

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
    pub(crate) rules: MarketRules,
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

/// An order that may rest.
#[derive(Clone, Copy, Debug)]
struct Known {
    market: MarketId,
    side: Side,
    price: Price,
    /// All that is left of it.
    leaves: Qty,
    /// Of an iceberg: how much is shown at a time; else 0.
    display: Qty,
    /// What is in a level; 0 while it comes in, or waits for its trigger.
    shown: Qty,
    /// It comes in: it trades at this moment, and what is left will rest.
    comes_in: bool,
}

impl Known {
    fn to_show(self) -> Qty {
        if self.display.is_zero() { self.leaves } else { self.display.min(self.leaves) }
    }
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
    orders: HashMap<OrderId, Known>,
    /// Orders of the running command that come in.
    coming: Vec<OrderId>,
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
        match *event {
            Event::AssetCreated { asset, name, decimals } => {
                self.assets.insert(asset, Asset { name: name.as_str().to_owned(), decimals });
            }
            Event::MarketCreated(definition) => self.create(header.market, definition),
            Event::MarketStateChanged { state } => self.market_mut(header.market).state = state,
            Event::MarketRulesSet(rules) => self.market_mut(header.market).rules = rules,
            Event::OrderAccepted { order, side, order_type, time_in_force, price, qty, ref options, .. } => {
                let is_limit = order_type == OrderType::Limit;
                if time_in_force.rests() && matches!(order_type, OrderType::Limit | OrderType::StopLimit) {
                    let (market, display, shown) = (header.market, options.display, Qty::ZERO);
                    let known = Known { market, side, price, leaves: qty, display, shown, comes_in: false };
                    self.orders.insert(order, known);
                    if is_limit {
                        self.come_in(order);
                    }
                }
            }
            Event::OrderTriggered { order, .. } => self.come_in(order),
            Event::OrderReplaced { order, price, leaves, displayed, kept_place, .. } => {
                self.hide(order);
                if let Some(known) = self.orders.get_mut(&order) {
                    (known.price, known.leaves) = (price, leaves);
                    // A mass quote can replace what came in by its own quote before.
                    known.comes_in = false;
                    if kept_place {
                        self.show(order, displayed);
                    } else {
                        self.come_in(order);
                    }
                }
            }
            Event::OrderRefreshed { order, displayed, .. } => self.show(order, displayed),
            Event::Fill(ref fill) => self.fill(header, fill),
            Event::OrderCancelled { order, .. } => {
                self.hide(order);
                self.orders.remove(&order);
            }
            Event::OrderReduced { order, by, leaves, .. } => {
                if let Some(known) = self.orders.get_mut(&order) {
                    // What is hidden goes first.
                    let hidden = known.leaves.minus(known.shown);
                    let shown = if by <= hidden { known.shown } else { leaves };
                    known.leaves = leaves;
                    if !known.shown.is_zero() {
                        self.hide(order);
                        self.show(order, shown);
                    }
                }
            }
            _ => {}
        }
        if header.flags.has(EventFlags::LAST) {
            for order in std::mem::take(&mut self.coming) {
                self.settle(order);
            }
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
            rules: definition.first_rules(),
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

    /// An order trades, and what is left of it will rest.
    fn come_in(&mut self, order: OrderId) {
        if let Some(known) = self.orders.get_mut(&order) {
            known.comes_in = true;
            self.coming.push(order);
        }
    }

    /// What is left of an order that came in rests.
    fn settle(&mut self, order: OrderId) {
        if let Some(known) = self.orders.get_mut(&order)
            && std::mem::take(&mut known.comes_in)
        {
            let shown = known.to_show();
            self.show(order, shown);
        }
    }

    fn show(&mut self, order: OrderId, shown: Qty) {
        let Some(known) = self.orders.get_mut(&order) else { return };
        known.shown = shown;
        let Known { market, side, price, .. } = *known;
        self.market_mut(market).add(side, price, shown);
        self.changes.depth.insert(market);
    }

    fn hide(&mut self, order: OrderId) {
        let Some(known) = self.orders.get_mut(&order) else { return };
        let Known { market, side, price, shown, .. } = *known;
        known.shown = Qty::ZERO;
        if !shown.is_zero() {
            self.market_mut(market).take(side, price, shown, true);
            self.changes.depth.insert(market);
        }
    }

    fn fill(&mut self, header: &EventHeader, fill: &Fill) {
        match fill.liquidity {
            Liquidity::Maker => self.fill_maker(fill),
            Liquidity::Taker => {
                self.record_trade(header, fill);
                if let Some(known) = self.orders.get_mut(&fill.order) {
                    known.leaves = fill.leaves;
                    if fill.leaves.is_zero() {
                        self.orders.remove(&fill.order);
                    }
                }
            }
        }
    }

    fn fill_maker(&mut self, fill: &Fill) {
        self.settle(fill.order);
        let Some(known) = self.orders.get_mut(&fill.order) else { return };
        let shown = known.shown;
        known.leaves = fill.leaves;
        self.hide(fill.order);
        if fill.leaves.is_zero() {
            self.orders.remove(&fill.order);
        } else if fill.qty < shown {
            self.show(fill.order, shown.minus(fill.qty));
        }
        // Else the next part is shown by an event of its own.
    }

    fn record_trade(&mut self, header: &EventHeader, fill: &Fill) {
        let market = self.market_mut(header.market);
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
        self.changes.trades.entry(header.market).or_default().push(trade);
        self.changes.depth.insert(header.market);
    }

    fn market_mut(&mut self, id: MarketId) -> &mut MarketView {
        self.markets.get_mut(&id).expect("an event names only markets that an event before it created")
    }
}
