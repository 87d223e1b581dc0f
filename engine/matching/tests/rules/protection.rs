//! Protection: too many fills pull a group.

use crate::script::check;

#[test]
fn a_count_of_fills_pulls_the_group() {
    check(
        "
        a 1 protect 3 1000 0 2
          a:1 re 1 protection 3 set: 1000 ms, 0 lots, 2 fills
        a 2 sell 1@100 group=3
          a:2 re 2 accepted a#2 sell 1@100 gtc
        a 3 sell 1@101 group=3
          a:3 re 3 accepted a#3 sell 1@101 gtc
        a 4 sell 1@102 group=3
          a:4 re 4 accepted a#4 sell 1@102 gtc
        a 5 sell 1@103
          a:5 re 5 accepted a#5 sell 1@103 gtc
        b 1 buy 4@103
          b:1 re 1 accepted b#1 buy 4@103 gtc
          b:2 re 1 fill b#1 taker 1@100 leaves 3 fee 0 against a#2
          a:6 re 2 fill a#2 maker 1@100 leaves 0 fee 0 against b#1
          b:3 re 1 fill b#1 taker 1@101 leaves 2 fee 0 against a#3
          a:7 re 3 fill a#3 maker 1@101 leaves 0 fee 0 against b#1
          a:8 re 3 protection 3 triggered
          a:9 re 4 cancelled a#4 1 protection
          b:4 re 1 fill b#1 taker 1@103 leaves 1 fee 0 against a#5
          a:10 re 5 fill a#5 maker 1@103 leaves 0 fee 0 against b#1
        a 6 sell 1@104 group=3
          a:11 re 6 rejected protection_triggered (new_order)
        a 7 unprotect 3
          a:12 re 7 protection 3 reset
        a 8 sell 1@104 group=3
          a:13 re 8 accepted a#8 sell 1@104 gtc
        ",
    );
}

#[test]
fn a_quantity_pulls_it_too() {
    check(
        "
        a 1 protect 3 1000 5 0
          a:1 re 1 protection 3 set: 1000 ms, 5 lots, 0 fills
        a 2 sell 4@100 group=3
          a:2 re 2 accepted a#2 sell 4@100 gtc
        a 3 sell 4@101 group=3
          a:3 re 3 accepted a#3 sell 4@101 gtc
        b 1 buy 4@100
          b:1 re 1 accepted b#1 buy 4@100 gtc
          b:2 re 1 fill b#1 taker 4@100 leaves 0 fee 0 against a#2
          a:4 re 2 fill a#2 maker 4@100 leaves 0 fee 0 against b#1
        b 2 buy 1@101
          b:3 re 2 accepted b#2 buy 1@101 gtc
          b:4 re 2 fill b#2 taker 1@101 leaves 0 fee 0 against a#3
          a:5 re 3 fill a#3 maker 1@101 leaves 3 fee 0 against b#2
          a:6 re 3 protection 3 triggered
          a:7 re 3 cancelled a#3 3 protection
        ",
    );
}

#[test]
fn a_new_window_begins_with_the_first_fill_after_it() {
    check(
        "
        a 1 protect 3 1000 0 2
          a:1 re 1 protection 3 set: 1000 ms, 0 lots, 2 fills
        a 2 sell 4@100 group=3
          a:2 re 2 accepted a#2 sell 4@100 gtc
        at 1000
        b 1 buy 1@100
          b:1 re 1 accepted b#1 buy 1@100 gtc
          b:2 re 1 fill b#1 taker 1@100 leaves 0 fee 0 against a#2
          a:3 re 2 fill a#2 maker 1@100 leaves 3 fee 0 against b#1
        at 2001
        b 2 buy 1@100
          b:3 re 2 accepted b#2 buy 1@100 gtc
          b:4 re 2 fill b#2 taker 1@100 leaves 0 fee 0 against a#2
          a:4 re 2 fill a#2 maker 1@100 leaves 2 fee 0 against b#2
        at 3001
        b 3 buy 1@100
          b:5 re 3 accepted b#3 buy 1@100 gtc
          b:6 re 3 fill b#3 taker 1@100 leaves 0 fee 0 against a#2
          a:5 re 2 fill a#2 maker 1@100 leaves 1 fee 0 against b#3
          a:6 re 2 protection 3 triggered
          a:7 re 2 cancelled a#2 1 protection
        ",
    );
}

#[test]
fn a_takers_own_rest_is_pulled() {
    check(
        "
        a 1 protect 3 1000 0 1
          a:1 re 1 protection 3 set: 1000 ms, 0 lots, 1 fills
        b 1 sell 1@100
          b:1 re 1 accepted b#1 sell 1@100 gtc
        a 2 buy 5@100 group=3
          a:2 re 2 accepted a#2 buy 5@100 gtc
          a:3 re 2 fill a#2 taker 1@100 leaves 4 fee 0 against b#1
          b:2 re 1 fill b#1 maker 1@100 leaves 0 fee 0 against a#2
          a:4 re 2 protection 3 triggered
          a:5 re 2 cancelled a#2 4 protection
        ",
    );
}

#[test]
fn groups_are_from_one_to_255() {
    check(
        "
        a 1 protect 0 1000 1 1
          a:1 re 1 rejected group_zero (set_protection)
        a 2 unprotect 0
          a:2 re 2 rejected group_zero (reset_protection)
        ",
    );
}
