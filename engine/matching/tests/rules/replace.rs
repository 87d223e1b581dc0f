//! Replacing an order: what keeps its place, what comes in anew, and what is refused with nothing changed.

use tidegate_matching::OUTCOMES_PER_KEY;

use crate::script::{World, check};

#[test]
fn less_at_the_same_price_keeps_its_place() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        b 1 buy 5@100
          b:1 re 1 accepted b#1 buy 5@100 gtc
        a 2 replace 1 3@100
          a:2 re 2 replaced a#1 3@100 in place
        book M
          buy 8 lots at 100: a#1=3 b#1=5
        funds alice
          1000 BTC + 0 held, 99700 USD + 300 held
        ",
    );
}

#[test]
fn more_or_another_price_goes_to_the_tail() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        b 1 buy 5@100
          b:1 re 1 accepted b#1 buy 5@100 gtc
        a 2 replace 1 6@100
          a:2 re 2 replaced a#1 6@100 anew
        book M
          buy 11 lots at 100: b#1=5 a#1=6
        b 2 replace b#1 5@101
          b:2 re 2 replaced b#1 5@101 anew
        book M
          buy 5 lots at 101: b#1=5
          buy 6 lots at 100: a#1=6
        funds alice
          1000 BTC + 0 held, 99400 USD + 600 held
        funds bob
          1000 BTC + 0 held, 99495 USD + 505 held
        ",
    );
}

#[test]
fn the_quantity_counts_what_is_filled() {
    check(
        "
        a 1 buy 10@100
          a:1 re 1 accepted a#1 buy 10@100 gtc
        b 1 sell 4@100
          b:1 re 1 accepted b#1 sell 4@100 gtc
          b:2 re 1 fill b#1 taker 4@100 leaves 0 fee 0 against a#1
          a:2 re 1 fill a#1 maker 4@100 leaves 6 fee 0 against b#1
        a 2 replace 1 9@100
          a:3 re 2 replaced a#1 5@100 in place
        a 3 replace 1 4@100
          a:4 re 3 rejected replace_below_filled (replace_order)
        a 4 replace 1 5@100
          a:5 re 4 replaced a#1 1@100 in place
        book M
          buy 1 lots at 100: a#1=1
        funds alice
          1004 BTC + 0 held, 99500 USD + 100 held
        ",
    );
}

#[test]
fn a_replacement_may_cross_and_trades_before_it_rests() {
    check(
        "
        b 1 sell 3@105
          b:1 re 1 accepted b#1 sell 3@105 gtc
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        a 2 replace 1 5@105
          a:2 re 2 replaced a#1 5@105 anew
          a:3 re 1 fill a#1 taker 3@105 leaves 2 fee 0 against b#1
          b:2 re 1 fill b#1 maker 3@105 leaves 0 fee 0 against a#1
        book M
          buy 2 lots at 105: a#1=2
        funds alice
          1003 BTC + 0 held, 99475 USD + 210 held
        ",
    );
}

#[test]
fn the_same_again_is_accepted_and_keeps_its_place() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        b 1 buy 5@100
          b:1 re 1 accepted b#1 buy 5@100 gtc
        a 2 replace 1 5@100
          a:2 re 2 replaced a#1 5@100 in place
        book M
          buy 10 lots at 100: a#1=5 b#1=5
        ",
    );
}

#[test]
fn one_unit_of_funds_decides() {
    check(
        "
        a 1 buy 500@100
          a:1 re 1 accepted a#1 buy 500@100 gtc
        a 2 buy 499@100
          a:2 re 2 accepted a#2 buy 499@100 gtc
        a 3 replace 1 501@100
          a:3 re 3 replaced a#1 501@100 anew
        a 4 replace 1 502@100
          a:4 re 4 rejected insufficient_funds (replace_order)
        a 5 replace 2 499@99
          a:5 re 5 replaced a#2 499@99 anew
        a 6 replace 1 505@100
          a:6 re 6 replaced a#1 505@100 anew
        funds alice
          1000 BTC + 0 held, 99 USD + 99901 held
        ",
    );
}

