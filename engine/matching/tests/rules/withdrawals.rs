//! Held withdrawals, transfers and business references.

use crate::script::check;

#[test]
fn a_hold_waits_until_it_is_settled_or_released() {
    check(
        "
        hold alice 7 BTC r1
          op held 7 BTC
        funds alice
          993 BTC + 0 held + 7 pending, 100000 USD + 0 held
        settle alice r1
          op settled 7 BTC
        settle alice r1
          op outcome done, applied at 16 (settle_withdrawal)
        release alice r1
          op rejected withdrawal_done (release_withdrawal)
        hold alice 5 BTC r2
          op held 5 BTC
        release alice r2
          op released 5 BTC
        funds alice
          993 BTC + 0 held, 100000 USD + 0 held
        settle alice r2
          op rejected withdrawal_done (settle_withdrawal)
        settle alice r9
          op rejected unknown_reference (settle_withdrawal)
        settle bob r2
          op rejected unknown_reference (settle_withdrawal)
        deposit alice 1 BTC d1
          op deposited 1 BTC
        settle alice d1
          op rejected unknown_reference (settle_withdrawal)
        ",
    );
}

#[test]
fn a_transfer_moves_between_accounts() {
    check(
        "
        transfer alice bob 7 BTC r1
          op transferred 7 BTC to bob
        transfer alice bob 7 BTC r1
          op outcome done, applied at 15 (transfer)
        transfer alice bob 8 BTC r1
          op rejected reference_reused (transfer)
        transfer alice carol 7 BTC r2
          op rejected unknown_account (transfer)
        transfer alice bob 1000 BTC r3
          op rejected insufficient_funds (transfer)
        funds alice
          993 BTC + 0 held, 100000 USD + 0 held
        funds bob
          1007 BTC + 0 held, 100000 USD + 0 held
        ",
    );
}

#[test]
fn the_fee_pool_gives_what_it_has() {
    check(
        "
        rules M taker=1000
          op rules set
        b 1 sell 10@100
          b:1 re 1 accepted b#1 sell 10@100 gtc
        a 1 buy 10@100
          a:1 re 1 accepted a#1 buy 10@100 gtc
          a:2 re 1 fill a#1 taker 10@100 leaves 0 fee 1 against b#1
          b:2 re 1 fill b#1 maker 10@100 leaves 0 fee 0 against a#1
        fees
          1 BTC, 0 USD
        transfer pool bob 1 BTC f1
          op transferred 1 BTC to bob
        transfer pool bob 1 BTC f2
          op rejected insufficient_funds (transfer)
        fees
          0 BTC, 0 USD
        ",
    );
}

#[test]
fn a_reference_is_kept_for_thirty_days_of_its_business_time() {
    check(
        "
        deposit alice 1 BTC r1 @0
          op deposited 1 BTC
        at 2592000000
        deposit alice 1 BTC r1 @0
          op outcome done, applied at 15 (deposit)
        deposit alice 2 BTC r1 @0
          op rejected reference_reused (deposit)
        at 2592000001
        deposit alice 1 BTC r1 @0
          op rejected reference_expired (deposit)
        deposit alice 1 BTC r1 @2592000001
          op deposited 1 BTC
        ",
    );
}

#[test]
fn a_business_time_may_be_a_day_ahead() {
    check(
        "
        deposit alice 1 BTC r1 @86400000
          op deposited 1 BTC
        deposit alice 1 BTC r2 @86400001
          op rejected reference_in_the_future (deposit)
        ",
    );
}

#[test]
fn a_business_time_of_long_ago_does_not_shorten_how_long_a_reference_is_kept() {
    check(
        "
        at 2592000000
        deposit alice 1 BTC r1 @0
          op deposited 1 BTC
        at 2595600000
        deposit alice 1 BTC r1 @2595600000
          op outcome done, applied at 15 (deposit)
        hold alice 1 BTC r2 @2595600000
          op held 1 BTC
        at 6000000000
        settle alice r2
          op settled 1 BTC
        hold alice 1 BTC r2 @6000000000
          op outcome done, applied at 17 (hold_withdrawal)
        at 8592000000
        settle alice r2
          op outcome done, applied at 18 (settle_withdrawal)
        ",
    );
}
