//! The tasks around the cores: one link task that owns everything, one accept task, short ones that greet and dial.
//!
//! ```text
//!   accept task --> greet --probe--> answered there, the state goes to the link task
//!                         --hello--> the wire goes to the link task, which accepts or refuses
//!   link task: loop { perform what the core wants; wait for the next thing; feed the core }
//! ```
//!
//! Invariants: every wait of the link task is one `select!` of cancel-safe calls, so a blocked stream never keeps it from
//! acks, orders and arrivals; it is the sole writer of the link's watermarks and of the status.
//! Owning thread: tasks on the tokio runtime.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use quinn::{AsyncUdpSocket, Endpoint, Incoming};
use tidegate_domain::{CommandRecord, Epoch, Sequence};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use crate::keys::node_name;
use crate::message::{Hello, LinkRole, Message, NodeState, Refusal, RefusalCode, Welcome};
use crate::peer::{PeerClaim, PeerWatch, check_peer};
use crate::quic::{LinkConfig, LinkEvent, LinkPorts, LinkStatus, Order, OwnState};
use crate::wire::{MessageReader, MessageWriter, Wire, explain};

mod follow;
mod lead;

/// Between two probes of a peer that is not linked.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// Connections that are being greeted at a time; more are refused.
const GREETINGS_MAX: usize = 8;
/// How long a stop waits for the peer to hear of it, which includes three probe timeouts of QUIC.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long the port may take to become free afterwards; a peer that is slow to answer makes QUIC wait.
const SOCKET_CLOSE_MAX: Duration = Duration::from_secs(5);
/// Between two looks whether the socket is closed.
const SOCKET_LOOK: Duration = Duration::from_millis(1);

/// What the tasks start with.
pub(crate) struct Parts {
    pub(crate) config: LinkConfig,
    pub(crate) ports: LinkPorts,
    pub(crate) endpoint: Endpoint,
    /// To see when the endpoint has let go of it.
    pub(crate) socket: Weak<dyn AsyncUdpSocket>,
    pub(crate) own: OwnState,
    pub(crate) status: Arc<Mutex<LinkStatus>>,
    pub(crate) orders: watch::Receiver<Order>,
    pub(crate) on_event: Arc<dyn Fn(LinkEvent) + Send + Sync>,
}

/// Starts the tasks.
pub(crate) fn start(parts: Parts, runtime: &Handle) {
    let (arrivals_tx, arrivals) = mpsc::channel(GREETINGS_MAX);
    runtime.spawn(accept(parts.endpoint.clone(), parts.config.clone(), parts.own.clone(), arrivals_tx));
    let (orders, socket) = (parts.orders.clone(), Weak::clone(&parts.socket));
    runtime.spawn(async move {
        Shell::new(parts, arrivals).run().await;
        // The endpoint closes its socket some moments after its last user is gone, and does not say when.
        let closed = async {
            while socket.strong_count() > 0 {
                sleep(SOCKET_LOOK).await;
            }
        };
        if timeout(SOCKET_CLOSE_MAX, closed).await.is_err() {
            tracing::warn!("the replication port is still in use");
        }
        // The end of the last receiver is what `Replicator::stopped` waits for.
        drop(orders);
    });
}

/// Somebody connected to us and said who it is.
struct Arrival {
    state: NodeState,
    joiner: Option<(Box<Wire>, Hello)>,
}

/// What came of dialling the peer.
enum Answer {
    State(NodeState),
    Welcome(Box<Wire>, Welcome),
    Refused(Refusal),
}

/// Why the link task woke.
enum Wake {
    Order,
    Arrival(Arrival),
    Message(Result<Message, String>),
    Flushed(Result<(), String>),
    Answer(Result<Answer, String>),
    Poke,
    Tick,
    Timer,
}

/// The link task.
struct Shell {
    config: LinkConfig,
    ports: LinkPorts,
    endpoint: Endpoint,
    own: OwnState,
    shared_status: Arc<Mutex<LinkStatus>>,
    /// The working copy, shown to others once per round.
    status: LinkStatus,
    orders: watch::Receiver<Order>,
    arrivals: mpsc::Receiver<Arrival>,
    dials: JoinSet<Result<Answer, String>>,
    tick: Interval,
    watch: PeerWatch,
    on_event: Arc<dyn Fn(LinkEvent) + Send + Sync>,
    /// The refusal that was told last, so that it is told once.
    told_refusal: Option<String>,
    /// The newest record that was ever put into the inbound queue: it may not be in the journal yet.
    handed_through: Sequence,
}

