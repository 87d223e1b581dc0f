//! The same commands make the same state and the same events, byte for byte; another state has another digest.

#![allow(clippy::unwrap_used)]

#[path = "model/play.rs"]
mod play;

use play::{Script, config, steps};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tidegate_domain::*;
use tidegate_matching::Engine;

fn run(records: &[CommandRecord]) -> (Engine, Vec<EventRecord>, Vec<Digest>) {
    run_all(records, false)
}

fn run_all(records: &[CommandRecord], looks_ahead: bool) -> (Engine, Vec<EventRecord>, Vec<Digest>) {
    let (mut engine, mut events, mut digests) = (Engine::new(), Vec::new(), Vec::new());
    for (at, record) in records.iter().enumerate() {
        if looks_ahead {
            engine.look_ahead(&records[at..]);
        }
        let mut out = EventBuffer::default();
        engine.apply(record, &mut out);
        events.extend_from_slice(out.records());
        digests.push(engine.digest());
    }
    (engine, events, digests)
}

#[test]
fn a_replay_makes_the_same_events_and_the_same_digest_after_every_command_whether_it_looks_ahead_or_not() {
    let mut runner = TestRunner::new(config(32));
    let result = runner.run(&steps(), |steps| {
        let mut script = Script::default();
        let mut records = script.prelude();
        let (mut engine, ..) = run(&records);
        for step in &steps {
            for record in script.records(step) {
                let mut out = EventBuffer::default();
                engine.apply(&record, &mut out);
                out.records().iter().for_each(|event| script.learn(&event.decode().unwrap().1));
                records.push(record);
            }
        }
        let (first, first_events, first_digests) = run(&records);
        // Places in hash tables are nothing that anybody sees.
        records[0] = with_seed(&records[0], 0xdead_beef);
        let (second, second_events, second_digests) = run_all(&records, true);
        prop_assert!(first_events[1..] == second_events[1..]);
        prop_assert_eq!(&first_digests, &second_digests);
        prop_assert_eq!(first.digest(), engine.digest());
        prop_assert_eq!(second.applied_through(), engine.applied_through());
        // Every command changes the state, if only how far it was applied.
        prop_assert!(first_digests.windows(2).all(|pair| pair[0] != pair[1]));
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Genesis with another seed.
fn with_seed(genesis: &CommandRecord, seed: u64) -> CommandRecord {
    match genesis.decode().unwrap() {
        (header, Command::Genesis(genesis)) => {
            assert_ne!(genesis.seed, seed);
            CommandRecord::encode(&header, &Command::Genesis(Genesis { seed, ..genesis }))
        }
        _ => unreachable!("a script begins with genesis"),
    }
}

fn record(sequence: u64, account: u32, key: u32, request: u64, command: &Command) -> CommandRecord {
    let header = CommandHeader {
        sequence: Sequence::new(sequence),
        request: RequestNumber::new(request),
        key: KeyId::new(key),
        account: AccountId::new(account),
        ..Default::default()
    };
    CommandRecord::encode(&header, command)
}

/// The digest after the prelude and one more command.
fn digest_after(account: u32, key: u32, request: u64, command: &Command) -> Digest {
    let mut records = Script::default().prelude();
    records.push(record(records.len() as u64 + 1, account, key, request, command));
    let (engine, events, _) = run(&records);
    assert!(!matches!(events.last().unwrap().decode().unwrap().1, Event::Rejected { .. }));
    engine.digest()
}

fn deposit(amount: u128, reference: &str) -> Command {
    Command::Deposit {
        asset: Name::new("BTC").unwrap(),
        amount: AssetAmount::from_units(amount),
        reference: Reference::new(reference).unwrap(),
        at: Timestamp::from_nanos(0),
    }
}

fn order(price: i64, qty: u64) -> Command {
    Command::NewOrder(NewOrder {
        market: MarketId::new(1),
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        price: Price::from_ticks(price),
        qty: Qty::from_lots(qty),
        options: OrderOptions::default(),
    })
}

#[test]
fn the_digest_sees_one_unit_one_tick_one_lot_one_number() {
    let digests = [
        digest_after(1, 0, 1, &deposit(100, "r1")),
        digest_after(1, 0, 1, &deposit(101, "r1")),
        digest_after(2, 0, 1, &deposit(100, "r1")),
        digest_after(1, 0, 1, &deposit(100, "r2")),
        digest_after(1, 1, 1, &order(5, 5)),
        digest_after(1, 1, 1, &order(5, 6)),
        digest_after(1, 1, 1, &order(6, 5)),
        digest_after(1, 1, 2, &order(5, 5)),
        digest_after(1, 2, 1, &order(5, 5)),
        digest_after(0, 1, 0, &session(1, false, 0)),
        digest_after(0, 1, 0, &session(2, false, 0)),
        digest_after(0, 1, 0, &session(1, true, 0)),
        digest_after(0, 1, 0, &session(1, true, 1)),
        digest_after(0, 0, 0, &halt()),
        digest_after(1, 1, 1, &Command::Tick),
        digest_after(1, 1, 1, &first_slot(5, 0)),
        digest_after(1, 1, 1, &first_slot(6, 0)),
        digest_after(1, 1, 1, &first_slot(5, 1)),
        digest_after(1, 1, 2, &first_slot(5, 0)),
        digest_after(1, 2, 1, &first_slot(5, 0)),
    ];
    let different: std::collections::BTreeSet<u128> = digests.iter().map(|digest| digest.0).collect();
    assert_eq!(different.len(), digests.len());
}

/// A wrong account is refused before anything is remembered, so only the number of the key's last report moves.
#[test]
fn the_digest_sees_a_report_that_changed_nothing_else() {
    let digest_with = |account, key, request, command: &Command| {
        let mut records = Script::default().prelude();
        records.push(record(records.len() as u64 + 1, account, key, request, command));
        run(&records).0.digest()
    };
    let tick = digest_with(0, 0, 0, &Command::Tick);
    assert_ne!(digest_with(2, 1, 1, &order(5, 5)), tick);
    // A key that does not exist has no number that could move.
    assert_eq!(digest_with(2, 99, 1, &order(5, 5)), tick);
}

fn session(id: u64, cancel_on_disconnect: bool, grace_ms: u64) -> Command {
    let (session, grace) = (SessionId::new(id), Nanos::from_millis(grace_ms));
    Command::OpenSession { session, cancel_on_disconnect, grace, refuse_if_open: false }
}

/// A slot that waits for another: nothing comes of it, and it is remembered.
fn first_slot(price: i64, group: u8) -> Command {
    let terms = QuoteTerms { group, mode: QuoteMode::MayTake, self_trade: SelfTrade::None };
    let bid = QuoteSide { price: Price::from_ticks(price), qty: Qty::from_lots(1) };
    let quotes = [Quote { market: MarketId::new(1), bid, ask: QuoteSide::default() }; 3];
    Command::MassQuote(MassQuote::slots(terms, &quotes).next().unwrap())
}

#[test]
fn a_slot_that_was_forgotten_leaves_no_trace() {
    let after = |commands: &[&Command]| {
        let mut records = Script::default().prelude();
        for command in commands {
            records.push(record(records.len() as u64 + 1, 1, 1, 1, command));
        }
        run(&records).0.digest()
    };
    assert_eq!(after(&[&first_slot(5, 0), &Command::Tick]), after(&[&Command::Tick, &Command::Tick]));
    assert_ne!(after(&[&Command::Tick, &first_slot(5, 0)]), after(&[&Command::Tick, &Command::Tick]));
}

fn halt() -> Command {
    Command::SetMarketState { market: Name::new("M1").unwrap(), state: MarketState::Halted }
}

#[test]
#[should_panic(expected = "commands follow each other without a gap")]
fn a_gap_in_the_sequence_stops_the_engine() {
    let records = Script::default().prelude();
    run(&[records[0], records[2]]);
}

#[test]
#[should_panic(expected = "a journal begins with genesis")]
fn a_journal_without_genesis_stops_the_engine() {
    run(&[record(1, 0, 0, 0, &Command::Tick)]);
}

#[test]
#[should_panic(expected = "the journal was written by other rules")]
fn a_journal_of_another_logic_version_stops_the_engine() {
    let limits = EngineLimits::default();
    let genesis = Genesis { cluster: ClusterId::new(1), logic_version: LOGIC_VERSION + 1, limits, seed: 7 };
    run(&[record(1, 0, 0, 0, &Command::Genesis(genesis))]);
}

#[test]
#[should_panic(expected = "the journal cannot begin: limits.seats_max is 16777217; must be 1 to 16777216")]
fn a_journal_whose_limits_are_out_of_range_stops_the_engine() {
    let limits = EngineLimits { seats_max: (1 << 24) + 1, ..EngineLimits::default() };
    let genesis = Genesis { cluster: ClusterId::new(1), logic_version: LOGIC_VERSION, limits, seed: 7 };
    run(&[record(1, 0, 0, 0, &Command::Genesis(genesis))]);
}

#[test]
#[should_panic(expected = "time goes back at sequence 3")]
fn time_that_goes_back_stops_the_engine() {
    let mut records = Script::default().prelude()[..1].to_vec();
    for (sequence, nanos) in [(2, 9), (3, 8)] {
        let mut tick = record(sequence, 0, 0, 0, &Command::Tick);
        tick.stamp(Sequence::new(sequence), Timestamp::from_nanos(nanos), Epoch::new(0));
        records.push(tick);
    }
    run(&records);
}
