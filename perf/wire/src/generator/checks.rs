//! What must hold after any load: every answer there, reports without contradictions, the node's book that of the reports.
//!
//! Owning thread: the generator's.

use std::time::Instant;

use tidegate_domain::{OrderStatus, Reject};
use tidegate_latency::Check;
use tidegate_wire::{OrderAction, Report, ReportBody};

use super::{Generator, PATIENCE, Source};

/// What a recording's requests may be refused for when they arrive in another order, or at another time of the day, than they
/// were recorded: what they wanted to change is gone, or what they would meet has changed.
const MOVED: &[Reject] = &[
    Reject::UnknownOrder,
    Reject::OrderNotOpen,
    Reject::ReplaceBelowFilled,
    Reject::PostOnlyWouldTake,
    Reject::FillOrKillUnfillable,
    Reject::NoLiquidity,
    Reject::StopWouldTrigger,
    Reject::StopNotReplaceable,
    Reject::ExpiryInThePast,
    Reject::ProtectionActive,
];

impl Generator {
    /// Asks the node for every open order of every session and compares; then everything that must hold after any load.
    /// `is_alone`: nobody else trades in these markets.
    ///
    /// # Errors
    /// A session that ended.
    pub fn check(&mut self, is_alone: bool) -> Result<Vec<Check>, String> {
        let check = |name: &str, ok: bool, detail: String| Check { name: name.to_owned(), ok, detail };
        let mut checks = Vec::new();
        let unanswered = self.unanswered;
        checks.push(check("every request is answered", unanswered == 0, format!("{unanswered} without an answer")));
        let misfits = self.misfits;
        checks.push(check("answers fit their requests", misfits == 0, format!("{misfits} of another kind")));
        if self.is_all_accepted {
            let refusals = self.refusals;
            checks.push(check("nothing is refused", refusals == 0, format!("{refusals} refusals")));
        }
        if let Source::Recorded(recording) = &self.source {
            let sent = recording.steps().len() - recording.left();
            let unexplained: Vec<&str> = self.unexplained_refusals().collect();
            let mut detail = format!("{} of {sent} refused", self.refusals);
            if !unexplained.is_empty() {
                detail += &format!("; not for that: {}", unexplained.join(", "));
            }
            checks.push(check(
                "what is refused came too late for its order or the book",
                unexplained.is_empty(),
                detail,
            ));
        }
        let contradiction = self.sessions.iter().find_map(|session| session.orders.contradiction());
        let detail = contradiction.map_or_else(
            || "each follows from those before".to_owned(),
            |(first, count)| format!("{count} of a session do not: {first}"),
        );
        checks.push(check("reports follow from each other", contradiction.is_none(), detail));
        if is_alone {
            let detail = format!("{} trades", self.trades.count());
            checks.push(check("both sides of every trade agree", self.trades.are_paired(), detail));
        }
        if unanswered == 0 {
            checks.push(self.check_open_orders()?);
        }
        Ok(checks)
    }

    fn unexplained_refusals(&self) -> impl Iterator<Item = &str> {
        let is_moved = |name: &str| MOVED.iter().any(|reject| reject.as_str() == name);
        self.refused_for.iter().map(String::as_str).filter(move |name| !is_moved(name.trim_start_matches("quote: ")))
    }

    fn check_open_orders(&mut self) -> Result<Check, String> {
        let (mut open, mut wrong) = (0, None);
        for index in 0..self.sessions.len() {
            let found = self.open_orders(index)?;
            open += found.len();
            let difference = self.sessions[index].orders.difference(&found);
            wrong = wrong.or(difference.map(|what| format!("session {index}: {what}")));
        }
        let ok = wrong.is_none();
        let detail = wrong.unwrap_or_else(|| format!("{open} open orders of {} sessions", self.sessions.len()));
        Ok(Check { name: "the final book is the one of the reports".to_owned(), ok, detail })
    }

    /// What the node says is open; nobody else's fills may come meanwhile.
    fn open_orders(&mut self, index: usize) -> Result<Vec<OrderStatus>, String> {
        let (client, session) = (&mut self.clients[index], &mut self.sessions[index]);
        let (asked, _) = client.queue(OrderAction::QueryOrders { market: None });
        client.flush()?;
        let (mut found, mut counted) = (Vec::new(), None);
        let begun = Instant::now();
        while counted.is_none() {
            if !client.read()? && begun.elapsed() > PATIENCE {
                return Err(format!("no list of open orders after {} s", PATIENCE.as_secs()));
            }
            client.for_each_report(|report: &Report| {
                session.orders.note(report);
                match report.body {
                    ReportBody::OrderStatus(status) => found.push(status),
                    ReportBody::QueryDone { count } if report.request == asked.request => counted = Some(count),
                    ReportBody::Rejected { reason, .. } => {
                        return Err(format!("a list of open orders is refused: {}", reason.as_str()));
                    }
                    _ => {}
                }
                Ok(())
            })?;
        }
        if counted != Some(found.len() as u64) {
            return Err(format!("{} open orders were listed, {counted:?} announced", found.len()));
        }
        Ok(found)
    }
}
