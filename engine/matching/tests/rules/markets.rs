//! States and rules of a market.

use crate::script::check;

#[test]
fn what_each_state_takes() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        state M post_only
          op post_only
        b 1 sell 1@100
          b:1 re 1 rejected market_post_only (new_order)
        b 2 sell 1@101
          b:2 re 2 accepted b#2 sell 1@101 gtc
        a 2 buy 1@101 post
          a:2 re 2 rejected post_only_would_take (new_order)
        state M cancel_only
          op cancel_only
        b 3 sell 1@102
          b:3 re 3 rejected market_halted (new_order)
        a 3 reduce 1 1
          a:3 re 3 reduced a#1 by 1 leaves 4
        a 4 replace 1 2@100
          a:4 re 4 rejected market_halted (replace_order)
        state M halted
          op halted
        a 5 reduce 1 1
          a:5 re 5 rejected market_halted (reduce_order)
        a 6 cancel 1
          a:6 re 6 cancelled a#1 4 requested
        b 4 sell 1@102
          b:4 re 4 rejected market_halted (new_order)
        state M closed
          b:5 re 2 cancelled b#2 1 market_closed
          op closed
        b 5 sell 1@102
          b:6 re 5 rejected market_closed (new_order)
        b 6 cancel 2
          b:7 re 6 rejected order_not_open (cancel_order)
        state M open
          op open
        b 7 sell 1@102
          b:8 re 7 accepted b#7 sell 1@102 gtc
        ",
    );
}

#[test]
fn closing_cancels_everything_oldest_first() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        b 1 sell 5@105
          b:1 re 1 accepted b#1 sell 5@105 gtc
        a 2 sell 1@stop stop=90
          a:2 re 2 accepted a#2 sell 1@stop gtc stop=90
        state M closed
          a:3 re 1 cancelled a#1 5 market_closed
          b:2 re 1 cancelled b#1 5 market_closed
          a:4 re 2 cancelled a#2 1 market_closed
          op closed
        funds alice
          1000 BTC + 0 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn rules_replace_what_the_market_was_created_with() {
    check(
        "
        rules M qty_min=2 qty_max=5 price_min=10 price_max=20 notional_min=40
          op rules set
        a 1 buy 1@15
          a:1 re 1 rejected qty_too_small (new_order)
        a 2 buy 6@15
          a:2 re 2 rejected qty_too_large (new_order)
        a 3 buy 5@9
          a:3 re 3 rejected price_too_low (new_order)
        a 4 buy 5@21
          a:4 re 4 rejected price_too_high (new_order)
        a 5 buy 3@13
          a:5 re 5 rejected notional_too_small (new_order)
        a 6 buy 4@10
          a:6 re 6 accepted a#6 buy 4@10 gtc
        ",
    );
}

#[test]
fn a_static_band_is_around_the_reference_price_whatever_was_traded() {
    check(
        "
        rules M static=100000 reference=101
          op rules set
        a 1 buy 1@90
          a:1 re 1 rejected price_out_of_static_band (new_order)
        a 2 buy 1@91
          a:2 re 2 accepted a#2 buy 1@91 gtc
        a 3 buy 1@111
          a:3 re 3 accepted a#3 buy 1@111 gtc
        a 4 buy 1@112
          a:4 re 4 rejected price_out_of_static_band (new_order)
        b 1 sell 1@95
          b:1 re 1 accepted b#1 sell 1@95 gtc
          b:2 re 1 fill b#1 taker 1@111 leaves 0 fee 0 against a#3
          a:5 re 3 fill a#3 maker 1@111 leaves 0 fee 0 against b#1
        a 5 buy 1@112
          a:6 re 5 rejected price_out_of_static_band (new_order)
        rules M static=100000
          op rules set
        a 6 buy 1@112
          a:7 re 6 accepted a#6 buy 1@112 gtc
        ",
    );
}

