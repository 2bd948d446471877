//! A PostgreSQL of the test's own, and the look behind the store's connections.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use ges_harness::{Postgres, Programs, run_folder};
use ges_postgres::{PgSettings, PgStore};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::sync::Mutex;

use crate::house::{Backstage, House, Probe, QUIET};

/// What the store's connections are called.
const OURS: &str = "ges";

pub(crate) struct Server {
    postgres: Postgres,
    // Dropped after the server that works in it.
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let programs = Programs::from_environment().unwrap();
        let folder = run_folder().unwrap();
        let postgres = Postgres::start(&programs.postgres, &folder.path().join("postgres"), None, true).unwrap();
        Self { postgres, _folder: folder }
    }

    /// Settings of a pool so small that one lost connection is felt. The server ends no forgotten transaction by itself.
    fn settings(&self, max_connections: u32) -> PgSettings {
        PgSettings {
            max_connections,
            application_name: OURS.into(),
            acquire_timeout: Duration::from_secs(3),
            idle_in_transaction_timeout: Duration::ZERO,
            ..PgSettings::new(self.postgres.url())
        }
    }

    pub(crate) async fn migrated(&self) {
        PgStore::migrate(&self.settings(2)).await.unwrap();
    }

    pub(crate) async fn house(&self, max_connections: u32) -> House {
        self.migrated().await;
        let store = PgStore::connect(&self.settings(max_connections)).await.unwrap();
        let asked = store.clone();
        let probe: Probe = Box::new(move || {
            let store = asked.clone();
            Box::pin(async move { store.probe().await.is_ok() && store.migrations_applied().await.is_ok() })
        });
        let clock = std::sync::Arc::new(store.clock());
        House::over(std::sync::Arc::new(store), clock, Box::new(self.backstage().await), probe).await
    }

    pub(crate) async fn backstage(&self) -> Connections {
        let options: PgConnectOptions = self.postgres.url().parse().unwrap();
        let observer = PgConnection::connect_with(&options.application_name("observer")).await.unwrap();
        Connections(Mutex::new(observer))
    }

    /// A pool of one connection as anybody would make it, called like the store's.
    pub(crate) async fn bare_pool(&self) -> PgPool {
        let options: PgConnectOptions = self.postgres.url().parse().unwrap();
        let pool = PgPoolOptions::new().max_connections(1).min_connections(1);
        pool.connect_with(options.application_name(OURS)).await.unwrap()
    }
}

/// What the server says about the store's connections.
pub(crate) struct Connections(Mutex<PgConnection>);

#[async_trait]
impl Backstage for Connections {
    async fn stuck(&self, patience: Duration) -> Vec<String> {
        let (began, mut quiet_since) = (Instant::now(), None);
        loop {
            let busy: Vec<String> = sqlx::query_scalar(
                "select state || ': ' || left(query, 60)
                from pg_stat_activity
                where application_name = $1 and state <> 'idle'",
            )
            .bind(OURS)
            .fetch_all(&mut *self.0.lock().await)
            .await
            .unwrap();
            if !busy.is_empty() {
                quiet_since = None;
            } else if quiet_since.get_or_insert_with(Instant::now).elapsed() > QUIET {
                return busy;
            }
            if began.elapsed() > patience {
                return busy;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
