//! What monitors see and write (chapter 6).

use std::time::Duration;

use ges_domain::callback::{Actor, Callback, Change, Reason, State};
use ges_domain::ports::{Handed, HandoverOutcome, MonitorSizes, ServiceRef, ShardLease};
use ges_domain::{CallbackId, Instant};

use super::{
    Stores, assert_untouched, book, hand_over, last_changes, lease_for, provision, service_of, standing, used,
};
use crate::CountingIds;
use crate::builders::{
    START, after, consumer_cancels, immediate, move_to, other_tenant, scheduled, service_row, tenant, update,
};

async fn due(stores: &dyn Stores, of: &Callback, until: Instant, limit: u32) -> Vec<CallbackId> {
    let lease = lease_for(stores, of).await;
    let due = stores.handover().due(lease, &service_of(of), until, limit).await.unwrap();
    due.into_iter().map(|record| record.id).collect()
}

async fn timers(stores: &dyn Stores, of: &Callback, now: Instant) -> Vec<CallbackId> {
    let lease = lease_for(stores, of).await;
    let rung = stores.handover().timers(lease, now, 100).await.unwrap();
    rung.into_iter().map(|record| record.id).collect()
}

fn handed(record: &Callback, attempt: u32) -> Handed {
    Handed { tenant: record.tenant, id: record.id, attempt, nth: record.attempt_of_its_time(attempt) }
}

/// Earliest desired time among those that wait, earliest timer among those that are open.
pub async fn the_agenda_shows_what_waits_per_service(stores: &dyn Stores) {
    provision(stores).await;
    let held = stores.shards().hold("a").await.unwrap();
    assert_eq!(stores.handover().agenda(&held).await.unwrap(), []);
    let late = book(stores, scheduled(START, after(9000))).await;
    let soon = book(stores, scheduled(START, after(7200))).await;
    let theirs = book(stores, immediate(after(5)).tenant(other_tenant())).await;
    let line = async |of: &Callback| {
        let lines = stores.handover().agenda(&held).await.unwrap();
        let found = lines.into_iter().find(|line| line.service == service_of(of));
        found.map(|line| (line.next_desired, line.next_timer))
    };
    assert_eq!(line(&soon).await, Some((Some(after(7200)), Some(soon.deadline))));
    assert_eq!(line(&theirs).await, Some((Some(after(5)), Some(theirs.deadline))));
    hand_over(stores, &soon, 1, after(7080)).await;
    assert_eq!(line(&soon).await, Some((Some(after(9000)), Some(after(7140)))), "waits for its answer");
    stores.record().cancel(tenant(), soon.id, &consumer_cancels(), after(7090)).await.unwrap();
    assert_eq!(line(&soon).await, Some((Some(after(9000)), Some(late.deadline))));
    stores.record().cancel(tenant(), late.id, &consumer_cancels(), after(7090)).await.unwrap();
    let nothing = line(&soon).await;
    assert!(matches!(nothing, None | Some((None, None))), "{nothing:?}");
    let elsewhere: Vec<ShardLease> =
        held.iter().copied().filter(|lease| lease.shard != service_of(&theirs).shard()).collect();
    let lines = stores.handover().agenda(&elsewhere).await.unwrap();
    assert!(lines.iter().all(|line| line.service != service_of(&theirs)), "another shard's service");
}

