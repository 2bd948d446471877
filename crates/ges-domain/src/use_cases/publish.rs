//! Taking a publish of Designer (chapter 7.2).

use std::sync::Arc;

use crate::TenantId;
use crate::phone::NumberingPlan;
use crate::ports::{Clock, PublishedServices, Publishing, StoreError};
use crate::publishing::{Publish, Published, unreadable_patterns};

/// Takes publishes.
#[derive(Clone)]
pub struct TakePublish {
    /// What was published.
    pub publishing: Arc<dyn Publishing>,
    /// What compiles patterns (integrations 2.13).
    pub plan: Arc<dyn NumberingPlan>,
    /// Who wants to know.
    pub followers: Arc<dyn PublishedServices>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl TakePublish {
    /// Looks at the patterns, applies the publish, and tells who wants to know when services changed (R-PUB-7).
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known to have changed; publishing again is safe.
    pub async fn run(&self, tenant: TenantId, mut publish: Publish) -> Result<Published, StoreError> {
        publish.received_at = self.clock.now();
        if let Some(edition) = &mut publish.edition {
            edition.published_at = edition.published_at.min(publish.received_at);
        }
        publish.refused.extend(unreadable_patterns(&publish.sections, &*self.plan));
        let published = self.publishing.publish(tenant, &publish).await?;
        if let Published::Applied(report) = &published
            && report.services_changed
        {
            self.followers.services_changed(tenant).await;
        }
        Ok(published)
    }

    /// Looks again at rows that were refused, because what they refer to may have come since.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn again(&self, tenant: TenantId) -> Result<Published, StoreError> {
        self.run(tenant, Publish::again(self.clock.now())).await
    }
}
