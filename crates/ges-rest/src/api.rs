//! What the application gives the listeners: use cases, identity, health, measurements.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use ges_domain::idempotency::Keyed;
use ges_domain::phone::NumberingPlan;
use ges_domain::ports::{Bookings, Catalogue, Clock, CredentialDesk, HumanCheck, Ids, KeptAnswers, Record, Sessions};
use ges_domain::tenancy::ApiKeys;
use ges_domain::use_cases::{
    BookCallback, CancelCallback, CurrentWait, OfferSlots, OpenFor, RetrieveCallback, TakeSessionUpdate,
};
use ges_domain::{Refusal, TenantId};
use ges_telemetry::Metrics;
use uuid::Uuid;

use crate::health::Health;

/// Everything requests are answered with. The applications build it once.
pub struct Api {
    /// `callbacks/create`.
    pub book: BookCallback,
    /// `callbacks/retrieve`.
    pub retrieve: RetrieveCallback,
    /// `callbacks/cancel`.
    pub cancel: CancelCallback,
    /// `callbacks/availability`.
    pub offer: OfferSlots,
    /// `callbacks/open-for`.
    pub open_for: OpenFor,
    /// Storage updates of sessions.
    pub take_update: TakeSessionUpdate,
    /// The record, for storage reads and for finding the tenant of an id.
    pub record: Arc<dyn Record>,
    /// Credentials of tenants.
    pub credentials: Arc<dyn CredentialDesk>,
    /// What was answered under idempotency keys.
    pub kept: Arc<dyn KeptAnswers>,
    /// Who owns which API key.
    pub keys: Arc<dyn ApiKeys>,
    /// What this process tells about itself.
    pub observed: Observed,
}

/// What the use cases work with besides the store.
pub struct Parts {
    /// How long people wait.
    pub wait: Arc<CurrentWait>,
    /// What numbers mean.
    pub plan: Arc<dyn NumberingPlan>,
    /// Running sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Whether visitors are people.
    pub human: Arc<dyn HumanCheck>,
    /// Credentials of tenants.
    pub credentials: Arc<dyn CredentialDesk>,
    /// Who owns which API key.
    pub keys: Arc<dyn ApiKeys>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// What this process tells about itself.
    pub observed: Observed,
}

impl Api {
    /// All use cases over one store.
    pub fn over<S: Bookings + Catalogue + KeptAnswers + Record + 'static>(store: &Arc<S>, parts: Parts) -> Self {
        let Parts { wait, plan, sessions, human, credentials, keys, clock, ids, observed } = parts;
        let (catalogue, record): (Arc<dyn Catalogue>, Arc<dyn Record>) = (store.clone(), store.clone());
        Self {
            book: BookCallback {
                catalogue: catalogue.clone(),
                bookings: store.clone(),
                wait,
                plan,
                human,
                clock: clock.clone(),
                ids,
            },
            retrieve: RetrieveCallback { record: record.clone(), clock: clock.clone() },
            cancel: CancelCallback { record: record.clone(), sessions: sessions.clone(), clock: clock.clone() },
            offer: OfferSlots { catalogue: catalogue.clone(), bookings: store.clone(), clock: clock.clone() },
            open_for: OpenFor { catalogue, clock: clock.clone() },
            take_update: TakeSessionUpdate { record: record.clone(), sessions, clock },
            record,
            credentials,
            kept: store.clone(),
            keys,
            observed,
        }
    }
}

impl Api {
    /// The id that the answer to this request named before, when it came under a key and was carried out (I6).
    ///
    /// # Errors
    /// `KeyReused` for another body under the key; `StoreUnavailable`.
    pub(crate) async fn answered(&self, tenant: TenantId, keyed: Option<&Keyed>) -> Result<Option<Uuid>, Refusal> {
        let Some(keyed) = keyed else { return Ok(None) };
        let kept = self.kept.recall(tenant, keyed.operation, &keyed.key).await?;
        keyed.answered(kept.as_ref())
    }
}

/// What every listener shows, whatever else it serves.
#[derive(Clone)]
pub struct Observed {
    /// Health of this process and of what it depends on.
    pub health: Health,
    /// Its measurements.
    pub metrics: Metrics,
    /// Tenants whose series exist.
    known: Arc<RwLock<HashSet<TenantId>>>,
}

impl Observed {
    /// Puts both together.
    pub fn new(health: Health, metrics: Metrics) -> Self {
        Self { health, metrics, known: Arc::default() }
    }

    /// Starts the series of a tenant at zero when it is first heard of.
    pub(crate) fn meet(&self, tenant: TenantId) {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains(&tenant) {
            return;
        }
        if self.known.write().unwrap_or_else(PoisonError::into_inner).insert(tenant) {
            self.metrics.tenant_known(&tenant.to_string());
        }
    }
}
