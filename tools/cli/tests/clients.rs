//! Clients in other languages against real nodes: the C program that uses `tidegate.h` and the Python program that reads
//! `tidegate.xml`. Both speak the same lines on stdin and stdout, so both go through the same tests.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Instant;

use common::{TIMEOUT, client_of, promote, seed, start_pair, start_single};
use tidegate_cli::local::Trader;
use tidegate_client::{Client, ClientEvent};
use tidegate_domain::{MarketId, NewOrder, OrderOptions, OrderType, Price, Qty, Side, TimeInForce};
use tidegate_node::config::DurabilityName;
use tidegate_wire::{OrderAction, ReportBody};

/// A language that a client is written in.
#[derive(Clone, Copy, Debug)]
enum Language {
    C,
    Python,
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; install it"));
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Compiles the C client, once.
fn c_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tidegate_client");
        let mut command = Command::new("cc");
        command.args(["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"]);
        command.arg(root("gateway/wire/include")).arg(root("gateway/client-c/tidegate_client.c"));
        // libcrypto is Debian's libssl-dev.
        output_of(command.arg("-lcrypto").arg("-o").arg(&program));
        program
    })
}

/// An interpreter with the packages of the Python client, made once.
fn python() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut command = Command::new(root("tools/python-env"));
        command.arg(env!("CARGO_TARGET_TMPDIR")).arg(root("gateway/client-python/requirements.txt"));
        output_of(&mut command).trim().to_owned()
    })
}

/// One line that a client printed: what happened, and its fields.
#[derive(Clone, Debug)]
struct Line {
    kind: String,
    fields: BTreeMap<String, String>,
}

impl Line {
    fn parse(text: &str) -> Self {
        let mut words = text.split(' ');
        let kind = words.next().unwrap().to_owned();
        let fields = words.filter_map(|word| word.split_once('='));
        Self { kind, fields: fields.map(|(name, value)| (name.to_owned(), value.to_lowercase())).collect() }
    }

    fn number(&self, field: &str) -> u64 {
        self.fields.get(field).and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {field} in {self:?}"))
    }

    fn is_report(&self, template: &str, request: u64) -> bool {
        self.kind == "report" && self.fields["template"] == template && self.number("request") == request
    }
}

/// A client as a process.
struct Program {
    child: Child,
    stdin: ChildStdin,
    lines: mpsc::Receiver<String>,
    /// Every report so far, by its number: none twice.
    reports: BTreeMap<u64, Line>,
}

impl Program {
    fn start(language: Language, trader: &Trader, addresses: &[SocketAddr]) -> Self {
        let mut command = match language {
            Language::C => {
                let mut command = Command::new(c_program());
                command.arg(trader.key.to_string()).arg(&trader.key_file);
                command.args(addresses.iter().map(SocketAddr::to_string));
                command
            }
            Language::Python => {
                let mut command = Command::new(python());
                command.arg(root("gateway/client-python/tidegate_client.py"));
                command.arg("--key").arg(trader.key.to_string()).arg("--key-file").arg(&trader.key_file);
                command.args(addresses.iter().flat_map(|address| ["--address".to_owned(), address.to_string()]));
                command
            }
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, stdin, lines, reports: BTreeMap::new() }
    }

