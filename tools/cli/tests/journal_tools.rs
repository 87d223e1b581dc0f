//! `tidegate journal`: each tool over the logs of real nodes, and what it says to wrong input.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::{
    Load, assert_digests_equal, assert_has, client_of, healthy, leads, place, program, seed, start_pair, start_single,
    tidegate,
};
use serde_json::Value;
use tidegate_cli::local::LocalNode;
use tidegate_client::Client;
use tidegate_node::config::DurabilityName;
use tidegate_node::{AdminRequest, NodeStatus};

/// Answers under load before a log is looked at.
const ANSWERS: u64 = 2_000;

/// A folder with a log in it, and how many commands it has.
struct Logs {
    _dir: tempfile::TempDir,
    data: PathBuf,
    last: u64,
    node: LocalNode,
}

/// A single node that traded for a while and was stopped in order.
fn traded() -> Logs {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Async);
    let (market, traders) = seed(&node, dir.path(), 2);
    let load = Load::start(&traders, market, &[node.gateway()], 1);
    load.wait_for_answers(ANSWERS);
    load.finish();
    // Something that rests at the end.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(client_of(&traders[0], &[node.gateway()])).await.unwrap();
        place(&mut client, market).await;
        client.logout().await.unwrap();
    });
    node.stop().unwrap();
    let data = node.data_dir().to_owned();
    let last = json(&["verify", "--data-dir", text(&data), "--json"])["last_sequence"].as_u64().unwrap();
    Logs { _dir: dir, data, last, node }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn journal(arguments: &[&str]) -> Output {
    tidegate(&[&["journal"], arguments].concat())
}

/// Runs a tool, wants an exit code, and gives standard output and standard error.
fn ends(code: i32, arguments: &[&str]) -> (String, String) {
    let output = journal(arguments);
    let (out, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}{out}");
    (out, error)
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&ends(0, arguments).0).unwrap()
}

