//! Who acts where: leases, epochs, takeover, drain (design 4, decision 3).

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ges_domain::CallInId;
use ges_domain::call_in::{Draft, Draws};
use ges_domain::callback::UserData;
use ges_domain::ports::{CallIns, Handover};
use ges_testkit::CountingIds;
use ges_testkit::builders::{after, immediate, scheduled, tenant};

use super::world::{World, seconds, settings};
use crate::MonitorSettings;

#[tokio::test(start_paused = true)]
async fn two_nodes_share_the_services() {
    let world = World::new().await;
    let (a, b) = (world.node(), world.node());
    let (_first, _) = a.start(settings("a"));
    let (_second, _) = b.start(settings("b"));
    seconds(10).await;
    for n in 0..40 {
        world.provision(&format!("S{n}")).await;
        world.book(immediate(world.now()).on(&format!("S{n}")).build()).await;
    }
    seconds(2).await;
    assert_eq!(world.ledger.entries().len(), 40, "each once");
    let written = [&a, &b].map(|node| node.heard.entries.load(Ordering::SeqCst));
    assert!(written.iter().all(|count| *count >= 5), "both work: {written:?}");
}

#[tokio::test(start_paused = true)]
async fn a_killed_node_is_taken_over_within_its_lease() {
    let world = World::new().await;
    let (a, b) = (world.node(), world.node());
    let (first, _) = a.start(settings("a"));
    let (_second, _) = b.start(settings("b"));
    seconds(10).await;
    drop(first);
    let names: Vec<_> = (0..20).map(|n| format!("S{n}")).collect();
    for name in &names {
        world.provision(name).await;
        world.book(immediate(world.now()).on(name).build()).await;
    }
    seconds(7).await;
    assert_eq!(world.ledger.distinct().len(), 20, "5 s of lease and one heartbeat");
}

