//! A node in miniature around a real order-entry server: real inbox, sequencer, rings, engine, publish and event log on
//! one thread; only the journal is missing (its watermark follows the ring), and the whole can be held.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use ed25519_dalek::{Signer, SigningKey};
use tidegate_domain::*;
use tidegate_journal::{EventLog, EventLogWriter, LogConfig, open_event_log};
use tidegate_matching::Engine;
use tidegate_order_entry::{
    IoChoice, Known, OrderEntry, OrderEntryConfig, OrderEntryError, OrderEntryPorts, OrderEntryStats,
};
use tidegate_pipeline::runner::IdleStrategy;
use tidegate_pipeline::*;
use tidegate_wire::*;

/// Longest wait for anything that must happen: a failure, not a pace.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const CLUSTER: ClusterId = ClusterId::new(0x00c0_ffee);
pub const NODE: NodeId = NodeId::new(7);
pub const EPOCH: Epoch = Epoch::new(3);
pub const MARKET: MarketId = MarketId::new(1);

/// No journal of its own: a node that starts afresh.
struct Nothing;

impl RecordSource for Nothing {
    fn read(&mut self, _: usize, _: &mut Vec<CommandRecord>) -> Result<(), Fatal> {
        Ok(())
    }
}

/// A stage that does nothing while it is held.
struct Holdable<T> {
    stage: T,
    held: Arc<AtomicBool>,
}

impl<T: Stage> Stage for Holdable<T> {
    fn name(&self) -> &'static str {
        self.stage.name()
    }
    fn do_work(&mut self) -> Result<usize, Fatal> {
        if self.held.load(Ordering::SeqCst) { Ok(0) } else { self.stage.do_work() }
    }
}

/// Stands for the journal and the link to the standby: takes the slots and says so.
struct Taker {
    poller: CommandPoller,
    through: WatermarkWriter,
    batch: Vec<CommandRecord>,
}

impl Stage for Taker {
    fn name(&self) -> &'static str {
        "taker"
    }
    fn do_work(&mut self) -> Result<usize, Fatal> {
        self.batch.clear();
        let count = rings::take_into(&mut self.poller, 256, &mut self.batch);
        if let Some(last) = self.batch.last() {
            self.through.advance_through(last.sequence());
        }
        Ok(count)
    }
}

struct Log(EventLogWriter);

impl ReleasedEvents for Log {
    fn already_out(&self) -> Option<LastEvent> {
        None
    }
    fn append(&mut self, events: &mut [EventRecord]) -> Result<(), Fatal> {
        self.0.append(events)?;
        Ok(())
    }
}

/// The wall clock, as the sequencer has it.
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_nanos(since.as_nanos() as u64)
}

/// See the module.
pub struct Node {
    pub inbox: Inbox,
    pub log: EventLog,
    pub serving: ServingState,
    pub held: Arc<AtomicBool>,
    waker: Waker,
    stop: Arc<AtomicBool>,
    runner: Option<JoinHandle<()>>,
    news: Arc<(Mutex<u64>, Condvar)>,
    next_admin_request: AtomicU64,
    _folder: tempfile::TempDir,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.hold(false);
        self.stop.store(true, Ordering::SeqCst);
        self.waker.wake();
        let result = self.runner.take().unwrap().join();
        if !std::thread::panicking() {
            result.unwrap();
        }
    }
}

impl Node {
    /// Leads, with two assets, one market, and no account yet.
    pub fn start(inbox_slots: usize) -> Self {
        Self::start_with(inbox_slots, |_, _| None)
    }

