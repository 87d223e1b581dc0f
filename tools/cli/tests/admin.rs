//! Every command of `tidegate admin` against a real node, read back by `admin list`, over HTTP and from SQL; and what is wrong
//! with wrong input, in words.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Instant;

use common::{TIMEOUT, assert_has, client_of, leads, place, plan, refused, start_single, tidegate, wait_for_sink};
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};
use tidegate_cli::local::{LocalNode, Trader};
use tidegate_client::{Client, ClientEvent};
use tidegate_domain::{MarketId, Price, Qty, Reject, Side, TimeInForce};
use tidegate_node::AdminRequest;
use tidegate_node::config::DurabilityName;
use tidegate_wire::{OrderAction, ReportBody};

const WRONG_USAGE: i32 = 2;

/// A node with two assets, a market `BTC-USDT` of ticks of 0.01 and lots of 0.0001, and two traders with money.
struct Desk {
    node: LocalNode,
    traders: Vec<Trader>,
}

impl Desk {
    fn of(node: LocalNode, folder: &Path) -> Self {
        let mut desk = Self { node, traders: Vec::new() };
        for (asset, decimals) in [("BTC", "8"), ("USDT", "6")] {
            desk.done(&["asset", "create", asset, "--decimals", decimals]);
        }
        let market = ["market", "create", "BTC-USDT", "--base", "BTC", "--quote", "USDT", "--tick", "0.01"];
        let fees = ["--lot", "0.0001", "--maker-fee-ppm", "-100", "--taker-fee-ppm", "500"];
        assert_eq!(desk.done(&[&market[..], &fees].concat())["market"], 1);
        for name in ["acme", "zeta"] {
            let money = [("BTC", "1000"), ("USDT", "1000000")];
            let trader = desk.node.create_trader(name, &folder.join(format!("{name}.key")), &money).unwrap();
            desk.traders.push(trader);
        }
        desk
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["admin", "--data-dir", self.node.data_dir().to_str().unwrap()], arguments].concat()
    }

    /// What the node answered, as JSON.
    fn done(&self, arguments: &[&str]) -> Value {
        let output = tidegate(&self.arguments(&[arguments, &["--json"]].concat()));
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "admin {arguments:?}: {message}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a person reads.
    fn said(&self, arguments: &[&str]) -> String {
        let output = tidegate(&self.arguments(arguments));
        assert!(output.status.success(), "admin {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str], parts: &[&str]) {
        assert_has(&refused(&self.arguments(arguments)), parts);
    }

    /// The row of a list with this number.
    fn row(&self, kind: &str, id: u32) -> Value {
        let list = self.done(&["list"]);
        let row = list[kind].as_array().unwrap().iter().find(|row| row["id"] == id || row["tier"] == id);
        row.unwrap_or_else(|| panic!("no {kind} {id} in {list}")).clone()
    }

    fn money(&self, command: &str, account: &str, amount: &str, reference: &str) -> Value {
        let account = ["money", command, "--account", account, "--asset", "USDT"];
        self.done(&[&account[..], &["--amount", amount, "--reference", reference]].concat())
    }
}

/// What a client hears next of its own order.
async fn order(client: &mut Client, price: i64, qty: u64) -> ReportBody {
    let action = OrderAction::limit(
        MarketId::new(1),
        Side::Buy,
        TimeInForce::Gtc,
        Price::from_ticks(price),
        Qty::from_lots(qty),
    );
    let request = client.submit(action).await.unwrap();
    client.flush().await.unwrap();
    loop {
        if let ClientEvent::Report { report, answered: Some(_) } = client.next_event().await.unwrap()
            && report.request == request
        {
            return report.body;
        }
    }
}

async fn assert_rejected(client: &mut Client, price: i64, qty: u64, expected: Reject) {
    match order(client, price, qty).await {
        ReportBody::Rejected { reason, .. } => assert_eq!(reason, expected),
        other => panic!("{expected} was expected: {other:?}"),
    }
}

/// The market as HTTP shows it, once it is as wanted: HTTP follows the log on its own.
fn http_market(address: SocketAddr, wanted: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /v1/markets HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let market = serde_json::from_str::<Value>(body).unwrap()["markets"][0].clone();
        if wanted(&market) {
            return market;
        }
        assert!(started.elapsed() < TIMEOUT, "{market}");
    }
}

