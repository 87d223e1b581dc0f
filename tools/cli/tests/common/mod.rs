//! Real processes under load: clients that remember every answer, and a check of everything they were told against SQL.

#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::{Connection, Row, SqliteConnection};
use tidegate_cli::keygen::read_client_key;
use tidegate_cli::local::{ClusterPlan, LocalNode, Trader};
use tidegate_client::{Client, ClientConfig, ClientEvent, ClientSecret};
use tidegate_domain::{
    CancelFilter, KeyId, Liquidity, MarketId, OrderTarget, Price, Qty, RequestNumber, Side, TimeInForce,
};
use tidegate_node::config::{DurabilityName, IoName};
use tidegate_node::status::NodeState;
use tidegate_node::{AdminRequest, NodeStatus};
use tidegate_wire::{OrderAction, Report, ReportBody};

/// Longest wait for anything.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_tidegate"))
}

/// A plan for tests: small segments, a database, no HTTP.
pub(crate) fn plan(folder: &Path, nodes: u32, durability: DurabilityName) -> ClusterPlan {
    ClusterPlan {
        folder: folder.to_owned(),
        program: program(),
        nodes,
        durability,
        http: false,
        market_data: false,
        sql: true,
        segment_mib: 4,
        io: IoName::Auto,
    }
}

/// Two nodes, the second caught up with the first.
pub(crate) fn start_pair(folder: &Path) -> Vec<LocalNode> {
    let mut nodes = plan(folder, 2, DurabilityName::Replicated).write().unwrap();
    nodes[1].start().unwrap();
    nodes[0].start().unwrap();
    nodes[0].wait_for("the pair is complete", healthy).unwrap();
    nodes
}

/// One node.
pub(crate) fn start_single(folder: &Path, durability: DurabilityName) -> LocalNode {
    let mut node = plan(folder, 1, durability).write().unwrap().remove(0);
    node.start().unwrap();
    node.wait_for("the node leads", leads).unwrap();
    node
}

pub(crate) fn leads(status: &NodeStatus) -> bool {
    matches!(status.state, NodeState::Primary | NodeState::Degraded)
}

/// It leads with a standby that has everything.
pub(crate) fn healthy(status: &NodeStatus) -> bool {
    status.state == NodeState::Primary && status.peer.as_ref().is_some_and(|peer| peer.connected && peer.caught_up)
}

/// Two assets, a market and some traders with money.
pub(crate) fn seed(node: &LocalNode, folder: &Path, traders: usize) -> (u32, Vec<Trader>) {
    for (name, decimals) in [("BTC", 8), ("USDT", 6)] {
        node.ask(&AdminRequest::CreateAsset { name: name.to_owned(), decimals }).unwrap();
    }
    let market = node.create_market("BTC-USDT", "BTC", "USDT", "0.01", "0.0001").unwrap();
    let money = [("BTC", "1000"), ("USDT", "10000000")];
    let traders = (0..traders)
        .map(|n| node.create_trader(&format!("trader-{n}"), &folder.join(format!("trader-{n}.key")), &money).unwrap());
    (market, traders.collect())
}

/// Promotes as soon as the node agrees that its primary is gone.
pub(crate) fn promote(node: &LocalNode) {
    let started = Instant::now();
    while let Err(refusal) = node.ask(&AdminRequest::Promote { force: false }) {
        let passes = ["primary_alive", "starting"].iter().any(|reason| refusal.starts_with(reason));
        assert!(passes && started.elapsed() < TIMEOUT, "{refusal}\n{}", node.log_tail());
    }
}

pub(crate) fn tidegate(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).output().unwrap()
}

/// Runs a program of the system; what it complained about when it failed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Runs a command that must fail, and gives its message.
pub(crate) fn refused(arguments: &[&str]) -> String {
    let output = tidegate(arguments);
    assert!(!output.status.success(), "tidegate {arguments:?} must fail");
    String::from_utf8(output.stderr).unwrap()
}

pub(crate) fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// A client's configuration.
pub(crate) fn client_of(trader: &Trader, addresses: &[SocketAddr]) -> ClientConfig {
    let secret = ClientSecret::from_bytes(&read_client_key(&trader.key_file).unwrap());
    ClientConfig::new(addresses.to_vec(), KeyId::new(trader.key), secret)
}

/// What clients were told, by key and request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// An order exists with this id.
    Order(u64),
    /// Refused, or a cancel's outcome.
    Other,
}

/// Everything that clients were told.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) told: Mutex<BTreeMap<(u32, u64), Told>>,
    /// Taker fills by (sequence, index): each is one trade.
    pub(crate) trades: Mutex<BTreeSet<(u64, u32)>>,
    pub(crate) acked: AtomicU64,
    pub(crate) degraded: AtomicU64,
    pub(crate) reconnects: AtomicU64,
}

