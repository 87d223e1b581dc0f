//! Mass quotes: what is put, replaced in place, withdrawn and refused, and how the slots of one come together.

use crate::script::check;

#[test]
fn quotes_are_put_replaced_in_place_and_withdrawn() {
    check(
        "
        a 1 quote M 5@99 6@101 F 1@9 -
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc
          a:2 re 1 accepted a#1.s0 sell 6@101 gtc
          a:3 re 1 in F accepted a#1.b1 buy 1@9 gtc
          a:4 re 1 quotes done: 3 accepted, 0 withdrawn, 0 rejected
        b 1 buy 2@99
          b:1 re 1 accepted b#1 buy 2@99 gtc
        book M
          buy 7 lots at 99: a#1.b0=5 b#1=2
          sell 6 lots at 101: a#1.s0=6
        a 2 quote M 4@99 6@102
          a:5 re 2 replaced a#1.b0 4@99 in place
          a:6 re 2 replaced a#1.s0 6@102 anew
          a:7 re 2 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        book M
          buy 6 lots at 99: a#1.b0=4 b#1=2
          sell 6 lots at 102: a#1.s0=6
        funds alice
          994 BTC + 6 held, 99577 USD + 423 held
        a 3 quote M 5@99 -
          a:8 re 3 replaced a#1.b0 5@99 anew
          a:9 re 3 cancelled a#1.s0 6 quote_withdrawn
          a:10 re 3 quotes done: 1 accepted, 1 withdrawn, 0 rejected
        book M
          buy 7 lots at 99: b#1=2 a#1.b0=5
        a 4 quote M - - F - -
          a:11 re 4 cancelled a#1.b0 5 quote_withdrawn
          a:12 re 4 in F cancelled a#1.b1 1 quote_withdrawn
          a:13 re 4 quotes done: 0 accepted, 2 withdrawn, 0 rejected
        book M
          buy 2 lots at 99: b#1=2
        funds alice
          1000 BTC + 0 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn the_quantity_of_a_quote_is_what_shall_be_left() {
    check(
        "
        a 1 quote M - 10@100
          a:1 re 1 accepted a#1.s0 sell 10@100 gtc
          a:2 re 1 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        b 1 buy 4@100
          b:1 re 1 accepted b#1 buy 4@100 gtc
          b:2 re 1 fill b#1 taker 4@100 leaves 0 fee 0 against a#1.s0
          a:3 re 1 fill a#1.s0 maker 4@100 leaves 6 fee 0 against b#1
        a 2 quote M - 10@100
          a:4 re 2 replaced a#1.s0 10@100 anew
          a:5 re 2 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        b 2 buy 3@100
          b:3 re 2 accepted b#2 buy 3@100 gtc
          b:4 re 2 fill b#2 taker 3@100 leaves 0 fee 0 against a#1.s0
          a:6 re 1 fill a#1.s0 maker 3@100 leaves 7 fee 0 against b#2
        a 3 replace a#1.s0 9@100
          a:7 re 3 replaced a#1.s0 6@100 in place
        a 4 quote M - 6@100
          a:8 re 4 replaced a#1.s0 6@100 in place
          a:9 re 4 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        book M
          sell 6 lots at 100: a#1.s0=6
        ",
    );
}

#[test]
fn every_group_has_its_own_quotes() {
    check(
        "
        a 1 quote M 1@99 - group=1
          a:1 re 1 accepted a#1.b0 buy 1@99 gtc
          a:2 re 1 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 2 quote M 2@98 - group=2
          a:3 re 2 accepted a#2.b0 buy 2@98 gtc
          a:4 re 2 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 3 quote M 3@97 -
          a:5 re 3 accepted a#3.b0 buy 3@97 gtc
          a:6 re 3 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 4 quote M 4@99 - group=1
          a:7 re 4 replaced a#1.b0 4@99 anew
          a:8 re 4 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        book M
          buy 4 lots at 99: a#1.b0=4
          buy 2 lots at 98: a#2.b0=2
          buy 3 lots at 97: a#3.b0=3
        a 5 cancel-all group=2
          a:9 re 2 cancelled a#2.b0 2 cancel_all
          a:10 re 5 cancel-all done, 1 orders
        a 6 quote M 2@96 - group=2
          a:11 re 6 accepted a#6.b0 buy 2@96 gtc
          a:12 re 6 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        book M
          buy 4 lots at 99: a#1.b0=4
          buy 3 lots at 97: a#3.b0=3
          buy 2 lots at 96: a#6.b0=2
        ",
    );
}

#[test]
fn another_key_of_the_account_replaces_the_same_quote() {
    check(
        "
        a 1 quote M 5@99 -
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc
          a:2 re 1 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a2 1 quote M 4@99 6@101
          a:3 re 1 replaced a#1.b0 4@99 in place
          a2:1 re 1 accepted a2#1.s0 sell 6@101 gtc
          a2:2 re 1 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a2 2 quote M - -
          a:4 re 1 cancelled a#1.b0 4 quote_withdrawn
          a2:3 re 2 cancelled a2#1.s0 6 quote_withdrawn
          a2:4 re 2 quotes done: 0 accepted, 2 withdrawn, 0 rejected
        ",
    );
}

#[test]
fn a_quote_is_an_order_like_any_other() {
    check(
        "
        a 1 quote M 5@99 6@101
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc
          a:2 re 1 accepted a#1.s0 sell 6@101 gtc
          a:3 re 1 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 2 reduce a#1.b0 2
          a:4 re 2 reduced a#1.b0 by 2 leaves 3
        a 3 replace a#1.b0 4@98
          a:5 re 3 replaced a#1.b0 4@98 anew
        a 4 quote M 4@98 6@101
          a:6 re 4 replaced a#1.b0 4@98 in place
          a:7 re 4 replaced a#1.s0 6@101 in place
          a:8 re 4 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 5 cancel a#1.b0
          a:9 re 5 cancelled a#1.b0 4 requested
        a 6 cancel a#1.b0
          a:10 re 6 rejected order_not_open (cancel_order)
        a 7 cancel 1
          a:11 re 7 rejected unknown_order (cancel_order)
        a 8 quote M 1@97 6@101
          a:12 re 8 accepted a#8.b0 buy 1@97 gtc
          a:13 re 8 replaced a#1.s0 6@101 in place
          a:14 re 8 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 9 cancel-all
          a:15 re 1 cancelled a#1.s0 6 cancel_all
          a:16 re 8 cancelled a#8.b0 1 cancel_all
          a:17 re 9 cancel-all done, 2 orders
        ",
    );
}

#[test]
fn one_to_fifteen_quotes_make_a_request() {
    check(
        "
        a 1 quote 16x M 1@99 1@101
          a:1 re 1 rejected quotes_count (mass_quote)
        a 2 quote
          a:2 re 2 rejected quotes_count (mass_quote)
        a 3 quote 15x M 1@99 -
          a:3 re 3 accepted a#3.b0 buy 1@99 gtc
          a:4 re 3 replaced a#3.b0 1@99 in place
          a:5 re 3 replaced a#3.b0 1@99 in place
          a:6 re 3 replaced a#3.b0 1@99 in place
          a:7 re 3 replaced a#3.b0 1@99 in place
          a:8 re 3 replaced a#3.b0 1@99 in place
          a:9 re 3 replaced a#3.b0 1@99 in place
          a:10 re 3 replaced a#3.b0 1@99 in place
          a:11 re 3 replaced a#3.b0 1@99 in place
          a:12 re 3 replaced a#3.b0 1@99 in place
          a:13 re 3 replaced a#3.b0 1@99 in place
          a:14 re 3 replaced a#3.b0 1@99 in place
          a:15 re 3 replaced a#3.b0 1@99 in place
          a:16 re 3 replaced a#3.b0 1@99 in place
          a:17 re 3 replaced a#3.b0 1@99 in place
          a:18 re 3 quotes done: 15 accepted, 0 withdrawn, 0 rejected
        book M
          buy 1 lots at 99: a#3.b0=1
        ",
    );
}

#[test]
fn a_replacement_may_use_what_is_held_for_the_old_to_the_unit() {
    check(
        "
        a 1 quote M 1000@100 -
          a:1 re 1 accepted a#1.b0 buy 1000@100 gtc
          a:2 re 1 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        funds alice
          1000 BTC + 0 held, 0 USD + 100000 held
        a 2 quote M 1000@101 -
          a:3 re 2 quote 0 buy rejected insufficient_funds (mass_quote)
          a:4 re 2 cancelled a#1.b0 1000 quote_withdrawn
          a:5 re 2 quotes done: 0 accepted, 0 withdrawn, 1 rejected
        funds alice
          1000 BTC + 0 held, 100000 USD + 0 held
        a 3 quote M 1000@100 -
          a:6 re 3 accepted a#3.b0 buy 1000@100 gtc
          a:7 re 3 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 4 quote M 990@101 -
          a:8 re 4 replaced a#3.b0 990@101 anew
          a:9 re 4 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 5 quote M 990@101 1000@200
          a:10 re 5 replaced a#3.b0 990@101 in place
          a:11 re 5 accepted a#5.s0 sell 1000@200 gtc
          a:12 re 5 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 6 quote M - - F - 1@200
          a:13 re 6 cancelled a#3.b0 990 quote_withdrawn
          a:14 re 6 cancelled a#5.s0 1000 quote_withdrawn
          a:15 re 6 in F accepted a#6.s1 sell 1@200 gtc
          a:16 re 6 quotes done: 1 accepted, 2 withdrawn, 0 rejected
        a 7 quote F - 100@200
          a:17 re 7 in F replaced a#6.s1 100@200 anew
          a:18 re 7 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 8 quote F - 101@200
          a:19 re 8 in F quote 0 sell rejected insufficient_funds (mass_quote)
          a:20 re 8 in F cancelled a#6.s1 100 quote_withdrawn
          a:21 re 8 quotes done: 0 accepted, 0 withdrawn, 1 rejected
        funds alice
          1000 BTC + 0 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn a_replacement_that_one_unit_is_missing_for_is_refused() {
    check(
        "
        a 1 quote M 990@101 -
          a:1 re 1 accepted a#1.b0 buy 990@101 gtc
          a:2 re 1 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 2 quote M 800@125 -
          a:3 re 2 replaced a#1.b0 800@125 anew
          a:4 re 2 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 3 quote M 990@101 -
          a:5 re 3 replaced a#1.b0 990@101 anew
          a:6 re 3 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        withdraw alice 1 USD r1
          op withdrawn 1 USD
        a 4 quote M 800@125 -
          a:7 re 4 quote 0 buy rejected insufficient_funds (mass_quote)
          a:8 re 4 cancelled a#1.b0 990 quote_withdrawn
          a:9 re 4 quotes done: 0 accepted, 0 withdrawn, 1 rejected
        funds alice
          1000 BTC + 0 held, 99999 USD + 0 held
        ",
    );
}

#[test]
fn a_replacement_trades_with_what_it_crosses() {
    check(
        "
        b 1 sell 3@101
          b:1 re 1 accepted b#1 sell 3@101 gtc
        a 1 quote M 5@99 -
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc
          a:2 re 1 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 2 quote M 5@101 -
          a:3 re 2 replaced a#1.b0 5@101 anew
          a:4 re 1 fill a#1.b0 taker 3@101 leaves 2 fee 0 against b#1
          b:2 re 1 fill b#1 maker 3@101 leaves 0 fee 0 against a#1.b0
          a:5 re 2 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        b 2 sell 9@101
          b:3 re 2 accepted b#2 sell 9@101 gtc
          b:4 re 2 fill b#2 taker 2@101 leaves 7 fee 0 against a#1.b0
          a:6 re 1 fill a#1.b0 maker 2@101 leaves 0 fee 0 against b#2
        book M
          sell 7 lots at 101: b#2=7
        ",
    );
}

#[test]
fn quotes_that_only_rest_are_refused_or_re_priced() {
    check(
        "
        b 1 sell 3@101
          b:1 re 1 accepted b#1 sell 3@101 gtc
        a 1 quote M 5@99 7@105 post
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc post
          a:2 re 1 accepted a#1.s0 sell 7@105 gtc post
          a:3 re 1 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 2 quote M 5@101 7@105 post
          a:4 re 2 quote 0 buy rejected post_only_would_take (mass_quote)
          a:5 re 2 cancelled a#1.b0 5 quote_withdrawn
          a:6 re 2 replaced a#1.s0 7@105 in place
          a:7 re 2 quotes done: 1 accepted, 0 withdrawn, 1 rejected
        a 3 quote M 5@102 7@105 reprice
          a:8 re 3 accepted a#3.b0 buy 5@100 gtc post
          a:9 re 3 replaced a#1.s0 7@105 in place
          a:10 re 3 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 4 quote M 5@103 7@105
          a:11 re 4 replaced a#3.b0 5@103 anew
          a:12 re 3 fill a#3.b0 taker 3@101 leaves 2 fee 0 against b#1
          b:2 re 1 fill b#1 maker 3@101 leaves 0 fee 0 against a#3.b0
          a:13 re 4 replaced a#1.s0 7@105 in place
          a:14 re 4 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        ",
    );
}

#[test]
fn a_quote_that_moves_past_its_own_other_side_does_not_meet_it() {
    check(
        "
        a 1 quote M 5@99 5@101
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc
          a:2 re 1 accepted a#1.s0 sell 5@101 gtc
          a:3 re 1 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 2 quote M 5@105 5@107 post
          a:4 re 2 replaced a#1.s0 5@107 anew
          a:5 re 2 replaced a#1.b0 5@105 anew
          a:6 re 2 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 3 quote M 5@90 5@92 post
          a:7 re 3 replaced a#1.b0 5@90 anew
          a:8 re 3 replaced a#1.s0 5@92 anew
          a:9 re 3 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 4 quote M 5@92 - post
          a:10 re 4 cancelled a#1.s0 5 quote_withdrawn
          a:11 re 4 replaced a#1.b0 5@92 anew
          a:12 re 4 quotes done: 1 accepted, 1 withdrawn, 0 rejected
        a 5 quote M - 5@92 post
          a:13 re 5 cancelled a#1.b0 5 quote_withdrawn
          a:14 re 5 accepted a#5.s0 sell 5@92 gtc post
          a:15 re 5 quotes done: 1 accepted, 1 withdrawn, 0 rejected
        a 6 quote M 5@92 5@92
          a:16 re 6 quote 0 sell rejected quote_crossed (mass_quote)
          a:17 re 6 cancelled a#5.s0 5 quote_withdrawn
          a:18 re 6 quote 0 buy rejected quote_crossed (mass_quote)
          a:19 re 6 quotes done: 0 accepted, 0 withdrawn, 2 rejected
        a 7 quote M 5@93 5@92 post
          a:20 re 7 quote 0 buy rejected quote_crossed (mass_quote)
          a:21 re 7 quote 0 sell rejected quote_crossed (mass_quote)
          a:22 re 7 quotes done: 0 accepted, 0 withdrawn, 2 rejected
        book M
          empty
        ",
    );
}

#[test]
fn quotes_of_two_groups_meet_as_the_request_says() {
    check(
        "
        a 1 quote M - 5@101 group=1
          a:1 re 1 accepted a#1.s0 sell 5@101 gtc
          a:2 re 1 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 2 quote M 3@101 - group=2 stp=decrement
          a:3 re 2 accepted a#2.b0 buy 3@101 gtc
          a:4 re 1 reduced a#1.s0 by 3 leaves 2
          a:5 re 2 cancelled a#2.b0 3 self_trade
          a:6 re 2 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 3 quote M 3@101 4@103 group=2 stp=cancel_oldest
          a:7 re 3 accepted a#3.b0 buy 3@101 gtc
          a:8 re 1 cancelled a#1.s0 2 self_trade
          a:9 re 3 accepted a#3.s0 sell 4@103 gtc
          a:10 re 3 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 4 quote M 3@99 4@101 group=2 stp=cancel_newest
          a:11 re 4 replaced a#3.b0 3@99 anew
          a:12 re 4 replaced a#3.s0 4@101 anew
          a:13 re 4 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 5 quote M 2@103 - group=1
          a:14 re 5 accepted a#5.b0 buy 2@103 gtc
          a:15 re 5 fill a#5.b0 taker 2@101 leaves 0 fee 0 against a#3.s0
          a:16 re 3 fill a#3.s0 maker 2@101 leaves 2 fee 0 against a#5.b0
          a:17 re 5 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        book M
          buy 3 lots at 99: a#3.b0=3
          sell 2 lots at 101: a#3.s0=2
        ",
    );
}

#[test]
fn a_side_that_is_refused_takes_the_old_quote_with_it() {
    check(
        "
        a 1 quote M 5@99 6@101
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc
          a:2 re 1 accepted a#1.s0 sell 6@101 gtc
          a:3 re 1 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 2 quote M 0@99 6@1001
          a:4 re 2 quote 0 buy rejected qty_zero (mass_quote)
          a:5 re 2 cancelled a#1.b0 5 quote_withdrawn
          a:6 re 2 quote 0 sell rejected price_too_high (mass_quote)
          a:7 re 2 cancelled a#1.s0 6 quote_withdrawn
          a:8 re 2 quotes done: 0 accepted, 0 withdrawn, 2 rejected
        a 3 quote M 5@99 6@101 X 1@9 - F 5@0 1@9
          a:9 re 3 accepted a#3.b0 buy 5@99 gtc
          a:10 re 3 accepted a#3.s0 sell 6@101 gtc
          a:11 re 3 in ? quote 1 buy rejected unknown_market (mass_quote)
          a:12 re 3 in ? quote 1 sell rejected unknown_market (mass_quote)
          a:13 re 3 in F quote 2 buy rejected price_not_positive (mass_quote)
          a:14 re 3 in F accepted a#3.s2 sell 1@9 gtc
          a:15 re 3 quotes done: 3 accepted, 0 withdrawn, 3 rejected
        a 4 quote M 5@101 6@101
          a:16 re 4 quote 0 sell rejected quote_crossed (mass_quote)
          a:17 re 4 cancelled a#3.s0 6 quote_withdrawn
          a:18 re 4 quote 0 buy rejected quote_crossed (mass_quote)
          a:19 re 4 cancelled a#3.b0 5 quote_withdrawn
          a:20 re 4 quotes done: 0 accepted, 0 withdrawn, 2 rejected
        book M
          empty
        ",
    );
}

#[test]
fn a_market_that_is_halted_refuses_its_quotes_only() {
    check(
        "
        a 1 quote M 5@99 6@101 F 1@9 1@10
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc
          a:2 re 1 accepted a#1.s0 sell 6@101 gtc
          a:3 re 1 in F accepted a#1.b1 buy 1@9 gtc
          a:4 re 1 in F accepted a#1.s1 sell 1@10 gtc
          a:5 re 1 quotes done: 4 accepted, 0 withdrawn, 0 rejected
        halt M
          op halted
        a 2 quote M 5@98 - F 1@9 1@11
          a:6 re 2 quote 0 buy rejected market_halted (mass_quote)
          a:7 re 2 cancelled a#1.b0 5 quote_withdrawn
          a:8 re 2 cancelled a#1.s0 6 quote_withdrawn
          a:9 re 2 in F replaced a#1.b1 1@9 in place
          a:10 re 2 in F replaced a#1.s1 1@11 anew
          a:11 re 2 quotes done: 2 accepted, 1 withdrawn, 1 rejected
        book M
          empty
        state F closed
          a:12 re 1 in F cancelled a#1.b1 1 market_closed
          a:13 re 1 in F cancelled a#1.s1 1 market_closed
          op in F closed
        a 3 quote F 1@9 - M - 6@101
          a:14 re 3 in F quote 0 buy rejected market_closed (mass_quote)
          a:15 re 3 quote 1 sell rejected market_halted (mass_quote)
          a:16 re 3 quotes done: 0 accepted, 0 withdrawn, 2 rejected
        ",
    );
}

#[test]
fn a_market_that_takes_only_what_rests_refuses_what_would_trade() {
    check(
        "
        b 1 sell 5@101
          b:1 re 1 accepted b#1 sell 5@101 gtc
        a 1 quote M 5@99 -
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc
          a:2 re 1 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        state M post_only
          op post_only
        a 2 quote M 5@101 6@102
          a:3 re 2 quote 0 buy rejected market_post_only (mass_quote)
          a:4 re 2 cancelled a#1.b0 5 quote_withdrawn
          a:5 re 2 accepted a#2.s0 sell 6@102 gtc
          a:6 re 2 quotes done: 1 accepted, 0 withdrawn, 1 rejected
        a 3 quote M 5@100 6@102
          a:7 re 3 accepted a#3.b0 buy 5@100 gtc
          a:8 re 3 replaced a#2.s0 6@102 in place
          a:9 re 3 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        ",
    );
}

#[test]
fn room_is_asked_for_by_new_quotes_only() {
    check(
        "
        limits alice open=2
          op limits set
        a 1 quote M 5@99 6@101 F 1@9 -
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc
          a:2 re 1 accepted a#1.s0 sell 6@101 gtc
          a:3 re 1 in F quote 1 buy rejected too_many_open_orders (mass_quote)
          a:4 re 1 quotes done: 2 accepted, 0 withdrawn, 1 rejected
        a 2 quote M 5@98 6@102
          a:5 re 2 replaced a#1.b0 5@98 anew
          a:6 re 2 replaced a#1.s0 6@102 anew
          a:7 re 2 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        a 3 quote M - 6@102 F 1@9 -
          a:8 re 3 cancelled a#1.b0 5 quote_withdrawn
          a:9 re 3 replaced a#1.s0 6@102 in place
          a:10 re 3 in F accepted a#3.b1 buy 1@9 gtc
          a:11 re 3 quotes done: 2 accepted, 1 withdrawn, 0 rejected
        ",
    );
}

#[test]
fn a_killed_account_has_no_quotes() {
    check(
        "
        a 1 quote M 5@99 6@101
          a:1 re 1 accepted a#1.b0 buy 5@99 gtc
          a:2 re 1 accepted a#1.s0 sell 6@101 gtc
          a:3 re 1 quotes done: 2 accepted, 0 withdrawn, 0 rejected
        kill alice
          a:4 re 1 cancelled a#1.b0 5 kill_switch
          a:5 re 1 cancelled a#1.s0 6 kill_switch
          op kill switch on, 2 orders
        a 2 quote M 5@99 -
          a:6 re 2 quote 0 buy rejected account_killed (mass_quote)
          a:7 re 2 quotes done: 0 accepted, 0 withdrawn, 1 rejected
        unkill alice
          op kill switch off, 0 orders
        a 3 quote M 5@99 -
          a:8 re 3 accepted a#3.b0 buy 5@99 gtc
          a:9 re 3 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        ",
    );
}

#[test]
fn a_protection_that_is_triggered_midway_refuses_the_rest() {
    check(
        "
        a 1 protect 3 1000 0 1
          a:1 re 1 protection 3 set: 1000 ms, 0 lots, 1 fills
        a 2 quote M 5@99 6@105 F 1@9 - group=3
          a:2 re 2 accepted a#2.b0 buy 5@99 gtc
          a:3 re 2 accepted a#2.s0 sell 6@105 gtc
          a:4 re 2 in F accepted a#2.b1 buy 1@9 gtc
          a:5 re 2 quotes done: 3 accepted, 0 withdrawn, 0 rejected
        b 1 sell 2@100
          b:1 re 1 accepted b#1 sell 2@100 gtc
        a 3 quote M 5@101 6@106 F 1@8 1@10 group=3
          a:6 re 3 replaced a#2.b0 5@101 anew
          a:7 re 2 fill a#2.b0 taker 2@100 leaves 3 fee 0 against b#1
          b:2 re 1 fill b#1 maker 2@100 leaves 0 fee 0 against a#2.b0
          a:8 re 2 protection 3 triggered
          a:9 re 2 cancelled a#2.s0 6 protection
          a:10 re 2 in F cancelled a#2.b1 1 protection
          a:11 re 2 cancelled a#2.b0 3 protection
          a:12 re 3 quote 0 sell rejected protection_triggered (mass_quote)
          a:13 re 3 in F quote 1 buy rejected protection_triggered (mass_quote)
          a:14 re 3 in F quote 1 sell rejected protection_triggered (mass_quote)
          a:15 re 3 quotes done: 1 accepted, 0 withdrawn, 3 rejected
        book M
          empty
        a 4 quote M 5@99 - group=3
          a:16 re 4 quote 0 buy rejected protection_triggered (mass_quote)
          a:17 re 4 quotes done: 0 accepted, 0 withdrawn, 1 rejected
        a 5 unprotect 3
          a:18 re 5 protection 3 reset
        a 6 quote M 5@99 - group=3
          a:19 re 6 accepted a#6.b0 buy 5@99 gtc
          a:20 re 6 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        ",
    );
}

#[test]
fn stops_are_triggered_when_all_quotes_are_done() {
    check(
        "
        b 1 sell 2@100
          b:1 re 1 accepted b#1 sell 2@100 gtc
        b 2 buy 1@stop stop=100
          b:2 re 2 accepted b#2 buy 1@stop gtc stop=100
        a 1 quote M 2@100 3@110 M 1@90 4@111
          a:1 re 1 accepted a#1.b0 buy 2@100 gtc
          a:2 re 1 fill a#1.b0 taker 2@100 leaves 0 fee 0 against b#1
          b:3 re 1 fill b#1 maker 2@100 leaves 0 fee 0 against a#1.b0
          a:3 re 1 accepted a#1.s0 sell 3@110 gtc
          a:4 re 1 accepted a#1.b1 buy 1@90 gtc
          a:5 re 1 replaced a#1.s0 4@111 anew
          a:6 re 1 quotes done: 4 accepted, 0 withdrawn, 0 rejected
          b:4 re 2 triggered b#2 1@0
          b:5 re 2 fill b#2 taker 1@111 leaves 0 fee 0 against a#1.s0
          a:7 re 1 fill a#1.s0 maker 1@111 leaves 3 fee 0 against b#2
        ",
    );
}

#[test]
fn the_slots_of_a_request_count_together() {
    check(
        "
        at 1000
        a 1 quote M 1@99 - M 2@99 - M 3@99 - slot=0
        b 1 buy 1@50
          b:1 re 1 accepted b#1 buy 1@50 gtc
        a 1 quote M 1@99 - M 2@99 - M 3@99 - slot=1
        a 1 quote M 1@99 - M 2@99 - M 3@99 - slot=0
        a 1 quote M 1@98 - M 2@98 - M 3@98 - slot=0
        a 1 quote M 1@98 - M 2@98 - M 3@98 - slot=1
          a:1 re 1 accepted a#1.b0 buy 1@98 gtc
          a:2 re 1 replaced a#1.b0 2@98 anew
          a:3 re 1 replaced a#1.b0 3@98 anew
          a:4 re 1 quotes done: 3 accepted, 0 withdrawn, 0 rejected
        a 2 quote 5x M 1@97 - slot=0
        a 2 quote 5x M 1@97 - slot=2
        a 2 quote 5x M 1@97 - slot=1
        a 2 quote 5x M 1@97 - slot=0
        a2 2 quote 5x M 1@97 - slot=1
        a 2 quote 5x M 1@97 - slot=1
        a 2 quote 5x M 1@97 - slot=2
        a 2 quote 5x M 1@97 - slot=0
        lead 2
          op lead taken, epoch 2
        a 2 quote 5x M 1@97 - slot=1
        a 2 quote 5x M 1@97 - slot=2
        book M
          buy 3 lots at 98: a#1.b0=3
          buy 1 lots at 50: b#1=1
        a 2 quote 5x M 1@97 -
          a:5 re 2 replaced a#1.b0 1@97 anew
          a:6 re 2 replaced a#1.b0 1@97 in place
          a:7 re 2 replaced a#1.b0 1@97 in place
          a:8 re 2 replaced a#1.b0 1@97 in place
          a:9 re 2 replaced a#1.b0 1@97 in place
          a:10 re 2 quotes done: 5 accepted, 0 withdrawn, 0 rejected
        book M
          buy 1 lots at 97: a#1.b0=1
          buy 1 lots at 50: b#1=1
        ",
    );
}

#[test]
fn what_is_due_happens_before_every_slot() {
    check(
        "
        at 1000
        b 1 buy 1@50 gtd until=2000
          b:1 re 1 accepted b#1 buy 1@50 gtd until=2000
        a 1 quote 3x M 1@99 - slot=0
        at 2000
        a 1 quote 3x M 1@99 - slot=1
          b:2 re 1 cancelled b#1 1 expired
          a:1 re 1 accepted a#1.b0 buy 1@99 gtc
          a:2 re 1 replaced a#1.b0 1@99 in place
          a:3 re 1 replaced a#1.b0 1@99 in place
          a:4 re 1 quotes done: 3 accepted, 0 withdrawn, 0 rejected
        ",
    );
}

#[test]
fn a_mass_quote_again_gets_its_outcome() {
    check(
        "
        a 1 quote M 1@99 - M 2@99 - M 3@99 -
          a:1 re 1 accepted a#1.b0 buy 1@99 gtc
          a:2 re 1 replaced a#1.b0 2@99 anew
          a:3 re 1 replaced a#1.b0 3@99 anew
          a:4 re 1 quotes done: 3 accepted, 0 withdrawn, 0 rejected
        a 1 quote M 1@99 - M 2@99 - M 3@99 -
          a:5 re 1 outcome done, applied at 16 (mass_quote)
        a 1 quote M 1@99 - M 2@98 - M 3@99 -
          a:6 re 1 rejected request_number_reused (mass_quote)
        a 1 quote M 1@99 - M 2@99 -
          a:7 re 1 rejected request_number_reused (mass_quote)
        a 0 quote M 1@99 -
          a:8 rejected request_number_zero (mass_quote)
        roles alice a 1
          op roles 1
        a 2 quote M 1@99 -
          a:9 re 2 rejected key_not_allowed (mass_quote)
        a 2 quote M 1@99 -
          a:10 re 2 outcome rejected key_not_allowed, applied at 24 (mass_quote)
        book M
          buy 3 lots at 99: a#1.b0=3
        ",
    );
}

#[test]
fn every_slot_must_be_of_the_same_request() {
    check(
        "
        a 1 quote M 1@99 - M 2@99 - M 3@99 - slot=0
        a 1 quote M 1@99 - M 2@99 - M 3@99 - slot=1 group=1
        a 1 quote M 1@99 - M 2@99 - M 3@99 - slot=0
        a 2 quote M 1@99 - M 2@99 - M 3@99 - slot=1
        a 3 quote M 1@99 - M 2@99 - M 3@99 - slot=0
        a 3 quote M 1@99 - M 2@99 - M 3@99 - slot=0
        a 3 quote M 1@99 - M 2@99 - M 3@99 - slot=1
          a:1 re 3 accepted a#3.b0 buy 1@99 gtc
          a:2 re 3 replaced a#3.b0 2@99 anew
          a:3 re 3 replaced a#3.b0 3@99 anew
          a:4 re 3 quotes done: 3 accepted, 0 withdrawn, 0 rejected
        ",
    );
}
