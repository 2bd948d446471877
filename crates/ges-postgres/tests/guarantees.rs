//! What PostgreSQL adds to the contract: several processes, group commit, cost per booking, transactions that nobody abandons.
#![expect(clippy::unwrap_used, reason = "tests: a broken expectation is a failed test")]

mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant as Timer};

use futures_util::future::join_all;
use ges_domain::booking::{Booked, NewBooking};
use ges_domain::callback::{Scalar, SessionUpdate, State, UserData};
use ges_domain::phone::{PhoneKey, PhoneNumber};
use ges_domain::ports::{
    Bookings, CancelAnswer, Catalogue, Clock, Handover, HeldRecords, Publishing, Record, ServiceRef, SessionAnswer,
    Shards, Wake, WakeUps,
};
use ges_domain::publishing::{Publish, Published, Standing};
use ges_postgres::{PgSettings, PgStore};
use ges_testkit::builders::{
    START, after, claim, consumer_cancels, ending, immediate, move_to, scheduled, service, service_row, session,
    tenant, update,
};
use sqlx::PgConnection;
use support::Database;
use uuid::Uuid;

async fn provisioned() -> (Database, PgStore) {
    let database = Database::migrated().await;
    let store = database.store().await;
    store.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
    (database, store)
}

fn accepted(answers: &[Booked]) -> usize {
    answers.iter().filter(|answer| matches!(answer, Booked::Accepted(_))).count()
}

async fn number(connection: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

/// A number of its own for the nth booking, as real bookings have, and an id as production makes them.
fn distinct(n: u128, mut booking: NewBooking) -> NewBooking {
    let phone = PhoneNumber::new(&format!("+1650{:07}", n * 7919 % 10_000_000)).unwrap();
    booking.callback.phone_key = PhoneKey::new(None, &phone);
    booking.callback.phone = phone;
    let ms = u128::try_from(booking.callback.created_at.millis()).unwrap() + n / 10;
    booking.callback.id.0 =
        Uuid::from_u128((ms << 80) | (7 << 76) | (2 << 62) | ((n * 0x9e37_79b9_7f4a_7c15) & ((1 << 62) - 1)));
    booking
}

/// I3 with two pods: the ledger holds between processes, not only inside one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_bookings_from_two_pods_fill_a_cell_of_ten_exactly() {
    let (database, one) = provisioned().await;
    let two = database.store().await;
    let bookings = (0..1000).map(|n| {
        let pod = if n % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            let draft = scheduled(START, after(7200)).slot(claim(after(7200), 10)).build();
            pod.book(distinct(n, draft)).await.unwrap()
        })
    });
    let answers: Vec<Booked> = join_all(bookings).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(accepted(&answers), 10, "I3");
    let mut connection = database.connection().await;
    assert_eq!(number(&mut connection, "select count(*) from callbacks").await, 10);
    assert_eq!(number(&mut connection, "select sum(used) from slot_usage").await, 10);
}

/// Rate windows hold between processes too, while both keep booking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_is_exact_with_two_pods() {
    let (database, one) = provisioned().await;
    let two = database.store().await;
    let bookings = (0..300).map(|n| {
        let pod = if n % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            let draft = immediate(START).limits(|limits| limits.windows[0].limit = 37).build();
            pod.book(distinct(n, draft)).await.unwrap()
        })
    });
    let answers: Vec<Booked> = join_all(bookings).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(accepted(&answers), 37, "R-THR-3");
}

