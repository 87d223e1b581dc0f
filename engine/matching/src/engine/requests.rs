//! Requests of clients, exactly once: marks, outcomes, resends.
//!
//! ```text
//! number > mark                   new: executed, its outcome kept, the mark moves to it
//! number <= mark, outcome kept    same payload: the first outcome again; other payload: RequestNumberReused
//! number <= mark, none kept       OutcomeExpired: older than the window, or a gap, which was never applied. Not executed
//! number 0                        RequestNumberZero; the mark stays
//! ```
//!
//! Invariants: nothing is executed twice; a key's window holds its newest [`OUTCOMES_PER_KEY`] outcomes; a reject is an
//! outcome like any other. A key that does not exist or belongs to another account is refused before all of this.

use tidegate_domain::{Command, CommandKind, Event, Reject, RequestNumber, Roles};
use xxhash_rust::xxh3::xxh3_64;

use super::tables::{Outcome, RequestResult};
use super::{Call, Engine, To};

/// Outcomes that are kept for each key: its resends are answered as long as it has no more than this in flight.
pub const OUTCOMES_PER_KEY: usize = 1_024;

impl Engine {
    pub(super) fn request(&mut self, call: &mut Call<'_>, command: &Command) {
        let to = match *command {
            Command::NewOrder(ref order) => call.requester().in_market(order.market),
            Command::CancelAll(ref filter) => match filter.market {
                Some(market) => call.requester().in_market(market),
                None => call.requester(),
            },
            _ => call.requester(),
        };
        let (mark, roles) = match self.keys.get(to.key.raw()) {
            Some(key) if key.account == to.account => (key.request_mark, key.roles),
            _ => return self.reject(call, to, Reject::UnknownKey),
        };
        if to.request.raw() == 0 {
            return self.reject(call, to, Reject::RequestNumberZero);
        }
        let payload_hash = match *command {
            Command::MassQuote(_) => self.quotes.payload_hash(),
            _ => xxh3_64(call.payload),
        };
        if to.request <= mark {
            return self.answer_again(call, to, payload_hash);
        }
        let result = if roles.has(Roles::TRADE) { self.execute(call, command) } else { Err(Reject::KeyNotAllowed) };
        if let Err(reason) = result {
            self.reject(call, to, reason);
        }
        self.remember(call, to.request, payload_hash, result);
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
            _ => unreachable!("dispatch sends only requests here"),
        }
    }

    fn answer_again(&mut self, call: &mut Call<'_>, to: To, payload_hash: u64) {
        let outcomes = &self.key_mut(to.key).outcomes;
        let kept = outcomes.binary_search_by_key(&to.request, |outcome| outcome.request).ok().map(|at| outcomes[at]);
        match kept {
            None => self.reject(call, to, Reject::OutcomeExpired),
            Some(outcome) if outcome.payload_hash != payload_hash => {
                self.reject(call, to, Reject::RequestNumberReused);
            }
            Some(Outcome { sequence: original, result, .. }) => {
                let (order, reject) = (result.ok().flatten(), result.err());
                self.emit(call, to, Event::Outcome { original, order, reject, command: call.kind });
            }
        }
    }

    fn remember(&mut self, call: &Call<'_>, request: RequestNumber, payload_hash: u64, result: RequestResult) {
        let id = call.header.key;
        let created = if call.kind == CommandKind::NewOrder { result.ok().flatten() } else { None };
        let outcome = Outcome { request, sequence: call.header.sequence, payload_hash, result, created };
        self.sum.add(outcome.hash(id));
        let key = self.key_mut(id);
        let step = u128::from(request.raw() - key.request_mark.raw()) << 64;
        let of_mark = key.weight.wrapping_mul(step);
        key.request_mark = request;
        let oldest = if key.outcomes.len() == OUTCOMES_PER_KEY { key.outcomes.pop_front() } else { None };
        key.outcomes.push_back(outcome);
        self.sum.add(of_mark);
        if let Some(oldest) = oldest {
            self.sum.remove(oldest.hash(id));
        }
    }
}
