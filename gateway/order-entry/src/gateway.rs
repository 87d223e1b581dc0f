//! One thread's share of the sessions: a duty cycle without waiting, from the event log to the sockets and from the
//! sockets to the inbox.
//!
//! ```text
//!   one round:  mail, flags --> pump: event log --> sessions --> replay --> bytes to send
//!               poll: one system call sends all of them and brings what came --> sessions --> inbox
//!               every 20 ms, some more with many sessions: timeouts and heartbeats
//! ```
//!
//! One stamp after the system call says when its bytes were received, and when the reports were given away that the pump had
//! brought before.
//!
//! On the pipeline's own thread the round before ended with publish, and the next stage is the sequencer: an order goes from
//! the wire to the wire without a hop between threads.
//!
//! Invariants: `by_key` names the session whose `SessionOpened` was the key's last in the event log, so reports of a key
//! go to one session and in order; a key's sessions are all on the thread that `key % threads` says; what one round does
//! for one connection is bounded.
//! Owning thread: its runner's.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_domain::{EventRecord, KeyId, Nanos, Sequence, SessionId, Timestamp};
use tidegate_journal::{EventCursor, EventLog};
use tidegate_pipeline::stamps::{Mark, MarkWriter, Receipt, Ticks};
use tidegate_pipeline::{Fatal, Serving, ServingState};

use crate::admission::Admission;
use crate::config::{OrderEntryConfig, SecondLogon};
use crate::connection::Connections;
use crate::directory::Directory;
use crate::ingress::{Handed, Ingress};
use crate::lifecycle::Newcomers;
use crate::mailbox::{Mail, Mailbox};
use crate::replay::Replay;
use crate::session::{Action, Queues, READ_LEN_BYTES, SessionCore, SessionTerms, Submission, View};
use crate::session_list::SessionLine;
use crate::stats::{OrderEntryStats, add};
use crate::throttle::Throttles;
use crate::verify::{Job, Verifier};
use tidegate_sockets::{BUFFER_LEN_BYTES, Driver, Happened, Token, Want};

/// Between two looks at all timeouts and heartbeats. A look takes [`TICK_STEP`] for every [`SLOTS_PER_STEP`] connections
/// beyond the first so many, so that no order waits for all of them: with 4,096 each is looked at every 83 ms.
const TICK: Nanos = Nanos::from_millis(20);
const TICK_STEP: Nanos = Nanos::from_millis(1);
const SLOTS_PER_STEP: usize = 64;

/// What a gateway is made of.
pub(crate) struct Parts<D> {
    pub(crate) driver: D,
    pub(crate) ingress: Ingress,
    pub(crate) log: EventLog,
    pub(crate) cursor: EventCursor,
    pub(crate) directory: Directory,
    pub(crate) serving: ServingState,
    pub(crate) stats: Arc<OrderEntryStats>,
    /// Of all gateways; this one's is at `index`.
    pub(crate) mailboxes: Arc<[Arc<Mailbox>]>,
    pub(crate) index: usize,
    pub(crate) verifier: Option<Verifier>,
    /// Of all gateways.
    pub(crate) throttles: Arc<Throttles>,
    pub(crate) started: Started,
    /// Of what was sent; its clock also stamps what is received.
    pub(crate) stamps: Option<MarkWriter>,
}

/// When all gateways began to count time, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started {
    pub(crate) at: Instant,
    pub(crate) wall: Timestamp,
}

