//! Sessions, their timers, and the change of leadership.

use crate::script::check;

#[test]
fn a_login_is_told_where_requests_and_reports_stand() {
    check(
        "
        login a 7 keep
          a:- session 7 opened, requests to 0, reports to 0
        a 4 buy 1@100
          a:1 re 4 accepted a#4 buy 1@100 gtc
        a 4 buy 1@100
          a:2 re 4 outcome a#4, applied at 16 (new_order)
        logout a 7
          a:- session 7 closed disconnected
        login a 8 keep
          a:- session 8 opened, requests to 4, reports to 2
        ",
    );
}

#[test]
fn a_second_login_takes_over() {
    check(
        "
        login a 7 cancel 100
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        login a 8 cancel 100
          a:- session 7 closed taken_over
          a:- session 8 opened, requests to 1, reports to 1
        logout a 7
        timer
          none
        book M
          buy 1 lots at 100: a#1=1
        ",
    );
}

#[test]
fn orders_of_the_key_go_when_its_session_stays_away() {
    check(
        "
        login a 7 cancel 500
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        a2 1 buy 1@99
          a2:1 re 1 accepted a2#1 buy 1@99 gtc
        a 2 buy 1@101 in=F
          a:2 re 2 in F accepted a#2 buy 1@101 gtc
        at 1000
        logout a 7
          a:- session 7 closed disconnected
        logout a 7
        timer
          at 1500
        at 1499
        tick
        at 1500
        b 1 sell 1@100
          a:3 re 1 cancelled a#1 1 disconnected
          a:4 re 2 in F cancelled a#2 1 disconnected
          b:1 re 1 accepted b#1 sell 1@100 gtc
        timer
          none
        tick
        book M
          buy 1 lots at 99: a2#1=1
          sell 1 lots at 100: b#1=1
        login a 8 keep
          a:- session 8 opened, requests to 2, reports to 4
        ",
    );
}

#[test]
fn coming_back_within_the_grace_time_keeps_the_orders() {
    check(
        "
        login a 7 cancel 500
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        logout a 7
          a:- session 7 closed disconnected
        at 499
        login a 8 cancel 500
          a:- session 8 opened, requests to 1, reports to 1
        timer
          none
        at 9000
        tick
        book M
          buy 1 lots at 100: a#1=1
        ",
    );
}

#[test]
fn coming_back_at_the_deadline_is_too_late() {
    check(
        "
        login a 7 cancel 500
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        logout a 7
          a:- session 7 closed disconnected
        at 500
        login a 8 cancel 500
          a:2 re 1 cancelled a#1 1 disconnected
          a:- session 8 opened, requests to 1, reports to 2
        ",
    );
}

#[test]
fn without_grace_the_orders_go_with_the_connection() {
    check(
        "
        login a 7 cancel 0
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        logout a 7
          a:- session 7 closed disconnected
          a:2 re 1 cancelled a#1 1 disconnected
        timer
          none
        ",
    );
}

#[test]
fn a_session_that_keeps_its_orders_just_ends() {
    check(
        "
        login a 7 keep
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        logout a 6
        logout a 7
          a:- session 7 closed disconnected
        logout a 7
        logout nobody 7
        timer
          none
        book M
          buy 1 lots at 100: a#1=1
        ",
    );
}

#[test]
fn timers_fire_in_the_order_of_their_deadlines() {
    check(
        "
        login a 7 cancel 500
          a:- session 7 opened, requests to 0, reports to 0
        login b 8 cancel 100
          b:- session 8 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        b 1 buy 1@100
          b:1 re 1 accepted b#1 buy 1@100 gtc
        logout a 7
          a:- session 7 closed disconnected
        logout b 8
          b:- session 8 closed disconnected
        timer
          at 100
        at 900
        tick
          b:2 re 1 cancelled b#1 1 disconnected
          a:2 re 1 cancelled a#1 1 disconnected
        ",
    );
}

/// Time without a leader does not count: the timer of key b was due at 300, when no node led.
#[test]
fn a_new_leader_gives_every_session_ten_seconds() {
    check(
        "
        login a 7 cancel 500
          a:- session 7 opened, requests to 0, reports to 0
        login a2 8 keep
          a2:- session 8 opened, requests to 0, reports to 0
        login b 9 cancel 300
          b:- session 9 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        a2 1 buy 1@99
          a2:1 re 1 accepted a2#1 buy 1@99 gtc
        b 1 buy 1@98
          b:1 re 1 accepted b#1 buy 1@98 gtc
        logout b 9
          b:- session 9 closed disconnected
        at 60000
        lead 2
          op lead taken, epoch 2
        timer
          at 70000
        login b 10 cancel 300
          b:- session 10 opened, requests to 1, reports to 1
        at 70000
        tick
          a:- session 7 closed disconnected
          a:2 re 1 cancelled a#1 1 disconnected
          a2:- session 8 closed disconnected
        book M
          buy 1 lots at 99: a2#1=1
          buy 1 lots at 98: b#1=1
        ",
    );
}

#[test]
fn a_new_leader_may_say_another_grace_time() {
    check(
        "
        login a 7 cancel 500
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        at 60000
        lead 2 250
          op lead taken, epoch 2
        timer
          at 60250
        at 60249
        tick
        at 60250
        tick
          a:- session 7 closed disconnected
          a:2 re 1 cancelled a#1 1 disconnected
        ",
    );
}

