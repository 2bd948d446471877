//! Calls with our own token.

use std::sync::Arc;
use std::time::Duration;

use ges_http_client::{Call, CallError, HttpClient, Reply};

use crate::{ClientToken, GwsError, GwsObserver};

/// How long a probe, which has three seconds, waits for a token.
const TOKEN_FOR_A_LOOK: Duration = Duration::from_secs(1);

/// The way to one service, with the client's token.
pub(crate) struct Authorized {
    name: &'static str,
    http: HttpClient,
    tokens: Option<Arc<ClientToken>>,
    observer: Arc<dyn GwsObserver>,
}

impl Authorized {
    /// `name` is for messages. Without `tokens` calls carry no token.
    pub(crate) fn new(
        name: &'static str,
        http: HttpClient,
        tokens: Option<Arc<ClientToken>>,
        observer: Arc<dyn GwsObserver>,
    ) -> Self {
        Self { name, http, tokens, observer }
    }

    /// Sends with our token; after a 401 once more with a new one.
    pub(crate) async fn send(&self, call: Call) -> Result<Reply, GwsError> {
        let Some(tokens) = &self.tokens else {
            return self.http.send(&call).await.map_err(|source| self.failed(source));
        };
        let token = tokens.get().await?;
        let reply = self.http.send(&call.clone().bearer(token.clone())).await.map_err(|source| self.failed(source))?;
        if reply.status() != 401 {
            return Ok(reply);
        }
        let token = tokens.replace(&token).await?;
        self.http.send(&call.bearer(token)).await.map_err(|source| self.failed(source))
    }

    /// Whether the service is there: any status below 500 proves life, also a refusal (integrations 8.3). Goes without a token
    /// when none is to be had: what Authentication does is not this service's doing.
    pub(crate) async fn probe(&self, call: Call) -> Result<Option<Reply>, GwsError> {
        let token = match &self.tokens {
            Some(tokens) => tokio::time::timeout(TOKEN_FOR_A_LOOK, tokens.get()).await.ok().and_then(Result::ok),
            None => None,
        };
        let call = token.into_iter().fold(call.probe(), Call::bearer);
        match self.http.send(&call).await {
            Ok(reply) => Ok(Some(reply)),
            Err(CallError::Status { status: ..500, .. }) => Ok(None),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// The failure of a call, counted when it is an outage.
    pub(crate) fn failed(&self, source: CallError) -> GwsError {
        let failure = GwsError::Call { service: self.name, source };
        if failure.is_outage() {
            self.observer.server_error();
        }
        failure
    }

    pub(crate) const fn refused(&self, status: u16) -> GwsError {
        GwsError::Refused { service: self.name, status }
    }

    pub(crate) const fn unreadable(&self, wanted: &'static str) -> GwsError {
        GwsError::Unreadable { service: self.name, wanted }
    }
}
