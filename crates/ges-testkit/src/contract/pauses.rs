//! Pausing services and finding the records that have to follow (R-PAU-1, R-PAU-2).

use std::time::Duration;

use ges_domain::callback::{Callback, Change, State};
use ges_domain::ports::{AgendaLine, PauseAct, PauseEntry, PauseScope, ShardLease, Wake, WakeUps};

use super::{Stores, book, hand_over, lease_for, provision, service_of};
use crate::builders::{
    START, after, immediate, other_tenant, pause_act, scheduled, service, service_row, tenant, update,
};

const HINT: Duration = Duration::from_secs(5);

async fn is_paused(stores: &dyn Stores, name: &str) -> bool {
    stores.catalogue().service(tenant(), &service(name)).await.unwrap().unwrap().paused
}

async fn act(stores: &dyn Stores, name: Option<&str>, paused: bool) -> bool {
    stores.pauses().set_paused(tenant(), &pause_act(name, paused, START)).await.unwrap()
}

/// R-PAU-1.
pub async fn only_existing_services_can_be_paused(stores: &dyn Stores) {
    provision(stores).await;
    assert!(!act(stores, Some("CB_Nobody"), true).await);
    assert!(!act(stores, Some("CB_Nobody"), false).await);
    assert!(act(stores, Some("CB_Sales"), true).await);
    assert!(is_paused(stores, "CB_Sales").await);
    let theirs = stores.catalogue().service(other_tenant(), &service("CB_Sales")).await.unwrap().unwrap();
    assert!(!theirs.paused, "I9");
    assert_eq!(stores.pauses().paused(other_tenant()).await.unwrap(), [], "I9");
    assert!(!is_paused(stores, "CB_Support").await);
    stores.catalogue().remove_service(tenant(), &service("CB_Support")).await.unwrap();
    assert!(!act(stores, Some("CB_Support"), true).await, "it does not exist any more");
    stores.catalogue().remove_service(tenant(), &service("CB_Sales")).await.unwrap();
    assert!(act(stores, Some("CB_Sales"), false).await, "what was paused before can be resumed");
}

/// R-PAU-1: the entry for all, which leaves entries of single services alone.
pub async fn all_services_are_paused_and_those_that_come_later(stores: &dyn Stores) {
    provision(stores).await;
    assert!(act(stores, Some("CB_Sales"), true).await);
    assert!(act(stores, None, true).await);
    stores.catalogue().put_service(tenant(), &service_row("CB_New")).await.unwrap();
    for name in ["CB_Sales", "CB_Support", "CB_New"] {
        assert!(is_paused(stores, name).await, "{name}");
    }
    assert!(act(stores, Some("CB_Support"), false).await);
    assert!(is_paused(stores, "CB_Support").await, "all are");
    assert!(act(stores, None, false).await);
    assert!(is_paused(stores, "CB_Sales").await, "by itself");
    assert!(!is_paused(stores, "CB_Support").await && !is_paused(stores, "CB_New").await);
}

/// I8: who and when; a repetition changes nothing.
pub async fn a_pause_is_kept_with_who_and_when(stores: &dyn Stores) {
    provision(stores).await;
    let pauses = stores.pauses();
    let by = |name: Option<&str>, paused, by: &str, seconds| PauseAct {
        by: by.into(),
        ..pause_act(name, paused, after(seconds))
    };
    for one in [
        by(Some("CB_Support"), true, "ada", 1),
        by(Some("CB_Support"), true, "eve", 2),
        by(None, true, "bob", 3),
        by(Some("CB_Sales"), false, "eve", 4),
        by(Some("CB_Support"), false, "cyd", 5),
    ] {
        assert!(pauses.set_paused(tenant(), &one).await.unwrap());
    }
    let all = PauseEntry { scope: PauseScope::All, since: after(3), by: "bob".into() };
    assert_eq!(pauses.paused(tenant()).await.unwrap(), std::slice::from_ref(&all));
    let history = pauses.pause_history(tenant(), 9).await.unwrap();
    let changed =
        [by(Some("CB_Support"), false, "cyd", 5), by(None, true, "bob", 3), by(Some("CB_Support"), true, "ada", 1)];
    assert_eq!(history, changed, "what changed nothing is no fact");
    assert_eq!(pauses.pause_history(tenant(), 1).await.unwrap(), changed[..1]);
    assert_eq!(pauses.pause_history(other_tenant(), 9).await.unwrap(), [], "I9");
    assert!(pauses.set_paused(tenant(), &by(Some("CB_Sales"), true, "eve", 6)).await.unwrap());
    let sales = PauseEntry { scope: PauseScope::Service(service("CB_Sales")), since: after(6), by: "eve".into() };
    assert_eq!(pauses.paused(tenant()).await.unwrap(), [all, sales], "the one for all first");
}

