//! One session as a core without input or output: bytes, reports and time in; bytes and actions out.
//!
//! ```text
//!   AwaitingLogon --Logon--> (LookingUp) --> Verifying --good--> Opening --SessionOpened--> Streaming
//!        |                        |              |    \             |                          |
//!        |                        |              |     +-- drop copy --> Copying               |
//!        +------------------------+--------------+-- any refusal, end or error, with a reason -+--> Closed
//! ```
//!
//! A trading session is known to the engine, which numbers its reports; a drop copy only reads the event log.
//!
//! Invariants: requests are decoded one at a time and only while the one before has a place in the inbox and fewer than
//! `in_flight_max` are unanswered, so what is held here is bounded; a nonce is good for one logon; whoever was told that
//! a session is open gets exactly one `CloseSession` for it, unless the engine ended it or the node no longer leads.
//! Owning thread: order-entry.

mod drop_copy;
mod ending;
mod logon;
mod reports;
mod requests;
mod stream;
mod submission;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use tidegate_domain::{ClusterId, Epoch, KeyId, MarketId, Nanos, NodeId, SessionId, SessionSequence, Timestamp};
use tidegate_pipeline::Serving;
use tidegate_wire::{ClientMessage, DecodeError, FRAME_LEN_MAX_BYTES, Logon, LogoutReason, Position, ServerMessage};

use crate::config::{OUTPUT_SOFT_MAX_BYTES, SecondLogon};
use crate::directory::Directory;
use crate::stats::{OrderEntryStats, add};
use crate::throttle::Throttles;
use drop_copy::DropCopy;
use ending::Ending;
use logon::Candidate;
use stream::Stream;
pub(crate) use submission::Submission;

/// What [`SessionCore::read_max`] says after the logon, when bytes are taken as they come.
pub(crate) const READ_LEN_BYTES: usize = 32 * 1_024;

/// Frames that a session may have decoded in one round: the others want their turn.
const FRAMES_PER_TURN: u32 = 64;

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
    pub(crate) second_logon: SecondLogon,
    pub(crate) throttles: Arc<Throttles>,
    /// The wall clock when [`View::now`] was zero: what clients are told is this plus that, so it never jumps.
    pub(crate) wall_at_zero: Timestamp,
}

/// What the session may look at while it decides.
pub(crate) struct View<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) serving: Serving,
    /// Since the server started.
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
    Open { key: KeyId, session: SessionId, submission: Submission },
    /// Hand a command in.
    Submit(Submission),
    /// Read the key's reports after this one from the event log: [`SessionCore::on_replayed`], then
    /// [`SessionCore::on_replay_end`].
    Replay { key: KeyId, after: SessionSequence },
    /// Read every event after this place, or from the beginning, for as long as the connection lasts:
    /// [`SessionCore::on_events`] while [`SessionCore::wants_events`]; [`SessionCore::on_position_unknown`] where there is
    /// no such place.
    Follow { after: Option<Position> },
}

/// What a trading session holds, for people.
pub(crate) struct Queues {
    pub(crate) key: KeyId,
    /// Unanswered requests.
    pub(crate) in_flight: u64,
    /// Bytes that the socket has not taken.
    pub(crate) bytes: u64,
    /// Released reports that are not encoded.
    pub(crate) reports_behind: u64,
}

#[derive(Debug)]
enum Phase {
    AwaitingLogon,
    LookingUp(Box<Logon>),
    Verifying(Box<Candidate>),
    Opening(Box<Candidate>),
    Streaming(Box<Stream>),
    Copying(DropCopy),
    Closed,
}

