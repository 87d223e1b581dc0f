//! A drop copy: every report of an owner group, whichever key's, in the order of the event log.
//!
//!   event log --[SessionCore::on_events]--> those of the group --> client
//!
//! The client resumes after any place that it was told: a report's, or that of a `DropCopyPosition`. The group is the one
//! that the key's account belongs to while it reads; an account that changes its group changes it for what is read
//! afterwards.
//!
//! Invariants: events come in order and once each; nothing is read while the client does not take what it has.

use tidegate_domain::{AccountId, EventRecord, KeyId, RequestNumber, SessionSequence};
use tidegate_wire::{LogoutReason, Position, Report, ServerMessage};

use super::logon::Candidate;
use super::{Action, Ending, Phase, SessionCore, View};
use crate::stats::add;

/// See the module.
#[derive(Debug)]
pub(super) struct DropCopy {
    pub(super) key: KeyId,
    account: AccountId,
    /// The last event that was looked at.
    at: Position,
    /// The same, of what the socket was given: what is said when the rest is dropped.
    handed: Position,
    /// Events were looked at since the client was told a place.
    untold: bool,
    /// The end of the log was reached once.
    caught_up: bool,
}

impl DropCopy {
    /// The socket was given everything that is queued.
    pub(super) fn on_handed(&mut self) {
        self.handed = self.at;
    }
}

impl SessionCore {
    pub(super) fn open_drop_copy(&mut self, candidate: &Candidate, view: &View<'_>) {
        let after = candidate.logon.resume_after;
        let (key, account) = (candidate.key, candidate.account);
        let copy = DropCopy { key, account, at: after, handed: after, untold: false, caught_up: false };
        self.phase = Phase::Copying(copy);
        add(&self.stats.drop_copies, 1);
        add(&self.stats.logons_total, 1);
        self.say(&ServerMessage::LogonAccepted {
            session: self.session,
            request_mark: RequestNumber::default(),
            report_mark: SessionSequence::default(),
            epoch: candidate.epoch,
            heartbeat_ms: candidate.logon.heartbeat_ms,
            tokens_per_s: 0,
            tokens_max: 0,
        });
        self.say_what_is_there(view);
        let after = (after != Position::default()).then_some(after);
        self.actions.push_back(Action::Follow { after });
    }

    /// The event log has no such place.
    pub(crate) fn on_position_unknown(&mut self, view: &View<'_>) {
        let Phase::Copying(copy) = &self.phase else { return };
        let detail = format!("resume_after is {}/{}, which is not in the event log", copy.at.sequence, copy.at.index);
        self.say_goodbye(LogoutReason::PositionUnknown, &detail, Ending::EngineKnows, view.now);
    }

    /// Whether events of the log are to be brought now.
    pub(crate) fn wants_events(&self) -> bool {
        matches!(self.phase, Phase::Copying(_)) && self.has_room_for_replay()
    }

    /// The next events of the log; `is_end` where there are no more for now.
    pub(crate) fn on_events(&mut self, records: &[EventRecord], is_end: bool, view: &View<'_>) {
        let sent = self.wall(view.now);
        let mut reports = 0;
        let Phase::Copying(copy) = &mut self.phase else { return };
        let group = view.directory.group(copy.account);
        for record in records {
            copy.at = Position { sequence: record.sequence(), index: record.index() };
            copy.untold = true;
            if record.session_sequence() == SessionSequence::default() {
                // Nobody's report.
                continue;
            }
            let (header, event) = record.decode().expect("the event log holds what publish encoded");
            if view.directory.group(header.account) != group {
                continue;
            }
            if let Some(mut report) = Report::from_event(&header, &event) {
                report.stamps.sent = sent;
                copy.untold = false;
                reports += 1;
                tidegate_wire::encode_server(&ServerMessage::Report(report), &mut self.output);
            }
        }
        add(&self.stats.reports_total, reports);
        if is_end && !std::mem::replace(&mut copy.caught_up, true) {
            copy.untold = true;
            self.say_position();
        }
    }

    /// Tells the client up to where it has everything, where that is news; whether it was. Once when the end of the log is
    /// reached first, then instead of heartbeats.
    pub(super) fn say_position(&mut self) -> bool {
        let Phase::Copying(copy) = &mut self.phase else { return false };
        let (at, untold) = (copy.at, std::mem::take(&mut copy.untold));
        if untold {
            self.say(&ServerMessage::DropCopyPosition(at));
        }
        untold
    }

    /// What is queued is dropped: the client resumes after what the socket was given.
    pub(super) fn forget_what_was_not_handed(&mut self) {
        if let Phase::Copying(copy) = &mut self.phase {
            copy.at = copy.handed;
            copy.untold = true;
        }
    }
}
