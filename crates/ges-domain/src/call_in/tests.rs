//! EX-P, the ledger's corners, and P-16.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::callback::UserData;
use crate::phone::{PhoneKey, PhoneNumber};
use crate::{CallInId, Instant, TenantId};

const NOW: Instant = Instant::from_millis(1_780_000_000_000);

fn group(numbers: &[&str], codes: Option<u8>) -> Group {
    Group {
        name: GroupName::new("help").unwrap(),
        description: String::new(),
        numbers: numbers.iter().map(|number| AccessNumber::new(number).unwrap()).collect(),
        codes: codes.map(|digits| CodeDigits::new(digits).unwrap()),
        lifetime: Duration::from_secs(120),
        allocation: Allocation::RoundRobin,
        service: None,
    }
}

const N1: &str = "+15550001";
const N2: &str = "+15550002";

/// A desk that gives out keys and remembers them, as a store does.
struct Desk {
    group: Group,
    requests: Vec<CallInRequest>,
    turn: u64,
    now: Instant,
}

impl Desk {
    fn of(group: Group) -> Self {
        Self { group, requests: Vec::new(), turn: 0, now: NOW }
    }

    fn held(&self) -> Vec<Held> {
        let held = |request: &CallInRequest| Held {
            id: request.id,
            reservation: request.reservation.clone(),
            expires_at: request.expires_at,
            ended_at: request.ended_at,
        };
        self.requests.iter().map(held).collect()
    }

    fn ask(&mut self, from: Option<&str>, draw: u64) -> Option<CallInRequest> {
        let number = from.map(|from| PhoneNumber::new(from).unwrap());
        let draft = Draft {
            id: CallInId(Uuid::from_u128(self.requests.len() as u128 + 1)),
            tenant: TenantId(Uuid::nil()),
            group: self.group.name.clone(),
            from: number.map(|number| (number.clone(), PhoneKey::new(None, &number))),
            user_data: UserData::default(),
            callback: None,
            draws: Draws { number: draw, code: draw },
            created_at: self.now,
            keyed: None,
        };
        let got = allot(&self.group, self.turn, &draft, &self.held(), self.now)?;
        self.turn += 1;
        if let Some(old) = got.replaces {
            let old = self.requests.iter_mut().find(|request| request.id == old).unwrap();
            (old.state, old.ended_at) = (State::Expired, Some(self.now));
        }
        let request = draft.with(got.reservation, self.group.lifetime);
        self.requests.push(request.clone());
        Some(request)
    }

    fn call(&mut self, number: &str, code: Option<u64>, caller: Option<&str>) -> Option<CallInId> {
        let caller = caller.map(|caller| PhoneNumber::new(caller).unwrap());
        let caller_keys = caller.iter().map(|caller| PhoneKey::new(None, caller)).collect();
        let call = IncomingCall { number: AccessNumber::new(number).unwrap(), code, caller, caller_keys };
        let id = first_of(&call, &self.requests, self.now)?.id;
        let request = self.requests.iter_mut().find(|request| request.id == id).unwrap();
        *request = request.matched(&call, self.now);
        Some(id)
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }
}

fn number(request: &Option<CallInRequest>) -> Option<&str> {
    request.as_ref().map(|request| request.reservation.number.as_str())
}

#[test]
fn p1_three_requests_without_codes_or_callers_get_both_numbers_and_then_none() {
    let mut desk = Desk::of(group(&[N1, N2], None));
    let got = [desk.ask(None, 0), desk.ask(None, 0), desk.ask(None, 0)];
    assert_eq!(got.each_ref().map(number), [Some(N1), Some(N2), None], "EX-P P1, R-CTI-8");
}

#[test]
fn p2_and_p3_two_callers_share_a_number_and_a_call_finds_its_own() {
    let mut desk = Desk::of(group(&[N1], None));
    let (a, b) = (desk.ask(Some("100200300"), 0).unwrap(), desk.ask(Some("400500600"), 0).unwrap());
    assert_eq!((a.reservation.number.as_str(), b.reservation.number.as_str()), (N1, N1), "EX-P P2");
    assert_eq!(desk.call(N1, None, Some("400500600")), Some(b.id), "EX-P P3");
    assert_eq!(desk.call(N1, None, Some("400500600")), None, "R-CTI-13: a second call finds nothing");
    assert_eq!(desk.call(N1, None, None), None, "R-CTI-11: nobody holds the number alone");
    assert_eq!(desk.call(N1, Some(1234), Some("100200300")), None, "R-CTI-11: a code alone decides");
}

#[test]
fn p4_a_caller_does_not_share_an_exclusive_number() {
    let mut desk = Desk::of(group(&[N1, N2], None));
    assert_eq!(number(&desk.ask(None, 0)), Some(N1));
    desk.turn = 0;
    assert_eq!(number(&desk.ask(Some("100200300"), 0)), Some(N2), "EX-P P4");
}

