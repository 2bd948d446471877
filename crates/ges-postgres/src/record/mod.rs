//! Reading and changing single records: read, ask the domain, write as one compare-and-set with its event (R-TR-4).

mod call_in;
mod change;
mod moves;
mod once;
mod recent;

use async_trait::async_trait;
use ges_domain::callback::acts::{self, SessionWrite};
use ges_domain::callback::{Actor, Callback, SessionUpdate, TimelineEvent};
use ges_domain::ports::{
    CancelAnswer, CancelRequest, Cancelled, Edit, Edited, Move, MoveAnswer, Moved, Record, SessionAnswer, StoreError,
};
use ges_domain::{CallInId, CallbackId, Instant, SessionId, TenantId};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::error::{reading, unavailable};
use crate::row::{Stored, select_records};
use crate::{PgStore, event};

pub(crate) use call_in::Noted;
pub(crate) use change::{Rewrite, rewrite};
use once::Once;
pub(crate) use recent::Recent;

/// How often a write is tried on a record that keeps changing (R-TR-4).
const TRIES: u32 = 5;

/// One record of this tenant that has not expired.
async fn read(
    executor: impl PgExecutor<'_>,
    tenant: TenantId,
    id: CallbackId,
    now: Instant,
) -> Result<Option<Stored>, StoreError> {
    let found = sqlx::query(select_records!("where c.tenant = $1 and c.id = $2")).bind(tenant.0).bind(id.0);
    let Some(row) = found.fetch_optional(executor).await.map_err(unavailable)? else { return Ok(None) };
    let stored = Stored::read(&row)?;
    Ok((now < stored.record.expires_at()).then_some(stored))
}

/// What a decision about a record comes to.
pub(crate) enum Decision<A> {
    /// Nothing to write.
    Answer(A),
    /// This record with this event.
    Write(Callback, TimelineEvent),
    /// This record without an event: volatile fields only.
    Note(Callback),
}

impl<A> From<Result<acts::Write, A>> for Decision<A> {
    fn from(decided: Result<acts::Write, A>) -> Self {
        decided.map_or_else(Self::Answer, |(record, event)| Self::Write(record, event))
    }
}

/// What a change came to.
pub(crate) enum Changed<A> {
    Answered(A),
    Written(Box<Callback>),
    Unknown,
}

impl PgStore {
    /// What a session's update comes to, by the record as remembered; none when it has to be read.
    async fn change_remembered(
        &self,
        tenant: TenantId,
        id: CallbackId,
        update: &SessionUpdate,
        now: Instant,
    ) -> Result<Option<Callback>, StoreError> {
        let recent = &self.0.recent;
        let Some(before) = recent.get(tenant, id).await.filter(|stored| now < stored.record.expires_at()) else {
            return Ok(None);
        };
        let (after, event) = match session_decision(&before.record, update, now) {
            Decision::Answer(_) => return Ok(None),
            Decision::Write(after, event) => (after, Some(event)),
            Decision::Note(after) => (after, None),
        };
        // Whatever becomes of the write, and of this request, the memory is out of date until it is known.
        recent.forget(tenant, id).await;
        let write = Rewrite { before: &before, after: &after, event: event.as_ref(), lease: None };
        if !rewrite(self.pool(), write).await? {
            return Ok(None);
        }
        recent.written(&after, before.service_key).await;
        Ok(Some(after))
    }

    /// Reads, decides and writes, again when somebody else was quicker.
    pub(crate) async fn change<A>(
        &self,
        tenant: TenantId,
        id: CallbackId,
        now: Instant,
        decide: impl Fn(&Callback) -> Decision<A>,
    ) -> Result<Changed<A>, StoreError> {
        for _ in 0..TRIES {
            let Some(before) = read(self.pool(), tenant, id, now).await? else { return Ok(Changed::Unknown) };
            let (after, event) = match decide(&before.record) {
                Decision::Answer(answer) => return Ok(Changed::Answered(answer)),
                Decision::Write(after, event) => (after, Some(event)),
                Decision::Note(after) => (after, None),
            };
            let write = Rewrite { before: &before, after: &after, event: event.as_ref(), lease: None };
            if rewrite(self.pool(), write).await? {
                self.0.recent.written(&after, before.service_key).await;
                return Ok(Changed::Written(Box::new(after)));
            }
        }
        Err(StoreError::Contended)
    }
}

fn session_decision(record: &Callback, update: &SessionUpdate, now: Instant) -> Decision<SessionAnswer> {
    match acts::session_update(record, update, now) {
        SessionWrite::Audited(write) => Decision::Write(write.0, write.1),
        SessionWrite::Volatile(noted) => Decision::Note(*noted),
        SessionWrite::Answer(answer) => Decision::Answer(answer),
    }
}

#[async_trait]
impl Record for PgStore {
    async fn find(&self, tenant: TenantId, id: CallbackId, now: Instant) -> Result<Option<Callback>, StoreError> {
        Ok(read(self.pool(), tenant, id, now).await?.map(|stored| stored.record))
    }

