//! Our own token from the Authentication service (integrations 4.2.1).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ges_http_client::{BuildError, Call, CallError, HttpClient, HttpClientFactory, Monotonic, Policy, below};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::{GwsError, GwsObserver, envelope};

pub(crate) const SERVICE: &str = "the authentication service";
/// Rest after Authentication refused our credentials: a wrong secret does not become right by asking.
const REFUSED_REST: Duration = Duration::from_secs(30);
/// Rest after a renewal failed while the token at hand still serves.
const RENEWAL_REST: Duration = Duration::from_secs(5);
/// A service that refuses even new tokens makes us fetch one this often at most.
const REPLACEMENT_REST: Duration = Duration::from_secs(5);
/// Lifetime of a token whose answer names none.
const UNNAMED_LIFETIME: u64 = 300;
/// No token is believed to live longer.
const LONGEST_LIFETIME: u64 = 366 * 24 * 60 * 60;
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
    credentials: Mutex<Credentials>,
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
            credentials: Mutex::new(credentials),
            clock,
            observer,
            held: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// Asks with these from now on, and at once when the old ones were refused. The token at hand goes on serving.
    pub fn change_credentials(&self, credentials: Credentials) {
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = credentials;
        let mut held = self.held();
        (held.refused_until, held.rest_until) = (Duration::ZERO, Duration::ZERO);
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
        match self.http.send(&Call::get("ping", "/auth/v3/ping", self.ping.clone()).probe()).await {
            Ok(_) | Err(CallError::Status { status: ..500, .. }) => Ok(()),
            Err(source) => Err(outage(source)),
        }
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
    fn grant<'a>(&'a self, client_id: &'a str) -> Vec<(&'static str, &'a str)> {
        match &self.user {
            None => vec![("grant_type", "client_credentials"), ("scope", "*")],
            Some(user) => vec![
                ("grant_type", "password"),
                ("username", &user.name),
                ("password", user.password.expose_secret()),
                ("client_id", client_id),
                ("scope", "*"),
            ],
        }
    }

    async fn fetch(&self) -> Result<Token, GwsError> {
        let credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let endpoint = Endpoint { http: &self.http, url: &self.url, credentials: &credentials };
        let asked_at = (self.clock)();
        // A token fetched twice does no harm.
        let granted = endpoint.ask(&self.grant(&credentials.client_id), Repeat::Freely, &*self.observer).await?;
        Ok(Token {
            text: granted.text,
            renew_at: asked_at + granted.life * 4 / 5,
            expires_at: asked_at.saturating_add(granted.life),
        })
    }
}

/// Whether a grant may be asked for again after silence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Freely,
    /// What is shown for it is good once.
    Never,
}

/// Where tokens are granted, and to which client.
pub(crate) struct Endpoint<'a> {
    pub(crate) http: &'a HttpClient,
    pub(crate) url: &'a Url,
    pub(crate) credentials: &'a Credentials,
}

/// A granted token.
pub(crate) struct Granted {
    pub(crate) text: SecretString,
    pub(crate) refresh: Option<SecretString>,
    pub(crate) life: Duration,
}

impl Endpoint<'_> {
    /// Asks for a token with this form. [`GwsError::Refused`] tells that what the form shows is not good.
    pub(crate) async fn ask(
        &self,
        form: &[(&str, &str)],
        repeat: Repeat,
        observer: &dyn GwsObserver,
    ) -> Result<Granted, GwsError> {
        let call = Call::post("token", "/auth/v3/oauth/token", self.url.clone())
            .basic(&self.credentials.client_id, self.credentials.client_secret.clone())
            .form(form)
            .within(TOKEN_TIME);
        let call = if repeat == Repeat::Freely { call.idempotent() } else { call };
        let reply = self.http.send(&call).await.map_err(|source| {
            let failure = outage(source);
            if failure.is_outage() {
                observer.server_error();
            }
            failure
        })?;
        let invalid_client = || reply.json::<Value>().is_ok_and(|answer| answer["error"] == "invalid_client");
        match reply.status() {
            200..300 => {}
            status if status == 401 || (status == 400 && invalid_client()) => {
                observer.wrong_credentials();
                return Err(GwsError::WrongCredentials);
            }
            status => return Err(GwsError::Refused { service: SERVICE, status }),
        }
        let answer: Value = reply.json().map_err(outage)?;
        let text =
            |field: &str| answer[field].as_str().filter(|text| !text.is_empty()).map(|text| text.to_owned().into());
        let life = envelope::seconds(&answer["expires_in"]).unwrap_or(UNNAMED_LIFETIME).min(LONGEST_LIFETIME);
        Ok(Granted {
            text: text("access_token").ok_or(GwsError::Unreadable { service: SERVICE, wanted: "access_token" })?,
            refresh: text("refresh_token"),
            life: Duration::from_secs(life),
        })
    }
}

pub(crate) fn outage(source: CallError) -> GwsError {
    GwsError::Call { service: SERVICE, source }
}