/// See the module.
pub(crate) struct Gateway<D> {
    pub(crate) terms: Arc<SessionTerms>,
    pub(crate) sessions_max: usize,
    pub(crate) stats: Arc<OrderEntryStats>,
    pub(crate) log: EventLog,
    pub(crate) cursor: EventCursor,
    pub(crate) batch: Vec<EventRecord>,
    /// The last round found nothing more in the event log.
    pub(crate) at_end_of_log: bool,
    pub(crate) serving_state: ServingState,
    pub(crate) serving: Serving,
    pub(crate) directory: Directory,
    pub(crate) ingress: Ingress,
    pub(crate) driver: D,
    pub(crate) happened: Vec<Happened>,
    stamps: Option<MarkWriter>,
    /// The newest command whose events the pump has brought, and the one that the last stamp of a send names.
    pub(crate) pumped: Sequence,
    stamped: Sequence,
    pub(crate) connections: Connections,
    pub(crate) by_session: HashMap<SessionId, Token>,
    pub(crate) by_key: HashMap<KeyId, Token>,
    /// Sessions that the engine was asked to open so far.
    opens: u64,
    /// Logons with a key that was not known: they wait until the pump is past what was the log's end then.
    pub(crate) looking_up: Vec<(Token, Option<(Sequence, u32)>)>,
    pub(crate) touched: Vec<Token>,
    /// They decoded as much as they may in one round, and there is more.
    again: Vec<Token>,
    pub(crate) replaying: VecDeque<Token>,
    /// Drop copies.
    pub(crate) following: VecDeque<Token>,
    /// What a replay or a drop copy just read.
    pub(crate) looked_at: Vec<EventRecord>,
    pub(crate) mailboxes: Arc<[Arc<Mailbox>]>,
    pub(crate) index: usize,
    pub(crate) mail: Vec<Mail>,
    /// Only where connections come in.
    pub(crate) verifier: Option<Verifier>,
    pub(crate) admission: Admission,
    pub(crate) newcomers: Newcomers,
    pub(crate) turned_away: usize,
    pub(crate) draining: bool,
    pub(crate) started: Instant,
    pub(crate) now: Nanos,
    pub(crate) next_tick: Nanos,
    /// The first slot of the next step.
    pub(crate) tick_slot: usize,
    /// Since [`Self::open_up`] was called last.
    pub(crate) accepted: usize,
    pub(crate) next_opening: Nanos,
}

impl<D: Driver> Gateway<D> {
    pub(crate) fn new(config: &OrderEntryConfig, parts: Parts<D>) -> Self {
        let logon_timeout_ns = u64::try_from(config.logon_timeout.as_nanos()).unwrap_or(u64::MAX);
        let terms = SessionTerms {
            cluster: config.cluster,
            node: config.node,
            logon_timeout: Nanos::from_nanos(logon_timeout_ns),
            heartbeat_min_ms: config.heartbeat_min_ms,
            heartbeat_max_ms: config.heartbeat_max_ms,
            output_max_bytes: config.output_max_bytes,
            in_flight_max: config.in_flight_max,
            second_logon: config.second_logon,
            throttles: parts.throttles,
            wall_at_zero: parts.started.wall,
        };
        let serving = parts.serving.get();
        Self {
            terms: Arc::new(terms),
            sessions_max: config.sessions_max,
            stats: parts.stats,
            log: parts.log,
            cursor: parts.cursor,
            batch: Vec::new(),
            at_end_of_log: false,
            serving_state: parts.serving,
            serving,
            directory: parts.directory,
            ingress: parts.ingress,
            driver: parts.driver,
            happened: Vec::new(),
            stamps: parts.stamps,
            pumped: Sequence::ZERO,
            stamped: Sequence::ZERO,
            connections: Connections::default(),
            by_session: HashMap::new(),
            by_key: HashMap::new(),
            opens: 0,
            looking_up: Vec::new(),
            touched: Vec::new(),
            again: Vec::new(),
            replaying: VecDeque::new(),
            following: VecDeque::new(),
            looked_at: Vec::new(),
            mailboxes: parts.mailboxes,
            index: parts.index,
            mail: Vec::new(),
            verifier: parts.verifier,
            admission: Admission::new(
                config.address_unauthenticated_max,
                config.address_logons_per_second,
                config.limit_loopback,
            ),
            newcomers: Newcomers::default(),
            turned_away: 0,
            draining: false,
            started: parts.started.at,
            now: Nanos::default(),
            next_tick: Nanos::default(),
            tick_slot: 0,
            accepted: 0,
            next_opening: Nanos::default(),
        }
    }

    // ---- the duty cycle ----

