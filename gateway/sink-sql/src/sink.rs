//! The connection: open, claim, apply.
//!
//! Invariants: one connection, one transaction at a time, begun `IMMEDIATE`, so it holds the write lock before it reads;
//! the position row is updated first, under the fence, and nothing else is written when the fence does not hold.
//! WAL with `synchronous = NORMAL`: a commit survives the end of the process. After a power cut the last commits may be
//! gone, rows and position together, and the sink makes them again from the event log.

use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};
use tidegate_domain::{AssetId, Epoch, EventRecord, FeeRate, MarketDefinition, MarketId, Name, Price, Qty, Sequence};
use tidegate_sink::{Sink, SinkPosition};
use tokio::sync::Mutex;

use crate::SqlSinkError;
use crate::projection::Projection;
use crate::rows::Rows;
use crate::write::write;

/// Makes the tables.
const SCHEMA: &str = include_str!("schema.sql");
/// Version of `schema.sql`.
const SCHEMA_VERSION: i64 = 3;

/// How long one try waits for another user of the database. After it the sink says so and tries again.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Tries to open a database that another node is opening at this moment: the change to WAL cannot wait inside SQLite.
const OPEN_TRIES: u32 = 40;
/// Pause between two of them.
const OPEN_PAUSE: Duration = Duration::from_millis(50);

/// A database that events are projected into.
pub struct SqlSink {
    database: String,
    epoch: Epoch,
    db: Mutex<SqliteConnection>,
    projection: Projection,
    /// Where this writer left the position.
    position: Option<(Sequence, u32)>,
}

impl std::fmt::Debug for SqlSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("SqlSink");
        shown.field("database", &self.database).field("epoch", &self.epoch).field("position", &self.position);
        shown.finish_non_exhaustive()
    }
}

impl SqlSink {
    /// Opens the SQLite database at a path, or `sqlite:PATH`, and makes its tables if it is new. The position is claimed
    /// only when the sink starts to run.
    ///
    /// # Errors
    /// [`SqlSinkError`] names the database and what is wrong with it.
    pub async fn connect(url_or_path: &str, epoch: Epoch) -> Result<Self, SqlSinkError> {
        let options = options(url_or_path)?;
        let open_error = |source| SqlSinkError::Open { database: url_or_path.to_owned(), source };
        let mut db = retry_while_busy(|| options.connect()).await.map_err(open_error)?;
        let version = make_tables(&mut db).await?;
        if version != SCHEMA_VERSION {
            let database = url_or_path.to_owned();
            return Err(SqlSinkError::UnknownSchema { database, found: version, known: SCHEMA_VERSION });
        }
        Ok(Self {
            database: url_or_path.to_owned(),
            epoch,
            db: Mutex::new(db),
            projection: Projection::default(),
            position: None,
        })
    }

    /// How many trades are in the database.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn trade_count(&self) -> Result<u64, SqlSinkError> {
        let mut db = self.db.lock().await;
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM trades").fetch_one(&mut *db).await?;
        Ok(count.unsigned_abs())
    }
}

impl Sink for SqlSink {
    type Error = SqlSinkError;

    async fn position(&mut self) -> Result<Option<SinkPosition>, SqlSinkError> {
        let epoch = i64::from(self.epoch.raw());
        let db = self.db.get_mut();
        // From here on a writer of a lower term finds its epoch too low, whatever it still has to write.
        let claim = "UPDATE sink_position SET epoch = ? WHERE id = 1 AND epoch <= ?";
        loop {
            match sqlx::query(claim).bind(epoch).bind(epoch).execute(&mut *db).await {
                Err(error) if is_busy(&error) => say_busy(&self.database, &error),
                done => {
                    done?;
                    break;
                }
            }
        }
        let found = read_position(db).await?;
        if found.epoch > self.epoch {
            return Err(SqlSinkError::HigherEpoch { found: found.epoch, ours: self.epoch });
        }
        let markets = sqlx::query("SELECT * FROM markets").fetch_all(&mut *db).await?;
        self.projection = Projection::new(markets.iter().map(market).collect::<Result<Vec<_>, _>>()?);
        self.position = Some((found.sequence, found.index));
        Ok((found.sequence != Sequence::ZERO).then_some(found))
    }

    async fn apply(&mut self, batch: &[EventRecord]) -> Result<u64, SqlSinkError> {
        let Some(last) = batch.last() else { return Ok(0) };
        let rows = self.projection.project(batch)?;
        let expected = self.position.expect("the runner asks for the position before it applies");
        let to = (last.sequence(), last.index());
        loop {
            match commit(self.db.get_mut(), self.epoch, expected, to, &rows).await {
                // Nothing was written. A reader with a long transaction must not end the sink.
                Err(SqlSinkError::Database(error)) if is_busy(&error) => say_busy(&self.database, &error),
                done => break done?,
            }
        }
        self.position = Some(to);
        Ok(rows.count())
    }
}

