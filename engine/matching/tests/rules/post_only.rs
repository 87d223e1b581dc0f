//! Post-only: refused or re-priced.

use crate::script::check;

#[test]
fn reject_refuses_what_would_take() {
    check(
        "
        b 1 sell 5@101
          b:1 re 1 accepted b#1 sell 5@101 gtc
        a 1 buy 5@101 post
          a:1 re 1 rejected post_only_would_take (new_order)
        a 2 buy 5@100 post
          a:2 re 2 accepted a#2 buy 5@100 gtc post
        ",
    );
}

#[test]
fn reprice_goes_to_one_tick_from_the_best_price() {
    check(
        "
        b 1 sell 5@101
          b:1 re 1 accepted b#1 sell 5@101 gtc
        a 1 buy 5@105 post reprice
          a:1 re 1 accepted a#1 buy 5@100 gtc post
        b 2 buy 5@95
          b:2 re 2 accepted b#2 buy 5@95 gtc
        b 3 sell 5@90 post reprice
          b:3 re 3 accepted b#3 sell 5@101 gtc post
        book M
          buy 5 lots at 100: a#1=5
          buy 5 lots at 95: b#2=5
          sell 10 lots at 101: b#1=5 b#3=5
        funds alice
          1000 BTC + 0 held, 99500 USD + 500 held
        ",
    );
}

#[test]
fn there_is_no_price_below_one_or_above_the_highest() {
    check(
        "
        b 1 sell 5@1
          b:1 re 1 accepted b#1 sell 5@1 gtc
        a 1 buy 5@3 post reprice
          a:1 re 1 rejected post_only_would_take (new_order)
        b 2 cancel 1
          b:2 re 2 cancelled b#1 5 requested
        a 2 buy 1@1000
          a:2 re 2 accepted a#2 buy 1@1000 gtc
        b 3 sell 5@900 post reprice
          b:3 re 3 rejected post_only_would_take (new_order)
        ",
    );
}