#[test]
fn a_dynamic_band_is_around_the_last_price_and_none_before_the_first_trade() {
    check(
        "
        rules M dynamic=100000 reference=500
          op rules set
        a 1 buy 1@111
          a:1 re 1 accepted a#1 buy 1@111 gtc
        b 1 sell 1@1
          b:1 re 1 accepted b#1 sell 1@1 gtc
          b:2 re 1 fill b#1 taker 1@111 leaves 0 fee 0 against a#1
          a:2 re 1 fill a#1 maker 1@111 leaves 0 fee 0 against b#1
        b 2 sell 1@99
          b:3 re 2 rejected price_out_of_band (new_order)
        b 3 sell 1@100
          b:4 re 3 accepted b#3 sell 1@100 gtc
        b 4 sell 1@123
          b:5 re 4 rejected price_out_of_band (new_order)
        b 5 replace 3 1@122
          b:6 re 5 replaced b#3 1@122 anew
        b 6 replace 3 1@123
          b:7 re 6 rejected price_out_of_band (replace_order)
        a 2 buy 1@99 stop=112
          a:3 re 2 rejected price_out_of_band (new_order)
        a 3 buy 1@stop stop=112
          a:4 re 3 accepted a#3 buy 1@stop gtc stop=112
        ",
    );
}

#[test]
fn a_price_must_be_inside_both_bands_and_the_static_one_is_named_first() {
    check(
        "
        rules M static=200000 dynamic=100000 reference=100
          op rules set
        a 1 buy 1@120
          a:1 re 1 accepted a#1 buy 1@120 gtc
        b 1 sell 1@80
          b:1 re 1 accepted b#1 sell 1@80 gtc
          b:2 re 1 fill b#1 taker 1@120 leaves 0 fee 0 against a#1
          a:2 re 1 fill a#1 maker 1@120 leaves 0 fee 0 against b#1
        a 2 buy 1@79
          a:3 re 2 rejected price_out_of_static_band (new_order)
        a 3 buy 1@107
          a:4 re 3 rejected price_out_of_band (new_order)
        a 4 buy 1@108
          a:5 re 4 accepted a#4 buy 1@108 gtc
        a 5 buy 1@121
          a:6 re 5 rejected price_out_of_static_band (new_order)
        a 6 quote M 1@107 1@121 M - 1@120
          a:7 re 6 quote 0 buy rejected price_out_of_band (mass_quote)
          a:8 re 6 quote 0 sell rejected price_out_of_static_band (mass_quote)
          a:9 re 6 accepted a#6.s1 sell 1@120 gtc
          a:10 re 6 quotes done: 1 accepted, 0 withdrawn, 2 rejected
        ",
    );
}

#[test]
fn rules_that_contradict_themselves_are_refused() {
    check(
        "
        rules M qty_max=0 price_max=0
          op rejected qty_max_zero (set_market_rules)
        rules M price_max=0 qty_min=2000
          op rejected price_max_not_positive (set_market_rules)
        rules M qty_min=3 qty_max=2 price_min=5 price_max=4
          op rejected qty_min_over_qty_max (set_market_rules)
        rules M price_min=5 price_max=4 reference=-1
          op rejected price_min_over_price_max (set_market_rules)
        rules M price_min=-1 reference=-1
          op rejected price_min_negative (set_market_rules)
        rules M reference=-1 maker=-1000001
          op rejected reference_negative (set_market_rules)
        rules M taker=-1 maker=-1000001
          op rejected maker_fee_out_of_range (set_market_rules)
        rules M taker=-1
          op rejected taker_fee_out_of_range (set_market_rules)
        rules M day_end=86400
          op rejected day_end_out_of_range (set_market_rules)
        rules M static=1000001 dynamic=1000001
          op rejected static_band_out_of_range (set_market_rules)
        rules M dynamic=1000001
          op rejected dynamic_band_out_of_range (set_market_rules)
        rules M qty_max=18446744073709551615 price_max=9223372036854775807
          op rejected quote_amount_overflow (set_market_rules)
        market X BTC USD base_units=9223372036854775807
          op in X market X
        rules X qty_max=18446744073709551615 price_max=9223372036854775807
          op rejected base_amount_overflow (set_market_rules)
        rules N static=1
          op rejected unknown_market (set_market_rules)
        ",
    );
}
