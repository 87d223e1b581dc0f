//! JSON over HTTP and pushes over WebSocket, from released events.
//!
//! ```text
//!   event log --[board]--> MarketViews --+-- [routes] --> GET /v1/markets, depth, trades, ticker
//!                                        '-- [socket] --> /v1/ws: snapshot, then updates
//!   node     --[NodeView]-----------------> /healthz, /readyz, /metrics, /status
//! ```
//!
//! Invariants: reads the event log up to its published end and nothing else of the engine; shows a book only between
//! commands; a client that is slow, or rude, costs nobody else anything.
//! Owning thread: tasks of the asynchronous runtime, never a thread of the pipeline.

mod board;
mod json;
mod routes;
mod socket;
mod ticker;
pub mod views;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidegate_domain::{RecordError, Sequence};
use tidegate_journal::{EventLog, JournalError};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::board::{SharedBoard, follow};
use crate::routes::{Shared, router};

pub use crate::ticker::Span;

/// How long open requests may take when the node stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Where to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// The address to listen on.
    pub listen: SocketAddr,
}

/// What the server asks of the node. Called on the runtime's threads: it must not block.
pub trait NodeView: Send + Sync {
    /// Whether it leads and releases.
    ///
    /// # Errors
    /// Why not, for people.
    fn ready(&self) -> Result<(), String>;
    /// Whether the process works.
    ///
    /// # Errors
    /// Why not, for people.
    fn healthy(&self) -> Result<(), String>;
    /// The metrics in the OpenMetrics text format, which Prometheus reads.
    fn metrics_text(&self) -> String;
    /// The node's status.
    fn status_json(&self) -> serde_json::Value;
}

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The listener.
    #[error("the HTTP listener: {0}")]
    Io(#[from] std::io::Error),
    /// The event log.
    #[error("the event log: {0}")]
    Log(#[from] JournalError),
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
}

/// Serves until `stop` becomes true or its sender is gone; then says farewell to WebSockets and finishes what was asked.
///
/// # Errors
/// [`HttpError`] when the listener or the event log fails.
pub async fn serve(
    listener: TcpListener,
    log: EventLog,
    view: Arc<dyn NodeView>,
    stop: watch::Receiver<bool>,
) -> Result<(), HttpError> {
    let board = SharedBoard::default();
    let shared =
        Shared { board: board.clone(), view, stop: stop.clone(), sockets: Arc::default(), next_socket: Arc::default() };
    let stopped = |mut stop: watch::Receiver<bool>| async move {
        // An error means that the sender is gone, which is a stop as well.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let server = axum::serve(listener, router(shared)).with_graceful_shutdown(stopped(stop.clone()));
    let overdue = async move {
        stopped(stop).await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        served = server.into_future() => Ok(served?),
        followed = follow(log, board) => followed,
        () = overdue => Ok(()),
    }
}
