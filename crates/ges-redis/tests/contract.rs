//! The contract of the record store holds with fast counters beside it, letter by letter: both paths run one suite.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy.toml allows it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::booking::Accelerated;
use ges_domain::ports::{
    Bookings, BulkJobs, CallIns, Catalogue, Clock, ConsoleSessions, FormerSessions, Handover, KeptAnswers, Lookup,
    Notices, Pauses, ProvisionedServices, Publishing, Record, SealedCredentials, Shards, WakeUps,
};
use ges_domain::{Instant, TenantId};
use ges_redis::{RedisAcceptedTimes, Server};
use ges_testkit::MemoryStore;
use ges_testkit::contract::Stores;

struct Fast {
    store: MemoryStore,
    bookings: Arc<Accelerated>,
}

/// The server that the test command started for everybody.
fn shared_server() -> Server {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no configuration; the test command names its server here"
    )]
    let url = std::env::var("GES_TEST_REDIS_URL").expect("GES_TEST_REDIS_URL is not set: run `cargo xtask test`");
    let address = url.trim_start_matches("redis://").split('/').next().unwrap();
    let (host, port) = address.rsplit_once(':').unwrap();
    Server::plain(host, port.parse().unwrap())
}

async fn fresh() -> Fast {
    static STORES: AtomicU64 = AtomicU64::new(0);
    let name = format!("contract-{}-{}", std::process::id(), STORES.fetch_add(1, Ordering::Relaxed));
    let times = RedisAcceptedTimes::start(&shared_server(), name).unwrap();
    assert!(times.probe().await, "the server is there");
    let store = MemoryStore::default();
    let bookings = Arc::new(Accelerated::new(Arc::new(store.clone()), Arc::new(times)));
    Fast { store, bookings }
}

#[async_trait]
impl Stores for Fast {
    fn catalogue(&self) -> Arc<dyn Catalogue> {
        Arc::new(self.store.clone())
    }
    fn call_ins(&self) -> Arc<dyn CallIns> {
        Arc::new(self.store.clone())
    }
    fn bookings(&self) -> Arc<dyn Bookings> {
        self.bookings.clone()
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
        self.store.lease()
    }
    async fn pass(&self, length: Duration) {
        self.store.clock().advance(length);
    }
    async fn spoil_hours(&self, tenant: TenantId, name: &str) {
        self.store.spoil_hours(tenant, name);
    }
}

ges_testkit::contract_tests!(fresh);
