//! The core of the feed: released events in, numbered messages out, and the books that the messages make.
//!
//! ```text
//!   EventHeader, Event --[FeedCore::on_event]--> what is shown changes --+--> orders  (L3) --.
//!                                                                        +--> levels  (L2) --+--> FeedMessage, numbered
//!                                                                        '--> trades       --'
//! ```
//!
//! Invariants: pure: no clock, no I/O, no configuration; the same events give the same messages, byte for byte, on every
//! node (so the DEGRADED mark, which a log that is made again may lack, is in none). Only what is displayed is in a message:
//! no hidden quantity, no waiting stop, no account, no key. An order that comes in is shown when it comes to rest, so that a book is never
//! crossed; messages leave by whole commands, and the last of each says so.
//! Owning thread: whoever holds the core.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tidegate_domain::{
    AssetId, Epoch, Event, EventFlags, EventHeader, Fill, Liquidity, MarketDefinition, MarketId, MarketState, Name,
    OrderId, OrderType, Price, Qty, Sequence, Side, Timestamp,
};
use tidegate_feed_client::book::{OrderBook, OrderView};
use tidegate_wire::feed::{
    BookSnapshotHead, CHECKSUM_EVERY, ChannelMarks, FeedBody, FeedChannel, FeedHead, FeedMessage, FeedNumber,
    MarketInfo, MarketNumber, SnapshotBody, SnapshotMessage,
};

/// An order that may rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) market: MarketId,
    pub(crate) side: Side,
    pub(crate) price: Price,
    /// All that is left of it.
    pub(crate) leaves: Qty,
    /// Of an iceberg: how much is shown at a time; else 0.
    pub(crate) display: Qty,
    /// What is in the book; 0 while it comes in, or waits for its trigger.
    pub(crate) shown: Qty,
}

impl Known {
    fn to_show(self) -> Qty {
        if self.display.is_zero() { self.leaves } else { self.display.min(self.leaves) }
    }
}

/// One market.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) info: MarketInfo,
    pub(crate) state: MarketState,
    pub(crate) book: OrderBook,
    /// Number of the last message, by channel.
    pub(crate) numbers: [MarketNumber; 3],
    /// Number of the last checksum, by channel.
    pub(crate) checked: [MarketNumber; 3],
}

/// A message without its numbers.
#[derive(Clone, Copy, Debug)]
struct Said {
    market: MarketId,
    index: u32,
    body: FeedBody,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct FeedCore {
    pub(crate) stream: u64,
    pub(crate) through: Sequence,
    pub(crate) time: Timestamp,
    pub(crate) epoch: Epoch,
    pub(crate) assets: BTreeMap<AssetId, (Name, u8)>,
    pub(crate) markets: BTreeMap<MarketId, Market>,
    pub(crate) orders: HashMap<OrderId, Known>,
    /// Number of the last message, by channel.
    pub(crate) numbers: [FeedNumber; 3],
    /// Where each term began: its number and the next messages at that moment. As many as there were leaders.
    pub(crate) terms: Vec<(Epoch, ChannelMarks)>,
    /// The order that comes in at this moment.
    coming: Option<OrderId>,
    /// What the running command has said so far, by channel.
    said: [Vec<Said>; 3],
    /// Levels that the running command touched.
    touched: BTreeSet<(MarketId, Side, Price)>,
    /// What they were before it.
    before: BTreeMap<(MarketId, Side, Price), (u128, u32)>,
}

impl FeedCore {
    /// One that has taken a command's last event; what it knows is filled in by whoever restores it.
    pub(crate) fn after(stream: u64, through: Sequence, time: Timestamp, epoch: Epoch) -> Self {
        Self { stream, through, time, epoch, ..Self::default() }
    }

    /// Identity of the numbering: the time of the journal's first record; 0 before it.
    #[must_use]
    pub fn stream(&self) -> u64 {
        self.stream
    }

    /// The last command that is in the books as a whole.
    #[must_use]
    pub fn through(&self) -> Sequence {
        self.through
    }

    /// The next number of each channel.
    #[must_use]
    pub fn next(&self) -> ChannelMarks {
        ChannelMarks::from_fn(|channel| self.numbers[channel.at()].next())
    }

    /// Whether somebody whose newest message has this number, of this term, has what is in this history: a later term has not
    /// begun before it. Where an acknowledgement does not wait for both nodes, the tail of a leader that is lost is lost with
    /// it, and the next one gives its numbers to other messages.
    #[must_use]
    pub fn has(&self, channel: FeedChannel, last: FeedNumber, epoch: Epoch) -> bool {
        let later = self.terms.iter().find(|(began, _)| *began > epoch);
        later.is_none_or(|(_, next)| last < next.of(channel))
    }