#[test]
fn market_states_and_rules_reach_the_engine_the_list_and_http() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = plan(dir.path(), 1, DurabilityName::Local);
    node.http = true;
    let mut node = node.write().unwrap().remove(0);
    node.start().unwrap();
    let http = node.wait_for("the node leads", leads).map(|_| node.config.http.clone().unwrap().listen).unwrap();
    let desk = Desk::of(node, dir.path());
    let first = desk.row("markets", 1);
    assert_eq!((&first["tick"], &first["lot"], &first["state"]), (&json!("0.01"), &json!("0.0001"), &json!("open")));
    assert_eq!((&first["rules"]["maker_fee_ppm"], &first["rules"]["qty_max"]), (&json!(-100), &json!("100000")));

    // What is not given stays; old and new are told.
    let set = ["market", "set", "BTC-USDT", "--price-min", "5", "--qty-min", "0.0010", "--qty-max", "20.5"];
    let told = desk.done(&[&set[..], &["--notional-min", "10", "--reference", "9.99", "--day-end-s", "3600"]].concat());
    assert_eq!((&told["old"], &told["name"]), (&first["rules"], &json!("BTC-USDT")));
    let told = desk.done(&["market", "set", "BTC-USDT", "--maker-fee-ppm", "-250", "--price-max", "50000.01"]);
    let told_new = desk.row("markets", 1)["rules"].clone();
    assert_eq!(told["new"], told_new);
    let expected = json!({
        "maker_fee_ppm": -250, "taker_fee_ppm": 500, "qty_min": "0.001", "qty_max": "20.5", "price_min": "5",
        "price_max": "50000.01", "notional_min": "10", "reference": "9.99", "day_end_s": 3600,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&told_new[name], value, "{name}");
    }
    let shown = http_market(http, |market| market["maker_fee_ppm"] == -250);
    assert_eq!((&shown["qty_min_lots"], &shown["qty_min"]), (&json!(10), &json!("0.001")));
    assert_eq!((&shown["price_max_ticks"], &shown["price_max"]), (&json!(5_000_001), &json!("50000.01")));
    assert_eq!((&shown["notional_min"], &shown["reference_ticks"]), (&json!("10"), &json!(999)));
    let text = desk.said(&["market", "set", "BTC-USDT", "--taker-fee-ppm", "600"]);
    assert_has(&text, &["done at sequence", "taker_fee_ppm", "600", "was 500", "-250", "unchanged"]);
    assert_has(&desk.said(&["list"]), &["BTC-USDT", "rules:", "taker_fee_ppm 600", "price_max 50000.01"]);

    // Each state reaches clients and HTTP.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(client_of(&desk.traders[0], &[desk.node.gateway()])).await.unwrap();
        assert_rejected(&mut client, 499, 100, Reject::PriceTooLow).await;
        assert_rejected(&mut client, 1_000, 9, Reject::QtyTooSmall).await;
        assert_rejected(&mut client, 1_000, 10, Reject::NotionalTooSmall).await;
        assert!(matches!(order(&mut client, 1_000, 10_000).await, ReportBody::OrderAccepted { .. }));
        for (state, reject) in
            [("halted", Reject::MarketHalted), ("cancel-only", Reject::MarketHalted), ("closed", Reject::MarketClosed)]
        {
            let name = state.replace('-', "_");
            assert_eq!(desk.done(&["market", "state", "BTC-USDT", state])["state"], name.as_str());
            assert_rejected(&mut client, 1_000, 10_000, reject).await;
            assert_eq!(desk.row("markets", 1)["state"], name.as_str());
            http_market(http, |market| market["state"] == name.as_str());
        }
        for state in ["post-only", "open"] {
            desk.done(&["market", "state", "BTC-USDT", state]);
            assert!(matches!(order(&mut client, 1_000, 10_000).await, ReportBody::OrderAccepted { .. }));
        }
        client.logout().await.unwrap();
    });

    // After a restart the node knows the rules from its log.
    let mut desk = desk;
    let before = desk.done(&["list"]);
    desk.node.stop().unwrap();
    desk.node.start().unwrap();
    desk.node.wait_for("the node leads again", leads).unwrap();
    let told = desk.done(&["market", "set", "BTC-USDT", "--day-end-s", "7200"]);
    assert_eq!(told["old"], before["markets"][0]["rules"]);
    assert_eq!((&told["new"]["qty_max"], &told["new"]["day_end_s"]), (&json!("20.5"), &json!(7_200)));
}

