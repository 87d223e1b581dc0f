//! The stamps of a pipeline with its real rings and stages, driven by hand: every order comes out once, in order, and its
//! parts add up to its total. The disk, the standby and the gateway are written by the test.

#![allow(clippy::unwrap_used, missing_docs)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crossbeam_queue::ArrayQueue;
use tidegate_domain::{
    Command, CommandHeader, CommandRecord, Digest, Epoch, Event, EventBuffer, EventHeader, EventRecord, Nanos, NodeId,
    Sequence, StateMachine, Timestamp,
};
use tidegate_pipeline::rings::take_into;
use tidegate_pipeline::stamps::{
    MARKS_KEPT, Mark, MarkWriter, OrderTimes, RECEIPTS_KEPT, Receipt, ReceiptWriter, STAGES, StampReader, StampSources,
    TickClock, Ticks, TimedStage, marks, receipts,
};
use tidegate_pipeline::{
    AckPolicy, AckRule, CommandPoller, DigestBoard, Fatal, Inbox, LastEvent, MatchStage, Publish, RecordSource,
    ReleasedEvents, RunControl, Sequencer, SequencerOrder, Stage, Waker, WatermarkWriter, Watermarks, command_ring,
    event_ring, watermark,
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts what each thread allocates: tests run side by side.
struct Counting;

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One event a command.
#[derive(Default)]
struct Toy {
    applied: Sequence,
}

impl StateMachine for Toy {
    fn apply(&mut self, record: &CommandRecord, out: &mut EventBuffer) {
        self.applied = record.sequence();
        let event = EventHeader { sequence: self.applied, ..EventHeader::default() };
        out.push(&event, &Event::CancelAllDone { cancelled: 0 });
    }
    fn applied_through(&self) -> Sequence {
        self.applied
    }
    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
    fn digest(&self) -> Digest {
        Digest(0)
    }
    fn events_per_command_max(&self) -> usize {
        1
    }
}

/// An empty journal.
struct Nothing;

impl RecordSource for Nothing {
    fn read(&mut self, _: usize, _: &mut Vec<CommandRecord>) -> Result<(), Fatal> {
        Ok(())
    }
}

/// Journal and replicate without disk and network.
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

/// Keeps only how far it came.
struct Log;

impl ReleasedEvents for Log {
    fn already_out(&self) -> Option<LastEvent> {
        None
    }
    fn append(&mut self, _: &mut [EventRecord]) -> Result<(), Fatal> {
        Ok(())
    }
}

struct Rig {
    stages: Vec<Box<dyn Stage>>,
    inbox: Inbox,
    peer: WatermarkWriter,
    sent: MarkWriter,
    published: tidegate_pipeline::WatermarkReader,
    reader: StampReader,
    clock: TickClock,
}

fn rig(rule: AckRule) -> Rig {
    let clock = TickClock::best();
    let waker = Waker::default();
    let inbox = Inbox::new(1_024, waker.clone());
    let control = RunControl::new(waker);
    let policy = AckPolicy::new(rule);
    let commands = command_ring(1_024);
    let (event_producer, event_poller) = event_ring(1_024);
    let stamped = || {
        let (writer, reader) = watermark();
        let (stamps, marks) = marks(clock);
        (writer.stamped_by(stamps), reader, marks)
    };
    let (assigned, assigned_r, assigned_marks) = stamped();
    let (journaled, journaled_r, journaled_marks) = stamped();
    let (matched, matched_r, matched_marks) = stamped();
    let (published, published_r, published_marks) = stamped();
    let (peer, peer_r, peer_marks) = stamped();
    let (replicated, _) = watermark();
    let (sent, sent_marks) = marks(clock);
    let (receipt_writer, receipt_reader) = receipts();
    let deadline = Arc::new(AtomicU64::new(u64::MAX));
    let safety = Watermarks {
        journaled: journaled_r.clone(),
        synced: journaled_r,
        peer_received: peer_r,
        commit: watermark().1,
    };
    let reader = StampReader::new(StampSources {
        receipts: receipt_reader,
        assigned_through: assigned_r,
        policy: policy.clone(),
        assigned: assigned_marks,
        journaled: journaled_marks,
        peer_received: peer_marks,
        matched: matched_marks,
        published: published_marks,
        sent: vec![sent_marks],
    });
    let sequencer = Sequencer::new(
        Box::new(Nothing),
        inbox.clone(),
        Arc::new(ArrayQueue::new(8)),
        control.clone(),
        commands.producer,
        assigned,
        Arc::clone(&deadline),
    );
    let stages: Vec<Box<dyn Stage>> = vec![
        Box::new(sequencer.noting_receipts(receipt_writer)),
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
        Box::new(Publish::new(event_poller, policy, safety, matched_r, published, Log)),
    ];
    let take_lead = Command::TakeLead { node: NodeId::new(1), incarnation: 1, session_grace: Nanos::default() };
    let first = CommandRecord::encode(&CommandHeader::default(), &take_lead);
    control.give(SequencerOrder::Lead { epoch: Epoch::new(1), first, genesis: None });
    let mut rig = Rig { stages, inbox, peer, sent, published: published_r, reader, clock };
    rig.settle();
    rig
}

impl Rig {
    fn receive(&mut self) {
        let receipt = Receipt { at: self.clock.now(), gateway: 0 };
        let record = CommandRecord::encode(&CommandHeader::default(), &Command::Tick);
        self.inbox.try_push_all(&[record], receipt).unwrap();
    }

    /// Rounds until three in a row find nothing to do.
    fn settle(&mut self) {
        let mut idle = 0;
        while idle < 3 {
            let work: usize = self.stages.iter_mut().map(|stage| stage.do_work().unwrap()).sum();
            idle = if work == 0 { idle + 1 } else { 0 };
        }
    }

    fn send(&mut self) {
        self.sent.mark(self.published.through());
    }

    fn pass(&mut self) -> Vec<OrderTimes> {
        let mut out = Vec::new();
        self.reader.pass(|times| out.push(*times));
        out
    }
}

fn sequences(orders: &[OrderTimes]) -> Vec<u64> {
    orders.iter().map(|order| order.sequence.raw()).collect()
}

#[test]
fn the_parts_of_each_order_add_up_to_its_total_and_each_comes_out_once() {
    let mut rig = rig(AckRule::Async);
    let begun = rig.clock.now();
    let mut seen = 0;
    for round in 1..=50 {
        for _ in 0..round {
            rig.receive();
        }
        rig.settle();
        rig.send();
        let orders = rig.pass();
        let first = seen + 2;
        assert_eq!(sequences(&orders), (first..first + round).collect::<Vec<_>>(), "after the leader's own command");
        seen += round;
        for order in &orders {
            assert_eq!(order.parts().iter().sum::<u64>(), order.sent.raw() - order.received.raw(), "{order:?}");
            let moments =
                [begun, order.received, order.assigned, order.journaled, order.matched, order.released, order.sent];
            assert!(moments.is_sorted(), "the stages ran in this order: {order:?}");
            assert_eq!(order.parts()[TimedStage::Replicate as usize], 0, "nobody waits for a standby");
        }
    }
    assert!(rig.pass().is_empty());
    assert_eq!(rig.reader.skipped(), 0);
}

#[test]
fn an_order_is_not_counted_before_its_answer_was_sent() {
    let mut rig = rig(AckRule::Async);
    rig.receive();
    rig.settle();
    assert!(rig.pass().is_empty());
    rig.send();
    assert_eq!(sequences(&rig.pass()), [2]);
}

#[test]
fn neither_stamping_nor_reading_an_order_allocates() {
    let mut rig = rig(AckRule::Async);
    let mut orders = 0;
    let before = ALLOCATIONS.get();
    for _ in 0..10_000 {
        rig.receive();
        rig.settle();
        rig.send();
        rig.reader.pass(|times| orders += u64::from(times.parts()[0] < u64::MAX));
    }
    assert_eq!(ALLOCATIONS.get(), before);
    assert_eq!(orders, 10_000);
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(orders)));
    assert_eq!(ALLOCATIONS.get(), before + 1, "the count works");
}

