//! Choosing another time (chapter 5, R-EDT-1 to R-EDT-4).

use std::sync::Arc;

use crate::booking::{Wish, consider};
use crate::callback::{Act, Actor, Callback, Kind, Source, may_act};
use crate::phone::NumberingPlan;
use crate::ports::{Bookings, Catalogue, Clock, Edit, Move, MoveAnswer, Moved, Record, SessionEvent, Sessions, Told};
use crate::use_cases::CurrentWait;
use crate::use_cases::refused::Refused;
use crate::{CallbackId, Instant, Refusal, TenantId};

/// Sessions that are told one after the other before the caller has to ask again.
const MOST_SESSIONS: u32 = 3;

/// Moves a callback to another time, or to now. A session that has it has to give way first (R-EDT-4).
pub struct RescheduleCallback {
    /// What is provisioned.
    pub catalogue: Arc<dyn Catalogue>,
    /// What is booked.
    pub bookings: Arc<dyn Bookings>,
    /// The record of callbacks.
    pub record: Arc<dyn Record>,
    /// How long people wait.
    pub wait: Arc<CurrentWait>,
    /// What numbers mean.
    pub plan: Arc<dyn NumberingPlan>,
    /// Running sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Store time.
    pub clock: Arc<dyn Clock>,
}

impl RescheduleCallback {
    /// Runs checks 2, 3, 5 to 8 and 13 to 15 again (R-EDT-1), no throttles, and moves the booking in one step (R-EDT-2). The
    /// type is decided anew (R-TYP-6), so a near time makes it IMMEDIATE (R-EDT-3).
    ///
    /// The wish is durable before a session is told, so that its end is not taken for a loss; if we die before the booking has
    /// moved, [`crate::use_cases::CarryOutWishes`] moves it.
    ///
    /// # Errors
    /// `NotFound`, `NotReschedulable`, and every refusal of those checks; those about time carry proposals. The time is the old
    /// one then. `StoreUnavailable`: the wish may stand, and asking again is safe.
    pub async fn run(
        &self,
        tenant: TenantId,
        id: CallbackId,
        desired: Option<Instant>,
        actor: Actor,
    ) -> Result<Callback, Refusal> {
        self.with_edit(tenant, id, desired, None, actor).await
    }

    /// The same with fields of a SCHEDULED callback, checked by [`crate::use_cases::EditCallback::check`], in one write: the new
    /// time with the new fields, or neither. A near time hands the callback over, and then no field can be changed any more.
    ///
    /// # Errors
    /// As [`RescheduleCallback::run`]; `NotReschedulable` also when it is not SCHEDULED any more.
    pub async fn with_edit(
        &self,
        tenant: TenantId,
        id: CallbackId,
        desired: Option<Instant>,
        edit: Option<Edit>,
        actor: Actor,
    ) -> Result<Callback, Refusal> {
        let now = self.clock.now();
        let unknown = || Refusal::NotFound(id.to_string());
        let record = self.record.find(tenant, id, now).await?.ok_or_else(unknown)?;
        if !may_act(Act::Reschedule, record.state) {
            return Err(Refusal::NotReschedulable(record.state));
        }
        let service = self.catalogue.service(tenant, &record.service).await?.filter(|service| !service.removed);
        let service = service.ok_or_else(|| Refusal::UnknownService(record.service.to_string()))?;
        let ewt = self.wait.of_one(tenant, &service, &record.particulars, now).await;
        let always_check = record.particulars.always_check_capacity;
        let wish = Wish {
            desired,
            always_check_capacity: always_check,
            phone: edit.as_ref().and_then(|edit| edit.phone.as_ref()).map_or(&record.phone, |(phone, _)| phone),
            has_push_target: !record.particulars.push_targets.is_empty(),
            source: source_of(&actor),
        };
        let considered = consider(&service, &wish, &*self.plan, now, ewt)?;
        let wanted = considered.wanted.desired;
        let mut asked = Refused {
            tenant,
            service: &service,
            wanted,
            refused: considered.refused_cell,
            forecast: always_check.then_some(ewt),
        };
        if let Some(refusal) = considered.refused_later {
            return Err(refusal.with_proposals(asked.propose(&*self.bookings, now).await?));
        }
        let kind = considered.wanted.kind;
        let deadline = wanted + service.settings.ttl();
        let to = Move { actor, desired: wanted, kind, deadline, slot: considered.slot, edit };
        let mut moved = self.record.move_booking(tenant, id, &to, now).await?;
        // While one session is told another one may take the callback; then that one has to be told.
        for _ in 0..MOST_SESSIONS {
            let Moved::SessionHolds(session) = &moved else { break };
            let answer = match self.sessions.tell(session, id, &SessionEvent::Reschedule { to: wanted }, now).await {
                Told::Refused => MoveAnswer::Refused,
                Told::Gone => MoveAnswer::Ended,
                // If it does not end within its time, whoever looks after former sessions stops it.
                Told::Accepted if kind == Kind::Scheduled => MoveAnswer::Stopped,
                // The next attempt may follow at once, so nobody waits for it to end by itself (I2).
                Told::Accepted | Told::Unreachable => stopped(self.sessions.terminate(session).await),
            };
            let (asked, now) = (session.id.clone(), self.clock.now());
            moved = self.record.settle_move(tenant, id, &asked, answer, &to, now).await?;
        }
        match moved {
            Moved::Done(callback) => Ok(*callback),
            Moved::SlotFull => {
                debug_assert_eq!(kind, Kind::Scheduled, "only a cell can be full");
                asked.refused = Some(service.schedule().cell_at(wanted));
                let proposals = asked.propose(&*self.bookings, now).await?;
                Err(Refusal::SlotUnavailable { at: wanted, proposals })
            }
            Moved::NotReschedulable(state) => Err(Refusal::NotReschedulable(state)),
            // The wish stands in the record; asking again is safe.
            Moved::SessionHolds(_) => Err(Refusal::StoreUnavailable),
            Moved::Unknown => Err(unknown()),
        }
    }
}

/// What it means for a move that a session was told to stop without being asked.
pub(super) const fn stopped(told: Told) -> MoveAnswer {
    match told {
        Told::Accepted | Told::Gone => MoveAnswer::Ended,
        Told::Refused | Told::Unreachable => MoveAnswer::Stopped,
    }
}

/// Who asks, as the number checks see it (R-NUM-8).
pub(super) fn source_of(actor: &Actor) -> Source {
    match actor {
        Actor::Api => Source::Api,
        Actor::Ui(_) => Source::Ui,
        Actor::Ivr | Actor::Session | Actor::Monitor => Source::Ivr,
    }
}
