//! Connections of a gateway: how they come in, by which door, how they end, and how they change their thread.
//!
//! ```text
//!   accept, TLS door --admit--> counted, challenged --verified--> a session here, or handed over to its key's thread
//!                          '--> told that there are too many, or just closed           ended, too slow, told goodbye --> forgotten
//! ```
//!
//! Invariants: connections, those of one address before the logon, and those that are being told why not are all bounded;
//! whatever counts a connection forgets it once. Whoever has not logged on keeps nobody out: when all places are taken, the
//! oldest of those who have not goes.
//! Owning thread: the gateway's runner.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tidegate_domain::SessionId;
use tidegate_sockets::{Driver, Token};

use crate::connection::Connection;
use crate::gateway::{Gateway, view};
use crate::mailbox::{HandedOver, Mail};
use crate::session::SessionCore;
use crate::stats::{add, sub};

/// Connections that may be told at a time that there are too many; more are just closed.
const TURNED_AWAY_MAX: usize = 64;
/// Connections that are accepted between two ticks. More of them wait in the kernel: a flood of connections costs the thread
/// some hundredths of its time.
const ACCEPTS_PER_TICK: usize = 64;
/// A send buffer that grew beyond this is given back to the allocator.
const SPARE_MAX_BYTES: usize = 64 * 1_024;

/// Connections that have not logged on, by arrival.
#[derive(Default)]
pub(crate) struct Newcomers {
    waiting: BTreeMap<u64, Token>,
    arrivals: u64,
}

impl Newcomers {
    /// One came; its number.
    fn arrive(&mut self, token: Token) -> u64 {
        self.arrivals += 1;
        self.waiting.insert(self.arrivals, token);
        self.arrivals
    }

    fn oldest(&self) -> Option<Token> {
        self.waiting.first_key_value().map(|(_, token)| *token)
    }
}

impl<D: Driver> Gateway<D> {
    /// Lets connections in again, and forgets addresses that do nothing any more.
    pub(crate) fn open_up(&mut self) {
        self.accepted = 0;
        self.admission.sweep(self.now);
        if !self.draining {
            self.driver.accept_again();
        }
    }

    pub(crate) fn accept(&mut self, socket: OwnedFd) {
        self.accepted += 1;
        if self.accepted == ACCEPTS_PER_TICK {
            self.driver.stop_accepting();
        }
        let stream = TcpStream::from(socket);
        match stream.peer_addr().and_then(|peer| stream.set_nodelay(true).map(|()| peer)) {
            Ok(peer) => self.admit(stream.into(), peer),
            Err(error) => tracing::debug!(%error, "a connection failed at once"),
        }
    }

    /// Takes in a connection.
    pub(crate) fn admit(&mut self, socket: OwnedFd, peer: SocketAddr) {
        if self.draining {
            return;
        }
        let admitted = self.admission.connect(peer.ip()).and_then(|address| {
            if self.make_room() {
                return Ok(address);
            }
            if let Some(address) = address {
                self.admission.leave(address);
            }
            Err("sessions_max is reached; try again later".to_owned())
        });
        if admitted.is_err() && self.turned_away >= TURNED_AWAY_MAX {
            return;
        }
        let (mut nonce, mut session) = ([0; 32], [0; 8]);
        getrandom::fill(&mut nonce).expect("the system gives random bytes");
        getrandom::fill(&mut session).expect("the system gives random bytes");
        let session = SessionId::new(u64::from_le_bytes(session));
        let (terms, stats) = (Arc::clone(&self.terms), Arc::clone(&self.stats));
        let mut connection = Box::new(Connection::new(
            peer,
            SessionCore::new(terms, stats, nonce, session, peer.ip(), &view(&self.directory, self.serving, self.now)),
        ));
        match admitted {
            Ok(address) => connection.address = address,
            Err(detail) => {
                connection.core.on_too_many(&detail, self.now);
                connection.turned_away = true;
            }
        }
        let token = match self.driver.add(socket) {
            Ok(token) => token,
            Err(error) => {
                if let Some(address) = connection.address {
                    self.admission.leave(address);
                }
                return tracing::debug!(%peer, %error, "a connection failed at once");
            }
        };
        if connection.turned_away {
            self.turned_away += 1;
        } else {
            connection.newcomer = Some(self.newcomers.arrive(token));
        }
        self.connections.insert(token, connection);
        add(&self.stats.connections, 1);
        add(&self.stats.accepted_connections_total, 1);
        self.touch(token);
    }

