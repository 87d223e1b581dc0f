//! Composition: the whole graph of a node, and its life from open to stop.
//!
//! ```text
//!   open:  config, folder, state file, journal and event log (recovery), sockets
//!   start: runners, sync helper, replication link, order entry, HTTP, operator's socket; then the configured role
//!   stop:  no more commands, drain, farewell to sessions, sink, commit mark, sync
//! ```
//!
//! Invariants: everything that can be refused is refused before the first thread starts.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use tidegate_domain::{Command, CommandRecord, LOGIC_VERSION, NodeId, Sequence};
use tidegate_journal::stage::{JournalStage, SyncHelper};
use tidegate_journal::{
    EventLog, JournalReader, LogConfig, OpenedEventLog, OpenedJournal, open_event_log, open_journal,
};
use tidegate_matching::Engine;
use tidegate_order_entry::{IoChoice, OrderEntry, OrderEntryConfig, OrderEntryPorts};
use tidegate_pipeline::{
    AckPolicy, AckRule, CorePlan, DigestBoard, Fatal, Inbox, Listener, MatchStage, OnFatal, Publish, RunControl,
    Runner, Sequencer, SequencerOrder, ServingState, Stage, Waker, WatermarkWriter, Watermarks, command_ring,
    event_ring, watermark,
};
use tidegate_replicator::{LinkConfig, LinkPorts, LiveFeed, ReplicateStage, Replicator};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc, watch};

use crate::config::{IoName, NodeConfig, ReplicationSection, Role};
use crate::control::{Changing, Control, Facts, Marks};
use crate::desk::Desk;
use crate::glue::{CatchUp, Released, Restart};
use crate::state_file::StateFile;
use crate::view::View;
use crate::{EXIT_FATAL, admin};

/// Records of the leader that may wait for a standby's sequencer.
const FROM_LEADER_SLOTS: usize = 16_384;
/// Commands that may wait for the link before it falls back to the journal.
const LIVE_FEED_SLOTS: usize = 16_384;
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

/// A running node.
pub struct Node {
    control: Arc<Control>,
    runtime: Runtime,
    order_entry: OrderEntry,
    runners: Vec<JoinHandle<()>>,
    stop_runners: Arc<AtomicBool>,
    wakers: Vec<Waker>,
    sync_helper: SyncHelper,
    stop_http: watch::Sender<bool>,
}

/// Everything on disk, opened and recovered.
struct Storage {
    journal: OpenedJournal,
    events: OpenedEventLog,
    state: StateFile,
}

/// One end of every watermark; the other ends are in [`Marks`].
struct MarkWriters {
    assigned: WatermarkWriter,
    journaled: WatermarkWriter,
    synced: WatermarkWriter,
    matched: WatermarkWriter,
    published: WatermarkWriter,
    peer_received: WatermarkWriter,
    peer_synced: WatermarkWriter,
    commit: WatermarkWriter,
}

fn marks() -> (MarkWriters, Marks) {
    let (assigned, assigned_r) = watermark();
    let (journaled, journaled_r) = watermark();
    let (synced, synced_r) = watermark();
    let (matched, matched_r) = watermark();
    let (published, published_r) = watermark();
    let (peer_received, peer_received_r) = watermark();
    let (peer_synced, peer_synced_r) = watermark();
    let (commit, commit_r) = watermark();
    let writers = MarkWriters { assigned, journaled, synced, matched, published, peer_received, peer_synced, commit };
    let readers = Marks {
        assigned: assigned_r,
        journaled: journaled_r,
        synced: synced_r,
        matched: matched_r,
        published: published_r,
        peer_received: peer_received_r,
        peer_synced: peer_synced_r,
        commit: commit_r,
    };
    (writers, readers)
}

