//! What the internal API works with besides what every listener shares.

use std::sync::Arc;

use ges_domain::phone::{NumberGuide, NumberingPlan};
use ges_domain::ports::{Areas, Bookings, CallIns, Catalogue, Clock, KeptAnswers, Lookup, Publisher, Record, Sessions};
use ges_domain::use_cases::{
    AttachValues, CarryOutWishes, CurrentWait, EditCallback, FindCallbacks, MatchCallIn, RescheduleCallback,
    TellWatermarks,
};

use crate::gate::Gate;

/// What an application brings for the internal API.
pub struct InsideParts {
    /// General storage.
    pub areas: Arc<dyn Areas>,
    /// Messages of a caller's own making; none where nothing can send them.
    pub publisher: Option<Arc<dyn Publisher>>,
    /// Descriptions of numbers.
    pub guide: Arc<dyn NumberGuide>,
    /// What internal callers have to show.
    pub gate: Gate,
    /// Whether a call without a contact center means the only one (`tenancy.single`).
    pub single_tenant: bool,
}

/// The use cases and ports of the internal API.
pub(crate) struct Inside {
    pub(crate) find: FindCallbacks,
    pub(crate) watermarks: TellWatermarks,
    pub(crate) reschedule: RescheduleCallback,
    pub(crate) edit: EditCallback,
    pub(crate) attach: AttachValues,
    pub(crate) match_call_in: MatchCallIn,
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) catalogue: Arc<dyn Catalogue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) areas: Arc<dyn Areas>,
    pub(crate) publisher: Option<Arc<dyn Publisher>>,
    pub(crate) guide: Arc<dyn NumberGuide>,
    pub(crate) gate: Gate,
    pub(crate) single_tenant: bool,
}

impl Inside {
    /// Everything over one store.
    pub(crate) fn over<S: Bookings + CallIns + Catalogue + KeptAnswers + Lookup + Record + 'static>(
        store: &Arc<S>,
        parts: InsideParts,
        plan: &Arc<dyn NumberingPlan>,
        sessions: &Arc<dyn Sessions>,
        wait: &Arc<CurrentWait>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let (catalogue, record): (Arc<dyn Catalogue>, Arc<dyn Record>) = (store.clone(), store.clone());
        let (plan, clock) = (Arc::clone(plan), Arc::clone(clock));
        let InsideParts { areas, publisher, guide, gate, single_tenant } = parts;
        Self {
            find: FindCallbacks {
                lookup: store.clone(),
                record: record.clone(),
                catalogue: catalogue.clone(),
                plan: plan.clone(),
                clock: clock.clone(),
            },
            watermarks: TellWatermarks::new(store.clone(), clock.clone()),
            reschedule: RescheduleCallback {
                catalogue: catalogue.clone(),
                bookings: store.clone(),
                record: record.clone(),
                sessions: Arc::clone(sessions),
                wait: Arc::clone(wait),
                plan: plan.clone(),
                clock: clock.clone(),
            },
            edit: EditCallback {
                catalogue: catalogue.clone(),
                record: record.clone(),
                plan: plan.clone(),
                clock: clock.clone(),
            },
            attach: AttachValues { record: record.clone(), sessions: Arc::clone(sessions), clock: clock.clone() },
            match_call_in: MatchCallIn {
                call_ins: store.clone(),
                catalogue: catalogue.clone(),
                wishes: CarryOutWishes {
                    record,
                    catalogue: catalogue.clone(),
                    sessions: Arc::clone(sessions),
                    clock: clock.clone(),
                },
                plan,
                clock: clock.clone(),
            },
            lookup: store.clone(),
            catalogue,
            clock,
            areas,
            publisher,
            guide,
            gate,
            single_tenant,
        }
    }
}
