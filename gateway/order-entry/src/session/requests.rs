//! Requests: throttled, then handed in.
//!
//! Invariants: what is refused here is not journaled and uses up no number; a breach of a limit is a refusal, never the
//! end of a session.

use tidegate_domain::{Nanos, RequestNumber};
use tidegate_wire::{GatewayReject, OrderAction, OrderRequest, RefusedField, ServerMessage};

use super::stream::Stream;
use super::{Action, Phase, SessionCore, Submission, View};
use crate::stats::add;

/// Why a request is refused, with the value and the limit.
type Refusal = (GatewayReject, u64, u64);

impl SessionCore {
    pub(super) fn on_request(&mut self, request: &OrderRequest, view: &View<'_>) {
        let received = self.wall(self.last_received);
        let refusal = match &mut self.phase {
            Phase::Streaming(stream) if stream.announced => match may_be_taken(stream, request, view.now) {
                Ok(()) => {
                    if matches!(request.action, OrderAction::QueryOrders { .. }) {
                        stream.on_query(request.request);
                    }
                    stream.on_submitted(request.request, received);
                    let submission = Submission::of_request(request, stream.key, stream.account);
                    add(&self.stats.requests_total, 1);
                    return self.actions.push_back(Action::Submit(submission));
                }
                Err(refusal) => {
                    let is_throttled = refusal.0 != GatewayReject::TooManyInFlight;
                    add(&self.stats.throttled_total, u64::from(is_throttled));
                    refusal
                }
            },
            Phase::Copying(_) => (GatewayReject::DropCopyOnly, 0, 0),
            _ => (GatewayReject::ReplayNotDone, 0, 0),
        };
        self.refuse(request.request, refusal);
    }

    fn refuse(&mut self, request: RequestNumber, (reason, value, limit): Refusal) {
        add(&self.stats.refused_total, 1);
        self.say(&ServerMessage::RequestRefused { request, reason, field: RefusedField::None, value, limit });
    }
}

/// Takes the tokens of the key and of the address, of both or of none. A query of all orders waits for the one before.
fn may_be_taken(stream: &Stream, request: &OrderRequest, now: Nanos) -> Result<(), Refusal> {
    if matches!(request.action, OrderAction::QueryOrders { .. }) && stream.is_querying() {
        return Err((GatewayReject::TooManyInFlight, 1, 1));
    }
    let cost = request.cost();
    let refusal = |reason, wait: Nanos, per_second: u32| (reason, wait.nanos(), u64::from(per_second));
    let (key, address) = (&stream.bucket, &stream.address_bucket);
    key.take(cost, now).map_err(|wait| refusal(GatewayReject::ThrottledKey, wait, key.limit().per_second))?;
    address.take(cost, now).map_err(|wait| {
        key.give_back(cost);
        refusal(GatewayReject::ThrottledAddress, wait, address.limit().per_second)
    })
}
