//! Whose answer a report is: the queue of what was asked and what must be checked after it.
//!
//!   request, request, mark, request, ..    reports come for the front; its last one takes it off; marks fall out
//!
//! Invariants: one key's commands are executed in the order in which they were sent, so all reports of a command come
//! together and in that order. A [`Mark`](Answers::push_mark) comes out when everything before it was answered in full.

use std::collections::VecDeque;

use tidegate_domain::{CancelReason, RequestNumber, Sequence};
use tidegate_wire::{Report, ReportBody};

use crate::error::ReplayError;

#[derive(Debug)]
enum Waiting<A, M> {
    Request { request: RequestNumber, asked: A },
    Mark(M),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Answers<A, M> {
    queue: VecDeque<Waiting<A, M>>,
    requests: usize,
    /// The command whose reports are coming.
    current: Option<Sequence>,
}

impl<A: Copy, M> Answers<A, M> {
    pub(crate) const fn new() -> Self {
        Self { queue: VecDeque::new(), requests: 0, current: None }
    }

    pub(crate) fn push_request(&mut self, request: RequestNumber, asked: A) {
        self.requests += 1;
        self.queue.push_back(Waiting::Request { request, asked });
    }

    pub(crate) fn push_mark(&mut self, mark: M) {
        self.queue.push_back(Waiting::Mark(mark));
    }

    /// Requests without their last report.
    pub(crate) const fn requests(&self) -> usize {
        self.requests
    }

    /// What was asked that this report is about. `None`: a resend was answered; the reports of the first sending, which
    /// say what came of it, are in the session as well.
    pub(crate) fn owner(&mut self, report: &Report) -> Result<Option<A>, ReplayError> {
        if matches!(report.body, ReportBody::Outcome { .. }) {
            return Ok(None);
        }
        let out_of_step = |what: &str| {
            let what =
                format!("report {} (sequence {}) {what}: {:?}", report.session_sequence, report.sequence, report.body);
            Err(ReplayError::OutOfStep { what })
        };
        let Some(Waiting::Request { request, asked }) = self.queue.front() else {
            return out_of_step("came although nothing was asked");
        };
        if self.current.is_some_and(|current| current != report.sequence) {
            return out_of_step("came before the last report of the request before it");
        }
        if names_its_request(&report.body) && report.request != *request {
            return out_of_step(&format!("answers request {} where request {request} was due", report.request));
        }
        self.current = Some(report.sequence);
        Ok(Some(*asked))
    }

    /// After a report with an owner was judged: the last one of a command makes room for the next.
    pub(crate) fn close(&mut self, report: &Report) {
        if report.last {
            self.queue.pop_front();
            self.requests -= 1;
            self.current = None;
        }
    }

    /// The next mark with nothing before it.
    pub(crate) fn pop_mark(&mut self) -> Option<M> {
        if !matches!(self.queue.front(), Some(Waiting::Mark(_))) {
            return None;
        }
        match self.queue.pop_front() {
            Some(Waiting::Mark(mark)) => Some(mark),
            _ => None,
        }
    }
}

/// Fills, remainders and the orders of a cancel-all carry the request that created their order instead.
const fn names_its_request(body: &ReportBody) -> bool {
    match body {
        ReportBody::OrderAccepted { .. }
        | ReportBody::OrderReduced { .. }
        | ReportBody::OrderReplaced { .. }
        | ReportBody::ProtectionSet { .. }
        | ReportBody::ProtectionReset { .. }
        | ReportBody::CancelAllDone { .. }
        | ReportBody::QuoteRejected { .. }
        | ReportBody::MassQuoteDone { .. }
        | ReportBody::OrderStatus(_)
        | ReportBody::BalanceStatus { .. }
        | ReportBody::QueryDone { .. }
        | ReportBody::CancelAllAfterSet { .. }
        | ReportBody::Rejected { .. } => true,
        ReportBody::OrderCancelled { reason, .. } => {
            matches!(reason, CancelReason::Requested | CancelReason::ReducedToZero)
        }
        ReportBody::Fill(_)
        | ReportBody::Outcome { .. }
        | ReportBody::OrderTriggered { .. }
        | ReportBody::OrderRefreshed { .. }
        | ReportBody::CancelAllAfterFired { .. }
        | ReportBody::ProtectionTriggered { .. } => false,
    }
}
