//! Who acts: the extractor that every call of the console begins with.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use ges_domain::TenantId;
use ges_domain::access::{Permission, Permissions, Roles};
use sha2::{Digest as _, Sha256};

use super::{Console, ConsoleError, wire};
use crate::listener::Site;

/// The header with the session's own word, on everything that is no `GET` (integrations 8.6).
pub(super) const CSRF: &str = "x-ges-csrf";

/// Somebody who is signed in. As an extractor it resumes the session, and refuses a change without the session's own word.
#[derive(Clone, PartialEq, Eq)]
pub struct Operator {
    /// Whose user it is; none for the emergency user, who sees the platform and no tenant.
    pub tenant: Option<TenantId>,
    /// What the configuration calls the user.
    pub account: Option<u64>,
    /// The name the configuration knows the user by: the actor of what the user does.
    pub login: String,
    /// The name to show.
    pub name: String,
    /// The user's roles.
    pub roles: Roles,
    /// What they allow.
    pub permissions: Permissions,
    pub(super) csrf: String,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").field("tenant", &self.tenant).field("roles", &self.roles).finish_non_exhaustive()
    }
}

impl Operator {
    /// # Errors
    /// [`ConsoleError::Forbidden`] without the permission.
    pub fn may(&self, permission: Permission) -> Result<(), ConsoleError> {
        if self.permissions.allow(permission) { Ok(()) } else { Err(ConsoleError::Forbidden) }
    }
}

/// Whether two words are the same, in a time that says nothing about where they differ.
pub(super) fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one.as_bytes()) == Sha256::digest(other.as_bytes())
}

pub(super) fn console(site: &Site) -> Result<&Arc<Console>, ConsoleError> {
    site.public_api().and_then(|api| api.console.as_ref()).ok_or(ConsoleError::Down)
}

impl FromRequestParts<Arc<Site>> for Operator {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, ConsoleError> {
        let word = wire::session_word(&parts.headers).ok_or(ConsoleError::SignedOut)?;
        let operator = console(site)?.resume(&word).await?;
        let changes = !matches!(parts.method, Method::GET | Method::HEAD);
        let shown = parts.headers.get(CSRF).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if changes && !same(shown, &operator.csrf) {
            return Err(ConsoleError::Forged);
        }
        Ok(operator)
    }
}
