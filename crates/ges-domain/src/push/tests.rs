//! EX-N and the rules around it.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::callback::{
    Actor, Callback, Change, Direction, Kind, Particulars, PushTarget, Reason, State, Submission, TimelineEvent,
};
use crate::phone::{PhoneKey, PhoneNumber};
use crate::{CallbackId, Instant, ServiceName, TenantId};

const THRESHOLD: Duration = Duration::from_secs(300);
const NOW: Instant = Instant::from_millis(1_780_000_000_000);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A record in this state, wanted at `desired`, with one target.
fn record(state: State, desired: Instant) -> Callback {
    let phone = PhoneNumber::new("+1 650 466 1142").unwrap();
    Callback {
        id: CallbackId("019a0000-0000-7000-8000-0123456789ab".parse().unwrap()),
        tenant: TenantId(uuid::Uuid::from_u128(2)),
        service: ServiceName::new("CB_Sales").unwrap(),
        kind: if state == State::Scheduled { Kind::Scheduled } else { Kind::Immediate },
        direction: Direction::UserTerminated,
        state,
        reason: (state == State::Completed).then_some(Reason::AGENT_CONNECTED),
        phone_key: PhoneKey::new(None, &phone),
        phone,
        desired_at: desired,
        created_at: NOW,
        updated_at: NOW,
        completed_at: (state == State::Completed).then_some(NOW),
        deadline: desired + secs(86_400),
        priority: None,
        particulars: Particulars { push_targets: vec![PushTarget("ok-1".into())], ..Particulars::default() },
        submission: Submission::default(),
        session: None,
        dial_attempts: 0,
        cancel: None,
        reschedules: 0,
        version: 1,
        session_seq: 0,
        position: None,
        ewt: None,
    }
}

#[test]
fn ex_n_when_upcoming_is_due() {
    let queued = || record(State::Queued, NOW);
    let scheduled = |seconds| record(State::Scheduled, NOW + secs(seconds));
    let early = record(State::Queued, NOW + secs(1_200));
    let first = |desired: Instant| Upcoming::At(desired - THRESHOLD + Duration::from_millis(1));
    for (row, record, threshold, wait, verdict) in [
        ("N1", queued(), THRESHOLD, 299, Upcoming::Now),
        ("N2", queued(), THRESHOLD, 300, Upcoming::WhenWaitFalls),
        ("N4", scheduled(600), THRESHOLD, 0, first(NOW + secs(600))),
        ("N5", scheduled(299), THRESHOLD, 0, Upcoming::Now),
        ("exactly at the threshold", scheduled(300), THRESHOLD, 0, first(NOW + secs(300))),
        ("N6, the estimate of 40 min", early.clone(), THRESHOLD, 2_400, Upcoming::WhenWaitFalls),
        ("N6, the wait of 1 min", early, THRESHOLD, 60, first(NOW + secs(1_200))),
        ("N7", queued(), Duration::ZERO, 0, Upcoming::Never),
        ("N9", record(State::Processing, NOW), THRESHOLD, 0, Upcoming::Never),
        ("over", record(State::Completed, NOW), THRESHOLD, 0, Upcoming::Never),
        ("paused", record(State::Paused, NOW), THRESHOLD, 0, Upcoming::Now),
        ("a scheduled one does not wait in the queue", scheduled(299), THRESHOLD, 5_000, Upcoming::Now),
    ] {
        assert_eq!(upcoming(&record, threshold, secs(wait), NOW), verdict, "R-PSH-3 {row}");
    }
    let told = Callback { ewt: Some(200), ..queued() };
    assert_eq!(upcoming(&told, THRESHOLD, secs(900), NOW), Upcoming::Now, "what the session told goes first");
    let mut nobody = queued();
    nobody.particulars.push_targets.clear();
    assert_eq!(upcoming(&nobody, THRESHOLD, Duration::ZERO, NOW), Upcoming::Never);
}

fn announce(before: &Callback, actor: Actor, changes: Vec<Change>) -> Option<Event> {
    let (after, event): (Callback, TimelineEvent) = before.apply(actor, NOW, changes);
    announced(before, &after, &event)
}

