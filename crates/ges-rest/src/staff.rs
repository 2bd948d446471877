//! Callers of `/ges/v1/…/{ccid}`: operators inside the cluster, who name the contact center in the path and themselves in the
//! body.

use axum::http::{HeaderMap, Uri};
use ges_domain::{Refusal, TenantId};

use crate::answer::Failure;
use crate::exchange::Exchange;
use crate::fields::Fields;
use crate::identity::contact_center;
use crate::listener::Site;
use crate::path::segment;

/// Longest name of a person in characters.
const NAME: usize = 255;
/// Who acts when nobody is named.
const NOBODY: &str = "operator";

/// The contact center of `/ges/v1/{area}/{ccid}/…`. A header that names another one contradicts it.
pub(crate) async fn tenant(
    site: &Site,
    exchange: &Exchange,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<TenantId, Failure> {
    let named = segment(uri.path(), 3).and_then(|text| text.parse::<TenantId>().ok());
    let tenant = named.ok_or(Failure::UnknownContactCenter)?;
    if contact_center(headers)?.is_some_and(|named| named.0 != Some(tenant)) {
        return Err(Refusal::Forbidden.into());
    }
    let known = site.api().keys.known(tenant).await.map_err(|error| {
        tracing::warn!(error = %error, "the contact center could not be looked up");
        Refusal::UpstreamUnavailable
    })?;
    if !known {
        return Err(Failure::UnknownContactCenter);
    }
    site.observed.meet(tenant);
    exchange.note_tenant(tenant);
    Ok(tenant)
}

/// Who acts: the field `by`, for the audit (I8).
pub(crate) fn by(fields: &Fields<'_>) -> Result<String, Failure> {
    Ok(fields.text("by", NAME)?.unwrap_or_else(|| NOBODY.to_owned()))
}
