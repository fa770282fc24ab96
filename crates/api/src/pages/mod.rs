//! The addresses for operators and programs: is it alive, is it ready, what has it been doing, what does it offer.

use crate::face::openapi;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use likeness_service::app::App;
use std::sync::Arc;

/// `GET /healthz`: the program answers, and it starts to answer only once it is ready.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the store answers too.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.store.accounts().await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "The store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response()
        }
    }
}

/// `GET /metrics`: counters and times in the Prometheus text form. Nothing in it is about a person.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let (galleries, templates) = app.galleries.size();
    #[expect(clippy::cast_precision_loss, reason = "a gauge need not be exact beyond 2^52")]
    {
        metrics::gauge!("likeness_galleries_open").set(galleries as f64);
        metrics::gauge!("likeness_gallery_templates").set(templates as f64);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}

/// `GET /openapi.json`: the description of the Face API for programs.
pub(super) async fn openapi() -> impl IntoResponse {
    description(openapi::text())
}

/// `GET /openapi-admin.json`: that of the management API, of tokens and notices.
pub(super) async fn openapi_admin() -> impl IntoResponse {
    description(crate::admin::openapi::text())
}

fn description(text: &'static str) -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "application/json; charset=utf-8"),
            (header::CACHE_CONTROL, "no-cache"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        text,
    )
}
