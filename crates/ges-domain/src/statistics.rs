//! The statistics proxy (chapter 19): how old an answer may be, and what can go wrong.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Refusal, TenantId};

/// Youngest age that can be asked for, and the age when none is (R-STA-2).
pub const YOUNGEST: Duration = Duration::from_secs(15);
/// How long answers are kept (R-STA-2).
pub const KEPT: Duration = Duration::from_secs(300);

/// How old an answer may be. `asked`: seconds of `max-age`; none means the default (R-STA-2).
pub fn max_age(asked: Option<u64>) -> Duration {
    asked.map_or(YOUNGEST, Duration::from_secs).clamp(YOUNGEST, KEPT)
}

/// What is asked of the statistics service.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The request's body as it came, a JSON object; passed on unchanged.
    pub body: &'a [u8],
    /// The same for every spelling of one request: keys in order, no white space.
    pub canonical: &'a str,
    /// How old the answer may be.
    pub max_age: Duration,
}

/// No answer of the statistics service.
#[derive(Debug, thiserror::Error)]
pub enum StatisticsError {
    /// The tenant has registered no credentials (R-STA-1).
    #[error("no statistics credentials are registered for the tenant")]
    NoCredentials,
    /// The suite refuses the registered credentials, also with a new token.
    #[error("the statistics service refuses the credentials of the tenant")]
    CredentialsRefused,
    /// The service refuses the request; its own words, when it has any.
    #[error("the statistics service refuses the request")]
    RequestRefused(Option<String>),
    /// No usable answer.
    #[error("the statistics service did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The statistics service of the suite, called with each tenant's own credentials.
#[async_trait]
pub trait Statistics: Send + Sync {
    /// The answer's `data` as JSON text, at most `max_age` old. Answers are kept for [`KEPT`] per tenant and canonical
    /// request; a failure is never answered with something older (R-STA-2).
    ///
    /// # Errors
    /// [`StatisticsError`].
    async fn get_statistic_ex(
        &self,
        tenant: TenantId,
        question: Question<'_>,
    ) -> Result<std::sync::Arc<str>, StatisticsError>;
}

impl From<StatisticsError> for Refusal {
    fn from(error: StatisticsError) -> Self {
        match error {
            StatisticsError::NoCredentials => Self::NoStatisticsCredentials,
            StatisticsError::CredentialsRefused => Self::StatisticsCredentialsRefused,
            StatisticsError::RequestRefused(Some(words)) => Self::UpstreamRefused(words),
            StatisticsError::RequestRefused(None) | StatisticsError::Unavailable(_) => Self::UpstreamUnavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_kept_between_fifteen_seconds_and_five_minutes() {
        for (asked, seconds) in [
            (None, 15),
            (Some(0), 15),
            (Some(14), 15),
            (Some(15), 15),
            (Some(60), 60),
            (Some(300), 300),
            (Some(301), 300),
            (Some(u64::MAX), 300),
        ] {
            assert_eq!(max_age(asked).as_secs(), seconds, "R-STA-2 {asked:?}");
        }
    }
}
