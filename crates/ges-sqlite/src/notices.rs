//! Pushes: claimed once, begun before they are sent, ended once (R-PSH-4).

use std::time::Duration;

use async_trait::async_trait;
use ges_domain::callback::{Callback, PushTarget, acts};
use ges_domain::ports::{
    Begun, NoticeEnd, NoticeKey, NoticeLine, Notices, ServiceRef, Settled, ShardLease, StoreError, UpcomingClaim,
    UpcomingPage,
};
use ges_domain::push::{Event, HOLD};
use ges_domain::{CallbackId, Instant, ServiceName, TenantId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use crate::error::{BadColumn, unavailable, unreadable};
use crate::handover::{in_shard, list, records};
use crate::row::select_callbacks;
use crate::shards::is_current;
use crate::store::SqliteStore;
use crate::stored::{self, live};

/// The number an event is stored as.
const fn event_code(event: Event) -> i64 {
    match event {
        Event::CallbackUpcoming => 1,
        Event::CallbackCallIn => 2,
        Event::CallbackRescheduled => 3,
        Event::CallbackCancelled => 4,
    }
}

fn event_of(code: i64) -> Result<Event, StoreError> {
    let event = Event::ALL.into_iter().find(|event| event_code(*event) == code);
    event.ok_or_else(|| unreadable("notices", BadColumn("event")))
}

fn whole(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| unreadable("notices", BadColumn("occasion")))
}

/// Claims a push to each target of a record, wanted at once; those claimed before stay as they are.
pub(crate) async fn claim(
    connection: &mut SqliteConnection,
    (key, service): (i64, i64),
    record: &Callback,
    event: Event,
    targets: &[PushTarget],
    at: Instant,
) -> Result<(), StoreError> {
    for target in targets {
        let claimed = sqlx::query(
            "insert into notices (callback, service, event, occasion, attempts, claimed_at, due_at, target)
             values (?, ?, ?, ?, 0, ?, ?, ?)
             on conflict (callback, event, occasion, target) do nothing",
        );
        let claimed = claimed.bind(key).bind(service).bind(event_code(event)).bind(whole(event.occasion(record))?);
        let claimed = claimed.bind(at.millis()).bind(at.millis()).bind(&target.0);
        claimed.execute(&mut *connection).await.map_err(unavailable)?;
    }
    Ok(())
}

/// A row that begins an attempt.
struct Due {
    key: i64,
    callback: Uuid,
    event: i64,
    occasion: i64,
    attempts: i64,
    claimed_at: i64,
    target: String,
}

impl Due {
    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            key: row.try_get(0)?,
            callback: row.try_get(1)?,
            event: row.try_get(2)?,
            occasion: row.try_get(3)?,
            attempts: row.try_get(4)?,
            claimed_at: row.try_get(5)?,
            target: row.try_get(6)?,
        })
    }
}

