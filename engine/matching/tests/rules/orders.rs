//! Orders: priority, types, times in force, funds, fees, cancels.

use crate::script::check;

#[test]
fn a_limit_order_rests_and_holds_its_funds() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        b 1 sell 7@101
          b:1 re 1 accepted b#1 sell 7@101 gtc
        book M
          buy 5 lots at 100: a#1=5
          sell 7 lots at 101: b#1=7
        funds alice
          1000 BTC + 0 held, 99500 USD + 500 held
        funds bob
          993 BTC + 7 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn better_prices_trade_first_then_older_orders() {
    check(
        "
        a 1 sell 2@102
          a:1 re 1 accepted a#1 sell 2@102 gtc
        a 2 sell 2@101
          a:2 re 2 accepted a#2 sell 2@101 gtc
        a 3 sell 2@101
          a:3 re 3 accepted a#3 sell 2@101 gtc
        b 1 buy 5@102
          b:1 re 1 accepted b#1 buy 5@102 gtc
          b:2 re 1 fill b#1 taker 2@101 leaves 3 fee 0 against a#2
          a:4 re 2 fill a#2 maker 2@101 leaves 0 fee 0 against b#1
          b:3 re 1 fill b#1 taker 2@101 leaves 1 fee 0 against a#3
          a:5 re 3 fill a#3 maker 2@101 leaves 0 fee 0 against b#1
          b:4 re 1 fill b#1 taker 1@102 leaves 0 fee 0 against a#1
          a:6 re 1 fill a#1 maker 1@102 leaves 1 fee 0 against b#1
        book M
          sell 1 lots at 102: a#1=1
        ",
    );
}

#[test]
fn the_remainder_of_a_gtc_order_rests_at_its_own_price() {
    check(
        "
        a 1 buy 3@99
          a:1 re 1 accepted a#1 buy 3@99 gtc
        b 1 sell 5@98
          b:1 re 1 accepted b#1 sell 5@98 gtc
          b:2 re 1 fill b#1 taker 3@99 leaves 2 fee 0 against a#1
          a:2 re 1 fill a#1 maker 3@99 leaves 0 fee 0 against b#1
        book M
          sell 2 lots at 98: b#1=2
        funds bob
          995 BTC + 2 held, 100297 USD + 0 held
        ",
    );
}

#[test]
fn a_buyer_gets_the_difference_to_its_limit_back_at_once() {
    check(
        "
        b 1 sell 5@90
          b:1 re 1 accepted b#1 sell 5@90 gtc
        a 1 buy 8@100
          a:1 re 1 accepted a#1 buy 8@100 gtc
          a:2 re 1 fill a#1 taker 5@90 leaves 3 fee 0 against b#1
          b:2 re 1 fill b#1 maker 5@90 leaves 0 fee 0 against a#1
        funds alice
          1005 BTC + 0 held, 99250 USD + 300 held
        funds bob
          995 BTC + 0 held, 100450 USD + 0 held
        ",
    );
}

/// F: a lot is 10 units of BTC, a tick and lot 3 units of USD. 7 lots at 11: 70 BTC against 231 USD.
/// The taker buys: 0.2 % of 70 = 0.14, rounded up 1 BTC. The maker sells: 0.1 % of 231 = 0.231, rounded up 1 USD.
#[test]
fn fees_are_taken_from_what_a_side_receives_and_rounded_up() {
    check(
        "
        a 1 sell 7@11 in=F
          a:1 re 1 in F accepted a#1 sell 7@11 gtc
        b 1 buy 7@11 in=F
          b:1 re 1 in F accepted b#1 buy 7@11 gtc
          b:2 re 1 in F fill b#1 taker 7@11 leaves 0 fee 1 against a#1
          a:2 re 1 in F fill a#1 maker 7@11 leaves 0 fee 1 against b#1
        funds alice
          930 BTC + 0 held, 100230 USD + 0 held
        funds bob
          1069 BTC + 0 held, 99769 USD + 0 held
        fees
          1 BTC, 1 USD
        b 2 buy 50@500 in=F
          b:3 re 2 in F accepted b#2 buy 50@500 gtc
        a 2 sell 50@500 in=F
          a:3 re 2 in F accepted a#2 sell 50@500 gtc
          a:4 re 2 in F fill a#2 taker 50@500 leaves 0 fee 150 against b#2
          b:4 re 2 in F fill b#2 maker 50@500 leaves 0 fee 1 against a#2
        fees
          2 BTC, 151 USD
        ",
    );
}

