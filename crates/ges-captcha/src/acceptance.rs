//! Whether what Google says is enough (R-CPT-3, integrations 7.2 to 7.4).

use serde::Deserialize;

use crate::credential::{CaptchaCredential, Interface};

/// What an answer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// A person.
    Accepted,
    /// The visitor's token is no good.
    Rejected,
    /// Our side is wrong: a bad secret, or a request Google does not understand.
    OurFault,
}

/// An answer of siteverify.
#[derive(Debug, Deserialize)]
pub(crate) struct Verified {
    success: bool,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    hostname: Option<String>,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
}

/// An assessment.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assessed {
    token_properties: TokenProperties,
    #[serde(default)]
    risk_analysis: Option<RiskAnalysis>,
}

#[derive(Debug, Deserialize)]
struct TokenProperties {
    #[serde(default)]
    valid: bool,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    hostname: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RiskAnalysis {
    #[serde(default)]
    score: f64,
}

/// Errors that speak of us and not of the visitor.
const OURS: [&str; 3] = ["missing-input-secret", "invalid-input-secret", "bad-request"];

impl Verified {
    pub(crate) fn judge(&self, wanted: &CaptchaCredential) -> Judged {
        if !self.success {
            let ours = self.error_codes.iter().any(|code| OURS.contains(&code.as_str()));
            return if ours { Judged::OurFault } else { Judged::Rejected };
        }
        let scored = matches!(wanted.interface, Interface::V3 { .. });
        // A v2 answer has neither score nor action; a v3 answer without a score proves nothing.
        let score = if scored { Some(self.score.unwrap_or(0.0)) } else { None };
        let action = if scored { self.action.as_deref() } else { wanted.action.as_deref() };
        accepted(wanted, score, action, self.hostname.as_deref())
    }
}

impl Assessed {
    pub(crate) fn judge(&self, wanted: &CaptchaCredential) -> Judged {
        let token = &self.token_properties;
        if !token.valid {
            return Judged::Rejected;
        }
        let score = self.risk_analysis.as_ref().map_or(0.0, |risk| risk.score);
        accepted(wanted, Some(score), token.action.as_deref(), token.hostname.as_deref())
    }
}

fn accepted(wanted: &CaptchaCredential, score: Option<f64>, action: Option<&str>, hostname: Option<&str>) -> Judged {
    let score = score.is_none_or(|score| score >= wanted.min_score);
    let action = wanted.action.as_deref().is_none_or(|expected| action == Some(expected));
    let known = |hostname: &str| wanted.hostnames.iter().any(|allowed| allowed.eq_ignore_ascii_case(hostname));
    let host = wanted.hostnames.is_empty() || hostname.is_some_and(known);
    if score && action && host { Judged::Accepted } else { Judged::Rejected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(document: &str) -> CaptchaCredential {
        CaptchaCredential::read("6Le", document).unwrap()
    }

    #[test]
    fn r_cpt_3_success_score_action_and_host() {
        let v2 = wanted(r#"{"kind":"recaptcha_v2","secretKey":"s","minScore":0.9}"#);
        let v3 =
            wanted(r#"{"kind":"recaptcha_v3","secretKey":"s","action":"callback","hostnames":["www.example.com"]}"#);
        let good = r#"{"success":true,"score":0.5,"action":"callback","hostname":"WWW.example.com"}"#;
        for (credential, answer, judged) in [
            (&v2, r#"{"success":true,"hostname":"x"}"#, Judged::Accepted),
            (&v2, r#"{"success":false,"error-codes":["timeout-or-duplicate"]}"#, Judged::Rejected),
            (&v2, r#"{"success":false}"#, Judged::Rejected),
            (&v2, r#"{"success":false,"error-codes":["invalid-input-secret"]}"#, Judged::OurFault),
            (&v3, good, Judged::Accepted),
            (&v3, &good.replace("0.5", "0.49"), Judged::Rejected),
            (&v3, &good.replace("callback", "login"), Judged::Rejected),
            (&v3, &good.replace("WWW.", "evil."), Judged::Rejected),
            (&v3, r#"{"success":true,"action":"callback","hostname":"www.example.com"}"#, Judged::Rejected),
        ] {
            let read: Verified = serde_json::from_str(answer).unwrap();
            assert_eq!(read.judge(credential), judged, "{answer}");
        }
        let enterprise = wanted(r#"{"kind":"recaptcha_enterprise","projectId":"p","apiKey":"k","action":"callback"}"#);
        for (answer, judged) in [
            (
                r#"{"tokenProperties":{"valid":true,"action":"callback"},"riskAnalysis":{"score":0.9}}"#,
                Judged::Accepted,
            ),
            (
                r#"{"tokenProperties":{"valid":true,"action":"callback"},"riskAnalysis":{"score":0.3}}"#,
                Judged::Rejected,
            ),
            (r#"{"tokenProperties":{"valid":true,"action":"login"},"riskAnalysis":{"score":0.9}}"#, Judged::Rejected),
            (r#"{"tokenProperties":{"valid":false,"invalidReason":"DUPE"}}"#, Judged::Rejected),
        ] {
            let read: Assessed = serde_json::from_str(answer).unwrap();
            assert_eq!(read.judge(&enterprise), judged, "{answer}");
        }
    }
}
