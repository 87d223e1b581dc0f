//! The client without a socket: what to say next, what to say again, and what is new for the caller.
//!
//! ```text
//! Away --on_connected--> Greeting --Challenge--> LoggingOn --LogonAccepted--> Replaying --ReplayDone--> Live
//!   ^----------------------------- on_disconnected, from anywhere --------------------------------------'
//! ```
//!
//! Invariants: `pending` is ordered by request number and holds every request without an answer, sent or not; after
//! ReplayDone all of it is sent, in order, with the same numbers; a report reaches the caller exactly once. Each logon asks for the
//! last report once more: where it is another one by now, the cluster lost what it had acknowledged, and the client stops.
//! No I/O and no clock: time comes in. Owning thread: the caller's.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use ed25519_dalek::{Signer as _, SigningKey};
use tidegate_domain::{
    CancelReason, ClusterId, Epoch, KeyId, MarketDefinition, MarketId, MarketState, Nanos, NodeId, RequestNumber,
    Sequence, SessionId, SessionSequence,
};
use tidegate_wire::{
    ClientMessage, FrameReader, GatewayReject, Logon, LogoutReason, OrderAction, OrderRequest, Position, RefusedField,
    Report, ReportBody, ServerMessage, SessionMode, encode_client, encode_request, logon_bytes,
};

use crate::IN_FLIGHT_MAX;
use crate::error::{ClientError, Disconnect};

const BACKOFF_MIN_MS: u64 = 50;
const BACKOFF_MAX_MS: u64 = 500;
/// A node that is there answers the logon within this; one that cannot acknowledge does not.
const LOGON_TIMEOUT: Nanos = Nanos::from_millis(5_000);
/// The connection is given up after this many heartbeat intervals without a byte.
const SILENT_HEARTBEATS: u64 = 3;

/// An Ed25519 secret key. Not printable; wiped from memory when it is dropped.
#[derive(Clone)]
pub struct ClientSecret(SigningKey);

impl ClientSecret {
    /// From the 32 bytes of the secret.
    #[must_use]
    pub fn from_bytes(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The public key: what the operator gives to the cluster.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

/// Settings of a [`ClientCore`].
#[derive(Clone)]
pub struct CoreConfig {
    /// The nodes; tried in turn.
    pub addresses: Vec<SocketAddr>,
    /// The key.
    pub key: KeyId,
    /// Its secret.
    pub secret: ClientSecret,
    /// The last report that the caller has from an earlier run; 0 to get all of them.
    pub resume_after: SessionSequence,
    /// Whether the orders go when the client stays away longer than `grace_ms`.
    pub cancel_on_disconnect: bool,
    /// How long it may stay away.
    pub grace_ms: u32,
    /// Heartbeat interval to ask for.
    pub heartbeat_ms: u32,
    /// Most requests without an answer; 1 to [`IN_FLIGHT_MAX`].
    pub in_flight_max: usize,
    /// End the client after this time without a session; `None` to try for ever.
    pub give_up_after: Option<Duration>,
}

/// A market, as the gateway describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketInfo {
    /// Its id.
    pub market: MarketId,
    /// Its terms.
    pub definition: MarketDefinition,
    /// What it accepts.
    pub state: MarketState,
}

/// What is new for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// Reports were replayed and requests without an answer are on their way again.
    Connected {
        /// The node.
        address: SocketAddr,
        /// Its leadership term.
        epoch: Epoch,
        /// The gateway's number for the session.
        session: SessionId,
    },
    /// The session was lost; the client is looking for another.
    Disconnected {
        /// Why.
        reason: Disconnect,
    },
    /// A market, or its changed state.
    MarketDefinition(MarketInfo),
    /// The gateway refused a request. It did not happen and will not; its number was not used up.
    RequestRefused {
        /// Which.
        request: RequestNumber,
        /// Why.
        reason: GatewayReject,
        /// Which field.
        field: RefusedField,
        /// What it held.
        value: u64,
        /// The limit that it broke.
        limit: u64,
    },
    /// A report.
    Report {
        /// What happened.
        report: Report,
        /// Time from submit to here, if this is the answer to a request of this client.
        answered: Option<Duration>,
    },
}

/// What a client went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientStats {
    /// Sessions after the first.
    pub reconnects: u64,
    /// Reports that came again and were dropped.
    pub duplicates_dropped: u64,
    /// Requests that were sent again on another connection.
    pub resent: u64,
}

/// Where to connect next, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Where.
    pub address: SocketAddr,
    /// How long to wait before.
    pub delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Away,
    Greeting,
    LoggingOn,
    Replaying { session: SessionId, epoch: Epoch },
    Live,
}