    /// The same, with a stage before the sequencer that is made for these ports and this waker.
    pub fn start_with(
        inbox_slots: usize,
        first_stage: impl FnOnce(OrderEntryPorts, &Waker) -> Option<Box<dyn Stage>>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = LogConfig::new(folder.path(), CLUSTER, 8 << 20);
        let opened = open_event_log(&log, None).unwrap();
        let waker = Waker::default();
        let inbox = Inbox::new(inbox_slots, waker.clone());
        let control = RunControl::new(waker.clone());
        let commands = command_ring(1_024);
        let (events, event_poller) = event_ring(1_024);
        let (assigned, _) = watermark();
        let (journaled, journaled_reader) = watermark();
        let (received, received_reader) = watermark();
        let (matched, matched_reader) = watermark();
        let (published, _) = watermark();
        let (_, unused) = watermark();
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let held = Arc::new(AtomicBool::new(false));
        let (from_leader, due) = (Arc::new(ArrayQueue::new(1)), Arc::clone(&deadline));
        let sequencer = Sequencer::new(
            Box::new(Nothing),
            inbox.clone(),
            from_leader,
            control.clone(),
            commands.producer,
            assigned,
            deadline,
        );
        let marks = Watermarks {
            journaled: journaled_reader,
            synced: received_reader,
            peer_received: unused.clone(),
            commit: unused,
        };
        let matching = MatchStage::new(Engine::new(), commands.match_, events, matched, due, DigestBoard::default());
        let publish = Publish::new(
            event_poller,
            AckPolicy::new(AckRule::Async),
            marks,
            matched_reader,
            published,
            Log(opened.writer),
        );
        let serving = ServingState::default();
        let entry = OrderEntryPorts {
            inbox: inbox.clone(),
            log: opened.log.clone(),
            serving: serving.clone(),
            known: Known::default(),
            stamps: Vec::new(),
        };
        let mut stages: Vec<Box<dyn Stage>> = vec![
            Box::new(Holdable { stage: sequencer, held: Arc::clone(&held) }),
            Box::new(Taker { poller: commands.journal, through: journaled, batch: Vec::new() }),
            Box::new(Taker { poller: commands.replicate, through: received, batch: Vec::new() }),
            Box::new(matching),
            Box::new(publish),
        ];
        stages.splice(0..0, first_stage(entry, &waker));
        let stop = Arc::new(AtomicBool::new(false));
        let runner =
            Runner { name: "node", core: None, idle: IdleStrategy::SpinThenPark, stages, waker: waker.clone() };
        let runner =
            runner.start(Arc::clone(&stop), Arc::new(|stage, error| panic!("stage {stage}: {error}"))).unwrap();
        let news = Arc::new((Mutex::new(0), Condvar::new()));
        let tell = Arc::clone(&news);
        opened.log.add_listener(Arc::new(move || {
            *tell.0.lock().unwrap() += 1;
            tell.1.notify_all();
        }));
        let (runner, next_admin_request, _folder) = (Some(runner), AtomicU64::new(1), folder);
        let log = opened.log;
        let node = Self { inbox, log, serving, held, waker, stop, runner, news, next_admin_request, _folder };
        node.lead(&control);
        node
    }

    fn lead(&self, control: &RunControl) {
        let limits = EngineLimits {
            assets_max: 8,
            markets_max: 8,
            accounts_max: 2_048,
            keys_max: 2_048,
            open_orders_max: 8_192,
            account_open_orders_max: 8_192,
            references_max: 8_192,
            balances_max: 8_192,
            seats_max: 8_192,
        };
        let record = |command: Command| CommandRecord::encode(&CommandHeader::default(), &command);
        let genesis =
            record(Command::Genesis(Genesis { cluster: CLUSTER, logic_version: LOGIC_VERSION, limits, seed: 7 }));
        let first = record(Command::TakeLead { node: NODE, incarnation: 1, session_grace: Nanos::default() });
        control.give(SequencerOrder::Lead { epoch: EPOCH, first, genesis: Some(genesis) });
        self.serving.set(Serving::Primary { epoch: EPOCH });
        let name = |text| Name::new(text).unwrap();
        self.admin(AccountId::default(), Command::CreateAsset { name: name("BTC"), decimals: 8 });
        self.admin(AccountId::default(), Command::CreateAsset { name: name("USDT"), decimals: 6 });
        self.admin(
            AccountId::default(),
            Command::CreateMarket(MarketTerms {
                name: name("BTC-USDT"),
                base: name("BTC"),
                quote: name("USDT"),
                base_units_per_lot: 1,
                quote_units_per_tick_lot: 1,
                maker_fee: FeeRate::from_ppm(0),
                taker_fee: FeeRate::from_ppm(0),
                qty_max: Qty::from_lots(1_000_000),
                price_max: Price::from_ticks(1_000_000),
            }),
        );
    }