#[test]
fn where_the_rule_waits_for_the_standby_its_word_is_a_part() {
    let mut rig = rig(AckRule::Replicated);
    rig.receive();
    rig.settle();
    let waited_since = rig.clock.now();
    rig.peer.advance_through(Sequence::new(2));
    rig.settle();
    rig.send();
    let [order] = rig.pass()[..] else { panic!("one order") };
    assert!(order.replicated.is_some_and(|at| at >= waited_since));
    let parts = order.parts();
    assert_eq!(parts.iter().sum::<u64>(), order.sent.raw() - order.received.raw());
    assert!(parts[TimedStage::Replicate as usize] >= waited_since.raw() - order.matched.raw());
}

#[test]
fn what_no_gateway_received_is_no_order() {
    let mut rig = rig(AckRule::Async);
    rig.inbox.try_push(CommandRecord::encode(&CommandHeader::default(), &Command::Tick)).unwrap();
    rig.receive();
    rig.settle();
    rig.send();
    assert_eq!(sequences(&rig.pass()), [3]);
}

#[test]
fn a_reader_that_is_too_late_skips_and_says_how_much() {
    let mut rig = rig(AckRule::Async);
    let count = RECEIPTS_KEPT + 5_000;
    for _ in 0..count {
        rig.receive();
        rig.settle();
        rig.send();
    }
    let orders = rig.pass();
    let last = orders.last().unwrap().sequence.raw();
    assert_eq!(last, count + 1, "the newest are there");
    assert!(orders.len() >= MARKS_KEPT / 4, "{}", orders.len());
    assert_eq!(sequences(&orders), (last - orders.len() as u64 + 1..=last).collect::<Vec<_>>());
    assert_eq!(rig.reader.skipped() + orders.len() as u64, count + 1);
}

