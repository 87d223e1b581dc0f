//! The latency page: one file that asks this server, once a second, and nobody else.
//!
//! Invariants: what an order was leaves by the operator's door only, which answers only whoever calls it by an address.
//! Owning thread: tasks of the asynchronous runtime.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use crate::routes::{Answer, PAGE_POLICY, Params, Shared, json, known_params, refuse};

const PAGE: &str = include_str!("latency.html");

pub(crate) async fn page() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(PAGE)).into_response()
}

pub(crate) async fn figures(State(shared): State<Shared>, Params(params): Params) -> Answer {
    known_params(&params, &[])?;
    let mut answer = json(StatusCode::OK, &shared.view.latency_json(shared.audience));
    answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Lets nobody in by a name but `localhost`. A page from elsewhere, in a browser of this machine, may have a name of its own that
/// leads here: its requests say that name, and would otherwise read what is for the operator alone.
pub(crate) async fn only_by_address(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name).trim_start_matches('[').trim_end_matches(']');
    if name == "localhost" || name.parse::<std::net::IpAddr>().is_ok() {
        return next.run(request).await;
    }
    let error = format!("the operator's door does not answer to the name `{name}`");
    refuse(StatusCode::FORBIDDEN, &error, "host", "localhost, or an address as 127.0.0.1").into_response()
}
