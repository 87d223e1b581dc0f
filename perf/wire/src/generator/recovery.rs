//! A failover under load: sessions that are lost come back at the other node, and what they were told is compared with what the
//! node that is left says.
//!
//! ```text
//!   primary killed --> [`Generator::lose`] --> standby asked again and again --> logon, replay of what was missed --> what is
//!       still unanswered is sent again under its numbers --> the schedule goes on, late          ... at the end:
//!   every report that a session was ever told <--[`Generator::verify`]--> every report that the node has of its key
//! ```
//!
//! Invariants: the schedule never stops: what could not be sent waits with its intended time. A session is lost only after
//! whoever kills the primary has said so; anything else that ends one is an error. One session alone asks a standby that does
//! not lead yet, so that asking is no load.
//! Owning thread: the generator's.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tidegate_wire::{GatewayStamps, OrderRequest, Report, ReportBody};

use super::{Drive, Generator};
use crate::client::{Login, WireClient};
use crate::ready::Ready;

/// Between two attempts of a session.
const ATTEMPT_EVERY: Duration = Duration::from_millis(5);
/// Longest time in which nobody takes over.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// When there were no answers, in nanoseconds after the beginning of the measured part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last answer before.
    pub last_ns: u64,
    /// The first answer of a session that came back.
    pub first_ns: u64,
}

/// What the node that is left says about what was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Reports that were compared.
    pub reports: u64,
    /// Requests of which a report was told that the node does not have, or has otherwise.
    pub lost: u64,
    /// Requests that were carried out, or refused, more than once.
    pub duplicated: u64,
}

/// A session without a connection.
#[derive(Debug)]
struct Away {
    since: Instant,
    tried: Option<Instant>,
    /// Whether the connection is there and the logon under way.
    is_logging_on: bool,
    last_error: String,
}

/// See the module.
pub(super) struct Recovery {
    /// By session: the other node.
    logins: Vec<Login>,
    /// The primary was, or is about to be, killed.
    is_killed: Arc<AtomicBool>,
    /// By session.
    away: Vec<Option<Away>>,
    /// By session: it is at the other node.
    is_back: Vec<bool>,
    /// By session: the last report before the load, and those since then.
    told: Vec<(u64, Vec<Report>)>,
    last_ns: u64,
    gap: Option<Gap>,
    /// The sockets that are asked which of them can be read have changed.
    is_changed: bool,
}

impl Recovery {
    /// A session was told this.
    pub(super) fn note(&mut self, index: usize, report: &Report, is_answer: bool, now_ns: u64) {
        self.told[index].1.push(*report);
        if !is_answer {
            return;
        }
        if !self.is_back[index] {
            self.last_ns = now_ns;
        } else if self.gap.is_none() {
            self.gap = Some(Gap { last_ns: self.last_ns, first_ns: now_ns });
        }
    }
}

/// A report without what may differ between two nodes, or two readings: the flag of a lone primary, and the gateway's stamps.
fn bare(report: &Report) -> Report {
    Report { degraded: false, stamps: GatewayStamps::default(), ..*report }
}

/// Takes the reports of a node, in their order, beside those that were told.
struct Comparison<'a> {
    told: std::slice::Iter<'a, Report>,
    lost: BTreeSet<u64>,
    answers: Answers,
}

impl<'a> Comparison<'a> {
    fn of(told: &'a [Report]) -> Self {
        Self { told: told.iter(), lost: BTreeSet::new(), answers: Answers::default() }
    }

    fn take(&mut self, report: &Report) {
        self.answers.note(report);
        // Some were not told yet: they are the node's to tell.
        while let Some(told) = self.told.as_slice().first()
            && told.session_sequence <= report.session_sequence
        {
            self.told.next();
            if bare(told) != bare(report) {
                self.lost.insert(told.request.raw());
            }
        }
    }

    fn verdict(mut self, reports: u64) -> Verdict {
        self.lost.extend(self.told.map(|told| told.request.raw()));
        Verdict { reports, lost: self.lost.len() as u64, duplicated: self.answers.duplicated() }
    }
}

impl Generator {
    /// From here on the sessions may be lost once `is_killed` is set, and come back with these logins.
    pub fn expect_failover(&mut self, logins: Vec<Login>, is_killed: Arc<AtomicBool>) {
        assert_eq!(logins.len(), self.sessions.len(), "a login for each session");
        self.recovery = Some(Recovery {
            away: logins.iter().map(|_| None).collect(),
            is_back: vec![false; logins.len()],
            told: self.clients.iter().map(|client| (client.last_report, Vec::new())).collect(),
            logins,
            is_killed,
            last_ns: 0,
            gap: None,
            is_changed: false,
        });
    }

