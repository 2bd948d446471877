//! Call-ins (chapter 15): keys, matching, expiry and purge.

use std::collections::BTreeSet;
use std::time::Duration;

use ges_domain::call_in::{AccessNumber, CallInRequest, Draft, Draws, Group, GroupName, IncomingCall, Key, State};
use ges_domain::callback::{Callback, Direction, Scalar, State as CallbackState, UserData};
use ges_domain::idempotency::{self, BodyDigest, Keyed, Operation};
use ges_domain::phone::{PhoneKey, PhoneNumber};
use ges_domain::ports::Reserved;
use ges_domain::{CallInId, Instant, TenantId};

use super::{Stores, book, hand_over, last_changes, provision, standing};
use crate::CountingIds;
use crate::builders::{START, after, call_in_group, immediate, other_tenant, session, tenant, update};

const N1: &str = "+15550001";
const N2: &str = "+15550002";

async fn put(stores: &dyn Stores, group: &Group) {
    stores.call_ins().put_group(tenant(), group).await.unwrap();
}

fn draft(nth: u64, at: Instant) -> Draft {
    Draft {
        id: CallInId(CountingIds::nth((1 << 41) + nth).0),
        tenant: tenant(),
        group: GroupName::new("help").unwrap(),
        from: None,
        user_data: UserData::default(),
        callback: None,
        draws: Draws { number: 0, code: 0 },
        created_at: at,
        keyed: None,
    }
}

fn from(caller: &str, draft: Draft) -> Draft {
    let number = PhoneNumber::new(caller).unwrap();
    Draft { from: Some((number.clone(), PhoneKey::new(None, &number))), ..draft }
}

async fn reserve(stores: &dyn Stores, draft: Draft) -> CallInRequest {
    match stores.call_ins().reserve(draft).await.unwrap() {
        Reserved::Taken(request) => *request,
        refused => panic!("{refused:?}"),
    }
}

fn call(number: &str, code: Option<u64>, caller: Option<&str>) -> IncomingCall {
    let caller = caller.map(|caller| PhoneNumber::new(caller).unwrap());
    let caller_keys = caller.iter().map(|caller| PhoneKey::new(None, caller)).collect();
    IncomingCall { number: AccessNumber::new(number).unwrap(), code, caller, caller_keys }
}

async fn matched(stores: &dyn Stores, tenant: TenantId, call: &IncomingCall, now: Instant) -> Option<CallInId> {
    stores.call_ins().match_call(tenant, call, now).await.unwrap().map(|request| request.id)
}

async fn kept(stores: &dyn Stores, id: CallInId) -> CallInRequest {
    stores.call_ins().request(tenant(), id).await.unwrap().expect("the request is kept")
}

/// 15.1, I9.
pub async fn groups_read_back_by_name_and_change(stores: &dyn Stores) {
    let call_ins = stores.call_ins();
    let mut group = call_in_group("help", &[N1, N2], Some(8));
    put(stores, &group).await;
    put(stores, &call_in_group("Ärger", &[N1], None)).await;
    assert_eq!(call_ins.group(tenant(), &group.name).await.unwrap(), Some(group.clone()));
    assert_eq!(call_ins.group(tenant(), &GroupName::new("Help").unwrap()).await.unwrap(), None, "compared exactly");
    assert_eq!(call_ins.group(other_tenant(), &group.name).await.unwrap(), None, "I9");
    let names: Vec<_> =
        call_ins.groups(tenant()).await.unwrap().into_iter().map(|group| group.name.to_string()).collect();
    assert_eq!(names, ["help", "Ärger"]);
    assert_eq!(call_ins.groups(other_tenant()).await.unwrap(), []);
    group.lifetime = Duration::from_secs(30);
    put(stores, &group).await;
    assert_eq!(call_ins.group(tenant(), &group.name).await.unwrap(), Some(group));
}

