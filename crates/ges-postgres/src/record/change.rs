//! The one statement that changes a record: row, event, places, former session and hint together, on the version it was read at.

use ges_domain::Instant;
use ges_domain::callback::{Callback, TimelineEvent, former_session};
use ges_domain::capacity::Usage;
use ges_domain::ports::{ServiceRef, ShardLease, StoreError};
use ges_domain::push::announced;
use sqlx::PgExecutor;

use crate::error::unavailable;
use crate::notices::event_code;
use crate::row::{self, Stored, counted, direction_code, kind_code, state_code};
use crate::shards::lease_holds;
use crate::{details, event, wake};

/// A changed record.
#[derive(Clone, Copy)]
pub(crate) struct Rewrite<'a> {
    /// As it was read.
    pub(crate) before: &'a Stored,
    /// As it will stand.
    pub(crate) after: &'a Callback,
    /// What tells it; none when only volatile fields change.
    pub(crate) event: Option<&'a TimelineEvent>,
    /// The lease a monitor writes under.
    pub(crate) lease: Option<ShardLease>,
}

impl Rewrite<'_> {
    /// The grains in which a place becomes free and is taken (R-CAP-3).
    fn places(&self) -> (Option<i64>, Option<i64>) {
        let grain = |record: &Callback| record.holds_slot().then(|| Usage::grain_of(record.desired_at).millis());
        match (grain(&self.before.record), grain(self.after)) {
            (freed, taken) if freed == taken => (None, None),
            places => places,
        }
    }

    /// The hint to its monitor, when it waits now and did not wait for the same time before.
    fn hint(&self) -> Option<String> {
        let waits = |record: &Callback| record.waits_for_handover().then_some(record.desired_at);
        let (before, after) = (waits(&self.before.record), waits(self.after));
        let service = || ServiceRef { tenant: self.after.tenant, name: self.after.service.clone() };
        after.filter(|_| before != after).map(|desired| wake::payload(&service(), desired))
    }
}

const REWRITE: &str = concat!(
    "with changed as (
        update callbacks
        set desired_at = $4, deadline = $5, updated_at = $6, completed_at = $7, submitted_at = $8, ack_at = $9,
            session_seq = $10, cancel_at = $11, version = $12, attempts = $13, failures = $14, dial_attempts = $15,
            reschedules = $16, position = case when $38 then $17 else position end,
            ewt = case when $38 then $18 else ewt end, state = $19, kind = $20, direction = $21, priority = $22,
            cancel_confirmed = $23, phone = $24, phone_key = $25, reason = $26, session_id = $27, session_url = $28,
            cancel_reason = $29, details = case when $30 then $31 else details end,
            unclaimed = case when $39 and $40 then true when $40 then unclaimed end
        where tenant = $1 and id = $2 and version = $3
            and ($32::smallint is null or ",
    lease_holds!("$32", "$33"),
    ")
        returning tenant, id, version, service, unclaimed
    ), told as (
        insert into callback_events (tenant, id, seq, event)
        select tenant, id, version, $34
        from changed
        where $34::text is not null
    ), freed as (
        update slot_usage u
        set used = u.used - 1
        from changed c
        where u.service = c.service and u.grain = $35 and u.used > 0
    ), taken as (
        insert into slot_usage as u (service, grain, used)
        select service, $36, 1
        from changed
        where $36::bigint is not null
        on conflict (service, grain) do update set used = u.used + 1
    ), woken as (
        select pg_notify('ges_wake', $37)
        from changed
        where $37::text is not null
    ), dismissed as (
        insert into former_sessions (due_at, until_at, tenant, callback, service, session, url)
        select $46, $47, c.tenant, c.id, c.service, $48, $49
        from changed c
        where $48::text is not null
        on conflict on constraint former_sessions_pk do nothing
    ), announced as (
        insert into notices (claimed_at, due_at, occasion, tenant, callback, service, attempts, event, target)
        select $41, $41, $42, c.tenant, c.id, c.service, 0, $43, t.target
        from changed c
        cross join unnest($44::text[]) t (target)
        where $43::smallint is not null
        on conflict on constraint notices_pk do nothing
    ), hinted as (
        select pg_notify('ges_wake', $45)
        from changed
        where $45::text is not null and ($43::smallint is not null or unclaimed)
    )
    select (select count(*) from changed), (select count(*) from woken) + (select count(*) from hinted)"
);

