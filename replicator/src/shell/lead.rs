//! The link task while this node leads.
//!
//!   feed, journal --[LeaderCore]--> frames --> QUIC;  acks --> peer_received, peer_synced --> pipeline
//!
//! Invariants: one frame at a time is with the stream, so a slow standby costs no memory here; a poke or a tick always
//! ends in a look at everything.

use tidegate_domain::{Epoch, Sequence};
use tokio::time::Instant;

use super::{Arrival, Ends, Shell, Wake};
use crate::digests::DigestComparison;
use crate::leader::{JournalEnd, LeaderCore};
use crate::message::{
    Ack, FRAME_RECORDS_MAX, Heartbeat, Hello, LinkRole, Message, Refusal, RefusalCode, Welcome, encode_frame,
};
use crate::quic::LinkEvent;
use crate::wire::Wire;

/// What belongs to one term of leading.
struct Duty {
    epoch: Epoch,
    core: LeaderCore,
    wire: Option<Box<Wire>>,
    digests: DigestComparison,
    /// Sent on this link.
    sent_commit: Sequence,
    sent_digest: Option<Sequence>,
    /// A heartbeat is due.
    beat: bool,
}

impl Shell {
    pub(super) async fn lead(&mut self, epoch: Epoch) {
        let core = LeaderCore::new(self.config.cluster, self.config.peer_node, epoch, self.config.order_entry);
        let digests = DigestComparison::default();
        let mut duty =
            Duty { epoch, core, wire: None, digests, sent_commit: Sequence::ZERO, sent_digest: None, beat: false };
        let mut probe_at = Instant::now();
        loop {
            if let Err(reason) = self.ship(&mut duty) {
                self.lose_standby(&mut duty, reason);
            }
            self.compare_digests(&mut duty.digests);
            let until = if duty.wire.is_none() { self.probe_if_due(&mut probe_at) } else { None };
            self.show_leader_status(&duty);
            match self.wait(Ends::of(duty.wire.as_mut(), true), until).await {
                Wake::Order => break,
                Wake::Arrival(arrival) => self.on_arrival(&mut duty, arrival),
                Wake::Message(Ok(Message::Ack(ack))) => self.on_ack(&mut duty, &ack),
                Wake::Message(Ok(other)) => {
                    self.lose_standby(&mut duty, format!("a standby does not send a {}", other.name()));
                }
                Wake::Message(Err(reason)) | Wake::Flushed(Err(reason)) => self.lose_standby(&mut duty, reason),
                Wake::Answer(answer) => {
                    if self.on_probe_answer(answer, epoch).is_some() {
                        self.fence(&mut duty);
                    }
                }
                Wake::Tick => duty.beat = true,
                Wake::Flushed(Ok(())) | Wake::Poke | Wake::Timer => {}
            }
        }
        self.lose_standby(&mut duty, "this node does not lead any more".to_owned());
    }

    /// Puts the next frame or heartbeat on the wire, if the one before is off it.
    fn ship(&mut self, duty: &mut Duty) -> Result<(), String> {
        let Some(wire) = &mut duty.wire else { return Ok(()) };
        if !wire.writer.is_empty() {
            return Ok(());
        }
        let appended_through = self.ports.source.appended_through();
        duty.core.on_appended(appended_through);
        while duty.core.wants_live()
            && let Some(record) = self.ports.feed.pop()
        {
            duty.core.on_live(record, appended_through);
        }
        if let Some((first, max)) = duty.core.wants_journal(appended_through) {
            let mut records = Vec::with_capacity(FRAME_RECORDS_MAX);
            let read = self.ports.source.read(first, max, &mut records);
            read.map_err(|error| format!("cannot read the journal at {first}: {error}"))?;
            duty.core.on_journal(&records);
        }
        let commit = self.ports.published.through();
        if !duty.core.frame().is_empty() {
            encode_frame(duty.epoch, commit, duty.core.frame(), wire.writer.buffer());
            duty.core.on_frame_sent();
            duty.sent_commit = commit;
            return Ok(());
        }
        let digest = self.ports.digests.latest().filter(|(at, _)| duty.sent_digest != Some(*at));
        // A commit alone is worth a packet only when the next frame, which would carry it, is not in sight.
        let commit_waits = commit > duty.sent_commit && duty.core.is_quiet();
        if duty.beat || digest.is_some() || commit_waits {
            wire.writer.queue(&Message::Heartbeat(Heartbeat { epoch: duty.epoch, commit, digest }));
            duty.sent_digest = digest.map(|(at, _)| at).or(duty.sent_digest);
            duty.sent_commit = commit;
            duty.beat = false;
        }
        Ok(())
    }

