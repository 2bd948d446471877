//! Who monitors what (design section 4), and the hints that wake monitors.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ges_domain::callback::{SessionEnd, SessionUpdate, State};
use ges_domain::ports::{SHARDS, ServiceRef, Shard, ShardLease, Wake, WakeUps};

use super::{Stores, book, hand_over, provision, service_of};
use crate::builders::{START, after, immediate, move_to, scheduled, session, tenant, update};

/// How long a hint may take in a test before it is taken for lost.
const HINT: Duration = Duration::from_secs(10);

async fn hold(stores: &dyn Stores, node: &str) -> BTreeMap<Shard, u64> {
    let held = stores.shards().hold(node).await.unwrap();
    let by_shard: BTreeMap<_, _> = held.iter().map(|lease| (lease.shard, lease.epoch)).collect();
    assert_eq!(by_shard.len(), held.len(), "no shard twice");
    by_shard
}

/// Everything, once, and the same again at the next heartbeat.
pub async fn the_first_node_holds_everything(stores: &dyn Stores) {
    let held = hold(stores, "a").await;
    let all: BTreeSet<Shard> = (0..SHARDS).map(Shard).collect();
    assert_eq!(held.keys().copied().collect::<BTreeSet<_>>(), all);
    assert_eq!(hold(stores, "a").await, held, "a heartbeat keeps its epochs");
}

/// Heartbeat by heartbeat, without ever sharing a shard.
pub async fn two_nodes_share_evenly(stores: &dyn Stores) {
    let before = hold(stores, "a").await;
    assert!(hold(stores, "b").await.is_empty(), "everything is held by somebody alive");
    let a = hold(stores, "a").await;
    assert_eq!(a.len(), 32);
    let b = hold(stores, "b").await;
    assert_eq!(b.len(), 32);
    assert!(a.keys().all(|shard| !b.contains_key(shard)));
    assert!(a.iter().all(|(shard, epoch)| before[shard] == *epoch), "what stays keeps its epoch");
    assert!(b.iter().all(|(shard, epoch)| before[shard] < *epoch), "a new owner, a new epoch");
    assert_eq!((hold(stores, "a").await, hold(stores, "b").await), (a, b), "nothing moves any more");
}

/// Takeover after the lease, by the store's clock (I10).
pub async fn a_silent_node_loses_its_shards(stores: &dyn Stores) {
    hold(stores, "a").await;
    hold(stores, "b").await;
    let dead = hold(stores, "a").await;
    hold(stores, "b").await;
    stores.pass(stores.lease() * 2 / 3).await;
    assert_eq!(hold(stores, "b").await.len(), 32, "not silent for long enough");
    stores.pass(stores.lease() * 2 / 3).await;
    let all = hold(stores, "b").await;
    assert_eq!(all.len(), usize::from(SHARDS));
    assert!(dead.iter().all(|(shard, epoch)| all[shard] > *epoch), "a higher epoch");
}

/// A clean stop hands over without waiting; stopping twice is fine.
pub async fn a_released_shard_is_taken_at_once(stores: &dyn Stores) {
    let a = hold(stores, "a").await;
    stores.shards().release("a").await.unwrap();
    stores.shards().release("a").await.unwrap();
    stores.shards().release("nobody").await.unwrap();
    let b = hold(stores, "b").await;
    assert_eq!(b.len(), usize::from(SHARDS));
    assert!(a.iter().all(|(shard, epoch)| b[shard] > *epoch));
}

/// Many nodes at once: nobody shares, and in the end everything is held.
pub async fn concurrent_heartbeats_never_share_a_shard(stores: &dyn Stores) {
    let nodes = ["a", "b", "c", "d", "e"];
    let mut last: Vec<Vec<ShardLease>> = Vec::new();
    for _ in 0..3 {
        let mut beats = tokio::task::JoinSet::new();
        for node in nodes {
            let shards = stores.shards();
            beats.spawn(async move { shards.hold(node).await.unwrap() });
        }
        last = beats.join_all().await;
    }
    let leases: Vec<ShardLease> = last.into_iter().flatten().collect();
    let distinct: BTreeSet<(Shard, u64)> = leases.iter().map(|lease| (lease.shard, lease.epoch)).collect();
    assert_eq!(distinct.len(), leases.len(), "one owner per epoch");
    let mut held = BTreeSet::new();
    for node in nodes {
        held.extend(hold(stores, node).await.into_keys());
    }
    assert_eq!(held.len(), usize::from(SHARDS), "nothing is left over");
}

/// After a silence longer than the lease nothing of before holds, even if nobody took it.
pub async fn a_node_that_comes_back_late_holds_new_leases(stores: &dyn Stores) {
    let before = hold(stores, "a").await;
    stores.pass(stores.lease() * 4 / 3).await;
    let after = hold(stores, "a").await;
    assert_eq!(after.len(), usize::from(SHARDS));
    assert!(before.iter().all(|(shard, epoch)| after[shard] > *epoch));
}

/// Waits for a hint at this service; others may come before it.
async fn hinted(wakes: &mut dyn WakeUps, wanted: &ServiceRef, at: ges_domain::Instant) {
    let search = async {
        loop {
            match wakes.next().await {
                Wake::Service { service, desired } if service == *wanted && desired == at => return,
                Wake::Everything => return,
                Wake::Service { .. } | Wake::Notices { .. } | Wake::Paused { .. } | Wake::Bulk => {}
            }
        }
    };
    tokio::time::timeout(HINT, search).await.expect("a hint comes");
}

/// R-CRE-1: the booking itself hints, to every subscriber.
pub async fn a_booking_wakes_its_monitor(stores: &dyn Stores) {
    provision(stores).await;
    let (mut one, mut two) = (stores.wake_ups().await, stores.wake_ups().await);
    let booked = book(stores, scheduled(START, after(7200))).await;
    for wakes in [&mut one, &mut two] {
        hinted(&mut **wakes, &service_of(&booked), after(7200)).await;
    }
    let now = book(stores, immediate(after(3)).on("CB_Support")).await;
    hinted(&mut *one, &service_of(&now), after(3)).await;
}

/// What waits anew is hinted at anew.
pub async fn a_move_and_an_unbinding_wake_the_monitor(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, scheduled(START, after(7200))).await;
    let mut wakes = stores.wake_ups().await;
    stores.record().move_booking(tenant(), booked.id, &move_to(after(5400), 5), after(1)).await.unwrap();
    hinted(&mut *wakes, &service_of(&booked), after(5400)).await;
    hand_over(stores, &booked, 2, after(5300)).await;
    let record = stores.record();
    record.apply_session_update(tenant(), booked.id, &update("S1", 1, State::Routing), after(5301)).await.unwrap();
    let mut wakes = stores.wake_ups().await;
    let over =
        SessionUpdate { session: Some(session("S1")), end: Some(SessionEnd::Handover), ..SessionUpdate::default() };
    record.apply_session_update(tenant(), booked.id, &over, after(5302)).await.unwrap();
    hinted(&mut *wakes, &service_of(&booked), after(5400)).await;
}