/// Each sets rules of its own on what it read: none may undo what another set in between.
#[test]
fn operators_who_set_rules_at_the_same_time_undo_nothing() {
    const TIMES: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::of(start_single(dir.path(), DurabilityName::Async), dir.path());
    std::thread::scope(|scope| {
        for rule in ["price_min", "qty_min", "notional_min"] {
            let node = &desk.node;
            scope.spawn(move || {
                let mut last = "0".to_owned();
                for value in 1..=TIMES {
                    let rules = BTreeMap::from([(rule.to_owned(), value.to_string())]);
                    let request = AdminRequest::SetMarketRules { market: "BTC-USDT".to_owned(), rules };
                    let told = node.ask(&request).unwrap();
                    assert_eq!(told["old"][rule], last.as_str(), "{rule} was set back");
                    last = value.to_string();
                    assert_eq!(told["new"][rule], last.as_str());
                }
            });
        }
    });
    let rules = desk.row("markets", 1)["rules"].clone();
    for rule in ["price_min", "qty_min", "notional_min"] {
        assert_eq!(rules[rule], TIMES.to_string().as_str());
    }
}

#[test]
fn limits_tiers_kill_switch_and_roles_reach_the_engine_and_the_list() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::of(start_single(dir.path(), DurabilityName::Local), dir.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(client_of(&desk.traders[0], &[desk.node.gateway()])).await.unwrap();
        // Limits: what is not given stays, 0 takes one back.
        desk.done(&["account", "limits", "1", "--open-orders-max", "2", "--qty-max-lots", "7"]);
        let told = desk.done(&["account", "limits", "1", "--notional-max-units", "10000000000000000000000000"]);
        assert_eq!((&told["old"]["qty_max_lots"], &told["new"]["qty_max_lots"]), (&json!(7), &json!(7)));
        assert_eq!(told["old"]["notional_max_units"], "0");
        assert_eq!(told["new"], desk.row("accounts", 1)["limits"]);
        assert_eq!(told["new"]["notional_max_units"], "10000000000000000000000000");
        assert_rejected(&mut client, 1_000, 8, Reject::QtyOverAccountLimit).await;
        place(&mut client, 1).await;
        place(&mut client, 1).await;
        assert_rejected(&mut client, 1_000, 1, Reject::TooManyOpenOrders).await;
        desk.done(&["account", "limits", "1", "--open-orders-max", "0", "--market-open-orders-max", "3"]);
        place(&mut client, 1).await;
        assert_rejected(&mut client, 1_000, 1, Reject::TooManyOpenOrders).await;

        // The kill switch takes every order and refuses new ones.
        let told = desk.done(&["account", "kill", "1"]);
        assert_eq!((&told["killed"], &told["cancelled"]), (&json!(true), &json!(3)));
        assert_rejected(&mut client, 1_000, 1, Reject::AccountKilled).await;
        assert_eq!(desk.row("accounts", 1)["killed"], true);
        assert_eq!(desk.done(&["account", "release", "1"])["killed"], false);
        place(&mut client, 1).await;

        // Roles.
        let key = desk.traders[0].key.to_string();
        assert_eq!(desk.row("keys", desk.traders[0].key)["roles"], "read,trade");
        assert_eq!(desk.done(&["key", "roles", &key, "--roles", "admin,read"])["roles"], "read,admin");
        assert_rejected(&mut client, 1_000, 1, Reject::KeyNotAllowed).await;
        assert_eq!(desk.row("keys", desk.traders[0].key)["roles"], "read,admin");
        desk.done(&["key", "roles", &key, "--roles", "none"]);
        assert_eq!(desk.row("keys", desk.traders[0].key)["roles"], "none");
        // A key without a role has no session.
        let ended = loop {
            match client.next_event().await {
                Ok(_) => {}
                Err(error) => break error.to_string(),
            }
        };
        assert!(ended.contains("key_not_allowed"), "{ended}");
        desk.done(&["key", "roles", &key, "--roles", "trade"]);
        let mut client = Client::connect(client_of(&desk.traders[0], &[desk.node.gateway()])).await.unwrap();

        // Networks: all of them at once, none to clear.
        let networks = || desk.row("keys", desk.traders[0].key)["networks"].clone();
        assert_eq!(networks(), "any");
        let set = ["key", "networks", &key, "--allow", "127.0.0.0/8", "--allow", "2001:db8::/32"];
        assert_eq!(desk.done(&set)["networks"], "127.0.0.0/8,2001:db8::/32");
        assert_eq!(networks(), "127.0.0.0/8,2001:db8::/32");
        assert_has(&desk.said(&["list"]), &["networks 127.0.0.0/8,2001:db8::/32"]);
        desk.done(&["key", "networks", &key, "--allow", "127.0.0.1/32"]);
        assert_eq!(networks(), "127.0.0.1/32");
        assert_eq!(desk.done(&["key", "networks", &key])["networks"], "any");
        place(&mut client, 1).await;
        client.logout().await.unwrap();
    });
    let public = "ab".repeat(32);
    let create = ["key", "create", "payer", "--account", "2", "--public-key", &public, "--roles", "pay"];
    let key = desk.done(&create)["key"].as_u64().unwrap();
    let row = desk.row("keys", u32::try_from(key).unwrap());
    assert_eq!((&row["roles"], &row["account"], &row["name"]), (&json!("pay"), &json!(2), &json!("payer")));

    desk.done(&["account", "owner", "1", "77"]);
    desk.done(&["account", "tier", "1", "3"]);
    let told = desk.done(&["fee-tier", "set", "3", "--maker-fee-ppm", "-50", "--taker-fee-ppm", "150"]);
    assert_eq!((&told["maker_fee_ppm"], &told["taker_fee_ppm"]), (&json!(-50), &json!(150)));
    let row = desk.row("accounts", 1);
    assert_eq!((&row["owner"], &row["tier"], &row["killed"]), (&json!(77), &json!(3), &json!(false)));
    let row = desk.row("fee_tiers", 3);
    assert_eq!((&row["maker_fee_ppm"], &row["taker_fee_ppm"]), (&json!(-50), &json!(150)));
    assert_has(&desk.said(&["list"]), &["fee tiers", "owner 77", "limits:", "market_open_orders_max 3", "roles pay"]);
}

