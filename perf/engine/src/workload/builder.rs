//! What every generator does alike: asks the reference book what rests, and writes the next op down.
//!
//!   generator --[`Builder::new_order`], [`Builder::cancel`], ..--> reference book --> fills --> which orders still rest
//!
//! Invariants: an order is in the list of its market exactly as long as it rests in the reference book.

use tidegate_domain::Side;

use super::{Part, Workload};
use crate::op::{Action, Fill, Op, Tif};
use crate::random::{Random, Weighted};
use crate::subject::Subject;
use crate::subject::naive::NaiveBook;

/// Not in a list.
const NOWHERE: u32 = u32::MAX;
/// Largest size of a generated order, in lots.
const QTY_MAX_LOTS: u64 = 100;
/// How often chance may miss.
const TRIES_FOR_GONE: usize = 64;
/// How far from the touch an order rests at most.
const DEPTH_MAX_TICKS: u64 = 2_000;

/// What the measured ops are, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mix {
    /// New orders that may rest.
    pub gtc: u64,
    /// New orders that may not.
    pub ioc: u64,
    /// Cancels, the late ones among them.
    pub cancels: u64,
    /// Cancels of an order that rests no more.
    pub late_cancels: u64,
    /// Replaces.
    pub replaces: u64,
    /// Reduces.
    pub reduces: u64,
    /// Trades.
    pub fills: u64,
    /// Orders that rested and ended by a cancel.
    pub ended_by_cancel: u64,
    /// Orders that rested and ended by a trade.
    pub ended_by_fill: u64,
}

/// See the module.
pub(crate) struct Builder {
    pub(crate) random: Random,
    pub(crate) book: NaiveBook,
    depth: Weighted,
    ops: Vec<Op>,
    parts: Vec<Part>,
    part_started: usize,
    /// By market: the ids of the orders that rest.
    resting: Vec<Vec<u64>>,
    /// By id: the place in the list of its market.
    listed: Vec<u32>,
    /// By market.
    pub(crate) mids: Vec<i64>,
    accounts: u32,
    resting_now: usize,
    resting_max: usize,
    mix: Mix,
    fills: Vec<Fill>,
}

impl Builder {
    pub(crate) fn new(seed: u64, markets: usize, accounts: u32, mid: i64) -> Self {
        Self {
            random: Random::new(seed),
            book: NaiveBook::new(markets),
            depth: Weighted::depth(DEPTH_MAX_TICKS),
            ops: Vec::new(),
            parts: Vec::new(),
            part_started: 0,
            resting: vec![Vec::new(); markets],
            listed: vec![NOWHERE],
            mids: vec![mid; markets],
            accounts,
            resting_now: 0,
            resting_max: 0,
            mix: Mix::default(),
            fills: Vec::new(),
        }
    }

    pub(crate) const fn parts_count(&self) -> usize {
        self.parts.len()
    }

    pub(crate) const fn resting_count(&self) -> usize {
        self.resting_now
    }

    pub(crate) const fn mix(&self) -> &Mix {
        &self.mix
    }

    /// Ends what only prepared the book: nothing of it is in the mix.
    pub(crate) fn end_unmeasured(&mut self) {
        self.end_part(false, None);
        self.mix = Mix::default();
    }

    /// Ends a part without touching the mix.
    pub(crate) fn end_part(&mut self, is_measured: bool, cancels_all_of: Option<u32>) {
        let ops = self.ops.len() - self.part_started;
        if ops > 0 {
            self.parts.push(Part { ops, is_measured, cancels_all_of });
            self.part_started = self.ops.len();
        }
    }

    pub(crate) fn finish(mut self, name: &str) -> Workload {
        self.end_part(true, None);
        Workload {
            name: name.to_owned(),
            parts: self.parts,
            markets: u32::try_from(self.resting.len()).expect("there are fewer markets"),
            accounts: self.accounts,
            orders: self.listed.len() as u64 - 1,
            resting_max: self.resting_max,
            mix: self.mix,
            ops: self.ops,
        }
    }

    // What is written down.

    pub(crate) fn new_order(&mut self, market: u32, side: Side, price: i64, qty: u64, tif: Tif) -> u64 {
        let account = self.random.below(u64::from(self.accounts)) as u32;
        self.new_order_of(account, market, side, price, qty, tif)
    }

    pub(crate) fn new_order_of(
        &mut self,
        account: u32,
        market: u32,
        side: Side,
        price: i64,
        qty: u64,
        tif: Tif,
    ) -> u64 {
        let id = self.listed.len() as u64;
        self.listed.push(NOWHERE);
        if tif == Tif::Gtc {
            self.mix.gtc += 1;
        } else {
            self.mix.ioc += 1;
        }
        self.push(Op { market, action: Action::New { id, account, side, price, qty, tif } });
        id
    }

    pub(crate) fn cancel(&mut self, market: u32, id: u64) {
        self.mix.cancels += 1;
        if self.listed[id as usize] == NOWHERE {
            self.mix.late_cancels += 1;
        } else {
            self.mix.ended_by_cancel += 1;
        }
        self.push(Op { market, action: Action::Cancel { id } });
    }