    /// Does an operator's command and returns its answer.
    pub fn admin(&self, account: AccountId, command: Command) -> (EventHeader, Event) {
        let request = RequestNumber::new(self.next_admin_request.fetch_add(1, Ordering::SeqCst));
        let header = CommandHeader { request, account, ..CommandHeader::default() };
        let mut cursor = self.log.cursor_at_end().unwrap();
        self.inbox.try_push(CommandRecord::encode(&header, &command)).unwrap();
        self.wait_for(&mut cursor, |header, _| header.key == KeyId::OPERATOR && header.request == request)
    }

    /// The next event after `cursor` that `wanted` is true for.
    pub fn wait_for(
        &self,
        cursor: &mut tidegate_journal::EventCursor,
        wanted: impl Fn(&EventHeader, &Event) -> bool,
    ) -> (EventHeader, Event) {
        let deadline = Instant::now() + PATIENCE;
        let mut batch = Vec::new();
        loop {
            let seen = *self.news.0.lock().unwrap();
            batch.clear();
            while cursor.next_batch(1, &mut batch).unwrap() > 0 {
                let (header, event) = batch.pop().unwrap().decode().unwrap();
                if wanted(&header, &event) {
                    return (header, event);
                }
            }
            let mut count = self.news.0.lock().unwrap();
            while *count == seen {
                let left = deadline.checked_duration_since(Instant::now()).expect("the event came in time");
                count = self.news.1.wait_timeout(count, left).unwrap().0;
            }
        }
    }

    /// A new account with a key and plenty of both assets.
    pub fn trader(&self, seed: u16) -> Trader {
        let name = |kind: &str| Name::new(&format!("{kind}{seed}")).unwrap();
        let (header, _) = self.admin(AccountId::default(), Command::CreateAccount { name: name("account") });
        let account = header.account;
        for asset in ["BTC", "USDT"] {
            let reference = Reference::new(&format!("deposit-{seed}-{asset}")).unwrap();
            let (asset, amount) = (Name::new(asset).unwrap(), AssetAmount::from_units(100_000_000_000));
            let (_, event) = self.admin(account, Command::Deposit { asset, amount, reference, at: now() });
            assert!(matches!(event, Event::Deposited { .. }), "{event:?}");
        }
        let mut secret = [7; 32];
        secret[..2].copy_from_slice(&seed.to_le_bytes());
        let signing = SigningKey::from_bytes(&secret);
        let public_key = signing.verifying_key().to_bytes();
        let (_, event) = self.admin(account, Command::CreateKey { name: name("key"), public_key, roles: Roles::TRADE });
        let Event::KeyCreated { key, .. } = event else { panic!("no key: {event:?}") };
        Trader { key, account, signing }
    }

    /// Holds the sequencer, or lets it go on.
    pub fn hold(&self, hold: bool) {
        self.held.store(hold, Ordering::SeqCst);
        self.waker.wake();
    }
}

/// Who may log on.
#[derive(Clone)]
pub struct Trader {
    pub key: KeyId,
    pub account: AccountId,
    pub signing: SigningKey,
}

/// A node and its server.
pub struct World {
    pub server: OrderEntry,
    pub stats: Arc<OrderEntryStats>,
    // Last: the server goes first.
    pub node: Node,
}

impl World {
    pub fn start(io: IoChoice) -> Self {
        Self::with(io, 4_096, |_| {})
    }

    pub fn with(io: IoChoice, inbox_slots: usize, change: impl FnOnce(&mut OrderEntryConfig)) -> Self {
        if !ON_THE_PIPELINE.get() {
            return Self::around(Node::start(inbox_slots), io, change).unwrap();
        }
        let mut server = None;
        let node = Node::start_with(inbox_slots, |ports, waker| {
            let (started, stage) = OrderEntry::start_on(waker, &config(io, change), ports).unwrap();
            server = Some(started);
            Some(stage)
        });
        let server = server.unwrap();
        Self { stats: server.stats(), server, node }
    }