#[test]
fn a_race_with_a_fill_has_its_own_codes() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        b 1 sell 5@100
          b:1 re 1 accepted b#1 sell 5@100 gtc
          b:2 re 1 fill b#1 taker 5@100 leaves 0 fee 0 against a#1
          a:2 re 1 fill a#1 maker 5@100 leaves 0 fee 0 against b#1
        a 2 replace 1 6@100
          a:3 re 2 rejected order_not_open (replace_order)
        a 3 replace a#1 6@100
          a:4 re 3 rejected order_not_open (replace_order)
        a 4 cancel 1
          a:5 re 4 rejected order_not_open (cancel_order)
        a 5 buy 5@100
          a:6 re 5 accepted a#5 buy 5@100 gtc
        b 2 sell 2@100
          b:3 re 2 accepted b#2 sell 2@100 gtc
          b:4 re 2 fill b#2 taker 2@100 leaves 0 fee 0 against a#5
          a:7 re 5 fill a#5 maker 2@100 leaves 3 fee 0 against b#2
        a 6 replace 5 2@100
          a:8 re 6 rejected replace_below_filled (replace_order)
        a 7 replace 77 2@100
          a:9 re 7 rejected unknown_order (replace_order)
        ",
    );
}

#[test]
fn only_the_key_that_created_an_order_learns_that_it_was_too_late() {
    check(
        "
        a 1 quote M 5@99 6@101
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc
          a:2 re 1 accepted a#1.s0 sell 6@101 gtc
          a:3 re 1 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 2 quote M 4@98 -
          a:4 re 2 replaced a#1.b0 4@98 anew
          a:5 re 2 cancelled a#1.s0 6 quote_withdrawn
          a:6 re 2 quotes done: 1 accepted, 1 withdrawn, 0 rejected
        a 3 cancel a#1.s0
          a:7 re 3 rejected order_not_open (cancel_order)
        a2 1 cancel a#1.s0
          a2:1 re 1 rejected unknown_order (cancel_order)
        b 1 cancel a#1.s0
          b:1 re 1 rejected unknown_order (cancel_order)
        a 4 cancel nobody#1
          a:8 re 4 rejected unknown_order (cancel_order)
        a 5 quote M - -
          a:9 re 5 cancelled a#1.b0 4 quote_withdrawn
          a:10 re 5 quotes done: 0 accepted, 1 withdrawn, 0 rejected
        a 6 reduce a#1.b0 1
          a:11 re 6 rejected order_not_open (reduce_order)
        ",
    );
}

/// The window holds what its key asked last: an order that was created before is one that never was.
#[test]
fn an_order_whose_creation_left_the_window_is_unknown() {
    let mut world = World::with_room(6);
    let first = "  a:1 re 1 accepted a#1 buy 1@100 gtc\n";
    assert_eq!(world.play("a 1 buy 1@100"), first);
    world.play("a 2 cancel a#1");
    let kept = OUTCOMES_PER_KEY as u64;
    for number in 3..=kept {
        world.play(&format!("a {number} cancel-all"));
    }
    // Its own outcome pushes that of the creation out.
    assert!(world.play(&format!("a {} cancel a#1", kept + 1)).contains("rejected order_not_open"));
    assert!(world.play(&format!("a {} cancel a#1", kept + 2)).contains("rejected unknown_order"));
}

#[test]
fn bounds_are_those_of_a_new_order() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        a 2 replace 1 0@100
          a:2 re 2 rejected qty_zero (replace_order)
        a 3 replace 1 1001@100
          a:3 re 3 rejected qty_too_large (replace_order)
        a 4 replace 1 5@0
          a:4 re 4 rejected price_not_positive (replace_order)
        a 5 replace 1 5@1001
          a:5 re 5 rejected price_too_high (replace_order)
        book M
          buy 5 lots at 100: a#1=5
        ",
    );
}

#[test]
fn another_key_of_the_account_may_replace_and_gets_its_own_answer() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        a2 1 replace a#1 4@100
          a:2 re 1 replaced a#1 4@100 in place
          a2:1 re 1 outcome a#1, applied now (replace_order)
        b 1 replace a#1 4@100
          b:1 re 1 rejected unknown_order (replace_order)
        book M
          buy 4 lots at 100: a#1=4
        ",
    );
}
