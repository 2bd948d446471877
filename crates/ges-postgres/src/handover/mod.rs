//! What monitors read and write. Every write looks at the lease in the same statement.

mod handed;
mod purge;

use async_trait::async_trait;
use ges_domain::callback::{Actor, Callback, Change};
use ges_domain::ports::{
    AgendaLine, Handed, Handover, HandoverOutcome, MonitorSizes, ServiceRef, ShardLease, StoreError,
};
use ges_domain::{CallbackId, Instant, ServiceName, TenantId};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::PgStore;
use crate::error::{Fault, reading, unavailable, unreadable};
use crate::pauses::is_paused;
use crate::record::{Rewrite, rewrite};
use crate::row::{Stored, select_records};
use crate::shards::lease_holds;

pub(crate) fn keys(shards: &[ShardLease]) -> Vec<i16> {
    shards.iter().map(|lease| i16::from(lease.shard.0)).collect()
}

pub(crate) fn records(rows: &[PgRow]) -> Result<Vec<Callback>, StoreError> {
    rows.iter().map(|row| Ok(Stored::read(row)?.record)).collect()
}

/// What is due and, by one more look into the same index, what comes next.
const DUE: &str = concat!(
    "(",
    select_records!(concat!(
        "where c.service = $1 and c.desired_at <= $2
            and c.state <= 2 and c.submitted_at is null and c.session_id is null
            and s.shard = $3 and ",
        lease_holds!("$3", "$4"),
        " order by c.desired_at, -coalesce(c.priority, 0), c.created_at, c.id
        limit $5"
    )),
    ") union all (",
    select_records!(concat!(
        "where c.service = $1 and c.desired_at > $2
            and c.state <= 2 and c.submitted_at is null and c.session_id is null
            and s.shard = $3 and ",
        lease_holds!("$3", "$4"),
        " order by c.desired_at, -coalesce(c.priority, 0), c.created_at, c.id
        limit 1"
    )),
    ")"
);

