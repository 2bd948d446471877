//! What the tests share: servers, and everything that is kept in them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ges_domain::TenantId;
use ges_domain::ports::{AcceptedTimes as _, AreaAnswer, AreaContent, AreaId, AreaWrite, Areas, AreasDown};
use ges_domain::ports::{Place, Seen, ServiceRef, SessionNews as _};
use ges_domain::throttle::Window;
use ges_harness::{Programs, RedisCluster, run_folder};
use ges_redis::{RedisAcceptedTimes, RedisAreas, RedisSessionNews, Server};
use ges_testkit::CountingIds;
use ges_testkit::builders::{START, immediate, service};

/// Enough that every one of three primaries serves some.
pub(crate) const TENANTS: u32 = 12;
/// Both windows of a service: two in five minutes.
pub(crate) const WINDOWS: [Window; 2] = [Window { limit: 2, length: Duration::from_secs(300) }; 2];
const LIFE: Duration = Duration::from_secs(60);

pub(crate) fn tenant(number: u32) -> TenantId {
    format!("c0ffee00-0000-4000-8000-{number:012}").parse().unwrap()
}

pub(crate) fn sales(tenant: TenantId) -> ServiceRef {
    ServiceRef { tenant, name: service("CB_Sales") }
}

/// A cluster of three primaries.
pub(crate) struct Servers {
    pub(crate) cluster: RedisCluster,
    _folder: tempfile::TempDir,
}

impl Servers {
    pub(crate) fn start(replicas: bool) -> Self {
        let folder = run_folder().unwrap();
        let program = Programs::from_environment().unwrap().redis;
        Self { cluster: RedisCluster::start(&program, folder.path(), 3, replicas).unwrap(), _folder: folder }
    }

    /// The primary of everything that this tenant has.
    pub(crate) fn owner(&self, tenant: TenantId) -> u16 {
        self.cluster.owner(&key(tenant)).unwrap()
    }
}

/// Any key of a tenant.
pub(crate) fn key(tenant: TenantId) -> String {
    format!("ges:{{{tenant}}}:any")
}

/// A cluster that is entered through the node on this port.
pub(crate) fn entered(port: u16) -> Server {
    Server { cluster: true, ..Server::plain("127.0.0.1", port) }
}

/// All three uses.
pub(crate) struct Uses {
    pub(crate) times: RedisAcceptedTimes,
    pub(crate) areas: RedisAreas,
    pub(crate) news: RedisSessionNews,
}

impl Uses {
    pub(crate) async fn of(server: &Server) -> Self {
        let times = RedisAcceptedTimes::start(server, "store").unwrap();
        let (areas, news) = (RedisAreas::start(server).unwrap(), RedisSessionNews::start(server).unwrap());
        let uses = Self { times, areas, news };
        uses.until_all_work(tenant(0), Duration::from_secs(10)).await;
        uses
    }

    /// Writes an area and reads it back.
    pub(crate) async fn area_works(&self, tenant: TenantId) -> Result<(), AreasDown> {
        let area = AreaId::new("area").unwrap();
        let content = AreaContent { texts: [("a".to_owned(), "1".to_owned())].into(), ..AreaContent::default() };
        let written = self.areas.write(tenant, &area, None, AreaWrite::Create, content.clone(), LIFE).await?;
        assert_eq!(written, AreaAnswer::Done(()));
        let read = self.areas.read(tenant, &area, None).await?;
        // A new primary may not have heard of the last write of the old one.
        assert!([AreaAnswer::Done(content), AreaAnswer::Unknown].contains(&read), "{read:?}");
        Ok(())
    }

    /// Keeps news of a session and reads them.
    pub(crate) async fn news_work(&self, tenant: TenantId) -> bool {
        let place = Place { position: Some(3), ewt: Some(60), answer: "{}".into() };
        let seen = Seen { at: Some(START), place, reachable: true, diagnostics: None };
        let id = CountingIds::nth(7);
        self.news.keep(&[(tenant, id, seen.clone())]).await;
        self.news.of(tenant, id).await == Some(seen)
    }

    /// Notes two callbacks, later than any before, and learns when the second-newest was.
    pub(crate) async fn counters_work(&self, tenant: TenantId) -> bool {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let second = NEXT.fetch_add(2, Ordering::Relaxed);
        for seconds in [second, second + 1] {
            let at = START + Duration::from_secs(seconds);
            let booking = immediate(at).tenant(tenant).id(CountingIds::nth(seconds)).build();
            self.times.accepted(&booking.entry().0, &WINDOWS);
        }
        self.times.settled().await;
        self.times.since(&sales(tenant), &WINDOWS)[0] == Some(START + Duration::from_secs(second))
    }

    /// Answers how long it took.
    pub(crate) async fn until_all_work(&self, tenant: TenantId, limit: Duration) -> Duration {
        let begun = Instant::now();
        loop {
            let works =
                (self.area_works(tenant).await.is_ok(), self.news_work(tenant).await, self.counters_work(tenant).await);
            if works == (true, true, true) {
                break;
            }
            assert!(begun.elapsed() < limit, "areas, news, counters of {tenant} after {limit:?}: {works:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        begun.elapsed()
    }
}
