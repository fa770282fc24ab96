//! The APIs: the Face API, the token service and the notices beside it, management, and the pages for people and machines.
//!
//! Start at [`apis`], which registers every table with the pipeline of `likeness-http`. No API knows another: what the
//! first three share, because one contract describes them, lies in [`azure`].

mod azure;
mod devices;
pub mod face;
#[doc(hidden)]
pub mod fuzz_targets;
mod management;
mod notice;
mod openapi;
mod pages;
mod sts;

use likeness_http::Apis;
use likeness_service::app::App;
use std::sync::Arc;

/// Every API that is served.
pub fn apis() -> Apis {
    Apis::of::<face::Face>()
        .and::<devices::Devices>()
        .and::<sts::Sts>()
        .and::<notice::Notices>()
        .and::<management::Management>()
}

/// Every address that the program answers.
pub fn router(app: Arc<App>) -> axum::Router {
    let descriptions = [("/openapi.json", face::openapi::text()), ("/openapi-admin.json", management::openapi::text())];
    apis().router(pages::routes(descriptions), app)
}
