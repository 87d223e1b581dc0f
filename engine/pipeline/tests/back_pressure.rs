//! The pipeline's promises, with its real rings and stages driven by hand: nothing is lost, nothing is stuck, nothing
//! leaves too early. The machine is a toy whose commands say how many events they cause.

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use crossbeam_queue::ArrayQueue;
use tidegate_domain::{
    Command, CommandHeader, CommandRecord, Digest, Epoch, Event, EventBuffer, EventFlags, EventHeader, EventRecord,
    Nanos, NodeId, RequestNumber, Sequence, StateMachine, Timestamp,
};
use tidegate_pipeline::rings::take_into;
use tidegate_pipeline::{
    AckPolicy, AckRule, CommandPoller, DigestBoard, Fatal, Inbox, InboxFull, LastEvent, MatchStage, Publish,
    RecordSource, ReleasedEvents, RunControl, Sequencer, SequencerOrder, Stage, Waker, WatermarkReader,
    WatermarkWriter, Watermarks, command_ring, event_ring, watermark,
};

/// Emits as many events as the request number says.
#[derive(Default)]
struct Toy {
    applied: Sequence,
    last_time: Timestamp,
}

impl StateMachine for Toy {
    fn apply(&mut self, record: &CommandRecord, out: &mut EventBuffer) {
        let (header, _) = record.decode().unwrap();
        assert_eq!(header.sequence, self.applied.next());
        assert!(header.time >= self.last_time);
        self.applied = header.sequence;
        self.last_time = header.time;
        for index in 0..header.request.raw() as u32 {
            let event = EventHeader { sequence: header.sequence, index, ..EventHeader::default() };
            out.push(&event, &Event::CancelAllDone { cancelled: 0 });
        }
    }
    fn applied_through(&self) -> Sequence {
        self.applied
    }
    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
    fn digest(&self) -> Digest {
        Digest(self.applied.raw().into())
    }
    fn events_per_command_max(&self) -> usize {
        10_000
    }
}

/// A journal of so many commands with two events each.
struct Journal {
    commands: u64,
    read: u64,
}

impl RecordSource for Journal {
    fn read(&mut self, max: usize, out: &mut Vec<CommandRecord>) -> Result<(), Fatal> {
        let end = self.commands.min(self.read + max as u64);
        out.extend((self.read + 1..=end).map(|n| {
            let mut record = command(2);
            record.stamp(Sequence::new(n), Timestamp::from_nanos(n), Epoch::new(1));
            record
        }));
        self.read = end;
        Ok(())
    }
}

/// Reads its ring and advances a watermark: journal and replicate without disk and network.
struct Reads {
    poller: CommandPoller,
    through: WatermarkWriter,
    room: Vec<CommandRecord>,
}

impl Stage for Reads {
    fn name(&self) -> &'static str {
        "reads"
    }
    fn do_work(&mut self) -> Result<usize, Fatal> {
        self.room.clear();
        let taken = take_into(&mut self.poller, 64, &mut self.room);
        if let Some(last) = self.room.last() {
            self.through.advance_through(last.sequence());
        }
        Ok(taken)
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<EventRecord>>>, Option<LastEvent>);

impl ReleasedEvents for Log {
    fn already_out(&self) -> Option<LastEvent> {
        self.1
    }
    fn append(&mut self, events: &mut [EventRecord]) -> Result<(), Fatal> {
        self.0.lock().unwrap().extend_from_slice(events);
        Ok(())
    }
}

struct Rig {
    stages: Vec<Box<dyn Stage>>,
    inbox: Inbox,
    control: RunControl,
    policy: AckPolicy,
    peer: WatermarkWriter,
    published: WatermarkReader,
    assigned: WatermarkReader,
    log: Log,
}

const RING: usize = 64;
const INBOX: usize = 128;

fn rig(rule: AckRule) -> Rig {
    let mut rig = restarted(rule, 0, None);
    rig.lead();
    rig
}