impl Shell {
    fn new(parts: Parts, arrivals: mpsc::Receiver<Arrival>) -> Self {
        let mut tick = interval(parts.config.heartbeat);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            config: parts.config,
            ports: parts.ports,
            endpoint: parts.endpoint,
            own: parts.own,
            shared_status: parts.status,
            status: LinkStatus::default(),
            orders: parts.orders,
            arrivals,
            dials: JoinSet::new(),
            tick,
            watch: PeerWatch::default(),
            on_event: parts.on_event,
            told_refusal: None,
            handed_through: Sequence::ZERO,
        }
    }

    async fn run(mut self) {
        loop {
            let order = *self.orders.borrow_and_update();
            self.watch = PeerWatch::default();
            self.told_refusal = None;
            self.dials.abort_all();
            while self.dials.join_next().await.is_some() {}
            let role = match order {
                Order::Idle | Order::Stop => LinkRole::Idle,
                Order::Lead(_) => LinkRole::Leader,
                Order::Follow(_) => LinkRole::Standby,
            };
            // What the peer said of itself stays true; everything else belongs to the role before.
            let LinkStatus { peer_epoch, peer_role, peer_order_entry, peer_last, .. } = self.status;
            self.status =
                LinkStatus { role, peer_epoch, peer_role, peer_order_entry, peer_last, ..LinkStatus::default() };
            self.show_status();
            match order {
                Order::Idle => self.idle().await,
                Order::Lead(epoch) => self.lead(epoch).await,
                Order::Follow(epoch) => self.follow(epoch).await,
                Order::Stop => break,
            }
            if self.orders.has_changed().is_err() {
                break;
            }
        }
        self.endpoint.close(0_u32.into(), b"this node stops");
        let _ = timeout(GOODBYE, self.endpoint.wait_idle()).await; // A peer that is gone need not hear it.
    }

    async fn idle(&mut self) {
        let mut probe_at = Instant::now();
        loop {
            let until = self.probe_if_due(&mut probe_at);
            self.show_status();
            match self.wait(None, until).await {
                Wake::Order => return,
                Wake::Arrival(arrival) => {
                    self.learn(LinkRole::Idle, Epoch::default(), &arrival.state);
                    self.turn_away(arrival);
                }
                Wake::Answer(answer) => {
                    self.on_probe_answer(answer, Epoch::default());
                }
                _ => {}
            }
        }
    }

    /// Starts a probe if none is under way and it is time; when to look again.
    fn probe_if_due(&mut self, probe_at: &mut Instant) -> Option<Instant> {
        if !self.dials.is_empty() {
            return None;
        }
        if Instant::now() >= *probe_at {
            *probe_at = Instant::now() + PROBE_INTERVAL;
            self.dial(Message::Probe(self.own.get()));
            return None;
        }
        Some(*probe_at)
    }

    /// Waits for whatever comes first.
    async fn wait(&mut self, wire: Option<Ends<'_>>, until: Option<Instant>) -> Wake {
        let Ends { reader, writer } = wire.unwrap_or_default();
        let reading = reader.is_some();
        let writing = writer.as_ref().is_some_and(|writer| !writer.is_empty());
        tokio::select! {
            // An error says that all handles are gone, which `run` sees too.
            _ = self.orders.changed() => Wake::Order,
            Some(arrival) = self.arrivals.recv() => Wake::Arrival(arrival),
            message = async { reader.expect("the branch is off without it").next().await }, if reading => {
                Wake::Message(message)
            }
            flushed = async { writer.expect("the branch is off without it").flush().await }, if writing => {
                Wake::Flushed(flushed)
            }
            Some(done) = self.dials.join_next(), if !self.dials.is_empty() => {
                self.status.attempts += 1;
                Wake::Answer(done.unwrap_or_else(|error| Err(error.to_string())))
            }
            () = self.ports.feed.woken() => Wake::Poke,
            _ = self.tick.tick() => Wake::Tick,
            () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => Wake::Timer,
        }
    }

    /// Dials the peer in a task of its own and says `first`.
    fn dial(&mut self, first: Message) {
        let (endpoint, peer) = (self.endpoint.clone(), self.config.peer);
        let (name, limit) = (node_name(self.config.peer_node, self.config.cluster), self.config.idle_timeout);
        self.dials.spawn(async move {
            match timeout(limit, dial(endpoint, peer, name, first)).await {
                Ok(answer) => answer.map_err(|error| format!("cannot reach the other node at {peer}: {error}")),
                Err(_) => Err(format!("the other node at {peer} did not answer within {limit:?}")),
            }
        });
    }

    /// Answers an arrival that this node does not accept in its role.
    fn turn_away(&mut self, arrival: Arrival) {
        let Some((wire, _)) = arrival.joiner else { return };
        let own = self.own.get();
        let text = format!("node {} does not lead: its role is {}", own.node, own.role.as_str());
        self.refuse(wire, Refusal { code: RefusalCode::NotLeading, epoch: own.epoch, text });
    }

    /// Sends a refusal, in a task of its own since the peer may be slow to hear it.
    fn refuse(&mut self, wire: Box<Wire>, refusal: Refusal) {
        self.tell_refusal(&refusal);
        let limit = self.config.idle_timeout;
        tokio::spawn(async move {
            if let Ok(Err(error)) = timeout(limit, wire.say_last(&Message::Refused(refusal))).await {
                tracing::debug!(error, "a refused node did not wait for the reason");
            }
        });
    }

    /// Tells the node of a refusal, if it does not pass by itself and was not told just before.
    fn tell_refusal(&mut self, refusal: &Refusal) {
        self.fail(refusal.text.clone());
        if !refusal.code.is_passing() && self.told_refusal.as_ref() != Some(&refusal.text) {
            self.told_refusal = Some(refusal.text.clone());
            self.tell(LinkEvent::Refused { code: refusal.code, reason: refusal.text.clone() });
        }
    }

    /// Takes in what the peer says of itself; what it means for this node, said to the node too.
    fn learn(&mut self, own_role: LinkRole, own_epoch: Epoch, peer: &NodeState) -> Option<PeerClaim> {
        self.status.peer_epoch = self.status.peer_epoch.max(Some(peer.epoch));
        self.status.peer_role = Some(peer.role);
        self.status.peer_order_entry = Some(peer.order_entry);
        self.status.peer_last = Some(peer.last);
        let claim = self.watch.on_state(own_role, own_epoch, peer)?;
        let (epoch, order_entry) = (peer.epoch, peer.order_entry);
        tracing::warn!(
            own_epoch = own_epoch.raw(),
            peer_epoch = epoch.raw(),
            role = own_role.as_str(),
            "{claim:?} at the peer"
        );
        self.tell(match claim {
            PeerClaim::HigherEpoch => LinkEvent::PeerLeadsHigherEpoch { epoch, order_entry },
            PeerClaim::SameEpoch => LinkEvent::PeerLeadsSameEpoch { epoch, order_entry },
        });
        Some(claim)
    }

    /// The answer to a probe; what it means for this node.
    fn on_probe_answer(&mut self, answer: Result<Answer, String>, own_epoch: Epoch) -> Option<PeerClaim> {
        match answer {
            Ok(Answer::State(state)) => match check_peer(self.config.cluster, self.config.peer_node, own_epoch, &state)
            {
                Ok(()) => return self.learn(self.status.role, own_epoch, &state),
                Err(refusal) => self.tell_refusal(&refusal),
            },
            Ok(_) => self.fail("the other node broke the link's protocol: a probe is answered by a state".to_owned()),
            Err(reason) => self.fail(reason),
        }
        None
    }

    /// Remembers why something failed; logs it when it is news.
    fn fail(&mut self, reason: String) {
        if self.status.last_error.as_ref() != Some(&reason) {
            tracing::warn!(reason, role = self.status.role.as_str(), "replication link");
            self.status.last_error = Some(reason);
        }
    }

    fn tell(&mut self, event: LinkEvent) {
        // Whoever is told may look at the status.
        self.show_status();
        (self.on_event)(event);
    }

    fn show_status(&mut self) {
        self.shared_status.lock().expect("no holder of this lock panics").clone_from(&self.status);
    }

    /// CRC32C and term of a record of this node's journal; 0 for "before the first".
    fn journal_record(&self, at: Sequence) -> Result<(u32, Epoch), String> {
        if at == Sequence::ZERO {
            return Ok((0, Epoch::default()));
        }
        let mut records: Vec<CommandRecord> = Vec::with_capacity(1);
        let read = self.ports.source.read(at, 1, &mut records);
        read.map_err(|error| format!("cannot read the journal at {at}: {error}"))?;
        match records.first() {
            Some(record) => Ok((crc32c::crc32c(record.as_bytes()), record.epoch())),
            None => Err(format!("the journal gave no record at {at}")),
        }
    }
}

