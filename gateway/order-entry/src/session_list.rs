//! The list of sessions for the operator's screen: asked for by mail, answered by each gateway between two rounds.
//!
//! Invariants: nobody pays for it but when it is asked for; a gateway never waits for who asked.
//! Owning thread: whoever asks, and the gateways.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::mailbox::Mail;
use crate::server::Announcer;

/// Longest wait for all gateways.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// A logged-on session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLine {
    /// Its key.
    pub key: u32,
    /// The client's address.
    pub peer: String,
    /// Requests that are handed in and not answered.
    pub in_flight: u64,
    /// Bytes that its socket has not taken.
    pub queued_bytes: u64,
    /// Released reports that are not encoded for it yet.
    pub reports_behind: u64,
}

impl Announcer {
    /// The sessions of all gateways; those of a gateway that does not answer within a second are missing. It waits: not for
    /// a thread that must not.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionLine> {
        let (reply, lines): (Sender<Vec<SessionLine>>, Receiver<_>) = channel();
        for mailbox in self.mailboxes() {
            mailbox.put(Mail::Sessions(reply.clone()));
        }
        drop(reply);
        let until = Instant::now() + ANSWER_MAX;
        let mut all = Vec::new();
        while let Ok(some) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            all.extend(some);
        }
        all
    }
}
