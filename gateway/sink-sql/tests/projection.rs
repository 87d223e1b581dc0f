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
    assert_settings(&mut db, &events).await;
    assert_references(&mut db, &events).await;
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

/// The last event of each kind about a thing is what its row says.
async fn assert_settings(db: &mut Reader, events: &[EventRecord]) {
    let (mut rules, mut tiers, mut keys) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut accounts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events {
        let (header, event) = event.decode().unwrap();
        let (market, account) = (header.market.to_string(), header.account.to_string());
        let mut set = |column: usize, value: String| accounts.get_mut(&account).unwrap()[column] = value;
        match event {
            Event::MarketCreated(definition) => _ = rules.insert(market, definition.first_rules()),
            Event::MarketRulesSet(to) => _ = rules.insert(market, to),
            Event::AccountCreated { .. } => _ = accounts.insert(account, vec!["0".to_owned(); 7]),
            Event::AccountOwnerSet { owner } => set(0, owner.to_string()),
            Event::AccountTierSet { tier } => set(1, tier.to_string()),
            Event::KillSwitchSet { engaged, .. } => set(2, u8::from(engaged).to_string()),
            Event::AccountLimitsSet(limits) => {
                set(3, limits.open_orders_max.to_string());
                set(4, limits.market_open_orders_max.to_string());
                set(5, limits.qty_max.lots().to_string());
                set(6, limits.notional_max.to_string());
            }
            Event::FeeTierSet { tier, maker_fee, taker_fee } => _ = tiers.insert(tier, (maker_fee, taker_fee)),
            Event::KeyCreated { key, roles: of, .. } => _ = keys.insert(key, (of, Networks::default())),
            Event::KeyRolesSet { key, roles: of } => keys.get_mut(&key).unwrap().0 = of,
            Event::KeyNetworksSet { key, networks } => keys.get_mut(&key).unwrap().1 = networks,
            _ => {}
        }
    }
    let rules = rules.into_iter().map(|(market, rules)| {
        let MarketRules { maker_fee, taker_fee, qty_min, qty_max, price_min, price_max, .. } = rules;
        let MarketRules { notional_min, static_band_ppm, dynamic_band_ppm, reference, day_end_s, .. } = rules;
        let fees = [maker_fee.ppm().to_string(), taker_fee.ppm().to_string()];
        let sizes = [qty_min.lots().to_string(), qty_max.lots().to_string()];
        let prices = [price_min.ticks().to_string(), price_max.ticks().to_string(), notional_min.to_string()];
        let bands = [static_band_ppm.to_string(), dynamic_band_ppm.to_string()];
        let rest = [reference.ticks().to_string(), day_end_s.to_string()];
        [&[market][..], &fees, &sizes, &prices, &bands, &rest].concat()
    });
    let rows = "SELECT CAST(market_id AS TEXT), CAST(maker_fee_ppm AS TEXT), CAST(taker_fee_ppm AS TEXT), qty_min_lots, \
                qty_max_lots, CAST(price_min_ticks AS TEXT), CAST(price_max_ticks AS TEXT), notional_min_tick_lots, \
                CAST(static_band_ppm AS TEXT), CAST(dynamic_band_ppm AS TEXT), CAST(reference_ticks AS TEXT), CAST(day_end_s AS TEXT) FROM markets ORDER BY 1";
    assert_eq!(db.texts(rows).await, rules.collect::<Vec<_>>());
    let rows = "SELECT CAST(account_id AS TEXT), CAST(owner AS TEXT), CAST(tier AS TEXT), CAST(is_killed AS TEXT), \
                CAST(open_orders_max AS TEXT), CAST(market_open_orders_max AS TEXT), qty_max_lots, notional_max \
                FROM accounts WHERE account_id > 0 ORDER BY 1";
    let accounts: Vec<_> = accounts.into_iter().map(|(account, row)| [vec![account], row].concat()).collect();
    assert!(accounts.iter().any(|row| row[4] != "0"), "the flow is too thin: no limits");
    assert_eq!(db.texts(rows).await, accounts);
    let fees = |(tier, (maker, taker)): (u8, (FeeRate, FeeRate))| {
        vec![tier.to_string(), maker.ppm().to_string(), taker.ppm().to_string()]
    };
    let rows = "SELECT CAST(tier AS TEXT), CAST(maker_fee_ppm AS TEXT), CAST(taker_fee_ppm AS TEXT) FROM fee_tiers \
                ORDER BY 1";
    assert_eq!(db.texts(rows).await, tiers.into_iter().map(fees).collect::<Vec<_>>());
    let row = |(key, (roles, networks)): (KeyId, (Roles, Networks))| {
        vec![key.to_string(), roles.to_string(), networks.to_string()]
    };
    let keys: Vec<_> = keys.into_iter().map(row).collect();
    assert!(keys.iter().any(|row| row[2] != "any"), "the flow is too thin: no networks");
    assert_eq!(db.texts("SELECT CAST(key_id AS TEXT), roles, networks FROM keys ORDER BY 1").await, keys);
}

/// Held withdrawals and what accounts gave each other, by reference.
async fn assert_references(db: &mut Reader, events: &[EventRecord]) {
    let (mut held, mut given) = (BTreeMap::new(), BTreeMap::new());
    let end = |reference: Reference, state: &str, held: &mut BTreeMap<String, Vec<String>>| {
        held.get_mut(reference.as_str()).unwrap()[3] = state.to_owned();
    };
    for event in events {
        let (header, event) = event.decode().unwrap();
        let from = header.account.to_string();
        match event {
            Event::WithdrawalHeld { asset, amount, reference } => {
                let row = vec![from, asset.to_string(), amount.to_string(), "held".to_owned()];
                held.insert(reference.as_str().to_owned(), row);
            }
            Event::WithdrawalSettled { reference, .. } => end(reference, "settled", &mut held),
            Event::WithdrawalReleased { reference, .. } => end(reference, "released", &mut held),
            Event::Transferred { to, asset, amount, reference } => {
                let row = vec![from, to.to_string(), asset.to_string(), amount.to_string()];
                given.insert(reference.as_str().to_owned(), row);
            }
            _ => {}
        }
    }
    for state in ["held", "settled", "released"] {
        assert!(held.values().any(|row| row[3] == state), "the flow is too thin: nothing is {state}");
    }
    let with_reference = |(reference, row): (String, Vec<String>)| [vec![reference], row].concat();
    let rows = "SELECT reference, CAST(account_id AS TEXT), CAST(asset_id AS TEXT), amount, state FROM withdrawals \
                ORDER BY 1";
    assert_eq!(db.texts(rows).await, held.into_iter().map(with_reference).collect::<Vec<_>>());
    let rows = "SELECT reference, CAST(from_account_id AS TEXT), CAST(to_account_id AS TEXT), CAST(asset_id AS TEXT), \
                amount FROM internal_transfers ORDER BY 1";
    assert_eq!(db.texts(rows).await, given.into_iter().map(with_reference).collect::<Vec<_>>());
    let unended = "SELECT COUNT(*) FROM withdrawals WHERE (state = 'held') != (ended_sequence IS NULL)";
    assert_eq!(db.numbers(unended).await, [0]);
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