struct Pending {
    order: OrderRequest,
    submitted: Nanos,
    was_sent: bool,
}

/// See the module.
pub struct ClientCore {
    config: CoreConfig,
    phase: Phase,
    address: SocketAddr,
    /// Address that a node named as the primary's.
    named: Option<SocketAddr>,
    next_address: usize,
    /// Attempts since the last session.
    attempts: u32,
    sessions: u64,
    pending: VecDeque<Pending>,
    next_request: u64,
    last_report: SessionSequence,
    /// What the last report was: its command, place and term. None before the first of this run.
    identity: Option<(Sequence, u32, Epoch)>,
    /// The last report was asked for once more and has not come.
    is_overlap_due: bool,
    heartbeat: Nanos,
    connected_at: Nanos,
    received_at: Nanos,
    sent_at: Nanos,
    away_since: Nanos,
    last_disconnect: Option<Disconnect>,
    reader: FrameReader,
    output: Vec<u8>,
    events: VecDeque<ClientEvent>,
    stats: ClientStats,
    leaving: bool,
    fatal: Option<ClientError>,
}

impl ClientCore {
    /// A client that is not connected.
    ///
    /// # Errors
    /// [`ClientError::NoAddress`] or [`ClientError::BadSetting`].
    pub fn new(config: CoreConfig) -> Result<Self, ClientError> {
        let address = *config.addresses.first().ok_or(ClientError::NoAddress)?;
        if !(1..=IN_FLIGHT_MAX).contains(&config.in_flight_max) {
            let value = config.in_flight_max as u64;
            return Err(ClientError::BadSetting { field: "in_flight_max", value, allowed: "1 to 1024" });
        }
        if config.heartbeat_ms == 0 {
            return Err(ClientError::BadSetting { field: "heartbeat_ms", value: 0, allowed: "1 or more" });
        }
        Ok(Self {
            phase: Phase::Away,
            address,
            named: None,
            next_address: 0,
            attempts: 0,
            sessions: 0,
            pending: VecDeque::with_capacity(config.in_flight_max),
            next_request: 1,
            last_report: config.resume_after,
            identity: None,
            is_overlap_due: false,
            heartbeat: Nanos::from_millis(u64::from(config.heartbeat_ms)),
            connected_at: Nanos::default(),
            received_at: Nanos::default(),
            sent_at: Nanos::default(),
            away_since: Nanos::default(),
            last_disconnect: None,
            reader: FrameReader::new(),
            output: Vec::new(),
            events: VecDeque::new(),
            stats: ClientStats::default(),
            leaving: false,
            fatal: None,
            config,
        })
    }

    /// Where to connect next. Call it once before each attempt.
    ///
    /// # Errors
    /// Why the client cannot go on.
    pub fn next_attempt(&mut self, now: Nanos) -> Result<Attempt, ClientError> {
        if let (None, Some(after)) = (&self.fatal, self.config.give_up_after)
            && since(now, self.away_since) >= after
        {
            let last = self.last_disconnect.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
            self.fatal = Some(ClientError::GaveUp { after, last });
        }
        if let Some(error) = &self.fatal {
            return Err(error.clone());
        }
        let address = self.named.take().unwrap_or_else(|| {
            let address = self.config.addresses[self.next_address];
            self.next_address = (self.next_address + 1) % self.config.addresses.len();
            address
        });
        let delay_ms = match self.attempts {
            0 => 0,
            attempts => (BACKOFF_MIN_MS << (attempts - 1).min(10)).min(BACKOFF_MAX_MS),
        };
        self.attempts = self.attempts.saturating_add(1);
        Ok(Attempt { address, delay: Duration::from_millis(delay_ms) })
    }

    /// A connection to `address` is there.
    pub fn on_connected(&mut self, now: Nanos, address: SocketAddr) {
        assert!(self.phase == Phase::Away, "one connection at a time");
        self.phase = Phase::Greeting;
        self.address = address;
        self.heartbeat = Nanos::from_millis(u64::from(self.config.heartbeat_ms));
        self.connected_at = now;
        self.received_at = now;
        self.sent_at = now;
        self.reader = FrameReader::new();
        self.output.clear();
    }

    /// Bytes came.
    ///
    /// # Errors
    /// Why the connection must be closed; hand it to [`ClientCore::on_disconnected`].
    pub fn on_bytes(&mut self, now: Nanos, bytes: &[u8]) -> Result<(), Disconnect> {
        self.received_at = now;
        let mut input = bytes;
        loop {
            let frame = self.reader.next_frame(&mut input);
            let Some(frame) = frame.map_err(|error| Disconnect::Protocol(error.to_string()))? else {
                return Ok(());
            };
            let message = frame.server_message().map_err(|error| Disconnect::Protocol(error.to_string()))?;
            self.on_message(now, message)?;
        }
    }

