//! Request numbers: exactly once.

use tidegate_domain::{
    AccountId, Command, CommandHeader, CommandRecord, Event, EventBuffer, KeyId, MarketId, Reject, RequestNumber,
    StateMachine, Timestamp,
};
use tidegate_matching::OUTCOMES_PER_KEY;

use crate::script::{World, check};

#[test]
fn a_resend_gets_the_original_outcome_and_executes_nothing() {
    check(
        "
        a 5 buy 5@100
          a:1 re 5 accepted a#5 buy 5@100 gtc
        a 6 buy 5@2000
          a:2 re 6 rejected price_too_high (new_order)
        a 7 cancel a#5
          a:3 re 7 cancelled a#5 5 requested
        a 8 cancel-all
          a:4 re 8 cancel-all done, 0 orders
        a 5 buy 5@100
          a:5 re 5 outcome a#5, applied at 15 (new_order)
        a 6 buy 5@2000
          a:6 re 6 outcome rejected price_too_high, applied at 16 (new_order)
        a 7 cancel a#5
          a:7 re 7 outcome a#5, applied at 17 (cancel_order)
        a 8 cancel-all
          a:8 re 8 outcome done, applied at 18 (cancel_all)
        book M
          empty
        ",
    );
}

#[test]
fn the_same_number_with_another_payload_is_refused() {
    check(
        "
        a 1 buy 5@100
          a:1 re 1 accepted a#1 buy 5@100 gtc
        a 1 buy 6@100
          a:2 re 1 rejected request_number_reused (new_order)
        a 1 cancel a#1
          a:3 re 1 rejected request_number_reused (cancel_order)
        a 1 buy 5@100
          a:4 re 1 outcome a#1, applied at 15 (new_order)
        ",
    );
}

#[test]
fn a_number_that_was_skipped_is_never_executed() {
    check(
        "
        a 5 buy 5@100
          a:1 re 5 accepted a#5 buy 5@100 gtc
        a 3 buy 5@100
          a:2 re 3 rejected outcome_expired (new_order)
        a 6 buy 1@100
          a:3 re 6 accepted a#6 buy 1@100 gtc
        ",
    );
}

#[test]
fn number_zero_is_refused_and_moves_nothing() {
    check(
        "
        a 0 buy 5@100
          a:1 rejected request_number_zero (new_order)
        a 1 buy 5@100
          a:2 re 1 accepted a#1 buy 5@100 gtc
        ",
    );
}

#[test]
fn every_key_counts_for_itself() {
    check(
        "
        a 7 buy 1@100
          a:1 re 7 accepted a#7 buy 1@100 gtc
        a2 7 buy 2@100
          a2:1 re 7 accepted a2#7 buy 2@100 gtc
        a2 8 cancel 7
          a2:2 re 8 cancelled a2#7 2 requested
        ",
    );
}

#[test]
fn an_unknown_key_and_a_key_of_another_account_are_refused() {
    check(
        "
        stranger 1 buy 1@100
          ?:- re 1 rejected unknown_key (new_order)
        impostor a 1 buy 1@100
          a:1 re 1 rejected unknown_key (new_order)
        login nobody 1 keep
          ?:- rejected unknown_key (open_session)
        a 1 buy 1@100
          a:2 re 1 accepted a#1 buy 1@100 gtc
        ",
    );
}

#[test]
fn an_outcome_that_left_the_window_is_refused_and_never_executed() {
    let mut world = World::new();
    for line in ["asset BTC 8", "asset USD 2", "market M BTC USD", "account alice", "key a alice 1"] {
        world.play(line);
    }
    let kept = OUTCOMES_PER_KEY as u64;
    for number in 1..=kept {
        world.play(&format!("a {number} cancel-all"));
    }
    let report = kept + 1;
    assert_eq!(world.play("a 1 cancel-all"), format!("  a:{report} re 1 outcome done, applied at 7 (cancel_all)\n"));
    world.play(&format!("a {report} cancel-all"));
    let report = kept + 3;
    assert_eq!(world.play("a 1 cancel-all"), format!("  a:{report} re 1 rejected outcome_expired (cancel_all)\n"));
    assert_eq!(
        world.play("a 2 cancel-all"),
        format!("  a:{} re 2 outcome done, applied at 8 (cancel_all)\n", report + 1)
    );
}

/// The gateway sends no operator's command for a client; the engine does not rely on it.
#[test]
fn a_key_cannot_ask_for_what_is_the_operators() {
    let mut world = World::new();
    for line in ["asset BTC 8", "account alice", "key a alice 1"] {
        world.play(line);
    }
    let header = CommandHeader {
        sequence: world.engine.applied_through().next(),
        request: RequestNumber::new(1),
        key: KeyId::new(1),
        account: AccountId::new(1),
        epoch: world.engine.epoch(),
        ..Default::default()
    };
    let asset = tidegate_domain::Name::new("BTC").unwrap();
    let amount = tidegate_domain::AssetAmount::from_units(1);
    let reference = tidegate_domain::Reference::new("r1").unwrap();
    let mut out = EventBuffer::default();
    let command = Command::Deposit { asset, amount, reference, at: Timestamp::from_nanos(0) };
    world.engine.apply(&CommandRecord::encode(&header, &command), &mut out);
    let (event_header, event) = out.records()[0].decode().unwrap();
    assert_eq!(event, Event::Rejected { reason: Reject::UnknownKey, command: command.kind() });
    assert_eq!(event_header.market, MarketId::new(0));
    assert_eq!(world.engine.balance(AccountId::new(1), tidegate_domain::AssetId::new(1)).unwrap().0.units(), 0);
}
