//! A node as small as can be around a real replicator: a ring, a journal in memory, a machine that only hashes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use disruptor::Producer;
use tidegate_domain::{
    ClusterId, Command, CommandHeader, CommandRecord, Digest, Epoch, EventBuffer, NodeId, Sequence, StateMachine,
    Timestamp,
};
use tidegate_pipeline::rings::take_into;
use tidegate_pipeline::{
    CommandPoller, CommandProducer, DigestBoard, EventPoller, Fatal, MatchStage, Stage, Waker, WatermarkReader,
    WatermarkWriter, command_ring, event_ring, watermark,
};
use tidegate_replicator::{
    JournalSource, LinkConfig, LinkEvent, LinkPorts, LinkStatus, LiveFeed, ReplicateStage, Replicator, load_identity,
};

const RING_SLOTS: usize = 1_024;
/// Far beyond what anything here takes; a test that needs it has failed.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const A: NodeId = NodeId::new(1);
pub(crate) const B: NodeId = NodeId::new(2);

pub(crate) fn seq(raw: u64) -> Sequence {
    Sequence::new(raw)
}

/// A journal that survives the node around it.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<CommandRecord>>>);

impl Journal {
    pub(crate) fn records(&self) -> Vec<CommandRecord> {
        self.0.lock().unwrap().clone()
    }

    fn append(&self, records: &[CommandRecord]) {
        let mut journal = self.0.lock().unwrap();
        for record in records {
            let next = journal.len() as u64 + 1;
            assert!(record.sequence().raw() <= next, "the journal is dense");
            if record.sequence().raw() == next {
                journal.push(*record);
            }
        }
    }
}

impl JournalSource for Journal {
    fn appended_through(&self) -> Sequence {
        seq(self.0.lock().unwrap().len() as u64)
    }

    fn read(&self, first: Sequence, max: usize, out: &mut Vec<CommandRecord>) -> Result<(), Fatal> {
        let journal = self.0.lock().unwrap();
        out.extend(journal.iter().skip(first.raw() as usize - 1).take(max));
        Ok(())
    }
}

/// Its state is a hash of the commands; with `salt` it is another one, as a broken engine's would be.
struct Hasher {
    applied: Sequence,
    state: u128,
    salt: u128,
}

impl StateMachine for Hasher {
    fn apply(&mut self, command: &CommandRecord, _: &mut EventBuffer) {
        assert_eq!(command.sequence(), self.applied.next());
        self.applied = command.sequence();
        self.state = self.state.wrapping_mul(31).wrapping_add(u128::from(crc32c::crc32c(command.as_bytes())));
    }
    fn applied_through(&self) -> Sequence {
        self.applied
    }
    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
    fn digest(&self) -> Digest {
        Digest(self.state ^ self.salt)
    }
    fn events_per_command_max(&self) -> usize {
        0
    }
}

/// What differs between the nodes of a test.
pub(crate) struct Setup {
    pub(crate) config: LinkConfig,
    pub(crate) journal: Journal,
    pub(crate) feed_capacity: usize,
    pub(crate) inbound_capacity: usize,
    pub(crate) salt: u128,
}

pub(crate) struct Node {
    pub(crate) replicator: Replicator,
    pub(crate) journal: Journal,
    pub(crate) inbound: Arc<ArrayQueue<CommandRecord>>,
    pub(crate) feed: LiveFeed,
    pub(crate) peer_received: WatermarkReader,
    pub(crate) commit: WatermarkReader,
    pub(crate) digests: DigestBoard,
    pub(crate) seen: Vec<LinkEvent>,
    /// Nothing is taken from the inbound queue.
    pub(crate) stalled: bool,
    pub(crate) leads: bool,
    events: mpsc::Receiver<LinkEvent>,
    producer: CommandProducer,
    journal_end: CommandPoller,
    replicate: ReplicateStage,
    matching: MatchStage<Hasher>,
    _event_end: EventPoller,
    journaled: WatermarkWriter,
    synced: WatermarkWriter,
    published: WatermarkWriter,
    held: Option<CommandRecord>,
}

