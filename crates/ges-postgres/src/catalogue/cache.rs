//! Services as last read, at most two seconds old: a busy service costs one statement in that time, an idle one none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ges_domain::ports::StoreError;
use ges_domain::service::Service;
use ges_domain::{ServiceName, TenantId};
use tokio::time::Instant;

use crate::error::Fault;

/// How old a read may be; below the two seconds the port allows.
const FRESH: Duration = Duration::from_millis(1_900);
/// Names remembered, known or not; beyond it memory is cleared rather than grown by made-up names.
const MOST: usize = 20_000;

#[derive(Clone)]
struct Loaded {
    at: Instant,
    service: Option<Arc<Service>>,
}

/// What is remembered of one name.
#[derive(Default)]
struct Memory {
    loaded: Option<Loaded>,
    failed_at: Option<Instant>,
}

/// One name; whoever holds it loads, the others wait for what comes of it.
type Place = Arc<tokio::sync::Mutex<Memory>>;

/// The memory of one process.
#[derive(Default)]
pub(crate) struct Cache(Mutex<HashMap<TenantId, HashMap<ServiceName, Place>>>);

impl Cache {
    fn place(&self, tenant: TenantId, name: &ServiceName) -> Place {
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = tenants.get(&tenant).and_then(|names| names.get(name)) {
            return place.clone();
        }
        if tenants.values().map(HashMap::len).sum::<usize>() >= MOST {
            tenants.clear();
        }
        tenants.entry(tenant).or_default().entry(name.clone()).or_default().clone()
    }

    /// The service as remembered, else as `load` reads it now. Callers that ask together cause one read.
    pub(crate) async fn get<F>(
        &self,
        tenant: TenantId,
        name: &ServiceName,
        load: impl FnOnce() -> F,
    ) -> Result<Option<Arc<Service>>, StoreError>
    where
        F: Future<Output = Result<Option<Arc<Service>>, StoreError>>,
    {
        let asked = Instant::now();
        let place = self.place(tenant, name);
        let mut memory = place.lock().await;
        if let Some(loaded) = &memory.loaded
            && loaded.at.elapsed() < FRESH
        {
            return Ok(loaded.service.clone());
        }
        // Whoever waited for a read that failed shares its failure, else they would wait one after the other.
        if memory.failed_at.is_some_and(|failed| asked <= failed) {
            return Err(Fault::Unreachable("the catalogue could not be read").into());
        }
        // Its age counts from the question: a change committed before the answer may still be missing in it.
        let at = Instant::now();
        let read = load().await;
        match &read {
            Ok(service) => *memory = Memory { loaded: Some(Loaded { at, service: service.clone() }), failed_at: None },
            Err(_) => memory.failed_at = Some(Instant::now()),
        }
        read
    }

    /// Forgets a tenant, so that its writer reads its own write; a read under way when it was written is forgotten too.
    pub(crate) fn forget(&self, tenant: TenantId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn callers_that_ask_together_cause_one_read_and_a_write_forgets() {
        let (cache, reads) = (Cache::default(), AtomicU32::new(0));
        let tenant = TenantId(uuid::Uuid::from_u128(1));
        let name = ServiceName::new("CB").unwrap();
        let ask = || {
            cache.get(tenant, &name, || async {
                reads.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(None)
            })
        };
        let (first, second, third) = tokio::join!(ask(), ask(), ask());
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        cache.forget(tenant);
        ask().await.unwrap();
        assert_eq!(reads.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn callers_that_wait_for_a_failed_read_share_its_failure() {
        let (cache, reads) = (Cache::default(), AtomicU32::new(0));
        let tenant = TenantId(uuid::Uuid::from_u128(1));
        let name = ServiceName::new("CB").unwrap();
        let ask = || {
            cache.get(tenant, &name, || async {
                reads.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
                Err(Fault::Shape.into())
            })
        };
        let (first, second) = tokio::join!(ask(), ask());
        assert!(first.is_err() && second.is_err());
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        ask().await.unwrap_err();
        assert_eq!(reads.load(Ordering::Relaxed), 2, "a later caller asks again");
    }
}
