//! Who finds what, and for how long.

use std::time::Duration;

use ges_domain::callback::{Actor, RETENTION, SessionUpdate, State};
use ges_domain::ports::{CancelAnswer, Cancelled, Edit, Edited, Moved, SessionAnswer};
use ges_domain::{CallbackId, Instant, TenantId};

use super::{Stores, assert_untouched, book, provision, standing, used};
use crate::CountingIds;
use crate::builders::{
    START, after, consumer_cancels, immediate, move_to, other_tenant, scheduled, session, tenant, update,
};

/// Every act on a record that this tenant does not have.
async fn assert_unknown(stores: &dyn Stores, tenant: TenantId, id: CallbackId, now: Instant) {
    let record = stores.record();
    assert_eq!(record.find(tenant, id, now).await.unwrap(), None);
    assert_eq!(record.cancel(tenant, id, &consumer_cancels(), now).await.unwrap(), Cancelled::Unknown);
    let settled = record
        .settle_cancel(tenant, id, &session("S1"), CancelAnswer::Accepted, &consumer_cancels(), now)
        .await
        .unwrap();
    assert_eq!(settled, Cancelled::Unknown);
    assert_eq!(record.move_booking(tenant, id, &move_to(after(9000), 5), now).await.unwrap(), Moved::Unknown);
    let edited = record.edit(tenant, id, &Edit { priority: Some(1), ..Edit::default() }, &Actor::Api, now).await;
    assert_eq!(edited.unwrap(), Edited::Unknown);
    let told = record.apply_session_update(tenant, id, &update("S1", 1, State::Routing), now).await.unwrap();
    assert_eq!(told, SessionAnswer::Unknown);
    let told = record.apply_session_update(tenant, id, &SessionUpdate::default(), now).await.unwrap();
    assert_eq!(told, SessionAnswer::Unknown);
}

/// I9, R-CAN-3: not by any act, and without a sign that it exists.
pub async fn another_tenant_finds_nothing(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, scheduled(START, after(7200))).await;
    assert_unknown(stores, other_tenant(), booked.id, START).await;
    assert_eq!(stores.record().timeline(other_tenant(), booked.id).await.unwrap(), []);
    let theirs = stores.bookings().usage(other_tenant(), &booked.service, START, after(90_000)).await.unwrap();
    assert_eq!(theirs.used(START, after(90_000)), 0);
    assert_untouched(stores, &booked).await;
}

/// R-REC-2: at `expiresAt` it is gone, a millisecond before it is not.
pub async fn an_expired_record_is_not_found(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, scheduled(START, after(7200))).await;
    let expires = after(7200) + RETENTION;
    let last = expires - Duration::from_millis(1);
    assert_eq!(stores.record().find(tenant(), booked.id, last).await.unwrap(), Some(booked.clone()));
    assert_unknown(stores, tenant(), booked.id, expires).await;
    assert_untouched(stores, &booked).await;
}

/// An id nobody has.
pub async fn an_unknown_id_is_unknown_everywhere(stores: &dyn Stores) {
    provision(stores).await;
    let id = CountingIds::nth(1 << 40);
    assert_unknown(stores, tenant(), id, START).await;
    assert_eq!(stores.record().timeline(tenant(), id).await.unwrap(), []);
    assert_eq!(stores.record().tenant_of(id).await.unwrap(), None);
}

/// R-REC-2, T18: whatever its state, with its timeline, at most `limit` at a time.
pub async fn purge_deletes_the_oldest_in_batches_and_nothing_else(stores: &dyn Stores) {
    provision(stores).await;
    let mut old = Vec::new();
    for n in 0..4 {
        old.push(book(stores, scheduled(START, after(1000 + n))).await);
    }
    old.push(book(stores, immediate(after(900)).tenant(other_tenant())).await);
    let kept = book(stores, scheduled(START, after(7200))).await;
    let edge = book(stores, scheduled(START, after(2000))).await;
    assert_eq!(stores.handover().purge(after(2000), 3).await.unwrap(), 3);
    assert_eq!(stores.handover().purge(after(2000), 3).await.unwrap(), 2);
    assert_eq!(stores.handover().purge(after(2000), 3).await.unwrap(), 0);
    for gone in &old {
        assert_eq!(stores.record().find(gone.tenant, gone.id, START).await.unwrap(), None);
        assert_eq!(stores.record().timeline(gone.tenant, gone.id).await.unwrap(), []);
        assert_eq!(stores.record().tenant_of(gone.id).await.unwrap(), None);
    }
    assert_eq!(standing(stores, &kept).await, kept);
    assert_eq!(standing(stores, &edge).await, edge, "the instant itself is not before itself");
    assert_eq!(used(stores, &kept, after(7200)).await, 1);
    assert_eq!(used(stores, &edge, after(2000)).await, 1);
    assert_eq!(used(stores, &edge, after(1000)).await, 0, "P-4");
}

/// R-REC-2: those whose sessions have to hear before they are deleted.
pub async fn open_records_with_a_session_are_found_before_they_expire(stores: &dyn Stores) {
    provision(stores).await;
    let mut held = Vec::new();
    for (seconds, name) in [(1000, "S1"), (999, "S2"), (998, "S3"), (997, "S4")] {
        let booked = book(stores, immediate(after(seconds))).await;
        let bind = crate::builders::update(name, 1, State::Processing);
        stores.record().apply_session_update(tenant(), booked.id, &bind, after(1001)).await.unwrap();
        held.push(booked.id);
    }
    book(stores, immediate(after(900))).await;
    let ended = crate::builders::ending("S2", 2, "AGENT_CONNECTED");
    stores.record().apply_session_update(tenant(), held[1], &ended, after(1002)).await.unwrap();
    let ids = async |before, limit| -> Vec<_> {
        stores.handover().expiring(before, limit).await.unwrap().iter().map(|row| row.id).collect()
    };
    assert_eq!(ids(after(1001), 9).await, [held[3], held[2], held[0]], "open ones that a session has, earliest first");
    assert_eq!(ids(after(1001), 2).await, [held[3], held[2]]);
    assert_eq!(ids(after(1000), 9).await, [held[3], held[2]], "the instant itself is not before itself");
}
