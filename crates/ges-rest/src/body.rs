//! Bodies: read once, within the listener's limit (engagement-api 2.4).

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use ges_domain::idempotency::BodyDigest;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sha2::{Digest, Sha256};

use crate::answer::Failure;
use crate::fields::Fields;
use crate::listener::Site;

/// A JSON body, not parsed yet; maybe empty.
#[derive(Debug)]
pub(crate) struct JsonBody(Bytes);

impl JsonBody {
    /// Whether nothing was sent, or white space alone.
    pub(crate) fn is_blank(&self) -> bool {
        self.0.trim_ascii().is_empty()
    }

    /// The body as it came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The fields of the object the body has to be.
    pub(crate) fn fields(&self) -> Result<Fields<'_>, Failure> {
        Fields::of_body(&self.0)
    }
}

impl JsonBody {
    /// Its bytes as they came, digested: what two requests under one key have to share (I6).
    pub(crate) fn digest(&self) -> BodyDigest {
        BodyDigest(Sha256::digest(&self.0).into())
    }
}

impl FromRequest<Arc<Site>> for JsonBody {
    type Rejection = Failure;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Failure> {
        let is_json = media_type(request.headers()).is_none_or(|media| media.eq_ignore_ascii_case("application/json"));
        let body = read(request, site).await?;
        if is_json || body.is_empty() { Ok(Self(body)) } else { Err(Failure::UnsupportedType) }
    }
}

/// The media type without its parameters; none when the header is missing or empty.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(CONTENT_TYPE)?.as_bytes()).into_owned();
    let media = value.split(';').next().unwrap_or_default().trim().to_owned();
    Some(media).filter(|media| !media.is_empty())
}

/// The whole body. The limit is checked on `Content-Length`, which saves reading, and on what actually arrives.
pub(crate) async fn read(request: Request, site: &Site) -> Result<Bytes, Failure> {
    let limit = site.limits.body_bytes;
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > u64::try_from(limit).unwrap_or(u64::MAX)) {
        return Err(Failure::TooLarge { limit });
    }
    let whole = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(site.limits.body_within, whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::TooLarge { limit }),
        Ok(Err(_)) => Err(Failure::Malformed("The body ended early".into())),
        Err(_) => Err(Failure::Malformed("The body did not arrive in time".into())),
    }
}

/// A status of a library that refused before we could, in the words of this service.
pub(crate) fn of_status(status: StatusCode, site: &Site) -> Failure {
    Failure::of_status(status, site.limits.body_bytes)
}
