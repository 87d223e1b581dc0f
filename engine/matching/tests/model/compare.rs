//! Balances, fees, books, stop lists and markets of both.

use tidegate_domain::*;
use tidegate_matching::{Engine, Order};

use crate::naive::{Naive, NaiveOrder, Place};
use crate::play::LIMITS;

/// # Panics
/// When something differs, or the engine finds itself inconsistent.
pub(crate) fn assert_same_state(engine: &Engine, twin: &Naive) {
    assert_balances(engine, twin);
    assert_books(engine, twin);
    assert_markets(engine, twin);
    assert_sound(twin);
    engine.verify();
}

fn assert_balances(engine: &Engine, twin: &Naive) {
    let units = |amount: AssetAmount| amount.units() as i128;
    for (asset, ..) in engine.assets() {
        for (account, _) in engine.accounts() {
            let (available, held) = engine.balance(account, asset).unwrap();
            let expected = twin.balance(account.raw(), asset.raw());
            assert_eq!((units(available), units(held)), expected, "account {account}, asset {asset}");
            let pending = units(engine.pending(account, asset).unwrap());
            assert_eq!(pending, twin.pending(account.raw(), asset.raw()), "pending: account {account}, asset {asset}");
        }
        let fees = units(engine.fees(asset).unwrap());
        assert_eq!(fees, twin.fees.get(&asset.raw()).copied().unwrap_or(0), "fees of asset {asset}");
    }
}

fn assert_books(engine: &Engine, twin: &Naive) {
    assert_eq!(engine.open_order_count(), twin.orders.len());
    assert!(twin.orders.iter().all(|order| order.place != Place::Taking));
    for (market, ..) in engine.markets() {
        for side in [Side::Buy, Side::Sell] {
            let expected: Vec<Order> =
                twin.book(market.raw(), side == Side::Buy).into_iter().map(as_the_engine_says).collect();
            let actual: Vec<Order> = engine.resting_orders(market, side).collect();
            assert_eq!(actual, expected, "market {market}, {side} side");
            assert_levels(engine, market, side, &expected);
        }
        let expected: Vec<Order> = twin.waiting_stops(market.raw()).into_iter().map(as_the_engine_says).collect();
        let actual: Vec<Order> = engine.waiting_stops(market).collect();
        assert_eq!(actual, expected, "stops of market {market}");
    }
}

fn as_the_engine_says(order: &NaiveOrder) -> Order {
    let is_waiting = order.place == Place::Waiting;
    Order {
        id: OrderId::new(order.id),
        account: AccountId::new(order.account),
        key: KeyId::new(order.key),
        request: RequestNumber::new(order.request),
        market: MarketId::new(order.market),
        side: if order.is_buy { Side::Buy } else { Side::Sell },
        price: Price::from_ticks(order.price as i64),
        leaves: Qty::from_lots(order.left as u64),
        displayed: Qty::from_lots(order.shown as u64),
        filled: Qty::from_lots(order.filled as u64),
        group: order.group,
        trigger: Price::from_ticks(if is_waiting { order.trigger as i64 } else { 0 }),
        on_disconnect: order.on_disconnect,
    }
}

fn assert_levels(engine: &Engine, market: MarketId, side: Side, orders: &[Order]) {
    let mut levels: Vec<(Price, Qty, u32)> = Vec::new();
    for order in orders {
        match levels.last_mut() {
            Some(level) if level.0 == order.price => {
                // Shown as the largest quantity where it is more than that.
                level.1 = Qty::from_lots(level.1.lots().saturating_add(order.displayed.lots()));
                level.2 += 1;
            }
            _ => levels.push((order.price, order.displayed, 1)),
        }
    }
    let shown = engine.levels(market, side, LIMITS.open_orders_max as usize);
    assert_eq!(shown, levels, "levels of market {market}, {side} side");
}

fn assert_markets(engine: &Engine, twin: &Naive) {
    assert_eq!(engine.markets().count(), twin.markets.len());
    for ((id, _, state), market) in engine.markets().zip(&twin.markets) {
        assert_eq!(state, market.state, "state of market {id}");
        let (rules, last) = engine.market_rules(id).unwrap();
        assert_eq!(*rules, market.rules, "rules of market {id}");
        assert_eq!(last.map(|last| i128::from(last.ticks())), market.last, "last price of market {id}");
    }
}

/// What must be so whatever the rules are: were both wrong in the same way, this would tell.
fn assert_sound(twin: &Naive) {
    for (at, market) in twin.markets.iter().enumerate() {
        let id = at as u32 + 1;
        let best = |is_buy| twin.book(id, is_buy).first().map(|order| order.price);
        let is_crossed = best(true).zip(best(false)).is_some_and(|(bid, ask)| bid >= ask);
        assert!(!is_crossed, "the book of market {id} is crossed");
        let waits = |stop: &NaiveOrder| match market.last {
            Some(last) if stop.is_buy => last < stop.trigger,
            Some(last) => last > stop.trigger,
            None => true,
        };
        assert!(twin.waiting_stops(id).into_iter().all(waits), "a stop of market {id} is triggered and waits");
        let is_empty = twin.orders.iter().all(|order| order.market != id);
        assert!(market.state != MarketState::Closed || is_empty, "orders are left in market {id}, which is closed");
    }
    for order in &twin.orders {
        assert!(order.shown >= 1 && order.shown <= order.left, "{order:?} shows what it has not");
    }
}
