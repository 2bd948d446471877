//! A database for one server on the PostgreSQL that `cargo xtask` keeps; gone with the server.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database of its own.
#[derive(Debug)]
pub(crate) struct Database {
    server: PgConnectOptions,
    pub(crate) name: String,
}

impl Database {
    pub(crate) fn create() -> Result<Self> {
        let server: PgConnectOptions = environment("GES_TEST_PG_URL")?.parse().context("GES_TEST_PG_URL is no URL")?;
        let name = format!("ges_contract_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        run(&server, format!("create database {name}"))?;
        Ok(Self { server, name })
    }

    /// Where the server is.
    pub(crate) fn port(&self) -> u16 {
        self.server.get_port()
    }

    /// Runs a statement inside it, as superuser.
    pub(crate) fn sql(&self, statement: &str) -> Result<()> {
        run(&self.server.clone().database(&self.name), statement.to_owned())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = run(&self.server, format!("drop database if exists {} with (force)", self.name));
    }
}

/// A variable that `cargo xtask test` sets.
pub(crate) fn environment(name: &str) -> Result<String> {
    let found = std::env::vars().find(|(known, _)| known == name).map(|(_, value)| value);
    found.with_context(|| format!("{name} is not set; run through `cargo xtask`"))
}

fn run(at: &PgConnectOptions, statement: String) -> Result<()> {
    // A thread of its own, because the caller may be inside a runtime.
    let at = at.clone();
    let working = std::thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut connection: PgConnection = at.connect().await?;
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
            Ok(connection.close().await?)
        })
    });
    working.join().map_err(|_| anyhow::anyhow!("the thread that ran the statement panicked"))?
}
