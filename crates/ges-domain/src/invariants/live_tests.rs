//! Every look is silent about what is right and finds the breach it is for.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::Instant;
use crate::callback::{
    Actor, Callback, CancelWish, Change, Direction, Kind, Particulars, Reason, SessionBinding, State, Submission,
};
use crate::hours::Hours;
use crate::phone::{PhoneKey, PhoneNumber};
use crate::ports::Dispatch;
use crate::service::{Service, Settings};
use crate::{ServiceName, SessionId, TenantId, throttle};

fn at(seconds: i64) -> Instant {
    Instant::from_millis(1_800_000_000_000 + seconds * 1000)
}

/// SCHEDULED for `desired`.
fn waiting(n: u128, desired: i64) -> Callback {
    Callback {
        id: CallbackId(Uuid::from_u128(n)),
        tenant: TenantId(Uuid::from_u128(1)),
        service: ServiceName::new("CB_Sales").unwrap(),
        kind: Kind::Scheduled,
        direction: Direction::UserTerminated,
        state: State::Scheduled,
        reason: None,
        phone: PhoneNumber::new("12223334444").unwrap(),
        phone_key: PhoneKey::stored("12223334444"),
        desired_at: at(desired),
        created_at: at(0),
        updated_at: at(0),
        completed_at: None,
        deadline: at(desired + 86_400),
        priority: None,
        particulars: Particulars::default(),
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

fn dispatch(callback: Callback, now: i64) -> Dispatch {
    let service = Service {
        name: callback.service.clone(),
        settings: Settings::default(),
        hours: Hours::Always,
        capacity: None,
        tenant_throttle: throttle::Settings::default(),
        paused: false,
        removed: false,
        number_rule: None,
        region_rule: None,
    };
    let earliest_dial = crate::submission::earliest_dial(callback.desired_at, at(now));
    Dispatch { attempt: callback.next_attempt(), callback, service: Arc::new(service), earliest_dial, at: at(now) }
}

/// The promises that a batch breaks.
fn broken(batch: &[Dispatch]) -> Vec<&'static str> {
    let looks = handing_over(batch);
    assert!(looks.iter().all(|look| look.looked == batch.len()));
    looks.iter().filter(|look| !look.broken.is_empty()).map(|look| look.invariant.id()).collect()
}

#[test]
fn a_batch_in_order_breaks_nothing_and_one_out_of_order_is_found() {
    let due = |n, desired| dispatch(waiting(n, desired), 20_000);
    assert_eq!(broken(&[due(1, 20_000), due(2, 20_000), due(3, 20_060)]), [""; 0]);
    assert_eq!(broken(&[due(1, 20_000), due(3, 20_060), due(2, 20_000)]), ["I7"]);
    assert_eq!(broken(&[]), [""; 0]);
}

#[test]
fn an_early_entry_an_early_call_a_second_attempt_and_an_unheard_wish_are_found() {
    let good = dispatch(waiting(1, 20_000), 19_880);
    assert_eq!(broken(std::slice::from_ref(&good)), [""; 0]);
    assert_eq!(broken(&[dispatch(waiting(1, 20_000), 5_599)]), ["I4"], "more than four hours ahead");
    assert_eq!(broken(&[Dispatch { earliest_dial: at(19_819), ..good.clone() }]), ["I4"]);
    assert_eq!(broken(&[Dispatch { attempt: 2, ..good.clone() }]), ["I2"]);
    let held = Some(SessionBinding { id: SessionId::new("S1").unwrap(), url: None });
    assert_eq!(broken(&[dispatch(Callback { session: held, ..good.callback.clone() }, 19_880)]), ["I2"]);
    let cancel = Some(CancelWish { at: at(1), reason: Reason::CANCELLED, confirmed: false, dropped: false });
    assert_eq!(broken(&[dispatch(Callback { cancel, ..good.callback }, 19_880)]), ["I5"]);
}

#[test]
fn an_attempt_is_dead_when_nobody_answered_in_time() {
    let (unanswered, _) = waiting(1, 60).apply(Actor::Monitor, at(0), vec![Change::Submitted { attempt: 1 }]);
    assert_eq!(giving_up(&unanswered, at(60)).broken, []);
    assert_eq!(giving_up(&unanswered, at(60) - Duration::from_millis(1)).broken.len(), 1, "R-SUB-8");
    assert_eq!(giving_up(&waiting(1, 60), at(60)).broken.len(), 1, "there is none");
}

#[test]
fn an_end_has_a_reason_and_a_cancel_stands() {
    let over = |reason| waiting(1, 60).apply(Actor::Api, at(1), vec![Change::Completed { reason }]).0;
    let (cancelled_, served) = (over(Reason::CANCELLED), over(Reason::AGENT_CONNECTED));
    assert_eq!((ended(&cancelled_).broken, cancelled(&cancelled_).broken), (vec![], vec![]));
    assert_eq!((ended(&served).broken.len(), cancelled(&served).broken.len()), (0, 1), "I5");
    assert_eq!(ended(&waiting(1, 60)).broken.len(), 1, "I1");
    let bare = Callback { reason: None, ..served };
    assert_eq!((ended(&bare).broken.len(), written(&bare).broken.len()), (1, 1), "I1, I8");
    assert_eq!(written(&waiting(1, 60)).broken, []);
}
