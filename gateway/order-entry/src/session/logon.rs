//! From the first message of a client to its open session.
//!
//! Invariants: nothing is looked up, verified or told before the node serves; the signature is over this connection's
//! nonce, so a second logon needs a second connection.

use tidegate_domain::{
    AccountId, Command, Epoch, Event, KeyId, Nanos, Reject, RequestNumber, Roles, SessionCloseReason, SessionSequence,
};
use tidegate_pipeline::Serving;
use tidegate_wire::{Logon, LogoutReason, ServerMessage, SessionMode};

use super::{Action, Ending, Phase, SessionCore, Stream, Submission, View};
use crate::config::SecondLogon;
use crate::directory::KeyEntry;
use crate::stats::add;

/// A client that said who it is.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) key: KeyId,
    pub(super) account: AccountId,
    pub(super) epoch: Epoch,
    pub(super) logon: Logon,
}

impl Candidate {
    /// Whether it wants a session that the engine knows.
    pub(super) fn trades(&self) -> bool {
        self.logon.mode == SessionMode::Trading
    }
}

impl SessionCore {
    pub(super) fn on_logon(&mut self, logon: Logon, view: &View<'_>) {
        let epoch = match (view.serving, logon.mode) {
            (Serving::Primary { epoch }, _) | (Serving::Standby { epoch, .. }, SessionMode::DropCopy) => epoch,
            _ => return self.say_not_primary(view),
        };
        let Some(entry) = view.directory.key(logon.key) else {
            self.phase = Phase::LookingUp(Box::new(logon));
            return self.actions.push_back(Action::CatchUp);
        };
        if let Some((reason, detail)) = self.objection(&logon, entry) {
            return self.refuse_logon(reason, &detail, view.now);
        }
        self.heartbeat = Nanos::from_millis(u64::from(logon.heartbeat_ms));
        let message = tidegate_wire::logon_bytes(self.terms.cluster, self.terms.node, &self.nonce, logon.key);
        let (public_key, signature, account) = (entry.public_key, logon.signature, entry.account);
        self.actions.push_back(Action::Verify { public_key, message, signature });
        self.phase = Phase::Verifying(Box::new(Candidate { key: logon.key, account, epoch, logon }));
    }

    /// What is wrong with a logon, whoever signed it.
    fn objection(&self, logon: &Logon, entry: &KeyEntry) -> Option<(LogoutReason, String)> {
        let (min, max) = (self.terms.heartbeat_min_ms, self.terms.heartbeat_max_ms);
        if !(min..=max).contains(&logon.heartbeat_ms) {
            let detail = format!("heartbeat_ms is {}, allowed: {min} to {max}", logon.heartbeat_ms);
            return Some((LogoutReason::HeartbeatOutOfRange, detail));
        }
        if let Some(objection) = self.origin_objection(entry) {
            return Some(objection);
        }
        may_be_used(logon.mode, entry)
    }

    /// The roles or networks of a key were changed: who may not log on any more may not stay either.
    pub(crate) fn on_key_changed(&mut self, key: KeyId, view: &View<'_>) {
        let mode = match &self.phase {
            Phase::Streaming(stream) if stream.key == key => SessionMode::Trading,
            Phase::Copying(copy) if copy.key == key => SessionMode::DropCopy,
            _ => return,
        };
        let entry = view.directory.key(key).expect("it was there when it logged on");
        if let Some((reason, detail)) = self.origin_objection(entry).or_else(|| may_be_used(mode, entry)) {
            self.say_goodbye(reason, &detail, Ending::CloseSession, view.now);
        }
    }

    fn origin_objection(&self, entry: &KeyEntry) -> Option<(LogoutReason, String)> {
        let refused = !entry.networks.allow(self.peer);
        refused.then(|| (LogoutReason::AddressNotAllowed, format!("the key may not be used from {}", self.peer)))
    }

    /// The directory knows everything that was released when the key was looked up.
    pub(crate) fn on_caught_up(&mut self, view: &View<'_>) {
        let Phase::LookingUp(logon) = &self.phase else { return };
        let logon = **logon;
        if view.directory.key(logon.key).is_some() {
            return self.on_logon(logon, view);
        }
        self.refuse_logon(LogoutReason::UnknownKey, &format!("no key has the id {}", logon.key), view.now);
    }

    /// So many logons came, of all or of this address, that this one has to come again; `detail` says which.
    pub(crate) fn on_too_busy(&mut self, detail: &str, now: Nanos) {
        self.refuse_logon(LogoutReason::TooBusy, detail, now);
    }

