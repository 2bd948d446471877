//! Submitting: at once, in order, through pauses and removals (R-SUB-3, R-SUB-7, R-SUB-9, R-PUB-6).

use std::sync::atomic::Ordering;
use std::time::Duration;

use ges_domain::callback::{Reason, State};
use ges_domain::ports::Catalogue;
use ges_testkit::Fault;
use ges_testkit::builders::{after, claim, immediate, scheduled, service, tenant};

use super::world::{Deaf, World, sales, seconds, settings};

#[tokio::test(start_paused = true)]
async fn immediate_reaches_the_stream_at_once_after_a_wake_up() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    seconds(20).await;
    let booked = world.book(immediate(world.now()).build()).await;
    seconds(1).await;
    assert_eq!(world.written(), [(booked.id, 1, Duration::from_secs(20))]);
    let record = world.record(booked.id);
    assert_eq!((record.state, record.submission.attempts), (State::Queued, 1));
    assert_eq!(record.submission.submitted_at, Some(after(20)));
}

#[tokio::test(start_paused = true)]
async fn a_lost_wake_up_only_delays_until_the_next_rescan() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start_hearing(settings("a"), Box::new(Deaf));
    seconds(5).await;
    let booked = world.book(immediate(world.now()).build()).await;
    seconds(1).await;
    assert!(world.written().is_empty(), "nobody told the monitor");
    seconds(60).await;
    assert_eq!(world.written().len(), 1);
    assert_eq!(world.record(booked.id).submission.attempts, 1);
}

/// R-TYP-3: an immediate one joins the queue whatever its desired time, and whoever waits behind it is not forgotten.
#[tokio::test(start_paused = true)]
async fn one_that_goes_before_its_time_does_not_hide_the_next() {
    let world = World::new().await;
    let next = world.book(scheduled(world.now(), after(150)).slot(claim(after(150), 10)).build()).await;
    let later = |record: &mut ges_domain::callback::Callback| record.desired_at = after(140);
    let early = world.book(immediate(world.now()).with(later).build()).await;
    let now = world.book(immediate(world.now()).build()).await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(29).await;
    let ids = || world.written().iter().map(|(id, ..)| *id).collect::<Vec<_>>();
    assert_eq!(ids(), [now.id, early.id]);
    seconds(2).await;
    assert_eq!(ids(), [now.id, early.id, next.id], "120 s before its time, not at the next rescan");
}

