//! The engine against its naive twin: the same random commands, and after each the same events, balances and books.

#![allow(clippy::unwrap_used)]

mod naive;
mod play;

use std::cell::RefCell;
use std::collections::BTreeMap;

use naive::{Naive, NaiveOrder};
use play::{LIMITS, Script, config, steps};
use proptest::test_runner::TestRunner;
use tidegate_domain::*;
use tidegate_matching::Engine;

#[test]
fn the_engine_does_what_its_naive_twin_does() {
    let seen = RefCell::new(BTreeMap::<String, u64>::new());
    let mut runner = TestRunner::new(config(1_000));
    let result = runner.run(&steps(), |steps| {
        let (mut engine, mut twin, mut script) = (Engine::new(), Naive::default(), Script::default());
        for record in script.prelude() {
            step(&mut engine, &mut twin, &record);
        }
        for next in &steps {
            let record = script.record(next);
            for (_, event) in step(&mut engine, &mut twin, &record) {
                script.learn(&event);
                *seen.borrow_mut().entry(label(&event)).or_default() += 1;
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    let seen = seen.into_inner();
    println!("{seen:#?}");
    assert_collided(&seen);
}

fn step(engine: &mut Engine, twin: &mut Naive, record: &CommandRecord) -> Vec<(EventHeader, Event)> {
    let mut out = EventBuffer::default();
    engine.apply(record, &mut out);
    let events: Vec<_> = out.records().iter().map(|event| event.decode().unwrap()).collect();
    assert_eq!(events, twin.apply(record), "the events of {record:?} differ");
    assert!(events.len() <= engine.events_per_command_max());
    assert_eq!(engine.next_deadline().map(Timestamp::nanos), twin.next_due());
    assert_balances(engine, twin);
    assert_books(engine, twin);
    engine.verify();
    events
}

fn assert_balances(engine: &Engine, twin: &Naive) {
    for (asset, ..) in engine.assets() {
        for (account, _) in engine.accounts() {
            let (available, held) = engine.balance(account, asset).unwrap();
            let balance = (available.units() as i128, held.units() as i128);
            assert_eq!(balance, twin.balance(account.raw(), asset.raw()), "account {account}, asset {asset}");
        }
        let fees = engine.fees(asset).unwrap().units() as i128;
        assert_eq!(fees, twin.fees.get(&asset.raw()).copied().unwrap_or(0), "fees of asset {asset}");
    }
}

fn assert_books(engine: &Engine, twin: &Naive) {
    assert_eq!(engine.open_order_count(), twin.orders.len());
    for (market, ..) in engine.markets() {
        for side in [Side::Buy, Side::Sell] {
            let is_buy = side == Side::Buy;
            let mut expected: Vec<&NaiveOrder> =
                twin.orders.iter().filter(|order| order.market == market.raw() && order.is_buy == is_buy).collect();
            expected.sort_by_key(|order| (if is_buy { -order.price } else { order.price }, order.id));
            let expected: Vec<_> = expected
                .into_iter()
                .map(|order| (order.id, order.key, order.account, order.request, order.price, order.left))
                .collect();
            let actual: Vec<_> = engine
                .resting_orders(market, side)
                .map(|order| {
                    let (price, left) = (i128::from(order.price.ticks()), i128::from(order.leaves.lots()));
                    let (key, account, request) = (order.key.raw(), order.account.raw(), order.request.raw());
                    (order.id.raw(), key, account, request, price, left)
                })
                .collect();
            assert_eq!(actual, expected, "market {market}, {side} side");
            assert_levels(engine, market, side, &actual);
        }
    }
}

fn assert_levels(engine: &Engine, market: MarketId, side: Side, orders: &[(u64, u32, u32, u64, i128, i128)]) {
    let mut levels: Vec<(i128, i128, u32)> = Vec::new();
    for &(.., price, left) in orders {
        match levels.last_mut() {
            Some(level) if level.0 == price => {
                level.1 += left;
                level.2 += 1;
            }
            _ => levels.push((price, left, 1)),
        }
    }
    let shown = engine.levels(market, side, LIMITS.open_orders_max as usize).into_iter();
    let shown: Vec<_> = shown.map(|(price, qty, count)| (price.ticks().into(), qty.lots().into(), count)).collect();
    assert_eq!(shown, levels);
}

fn label(event: &Event) -> String {
    match event {
        Event::Rejected { reason, .. } => format!("rejected {reason}"),
        Event::OrderCancelled { reason, .. } => format!("cancelled {reason}"),
        Event::SessionClosed { reason, .. } => format!("closed {reason}"),
        event => event.kind().to_string(),
    }
}

/// A model test that never fills an order proves nothing.
fn assert_collided(seen: &BTreeMap<String, u64>) {
    for kind in [EventKind::Fill, EventKind::Outcome, EventKind::OrderReduced, EventKind::CancelAllDone] {
        assert!(seen.get(kind.as_str()).is_some_and(|count| *count > 100), "hardly any {kind}: {seen:#?}");
    }
    use CancelReason::{CancelAll, Disconnected, ImmediateOrCancel, InsufficientFunds, ReducedToZero, Requested};
    for reason in [CancelAll, Disconnected, ImmediateOrCancel, InsufficientFunds, ReducedToZero, Requested] {
        let count = seen.get(&format!("cancelled {reason}"));
        assert!(count.is_some_and(|count| *count > 10), "hardly any order cancelled as {reason}: {seen:#?}");
    }
    for reason in [Reject::InsufficientFunds, Reject::FillOrKillUnfillable, Reject::TooManyOpenOrders] {
        let count = seen.get(&format!("rejected {reason}"));
        assert!(count.is_some_and(|count| *count > 10), "hardly any {reason}: {seen:#?}");
    }
}
