//! The rules of both sides of the link, by tables, without any I/O.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use proptest::prelude::*;
use tidegate_domain::{ClusterId, Command, CommandHeader, CommandRecord, Digest, Epoch, NodeId, Sequence, Timestamp};
use tidegate_replicator::leader::{CAUGHT_UP_LAG_MAX, IN_FLIGHT_MAX, JournalEnd, LeaderCore};
use tidegate_replicator::message::{
    Ack, FRAME_RECORDS_MAX, Frame, Heartbeat, Hello, LinkRole, NodeState, PROTOCOL_VERSION, RefusalCode, Welcome,
};
use tidegate_replicator::standby::{StandbyCore, StandbyMarks};

const CLUSTER: ClusterId = ClusterId::new(77);
const EPOCH: u32 = 5;

fn seq(raw: u64) -> Sequence {
    Sequence::new(raw)
}

fn address() -> SocketAddr {
    "127.0.0.1:7000".parse().unwrap()
}

fn record_of(sequence: u64, epoch: u32) -> CommandRecord {
    let mut record = CommandRecord::encode(&CommandHeader::default(), &Command::Tick);
    record.stamp(seq(sequence), Timestamp::from_nanos(sequence), Epoch::new(epoch));
    record
}

fn record(sequence: u64) -> CommandRecord {
    record_of(sequence, EPOCH)
}

fn crc(sequence: u64) -> u32 {
    if sequence == 0 { 0 } else { crc32c::crc32c(record(sequence).as_bytes()) }
}

fn hello(last: u64) -> Hello {
    let state = NodeState {
        protocol: PROTOCOL_VERSION,
        cluster: CLUSTER,
        node: NodeId::new(2),
        epoch: Epoch::new(EPOCH),
        role: LinkRole::Standby,
        last: seq(last),
        order_entry: address(),
    };
    Hello { state, last_crc32c: crc(last) }
}

fn leader() -> LeaderCore {
    LeaderCore::new(CLUSTER, NodeId::new(2), Epoch::new(EPOCH), address())
}

/// A leader's journal that ends at `end`, as seen for a standby that ends at `last`.
fn journal(end: u64, last: u64) -> JournalEnd {
    JournalEnd { appended_through: seq(end), crc32c_at_last: (last <= end).then(|| crc(last)) }
}

fn linked(last: u64, end: u64) -> LeaderCore {
    let mut core = leader();
    core.on_hello(&hello(last), journal(end, last)).unwrap();
    core
}

/// Takes the next frame off a core whose journal ends at `end`.
fn ship(core: &mut LeaderCore, end: u64) -> Vec<u64> {
    if let Some((first, max)) = core.wants_journal(seq(end)) {
        let records: Vec<_> = (first.raw()..=end).take(max).map(record).collect();
        core.on_journal(&records);
    }
    let shipped = core.frame().iter().map(|record| record.sequence().raw()).collect();
    core.on_frame_sent();
    shipped
}

fn ack(received: u64, synced: u64, applied: u64) -> Ack {
    let (received_through, synced_through, applied_through) = (seq(received), seq(synced), seq(applied));
    Ack { epoch: Epoch::new(EPOCH), received_through, synced_through, applied_through, digest: None }
}

