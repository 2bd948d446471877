//! A callback file of the test's own, and the look behind the store's connections.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ges_sqlite::SqliteStore;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};
use tokio::sync::Mutex;

use crate::house::{Backstage, House, Probe, QUIET};

pub(crate) async fn house(folder: &Path) -> House {
    let path = folder.join("ges.db");
    let store = SqliteStore::open(&path, Duration::from_secs(5)).await.unwrap();
    let observer = SqliteConnectOptions::new().filename(&path).busy_timeout(Duration::ZERO).connect().await.unwrap();
    let asked = store.clone();
    // The standalone edition asks its file by reading from it.
    let probe: Probe = Box::new(move || {
        let store = asked.clone();
        Box::pin(async move { ges_domain::ports::Handover::agenda(&store, &[]).await.is_ok() })
    });
    let clock = store.clock();
    House::over(Arc::new(store), clock, Box::new(Locks(Mutex::new(observer))), probe).await
}

/// Who holds the file: a forgotten transaction that wrote keeps others from writing, one that read keeps the log from being
/// emptied.
struct Locks(Mutex<SqliteConnection>);

#[async_trait]
impl Backstage for Locks {
    async fn stuck(&self, patience: Duration) -> Vec<String> {
        let (began, mut quiet_since) = (Instant::now(), None);
        loop {
            let mut observer = self.0.lock().await;
            let mut held = Vec::new();
            match sqlx::query("begin immediate").execute(&mut *observer).await {
                Ok(_) => drop(sqlx::query("rollback").execute(&mut *observer).await.unwrap()),
                Err(_) => held.push("somebody writes".to_owned()),
            }
            let emptied: Result<(i64, i64, i64), _> =
                sqlx::query_as("pragma wal_checkpoint(truncate)").fetch_one(&mut *observer).await;
            if !matches!(emptied, Ok((0, _, _))) {
                held.push("somebody reads".to_owned());
            }
            drop(observer);
            if !held.is_empty() {
                quiet_since = None;
            } else if quiet_since.get_or_insert_with(Instant::now).elapsed() > QUIET {
                return held;
            }
            if began.elapsed() > patience {
                return held;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
