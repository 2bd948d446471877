//! Every predicate is silent on a good day and finds the breach it is for.

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::callback::{
    Actor, Callback, Change, Direction, Kind, Particulars, Reason, State, Submission, TimelineEvent,
};
use crate::phone::{PhoneKey, PhoneNumber};
use crate::slots::Cell;
use crate::{Instant, ServiceName, SessionId, TenantId};

#[path = "slack_tests.rs"]
mod slack;

fn at(seconds: i64) -> Instant {
    Instant::from_millis(1_800_000_000_000 + seconds * 1000)
}

fn id(n: u128) -> CallbackId {
    CallbackId(Uuid::from_u128(n))
}

fn tenant() -> TenantId {
    TenantId(Uuid::from_u128(1))
}

fn service() -> ServiceName {
    ServiceName::new("CB_Sales").unwrap()
}

fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

/// A record with the given history.
fn story(n: u128, kind: Kind, desired: Instant, steps: &[(i64, Actor, Change)]) -> Story {
    let mut record = Callback {
        id: id(n),
        tenant: tenant(),
        service: service(),
        kind,
        direction: Direction::UserTerminated,
        state: if kind == Kind::Scheduled { State::Scheduled } else { State::Queued },
        reason: None,
        phone: PhoneNumber::new("12223334444").unwrap(),
        phone_key: PhoneKey::stored("12223334444"),
        desired_at: desired,
        created_at: at(0),
        updated_at: at(0),
        completed_at: None,
        deadline: desired + Duration::from_secs(86_400),
        priority: None,
        particulars: Particulars::default(),
        submission: Submission::default(),
        session: None,
        dial_attempts: 0,
        cancel: None,
        reschedules: 0,
        version: 0,
        session_seq: 0,
        position: None,
        ewt: None,
    };
    let mut timeline: Vec<TimelineEvent> = Vec::new();
    let booked = (0, Actor::Api, Change::Booked);
    for (when, actor, change) in std::iter::once(&booked).chain(steps) {
        let (next, event) = record.apply(actor.clone(), at(*when), vec![change.clone()]);
        record = next;
        timeline.push(event);
    }
    Story { record, timeline }
}

fn bind(name: &str) -> Change {
    Change::SessionBound { session: session(name), url: None }
}

fn done() -> Change {
    Change::Completed { reason: Reason::AGENT_CONNECTED }
}

fn entry(n: u128, attempt: u32, when: i64, desired: Instant) -> Entry {
    let at = at(when);
    Entry {
        tenant: tenant(),
        id: id(n),
        attempt,
        at,
        decided_at: at,
        earliest_dial: crate::submission::earliest_dial(desired, at),
    }
}

/// One immediate and one scheduled callback, both served.
fn good_day() -> Evidence {
    let later = at(7_200);
    let stories = vec![
        story(
            1,
            Kind::Immediate,
            at(0),
            &[
                (1, Actor::Monitor, Change::Submitted { attempt: 1 }),
                (2, Actor::Session, bind("S1")),
                (9, Actor::Session, done()),
            ],
        ),
        story(
            2,
            Kind::Scheduled,
            later,
            &[
                (7_080, Actor::Monitor, Change::Submitted { attempt: 1 }),
                (7_081, Actor::Session, bind("S2")),
                (7_300, Actor::Session, done()),
            ],
        ),
    ];
    Evidence {
        acknowledged: [1, 2]
            .map(|n| Acknowledged { tenant: tenant(), id: id(n), service: service(), answered_at: at(0) })
            .into(),
        stories,
        entries: vec![entry(1, 1, 1, at(0)), entry(2, 1, 7_080, later)],
        sessions: vec![
            SessionTold { id: id(1), session: session("S1"), accepted: true, at: at(2) },
            SessionTold { id: id(2), session: session("S2"), accepted: true, at: at(7_081) },
        ],
        dials: vec![Dial { id: id(1), session: session("S1"), at: at(3) }],
        cells: vec![CellLimit {
            tenant: tenant(),
            service: service(),
            cell: Cell { from: at(7_200), until: at(8_100) },
            limit: 1,
        }],
        at_rest: true,
        ..Evidence::default()
    }
}

