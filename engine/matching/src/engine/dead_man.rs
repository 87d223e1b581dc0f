//! A key's own timer, which its client must set anew in time, or its orders go: RULES.md 10.
//!
//! ```text
//!   CancelAllAfter --> armed --again--> armed anew
//!                        |--timeout 0--> disarmed
//!                        '--due--> orders cancelled, disarmed
//! ```
//!
//! Invariants: a timer is armed exactly where the key says so; it needs no session. Owning thread: the engine's.

use tidegate_domain::{
    CANCEL_ALL_AFTER_MAX, CANCEL_ALL_AFTER_MIN, CancelReason, Event, KeyId, MarketId, Nanos, Reject, RequestNumber,
    Timestamp,
};

use super::outcomes::RequestResult;
use super::{Call, Engine, Subject, To};
use crate::hash::{Fact, hash};

impl Engine {
    pub(super) fn cancel_all_after(&mut self, call: &mut Call<'_>, timeout: Nanos) -> RequestResult {
        let is_disarmed = timeout == Nanos::default();
        if !is_disarmed && !(CANCEL_ALL_AFTER_MIN..=CANCEL_ALL_AFTER_MAX).contains(&timeout) {
            return Err(Reject::TimeoutOutOfRange);
        }
        let deadline = (!is_disarmed).then_some(call.header.time.plus(timeout));
        self.set_dead_man(call.header.key, deadline);
        let deadline = deadline.unwrap_or(Timestamp::from_nanos(0));
        self.emit(call, call.requester(), Event::CancelAllAfterSet { deadline });
        Ok(None)
    }

    /// The client of `key` did not set its timer anew: every order that it created goes, oldest first.
    pub(super) fn fire_dead_man(&mut self, call: &mut Call<'_>, key: KeyId) {
        self.set_dead_man(key, None);
        let account = self.key_mut(key).account;
        let cancelled = self.cancel_matching(call, account, CancelReason::DeadMan, |order| order.key == key);
        let to = To { key, account, market: MarketId::new(0), request: RequestNumber::new(0) };
        self.emit(call, to, Event::CancelAllAfterFired { cancelled });
    }

    /// Lets an armed timer not be due before `deadline`.
    pub(super) fn put_off_dead_man(&mut self, key: KeyId, deadline: Timestamp) {
        if let Some(armed) = self.key_mut(key).dead_man
            && armed < deadline
        {
            self.set_dead_man(key, Some(deadline));
        }
    }

    fn set_dead_man(&mut self, key: KeyId, deadline: Option<Timestamp>) {
        let before = core::mem::replace(&mut self.key_mut(key).dead_man, deadline);
        self.sum.replace(dead_man_hash(key, before), dead_man_hash(key, deadline));
        match deadline {
            Some(deadline) => self.timers.arm(Subject::DeadMan(key), deadline),
            None => self.timers.disarm(Subject::DeadMan(key)),
        }
    }
}

/// A timer that is not armed is nothing.
pub(crate) fn dead_man_hash(key: KeyId, deadline: Option<Timestamp>) -> u128 {
    deadline.map_or(0, |deadline| hash(Fact::DeadMan, [key.raw().into(), deadline.nanos()]))
}