#[test]
fn a_leader_accepts_only_a_prefix_of_its_own_journal() {
    let other_crc = |last| Hello { last_crc32c: crc(last) ^ 1, ..hello(last) };
    let from = |change: fn(&mut NodeState)| {
        let mut hello = hello(3);
        change(&mut hello.state);
        hello
    };
    for (what, hello, end, refused) in [
        ("empty standby", hello(0), 10, None),
        ("standby in the middle", hello(4), 10, None),
        ("standby at the end", hello(10), 10, None),
        ("both empty", hello(0), 0, None),
        ("standby ahead", hello(11), 10, Some((RefusalCode::StandbyAhead, "promote it"))),
        ("another record", other_crc(4), 10, Some((RefusalCode::Diverged, "diverged at 4"))),
        ("another record", other_crc(4), 10, Some((RefusalCode::Diverged, "promote it"))),
        ("another cluster", from(|s| s.cluster = ClusterId::new(1)), 10, Some((RefusalCode::WrongCluster, "cluster"))),
        ("another node", from(|s| s.node = NodeId::new(9)), 10, Some((RefusalCode::WrongNode, "node is 9"))),
        ("another protocol", from(|s| s.protocol = 9), 10, Some((RefusalCode::Protocol, "protocol is 9"))),
        ("a higher epoch", from(|s| s.epoch = Epoch::new(6)), 10, Some((RefusalCode::StaleLeader, "epoch 6"))),
        ("a lower epoch", from(|s| s.epoch = Epoch::new(4)), 10, None),
    ] {
        let outcome = leader().on_hello(&hello, journal(end, hello.state.last.raw()));
        match (outcome, refused) {
            (Ok(welcome), None) => assert_eq!((welcome.epoch.raw(), welcome.through.raw()), (EPOCH, end), "{what}"),
            (Err(refusal), Some((code, text))) => {
                assert_eq!(refusal.code, code, "{what}");
                assert!(refusal.text.contains(text), "{what}: {}", refusal.text);
            }
            (outcome, _) => panic!("{what}: {outcome:?}"),
        }
    }
}

/// A leader that is killed at any moment comes back with at least what its standby has.
#[test]
fn nothing_is_shipped_before_the_leaders_own_journal_has_it() {
    let mut core = linked(0, 0);
    core.on_live(record(1), seq(0));
    assert!(core.frame().is_empty() && !core.wants_live());
    core.on_appended(seq(1));
    assert_eq!(core.frame(), [record(1)]);
}

#[test]
fn a_fenced_leader_ships_to_nobody() {
    let mut core = linked(0, 10);
    core.fence();
    assert_eq!(core.wants_journal(seq(10)), None);
    assert_eq!(core.on_hello(&hello(0), journal(10, 0)).unwrap_err().code, RefusalCode::NotLeading);
}

#[test]
fn a_late_joiner_is_shipped_the_journal_in_frames_of_bounded_size() {
    let end = FRAME_RECORDS_MAX as u64 * 2 + 7;
    let mut core = linked(3, end);
    let mut all = Vec::new();
    loop {
        let frame = ship(&mut core, end);
        if frame.is_empty() {
            break;
        }
        assert!(frame.len() <= FRAME_RECORDS_MAX);
        all.extend(frame);
    }
    assert_eq!(all, (4..=end).collect::<Vec<_>>());
}

proptest! {
    // A failure prints its smallest input; no file is kept next to the tests.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the feed lacks, repeats from before the link, or holds beyond the journal: the frames are dense.
    #[test]
    fn frames_are_dense_whatever_the_feed_drops(
        last in 0_u64..20,
        kept in prop::collection::vec(any::<bool>(), 100),
        journal_lag in 0_u64..40,
        rounds in prop::collection::vec(0_usize..12, 1..60),
    ) {
        let mut core = linked(last, 20);
        let mut feed = (1..=100).filter(|n| kept[*n as usize - 1]);
        let (mut fed, mut shipped) = (0, Vec::new());
        let mut round = |core: &mut LeaderCore, count: usize, all: bool| {
            for _ in 0..count {
                if core.wants_live() && let Some(n) = feed.next() {
                    core.on_live(record(n), seq(u64::MAX));
                    fed = n;
                }
            }
            let end = if all { 100 } else { fed.max(20).saturating_sub(journal_lag).max(20) };
            shipped.extend(ship(core, end));
        };
        for count in rounds {
            round(&mut core, count, false);
        }
        for _ in 0..100 {
            round(&mut core, 12, true);
        }
        prop_assert_eq!(shipped, (last + 1..=100).collect::<Vec<_>>());
    }
}

#[test]
fn a_live_record_goes_out_without_a_look_at_the_journal() {
    let mut core = linked(10, 10);
    assert!(core.wants_live());
    core.on_live(record(11), seq(11));
    assert_eq!(core.wants_journal(seq(11)), None);
    assert_eq!(ship(&mut core, 10), [11]);
}

