//! The store: one pool, what it remembers, and its health.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use ges_domain::ports::StoreError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgPool};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::booking::{Desk, Memory};
use crate::catalogue::Cache;
use crate::clock::{self, PgClock};
use crate::error::unavailable;
use crate::record::Recent;
use crate::services::Services;
use crate::wake::{PgWakeUps, follow_publishes};
use crate::{PgSettings, migrate};

/// How long an answered heartbeat shows that the server is there; a little longer than from one to the next.
const BEAT_COUNTS: Duration = Duration::from_secs(2);

/// The record of callbacks in PostgreSQL. Clones share everything.
#[derive(Clone)]
pub struct PgStore(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) pool: PgPool,
    pub(crate) services: Services,
    pub(crate) cache: Cache,
    pub(crate) desk: Desk,
    pub(crate) memory: Memory,
    pub(crate) recent: Recent,
    pub(crate) lease: Duration,
    /// When the server answered the last heartbeat of a worker.
    beat: Mutex<Option<Instant>>,
    clock: PgClock,
    listening: Arc<RwLock<PgConnectOptions>>,
    /// Work that outlives its caller.
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Drop for Inner {
    /// Ends what runs in the background when nobody has the store any more.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// How the schema of a database stands to this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// The version this build needs.
    pub expected: i64,
    /// The version the database has; none before the first migration.
    pub applied: Option<i64>,
}

impl Schema {
    /// Whether this build can work with it; a newer schema serves older builds.
    pub fn is_ready(self) -> bool {
        self.applied >= Some(self.expected)
    }
}

impl PgStore {
    /// Connects and measures the server's clock. Does not migrate.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the server does not answer within the time to acquire a connection.
    pub async fn connect(settings: &PgSettings) -> Result<Self, StoreError> {
        let options = settings.connect_options()?;
        let pool = settings.pool_options().connect_with(options).await.map_err(unavailable)?;
        let clock = PgClock::measured(&pool).await?;
        let store = Self(Arc::new(Inner {
            services: Services::default(),
            cache: Cache::default(),
            desk: Desk::default(),
            memory: Memory::default(),
            recent: Recent::default(),
            lease: settings.lease,
            beat: Mutex::default(),
            clock: clock.clone(),
            listening: Arc::new(RwLock::new(settings.plain_options()?)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            pool: pool.clone(),
        }));
        store.0.tasks.spawn(clock::keep(clock, pool, store.0.stop.clone()));
        Ok(store)
    }

    /// Connects by these settings from now on: another user, another password. Connections that stand go on until their time
    /// is over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the address does not read; nothing has changed then.
    pub fn connect_by(&self, settings: &PgSettings) -> Result<(), StoreError> {
        let (pooled, listening) = (settings.connect_options()?, settings.plain_options()?);
        self.0.pool.set_connect_options(pooled);
        *self.0.listening.write().unwrap_or_else(PoisonError::into_inner) = listening;
        Ok(())
    }

    /// Whether a server answers at this address, on a connection of its own that ends at once; for when there is no store yet.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when none does.
    pub async fn reach(settings: &PgSettings) -> Result<(), StoreError> {
        let mut connection = settings.plain_options()?.connect().await.map_err(unavailable)?;
        connection.ping().await.map_err(unavailable)?;
        connection.close().await.map_err(unavailable)
    }

    /// Brings the schema up to date. Several processes may call it at once; one works, the others wait.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when a migration fails or another process takes more than two minutes.
    pub async fn migrate(settings: &PgSettings) -> Result<(), StoreError> {
        migrate::run(&settings.plain_options()?).await
    }

    /// The schema version this build needs.
    pub fn expected_version() -> i64 {
        migrate::expected_version()
    }

    /// How the schema stands, for readiness.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        Ok(Schema { expected: migrate::expected_version(), applied: migrate::applied_version(&self.0.pool).await? })
    }

    /// Whether every migration of this build is in.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    pub async fn migrations_applied(&self) -> Result<bool, StoreError> {
        Ok(self.schema().await?.is_ready())
    }

    /// What tells this database from every other, a copy or a new one of the same name too: memories beside the store that
    /// carry it are never taken for another's.
    ///
    /// # Errors
    /// [`StoreError`] when the store is not available.
    pub async fn identity(&self) -> Result<String, StoreError> {
        let database =
            sqlx::query_scalar::<_, i64>("select oid::bigint from pg_database where datname = current_database()");
        let database = database.fetch_one(&self.0.pool).await.map_err(unavailable)?;
        let cluster = sqlx::query_scalar::<_, i64>("select system_identifier from pg_control_system()");
        // Some providers do not let users ask for it; the database's own number still tells most apart.
        let cluster = cluster.fetch_one(&self.0.pool).await.unwrap_or_default();
        Ok(format!("{:x}-{database:x}", cluster.cast_unsigned()))
    }

    /// Whether the server answers. A heartbeat of this process that it answered just now says so without a statement.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it does not.
    pub async fn probe(&self) -> Result<(), StoreError> {
        if self.0.beat.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|beat| beat.elapsed() < BEAT_COUNTS) {
            return Ok(());
        }
        sqlx::query("select 1").execute(&self.0.pool).await.map(drop).map_err(unavailable)
    }

    /// The server has answered a heartbeat.
    pub(crate) fn beaten(&self) {
        *self.0.beat.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// The server's time.
    pub fn clock(&self) -> PgClock {
        self.0.clock.clone()
    }

    /// Listens for hints on a connection of its own. What was booked before the answer is not hinted at.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the server does not answer.
    pub async fn wake_ups(&self) -> Result<PgWakeUps, StoreError> {
        PgWakeUps::listen(self.clone(), self.0.listening.clone(), self.0.stop.child_token()).await
    }

    /// From now on, what other processes publish is seen here as soon as the server tells, on a connection of its own. Without
    /// it, or while it is lost, a publish is seen within two seconds.
    pub fn follow_publishes(&self) {
        let inner = Arc::downgrade(&self.0);
        let forget = move |tenant| {
            if let Some(inner) = inner.upgrade() {
                inner.cache.forget(tenant);
            }
        };
        self.spawn(follow_publishes(self.0.listening.clone(), self.0.stop.child_token(), forget));
    }

    /// Finishes what was begun, then closes every connection. Call it after the last request.
    pub async fn close(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.pool.close().await;
    }

    /// Starts work that ends by itself, whatever becomes of its caller.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(work.in_current_span());
    }

    /// Runs `work` to its end even when the caller goes away.
    ///
    /// A request may be cancelled between any two polls. A BEGIN cancelled half-way would hand an open transaction to the
    /// next borrower of the connection, so every transaction starts and ends in a task of its own.
    pub(crate) async fn uncancelled<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.0.tasks.spawn(work.in_current_span()).await {
            Ok(done) => done,
            Err(lost) => Err(StoreError::Unavailable(lost.into())),
        }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.0.pool
    }
}
