//! The server over real sockets, on an event log that the test fills.
#![allow(clippy::unwrap_used)]

#[path = "../../sink-sql/tests/flow/mod.rs"]
mod flow;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flow::Flow;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tidegate_domain::{MarketId, Side};
use tidegate_http::{Audience, HttpDoors, HttpError, NodeView, serve};
use tidegate_journal::OpenedEventLog;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longest wait for anything that must happen: a failure, not a pace.
const PATIENCE: Duration = Duration::from_secs(20);

struct Node {
    unready: Option<String>,
}

impl NodeView for Node {
    fn ready(&self) -> Result<(), String> {
        self.unready.clone().map_or(Ok(()), Err)
    }
    fn healthy(&self) -> Result<(), String> {
        Ok(())
    }
    fn metrics_text(&self) -> String {
        "# TYPE tidegate_ready gauge\ntidegate_ready 1\n# EOF\n".to_owned()
    }
    fn status_json(&self) -> Value {
        json!({ "role": "primary" })
    }
    fn latency_json(&self, audience: Audience) -> Value {
        json!({ "seen_by": format!("{audience:?}") })
    }
}

struct Server {
    _dir: tempfile::TempDir,
    flow: Flow,
    log: OpenedEventLog,
    address: SocketAddr,
    operator: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), HttpError>>,
}

impl Server {
    async fn start(unready: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = flow::open_log(dir.path());
        let public = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let operator = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, operators) = (public.local_addr().unwrap(), operator.local_addr().unwrap());
        let doors = HttpDoors { public, operator: Some(operator) };
        let (stop, stopped) = watch::channel(false);
        let view = Arc::new(Node { unready: unready.map(str::to_owned) });
        let task = tokio::spawn(serve(doors, log.log.clone(), view, stopped));
        let mut server = Self { _dir: dir, flow: Flow::new(31), log, address, operator: operators, stop, task };
        let prelude = server.flow.prelude();
        server.release(prelude);
        server
    }

    fn release(&mut self, mut events: Vec<tidegate_domain::EventRecord>) {
        if !events.is_empty() {
            self.log.writer.append(&mut events).unwrap();
        }
    }

    fn steps(&mut self, count: usize) {
        for _ in 0..count {
            let events = self.flow.step();
            self.release(events);
        }
    }

    fn end(&self) -> u64 {
        self.log.log.end().unwrap().0.raw()
    }

    /// Status and body of a GET.
    async fn get(&self, path: &str) -> (u16, String) {
        self.ask("GET", path).await
    }

    async fn ask(&self, method: &str, path: &str) -> (u16, String) {
        self.ask_at(self.address, "test", method, path).await
    }

    async fn ask_at(&self, address: SocketAddr, host: &str, method: &str, path: &str) -> (u16, String) {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, socket.read_to_string(&mut answer)).await.expect("an answer in time").unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    async fn json(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.get(path).await;
        (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}")))
    }

    /// The answer once the server has followed the log to its end.
    async fn current(&self, path: &str) -> Value {
        let all = async {
            loop {
                let (status, body) = self.json(path).await;
                if status == 200 && body["sequence"] == self.end() {
                    return body;
                }
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("the server follows the log")
    }

    async fn web_socket(&self) -> Client {
        let url = format!("ws://{}/v1/ws", self.address);
        Client(tokio_tungstenite::connect_async(url).await.unwrap().0)
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(PATIENCE, self.task).await.expect("it stops in time").unwrap().unwrap();
    }
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next text message; `None` at the end.
    async fn hear(&mut self) -> Option<Value> {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                end @ (Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                    println!("the end: {end:?}");
                    return None;
                }
                Some(Ok(_)) => {}
            }
        }
    }
}

/// Levels as the engine has them, in the form of an answer.
fn engine_levels(flow: &Flow, side: Side, count: usize) -> Vec<(i64, u64, u64)> {
    let levels = flow.engine.levels(MarketId::new(1), side, count);
    levels.iter().map(|(price, qty, orders)| (price.ticks(), qty.lots(), u64::from(*orders))).collect()
}

fn shown_levels(levels: &Value) -> Vec<(i64, u64, u64)> {
    let level = |level: &Value| {
        let number = |field: &str| level[field].as_u64().unwrap();
        (level["price_ticks"].as_i64().unwrap(), number("qty_lots"), number("orders"))
    };
    levels.as_array().unwrap().iter().map(level).collect()
}

