//! Why GWS gave no usable answer.

use ges_http_client::{CallError, Remedy};

/// No usable answer from GWS.
#[derive(Debug, thiserror::Error)]
pub enum GwsError {
    /// Authentication refused our credentials; it is not asked again for 30 s after the refusal.
    #[error("the authentication service refuses our client credentials")]
    WrongCredentials,
    /// The service refuses us although it accepted, or was not given, a token.
    #[error("{service} refuses us with status {status}")]
    Refused {
        /// Which service.
        service: &'static str,
        /// 401, 403 or another 4xx.
        status: u16,
    },
    /// The service did not answer as HTTP.
    #[error("{service} did not answer")]
    Call {
        /// Which service.
        service: &'static str,
        /// What happened to the call.
        #[source]
        source: CallError,
    },
    /// The answer does not have the form we know.
    #[error("{service} answered in a form we do not know: {wanted} is missing")]
    Unreadable {
        /// Which service.
        service: &'static str,
        /// What was looked for.
        wanted: &'static str,
    },
}

impl GwsError {
    /// What the caller can do.
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::WrongCredentials => Remedy::Retry,
            Self::Refused { .. } | Self::Unreadable { .. } => Remedy::GiveUp,
            Self::Call { source, .. } => source.remedy(),
        }
    }

    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Call { source, .. } if source.is_outage())
    }
}
