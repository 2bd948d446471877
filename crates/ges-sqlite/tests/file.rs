//! What only a file can show: damage, group commit, closing, and kill -9.

#![expect(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ges_domain::CallbackId;
use ges_domain::booking::Booked;
use ges_domain::ports::{Bookings, Catalogue, Handover, Publishing, Record, Shards, StoreError};
use ges_domain::publishing::{Publish, Published, Standing};
use ges_sqlite::SqliteStore;
use ges_testkit::builders::{
    START, after, claim, consumer_cancels, immediate, scheduled, service, service_row, tenant,
};
use ges_testkit::{CountingIds, assert_consistent};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

const LEASE: Duration = Duration::from_secs(5);
/// Names the file for the child that is killed; without it the child's test has nothing to do.
const VICTIM: &str = "GES_TEST_VICTIM_FILE";

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, LEASE).await.unwrap()
}

async fn provisioned(path: &Path) -> SqliteStore {
    let store = open(path).await;
    store.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
    store
}

async fn damage(path: &Path, statement: &'static str) {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// P-5 with many more callers than places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_bookings_of_ten_places_make_exactly_ten() {
    let folder = tempfile::tempdir().unwrap();
    let store = provisioned(&folder.path().join("ges.db")).await;
    let at = after(7200);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..1000 {
        let (store, number) = (store.clone(), format!("+1650{n:07}"));
        tasks.spawn(async move {
            let booking = scheduled(START, at).slot(claim(at, 10)).number(&number).build();
            store.book(booking).await.unwrap()
        });
    }
    let accepted = tasks.join_all().await.into_iter().filter(|verdict| matches!(verdict, Booked::Accepted(_)));
    assert_eq!(accepted.count(), 10);
}

/// A caller that goes away does not stop what it asked for, and leaves nothing half-open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_caller_leaves_no_half_open_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = provisioned(&folder.path().join("ges.db")).await;
    let mut ids = Vec::new();
    for n in 0..50_u64 {
        let booking = immediate(START).build();
        ids.push(booking.callback.id);
        let work = store.book(booking);
        let _ = tokio::time::timeout(Duration::from_micros(n * 20), work).await;
    }
    let last = immediate(START).build();
    ids.push(last.callback.id);
    store.book(last).await.unwrap();
    for id in ids {
        let found = store.find(tenant(), id, START).await.unwrap();
        let timeline = store.timeline(tenant(), id).await.unwrap();
        match found {
            Some(record) => assert_consistent(&record, &timeline),
            None => assert_eq!(timeline, []),
        }
    }
}

/// Everything is there after a clean stop, and a closed store says so.
#[tokio::test]
async fn a_closed_store_answers_unavailable_and_its_file_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ges.db");
    let store = provisioned(&path).await;
    let Booked::Accepted(booked) = store.book(immediate(START).build()).await.unwrap() else { panic!() };
    assert_eq!(store.hold("before").await.unwrap().len(), 64);
    store.close().await;
    let refused = store.book(immediate(START).build()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let again = open(&path).await;
    assert_eq!(again.find(tenant(), booked.id, START).await.unwrap(), Some(*booked));
    assert_eq!(again.hold("after").await.unwrap().len(), 64, "whoever monitored before is gone");
}

/// R-BH-8 is about hours only: anything else that does not read back is named by its table.
#[tokio::test]
async fn a_row_that_does_not_read_back_names_its_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ges.db");
    let store = provisioned(&path).await;
    let Booked::Accepted(booked) = store.book(immediate(START).build()).await.unwrap() else { panic!() };
    let table = |error: StoreError| match error {
        StoreError::Unreadable { table, .. } => table,
        other => panic!("{other:?}"),
    };
    damage(&path, "update callbacks set state = 9").await;
    assert_eq!(table(store.find(tenant(), booked.id, START).await.unwrap_err()), "callbacks");
    let cancelled = store.cancel(tenant(), booked.id, &consumer_cancels(), START).await;
    assert_eq!(table(cancelled.unwrap_err()), "callbacks");
    damage(&path, "update callbacks set state = 5").await;
    assert_eq!(table(store.find(tenant(), booked.id, START).await.unwrap_err()), "callbacks", "no reason");
    damage(&path, "update callback_events set event = '[1]'").await;
    assert_eq!(table(store.timeline(tenant(), booked.id).await.unwrap_err()), "callback_events");
    damage(&path, "update services set settings = 'x'").await;
    assert_eq!(table(store.service(tenant(), &service("CB_Sales")).await.unwrap_err()), "services");
    assert!(matches!(store.book(immediate(START).build()).await.unwrap(), Booked::Accepted(_)), "others go on");
    assert_eq!(store.purge(after(9000), 10).await.unwrap(), 2, "damage does not stay for ever");
}