async fn hinted(wakes: &mut dyn WakeUps, name: Option<&str>) {
    let wanted = Wake::Paused { tenant: tenant(), service: name.map(service) };
    let search = async { while wakes.next().await != wanted {} };
    tokio::time::timeout(HINT, search).await.expect("a hint comes");
}

/// The hint, and a catalogue that is read after it.
pub async fn a_pause_and_a_resume_wake_the_monitor(stores: &dyn Stores) {
    provision(stores).await;
    let mut wakes = stores.wake_ups().await;
    for (name, paused) in [(Some("CB_Sales"), true), (Some("CB_Sales"), false), (None, true), (None, false)] {
        assert!(act(stores, name, paused).await);
        hinted(&mut *wakes, name).await;
        assert_eq!(is_paused(stores, "CB_Sales").await, paused);
    }
}

async fn line(stores: &dyn Stores, lease: ShardLease, record: &Callback) -> Option<AgendaLine> {
    let lines = stores.handover().agenda(&[lease]).await.unwrap();
    lines.into_iter().find(|line| line.service == service_of(record))
}

/// T13, T14: QUEUED and ROUTING with a session while paused, PAUSED while not; what waits or is talking stays.
pub async fn records_that_do_not_fit_their_service_are_found(stores: &dyn Stores) {
    provision(stores).await;
    let (mut records, record) = (Vec::new(), stores.record());
    for (nth, states) in
        [&[State::Queued][..], &[State::Queued, State::Routing], &[State::Queued, State::Processing]].iter().enumerate()
    {
        let booked = book(stores, immediate(START)).await;
        hand_over(stores, &booked, 1, after(1)).await;
        for (seq, state) in (1..).zip(states.iter()) {
            let told = update(&format!("S{nth}"), seq, *state);
            record.apply_session_update(tenant(), booked.id, &told, after(2)).await.unwrap();
        }
        records.push(booked);
    }
    let (waiting, later) = (book(stores, immediate(START)).await, book(stores, scheduled(START, after(9_000))).await);
    let elsewhere = book(stores, immediate(START).on("CB_Support")).await;
    let lease = lease_for(stores, &waiting).await;
    let at = service_of(&waiting);
    let found = async || {
        let page = stores.pauses().misplaced(lease, &at, None, 9).await.unwrap();
        (page.records.iter().map(|record| record.id).collect::<Vec<_>>(), page.watch)
    };
    assert_eq!(found().await, (vec![], false), "nothing is paused");
    assert!(!line(stores, lease, &waiting).await.unwrap().misplaced);
    assert!(act(stores, Some("CB_Sales"), true).await);
    assert_eq!(found().await, (vec![records[0].id, records[1].id], true), "R-PAU-2");
    assert!(line(stores, lease, &waiting).await.unwrap().misplaced);
    let page = stores.pauses().misplaced(lease, &at, Some(records[0].id), 9).await.unwrap();
    assert_eq!(page.records.iter().map(|record| record.id).collect::<Vec<_>>(), [records[1].id], "page by page");
    assert_eq!(stores.pauses().misplaced(lease, &at, None, 1).await.unwrap().records.len(), 1);
    for row in stores.pauses().misplaced(lease, &at, None, 9).await.unwrap().records {
        let paused = vec![Change::Moved { to: State::Paused }];
        assert!(stores.handover().settle(lease, &row, paused, after(3)).await.unwrap(), "T13");
    }
    assert_eq!(found().await, (vec![], true), "one is talking and may come back");
    assert!(!line(stores, lease, &waiting).await.unwrap().misplaced);
    assert!(act(stores, Some("CB_Sales"), false).await);
    assert_eq!(found().await, (vec![records[0].id, records[1].id], false), "T14");
    assert!(line(stores, lease, &waiting).await.unwrap().misplaced);
    for untouched in [&waiting, &later, &elsewhere] {
        super::assert_untouched(stores, untouched).await;
    }
}

/// Whoever lost the shard has nothing to move.
pub async fn a_stale_lease_finds_no_misplaced_records(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, immediate(START)).await;
    hand_over(stores, &booked, 1, after(1)).await;
    let record = stores.record();
    record.apply_session_update(tenant(), booked.id, &update("S1", 1, State::Queued), after(2)).await.unwrap();
    assert!(act(stores, None, true).await);
    let lease = lease_for(stores, &booked).await;
    let at = service_of(&booked);
    assert_eq!(stores.pauses().misplaced(lease, &at, None, 9).await.unwrap().records.len(), 1);
    let stale = ShardLease { epoch: lease.epoch + 1, ..lease };
    let nothing = stores.pauses().misplaced(stale, &at, None, 9).await.unwrap();
    assert!(nothing.records.is_empty() && !nothing.watch);
}
