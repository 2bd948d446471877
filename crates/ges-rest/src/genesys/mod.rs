//! The shared-GMS API `/genesys`, as far as sessions need it (integrations 2): the storage of one callback.

pub(crate) mod fault;
mod relay;
mod storage;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, get, post};

use crate::listener::Site;
use fault::{Exception, GmsFault};

/// The storage of one callback, and a hint for the prefix that an old screenshot misspells.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/genesys/1/service/{id}/storage", post(storage::merge).put(storage::merge).get(storage::read_all))
        .route("/genesys/1/service/{id}/storage/{key}", get(storage::read_one).delete(storage::remove))
        .route("/genesys/1/service/{id}/{action}", post(relay::relay).get(relay::relay))
        .route("/genesy", any(misspelt))
        .route("/genesy/{*rest}", any(misspelt))
}

async fn misspelt() -> GmsFault {
    GmsFault::new(StatusCode::NOT_FOUND, Exception::NotFound, "No such path. The prefix of this API is /genesys/.")
}
