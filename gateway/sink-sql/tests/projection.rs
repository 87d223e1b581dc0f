//! What is in the database after a random flow, against the engine that made the events.
#![allow(clippy::unwrap_used)]

mod flow;
mod run;

use std::collections::BTreeMap;

use run::{Reader, fill_log, project};
use tidegate_domain::*;
use tidegate_sink::{SinkProgress, run_sink};
use tidegate_sink_sql::SqlSink;

#[tokio::test]
async fn the_tables_are_what_the_engine_did() {
    let dir = tempfile::tempdir().unwrap();
    let (flow, events) = flow::events(11, 12_000);
    let log = fill_log(dir.path(), &events);
    let file = dir.path().join("sink.sqlite");
    project(&log.log, &file, 1).await.unwrap();
    let mut db = Reader::open(&file).await;

    let fills = events.iter().filter(|event| matches!(event.decode().unwrap().1, Event::Fill(_))).count();
    assert!(fills > 1_000, "the flow is too thin: {fills} fills");
    let sink = SqlSink::connect(file.to_str().unwrap(), Epoch::new(1)).await.unwrap();
    assert_eq!(sink.trade_count().await.unwrap(), fills as u64 / 2);

    assert_open_orders(&mut db, &flow).await;
    assert_money(&mut db, &flow).await;
    let impossible = "SELECT COUNT(*) FROM orders WHERE (status = 'open') != (leaves_lots > 0) \
                      OR (order_type != 'budget' AND filled_lots + leaves_lots > qty_lots) OR (status = 'filled' AND filled_lots = 0) \
                      OR (status = 'cancelled') != (cancel_reason IS NOT NULL)";
    assert_eq!(db.numbers(impossible).await, [0]);
    // What the orders say was filled is what the trades say.
    let differing = "SELECT COUNT(*) FROM orders LEFT JOIN (SELECT id, SUM(qty) AS qty FROM (\
                     SELECT taker_order_id AS id, qty_lots AS qty FROM trades UNION ALL \
                     SELECT maker_order_id, qty_lots FROM trades) GROUP BY id) ON id = order_id \
                     WHERE filled_lots != COALESCE(qty, 0)";
    assert_eq!(db.numbers(differing).await, [0]);
    let is_reject = |event: &Event| matches!(event, Event::Rejected { .. } | Event::QuoteRejected { .. });
    let rejected = events.iter().filter(|event| is_reject(&event.decode().unwrap().1)).count();
    let quotes = db.numbers("SELECT COUNT(*) FROM orders WHERE order_id > 281474976710656").await;
    assert!(quotes[0] > 500, "the flow is too thin: {quotes:?} orders of quotes");
    assert_eq!(db.numbers("SELECT COUNT(*) FROM rejects").await, [i64::try_from(rejected).unwrap()]);
    let halted = flow.engine.markets().any(|(_, _, state)| state == MarketState::Halted);
    assert_eq!(db.numbers("SELECT COUNT(*) FROM markets WHERE state = 'halted'").await, [i64::from(halted)]);
}

async fn assert_open_orders(db: &mut Reader, flow: &flow::Flow) {
    let mut levels: BTreeMap<(u32, Side, i64), (u64, u32)> = BTreeMap::new();
    for (market, _) in flow::MARKETS {
        let market = MarketId::new(market);
        let resting = [Side::Buy, Side::Sell].map(|side| flow.engine.resting_orders(market, side));
        for order in resting.into_iter().flatten().chain(flow.engine.waiting_stops(market)) {
            let level = levels.entry((market.raw(), order.side, order.price.ticks())).or_default();
            *level = (level.0 + order.leaves.lots(), level.1 + 1);
        }
    }
    let text = |((market, side, price), (lots, orders)): ((u32, Side, i64), (u64, u32))| {
        vec![market.to_string(), side.to_string(), price.to_string(), lots.to_string(), orders.to_string()]
    };
    let mut engine: Vec<Vec<String>> = levels.into_iter().map(text).collect();
    engine.sort();
    assert!(engine.len() > 4, "the books are too empty to compare");
    let levels = "SELECT CAST(market_id AS TEXT), side, CAST(price_ticks AS TEXT), CAST(SUM(leaves_lots) AS TEXT), \
                  CAST(COUNT(*) AS TEXT) FROM orders WHERE status = 'open' GROUP BY market_id, side, price_ticks";
    let mut shown = db.texts(levels).await;
    shown.sort();
    assert_eq!(shown, engine);
}

