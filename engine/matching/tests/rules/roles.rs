//! Roles of keys: what each request needs, and what a key may do with its own account.

use crate::script::check;

#[test]
fn a_key_needs_its_role() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        roles alice a 1
          op roles 1
        a 2 buy 5@100
          a:2 re 2 rejected key_not_allowed (new_order)
        a 3 cancel 1
          a:3 re 3 rejected key_not_allowed (cancel_order)
        roles alice a 2
          op roles 2
        a 4 cancel 1
          a:4 re 4 cancelled a#1 5 requested
        roles bob a 2
          op rejected unknown_key (set_key_roles)
        ",
    );
}

#[test]
fn money_needs_the_role_pay_and_is_moved_once_per_request() {
    check(
        "
        a 1 hold 7 BTC r1
          a:1 re 1 rejected key_not_allowed (hold_withdrawal)
        a 2 transfer bob 7 BTC r1
          a:2 re 2 rejected key_not_allowed (transfer)
        roles alice a 4
          op roles 4
        a 1 hold 7 BTC r1
          a:3 re 1 outcome rejected key_not_allowed, applied at 15 (hold_withdrawal)
        a 3 hold 7 BTC r1
          a:- re 3 held 7 BTC
          a:4 re 3 outcome done, applied now (hold_withdrawal)
        a 3 hold 7 BTC r1
          a:5 re 3 outcome done, applied at 19 (hold_withdrawal)
        a 4 hold 7 BTC r1
          a:6 re 4 outcome done, applied at 19 (hold_withdrawal)
        a 4 hold 7 BTC r1
          a:7 re 4 outcome done, applied at 21 (hold_withdrawal)
        a 5 transfer bob 8 BTC r1
          a:8 re 5 rejected reference_reused (transfer)
        a 6 transfer bob 8 BTC r2
          a:- re 6 transferred 8 BTC to bob
          a:9 re 6 outcome done, applied now (transfer)
        a 6 transfer bob 9 BTC r3
          a:10 re 6 rejected request_number_reused (transfer)
        a 7 transfer bob 986 BTC r3
          a:11 re 7 rejected insufficient_funds (transfer)
        a 8 buy 1@100
          a:12 re 8 rejected key_not_allowed (new_order)
        settle alice r1
          op settled 7 BTC
        funds alice
          985 BTC + 0 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn a_key_moves_money_of_no_other_account_and_not_of_the_fee_pool() {
    check(
        "
        roles alice a 15
          op roles 15
        impostor a 1 transfer bob 7 BTC r1
          a:1 re 1 rejected unknown_key (transfer)
        stranger 1 hold 7 BTC r1
          ?:- re 1 rejected unknown_key (hold_withdrawal)
        a 0 hold 7 BTC r1
          a:2 rejected request_number_zero (hold_withdrawal)
        ",
    );
}

#[test]
fn what_the_operator_has_killed_only_the_operator_releases() {
    check(
        "
        roles alice a2 8
          op roles 8
        a2 1 kill
          a2:- re 1 kill switch on, 0 orders
          a2:1 re 1 outcome done, applied now (set_kill_switch)
        kill alice
          op kill switch on, 0 orders
        a2 2 unkill
          a2:2 re 2 rejected key_not_allowed (set_kill_switch)
        a2 3 kill
          a2:- re 3 kill switch on, 0 orders
          a2:3 re 3 outcome done, applied now (set_kill_switch)
        a2 4 unkill
          a2:4 re 4 rejected key_not_allowed (set_kill_switch)
        unkill alice
          op kill switch off, 0 orders
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        ",
    );
}

#[test]
fn an_admin_engages_and_releases_the_kill_switch_of_its_account() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        a 2 kill
          a:2 re 2 rejected key_not_allowed (set_kill_switch)
        roles alice a2 8
          op roles 8
        a2 1 kill
          a:3 re 1 cancelled a#1 5 kill_switch
          a2:- re 1 kill switch on, 1 orders
          a2:1 re 1 outcome done, applied now (set_kill_switch)
        a2 1 kill
          a2:2 re 1 outcome done, applied at 18 (set_kill_switch)
        a 3 buy 5@100
          a:4 re 3 rejected account_killed (new_order)
        a2 2 unkill
          a2:- re 2 kill switch off, 0 orders
          a2:3 re 2 outcome done, applied now (set_kill_switch)
        a2 1 unkill
          a2:4 re 1 rejected request_number_reused (set_kill_switch)
        a 4 buy 5@100
          a:5 re 4 accepted a#4 buy 5@100 gtc
        ",
    );
}

#[test]
fn an_admin_gives_the_roles_that_it_has_to_the_keys_of_its_account() {
    check(
        "
        a 1 roles a2 1
          a:1 re 1 rejected key_not_allowed (set_key_roles)
        roles alice a 9
          op roles 9
        a 2 roles b 1
          a:2 re 2 rejected unknown_key (set_key_roles)
        a 3 roles a2 4
          a:3 re 3 rejected key_not_allowed (set_key_roles)
        a 4 roles a2 11
          a:- re 4 roles 11
          a:4 re 4 outcome done, applied now (set_key_roles)
        a2 1 buy 1@100
          a2:1 re 1 accepted a2#1 buy 1@100 gtc
        a 5 roles a2 0
          a:- re 5 roles 0
          a:5 re 5 outcome done, applied now (set_key_roles)
        a2 2 cancel 1
          a2:2 re 2 rejected key_not_allowed (cancel_order)
        a 6 roles a 1
          a:- re 6 roles 1
          a:6 re 6 outcome done, applied now (set_key_roles)
        a 7 roles a 9
          a:7 re 7 rejected key_not_allowed (set_key_roles)
        ",
    );
}

#[test]
fn a_key_without_any_role_opens_no_session_and_keeps_the_one_that_it_has() {
    check(
        "
        login a 7 cancel 500
          a:- session 7 opened, requests to 0, reports to 0
        a 1 buy 1@100
          a:1 re 1 accepted a#1 buy 1@100 gtc
        roles alice a 0
          op roles 0
        login a 8 cancel 500
          a:2 rejected key_not_allowed (open_session)
        logout a 7
          a:- session 7 closed disconnected
        roles alice a 1
          op roles 1
        login a 9 cancel 500
          a:- session 9 opened, requests to 1, reports to 2
        ",
    );
}

#[test]
fn networks_of_a_key_are_set_by_the_operator_alone() {
    check(
        "
        networks alice a 10.0.0.0/8 ::1/128
          op networks 10.0.0.0/8,::1/128
        networks alice a
          op networks any
        networks alice b 10.0.0.0/8
          op rejected unknown_key (set_key_networks)
        networks nobody a 10.0.0.0/8
          op rejected unknown_account (set_key_networks)
        ",
    );
}
