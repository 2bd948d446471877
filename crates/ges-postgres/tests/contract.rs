//! The contract every record store keeps, kept by PostgreSQL.
#![expect(clippy::unwrap_used, reason = "tests: a broken expectation is a failed test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use ges_domain::ports::{
    Bookings, BulkJobs, CallIns, Catalogue, Clock, ConsoleSessions, FormerSessions, Handover, KeptAnswers, Lookup,
    Notices, Pauses, ProvisionedServices, Publishing, Record, SealedCredentials, Shards, WakeUps,
};
use ges_domain::{Instant, TenantId};
use ges_postgres::PgStore;
use ges_testkit::contract::Stores;
use support::Database;

struct Fresh {
    database: Database,
    store: PgStore,
}

async fn fresh() -> Fresh {
    let database = Database::migrated().await;
    Fresh { store: database.store().await, database }
}

#[async_trait::async_trait]
impl Stores for Fresh {
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
    fn former(&self, node: &str) -> Arc<dyn FormerSessions> {
        Arc::new(self.store.held_by(node))
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
        Box::new(self.store.wake_ups().await.unwrap())
    }
    fn now(&self) -> Instant {
        self.store.clock().now()
    }
    fn lease(&self) -> Duration {
        self.database.settings.lease
    }
    async fn pass(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
    async fn spoil_hours(&self, tenant: TenantId, name: &str) {
        let spoil = "update business_hours set document = '{\"broken\":' where tenant = $1 and name = $2";
        let mut connection = self.database.connection().await;
        sqlx::query(spoil).bind(tenant.0).bind(name).execute(&mut connection).await.unwrap();
        // Damage from outside shows when what was read before has grown old.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

ges_testkit::contract_tests!(fresh);
