//! Reports that follow from each other, and such that do not.

use tidegate_domain::{
    AccountId, AssetAmount, CancelReason, Epoch, KeyId, MarketId, OnDisconnect, OrderOptions, OrderType, RequestNumber,
    SelfTrade, Sequence, SessionSequence, TimeInForce, Timestamp,
};
use tidegate_wire::GatewayStamps;

use super::*;

fn report(sequence: u64, index: u32, body: ReportBody) -> Report {
    Report {
        session_sequence: SessionSequence::new(sequence),
        request: RequestNumber::new(sequence),
        sequence: Sequence::new(sequence),
        index,
        epoch: Epoch::new(1),
        time: Timestamp::from_nanos(sequence),
        account: AccountId::new(1),
        market: MarketId::new(1),
        key: KeyId::new(1),
        degraded: false,
        last: true,
        stamps: GatewayStamps::default(),
        body,
    }
}

fn accepted(order: u64, lots: u64) -> Report {
    report(
        order,
        0,
        ReportBody::OrderAccepted {
            order: OrderId::new(order),
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            price: Price::from_ticks(10),
            qty: Qty::from_lots(lots),
            options: OrderOptions::default(),
        },
    )
}

fn fill(sequence: u64, index: u32, liquidity: Liquidity, order: u64, counter: u64, lots: u64, leaves: u64) -> Report {
    let body = FillReport {
        order: OrderId::new(order),
        counter_order: OrderId::new(counter),
        side: Side::Buy,
        liquidity,
        price: Price::from_ticks(10),
        qty: Qty::from_lots(lots),
        leaves: Qty::from_lots(leaves),
        fee: AssetAmount::from_units(0),
        is_rebate: false,
    };
    report(sequence, index, ReportBody::Fill(body))
}

fn cancelled(order: u64, lots: u64) -> Report {
    report(
        90,
        0,
        ReportBody::OrderCancelled {
            order: OrderId::new(order),
            side: Side::Buy,
            price: Price::from_ticks(10),
            cancelled: Qty::from_lots(lots),
            reason: CancelReason::Requested,
        },
    )
}

fn status(order: u64, leaves: u64) -> OrderStatus {
    OrderStatus {
        order: OrderId::new(order),
        key: KeyId::new(1),
        request: RequestNumber::new(order),
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reprice: false,
        is_quote: false,
        price: Price::from_ticks(10),
        leaves: Qty::from_lots(leaves),
        filled: Qty::from_lots(0),
        displayed: Qty::from_lots(leaves),
        trigger: Price::from_ticks(0),
        expires: Timestamp::from_nanos(0),
        self_trade: SelfTrade::None,
        group: 0,
        on_disconnect: OnDisconnect::Session,
    }
}

fn after(reports: &[Report]) -> Orders {
    let mut orders = Orders::default();
    reports.iter().for_each(|report| orders.note(report));
    orders
}

#[test]
fn what_is_filled_or_cancelled_is_not_open_any_more() {
    let taken = |leaves| fill(8, 1, Liquidity::Maker, 1, 8, 5 - leaves, leaves);
    let orders = after(&[accepted(1, 5), taken(2)]);
    assert_eq!(orders.contradiction(), None);
    assert_eq!(orders.difference(&[status(1, 2)]), None);
    assert!(after(&[accepted(1, 5), taken(0)]).is_empty());
    let gone = after(&[accepted(1, 5), taken(2), cancelled(1, 2)]);
    assert_eq!((gone.len(), gone.contradiction()), (0, None));
}

#[test]
fn every_difference_from_the_node_is_found() {
    let orders = after(&[accepted(1, 5), accepted(2, 6)]);
    assert_eq!(orders.difference(&[status(2, 6), status(1, 5)]), None);
    for (found, expected) in [
        (vec![status(1, 5)], "1 orders are open, by their reports 2"),
        (vec![status(1, 5), status(2, 7)], "order 2 is"),
        (vec![status(1, 5), status(2, 6), status(3, 1)], "order 3 is open, its reports say it is not"),
    ] {
        let difference = orders.difference(&found).unwrap_or_default();
        assert!(difference.contains(expected), "{difference}");
    }
}

#[test]
fn reports_that_contradict_each_other_are_counted() {
    for wrong in [
        vec![accepted(1, 5), accepted(1, 5)],
        vec![cancelled(1, 5)],
        vec![accepted(1, 5), cancelled(1, 4)],
        vec![accepted(1, 5), fill(8, 1, Liquidity::Maker, 1, 8, 2, 2)],
        vec![fill(8, 1, Liquidity::Maker, 1, 8, 2, 2)],
    ] {
        assert_eq!(after(&wrong).contradiction().map(|(_, count)| count), Some(1), "{wrong:?}");
    }
}

#[test]
fn a_trade_has_two_sides_in_any_order_of_hearing_of_them() {
    let (taker, maker) = (fill(8, 3, Liquidity::Taker, 8, 1, 2, 0), fill(8, 4, Liquidity::Maker, 1, 8, 2, 3));
    for order in [[&taker, &maker], [&maker, &taker]] {
        let mut trades = Trades::default();
        order.iter().for_each(|report| trades.note(report));
        assert_eq!((trades.are_paired(), trades.count()), (true, 1));
    }
}

#[test]
fn a_side_that_is_missing_or_different_is_noticed() {
    let taker = fill(8, 3, Liquidity::Taker, 8, 1, 2, 0);
    for other in [
        accepted(1, 5),
        fill(8, 4, Liquidity::Maker, 1, 8, 3, 2),
        fill(8, 4, Liquidity::Maker, 2, 8, 2, 2),
        fill(8, 5, Liquidity::Maker, 1, 8, 2, 2),
        fill(9, 4, Liquidity::Maker, 1, 8, 2, 2),
        fill(8, 0, Liquidity::Maker, 1, 8, 2, 2),
        taker,
    ] {
        let mut trades = Trades::default();
        trades.note(&taker);
        trades.note(&other);
        assert!(!trades.are_paired(), "{other:?}");
    }
}