#[tokio::test]
async fn markets_depth_trades_and_ticker_are_the_engines() {
    let mut server = Server::start(None).await;
    server.steps(3_000);
    let markets = server.current("/v1/markets").await;
    let btc = &markets["markets"][0];
    assert_eq!((&btc["name"], &btc["base"], &btc["quote"]), (&json!("BTC-USDT"), &json!("BTC"), &json!("USDT")));
    assert_eq!((&btc["tick"], &btc["lot"]), (&json!("0.01"), &json!("0.0001")));

    let depth = server.current("/v1/markets/BTC-USDT/depth?levels=3").await;
    for (field, side) in [("bids", Side::Buy), ("asks", Side::Sell)] {
        assert_eq!(shown_levels(&depth[field]), engine_levels(&server.flow, side, 3));
    }
    let price = depth["bids"][0]["price_ticks"].as_i64().unwrap();
    assert_eq!(
        depth["bids"][0]["price"],
        json!(format!("{}.{:02}", price / 100, price % 100).trim_end_matches('0').trim_end_matches('.'))
    );

    let traded = server.flow.trade(5_000);
    server.release(traded);
    // What the operator set is shown; `trade` took it back.
    let markets = server.current("/v1/markets").await;
    let (_, definition, state) = server.flow.engine.markets().next().unwrap();
    let btc = &markets["markets"][0];
    assert_eq!(btc["state"], state.as_str());
    assert_eq!((&btc["dynamic_band_ppm"], &btc["qty_max_lots"]), (&json!(0), &json!(definition.qty_max.lots())));
    assert_eq!((&btc["price_max"], &btc["notional_min"]), (&json!("10000"), &json!("0")));
    let eth = &markets["markets"][1];
    assert!(eth["dynamic_band_ppm"].as_u64() >= Some(500_000), "the flow set the rules of the second market: {eth}");
    assert_eq!((&eth["reference_ticks"], &eth["reference"]), (&json!(1_000), &json!("0.1")));
    let trades = server.current("/v1/markets/BTC-USDT/trades?limit=2").await;
    let trades = trades["trades"].as_array().unwrap();
    assert_eq!(trades.len(), 2);
    let newest = trades[0]["sequence"].as_u64().unwrap();
    assert!(newest == server.end() || newest + 1 == server.end());
    assert!(trades[1]["sequence"].as_u64() <= Some(newest), "newest first");

    let ticker = server.current("/v1/markets/BTC-USDT/ticker").await;
    assert_eq!(ticker["last_ticks"], trades[0]["price_ticks"]);
    assert_eq!(ticker["best_bid_ticks"], json!(engine_levels(&server.flow, Side::Buy, 1).first().map(|level| level.0)));
    assert_eq!(ticker["since_start"], ticker["day"]);
    server.stop().await;
}

#[tokio::test]
async fn every_refusal_names_the_field_and_what_is_allowed() {
    let server = Server::start(None).await;
    server.current("/v1/markets").await;
    for (path, status, field, error, allowed) in [
        ("/v1/markets/NO-SUCH/depth", 404, "market", "NO-SUCH", "/v1/markets"),
        ("/v1/markets/BTC-USDT/depth?levels=0", 400, "levels", "levels is `0`", "1 to 1000"),
        ("/v1/markets/BTC-USDT/depth?levels=1001", 400, "levels", "1001", "1 to 1000"),
        ("/v1/markets/BTC-USDT/trades?limit=x", 400, "limit", "`x`", "1 to 1000"),
        ("/v1/markets/BTC-USDT/trades?count=5", 400, "count", "unknown parameter `count`", "limit"),
        ("/v1/markets?all=1", 400, "all", "unknown parameter", "no parameters"),
        ("/v1/markets/%ff/depth", 400, "market", "UTF-8", "percent-encoded"),
        ("/v2/markets", 404, "path", "/v2/markets", "/v1/markets"),
        ("/v1/ws", 426, "upgrade", "", "WebSocket"),
    ] {
        let (got, body) = server.json(path).await;
        assert_eq!((got, body["field"].as_str()), (status, Some(field)), "{path}: {body}");
        assert!(body["error"].as_str().unwrap().contains(error), "{path}: {body}");
        assert!(body["allowed"].as_str().unwrap().contains(allowed), "{path}: {body}");
    }
    let (status, body) = server.ask("DELETE", "/v1/markets").await;
    assert!(status == 405 && body.contains("\"field\":\"method\""), "{status} {body}");
    server.stop().await;
}