#[test]
fn money_is_held_settled_released_and_transferred_and_sql_has_every_unit() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::of(start_single(dir.path(), DurabilityName::Local), dir.path());
    let told = desk.money("hold", "1", "100.50", "hold-1");
    assert_eq!((&told["amount"], &told["units"]), (&json!("100.500000"), &json!("100500000")));
    desk.money("hold", "1", "50", "hold-2");
    desk.money("hold", "2", "7", "hold-3");
    let pending = desk.done(&["list"])["pending_withdrawals"].clone();
    assert_eq!(pending.as_array().unwrap().len(), 3);
    assert_eq!(pending[0], json!({ "reference": "hold-1", "account": 1, "asset": "USDT", "amount": "100.500000" }));
    assert_has(&desk.said(&["list"]), &["pending withdrawals", "reference hold-1", "amount 100.500000"]);
    let end = |which, account, reference| desk.done(&["money", which, "--account", account, "--reference", reference]);
    assert_eq!(end("settle", "1", "hold-1")["amount"], "100.500000");
    assert_eq!(end("release", "1", "hold-2")["reference"], "hold-2");
    assert!(end("settle", "1", "hold-1")["already_applied_at"].is_u64(), "settled once");
    let pending = desk.done(&["list"])["pending_withdrawals"].clone();
    assert_eq!((pending.as_array().unwrap().len(), &pending[0]["reference"]), (1, &json!("hold-3")));

    // A trade fills the fee pool: acme sells 1 BTC at 10.00 to zeta, who came first, and pays 1,000 ppm of the 10 USDT.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    desk.done(&["market", "set", "BTC-USDT", "--maker-fee-ppm", "200", "--taker-fee-ppm", "1000"]);
    runtime.block_on(async {
        let mut buyer = Client::connect(client_of(&desk.traders[1], &[desk.node.gateway()])).await.unwrap();
        assert!(matches!(order(&mut buyer, 1_000, 10_000).await, ReportBody::OrderAccepted { .. }));
        let mut seller = Client::connect(client_of(&desk.traders[0], &[desk.node.gateway()])).await.unwrap();
        let action = OrderAction::limit(
            MarketId::new(1),
            Side::Sell,
            TimeInForce::Ioc,
            Price::from_ticks(1_000),
            Qty::from_lots(10_000),
        );
        seller.submit(action).await.unwrap();
        seller.flush().await.unwrap();
        while !matches!(
            seller.next_event().await.unwrap(),
            ClientEvent::Report { report, .. } if matches!(report.body, ReportBody::Fill(_))
        ) {}
        buyer.logout().await.unwrap();
        seller.logout().await.unwrap();
    });
    let give = |from, to, amount, reference| {
        let to = ["money", "transfer", "--from", from, "--to", to, "--asset", "USDT", "--amount", amount];
        desk.done(&[&to[..], &["--reference", reference]].concat())
    };
    let told = give("fees", "2", "0.01", "sweep-1");
    assert_eq!((&told["from"], &told["to"], &told["amount"]), (&json!("fees"), &json!(2), &json!("0.010000")));
    assert_eq!(give("1", "2", "1000", "gift-1")["from"], 1);
    assert!(give("1", "2", "1000", "gift-1")["already_applied_at"].is_u64());

    // A business time of our own; the same reference with another one is still the same.
    let deposit = ["money", "deposit", "--account", "1", "--asset", "USDT", "--amount", "1", "--reference", "late"];
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let yesterday = (now - 86_400).to_string();
    assert_eq!(desk.done(&[&deposit[..], &["--at", &yesterday]].concat())["amount"], "1.000000");
    let today = (now - 60).to_string();
    assert!(desk.done(&[&deposit[..], &["--at", &today]].concat())["already_applied_at"].is_u64());
    assert_has(&desk.said(&deposit), &["already applied at sequence", "nothing was done again"]);
    desk.money("withdraw", "2", "5", "out-1");

    wait_for_sink(&mut desk.node);
    runtime.block_on(assert_sql(dir.path()));
}

