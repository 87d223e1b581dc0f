//! Requests of clients, executed at most once: RULES.md, 1.5.

use tidegate_domain::*;

use super::{Answer, Done, Naive, refuse_if};

/// How many outcomes of a key are kept.
const WINDOW: usize = 1_024;

impl Naive {
    pub(super) fn once(&mut self, market: u32, command: &Command) {
        let (key, request) = (self.now.key.raw(), self.now.request.raw());
        if !self.has_key(key) || self.keys[key as usize - 1].account != self.now.account.raw() {
            return self.refuse(market, Reject::UnknownKey);
        }
        if request == 0 {
            return self.refuse(market, Reject::RequestNumberZero);
        }
        let known = &self.keys[key as usize - 1];
        if request <= known.mark {
            let answer = match known.done.iter().find(|done| done.request == request) {
                None => Err(Reject::OutcomeExpired),
                Some(done) if done.payload != self.payload => Err(Reject::RequestNumberReused),
                Some(done) => Ok(Event::Outcome {
                    original: Sequence::new(done.sequence),
                    order: done.order.map(OrderId::new),
                    reject: done.reject,
                    command: command.kind(),
                }),
            };
            return match answer {
                Ok(event) => self.answer(market, event),
                Err(reason) => self.refuse(market, reason),
            };
        }
        let needed = match command.kind() {
            CommandKind::HoldWithdrawal | CommandKind::Transfer => Roles::PAY,
            CommandKind::SetKillSwitch | CommandKind::SetKeyRoles => Roles::ADMIN,
            CommandKind::QueryOrder | CommandKind::QueryOrders | CommandKind::QueryBalances => Roles::READ,
            _ => Roles::TRADE,
        };
        let is_allowed = known.roles.bits() & needed.bits() != 0;
        let answer = if is_allowed { self.request(command) } else { Err(Reject::KeyNotAllowed) };
        if let Err(reason) = answer {
            self.refuse(market, reason);
        }
        let done = Done {
            request,
            sequence: self.now.sequence.raw(),
            payload: self.payload.clone(),
            made: self.made.clone(),
            order: answer.unwrap_or(None),
            reject: answer.err(),
        };
        let known = &mut self.keys[key as usize - 1];
        known.mark = request;
        known.done.push_back(done);
        if known.done.len() > WINDOW {
            known.done.pop_front();
        }
        // Only when everything else is done, an answer to another key included: 2.7.
        self.trigger_stops();
    }

    fn request(&mut self, command: &Command) -> Answer {
        match *command {
            Command::NewOrder(ref new) => self.new_order(new),
            Command::CancelOrder { target } => self.cancel(target),
            Command::ReduceOrder { target, by } => self.reduce(target, by.lots().into()),
            Command::ReplaceOrder { target, price, qty } => {
                self.replace(target, price.ticks().into(), qty.lots().into())
            }
            Command::CancelAll(ref filter) => self.cancel_all(filter),
            Command::SetProtection { group, window, qty_max, count_max } => {
                self.set_protection(group, window, qty_max, count_max)
            }
            Command::ResetProtection { group } => self.reset_protection(group),
            Command::MassQuote(_) => self.mass_quote(),
            Command::CancelAllAfter { timeout } => self.cancel_all_after(timeout.nanos()),
            Command::QueryOrder { target } => self.query_order(target),
            Command::QueryOrders { market } => self.query_orders(market.map(MarketId::raw)),
            Command::QueryBalances { asset } => self.query_balances(asset.map(AssetId::raw)),
            Command::HoldWithdrawal { .. } | Command::Transfer { .. } => {
                self.pay(command)?;
                self.answer_as_to_a_request()
            }
            Command::SetKeyRoles { key, roles } => {
                let (giver, keys) = (self.now.key.raw() as usize, &self.keys);
                let is_own = self.has_key(key.raw()) && keys[key.raw() as usize - 1].account == keys[giver - 1].account;
                refuse_if(!is_own, Reject::UnknownKey)?;
                let has = |key: usize| keys[key - 1].roles.bits();
                let added = roles.bits() & !has(key.raw() as usize);
                refuse_if(added & !has(giver) != 0, Reject::KeyNotAllowed)?;
                self.set_up(command)?;
                self.answer_as_to_a_request()
            }
            _ => {
                self.set_up(command)?;
                self.answer_as_to_a_request()
            }
        }
    }

    /// The last row of 1.5: what the operator is told too has no number, so an outcome follows, if it is none itself.
    fn answer_as_to_a_request(&mut self) -> Answer {
        if !matches!(self.out.last(), Some((_, Event::Outcome { .. }))) {
            self.answer_as_before(self.now.sequence.raw());
        }
        Ok(None)
    }
}