/// One batch, one transaction. When it fails, it is rolled back as it is dropped.
async fn commit(
    db: &mut SqliteConnection,
    epoch: Epoch,
    expected: (Sequence, u32),
    to: (Sequence, u32),
    rows: &Rows,
) -> Result<(), SqlSinkError> {
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    let moved = sqlx::query(
        "UPDATE sink_position SET epoch = ?, sequence = ?, event_index = ? \
         WHERE id = 1 AND sequence = ? AND event_index = ? AND epoch <= ?",
    )
    .bind(i64::from(epoch.raw()))
    .bind(sql(to.0))
    .bind(i64::from(to.1))
    .bind(sql(expected.0))
    .bind(i64::from(expected.1))
    .bind(i64::from(epoch.raw()))
    .execute(&mut *transaction)
    .await?;
    if moved.rows_affected() != 1 {
        let found = read_position(&mut transaction).await?;
        if found.epoch > epoch {
            return Err(SqlSinkError::HigherEpoch { found: found.epoch, ours: epoch });
        }
        return Err(SqlSinkError::AnotherWriter {
            epoch: found.epoch,
            sequence: found.sequence,
            index: found.index,
            expected: expected.0,
            expected_index: expected.1,
        });
    }
    write(&mut transaction, rows).await?;
    transaction.commit().await?;
    Ok(())
}

fn options(url_or_path: &str) -> Result<SqliteConnectOptions, SqlSinkError> {
    let options = if url_or_path.starts_with("sqlite:") {
        let open_error = |source| SqlSinkError::Open { database: url_or_path.to_owned(), source };
        SqliteConnectOptions::from_str(url_or_path).map_err(open_error)?
    } else if url_or_path.contains("://") {
        return Err(SqlSinkError::UnknownDatabase { found: url_or_path.to_owned() });
    } else {
        SqliteConnectOptions::new().filename(url_or_path)
    };
    Ok(options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(256)
        .disable_statement_logging())
}

async fn retry_while_busy<T, F: Future<Output = Result<T, sqlx::Error>>>(
    mut open: impl FnMut() -> F,
) -> Result<T, sqlx::Error> {
    let mut tries = 1;
    loop {
        match open().await {
            Err(error) if is_busy(&error) && tries < OPEN_TRIES => {
                tries += 1;
                tokio::time::sleep(OPEN_PAUSE).await;
            }
            done => return done,
        }
    }
}

/// Makes the tables in a new database; says which version the database has.
async fn make_tables(db: &mut SqliteConnection) -> Result<i64, SqlSinkError> {
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    let version = "PRAGMA user_version";
    let mut found: i64 = sqlx::query_scalar(version).fetch_one(&mut *transaction).await?;
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema").fetch_one(&mut *transaction).await?;
    if found == 0 && tables == 0 {
        sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await?;
        found = sqlx::query_scalar(version).fetch_one(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(found)
}

async fn read_position(db: &mut SqliteConnection) -> Result<SinkPosition, SqlSinkError> {
    let row = sqlx::query("SELECT epoch, sequence, event_index FROM sink_position WHERE id = 1");
    let row = row.fetch_one(db).await?;
    let bad = |column: &'static str| {
        move |value: i64| SqlSinkError::BadRow { table: "sink_position", column, value: value.to_string() }
    };
    let (epoch, sequence, index): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(SinkPosition {
        epoch: Epoch::new(u32::try_from(epoch).map_err(|_| bad("epoch")(epoch))?),
        sequence: Sequence::new(u64::try_from(sequence).map_err(|_| bad("sequence")(sequence))?),
        index: u32::try_from(index).map_err(|_| bad("event_index")(index))?,
    })
}

/// Fees and largest sizes are those of the rules in force; the projection needs neither.
fn market(row: &SqliteRow) -> Result<(MarketId, MarketDefinition), SqlSinkError> {
    let bad = |column, value: String| SqlSinkError::BadRow { table: "markets", column, value };
    let small = |column: &'static str| -> Result<u32, SqlSinkError> {
        let value: i64 = row.try_get(column)?;
        u32::try_from(value).map_err(|_| bad(column, value.to_string()))
    };
    let signed = |column: &'static str| -> Result<i32, SqlSinkError> {
        let value: i64 = row.try_get(column)?;
        i32::try_from(value).map_err(|_| bad(column, value.to_string()))
    };
    let large = |column: &'static str| -> Result<u64, SqlSinkError> {
        let value: String = row.try_get(column)?;
        value.parse().map_err(|_| bad(column, value))
    };
    let name: String = row.try_get("name")?;
    let definition = MarketDefinition {
        name: Name::new(&name).map_err(|_| bad("name", name))?,
        base: AssetId::new(small("base_asset_id")?),
        quote: AssetId::new(small("quote_asset_id")?),
        base_units_per_lot: large("base_units_per_lot")?,
        quote_units_per_tick_lot: large("quote_units_per_tick_lot")?,
        maker_fee: FeeRate::from_ppm(signed("maker_fee_ppm")?),
        taker_fee: FeeRate::from_ppm(signed("taker_fee_ppm")?),
        qty_max: Qty::from_lots(large("qty_max_lots")?),
        price_max: Price::from_ticks(row.try_get("price_max_ticks")?),
    };
    Ok((MarketId::new(small("market_id")?), definition))
}

/// Whether somebody else holds the lock: `SQLITE_BUSY` and its extended codes.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

fn say_busy(database: &str, error: &sqlx::Error) {
    tracing::warn!(database, %error, "the database is in use by somebody else for long; the sink tries again");
}

fn sql(sequence: Sequence) -> i64 {
    i64::try_from(sequence.raw()).expect("the projection has checked every sequence of the batch")
}
