//! Pushes: claimed once, begun before they are sent, ended once (R-PSH-4, P-14).

use std::collections::BTreeMap;
use std::time::Duration;

use ges_domain::callback::{Actor, Callback, PushTarget, Reason, State};
use ges_domain::ports::{
    Begun, CancelRequest, Move, NoticeEnd, NoticeKey, NoticeLine, Settled, ShardLease, UpcomingClaim, Wake,
};
use ges_domain::push::{Event, HOLD};
use ges_domain::{CallbackId, Instant};

use super::{Stores, book, lease_for, provision, service_of, standing};
use crate::builders::{START, after, immediate, move_to, scheduled, session, tenant, update};

const FAR: Duration = Duration::from_secs(30 * 86_400);

fn target(token: &str) -> PushTarget {
    PushTarget(token.to_owned())
}

/// Books a callback with these push targets.
async fn with_targets(stores: &dyn Stores, desired: Option<Instant>, tokens: &[&str]) -> Callback {
    let draft = desired.map_or_else(|| immediate(START), |desired| scheduled(START, desired));
    let targets: Vec<_> = tokens.iter().map(|token| target(token)).collect();
    book(stores, draft.with(|record| record.particulars.push_targets = targets)).await
}

async fn unclaimed(stores: &dyn Stores, of: &Callback, until: Instant) -> (Vec<CallbackId>, Option<Instant>) {
    let lease = lease_for(stores, of).await;
    let page = stores.notices().upcoming(lease, &service_of(of), until, None, 100).await.unwrap();
    (page.records.into_iter().map(|record| record.id).collect(), page.next)
}

fn claim_of(record: &Callback) -> UpcomingClaim {
    UpcomingClaim {
        tenant: record.tenant,
        id: record.id,
        reschedules: record.reschedules,
        targets: record.particulars.push_targets.clone(),
    }
}

async fn claim(stores: &dyn Stores, record: &Callback, at: Instant) -> u64 {
    let lease = lease_for(stores, record).await;
    stores.notices().claim_upcoming(lease, &[claim_of(record)], at).await.unwrap()
}

async fn begin(stores: &dyn Stores, of: &Callback, at: Instant) -> Vec<Begun> {
    let lease = lease_for(stores, of).await;
    stores.notices().begin_notices(lease, &service_of(of), at, 100).await.unwrap()
}

async fn settle(stores: &dyn Stores, begun: &Begun, end: NoticeEnd) -> bool {
    let settled = [Settled { key: begun.key.clone(), attempt: begun.attempt, end }];
    stores.notices().settle_notices(&settled).await.unwrap() == [true]
}

async fn line(stores: &dyn Stores, of: &Callback) -> Option<NoticeLine> {
    let held = stores.shards().hold("a").await.unwrap();
    let lines = stores.notices().notice_agenda(&held).await.unwrap();
    let found = lines.into_iter().find(|line| line.service == service_of(of));
    found.filter(|line| (line.next_upcoming, line.next_notice) != (None, None))
}

/// By desired time, only those with somebody to push to, only while they are open and nobody talks; the agenda knows the
/// earliest, and the threshold of the service.
pub async fn unclaimed_records_come_in_order_of_their_time(stores: &dyn Stores) {
    provision(stores).await;
    let late = with_targets(stores, Some(after(9_000)), &["late"]).await;
    let soon = with_targets(stores, Some(after(7_200)), &["soon"]).await;
    let nobody = book(stores, scheduled(START, after(3_600))).await;
    let (ids, next) = unclaimed(stores, &late, START + FAR).await;
    assert_eq!((ids, next), (vec![soon.id, late.id], None), "without {}", nobody.id);
    assert_eq!(unclaimed(stores, &late, after(9_000)).await, (vec![soon.id], Some(after(9_000))), "up to, without");
    let known = line(stores, &late).await.unwrap();
    assert_eq!((known.next_upcoming, known.next_notice), (Some(after(7_200)), None));
    assert_eq!(known.threshold, Duration::from_secs(300), "five minutes unless somebody says otherwise");
    let lease = lease_for(stores, &late).await;
    let place = Some((soon.desired_at, soon.id));
    let rest = stores.notices().upcoming(lease, &service_of(&late), START + FAR, place, 1).await.unwrap();
    assert_eq!(rest.records.iter().map(|record| record.id).collect::<Vec<_>>(), [late.id], "page by page");
    let request = CancelRequest { actor: Actor::Api, reason: Reason::CANCELLED, keyed: None };
    stores.record().cancel(tenant(), soon.id, &request, after(1)).await.unwrap();
    assert_eq!(unclaimed(stores, &late, START + FAR).await.0, [late.id], "what is over is not coming up");
    let talking = with_targets(stores, None, &["talking"]).await;
    for (seq, state) in [(1, State::Routing), (2, State::Processing)] {
        stores.record().apply_session_update(tenant(), talking.id, &update("S1", seq, state), after(2)).await.unwrap();
    }
    assert_eq!(unclaimed(stores, &late, START + FAR).await.0, [late.id], "N9");
    stores
        .record()
        .apply_session_update(tenant(), talking.id, &update("S1", 3, State::Queued), after(3))
        .await
        .unwrap();
    assert_eq!(unclaimed(stores, &late, START + FAR).await.0, [talking.id, late.id], "back in the queue");
}

