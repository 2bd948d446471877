//! What the figures are divided by: the plainest use of the same servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use ges_harness::Cluster;
use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;
use uuid::Uuid;

use crate::load::CONNECTIONS;
use crate::redis::{Entry, Redis, command};

/// A table whose rows are about as wide as a booking, with a key and one index.
const TABLE: &str = "create table if not exists yardstick (
    id uuid primary key, tenant uuid not null, service integer not null, desired_at bigint not null,
    created_at bigint not null, deadline bigint not null, state smallint not null, kind smallint not null,
    phone text not null, phone_key text not null, details bytea);
    create index if not exists yardstick_due on yardstick (service, desired_at)";
const INSERT: &str = "insert into yardstick values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// Single-row INSERTs, each committed by itself, over as many connections as bookings have.
#[derive(Debug)]
pub(crate) struct Inserts {
    connections: Vec<PgConnection>,
    done: i64,
}

impl Inserts {
    pub(crate) async fn prepare(cluster: &Cluster) -> Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(PgConnection::connect(&cluster.database_url()).await?);
        }
        sqlx::raw_sql(TABLE).execute(&mut connections[0]).await?;
        let mut inserts = Self { connections, done: 0 };
        // Every connection prepares its statement before anything is measured.
        inserts.rate(CONNECTIONS * 4).await?;
        Ok(inserts)
    }

    /// Rows per second over this many rows.
    pub(crate) async fn rate(&mut self, rows: usize) -> Result<f64> {
        let (left, first) = (Arc::new(AtomicUsize::new(rows)), self.done);
        self.done += i64::try_from(rows)?;
        let begun = Instant::now();
        let work = |mut connection: PgConnection| {
            let left = left.clone();
            tokio::spawn(async move {
                while let Ok(row) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                {
                    insert(&mut connection, first + i64::try_from(row)?).await?;
                }
                anyhow::Ok(connection)
            })
        };
        let tasks: Vec<_> = self.connections.drain(..).map(work).collect();
        for task in tasks {
            self.connections.push(task.await??);
        }
        Ok(rows as f64 / begun.elapsed().as_secs_f64())
    }
}

async fn insert(connection: &mut PgConnection, row: i64) -> Result<()> {
    // Rising ids, as those of bookings are.
    let id = Uuid::from_u128((u128::try_from(row)? + 1) << 64);
    let phone = format!("1415{}", 2_000_000 + row % 8_000_000);
    sqlx::query(INSERT)
        .bind(id)
        .bind(Uuid::nil())
        .bind(1_i32)
        .bind(1_767_225_600_000 + row)
        .bind(1_767_225_600_000_i64)
        .bind(1_767_225_600_000_i64)
        .bind(1_i16)
        .bind(1_i16)
        .bind(&phone)
        .bind(&phone)
        .bind([7_u8; 60].as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Entries per second of one connection that pipelines XADDs of entries like these, into a stream of its own.
pub(crate) async fn pipelined_adds(redis: &mut Redis, like: &[Entry], count: usize) -> Result<f64> {
    const KEY: &str = "yardstick";
    const BATCH: usize = 1000;
    let commands: Vec<_> = like
        .iter()
        .map(|entry| {
            let mut words = vec!["XADD", KEY, "MAXLEN", "~", "100000", "*"];
            words.extend(entry.fields.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
            command(&words)
        })
        .collect();
    let batches: Vec<_> = (0..count.div_ceil(BATCH))
        .map(|batch| {
            let size = BATCH.min(count - batch * BATCH);
            let batch: Vec<u8> = commands.iter().cycle().take(size).flatten().copied().collect();
            (batch, size)
        })
        .collect();
    let begun = Instant::now();
    for (batch, size) in &batches {
        redis.send(batch).await?;
        redis.skip(*size).await?;
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    redis.call(&["DEL", KEY]).await?;
    Ok(rate)
}
