//! Orders that leave by the clock.

use crate::script::check;

#[test]
fn a_good_till_date_order_leaves_when_its_time_is_over() {
    check(
        "
        at 1000
        a 1 buy 5@100 gtd until=2000
          a:1 re 1 accepted a#1 buy 5@100 gtd until=2000
        timer
          at 2000
        at 1999
        tick
        at 2000
        tick
          a:2 re 1 cancelled a#1 5 expired
        funds alice
          1000 BTC + 0 held, 100000 USD + 0 held
        timer
          none
        ",
    );
}

#[test]
fn a_day_order_leaves_at_the_end_of_the_markets_day() {
    check(
        "
        rules M day_end=10
          op rules set
        at 3000
        a 1 buy 5@100 day
          a:1 re 1 accepted a#1 buy 5@100 day until=10000
        timer
          at 10000
        at 10000
        a 2 buy 5@100 day
          a:2 re 1 cancelled a#1 5 expired
          a:3 re 2 accepted a#2 buy 5@100 day until=86410000
        timer
          at 86410000
        ",
    );
}

#[test]
fn an_expired_order_does_not_trade_with_the_command_that_finds_it_due() {
    check(
        "
        at 1000
        a 1 buy 5@100 gtd until=2000
          a:1 re 1 accepted a#1 buy 5@100 gtd until=2000
        at 2000
        b 1 sell 5@100
          a:2 re 1 cancelled a#1 5 expired
          b:1 re 1 accepted b#1 sell 5@100 gtc
        book M
          sell 5 lots at 100: b#1=5
        ",
    );
}

#[test]
fn sessions_end_before_orders_that_are_due_at_the_same_time() {
    check(
        "
        at 1000
        login a 7 cancel 500
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 5@100 gtd until=2000
          a:1 re 1 accepted a#1 buy 5@100 gtd until=2000
        a 2 buy 5@99
          a:2 re 2 accepted a#2 buy 5@99 gtc
        at 1500
        logout a 7
          a:- session 7 closed disconnected
        at 2000
        tick
          a:3 re 1 cancelled a#1 5 disconnected
          a:4 re 2 cancelled a#2 5 disconnected
        ",
    );
}

#[test]
fn the_form_of_an_expiry() {
    check(
        "
        at 1000
        a 1 buy 5@100 gtd until=1000
          a:1 re 1 rejected expiry_in_the_past (new_order)
        a 2 buy 5@100 gtd
          a:2 re 2 rejected expiry_in_the_past (new_order)
        a 3 buy 5@100 until=2000
          a:3 re 3 rejected expiry_without_gtd (new_order)
        a 4 buy 5@100 ioc until=2000
          a:4 re 4 rejected expiry_without_gtd (new_order)
        ",
    );
}
