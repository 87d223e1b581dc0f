//! Composition: the whole graph of a node, and its life from open to stop.
//!
//! ```text
//!   open:  config, folder, state file, journal and event log (recovery), sockets          [storage]
//!   start: replication link [link]; sync helper, runners [pipeline]; order entry, market data, HTTP, operator's socket
//!          [shells];
//!          then the configured role [crate::control]
//!   stop:  no more commands, drain, farewell to sessions, sink, commit mark, sync
//! ```
//!
//! Invariants: everything that can be refused is refused before the first command moves.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant};

use tidegate_journal::stage::SyncHelper;
use tidegate_market_data::FeedRunner;
use tidegate_order_entry::{OrderEntry, TlsDoor};
use tidegate_pipeline::affinity::KeptOff;
use tidegate_pipeline::busy::timed;
use tidegate_pipeline::runner::IdleStrategy;
use tidegate_pipeline::stamps::TickClock;
use tidegate_pipeline::{AckPolicy, AckRule, DigestBoard, Fatal, Inbox, OnFatal, RunControl, ServingState, Waker};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, watch};

use crate::EXIT_FATAL;
use crate::config::NodeConfig;
use crate::control::{Changing, Control, Facts, Marks};
use crate::decisions::Part;
use crate::desk::Desk;
use crate::directory::Directory;
use crate::latency::{BusyStages, Latency, LatencyHelper};
use crate::snapshots::Snapshots;

mod link;
mod pipeline;
mod shells;
mod storage;

use pipeline::Runners;
use storage::Storage;

/// How long a stopping node waits for its pipeline to drain; a blocked one cannot.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);
/// Threads of the runtime that carries QUIC, HTTP, the sink and the operator.
const RUNTIME_THREADS: usize = 2;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::ConfigError),
    /// Anything else, in words that name the file or address and what to do.
    #[error("{what}: {error}")]
    Start {
        /// Which part.
        what: &'static str,
        /// Its words.
        error: Fatal,
    },
}

fn start_error<E: Into<Fatal>>(what: &'static str) -> impl FnOnce(E) -> NodeError {
    move |error| NodeError::Start { what, error: error.into() }
}

/// Called once when the node finds that it must be stopped in order, with the reason. It must not block.
pub type OnMustStop = Box<dyn Fn(&str) + Send + Sync>;

/// A running node.
pub struct Node {
    control: Arc<Control>,
    runtime: Runtime,
    order_entry: OrderEntry,
    market_data: Option<FeedRunner>,
    tls: Option<TlsDoor>,
    runners: Runners,
    sync_helper: SyncHelper,
    latency_helper: LatencyHelper,
    stop_http: watch::Sender<bool>,
}

/// What the parts of a node share while they are put together.
struct Handles<'a> {
    config: &'a NodeConfig,
    marks: Marks,
    inbox: Inbox,
    run: RunControl,
    policy: AckPolicy,
    digests: DigestBoard,
    serving: ServingState,
    /// Of the first pipeline thread.
    waker: Waker,
    on_fatal: OnFatal,
}