    /// Whether there is a place for one more connection, if need be that of the oldest one that has not logged on.
    fn make_room(&mut self) -> bool {
        let open = self.stats.connections.load(Ordering::Relaxed) as usize;
        if open - self.turned_away < self.sessions_max {
            return true;
        }
        let Some(oldest) = self.newcomers.oldest() else { return false };
        if self.turned_away >= TURNED_AWAY_MAX {
            self.forget(oldest);
            return true;
        }
        self.forget_newcomer(oldest);
        let connection = self.connections.get(oldest).expect("a newcomer is a connection");
        if !connection.core.is_closed() {
            connection.core.on_too_many("sessions_max is reached, and this connection has not logged on", self.now);
        }
        connection.turned_away = true;
        self.turned_away += 1;
        self.touch(oldest);
        true
    }

    /// A connection proved whose it is, or is over.
    pub(crate) fn forget_newcomer(&mut self, token: Token) {
        let Some(connection) = self.connections.get(token) else { return };
        if let Some(address) = connection.address.take() {
            self.admission.leave(address);
        }
        if let Some(number) = connection.newcomer.take() {
            self.newcomers.waiting.remove(&number);
        }
    }

    /// A connection is over, here.
    pub(crate) fn remove(&mut self, token: Token) -> Option<Box<Connection>> {
        self.forget_newcomer(token);
        let connection = self.connections.remove(token)?;
        self.turned_away -= usize::from(connection.turned_away);
        if connection.follows.is_some() {
            self.following.retain(|other| *other != token);
        }
        if let Some((key, session)) = connection.opened {
            self.by_session.remove(&session);
            if self.by_key.get(&key) == Some(&token) {
                self.by_key.remove(&key);
            }
        }
        Some(connection)
    }

    pub(crate) fn forget(&mut self, token: Token) {
        if self.remove(token).is_some() {
            self.driver.close(token);
            sub(&self.stats.connections, 1);
        }
    }

    pub(crate) fn on_ended(&mut self, token: Token, error: Option<std::io::Error>) {
        let Some(connection) = self.connections.get(token) else { return };
        if let Some(error) = error {
            tracing::debug!(peer = %connection.peer, %error, "a connection failed");
        }
        connection.leaving = None;
        connection.core.on_disconnected(self.now);
        self.drive(token);
        self.forget(token);
    }

    pub(crate) fn on_sent(&mut self, token: Token, bytes: Vec<u8>) {
        let Some(connection) = self.connections.get(token) else { return };
        connection.sending = false;
        connection.spare = if bytes.capacity() > SPARE_MAX_BYTES { Vec::new() } else { bytes };
        connection.core.on_written();
        if connection.replay.is_some() {
            self.queue_replay(token);
        }
        self.touch(token);
    }

    pub(crate) fn take_over(&mut self, handed_over: HandedOver) {
        let HandedOver { socket, peer, core, key, session, submission } = handed_over;
        let mut connection = Box::new(Connection::new(peer, core));
        match self.driver.add(socket) {
            Ok(token) => {
                if self.draining {
                    connection.core.stop_listening();
                }
                self.connections.insert(token, connection);
                self.open(token, key, session, submission);
                // At once, as where nothing is handed over: what came with the logon was sent before it was answered.
                self.drive(token);
            }
            Err(error) => {
                tracing::debug!(%peer, %error, "a connection failed when it was handed over");
                sub(&self.stats.connections, 1);
            }
        }
    }

    pub(crate) fn hand_over(&mut self, token: Token) {
        let Some(connection) = self.remove(token) else { return };
        let Connection { peer, core, leaving, .. } = *connection;
        let (key, session, submission) = leaving.expect("it is leaving");
        let socket = self.driver.release(token);
        let owner = &self.mailboxes[key.raw() as usize % self.mailboxes.len()];
        owner.put(Mail::HandedOver(Box::new(HandedOver { socket, peer, core, key, session, submission })));
    }
}