#[tokio::test(start_paused = true)]
async fn a_drained_node_is_taken_over_at_once_and_leaves_nothing_half_done() {
    let world = World::new().await;
    let (a, b) = (world.node(), world.node());
    let (first, stop) = a.start(settings("a"));
    let (_second, _) = b.start(settings("b"));
    seconds(10).await;
    stop.cancel();
    first.stopped().await;
    assert_eq!(a.calls()["release"], 1);
    let before = a.calls();
    for n in 0..20 {
        world.provision(&format!("S{n}")).await;
        world.book(immediate(world.now()).on(&format!("S{n}")).build()).await;
    }
    seconds(2).await;
    assert_eq!(world.ledger.distinct().len(), 20);
    assert_eq!(a.calls(), before, "a stopped node asks nothing");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_renew_stops_by_its_own_clock() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(10).await;
    node.cut_off.store(true, Ordering::SeqCst);
    seconds(4).await;
    world.book(immediate(world.now()).build()).await;
    seconds(60).await;
    assert!(world.written().is_empty(), "its lease may be somebody else's by now");
    node.cut_off.store(false, Ordering::SeqCst);
    seconds(3).await;
    assert_eq!(world.written().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_old_monitor_that_goes_on_writes_nothing_and_repeats_only_the_same_attempt() {
    let world = World::new().await;
    let (old, new) = (world.node(), world.node());
    // It believes in its lease for an hour and never learns better.
    let stubborn = MonitorSettings { lease: Duration::from_secs(3_600), ..settings("old") };
    let (_first, _) = old.start(stubborn);
    seconds(10).await;
    old.cut_off.store(true, Ordering::SeqCst);
    let (_second, _) = new.start(settings("new"));
    seconds(10).await;
    let mut booked = Vec::new();
    for _ in 0..5 {
        booked.push(world.book(immediate(world.now()).build()).await);
        booked.push(world.book(scheduled(world.now(), after(150)).build()).await);
    }
    seconds(45).await;
    for (record, timeline) in world.all() {
        assert_eq!(World::recorded(&timeline), [(1, 1)].into(), "recorded once: {}", record.id);
    }
    let attempts: BTreeSet<_> = world.ledger.entries().iter().map(|entry| entry.attempt).collect();
    assert_eq!(attempts, [1].into(), "I2");
    assert_eq!(world.ledger.distinct().len(), 10);
    assert!(old.calls().values().sum::<u32>() < 400, "no hot loop: {:?}", old.calls());
}

#[tokio::test(start_paused = true)]
async fn one_node_purges_in_small_batches() {
    let world = World::new().await;
    for _ in 0..25 {
        world.book(immediate(world.now()).build()).await;
    }
    seconds(14 * 24 * 3_600 + 1).await;
    let fresh = world.book(immediate(world.now()).build()).await;
    let (a, b) = (world.node(), world.node());
    let small = |node| MonitorSettings { purge_batch: 10, ..settings(node) };
    let (_first, _) = a.start(small("a"));
    let (_second, _) = b.start(small("b"));
    seconds(180).await;
    assert_eq!(world.all().iter().map(|(record, _)| record.id).collect::<Vec<_>>(), [fresh.id], "R-REC-2");
    let purges = [&a, &b].map(|node| node.calls().get("purge").copied().unwrap_or(0));
    assert_eq!(purges.iter().sum::<u32>(), 3, "10, 10 and 5, by one node: {purges:?}");
    seconds(3_600).await;
    let purges = [&a, &b].map(|node| node.calls().get("purge").copied().unwrap_or(0));
    assert_eq!(purges.iter().sum::<u32>(), 4, "R-EXP-2: hourly");
}

/// R-REC-2, T18.
#[tokio::test(start_paused = true)]
async fn a_session_is_told_before_its_expired_callback_is_deleted() {
    use ges_domain::callback::{Actor, Reason, State};
    use ges_domain::ports::{Record, SessionEvent};
    use ges_testkit::SessionCall;
    let world = World::new().await;
    let late = |row: &mut ges_domain::callback::Callback| row.deadline = after(40 * 24 * 3_600);
    let held = world.book(immediate(world.now()).with(late).build()).await;
    world.book(immediate(world.now()).with(late).build()).await;
    let talks = ges_testkit::builders::update("S1", 1, State::Processing);
    world.store.apply_session_update(tenant(), held.id, &talks, world.now()).await.unwrap();
    seconds(14 * 24 * 3_600 + 1).await;
    let (_monitor, _) = world.node().start(settings("a"));
    seconds(180).await;
    assert!(world.all().is_empty(), "both are gone");
    let event = SessionEvent::Cancel { reason: Reason::EXPIRED, by: Actor::Monitor };
    let told = SessionCall::Told(ges_testkit::builders::session("S1"), held.id, event);
    assert_eq!(world.sessions.calls().iter().filter(|call| **call == told).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn call_in_requests_leave_two_weeks_after_they_were_made() {
    let world = World::new().await;
    let group = ges_testkit::builders::call_in_group("help", &["+15550001"], Some(6));
    world.store.put_group(tenant(), &group).await.unwrap();
    let draft = |nth: u64| Draft {
        id: CallInId(CountingIds::nth(nth).0),
        tenant: tenant(),
        group: group.name.clone(),
        from: None,
        user_data: UserData::default(),
        callback: None,
        draws: Draws { number: 0, code: 0 },
        created_at: world.now(),
        keyed: None,
    };
    let old = draft(1);
    world.store.reserve(old.clone()).await.unwrap();
    seconds(14 * 24 * 3_600 - 7_200).await;
    let young = draft(2);
    world.store.reserve(young.clone()).await.unwrap();
    let (_monitor, _) = world.node().start(settings("a"));
    seconds(3_600).await;
    assert!(world.store.request(tenant(), old.id).await.unwrap().is_some(), "R-CTI-10: not a day too early");
    seconds(2 * 3_600).await;
    assert_eq!(world.store.request(tenant(), old.id).await.unwrap(), None, "R-CTI-10");
    assert!(world.store.request(tenant(), young.id).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn sizes_are_counted_rarely() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(MonitorSettings::of("a"));
    world.book(scheduled(world.now(), after(80_000)).build()).await;
    seconds(150).await;
    let sizes = *node.heard.sizes.lock().unwrap();
    assert_eq!((sizes.scheduled, sizes.active, sizes.submit_retry), (1, 0, 0), "R-SUB-10");
    assert!(node.calls()["sizes"] <= 12, "{:?}", node.calls());
    let _ = world.store.sizes(&[]).await;
}