/// After a restart from so many commands, of which an earlier start let events out up to `already_out`.
fn restarted(rule: AckRule, commands: u64, already_out: Option<LastEvent>) -> Rig {
    let journal = Journal { commands, read: 0 };
    let waker = Waker::default();
    let inbox = Inbox::new(INBOX, waker.clone());
    let control = RunControl::new(waker);
    let policy = AckPolicy::new(rule);
    let commands = command_ring(RING);
    let (event_producer, event_poller) = event_ring(RING);
    let (assigned, assigned_r) = watermark();
    let (journaled, journaled_r) = watermark();
    let (replicated, _) = watermark();
    let (matched, matched_r) = watermark();
    let (published, published_r) = watermark();
    let (peer, peer_r) = watermark();
    let (_, never) = watermark();
    let deadline = Arc::new(AtomicU64::new(u64::MAX));
    let log = Log(Arc::default(), already_out);
    let marks =
        Watermarks { journaled: journaled_r.clone(), synced: journaled_r, peer_received: peer_r, commit: never };
    let from_leader = Arc::new(ArrayQueue::new(8));
    let stages: Vec<Box<dyn Stage>> = vec![
        Box::new(Sequencer::new(
            Box::new(journal),
            inbox.clone(),
            from_leader,
            control.clone(),
            commands.producer,
            assigned,
            deadline.clone(),
        )),
        Box::new(Reads { poller: commands.journal, through: journaled, room: Vec::new() }),
        Box::new(Reads { poller: commands.replicate, through: replicated, room: Vec::new() }),
        Box::new(MatchStage::new(
            Toy::default(),
            commands.match_,
            event_producer,
            matched,
            deadline,
            DigestBoard::default(),
        )),
        Box::new(Publish::new(event_poller, policy.clone(), marks, matched_r, published, log.clone())),
    ];
    Rig { stages, inbox, control, policy, peer, published: published_r, assigned: assigned_r, log }
}

fn command(events: u64) -> CommandRecord {
    let header = CommandHeader { request: RequestNumber::new(events), ..CommandHeader::default() };
    CommandRecord::encode(&header, &Command::Tick)
}

impl Rig {
    fn lead(&mut self) {
        let take_lead = Command::TakeLead { node: NodeId::new(1), incarnation: 1, session_grace: Nanos::default() };
        let first = CommandRecord::encode(&CommandHeader::default(), &take_lead);
        self.control.give(SequencerOrder::Lead { epoch: Epoch::new(1), first, genesis: None });
    }

    /// Rounds until three in a row find nothing to do (a change of source takes one).
    fn settle(&mut self) {
        let mut idle = 0;
        for _ in 0..100_000 {
            let work: usize = self.stages.iter_mut().map(|stage| stage.do_work().unwrap()).sum();
            idle = if work == 0 { idle + 1 } else { 0 };
            if idle == 3 {
                return;
            }
        }
        panic!("the pipeline never comes to rest");
    }

    /// Asserts what was released, without printing thousands of positions.
    fn assert_released(&self, expected: &[(u64, u32)]) {
        let released = self.released();
        let differs = released.iter().zip(expected).position(|(is, wanted)| is != wanted);
        assert_eq!(differs, None, "first difference");
        assert_eq!(released.len(), expected.len());
    }

    fn released(&self) -> Vec<(u64, u32)> {
        self.log.0.lock().unwrap().iter().map(|event| (event.sequence().raw(), event.index())).collect()
    }
}

#[test]
fn one_command_may_cause_more_events_than_the_event_ring_holds() {
    let mut rig = rig(AckRule::Async);
    rig.inbox.try_push(command(5_000)).unwrap();
    rig.inbox.try_push(command(1)).unwrap();
    rig.settle();
    let expected: Vec<_> = (0..5_000).map(|index| (2, index)).chain([(3, 0)]).collect();
    rig.assert_released(&expected);
    assert_eq!(rig.published.through().raw(), 3);
}

#[test]
fn a_stalled_standby_pushes_back_to_the_inbox_and_loses_nothing() {
    let mut rig = rig(AckRule::Replicated);
    let mut accepted = 0;
    let mut refusals = 0;
    while refusals < 3 {
        match rig.inbox.try_push(command(2)) {
            Ok(()) => accepted += 1,
            Err(InboxFull) => {
                refusals += 1;
                rig.settle();
            }
        }
        assert!(accepted < 100_000, "a stalled standby must push back");
    }
    assert!(rig.released().is_empty(), "nothing leaves before the standby has it");
    assert_eq!(rig.published.through().raw(), 0);
    // The standby comes back, one piece at a time.
    while rig.published.through() < rig.assigned.through() || rig.inbox.fill() > 0 {
        let next = (rig.published.through().raw() + 7).min(rig.assigned.through().raw());
        rig.peer.advance_through(Sequence::new(next));
        rig.settle();
        assert_eq!(rig.published.through().raw(), next, "release follows the standby exactly");
    }
    let expected: Vec<_> = (0..accepted).flat_map(|n| [(n + 2, 0), (n + 2, 1)]).collect();
    rig.assert_released(&expected);
}