    pub fn around(
        node: Node,
        io: IoChoice,
        change: impl FnOnce(&mut OrderEntryConfig),
    ) -> Result<Self, OrderEntryError> {
        let server = OrderEntry::start(config(io, change), ports(&node))?;
        let stats = server.stats();
        Ok(Self { server, stats, node })
    }

    pub fn connect(&self) -> TestClient {
        TestClient::connect(self.server.local_addr())
    }

    /// Logs on and reads through the replay.
    pub fn logged_on(&self, trader: &Trader) -> TestClient {
        let mut client = self.connect();
        client.log_on(trader, 0);
        client.until_replay_done();
        client
    }
}

fn config(io: IoChoice, change: impl FnOnce(&mut OrderEntryConfig)) -> OrderEntryConfig {
    let mut config = OrderEntryConfig::new("127.0.0.1:0".parse().unwrap(), CLUSTER, NODE);
    config.io = io;
    config.limit_loopback = false;
    change(&mut config);
    config
}

pub fn ports(node: &Node) -> OrderEntryPorts {
    OrderEntryPorts {
        inbox: node.inbox.clone(),
        log: node.log.clone(),
        serving: node.serving.clone(),
        known: Known::default(),
        stamps: Vec::new(),
    }
}

/// Waits until a counter has at least this value.
pub fn wait_for_stat(counter: &AtomicU64, at_least: u64) {
    wait_until(|| counter.load(Ordering::SeqCst) >= at_least);
}

/// Waits for a condition that another thread brings about.
pub fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it did not happen in time");
        std::thread::yield_now();
    }
}

/// A client that does exactly what a test says.
pub struct TestClient {
    pub stream: TcpStream,
    buffer: Vec<u8>,
    pub nonce: [u8; 32],
}

impl TestClient {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self { stream, buffer: Vec::new(), nonce: [0; 32] };
        match client.receive() {
            ServerMessage::Challenge { nonce, cluster, node, .. } => {
                assert_eq!((cluster, node), (CLUSTER, NODE));
                client.nonce = nonce;
            }
            other => panic!("a challenge comes first, not {other:?}"),
        }
        client
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub fn send(&mut self, message: &ClientMessage) {
        self.send_bytes(&encoded(message));
    }

    pub fn logon(&self, trader: &Trader, last: u64) -> Logon {
        Logon {
            mode: SessionMode::Trading,
            replay_max: 0,
            resume_after: Position::default(),
            key: trader.key,
            last_session_sequence: SessionSequence::new(last),
            heartbeat_ms: 30_000,
            grace_ms: 0,
            cancel_on_disconnect: false,
            signature: trader.signing.sign(&logon_bytes(CLUSTER, NODE, &self.nonce, trader.key)).to_bytes(),
        }
    }

    /// Sends a good logon.
    pub fn log_on(&mut self, trader: &Trader, last: u64) {
        let logon = self.logon(trader, last);
        self.send(&ClientMessage::Logon(logon));
    }

