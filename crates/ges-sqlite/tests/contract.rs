//! SQLite keeps the contract of the record store.

#![expect(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::{
    Bookings, BulkJobs, CallIns, Catalogue, Clock, ConsoleSessions, FormerSessions, Handover, KeptAnswers, Lookup,
    Notices, Pauses, ProvisionedServices, Publishing, Record, SealedCredentials, Shards, WakeUps,
};
use ges_domain::{Instant, TenantId};
use ges_sqlite::SqliteStore;
use ges_testkit::contract::Stores;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

/// Short enough to wait for, long enough for a heartbeat on a busy machine.
const LEASE: Duration = Duration::from_millis(900);

struct Sqlite {
    store: SqliteStore,
    folder: tempfile::TempDir,
}

async fn fresh() -> Sqlite {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("ges.db"), LEASE).await.unwrap();
    Sqlite { store, folder }
}

#[async_trait]
impl Stores for Sqlite {
    fn catalogue(&self) -> Arc<dyn Catalogue> {
        Arc::new(self.store.clone())
    }
    fn call_ins(&self) -> Arc<dyn CallIns> {
        Arc::new(self.store.clone())
    }
    fn bookings(&self) -> Arc<dyn Bookings> {
        Arc::new(self.store.clone())
    }
    fn kept(&self) -> Arc<dyn KeptAnswers> {
        Arc::new(self.store.clone())
    }
    fn record(&self) -> Arc<dyn Record> {
        Arc::new(self.store.clone())
    }
    fn former(&self, _node: &str) -> Arc<dyn FormerSessions> {
        Arc::new(self.store.clone())
    }
    fn shards(&self) -> Arc<dyn Shards> {
        Arc::new(self.store.clone())
    }
    fn handover(&self) -> Arc<dyn Handover> {
        Arc::new(self.store.clone())
    }
    fn notices(&self) -> Arc<dyn Notices> {
        Arc::new(self.store.clone())
    }
    fn pauses(&self) -> Arc<dyn Pauses> {
        Arc::new(self.store.clone())
    }
    fn bulk(&self) -> Arc<dyn BulkJobs> {
        Arc::new(self.store.clone())
    }
    fn credentials(&self) -> Arc<dyn SealedCredentials> {
        Arc::new(self.store.clone())
    }
    fn publishing(&self) -> Arc<dyn Publishing> {
        Arc::new(self.store.clone())
    }
    fn console_sessions(&self) -> Arc<dyn ConsoleSessions> {
        Arc::new(self.store.clone())
    }
    fn provisioned(&self) -> Arc<dyn ProvisionedServices> {
        Arc::new(self.store.clone())
    }
    fn lookup(&self) -> Arc<dyn Lookup> {
        Arc::new(self.store.clone())
    }
    async fn wake_ups(&self) -> Box<dyn WakeUps> {
        self.store.wake_ups()
    }
    fn now(&self) -> Instant {
        self.store.clock().now()
    }
    fn lease(&self) -> Duration {
        LEASE
    }
    async fn pass(&self, length: Duration) {
        // The store's clock cannot be moved from outside.
        tokio::time::sleep(length).await;
    }
    async fn spoil_hours(&self, tenant: TenantId, name: &str) {
        let file = SqliteConnectOptions::new().filename(self.folder.path().join("ges.db"));
        let mut connection = file.connect().await.unwrap();
        let spoil = sqlx::query("update business_hours set document = '{\"name\":' where tenant = ? and name = ?");
        let spoiled = spoil.bind(tenant.0).bind(name).execute(&mut connection).await.unwrap();
        assert_eq!(spoiled.rows_affected(), 1);
        connection.close().await.unwrap();
    }
}

ges_testkit::contract_tests!(fresh);
