//! Workloads c and f: a book is built and goes at once, by one order that takes it all or by a cancel of every order.
//!
//! Invariants: a round begins and ends with an empty book. The rounds of c are measured as a whole, so its last percentiles
//! are the sweeps; of f only the cancels are. The orders of a round of f are of one account, and every round has another.

use tidegate_domain::Side;

use super::builder::Builder;
use super::{Request, Workload};
use crate::op::Tif;

const MID_TICKS: i64 = 100_000;
const ACCOUNTS: u32 = 1_000;
/// Prices of a swept side.
const LEVELS: u64 = 500;

pub(super) fn deep_sweeps(request: &Request) -> Workload {
    let depth = request.size.pick(5_000, 200);
    let mut builder = Builder::new(request.seed, 1, ACCOUNTS, MID_TICKS);
    let rounds = request.commands.div_ceil(depth + 1).max(1);
    for round in 0..rounds {
        let side = if round % 2 == 0 { Side::Sell } else { Side::Buy };
        let mut lots = 0;
        for _ in 0..depth {
            let away = 1 + builder.random.below(LEVELS) as i64;
            let price = if side == Side::Sell { MID_TICKS + away } else { MID_TICKS - away };
            let qty = builder.qty();
            lots += qty;
            builder.new_order(0, side, price, qty, Tif::Gtc);
        }
        let away = LEVELS as i64;
        let price = if side == Side::Sell { MID_TICKS + away } else { MID_TICKS - away };
        builder.new_order(0, side.opposite(), price, lots, Tif::Ioc);
        assert_eq!(builder.resting_count(), 0, "a sweep leaves nothing");
    }
    builder.finish(&request.name)
}

pub(super) fn mass_cancels(request: &Request) -> Workload {
    let orders = request.size.pick(10_000, 500);
    let mut builder = Builder::new(request.seed, 1, ACCOUNTS, MID_TICKS);
    let rounds = request.commands.div_ceil(orders).max(1);
    for round in 0..rounds {
        let account = (round % ACCOUNTS as usize) as u32;
        let mut ids = Vec::with_capacity(orders);
        for _ in 0..orders {
            let side = builder.side();
            let (price, qty) = (builder.passive_price(0, side), builder.qty());
            ids.push(builder.new_order_of(account, 0, side, price, qty, Tif::Gtc));
        }
        builder.end_part(false, None);
        builder.random.shuffle(&mut ids);
        ids.into_iter().for_each(|id| builder.cancel(0, id));
        assert_eq!(builder.resting_count(), 0, "a mass cancel leaves nothing");
        builder.end_part(true, Some(account));
    }
    let mut workload = builder.finish(&request.name);
    workload.mix.gtc = 0;
    workload
}
