//! Bulk jobs under virtual time: pace, turns, deaths (R-BLK-1 to R-BLK-3, I6, P-19).

use std::sync::atomic::Ordering;
use std::time::Duration;

use ges_domain::bulk::{BulkId, Job, Kind, NewJob, Outcome, Selection, Stage};
use ges_domain::callback::{Actor, Callback, Reason, State};
use ges_domain::ports::{BulkJobs as _, Opened, Record as _, Told};
use ges_testkit::CountingIds;
use ges_testkit::builders::{after, claim, ending, scheduled, tenant, update};

use super::world::{Crash, Deaf, Node, World, pass, seconds, settings};

fn id(nth: u64) -> BulkId {
    BulkId(CountingIds::nth(9_000_000 + nth).0)
}

impl World {
    async fn waiting(&self, count: u64) -> Vec<Callback> {
        let mut records = Vec::new();
        for _ in 0..count {
            let at = after(90_000);
            records.push(self.book(scheduled(self.now(), at).slot(claim(at, 100_000)).build()).await);
        }
        records
    }

    async fn open(&self, nth: u64, kind: Kind, records: &[Callback]) -> BulkId {
        let selection = Selection::of(records.iter().map(|record| record.id));
        let job = NewJob { id: id(nth), tenant: tenant(), kind, selection, by: "ada".into(), at: self.now() };
        assert!(matches!(self.store.open_bulk(&job).await.unwrap(), Opened::Job(_)));
        job.id
    }

    async fn job(&self, id: BulkId) -> Job {
        self.store.bulk_job(tenant(), id).await.unwrap().unwrap()
    }

    async fn outcomes(&self, id: BulkId) -> Vec<Outcome> {
        let items = self.store.bulk_items(tenant(), id, 0, 10_000).await.unwrap();
        items.into_iter().filter_map(|item| item.outcome).collect()
    }

    fn changes(&self, record: &Callback) -> usize {
        self.all().into_iter().find(|(row, _)| row.id == record.id).unwrap().1.len()
    }
}

#[tokio::test(start_paused = true)]
async fn a_bulk_cancel_works_off_fifty_a_second_and_tells_how_far_it_is() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    let records = world.waiting(1_000).await;
    seconds(10).await;
    let job = world.open(1, Kind::Cancel, &records).await;
    seconds(10).await;
    let half = world.job(job).await;
    assert!((400..=520).contains(&half.succeeded), "R-BLK-2: {}", half.succeeded);
    assert_eq!(half.stage, Stage::Running);
    seconds(12).await;
    let done = world.job(job).await;
    assert_eq!((done.stage, done.succeeded, done.failed), (Stage::Done, 1_000, 0));
    for record in &records {
        let record = world.record(record.id);
        assert_eq!(record.reason, Some(Reason::CANCELLED_BY_ADMIN), "R-BLK-1");
    }
    let (_, timeline) = world.all().into_iter().find(|(row, _)| row.id == records[0].id).unwrap();
    assert_eq!(timeline.last().unwrap().actor, Actor::Ui("ada".into()), "I8");
}

/// Each record on its own: what refuses says why, the others are done.
#[tokio::test(start_paused = true)]
async fn every_record_has_an_outcome_of_its_own() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    let mut records = world.waiting(5).await;
    let tell = async |record: &Callback, news| {
        world.store.apply_session_update(tenant(), record.id, &news, world.now()).await.unwrap();
    };
    for (nth, record) in records.iter_mut().enumerate().take(3) {
        let sooner = ges_testkit::builders::immediate(world.now()).build();
        *record = world.book(sooner).await;
        tell(record, update(&format!("S{nth}"), 1, State::Queued)).await;
    }
    tell(&records[1], update("S1", 2, State::Processing)).await;
    tell(&records[2], ending("S2", 2, "AGENT_CONNECTED")).await;
    world.sessions.answer(Told::Unreachable);
    let job = world.open(1, Kind::Cancel, &records).await;
    seconds(5).await;
    let failed = |refusal: ges_domain::Refusal| Outcome::Failed { cause: refusal.to_string() };
    let done = Outcome::Succeeded { created: None };
    let expected = [
        done.clone(),
        failed(ges_domain::Refusal::NotCancellable),
        failed(ges_domain::Refusal::AlreadyCompleted),
        done.clone(),
        done,
    ];
    assert_eq!(world.outcomes(job).await, expected);
    let state = |nth: usize| world.record(records[nth].id).state;
    assert_eq!([state(0), state(1), state(2)], [State::Completed, State::Processing, State::Completed]);
}