#[tokio::test(start_paused = true)]
async fn records_of_one_instant_go_in_the_order_of_the_rule() {
    let world = World::new().await;
    let desired = after(600);
    let mut expected = Vec::new();
    for n in 0..2_000_i32 {
        let draft = scheduled(world.now(), desired).slot(claim(desired, 5_000));
        expected.push(world.book(draft.priority((n * 7_919) % 13).build()).await);
    }
    expected.sort_by_key(ges_domain::callback::Callback::order);
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(479).await;
    assert!(world.written().is_empty(), "never before the desired time minus the lead");
    seconds(2).await;
    let order: Vec<_> = world.written().iter().map(|(id, ..)| *id).collect();
    assert_eq!(order, expected.iter().map(|record| record.id).collect::<Vec<_>>(), "R-SUB-3, I7");
    assert!(world.written().iter().all(|(.., at)| *at == Duration::from_secs(480)));
    assert_eq!((node.calls()["due"], node.calls()["submit"]), (5, 8), "pages of 500, portions of 250");
    assert_eq!(node.heard.entries.load(Ordering::SeqCst), 2_000);
    assert_eq!(node.heard.lagging.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn m10_failed_cycles_are_repeated_on_schedule_and_nothing_is_lost() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(10).await;
    world.ledger.fail(Fault::BeforeWrite);
    let booked = world.book(immediate(world.now()).build()).await;
    let mut cycles = Vec::new();
    for second in 0..70 {
        if second == 35 {
            world.ledger.heal();
        }
        let before = world.ledger.calls();
        seconds(1).await;
        if world.ledger.calls() > before {
            cycles.push(second);
        }
        if second < 35 {
            let record = world.record(booked.id);
            assert_eq!((record.state, record.submission.submitted_at), (State::Queued, None), "state unchanged");
        }
    }
    assert_eq!(cycles, [0, 1, 3, 7, 15, 31, 61], "M10");
    assert_eq!(node.heard.submit_failed.load(Ordering::SeqCst), 6, "M10: CB_SUBMIT_FAILED");
    assert_eq!(world.written(), [(booked.id, 1, Duration::from_secs(71))]);
    assert_eq!(world.record(booked.id).submission.attempts, 1);
    assert_eq!(node.heard.lagging.load(Ordering::SeqCst), 1, "handled a minute late");
}

#[tokio::test(start_paused = true)]
async fn the_stream_fails_as_one_and_new_bookings_do_not_hurry_it() {
    let world = World::new().await;
    for n in 0..20 {
        world.provision(&format!("S{n}")).await;
    }
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(10).await;
    world.ledger.fail(Fault::BeforeWrite);
    for n in 0..20 {
        world.book(immediate(world.now()).on(&format!("S{n}")).build()).await;
        seconds(1).await;
    }
    seconds(8).await;
    assert_eq!(node.heard.submit_failed.load(Ordering::SeqCst), 5, "cycles at 0, 1, 3, 7 and 15 s, whoever waits");
    world.ledger.heal();
    seconds(10).await;
    assert_eq!(world.ledger.distinct().len(), 20, "I1");
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_was_written_without_our_knowing_is_the_same_attempt_again() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    seconds(10).await;
    world.ledger.fail_times(Fault::AfterWrite, 1);
    let booked = world.book(immediate(world.now()).build()).await;
    seconds(5).await;
    assert_eq!(world.ledger.entries().len(), 2);
    assert_eq!(world.ledger.distinct(), [(booked.id, 1)], "I2");
}

#[tokio::test(start_paused = true)]
async fn a_paused_service_submits_nothing_and_resumes_in_order() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    world.pause(true).await;
    let late = world.book(scheduled(world.now(), after(300)).build()).await;
    let early = world.book(scheduled(world.now(), after(240)).build()).await;
    let brief = world.book(scheduled(world.now(), after(250)).with(|row| row.deadline = after(310)).build()).await;
    seconds(330).await;
    assert!(world.written().is_empty(), "R-SUB-9");
    assert_eq!(world.reason(brief.id), Some(Reason::FAIL_TIMEOUT_TTL), "deadlines still apply");
    world.pause(false).await;
    seconds(1).await;
    assert_eq!(world.ledger.distinct(), [(early.id, 1), (late.id, 1)], "R-SUB-9, R-SUB-3");
    assert_eq!(node.heard.lagging.load(Ordering::SeqCst), 0, "a pause is no lag");
}

