//! A session's calls to GES: storage updates, repeated a second apart, three times unless told otherwise (integrations 1.8, 2.10).

use std::time::Duration;

use reqwest::StatusCode;

use super::entry::Start;

/// How GES took an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is durable.
    Accepted,
    /// The session has no right to the callback, or the move is illegal: stop.
    Refused,
    /// No answer that says either.
    Unanswered,
}

/// The caller of storage.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    http: reqwest::Client,
    retries: u32,
    rest: Duration,
}

impl Storage {
    /// With this many retries, one second apart.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub(crate) fn new(retries: u32) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(1))
            .timeout(Duration::from_secs(5))
            .build()?;
        Ok(Self { http, retries, rest: Duration::from_secs(1) })
    }

    /// Tells GES something about the callback of `start`.
    pub(crate) async fn update(&self, start: &Start, session: &str, keys: &[(String, String)]) -> Told {
        for attempt in 0..=self.retries {
            if attempt > 0 {
                tokio::time::sleep(self.rest).await;
            }
            match self.post(start, session, keys).await {
                Ok(status) if status.is_success() => return Told::Accepted,
                Ok(StatusCode::NOT_FOUND | StatusCode::CONFLICT) => return Told::Refused,
                Ok(status) if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                    tracing::warn!(status = status.as_u16(), "an update of a session was not understood");
                    return Told::Unanswered;
                }
                Ok(status) => tracing::debug!(status = status.as_u16(), "an update of a session was not taken"),
                Err(error) => tracing::debug!(error = %error.without_url(), "an update of a session got no answer"),
            }
        }
        Told::Unanswered
    }

    async fn post(
        &self,
        start: &Start,
        session: &str,
        keys: &[(String, String)],
    ) -> Result<StatusCode, reqwest::Error> {
        let url = format!("{}/1/service/{}/storage", start.ges_url, start.service_id);
        let mut request =
            self.http.post(url).header("ContactCenterId", &start.ccid).header("X-ORS-Session-Id", session).form(keys);
        if let Some(corr_id) = &start.corr_id {
            request = request.header("X-Correlation-Id", corr_id);
        }
        Ok(request.send().await?.status())
    }
}
