//! Reading and changing single records: each change is one act of the writer.

use async_trait::async_trait;
use ges_domain::callback::acts::{self, SessionWrite};
use ges_domain::callback::{Actor, Callback, SessionUpdate, TimelineEvent};
use ges_domain::capacity::Usage;
use ges_domain::idempotency::Keyed;
use ges_domain::ports::{
    CancelAnswer, CancelRequest, Cancelled, Edit, Edited, Move, MoveAnswer, Moved, Record, SessionAnswer, StoreError,
};
use ges_domain::{CallInId, CallbackId, Instant, SessionId, TenantId};
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use crate::bookings::read_counts;
use crate::error::unavailable;
use crate::kept;
use crate::row::{CallbackRow, select_callbacks};
use crate::store::SqliteStore;
use crate::stored::{self, event_of, live};
use crate::writer::Transaction;

/// One half of a cancel. Success is kept under the request's key (I6).
async fn cancel_half(
    transaction: &mut Transaction,
    (tenant, id): (TenantId, CallbackId),
    keyed: Option<&Keyed>,
    now: Instant,
    decide: impl Fn(&Callback) -> Result<acts::Write, Cancelled> + Send,
) -> Result<Cancelled, StoreError> {
    if let Some(keyed) = keyed {
        let kept = kept::recall(&mut transaction.connection, tenant, keyed.operation, &keyed.key).await?;
        match keyed.answered(kept.as_ref()) {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(Cancelled::Repeated),
            Err(_) => return Ok(Cancelled::KeyReused),
        }
    }
    let Some(before) = live(&mut transaction.connection, tenant, id, now).await? else {
        return Ok(Cancelled::Unknown);
    };
    let cancelled = match decide(&before.record) {
        Ok(write) => {
            stored::write(transaction, &before, &write).await?;
            acts::cancelled(write.0)
        }
        Err(answer) => answer,
    };
    if let (Some(keyed), Cancelled::Done(record)) = (keyed, &cancelled) {
        kept::keep(&mut transaction.connection, tenant, keyed, record.id.0, now).await?;
    }
    Ok(cancelled)
}

/// One half of a move, counted in the same transaction.
async fn move_step(
    transaction: &mut Transaction,
    (tenant, id): (TenantId, CallbackId),
    to: &Move,
    now: Instant,
    decide: impl Fn(&Callback) -> Result<acts::MoveStep, Moved> + Send,
) -> Result<Moved, StoreError> {
    let Some(before) = live(&mut transaction.connection, tenant, id, now).await? else { return Ok(Moved::Unknown) };
    let step = match decide(&before.record) {
        Ok(step) => step,
        Err(answer) => return Ok(answer),
    };
    let booked = booked_around(&mut transaction.connection, before.service, to).await?;
    if step.counted && !acts::finds_place(&before.record, to, &booked) {
        if let Some(write) = step.gives_up(&before.record, to, now) {
            stored::write(transaction, &before, &write).await?;
        }
        return Ok(Moved::SlotFull);
    }
    stored::write(transaction, &before, &step.write).await?;
    Ok(step.answer)
}

#[async_trait]
impl Record for SqliteStore {
    async fn find(&self, tenant: TenantId, id: CallbackId, now: Instant) -> Result<Option<Callback>, StoreError> {
        let found = sqlx::query(select_callbacks!("where s.tenant = ? and c.id = ?")).bind(tenant.0).bind(id.0);
        let Some(row) = found.fetch_optional(self.readers()).await.map_err(unavailable)? else { return Ok(None) };
        let record = Callback::try_from(CallbackRow::read(&row)?)?;
        Ok(Some(record).filter(|record| now < record.expires_at()))
    }

    async fn tenant_of(&self, id: CallbackId) -> Result<Option<TenantId>, StoreError> {
        let found = sqlx::query("select s.tenant from callbacks c join services s on s.key = c.service where c.id = ?");
        let row = found.bind(id.0).fetch_optional(self.readers()).await.map_err(unavailable)?;
        row.map(|row| row.try_get::<Uuid, _>(0).map(TenantId).map_err(unavailable)).transpose()
    }

    async fn timeline(&self, tenant: TenantId, id: CallbackId) -> Result<Vec<TimelineEvent>, StoreError> {
        let rows = sqlx::query(
            "select e.seq, e.at, e.event from services s
             join callbacks c on c.service = s.key
             join callback_events e on e.callback = c.key
             where s.tenant = ? and c.id = ?
             order by e.seq",
        );
        let rows = rows.bind(tenant.0).bind(id.0).fetch_all(self.readers()).await.map_err(unavailable)?;
        let columns = |row: &sqlx::sqlite::SqliteRow| -> Result<(i64, i64, String), sqlx::Error> {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
        };
        let event = |row| {
            let (seq, at, text) = columns(&row).map_err(unavailable)?;
            event_of(seq, at, &text)
        };
        rows.into_iter().map(event).collect()
    }

