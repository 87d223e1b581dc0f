//! Rows into tables, many to a statement: one round trip to the database's thread for up to 128 rows.
//!
//! Invariants: values are bound, never written into the text; the number of rows in a statement is a power of two, so a
//! table has at most eight texts and every one of them stays prepared.

use sqlx::query_builder::Separated;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use tidegate_domain::MarketRules;

use crate::rows::{AccountSetting, OrderState, Rows};

/// Most rows in one statement; times 19 columns it stays below SQLite's 32,766 parameters.
const ROWS_MAX: usize = 128;

type Tuple<'a> = Separated<'a, Sqlite, &'static str>;

/// Writes everything of a batch. The caller has begun the transaction.
pub(crate) async fn write(db: &mut SqliteConnection, rows: &Rows) -> Result<(), sqlx::Error> {
    write_definitions(db, rows).await?;
    write_orders(db, rows).await?;
    write_money(db, rows).await
}

async fn write_definitions(db: &mut SqliteConnection, rows: &Rows) -> Result<(), sqlx::Error> {
    let head = "INSERT INTO assets (asset_id, name, decimals, created_sequence) ";
    insert(db, head, &rows.assets, |mut tuple, row| {
        tuple.push_bind(row.asset).push_bind(&*row.name).push_bind(row.decimals).push_bind(row.created);
    })
    .await?;
    let head = "INSERT INTO markets (market_id, name, base_asset_id, quote_asset_id, base_units_per_lot, \
                quote_units_per_tick_lot, maker_fee_ppm, taker_fee_ppm, qty_max_lots, price_max_ticks, \
                created_sequence, state) ";
    insert(db, head, &rows.markets, |mut tuple, row| {
        let definition = &row.definition;
        tuple.push_bind(row.market).push_bind(definition.name.as_str());
        tuple.push_bind(i64::from(definition.base.raw())).push_bind(i64::from(definition.quote.raw()));
        tuple.push_bind(definition.base_units_per_lot.to_string());
        tuple.push_bind(definition.quote_units_per_tick_lot.to_string());
        tuple.push_bind(i64::from(definition.maker_fee.ppm())).push_bind(i64::from(definition.taker_fee.ppm()));
        tuple.push_bind(definition.qty_max.lots().to_string()).push_bind(definition.price_max.ticks());
        // The state follows: the projection says of every new market that it is open.
        tuple.push_bind(row.created).push_bind("");
    })
    .await?;
    for (market, state) in &rows.market_states {
        let update = sqlx::query("UPDATE markets SET state = ? WHERE market_id = ?").bind(*state).bind(*market);
        update.execute(&mut *db).await?;
    }
    for (market, rules) in &rows.market_rules {
        write_rules(db, *market, rules).await?;
    }
    let head = "INSERT INTO accounts (account_id, name, created_sequence) ";
    insert(db, head, &rows.accounts, |mut tuple, row| {
        tuple.push_bind(row.account).push_bind(&*row.name).push_bind(row.created);
    })
    .await?;
    for (account, setting) in &rows.account_settings {
        write_setting(db, *account, setting).await?;
    }
    for row in &rows.fee_tiers {
        let set = "INSERT OR REPLACE INTO fee_tiers (tier, maker_fee_ppm, taker_fee_ppm) VALUES (?, ?, ?)";
        sqlx::query(set).bind(row.tier).bind(row.maker_fee_ppm).bind(row.taker_fee_ppm).execute(&mut *db).await?;
    }
    let head = "INSERT INTO keys (key_id, account_id, name, public_key, roles, created_sequence) ";
    insert(db, head, &rows.keys, |mut tuple, row| {
        tuple.push_bind(row.key).push_bind(row.account).push_bind(&*row.name);
        tuple.push_bind(&row.public_key[..]).push_bind(&*row.roles).push_bind(row.created);
    })
    .await?;
    for (key, roles) in &rows.key_roles {
        let update = sqlx::query("UPDATE keys SET roles = ? WHERE key_id = ?").bind(roles).bind(*key);
        update.execute(&mut *db).await?;
    }
    for (key, networks) in &rows.key_networks {
        let update = sqlx::query("UPDATE keys SET networks = ? WHERE key_id = ?").bind(networks).bind(*key);
        update.execute(&mut *db).await?;
    }
    Ok(())
}

