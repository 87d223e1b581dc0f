//! Sessions, timers, the change of leadership: RULES.md, 1.2.

use tidegate_domain::*;

use super::{Answer, DAY_NS, Naive, NaiveOrder, NaiveSession, SECOND_NS, refuse_if};

const MILLISECOND_NS: u64 = SECOND_NS / 1_000;
const GRACE_AFTER_RESTART_NS: u64 = 10 * SECOND_NS;

/// What is due: at one time sessions, then keys' own timers, then orders; then by key or order id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Session(u32),
    DeadMan(u32),
    Order(u64),
}

impl Naive {
    pub(super) fn fire_timers(&mut self) {
        while let Some((deadline, due)) = self.first_due()
            && deadline <= self.now.time.nanos()
        {
            match due {
                Due::Session(key) => self.stayed_away(key),
                Due::DeadMan(key) => self.dead_man(key),
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
        let keys = self.keys.iter().enumerate();
        let dead_men = keys.filter_map(|(at, key)| Some((key.dead_man?, Due::DeadMan(at as u32 + 1))));
        let orders = self.orders.iter().filter_map(|order| Some((order.expires?, Due::Order(order.id))));
        sessions.chain(dead_men).chain(orders).min()
    }

    pub(super) fn login(&mut self, session: SessionId, cancel_on_disconnect: bool, grace: Nanos, refuses: bool) {
        let key = self.now.key.raw();
        if !self.has_key(key) {
            return self.refuse(0, Reject::UnknownKey);
        }
        let at = key as usize - 1;
        if self.keys[at].roles.bits() == 0 {
            return self.refuse_login(key, Reject::KeyNotAllowed);
        }
        if let Some(NaiveSession { told: false, due: None, .. }) = self.keys[at].session
            && refuses
        {
            return self.refuse_login(key, Reject::SessionOpen);
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

    fn refuse_login(&mut self, key: u32, reason: Reject) {
        let (account, command) = (self.keys[key as usize - 1].account, CommandKind::OpenSession);
        self.tell(key, account, 0, self.now.request.raw(), Event::Rejected { reason, command });
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
            let key = &mut self.keys[key as usize - 1];
            if let Some(session) = &mut key.session {
                session.due = Some(due);
            }
            key.dead_man = key.dead_man.map(|armed| armed.max(due));
        }
    }

    fn stayed_away(&mut self, key: u32) {
        let session = self.keys[key as usize - 1].session.take().unwrap();
        if !session.told {
            self.session_over(key, session.id, SessionCloseReason::Disconnected, 0);
        }
        let goes = |order: &NaiveOrder| {
            order.on_disconnect == OnDisconnect::Cancel
                || (order.on_disconnect == OnDisconnect::Session && session.cancels)
        };
        self.cancel_every(CancelReason::Disconnected, |order| order.key == key && goes(order));
    }

    pub(super) fn cancel_all_after(&mut self, timeout: u64) -> Answer {
        let is_allowed = timeout == 0 || (100 * MILLISECOND_NS..=DAY_NS).contains(&timeout);
        refuse_if(!is_allowed, Reject::TimeoutOutOfRange)?;
        let due = (timeout > 0).then(|| self.now.time.nanos().saturating_add(timeout));
        self.keys[self.now.key.raw() as usize - 1].dead_man = due;
        self.answer(0, Event::CancelAllAfterSet { deadline: Timestamp::from_nanos(due.unwrap_or(0)) });
        Ok(None)
    }

    fn dead_man(&mut self, key: u32) {
        self.keys[key as usize - 1].dead_man = None;
        let cancelled = self.cancel_every(CancelReason::DeadMan, |order| order.key == key);
        self.tell(key, self.keys[key as usize - 1].account, 0, 0, Event::CancelAllAfterFired { cancelled });
    }
}
