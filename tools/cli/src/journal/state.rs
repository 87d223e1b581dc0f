//! The state of an engine as a person or a program reads it.
//!
//! Invariant: everything is in the order of the ids, books best first, so that two reports of one state are the same text.

use serde_json::{Value, json};
use tidegate_domain::{AccountId, AssetId, MarketId, Side, StateMachine};
use tidegate_matching::{Engine, Order};
use tidegate_wire::format_decimal;

use super::output::{Failure, Out, table};
use super::replay::{Replayed, rate};

/// What of a state is shown.
pub(super) struct Narrow {
    account: Option<AccountId>,
    market: Option<MarketId>,
    depth: usize,
}

impl Narrow {
    pub(super) fn new(
        engine: &Engine,
        account: Option<u32>,
        market: Option<&str>,
        depth: Option<usize>,
    ) -> Result<Self, Failure> {
        let account = account.map(AccountId::new);
        if let Some(unknown) = account.filter(|account| !engine.accounts().any(|(id, _)| id == *account)) {
            let known = engine.accounts().count();
            return Err(Failure::Refused(format!("--account {unknown}: no such account; there are {known}, from 1")));
        }
        let market = market
            .map(|text| {
                let id =
                    engine.markets().find(|(id, market, _)| id.to_string() == text || market.name.as_str() == text);
                id.map(|(id, _, _)| id).ok_or_else(|| {
                    let known: Vec<String> =
                        engine.markets().map(|(id, market, _)| format!("{id} {}", market.name)).collect();
                    format!("--market {text}: no such market; known: {}", known.join(", "))
                })
            })
            .transpose()?;
        Ok(Self { account, market, depth: depth.unwrap_or(usize::MAX) })
    }

    fn markets(&self, engine: &Engine) -> Vec<MarketId> {
        let wanted = |id: &MarketId| self.market.is_none_or(|market| market == *id);
        engine.markets().map(|(id, _, _)| id).filter(wanted).collect()
    }

    /// Of one account and market, or all: resting, then waiting.
    fn orders(&self, engine: &Engine) -> Vec<Order> {
        let mut orders = Vec::new();
        for market in self.markets(engine) {
            orders.extend(engine.resting_orders(market, Side::Buy));
            orders.extend(engine.resting_orders(market, Side::Sell));
            orders.extend(engine.waiting_stops(market));
        }
        orders.retain(|order| self.account.is_none_or(|account| order.account == account));
        orders
    }

    /// Account, its name, asset, and what it has of it: available, held, pending. Nothing for a pair without any.
    fn balances(&self, engine: &Engine) -> Vec<Balance> {
        let mut balances = Vec::new();
        for (account, name) in engine.accounts() {
            if self.account.is_some_and(|wanted| wanted != account) {
                continue;
            }
            for (asset, asset_name, decimals) in engine.assets() {
                let (available, held) = engine.balance(account, asset).unwrap_or_default();
                let pending = engine.pending(account, asset).unwrap_or_default();
                let units = [available.units(), held.units(), pending.units()];
                if units != [0; 3] {
                    let (name, asset_name) = (name.to_string(), asset_name.to_string());
                    balances.push(Balance { account, name, asset, asset_name, decimals, units });
                }
            }
        }
        balances
    }
}

struct Balance {
    account: AccountId,
    name: String,
    asset: AssetId,
    asset_name: String,
    decimals: u8,
    /// Available, held, pending.
    units: [u128; 3],
}

/// The whole report.
pub(super) fn to_json(replayed: &Replayed, narrow: &Narrow) -> Value {
    let engine = &replayed.engine;
    let levels = |market, side| {
        let levels = engine.levels(market, side, narrow.depth).into_iter();
        let level = levels.map(
            |(price, qty, orders)| json!({ "price_ticks": price.ticks(), "qty_lots": qty.lots(), "orders": orders }),
        );
        level.collect::<Vec<_>>()
    };
    let markets = engine.markets().filter(|(id, _, _)| narrow.market.is_none_or(|market| market == *id));
    let markets = markets.map(|(id, market, state)| {
        json!({
            "market": id.raw(),
            "name": market.name.as_str(),
            "state": state.as_str(),
            "last_ticks": engine.market_rules(id).and_then(|(_, last)| last).map(|last| last.ticks()),
            "bids": levels(id, Side::Buy),
            "asks": levels(id, Side::Sell),
            "waiting_stops": engine.waiting_stops(id).count(),
        })
    });
    let balances = narrow.balances(engine).into_iter().map(|balance| {
        let [available, held, pending] = balance.units.map(|units| units.to_string());
        json!({
            "account": balance.account.raw(),
            "name": balance.name,
            "asset": balance.asset.raw(),
            "asset_name": balance.asset_name,
            "available": available,
            "held": held,
            "pending": pending,
        })
    });
    let assets = engine.assets().map(|(asset, name, decimals)| {
        let (deposited, withdrawn) = engine.deposits_and_withdrawals(asset).unwrap_or_default();
        json!({
            "asset": asset.raw(),
            "name": name.as_str(),
            "decimals": decimals,
            "deposited": deposited.to_string(),
            "withdrawn": withdrawn.to_string(),
            "fees": engine.fees(asset).unwrap_or_default().to_string(),
        })
    });
    let orders = narrow.orders(engine).into_iter().map(|order| {
        json!({
            "order": order.id.raw(),
            "account": order.account.raw(),
            "key": order.key.raw(),
            "request": order.request.raw(),
            "market": order.market.raw(),
            "side": order.side.as_str(),
            "price_ticks": order.price.ticks(),
            "leaves_lots": order.leaves.lots(),
            "displayed_lots": order.displayed.lots(),
            "filled_lots": order.filled.lots(),
            "group": order.group,
            "trigger_ticks": order.trigger.ticks(),
        })
    });
    json!({
        "sequence": engine.applied_through().raw(),
        "epoch": engine.epoch().raw(),
        "digest": engine.digest().to_string(),
        "events": replayed.events,
        "seconds": replayed.elapsed.as_secs_f64(),
        "commands_per_s": rate(engine.applied_through(), replayed.elapsed),
        "counts": {
            "assets": engine.assets().count(),
            "markets": engine.markets().count(),
            "accounts": engine.accounts().count(),
            "open_orders": engine.open_order_count(),
        },
        "assets": assets.collect::<Vec<_>>(),
        "markets": markets.collect::<Vec<_>>(),
        "balances": balances.collect::<Vec<_>>(),
        "orders": orders.collect::<Vec<_>>(),
    })
}

