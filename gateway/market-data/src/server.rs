//! The shell: one thread that tails the event log, serves TCP connections and sends to the groups.
//!
//! ```text
//!   event log --[tail]--> Hub --+--> Publisher --> groups A, B, snapshots
//!                               '--> Session of each connection <--> socket
//! ```
//!
//! Invariants: all of it is on one thread, `market-data`, so nothing is locked and the pipeline never waits for it; a connection is
//! read and written by its own task, which owns one chunk of bytes at a time. Owning thread: `market-data`.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_domain::EventRecord;
use tidegate_journal::{EventCursor, EventLog};
use tidegate_wire::FrameReader;
use tidegate_wire::feed::{ChannelMarks, FeedLogoutReason, FeedServer, encode_feed};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::LocalSet;

use crate::FeedError;
use crate::checkpoint;
use crate::config::FeedConfig;
use crate::core::FeedCore;
use crate::hub::Hub;
use crate::multicast::Publisher;
use crate::session::Session;
use crate::stats::FeedStats;

/// Events taken in one go, unless one command has more.
const BATCH_EVENTS: usize = 2_048;
/// A client may be silent for so many heartbeats.
const SILENT_HEARTBEATS: u32 = 10;
/// A socket that does not take a chunk in so many heartbeats is closed: nothing can be said to it any more.
const STALLED_HEARTBEATS: u32 = 30;
/// How long what is left for connections may take when the node stops.
const FAREWELL: Duration = Duration::from_millis(500);

/// What the feed asks of the node.
pub struct FeedPorts {
    /// The released events.
    pub log: EventLog,
    /// Whether this node leads. Called on the feed's thread: it must not block.
    pub leads: Box<dyn Fn() -> bool + Send>,
    /// Called once when the feed cannot go on.
    pub on_fatal: Box<dyn FnOnce(FeedError) + Send>,
}

/// A running feed.
#[derive(Debug)]
pub struct FeedRunner {
    address: SocketAddr,
    stats: FeedStats,
    stop: watch::Sender<bool>,
    thread: std::thread::JoinHandle<()>,
}

