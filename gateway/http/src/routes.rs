//! The answers over HTTP. Every error is JSON that names the field, its value and what is allowed.
//!
//! Invariants: handlers read the board under its lock, briefly, and write nothing; nothing here sees what is not released.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use tokio::sync::watch;

use crate::board::SharedBoard;
use crate::json::{At, DepthBody, ErrorBody, MarketBody, MarketsBody, TickerBody, TradesBody, text};
use crate::latency;
use crate::socket::{self, CLIENT_MESSAGE_MAX_BYTES};
use crate::views::{MarketView, MarketViews, TRADES_KEPT};
use crate::{Audience, NodeView};

/// Most levels of one side in an answer.
const LEVELS_MAX: usize = 1_000;
const LEVELS_DEFAULT: usize = 20;
const TRADES_DEFAULT: usize = 100;
/// Most open WebSockets.
const SOCKETS_MAX: usize = 1_024;
/// The page may talk to this server and to nobody else.
pub(crate) const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) board: SharedBoard,
    pub(crate) view: Arc<dyn NodeView>,
    pub(crate) audience: Audience,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) sockets: Arc<AtomicUsize>,
    pub(crate) next_socket: Arc<AtomicU64>,
}

pub(crate) type Answer = Result<Response, Refusal>;

/// An answer that says no: which field, and what is allowed.
pub(crate) struct Refusal {
    status: StatusCode,
    body: ErrorBody,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json(self.status, &self.body)
    }
}

/// The parameters of a request, by name.
pub(crate) struct Params(pub(crate) BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let params = Query::from_request_parts(parts, state).await;
        params.map(|Query(params)| Self(params)).map_err(|error| {
            refuse(StatusCode::BAD_REQUEST, &error.body_text(), "query", "name=value, joined by &, percent-encoded")
        })
    }
}

/// The name of a market in the path.
struct MarketName(String);

impl<S: Send + Sync> FromRequestParts<S> for MarketName {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let name = Path::from_request_parts(parts, state).await;
        name.map(|Path(name)| Self(name)).map_err(|error| {
            refuse(StatusCode::BAD_REQUEST, &error.body_text(), "market", "a name from /v1/markets, percent-encoded")
        })
    }
}

/// Every route.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/v1/markets", get(markets))
        .route("/v1/markets/{name}/depth", get(depth))
        .route("/v1/markets/{name}/trades", get(trades))
        .route("/v1/markets/{name}/ticker", get(ticker))
        .route("/v1/ws", get(web_socket))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .route("/latency", get(latency::page))
        .route("/latency.json", get(latency::figures))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(shared)
}

/// The same at the operator's door.
pub(crate) fn operators_router(shared: Shared) -> Router {
    router(shared).layer(axum::middleware::from_fn(latency::only_by_address))
}

async fn page() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(include_str!("page.html"))).into_response()
}

async fn markets(State(shared): State<Shared>, Params(params): Params) -> Answer {
    known_params(&params, &[])?;
    let board = shared.board.lock();
    let views = &board.views;
    Ok(json(StatusCode::OK, &MarketsBody { at: At::of(views), markets: views.markets().map(MarketBody::of).collect() }))
}

async fn depth(State(shared): State<Shared>, MarketName(name): MarketName, Params(params): Params) -> Answer {
    known_params(&params, &["levels"])?;
    let levels = count(&params, "levels", LEVELS_DEFAULT, LEVELS_MAX)?;
    let board = shared.board.lock();
    let market = find(&board.views, &name)?;
    Ok(json(StatusCode::OK, &DepthBody::of(&board.views, market, levels)))
}

async fn trades(State(shared): State<Shared>, MarketName(name): MarketName, Params(params): Params) -> Answer {
    known_params(&params, &["limit"])?;
    let limit = count(&params, "limit", TRADES_DEFAULT, TRADES_KEPT)?;
    let board = shared.board.lock();
    let market = find(&board.views, &name)?;
    Ok(json(StatusCode::OK, &TradesBody::of(&board.views, market, market.last_trades(limit))))
}

