use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use holobiont_archive::Problem;
use holobiont_committee::{MAX_ORDER_FILE_BYTES, SignedOrder};
use serde::Deserialize;

use super::health::render;
use super::metrics::scrape;
use super::orders::Standing;
use super::running::Running;

/// The reactor must have turned within this time, in milliseconds, to be called alive.
pub(crate) const ALIVE_MS: u64 = 10_000;
/// How Prometheus names its text format.
const METRICS_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");

/// Health and figures, for whoever operates this node.
pub(crate) fn routes(running: Arc<Running>) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/v1/orders", post(orders))
        .layer(DefaultBodyLimit::max(MAX_ORDER_FILE_BYTES))
        .with_state(running)
}

#[derive(Deserialize)]
struct How {
    verbose: Option<String>,
}

async fn livez(State(running): State<Arc<Running>>) -> Response {
    let still_ms = running.still_ms();
    if still_ms <= ALIVE_MS {
        return (StatusCode::OK, "ok\n").into_response();
    }
    let text = format!("the reactor has not turned for {still_ms} ms\n");
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn readyz(State(running): State<Arc<Running>>, Query(how): Query<How>) -> Response {
    let checks = running.checks();
    let passed = checks.iter().all(|check| check.wrong.is_none());
    let status = if passed { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = String::new();
    if running.is_simulated() {
        text.push_str("SIMULATED TDX: this node proves nothing\n");
    }
    text.push_str(&render(&checks, how.verbose.is_some()));
    (status, text).into_response()
}

async fn metrics(State(running): State<Arc<Running>>) -> Response {
    let scraped = tokio::task::spawn_blocking(move || scrape(&running.scraped())).await;
    match scraped {
        Ok(page) => ([(header::CONTENT_TYPE, METRICS_TYPE)], page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// An operators' order for the committee's log. What is no valid order is told here already; the
/// log decides all the same. One that was given before is not given again.
async fn orders(State(running): State<Arc<Running>>, body: Bytes) -> Result<StatusCode, Problem> {
    let text = std::str::from_utf8(&body)
        .map_err(|_| Problem::new(400, "no-order", "the order is no text"))?;
    let order = SignedOrder::from_json(text)
        .map_err(|error| Problem::new(400, "no-order", error.to_string()))?;
    let organism = running.node().with_machine(|machine| Arc::clone(machine.organism()));
    order
        .check(&organism)
        .map_err(|error| Problem::new(403, "order-refused", error.to_string()))?;
    let sequence = order.order.sequence;
    let log_sequence = running.node().with_machine(|machine| machine.policy().order_sequence());
    if running.orders.note(&order, log_sequence)? == Standing::Known {
        return Ok(StatusCode::OK);
    }
    if let Err(error) = running.node().order(order).await {
        running.orders.forget(sequence);
        return Err(Problem::new(503, "no-leader", error.to_string()));
    }
    tracing::info!(sequence, "an operators' order was given to the committee");
    Ok(StatusCode::ACCEPTED)
}
