//! Bulk jobs: chosen once, an outcome per record, kept for a while (R-BLK-1 to R-BLK-3).

use std::time::Duration;

use ges_domain::bulk::{BulkId, Filter, Item, Job, Kind, MOST, NewJob, Outcome, Selection, Stage};
use ges_domain::callback::{RETENTION, State};
use ges_domain::ports::{Ids as _, Opened, ShardLease, Wake};
use ges_domain::{CallbackId, Instant};

use super::{Stores, book, lease_for, provision};
use crate::CountingIds;
use crate::builders::{START, after, claim, consumer_cancels, immediate, other_tenant, scheduled, service, tenant};

fn new_job(nth: u64, selection: Selection) -> NewJob {
    NewJob { id: job_id(nth), tenant: tenant(), kind: Kind::Cancel, selection, by: "ada".into(), at: START }
}

fn job_id(nth: u64) -> BulkId {
    BulkId(CountingIds::nth(9_000_000 + nth).0)
}

async fn open(stores: &dyn Stores, job: &NewJob) -> Job {
    match stores.bulk().open_bulk(job).await.unwrap() {
        Opened::Job(job) => job,
        Opened::TooMany => panic!("it is not too much"),
    }
}

async fn items(stores: &dyn Stores, id: BulkId) -> Vec<Item> {
    stores.bulk().bulk_items(tenant(), id, 0, MOST).await.unwrap()
}

async fn ids(stores: &dyn Stores, id: BulkId) -> Vec<CallbackId> {
    items(stores, id).await.into_iter().map(|item| item.callback).collect()
}

async fn lease(stores: &dyn Stores) -> ShardLease {
    lease_for(stores, &immediate(START).build().callback).await
}

fn done() -> Outcome {
    Outcome::Succeeded { created: None }
}

/// R-BLK-1 (a): in their order, unknown and foreign ones named and nothing told of them.
pub async fn a_job_takes_the_selected_records(stores: &dyn Stores) {
    provision(stores).await;
    let second = book(stores, scheduled(START, after(7200)).slot(claim(after(7200), 9))).await;
    let first = book(stores, immediate(START).on("CB_Support")).await;
    let foreign = book(stores, immediate(START).tenant(other_tenant())).await;
    let unknown = CountingIds::nth(8_999_999);
    let selection = Selection::of([second.id, unknown, first.id, second.id, foreign.id]);
    let job = open(stores, &new_job(1, selection.clone())).await;
    let expected = Job {
        id: job_id(1),
        tenant: tenant(),
        kind: Kind::Cancel,
        by: "ada".into(),
        created_at: START,
        ended_at: None,
        stage: Stage::Running,
        total: 4,
        succeeded: 0,
        failed: 0,
    };
    assert_eq!(job, expected);
    let item = |position, record: &ges_domain::callback::Callback| Item {
        position,
        callback: record.id,
        service: Some(record.service.clone()),
        phone: Some(record.phone.clone()),
        desired: Some(record.desired_at),
        outcome: None,
    };
    let nothing =
        |position, callback| Item { position, callback, service: None, phone: None, desired: None, outcome: None };
    let found = items(stores, job.id).await;
    assert_eq!(found, [item(1, &second), nothing(2, unknown), item(3, &first), nothing(4, foreign.id)], "I9");
    let page = stores.bulk().bulk_items(tenant(), job.id, 1, 2).await.unwrap();
    assert_eq!(page, found[1..3], "page by page");
    assert_eq!(open(stores, &new_job(1, Selection::of([first.id]))).await, expected, "opened once");
    assert_eq!(items(stores, job.id).await.len(), 4);
    assert_eq!(stores.bulk().bulk_job(other_tenant(), job.id).await.unwrap(), None, "I9");
    assert_eq!(stores.bulk().bulk_items(other_tenant(), job.id, 0, 9).await.unwrap(), [], "I9");
    let recreate = NewJob { kind: Kind::Recreate { desired: Some(after(9)) }, ..new_job(2, selection) };
    assert_eq!(open(stores, &recreate).await.kind, recreate.kind, "R-BLK-3");
}

