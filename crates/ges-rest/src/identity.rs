//! Which tenant asks (engagement-api 2.2, 2.3).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ges_domain::callback::{Actor, Source};
use ges_domain::tenancy::TenancyError;
use ges_domain::{Refusal, TenantId};

use crate::answer::Failure;
use crate::exchange::Exchange;
use crate::listener::{Role, Site};

/// Names under which siblings send the contact center; compared without regard to case.
pub(crate) const TENANT_HEADERS: [&str; 2] = ["ccid", "contactcenterid"];
const API_KEY: &str = "x-api-key";

/// A caller of the public API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    /// The tenant it speaks for.
    pub(crate) tenant: TenantId,
    sibling: bool,
}

impl Caller {
    /// A web or mobile client has a key; a sibling service is trusted like a Designer application, which has no browser
    /// and so no CAPTCHA (engagement-api 4.5).
    pub(crate) const fn source(self) -> Source {
        if self.sibling { Source::Ivr } else { Source::Api }
    }

    /// Whether a sibling service asks, which named its contact center and no key.
    pub(crate) const fn is_sibling(self) -> bool {
        self.sibling
    }

    /// The same distinction for the timeline.
    pub(crate) const fn actor(self) -> Actor {
        if self.sibling { Actor::Ivr } else { Actor::Api }
    }
}

impl FromRequestParts<Arc<Site>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Failure> {
        let caller = identify(&parts.headers, site).await?;
        site.observed.meet(caller.tenant);
        if let Some(exchange) = parts.extensions.get::<Exchange>() {
            exchange.note_tenant(caller.tenant);
        }
        Ok(caller)
    }
}

async fn identify(headers: &HeaderMap, site: &Site) -> Result<Caller, Failure> {
    // The outermost layer has removed these headers on the external listener; here only trust is decided.
    let named = if site.role == Role::Internal { contact_center(headers)? } else { None };
    let keys = &site.api().keys;
    let mut given = headers.get_all(API_KEY).iter();
    let key = match (given.next(), given.next()) {
        (Some(only), None) => only.to_str().ok().map(str::trim).filter(|key| !key.is_empty()),
        _ => None,
    };
    match (key, named) {
        (Some(key), named) => {
            let tenant = keys.tenant_of(key).await.map_err(down)?.ok_or(Refusal::Unauthorized)?;
            match named {
                Some(Named(other)) if other != Some(tenant) => Err(Refusal::Forbidden.into()),
                _ => Ok(Caller { tenant, sibling: false }),
            }
        }
        (None, Some(Named(named))) => {
            let tenant = named.ok_or(Failure::UnknownContactCenter)?;
            match keys.known(tenant).await.map_err(down)? {
                true => Ok(Caller { tenant, sibling: true }),
                false => Err(Failure::UnknownContactCenter),
            }
        }
        (None, None) => Err(Refusal::Unauthorized.into()),
    }
}

/// What a tenant header says: a contact center, or something that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named(pub(crate) Option<TenantId>);

/// The contact center that headers name; none when they are missing or empty.
///
/// # Errors
/// `Forbidden` when two headers contradict each other.
pub(crate) fn contact_center(headers: &HeaderMap) -> Result<Option<Named>, Failure> {
    let mut named = None;
    for value in TENANT_HEADERS.iter().flat_map(|name| headers.get_all(*name)) {
        let text = value.to_str().unwrap_or("?").trim();
        if text.is_empty() {
            continue;
        }
        let this = Named(text.parse().ok());
        if named.is_some_and(|earlier| earlier != this) {
            return Err(Refusal::Forbidden.into());
        }
        named = Some(this);
    }
    Ok(named)
}

/// Nothing is known about the caller, so nothing is said about the key.
pub(crate) fn down(error: TenancyError) -> Failure {
    tracing::warn!(error = %error, "the caller could not be identified");
    Refusal::UpstreamUnavailable.into()
}
