//! The Statistics service, passed on with the credentials each tenant has registered (integrations 4.5, R-STA-1, R-STA-2).

mod account;
mod kept;
mod registered;

use std::sync::Arc;

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::statistics::{Question, Statistics, StatisticsError};
use ges_http_client::{BuildError, Call, CallError, HttpClient, HttpClientFactory, Policy, Reply, below};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use url::Url;

use crate::{ClientToken, GwsError, GwsObserver, envelope};
pub use account::{Account, Accounts, AccountsError};
use account::{Tokens, fingerprint};
use kept::{Failed, Kept};
pub use registered::{Registered, check};

const SERVICE: &str = "the statistics service";
/// Longest text of an upstream refusal that is passed on, in characters.
const WORDS: usize = 300;

/// The Statistics service behind a memory of answers.
pub struct GwsStatistics {
    http: HttpClient,
    url: Url,
    accounts: Arc<dyn Accounts>,
    tokens: Tokens,
    kept: Kept,
    observer: Arc<dyn GwsObserver>,
}

impl GwsStatistics {
    /// `auth`, `stats`: addresses of Authentication and Statistics, without `/auth/v3` and `/statistics/v3`.
    ///
    /// # Errors
    /// [`BuildError`] when no HTTP client can be made.
    pub fn new(
        factory: &HttpClientFactory,
        auth: Url,
        stats: &Url,
        accounts: Arc<dyn Accounts>,
        observer: Arc<dyn GwsObserver>,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            http: factory.client(Policy::GWS_STATS)?,
            url: below(stats, &["statistics", "v3", "operations", "get-statistic-ex"]),
            accounts,
            tokens: Tokens::new(factory, auth, Arc::clone(&observer))?,
            kept: Kept::new(factory.monotonic(), factory.observer()),
            observer,
        })
    }

    async fn ask(&self, tenant: TenantId, account: &Account, body: &[u8]) -> Result<Arc<str>, Failed> {
        let token = self.tokens.of(tenant, account);
        let call = self.call(tenant, account, body).map_err(down)?;
        let reply = self.send(&call, &token).await?;
        match reply.status() {
            200..300 => read(&reply),
            401 | 403 => Err(Failed::CredentialsRefused),
            _ => Err(Failed::RequestRefused(words(&reply))),
        }
    }

    fn call(&self, tenant: TenantId, account: &Account, body: &[u8]) -> Result<Call, CallError> {
        let body: &RawValue = serde_json::from_slice(body).map_err(|error| CallError::Unsendable(error.into()))?;
        let call = Call::post("get_statistic_ex", "/statistics/v3/operations/get-statistic-ex", self.url.clone());
        let call = call.json(body)?.header("contactcenterid", &tenant.to_string())?;
        match &account.api_key {
            Some(key) => call.header("x-api-key", key.expose_secret()),
            None => Ok(call),
        }
    }

    /// Sends with the account's token; refused, once more with a new one.
    async fn send(&self, call: &Call, token: &ClientToken) -> Result<Reply, Failed> {
        let with = async |token: SecretString| {
            let sent = self.http.send(&call.clone().bearer(token)).await;
            sent.map_err(|source| {
                let failure = GwsError::Call { service: SERVICE, source };
                if failure.is_outage() {
                    self.observer.server_error();
                }
                Failed::Down(Arc::new(failure))
            })
        };
        let first = token.get().await.map_err(no_token)?;
        let reply = with(first.clone()).await?;
        if !matches!(reply.status(), 401 | 403) {
            return Ok(reply);
        }
        let second = token.replace(&first).await.map_err(no_token)?;
        with(second).await
    }
}

#[async_trait]
impl Statistics for GwsStatistics {
    async fn get_statistic_ex(&self, tenant: TenantId, question: Question<'_>) -> Result<Arc<str>, StatisticsError> {
        // Whoever may not ask any more gets nothing that is remembered either.
        let account = self.accounts.of(tenant).await.map_err(|error| Failed::Down(Arc::new(error)))?;
        let account = account.ok_or(Failed::NoCredentials)?;
        let mut digest = Sha256::new_with_prefix(tenant.0.as_bytes());
        digest.update(fingerprint(&account));
        digest.update(question.canonical.as_bytes());
        let key: [u8; 32] = digest.finalize().into();
        let answer = self.kept.recall(key, question.max_age, || self.ask(tenant, &account, question.body)).await;
        answer.map_err(StatisticsError::from)
    }
}

/// What Authentication says of a tenant's own credentials is the tenant's matter; everything else is an outage.
fn no_token(error: GwsError) -> Failed {
    match error {
        GwsError::WrongCredentials | GwsError::Refused { status: 400..404, .. } => Failed::CredentialsRefused,
        other => Failed::Down(Arc::new(other)),
    }
}

fn down(source: CallError) -> Failed {
    Failed::Down(Arc::new(GwsError::Call { service: SERVICE, source }))
}

/// The object under `data`, letter by letter; an enveloped failure is a refusal of the request.
fn read(reply: &Reply) -> Result<Arc<str>, Failed> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let unreadable = || Failed::Down(Arc::new(GwsError::Unreadable { service: SERVICE, wanted: "data" }));
    let whole: Value = reply.json().map_err(down)?;
    if !envelope::is_success(&whole) {
        return Err(Failed::RequestRefused(words(reply)));
    }
    let envelope: Envelope<'_> = serde_json::from_slice(reply.body()).map_err(|_| unreadable())?;
    let data = envelope.data.map(RawValue::get).filter(|data| data.starts_with('{'));
    data.map(Arc::from).ok_or_else(unreadable)
}

/// What upstream said about a refused request, cut to a length that fits a message.
fn words(reply: &Reply) -> Option<String> {
    let answer: Value = reply.json().ok()?;
    let said = [&answer["status"]["message"], &answer["message"], &answer["error_description"]];
    let said = said.into_iter().find_map(Value::as_str)?;
    let text: String = said.chars().filter(|c| !c.is_control()).take(WORDS).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
