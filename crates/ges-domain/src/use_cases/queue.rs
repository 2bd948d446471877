//! What is known about queues: their status for callbacks (chapter 18) and their waits (chapter 10).

use std::sync::Arc;

use crate::ports::{Bookings, Catalogue, Clock};
use crate::queue_status::{QueueStatus, decide, immediate_but_for_size};
use crate::wait::{EwtMode, Question, QueueWait, WaitEstimates};
use crate::{Refusal, ServiceName, TenantId};

/// Tells whether a queue is ready for callbacks.
pub struct TellQueueStatus {
    /// What is provisioned.
    pub catalogue: Arc<dyn Catalogue>,
    /// What is booked.
    pub bookings: Arc<dyn Bookings>,
    /// The routers.
    pub waits: Arc<dyn WaitEstimates>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl TellQueueStatus {
    /// The status by R-QS-1 to R-QS-5.
    ///
    /// # Errors
    /// `UnknownService`; `UpstreamUnavailable` when no router answers, because a made-up wait would offer callbacks that nobody
    /// makes; `StoreUnavailable`.
    pub async fn run(&self, tenant: TenantId, name: &ServiceName) -> Result<QueueStatus, Refusal> {
        let found = self.catalogue.service(tenant, name).await?.filter(|service| !service.removed);
        let service = found.ok_or_else(|| Refusal::UnknownService(name.to_string()))?;
        // The public status speaks of mode 2, whatever decisions about the service are made with.
        let regions = service.preferred_regions();
        let asked = Question { regions, ..Question::about(service.ewt_queue(), EwtMode::Mode2) };
        let estimate = self.waits.estimate(tenant, &asked).await.map_err(|_| Refusal::UpstreamUnavailable)?;
        let now = self.clock.now();
        let watermark = if immediate_but_for_size(&service, estimate, now) {
            self.bookings.watermark(tenant, name, service.limits().max_queued).await?
        } else {
            0
        };
        Ok(decide(&service, estimate, watermark, now))
    }
}

/// Tells how long people wait in queues.
pub struct TellWaits {
    /// What is provisioned, for region rules of queues that are services.
    pub catalogue: Arc<dyn Catalogue>,
    /// The routers.
    pub waits: Arc<dyn WaitEstimates>,
}

impl TellWaits {
    /// One answer per name in the order asked, repeated names included; each queue is asked about once. What one queue lacks
    /// does not spoil the others (R-EWT-5).
    ///
    /// # Errors
    /// `UpstreamUnavailable` when no router answered for any of them.
    pub async fn run(
        &self,
        tenant: TenantId,
        names: &[&str],
        mode: EwtMode,
        on_hold: bool,
    ) -> Result<Vec<QueueWait>, Refusal> {
        let (told, answered) = self.ask(tenant, names, mode, on_hold).await;
        if answered { Ok(told) } else { Err(Refusal::UpstreamUnavailable) }
    }

    /// The same for sessions, which get an unknown wait for every queue even when no router answers (integrations 2.17, R-EWT-5).
    pub async fn whatever_is_known(&self, tenant: TenantId, names: &[&str], mode: EwtMode) -> Vec<QueueWait> {
        self.ask(tenant, names, mode, false).await.0
    }

    /// The waits, and whether a router answered for one of them.
    async fn ask(&self, tenant: TenantId, names: &[&str], mode: EwtMode, on_hold: bool) -> (Vec<QueueWait>, bool) {
        let mut queues: Vec<&str> = Vec::with_capacity(names.len());
        for name in names {
            if !queues.contains(name) {
                queues.push(name);
            }
        }
        let mut services = Vec::with_capacity(queues.len());
        for queue in &queues {
            services.push(self.service_behind(tenant, queue).await);
        }
        let questions: Vec<_> = queues
            .iter()
            .zip(&services)
            .map(|(queue, service)| {
                let regions = service.as_ref().map_or(&[] as &[_], |service| service.preferred_regions());
                Question { queue, mode, on_hold, regions }
            })
            .collect();
        let outcomes = self.waits.estimates(tenant, &questions).await;
        let answered = outcomes.is_empty() || outcomes.iter().any(Result::is_ok);
        let tell = |(outcome, queue): (_, &&str)| {
            let told = QueueWait::from(outcome);
            match told.result_code {
                0 => QueueWait { position: self.waits.position(tenant, queue).unwrap_or(1), ..told },
                _ => told,
            }
        };
        let told: Vec<_> = outcomes.iter().zip(&queues).map(tell).collect();
        let of = |name: &&str| queues.iter().position(|queue| queue == name).and_then(|at| told.get(at)).copied();
        (names.iter().filter_map(of).collect(), answered)
    }

    /// The service of a queue, where its region rule could matter. A catalogue that does not answer costs the preference only.
    async fn service_behind(&self, tenant: TenantId, queue: &str) -> Option<Arc<crate::service::Service>> {
        if !self.waits.regional() {
            return None;
        }
        let name = ServiceName::new(queue).ok()?;
        self.catalogue.service(tenant, &name).await.ok().flatten()
    }
}
