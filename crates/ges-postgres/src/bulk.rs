//! Bulk jobs: chosen, worked off and reported (R-BLK-1 to R-BLK-3).

use async_trait::async_trait;
use ges_domain::bulk::{BulkId, Item, Job, Kind, MOST, NewJob, Outcome, Selection, Stage};
use ges_domain::callback::RETENTION;
use ges_domain::phone::PhoneNumber;
use ges_domain::ports::{BulkJobs, Opened, Pending, ShardLease, StoreError};
use ges_domain::{CallbackId, Instant, ServiceName, TenantId};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::PgStore;
use crate::error::{Fault, reading, unavailable, unreadable};
use crate::row::state_code;
use crate::shards::lease_holds;

/// Opens a job over what a choice found, if that is not too much.
macro_rules! open {
    ($choice:literal) => {
        concat!(
            "with chosen as (",
            $choice,
            "), job as (
                insert into bulk_jobs (created_at, ended_at, desired_at, tenant, id, total, kind, actor)
                select $3, case when count(*) = 0 then $3 end, $5, $2, $1, count(*), $4, $6
                from chosen
                having count(*) <= 10000
                on conflict (id) do nothing
                returning id
            ), items as (
                insert into bulk_items (desired_at, job, callback, position, service, phone)
                select c.desired_at, j.id, c.callback, c.position, c.service, c.phone
                from job j
                cross join chosen c
            ), woken as (
                select pg_notify('ges_wake', 'bulk')
                from job
            )
            select (select count(*) from woken)"
        )
    };
}

/// Opens by id, unknown ones included.
const BY_ID: &str = open!(
    "    select a.position::int as position, a.id as callback, s.name as service, c.phone, c.desired_at
    from unnest($7::uuid[]) with ordinality a (id, position)
    left join callbacks c on c.id = a.id and c.tenant = $2 and c.desired_at > $8
    left join services s on s.key = c.service"
);

/// Opens by filter; one more than allowed tells that there are too many.
const BY_FILTER: &str = open!(
    "    select (row_number() over (order by f.desired_at, f.id))::int as position, f.id as callback, f.name as service,
        f.phone, f.desired_at
    from (
        select c.desired_at, c.id, s.name, c.phone
        from services s
        join callbacks c on c.service = s.key
        where s.tenant = $2 and c.tenant = $2 and c.desired_at >= $7 and c.desired_at < $9 and c.desired_at > $8
            and (cardinality($10::smallint[]) = 0 or c.state = any ($10))
            and (cardinality($11::text[]) = 0 or s.name = any ($11))
        order by c.desired_at, c.id
        limit $12
    ) f"
);

const JOB: &str = "select j.created_at, j.ended_at, j.desired_at, j.tenant, j.id, j.total, j.kind, j.stopped, j.actor,
        count(*) filter (where i.succeeded) as succeeded, count(*) filter (where not i.succeeded) as failed
    from bulk_jobs j
    left join bulk_items i on i.job = j.id
    where j.tenant = $1 and j.id = $2
    group by j.id";

fn get<'r, T>(row: &'r PgRow, column: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(reading("bulk_jobs"))
}

fn job(row: &PgRow) -> Result<Job, StoreError> {
    let desired = get::<Option<i64>>(row, "desired_at")?.map(Instant::from_millis);
    let kind = match get::<i16>(row, "kind")? {
        1 => Kind::Cancel,
        2 => Kind::Recreate { desired },
        _ => return Err(unreadable("bulk_jobs", Fault::Value("kind"))),
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
        total: get::<i32>(row, "total")?.unsigned_abs(),
        succeeded: counted("succeeded")?,
        failed: counted("failed")?,
    })
}

fn item(row: &PgRow) -> Result<Item, StoreError> {
    let bad = |column| unreadable("bulk_items", Fault::Value(column));
    let service = get::<Option<&str>>(row, "service")?.map(ServiceName::new).transpose().map_err(|_| bad("service"))?;
    let phone = get::<Option<&str>>(row, "phone")?.map(PhoneNumber::new).transpose().map_err(|_| bad("phone"))?;
    let outcome = match get::<Option<bool>>(row, "succeeded")? {
        None => None,
        Some(true) => Some(Outcome::Succeeded { created: get::<Option<Uuid>>(row, "created")?.map(CallbackId) }),
        Some(false) => Some(Outcome::Failed { cause: get::<Option<String>>(row, "cause")?.unwrap_or_default() }),
    };
    Ok(Item {
        position: get::<i32>(row, "position")?.unsigned_abs(),
        callback: CallbackId(get(row, "callback")?),
        service,
        phone,
        desired: get::<Option<i64>>(row, "desired_at")?.map(Instant::from_millis),
        outcome,
    })
}

#[async_trait]
impl BulkJobs for PgStore {
    async fn open_bulk(&self, new: &NewJob) -> Result<Opened, StoreError> {
        let (kind, desired) = match new.kind {
            Kind::Cancel => (1_i16, None),
            Kind::Recreate { desired } => (2, desired),
        };
        let alive = new.at - RETENTION;
        let open = sqlx::query(if matches!(new.selection, Selection::Ids(_)) { BY_ID } else { BY_FILTER });
        let open = open
            .bind(new.id.0)
            .bind(new.tenant.0)
            .bind(new.at.millis())
            .bind(kind)
            .bind(desired.map(Instant::millis))
            .bind(new.by.as_str());
        let open = match &new.selection {
            Selection::Ids(ids) => open.bind(ids.iter().map(|id| id.0).collect::<Vec<_>>()).bind(alive.millis()),
            Selection::Filter(filter) => open
                .bind(filter.from.millis())
                .bind(alive.millis())
                .bind(filter.until.millis())
                .bind(filter.states.iter().map(|state| state_code(*state)).collect::<Vec<_>>())
                .bind(filter.services.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>())
                .bind(i64::from(MOST) + 1),
        };
        open.execute(self.pool()).await.map_err(unavailable)?;
        let opened = self.bulk_job(new.tenant, new.id).await?;
        Ok(opened.map_or(Opened::TooMany, Opened::Job))
    }

