//! Requests under keys: carried out once, answered alike (I6).

use std::collections::BTreeSet;
use std::time::Duration;

use ges_domain::booking::Booked;
use ges_domain::callback::State;
use ges_domain::idempotency::{Key, Keyed, Operation};
use ges_domain::ports::{CancelAnswer, CancelRequest, Cancelled};
use ges_domain::{CallbackId, Refusal, TenantId};
use uuid::Uuid;

use super::{Stores, book, hand_over, provision, refused, standing};
use crate::builders::{
    Draft, START, after, claim, consumer_cancels, immediate, keyed, other_tenant, scheduled, session, tenant, update,
};

async fn repeated(stores: &dyn Stores, draft: Draft) -> CallbackId {
    match stores.bookings().book(draft.build()).await.unwrap() {
        Booked::Repeated(id) => id,
        other => panic!("not a repetition: {other:?}"),
    }
}

async fn kept(stores: &dyn Stores, tenant: TenantId, keyed: &Keyed) -> Option<Uuid> {
    let kept = stores.kept().recall(tenant, keyed.operation, &keyed.key).await.unwrap();
    keyed.answered(kept.as_ref()).unwrap()
}

fn cancels(key: &str, body: u8) -> CancelRequest {
    CancelRequest { keyed: Some(keyed(Operation::Cancel, key, body)), ..consumer_cancels() }
}

/// I6.
pub async fn a_repeated_booking_is_answered_with_the_first_callback(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let one_place = |now| scheduled(now, at).slot(claim(at, 1)).under("order-17", 1);
    assert_eq!(kept(stores, tenant(), &keyed(Operation::Create, "order-17", 1)).await, None);
    let first = book(stores, one_place(START)).await;
    assert_eq!(repeated(stores, one_place(after(1))).await, first.id, "the cell is full, which does not matter");
    stores.record().cancel(tenant(), first.id, &consumer_cancels(), after(2)).await.unwrap();
    assert_eq!(repeated(stores, one_place(after(3))).await, first.id, "nor does what became of it");
    assert_eq!(kept(stores, tenant(), &keyed(Operation::Create, "order-17", 1)).await, Some(first.id.0));
    book(stores, one_place(after(4)).under("order-18", 1)).await;
}

/// I6.
pub async fn another_body_under_the_key_is_refused_and_writes_nothing(stores: &dyn Stores) {
    provision(stores).await;
    let first = book(stores, immediate(START).under("k", 1)).await;
    let other = immediate(after(1)).number("+1 650 466 2200").under("k", 2);
    let id = other.clone().build().callback.id;
    assert_eq!(refused(stores, other).await, Refusal::KeyReused);
    assert_eq!(refused(stores, immediate(after(1)).on("CB_Support").under("k", 2)).await, Refusal::KeyReused);
    assert_eq!(stores.record().find(tenant(), id, after(2)).await.unwrap(), None);
    assert_eq!(repeated(stores, immediate(after(2)).under("k", 1)).await, first.id, "it stands for the first body");
}

/// I6: what changed nothing is decided anew.
pub async fn a_refused_booking_keeps_no_answer(stores: &dyn Stores) {
    provision(stores).await;
    let one = |now| immediate(now).limits(|limits| limits.per_number_day = 1).under("k", 1);
    let first = book(stores, immediate(START)).await;
    assert_eq!(refused(stores, one(after(1))).await, Refusal::EnqueueLimitReached);
    assert_eq!(kept(stores, tenant(), &keyed(Operation::Create, "k", 1)).await, None);
    let day_later = first.created_at + Duration::from_secs(86_400);
    let second = book(stores, one(day_later)).await;
    assert_eq!(repeated(stores, one(day_later)).await, second.id);
}

/// I6: one books, the others hear of it.
pub async fn concurrent_bookings_under_one_key_book_once(stores: &dyn Stores) {
    provision(stores).await;
    for round in 0..4 {
        let key = format!("round-{round}");
        let drafts = (0..40).map(|n| immediate(START + Duration::from_millis(n % 3)).under(&key, 1));
        let answers = super::book_at_once(stores, drafts).await;
        assert_eq!(super::accepted(&answers), 1, "I6: {answers:?}");
        let ids: BTreeSet<_> = answers
            .iter()
            .map(|answer| match answer {
                Booked::Accepted(callback) => callback.id,
                Booked::Repeated(id) => *id,
                Booked::Refused(refusal) => panic!("refused: {refusal:?}"),
            })
            .collect();
        assert_eq!(ids.len(), 1, "I6: one answer for all");
    }
}

/// I6: also when the bodies name different services, which no lock of a service keeps apart.
pub async fn concurrent_bookings_with_other_bodies_under_one_key_book_one_of_them(stores: &dyn Stores) {
    provision(stores).await;
    for round in 0..4 {
        let key = format!("round-{round}");
        let names = ["CB_Sales", "CB_Support"];
        let drafts = (0..20_u8).map(|n| immediate(START).on(names[usize::from(n % 2)]).under(&key, n % 2));
        let answers = super::book_at_once(stores, drafts).await;
        assert_eq!(super::accepted(&answers), 1, "I6: {answers:?}");
        let repeated = answers.iter().filter(|answer| matches!(answer, Booked::Repeated(_))).count();
        let reused = answers.iter().filter(|answer| **answer == Booked::Refused(Refusal::KeyReused)).count();
        assert_eq!((repeated, reused), (9, 10), "I6: {answers:?}");
    }
}