#[test]
fn changing_the_rule_needs_no_free_slot() {
    let mut rig = rig(AckRule::Replicated);
    while rig.inbox.try_push(command(3)).is_ok() || rig.assigned.through().raw() < RING as u64 {
        rig.settle();
    }
    let stuck = rig.assigned.through();
    assert_eq!(rig.published.through().raw(), 0);
    rig.policy.set(AckRule::Solo, true);
    rig.settle();
    assert!(rig.assigned.through() > stuck, "the sequencer moves again");
    assert_eq!(rig.published.through(), rig.assigned.through());
    assert_eq!(rig.inbox.fill(), 0);
    for event in rig.log.0.lock().unwrap().iter() {
        assert!(event.decode().unwrap().0.flags.has(EventFlags::DEGRADED), "every release is flagged");
    }
}

#[test]
fn a_space_listener_is_called_after_a_refusal_and_only_then() {
    let mut rig = rig(AckRule::Async);
    let calls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&calls);
    rig.inbox.on_space(Arc::new(move || *counted.lock().unwrap() += 1));
    rig.inbox.try_push(command(0)).unwrap();
    rig.settle();
    assert_eq!(*calls.lock().unwrap(), 0);
    while rig.inbox.try_push(command(0)).is_ok() {}
    rig.settle();
    assert_eq!(*calls.lock().unwrap(), 1);
}

#[test]
fn after_a_stop_nothing_more_is_numbered_and_everything_numbered_leaves() {
    let mut rig = rig(AckRule::Async);
    for _ in 0..40 {
        rig.inbox.try_push(command(1)).unwrap();
    }
    rig.settle();
    rig.control.give(SequencerOrder::Stop);
    rig.settle();
    assert!(rig.control.is_obeyed());
    rig.inbox.try_push(command(1)).unwrap();
    rig.settle();
    assert_eq!(rig.assigned.through().raw(), 41);
    assert_eq!(rig.published.through().raw(), 41);
    assert_eq!(rig.inbox.fill(), 1, "what came later is not lost either: it is still in the inbox");
}

/// As [`LastEvent`] of the toy: two events a command, the last has index 1.
fn last_event(sequence: u64, index: u32) -> Option<LastEvent> {
    Some(LastEvent { sequence: Sequence::new(sequence), index, complete: index == 1 })
}

#[test]
fn a_restart_passes_over_what_left_before_although_nobody_says_yet_that_the_rest_may_leave() {
    const COMMANDS: u64 = 1_000;
    for (already_out, published) in [(last_event(990, 1), 990), (last_event(990, 0), 989)] {
        let mut rig = restarted(AckRule::Replicated, COMMANDS, already_out);
        assert_eq!(rig.published.through().raw(), published, "a standby hears at once how far it may release");
        rig.settle();
        assert_eq!(rig.published.through().raw(), published);
        assert!(rig.released().is_empty(), "nothing twice, and nothing that the standby may not have");
        assert_eq!(rig.assigned.through().raw(), COMMANDS, "the whole journal is in the ring or through it");
        rig.lead();
        rig.settle();
        rig.peer.advance_through(rig.assigned.through());
        rig.settle();
        assert_eq!(rig.published.through().raw(), COMMANDS + 1);
        let LastEvent { sequence, index, .. } = already_out.unwrap();
        let all = (sequence.raw()..=COMMANDS).flat_map(|n| [(n, 0), (n, 1)]);
        let rest: Vec<_> = all.filter(|at| *at > (sequence.raw(), index)).collect();
        rig.assert_released(&rest);
    }
}

#[test]
fn a_restart_whose_unreleased_tail_is_longer_than_the_rings_goes_on_when_the_standby_answers() {
    const COMMANDS: u64 = 1_000;
    let mut rig = restarted(AckRule::Replicated, COMMANDS, None);
    rig.lead();
    rig.settle();
    assert!(rig.assigned.through().raw() < COMMANDS, "the rings are full");
    rig.peer.advance_through(Sequence::new(COMMANDS));
    rig.settle();
    assert_eq!(rig.published.through().raw(), COMMANDS);
    assert!(rig.control.is_obeyed());
}

#[test]
fn a_stop_does_not_wait_for_the_rest_of_a_restart_and_takes_back_earlier_orders() {
    let mut rig = restarted(AckRule::Async, 1_000_000, None);
    rig.lead();
    for stage in &mut rig.stages {
        stage.do_work().unwrap();
    }
    rig.control.give(SequencerOrder::Stop);
    rig.settle();
    assert!(rig.control.is_obeyed());
    assert!(rig.assigned.through().raw() < 1_000);
    assert_eq!(rig.published.through(), rig.assigned.through());
}

#[test]
fn nothing_leaves_a_frozen_node() {
    let mut rig = rig(AckRule::Async);
    rig.inbox.try_push(command(2)).unwrap();
    rig.settle();
    let (released, published) = (rig.released(), rig.published.through());
    rig.policy.set(AckRule::Frozen, false);
    rig.inbox.try_push(command(2)).unwrap();
    rig.settle();
    assert_eq!((rig.released(), rig.published.through()), (released, published));
}
