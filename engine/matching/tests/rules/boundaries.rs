//! Where engines break: ends of queues, prices that are gone, siblings, the largest numbers, long sweeps.

use crate::script::{World, check};

#[test]
fn head_middle_and_tail_are_cancelled_and_a_sweep_meets_the_rest_in_order() {
    check(
        "
        a 1 sell 1@100
          a:1 re 1 accepted a#1 sell 1@100 gtc
        a 2 sell 2@100
          a:2 re 2 accepted a#2 sell 2@100 gtc
        a 3 sell 3@100
          a:3 re 3 accepted a#3 sell 3@100 gtc
        a 4 sell 4@100
          a:4 re 4 accepted a#4 sell 4@100 gtc
        b 1 sell 5@100
          b:1 re 1 accepted b#1 sell 5@100 gtc
        a 5 cancel a#1
          a:5 re 5 cancelled a#1 1 requested
        a 6 cancel a#3
          a:6 re 6 cancelled a#3 3 requested
        b 2 cancel b#1
          b:2 re 2 cancelled b#1 5 requested
        b 3 buy 9@100
          b:3 re 3 accepted b#3 buy 9@100 gtc
          b:4 re 3 fill b#3 taker 2@100 leaves 7 fee 0 against a#2
          a:7 re 2 fill a#2 maker 2@100 leaves 0 fee 0 against b#3
          b:5 re 3 fill b#3 taker 4@100 leaves 3 fee 0 against a#4
          a:8 re 4 fill a#4 maker 4@100 leaves 0 fee 0 against b#3
        book M
          buy 3 lots at 100: b#3=3
        ",
    );
}

#[test]
fn a_best_price_whose_orders_are_cancelled_is_no_price_any_more() {
    check(
        "
        a 1 sell 1@100
          a:1 re 1 accepted a#1 sell 1@100 gtc
        a 2 sell 1@101
          a:2 re 2 accepted a#2 sell 1@101 gtc
        a 3 cancel a#1
          a:3 re 3 cancelled a#1 1 requested
        b 1 buy 1@100 ioc
          b:1 re 1 accepted b#1 buy 1@100 ioc
          b:2 re 1 cancelled b#1 1 immediate_or_cancel
        b 2 buy 1@market ioc
          b:3 re 2 accepted b#2 buy 1@market ioc
          b:4 re 2 fill b#2 taker 1@101 leaves 0 fee 0 against a#2
          a:4 re 2 fill a#2 maker 1@101 leaves 0 fee 0 against b#2
        b 3 buy 1@market ioc
          b:5 re 3 rejected no_liquidity (new_order)
        ",
    );
}

#[test]
fn an_order_that_changes_leaves_its_sibling_as_it_is() {
    check(
        "
        a 1 sell 2@100
          a:1 re 1 accepted a#1 sell 2@100 gtc
        a 2 sell 2@100
          a:2 re 2 accepted a#2 sell 2@100 gtc
        a 3 reduce a#1 1
          a:3 re 3 reduced a#1 by 1 leaves 1
        book M
          sell 3 lots at 100: a#1=1 a#2=2
        a 4 replace a#1 3@100
          a:4 re 4 replaced a#1 3@100 anew
        book M
          sell 5 lots at 100: a#2=2 a#1=3
        a 5 replace a#2 2@99
          a:5 re 5 replaced a#2 2@99 anew
        book M
          sell 2 lots at 99: a#2=2
          sell 3 lots at 100: a#1=3
        ",
    );
}

#[test]
fn a_partly_filled_order_is_cancelled_and_gives_back_what_is_left() {
    check(
        "
        b 1 buy 5@100
          b:1 re 1 accepted b#1 buy 5@100 gtc
        a 1 sell 2@90
          a:1 re 1 accepted a#1 sell 2@90 gtc
          a:2 re 1 fill a#1 taker 2@100 leaves 0 fee 0 against b#1
          b:2 re 1 fill b#1 maker 2@100 leaves 3 fee 0 against a#1
        funds bob
          1002 BTC + 0 held, 99500 USD + 300 held
        b 2 cancel b#1
          b:3 re 2 cancelled b#1 3 requested
        funds bob
          1002 BTC + 0 held, 99800 USD + 0 held
        ",
    );
}

