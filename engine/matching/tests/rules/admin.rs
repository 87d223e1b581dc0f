//! Assets, markets, accounts, keys.

use crate::script::check;

#[test]
fn names_are_unique_within_their_kind() {
    check(
        "
        asset BTC 3
          op rejected name_taken (create_asset)
        market M BTC USD
          op rejected name_taken (create_market)
        account alice
          op rejected name_taken (create_account)
        key a bob 9
          op rejected name_taken (create_key)
        account BTC
          op account BTC
        ",
    );
}

#[test]
fn tables_end_at_their_limits() {
    check(
        "
        asset EUR 2
          op asset EUR
        asset GBP 2
          op rejected table_full (create_asset)
        market X EUR USD
          op in X market X
        market Y EUR BTC
          op rejected table_full (create_market)
        account carol
          op account carol
        account dave
          op rejected table_full (create_account)
        key c carol 4
          op key c
        key d carol 5
          op rejected table_full (create_key)
        ",
    );
}

#[test]
fn an_asset_has_at_most_30_decimals() {
    check(
        "
        asset EUR 31
          op rejected decimals_too_many (create_asset)
        asset EUR 30
          op asset EUR
        ",
    );
}

#[test]
fn a_key_needs_an_account_and_a_public_key_of_its_own() {
    check(
        "
        key c nobody 4
          op rejected unknown_account (create_key)
        key c bob 1
          op rejected public_key_taken (create_key)
        key c bob 4
          op key c
        c 1 buy 1@1
          c:1 re 1 accepted c#1 buy 1@1 gtc
        ",
    );
}

#[test]
fn market_terms_are_checked() {
    check(
        "
        market X BTC EUR
          op rejected unknown_asset (create_market)
        market X BTC BTC
          op rejected base_equals_quote (create_market)
        market X BTC USD base_units=0
          op rejected base_units_per_lot_zero (create_market)
        market X BTC USD quote_units=0
          op rejected quote_units_per_tick_lot_zero (create_market)
        market X BTC USD maker=1000001
          op rejected maker_fee_out_of_range (create_market)
        market X BTC USD taker=1000001
          op rejected taker_fee_out_of_range (create_market)
        market X BTC USD qty_max=0
          op rejected qty_max_zero (create_market)
        market X BTC USD price_max=0
          op rejected price_max_not_positive (create_market)
        market X BTC USD price_max=-5
          op rejected price_max_not_positive (create_market)
        ",
    );
}

/// 2^96 = 79,228,162,514,264,337,593,543,950,336 = 2^32 * 2^64.
#[test]
fn highest_price_times_largest_quantity_stays_below_2_to_96_on_both_sides() {
    check(
        "
        market X BTC USD qty_max=4294967296 base_units=18446744073709551615 price_max=1
          op in X market X
        ",
    );
    check(
        "
        market X BTC USD qty_max=4294967297 base_units=18446744073709551615 price_max=1
          op rejected base_amount_overflow (create_market)
        market X BTC USD qty_max=4294967296 quote_units=9223372036854775808 price_max=2
          op rejected quote_amount_overflow (create_market)
        market X BTC USD qty_max=18446744073709551615 quote_units=18446744073709551615 price_max=9223372036854775807
          op rejected quote_amount_overflow (create_market)
        market X BTC USD qty_max=4294967296 quote_units=9223372036854775807 price_max=2
          op in X market X
        ",
    );
}

#[test]
fn a_halted_market_takes_cancels_only() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        halt M
          op halted
        b 1 sell 5@100
          b:1 re 1 rejected market_halted (new_order)
        a 2 reduce a#1 2
          a:2 re 2 rejected market_halted (reduce_order)
        a 3 cancel a#1
          a:3 re 3 cancelled a#1 5 requested
        open M
          op open
        b 2 sell 5@100
          b:2 re 2 accepted b#2 sell 5@100 gtc
        halt X
          op rejected unknown_market (set_market_state)
        ",
    );
}

#[test]
fn the_durability_rule_is_recorded() {
    check(
        "
        durability local
          op durability local degraded true
        ",
    );
}
