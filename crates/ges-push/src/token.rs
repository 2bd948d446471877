//! Access tokens for service accounts (integrations 6.2): one per account, fetched by one caller at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ges_domain::Instant;
use ges_http_client::{Call, CallError, HttpClient, Monotonic};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::credential::ServiceAccount;

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// A token is renewed so long before it expires.
const MARGIN: Duration = Duration::from_secs(120);
/// How long an account that was refused is left alone.
const BROKEN_REST: Duration = Duration::from_secs(300);
/// Life of a token whose answer names none.
const UNNAMED_LIFE: u64 = 300;
/// Time for a token.
const TOKEN_TIME: Duration = Duration::from_secs(5);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoToken {
    /// Google refuses the account: a bad key, a disabled account, or clocks apart.
    #[error("the service account was refused")]
    Refused,
    /// It was refused lately and is left alone.
    #[error("the service account was refused lately")]
    Broken,
    /// No usable answer.
    #[error("no access token")]
    Call(#[source] CallError),
}

#[derive(Default)]
struct Held {
    token: Option<SecretString>,
    renew_at: Duration,
    broken_until: Duration,
}

/// The token of one account.
#[derive(Default)]
struct Slot {
    held: Mutex<Held>,
    fetching: tokio::sync::Mutex<()>,
}

/// What we sign.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

/// Everything a token was given for, by its hash. The names of an account and of its key are no secrets: who holds no private
/// key must neither get the token of somebody who does, nor have that account left alone (I9).
type Proof = [u8; 32];

fn proof(account: &ServiceAccount) -> Proof {
    let parts = [
        account.client_email.as_str(),
        &account.private_key_id,
        account.token_uri.as_str(),
        account.private_key.expose_secret(),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Tokens by account.
pub(crate) struct Tokens {
    clock: Monotonic,
    slots: Mutex<HashMap<Proof, Arc<Slot>>>,
}

impl Slot {
    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self, now: Duration) -> Result<Option<SecretString>, NoToken> {
        let held = self.held();
        if now < held.broken_until {
            return Err(NoToken::Broken);
        }
        Ok(held.token.clone().filter(|_| now < held.renew_at))
    }
}

impl Tokens {
    pub(crate) fn new(clock: Monotonic) -> Self {
        Self { clock, slots: Mutex::default() }
    }

    fn slot(&self, account: &ServiceAccount) -> Arc<Slot> {
        let proof = proof(account);
        Arc::clone(self.slots.lock().unwrap_or_else(PoisonError::into_inner).entry(proof).or_default())
    }

    /// A token that is good for two minutes at least. `now`: what the assertion says the time is.
    pub(crate) async fn get(
        &self,
        http: &HttpClient,
        account: &ServiceAccount,
        now: Instant,
    ) -> Result<SecretString, NoToken> {
        let slot = self.slot(account);
        if let Some(token) = slot.usable((self.clock)())? {
            return Ok(token);
        }
        let _turn = slot.fetching.lock().await;
        if let Some(token) = slot.usable((self.clock)())? {
            return Ok(token);
        }
        let asked_at = (self.clock)();
        match fetch(http, account, now).await {
            Ok((token, life)) => {
                let renew_at = asked_at + life.saturating_sub(MARGIN);
                *slot.held() = Held { token: Some(token.clone()), renew_at, ..Held::default() };
                Ok(token)
            }
            Err(NoToken::Refused) => {
                self.broken(account);
                Err(NoToken::Refused)
            }
            Err(error) => Err(error),
        }
    }

    /// Drops a token that a service has refused, so that the next caller fetches another.
    pub(crate) fn forget(&self, account: &ServiceAccount, refused: &SecretString) {
        let slot = self.slot(account);
        let mut held = slot.held();
        if held.token.as_ref().is_some_and(|token| token.expose_secret() == refused.expose_secret()) {
            held.token = None;
        }
    }

    /// Leaves an account alone for a while (integrations 6.2, 6.5).
    pub(crate) fn broken(&self, account: &ServiceAccount) {
        tracing::error!(
            project = account.project_id,
            "the push credential is refused; its pushes fail for five minutes"
        );
        self.slot(account).held().broken_until = (self.clock)() + BROKEN_REST;
    }
}

async fn fetch(http: &HttpClient, account: &ServiceAccount, now: Instant) -> Result<(SecretString, Duration), NoToken> {
    let assertion = sign(account, now).map_err(|error| NoToken::Call(CallError::Unsendable(error.into())))?;
    let call = Call::post("token", "/token", account.token_uri.clone())
        .form(&[("grant_type", GRANT), ("assertion", assertion.expose_secret())])
        .within(TOKEN_TIME);
    let reply = http.send(&call).await.map_err(NoToken::Call)?;
    if matches!(reply.status(), 400 | 401 | 403) {
        return Err(NoToken::Refused);
    }
    let reply = reply.success().map_err(NoToken::Call)?;
    let answer: Value = reply.json().map_err(NoToken::Call)?;
    let token = answer["access_token"].as_str().filter(|token| !token.is_empty()).ok_or(NoToken::Refused)?;
    let life = Duration::from_secs(answer["expires_in"].as_u64().unwrap_or(UNNAMED_LIFE));
    Ok((token.to_owned().into(), life))
}

/// The assertion that stands for the account for an hour.
fn sign(account: &ServiceAccount, now: Instant) -> Result<SecretString, jsonwebtoken::errors::Error> {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(account.private_key_id.clone()).filter(|id| !id.is_empty());
    let iat = now.seconds();
    let claims = Claims {
        iss: &account.client_email,
        scope: SCOPE,
        aud: account.token_uri.as_str(),
        iat,
        exp: iat.saturating_add(3_600),
    };
    let key = EncodingKey::from_rsa_pem(account.private_key.expose_secret().as_bytes())?;
    Ok(jsonwebtoken::encode(&header, &claims, &key)?.into())
}
