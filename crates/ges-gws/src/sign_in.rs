//! Users' own tokens from the Authentication service (integrations 4.2.1 to 4.2.3).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::ports::{Identities, IdentityError, Person, UserToken, UserTokens};
use ges_http_client::{BuildError, Call, CallError, HttpClient, HttpClientFactory, Policy, Reply, below};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::memory::{Freshness, Memory};
use crate::token::{Endpoint, Granted, Repeat, SERVICE, outage};
use crate::{Credentials, GwsError, GwsObserver, envelope};

/// Time to learn whose a token is, retries included.
const WHOSE_TIME: Duration = Duration::from_secs(5);

/// The Authentication service on behalf of people. Whose a token is stays known for a minute, by the token's SHA-256.
pub struct SignIn {
    tokens: HttpClient,
    users: HttpClient,
    base: Url,
    public: Url,
    credentials: Mutex<Credentials>,
    observer: Arc<dyn GwsObserver>,
    people: Memory<[u8; 32], Arc<Person>>,
}

impl SignIn {
    /// `base`: the Authentication service as we reach it; `public`: as browsers do. Both without `/auth/v3`.
    ///
    /// # Errors
    /// [`BuildError`] when no HTTP client can be made.
    pub fn new(
        factory: &HttpClientFactory,
        base: Url,
        public: Url,
        credentials: Credentials,
        observer: Arc<dyn GwsObserver>,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            tokens: factory.client(Policy::GWS_AUTH_TOKEN)?,
            users: factory.client(Policy::GWS_USER_INFO)?,
            base,
            public,
            credentials: Mutex::new(credentials),
            observer,
            people: Memory::new(factory, "gws_people", Freshness::TOKENS),
        })
    }

    /// Speaks for the client with these from now on.
    pub fn change_credentials(&self, credentials: Credentials) {
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = credentials;
    }

    fn credentials(&self) -> Credentials {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn grant(
        &self,
        credentials: &Credentials,
        form: &[(&str, &str)],
    ) -> Result<Option<UserTokens>, IdentityError> {
        let url = below(&self.base, &["auth", "v3", "oauth", "token"]);
        let endpoint = Endpoint { http: &self.tokens, url: &url, credentials };
        match endpoint.ask(form, Repeat::Never, &*self.observer).await {
            Ok(Granted { text, refresh, life }) => Ok(Some(UserTokens {
                access: UserToken::new(text.expose_secret()),
                refresh: refresh.map(|text| UserToken::new(text.expose_secret())),
                lasts: life,
            })),
            Err(GwsError::Refused { status: 400 | 403, .. }) => Ok(None),
            Err(failure) => Err(IdentityError(failure.into())),
        }
    }

    /// Who the token belongs to, from `userinfo`, or from its OpenID form where there is no other.
    async fn look_up(&self, access: &UserToken) -> Result<Option<Arc<Person>>, GwsError> {
        let plain = below(&self.base, &["auth", "v3", "userinfo"]);
        let mut reply = self.ask(Call::get("userinfo", "/auth/v3/userinfo", plain), access).await?;
        if reply.status() == 404 {
            let open = below(&self.base, &["auth", "v3", "openid", "userinfo"]);
            reply = self.ask(Call::get("userinfo", "/auth/v3/openid/userinfo", open), access).await?;
        }
        match reply.status() {
            200..300 => person(&reply.json().map_err(outage)?).map(|person| Some(Arc::new(person))),
            401 | 403 => Ok(None),
            status => Err(GwsError::Refused { service: SERVICE, status }),
        }
    }

    async fn ask(&self, call: Call, access: &UserToken) -> Result<Reply, GwsError> {
        let call = call.bearer(SecretString::from(access.expose().to_owned())).within(WHOSE_TIME);
        self.users.send(&call).await.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: CallError) -> GwsError {
        let failure = outage(source);
        if failure.is_outage() {
            self.observer.server_error();
        }
        failure
    }

    fn public_address(&self, path: &[&str], query: &[(&str, &str)]) -> String {
        let mut url = below(&self.public, path);
        url.query_pairs_mut().extend_pairs(query);
        url.into()
    }
}

