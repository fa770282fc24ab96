//! Addresses without credentials: health, readiness, metrics, public keys, API descriptions and the web pages.

mod web_pages;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use likeness_service::app::App;
use std::sync::Arc;

/// Every address that needs no credentials, and descriptions of APIs under their addresses.
pub(crate) fn routes(descriptions: [(&'static str, &'static str); 2]) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/.well-known/jwks.json", get(jwks))
        .merge(web_pages::routes());
    descriptions.into_iter().fold(routes, |routes, (address, text)| {
        routes.route(address, get(move || std::future::ready(description(text))))
    })
}

/// `GET /healthz`: the program answers, and it starts to answer only once it is ready.
async fn health() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the store answers too.
async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.store.accounts().await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "The store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response()
        }
    }
}

/// `GET /metrics`: counters and times in the Prometheus text form. Nothing in it is about a person.
async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let (galleries, templates) = app.galleries.size();
    #[expect(clippy::cast_precision_loss, reason = "a gauge need not be exact beyond 2^52")]
    {
        metrics::gauge!("likeness_galleries_open").set(galleries as f64);
        metrics::gauge!("likeness_gallery_templates").set(templates as f64);
        metrics::gauge!("likeness_captures_running").set(app.captures.count() as f64);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}

/// A description of APIs for programs.
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

/// `GET /.well-known/jwks.json`: the public keys of tokens signed here, for installations that trust this one.
async fn jwks(State(app): State<Arc<App>>) -> impl IntoResponse {
    let table = app.access.cache.last_known();
    let keys: Vec<_> = table.signing().map(|key| key.public_jwk()).collect();
    let body = serde_json::json!({ "keys": keys }).to_string();
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::OK, headers, body)
}
