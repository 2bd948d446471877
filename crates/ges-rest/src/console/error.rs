//! Why a request of the console is not carried out.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::answer::{Answer, CODE_TOO_LARGE};

/// Why somebody may not act at the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsoleError {
    /// There is no session, or it is over.
    #[error("Sign in first")]
    SignedOut,
    /// The browser was not expected back with this state: it is used, old, or of another browser.
    #[error("This sign-in was used already, took too long, or began in another browser")]
    UnknownReturn,
    /// The authentication service does not accept what the browser brought.
    #[error("The sign-in was not accepted")]
    Refused,
    /// R-RB-5.
    #[error("You have no callback role")]
    NoRole,
    /// The role does not allow it.
    #[error("Your role does not allow this")]
    Forbidden,
    /// The header that other sites cannot send is missing or wrong.
    #[error("X-GES-CSRF is missing or wrong")]
    Forged,
    /// The body is not what it should be.
    #[error("The body is not a JSON object with the fields of this call")]
    Malformed,
    /// The body has more bytes than the listener takes (integrations 8.1).
    #[error("The body is larger than {limit} bytes")]
    TooLarge {
        /// Bytes that pass.
        limit: usize,
    },
    /// Something the console depends on does not answer.
    #[error("The console is not available at the moment")]
    Down,
}

impl ConsoleError {
    /// Something does not answer; the operator finds it in the log.
    pub(crate) fn down(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(error, "the console cannot decide");
        Self::Down
    }

    const fn wire(self) -> (StatusCode, u16) {
        match self {
            Self::Malformed | Self::UnknownReturn => (StatusCode::BAD_REQUEST, 1),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, CODE_TOO_LARGE),
            Self::SignedOut | Self::Refused => (StatusCode::UNAUTHORIZED, 10),
            Self::NoRole | Self::Forbidden | Self::Forged => (StatusCode::FORBIDDEN, 12),
            Self::Down => (StatusCode::SERVICE_UNAVAILABLE, 51),
        }
    }
}

impl IntoResponse for ConsoleError {
    fn into_response(self) -> Response {
        let (status, code) = self.wire();
        let mut answer = Answer::with(status, code, self.to_string(), &json!({}));
        answer.data = None;
        answer.retry_after = (self == Self::Down).then_some(5);
        answer.into_response()
    }
}