    /// Time passed: sends a heartbeat when it is due.
    ///
    /// # Errors
    /// Why the connection must be closed.
    pub fn on_time(&mut self, now: Nanos) -> Result<(), Disconnect> {
        let silent_max = match self.phase {
            Phase::Away => return Ok(()),
            Phase::Greeting | Phase::LoggingOn if now > add(self.connected_at, LOGON_TIMEOUT) => {
                return Err(Disconnect::Silent(since(now, self.connected_at)));
            }
            Phase::Greeting | Phase::LoggingOn => return Ok(()),
            Phase::Replaying { .. } | Phase::Live => Nanos::from_nanos(self.heartbeat.nanos() * SILENT_HEARTBEATS),
        };
        if now > add(self.received_at, silent_max) {
            return Err(Disconnect::Silent(since(now, self.received_at)));
        }
        if now >= add(self.sent_at, self.heartbeat) {
            self.say(now, &ClientMessage::Heartbeat);
        }
        Ok(())
    }

    /// How often [`ClientCore::on_time`] wants to be called.
    #[must_use]
    pub fn time_resolution(&self) -> Duration {
        Duration::from_nanos(self.heartbeat.nanos() / 4).clamp(Duration::from_millis(5), Duration::from_millis(250))
    }

    /// The connection is gone, or never came.
    pub fn on_disconnected(&mut self, now: Nanos, reason: Disconnect) {
        let was_live = self.phase == Phase::Live;
        self.phase = Phase::Away;
        self.output.clear();
        if was_live {
            self.away_since = now;
            self.events.push_back(ClientEvent::Disconnected { reason: reason.clone() });
        }
        match &reason {
            _ if self.leaving => self.stop(left()),
            Disconnect::Gap { expected, got } => {
                self.stop(ClientError::Gap { expected: *expected, got: *got });
            }
            Disconnect::HistoryDiffers(report) => self.stop(ClientError::HistoryDiffers(*report)),
            Disconnect::Logout { reason, detail } if reason.is_final() => {
                self.stop(ClientError::LoggedOut { reason: *reason, detail: detail.clone() });
            }
            // A name that cannot be parsed is no reason to stop: the next address may be the one.
            Disconnect::NotPrimary { address, .. } => self.named = address.parse().ok(),
            _ => {}
        }
        self.last_disconnect = Some(reason);
    }