#[tokio::test]
async fn health_readiness_metrics_status_and_page_are_served() {
    let server = Server::start(Some("standby: following node 1")).await;
    assert_eq!(server.json("/healthz").await, (200, json!({ "status": "ok" })));
    let (status, body) = server.json("/readyz").await;
    assert_eq!((status, body["reason"].as_str()), (503, Some("standby: following node 1")));
    let (status, body) = server.get("/metrics").await;
    assert!(status == 200 && body.ends_with("# EOF\n"));
    assert_eq!(server.json("/status").await, (200, json!({ "role": "primary" })));
    let (status, page) = server.get("/").await;
    assert!(status == 200 && page.contains("/v1/ws"));
    assert!(!page.contains("http://") && !page.contains("https://"), "the page loads nothing from elsewhere");
    server.stop().await;
}

#[tokio::test]
async fn what_orders_were_is_asked_for_at_the_operators_door_only_and_by_an_address() {
    let server = Server::start(None).await;
    let seen = |body: String| serde_json::from_str::<Value>(&body).unwrap()["seen_by"].clone();
    let (status, page) = server.get("/latency").await;
    assert!(status == 200 && page.contains("latency.json"));
    assert!(!page.contains("http://") && !page.contains("https://"), "the page loads nothing from elsewhere");
    let (status, body) = server.get("/latency.json").await;
    assert_eq!((status, seen(body)), (200, json!("Public")));
    for host in ["localhost", "localhost:9999", "127.0.0.1:8101", "[::1]:8101", "[::1]", "10.0.0.7"] {
        let (status, body) = server.ask_at(server.operator, host, "GET", "/latency.json").await;
        assert_eq!((status, seen(body)), (200, json!("Operator")), "{host}");
    }
    for host in ["rebound.example", "rebound.example:8101", "", "localhost.example", "127.0.0.1.example:80"] {
        for path in ["/latency.json", "/latency", "/status", "/nothing"] {
            let (status, body) = server.ask_at(server.operator, host, "GET", path).await;
            assert_eq!(status, 403, "{host}: {body}");
            assert!(body.contains("\"host\"") && body.contains("localhost, or an address"), "{body}");
        }
    }
    let (status, body) = server.get("/latency.json?x=1").await;
    assert_eq!(status, 400, "{body}");
    server.stop().await;
}

