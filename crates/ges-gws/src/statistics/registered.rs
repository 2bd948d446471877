//! The credentials tenants provision for statistics (R-STA-1): kind `statistics`, the first by name is used.

use std::sync::Arc;

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::ports::{CredentialKind, OpenCredentials};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Account, Accounts, AccountsError};
use crate::{Credentials, User};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    client_id: String,
    client_secret: SecretString,
    user_name: Option<String>,
    password: Option<SecretString>,
    api_key: Option<SecretString>,
}

/// Says what is wrong with a document, for provisioning. Repeats nothing of it.
///
/// # Errors
/// The sentence.
pub fn check(document: &str) -> Result<(), String> {
    read(document).map(drop)
}

fn read(document: &str) -> Result<Account, String> {
    // The text of a parser's error could quote the document.
    let read: Document = serde_json::from_str(document).map_err(|error| {
        format!(
            "the document does not read as clientId, clientSecret, userName, password, apiKey: line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    let empty = |secret: &SecretString| secret.expose_secret().trim().is_empty();
    if read.client_id.trim().is_empty() || empty(&read.client_secret) {
        return Err("clientId and clientSecret may not be empty".into());
    }
    let user = match (read.user_name, read.password) {
        (None, None) => None,
        (Some(name), Some(password)) => Some(User { name, password }),
        (Some(_), None) | (None, Some(_)) => return Err("userName and password go together".into()),
    };
    let credentials = Credentials { client_id: read.client_id, client_secret: read.client_secret };
    Ok(Account { credentials, user, api_key: read.api_key.filter(|key| !empty(key)) })
}

/// What tenants have provisioned.
pub struct Registered(pub Arc<dyn OpenCredentials>);

#[async_trait]
impl Accounts for Registered {
    async fn of(&self, tenant: TenantId) -> Result<Option<Account>, AccountsError> {
        let opened =
            self.0.open(tenant, CredentialKind::Statistics).await.map_err(|error| AccountsError(error.into()))?;
        let account = opened.first().map(|credential| read(&credential.document)).transpose();
        account.map_err(|sentence| AccountsError(sentence.into()))
    }
}

#[cfg(test)]
mod tests {
    use ges_domain::ports::{CredentialError, OpenCredential};

    use super::*;

    const WHOLE: &str =
        r#"{"clientId":"c","clientSecret":"sesame","userName":"u","password":"sesame","apiKey":"sesame"}"#;

    struct Opened(&'static [&'static str]);

    #[async_trait]
    impl OpenCredentials for Opened {
        async fn open(&self, _: TenantId, kind: CredentialKind) -> Result<Arc<[OpenCredential]>, CredentialError> {
            assert_eq!(kind, CredentialKind::Statistics);
            let named = |document: &&str| OpenCredential { name: "any".into(), document: (*document).to_owned() };
            Ok(self.0.iter().map(named).collect())
        }
    }

    async fn account(documents: &'static [&'static str]) -> Result<Option<Account>, AccountsError> {
        let tenant = "c0ffee00-0000-4000-8000-000000000100".parse().unwrap();
        Registered(Arc::new(Opened(documents))).of(tenant).await
    }

    #[tokio::test]
    async fn the_first_registered_document_is_the_account() {
        assert!(account(&[]).await.unwrap().is_none(), "R-STA-1: nothing registered");
        let read = account(&[WHOLE, "never read"]).await.unwrap().unwrap();
        assert_eq!(read.credentials.client_id, "c");
        assert!(read.user.is_some_and(|user| user.name == "u") && read.api_key.is_some());
        let own = account(&[r#"{"clientId":"c","clientSecret":"s"}"#]).await.unwrap().unwrap();
        assert!(own.user.is_none() && own.api_key.is_none(), "a token of the client's own");
        assert!(account(&["{}"]).await.is_err(), "a damaged registration is not none");
    }

    #[test]
    fn what_is_wrong_is_said_and_nothing_repeated() {
        for (document, sentence) in [
            ("sesame", "does not read"),
            (r#"{"clientId":"sesame"}"#, "does not read"),
            (r#"{"clientId":" ","clientSecret":"sesame"}"#, "may not be empty"),
            (r#"{"clientId":"c","clientSecret":"sesame","userName":"u"}"#, "go together"),
            (r#"{"clientId":"c","clientSecret":"s","sesame":1}"#, "does not read"),
        ] {
            let said = check(document).unwrap_err();
            assert!(said.contains(sentence) && !said.contains("sesame"), "{document}: {said}");
        }
    }
}
