//! What the figures are divided by: the plainest use of the same servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use ges_harness::Cluster;
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::time::Instant;
use uuid::Uuid;

use crate::load::CONNECTIONS;
use crate::redis::{Entry, Redis, command};

/// What single INSERTs write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// The very row of a booking, in a table with all its indexes and checks; no timeline, no counters.
    LikeBookings,
    /// Eleven columns with a key and one index.
    Narrow,
}

const NARROW: &str = "create table narrow_yardstick (
    id uuid primary key, tenant uuid not null, service integer not null, desired_at bigint not null,
    created_at bigint not null, deadline bigint not null, state smallint not null, kind smallint not null,
    phone text not null, phone_key text not null, details bytea);
    create index on narrow_yardstick (service, desired_at)";
const INTO_NARROW: &str = "insert into narrow_yardstick (id, phone, phone_key, desired_at, tenant, service, created_at, \
                           deadline, state, kind, details) values ($1, $2, $2, $3, '00000000-0000-0000-0000-000000000000', \
                           1, 1767225600000, 1767225600000, 1, 1, decode(repeat('07', 60), 'hex'))";

/// Single-row INSERTs, each committed by itself, over as many connections as bookings have.
#[derive(Debug)]
pub(crate) struct Inserts {
    connections: Vec<PgConnection>,
    statement: &'static str,
    done: i64,
}

impl Inserts {
    /// Makes the table; rows like bookings take after the latest booking.
    pub(crate) async fn prepare(cluster: &Cluster, rows: Rows) -> Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(PgConnection::connect(&cluster.database_url()).await?);
        }
        let statement = match rows {
            Rows::Narrow => {
                sqlx::raw_sql(NARROW).execute(&mut connections[0]).await?;
                INTO_NARROW
            }
            Rows::LikeBookings => like_bookings(&mut connections[0]).await?,
        };
        let mut inserts = Self { connections, statement, done: 0 };
        // Every connection prepares its statement before anything is measured.
        inserts.rate(CONNECTIONS * 4).await?;
        Ok(inserts)
    }

    /// Rows per second over this many rows.
    pub(crate) async fn rate(&mut self, rows: usize) -> Result<f64> {
        let (left, first, statement) = (Arc::new(AtomicUsize::new(rows)), self.done, self.statement);
        self.done += i64::try_from(rows)?;
        let begun = Instant::now();
        let work = |mut connection: PgConnection| {
            let left = left.clone();
            tokio::spawn(async move {
                while let Ok(row) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                {
                    insert(&mut connection, statement, first + i64::try_from(row)?).await?;
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

async fn insert(connection: &mut PgConnection, statement: &'static str, row: i64) -> Result<()> {
    // Rising ids, as those of bookings are.
    let id = Uuid::from_u128((u128::try_from(row)? + 1) << 64);
    let phone = format!("1415{}", 2_000_000 + row % 8_000_000);
    sqlx::query(statement).bind(id).bind(phone).bind(1_767_225_600_000 + row).execute(connection).await?;
    Ok(())
}

/// Columns that differ from row to row, and their parameter.
const VARYING: [(&str, &str); 4] = [("id", "$1"), ("phone", "$2"), ("phone_key", "$2"), ("desired_at", "$3")];

/// A table like that of bookings, and a statement with the values of the latest one.
async fn like_bookings(connection: &mut PgConnection) -> Result<&'static str> {
    sqlx::raw_sql("create table yardstick (like callbacks including all)").execute(&mut *connection).await?;
    let sql = "select key, quote_literal(value) from (select * from callbacks order by id desc limit 1) c, \
               jsonb_each_text(to_jsonb(c)) where value is not null";
    let rows = sqlx::query(sql).fetch_all(connection).await.context("no booking to take after")?;
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    for row in rows {
        let (column, value): (String, String) = (row.get(0), row.get(1));
        let varying = VARYING.iter().find(|(name, _)| *name == column);
        values.push(varying.map_or(value, |(_, parameter)| (*parameter).to_owned()));
        columns.push(column);
    }
    let statement = format!("insert into yardstick ({}) values ({})", columns.join(", "), values.join(", "));
    // sqlx takes constant statements; this one lives as long as the run.
    Ok(Box::leak(statement.into_boxed_str()))
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
