//! The link task while this node follows.
//!
//!   QUIC --frames--> [StandbyCore] --> inbound queue --> sequencer;  journaled, synced, matched --> acks --> QUIC
//!
//! Invariants: a full inbound queue stops the reading of the stream, and so the leader's sending; nothing is dropped. This
//! node says hello only when everything handed over before is in its journal, so nothing is handed over twice.

use std::collections::VecDeque;
use std::time::Duration;

use tidegate_domain::{CommandRecord, Epoch, Sequence};
use tokio::time::Instant;

use super::{Answer, Ends, Shell, Wake};
use crate::digests::DigestComparison;
use crate::message::{FRAME_RECORDS_MAX, Hello, LinkRole, Message, NodeState, PROTOCOL_VERSION, Welcome};
use crate::quic::LinkEvent;
use crate::standby::{StandbyCore, StandbyMarks};
use crate::wire::Wire;

/// Between two attempts to reach the leader.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_millis(500);
/// Between two looks at a full inbound queue, or at a journal that has not caught up with it.
const RETRY: Duration = Duration::from_millis(1);

/// What belongs to one time of following.
struct Duty {
    core: StandbyCore,
    wire: Option<Box<Wire>>,
    digests: DigestComparison,
    /// The digest that was asked for.
    asked_digest: Option<Sequence>,
    /// Received, and not yet in the inbound queue.
    held: VecDeque<CommandRecord>,
    dial_at: Instant,
    backoff: Duration,
    /// This node's end in the hello that is under way.
    hello_last: Sequence,
    hello_last_epoch: Epoch,
}

impl Shell {
    pub(super) async fn follow(&mut self, epoch: Epoch) {
        let mut duty = Duty {
            core: StandbyCore::new(epoch),
            wire: None,
            digests: DigestComparison::default(),
            asked_digest: None,
            held: VecDeque::with_capacity(FRAME_RECORDS_MAX),
            dial_at: Instant::now(),
            backoff: BACKOFF_MIN,
            hello_last: Sequence::ZERO,
            hello_last_epoch: Epoch::default(),
        };
        loop {
            self.hand_over(&mut duty);
            self.acknowledge(&mut duty);
            self.compare_digests(&mut duty.digests);
            self.ask_for_digest(&mut duty);
            let until = self.dial_if_due(&mut duty);
            self.show_standby_status(&duty);
            let read = duty.held.is_empty();
            match self.wait(Ends::of(duty.wire.as_mut(), read), until).await {
                Wake::Order => break,
                Wake::Arrival(arrival) => {
                    self.learn(LinkRole::Standby, duty.core.epoch(), &arrival.state);
                    if arrival.state.role == LinkRole::Leader {
                        self.know_epoch(&mut duty, arrival.state.epoch);
                    }
                    self.turn_away(arrival);
                }
                Wake::Message(Ok(message)) => self.on_message(&mut duty, message),
                Wake::Message(Err(reason)) | Wake::Flushed(Err(reason)) => self.lose_leader(&mut duty, reason),
                Wake::Answer(answer) => self.on_answer(&mut duty, answer),
                Wake::Flushed(Ok(())) | Wake::Poke | Wake::Tick | Wake::Timer => {}
            }
        }
        self.lose_leader(&mut duty, "this node does not follow any more".to_owned());
    }

    /// Moves received records to the sequencer as far as there is room.
    fn hand_over(&mut self, duty: &mut Duty) {
        let before = self.handed_through;
        while let Some(record) = duty.held.front() {
            if self.ports.inbound.push(*record).is_err() {
                break;
            }
            self.handed_through = record.sequence();
            duty.held.pop_front();
        }
        let commit = duty.core.commit();
        let commit_moved = commit > self.ports.commit.through();
        self.ports.commit.raise_through(commit);
        if self.handed_through > before || commit_moved {
            self.ports.waker.wake();
        }
    }

    /// Queues an ack if there is something new to say and the one before is off the wire.
    fn acknowledge(&mut self, duty: &mut Duty) {
        let Some(wire) = &mut duty.wire else { return };
        if !wire.writer.is_empty() {
            return;
        }
        // Synced before journaled: both grow, and synced must not be seen beyond journaled.
        let (synced_through, applied_through) = (self.ports.synced.through(), self.ports.matched.through());
        let received_through = self.ports.journaled.through();
        let synced_through = synced_through.min(received_through);
        let marks = StandbyMarks { received_through, synced_through, applied_through };
        if let Some(ack) = duty.core.next_ack(marks, self.ports.digests.latest()) {
            wire.writer.queue(&Message::Ack(ack));
        }
    }

