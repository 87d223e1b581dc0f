//! The leading side of the link. No I/O: the shell asks what to read, hands it in, sends the frame, hands acks in.
//!
//! ```text
//!   LiveFeed --on_live------+
//!                           +--> next frame, contiguous from the standby's end --> shell
//!   journal --on_journal----+
//!   Ack --on_ack--> received, synced, applied, caught up
//! ```
//!
//! The feed is the fast way and may have holes: whatever it lacks comes from the journal. It may also be a moment ahead of the
//! journal: a record waits until it is there, so that no standby ever has more than its leader after a crash. So a late joiner, a feed that
//! ran full and a lost link are one case: the next sequence is not in the feed, so it is read.
//!
//! Invariants: what is shipped on a link is dense, and at most [`IN_FLIGHT_MAX`] records beyond what is acknowledged; an ack is never beyond what was shipped and never goes back; a standby
//! whose journal is not a prefix of ours is never shipped to.
//! Owning thread: the link task.

use std::net::SocketAddr;

use tidegate_domain::{ClusterId, CommandRecord, Epoch, NodeId, Sequence};

use crate::message::{Ack, FRAME_RECORDS_MAX, Hello, Refusal, RefusalCode, Welcome};
use crate::peer::check_peer;

/// A standby that is at most this many commands behind has caught up: some milliseconds of full load. It must also have
/// reached, once, what the leader had when it joined.
pub const CAUGHT_UP_LAG_MAX: u64 = 4_096;

/// Records that are on their way to a standby, at most: fewer than its inbound queue holds, so that it never stops reading and
/// always hears how far it may release, which may be what its own pipeline waits for.
pub const IN_FLIGHT_MAX: u64 = 8_192;

/// The other side broke the rules of the link: the link ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other node broke the link's protocol: {0}")]
pub struct ProtocolError(pub String);

/// The leader's journal, as far as a [`Hello`] needs it.
#[derive(Clone, Copy, Debug)]
pub struct JournalEnd {
    /// Its end.
    pub appended_through: Sequence,
    /// CRC32C of the record at the standby's end, if it is in this journal.
    pub crc32c_at_last: Option<u32>,
}

/// See the module.
#[derive(Debug)]
pub struct LeaderCore {
    cluster: ClusterId,
    peer_node: NodeId,
    epoch: Epoch,
    order_entry: SocketAddr,
    /// A higher term is known: nobody is accepted any more.
    fenced: bool,
    link: Option<Link>,
}

#[derive(Debug)]
struct Link {
    /// The next sequence to put into a frame.
    next: Sequence,
    /// Taken from the feed, but beyond `next`.
    held: Option<CommandRecord>,
    frame: Vec<CommandRecord>,
    received: Sequence,
    synced: Sequence,
    applied: Sequence,
    catch_up_target: Sequence,
    caught_up: bool,
}

impl LeaderCore {
    /// A leader in this term, without a link.
    #[must_use]
    pub fn new(cluster: ClusterId, peer_node: NodeId, epoch: Epoch, order_entry: SocketAddr) -> Self {
        Self { cluster, peer_node, epoch, order_entry, fenced: false, link: None }
    }

    /// A higher term is known: the link ends, nobody is accepted any more.
    pub fn fence(&mut self) {
        self.fenced = true;
        self.link = None;
    }

    /// The link is lost.
    pub fn on_lost(&mut self) {
        self.link = None;
    }

    /// A standby asks. On success the link is up, and replaces one that was: the standby knows best that it is gone.
    ///
    /// # Errors
    /// The refusal to send.
    pub fn on_hello(&mut self, hello: &Hello, journal: JournalEnd) -> Result<Welcome, Refusal> {
        check_peer(self.cluster, self.peer_node, self.epoch, &hello.state)?;
        let refuse = |code, text| Err(Refusal { code, epoch: self.epoch, text });
        if hello.state.epoch > self.epoch {
            let text = format!(
                "this leader's epoch is {}, the standby knows epoch {}: the newer leader decides",
                self.epoch, hello.state.epoch
            );
            return refuse(RefusalCode::StaleLeader, text);
        }
        if self.fenced {
            return refuse(RefusalCode::NotLeading, "this node gave up its lead: a newer epoch is known".to_owned());
        }
        let last = hello.state.last;
        if last > journal.appended_through {
            let text = format!(
                "standby is ahead: its journal ends at {}, this leader's at {}: promote it (`tidegate promote`)",
                last, journal.appended_through
            );
            return refuse(RefusalCode::StandbyAhead, text);
        }
        if last > Sequence::ZERO && journal.crc32c_at_last != Some(hello.last_crc32c) {
            let text = format!(
                "diverged at {last}: the standby's record there is not the leader's. If the leader's machine lost the end of \
                 its journal, the standby has what was acknowledged: promote it (`tidegate promote`). Otherwise start the \
                 standby with an empty data folder"
            );
            return refuse(RefusalCode::Diverged, text);
        }
        self.link = Some(Link::from(last, journal.appended_through));
        Ok(Welcome { epoch: self.epoch, order_entry: self.order_entry, through: journal.appended_through })
    }

