//! Finding and counting records, and bookings that come with their session.

use std::time::Duration;

use ges_domain::callback::{Change, OwnSession, RETENTION, Reason, State};
use ges_domain::ports::{Among, Look, SessionAnswer};

use super::{Stores, book, hand_over, lease_for, provision, service_of, standing};
use crate::assert_consistent;
use crate::builders::{
    START, after, consumer_cancels, immediate, other_tenant, scheduled, service, service_row, session, tenant, update,
};

async fn found(stores: &dyn Stores, look: &Look) -> Vec<ges_domain::callback::Callback> {
    stores.lookup().look(tenant(), look, START).await.unwrap()
}

/// Integrations 2.3, 2.7; I9.
pub async fn looks_find_what_fits_latest_first(stores: &dyn Stores) {
    provision(stores).await;
    let mut booked = Vec::new();
    for quarter in 1..=4_u64 {
        booked.push(book(stores, scheduled(START, after(7200 + 900 * quarter))).await);
    }
    book(stores, scheduled(START, after(7200)).with(|row| row.tenant = other_tenant())).await;
    let elsewhere = book(stores, scheduled(START, after(20_000)).with(|row| row.service = service("CB_Support"))).await;
    stores.record().cancel(tenant(), booked[0].id, &consumer_cancels(), START).await.unwrap();
    let cancelled = standing(stores, &booked[0]).await;

    let here = Look::through(Some(booked[0].service.clone()));
    let latest_first = [booked[3].clone(), booked[2].clone(), booked[1].clone(), cancelled.clone()];
    assert_eq!(found(stores, &here).await, latest_first);
    assert_eq!(found(stores, &Look::through(None)).await[0], elsewhere, "of every service, and of this tenant alone");
    assert_eq!(found(stores, &Look::through(None)).await.len(), 5, "I9");
    let open = Look { states: vec![State::Scheduled, State::Queued], ..here.clone() };
    assert_eq!(found(stores, &open).await.len(), 3);
    let ended = Look { reasons: vec![Reason::CANCELLED, Reason::CANCELLED_BY_ADMIN], ..here.clone() };
    assert_eq!(found(stores, &ended).await, std::slice::from_ref(&cancelled));
    let window = Look { from: Some(booked[1].desired_at), until: Some(booked[3].desired_at), ..here.clone() };
    assert_eq!(found(stores, &window).await, [booked[2].clone(), booked[1].clone()], "the end is outside");

    let page = Look { limit: 3, ..here.clone() };
    let first = found(stores, &page).await;
    assert_eq!(first, latest_first[..3]);
    let next = page.next(&first).unwrap();
    assert_eq!(found(stores, &next).await, std::slice::from_ref(&cancelled));
    assert_eq!(next.next(&[cancelled]), None, "a page that is not full is the last");
    let over = stores.lookup().look(tenant(), &here, booked[0].desired_at + RETENTION).await.unwrap();
    assert_eq!(over.len(), 3, "R-REC-2");
}

/// Integrations 2.3.
pub async fn looks_begin_with_a_number_or_a_session(stores: &dyn Stores) {
    provision(stores).await;
    let first = book(stores, immediate(START)).await;
    let other = book(stores, immediate(START).number("12025550123")).await;
    let numbers = |keys| Look { among: Among::Numbers(keys), ..Look::through(None) };
    assert_eq!(found(stores, &numbers(vec![other.phone_key.clone()])).await, std::slice::from_ref(&other));
    assert_eq!(found(stores, &numbers(vec![other.phone_key.clone(), first.phone_key.clone()])).await.len(), 2);
    hand_over(stores, &first, 1, START).await;
    let bound = stores.record().apply_session_update(tenant(), first.id, &update("S1", 1, State::Queued), START).await;
    assert!(matches!(bound.unwrap(), SessionAnswer::Accepted(_)));
    let held = |name: &str| Look { among: Among::Session(session(name)), ..Look::through(None) };
    assert_eq!(found(stores, &held("S1")).await, [standing(stores, &first).await]);
    assert_eq!(found(stores, &held("S2")).await, []);
    assert_eq!(stores.lookup().look(other_tenant(), &held("S1"), START).await.unwrap(), [], "I9");
}

