//! Console sessions, and the list of services (chapter 20).

use std::time::Duration;

use ges_domain::ports::{ConsoleSession, WordDigest};

use super::Stores;
use crate::builders::{START, other_tenant, service, service_row, tenant};

const MINUTE: Duration = Duration::from_secs(60);

fn digest(byte: u8) -> WordDigest {
    WordDigest([byte; 32])
}

fn session(byte: u8, sealed: &[u8], minutes: u32) -> ConsoleSession {
    ConsoleSession { key: digest(byte), sealed: sealed.into(), idle_until: START + MINUTE * minutes }
}

/// A second time, late, and one that was never expected.
pub async fn a_browser_is_taken_back_once(stores: &dyn Stores) {
    let store = stores.console_sessions();
    let until = START + MINUTE * 10;
    store.expect_return(digest(1), until).await.unwrap();
    store.expect_return(digest(2), until).await.unwrap();
    assert!(store.take_return(digest(1), START).await.unwrap());
    assert!(!store.take_return(digest(1), START).await.unwrap(), "once");
    assert!(!store.take_return(digest(3), START).await.unwrap(), "never expected");
    assert!(!store.take_return(digest(2), until).await.unwrap(), "late");
    store.open_session(&session(4, b"x", 20)).await.unwrap();
    assert!(!store.take_return(digest(4), START).await.unwrap(), "a session is no return");
}

/// Of many at once exactly one.
pub async fn browsers_at_once_with_one_word_are_one(stores: &dyn Stores) {
    let store = stores.console_sessions();
    store.expect_return(digest(1), START + MINUTE).await.unwrap();
    let mut taking = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        taking.spawn(async move { store.take_return(digest(1), START).await.unwrap() });
    }
    assert_eq!(taking.join_all().await.into_iter().filter(|taken| *taken).count(), 1);
}

/// R-RB-6: each use moves the end; at the end it is over.
pub async fn a_session_ends_when_it_is_idle(stores: &dyn Stores) {
    let store = stores.console_sessions();
    let opened = session(1, &[0, 255, 7], 20);
    store.open_session(&opened).await.unwrap();
    assert_eq!(store.session(digest(1), START).await.unwrap(), Some(opened.clone()));
    assert_eq!(store.session(digest(2), START).await.unwrap(), None);
    let at = START + MINUTE * 19;
    assert!(store.touch_session(digest(1), at, at + MINUTE * 20).await.unwrap());
    assert!(store.touch_session(digest(1), START, START + MINUTE * 20).await.unwrap(), "an older use shortens nothing");
    let kept = store.session(digest(1), START + MINUTE * 38).await.unwrap().unwrap();
    assert_eq!((kept.idle_until, &kept.sealed), (START + MINUTE * 39, &opened.sealed));
    let end = START + MINUTE * 39;
    assert_eq!(store.session(digest(1), end).await.unwrap(), None, "the end is outside");
    assert!(!store.touch_session(digest(1), end, end + MINUTE).await.unwrap(), "nothing wakes it up");
}

/// What another put there is not overwritten.
pub async fn contents_change_from_what_was_read(stores: &dyn Stores) {
    let store = stores.console_sessions();
    store.open_session(&session(1, b"one", 20)).await.unwrap();
    assert!(store.reseal_session(digest(1), b"one", b"two").await.unwrap());
    assert!(!store.reseal_session(digest(1), b"one", b"three").await.unwrap(), "somebody was faster");
    assert_eq!(store.session(digest(1), START).await.unwrap().unwrap().sealed, b"two");
    assert!(!store.reseal_session(digest(2), b"one", b"two").await.unwrap());
}

/// Closed by the user, or purged when over.
pub async fn sessions_are_closed_and_purged(stores: &dyn Stores) {
    let store = stores.console_sessions();
    for (byte, minutes) in [(1, 20), (2, 30), (3, 40), (4, 50)] {
        store.open_session(&session(byte, b"x", minutes)).await.unwrap();
    }
    store.expect_return(digest(5), START + MINUTE * 10).await.unwrap();
    assert!(store.close_session(digest(4)).await.unwrap());
    assert!(!store.close_session(digest(4)).await.unwrap(), "once");
    assert_eq!(store.session(digest(4), START).await.unwrap(), None);
    let now = START + MINUTE * 30;
    assert_eq!(store.purge_sessions(now, 2).await.unwrap(), 2);
    assert_eq!(store.purge_sessions(now, 2).await.unwrap(), 1, "the return and two sessions");
    assert_eq!(store.purge_sessions(now, 2).await.unwrap(), 0);
    assert!(store.session(digest(3), now).await.unwrap().is_some());
}

/// Removed ones are left out, their tenants stay.
pub async fn services_are_listed_by_tenant(stores: &dyn Stores) {
    let (catalogue, list) = (stores.catalogue(), stores.provisioned());
    assert!(list.services_by_tenant().await.unwrap().is_empty());
    for name in ["CB_b", "CB_a", "CB_gone"] {
        catalogue.put_service(tenant(), &service_row(name)).await.unwrap();
    }
    catalogue.put_service(other_tenant(), &service_row("CB_other")).await.unwrap();
    catalogue.remove_service(tenant(), &service("CB_gone")).await.unwrap();
    catalogue.remove_service(other_tenant(), &service("CB_other")).await.unwrap();
    let all = list.services_by_tenant().await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[&tenant()], [service("CB_a"), service("CB_b")]);
    assert_eq!(all[&other_tenant()], [], "it had one once");
}
