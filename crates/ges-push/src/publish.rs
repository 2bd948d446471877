//! Messages of a caller's own making (integrations 2.18): sent once, as they are.

use async_trait::async_trait;
use ges_domain::TenantId;
use ges_domain::ports::{Publication, PublishError, Publisher};
use ges_domain::push::Sent;
use serde_json::{Value, json};

use crate::provider::{Push, Way};

#[async_trait]
impl Publisher for Push {
    async fn publish(&self, tenant: TenantId, publication: &Publication) -> Result<String, PublishError> {
        let mut message: Value = serde_json::from_str(&publication.message).map_err(|_| PublishError::NotAMessage)?;
        if !message.is_object() {
            return Err(PublishError::NotAMessage);
        }
        let (target, validate_only) = (publication.target.0.as_str(), publication.validate_only);
        let sent = match &self.way {
            Way::Nexus(nexus) => nexus.send(tenant, target, &message, validate_only).await,
            Way::Fcm(fcm) => {
                let known = self.known(tenant).await;
                let account = known.as_ref().and_then(|known| known.credential.service_account.as_ref());
                let account = account.ok_or(PublishError::NoCredential)?;
                message["token"] = target.into();
                fcm.send(account, &json!({ "validate_only": validate_only, "message": message })).await
            }
        };
        sent.map_err(|sent| match sent {
            Sent::TargetGone => PublishError::TargetGone,
            Sent::Failed { .. } => PublishError::Unavailable,
            Sent::Accepted | Sent::Refused => PublishError::Refused,
        })
    }
}