/// R-BLK-1 (b): the time range is half-open, empty lists take everything, and the order is that of time.
pub async fn a_job_takes_what_its_filter_passes(stores: &dyn Stores) {
    provision(stores).await;
    let mut booked = Vec::new();
    for seconds in [7200, 3600, 9000] {
        booked.push(book(stores, scheduled(START, after(seconds)).slot(claim(after(seconds), 9))).await);
    }
    let support = book(stores, scheduled(START, after(5400)).on("CB_Support").slot(claim(after(5400), 9))).await;
    book(stores, scheduled(START, after(5400)).tenant(other_tenant()).slot(claim(after(5400), 9))).await;
    let [at_7200, at_3600, at_9000] = [booked[0].id, booked[1].id, booked[2].id];
    stores.record().cancel(tenant(), at_9000, &consumer_cancels(), after(1)).await.unwrap();
    let all = Filter { from: START, until: after(9001), states: Vec::new(), services: Vec::new() };
    let scheduled_only = vec![State::Scheduled, State::Processing];
    let rows = [
        (all.clone(), vec![at_3600, support.id, at_7200, at_9000]),
        (Filter { until: after(9000), ..all.clone() }, vec![at_3600, support.id, at_7200]),
        (Filter { from: after(5400), ..all.clone() }, vec![support.id, at_7200, at_9000]),
        (Filter { from: after(5401), ..all.clone() }, vec![at_7200, at_9000]),
        (Filter { states: scheduled_only, ..all.clone() }, vec![at_3600, support.id, at_7200]),
        (Filter { services: vec![service("CB_Support")], ..all.clone() }, vec![support.id]),
        (Filter { services: vec![service("CB_Nobody")], ..all.clone() }, vec![]),
    ];
    for (nth, (filter, expected)) in (10..).zip(rows) {
        let job = open(stores, &new_job(nth, Selection::Filter(filter.clone()))).await;
        assert_eq!(ids(stores, job.id).await, expected, "{filter:?}");
        assert_eq!(usize::try_from(job.total).unwrap(), expected.len());
        let stage = if expected.is_empty() { Stage::Done } else { Stage::Running };
        assert_eq!(job.stage, stage, "a job without records is done");
    }
    let late = NewJob { at: after(3600) + RETENTION, ..new_job(30, Selection::Filter(all)) };
    open(stores, &late).await;
    assert_eq!(ids(stores, late.id).await, [support.id, at_7200, at_9000], "R-REC-2: expired");
}

/// R-BLK-2.
pub async fn a_job_takes_ten_thousand_records_and_no_more(stores: &dyn Stores) {
    let ids = |count| Selection::of((1..=count).map(|nth| CountingIds::nth(5_000_000 + nth)));
    let many = new_job(40, ids(u64::from(MOST) + 1));
    assert_eq!(stores.bulk().open_bulk(&many).await.unwrap(), Opened::TooMany);
    assert_eq!(stores.bulk().bulk_job(tenant(), many.id).await.unwrap(), None, "nothing was written");
    assert_eq!(stores.bulk().bulk_items(tenant(), many.id, 0, 1).await.unwrap(), []);
    assert_eq!(open(stores, &new_job(40, ids(u64::from(MOST)))).await.total, MOST);
}

