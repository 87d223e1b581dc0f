//! Requests that somebody recorded, to be sent again: which session sends which, and what they refer to.
//!
//! ```text
//!   journal, message file --[`Recording`]--> session, request with the numbers that this session gives
//! ```
//!
//! Invariants: requests go out in the recorded order, over all sessions; one that changes an order goes out in the session that
//! put the order. The numbers of a session are its own: a reference is to the n-th request of the session.
//! Owning thread: the caller's.

use tidegate_domain::{OrderTarget, RequestNumber};
use tidegate_wire::OrderAction;

/// A request of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which session sends it, from 0.
    pub session: usize,
    /// What it asks; its target is put in when it is sent.
    pub action: OrderAction,
    /// Which request of the session put the order that is meant, from 0; `None` where none is meant.
    pub target: Option<u64>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// All of it, in its order.
    steps: Vec<Step>,
    /// How many of them are the book before it, sent before any load.
    opening: usize,
    next: usize,
    /// By session: the number of its first request.
    first: Vec<u64>,
}

impl Recording {
    /// Of these requests, of which the first `opening` put the book as it was before.
    ///
    /// # Panics
    /// With a longer opening than there are requests.
    #[must_use]
    pub const fn new(steps: Vec<Step>, opening: usize) -> Self {
        assert!(opening <= steps.len(), "the opening is a part of it");
        Self { steps, opening, next: 0, first: Vec::new() }
    }

    /// All requests.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The sessions' next numbers.
    pub(crate) fn begin(&mut self, first: Vec<u64>) {
        self.first = first;
    }

    /// How many of the opening are left.
    pub(crate) const fn opening_left(&self) -> usize {
        self.opening.saturating_sub(self.next)
    }

    /// How many are left.
    pub(crate) const fn left(&self) -> usize {
        self.steps.len() - self.next
    }

    /// Who sends the next one; `None` at the end.
    pub(crate) fn next_session(&self) -> Option<usize> {
        self.steps.get(self.next).map(|step| step.session)
    }

    /// The next one.
    ///
    /// # Panics
    /// At the end.
    pub(crate) fn next_action(&mut self) -> OrderAction {
        let step = &self.steps[self.next];
        self.next += 1;
        let mut action = step.action.clone();
        if let (Some(target), Some(place)) = (step.target, target_of(&mut action)) {
            *place = OrderTarget::Request(RequestNumber::new(self.first[step.session] + target));
        }
        action
    }
}

/// Which order a request means.
pub fn target_of(action: &mut OrderAction) -> Option<&mut OrderTarget> {
    match action {
        OrderAction::Cancel { target } | OrderAction::Reduce { target, .. } | OrderAction::Replace { target, .. } => {
            Some(target)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tidegate_domain::{MarketId, Price, Qty, Side, TimeInForce};

    use super::*;

    #[test]
    fn references_are_to_the_numbers_that_the_session_gives() {
        let order =
            OrderAction::limit(MarketId::new(1), Side::Buy, TimeInForce::Gtc, Price::from_ticks(5), Qty::from_lots(1));
        let cancel = OrderAction::Cancel { target: OrderTarget::Request(RequestNumber::new(0)) };
        let step = |session, action: &OrderAction, target| Step { session, action: action.clone(), target };
        let mut recording =
            Recording::new(vec![step(1, &order, None), step(0, &order, None), step(1, &cancel, Some(0))], 1);
        recording.begin(vec![10, 20]);
        assert_eq!((recording.opening_left(), recording.left(), recording.next_session()), (1, 3, Some(1)));
        assert_eq!(recording.next_action(), order);
        assert_eq!((recording.opening_left(), recording.next_session()), (0, Some(0)));
        recording.next_action();
        let target = OrderTarget::Request(RequestNumber::new(20));
        assert_eq!(recording.next_action(), OrderAction::Cancel { target });
        assert_eq!((recording.left(), recording.next_session()), (0, None));
    }
}