    fn command(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    /// Reads lines until one is as wanted; the numbers of reports must be dense.
    fn until(&mut self, what: &str, wanted: impl Fn(&Line) -> bool) -> Line {
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < TIMEOUT, "it never printed: {what}");
            let text = self.lines.recv_timeout(TIMEOUT).unwrap_or_else(|_| panic!("it never printed: {what}"));
            let line = Line::parse(&text);
            if line.kind == "report" {
                let number = line.number("session_sequence");
                assert_eq!(number, self.reports.len() as u64 + 1, "reports have no gap and none comes twice: {text}");
                self.reports.insert(number, line.clone());
            }
            if wanted(&line) {
                return line;
            }
        }
    }

    fn until_kind(&mut self, kind: &str) -> Line {
        self.until(kind, |line| line.kind == kind)
    }

    /// Sends an order; its request number.
    fn order(&mut self, side: &str, market: u32, price: i64, qty: u64, time_in_force: &str) -> u64 {
        self.command(&format!("new {side} {market} {price} {qty} {time_in_force}"));
        self.until_kind("sent").number("request")
    }

    fn until_report(&mut self, template: &str, request: u64) -> Line {
        let template = template.to_lowercase();
        self.until(&format!("{template} of request {request}"), |line| line.is_report(&template, request))
    }

    fn count(&self, template: &str, request: u64) -> usize {
        self.reports.values().filter(|line| line.is_report(&template.to_lowercase(), request)).count()
    }

    fn log_out(mut self) {
        self.command("logout");
        assert_eq!(self.until_kind("logout").fields["reason"], "client_requested");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A wire between client and node that loses what it is told to lose, and can be cut.
struct Wire {
    address: SocketAddr,
    loses_requests: Arc<AtomicBool>,
    loses_reports: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn to(node: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Self {
            address: listener.local_addr().unwrap(),
            loses_requests: Arc::default(),
            loses_reports: Arc::default(),
            open: Arc::default(),
        };
        let (up, down, open) = (wire.loses_requests.clone(), wire.loses_reports.clone(), wire.open.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(node) = TcpStream::connect(node) else { continue };
                open.lock().unwrap().extend([client.try_clone().unwrap(), node.try_clone().unwrap()]);
                forward(client.try_clone().unwrap(), node.try_clone().unwrap(), up.clone());
                forward(node, client, down.clone());
            }
        });
        wire
    }

    /// Ends the connection, and loses nothing on the next one.
    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            // One that has ended already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.loses_requests.store(false, Ordering::SeqCst);
        self.loses_reports.store(false, Ordering::SeqCst);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, loses: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4_096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if !loses.load(Ordering::SeqCst) && to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        // One that has ended already.
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// The other side of the trades, in Rust.
struct Counterparty {
    runtime: tokio::runtime::Runtime,
    client: Client,
    market: MarketId,
}

impl Counterparty {
    fn new(trader: &Trader, market: u32, addresses: &[SocketAddr]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(Client::connect(client_of(trader, addresses))).unwrap();
        Self { runtime, client, market: MarketId::new(market) }
    }