    pub(crate) fn replace(&mut self, market: u32, id: u64, price: i64, qty: u64) {
        self.mix.replaces += 1;
        self.push(Op { market, action: Action::Replace { id, price, qty } });
    }

    pub(crate) fn reduce(&mut self, market: u32, id: u64, by: u64) {
        self.mix.reduces += 1;
        self.push(Op { market, action: Action::Reduce { id, by } });
    }

    fn push(&mut self, op: Op) {
        self.ops.push(op);
        let mut fills = std::mem::take(&mut self.fills);
        self.book.apply(&op, &mut fills);
        self.mix.fills += fills.len() as u64;
        for fill in fills.drain(..) {
            if self.book.place(fill.maker).is_none() {
                self.mix.ended_by_fill += 1;
                self.unlist(op.market, fill.maker);
            }
        }
        self.fills = fills;
        let (was, is) = (self.listed[op.id() as usize] != NOWHERE, self.book.place(op.id()).is_some());
        if was && !is {
            // A replaced order that was filled at once.
            self.mix.ended_by_fill += u64::from(matches!(op.action, Action::Replace { .. }));
            self.unlist(op.market, op.id());
        } else if is && !was {
            self.list(op.market, op.id());
        }
    }

    fn list(&mut self, market: u32, id: u64) {
        let list = &mut self.resting[market as usize];
        self.listed[id as usize] = list.len() as u32;
        list.push(id);
        self.resting_now += 1;
        self.resting_max = self.resting_max.max(self.resting_now);
    }

    fn unlist(&mut self, market: u32, id: u64) {
        let list = &mut self.resting[market as usize];
        let at = std::mem::replace(&mut self.listed[id as usize], NOWHERE);
        list.swap_remove(at as usize);
        if let Some(moved) = list.get(at as usize) {
            self.listed[*moved as usize] = at;
        }
        self.resting_now -= 1;
    }

    // What is decided by chance.

    pub(crate) fn side(&mut self) -> Side {
        if self.random.chance(50) { Side::Buy } else { Side::Sell }
    }

    pub(crate) const fn qty(&mut self) -> u64 {
        1 + self.random.below(QTY_MAX_LOTS)
    }

    /// Some order that rests in a market.
    pub(crate) fn any_resting(&mut self, market: u32) -> Option<u64> {
        let list = &self.resting[market as usize];
        let at = self.random.below(list.len() as u64);
        list.get(at as usize).copied()
    }

    /// Some order that rests no more, if chance finds one.
    pub(crate) fn any_gone(&mut self) -> Option<u64> {
        let ids = self.listed.len() as u64 - 1;
        let mut tried = (0..TRIES_FOR_GONE).map(|_| 1 + self.random.below(ids));
        tried.find(|id| self.listed[*id as usize] == NOWHERE)
    }

    /// A price at which an order of `side` rests: power-law from the mid, never through the other side.
    pub(crate) fn passive_price(&mut self, market: u32, side: Side) -> i64 {
        let away = 1 + self.depth.pick(&mut self.random) as i64;
        let mid = self.mids[market as usize];
        let best = self.book.best(market, side.opposite());
        let price = match side {
            Side::Buy => best.map_or(mid - away, |best| (mid - away).min(best - 1)),
            Side::Sell => best.map_or(mid + away, |best| (mid + away).max(best + 1)),
        };
        price.max(1)
    }

    /// An order of a market moves: rarely so far that it trades.
    pub(crate) fn replace_any(&mut self, market: u32, crossing_percent: u64) -> bool {
        let Some(id) = self.any_resting(market) else { return false };
        let place = self.book.place(id).expect("it rests");
        let qty = self.book.leaves(id).expect("it rests");
        let best = self.book.best(market, place.side.opposite());
        let price = match best {
            Some(best) if self.random.chance(crossing_percent) => best,
            _ => self.passive_price(market, place.side),
        };
        let away = if place.side == Side::Buy { -1 } else { 1 };
        let price = if price == place.price { price + away } else { price };
        if price < 1 {
            return false;
        }
        self.replace(market, id, price, qty);
        true
    }

    /// An IOC order: takes the whole front of the other side, or only some of it, or nothing where nothing rests.
    pub(crate) fn take_front(&mut self, market: u32, whole: bool) {
        let side = self.side();
        let front = self.book.front(market, side.opposite());
        let price = self.book.best(market, side.opposite()).unwrap_or(self.mids[market as usize]);
        let leaves = front.map_or_else(|| self.random.below(QTY_MAX_LOTS) + 1, |(_, leaves)| leaves);
        // Of one lot there is no part: one tick too low or too high takes nothing.
        let miss = if side == Side::Buy { -1 } else { 1 };
        let (price, qty) = match (whole, leaves) {
            (true, _) => (price, leaves),
            (false, 1) => ((price + miss).max(1), 1),
            (false, _) => (price, 1 + self.random.below(leaves - 1)),
        };
        self.new_order(market, side, price, qty, Tif::Ioc);
    }
}
