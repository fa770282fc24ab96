//! HTTP: from a socket to a call and from a reply to bytes.
//!
//! Start at [`router`]. This module knows headers, sizes, envelopes and the order in which a request is judged;
//! it knows nothing about faces.

mod cors;
mod face_door;
pub(crate) mod listen;
pub(crate) mod notice;
mod pages;
pub(crate) mod place;
mod sts_door;
mod studio;
pub(crate) mod tls;

pub(crate) use face_door::{collect, shown};

use crate::admin;
use axum::Router;
use axum::routing::{any, get, post};
use likeness_service::app::App;
use std::sync::Arc;

/// Every address that the program answers.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(pages::health))
        .route("/readyz", get(pages::ready))
        .route("/metrics", get(pages::metrics))
        .route("/openapi.json", get(pages::openapi))
        .route("/openapi-admin.json", get(pages::openapi_admin))
        .route("/admin/v1", any(admin::door::answer))
        .route("/admin/v1/", any(admin::door::answer))
        .route("/admin/v1/{*call}", any(admin::door::answer))
        .route("/notice", get(notice::get))
        .route("/notice/decision", post(notice::decide))
        .route("/accounts/{subdomain}/notice", get(notice::get))
        .route("/accounts/{subdomain}/notice/decision", post(notice::decide))
        .route("/.well-known/jwks.json", get(sts_door::jwks))
        .merge(studio::routes())
        .fallback(any(face_door::answer))
        .layer(axum::middleware::from_fn_with_state(app.clone(), cors::answer))
        .with_state(app)
}
