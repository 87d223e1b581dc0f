//! Sessions of keys, their timers, and the change of leadership.
//!
//! ```text
//!   open --connection ends--> away (timer) --logs on again--> open
//!     |                         '--timer fires--> orders cancelled that go with it, gone
//!     |--logs on again--> taken over, open; or refused
//!     '--a node takes the lead--> open (timer): as if away, its end is reported when the timer fires
//! ```
//!
//! Which orders go when a session stays away is said by each order, and where it does not by the session: so every session has a
//! timer, whatever it says. Invariants: at most one session per key; a timer is
//! armed exactly where the session says so; due timers fire before the command that finds them due, except that time
//! without a leader is not counted: `TakeLead` gives every session the grace time that it says, from its own time, and no key's
//! own timer is due before that.

use tidegate_domain::{
    CancelReason, Event, KeyId, MarketId, Nanos, NodeId, OnDisconnect, Reject, RequestNumber, Roles,
    SessionCloseReason, SessionId, Timestamp,
};

use super::tables::Session;
use super::{Call, Engine, Subject, To};

/// How long a client may take to log on again after a restart or a change of leadership, where the command does not say.
pub const SESSION_GRACE_AFTER_RESTART: Nanos = Nanos::from_millis(10_000);

impl Engine {
    pub(super) fn open_session(
        &mut self,
        call: &mut Call<'_>,
        session: SessionId,
        cancel_on_disconnect: bool,
        grace: Nanos,
        refuse_if_open: bool,
    ) {
        let key = call.header.key;
        let Some(to) = self.session_recipient(key, call.header.request) else {
            return self.reject(call, call.requester(), Reject::UnknownKey);
        };
        if self.key_mut(key).roles == Roles::default() {
            // A key without any role is switched off.
            return self.reject(call, to, Reject::KeyNotAllowed);
        }
        // Of a session whose timer a change of leadership armed, nobody knows whether its client is there.
        let is_there = |session: &Session| session.open && session.deadline.is_none();
        if refuse_if_open && self.key_mut(key).session.as_ref().is_some_and(is_there) {
            return self.reject(call, to, Reject::SessionOpen);
        }
        if let Some(older) = self.end_session(key)
            && older.open
        {
            self.emit(call, to, closed(older.id, SessionCloseReason::TakenOver));
        }
        let opened = Session { id: session, cancel_on_disconnect, grace, open: true, deadline: None };
        self.sum.add(opened.hash(key));
        let entry = self.key_mut(key);
        entry.session = Some(opened);
        let (request_mark, report_mark) = (entry.request_mark, entry.report_mark);
        self.emit(call, to, Event::SessionOpened { session, request_mark, report_mark, cancel_on_disconnect, grace });
    }

    /// A late end of a session that is not the key's current one, or that was reported, causes no event.
    pub(super) fn close_session(&mut self, call: &mut Call<'_>, session: SessionId) {
        let key = call.header.key;
        let Some(to) = self.session_recipient(key, call.header.request) else { return };
        let Some(current) = self.key_mut(key).session.filter(|current| current.id == session && current.open) else {
            return;
        };
        self.emit(call, to, closed(session, SessionCloseReason::Disconnected));
        let deadline = call.header.time.plus(current.grace);
        // A timer that a change of leadership armed is not put off.
        let deadline = current.deadline.map_or(deadline, |armed| armed.min(deadline));
        self.arm(key, false, deadline);
        if deadline <= call.header.time {
            self.expire(call, key);
        }
    }

    pub(super) fn take_lead(&mut self, call: &mut Call<'_>, node: NodeId, incarnation: u64, session_grace: Nanos) {
        self.emit(call, call.requester(), Event::LeadTaken { node, incarnation });
        let is_said = session_grace != Nanos::default();
        let deadline = call.header.time.plus(if is_said { session_grace } else { SESSION_GRACE_AFTER_RESTART });
        for raw in 1..=self.keys.len() {
            let key = KeyId::new(u32::try_from(raw).expect("the limit of keys is a u32"));
            if let Some(session) = self.key_mut(key).session {
                self.arm(key, session.open, deadline);
            }
            self.put_off_dead_man(key, deadline);
        }
    }

    pub(super) fn fire_due_timers(&mut self, call: &mut Call<'_>) {
        while let Some((deadline, subject)) = self.timers.first() {
            if deadline > call.header.time {
                return;
            }
            match subject {
                Subject::Session(key) => self.expire(call, key),
                Subject::DeadMan(key) => self.fire_dead_man(call, key),
                Subject::Order(_, handle) => self.cancel(call, handle, CancelReason::Expired),
            }
        }
    }

    /// The session of `key` stayed away: it ends and the orders go that go with it, oldest first.
    fn expire(&mut self, call: &mut Call<'_>, key: KeyId) {
        let session = self.end_session(key).expect("a timer belongs to a session");
        self.emit_closed(call, key, &session);
        let account = self.key_mut(key).account;
        self.cancel_matching(call, account, CancelReason::Disconnected, |order| {
            order.key == key
                && match order.on_disconnect {
                    OnDisconnect::Session => session.cancel_on_disconnect,
                    OnDisconnect::Cancel => true,
                    OnDisconnect::Stay => false,
                }
        });
    }

    /// Reports the end of a session, unless that was done when it went away.
    fn emit_closed(&mut self, call: &mut Call<'_>, key: KeyId, session: &Session) {
        if session.open {
            let to = self.session_recipient(key, RequestNumber::new(0)).expect("the session's key exists");
            self.emit(call, to, closed(session.id, SessionCloseReason::Disconnected));
        }
    }

    fn session_recipient(&self, key: KeyId, request: RequestNumber) -> Option<To> {
        let account = self.keys.get(key.raw())?.account;
        Some(To { key, account, market: MarketId::new(0), request })
    }

    fn arm(&mut self, key: KeyId, open: bool, deadline: Timestamp) {
        let session = self.key_mut(key).session.as_mut().expect("only a session has a timer");
        let before = session.hash(key);
        (session.open, session.deadline) = (open, Some(deadline));
        let after = session.hash(key);
        self.sum.replace(before, after);
        self.timers.arm(Subject::Session(key), deadline);
    }

    /// Takes the session off the key, and its timer with it.
    fn end_session(&mut self, key: KeyId) -> Option<Session> {
        let session = self.key_mut(key).session.take()?;
        self.sum.remove(session.hash(key));
        self.timers.disarm(Subject::Session(key));
        Some(session)
    }
}

const fn closed(session: SessionId, reason: SessionCloseReason) -> Event {
    Event::SessionClosed { session, reason }
}