/// However many claim it: one push per target, wanted at once (R-PSH-4, N10).
pub async fn a_push_is_claimed_once(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_targets(stores, None, &["one", "two"]).await;
    let lease = lease_for(stores, &record).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (notices, claim) = (stores.notices(), claim_of(&record));
        tasks.spawn(async move { notices.claim_upcoming(lease, &[claim], after(1)).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<u64>(), 1, "set if absent");
    assert_eq!(line(stores, &record).await.unwrap().next_notice, Some(after(1)));
    assert_eq!(unclaimed(stores, &record, START + FAR).await.0, []);
    let mut begun = begin(stores, &record, after(1)).await;
    begun.sort_by(|a, b| a.key.target.0.cmp(&b.key.target.0));
    let seen: Vec<_> =
        begun.iter().map(|begun| (begun.key.target.0.as_str(), begun.attempt, begun.claimed_at)).collect();
    assert_eq!(seen, [("one", 1, after(1)), ("two", 1, after(1))]);
    assert_eq!(begun[0].record.as_ref().map(|found| found.id), Some(record.id));
    let key = NoticeKey {
        tenant: record.tenant,
        callback: record.id,
        event: Event::CallbackUpcoming,
        occasion: 0,
        target: target("one"),
    };
    assert_eq!(begun[0].key, key);
    assert_eq!(standing(stores, &record).await.version, record.version, "a push is no change of the record");
}

/// An attempt belongs to who began it until its hold is over; then the next one follows.
pub async fn an_attempt_without_an_outcome_is_followed_by_the_next(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_targets(stores, None, &["t"]).await;
    claim(stores, &record, START).await;
    assert_eq!(begin(stores, &record, START).await.len(), 1);
    let over = START + HOLD;
    assert_eq!(begin(stores, &record, over - Duration::from_millis(1)).await, [], "somebody is at it");
    assert_eq!(line(stores, &record).await.unwrap().next_notice, Some(over));
    let again = begin(stores, &record, over).await;
    assert_eq!(again.iter().map(|begun| begun.attempt).collect::<Vec<_>>(), [2], "died with its monitor");
    let late = Begun { attempt: 1, ..again[0].clone() };
    assert!(!settle(stores, &late, NoticeEnd::Failure).await, "news of an attempt that was followed");
    assert!(settle(stores, &again[0], NoticeEnd::Success).await);
    assert!(!settle(stores, &again[0], NoticeEnd::Success).await, "a push ends once");
    assert_eq!(begin(stores, &record, START + FAR).await, []);
    assert_eq!(line(stores, &record).await, None);
    assert_eq!(claim(stores, &record, over).await, 0, "and stays claimed");
}

/// A failed attempt is wanted again from the instant it names.
pub async fn a_failed_attempt_is_wanted_again_later(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_targets(stores, None, &["t"]).await;
    claim(stores, &record, START).await;
    let first = begin(stores, &record, START).await;
    assert!(settle(stores, &first[0], NoticeEnd::Again(after(5))).await);
    assert_eq!(begin(stores, &record, after(5) - Duration::from_millis(1)).await, []);
    let second = begin(stores, &record, after(5)).await;
    assert_eq!((second.len(), second[0].attempt), (1, 2), "R-PSH-5");
    assert!(settle(stores, &second[0], NoticeEnd::Failure).await);
    assert_eq!(begin(stores, &record, START + FAR).await, []);
}

/// Rescheduling makes CALLBACK_UPCOMING due anew; what was read before is no claim on the new time (R-PSH-4, N8).
pub async fn a_new_time_is_claimed_anew(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_targets(stores, Some(after(7_200)), &["t"]).await;
    assert_eq!(claim(stores, &record, after(1)).await, 1);
    stores.record().move_booking(tenant(), record.id, &move_to(after(9_000), 10), after(2)).await.unwrap();
    assert_eq!(claim(stores, &record, after(3)).await, 0, "read before the move");
    assert_eq!(unclaimed(stores, &record, START + FAR).await.0, [record.id]);
    let moved = standing(stores, &record).await;
    assert_eq!(claim(stores, &moved, after(4)).await, 1);
    let mut occasions: Vec<_> = begin(stores, &record, after(4)).await.iter().map(|begun| begun.key.occasion).collect();
    occasions.sort_unstable();
    assert_eq!(occasions, [0, 1], "two pushes");
}

/// A write that announces something leaves the push with it: staff moved it, staff cancelled it (R-PSH-2).
pub async fn announcements_are_written_with_what_they_announce(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_targets(stores, Some(after(7_200)), &["one", "two"]).await;
    let staff = Actor::Ui("ada".into());
    let to = Move { actor: staff.clone(), ..move_to(after(9_000), 10) };
    stores.record().move_booking(tenant(), record.id, &to, after(1)).await.unwrap();
    let request = CancelRequest { actor: staff, reason: Reason::CANCELLED_BY_ADMIN, keyed: None };
    stores.record().cancel(tenant(), record.id, &request, after(2)).await.unwrap();
    let mut told: BTreeMap<(u64, &str), u32> = BTreeMap::new();
    for begun in begin(stores, &record, after(3)).await {
        assert!(begun.record.is_some_and(|record| record.state == State::Completed), "as it stands");
        *told.entry((begun.key.occasion, begun.key.event.as_str())).or_default() += 1;
    }
    assert_eq!(told, [((2, "CALLBACK_RESCHEDULED"), 2), ((3, "CALLBACK_CANCELLED"), 2)].into(), "once per target");
    assert_eq!(unclaimed(stores, &record, START + FAR).await, (vec![], None));
    let by_consumer = with_targets(stores, Some(after(7_200)), &["t"]).await;
    stores.record().move_booking(tenant(), by_consumer.id, &move_to(after(9_000), 10), after(1)).await.unwrap();
    assert_eq!(begin(stores, &by_consumer, after(4)).await, [], "they know it");
}

/// A dead target leaves the record and nothing else changes (R-PSH-5).
pub async fn a_dead_target_leaves_the_record(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_targets(stores, Some(after(7_200)), &["dead", "alive"]).await;
    for _ in 0..2 {
        stores.notices().drop_target(tenant(), record.id, &target("dead"), after(1)).await.unwrap();
    }
    let left = standing(stores, &record).await;
    assert_eq!(left.particulars.push_targets, [target("alive")]);
    assert_eq!(left.version, record.version + 1, "once, with its event");
    stores.notices().drop_target(tenant(), record.id, &target("alive"), after(2)).await.unwrap();
    assert_eq!(unclaimed(stores, &record, START + FAR).await, (vec![], None), "nobody is left to push to");
}

/// Nothing is read, claimed or begun without the right to the shard.
pub async fn a_stale_lease_pushes_nothing(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_targets(stores, None, &["t"]).await;
    let lease = lease_for(stores, &record).await;
    let stale = ShardLease { epoch: lease.epoch + 1, ..lease };
    let (notices, service) = (stores.notices(), service_of(&record));
    let page = notices.upcoming(stale, &service, START + FAR, None, 10).await.unwrap();
    assert_eq!(page.records, []);
    assert_eq!(notices.claim_upcoming(stale, &[claim_of(&record)], START).await.unwrap(), 0);
    assert_eq!(claim(stores, &record, START).await, 1);
    assert_eq!(notices.begin_notices(stale, &service, START, 10).await.unwrap(), []);
    assert_eq!(begin(stores, &record, START).await.len(), 1);
}

/// Whoever waits for hints hears of a booking with a target, and of what its session tells.
pub async fn bookings_with_targets_hint_at_pushes(stores: &dyn Stores) {
    provision(stores).await;
    let mut wake_ups = stores.wake_ups().await;
    let mut heard = async |service: &ges_domain::ports::ServiceRef| loop {
        match tokio::time::timeout(Duration::from_secs(10), wake_ups.next()).await.expect("a hint comes") {
            Wake::Notices { service: hinted } if hinted == *service => return,
            Wake::Everything => return,
            Wake::Notices { .. } | Wake::Service { .. } | Wake::Paused { .. } | Wake::Bulk => {}
        }
    };
    let record = with_targets(stores, None, &["t"]).await;
    let service = service_of(&record);
    heard(&service).await;
    let told = ges_domain::callback::SessionUpdate {
        session: Some(session("S1")),
        ewt: Some(120),
        ..update("S1", 1, State::Queued)
    };
    stores.record().apply_session_update(tenant(), record.id, &told, after(1)).await.unwrap();
    heard(&service).await;
}

/// What is purged is pushed no more (R-REC-2).
pub async fn pushes_leave_with_their_record(stores: &dyn Stores) {
    provision(stores).await;
    let record = with_targets(stores, None, &["t"]).await;
    claim(stores, &record, START).await;
    assert_eq!(stores.handover().purge(START + FAR, 10).await.unwrap(), 1);
    assert_eq!(begin(stores, &record, START + FAR).await, []);
    assert_eq!(line(stores, &record).await, None);
}