/// Marks and receipts by hand, of orders whose moments are given.
struct Script {
    receipts: ReceiptWriter,
    writers: Vec<MarkWriter>,
    sent: Vec<MarkWriter>,
    assigned_through: WatermarkWriter,
    reader: StampReader,
}

fn script(gateways: usize) -> Script {
    let clock = TickClock::Monotonic;
    let (receipts, receipt_reader) = receipts();
    let (writers, mut readers): (Vec<_>, Vec<_>) = (0..5).map(|_| marks(clock)).unzip();
    let (sent, sent_readers) = (0..gateways).map(|_| marks(clock)).unzip();
    let (assigned_through, assigned_r) = watermark();
    let mut take = || readers.remove(0);
    let sources = StampSources {
        receipts: receipt_reader,
        assigned_through: assigned_r,
        policy: AckPolicy::new(AckRule::Replicated),
        assigned: take(),
        journaled: take(),
        peer_received: take(),
        matched: take(),
        published: take(),
        sent: sent_readers,
    };
    Script { receipts, writers, sent, assigned_through, reader: StampReader::new(sources) }
}

impl Script {
    /// `[received, assigned, journaled, peer, matched, published, sent]` of the next order.
    fn order(&mut self, sequence: u64, gateway: u8, moments: [u64; 7]) {
        let sequence = Sequence::new(sequence);
        self.receipts.note(sequence, Receipt { at: Ticks::from_raw(moments[0]), gateway });
        for (writer, at) in self.writers.iter_mut().zip(&moments[1..6]) {
            writer.mark_at(Mark { through: sequence, at: Ticks::from_raw(*at) });
        }
        self.assigned_through.advance_through(sequence);
        let sent = &mut self.sent[usize::from(gateway)];
        sent.mark_at(Mark { through: sequence, at: Ticks::from_raw(moments[6]) });
    }

