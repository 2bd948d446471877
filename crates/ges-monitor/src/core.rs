//! What all duties of one monitor share.

use std::sync::{Arc, Mutex, PoisonError};

use ges_domain::callback::{Actor, Callback, Reason};
use ges_domain::invariants::Look;
use ges_domain::phone::NumberingPlan;
use ges_domain::ports::{
    BulkJobs, CallIns, Catalogue, Clock, Handover, KeptAnswers, SessionEvent, Sessions, SubmissionStream,
};
use ges_domain::use_cases::CurrentWait;
use ges_telemetry::correlated;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::bulk::BulkBell;
use crate::health::StreamHealth;
use crate::notices::Bell;
use crate::pauses::PauseBell;
use crate::rights::Rights;
use crate::waits::Waits;
use crate::{MonitorGauges, MonitorSettings};

/// Sessions that may be told to stop at once; the others wait their turn.
pub(crate) const STOPS_AT_ONCE: usize = 16;

pub(crate) struct Core {
    pub(crate) handover: Arc<dyn Handover>,
    pub(crate) kept: Arc<dyn KeptAnswers>,
    pub(crate) catalogue: Arc<dyn Catalogue>,
    pub(crate) stream: Arc<dyn SubmissionStream>,
    pub(crate) plan: Arc<dyn NumberingPlan>,
    pub(crate) call_ins: Arc<dyn CallIns>,
    pub(crate) bulk: Option<Arc<dyn BulkJobs>>,
    pub(crate) sessions: Arc<dyn Sessions>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) gauges: Arc<dyn MonitorGauges>,
    pub(crate) rights: Arc<Rights>,
    pub(crate) waits: Arc<Waits>,
    pub(crate) current: Arc<CurrentWait>,
    pub(crate) settings: Arc<MonitorSettings>,
    pub(crate) health: Mutex<StreamHealth>,
    /// Where hints at pushes are left for the duty that sends them.
    pub(crate) bell: Arc<Bell>,
    /// Where services are left whose records have to follow a pause.
    pub(crate) pause_bell: PauseBell,
    /// Rung when a bulk job is opened.
    pub(crate) bulk_bell: BulkBell,
    pub(crate) stops: TaskTracker,
    pub(crate) stop_places: Arc<Semaphore>,
}

impl Core {
    pub(crate) fn stop_places() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(STOPS_AT_ONCE))
    }

    pub(crate) fn health(&self) -> std::sync::MutexGuard<'_, StreamHealth> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a look at a promise. What it finds is a bug: a person is told, and the work goes on.
    pub(crate) fn look(&self, look: &Look) {
        self.gauges.looked(look);
        for violation in &look.broken {
            tracing::error!(%violation, "a promise is broken");
        }
    }

    /// Tells the session of a record that a monitor has ended to stop (R-EXP-1). Best effort, beside the work.
    pub(crate) fn stop_session(&self, record: &Callback, reason: &Reason) {
        let Some(session) = record.session.clone() else { return };
        let (sessions, places) = (Arc::clone(&self.sessions), Arc::clone(&self.stop_places));
        let (id, at, corr_id) = (record.id, self.clock.now(), record.correlation().to_string());
        let event = SessionEvent::Cancel { reason: reason.clone(), by: Actor::Monitor };
        self.stops.spawn(async move {
            let Ok(_place) = places.acquire().await else { return };
            let outcome = correlated(corr_id, sessions.tell(&session, id, &event, at)).await;
            tracing::debug!(callback.id = %id, ?outcome, "a session was told that its callback has ended");
        });
    }
}