/// A person in either spelling of `userinfo`.
fn person(answer: &Value) -> Result<Person, GwsError> {
    let lacking = |wanted| GwsError::Unreadable { service: SERVICE, wanted };
    let login = envelope::text(answer, &["loginName", "cmeUserName", "cme_user_name", "login_name"]);
    let name = envelope::text(answer, &["username", "user_name", "preferred_username", "sub"]);
    let center = envelope::text(answer, &["contactCenterId", "contact_center_id"]);
    let tenant = center.and_then(|center| center.parse::<TenantId>().ok());
    // A name alone may carry the domain after an @, or before a backslash.
    let bare = |name: &String| {
        let own = name.rsplit_once('\\').map_or(name.as_str(), |(_, own)| own);
        own.split_once('@').map_or(own, |(own, _)| own).to_owned()
    };
    let login = login.or_else(|| name.as_ref().map(bare)).ok_or(lacking("the name of a user"))?;
    Ok(Person {
        tenant: tenant.ok_or(lacking("the contact center of a user"))?,
        name: name.unwrap_or_else(|| login.clone()),
        login,
    })
}

#[async_trait]
impl Identities for SignIn {
    fn sign_in_address(&self, redirect: &str, state: &str) -> String {
        let credentials = self.credentials();
        let query = [
            ("response_type", "code"),
            ("client_id", &credentials.client_id),
            ("redirect_uri", redirect),
            ("scope", "*"),
            ("state", state),
        ];
        self.public_address(&["auth", "v3", "oauth", "authorize"], &query)
    }

    fn sign_out_address(&self, redirect: &str) -> String {
        self.public_address(&["auth", "v3", "sign-out"], &[("redirect_uri", redirect)])
    }

    async fn redeem(&self, code: &str, redirect: &str) -> Result<Option<UserTokens>, IdentityError> {
        let credentials = self.credentials();
        let client_id = credentials.client_id.as_str();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("client_id", client_id),
        ];
        self.grant(&credentials, &form).await
    }

    async fn renew(&self, refresh: &UserToken) -> Result<Option<UserTokens>, IdentityError> {
        let credentials = self.credentials();
        let client_id = credentials.client_id.as_str();
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("client_id", client_id),
            ("scope", "*"),
        ];
        self.grant(&credentials, &form).await
    }

    async fn whose(&self, access: &UserToken) -> Result<Option<Arc<Person>>, IdentityError> {
        let key: [u8; 32] = Sha256::digest(access.expose().as_bytes()).into();
        self.people.recall(key, |_| self.look_up(access)).await.map_err(|cause| IdentityError(Box::new(cause)))
    }

    async fn sign_out(&self, access: &UserToken) -> Result<(), IdentityError> {
        let url = below(&self.base, &["auth", "v3", "sign-out"]);
        let call = Call::post("sign_out", "/auth/v3/sign-out", url).form(&[("global", "false")]).idempotent();
        let key: [u8; 32] = Sha256::digest(access.expose().as_bytes()).into();
        self.people.forget(&key).await;
        match self.ask(call, access).await.map_err(|failure| IdentityError(failure.into()))?.status() {
            200..300 | 401 | 403 => Ok(()),
            status => Err(IdentityError(GwsError::Refused { service: SERVICE, status }.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CCID: &str = "c0ffee00-0000-4000-8000-000000000100";

    #[test]
    fn a_person_reads_in_every_spelling() {
        for (answer, login, name) in [
            (json!({ "username": "super@t100", "loginName": "super", "contactCenterId": CCID }), "super", "super@t100"),
            (json!({ "sub": "1", "user_name": "super@t100", "contact_center_id": CCID }), "super", "super@t100"),
            (json!({ "username": "t100\\super", "contactCenterId": CCID }), "super", "t100\\super"),
            (json!({ "cmeUserName": "super", "contactCenterId": CCID }), "super", "super"),
        ] {
            let person = person(&answer).unwrap();
            assert_eq!((person.login.as_str(), person.name.as_str()), (login, name), "{answer}");
            assert_eq!(person.tenant.to_string(), CCID);
        }
        for answer in [
            json!({}),
            json!({ "username": "a" }),
            json!({ "contactCenterId": CCID }),
            json!([]),
            json!({ "username": "a", "contactCenterId": "t100" }),
        ] {
            assert!(person(&answer).is_err(), "{answer}");
        }
    }
}