    /// When there were no answers; `None` when no session came back with one.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        self.recovery.as_ref()?.gap
    }

    /// Whether some session is.
    pub(super) fn is_away(&self) -> bool {
        self.recovery.as_ref().is_some_and(|recovery| recovery.away.iter().any(Option::is_some))
    }

    pub(super) fn is_session_away(&self, index: usize) -> bool {
        self.recovery.as_ref().is_some_and(|recovery| recovery.away[index].is_some())
    }

    /// All others, while the kernel cannot be asked which of them can be read.
    pub(super) fn name_all_that_are_there(&self, named: &mut Vec<usize>) {
        named.clear();
        named.extend((0..self.sessions.len()).filter(|index| !self.is_session_away(*index)));
    }

    /// A session's connection ended.
    pub(super) fn lose(&mut self, index: usize, error: String) -> Result<(), String> {
        let Some(recovery) = &mut self.recovery else { return Err(error) };
        if recovery.is_back[index] || !recovery.is_killed.load(Ordering::Acquire) {
            return Err(error);
        }
        let away = Away { since: Instant::now(), tried: None, is_logging_on: false, last_error: error };
        recovery.away[index] = Some(away);
        recovery.is_changed = true;
        self.sessions[index].is_behind = true;
        Ok(())
    }

    /// Goes on with every session that is away, without waiting.
    pub(super) fn come_back(&mut self, load: &mut Drive<'_>) -> Result<(), String> {
        let mut is_served = self.recovery.as_ref().is_some_and(|recovery| recovery.is_back.contains(&true));
        for index in 0..self.sessions.len() {
            if !self.is_session_away(index) {
                continue;
            }
            if self.try_to_come_back(index, load)? {
                self.send_again(index)?;
                is_served = true;
            }
            // Until one is served, the others only would disturb.
            if !is_served {
                break;
            }
        }
        let recovery = self.recovery.as_mut().expect("somebody is away");
        if recovery.is_changed && recovery.away.iter().all(Option::is_none) {
            self.ready = Ready::of(&self.clients).map_err(|error| format!("epoll: {error}"))?;
            recovery.is_changed = false;
        }
        Ok(())
    }

    /// Whether it is back.
    fn try_to_come_back(&mut self, index: usize, load: &mut Drive<'_>) -> Result<bool, String> {
        let recovery = self.recovery.as_mut().expect("somebody is away");
        let mut away = recovery.away[index].take().expect("this one is away");
        let (client, login) = (&mut self.clients[index], recovery.logins[index].clone());
        if !away.is_logging_on {
            if away.since.elapsed() > GIVE_UP_AFTER {
                let seconds = GIVE_UP_AFTER.as_secs();
                return Err(format!("nobody took session {index} for {seconds} s; the last word: {}", away.last_error));
            }
            if away.tried.is_some_and(|tried| tried.elapsed() < ATTEMPT_EVERY) {
                recovery.away[index] = Some(away);
                return Ok(false);
            }
            away.tried = Some(Instant::now());
            match client.reconnect(&login) {
                Ok(()) => away.is_logging_on = true,
                Err(error) => away.last_error = error,
            }
            recovery.away[index] = Some(away);
            return Ok(false);
        }
        let now = load.now_ns();
        // What is replayed is an answer like any other.
        recovery.is_back[index] = true;
        let (session, trades, account) = (&mut self.sessions[index], &mut self.trades, &mut *load.account);
        let last = &mut self.last_sequence;
        let result = client.advance(&login, &mut |report| {
            *last = report.sequence.raw().max(*last);
            let is_answer = session.take(report, now, trades, account);
            recovery.note(index, report, is_answer, now);
            Ok(())
        });
        match result {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => (away.is_logging_on, away.last_error) = (false, error),
        }
        recovery.is_back[index] = false;
        recovery.away[index] = Some(away);
        Ok(false)
    }

    /// What was not answered, under the same numbers.
    fn send_again(&mut self, index: usize) -> Result<(), String> {
        for waiting in &self.sessions[index].in_flight {
            let request = OrderRequest { request: waiting.request, action: waiting.action.clone() };
            self.clients[index].queue_again(&request);
        }
        self.flush(index)
    }

    /// Reads every report of every session since the load began once more from the node that is left, and compares. The sessions
    /// are taken over with it.
    ///
    /// # Errors
    /// A session that ended.
    ///
    /// # Panics
    /// Without [`Self::expect_failover`].
    pub fn verify(&self) -> Result<Verdict, String> {
        let recovery = self.recovery.as_ref().expect("a failover was expected");
        let mut verdict = Verdict::default();
        for ((before, told), login) in recovery.told.iter().zip(&recovery.logins) {
            let mut comparison = Comparison::of(told);
            let mut client = WireClient::connect(login, *before)?;
            client.finish_logon(login, &mut |report| {
                comparison.take(report);
                Ok(())
            })?;
            let Verdict { reports, lost, duplicated } = comparison.verdict(told.len() as u64);
            verdict.reports += reports;
            verdict.lost += lost;
            verdict.duplicated += duplicated;
        }
        Ok(verdict)
    }
}

/// How often requests were answered.
#[derive(Debug, Default)]
struct Answers {
    by_request: HashMap<u64, Counts>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    accepted: u32,
    quoted: u32,
    /// An order was changed: the answer to a cancel, or a later report of the order that this request put.
    changed: u32,
    other: u32,
}