/// The promises a spoilt good day breaks.
fn broken_by(spoil: impl FnOnce(&mut Evidence)) -> Vec<&'static str> {
    let mut evidence = good_day();
    spoil(&mut evidence);
    let mut ids: Vec<_> = check(&evidence).iter().map(|violation| violation.invariant.id()).collect();
    ids.dedup();
    ids
}

#[test]
fn a_good_day_breaks_nothing() {
    assert_eq!(check(&good_day()), []);
}

#[test]
fn i1_finds_a_lost_a_doubled_and_a_forgotten_booking() {
    assert_eq!(broken_by(|e| drop(e.stories.remove(0))), ["I1"]);
    assert!(broken_by(|e| e.stories.push(e.stories[0].clone())).contains(&"I1"));
    assert_eq!(broken_by(|e| e.stories[0] = story(1, Kind::Immediate, at(0), &[])), ["I1"]);
}

#[test]
fn i2_finds_an_early_attempt_a_second_session_and_an_uninvited_call() {
    assert_eq!(broken_by(|e| e.entries.push(entry(1, 2, 30, at(0)))), ["I2"], "attempt 2 after 29 s");
    assert_eq!(broken_by(|e| e.entries.push(entry(1, 2, 61, at(0)))), [""; 0], "attempt 2 after 60 s");
    assert_eq!(broken_by(|e| e.entries.push(entry(1, 3, 600, at(0)))), ["I2"], "a gap");
    assert_eq!(broken_by(|e| e.entries.push(entry(1, 1, 30, at(0)))), [""; 0], "a repeat collapses");
    let two = [(1, Actor::Session, bind("S1")), (2, Actor::Session, bind("S9")), (9, Actor::Session, done())];
    assert_eq!(broken_by(|e| e.stories[0] = story(1, Kind::Immediate, at(0), &two)), ["I2"]);
    let stranger = Dial { id: id(1), session: session("S7"), at: at(4) };
    assert_eq!(broken_by(|e| e.dials.push(stranger)), ["I2"]);
}

#[test]
fn i3_finds_an_oversold_cell_even_if_it_was_given_back() {
    let mut back = story(3, Kind::Scheduled, at(7_300), &[]);
    let (record, event) = back.record.apply(Actor::Api, at(60), vec![Change::Completed { reason: Reason::CANCELLED }]);
    (back.record, _) = (record, back.timeline.push(event));
    assert_eq!(broken_by(|e| e.stories.push(back)), ["I3"]);
    let moved_away = Change::Rescheduled {
        from: at(7_300),
        to: at(90_000),
        was: Kind::Scheduled,
        kind: Kind::Scheduled,
        old_deadline: at(93_700),
        deadline: at(176_400),
    };
    let mut away = story(4, Kind::Scheduled, at(7_300), &[]);
    let (record, event) = away.record.apply(Actor::Api, at(60), vec![moved_away]);
    (away.record, _) = (record, away.timeline.push(event));
    assert_eq!(broken_by(|e| e.stories.push(away)), ["I3"]);
}

#[test]
fn i4_finds_an_early_entry_and_an_early_call() {
    assert_eq!(broken_by(|e| e.entries[1] = entry(2, 1, -7_300, at(7_200))), ["I4"]);
    assert_eq!(broken_by(|e| e.entries[1].earliest_dial = at(7_000)), ["I4"]);
    let early = Dial { id: id(2), session: session("S2"), at: at(7_010) };
    assert!(broken_by(|e| e.dials.push(early)).contains(&"I4"));
}

#[test]
fn i5_finds_a_session_accepted_after_a_cancel_and_a_cancel_that_did_not_last() {
    let cancel = |seconds| CancelAnswered { id: id(1), success: true, answered_at: at(seconds) };
    assert_eq!(broken_by(|e| e.cancels.push(cancel(1))), ["I5"]);
    assert_eq!(broken_by(|e| e.cancels.push(cancel(100))), ["I5"], "the record says it was served");
}

