//! Signing people in with the house's own authentication service (integrations 4.2).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Cause;
use crate::TenantId;

/// A token of a user. Shows nothing of itself (I11).
#[derive(Clone, PartialEq, Eq)]
pub struct UserToken(String);

impl UserToken {
    /// Wraps the text of a token.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for those who send or seal it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for UserToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserToken(***)")
    }
}

/// What a user's sign-in is worth at the authentication service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserTokens {
    /// Proves the user to services.
    pub access: UserToken,
    /// Fetches the next tokens; none when the service gave none.
    pub refresh: Option<UserToken>,
    /// How long `access` is good, from when it was asked for.
    pub lasts: Duration,
}

/// A user as the authentication service knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Whose user it is.
    pub tenant: TenantId,
    /// The name the configuration knows the user by.
    pub login: String,
    /// The name to show.
    pub name: String,
}

/// The authentication service did not answer, or not in a form we know.
#[derive(Debug, thiserror::Error)]
#[error("the authentication service is not available")]
pub struct IdentityError(#[source] pub Cause);

/// The authentication service as the sign-in needs it. A business "no" is `None`: the code or token is not good.
#[async_trait]
pub trait Identities: Send + Sync {
    /// Where a browser signs in; it comes back to `redirect` with a code and `state`.
    fn sign_in_address(&self, redirect: &str, state: &str) -> String;

    /// Where a browser ends its sign-in at the service; it comes back to `redirect`.
    fn sign_out_address(&self, redirect: &str) -> String;

    /// Tokens for a code that came back to `redirect`. A code is good once.
    ///
    /// # Errors
    /// [`IdentityError`]: the code may be spent.
    async fn redeem(&self, code: &str, redirect: &str) -> Result<Option<UserTokens>, IdentityError>;

    /// The next tokens.
    ///
    /// # Errors
    /// [`IdentityError`]: the tokens at hand are as good as before.
    async fn renew(&self, refresh: &UserToken) -> Result<Option<UserTokens>, IdentityError>;

    /// Whose token it is; may be a minute old.
    ///
    /// # Errors
    /// [`IdentityError`]: nothing is known about the token.
    async fn whose(&self, access: &UserToken) -> Result<Option<Arc<Person>>, IdentityError>;

    /// Ends a token. One that is ended already is a success.
    ///
    /// # Errors
    /// [`IdentityError`]: the token may live on until it expires.
    async fn sign_out(&self, access: &UserToken) -> Result<(), IdentityError>;
}
