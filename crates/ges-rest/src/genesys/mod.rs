//! The shared-GMS API `/genesys` (integrations 2): what sessions and Designer applications call.

mod admin;
mod answers;
mod areas;
mod calendar;
mod call_in;
mod callbacks;
mod facts;
pub(crate) mod fault;
mod inside;
mod patterns;
pub(crate) mod place;
mod relay;
mod sent;
mod storage;
mod tenants;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, delete, get, post};

use crate::listener::Site;
use callbacks::{availability, cancel, create, query, update};
use fault::{Exception, GmsFault};

pub(crate) use inside::Inside;
pub use inside::InsideParts;

/// Everything under the prefix, and a hint for the prefix that an old screenshot misspells.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/genesys/1/service/{id}/storage", post(storage::merge).put(storage::merge).get(storage::read_all))
        .route("/genesys/1/service/{id}/storage/{key}", get(storage::read_one).delete(storage::remove))
        .route("/genesys/1/service/{name}", get(calendar::read))
        .route("/genesys/1/tenants", get(tenants::read_all).post(tenants::put).delete(tenants::remove))
        .route("/genesys/1/tenants/info", get(tenants::info))
        .route("/genesys/1/tenants/refresh", post(tenants::refresh))
        .route("/genesys/1/patterns", post(patterns::matching))
        .route("/genesys/1/patterns/group/{group}", post(patterns::matching))
        .route("/genesys/1/service/{id}/{action}", post(relay::relay).get(relay::relay))
        .route("/genesys/1/service/{id}/storage/binary/{key}", get(storage::read_file))
        .route("/genesys/1/service/callback", get(query::of_tenant))
        .route("/genesys/1/service/callback/{service}", post(create::create).get(query::of_service))
        .route("/genesys/1/service/callback/{service}/availability", get(availability::first))
        .route("/genesys/2/service/callback/{service}/availability", get(availability::second))
        .route(
            "/genesys/1/service/callback/{service}/{id}",
            get(query::one).put(update::update).merge(delete(cancel::cancel)),
        )
        .route("/genesys/1/service/match-interaction", post(call_in::match_interaction))
        .route("/genesys/1/service/request-interaction", post(call_in::request_access))
        .route("/genesys/1/service/request-access", post(call_in::request_access))
        .route("/genesys/1/admin/callback/queues", get(admin::queues::queues))
        .route("/genesys/1/admin/callback/watermarks", get(admin::watermarks::watermarks))
        .route("/genesys/1/admin/callback/cancel", post(admin::cancel::cancel))
        .route("/genesys/1/admin/callback/reportcancelled", post(admin::report::report))
        .route("/genesys/1/storage/{id}", post(areas::create).get(areas::read_all).delete(areas::remove))
        .route("/genesys/1/storage/{id}/{key}", post(areas::merge).get(areas::read_one).delete(areas::remove))
        .route("/genesys/1/storage/custom/{id}/{ttl}", post(areas::create_custom))
        .route("/genesys/1/storage/binary/{id}/{key}", get(areas::read_file))
        .route("/genesys/1/phonenumber", get(facts::phone_number))
        .route("/genesys/1/ewt", get(facts::waits))
        .route("/genesys/1/node", get(facts::node))
        .merge(absent())
        .route("/genesy", any(misspelt))
        .route("/genesy/{*rest}", any(misspelt))
}

/// Paths of the predecessor that are no part of this service (integrations 2.21).
fn absent() -> Router<Arc<Site>> {
    let families = [
        "/genesys/2/chat",
        "/genesys/1/cs",
        "/genesys/1/datadepot",
        "/genesys/1/resource",
        "/genesys/1/resources",
        "/genesys/1/document",
        "/genesys/cometd",
    ];
    families.into_iter().fold(Router::new(), |router, family| {
        router.route(family, any(facts::absent)).route(&format!("{family}/{{*rest}}"), any(facts::absent))
    })
}

async fn misspelt() -> GmsFault {
    GmsFault::new(StatusCode::NOT_FOUND, Exception::NotFound, "No such path. The prefix of this API is /genesys/.")
}
