//! Lateness and cost under load, counted.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ges_testkit::builders::immediate;

use super::world::{World, pass, seconds, settings};

#[tokio::test(start_paused = true)]
async fn an_immediate_callback_costs_four_calls() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(30).await;
    let before = node.calls();
    world.book(immediate(world.now()).build()).await;
    pass(Duration::from_millis(900)).await;
    let cost: u32 = ["service", "due", "submit", "record_handed", "agenda", "timers"]
        .map(|name| node.calls().get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0))
        .iter()
        .sum();
    assert!(cost <= 5, "service, due, submit, record_handed and at most one agenda: {cost}");
}

#[tokio::test(start_paused = true)]
async fn a_steady_flow_is_never_late() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(5).await;
    for _ in 0..500 {
        world.book(immediate(world.now()).build()).await;
        pass(Duration::from_millis(5)).await;
    }
    pass(Duration::from_millis(10)).await;
    let entries = world.ledger.entries();
    assert_eq!(entries.len(), 500);
    let latest = entries.iter().map(|entry| entry.at.since(entry.callback.created_at)).max().unwrap();
    assert!(latest <= Duration::from_millis(2), "virtual time stands while we work: {latest:?}");
    assert_eq!(node.heard.lagging.load(Ordering::SeqCst), 0);
}