#[async_trait]
impl Handover for PgStore {
    async fn agenda(&self, shards: &[ShardLease]) -> Result<Vec<AgendaLine>, StoreError> {
        // A few index entries per service, whatever waits in it.
        let lines = sqlx::query_as::<_, (Uuid, String, Option<i64>, Option<i64>, bool)>(concat!(
            "select tenant, name, next_desired, next_timer, misplaced
            from (
                select s.tenant, s.name, (
                    select c.desired_at
                    from callbacks c
                    where c.service = s.key and c.state <= 2 and c.submitted_at is null and c.session_id is null
                    order by c.desired_at
                    limit 1
                ) as next_desired, (
                    select coalesce(c.ack_at, c.deadline)
                    from callbacks c
                    where c.service = s.key and c.state in (1, 2, 3, 5)
                    order by coalesce(c.ack_at, c.deadline)
                    limit 1
                ) as next_timer, case
                    when ",
            is_paused!(),
            " then exists (
                        select 1
                        from callbacks c
                        where c.service = s.key and c.state between 2 and 5 and c.state <= 3 and c.session_id is not null
                    )
                    else exists (select 1 from callbacks c where c.service = s.key and c.state = 5)
                end as misplaced
                from services s
                where s.shard = any ($1)
            ) agenda
            where next_desired is not null or next_timer is not null or misplaced
            order by tenant, name",
        ));
        let lines = lines.bind(keys(shards)).fetch_all(self.pool()).await.map_err(reading("services"))?;
        let line = |(tenant, name, desired, timer, misplaced): (Uuid, String, Option<i64>, Option<i64>, bool)| {
            let name = ServiceName::new(&name).map_err(|_| unreadable("services", Fault::Value("name")))?;
            Ok(AgendaLine {
                service: ServiceRef { tenant: TenantId(tenant), name },
                next_desired: desired.map(Instant::from_millis),
                next_timer: timer.map(Instant::from_millis),
                misplaced,
            })
        };
        lines.into_iter().map(line).collect()
    }

    async fn due(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        limit: u32,
    ) -> Result<Vec<Callback>, StoreError> {
        let Some(key) = self.0.services.key(self.pool(), service.tenant, &service.name).await? else {
            return Ok(Vec::new());
        };
        let due = sqlx::query(DUE).bind(key).bind(until.millis());
        let due = due.bind(i16::from(lease.shard.0)).bind(lease.epoch.cast_signed()).bind(i64::from(limit));
        let mut due = records(&due.fetch_all(self.pool()).await.map_err(unavailable)?)?;
        due.sort_by_key(Callback::order);
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due)
    }

    async fn record_handed(
        &self,
        lease: ShardLease,
        handed: &[Handed],
        at: Instant,
    ) -> Result<Vec<HandoverOutcome>, StoreError> {
        if handed.is_empty() {
            return Ok(Vec::new());
        }
        handed::record(self.pool(), lease, handed, at).await
    }

    async fn count_failed_cycle(
        &self,
        lease: ShardLease,
        records: &[(TenantId, CallbackId)],
    ) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let (tenants, ids): (Vec<_>, Vec<_>) = records.iter().map(|(tenant, id)| (tenant.0, id.0)).unzip();
        let count = sqlx::query(concat!(
            "update callbacks c
            set failures = coalesce(c.failures, 0) + 1
            from unnest($1::uuid[], $2::uuid[]) a (tenant, id)
            where c.tenant = a.tenant and c.id = a.id
                and c.state <= 2 and c.submitted_at is null and c.session_id is null
                and exists (select 1 from services s where s.key = c.service and s.shard = $3)
                and ",
            lease_holds!("$3", "$4")
        ));
        let count = count.bind(tenants).bind(ids).bind(i16::from(lease.shard.0)).bind(lease.epoch.cast_signed());
        count.execute(self.pool()).await.map(drop).map_err(unavailable)
    }

    async fn timers(&self, lease: ShardLease, now: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
        let rung = sqlx::query(select_records!(from concat!(
            "services s
            cross join lateral (
                select *
                from callbacks r
                where r.service = s.key and r.state in (1, 2, 3, 5) and coalesce(r.ack_at, r.deadline) <= $3
                order by coalesce(r.ack_at, r.deadline), r.id
                limit $4
            ) c
            where s.shard = $1 and ",
            lease_holds!("$1", "$2"),
            " order by coalesce(c.ack_at, c.deadline), c.id
            limit $4"
        )));
        let rung = rung.bind(i16::from(lease.shard.0)).bind(lease.epoch.cast_signed()).bind(now.millis());
        records(&rung.bind(i64::from(limit)).fetch_all(self.pool()).await.map_err(unavailable)?)
    }

    async fn settle(
        &self,
        lease: ShardLease,
        record: &Callback,
        changes: Vec<Change>,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let service = ServiceRef { tenant: record.tenant, name: record.service.clone() };
        let Some(service_key) = self.0.services.key(self.pool(), record.tenant, &record.service).await? else {
            return Ok(false);
        };
        if service.shard() != lease.shard {
            return Ok(false);
        }
        let before = Stored { record: record.clone(), service_key };
        let (after, event) = record.apply(Actor::Monitor, at, changes);
        let write = Rewrite { before: &before, after: &after, event: Some(&event), lease: Some(lease) };
        rewrite(self.pool(), write).await
    }

    async fn sizes(&self, shards: &[ShardLease]) -> Result<MonitorSizes, StoreError> {
        let sizes = sqlx::query_as::<_, (i64, i64, i64)>(
            "select coalesce(sum(w.scheduled), 0)::bigint, coalesce(sum(a.active), 0)::bigint,
                coalesce(sum(w.submit_retry), 0)::bigint
            from services s
            cross join lateral (
                select count(*) filter (where c.state = 1) as scheduled,
                    count(*) filter (where c.state = 2) as submit_retry
                from callbacks c
                where c.service = s.key and c.state <= 2 and c.submitted_at is null and c.session_id is null
            ) w
            cross join lateral (
                select count(*) as active
                from callbacks c
                where c.service = s.key and c.state between 2 and 5
            ) a
            where s.shard = any ($1)",
        );
        let (scheduled, active, submit_retry) =
            sizes.bind(keys(shards)).fetch_one(self.pool()).await.map_err(reading("callbacks"))?;
        let number = |counted: i64| u64::try_from(counted).unwrap_or(0);
        Ok(MonitorSizes { scheduled: number(scheduled), active: number(active), submit_retry: number(submit_retry) })
    }

    async fn expiring(&self, desired_before: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
        purge::expiring(self.pool(), desired_before, limit).await
    }

    async fn purge(&self, desired_before: Instant, limit: u32) -> Result<u64, StoreError> {
        purge::purge(self.pool(), desired_before, limit).await
    }
}
