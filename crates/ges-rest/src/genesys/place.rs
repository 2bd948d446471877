//! Whose call it is: the contact center a header names, the only one there is, or the one an id belongs to (integrations 2.1).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use ges_domain::{CallbackId, Refusal, ServiceName, TenantId};

use super::fault::{Exception, GmsFault};
use crate::answer::Failure;
use crate::exchange::Exchange;
use crate::identity::{Named, TENANT_HEADERS, contact_center, down};
use crate::listener::Site;
use crate::path::segment;

/// Why a call belongs to no contact center.
#[derive(Debug)]
pub(crate) enum Nobodys {
    /// It names none, and there is not exactly one.
    Missing,
    /// It names one there is not; the text of the header.
    Unknown(String),
    /// Headers contradict each other, or the registry is silent.
    Failed(Failure),
}

const MISSING: &str = "The header ContactCenterId is missing";

impl From<Nobodys> for GmsFault {
    fn from(nobodys: Nobodys) -> Self {
        match nobodys {
            Nobodys::Missing => Self::option(MISSING),
            Nobodys::Unknown(named) => {
                Self::new(StatusCode::BAD_REQUEST, Exception::NotFound, format!("Unknown contact center {named}"))
            }
            Nobodys::Failed(failure) => failure.into(),
        }
    }
}

impl From<Nobodys> for Failure {
    fn from(nobodys: Nobodys) -> Self {
        match nobodys {
            Nobodys::Missing => Self::Malformed(MISSING.into()),
            Nobodys::Unknown(_) => Self::UnknownContactCenter,
            Nobodys::Failed(failure) => failure,
        }
    }
}

/// The contact center of a call that is not about a callback's id.
///
/// # Errors
/// [`Nobodys`].
pub(crate) async fn tenant_of(site: &Site, exchange: &Exchange, headers: &HeaderMap) -> Result<TenantId, Nobodys> {
    let keys = &site.api().keys;
    let failed = |error| Nobodys::Failed(down(error));
    let tenant = match contact_center(headers).map_err(Nobodys::Failed)? {
        Some(Named(Some(tenant))) if keys.known(tenant).await.map_err(failed)? => tenant,
        Some(_) => return Err(Nobodys::Unknown(text_of(headers))),
        None if site.api().inside.single_tenant => keys.only().await.map_err(failed)?.ok_or(Nobodys::Missing)?,
        None => return Err(Nobodys::Missing),
    };
    met(site, exchange, tenant);
    Ok(tenant)
}

/// What the header says, cut to the length of an id.
pub(super) fn text_of(headers: &HeaderMap) -> String {
    let mut values = TENANT_HEADERS.iter().flat_map(|name| headers.get_all(*name));
    let text = values.find_map(|value| value.to_str().ok().map(str::trim).filter(|text| !text.is_empty()));
    text.unwrap_or_default().chars().take(36).collect()
}

/// The contact center of a call addressed by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tenant(pub(super) TenantId);

impl FromRequestParts<Arc<Site>> for Tenant {
    type Rejection = GmsFault;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, GmsFault> {
        let Ok(exchange) = Exchange::from_request_parts(parts, site).await;
        Ok(Self(tenant_of(site, &exchange, &parts.headers).await?))
    }
}

/// The callback that the segment at `index` of a path names, and its tenant: the one the header names, which saves a look at the
/// store, else the one the id belongs to.
pub(super) async fn addressed(
    site: &Site,
    exchange: &Exchange,
    uri: &Uri,
    index: usize,
    headers: &HeaderMap,
) -> Result<(TenantId, CallbackId), GmsFault> {
    let text = segment(uri.path(), index).unwrap_or_default();
    let id: CallbackId = text.parse().map_err(|_| GmsFault::from(Refusal::NotFound("of the path".into())))?;
    exchange.note_callback(id);
    let tenant = match contact_center(headers)? {
        Some(named) => named.0.ok_or(Refusal::Forbidden)?,
        None => site.api().record.tenant_of(id).await?.ok_or_else(|| Refusal::NotFound(id.to_string()))?,
    };
    Ok((tenant, id))
}

/// A callback that the named contact center does not have but another one does is refused as such.
pub(super) async fn elsewhere(site: &Site, tenant: TenantId, id: CallbackId, refusal: Refusal) -> GmsFault {
    match refusal {
        Refusal::NotFound(_) => match site.api().record.tenant_of(id).await {
            Ok(Some(owner)) if owner != tenant => Refusal::Forbidden.into(),
            _ => refusal.into(),
        },
        other => other.into(),
    }
}

/// Only a tenant that there is gets series and a place in the log line: a header may name anything.
pub(super) fn met(site: &Site, exchange: &Exchange, tenant: TenantId) {
    site.observed.meet(tenant);
    exchange.note_tenant(tenant);
}

/// The service that the segment at `index` of a path names.
pub(super) fn service_in(uri: &Uri, index: usize) -> Result<ServiceName, GmsFault> {
    let name = segment(uri.path(), index).ok_or_else(|| GmsFault::option("The path is not percent-encoded UTF-8"))?;
    ServiceName::new(&name).map_err(|bad| GmsFault::option(format!("The service name {bad}")))
}
