//! The latency page and its JSON from a real node under load, looked at by a real browser where there is one.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use common::{Load, TIMEOUT, assert_has, leads, plan, seed};
use serde_json::{Value, json};
use tidegate_cli::local::LocalNode;
use tidegate_node::config::DurabilityName;
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// One node with HTTP.
fn start_node(folder: &Path) -> LocalNode {
    let mut plan = plan(folder, 1, DurabilityName::Local);
    plan.http = true;
    let mut node = plan.write().unwrap().remove(0);
    node.start().unwrap();
    node.wait_for("the node leads", leads).unwrap();
    node
}

/// Addresses of both doors.
fn doors(node: &LocalNode) -> [String; 2] {
    let status = node.status(false).unwrap();
    [status.http.unwrap(), status.http_operator.unwrap()]
}

fn get(address: &str, path: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    body.to_owned()
}

fn figures(address: &str) -> Value {
    serde_json::from_str(&get(address, "/latency.json")).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The figures once they are as wanted.
fn figures_when(address: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let figures = figures(address);
        if wanted(&figures) {
            return figures;
        }
        assert!(started.elapsed() < TIMEOUT, "{what}: {figures}");
    }
}

#[test]
fn the_figures_of_a_node_under_load_add_up_and_only_its_operator_sees_what_orders_were() {
    let folder = tempfile::tempdir().unwrap();
    let node = start_node(folder.path());
    let [public, operator] = doors(&node);
    let nothing = figures(&public);
    assert_eq!(nothing["latency"]["since_start"]["orders"], 0);
    assert_eq!(nothing["latency"]["since_start"]["curve"], json!([]));
    let (market, traders) = seed(&node, folder.path(), 2);
    let load = Load::start(&traders, market, &[node.gateway()], 7);
    load.wait_for_answers(2_000);
    let told = |figures: &Value| {
        let slowest = figures["latency"]["slowest"].as_array().unwrap();
        slowest.len() == 16 && slowest.iter().all(|slow| slow["content"].is_string())
    };
    let seen = figures_when(&operator, "the slowest orders are described", told);
    for span in ["since_start", "last_10_s"] {
        let span = &seen["latency"][span];
        let stages = span["stages"].as_array().unwrap();
        let sum = |field: &str| stages.iter().map(|stage| number(&stage[field])).sum::<u64>();
        assert_eq!((sum("sum_ns"), sum("critical")), (number(&span["sum_ns"]), number(&span["orders"])));
        assert!(number(&span["orders"]) >= 1_000 && span["total"]["p99"].is_u64(), "{span}");
        let curve = span["curve"].as_array().unwrap();
        assert!(curve.is_sorted_by_key(|point| number(&point["value_ns"])) && curve.len() > 20, "{span}");
    }
    for slow in seen["latency"]["slowest"].as_array().unwrap() {
        let stages = slow["stages"].as_object().unwrap();
        assert_eq!(stages.values().map(number).sum::<u64>(), number(&slow["latency_ns"]));
        assert_has(slow["content"].as_str().unwrap(), &["key ", "account ", "request "]);
    }
    assert_eq!(seen["status"]["state"], "primary");
    assert!(seen["busy"].as_array().unwrap().iter().any(|line| line["stage"] == "journal"), "{}", seen["busy"]);
    let outside = figures(&public);
    for slow in outside["latency"]["slowest"].as_array().unwrap() {
        assert_eq!(slow["content"], Value::Null, "clients' orders are nobody else's business");
    }
    assert!(outside.get("sessions").is_none());

    let metrics = get(&public, "/metrics");
    let count = |stage: &str| {
        let name = format!("tidegate_stage_latency_seconds_count{{stage=\"{stage}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse::<u64>().ok()).unwrap()
    };
    assert!(count("total") >= number(&outside["latency"]["since_start"]["orders"]));
    assert_eq!(count("journal"), count("total"));
    assert_has(&metrics, &["tidegate_stage_latency_last_10s_seconds{stage=\"total\",percentile=\"p99\"} "]);
    load.finish();
}

#[test]
fn a_standby_has_no_orders_and_says_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(folder.path(), 2, DurabilityName::Replicated);
    plan.http = true;
    let mut nodes = plan.write().unwrap();
    nodes[1].start().unwrap();
    nodes[0].start().unwrap();
    nodes[0].wait_for("the pair is complete", common::healthy).unwrap();
    let (market, traders) = seed(&nodes[0], folder.path(), 1);
    let load = Load::start(&traders, market, &[nodes[0].gateway()], 11);
    load.wait_for_answers(200);
    let [public, _] = doors(&nodes[1]);
    let figures = figures_when(&public, "the standby follows", |figures| {
        number(&figures["status"]["watermarks"]["published_through"]) > 200
    });
    assert_eq!(figures["status"]["state"], "standby");
    assert_eq!(figures["latency"]["since_start"]["orders"], 0);
    load.finish();
}