/// R-CTI-1, R-CTI-2.
pub async fn a_request_reads_back_with_everything(stores: &dyn Stores) {
    provision(stores).await;
    put(stores, &call_in_group("help", &[N1], Some(6))).await;
    let callback = book(stores, immediate(START)).await;
    let user_data = UserData::new([("note".to_owned(), Scalar::Text("größer".repeat(100)))]).unwrap();
    let wish = Draft { user_data, callback: Some(callback.id), ..from("+1 650 466 1100", draft(1, after(7))) };
    let request = reserve(stores, wish.clone()).await;
    assert_eq!(request, wish.with(request.reservation.clone(), Duration::from_secs(120)));
    assert_eq!((request.state, request.expires_at), (State::Waiting, after(127)));
    assert!(matches!(request.reservation.key, Key::Code(100_000..=999_999)), "R-CTI-5");
    assert_eq!(kept(stores, request.id).await, request);
    let plain = reserve(stores, draft(2, after(7))).await;
    assert_eq!(kept(stores, plain.id).await, plain);
    assert_eq!(stores.call_ins().request(other_tenant(), request.id).await.unwrap(), None, "I9");
}

/// EX-P P1, R-CTI-8; a group that does not exist.
pub async fn numbers_are_given_out_in_turn_until_none_is_left(stores: &dyn Stores) {
    assert_eq!(stores.call_ins().reserve(draft(0, START)).await.unwrap(), Reserved::UnknownGroup);
    put(stores, &call_in_group("help", &[N1, N2], None)).await;
    let given = [reserve(stores, draft(1, START)).await, reserve(stores, draft(2, START)).await];
    assert_eq!(given.map(|request| request.reservation.number.as_str().to_owned()), [N1, N2]);
    assert_eq!(stores.call_ins().reserve(draft(3, START)).await.unwrap(), Reserved::NothingFree);
    assert_eq!(stores.call_ins().request(tenant(), draft(3, START).id).await.unwrap(), None, "nothing was written");
    let again = reserve(stores, draft(4, after(120))).await;
    assert_eq!(again.reservation.number.as_str(), N1, "expired keys come back when nothing else is left (R-CTI-6)");
}

/// P-16, R-CTI-4: under concurrency, within a group and across groups that share a number.
pub async fn concurrent_reservations_never_share_a_key(stores: &dyn Stores) {
    put(stores, &call_in_group("help", &[N1, N2, "+15550003", "+15550004"], None)).await;
    put(stores, &call_in_group("codes", &[N1], Some(4))).await;
    put(stores, &call_in_group("more", &[N1, N2], None)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for nth in 0..30 {
        let call_ins = stores.call_ins();
        let name = ["help", "codes", "more"][usize::try_from(nth % 3).unwrap()];
        let wish = Draft { group: GroupName::new(name).unwrap(), ..draft(nth, START) };
        tasks.spawn(async move { call_ins.reserve(wish).await.unwrap() });
    }
    let outcomes = tasks.join_all().await;
    let taken: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Reserved::Taken(request) => Some(request.reservation.clone()),
            _ => None,
        })
        .collect();
    let distinct: BTreeSet<_> = taken.iter().collect();
    assert_eq!(distinct.len(), taken.len(), "P-16");
    let (coded, alone): (Vec<_>, Vec<_>) = taken.iter().partition(|reserved| matches!(reserved.key, Key::Code(_)));
    assert_eq!(coded.len(), 10, "every code request finds a code");
    assert_eq!(alone.len(), 4, "four numbers have four exclusive holders, whichever group they ask");
}

