//! What handlers answer under `/engagement/v3` and `/ges/v1`: everything of the envelope (engagement-api 3.1) but the
//! correlation id, which the outermost layer adds, so that no answer can lack it.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use ges_domain::Refusal;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::refusal::{Quota, Wire, wire};

/// Content type of every JSON answer (engagement-api 2.4).
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// What a rate window takes (draft-ietf-httpapi-ratelimit-headers).
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of it, and when there is more.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The name under which both speak of immediate callbacks of a service.
const POLICY: &str = "immediate";

/// Code of a refused bucket of a tenant or service (engagement-api 3.4).
pub(crate) const CODE_TTL_LIMIT: u16 = 32;
/// Code of a refused bucket of one number.
pub(crate) const CODE_NUMBER_LIMIT: u16 = 33;
/// Code of a body over the limit.
pub(crate) const CODE_TOO_LARGE: u16 = 23;
/// The code of what something else that is needed cannot answer now.
pub(crate) const CODE_UNAVAILABLE: u16 = 51;

/// An answer in the envelope, still without correlation id.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) code: u16,
    pub(crate) message: Cow<'static, str>,
    pub(crate) data: Option<Box<RawValue>>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) quota: Option<Quota>,
}

impl Answer {
    /// Success with this `data`.
    pub(crate) fn ok(data: &impl Serialize) -> Self {
        Self::with(StatusCode::OK, 0, "Successful", data)
    }

    /// An answer that carries `data` whatever its status.
    pub(crate) fn with(
        status: StatusCode,
        code: u16,
        message: impl Into<Cow<'static, str>>,
        data: &impl Serialize,
    ) -> Self {
        let data = serde_json::value::to_raw_value(data).expect("invariant: answers are trees of texts and numbers");
        Self { status, code, message: message.into(), data: Some(data), retry_after: None, quota: None }
    }

    /// Writes the envelope.
    pub(crate) fn write(&self, corr_id: Uuid) -> Body {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Status<'a> {
            code: u16,
            message: &'a str,
            corr_id: Uuid,
        }
        #[derive(Serialize)]
        struct Envelope<'a> {
            status: Status<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            data: Option<&'a RawValue>,
        }
        let status = Status { code: self.code, message: &self.message, corr_id };
        let envelope = Envelope { status, data: self.data.as_deref() };
        serde_json::to_vec(&envelope).expect("invariant: an envelope is texts and numbers").into()
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(Quota { limit, window_s }) = self.quota {
            let text = |text: String| HeaderValue::from_str(&text).expect("invariant: a quota is digits");
            let wait = self.retry_after.unwrap_or(window_s);
            let fields = [
                (RATE_LIMIT_POLICY, text(format!("\"{POLICY}\";q={limit};w={window_s}"))),
                (RATE_LIMIT, text(format!("\"{POLICY}\";r=0;t={wait}"))),
            ];
            response.headers_mut().extend(fields);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Why a request is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// A business "no".
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request as a whole is not well-formed; the text names the part.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
    /// The tenant header names nobody (engagement-api 2.3).
    #[error("The contact center of the request is not provisioned")]
    UnknownContactCenter,
    /// The internal listener wants credentials (integrations 2.1).
    #[error("The credentials of the internal API are missing or wrong")]
    NotAdmitted,
    /// No route.
    #[error("No such path")]
    NoSuchPath,
    /// A route, another method.
    #[error("Method not allowed")]
    MethodNotAllowed,
    /// The body exceeds the listener's limit.
    #[error("The body is larger than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// A body that is not JSON.
    #[error("Content-Type must be application/json")]
    UnsupportedType,
    /// Something unforeseen, such as a panic.
    #[error("Internal error")]
    Internal,
}

impl Failure {
    /// The wire form of a status that some library produced before a handler could.
    pub(crate) fn of_status(status: StatusCode, limit: usize) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NoSuchPath,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge { limit },
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedType,
            status if status.is_client_error() => Self::Malformed("The request is not well-formed".into()),
            _ => Self::Internal,
        }
    }

    pub(crate) fn wire(&self) -> Wire {
        match self {
            Self::Refused(refusal) => wire(refusal),
            Self::Malformed(_) => Wire::new(400, 1),
            Self::UnknownContactCenter => Wire::new(400, 2),
            Self::NotAdmitted => Wire::new(401, 10),
            Self::NoSuchPath => Wire::new(404, 21),
            Self::MethodNotAllowed => Wire::new(405, 22),
            Self::TooLarge { .. } => Wire::new(413, CODE_TOO_LARGE),
            Self::UnsupportedType => Wire::new(415, 24),
            Self::Internal => Wire::new(500, 50),
        }
    }
}

#[cfg(test)]
impl Failure {
    /// One of each but the refusals.
    pub(crate) fn samples() -> Vec<Self> {
        vec![
            Self::Malformed("x".into()),
            Self::UnknownContactCenter,
            Self::NotAdmitted,
            Self::NoSuchPath,
            Self::MethodNotAllowed,
            Self::TooLarge { limit: 1 },
            Self::UnsupportedType,
            Self::Internal,
        ]
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        #[derive(Serialize)]
        struct Proposed {
            slots: std::collections::BTreeMap<String, String>,
        }
        let Wire { status, code, slots, retry_after, quota } = failure.wire();
        let status = StatusCode::from_u16(status).expect("invariant: the table holds HTTP statuses");
        let proposed = slots.map(|slots| Proposed {
            slots: slots.iter().map(|(start, remaining)| (start.to_string(), remaining.to_string())).collect(),
        });
        let data = proposed.map(|data| {
            serde_json::value::to_raw_value(&data).expect("invariant: a map of texts to texts has a JSON form")
        });
        Self { status, code, message: failure.to_string().into(), data, retry_after, quota }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response<Body> {
        Answer::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: Answer) -> String {
        let body = answer.write(Uuid::nil());
        let bytes = futures_util::FutureExt::now_or_never(axum::body::to_bytes(body, usize::MAX)).unwrap().unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn the_envelope_is_written_as_documented() {
        assert_eq!(
            text(Answer::ok(&serde_json::json!({ "openFor": 10800 }))),
            r#"{"status":{"code":0,"message":"Successful","corrId":"00000000-0000-0000-0000-000000000000"},"data":{"openFor":10800}}"#
        );
        assert_eq!(
            text(Failure::from(Refusal::invalid("serviceName", "is required")).into()),
            r#"{"status":{"code":1,"message":"serviceName is required","corrId":"00000000-0000-0000-0000-000000000000"}}"#
        );
    }

    #[test]
    fn statuses_of_libraries_keep_their_number() {
        for status in [400, 404, 405, 413, 415, 500] {
            let failure = Failure::of_status(StatusCode::from_u16(status).unwrap(), 5);
            assert_eq!(failure.wire().status, status);
        }
    }
}
