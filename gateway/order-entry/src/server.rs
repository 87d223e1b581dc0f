//! The server: its gateways as stages, their threads or the pipeline's, its start and its stop.
//!
//! ```text
//!   start:     one thread a gateway, "order-entry"          start_on:  one gateway, a stage for somebody else's thread
//!   stop:      serve --> (stop_reading) --> flush: what was released --> farewell --> gone
//! ```
//!
//! Invariants: when `start` returns, the directories know everything that the event log held; when `stop` returns, every
//! released report was offered to its session, everybody was told, and gateways and their threads are gone.
//! Owning thread: the gateways' runners, and whoever calls `start` and `stop`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidegate_domain::Timestamp;
use tidegate_journal::EventLog;
use tidegate_pipeline::stamps::MarkWriter;
use tidegate_pipeline::{Fatal, Inbox, Runner, ServingState, Stage, Waker};

use crate::config::{IoChoice, OrderEntryConfig, OrderEntryError};
use crate::directory::{Directory, Known, Maintenance};
use crate::gateway::{Gateway, Parts, Started};
use crate::ingress::Ingress;
use crate::mailbox::{Mail, Mailbox, Wanted};
use crate::pump;
use crate::stats::OrderEntryStats;
use crate::throttle::Throttles;
use crate::verify::Verifier;
use tidegate_sockets::{Bell, Driver, Epoll, Uring};

/// How long a stop waits for reports to be released, and then for goodbyes to be taken.
const FLUSH_MAX: Duration = Duration::from_secs(1);
/// How long a stop waits for a gateway on a thread that is not ours.
const STOP_MAX: Duration = Duration::from_secs(5);
/// How long an address may stay in use by a process that was killed, and the pause between two looks.
const RELEASE_MAX: Duration = Duration::from_secs(1);
const RELEASE_LOOK: Duration = Duration::from_millis(5);
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;

/// What the server is connected to.
pub struct OrderEntryPorts {
    /// Where requests go.
    pub inbox: Inbox,
    /// Where reports come from.
    pub log: EventLog,
    /// Whether this node leads.
    pub serving: ServingState,
    /// What need not be learned from the log.
    pub known: Known,
    /// Where each gateway stamps what it has sent, in their order; empty where nobody reads that.
    pub stamps: Vec<MarkWriter>,
}

/// How far the gateways of a server are with their end.
struct Left {
    count: Mutex<LeftCount>,
    changed: Condvar,
}

struct LeftCount {
    /// Gateways that still take requests.
    reading: usize,
    /// Gateways that have not ended.
    present: usize,
}

impl Left {
    fn new(gateways: usize) -> Self {
        let count = LeftCount { reading: gateways, present: gateways };
        Self { count: Mutex::new(count), changed: Condvar::new() }
    }

    fn change(&self, change: impl FnOnce(&mut LeftCount)) {
        change(&mut self.count.lock().expect("no holder of this lock panics"));
        self.changed.notify_all();
    }

    /// Waits until this is so; whether it became so in time.
    fn wait_until(&self, is_so: impl Fn(&LeftCount) -> bool) -> bool {
        let count = self.count.lock().expect("no holder of this lock panics");
        let waited = self.changed.wait_timeout_while(count, STOP_MAX, |count| !is_so(count));
        !waited.expect("no holder of this lock panics").1.timed_out()
    }
}

/// Tells clients what the operator has to say; clones tell the same ones.
#[derive(Clone)]
pub struct Announcer {
    mailboxes: Arc<[Arc<Mailbox>]>,
}

impl Announcer {
    pub(crate) fn mailboxes(&self) -> &[Arc<Mailbox>] {
        &self.mailboxes
    }

    /// Tells everybody who is logged on, and who logs on before then, that the node will be stopped; `None` tells nobody any
    /// more.
    pub fn maintenance(&self, maintenance: Option<&Maintenance>) {
        for mailbox in self.mailboxes.iter() {
            mailbox.put(Mail::Maintenance(maintenance.cloned()));
        }
    }
}