async fn assert_money(db: &mut Reader, flow: &flow::Flow) {
    let lines = "SELECT CAST(sequence AS TEXT), CAST(account_id AS TEXT), CAST(asset_id AS TEXT), delta \
                 FROM balance_changes";
    let mut of_command: BTreeMap<(i128, i128), i128> = BTreeMap::new();
    let mut balances: BTreeMap<(i128, i128), i128> = BTreeMap::new();
    for line in db.texts(lines).await {
        let [sequence, account, asset, delta] = &line.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>()[..]
        else {
            panic!("four columns");
        };
        *of_command.entry((*sequence, *asset)).or_default() += delta;
        *balances.entry((*account, *asset)).or_default() += delta;
    }
    assert!(of_command.values().all(|sum| *sum == 0), "every command's lines add up to zero");
    let units = |amount: AssetAmount| i128::try_from(amount.units()).unwrap();
    for (asset, ..) in flow.engine.assets() {
        let id = i128::from(asset.raw());
        for (account, _) in flow.engine.accounts() {
            let (available, held) = flow.engine.balance(account, asset).unwrap();
            let shown = balances.get(&(account.raw().into(), id)).copied().unwrap_or_default();
            assert_eq!(shown, units(available) + units(held), "account {account}, asset {asset}");
        }
        assert_eq!(balances.get(&(0, id)).copied().unwrap_or_default(), units(flow.engine.fees(asset).unwrap()));
        let (deposits, withdrawals) = flow.engine.deposits_and_withdrawals(asset).unwrap();
        assert_eq!(balances[&(-1, id)], units(withdrawals) - units(deposits));
        let pending: i128 =
            flow.engine.accounts().map(|(account, _)| units(flow.engine.pending(account, asset).unwrap())).sum();
        assert_eq!(balances.get(&(-2, id)).copied().unwrap_or_default(), pending);
    }
}

#[tokio::test]
async fn the_rows_do_not_depend_on_how_the_events_are_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (_, events) = flow::events(12, 1_500);
    let mut opened = flow::open_log(dir.path());
    let (whole, pieces) = (dir.path().join("whole.sqlite"), dir.path().join("pieces.sqlite"));
    let mut seed = flow::Flow::new(5);
    let mut rest = &events[..];
    while !rest.is_empty() {
        // Any cut, also in the middle of a command: the sink waits for its end.
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::try_from(seed.below(40)).unwrap()));
        opened.writer.append(&mut piece.to_vec()).unwrap();
        project(&opened.log, &pieces, 1).await.unwrap();
        rest = after;
    }
    project(&opened.log, &whole, 1).await.unwrap();
    let (whole, pieces) =
        (Reader::open(&whole).await.everything().await, Reader::open(&pieces).await.everything().await);
    assert!(whole == pieces, "the databases differ");
}

/// Keeps the projection fast enough for a demo and a replay; prints what it measured.
#[tokio::test]
async fn the_sink_keeps_up_with_the_market() {
    let dir = tempfile::tempdir().unwrap();
    let (_, events) = flow::events(13, 40_000);
    let log = fill_log(dir.path(), &events);
    let file = dir.path().join("sink.sqlite");
    let sink = SqlSink::connect(file.to_str().unwrap(), Epoch::new(1)).await.unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(true);
    let progress = std::sync::Arc::new(SinkProgress::default());
    let began = std::time::Instant::now();
    run_sink(log.log.clone(), sink, Epoch::new(1), stopped, progress.clone()).await.unwrap();
    let seconds = began.elapsed().as_secs_f64();
    println!("{} events, {} rows in {seconds:.2} s", progress.events(), progress.rows());
    println!("{:.0} events/s, {:.0} rows/s", events.len() as f64 / seconds, progress.rows() as f64 / seconds);
    assert_eq!(progress.events(), events.len() as u64);
    assert_eq!(progress.lag(), 0);
    drop(stop);
}
