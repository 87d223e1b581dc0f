//! Stop orders: when they trigger, in which order, and how a cascade ends.

use crate::script::check;

#[test]
fn a_stop_waits_until_the_last_price_reaches_it() {
    check(
        "
        b 1 sell 1@100
          b:1 re 1 accepted b#1 sell 1@100 gtc
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
          a:2 re 1 fill a#1 taker 1@100 leaves 0 fee 0 against b#1
          b:2 re 1 fill b#1 maker 1@100 leaves 0 fee 0 against a#1
        a 2 buy 2@stop stop=105
          a:3 re 2 accepted a#2 buy 2@stop gtc stop=105
        stops M
          buy a#2 2@0 at 105
        b 2 sell 5@104
          b:3 re 2 accepted b#2 sell 5@104 gtc
        a 3 buy 1@104
          a:4 re 3 accepted a#3 buy 1@104 gtc
          a:5 re 3 fill a#3 taker 1@104 leaves 0 fee 0 against b#2
          b:4 re 2 fill b#2 maker 1@104 leaves 4 fee 0 against a#3
        stops M
          buy a#2 2@0 at 105
        b 3 cancel 2
          b:5 re 3 cancelled b#2 4 requested
        b 4 sell 5@105
          b:6 re 4 accepted b#4 sell 5@105 gtc
        a 4 buy 1@105
          a:6 re 4 accepted a#4 buy 1@105 gtc
          a:7 re 4 fill a#4 taker 1@105 leaves 0 fee 0 against b#4
          b:7 re 4 fill b#4 maker 1@105 leaves 4 fee 0 against a#4
          a:8 re 2 triggered a#2 2@0
          a:9 re 2 fill a#2 taker 2@105 leaves 0 fee 0 against b#4
          b:8 re 4 fill b#4 maker 2@105 leaves 2 fee 0 against a#2
        stops M
          none
        book M
          sell 2 lots at 105: b#4=2
        ",
    );
}

#[test]
fn a_stop_limit_rests_when_it_is_triggered_and_finds_nothing() {
    check(
        "
        a 1 buy 2@103 stop=102
          a:1 re 1 accepted a#1 buy 2@103 gtc stop=102
        funds alice
          1000 BTC + 0 held, 99794 USD + 206 held
        b 1 sell 1@102
          b:1 re 1 accepted b#1 sell 1@102 gtc
        a 2 buy 1@102
          a:2 re 2 accepted a#2 buy 1@102 gtc
          a:3 re 2 fill a#2 taker 1@102 leaves 0 fee 0 against b#1
          b:2 re 1 fill b#1 maker 1@102 leaves 0 fee 0 against a#2
          a:4 re 1 triggered a#1 2@103
        book M
          buy 2 lots at 103: a#1=2
        funds alice
          1001 BTC + 0 held, 99692 USD + 206 held
        ",
    );
}

#[test]
fn a_stop_that_would_trigger_at_once_is_refused() {
    check(
        "
        b 1 sell 2@100
          b:1 re 1 accepted b#1 sell 2@100 gtc
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
          a:2 re 1 fill a#1 taker 1@100 leaves 0 fee 0 against b#1
          b:2 re 1 fill b#1 maker 1@100 leaves 1 fee 0 against a#1
        a 2 buy 1@stop stop=100
          a:3 re 2 rejected stop_would_trigger (new_order)
        a 3 sell 1@stop stop=100
          a:4 re 3 rejected stop_would_trigger (new_order)
        a 4 sell 1@stop stop=99
          a:5 re 4 accepted a#4 sell 1@stop gtc stop=99
        stops M
          sell a#4 1@0 at 99
        ",
    );
}