/// The two ends of a wire, each to wait for or not.
#[derive(Default)]
struct Ends<'a> {
    reader: Option<&'a mut MessageReader>,
    writer: Option<&'a mut MessageWriter>,
}

impl<'a> Ends<'a> {
    fn of(wire: Option<&'a mut Box<Wire>>, read: bool) -> Option<Self> {
        let wire = wire?.as_mut();
        Some(Self { reader: read.then_some(&mut wire.reader), writer: Some(&mut wire.writer) })
    }
}

async fn dial(endpoint: Endpoint, peer: SocketAddr, name: String, first: Message) -> Result<Answer, String> {
    let connecting = endpoint.connect(peer, &name).map_err(|error| explain(&error))?;
    let connection = connecting.await.map_err(|error| explain(&error))?;
    let (send, recv) = connection.open_bi().await.map_err(|error| explain(&error))?;
    let mut wire = Box::new(Wire::new(connection, send, recv));
    wire.writer.queue(&first);
    wire.writer.flush().await?;
    match wire.reader.next().await? {
        Message::State(state) => {
            wire.done();
            Ok(Answer::State(state))
        }
        Message::Refused(refusal) => {
            wire.done();
            Ok(Answer::Refused(refusal))
        }
        Message::Welcome(welcome) => Ok(Answer::Welcome(wire, welcome)),
        other => {
            let reason = format!("a {} is no answer to a {}", other.name(), first.name());
            wire.give_up(&reason);
            Err(reason)
        }
    }
}