    fn on_arrival(&mut self, duty: &mut Duty, arrival: Arrival) {
        if self.learn(LinkRole::Leader, duty.epoch, &arrival.state).is_some() {
            self.fence(duty);
        }
        let Some((wire, hello)) = arrival.joiner else { return };
        match self.judge(duty, &hello) {
            Ok(welcome) => self.join(duty, wire, &welcome),
            Err(refusal) => self.refuse(wire, refusal),
        }
    }

    fn judge(&mut self, duty: &mut Duty, hello: &Hello) -> Result<Welcome, Refusal> {
        let appended_through = self.ports.source.appended_through();
        let crc32c_at_last = if hello.state.last <= appended_through {
            let record = self.journal_record(hello.state.last);
            let record = record.map_err(|text| Refusal { code: RefusalCode::NotYet, epoch: duty.epoch, text })?;
            Some(record.0)
        } else {
            None
        };
        duty.core.on_hello(hello, JournalEnd { appended_through, crc32c_at_last })
    }

    fn join(&mut self, duty: &mut Duty, mut wire: Box<Wire>, welcome: &Welcome) {
        // The core has the new link already.
        if let Some(old) = duty.wire.take() {
            let reason = "the standby connected anew";
            old.give_up(reason);
            self.tell(LinkEvent::Lost { reason: reason.to_owned() });
        }
        wire.writer.queue(&Message::Welcome(*welcome));
        duty.wire = Some(wire);
        (duty.sent_commit, duty.sent_digest, duty.beat) = (Sequence::ZERO, None, true);
        self.ports.feed.set_linked(true);
        self.status.connected = true;
        self.status.last_error = None;
        self.told_refusal = None;
        tracing::info!(epoch = duty.epoch.raw(), through = welcome.through.raw(), "the standby is linked");
        self.tell(LinkEvent::Connected);
    }

    fn on_ack(&mut self, duty: &mut Duty, ack: &Ack) {
        match duty.core.on_ack(ack, self.ports.source.appended_through()) {
            Ok(caught_up) => {
                // The watermarks keep what a standby before this one had: it was released on the strength of it.
                self.ports.peer_received.raise_through(ack.received_through);
                self.ports.peer_synced.raise_through(ack.synced_through);
                self.ports.waker.wake();
                if let Some((sequence, digest)) = ack.digest {
                    duty.digests.on_peer(sequence, digest);
                }
                if caught_up {
                    self.show_leader_status(duty);
                    tracing::info!(received = ack.received_through.raw(), "the standby has caught up");
                    self.tell(LinkEvent::CaughtUp);
                }
            }
            Err(error) => self.lose_standby(duty, error.to_string()),
        }
    }

    /// Compares digests if there is something to compare, and tells of a difference.
    pub(super) fn compare_digests(&mut self, digests: &mut DigestComparison) {
        let board = &self.ports.digests;
        let mismatch = digests.compare(|sequence| board.at(sequence));
        self.status.digest_equal = digests.last();
        if let Some(found) = mismatch {
            let (sequence, ours, theirs) = (found.sequence, found.ours, found.theirs);
            tracing::error!(sequence = sequence.raw(), %ours, %theirs, "the two nodes' states differ");
            self.tell(LinkEvent::DigestMismatch { sequence, ours, theirs });
        }
    }

    fn fence(&mut self, duty: &mut Duty) {
        duty.core.fence();
        self.lose_standby(duty, "this node gave up its lead".to_owned());
    }

    fn lose_standby(&mut self, duty: &mut Duty, reason: String) {
        self.ports.feed.set_linked(false);
        duty.core.on_lost();
        if let Some(wire) = duty.wire.take() {
            wire.give_up(&reason);
            self.fail(reason.clone());
            self.show_leader_status(duty);
            self.tell(LinkEvent::Lost { reason });
        }
    }

    fn show_leader_status(&mut self, duty: &Duty) {
        let status = &mut self.status;
        status.connected = duty.wire.is_some();
        status.caught_up = duty.core.caught_up();
        if let Some(acked) = duty.core.acked() {
            (status.peer_received, status.peer_synced, status.peer_applied) = acked;
        }
        status.lag = self.ports.source.appended_through().raw().saturating_sub(status.peer_received.raw());
        self.show_status();
    }
}
