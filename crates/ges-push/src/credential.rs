//! What a tenant provisions (R-PSH-1, integrations 6.2): a service account and texts.

use std::fmt;

use ges_domain::push::Texts;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

/// Where Google gives out tokens.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// Why a document is no push credential. Repeats nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCredential {
    /// A key of the retired interface.
    #[error("a server key is of no use any more: Google has retired it; paste the JSON file of a service account")]
    LegacyKey,
    /// The document does not read.
    #[error("the document is not `{{\"serviceAccount\": …, \"texts\": …}}`: line {line}, column {column}")]
    NotReadable {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A field of the service account is missing or wrong.
    #[error("{0} of the service account is missing or not usable")]
    Field(&'static str),
    /// It would do nothing.
    #[error("the document holds neither a service account nor texts")]
    Empty,
}

/// A Google service account, as far as it is used. `Debug` shows the project alone (I11).
#[derive(Clone)]
pub struct ServiceAccount {
    pub(crate) project_id: String,
    pub(crate) client_email: String,
    pub(crate) private_key: SecretString,
    pub(crate) private_key_id: String,
    pub(crate) token_uri: Url,
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceAccount({})", self.project_id)
    }
}

/// A tenant's push credential.
#[derive(Debug, Clone)]
pub struct PushCredential {
    /// Who we are for Google; not needed where Nexus sends.
    pub service_account: Option<ServiceAccount>,
    /// What phones show.
    pub texts: Texts,
}

/// The file as Google gives it out, with much that is not used.
#[derive(Deserialize)]
struct AccountFile {
    #[serde(default)]
    project_id: String,
    #[serde(default)]
    client_email: String,
    #[serde(default)]
    private_key: SecretString,
    #[serde(default)]
    private_key_id: String,
    #[serde(default)]
    token_uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    service_account: Option<AccountFile>,
    #[serde(default)]
    texts: Texts,
}

impl PushCredential {
    /// Reads `{"serviceAccount": {…}, "texts": {event: {language: {title, body}}}}`, or the bare file of a service account.
    ///
    /// # Errors
    /// [`BadCredential`].
    pub fn read(document: &str) -> Result<Self, BadCredential> {
        // The text of a parser's error could quote the document.
        let unreadable =
            |error: serde_json::Error| BadCredential::NotReadable { line: error.line(), column: error.column() };
        let value: serde_json::Value = serde_json::from_str(document).map_err(unreadable)?;
        let legacy = ["serverKey", "apiKey", "fcm.apiKey", "server_key"];
        if legacy.iter().any(|key| value.get(key).is_some())
            || value.as_str().is_some_and(|key| key.starts_with("AAAA"))
        {
            return Err(BadCredential::LegacyKey);
        }
        let read = if value.get("private_key").is_some() {
            Document {
                service_account: Some(serde_json::from_str(document).map_err(unreadable)?),
                texts: Texts::default(),
            }
        } else {
            serde_json::from_str(document).map_err(unreadable)?
        };
        if read.service_account.is_none() && read.texts == Texts::default() {
            return Err(BadCredential::Empty);
        }
        let service_account = read.service_account.map(ServiceAccount::read).transpose()?;
        Ok(Self { service_account, texts: read.texts })
    }
}

impl ServiceAccount {
    fn read(file: AccountFile) -> Result<Self, BadCredential> {
        for (name, text) in [
            ("project_id", file.project_id.as_str()),
            ("client_email", &file.client_email),
            ("private_key", file.private_key.expose_secret()),
        ] {
            if text.trim().is_empty() {
                return Err(BadCredential::Field(name));
            }
        }
        let key = file.private_key.expose_secret().as_bytes();
        jsonwebtoken::EncodingKey::from_rsa_pem(key).map_err(|_| BadCredential::Field("private_key"))?;
        let token_uri = Url::parse(file.token_uri.as_deref().unwrap_or(TOKEN_URI));
        let token_uri = token_uri.ok().filter(is_acceptable).ok_or(BadCredential::Field("token_uri"))?;
        Ok(Self {
            project_id: file.project_id,
            client_email: file.client_email,
            private_key: file.private_key,
            private_key_id: file.private_key_id,
            token_uri,
        })
    }
}

/// A signed assertion goes to Google, or to this machine, where tests and demonstrations have their Google.
fn is_acceptable(uri: &Url) -> bool {
    let Some(host) = uri.host_str() else { return false };
    let google = uri.scheme() == "https" && (host == "googleapis.com" || host.ends_with(".googleapis.com"));
    let local = uri.scheme() == "http" && matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    google || local
}

/// Says what is wrong with a document, for provisioning.
///
/// # Errors
/// The sentence.
pub fn check(document: &str) -> Result<(), String> {
    PushCredential::read(document).map(drop).map_err(|error| error.to_string())
}