/// Design 8: storage per 10,000 bookings, timeline and every index included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_bookings_stay_below_six_megabytes() {
    let (database, store) = provisioned().await;
    for start in (0..10_000_u128).step_by(500) {
        let bookings = (start..start + 500).map(|n| {
            let now = START + Duration::from_millis(u64::try_from(n).unwrap() * 100);
            // Half of them now, half of them spread over two weeks.
            let ahead = Duration::from_secs(600 + u64::try_from(n * 7919 % 1_200_000).unwrap());
            let draft = if n % 2 == 0 { immediate(now) } else { scheduled(now, now + ahead) };
            // The routers have told how the queue was.
            let draft = draft.with(|callback| {
                let particulars = &mut callback.particulars;
                (particulars.ewt_at_creation, particulars.position_at_creation) = (Some(240), Some(12));
            });
            store.book(distinct(n, draft.build()))
        });
        let answers: Vec<Booked> = join_all(bookings).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(accepted(&answers), 500);
    }
    let mut connection = database.connection().await;
    sqlx::query("vacuum").execute(&mut connection).await.unwrap();
    let sizes: Vec<(String, i64)> = sqlx::query_as(
        "select c.relname::text, pg_relation_size(c.oid)
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relkind in ('r', 'i') and c.relname !~ '^_sqlx'
            and pg_relation_size(c.oid) > 16384
        order by 2 desc",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let all: i64 = number(
        &mut connection,
        "select sum(pg_total_relation_size(c.oid))::bigint
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relkind = 'r' and c.relname in ('callbacks', 'callback_events', 'slot_usage')",
    )
    .await;
    println!("{} bytes per booking: {sizes:?}", all / 10_000);
    assert!(all <= 6_000_000, "{all} bytes: {sizes:?}");
}

/// Design 8: 10 kB of random letters and digits each. A tenth of the budget's count, so a tenth of its bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_data_is_kept_near_its_entropy() {
    let (database, store) = provisioned().await;
    let mut state = 42_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                [usize::try_from(state >> 33).unwrap() % 62],
        )
    };
    for start in (0..1000_u128).step_by(100) {
        let bookings = (start..start + 100).map(|n| {
            let text: String = std::iter::repeat_with(&mut random).take(10_000).collect();
            let data = UserData::new([("note".to_owned(), Scalar::Text(text))]).unwrap();
            store.book(distinct(n, immediate(START).with(|callback| callback.particulars.user_data = data).build()))
        });
        let answers: Vec<Booked> = join_all(bookings).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(accepted(&answers), 100);
    }
    let mut connection = database.connection().await;
    let all = number(&mut connection, "select pg_total_relation_size('callbacks')").await;
    println!("{} bytes per booking with 10 kB of user data", all / 1000);
    assert!(all <= 9_500_000, "{all} bytes");
}

/// Group commit: with 64 clients the server sees far fewer transactions than bookings. Prints the rate for the record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_share_transactions() {
    let (database, store) = provisioned().await;
    let before = transactions(&database).await;
    let started = Timer::now();
    let clients = (0..64).map(|client| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..50 {
                let draft = immediate(START + Duration::from_millis(u64::try_from(n).unwrap())).build();
                let answer = store.book(distinct(client * 50 + n, draft)).await.unwrap();
                assert!(matches!(answer, Booked::Accepted(_)));
            }
        })
    });
    join_all(clients).await.into_iter().for_each(Result::unwrap);
    let (bookings, took) = (3200, started.elapsed());
    store.close().await;
    let used = transactions(&database).await - before;
    println!(
        "{} bookings/s with 64 clients, {used} transactions for {bookings}",
        f64::from(bookings) / took.as_secs_f64()
    );
    assert!(used * 8 < i64::from(bookings), "{used} transactions for {bookings} bookings");
}

/// Committed transactions of the database, once its other connections have told theirs.
async fn transactions(database: &Database) -> i64 {
    let mut last = -1;
    for _ in 0..100 {
        let mut connection = database.connection().await;
        sqlx::query("select pg_stat_clear_snapshot()").execute(&mut connection).await.unwrap();
        let count = number(
            &mut connection,
            "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()",
        )
        .await;
        // Our own looks move it by a few.
        if last >= 0 && count - last < 10 {
            return count;
        }
        last = count;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    last
}

/// A booking alone costs two statements, count and write, and soon after another one of its service only the second. Outside a
/// transaction each is one of its own, so the server counts them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_alone_is_two_statements_at_most_without_a_transaction_around_them() {
    let (database, store) = provisioned().await;
    store.close().await;
    let before = transactions(&database).await;
    let store = database.store().await;
    for n in 1..=200 {
        let draft = if n % 2 == 0 { immediate(START) } else { scheduled(START, after(7200)) };
        store.book(distinct(n, draft.build())).await.unwrap();
    }
    store.close().await;
    let used = transactions(&database).await - before;
    println!("{used} transactions for 200 bookings one after the other, our own looks included");
    assert!((200..460).contains(&used), "one or two statements each: {used}");
}