/// R-BLK-2: an outcome per record, the first one counts, and the last one ends the job.
pub async fn outcomes_are_written_once_and_the_last_ends_the_job(stores: &dyn Stores) {
    let [a, b, c] = [1, 2, 3].map(|nth| CountingIds::nth(5_000_000 + nth));
    let older = NewJob { at: START - Duration::from_secs(1), ..new_job(51, Selection::of([a])) };
    let job = open(stores, &new_job(50, Selection::of([a, b, c]))).await;
    open(stores, &older).await;
    let (bulk, lease) = (stores.bulk(), lease(stores).await);
    let running = async || bulk.running_bulk(lease, 9).await.unwrap().iter().map(|job| job.id).collect::<Vec<_>>();
    let pending = async || {
        let pending = bulk.pending_bulk(job.id, 9).await.unwrap();
        pending.into_iter().map(|one| (one.position, one.callback)).collect::<Vec<_>>()
    };
    assert_eq!(running().await, [older.id, job.id], "the oldest first");
    assert_eq!(bulk.running_bulk(lease, 1).await.unwrap().len(), 1);
    assert_eq!(pending().await, [(1, a), (2, b), (3, c)]);
    let failed = Outcome::Failed { cause: "Callback is COMPLETED".into() };
    let created = Outcome::Succeeded { created: Some(CountingIds::new().callback_id()) };
    bulk.record_bulk(lease, job.id, &[(1, created.clone()), (3, failed.clone())], after(1)).await.unwrap();
    assert_eq!(pending().await, [(2, b)]);
    let stale = ShardLease { epoch: lease.epoch + 1, ..lease };
    assert_eq!(bulk.running_bulk(stale, 9).await.unwrap(), [], "whoever lost the shard works on nothing");
    bulk.record_bulk(stale, job.id, &[(2, done())], after(2)).await.unwrap();
    assert_eq!(pending().await, [(2, b)], "a stale lease changes nothing");
    bulk.record_bulk(lease, job.id, &[(1, failed.clone()), (2, done())], after(3)).await.unwrap();
    let outcomes: Vec<_> = items(stores, job.id).await.into_iter().map(|item| item.outcome.unwrap()).collect();
    assert_eq!(outcomes, [created, done(), failed], "the first one counts");
    let ended = bulk.bulk_job(tenant(), job.id).await.unwrap().unwrap();
    assert_eq!((ended.stage, ended.ended_at), (Stage::Done, Some(after(3))));
    assert_eq!((ended.succeeded, ended.failed), (2, 1));
    assert_eq!(running().await, [older.id]);
    bulk.record_bulk(lease, job.id, &[], after(9)).await.unwrap();
    assert_eq!(bulk.stop_bulk(tenant(), job.id, after(9)).await.unwrap(), Some(ended), "over is over");
}

/// What had no outcome stays without; what was under way is still written down.
pub async fn a_stopped_job_ends_at_once(stores: &dyn Stores) {
    let [a, b] = [1, 2].map(|nth| CountingIds::nth(5_000_000 + nth));
    let job = open(stores, &new_job(60, Selection::of([a, b]))).await;
    let (bulk, lease) = (stores.bulk(), lease(stores).await);
    assert_eq!(bulk.stop_bulk(other_tenant(), job.id, after(1)).await.unwrap(), None, "I9");
    let stopped = bulk.stop_bulk(tenant(), job.id, after(1)).await.unwrap().unwrap();
    assert_eq!((stopped.stage, stopped.ended_at), (Stage::Stopped, Some(after(1))));
    assert_eq!(bulk.running_bulk(lease, 9).await.unwrap(), []);
    bulk.record_bulk(lease, job.id, &[(1, done())], after(2)).await.unwrap();
    let now = bulk.bulk_job(tenant(), job.id).await.unwrap().unwrap();
    assert_eq!(now, Job { succeeded: 1, ..stopped });
    assert_eq!(items(stores, job.id).await.iter().filter(|item| item.outcome.is_none()).count(), 1);
}

/// Kept like records, then gone with everything they say about people.
pub async fn old_jobs_are_purged_oldest_first(stores: &dyn Stores) {
    let at = |nth, at: Instant| NewJob { at, ..new_job(nth, Selection::of([CountingIds::nth(5_000_000)])) };
    for job in [at(70, after(2)), at(71, START), at(72, after(1))] {
        open(stores, &job).await;
    }
    assert_eq!(stores.bulk().purge_bulk(after(2), 1).await.unwrap(), 1);
    assert_eq!(stores.bulk().bulk_job(tenant(), job_id(71)).await.unwrap(), None);
    assert_eq!(items(stores, job_id(71)).await, []);
    assert_eq!(stores.bulk().purge_bulk(after(2), 9).await.unwrap(), 1);
    assert_eq!(stores.bulk().purge_bulk(after(2), 9).await.unwrap(), 0, "before, not at");
    assert_eq!(items(stores, job_id(70)).await.len(), 1);
}

/// The hint that lets a worker begin at once.
pub async fn opening_a_job_wakes_the_monitor(stores: &dyn Stores) {
    let mut wakes = stores.wake_ups().await;
    open(stores, &new_job(80, Selection::of([CountingIds::nth(5_000_000)]))).await;
    let search = async { while wakes.next().await != Wake::Bulk {} };
    tokio::time::timeout(Duration::from_secs(5), search).await.expect("a hint comes");
}