#[test]
fn an_ack_beyond_what_was_shipped_or_going_back_ends_the_link() {
    // Shipped through 6; 7 waits in a frame that is not sent.
    let good = || {
        let mut core = linked(4, 6);
        assert_eq!(ship(&mut core, 6), [5, 6]);
        core.on_live(record(7), seq(7));
        core.on_ack(&ack(5, 3, 4), seq(6)).unwrap();
        core
    };
    for (ack, error) in [
        (ack(6, 6, 6), None),
        (ack(5, 3, 4), None),
        (ack(5, 3, 6), None),
        (ack(7, 3, 4), Some("received_through 7, the most it can be is 6")),
        (ack(u64::MAX, 3, 4), Some("received_through 18446744073709551615")),
        (ack(5, 6, 4), Some("synced_through 6, the most it can be is 5")),
        (ack(5, 3, 7), Some("applied_through 7, the most it can be is 6")),
        (ack(4, 3, 4), Some("received_through 4 after 5")),
        (ack(5, 2, 4), Some("synced_through 2 after 3")),
        (ack(5, 3, 3), Some("applied_through 3 after 4")),
        (Ack { epoch: Epoch::new(4), ..ack(6, 6, 6) }, Some("ack of epoch 4")),
    ] {
        let outcome = good().on_ack(&ack, seq(6));
        match error {
            None => assert!(outcome.is_ok(), "{ack:?}: {outcome:?}"),
            Some(text) => assert!(outcome.unwrap_err().to_string().contains(text), "{ack:?}"),
        }
    }
}

#[test]
fn a_standby_has_caught_up_once_when_it_reached_what_the_leader_had_and_is_close() {
    let mut core = linked(0, 2);
    ship(&mut core, 2);
    assert_eq!(core.on_ack(&ack(0, 0, 0), seq(2)), Ok(false));
    assert_eq!(core.on_ack(&ack(1, 0, 0), seq(2)), Ok(false));
    // It reached the end as it was, but the leader ran far ahead meanwhile: another round.
    let far = 3 + CAUGHT_UP_LAG_MAX;
    assert_eq!(core.on_ack(&ack(2, 0, 0), seq(far)), Ok(false));
    while !ship(&mut core, far).is_empty() {}
    assert_eq!(core.on_ack(&ack(far - 1, 0, 0), seq(far)), Ok(false));
    assert_eq!(core.on_ack(&ack(far, 0, 0), seq(far + 5)), Ok(true));
    assert!(core.caught_up());
    assert_eq!(core.on_ack(&ack(far, 1, 0), seq(far + 5)), Ok(false));
    core.on_lost();
    assert!(!core.caught_up());
}

fn following() -> StandbyCore {
    let mut core = StandbyCore::new(Epoch::new(EPOCH));
    let welcome = Welcome { epoch: Epoch::new(EPOCH), order_entry: address(), through: seq(9) };
    core.on_welcome(&welcome, seq(3), Epoch::default()).unwrap();
    core
}

fn frame(records: Vec<CommandRecord>) -> Frame {
    Frame { epoch: Epoch::new(EPOCH), first: records[0].sequence(), commit: seq(2), records }
}

#[test]
fn a_standby_takes_only_the_records_that_follow() {
    let mut unreadable = *record(4).as_bytes();
    unreadable[36] = 0xff;
    for (what, frame, error) in [
        ("next", frame(vec![record(4)]), None),
        ("next two", frame(vec![record(4), record(5)]), None),
        ("older epochs", frame(vec![record_of(4, 1), record_of(5, EPOCH)]), None),
        ("a gap", frame(vec![record(5)]), Some("record 5 where 4 must follow")),
        ("a repetition", frame(vec![record(3)]), Some("record 3 where 4 must follow")),
        ("a gap inside", frame(vec![record(4), record(6)]), Some("record 6 where 5 must follow")),
        ("another epoch", Frame { epoch: Epoch::new(6), ..frame(vec![record(4)]) }, Some("frame of epoch 6")),
        ("a lower epoch", Frame { epoch: Epoch::new(4), ..frame(vec![record(4)]) }, Some("frame of epoch 4")),
        ("epochs going back", frame(vec![record_of(4, 3), record_of(5, 2)]), Some("record 5 has epoch 2")),
        ("a record of the future", frame(vec![record_of(4, 6)]), Some("record 4 has epoch 6")),
        ("no command", frame(vec![CommandRecord::from_bytes(unreadable)]), Some("record 4 cannot be read")),
    ] {
        let mut core = following();
        let outcome = core.on_frame(&frame);
        match error {
            None => {
                assert_eq!(outcome, Ok(()), "{what}");
                assert_eq!(core.received(), frame.records.last().unwrap().sequence(), "{what}");
                assert_eq!(core.commit(), seq(2));
            }
            Some(text) => {
                assert!(outcome.unwrap_err().to_string().contains(text), "{what}");
                assert_eq!((core.received(), core.commit()), (seq(3), seq(0)), "{what}: nothing was taken");
            }
        }
    }
}