#[test]
fn a_cascade_runs_until_none_is_triggered() {
    check(
        "
        b 1 buy 1@100
          b:1 re 1 accepted b#1 buy 1@100 gtc
        b 2 buy 1@98
          b:2 re 2 accepted b#2 buy 1@98 gtc
        b 3 buy 1@96
          b:3 re 3 accepted b#3 buy 1@96 gtc
        a 1 sell 1@stop stop=99
          a:1 re 1 accepted a#1 sell 1@stop gtc stop=99
        a 2 sell 1@stop stop=97
          a:2 re 2 accepted a#2 sell 1@stop gtc stop=97
        stops M
          sell a#1 1@0 at 99
          sell a#2 1@0 at 97
        a2 1 sell 2@98 ioc
          a2:1 re 1 accepted a2#1 sell 2@98 ioc
          a2:2 re 1 fill a2#1 taker 1@100 leaves 1 fee 0 against b#1
          b:4 re 1 fill b#1 maker 1@100 leaves 0 fee 0 against a2#1
          a2:3 re 1 fill a2#1 taker 1@98 leaves 0 fee 0 against b#2
          b:5 re 2 fill b#2 maker 1@98 leaves 0 fee 0 against a2#1
          a:3 re 1 triggered a#1 1@0
          a:4 re 1 fill a#1 taker 1@96 leaves 0 fee 0 against b#3
          b:6 re 3 fill b#3 maker 1@96 leaves 0 fee 0 against a#1
          a:5 re 2 triggered a#2 1@0
          a:6 re 2 cancelled a#2 1 no_liquidity
        stops M
          none
        book M
          empty
        ",
    );
}

#[test]
fn buys_trigger_before_sells_and_among_equals_the_oldest() {
    check(
        "
        b 1 sell 1@100
          b:1 re 1 accepted b#1 sell 1@100 gtc
        a 1 buy 1@90 stop=100
          a:1 re 1 accepted a#1 buy 1@90 gtc stop=100
        a 2 buy 1@91 stop=100
          a:2 re 2 accepted a#2 buy 1@91 gtc stop=100
        a 3 sell 1@120 stop=100
          a:3 re 3 accepted a#3 sell 1@120 gtc stop=100
        a2 1 buy 1@100 ioc
          a2:1 re 1 accepted a2#1 buy 1@100 ioc
          a2:2 re 1 fill a2#1 taker 1@100 leaves 0 fee 0 against b#1
          b:2 re 1 fill b#1 maker 1@100 leaves 0 fee 0 against a2#1
          a:4 re 1 triggered a#1 1@90
          a:5 re 2 triggered a#2 1@91
          a:6 re 3 triggered a#3 1@120
        book M
          buy 1 lots at 91: a#2=1
          buy 1 lots at 90: a#1=1
          sell 1 lots at 120: a#3=1
        ",
    );
}

#[test]
fn a_stop_without_limit_that_finds_an_empty_book_is_cancelled() {
    check(
        "
        a 1 sell 1@stop stop=99
          a:1 re 1 accepted a#1 sell 1@stop gtc stop=99
        b 1 buy 1@99
          b:1 re 1 accepted b#1 buy 1@99 gtc
        a2 1 sell 1@99
          a2:1 re 1 accepted a2#1 sell 1@99 gtc
          a2:2 re 1 fill a2#1 taker 1@99 leaves 0 fee 0 against b#1
          b:2 re 1 fill b#1 maker 1@99 leaves 0 fee 0 against a2#1
          a:2 re 1 triggered a#1 1@0
          a:3 re 1 cancelled a#1 1 no_liquidity
        funds alice
          999 BTC + 0 held, 100099 USD + 0 held
        ",
    );
}

#[test]
fn a_stop_is_cancelled_reduced_and_counted_like_any_order_but_not_replaced() {
    check(
        "
        a 1 sell 3@stop stop=90
          a:1 re 1 accepted a#1 sell 3@stop gtc stop=90
        a 2 reduce 1 1
          a:2 re 2 reduced a#1 by 1 leaves 2
        a 3 replace 1 2@91
          a:3 re 3 rejected stop_not_replaceable (replace_order)
        funds alice
          998 BTC + 2 held, 100000 USD + 0 held
        a 4 cancel 1
          a:4 re 4 cancelled a#1 2 requested
        funds alice
          1000 BTC + 0 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn the_form_of_a_stop() {
    check(
        "
        a 1 buy 1@stop stop=105 ioc
          a:1 re 1 rejected stop_must_wait (new_order)
        a 2 buy 1@stop
          a:2 re 2 rejected trigger_out_of_range (new_order)
        a 3 buy 1@stop stop=1001
          a:3 re 3 rejected trigger_out_of_range (new_order)
        a 4 buy 1@100 fok stop=105
          a:4 re 4 rejected stop_must_wait (new_order)
        a 5 buy 1@stop5 stop=105
          a:5 re 5 rejected price_on_market_order (new_order)
        a 6 buy 1@market ioc stop=105
          a:6 re 6 rejected trigger_without_stop (new_order)
        ",
    );
}