/// See the module.
pub(crate) struct SessionCore {
    terms: Arc<SessionTerms>,
    stats: Arc<OrderEntryStats>,
    nonce: [u8; 32],
    session: SessionId,
    peer: IpAddr,
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
    /// Frames that may still be decoded in this round.
    turn: u32,
    /// A record of this session waits for a place in the inbox.
    blocked: bool,
    /// No further request is to be taken: another session of the key is being opened, or the node drains.
    deaf: bool,
    connected_at: Nanos,
    last_received: Nanos,
    last_sent: Nanos,
    /// Interval agreed at the logon.
    heartbeat: Nanos,
    /// The client was asked whether it is there, and nothing came since.
    was_tested: bool,
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
        peer: IpAddr,
        view: &View<'_>,
    ) -> Self {
        let mut core = Self {
            terms,
            stats,
            nonce,
            session,
            peer,
            phase: Phase::AwaitingLogon,
            input: Vec::new(),
            input_start: 0,
            output: Vec::new(),
            writing_bytes: 0,
            writing_since: view.now,
            handed: SessionSequence::default(),
            actions: VecDeque::new(),
            turn: FRAMES_PER_TURN,
            blocked: false,
            deaf: false,
            connected_at: view.now,
            last_received: view.now,
            last_sent: view.now,
            heartbeat: Nanos::default(),
            was_tested: false,
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
        self.was_tested = false;
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

    /// Whether this node serves, or in which term, changed.
    pub(crate) fn on_serving(&mut self, view: &View<'_>) {
        let epoch = match &self.phase {
            Phase::Verifying(candidate) | Phase::Opening(candidate) => candidate.epoch,
            Phase::Streaming(stream) => stream.epoch,
            Phase::Copying(_) if view.serving == Serving::Not => return self.say_not_primary(view),
            Phase::AwaitingLogon | Phase::LookingUp(_) | Phase::Copying(_) | Phase::Closed => return,
        };
        if view.serving != (Serving::Primary { epoch }) {
            self.say_not_primary(view);
        }
    }

    /// The node stops; what was released by now was handed in before this.
    pub(crate) fn on_stop(&mut self, now: Nanos) {
        self.say_goodbye(LogoutReason::NodeStopping, "this node stops; try the other one", Ending::NodeEnds, now);
    }

    /// The operator said when the node will be stopped, or that it will not.
    pub(crate) fn on_maintenance(&mut self, view: &View<'_>) {
        let is_open = matches!(self.phase, Phase::Streaming(_) | Phase::Copying(_));
        let to_come = view.directory.maintenance.as_ref().filter(|to_come| to_come.at > self.wall(view.now));
        if let Some(to_come) = to_come.filter(|_| is_open) {
            self.say(&ServerMessage::Maintenance { at: to_come.at, detail: to_come.detail.clone() });
        }
    }

    /// There are as many connections as there may be, of all or of this address; `detail` says which.
    pub(crate) fn on_too_many(&mut self, detail: &str, now: Nanos) {
        self.refuse_logon(LogoutReason::TooManyConnections, detail, now);
    }

    /// From here on no further request is taken.
    pub(crate) fn stop_listening(&mut self) {
        self.deaf = true;
    }

    /// The session that this one was silent for was not opened.
    pub(crate) fn listen_again(&mut self) {
        self.deaf = false;
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
                if now >= ending::plus(self.connected_at, self.terms.logon_timeout) {
                    let detail = format!("no logon within {} ms", self.terms.logon_timeout.nanos() / 1_000_000);
                    self.refuse_logon(LogoutReason::LogonTimeout, &detail, now);
                }
            }
            Phase::Opening(_) | Phase::Streaming(_) | Phase::Copying(_) => {
                self.watch_heartbeats(now);
                self.watch_slowness(now);
            }
            Phase::Closed => {}
        }
    }

    /// Tells a client that is logged on about a new market, or a new state of one.
    pub(crate) fn on_market(&mut self, market: MarketId, view: &View<'_>) {
        if matches!(self.phase, Phase::Streaming(_)) {
            let (definition, state) = view.directory.market(market).expect("the directory learnt of it just now");
            self.say(&ServerMessage::MarketDefinition { market, definition, state });
        }
    }

    // ---- what goes out ----

    /// A round begins.
    pub(crate) fn begin_turn(&mut self) {
        self.turn = FRAMES_PER_TURN;
    }

    /// Whether it decoded as much as it may in one round and may have more.
    pub(crate) fn wants_a_turn(&self) -> bool {
        self.turn == 0 && self.input_start < self.input.len() && self.may_decode()
    }

    /// The next thing to do, decoding as far as needed and allowed in one round.
    pub(crate) fn next_action(&mut self, view: &View<'_>) -> Option<Action> {
        loop {
            if let Some(action) = self.actions.pop_front() {
                return Some(action);
            }
            if let Some(action) = self.next_replay() {
                return Some(action);
            }
            if self.turn == 0 || !self.may_decode() || !self.decode_one(view) {
                return None;
            }
            self.turn -= 1;
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
        if let Phase::Copying(copy) = &mut self.phase {
            copy.on_handed();
        }
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

    /// The key of a trading session, or of one to be, once the client has said it.
    pub(crate) fn key(&self) -> Option<KeyId> {
        match &self.phase {
            Phase::Verifying(candidate) | Phase::Opening(candidate) => candidate.trades().then_some(candidate.key),
            Phase::Streaming(stream) => Some(stream.key),
            Phase::AwaitingLogon | Phase::LookingUp(_) | Phase::Copying(_) | Phase::Closed => None,
        }
    }

    /// The key of a session that the engine was asked to open and has not answered.
    pub(crate) fn opens_for(&self) -> Option<KeyId> {
        match &self.phase {
            Phase::Opening(candidate) => Some(candidate.key),
            _ => None,
        }
    }

    /// The key of a drop copy.
    pub(crate) fn copies_for(&self) -> Option<KeyId> {
        match &self.phase {
            Phase::Copying(copy) => Some(copy.key),
            _ => None,
        }
    }

    /// What a trading session holds.
    pub(crate) fn queues(&self) -> Option<Queues> {
        let Phase::Streaming(stream) = &self.phase else { return None };
        Some(Queues {
            key: stream.key,
            in_flight: stream.in_flight() as u64,
            bytes: (self.writing_bytes + self.output.len()) as u64,
            reports_behind: stream.reports_behind(),
        })
    }

    /// Whether there are bytes for the socket.
    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Whether everything that will ever be said is queued.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Whether the time to say goodbye is over.
    pub(crate) fn must_abort(&self, now: Nanos) -> bool {
        self.abort_at.is_some_and(|at| now >= at)
    }

    // ---- inside ----

    fn may_listen(&self) -> bool {
        match &self.phase {
            _ if self.blocked || self.deaf => false,
            Phase::AwaitingLogon | Phase::LookingUp(_) | Phase::Verifying(_) | Phase::Opening(_) => true,
            // Answers that take no place among the unanswered ones (refusals, test replies) are bounded by this: whoever does
            // not read is not read either.
            Phase::Streaming(stream) => stream.in_flight() < self.terms.in_flight_max && self.has_room(),
            Phase::Copying(_) => self.has_room(),
            Phase::Closed => false,
        }
    }

    fn has_room(&self) -> bool {
        self.output.len() < OUTPUT_SOFT_MAX_BYTES
    }

    fn may_decode(&self) -> bool {
        !matches!(self.phase, Phase::LookingUp(_) | Phase::Verifying(_)) && self.may_listen()
    }

    fn say(&mut self, message: &ServerMessage) {
        tidegate_wire::encode_server(message, &mut self.output);
    }

    /// The wall clock at a moment of ours.
    fn wall(&self, now: Nanos) -> Timestamp {
        self.terms.wall_at_zero.plus(now)
    }

    /// The last report that the client has, as far as is known here.
    fn resume_after(&self) -> SessionSequence {
        match &self.phase {
            Phase::Verifying(candidate) | Phase::Opening(candidate) => candidate.logon.last_session_sequence,
            Phase::Streaming(stream) => stream.sent,
            Phase::LookingUp(logon) => logon.last_session_sequence,
            Phase::AwaitingLogon | Phase::Copying(_) | Phase::Closed => self.handed,
        }
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
            (Phase::Opening(_) | Phase::Streaming(_) | Phase::Copying(_), Some(refusal)) => {
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
            // Whatever came says that the client is there.
            (_, ClientMessage::Heartbeat | ClientMessage::TestReply { .. }) => {}
            (_, ClientMessage::TestRequest { id }) => self.say(&ServerMessage::TestReply { id }),
            (_, ClientMessage::Logout) => {
                self.say_goodbye(LogoutReason::ClientRequested, "goodbye", Ending::CloseSession, view.now);
            }
            (_, ClientMessage::Order(request)) => self.on_request(&request, view),
        }
    }
}
