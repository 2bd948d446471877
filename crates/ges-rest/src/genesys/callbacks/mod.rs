//! `/genesys/1/service/callback`: booking, finding, changing and withdrawing callbacks as Designer applications do
//! (integrations 2.2 to 2.6).

pub(super) mod availability;
pub(super) mod cancel;
pub(super) mod create;
pub(super) mod query;
mod read;
pub(super) mod shown;
#[cfg(test)]
mod tests;
pub(super) mod update;

use axum::http::{HeaderMap, StatusCode, Uri};
use ges_domain::callback::Callback;
use ges_domain::ports::Seen;
use ges_domain::{Refusal, ServiceName, TenantId};

use super::fault::{Exception, GmsFault};
use super::place::{addressed, elsewhere, met, service_in};
use crate::exchange::Exchange;
use crate::listener::Site;

/// Where a path names the service, and where the callback.
const SERVICE: usize = 4;
const ID: usize = 5;

/// The callback that a path names by service and id. One of another service is not there.
async fn found(
    site: &Site,
    exchange: &Exchange,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(TenantId, Callback), GmsFault> {
    let (callback, _) = found_with_news(site, exchange, uri, headers).await?;
    Ok((callback.tenant, callback))
}

/// The same with the newest news of its session.
async fn found_with_news(
    site: &Site,
    exchange: &Exchange,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(Callback, Option<Seen>), GmsFault> {
    let service = service_in(uri, SERVICE)?;
    let (tenant, id) = addressed(site, exchange, uri, ID, headers).await?;
    match site.api().retrieve.with_news(tenant, id).await {
        Ok((callback, seen)) if callback.service == service => {
            met(site, exchange, tenant);
            Ok((callback, seen))
        }
        Ok(_) => Err(Refusal::NotFound(id.to_string()).into()),
        Err(refusal) => Err(elsewhere(site, tenant, id, refusal).await),
    }
}

fn conflict(message: &'static str) -> GmsFault {
    GmsFault::new(StatusCode::CONFLICT, Exception::Operation, message)
}

/// Path of a callback below the prefix of the API, names encoded (integrations 2.3).
fn url(service: &ServiceName, id: ges_domain::CallbackId) -> String {
    let service = percent_encoding::utf8_percent_encode(service.as_str(), percent_encoding::NON_ALPHANUMERIC);
    // What is unreserved stays as it is written (RFC 3986, section 2.3).
    let service = service.to_string().replace("%2D", "-").replace("%2E", ".").replace("%5F", "_").replace("%7E", "~");
    format!("/1/service/callback/{service}/{id}")
}