async fn ticker(State(shared): State<Shared>, MarketName(name): MarketName, Params(params): Params) -> Answer {
    known_params(&params, &[])?;
    let board = shared.board.lock();
    let market = find(&board.views, &name)?;
    Ok(json(StatusCode::OK, &TickerBody::of(&board.views, market)))
}

async fn web_socket(
    State(shared): State<Shared>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer {
    let upgrade = upgrade.map_err(|error| {
        refuse(StatusCode::UPGRADE_REQUIRED, &error.to_string(), "upgrade", "a WebSocket handshake")
    })?;
    let place = Place::take(&shared.sockets).ok_or_else(|| {
        let error = format!("{SOCKETS_MAX} WebSockets are open");
        refuse(StatusCode::SERVICE_UNAVAILABLE, &error, "sockets", "try again later")
    })?;
    let id = shared.next_socket.fetch_add(1, Ordering::Relaxed);
    let upgrade = upgrade.max_message_size(CLIENT_MESSAGE_MAX_BYTES).max_frame_size(CLIENT_MESSAGE_MAX_BYTES);
    Ok(upgrade.on_upgrade(move |socket| async move {
        socket::run(socket, id, shared.board, shared.stop).await;
        drop(place);
    }))
}

async fn healthz(State(shared): State<Shared>) -> Response {
    health(shared.view.healthy())
}

async fn readyz(State(shared): State<Shared>) -> Response {
    health(shared.view.ready())
}

fn health(state: Result<(), String>) -> Response {
    match state {
        Ok(()) => json(StatusCode::OK, &serde_json::json!({ "status": "ok" })),
        Err(reason) => {
            json(StatusCode::SERVICE_UNAVAILABLE, &serde_json::json!({ "status": "unavailable", "reason": reason }))
        }
    }
}

async fn metrics(State(shared): State<Shared>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], shared.view.metrics_text()).into_response()
}

async fn status(State(shared): State<Shared>) -> Response {
    json(StatusCode::OK, &shared.view.status_json())
}

async fn no_such_path(uri: Uri) -> Refusal {
    let allowed = "/, /v1/markets, /v1/markets/NAME/depth, /v1/markets/NAME/trades, /v1/markets/NAME/ticker, /v1/ws, \
                   /healthz, /readyz, /metrics, /status, /latency, /latency.json";
    refuse(StatusCode::NOT_FOUND, &format!("nothing is at `{}`", uri.path()), "path", allowed)
}

async fn wrong_method(method: Method) -> Refusal {
    refuse(StatusCode::METHOD_NOT_ALLOWED, &format!("`{method}` is not possible here"), "method", "GET")
}

fn find<'a>(views: &'a MarketViews, name: &str) -> Result<&'a MarketView, Refusal> {
    views.market(name).ok_or_else(|| {
        refuse(StatusCode::NOT_FOUND, &format!("there is no market `{name}`"), "market", "a name from /v1/markets")
    })
}

pub(crate) fn known_params(params: &BTreeMap<String, String>, known: &[&str]) -> Result<(), Refusal> {
    let Some(unknown) = params.keys().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
    let allowed = if known.is_empty() { "no parameters".to_owned() } else { known.join(", ") };
    Err(refuse(StatusCode::BAD_REQUEST, &format!("unknown parameter `{unknown}`"), unknown, &allowed))
}

fn count(params: &BTreeMap<String, String>, field: &str, default: usize, most: usize) -> Result<usize, Refusal> {
    let Some(value) = params.get(field) else { return Ok(default) };
    value.parse().ok().filter(|count| (1..=most).contains(count)).ok_or_else(|| {
        let error = format!("{field} is `{value}`");
        refuse(StatusCode::BAD_REQUEST, &error, field, &format!("a whole number from 1 to {most}"))
    })
}

pub(crate) fn refuse(status: StatusCode, error: &str, field: &str, allowed: &str) -> Refusal {
    let body = ErrorBody { error: error.to_owned(), field: field.to_owned(), allowed: allowed.to_owned() };
    Refusal { status, body }
}

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], text(body)).into_response()
}

/// One of the [`SOCKETS_MAX`] places, given back when it is dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(taken: &Arc<AtomicUsize>) -> Option<Self> {
        let more = |count| (count < SOCKETS_MAX).then_some(count + 1);
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self(Arc::clone(taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
