//! Offering slots and telling how long the office stays open (9.4, 9.7).

use std::sync::Arc;

use crate::availability::{OfferedSlot, Query, QueryError, offer, span};
use crate::capacity::Usage;
use crate::ports::{Bookings, Catalogue, Clock};
use crate::slots::SlotLength;
use crate::{Instant, Refusal, ServiceName, TenantId};

/// Lists bookable slots of a service.
pub struct OfferSlots {
    /// What is provisioned.
    pub catalogue: Arc<dyn Catalogue>,
    /// What is booked.
    pub bookings: Arc<dyn Bookings>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

/// The slots of one query.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    /// Length of the service's cells.
    pub slot: SlotLength,
    /// The slots, ascending.
    pub slots: Vec<OfferedSlot>,
}

impl OfferSlots {
    /// Answers an availability query (R-AV-1 to R-AV-11).
    ///
    /// # Errors
    /// `UnknownService`, `InvalidRequest`, `StoreUnavailable`.
    pub async fn run(&self, tenant: TenantId, name: &ServiceName, query: &Query) -> Result<Offered, Refusal> {
        let now = self.clock.now();
        let found = self.catalogue.service(tenant, name).await?.filter(|service| !service.removed);
        let service = found.ok_or_else(|| Refusal::UnknownService(name.to_string()))?;
        let usage = match span(query, now)? {
            Some(span) => {
                let range = span.usage();
                self.bookings.usage(tenant, name, range.start, range.end).await?
            }
            None => Usage::default(),
        };
        let enabled = service.settings.scheduled_callback_enabled;
        let slots = offer(&service.schedule(), &usage, query, now, enabled)?;
        Ok(Offered { slot: service.settings.slot_minutes, slots })
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::EndBeforeStart => Self::invalid("end", "lies before start"),
            QueryError::MaxSlots => Self::invalid("maxTimeSlots", "must be 1 to 10000"),
        }
    }
}

/// Tells how long an office stays open.
pub struct OpenFor {
    /// What is provisioned.
    pub catalogue: Arc<dyn Catalogue>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl OpenFor {
    /// Seconds from `start` (none means now) to closing; the name is a service's, else a Business Hours object's (R-OF-1 to
    /// R-OF-3).
    ///
    /// # Errors
    /// `UnknownService`, `StoreUnavailable`.
    pub async fn run(&self, tenant: TenantId, name: &ServiceName, start: Option<Instant>) -> Result<u32, Refusal> {
        let start = start.unwrap_or_else(|| self.clock.now());
        if let Some(service) = self.catalogue.service(tenant, name).await?.filter(|service| !service.removed) {
            return Ok(service.hours.open_for(start));
        }
        match self.catalogue.hours(tenant, name.as_str()).await? {
            Some(hours) => Ok(hours.open_for(start)),
            None => Err(Refusal::UnknownService(name.to_string())),
        }
    }
}
