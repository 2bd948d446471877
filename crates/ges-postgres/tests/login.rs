//! Who the store is at the server may change while it runs (integrations 10.1).
#![expect(clippy::unwrap_used, reason = "tests: a broken expectation is a failed test")]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::time::Duration;

use ges_domain::ports::{Catalogue, Wake, WakeUps};
use ges_postgres::{PgSettings, PgStore};
use ges_testkit::builders::{service_row, tenant};
use sqlx::AssertSqlSafe;
use support::Database;

#[tokio::test]
async fn check_21_a_changed_login_serves_new_connections_listening_ones_too() {
    let database = Database::migrated().await;
    let store = PgStore::connect(&PgSettings { min_connections: 0, ..database.settings.clone() }).await.unwrap();
    let mut wake_ups = store.wake_ups().await.unwrap();
    let mut admin = database.connection().await;
    let role = format!("rotated_{}", std::process::id());
    sqlx::query(AssertSqlSafe(format!("create role {role} superuser login"))).execute(&mut admin).await.unwrap();

    assert!(store.connect_by(&PgSettings::new("no address")).is_err(), "what does not read changes nothing");
    let url = database.settings.url.replacen("postgres://postgres@", &format!("postgres://{role}@"), 1);
    assert_ne!(url, database.settings.url);
    store.connect_by(&PgSettings { url, ..database.settings.clone() }).unwrap();
    store.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();

    let ended = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()";
    sqlx::query(ended).execute(&mut admin).await.unwrap();
    let lost = tokio::time::timeout(Duration::from_secs(20), wake_ups.next()).await.unwrap();
    assert_eq!(lost, Wake::Everything);
    // The first use may find a connection that was cut.
    while store.put_service(tenant(), &service_row("CB_Sales")).await.is_err() {}
    let seen = "select distinct usename::text from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()";
    let users: Vec<String> = sqlx::query_scalar(seen).fetch_all(&mut admin).await.unwrap();
    assert_eq!(users, std::slice::from_ref(&role));
    store.close().await;
    sqlx::query(AssertSqlSafe(format!("drop role {role}"))).execute(&mut admin).await.unwrap();
}
