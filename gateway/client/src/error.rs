//! Why a connection ended, and why a client did.
//!
//! Invariants: a [`Disconnect`] is followed by another attempt unless it is final; a [`ClientError`] is the end of the
//! client. Owning thread: none, these are values.

use std::time::Duration;

use tidegate_domain::{Epoch, SessionSequence};
use tidegate_wire::LogoutReason;

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disconnect {
    /// No connection came about.
    #[error("connecting failed: {0}")]
    ConnectFailed(String),
    /// The node closed it without a word, or died.
    #[error("the node closed the connection")]
    Closed,
    /// The socket failed.
    #[error("the socket failed: {0}")]
    Socket(String),
    /// Nothing came for three heartbeat intervals, or no logon in time.
    #[error("the node was silent for {0:?}")]
    Silent(Duration),
    /// The node does not lead.
    #[error("the node is not the primary (epoch {epoch}); it names `{address}`")]
    NotPrimary {
        /// The highest term that it knows.
        epoch: Epoch,
        /// Where the primary is; empty where it does not know.
        address: String,
    },
    /// The node ended the session.
    #[error("the node ended the session: {reason} ({}) {detail}", reason.sentence())]
    Logout {
        /// Why.
        reason: LogoutReason,
        /// Field, value and limit.
        detail: String,
    },
    /// The node said what the protocol does not allow.
    #[error("the node broke the protocol: {0}")]
    Protocol(String),
    /// A report is missing.
    #[error("report {expected} is missing: the node sent {got} next")]
    Gap {
        /// The report that should have come.
        expected: SessionSequence,
        /// What came.
        got: SessionSequence,
    },
    /// The last report is another one now: see [`ClientError::HistoryDiffers`].
    #[error("report {0} is not the one that this client has")]
    HistoryDiffers(SessionSequence),
}

/// Why a client cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No address to connect to.
    #[error("addresses is empty: name the order-entry address of at least one node")]
    NoAddress,
    /// A setting is outside its limits.
    #[error("{field} is {value}, allowed: {allowed}")]
    BadSetting {
        /// Which.
        field: &'static str,
        /// Its value.
        value: u64,
        /// Its limits.
        allowed: &'static str,
    },
    /// The node ended the session for a reason that logging on again does not cure.
    #[error("logged out for good: {reason} ({}) {detail}", reason.sentence())]
    LoggedOut {
        /// Why.
        reason: LogoutReason,
        /// Field, value and limit.
        detail: String,
    },
    /// A report is missing: the cluster lost it, or this client's state is of another key.
    #[error("report {expected} is missing, the node went on with {got}: reconcile this key's orders by hand")]
    Gap {
        /// The report that should have come.
        expected: SessionSequence,
        /// What came.
        got: SessionSequence,
    },
    /// The cluster lost what it had acknowledged (`async`, or a forced promotion), and went on from before.
    #[error(
        "report {0} is not the one that this client has: the cluster lost its tail; reconcile this key's orders by hand"
    )]
    HistoryDiffers(SessionSequence),
    /// No session within the time that the caller gave.
    #[error("no session for {after:?}; the last attempt: {last}")]
    GaveUp {
        /// The time.
        after: Duration,
        /// Why the last attempt failed.
        last: String,
    },
    /// The client's background task is gone, with the runtime that it ran on.
    #[error("the client's runtime was stopped")]
    Stopped,
}
