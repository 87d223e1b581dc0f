//! Sessions, timers, the change of leadership: RULES.md, 1.2.

use tidegate_domain::*;

use super::{Naive, NaiveSession, SECOND_NS};

const GRACE_AFTER_RESTART_NS: u64 = 10 * SECOND_NS;

/// What is due: at one time sessions before orders, then by key or order id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Session(u32),
    Order(u64),
}

impl Naive {
    pub(super) fn fire_timers(&mut self) {
        while let Some((deadline, due)) = self.first_due()
            && deadline <= self.now.time.nanos()
        {
            match due {
                Due::Session(key) => self.stayed_away(key),
                Due::Order(id) => {
                    let order = self.order(id).unwrap().clone();
                    self.cancel_because(&order, CancelReason::Expired);
                }
            }
        }
    }

    pub(crate) fn next_due(&self) -> Option<u64> {
        self.first_due().map(|(deadline, _)| deadline)
    }

    fn first_due(&self) -> Option<(u64, Due)> {
        let keys = self.keys.iter().enumerate();
        let sessions = keys.filter_map(|(at, key)| Some((key.session.as_ref()?.due?, Due::Session(at as u32 + 1))));
        let orders = self.orders.iter().filter_map(|order| Some((order.expires?, Due::Order(order.id))));
        sessions.chain(orders).min()
    }

    pub(super) fn login(&mut self, session: SessionId, cancel_on_disconnect: bool, grace: Nanos) {
        let key = self.now.key.raw();
        if !self.has_key(key) {
            return self.refuse(0, Reject::UnknownKey);
        }
        let at = key as usize - 1;
        if self.keys[at].roles.bits() == 0 {
            let (account, command) = (self.keys[at].account, CommandKind::OpenSession);
            let refused = Event::Rejected { reason: Reject::KeyNotAllowed, command };
            return self.tell(key, account, 0, self.now.request.raw(), refused);
        }
        if let Some(old) = self.keys[at].session.take()
            && !old.told
        {
            self.session_over(key, old.id, SessionCloseReason::TakenOver, self.now.request.raw());
        }
        let (id, grace_ns) = (session.raw(), grace.nanos());
        self.keys[at].session =
            Some(NaiveSession { id, cancels: cancel_on_disconnect, grace: grace_ns, told: false, due: None });
        let event = Event::SessionOpened {
            session,
            request_mark: RequestNumber::new(self.keys[at].mark),
            report_mark: SessionSequence::new(self.keys[at].reports),
            cancel_on_disconnect,
            grace,
        };
        self.tell(key, self.keys[at].account, 0, self.now.request.raw(), event);
    }

    fn session_over(&mut self, key: u32, id: u64, reason: SessionCloseReason, request: u64) {
        let account = self.keys[key as usize - 1].account;
        self.tell(key, account, 0, request, Event::SessionClosed { session: SessionId::new(id), reason });
    }

    pub(super) fn logout(&mut self, id: u64) {
        let key = self.now.key.raw();
        let now = self.now.time.nanos();
        if !self.has_key(key) {
            return;
        }
        let Some(mut session) = self.keys[key as usize - 1].session.clone() else { return };
        if session.id != id || session.told {
            return;
        }
        self.session_over(key, id, SessionCloseReason::Disconnected, self.now.request.raw());
        if !session.cancels {
            self.keys[key as usize - 1].session = None;
            return;
        }
        session.told = true;
        session.due = Some(session.due.unwrap_or(u64::MAX).min(now.saturating_add(session.grace)));
        let is_due = session.due <= Some(now);
        self.keys[key as usize - 1].session = Some(session);
        if is_due {
            self.stayed_away(key);
        }
    }

    pub(super) fn take_lead(&mut self, node: NodeId, incarnation: u64, grace: Nanos) {
        self.answer(0, Event::LeadTaken { node, incarnation });
        for key in 1..=self.keys.len() as u32 {
            let grace_ns = if grace.nanos() == 0 { GRACE_AFTER_RESTART_NS } else { grace.nanos() };
            let due = self.now.time.nanos().saturating_add(grace_ns);
            let Some(session) = &mut self.keys[key as usize - 1].session else { continue };
            if session.cancels {
                session.due = Some(due);
            } else {
                let id = session.id;
                self.keys[key as usize - 1].session = None;
                self.session_over(key, id, SessionCloseReason::Disconnected, 0);
            }
        }
    }

    fn stayed_away(&mut self, key: u32) {
        let session = self.keys[key as usize - 1].session.take().unwrap();
        if !session.told {
            self.session_over(key, session.id, SessionCloseReason::Disconnected, 0);
        }
        self.cancel_every(CancelReason::Disconnected, |order| order.key == key);
    }
}