#[test]
fn ioc_remainder_is_cancelled() {
    check(
        "
        a 1 sell 2@100
          a:1 re 1 accepted a#1 sell 2@100 gtc
        a 2 sell 2@102
          a:2 re 2 accepted a#2 sell 2@102 gtc
        b 1 buy 5@101 ioc
          b:1 re 1 accepted b#1 buy 5@101 ioc
          b:2 re 1 fill b#1 taker 2@100 leaves 3 fee 0 against a#1
          a:3 re 1 fill a#1 maker 2@100 leaves 0 fee 0 against b#1
          b:3 re 1 cancelled b#1 3 immediate_or_cancel
        b 2 buy 1@101 ioc
          b:4 re 2 accepted b#2 buy 1@101 ioc
          b:5 re 2 cancelled b#2 1 immediate_or_cancel
        funds bob
          1002 BTC + 0 held, 99800 USD + 0 held
        book M
          sell 2 lots at 102: a#2=2
        ",
    );
}

#[test]
fn fok_fills_as_a_whole_or_is_rejected() {
    check(
        "
        a 1 sell 2@100
          a:1 re 1 accepted a#1 sell 2@100 gtc
        a 2 sell 2@102
          a:2 re 2 accepted a#2 sell 2@102 gtc
        b 1 buy 3@101 fok
          b:1 re 1 rejected fill_or_kill_unfillable (new_order)
        b 2 buy 5@102 fok
          b:2 re 2 rejected fill_or_kill_unfillable (new_order)
        b 3 buy 3@102 fok
          b:3 re 3 accepted b#3 buy 3@102 fok
          b:4 re 3 fill b#3 taker 2@100 leaves 1 fee 0 against a#1
          a:3 re 1 fill a#1 maker 2@100 leaves 0 fee 0 against b#3
          b:5 re 3 fill b#3 taker 1@102 leaves 0 fee 0 against a#2
          a:4 re 2 fill a#2 maker 1@102 leaves 1 fee 0 against b#3
        b 4 sell 1@1 fok
          b:6 re 4 rejected fill_or_kill_unfillable (new_order)
        ",
    );
}

#[test]
fn post_only_rests_or_is_rejected() {
    check(
        "
        a 1 sell 2@100 post
          a:1 re 1 accepted a#1 sell 2@100 gtc post
        b 1 buy 2@100 post
          b:1 re 1 rejected post_only_would_take (new_order)
        b 2 buy 2@99 post
          b:2 re 2 accepted b#2 buy 2@99 gtc post
        a 2 sell 2@99 post
          a:2 re 2 rejected post_only_would_take (new_order)
        b 3 buy 2@99 post ioc
          b:3 re 3 rejected post_only_must_rest (new_order)
        b 4 buy 2@market post ioc
          b:4 re 4 rejected post_only_must_rest (new_order)
        ",
    );
}

#[test]
fn a_market_order_takes_every_price_and_never_rests() {
    check(
        "
        b 1 buy 2@100
          b:1 re 1 accepted b#1 buy 2@100 gtc
        b 2 buy 2@1
          b:2 re 2 accepted b#2 buy 2@1 gtc
        a 1 sell 5@market ioc
          a:1 re 1 accepted a#1 sell 5@market ioc
          a:2 re 1 fill a#1 taker 2@100 leaves 3 fee 0 against b#1
          b:3 re 1 fill b#1 maker 2@100 leaves 0 fee 0 against a#1
          a:3 re 1 fill a#1 taker 2@1 leaves 1 fee 0 against b#2
          b:4 re 2 fill b#2 maker 2@1 leaves 0 fee 0 against a#1
          a:4 re 1 cancelled a#1 1 immediate_or_cancel
        funds alice
          996 BTC + 0 held, 100202 USD + 0 held
        a 2 sell 1@market ioc
          a:5 re 2 rejected no_liquidity (new_order)
        a 3 buy 1@market fok
          a:6 re 3 rejected no_liquidity (new_order)
        a 4 sell 1@market5 ioc
          a:7 re 4 rejected price_on_market_order (new_order)
        a 5 sell 1@market
          a:8 re 5 rejected market_order_cannot_rest (new_order)
        ",
    );
}

