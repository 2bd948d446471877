//! Everything at once: one timeline per record, whatever the order (R-TR-4, I8).

use ges_domain::callback::State;
use ges_domain::ports::{CancelAnswer, Handed};
use ges_domain::{callback::Callback, ports::StoreError};

use super::{Stores, accepted, book, book_at_once, lease_for, provision, service_of, standing};
use crate::builders::{
    START, after, claim, consumer_cancels, ending, immediate, move_to, scheduled, session, tenant, update,
};

/// Losing five races in a row is a legal answer; every other failure is not.
fn unless_contended<T>(outcome: Result<T, StoreError>) {
    if let Err(error) = outcome {
        assert!(matches!(error, StoreError::Contended), "{error:?}");
    }
}

/// Cancels, session updates and hand-overs of one record.
pub async fn a_storm_on_one_record_ends_in_one_timeline(stores: &dyn Stores) {
    provision(stores).await;
    for round in 0..5 {
        let booked = book(stores, immediate(START)).await;
        let lease = lease_for(stores, &booked).await;
        let id = booked.id;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..24_u64 {
            let (record, handover) = (stores.record(), stores.handover());
            tasks.spawn(async move {
                let at = after(1 + n);
                match n % 6 {
                    0 => unless_contended(record.cancel(tenant(), id, &consumer_cancels(), at).await),
                    1 => {
                        let answer = CancelAnswer::NoAnswer;
                        unless_contended(
                            record.settle_cancel(tenant(), id, &session("S1"), answer, &consumer_cancels(), at).await,
                        );
                    }
                    2 => {
                        let handed = [Handed { tenant: tenant(), id, attempt: 1, nth: 1 }];
                        unless_contended(handover.record_handed(lease, &handed, at).await);
                    }
                    3 => {
                        let routing = update("S1", n, State::Routing);
                        unless_contended(record.apply_session_update(tenant(), id, &routing, at).await);
                    }
                    4 => {
                        let to = move_to(after(9000), 50);
                        unless_contended(record.move_booking(tenant(), id, &to, at).await);
                    }
                    _ => {
                        let end = ending("S1", n, "AGENT_CONNECTED");
                        unless_contended(record.apply_session_update(tenant(), id, &end, at).await);
                    }
                }
            });
        }
        tasks.join_all().await;
        let row = standing(stores, &booked).await;
        assert!(row.version > 1, "round {round}: somebody won");
        let cell = crate::builders::quarter(after(9000));
        let usage = stores.bookings().usage(tenant(), &row.service, cell.from, cell.until).await.unwrap();
        let holds = u32::from(row.holds_slot());
        assert_eq!(usage.used(cell.from, cell.until), holds, "P-4, round {round}");
        stores.record().cancel(tenant(), id, &consumer_cancels(), after(100)).await.unwrap();
        settle_for_good(stores, &row).await;
    }
}

/// Ends whatever a storm left, so that the next round counts from zero.
async fn settle_for_good(stores: &dyn Stores, row: &Callback) {
    let record = stores.record();
    record
        .settle_cancel(tenant(), row.id, &session("S1"), CancelAnswer::Accepted, &consumer_cancels(), after(101))
        .await
        .unwrap();
    let ended = standing(stores, row).await;
    assert_eq!(ended.state, State::Completed);
    if ended.holds_slot() {
        // Connected after a move: the place stays used, so the round's record leaves by retention instead.
        // Records of earlier rounds that were not moved leave with it.
        assert!(stores.handover().purge(after(9001), 10).await.unwrap() >= 1);
    }
}

/// Bookings, moves, cancels and hand-overs of one service: the counts agree with the records afterwards.
pub async fn a_storm_on_one_service_keeps_every_count(stores: &dyn Stores) {
    provision(stores).await;
    let (one, two) = (after(7200), after(9000));
    let mut records = Vec::new();
    for _ in 0..12 {
        records.push(book(stores, scheduled(START, one)).await);
    }
    let lease = lease_for(stores, &records[0]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for (n, booked) in records.iter().enumerate() {
        let (record, handover, id) = (stores.record(), stores.handover(), booked.id);
        tasks.spawn(async move {
            for step in 0..4 {
                match (n + step) % 4 {
                    0 => unless_contended(record.move_booking(tenant(), id, &move_to(two, 6), after(1)).await),
                    1 => unless_contended(record.move_booking(tenant(), id, &move_to(one, 20), after(2)).await),
                    2 if n % 3 == 0 => {
                        unless_contended(record.cancel(tenant(), id, &consumer_cancels(), after(3)).await);
                    }
                    _ => {
                        let handed = [Handed { tenant: tenant(), id, attempt: 1, nth: 1 }];
                        unless_contended(handover.record_handed(lease, &handed, after(4)).await);
                    }
                }
            }
        });
    }
    let verdicts = book_at_once(stores, (0..40).map(|_| scheduled(START, two).slot(claim(two, 6)))).await;
    tasks.join_all().await;
    for verdict in &verdicts {
        if let ges_domain::booking::Booked::Accepted(callback) = verdict {
            records.push((**callback).clone());
        }
    }
    assert!(accepted(&verdicts) <= 6);
    let mut counted = ges_domain::capacity::Usage::default();
    let mut waiting = 0;
    for booked in &records {
        let row = standing(stores, booked).await;
        waiting += usize::from(row.waits_for_handover());
        if row.holds_slot() {
            counted.add(row.desired_at, 1);
        }
    }
    let usage = stores.bookings().usage(tenant(), &records[0].service, START, after(90_000)).await.unwrap();
    assert_eq!(usage, counted, "P-4");
    assert!(usage.used(two, after(9900)) <= 6, "I3");
    let due = stores.handover().due(lease, &service_of(&records[0]), after(90_000), 1000).await.unwrap();
    assert_eq!(due.len(), waiting, "I1: what waits is found");
}
