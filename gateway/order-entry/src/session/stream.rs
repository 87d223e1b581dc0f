//! Where a logged-on session stands in its key's reports, and which of its requests are unanswered.
//!
//! Invariants: reports are sent in order without a gap. What was released and not sent is in the event log and is read
//! from there; such a reading may get ahead of the pump, whose reports are then old news. An answer is counted when it is released, not when it is sent: what the engine has answered is no longer in flight.
//! Owning thread: order-entry.

use std::collections::VecDeque;
use std::sync::Arc;

use tidegate_domain::{AccountId, Epoch, KeyId, RequestNumber, SessionSequence, Timestamp};
use tidegate_wire::{Report, ReportBody};

use crate::throttle::Bucket;

/// Bytes that one report is taken for when it is not encoded yet.
const REPORT_LEN_TYPICAL_BYTES: u64 = 144;

/// See the module.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) key: KeyId,
    pub(super) account: AccountId,
    /// The term in which the session was opened.
    pub(super) epoch: Epoch,
    /// The report encoded last, or the last one that the client said it has.
    pub(super) sent: SessionSequence,
    /// The newest report that the pump has brought for this key.
    released: SessionSequence,
    /// The key's newest report when the session was opened: the replay ends there.
    pub(super) mark: SessionSequence,
    /// Whether the end of the replay was announced.
    pub(super) announced: bool,
    /// Whether a task reads the event log for this session.
    pub(super) replaying: bool,
    /// Tokens of the key, and of the client's address.
    pub(super) bucket: Arc<Bucket>,
    pub(super) address_bucket: Arc<Bucket>,
    /// The query of all orders that was asked last: there is one at a time.
    query: RequestNumber,
    /// Unanswered requests, and when each was read.
    in_flight: VecDeque<(RequestNumber, Timestamp)>,
}

impl Stream {
    pub(super) fn new(
        key: KeyId,
        account: AccountId,
        epoch: Epoch,
        after: SessionSequence,
        mark: SessionSequence,
        bucket: Arc<Bucket>,
        address_bucket: Arc<Bucket>,
    ) -> Self {
        assert!(after <= mark, "a client ahead of the marks is refused before");
        Self {
            key,
            account,
            epoch,
            sent: after,
            released: mark,
            mark,
            announced: false,
            replaying: false,
            bucket,
            address_bucket,
            query: RequestNumber::default(),
            in_flight: VecDeque::new(),
        }
    }

    /// Takes note of a released report; whether it is the very next one to send, and when the request that it answers was
    /// read: zero where it answers none of this connection.
    pub(super) fn on_released(&mut self, report: &Report) -> (bool, Timestamp) {
        assert!(report.session_sequence > self.released, "the event log has each report of a key once, in order");
        self.released = report.session_sequence;
        let received = self.count_answer(report);
        let is_next = !self.replaying && self.announced && report.session_sequence.raw() == self.sent.raw() + 1;
        (is_next, received)
    }

    /// Whether there are reports to be read from the event log.
    pub(super) fn behind(&self) -> bool {
        self.sent < self.released
    }

    /// Estimate of the bytes that are not encoded yet.
    pub(super) fn behind_bytes(&self) -> u64 {
        self.reports_behind() * REPORT_LEN_TYPICAL_BYTES
    }

    /// Released reports that are not encoded yet.
    pub(super) fn reports_behind(&self) -> u64 {
        self.released.raw().saturating_sub(self.sent.raw())
    }

    /// Takes note that a report was encoded.
    pub(super) fn on_sent(&mut self, sequence: SessionSequence) {
        assert_eq!(sequence.raw(), self.sent.raw() + 1, "reports leave in order, without a gap");
        self.sent = sequence;
    }

    /// Requests that were handed over and not answered.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether a query of all orders is unanswered.
    pub(super) fn is_querying(&self) -> bool {
        self.in_flight.iter().any(|(request, _)| *request == self.query)
    }

    pub(super) fn on_query(&mut self, request: RequestNumber) {
        self.query = request;
    }

    pub(super) fn on_submitted(&mut self, request: RequestNumber, received: Timestamp) {
        self.in_flight.push_back((request, received));
    }

    /// The engine answers in the order of the requests, so an answer also settles what came before it. A cancelled or
    /// reduced order may name the request that created it instead of the one that is answered; such a number counts
    /// only at the front.
    fn count_answer(&mut self, report: &Report) -> Timestamp {
        let place = match report.body {
            ReportBody::Fill(_) => None,
            ReportBody::OrderCancelled { .. } | ReportBody::OrderReduced { .. } | ReportBody::OrderReplaced { .. } => {
                self.in_flight.front().is_some_and(|(request, _)| *request == report.request).then_some(0)
            }
            // Triggers and refreshes are later reports of an order.
            ReportBody::OrderTriggered { .. }
            | ReportBody::OrderRefreshed { .. }
            | ReportBody::CancelAllAfterFired { .. }
            | ReportBody::BalanceStatus { .. }
            | ReportBody::ProtectionTriggered { .. } => None,
            // The answer to a query of one order; of several, what they come to is.
            ReportBody::OrderStatus(_) if !report.last => None,
            ReportBody::OrderAccepted { .. }
            | ReportBody::OrderStatus(_)
            | ReportBody::QueryDone { .. }
            | ReportBody::CancelAllAfterSet { .. }
            | ReportBody::ProtectionSet { .. }
            | ReportBody::ProtectionReset { .. }
            | ReportBody::CancelAllDone { .. }
            | ReportBody::QuoteRejected { .. }
            | ReportBody::MassQuoteDone { .. }
            | ReportBody::Rejected { .. }
            | ReportBody::Outcome { .. } => self.in_flight.iter().position(|(request, _)| *request == report.request),
        };
        match place.and_then(|place| self.in_flight.drain(..=place).next_back()) {
            Some((_, received)) => received,
            None => Timestamp::default(),
        }
    }
}
