//! Bulk jobs: chosen, worked off and reported (R-BLK-1 to R-BLK-3).

use async_trait::async_trait;
use ges_domain::bulk::{BulkId, Item, Job, Kind, MOST, NewJob, Outcome, Selection, Stage};
use ges_domain::callback::RETENTION;
use ges_domain::phone::PhoneNumber;
use ges_domain::ports::{BulkJobs, Opened, Pending, ShardLease, StoreError, Wake};
use ges_domain::{CallbackId, Instant, ServiceName, TenantId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use crate::error::{BadColumn, unavailable, unreadable};
use crate::row::state_code;
use crate::shards::is_current;
use crate::store::SqliteStore;

/// Writes the chosen records down as the records of job ?1; ?2 is its tenant, before ?3 records have expired.
const BY_ID: &str = "insert into bulk_items (job, position, callback, service, phone, desired_at)
     select ?1, a.key + 1, unhex(a.value), f.name, f.phone, f.desired_at
     from json_each(?4) a
     left join (
         select c.id, c.phone, c.desired_at, s.name from callbacks c join services s on s.key = c.service
         where s.tenant = ?2 and c.desired_at > ?3
     ) f on f.id = unhex(a.value)";

/// One more than allowed tells that there are too many.
const BY_FILTER: &str = "insert into bulk_items (job, position, callback, service, phone, desired_at)
     select ?1, row_number() over (order by c.desired_at, c.id), c.id, s.name, c.phone, c.desired_at
     from services s join callbacks c on c.service = s.key
     where s.tenant = ?2 and c.desired_at > ?3 and c.desired_at >= ?4 and c.desired_at < ?5
     and (json_array_length(?6) = 0 or c.state in (select value from json_each(?6)))
     and (json_array_length(?7) = 0 or s.name in (select value from json_each(?7)))
     order by c.desired_at, c.id limit ?8";

fn get<'r, T>(row: &'r SqliteRow, column: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column).map_err(unavailable)
}

fn job(row: &SqliteRow) -> Result<Job, StoreError> {
    let desired = get::<Option<i64>>(row, "desired_at")?.map(Instant::from_millis);
    let kind = match get::<i64>(row, "kind")? {
        1 => Kind::Cancel,
        2 => Kind::Recreate { desired },
        _ => return Err(unreadable("bulk_jobs", BadColumn("kind"))),
    };
    let ended_at = get::<Option<i64>>(row, "ended_at")?.map(Instant::from_millis);
    let stage = match (ended_at, get(row, "stopped")?) {
        (None, _) => Stage::Running,
        (Some(_), true) => Stage::Stopped,
        (Some(_), false) => Stage::Done,
    };
    let counted = |column| Ok::<_, StoreError>(u32::try_from(get::<i64>(row, column)?).unwrap_or(0));
    Ok(Job {
        id: BulkId(get(row, "id")?),
        tenant: TenantId(get(row, "tenant")?),
        kind,
        by: get(row, "actor")?,
        created_at: Instant::from_millis(get(row, "created_at")?),
        ended_at,
        stage,
        total: counted("total")?,
        succeeded: counted("succeeded")?,
        failed: counted("failed")?,
    })
}

fn item(row: &SqliteRow) -> Result<Item, StoreError> {
    let bad = |column| unreadable("bulk_items", BadColumn(column));
    let text = |column| get::<Option<String>>(row, column);
    let outcome = match get::<Option<bool>>(row, "succeeded")? {
        None => None,
        Some(true) => Some(Outcome::Succeeded { created: get::<Option<Uuid>>(row, "created")?.map(CallbackId) }),
        Some(false) => Some(Outcome::Failed { cause: text("cause")?.unwrap_or_default() }),
    };
    Ok(Item {
        position: u32::try_from(get::<i64>(row, "position")?).map_err(|_| bad("position"))?,
        callback: CallbackId(get(row, "callback")?),
        service: text("service")?.map(|name| ServiceName::new(&name)).transpose().map_err(|_| bad("service"))?,
        phone: text("phone")?.map(|phone| PhoneNumber::new(&phone)).transpose().map_err(|_| bad("phone"))?,
        desired: get::<Option<i64>>(row, "desired_at")?.map(Instant::from_millis),
        outcome,
    })
}