    /// The ids of every market.
    pub fn markets(&self) -> impl Iterator<Item = MarketId> {
        self.markets.keys().copied()
    }

    /// The book of a market.
    #[must_use]
    pub fn book(&self, market: MarketId) -> Option<&OrderBook> {
        self.markets.get(&market).map(|market| &market.book)
    }

    /// Takes the next event of the log. With the last event of a command, its messages are appended to `out`: those of
    /// orders, then of levels, then of trades.
    ///
    /// # Panics
    /// When the events contradict each other: an event log has them in order and without a gap.
    pub fn on_event(&mut self, header: &EventHeader, event: &Event, out: &mut Vec<FeedMessage>) {
        self.observe(header, event);
        if header.flags.has(EventFlags::LAST) {
            self.settle(header.index);
            (self.through, self.time, self.epoch) = (header.sequence, header.time, header.epoch);
            self.say_levels(header.index);
            for channel in FeedChannel::ALL {
                self.number(*channel, header, out);
            }
        }
    }

    fn observe(&mut self, header: &EventHeader, event: &Event) {
        let index = header.index;
        match *event {
            Event::JournalBegun(_) => self.stream = header.time.nanos(),
            // A restart keeps its term.
            Event::LeadTaken { .. } if self.terms.last().is_none_or(|(epoch, _)| *epoch < header.epoch) => {
                self.terms.push((header.epoch, self.next()));
            }
            Event::AssetCreated { asset, name, decimals } => {
                self.assets.insert(asset, (name, decimals));
            }
            Event::MarketCreated(ref definition) => self.create(header.market, index, definition),
            Event::MarketStateChanged { state } => {
                self.market_mut(header.market).state = state;
                for channel in FeedChannel::ALL {
                    self.say(*channel, header.market, index, FeedBody::State { state });
                }
            }
            Event::OrderAccepted { order, side, order_type, time_in_force, price, qty, ref options, .. } => {
                self.settle(index);
                if time_in_force.rests() && matches!(order_type, OrderType::Limit | OrderType::StopLimit) {
                    let (market, display, shown) = (header.market, options.display, Qty::ZERO);
                    self.orders.insert(order, Known { market, side, price, leaves: qty, display, shown });
                    if order_type == OrderType::Limit {
                        self.coming = Some(order);
                    }
                }
            }
            Event::OrderTriggered { order, .. } => {
                self.settle(index);
                self.coming = self.orders.contains_key(&order).then_some(order);
            }
            Event::OrderReplaced { order, price, leaves, displayed, kept_place, .. } => {
                self.settle(index);
                self.replace(order, index, price, leaves, displayed, kept_place);
            }
            Event::OrderRefreshed { order, displayed, .. } => self.show(order, index, displayed),
            Event::Fill(ref fill) => self.fill(header, fill),
            Event::OrderCancelled { order, .. } => {
                self.hide(order, index);
                self.forget(order);
            }
            Event::OrderReduced { order, by, leaves, .. } => self.reduce(order, index, by, leaves),
            _ => {}
        }
    }

    fn create(&mut self, id: MarketId, index: u32, definition: &MarketDefinition) {
        let asset = |asset: AssetId| {
            *self.assets.get(&asset).expect("the engine creates a market only of assets that it created")
        };
        let ((base, base_decimals), (quote, quote_decimals)) = (asset(definition.base), asset(definition.quote));
        let info = MarketInfo {
            name: definition.name,
            base,
            quote,
            base_units_per_lot: definition.base_units_per_lot,
            quote_units_per_tick_lot: definition.quote_units_per_tick_lot,
            base_id: definition.base,
            quote_id: definition.quote,
            base_decimals,
            quote_decimals,
        };
        let (state, book) = (MarketState::Open, OrderBook::default());
        let market = Market { info, state, book, numbers: Default::default(), checked: Default::default() };
        self.markets.insert(id, market);
        for channel in FeedChannel::ALL {
            self.say(*channel, id, index, FeedBody::Market { info, state });
        }
    }

    /// What is left of the order that came in rests. A command may bring in several, one after the other: each rests before
    /// the next one comes, which is what decides who is first at a price.
    fn settle(&mut self, index: u32) {
        if let Some(order) = self.coming.take()
            && let Some(known) = self.orders.get(&order)
        {
            let shown = known.to_show();
            self.show(order, index, shown);
        }
    }

