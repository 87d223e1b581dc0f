//! Commands of several records: pushed by many at a time, with timers due all the while, they reach the ring in one piece.

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam_queue::ArrayQueue;
use tidegate_domain::{
    AccountId, Command, CommandHeader, CommandKind, CommandRecord, Epoch, KeyId, Nanos, NodeId, RequestNumber,
};
use tidegate_pipeline::rings::take_into;
use tidegate_pipeline::stamps::Receipt;
use tidegate_pipeline::{
    Fatal, Inbox, InboxFull, RecordSource, RunControl, Sequencer, SequencerOrder, Stage, Waker, command_ring, watermark,
};

/// No journal of its own.
struct Nothing;

impl RecordSource for Nothing {
    fn read(&mut self, _: usize, _: &mut Vec<CommandRecord>) -> Result<(), Fatal> {
        Ok(())
    }
}

/// Record `part` of `parts` of a producer's n-th command.
fn record(producer: u32, n: u64, part: usize, parts: usize) -> CommandRecord {
    let header = CommandHeader {
        account: AccountId::new(producer),
        request: RequestNumber::new(n),
        key: KeyId::new((parts * 100 + part) as u32),
        ..CommandHeader::default()
    };
    CommandRecord::encode(&header, &Command::ResetProtection { group: 1 })
}

#[test]
fn records_of_one_command_follow_each_other_whatever_others_push_and_whatever_timer_is_due() {
    const PRODUCERS: u32 = 3;
    const COMMANDS: u64 = 3_000;
    let inbox = Inbox::new(7, Waker::default());
    let control = RunControl::new(Waker::default());
    let mut ring = command_ring(64);
    let (assigned, _) = watermark();
    let deadline = Arc::new(AtomicU64::new(1));
    let from_leader = Arc::new(ArrayQueue::new(1));
    let mut sequencer = Sequencer::new(
        Box::new(Nothing),
        inbox.clone(),
        from_leader,
        control.clone(),
        ring.producer,
        assigned,
        Arc::clone(&deadline),
    );
    let lead = Command::TakeLead { node: NodeId::new(1), incarnation: 1, session_grace: Nanos::default() };
    let first = CommandRecord::encode(&CommandHeader::default(), &lead);
    control.give(SequencerOrder::Lead { epoch: Epoch::new(1), first, genesis: None });
    let running = Arc::new(AtomicUsize::new(PRODUCERS as usize));
    let producers: Vec<_> = (1..=PRODUCERS)
        .map(|producer| {
            let (inbox, running) = (inbox.clone(), Arc::clone(&running));
            std::thread::spawn(move || {
                for n in 1..=COMMANDS {
                    let parts = (n as usize + producer as usize) % 8 + 1;
                    let records: Vec<_> = (0..parts).map(|part| record(producer, n, part, parts)).collect();
                    while inbox.try_push_all(&records, Receipt::NONE) == Err(InboxFull) {
                        std::thread::yield_now();
                    }
                }
                running.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    let (mut taken, mut others) = (Vec::new(), Vec::new());
    loop {
        let last_round = running.load(Ordering::SeqCst) == 0 && inbox.fill() == 0;
        if !last_round {
            deadline.fetch_add(1, Ordering::SeqCst); // another timer, due long ago
        }
        sequencer.do_work().unwrap();
        let before = taken.len();
        take_into(&mut ring.journal, 64, &mut taken);
        take_into(&mut ring.replicate, 64, &mut others);
        take_into(&mut ring.match_, 64, &mut others);
        others.clear();
        if last_round && taken.len() == before {
            break;
        }
    }
    producers.into_iter().for_each(|producer| producer.join().unwrap());
    let (mut at, mut ticks, mut next) = (1, 0, [1; PRODUCERS as usize]);
    while at < taken.len() {
        let (header, command) = taken[at].decode().unwrap();
        if command.kind() == CommandKind::Tick {
            ticks += 1;
            at += 1;
            continue;
        }
        let (producer, n) = (header.account.raw(), header.request.raw());
        let expected_next = &mut next[producer as usize - 1];
        assert_eq!(n, *expected_next, "a producer's commands keep their order");
        *expected_next += 1;
        let parts = header.key.raw() as usize / 100;
        for part in 0..parts {
            let (is, _) = taken[at + part].decode().unwrap();
            assert_eq!((is.account.raw(), is.request.raw()), (producer, n), "a stranger within a command");
            assert_eq!(is.key.raw() as usize, parts * 100 + part);
        }
        at += parts;
    }
    assert_eq!(next, [COMMANDS + 1; PRODUCERS as usize]);
    assert!(ticks > 0, "timers were due, so this test saw them at work");
}

#[test]
fn a_full_inbox_takes_none_of_the_records() {
    let inbox = Inbox::new(2, Waker::default());
    let records: Vec<_> = (0..3).map(|part| record(1, 1, part, 3)).collect();
    assert_eq!(inbox.try_push_all(&records, Receipt::NONE), Ok(()));
    assert_eq!(inbox.try_push_all(&records, Receipt::NONE), Ok(()));
    assert_eq!(inbox.try_push_all(&records, Receipt::NONE), Err(InboxFull));
    assert_eq!(inbox.fill(), 2, "a command counts once");
}
