//! What is written down of each request and its answer.
//!
//! ```text
//!   intended ---- late? ---- sent ------------- service ------------> answered
//!      \------------------------------ response ----------------------/
//! ```
//!
//! Hot path: called for every request and answer by the generator.
//!
//! Invariants: only requests that were intended inside the measured part count, with their answers whenever they come; the
//! response time counts from the intention, so a generator or a node that falls behind shows in it. No clock in here.
//! Owning thread: the generator's.

use std::collections::BTreeMap;

use tidegate_domain::RequestNumber;
use tidegate_latency::{LateSends, Outlier, Recorder};
use tidegate_wire::{OrderAction, Report, ReportBody};

use crate::schedule::SECOND_NS;

/// A request that has not been answered.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    /// Its number.
    pub(crate) request: RequestNumber,
    /// What it asks.
    pub(crate) action: OrderAction,
    /// When it should have gone out.
    pub(crate) intended_ns: u64,
    /// When it did.
    pub(crate) sent_ns: u64,
}

impl InFlight {
    /// Whether this report is its answer: the first with its number, of a mass quote the one that sums up.
    pub(crate) fn is_answered_by(&self, report: &Report) -> bool {
        let sums_up = !matches!(self.action, OrderAction::MassQuote { .. })
            || matches!(report.body, ReportBody::MassQuoteDone { .. } | ReportBody::Rejected { .. });
        report.request == self.request && sums_up
    }

    /// Whether such a report can be an answer to what was asked.
    fn fits(&self, body: &ReportBody) -> bool {
        matches!(
            (&self.action, body),
            (_, ReportBody::Rejected { .. })
                | (OrderAction::New(_), ReportBody::OrderAccepted { .. })
                | (OrderAction::Cancel { .. }, ReportBody::OrderCancelled { .. })
                | (OrderAction::MassQuote { .. }, ReportBody::MassQuoteDone { .. })
        )
    }
}

/// The measured part, after the beginning of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Where it begins: the warm-up's end.
    pub from_ns: u64,
    /// Where it ends.
    pub to_ns: u64,
}

/// What a load came to.
#[derive(Clone, Debug)]
pub struct Account {
    measured: Measured,
    outliers_max: usize,
    /// From the intention to the answer.
    pub response: Recorder,
    /// From the send to the answer.
    pub service: Recorder,
    /// See [`LateSends`].
    pub late: LateSends,
    /// Requests of the measured part.
    pub sent: u64,
    /// Those of them that were answered.
    pub answered: u64,
    /// Those that were answered before the measured part ended.
    answered_in_time: u64,
    /// Refusals by reason.
    pub rejects: BTreeMap<String, u64>,
    /// Answers of a kind that the request does not have.
    pub misfits: u64,
    slowest: Vec<Outlier>,
    /// A latency above which one of [`Self::slowest`] has to go.
    slowest_min_ns: u64,
}

impl Account {
    /// With room for the whole of it.
    #[must_use]
    pub fn new(measured: Measured, late_threshold_ns: u64, outliers_max: usize) -> Self {
        let seconds = (measured.to_ns - measured.from_ns).div_ceil(SECOND_NS) + 1;
        Self {
            measured,
            outliers_max,
            response: Recorder::with_seconds(seconds),
            service: Recorder::with_seconds(seconds),
            late: LateSends { count: 0, max_ns: 0, threshold_ns: late_threshold_ns },
            sent: 0,
            answered: 0,
            answered_in_time: 0,
            rejects: BTreeMap::new(),
            misfits: 0,
            slowest: Vec::with_capacity(outliers_max),
            slowest_min_ns: 0,
        }
    }

    fn counts(&self, intended_ns: u64) -> bool {
        (self.measured.from_ns..self.measured.to_ns).contains(&intended_ns)
    }

    /// A request goes out.
    pub(crate) fn note_sent(&mut self, intended_ns: u64, sent_ns: u64) {
        if !self.counts(intended_ns) {
            return;
        }
        self.sent += 1;
        let late_ns = sent_ns.saturating_sub(intended_ns);
        if late_ns > self.late.threshold_ns {
            self.late.count += 1;
        }
        self.late.max_ns = self.late.max_ns.max(late_ns);
    }

