//! Brings the schema up to date: embedded files, forward only, one process at a time.

use std::time::Duration;

use ges_domain::ports::StoreError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, PgPool, SqlSafeStr};

use crate::error::{Fault, unavailable};

const FILES: &[(i64, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// The advisory lock of whoever migrates: "GES" and a version of this scheme.
const LOCK: i64 = 0x0047_4553_0001;
const RETRY: Duration = Duration::from_millis(100);
/// How long somebody else may take to migrate.
const PATIENCE: Duration = Duration::from_secs(120);

/// The schema version this build needs.
pub(crate) fn expected_version() -> i64 {
    FILES.iter().map(|(version, ..)| *version).max().unwrap_or(0)
}

fn migrator() -> Migrator {
    let migrations = FILES.iter().map(|(version, title, sql)| {
        // An index that is built beside running work cannot be built inside a transaction.
        let alone = sql.starts_with("-- no-transaction");
        Migration::new(*version, title.replace('_', " ").into(), MigrationType::Simple, sql.into_sql_str(), alone)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // An older build runs beside a newer schema during a rolling update.
    migrator.set_ignore_missing(true);
    // A waiting lock would keep a snapshot open, which an index built concurrently waits for in turn; we try instead.
    migrator.set_locking(false);
    migrator
}

/// The version the database has; none before the first migration.
pub(crate) async fn applied_version(pool: &PgPool) -> Result<Option<i64>, StoreError> {
    let known: Option<String> = sqlx::query_scalar("select to_regclass('_sqlx_migrations')::text")
        .fetch_one(pool)
        .await
        .map_err(unavailable)?;
    if known.is_none() {
        return Ok(None);
    }
    let applied = sqlx::query_scalar("select max(version) from _sqlx_migrations where success");
    applied.fetch_one(pool).await.map_err(unavailable)
}

/// Applies what is missing on a connection of its own: the lock goes with it, whatever happens to us.
pub(crate) async fn run(options: &PgConnectOptions) -> Result<(), StoreError> {
    // Whoever works with a table goes on; a migration that cannot get in between gives up and is tried again.
    let options = options.clone().options([("lock_timeout", "10s")]);
    let mut connection = PgConnection::connect_with(&options).await.map_err(unavailable)?;
    let started = tokio::time::Instant::now();
    loop {
        let ours = sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(LOCK);
        if ours.fetch_one(&mut connection).await.map_err(unavailable)? {
            break;
        }
        if started.elapsed() > PATIENCE {
            return Err(Fault::Busy("another process has been migrating for too long").into());
        }
        tokio::time::sleep(RETRY).await;
    }
    let done = migrator().run_direct(None, &mut connection, false).await;
    let closed = connection.close().await;
    done.map_err(failed)?;
    closed.map_err(unavailable)
}

fn failed(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => unavailable(cause),
        // What is left speaks of versions and checksums only.
        other => StoreError::Unavailable(other.into()),
    }
}