impl Node {
    /// Opens and starts everything, and begins the configured role in the background (the replay of a long journal takes
    /// its time; [`crate::NodeStatus`] shows it).
    ///
    /// # Errors
    /// [`NodeError`] in words that name what is wrong and what to do.
    pub fn start(config: NodeConfig) -> Result<Self, NodeError> {
        config.check()?;
        let storage = open_storage(&config)?;
        let Storage { journal: OpenedJournal { writer, syncer, reader, recovery }, events, state } = storage;
        let runtime = runtime()?;
        let on_fatal: OnFatal = Arc::new(|part, error| die(part, &error));

        // Control's side of everything.
        let (writers, marks) = marks();
        let pipeline_waker = Waker::default();
        let inbox = Inbox::new(config.pipeline.inbox_slots, pipeline_waker.clone());
        let run = RunControl::new(pipeline_waker.clone());
        let policy = AckPolicy::new(match config.node.role {
            // What a restart replays was acknowledged by the rule of its time, or not at all: the rule decides again.
            Role::Primary => AckRule::of(config.durability()),
            Role::Standby => AckRule::Follow,
        });
        let (digests, serving) = (DigestBoard::default(), ServingState::default());
        let desk = Desk::new(inbox.clone());

        // The link to the peer first: journal and sync helper tell it what there is to acknowledge.
        let feed = LiveFeed::new(LIVE_FEED_SLOTS);
        let from_leader = Arc::new(ArrayQueue::new(FROM_LEADER_SLOTS));
        let order_entry_listen = reserve("order_entry.listen", config.order_entry.listen)?;
        let (link_events, link_news) = mpsc::unbounded_channel();
        let link = match &config.replication {
            None => None,
            Some(section) => {
                let ports = LinkPorts {
                    source: Arc::new(CatchUp(reader.clone())),
                    feed: feed.clone(),
                    inbound: Arc::clone(&from_leader),
                    waker: pipeline_waker.clone(),
                    journaled: marks.journaled.clone(),
                    synced: marks.synced.clone(),
                    matched: marks.matched.clone(),
                    published: marks.published.clone(),
                    peer_received: writers.peer_received,
                    peer_synced: writers.peer_synced,
                    commit: writers.commit,
                    digests: digests.clone(),
                };
                let link_config = link_config(&config, section, order_entry_listen)?;
                let on_event = Arc::new(move |event| {
                    // The receiver lives as long as the node.
                    let _ = link_events.send(event);
                });
                let link = Replicator::start(link_config, ports, runtime.handle(), on_event);
                Some(link.map_err(start_error("the replication link"))?)
            }
        };
        let poke_link: Listener = link.as_ref().map_or_else(|| Arc::new(|| {}) as Listener, Replicator::listener);
        events.log.add_listener(Arc::clone(&poke_link));

        // The pipeline.
        let sync_helper = SyncHelper::start(
            syncer,
            marks.journaled.clone(),
            writers.synced,
            policy.clone(),
            both(pipeline_waker.listener(), Arc::clone(&poke_link)),
            Arc::clone(&on_fatal),
        )
        .map_err(start_error("the sync helper"))?;
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let commands = command_ring(config.pipeline.command_ring_slots);
        let (event_producer, event_poller) = event_ring(config.pipeline.event_ring_slots);
        let safety = Watermarks {
            journaled: marks.journaled.clone(),
            synced: marks.synced.clone(),
            peer_received: marks.peer_received.clone(),
            commit: marks.commit.clone(),
        };
        let restart = Box::new(Restart::new(reader.clone()));
        let stages: Vec<Box<dyn Stage>> = vec![
            Box::new(Sequencer::new(
                restart,
                inbox.clone(),
                from_leader,
                run.clone(),
                commands.producer,
                writers.assigned,
                Arc::clone(&deadline),
            )),
            Box::new(JournalStage::new(
                commands.journal,
                writer,
                writers.journaled,
                marks.published.clone(),
                both(sync_helper.listener(), poke_link),
            )),
            Box::new(ReplicateStage::new(commands.replicate, feed)),
            Box::new(MatchStage::new(
                Engine::new(),
                commands.match_,
                event_producer,
                writers.matched,
                deadline,
                digests.clone(),
            )),
            Box::new(Publish::new(
                event_poller,
                policy.clone(),
                safety,
                marks.matched.clone(),
                writers.published,
                Released::new(events.writer),
            )),
        ];
        let order_entry = start_order_entry(&config, order_entry_listen, &inbox, &events.log, &serving)?;
        let plan = core_plan(&config);
        let available = available_cores();
        let http_listener = http_listener(&config, &runtime)?;
        let http = http_listener.as_ref().map(tokio::net::TcpListener::local_addr);
        let facts = Facts {
            started: Instant::now(),
            recovered_through: recovery.last,
            recovered_epoch: recovery.last_epoch,
            core_plan: plan.as_str(),
            io: order_entry.io(),
            order_entry: order_entry.local_addr(),
            http: http.transpose().map_err(start_error("the HTTP listener"))?,
            incarnation: state.incarnation(),
        };
        let control = Arc::new(Control {
            desk: desk.clone(),
            inbox,
            marks,
            log: events.log.clone(),
            serving,
            gateway: order_entry.stats(),
            run,
            policy,
            digests,
            journal: reader,
            link,
            facts,
            stopping: AtomicBool::new(false),
            on_fatal: Arc::clone(&on_fatal),
            changing: Mutex::new(Changing { state, role: config.node.role }),
            sink: StdMutex::default(),
            config,
        });

        // From here on threads run.
        let stop_http = start_tasks(&runtime, &control, http_listener, link_news, desk, &events.log)?;
        let stop_runners = Arc::new(AtomicBool::new(false));
        let (runners, wakers) = start_runners(plan, available, stages, pipeline_waker, &stop_runners, &on_fatal)?;
        let begin = Arc::clone(&control);
        runtime.spawn(async move {
            if let Err(error) = begin.begin().await {
                (begin.on_fatal)("the start of the role", error);
            }
        });
        Ok(Self { control, runtime, order_entry, runners, stop_runners, wakers, sync_helper, stop_http })
    }

