//! The way from the sessions into the inbox, with a place to wait when it is full.
//!
//!   session --records of a command--> [Ingress] --try_push_all--> inbox          inbox --space--> [Ingress] --> inbox
//!
//! Invariants: records leave in the order in which they came, across all sessions; a session with a waiting record
//! decodes no further request, so at most one request and one `CloseSession` per session wait here. A record that waits
//! outlives its connection. Nothing spins: a full inbox calls when it has room.
//! Owning thread: the gateway's.

use std::collections::VecDeque;

use tidegate_pipeline::Inbox;
use tidegate_pipeline::stamps::Receipt;

use crate::session::Submission;
use tidegate_sockets::Token;

/// Whether a record is in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// It is.
    In,
    /// It waits for room.
    Waits,
}

/// See the module.
pub(crate) struct Ingress {
    inbox: Inbox,
    waiting: VecDeque<(Token, Submission, Receipt)>,
}

impl Ingress {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self { inbox, waiting: VecDeque::new() }
    }

    /// Hands the records of a command in, after all that wait.
    pub(crate) fn submit(&mut self, from: Token, submission: Submission, receipt: Receipt) -> Handed {
        if self.waiting.is_empty() && self.inbox.try_push_all(submission.records(), receipt).is_ok() {
            return Handed::In;
        }
        self.waiting.push_back((from, submission, receipt));
        Handed::Waits
    }

    /// Moves what now fits; returns the connections that have nothing waiting any more.
    pub(crate) fn on_space(&mut self) -> Vec<Token> {
        let mut moved = Vec::new();
        while let Some((from, submission, receipt)) = self.waiting.front() {
            if self.inbox.try_push_all(submission.records(), *receipt).is_err() {
                break;
            }
            moved.push(*from);
            self.waiting.pop_front();
        }
        moved.retain(|id| !self.waiting.iter().any(|(from, ..)| from == id));
        moved
    }

    /// The node does not lead any more: what was not handed in was never accepted. Returns whose records went.
    pub(crate) fn clear(&mut self) -> Vec<Token> {
        self.waiting.drain(..).map(|(from, ..)| from).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tidegate_domain::{Command, CommandHeader, CommandRecord, RequestNumber};
    use tidegate_pipeline::Waker;

    use super::*;

    fn record(request: u64) -> Submission {
        let header = CommandHeader { request: RequestNumber::new(request), ..CommandHeader::default() };
        Submission::One(CommandRecord::encode(&header, &Command::Tick))
    }

    fn token(slot: u32) -> Token {
        Token { slot, generation: 0 }
    }

    #[test]
    fn a_full_inbox_lets_records_wait_in_order_and_names_who_waits() {
        let mut ingress = Ingress::new(Inbox::new(1, Waker::default()));
        let (a, b) = (token(1), token(2));
        assert_eq!(ingress.submit(a, record(1), Receipt::NONE), Handed::In);
        assert_eq!(ingress.submit(a, record(2), Receipt::NONE), Handed::Waits);
        assert_eq!(ingress.submit(b, record(3), Receipt::NONE), Handed::Waits);
        assert_eq!(ingress.on_space(), []);
        assert_eq!(ingress.waiting.len(), 2);
        assert_eq!(ingress.clear(), [a, b]);
    }
}
