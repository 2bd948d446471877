//! How many callbacks are waiting or executing, per service (integrations 2.8, R-QS-5).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::ports::{Clock, Lookup};
use crate::{Instant, Refusal, ServiceName, TenantId};

/// How old a count may be.
const FRESH: Duration = Duration::from_secs(2);
/// Tenants remembered; beyond it memory is cleared rather than grown.
const MOST: usize = 10_000;

/// Active callbacks by service.
pub type Watermarks = BTreeMap<ServiceName, u32>;

/// Tells the watermarks of a tenant's services, counted at most every two seconds.
pub struct TellWatermarks {
    lookup: Arc<dyn Lookup>,
    clock: Arc<dyn Clock>,
    counted: Mutex<HashMap<TenantId, (Instant, Arc<Watermarks>)>>,
}

impl TellWatermarks {
    /// Starts with no memory.
    pub fn new(lookup: Arc<dyn Lookup>, clock: Arc<dyn Clock>) -> Self {
        Self { lookup, clock, counted: Mutex::default() }
    }

    /// The watermark of every service of the tenant; at most 2 s old.
    ///
    /// # Errors
    /// `StoreUnavailable`.
    pub async fn run(&self, tenant: TenantId) -> Result<Arc<Watermarks>, Refusal> {
        // The instant before the question: what happens while it is answered may be missing.
        let now = self.clock.now();
        if let Some((at, counted)) = self.counted.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant)
            && *at <= now
            && now.since(*at) < FRESH
        {
            return Ok(Arc::clone(counted));
        }
        let counted = Arc::new(self.lookup.watermarks(tenant).await?.into_iter().collect::<Watermarks>());
        let mut memory = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= MOST {
            memory.clear();
        }
        memory.insert(tenant, (now, Arc::clone(&counted)));
        Ok(counted)
    }
}
