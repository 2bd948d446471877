//! The header `Idempotency-Key` (I6): an operation takes [`IdempotencyKey`] beside its body, asks
//! [`Api::answered`](crate::Api), and carries the request out only when nothing is known of it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ges_domain::idempotency::{Key, Keyed, Operation};

use crate::answer::Failure;
use crate::body::JsonBody;
use crate::fields::invalid;
use crate::listener::Site;

/// Name of the header, as errors show it.
const HEADER: &str = "Idempotency-Key";

/// The key of a request, if it has one.
#[derive(Debug)]
pub(crate) struct IdempotencyKey(Option<Key>);

impl IdempotencyKey {
    /// The request as it is known under its key; none without a key.
    pub(crate) fn under(self, operation: Operation, body: &JsonBody) -> Option<Keyed> {
        Some(Keyed { operation, key: self.0?, body: body.digest() })
    }
}

impl FromRequestParts<Arc<Site>> for IdempotencyKey {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Site>) -> Result<Self, Failure> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        if values.next().is_some() {
            return Err(invalid(HEADER, "must be given once"));
        }
        let key = value.to_str().ok().and_then(|text| Key::new(text.trim()).ok());
        let key = key.ok_or_else(|| invalid(HEADER, ges_domain::idempotency::BadKey.to_string()))?;
        Ok(Self(Some(key)))
    }
}

#[cfg(test)]
#[path = "idempotency_tests.rs"]
mod tests;