fn json(list: &impl serde::Serialize) -> String {
    serde_json::to_string(list).expect("invariant: numbers and texts are JSON")
}

/// Writes the records of a job down; how many they are.
async fn choose(connection: &mut SqliteConnection, new: &NewJob) -> Result<u64, StoreError> {
    let alive = (new.at - RETENTION).millis();
    let chosen = match &new.selection {
        Selection::Ids(ids) => {
            let ids: Vec<String> = ids.iter().map(|id| id.0.simple().to_string()).collect();
            sqlx::query(BY_ID).bind(new.id.0).bind(new.tenant.0).bind(alive).bind(json(&ids))
        }
        Selection::Filter(filter) => {
            let states: Vec<i64> = filter.states.iter().map(|state| state_code(*state)).collect();
            let services: Vec<&str> = filter.services.iter().map(ServiceName::as_str).collect();
            sqlx::query(BY_FILTER)
                .bind(new.id.0)
                .bind(new.tenant.0)
                .bind(alive)
                .bind(filter.from.millis())
                .bind(filter.until.millis())
                .bind(json(&states))
                .bind(json(&services))
                .bind(i64::from(MOST) + 1)
        }
    };
    Ok(chosen.execute(connection).await.map_err(unavailable)?.rows_affected())
}

#[async_trait]
impl BulkJobs for SqliteStore {
    async fn open_bulk(&self, new: &NewJob) -> Result<Opened, StoreError> {
        let (id, tenant, new) = (new.id, new.tenant, new.clone());
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection;
                let (kind, desired) = match new.kind {
                    Kind::Cancel => (1_i64, None),
                    Kind::Recreate { desired } => (2, desired),
                };
                let put = sqlx::query(
                    "insert into bulk_jobs (id, tenant, kind, desired_at, actor, created_at, total)
                     values (?, ?, ?, ?, ?, ?, 0) on conflict (id) do nothing",
                );
                let put = put.bind(new.id.0).bind(new.tenant.0).bind(kind).bind(desired.map(Instant::millis));
                let put = put.bind(&new.by).bind(new.at.millis()).execute(&mut *connection);
                if put.await.map_err(unavailable)?.rows_affected() == 0 {
                    return Ok(());
                }
                let total = choose(connection, &new).await?;
                if total > u64::from(MOST) {
                    let none = sqlx::query("delete from bulk_jobs where id = ?").bind(new.id.0);
                    return none.execute(&mut *connection).await.map(drop).map_err(unavailable);
                }
                let counted = sqlx::query(
                    "update bulk_jobs set total = ?2, ended_at = case when ?2 = 0 then created_at end where id = ?1",
                );
                let counted = counted.bind(new.id.0).bind(i64::try_from(total).unwrap_or(i64::MAX));
                counted.execute(&mut *connection).await.map_err(unavailable)?;
                transaction.hints.push(Wake::Bulk);
                Ok(())
            })
        });
        work.await?;
        Ok(self.bulk_job(tenant, id).await?.map_or(Opened::TooMany, Opened::Job))
    }

    async fn bulk_job(&self, tenant: TenantId, id: BulkId) -> Result<Option<Job>, StoreError> {
        let found = sqlx::query(
            "select j.*, (select count(*) from bulk_items i where i.job = j.id and i.succeeded = 1) as succeeded,
             (select count(*) from bulk_items i where i.job = j.id and i.succeeded = 0) as failed
             from bulk_jobs j where j.tenant = ? and j.id = ?",
        );
        let found = found.bind(tenant.0).bind(id.0).fetch_optional(self.readers()).await.map_err(unavailable)?;
        found.as_ref().map(job).transpose()
    }

    async fn bulk_items(&self, tenant: TenantId, id: BulkId, after: u32, limit: u32) -> Result<Vec<Item>, StoreError> {
        let rows = sqlx::query(
            "select i.* from bulk_jobs j join bulk_items i on i.job = j.id
             where j.tenant = ? and j.id = ? and i.position > ? order by i.position limit ?",
        );
        let rows = rows.bind(tenant.0).bind(id.0).bind(after).bind(limit);
        rows.fetch_all(self.readers()).await.map_err(unavailable)?.iter().map(item).collect()
    }

    async fn stop_bulk(&self, tenant: TenantId, id: BulkId, at: Instant) -> Result<Option<Job>, StoreError> {
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let stop = sqlx::query(
                    "update bulk_jobs set ended_at = ?, stopped = 1 where tenant = ? and id = ? and ended_at is null",
                );
                let stop = stop.bind(at.millis()).bind(tenant.0).bind(id.0);
                stop.execute(&mut transaction.connection).await.map(drop).map_err(unavailable)
            })
        });
        work.await?;
        self.bulk_job(tenant, id).await
    }

    async fn running_bulk(&self, lease: ShardLease, limit: u32) -> Result<Vec<Job>, StoreError> {
        let rows = sqlx::query(
            "select j.*, 0 as succeeded, 0 as failed from bulk_jobs j
             where j.ended_at is null and exists
             (select 1 from monitor_shards m where m.shard = ? and m.epoch = ? and m.owner is not null)
             order by j.created_at, j.id limit ?",
        );
        let rows = rows.bind(lease.shard.0).bind(i64::try_from(lease.epoch).unwrap_or(i64::MAX)).bind(limit);
        rows.fetch_all(self.readers()).await.map_err(unavailable)?.iter().map(job).collect()
    }

    async fn pending_bulk(&self, id: BulkId, limit: u32) -> Result<Vec<Pending>, StoreError> {
        let rows = sqlx::query_as::<_, (u32, Uuid)>(
            "select position, callback from bulk_items where job = ? and succeeded is null order by position limit ?",
        );
        let rows = rows.bind(id.0).bind(limit).fetch_all(self.readers()).await.map_err(unavailable)?;
        let pending = |(position, callback)| Pending { position, callback: CallbackId(callback) };
        Ok(rows.into_iter().map(pending).collect())
    }

    async fn record_bulk(
        &self,
        lease: ShardLease,
        id: BulkId,
        outcomes: &[(u32, Outcome)],
        at: Instant,
    ) -> Result<(), StoreError> {
        let outcomes = outcomes.to_vec();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection;
                if !is_current(connection, lease).await? {
                    return Ok(());
                }
                for (position, outcome) in outcomes {
                    let (succeeded, cause, created) = match outcome {
                        Outcome::Succeeded { created } => (true, None, created.map(|id| id.0)),
                        Outcome::Failed { cause } => (false, Some(cause), None),
                    };
                    let told = sqlx::query(
                        "update bulk_items set succeeded = ?, cause = ?, created = ?
                         where job = ? and position = ? and succeeded is null",
                    );
                    let told = told.bind(succeeded).bind(cause).bind(created).bind(id.0).bind(position);
                    told.execute(&mut *connection).await.map_err(unavailable)?;
                }
                let end = sqlx::query(
                    "update bulk_jobs set ended_at = ?1 where id = ?2 and ended_at is null
                     and not exists (select 1 from bulk_items where job = ?2 and succeeded is null)",
                );
                let end = end.bind(at.millis()).bind(id.0);
                end.execute(&mut *connection).await.map(drop).map_err(unavailable)
            })
        });
        work.await
    }

    async fn purge_bulk(&self, created_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let purge = sqlx::query(
                    "delete from bulk_jobs where id in
                     (select id from bulk_jobs where created_at < ? order by created_at limit ?)",
                );
                let purge = purge.bind(created_before.millis()).bind(limit);
                let done = purge.execute(&mut transaction.connection).await.map_err(unavailable)?;
                Ok(done.rows_affected())
            })
        });
        work.await
    }
}