#[test]
fn a_request_number_is_not_used_twice_whatever_became_of_its_order() {
    check(
        "
        a 1 sell 1@100
          a:1 re 1 accepted a#1 sell 1@100 gtc
        b 1 buy 1@100
          b:1 re 1 accepted b#1 buy 1@100 gtc
          b:2 re 1 fill b#1 taker 1@100 leaves 0 fee 0 against a#1
          a:2 re 1 fill a#1 maker 1@100 leaves 0 fee 0 against b#1
        a 1 sell 1@100
          a:3 re 1 outcome a#1, applied at 15 (new_order)
        a 1 sell 2@100
          a:4 re 1 rejected request_number_reused (new_order)
        a 2 sell 1@100
          a:5 re 2 accepted a#2 sell 1@100 gtc
        a 3 cancel a#2
          a:6 re 3 cancelled a#2 1 requested
        a 2 sell 1@100
          a:7 re 2 outcome a#2, applied at 19 (new_order)
        book M
          empty
        ",
    );
}

#[test]
fn the_largest_quantity_at_the_highest_price_trades_to_the_unit() {
    check(
        "
        rules M qty_max=4611686018427387904 price_max=17179869183
          op rules set
        deposit alice 4611686018427386904 BTC r1
          op deposited 4611686018427386904 BTC
        deposit bob 79228162509652651575116462431 USD r2
          op deposited 79228162509652651575116462431 USD
        a 1 sell 4611686018427387904@17179869183
          a:1 re 1 accepted a#1 sell 4611686018427387904@17179869183 gtc
        a 2 sell 1@17179869184
          a:2 re 2 rejected price_too_high (new_order)
        a 3 sell 4611686018427387905@17179869183
          a:3 re 3 rejected qty_too_large (new_order)
        b 1 buy 4611686018427387904@17179869183
          b:1 re 1 rejected insufficient_funds (new_order)
        deposit bob 1 USD r3
          op deposited 1 USD
        b 2 buy 4611686018427387904@17179869183
          b:2 re 2 accepted b#2 buy 4611686018427387904@17179869183 gtc
          b:3 re 2 fill b#2 taker 4611686018427387904@17179869183 leaves 0 fee 0 against a#1
          a:4 re 1 fill a#1 maker 4611686018427387904@17179869183 leaves 0 fee 0 against b#2
        funds alice
          0 BTC + 0 held, 79228162509652651575116662432 USD + 0 held
        funds bob
          4611686018427388904 BTC + 0 held, 0 USD + 0 held
        ",
    );
}

/// Orders of one lot at ten prices; then one order takes them all.
#[test]
fn a_sweep_over_5_000_orders_meets_every_one_in_order_and_leaves_nothing() {
    const ORDERS: u64 = 5_000;
    let mut world = World::with_room(ORDERS as u32 + 1);
    for line in ["rules M qty_max=5000", "deposit alice 4000 BTC more", "deposit bob 1000000 USD more-2"] {
        assert!(!world.play(line).contains("rejected"));
    }
    for n in 1..=ORDERS {
        let events = world.play(&format!("a {n} sell 1@{}", 91 + n % 10));
        assert!(events.contains("accepted"), "{events}");
    }
    let events = world.play("b 1 buy 5000@100");
    let makers: Vec<&str> = events.lines().filter(|line| line.contains(" maker ")).collect();
    let expected = (91..=100).flat_map(|price| {
        (1..=ORDERS).filter(move |n| 91 + n % 10 == price).map(move |n| format!("fill a#{n} maker 1@{price} leaves 0"))
    });
    assert_eq!(makers.len() as u64, ORDERS);
    for (line, expected) in makers.iter().zip(expected) {
        assert!(line.contains(&expected), "{line}, where {expected} was expected");
    }
    assert!(events.lines().last().is_some_and(|last| last.contains("maker")), "nothing is left to tell");
    assert_eq!(world.play("book M"), "  empty\n");
}