fn fact(name: &str) -> SessionUpdate {
    let facts = [(name.to_owned(), "1".to_owned())].into();
    SessionUpdate { session: Some(session("s1")), facts, ..SessionUpdate::default() }
}

fn place(position: u32) -> SessionUpdate {
    SessionUpdate { session: Some(session("s1")), position: Some(position), ..SessionUpdate::default() }
}

/// Design 8: once a session's record is known, each of its updates is one statement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_of_a_running_session_is_one_statement() {
    let (database, store) = provisioned().await;
    let Booked::Accepted(booked) = store.book(immediate(START).build()).await.unwrap() else { panic!("refused") };
    store.close().await;
    let before = transactions(&database).await;
    let store = database.store().await;
    for n in 1..=200 {
        let state = if n == 1 { update("s1", 1, State::Routing) } else { fact(&format!("_{n}")) };
        let answer = store.apply_session_update(booked.tenant, booked.id, &state, after(n)).await.unwrap();
        assert!(matches!(answer, SessionAnswer::Accepted(_)), "{answer:?}");
    }
    store.close().await;
    let used = transactions(&database).await - before;
    println!("{used} transactions for 200 updates, our own looks included");
    assert!((200..240).contains(&used), "one statement each: {used}");
}

/// Design 8: a worker's health costs no statement of its own while its heartbeats are answered.
#[tokio::test]
async fn an_answered_heartbeat_is_a_sign_of_life() {
    let (database, store) = provisioned().await;
    store.close().await;
    let before = transactions(&database).await;
    let store = database.store().await;
    store.hold("a").await.unwrap();
    for _ in 0..100 {
        store.probe().await.unwrap();
    }
    store.close().await;
    let used = transactions(&database).await - before;
    assert!(used < 60, "{used} statements for a hold and a hundred probes");
}

/// Two pods change one record by turns: what one of them remembers of it never overwrites what the other wrote (R-TR-4).
#[tokio::test]
async fn what_a_pod_remembers_never_overwrites_what_another_wrote() {
    let (database, one) = provisioned().await;
    let two = database.store().await;
    let Booked::Accepted(booked) = one.book(immediate(START).build()).await.unwrap() else { panic!("refused") };
    let (tenant, id) = (booked.tenant, booked.id);
    let tell = async |pod: &PgStore, what: SessionUpdate| {
        let answer = pod.apply_session_update(tenant, id, &what, after(5)).await.unwrap();
        assert!(matches!(answer, SessionAnswer::Accepted(_)), "{what:?}: {answer:?}");
    };
    tell(&one, update("s1", 1, State::Routing)).await;
    tell(&one, fact("_a")).await;
    tell(&two, fact("_b")).await;
    // Changes the row without a version.
    tell(&two, place(3)).await;
    tell(&one, fact("_c")).await;
    tell(&two, place(2)).await;
    tell(&one, fact("_d")).await;
    let record = two.find(tenant, id, after(5)).await.unwrap().unwrap();
    assert_eq!(
        record.particulars.session_facts.keys().map(String::as_str).collect::<Vec<_>>(),
        ["_a", "_b", "_c", "_d"]
    );
    assert_eq!(record.position, Some(2), "the newest place stays");
    // What stands decides about late news, not what is remembered.
    tell(&two, ending("s1", 9, "AGENT_CONNECTED")).await;
    let late = one.apply_session_update(tenant, id, &update("s1", 10, State::Processing), after(6)).await.unwrap();
    assert!(!matches!(late, SessionAnswer::Accepted(_)), "{late:?}");
    assert_eq!(two.find(tenant, id, after(6)).await.unwrap().unwrap().state, State::Completed);
}

