//! The shared-GMS API `/genesys`, as far as sessions need it (integrations 2): the storage of one callback.

mod calendar;
pub(crate) mod fault;
mod patterns;
mod relay;
mod storage;
mod tenants;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{any, get, post};

use ges_domain::{Refusal, TenantId};

use crate::exchange::Exchange;
use crate::identity::{TENANT_HEADERS, contact_center};
use crate::listener::Site;
use fault::{Exception, GmsFault};

/// The storage of one callback, and a hint for the prefix that an old screenshot misspells.
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
        .route("/genesy", any(misspelt))
        .route("/genesy/{*rest}", any(misspelt))
}

async fn misspelt() -> GmsFault {
    GmsFault::new(StatusCode::NOT_FOUND, Exception::NotFound, "No such path. The prefix of this API is /genesys/.")
}

/// The tenant that a call addressed by name is for (integrations 2.1).
async fn tenant_of(site: &Site, exchange: &Exchange, headers: &HeaderMap) -> Result<TenantId, GmsFault> {
    let named = contact_center(headers)?.ok_or_else(|| GmsFault::option("The header ContactCenterId is required"))?;
    let tenant = named.0.ok_or_else(|| unknown_contact_center(headers))?;
    if !site.api().keys.known(tenant).await.map_err(|_| Refusal::UpstreamUnavailable)? {
        return Err(unknown_contact_center(headers));
    }
    site.observed.meet(tenant);
    exchange.note_tenant(tenant);
    Ok(tenant)
}

/// Names the id that nobody has (integrations 2.1).
fn unknown_contact_center(headers: &HeaderMap) -> GmsFault {
    let named = TENANT_HEADERS.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    let message = format!("Contact center {} not found", named.unwrap_or_default().trim());
    GmsFault::new(StatusCode::BAD_REQUEST, Exception::NotFound, message)
}
