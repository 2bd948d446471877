//! What the application gives the listeners: use cases, identity, health, measurements.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use ges_domain::idempotency::Keyed;
use ges_domain::phone::NumberingPlan;
use ges_domain::ports::{
    Bookings, BulkJobs, CallIns, Catalogue, Chance, Clock, CredentialDesk, HumanCheck, Identities, Ids, KeptAnswers,
    Lookup, Pauses, PublishedServices, Publishing, Record, SessionNews, SessionRequests, Sessions,
};
use ges_domain::statistics::Statistics;
use ges_domain::tenancy::{ApiKeys, WebOrigins};
use ges_domain::use_cases::{
    BookCallback, BulkDesk, CancelCallback, CurrentWait, DiagnoseSession, OfferSlots, OpenFor, PauseServices,
    RelayToSession, RequestCallIn, RetrieveCallback, TakePublish, TakeSessionUpdate, TellQueueStatus, TellWaits,
};
use ges_domain::wait::WaitEstimates;
use ges_domain::{Refusal, TenantId};
use ges_telemetry::Metrics;
use uuid::Uuid;

use crate::console::Console;
use crate::endpoints::Endpoints;
use crate::engagement::recent::Recent;
use crate::genesys::{Inside, InsideParts};
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
    /// `callbacks/queue-status`.
    pub queue_status: TellQueueStatus,
    /// `estimated-wait-time`.
    pub waits: TellWaits,
    /// `call-in/requests/create`.
    pub call_in: RequestCallIn,
    /// `statistics/operations/get-statistic-ex`.
    pub statistics: Arc<dyn Statistics>,
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
    /// Which pages may read answers.
    pub origins: Arc<dyn WebOrigins>,
    /// Requests passed on to sessions.
    pub relay: RelayToSession,
    /// What this process tells about itself.
    pub observed: Observed,
    /// The internal API.
    pub(crate) inside: Inside,
    /// What is known of sessions.
    pub diagnose: DiagnoseSession,
    /// Pausing and resuming services.
    pub pause: PauseServices,
    /// Bulk jobs.
    pub bulk: BulkDesk,
    /// What Designer publishes.
    pub publish: TakePublish,
    /// The console; none when nobody can sign in.
    pub console: Option<Arc<Console>>,
    /// Where sessions and routers are.
    pub endpoints: Endpoints,
    /// Whose tokens callers show who name no contact center; none when nobody can tell.
    pub callers: Option<Arc<dyn Identities>>,
    /// What was answered a moment ago.
    pub(crate) recent: Recent,
}

/// What the use cases work with besides the store.
pub struct Parts {
    /// How long people wait.
    pub wait: Arc<CurrentWait>,
    /// The routers themselves, with all the time they may take.
    pub waits: Arc<dyn WaitEstimates>,
    /// The statistics service.
    pub statistics: Arc<dyn Statistics>,
    /// What numbers mean.
    pub plan: Arc<dyn NumberingPlan>,
    /// Running sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Asks running sessions.
    pub requests: Arc<dyn SessionRequests>,
    /// What sessions were last heard to say.
    pub news: Arc<dyn SessionNews>,
    /// Whether visitors are people.
    pub human: Arc<dyn HumanCheck>,
    /// Credentials of tenants.
    pub credentials: Arc<dyn CredentialDesk>,
    /// Who owns which API key.
    pub keys: Arc<dyn ApiKeys>,
    /// Which pages may read answers.
    pub origins: Arc<dyn WebOrigins>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// Chance nobody can foresee.
    pub chance: Arc<dyn Chance>,
    /// What this process tells about itself.
    pub observed: Observed,
    /// Who wants to know that services changed.
    pub published: Arc<dyn PublishedServices>,
    /// Where sessions and routers are.
    pub endpoints: Endpoints,
    /// The internal API.
    pub inside: InsideParts,
}

impl Api {
    /// All use cases over one store.
    pub fn over<
        S: Bookings + BulkJobs + CallIns + Catalogue + KeptAnswers + Lookup + Pauses + Publishing + Record + 'static,
    >(
        store: &Arc<S>,
        parts: Parts,
    ) -> Self {
        let Parts {
            wait,
            waits,
            statistics,
            plan,
            sessions,
            requests,
            news,
            human,
            credentials,
            keys,
            origins,
            clock,
            ids,
            chance,
            observed,
            published,
            endpoints,
            inside,
        } = parts;
        let pause = PauseServices { pauses: store.clone(), clock: clock.clone() };
        let bulk = BulkDesk { jobs: store.clone(), clock: clock.clone(), ids: ids.clone() };
        let inside = Inside::over(store, inside, &plan, &sessions, &wait, &clock);
        let (catalogue, record): (Arc<dyn Catalogue>, Arc<dyn Record>) = (store.clone(), store.clone());
        let publish =
            TakePublish { publishing: store.clone(), plan: plan.clone(), followers: published, clock: clock.clone() };
        Self {
            book: BookCallback {
                catalogue: catalogue.clone(),
                bookings: store.clone(),
                wait: wait.clone(),
                plan: plan.clone(),
                human,
                clock: clock.clone(),
                ids: ids.clone(),
            },
            retrieve: RetrieveCallback { record: record.clone(), news: news.clone(), clock: clock.clone() },
            cancel: CancelCallback { record: record.clone(), sessions: sessions.clone(), clock: clock.clone() },
            offer: OfferSlots { catalogue: catalogue.clone(), bookings: store.clone(), clock: clock.clone() },
            open_for: OpenFor { catalogue: catalogue.clone(), clock: clock.clone() },
            queue_status: TellQueueStatus {
                catalogue: catalogue.clone(),
                bookings: store.clone(),
                waits: waits.clone(),
                clock: clock.clone(),
            },
            relay: RelayToSession {
                record: record.clone(),
                catalogue: catalogue.clone(),
                requests,
                news: news.clone(),
                wait,
                clock: clock.clone(),
            },
            waits: TellWaits { catalogue, waits },
            call_in: RequestCallIn::over(store, plan, clock.clone(), ids, chance),
            statistics,
            diagnose: DiagnoseSession { record: record.clone(), news: news.clone(), clock: clock.clone() },
            take_update: TakeSessionUpdate { record: record.clone(), sessions, news, clock },
            record,
            credentials,
            kept: store.clone(),
            keys,
            origins,
            observed,
            publish,
            endpoints,
            console: None,
            pause,
            bulk,
            inside,
            callers: None,
            recent: Recent::default(),
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