/// EX-P P2, P3, P5, R-CTI-11, R-CTI-13.
pub async fn a_call_finds_its_own_request_once(stores: &dyn Stores) {
    put(stores, &call_in_group("help", &[N1], None)).await;
    let a = reserve(stores, from("100200300", draft(1, START))).await;
    let b = reserve(stores, from("400500600", draft(2, START))).await;
    assert_eq!((a.reservation.number.as_str(), b.reservation.number.as_str()), (N1, N1), "EX-P P2");
    let from_b = call(N1, None, Some("400500600"));
    assert_eq!(matched(stores, other_tenant(), &from_b, after(5)).await, None, "I9");
    let found = stores.call_ins().match_call(tenant(), &from_b, after(5)).await.unwrap().expect("EX-P P3");
    assert_eq!((found.id, found.state, found.ended_at), (b.id, State::Matched, Some(after(5))));
    assert_eq!(found.matched_from, Some(PhoneNumber::new("400500600").unwrap()));
    assert_eq!(kept(stores, b.id).await, found);
    assert_eq!(matched(stores, tenant(), &from_b, after(6)).await, None, "R-CTI-13: once");
    assert_eq!(kept(stores, a.id).await, a, "nobody else's is touched");
    put(stores, &call_in_group("codes", &[N2], Some(6))).await;
    let coded = reserve(stores, Draft { group: GroupName::new("codes").unwrap(), ..draft(3, START) }).await;
    assert_eq!(matched(stores, tenant(), &call(N2, None, None), after(1)).await, None, "EX-P P6");
    assert_eq!(matched(stores, tenant(), &call(N2, Some(1), None), after(1)).await, None, "R-CTI-12");
    assert_eq!(matched(stores, tenant(), &call(N2, coded.code(), None), after(1)).await, Some(coded.id), "EX-P P5");
}

/// R-CTI-13: whoever comes second gets nothing.
pub async fn calls_at_once_match_a_request_once(stores: &dyn Stores) {
    put(stores, &call_in_group("help", &[N1], None)).await;
    let request = reserve(stores, draft(1, START)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let call_ins = stores.call_ins();
        tasks.spawn(async move { call_ins.match_call(tenant(), &call(N1, None, None), after(1)).await.unwrap() });
    }
    let found: Vec<_> = tasks.join_all().await.into_iter().flatten().map(|request| request.id).collect();
    assert_eq!(found, [request.id]);
}

/// EX-P P7, R-CTI-3.
pub async fn a_request_that_is_over_matches_nothing(stores: &dyn Stores) {
    put(stores, &call_in_group("help", &[N1], None)).await;
    let request = reserve(stores, draft(1, START)).await;
    assert_eq!(matched(stores, tenant(), &call(N1, None, None), request.expires_at).await, None, "EX-P P7");
    assert_eq!(kept(stores, request.id).await.state_at(request.expires_at), State::Expired);
    let last = request.expires_at - Duration::from_millis(1);
    assert_eq!(matched(stores, tenant(), &call(N1, None, Some("5551234")), last).await, Some(request.id));
}

/// EX-P P8, R-CTI-7.
pub async fn a_caller_who_asks_again_replaces_the_first_request(stores: &dyn Stores) {
    put(stores, &call_in_group("help", &[N1, N2], None)).await;
    let first = reserve(stores, from("100200300", draft(1, START))).await;
    let second = reserve(stores, from("1 002 003-00", draft(2, after(1)))).await;
    assert_eq!(second.reservation, first.reservation);
    let over = kept(stores, first.id).await;
    assert_eq!((over.state, over.ended_at), (State::Expired, Some(after(1))));
    assert_eq!(matched(stores, tenant(), &call(N1, None, Some("100200300")), after(2)).await, Some(second.id));
}

/// R-CTI-6: a matched key rests, an unused one goes first.
pub async fn a_freed_key_rests(stores: &dyn Stores) {
    put(stores, &call_in_group("help", &[N1, N2], None)).await;
    let first = reserve(stores, draft(1, START)).await;
    matched(stores, tenant(), &call(N1, None, None), after(1)).await.unwrap();
    // Two more of the group's turns come back to N1.
    let second = reserve(stores, draft(2, after(2))).await;
    matched(stores, tenant(), &call(N2, None, None), after(3)).await.unwrap();
    let third = reserve(stores, draft(3, after(61))).await;
    assert_eq!([&first, &second, &third].map(|request| request.reservation.number.as_str()), [N1, N2, N1]);
    let fourth = reserve(stores, draft(4, after(62))).await;
    assert_eq!(fourth.reservation.number.as_str(), N2, "it still rests, but nothing else is left");
}