#[test]
fn p5_and_p6_a_code_matches_once_and_its_lack_never() {
    let mut desk = Desk::of(group(&[N1], Some(6)));
    let request = desk.ask(Some("100200300"), 77).unwrap();
    let code = request.code().unwrap();
    assert!((100_000..=999_999).contains(&code), "R-CTI-5");
    assert_eq!(desk.call(N1, None, Some("100200300")), None, "EX-P P6, R-CTI-12");
    assert_eq!(desk.call(N1, Some(code + 1), Some("100200300")), None, "R-CTI-12");
    assert_eq!(desk.call(N2, Some(code), None), None, "another number");
    assert_eq!(desk.call(N1, Some(code), None), Some(request.id), "EX-P P5");
    assert_eq!(desk.call(N1, Some(code), None), None, "EX-P P5");
}

#[test]
fn p7_a_call_at_the_expiration_is_too_late() {
    let mut desk = Desk::of(group(&[N1], None));
    let request = desk.ask(None, 0).unwrap();
    desk.later(120);
    assert_eq!(desk.now, request.expires_at);
    assert_eq!(request.state_at(desk.now), State::Expired);
    assert_eq!(desk.call(N1, None, None), None, "EX-P P7");
}

#[test]
fn p8_a_caller_who_asks_again_replaces_the_first_request() {
    let mut desk = Desk::of(group(&[N1, N2], None));
    let first = desk.ask(Some("100200300"), 0).unwrap();
    let second = desk.ask(Some("100200300"), 0).unwrap();
    assert_eq!(second.reservation, first.reservation, "R-CTI-7: the same key");
    assert_eq!(desk.requests[0].state, State::Expired, "EX-P P8");
    assert_eq!(desk.call(N1, None, Some("100200300")), Some(second.id));
}

#[test]
fn a_caller_known_to_the_switch_reaches_the_exclusive_request() {
    let mut desk = Desk::of(group(&[N1], None));
    let request = desk.ask(None, 0).unwrap();
    assert_eq!(desk.call(N1, None, Some("100200300")), Some(request.id), "R-CTI-11");
    assert_eq!(desk.requests[0].matched_from, Some(PhoneNumber::new("100200300").unwrap()), "R-CTI-13");
}

#[test]
fn a_freed_key_rests_for_a_minute_unless_nothing_else_is_left() {
    let mut desk = Desk::of(group(&[N1, N2], None));
    desk.ask(None, 0).unwrap();
    desk.call(N1, None, None).unwrap();
    desk.turn = 0;
    assert_eq!(number(&desk.ask(None, 0)), Some(N2), "R-CTI-6: N1 rests");
    assert_eq!(number(&desk.ask(None, 0)), Some(N1), "R-CTI-6: nothing else is left");
    desk.later(120);
    desk.turn = 1;
    assert_eq!(number(&desk.ask(None, 0)), Some(N2), "both rest, so either is given");
    desk.later(180);
    desk.turn = 0;
    assert_eq!(number(&desk.ask(None, 0)), Some(N1), "rested");
}

#[test]
fn every_code_of_a_number_can_be_given_out_before_the_next_number_and_none_twice() {
    let mut desk = Desk::of(group(&[N1], Some(4)));
    let draft = desk.ask(None, 0).unwrap();
    desk.requests.clear();
    let take = |code: u64| {
        let reservation = Reservation { number: AccessNumber::new(N1).unwrap(), key: Key::Code(code) };
        CallInRequest { reservation, ..draft.clone() }
    };
    desk.requests = (1000..=9999).filter(|code| *code != 4711).map(take).collect();
    assert_eq!(desk.ask(None, u64::MAX).unwrap().code(), Some(4711), "the only one left");
    assert_eq!(desk.ask(None, 0), None, "R-CTI-8");
}

#[test]
fn random_allocation_begins_anywhere_and_round_robin_in_turn() {
    let mut desk = Desk::of(Group { allocation: Allocation::Random, ..group(&[N1, N2], None) });
    assert_eq!(number(&desk.ask(Some("100200300"), 3)), Some(N2));
    let mut desk = Desk::of(group(&[N1, N2], Some(6)));
    let got: Vec<_> = (0..3).map(|draw| number(&desk.ask(None, draw)).unwrap().to_owned()).collect();
    assert_eq!(got, [N1, N2, N1]);
}