#[test]
fn i6_finds_two_answers_to_one_key() {
    let answer = |body, status, text| Repeated { tenant: tenant(), key: 1, body, answer: (status, text) };
    assert_eq!(broken_by(|e| e.repeated = vec![answer(1, 200, 7), answer(1, 200, 7), answer(2, 422, 0)]), [""; 0]);
    assert_eq!(broken_by(|e| e.repeated = vec![answer(1, 200, 7), answer(1, 200, 8)]), ["I6"]);
    assert_eq!(broken_by(|e| e.repeated = vec![answer(1, 200, 7), answer(2, 200, 7)]), ["I6"]);
    assert_eq!(broken_by(|e| e.repeated = vec![answer(1, 200, 7), answer(1, 400, 9)]), ["I6"], "a success stays one");
    let unsettled = vec![answer(1, 429, 1), answer(1, 500, 2), answer(1, 200, 7), answer(1, 500, 2), answer(1, 200, 7)];
    assert_eq!(broken_by(|e| e.repeated = unsettled), [""; 0], "refusals before it and failures bind nobody");
}

#[test]
fn i7_finds_a_callback_that_was_overtaken() {
    let due = |n: u128, desired: i64| {
        story(n, Kind::Scheduled, at(desired), &[(8_000, Actor::Monitor, Change::Submitted { attempt: 1 })])
    };
    let spoil = |e: &mut Evidence| {
        e.at_rest = false;
        e.stories = vec![due(5, 90_000), due(6, 80_000)];
        let told = |n| Acknowledged { tenant: tenant(), id: id(n), service: service(), answered_at: at(1) };
        e.acknowledged = vec![told(5), told(6)];
        e.entries = vec![entry(5, 1, 89_000, at(90_000)), entry(6, 1, 89_001, at(80_000))];
        e.sessions.clear();
        e.dials.clear();
    };
    assert_eq!(broken_by(spoil), ["I7"]);
    let cancelled = |e: &mut Evidence| {
        spoil(e);
        let (record, event) =
            e.stories[1].record.apply(Actor::Api, at(88_000), vec![Change::Completed { reason: Reason::CANCELLED }]);
        (e.stories[1].record, _) = (record, e.stories[1].timeline.push(event));
    };
    assert_eq!(broken_by(cancelled), [""; 0], "it waited no longer; a node that stood still wrote it late");
}

#[test]
fn i8_finds_a_missing_event_and_a_row_that_drifted() {
    assert!(broken_by(|e| drop(e.stories[0].timeline.remove(1))).contains(&"I8"));
    assert_eq!(broken_by(|e| e.stories[0].record.dial_attempts = 4), ["I8"]);
}

#[test]
fn i2_takes_a_sessions_word_that_it_is_gone_and_not_a_monitors() {
    let freed_by = |actor: Actor| {
        broken_by(|e| {
            let steps = [
                (1, Actor::Monitor, Change::Submitted { attempt: 1 }),
                (20, actor, Change::SessionUnbound),
                (21, Actor::Monitor, Change::Submitted { attempt: 2 }),
                (22, Actor::Session, bind("S1")),
                (30, Actor::Session, done()),
            ];
            e.stories[0] = story(1, Kind::Immediate, at(0), &steps);
            e.entries.push(entry(1, 2, 21, at(0)));
        })
    };
    assert_eq!(freed_by(Actor::Session), [""; 0]);
    assert_eq!(freed_by(Actor::Monitor), ["I2"], "20 s after the first");
}

#[test]
fn i2_finds_a_session_that_took_again_what_it_had_given_up() {
    let then = |name| {
        broken_by(|e| {
            let steps = [
                (1, Actor::Monitor, Change::Submitted { attempt: 1 }),
                (2, Actor::Session, bind("S1")),
                (3, Actor::Session, Change::SessionUnbound),
                (4, Actor::Session, bind(name)),
                (9, Actor::Session, done()),
            ];
            e.stories[0] = story(1, Kind::Immediate, at(0), &steps);
        })
    };
    assert_eq!(then("S2"), [""; 0]);
    assert_eq!(then("S1"), ["I2"]);
}

#[test]
fn i5_finds_an_attempt_that_was_made_despite_a_wish_to_cancel() {
    let then = |refused: bool| {
        broken_by(|e| {
            let wished = (3, Actor::Api, Change::CancelWished { reason: Reason::CANCELLED });
            let mut steps = vec![
                (1, Actor::Monitor, Change::Submitted { attempt: 1 }),
                (2, Actor::Session, bind("S1")),
                wished,
                (5, Actor::Session, Change::SessionUnbound),
                (6, Actor::Monitor, Change::Submitted { attempt: 2 }),
                (9, Actor::Session, done()),
            ];
            if refused {
                steps.insert(3, (4, Actor::Api, Change::CancelRefused));
            }
            e.stories[0] = story(1, Kind::Immediate, at(0), &steps);
        })
    };
    assert_eq!(then(true), [""; 0]);
    assert_eq!(then(false), ["I5"]);
}

