//! One hash of the whole state, the same on every node that applied the same commands.
//!
//! The sum of the hashes of all facts is kept while they change ([`crate::hash`]), so a digest costs the same whether ten orders
//! are open or ten million. [`walked`] adds the same sum up from the state itself: tests compare the two after every command.
//!
//! Invariants: nothing that depends on memory (handles, capacities, places in tables and the seed that they come from) and nothing that
//! follows from the rest (indexes) is in it.

use tidegate_domain::{AccountId, AssetId, Digest, KeyId, Side};

use crate::engine::{Engine, dead_man_hash, networks_hash};
use crate::hash::{Fact, Sum, hash, words};

/// The digest. A state whose money does not add up has none: the node stops.
pub(crate) fn digest(engine: &Engine) -> Digest {
    engine.ledger.assert_that_it_adds_up();
    let [sum_low, sum_high] = words(engine.kept_sum().0);
    let mut digest = hash(
        Fact::Journal,
        [
            sum_low,
            sum_high,
            engine.applied.raw(),
            engine.time.nanos(),
            engine.epoch.raw().into(),
            engine.orders.priority(),
            engine.genesis.is_some().into(),
            0,
        ],
    );
    if let Some(genesis) = &engine.genesis {
        let limits = &genesis.limits;
        let [low, high] = words(genesis.cluster.raw());
        let pair = |one: u32, two: u32| u64::from(one) << 32 | u64::from(two);
        digest = digest.wrapping_add(hash(
            Fact::Journal,
            [
                low,
                high,
                pair(genesis.logic_version, limits.assets_max),
                pair(limits.markets_max, limits.accounts_max),
                pair(limits.keys_max, limits.open_orders_max),
                pair(limits.account_open_orders_max, limits.references_max),
                pair(limits.balances_max, limits.seats_max),
                0,
            ],
        ));
    }
    Digest(digest)
}

/// The sum that is kept, from the state itself.
pub(crate) fn walked(engine: &Engine) -> Sum {
    let mut sum = walked_own(engine);
    for (raw, _) in engine.assets.iter() {
        sum.add(engine.ledger.totals(AssetId::new(raw)).hash(raw.into()));
    }
    engine.ledger.rows().iter().for_each(|balance| sum.add(balance.hash()));
    engine.ledger.seats().iter().for_each(|seat| sum.add(seat.hash()));
    for (_, market) in engine.markets.iter() {
        for side in [Side::Buy, Side::Sell] {
            engine.orders_of(market, side).for_each(|(handle, _)| sum.add(engine.orders.hash(handle)));
        }
        engine.stops_of(market).for_each(|(handle, _)| sum.add(engine.orders.hash(handle)));
    }
    sum.add(engine.references.walked_sum().0);
    sum
}

/// What of it neither orders nor ledger nor references keep: the engine's own sum.
pub(crate) fn walked_own(engine: &Engine) -> Sum {
    let mut sum = engine.names_sum();
    for (raw, account) in engine.accounts.iter() {
        sum.add(account.hash(raw));
        account.protections.iter().for_each(|protection| sum.add(protection.hash(AccountId::new(raw))));
    }
    engine.markets.iter().for_each(|(raw, market)| sum.add(market.hash(raw)));
    for (raw, key) in engine.keys.iter() {
        let id = KeyId::new(raw);
        sum.add(key.hash(id));
        engine.outcomes.of_key(id).for_each(|outcome| sum.add(outcome.hash(id)));
        key.session.iter().for_each(|session| sum.add(session.hash(id)));
        sum.add(dead_man_hash(id, key.dead_man));
        sum.add(networks_hash(id, &key.networks));
    }
    sum.add(engine.quotes.walked_sum().0);
    sum
}