impl FeedRunner {
    /// Binds the sockets and starts the thread.
    ///
    /// # Errors
    /// [`FeedError::Listen`] or [`FeedError::Multicast`], with the address.
    pub fn start(config: FeedConfig, ports: FeedPorts) -> Result<Self, FeedError> {
        let listen = |error| FeedError::Listen { address: config.listen, error };
        let listener = StdListener::bind(config.listen).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let stats = FeedStats::default();
        let publisher = match &config.multicast {
            None => None,
            Some(multicast) => Some(Publisher::open(multicast.clone(), stats.clone()).map_err(FeedError::Multicast)?),
        };
        let (stop, stopped) = watch::channel(false);
        let counters = stats.clone();
        let FeedPorts { log, leads, on_fatal } = ports;
        let run = move || {
            let work = || -> Result<(), FeedError> {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let resumed = config.checkpoint.as_deref().and_then(|file| checkpoint::load(file, &log));
                let (core, cursor) = resumed.unwrap_or_else(|| (FeedCore::default(), log.cursor_at_start()));
                counters.set(|c| &c.resumed_at, core.through().raw());
                let hub = Rc::new(RefCell::new(Hub::new(&config, core, counters)));
                let (more, _) = watch::channel(());
                let shared = Shared { config: Rc::new(config), hub, more, stopped, started: Instant::now() };
                LocalSet::new().block_on(&runtime, shared.run(listener, (log, cursor), leads, publisher))
            };
            if let Err(error) = work() {
                on_fatal(error);
            }
        };
        let thread = std::thread::Builder::new().name("market-data".to_owned()).spawn(run)?;
        Ok(Self { address, stats, stop, thread })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Its counters.
    #[must_use]
    pub fn stats(&self) -> FeedStats {
        self.stats.clone()
    }

    /// Says farewell to every connection and ends.
    pub fn stop(self) {
        // An error means that the thread has ended already.
        let _ = self.stop.send(true);
        let _ = self.thread.join();
    }
}

/// What the tasks of the thread share.
#[derive(Clone)]
struct Shared {
    config: Rc<FeedConfig>,
    hub: Rc<RefCell<Hub>>,
    /// There are newer messages.
    more: watch::Sender<()>,
    stopped: watch::Receiver<bool>,
    started: Instant,
}

impl Shared {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    async fn run(
        self,
        listener: StdListener,
        log: (EventLog, EventCursor),
        leads: Box<dyn Fn() -> bool + Send>,
        publisher: Option<Publisher>,
    ) -> Result<(), FeedError> {
        let listener = TcpListener::from_std(listener)?;
        let mut stopped = self.stopped.clone();
        let result = tokio::select! {
            result = self.tail(listener, log, leads, publisher) => result,
            // An error means that the handle is gone, which is a stop as well.
            _ = stopped.wait_for(|stop| *stop) => Ok(()),
        };
        let farewell = Instant::now();
        while self.hub.borrow().limits.connections() > 0 && farewell.elapsed() < FAREWELL {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        result
    }

    /// Follows the event log until it cannot be read. Connections are accepted once everything that was released before is in
    /// the books: who connects to a node that starts goes to the other one, or waits, and does not see the past go by.
    async fn tail(
        &self,
        listener: TcpListener,
        (log, mut cursor): (EventLog, EventCursor),
        leads: Box<dyn Fn() -> bool + Send>,
        mut publisher: Option<Publisher>,
    ) -> Result<(), FeedError> {
        let news = Arc::new(Notify::new());
        let notified = Arc::clone(&news);
        log.add_listener(Arc::new(move || notified.notify_one()));
        let mut events = Vec::with_capacity(BATCH_EVENTS);
        let mut listener = Some(listener);
        loop {
            let read = self.read(&mut cursor, &mut events)?;
            if read == 0
                && let Some(listener) = listener.take()
            {
                tokio::task::spawn_local(self.clone().accept(listener));
            }
            let is_more = publisher.as_mut().is_some_and(|publisher| self.publish(publisher, &*leads, read == 0));
            if read > 0 || is_more {
                // Catching up must not keep the thread from its connections.
                tokio::task::yield_now().await;
                continue;
            }
            // Who leads is asked again at least this often.
            let look = self.now() + self.config.heartbeat;
            let due = publisher.as_ref().and_then(|publisher| publisher.due(self.config.heartbeat));
            let until = tokio::time::Instant::from_std(self.started + due.map_or(look, |due| due.min(look)));
            let _ = tokio::time::timeout_at(until, news.notified()).await;
        }
    }

    /// Takes the next events of whole commands.
    fn read(&self, cursor: &mut EventCursor, events: &mut Vec<EventRecord>) -> Result<usize, FeedError> {
        let read = cursor.next_batch(BATCH_EVENTS, events)?;
        let whole = events.iter().rposition(EventRecord::is_last).map_or(0, |last| last + 1);
        if whole > 0 {
            let mut hub = self.hub.borrow_mut();
            hub.take(&events[..whole])?;
            hub.checkpoint(&self.config);
            events.drain(..whole);
            self.more.send_replace(());
        }
        Ok(read)
    }

    fn publish(&self, publisher: &mut Publisher, leads: &dyn Fn() -> bool, up_to_date: bool) -> bool {
        let mut hub = self.hub.borrow_mut();
        let leads = leads();
        if up_to_date || !leads {
            publisher.lead(leads, hub.next());
        }
        let now = self.now();
        let is_more = publisher.publish(&hub, now, self.config.heartbeat);
        publisher.snapshots(&mut hub, now);
        is_more
    }

    async fn accept(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(stream, peer.ip()),
                Err(error) => {
                    // Out of descriptors, most likely: it passes when connections end.
                    tracing::warn!(%error, "the feed cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, ip: IpAddr) {
        // Without it a notice may wait for an acknowledgement; the feed works either way.
        let _ = stream.set_nodelay(true);
        let mut hub = self.hub.borrow_mut();
        if let Err(detail) = hub.limits.connect(ip, self.now()) {
            hub.stats.count(|c| &c.refused_connections, 1);
            let (reason, resume) = (FeedLogoutReason::TooManyConnections, ChannelMarks::default());
            let mut bytes = Vec::new();
            encode_feed(&FeedServer::Logout { reason, resume, detail }, &mut bytes);
            // A new socket takes that much; if it does not, there is nothing to be said.
            let _ = stream.try_write(&bytes);
            return;
        }
        hub.stats.set(|c| &c.connections, hub.limits.connections() as u64);
        let session = Session::new(&self.config, &hub, ip);
        tokio::task::spawn_local(self.clone().serve(stream, ip, session));
    }

    async fn serve(self, stream: TcpStream, ip: IpAddr, session: Session) {
        if let Err(error) = self.exchange(&stream, session).await {
            tracing::debug!(%ip, %error, "a connection of the feed ended");
        }
        let mut hub = self.hub.borrow_mut();
        hub.limits.disconnect(ip);
        hub.stats.set(|c| &c.connections, hub.limits.connections() as u64);
    }

    /// Reads and writes until either side ends it.
    async fn exchange(&self, stream: &TcpStream, mut session: Session) -> std::io::Result<()> {
        let (mut more, mut stopped) = (self.more.subscribe(), self.stopped.clone());
        let (mut reader, mut input) = (FrameReader::new(), vec![0; 4_096]);
        let heartbeat = self.config.heartbeat;
        let (mut said_at, mut heard_at) = (Instant::now(), Instant::now());
        loop {
            session.fill(&self.hub.borrow());
            let reads = session.takes_requests();
            if !reads {
                // What the client says is not read, so its silence says nothing; whether it reads decides.
                heard_at = Instant::now();
            } else if heard_at.elapsed() > heartbeat * SILENT_HEARTBEATS {
                session.end(&self.hub.borrow(), FeedLogoutReason::HeartbeatMissed, String::new());
            }
            let is_empty = session.unwritten().is_empty();
            if is_empty && session.is_ending {
                return Ok(());
            }
            let patience = if is_empty { heartbeat } else { heartbeat * STALLED_HEARTBEATS };
            let until = tokio::time::Instant::from_std(said_at + patience);
            tokio::select! {
                ready = stream.readable(), if reads => {
                    ready?;
                    match stream.try_read(&mut input) {
                        Ok(0) => return Ok(()),
                        Ok(count) => {
                            heard_at = Instant::now();
                            self.take(&mut session, &mut reader, &input[..count]);
                        }
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                ready = stream.writable(), if !is_empty => {
                    ready?;
                    match stream.try_write(session.unwritten()) {
                        Ok(count) => {
                            if session.wrote(count) {
                                said_at = Instant::now();
                            }
                        }
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                _ = more.changed(), if is_empty => {}
                () = tokio::time::sleep_until(until) => {
                    if !is_empty {
                        self.hub.borrow().stats.count(|c| &c.slow_consumers, 1);
                        return Err(std::io::ErrorKind::TimedOut.into());
                    }
                    session.heartbeat(&self.hub.borrow());
                }
                _ = stopped.wait_for(|stop| *stop), if !session.is_ending => {
                    session.end(&self.hub.borrow(), FeedLogoutReason::NodeStopping, String::new());
                }
            }
        }
    }

    fn take(&self, session: &mut Session, reader: &mut FrameReader, mut input: &[u8]) {
        let mut hub = self.hub.borrow_mut();
        while !session.is_ending {
            match reader.next_frame(&mut input) {
                Ok(Some(frame)) => session.on_frame(&mut hub, &frame, self.now()),
                Ok(None) => return,
                Err(error) => session.end(&hub, FeedLogoutReason::MalformedFrame, error.to_string()),
            }
        }
    }
}