#[test]
fn a_login_after_a_change_of_leadership_takes_the_old_session_over() {
    check(
        "
        login a 7 cancel 500
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        lead 2
          op lead taken, epoch 2
        login a 8 cancel 500
          a:- session 7 closed taken_over
          a:- session 8 opened, requests to 1, reports to 1
        timer
          none
        ",
    );
}

#[test]
fn a_connection_that_ends_after_a_change_of_leadership_does_not_put_its_timer_off() {
    check(
        "
        login a 7 cancel 60000
          a:- session 7 opened, requests to 0, reports to 0
        lead 2
          op lead taken, epoch 2
        logout a 7
          a:- session 7 closed disconnected
        timer
          at 10000
        ",
    );
}

#[test]
fn a_login_that_refuses_to_take_over_leaves_the_session_that_is_there() {
    check(
        "
        login a 7 cancel 500 alone
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        login a 8 cancel 500 alone
          a:2 rejected session_open (open_session)
        logout a 8
        a 2 buy 1@99
          a:3 re 2 accepted a#2 buy 1@99 gtc
        logout a 7
          a:- session 7 closed disconnected
        login a 9 keep alone
          a:- session 9 opened, requests to 2, reports to 3
        login a 10 keep
          a:- session 9 closed taken_over
          a:- session 10 opened, requests to 2, reports to 3
        roles alice a 0
          op roles 0
        login a 11 keep alone
          a:4 rejected key_not_allowed (open_session)
        ",
    );
}

/// Nobody knows whether the client of a session is still there when another node leads.
#[test]
fn a_login_after_a_change_of_leadership_is_never_refused() {
    check(
        "
        login a 7 cancel 500
          a:- session 7 opened, requests to 0, reports to 0
        lead 2
          op lead taken, epoch 2
        login a 8 cancel 500 alone
          a:- session 7 closed taken_over
          a:- session 8 opened, requests to 0, reports to 0
        login a 9 cancel 500 alone
          a:1 rejected session_open (open_session)
        ",
    );
}

#[test]
fn an_order_may_stay_when_its_session_goes() {
    check(
        "
        login a 7 cancel 500
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 1@100 away=stay
          a:1 re 1 accepted a#1 buy 1@100 gtc away=stay
        a 2 buy 1@99 away=cancel
          a:2 re 2 accepted a#2 buy 1@99 gtc away=cancel
        a 3 buy 1@98
          a:3 re 3 accepted a#3 buy 1@98 gtc
        logout a 7
          a:- session 7 closed disconnected
        at 500
        tick
          a:4 re 2 cancelled a#2 1 disconnected
          a:5 re 3 cancelled a#3 1 disconnected
        book M
          buy 1 lots at 100: a#1=1
        ",
    );
}

#[test]
fn an_order_may_go_when_its_session_keeps_the_others() {
    check(
        "
        login a 7 keep 500
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 9@100 show=2 away=cancel
          a:1 re 1 accepted a#1 buy 9@100 gtc show=2 away=cancel
        a 2 sell 1@stop stop=50 away=cancel
          a:2 re 2 accepted a#2 sell 1@stop gtc stop=50 away=cancel
        a 3 quote M 1@99 -
          a:3 re 3 accepted a#3.b0 buy 1@99 gtc
          a:4 re 3 quotes done: 1 accepted, 0 withdrawn, 0 rejected
        a2 1 buy 1@98 away=cancel
          a2:1 re 1 accepted a2#1 buy 1@98 gtc away=cancel
        a 4 replace a#1 8@97
          a:5 re 4 replaced a#1 8@97, shows 2 anew
        logout a 7
          a:- session 7 closed disconnected
        timer
          at 500
        at 499
        login a 8 keep 500
          a:- session 8 opened, requests to 4, reports to 5
        timer
          none
        logout a 8
          a:- session 8 closed disconnected
        at 999
        tick
          a:6 re 1 cancelled a#1 8 disconnected
          a:7 re 2 cancelled a#2 1 disconnected
        timer
          none
        book M
          buy 1 lots at 99: a#3.b0=1
          buy 1 lots at 98: a2#1=1
        ",
    );
}

/// The stop was triggered before, and what is left of it rests as the order that it is.
#[test]
fn a_stop_that_was_triggered_goes_or_stays_as_it_said() {
    check(
        "
        login a 7 keep
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 2@100 stop=90 away=cancel
          a:1 re 1 accepted a#1 buy 2@100 gtc stop=90 away=cancel
        b 1 sell 1@95
          b:1 re 1 accepted b#1 sell 1@95 gtc
        b 2 buy 1@95
          b:2 re 2 accepted b#2 buy 1@95 gtc
          b:3 re 2 fill b#2 taker 1@95 leaves 0 fee 0 against b#1
          b:4 re 1 fill b#1 maker 1@95 leaves 0 fee 0 against b#2
          a:2 re 1 triggered a#1 2@100
        book M
          buy 2 lots at 100: a#1=2
        logout a 7
          a:- session 7 closed disconnected
          a:3 re 1 cancelled a#1 2 disconnected
        ",
    );
}
