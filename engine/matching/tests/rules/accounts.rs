//! Limits, fees and the kill switch.

use crate::script::check;

#[test]
fn an_accounts_own_limits() {
    check(
        "
        limits alice open=2 market=1 qty=10 notional=500
          op limits set
        a 1 buy 11@10
          a:1 re 1 rejected qty_over_account_limit (new_order)
        a 2 buy 10@51
          a:2 re 2 rejected notional_over_account_limit (new_order)
        a 3 buy 10@50
          a:3 re 3 accepted a#3 buy 10@50 gtc
        a 4 buy 1@10
          a:4 re 4 rejected too_many_open_orders (new_order)
        a 5 buy 1@10 in=F
          a:5 re 5 in F accepted a#5 buy 1@10 gtc
        a 6 buy 1@10 in=F
          a:6 re 6 in F rejected too_many_open_orders (new_order)
        a 7 buy 11@market ioc
          a:7 re 7 rejected no_liquidity (new_order)
        limits alice notional=79228162514264337593543950336
          op rejected amount_too_large (set_account_limits)
        ",
    );
}

#[test]
fn a_rebate_comes_out_of_the_takers_fee() {
    check(
        "
        rules M maker=-300 taker=1000
          op rules set
        a 1 buy 10@100
          a:1 re 1 accepted a#1 buy 10@100 gtc
        b 1 sell 10@100
          b:1 re 1 accepted b#1 sell 10@100 gtc
          b:2 re 1 fill b#1 taker 10@100 leaves 0 fee 1 against a#1
          a:2 re 1 fill a#1 maker 10@100 leaves 0 rebate 0 against b#1
        funds alice
          1010 BTC + 0 held, 99000 USD + 0 held
        funds bob
          990 BTC + 0 held, 100999 USD + 0 held
        fees
          0 BTC, 1 USD
        ",
    );
}

#[test]
fn a_rebate_is_never_more_than_the_takers_fee() {
    check(
        "
        rules M maker=-900000 taker=1000
          op rules set
        a 1 buy 10@100
          a:1 re 1 accepted a#1 buy 10@100 gtc
        b 1 sell 10@100
          b:1 re 1 accepted b#1 sell 10@100 gtc
          b:2 re 1 fill b#1 taker 10@100 leaves 0 fee 1 against a#1
          a:2 re 1 fill a#1 maker 10@100 leaves 0 rebate 1 against b#1
        funds alice
          1010 BTC + 0 held, 99001 USD + 0 held
        fees
          0 BTC, 0 USD
        ",
    );
}

#[test]
fn a_tier_stands_above_the_markets_fees() {
    check(
        "
        rules M maker=1000 taker=1000
          op rules set
        fee-tier 1 0 500000
          op fee tier 1: maker 0, taker 500000
        tier alice 1
          op tier 1
        b 1 sell 2@100
          b:1 re 1 accepted b#1 sell 2@100 gtc
        a 1 buy 2@100
          a:1 re 1 accepted a#1 buy 2@100 gtc
          a:2 re 1 fill a#1 taker 2@100 leaves 0 fee 1 against b#1
          b:2 re 1 fill b#1 maker 2@100 leaves 0 fee 1 against a#1
        funds alice
          1001 BTC + 0 held, 99800 USD + 0 held
        fee-tier 0 1 1
          op rejected tier_zero (set_fee_tier)
        fee-tier 2 0 -1
          op rejected taker_fee_out_of_range (set_fee_tier)
        fee-tier 2 1000001 -1
          op rejected maker_fee_out_of_range (set_fee_tier)
        tier alice 0
          op tier 0
        ",
    );
}

#[test]
fn the_kill_switch_cancels_everything_and_refuses_what_is_new() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        a 2 sell 1@stop stop=90
          a:2 re 2 accepted a#2 sell 1@stop gtc stop=90
        kill alice
          a:3 re 1 cancelled a#1 5 kill_switch
          a:4 re 2 cancelled a#2 1 kill_switch
          op kill switch on, 2 orders
        a 3 buy 5@100
          a:5 re 3 rejected account_killed (new_order)
        unkill alice
          op kill switch off, 0 orders
        a 4 buy 5@100
          a:6 re 4 accepted a#4 buy 5@100 gtc
        kill carol
          op rejected unknown_account (set_kill_switch)
        ",
    );
}

#[test]
fn a_killed_account_may_not_replace() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        kill alice
          a:2 re 1 cancelled a#1 5 kill_switch
          op kill switch on, 1 orders
        a 2 replace 1 6@100
          a:3 re 2 rejected order_not_open (replace_order)
        ",
    );
}
