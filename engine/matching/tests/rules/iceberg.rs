//! Icebergs: what is shown, when the next part comes, and who meets it.

use crate::script::check;

#[test]
fn the_next_part_is_shown_at_the_tail() {
    check(
        "
        a 1 sell 5@100 show=2
          a:1 re 1 accepted a#1 sell 5@100 gtc show=2
        b 1 sell 2@100
          b:1 re 1 accepted b#1 sell 2@100 gtc
        book M
          sell 4 lots at 100: a#1=2(+3) b#1=2
        b 2 buy 2@100
          b:2 re 2 accepted b#2 buy 2@100 gtc
          b:3 re 2 fill b#2 taker 2@100 leaves 0 fee 0 against a#1
          a:2 re 1 fill a#1 maker 2@100 leaves 3 fee 0 against b#2
          a:3 re 1 refreshed a#1 2@100
        book M
          sell 4 lots at 100: b#1=2 a#1=2(+1)
        ",
    );
}

#[test]
fn a_taker_that_comes_round_again_takes_all_that_is_left() {
    check(
        "
        a 1 sell 5@100 show=2
          a:1 re 1 accepted a#1 sell 5@100 gtc show=2
        b 1 sell 1@100
          b:1 re 1 accepted b#1 sell 1@100 gtc
        b 2 buy 7@100
          b:2 re 2 accepted b#2 buy 7@100 gtc
          b:3 re 2 fill b#2 taker 2@100 leaves 5 fee 0 against a#1
          a:2 re 1 fill a#1 maker 2@100 leaves 3 fee 0 against b#2
          a:3 re 1 refreshed a#1 2@100
          b:4 re 2 fill b#2 taker 1@100 leaves 4 fee 0 against b#1
          b:5 re 1 fill b#1 maker 1@100 leaves 0 fee 0 against b#2
          b:6 re 2 fill b#2 taker 3@100 leaves 1 fee 0 against a#1
          a:4 re 1 fill a#1 maker 3@100 leaves 0 fee 0 against b#2
        book M
          buy 1 lots at 100: b#2=1
        ",
    );
}

#[test]
fn a_taker_that_comes_round_again_and_leaves_some_makes_it_show_the_next_part() {
    check(
        "
        a 1 sell 9@100 show=2
          a:1 re 1 accepted a#1 sell 9@100 gtc show=2
        b 1 buy 5@100
          b:1 re 1 accepted b#1 buy 5@100 gtc
          b:2 re 1 fill b#1 taker 2@100 leaves 3 fee 0 against a#1
          a:2 re 1 fill a#1 maker 2@100 leaves 7 fee 0 against b#1
          a:3 re 1 refreshed a#1 2@100
          b:3 re 1 fill b#1 taker 3@100 leaves 0 fee 0 against a#1
          a:4 re 1 fill a#1 maker 3@100 leaves 4 fee 0 against b#1
          a:5 re 1 refreshed a#1 2@100
        b 2 buy 3@100
          b:4 re 2 accepted b#2 buy 3@100 gtc
          b:5 re 2 fill b#2 taker 2@100 leaves 1 fee 0 against a#1
          a:6 re 1 fill a#1 maker 2@100 leaves 2 fee 0 against b#2
          a:7 re 1 refreshed a#1 2@100
          b:6 re 2 fill b#2 taker 1@100 leaves 0 fee 0 against a#1
          a:8 re 1 fill a#1 maker 1@100 leaves 1 fee 0 against b#2
        book M
          sell 1 lots at 100: a#1=1
        ",
    );
}

#[test]
fn what_is_hidden_behind_an_own_order_does_not_count_for_fill_or_kill() {
    check(
        "
        a 1 sell 5@100 show=2
          a:1 re 1 accepted a#1 sell 5@100 gtc show=2
        b 1 sell 1@100
          b:1 re 1 accepted b#1 sell 1@100 gtc
        b 2 buy 3@100 fok stp=cancel_newest
          b:2 re 2 rejected fill_or_kill_unfillable (new_order)
        b 3 buy 2@100 fok stp=cancel_newest
          b:3 re 3 accepted b#3 buy 2@100 fok
          b:4 re 3 fill b#3 taker 2@100 leaves 0 fee 0 against a#1
          a:2 re 1 fill a#1 maker 2@100 leaves 3 fee 0 against b#3
          a:3 re 1 refreshed a#1 2@100
        ",
    );
}

#[test]
fn what_is_hidden_is_reduced_first() {
    check(
        "
        a 1 sell 5@100 show=2
          a:1 re 1 accepted a#1 sell 5@100 gtc show=2
        a 2 reduce 1 2
          a:2 re 2 reduced a#1 by 2 leaves 3
        book M
          sell 2 lots at 100: a#1=2(+1)
        a 3 reduce 1 2
          a:3 re 3 reduced a#1 by 2 leaves 1
        book M
          sell 1 lots at 100: a#1=1
        ",
    );
}

#[test]
fn fill_or_kill_counts_what_is_hidden() {
    check(
        "
        a 1 sell 5@100 show=2
          a:1 re 1 accepted a#1 sell 5@100 gtc show=2
        b 1 buy 6@100 fok
          b:1 re 1 rejected fill_or_kill_unfillable (new_order)
        b 2 buy 5@100 fok
          b:2 re 2 accepted b#2 buy 5@100 fok
          b:3 re 2 fill b#2 taker 2@100 leaves 3 fee 0 against a#1
          a:2 re 1 fill a#1 maker 2@100 leaves 3 fee 0 against b#2
          a:3 re 1 refreshed a#1 2@100
          b:4 re 2 fill b#2 taker 3@100 leaves 0 fee 0 against a#1
          a:4 re 1 fill a#1 maker 3@100 leaves 0 fee 0 against b#2
        ",
    );
}

#[test]
fn a_display_that_is_not_less_than_the_whole_is_none() {
    check(
        "
        a 1 sell 5@100 show=5
          a:1 re 1 accepted a#1 sell 5@100 gtc
        a 2 sell 5@100 show=9
          a:2 re 2 accepted a#2 sell 5@100 gtc
        book M
          sell 10 lots at 100: a#1=5 a#2=5
        ",
    );
}

#[test]
fn only_an_order_that_can_rest_shows_a_part() {
    check(
        "
        a 1 sell 5@100 show=2 ioc
          a:1 re 1 rejected display_without_limit_order (new_order)
        a 2 sell 5@market fok show=2
          a:2 re 2 rejected display_without_limit_order (new_order)
        a 3 sell 5@99 show=2 stop=95
          a:3 re 3 rejected display_without_limit_order (new_order)
        ",
    );
}

#[test]
fn the_incoming_part_of_an_iceberg_trades_as_a_whole() {
    check(
        "
        b 1 buy 4@100
          b:1 re 1 accepted b#1 buy 4@100 gtc
        a 1 sell 9@100 show=2
          a:1 re 1 accepted a#1 sell 9@100 gtc show=2
          a:2 re 1 fill a#1 taker 4@100 leaves 5 fee 0 against b#1
          b:2 re 1 fill b#1 maker 4@100 leaves 0 fee 0 against a#1
        book M
          sell 2 lots at 100: a#1=2(+3)
        ",
    );
}