#[test]
fn a_market_buy_pays_fill_by_fill_and_stops_when_the_money_is_gone() {
    check(
        "
        withdraw bob 99650 USD r1
          op withdrawn 99650 USD
        a 1 sell 2@100
          a:1 re 1 accepted a#1 sell 2@100 gtc
        a 2 sell 2@110
          a:2 re 2 accepted a#2 sell 2@110 gtc
        a 3 sell 2@1000
          a:3 re 3 accepted a#3 sell 2@1000 gtc
        b 1 buy 4@market fok
          b:1 re 1 rejected fill_or_kill_unfillable (new_order)
        b 2 buy 6@market ioc
          b:2 re 2 accepted b#2 buy 6@market ioc
          b:3 re 2 fill b#2 taker 2@100 leaves 4 fee 0 against a#1
          a:4 re 1 fill a#1 maker 2@100 leaves 0 fee 0 against b#2
          b:4 re 2 fill b#2 taker 1@110 leaves 3 fee 0 against a#2
          a:5 re 2 fill a#2 maker 1@110 leaves 1 fee 0 against b#2
          b:5 re 2 cancelled b#2 3 insufficient_funds
        funds bob
          1003 BTC + 0 held, 40 USD + 0 held
        b 3 buy 1@market ioc
          b:6 re 3 rejected insufficient_funds (new_order)
        b 4 buy 1@market fok
          b:7 re 4 rejected insufficient_funds (new_order)
        ",
    );
}

#[test]
fn a_market_buy_fill_or_kill_that_the_money_covers_fills() {
    check(
        "
        withdraw bob 99690 USD r1
          op withdrawn 99690 USD
        a 1 sell 2@100
          a:1 re 1 accepted a#1 sell 2@100 gtc
        a 2 sell 2@110
          a:2 re 2 accepted a#2 sell 2@110 gtc
        b 1 buy 3@market fok
          b:1 re 1 accepted b#1 buy 3@market fok
          b:2 re 1 fill b#1 taker 2@100 leaves 1 fee 0 against a#1
          a:3 re 1 fill a#1 maker 2@100 leaves 0 fee 0 against b#1
          b:3 re 1 fill b#1 taker 1@110 leaves 0 fee 0 against a#2
          a:4 re 2 fill a#2 maker 1@110 leaves 1 fee 0 against b#1
        funds bob
          1003 BTC + 0 held, 0 USD + 0 held
        ",
    );
}

#[test]
fn an_account_may_trade_with_itself_and_its_ledger_stays_right() {
    check(
        "
        a 1 sell 7@11 in=F
          a:1 re 1 in F accepted a#1 sell 7@11 gtc
        a2 1 buy 10@11 in=F
          a2:1 re 1 in F accepted a2#1 buy 10@11 gtc
          a2:2 re 1 in F fill a2#1 taker 7@11 leaves 3 fee 1 against a#1
          a:2 re 1 in F fill a#1 maker 7@11 leaves 0 fee 1 against a2#1
        funds alice
          999 BTC + 0 held, 99900 USD + 99 held
        fees
          1 BTC, 1 USD
        ",
    );
}

/// Without the rule the account would pay itself lot by lot, one trade for each, as long as the order lasts.
#[test]
fn a_market_buy_that_meets_its_own_account_stops_at_the_first_fill_cut_by_money() {
    check(
        "
        withdraw alice 99990 USD r1
          op withdrawn 99990 USD
        a 1 sell 500@10
          a:1 re 1 accepted a#1 sell 500@10 gtc
        a 2 buy 500@market ioc
          a:2 re 2 accepted a#2 buy 500@market ioc
          a:3 re 2 fill a#2 taker 1@10 leaves 499 fee 0 against a#1
          a:4 re 1 fill a#1 maker 1@10 leaves 499 fee 0 against a#2
          a:5 re 2 cancelled a#2 499 insufficient_funds
        funds alice
          501 BTC + 499 held, 10 USD + 0 held
        ",
    );
}

