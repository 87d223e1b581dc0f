//! One session as a core without input or output: bytes, reports and time in; bytes and actions out.
//!
//! ```text
//!   AwaitingLogon --Logon--> (LookingUp) --> Verifying --signature good--> Opening --SessionOpened--> Streaming
//!        |                        |              |                            |                           |
//!        +------------------------+--------------+-- any refusal, end or error, with a reason ------------+--> Closed
//! ```
//!
//! Invariants: requests are decoded one at a time and only while the one before has a place in the inbox and fewer than
//! `in_flight_max` are unanswered, so what is held here is bounded; a nonce is good for one logon; whoever was told that
//! a session is open gets exactly one `CloseSession` for it, unless the engine ended it or the node no longer leads.
//! Owning thread: order-entry.

mod ending;
mod stream;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use tidegate_domain::{
    AccountId, ClusterId, Command, CommandHeader, CommandRecord, Epoch, Event, EventRecord, KeyId, MarketId, Nanos,
    NodeId, RequestNumber, SessionCloseReason, SessionId, SessionSequence,
};
use tidegate_pipeline::Serving;
use tidegate_wire::{
    ClientMessage, DecodeError, FRAME_LEN_MAX_BYTES, GatewayReject, Logon, LogoutReason, OrderRequest, RefusedField,
    Report, ServerMessage,
};

use crate::config::OUTPUT_SOFT_MAX_BYTES;
use crate::directory::Directory;
use crate::stats::{OrderEntryStats, add};
use ending::{Ending, plus};
use stream::Stream;

/// Most bytes of one read after the logon.
pub(crate) const READ_LEN_BYTES: usize = 32 * 1_024;

/// What all sessions share.
#[derive(Debug)]
pub(crate) struct SessionTerms {
    pub(crate) cluster: ClusterId,
    pub(crate) node: NodeId,
    pub(crate) logon_timeout: Nanos,
    pub(crate) heartbeat_min_ms: u32,
    pub(crate) heartbeat_max_ms: u32,
    pub(crate) output_max_bytes: usize,
    pub(crate) in_flight_max: usize,
}

/// What the session may look at while it decides.
pub(crate) struct View<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) serving: Serving,
    pub(crate) now: Nanos,
}

/// What the shell is to do, in this order.
pub(crate) enum Action {
    /// The key is not known: read the event log to its end, then call [`SessionCore::on_caught_up`]. The operator may
    /// have had the answer to "create key" before this thread saw it.
    CatchUp,
    /// Verify a signature and say so with [`SessionCore::on_verified`].
    Verify { public_key: [u8; 32], message: Vec<u8>, signature: [u8; 64] },
    /// Ask the engine to open this session; an older one of the key here must not hand in anything after it.
    Open { key: KeyId, session: SessionId, record: CommandRecord },
    /// Hand a command in.
    Submit(CommandRecord),
    /// Read the key's reports after this one from the event log: [`SessionCore::on_replayed`], then
    /// [`SessionCore::on_replay_end`].
    Replay { key: KeyId, after: SessionSequence },
}

/// A client that said who it is.
#[derive(Debug)]
struct Candidate {
    key: KeyId,
    account: AccountId,
    epoch: Epoch,
    logon: Logon,
}

#[derive(Debug)]
enum Phase {
    AwaitingLogon,
    LookingUp(Box<Logon>),
    Verifying(Box<Candidate>),
    Opening(Box<Candidate>),
    Streaming(Stream),
    Closed,
}

/// See the module.
pub(crate) struct SessionCore {
    terms: Arc<SessionTerms>,
    stats: Arc<OrderEntryStats>,
    nonce: [u8; 32],
    session: SessionId,
    phase: Phase,
    /// Bytes that are not decoded yet, from `input_start`.
    input: Vec<u8>,
    input_start: usize,
    output: Vec<u8>,
    /// Bytes that the socket has and has not finished with, since when, and the last report among all it was given.
    writing_bytes: usize,
    writing_since: Nanos,
    handed: SessionSequence,
    actions: VecDeque<Action>,
    /// A record of this session waits for a place in the inbox.
    blocked: bool,
    /// No further request is to be taken: another session of the key is being opened, or the node drains.
    deaf: bool,
    connected_at: Nanos,
    last_received: Nanos,
    last_sent: Nanos,
    /// Interval agreed at the logon.
    heartbeat: Nanos,
    behind_since: Option<Nanos>,
    abort_at: Option<Nanos>,
}

