//! Who monitors which shard: nodes heard of lately, and a row per shard with its epoch.

use async_trait::async_trait;
use ges_domain::ports::{Clock, SHARDS, Shard, ShardLease, Shards, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::error::{BadColumn, unavailable, unreadable};
use crate::store::SqliteStore;

#[async_trait]
impl Shards for SqliteStore {
    async fn hold(&self, node: &str) -> Result<Vec<ShardLease>, StoreError> {
        let (node, clock, lease) = (node.to_owned(), self.clock(), self.lease());
        let work = self.act(move |transaction| {
            Box::pin(async move {
                let now = clock.now();
                let connection = &mut transaction.connection;
                forget(connection, "delete from monitor_nodes where expires_at <= ?", now.millis()).await?;
                let alive = sqlx::query(
                    "insert into monitor_nodes (node, expires_at) values (?, ?)
                     on conflict (node) do update set expires_at = excluded.expires_at",
                );
                let alive = alive.bind(&node).bind((now + lease).millis());
                alive.execute(&mut *connection).await.map_err(unavailable)?;
                balance(connection, &node).await?;
                held_by(connection, &node).await
            })
        });
        work.await
    }

    async fn release(&self, node: &str) -> Result<(), StoreError> {
        let node = node.to_owned();
        let work = self.act(move |transaction| {
            Box::pin(async move {
                forget(&mut transaction.connection, "delete from monitor_nodes where node = ?", node).await
            })
        });
        work.await
    }
}

/// Deletes nodes, and sets free what deleted nodes held.
async fn forget<'q, T>(connection: &mut SqliteConnection, delete: &'static str, which: T) -> Result<(), StoreError>
where
    T: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + 'q,
{
    sqlx::query(delete).bind(which).execute(&mut *connection).await.map_err(unavailable)?;
    let orphaned = sqlx::query(
        "update monitor_shards set owner = null
         where owner is not null and owner not in (select node from monitor_nodes)",
    );
    orphaned.execute(connection).await.map_err(unavailable)?;
    Ok(())
}

/// Gives up what exceeds a fair share, or takes free shards up to it.
async fn balance(connection: &mut SqliteConnection, node: &str) -> Result<(), StoreError> {
    let counts = sqlx::query(
        "select (select count(*) from monitor_nodes), (select count(*) from monitor_shards where owner = ?)",
    );
    let row = counts.bind(node).fetch_one(&mut *connection).await.map_err(unavailable)?;
    let (nodes, held): (i64, i64) = (row.try_get(0).map_err(unavailable)?, row.try_get(1).map_err(unavailable)?);
    let share = (i64::from(SHARDS) + nodes - 1) / nodes.max(1);
    let changed = if held > share {
        let beyond = sqlx::query(
            "update monitor_shards set owner = null where shard in
             (select shard from monitor_shards where owner = ? order by shard desc limit ?)",
        );
        beyond.bind(node).bind(held - share)
    } else {
        let free = sqlx::query(
            "update monitor_shards set owner = ?, epoch = epoch + 1 where shard in
             (select shard from monitor_shards where owner is null order by shard limit ?)",
        );
        free.bind(node).bind(share - held)
    };
    changed.execute(connection).await.map_err(unavailable)?;
    Ok(())
}

async fn held_by(connection: &mut SqliteConnection, node: &str) -> Result<Vec<ShardLease>, StoreError> {
    let rows = sqlx::query("select shard, epoch from monitor_shards where owner = ? order by shard").bind(node);
    let rows = rows.fetch_all(connection).await.map_err(unavailable)?;
    let read = |row: SqliteRow| {
        let (shard, epoch): (i64, i64) = (row.try_get(0).map_err(unavailable)?, row.try_get(1).map_err(unavailable)?);
        let bad = |column| unreadable("monitor_shards", BadColumn(column));
        let shard = u8::try_from(shard).ok().filter(|shard| *shard < SHARDS).ok_or_else(|| bad("shard"))?;
        Ok(ShardLease { shard: Shard(shard), epoch: u64::try_from(epoch).map_err(|_| bad("epoch"))? })
    };
    rows.into_iter().map(read).collect()
}

/// Whether the lease is the last one given out for its shard.
pub(crate) async fn is_current(connection: &mut SqliteConnection, lease: ShardLease) -> Result<bool, StoreError> {
    let found = sqlx::query("select 1 from monitor_shards where shard = ? and epoch = ? and owner is not null");
    let found = found.bind(lease.shard.0).bind(i64::try_from(lease.epoch).unwrap_or(i64::MAX));
    Ok(found.fetch_optional(connection).await.map_err(unavailable)?.is_some())
}
