//! What a tenant provisions for one site key (R-CPT-1, integrations 7.1).

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// Why a document is no CAPTCHA credential. Repeats nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCredential {
    /// It does not read.
    #[error("the document does not read: line {line}, column {column}")]
    NotReadable {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A field is missing or out of range.
    #[error("{0}")]
    Field(&'static str),
}

/// Which interface verifies.
#[derive(Debug, Clone)]
pub enum Interface {
    /// The checkbox: no score.
    V2 {
        /// The site's secret.
        secret: SecretString,
    },
    /// Scores.
    V3 {
        /// The site's secret.
        secret: SecretString,
    },
    /// Assessments.
    Enterprise {
        /// Google Cloud project.
        project: String,
        /// Key of its interface.
        api_key: SecretString,
    },
}

/// A site key with everything needed to verify its tokens.
#[derive(Debug, Clone)]
pub struct CaptchaCredential {
    /// The site key.
    pub site_key: String,
    /// How its tokens are verified.
    pub interface: Interface,
    /// Lowest score that passes, 0 to 1; not asked of v2.
    pub min_score: f64,
    /// The action a token has to be made for.
    pub action: Option<String>,
    /// Host names a token may come from; empty: any.
    pub hostnames: Vec<String>,
    /// Used by services that name no site key, when there are several.
    pub default: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    kind: String,
    #[serde(default)]
    secret_key: Option<SecretString>,
    #[serde(default)]
    project_id: Option<String>,
    #[serde(default)]
    api_key: Option<SecretString>,
    #[serde(default)]
    min_score: Option<f64>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    hostnames: Vec<String>,
    #[serde(default)]
    default: bool,
}

/// Score that passes when none is provisioned.
const MIN_SCORE: f64 = 0.5;

impl CaptchaCredential {
    /// Reads the document of a site key.
    ///
    /// # Errors
    /// [`BadCredential`].
    pub fn read(site_key: &str, document: &str) -> Result<Self, BadCredential> {
        // The text of a parser's error could quote the document.
        let read: Document = serde_json::from_str(document)
            .map_err(|error| BadCredential::NotReadable { line: error.line(), column: error.column() })?;
        let secret = |secret: Option<SecretString>, name| {
            secret.filter(|secret| !secret.expose_secret().trim().is_empty()).ok_or(BadCredential::Field(name))
        };
        let interface = match read.kind.as_str() {
            "recaptcha_v2" => Interface::V2 { secret: secret(read.secret_key, "secretKey is missing")? },
            "recaptcha_v3" => Interface::V3 { secret: secret(read.secret_key, "secretKey is missing")? },
            "recaptcha_enterprise" => Interface::Enterprise {
                project: read
                    .project_id
                    .filter(|project| ges_http_client::is_segment(project))
                    .ok_or(BadCredential::Field("projectId is missing"))?,
                api_key: secret(read.api_key, "apiKey is missing")?,
            },
            _ => return Err(BadCredential::Field("kind is recaptcha_v2, recaptcha_v3 or recaptcha_enterprise")),
        };
        let min_score = read.min_score.unwrap_or(MIN_SCORE);
        if !(0.0..=1.0).contains(&min_score) {
            return Err(BadCredential::Field("minScore is a number from 0 to 1"));
        }
        Ok(Self {
            site_key: site_key.to_owned(),
            interface,
            min_score,
            action: read.action.filter(|action| !action.is_empty()),
            hostnames: read.hostnames,
            default: read.default,
        })
    }
}

/// Says what is wrong with a document, for provisioning.
///
/// # Errors
/// The sentence.
pub fn check(site_key: &str, document: &str) -> Result<(), String> {
    CaptchaCredential::read(site_key, document).map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds_read_and_everything_else_is_named() {
        for document in [
            r#"{"kind":"recaptcha_v2","secretKey":"s"}"#,
            r#"{"kind":"recaptcha_v3","secretKey":"s","minScore":0.7,"action":"callback","default":true}"#,
            r#"{"kind":"recaptcha_enterprise","projectId":"p","apiKey":"k","hostnames":["a.example"]}"#,
        ] {
            let read = CaptchaCredential::read("6Le", document).unwrap();
            assert!(!format!("{read:?}").contains("\"s\""), "I11");
        }
        for (document, sentence) in [
            (r#"{"kind":"hcaptcha","secretKey":"s"}"#, "kind is"),
            (r#"{"kind":"recaptcha_v3"}"#, "secretKey is missing"),
            (r#"{"kind":"recaptcha_v2","secretKey":" "}"#, "secretKey is missing"),
            (r#"{"kind":"recaptcha_v3","secretKey":"s","minScore":1.5}"#, "minScore"),
            (r#"{"kind":"recaptcha_enterprise","apiKey":"k"}"#, "projectId"),
            (r#"{"kind":"recaptcha_v2","secretKey":"s","secret":"x"}"#, "does not read"),
            ("sesame", "does not read"),
        ] {
            let error = check("6Le", document).unwrap_err();
            assert!(error.contains(sentence) && !error.contains("sesame"), "{document}: {error}");
        }
    }
}
