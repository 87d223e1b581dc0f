//! Runs the sink over a log, and reads the database as anybody else would.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub)]

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Row, SqliteConnection};
use tidegate_domain::{Epoch, EventRecord};
use tidegate_journal::{EventLog, OpenedEventLog};
use tidegate_sink::{SinkError, SinkProgress, run_sink};
use tidegate_sink_sql::SqlSink;

/// Each table, with the columns that identify a row.
pub const TABLES: [(&str, &str); 13] = [
    ("sink_position", "id"),
    ("assets", "asset_id"),
    ("markets", "market_id"),
    ("accounts", "account_id"),
    ("fee_tiers", "tier"),
    ("keys", "key_id"),
    ("orders", "order_id"),
    ("trades", "sequence, event_index"),
    ("balance_changes", "sequence, event_index, line"),
    ("transfers", "sequence"),
    ("internal_transfers", "sequence"),
    ("withdrawals", "held_sequence"),
    ("rejects", "sequence, event_index"),
];

pub fn fill_log(dir: &Path, events: &[EventRecord]) -> OpenedEventLog {
    let mut opened = super::flow::open_log(dir);
    opened.writer.append(&mut events.to_vec()).unwrap();
    opened
}

/// Projects what the log has, then stops.
pub async fn project(log: &EventLog, file: &Path, epoch: u32) -> Result<Arc<SinkProgress>, SinkError> {
    let epoch = Epoch::new(epoch);
    let sink = SqlSink::connect(file.to_str().unwrap(), epoch).await.unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(true);
    let progress = Arc::new(SinkProgress::default());
    run_sink(log.clone(), sink, epoch, stopped, Arc::clone(&progress)).await?;
    Ok(progress)
}

pub struct Reader(pub SqliteConnection);

impl Reader {
    pub async fn open(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file).disable_statement_logging();
        Self(options.connect().await.unwrap())
    }

    /// The first column, integers.
    pub async fn numbers(&mut self, sql: &'static str) -> Vec<i64> {
        sqlx::query_scalar(sql).fetch_all(&mut self.0).await.unwrap()
    }

    /// Every column, texts.
    pub async fn texts(&mut self, sql: &'static str) -> Vec<Vec<String>> {
        let rows = sqlx::query(sql).fetch_all(&mut self.0).await.unwrap();
        rows.iter().map(|row| (0..row.len()).map(|column| row.get(column)).collect()).collect()
    }

    pub async fn execute(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.0).await.unwrap();
    }

    /// Every value of every table, in the order of the keys.
    pub async fn everything(&mut self) -> Vec<(String, Vec<Vec<String>>)> {
        let mut tables = Vec::new();
        for (table, key) in TABLES {
            let columns: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')")))
                    .fetch_all(&mut self.0)
                    .await
                    .unwrap();
            let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
            let select = format!("SELECT {} FROM {table} ORDER BY {key}", quoted.join(", "));
            let rows: Vec<SqliteRow> = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut self.0).await.unwrap();
            let texts = |row: &SqliteRow| (0..row.len()).map(|column| row.get(column)).collect();
            tables.push((table.to_owned(), rows.iter().map(texts).collect()));
        }
        tables
    }
}