#[test]
fn staff_and_agents_announce_and_the_consumer_does_not() {
    let staff = || Actor::Ui("ada".into());
    let moved = |before: &Callback| Change::Rescheduled {
        from: before.desired_at,
        to: before.desired_at + secs(3_600),
        was: Kind::Scheduled,
        kind: Kind::Scheduled,
        old_deadline: before.deadline,
        deadline: before.deadline + secs(3_600),
    };
    let open = record(State::Scheduled, NOW + secs(9_000));
    let cancelled = |reason| vec![Change::Completed { reason }];
    assert_eq!(announce(&open, staff(), cancelled(Reason::CANCELLED_BY_ADMIN)), Some(Event::CallbackCancelled));
    assert_eq!(announce(&open, Actor::Api, cancelled(Reason::CANCELLED)), None);
    assert_eq!(announce(&open, staff(), vec![moved(&open)]), Some(Event::CallbackRescheduled));
    assert_eq!(announce(&open, Actor::Api, vec![moved(&open)]), None);
    let routed = || vec![Change::Moved { to: State::Routing }];
    let queued = record(State::Queued, NOW);
    assert_eq!(announce(&queued, Actor::Session, routed()), None, "we dial this one");
    let calls_in = Callback { direction: Direction::UserOriginated, ..queued };
    assert_eq!(announce(&calls_in, Actor::Session, routed()), Some(Event::CallbackCallIn));
    let mut nobody = calls_in;
    nobody.particulars.push_targets.clear();
    assert_eq!(announce(&nobody, Actor::Session, routed()), None);
}

#[test]
fn a_session_asks_by_name_and_is_heard_once() {
    let before = record(State::Queued, NOW);
    let asks = |name: &str| {
        let mut after = before.clone();
        after.particulars.session_facts.insert("_push_event".into(), name.into());
        after
    };
    let event = TimelineEvent { seq: 2, at: NOW, actor: Actor::Session, changes: vec![] };
    let asked = asks("CALLBACK_CALL_IN");
    assert_eq!(announced(&before, &asked, &event), Some(Event::CallbackCallIn));
    assert_eq!(announced(&asked, &asked, &event), None, "the same fact again is no news");
    assert_eq!(announced(&before, &asks("CALLBACK_PARTY"), &event), None);
}

#[test]
fn a_new_time_is_a_new_occasion_for_upcoming_and_any_write_for_the_others() {
    let before = record(State::Scheduled, NOW);
    let moved = Callback { reschedules: 1, version: 2, ..before.clone() };
    assert_ne!(Event::CallbackUpcoming.occasion(&before), Event::CallbackUpcoming.occasion(&moved), "N8");
    let written = Callback { version: 7, ..before.clone() };
    assert_eq!(Event::CallbackUpcoming.occasion(&before), Event::CallbackUpcoming.occasion(&written), "N3");
    assert_ne!(Event::CallbackCallIn.occasion(&before), Event::CallbackCallIn.occasion(&written));
}

