//! The link as the node sees it: configuration, ports, handle, status, events. Starts the tasks.
//!
//! ```text
//!   node --lead, follow, stop--> [Replicator] --orders--> link task (shell) <--arrivals-- accept task <-- QUIC
//!   node <--LinkEvent, LinkStatus------------------------+                 --dials------> QUIC
//! ```
//!
//! Invariants: one UDP socket per node, both to listen and to dial; the link task is the sole writer of `peer_received`,
//! `peer_synced` and `commit`; a node answers probes in any role.
//! Owning thread: tasks on the given tokio runtime. The handle may be used from anywhere and never blocks.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use tidegate_domain::{ClusterId, CommandRecord, Digest, Epoch, NodeId, Sequence};
use tidegate_pipeline::{DigestBoard, Fatal, Listener, Waker, WatermarkReader, WatermarkWriter};
use tokio::sync::watch;

use crate::keys::NodeIdentity;
use crate::live::LiveFeed;
use crate::message::{LinkRole, NodeState, PROTOCOL_VERSION, RefusalCode};
use crate::{shell, tls};

/// What the link is told once.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// This node.
    pub node: NodeId,
    /// The other node.
    pub peer_node: NodeId,
    /// Their cluster.
    pub cluster: ClusterId,
    /// The highest term that this node knows of when it starts.
    pub epoch: Epoch,
    /// Where this node's endpoint is bound (UDP).
    pub listen: SocketAddr,
    /// Where the other node's endpoint is (UDP).
    pub peer: SocketAddr,
    /// This node's keys.
    pub identity: NodeIdentity,
    /// Where clients connect to this node: told to the peer, which tells its clients.
    pub order_entry: SocketAddr,
    /// How often something is sent at least.
    pub heartbeat: Duration,
    /// How long nothing may come before the link counts as lost.
    pub idle_timeout: Duration,
}

/// The leader's own journal: what a standby lacks is read from here.
pub trait JournalSource: Send + Sync {
    /// Its end.
    fn appended_through(&self) -> Sequence;

    /// Appends up to `max` records from `first` on to `out`, as far as the journal goes.
    ///
    /// # Errors
    /// What the journal says: the link ends and is tried again.
    fn read(&self, first: Sequence, max: usize, out: &mut Vec<CommandRecord>) -> Result<(), Fatal>;
}

/// Where the link is plugged into the node.
pub struct LinkPorts {
    /// This node's journal.
    pub source: Arc<dyn JournalSource>,
    /// From the command ring.
    pub feed: LiveFeed,
    /// To a standby's sequencer.
    pub inbound: Arc<ArrayQueue<CommandRecord>>,
    /// Wakes the pipeline after a push to `inbound`, an ack or a new commit.
    pub waker: Waker,
    /// In this node's journal.
    pub journaled: WatermarkReader,
    /// On this node's disk.
    pub synced: WatermarkReader,
    /// Applied by this node's engine.
    pub matched: WatermarkReader,
    /// Released by this node: the commit of a leader.
    pub published: WatermarkReader,
    /// In the standby's journal.
    pub peer_received: WatermarkWriter,
    /// On the standby's disk.
    pub peer_synced: WatermarkWriter,
    /// Released by the leader.
    pub commit: WatermarkWriter,
    /// Digests of this node's state.
    pub digests: DigestBoard,
}

/// Why the link cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The configuration contradicts itself.
    #[error("replication: {0}")]
    BadConfig(String),
    /// The endpoint cannot be bound.
    #[error("replication: cannot bind {address} (UDP): {source}; choose another `listen` address")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The keys cannot be used.
    #[error("replication: the keys cannot be used for TLS: {0}; make them again with `tidegate keygen cluster`")]
    Tls(String),
}

/// What the node should know at once. The callback must not block; it may call the [`Replicator`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// The link is up: frames flow.
    Connected,
    /// The link was up and is not any more.
    Lost {
        /// Why.
        reason: String,
    },
    /// On a leader: the standby has, or is about to have, everything. Once per link.
    CaughtUp,
    /// The peer knows of a term above ours. A leader stops serving and does not accept a standby any more; a standby is
    /// told so before it follows the new leader.
    PeerLeadsHigherEpoch {
        /// The higher term.
        epoch: Epoch,
        /// Where clients connect to the peer.
        order_entry: SocketAddr,
    },
    /// Both nodes lead in the same term: neither can know who is right, an operator must stop one.
    PeerLeadsSameEpoch {
        /// The term.
        epoch: Epoch,
        /// Where clients connect to the peer.
        order_entry: SocketAddr,
    },
    /// The two nodes' states differ.
    DigestMismatch {
        /// Where.
        sequence: Sequence,
        /// This node's digest.
        ours: Digest,
        /// The peer's digest.
        theirs: Digest,
    },
    /// A standby was refused for a reason that does not pass by itself. Said on both nodes, once per reason.
    Refused {
        /// Why.
        code: RefusalCode,
        /// Why, in words, and what to do.
        reason: String,
    },
}

