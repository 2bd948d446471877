//! What was written, told inside the process once it is durable.

use ges_domain::callback::{Callback, State, TimelineEvent};
use ges_domain::{CallbackId, ServiceName, TenantId};

/// Writes a listener may lag behind before it misses some.
pub(crate) const FEED: usize = 4096;

/// One durable write to a record.
#[derive(Debug, Clone)]
pub struct Written {
    /// The tenant.
    pub tenant: TenantId,
    /// The record.
    pub id: CallbackId,
    /// Its service.
    pub service: ServiceName,
    /// Where it stood; none when it was booked just now.
    pub before: Option<State>,
    /// Where it stands.
    pub after: State,
    /// What happened.
    pub event: TimelineEvent,
}

impl Written {
    pub(crate) fn new(before: Option<&Callback>, record: &Callback, event: &TimelineEvent) -> Self {
        Self {
            tenant: record.tenant,
            id: record.id,
            service: record.service.clone(),
            before: before.map(|before| before.state),
            after: record.state,
            event: event.clone(),
        }
    }
}