/// A caller that goes away leaves no open transaction, and either a whole booking or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_booking_is_whole_or_not_there() {
    let (database, store) = provisioned().await;
    let mut ids = Vec::new();
    for n in 0..200 {
        let booking = distinct(n, scheduled(START, after(7200)).slot(claim(after(7200), 1000)).build());
        ids.push(booking.callback.id);
        let waiting = store.book(booking);
        tokio::time::timeout(Duration::from_micros(u64::try_from(n).unwrap() * 20), waiting).await.ok();
    }
    for id in &ids {
        let to = move_to(after(9000), 1000);
        let moving = store.move_booking(tenant(), *id, &to, after(1));
        tokio::time::timeout(Duration::from_micros(300), moving).await.ok();
    }
    store.close().await;
    let mut connection = database.connection().await;
    let open = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'";
    assert_eq!(number(&mut connection, open).await, 0);
    let again = database.store().await;
    let (mut whole, mut stored) = (0, HashSet::new());
    for id in ids {
        if let Some(record) = again.find(tenant(), id, START).await.unwrap() {
            let timeline = again.timeline(tenant(), id).await.unwrap();
            ges_testkit::assert_consistent(&record, &timeline);
            whole += 1;
            stored.insert(id);
        }
    }
    assert_eq!(number(&mut connection, "select coalesce(sum(used), 0) from slot_usage").await, whole, "P-4");
    assert!(whole < 200, "some were abandoned before they flew: {whole}");
}

/// One booking the server does not take must not refuse the others of its flight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_the_server_refuses_fails_alone() {
    let (_database, store) = provisioned().await;
    let twin = distinct(0, immediate(START).build());
    store.book(twin.clone()).await.unwrap();
    let mut bookings: Vec<_> = (1..50).map(|n| distinct(n, immediate(START).build())).collect();
    bookings.insert(20, twin);
    let answers = join_all(bookings.into_iter().map(|booking| store.book(booking))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1, "the id that is taken");
    let error = format!("{:?}", answers.into_iter().find_map(Result::err).unwrap());
    assert!(error.contains("callbacks_pk") && !error.contains("1650"), "named, not quoted (I11): {error}");
}

/// api and worker start together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_may_migrate_at_once() {
    let database = Database::empty().await;
    let store = database.store().await;
    assert!(!store.migrations_applied().await.unwrap());
    assert_eq!(store.schema().await.unwrap().applied, None);
    let runs = join_all((0..4).map(|_| PgStore::migrate(&database.settings))).await;
    assert!(runs.iter().all(Result::is_ok), "{runs:?}");
    let schema = store.schema().await.unwrap();
    assert!(store.migrations_applied().await.unwrap());
    assert_eq!(schema.applied, Some(PgStore::expected_version()));
}

/// Every name of the schema is one we gave: what is not named cannot be matched in an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_constraint_has_a_name_of_ours() {
    let database = Database::migrated().await;
    let strange = "select count(*)
        from pg_constraint c
        join pg_class t on t.oid = c.conrelid
        where c.connamespace = 'public'::regnamespace and t.relname !~ '^_sqlx'
            and (c.conname ~ '_(pkey|key|check|fkey)[0-9]*$' or c.conname not like t.relname || '%')";
    assert_eq!(number(&mut database.connection().await, strange).await, 0);
}

/// I10: the node's time follows the server's, and a probe tells whether it answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_is_the_servers_and_a_closed_store_answers_unavailable() {
    let (database, store) = provisioned().await;
    let told = "select (extract(epoch from clock_timestamp()) * 1000)::bigint";
    let mut connection = database.connection().await;
    let (before, ours, later) =
        (number(&mut connection, told).await, store.clock().now().millis(), number(&mut connection, told).await);
    assert!((before - 50..=later + 50).contains(&ours), "{before} {ours} {later}");
    store.probe().await.unwrap();
    store.close().await;
    assert!(store.probe().await.is_err());
    assert!(store.book(immediate(START).build()).await.is_err());
}

/// Hints come back by themselves after the server has cut the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_was_cut_off_looks_at_everything_and_hears_again() {
    let (database, store) = provisioned().await;
    let mut wakes = store.wake_ups().await.unwrap();
    let mut connection = database.connection().await;
    let cut = "select count(pg_terminate_backend(pid))
        from pg_stat_activity
        where datname = current_database() and query ilike 'listen%'";
    assert_eq!(number(&mut connection, cut).await, 1);
    assert_eq!(wakes.next().await, Wake::Everything);
    store.book(immediate(after(3)).build()).await.unwrap();
    assert!(matches!(wakes.next().await, Wake::Service { desired, .. } if desired == after(3)));
}