/// By hand: what the walk above leaves, in smallest units of USDT.
async fn assert_sql(folder: &Path) {
    let url = format!("sqlite:{}?mode=ro", folder.join("tidegate.sqlite").display());
    let mut sql = SqliteConnection::connect(&url).await.unwrap();
    let lines = sqlx::query("SELECT account_id, delta FROM balance_changes WHERE asset_id = 2");
    let mut balances: BTreeMap<i64, i128> = BTreeMap::new();
    for row in lines.fetch_all(&mut sql).await.unwrap() {
        *balances.entry(row.get(0)).or_default() += row.get::<String, _>(1).parse::<i128>().unwrap();
    }
    let acme = 1_000_000_000_000 - 100_500_000 + 10_000_000 - 10_000 - 1_000_000_000 + 1_000_000;
    let zeta = 1_000_000_000_000 - 7_000_000 - 10_000_000 + 10_000 + 1_000_000_000 - 5_000_000;
    let outside = -2_000_000_000_000 - 1_000_000 + 100_500_000 + 5_000_000;
    let expected = BTreeMap::from([(1, acme), (2, zeta), (0, 0), (-1, outside), (-2, 7_000_000)]);
    assert_eq!(balances, expected);
    let rows = sqlx::query("SELECT reference, account_id, amount, state FROM withdrawals ORDER BY reference");
    let rows: Vec<(String, i64, String, String)> = rows
        .fetch_all(&mut sql)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    let row = |reference: &str, account, amount: &str, state: &str| {
        (reference.to_owned(), account, amount.to_owned(), state.to_owned())
    };
    let expected = [
        row("hold-1", 1, "100500000", "settled"),
        row("hold-2", 1, "50000000", "released"),
        row("hold-3", 2, "7000000", "held"),
    ];
    assert_eq!(rows, expected);
    let rows = sqlx::query("SELECT from_account_id, to_account_id, amount FROM internal_transfers ORDER BY sequence");
    let rows: Vec<(i64, i64, String)> =
        rows.fetch_all(&mut sql).await.unwrap().iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(rows, [(0, 2, "10000".to_owned()), (1, 2, "1000000000".to_owned())]);
}

