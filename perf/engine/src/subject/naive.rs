//! The oracle: price-time priority in the plainest form there is. Right before fast.
//!
//!   market -> side -> price -> queue of (id, lots left)
//!
//! Invariants: no level is empty, no order has nothing left, and the book is never crossed. It shares no line with the
//! books that it judges.

use std::collections::{BTreeMap, VecDeque};

use tidegate_domain::Side;

use super::{Stream, Subject, plain_stream};
use crate::op::{Action, Fill, FillSink, Op, Tif};
use crate::workload::Workload;

type Levels = BTreeMap<i64, VecDeque<(u64, u64)>>;

#[derive(Clone, Debug, Default)]
struct Market {
    bids: Levels,
    asks: Levels,
}

impl Market {
    const fn side(&self, side: Side) -> &Levels {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    const fn side_mut(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn best(&self, side: Side) -> Option<i64> {
        match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        }
        .map(|(price, _)| *price)
    }
}

/// Where an order rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) market: u32,
    pub(crate) side: Side,
    pub(crate) price: i64,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct NaiveBook {
    markets: Vec<Market>,
    /// By the order's id.
    places: Vec<Option<Place>>,
}

impl NaiveBook {
    /// With so many empty markets.
    #[must_use]
    pub fn new(markets: usize) -> Self {
        Self { markets: vec![Market::default(); markets], places: Vec::new() }
    }

    /// Where an order rests.
    pub(crate) fn place(&self, id: u64) -> Option<Place> {
        self.places.get(id as usize).copied().flatten()
    }

    /// The best price of a side.
    pub(crate) fn best(&self, market: u32, side: Side) -> Option<i64> {
        self.markets[market as usize].best(side)
    }

    /// What is left of the order that trades next.
    pub(crate) fn front(&self, market: u32, side: Side) -> Option<(u64, u64)> {
        let market = &self.markets[market as usize];
        market.side(side)[&market.best(side)?].front().copied()
    }

    /// What is left of a resting order.
    pub(crate) fn leaves(&self, id: u64) -> Option<u64> {
        let Place { market, side, price } = self.place(id)?;
        let queue = &self.markets[market as usize].side(side)[&price];
        queue.iter().find(|(other, _)| *other == id).map(|(_, leaves)| *leaves)
    }

    /// Lots that rest on `side` at `limit` or better.
    pub(crate) fn lots_until(&self, market: u32, side: Side, limit: i64) -> u64 {
        let levels = self.markets[market as usize].side(side);
        let reached = match side {
            Side::Buy => levels.range(limit..),
            Side::Sell => levels.range(..=limit),
        };
        reached.flat_map(|(_, queue)| queue).map(|(_, leaves)| leaves).sum()
    }

    fn remove(&mut self, id: u64) -> Option<Place> {
        let place = self.places.get_mut(id as usize)?.take()?;
        let levels = self.markets[place.market as usize].side_mut(place.side);
        let queue = levels.get_mut(&place.price).expect("an order's level is there");
        let at = queue.iter().position(|(other, _)| *other == id).expect("an order is in its level");
        queue.remove(at);
        if queue.is_empty() {
            levels.remove(&place.price);
        }
        Some(place)
    }

    fn submit<F: FillSink>(&mut self, id: u64, at: Place, qty: u64, tif: Tif, fills: &mut F) -> u64 {
        let mut leaves = qty;
        let opposite = at.side.opposite();
        let market = &mut self.markets[at.market as usize];
        while leaves > 0
            && let Some(price) = market.best(opposite)
            && match at.side {
                Side::Buy => price <= at.price,
                Side::Sell => price >= at.price,
            }
        {
            let queue = market.side_mut(opposite).get_mut(&price).expect("it is the best level");
            let front = queue.front_mut().expect("no level is empty");
            let qty = leaves.min(front.1);
            fills.fill(Fill { taker: id, maker: front.0, price, qty });
            leaves -= qty;
            front.1 -= qty;
            if front.1 == 0 {
                self.places[front.0 as usize] = None;
                queue.pop_front();
                if queue.is_empty() {
                    market.side_mut(opposite).remove(&price);
                }
            }
        }
        if leaves > 0 && tif == Tif::Gtc {
            market.side_mut(at.side).entry(at.price).or_default().push_back((id, leaves));
            if self.places.len() <= id as usize {
                self.places.resize(id as usize + 1, None);
            }
            self.places[id as usize] = Some(at);
        }
        qty - leaves
    }
}

impl Subject for NaiveBook {
    const NAME: &'static str = "naive";
    type Command = Op;

    fn prepare(workload: &Workload, _: bool) -> Result<(Self, Stream<Op>), String> {
        Ok((Self::new(workload.markets as usize), plain_stream(workload)))
    }

    fn apply<F: FillSink>(&mut self, op: &Op, fills: &mut F) -> u64 {
        let market = op.market;
        match op.action {
            Action::New { id, side, price, qty, tif, .. } => {
                self.submit(id, Place { market, side, price }, qty, tif, fills)
            }
            Action::Cancel { id } => {
                self.remove(id);
                0
            }
            Action::Replace { id, price, qty } => {
                let place = self.remove(id).expect("a replaced order rests");
                self.submit(id, Place { price, ..place }, qty, Tif::Gtc, fills)
            }
            Action::Reduce { id, by } => {
                let Place { market, side, price } = self.place(id).expect("a reduced order rests");
                let queue = self.markets[market as usize].side_mut(side).get_mut(&price).expect("its level is there");
                let order = queue.iter_mut().find(|(other, _)| *other == id).expect("an order is in its level");
                assert!(by < order.1, "a reduce leaves something");
                order.1 -= by;
                0
            }
        }
    }

    fn resting(&self) -> Option<usize> {
        Some(self.places.iter().flatten().count())
    }
}
