//! Call-ins as use cases over the in-memory store: asking, calling, and telling the callback (chapter 15).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;
use std::time::Duration;

use ges_domain::call_in::{AccessNumber, CallInRequest, GroupName, State};
use ges_domain::callback::{Direction, Source, State as CallbackState, UserData};
use ges_domain::phone::{Country, PhoneNumber};
use ges_domain::ports::{Bookings, CallIns, Catalogue, Record, SessionEvent, Told};
use ges_domain::use_cases::{CallInWish, CarryOutWishes, MatchCallIn, ReportedCall, RequestCallIn};
use ges_domain::{CallbackId, Refusal, throttle};
use ges_testkit::builders::{call_in_group, immediate, service, service_row, session, tenant, update};
use ges_testkit::{CountingChance, CountingIds, FakePlan, FakeSessions, ManualClock, MemoryStore, SessionCall};

struct Desk {
    store: MemoryStore,
    clock: Arc<ManualClock>,
    sessions: Arc<FakeSessions>,
    ask: RequestCallIn,
    answer: MatchCallIn,
}

impl Desk {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = MemoryStore::new(clock.clone(), Duration::from_secs(5));
        let (shared, sessions) = (Arc::new(store.clone()), Arc::new(FakeSessions::default()));
        store.put_service(tenant(), &service_row("CB_Sales")).await.unwrap();
        let ask = RequestCallIn {
            call_ins: shared.clone(),
            kept: shared.clone(),
            record: shared.clone(),
            catalogue: shared.clone(),
            plan: Arc::new(FakePlan),
            clock: clock.clone(),
            ids: Arc::new(CountingIds::new()),
            chance: Arc::new(CountingChance::default()),
        };
        let answer = MatchCallIn {
            call_ins: shared.clone(),
            catalogue: shared.clone(),
            wishes: CarryOutWishes {
                record: shared.clone(),
                catalogue: shared,
                sessions: sessions.clone(),
                clock: clock.clone(),
            },
            plan: Arc::new(FakePlan),
            clock: clock.clone(),
        };
        Self { store, clock, sessions, ask, answer }
    }

    async fn group(&self, numbers: &[&str], codes: Option<u8>) {
        self.store.put_group(tenant(), &call_in_group("help", numbers, codes)).await.unwrap();
    }

    async fn request(&self, from: Option<&str>, callback: Option<CallbackId>) -> Result<CallInRequest, Refusal> {
        let group = GroupName::new("help").unwrap();
        let from = from.map(|from| PhoneNumber::new(from).unwrap());
        let wish = CallInWish { group, from, user_data: UserData::default(), callback };
        Ok(self.ask.run(tenant(), wish, Source::Api, None).await?.request().clone())
    }

    async fn call(&self, number: &str, code: Option<&str>, caller: Option<&str>) -> Option<CallInRequest> {
        let call = ReportedCall {
            number: AccessNumber::dialed(number).unwrap(),
            code: code.map(str::to_owned),
            caller: caller.map(|caller| PhoneNumber::new(caller).unwrap()),
        };
        let found = self.answer.run(tenant(), call).await.unwrap();
        if let Some(request) = &found {
            self.answer.announce(request).await.unwrap();
        }
        found
    }

    /// The tie of a call to this callback is still to be told.
    async fn is_untold(&self, id: CallbackId) -> bool {
        let now = ges_domain::ports::Clock::now(&*self.clock);
        let callback = self.store.find(tenant(), id, now).await.unwrap().unwrap();
        callback.call_in_to_tell().is_some()
    }

    /// A callback of this direction that session `S1` holds in `state`.
    async fn callback(&self, direction: Direction, state: CallbackState) -> CallbackId {
        let booking = immediate(ges_domain::ports::Clock::now(&*self.clock));
        let booking = booking.with(|callback| callback.direction = direction).build();
        let id = booking.callback.id;
        self.store.book(booking).await.unwrap();
        let now = ges_domain::ports::Clock::now(&*self.clock);
        for (seq, state) in [(1, CallbackState::Queued), (2, state)] {
            self.store.apply_session_update(tenant(), id, &update("S1", seq, state), now).await.unwrap();
        }
        id
    }
}

/// R-CTI-1, R-CTI-11, R-CTI-13: a number is known by every spelling.
#[tokio::test]
async fn a_caller_is_found_by_any_spelling_of_the_announced_number() {
    let desk = Desk::new().await;
    desk.group(&["+15550001"], None).await;
    let request = desk.request(Some("(222) 333-4444"), None).await.unwrap();
    assert_eq!(desk.call("15550001", None, Some("+19990001111")).await, None);
    let found = desk.call("1 555-0001", None, Some("+12223334444")).await.expect("the same number");
    assert_eq!((found.id, found.state), (request.id, State::Matched));
    assert_eq!(desk.call("15550001", None, Some("+12223334444")).await, None, "once");
}

/// R-CTI-12: what is typed is read as a code or matches nothing.
#[tokio::test]
async fn codes_are_compared_as_typed() {
    let desk = Desk::new().await;
    desk.group(&["+15550001"], Some(4)).await;
    let request = desk.request(None, None).await.unwrap();
    let code = request.code().unwrap().to_string();
    for wrong in ["", "12", "abcd", "0999"] {
        assert_eq!(desk.call("+15550001", Some(wrong), None).await, None, "{wrong}");
    }
    assert_eq!(desk.call("+15550001", Some(&format!(" {code} ")), None).await.map(|found| found.id), Some(request.id));
}

