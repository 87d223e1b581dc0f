//! One hash of the whole state, the same on every node that applied the same commands.
//!
//! Invariants: entities in the order of their ids, orders in the order in which they would trade, every field at a fixed
//! width in little-endian, every list preceded by its length. Nothing that depends on memory (handles, capacities) and
//! nothing that follows from the rest (indexes, level sums) is in it.

use tidegate_domain::{Digest, MarketDefinition, Side};
use xxhash_rust::xxh3::Xxh3;

use crate::engine::{Engine, Key, Order};

struct Walk(Xxh3);

impl Walk {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn u64(&mut self, value: u64) {
        self.0.update(&value.to_le_bytes());
    }

    fn u128(&mut self, value: u128) {
        self.0.update(&value.to_le_bytes());
    }

    fn len(&mut self, len: usize) {
        self.u64(len as u64);
    }

    fn flag(&mut self, flag: bool) {
        self.u64(flag.into());
    }

    /// A value that may be absent: presence, then the value.
    fn optional(&mut self, value: Option<u64>) {
        self.flag(value.is_some());
        self.u64(value.unwrap_or(0));
    }
}

/// Walks everything.
pub(crate) fn digest(engine: &Engine) -> Digest {
    let mut walk = Walk(Xxh3::new());
    journal(&mut walk, engine);
    assets(&mut walk, engine);
    accounts(&mut walk, engine);
    markets(&mut walk, engine);
    walk.len(engine.keys.len());
    for (_, key) in engine.keys.iter() {
        self::key(&mut walk, key);
    }
    walk.len(engine.references.len());
    for (reference, moved) in &engine.references {
        walk.bytes(&reference.bytes());
        walk.u64(moved.sequence.raw());
        walk.u64(moved.payload_hash);
    }
    Digest(walk.0.digest128())
}

fn journal(walk: &mut Walk, engine: &Engine) {
    walk.u64(engine.applied.raw());
    walk.u64(engine.time.nanos());
    walk.u64(engine.epoch.raw().into());
    walk.flag(engine.genesis.is_some());
    let Some(genesis) = &engine.genesis else { return };
    walk.u128(genesis.cluster.raw());
    walk.u64(genesis.logic_version.into());
    let limits = &genesis.limits;
    for limit in [
        limits.assets_max,
        limits.markets_max,
        limits.accounts_max,
        limits.keys_max,
        limits.open_orders_max,
        limits.account_open_orders_max,
        limits.references_max,
    ] {
        walk.u64(limit.into());
    }
}

fn assets(walk: &mut Walk, engine: &Engine) {
    walk.len(engine.assets.len());
    for (raw, asset) in engine.assets.iter() {
        let totals = engine.ledger.totals(tidegate_domain::AssetId::new(raw));
        walk.bytes(&asset.name.bytes());
        walk.u64(asset.decimals.into());
        for amount in [totals.deposited, totals.withdrawn, totals.fees] {
            walk.u128(amount.units());
        }
    }
}

fn accounts(walk: &mut Walk, engine: &Engine) {
    walk.len(engine.accounts.len());
    for ((_, account), balances) in engine.accounts.iter().zip(engine.ledger.accounts()) {
        walk.bytes(&account.name.bytes());
        // A balance that came back to nothing is the same as one that never was.
        let balances = || balances.iter().enumerate().filter(|(_, balance)| **balance != Default::default());
        walk.len(balances().count());
        for (place, balance) in balances() {
            walk.len(place);
            walk.u128(balance.available.units());
            walk.u128(balance.held.units());
        }
    }
}

fn markets(walk: &mut Walk, engine: &Engine) {
    walk.len(engine.markets.len());
    for (_, market) in engine.markets.iter() {
        definition(walk, &market.definition);
        walk.u64(market.state.code().into());
        for side in [Side::Buy, Side::Sell] {
            let orders = || engine.orders_of(market, side);
            walk.len(orders().count());
            for (_, order) in orders() {
                self::order(walk, &order);
            }
        }
    }
}

fn definition(walk: &mut Walk, market: &MarketDefinition) {
    walk.bytes(&market.name.bytes());
    walk.u64(market.base.raw().into());
    walk.u64(market.quote.raw().into());
    walk.u64(market.base_units_per_lot);
    walk.u64(market.quote_units_per_tick_lot);
    walk.u64(market.maker_fee.ppm().into());
    walk.u64(market.taker_fee.ppm().into());
    walk.u64(market.qty_max.lots());
    walk.u64(market.price_max.ticks().cast_unsigned());
}

fn order(walk: &mut Walk, order: &Order) {
    walk.u64(order.id.raw());
    walk.u64(order.account.raw().into());
    walk.u64(order.key.raw().into());
    walk.u64(order.request.raw());
    walk.u64(order.price.ticks().cast_unsigned());
    walk.u64(order.leaves.lots());
}

fn key(walk: &mut Walk, key: &Key) {
    walk.bytes(&key.name.bytes());
    walk.bytes(&key.public_key);
    walk.u64(key.account.raw().into());
    walk.u64(key.request_mark.raw());
    walk.u64(key.report_mark.raw());
    walk.len(key.outcomes.len());
    for outcome in &key.outcomes {
        walk.u64(outcome.request.raw());
        walk.u64(outcome.sequence.raw());
        walk.u64(outcome.payload_hash);
        walk.u64(outcome.result.err().map_or(0, |reject| reject.code().into()));
        walk.u64(outcome.result.ok().flatten().map_or(0, |order| order.raw()));
    }
    walk.flag(key.session.is_some());
    if let Some(session) = &key.session {
        walk.u64(session.id.raw());
        walk.flag(session.cancel_on_disconnect);
        walk.u64(session.grace.nanos());
        walk.flag(session.open);
        walk.optional(session.deadline.map(|deadline| deadline.nanos()));
    }
}