/// R-SUB-3, I7.
pub async fn due_records_come_in_order_and_up_to_the_limit(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let late = book(stores, scheduled(START, at + Duration::from_millis(1))).await;
    let plain = book(stores, scheduled(after(3), at)).await;
    let urgent = book(stores, scheduled(after(4), at).priority(10)).await;
    let shy = book(stores, scheduled(START, at).priority(-10)).await;
    let older = book(stores, scheduled(after(2), at)).await;
    let twin_b = book(stores, scheduled(after(5), at).id(CountingIds::nth((1 << 50) + 2))).await;
    let twin_a = book(stores, scheduled(after(5), at).id(CountingIds::nth((1 << 50) + 1))).await;
    let now = book(stores, immediate(after(9))).await;
    book(stores, scheduled(START, at).on("CB_Support")).await;
    book(stores, scheduled(START, at).tenant(other_tenant())).await;
    let order = [now.id, urgent.id, older.id, plain.id, twin_a.id, twin_b.id, shy.id, late.id];
    assert_eq!(due(stores, &late, after(90_000), 100).await, order, "R-SUB-3");
    assert_eq!(due(stores, &late, at, 7).await, order[..7], "up to and including `until`");
    assert_eq!(due(stores, &late, at, 100).await, order, "and the next one, since there is room");
    assert_eq!(due(stores, &late, at, 3).await, order[..3]);
    assert_eq!(due(stores, &late, after(10), 3).await, order[..2], "one is due, one is next");
    assert_eq!(due(stores, &late, after(8), 3).await, order[..1], "nothing is due, one is next");
    let lease = lease_for(stores, &late).await;
    let whole = stores.handover().due(lease, &service_of(&late), at, 1).await.unwrap();
    assert_eq!(whole, [now], "the whole record");
}

/// Submitted, bound, cancelled.
pub async fn due_leaves_out_what_does_not_wait(stores: &dyn Stores) {
    provision(stores).await;
    let submitted = book(stores, immediate(START)).await;
    hand_over(stores, &submitted, 1, after(1)).await;
    let bound = book(stores, immediate(START)).await;
    stores.record().apply_session_update(tenant(), bound.id, &update("S1", 1, State::Routing), after(1)).await.unwrap();
    let cancelled = book(stores, immediate(START)).await;
    stores.record().cancel(tenant(), cancelled.id, &consumer_cancels(), after(1)).await.unwrap();
    let waiting = book(stores, immediate(START)).await;
    assert_eq!(due(stores, &waiting, after(100), 100).await, [waiting.id]);
}

/// I10: nodes read the store's clock a little apart, and a monitor may be behind the pod that took the booking.
pub async fn a_hand_over_by_a_late_clock_does_not_turn_time_back(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, immediate(after(10))).await;
    let edited = book(stores, scheduled(START, after(7200))).await;
    stores.record().move_booking(tenant(), edited.id, &move_to(after(9000), 9), after(20)).await.unwrap();
    for (record, attempt, at, told) in [(&booked, 1, after(9), after(10)), (&edited, 2, after(19), after(20))] {
        assert_eq!(hand_over(stores, record, attempt, at).await, HandoverOutcome::Recorded);
        let row = standing(stores, record).await;
        assert_eq!((row.updated_at, row.submission.submitted_at), (told, Some(told)), "I10");
        let timeline = stores.record().timeline(record.tenant, record.id).await.unwrap();
        assert!(timeline.windows(2).all(|pair| pair[0].at <= pair[1].at), "I10: {timeline:?}");
    }
    assert_eq!(timers(stores, &booked, after(69)).await, []);
    assert_eq!(timers(stores, &booked, after(70)).await, [booked.id], "60 s after it was told");
}

/// I2, I10: a node that was suspended reads a time that has passed; the next attempt must not follow early for that.
pub async fn an_attempt_waits_from_the_stores_own_time_when_the_node_is_behind(stores: &dyn Stores) {
    provision(stores).await;
    let now = stores.now();
    let booked = book(stores, immediate(now - Duration::from_secs(200))).await;
    let behind = now - Duration::from_secs(100);
    assert_eq!(hand_over(stores, &booked, 1, behind).await, HandoverOutcome::Recorded);
    let row = standing(stores, &booked).await;
    let at = row.submission.submitted_at.expect("it was recorded");
    assert!(now <= at && at <= stores.now() + Duration::from_secs(2), "I10: {at}, not {behind}");
    assert_eq!(row.updated_at, at);
    assert_eq!(timers(stores, &booked, at + Duration::from_millis(59_999)).await, []);
    assert_eq!(timers(stores, &booked, at + Duration::from_secs(60)).await, [booked.id], "R-SUB-8");
}