/// A taken id breaks its own booking, not the others of its transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_id_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = provisioned(&folder.path().join("ges.db")).await;
    let twin = CountingIds::nth(1 << 44);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (store, draft) = (store.clone(), immediate(START));
        let draft = if n % 20 == 0 { draft.id(twin) } else { draft };
        tasks.spawn(async move { store.book(draft.build()).await });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Ok(Booked::Accepted(_)))).count(), 39);
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Err(StoreError::Unavailable(_)))).count(), 1);
}

/// Costs what the budget allows: at most 6 MB per 10,000 bookings, timeline included (design section 8).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_bookings_stay_within_their_share_of_storage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ges.db");
    let store = provisioned(&path).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..2000_u64 {
        let (store, at) = (store.clone(), after(7200 + 900 * (n % 400)));
        let draft = scheduled(START + Duration::from_millis(n), at).number(&format!("+1650{n:07}"));
        // The routers have told how the queue was.
        let draft = draft.with(|callback| {
            let particulars = &mut callback.particulars;
            (particulars.ewt_at_creation, particulars.position_at_creation) = (Some(240), Some(12));
        });
        tasks.spawn(async move { store.book(draft.build()).await.unwrap() });
    }
    tasks.join_all().await;
    store.close().await;
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert!(bytes < 1_200_000, "{bytes} bytes");
}

/// The child of the test below: books until it is killed and tells each booking it got an answer for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    #[expect(clippy::disallowed_methods, reason = "the parent test names the file to its child process")]
    let Ok(path) = std::env::var(VICTIM) else { return };
    let store = open(Path::new(&path)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..8_u64 {
        let store = store.clone();
        tasks.spawn(async move {
            for n in 0.. {
                let number = (u64::from(std::process::id()) << 32) + (lane << 24) + n;
                let at = after(7200 + 60 * (n % 60));
                let booking = scheduled(START, at).id(CountingIds::nth(number)).slot(claim(at, 1_000_000)).build();
                let Booked::Accepted(booked) = store.book(booking).await.unwrap() else { panic!("refused") };
                if n % 3 == 0 {
                    store.cancel(tenant(), booked.id, &consumer_cancels(), after(1)).await.unwrap();
                }
                let cancelled = if n % 3 == 0 { "cancelled" } else { "booked" };
                writeln!(std::io::stdout().lock(), "ACK {} {cancelled}", booked.id).unwrap();
            }
        });
    }
    tasks.join_all().await;
}

