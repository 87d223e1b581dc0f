//! What stops the SQL sink. Trading goes on without it; the position in the database says where it goes on.

use tidegate_domain::{Epoch, MarketId, RecordError, Sequence};

/// Every message names what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SqlSinkError {
    /// Another kind of database.
    #[error("sql database `{found}`: only SQLite is known here; allowed: a file path, or sqlite:PATH")]
    UnknownDatabase {
        /// What was asked for.
        found: String,
    },
    /// The database cannot be opened.
    #[error(
        "{database}: cannot be opened as an SQLite database: {source}; check the path and the rights of its folder"
    )]
    Open {
        /// Which.
        database: String,
        /// What the driver said.
        source: sqlx::Error,
    },
    /// A database that another version of the program made.
    #[error(
        "{database}: has schema version {found}, this program writes {known}: move the file away, the sink makes it again from the event log"
    )]
    UnknownSchema {
        /// Which.
        database: String,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// A node of a higher term owns the sink.
    #[error("the sink belongs to epoch {found}, this node leads in epoch {ours}: another node is the primary now")]
    HigherEpoch {
        /// The sink's.
        found: Epoch,
        /// This node's.
        ours: Epoch,
    },
    /// The position moved under this writer.
    #[error(
        "the position in the database moved to {sequence}/{index} (epoch {epoch}) while this node was at {expected}/{expected_index}: another writer is \
         ahead. Nothing was written. Only one node may project into a database"
    )]
    AnotherWriter {
        /// The sink's epoch.
        epoch: Epoch,
        /// Where it is.
        sequence: Sequence,
        /// Where it is.
        index: u32,
        /// Where this writer left it.
        expected: Sequence,
        /// Where this writer left it.
        expected_index: u32,
    },
    /// An event that cannot be read.
    #[error("the event {sequence}/{index} cannot be read: {source}; run `tidegate journal verify`")]
    Record {
        /// Which.
        sequence: Sequence,
        /// Which.
        index: u32,
        /// Why.
        source: RecordError,
    },
    /// A fill of a market that the database does not have.
    #[error(
        "the event {sequence}/{index} names market {market}, which the database does not have: it belongs to another event log"
    )]
    UnknownMarket {
        /// Which event.
        sequence: Sequence,
        /// Which event.
        index: u32,
        /// Which market.
        market: MarketId,
    },
    /// A trade whose two fills do not lie side by side.
    #[error(
        "the fill {sequence}/{index} has no other side beside it: the event log is damaged; run `tidegate journal verify`"
    )]
    HalfATrade {
        /// Which event.
        sequence: Sequence,
        /// Which event.
        index: u32,
    },
    /// A number that SQL cannot hold.
    #[error(
        "the event {sequence}/{index} has {field} = {value}, an SQL integer holds at most {}: choose larger lots for this market",
        i64::MAX
    )]
    TooLarge {
        /// Which event.
        sequence: Sequence,
        /// Which event.
        index: u32,
        /// Which number.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// A row of the database that is not as the sink wrote it.
    #[error(
        "{table}.{column} has `{value}`, which the sink never writes: move the database away, the sink makes it again"
    )]
    BadRow {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// What is there.
        value: String,
    },
    /// The database refused.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}
