//! Opening a file, reading from it, and handing acts to its writer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ges_domain::ports::{StoreError, WakeUps};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlitePool};
use tokio::sync::broadcast;

use crate::changes::{FEED, Written};
use crate::clock::StoreClock;
use crate::error::unavailable;
use crate::migrations;
use crate::wakes::{HINTS, Hints};
use crate::writer::{Acting, Feeds, Writer};

/// Connections that read beside the writer.
const READERS: u32 = 3;
/// How long a statement waits for a lock that only backups and inspection tools take.
const BUSY: Duration = Duration::from_secs(2);

/// The record of callbacks in one file. Clones share it.
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

struct Inner {
    readers: SqlitePool,
    writer: Writer,
    feeds: Feeds,
    clock: Arc<StoreClock>,
    lease: Duration,
}

impl SqliteStore {
    /// Opens `path`, creating it when missing, and brings its schema up to date. A monitor that is silent for `lease` loses its
    /// shards. Whoever monitored before is gone, because one process at a time opens a file.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be opened, or belongs to a newer version.
    pub async fn open(path: &Path, lease: Duration) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(unavailable)?;
        migrations::apply(&mut connection).await.map_err(unavailable)?;
        for orphaned in ["delete from monitor_nodes", "update monitor_shards set owner = null"] {
            sqlx::query(orphaned).execute(&mut connection).await.map_err(unavailable)?;
        }
        let pool = SqlitePoolOptions::new().max_connections(READERS).min_connections(1).acquire_timeout(BUSY);
        let readers = pool.connect_with(options.clone().read_only(true)).await.map_err(unavailable)?;
        let feeds = Feeds { hints: broadcast::Sender::new(HINTS), changes: broadcast::Sender::new(FEED) };
        let writer = Writer::start(connection, options, feeds.clone());
        Ok(Self(Arc::new(Inner { readers, writer, feeds, clock: Arc::new(StoreClock::start()), lease })))
    }

    /// The store's time, which decides everywhere (I10).
    pub fn clock(&self) -> Arc<StoreClock> {
        self.0.clock.clone()
    }

    /// Hints from now on.
    pub fn wake_ups(&self) -> Box<dyn WakeUps> {
        Box::new(Hints(self.0.feeds.hints.subscribe()))
    }

    /// Every write from now on, in order, once it is durable. A listener that lags far behind misses some.
    pub fn changes(&self) -> broadcast::Receiver<Written> {
        self.0.feeds.changes.subscribe()
    }

    /// Ends after everything asked so far is written; later writes answer [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.0.writer.close().await;
        self.0.readers.close().await;
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.0.readers
    }

    pub(crate) fn lease(&self) -> Duration {
        self.0.lease
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.0.writer
    }

    /// Runs one act in the writer's next transaction; it happens to its end even when the caller goes away.
    pub(crate) async fn act<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'t> FnOnce(&'t mut crate::writer::Transaction) -> Acting<'t, T> + Send + 'static,
    {
        self.0.writer.act(work).await
    }
}
