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

use tidegate_domain::{OrderTarget, RequestNumber};
use tidegate_latency::{LateSends, Outlier, Recorder};
use tidegate_wire::{OrderAction, Report, ReportBody};

use crate::schedule::SECOND_NS;

/// How a cause begins for which the generator itself is to blame, or the whole machine.
pub const STOOD_STILL: &str = "the generator's thread stood still";

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
                | (OrderAction::Reduce { .. }, ReportBody::OrderReduced { .. } | ReportBody::OrderCancelled { .. })
                | (OrderAction::Replace { .. }, ReportBody::OrderReplaced { .. })
                | (OrderAction::CancelAll(_), ReportBody::CancelAllDone { .. })
                | (OrderAction::SetProtection { .. }, ReportBody::ProtectionSet { .. })
                | (OrderAction::ResetProtection { .. }, ReportBody::ProtectionReset { .. })
        )
    }
}

/// One of the slowest requests, and what the generator knows of its way.
#[derive(Clone, Debug)]
struct Slow {
    outlier: Outlier,
    intended_ns: u64,
    sent_ns: u64,
}

/// What a load came to.
#[derive(Clone, Debug)]
pub struct Account {
    measured_ns: u64,
    /// Whether the measured part has begun.
    is_measuring: bool,
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
    slowest: Vec<Slow>,
    /// A latency above which one of [`Self::slowest`] has to go.
    slowest_min_ns: u64,
}

