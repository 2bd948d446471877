//! Pauses, and the records that have to follow them (R-PAU-1, R-PAU-2).

use async_trait::async_trait;
use ges_domain::ports::{
    Misplaced, PauseAct, PauseEntry, PauseScope, Pauses, ServiceRef, ShardLease, StoreError, Wake,
};
use ges_domain::{CallbackId, Instant, ServiceName, TenantId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::error::{BadColumn, unavailable, unreadable};
use crate::handover::records;
use crate::row::select_callbacks;
use crate::store::SqliteStore;

/// Whether the service `s` is paused, by itself or with all others.
macro_rules! is_paused {
    () => {
        "exists (select 1 from pauses p where p.tenant = s.tenant and p.service in ('', s.name))"
    };
}
pub(crate) use is_paused;

/// Whether the lease of shard and epoch is the last one given out.
macro_rules! lease_stands {
    () => {
        "s.shard = ? and exists
         (select 1 from monitor_shards m where m.shard = s.shard and m.epoch = ? and m.owner is not null)"
    };
}

fn key(scope: &PauseScope) -> String {
    scope.service().map(ToString::to_string).unwrap_or_default()
}

fn scope(table: &'static str, row: &SqliteRow) -> Result<PauseScope, StoreError> {
    let service: String = row.try_get("service").map_err(unavailable)?;
    if service.is_empty() {
        return Ok(PauseScope::All);
    }
    ServiceName::new(&service).map(PauseScope::Service).map_err(|_| unreadable(table, BadColumn("service")))
}

#[async_trait]
impl Pauses for SqliteStore {
    async fn set_paused(&self, tenant: TenantId, act: &PauseAct) -> Result<bool, StoreError> {
        let act = act.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection;
                let service = key(&act.scope);
                let known = sqlx::query("select 1 from services where tenant = ? and name = ? and removed = 0");
                let known = known.bind(tenant.0).bind(&service).fetch_optional(&mut *connection);
                let known = known.await.map_err(unavailable)?.is_some() || act.scope == PauseScope::All;
                let changed = if act.paused {
                    if !known {
                        return Ok(false);
                    }
                    let put = sqlx::query(
                        "insert into pauses (tenant, service, since, actor) values (?, ?, ?, ?)
                         on conflict (tenant, service) do nothing",
                    );
                    put.bind(tenant.0)
                        .bind(&service)
                        .bind(act.at.millis())
                        .bind(&act.by)
                        .execute(&mut *connection)
                        .await
                } else {
                    let gone = sqlx::query("delete from pauses where tenant = ? and service = ?");
                    gone.bind(tenant.0).bind(&service).execute(&mut *connection).await
                };
                let changed = changed.map_err(unavailable)?.rows_affected() > 0;
                if changed {
                    let told = sqlx::query(
                        "insert into pause_log (tenant, service, paused, at, actor) values (?, ?, ?, ?, ?)",
                    );
                    let told = told.bind(tenant.0).bind(&service).bind(act.paused).bind(act.at.millis()).bind(&act.by);
                    told.execute(&mut *connection).await.map_err(unavailable)?;
                    transaction.hints.push(Wake::Paused { tenant, service: act.scope.service().cloned() });
                }
                Ok(known || changed)
            })
        });
        work.await
    }

    async fn paused(&self, tenant: TenantId) -> Result<Vec<PauseEntry>, StoreError> {
        let rows = sqlx::query("select service, since, actor from pauses where tenant = ? order by service");
        let rows = rows.bind(tenant.0).fetch_all(self.readers()).await.map_err(unavailable)?;
        let entry = |row: &SqliteRow| {
            Ok(PauseEntry {
                scope: scope("pauses", row)?,
                since: Instant::from_millis(row.try_get("since").map_err(unavailable)?),
                by: row.try_get("actor").map_err(unavailable)?,
            })
        };
        rows.iter().map(entry).collect()
    }

    async fn pause_history(&self, tenant: TenantId, limit: u32) -> Result<Vec<PauseAct>, StoreError> {
        let rows =
            sqlx::query("select service, paused, at, actor from pause_log where tenant = ? order by key desc limit ?");
        let rows = rows.bind(tenant.0).bind(i64::from(limit)).fetch_all(self.readers()).await.map_err(unavailable)?;
        let act = |row: &SqliteRow| {
            Ok(PauseAct {
                scope: scope("pause_log", row)?,
                paused: row.try_get("paused").map_err(unavailable)?,
                by: row.try_get("actor").map_err(unavailable)?,
                at: Instant::from_millis(row.try_get("at").map_err(unavailable)?),
            })
        };
        rows.iter().map(act).collect()
    }

    async fn misplaced(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        after: Option<CallbackId>,
        limit: u32,
    ) -> Result<Misplaced, StoreError> {
        let epoch = i64::try_from(lease.epoch).unwrap_or(i64::MAX);
        let rows = sqlx::query(select_callbacks!(concat!(
            "where s.tenant = ? and s.name = ? and c.id > ? and ",
            lease_stands!(),
            " and c.state <> 5
             and case when ",
            is_paused!(),
            " then c.state in (1, 2) and c.session_id is not null else c.state = 4 end
             order by c.id limit ?"
        )));
        let rows = rows
            .bind(service.tenant.0)
            .bind(service.name.as_str())
            .bind(after.map_or(Uuid::nil(), |after| after.0))
            .bind(lease.shard.0)
            .bind(epoch)
            .bind(i64::from(limit));
        let records = records(rows.fetch_all(self.readers()).await.map_err(unavailable)?)?;
        let watch = sqlx::query_scalar::<_, bool>(concat!(
            "select exists (select 1 from callbacks c where c.service = s.key and c.state in (1, 2, 3) and c.state <> 5
             and (c.session_id is not null or c.submitted_at is not null))
             from services s where s.tenant = ? and s.name = ? and ",
            lease_stands!(),
            " and ",
            is_paused!()
        ));
        let watch = watch.bind(service.tenant.0).bind(service.name.as_str()).bind(lease.shard.0).bind(epoch);
        let watch = watch.fetch_optional(self.readers()).await.map_err(unavailable)?;
        Ok(Misplaced { records, watch: watch.unwrap_or(false) })
    }
}