/// T3, R-SUB-8.
pub async fn an_attempt_is_recorded_once(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, scheduled(START, after(7200))).await;
    assert_eq!(hand_over(stores, &booked, 1, after(7080)).await, HandoverOutcome::Recorded);
    let record = standing(stores, &booked).await;
    assert_eq!((record.state, record.submission.attempts), (State::Queued, 1));
    assert_eq!((record.submission.submitted_at, record.version), (Some(after(7080)), 2));
    assert_eq!(last_changes(stores, &booked).await, [Change::Submitted { attempt: 1 }]);
    assert_eq!(hand_over(stores, &booked, 1, after(7090)).await, HandoverOutcome::Recorded, "safe to repeat");
    assert_untouched(stores, &record).await;
    assert_eq!(used(stores, &booked, after(7200)).await, 1, "it holds its place");
}

/// Cancelled, moved, bound, or not its next attempt.
pub async fn a_changed_record_overtakes_its_attempt(stores: &dyn Stores) {
    provision(stores).await;
    let cancelled = book(stores, immediate(START)).await;
    stores.record().cancel(tenant(), cancelled.id, &consumer_cancels(), after(1)).await.unwrap();
    let before = standing(stores, &cancelled).await;
    assert_eq!(hand_over(stores, &cancelled, 1, after(2)).await, HandoverOutcome::Overtaken, "I5");
    assert_untouched(stores, &before).await;
    let booked = book(stores, immediate(START)).await;
    for attempt in [0, 2, 3] {
        assert_eq!(hand_over(stores, &booked, attempt, after(2)).await, HandoverOutcome::Overtaken, "{attempt}");
    }
    assert_untouched(stores, &booked).await;
    hand_over(stores, &booked, 1, after(2)).await;
    stores.record().move_booking(tenant(), booked.id, &move_to(after(9000), 5), after(3)).await.unwrap();
    let moved = standing(stores, &booked).await;
    for attempt in [1, 3] {
        let outcome = hand_over(stores, &moved, attempt, after(4)).await;
        assert_eq!(outcome, HandoverOutcome::Overtaken, "{attempt}: the numbers go on (1.2.7)");
    }
    assert_untouched(stores, &moved).await;
    assert_eq!(hand_over(stores, &moved, 2, after(5)).await, HandoverOutcome::Recorded);
    let handed = standing(stores, &moved).await;
    assert_eq!(handed.submission.attempts, 1, "three may follow for the new time (R-SUB-8)");
    assert_eq!(hand_over(stores, &moved, 2, after(6)).await, HandoverOutcome::Recorded, "safe to repeat");
}

/// One answer each, whoever else is in the batch.
pub async fn a_batch_is_answered_in_the_order_asked(stores: &dyn Stores) {
    provision(stores).await;
    let mut batch = Vec::new();
    let mut expected = Vec::new();
    let mut records = Vec::new();
    for n in 0..40 {
        let booked = book(stores, immediate(START)).await;
        let overtaken = n % 4 == 1;
        batch.push(handed(&booked, if overtaken { 2 } else { 1 }));
        expected.push(if overtaken { HandoverOutcome::Overtaken } else { HandoverOutcome::Recorded });
        records.push(booked);
    }
    let unknown = Handed { tenant: tenant(), id: CountingIds::nth(1 << 40), attempt: 1, nth: 1 };
    let foreign = Handed { tenant: other_tenant(), ..batch[0] };
    batch.extend([unknown, foreign, batch[2]]);
    expected.extend([HandoverOutcome::Overtaken, HandoverOutcome::Overtaken, HandoverOutcome::Recorded]);
    let lease = lease_for(stores, &records[0]).await;
    assert_eq!(stores.handover().record_handed(lease, &batch, after(1)).await.unwrap(), expected);
    assert_eq!(stores.handover().record_handed(lease, &[], after(1)).await.unwrap(), []);
    for (record, outcome) in records.iter().zip(expected) {
        let version = standing(stores, record).await.version;
        assert_eq!(version, if outcome == HandoverOutcome::Recorded { 2 } else { 1 });
    }
}