/// One JSON object a line.
fn rows(arguments: &[&str]) -> Vec<Value> {
    ends(0, arguments).0.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A second folder with the same logs.
fn copy_of(data: &Path, to: &Path) -> PathBuf {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(data).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    to.to_owned()
}

fn flip(file: &Path, offset: u64) {
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

#[test]
fn a_log_is_listed_dumped_counted_and_exported() {
    let logs = traded();
    let (data, last) = (text(&logs.data), logs.last);

    let listed = json(&["ls", "--data-dir", data, "--json"]);
    let segments = listed.as_array().unwrap();
    assert_eq!((&segments[0]["first_sequence"], &segments[0]["number"]), (&Value::from(1), &Value::from(1)));
    let records: u64 = segments.iter().map(|segment| segment["records"].as_u64().unwrap()).sum();
    let open: Vec<_> = segments.iter().filter(|segment| segment["state"] == "open").collect();
    assert_eq!((records, open.len(), &open[0]["last_sequence"]), (last, 1, &Value::from(last)));
    assert_has(&ends(0, &["ls", "--data-dir", data]).0, &["journal-00000001.seg", "open", "4.0 MiB", "used B"]);

    let all = rows(&["dump", "--data-dir", data, "--json"]);
    assert_eq!(all.len() as u64, last);
    assert_eq!(
        (&all[0]["kind"], &all[0]["body"]["logic_version"]),
        (&"genesis".into(), &tidegate_domain::LOGIC_VERSION.into())
    );
    let some = rows(&["dump", "--data-dir", data, "--json", "--from", "5", "--to", "9", "--count", "3"]);
    assert_eq!(some, all[4..7]);
    let orders = rows(&["dump", "--data-dir", data, "--json", "--kind", "new_order"]);
    assert!(orders.len() > 1_000 && orders.iter().all(|order| order["body"]["price_ticks"].is_i64()));
    let by_name = rows(&["dump", "--data-dir", data, "--json", "--market", "BTC-USDT"]);
    assert_eq!(by_name, rows(&["dump", "--data-dir", data, "--json", "--market", "1"]));
    assert!(by_name.iter().any(|record| record["kind"] == "create_market"));
    assert!(by_name.len() > orders.len() && by_name.len() < all.len());
    let of_account = rows(&["dump", "--data-dir", data, "--json", "--account", "2"]);
    assert!(!of_account.is_empty() && of_account.iter().all(|record| record["account"] == 2));
    assert_eq!(of_account, all.iter().filter(|record| record["account"] == 2).cloned().collect::<Vec<_>>());
    let of_key = rows(&["dump", "--data-dir", data, "--json", "--key", "2", "--kind", "cancel_order"]);
    assert!(!of_key.is_empty() && of_key.iter().all(|record| record["key"] == 2));
    assert_has(
        &ends(0, &["dump", "--data-dir", data, "--count", "2"]).0,
        &["genesis", "take_lead", "open_orders_max="],
    );

    // A cancelled order: what created it and what was asked of it, by request; and in the events what became of it.
    let cancelled = of_key[0].clone();
    let created =
        orders.iter().find(|order| order["key"] == 2 && order["request"] == cancelled["body"]["order_request"]);
    let id = created.unwrap()["sequence"].to_string();
    let story = rows(&["dump", "--data-dir", data, "--json", "--order", &id]);
    assert_eq!((&story[0], story.contains(&cancelled)), (created.unwrap(), true));
    let told = rows(&["dump", "--data-dir", data, "--json", "--log", "events", "--order", &id]);
    assert_eq!(told[0]["kind"], "order_accepted");
    assert!(told.iter().all(|event| {
        ["order", "counter_order"].iter().any(|name| event["body"][*name] == created.unwrap()["sequence"])
    }));

    let stat = json(&["stat", "--data-dir", data, "--json"]);
    let kinds: u64 = stat["kinds"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!((kinds, &stat["last_sequence"]), (last, &last.into()));
    assert_eq!(stat["kinds"]["new_order"], orders.len());
    assert_eq!((&stat["epochs"][0]["epoch"], &stat["epochs"][0]["last_sequence"]), (&1.into(), &last.into()));
    assert_eq!(stat["commit_lag_records"]["at_end"], 0);
    let batches: u64 = stat["batch_sizes"].as_array().unwrap().iter().map(|row| row["batches"].as_u64().unwrap()).sum();
    assert_eq!(stat["batches"], batches);
    assert_has(
        &ends(0, &["stat", "--data-dir", data, "--log", "events"]).0,
        &["fill", "records/s", "epoch 1", "market"],
    );

    let csv = ends(0, &["export", "--data-dir", data, "--csv"]).0;
    let mut lines = csv.lines();
    let head = "sequence,time_ns,epoch,kind,key,account,request,market,order,side,order_type,time_in_force,price_ticks,\
                qty_lots,leaves_lots,asset,amount,reference,reason,body";
    assert_eq!((lines.next().unwrap(), lines.count() as u64), (head, last));
    let fills = ends(0, &["export", "--data-dir", data, "--csv", "--log", "events", "--kind", "fill"]).0;
    assert!(fills.lines().count() > 100 && fills.lines().skip(1).all(|line| line.contains(",fill,")));
    assert_eq!(rows(&["export", "--data-dir", data, "--jsonl"]), all);

    let tail = rows(&["tail", "--data-dir", data, "-n", "3", "--json"]);
    assert_eq!(tail, all[all.len() - 3..]);
    assert_eq!(rows(&["tail", "--data-dir", data, "-n", "2", "--log", "events", "--json"]).len(), 2);
}

#[test]
fn verification_says_good_torn_or_damaged_by_its_exit_code() {
    let logs = traded();
    let data = text(&logs.data);
    let both = json(&["verify", "--data-dir", data, "--log", "all", "--json"]);
    assert_eq!(both["journal"]["last_sequence"], logs.last);
    assert_eq!(both["journal"]["last_sequence"], both["events"]["last_sequence"]);
    assert!(both["journal"]["gigabytes_per_s"].as_f64().unwrap() > 0.0);
    assert_has(&ends(0, &["verify", "--data-dir", data, "--log", "all"]).0, &["journal: good", "events: good", "GB/s"]);
    let segment = logs.data.join("journal-00000001.seg");
    let used = json(&["ls", "--data-dir", data, "--json"])[0]["used_bytes"].as_u64().unwrap();
    // Left-overs that are no batch.
    let file = std::fs::File::options().write(true).open(&segment).unwrap();
    file.write_all_at(&[7; 64], used).unwrap();
    assert_has(&ends(3, &["verify", "--data-dir", data]).0, &["torn tail", &used.to_string()]);
    file.write_all_at(&[0; 64], used).unwrap();
    flip(&segment, 300);
    let (_, why) = ends(2, &["verify", "--data-dir", data, "--log", "all"]);
    assert_has(&why, &["journal-00000001.seg", "offset 0"]);
    for tool in ["ls", "dump", "stat", "replay", "tail"] {
        assert_has(&ends(2, &[tool, "--data-dir", data]).1, &["journal-00000001.seg", "damaged at offset"]);
    }
    // One that is missing its events is not damaged.
    std::fs::remove_file(logs.data.join("events-00000001.seg")).unwrap();
    for entry in std::fs::read_dir(&logs.data).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("events-") {
            std::fs::remove_file(path).unwrap();
        }
    }
    flip(&segment, 300);
    assert_has(&ends(0, &["verify", "--data-dir", data, "--log", "all"]).0, &["events: none here"]);
}

#[test]
fn wrong_input_is_named_and_never_an_empty_answer() {
    let logs = traded();
    let data = text(&logs.data);
    let empty = tempfile::tempdir().unwrap();
    for tool in [&["ls"][..], &["dump"], &["tail"], &["verify"], &["stat"], &["export", "--csv"], &["replay"]] {
        let in_folder = |folder| [tool, &["--data-dir", folder]].concat();
        assert_has(&ends(1, &in_folder("/nonexistent")).1, &["/nonexistent"]);
        if tool != ["ls"] {
            assert_has(&ends(1, &in_folder(text(empty.path()))).1, &["no journal segment is there"]);
        }
    }
    let dump = |arguments: &[&str]| ends(1, &[&["dump", "--data-dir", data], arguments].concat()).1;
    assert_has(&dump(&["--from", "9", "--to", "5"]), &["--from 9", "--to 5"]);
    assert_has(&dump(&["--from", "0"]), &["--from", "0"]);
    assert_has(&dump(&["--from", "99999999"]), &["99999999", &format!("ends at sequence {}", logs.last)]);
    assert_has(&dump(&["--market", "DOGE"]), &["--market DOGE", "no such market", "1 BTC-USDT"]);
    assert_has(&dump(&["--market", "77"]), &["--market 77", "no such market"]);
    assert_has(&dump(&["--order", "1"]), &["--order 1", "no such order"]);
    assert_has(&dump(&["--kind", "fill"]), &["--kind fill", "new_order"]);
    assert_has(&dump(&["--log", "nothing"]), &["nothing", "events"]);
    let replay = |arguments: &[&str]| ends(1, &[&["replay", "--data-dir", data], arguments].concat()).1;
    assert_has(&replay(&["--to", "99999999"]), &["99999999", "ends at sequence"]);
    assert_has(&replay(&["--account", "99"]), &["--account 99", "no such account"]);
    assert_has(&replay(&["--market", "DOGE"]), &["--market DOGE", "1 BTC-USDT"]);
    assert_has(&ends(1, &["export", "--data-dir", data]).1, &["--csv", "--jsonl"]);
    assert_has(&ends(1, &["diff", data, "/nonexistent"]).1, &["/nonexistent"]);

    // A foreign file under a segment's name, and one of another log.
    let foreign = copy_of(&logs.data, &empty.path().join("foreign"));
    std::fs::write(foreign.join("journal-00000001.seg"), "a letter").unwrap();
    assert_has(&ends(2, &["verify", "--data-dir", text(&foreign)]).1, &["journal-00000001.seg", "another file"]);
    std::fs::copy(logs.data.join("events-00000001.seg"), foreign.join("journal-00000001.seg")).unwrap();
    assert_has(&ends(2, &["verify", "--data-dir", text(&foreign)]).1, &["journal-00000001.seg", "the other log"]);
    assert_has(&ends(2, &["dump", "--data-dir", text(&foreign)]).1, &["the other log"]);
    std::fs::remove_file(foreign.join("journal-00000001.seg")).unwrap();
    std::fs::copy(logs.data.join("journal-00000001.seg"), foreign.join("journal-00000003.seg")).unwrap();
    let (_, why) = ends(2, &["verify", "--data-dir", text(&foreign)]);
    assert_has(&why, &["journal-0000000", "Nothing was changed"]);
}

#[test]
fn a_closed_pipe_ends_a_tool_quietly() {
    let logs = traded();
    for arguments in [&["dump"][..], &["export", "--jsonl"], &["dump", "--log", "events"]] {
        let mut child = Command::new(program())
            .arg("journal")
            .args(arguments)
            .args(["--data-dir", text(&logs.data)])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::with_capacity(64, child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        drop(out);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert!(!line.is_empty());
    }
}

#[test]
fn tail_follows_a_running_node_from_where_it_began() {
    let dir = tempfile::tempdir().unwrap();
    let node = start_single(dir.path(), DurabilityName::Async);
    // Answered, so released: nothing is under way when the tail begins.
    let before = node.ask(&AdminRequest::CreateAccount { name: "before".to_owned() }).unwrap();
    let before = before["at"]["sequence"].as_u64().unwrap();
    let follow = |log: &str, count: &str| {
        let arguments = ["journal", "tail", "-f", "-n", "1", "--count", count, "--json", "--log", log, "--data-dir"];
        let child = Command::new(program()).args(arguments).arg(node.data_dir()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        // It follows as soon as it has printed what there was.
        out.read_line(&mut first).unwrap();
        (child, out, first)
    };
    let (mut commands, mut events) = (follow("journal", "6"), follow("events", "4"));
    for n in 0..6 {
        node.ask(&AdminRequest::CreateAccount { name: format!("account-{n}") }).unwrap();
    }
    for (child, out, first) in [&mut commands, &mut events] {
        let first: Value = serde_json::from_str(first).unwrap();
        assert_eq!(first["sequence"], before);
        let rest: Vec<Value> = out.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        assert!(rest.iter().zip(before + 1..).all(|(record, sequence)| record["sequence"] == sequence), "{rest:?}");
        assert!(rest.iter().all(|record| record["body"]["name"].as_str().unwrap().starts_with("account-")));
        assert!(child.wait().unwrap().success());
        assert!(rest.len() == 5 || rest.len() == 3);
    }
    // Without --count, until Ctrl-C.
    let (mut child, out, _) = follow("journal", "1000");
    // SAFETY: a plain system call on a child that has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    assert!(child.wait().unwrap().success());
    assert_eq!(out.lines().count(), 0);
}

#[test]
fn replay_gives_the_state_of_the_node_at_any_sequence() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Async);
    let (market, traders) = seed(&node, dir.path(), 2);
    let load = Load::start(&traders, market, &[node.gateway()], 3);
    load.wait_for_answers(ANSWERS);
    load.finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(client_of(&traders[1], &[node.gateway()])).await.unwrap();
        for _ in 0..3 {
            place(&mut client, market).await;
        }
        client.logout().await.unwrap();
    });
    let digest = node.status(true).unwrap().digest.unwrap();
    let data = node.data_dir().to_owned();
    let at = digest.sequence.to_string();
    // Beside the running node.
    let state = json(&["replay", "--data-dir", text(&data), "--to", &at, "--json"]);
    assert_eq!((&state["digest"], &state["sequence"]), (&digest.digest.into(), &digest.sequence.into()));
    assert_eq!(state["counts"]["open_orders"], 3);
    let book = &state["markets"][0];
    assert_eq!((&book["name"], &book["asks"]), (&"BTC-USDT".into(), &Value::Array(vec![])));
    assert_eq!(book["bids"].to_string(), r#"[{"price_ticks":1000,"qty_lots":3,"orders":3}]"#);
    let orders = state["orders"].as_array().unwrap();
    assert!(orders.len() == 3 && orders.iter().all(|order| order["account"] == traders[1].account));
    // Money is where deposits and fees say.
    for (asset, deposited) in
        state["assets"].as_array().unwrap().iter().zip([2_000_u128 * 100_000_000, 20_000_000 * 1_000_000])
    {
        let number = |value: &Value| value.as_str().unwrap().parse::<u128>().unwrap();
        let balances = state["balances"].as_array().unwrap().iter().filter(|row| row["asset"] == asset["asset"]);
        let sum: u128 = balances
            .map(|row| ["available", "held", "pending"].map(|name| number(&row[name])).iter().sum::<u128>())
            .sum();
        assert_eq!((sum + number(&asset["fees"]), number(&asset["deposited"])), (deposited, deposited));
    }
    let of_one = json(&[
        "replay",
        "--data-dir",
        text(&data),
        "--to",
        &at,
        "--json",
        "--account",
        &traders[0].account.to_string(),
    ]);
    assert_eq!((&of_one["orders"], &of_one["digest"]), (&Value::Array(vec![]), &state["digest"]));
    assert!(of_one["balances"].as_array().unwrap().iter().all(|row| row["account"] == traders[0].account));
    let early = json(&["replay", "--data-dir", text(&data), "--to", "2", "--json"]);
    assert_eq!((&early["sequence"], &early["counts"]["markets"]), (&2.into(), &0.into()));
    let shown = ends(0, &["replay", "--data-dir", text(&data), "--to", &at, "--market", "BTC-USDT"]).0;
    assert_has(&shown, &["digest", "M commands/s", "BTC-USDT", "available", "1000"]);
    node.stop().unwrap();
}

#[test]
fn diff_finds_the_record_where_two_logs_part() {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = start_pair(dir.path());
    let (market, traders) = seed(&nodes[0], dir.path(), 2);
    let load = Load::start(&traders, market, &[nodes[0].gateway()], 5);
    load.wait_for_answers(ANSWERS);
    load.finish();
    nodes[0].wait_for("the pair is complete", healthy).unwrap();
    assert_digests_equal(&nodes);
    let through = nodes[0].status(false).unwrap().watermarks.published_through;
    nodes[0].stop().unwrap();
    nodes[1].stop().unwrap();
    let (one, other) = (nodes[0].data_dir().to_owned(), nodes[1].data_dir().to_owned());
    let (one, other) = (text(&one), text(&other));
    // Not the same batches, not the same addresses: the same records.
    let verdict = json(&["diff", one, other, "--json"]);
    assert_eq!((&verdict["verdict"], verdict["last_sequence"].as_u64().unwrap() >= through), (&"same".into(), true));
    // Nor when: a standby that stops may have heard of fewer releases than its primary, and of no others.
    let events = journal(&["diff", one, other, "--log", "events", "--json"]);
    let verdict: Value = serde_json::from_slice(&events.stdout).unwrap();
    assert!(verdict["records"].as_u64().unwrap() > ANSWERS);
    assert!(events.status.code() == Some(0) || verdict["prefix"] == other, "{verdict}");

    // The same journal with another record in it: damage that was made whole again is not found by checksums.
    let forged = dir.path().join("forged");
    std::fs::create_dir(&forged).unwrap();
    let at = through / 2;
    rewrite(Path::new(one), &forged, |sequence, record| {
        if sequence == at {
            record[16] ^= 1;
        }
        true
    });
    let (shown, _) = ends(2, &["diff", one, text(&forged)]);
    assert_has(&shown, &[&format!("different at sequence {at}"), "* request"]);
    assert_eq!(shown.lines().filter(|line| line.starts_with('*')).count(), 1, "{shown}");
    let value: Value = serde_json::from_str(&ends(2, &["diff", one, text(&forged), "--json"]).0).unwrap();
    assert_eq!((&value["sequence"], &value["fields"]), (&at.into(), &serde_json::json!(["request"])));
    assert_ne!(value["a"]["request"], value["b"]["request"]);

    let shorter = dir.path().join("shorter");
    std::fs::create_dir(&shorter).unwrap();
    rewrite(Path::new(one), &shorter, |sequence, _| sequence <= at);
    assert_has(&ends(3, &["diff", one, text(&shorter)]).0, &["shorter is a prefix of", &format!("last sequence {at}")]);
    // Damage is not a difference.
    flip(&shorter.join("journal-00000001.seg"), 300);
    assert_has(&ends(1, &["diff", one, text(&shorter)]).1, &["cannot compare", "journal-00000001.seg"]);
}

/// A journal with the records that `change` lets pass, as it left them.
fn rewrite(from: &Path, to: &Path, mut change: impl FnMut(u64, &mut [u8; 128]) -> bool) {
    use tidegate_domain::{CommandRecord, Sequence};
    use tidegate_journal::{LogConfig, LogKind, open_journal, scan};
    let (mut records, mut cluster) = (Vec::new(), None);
    scan(
        from,
        LogKind::Journal,
        |_, _| {},
        |batch, bytes| {
            cluster = Some(batch.cluster);
            for bytes in bytes.chunks_exact(128) {
                let mut bytes: [u8; 128] = bytes.try_into().unwrap();
                let sequence = CommandRecord::from_bytes(bytes).sequence().raw();
                if change(sequence, &mut bytes) {
                    records.push(CommandRecord::from_bytes(bytes));
                }
            }
            true
        },
    )
    .unwrap();
    let config = LogConfig::new(to, cluster.unwrap(), 4 << 20);
    open_journal(&config).unwrap().writer.append(&records, Sequence::ZERO).unwrap();
}

#[test]
fn a_cut_needs_the_operators_word_and_leaves_a_node_that_starts() {
    let mut logs = traded();
    let (data, at) = (logs.data.clone(), logs.last - 700);
    let data = text(&data);
    let at_text = at.to_string();
    let wanted = json(&["replay", "--data-dir", data, "--to", &at_text, "--json"])["digest"].clone();
    let before = rows(&["dump", "--data-dir", data, "--json"]);
    let cut = |code, more: &[&str]| ends(code, &[&["cut", "--data-dir", data, "--at", &at_text], more].concat());
    assert_has(&cut(1, &[]).1, &["loses 700 records", "700 of them", "were released", "--accept-loss"]);
    assert_has(&cut(1, &["--accept-loss"]).1, &["nobody is there to ask", &format!("--type {at}")]);
    assert_has(&cut(1, &["--accept-loss", "--type", "7"]).1, &["`7` is not", "nothing was changed"]);
    let beyond = (logs.last + 1).to_string();
    assert_has(&ends(1, &["cut", "--data-dir", data, "--at", &beyond, "--accept-loss"]).1, &["goes from 1 to"]);
    let end = logs.last.to_string();
    assert_has(&ends(1, &["cut", "--data-dir", data, "--at", &end, "--accept-loss"]).1, &["nothing to cut"]);
    assert_eq!(rows(&["dump", "--data-dir", data, "--json"]), before, "nothing changed");

    logs.node.config.sql = None;
    logs.node.write_config().unwrap();
    logs.node.start().unwrap();
    logs.node.wait_for("it leads", leads).unwrap();
    let pid = logs.node.pid().unwrap().to_string();
    assert_has(&cut(1, &["--accept-loss", "--type", &at_text]).1, &["journal.lock", &pid, "stop it first"]);
    logs.node.stop().unwrap();

    let done = cut(0, &["--accept-loss", "--type", &at_text, "--json"]).0;
    let done: Value = serde_json::from_str(&done).unwrap();
    assert_eq!(done["last_sequence"], at);
    assert!(done["lost_records"].as_u64().unwrap() > 700, "the node's start is one more");
    let discarded = std::fs::read(done["discarded_file"].as_str().unwrap()).unwrap();
    let head = String::from_utf8_lossy(&discarded[..400.min(discarded.len())]).into_owned();
    assert_has(&head, &["tidegate journal cut", &format!("cut after sequence: {at}"), "part: journal-0000000"]);
    assert!(discarded.len() as u64 > done["discarded_bytes"].as_u64().unwrap());
    assert!(done["discarded_bytes"].as_u64().unwrap() > 700 * 128);
    assert_eq!(rows(&["dump", "--data-dir", data, "--json"]), before[..at as usize]);
    let state = json(&["replay", "--data-dir", data, "--json"]);
    assert_eq!((&state["digest"], &state["sequence"]), (&wanted, &at.into()));
    let both = json(&["verify", "--data-dir", data, "--log", "all", "--json"]);
    assert_eq!(both["journal"]["committed_through"], at);
    assert!(both["events"]["last_sequence"].as_u64().unwrap() <= at);

    logs.node.start().unwrap();
    let goes_on = |status: &NodeStatus| leads(status) && status.watermarks.published_through > at;
    logs.node.wait_for("it leads again and goes on", goes_on).unwrap();
    logs.node.ask(&AdminRequest::CreateAccount { name: "after-the-cut".to_owned() }).unwrap();
    logs.node.stop().unwrap();
    ends(0, &["verify", "--data-dir", data, "--log", "all"]);
}

#[test]
fn a_backup_of_a_node_under_load_restores_to_a_prefix_with_the_same_state() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Local);
    let (market, traders) = seed(&node, dir.path(), 2);
    let load = Load::start(&traders, market, &[node.gateway()], 9);
    load.wait_for_answers(500);
    let data = node.data_dir().to_owned();
    let to = dir.path().join("backup");
    let mut taken = Vec::new();
    for n in 0..3 {
        let to = to.join(n.to_string());
        let manifest = json(&["backup", "--data-dir", text(&data), "--to", text(&to), "--json"]);
        load.wait_for_answers(300);
        taken.push((to, manifest));
    }
    load.finish();
    node.stop().unwrap();
    let mut sequences = Vec::new();
    for (n, (backup, manifest)) in taken.iter().enumerate() {
        let restored = dir.path().join(format!("restored-{n}"));
        if n == 1 {
            // Empty is as good as not there.
            std::fs::create_dir(&restored).unwrap();
        }
        let said = ends(0, &["restore", "--from", text(backup), "--data-dir", text(&restored)]).0;
        let last = manifest["last_sequence"].as_u64().unwrap();
        assert_has(&said, &["restored into", &format!("journal through {last}")]);
        ends(0, &["verify", "--data-dir", text(&restored), "--log", "all"]);
        for log in ["journal", "events"] {
            let verdict = ends(3, &["diff", text(&restored), text(&data), "--log", log, "--json"]).0;
            let verdict: Value = serde_json::from_str(&verdict).unwrap();
            assert_eq!(verdict["prefix"], text(&restored));
        }
        let state = json(&["replay", "--data-dir", text(&restored), "--json"]);
        let original = json(&["replay", "--data-dir", text(&data), "--to", &last.to_string(), "--json"]);
        assert_eq!((&state["sequence"], &state["digest"]), (&last.into(), &original["digest"]));
        sequences.push(last);
    }
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "under load: {sequences:?}");

    // A node goes on from the newest one.
    node.config.node.data_dir = dir.path().join("restored-2");
    node.config.sql = None;
    node.write_config().unwrap();
    node.start().unwrap();
    node.wait_for("the restored node leads", leads).unwrap();
    node.ask(&AdminRequest::CreateAccount { name: "after-it".to_owned() }).unwrap();
    node.stop().unwrap();

    // What is not a backup, or not an empty folder, is refused.
    let (backup, _) = &taken[0];
    let (from, restored) = (text(backup), dir.path().join("restored-0"));
    assert_has(&ends(1, &["restore", "--from", from, "--data-dir", text(&restored)]).1, &["restored-0", "not empty"]);
    assert_has(&ends(1, &["backup", "--data-dir", text(&data), "--to", from]).1, &["not empty"]);
    let fresh = dir.path().join("fresh");
    let fresh = text(&fresh);
    assert_has(&ends(1, &["restore", "--from", text(&data), "--data-dir", fresh]).1, &["backup.json", "no backup"]);
    flip(&backup.join("journal-00000001.seg"), 5_000);
    let (_, why) = ends(2, &["restore", "--from", from, "--data-dir", fresh]);
    assert_has(&why, &["journal-00000001.seg", "not what the manifest says"]);
    assert!(!Path::new(fresh).exists() && !dir.path().join("fresh.restoring").exists());
    let manifest = backup.join("backup.json");
    let escaped = std::fs::read_to_string(&manifest).unwrap().replace("node.state", "../node.state");
    std::fs::write(&manifest, escaped).unwrap();
    assert_has(&ends(2, &["restore", "--from", from, "--data-dir", fresh]).1, &["../node.state", "no file of a data"]);
    std::fs::write(&manifest, "{\"format\": 2}").unwrap();
    assert_has(&ends(2, &["restore", "--from", from, "--data-dir", fresh]).1, &["format 2"]);
}
