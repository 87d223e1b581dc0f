//! Market orders by budget of the quote asset.

use crate::script::check;

#[test]
fn a_buy_takes_what_its_budget_pays() {
    check(
        "
        b 1 sell 2@100
          b:1 re 1 accepted b#1 sell 2@100 gtc
        b 2 sell 9@110
          b:2 re 2 accepted b#2 sell 9@110 gtc
        a 1 buy 0@budget budget=450 ioc
          a:1 re 1 accepted a#1 buy 0@budget ioc budget=450
          a:2 re 1 fill a#1 taker 2@100 leaves 0 fee 0 against b#1
          b:3 re 1 fill b#1 maker 2@100 leaves 0 fee 0 against a#1
          a:3 re 1 fill a#1 taker 2@110 leaves 0 fee 0 against b#2
          b:4 re 2 fill b#2 maker 2@110 leaves 7 fee 0 against a#1
          a:4 re 1 cancelled a#1 0 immediate_or_cancel
        funds alice
          1004 BTC + 0 held, 99580 USD + 0 held
        ",
    );
}

#[test]
fn a_sell_brings_its_budget() {
    check(
        "
        b 1 buy 2@100
          b:1 re 1 accepted b#1 buy 2@100 gtc
        b 2 buy 9@90
          b:2 re 2 accepted b#2 buy 9@90 gtc
        a 1 sell 0@budget budget=400 ioc
          a:1 re 1 accepted a#1 sell 0@budget ioc budget=400
          a:2 re 1 fill a#1 taker 2@100 leaves 0 fee 0 against b#1
          b:3 re 1 fill b#1 maker 2@100 leaves 0 fee 0 against a#1
          a:3 re 1 fill a#1 taker 2@90 leaves 0 fee 0 against b#2
          b:4 re 2 fill b#2 maker 2@90 leaves 7 fee 0 against a#1
          a:4 re 1 cancelled a#1 0 immediate_or_cancel
        funds alice
          996 BTC + 0 held, 100380 USD + 0 held
        ",
    );
}

#[test]
fn it_pays_fill_by_fill_from_what_is_available() {
    check(
        "
        b 1 sell 3@100
          b:1 re 1 accepted b#1 sell 3@100 gtc
        withdraw alice 99750 USD w
          op withdrawn 99750 USD
        a 1 buy 0@budget budget=900 ioc
          a:1 re 1 accepted a#1 buy 0@budget ioc budget=900
          a:2 re 1 fill a#1 taker 2@100 leaves 0 fee 0 against b#1
          b:2 re 1 fill b#1 maker 2@100 leaves 1 fee 0 against a#1
          a:3 re 1 cancelled a#1 0 insufficient_funds
        funds alice
          1002 BTC + 0 held, 50 USD + 0 held
        ",
    );
}

#[test]
fn the_form_of_a_budget() {
    check(
        "
        a 1 buy 0@budget budget=0 ioc
          a:1 re 1 rejected budget_zero (new_order)
        a 2 buy 1@budget budget=10 ioc
          a:2 re 2 rejected qty_on_budget_order (new_order)
        a 3 buy 0@budget budget=10
          a:3 re 3 rejected market_order_cannot_rest (new_order)
        a 4 buy 1@100 budget=10
          a:4 re 4 rejected budget_without_budget_order (new_order)
        a 5 buy 0@budget budget=10 ioc
          a:5 re 5 rejected no_liquidity (new_order)
        a 6 buy 0@budget budget=79228162514264337593543950336 ioc
          a:6 re 6 rejected amount_too_large (new_order)
        ",
    );
}

#[test]
fn fill_or_kill_spends_the_whole_budget_or_nothing() {
    check(
        "
        b 1 sell 2@100
          b:1 re 1 accepted b#1 sell 2@100 gtc
        a 1 buy 0@budget budget=300 fok
          a:1 re 1 rejected fill_or_kill_unfillable (new_order)
        a 2 buy 0@budget budget=200 fok
          a:2 re 2 accepted a#2 buy 0@budget fok budget=200
          a:3 re 2 fill a#2 taker 2@100 leaves 0 fee 0 against b#1
          b:2 re 1 fill b#1 maker 2@100 leaves 0 fee 0 against a#2
        ",
    );
}

#[test]
fn a_rest_that_pays_for_no_lot_ends_before_it_meets_an_own_order() {
    check(
        "
        b 1 sell 2@100
          b:1 re 1 accepted b#1 sell 2@100 gtc
        a 1 sell 2@110
          a:1 re 1 accepted a#1 sell 2@110 gtc
        a 2 buy 0@budget budget=309 ioc stp=cancel_oldest
          a:2 re 2 accepted a#2 buy 0@budget ioc budget=309
          a:3 re 2 fill a#2 taker 2@100 leaves 0 fee 0 against b#1
          b:2 re 1 fill b#1 maker 2@100 leaves 0 fee 0 against a#2
          a:4 re 2 cancelled a#2 0 immediate_or_cancel
        book M
          sell 2 lots at 110: a#1=2
        ",
    );
}

#[test]
fn fill_or_kill_needs_one_lot_at_least() {
    check(
        "
        b 1 sell 2@100
          b:1 re 1 accepted b#1 sell 2@100 gtc
        a 1 buy 0@budget budget=99 fok
          a:1 re 1 rejected fill_or_kill_unfillable (new_order)
        ",
    );
}
