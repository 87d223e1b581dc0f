//! What the sessions of a load ask: made from a seed, never from answers.
//!
//! ```text
//!   pairs        an order that rests, then its cancellation, and so on; nothing trades, nothing is refused
//!   takers       even sessions keep a ladder around one price and renew it order by order; odd ones take from it (ioc)
//!   sweeps       orders on many price levels, then one (ioc) that takes all of them, level by level; nothing is refused
//!   mass-cancel  many orders that rest, then one request that cancels them all; nothing trades, nothing is refused
//!   mass-quotes  every request moves five two-sided quotes, one in each market; nothing trades, nothing is refused
//! ```
//!
//! Invariants: the same name, seed, session and request numbers make the same requests, whatever the node answers; so a hash
//! of what was sent says whether two runs are about the same.
//! Owning thread: the caller's.

use std::collections::VecDeque;

use tidegate_domain::{
    CancelFilter, MarketId, OrderTarget, Price, Qty, Quote, QuoteMode, QuoteSide, QuoteTerms, RequestNumber, SelfTrade,
    Side, TimeInForce,
};
use tidegate_perf::Random;
use tidegate_wire::OrderAction;

/// The price around which everything happens.
const MIDDLE: i64 = 10_000;
/// Orders that a maker keeps.
const LADDER: usize = 32;
/// Price levels that a sweep takes.
const SWEPT_LEVELS: usize = 500;
/// Orders that a mass cancel takes away.
const CANCELLED_TOGETHER: usize = 500;
/// Prices of each side of a ladder.
const LEVELS: u64 = 16;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// Orders and their cancellations.
    Pairs,
    /// Makers and takers.
    Takers,
    /// Quotes in several markets.
    MassQuotes,
    /// Orders that go through hundreds of price levels.
    Sweeps,
    /// Requests that cancel hundreds of orders.
    MassCancel,
}

impl WorkloadKind {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Pairs, Self::Takers, Self::MassQuotes, Self::Sweeps, Self::MassCancel];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pairs => "pairs",
            Self::Takers => "takers",
            Self::MassQuotes => "mass-quotes",
            Self::Sweeps => "sweeps",
            Self::MassCancel => "mass-cancel",
        }
    }

    /// What it is made of.
    #[must_use]
    pub const fn mix(self) -> &'static str {
        match self {
            Self::Pairs => "50 % new, 50 % cancel",
            Self::Takers => "half of the sessions 50 % new and 50 % cancel, the others ioc that take",
            Self::MassQuotes => "mass quotes of five two-sided quotes",
            Self::Sweeps => "500 new on 500 price levels, then one ioc that takes them all",
            Self::MassCancel => "500 new, then one cancel-all",
        }
    }

    /// Fewest sessions that make sense.
    #[must_use]
    pub const fn sessions_min(self) -> usize {
        if matches!(self, Self::Takers) { 2 } else { 1 }
    }

    /// Markets that it wants.
    #[must_use]
    pub const fn markets(self) -> usize {
        if matches!(self, Self::MassQuotes) { 5 } else { 1 }
    }

    /// Whether a correct exchange refuses none of it.
    #[must_use]
    pub const fn is_all_accepted(self) -> bool {
        !matches!(self, Self::Takers)
    }
}

/// The requests of one session.
#[derive(Clone, Debug)]
pub struct Workload {
    kind: WorkloadKind,
    session: usize,
    markets: Vec<MarketId>,
    random: Random,
    /// Numbers of the orders that were put and not cancelled.
    open: VecDeque<RequestNumber>,
    /// Orders put since the last sweep or mass cancel, and their lots.
    put: (usize, u64),
}