#[test]
fn an_order_is_backed_by_available_funds() {
    check(
        "
        a 1 buy 101@1000
          a:1 re 1 rejected insufficient_funds (new_order)
        a 2 buy 100@1000
          a:2 re 2 accepted a#2 buy 100@1000 gtc
        a 3 buy 1@1
          a:3 re 3 rejected insufficient_funds (new_order)
        a 4 sell 600@1000 post
          a:4 re 4 rejected post_only_would_take (new_order)
        a 5 cancel a#2
          a:5 re 5 cancelled a#2 100 requested
        a 6 sell 600@1000
          a:6 re 6 accepted a#6 sell 600@1000 gtc
        a 7 sell 401@1000
          a:7 re 7 rejected insufficient_funds (new_order)
        b 1 buy 1@1
          b:1 re 1 accepted b#1 buy 1@1 gtc
        a 8 sell 401@market ioc
          a:8 re 8 rejected insufficient_funds (new_order)
        ",
    );
}

#[test]
fn quantity_and_price_have_limits() {
    check(
        "
        a 1 buy 0@100
          a:1 re 1 rejected qty_zero (new_order)
        a 2 buy 1001@100
          a:2 re 2 rejected qty_too_large (new_order)
        a 3 buy 1@0
          a:3 re 3 rejected price_not_positive (new_order)
        a 4 buy 1@-3
          a:4 re 4 rejected price_not_positive (new_order)
        a 5 buy 1@1001
          a:5 re 5 rejected price_too_high (new_order)
        a 6 buy 1@1 in=X
          a:6 re 6 in ? rejected unknown_market (new_order)
        a 7 buy 18446744073709551615@9223372036854775807
          a:7 re 7 rejected qty_too_large (new_order)
        ",
    );
}

#[test]
fn open_orders_are_limited_by_account_and_in_all() {
    check(
        "
        a 1 buy 1@1
          a:1 re 1 accepted a#1 buy 1@1 gtc
        a 2 buy 1@1
          a:2 re 2 accepted a#2 buy 1@1 gtc
        a2 1 buy 1@1 in=F
          a2:1 re 1 in F accepted a2#1 buy 1@1 gtc
        a 3 buy 1@1
          a:3 re 3 accepted a#3 buy 1@1 gtc
        a 4 buy 1@1
          a:4 re 4 rejected too_many_open_orders (new_order)
        b 1 buy 1@1
          b:1 re 1 accepted b#1 buy 1@1 gtc
        b 2 buy 1@1
          b:2 re 2 accepted b#2 buy 1@1 gtc
        b 3 buy 1@1
          b:3 re 3 rejected too_many_open_orders (new_order)
        a 5 sell 1@1 ioc
          a:5 re 5 accepted a#5 sell 1@1 ioc
          a:6 re 5 fill a#5 taker 1@1 leaves 0 fee 0 against a#1
          a:7 re 1 fill a#1 maker 1@1 leaves 0 fee 0 against a#5
        b 4 buy 1@1
          b:4 re 4 accepted b#4 buy 1@1 gtc
        ",
    );
}

#[test]
fn a_cancel_names_the_order_by_id_or_by_request() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        a 2 buy 6@100
          a:2 re 2 accepted a#2 buy 6@100 gtc
        a 3 cancel a#1
          a:3 re 3 cancelled a#1 5 requested
        a 4 cancel 2
          a:4 re 4 cancelled a#2 6 requested
        a 5 cancel a#1
          a:5 re 5 rejected order_not_open (cancel_order)
        a 6 cancel 2
          a:6 re 6 rejected order_not_open (cancel_order)
        a 7 reduce a#1 1
          a:7 re 7 rejected order_not_open (reduce_order)
        funds alice
          1000 BTC + 0 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn an_order_of_another_account_is_unknown() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        b 1 cancel a#1
          b:1 re 1 rejected unknown_order (cancel_order)
        b 2 reduce a#1 1
          b:2 re 2 rejected unknown_order (reduce_order)
        b 3 cancel 1
          b:3 re 3 rejected unknown_order (cancel_order)
        ",
    );
}