/// Writes a changed record. `false`: it has changed since it was read, or the lease is stale; nothing was written.
pub(crate) async fn rewrite(executor: impl PgExecutor<'_>, write: Rewrite<'_>) -> Result<bool, StoreError> {
    let (before, after) = (&write.before.record, write.after);
    // They change beside the version: what another process noted meanwhile is newer than what was read (R-POL-1).
    let other_place = (before.position, before.ewt) != (after.position, after.ewt) || !after.state.is_open();
    let other_details = before.particulars != after.particulars;
    let document = if other_details { details::encode(&after.particulars)? } else { None };
    let told = write.event.map(event::encode).transpose()?;
    let (freed, taken) = write.places();
    let millis = |at: Option<Instant>| at.map(Instant::millis);
    let cancel = after.cancel.as_ref();
    let announced = write.event.and_then(|event| announced(before, after, event));
    let former = write.event.and_then(|event| former_session(before, event));
    let former = former.as_ref();
    let targets = &after.particulars.push_targets;
    let (changed, _) = sqlx::query_as::<_, (i64, i64)>(REWRITE)
        .bind(after.tenant.0)
        .bind(after.id.0)
        .bind(row::version(before.version)?)
        .bind(after.desired_at.millis())
        .bind(after.deadline.millis())
        .bind((after.updated_at != after.created_at).then(|| after.updated_at.millis()))
        .bind(millis(after.completed_at))
        .bind(millis(after.submission.submitted_at))
        .bind(row::ack_at(after))
        .bind((after.session_seq != 0).then(|| after.session_seq.cast_signed()))
        .bind(cancel.map(|wish| wish.at.millis()))
        .bind(row::version(after.version)?)
        .bind(counted(after.last_attempt()))
        .bind(counted(after.submission.failures))
        .bind(counted(after.dial_attempts))
        .bind(counted(after.reschedules))
        .bind(after.position.map(u32::cast_signed))
        .bind(after.ewt.map(u32::cast_signed))
        .bind(state_code(after.state))
        .bind(kind_code(after.kind))
        .bind(direction_code(after.direction))
        .bind(row::priority(after.priority)?)
        .bind(cancel.and_then(row::cancel_standing))
        .bind(after.phone.as_given())
        .bind(after.phone_key.as_str())
        .bind(after.reason.as_ref().map(|reason| reason.as_str()))
        .bind(after.session.as_ref().map(|session| session.id.as_str()))
        .bind(after.session.as_ref().and_then(|session| session.url.as_deref()))
        .bind(cancel.map(|wish| wish.reason.as_str()))
        .bind(other_details)
        .bind(document)
        .bind(write.lease.map(|lease| i16::from(lease.shard.0)))
        .bind(write.lease.map(|lease| lease.epoch.cast_signed()))
        .bind(told)
        .bind(freed)
        .bind(taken)
        .bind(write.hint())
        .bind(other_place)
        .bind(after.reschedules > before.reschedules)
        .bind(after.may_be_upcoming())
        .bind(after.updated_at.millis())
        .bind(announced.map(|event| event.occasion(after).cast_signed()))
        .bind(announced.map(event_code))
        .bind(targets.iter().map(|target| target.0.as_str()).collect::<Vec<_>>())
        .bind((!targets.is_empty()).then(|| wake::push_payload(after.tenant, &after.service)))
        .bind(former.map(|former| former.due_at.millis()))
        .bind(former.map(|former| former.until.millis()))
        .bind(former.map(|former| former.session.id.as_str()))
        .bind(former.and_then(|former| former.session.url.as_deref()))
        .fetch_one(executor)
        .await
        .map_err(unavailable)?;
    Ok(changed == 1)
}
