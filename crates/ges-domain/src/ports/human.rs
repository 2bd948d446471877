//! Proof that a visitor is a person (chapter 17).

use async_trait::async_trait;

use crate::TenantId;
use crate::booking::CaptchaToken;

/// What a verifier says of a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HumanVerdict {
    /// A person.
    Human,
    /// Not accepted (R-CPT-3).
    NotHuman,
    /// Nobody could say, and the operator lets such visitors in; the record is marked (integrations 7.5).
    Unverified,
    /// Nobody could say, or nothing is provisioned (R-CPT-4, R-CPT-5).
    Unavailable,
    /// Several keys are provisioned and the service names none of them (integrations 7.1).
    Ambiguous,
}

/// Asks whether visitors are people.
#[async_trait]
pub trait HumanCheck: Send + Sync {
    /// Judges a visitor's token, within 5 s (R-CPT-4). `site_key`: the key the service names, when it does. Tokens are good for
    /// one use, so this must not be repeated.
    async fn check(&self, tenant: TenantId, site_key: Option<&str>, token: &CaptchaToken) -> HumanVerdict;
}

/// Nothing can be verified: whoever needs it is refused (R-CPT-5).
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHumanCheck;

#[async_trait]
impl HumanCheck for NoHumanCheck {
    async fn check(&self, _: TenantId, _: Option<&str>, _: &CaptchaToken) -> HumanVerdict {
        HumanVerdict::Unavailable
    }
}