    /// Buys what is there at a price; how much it got.
    fn buy(&mut self, price: i64, qty: u64) -> u64 {
        let action = OrderAction::New(NewOrder {
            market: self.market,
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Ioc,
            post_only: false,
            price: Price::from_ticks(price),
            qty: Qty::from_lots(qty),
            options: OrderOptions::default(),
        });
        let client = &mut self.client;
        self.runtime.block_on(async {
            let request = client.submit(action).await.unwrap();
            client.flush().await.unwrap();
            let mut bought = 0;
            loop {
                let event = tokio::time::timeout(TIMEOUT, client.next_event()).await.expect("an answer").unwrap();
                let ClientEvent::Report { report, .. } = event else { continue };
                match report.body {
                    _ if report.request != request => {}
                    ReportBody::Fill(fill) => {
                        bought += fill.qty.lots();
                        if fill.leaves.is_zero() {
                            return bought;
                        }
                    }
                    ReportBody::OrderCancelled { .. } => return bought,
                    ReportBody::OrderAccepted { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        })
    }

    /// Buys until it got something.
    fn buy_until_filled(&mut self, price: i64, qty: u64) -> u64 {
        let started = Instant::now();
        loop {
            match self.buy(price, qty) {
                0 => assert!(started.elapsed() < TIMEOUT, "nothing is ever offered at {price}"),
                bought => return bought,
            }
        }
    }
}

fn trades_over_a_bad_wire(language: Language) {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Local);
    let (market, traders) = seed(&node, dir.path(), 2);
    let wire = Wire::to(node.gateway());
    let mut other = Counterparty::new(&traders[1], market, &[node.gateway()]);
    let mut client = Program::start(language, &traders[0], &[wire.address]);
    client.until_kind("replay_done");

    // Orders, fills, a cancel, a reject.
    let first = client.order("SELL", market, 1_000, 5, "GTC");
    let order = client.until_report("OrderAccepted", first).number("order");
    assert_eq!(other.buy(1_000, 2), 2);
    let fill = client.until_report("Fill", first);
    assert_eq!((fill.number("order"), fill.number("qty"), fill.number("leaves")), (order, 2, 3));
    assert_eq!(fill.fields["liquidity"], "maker");
    client.command(&format!("cancel {first}"));
    let cancel = client.until_kind("sent").number("request");
    assert_eq!(client.until_report("OrderCancelled", cancel).number("cancelled"), 3);
    let wrong = client.order("SELL", market, 0, 1, "GTC");
    assert_eq!(client.until_report("Rejected", wrong).fields["reason"], "price_not_positive");

    // The answer is lost: the order is there, is traded with, and all of it is replayed.
    wire.loses_reports.store(true, Ordering::SeqCst);
    let unheard = client.order("SELL", market, 1_001, 4, "GTC");
    assert_eq!(other.buy_until_filled(1_001, 1), 1);
    wire.cut();
    assert!(client.until_kind("logged_on").number("report_mark") > client.reports.len() as u64);
    client.until_report("OrderAccepted", unheard);
    assert_eq!(client.until_report("Fill", unheard).number("leaves"), 3);
    client.until_kind("replay_done");

    // The request is lost: it is sent again under its number, and there is one order.
    wire.loses_requests.store(true, Ordering::SeqCst);
    let lost = client.order("SELL", market, 1_000, 7, "GTC");
    assert_eq!(other.buy(1_000, 7), 0, "it never came");
    wire.cut();
    assert_eq!(client.until_kind("resent").number("request"), lost);
    client.until_report("OrderAccepted", lost);
    assert_eq!(other.buy(1_000, 100), 7, "it is there once");
    client.until("it is filled", |line| line.is_report("fill", lost) && line.number("leaves") == 0);

    // Sent again although it was answered: told what came of it, not executed.
    client.command(&format!("resend {lost}"));
    let outcome = client.until_report("Outcome", lost);
    let accepted = client.reports.values().find(|line| line.is_report("orderaccepted", lost)).unwrap();
    assert_eq!(outcome.number("order"), accepted.number("order"));
    assert_eq!(other.buy(1_000, 100), 0, "no second order");
    for request in [first, unheard, lost] {
        assert_eq!(client.count("OrderAccepted", request), 1);
    }
    client.log_out();
    node.stop().unwrap();
}

#[test]
fn the_c_client_trades_and_recovers_over_a_bad_wire() {
    trades_over_a_bad_wire(Language::C);
}

#[test]
fn the_python_client_trades_and_recovers_over_a_bad_wire() {
    trades_over_a_bad_wire(Language::Python);
}

#[test]
fn both_clients_go_on_at_the_other_node_after_a_failover() {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = start_pair(dir.path());
    let (market, traders) = seed(&nodes[0], dir.path(), 3);
    let gateways = [nodes[0].gateway(), nodes[1].gateway()];
    let mut other = Counterparty::new(&traders[2], market, &gateways);
    let mut clients: Vec<_> = [Language::C, Language::Python]
        .into_iter()
        .zip(&traders)
        .map(|(language, trader)| Program::start(language, trader, &gateways))
        .collect();
    let mut resting = Vec::new();
    for (client, price) in clients.iter_mut().zip([1_000, 2_000]) {
        client.until_kind("replay_done");
        let request = client.order("SELL", market, price, 3, "GTC");
        client.until_report("OrderAccepted", request);
        resting.push((price, request));
    }
    nodes[0].kill();
    promote(&nodes[1]);
    for (client, (price, request)) in clients.iter_mut().zip(resting) {
        client.until_kind("replay_done");
        assert_eq!(other.buy_until_filled(price, 3), 3, "the order is still there");
        client.until_report("Fill", request);
        assert_eq!(client.count("OrderAccepted", request), 1);
        let next = client.order("SELL", market, 3_000, 1, "GTC");
        client.until_report("OrderAccepted", next);
    }
    clients.into_iter().for_each(Program::log_out);
    nodes[1].stop().unwrap();
}
