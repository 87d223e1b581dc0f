//! The thread `order-entry`: its runtime, its tasks, its start and its stop.
//!
//! ```text
//!   accept --> connection tasks      pump: event log --> sessions      space: inbox --> waiting records
//!   tick: timeouts and heartbeats    serving: leads or not             control: stop_reading, stop
//! ```
//!
//! Invariants: when `start` returns, the directory knows everything that the event log held; when `stop` returns, every
//! released report was offered to its session, everybody was told, and the thread is gone.
//! Owning thread: order-entry, and whoever calls `start` and `stop`.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;

use tidegate_journal::EventLog;
use tidegate_pipeline::{Inbox, Listener, ServingState};
use tokio::sync::Notify;

use crate::config::{IoChoice, OrderEntryConfig, OrderEntryError};
use crate::directory::Known;
use crate::gateway::Gateway;
use crate::ingress::Ingress;
use crate::pump;
use crate::socket::{EpollSocket, Socket, UringSocket};
use crate::stats::OrderEntryStats;

/// How often timeouts and heartbeats are looked at.
const TICK: Duration = Duration::from_millis(20);
/// How long a stop waits for reports and goodbyes to be taken.
const FLUSH_MAX: Duration = Duration::from_secs(1);
/// Pause after the system refused to accept a connection, such as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Entries of the submission ring.
const URING_ENTRIES: u32 = 1_024;

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
}

const RUN: u8 = 0;
const STOP_READING: u8 = 1;
const STOP: u8 = 2;

/// Orders from outside to the thread.
#[derive(Default)]
struct Control {
    wanted: AtomicU8,
    changed: Notify,
}

impl Control {
    fn want(&self, what: u8) {
        self.wanted.fetch_max(what, Ordering::SeqCst);
        self.changed.notify_one();
    }
}