#[test]
fn commit_only_grows() {
    let mut core = following();
    let heartbeat = |commit| Heartbeat { epoch: Epoch::new(EPOCH), commit: seq(commit), digest: None };
    for (said, known) in [(7, 7), (3, 7), (8, 8)] {
        core.on_heartbeat(&heartbeat(said)).unwrap();
        assert_eq!(core.commit(), seq(known));
    }
    assert!(core.on_heartbeat(&Heartbeat { epoch: Epoch::new(4), ..heartbeat(9) }).is_err());
}

#[test]
fn a_leader_of_a_lower_epoch_is_not_followed() {
    let mut core = StandbyCore::new(Epoch::new(EPOCH));
    let welcome = |epoch| Welcome { epoch: Epoch::new(epoch), order_entry: address(), through: seq(9) };
    let refusal = core.on_welcome(&welcome(4), seq(0), Epoch::default()).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::StaleLeader);
    core.on_welcome(&welcome(8), seq(0), Epoch::default()).unwrap();
    assert_eq!(core.epoch(), Epoch::new(8));
    assert!(core.on_welcome(&welcome(7), seq(0), Epoch::default()).is_err());
}

#[test]
fn an_ack_is_sent_when_something_moved_and_first_of_all() {
    let mut core = following();
    let marks = |received: u64, synced: u64, applied: u64| StandbyMarks {
        received_through: seq(received),
        synced_through: seq(synced),
        applied_through: seq(applied),
    };
    let digest = Some((seq(2), Digest(5)));
    assert_eq!(core.next_ack(marks(3, 3, 3), None), Some(ack(3, 3, 3)));
    assert_eq!(core.next_ack(marks(3, 3, 3), None), None);
    assert_eq!(core.next_ack(marks(4, 3, 3), None), Some(ack(4, 3, 3)));
    assert_eq!(core.next_ack(marks(4, 4, 3), None), Some(ack(4, 4, 3)));
    assert_eq!(core.next_ack(marks(4, 4, 3), digest), Some(Ack { digest, ..ack(4, 4, 3) }));
    assert_eq!(core.next_ack(marks(4, 4, 3), digest), None);
    // A digest is told once.
    assert_eq!(core.next_ack(marks(4, 4, 4), digest), Some(ack(4, 4, 4)));
    let welcome = Welcome { epoch: Epoch::new(EPOCH), order_entry: address(), through: seq(9) };
    core.on_welcome(&welcome, seq(4), Epoch::default()).unwrap();
    assert_eq!(core.next_ack(marks(4, 4, 4), digest), Some(Ack { digest, ..ack(4, 4, 4) }));
}

/// A standby that stopped reading would never hear that it may release, which its pipeline may be waiting for.
#[test]
fn no_more_is_on_its_way_than_the_standby_can_take_without_stopping_to_read() {
    const END: u64 = 100_000;
    let mut core = linked(10, END);
    let mut shipped = 10;
    let ship_all = |core: &mut LeaderCore, shipped: &mut u64| {
        while let Some(last) = ship(core, END).last() {
            *shipped = *last;
        }
        assert!(!core.wants_live());
    };
    for acked in [10, 5_000, 5_001, 60_000] {
        let acked = acked.min(shipped);
        core.on_ack(&ack(acked, 0, 0), seq(END)).unwrap();
        ship_all(&mut core, &mut shipped);
        let way = shipped - acked;
        assert!((IN_FLIGHT_MAX..IN_FLIGHT_MAX + FRAME_RECORDS_MAX as u64).contains(&way), "{way} after {acked}");
    }
}
