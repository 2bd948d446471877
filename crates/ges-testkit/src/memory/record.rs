//! Reading and changing single records through the domain's acts.

use async_trait::async_trait;
use ges_domain::callback::acts::{self, SessionWrite};
use ges_domain::callback::{Actor, Callback, SessionUpdate, TimelineEvent};
use ges_domain::capacity::Usage;
use ges_domain::idempotency::Keyed;
use ges_domain::ports::{
    CancelAnswer, CancelRequest, Cancelled, Edit, Edited, Move, MoveAnswer, Moved, Record, SessionAnswer, StoreError,
};
use ges_domain::{CallInId, CallbackId, Instant, SessionId, TenantId};

use super::MemoryStore;

impl MemoryStore {
    /// One half of a cancel. Success is kept under the request's key (I6).
    fn cancel_half(
        &self,
        (tenant, id): (TenantId, CallbackId),
        keyed: Option<&Keyed>,
        now: Instant,
        decide: impl Fn(&Callback) -> Result<acts::Write, Cancelled>,
    ) -> Result<Cancelled, StoreError> {
        let mut state = self.open()?;
        match keyed.map_or(Ok(None), |keyed| state.answered(tenant, keyed)) {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(Cancelled::Repeated),
            Err(_) => return Ok(Cancelled::KeyReused),
        }
        let Some(record) = state.live(tenant, id, now) else { return Ok(Cancelled::Unknown) };
        let cancelled = match decide(record) {
            Ok(write) => {
                let row = state.write(write);
                self.hint_at_push(&row);
                acts::cancelled(row)
            }
            Err(answer) => answer,
        };
        if let (Some(keyed), Cancelled::Done(record)) = (keyed, &cancelled) {
            state.keep(tenant, keyed, record.id.0, now);
        }
        Ok(cancelled)
    }
}

impl MemoryStore {
    /// One half of a move, counted under the same lock.
    fn move_step(
        &self,
        (tenant, id): (TenantId, CallbackId),
        to: &Move,
        now: Instant,
        decide: impl Fn(&Callback) -> Result<acts::MoveStep, Moved>,
    ) -> Result<Moved, StoreError> {
        let mut state = self.open()?;
        let Some(record) = state.live(tenant, id, now) else { return Ok(Moved::Unknown) };
        let step = match decide(record) {
            Ok(step) => step,
            Err(answer) => return Ok(answer),
        };
        let booked = to.slot.as_ref().map_or_else(Usage::default, |claim| {
            let (from, until) = claim.limits.shared.map_or((claim.cell.from, claim.cell.until), |shared| {
                (shared.from.min(claim.cell.from), shared.until.max(claim.cell.until))
            });
            state.usage(tenant, &record.service, from, until)
        });
        if step.counted && !acts::finds_place(record, to, &booked) {
            if let Some(write) = step.gives_up(record, to, now) {
                let row = state.write(write);
                self.hint(&row);
            }
            return Ok(Moved::SlotFull);
        }
        let row = state.write(step.write);
        self.hint(&row);
        Ok(step.answer)
    }
}

#[async_trait]
impl Record for MemoryStore {
    async fn find(&self, tenant: TenantId, id: CallbackId, now: Instant) -> Result<Option<Callback>, StoreError> {
        Ok(self.open()?.live(tenant, id, now).cloned())
    }

    async fn tenant_of(&self, id: CallbackId) -> Result<Option<TenantId>, StoreError> {
        Ok(self.open()?.records.get(&id).map(|stored| stored.row.tenant))
    }

    async fn timeline(&self, tenant: TenantId, id: CallbackId) -> Result<Vec<TimelineEvent>, StoreError> {
        let state = self.open()?;
        let stored = state.records.get(&id).filter(|stored| stored.row.tenant == tenant);
        Ok(stored.map(|stored| stored.timeline.clone()).unwrap_or_default())
    }

    async fn cancel(
        &self,
        tenant: TenantId,
        id: CallbackId,
        request: &CancelRequest,
        now: Instant,
    ) -> Result<Cancelled, StoreError> {
        self.cancel_half((tenant, id), request.keyed.as_ref(), now, |record| acts::cancel(record, request, now))
    }

    async fn settle_cancel(
        &self,
        tenant: TenantId,
        id: CallbackId,
        asked: &SessionId,
        answer: CancelAnswer,
        request: &CancelRequest,
        now: Instant,
    ) -> Result<Cancelled, StoreError> {
        let decide = |record: &Callback| acts::settle_cancel(record, asked, answer, &request.actor, now);
        self.cancel_half((tenant, id), request.keyed.as_ref(), now, decide)
    }

    async fn move_booking(
        &self,
        tenant: TenantId,
        id: CallbackId,
        to: &Move,
        now: Instant,
    ) -> Result<Moved, StoreError> {
        self.move_step((tenant, id), to, now, |record| acts::move_booking(record, to, now))
    }

    async fn settle_move(
        &self,
        tenant: TenantId,
        id: CallbackId,
        asked: &SessionId,
        answer: MoveAnswer,
        to: &Move,
        now: Instant,
    ) -> Result<Moved, StoreError> {
        self.move_step((tenant, id), to, now, |record| acts::settle_move(record, asked, answer, to, now))
    }

    async fn edit(
        &self,
        tenant: TenantId,
        id: CallbackId,
        edit: &Edit,
        actor: &Actor,
        now: Instant,
    ) -> Result<Edited, StoreError> {
        let mut state = self.open()?;
        let Some(record) = state.live(tenant, id, now) else { return Ok(Edited::Unknown) };
        Ok(match acts::edit(record, edit, actor, now) {
            Ok(write) => Edited::Done(Box::new(state.write(write))),
            Err(answer) => answer,
        })
    }

    async fn call_in_told(
        &self,
        tenant: TenantId,
        id: CallbackId,
        call_in: CallInId,
        asked: &SessionId,
        now: Instant,
    ) -> Result<(), StoreError> {
        let mut state = self.open()?;
        let record = state.live(tenant, id, now);
        if let Some(write) = record.and_then(|record| acts::call_in_told(record, call_in, asked, now)) {
            state.write(write);
        }
        Ok(())
    }

    async fn apply_session_update(
        &self,
        tenant: TenantId,
        id: CallbackId,
        update: &SessionUpdate,
        now: Instant,
    ) -> Result<SessionAnswer, StoreError> {
        let mut state = self.open()?;
        let Some(record) = state.live(tenant, id, now) else { return Ok(SessionAnswer::Unknown) };
        Ok(match acts::session_update(record, update, now) {
            SessionWrite::Audited(write) => {
                let row = state.write(*write);
                self.hint(&row);
                SessionAnswer::Accepted(Box::new(row))
            }
            SessionWrite::Volatile(row) => {
                state.rewrite(id, |stored| stored.row = (*row).clone());
                self.hint_at_push(&row);
                SessionAnswer::Accepted(row)
            }
            SessionWrite::Answer(answer) => answer,
        })
    }
}
