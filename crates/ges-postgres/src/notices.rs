//! Pushes: claimed once, begun before they are sent, ended once (R-PSH-4).

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::callback::{Callback, PushTarget, acts};
use ges_domain::ports::{
    Begun, NoticeEnd, NoticeKey, NoticeLine, Notices, ServiceRef, Settled, ShardLease, StoreError, UpcomingClaim,
    UpcomingPage,
};
use ges_domain::push::{Event, HOLD};
use ges_domain::{CallbackId, Instant, ServiceName, TenantId};
use uuid::Uuid;

use crate::PgStore;
use crate::error::{Fault, reading, unavailable, unreadable};
use crate::handover::{keys, records};
use crate::record::Decision;
use crate::row::select_records;
use crate::shards::lease_holds;

/// The code of an event.
pub(crate) const fn event_code(event: Event) -> i16 {
    match event {
        Event::CallbackUpcoming => 1,
        Event::CallbackCallIn => 2,
        Event::CallbackRescheduled => 3,
        Event::CallbackCancelled => 4,
    }
}

fn event_from(code: i16) -> Result<Event, StoreError> {
    let event = Event::ALL.into_iter().find(|event| event_code(*event) == code);
    event.ok_or_else(|| unreadable("notices", Fault::Value("event")))
}

const CLAIM: &str = concat!(
    "with wanted as (
        select tenant, id, reschedules
        from unnest($1::uuid[], $2::uuid[], $3::int[]) w (tenant, id, reschedules)
    ), claimed as (
        update callbacks c
        set unclaimed = null
        from wanted w
        where c.tenant = w.tenant and c.id = w.id and coalesce(c.reschedules, 0) = w.reschedules
            and c.unclaimed and c.state in (1, 2, 3, 5)
            and exists (select 1 from services s where s.key = c.service and s.shard = $4)
            and ",
    lease_holds!("$4", "$5"),
    " returning c.tenant, c.id, c.service, w.reschedules
    ), noted as (
        insert into notices (claimed_at, due_at, occasion, tenant, callback, service, attempts, event, target)
        select $6, $6, c.reschedules, c.tenant, c.id, c.service, 0, 1, t.target
        from claimed c
        join unnest($7::uuid[], $8::text[]) t (id, target) on t.id = c.id
        on conflict on constraint notices_pk do nothing
    )
    select count(*) from claimed"
);

const BEGIN: &str = concat!(
    "with due as (
        select callback, event, occasion, target
        from notices
        where service = $1 and due_at <= $2
            and exists (select 1 from services s where s.key = $1 and s.shard = $3)
            and ",
    lease_holds!("$3", "$4"),
    " order by due_at
        limit $5
        for update skip locked
    )
    update notices n
    set attempts = n.attempts + 1, due_at = $6
    from due d
    where n.callback = d.callback and n.event = d.event and n.occasion = d.occasion and n.target = d.target
    returning n.callback, n.event, n.occasion, n.target, n.attempts, n.claimed_at"
);

const SETTLE: &str = "
    update notices n
    set due_at = s.due_at, succeeded = s.succeeded
    from unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::text[], $5::int[], $6::bigint[], $7::bool[])
        with ordinality s (callback, event, occasion, target, attempt, due_at, succeeded, place)
    where n.callback = s.callback and n.event = s.event and n.occasion = s.occasion and n.target = s.target
        and n.attempts = s.attempt and n.due_at is not null
    returning s.place";

/// What an attempt begins with.
type Row = (Uuid, i16, i64, String, i32, i64);