/// A running server.
pub struct OrderEntry {
    local_addr: SocketAddr,
    io: &'static str,
    stats: Arc<OrderEntryStats>,
    mailboxes: Arc<[Arc<Mailbox>]>,
    left: Arc<Left>,
    threads: Vec<JoinHandle<()>>,
}

impl OrderEntry {
    /// Listens, learns keys and markets from the event log, and starts threads of its own.
    ///
    /// # Errors
    /// [`OrderEntryError`] names the setting, the address or what the system refused.
    pub fn start(config: OrderEntryConfig, ports: OrderEntryPorts) -> Result<Self, OrderEntryError> {
        let wakers: Vec<Waker> = (0..config.threads).map(|_| Waker::default()).collect();
        let idle = config.idle;
        let (mut server, stages) = Self::prepare(&config, ports, &wakers)?;
        for ((stage, ended), waker) in stages.into_iter().zip(wakers) {
            let runner = Runner { name: "order-entry", core: None, idle, stages: vec![stage], waker };
            let on_fatal = Arc::new(|_: &str, error: Fatal| panic!("order entry cannot go on: {error}"));
            let thread = runner.start(ended, on_fatal).map_err(|error| OrderEntryError::Start { error })?;
            server.threads.push(thread);
        }
        Ok(server)
    }

    /// Listens, learns keys and markets from the event log, and returns its one gateway as a stage, to be driven by a runner
    /// with this waker: the pipeline's, before the sequencer.
    ///
    /// # Errors
    /// As [`Self::start`]; and more than one thread is refused.
    pub fn start_on(
        waker: &Waker,
        config: &OrderEntryConfig,
        ports: OrderEntryPorts,
    ) -> Result<(Self, Box<dyn Stage>), OrderEntryError> {
        if config.threads != 1 {
            let (field, value) = ("threads", config.threads.to_string());
            return Err(OrderEntryError::Config { field, value, allowed: "1 on the pipeline's thread" });
        }
        let (server, mut stages) = Self::prepare(config, ports, std::slice::from_ref(waker))?;
        let (stage, _) = stages.pop().expect("one stage a waker");
        Ok((server, stage))
    }

    fn prepare(
        config: &OrderEntryConfig,
        mut ports: OrderEntryPorts,
        wakers: &[Waker],
    ) -> Result<(Self, Vec<StageAndEnd>), OrderEntryError> {
        config.check()?;
        let refused = |error| OrderEntryError::Listen { address: config.listen, error };
        let listener = listen(config.listen).map_err(refused)?;
        let local_addr = listener.local_addr().map_err(refused)?;
        let mailboxes: Arc<[Arc<Mailbox>]> = wakers.iter().map(|waker| Arc::new(Mailbox::new(waker.clone()))).collect();
        let left = Arc::new(Left::new(wakers.len()));
        let mut making = Making { config, ports: &mut ports, wakers, mailboxes: &mailboxes, left: &left };
        let (io, stats, stages) = match config.io {
            IoChoice::Epoll => making.stages::<Epoll>(listener)?,
            IoChoice::Uring => {
                Uring::open(config.receive_buffers, &bell()?)
                    .map_err(|error| OrderEntryError::UringRefused { error })?;
                making.stages::<Uring>(listener)?
            }
            IoChoice::Auto => match Uring::open(config.receive_buffers, &bell()?) {
                Ok(_) => making.stages::<Uring>(listener)?,
                Err(error) => {
                    tracing::warn!(%error, "order entry uses epoll: the kernel refuses io_uring, or is older than 6.1");
                    making.stages::<Epoll>(listener)?
                }
            },
        };
        for (mailbox, waker) in mailboxes.iter().zip(wakers) {
            let (space, serving) = (Arc::clone(mailbox), Arc::clone(mailbox));
            ports.inbox.on_space(Arc::new(move || space.say_space()));
            ports.serving.on_change(Arc::new(move || serving.say_serving()));
            ports.log.add_listener(waker.listener());
            // For a change between the making of the gateway and the listener.
            mailbox.say_serving();
        }
        tracing::info!(%local_addr, io, threads = wakers.len(), "order entry listens");
        Ok((Self { local_addr, io, stats, mailboxes, left, threads: Vec::new() }, stages))
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Which kernel interface it uses: `io_uring` or `epoll`.
    #[must_use]
    pub fn io(&self) -> &'static str {
        self.io
    }