/// A running server.
pub struct OrderEntry {
    local_addr: SocketAddr,
    io: &'static str,
    stats: Arc<OrderEntryStats>,
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

impl OrderEntry {
    /// Listens, learns keys and markets from the event log, and starts the thread.
    ///
    /// # Errors
    /// [`OrderEntryError`] names the setting, the address or what the system refused.
    pub fn start(config: OrderEntryConfig, ports: OrderEntryPorts) -> Result<Self, OrderEntryError> {
        config.check()?;
        let address = config.listen;
        let listen = |error| OrderEntryError::Listen { address, error };
        let listener = std::net::TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let local_addr = listener.local_addr().map_err(listen)?;
        let stats = Arc::new(OrderEntryStats::default());
        let control = Arc::new(Control::default());
        let (ready, started) = std::sync::mpsc::sync_channel(1);
        let server =
            Server { config, ports, listener, stats: Arc::clone(&stats), control: Arc::clone(&control), ready };
        let thread = std::thread::Builder::new()
            .name("order-entry".to_owned())
            .spawn(move || server.run())
            .map_err(|error| OrderEntryError::Runtime { error })?;
        let io = match started.recv() {
            Ok(result) => result?,
            // It ended without a word: only by a panic, whose message is the better one.
            Err(_) => std::panic::resume_unwind(thread.join().expect_err("it panicked before it was ready")),
        };
        tracing::info!(%local_addr, io, "order entry listens");
        Ok(Self { local_addr, io, stats, control, thread: Some(thread) })
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

    /// Takes no further connection and no further request; reports still go out. The first step of a clean stop.
    pub fn stop_reading(&self) {
        self.control.want(STOP_READING);
    }

    /// Sends what was released, says goodbye with the position to resume from, and ends; takes two seconds at most.
    ///
    /// # Panics
    /// When the thread panicked.
    pub fn stop(mut self) {
        self.control.want(STOP);
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for OrderEntry {
    fn drop(&mut self) {
        self.control.want(STOP);
    }
}

/// What the thread is started with.
struct Server {
    config: OrderEntryConfig,
    ports: OrderEntryPorts,
    listener: std::net::TcpListener,
    stats: Arc<OrderEntryStats>,
    control: Arc<Control>,
    ready: SyncSender<Result<&'static str, OrderEntryError>>,
}

impl Server {
    fn run(self) {
        match (self.config.io, uring_runtime(self.config.io, self.config.sessions_max)) {
            (_, Some(Ok(runtime))) => runtime.block_on(self.serve::<UringSocket>()),
            (IoChoice::Uring, Some(Err(error))) => self.refuse(OrderEntryError::UringRefused { error }),
            (_, refused) => {
                if let Some(Err(error)) = refused {
                    tracing::warn!(%error, "order entry uses epoll: the kernel refuses io_uring");
                }
                match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => {
                        tokio::task::LocalSet::new().block_on(&runtime, self.serve::<EpollSocket>());
                    }
                    Err(error) => self.refuse(OrderEntryError::Runtime { error }),
                }
            }
        }
    }

    fn refuse(&self, error: OrderEntryError) {
        // Nobody listens only when the caller is gone.
        let _ = self.ready.send(Err(error));
    }

    async fn serve<S: Socket>(self) {
        let listener = match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => {
                let _ = self.ready.send(Err(OrderEntryError::Runtime { error }));
                return;
            }
        };
        let OrderEntryPorts { inbox, log, serving, known } = self.ports;
        let space = told(|listener| inbox.on_space(listener));
        let serving_changed = told(|listener| serving.on_change(listener));
        let news = told(|listener| log.add_listener(listener));
        let ingress = Ingress::new(inbox);
        let gateway = Gateway::<S>::new(&self.config, ingress, log.clone(), serving, self.stats, Arc::clone(&news));
        let after = known.after;
        gateway.know(known);
        let cursor =
            after.map_or_else(|| Ok(log.cursor_at_start()), |(sequence, index)| log.cursor_after(sequence, index));
        let learned = cursor.and_then(|mut cursor| pump::learn(&gateway, &mut cursor).map(|()| cursor));
        let cursor = match learned {
            Ok(cursor) => cursor,
            Err(error) => {
                let _ = self.ready.send(Err(error.into()));
                return;
            }
        };
        let _ = self.ready.send(Ok(S::NAME));

        let last_round = Rc::new(Cell::new(false));
        let pumping = pump::run(Rc::clone(&gateway), cursor, Rc::clone(&last_round));
        let mut pumping = tokio::task::spawn_local(pumping);
        tokio::task::spawn_local(on_each(space, Rc::clone(&gateway), Gateway::on_space));
        tokio::task::spawn_local(on_each(serving_changed, Rc::clone(&gateway), Gateway::on_serving));
        tokio::task::spawn_local(tick(Rc::clone(&gateway)));
        tokio::select! {
            () = accept(&listener, &gateway, &self.control) => {}
            ended = &mut pumping => std::panic::resume_unwind(
                ended.expect_err("the pump ends by itself only by a panic").into_panic(),
            ),
        }
        drop(listener);

        last_round.set(true);
        news.notify_one();
        if tokio::time::timeout(FLUSH_MAX, pumping).await.is_err() {
            tracing::warn!("events were still being released when order entry stopped");
        }
        farewell(&gateway).await;
    }
}

/// Accepts until the end is wanted.
async fn accept<S: Socket>(listener: &tokio::net::TcpListener, gateway: &Rc<Gateway<S>>, control: &Control) {
    let mut reading = true;
    loop {
        tokio::select! {
            () = control.changed.notified() => match control.wanted.load(Ordering::SeqCst) {
                RUN => {}
                STOP_READING => {
                    reading = false;
                    gateway.stop_reading();
                }
                _ => return,
            },
            accepted = listener.accept(), if reading => match accepted {
                Ok((stream, peer)) => gateway.admit(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

/// Tells everybody, and waits for them to have read it, within bounds.
async fn farewell<S: Socket>(gateway: &Rc<Gateway<S>>) {
    gateway.on_stop();
    let all_gone = async || {
        while !gateway.is_empty() {
            gateway.departed.notified().await;
        }
    };
    if tokio::time::timeout(FLUSH_MAX, all_gone()).await.is_err() {
        gateway.abort_all();
        if tokio::time::timeout(FLUSH_MAX, all_gone()).await.is_err() {
            tracing::warn!("some connections did not end when order entry stopped");
        }
    }
}

async fn tick<S: Socket>(gateway: Rc<Gateway<S>>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        gateway.on_tick();
    }
}

async fn on_each<S>(told: Arc<Notify>, gateway: Rc<Gateway<S>>, act: fn(&Rc<Gateway<S>>)) {
    loop {
        told.notified().await;
        act(&gateway);
    }
}

/// Registers a listener that leaves a permit: whatever it says is not lost when nobody waits for it yet.
fn told(register: impl FnOnce(Listener)) -> Arc<Notify> {
    let notify = Arc::new(Notify::new());
    let listener = Arc::clone(&notify);
    register(Arc::new(move || listener.notify_one()));
    notify
}

/// A runtime on io_uring that was seen to work; `None` where it is not wanted.
fn uring_runtime(choice: IoChoice, sessions_max: usize) -> Option<std::io::Result<tokio_uring::Runtime>> {
    if choice == IoChoice::Epoll {
        return None;
    }
    // Every session has a read and a write under way.
    let completions = u32::try_from(2 * sessions_max + 64).unwrap_or(u32::MAX).next_power_of_two();
    let mut ring = tokio_uring::uring_builder();
    ring.setup_cqsize(completions.max(2 * URING_ENTRIES));
    let mut builder = tokio_uring::builder();
    builder.entries(URING_ENTRIES).uring_builder(&ring);
    Some(tokio_uring::Runtime::new(&builder).and_then(|runtime| {
        runtime.block_on(tokio_uring::no_op())?;
        Ok(runtime)
    }))
}
