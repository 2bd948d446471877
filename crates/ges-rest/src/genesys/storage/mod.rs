//! `/genesys/1/service/{id}/storage`: how a session tells us what it does, and reads what we know (integrations 2.10).

mod files;
#[cfg(test)]
mod tests;
pub(super) mod update;
pub(super) mod view;

use std::sync::{Arc, Once};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use ges_domain::callback::acts::{self, SessionWrite};
use ges_domain::callback::{Callback, SessionUpdate, State as Stands};
use ges_domain::ports::SessionAnswer;
use ges_domain::{CallbackId, Instant, Refusal, TenantId, invariants, reporting};

use super::answers::{json, nothing, text};
use super::fault::{Exception, GmsFault};
use super::place::{addressed, elsewhere, met};
use super::sent::Sent;
use crate::exchange::Exchange;
use crate::listener::Site;
use crate::path::segment;

/// Said once: it is a mistake of an application, which makes it with every callback (integrations 1.2.4).
static UNNAMED: Once = Once::new();

/// Where the path names the callback.
const ID: usize = 3;

/// `POST` and `PUT`: merges keys. 200 means that it is durable.
pub(super) async fn merge(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    request: Request,
) -> Result<Response, GmsFault> {
    let headers = request.headers().clone();
    let (tenant, id) = addressed(&site, &exchange, &uri, ID, &headers).await?;
    let sent = Sent::read(request, &site).await?;
    let update = SessionUpdate { attempt: update::attempt(&headers, id), ..update::of(sent.pairs, &headers)? };
    if !sent.files.is_empty() {
        let callback = site.api().retrieve.run(tenant, id).await.map_err(GmsFault::from)?;
        // Whoever is refused below has stored nothing.
        if !is_refused(&callback, &update, site.api().inside.clock.now()) {
            files::keep(&site, &callback, sent.files).await?;
        }
    }
    apply(&site, &exchange, tenant, id, &update).await
}

/// `DELETE …/{key}`: removes user data or a fact; what the record itself knows cannot be removed.
pub(super) async fn remove(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let (tenant, id) = addressed(&site, &exchange, &uri, ID, &headers).await?;
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
    Ok(json(&view::all(&callback, keys)))
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
    Ok(text(value))
}

/// `GET …/binary/{key}`: one file.
pub(super) async fn read_file(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let callback = found(&site, &exchange, &uri, &headers).await?;
    let key = segment(uri.path(), 6).unwrap_or_default();
    files::read(&site, &callback, &key).await
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
                if let Some(reason) = update.reason.as_ref().filter(|reason| !reason.is_known()) {
                    tracing::warn!(callback.id = %id, %reason, "a session ends its callback for a reason that nobody knows");
                }
                site.look(&invariants::written(&callback));
                if callback.is_taken_unnamed() {
                    UNNAMED.call_once(|| {
                        tracing::warn!(
                            callback.id = %id,
                            "a session took a callback without _ors_session_id; such callbacks show no position and are ended by their \
                             deadline if their session is lost"
                        );
                    });
                }
            }
            Ok(nothing())
        }
        Err(refusal) => Err(elsewhere(site, tenant, id, refusal).await),
    }
}

/// Whether the record as it stands refuses an update (R-TR-1, R-REC-5, integrations 2.10).
fn is_refused(callback: &Callback, update: &SessionUpdate, now: Instant) -> bool {
    use SessionAnswer::{Illegal, Stranger, TooLarge};
    let write = acts::session_update(callback, update, now);
    matches!(write, SessionWrite::Answer(Stranger | Illegal { .. } | TooLarge(_)))
}

async fn found(site: &Site, exchange: &Exchange, uri: &Uri, headers: &HeaderMap) -> Result<Callback, GmsFault> {
    let (tenant, id) = addressed(site, exchange, uri, ID, headers).await?;
    match site.api().retrieve.run(tenant, id).await {
        Ok(callback) => {
            met(site, exchange, tenant);
            Ok(callback)
        }
        Err(refusal) => Err(elsewhere(site, tenant, id, refusal).await),
    }
}

fn key_in(uri: &Uri) -> Result<String, GmsFault> {
    segment(uri.path(), 5)
        .filter(|key| !key.is_empty() && !key.contains('\0'))
        .ok_or_else(|| GmsFault::option("The key of the path is not valid percent-encoded text"))
}
