//! Deposits and withdrawals.

use crate::script::check;

#[test]
fn a_deposit_credits_and_a_withdrawal_debits() {
    check(
        "
        deposit alice 5 BTC r1
          op deposited 5 BTC
        withdraw alice 1000 BTC r2
          op withdrawn 1000 BTC
        funds alice
          5 BTC + 0 held, 100000 USD + 0 held
        funds bob
          1000 BTC + 0 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn a_reference_is_applied_once() {
    check(
        "
        deposit alice 5 BTC r1
          op deposited 5 BTC
        deposit alice 5 BTC r1
          op outcome done, applied at 15 (deposit)
        deposit alice 6 BTC r1
          op rejected reference_reused (deposit)
        deposit bob 5 BTC r1
          op rejected reference_reused (deposit)
        deposit alice 5 USD r1
          op rejected reference_reused (deposit)
        withdraw alice 5 BTC r1
          op rejected reference_reused (withdraw)
        funds alice
          1005 BTC + 0 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn a_refused_money_command_does_not_take_its_reference() {
    check(
        "
        withdraw alice 1001 BTC r1
          op rejected insufficient_funds (withdraw)
        withdraw alice 1000 BTC r1
          op withdrawn 1000 BTC
        ",
    );
}

#[test]
fn only_what_is_available_can_be_withdrawn() {
    check(
        "
        a 1 sell 400@10
          a:1 re 1 accepted a#1 sell 400@10 gtc
        withdraw alice 601 BTC r1
          op rejected insufficient_funds (withdraw)
        withdraw alice 600 BTC r1
          op withdrawn 600 BTC
        funds alice
          0 BTC + 400 held, 100000 USD + 0 held
        ",
    );
}

/// 2^96 - 1 = 79,228,162,514,264,337,593,543,950,335, of which 2,000 are there from the start.
#[test]
fn an_amount_has_limits() {
    check(
        "
        deposit nobody 1 BTC r1
          op rejected unknown_account (deposit)
        deposit alice 1 EUR r1
          op rejected unknown_asset (deposit)
        deposit alice 0 BTC r1
          op rejected amount_zero (deposit)
        withdraw alice 0 BTC r1
          op rejected amount_zero (withdraw)
        deposit alice 79228162514264337593543950336 BTC r1
          op rejected amount_too_large (deposit)
        withdraw alice 79228162514264337593543950336 BTC r1
          op rejected amount_too_large (withdraw)
        deposit alice 79228162514264337593543948336 BTC r1
          op rejected amount_too_large (deposit)
        deposit alice 79228162514264337593543948335 BTC r1
          op deposited 79228162514264337593543948335 BTC
        deposit bob 1 BTC r2
          op rejected amount_too_large (deposit)
        withdraw alice 1 BTC r3
          op withdrawn 1 BTC
        deposit bob 1 BTC r2
          op deposited 1 BTC
        ",
    );
}

#[test]
fn a_full_reference_table_refuses_and_forgets_nothing() {
    check(
        "
        deposit alice 1 BTC r1
          op deposited 1 BTC
        deposit alice 1 BTC r2
          op deposited 1 BTC
        deposit alice 1 BTC r3
          op deposited 1 BTC
        deposit alice 1 BTC r4
          op deposited 1 BTC
        deposit alice 1 BTC r5
          op rejected table_full (deposit)
        deposit alice 1 BTC r1
          op outcome done, applied at 15 (deposit)
        ",
    );
}