    /// Whether another request may be submitted now.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.pending.len() < self.config.in_flight_max
    }

    /// Takes a request; it goes out now, or with the next session.
    ///
    /// # Panics
    /// Without [`ClientCore::has_room`].
    pub fn submit(&mut self, now: Nanos, action: OrderAction) -> RequestNumber {
        assert!(self.has_room(), "ask has_room before");
        let request = RequestNumber::new(self.next_request);
        self.next_request += 1;
        let order = OrderRequest { request, action };
        let was_sent = self.phase == Phase::Live;
        if was_sent {
            self.sent_at = now;
            encode_request(&order, &mut self.output);
        }
        self.pending.push_back(Pending { order, submitted: now, was_sent });
        request
    }

    /// Asks the gateway to end the session; the client ends with the connection.
    pub fn leave(&mut self, now: Nanos) {
        self.leaving = true;
        if self.phase == Phase::Live {
            self.say(now, &ClientMessage::Logout);
        } else {
            self.stop(left());
        }
    }

    /// The caller is too far behind to take more events, so nothing is read: silence is not the node's.
    pub const fn on_not_reading(&mut self, now: Nanos) {
        self.received_at = now;
    }

    /// Ends the client with this error, if it has not ended already.
    fn stop(&mut self, error: ClientError) {
        self.fatal.get_or_insert(error);
    }

    /// Moves the bytes that are to be sent into `bytes`, which must be empty; both keep their room.
    pub fn take_output(&mut self, bytes: &mut Vec<u8>) {
        assert!(bytes.is_empty(), "bytes that were not sent would be lost");
        std::mem::swap(&mut self.output, bytes);
    }

    /// Whether there are bytes to send.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Moves everything that is new for the caller to the end of `events`.
    pub fn take_events(&mut self, events: &mut VecDeque<ClientEvent>) {
        if events.is_empty() {
            std::mem::swap(&mut self.events, events);
        } else {
            events.append(&mut self.events);
        }
    }

    /// How many events wait for the caller.
    #[must_use]
    pub fn events_waiting(&self) -> usize {
        self.events.len()
    }

    /// Whether requests go out at once.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Requests without an answer.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.pending.len()
    }

    /// The last report that was taken: what a later run resumes after.
    #[must_use]
    pub const fn last_session_sequence(&self) -> SessionSequence {
        self.last_report
    }

    /// Sessions so far.
    #[must_use]
    pub const fn sessions(&self) -> u64 {
        self.sessions
    }

    /// What the client went through.
    #[must_use]
    pub const fn stats(&self) -> ClientStats {
        self.stats
    }

    /// Why the client cannot go on, if it cannot.
    #[must_use]
    pub const fn fatal(&self) -> Option<&ClientError> {
        self.fatal.as_ref()
    }

    fn on_message(&mut self, now: Nanos, message: ServerMessage) -> Result<(), Disconnect> {
        match (self.phase, message) {
            (Phase::Replaying { .. } | Phase::Live, ServerMessage::Report(report)) => self.on_report(now, report),
            (Phase::Greeting, ServerMessage::Challenge { nonce, cluster, node, .. }) => {
                self.log_on(now, cluster, node, &nonce);
                Ok(())
            }
            (Phase::LoggingOn, ServerMessage::LogonAccepted { session, request_mark, epoch, heartbeat_ms, .. }) => {
                self.next_request = self.next_request.max(request_mark.raw() + 1);
                // A gateway that names no interval leaves ours.
                self.heartbeat = Nanos::from_millis(u64::from(match heartbeat_ms {
                    0 => self.config.heartbeat_ms,
                    given => given,
                }));
                self.phase = Phase::Replaying { session, epoch };
                Ok(())
            }
            (Phase::Replaying { session, epoch }, ServerMessage::ReplayDone { report_mark }) => {
                self.go_live(now, session, epoch, report_mark)
            }
            (_, ServerMessage::MarketDefinition { market, definition, state }) => {
                self.events.push_back(ClientEvent::MarketDefinition(MarketInfo { market, definition, state }));
                Ok(())
            }
            (_, ServerMessage::Heartbeat | ServerMessage::TestReply { .. } | ServerMessage::Maintenance { .. }) => {
                Ok(())
            }
            (_, ServerMessage::TestRequest { id }) => {
                self.say(now, &ClientMessage::TestReply { id });
                Ok(())
            }
            (Phase::Replaying { .. } | Phase::Live, ServerMessage::GapFill { first, last, .. }) => {
                self.pass_over(first, last)
            }
            (_, ServerMessage::NotPrimary { epoch, address }) => Err(Disconnect::NotPrimary { epoch, address }),
            (_, ServerMessage::Logout { reason, detail, .. }) => Err(Disconnect::Logout { reason, detail }),
            (Phase::Live, ServerMessage::RequestRefused { request, reason, field, value, limit }) => {
                // It goes to the next primary with everything after it.
                if reason != GatewayReject::NotPrimary {
                    self.remove_pending(request, |_| true);
                    self.events.push_back(ClientEvent::RequestRefused { request, reason, field, value, limit });
                }
                Ok(())
            }
            (phase, message) => Err(Disconnect::Protocol(format!("{message:?} while {phase:?}"))),
        }
    }

    fn log_on(&mut self, now: Nanos, cluster: ClusterId, node: NodeId, nonce: &[u8; 32]) {
        let signature = self.config.secret.0.sign(&logon_bytes(cluster, node, nonce, self.config.key));
        let logon = Logon {
            key: self.config.key,
            mode: SessionMode::Trading,
            last_session_sequence: SessionSequence::new(self.last_report.raw() - u64::from(self.identity.is_some())),
            replay_max: 0,
            resume_after: Position::default(),
            heartbeat_ms: self.config.heartbeat_ms,
            grace_ms: self.config.grace_ms,
            cancel_on_disconnect: self.config.cancel_on_disconnect,
            signature: signature.to_bytes(),
        };
        self.is_overlap_due = self.identity.is_some();
        self.phase = Phase::LoggingOn;
        self.say(now, &ClientMessage::Logon(logon));
    }

    fn go_live(
        &mut self,
        now: Nanos,
        session: SessionId,
        epoch: Epoch,
        report_mark: SessionSequence,
    ) -> Result<(), Disconnect> {
        if self.last_report < report_mark {
            return Err(Disconnect::Gap { expected: following(self.last_report), got: report_mark });
        }
        self.phase = Phase::Live;
        self.attempts = 0;
        self.stats.reconnects += u64::from(self.sessions > 0);
        self.sessions += 1;
        for pending in &mut self.pending {
            self.stats.resent += u64::from(pending.was_sent);
            pending.was_sent = true;
            encode_request(&pending.order, &mut self.output);
        }
        self.sent_at = now;
        self.events.push_back(ClientEvent::Connected { address: self.address, epoch, session });
        Ok(())
    }

    fn on_report(&mut self, now: Nanos, report: Report) -> Result<(), Disconnect> {
        let identity = Some((report.sequence, report.index, report.epoch));
        if report.session_sequence == self.last_report && std::mem::take(&mut self.is_overlap_due) {
            let is_same = identity == self.identity;
            return if is_same { Ok(()) } else { Err(Disconnect::HistoryDiffers(self.last_report)) };
        }
        if report.session_sequence <= self.last_report {
            self.stats.duplicates_dropped += 1;
            return Ok(());
        }
        let expected = following(self.last_report);
        if report.session_sequence != expected {
            return Err(Disconnect::Gap { expected, got: report.session_sequence });
        }
        self.last_report = expected;
        self.identity = identity;
        let pending = self.remove_pending(report.request, |action| answers(action, &report.body));
        let answered = pending.map(|pending| since(now, pending.submitted));
        self.events.push_back(ClientEvent::Report { report, answered });
        Ok(())
    }

    /// The gateway passes over reports: they count as taken.
    fn pass_over(&mut self, first: SessionSequence, last: SessionSequence) -> Result<(), Disconnect> {
        let expected = following(self.last_report);
        self.is_overlap_due = false;
        if first > expected {
            return Err(Disconnect::Gap { expected, got: first });
        }
        if last > self.last_report {
            self.last_report = last;
            // What was passed over cannot be compared.
            self.identity = None;
        }
        Ok(())
    }

    /// Takes a request out of the unanswered ones, if it is there and `is_answered` says so of what it asked.
    fn remove_pending(
        &mut self,
        request: RequestNumber,
        is_answered: impl FnOnce(&OrderAction) -> bool,
    ) -> Option<Pending> {
        // Answers come in the order of the requests: the first one is nearly always the one.
        let at = match self.pending.front() {
            Some(first) if first.order.request == request => 0,
            _ => self.pending.binary_search_by_key(&request, |pending| pending.order.request).ok()?,
        };
        if is_answered(&self.pending[at].order.action) { self.pending.remove(at) } else { None }
    }

    fn say(&mut self, now: Nanos, message: &ClientMessage) {
        self.sent_at = now;
        encode_client(message, &mut self.output);
    }
}