/// A backlog in one instant is read a batch at a time, whatever the statistics say about a table that has just filled up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_is_read_in_its_order_and_no_further_than_the_limit() {
    let (database, store) = provisioned().await;
    let bookings = (0..3000_u16).map(|n| {
        let made = START + Duration::from_millis(n.into());
        store.book(distinct(n.into(), scheduled(made, after(7200)).slot(claim(after(7200), 5000)).build()))
    });
    let answers: Vec<Booked> = join_all(bookings).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(accepted(&answers), 3000);
    let held = store.hold("a").await.unwrap();
    let of = ServiceRef { tenant: tenant(), name: service("CB_Sales") };
    let lease = *held.iter().find(|lease| lease.shard == of.shard()).unwrap();
    store.close().await;
    let before = read_entries(&database).await;
    let again = database.store().await;
    for _ in 0..10 {
        assert_eq!(again.due(lease, &of, after(7200), 10).await.unwrap().len(), 10);
    }
    again.close().await;
    let read = read_entries(&database).await - before;
    assert!((100..1000).contains(&read), "{read} entries read for 100 records");
}

/// Entries of the index of waiting records that were read so far.
async fn read_entries(database: &Database) -> i64 {
    transactions(database).await;
    let read = "select idx_tup_read from pg_stat_user_indexes where indexrelname = 'callbacks_waiting'";
    number(&mut database.connection().await, read).await
}

/// Design 8: services where nothing happens cost nothing, and one look at all of them is one statement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_services_cost_no_statement_and_an_agenda_is_one() {
    let (database, store) = provisioned().await;
    for n in 0..200 {
        store.put_service(tenant(), &service_row(&format!("CB_{n}"))).await.unwrap();
    }
    store.book(distinct(0, scheduled(START, after(7200)).build())).await.unwrap();
    let held = store.hold("a").await.unwrap();
    // The server learns of a connection's transactions for sure when it ends.
    store.close().await;
    let before = transactions(&database).await;
    let again = database.store().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(again.agenda(&held).await.unwrap().len(), 1);
    again.close().await;
    let used = transactions(&database).await - before;
    assert!(used < 80, "the agenda and our own looks, nothing per service: {used}");
}

/// Settings that do not hold are an error, not a panic.
#[tokio::test]
async fn an_unusable_url_is_unavailable_and_not_quoted() {
    let error = PgStore::connect(&PgSettings::new("postgres://ada:lovelace@[")).await.err().unwrap();
    assert!(!format!("{error:?}").contains("lovelace"), "I11");
}

/// A catalogue read by many costs one statement in two seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_service_is_read_once() {
    let (database, store) = provisioned().await;
    let (before, begun) = (transactions(&database).await, Timer::now());
    for _ in 0..500 {
        assert!(Catalogue::service(&store, tenant(), &service("CB_Sales")).await.unwrap().is_some());
    }
    let seconds = i64::try_from(begun.elapsed().as_secs()).unwrap();
    store.close().await;
    // A busy machine may take long enough for a few more reads, and for the clock to be measured again.
    let used = transactions(&database).await - before;
    assert!(used < 25 + 2 * seconds, "{used} transactions in {seconds} s");
}