impl Workload {
    /// Of session number `session`, from 0.
    ///
    /// # Panics
    /// Without a market.
    #[must_use]
    pub fn new(kind: WorkloadKind, seed: u64, session: usize, markets: &[MarketId]) -> Self {
        assert!(!markets.is_empty(), "a market to trade in");
        let random = Random::new(seed ^ (session as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            kind,
            session,
            markets: markets.to_vec(),
            random,
            open: VecDeque::with_capacity(LADDER + 1),
            put: (0, 0),
        }
    }

    /// The next request, which will have this number.
    pub fn next_action(&mut self, number: RequestNumber) -> OrderAction {
        match self.kind {
            WorkloadKind::Pairs => self.pair(number),
            WorkloadKind::Takers if self.session.is_multiple_of(2) => self.renew(number),
            WorkloadKind::Takers => self.take(),
            WorkloadKind::MassQuotes => self.quote(),
            WorkloadKind::Sweeps => self.sweep(),
            WorkloadKind::MassCancel => self.mass_cancel(),
        }
    }

    fn pair(&mut self, number: RequestNumber) -> OrderAction {
        if let Some(order) = self.open.pop_front() {
            return OrderAction::Cancel { target: OrderTarget::Request(order) };
        }
        self.open.push_back(number);
        let price = Price::from_ticks(1_000 + self.random.below(64) as i64);
        OrderAction::limit(self.markets[0], Side::Buy, TimeInForce::Gtc, price, Qty::from_lots(1))
    }

    fn renew(&mut self, number: RequestNumber) -> OrderAction {
        if self.open.len() == LADDER {
            let order = self.open.pop_front().expect("a full ladder");
            return OrderAction::Cancel { target: OrderTarget::Request(order) };
        }
        self.open.push_back(number);
        let distance = 1 + self.random.below(LEVELS) as i64;
        let qty = Qty::from_lots(1 + self.random.below(10));
        let (side, price) =
            if self.random.chance(50) { (Side::Buy, MIDDLE - distance) } else { (Side::Sell, MIDDLE + distance) };
        OrderAction::limit(self.markets[0], side, TimeInForce::Gtc, Price::from_ticks(price), qty)
    }

    fn take(&mut self) -> OrderAction {
        let reach = LEVELS as i64 / 2;
        let qty = Qty::from_lots(1 + self.random.below(4));
        let (side, price) =
            if self.random.chance(50) { (Side::Buy, MIDDLE + reach) } else { (Side::Sell, MIDDLE - reach) };
        OrderAction::limit(self.markets[0], side, TimeInForce::Ioc, Price::from_ticks(price), qty)
    }

    /// Each takes as many lots as it put, so that the book of several sessions does not grow.
    fn sweep(&mut self) -> OrderAction {
        let (levels, lots) = self.put;
        let highest = Price::from_ticks(MIDDLE + SWEPT_LEVELS as i64);
        if levels == SWEPT_LEVELS {
            self.put = (0, 0);
            return OrderAction::limit(self.markets[0], Side::Buy, TimeInForce::Ioc, highest, Qty::from_lots(lots));
        }
        let (price, qty) = (Price::from_ticks(MIDDLE + 1 + levels as i64), 1 + self.random.below(4));
        self.put = (levels + 1, lots + qty);
        OrderAction::limit(self.markets[0], Side::Sell, TimeInForce::Gtc, price, Qty::from_lots(qty))
    }

    fn mass_cancel(&mut self) -> OrderAction {
        if self.put.0 == CANCELLED_TOGETHER {
            self.put.0 = 0;
            return OrderAction::CancelAll(CancelFilter::in_market(Some(self.markets[0])));
        }
        self.put.0 += 1;
        let price = Price::from_ticks(1_000 + self.random.below(64) as i64);
        OrderAction::limit(self.markets[0], Side::Buy, TimeInForce::Gtc, price, Qty::from_lots(1))
    }

    fn quote(&mut self) -> OrderAction {
        let terms = QuoteTerms { group: 1, mode: QuoteMode::PostOnly, self_trade: SelfTrade::None };
        let (markets, random) = (&self.markets, &mut self.random);
        let mut side = |sign: i64| {
            let price = Price::from_ticks(MIDDLE + sign * (1 + random.below(LEVELS) as i64));
            QuoteSide { price, qty: Qty::from_lots(1 + random.below(10)) }
        };
        let quotes = markets.iter().map(|market| Quote { market: *market, bid: side(-1), ask: side(1) }).collect();
        OrderAction::MassQuote { terms, quotes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(kind: WorkloadKind, seed: u64, session: usize) -> Vec<OrderAction> {
        let markets: Vec<MarketId> = (1..=kind.markets() as u32).map(MarketId::new).collect();
        let mut workload = Workload::new(kind, seed, session, &markets);
        (1..=1_002).map(|number| workload.next_action(RequestNumber::new(number))).collect()
    }

    #[test]
    fn the_seed_makes_the_stream() {
        for kind in WorkloadKind::ALL {
            for session in [0, 1] {
                assert_eq!(stream(kind, 7, session), stream(kind, 7, session), "{kind:?}");
                assert_ne!(stream(kind, 7, session), stream(kind, 8, session), "{kind:?}");
            }
            assert_ne!(stream(kind, 7, 0), stream(kind, 7, 2), "{kind:?}");
        }
    }

    #[test]
    fn a_pair_is_an_order_and_its_cancellation() {
        for (index, pair) in stream(WorkloadKind::Pairs, 3, 0).chunks(2).enumerate() {
            assert!(matches!(pair[0], OrderAction::New(_)));
            let target = OrderTarget::Request(RequestNumber::new(2 * index as u64 + 1));
            assert_eq!(pair[1], OrderAction::Cancel { target });
        }
    }

    #[test]
    fn makers_cross_nobody_and_keep_a_full_ladder() {
        let mut open = 0_usize;
        for action in stream(WorkloadKind::Takers, 3, 2) {
            match action {
                OrderAction::New(order) => {
                    open += 1;
                    let ticks = order.price.ticks();
                    assert!(if order.side == Side::Buy { ticks < MIDDLE } else { ticks > MIDDLE }, "{ticks}");
                }
                OrderAction::Cancel { .. } => open -= 1,
                other => panic!("{other:?}"),
            }
            assert!(open <= LADDER);
        }
        assert!(open >= LADDER - 1);
    }

    #[test]
    fn takers_reach_the_other_side() {
        for action in stream(WorkloadKind::Takers, 3, 1) {
            let OrderAction::New(order) = action else { panic!("{action:?}") };
            assert_eq!(order.time_in_force, TimeInForce::Ioc);
            let ticks = order.price.ticks();
            assert!(if order.side == Side::Buy { ticks > MIDDLE } else { ticks < MIDDLE }, "{ticks}");
        }
    }

    #[test]
    fn a_sweep_takes_what_was_put_on_all_levels() {
        let stream = stream(WorkloadKind::Sweeps, 3, 0);
        for cycle in stream.chunks(SWEPT_LEVELS + 1) {
            let (mut prices, mut lots) = (std::collections::BTreeSet::new(), 0);
            for action in cycle {
                let OrderAction::New(order) = action else { panic!("{action:?}") };
                if order.side == Side::Sell {
                    prices.insert(order.price.ticks());
                    lots += order.qty.lots();
                } else {
                    assert_eq!((order.time_in_force, order.qty.lots()), (TimeInForce::Ioc, lots));
                    assert_eq!((prices.len(), prices.last()), (SWEPT_LEVELS, Some(&order.price.ticks())));
                }
            }
            assert!(matches!(cycle.last(), Some(OrderAction::New(order)) if order.side == Side::Buy));
        }
    }

    #[test]
    fn a_mass_cancel_comes_after_every_five_hundred_orders() {
        for (at, action) in stream(WorkloadKind::MassCancel, 3, 0).iter().enumerate() {
            let is_cancel = matches!(action, OrderAction::CancelAll(_));
            assert_eq!(is_cancel, at % (CANCELLED_TOGETHER + 1) == CANCELLED_TOGETHER, "{at}");
        }
    }

    #[test]
    fn quotes_are_two_sided_in_every_market_and_never_cross() {
        for action in stream(WorkloadKind::MassQuotes, 3, 0) {
            let OrderAction::MassQuote { quotes, .. } = action else { panic!("{action:?}") };
            assert_eq!(quotes.len(), 5);
            assert!(quotes.iter().all(|quote| quote.bid.price.ticks() < MIDDLE && quote.ask.price.ticks() > MIDDLE));
        }
    }
}