/// I9.
pub async fn keys_of_tenants_and_of_operations_are_apart(stores: &dyn Stores) {
    provision(stores).await;
    let mine = book(stores, immediate(START).under("k", 1)).await;
    let theirs = book(stores, immediate(START).tenant(other_tenant()).under("k", 2)).await;
    assert_eq!(kept(stores, tenant(), &keyed(Operation::Create, "k", 1)).await, Some(mine.id.0));
    assert_eq!(kept(stores, other_tenant(), &keyed(Operation::Create, "k", 2)).await, Some(theirs.id.0));
    let cancelled = stores.record().cancel(tenant(), mine.id, &cancels("k", 3), after(1)).await.unwrap();
    assert!(matches!(cancelled, Cancelled::Done(_)), "{cancelled:?}");
    assert_eq!(kept(stores, tenant(), &keyed(Operation::CallIn, "k", 4)).await, None);
}

/// I6: the first half completes it.
pub async fn a_repeated_cancel_succeeds_again(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, scheduled(START, after(7200))).await;
    let store = stores.record();
    let cancel =
        async |request: CancelRequest, at| store.cancel(tenant(), booked.id, &request, after(at)).await.unwrap();
    assert!(matches!(cancel(cancels("c", 1), 1).await, Cancelled::Done(_)));
    assert_eq!(cancel(cancels("c", 1), 2).await, Cancelled::Repeated);
    assert_eq!(cancel(cancels("c", 2), 3).await, Cancelled::KeyReused);
    assert_eq!(cancel(cancels("d", 1), 4).await, Cancelled::AlreadyCompleted, "another cancel comes too late");
    assert_eq!(cancel(consumer_cancels(), 5).await, Cancelled::AlreadyCompleted);
    let unknown = CallbackId(Uuid::from_u128(77));
    let answer = store.cancel(tenant(), unknown, &cancels("e", 1), after(6)).await.unwrap();
    assert_eq!(answer, Cancelled::Unknown);
    assert_eq!(kept(stores, tenant(), &keyed(Operation::Cancel, "d", 1)).await, None);
    assert_eq!(standing(stores, &booked).await.state, State::Completed);
}

/// I6: the second half completes it; until then nothing is kept.
pub async fn a_cancel_that_a_session_settles_is_kept_when_it_is_settled(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, immediate(START)).await;
    hand_over(stores, &booked, 1, after(1)).await;
    let store = stores.record();
    store.apply_session_update(tenant(), booked.id, &update("s1", 1, State::Routing), after(2)).await.unwrap();
    let request = cancels("c", 1);
    for at in [3, 4] {
        let asked = store.cancel(tenant(), booked.id, &request, after(at)).await.unwrap();
        assert!(matches!(asked, Cancelled::AskSession(_)), "{asked:?}");
        assert_eq!(kept(stores, tenant(), &keyed(Operation::Cancel, "c", 1)).await, None);
    }
    let asked = session("s1");
    let settle = async |at| {
        let accepted = CancelAnswer::Accepted;
        store.settle_cancel(tenant(), booked.id, &asked, accepted, &request, after(at)).await.unwrap()
    };
    assert!(matches!(settle(5).await, Cancelled::Done(_)));
    assert_eq!(settle(6).await, Cancelled::Repeated);
    assert_eq!(kept(stores, tenant(), &keyed(Operation::Cancel, "c", 1)).await, Some(booked.id.0));
    assert_eq!(store.cancel(tenant(), booked.id, &request, after(7)).await.unwrap(), Cancelled::Repeated);
    standing(stores, &booked).await;
}

/// I6: at the same time.
pub async fn concurrent_cancels_under_one_key_all_succeed(stores: &dyn Stores) {
    provision(stores).await;
    for round in 0..4 {
        let booked = book(stores, scheduled(START, after(7200))).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let (record, request, id) = (stores.record(), cancels(&format!("c-{round}"), 1), booked.id);
            tasks.spawn(async move { record.cancel(tenant(), id, &request, after(1)).await.unwrap() });
        }
        let answers = tasks.join_all().await;
        let done = answers.iter().filter(|answer| matches!(answer, Cancelled::Done(_))).count();
        let again = answers.iter().filter(|answer| **answer == Cancelled::Repeated).count();
        assert_eq!((done, again), (1, 11), "I6: {answers:?}");
        standing(stores, &booked).await;
    }
}

/// Retention: the oldest leave in batches, and a forgotten key is a new one.
pub async fn answers_are_forgotten_oldest_first(stores: &dyn Stores) {
    provision(stores).await;
    for n in 0..5 {
        book(stores, immediate(after(n)).under(&format!("k{n}"), 1)).await;
    }
    let first = keyed(Operation::Create, "k0", 1);
    assert_eq!(stores.kept().forget(after(4), 3).await.unwrap(), 3);
    assert_eq!(kept(stores, tenant(), &first).await, None);
    assert!(kept(stores, tenant(), &keyed(Operation::Create, "k3", 1)).await.is_some());
    assert_eq!(stores.kept().forget(after(4), 3).await.unwrap(), 1);
    assert_eq!(stores.kept().forget(after(4), 3).await.unwrap(), 0);
    let last = Key::new("k4").unwrap();
    assert!(stores.kept().recall(tenant(), Operation::Create, &last).await.unwrap().is_some());
    book(stores, immediate(after(10)).under("k0", 2)).await;
}
