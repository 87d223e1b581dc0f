//! The receiving side of the link. No I/O: the shell hands frames in, takes records out, asks for the next ack.
//!
//! ```text
//!   Frame --on_frame--> records in order --> shell --> inbound queue
//!   journaled, synced, matched --next_ack--> Ack, when one of them moved
//! ```
//!
//! Invariants: records leave here dense and checked; a leader of a lower term is never followed; commit only grows; an
//! ack says only what the watermarks of this node say.
//! Owning thread: the link task.

use tidegate_domain::{Digest, Epoch, Sequence};

use crate::leader::ProtocolError;
use crate::message::{Ack, Frame, Heartbeat, Refusal, RefusalCode, Welcome};

/// How far this node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StandbyMarks {
    /// In its journal.
    pub received_through: Sequence,
    /// On its disk.
    pub synced_through: Sequence,
    /// Applied by its engine.
    pub applied_through: Sequence,
}

/// See the module.
#[derive(Debug)]
pub struct StandbyCore {
    /// The highest term that this node knows of.
    epoch: Epoch,
    /// Of the next record.
    next: Sequence,
    /// Of the newest record: terms never go backwards along the log.
    record_epoch: Epoch,
    commit: Sequence,
    acked: Option<(StandbyMarks, Option<Sequence>)>,
}

impl StandbyCore {
    /// A standby that knows of this term, without a link.
    #[must_use]
    pub fn new(epoch: Epoch) -> Self {
        Self { epoch, next: Sequence::ZERO.next(), record_epoch: Epoch::default(), commit: Sequence::ZERO, acked: None }
    }

    /// The highest term that this node knows of.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Somebody leads in this term: no lower one is followed any more.
    pub fn on_epoch(&mut self, epoch: Epoch) {
        self.epoch = self.epoch.max(epoch);
    }

    /// The leader accepted; `last` is the end of this node's journal that the hello named, `last_epoch` the term of the record
    /// there.
    ///
    /// # Errors
    /// A leader of a lower term is not followed.
    pub fn on_welcome(&mut self, welcome: &Welcome, last: Sequence, last_epoch: Epoch) -> Result<(), Refusal> {
        if welcome.epoch < self.epoch {
            let text = format!(
                "the leader's epoch is {}, this standby knows epoch {}: it is not followed; stop that node",
                welcome.epoch, self.epoch
            );
            return Err(Refusal { code: RefusalCode::StaleLeader, epoch: self.epoch, text });
        }
        self.epoch = welcome.epoch;
        self.next = last.next();
        self.record_epoch = last_epoch;
        self.acked = None;
        Ok(())
    }

    /// Checks a frame. Its records may be handed over then.
    ///
    /// # Errors
    /// When it breaks the rules: nothing of it may be used, and the link must end.
    pub fn on_frame(&mut self, frame: &Frame) -> Result<(), ProtocolError> {
        self.check_epoch("frame", frame.epoch)?;
        let (mut next, mut record_epoch) = (self.next, self.record_epoch);
        for record in &frame.records {
            if record.sequence() != next {
                return Err(ProtocolError(format!("record {} where {next} must follow", record.sequence())));
            }
            if record.epoch() < record_epoch || record.epoch() > frame.epoch {
                return Err(ProtocolError(format!(
                    "record {next} has epoch {}, outside {record_epoch}..={}",
                    record.epoch(),
                    frame.epoch
                )));
            }
            if let Err(error) = record.decode() {
                return Err(ProtocolError(format!("record {next} cannot be read: {error}")));
            }
            record_epoch = record.epoch();
            next = next.next();
        }
        (self.next, self.record_epoch) = (next, record_epoch);
        self.commit = self.commit.max(frame.commit);
        Ok(())
    }

    /// Takes a heartbeat.
    ///
    /// # Errors
    /// When it breaks the rules: the link must end.
    pub fn on_heartbeat(&mut self, heartbeat: &Heartbeat) -> Result<(), ProtocolError> {
        self.check_epoch("heartbeat", heartbeat.epoch)?;
        self.commit = self.commit.max(heartbeat.commit);
        Ok(())
    }

    /// How far the leader has released, as far as it is known here. It may be beyond this node's journal.
    #[must_use]
    pub fn commit(&self) -> Sequence {
        self.commit
    }

    /// The sequence of the newest record received.
    #[must_use]
    pub fn received(&self) -> Sequence {
        self.next.previous()
    }

    /// The ack to send: the first of a link, or whenever a mark moved or there is a newer digest.
    pub fn next_ack(&mut self, marks: StandbyMarks, digest: Option<(Sequence, Digest)>) -> Option<Ack> {
        let now = (marks, digest.map(|(sequence, _)| sequence));
        if self.acked == Some(now) {
            return None;
        }
        let digest = digest.filter(|(sequence, _)| self.acked.is_none_or(|(_, before)| before != Some(*sequence)));
        self.acked = Some(now);
        let StandbyMarks { received_through, synced_through, applied_through } = marks;
        Some(Ack { epoch: self.epoch, received_through, synced_through, applied_through, digest })
    }

    fn check_epoch(&self, what: &str, epoch: Epoch) -> Result<(), ProtocolError> {
        if epoch == self.epoch {
            return Ok(());
        }
        Err(ProtocolError(format!("{what} of epoch {epoch}, the link is of epoch {}", self.epoch)))
    }
}