async fn write_rules(db: &mut SqliteConnection, market: i64, rules: &MarketRules) -> Result<(), sqlx::Error> {
    let update = "UPDATE markets SET maker_fee_ppm = ?, taker_fee_ppm = ?, qty_min_lots = ?, qty_max_lots = ?, \
                  price_min_ticks = ?, price_max_ticks = ?, notional_min_tick_lots = ?, static_band_ppm = ?, dynamic_band_ppm = ?, \
                  reference_ticks = ?, day_end_s = ? WHERE market_id = ?";
    let update = sqlx::query(update)
        .bind(rules.maker_fee.ppm())
        .bind(rules.taker_fee.ppm())
        .bind(rules.qty_min.lots().to_string())
        .bind(rules.qty_max.lots().to_string())
        .bind(rules.price_min.ticks())
        .bind(rules.price_max.ticks())
        .bind(rules.notional_min.to_string())
        .bind(rules.static_band_ppm)
        .bind(rules.dynamic_band_ppm)
        .bind(rules.reference.ticks())
        .bind(rules.day_end_s)
        .bind(market);
    update.execute(db).await?;
    Ok(())
}

async fn write_setting(db: &mut SqliteConnection, account: i64, setting: &AccountSetting) -> Result<(), sqlx::Error> {
    let one = |update| sqlx::query(update);
    let update = match setting {
        AccountSetting::Limits(limits) => one("UPDATE accounts SET open_orders_max = ?, market_open_orders_max = ?, \
                                               qty_max_lots = ?, notional_max = ? WHERE account_id = ?")
        .bind(limits.open_orders_max)
        .bind(limits.market_open_orders_max)
        .bind(limits.qty_max.lots().to_string())
        .bind(limits.notional_max.to_string()),
        AccountSetting::Owner(owner) => one("UPDATE accounts SET owner = ? WHERE account_id = ?").bind(*owner),
        AccountSetting::Tier(tier) => one("UPDATE accounts SET tier = ? WHERE account_id = ?").bind(*tier),
        AccountSetting::Killed(killed) => one("UPDATE accounts SET is_killed = ? WHERE account_id = ?").bind(*killed),
    };
    update.bind(account).execute(db).await?;
    Ok(())
}

async fn write_orders(db: &mut SqliteConnection, rows: &Rows) -> Result<(), sqlx::Error> {
    let head = "INSERT INTO orders (order_id, account_id, key_id, request, market_id, side, order_type, time_in_force, \
                post_only, price_ticks, qty_lots, created_sequence, created_time, leaves_lots, filled_lots, status, \
                cancel_reason, updated_sequence, updated_time) ";
    insert(db, head, &rows.orders, |mut tuple, row| {
        tuple.push_bind(row.order).push_bind(row.account).push_bind(row.key).push_bind(&*row.request);
        tuple.push_bind(row.market).push_bind(row.side).push_bind(row.order_type).push_bind(row.time_in_force);
        tuple.push_bind(row.post_only).push_bind(row.state.price.unwrap_or(row.price));
        tuple.push_bind(row.state.qty.unwrap_or(row.qty));
        tuple.push_bind(row.created).push_bind(row.created_time);
        order_state(&mut tuple, &row.state);
    })
    .await?;
    let head = "UPDATE orders SET leaves_lots = v.column2, filled_lots = filled_lots + v.column3, status = v.column4, \
                cancel_reason = v.column5, updated_sequence = v.column6, updated_time = v.column7, \
                price_ticks = coalesce(v.column8, price_ticks), \
                qty_lots = coalesce(filled_lots + v.column9, qty_lots) FROM (";
    for chunk in chunks(&rows.order_changes) {
        let mut update = QueryBuilder::new(head);
        update.push_values(chunk, |mut tuple, row| {
            tuple.push_bind(row.order);
            order_state(&mut tuple, &row.state);
            tuple.push_bind(row.state.price).push_bind(row.state.qty);
        });
        update.push(") AS v WHERE orders.order_id = v.column1");
        let changed = update.build().execute(&mut *db).await?.rows_affected();
        if changed != chunk.len() as u64 {
            // An order that was never accepted here: these events do not follow the ones in the database.
            return Err(sqlx::Error::RowNotFound);
        }
    }
    Ok(())
}

fn order_state(tuple: &mut Tuple<'_>, state: &OrderState) {
    tuple.push_bind(state.leaves).push_bind(state.filled).push_bind(state.status).push_bind(state.cancel_reason);
    tuple.push_bind(state.updated).push_bind(state.updated_time);
}

