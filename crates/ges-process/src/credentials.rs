//! Credentials of tenants and those who use them: the vault, pushes, CAPTCHA.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use ges_captcha::{CaptchaSettings, Recaptcha};
use ges_config::{Captcha, Push as PushSettings};
use ges_domain::ports::{Clock, CredentialKind, OpenCredentials, SealedCredentials};
use ges_push::{FcmSettings, NexusSettings, Provider, Push};
use ges_vault::{Keys, LiveKeys, Vault};
use secrecy::{ExposeSecret as _, SecretString};

use crate::Outbound;

/// Whether a document is what its kind needs.
fn check(kind: CredentialKind, name: &str, document: &str) -> Result<(), String> {
    match kind {
        CredentialKind::Push => ges_push::check(document),
        CredentialKind::Captcha => ges_captcha::check(name, document),
        CredentialKind::Statistics => ges_gws::check_account(document),
    }
}

/// The vault over a store. Without a key nothing can be provisioned, and what needs a credential fails.
///
/// # Errors
/// The configured key does not read.
pub fn vault(key: Option<&SecretString>, store: Arc<dyn SealedCredentials>) -> Result<Arc<Vault>> {
    let keys = key.map(|key| Keys::read(key.expose_secret())).transpose();
    Ok(Arc::new(Vault::new(keys.context("GES_SECURITY__CREDENTIALS_KEY")?, store, check)))
}

/// Seals and opens with new keys from now on; a key that does not read changes nothing.
pub fn use_new_keys(vault: &Vault, key: Option<&SecretString>) {
    match key.map(|key| Keys::read(key.expose_secret())).transpose() {
        Ok(keys) => vault.change_keys(keys),
        Err(error) => tracing::warn!(%error, "GES_SECURITY__CREDENTIALS_KEY does not read now; the keys in use stay"),
    }
}

/// The keys that seal sessions of the console; none when none is configured, and then nobody signs in.
///
/// # Errors
/// The configured key does not read.
pub fn session_keys(key: Option<&SecretString>) -> Result<Option<Arc<LiveKeys>>> {
    let keys = key.map(|key| Keys::read(key.expose_secret())).transpose().context("GES_SECURITY__SESSION_KEY")?;
    Ok(keys.map(|keys| Arc::new(LiveKeys::new(keys))))
}

/// Seals and opens sessions with new keys from now on; a key that is gone, or does not read, changes nothing.
pub fn use_new_session_keys(keys: &LiveKeys, key: Option<&SecretString>) {
    match key.map(|key| Keys::read(key.expose_secret())) {
        Some(Ok(new)) => keys.change(new),
        Some(Err(error)) => tracing::warn!(%error, "GES_SECURITY__SESSION_KEY does not read now; the keys in use stay"),
        None => tracing::warn!("GES_SECURITY__SESSION_KEY is gone; the keys in use stay until the next start"),
    }
}

impl Outbound {
    /// Whoever brings pushes to phones. None, with a warning, when no client can be made for it: a deployment without root
    /// certificates still makes callbacks.
    pub fn push(
        &self,
        settings: &PushSettings,
        credentials: Arc<dyn OpenCredentials>,
        clock: Arc<dyn Clock>,
    ) -> Option<Arc<Push>> {
        let provider = match &settings.nexus {
            Some(nexus) => {
                let api_key = self.secrets().nexus.clone();
                api_key.change(nexus.api_key.clone());
                Provider::Nexus(NexusSettings { url: nexus.url.clone(), api_key })
            }
            None => {
                Provider::Fcm(FcmSettings { base_url: settings.fcm_url.clone(), token_uri: settings.token_uri.clone() })
            }
        };
        match Push::new(self.factory(), provider, credentials, clock, self.counts()) {
            Ok(push) => Some(Arc::new(push)),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "no client for push notifications: none are sent"
                );
                None
            }
        }
    }

    /// Whoever says whether visitors are people; fails closed when no client can be made for it.
    pub fn human(
        &self,
        settings: &Captcha,
        credentials: Arc<dyn OpenCredentials>,
    ) -> Arc<dyn ges_domain::ports::HumanCheck> {
        let settings = CaptchaSettings {
            base_url: settings.base_url.clone(),
            enterprise_url: settings.enterprise_url.clone(),
            let_in_unverified: settings.let_in_unverified,
        };
        match Recaptcha::new(self.factory(), settings, credentials) {
            Ok(recaptcha) => Arc::new(recaptcha),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "no client for reCAPTCHA: services that require it cannot be booked");
                Arc::new(ges_domain::ports::NoHumanCheck)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ges_domain::ports::Sealing as _;

    use super::*;

    /// A file that does not read, or is gone, takes nobody's session.
    #[test]
    fn session_keys_that_do_not_read_change_nothing() {
        let text = |letter: char| SecretString::from(letter.to_string().repeat(42) + "A=");
        let keys = session_keys(Some(&text('A'))).unwrap().unwrap();
        let sealed = keys.seal("a session", "word").unwrap();
        let opens = || keys.open("a session", &sealed).is_some();
        use_new_session_keys(&keys, Some(&"no key at all".to_owned().into()));
        assert!(opens());
        use_new_session_keys(&keys, None);
        assert!(opens());
        use_new_session_keys(&keys, Some(&text('B')));
        assert!(!opens(), "it was taken away");
        assert!(session_keys(None).unwrap().is_none());
        assert!(session_keys(Some(&"no key at all".to_owned().into())).is_err());
    }
}