impl Node {
    /// Opens and starts everything, and begins the configured role in the background (the replay of a long journal takes
    /// its time; [`crate::NodeStatus`] shows it). From here on every panic of the process aborts it: a stage that panics
    /// half-way through a batch must not unwind, the ring would count the batch as read. `on_must_stop` is called when the
    /// disk is full; whoever owns the node then calls [`Self::stop`].
    ///
    /// # Errors
    /// [`NodeError`] in words that name what is wrong and what to do.
    pub fn start(config: NodeConfig, on_must_stop: OnMustStop) -> Result<Self, NodeError> {
        config.check()?;
        abort_on_panic();
        tidegate_journal::name_bus_errors();
        let plan = pipeline::core_plan(&config);
        let idle = pipeline::idle(&config, plan.0);
        // Every thread that starts from here on, but for those of the pipeline.
        let _kept_off = (idle == IdleStrategy::Spin).then(|| KeptOff::cores(plan.0.cores(plan.1)));
        let Storage { journal, events, state, base } = Storage::open(&config)?;
        let runtime = runtime()?;
        let clock = TickClock::best();
        tracing::info!(clock = clock.as_str(), "orders are stamped by this clock");
        let (stage_marks, link_marks, marks, stamps) = pipeline::marks(clock);
        let waker = Waker::default();
        let handles = Handles {
            config: &config,
            marks,
            inbox: Inbox::new(config.pipeline.inbox_slots, waker.clone()),
            run: RunControl::new(waker.clone()),
            // Nothing leaves before the role is decided: see `Control::begin`.
            policy: AckPolicy::new(AckRule::Frozen),
            digests: DigestBoard::default(),
            serving: ServingState::default(),
            waker,
            on_fatal: Arc::new(|part, error| die(part, &error)),
        };
        let listen = shells::reserve("order_entry.listen", config.order_entry.listen)?;
        let log = events.log.clone();
        let known = state.promises().epoch.max(journal.recovery.last_epoch);
        let link = link::start(&handles, &runtime, link_marks, &journal.reader, listen, known)?;
        log.add_listener(Arc::clone(&link.poke));
        let logs = (journal.writer, journal.syncer, journal.reader.clone());
        let (known, resume) = (base.known(), base.resume());
        let (directory, events_after) = (Directory::of(&base.engine), known.after);
        let machine = (base.engine, resume);
        let (mut stages, sync_helper) = pipeline::stages(&handles, stage_marks, logs, events, machine, &link)?;
        let (sent, sent_read) = pipeline::gateway_stamps(clock, config.order_entry.threads);
        let (order_entry, stage) = shells::start_order_entry(&handles, listen, &log, known, sent, plan.0)?;
        let (latency, latency_helper) =
            Latency::start(clock, stamps.sources(&handles, sent_read), journal.reader.clone())
                .map_err(start_error("the latency helper"))?;
        let tls = shells::open_tls(&config, &order_entry)?;
        // First: it begins a round with what publish let out at the end of the one before, and ends before the sequencer.
        stages.splice(0..0, stage);
        let market_data = shells::start_market_data(&handles, &log)?;
        let doors = shells::http_doors(&config, &runtime)?;
        let http = doors.as_ref().map(|doors| doors.public.local_addr());
        let http_operator = doors.as_ref().and_then(|doors| doors.operator.as_ref()).map(TcpListener::local_addr);
        let facts = Facts {
            started: Instant::now(),
            resumed_at: resume.through,
            recovered_through: journal.recovery.last,
            recovered_epoch: journal.recovery.last_epoch,
            core_plan: plan.0.as_str(),
            io: order_entry.io(),
            order_entry: order_entry.local_addr(),
            http: http.transpose().map_err(start_error("http.listen"))?,
            http_operator: http_operator.transpose().map_err(start_error("http.operator_listen"))?,
            market_data: market_data.as_ref().map(FeedRunner::local_addr),
            incarnation: state.incarnation(),
        };
        let (stages, busy) = stages.into_iter().map(|stage| timed(stage, clock)).unzip();
        let Handles { marks, inbox, run, policy, digests, serving, waker, on_fatal, .. } = handles;
        let control = Arc::new(Control {
            desk: Desk::new(inbox.clone(), directory),
            inbox,
            marks,
            log,
            serving,
            gateway: order_entry.stats(),
            announcer: order_entry.announcer(),
            market_data: market_data.as_ref().map(FeedRunner::stats),
            latency,
            busy: BusyStages::new(clock, busy),
            run,
            policy,
            digests,
            journal: journal.reader,
            link: link.link,
            facts,
            stopping: AtomicBool::new(false),
            peer_has_more: AtomicBool::new(false),
            on_fatal: Arc::clone(&on_fatal),
            changing: Mutex::new(Changing { state, part: Part::Starting }),
            sink: StdMutex::default(),
            snapshots: Snapshots::default(),
            config,
        });
        let stop_http = shells::start_tasks(&runtime, &control, doors, link.news, events_after)?;
        runtime.spawn(shells::watch_space(Arc::clone(&control), on_must_stop));
        let runners = Runners::start(plan, idle, stages, waker, &on_fatal)?;
        let begin = Arc::clone(&control);
        runtime.spawn(async move {
            if let Err(error) = begin.begin().await {
                (begin.on_fatal)("the start of the role", error);
            }
        });
        Ok(Self { control, runtime, order_entry, tls, market_data, runners, sync_helper, latency_helper, stop_http })
    }

    /// Where the binary gateway listens.
    #[must_use]
    pub fn order_entry_address(&self) -> SocketAddr {
        self.order_entry.local_addr()
    }

    /// Stops in order: no more commands, drain, farewell to sessions, sink, commit mark, sync.
    pub fn stop(self) {
        let Self { control, runtime, order_entry, tls, market_data, runners, sync_helper, latency_helper, stop_http } =
            self;
        tracing::info!("stopping: no more commands are taken");
        if let Some(tls) = &tls {
            tls.close();
        }
        order_entry.stop_reading();
        runtime.block_on(control.stop());
        let drained = drain(&control);
        order_entry.stop();
        if let Some(tls) = tls {
            tls.stop();
        }
        if let Some(market_data) = market_data {
            market_data.stop();
        }
        let sink = control.sink.lock().expect("no holder of this lock panics").take();
        runtime.block_on(async {
            if let Some(sink) = sink {
                sink.stop().await;
            }
            let _ = stop_http.send(true);
        });
        if let Some(link) = &control.link {
            link.stop();
        }
        // Before the locks go: from then on the socket may be a successor's.
        let _ = std::fs::remove_file(control.config.admin_socket());
        runners.stop();
        sync_helper.stop();
        latency_helper.stop();
        let through = control.marks.published.through();
        runtime.shutdown_timeout(Duration::from_secs(1));
        tracing::info!(published_through = through.raw(), drained, "stopped");
    }
}

/// Waits until everything that was sequenced is released, if it can be.
fn drain(control: &Control) -> bool {
    let started = Instant::now();
    while started.elapsed() < DRAIN_TIMEOUT && control.policy.rule() != AckRule::Frozen {
        if control.run.is_obeyed() && control.marks.published.through() >= control.marks.assigned.through() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    tracing::warn!("what is not acknowledged stays in the journal; its clients send it again");
    false
}

fn die(part: &str, error: &Fatal) {
    tracing::error!(part, %error, "the node stops: it cannot go on safely");
    eprintln!("tidegate: {part}: {error}");
    std::process::exit(EXIT_FATAL);
}

/// Makes every panic of the process print itself and abort, once.
fn abort_on_panic() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            print(panic);
            std::process::abort();
        }));
    });
}

fn runtime() -> Result<Runtime, NodeError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .thread_name("tokio")
        .enable_all()
        .build()
        .map_err(start_error("the runtime"))
}