#[test]
fn another_key_of_the_account_may_change_an_order_and_both_are_told() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        a2 9 reduce a#1 2
          a:2 re 1 reduced a#1 by 2 leaves 3
          a2:1 re 9 outcome a#1, applied now (reduce_order)
        a2 10 cancel a#1
          a:3 re 1 cancelled a#1 3 requested
          a2:2 re 10 outcome a#1, applied now (cancel_order)
        a2 10 cancel a#1
          a2:3 re 10 outcome a#1, applied at 17 (cancel_order)
        a2 11 cancel 1
          a2:4 re 11 rejected unknown_order (cancel_order)
        ",
    );
}

#[test]
fn a_reduced_order_keeps_its_priority() {
    check(
        "
        a 1 sell 5@100
          a:1 re 1 accepted a#1 sell 5@100 gtc
        a 2 sell 5@100
          a:2 re 2 accepted a#2 sell 5@100 gtc
        a 3 reduce a#1 3
          a:3 re 3 reduced a#1 by 3 leaves 2
        funds alice
          993 BTC + 7 held, 100000 USD + 0 held
        b 1 buy 3@100 ioc
          b:1 re 1 accepted b#1 buy 3@100 ioc
          b:2 re 1 fill b#1 taker 2@100 leaves 1 fee 0 against a#1
          a:4 re 1 fill a#1 maker 2@100 leaves 0 fee 0 against b#1
          b:3 re 1 fill b#1 taker 1@100 leaves 0 fee 0 against a#2
          a:5 re 2 fill a#2 maker 1@100 leaves 4 fee 0 against b#1
        ",
    );
}

#[test]
fn reducing_by_all_or_more_cancels() {
    check(
        "
        a 1 sell 5@100
          a:1 re 1 accepted a#1 sell 5@100 gtc
        a 2 buy 5@90
          a:2 re 2 accepted a#2 buy 5@90 gtc
        a 3 reduce a#1 0
          a:3 re 3 rejected qty_zero (reduce_order)
        a 4 reduce a#1 5
          a:4 re 4 cancelled a#1 5 reduced_to_zero
        a 5 reduce 2 18446744073709551615
          a:5 re 5 cancelled a#2 5 reduced_to_zero
        book M
          empty
        funds alice
          1000 BTC + 0 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn cancel_all_takes_every_order_of_the_account_oldest_first() {
    check(
        "
        a 1 buy 1@90
          a:1 re 1 accepted a#1 buy 1@90 gtc
        a2 1 buy 1@91
          a2:1 re 1 accepted a2#1 buy 1@91 gtc
        b 1 buy 1@92
          b:1 re 1 accepted b#1 buy 1@92 gtc
        a 2 sell 1@99 in=F
          a:2 re 2 in F accepted a#2 sell 1@99 gtc
        a 3 sell 1@99
          a:3 re 3 accepted a#3 sell 1@99 gtc
        a 4 cancel-all F
          a:4 re 2 in F cancelled a#2 1 cancel_all
          a:5 re 4 in F cancel-all done, 1 orders
        a 5 cancel-all
          a:6 re 1 cancelled a#1 1 cancel_all
          a2:2 re 1 cancelled a2#1 1 cancel_all
          a:7 re 3 cancelled a#3 1 cancel_all
          a:8 re 5 cancel-all done, 3 orders
        a 6 cancel-all
          a:9 re 6 cancel-all done, 0 orders
        a 7 cancel-all X
          a:10 re 7 in ? rejected unknown_market (cancel_all)
        book M
          buy 1 lots at 92: b#1=1
        ",
    );
}

#[test]
fn cancelling_in_the_middle_of_a_queue_keeps_the_rest_in_order() {
    check(
        "
        a 1 sell 1@100
          a:1 re 1 accepted a#1 sell 1@100 gtc
        a 2 sell 2@100
          a:2 re 2 accepted a#2 sell 2@100 gtc
        a 3 sell 3@100
          a:3 re 3 accepted a#3 sell 3@100 gtc
        a 4 cancel a#2
          a:4 re 4 cancelled a#2 2 requested
        b 1 sell 4@100
          b:1 re 1 accepted b#1 sell 4@100 gtc
        book M
          sell 8 lots at 100: a#1=1 a#3=3 b#1=4
        a 5 cancel a#1
          a:5 re 5 cancelled a#1 1 requested
        b 2 cancel b#1
          b:2 re 2 cancelled b#1 4 requested
        book M
          sell 3 lots at 100: a#3=3
        ",
    );
}