/// I1: whatever was answered is there after kill -9, four times in a row on the same file.
#[tokio::test]
async fn every_answered_booking_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ges.db");
    provisioned(&path).await.close().await;
    let mut answered: Vec<(CallbackId, bool)> = Vec::new();
    for round in 1..=4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim", "--nocapture"])
            .env(VICTIM, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut seen = 0;
        for line in lines {
            // The test runner's own words may stand before the first one.
            let Some((_, told)) = line.split_once("ACK ") else { continue };
            let (id, what) = told.split_once(' ').unwrap();
            answered.push((id.parse().unwrap(), what == "cancelled"));
            seen += 1;
            if seen == 100 * round {
                // On Unix this is SIGKILL. What stands in the pipe by then was answered as well and is read on.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= 100 * round, "round {round}: {seen} answers");
    }
    let store = open(&path).await;
    let mut counted = ges_domain::capacity::Usage::default();
    for (id, cancelled) in &answered {
        let record = store.find(tenant(), *id, START).await.unwrap().expect("I1: answered and gone");
        assert_consistent(&record, &store.timeline(tenant(), *id).await.unwrap());
        assert_eq!(!record.state.is_open(), *cancelled);
    }
    let sales = service("CB_Sales");
    let lease = store.hold("a").await.unwrap();
    let shard = ges_domain::ports::ServiceRef { tenant: tenant(), name: sales.clone() };
    let lease = lease.into_iter().find(|lease| lease.shard == shard.shard()).unwrap();
    for record in store.due(lease, &shard, after(90_000), 1_000_000).await.unwrap() {
        assert_consistent(&record, &store.timeline(tenant(), record.id).await.unwrap());
        counted.add(record.desired_at, 1);
    }
    let usage = store.usage(tenant(), &sales, START, after(90_000)).await.unwrap();
    assert_eq!(usage, counted, "P-4: places and records were written together");
}

#[tokio::test]
async fn durable_writes_are_told_in_order_with_where_the_record_stood() {
    use ges_domain::callback::State;
    let folder = tempfile::tempdir().unwrap();
    let store = provisioned(&folder.path().join("ges.db")).await;
    let mut changes = store.changes();
    let booking = scheduled(START, after(7200)).slot(claim(after(7200), 5)).build();
    let id = booking.callback.id;
    store.book(booking).await.unwrap();
    store.cancel(tenant(), id, &consumer_cancels(), START).await.unwrap();
    store.cancel(tenant(), id, &consumer_cancels(), START).await.unwrap();
    let told: Vec<_> =
        std::iter::from_fn(|| changes.try_recv().ok()).map(|told| (told.id, told.before, told.after)).collect();
    assert_eq!(told, [(id, None, State::Scheduled), (id, Some(State::Scheduled), State::Completed)]);
    store.close().await;
}

#[tokio::test]
async fn only_open_records_with_a_session_are_held_and_pages_follow_each_other() {
    use ges_domain::callback::State;
    use ges_domain::ports::{CancelAnswer, HeldRecords as _};
    use ges_testkit::builders::{consumer_cancels, ending, session, update};
    let folder = tempfile::tempdir().unwrap();
    let store = provisioned(&folder.path().join("ges.db")).await;
    let mut ids = Vec::new();
    for n in 0..4 {
        let booking = immediate(START).number(&format!("+1510555010{n}")).build();
        ids.push(booking.callback.id);
        store.book(booking).await.unwrap();
    }
    ids.sort();
    for id in &ids[..3] {
        let told = update(&format!("S-{id}"), 1, State::Routing);
        store.apply_session_update(tenant(), *id, &told, START).await.unwrap();
    }
    let over = ending(&format!("S-{}", ids[1]), 2, "AGENT_CONNECTED");
    store.apply_session_update(tenant(), ids[1], &over, START).await.unwrap();
    let page = |after| {
        let store = store.clone();
        async move { store.held(after, 1, START).await.unwrap().into_iter().map(|record| record.id).collect::<Vec<_>>() }
    };
    assert_eq!(page(None).await, [ids[0]]);
    assert_eq!(page(Some(ids[0])).await, [ids[2]], "one is over, one has no session");
    assert!(page(Some(ids[2])).await.is_empty());
    let (cancels, asked) = (consumer_cancels(), session(&format!("S-{}", ids[2])));
    store.cancel(tenant(), ids[2], &cancels, START).await.unwrap();
    store.settle_cancel(tenant(), ids[2], &asked, CancelAnswer::NoAnswer, &cancels, START).await.unwrap();
    assert_eq!(page(Some(ids[0])).await, [ids[2]], "its session has not heard of the cancel (R-CAN-2)");
    let deadline = store.find(tenant(), ids[2], START).await.unwrap().unwrap().deadline;
    assert!(store.held(Some(ids[0]), 1, deadline).await.unwrap().is_empty(), "until the deadline");
    store.settle_cancel(tenant(), ids[2], &asked, CancelAnswer::Gone, &cancels, START).await.unwrap();
    assert!(page(Some(ids[0])).await.is_empty(), "and not when it is gone");
    store.close().await;
}

/// Integrations 5.5: a publish that dies at its last service has written nothing.
#[tokio::test]
async fn a_publish_that_dies_half_way_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ges.db");
    let store = provisioned(&path).await;
    damage(
        &path,
        "create trigger dies before insert on services when new.name = 'CB_Dies' begin select raise(abort, 'dies'); end",
    )
    .await;
    let publish = |name: &str| {
        let cells = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, cell)| ((*key).into(), (*cell).into())).collect();
        let row = cells(&[("_service", "callback"), ("_application", "App"), ("_route_point", "1")]);
        let office = cells(&[("_service", "office-hours"), ("_timezone", "UTC"), ("_bh_regular1", "Mon 09:00-17:00")]);
        let sections = [(format!("service.{name}"), row), ("service.BH".to_owned(), office)];
        Publish::changes(START, sections.into(), Vec::new())
    };
    store.publish(tenant(), &publish("CB_Dies")).await.unwrap_err();
    assert_eq!(store.standing(tenant()).await.unwrap(), Standing::default());
    assert!(store.hours(tenant(), "BH").await.unwrap().is_none());
    assert!(matches!(store.publish(tenant(), &publish("CB_Lives")).await.unwrap(), Published::Applied(_)));
}
