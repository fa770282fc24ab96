//! The APIs that are served: a table that is not registered here cannot be reached.

use crate::address;
use crate::cors;
use crate::pipeline::{Api, serve};
use crate::route::BodyKind;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, Response};
use likeness_service::app::App;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

/// One row of a registered table, as tests and lists see it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name of its API.
    pub api: &'static str,
    /// HTTP method.
    pub method: Method,
    /// The whole path, with `{}` for a parameter.
    pub address: String,
    /// Name of the operation.
    pub operation: &'static str,
    /// What it reads.
    pub body: BodyKind,
    /// Who may, as the API puts it.
    pub rule: String,
}

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// An API whose types nobody else has to know.
trait Served: Send + Sync {
    fn has(&self, path: &str) -> bool;
    fn is_open_to_pages(&self) -> bool;
    fn rows(&self) -> Vec<Row>;
    fn serve(&self, app: Arc<App>, request: Request<Body>) -> Answering;
}

struct One<A: Api>(PhantomData<A>);

impl<A: Api> Served for One<A> {
    fn has(&self, path: &str) -> bool {
        A::scope(path).is_some()
    }

    fn is_open_to_pages(&self) -> bool {
        A::IS_OPEN_TO_PAGES
    }

    fn rows(&self) -> Vec<Row> {
        let row = |route: &'static crate::route::Route<A>| Row {
            api: A::NAME,
            method: route.method.clone(),
            address: A::address(route),
            operation: route.operation,
            body: route.body,
            rule: format!("{:?}", route.rule),
        };
        A::routes().iter().map(row).collect()
    }

    fn serve(&self, app: Arc<App>, request: Request<Body>) -> Answering {
        Box::pin(serve::<A>(app, request))
    }
}

/// The APIs of a server.
pub struct Apis {
    others: Vec<Box<dyn Served>>,
    /// Answers for what is nobody's.
    last: Box<dyn Served>,
}

impl Apis {
    /// An API that also answers what is no other's.
    pub fn of<A: Api>() -> Self {
        Self { others: Vec::new(), last: Box::new(One::<A>(PhantomData)) }
    }

    /// The same and another API.
    pub fn and<A: Api>(mut self) -> Self {
        self.others.push(Box::new(One::<A>(PhantomData)));
        self
    }

    /// Every row of every table.
    pub fn rows(&self) -> Vec<Row> {
        self.others.iter().chain([&self.last]).flat_map(|api| api.rows()).collect()
    }

    /// Whether web pages of other origins may call the API of a path, where an account lists them.
    pub(crate) fn is_open_to_pages(&self, path: &str) -> bool {
        let all = self.others.iter().chain([&self.last]);
        all.filter(|api| api.has(path)).any(|api| api.is_open_to_pages())
    }

    /// Every address that the program answers: these APIs, and what needs no credentials beside them.
    pub fn router(self, beside: Router<Arc<App>>, app: Arc<App>) -> Router {
        let apis = Arc::new(self);
        let answer = {
            let apis = apis.clone();
            move |State(app): State<Arc<App>>, request: Request<Body>| {
                let path = address::path_of(&request);
                let api = apis.others.iter().find(|api| api.has(&path)).unwrap_or(&apis.last);
                api.serve(app, request)
            }
        };
        beside
            .fallback(answer)
            .layer(axum::middleware::from_fn_with_state((app.clone(), apis), cors::answer))
            .with_state(app)
    }
}