impl SessionCore {
    /// A new connection: queues the challenge.
    pub(crate) fn new(
        terms: Arc<SessionTerms>,
        stats: Arc<OrderEntryStats>,
        nonce: [u8; 32],
        session: SessionId,
        view: &View<'_>,
    ) -> Self {
        let mut core = Self {
            terms,
            stats,
            nonce,
            session,
            phase: Phase::AwaitingLogon,
            input: Vec::new(),
            input_start: 0,
            output: Vec::new(),
            writing_bytes: 0,
            writing_since: view.now,
            handed: SessionSequence::default(),
            actions: VecDeque::new(),
            blocked: false,
            deaf: false,
            connected_at: view.now,
            last_received: view.now,
            last_sent: view.now,
            heartbeat: Nanos::default(),
            behind_since: None,
            abort_at: None,
        };
        let epoch = match view.serving {
            Serving::Not => Epoch::default(),
            Serving::Primary { epoch } | Serving::Standby { epoch, .. } => epoch,
        };
        let (cluster, node) = (core.terms.cluster, core.terms.node);
        core.say(&ServerMessage::Challenge { nonce, cluster, node, epoch });
        core
    }

    // ---- what comes in ----

    /// Bytes from the socket.
    pub(crate) fn on_bytes(&mut self, bytes: &[u8], now: Nanos) {
        self.last_received = now;
        add(&self.stats.bytes_in_total, bytes.len() as u64);
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        self.input.drain(..self.input_start);
        self.input_start = 0;
        self.input.extend_from_slice(bytes);
    }

    /// The connection ended or failed; nobody is left to be told anything.
    pub(crate) fn on_disconnected(&mut self, now: Nanos) {
        self.close(now, Ending::CloseSession);
        self.abort_at = Some(now);
    }

    /// The directory knows everything that was released when the key was looked up.
    pub(crate) fn on_caught_up(&mut self, view: &View<'_>) {
        let Phase::LookingUp(logon) = &self.phase else { return };
        let logon = **logon;
        if view.directory.key(logon.key).is_some() {
            return self.on_logon(logon, view);
        }
        self.refuse_logon(LogoutReason::UnknownKey, &format!("no key has the id {}", logon.key), view.now);
    }

