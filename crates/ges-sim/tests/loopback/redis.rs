//! The stream in a real Redis: group, redelivery, a server that goes away.

use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{ClientLike as _, StreamsInterface as _};
use fred::types::Value;
use fred::types::config::Config;
use ges_harness::{Programs, Redis};
use ges_sim::{EntrySource as _, RedisSource, Sim};
use serde_json::json;

use crate::world::{FakeGes, entry, settings, swift};

const STREAM: &str = "NewCallbackStream";

async fn connected(url: &str) -> Client {
    let client = Client::new(Config::from_url(url).unwrap(), None, None, None);
    client.init().await.unwrap();
    client
}

async fn write(client: &Client, ges: &str, id: &str) {
    let fields = entry(ges, id, 1, "2100-01-01T00:00:00.000Z", json!({}));
    let _: Value = client.xadd(STREAM, false, None, "*", fields).await.unwrap();
}

async fn pending(client: &Client) -> u64 {
    let summary: Vec<Value> = client.xpending(STREAM, "ors-callback", ()).await.unwrap();
    summary.first().and_then(Value::as_u64).unwrap_or(0)
}

async fn until<F: Future<Output = bool>>(what: &str, so: impl Fn() -> F) {
    for _ in 0..1_000 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came: {what}");
}

#[tokio::test]
async fn entries_of_a_real_stream_are_run_and_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::start(&Programs::from_environment().unwrap().redis, folder.path()).unwrap();
    let client = connected(&redis.url()).await;
    let ges = FakeGes::default();
    let url = ges.start().await;
    write(&client, &url, "before").await;
    let source = RedisSource::connect(&redis.url(), STREAM, "one").await.unwrap();
    let sim = Sim::start(settings(swift()), Some(Arc::new(source))).await.unwrap();
    write(&client, &url, "after").await;
    write(&client, &url, "after").await;
    until("both ended", || async {
        ["before", "after"].iter().all(|id| ges.story(id).last().is_some_and(|state| state == "COMPLETED"))
    })
    .await;
    assert_eq!(ges.story("after").len(), 4, "written twice, run once");
    until("acknowledged", || async { pending(&client).await == 0 }).await;

    let _: Value = client.flushall(false).await.unwrap();
    write(&client, &url, "flushed").await;
    until("run after a flush", || async { ges.story("flushed").last().is_some_and(|state| state == "COMPLETED") })
        .await;
    sim.stop().await;
}

#[tokio::test]
async fn an_entry_that_was_not_acknowledged_stays_with_the_group() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::start(&Programs::from_environment().unwrap().redis, folder.path()).unwrap();
    let client = connected(&redis.url()).await;
    let source = RedisSource::connect(&redis.url(), STREAM, "one").await.unwrap();
    assert_eq!(source.next().await.unwrap(), [], "an empty stream is no error");
    write(&client, "http://127.0.0.1:9/genesys", "a").await;
    let taken = source.next().await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(pending(&client).await, 1);
    assert!(taken[0].fields.contains(&("serviceId".into(), "a".into())));
    source.acknowledge(&taken[0].id).await.unwrap();
    source.acknowledge(&taken[0].id).await.unwrap();
    assert_eq!(pending(&client).await, 0);
}