/// Clients that trade until told to finish.
pub(crate) struct Load {
    runtime: tokio::runtime::Runtime,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    pub(crate) ledger: Arc<Ledger>,
}

impl Load {
    pub(crate) fn start(traders: &[Trader], market: u32, addresses: &[SocketAddr], seed: u64) -> Self {
        println!("load seed {seed}");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (stop, ledger) = (Arc::new(AtomicBool::new(false)), Arc::new(Ledger::default()));
        let tasks = traders.iter().enumerate().map(|(n, trader)| {
            let (config, key) = (client_of(trader, addresses), trader.key);
            let (stop, ledger) = (Arc::clone(&stop), Arc::clone(&ledger));
            runtime.spawn(trade(config, key, MarketId::new(market), seed + n as u64, stop, ledger))
        });
        let tasks = tasks.collect();
        Self { runtime, tasks, stop, ledger }
    }

    /// Waits until so many more requests were answered.
    pub(crate) fn wait_for_answers(&self, more: u64) {
        let from = self.ledger.acked.load(Ordering::SeqCst);
        let started = Instant::now();
        while self.ledger.acked.load(Ordering::SeqCst) < from + more {
            assert!(started.elapsed() < TIMEOUT, "answers stopped at {}", self.ledger.acked.load(Ordering::SeqCst));
            assert!(!self.tasks.iter().any(tokio::task::JoinHandle::is_finished), "a client ended");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets every client finish what it sent, and gives what they were told.
    pub(crate) fn finish(self) -> Arc<Ledger> {
        self.stop.store(true, Ordering::SeqCst);
        self.runtime.block_on(async {
            for task in self.tasks {
                tokio::time::timeout(TIMEOUT, task).await.expect("a client hangs").expect("a client panicked");
            }
        });
        self.ledger
    }
}

async fn trade(
    config: ClientConfig,
    key: u32,
    market: MarketId,
    seed: u64,
    stop: Arc<AtomicBool>,
    ledger: Arc<Ledger>,
) {
    let mut client = Client::connect(config).await.unwrap();
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = move |limit: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % limit
    };
    let mut last = RequestNumber::default();
    let mut answered = BTreeSet::new();
    let mut pause = tokio::time::interval(Duration::from_millis(1));
    while !stop.load(Ordering::SeqCst) {
        tokio::select! {
            _ = pause.tick(), if client.in_flight() < 64 => {
                for _ in 0..4 {
                    let side = if below(2) == 0 { Side::Buy } else { Side::Sell };
                    let action = if below(4) == 0 && last.raw() > 0 {
                        OrderAction::Cancel { target: OrderTarget::Request(last) }
                    } else {
                        let time_in_force = if below(3) == 0 { TimeInForce::Ioc } else { TimeInForce::Gtc };
                        OrderAction::limit(market, side, time_in_force, Price::from_ticks(100_000 + below(20) as i64), Qty::from_lots(1 + below(9)))
                    };
                    last = client.submit(action).await.unwrap();
                }
                client.flush().await.unwrap();
            }
            event = client.next_event() => on_event(&event.unwrap(), key, &mut answered, &ledger),
        }
    }
    // The answer to a last cancel-all comes after every report before it.
    let last = client.submit(OrderAction::CancelAll(CancelFilter::default())).await.unwrap();
    client.flush().await.unwrap();
    while !answered.contains(&last.raw()) {
        on_event(&client.next_event().await.unwrap(), key, &mut answered, &ledger);
    }
    assert_eq!(client.in_flight(), 0);
    let stats = client.logout().await.unwrap();
    ledger.reconnects.fetch_add(stats.reconnects, Ordering::SeqCst);
}

fn on_event(event: &ClientEvent, key: u32, answered: &mut BTreeSet<u64>, ledger: &Ledger) {
    match event {
        ClientEvent::Report { report, answered: Some(_) } => {
            assert!(answered.insert(report.request.raw()), "request {} was answered twice", report.request);
            note(report, key, ledger);
            ledger.acked.fetch_add(1, Ordering::SeqCst);
        }
        ClientEvent::Report { report, answered: None } => note(report, key, ledger),
        ClientEvent::RequestRefused { request, reason, .. } => panic!("request {request} refused: {reason:?}"),
        _ => {}
    }
}

fn note(report: &Report, key: u32, ledger: &Ledger) {
    ledger.degraded.fetch_add(report.degraded.into(), Ordering::SeqCst);
    let told = match report.body {
        ReportBody::OrderAccepted { order, .. } => Told::Order(order.raw()),
        ReportBody::Outcome { order: Some(order), command: tidegate_domain::CommandKind::NewOrder, .. } => {
            Told::Order(order.raw())
        }
        ReportBody::Fill(fill) => {
            if fill.liquidity == Liquidity::Taker {
                let trade = (report.sequence.raw(), report.index);
                assert!(ledger.trades.lock().unwrap().insert(trade), "trade {trade:?} was reported twice");
            }
            return;
        }
        ReportBody::Rejected { .. } => Told::Other,
        _ => return,
    };
    let before = ledger.told.lock().unwrap().insert((key, report.request.raw()), told);
    assert!(before.is_none_or(|before| before == told), "two outcomes of one request: {before:?}, {told:?}");
}

/// Waits until a node's sink has projected all that is released.
pub(crate) fn wait_for_sink(node: &mut LocalNode) {
    let status = node.status(false).unwrap();
    let through = status.watermarks.published_through;
    node.wait_for("the sink has everything", |status| {
        status.sink.as_ref().is_some_and(|sink| {
            assert_eq!(sink.error, None);
            sink.through >= through
        })
    })
    .unwrap();
}

/// Both nodes have the same digest at the same command.
pub(crate) fn assert_digests_equal(nodes: &[LocalNode]) {
    let started = Instant::now();
    loop {
        let digests: Vec<_> = nodes.iter().map(|node| node.status(true).unwrap().digest.unwrap()).collect();
        if digests[0].sequence == digests[1].sequence {
            assert_eq!(digests[0].digest, digests[1].digest);
            return;
        }
        assert!(started.elapsed() < TIMEOUT, "the nodes never stand at the same command: {digests:?}");
    }
}

/// What clients were told and what the database says are the same thing, and money is conserved.
pub(crate) fn check_against_sql(folder: &Path, ledger: &Ledger) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite:{}?mode=ro", folder.join("tidegate.sqlite").display());
        let mut sql = SqliteConnection::connect(&url).await.unwrap();
        let mut orders: BTreeMap<(u32, u64), u64> = BTreeMap::new();
        for row in sqlx::query("SELECT key_id, request, order_id FROM orders").fetch_all(&mut sql).await.unwrap() {
            let request: String = row.get(1);
            let (key, order): (i64, i64) = (row.get(0), row.get(2));
            let before = orders.insert((key as u32, request.parse().unwrap()), order as u64);
            assert_eq!(before, None, "key {key} request {request} was executed twice");
        }
        let told = ledger.told.lock().unwrap().clone();
        let mut accepted = 0;
        for ((key, request), told) in told.iter() {
            let in_sql = orders.get(&(*key, *request));
            match told {
                Told::Order(order) => {
                    assert_eq!(in_sql, Some(order), "acknowledged order of key {key} request {request}");
                    accepted += 1;
                }
                Told::Other => assert_eq!(in_sql, None, "refused request {request} of key {key} exists"),
            }
        }
        assert_eq!(orders.len(), accepted, "every order in SQL was acknowledged to its client");
        let mut trades = BTreeSet::new();
        for row in sqlx::query("SELECT sequence, event_index FROM trades").fetch_all(&mut sql).await.unwrap() {
            let (sequence, index): (i64, i64) = (row.get(0), row.get(1));
            trades.insert((sequence as u64, index as u32));
        }
        assert!(trades == *ledger.trades.lock().unwrap(), "the trades in SQL are those that takers were told");
        assert!(!trades.is_empty());
        let mut sums: BTreeMap<i64, i128> = BTreeMap::new();
        for row in sqlx::query("SELECT asset_id, delta FROM balance_changes").fetch_all(&mut sql).await.unwrap() {
            let delta: String = row.get(1);
            *sums.entry(row.get(0)).or_default() += delta.parse::<i128>().unwrap();
        }
        assert!(sums.len() == 2 && sums.values().all(|sum| *sum == 0), "balances sum to zero: {sums:?}");
        println!("{} orders, {} trades agree with SQL", accepted, trades.len());
    });
}

/// A resting order; waits until it is acknowledged.
pub(crate) async fn place(client: &mut Client, market: u32) -> bool {
    let request = client
        .submit(OrderAction::limit(
            MarketId::new(market),
            Side::Buy,
            TimeInForce::Gtc,
            Price::from_ticks(1_000),
            Qty::from_lots(1),
        ))
        .await
        .unwrap();
    client.flush().await.unwrap();
    loop {
        if let ClientEvent::Report { report, answered: Some(_) } = client.next_event().await.unwrap()
            && report.request == request
        {
            assert!(matches!(report.body, ReportBody::OrderAccepted { .. }), "{report:?}");
            return report.degraded;
        }
    }
}