    /// The signature was looked at.
    pub(crate) fn on_verified(&mut self, valid: bool, view: &View<'_>) {
        let Phase::Verifying(candidate) = &self.phase else { return };
        if !valid {
            return self.refuse_logon(LogoutReason::BadSignature, "the signature is not this key's", view.now);
        }
        if view.serving != (Serving::Primary { epoch: candidate.epoch }) {
            return self.say_not_primary(view);
        }
        let Phase::Verifying(candidate) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            unreachable!("looked at just above")
        };
        self.actions.push_back(self.open_session(&candidate));
        self.last_received = view.now;
        self.phase = Phase::Opening(candidate);
    }

    /// So many logons came, of all or of this address, that this one has to come again; `detail` says which.
    pub(crate) fn on_too_busy(&mut self, detail: &str, now: Nanos) {
        self.refuse_logon(LogoutReason::TooBusy, detail, now);
    }

    /// The engine opened or closed a session of this session's key, or refused to.
    pub(crate) fn on_session_event(&mut self, epoch: Epoch, event: &Event, view: &View<'_>) {
        match event {
            Event::Rejected { reason, .. } if matches!(self.phase, Phase::Opening(_)) => {
                add(&self.stats.logons_refused_total, 1);
                let detail = reason.as_str();
                self.say_goodbye(LogoutReason::LogonRefused, detail, Ending::EngineKnows, view.now);
            }
            Event::SessionOpened { session, request_mark, report_mark, .. } if *session == self.session => {
                self.on_opened(epoch, *request_mark, *report_mark, view);
            }
            Event::SessionClosed { session, reason } if *session == self.session => {
                let (reason, detail) = match reason {
                    SessionCloseReason::TakenOver => (LogoutReason::TakenOver, "the key logged on again"),
                    SessionCloseReason::Disconnected => {
                        (LogoutReason::NoLongerPrimary, "the session ended; log on again")
                    }
                };
                if reason == LogoutReason::TakenOver && !matches!(self.phase, Phase::Closed) {
                    add(&self.stats.taken_over_total, 1);
                }
                self.say_goodbye(reason, detail, Ending::EngineKnows, view.now);
            }
            _ => {}
        }
    }

    /// A report of this session's key was released. For the session whose `SessionOpened` was the key's last.
    pub(crate) fn on_report(&mut self, report: Report) {
        let Phase::Streaming(stream) = &mut self.phase else { return };
        if stream.on_released(&report) && self.output.len() < OUTPUT_SOFT_MAX_BYTES {
            stream.on_sent(report.session_sequence);
            add(&self.stats.reports_total, 1);
            self.say(&ServerMessage::Report(report));
        }
    }

    /// Reports from the event log, the next ones in order.
    pub(crate) fn on_replayed(&mut self, records: &[EventRecord]) {
        for record in records {
            let Phase::Streaming(stream) = &mut self.phase else { return };
            let (header, event) = record.decode().expect("the event log holds what publish encoded");
            let report = Report::from_event(&header, &event).expect("only reports have a session sequence");
            stream.on_sent(report.session_sequence);
            add(&self.stats.reports_total, 1);
            self.say(&ServerMessage::Report(report));
            self.announce_end_of_replay();
        }
    }

    /// The task that reads the event log for this session is done.
    pub(crate) fn on_replay_end(&mut self) {
        if let Phase::Streaming(stream) = &mut self.phase {
            stream.replaying = false;
        }
    }

    /// Whether this node serves, or in which term, changed.
    pub(crate) fn on_serving(&mut self, view: &View<'_>) {
        let epoch = match &self.phase {
            Phase::Verifying(candidate) | Phase::Opening(candidate) => candidate.epoch,
            Phase::Streaming(stream) => stream.epoch,
            Phase::AwaitingLogon | Phase::LookingUp(_) | Phase::Closed => return,
        };
        if view.serving != (Serving::Primary { epoch }) {
            self.say_not_primary(view);
        }
    }

    /// The node stops; what was released by now was handed in before this.
    pub(crate) fn on_stop(&mut self, now: Nanos) {
        self.say_goodbye(LogoutReason::NodeStopping, "this node stops; try the other one", Ending::NodeEnds, now);
    }

    /// There are as many connections as there may be, of all or of this address; `detail` says which.
    pub(crate) fn on_too_many(&mut self, detail: &str, now: Nanos) {
        self.refuse_logon(LogoutReason::TooManyConnections, detail, now);
    }

    /// From here on no further request is taken.
    pub(crate) fn stop_listening(&mut self) {
        self.deaf = true;
    }

    /// A record of this session began or ceased to wait for a place in the inbox.
    pub(crate) fn set_blocked(&mut self, blocked: bool) {
        self.blocked = blocked;
    }

    /// Time passed.
    pub(crate) fn on_tick(&mut self, view: &View<'_>) {
        let now = view.now;
        match &self.phase {
            Phase::AwaitingLogon | Phase::LookingUp(_) | Phase::Verifying(_) => {
                if now >= plus(self.connected_at, self.terms.logon_timeout) {
                    let detail = format!("no logon within {} ms", self.terms.logon_timeout.nanos() / 1_000_000);
                    self.refuse_logon(LogoutReason::LogonTimeout, &detail, now);
                }
            }
            Phase::Opening(_) | Phase::Streaming(_) => {
                self.watch_heartbeats(now);
                self.watch_slowness(now);
            }
            Phase::Closed => {}
        }
    }

    // ---- what goes out ----

    /// The next thing to do, decoding as far as needed.
    pub(crate) fn next_action(&mut self, view: &View<'_>) -> Option<Action> {
        loop {
            if let Some(action) = self.actions.pop_front() {
                return Some(action);
            }
            if let Some(action) = self.next_replay() {
                return Some(action);
            }
            if !self.may_decode() || !self.decode_one(view) {
                return None;
            }
        }
    }

    /// Hands the queued bytes over, `spare` taking their place.
    pub(crate) fn take_output(&mut self, mut spare: Vec<u8>, now: Nanos) -> Result<Vec<u8>, Vec<u8>> {
        assert_eq!(self.writing_bytes, 0, "one write at a time");
        if self.output.is_empty() {
            return Err(spare);
        }
        spare.clear();
        std::mem::swap(&mut self.output, &mut spare);
        self.writing_bytes = spare.len();
        self.writing_since = now;
        self.last_sent = now;
        self.handed = self.resume_after();
        Ok(spare)
    }

    /// The socket took everything that it was given.
    pub(crate) fn on_written(&mut self) {
        add(&self.stats.bytes_out_total, self.writing_bytes as u64);
        self.writing_bytes = 0;
    }

    /// How many bytes to read now; zero is "none, wake me later".
    pub(crate) fn read_max(&self) -> usize {
        let buffered = self.input.len() - self.input_start;
        if !self.may_listen() || buffered >= FRAME_LEN_MAX_BYTES {
            return 0;
        }
        match self.phase {
            Phase::Streaming(_) => READ_LEN_BYTES,
            // Nothing is decoded before the answer; and the socket may change its thread then.
            Phase::LookingUp(_) | Phase::Verifying(_) => 0,
            _ => FRAME_LEN_MAX_BYTES - buffered,
        }
    }

    /// The key, once the client has said it.
    pub(crate) fn key(&self) -> Option<KeyId> {
        match &self.phase {
            Phase::Verifying(candidate) | Phase::Opening(candidate) => Some(candidate.key),
            Phase::Streaming(stream) => Some(stream.key),
            Phase::AwaitingLogon | Phase::LookingUp(_) | Phase::Closed => None,
        }
    }

    /// Whether everything that will ever be said is queued.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Whether the time to say goodbye is over.
    pub(crate) fn must_abort(&self, now: Nanos) -> bool {
        self.abort_at.is_some_and(|at| now >= at)
    }

    /// Whether the reader of the event log may bring more.
    pub(crate) fn has_room_for_replay(&self) -> bool {
        self.output.len() < OUTPUT_SOFT_MAX_BYTES / 2
    }

    /// Tells a client that is logged on about a new market, or a new state of one.
    pub(crate) fn on_market(&mut self, market: MarketId, view: &View<'_>) {
        if matches!(self.phase, Phase::Streaming(_)) {
            let (definition, state) = view.directory.market(market).expect("the directory learnt of it just now");
            self.say(&ServerMessage::MarketDefinition { market, definition, state });
        }
    }

    // ---- inside ----

    fn may_listen(&self) -> bool {
        match &self.phase {
            _ if self.blocked || self.deaf => false,
            Phase::AwaitingLogon | Phase::LookingUp(_) | Phase::Verifying(_) | Phase::Opening(_) => true,
            Phase::Streaming(stream) => stream.in_flight() < self.terms.in_flight_max,
            Phase::Closed => false,
        }
    }

    fn may_decode(&self) -> bool {
        !matches!(self.phase, Phase::LookingUp(_) | Phase::Verifying(_)) && self.may_listen()
    }

    fn say(&mut self, message: &ServerMessage) {
        tidegate_wire::encode_server(message, &mut self.output);
    }

    /// The last report that the client has, as far as is known here.
    fn resume_after(&self) -> SessionSequence {
        match &self.phase {
            Phase::Verifying(candidate) | Phase::Opening(candidate) => candidate.logon.last_session_sequence,
            Phase::Streaming(stream) => stream.sent,
            Phase::LookingUp(logon) => logon.last_session_sequence,
            Phase::AwaitingLogon | Phase::Closed => self.handed,
        }
    }

    fn next_replay(&mut self) -> Option<Action> {
        let room = self.has_room_for_replay();
        let Phase::Streaming(stream) = &mut self.phase else { return None };
        if stream.replaying || !stream.behind() || !room {
            return None;
        }
        stream.replaying = true;
        Some(Action::Replay { key: stream.key, after: stream.sent })
    }

    /// Decodes one frame; whether there was one.
    fn decode_one(&mut self, view: &View<'_>) -> bool {
        let (len_bytes, decoded) = match tidegate_wire::split_frame(&self.input[self.input_start..]) {
            Ok(None) => return false,
            Ok(Some(frame)) => (frame.bytes().len(), frame.client_message()),
            Err(error) => (0, Err(error.into())),
        };
        self.input_start += len_bytes;
        match decoded {
            Ok(message) => self.on_message(message, view),
            Err(error) => self.on_undecodable(&error, view),
        }
        true
    }

    /// A wrong request is refused and the session goes on; with anything else nobody knows where the next frame begins.
    fn on_undecodable(&mut self, error: &DecodeError, view: &View<'_>) {
        match (&self.phase, error.refusal()) {
            (Phase::Opening(_) | Phase::Streaming(_), Some(refusal)) => {
                add(&self.stats.refused_total, 1);
                self.say(&refusal);
            }
            _ => {
                add(&self.stats.malformed_total, 1);
                self.say_goodbye(LogoutReason::MalformedFrame, &error.to_string(), Ending::CloseSession, view.now);
            }
        }
    }

    fn on_message(&mut self, message: ClientMessage, view: &View<'_>) {
        match (&self.phase, message) {
            (Phase::AwaitingLogon, ClientMessage::Logon(logon)) => self.on_logon(logon, view),
            (Phase::AwaitingLogon, _) => {
                self.refuse_logon(LogoutReason::LogonExpected, "the first message must be a logon", view.now);
            }
            (_, ClientMessage::Logon(_)) => {
                let (reason, detail) = (LogoutReason::UnexpectedMessage, "this connection is logged on already");
                self.say_goodbye(reason, detail, Ending::CloseSession, view.now);
            }
            (_, ClientMessage::Heartbeat) => {}
            (_, ClientMessage::Logout) => {
                self.say_goodbye(LogoutReason::ClientRequested, "goodbye", Ending::CloseSession, view.now);
            }
            (_, ClientMessage::Order(request)) => self.on_request(&request),
        }
    }

    fn on_logon(&mut self, logon: Logon, view: &View<'_>) {
        let Serving::Primary { epoch } = view.serving else { return self.say_not_primary(view) };
        let Some(entry) = view.directory.key(logon.key) else {
            self.phase = Phase::LookingUp(Box::new(logon));
            return self.actions.push_back(Action::CatchUp);
        };
        let (min, max) = (self.terms.heartbeat_min_ms, self.terms.heartbeat_max_ms);
        if !(min..=max).contains(&logon.heartbeat_ms) {
            let detail = format!("heartbeat_ms is {}, allowed: {min} to {max}", logon.heartbeat_ms);
            return self.refuse_logon(LogoutReason::HeartbeatOutOfRange, &detail, view.now);
        }
        self.heartbeat = Nanos::from_millis(u64::from(logon.heartbeat_ms));
        let message = tidegate_wire::logon_bytes(self.terms.cluster, self.terms.node, &self.nonce, logon.key);
        self.actions.push_back(Action::Verify { public_key: entry.public_key, message, signature: logon.signature });
        let candidate = Candidate { key: logon.key, account: entry.account, epoch, logon };
        self.phase = Phase::Verifying(Box::new(candidate));
    }

    fn open_session(&self, candidate: &Candidate) -> Action {
        let header = CommandHeader { key: candidate.key, account: candidate.account, ..CommandHeader::default() };
        let command = Command::OpenSession {
            session: self.session,
            cancel_on_disconnect: candidate.logon.cancel_on_disconnect,
            grace: Nanos::from_millis(u64::from(candidate.logon.grace_ms)),
        };
        let record = CommandRecord::encode(&header, &command);
        Action::Open { key: candidate.key, session: self.session, record }
    }

    fn on_opened(&mut self, epoch: Epoch, request_mark: RequestNumber, mark: SessionSequence, view: &View<'_>) {
        let Phase::Opening(candidate) = &self.phase else { return };
        let after = candidate.logon.last_session_sequence;
        if after > mark {
            let detail = format!("last_session_sequence is {after}, the newest report is {mark}");
            add(&self.stats.logons_refused_total, 1);
            return self.say_goodbye(LogoutReason::ReplayFromFuture, &detail, Ending::CloseSession, view.now);
        }
        let stream = Stream::new(candidate.key, candidate.account, candidate.epoch, after, mark);
        self.phase = Phase::Streaming(stream);
        add(&self.stats.sessions, 1);
        add(&self.stats.logons_total, 1);
        let heartbeat_ms = u32::try_from(self.heartbeat.nanos() / 1_000_000).expect("clamped to a u32 at the logon");
        let session = self.session;
        self.say(&ServerMessage::LogonAccepted { session, request_mark, report_mark: mark, epoch, heartbeat_ms });
        for (market, definition, state) in view.directory.markets() {
            self.say(&ServerMessage::MarketDefinition { market, definition, state });
        }
        self.announce_end_of_replay();
    }

    fn announce_end_of_replay(&mut self) {
        let Phase::Streaming(stream) = &mut self.phase else { return };
        if !stream.announced && stream.sent >= stream.mark {
            stream.announced = true;
            let report_mark = stream.mark;
            self.say(&ServerMessage::ReplayDone { report_mark });
        }
    }

    fn on_request(&mut self, request: &OrderRequest) {
        match &mut self.phase {
            Phase::Streaming(stream) if stream.announced => {
                let (header, command) = request.to_command(stream.key, stream.account);
                stream.on_submitted(request.request);
                add(&self.stats.requests_total, 1);
                self.actions.push_back(Action::Submit(CommandRecord::encode(&header, &command)));
            }
            _ => {
                add(&self.stats.refused_total, 1);
                let (request, field) = (request.request, RefusedField::None);
                let reason = GatewayReject::ReplayNotDone;
                self.say(&ServerMessage::RequestRefused { request, reason, field, value: 0, limit: 0 });
            }
        }
    }
}
