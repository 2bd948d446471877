//! The in-memory model keeps the contract of the record store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::{
    Bookings, BulkJobs, CallIns, Catalogue, Clock, ConsoleSessions, FormerSessions, Handover, KeptAnswers, Lookup,
    Notices, Pauses, ProvisionedServices, Publishing, Record, SealedCredentials, Shards, WakeUps,
};
use ges_domain::{Instant, TenantId};
use ges_testkit::MemoryStore;
use ges_testkit::contract::Stores;

struct Memory(MemoryStore);

async fn fresh() -> Memory {
    Memory(MemoryStore::default())
}

#[async_trait]
impl Stores for Memory {
    fn catalogue(&self) -> Arc<dyn Catalogue> {
        Arc::new(self.0.clone())
    }
    fn call_ins(&self) -> Arc<dyn CallIns> {
        Arc::new(self.0.clone())
    }
    fn bookings(&self) -> Arc<dyn Bookings> {
        Arc::new(self.0.clone())
    }
    fn kept(&self) -> Arc<dyn KeptAnswers> {
        Arc::new(self.0.clone())
    }
    fn record(&self) -> Arc<dyn Record> {
        Arc::new(self.0.clone())
    }
    fn former(&self, _node: &str) -> Arc<dyn FormerSessions> {
        Arc::new(self.0.clone())
    }
    fn shards(&self) -> Arc<dyn Shards> {
        Arc::new(self.0.clone())
    }
    fn handover(&self) -> Arc<dyn Handover> {
        Arc::new(self.0.clone())
    }
    fn notices(&self) -> Arc<dyn Notices> {
        Arc::new(self.0.clone())
    }
    fn pauses(&self) -> Arc<dyn Pauses> {
        Arc::new(self.0.clone())
    }
    fn bulk(&self) -> Arc<dyn BulkJobs> {
        Arc::new(self.0.clone())
    }
    fn credentials(&self) -> Arc<dyn SealedCredentials> {
        Arc::new(self.0.clone())
    }
    fn publishing(&self) -> Arc<dyn Publishing> {
        Arc::new(self.0.clone())
    }
    fn console_sessions(&self) -> Arc<dyn ConsoleSessions> {
        Arc::new(self.0.clone())
    }
    fn provisioned(&self) -> Arc<dyn ProvisionedServices> {
        Arc::new(self.0.clone())
    }
    fn lookup(&self) -> Arc<dyn Lookup> {
        Arc::new(self.0.clone())
    }
    async fn wake_ups(&self) -> Box<dyn WakeUps> {
        self.0.wake_ups()
    }
    fn now(&self) -> Instant {
        self.0.clock().now()
    }
    fn lease(&self) -> Duration {
        self.0.lease()
    }
    async fn pass(&self, length: Duration) {
        self.0.clock().advance(length);
    }
    async fn spoil_hours(&self, tenant: TenantId, name: &str) {
        self.0.spoil_hours(tenant, name);
    }
}

ges_testkit::contract_tests!(fresh);

#[tokio::test]
async fn a_store_taken_down_answers_unavailable_and_does_nothing() {
    let store = MemoryStore::default();
    store.fail_times(1);
    let booking = ges_testkit::builders::immediate(ges_testkit::builders::START).build();
    assert!(store.book(booking).await.is_err());
    assert_eq!(store.everything(), []);
    assert!(store.hold("a").await.is_ok());
}
