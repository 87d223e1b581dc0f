//! The typed messages of a session: what a client may say and what the gateway may say. Requests are in `request`,
//! reports in `report`.
//!
//! Owning thread: none, these are values.

use tidegate_domain::{
    ClusterId, Epoch, KeyId, MarketDefinition, MarketId, MarketState, NodeId, RequestNumber, Sequence, SessionId,
    SessionSequence, Timestamp,
};

use crate::reason::{GapFillReason, GatewayReject, LogoutReason, RefusedField, SessionMode};
use crate::report::Report;
use crate::request::OrderRequest;

/// Longest text in a message. A longer one is cut by the encoder.
pub const TEXT_LEN_MAX_BYTES: usize = 64;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// Answers the challenge.
    Logon(Logon),
    /// "I am here."
    Heartbeat,
    /// Ends the session.
    Logout,
    /// "Are you there?"
    TestRequest {
        /// Comes back in the answer.
        id: u64,
    },
    /// "I am", to a test request of the gateway.
    TestReply {
        /// That of the test request.
        id: u64,
    },
    /// Asks the engine for something.
    Order(OrderRequest),
}

/// A place in the order of everything: which command, and which of its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The command.
    pub sequence: Sequence,
    /// The event.
    pub index: u32,
}

/// Answer to the challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logon {
    /// The key that signs.
    pub key: KeyId,
    /// What the connection is for.
    pub mode: SessionMode,
    /// The last report that the client has; 0 for none. Of a drop copy it is 0.
    pub last_session_sequence: SessionSequence,
    /// Most reports to replay, the newest ones; 0 is all. What is passed over is said by [`ServerMessage::GapFill`].
    pub replay_max: u32,
    /// Of a drop copy: the last event that the client has; sequence 0 is "from the beginning". Else it is 0.
    pub resume_after: Position,
    /// Each side sends something at least this often.
    pub heartbeat_ms: u32,
    /// How long the client may stay away before its orders go.
    pub grace_ms: u32,
    /// Whether they go at all, where an order does not say otherwise.
    pub cancel_on_disconnect: bool,
    /// Ed25519 over [`logon_bytes`].
    pub signature: [u8; 64],
}

/// What the gateway sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// What the client must sign; the first message of a connection.
    Challenge {
        /// Random, good for one logon.
        nonce: [u8; 32],
        /// The cluster.
        cluster: ClusterId,
        /// The node.
        node: NodeId,
        /// Its leadership term.
        epoch: Epoch,
    },
    /// This node does not lead.
    NotPrimary {
        /// The highest term that it knows.
        epoch: Epoch,
        /// Where the primary takes orders; empty where it does not know. At most [`TEXT_LEN_MAX_BYTES`].
        address: String,
    },
    /// The session is open.
    LogonAccepted {
        /// The gateway's number for it.
        session: SessionId,
        /// Highest request number that was applied for this key.
        request_mark: RequestNumber,
        /// Number of the last report made for this key.
        report_mark: SessionSequence,
        /// The leadership term.
        epoch: Epoch,
        /// The interval that holds for both sides.
        heartbeat_ms: u32,
        /// Tokens that the key gets back in a second; 0 where requests are not limited.
        tokens_per_s: u32,
        /// Most tokens that it can have.
        tokens_max: u32,
    },
    /// Every report up to `report_mark` was sent; requests are taken from here on.
    ReplayDone {
        /// Number of the last replayed report.
        report_mark: SessionSequence,
    },
    /// Reports that are not sent: the next one has the number after `last`.
    GapFill {
        /// The first of them.
        first: SessionSequence,
        /// The last of them.
        last: SessionSequence,
        /// Why.
        reason: GapFillReason,
    },
    /// Of a drop copy: everything of its group up to here was sent.
    DropCopyPosition(Position),
    /// A market.
    MarketDefinition {
        /// Its id.
        market: MarketId,
        /// Its terms.
        definition: MarketDefinition,
        /// What it accepts.
        state: MarketState,
    },
    /// "I am here."
    Heartbeat,
    /// "Are you there?" Nothing came from the client for one and a half intervals.
    TestRequest {
        /// Comes back in the answer.
        id: u64,
    },
    /// "I am", to a test request of the client.
    TestReply {
        /// That of the test request.
        id: u64,
    },
    /// The node will be stopped for maintenance.
    Maintenance {
        /// When.
        at: Timestamp,
        /// What the operator says of it. At most [`TEXT_LEN_MAX_BYTES`].
        detail: String,
    },
    /// The gateway ends the connection.
    Logout {
        /// Why.
        reason: LogoutReason,
        /// The last report that was sent on this connection.
        resume_after: SessionSequence,
        /// Field, value and limit, for people. At most [`TEXT_LEN_MAX_BYTES`].
        detail: String,
    },
    /// A request was refused before it became a command; its number is not used up.
    RequestRefused {
        /// Which; 0 where it could not be read.
        request: RequestNumber,
        /// Why.
        reason: GatewayReject,
        /// Which field.
        field: RefusedField,
        /// What the field held.
        value: u64,
        /// The limit that it broke; 0 where the rule is not a limit.
        limit: u64,
    },
    /// What came of a request or of an order.
    Report(Report),
}

/// What a client signs: a text that no other use of the key shares, then cluster, node, nonce and key, so that a
/// signature is good for one connection to one node.
#[must_use]
pub fn logon_bytes(cluster: ClusterId, node: NodeId, nonce: &[u8; 32], key: KeyId) -> Vec<u8> {
    let mut bytes = b"tidegate-logon-v1".to_vec();
    bytes.extend_from_slice(&cluster.raw().to_le_bytes());
    bytes.extend_from_slice(&node.raw().to_le_bytes());
    bytes.extend_from_slice(nonce);
    bytes.extend_from_slice(&key.raw().to_le_bytes());
    bytes
}
