//! The stream in a Redis Cluster (integrations 1.2.1), also while its primary goes (8.5, row "Redis primary only").

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ges_domain::ports::{Dispatch, SubmissionStream as _};
use ges_harness::{Programs, RedisCluster, run_folder};
use tokio::task::block_in_place;

use crate::fixture::{dispatches, origin};
use crate::stream_tests::{keeps_entries_whole_and_in_order, on, read, reader, until_alive};
use crate::{RedisSettings, RedisStream, StreamEntry};

/// Nodes hold one for lost after a second and elect within another; the client looks again after five at most.
const FOLLOWED: Duration = Duration::from_secs(20);

struct Servers {
    cluster: RedisCluster,
    _folder: tempfile::TempDir,
}

fn servers(replicas: bool) -> Servers {
    let folder = run_folder().unwrap();
    let program = Programs::from_environment().unwrap().redis;
    Servers { cluster: RedisCluster::start(&program, folder.path(), 3, replicas).unwrap(), _folder: folder }
}

fn entered(port: u16) -> RedisSettings {
    RedisSettings { cluster: true, ..RedisSettings::plain("127.0.0.1", port) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_entered_through_any_node_and_keeps_the_contract() {
    let servers = servers(false);
    for node in servers.cluster.ports() {
        let settings = on(entered(node), &node.to_string());
        let stream = RedisStream::start(&settings, origin()).unwrap();
        until_alive(&stream).await;
        let client = reader(&settings).await;
        keeps_entries_whole_and_in_order(&stream, || read(&client, &settings)).await;
    }
}

/// What the worker does: it gives up a cycle and begins another one with what was not taken for certain.
async fn until_taken(stream: &RedisStream, batch: &[Dispatch], limit: Duration) -> Duration {
    let begun = Instant::now();
    while let Err(error) = stream.submit(batch).await {
        assert!(begun.elapsed() < limit, "nobody takes entries after {limit:?}: {error:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    begun.elapsed()
}

fn keys<'a>(entries: impl IntoIterator<Item = &'a Dispatch>) -> BTreeSet<(ges_domain::CallbackId, u32)> {
    entries.into_iter().map(|one| (one.callback.id, one.attempt)).collect()
}

/// The lost one is the very node that the settings name. Entries may be there twice, under one key (I2).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_primary_is_followed_to_its_replica() {
    let mut servers = servers(true);
    let settings = entered(servers.cluster.owner(crate::DEFAULT_STREAM).unwrap());
    let stream = RedisStream::start(&settings, origin()).unwrap();
    until_alive(&stream).await;
    let batch = dispatches(200);
    stream.submit(&batch[..100]).await.unwrap();
    // What its replica does not have yet is lost with it; the record store writes it again (R-SUB-8).
    block_in_place(|| servers.cluster.await_copied(settings.port)).unwrap();
    block_in_place(|| servers.cluster.kill(settings.port)).unwrap();
    let taken = until_taken(&stream, &batch[100..], FOLLOWED).await;
    println!("entries are taken {:.1} s after the primary was killed", taken.as_secs_f64());
    assert!(stream.probe().await);
    let now = entered(servers.cluster.owner(crate::DEFAULT_STREAM).unwrap());
    assert_ne!(now.port, settings.port);
    let entries = read(&reader(&now).await, &now).await;
    assert_eq!(entries.iter().map(StreamEntry::key).collect::<BTreeSet<_>>(), keys(&batch));
}

/// All commands of a portion are refused with the new node's name, and the next quick try of the same call is taken there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_hands_over_delays_one_call() {
    let servers = servers(true);
    let settings = entered(servers.cluster.owner(crate::DEFAULT_STREAM).unwrap());
    let stream = RedisStream::start(&settings, origin()).unwrap();
    until_alive(&stream).await;
    let batch = dispatches(600);
    stream.submit(&batch[..100]).await.unwrap();
    block_in_place(|| servers.cluster.hand_over(crate::DEFAULT_STREAM)).unwrap();
    stream.submit(&batch[100..]).await.unwrap();
    let entries = read(&reader(&settings).await, &settings).await;
    assert_eq!(
        entries.iter().map(StreamEntry::key).collect::<Vec<_>>(),
        batch.iter().map(|one| (one.callback.id, one.attempt)).collect::<Vec<_>>()
    );
}

/// It closes no connection, and entries come more often than a sign of life is due.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_stands_still_is_left_for_its_replica() {
    let mut servers = servers(true);
    let settings = entered(servers.cluster.owner(crate::DEFAULT_STREAM).unwrap());
    let stream = RedisStream::start(&settings, origin()).unwrap();
    until_alive(&stream).await;
    let batch = dispatches(20);
    stream.submit(&batch[..10]).await.unwrap();
    block_in_place(|| servers.cluster.await_copied(settings.port)).unwrap();
    servers.cluster.freeze(settings.port).unwrap();
    let taken = until_taken(&stream, &batch[10..], Duration::from_secs(14) + FOLLOWED).await;
    println!("entries are taken {:.1} s after the primary stood still", taken.as_secs_f64());
    let now = entered(servers.cluster.next_owner(crate::DEFAULT_STREAM, settings.port, FOLLOWED).unwrap());
    let entries = read(&reader(&now).await, &now).await;
    assert_eq!(entries.iter().map(StreamEntry::key).collect::<BTreeSet<_>>(), keys(&batch));
}