    /// Its counters.
    #[must_use]
    pub fn stats(&self) -> Arc<OrderEntryStats> {
        Arc::clone(&self.stats)
    }

    /// Where connections come in that somebody else has accepted.
    #[must_use]
    pub fn door(&self) -> Door {
        Door(Arc::clone(&self.mailboxes[0]))
    }

    /// Says to clients what the operator has to say.
    #[must_use]
    pub fn announcer(&self) -> Announcer {
        Announcer { mailboxes: Arc::clone(&self.mailboxes) }
    }

    /// Takes no further connection and no further request; reports still go out. The first step of a clean stop. Returns when
    /// every gateway does so; waits two seconds at most.
    pub fn stop_reading(&self) {
        self.want(Wanted::StopReading);
        if !self.left.wait_until(|left| left.reading == 0) {
            tracing::warn!("the thread that carries the sessions did not stop taking requests in time");
        }
    }

    /// Sends what was released, says goodbye with the position to resume from, and ends; takes two seconds at most.
    ///
    /// # Panics
    /// When one of its threads panicked.
    pub fn stop(mut self) {
        self.want(Wanted::Stop);
        if self.threads.is_empty() && !self.left.wait_until(|left| left.present == 0) {
            tracing::warn!("the thread that carries the sessions did not end them");
        }
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }

    fn want(&self, what: Wanted) {
        for mailbox in self.mailboxes.iter() {
            mailbox.want(what);
        }
    }
}

impl Drop for OrderEntry {
    fn drop(&mut self) {
        self.want(Wanted::Stop);
    }
}

/// Lets connections in that somebody else has accepted.
#[derive(Clone)]
pub struct Door(Arc<Mailbox>);

impl Door {
    /// A connected stream socket, and whose it is. Whether there is room is decided inside.
    pub fn admit(&self, socket: OwnedFd, peer: SocketAddr) {
        self.0.put(Mail::Admit { socket, peer });
    }
}

/// A stage, and the flag that it sets when it has ended.
type StageAndEnd = (Box<dyn Stage>, Arc<AtomicBool>);

/// What the gateways are made from.
struct Making<'a> {
    config: &'a OrderEntryConfig,
    ports: &'a mut OrderEntryPorts,
    wakers: &'a [Waker],
    mailboxes: &'a Arc<[Arc<Mailbox>]>,
    left: &'a Arc<Left>,
}

impl Making<'_> {
    /// One gateway a waker; the first accepts.
    fn stages<D: Driver>(
        &mut self,
        listener: TcpListener,
    ) -> Result<(&'static str, Arc<OrderEntryStats>, Vec<StageAndEnd>), OrderEntryError> {
        let stats = Arc::new(OrderEntryStats::default());
        let throttles = Arc::new(Throttles::new(self.config.key_rate, self.config.address_rate));
        let started = Started { at: Instant::now(), wall: wall_clock() };
        let mut listener = Some(listener);
        let mut stages: Vec<StageAndEnd> = Vec::new();
        for (index, waker) in self.wakers.iter().enumerate() {
            let start = |error| OrderEntryError::Start { error };
            let bell = bell()?;
            let mut driver = D::open(self.config.receive_buffers, &bell).map_err(start)?;
            waker.rouse_by(Arc::new(move || bell.ring()));
            let verifier = match listener.take() {
                Some(listener) => {
                    driver.listen(listener).map_err(start)?;
                    Some(Verifier::start(&self.mailboxes[index]).map_err(start)?)
                }
                None => None,
            };
            let OrderEntryPorts { inbox, log, serving, known, stamps } = &mut *self.ports;
            let mut directory = Directory::default();
            directory.know(known);
            let mut cursor = match known.after {
                Some((sequence, index)) => log.cursor_after(sequence, index)?,
                None => log.cursor_at_start(),
            };
            pump::learn(&mut directory, &mut cursor)?;
            let parts = Parts {
                driver,
                ingress: Ingress::new(inbox.clone()),
                log: log.clone(),
                cursor,
                directory,
                serving: serving.clone(),
                stats: Arc::clone(&stats),
                mailboxes: Arc::clone(self.mailboxes),
                index,
                verifier,
                throttles: Arc::clone(&throttles),
                started,
                stamps: if stamps.is_empty() { None } else { Some(stamps.remove(0)) },
            };
            let ended = Arc::new(AtomicBool::new(false));
            let stage = GatewayStage {
                gateway: Some(Gateway::new(self.config, parts)),
                mailbox: Arc::clone(&self.mailboxes[index]),
                phase: Phase::Serving,
                ended: Arc::clone(&ended),
                left: Arc::clone(self.left),
            };
            stages.push((Box::new(stage), ended));
        }
        Ok((D::NAME, stats, stages))
    }
}

