//! What an operator does and does wrong, with real processes: each mistake gets a message that says what to do, and
//! changes nothing.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{
    assert_has, client_of, healthy, leads, place, plan, promote, refused, seed, start_pair, start_single, tidegate,
};
use tidegate_client::{Client, ClientEvent};
use tidegate_node::config::{DurabilityName, HttpSection};
use tidegate_node::status::NodeState;
use tidegate_node::{AdminRequest, MoneyRequest, Role};
use tidegate_wire::{OrderAction, ReportBody};

#[test]
fn a_wrong_configuration_is_refused_with_the_field_its_value_and_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let node = plan(dir.path(), 2, DurabilityName::Replicated).write().unwrap().remove(0);
    let file = node.config_file().to_str().unwrap().to_owned();
    let good = std::fs::read_to_string(&file).unwrap();
    assert!(tidegate(&["check-config", &file]).status.success());
    for (from, to, parts) in [
        ("role = \"primary\"", "role = \"leader\"", ["leader", "primary", "standby"]),
        ("segment_mib = 4", "segment_mib = 0", ["journal.segment_mib", "`0`", "1 to 1024"]),
        ("segment_mib = 4", "segment_mb = 4", ["segment_mb", "unknown field", "segment_mib"]),
        ("durability = \"replicated\"", "durability = \"sync\"", ["sync", "replicated", "local"]),
        ("inbox_slots = 8192", "inbox_slots = \"many\"", ["inbox_slots", "many", "expected"]),
        ("command_ring_slots = 16384", "command_ring_slots = 1000", ["command_ring_slots", "1000", "power of two"]),
        (
            "session_grace_ms = 10000",
            "session_grace_ms = 99",
            ["order_entry.session_grace_ms", "`99`", "100 to 600000"],
        ),
        ("threads = 1", "threads = 65", ["order_entry.threads", "`65`", "1 to 64"]),
        ("sessions_max = 4096", "sessions_max = 0", ["order_entry.limits.sessions_max", "`0`", "1 to 65536"]),
        (
            "address_logons_per_second = 10",
            "address_logons_per_second = 0",
            ["order_entry.limits.address_logons_per_second", "`0`", "1 to 100000"],
        ),
        ("keep = 2", "keep = 1", ["snapshots.keep", "`1`", "2 to 1000"]),
        ("peer_node = 2", "peer_node = 1", ["replication.peer_node", "`1`", "another number"]),
    ] {
        assert!(good.contains(from), "{from}");
        std::fs::write(&file, good.replace(from, to)).unwrap();
        assert_has(&refused(&["check-config", &file]), &parts);
        assert_has(&refused(&["node", "--config", &file]), &parts);
    }
    assert_has(&refused(&["node", "--config", "/nonexistent.toml"]), &["/nonexistent.toml", "cannot read"]);
}

#[test]
fn the_operators_door_is_on_this_machine_and_not_the_public_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = plan(dir.path(), 1, DurabilityName::Local).write().unwrap().remove(0);
    let file = node.config_file().to_str().unwrap().to_owned();
    let mut check = |listen: &str, operator: &str| {
        let (listen, operator_listen) = (listen.parse().unwrap(), Some(operator.parse().unwrap()));
        node.config.http = Some(HttpSection { listen, operator_listen });
        node.write_config().unwrap();
        tidegate(&["check-config", &file])
    };
    for (listen, operator) in
        [("0.0.0.0:8001", "127.0.0.1:8101"), ("[::]:8001", "[::1]:8101"), ("127.0.0.1:0", "127.0.0.1:0")]
    {
        assert!(check(listen, operator).status.success(), "{listen} {operator}");
    }
    for (operator, allowed) in [
        ("0.0.0.0:8101", "an address of this machine alone"),
        ("[::]:8101", "an address of this machine alone"),
        ("10.0.0.7:8101", "ssh -L"),
        ("127.0.0.1:8001", "another address than http.listen"),
    ] {
        let output = check("127.0.0.1:8001", operator);
        assert!(!output.status.success());
        assert_has(&String::from_utf8(output.stderr).unwrap(), &["http.operator_listen", operator, allowed]);
    }
}