/// R-POL-3: each node asks after the sessions of its own shards, and only after records a session has.
#[tokio::test]
async fn held_records_are_those_with_a_session_in_the_shards_of_the_node() {
    let (_database, store) = provisioned().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        let Booked::Accepted(booked) = store.book(distinct(n, immediate(START).build())).await.unwrap() else {
            panic!("nothing is in the way");
        };
        ids.push(booked.id);
    }
    let bound = update("S1", 1, State::Queued);
    for id in &ids[1..] {
        store.apply_session_update(tenant(), *id, &bound, after(1)).await.unwrap();
    }
    store.apply_session_update(tenant(), ids[2], &ending("S1", 2, "AGENT_CONNECTED"), after(2)).await.unwrap();
    let held = async |node: &str| store.held_by(node).held(None, 10, after(3)).await.unwrap();
    assert_eq!(held("one").await, [], "the node has no shard yet");
    store.hold("one").await.unwrap();
    let found = held("one").await;
    assert_eq!(found.iter().map(|record| record.id).collect::<Vec<_>>(), [ids[1]]);
    assert_eq!(
        store.held_by("one").held(Some(ids[1]), 10, after(3)).await.unwrap(),
        [],
        "a page begins after the last one"
    );
    assert_eq!(held("two").await, [], "another node has other shards");
    let (cancels, asked) = (consumer_cancels(), session("S1"));
    store.cancel(tenant(), ids[1], &cancels, after(3)).await.unwrap();
    store.settle_cancel(tenant(), ids[1], &asked, CancelAnswer::NoAnswer, &cancels, after(3)).await.unwrap();
    let unheard = held("one").await;
    assert_eq!(unheard.len(), 1, "its session has not heard of the cancel (R-CAN-2)");
    let at_deadline = store.held_by("one").held(None, 10, unheard[0].deadline).await.unwrap();
    assert_eq!(at_deadline, [], "until the deadline");
    store.settle_cancel(tenant(), ids[1], &asked, CancelAnswer::Gone, &cancels, after(4)).await.unwrap();
    assert_eq!(held("one").await, [], "and not when it is gone");
}

fn publish(service: &str, slot: &str) -> Publish {
    let row =
        [("_service", "callback"), ("_application", "App"), ("_route_point", "1"), ("_request_time_bucket", slot)];
    let row = row.map(|(column, cell)| (column.to_owned(), cell.to_owned()));
    let office = [("_service", "office-hours"), ("_timezone", "UTC"), ("_bh_regular1", "Mon 09:00-17:00")];
    let office = office.map(|(column, cell)| (column.to_owned(), cell.to_owned()));
    let sections = [(format!("service.{service}"), row.into()), ("service.BH".to_owned(), office.into())];
    Publish::changes(START, sections.into(), Vec::new())
}

/// Integrations 5.5: a publish that dies at its last service has written nothing.
#[tokio::test]
async fn a_publish_that_dies_half_way_is_taken_back() {
    let (database, store) = provisioned().await;
    let mut connection = database.connection().await;
    for statement in [
        "create function die() returns trigger language plpgsql as $$ begin raise exception 'dies'; end $$",
        "create trigger dies before insert on services for each row when (new.name = 'CB_Dies') execute procedure die()",
    ] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    store.publish(tenant(), &publish("CB_Dies", "15")).await.unwrap_err();
    assert_eq!(store.standing(tenant()).await.unwrap(), Standing::default());
    assert!(store.hours(tenant(), "BH").await.unwrap().is_none());
    assert!(matches!(store.publish(tenant(), &publish("CB_Lives", "15")).await.unwrap(), Published::Applied(_)));
}

/// Integrations 5.5: other pods hear of a publish, also after their connection was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_pods_see_a_publish_before_their_memory_grows_old() {
    let (database, one) = provisioned().await;
    let two = database.store().await;
    two.follow_publishes();
    let slot = async || two.service(tenant(), &service("CB_A")).await.unwrap().map(|found| found.settings.slot_minutes);
    let mut connection = database.connection().await;
    let listens = "select count(*) from pg_stat_activity where query like 'LISTEN%ges_published%'
        and datname = current_database()";
    for (round, minutes) in ["15", "30"].into_iter().enumerate() {
        if round == 1 {
            let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                where query like 'LISTEN%ges_published%' and datname = current_database()";
            assert_eq!(number(&mut connection, cut).await, 1);
        }
        while number(&mut connection, listens).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Memories are renewed, so that only the hint can make the change seen within a second.
        tokio::time::sleep(Duration::from_millis(if round == 0 { 0 } else { 2_000 })).await;
        let before = slot().await;
        one.publish(tenant(), &publish("CB_A", minutes)).await.unwrap();
        let began = Timer::now();
        while slot().await == before {
            assert!(began.elapsed() < Duration::from_millis(1_200), "round {round}: nobody told");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