impl Node {
    pub(crate) fn start(setup: Setup, runtime: &tokio::runtime::Handle) -> Self {
        let ring = command_ring(RING_SLOTS);
        let (event_producer, event_end) = event_ring(64);
        let (journaled, journaled_reader) = watermark();
        let (synced, synced_reader) = watermark();
        let (matched, matched_reader) = watermark();
        let (published, published_reader) = watermark();
        let (peer_received_writer, peer_received) = watermark();
        let (peer_synced, _) = watermark();
        let (commit_writer, commit) = watermark();
        let (feed, digests) = (LiveFeed::new(setup.feed_capacity), DigestBoard::default());
        let inbound = Arc::new(ArrayQueue::new(setup.inbound_capacity));
        let ports = LinkPorts {
            source: Arc::new(setup.journal.clone()),
            feed: feed.clone(),
            inbound: Arc::clone(&inbound),
            waker: Waker::default(),
            journaled: journaled_reader,
            synced: synced_reader,
            matched: matched_reader,
            published: published_reader,
            peer_received: peer_received_writer,
            peer_synced,
            commit: commit_writer,
            digests: digests.clone(),
        };
        let (events_tx, events) = mpsc::channel();
        let on_event = Arc::new(move |event| {
            let _ = events_tx.send(event); // The test may be over.
        });
        let replicator = Replicator::start(setup.config, ports, runtime, on_event).unwrap();
        let machine = Hasher { applied: Sequence::ZERO, state: 1, salt: setup.salt };
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let mut node = Self {
            replicator,
            journal: setup.journal,
            inbound,
            feed: feed.clone(),
            peer_received,
            commit,
            digests: digests.clone(),
            seen: Vec::new(),
            stalled: false,
            leads: false,
            events,
            producer: ring.producer,
            journal_end: ring.journal,
            replicate: ReplicateStage::new(ring.replicate, feed, Sequence::ZERO),
            matching: MatchStage::new(machine, ring.match_, event_producer, matched, deadline, digests),
            _event_end: event_end,
            journaled,
            synced,
            published,
            held: None,
        };
        for record in node.journal.records() {
            node.sequence(record);
        }
        node.pump();
        node
    }

    pub(crate) fn lead(&mut self, epoch: u32) {
        self.leads = true;
        self.replicator.lead(Epoch::new(epoch));
    }

    pub(crate) fn follow(&mut self, epoch: u32) {
        self.leads = false;
        self.replicator.follow(Epoch::new(epoch));
    }

    /// Sequences `count` new commands of this epoch.
    pub(crate) fn produce(&mut self, count: u64, epoch: u32) {
        for _ in 0..count {
            let next = self.journal.appended_through().next();
            let mut record = CommandRecord::encode(&CommandHeader::default(), &Command::Tick);
            record.stamp(next, Timestamp::from_nanos(next.raw() * 10), Epoch::new(epoch));
            self.sequence(record);
            self.take_from_ring();
        }
    }

    fn sequence(&mut self, record: CommandRecord) {
        while self.producer.try_publish(|slot| *slot = record).is_err() {
            self.take_from_ring();
        }
    }

    /// One round of everything that a pipeline would do.
    pub(crate) fn pump(&mut self) {
        while !self.stalled
            && let Some(record) = self.held.take().or_else(|| self.inbound.pop())
        {
            self.sequence(record);
        }
        self.take_from_ring();
        self.seen.extend(self.events.try_iter());
    }

    fn take_from_ring(&mut self) {
        let mut records = Vec::new();
        // The link sees a record in the feed before the journal has it.
        self.replicate.do_work().unwrap();
        take_into(&mut self.journal_end, RING_SLOTS, &mut records);
        self.journal.append(&records);
        self.matching.do_work().unwrap();
        let Some(last) = records.last() else { return };
        self.journaled.advance_through(last.sequence());
        self.synced.advance_through(last.sequence());
        if self.leads {
            self.published.advance_through(last.sequence());
        }
        (self.replicator.listener())();
    }

    pub(crate) fn status(&self) -> LinkStatus {
        self.replicator.status()
    }

    pub(crate) fn saw(&self, wanted: &LinkEvent) -> bool {
        self.seen.contains(wanted)
    }
}

/// Pumps both nodes until the condition holds.
#[track_caller]
pub(crate) fn until(what: &str, nodes: &mut [&mut Node], mut condition: impl FnMut(&mut [&mut Node]) -> bool) {
    let started = Instant::now();
    loop {
        for node in &mut *nodes {
            node.pump();
        }
        if condition(nodes) {
            return;
        }
        if started.elapsed() > DEADLINE {
            let states: Vec<_> = nodes.iter().map(|node| (node.status(), &node.seen)).collect();
            panic!("not in time: {what}\n{states:#?}");
        }
        // Leaves the two cores to the runtime; nothing depends on how long.
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// An address of its own on the loopback network, so that no two tests ever meet.
pub(crate) fn address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let pid = std::process::id();
    let ip = IpAddr::V4(Ipv4Addr::new(127, (pid >> 8) as u8 | 1, pid as u8, n as u8));
    UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap()
}

pub(crate) fn setup(
    keys: &Path,
    cluster: ClusterId,
    node: NodeId,
    peer_node: NodeId,
    at: (SocketAddr, SocketAddr),
) -> Setup {
    let config = LinkConfig {
        epoch: Epoch::default(),
        node,
        peer_node,
        cluster,
        listen: at.0,
        peer: at.1,
        identity: load_identity(keys, node).unwrap(),
        order_entry: order_entry(node),
        heartbeat: Duration::from_millis(50),
        // Long, so that a machine that stands still for a while does not look like a lost link.
        idle_timeout: Duration::from_secs(5),
    };
    Setup { config, journal: Journal::default(), feed_capacity: 1_024, inbound_capacity: 1_024, salt: 0 }
}

pub(crate) fn order_entry(node: NodeId) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7_000 + node.raw() as u16))
}