/// Greets whoever connects, a few at a time.
async fn accept(endpoint: Endpoint, config: LinkConfig, own: OwnState, arrivals: mpsc::Sender<Arrival>) {
    let permits = Arc::new(Semaphore::new(GREETINGS_MAX));
    while let Some(incoming) = endpoint.accept().await {
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
            incoming.refuse();
            continue;
        };
        let (config, own, arrivals) = (config.clone(), own.clone(), arrivals.clone());
        tokio::spawn(async move {
            let from = incoming.remote_address();
            match timeout(config.idle_timeout, greet(incoming, &config, &own, &arrivals)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%from, error, "a connection to the replication port was refused"),
                Err(_) => tracing::warn!(%from, "a connection to the replication port said nothing in time"),
            }
            drop(permit);
        });
    }
}

async fn greet(
    incoming: Incoming,
    config: &LinkConfig,
    own: &OwnState,
    arrivals: &mpsc::Sender<Arrival>,
) -> Result<(), String> {
    let connection = incoming.await.map_err(|error| explain(&error))?;
    let (send, recv) = connection.accept_bi().await.map_err(|error| explain(&error))?;
    let mut wire = Box::new(Wire::new(connection, send, recv));
    match wire.reader.next().await? {
        Message::Probe(state) => {
            if check_peer(config.cluster, config.peer_node, own.get().epoch, &state).is_ok() {
                // It fails only when the link task is gone: then nobody needs to know.
                let _ = arrivals.send(Arrival { state, joiner: None }).await;
            }
            wire.say_last(&Message::State(own.get())).await
        }
        Message::Hello(hello) => {
            let arrival = Arrival { state: hello.state, joiner: Some((wire, hello)) };
            arrivals.send(arrival).await.map_err(|_| "this node stops".to_owned())
        }
        other => {
            let reason = format!("a link does not begin with a {}", other.name());
            wire.give_up(&reason);
            Err(reason)
        }
    }
}