#[async_trait]
impl Notices for SqliteStore {
    async fn notice_agenda(&self, shards: &[ShardLease]) -> Result<Vec<NoticeLine>, StoreError> {
        let rows = sqlx::query(
            "select tenant, name, threshold, next_upcoming, next_notice from (
                select s.tenant, s.name, coalesce(s.settings ->> 'pushThresholdMinutes', 5) as threshold,
                 (select min(c.desired_at) from callbacks c where c.service = s.key and c.unclaimed = 1
                  and c.state in (0, 1, 2, 4)) as next_upcoming,
                 (select min(n.due_at) from notices n where n.service = s.key and n.due_at is not null) as next_notice
                from services s where s.shard in (select value from json_each(?))
             ) where next_upcoming is not null or next_notice is not null",
        );
        let rows = rows.bind(list(shards)).fetch_all(self.readers()).await.map_err(unavailable)?;
        let columns = |row: &SqliteRow| -> Result<(Uuid, String, i64, Option<i64>, Option<i64>), sqlx::Error> {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?))
        };
        let line = |row: &SqliteRow| {
            let (tenant, name, minutes, upcoming, notice) = columns(row).map_err(unavailable)?;
            let name = ServiceName::new(&name).map_err(|_| unreadable("services", BadColumn("name")))?;
            Ok(NoticeLine {
                service: ServiceRef { tenant: TenantId(tenant), name },
                threshold: Duration::from_secs(u64::try_from(minutes).unwrap_or(0) * 60),
                next_upcoming: upcoming.map(Instant::from_millis),
                next_notice: notice.map(Instant::from_millis),
            })
        };
        rows.iter().map(line).collect()
    }

    async fn upcoming(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        until: Instant,
        after: Option<(Instant, CallbackId)>,
        limit: u32,
    ) -> Result<UpcomingPage, StoreError> {
        let rows = sqlx::query(select_callbacks!(
            "where s.tenant = ? and s.name = ? and s.shard = ? and c.unclaimed = 1 and c.state in (0, 1, 2, 4)
             and c.desired_at < ? and (c.desired_at, c.id) > (?, ?)
             and exists (select 1 from monitor_shards m where m.shard = s.shard and m.epoch = ? and m.owner is not null)
             order by c.desired_at, c.id
             limit ?"
        ));
        let (desired, id) = after.map_or((i64::MIN, Uuid::nil()), |(desired, id)| (desired.millis(), id.0));
        let rows = rows
            .bind(service.tenant.0)
            .bind(service.name.as_str())
            .bind(lease.shard.0)
            .bind(until.millis())
            .bind(desired)
            .bind(id)
            .bind(i64::try_from(lease.epoch).unwrap_or(i64::MAX))
            .bind(i64::from(limit));
        let records = records(rows.fetch_all(self.readers()).await.map_err(unavailable)?)?;
        let next = sqlx::query(
            "select min(c.desired_at) from services s join callbacks c on c.service = s.key
             where s.tenant = ? and s.name = ? and c.unclaimed = 1 and c.state in (0, 1, 2, 4) and c.desired_at >= ?",
        );
        let next = next.bind(service.tenant.0).bind(service.name.as_str()).bind(until.millis());
        let next = next.fetch_one(self.readers()).await.map_err(unavailable)?;
        let next: Option<i64> = next.try_get(0).map_err(unavailable)?;
        Ok(UpcomingPage { records, next: next.map(Instant::from_millis) })
    }

    async fn claim_upcoming(
        &self,
        lease: ShardLease,
        claims: &[UpcomingClaim],
        at: Instant,
    ) -> Result<u64, StoreError> {
        let claims = claims.to_vec();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                if !is_current(&mut transaction.connection, lease).await? {
                    return Ok(0);
                }
                let mut claimed = 0;
                for one in claims {
                    let Some(found) = in_shard(transaction, lease, one.tenant, one.id).await? else { continue };
                    let taken = sqlx::query(
                        "update callbacks set unclaimed = 0
                         where key = ? and unclaimed = 1 and state in (0, 1, 2, 4) and reschedules = ?",
                    );
                    let taken = taken.bind(found.key).bind(one.reschedules);
                    let taken = taken.execute(&mut transaction.connection).await.map_err(unavailable)?;
                    if taken.rows_affected() == 1 {
                        let (keys, upcoming) = ((found.key, found.service), Event::CallbackUpcoming);
                        claim(&mut transaction.connection, keys, &found.record, upcoming, &one.targets, at).await?;
                        claimed += 1;
                    }
                }
                Ok(claimed)
            })
        });
        work.await
    }

    async fn begin_notices(
        &self,
        lease: ShardLease,
        service: &ServiceRef,
        at: Instant,
        limit: u32,
    ) -> Result<Vec<Begun>, StoreError> {
        let service = service.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                if service.shard() != lease.shard || !is_current(&mut transaction.connection, lease).await? {
                    return Ok(Vec::new());
                }
                let due = sqlx::query(
                    "select n.key, c.id, n.event, n.occasion, n.attempts, n.claimed_at, n.target
                     from services s join notices n on n.service = s.key join callbacks c on c.key = n.callback
                     where s.tenant = ? and s.name = ? and n.due_at <= ?
                     order by n.due_at, n.key limit ?",
                );
                let due = due.bind(service.tenant.0).bind(service.name.as_str()).bind(at.millis());
                let due = due.bind(i64::from(limit)).fetch_all(&mut transaction.connection).await;
                let mut begun = Vec::new();
                for row in due.map_err(unavailable)? {
                    let row = Due::read(&row).map_err(unavailable)?;
                    let begin = sqlx::query("update notices set attempts = attempts + 1, due_at = ? where key = ?");
                    let begin = begin.bind((at + HOLD).millis()).bind(row.key);
                    begin.execute(&mut transaction.connection).await.map_err(unavailable)?;
                    let id = CallbackId(row.callback);
                    let found = stored::read(&mut transaction.connection, service.tenant, id).await?;
                    begun.push(Begun {
                        key: NoticeKey {
                            tenant: service.tenant,
                            callback: id,
                            event: event_of(row.event)?,
                            occasion: row.occasion.cast_unsigned(),
                            target: PushTarget(row.target),
                        },
                        attempt: u32::try_from(row.attempts + 1).unwrap_or(u32::MAX),
                        claimed_at: Instant::from_millis(row.claimed_at),
                        record: found.map(|found| found.record),
                    });
                }
                Ok(begun)
            })
        });
        work.await
    }

    async fn settle_notices(&self, settled: &[Settled]) -> Result<Vec<bool>, StoreError> {
        let settled = settled.to_vec();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let mut answers = Vec::with_capacity(settled.len());
                for Settled { key, attempt, end } in settled {
                    let (due, succeeded) = match end {
                        NoticeEnd::Success => (None, Some(true)),
                        NoticeEnd::Failure => (None, Some(false)),
                        NoticeEnd::Again(at) => (Some(at.millis()), None),
                    };
                    let update = sqlx::query(
                        "update notices set due_at = ?, succeeded = ?
                         where callback = (select key from callbacks where id = ?) and event = ? and occasion = ?
                         and target = ? and attempts = ? and due_at is not null",
                    );
                    let update = update.bind(due).bind(succeeded).bind(key.callback.0).bind(event_code(key.event));
                    let update = update.bind(whole(key.occasion)?).bind(key.target.0).bind(attempt);
                    let written = update.execute(&mut transaction.connection).await.map_err(unavailable)?;
                    answers.push(written.rows_affected() == 1);
                }
                Ok(answers)
            })
        });
        work.await
    }

    async fn drop_target(
        &self,
        tenant: TenantId,
        id: CallbackId,
        target: &PushTarget,
        at: Instant,
    ) -> Result<(), StoreError> {
        let target = target.clone();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let Some(before) = live(&mut transaction.connection, tenant, id, at).await? else { return Ok(()) };
                if let Some(write) = acts::drop_target(&before.record, &target, at) {
                    stored::write(transaction, &before, &write).await?;
                }
                Ok(())
            })
        });
        work.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_reads_back() {
        for event in Event::ALL {
            assert_eq!(event_of(event_code(event)).unwrap(), event);
        }
        assert!(event_of(0).is_err());
    }
}