    async fn bulk_job(&self, tenant: TenantId, id: BulkId) -> Result<Option<Job>, StoreError> {
        let found =
            sqlx::query(JOB).bind(tenant.0).bind(id.0).fetch_optional(self.pool()).await.map_err(unavailable)?;
        found.as_ref().map(job).transpose()
    }

    async fn bulk_items(&self, tenant: TenantId, id: BulkId, after: u32, limit: u32) -> Result<Vec<Item>, StoreError> {
        let rows = sqlx::query(
            "select i.position, i.callback, i.service, i.phone, i.desired_at, i.succeeded, i.cause, i.created
            from bulk_jobs j
            join bulk_items i on i.job = j.id
            where j.tenant = $1 and j.id = $2 and i.position > $3
            order by i.position
            limit $4",
        );
        let rows = rows.bind(tenant.0).bind(id.0).bind(after.cast_signed()).bind(i64::from(limit));
        rows.fetch_all(self.pool()).await.map_err(unavailable)?.iter().map(item).collect()
    }

    async fn stop_bulk(&self, tenant: TenantId, id: BulkId, at: Instant) -> Result<Option<Job>, StoreError> {
        let stop = sqlx::query(
            "update bulk_jobs
            set ended_at = $3, stopped = true
            where tenant = $1 and id = $2 and ended_at is null",
        );
        stop.bind(tenant.0).bind(id.0).bind(at.millis()).execute(self.pool()).await.map_err(unavailable)?;
        self.bulk_job(tenant, id).await
    }

    async fn running_bulk(&self, lease: ShardLease, limit: u32) -> Result<Vec<Job>, StoreError> {
        let rows = sqlx::query(concat!(
            "select j.created_at, j.ended_at, j.desired_at, j.tenant, j.id, j.total, j.kind, j.stopped, j.actor,
                0::bigint as succeeded, 0::bigint as failed
            from bulk_jobs j
            where j.ended_at is null and ",
            lease_holds!("$1", "$2"),
            " order by j.created_at, j.id
            limit $3"
        ));
        let rows = rows.bind(i16::from(lease.shard.0)).bind(lease.epoch.cast_signed()).bind(i64::from(limit));
        rows.fetch_all(self.pool()).await.map_err(unavailable)?.iter().map(job).collect()
    }

    async fn pending_bulk(&self, id: BulkId, limit: u32) -> Result<Vec<Pending>, StoreError> {
        let rows = sqlx::query_as::<_, (i32, Uuid)>(
            "select position, callback
            from bulk_items
            where job = $1 and succeeded is null
            order by position
            limit $2",
        );
        let rows =
            rows.bind(id.0).bind(i64::from(limit)).fetch_all(self.pool()).await.map_err(reading("bulk_items"))?;
        let pending = |(position, callback): (i32, Uuid)| Pending {
            position: position.unsigned_abs(),
            callback: CallbackId(callback),
        };
        Ok(rows.into_iter().map(pending).collect())
    }

    async fn record_bulk(
        &self,
        lease: ShardLease,
        id: BulkId,
        outcomes: &[(u32, Outcome)],
        at: Instant,
    ) -> Result<(), StoreError> {
        let (shard, epoch) = (i16::from(lease.shard.0), lease.epoch.cast_signed());
        let (mut positions, mut succeeded, mut causes, mut created) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (position, outcome) in outcomes {
            let (good, cause, new) = match outcome {
                Outcome::Succeeded { created } => (true, None, created.map(|id| id.0)),
                Outcome::Failed { cause } => (false, Some(cause.as_str()), None),
            };
            positions.push(position.cast_signed());
            succeeded.push(good);
            causes.push(cause);
            created.push(new);
        }
        if !positions.is_empty() {
            let told = sqlx::query(concat!(
                "update bulk_items i
                set succeeded = a.succeeded, cause = a.cause, created = a.created
                from unnest($4::int[], $5::boolean[], $6::text[], $7::uuid[]) a (position, succeeded, cause, created)
                where i.job = $3 and i.position = a.position and i.succeeded is null and ",
                lease_holds!("$1", "$2")
            ));
            let told =
                told.bind(shard).bind(epoch).bind(id.0).bind(positions).bind(succeeded).bind(causes).bind(created);
            told.execute(self.pool()).await.map_err(unavailable)?;
        }
        let end = sqlx::query(concat!(
            "update bulk_jobs
            set ended_at = $4
            where id = $3 and ended_at is null
                and not exists (select 1 from bulk_items where job = $3 and succeeded is null) and ",
            lease_holds!("$1", "$2")
        ));
        let end = end.bind(shard).bind(epoch).bind(id.0).bind(at.millis());
        end.execute(self.pool()).await.map(drop).map_err(unavailable)
    }

    async fn purge_bulk(&self, created_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let purge = sqlx::query_scalar::<_, i64>(
            "with old as (
                select id
                from bulk_jobs
                where created_at < $1
                order by created_at
                limit $2
                for update skip locked
            ), untold as (
                delete from bulk_items i
                using old
                where i.job = old.id
            ), gone as (
                delete from bulk_jobs j
                using old
                where j.id = old.id
                returning 1
            )
            select count(*) from gone",
        );
        let purge = purge.bind(created_before.millis()).bind(i64::from(limit));
        Ok(purge.fetch_one(self.pool()).await.map_err(unavailable)?.unsigned_abs())
    }
}
