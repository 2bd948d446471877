//! Opening, watching and stopping bulk jobs, and what they do to one record (R-BLK-1 to R-BLK-3).

use std::sync::Arc;

use crate::bulk::{BulkId, Item, Job, Kind, MOST, NewJob, Outcome, Selection, keyed};
use crate::callback::{Actor, Reason};
use crate::phone::NumberingPlan;
use crate::ports::{Bookings, BulkJobs, CancelRequest, Catalogue, Clock, Ids, NoHumanCheck, Opened, Record, Sessions};
use crate::use_cases::{BookCallback, CancelCallback, Created, CurrentWait, RecreateCallback};
use crate::{CallbackId, Refusal, TenantId};

/// What staff asks about bulk jobs.
pub struct BulkDesk {
    /// The jobs.
    pub jobs: Arc<dyn BulkJobs>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

impl BulkDesk {
    /// Opens a job; it is worked off in the background.
    ///
    /// # Errors
    /// `InvalidRequest` for more than [`MOST`] records; `StoreUnavailable`.
    pub async fn open(&self, tenant: TenantId, kind: Kind, selection: Selection, by: &str) -> Result<Job, Refusal> {
        let too_many = || Refusal::invalid("selection", format!("takes more than {MOST} callbacks"));
        if matches!(&selection, Selection::Ids(ids) if u32::try_from(ids.len()).is_ok_and(|ids| ids > MOST)) {
            return Err(too_many());
        }
        let (id, at) = (self.ids.bulk_id(), self.clock.now());
        match self.jobs.open_bulk(&NewJob { id, tenant, kind, selection, by: by.to_owned(), at }).await? {
            Opened::Job(job) => Ok(job),
            Opened::TooMany => Err(too_many()),
        }
    }

    /// A job as it stands.
    ///
    /// # Errors
    /// `NotFound`, `StoreUnavailable`.
    pub async fn watch(&self, tenant: TenantId, id: BulkId) -> Result<Job, Refusal> {
        self.jobs.bulk_job(tenant, id).await?.ok_or_else(|| Refusal::NotFound(id.to_string()))
    }

    /// Records of a job with their outcomes, after a position (0: from the first).
    ///
    /// # Errors
    /// `StoreUnavailable`.
    pub async fn items(&self, tenant: TenantId, id: BulkId, after: u32, limit: u32) -> Result<Vec<Item>, Refusal> {
        Ok(self.jobs.bulk_items(tenant, id, after, limit).await?)
    }

    /// Stops a job: records without an outcome stay as they are.
    ///
    /// # Errors
    /// `NotFound`, `StoreUnavailable`.
    pub async fn stop(&self, tenant: TenantId, id: BulkId) -> Result<Job, Refusal> {
        let stopped = self.jobs.stop_bulk(tenant, id, self.clock.now()).await?;
        stopped.ok_or_else(|| Refusal::NotFound(id.to_string()))
    }
}

/// What doing one record came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// For the job's report.
    pub outcome: Outcome,
    /// Whether a callback was booked just now, not by an earlier try (R-CRE-7).
    pub booked: bool,
}

/// Does to one record what its job is for.
pub struct BulkAct {
    /// Cancels.
    pub cancel: CancelCallback,
    /// Books again.
    pub recreate: RecreateCallback,
}

impl BulkAct {
    /// Puts it over one store, without fast counters beside it ([`crate::booking::Accelerated`]): staff are not refused by the
    /// windows (R-CRE-8), so there is no counting to spare, and counters may know too little (R-THR-4, design decision 1). What
    /// is booked here fills the windows like everything else, because the store counts it.
    pub fn over<S: Bookings + Catalogue + Record + 'static>(
        store: &Arc<S>,
        sessions: Arc<dyn Sessions>,
        wait: Arc<CurrentWait>,
        plan: Arc<dyn NumberingPlan>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        let book = BookCallback {
            catalogue: store.clone(),
            bookings: store.clone(),
            wait,
            plan,
            // Staff are no visitors (R-CRE-8).
            human: Arc::new(NoHumanCheck),
            clock: clock.clone(),
            ids,
        };
        Self {
            cancel: CancelCallback { record: store.clone(), sessions, clock: clock.clone() },
            recreate: RecreateCallback { record: store.clone(), book: Arc::new(book), clock },
        }
    }

    /// Does it once, however often it is tried (I6): the outcome, or none when the store did not answer and it has to be tried
    /// again.
    pub async fn run(&self, job: &Job, callback: CallbackId) -> Option<Done> {
        let keyed = keyed(job.id, job.kind, callback);
        let done = match job.kind {
            Kind::Cancel => {
                let actor = Actor::Ui(job.by.clone());
                let request = CancelRequest { actor, reason: Reason::CANCELLED_BY_ADMIN, keyed: Some(keyed) };
                self.cancel.run(job.tenant, callback, request).await.map(|_| None)
            }
            Kind::Recreate { desired } => {
                self.recreate.run_once(job.tenant, callback, desired, &job.by, keyed).await.map(Some)
            }
        };
        match done {
            Ok(created) => Some(Done {
                booked: matches!(created, Some(Created::Now(_))),
                outcome: Outcome::Succeeded { created: created.map(|created| created.id()) },
            }),
            Err(Refusal::StoreUnavailable | Refusal::UpstreamUnavailable) => None,
            Err(refusal) => Some(Done { booked: false, outcome: Outcome::Failed { cause: refusal.to_string() } }),
        }
    }
}