#[test]
fn a_browser_shows_the_page_live_frozen_and_of_a_node_that_goes_away_and_comes_back() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut node = start_node(folder.path());
    let [public, operator] = doors(&node);
    browser.open(&format!("http://{public}/latency"));
    browser.until("document.body.innerText.includes('No order was answered in this time.')");
    browser.until("document.getElementById('role').className === 'primary'");

    let (market, traders) = seed(&node, folder.path(), 1);
    let load = Load::start(&traders, market, &[node.gateway()], 3);
    load.wait_for_answers(1_500);
    browser.until("document.querySelectorAll('svg path.st').length === 2");
    let text = browser.text("document.body.innerText");
    for part in [
        "primary",
        "node 1 · epoch 1 · local",
        "inbox",
        "command ring",
        "watermark",
        "bytes received → in the command ring",
    ] {
        assert!(text.contains(part), "`{part}` in {text}");
    }
    let rows = "[...document.querySelectorAll('section[aria-label=\"Since the start\"] tbody tr')].map(row => row.cells[0].innerText).join()";
    assert_eq!(browser.text(rows), "inbox,journal,replicate,match,release,send,total");
    browser.until("shown.latency.slowest.length === 16 && document.body.innerText.includes('operator_listen')");
    assert!(!text.contains("account "), "what orders were is not for the public: {text}");
    browser.until("document.getElementById('state').innerText === 'live, every second'");

    browser.evaluate("document.getElementById('freeze').click()");
    assert_eq!(browser.text("document.getElementById('state').innerText"), "frozen");
    let frozen = browser.evaluate("[shown.at_ns, document.getElementById('main').innerText]");
    // Also an answer that was on its way when it was frozen is not shown.
    let after = browser.evaluate("ask().then(() => [shown.at_ns, document.getElementById('main').innerText])");
    assert_eq!(frozen, after);
    browser.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'f' }))");
    browser.until(&format!("shown.at_ns > {}", frozen[0]));
    load.finish();

    browser.open(&format!("http://{operator}/latency"));
    browser.until(r"/key \d+ account 1 request \d+: (buy|sell) limit /.test(document.body.innerText)");

    let incarnation = browser.evaluate("shown.status.incarnation");
    node.stop().unwrap();
    browser.until("document.getElementById('state').className === 'bad'");
    assert!(browser.text("document.body.innerText").contains("these are its last numbers"));
    node.start().unwrap();
    browser.until(&format!("shown.status.incarnation > {incarnation}"));
    browser.until("document.getElementById('state').innerText === 'live, every second'");
    assert_eq!(browser.problems, Vec::<String>::new());
    let elsewhere: Vec<_> =
        browser.asked.iter().filter(|url| !url.contains(&public) && !url.contains(&operator)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

/// A browser without a window, told what to do over its debugging socket.
struct Browser {
    process: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    next: u64,
    /// Errors of the page's script.
    problems: Vec<String>,
    /// Addresses that the page asked for.
    asked: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// `None` where there is none.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let started = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(|program| {
            let mut command = Command::new(program);
            command.args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ]);
            command.args(["--disable-background-networking", "--remote-debugging-port=0", "about:blank"]);
            command.arg(format!("--user-data-dir={}", folder.path().display()));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()
        });
        let Some(mut process) = started else {
            println!(
                "SKIPPED: no chromium, chromium-browser or google-chrome is installed; the page's script is not run"
            );
            return None;
        };
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("DevTools listening on ").map(str::to_owned));
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let (socket, _) = tungstenite::connect(address.expect("a browser says where it listens")).unwrap();
        let mut browser =
            Self { process, socket, session: None, next: 0, problems: Vec::new(), asked: Vec::new(), _folder: folder };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached =
            browser.call("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut command = json!({ "id": self.next, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(command.to_string())).unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            match message["method"].as_str() {
                Some("Runtime.exceptionThrown") => self.problems.push(message["params"].to_string()),
                Some("Network.requestWillBeSent") => {
                    self.asked.push(message["params"]["request"]["url"].as_str().unwrap().to_owned());
                }
                _ => {}
            }
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    fn open(&mut self, url: &str) {
        let opened = self.call("Page.navigate", json!({ "url": url }));
        assert!(opened["errorText"].is_null(), "{url}: {opened}");
        self.until(&format!("location.href === '{url}' && document.readyState === 'complete'"));
    }

    /// What an expression is, awaited.
    fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let result = self.call("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    fn text(&mut self, expression: &str) -> String {
        self.evaluate(expression).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression is true; one that cannot be evaluated yet is not.
    fn until(&mut self, expression: &str) {
        let started = Instant::now();
        let asked = format!("(() => {{ try {{ return !!({expression}); }} catch {{ return false; }} }})()");
        while self.evaluate(&asked) != true {
            let page = if started.elapsed() < TIMEOUT { String::new() } else { self.text("document.body.innerText") };
            assert!(started.elapsed() < TIMEOUT, "never: {expression}\n{page}\n{:?}", self.problems);
            self.evaluate("new Promise(done => setTimeout(done, 50))");
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