    fn parts(&mut self) -> Vec<([u64; STAGES.len()], TimedStage)> {
        let mut out = Vec::new();
        self.reader.pass(|times| out.push((times.parts(), OrderTimes::critical(&times.parts()))));
        out
    }
}

#[test]
fn the_critical_stage_is_the_one_that_took_longest() {
    // Of each order: the moments, the parts, the critical stage.
    let cases = [
        ([100, 110, 120, 121, 125, 130, 140], [10, 10, 1, 4, 5, 10], TimedStage::Inbox),
        ([100, 110, 400, 130, 125, 410, 420], [10, 270, 5, 15, 10, 10], TimedStage::Journal),
        ([100, 110, 120, 900, 125, 910, 915], [10, 10, 775, 5, 10, 5], TimedStage::Replicate),
        ([100, 110, 120, 130, 500, 505, 510], [10, 10, 10, 370, 5, 5], TimedStage::Match),
        ([100, 110, 120, 130, 140, 900, 905], [10, 10, 10, 10, 760, 5], TimedStage::Release),
        ([100, 110, 120, 130, 140, 150, 999], [10, 10, 10, 10, 10, 849], TimedStage::Send),
        ([100, 800, 810, 820, 830, 840, 850], [700, 10, 10, 10, 10, 10], TimedStage::Inbox),
    ];
    let mut script = script(1);
    for (n, (moments, ..)) in cases.iter().enumerate() {
        script.order(n as u64 + 1, 0, *moments);
    }
    let expected: Vec<_> = cases.iter().map(|(_, parts, critical)| (*parts, *critical)).collect();
    assert_eq!(script.parts(), expected);
}

#[test]
fn moments_that_disagree_count_as_equal_and_still_add_up() {
    let mut script = script(1);
    // Received after its number; the standby's word after the release, as when the rule changes; an answer before the release.
    script.order(1, 0, [100, 90, 95, 5_000, 160, 150, 140]);
    assert_eq!(script.parts(), [([0, 0, 0, 50, 0, 0], TimedStage::Match)]);
}

#[test]
fn the_answer_is_that_of_the_gateway_that_received_the_order() {
    let mut script = script(2);
    script.order(1, 1, [100, 110, 120, 130, 140, 150, 160]);
    script.order(2, 0, [200, 210, 220, 230, 240, 250, 300]);
    let sent: Vec<_> = script.parts().iter().map(|(parts, _)| parts[TimedStage::Send as usize]).collect();
    assert_eq!(sent, [10, 50]);
}

/// Found by a review: a track that was full lost the marks of orders without saying so, and those got the times of later ones.
#[test]
fn marks_that_are_lost_while_one_place_stands_still_are_counted_and_never_guessed() {
    const ORDERS: u64 = 40_000;
    const TOOK: u64 = 50;
    let mut script = script(1);
    let mut seen = Vec::new();
    for n in 1..=ORDERS {
        let (sequence, at) = (Sequence::new(n), |after| Ticks::from_raw(n * 100 + after));
        script.receipts.note(sequence, Receipt { at: at(0), gateway: 0 });
        script.writers.iter_mut().for_each(|writer| writer.mark_at(Mark { through: sequence, at: at(10) }));
        script.assigned_through.advance_through(sequence);
        if n % 1_000 == 0 {
            script.reader.pass(|times| seen.push(*times));
        }
    }
    assert!(seen.is_empty(), "no answer was sent");
    for n in 1..=ORDERS {
        script.sent[0].mark_at(Mark { through: Sequence::new(n), at: Ticks::from_raw(n * 100 + TOOK) });
        if n % 1_000 == 0 {
            script.reader.pass(|times| seen.push(*times));
        }
    }
    script.reader.pass(|times| seen.push(*times));
    assert!(seen.iter().all(|times| times.parts().iter().sum::<u64>() == TOOK), "an order has the times of another");
    assert!(script.reader.skipped() > 0, "more was lost than any ring holds");
    assert_eq!(seen.len() as u64 + script.reader.skipped(), script.reader.through().raw());
}
