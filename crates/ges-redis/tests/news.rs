//! News of sessions over a real Redis, and without.

use std::time::Duration;

use ges_domain::ports::{Place, Seen, SessionNews};
use ges_harness::{Programs, Redis};
use ges_redis::{RedisSessionNews, Server};
use ges_testkit::CountingIds;
use ges_testkit::builders::{START, other_tenant, tenant};

fn seen(position: u32) -> Seen {
    let place = Place { position: Some(position), ewt: Some(60), answer: r#"{"_position":"3"}"#.into() };
    Seen { at: Some(START), place, reachable: true, diagnostics: None }
}

/// R-POL-1; integrations 8.5: a Redis that is lost is not waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_are_shared_by_tenant_and_lost_with_redis() {
    let folder = ges_harness::run_folder().unwrap();
    let programs = Programs::from_environment().unwrap();
    let redis = Redis::start(&programs.redis, &folder.path().join("redis")).unwrap();
    let server = Server::plain("127.0.0.1", redis.port());
    let (worker, pod) = (RedisSessionNews::start(&server).unwrap(), RedisSessionNews::start(&server).unwrap());
    let id = CountingIds::nth(7);
    let described = Seen { diagnostics: Some("{}".into()), ..seen(4) };
    for _ in 0..100 {
        worker.keep(&[(tenant(), id, described.clone())]).await;
        if pod.of(tenant(), id).await.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    worker.keep(&[(tenant(), id, seen(3))]).await;
    assert_eq!(pod.of(tenant(), id).await, Some(seen(3)));
    assert_eq!(pod.diagnostics(tenant(), id).await.as_deref(), Some("{}"), "they stay until there are newer ones");
    assert_eq!(pod.of(other_tenant(), id).await, None, "I9");
    let many: Vec<_> = (0..600).map(|n| if n == 599 { id } else { CountingIds::nth(1_000 + n) }).collect();
    let news = pod.of_all(tenant(), &many).await;
    assert_eq!((news.len(), news.iter().flatten().count(), news[599].clone()), (600, 1, Some(seen(3))));
    drop(redis);
    let begun = std::time::Instant::now();
    assert_eq!(pod.of(tenant(), id).await, None);
    assert_eq!(pod.of_all(tenant(), &[id, id]).await, [None, None]);
    worker.keep(&[(tenant(), id, seen(2))]).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