    /// Starts to dial if there is no link and it is time; when to look again.
    fn dial_if_due(&mut self, duty: &mut Duty) -> Option<Instant> {
        let now = Instant::now();
        if !duty.held.is_empty() {
            return Some(now + RETRY);
        }
        if duty.wire.is_some() || !self.dials.is_empty() {
            return None;
        }
        if now < duty.dial_at {
            return Some(duty.dial_at);
        }
        let last = self.ports.source.appended_through();
        if last < self.handed_through {
            return Some(now + RETRY);
        }
        match self.journal_record(last) {
            Ok((last_crc32c, last_epoch)) => {
                (duty.hello_last, duty.hello_last_epoch) = (last, last_epoch);
                self.dial(Message::Hello(Hello { state: NodeState { last, ..self.own.get() }, last_crc32c }));
                None
            }
            Err(reason) => {
                self.fail(reason);
                Some(self.back_off(duty))
            }
        }
    }

    fn back_off(&mut self, duty: &mut Duty) -> Instant {
        duty.dial_at = Instant::now() + duty.backoff;
        duty.backoff = (duty.backoff * 2).min(BACKOFF_MAX);
        duty.dial_at
    }

    fn on_answer(&mut self, duty: &mut Duty, answer: Result<Answer, String>) {
        match answer {
            Ok(Answer::Welcome(wire, welcome)) => self.on_welcome(duty, wire, &welcome),
            Ok(Answer::Refused(refusal)) => self.tell_refusal(&refusal),
            Ok(Answer::State(_)) => self.fail("the other node broke the link's protocol: state for a hello".to_owned()),
            Err(reason) => self.fail(reason),
        }
        if duty.wire.is_none() {
            self.back_off(duty);
        }
    }

    fn on_welcome(&mut self, duty: &mut Duty, wire: Box<Wire>, welcome: &Welcome) {
        let leader = NodeState {
            protocol: PROTOCOL_VERSION,
            cluster: self.config.cluster,
            node: self.config.peer_node,
            epoch: welcome.epoch,
            role: LinkRole::Leader,
            last: welcome.through,
            order_entry: welcome.order_entry,
        };
        self.learn(LinkRole::Standby, duty.core.epoch(), &leader);
        if let Err(refusal) = duty.core.on_welcome(welcome, duty.hello_last, duty.hello_last_epoch) {
            wire.give_up(&refusal.text);
            self.tell_refusal(&refusal);
            return;
        }
        self.know_epoch(duty, welcome.epoch);
        duty.wire = Some(wire);
        duty.backoff = BACKOFF_MIN;
        self.status.connected = true;
        self.status.last_error = None;
        self.told_refusal = None;
        tracing::info!(epoch = welcome.epoch.raw(), from = duty.hello_last.next().raw(), "linked to the leader");
        self.tell(LinkEvent::Connected);
    }

    /// A leader of this term exists: probes are answered with it from now on.
    fn know_epoch(&mut self, duty: &mut Duty, epoch: Epoch) {
        duty.core.on_epoch(epoch);
        self.own.raise_standby_epoch(epoch);
    }

    fn on_message(&mut self, duty: &mut Duty, message: Message) {
        let checked = match message {
            Message::Frame(frame) => duty.core.on_frame(&frame).map(|()| duty.held.extend(frame.records)),
            Message::Heartbeat(heartbeat) => {
                if let Some((sequence, digest)) = heartbeat.digest {
                    duty.digests.on_peer(sequence, digest);
                }
                duty.core.on_heartbeat(&heartbeat)
            }
            other => return self.lose_leader(duty, format!("a leader does not send a {}", other.name())),
        };
        if let Err(error) = checked {
            self.lose_leader(duty, error.to_string());
        }
    }

    /// Asks once for this node's digest where the leader's waits for it, if this node stands at the same place: so two
    /// quiet nodes can be compared without waiting for the next regular digest.
    fn ask_for_digest(&mut self, duty: &mut Duty) {
        let wanted = duty.digests.wanted();
        if wanted.is_some() && wanted != duty.asked_digest && wanted == Some(self.ports.matched.through()) {
            duty.asked_digest = wanted;
            self.ports.digests.request();
            self.ports.waker.wake();
        }
    }

    fn lose_leader(&mut self, duty: &mut Duty, reason: String) {
        // Not handed over: the leader ships it again.
        duty.held.clear();
        if let Some(wire) = duty.wire.take() {
            wire.give_up(&reason);
            self.back_off(duty);
            self.fail(reason.clone());
            self.show_standby_status(duty);
            self.tell(LinkEvent::Lost { reason });
        }
    }

    fn show_standby_status(&mut self, duty: &Duty) {
        self.status.connected = duty.wire.is_some();
        self.status.received = duty.core.received();
        let known = duty.core.commit().max(duty.core.received());
        self.status.lag = known.raw().saturating_sub(self.ports.journaled.through().raw());
        self.show_status();
    }
}