/// A look at the link.
#[derive(Clone, Debug, Default)]
pub struct LinkStatus {
    /// What this node does.
    pub role: LinkRole,
    /// Whether the link is up.
    pub connected: bool,
    /// The highest term that the peer named.
    pub peer_epoch: Option<Epoch>,
    /// What the peer said it does.
    pub peer_role: Option<LinkRole>,
    /// Where clients connect to the peer.
    pub peer_order_entry: Option<SocketAddr>,
    /// The end of the peer's journal, as the peer said last when it was not linked.
    pub peer_last: Option<Sequence>,
    /// On a leader: whether the standby has caught up on this link.
    pub caught_up: bool,
    /// On a leader: in the standby's journal, as of this link's newest ack.
    pub peer_received: Sequence,
    /// On a leader: on the standby's disk.
    pub peer_synced: Sequence,
    /// On a leader: applied by the standby.
    pub peer_applied: Sequence,
    /// On a standby: the newest command that came over this link, whether it is in the journal yet or not.
    pub received: Sequence,
    /// Commands that the standby's journal lacks. On a standby: of those that it knows of.
    pub lag: u64,
    /// The newest comparison of digests: where, and whether they were equal.
    pub digest_equal: Option<(Sequence, bool)>,
    /// Why the newest attempt or link failed; stays until a link is up.
    pub last_error: Option<String>,
    /// Attempts to reach the peer that ended, well or not, since the last change of role.
    pub attempts: u64,
}

/// What the link should do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Idle,
    Lead(Epoch),
    Follow(Epoch),
    Stop,
}

/// What this node says of itself; the handle and the link task write it, the accept task reads it.
#[derive(Clone)]
pub(crate) struct OwnState {
    state: Arc<Mutex<NodeState>>,
    journal: Arc<dyn JournalSource>,
}

impl OwnState {
    pub(crate) fn get(&self) -> NodeState {
        let state = *self.state.lock().expect("no holder of this lock panics");
        NodeState { last: self.journal.appended_through(), ..state }
    }

    pub(crate) fn set(&self, role: LinkRole, epoch: Epoch) {
        let mut state = self.state.lock().expect("no holder of this lock panics");
        (state.role, state.epoch) = (role, epoch);
    }

    /// A standby learned of a higher term. An order that came meanwhile has set another role already, and knows better.
    pub(crate) fn raise_standby_epoch(&self, epoch: Epoch) {
        let mut state = self.state.lock().expect("no holder of this lock panics");
        if state.role == LinkRole::Standby {
            state.epoch = state.epoch.max(epoch);
        }
    }
}

/// A handle; clones steer the same link. The link stops when the last one is dropped.
#[derive(Clone)]
pub struct Replicator {
    shared: Arc<Shared>,
}

struct Shared {
    orders: watch::Sender<Order>,
    own: OwnState,
    status: Arc<Mutex<LinkStatus>>,
    listener: Listener,
    address: SocketAddr,
}

