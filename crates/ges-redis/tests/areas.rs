//! The contract of the general storage, kept by Redis, and what callers see when it is gone.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where clippy.toml allows it")]

use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::{AreaContent, AreaId, AreaWrite, Areas};
use ges_harness::{Programs, Redis, run_folder};
use ges_redis::{RedisAreas, Server};
use ges_testkit::areas::AreasUnderTest;
use ges_testkit::builders::tenant;

struct Fresh {
    areas: RedisAreas,
    // The client before its server.
    _server: Redis,
    _folder: tempfile::TempDir,
}

#[async_trait]
impl AreasUnderTest for Fresh {
    fn areas(&self) -> &dyn Areas {
        &self.areas
    }

    async fn pass(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
}

async fn fresh() -> Fresh {
    let programs = Programs::from_environment().unwrap();
    let folder = run_folder().unwrap();
    let server = Redis::start(&programs.redis, &folder.path().join("redis")).unwrap();
    let areas = RedisAreas::start(&Server::plain("127.0.0.1", server.port())).unwrap();
    let area = AreaId::new("first").unwrap();
    // The connection is made in the background.
    for _ in 0..50 {
        if areas.read(tenant(), &area, None).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Fresh { areas, _server: server, _folder: folder }
}

ges_testkit::areas_tests!(fresh);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_server_every_access_fails_soon() {
    let Fresh { areas, _server: mut server, _folder: folder } = fresh().await;
    let area = AreaId::new("a").unwrap();
    let content = || AreaContent { texts: [("a".to_owned(), "1".to_owned())].into(), ..AreaContent::default() };
    let write =
        async || areas.write(tenant(), &area, None, AreaWrite::Create, content(), Duration::from_secs(60)).await;
    write().await.unwrap();
    server.kill();
    let asked = std::time::Instant::now();
    assert!(write().await.is_err());
    assert!(areas.read(tenant(), &area, None).await.is_err());
    assert!(areas.remove(tenant(), &area, None, None).await.is_err());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    drop(folder);
}