#[tokio::test(start_paused = true)]
async fn what_becomes_due_in_a_removed_service_ends_and_not_before() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    let booked = world.book(scheduled(world.now(), after(600)).build()).await;
    world.store.remove_service(tenant(), &sales()).await.unwrap();
    seconds(470).await;
    assert_eq!(world.record(booked.id).state, State::Scheduled, "readable and cancellable until it is due");
    seconds(15).await;
    assert_eq!(world.reason(booked.id), Some(Reason::SERVICE_REMOVED), "R-PUB-6");
    assert!(world.written().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_the_entry_is_written_wins() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    seconds(10).await;
    world.ledger.fail_times(Fault::AfterWrite, 1);
    let booked = world.book(immediate(world.now()).build()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let wish = ges_testkit::builders::consumer_cancels();
    ges_domain::ports::Record::cancel(&world.store, tenant(), booked.id, &wish, world.now()).await.unwrap();
    seconds(200).await;
    assert_eq!(world.ledger.entries().len(), 1, "I5: no later dispatch");
    assert_eq!(world.reason(booked.id), Some(Reason::CANCELLED));
}

#[tokio::test(start_paused = true)]
async fn many_services_are_served_and_a_panic_of_one_does_not_stop_the_others() {
    let world = World::new().await;
    let node = world.node();
    *node.panic_for.lock().unwrap() = Some(service("S3"));
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(5).await;
    for n in 0..10 {
        world.provision(&format!("S{n}")).await;
        world.book(immediate(world.now()).on(&format!("S{n}")).build()).await;
    }
    seconds(5).await;
    assert_eq!(world.ledger.distinct().len(), 9);
    assert_eq!(node.heard.panics.load(Ordering::SeqCst), 1, "caught and counted");
    *node.panic_for.lock().unwrap() = None;
    seconds(61).await;
    let first = world.ledger.distinct().iter().filter(|(_, attempt)| *attempt == 1).count();
    assert_eq!(first, 10, "it was not forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_asked_again_and_nothing_is_lost() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(10).await;
    let booked = world.book(immediate(world.now()).build()).await;
    world.store.fail_times(3);
    seconds(10).await;
    assert_eq!(world.ledger.distinct(), [(booked.id, 1)]);
    assert!(node.calls()["due"] < 10, "no hot loop: {:?}", node.calls());
}

/// Assigns a rule that permits British numbers alone.
async fn permit_british_numbers_alone(world: &World) {
    let rule = ges_testkit::builders::number_rule("Home", &["GB"]);
    world.store.put_number_rule(tenant(), &rule).await.unwrap();
    let mut row = ges_testkit::builders::service_row("CB_Sales");
    row.number_rule = Some("Home".into());
    world.store.put_service(tenant(), &row).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn k15_a_number_that_was_blocked_after_booking_is_not_submitted() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    let american = world.book(scheduled(world.now(), after(600)).build()).await;
    let british = world.book(scheduled(world.now(), after(600)).number("+442079460958").build()).await;
    permit_british_numbers_alone(&world).await;
    seconds(400).await;
    assert_eq!(world.record(american.id).state, State::Scheduled, "R-SUB-6: when it is due, not before");
    seconds(100).await;
    assert_eq!(world.reason(american.id), Some(Reason::BLOCKED_BY_NUMBER_RULE), "EX-K K15, R-NV-12, T15");
    assert_eq!(world.written().iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [british.id]);
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_attempt_is_not_repeated_for_a_number_that_is_blocked_by_now() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    let booked = world.book(immediate(world.now()).build()).await;
    seconds(5).await;
    assert_eq!(world.written().len(), 1);
    permit_british_numbers_alone(&world).await;
    seconds(130).await;
    assert_eq!(world.reason(booked.id), Some(Reason::BLOCKED_BY_NUMBER_RULE), "R-SUB-6");
    assert_eq!(world.written().len(), 1);
}

/// The promises are looked at in passing: a store that gives records in the wrong order is found by the running monitor, and
/// an operator sees it.
#[tokio::test(start_paused = true)]
async fn a_broken_promise_is_counted_while_the_service_runs() {
    use crate::MonitorGauges as _;
    for backwards in [false, true] {
        let world = World::new().await;
        let desired = after(600);
        for _ in 0..3 {
            world.book(scheduled(world.now(), desired).slot(claim(desired, 10)).build()).await;
        }
        let node = world.node();
        node.backwards.store(backwards, Ordering::SeqCst);
        let (_monitor, _stop) = node.start(settings("a"));
        seconds(500).await;
        assert_eq!(world.written().len(), 3, "what is found stops nobody");
        let metrics = ges_telemetry::Metrics::new(
            &ges_telemetry::Identity { version: "1".into(), host: "h".into(), zone_data: String::new() },
            false,
        );
        for look in node.heard.looks.lock().unwrap().iter() {
            metrics.looked(look);
        }
        let page = metrics.render();
        let sample = |name: &str| page.lines().any(|line| line == name);
        assert!(sample(r#"ges_invariant_checks_total{invariant="I7"} 3"#), "{page}");
        let found = if backwards { 2 } else { 0 };
        assert!(sample(&format!(r#"ges_invariant_violations_total{{invariant="I7"}} {found}"#)), "{page}");
        assert!(sample(r#"ges_invariant_violations_total{invariant="I2"} 0"#), "{page}");
    }
}

/// A write under a lease that somebody else has by now comes to nothing and is counted.
#[tokio::test(start_paused = true)]
async fn a_write_the_record_refuses_is_counted() {
    use ges_domain::ports::Shards as _;
    let world = World::new().await;
    let node = world.node();
    *node.submit_takes.lock().unwrap() = Duration::from_secs(2);
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(1).await;
    world.book(immediate(world.now()).build()).await;
    seconds(1).await;
    world.store.release("a").await.unwrap();
    world.store.hold("b").await.unwrap();
    seconds(2).await;
    assert_eq!(node.heard.refused.load(Ordering::SeqCst), 1);
}