    /// The next message, or `None` at the end of the stream.
    pub fn try_receive(&mut self) -> Option<ServerMessage> {
        loop {
            if let Some(frame) = split_frame(&self.buffer).unwrap() {
                let (len, message) = (frame.bytes().len(), frame.server_message().unwrap());
                self.buffer.drain(..len);
                return Some(message);
            }
            let mut chunk = [0; 4_096];
            match self.stream.read(&mut chunk) {
                Ok(0) => {
                    assert!(self.buffer.is_empty(), "the stream ends between two frames");
                    return None;
                }
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    pub fn receive(&mut self) -> ServerMessage {
        self.try_receive().expect("the connection is open")
    }

    /// Reads until the end of the replay; its reports.
    pub fn until_replay_done(&mut self) -> Vec<Report> {
        let mut reports = Vec::new();
        loop {
            match self.receive() {
                ServerMessage::Report(report) => reports.push(report),
                ServerMessage::ReplayDone { .. } => return reports,
                ServerMessage::LogonAccepted { .. } | ServerMessage::MarketDefinition { .. } => {}
                other => panic!("unexpected in a replay: {other:?}"),
            }
        }
    }

    /// The next report; heartbeats are skipped.
    pub fn report(&mut self) -> Report {
        loop {
            match self.receive() {
                ServerMessage::Report(report) => return report,
                ServerMessage::Heartbeat
                | ServerMessage::TestRequest { .. }
                | ServerMessage::MarketDefinition { .. } => {}
                other => panic!("a report was expected, not {other:?}"),
            }
        }
    }

    /// Reads to the goodbye, which must be the last message; reports on the way are dropped.
    pub fn goodbye(&mut self) -> (LogoutReason, u64, String) {
        loop {
            match self.receive() {
                ServerMessage::Logout { reason, resume_after, detail } => {
                    assert_eq!(self.try_receive(), None, "nothing follows a goodbye");
                    return (reason, resume_after.raw(), detail);
                }
                ServerMessage::Report(_)
                | ServerMessage::Heartbeat
                | ServerMessage::TestRequest { .. }
                | ServerMessage::LogonAccepted { .. }
                | ServerMessage::MarketDefinition { .. }
                | ServerMessage::ReplayDone { .. } => {}
                other => panic!("a goodbye was expected, not {other:?}"),
            }
        }
    }

    pub fn order(&mut self, request: u64, action: OrderAction) {
        self.send(&order(request, action));
    }

    /// Sends an order that rests, and reads its acceptance: proof that this session works.
    pub fn works(&mut self, request: u64) {
        self.order(request, limit(Side::Buy, 1, 1));
        let report = self.report();
        assert_eq!(report.request.raw(), request);
        assert!(matches!(report.body, ReportBody::OrderAccepted { .. }), "{report:?}");
    }
}

pub fn order(request: u64, action: OrderAction) -> ClientMessage {
    ClientMessage::Order(OrderRequest { request: RequestNumber::new(request), action })
}

pub fn encoded(message: &ClientMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_client(message, &mut bytes);
    bytes
}

pub fn limit(side: Side, price: i64, qty: u64) -> OrderAction {
    OrderAction::limit(MARKET, side, TimeInForce::Gtc, Price::from_ticks(price), Qty::from_lots(qty))
}

thread_local! {
    /// Whether this test's server is a stage of the node's own thread.
    static ON_THE_PIPELINE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether this test's server is a stage of the node's own thread.
pub fn is_on_the_pipeline() -> bool {
    ON_THE_PIPELINE.get()
}

/// Runs a test with the server on the node's thread.
pub fn run_on_the_pipeline(test: fn(IoChoice)) {
    ON_THE_PIPELINE.set(true);
    test(IoChoice::Auto);
}

/// Whether this kernel lets us use io_uring; looked at once.
fn uring_works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| match World::around(Node::start(64), IoChoice::Uring, |_| {}) {
        Ok(world) => {
            assert_eq!(world.server.io(), "io_uring");
            world.server.stop();
            true
        }
        Err(OrderEntryError::UringRefused { .. }) => false,
        Err(other) => panic!("{other}"),
    })
}

/// Runs a test, or says loudly that it did not.
pub fn run(io: IoChoice, name: &str, test: fn(IoChoice)) {
    if io == IoChoice::Uring && !uring_works() {
        eprintln!("SKIPPED: {name} with io_uring: this kernel refuses it");
        return;
    }
    test(io);
}

/// Makes each of these functions a test with io_uring, one with epoll, and one on the pipeline's thread.
#[macro_export]
macro_rules! with_both {
    ($($name:ident),* $(,)?) => {
        mod uring {
            $(#[test] fn $name() { $crate::common::run(tidegate_order_entry::IoChoice::Uring, stringify!($name), super::$name); })*
        }
        mod epoll {
            $(#[test] fn $name() { $crate::common::run(tidegate_order_entry::IoChoice::Epoll, stringify!($name), super::$name); })*
        }
        mod on_the_pipeline {
            $(#[test] fn $name() { $crate::common::run_on_the_pipeline(super::$name); })*
        }
    };
}