async fn write_money(db: &mut SqliteConnection, rows: &Rows) -> Result<(), sqlx::Error> {
    let head = "INSERT INTO trades (sequence, event_index, market_id, price_ticks, qty_lots, taker_side, \
                taker_order_id, taker_account_id, taker_fee, maker_order_id, maker_account_id, maker_fee, time) ";
    insert(db, head, &rows.trades, |mut tuple, row| {
        tuple.push_bind(row.at.sequence).push_bind(row.at.index).push_bind(row.market);
        tuple.push_bind(row.price).push_bind(row.qty).push_bind(row.taker_side);
        tuple.push_bind(row.taker_order).push_bind(row.taker_account).push_bind(&*row.taker_fee);
        tuple.push_bind(row.maker_order).push_bind(row.maker_account).push_bind(&*row.maker_fee).push_bind(row.time);
    })
    .await?;
    let head = "INSERT INTO balance_changes (sequence, event_index, line, account_id, asset_id, delta, reason) ";
    insert(db, head, &rows.balance_changes, |mut tuple, row| {
        tuple.push_bind(row.at.sequence).push_bind(row.at.index).push_bind(row.line);
        tuple.push_bind(row.account).push_bind(row.asset).push_bind(&*row.delta).push_bind(row.reason);
    })
    .await?;
    let head = "INSERT INTO transfers (sequence, account_id, asset_id, delta, reference, time) ";
    insert(db, head, &rows.transfers, |mut tuple, row| {
        tuple.push_bind(row.sequence).push_bind(row.account).push_bind(row.asset);
        tuple.push_bind(&*row.delta).push_bind(&*row.reference).push_bind(row.time);
    })
    .await?;
    let head = "INSERT INTO internal_transfers (sequence, from_account_id, to_account_id, asset_id, amount, reference, \
                time) ";
    insert(db, head, &rows.internal_transfers, |mut tuple, row| {
        tuple.push_bind(row.sequence).push_bind(row.from).push_bind(row.to).push_bind(row.asset);
        tuple.push_bind(&*row.amount).push_bind(&*row.reference).push_bind(row.time);
    })
    .await?;
    write_withdrawals(db, rows).await?;
    let head = "INSERT INTO rejects (sequence, event_index, key_id, account_id, request, command, reason, time) ";
    insert(db, head, &rows.rejects, |mut tuple, row| {
        tuple.push_bind(row.at.sequence).push_bind(row.at.index).push_bind(row.key).push_bind(row.account);
        tuple.push_bind(&*row.request).push_bind(row.command).push_bind(row.reason).push_bind(row.time);
    })
    .await
}

/// New ones first: one may be held and ended in the same batch. A reference may be used again 30 days after its end, so an end
/// belongs to the one that was held before it.
async fn write_withdrawals(db: &mut SqliteConnection, rows: &Rows) -> Result<(), sqlx::Error> {
    let head = "INSERT INTO withdrawals (held_sequence, account_id, asset_id, amount, reference, held_time, state) ";
    insert(db, head, &rows.withdrawals, |mut tuple, row| {
        tuple.push_bind(row.sequence).push_bind(row.account).push_bind(row.asset);
        tuple.push_bind(&*row.amount).push_bind(&*row.reference).push_bind(row.time).push_bind("held");
    })
    .await?;
    for end in &rows.withdrawal_ends {
        let update = "UPDATE withdrawals SET state = ?, ended_sequence = ?, ended_time = ? \
                      WHERE reference = ? AND state = 'held' AND held_sequence < ?";
        let update = sqlx::query(update).bind(end.state).bind(end.sequence).bind(end.time);
        let changed = update.bind(&*end.reference).bind(end.sequence).execute(&mut *db).await?.rows_affected();
        if changed != 1 {
            // A withdrawal that was never held here: these events do not follow the ones in the database.
            return Err(sqlx::Error::RowNotFound);
        }
    }
    Ok(())
}

async fn insert<T: Sync>(
    db: &mut SqliteConnection,
    head: &'static str,
    rows: &[T],
    bind: impl Fn(Tuple<'_>, &T) + Copy + Send,
) -> Result<(), sqlx::Error> {
    for chunk in chunks(rows) {
        let mut statement = QueryBuilder::new(head);
        statement.push_values(chunk, bind);
        statement.build().execute(&mut *db).await?;
    }
    Ok(())
}

/// Cuts rows into pieces whose lengths are powers of two, at most [`ROWS_MAX`].
fn chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let len = 1 << rest.len().min(ROWS_MAX).checked_ilog2()?;
        let (chunk, after) = rest.split_at(len);
        rest = after;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_every_row_once_in_powers_of_two() {
        let rows: Vec<usize> = (0..1_003).collect();
        for len in 0..rows.len() {
            let pieces: Vec<&[usize]> = chunks(&rows[..len]).collect();
            assert!(pieces.iter().all(|piece| piece.len().is_power_of_two() && piece.len() <= ROWS_MAX));
            assert_eq!(pieces.concat(), rows[..len]);
        }
    }
}
