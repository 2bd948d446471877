//! What goes with a refused time: where there is room (R-PRP-1).

use std::time::Duration;

use crate::ports::{Bookings, StoreError};
use crate::proposals::{self, propose};
use crate::service::Service;
use crate::slots::Cell;
use crate::{Instant, Proposals, TenantId};

/// A refused time.
pub(super) struct Refused<'a> {
    pub(super) tenant: TenantId,
    pub(super) service: &'a Service,
    pub(super) wanted: Instant,
    /// The cell that was refused, when a cell was.
    pub(super) refused: Option<Cell>,
    /// The wait, for requests with `alwaysCheckCapacity`.
    pub(super) forecast: Option<Duration>,
}

impl Refused<'_> {
    /// Free cells near the wanted time; none where scheduled callbacks are not offered (R-PRP-1, R-CRE-4).
    pub(super) async fn propose(&self, bookings: &dyn Bookings, now: Instant) -> Result<Proposals, StoreError> {
        if !self.service.settings.scheduled_callback_enabled {
            return Ok(Proposals::new());
        }
        let range = proposals::span(now).usage();
        let usage = bookings.usage(self.tenant, &self.service.name, range.start, range.end).await?;
        Ok(propose(&self.service.schedule(), &usage, self.wanted, now, self.refused.as_ref(), self.forecast))
    }
}