#[test]
fn i2_excuses_an_entry_that_was_overtaken_on_its_way_and_no_other() {
    let written_at = |when| {
        broken_by(|e| {
            let steps = [
                (1, Actor::Monitor, Change::Submitted { attempt: 1 }),
                (61, Actor::Monitor, Change::SessionUnbound),
                (65, Actor::Session, bind("S0")),
                (67, Actor::Session, Change::SessionUnbound),
                (131, Actor::Monitor, Change::Submitted { attempt: 3 }),
                (132, Actor::Session, bind("S1")),
                (140, Actor::Session, done()),
            ];
            e.stories[0] = story(1, Kind::Immediate, at(0), &steps);
            e.sessions[0].at = at(132);
            e.dials.clear();
            e.entries.push(Entry { decided_at: at(61), ..entry(1, 2, when, at(0)) });
            e.entries.push(entry(1, 3, 131, at(0)));
        })
    };
    assert_eq!(written_at(130), [""; 0], "it was under way when the late session took the callback");
    assert_eq!(written_at(62), [""; 0], "the late session counts as its own");
    let after_the_bind = broken_by(|e| {
        let steps = [
            (1, Actor::Monitor, Change::Submitted { attempt: 1 }),
            (61, Actor::Monitor, Change::SessionUnbound),
            (62, Actor::Monitor, Change::Submitted { attempt: 2 }),
            (70, Actor::Monitor, Change::SessionUnbound),
            (71, Actor::Monitor, Change::Submitted { attempt: 3 }),
            (72, Actor::Session, bind("S1")),
            (80, Actor::Session, done()),
        ];
        e.stories[0] = story(1, Kind::Immediate, at(0), &steps);
        e.sessions[0].at = at(72);
        e.dials.clear();
        e.entries.extend([entry(1, 2, 62, at(0)), entry(1, 3, 71, at(0))]);
    });
    assert_eq!(after_the_bind, ["I2"]);
}

#[test]
fn i2_finds_a_write_of_a_monitor_whose_shard_was_given_away() {
    let write = |epoch| MonitorWrite { id: id(1), epoch, newest: 7, at: at(1) };
    assert_eq!(broken_by(|e| e.writes.push(write(7))), [""; 0]);
    assert_eq!(broken_by(|e| e.writes.push(write(6))), ["I2"]);
}

#[test]
fn i8_finds_an_update_that_was_applied_twice() {
    let saw = |when, seq| (when, Actor::Session, Change::SessionSaw { seq });
    let heard = |seqs: [u64; 2]| {
        story(
            1,
            Kind::Immediate,
            at(0),
            &[
                (1, Actor::Monitor, Change::Submitted { attempt: 1 }),
                (2, Actor::Session, bind("S1")),
                saw(3, seqs[0]),
                saw(4, seqs[1]),
                (9, Actor::Session, done()),
            ],
        )
    };
    assert_eq!(broken_by(|e| e.stories[0] = heard([1, 2])), [""; 0]);
    assert_eq!(broken_by(|e| e.stories[0] = heard([2, 2])), ["I8"]);
}

#[test]
fn i9_finds_a_record_that_another_tenant_saw() {
    let read = |by| Read { by, id: id(1) };
    assert_eq!(broken_by(|e| e.reads.push(read(tenant()))), [""; 0]);
    assert_eq!(broken_by(|e| e.reads.push(read(TenantId(Uuid::from_u128(2))))), ["I9"]);
}

#[test]
fn i9_i10_i11_find_a_stray_tenant_a_clock_that_ran_back_and_a_number_in_a_log() {
    assert!(broken_by(|e| e.entries[0].tenant = TenantId(Uuid::from_u128(2))).contains(&"I9"));
    assert!(broken_by(|e| e.stories[0].timeline[2].at = at(0)).contains(&"I10"));
    let log = LogText { text: "ok\ncalling 12223334444".into(), forbidden: vec!["12223334444".into()] };
    let mut evidence = good_day();
    evidence.logs.push(log);
    let found = check(&evidence);
    assert_eq!(found.len(), 1);
    assert!(!found[0].to_string().contains("12223334444"), "the finding does not repeat the number");
}
