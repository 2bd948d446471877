//! The wait pulls submission forward (EX-G), and waiting costs nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use ges_domain::wait::Estimate;
use ges_testkit::builders::{after, claim, scheduled, tenant};

use super::world::{Node, World, pass, seconds, settings};

/// Two hours and twenty minutes after the start: 14:20 stands for the 14:00 of the table.
const DESIRED: u64 = 8_400;

/// Seconds after the start that are `before` seconds before the desired time.
fn due(before: u64) -> Duration {
    Duration::from_secs(DESIRED - before)
}

async fn first_written(world: &World) -> Option<Duration> {
    for _ in 0..DESIRED {
        if let Some((.., at)) = world.written().first() {
            return Some(*at);
        }
        seconds(1).await;
    }
    None
}

/// R-SUB-1, R-SUB-2, R-SUB-4.
#[tokio::test(start_paused = true)]
async fn ex_g_submission_times() {
    for (row, estimate, before) in [
        ("G1", Estimate::Known(0), 120),
        ("G2", Estimate::NoCalls, 120),
        ("G3", Estimate::Known(90), 120),
        ("G4", Estimate::Known(5_400), 5_400),
    ] {
        let world = World::new().await;
        world.routers.set(tenant(), "CB_Sales", estimate);
        let (_monitor, _stop) = world.node().start(settings("a"));
        world.book(scheduled(world.now(), after(DESIRED)).build()).await;
        assert_eq!(first_written(&world).await, Some(due(before)), "{row}");
        let entry = &world.ledger.entries()[0];
        let earliest = entry.at.max(after(DESIRED - 180));
        assert_eq!(entry.earliest_dial, earliest, "{row}: R-SUB-4");
    }
}

#[tokio::test(start_paused = true)]
async fn g5_the_wait_counts_four_hours_at_most() {
    let world = World::new().await;
    world.routers.set(tenant(), "CB_Sales", Estimate::Known(20_000));
    let (_monitor, _stop) = world.node().start(settings("a"));
    let desired = 5 * 3_600;
    world.book(scheduled(world.now(), after(desired)).build()).await;
    assert_eq!(first_written(&world).await, Some(Duration::from_secs(desired - 14_400)), "G5");
}

#[tokio::test(start_paused = true)]
async fn g6_a_rising_wait_pulls_submission_forward() {
    let world = World::new().await;
    world.routers.set(tenant(), "CB_Sales", Estimate::Known(3_600));
    let (_monitor, _stop) = world.node().start(settings("a"));
    world.book(scheduled(world.now(), after(DESIRED)).build()).await;
    pass(due(4_800)).await;
    assert!(world.written().is_empty());
    world.routers.set(tenant(), "CB_Sales", Estimate::Known(4_800));
    let at = first_written(&world).await.unwrap();
    assert!(due(4_800) <= at && at <= due(4_800) + Duration::from_secs(15), "G6: {at:?}");
}

#[tokio::test(start_paused = true)]
async fn g7_a_falling_wait_is_seen_before_it_is_too_late() {
    let world = World::new().await;
    world.routers.set(tenant(), "CB_Sales", Estimate::Known(4_800));
    let (_monitor, _stop) = world.node().start(settings("a"));
    world.book(scheduled(world.now(), after(DESIRED)).build()).await;
    pass(due(4_801)).await;
    assert!(world.written().is_empty());
    world.routers.set(tenant(), "CB_Sales", Estimate::Known(600));
    assert_eq!(first_written(&world).await, Some(due(600)), "G7: the wait of the moment decides");
}

#[tokio::test(start_paused = true)]
async fn routers_that_are_down_do_not_delay_what_is_due() {
    let world = World::new().await;
    world.routers.set_down(true);
    let (_monitor, _stop) = world.node().start(settings("a"));
    world.book(scheduled(world.now(), after(DESIRED)).build()).await;
    assert_eq!(first_written(&world).await, Some(due(120)), "G9");
}

#[tokio::test(start_paused = true)]
async fn an_old_wait_is_not_used_for_a_new_booking() {
    let world = World::new().await;
    world.routers.set(tenant(), "CB_Sales", Estimate::Known(3_600));
    let (_monitor, _stop) = world.node().start(settings("a"));
    world.book(scheduled(world.now(), after(3_900)).build()).await;
    seconds(330).await;
    assert_eq!(world.written().len(), 1);
    world.routers.set(tenant(), "CB_Sales", Estimate::Known(0));
    seconds(100).await;
    let new = world.book(scheduled(world.now(), after(2_000)).build()).await;
    seconds(10).await;
    assert_eq!(world.record(new.id).submission.attempts, 0, "the wait has fallen meanwhile");
}

/// Calls made since `before`; the hourly purge, which may fall into any half hour, is looked at here.
fn since(node: &Node, before: &BTreeMap<&'static str, u32>) -> Vec<(&'static str, u32)> {
    let calls = node.calls().into_iter().map(|(name, count)| (name, count - before.get(name).unwrap_or(&0)));
    let (purges, calls): (Vec<_>, Vec<_>) = calls
        .filter(|(_, count)| *count > 0)
        .partition(|(name, _)| matches!(*name, "expiring" | "purge" | "purge_bulk"));
    assert!(purges.iter().all(|(_, count)| *count == 1), "hourly");
    calls
}

#[tokio::test(start_paused = true)]
async fn waiting_callbacks_cost_nothing_but_heartbeat_and_rescan() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(5).await;
    let desired = after(24 * 3_600);
    for _ in 0..3_000 {
        world.book(scheduled(world.now(), desired).slot(claim(desired, 20_000)).build()).await;
    }
    seconds(1).await;
    let before = node.calls();
    let asked = world.routers.asked();
    seconds(30 * 60).await;
    let calls = since(&node, &before);
    let names: Vec<_> = calls.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["agenda", "hold", "running_bulk"], "design 8: {calls:?}");
    assert!(calls[2].1 <= 7, "one look for bulk jobs in five minutes: {calls:?}");
    assert!((30..=34).contains(&calls[0].1), "one rescan a minute: {calls:?}");
    assert!((1_040..=1_250).contains(&calls[1].1), "one heartbeat in 1.6 s: {calls:?}");
    assert_eq!(world.routers.asked(), asked, "nothing comes due within the look-ahead");
    assert!(world.written().is_empty());
}

#[tokio::test(start_paused = true)]
async fn within_the_look_ahead_routers_are_asked_and_the_store_is_not() {
    let world = World::new().await;
    world.routers.set(tenant(), "CB_Sales", Estimate::Known(300));
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    let desired = after(3 * 3_600);
    for _ in 0..1_000 {
        world.book(scheduled(world.now(), desired).slot(claim(desired, 20_000)).build()).await;
    }
    seconds(5).await;
    let (before, asked) = (node.calls(), world.routers.asked());
    seconds(30 * 60).await;
    let calls = since(&node, &before);
    let names: Vec<_> = calls.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["agenda", "hold", "running_bulk", "service"], "{calls:?}");
    assert!(calls[3].1 <= 31, "its settings are read again once a minute: {calls:?}");
    let asked = world.routers.asked() - asked;
    assert!((140..=170).contains(&asked), "about every 11 s, however many wait: {asked}");
}