impl Account {
    /// With room for the whole of a measured part of this length, which has not begun.
    #[must_use]
    pub fn new(measured_ns: u64, late_threshold_ns: u64, outliers_max: usize) -> Self {
        let seconds = measured_ns.div_ceil(SECOND_NS) + 1;
        Self {
            measured_ns,
            is_measuring: false,
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

    /// From here on requests count; moments are those after this one.
    pub(crate) fn begin(&mut self) {
        self.is_measuring = true;
    }

    /// The measured part ended earlier than planned: everything was sent and answered.
    pub(crate) fn end_at(&mut self, measured_ns: u64) {
        (self.measured_ns, self.answered_in_time) = (measured_ns.max(1), self.answered);
    }

    fn counts(&self, intended_ns: u64) -> bool {
        self.is_measuring && intended_ns < self.measured_ns
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
        self.answered_in_time += u64::from(now_ns < self.measured_ns);
        let at_ns = now_ns;
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
            let fastest = (0..self.slowest.len()).min_by_key(|index| self.slowest[*index].outlier.latency_ns);
            self.slowest.swap_remove(fastest.expect("there is room for at least one"));
        }
        let outlier = Outlier {
            at_ns,
            latency_ns,
            sequence: report.sequence.raw(),
            request: request.request.raw(),
            content: describe(&request.action),
            ..Outlier::default()
        };
        self.slowest.push(Slow { outlier, intended_ns: request.intended_ns, sent_ns: request.sent_ns });
        if self.slowest.len() == self.outliers_max {
            self.slowest_min_ns = self.slowest.iter().map(|slow| slow.outlier.latency_ns).min().unwrap_or(0);
        }
    }

    /// The slowest ones, the slowest first, with a cause where the generator knows it: that its thread stood still in one of
    /// `stalls` (beginnings and ends), or that it sent late, for half of the time or more.
    #[must_use]
    pub fn outliers(&self, stalls: &[(u64, u64)]) -> Vec<Outlier> {
        let outliers = self.slowest.iter().map(|slow| {
            let Slow { outlier, intended_ns, sent_ns } = slow;
            let (latency_ns, late_ns) = (outlier.latency_ns, sent_ns.saturating_sub(*intended_ns));
            let shared = |(from, to): &(u64, u64)| (*to).min(outlier.at_ns).saturating_sub((*from).max(*intended_ns));
            let still_ns: u64 = stalls.iter().map(shared).sum();
            let cause = if still_ns >= latency_ns.div_ceil(2) {
                Some(format!("{STOOD_STILL} for {} µs", still_ns / 1_000))
            } else if late_ns >= latency_ns.div_ceil(2) {
                Some(format!("sent {} µs late: the generator was busy, or the socket full", late_ns / 1_000))
            } else {
                None
            };
            Outlier { cause, ..outlier.clone() }
        });
        let mut outliers: Vec<Outlier> = outliers.collect();
        outliers.sort_by_key(|outlier| (std::cmp::Reverse(outlier.latency_ns), outlier.at_ns));
        outliers
    }

    /// Requests a second that were answered inside the measured part.
    #[must_use]
    pub fn achieved_rate(&self) -> f64 {
        self.answered_in_time as f64 * SECOND_NS as f64 / self.measured_ns as f64
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
        OrderAction::MassQuote { quotes, .. } => format!("mass quote of {} quotes", quotes.len()),
        OrderAction::Cancel { target } => format!("cancel {}", target_in_words(*target)),
        OrderAction::Reduce { target, by } => format!("reduce {} by {} lots", target_in_words(*target), by.lots()),
        OrderAction::Replace { target, price, qty } => {
            let (qty, price) = (qty.lots(), price.ticks());
            format!("replace {}: {qty} lots at {price} ticks", target_in_words(*target))
        }
        OrderAction::CancelAll(filter) => {
            let market =
                filter.market.map_or_else(|| "in all markets".to_owned(), |at| format!("in market {}", at.raw()));
            let side = filter.side.map_or_else(String::new, |side| format!(", {} side", side.as_str()));
            let group = if filter.group == 0 { String::new() } else { format!(", group {}", filter.group) };
            format!("cancel all {market}{side}{group}")
        }
        OrderAction::SetProtection { group, .. } => format!("set the protection of group {group}"),
        OrderAction::ResetProtection { group } => format!("reset the protection of group {group}"),
        OrderAction::SetKillSwitch { engaged } => {
            format!("{} the kill switch", if *engaged { "engage" } else { "release" })
        }
        OrderAction::CancelAllAfter { .. } => "cancel all after a time".to_owned(),
        OrderAction::QueryOrder { target } => format!("query {}", target_in_words(*target)),
        OrderAction::QueryOrders { .. } => "query the open orders".to_owned(),
        OrderAction::QueryBalances { .. } => "query the balances".to_owned(),
    }
}

fn target_in_words(target: OrderTarget) -> String {
    match target {
        OrderTarget::Order(order) => format!("order {}", order.raw()),
        OrderTarget::Request(request) => format!("the order of request {}", request.raw()),
    }
}

#[cfg(test)]
mod tests {
    use tidegate_domain::{
        AccountId, CommandKind, Epoch, KeyId, MarketId, OrderId, Price, Qty, Reject, Sequence, SessionSequence, Side,
        TimeInForce, Timestamp,
    };
    use tidegate_wire::GatewayStamps;

    use super::*;

    const MEASURED_NS: u64 = 2_000;

    fn begun(late_threshold_ns: u64, outliers_max: usize) -> Account {
        let mut account = Account::new(MEASURED_NS, late_threshold_ns, outliers_max);
        account.begin();
        account
    }

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
        let mut account = begun(10, 3);
        account.note_sent(1_100, 1_400);
        account.note_answered(in_flight(1, 1_100, 1_400), &rejected(1), 1_500);
        assert_eq!((account.response.total().max(), account.service.total().max()), (400, 100));
        assert_eq!((account.late.count, account.late.max_ns), (1, 300));
    }

    #[test]
    fn a_send_is_late_only_beyond_the_threshold_and_the_latest_is_kept() {
        let mut account = begun(50, 0);
        for (intended, sent) in [(1_000, 1_000), (1_100, 1_150), (1_200, 1_251), (1_300, 1_420)] {
            account.note_sent(intended, sent);
        }
        assert_eq!((account.sent, account.late.count, account.late.max_ns), (4, 2, 120));
    }

