//! A primary is lost, stands still, or hands over (integrations 8.5, row "Redis primary only").

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::{JoinSet, block_in_place};

use crate::world::{Servers, TENANTS, Uses, entered, key, tenant};

/// Nodes hold one for lost after a second and elect within another; the client looks again after five at most.
const FOLLOWED: Duration = Duration::from_secs(20);

/// The lost one is the very node that the settings name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_primary_is_followed_to_its_replica() {
    let mut servers = Servers::start(true);
    let first = servers.owner(tenant(0));
    let uses = Uses::of(&entered(first)).await;
    block_in_place(|| servers.cluster.kill(first)).unwrap();
    let took = uses.until_all_work(tenant(0), FOLLOWED).await;
    println!("everything works {:.1} s after the primary was killed", took.as_secs_f64());
    assert_ne!(servers.owner(tenant(0)), first);
    for number in 0..TENANTS {
        uses.until_all_work(tenant(number), FOLLOWED).await;
    }

    // It comes back as a replica of the one that replaced it, and takes over again when that one is lost.
    servers.cluster.start_again(first).unwrap();
    let second = servers.owner(tenant(0));
    let in_sync =
        || servers.cluster.ask(first, "INFO replication").is_ok_and(|said| said.contains("master_link_status:up"));
    for _ in 0..200 {
        if block_in_place(in_sync) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    block_in_place(|| servers.cluster.kill(second)).unwrap();
    uses.until_all_work(tenant(0), FOLLOWED).await;
    assert_eq!(servers.owner(tenant(0)), first);
}

/// It closes no connection and refuses nothing, as a machine that is gone: only its silence tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_stands_still_is_left_for_its_replica() {
    let mut servers = Servers::start(true);
    let first = servers.owner(tenant(0));
    let uses = Uses::of(&entered(first)).await;
    servers.cluster.freeze(first).unwrap();
    // Ten seconds until the next sign of life is due, four without an answer.
    let took = uses.until_all_work(tenant(0), Duration::from_secs(14) + FOLLOWED).await;
    println!("everything works {:.1} s after the primary stood still", took.as_secs_f64());
    // Back again it finds itself replaced, and nobody goes back to it.
    servers.cluster.thaw(first).unwrap();
    for _ in 0..20 {
        uses.area_works(tenant(0)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_ne!(servers.owner(tenant(0)), first);
}

/// A redirection says that the call was not executed: it is followed, and the caller knows nothing of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_hands_over_is_not_missed() {
    let servers = Servers::start(true);
    let first = servers.owner(tenant(0));
    let uses = Arc::new(Uses::of(&entered(first)).await);
    let done = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for _ in 0..4 {
        let (uses, done) = (Arc::clone(&uses), Arc::clone(&done));
        callers.spawn(async move {
            let mut calls = 0;
            while !done.load(Ordering::Relaxed) {
                uses.area_works(tenant(0)).await.unwrap();
                calls += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            calls
        });
    }
    let second = block_in_place(|| servers.cluster.hand_over(&key(tenant(0)))).unwrap();
    assert_ne!(first, second);
    tokio::time::sleep(Duration::from_millis(200)).await;
    done.store(true, Ordering::Relaxed);
    let calls = callers.join_all().await;
    assert!(calls.iter().all(|calls| *calls > 20), "{calls:?}");
}