#[test]
fn key_files_that_others_can_read_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let node = plan(dir.path(), 2, DurabilityName::Replicated).write().unwrap().remove(0);
    let key = dir.path().join("keys/node-1.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let message = refused(&["node", "--config", node.config_file().to_str().unwrap()]);
    assert_has(&message, &["node-1.key", "644", "chmod 600"]);
    let client = dir.path().join("client.key");
    let client = client.to_str().unwrap();
    assert!(tidegate(&["keygen", "client", "--out", client]).status.success());
    assert_has(&refused(&["keygen", "client", "--out", client]), &[client, "exists"]);
}

#[test]
fn admin_mistakes_are_named_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let node = start_single(dir.path(), DurabilityName::Local);
    let (_, traders) = seed(&node, dir.path(), 1);
    let data = node.data_dir().to_str().unwrap();
    let account = traders[0].account.to_string();
    let admin = |arguments: &[&str]| refused(&[&["admin", "--data-dir", data], arguments].concat());
    let before = tidegate(&["admin", "--data-dir", data, "list"]).stdout;
    assert_has(&admin(&["asset", "create", "BTC", "--decimals", "8"]), &["name_taken"]);
    assert_has(&admin(&["asset", "create", "a b", "--decimals", "8"]), &["`name`", "printable ASCII"]);
    assert_has(&admin(&["asset", "create", "X", "--decimals", "31"]), &["decimals_too_many", "30"]);
    let deposit = |asset, amount, reference, account| {
        admin(&[
            "money",
            "deposit",
            "--account",
            account,
            "--asset",
            asset,
            "--amount",
            amount,
            "--reference",
            reference,
        ])
    };
    assert_has(&deposit("DOGE", "1", "r", &account), &["`asset`", "DOGE", "admin list"]);
    assert_has(&deposit("BTC", "0.000000001", "r", &account), &["`amount`", "8 decimal places"]);
    assert_has(&deposit("BTC", "-1", "r", &account), &["`amount`", "-1"]);
    assert_has(&deposit("BTC", "0", "r", &account), &["amount_zero"]);
    assert_has(&deposit("BTC", "1", "r", "99"), &["unknown_account"]);
    assert_has(&deposit("BTC", "1", &format!("seed-{account}-BTC"), &account), &["reference_reused"]);
    let withdraw =
        ["money", "withdraw", "--account", &account, "--asset", "BTC", "--amount", "1000.00000001", "--reference", "w"];
    assert_has(&admin(&withdraw), &["insufficient_funds"]);
    let market = ["market", "create", "M", "--base", "BTC", "--quote", "USDT", "--tick", "0.001", "--lot", "0.0001"];
    assert_has(&admin(&market), &["`tick`", "whole number", "USDT"]);
    assert_has(&admin(&["market", "state", "NOPE", "halted"]), &["unknown_market"]);
    assert_has(
        &admin(&["key", "create", "k", "--account", "1", "--public-key", "zz"]),
        &["`public_key`", "64 hexadecimal"],
    );
    assert_eq!(before, tidegate(&["admin", "--data-dir", data, "list"]).stdout, "nothing changed");
    // The same deposit again is answered, not applied.
    let again = node
        .ask(&AdminRequest::Deposit(MoneyRequest {
            account: traders[0].account,
            asset: "BTC".to_owned(),
            amount: "1000".to_owned(),
            reference: format!("seed-{account}-BTC"),
            at: None,
        }))
        .unwrap();
    assert!(again["already_applied_at"].is_u64());
    assert_has(&refused(&["status", "--data-dir", "/nonexistent"]), &["no node answers", "--data-dir"]);
}