    /// Its answer was read.
    pub(crate) fn note_answered(&mut self, request: InFlight, report: &Report, now_ns: u64) {
        if !request.fits(&report.body) {
            self.misfits += 1;
        }
        if !self.counts(request.intended_ns) {
            return;
        }
        self.answered += 1;
        self.answered_in_time += u64::from(now_ns < self.measured.to_ns);
        let at_ns = now_ns.saturating_sub(self.measured.from_ns);
        let latency_ns = now_ns.saturating_sub(request.intended_ns);
        self.response.record(at_ns, latency_ns);
        self.service.record(at_ns, now_ns.saturating_sub(request.sent_ns));
        if latency_ns > self.slowest_min_ns || self.slowest.len() < self.outliers_max {
            self.note_slow(&request, report, at_ns, latency_ns);
        }
    }

    /// A refusal of a request, or of one side of a quote.
    pub(crate) fn note_refusal(&mut self, report: &Report) {
        let reason = match report.body {
            ReportBody::Rejected { reason, .. } => reason.as_str().to_owned(),
            ReportBody::QuoteRejected { reason, .. } => format!("quote: {}", reason.as_str()),
            _ => return,
        };
        *self.rejects.entry(reason).or_default() += 1;
    }

    #[cold]
    fn note_slow(&mut self, request: &InFlight, report: &Report, at_ns: u64, latency_ns: u64) {
        if self.outliers_max == 0 {
            return;
        }
        if self.slowest.len() == self.outliers_max {
            let fastest = (0..self.slowest.len()).min_by_key(|index| self.slowest[*index].latency_ns);
            self.slowest.swap_remove(fastest.expect("there is room for at least one"));
        }
        self.slowest.push(Outlier {
            at_ns,
            latency_ns,
            sequence: report.sequence.raw(),
            request: request.request.raw(),
            content: describe(&request.action),
            ..Outlier::default()
        });
        if self.slowest.len() == self.outliers_max {
            self.slowest_min_ns = self.slowest.iter().map(|outlier| outlier.latency_ns).min().unwrap_or(0);
        }
    }

    /// The slowest ones, the slowest first.
    #[must_use]
    pub fn outliers(&self) -> Vec<Outlier> {
        let mut slowest = self.slowest.clone();
        slowest.sort_by_key(|outlier| (std::cmp::Reverse(outlier.latency_ns), outlier.at_ns));
        slowest
    }

    /// Requests a second that were answered inside the measured part.
    #[must_use]
    pub fn achieved_rate(&self) -> f64 {
        self.answered_in_time as f64 * SECOND_NS as f64 / (self.measured.to_ns - self.measured.from_ns) as f64
    }
}

