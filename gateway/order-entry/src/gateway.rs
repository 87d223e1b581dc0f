//! What the tasks of the order-entry thread share: who is connected, who is logged on, and how actions are performed.
//!
//! Invariants: `by_key` names the session whose `SessionOpened` was the key's last in the event log, so reports of a key
//! go to one session and in order. No cell is borrowed across an await.
//! Owning thread: order-entry; nothing here is `Send`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tidegate_domain::{Event, EventHeader, KeyId, Nanos, SessionId, Timestamp};
use tidegate_journal::EventLog;
use tidegate_pipeline::ServingState;
use tidegate_wire::Report;
use tokio::sync::{Notify, Semaphore};

use crate::config::OrderEntryConfig;
use crate::connection::Connection;
use crate::directory::{Directory, Known};
use crate::ingress::{ConnectionId, Handed, Ingress};
use crate::session::{Action, SessionCore, SessionTerms, Submission, View};
use crate::socket::Socket;
use crate::stats::{OrderEntryStats, add, sub};
use crate::throttle::Throttles;
use crate::{connection, follow, replay, verify};

/// Connections beyond `sessions_max` that may be told so at a time; more are just closed.
const TURNED_AWAY_MAX: usize = 64;

/// See the module.
pub(crate) struct Gateway<S> {
    terms: Arc<SessionTerms>,
    sessions_max: usize,
    pub(crate) stats: Arc<OrderEntryStats>,
    pub(crate) log: EventLog,
    pub(crate) serving: ServingState,
    directory: RefCell<Directory>,
    ingress: RefCell<Ingress>,
    connections: RefCell<HashMap<ConnectionId, Rc<Connection<S>>>>,
    by_session: RefCell<HashMap<SessionId, Rc<Connection<S>>>>,
    by_key: RefCell<HashMap<KeyId, Rc<Connection<S>>>>,
    /// Logons with a key that was not known: they wait until the pump has reached the end of the log.
    looking_up: RefCell<Vec<Rc<Connection<S>>>>,
    /// Wakes the pump.
    pub(crate) news: Arc<Notify>,
    /// The pump has read more of the log.
    pub(crate) grown: Notify,
    next_connection: Cell<u64>,
    draining: Cell<bool>,
    started: Instant,
    verifiers: Arc<Semaphore>,
    /// A connection was forgotten.
    pub(crate) departed: Notify,
}

