//! Our own token from the Authentication service (integrations 4.2.1).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ges_http_client::{BuildError, Call, CallError, HttpClient, HttpClientFactory, Monotonic, Policy, below};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::{GwsError, GwsObserver, envelope};

const SERVICE: &str = "the authentication service";
/// Rest after Authentication refused our credentials: a wrong secret does not become right by asking.
const REFUSED_REST: Duration = Duration::from_secs(30);
/// Rest after a renewal failed while the token at hand still serves.
const RENEWAL_REST: Duration = Duration::from_secs(5);
/// A service that refuses even new tokens makes us fetch one this often at most.
const REPLACEMENT_REST: Duration = Duration::from_secs(5);
/// Lifetime of a token whose answer names none.
const UNNAMED_LIFETIME: u64 = 300;
/// Time for a token, retries included.
const TOKEN_TIME: Duration = Duration::from_secs(5);

/// Client id and secret. `Debug` does not show the secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The client id.
    pub client_id: String,
    /// The client secret, in clear.
    pub client_secret: SecretString,
}

#[derive(Clone)]
struct Token {
    text: SecretString,
    renew_at: Duration,
    expires_at: Duration,
}

#[derive(Default)]
struct Held {
    token: Option<Token>,
    refused_until: Duration,
    rest_until: Duration,
    replace_from: Duration,
}

/// A user whose rights a token is to have, beside those of the client. `Debug` does not show the password.
#[derive(Debug, Clone)]
pub struct User {
    /// The user's name, with or without its domain.
    pub name: String,
    /// The password, in clear.
    pub password: SecretString,
}

/// One token of one client: fetched by one caller at a time, renewed at 80 % of its life, used until it expires.
pub struct ClientToken {
    http: Arc<HttpClient>,
    user: Option<User>,
    url: Url,
    ping: Url,
    credentials: Credentials,
    clock: Monotonic,
    observer: Arc<dyn GwsObserver>,
    held: Mutex<Held>,
    fetching: tokio::sync::Mutex<()>,
}

impl ClientToken {
    /// `base`: address of the Authentication service, without `/auth/v3`.
    ///
    /// # Errors
    /// [`BuildError`] when no HTTP client can be made.
    pub fn new(
        factory: &HttpClientFactory,
        base: &Url,
        credentials: Credentials,
        observer: Arc<dyn GwsObserver>,
    ) -> Result<Self, BuildError> {
        let http = Arc::new(factory.client(Policy::GWS_AUTH_TOKEN)?);
        Ok(Self::over(http, base, credentials, None, factory.monotonic(), observer))
    }