#[test]
fn sigterm_drains_and_leaves_a_journal_that_verifies_to_its_last_command() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Local);
    seed(&node, dir.path(), 2);
    node.stop().unwrap();
    let data = node.data_dir().to_str().unwrap();
    let output = tidegate(&["journal", "verify", "--data-dir", data, "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["last_sequence"], report["committed_through"], "{report}");
    assert_eq!(report["torn_tail"], serde_json::Value::Null);
    let dump = tidegate(&["journal", "dump", "--data-dir", data, "--count", "2"]);
    assert_has(&String::from_utf8(dump.stdout).unwrap(), &["genesis", "take_lead"]);
    let dump = tidegate(&["journal", "dump", "--data-dir", data, "--log", "events", "--json"]);
    assert!(String::from_utf8(dump.stdout).unwrap().lines().count() > 8);
    assert!(!node.data_dir().join("admin.sock").exists());
}

#[test]
fn the_grace_time_of_the_configuration_is_in_the_journal_at_every_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = plan(dir.path(), 1, DurabilityName::Local).write().unwrap().remove(0);
    for grace_ms in [10_000, 2_500] {
        node.config.order_entry.session_grace_ms = grace_ms;
        node.write_config().unwrap();
        node.start().unwrap();
        node.wait_for("the node leads", leads).unwrap();
        node.stop().unwrap();
    }
    let dump = tidegate(&["journal", "dump", "--data-dir", node.data_dir().to_str().unwrap()]);
    let dump = String::from_utf8(dump.stdout).unwrap();
    let starts: Vec<_> = dump.lines().filter(|line| line.contains("take_lead")).collect();
    assert_eq!(starts.len(), 2, "{dump}");
    assert_has(starts[0], &["session_grace_ms=10000"]);
    assert_has(starts[1], &["session_grace_ms=2500"]);
}

#[test]
fn damage_in_the_middle_of_a_journal_stops_the_start_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Local);
    seed(&node, dir.path(), 2);
    node.stop().unwrap();
    let segment = node.data_dir().join("journal-00000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[300] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let message = refused(&["node", "--config", node.config_file().to_str().unwrap()]);
    assert_has(&message, &["journal-00000001.seg", "offset 0", "after sequence 0", "Nothing was changed"]);
    let message = refused(&["journal", "verify", "--data-dir", node.data_dir().to_str().unwrap()]);
    assert_has(&message, &["journal-00000001.seg", "offset 0"]);
}

#[test]
fn a_primary_without_its_standby_holds_answers_back_until_the_operator_decides() {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = start_pair(dir.path());
    let (market, traders) = seed(&nodes[0], dir.path(), 1);
    // A standby knows who leads: the client finds its way there.
    let config = client_of(&traders[0], &[nodes[1].gateway(), nodes[0].gateway()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(config).await.unwrap();
        assert!(!place(&mut client, market).await);
        let refusal = nodes[1].ask(&AdminRequest::Promote { force: false }).unwrap_err();
        assert_has(&refusal, &["primary_alive", "--force"]);
        let kill = AdminRequest::SetKillSwitch { account: 1, engaged: true };
        let rules = [("qty_min".to_owned(), "1".to_owned())].into();
        let set = AdminRequest::SetMarketRules { market: "BTC-USDT".to_owned(), rules };
        for request in [kill, set] {
            assert_has(&nodes[1].ask(&request).unwrap_err(), &["not_primary"]);
        }
        nodes[1].kill();
        let waiting = place(&mut client, market);
        let mut waiting = Box::pin(waiting);
        // The node says that it is blocked while the order waits for its answer.
        let blocked = tokio::task::spawn_blocking({
            let data = nodes[0].data_dir().to_owned();
            move || loop {
                let status = tidegate_cli::operator::node_status(&data, false).unwrap();
                if status.state == NodeState::Blocked
                    && status.watermarks.matched_through > status.watermarks.published_through
                {
                    return status;
                }
            }
        });
        let status = tokio::select! {
            _ = &mut waiting => panic!("an order was acknowledged without the standby"),
            status = blocked => status.unwrap(),
        };
        assert_has(&status.message, &["durability set local"]);
        let refusal = nodes[0].ask(&AdminRequest::SetDurability { durability: DurabilityName::Replicated });
        assert_has(&refusal.unwrap_err(), &["no_standby"]);
        nodes[0].ask(&AdminRequest::SetDurability { durability: DurabilityName::Local }).unwrap();
        assert!(waiting.await, "what is released now is flagged");
        assert_eq!(nodes[0].status(false).unwrap().state, NodeState::Degraded);
        // The standby comes back with its own folder and catches up; then the operator goes back to two nodes.
        nodes[1].start().unwrap();
        nodes[0]
            .wait_for("the standby is back", |status| status.peer.as_ref().is_some_and(|peer| peer.caught_up))
            .unwrap();
        nodes[0].ask(&AdminRequest::SetDurability { durability: DurabilityName::Replicated }).unwrap();
        assert!(!place(&mut client, market).await);
        client.logout().await.unwrap();
    });
    nodes[0].wait_for("the pair is complete", healthy).unwrap();
    for node in &mut nodes {
        node.stop().unwrap();
    }
}