#[test]
fn texts_are_found_by_language_then_its_part_then_american_english_then_built_in() {
    let event = Event::CallbackUpcoming;
    let texts = Texts::default()
        .with(event, "fr-CA", "t1", "b1")
        .with(event, "de", "t2", "b2")
        .with(event, "en-US", "t3", "b3");
    for (language, title) in [("fr-CA", "t1"), ("FR-ca", "t1"), ("de-AT", "t2"), ("fr-FR", "t3"), ("it", "t3")] {
        assert_eq!(texts.choose(event, language).0, title, "R-PSH-8 {language}");
    }
    assert_eq!(texts.choose(Event::CallbackCancelled, "fr-CA").0, "Your callback was cancelled");
    let json = r#"{"CALLBACK_UPCOMING":{"fr-CA":{"title":"t","body":"b"}}}"#;
    let read: Texts = serde_json::from_str(json).unwrap();
    assert_eq!(read.choose(event, "fr-CA"), ("t", "b"));
    assert!(serde_json::from_str::<Texts>(r#"{"CALLBACK_PARTY":{}}"#).is_err(), "an event that does not exist");
}

#[test]
fn placeholders_are_filled_and_the_number_is_masked() {
    let event = Event::CallbackUpcoming;
    let texts =
        Texts::default().with(event, "en-US", "{serviceName}", "{phoneNumber} {estimatedWaitMinutes} {desiredTime}");
    let scheduled = record(State::Scheduled, NOW + secs(241));
    let message = compose(event, 0, &scheduled, secs(5_000), &texts, NOW);
    assert_eq!(message.title, "CB_Sales");
    assert_eq!(message.body, format!("…42 5 {}", scheduled.desired_at), "R-PSH-7");
    assert_eq!(message.data["event"], "CALLBACK_UPCOMING");
    assert_eq!(message.data["callbackId"], scheduled.id.to_string());
    assert_eq!(message.data["estimatedWaitTime"], "241");
    assert!(!format!("{message:?}").contains("CB_Sales"), "I11");
    let queued = compose(event, 3, &Callback { ewt: Some(61), ..record(State::Queued, NOW) }, secs(9), &texts, NOW);
    assert_eq!((queued.data["estimatedWaitTime"].as_str(), queued.body.split(' ').nth(1)), ("61", Some("2")));
    assert_ne!(queued.tag, message.tag, "another occasion, another message");
    assert!(queued.tag.len() <= 32, "{}", queued.tag);
}

#[test]
fn a_failed_push_is_tried_again_after_five_and_thirty_seconds_and_then_given_up() {
    let failed = |seconds: u64| Sent::Failed { rest: (seconds > 0).then(|| secs(seconds)) };
    let over = |drop_target| Verdict::Failure { drop_target };
    for (attempt, sent, verdict) in [
        (1, Sent::Accepted, Verdict::Success),
        (1, failed(0), Verdict::Again(secs(5))),
        (2, failed(0), Verdict::Again(secs(30))),
        (3, failed(0), over(false)),
        (1, failed(1), Verdict::Again(secs(5))),
        (1, failed(40), Verdict::Again(secs(40))),
        (2, failed(3_600), Verdict::Again(secs(60))),
        (1, Sent::TargetGone, over(true)),
        (1, Sent::Refused, over(false)),
    ] {
        assert_eq!(judge(attempt, sent), verdict, "R-PSH-5 {attempt} {sent:?}");
    }
    assert!(SEND_TIME < HOLD, "an attempt ends before the next may begin");
}

#[test]
fn a_push_is_abandoned_when_it_is_of_no_use() {
    let (open, over) = (record(State::Queued, NOW), record(State::Completed, NOW));
    let (upcoming, cancelled) = (Event::CallbackUpcoming, Event::CallbackCancelled);
    assert!(!abandoned(upcoming, Some(&open), NOW, NOW + secs(599)));
    assert!(abandoned(upcoming, Some(&open), NOW, NOW + secs(600)));
    assert!(abandoned(upcoming, Some(&over), NOW, NOW));
    assert!(!abandoned(cancelled, Some(&over), NOW, NOW), "that it is cancelled is the news");
    assert!(abandoned(cancelled, None, NOW, NOW));
}

proptest! {
    #[test]
    fn p_14_upcoming_is_due_exactly_when_what_remains_is_below_the_threshold(
        left in 0_u64..2_000_000, wait in 0_u64..1_000, threshold in 1_u64..1_000, scheduled: bool,
    ) {
        let state = if scheduled { State::Scheduled } else { State::Queued };
        let record = record(state, NOW + Duration::from_millis(left));
        let remaining = Duration::from_millis(left).max(if scheduled { Duration::ZERO } else { secs(wait) });
        let due = upcoming(&record, secs(threshold), secs(wait), NOW) == Upcoming::Now;
        prop_assert_eq!(due, remaining < secs(threshold));
    }

    #[test]
    fn check_16_what_is_sent_always_fits(title in "\\PC{0,3000}", body in "\\PC{0,5000}") {
        let texts = Texts::default().with(Event::CallbackUpcoming, "en-US", &title, &body);
        let message = compose(Event::CallbackUpcoming, 0, &record(State::Queued, NOW), Duration::ZERO, &texts, NOW);
        prop_assert!(message.payload_bytes() <= MAX_PAYLOAD_BYTES);
    }
}
