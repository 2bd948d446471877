//! Sending a message that somebody else wrote (integrations 2.18).

use async_trait::async_trait;

use crate::TenantId;
use crate::callback::PushTarget;

/// A message of a caller's own making. `Debug` is empty (I11).
#[derive(Clone, PartialEq, Eq)]
pub struct Publication {
    /// Who gets it.
    pub target: PushTarget,
    /// The message as a JSON object in the provider's form, without a target.
    pub message: String,
    /// Whether the provider only checks it.
    pub validate_only: bool,
}

impl std::fmt::Debug for Publication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Publication")
    }
}

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The tenant has no push credential.
    #[error("no push credential is registered for this contact center")]
    NoCredential,
    /// The message is no JSON object.
    #[error("the message is not a JSON object")]
    NotAMessage,
    /// The target does not exist any more.
    #[error("the push target does not exist")]
    TargetGone,
    /// The provider refuses the message or the credential.
    #[error("the push provider refused the message")]
    Refused,
    /// The provider does not answer.
    #[error("the push provider did not answer")]
    Unavailable,
}

/// Sends messages of a caller's own making, once and without a record of it.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Sends it; the provider's name for the message.
    ///
    /// # Errors
    /// [`PublishError`]; after `Unavailable` it may have been sent.
    async fn publish(&self, tenant: TenantId, publication: &Publication) -> Result<String, PublishError>;
}