/// I9: the same numbers and codes, and neither knows of the other.
pub async fn tenants_do_not_share_keys(stores: &dyn Stores) {
    for tenant in [tenant(), other_tenant()] {
        stores.call_ins().put_group(tenant, &call_in_group("help", &[N1], None)).await.unwrap();
    }
    let mine = reserve(stores, draft(1, START)).await;
    let theirs = reserve(stores, Draft { tenant: other_tenant(), ..draft(2, START) }).await;
    assert_eq!(mine.reservation, theirs.reservation);
    assert_eq!(matched(stores, tenant(), &call(N1, None, None), after(1)).await, Some(mine.id));
    assert_eq!(matched(stores, tenant(), &call(N1, None, None), after(1)).await, None);
    assert_eq!(matched(stores, other_tenant(), &call(N1, None, None), after(1)).await, Some(theirs.id));
}

/// R-CTI-10: whatever their state, at most `limit` at a time.
pub async fn old_requests_are_purged_in_batches(stores: &dyn Stores) {
    put(stores, &call_in_group("help", &[N1], Some(6))).await;
    let mut requests = Vec::new();
    for nth in 0..5 {
        requests.push(reserve(stores, draft(nth, after(nth))).await);
    }
    matched(stores, tenant(), &call(N1, requests[0].code(), None), after(5)).await.unwrap();
    assert_eq!(stores.call_ins().purge_call_ins(after(4), 3).await.unwrap(), 3);
    assert_eq!(stores.call_ins().purge_call_ins(after(4), 3).await.unwrap(), 1);
    assert_eq!(stores.call_ins().purge_call_ins(after(4), 3).await.unwrap(), 0);
    assert_eq!(stores.call_ins().request(tenant(), requests[0].id).await.unwrap(), None);
    assert_eq!(kept(stores, requests[4].id).await, requests[4], "made at that very instant");
}

/// A callback of this direction that session `S1` holds, with a request tied to it.
async fn tied(stores: &dyn Stores, direction: Direction, nth: u64) -> (Callback, CallInRequest) {
    let booking = immediate(START).with(|callback| callback.direction = direction);
    let callback = book(stores, booking).await;
    hand_over(stores, &callback, 1, after(1)).await;
    let bound = update("S1", 1, CallbackState::Queued);
    stores.record().apply_session_update(tenant(), callback.id, &bound, after(2)).await.unwrap();
    let request = reserve(stores, Draft { callback: Some(callback.id), ..draft(nth, after(3)) }).await;
    (standing(stores, &callback).await, request)
}