impl Replicator {
    /// Binds the endpoint and starts the tasks. Until [`Self::lead`] or [`Self::follow`] the link is idle: it answers
    /// probes and probes the peer, so that [`Self::status`] tells a starting node whether somebody leads already.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn start(
        config: LinkConfig,
        ports: LinkPorts,
        runtime: &tokio::runtime::Handle,
        on_event: Arc<dyn Fn(LinkEvent) + Send + Sync>,
    ) -> Result<Self, LinkError> {
        check(&config)?;
        let (server, client) = tls::endpoint_configs(&config)?;
        let bind_error = |source| LinkError::Bind { address: config.listen, source };
        let socket = bind(config.listen, runtime).map_err(bind_error)?;
        let weak_socket = Arc::downgrade(&socket);
        let mut endpoint = {
            let _in_runtime = runtime.enter();
            let (settings, quic_runtime) = (quinn::EndpointConfig::default(), Arc::new(quinn::TokioRuntime));
            quinn::Endpoint::new_with_abstract_socket(settings, Some(server), socket, quic_runtime)
                .map_err(bind_error)?
        };
        endpoint.set_default_client_config(client);
        let address = endpoint.local_addr().map_err(bind_error)?;

        let state = Arc::new(Mutex::new(first_state(&config)));
        let own = OwnState { state, journal: Arc::clone(&ports.source) };
        let status = Arc::new(Mutex::new(LinkStatus::default()));
        let (orders, orders_rx) = watch::channel(Order::Idle);
        let listener = ports.feed.listener();
        shell::start(
            shell::Parts {
                config,
                ports,
                endpoint,
                socket: weak_socket,
                own: own.clone(),
                status: Arc::clone(&status),
                orders: orders_rx,
                on_event,
            },
            runtime,
        );
        Ok(Self { shared: Arc::new(Shared { orders, own, status, listener, address }) })
    }

    /// Leads in this term: accepts a standby, and probes the peer while there is none. After a time of following, nothing
    /// more comes into `inbound` once [`Self::status`] shows the new role: only then may the sequencer change its source.
    pub fn lead(&self, epoch: Epoch) {
        self.shared.own.set(LinkRole::Leader, epoch);
        self.shared.orders.send_replace(Order::Lead(epoch));
    }

    /// Follows a leader of this term or a higher one: `epoch` is the highest that this node knows of. Records that follow the
    /// journal's end come into `inbound` from now on; the sequencer takes them when it is through with the journal.
    pub fn follow(&self, epoch: Epoch) {
        self.shared.own.set(LinkRole::Standby, epoch);
        self.shared.orders.send_replace(Order::Follow(epoch));
    }

    /// Ends the link and the tasks. Final.
    pub fn stop(&self) {
        self.shared.own.set(LinkRole::Idle, self.shared.own.get().epoch);
        self.shared.orders.send_replace(Order::Stop);
    }

    /// Returns when the tasks have ended after [`Self::stop`], the peer was told and the port is free again.
    pub async fn stopped(&self) {
        self.shared.orders.closed().await;
    }

    /// A look at the link.
    #[must_use]
    pub fn status(&self) -> LinkStatus {
        self.shared.status.lock().expect("no holder of this lock panics").clone()
    }

    /// To be called when `journaled`, `synced`, `matched` or `published` moved: acks and frames go out at once instead of at
    /// the next heartbeat. The same as `LiveFeed::listener`.
    #[must_use]
    pub fn listener(&self) -> Listener {
        Arc::clone(&self.shared.listener)
    }

    /// Where the endpoint is bound: of use when the port was 0.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.address
    }
}

fn bind(address: SocketAddr, runtime: &tokio::runtime::Handle) -> std::io::Result<Arc<dyn quinn::AsyncUdpSocket>> {
    let _in_runtime = runtime.enter();
    quinn::Runtime::wrap_udp_socket(&quinn::TokioRuntime, UdpSocket::bind(address)?)
}

fn first_state(config: &LinkConfig) -> NodeState {
    NodeState {
        protocol: PROTOCOL_VERSION,
        cluster: config.cluster,
        node: config.node,
        epoch: config.epoch,
        role: LinkRole::Idle,
        last: Sequence::ZERO,
        order_entry: config.order_entry,
    }
}

fn check(config: &LinkConfig) -> Result<(), LinkError> {
    let (identity, bad) = (&config.identity, |text| Err(LinkError::BadConfig(text)));
    if config.node == config.peer_node {
        return bad(format!("node and peer are both {}: they must differ", config.node));
    }
    if identity.node != config.node {
        return bad(format!("the keys are of node {}, this is node {}: use its own keys", identity.node, config.node));
    }
    if identity.cluster != config.cluster {
        return bad(format!(
            "the keys are of cluster {:032x}, this node belongs to {:032x}: use the keys of its cluster",
            identity.cluster.raw(),
            config.cluster.raw()
        ));
    }
    if config.heartbeat.is_zero() || config.heartbeat * 2 > config.idle_timeout {
        return bad(format!(
            "heartbeat is {:?}, allowed is more than zero and at most half of the idle timeout ({:?})",
            config.heartbeat, config.idle_timeout
        ));
    }
    Ok(())
}