    async fn cancel(
        &self,
        tenant: TenantId,
        id: CallbackId,
        request: &CancelRequest,
        now: Instant,
    ) -> Result<Cancelled, StoreError> {
        let request = request.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let decide = |record: &Callback| acts::cancel(record, &request, now);
                cancel_half(transaction, (tenant, id), request.keyed.as_ref(), now, decide).await
            })
        });
        work.await
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
        let (asked, request) = (asked.clone(), request.clone());
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let decide = |record: &Callback| acts::settle_cancel(record, &asked, answer, &request.actor, now);
                cancel_half(transaction, (tenant, id), request.keyed.as_ref(), now, decide).await
            })
        });
        work.await
    }

    async fn move_booking(
        &self,
        tenant: TenantId,
        id: CallbackId,
        to: &Move,
        now: Instant,
    ) -> Result<Moved, StoreError> {
        let to = to.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let decide = |record: &Callback| acts::move_booking(record, &to, now);
                move_step(transaction, (tenant, id), &to, now, decide).await
            })
        });
        work.await
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
        let (asked, to) = (asked.clone(), to.clone());
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let decide = |record: &Callback| acts::settle_move(record, &asked, answer, &to, now);
                move_step(transaction, (tenant, id), &to, now, decide).await
            })
        });
        work.await
    }

    async fn edit(
        &self,
        tenant: TenantId,
        id: CallbackId,
        edit: &Edit,
        actor: &Actor,
        now: Instant,
    ) -> Result<Edited, StoreError> {
        let (edit, actor) = (edit.clone(), actor.clone());
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let Some(before) = live(&mut transaction.connection, tenant, id, now).await? else {
                    return Ok(Edited::Unknown);
                };
                match acts::edit(&before.record, &edit, &actor, now) {
                    Ok(write) => {
                        stored::write(transaction, &before, &write).await?;
                        Ok(Edited::Done(Box::new(write.0)))
                    }
                    Err(answer) => Ok(answer),
                }
            })
        });
        work.await
    }

    async fn call_in_told(
        &self,
        tenant: TenantId,
        id: CallbackId,
        call_in: CallInId,
        asked: &SessionId,
        now: Instant,
    ) -> Result<(), StoreError> {
        let asked = asked.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let Some(before) = live(&mut transaction.connection, tenant, id, now).await? else { return Ok(()) };
                if let Some(write) = acts::call_in_told(&before.record, call_in, &asked, now) {
                    stored::write(transaction, &before, &write).await?;
                }
                Ok(())
            })
        });
        work.await
    }

    async fn apply_session_update(
        &self,
        tenant: TenantId,
        id: CallbackId,
        update: &SessionUpdate,
        now: Instant,
    ) -> Result<SessionAnswer, StoreError> {
        let update = update.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let Some(before) = live(&mut transaction.connection, tenant, id, now).await? else {
                    return Ok(SessionAnswer::Unknown);
                };
                match acts::session_update(&before.record, &update, now) {
                    SessionWrite::Audited(write) => {
                        stored::write(transaction, &before, &write).await?;
                        Ok(SessionAnswer::Accepted(Box::new(write.0)))
                    }
                    SessionWrite::Volatile(record) => {
                        stored::update(&mut transaction.connection, &before, &record).await?;
                        stored::hint(&mut transaction.hints, &record);
                        Ok(SessionAnswer::Accepted(record))
                    }
                    SessionWrite::Answer(answer) => Ok(answer),
                }
            })
        });
        work.await
    }
}

/// What is booked in the cell a move asks for, and in its rule slot.
async fn booked_around(connection: &mut SqliteConnection, service: i64, to: &Move) -> Result<Usage, StoreError> {
    let Some(claim) = &to.slot else { return Ok(Usage::default()) };
    let (from, until) = claim.limits.shared.map_or((claim.cell.from, claim.cell.until), |shared| {
        (shared.from.min(claim.cell.from), shared.until.max(claim.cell.until))
    });
    let rows = sqlx::query("select grain, used from slot_usage where service = ? and grain >= ? and grain < ?");
    let rows = rows.bind(service).bind(from.millis()).bind(until.millis()).fetch_all(connection).await;
    Ok(read_counts(rows.map_err(unavailable)?)?.into_iter().collect())
}
