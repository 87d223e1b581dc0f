//! Self-trade prevention: the incoming order's mode decides.

use crate::script::check;

#[test]
fn none_lets_them_trade() {
    check(
        "
        a 1 sell 2@100
          a:1 re 1 accepted a#1 sell 2@100 gtc
        a 2 buy 2@100 stp=none
          a:2 re 2 accepted a#2 buy 2@100 gtc
          a:3 re 2 fill a#2 taker 2@100 leaves 0 fee 0 against a#1
          a:4 re 1 fill a#1 maker 2@100 leaves 0 fee 0 against a#2
        ",
    );
}

#[test]
fn cancel_newest_keeps_what_rests() {
    check(
        "
        a 1 sell 2@101
          a:1 re 1 accepted a#1 sell 2@101 gtc
        b 1 sell 1@100
          b:1 re 1 accepted b#1 sell 1@100 gtc
        a 2 buy 4@101 stp=cancel_newest
          a:2 re 2 accepted a#2 buy 4@101 gtc
          a:3 re 2 fill a#2 taker 1@100 leaves 3 fee 0 against b#1
          b:2 re 1 fill b#1 maker 1@100 leaves 0 fee 0 against a#2
          a:4 re 2 cancelled a#2 3 self_trade
        book M
          sell 2 lots at 101: a#1=2
        ",
    );
}

#[test]
fn cancel_oldest_goes_on() {
    check(
        "
        a 1 sell 2@100
          a:1 re 1 accepted a#1 sell 2@100 gtc
        b 1 sell 1@101
          b:1 re 1 accepted b#1 sell 1@101 gtc
        a 2 buy 3@101 stp=cancel_oldest
          a:2 re 2 accepted a#2 buy 3@101 gtc
          a:3 re 1 cancelled a#1 2 self_trade
          a:4 re 2 fill a#2 taker 1@101 leaves 2 fee 0 against b#1
          b:2 re 1 fill b#1 maker 1@101 leaves 0 fee 0 against a#2
        book M
          buy 2 lots at 101: a#2=2
        ",
    );
}

#[test]
fn cancel_both_leaves_neither() {
    check(
        "
        a 1 sell 2@100
          a:1 re 1 accepted a#1 sell 2@100 gtc
        a 2 buy 3@101 stp=cancel_both
          a:2 re 2 accepted a#2 buy 3@101 gtc
          a:3 re 1 cancelled a#1 2 self_trade
          a:4 re 2 cancelled a#2 3 self_trade
        book M
          empty
        ",
    );
}

#[test]
fn decrement_cancels_the_smaller() {
    check(
        "
        a 1 sell 2@100
          a:1 re 1 accepted a#1 sell 2@100 gtc
        a 2 buy 5@100 stp=decrement
          a:2 re 2 accepted a#2 buy 5@100 gtc
          a:3 re 1 cancelled a#1 2 self_trade
          a:4 re 2 reduced a#2 by 2 leaves 3
        book M
          buy 3 lots at 100: a#2=3
        a 3 sell 9@100 stp=decrement
          a:5 re 3 accepted a#3 sell 9@100 gtc
          a:6 re 2 cancelled a#2 3 self_trade
          a:7 re 3 reduced a#3 by 3 leaves 6
        book M
          sell 6 lots at 100: a#3=6
        funds alice
          994 BTC + 6 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn decrement_reduces_a_larger_maker() {
    check(
        "
        a 1 sell 5@100
          a:1 re 1 accepted a#1 sell 5@100 gtc
        a 2 buy 2@100 stp=decrement
          a:2 re 2 accepted a#2 buy 2@100 gtc
          a:3 re 1 reduced a#1 by 2 leaves 3
          a:4 re 2 cancelled a#2 2 self_trade
        a 3 buy 3@100 stp=decrement
          a:5 re 3 accepted a#3 buy 3@100 gtc
          a:6 re 1 cancelled a#1 3 self_trade
          a:7 re 3 cancelled a#3 3 self_trade
        book M
          empty
        funds alice
          1000 BTC + 0 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn accounts_of_one_owner_group_are_one() {
    check(
        "
        owner alice 7
          op owner 7
        owner bob 7
          op owner 7
        a 1 sell 2@100
          a:1 re 1 accepted a#1 sell 2@100 gtc
        b 1 buy 2@100 stp=cancel_newest
          b:1 re 1 accepted b#1 buy 2@100 gtc
          b:2 re 1 cancelled b#1 2 self_trade
        owner bob 0
          op owner 0
        b 2 buy 2@100 stp=cancel_newest
          b:3 re 2 accepted b#2 buy 2@100 gtc
          b:4 re 2 fill b#2 taker 2@100 leaves 0 fee 0 against a#1
          a:2 re 1 fill a#1 maker 2@100 leaves 0 fee 0 against b#2
        ",
    );
}

#[test]
fn fill_or_kill_counts_only_what_the_mode_lets_it_reach() {
    check(
        "
        b 1 sell 1@100
          b:1 re 1 accepted b#1 sell 1@100 gtc
        a 1 sell 2@101
          a:1 re 1 accepted a#1 sell 2@101 gtc
        b 2 sell 2@102
          b:2 re 2 accepted b#2 sell 2@102 gtc
        a 2 buy 3@102 fok stp=cancel_newest
          a:2 re 2 rejected fill_or_kill_unfillable (new_order)
        a 3 buy 3@102 fok stp=cancel_both
          a:3 re 3 rejected fill_or_kill_unfillable (new_order)
        a 4 buy 3@102 fok stp=decrement
          a:4 re 4 rejected fill_or_kill_unfillable (new_order)
        a 5 buy 3@102 fok stp=cancel_oldest
          a:5 re 5 accepted a#5 buy 3@102 fok
          a:6 re 5 fill a#5 taker 1@100 leaves 2 fee 0 against b#1
          b:3 re 1 fill b#1 maker 1@100 leaves 0 fee 0 against a#5
          a:7 re 1 cancelled a#1 2 self_trade
          a:8 re 5 fill a#5 taker 2@102 leaves 0 fee 0 against b#2
          b:4 re 2 fill b#2 maker 2@102 leaves 0 fee 0 against a#5
        book M
          empty
        ",
    );
}
