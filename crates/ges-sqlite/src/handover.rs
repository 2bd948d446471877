//! What monitors read and write; every write looks at the lease in its own transaction.

use async_trait::async_trait;
use ges_domain::callback::{Actor, Callback, Change, acts};
use ges_domain::capacity::Usage;
use ges_domain::ports::{
    AgendaLine, Clock, Handed, Handover, HandoverOutcome, MonitorSizes, ServiceRef, ShardLease, StoreError,
};
use ges_domain::{CallbackId, Instant, ServiceName, TenantId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::error::{BadColumn, unavailable, unreadable};
use crate::pauses::is_paused;
use crate::row::{CallbackRow, select_callbacks};
use crate::shards::is_current;
use crate::store::SqliteStore;
use crate::stored::{self, Stored, free_places};
use crate::writer::Transaction;

/// The shards as a JSON list, which SQLite reads as a table.
pub(crate) fn list(shards: &[ShardLease]) -> String {
    let numbers: Vec<u8> = shards.iter().map(|lease| lease.shard.0).collect();
    serde_json::to_string(&numbers).expect("invariant: numbers are JSON")
}

pub(crate) fn records(rows: Vec<SqliteRow>) -> Result<Vec<Callback>, StoreError> {
    rows.iter().map(|row| CallbackRow::read(row)?.try_into()).collect()
}

/// A record of the lease's shard; whether the lease is current has been asked.
pub(crate) async fn in_shard(
    transaction: &mut Transaction,
    lease: ShardLease,
    tenant: TenantId,
    id: CallbackId,
) -> Result<Option<Stored>, StoreError> {
    let found = stored::read(&mut transaction.connection, tenant, id).await?;
    Ok(found.filter(|found| {
        let service = ServiceRef { tenant, name: found.record.service.clone() };
        service.shard() == lease.shard
    }))
}

#[async_trait]
impl Handover for SqliteStore {
    async fn agenda(&self, shards: &[ShardLease]) -> Result<Vec<AgendaLine>, StoreError> {
        let rows = sqlx::query(concat!(
            "select s.tenant, s.name,
             (select min(c.desired_at) from callbacks c where c.service = s.key and c.waiting = 1),
             (select min(c.wake_at) from callbacks c where c.service = s.key and c.wake_at is not null),
             case when ",
            is_paused!(),
            " then exists (select 1 from callbacks c where c.service = s.key and c.state in (1, 2) and c.state <> 5
              and c.session_id is not null)
             else exists (select 1 from callbacks c where c.service = s.key and c.state = 4) end
             from services s where s.shard in (select value from json_each(?))"
        ));
        let rows = rows.bind(list(shards)).fetch_all(self.readers()).await.map_err(unavailable)?;
        let columns = |row: &SqliteRow| -> Result<(Uuid, String, Option<i64>, Option<i64>, bool), sqlx::Error> {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?))
        };
        let mut lines = Vec::new();
        for row in &rows {
            let (tenant, name, desired, timer, misplaced) = columns(row).map_err(unavailable)?;
            if desired.is_none() && timer.is_none() && !misplaced {
                continue;
            }
            let name = ServiceName::new(&name).map_err(|_| unreadable("services", BadColumn("name")))?;
            lines.push(AgendaLine {
                service: ServiceRef { tenant: TenantId(tenant), name },
                next_desired: desired.map(Instant::from_millis),
                next_timer: timer.map(Instant::from_millis),
                misplaced,
            });
        }
        Ok(lines)
    }

    async fn due(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        limit: u32,
    ) -> Result<Vec<Callback>, StoreError> {
        let rows = sqlx::query(select_callbacks!(
            "where s.tenant = ? and s.name = ? and s.shard = ? and c.waiting = 1
             and exists (select 1 from monitor_shards m where m.shard = s.shard and m.epoch = ? and m.owner is not null)
             and c.desired_at <= coalesce((
                 select n.desired_at
                 from callbacks n
                 where n.service = c.service and n.waiting = 1 and n.desired_at > ?
                 order by n.desired_at
                 limit 1
             ), ?)
             order by c.desired_at, coalesce(c.priority, 0) desc, c.created_at, c.id
             limit ?"
        ));
        let rows = rows
            .bind(service.tenant.0)
            .bind(service.name.as_str())
            .bind(lease.shard.0)
            .bind(i64::try_from(lease.epoch).unwrap_or(i64::MAX))
            .bind(until.millis())
            .bind(until.millis())
            .bind(i64::from(limit));
        let mut due = records(rows.fetch_all(self.readers()).await.map_err(unavailable)?)?;
        let now = due.iter().take_while(|record| record.desired_at <= until).count();
        due.truncate(now + 1);
        Ok(due)
    }

    async fn record_handed(
        &self,
        lease: ShardLease,
        handed: &[Handed],
        at: Instant,
    ) -> Result<Vec<HandoverOutcome>, StoreError> {
        let (handed, clock) = (handed.to_vec(), self.clock());
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let at = at.max(clock.now());
                let mut outcomes = vec![HandoverOutcome::Overtaken; handed.len()];
                if !is_current(&mut transaction.connection, lease).await? {
                    return Ok(outcomes);
                }
                for (handed, outcome) in handed.iter().zip(&mut outcomes) {
                    let found = in_shard(transaction, lease, handed.tenant, handed.id).await?;
                    let Some(before) = found else { continue };
                    *outcome = match acts::record_handed(&before.record, handed.attempt, at) {
                        Ok(write) => {
                            stored::write(transaction, &before, &write).await?;
                            HandoverOutcome::Recorded
                        }
                        Err(answer) => answer,
                    };
                }
                Ok(outcomes)
            })
        });
        work.await
    }

    async fn count_failed_cycle(
        &self,
        lease: ShardLease,
        records: &[(TenantId, CallbackId)],
    ) -> Result<(), StoreError> {
        let records = records.to_vec();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                if !is_current(&mut transaction.connection, lease).await? {
                    return Ok(());
                }
                for (tenant, id) in records {
                    let counted = sqlx::query(
                        "update callbacks set failures = failures + 1 where id = ? and waiting = 1
                         and service in (select key from services where tenant = ? and shard = ?)",
                    );
                    let counted = counted.bind(id.0).bind(tenant.0).bind(lease.shard.0);
                    counted.execute(&mut transaction.connection).await.map_err(unavailable)?;
                }
                Ok(())
            })
        });
        work.await
    }

    async fn timers(&self, lease: ShardLease, now: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
        let rows = sqlx::query(select_callbacks!(
            "where s.shard = ? and c.wake_at is not null and c.wake_at <= ? order by c.wake_at, c.id limit ?"
        ));
        let rows = rows.bind(lease.shard.0).bind(now.millis()).bind(i64::from(limit));
        records(rows.fetch_all(self.readers()).await.map_err(unavailable)?)
    }

    async fn settle(
        &self,
        lease: ShardLease,
        record: &Callback,
        changes: Vec<Change>,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let (tenant, id, version) = (record.tenant, record.id, record.version);
        let work = self.act(move |transaction| {
            Box::pin(async move {
                if !is_current(&mut transaction.connection, lease).await? {
                    return Ok(false);
                }
                let found = in_shard(transaction, lease, tenant, id).await?;
                let Some(before) = found.filter(|found| found.record.version == version) else { return Ok(false) };
                let write = before.record.apply(Actor::Monitor, at, changes);
                stored::write(transaction, &before, &write).await?;
                Ok(true)
            })
        });
        work.await
    }

    async fn sizes(&self, shards: &[ShardLease]) -> Result<MonitorSizes, StoreError> {
        let row = sqlx::query(
            "select coalesce(sum(c.state = 0), 0), coalesce(sum(c.state <> 0), 0),
             coalesce(sum(c.state = 1 and c.waiting = 1), 0)
             from services s join callbacks c on c.service = s.key and c.state <> 5
             where s.shard in (select value from json_each(?))",
        );
        let row = row.bind(list(shards)).fetch_one(self.readers()).await.map_err(unavailable)?;
        let count = |place: usize| -> Result<u64, StoreError> {
            let counted: i64 = row.try_get(place).map_err(unavailable)?;
            Ok(u64::try_from(counted).unwrap_or(0))
        };
        Ok(MonitorSizes { scheduled: count(0)?, active: count(1)?, submit_retry: count(2)? })
    }

    async fn expiring(&self, desired_before: Instant, limit: u32) -> Result<Vec<Callback>, StoreError> {
        // State 5 is COMPLETED; open records with a session have an index of their own.
        let rows = sqlx::query(select_callbacks!(
            "where c.state <> 5 and c.session_id is not null and c.desired_at < ? order by c.desired_at, c.id limit ?"
        ));
        let rows = rows.bind(desired_before.millis()).bind(i64::from(limit));
        let rows = rows.fetch_all(self.readers()).await.map_err(unavailable)?;
        rows.iter().map(|row| CallbackRow::read(row)?.try_into()).collect()
    }

    async fn purge(&self, desired_before: Instant, limit: u32) -> Result<u64, StoreError> {
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection;
                let old = sqlx::query(select_callbacks!("where c.desired_at < ? order by c.desired_at limit ?"));
                let old = old.bind(desired_before.millis()).bind(i64::from(limit));
                let rows = old.fetch_all(&mut *connection).await.map_err(unavailable)?;
                for row in &rows {
                    let row = CallbackRow::read(row)?;
                    let (key, service) = (row.key, row.service);
                    let deleted = sqlx::query("delete from callbacks where key = ?").bind(key);
                    deleted.execute(&mut *connection).await.map_err(unavailable)?;
                    // A record that does not read back leaves all the same; only its place is not given back.
                    let record = Callback::try_from(row).ok().filter(Callback::holds_slot);
                    if let Some(record) = record {
                        free_places(connection, service, Usage::grain_of(record.desired_at), 1).await?;
                    }
                }
                Ok(rows.len().try_into().unwrap_or(u64::MAX))
            })
        });
        work.await
    }
}
