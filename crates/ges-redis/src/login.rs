//! Who we are at a Redis: may change while the process runs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use fred::error::Error;
use fred::types::config::{CredentialProvider, Server};
use secrecy::{ExposeSecret, SecretString};

/// User and password. Clones share them, so that a change reaches every connection made from then on. `Debug` shows nothing (I11).
#[derive(Clone, Default)]
pub struct Login(Arc<RwLock<Named>>);

#[derive(Default)]
struct Named {
    user: Option<String>,
    password: Option<SecretString>,
}

impl Login {
    /// No authentication.
    pub fn none() -> Self {
        Self::default()
    }

    /// `user`: of an access list, `None` is the default user. `password`: `None` is no authentication.
    pub fn new(user: Option<String>, password: Option<SecretString>) -> Self {
        Self(Arc::new(RwLock::new(Named { user, password })))
    }

    /// For every connection made from now on; those that stand go on.
    pub fn change(&self, user: Option<String>, password: Option<SecretString>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Named { user, password };
    }

    pub(crate) fn user_and_password(&self) -> (Option<String>, Option<String>) {
        let named = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (named.user.clone(), named.password.as_ref().map(|password| password.expose_secret().to_owned()))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

#[async_trait]
impl CredentialProvider for Login {
    async fn fetch(&self, _: Option<&Server>) -> Result<(Option<String>, Option<String>), Error> {
        Ok(self.user_and_password())
    }
}