    /// One round; how much was done.
    pub(crate) fn round(&mut self) -> Result<usize, Fatal> {
        self.now = Nanos::from_nanos(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX));
        let mut work = self.hear();
        for token in std::mem::take(&mut self.again) {
            self.touch(token);
        }
        work += self.pump()?;
        work += self.replay()?;
        work += self.follow()?;
        work += self.settle();
        work += self.poll()?;
        work += self.settle();
        if self.now >= self.next_tick {
            let pause = if self.tick() { TICK } else { TICK_STEP };
            self.next_tick = Nanos::from_nanos(self.now.nanos() + pause.nanos());
        }
        if self.now >= self.next_opening {
            self.next_opening = Nanos::from_nanos(self.now.nanos() + TICK.nanos());
            self.open_up();
        }
        Ok(work)
    }

    /// Sleeps until a socket or the bell has news.
    pub(crate) fn sleep(&mut self, max: Duration) -> Result<(), Fatal> {
        self.driver.sleep(max).map_err(Into::into)
    }

    /// What other threads said.
    fn hear(&mut self) -> usize {
        let mailbox = Arc::clone(&self.mailboxes[self.index]);
        if mailbox.take_serving() {
            self.on_serving();
        }
        if mailbox.take_space() {
            let free = self.ingress.on_space();
            self.unblock(&free);
        }
        let mut mail = std::mem::take(&mut self.mail);
        mailbox.take(&mut mail);
        let count = mail.len();
        for mail in mail.drain(..) {
            match mail {
                Mail::Verdict { token, valid } => self.on_verdict(token, valid),
                Mail::Admit { socket, peer } => self.admit(socket, peer),
                Mail::HandedOver(handed_over) => self.take_over(*handed_over),
                Mail::Sessions(reply) => {
                    // Whoever asked may have gone.
                    let _ = reply.send(self.session_lines());
                }
                Mail::Maintenance(maintenance) => {
                    self.directory.maintenance = maintenance;
                    for token in self.connections.tokens() {
                        self.with_core(token, |core, view| core.on_maintenance(view));
                    }
                }
            }
        }
        self.mail = mail;
        count
    }

    /// The sessions that are logged on, for people.
    fn session_lines(&mut self) -> Vec<SessionLine> {
        let mut lines = Vec::new();
        for token in self.connections.tokens() {
            if let Some(connection) = self.connections.get(token)
                && let Some(queues) = connection.core.queues()
            {
                let peer = connection.peer.to_string();
                let Queues { key, in_flight, bytes, reports_behind } = queues;
                lines.push(SessionLine { key: key.raw(), peer, in_flight, queued_bytes: bytes, reports_behind });
            }
        }
        lines
    }

    fn poll(&mut self) -> Result<usize, Fatal> {
        let mut happened = std::mem::take(&mut self.happened);
        self.driver.poll(&mut happened)?;
        let count = happened.len();
        let received = self.stamp(count > 0);
        for event in happened.drain(..) {
            match event {
                Happened::Received(token, piece) => {
                    if let Some(connection) = self.connections.get(token) {
                        connection.received = received;
                        connection.core.on_bytes(self.driver.bytes(&piece), self.now);
                        if let Want::Once(_) = connection.want {
                            connection.want = Want::Nothing;
                        }
                        self.touch(token);
                    }
                    self.driver.give_back(piece);
                }
                Happened::Sent(token, bytes) => self.on_sent(token, bytes),
                Happened::Ended(token, error) => self.on_ended(token, error),
                Happened::Accepted(socket) => self.accept(socket),
                Happened::AcceptFailed(error) => tracing::warn!(%error, "a connection could not be accepted"),
            }
        }
        self.happened = happened;
        Ok(count)
    }

    /// After the driver's system call: one look at the clock for what it sent and, where something `happened`, for what came.
    fn stamp(&mut self, happened: bool) -> Ticks {
        let Some(stamps) = &mut self.stamps else { return Ticks::NONE };
        let sent = self.pumped > self.stamped;
        if !happened && !sent {
            return Ticks::NONE;
        }
        let at = stamps.clock().now();
        if sent {
            stamps.mark_at(Mark { through: self.pumped, at });
            self.stamped = self.pumped;
        }
        at
    }

    /// Lets every connection that something happened to do what it can.
    fn settle(&mut self) -> usize {
        let mut count = 0;
        while let Some(token) = self.touched.pop() {
            self.drive(token);
            count += 1;
        }
        count
    }

    /// Time passed: timeouts, heartbeats, and the end of those who do not take their goodbye. Whether all were looked at.
    fn tick(&mut self) -> bool {
        let end = (self.tick_slot + SLOTS_PER_STEP).min(self.connections.slots());
        for slot in self.tick_slot..end {
            let Some(token) = self.connections.token_at(slot) else { continue };
            self.with_core(token, |core, view| core.on_tick(view));
            if self.connections.get(token).is_some_and(|at| at.core.must_abort(self.now)) {
                self.forget(token);
            }
        }
        self.tick_slot = end;
        if end < self.connections.slots() {
            return false;
        }
        self.tick_slot = 0;
        true
    }

    // ---- sessions ----

    pub(crate) fn touch(&mut self, token: Token) {
        if let Some(connection) = self.connections.get(token)
            && !std::mem::replace(&mut connection.touched, true)
        {
            self.touched.push(token);
        }
    }

    /// Tells a session something; it does what follows in this round.
    pub(crate) fn with_core(&mut self, token: Token, tell: impl FnOnce(&mut SessionCore, &View<'_>)) {
        if let Some(connection) = self.connections.get(token) {
            tell(&mut connection.core, &view(&self.directory, self.serving, self.now));
            self.touch(token);
        }
    }

    /// Performs what a session wants done, as far as it goes in one round, and keeps its socket busy.
    pub(crate) fn drive(&mut self, token: Token) {
        let Some(connection) = self.connections.get(token) else { return };
        connection.touched = false;
        connection.core.begin_turn();
        loop {
            let Some(connection) = self.connections.get(token) else { return };
            if connection.leaving.is_some() {
                break;
            }
            let view = view(&self.directory, self.serving, self.now);
            match connection.core.next_action(&view) {
                Some(action) => self.perform(token, action),
                None => break,
            }
        }
        if self.connections.get(token).is_some_and(|connection| connection.core.wants_a_turn()) {
            self.again.push(token);
        }
        self.feed(token);
    }

    /// Sends what there is and asks for what may come.
    fn feed(&mut self, token: Token) {
        let Some(connection) = self.connections.get(token) else { return };
        if !connection.sending {
            match connection.core.take_output(std::mem::take(&mut connection.spare), self.now) {
                Ok(bytes) => {
                    connection.sending = true;
                    self.driver.send(token, bytes);
                }
                Err(spare) => {
                    connection.spare = spare;
                    if connection.core.is_closed() && !std::mem::replace(&mut connection.said_goodbye, true) {
                        self.driver.shutdown_write(token);
                    }
                    if connection.leaving.is_some() {
                        return self.hand_over(token);
                    }
                }
            }
        }
        let want = if connection.leaving.is_some() {
            Want::Nothing
        } else if connection.core.is_closed() {
            // After the goodbye, what still comes is read and dropped: closing a socket with unread bytes would reset
            // the connection, and the goodbye could be lost with it.
            Want::Once(BUFFER_LEN_BYTES)
        } else {
            match connection.core.read_max() {
                0 => Want::Nothing,
                READ_LEN_BYTES => Want::Stream,
                max => Want::Once(max),
            }
        };
        if connection.want != want {
            connection.want = want;
            self.driver.receive(token, want);
        }
    }

    fn perform(&mut self, token: Token, action: Action) {
        match action {
            Action::CatchUp => self.looking_up.push((token, self.log.end())),
            Action::Verify { public_key, message, signature } => {
                self.verify(token, Job { token, public_key, message, signature });
            }
            Action::Open { key, session, submission } => {
                let owner = key.raw() as usize % self.mailboxes.len();
                if owner == self.index {
                    return self.open(token, key, session, submission);
                }
                if let Some(connection) = self.connections.get(token) {
                    connection.leaving = Some((key, session, submission));
                }
            }
            Action::Submit(submission) => self.submit(token, submission),
            Action::Follow { after } => self.begin_to_follow(token, after),
            Action::Replay { key, after } => {
                let replay = Replay::new(&self.log, key, after);
                if let Some(connection) = self.connections.get(token) {
                    connection.replay = Some(replay);
                    self.queue_replay(token);
                }
            }
        }
    }

    fn verify(&mut self, token: Token, job: Job) {
        let now = self.now;
        let Some(connection) = self.connections.get(token) else { return };
        if connection.address.is_some_and(|address| !self.admission.attempt(address, now)) {
            return connection.core.on_too_busy("too many logons of this address within a second", now);
        }
        let verifier = self.verifier.as_ref().expect("connections log on where they come in");
        if !verifier.submit(job) {
            connection.core.on_too_busy("too many logons at a time; try again shortly", now);
        }
    }

    fn on_verdict(&mut self, token: Token, valid: bool) {
        if valid {
            self.forget_newcomer(token);
        }
        self.with_core(token, |core, view| core.on_verified(valid, view));
    }

    pub(crate) fn open(&mut self, token: Token, key: KeyId, session: SessionId, submission: Submission) {
        // What the key's older session reads from now on would be sequenced after the new one was opened, with numbers that
        // the new one may use too. One that does not take over leaves it alone.
        if self.terms.second_logon == SecondLogon::TakesOver {
            let open: Vec<Token> = self.by_session.values().copied().collect();
            for older in open {
                if let Some(connection) = self.connections.get(older)
                    && connection.core.key() == Some(key)
                {
                    connection.core.stop_listening();
                    self.touch(older);
                }
            }
        }
        self.by_session.insert(session, token);
        self.opens += 1;
        if let Some(connection) = self.connections.get(token) {
            connection.opened = Some((key, session));
            connection.opened_as = self.opens;
        }
        self.submit(token, submission);
    }

    fn submit(&mut self, token: Token, submission: Submission) {
        let at = self.connections.get(token).map_or(Ticks::NONE, |connection| connection.received);
        let receipt = Receipt { at, gateway: u8::try_from(self.index).expect("there are 64 gateways at most") };
        if self.ingress.submit(token, submission, receipt) == Handed::Waits {
            add(&self.stats.inbox_full_total, 1);
            if let Some(connection) = self.connections.get(token) {
                connection.core.set_blocked(true);
            }
        }
    }

    fn unblock(&mut self, free: &[Token]) {
        for token in free {
            if let Some(connection) = self.connections.get(*token) {
                connection.core.set_blocked(false);
                self.touch(*token);
            }
        }
    }

    /// This node began or ceased to lead.
    fn on_serving(&mut self) {
        self.serving = self.serving_state.get();
        if !matches!(self.serving, Serving::Primary { .. }) {
            let free = self.ingress.clear();
            self.unblock(&free);
        }
        for token in self.connections.tokens() {
            self.with_core(token, |core, view| core.on_serving(view));
        }
    }

    // ---- the end ----

    /// Takes no further connection and no further request.
    pub(crate) fn stop_reading(&mut self) {
        self.draining = true;
        self.driver.stop_accepting();
        for token in self.connections.tokens() {
            self.with_core(token, |core, _| core.stop_listening());
        }
    }

    /// Says goodbye to everybody.
    pub(crate) fn farewell(&mut self) {
        self.stop_reading();
        self.ingress.clear();
        for token in self.connections.tokens() {
            self.with_core(token, |core, view| core.on_stop(view.now));
        }
    }

    /// Ends every connection at once.
    pub(crate) fn abort_all(&mut self) {
        for token in self.connections.tokens() {
            self.forget(token);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.connections.len() == 0
    }
}

pub(crate) fn view(directory: &Directory, serving: Serving, now: Nanos) -> View<'_> {
    View { directory, serving, now }
}
