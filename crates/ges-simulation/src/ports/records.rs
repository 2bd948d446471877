//! The record as API nodes reach it.

use async_trait::async_trait;
use ges_domain::booking::{Booked, NewBooking};
use ges_domain::callback::{Actor, Callback, SessionUpdate, TimelineEvent};
use ges_domain::capacity::Usage;
use ges_domain::idempotency::{Kept, Key, Operation};
use ges_domain::ports::{
    Bookings, CancelAnswer, CancelRequest, Cancelled, Edit, Edited, KeptAnswers, Move, MoveAnswer, Moved, Record,
    SessionAnswer, StoreError,
};
use ges_domain::{CallInId, CallbackId, Instant, ServiceName, SessionId, TenantId};

use super::Node;
use crate::trace::short;

#[async_trait]
impl Bookings for Node {
    async fn book(&self, booking: NewBooking) -> Result<Booked, StoreError> {
        let (id, kind, desired) = (booking.callback.id, booking.callback.kind.as_str(), booking.callback.desired_at);
        let act = async {
            let booked = self.world.take_booking(booking).await;
            match &booked {
                Ok(Booked::Accepted(_)) => self.note(format!("{} booked, {kind} for {desired}", short(id))),
                Ok(Booked::Repeated(before)) => self.note(format!("{} was {} before", short(id), short(*before))),
                Ok(Booked::Refused(refusal)) => self.note(format!("{} not booked: {refusal}", short(id))),
                Err(error) => self.note(format!("{} not booked: {error}", short(id))),
            }
            booked
        };
        self.call("book", act).await
    }

    async fn usage(
        &self,
        tenant: TenantId,
        service: &ServiceName,
        from: Instant,
        until: Instant,
    ) -> Result<Usage, StoreError> {
        self.call("usage", self.world.store.usage(tenant, service, from, until)).await
    }

    async fn watermark(&self, tenant: TenantId, service: &ServiceName, up_to: u32) -> Result<u32, StoreError> {
        self.call("watermark", self.world.store.watermark(tenant, service, up_to)).await
    }
}

#[async_trait]
impl KeptAnswers for Node {
    async fn recall(&self, tenant: TenantId, operation: Operation, key: &Key) -> Result<Option<Kept>, StoreError> {
        self.call("recall", self.world.store.recall(tenant, operation, key)).await
    }

    async fn forget(&self, kept_before: Instant, limit: u32) -> Result<u64, StoreError> {
        self.call("forget", self.world.store.forget(kept_before, limit)).await
    }
}

#[async_trait]
impl Record for Node {
    async fn find(&self, tenant: TenantId, id: CallbackId, now: Instant) -> Result<Option<Callback>, StoreError> {
        self.call("find", self.world.look_up(tenant, id, now)).await
    }

    async fn tenant_of(&self, id: CallbackId) -> Result<Option<TenantId>, StoreError> {
        self.call("tenant_of", self.world.store.tenant_of(id)).await
    }

    async fn timeline(&self, tenant: TenantId, id: CallbackId) -> Result<Vec<TimelineEvent>, StoreError> {
        self.call("timeline", self.world.store.timeline(tenant, id)).await
    }

    async fn cancel(
        &self,
        tenant: TenantId,
        id: CallbackId,
        request: &CancelRequest,
        now: Instant,
    ) -> Result<Cancelled, StoreError> {
        let act = async {
            let cancelled = self.world.take_cancel(tenant, id, request, now).await?;
            self.note(format!("cancel of {}: {}", short(id), word(&cancelled)));
            Ok(cancelled)
        };
        self.call("cancel", act).await
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
        let act = async {
            let cancelled = self.world.store.settle_cancel(tenant, id, asked, answer, request, now).await?;
            self.note(format!("cancel of {} settled by {answer:?}: {}", short(id), word(&cancelled)));
            Ok(cancelled)
        };
        self.call("settle_cancel", act).await
    }

    async fn move_booking(
        &self,
        tenant: TenantId,
        id: CallbackId,
        to: &Move,
        now: Instant,
    ) -> Result<Moved, StoreError> {
        let act = async {
            let moved = self.world.store.move_booking(tenant, id, to, now).await?;
            self.note(format!("move of {} to {}: {}", short(id), to.desired, moved_word(&moved)));
            Ok(moved)
        };
        self.call("move_booking", act).await
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
        let act = async {
            let moved = self.world.store.settle_move(tenant, id, asked, answer, to, now).await?;
            self.note(format!("move of {} settled by {answer:?}: {}", short(id), moved_word(&moved)));
            Ok(moved)
        };
        self.call("settle_move", act).await
    }

    async fn edit(
        &self,
        tenant: TenantId,
        id: CallbackId,
        edit: &Edit,
        actor: &Actor,
        now: Instant,
    ) -> Result<Edited, StoreError> {
        self.call("edit", self.world.store.edit(tenant, id, edit, actor, now)).await
    }

    async fn call_in_told(
        &self,
        tenant: TenantId,
        id: CallbackId,
        call_in: CallInId,
        asked: &SessionId,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.call("call_in_told", self.world.store.call_in_told(tenant, id, call_in, asked, now)).await
    }

    async fn apply_session_update(
        &self,
        tenant: TenantId,
        id: CallbackId,
        update: &SessionUpdate,
        now: Instant,
    ) -> Result<SessionAnswer, StoreError> {
        let act = async {
            let answer = self.world.take_update(tenant, id, update, now).await?;
            let speaker = update.session.as_ref().map_or("nobody", |session| session.as_str());
            let wish = match (update.state, update.end) {
                (_, Some(end)) => format!("{end:?}"),
                (Some(state), None) => state.as_str().to_owned(),
                (None, None) => "nothing".to_owned(),
            };
            let outcome = match &answer {
                SessionAnswer::Accepted(record) => format!("accepted, now {}", record.state.as_str()),
                SessionAnswer::Ignored(why) => format!("ignored: {why:?}"),
                SessionAnswer::Stranger => "refused: a stranger".to_owned(),
                SessionAnswer::Illegal { from, to } => format!("illegal: {} to {}", from.as_str(), to.as_str()),
                SessionAnswer::TooLarge(overgrown) => format!("refused: too large, {overgrown:?}"),
                SessionAnswer::Unknown => "unknown".to_owned(),
            };
            self.note(format!("{speaker} says {wish}, {}: {outcome}", update.seq.unwrap_or(0)));
            Ok(answer)
        };
        self.call("session update", act).await
    }
}

fn moved_word(moved: &Moved) -> &'static str {
    match moved {
        Moved::Done(_) => "done",
        Moved::SlotFull => "no place",
        Moved::NotReschedulable(_) => "too late",
        Moved::SessionHolds(_) => "the session has to give way",
        Moved::Unknown => "unknown",
    }
}

fn word(cancelled: &Cancelled) -> &'static str {
    match cancelled {
        Cancelled::Done(_) => "done",
        Cancelled::AskSession(_) => "the session has to be asked",
        Cancelled::AlreadyCompleted => "completed already",
        Cancelled::NotCancellable => "not cancellable",
        Cancelled::Repeated => "done before",
        Cancelled::KeyReused => "the key means another request",
        Cancelled::Unknown => "unknown",
    }
}
