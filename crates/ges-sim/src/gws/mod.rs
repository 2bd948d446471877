//! GWS, simulated: authentication (integrations 4.2), environment (4.3) and configuration (4.4) over one seed.

mod auth;
mod configuration;
mod environment;
mod grants;
mod objects;
mod pages;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::clock::SimClock;
use crate::lock::Lock;
use crate::tenants::{Seed, SeededUser};

pub(crate) use auth::router as auth;
pub(crate) use configuration::router as configuration;
pub(crate) use environment::router as environment;
use grants::{Code, Token};
use objects::Objects;

/// What all three services know.
pub(crate) struct Gws {
    pub(crate) seed: Lock<Seed>,
    clock: SimClock,
    tokens: Lock<VecDeque<Token>>,
    codes: Lock<VecDeque<Code>>,
    objects: Lock<Objects>,
    /// How often each list was told, to tell it in another shape each time.
    told: Lock<BTreeMap<&'static str, u32>>,
}

impl Gws {
    pub(crate) fn new(seed: Seed, clock: SimClock) -> Self {
        Self {
            objects: Lock::new(Objects::of(&seed)),
            seed: Lock::new(seed),
            clock,
            tokens: Lock::default(),
            codes: Lock::default(),
            told: Lock::default(),
        }
    }

    /// Puts other tenants, clients and users in place and takes all tokens back.
    pub(crate) fn replace(&self, seed: Seed) {
        *self.objects.lock() = Objects::of(&seed);
        *self.seed.lock() = seed;
        self.tokens.lock().clear();
        self.codes.lock().clear();
        self.told.lock().clear();
    }

    /// A user by name, with or without a domain before or after it.
    fn user(&self, name: &str) -> Option<SeededUser> {
        let own = name.rsplit(['\\', '/']).next().unwrap_or_default();
        let own = own.split_once('@').map_or(own, |(own, _)| own);
        self.seed.lock().users.iter().find(|user| user.name == own || user.name == name).cloned()
    }

    /// A list in one of the two shapes that adapters must read: an object around it first, then the bare list, in turn.
    fn list(&self, name: &'static str, items: Vec<Value>) -> Response {
        let mut told = self.told.lock();
        let times = told.entry(name).or_default();
        *times += 1;
        done(if *times % 2 == 1 { json!({ name: items }) } else { json!(items) })
    }
}

/// The text after `Bearer `.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn done(data: Value) -> Response {
    Json(json!({ "status": { "code": 0 }, "data": data })).into_response()
}

fn refused(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "status": { "code": status.as_u16(), "message": message } }))).into_response()
}

fn absent() -> Response {
    refused(StatusCode::NOT_FOUND, "not found")
}

/// Routes that need a token of this authentication service.
fn with_token(routes: Router<Arc<Gws>>, gws: Arc<Gws>) -> Router {
    routes.layer(axum::middleware::from_fn_with_state(gws.clone(), only_with_token)).with_state(gws)
}

async fn only_with_token(State(gws): State<Arc<Gws>>, request: Request, next: Next) -> Response {
    if gws.admits(request.headers()) {
        return next.run(request).await;
    }
    refused(StatusCode::UNAUTHORIZED, "no valid token")
}
