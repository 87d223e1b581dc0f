//! New orders that collide: few prices, small quantities, every type and option, and now and then something wrong.

use tidegate_domain::*;

use super::dice::Dice;
use super::ops::Profile;

type Shape = (OrderType, TimeInForce, bool);

/// Its expiry counts from a millisecond before now.
pub(super) fn new_order(profile: Profile, dice: &mut Dice<'_>) -> NewOrder {
    let (order_type, time_in_force, post_only) = shape(profile, dice);
    let has_limit = matches!(order_type, OrderType::Limit | OrderType::StopLimit);
    let is_stop = matches!(order_type, OrderType::Stop | OrderType::StopLimit);
    let is_budget = order_type == OrderType::Budget;
    let side = dice.any(&[Side::Buy, Side::Sell]);
    let market = dice.pick(&[(60, 1), (36, 2), (3, 3), (1, 0)]);
    let (price, trigger) = (price(profile, side, dice), dice.within(1, 9) as i64);
    let (usual, large) = (dice.within(1, 9), dice.within(10, 50));
    let qty = dice.pick(&[(16, usual), (1, large)]);
    let is_iceberg = order_type == OrderType::Limit && time_in_force.rests() && dice.happens(250);
    let display = dice.within(1, 5);
    let budget = u128::from(dice.below(160));
    let mut order = NewOrder {
        market: MarketId::new(market),
        side,
        order_type,
        time_in_force,
        post_only,
        price: Price::from_ticks(if has_limit { price } else { 0 }),
        qty: Qty::from_lots(if is_budget { 0 } else { qty }),
        options: OrderOptions {
            reprice: dice.happens(if post_only { 500 } else { 10 }),
            self_trade: dice.pick(&[
                (4, SelfTrade::None),
                (1, SelfTrade::CancelNewest),
                (1, SelfTrade::CancelOldest),
                (1, SelfTrade::CancelBoth),
                (2, SelfTrade::Decrement),
            ]),
            group: dice.pick(&[(6, 0), (2, 1), (2, 2), (1, 3)]),
            trigger: Price::from_ticks(if is_stop { trigger } else { 0 }),
            display: Qty::from_lots(if is_iceberg { display } else { 0 }),
            budget: AssetAmount::from_units(if is_budget { budget } else { 0 }),
            expires: Timestamp::from_nanos(match time_in_force {
                TimeInForce::Gtd => 1_000_000 * dice.any(&[2, 4, 9, 30, 1_000, 20_000, 7_200_000]),
                _ => 0,
            }),
            on_disconnect: dice.pick(&[(3, OnDisconnect::Session), (1, OnDisconnect::Cancel), (1, OnDisconnect::Stay)]),
        },
    };
    if profile == Profile::Giants && dice.happens(300) {
        enlarge(&mut order, dice);
    }
    if dice.happens(50) {
        spoil(&mut order, dice);
    }
    order
}

fn shape(profile: Profile, dice: &mut Dice<'_>) -> Shape {
    use OrderType::{Budget, Limit, Market, Stop, StopLimit};
    use TimeInForce::{Day, Fok, Gtc, Gtd, Ioc};
    let makers = |usual| profile.weight(usual, Profile::Makers, usual * 4);
    let takers = |usual| profile.weight(usual, Profile::Takers, usual * 3);
    let stops = |usual| profile.weight(usual, Profile::Stops, usual * 4);
    dice.pick(&[
        (makers(10), (Limit, Gtc, false)),
        (makers(3), (Limit, Gtd, false)),
        (makers(2), (Limit, Day, false)),
        (makers(4), (Limit, Gtc, true)),
        (makers(1), (Limit, Day, true)),
        (takers(4), (Limit, Ioc, false)),
        (takers(4), (Limit, Fok, false)),
        (takers(4), (Market, Ioc, false)),
        (takers(2), (Market, Fok, false)),
        (takers(3), (Budget, Ioc, false)),
        (takers(2), (Budget, Fok, false)),
        (stops(3), (Stop, Gtc, false)),
        (stops(1), (Stop, Gtd, false)),
        (stops(3), (StopLimit, Gtc, false)),
        (stops(1), (StopLimit, Day, false)),
    ])
}

/// Makers leave room between the sides, so that their books grow deep.
fn price(profile: Profile, side: Side, dice: &mut Dice<'_>) -> i64 {
    let (anywhere, low, high) = (dice.within(1, 8), dice.within(1, 4), dice.within(5, 8));
    let own_half = if side == Side::Buy { low } else { high };
    dice.pick(&[(4, anywhere), (profile.weight(1, Profile::Makers, 8), own_half)]) as i64
}

/// Numbers close to where they end.
fn enlarge(order: &mut NewOrder, dice: &mut Dice<'_>) {
    let (qty, price) = (dice.any(&[u64::MAX, u64::MAX - 3, 1 << 63, 1 << 40]), dice.any(&[1 << 29, (1 << 29) - 1, 7]));
    let far = dice.any(&[i64::MAX, i64::MAX - 1, 1 << 40, 8]);
    let options = &mut order.options;
    if order.price.ticks() != 0 && dice.happens(700) {
        order.price = Price::from_ticks(dice.pick(&[(3, price), (1, far)]));
    }
    if !order.qty.is_zero() && dice.happens(700) {
        order.qty = Qty::from_lots(qty);
    }
    if !options.budget.is_zero() {
        options.budget = AssetAmount::from_units(dice.any(&[(1 << 96) - 1, 1 << 95, 1 << 67]));
    }
    if options.trigger.ticks() != 0 {
        options.trigger = Price::from_ticks(dice.pick(&[(3, price), (1, far)]));
    }
    if !options.display.is_zero() {
        options.display = Qty::from_lots(dice.any(&[u64::MAX - 5, 1 << 62, 3]));
    }
    if options.expires.nanos() > 0 {
        options.expires = Timestamp::from_nanos(1 << 62);
    }
}

/// One thing that RULES.md, 2.1, refuses, if nothing before it does.
fn spoil(order: &mut NewOrder, dice: &mut Dice<'_>) {
    let options = &mut order.options;
    match dice.below(14) {
        0 => order.price = Price::from_ticks(dice.any(&[0, -1, 101, 3])),
        1 => order.qty = Qty::from_lots(dice.any(&[0, 51, 5, u64::MAX])),
        2 => order.post_only = true,
        3 => order.time_in_force = dice.any(&[TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Day, TimeInForce::Fok]),
        4 => options.budget = AssetAmount::from_units(dice.any(&[0, 5, 1 << 96, u128::MAX])),
        5 => options.trigger = Price::from_ticks(dice.any(&[0, 101, 4, -1])),
        6 => options.display = Qty::from_lots(dice.any(&[2, 40])),
        7 => options.expires = Timestamp::from_nanos(dice.any(&[0, 1_000_000, 5_000_000])),
        8 => order.market = MarketId::new(dice.any(&[0, 3, 4])),
        // Budgets have neither trigger nor display in the records of events, so these two only where nobody accepts.
        9 if order.order_type == OrderType::Budget => options.budget = AssetAmount::ZERO,
        10 if order.order_type == OrderType::Budget => order.qty = Qty::from_lots(1),
        11 if order.order_type == OrderType::Budget => options.budget = AssetAmount::from_units(1 << 96),
        12 if order.time_in_force == TimeInForce::Gtd => options.expires = Timestamp::from_nanos(1_000_000),
        _ => order.qty = Qty::ZERO,
    }
}