/// R-CTI-14, I8: noted with its event in the act that matches the call, once.
pub async fn a_matched_request_is_noted_in_its_callback(stores: &dyn Stores) {
    provision(stores).await;
    put(stores, &call_in_group("help", &[N1, N2], None)).await;
    for (nth, direction, told) in [(1, Direction::UserOriginated, true), (2, Direction::UserTerminated, false)] {
        let (before, request) = tied(stores, direction, nth).await;
        let dialed = call(request.reservation.number.as_str(), None, None);
        assert_eq!(matched(stores, tenant(), &dialed, after(5)).await, Some(request.id));
        let linked = standing(stores, &before).await;
        assert_eq!(linked.particulars.call_in_request, Some(request.id));
        assert_eq!((linked.version, linked.call_in_to_tell().is_some()), (before.version + 1, told), "{direction:?}");
        let changes = last_changes(stores, &before).await;
        assert_eq!(format!("{changes:?}"), r#"[Edited { fields: ["callInRequestId"] }]"#);
        assert_eq!(matched(stores, tenant(), &dialed, after(6)).await, None);
        assert_eq!(standing(stores, &before).await, linked, "once");
    }
}

/// R-CTI-14: what is to be told stays until the session that has the callback has heard it, also when that one binds after the
/// call.
pub async fn a_call_stays_to_be_told_until_the_right_session_has_heard(stores: &dyn Stores) {
    provision(stores).await;
    put(stores, &call_in_group("help", &[N1], None)).await;
    let booking = immediate(START).with(|callback| callback.direction = Direction::UserOriginated);
    let callback = book(stores, booking).await;
    hand_over(stores, &callback, 1, after(1)).await;
    let request = reserve(stores, Draft { callback: Some(callback.id), ..draft(1, after(1)) }).await;
    matched(stores, tenant(), &call(N1, None, None), after(2)).await.unwrap();
    assert_eq!(standing(stores, &callback).await.call_in_to_tell(), None, "nobody is there to hear it");
    let bound = update("S1", 1, CallbackState::Queued);
    stores.record().apply_session_update(tenant(), callback.id, &bound, after(3)).await.unwrap();
    let heard = async |tenant, request, name: &str| {
        stores.record().call_in_told(tenant, callback.id, request, &session(name), after(4)).await.unwrap();
        let record = standing(stores, &callback).await;
        (record.call_in_to_tell().is_some(), record.version)
    };
    let before = standing(stores, &callback).await.version;
    assert_eq!(heard(other_tenant(), request.id, "S1").await, (true, before), "I9");
    assert_eq!(heard(tenant(), request.id, "S2").await, (true, before), "another session heard");
    assert_eq!(heard(tenant(), draft(9, START).id, "S1").await, (true, before), "of another call");
    assert_eq!(heard(tenant(), request.id, "S1").await, (false, before + 1));
    assert_eq!(format!("{:?}", last_changes(stores, &callback).await), r#"[Edited { fields: ["callInTold"] }]"#);
    assert_eq!(heard(tenant(), request.id, "S1").await, (false, before + 1), "again changes nothing");
}

/// R-CTI-14: calls at once and a busy session lose nothing of each other.
pub async fn a_call_and_a_session_that_write_at_once_are_both_noted(stores: &dyn Stores) {
    provision(stores).await;
    put(stores, &call_in_group("help", &[N1], None)).await;
    let (before, request) = tied(stores, Direction::UserOriginated, 1).await;
    let (call_ins, record, id) = (stores.call_ins(), stores.record(), before.id);
    let busy = tokio::spawn(async move {
        for seq in 2..12 {
            let told = update("S1", seq, CallbackState::Queued);
            record.apply_session_update(tenant(), id, &told, after(4)).await.unwrap();
        }
    });
    let found = call_ins.match_call(tenant(), &call(N1, None, None), after(4)).await.unwrap();
    busy.await.unwrap();
    let after = standing(stores, &before).await;
    assert_eq!(found.map(|found| found.id), Some(request.id));
    assert_eq!((after.particulars.call_in_request, after.session_seq), (Some(request.id), 11));
    assert_eq!(after.version, before.version + 11, "ten updates and the call");
}

/// I6: under a key, also at once, one request is made; another body under it is refused, and a refusal keeps nothing.
pub async fn a_key_makes_one_request(stores: &dyn Stores) {
    let under = |nth, body: u8| {
        let keyed = Keyed {
            operation: Operation::CallIn,
            key: idempotency::Key::new("order-17").unwrap(),
            body: BodyDigest([body; 32]),
        };
        Draft { keyed: Some(keyed), ..draft(nth, START) }
    };
    assert_eq!(stores.call_ins().reserve(under(0, 1)).await.unwrap(), Reserved::UnknownGroup);
    put(stores, &call_in_group("help", &[N1, N2], None)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for nth in 1..9 {
        let (call_ins, wish) = (stores.call_ins(), under(nth, 1));
        tasks.spawn(async move { call_ins.reserve(wish).await.unwrap() });
    }
    let outcomes = tasks.join_all().await;
    let made: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Reserved::Taken(request) => Some(request.id),
            _ => None,
        })
        .collect();
    assert_eq!(made.len(), 1, "I6: {outcomes:?}");
    let repeated = outcomes.iter().filter(|outcome| **outcome == Reserved::Repeated(made[0])).count();
    assert_eq!(repeated, 7, "I6: {outcomes:?}");
    assert_eq!(stores.call_ins().reserve(under(9, 2)).await.unwrap(), Reserved::KeyReused);
    reserve(stores, draft(10, START)).await;
    assert_eq!(
        stores.call_ins().reserve(draft(11, START)).await.unwrap(),
        Reserved::NothingFree,
        "two numbers, two holders"
    );
}