    fn forget(&mut self, order: OrderId) {
        self.orders.remove(&order);
        if self.coming == Some(order) {
            self.coming = None;
        }
    }

    fn replace(&mut self, order: OrderId, index: u32, price: Price, leaves: Qty, displayed: Qty, kept_place: bool) {
        if !kept_place {
            self.hide(order, index);
        }
        let Some(known) = self.orders.get_mut(&order) else { return };
        (known.price, known.leaves) = (price, leaves);
        if !kept_place {
            self.coming = Some(order);
        } else if known.shown != displayed {
            self.change(order, index, displayed);
        }
    }

    fn reduce(&mut self, order: OrderId, index: u32, by: Qty, leaves: Qty) {
        let Some(known) = self.orders.get_mut(&order) else { return };
        // What is hidden goes first.
        let hidden = known.leaves.minus(known.shown);
        let (was, shown) = (known.shown, if by <= hidden { known.shown } else { leaves });
        known.leaves = leaves;
        if !was.is_zero() && shown != was {
            self.change(order, index, shown);
        }
    }

    fn fill(&mut self, header: &EventHeader, fill: &Fill) {
        match fill.liquidity {
            Liquidity::Taker => {
                let body = FeedBody::Trade {
                    price: fill.price,
                    qty: fill.qty,
                    taker_order: fill.order,
                    maker_order: fill.counter_order,
                    taker_side: fill.side,
                };
                self.say(FeedChannel::Trades, header.market, header.index, body);
                if let Some(known) = self.orders.get_mut(&fill.order) {
                    known.leaves = fill.leaves;
                    if fill.leaves.is_zero() {
                        self.forget(fill.order);
                    }
                }
            }
            Liquidity::Maker => self.fill_maker(header.index, fill),
        }
    }

    fn fill_maker(&mut self, index: u32, fill: &Fill) {
        let known = self.orders.get_mut(&fill.order).expect("who is met as a maker rests");
        // A taker that comes to a refreshed iceberg takes from what is hidden, too; the next part is an event of its own.
        let displayed = if fill.qty < known.shown { known.shown.minus(fill.qty) } else { Qty::ZERO };
        let Known { market, side, price, .. } = *known;
        (known.leaves, known.shown) = (fill.leaves, displayed);
        self.touch(market, side, price);
        let body = FeedBody::OrderExecuted { order: fill.order, qty: fill.qty, displayed };
        self.say_order(market, index, body);
        if fill.leaves.is_zero() {
            self.forget(fill.order);
        }
    }

    /// Shows an order at the tail of its price.
    fn show(&mut self, order: OrderId, index: u32, shown: Qty) {
        let Some(known) = self.orders.get_mut(&order) else { return };
        known.shown = shown;
        let Known { market, side, price, .. } = *known;
        self.touch(market, side, price);
        self.say_order(market, index, FeedBody::OrderAdded { order, price, qty: shown, side });
    }

    fn change(&mut self, order: OrderId, index: u32, displayed: Qty) {
        let Some(known) = self.orders.get_mut(&order) else { return };
        known.shown = displayed;
        let Known { market, side, price, .. } = *known;
        self.touch(market, side, price);
        self.say_order(market, index, FeedBody::OrderChanged { order, displayed });
    }

    fn hide(&mut self, order: OrderId, index: u32) {
        let Some(known) = self.orders.get_mut(&order) else { return };
        let Known { market, side, price, shown, .. } = *known;
        known.shown = Qty::ZERO;
        if !shown.is_zero() {
            self.touch(market, side, price);
            self.say_order(market, index, FeedBody::OrderDeleted { order });
        }
    }

    /// Remembers a level as it was before the running command.
    fn touch(&mut self, market: MarketId, side: Side, price: Price) {
        let key = (market, side, price);
        if self.touched.insert(key) {
            let level = self.market(market).book.level(side, price);
            self.before.insert(key, level.map_or((0, 0), |level| (level.lots, level.orders)));
        }
    }

    fn say(&mut self, channel: FeedChannel, market: MarketId, index: u32, body: FeedBody) {
        self.said[channel.at()].push(Said { market, index, body });
    }

    /// Says it and does it.
    fn say_order(&mut self, market: MarketId, index: u32, body: FeedBody) {
        let done = self.market_mut(market).book.apply(&body);
        done.expect("an event changes only what an event before it showed");
        self.say(FeedChannel::Orders, market, index, body);
    }