    async fn tenant_of(&self, id: CallbackId) -> Result<Option<TenantId>, StoreError> {
        let found = sqlx::query_scalar::<_, Uuid>("select tenant from callbacks where id = $1 limit 1").bind(id.0);
        Ok(found.fetch_optional(self.pool()).await.map_err(unavailable)?.map(TenantId))
    }

    async fn timeline(&self, tenant: TenantId, id: CallbackId) -> Result<Vec<TimelineEvent>, StoreError> {
        let found = sqlx::query(select_records!("where c.tenant = $1 and c.id = $2")).bind(tenant.0).bind(id.0);
        let Some(row) = found.fetch_optional(self.pool()).await.map_err(unavailable)? else { return Ok(Vec::new()) };
        let mut timeline = vec![event::booked(&Stored::read(&row)?.record)];
        let later = sqlx::query_as::<_, (i32, String)>(
            "select seq, event
            from callback_events
            where tenant = $1 and id = $2
            order by seq",
        );
        let later = later.bind(tenant.0).bind(id.0).fetch_all(self.pool()).await;
        for (seq, text) in later.map_err(reading("callback_events"))? {
            timeline.push(event::decode(seq, &text)?);
        }
        Ok(timeline)
    }

    async fn cancel(
        &self,
        tenant: TenantId,
        id: CallbackId,
        request: &CancelRequest,
        now: Instant,
    ) -> Result<Cancelled, StoreError> {
        if let Some(keyed) = request.keyed.clone() {
            let request = request.clone();
            let once = Once { tenant, id, keyed, now };
            return self.cancel_once(once, move |record| acts::cancel(record, &request, now)).await;
        }
        let decide = |record: &Callback| acts::cancel(record, request, now).into();
        Ok(match self.change(tenant, id, now, decide).await? {
            Changed::Answered(answer) => answer,
            Changed::Written(record) => acts::cancelled(*record),
            Changed::Unknown => Cancelled::Unknown,
        })
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
        if let Some(keyed) = request.keyed.clone() {
            let (asked, actor) = (asked.clone(), request.actor.clone());
            let once = Once { tenant, id, keyed, now };
            return self
                .cancel_once(once, move |record| acts::settle_cancel(record, &asked, answer, &actor, now))
                .await;
        }
        let decide = |record: &Callback| acts::settle_cancel(record, asked, answer, &request.actor, now).into();
        Ok(match self.change(tenant, id, now, decide).await? {
            Changed::Answered(answer) => answer,
            Changed::Written(record) => acts::cancelled(*record),
            Changed::Unknown => Cancelled::Unknown,
        })
    }

    async fn move_booking(
        &self,
        tenant: TenantId,
        id: CallbackId,
        to: &Move,
        now: Instant,
    ) -> Result<Moved, StoreError> {
        let (store, to) = (self.clone(), to.clone());
        let work = async move {
            let decide = |record: &Callback| acts::move_booking(record, &to, now);
            moves::move_step(store.pool(), tenant, id, &to, now, decide).await
        };
        self.uncancelled(work).await
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
        let (store, asked, to) = (self.clone(), asked.clone(), to.clone());
        let work = async move {
            let decide = |record: &Callback| acts::settle_move(record, &asked, answer, &to, now);
            moves::move_step(store.pool(), tenant, id, &to, now, decide).await
        };
        self.uncancelled(work).await
    }

    async fn edit(
        &self,
        tenant: TenantId,
        id: CallbackId,
        edit: &Edit,
        actor: &Actor,
        now: Instant,
    ) -> Result<Edited, StoreError> {
        let decide = |record: &Callback| acts::edit(record, edit, actor, now).into();
        Ok(match self.change(tenant, id, now, decide).await? {
            Changed::Answered(answer) => answer,
            Changed::Written(record) => Edited::Done(record),
            Changed::Unknown => Edited::Unknown,
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
        let decide = |record: &Callback| match acts::call_in_told(record, call_in, asked, now) {
            Some(write) => Decision::Write(write.0, write.1),
            None => Decision::Answer(()),
        };
        self.change(tenant, id, now, decide).await.map(drop)
    }

    async fn apply_session_update(
        &self,
        tenant: TenantId,
        id: CallbackId,
        update: &SessionUpdate,
        now: Instant,
    ) -> Result<SessionAnswer, StoreError> {
        if let Some(record) = self.change_remembered(tenant, id, update, now).await? {
            return Ok(SessionAnswer::Accepted(Box::new(record)));
        }
        let decide = |record: &Callback| session_decision(record, update, now);
        Ok(match self.change(tenant, id, now, decide).await? {
            Changed::Answered(answer) => answer,
            Changed::Written(record) => SessionAnswer::Accepted(record),
            Changed::Unknown => SessionAnswer::Unknown,
        })
    }
}