impl Answers {
    fn note(&mut self, report: &Report) {
        let counts = self.by_request.entry(report.request.raw()).or_default();
        let place = match report.body {
            ReportBody::OrderAccepted { .. } => &mut counts.accepted,
            ReportBody::MassQuoteDone { .. } => &mut counts.quoted,
            ReportBody::OrderCancelled { .. } | ReportBody::OrderReduced { .. } | ReportBody::OrderReplaced { .. } => {
                &mut counts.changed
            }
            ReportBody::Rejected { .. }
            | ReportBody::Outcome { .. }
            | ReportBody::CancelAllDone { .. }
            | ReportBody::ProtectionSet { .. }
            | ReportBody::ProtectionReset { .. } => &mut counts.other,
            _ => return,
        };
        *place += 1;
    }

    fn duplicated(&self) -> u64 {
        let answers = |counts: &&Counts| match **counts {
            Counts { quoted, other, .. } if quoted > 0 => quoted + other,
            Counts { accepted, other, .. } if accepted > 0 => accepted + other,
            Counts { changed, other, .. } => changed + other,
        };
        self.by_request.values().filter(|counts| answers(counts) > 1).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use tidegate_domain::{
        AccountId, CancelReason, CommandKind, Epoch, KeyId, MarketId, OrderId, OrderOptions, OrderType, Price, Qty,
        Reject, RequestNumber, Sequence, SessionSequence, Side, TimeInForce, Timestamp,
    };

    use super::*;

    fn report(request: u64, body: ReportBody) -> Report {
        Report {
            session_sequence: SessionSequence::new(1),
            request: RequestNumber::new(request),
            sequence: Sequence::new(9),
            index: 0,
            epoch: Epoch::new(1),
            time: Timestamp::from_nanos(1),
            account: AccountId::new(1),
            market: MarketId::new(1),
            key: KeyId::new(1),
            degraded: false,
            last: true,
            stamps: GatewayStamps::default(),
            body,
        }
    }

    fn accepted() -> ReportBody {
        ReportBody::OrderAccepted {
            order: OrderId::new(9),
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            price: Price::from_ticks(5),
            qty: Qty::from_lots(1),
            options: OrderOptions::default(),
        }
    }

    fn cancelled() -> ReportBody {
        let (price, cancelled, reason) = (Price::from_ticks(5), Qty::from_lots(1), CancelReason::Requested);
        ReportBody::OrderCancelled { order: OrderId::new(9), side: Side::Buy, price, cancelled, reason }
    }

    fn duplicated(reports: &[(u64, ReportBody)]) -> u64 {
        let mut answers = Answers::default();
        reports.iter().for_each(|(request, body)| answers.note(&report(*request, *body)));
        answers.duplicated()
    }

    #[test]
    fn an_order_and_what_becomes_of_it_is_no_duplicate_but_two_answers_are() {
        let rejected = ReportBody::Rejected { reason: Reject::UnknownOrder, command: CommandKind::CancelOrder };
        let quoted = ReportBody::MassQuoteDone { accepted: 2, withdrawn: 0, rejected: 0 };
        assert_eq!(duplicated(&[(1, accepted()), (2, cancelled()), (3, accepted()), (3, cancelled())]), 0);
        assert_eq!(duplicated(&[(1, accepted()), (1, accepted()), (3, accepted())]), 1);
        assert_eq!(duplicated(&[(2, cancelled()), (2, rejected)]), 1, "a cancel that was carried out twice");
        assert_eq!(duplicated(&[(4, accepted()), (4, accepted()), (4, quoted)]), 0, "both sides of a quote");
        assert_eq!(duplicated(&[(4, quoted), (4, quoted)]), 1);
    }

    #[test]
    fn two_nodes_tell_the_same_report_but_for_the_flag_and_the_stamps() {
        let one = report(1, accepted());
        let stamps = GatewayStamps { received: Timestamp::from_nanos(5), ..GatewayStamps::default() };
        let numbered =
            |report: &Report, number: u64| Report { session_sequence: SessionSequence::new(number), ..*report };
        let told: Vec<Report> = (1..=3).map(|number| numbered(&one, number)).collect();
        let lost = |has: &[Report]| {
            let mut comparison = Comparison::of(&told);
            has.iter().for_each(|report| comparison.take(report));
            comparison.verdict(3).lost
        };
        let flagged = Report { degraded: true, stamps, ..one };
        assert_eq!(lost(&[told[0], numbered(&flagged, 2), told[2]]), 0);
        assert_eq!(lost(&[told[0], told[1], told[2], numbered(&one, 4)]), 0, "one that was not told yet");
        assert_eq!(lost(&[told[0], told[1]]), 1, "the end is gone");
        assert_eq!(lost(&[told[0], told[2]]), 1, "one in between is gone");
        assert_eq!(lost(&[told[0], Report { epoch: Epoch::new(2), ..told[1] }, told[2]]), 1, "it is another one");
        assert_eq!(lost(&[]), 1, "three reports of one request");
    }
}