/// The same for people: amounts as decimals of their assets, prices in ticks, quantities in lots.
pub(super) fn print(out: &mut Out, replayed: &Replayed, narrow: &Narrow) -> Result<(), Failure> {
    let engine = &replayed.engine;
    let applied = engine.applied_through();
    out.line(&format!("sequence {applied}  epoch {}  digest {}", engine.epoch(), engine.digest()))?;
    out.line(&format!(
        "{} assets  {} markets  {} accounts  {} open orders  {} events",
        engine.assets().count(),
        engine.markets().count(),
        engine.accounts().count(),
        engine.open_order_count(),
        replayed.events
    ))?;
    let (seconds, rate) = (replayed.elapsed.as_secs_f64(), rate(applied, replayed.elapsed) / 1e6);
    out.line(&format!("replayed in {seconds:.2} s, {rate:.2} M commands/s"))?;
    for (id, market, state) in engine.markets().filter(|(id, _, _)| narrow.market.is_none_or(|market| market == *id)) {
        let last = engine.market_rules(id).and_then(|(_, last)| last);
        let last = last.map_or_else(|| "-".to_owned(), |last| last.ticks().to_string());
        let stops = engine.waiting_stops(id).count();
        out.line(&format!(
            "\nmarket {id} {}  {state}  last {last}  waiting stops {stops}",
            out.paint(market.name.as_str(), "1")
        ))?;
        let (bids, asks) = (engine.levels(id, Side::Buy, narrow.depth), engine.levels(id, Side::Sell, narrow.depth));
        let cells = |level: Option<&(_, _, u32)>| match level {
            Some((price, qty, orders)) => level_cells(*price, *qty, *orders),
            None => [const { String::new() }; 3],
        };
        let rows: Vec<Vec<String>> = (0..bids.len().max(asks.len()))
            .map(|at| {
                let [bid_price, bid_qty, bid_orders] = cells(bids.get(at));
                vec![bid_orders, bid_qty, bid_price].into_iter().chain(cells(asks.get(at))).collect()
            })
            .collect();
        lines(out, &["orders", "lots", "bid", "ask", "lots", "orders"], &rows)?;
    }
    let balances = narrow.balances(engine).into_iter().map(|balance| {
        let [available, held, pending] = balance.units.map(|units| format_decimal(units, balance.decimals));
        vec![balance.account.to_string(), balance.name, balance.asset_name, available, held, pending]
    });
    out.line("")?;
    lines(out, &["account", "name", "asset", "available", "held", "pending"], &balances.collect::<Vec<_>>())?;
    let orders = narrow.orders(engine).into_iter().map(|order| {
        vec![
            order.id.to_string(),
            order.account.to_string(),
            order.key.to_string(),
            order.market.to_string(),
            order.side.to_string(),
            order.price.ticks().to_string(),
            order.leaves.lots().to_string(),
            order.filled.lots().to_string(),
            if order.trigger.ticks() == 0 { "-".to_owned() } else { order.trigger.ticks().to_string() },
        ]
    });
    out.line("")?;
    let head = ["order", "account", "key", "market", "side", "ticks", "lots left", "filled", "trigger"];
    lines(out, &head, &orders.collect::<Vec<_>>())
}

fn level_cells(price: tidegate_domain::Price, qty: tidegate_domain::Qty, orders: u32) -> [String; 3] {
    [price.ticks().to_string(), qty.lots().to_string(), orders.to_string()]
}

fn lines(out: &mut Out, head: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    table(head, rows).iter().try_for_each(|line| out.line(line))
}
