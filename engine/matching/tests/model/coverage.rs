//! What random scripts reached: a model test that never fills an order proves nothing.

use std::collections::BTreeMap;
use std::fmt;

use tidegate_domain::*;

/// Least count of everything that is not rare.
const ENOUGH: u64 = 10;

#[derive(Default)]
pub(crate) struct Coverage {
    events: BTreeMap<EventKind, u64>,
    cancels: BTreeMap<CancelReason, u64>,
    closes: BTreeMap<SessionCloseReason, u64>,
    rejects: BTreeMap<(Reject, CommandKind), u64>,
    outcomes: BTreeMap<CommandKind, u64>,
}

impl Coverage {
    pub(crate) fn count(&mut self, event: &Event) {
        *self.events.entry(event.kind()).or_default() += 1;
        match *event {
            Event::Rejected { reason, command } => *self.rejects.entry((reason, command)).or_default() += 1,
            Event::QuoteRejected { reason, .. } => {
                *self.rejects.entry((reason, CommandKind::MassQuote)).or_default() += 1;
            }
            Event::Outcome { command, .. } => *self.outcomes.entry(command).or_default() += 1,
            Event::OrderCancelled { reason, .. } => *self.cancels.entry(reason).or_default() += 1,
            Event::SessionClosed { reason, .. } => *self.closes.entry(reason).or_default() += 1,
            _ => {}
        }
    }

    /// # Panics
    /// When something that is not rare was hardly seen; `times` as often as in a short run.
    pub(crate) fn assert_enough(&self, times: u64) {
        let enough = ENOUGH * times;
        for kind in EventKind::ALL.iter().filter(|kind| **kind != EventKind::JournalBegun) {
            assert!(self.events.get(kind).is_some_and(|count| *count >= enough), "hardly any {kind}\n{self}");
        }
        for reason in CancelReason::ALL {
            assert!(self.cancels.get(reason).is_some_and(|count| *count >= enough), "hardly any {reason}\n{self}");
        }
        for reason in SessionCloseReason::ALL {
            assert!(self.closes.get(reason).is_some_and(|count| *count >= enough), "hardly any {reason}\n{self}");
        }
        for reason in Reject::ALL {
            assert!(self.of_reject(*reason) >= enough, "hardly any {reason}\n{self}");
        }
    }

    /// What only long scripts reach, or large ones.
    ///
    /// # Panics
    /// When one of them was not seen.
    pub(crate) fn assert_rare(&self) {
        let rare = [
            (Reject::TableFull, CommandKind::SetProtection),
            (Reject::TableFull, CommandKind::NewOrder),
            (Reject::TableFull, CommandKind::Transfer),
            (Reject::PriceOutOfBand, CommandKind::ReplaceOrder),
            (Reject::PriceOutOfStaticBand, CommandKind::ReplaceOrder),
            (Reject::PostOnlyWouldTake, CommandKind::ReplaceOrder),
            (Reject::MarketPostOnly, CommandKind::ReplaceOrder),
            (Reject::InsufficientFunds, CommandKind::ReplaceOrder),
            (Reject::QtyOverAccountLimit, CommandKind::ReplaceOrder),
            (Reject::NotionalOverAccountLimit, CommandKind::ReplaceOrder),
            (Reject::NotionalTooSmall, CommandKind::ReplaceOrder),
            (Reject::MarketHalted, CommandKind::ReplaceOrder),
            (Reject::MarketHalted, CommandKind::ReduceOrder),
            (Reject::OrderNotOpen, CommandKind::ReplaceOrder),
            (Reject::OutcomeExpired, CommandKind::NewOrder),
            (Reject::UnknownMarket, CommandKind::MassQuote),
            (Reject::MarketHalted, CommandKind::MassQuote),
            (Reject::MarketClosed, CommandKind::MassQuote),
            (Reject::AccountKilled, CommandKind::MassQuote),
            (Reject::QtyTooSmall, CommandKind::MassQuote),
            (Reject::PriceTooLow, CommandKind::MassQuote),
            (Reject::ProtectionActive, CommandKind::MassQuote),
            (Reject::TooManyOpenOrders, CommandKind::MassQuote),
            (Reject::TableFull, CommandKind::MassQuote),
            (Reject::PostOnlyWouldTake, CommandKind::MassQuote),
            (Reject::PriceOutOfBand, CommandKind::MassQuote),
            (Reject::PriceOutOfStaticBand, CommandKind::MassQuote),
            (Reject::NotionalTooSmall, CommandKind::MassQuote),
            (Reject::QtyOverAccountLimit, CommandKind::MassQuote),
            (Reject::NotionalOverAccountLimit, CommandKind::MassQuote),
            (Reject::MarketPostOnly, CommandKind::MassQuote),
            (Reject::InsufficientFunds, CommandKind::MassQuote),
            (Reject::RequestNumberReused, CommandKind::MassQuote),
            (Reject::KeyNotAllowed, CommandKind::MassQuote),
            (Reject::KeyNotAllowed, CommandKind::HoldWithdrawal),
            (Reject::KeyNotAllowed, CommandKind::Transfer),
            (Reject::KeyNotAllowed, CommandKind::SetKillSwitch),
            (Reject::KeyNotAllowed, CommandKind::SetKeyRoles),
            (Reject::KeyNotAllowed, CommandKind::OpenSession),
            (Reject::KeyNotAllowed, CommandKind::QueryOrder),
            (Reject::KeyNotAllowed, CommandKind::CancelAllAfter),
            (Reject::UnknownOrder, CommandKind::QueryOrder),
            (Reject::OrderNotOpen, CommandKind::QueryOrder),
            (Reject::UnknownMarket, CommandKind::QueryOrders),
            (Reject::UnknownAsset, CommandKind::QueryBalances),
            (Reject::UnknownKey, CommandKind::SetKeyNetworks),
            (Reject::RequestNumberReused, CommandKind::SetKillSwitch),
            (Reject::UnknownKey, CommandKind::SetKeyRoles),
        ];
        // Only keys are answered by those.
        let queries = [CommandKind::QueryOrder, CommandKind::QueryOrders, CommandKind::QueryBalances];
        let kinds = [CommandKind::MassQuote, CommandKind::SetKillSwitch, CommandKind::SetKeyRoles];
        for kind in [CommandKind::CancelAllAfter].into_iter().chain(kinds).chain(queries) {
            assert!(self.outcomes.contains_key(&kind), "no outcome of {kind}\n{self}");
        }
        for pair in rare {
            assert!(self.rejects.contains_key(&pair), "no {} of {}\n{self}", pair.0, pair.1);
        }
    }

    fn of_reject(&self, reason: Reject) -> u64 {
        self.rejects.iter().filter(|((of, _), _)| *of == reason).map(|(_, count)| *count).sum()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, count) in &self.events {
            writeln!(f, "{count:9} {kind}")?;
        }
        for (command, count) in &self.outcomes {
            writeln!(f, "{count:9} outcome of {command}")?;
        }
        for (reason, count) in &self.cancels {
            writeln!(f, "{count:9} cancelled: {reason}")?;
        }
        for (reason, count) in &self.closes {
            writeln!(f, "{count:9} closed: {reason}")?;
        }
        for ((reason, command), count) in &self.rejects {
            writeln!(f, "{count:9} rejected: {reason} ({command})")?;
        }
        for reason in Reject::ALL {
            if self.of_reject(*reason) == 0 {
                writeln!(f, "    never rejected: {reason}")?;
            }
        }
        Ok(())
    }
}