/// R-QS-5, R-CON-7, R-PUB-6.
pub async fn watermarks_count_active_records_by_service(stores: &dyn Stores) {
    provision(stores).await;
    let queued = book(stores, immediate(START)).await;
    book(stores, scheduled(START, after(7200))).await;
    let names = |names: &[&str]| names.iter().map(|name| service(name)).collect::<Vec<_>>();
    assert_eq!(stores.lookup().service_names(tenant(), 9).await.unwrap(), names(&["CB_Sales", "CB_Support"]));
    assert_eq!(stores.lookup().service_names(tenant(), 1).await.unwrap(), names(&["CB_Sales"]));
    let counted = stores.lookup().watermarks(tenant()).await.unwrap();
    assert_eq!(counted, [(service("CB_Sales"), 1), (service("CB_Support"), 0)], "SCHEDULED does not count");
    for name in ["CB_Sales", "CB_Support"] {
        stores.catalogue().remove_service(tenant(), &service(name)).await.unwrap();
    }
    assert_eq!(stores.lookup().service_names(tenant(), 9).await.unwrap(), []);
    let counted = stores.lookup().watermarks(tenant()).await.unwrap();
    assert_eq!(counted, [(service("CB_Sales"), 1)], "a removed service shows while it has something left");
    stores.record().cancel(tenant(), queued.id, &consumer_cancels(), START).await.unwrap();
    assert_eq!(stores.lookup().watermarks(tenant()).await.unwrap(), []);
    let theirs = stores.lookup().watermarks(other_tenant()).await.unwrap();
    assert_eq!(theirs, [(service("CB_Sales"), 0), (service("CB_Support"), 0)], "I9");
    stores.catalogue().put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
}

/// Integrations 2.2: bound in the transaction that books, so that no monitor ever sees it wait (I2).
pub async fn a_booking_with_its_own_session_is_never_handed_over(stores: &dyn Stores) {
    provision(stores).await;
    let own = OwnSession { id: session("S1"), url: Some("http://10.2.0.17:9098".into()) };
    let draft = immediate(START).with(|row| row.particulars.own_session = Some(own.clone()));
    let booked = book(stores, draft).await;
    let bound = booked.session.clone().expect("it has its session");
    assert_eq!((bound.id, bound.url, booked.state), (own.id.clone(), own.url.clone(), State::Queued));
    assert_eq!((booked.version, booked.waits_for_handover(), booked.wake_at()), (1, false, Some(booked.deadline)));
    assert_eq!(standing(stores, &booked).await, booked);
    let timeline = stores.record().timeline(tenant(), booked.id).await.unwrap();
    let told = Change::SessionBound { session: own.id, url: own.url };
    assert_eq!(timeline[0].changes, [Change::Booked, told]);
    assert_consistent(&booked, &timeline);
    let lease = lease_for(stores, &booked).await;
    let later = START + Duration::from_secs(3600);
    let due = stores.handover().due(lease, &service_of(&booked), later, 10).await.unwrap();
    assert_eq!(due, [], "I2: nothing is written to the stream");
    let record = stores.record();
    let routing = |name| update(name, 1, State::Routing);
    let stranger = record.apply_session_update(tenant(), booked.id, &routing("S2"), START).await.unwrap();
    assert_eq!(stranger, SessionAnswer::Stranger);
    let routed = record.apply_session_update(tenant(), booked.id, &routing("S1"), START).await.unwrap();
    assert!(matches!(routed, SessionAnswer::Accepted(_)));
    assert_eq!(standing(stores, &booked).await.state, State::Routing);
    assert_eq!(stores.bookings().watermark(tenant(), &booked.service, 9).await.unwrap(), 1);
}
