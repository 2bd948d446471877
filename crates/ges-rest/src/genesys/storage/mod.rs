//! `/genesys/1/service/{id}/storage`: how a session tells us what it does, and reads what we know (integrations 2.10).

mod pairs;
#[cfg(test)]
mod tests;
mod update;
mod view;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use ges_domain::callback::{Callback, SessionUpdate, State as Stands};
use ges_domain::{CallbackId, Refusal, TenantId, invariants, reporting};

use super::fault::{Exception, GmsFault, Written};
use crate::answer::JSON;
use crate::exchange::Exchange;
use crate::identity::contact_center;
use crate::listener::Site;
use crate::path::segment;
use pairs::Pairs;

/// `POST` and `PUT`: merges keys. 200 means that it is durable.
pub(super) async fn merge(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    request: Request,
) -> Result<Response, GmsFault> {
    let headers = request.headers().clone();
    let (tenant, id) = addressed(&site, &exchange, &uri, &headers).await?;
    let pairs = Pairs::read(request, &site).await?;
    let update = update::of(pairs, &headers)?;
    apply(&site, &exchange, tenant, id, &update).await
}

/// `DELETE …/{key}`: removes user data or a fact; what the record itself knows cannot be removed.
pub(super) async fn remove(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let (tenant, id) = addressed(&site, &exchange, &uri, &headers).await?;
    let update = update::removal(&key_in(&uri)?, &headers)?;
    apply(&site, &exchange, tenant, id, &update).await
}

/// `GET`: everything.
pub(super) async fn read_all(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let callback = found(&site, &exchange, &uri, &headers).await?;
    // The values of the beginning went with the hand-over; here they are kept for the end (R-RPT-2).
    let keys = if callback.state.is_open() { reporting::Keys::default() } else { reporting(&site, &callback).await? };
    let body =
        serde_json::to_vec(&view::all(&callback, keys)).expect("invariant: a storage is texts, numbers and booleans");
    Ok(ok(JSON, body))
}

/// `GET …/{key}`: one value as plain text.
pub(super) async fn read_one(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let callback = found(&site, &exchange, &uri, &headers).await?;
    let key = key_in(&uri)?;
    let keys = if view::is_reporting(&key) { reporting(&site, &callback).await? } else { reporting::Keys::default() };
    let value = view::one(&callback, &keys, &key)
        .ok_or_else(|| GmsFault::new(StatusCode::NOT_FOUND, Exception::NotFound, "The callback has no such key"))?;
    Ok(ok(header::HeaderValue::from_static("text/plain; charset=utf-8"), value.into_bytes()))
}

/// The reporting values as far as they are known: those of the end need the timeline (R-RPT-2).
async fn reporting(site: &Site, callback: &Callback) -> Result<reporting::Keys, GmsFault> {
    let api = site.api();
    let service = api.open_for.catalogue.service(callback.tenant, &callback.service).await.map_err(Refusal::from)?;
    let timeline = match callback.state {
        Stands::Completed => api.record.timeline(callback.tenant, callback.id).await.map_err(Refusal::from)?,
        _ => Vec::new(),
    };
    Ok(reporting::keys(callback, &timeline, service.map(|service| service.settings.first_party)))
}

async fn apply(
    site: &Site,
    exchange: &Exchange,
    tenant: TenantId,
    id: CallbackId,
    update: &SessionUpdate,
) -> Result<Response, GmsFault> {
    match site.api().take_update.run(tenant, id, update).await {
        Ok(callback) => {
            met(site, exchange, tenant);
            if let Some(callback) = callback {
                site.look(&invariants::written(&callback));
            }
            Ok(ok(JSON, b"{}".to_vec()))
        }
        Err(refusal) => Err(elsewhere(site, tenant, id, refusal).await),
    }
}

async fn found(site: &Site, exchange: &Exchange, uri: &Uri, headers: &HeaderMap) -> Result<Callback, GmsFault> {
    let (tenant, id) = addressed(site, exchange, uri, headers).await?;
    match site.api().retrieve.run(tenant, id).await {
        Ok(callback) => {
            met(site, exchange, tenant);
            Ok(callback)
        }
        Err(refusal) => Err(elsewhere(site, tenant, id, refusal).await),
    }
}

/// A callback that the named contact center does not have but another one does is refused as such (integrations 2.1).
pub(super) async fn elsewhere(site: &Site, tenant: TenantId, id: CallbackId, refusal: Refusal) -> GmsFault {
    match refusal {
        Refusal::NotFound(_) => match site.api().record.tenant_of(id).await {
            Ok(Some(owner)) if owner != tenant => Refusal::Forbidden.into(),
            _ => refusal.into(),
        },
        other => other.into(),
    }
}

/// The callback a path names and its tenant: the one the header names, which saves a look at the store, else the one the id
/// belongs to (integrations 2.1).
pub(super) async fn addressed(
    site: &Site,
    exchange: &Exchange,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(TenantId, CallbackId), GmsFault> {
    let text = segment(uri.path(), 3).unwrap_or_default();
    let id: CallbackId = text.parse().map_err(|_| GmsFault::from(Refusal::NotFound("of the path".into())))?;
    exchange.note_callback(id);
    let tenant = match contact_center(headers)? {
        Some(named) => named.0.ok_or(Refusal::Forbidden)?,
        None => site.api().record.tenant_of(id).await?.ok_or_else(|| Refusal::NotFound(id.to_string()))?,
    };
    Ok((tenant, id))
}

/// Only a tenant that has the callback gets series and a place in the log line: a header may name anything.
pub(super) fn met(site: &Site, exchange: &Exchange, tenant: TenantId) {
    site.observed.meet(tenant);
    exchange.note_tenant(tenant);
}

fn key_in(uri: &Uri) -> Result<String, GmsFault> {
    segment(uri.path(), 5)
        .filter(|key| !key.is_empty() && !key.contains('\0'))
        .ok_or_else(|| GmsFault::option("The key of the path is not valid percent-encoded text"))
}

fn ok(content_type: header::HeaderValue, body: Vec<u8>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, content_type)], body).into_response();
    response.extensions_mut().insert(Written);
    response
}