#[async_trait]
impl Notices for PgStore {
    async fn notice_agenda(&self, shards: &[ShardLease]) -> Result<Vec<NoticeLine>, StoreError> {
        // Two index entries per service, whatever is to be pushed in it.
        let lines = sqlx::query_as::<_, (Uuid, String, i64, Option<i64>, Option<i64>)>(
            "select tenant, name, threshold, next_upcoming, next_notice
            from (
                select s.tenant, s.name, coalesce((s.settings::jsonb ->> 'pushThresholdMinutes')::bigint, 5) as threshold, (
                    select c.desired_at
                    from callbacks c
                    where c.service = s.key and c.unclaimed and c.state in (1, 2, 3, 5)
                    order by c.desired_at
                    limit 1
                ) as next_upcoming, (
                    select n.due_at
                    from notices n
                    where n.service = s.key and n.due_at is not null
                    order by n.due_at
                    limit 1
                ) as next_notice
                from services s
                where s.shard = any ($1)
            ) agenda
            where next_upcoming is not null or next_notice is not null
            order by tenant, name",
        );
        let lines = lines.bind(keys(shards)).fetch_all(self.pool()).await.map_err(reading("services"))?;
        let line = |(tenant, name, minutes, upcoming, notice): (Uuid, String, i64, Option<i64>, Option<i64>)| {
            let name = ServiceName::new(&name).map_err(|_| unreadable("services", Fault::Value("name")))?;
            Ok(NoticeLine {
                service: ServiceRef { tenant: TenantId(tenant), name },
                threshold: Duration::from_secs(u64::try_from(minutes).unwrap_or(0) * 60),
                next_upcoming: upcoming.map(Instant::from_millis),
                next_notice: notice.map(Instant::from_millis),
            })
        };
        lines.into_iter().map(line).collect()
    }

    async fn upcoming(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        after: Option<(Instant, CallbackId)>,
        limit: u32,
    ) -> Result<UpcomingPage, StoreError> {
        let Some(key) = self.0.services.key(self.pool(), service.tenant, &service.name).await? else {
            return Ok(UpcomingPage::default());
        };
        let page = sqlx::query(select_records!(concat!(
            "where c.service = $1 and c.unclaimed and c.state in (1, 2, 3, 5)
                and c.desired_at < $2 and (c.desired_at, c.id) > ($3, $4)
                and s.shard = $5 and ",
            lease_holds!("$5", "$6"),
            " order by c.desired_at, c.id
            limit $7"
        )));
        let (desired, id) = after.map_or((i64::MIN, Uuid::nil()), |(desired, id)| (desired.millis(), id.0));
        let page = page.bind(key).bind(until.millis()).bind(desired).bind(id);
        let page = page.bind(i16::from(lease.shard.0)).bind(lease.epoch.cast_signed()).bind(i64::from(limit));
        let records = records(&page.fetch_all(self.pool()).await.map_err(unavailable)?)?;
        if u32::try_from(records.len()).is_ok_and(|count| count >= limit) {
            return Ok(UpcomingPage { records, next: None });
        }
        let next = sqlx::query_scalar::<_, i64>(
            "select c.desired_at
            from callbacks c
            where c.service = $1 and c.unclaimed and c.state in (1, 2, 3, 5) and c.desired_at >= $2
            order by c.desired_at
            limit 1",
        );
        let next = next.bind(key).bind(until.millis()).fetch_optional(self.pool()).await.map_err(unavailable)?;
        Ok(UpcomingPage { records, next: next.map(Instant::from_millis) })
    }

    async fn claim_upcoming(
        &self,
        lease: ShardLease,
        claims: &[UpcomingClaim],
        at: Instant,
    ) -> Result<u64, StoreError> {
        let tenants: Vec<Uuid> = claims.iter().map(|claim| claim.tenant.0).collect();
        let ids: Vec<Uuid> = claims.iter().map(|claim| claim.id.0).collect();
        let reschedules: Vec<i32> = claims.iter().map(|claim| claim.reschedules.cast_signed()).collect();
        let targets =
            claims.iter().flat_map(|claim| claim.targets.iter().map(|target| (claim.id.0, target.0.as_str())));
        let (of, targets): (Vec<Uuid>, Vec<&str>) = targets.unzip();
        let claimed = sqlx::query_scalar::<_, i64>(CLAIM)
            .bind(tenants)
            .bind(ids)
            .bind(reschedules)
            .bind(i16::from(lease.shard.0))
            .bind(lease.epoch.cast_signed())
            .bind(at.millis())
            .bind(of)
            .bind(targets);
        Ok(claimed.fetch_one(self.pool()).await.map_err(unavailable)?.unsigned_abs())
    }