    #[test]
    fn what_was_intended_outside_the_measured_part_does_not_count() {
        let mut account = Account::new(MEASURED_NS, 10, 3);
        for intended in [0, 1_999, 2_000, 5_000] {
            if intended == MEASURED_NS {
                account.begin();
            }
            account.note_sent(intended, intended + 500);
            account.note_answered(in_flight(1, intended, intended + 500), &rejected(1), intended + 900);
        }
        assert_eq!((account.sent, account.answered, account.late.count), (0, 0, 0));
        assert!(account.outliers(&[]).is_empty());
    }

    #[test]
    fn an_answer_after_the_end_counts_as_a_sample_but_not_for_the_rate() {
        let mut account = begun(10, 3);
        account.note_answered(in_flight(1, 1_900, 1_900), &rejected(1), 1_999);
        account.note_answered(in_flight(2, 1_999, 1_999), &rejected(2), 9_999);
        assert_eq!((account.answered, account.response.total().len()), (2, 2));
        assert!((account.achieved_rate() - 5e5).abs() < 1e-6, "one in two microseconds: {}", account.achieved_rate());
        account.end_at(10_000);
        assert!((account.achieved_rate() - 2e5).abs() < 1e-6, "two in ten: {}", account.achieved_rate());
    }

    #[test]
    fn the_slowest_are_kept_with_content_and_sequence() {
        let mut account = begun(10, 2);
        for (request, latency) in [(1, 30), (2, 10), (3, 50), (4, 20), (5, 40)] {
            account.note_answered(in_flight(request, 1_100, 1_100), &rejected(request), 1_100 + latency);
        }
        let outliers = account.outliers(&[]);
        let found: Vec<_> = outliers.iter().map(|one| (one.request, one.latency_ns, one.sequence)).collect();
        assert_eq!(found, [(3, 50, 103), (5, 40, 105)]);
        assert_eq!(outliers[0].content, "new buy 1 lots at 5 ticks, gtc, market 1");
    }

    #[test]
    fn a_request_is_described_in_words() {
        let filter = tidegate_domain::CancelFilter::in_market(Some(MarketId::new(3)));
        let target = OrderTarget::Request(RequestNumber::new(7));
        for (action, words) in [
            (OrderAction::Cancel { target }, "cancel the order of request 7"),
            (OrderAction::Cancel { target: OrderTarget::Order(OrderId::new(9)) }, "cancel order 9"),
            (OrderAction::Reduce { target, by: Qty::from_lots(2) }, "reduce the order of request 7 by 2 lots"),
            (OrderAction::CancelAll(filter), "cancel all in market 3"),
            (OrderAction::CancelAll(tidegate_domain::CancelFilter::default()), "cancel all in all markets"),
        ] {
            assert_eq!(describe(&action), words);
        }
    }

    #[test]
    fn a_slow_one_has_a_cause_where_the_generator_knows_it() {
        let mut account = begun(10, 3);
        account.note_answered(in_flight(1, 1_000, 1_000), &rejected(1), 2_000);
        account.note_answered(in_flight(2, 100, 600), &rejected(2), 1_000);
        account.note_answered(in_flight(3, 100, 400), &rejected(3), 900);
        let causes = |stalls: &[(u64, u64)]| {
            let outliers = account.outliers(stalls).into_iter();
            outliers.map(|outlier| outlier.cause.unwrap_or_default()).collect::<Vec<_>>()
        };
        let late = "sent 0 µs late: the generator was busy, or the socket full";
        assert_eq!(causes(&[(1_000, 1_499)]), ["", late, ""], "of 1,000 ns 499 are not half");
        assert_eq!(causes(&[(900, 1_250), (1_300, 1_550)])[0], "the generator's thread stood still for 0 µs");
    }

    #[test]
    fn refusals_are_counted_by_reason_and_answers_of_another_kind_noticed() {
        let mut account = begun(10, 0);
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