    /// A token of another client, or of a user through it, over an HTTP client that keeps the policy `GWS_AUTH_TOKEN`.
    pub(crate) fn over(
        http: Arc<HttpClient>,
        base: &Url,
        credentials: Credentials,
        user: Option<User>,
        clock: Monotonic,
        observer: Arc<dyn GwsObserver>,
    ) -> Self {
        Self {
            http,
            user,
            url: below(base, &["auth", "v3", "oauth", "token"]),
            ping: below(base, &["auth", "v3", "ping"]),
            credentials,
            clock,
            observer,
            held: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// A token that has not expired.
    ///
    /// # Errors
    /// [`GwsError`] when there is none and none is to be had.
    pub async fn get(&self) -> Result<SecretString, GwsError> {
        let now = (self.clock)();
        if let Some(token) = self.usable(now, |token, held| now < token.renew_at || now < held.rest_until) {
            return Ok(token);
        }
        // While one caller renews, the others go on with what is at hand.
        let _turn = match self.fetching.try_lock() {
            Ok(turn) => turn,
            Err(_) => match self.usable(now, |_, _| true) {
                Some(token) => return Ok(token),
                None => self.fetching.lock().await,
            },
        };
        let now = (self.clock)();
        if let Some(token) = self.usable(now, |token, held| now < token.renew_at || now < held.rest_until) {
            return Ok(token);
        }
        let failure = if now < self.held().refused_until {
            GwsError::WrongCredentials
        } else {
            match self.fetch().await {
                Ok(token) => return Ok(self.keep(token)),
                Err(failure) => self.note(failure),
            }
        };
        let now = (self.clock)();
        self.usable(now, |_, _| true).ok_or(failure)
    }

    /// A token in place of `refused`, which a service has just answered with 401.
    ///
    /// The same one again when a token was replaced within the last 5 s: then its age is not the trouble.
    ///
    /// # Errors
    /// As [`ClientToken::get`].
    pub async fn replace(&self, refused: &SecretString) -> Result<SecretString, GwsError> {
        self.forget(refused);
        self.get().await
    }

    /// Whether Authentication is there: any status below 500 proves life (integrations 8.3).
    ///
    /// # Errors
    /// [`GwsError::Call`] when it is not.
    pub async fn probe(&self) -> Result<(), GwsError> {
        self.http.send(&Call::get("ping", "/auth/v3/ping", self.ping.clone())).await.map(drop).map_err(outage)
    }

    /// Drops the token unless another caller has replaced it already, or one was replaced a moment ago.
    fn forget(&self, refused: &SecretString) {
        let now = (self.clock)();
        let mut held = self.held();
        let same = |token: &Token| token.text.expose_secret() == refused.expose_secret();
        if held.token.as_ref().is_some_and(same) && held.replace_from <= now {
            held.token = None;
            held.replace_from = now + REPLACEMENT_REST;
        }
    }

    fn keep(&self, token: Token) -> SecretString {
        let text = token.text.clone();
        let mut held = self.held();
        *held = Held { token: Some(token), replace_from: held.replace_from, ..Held::default() };
        text
    }

    /// Notes how long Authentication is to be left alone.
    fn note(&self, failure: GwsError) -> GwsError {
        tracing::warn!(error = %failure, "no new client token");
        let now = (self.clock)();
        let mut held = self.held();
        held.rest_until = now + RENEWAL_REST;
        if matches!(failure, GwsError::WrongCredentials) {
            held.refused_until = now + REFUSED_REST;
            held.rest_until = held.refused_until;
        }
        failure
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self, now: Duration, also: impl Fn(&Token, &Held) -> bool) -> Option<SecretString> {
        let held = self.held();
        let token = held.token.as_ref().filter(|token| now < token.expires_at && also(token, &held))?;
        Some(token.text.clone())
    }

    /// The form of the grant (integrations 4.2.1).
    fn grant(&self) -> Vec<(&'static str, &str)> {
        match &self.user {
            None => vec![("grant_type", "client_credentials"), ("scope", "*")],
            Some(user) => vec![
                ("grant_type", "password"),
                ("username", &user.name),
                ("password", user.password.expose_secret()),
                ("client_id", &self.credentials.client_id),
                ("scope", "*"),
            ],
        }
    }

    async fn fetch(&self) -> Result<Token, GwsError> {
        let call = Call::post("token", "/auth/v3/oauth/token", self.url.clone())
            .basic(&self.credentials.client_id, self.credentials.client_secret.clone())
            .form(&self.grant())
            // A token fetched twice does no harm.
            .idempotent()
            .within(TOKEN_TIME);
        let asked_at = (self.clock)();
        let reply = self.http.send(&call).await.map_err(|source| {
            let failure = outage(source);
            if failure.is_outage() {
                self.observer.server_error();
            }
            failure
        })?;
        let invalid_client = || reply.json::<Value>().is_ok_and(|answer| answer["error"] == "invalid_client");
        match reply.status() {
            200..300 => {}
            status if status == 401 || (status == 400 && invalid_client()) => {
                self.observer.wrong_credentials();
                return Err(GwsError::WrongCredentials);
            }
            status => return Err(GwsError::Refused { service: SERVICE, status }),
        }
        let answer: Value = reply.json().map_err(outage)?;
        let text = answer["access_token"].as_str().filter(|text| !text.is_empty());
        let text = text.ok_or(GwsError::Unreadable { service: SERVICE, wanted: "access_token" })?;
        let life = Duration::from_secs(envelope::seconds(&answer["expires_in"]).unwrap_or(UNNAMED_LIFETIME));
        Ok(Token {
            text: text.to_owned().into(),
            renew_at: asked_at + life * 4 / 5,
            expires_at: asked_at.saturating_add(life),
        })
    }
}

fn outage(source: CallError) -> GwsError {
    GwsError::Call { service: SERVICE, source }
}