/// R-SUB-8: 60 s after the first attempt, 120 s after the second.
pub async fn an_unanswered_attempt_rings_at_its_deadline(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, immediate(START)).await;
    hand_over(stores, &booked, 1, after(10)).await;
    let just_before = after(70) - Duration::from_millis(1);
    assert_eq!(timers(stores, &booked, just_before).await, []);
    assert_eq!(timers(stores, &booked, after(70)).await, [booked.id]);
    let lease = lease_for(stores, &booked).await;
    let seen = stores.handover().timers(lease, after(70), 1).await.unwrap();
    assert_eq!(seen, [standing(stores, &booked).await], "the whole record");
    assert!(stores.handover().settle(lease, &seen[0], vec![Change::SessionUnbound], after(70)).await.unwrap());
    assert_eq!(timers(stores, &booked, after(80)).await, []);
    hand_over(stores, &booked, 2, after(80)).await;
    assert_eq!(timers(stores, &booked, after(199)).await, []);
    assert_eq!(timers(stores, &booked, after(200)).await, [booked.id]);
}

/// R-EXP-1: open records ring at their deadline, handled and completed ones do not; earliest first.
pub async fn a_deadline_rings(stores: &dyn Stores) {
    provision(stores).await;
    let with_deadline = |at| scheduled(START, after(7200)).with(move |callback| callback.deadline = at);
    let second = book(stores, with_deadline(after(9000))).await;
    let first = book(stores, with_deadline(after(8000))).await;
    let handled = book(stores, with_deadline(after(8500))).await;
    hand_over(stores, &handled, 1, after(7080)).await;
    let connected = update("S1", 1, State::Processing);
    stores.record().apply_session_update(tenant(), handled.id, &connected, after(7090)).await.unwrap();
    let gone = book(stores, with_deadline(after(8400))).await;
    stores.record().cancel(tenant(), gone.id, &consumer_cancels(), after(5)).await.unwrap();
    assert_eq!(timers(stores, &first, after(7999)).await, []);
    assert_eq!(timers(stores, &first, after(8000)).await, [first.id]);
    assert_eq!(timers(stores, &first, after(9000)).await, [first.id, second.id]);
    let lease = lease_for(stores, &first).await;
    let rung = stores.handover().timers(lease, after(9000), 1).await.unwrap();
    assert_eq!(rung.len(), 1);
    assert_eq!(rung[0].id, first.id);
}

/// R-TR-4.
pub async fn settle_is_one_compare_and_set(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, scheduled(START, after(7200))).await;
    let lease = lease_for(stores, &booked).await;
    let end = || vec![Change::Completed { reason: Reason::SERVICE_REMOVED }];
    let older = Callback { version: booked.version + 1, ..booked.clone() };
    assert!(!stores.handover().settle(lease, &older, end(), after(9)).await.unwrap());
    assert_untouched(stores, &booked).await;
    assert!(stores.handover().settle(lease, &booked, end(), after(10)).await.unwrap());
    let done = standing(stores, &booked).await;
    assert_eq!((done.state, done.reason.clone(), done.version), (State::Completed, Some(Reason::SERVICE_REMOVED), 2));
    let timeline = stores.record().timeline(tenant(), booked.id).await.unwrap();
    assert_eq!((&timeline[1].actor, timeline[1].at), (&Actor::Monitor, after(10)));
    assert!(!stores.handover().settle(lease, &booked, end(), after(11)).await.unwrap(), "it has changed");
    assert_untouched(stores, &done).await;
    assert_eq!(used(stores, &booked, after(7200)).await, 1, "R-CAP-3: a failure keeps its place");
    let freed = book(stores, scheduled(START, after(9000))).await;
    let cancel = vec![Change::Completed { reason: Reason::CANCELLED_BY_AGENT }];
    assert!(stores.handover().settle(lease, &freed, cancel, after(12)).await.unwrap());
    assert_eq!(used(stores, &freed, after(9000)).await, 0, "P-4");
}

/// R-SUB-7: bookkeeping without version or event, and a success forgets it.
pub async fn failed_cycles_are_counted_without_a_write(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, immediate(START)).await;
    let other = book(stores, immediate(START)).await;
    let lease = lease_for(stores, &booked).await;
    let failed = [(tenant(), booked.id)];
    stores.handover().count_failed_cycle(lease, &failed).await.unwrap();
    stores.handover().count_failed_cycle(lease, &failed).await.unwrap();
    let row = standing(stores, &booked).await;
    assert_eq!((row.submission.failures, row.version), (2, 1));
    assert_untouched(stores, &other).await;
    hand_over(stores, &booked, 1, after(5)).await;
    assert_eq!(standing(stores, &booked).await.submission.failures, 0);
    stores.handover().count_failed_cycle(lease, &failed).await.unwrap();
    assert_eq!(standing(stores, &booked).await.submission.failures, 0, "it does not wait any more");
}