#[tokio::test]
async fn a_subscriber_gets_a_snapshot_and_then_every_trade_once_and_the_depth() {
    let mut server = Server::start(None).await;
    server.steps(200);
    server.current("/v1/markets").await;
    let mut client = server.web_socket().await;
    client.say(r#"{"subscribe":["depth:BTC-USDT","trades:BTC-USDT"]}"#).await;
    let depth = client.hear().await.unwrap();
    assert_eq!((&depth["channel"], &depth["type"]), (&json!("depth:BTC-USDT"), &json!("snapshot")));
    assert_eq!((&depth["sequence"], &depth["epoch"]), (&json!(server.end()), &json!(1)));
    assert_eq!(shown_levels(&depth["bids"]), engine_levels(&server.flow, Side::Buy, 20));
    let trades = client.hear().await.unwrap();
    assert_eq!((&trades["channel"], &trades["type"]), (&json!("trades:BTC-USDT"), &json!("snapshot")));
    let id = |trade: &Value| (trade["sequence"].as_u64().unwrap(), trade["index"].as_u64().unwrap());
    let mut seen: Vec<(u64, u64)> = trades["trades"].as_array().unwrap().iter().map(id).collect();

    server.steps(2_000);
    // The last thing that happens is a trade of its own and a change of depth.
    let last = server.flow.trade(5_000);
    server.release(last);
    let mut book = (Vec::new(), Vec::new());
    let wanted = (engine_levels(&server.flow, Side::Buy, 20), engine_levels(&server.flow, Side::Sell, 20));
    let all = server.current("/v1/markets/BTC-USDT/trades?limit=1000").await;
    let mut all: Vec<(u64, u64)> = all["trades"].as_array().unwrap().iter().map(id).collect();
    all.reverse();
    assert!(all.len() < 1_000 && all.len() > 300, "{} trades", all.len());
    let mut through = 0;
    while book != wanted || seen.last() != all.last() || through < server.end() {
        let message = client.hear().await.unwrap();
        assert_eq!(message["type"], "update");
        if message["channel"] == "depth:BTC-USDT" {
            let sequence = message["sequence"].as_u64().unwrap();
            assert!(sequence > through, "pushes go forward");
            through = sequence;
            book = (shown_levels(&message["bids"]), shown_levels(&message["asks"]));
        } else {
            seen.extend(message["trades"].as_array().unwrap().iter().map(id));
        }
    }
    let first = all.iter().position(|trade| Some(trade) == seen.first()).unwrap();
    assert_eq!(seen, all[first..], "every trade since the snapshot, once, in order");

    client.say(r#"{"unsubscribe":["depth:BTC-USDT","trades:BTC-USDT"]}"#).await;
    client.say(r#"{"subscribe":["trades:ETH-BTC"]}"#).await;
    assert_eq!(client.hear().await.unwrap()["channel"], "trades:ETH-BTC");
    server.stop().await;
}

#[tokio::test]
async fn a_subscription_that_is_not_understood_is_refused_by_name_and_the_rest_goes_on() {
    let server = Server::start(None).await;
    server.current("/v1/markets").await;
    let mut client = server.web_socket().await;
    client.say(r#"{"subscribe":["depth:NO-SUCH","candles:BTC-USDT","trades:BTC-USDT"]}"#).await;
    let mut refused = Vec::new();
    let mut snapshots = 0;
    for _ in 0..3 {
        let message = client.hear().await.unwrap();
        if message["type"] == "error" {
            assert!(message["allowed"].as_str().unwrap().contains("trades:MARKET"));
            refused.push(message["channel"].as_str().unwrap().to_owned());
        } else {
            snapshots += 1;
        }
    }
    assert_eq!((refused, snapshots), (vec!["depth:NO-SUCH".to_owned(), "candles:BTC-USDT".to_owned()], 1));
    for said in ["hello", r#"{"subscribe":5}"#, r#"{"sub":["depth:BTC-USDT"]}"#] {
        client.say(said).await;
        let message = client.hear().await.unwrap();
        assert!(message["error"].as_str().unwrap().starts_with("not understood"), "{said}: {message}");
    }
    // Longer than a client's message may be: this socket ends, the server does not.
    client.say(&"x".repeat(40_000)).await;
    assert_eq!(client.hear().await, None);
    assert_eq!(server.json("/healthz").await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_slow_consumer_is_told_and_disconnected_and_others_go_on() {
    let mut server = Server::start(None).await;
    server.current("/v1/markets").await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let url = format!("ws://{}/v1/ws", server.address);
    let stream = tokio_tungstenite::client_async(url, MaybeTlsStream::Plain(stream)).await.unwrap().0;
    let (mut slow, mut quick) = (Client(stream), server.web_socket().await);
    for client in [&mut slow, &mut quick] {
        client.say(r#"{"subscribe":["trades:BTC-USDT"]}"#).await;
        assert_eq!(client.hear().await.unwrap()["type"], "snapshot");
    }
    let mut trades = 0;
    // One reads everything that is pushed, the other nothing.
    for _ in 0..1_500 {
        let events = (0..64).flat_map(|_| server.flow.trade(900)).collect();
        server.release(events);
        while trades < 64 {
            trades += quick.hear().await.unwrap()["trades"].as_array().unwrap().len();
        }
        trades -= 64;
    }
    let mut heard = 0;
    let farewell = loop {
        let message = slow.hear().await.expect("it is told before it is disconnected");
        if message["type"] == "error" {
            break message;
        }
        heard += message["trades"].as_array().unwrap().len();
    };
    assert!(farewell["error"].as_str().unwrap().starts_with("slow_consumer"), "{farewell}");
    assert!(heard < 96_000, "it has missed something");
    assert_eq!(slow.hear().await, None);
    server.stop().await;
}

#[tokio::test]
async fn a_stop_says_farewell_to_web_sockets() {
    let server = Server::start(None).await;
    let mut client = server.web_socket().await;
    client.say("hello").await;
    assert!(client.hear().await.is_some());
    server.stop.send(true).unwrap();
    let farewell = client.hear().await.unwrap();
    assert!(farewell["error"].as_str().unwrap().starts_with("stopping"), "{farewell}");
    assert_eq!(client.hear().await, None);
    tokio::time::timeout(PATIENCE, server.task).await.expect("it stops in time").unwrap().unwrap();
}