    /// Levels that are other than before the command.
    fn say_levels(&mut self, index: u32) {
        for (market, side, price) in std::mem::take(&mut self.touched) {
            let before = self.before.remove(&(market, side, price)).expect("every touched level has its past");
            let level = self.market(market).book.level(side, price);
            let (lots, orders) = level.map_or((0, 0), |level| (level.lots, level.orders));
            if (lots, orders) != before {
                self.say(FeedChannel::Levels, market, index, FeedBody::Level { price, lots, orders, side });
            }
        }
    }

    /// Gives the messages of a command their numbers, adds the checksums that are due, marks the last ones.
    fn number(&mut self, channel: FeedChannel, header: &EventHeader, out: &mut Vec<FeedMessage>) {
        let (at, start) = (channel.at(), out.len());
        let mut said = std::mem::take(&mut self.said[at]);
        if channel != FeedChannel::Trades {
            self.add_checksums(at, header.index, &mut said);
        }
        for Said { market, index, body } in said.drain(..) {
            let number = self.numbers[at].next();
            let market_number = self.market(market).numbers[at].next();
            self.numbers[at] = number;
            self.market_mut(market).numbers[at] = market_number;
            let (sequence, time, epoch) = (header.sequence, header.time, header.epoch);
            let (market_last, last) = (false, false);
            let head =
                FeedHead { number, market_number, sequence, time, market, epoch, index, market_last, last, channel };
            out.push(FeedMessage { head, body });
        }
        // Its room is kept for the next command.
        self.said[at] = said;
        let mut seen = BTreeSet::new();
        for (place, message) in out[start..].iter_mut().rev().enumerate() {
            message.head.last = place == 0;
            message.head.market_last = seen.insert(message.head.market);
        }
    }

    /// After everything else, a checksum for each market that said enough since its last one.
    fn add_checksums(&mut self, at: usize, index: u32, said: &mut Vec<Said>) {
        let mut counts: BTreeMap<MarketId, u64> = BTreeMap::new();
        for one in said.iter() {
            *counts.entry(one.market).or_default() += 1;
        }
        for (id, count) in counts {
            let market = self.market_mut(id);
            let last = market.numbers[at].raw() + count;
            if last + 1 - market.checked[at].raw() >= CHECKSUM_EVERY {
                market.checked[at] = MarketNumber::new(last + 1);
                let checksum = market.book.checksum();
                said.push(Said { market: id, index, body: FeedBody::Checksum { checksum } });
            }
        }
    }

    /// The pieces of a market's snapshot on a channel, as it is now. To be asked between commands.
    ///
    /// # Panics
    /// Within a command.
    pub fn snapshot(
        &self,
        channel: FeedChannel,
        id: MarketId,
        mut tell: impl FnMut(&SnapshotMessage),
    ) -> Option<FeedNumber> {
        assert!(self.said.iter().all(Vec::is_empty), "a snapshot is of whole commands");
        let market = self.markets.get(&id)?;
        let (book, number) = (&market.book, self.numbers[channel.at()]);
        let (sides, trades) = ([Side::Buy, Side::Sell], channel == FeedChannel::Trades);
        let pieces = match channel {
            FeedChannel::Orders => book.len(),
            FeedChannel::Levels => sides.iter().map(|side| book.levels(*side).count()).sum(),
            FeedChannel::Trades => 0,
        };
        let total = u32::try_from(pieces + 1).expect("a journal's limits allow fewer orders than that");
        let mut position = 0;
        let mut piece = |body| {
            tell(&SnapshotMessage { head: BookSnapshotHead { number, market: id, position, total, channel }, body });
            position += 1;
        };
        piece(SnapshotBody::Begin {
            market_number: market.numbers[channel.at()],
            sequence: self.through,
            time: self.time,
            info: market.info,
            state: market.state,
            checksum: if trades { 0 } else { book.checksum() },
            orders: if trades { 0 } else { book.len() as u64 },
            stream: self.stream,
            epoch: self.epoch,
        });
        for side in sides {
            match channel {
                FeedChannel::Orders => {
                    for OrderView { order, price, qty, side } in book.orders(side) {
                        piece(SnapshotBody::Order { order, price, qty, side });
                    }
                }
                FeedChannel::Levels => {
                    for level in book.levels(side) {
                        let (price, lots, orders) = (level.price, level.lots, level.orders);
                        piece(SnapshotBody::Level { price, lots, orders, side });
                    }
                }
                FeedChannel::Trades => {}
            }
        }
        Some(number)
    }

    fn market(&self, id: MarketId) -> &Market {
        self.markets.get(&id).expect("an event names only markets that an event before it created")
    }

    fn market_mut(&mut self, id: MarketId) -> &mut Market {
        self.markets.get_mut(&id).expect("an event names only markets that an event before it created")
    }
}