    /// Where the binary gateway listens.
    #[must_use]
    pub fn order_entry_address(&self) -> SocketAddr {
        self.order_entry.local_addr()
    }

    /// Stops in order: no more commands, drain, farewell to sessions, sink, commit mark, sync.
    pub fn stop(self) {
        let Self { control, runtime, order_entry, runners, stop_runners, wakers, sync_helper, stop_http } = self;
        tracing::info!("stopping: no more commands are taken");
        control.stopping.store(true, Ordering::Release);
        order_entry.stop_reading();
        control.run.give(SequencerOrder::Stop);
        let drained = drain(&control);
        order_entry.stop();
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
        stop_runners.store(true, Ordering::Release);
        for waker in &wakers {
            waker.wake();
        }
        // Dropping the journal stage writes the commit mark. It reaches the disk with the page cache: the sync helper looks at
        // records only.
        for runner in runners {
            if runner.join().is_err() {
                tracing::error!("a pipeline thread panicked");
            }
        }
        sync_helper.stop();
        let through = control.marks.published.through();
        runtime.shutdown_timeout(Duration::from_secs(1));
        let _ = std::fs::remove_file(control.config.admin_socket());
        tracing::info!(published_through = through.raw(), drained, "stopped");
    }
}

/// Waits until everything that was sequenced is released, if it can be.
fn drain(control: &Control) -> bool {
    let started = Instant::now();
    while started.elapsed() < DRAIN_TIMEOUT {
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

fn runtime() -> Result<Runtime, NodeError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .thread_name("tokio")
        .enable_all()
        .build()
        .map_err(start_error("the runtime"))
}

fn open_storage(config: &NodeConfig) -> Result<Storage, NodeError> {
    let folder = &config.node.data_dir;
    std::fs::create_dir_all(folder)
        .map_err(|error| start_error("the data folder")(format!("cannot create {}: {error}", folder.display())))?;
    let log = LogConfig {
        dir: folder.clone(),
        cluster: config.cluster()?,
        segment_len_bytes: config.journal.segment_mib << 20,
    };
    // The journal's lock comes first: two processes never share a folder.
    let journal = open_journal(&log).map_err(start_error("the journal"))?;
    let mut state = StateFile::open(folder).map_err(start_error("the state file"))?;
    if config.node.role == Role::Standby && state.has_led() {
        return Err(start_error("the data folder")(format!(
            "{} was a leader's: its tail may hold orders that nobody acknowledged. If this node was promoted and leads \
             still, set node.role = \"primary\"; if another node leads, move the folder away and start with an empty one",
            folder.display()
        )));
    }
    let limits = check_genesis(&journal.reader)?.unwrap_or_else(|| (&config.limits).into());
    if let Some(cut) = &journal.recovery.cut {
        tracing::warn!(?cut, "a torn tail, never acknowledged, was cut off the journal");
    }
    let events = open_event_log(&log, limits.keys_max).map_err(start_error("the event log"))?;
    if let Some((sequence, index)) = events.last
        && sequence > journal.recovery.last
    {
        return Err(start_error("the event log")(format!(
            "it reaches sequence {sequence} index {index}, the journal only {}: events were released that the journal has \
             lost. Promote the standby, or restore the journal",
            journal.recovery.last
        )));
    }
    state.count_start().map_err(start_error("the state file"))?;
    tracing::info!(through = journal.recovery.last.raw(), folder = %folder.display(), "opened the journal");
    Ok(Storage { journal, events, state })
}

/// The limits in the journal's first record, if there is one; refuses another logic version.
fn check_genesis(reader: &JournalReader) -> Result<Option<tidegate_domain::EngineLimits>, NodeError> {
    if reader.appended_through() == Sequence::ZERO {
        return Ok(None);
    }
    let mut first: Vec<CommandRecord> = Vec::with_capacity(1);
    reader.read(Sequence::new(1), 1, &mut first).map_err(start_error("the journal"))?;
    match first.first().map(CommandRecord::decode) {
        Some(Ok((_, Command::Genesis(genesis)))) if genesis.logic_version == LOGIC_VERSION => Ok(Some(genesis.limits)),
        Some(Ok((_, Command::Genesis(genesis)))) => Err(start_error("the journal")(format!(
            "it was written by logic version {}, this program has {LOGIC_VERSION}: use the program that wrote it",
            genesis.logic_version
        ))),
        _ => {
            Err(start_error("the journal")("its first record is not `genesis`: this is not a journal of this program"))
        }
    }
}

fn available_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn core_plan(config: &NodeConfig) -> CorePlan {
    let available = available_cores();
    let plan = CorePlan::choose(config.pipeline.core_plan.into(), available);
    tracing::info!(plan = plan.as_str(), available, "core plan");
    plan
}

/// Checks that an address can be bound before anything starts, and fills in a port where 0 was asked for.
fn reserve(field: &'static str, address: SocketAddr) -> Result<SocketAddr, NodeError> {
    let bound = TcpListener::bind(address).and_then(|listener| listener.local_addr());
    bound.map_err(|error| start_error(field)(format!("cannot listen on {address}: {error}; choose a free address")))
}

fn link_config(
    config: &NodeConfig,
    section: &ReplicationSection,
    order_entry: SocketAddr,
) -> Result<LinkConfig, NodeError> {
    let identity = tidegate_replicator::load_identity(&section.keys_dir, config.node_id());
    Ok(LinkConfig {
        node: config.node_id(),
        peer_node: NodeId::new(section.peer_node),
        cluster: config.cluster()?,
        listen: section.listen,
        peer: section.peer,
        identity: identity.map_err(start_error("replication.keys_dir"))?,
        order_entry,
        heartbeat: Duration::from_millis(section.heartbeat_ms),
        idle_timeout: Duration::from_millis(section.idle_timeout_ms),
    })
}

fn start_order_entry(
    config: &NodeConfig,
    listen: SocketAddr,
    inbox: &Inbox,
    log: &EventLog,
    serving: &ServingState,
) -> Result<OrderEntry, NodeError> {
    let io = match config.order_entry.io {
        IoName::Auto => IoChoice::Auto,
        IoName::Uring => IoChoice::Uring,
        IoName::Epoll => IoChoice::Epoll,
    };
    let order_entry = OrderEntryConfig { io, ..OrderEntryConfig::new(listen, config.cluster()?, config.node_id()) };
    let ports = OrderEntryPorts { inbox: inbox.clone(), log: log.clone(), serving: serving.clone() };
    OrderEntry::start(order_entry, ports).map_err(start_error("order entry"))
}

fn http_listener(config: &NodeConfig, runtime: &Runtime) -> Result<Option<tokio::net::TcpListener>, NodeError> {
    let Some(section) = &config.http else { return Ok(None) };
    let listener = runtime.block_on(tokio::net::TcpListener::bind(section.listen));
    listener.map(Some).map_err(|error| {
        start_error("http.listen")(format!("cannot listen on {}: {error}; choose a free address", section.listen))
    })
}

/// Starts what lives on the runtime: the desk, the operator's socket, the link's news, HTTP.
fn start_tasks(
    runtime: &Runtime,
    control: &Arc<Control>,
    http: Option<tokio::net::TcpListener>,
    mut link_news: mpsc::UnboundedReceiver<tidegate_replicator::LinkEvent>,
    desk: Desk,
    log: &EventLog,
) -> Result<watch::Sender<bool>, NodeError> {
    let (stop_http, http_stopped) = watch::channel(false);
    let (on_fatal, log_seen) = (Arc::clone(&control.on_fatal), log.clone());
    runtime.spawn(async move {
        if let Err(error) = desk.run(log_seen).await {
            on_fatal("the operator's desk", error);
        }
    });
    let socket = {
        let _inside = runtime.enter();
        admin::bind(&control.config.admin_socket()).map_err(start_error("the operator's socket"))?
    };
    runtime.spawn(admin::serve(socket, Arc::clone(control)));
    let listens = Arc::clone(control);
    runtime.spawn(async move {
        while let Some(event) = link_news.recv().await {
            listens.on_link_event(event).await;
        }
    });
    if let Some(listener) = http {
        let (view, log, on_fatal) = (Arc::new(View(Arc::clone(control))), log.clone(), Arc::clone(&control.on_fatal));
        runtime.spawn(async move {
            if let Err(error) = tidegate_http::serve(listener, log, view, http_stopped).await {
                on_fatal("HTTP", error.into());
            }
        });
    }
    Ok(stop_http)
}

/// Spreads the stages over threads by the core plan.
fn start_runners(
    plan: CorePlan,
    available: usize,
    stages: Vec<Box<dyn Stage>>,
    pipeline_waker: Waker,
    stop: &Arc<AtomicBool>,
    on_fatal: &OnFatal,
) -> Result<(Vec<JoinHandle<()>>, Vec<Waker>), NodeError> {
    let groups: Vec<(&'static str, Vec<Box<dyn Stage>>)> = match plan {
        CorePlan::Fused => vec![("pipeline", stages)],
        CorePlan::Pinned => stages.into_iter().map(|stage| (stage.name(), vec![stage])).collect(),
    };
    let mut threads = Vec::new();
    let mut wakers = Vec::new();
    for (n, (name, stages)) in groups.into_iter().enumerate() {
        // Pinned runners spin and need no waking; the fused one is woken by everything that feeds it.
        let waker = if n == 0 { pipeline_waker.clone() } else { Waker::default() };
        wakers.push(waker.clone());
        let runner = Runner { name, core: plan.core_of(n, available), idle: plan.idle(), stages, waker };
        let thread = runner.start(Arc::clone(stop), Arc::clone(on_fatal));
        threads.push(thread.map_err(start_error("a pipeline thread"))?);
    }
    Ok((threads, wakers))
}

/// Joins two calls into one.
fn both(first: Listener, second: Listener) -> Listener {
    Arc::new(move || {
        first();
        second();
    })
}
