//! Requests of clients, exactly once: marks, outcomes, resends.
//!
//! ```text
//! number > mark                   new: executed, its outcome kept, the mark moves to it
//! number <= mark, outcome kept    same payload: the first outcome again; other payload: RequestNumberReused
//! number <= mark, none kept       OutcomeExpired: older than the window, or a gap, which was never applied. Not executed
//! number 0                        RequestNumberZero; the mark stays
//! ```
//!
//! Invariants: nothing is executed twice; a key's window holds its newest [`super::OUTCOMES_PER_KEY`] outcomes; a reject is an
//! outcome like any other. A key that does not exist or belongs to another account is refused before all of this.
//!
//! Hot path: for every order. Whoever dispatches a request names the role that it needs: one test here.

use tidegate_domain::{CancelFilter, Command, CommandKind, Event, Reject, RequestNumber, Roles};

use super::outcomes::{Created, Outcome, RequestResult};
use super::{Call, Engine, To, is_report};
use crate::hash::payload_hash;

impl Engine {
    /// Carries out a request of a key with the role that it `needs`.
    pub(super) fn request(&mut self, call: &mut Call<'_>, command: &Command, needs: Roles) {
        let header = &call.header;
        let (mark, roles) = match self.keys.get(header.key.raw()) {
            Some(key) if key.account == header.account => {
                self.outcomes.prefetch(header.key);
                (key.request_mark, key.roles)
            }
            _ => return self.refuse(call, command, Reject::UnknownKey),
        };
        let request = header.request;
        if request.raw() == 0 {
            return self.refuse(call, command, Reject::RequestNumberZero);
        }
        let payload = match *command {
            Command::MassQuote(_) => self.quotes.payload_hash(),
            _ => payload_hash(&call.record.payload_words()),
        };
        if request <= mark {
            return self.answer_again(call, command, payload);
        }
        let result = if roles.has(needs) { self.execute(call, command) } else { Err(Reject::KeyNotAllowed) };
        if let Err(reason) = result {
            self.refuse(call, command, reason);
        }
        self.remember(call, request, payload, result);
    }

    #[inline(never)]
    fn refuse(&mut self, call: &mut Call<'_>, command: &Command, reason: Reject) {
        let to = answered(call, command);
        self.reject(call, to, reason);
    }

    fn execute(&mut self, call: &mut Call<'_>, command: &Command) -> RequestResult {
        match *command {
            Command::NewOrder(ref order) => self.place_order(call, order),
            Command::ReplaceOrder { target, price, qty } => self.replace_order(call, target, price, qty),
            Command::CancelOrder { target } => self.cancel_order(call, target),
            Command::ReduceOrder { target, by } => self.reduce_order(call, target, by),
            Command::CancelAll(ref filter) => self.cancel_all(call, filter),
            Command::SetProtection { group, window, qty_max, count_max } => {
                self.set_protection(call, group, window, qty_max, count_max)
            }
            Command::ResetProtection { group } => self.reset_protection(call, group),
            Command::MassQuote(_) => self.mass_quote(call),
            Command::CancelAllAfter { timeout } => self.cancel_all_after(call, timeout),
            Command::QueryOrder { target } => self.query_order(call, target),
            Command::QueryOrders { market } => self.query_orders(call, market),
            Command::QueryBalances { asset } => self.query_balances(call, asset),
            _ => self.execute_for_account(call, command),
        }
    }

    /// What the operator may ask too. Its event is the operator's, without a number; the key is answered by an outcome, unless
    /// the event is one: a business reference that is known.
    #[cold]
    fn execute_for_account(&mut self, call: &mut Call<'_>, command: &Command) -> RequestResult {
        let to = call.requester();
        let event = match *command {
            Command::HoldWithdrawal { .. } | Command::Transfer { .. } => self.pay(call, to, command)?,
            _ => self.set_up(call, to, command)?.1,
        };
        let is_answered = is_report(event.kind());
        self.emit(call, to, event);
        if !is_answered {
            let original = call.header.sequence;
            self.emit(call, to, Event::Outcome { original, order: None, reject: None, command: call.kind });
        }
        Ok(None)
    }

    #[inline(never)]
    fn answer_again(&mut self, call: &mut Call<'_>, command: &Command, payload_hash: u32) {
        let to = answered(call, command);
        match self.outcomes.find(to.key, to.request).copied() {
            None => self.reject(call, to, Reject::OutcomeExpired),
            Some(outcome) if outcome.payload_hash != payload_hash => {
                self.reject(call, to, Reject::RequestNumberReused);
            }
            Some(outcome) => {
                let (original, result) = (outcome.sequence, outcome.result());
                let (order, reject) = (result.ok().flatten(), result.err());
                self.emit(call, to, Event::Outcome { original, order, reject, command: call.kind });
            }
        }
    }

    #[inline]
    fn remember(&mut self, call: &Call<'_>, request: RequestNumber, payload_hash: u32, result: RequestResult) {
        let id = call.header.key;
        let created = match (call.kind, result) {
            (CommandKind::NewOrder, Ok(_)) => Created::Order,
            (CommandKind::MassQuote, Ok(_)) => self.quotes.created(),
            _ => Created::Nothing,
        };
        let outcome = Outcome::new((request, call.header.sequence), payload_hash, result, created);
        self.sum.add(outcome.hash(id));
        let key = self.key_mut(id);
        let step = u128::from(request.raw() - key.request_mark.raw()) << 64;
        let of_mark = key.weight.wrapping_mul(step);
        key.request_mark = request;
        let oldest = self.outcomes.push(id, outcome);
        self.sum.add(of_mark);
        if let Some(oldest) = oldest {
            self.sum.remove(oldest.hash(id));
        }
    }
}

/// Whom the answer to a request itself goes to.
fn answered(call: &Call<'_>, command: &Command) -> To {
    match *command {
        Command::NewOrder(ref order) => call.requester().in_market(order.market),
        Command::CancelAll(CancelFilter { market: Some(market), .. })
        | Command::QueryOrders { market: Some(market) } => call.requester().in_market(market),
        _ => call.requester(),
    }
}