/// Whether a report that carries the request's number is its answer, not something that happened on the way to it.
fn answers(action: &OrderAction, body: &ReportBody) -> bool {
    match (action, body) {
        (_, ReportBody::Rejected { .. } | ReportBody::Outcome { .. })
        | (OrderAction::New(_), ReportBody::OrderAccepted { .. })
        | (OrderAction::Reduce { .. }, ReportBody::OrderReduced { .. })
        | (OrderAction::Replace { .. }, ReportBody::OrderReplaced { .. })
        | (OrderAction::CancelAll(_), ReportBody::CancelAllDone { .. })
        | (OrderAction::CancelAllAfter { .. }, ReportBody::CancelAllAfterSet { .. })
        | (OrderAction::QueryOrder { .. }, ReportBody::OrderStatus(_))
        | (OrderAction::QueryOrders { .. } | OrderAction::QueryBalances { .. }, ReportBody::QueryDone { .. })
        | (OrderAction::MassQuote { .. }, ReportBody::MassQuoteDone { .. })
        | (OrderAction::SetProtection { .. }, ReportBody::ProtectionSet { .. })
        | (OrderAction::ResetProtection { .. }, ReportBody::ProtectionReset { .. }) => true,
        (OrderAction::Cancel { .. } | OrderAction::Reduce { .. }, ReportBody::OrderCancelled { reason, .. }) => {
            matches!(reason, CancelReason::Requested | CancelReason::ReducedToZero)
        }
        _ => false,
    }
}

fn left() -> ClientError {
    ClientError::LoggedOut { reason: LogoutReason::ClientRequested, detail: String::new() }
}

fn following(report: SessionSequence) -> SessionSequence {
    SessionSequence::new(report.raw() + 1)
}

fn add(moment: Nanos, more: Nanos) -> Nanos {
    Nanos::from_nanos(moment.nanos().saturating_add(more.nanos()))
}

fn since(now: Nanos, earlier: Nanos) -> Duration {
    Duration::from_nanos(now.nanos().saturating_sub(earlier.nanos()))
}