#[test]
fn wrong_input_is_named_with_what_is_allowed_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::of(start_single(dir.path(), DurabilityName::Local), dir.path());
    let before = desk.done(&["list"]);
    let marks = desk.node.status(false).unwrap().watermarks.assigned_through;

    // Found before anything is sent.
    let set = |option, value, parts: &[&str]| desk.refused(&["market", "set", "BTC-USDT", option, value], parts);
    set("--price-max", "100.005", &["`price_max`", "`100.005`", "multiple", "step 0.01"]);
    set("--qty-min", "0.00015", &["`qty_min`", "multiple", "step 0.0001"]);
    set("--notional-min", "0.0000001", &["`notional_min`", "multiple", "step 0.000001"]);
    set("--price-max", "0", &["`price_max`", "allowed: 0.01 or more"]);
    set("--qty-max", "0", &["`qty_max`", "allowed: 0.0001 or more"]);
    set("--reference", "-1", &["`reference`", "`-1` is not a number"]);
    set("--price-max", "1000000000000000000", &["`price_max`", "too large"]);
    set("--maker-fee-ppm", "1000001", &["`maker_fee_ppm`", "`1000001`", "-1000000 to 1000000"]);
    set("--taker-fee-ppm", "-1", &["`taker_fee_ppm`", "`-1`", "0 to 1000000"]);
    set("--taker-fee-ppm", "a lot", &["`taker_fee_ppm`", "`a lot`", "0 to 1000000"]);
    set("--day-end-s", "86400", &["`day_end_s`", "0 to 86399"]);
    desk.refused(&["market", "set", "NOPE", "--qty-min", "1"], &["unknown_market", "No market"]);
    let fees = ["fee-tier", "set", "1", "--maker-fee-ppm"];
    desk.refused(&[&fees[..], &["0", "--taker-fee-ppm", "1000001"]].concat(), &["`taker_fee_ppm`", "0 to 1000000"]);
    let limit = ["account", "limits", "1", "--notional-max-units", "79228162514264337593543950336"];
    desk.refused(&limit, &["`notional_max_units`", "below 2^96"]);
    desk.refused(&["account", "limits", "99", "--open-orders-max", "1"], &["unknown_account", "No account"]);
    desk.refused(
        &["key", "roles", "1", "--roles", "read,root"],
        &["`roles`", "`read,root`", "read, trade, pay and admin"],
    );
    desk.refused(&["key", "roles", "99", "--roles", "read"], &["unknown_key", "No key"]);
    desk.refused(&["key", "networks", "99"], &["unknown_key", "No key"]);
    let allow = |network| ["key", "networks", "1", "--allow", network];
    desk.refused(&allow("10.0.0.1/8"), &["`networks`", "`10.0.0.1/8`", "behind its prefix"]);
    desk.refused(&allow("10.0.0.0/33"), &["`networks`", "`10.0.0.0/33`", "33 bits long; at most 32"]);
    desk.refused(&allow("everywhere"), &["`networks`", "`everywhere`", "such as 10.0.0.0/8"]);
    let four = ["1.0.0.0/8", "2.0.0.0/8", "3.0.0.0/8", "4.0.0.0/8"].map(|network| ["--allow", network]).concat();
    desk.refused(&[&["key", "networks", "1"][..], &four].concat(), &["`networks`", "are 4; allowed: up to 3"]);
    let public = "cd".repeat(32);
    let create = ["key", "create", "k", "--account", "1", "--public-key", &public, "--roles", ""];
    desk.refused(&create, &["`roles`", "joined by commas, or none"]);
    let money = |command, asset, amount, reference, at, parts: &[&str]| {
        let account = ["money", command, "--account", "1", "--asset", asset, "--amount", amount];
        desk.refused(&[&account[..], &["--reference", reference, "--at", at]].concat(), parts);
    };
    money("hold", "DOGE", "1", "r", "0", &["unknown_asset", "`asset`", "DOGE", "admin list"]);
    money("hold", "BTC", "0.000000001", "r", "0", &["`amount`", "8 decimal places"]);
    money("hold", "BTC", "1", "", "0", &["`reference`", "is empty"]);
    money("hold", "BTC", "1", "a-reference-that-has-33-characters", "0", &["`reference`", "32 bytes"]);
    money("deposit", "BTC", "1", "r", "yesterday", &["`at`", "`yesterday`", "RFC 3339", "seconds since 1970"]);
    let transfer = |from| {
        ["money", "transfer", "--from", from, "--to", "2", "--asset", "BTC", "--amount", "1", "--reference", "t"]
    };
    desk.refused(&transfer("0"), &["`from`", "`0`", "`fees`"]);
    desk.refused(&transfer("pool"), &["`from`", "`pool`", "`fees`"]);
    desk.refused(&["money", "settle", "--account", "1", "--reference", "a b"], &["`reference`", "printable ASCII"]);
    desk.refused(&["maintenance", "--in", "0"], &["`in_s`", "`0`", "1 to 604800 seconds"]);
    desk.refused(&["maintenance", "--in", "60", "--note", "caf\u{e9}"], &["`detail`", "printable ASCII"]);
    assert_eq!(desk.done(&["maintenance", "--in", "600", "--note", "upgrade"])["announced"], true);
    assert_eq!(desk.done(&["maintenance", "--off"])["announced"], false);
    assert_eq!(desk.node.status(false).unwrap().watermarks.assigned_through, marks, "nothing was sent");

    // Found by the engine: name and sentence.
    let catalogued = |arguments: &[&str], reject: Reject| {
        desk.refused(arguments, &[reject.as_str(), reject.sentence()]);
    };
    catalogued(&["market", "state", "NOPE", "closed"], Reject::UnknownMarket);
    let crossed = ["market", "set", "BTC-USDT", "--qty-min", "2", "--qty-max", "1"];
    catalogued(&crossed, Reject::QtyMinOverQtyMax);
    catalogued(&["account", "kill", "99"], Reject::UnknownAccount);
    catalogued(&["account", "tier", "99", "1"], Reject::UnknownAccount);
    catalogued(&["account", "owner", "99", "1"], Reject::UnknownAccount);
    catalogued(&["money", "settle", "--account", "1", "--reference", "nope"], Reject::UnknownReference);
    catalogued(&transfer("fees"), Reject::InsufficientFunds);
    let at =
        |at| ["money", "deposit", "--account", "1", "--asset", "BTC", "--amount", "1", "--reference", "r", "--at", at];
    catalogued(&at("2020-01-01T00:00:00Z"), Reject::ReferenceExpired);
    catalogued(&at("2400-01-01T00:00:00Z"), Reject::ReferenceInTheFuture);
    desk.money("hold", "1", "1", "held");
    desk.done(&["money", "release", "--account", "1", "--reference", "held"]);
    catalogued(&["money", "settle", "--account", "1", "--reference", "held"], Reject::WithdrawalDone);

    // Found by the command line itself.
    for (arguments, parts) in [
        (&["market", "state", "BTC-USDT", "shut"][..], &["shut", "post-only", "cancel-only"][..]),
        (&["market", "set", "BTC-USDT"], &["--taker-fee-ppm", "required"]),
        (&["account", "limits", "1"], &["--open-orders-max", "required"]),
        (&["account", "tier", "1", "256"], &["256", "0..=255"]),
        (&["fee-tier", "set", "0", "--maker-fee-ppm", "1", "--taker-fee-ppm", "1"], &["0 is not in 1..=255"]),
        (&["maintenance"], &["--in <SECONDS>", "required"]),
        (&["maintenance", "--in", "60", "--off"], &["--off", "cannot be used with"]),
    ] {
        let output = tidegate(&desk.arguments(arguments));
        assert_eq!(output.status.code(), Some(WRONG_USAGE));
        assert_has(&String::from_utf8(output.stderr).unwrap(), parts);
    }
    let after = desk.done(&["list"]);
    assert_eq!(before, after, "nothing changed");
}
