//! Starting sessions by the REST interface, for laboratories without a stream (integrations 1.3, `ors.start_mode`).
//!
//! The stream keeps what it was given and its readers collapse repeats; a call does neither. So this is no way to run a contact
//! centre: an answer that is lost starts a second session, which is refused when it binds (R-SUB-8).

use async_trait::async_trait;
use ges_domain::ports::{Dispatch, StreamError, SubmissionStream};
use ges_http_client::{Call, CallError, HttpClient, below};
use serde_json::Value;
use url::Url;

use crate::entry::{Origin, Writer, corr_id};

/// Sessions started one by one, each by a call.
pub struct RestStart {
    client: HttpClient,
    start: Url,
    origin: Origin,
}

impl RestStart {
    /// `client` keeps the policy `ORS_EVENTS`; `ors_url` is the base of the REST interface.
    pub fn new(client: HttpClient, ors_url: &Url, origin: Origin) -> Self {
        Self { client, start: below(ors_url, &["scxml", "session", "start"]), origin }
    }

    async fn start(&self, dispatch: &Dispatch) -> Result<(), CallError> {
        let corr_id = corr_id(dispatch.callback.id, dispatch.attempt);
        let fields = Writer::new(&self.origin).entry(dispatch, &corr_id);
        let form = form(&fields);
        let form: Vec<(&str, &str)> = form.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let call = Call::post("start", "/scxml/session/start", self.start.clone()).form(&form);
        self.client.send(&call).await?.success().map(drop)
    }
}

/// The application as `src`, then the keys of the entry's payload, texts as they are and everything else as JSON.
fn form(fields: &[(&'static str, String)]) -> Vec<(String, String)> {
    let field = |name: &str| fields.iter().find(|(field, _)| *field == name).map_or("", |(_, value)| value.as_str());
    let mut form = vec![("src".to_owned(), field("application").to_owned())];
    form.push(("_ges_url".to_owned(), field("gesUrl").to_owned()));
    form.push(("_attempt".to_owned(), field("attempt").to_owned()));
    let data: serde_json::Map<String, Value> = serde_json::from_str(field("data")).unwrap_or_default();
    form.extend(data.into_iter().map(|(key, value)| {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (key, text)
    }));
    form
}

#[async_trait]
impl SubmissionStream for RestStart {
    async fn submit(&self, batch: &[Dispatch]) -> Result<(), StreamError> {
        for (started, dispatch) in batch.iter().enumerate() {
            self.start(dispatch)
                .await
                .map_err(|error| crate::refusal(batch.len() - started, batch.len(), error.into()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ges_http_client::{HttpClientFactory, Policy};
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::fixture::{dispatches, origin};

    #[tokio::test]
    async fn each_attempt_is_a_call_with_the_application_and_the_payload() {
        let ors = MockServer::start().await;
        let started = ResponseTemplate::new(200).set_body_string("{\"sessionId\":\"ABC\"}");
        Mock::given(method("POST")).and(path("/scxml/session/start")).respond_with(started).mount(&ors).await;
        let client = HttpClientFactory::default().client(Policy::ORS_EVENTS).unwrap();
        let start = RestStart::new(client, &ors.uri().parse().unwrap(), origin());
        let batch = dispatches(2);
        start.submit(&batch).await.unwrap();
        let calls = ors.received_requests().await.unwrap();
        assert_eq!(calls.len(), 2);
        let form: std::collections::HashMap<_, _> = url::form_urlencoded::parse(&calls[1].body).into_owned().collect();
        assert_eq!(form["src"], batch[1].service.settings.callback_application);
        assert_eq!(form["_service_id"], batch[1].callback.id.to_string());
        assert_eq!(form["_ges_url"], origin().ges_url);
        assert!(form["_user_data"].starts_with('{'), "{form:?}");
    }

    #[tokio::test]
    async fn what_was_not_started_is_told() {
        let ors = MockServer::start().await;
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(500)).mount(&ors).await;
        let client = HttpClientFactory::default().client(Policy::ORS_EVENTS).unwrap();
        let start = RestStart::new(client, &ors.uri().parse().unwrap(), origin());
        let error = start.submit(&dispatches(3)).await.unwrap_err();
        assert_eq!((error.refused, error.total), (3, 3), "R-SUB-7");
    }
}
