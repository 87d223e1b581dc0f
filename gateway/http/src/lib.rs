//! JSON over HTTP and pushes over WebSocket, from released events.
//!
//! ```text
//!   event log --[board]--> MarketViews --+-- [routes] --> GET /v1/markets, depth, trades, ticker
//!                                        '-- [socket] --> /v1/ws: snapshot, then updates
//!   node     --[NodeView]-----------------> /healthz, /readyz, /metrics, /status, /latency
//! ```
//!
//! Invariants: reads the event log up to its published end and nothing else of the engine; shows a book only between
//! commands; a client that is slow, or rude, costs nobody else anything. Nobody is asked who he is, so what belongs to a client is
//! shown at the operator's door alone, which is on this machine.
//! Owning thread: tasks of the asynchronous runtime, never a thread of the pipeline.

mod board;
mod json;
mod latency;
mod routes;
mod socket;
mod ticker;
pub mod views;

use std::sync::Arc;
use std::time::Duration;

use tidegate_domain::{RecordError, Sequence};
use tidegate_journal::{EventLog, JournalError};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::board::{SharedBoard, follow};
use crate::routes::{Shared, operators_router, router};

pub use crate::ticker::Span;

/// How long open requests may take when the node stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Where to serve.
#[derive(Debug)]
pub struct HttpDoors {
    /// For everybody.
    pub public: TcpListener,
    /// For whoever operates the node: on this machine only.
    pub operator: Option<TcpListener>,
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anybody who reaches the address.
    Public,
    /// Whoever operates the node.
    Operator,
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
    /// What the latency page shows. What clients' orders were is for the operator.
    fn latency_json(&self, audience: Audience) -> serde_json::Value;
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
    doors: HttpDoors,
    log: EventLog,
    view: Arc<dyn NodeView>,
    stop: watch::Receiver<bool>,
) -> Result<(), HttpError> {
    let board = SharedBoard::default();
    let shared = Shared {
        board: board.clone(),
        view,
        audience: Audience::Public,
        stop: stop.clone(),
        sockets: Arc::default(),
        next_socket: Arc::default(),
    };
    let stopped = |mut stop: watch::Receiver<bool>| async move {
        // An error means that the sender is gone, which is a stop as well.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let at_operators_door = Shared { audience: Audience::Operator, ..shared.clone() };
    let public = axum::serve(doors.public, router(shared)).with_graceful_shutdown(stopped(stop.clone()));
    let operators_stop = stopped(stop.clone());
    let operator = async move {
        match doors.operator {
            Some(listener) => {
                axum::serve(listener, operators_router(at_operators_door)).with_graceful_shutdown(operators_stop).await
            }
            None => Ok(()),
        }
    };
    let served = async { tokio::try_join!(public.into_future(), operator) };
    let overdue = async move {
        stopped(stop).await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        served = served => Ok(served.map(|_| ())?),
        followed = follow(log, board) => followed,
        () = overdue => Ok(()),
    }
}