    /// The signature was looked at.
    pub(crate) fn on_verified(&mut self, valid: bool, view: &View<'_>) {
        let Phase::Verifying(candidate) = &self.phase else { return };
        if !valid {
            return self.refuse_logon(LogoutReason::BadSignature, "the signature is not this key's", view.now);
        }
        if candidate.trades() && view.serving != (Serving::Primary { epoch: candidate.epoch }) {
            return self.say_not_primary(view);
        }
        let Phase::Verifying(candidate) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            unreachable!("looked at just above")
        };
        self.last_received = view.now;
        if candidate.trades() {
            self.actions.push_back(self.open_session(&candidate));
            self.phase = Phase::Opening(candidate);
        } else {
            self.open_drop_copy(&candidate, view);
        }
    }

    fn open_session(&self, candidate: &Candidate) -> Action {
        let command = Command::OpenSession {
            session: self.session,
            cancel_on_disconnect: candidate.logon.cancel_on_disconnect,
            grace: Nanos::from_millis(u64::from(candidate.logon.grace_ms)),
            refuse_if_open: self.terms.second_logon == SecondLogon::IsRefused,
        };
        let submission = Submission::of(candidate.key, candidate.account, &command);
        Action::Open { key: candidate.key, session: self.session, submission }
    }

    /// The engine opened or closed a session of this session's key, or refused to.
    pub(crate) fn on_session_event(&mut self, epoch: Epoch, event: &Event, view: &View<'_>) {
        match event {
            Event::Rejected { reason, .. } if matches!(self.phase, Phase::Opening(_)) => {
                self.on_open_refused(*reason, view.now);
            }
            Event::SessionOpened { session, request_mark, report_mark, .. } if *session == self.session => {
                self.on_opened(epoch, *request_mark, *report_mark, view);
            }
            Event::SessionClosed { session, reason } if *session == self.session => {
                let (reason, detail) = match reason {
                    SessionCloseReason::TakenOver => (LogoutReason::TakenOver, "the key logged on again"),
                    SessionCloseReason::Disconnected => {
                        (LogoutReason::NoLongerPrimary, "the session ended; log on again")
                    }
                };
                if reason == LogoutReason::TakenOver && !self.is_closed() {
                    add(&self.stats.taken_over_total, 1);
                }
                self.say_goodbye(reason, detail, Ending::EngineKnows, view.now);
            }
            _ => {}
        }
    }

    fn on_open_refused(&mut self, reject: Reject, now: Nanos) {
        let reason = match reject {
            Reject::SessionOpen => LogoutReason::AlreadyLoggedOn,
            _ => LogoutReason::LogonRefused,
        };
        add(&self.stats.logons_refused_total, 1);
        self.say_goodbye(reason, reject.as_str(), Ending::EngineKnows, now);
    }

    fn on_opened(&mut self, epoch: Epoch, request_mark: RequestNumber, mark: SessionSequence, view: &View<'_>) {
        let Phase::Opening(candidate) = &self.phase else { return };
        let logon = candidate.logon;
        let after = logon.last_session_sequence;
        if after > mark {
            let detail = format!("last_session_sequence is {after}, the newest report is {mark}");
            add(&self.stats.logons_refused_total, 1);
            return self.say_goodbye(LogoutReason::ReplayFromFuture, &detail, Ending::CloseSession, view.now);
        }
        let bucket = self.terms.throttles.key(candidate.key, view.now);
        let address_bucket = self.terms.throttles.address(self.peer, view.now);
        let limit = bucket.limit();
        let (key, account, epoch_opened) = (candidate.key, candidate.account, candidate.epoch);
        let stream = Stream::new(key, account, epoch_opened, after, mark, bucket, address_bucket);
        self.phase = Phase::Streaming(Box::new(stream));
        add(&self.stats.sessions, 1);
        add(&self.stats.logons_total, 1);
        self.say(&ServerMessage::LogonAccepted {
            session: self.session,
            request_mark,
            report_mark: mark,
            epoch,
            heartbeat_ms: logon.heartbeat_ms,
            tokens_per_s: limit.per_second,
            tokens_max: limit.burst,
        });
        self.say_what_is_there(view);
        self.skip_what_is_not_wanted(logon.replay_max);
        self.announce_end_of_replay();
    }

    /// What everybody is told who logs on.
    pub(super) fn say_what_is_there(&mut self, view: &View<'_>) {
        for (market, definition, state) in view.directory.markets() {
            self.say(&ServerMessage::MarketDefinition { market, definition, state });
        }
        self.on_maintenance(view);
    }
}

/// Whether a key is good for such a session; if not, why.
fn may_be_used(mode: SessionMode, entry: &KeyEntry) -> Option<(LogoutReason, String)> {
    if entry.roles == Roles::default() {
        return Some((LogoutReason::KeyNotAllowed, "the key has no role".to_owned()));
    }
    if mode == SessionMode::DropCopy && !entry.roles.has(Roles::READ) {
        return Some((LogoutReason::KeyNotAllowed, "a drop copy needs the role read".to_owned()));
    }
    None
}
