use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use standfast_core::Role;

use super::setup::MetricsText;
use super::shared::Shared;
use super::status::NodeStatus;

#[derive(Clone)]
struct Web {
    shared: Arc<Shared>,
    metrics: Option<MetricsText>,
}

/// `/metrics`, `/health/*`, `/status` and the status page.
pub(crate) fn router(shared: Arc<Shared>, metrics: Option<MetricsText>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/metrics", get(metrics_text))
        .route("/health/live", get(|| async { "alive\n" }))
        .route("/health/ready", get(ready))
        .route("/health/primary", get(primary))
        .route(
            "/status",
            get(|State(web): State<Web>| async move { Json(web.shared.cluster_status().await) }),
        )
        .with_state(Web { shared, metrics })
}

async fn metrics_text(State(web): State<Web>) -> Response {
    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    let lag = match web.shared.lag_entries() {
        Some(lag) => lag as f64,
        None => f64::NAN,
    };
    metrics::gauge!("standfast_lag_entries").set(lag);
    if !web.shared.sources.log_outlives_term() {
        tell_uncovered(&web.shared.node_status());
    }
    match &web.metrics {
        Some(render) => render().into_response(),
        None => (
            StatusCode::NOT_FOUND,
            "this program gives no metrics: it calls no `metrics` of the node's builder\n",
        )
            .into_response(),
    }
}

/// What a crash would lose, where there is no log.
#[expect(clippy::cast_precision_loss, reason = "gauges")]
fn tell_uncovered(status: &NodeStatus) {
    let known = |value: Option<u64>| value.map_or(f64::NAN, |value| value as f64);
    metrics::gauge!("standfast_uncovered_entries").set(known(status.uncovered_entries));
    metrics::gauge!("standfast_newest_snapshot_age_ms").set(known(status.snapshot_age_ms));
}

/// Leads and serves, or follows and is not behind, and has proved what is asked of a standby.
async fn ready(State(web): State<Web>) -> Response {
    let status = web.shared.node_status();
    if status.in_sync && status.role == Role::Standby && !web.shared.is_proved() {
        let within = web.shared.config.drill.ready_within;
        let told = format!("standby; no drill has gone well within {within}\n");
        return (StatusCode::SERVICE_UNAVAILABLE, told).into_response();
    }
    verdict(status.in_sync, status.role)
}

async fn primary(State(web): State<Web>) -> Response {
    verdict(web.shared.leads(), *web.shared.role.borrow())
}

fn verdict(good: bool, role: Role) -> Response {
    let code = if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, format!("{role:?}\n").to_lowercase()).into_response()
}

async fn page(State(web): State<Web>) -> Html<String> {
    let status = web.shared.cluster_status().await;
    let mut rows = String::new();
    for node in &status.nodes {
        let written = write!(
            rows,
            "<tr><td>{}</td><td>{:?}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            node.id,
            node.role,
            node.endpoint,
            node.epoch,
            node.applied_seq,
            node.committed_seq,
            node.lag_entries,
        );
        written.expect("writing to a String cannot fail");
    }
    Html(format!(
        "<!doctype html><meta http-equiv=refresh content=2><title>{cluster}</title>\
         <style>body{{font:15px system-ui;margin:2em}}td,th{{padding:.3em 1em;text-align:left}}</style>\
         <h1>{cluster}</h1><p>epoch {epoch}</p><table><tr><th>node<th>role<th>endpoint<th>epoch<th>applied\
         <th>committed<th>lag</tr>{rows}</table><p><a href=/metrics>metrics</a> <a href=/status>status</a>",
        cluster = status.cluster,
        epoch = status.epoch,
    ))
}