    async fn begin_notices(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        at: Instant,
        limit: u32,
    ) -> Result<Vec<Begun>, StoreError> {
        let tenant = service.tenant;
        let Some(key) = self.0.services.key(self.pool(), tenant, &service.name).await? else { return Ok(Vec::new()) };
        let begun = sqlx::query_as::<_, Row>(BEGIN)
            .bind(key)
            .bind(at.millis())
            .bind(i16::from(lease.shard.0))
            .bind(lease.epoch.cast_signed())
            .bind(i64::from(limit))
            .bind((at + HOLD).millis());
        let begun = begun.fetch_all(self.pool()).await.map_err(reading("notices"))?;
        let ids: BTreeSet<Uuid> = begun.iter().map(|(id, ..)| *id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let found = sqlx::query(select_records!("where c.tenant = $1 and c.id = any ($2)"));
        let found = found.bind(tenant.0).bind(Vec::from_iter(ids)).fetch_all(self.pool()).await.map_err(unavailable)?;
        let found: HashMap<Uuid, Callback> = records(&found)?.into_iter().map(|record| (record.id.0, record)).collect();
        let read = |(id, event, occasion, target, attempts, claimed_at): Row| {
            let (callback, target) = (CallbackId(id), PushTarget(target));
            let (event, occasion) = (event_from(event)?, occasion.cast_unsigned());
            Ok(Begun {
                key: NoticeKey { tenant, callback, event, occasion, target },
                attempt: attempts.cast_unsigned(),
                claimed_at: Instant::from_millis(claimed_at),
                record: found.get(&id).cloned(),
            })
        };
        begun.into_iter().map(read).collect()
    }

    async fn settle_notices(&self, settled: &[Settled]) -> Result<Vec<bool>, StoreError> {
        let end = |one: &Settled| match one.end {
            NoticeEnd::Success => (None, Some(true)),
            NoticeEnd::Failure => (None, Some(false)),
            NoticeEnd::Again(at) => (Some(at.millis()), None),
        };
        let (due, succeeded): (Vec<Option<i64>>, Vec<Option<bool>>) = settled.iter().map(end).unzip();
        let write = sqlx::query_scalar::<_, i64>(SETTLE)
            .bind(settled.iter().map(|one| one.key.callback.0).collect::<Vec<_>>())
            .bind(settled.iter().map(|one| event_code(one.key.event)).collect::<Vec<_>>())
            .bind(settled.iter().map(|one| one.key.occasion.cast_signed()).collect::<Vec<_>>())
            .bind(settled.iter().map(|one| one.key.target.0.as_str()).collect::<Vec<_>>())
            .bind(settled.iter().map(|one| one.attempt.cast_signed()).collect::<Vec<_>>())
            .bind(due)
            .bind(succeeded);
        let written: BTreeSet<i64> = write.fetch_all(self.pool()).await.map_err(unavailable)?.into_iter().collect();
        Ok((1..).take(settled.len()).map(|place| written.contains(&place)).collect())
    }

    async fn drop_target(
        &self,
        tenant: TenantId,
        id: CallbackId,
        target: &PushTarget,
        at: Instant,
    ) -> Result<(), StoreError> {
        let decide = |record: &Callback| match acts::drop_target(record, target, at) {
            Some((after, event)) => Decision::Write(after, event),
            None => Decision::Answer(()),
        };
        self.change(tenant, id, at, decide).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_reads_back() {
        for event in Event::ALL {
            assert_eq!(event_from(event_code(event)).unwrap(), event);
        }
        assert!(event_from(0).is_err());
    }
}