#[test]
fn a_former_primary_neither_serves_nor_follows_with_its_old_folder() {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = start_pair(dir.path());
    seed(&nodes[0], dir.path(), 1);
    nodes[0].kill();
    promote(&nodes[1]);
    // As primary: it learns of the higher epoch and ends with the code that says "do not restart me".
    nodes[0].start().unwrap();
    let ended = loop {
        if let Some(ended) = nodes[0].has_exited() {
            break ended;
        }
        std::thread::yield_now();
    };
    assert_eq!(ended.code(), Some(tidegate_node::EXIT_FENCED), "{}", nodes[0].log_tail());
    nodes[0].kill();
    // Not even when nobody is there to tell it.
    nodes[1].stop().unwrap();
    let message = refused(&["node", "--config", nodes[0].config_file().to_str().unwrap()]);
    assert_has(&message, &["led epoch 1", "another node leads since epoch 2"]);
    // As standby: its folder was a leader's.
    nodes[0].config.node.role = Role::Standby;
    nodes[0].write_config().unwrap();
    let message = refused(&["node", "--config", nodes[0].config_file().to_str().unwrap()]);
    assert_has(&message, &["was a leader's", "empty"]);
    assert!(Path::new(nodes[0].data_dir()).join("journal-00000001.seg").exists(), "nothing was removed");
}

#[test]
fn a_second_node_in_the_same_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let node = start_single(dir.path(), DurabilityName::Async);
    let message = refused(&["node", "--config", node.config_file().to_str().unwrap()]);
    assert_has(&message, &["journal.lock", &node.pid().unwrap().to_string(), "stop it first"]);
}

#[test]
fn a_cancel_all_of_more_orders_than_the_rings_hold_ends_and_loses_nothing() {
    const ORDERS: u64 = 400;
    let dir = tempfile::tempdir().unwrap();
    let mut node = plan(dir.path(), 1, DurabilityName::Local).write().unwrap().remove(0);
    node.config.pipeline.command_ring_slots = 64;
    node.config.pipeline.event_ring_slots = 64;
    node.config.pipeline.inbox_slots = 64;
    node.write_config().unwrap();
    node.start().unwrap();
    node.wait_for("the node leads", leads).unwrap();
    let (market, traders) = seed(&node, dir.path(), 1);
    let config = client_of(&traders[0], &[node.gateway()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(config).await.unwrap();
        for _ in 0..ORDERS {
            place(&mut client, market).await;
        }
        let all = client.submit(OrderAction::CancelAll(tidegate_domain::CancelFilter::default())).await.unwrap();
        client.flush().await.unwrap();
        let mut cancelled = 0;
        loop {
            if let ClientEvent::Report { report, .. } = client.next_event().await.unwrap() {
                match report.body {
                    ReportBody::OrderCancelled { .. } => cancelled += 1,
                    ReportBody::CancelAllDone { cancelled: done } => {
                        assert_eq!((report.request, cancelled, done), (all, ORDERS, ORDERS));
                        break;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        client.logout().await.unwrap();
    });
    node.stop().unwrap();
}