    /// Whether a record from the feed is of use now.
    #[must_use]
    pub fn wants_live(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.held.is_none() && link.frame.len() < FRAME_RECORDS_MAX && link.has_window())
    }

    /// A record from the feed; the leader's own journal ends at `appended_through`.
    pub fn on_live(&mut self, record: CommandRecord, appended_through: Sequence) {
        if let Some(link) = &mut self.link {
            assert!(link.held.is_none(), "the shell asks first whether a live record is wanted");
            link.held = Some(record);
            link.use_held(appended_through);
        }
    }

    /// The leader's own journal has come this far.
    pub fn on_appended(&mut self, appended_through: Sequence) {
        if let Some(link) = &mut self.link {
            link.use_held(appended_through);
        }
    }

    /// What to read from the journal: first sequence and count. Asked when the feed has nothing more to give.
    #[must_use]
    pub fn wants_journal(&self, appended_through: Sequence) -> Option<(Sequence, usize)> {
        let link = self.link.as_ref()?;
        let is_wanted = link.frame.is_empty() && link.next <= appended_through && link.has_window();
        is_wanted.then_some((link.next, FRAME_RECORDS_MAX))
    }

    /// Records from the journal, from the sequence that was asked for.
    pub fn on_journal(&mut self, records: &[CommandRecord]) {
        let Some(link) = &mut self.link else { return };
        assert!(records.len() <= FRAME_RECORDS_MAX, "no more than was asked for");
        for record in records {
            link.push(*record);
        }
    }

    /// The records of the next frame; empty when there is nothing to ship.
    #[must_use]
    pub fn frame(&self) -> &[CommandRecord] {
        self.link.as_ref().map_or(&[], |link| &link.frame)
    }

    /// The frame is on its way.
    pub fn on_frame_sent(&mut self) {
        if let Some(link) = &mut self.link {
            link.frame.clear();
        }
    }

    /// An ack; whether the standby caught up by it, which is said once per link.
    ///
    /// # Errors
    /// When it breaks the rules: the link must end.
    pub fn on_ack(&mut self, ack: &Ack, appended_through: Sequence) -> Result<bool, ProtocolError> {
        let Some(link) = &mut self.link else { return Ok(false) };
        if ack.epoch != self.epoch {
            return Err(ProtocolError(format!("ack of epoch {}, the link is of epoch {}", ack.epoch, self.epoch)));
        }
        link.check_ack(ack)?;
        (link.received, link.synced, link.applied) = (ack.received_through, ack.synced_through, ack.applied_through);
        Ok(link.catches_up(appended_through))
    }

    /// Whether the standby has caught up on this link.
    #[must_use]
    pub fn caught_up(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.caught_up)
    }

    /// Whether the standby has acknowledged everything that was shipped, and nothing waits to be.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.frame.is_empty() && link.received.next() == link.next)
    }

    /// Received, synced and applied by the standby, as of its newest ack.
    #[must_use]
    pub fn acked(&self) -> Option<(Sequence, Sequence, Sequence)> {
        self.link.as_ref().map(|link| (link.received, link.synced, link.applied))
    }
}

impl Link {
    fn from(last: Sequence, target: Sequence) -> Self {
        Self {
            next: last.next(),
            held: None,
            frame: Vec::with_capacity(FRAME_RECORDS_MAX),
            received: last,
            synced: Sequence::ZERO,
            applied: Sequence::ZERO,
            catch_up_target: target,
            caught_up: false,
        }
    }

    fn has_window(&self) -> bool {
        self.next.previous().raw() - self.received.raw() < IN_FLIGHT_MAX
    }

    fn push(&mut self, record: CommandRecord) {
        assert_eq!(record.sequence(), self.next, "feed and journal hold the same dense log");
        self.frame.push(record);
        self.next = self.next.next();
    }

    /// Puts the held record into the frame if it is its turn, or lets it go if it was shipped from the journal.
    fn use_held(&mut self, appended_through: Sequence) {
        let Some(record) = self.held else { return };
        let is_turn = record.sequence() == self.next && record.sequence() <= appended_through;
        if record.sequence() < self.next {
            self.held = None;
        } else if is_turn && self.frame.len() < FRAME_RECORDS_MAX {
            self.held = None;
            self.push(record);
        }
    }

    fn check_ack(&self, ack: &Ack) -> Result<(), ProtocolError> {
        // A frame that is being filled is not shipped.
        let shipped = Sequence::new(self.next.previous().raw() - self.frame.len() as u64);
        for (what, acked, before, limit) in [
            ("received_through", ack.received_through, self.received, shipped),
            ("synced_through", ack.synced_through, self.synced, ack.received_through),
            ("applied_through", ack.applied_through, self.applied, shipped),
        ] {
            if acked > limit {
                return Err(ProtocolError(format!("ack with {what} {acked}, the most it can be is {limit}")));
            }
            if acked < before {
                return Err(ProtocolError(format!("ack with {what} {acked} after {before}: it goes back")));
            }
        }
        Ok(())
    }

    /// In rounds: each reaches what the leader had at its start, and the last is short.
    fn catches_up(&mut self, appended_through: Sequence) -> bool {
        if self.caught_up || self.received < self.catch_up_target {
            return false;
        }
        self.catch_up_target = appended_through;
        self.caught_up = appended_through.raw().saturating_sub(self.received.raw()) <= CAUGHT_UP_LAG_MAX;
        self.caught_up
    }
}