#[test]
fn documents_are_checked_and_read_back() {
    let read = |text: &str| serde_json::from_str::<Group>(text).map_err(|error| error.to_string());
    let plain = read(r#"{"name":" help ","numbers":["+15550001"]}"#).unwrap();
    assert_eq!(plain, group(&[N1], None), "the defaults of 15.1");
    let full = r#"{"name":"help","description":"x","numbers":["+15550001","+15550002"],"accessCode":true,
        "accessCodeLength":4,"requestLifetime":30,"allocation":"RANDOM","serviceName":"CB_Sales"}"#;
    let full = read(full).unwrap();
    assert_eq!((full.codes.map(CodeDigits::get), full.lifetime.as_secs()), (Some(4), 30));
    assert_eq!(read(&serde_json::to_string(&full).unwrap()), Ok(full));
    for (document, complaint) in [
        (r#"{"name":"","numbers":["+15550001"]}"#, "characters"),
        (r#"{"name":"a","numbers":[]}"#, "1 to 100 different"),
        (r#"{"name":"a","numbers":["+15550001","+15550001"]}"#, "1 to 100 different"),
        (r#"{"name":"a","numbers":["15550001"]}"#, "must be + and"),
        (r#"{"name":"a","numbers":["+15550001"],"accessCodeLength":3}"#, "4 to 10"),
        (r#"{"name":"a","numbers":["+15550001"],"accessCodeLength":11}"#, "4 to 10"),
        (r#"{"name":"a","numbers":["+15550001"],"requestLifetime":29}"#, "30 to 3600"),
        (r#"{"name":"a","numbers":["+15550001"],"requestLifetime":3601}"#, "30 to 3600"),
        (r#"{"name":"a","numbers":["+15550001"],"codes":true}"#, "unknown field"),
    ] {
        let said = read(document).unwrap_err();
        assert!(said.contains(complaint), "{document}: {said}");
    }
}

#[test]
fn typed_codes_and_dialed_numbers_are_read_as_switches_report_them() {
    assert_eq!(code_of(" 123456 "), Ok(123_456));
    for wrong in ["", "123", "0123", "12345678901", "12a4", "-1234"] {
        assert_eq!(code_of(wrong), Err(NotACode), "{wrong}");
    }
    for text in ["+15550001", "15550001", "1 555-0001"] {
        assert_eq!(AccessNumber::dialed(text).unwrap().as_str(), N1);
    }
    assert!(AccessNumber::dialed("help").is_err());
}

#[test]
fn keys_read_back_and_show_nothing() {
    let caller = Key::Caller(PhoneKey::stored("15551234567"));
    for key in [Key::Code(4711), caller.clone(), Key::Exclusive] {
        assert_eq!(Key::stored(&key.to_text()), Ok(key));
    }
    for text in ["", "c", "cx", "p", "xx", "q1", "ä"] {
        assert_eq!(Key::stored(text), Err(NotAKey), "{text}");
    }
    assert!(!format!("{caller:?} {:?}", Key::Code(4711)).contains("4711"), "I11");
}

/// What happens at the desk: somebody asks (caller, draw), a call comes in (number, which waiting request), or time passes.
#[derive(Debug, Clone)]
enum Step {
    Ask(Option<u8>, u64),
    Call(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (prop::option::of(0_u8..4), any::<u64>()).prop_map(|(caller, draw)| Step::Ask(caller, draw)),
        2 => (0_usize..8).prop_map(Step::Call),
        1 => (1_u64..200).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..40)
}

fn keys_are_unambiguous(desk: &Desk) -> Result<(), TestCaseError> {
    let waiting: Vec<_> = desk.requests.iter().filter(|request| request.state_at(desk.now) == State::Waiting).collect();
    let distinct: BTreeSet<_> = waiting.iter().map(|request| &request.reservation).collect();
    prop_assert_eq!(distinct.len(), waiting.len(), "P-16: no two share a key");
    for alone in waiting.iter().filter(|request| request.reservation.key == Key::Exclusive) {
        let beside = waiting
            .iter()
            .filter(|request| request.reservation.number == alone.reservation.number && request.code().is_none());
        prop_assert_eq!(beside.count(), 1, "R-CTI-4: an exclusive number has one holder");
    }
    Ok(())
}

proptest! {
    #[test]
    fn p_16_no_two_waiting_requests_share_a_key_and_a_match_frees_one(
        steps in steps(),
        codes in prop::option::of(Just(4_u8)),
    ) {
        let mut desk = Desk::of(group(&[N1, N2], codes));
        for step in steps {
            match step {
                Step::Ask(caller, draw) => {
                    let caller = caller.map(|caller| format!("10020030{caller}"));
                    desk.ask(caller.as_deref(), draw);
                }
                Step::Call(nth) => {
                    let waiting = |desk: &Desk| desk.requests.iter().filter(|request| request.state_at(desk.now) == State::Waiting).count();
                    let before = waiting(&desk);
                    let Some(request) = desk.requests.get(nth).cloned() else { continue };
                    let from = request.from.as_ref().map(|from| from.as_given().to_owned());
                    let matched = desk.call(request.reservation.number.as_str(), request.code(), from.as_deref());
                    prop_assert_eq!(before - waiting(&desk), usize::from(matched.is_some()), "P-16");
                    if request.state_at(desk.now) == State::Waiting {
                        prop_assert_eq!(matched, Some(request.id), "its own call finds a waiting request");
                    }
                }
                Step::Wait(seconds) => desk.later(seconds),
            }
            keys_are_unambiguous(&desk)?;
        }
    }
}
