//! The use cases over the memory model: EX-D and EX-E whole, the order of checks of chapter 4, cancel with a session.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;
use std::time::Duration;

use ges_domain::availability::{Query, Until};
use ges_domain::booking::{BookRequest, CaptchaToken};
use ges_domain::callback::{
    Actor, Callback, Direction, Kind, OfferType, OwnSession, Particulars, PushTarget, Scalar, Source, State, UserData,
};
use ges_domain::hours::{Days, Hours, OfficeHours, Opening, Regular, Zone};
use ges_domain::phone::PhoneNumber;
use ges_domain::ports::{Bookings, Catalogue, Clock as _, NoHumanCheck, NoNews, Pauses, Record, ServiceRow, Told};
use ges_domain::service::Settings;
use ges_domain::slots::SlotLength;
use ges_domain::use_cases::{
    BookCallback, CancelCallback, CurrentWait, EditCallback, OfferSlots, OpenFor, RecreateCallback, RescheduleCallback,
    RetrieveCallback, Wanted,
};
use ges_domain::wait::{Estimate, EwtMode};
use ges_domain::{Instant, Refusal};
use ges_testkit::builders::{consumer_cancels, other_tenant, pause_act, service, session, settings, tenant, update};
use ges_testkit::{CountingIds, FakePlan, FakeSessions, FakeWaits, ManualClock, MemoryStore};

/// The office of EX-D: Monday to Friday 09:00 to 17:00 in New York, cells of 30 minutes with one place.
struct Office {
    store: MemoryStore,
    clock: Arc<ManualClock>,
    waits: Arc<FakeWaits>,
    sessions: Arc<FakeSessions>,
    book: BookCallback,
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

async fn office_with(change: impl FnOnce(&mut Settings)) -> Office {
    let clock = Arc::new(ManualClock::at(at("2026-06-01T15:10:00Z")));
    let store = MemoryStore::new(clock.clone(), Duration::from_secs(4));
    let new_york = Zone::named("America/New_York").unwrap();
    let regular =
        Regular { days: "Mon-Fri".parse::<Days>().unwrap(), opening: Opening::new("09:00", "17:00").unwrap() };
    let hours = OfficeHours::new("BH_Sales", new_york, vec![regular], vec![], vec![]).unwrap();
    store.put_hours(tenant(), &hours).await.unwrap();
    let mut settings = Settings {
        business_hours: Some("BH_Sales".into()),
        slot_minutes: SlotLength::from_minutes(30).unwrap(),
        max_per_slot: 1,
        ..settings()
    };
    change(&mut settings);
    let row =
        ServiceRow { name: service("CB_Sales"), settings, capacity_rule: None, number_rule: None, region_rule: None };
    store.put_service(tenant(), &row).await.unwrap();
    let (waits, sessions) = (Arc::new(FakeWaits::default()), Arc::new(FakeSessions::default()));
    let book = BookCallback {
        catalogue: Arc::new(store.clone()),
        bookings: Arc::new(store.clone()),
        wait: Arc::new(CurrentWait::new(waits.clone())),
        plan: Arc::new(FakePlan),
        human: Arc::new(NoHumanCheck),
        clock: clock.clone(),
        ids: Arc::new(CountingIds::new()),
    };
    Office { store, clock, waits, sessions, book }
}

async fn office() -> Office {
    office_with(|_| {}).await
}

fn request(desired: Option<Instant>) -> BookRequest {
    BookRequest {
        service: service("CB_Sales"),
        phone: PhoneNumber::new("+12223334444").unwrap(),
        desired,
        priority: None,
        captcha_token: None,
        particulars: Particulars::default(),
    }
}

impl Office {
    async fn take(&self, request: BookRequest) -> Result<Callback, Refusal> {
        self.book.run(tenant(), request).await
    }

