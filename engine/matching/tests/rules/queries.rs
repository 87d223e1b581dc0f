//! Queries of orders and balances. RULES.md 11.

use crate::script::check;

#[test]
fn an_order_is_told_as_it_is_now() {
    check(
        "
        roles alice a 3
          op roles 3
        roles bob b 3
          op roles 3
        a 1 buy 9@100 show=2 stp=decrement group=3 away=cancel
          a:1 re 1 accepted a#1 buy 9@100 gtc show=2 away=cancel
        b 1 sell 3@100
          b:1 re 1 accepted b#1 sell 3@100 gtc
          b:2 re 1 fill b#1 taker 2@100 leaves 1 fee 0 against a#1
          a:2 re 1 fill a#1 maker 2@100 leaves 7 fee 0 against b#1
          a:3 re 1 refreshed a#1 2@100
          b:3 re 1 fill b#1 taker 1@100 leaves 0 fee 0 against a#1
          a:4 re 1 fill a#1 maker 1@100 leaves 6 fee 0 against b#1
        a 2 query a#1
          a:5 re 2 order a#1 buy 6@100 gtc filled=3 group=3 shows=1 stp=decrement away=cancel by a:1
        a 3 query 1
          a:6 re 3 order a#1 buy 6@100 gtc filled=3 group=3 shows=1 stp=decrement away=cancel by a:1
        a 3 query 1
          a:7 re 3 outcome done, applied at 20 (query_order)
        a 4 replace a#1 8@99
          a:8 re 4 replaced a#1 5@99, shows 2 anew
        a 5 query a#1
          a:9 re 5 order a#1 buy 5@99 gtc filled=3 group=3 shows=2 stp=decrement away=cancel by a:1
        a 6 cancel a#1
          a:10 re 6 cancelled a#1 5 requested
        a 7 query a#1
          a:11 re 7 rejected order_not_open (query_order)
        a 8 query 1
          a:12 re 8 rejected order_not_open (query_order)
        a 9 query 77
          a:13 re 9 rejected unknown_order (query_order)
        b 2 query a#1
          b:4 re 2 rejected unknown_order (query_order)
        ",
    );
}

#[test]
fn all_orders_of_the_account_are_told_oldest_first_and_how_many() {
    check(
        "
        roles alice a2 1
          op roles 1
        a 1 sell 4@stop stop=90 gtd until=5000
          a:1 re 1 accepted a#1 sell 4@stop gtd stop=90 until=5000
        a 2 buy 1@95 post reprice day in=F away=stay
          a:2 re 2 in F accepted a#2 buy 1@95 day post until=86400000 away=stay
        a 3 quote M 1@99 - group=7 post
          a:3 re 3 accepted a#3.b0 buy 1@99 gtc post
          a:4 re 3 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a 4 buy 2@130 stop=120
          a:5 re 4 accepted a#4 buy 2@130 gtc stop=120
        b 1 buy 1@98
          b:1 re 1 accepted b#1 buy 1@98 gtc
        a2 1 orders
          a2:1 re 1 order a#1 sell 4@stop gtd stop=90 until=5000 by a:1
          a2:2 re 1 in F order a#2 buy 1@95 day until=86400000 post reprice away=stay by a:2
          a2:3 re 1 order a#3.b0 buy 1@99 gtc group=7 post quote by a:3
          a2:4 re 1 order a#4 buy 2@130 gtc stop=120 by a:4
          a2:5 re 1 query done, 4
        a2 2 orders F
          a2:6 re 2 in F order a#2 buy 1@95 day until=86400000 post reprice away=stay by a:2
          a2:7 re 2 in F query done, 1
        a2 3 orders X
          a2:8 re 3 in ? rejected unknown_market (query_orders)
        at 5000
        a2 4 orders M
          a:6 re 1 cancelled a#1 4 expired
          a2:9 re 4 order a#3.b0 buy 1@99 gtc group=7 post quote by a:3
          a2:10 re 4 order a#4 buy 2@130 gtc stop=120 by a:4
          a2:11 re 4 query done, 2
        ",
    );
}

#[test]
fn balances_are_told_by_asset_and_only_those_that_the_account_has() {
    check(
        "
        roles alice a 7
          op roles 7
        asset ETH 8
          op asset ETH
        a 1 buy 2@100
          a:1 re 1 accepted a#1 buy 2@100 gtc
        hold alice 7 BTC r1
          op held 7 BTC
        a 2 balances
          a:2 re 2 balance 993 BTC + 0 held + 7 pending
          a:3 re 2 balance 99800 USD + 200 held + 0 pending
          a:4 re 2 query done, 2
        a 3 balances USD
          a:5 re 3 balance 99800 USD + 200 held + 0 pending
          a:6 re 3 query done, 1
        a 4 balances ETH
          a:7 re 4 query done, 0
        a 5 balances XYZ
          a:8 re 5 rejected unknown_asset (query_balances)
        a 3 balances BTC
          a:9 re 3 rejected request_number_reused (query_balances)
        ",
    );
}

#[test]
fn a_query_needs_the_role_read_and_the_timer_the_role_trade() {
    check(
        "
        a 1 query 1
          a:1 re 1 rejected key_not_allowed (query_order)
        a 2 orders
          a:2 re 2 rejected key_not_allowed (query_orders)
        a 3 balances
          a:3 re 3 rejected key_not_allowed (query_balances)
        roles alice a 1
          op roles 1
        a 4 after 500
          a:4 re 4 rejected key_not_allowed (cancel_all_after)
        a 5 orders
          a:5 re 5 query done, 0
        ",
    );
}
