//! Secrets that change while the process runs.

use std::sync::{Arc, PoisonError, RwLock};

use secrecy::SecretString;

/// What a peer is shown, as it is now: whoever sends reads it anew for every call (integrations 10.1). Clones share it; `Debug`
/// does not show it.
#[derive(Debug, Clone, Default)]
pub struct LiveSecret(Arc<RwLock<SecretString>>);

impl LiveSecret {
    /// Starts with this one.
    pub fn new(secret: SecretString) -> Self {
        Self(Arc::new(RwLock::new(secret)))
    }

    /// The secret of this moment.
    pub fn now(&self) -> SecretString {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on it is another one.
    pub fn change(&self, secret: SecretString) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = secret;
    }
}