/// R-CTI-14.
#[tokio::test]
async fn a_matched_call_is_noted_in_its_callback_and_its_waiting_session_is_told() {
    for (direction, state, told) in [
        (Direction::UserOriginated, CallbackState::Routing, true),
        (Direction::UserTerminated, CallbackState::Routing, false),
        (Direction::UserOriginated, CallbackState::Completed, false),
    ] {
        let desk = Desk::new().await;
        desk.group(&["+15550001"], None).await;
        let id = desk.callback(direction, state).await;
        let request = desk.request(None, Some(id)).await.unwrap();
        let found = desk.call("+15550001", None, None).await.unwrap();
        assert_eq!(found.callback, Some(id));
        let now = ges_domain::ports::Clock::now(&*desk.clock);
        let callback = desk.store.find(tenant(), id, now).await.unwrap().unwrap();
        assert_eq!(callback.particulars.call_in_request, Some(request.id));
        let expected = told.then(|| SessionCall::Told(session("S1"), id, SessionEvent::CalledIn(request.id)));
        assert_eq!(desk.sessions.calls(), Vec::from_iter(expected), "{direction:?} {state:?}");
    }
}

/// R-CTI-14: a session that did not answer is told again, one that is gone is not told any more, and no answer is taken twice.
#[tokio::test]
async fn only_an_answer_ends_the_telling() {
    for (told, untold) in
        [(Told::Accepted, false), (Told::Refused, false), (Told::Unreachable, true), (Told::Gone, true)]
    {
        let desk = Desk::new().await;
        desk.group(&["+15550001"], None).await;
        let id = desk.callback(Direction::UserOriginated, CallbackState::Routing).await;
        let request = desk.request(None, Some(id)).await.unwrap();
        desk.sessions.answer(told);
        desk.call("+15550001", None, None).await.unwrap();
        assert_eq!(desk.is_untold(id).await, untold, "{told:?}");
        desk.answer.announce(&request).await.unwrap();
        assert_eq!(desk.sessions.calls().len(), 1 + usize::from(untold), "{told:?}");
        assert!(!desk.is_untold(id).await, "{told:?}: then it was accepted");
    }
}

/// R-THR-1: a group without a service reads numbers as its tenant says, when they are announced and when they call.
#[tokio::test]
async fn numbers_of_a_group_without_a_service_are_read_as_the_tenant_says() {
    let desk = Desk::new().await;
    desk.group(&["+15550001"], None).await;
    assert_eq!(desk.request(Some("12345"), None).await, Err(Refusal::ImpossibleNumber), "as the product says");
    let settings = throttle::Settings {
        default_country: Some(Country::new("FR").unwrap()),
        block_impossible: Some(false),
        ..throttle::Settings::default()
    };
    desk.store.put_tenant_throttle(tenant(), &settings).await.unwrap();
    desk.request(Some("12345"), None).await.expect("the tenant lets it in");
    // Ten digits are a national number of the United States, and of no other country.
    for (announced, caller) in [("(222) 333-4444", "+222 333 4444"), ("+222 333 4444", "(222) 333-4444")] {
        let request = desk.request(Some(announced), None).await.unwrap();
        let found = desk.call("+15550001", None, Some(caller)).await;
        assert_eq!(found.map(|found| found.id), Some(request.id), "{announced}");
    }
}

/// R-CTI-13: the caller is on the line, so the match stands although its callback cannot be told.
#[tokio::test]
async fn a_callback_that_is_gone_does_not_undo_the_match() {
    let desk = Desk::new().await;
    desk.group(&["+15550001"], None).await;
    let id = desk.callback(Direction::UserOriginated, CallbackState::Queued).await;
    let request = desk.request(None, Some(id)).await.unwrap();
    desk.store.damage(id, |record, _| record.tenant = ges_testkit::builders::other_tenant());
    assert_eq!(desk.call("+15550001", None, None).await.map(|found| found.id), Some(request.id));
    assert_eq!(desk.sessions.calls(), []);
}

/// R-CTI-1, R-NUM-5, R-NUM-8.
#[tokio::test]
async fn what_is_asked_for_is_checked_before_a_number_is_taken() {
    let desk = Desk::new().await;
    assert_eq!(desk.request(None, None).await, Err(Refusal::UnknownGroup("help".into())));
    desk.group(&["+15550001"], None).await;
    let nobody = CountingIds::nth(1 << 45);
    assert_eq!(desk.request(None, Some(nobody)).await, Err(Refusal::NotFound(nobody.to_string())));
    assert_eq!(desk.request(Some("911"), None).await, Err(Refusal::ImpossibleNumber));
    assert_eq!(desk.request(Some("+19005551234"), None).await, Err(Refusal::PremiumNumber));
    desk.request(Some("+12223334444"), None).await.unwrap();
    assert!(desk.store.service(tenant(), &service("CB_Sales")).await.unwrap().is_some());
}