/// A request in a line.
fn describe(action: &OrderAction) -> String {
    match action {
        OrderAction::New(order) => format!(
            "new {} {} lots at {} ticks, {}, market {}",
            order.side.as_str(),
            order.qty.lots(),
            order.price.ticks(),
            order.time_in_force.as_str(),
            order.market.raw()
        ),
        OrderAction::Cancel { target: tidegate_domain::OrderTarget::Request(request) } => {
            format!("cancel the order of request {}", request.raw())
        }
        OrderAction::MassQuote { quotes, .. } => format!("mass quote of {} quotes", quotes.len()),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use tidegate_domain::{
        AccountId, CommandKind, Epoch, KeyId, MarketId, OrderId, OrderTarget, Price, Qty, Reject, Sequence,
        SessionSequence, Side, TimeInForce, Timestamp,
    };
    use tidegate_wire::GatewayStamps;

    use super::*;

    const MEASURED: Measured = Measured { from_ns: 1_000, to_ns: 2_000 };

    fn in_flight(request: u64, intended_ns: u64, sent_ns: u64) -> InFlight {
        let (price, qty) = (Price::from_ticks(5), Qty::from_lots(1));
        let action = OrderAction::limit(MarketId::new(1), Side::Buy, TimeInForce::Gtc, price, qty);
        InFlight { request: RequestNumber::new(request), action, intended_ns, sent_ns }
    }

    fn rejected(request: u64) -> Report {
        Report {
            session_sequence: SessionSequence::new(1),
            request: RequestNumber::new(request),
            sequence: Sequence::new(100 + request),
            index: 0,
            epoch: Epoch::new(1),
            time: Timestamp::from_nanos(1),
            account: AccountId::new(1),
            market: MarketId::new(1),
            key: KeyId::new(1),
            degraded: false,
            last: true,
            stamps: GatewayStamps::default(),
            body: ReportBody::Rejected { reason: Reject::UnknownOrder, command: CommandKind::NewOrder },
        }
    }

    #[test]
    fn the_response_counts_from_the_intention_and_the_service_from_the_send() {
        let mut account = Account::new(MEASURED, 10, 3);
        account.note_sent(1_100, 1_400);
        account.note_answered(in_flight(1, 1_100, 1_400), &rejected(1), 1_500);
        assert_eq!((account.response.total().max(), account.service.total().max()), (400, 100));
        assert_eq!((account.late.count, account.late.max_ns), (1, 300));
    }

    #[test]
    fn a_send_is_late_only_beyond_the_threshold_and_the_latest_is_kept() {
        let mut account = Account::new(MEASURED, 50, 0);
        for (intended, sent) in [(1_000, 1_000), (1_100, 1_150), (1_200, 1_251), (1_300, 1_420)] {
            account.note_sent(intended, sent);
        }
        assert_eq!((account.sent, account.late.count, account.late.max_ns), (4, 2, 120));
    }

    #[test]
    fn what_was_intended_outside_the_measured_part_does_not_count() {
        let mut account = Account::new(MEASURED, 10, 3);
        for intended in [0, 999, 2_000, 5_000] {
            account.note_sent(intended, intended + 500);
            account.note_answered(in_flight(1, intended, intended + 500), &rejected(1), intended + 900);
        }
        assert_eq!((account.sent, account.answered, account.late.count), (0, 0, 0));
        assert!(account.outliers().is_empty());
    }

    #[test]
    fn an_answer_after_the_end_counts_as_a_sample_but_not_for_the_rate() {
        let mut account = Account::new(MEASURED, 10, 3);
        account.note_answered(in_flight(1, 1_900, 1_900), &rejected(1), 1_999);
        account.note_answered(in_flight(2, 1_999, 1_999), &rejected(2), 9_999);
        assert_eq!((account.answered, account.response.total().len()), (2, 2));
        assert!((account.achieved_rate() - 1e6).abs() < 1e-6, "one in a microsecond: {}", account.achieved_rate());
    }

    #[test]
    fn the_slowest_are_kept_with_content_and_sequence() {
        let mut account = Account::new(MEASURED, 10, 2);
        for (request, latency) in [(1, 30), (2, 10), (3, 50), (4, 20), (5, 40)] {
            account.note_answered(in_flight(request, 1_100, 1_100), &rejected(request), 1_100 + latency);
        }
        let outliers = account.outliers();
        let found: Vec<_> = outliers.iter().map(|one| (one.request, one.latency_ns, one.sequence)).collect();
        assert_eq!(found, [(3, 50, 103), (5, 40, 105)]);
        assert_eq!(outliers[0].content, "new buy 1 lots at 5 ticks, gtc, market 1");
    }

    #[test]
    fn refusals_are_counted_by_reason_and_answers_of_another_kind_noticed() {
        let mut account = Account::new(MEASURED, 10, 0);
        account.note_refusal(&rejected(1));
        account.note_refusal(&rejected(2));
        assert_eq!(account.rejects, BTreeMap::from([("unknown_order".to_owned(), 2)]));
        let price = Price::from_ticks(5);
        let reason = tidegate_domain::CancelReason::Requested;
        let (order, cancelled) = (OrderId::new(1), Qty::from_lots(1));
        let body = ReportBody::OrderCancelled { order, side: Side::Buy, price, cancelled, reason };
        account.note_answered(in_flight(3, 1_100, 1_100), &Report { body, ..rejected(3) }, 1_200);
        assert_eq!(account.misfits, 1);
        let target = OrderTarget::Request(RequestNumber::new(3));
        let cancel = InFlight { action: OrderAction::Cancel { target }, ..in_flight(4, 1_100, 1_100) };
        account.note_answered(cancel, &Report { body, ..rejected(4) }, 1_200);
        assert_eq!((account.misfits, account.answered), (1, 2));
    }
}
