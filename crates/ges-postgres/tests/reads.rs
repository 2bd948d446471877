//! How much of the table a booking reads, on a database the planner knows nothing about yet.
#![expect(clippy::unwrap_used, reason = "tests: a broken expectation is a failed test")]

mod support;

use std::time::{Duration, Instant as Timer};

use ges_domain::booking::Booked;
use ges_domain::phone::{PhoneKey, PhoneNumber};
use ges_domain::ports::{Bookings, Catalogue};
use ges_testkit::builders::{START, immediate, service_row, tenant};
use support::Database;

/// Rows of `callbacks` that were read through indexes and without, and how often numbers were looked up.
const READS: &str = "
    select (sum(i.idx_tup_read) + max(t.seq_tup_read))::bigint,
        (sum(i.idx_scan) filter (where i.indexrelname = 'callbacks_number'))::bigint
    from pg_stat_user_indexes i
    join pg_stat_user_tables t using (relid)
    where i.relname = 'callbacks'";

/// Design 8: an empty table gives no index an advantage, and still the one for the question must be taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_reads_few_rows_though_nothing_was_ever_analyzed() {
    const BOOKINGS: i64 = 300;
    let database = Database::migrated().await;
    let store = database.store().await;
    store.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
    for n in 0..BOOKINGS {
        // Ten minutes apart: at most six are in the longest window.
        let now = START + Duration::from_secs(600 * n.unsigned_abs());
        let mut booking = immediate(now).build();
        let phone = PhoneNumber::new(&format!("+1650{:07}", n * 7919 % 10_000_000)).unwrap();
        booking.callback.phone_key = PhoneKey::new(None, &phone);
        booking.callback.phone = phone;
        assert!(matches!(store.book(booking).await.unwrap(), Booked::Accepted(_)));
    }
    // A connection tells what it read at the latest when it ends.
    store.close().await;
    let mut connection = database.connection().await;
    let begun = Timer::now();
    let read = loop {
        let (read, looked): (i64, Option<i64>) = sqlx::query_as(READS).fetch_one(&mut connection).await.unwrap();
        if looked >= Some(BOOKINGS) {
            break read;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{looked:?} of {BOOKINGS} numbers were looked up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(read <= 20 * BOOKINGS, "{read} rows for {BOOKINGS} bookings");
}
