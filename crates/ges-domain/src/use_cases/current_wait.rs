//! The wait that decisions use (R-EWT-9), with its memory of last good values.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::callback::Particulars;
use crate::service::Service;
use crate::wait::{LastGoods, Question, WaitEstimates};
use crate::{Instant, TenantId};

/// Asks the routers and remembers what they last knew, for one process.
pub struct CurrentWait {
    estimates: Arc<dyn WaitEstimates>,
    last_goods: Mutex<LastGoods>,
}

impl CurrentWait {
    /// Starts with no memory. `estimates` has to answer within a second (R-EWT-11).
    pub fn new(estimates: Arc<dyn WaitEstimates>) -> Self {
        Self { estimates, last_goods: Mutex::default() }
    }

    /// The wait to decide about a service with, 0 to 86,400 s; never an error (R-EWT-9).
    pub async fn of(&self, tenant: TenantId, service: &Service, now: Instant) -> Duration {
        self.in_queue(tenant, service, service.ewt_queue(), now).await
    }

    /// The same for one callback of it, which may wait in a queue of its own (integrations 2.2).
    pub async fn of_one(&self, tenant: TenantId, service: &Service, asked: &Particulars, now: Instant) -> Duration {
        self.in_queue(tenant, service, service.ewt_queue_for(asked), now).await
    }

    async fn in_queue(&self, tenant: TenantId, service: &Service, queue: &str, now: Instant) -> Duration {
        let regions = service.preferred_regions();
        let asked = Question { regions, ..Question::about(queue, service.settings.ewt_mode) };
        let estimate = self.estimates.estimate(tenant, &asked).await.ok();
        let mut last_goods = self.last_goods.lock().unwrap_or_else(PoisonError::into_inner);
        last_goods.settle(tenant, queue, estimate, now)
    }

    /// Drops memories too old to count; call it now and then.
    pub fn forget_old(&self, now: Instant) {
        self.last_goods.lock().unwrap_or_else(PoisonError::into_inner).forget_old(now);
    }
}
