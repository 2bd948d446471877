//! A database for one test, gone when the test is.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ges_postgres::{PgSettings, PgStore};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A migrated database of one test's own.
pub(crate) struct Database {
    server: PgConnectOptions,
    name: String,
    pub(crate) settings: PgSettings,
}

fn server_url() -> String {
    let url = std::env::var_os("GES_TEST_PG_URL").expect(
        "GES_TEST_PG_URL is not set: these tests need a PostgreSQL server. Run them with `cargo xtask test`, or set it to a \
         superuser's URL such as postgres://postgres@127.0.0.1:5432/postgres",
    );
    url.into_string().expect("GES_TEST_PG_URL is text")
}

impl Database {
    /// Creates an empty database, not yet migrated.
    pub(crate) async fn empty() -> Self {
        let url = server_url();
        let server: PgConnectOptions = url.parse().expect("GES_TEST_PG_URL is a postgres:// URL");
        let name = format!("ges_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect_with(&server).await.expect("the test server answers");
        let create = format!("create database {name}");
        sqlx::query(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let (base, options) = url.split_once('?').map_or((url.as_str(), ""), |(base, options)| (base, options));
        let (base, _) = base.rsplit_once('/').expect("GES_TEST_PG_URL names a database");
        let settings = PgSettings {
            max_connections: 4,
            acquire_timeout: Duration::from_secs(20),
            lease: Duration::from_millis(1500),
            ..PgSettings::new(format!("{base}/{name}?{options}"))
        };
        Self { server, name, settings }
    }

    /// Creates a migrated database.
    pub(crate) async fn migrated() -> Self {
        let database = Self::empty().await;
        PgStore::migrate(&database.settings).await.unwrap();
        database
    }

    /// A store on it.
    pub(crate) async fn store(&self) -> PgStore {
        PgStore::connect(&self.settings).await.unwrap()
    }

    /// A plain connection to it, for looking behind the store.
    pub(crate) async fn connection(&self) -> PgConnection {
        PgConnection::connect_with(&self.server.clone().database(&self.name)).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = PgConnection::connect_with(&server).await.unwrap();
                let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
                sqlx::query(end).bind(&name).execute(&mut connection).await.unwrap();
                let drop = format!("drop database if exists {name}");
                // A connection that is only just closing is waited for by the server itself.
                sqlx::query(AssertSqlSafe(drop)).execute(&mut connection).await.ok();
            });
        });
        dropping.join().ok();
    }
}
