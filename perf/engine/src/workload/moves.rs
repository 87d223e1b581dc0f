//! Workloads a and d: most commands move an order that rests, as in the benchmark of exchange-core.
//!
//! Invariants: the shares are dealt from a deck, so they are exact over every hundred commands; how much an IOC order
//! takes keeps the number of resting orders where it is.

use super::builder::Builder;
use super::{Request, Workload};
use crate::op::Tif;
use crate::random::{Deck, Weighted};

const MID_TICKS: i64 = 100_000;
const ACCOUNTS: u32 = 1_000;
/// A move that trades is rare: one in a hundred.
const CROSSING_PERCENT: u64 = 1;
/// The mid moves by a tick about once in so many commands.
const DRIFT_COMMANDS: u64 = 2_000;

#[derive(Clone, Copy)]
enum Kind {
    Gtc,
    Ioc,
    Cancel,
    Replace,
}

const SHARES: [(Kind, usize); 4] = [(Kind::Gtc, 9), (Kind::Ioc, 3), (Kind::Cancel, 6), (Kind::Replace, 82)];

pub(super) fn one_market(request: &Request) -> Workload {
    generate(request, 1, request.size.pick(1_000, 200))
}

pub(super) fn many_markets(request: &Request) -> Workload {
    generate(request, request.size.pick(10_000, 50), request.size.pick(1_000_000, 2_000))
}

fn generate(request: &Request, markets: usize, resting: usize) -> Workload {
    let mut builder = Builder::new(request.seed, markets, ACCOUNTS, MID_TICKS);
    // The busiest market is not the first one, or its neighbours in memory would be the next busy ones.
    let mut names: Vec<u32> = (0..markets as u32).collect();
    builder.random.shuffle(&mut names);
    let popular = Weighted::zipf(markets);
    while builder.resting_count() < resting {
        let market = names[popular.pick(&mut builder.random)];
        rest_one(&mut builder, market);
    }
    builder.end_unmeasured();
    let mut deck = Deck::new(&SHARES);
    for _ in 0..request.commands {
        let kind = deck.deal(&mut builder.random);
        // Commands of a kind go to markets where that kind is possible.
        while !command(&mut builder, kind, names[0], &popular, &names, resting) {}
    }
    builder.finish(&request.name)
}

fn rest_one(builder: &mut Builder, market: u32) {
    let side = builder.side();
    let (price, qty) = (builder.passive_price(market, side), builder.qty());
    builder.new_order(market, side, price, qty, Tif::Gtc);
}

/// Writes one command of a kind down, if the market that chance picks has an order for it.
fn command(builder: &mut Builder, kind: Kind, only: u32, popular: &Weighted, names: &[u32], resting: usize) -> bool {
    let market = if names.len() == 1 { only } else { names[popular.pick(&mut builder.random)] };
    match kind {
        Kind::Gtc => rest_one(builder, market),
        Kind::Ioc => {
            let whole = builder.resting_count() >= resting;
            builder.take_front(market, whole);
        }
        Kind::Cancel => {
            let Some(id) = builder.any_resting(market) else { return false };
            builder.cancel(market, id);
        }
        Kind::Replace => return builder.replace_any(market, CROSSING_PERCENT),
    }
    if builder.random.below(DRIFT_COMMANDS) == 0 {
        builder.mids[market as usize] += if builder.random.chance(50) { 1 } else { -1 };
    }
    true
}