#[tokio::test(start_paused = true)]
async fn a_bulk_recreate_books_completed_records_again() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    let records = world.waiting(3).await;
    let cancelled = world.open(1, Kind::Cancel, &records[..2]).await;
    seconds(3).await;
    assert_eq!(world.job(cancelled).await.succeeded, 2);
    let job = world.open(2, Kind::Recreate { desired: None }, &records).await;
    seconds(3).await;
    let outcomes = world.outcomes(job).await;
    assert_eq!(outcomes.len(), 3);
    for (old, outcome) in records.iter().zip(&outcomes).take(2) {
        let Outcome::Succeeded { created: Some(new) } = outcome else { panic!("{outcome:?}") };
        let new = world.record(*new);
        assert_eq!((new.particulars.recreated_from, new.phone_key), (Some(old.id), old.phone_key.clone()), "R-REC-10");
        assert_eq!(new.particulars.created_by.as_deref(), Some("ada"));
    }
    assert!(matches!(&outcomes[2], Outcome::Failed { .. }), "R-BLK-3: COMPLETED ones only");
    assert_eq!(node.heard.booked.load(Ordering::SeqCst), 2, "R-CRE-7: counted like any other booking");
}

/// A small job does not wait for a large one to end.
#[tokio::test(start_paused = true)]
async fn jobs_take_turns_and_a_stopped_one_ends() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    let records = world.waiting(520).await;
    seconds(5).await;
    let large = world.open(1, Kind::Cancel, &records[..500]).await;
    seconds(2).await;
    let small = world.open(2, Kind::Cancel, &records[500..]).await;
    seconds(2).await;
    assert_eq!(world.job(small).await.stage, Stage::Done);
    world.store.stop_bulk(tenant(), large, world.now()).await.unwrap();
    pass(Duration::from_millis(500)).await;
    let stopped = world.job(large).await;
    assert!(stopped.stage == Stage::Stopped && stopped.succeeded < 250, "{}", stopped.succeeded);
    seconds(20).await;
    assert_eq!(world.job(large).await, stopped, "nothing follows");
}

/// Whatever call a node dies at: no record without an outcome, and nothing happens twice.
#[tokio::test(start_paused = true)]
async fn a_node_may_die_at_any_call_of_a_bulk_job() {
    for (crash, kind) in [
        (Crash::Before, Kind::Cancel),
        (Crash::After, Kind::Cancel),
        (Crash::Before, Kind::Recreate { desired: None }),
        (Crash::After, Kind::Recreate { desired: None }),
    ] {
        for nth in 1..=40 {
            once_after_death(nth, crash, kind).await;
        }
    }
}

async fn once_after_death(nth: u64, crash: Crash, kind: Kind) {
    let world = World::new().await;
    let node = world.node();
    let (monitor, _stop) = node.start(settings("a"));
    let records = world.waiting(12).await;
    seconds(5).await;
    if matches!(kind, Kind::Recreate { .. }) {
        world.open(7, Kind::Cancel, &records).await;
        seconds(3).await;
    }
    let before = records.iter().map(|record| world.changes(record)).sum::<usize>();
    node.crash_at(nth, crash);
    let job = world.open(1, kind, &records).await;
    seconds(3).await;
    drop(monitor);
    let again = world.node();
    let (_monitor, _stop) = again.start(settings("b"));
    seconds(20).await;
    let done = world.job(job).await;
    assert_eq!((done.stage, done.succeeded, done.failed), (Stage::Done, 12, 0), "{crash:?} {nth} {kind:?}");
    let after = records.iter().map(|record| world.changes(record)).sum::<usize>();
    let (writes, new) = if kind == Kind::Cancel { (12, 0) } else { (0, 12) };
    assert_eq!(after - before, writes, "P-19: {crash:?} {nth} {kind:?}");
    assert_eq!(world.all().len(), 12 + new, "I6: {crash:?} {nth} {kind:?}");
}

/// A store that fails now and then costs tries, not outcomes.
#[tokio::test(start_paused = true)]
async fn a_job_outlives_an_outage_of_the_store() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start(settings("a"));
    let records = world.waiting(30).await;
    seconds(5).await;
    let job = world.open(1, Kind::Cancel, &records).await;
    pass(Duration::from_millis(150)).await;
    world.store.fail_times(12);
    seconds(60).await;
    let done = world.job(job).await;
    assert_eq!((done.stage, done.succeeded), (Stage::Done, 30));
}

fn looks(node: &Node) -> u32 {
    node.calls().get("running_bulk").copied().unwrap_or(0)
}

/// Design 8: at most a look per minute.
#[tokio::test(start_paused = true)]
async fn nothing_but_a_look_every_five_minutes_is_asked_while_no_job_is_open() {
    let world = World::new().await;
    let node = world.node();
    let (_monitor, _stop) = node.start(settings("a"));
    seconds(10).await;
    let before = looks(&node);
    seconds(3_000).await;
    let asked = looks(&node) - before;
    assert!((9..=12).contains(&asked), "{asked}");
    assert_eq!(node.calls().get("pending_bulk"), None);
}

#[tokio::test(start_paused = true)]
async fn a_lost_hint_only_delays_a_job_until_the_next_look() {
    let world = World::new().await;
    let (_monitor, _stop) = world.node().start_hearing(settings("a"), Box::new(Deaf));
    let records = world.waiting(1).await;
    seconds(5).await;
    let job = world.open(1, Kind::Cancel, &records).await;
    seconds(330).await;
    assert_eq!(world.job(job).await.stage, Stage::Done);
}
