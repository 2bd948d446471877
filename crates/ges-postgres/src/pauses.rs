//! Pauses, and the records that have to follow them (R-PAU-1, R-PAU-2).

use async_trait::async_trait;
use ges_domain::ports::{Misplaced, PauseAct, PauseEntry, PauseScope, Pauses, ServiceRef, ShardLease, StoreError};
use ges_domain::{CallbackId, Instant, ServiceName, TenantId};
use uuid::Uuid;

use crate::PgStore;
use crate::error::{Fault, reading, unavailable, unreadable};
use crate::handover::records;
use crate::row::select_records;
use crate::shards::lease_holds;
use crate::wake;

/// Whether the service `s` is paused, by itself or with all others.
macro_rules! is_paused {
    () => {
        "exists (select 1 from pauses p where p.tenant = s.tenant and p.service in ('', s.name))"
    };
}
pub(crate) use is_paused;

// API nodes forget the tenant's services on the second channel.
const PAUSE: &str = "with put as (
        insert into pauses (since, tenant, service, actor)
        select $3, $1, $2, $4
        where $2 = '' or exists (select 1 from services where tenant = $1 and name = $2 and not removed)
        on conflict (tenant, service) do nothing
        returning 1
    ), told as (
        insert into pause_log (at, tenant, paused, service, actor)
        select $3, $1, true, $2, $4
        from put
    ), woken as (
        select pg_notify('ges_wake', $5), pg_notify('ges_published', $1::text)
        from put
    )
    select $2 = '' or exists (select 1 from services where tenant = $1 and name = $2 and not removed),
        (select count(*) from woken)";

const RESUME: &str = "with gone as (
        delete from pauses
        where tenant = $1 and service = $2
        returning 1
    ), told as (
        insert into pause_log (at, tenant, paused, service, actor)
        select $3, $1, false, $2, $4
        from gone
    ), woken as (
        select pg_notify('ges_wake', $5), pg_notify('ges_published', $1::text)
        from gone
    )
    select $2 = '' or exists (select 1 from services where tenant = $1 and name = $2 and not removed)
            or exists (select 1 from gone),
        (select count(*) from woken)";

fn key(scope: &PauseScope) -> &str {
    scope.service().map_or("", ServiceName::as_str)
}

fn scope(table: &'static str, service: &str) -> Result<PauseScope, StoreError> {
    if service.is_empty() {
        return Ok(PauseScope::All);
    }
    ServiceName::new(service).map(PauseScope::Service).map_err(|_| unreadable(table, Fault::Value("service")))
}

#[async_trait]
impl Pauses for PgStore {
    async fn set_paused(&self, tenant: TenantId, act: &PauseAct) -> Result<bool, StoreError> {
        let set = sqlx::query_as::<_, (bool, i64)>(if act.paused { PAUSE } else { RESUME });
        let set = set
            .bind(tenant.0)
            .bind(key(&act.scope))
            .bind(act.at.millis())
            .bind(act.by.as_str())
            .bind(wake::pause_payload(tenant, act.scope.service()));
        let set = set.fetch_one(self.pool()).await;
        self.0.cache.forget(tenant);
        Ok(set.map_err(unavailable)?.0)
    }

    async fn paused(&self, tenant: TenantId) -> Result<Vec<PauseEntry>, StoreError> {
        let standing = sqlx::query_as::<_, (i64, String, String)>(
            "select since, service, actor
            from pauses
            where tenant = $1
            order by service",
        );
        let standing = standing.bind(tenant.0).fetch_all(self.pool()).await.map_err(reading("pauses"))?;
        let entry = |(since, service, by): (i64, String, String)| {
            Ok(PauseEntry { scope: scope("pauses", &service)?, since: Instant::from_millis(since), by })
        };
        standing.into_iter().map(entry).collect()
    }

    async fn pause_history(&self, tenant: TenantId, limit: u32) -> Result<Vec<PauseAct>, StoreError> {
        let acts = sqlx::query_as::<_, (i64, bool, String, String)>(
            "select at, paused, service, actor
            from pause_log
            where tenant = $1
            order by key desc
            limit $2",
        );
        let acts = acts.bind(tenant.0).bind(i64::from(limit));
        let acts = acts.fetch_all(self.pool()).await.map_err(reading("pause_log"))?;
        let act = |(at, paused, service, by): (i64, bool, String, String)| {
            Ok(PauseAct { scope: scope("pause_log", &service)?, paused, by, at: Instant::from_millis(at) })
        };
        acts.into_iter().map(act).collect()
    }

    async fn misplaced(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        after: Option<CallbackId>,
        limit: u32,
    ) -> Result<Misplaced, StoreError> {
        let Some(service) = self.0.services.key(self.pool(), service.tenant, &service.name).await? else {
            return Ok(Misplaced::default());
        };
        let rows = sqlx::query(select_records!(concat!(
            "where c.service = $1 and c.id > $2 and s.shard = $3 and ",
            lease_holds!("$3", "$4"),
            " and c.state between 2 and 5
                and case
                    when ",
            is_paused!(),
            " then c.state <= 3 and c.session_id is not null
                    else c.state = 5
                end
            order by c.id
            limit $5"
        )));
        let rows = rows
            .bind(service)
            .bind(after.map_or(Uuid::nil(), |after| after.0))
            .bind(i16::from(lease.shard.0))
            .bind(lease.epoch.cast_signed())
            .bind(i64::from(limit));
        let records = records(&rows.fetch_all(self.pool()).await.map_err(unavailable)?)?;
        let watch = sqlx::query_scalar(concat!(
            "select exists (
                select 1
                from callbacks c
                where c.service = s.key and c.state between 2 and 4
                    and (c.session_id is not null or c.submitted_at is not null)
            )
            from services s
            where s.key = $1 and s.shard = $2 and ",
            lease_holds!("$2", "$3"),
            " and ",
            is_paused!()
        ));
        let watch = watch.bind(service).bind(i16::from(lease.shard.0)).bind(lease.epoch.cast_signed());
        let watch: Option<bool> = watch.fetch_optional(self.pool()).await.map_err(unavailable)?;
        Ok(Misplaced { records, watch: watch.unwrap_or(false) })
    }
}
