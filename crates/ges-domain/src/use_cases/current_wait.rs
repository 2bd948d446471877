//! The wait that decisions use (R-EWT-9), with its memory of last good values.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::callback::Particulars;
use crate::service::Service;
use crate::wait::{Estimate, EwtMode, LastGoods, Question, WaitEstimates};
use crate::{Instant, TenantId};

/// What is known of a queue when a callback is offered and accepted (chapter 22).
///
/// The two are one moment here, that of the booking: questions for waits and free times carry nothing that ties them to the
/// callback that may follow, and the rules name the values of creation for those of the offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtOffer {
    /// The wait to decide with, 0 to 86,400 s (R-EWT-9).
    pub wait: Duration,
    /// The same in seconds, when it is more than a guess: a router said so now, or not long ago.
    pub ewt: Option<u32>,
    /// The place a new call would have in the queue, from 1, when the answer that told the wait named one.
    pub position: Option<u32>,
}

/// Asks the routers and remembers what they last knew, for one process.
pub struct CurrentWait {
    estimates: Arc<dyn WaitEstimates>,
    /// Of services that name none.
    mode: EwtMode,
    last_goods: Mutex<LastGoods>,
}

impl CurrentWait {
    /// Starts with no memory. `estimates` has to answer within a second (R-EWT-11).
    pub fn new(estimates: Arc<dyn WaitEstimates>) -> Self {
        Self { estimates, mode: EwtMode::default(), last_goods: Mutex::default() }
    }

    /// The same with another mode for services that name none (integrations 3.1, R-EWT-2).
    #[must_use]
    pub fn by_default(self, mode: EwtMode) -> Self {
        Self { mode, ..self }
    }

    /// The wait to decide about a service with, 0 to 86,400 s; never an error (R-EWT-9).
    pub async fn of(&self, tenant: TenantId, service: &Service, now: Instant) -> Duration {
        self.in_queue(tenant, service, service.ewt_queue(), now).await.0
    }

    /// The same for one callback of it, which may wait in a queue of its own (integrations 2.2).
    pub async fn of_one(&self, tenant: TenantId, service: &Service, asked: &Particulars, now: Instant) -> Duration {
        self.in_queue(tenant, service, service.ewt_queue_for(asked), now).await.0
    }

    /// The wait to decide about one callback with, and what of it and of the queue's length is known; never an error, and no second
    /// question.
    pub async fn at_offer(&self, tenant: TenantId, service: &Service, asked: &Particulars, now: Instant) -> AtOffer {
        let queue = service.ewt_queue_for(asked);
        let (wait, estimate) = self.in_queue(tenant, service, queue, now).await;
        let known = matches!(estimate, Some(Estimate::Known(_))) || !wait.is_zero();
        let ewt = u32::try_from(wait.as_secs()).ok().filter(|_| known);
        // Without an answer now nobody knows how old the remembered place is.
        let position = estimate.and_then(|_| self.estimates.position(tenant, queue));
        AtOffer { wait, ewt, position }
    }

    async fn in_queue(
        &self,
        tenant: TenantId,
        service: &Service,
        queue: &str,
        now: Instant,
    ) -> (Duration, Option<Estimate>) {
        let regions = service.preferred_regions();
        let asked = Question { regions, ..Question::about(queue, service.settings.ewt_mode.unwrap_or(self.mode)) };
        let estimate = self.estimates.estimate(tenant, &asked).await.ok();
        let mut last_goods = self.last_goods.lock().unwrap_or_else(PoisonError::into_inner);
        (last_goods.settle(tenant, queue, estimate, now), estimate)
    }

    /// Drops memories too old to count; call it now and then.
    pub fn forget_old(&self, now: Instant) {
        self.last_goods.lock().unwrap_or_else(PoisonError::into_inner).forget_old(now);
    }
}