fn wall_clock() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX))
}

fn bell() -> Result<Arc<Bell>, OrderEntryError> {
    Bell::new().map(Arc::new).map_err(|error| OrderEntryError::Start { error })
}

/// Listens, with patience: after a process on io_uring was killed, the kernel takes a moment to take its ring apart, and that
/// ring still holds the listening socket.
///
/// # Errors
/// What the system says; that the address is in use only after a second.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let begun = Instant::now();
    let listener = loop {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && begun.elapsed() < RELEASE_MAX => {
                std::thread::sleep(RELEASE_LOOK);
            }
            bound => break bound?,
        }
    };
    // SAFETY: a system call on a descriptor that is open. Listening again only changes the backlog.
    if unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) } == 0 {
        Ok(listener)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// How far the end is.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Serving,
    /// Takes no request any more.
    Draining,
    /// Until the end of the event log is reached, or this moment.
    Flushing(Instant),
    /// Until everybody has read the goodbye, or this moment.
    Farewell(Instant),
}

/// A gateway and its end.
struct GatewayStage<D: Driver> {
    /// None after the end.
    gateway: Option<Gateway<D>>,
    mailbox: Arc<Mailbox>,
    phase: Phase,
    ended: Arc<AtomicBool>,
    left: Arc<Left>,
}

impl<D: Driver> GatewayStage<D> {
    /// Moves on towards the end, where that is wanted; whether it is reached.
    fn obey(phase: &mut Phase, gateway: &mut Gateway<D>, left: &Left, wanted: Wanted) -> bool {
        match *phase {
            Phase::Serving if wanted >= Wanted::StopReading => {
                gateway.stop_reading();
                left.change(|left| left.reading -= 1);
                *phase = Phase::Draining;
            }
            Phase::Draining if wanted == Wanted::Stop => *phase = Phase::Flushing(Instant::now() + FLUSH_MAX),
            Phase::Flushing(until) if gateway.at_end_of_log || Instant::now() >= until => {
                if !gateway.at_end_of_log {
                    tracing::warn!("events were still being released when order entry stopped");
                }
                gateway.farewell();
                *phase = Phase::Farewell(Instant::now() + FLUSH_MAX);
            }
            Phase::Farewell(until) if gateway.is_empty() || Instant::now() >= until => {
                gateway.abort_all();
                return true;
            }
            _ => {}
        }
        false
    }
}

impl<D: Driver> Stage for GatewayStage<D> {
    fn name(&self) -> &'static str {
        "order-entry"
    }

    fn do_work(&mut self) -> Result<usize, Fatal> {
        let Some(gateway) = &mut self.gateway else { return Ok(0) };
        let work = gateway.round()?;
        let wanted = self.mailbox.wanted();
        if wanted == Wanted::Run {
            return Ok(work);
        }
        if Self::obey(&mut self.phase, gateway, &self.left, wanted) {
            self.gateway = None;
            self.ended.store(true, std::sync::atomic::Ordering::Release);
            self.left.change(|left| left.present -= 1);
        }
        Ok(work)
    }

    fn sleep(&mut self, max: Duration) -> Result<bool, Fatal> {
        match &mut self.gateway {
            Some(gateway) => gateway.sleep(max).map(|()| true),
            None => Ok(false),
        }
    }
}
