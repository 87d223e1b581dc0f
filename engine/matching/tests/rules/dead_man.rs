//! A key's own timer, which its client must set anew in time. RULES.md 10.

use crate::script::check;

#[test]
fn orders_of_the_key_go_when_its_client_does_not_set_the_timer_anew() {
    check(
        "
        a 1 after 500
          a:1 re 1 timer set to 500
        a 2 buy 1@100
          a:2 re 2 accepted a#2 buy 1@100 gtc
        a 3 sell 2@stop stop=90 away=stay
          a:3 re 3 accepted a#3 sell 2@stop gtc stop=90 away=stay
        a 4 quote M 1@99 -
          a:4 re 4 accepted a#4.b0 buy 1@99 gtc
          a:5 re 4 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a2 1 buy 1@98
          a2:1 re 1 accepted a2#1 buy 1@98 gtc
        timer
          at 500
        at 499
        tick
        a 5 after 1000
          a:6 re 5 timer set to 1499
        timer
          at 1499
        at 1499
        b 1 sell 1@100
          a:7 re 2 cancelled a#2 1 dead_man
          a:8 re 3 cancelled a#3 2 dead_man
          a:9 re 4 cancelled a#4.b0 1 dead_man
          a:10 timer fired, 3 orders
          b:1 re 1 accepted b#1 sell 1@100 gtc
        timer
          none
        book M
          buy 1 lots at 98: a2#1=1
          sell 1 lots at 100: b#1=1
        a 6 buy 1@97
          a:11 re 6 accepted a#6 buy 1@97 gtc
        at 9000
        tick
        ",
    );
}

#[test]
fn a_timeout_of_0_disarms_and_what_is_out_of_range_changes_nothing() {
    check(
        "
        a 1 after 99
          a:1 re 1 rejected timeout_out_of_range (cancel_all_after)
        a 2 after 86400001
          a:2 re 2 rejected timeout_out_of_range (cancel_all_after)
        timer
          none
        a 3 after 86400000
          a:3 re 3 timer set to 86400000
        a 4 after 1
          a:4 re 4 rejected timeout_out_of_range (cancel_all_after)
        timer
          at 86400000
        a 5 after 100
          a:5 re 5 timer set to 100
        a 5 after 100
          a:6 re 5 outcome done, applied at 19 (cancel_all_after)
        a 6 after 0
          a:7 re 6 timer disarmed
        timer
          none
        at 100
        tick
        ",
    );
}

#[test]
fn it_fires_without_a_session_and_tells_of_nothing_to_cancel_too() {
    check(
        "
        login a 7 cancel 60000
          a:- session 7 opened, requests to 0, reports to 0
        a 1 after 200
          a:1 re 1 timer set to 200
        logout a 7
          a:- session 7 closed disconnected
        at 200
        tick
          a:2 timer fired, 0 orders
        timer
          at 60000
        ",
    );
}

#[test]
fn at_one_time_sessions_go_first_then_timers_of_keys_then_orders() {
    check(
        "
        a2 1 buy 1@100 gtd until=500
          a2:1 re 1 accepted a2#1 buy 1@100 gtd until=500
        a 1 buy 1@99
          a:1 re 1 accepted a#1 buy 1@99 gtc
        a 2 after 500
          a:2 re 2 timer set to 500
        login b 7 cancel 500
          b:- session 7 opened, requests to 0, reports to 0
        b 1 buy 1@98
          b:1 re 1 accepted b#1 buy 1@98 gtc
        b 2 after 500
          b:2 re 2 timer set to 500
        logout b 7
          b:- session 7 closed disconnected
        at 500
        tick
          b:3 re 1 cancelled b#1 1 disconnected
          a:3 re 1 cancelled a#1 1 dead_man
          a:4 timer fired, 1 orders
          b:4 timer fired, 0 orders
          a2:2 re 1 cancelled a2#1 1 expired
        ",
    );
}

/// Both timers were due when no node led.
#[test]
fn a_new_leader_gives_the_timer_the_grace_of_sessions_and_takes_nothing_of_a_later_one() {
    check(
        "
        a 1 after 500
          a:1 re 1 timer set to 500
        b 1 after 90000
          b:1 re 1 timer set to 90000
        at 60000
        lead 2 250
          op lead taken, epoch 2
        timer
          at 60250
        at 60250
        tick
          a:2 timer fired, 0 orders
        timer
          at 90000
        lead 3
          op lead taken, epoch 3
        timer
          at 90000
        ",
    );
}