/// R-SUB-10.
pub async fn sizes_count_by_state(stores: &dyn Stores) {
    provision(stores).await;
    let held = stores.shards().hold("a").await.unwrap();
    assert_eq!(stores.handover().sizes(&held).await.unwrap(), MonitorSizes::default());
    book(stores, scheduled(START, after(7200))).await;
    book(stores, scheduled(START, after(7200)).tenant(other_tenant())).await;
    book(stores, immediate(START)).await;
    let handed = book(stores, immediate(START)).await;
    hand_over(stores, &handed, 1, after(1)).await;
    let bound = book(stores, immediate(START)).await;
    let routing = update("S1", 1, State::Routing);
    stores.record().apply_session_update(tenant(), bound.id, &routing, after(1)).await.unwrap();
    let gone = book(stores, immediate(START)).await;
    stores.record().cancel(tenant(), gone.id, &consumer_cancels(), after(1)).await.unwrap();
    let sizes = stores.handover().sizes(&held).await.unwrap();
    assert_eq!(sizes, MonitorSizes { scheduled: 2, active: 3, submit_retry: 1 });
    assert_eq!(stores.handover().sizes(&[]).await.unwrap(), MonitorSizes::default());
}

/// Design section 4: after a change of owner the old right writes nothing.
pub async fn a_stale_lease_changes_nothing(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, immediate(START)).await;
    let stale = lease_for(stores, &booked).await;
    stores.shards().release("a").await.unwrap();
    let held = stores.shards().hold("b").await.unwrap();
    let fresh = held.into_iter().find(|lease| lease.shard == stale.shard).unwrap();
    assert!(fresh.epoch > stale.epoch, "{fresh:?} {stale:?}");
    assert_refused(stores, stale, &booked).await;
    let handover = stores.handover();
    let due = handover.due(fresh, &service_of(&booked), after(10), 10).await.unwrap();
    assert_eq!(due, std::slice::from_ref(&booked));
    let recorded = handover.record_handed(fresh, &[handed(&booked, 1)], after(1)).await.unwrap();
    assert_eq!(recorded, [HandoverOutcome::Recorded]);
}

/// A right to one shard is no right to another.
pub async fn a_lease_of_another_shard_changes_nothing(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, immediate(START)).await;
    let own = service_of(&booked).shard();
    let name = (0..200).map(|n| format!("CB_{n}"));
    let elsewhere = name.map(|name| ServiceRef { tenant: tenant(), name: crate::builders::service(&name) });
    let elsewhere = elsewhere.into_iter().find(|service| service.shard() != own).unwrap();
    stores.catalogue().put_service(tenant(), &service_row(elsewhere.name.as_str())).await.unwrap();
    let held = stores.shards().hold("a").await.unwrap();
    let other = held.into_iter().find(|lease| lease.shard == elsewhere.shard()).unwrap();
    assert_refused(stores, other, &booked).await;
}

/// Every act of a monitor with a right it does not have.
async fn assert_refused(stores: &dyn Stores, lease: ShardLease, booked: &Callback) {
    let handover = stores.handover();
    assert_eq!(handover.due(lease, &service_of(booked), after(10), 10).await.unwrap(), []);
    let batch = [handed(booked, 1), handed(booked, 1)];
    let answers = handover.record_handed(lease, &batch, after(1)).await.unwrap();
    assert_eq!(answers, [HandoverOutcome::Overtaken; 2]);
    let end = vec![Change::Completed { reason: Reason::SUBMIT_FAILED }];
    assert!(!handover.settle(lease, booked, end, after(1)).await.unwrap());
    handover.count_failed_cycle(lease, &[(booked.tenant, booked.id)]).await.unwrap();
    assert_untouched(stores, booked).await;
}