impl<S: Socket> Gateway<S> {
    pub(crate) fn new(
        config: &OrderEntryConfig,
        ingress: Ingress,
        log: EventLog,
        serving: ServingState,
        stats: Arc<OrderEntryStats>,
        news: Arc<Notify>,
    ) -> Rc<Self> {
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
            throttles: Throttles::new(config.key_rate, config.address_rate),
            wall_at_zero: wall_clock(),
        };
        Rc::new(Self {
            terms: Arc::new(terms),
            sessions_max: config.sessions_max,
            stats,
            log,
            serving,
            directory: RefCell::default(),
            ingress: RefCell::new(ingress),
            connections: RefCell::default(),
            by_session: RefCell::default(),
            by_key: RefCell::default(),
            looking_up: RefCell::default(),
            news,
            grown: Notify::new(),
            next_connection: Cell::new(1),
            draining: Cell::new(false),
            started: Instant::now(),
            verifiers: Arc::new(Semaphore::new(verify::WORKERS_MAX)),
            departed: Notify::new(),
        })
    }

    /// Time since the start of the server.
    pub(crate) fn now(&self) -> Nanos {
        Nanos::from_nanos(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Takes in a connection and starts its tasks.
    pub(crate) fn admit(self: &Rc<Self>, stream: tokio::net::TcpStream, peer: SocketAddr) {
        let open = self.connections.borrow().len();
        if open >= self.sessions_max + TURNED_AWAY_MAX || self.draining.get() {
            return;
        }
        let socket = match stream.set_nodelay(true).and_then(|()| S::adopt(stream)) {
            Ok(socket) => socket,
            Err(error) => return tracing::debug!(%peer, %error, "a connection failed at once"),
        };
        let (mut nonce, mut session) = ([0; 32], [0; 8]);
        getrandom::fill(&mut nonce).expect("the system gives random bytes");
        getrandom::fill(&mut session).expect("the system gives random bytes");
        let session = SessionId::new(u64::from_le_bytes(session));
        let (terms, stats) = (Arc::clone(&self.terms), Arc::clone(&self.stats));
        let mut core = self.with_view(|view| SessionCore::new(terms, stats, nonce, session, peer.ip(), view));
        if open >= self.sessions_max {
            core.on_too_many("sessions_max is reached; try again later", self.now());
        }
        let id = ConnectionId(self.next_connection.get());
        self.next_connection.set(id.0 + 1);
        let connection = Connection::new(id, peer, socket, core);
        self.connections.borrow_mut().insert(id, Rc::clone(&connection));
        add(&self.stats.connections, 1);
        add(&self.stats.connections_total, 1);
        tokio::task::spawn_local(connection::run(Rc::clone(self), connection));
    }

    /// A connection's tasks have ended.
    pub(crate) fn forget(&self, connection: &Rc<Connection<S>>) {
        if self.connections.borrow_mut().remove(&connection.id).is_some() {
            sub(&self.stats.connections, 1);
        }
        self.by_session.borrow_mut().retain(|_, other| !Rc::ptr_eq(other, connection));
        self.by_key.borrow_mut().retain(|_, other| !Rc::ptr_eq(other, connection));
        self.departed.notify_one();
    }

    /// Performs what a session wants done, as far as it goes, and wakes its tasks.
    pub(crate) fn drive(self: &Rc<Self>, connection: &Rc<Connection<S>>) {
        self.with_view(|view| {
            loop {
                let action = connection.core.borrow_mut().next_action(view);
                match action {
                    Some(action) => self.perform(connection, action),
                    None => break,
                }
            }
        });
        let core = connection.core.borrow();
        if core.has_output() || core.is_closed() {
            connection.writer_wake.notify_one();
        }
        // A reader that is waiting for the socket ignores it.
        connection.reader_wake.notify_one();
    }

    fn perform(self: &Rc<Self>, connection: &Rc<Connection<S>>, action: Action) {
        match action {
            Action::CatchUp => {
                self.looking_up.borrow_mut().push(Rc::clone(connection));
                self.news.notify_one();
            }
            Action::Verify { public_key, message, signature } => {
                self.verify(connection, public_key, message, signature);
            }
            Action::Open { key, session, submission } => {
                // What the key's older session reads from now on would be sequenced after the new one was opened, with
                // numbers that the new one may use too.
                for other in self.by_session.borrow().values() {
                    let mut older = other.core.borrow_mut();
                    if older.key() == Some(key) {
                        older.stop_listening();
                    }
                }
                self.by_session.borrow_mut().insert(session, Rc::clone(connection));
                self.submit(connection, &submission);
            }
            Action::Submit(submission) => self.submit(connection, &submission),
            Action::Follow { after } => {
                tokio::task::spawn_local(follow::run(Rc::clone(self), Rc::clone(connection), after));
            }
            Action::Replay { key, after } => {
                tokio::task::spawn_local(replay::run(Rc::clone(self), Rc::clone(connection), key, after));
            }
        }
    }

    fn submit(&self, connection: &Connection<S>, submission: &Submission) {
        for record in submission.records() {
            if self.ingress.borrow_mut().submit(connection.id, *record) == Handed::Waits {
                add(&self.stats.inbox_full_total, 1);
                connection.core.borrow_mut().set_blocked(true);
            }
        }
    }

    fn verify(
        self: &Rc<Self>,
        connection: &Rc<Connection<S>>,
        public_key: [u8; 32],
        message: Vec<u8>,
        signature: [u8; 64],
    ) {
        let Ok(permit) = Arc::clone(&self.verifiers).try_acquire_owned() else {
            let detail = "too many logons at a time; try again shortly";
            return connection.core.borrow_mut().on_too_busy(detail, self.now());
        };
        let (gateway, connection) = (Rc::clone(self), Rc::clone(connection));
        tokio::task::spawn_local(async move {
            let verdict = tokio::task::spawn_blocking(move || {
                let valid = verify::signature_is_valid(&public_key, &message, &signature);
                drop(permit);
                valid
            });
            let valid = verdict.await.expect("verification does not panic");
            gateway.with_view(|view| connection.core.borrow_mut().on_verified(valid, view));
            gateway.drive(&connection);
        });
    }

    /// Begins with what a snapshot has.
    pub(crate) fn know(&self, known: Known) {
        self.directory.borrow_mut().know(&known);
    }

    /// Learns from an event; what the pump does first with each.
    pub(crate) fn learn(&self, header: &EventHeader, event: &Event) -> Option<tidegate_domain::MarketId> {
        self.directory.borrow_mut().on_event(header, event)
    }

    /// The pump is at the end of the log.
    pub(crate) fn on_caught_up(self: &Rc<Self>) {
        for connection in self.looking_up.take() {
            self.with_view(|view| connection.core.borrow_mut().on_caught_up(view));
            self.drive(&connection);
        }
    }

    /// Gives a released event to whom it concerns; the connections that have something to do go to `touched`.
    pub(crate) fn dispatch(&self, header: &EventHeader, event: &Event, touched: &mut Vec<Rc<Connection<S>>>) {
        let market = self.learn(header, event);
        match event {
            Event::SessionOpened { session, .. } => {
                let opened = self.by_session.borrow().get(session).cloned();
                // A session that another node, or this one before its restart, opened is nobody's here.
                match &opened {
                    Some(connection) => self.by_key.borrow_mut().insert(header.key, Rc::clone(connection)),
                    None => self.by_key.borrow_mut().remove(&header.key),
                };
                self.tell_session(opened.as_ref(), header, event, touched);
            }
            Event::SessionClosed { session, .. } => {
                let closed = self.by_session.borrow().get(session).cloned();
                self.tell_session(closed.as_ref(), header, event, touched);
            }
            Event::Rejected { command: tidegate_domain::CommandKind::OpenSession, .. } => {
                let opening: Vec<_> = self.by_session.borrow().values().cloned().collect();
                for connection in opening.iter().filter(|at| at.core.borrow().key() == Some(header.key)) {
                    self.tell_session(Some(connection), header, event, touched);
                }
            }
            _ => {}
        }
        if let Some(report) = Report::from_event(header, event)
            && let Some(connection) = self.by_key.borrow().get(&header.key)
        {
            connection.core.borrow_mut().on_report(report, self.now());
            touch(connection, touched);
        }
        if let Some(market) = market {
            for connection in self.by_key.borrow().values() {
                self.with_view(|view| connection.core.borrow_mut().on_market(market, view));
                touch(connection, touched);
            }
        }
    }

    fn tell_session(
        &self,
        connection: Option<&Rc<Connection<S>>>,
        header: &EventHeader,
        event: &Event,
        touched: &mut Vec<Rc<Connection<S>>>,
    ) {
        if let Some(connection) = connection {
            self.with_view(|view| connection.core.borrow_mut().on_session_event(header.epoch, event, view));
            touch(connection, touched);
        }
    }

    /// The inbox has room again.
    pub(crate) fn on_space(self: &Rc<Self>) {
        let free = self.ingress.borrow_mut().on_space();
        self.unblock(&free);
    }

    fn unblock(self: &Rc<Self>, free: &[ConnectionId]) {
        for id in free {
            let connection = self.connections.borrow().get(id).cloned();
            if let Some(connection) = connection {
                connection.core.borrow_mut().set_blocked(false);
                self.drive(&connection);
            }
        }
    }

    /// This node began or ceased to lead.
    pub(crate) fn on_serving(self: &Rc<Self>) {
        if !matches!(self.serving.get(), tidegate_pipeline::Serving::Primary { .. }) {
            let free = self.ingress.borrow_mut().clear();
            self.unblock(&free);
        }
        self.for_each(|core, view| core.on_serving(view));
    }

    /// Time passed: timeouts, heartbeats, and the end of those who do not take their goodbye.
    pub(crate) fn on_tick(self: &Rc<Self>) {
        self.for_each(|core, view| core.on_tick(view));
        let now = self.now();
        for connection in self.all() {
            if connection.core.borrow().must_abort(now) {
                connection.abort();
            }
        }
    }

    /// Takes no further connection and no further request.
    pub(crate) fn stop_reading(self: &Rc<Self>) {
        self.draining.set(true);
        self.for_each(|core, _| core.stop_listening());
    }

    /// Says goodbye to everybody.
    pub(crate) fn on_stop(self: &Rc<Self>) {
        self.draining.set(true);
        self.ingress.borrow_mut().clear();
        self.for_each(|core, view| core.on_stop(view.now));
    }

    /// Ends every connection at once.
    pub(crate) fn abort_all(&self) {
        for connection in self.all() {
            connection.abort();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.connections.borrow().is_empty()
    }

    fn all(&self) -> Vec<Rc<Connection<S>>> {
        self.connections.borrow().values().cloned().collect()
    }

    fn for_each(self: &Rc<Self>, act: impl Fn(&mut SessionCore, &View<'_>)) {
        for connection in self.all() {
            self.with_view(|view| act(&mut connection.core.borrow_mut(), view));
            self.drive(&connection);
        }
    }

    pub(crate) fn with_view<T>(&self, act: impl FnOnce(&View<'_>) -> T) -> T {
        let directory = self.directory.borrow();
        act(&View { directory: &directory, serving: self.serving.get(), now: self.now() })
    }
}

fn wall_clock() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX))
}

fn touch<S>(connection: &Rc<Connection<S>>, touched: &mut Vec<Rc<Connection<S>>>) {
    if !connection.touched.replace(true) {
        touched.push(Rc::clone(connection));
    }
}