    /// Books a time for another number, so that per-number limits stay out of the way.
    async fn fill(&self, desired: &str, number: u32) {
        let mut taken = request(Some(at(desired)));
        taken.phone = PhoneNumber::new(&format!("+1333{number:07}")).unwrap();
        taken.particulars.always_check_capacity = true;
        self.take(taken).await.unwrap();
    }

    fn wait_is(&self, seconds: u32) {
        self.waits.set(tenant(), "CB_Sales", Estimate::Known(seconds));
    }

    async fn nothing_written(&self) {
        assert_eq!(self.store.everything().len(), 0, "a refusal changes nothing");
    }
}

fn proposed(refusal: &Refusal) -> Vec<String> {
    match refusal {
        Refusal::OfficeClosed { proposals, .. } | Refusal::SlotUnavailable { proposals, .. } => {
            proposals.keys().map(|start| start.to_string()[5..16].to_owned()).collect()
        }
        other => panic!("no proposals in {other:?}"),
    }
}

const E1: [&str; 10] = [
    "06-01T18:00",
    "06-01T18:30",
    "06-01T19:00",
    "06-01T19:30",
    "06-01T20:00",
    "06-02T13:00",
    "06-02T13:30",
    "06-02T14:00",
    "06-02T14:30",
    "06-02T15:00",
];

#[tokio::test]
async fn ex_d_boundaries_of_a_booking() {
    enum Expected {
        Immediate(&'static str),
        Scheduled,
        Closed,
        Unavailable,
        Past,
        TooFar,
    }
    use Expected::{Closed, Immediate, Past, Scheduled, TooFar, Unavailable};
    let rows = [
        ("D1", "15:10:00", Some("2026-06-01T20:30:00Z"), false, 0, Scheduled),
        ("D2", "15:10:00", Some("2026-06-01T20:59:59.999Z"), false, 0, Scheduled),
        ("D3", "15:10:00", Some("2026-06-01T21:00:00Z"), false, 0, Closed),
        ("D5", "15:10:00", Some("2026-06-15T15:10:00.000Z"), false, 0, Scheduled),
        ("D6", "15:10:00", Some("2026-06-15T15:10:00.001Z"), false, 0, TooFar),
        ("D7", "15:10:00", Some("2026-06-01T14:58:59Z"), false, 0, Past),
        ("D8", "15:10:00", Some("2026-06-01T15:00:00Z"), false, 0, Immediate("2026-06-01T15:10:00.000Z")),
        ("D8b", "15:00:30", Some("2026-06-01T14:59:45Z"), false, 0, Immediate("2026-06-01T15:00:30.000Z")),
        ("D9", "15:10:00", Some("2026-06-01T15:12:00Z"), false, 0, Immediate("2026-06-01T15:12:00.000Z")),
        ("D10", "15:10:00", Some("2026-06-01T15:12:00.001Z"), false, 0, Scheduled),
        ("D11", "15:10:00", Some("2026-06-01T15:11:00Z"), true, 0, Scheduled),
        ("D12", "15:10:00", Some("2026-06-01T16:00:00Z"), true, 4800, Unavailable),
        ("D13", "15:10:00", Some("2026-06-01T16:00:00Z"), true, 4799, Scheduled),
        ("D14b", "15:10:00", Some("2026-06-01T16:00:00Z"), false, 2999, Scheduled),
        ("D15", "12:00:00", None, false, 0, Closed),
        ("D16", "20:50:00", None, false, 599, Immediate("2026-06-01T20:50:00.000Z")),
        ("D17", "20:50:00", None, false, 600, Closed),
    ];
    for (row, now, desired, flag, ewt, expected) in rows {
        let office = office().await;
        office.clock.set(at(&format!("2026-06-01T{now}Z")));
        office.wait_is(ewt);
        let mut wanted = request(desired.map(at));
        wanted.particulars.always_check_capacity = flag;
        match (office.take(wanted).await, expected) {
            (Ok(got), Immediate(desired)) => {
                assert_eq!((got.kind, got.state), (Kind::Immediate, State::Queued), "{row}, T2");
                assert_eq!(got.desired_at.to_string(), desired, "{row}");
            }
            (Ok(got), Scheduled) => {
                assert_eq!((got.kind, got.state), (Kind::Scheduled, State::Scheduled), "{row}, T1");
                assert_eq!(Some(got.desired_at), desired.map(at), "{row}: the exact time is kept (R-BK-2)");
            }
            (Err(refusal @ Refusal::OfficeClosed { .. }), Closed) => assert_eq!(proposed(&refusal).len(), 10, "{row}"),
            (Err(refusal @ Refusal::SlotUnavailable { .. }), Unavailable) => {
                assert!(!proposed(&refusal).contains(&"06-01T16:00".into()), "{row}: never the refused cell");
            }
            (Err(Refusal::DesiredTimeInPast), Past) | (Err(Refusal::DesiredTimeTooFar), TooFar) => {
                office.nothing_written().await;
            }
            (got, _) => panic!("{row}: {got:?}"),
        }
    }
}

#[tokio::test]
async fn d4_and_e1_a_full_cell_is_answered_with_free_ones_nearby() {
    let office = office().await;
    office.fill("2026-06-01T20:30:00Z", 1).await;
    let refusal = office.take(request(Some(at("2026-06-01T20:45:00Z")))).await.unwrap_err();
    assert!(matches!(refusal, Refusal::SlotUnavailable { .. }), "D4");
    assert_eq!(proposed(&refusal), E1, "E1");
    for start in proposed(&refusal) {
        office.fill(&format!("2026-{start}:00Z"), start.bytes().map(u32::from).sum()).await;
    }
}

#[tokio::test]
async fn d14_a_time_the_wait_overtakes_is_immediate_and_takes_no_place() {
    let office = office().await;
    office.fill("2026-06-01T16:00:00Z", 1).await;
    office.wait_is(4800);
    let got = office.take(request(Some(at("2026-06-01T16:00:00Z")))).await.unwrap();
    assert_eq!((got.kind, got.desired_at), (Kind::Immediate, at("2026-06-01T16:00:00Z")), "D14, R-BK-4");
    let (from, until) = (at("2026-06-01T16:00:00Z"), at("2026-06-01T16:30:00Z"));
    let usage = office.store.usage(tenant(), &service("CB_Sales"), from, until).await.unwrap();
    assert_eq!(usage.used(from, until), 1, "R-CAP-1");
}

#[tokio::test]
async fn e3_late_in_the_day_all_proposals_lie_ahead() {
    let office = office().await;
    office.fill("2026-06-01T20:30:00Z", 1).await;
    office.clock.set(at("2026-06-01T20:40:00Z"));
    let refusal = office.take(request(Some(at("2026-06-01T20:45:00Z")))).await.unwrap_err();
    let expected: Vec<_> = (0..10).map(|n| format!("06-02T{}:{:02}", 13 + n / 2, n % 2 * 30)).collect();
    assert_eq!(proposed(&refusal), expected, "E3");
}

#[tokio::test]
async fn without_scheduled_callbacks_there_is_nothing_to_propose() {
    let office = office_with(|settings| settings.scheduled_callback_enabled = false).await;
    office.clock.set(at("2026-06-01T12:00:00Z"));
    assert_eq!(proposed(&office.take(request(None)).await.unwrap_err()), [""; 0], "R-CRE-4");
    assert_eq!(office.take(request(Some(at("2026-06-02T15:00:00Z")))).await, Err(Refusal::ScheduledDisabled), "step 5");
}

/// One request that breaks every rule, repaired step by step: each time the next check of chapter 4 answers.
#[tokio::test]
async fn checks_run_in_the_order_of_chapter_4() {
    let office = office_with(|settings| {
        settings.captcha_required = true;
        settings.scheduled_callback_enabled = false;
        settings.call_direction = Direction::UserOriginated;
    })
    .await;
    let provision = async |change: fn(&mut Settings)| {
        let found = office.store.service(tenant(), &service("CB_Sales")).await.unwrap().unwrap();
        let mut settings = found.settings.clone();
        change(&mut settings);
        let row = ServiceRow {
            name: service("CB_Sales"),
            settings,
            capacity_rule: None,
            number_rule: None,
            region_rule: None,
        };
        office.store.put_service(tenant(), &row).await.unwrap();
    };
    let mut wanted = request(Some(at("2026-06-30T15:00:00Z")));
    wanted.service = service("CB_Sale");
    wanted.phone = PhoneNumber::new("nobody").unwrap();
    let step = async |wanted: &BookRequest| office.take(wanted.clone()).await.unwrap_err();
    assert_eq!(step(&wanted).await, Refusal::UnknownService("CB_Sale".into()), "3");
    wanted.service = service("CB_Sales");
    assert_eq!(step(&wanted).await, Refusal::CaptchaFailed, "4, R-CPT-2");
    wanted.captcha_token = Some(CaptchaToken::new("token"));
    assert_eq!(step(&wanted).await, Refusal::CaptchaUnavailable, "4, R-CPT-5: nothing to verify with");
    wanted.particulars.source = Source::Ivr;
    assert_eq!(step(&wanted).await, Refusal::ScheduledDisabled, "5");
    provision(|settings| settings.scheduled_callback_enabled = true).await;
    assert_eq!(step(&wanted).await, Refusal::PushTargetRequired, "6, R-TYP-7");
    wanted.particulars.push_targets = vec![PushTarget("token".into())];
    assert_eq!(step(&wanted).await, Refusal::ImpossibleNumber, "7");
    wanted.phone = PhoneNumber::new("+12223334444").unwrap();
    for desired in ["2026-06-02T15:00:00Z", "2026-06-02T15:30:00Z"] {
        let mut open = wanted.clone();
        open.desired = Some(at(desired));
        office.take(open).await.unwrap();
    }
    assert_eq!(step(&wanted).await, Refusal::EnqueueLimitReached, "9 goes before 13");
    wanted.phone = PhoneNumber::new("+12223335555").unwrap();
    assert_eq!(step(&wanted).await, Refusal::DesiredTimeTooFar, "13");
    wanted.desired = Some(at("2026-06-02T02:00:00Z"));
    assert!(matches!(step(&wanted).await, Refusal::OfficeClosed { .. }), "14");
    wanted.desired = Some(at("2026-06-02T15:00:00Z"));
    assert!(matches!(step(&wanted).await, Refusal::SlotUnavailable { .. }), "15");
    office.store.set_paused(tenant(), &pause_act(Some("CB_Sales"), true, office.book.clock.now())).await.unwrap();
    wanted.desired = None;
    assert_eq!(step(&wanted).await, Refusal::ServicePaused, "R-PAU-2");
    wanted.desired = Some(at("2026-06-03T15:00:00Z"));
    office.take(wanted).await.unwrap();
}

#[tokio::test]
async fn a_removed_service_takes_no_bookings_but_its_old_ones_can_be_cancelled() {
    let office = office().await;
    let booked = office.take(request(Some(at("2026-06-02T15:00:00Z")))).await.unwrap();
    office.store.remove_service(tenant(), &service("CB_Sales")).await.unwrap();
    assert!(matches!(office.take(request(None)).await, Err(Refusal::UnknownService(_))), "R-PUB-6");
    let cancel = cancel_of(&office);
    let done = cancel.run(tenant(), booked.id, consumer_cancels()).await.unwrap();
    assert_eq!(done.state, State::Completed, "R-CAN-4");
}

fn cancel_of(office: &Office) -> CancelCallback {
    CancelCallback {
        record: Arc::new(office.store.clone()),
        sessions: office.sessions.clone(),
        clock: office.clock.clone(),
    }
}

#[tokio::test]
async fn a_cancel_asks_the_session_and_its_answer_decides() {
    let rows = [
        (Told::Accepted, Ok(true)),
        (Told::Unreachable, Ok(false)),
        (Told::Gone, Ok(false)),
        (Told::Refused, Err(Refusal::NotCancellable)),
    ];
    for (outcome, expected) in rows {
        let office = office().await;
        let booked = office.take(request(None)).await.unwrap();
        let bind = update("S1", 1, State::Queued);
        office.store.apply_session_update(tenant(), booked.id, &bind, office.book.clock.now()).await.unwrap();
        office.sessions.answer(outcome);
        let got = cancel_of(&office).run(tenant(), booked.id, consumer_cancels()).await;
        let got = got.map(|record| record.cancel.unwrap().confirmed);
        assert_eq!(got, expected, "R-CAN-2, {outcome:?}");
    }
}

#[tokio::test]
async fn another_tenants_callback_does_not_exist() {
    let office = office().await;
    let booked = office.take(request(None)).await.unwrap();
    let retrieve = RetrieveCallback {
        record: Arc::new(office.store.clone()),
        news: Arc::new(NoNews),
        clock: office.clock.clone(),
    };
    assert_eq!(retrieve.run(tenant(), booked.id).await.unwrap(), booked);
    let not_found = Err(Refusal::NotFound(booked.id.to_string()));
    assert_eq!(retrieve.run(other_tenant(), booked.id).await, not_found, "P-20, I9");
    assert_eq!(cancel_of(&office).run(other_tenant(), booked.id, consumer_cancels()).await, not_found, "R-CAN-3");
    office.clock.set(booked.expires_at());
    assert_eq!(retrieve.run(tenant(), booked.id).await, not_found, "R-REC-2");
}

#[tokio::test]
async fn availability_and_open_for_answer_for_services_and_business_hours() {
    let office = office().await;
    office.fill("2026-06-01T16:00:00Z", 1).await;
    let offer = OfferSlots {
        catalogue: Arc::new(office.store.clone()),
        bookings: Arc::new(office.store.clone()),
        clock: office.clock.clone(),
    };
    let query = Query {
        from: Some(at("2026-06-01T15:30:00Z")),
        until: Until::At(at("2026-06-01T21:00:00Z")),
        max_slots: None,
        report_busy: false,
    };
    let offered = offer.run(tenant(), &service("CB_Sales"), &query).await.unwrap();
    assert_eq!((offered.slots.len(), offered.slot.minutes()), (10, 30), "C6");
    let busy = Query { report_busy: true, ..query.clone() };
    assert_eq!(offer.run(tenant(), &service("CB_Sales"), &busy).await.unwrap().slots.len(), 11, "C7");
    let unknown = offer.run(tenant(), &service("CB_Sale"), &query).await;
    assert_eq!(unknown, Err(Refusal::UnknownService("CB_Sale".into())));
    let open_for = OpenFor { catalogue: Arc::new(office.store.clone()), clock: office.clock.clone() };
    let start = Some(at("2026-06-01T13:00:00Z"));
    for name in ["CB_Sales", "BH_Sales"] {
        assert_eq!(open_for.run(tenant(), &service(name), start).await, Ok(28_800), "A1, R-OF-3");
    }
    assert!(open_for.run(other_tenant(), &service("CB_Sales"), start).await.is_err(), "I9");
    assert!(matches!(office.store.hours(tenant(), "BH_Sales").await.unwrap(), Some(Hours::Kept(_))));
}

fn reschedule_of(office: &Office) -> RescheduleCallback {
    RescheduleCallback {
        catalogue: Arc::new(office.store.clone()),
        bookings: Arc::new(office.store.clone()),
        record: Arc::new(office.store.clone()),
        wait: office.book.wait.clone(),
        plan: Arc::new(FakePlan),
        sessions: office.sessions.clone(),
        clock: office.clock.clone(),
    }
}

/// R-EDT-1 to R-EDT-3.
#[tokio::test]
async fn a_reschedule_runs_the_checks_again_and_moves_in_one_step() {
    let office = office().await;
    let booked = office.take(request(Some(at("2026-06-02T15:00:00Z")))).await.unwrap();
    office.fill("2026-06-02T16:00:00Z", 1).await;
    let reschedule = reschedule_of(&office);
    let to = async |desired: Option<&str>| reschedule.run(tenant(), booked.id, desired.map(at), Actor::Api).await;
    let same_cell = to(Some("2026-06-02T15:20:00Z")).await.unwrap();
    assert_eq!(same_cell.desired_at, at("2026-06-02T15:20:00Z"), "R-EDT-2: its own cell is full and takes it");
    let full = to(Some("2026-06-02T16:10:00Z")).await.unwrap_err();
    assert!(matches!(full, Refusal::SlotUnavailable { .. }) && proposed(&full).len() == 10, "R-PRP-1");
    assert!(!proposed(&full).contains(&"06-02T16:00".into()), "never the refused cell");
    assert!(matches!(to(Some("2026-06-02T02:00:00Z")).await, Err(Refusal::OfficeClosed { .. })), "14");
    assert_eq!(to(Some("2026-06-30T15:00:00Z")).await, Err(Refusal::DesiredTimeTooFar), "13");
    let record = office.store.find(tenant(), booked.id, office.book.clock.now()).await.unwrap().unwrap();
    assert_eq!(record.desired_at, at("2026-06-02T15:20:00Z"), "a refused move changes nothing");
    let now = to(None).await.unwrap();
    assert_eq!((now.kind, now.state), (Kind::Immediate, State::Queued), "R-EDT-3, R-TYP-6");
    assert_eq!(now.expires_at(), now.desired_at + ges_domain::callback::RETENTION, "R-REC-1");
    office.fill("2026-06-02T15:00:00Z", 2).await;
}

#[tokio::test]
async fn an_active_callback_is_moved_when_its_session_gives_way_and_never_edited() {
    let office = office().await;
    let booked = office.take(request(None)).await.unwrap();
    let bind = update("S1", 1, State::Queued);
    office.store.apply_session_update(tenant(), booked.id, &bind, office.book.clock.now()).await.unwrap();
    let to = Some(at("2026-06-02T15:00:00Z"));
    office.sessions.answer(Told::Refused);
    let refused = reschedule_of(&office).run(tenant(), booked.id, to, Actor::Api).await;
    assert_eq!(refused, Err(Refusal::NotReschedulable(State::Queued)), "R-EDT-4: an agent is connected");
    let wanted = Wanted { priority: Some(3), ..Wanted::default() };
    let edited = edit_of(&office).run(tenant(), booked.id, wanted, Actor::Ui("super".into())).await;
    assert_eq!(edited, Err(Refusal::NotEditable(State::Queued)));
    let moved = reschedule_of(&office).run(tenant(), booked.id, to, Actor::Api).await.unwrap();
    assert_eq!((moved.state, moved.session), (State::Scheduled, None), "T12");
}

fn edit_of(office: &Office) -> EditCallback {
    EditCallback {
        catalogue: Arc::new(office.store.clone()),
        record: Arc::new(office.store.clone()),
        plan: Arc::new(FakePlan),
        clock: office.clock.clone(),
    }
}

#[tokio::test]
async fn an_edit_checks_the_number_and_merges_user_data() {
    let office = office().await;
    let mut wanted = request(Some(at("2026-06-02T15:00:00Z")));
    let text = |value: &str| Scalar::Text(value.into());
    wanted.particulars.user_data = UserData::new([("a".into(), text("1")), ("b".into(), text("2"))]).unwrap();
    let booked = office.take(wanted).await.unwrap();
    let edit = edit_of(&office);
    let run = async |wanted: Wanted| edit.run(tenant(), booked.id, wanted, Actor::Ui("super".into())).await;
    let nobody = Wanted { phone: Some(PhoneNumber::new("nobody").unwrap()), ..Wanted::default() };
    assert_eq!(run(nobody).await, Err(Refusal::ImpossibleNumber), "R-EDT-1");
    let changes = Wanted {
        phone: Some(PhoneNumber::new("+12223335555").unwrap()),
        user_data: vec![("a".into(), None), ("c".into(), Some(text("3")))],
        ..Wanted::default()
    };
    let edited = run(changes).await.unwrap();
    let keys: Vec<_> = edited.particulars.user_data.iter().map(|(key, _)| key.to_owned()).collect();
    assert_eq!(keys, ["b", "c"], "R-EDT-5");
    assert_eq!(edited.phone_key.as_str(), "12223335555", "counting follows the new number (R-NUM-3)");
}

#[tokio::test]
async fn a_completed_callback_is_recreated_as_often_as_wanted() {
    let office = office().await;
    let mut first = request(Some(at("2026-06-02T15:00:00Z")));
    first.particulars.channel = Some("WEB".into());
    let booked = office.take(first).await.unwrap();
    let recreate = RecreateCallback {
        record: Arc::new(office.store.clone()),
        book: Arc::new(BookCallback {
            catalogue: Arc::new(office.store.clone()),
            bookings: Arc::new(office.store.clone()),
            wait: office.book.wait.clone(),
            plan: Arc::new(FakePlan),
            human: Arc::new(NoHumanCheck),
            clock: office.clock.clone(),
            ids: office.book.ids.clone(),
        }),
        clock: office.clock.clone(),
    };
    let again = async || recreate.run(tenant(), booked.id, None, "super").await;
    assert_eq!(again().await, Err(Refusal::NotEditable(State::Scheduled)), "chapter 5: only when completed");
    cancel_of(&office).run(tenant(), booked.id, consumer_cancels()).await.unwrap();
    office.store.damage(booked.id, |record, _| {
        let own = OwnSession { id: session("S1"), url: None };
        (record.particulars.own_session, record.particulars.attempts_before) = (Some(own), 2);
        record.particulars.call_in_untold = true;
    });
    for _ in 0..4 {
        let new = again().await.unwrap();
        assert!(new.waits_for_handover() && new.next_attempt() == 1, "nobody has it, and nothing was tried for it");
        assert!(!new.particulars.call_in_untold);
        assert_ne!(new.id, booked.id);
        assert_eq!(new.particulars.recreated_from, Some(booked.id), "R-REC-10");
        assert_eq!(new.particulars.channel.as_deref(), Some("WEB"));
        assert_eq!(new.kind, Kind::Immediate, "R-REC-10: the default time; per-number limits do not hold (R-CRE-8)");
    }
}

/// R-EWT-2, integrations 3.1: the method of the deployment is that of services which name none.
#[tokio::test]
async fn a_service_without_a_mode_is_estimated_as_the_deployment_does() {
    for (own, usual, asked) in [
        (None, None, EwtMode::Mode2),
        (None, Some(EwtMode::Mode3), EwtMode::Mode3),
        (Some(EwtMode::Mode1), Some(EwtMode::Mode3), EwtMode::Mode1),
        (Some(EwtMode::Mode2), Some(EwtMode::Mode3), EwtMode::Mode2),
    ] {
        let office = office_with(|settings| settings.ewt_mode = own).await;
        let wait = CurrentWait::new(office.waits.clone());
        let wait = usual.into_iter().fold(wait, CurrentWait::by_default);
        let service = office.store.service(tenant(), &service("CB_Sales")).await.unwrap().unwrap();
        wait.of(tenant(), &service, office.clock.now()).await;
        assert_eq!(office.waits.last().unwrap().1, asked, "{own:?} {usual:?}");
    }
}

/// Chapter 22, R-EWT-9, R-EWT-11: kept with the booking is what the one question of the booking brought, and nothing of what nobody
/// knows.
#[tokio::test]
async fn wait_and_place_at_the_offer_are_kept_as_far_as_they_are_known() {
    let office = office().await;
    let mut number = 0;
    let mut kept = async || {
        number += 1;
        let phone = PhoneNumber::new(&format!("+1222333{number:04}")).unwrap();
        let before = office.waits.asked();
        let booked = office.book.run(tenant(), BookRequest { phone, ..request(None) }).await.unwrap();
        assert_eq!(office.waits.asked(), before + 1, "one question");
        let found = office.store.find(tenant(), booked.id, office.clock.now()).await.unwrap().unwrap();
        (found.particulars.ewt_at_creation, found.particulars.position_at_creation)
    };
    office.waits.set_position("CB_Sales", 9);
    office.waits.set_down(true);
    assert_eq!(kept().await, (None, None), "no router answers, so nobody knows how old the place is");
    office.waits.set_down(false);
    for (estimate, ewt) in [
        (Estimate::NoCalls, None),
        (Estimate::Known(0), Some(0)),
        (Estimate::Known(300), Some(300)),
        (Estimate::NoAgents, Some(300)),
        (Estimate::UnknownQueue, None),
    ] {
        office.waits.set(tenant(), "CB_Sales", estimate);
        assert_eq!(kept().await, (ewt, Some(9)), "{estimate:?}");
    }
    office.waits.set_down(true);
    assert_eq!(kept().await, (Some(300), None), "the last good wait serves for fifteen minutes");
}

/// R-REC-10: what belonged to the old one's life stays there.
#[tokio::test]
async fn a_recreated_callback_takes_no_session_and_no_wish_along() {
    let office = office().await;
    let mut first = request(None);
    first.particulars = Particulars {
        own_session: Some(OwnSession { id: session("S1"), url: None }),
        session_facts: [("_note".to_owned(), "x".to_owned())].into(),
        captcha_unverified: true,
        language: Some("fr-CA".into()),
        route_point: Some("RP1".into()),
        survey_rp: Some("RP2".into()),
        inbound_vq: Some("VQ_In".into()),
        offer_threshold: Some(60),
        channel: Some("WEB".into()),
        offer_timing: Some("ON-HOURS".into()),
        offer_type: Some(OfferType::Asap),
        origination_ixn: Some("ixn".into()),
        user_data: UserData::new([("a".into(), Scalar::Text("1".into()))]).unwrap(),
        push_targets: vec![PushTarget("token".into())],
        ..Particulars::default()
    };
    let booked = office.take(first.clone()).await.unwrap();
    let now = office.book.clock.now();
    let wished = ges_testkit::builders::move_to(at("2026-06-02T15:00:00Z"), 5);
    office.store.move_booking(tenant(), booked.id, &wished, now).await.unwrap();
    let ended = ges_testkit::builders::ending("S1", 1, "AGENT_CONNECTED");
    office.store.apply_session_update(tenant(), booked.id, &ended, now).await.unwrap();
    let recreate = RecreateCallback {
        record: Arc::new(office.store.clone()),
        book: Arc::new(office.book),
        clock: office.clock.clone(),
    };
    let new = recreate.run(tenant(), booked.id, None, "super").await.unwrap();
    assert!(new.session.is_none() && new.waits_for_handover() && new.next_attempt() == 1, "it is handed over: {new:?}");
    let expected = Particulars {
        source: Source::Recreate,
        created_by: Some("super".into()),
        recreated_from: Some(booked.id),
        own_session: None,
        session_facts: Default::default(),
        captcha_unverified: false,
        ..first.particulars
    };
    assert_eq!(new.particulars, expected, "R-REC-10");
    let later = Some(at("2026-06-02T15:00:00Z"));
    assert_eq!(recreate.run(tenant(), booked.id, later, "super").await.unwrap().kind, Kind::Scheduled);
}
