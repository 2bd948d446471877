//! Finding records by what they have (integrations 2.3, 2.7, 2.8): bounded looks through an index, never without a tenant.

use async_trait::async_trait;

use super::StoreError;
use crate::callback::{Callback, Reason, State};
use crate::phone::PhoneKey;
use crate::{CallbackId, Instant, ServiceName, SessionId, TenantId};

/// Most records one look answers with.
pub const MOST_FOUND: u32 = 500;

/// Where a look begins; each has an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Among {
    /// Every record.
    All,
    /// Records of these numbers.
    Numbers(Vec<PhoneKey>),
    /// Records this session has, or had when they ended.
    Session(SessionId),
}

/// Which records to look for. What is absent is not asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Of this service; none means of every service of the tenant.
    pub service: Option<ServiceName>,
    /// Where to begin.
    pub among: Among,
    /// Desired from here.
    pub from: Option<Instant>,
    /// Desired before here.
    pub until: Option<Instant>,
    /// In one of these states; empty means in any.
    pub states: Vec<State>,
    /// Ended with one of these reasons; empty asks nothing.
    pub reasons: Vec<Reason>,
    /// Behind this record in the order of answers.
    pub after: Option<(Instant, CallbackId)>,
    /// At most so many, 1 to [`MOST_FOUND`].
    pub limit: u32,
}

impl Look {
    /// Every record of a service, or of the tenant.
    pub fn through(service: Option<ServiceName>) -> Self {
        Self {
            service,
            among: Among::All,
            from: None,
            until: None,
            states: Vec::new(),
            reasons: Vec::new(),
            after: None,
            limit: MOST_FOUND,
        }
    }

    /// The look that goes on behind the last record of an answer; none when there was nothing left to find.
    pub fn next(&self, found: &[Callback]) -> Option<Self> {
        let full = u32::try_from(found.len()).is_ok_and(|found| found >= self.limit);
        let last = found.last().filter(|_| full)?;
        Some(Self { after: Some((last.desired_at, last.id)), ..self.clone() })
    }
}

/// Finding records and counting them. Reads only; nothing of another tenant is ever found or counted (I9), and nothing expired
/// (R-REC-2).
#[async_trait]
pub trait Lookup: Send + Sync {
    /// The records that fit, latest desired time first, then by id, largest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn look(&self, tenant: TenantId, look: &Look, now: Instant) -> Result<Vec<Callback>, StoreError>;

    /// Names of the tenant's services that are not removed, in order; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn service_names(&self, tenant: TenantId, limit: u32) -> Result<Vec<ServiceName>, StoreError>;

    /// How many active records each service has that is not removed or still has some (R-QS-5, R-CON-7), by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    async fn watermarks(&self, tenant: TenantId) -> Result<Vec<(ServiceName, u32)>, StoreError>;
}
