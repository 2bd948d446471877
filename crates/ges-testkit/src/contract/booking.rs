//! A booking is durable with every field, and a refused one leaves no trace.

use std::collections::BTreeMap;
use std::time::Duration;

use ges_domain::Refusal;
use ges_domain::booking::Booked;
use ges_domain::callback::{
    Actor, Change, Direction, FirstDial, Kind, MoveWish, OfferType, Particulars, PushTarget, Scalar, Source, State,
    UserData,
};

use super::{Stores, accepted, book, book_at_once, provision, refused, standing, used};
use crate::CountingIds;
use crate::builders::{START, after, claim, immediate, scheduled, service, tenant};

fn full_particulars() -> Particulars {
    let entries = [
        ("größe".to_owned(), Scalar::Text("⟨naïve⟩ 日本語 🦀 \" \\ \n \u{1}".into())),
        ("count".to_owned(), Scalar::Number("1.50e3".into())),
        ("vip".to_owned(), Scalar::Bool(true)),
        ("empty".to_owned(), Scalar::Text(String::new())),
    ];
    Particulars {
        source: Source::Ui,
        created_by: Some("jane.doe".into()),
        language: Some("fr-CA".into()),
        route_point: Some("5001".into()),
        survey_rp: Some("5002".into()),
        inbound_vq: Some("VQ_in".into()),
        virtual_queue: Some("VQ_own".into()),
        offer_threshold: Some(-1),
        channel: Some("WEB".into()),
        offer_timing: Some("ON-HOURS".into()),
        offer_type: Some(OfferType::CombinedScheduledAndAsap),
        origination_ixn: Some("0001ABC".into()),
        user_data: UserData::new(entries).unwrap(),
        push_targets: vec![PushTarget("token-1".into()), PushTarget("token-2".into())],
        always_check_capacity: true,
        captcha_unverified: true,
        first_dial: Some(FirstDial { position: Some(3), ewt: None }),
        ewt_at_creation: Some(90),
        position_at_creation: Some(4),
        recreated_from: Some(CountingIds::nth(4711)),
        former_sessions: vec![crate::builders::session("S0")],
        own_session: None,
        call_in_untold: true,
        call_in_request: Some(ges_domain::CallInId(CountingIds::nth(4712).0)),
        previous_desired: vec![after(1), after(2)],
        attempts_before: 3,
        acknowledged: Some(4),
        moving: Some(MoveWish {
            at: after(3),
            desired: after(4),
            kind: Kind::Immediate,
            deadline: after(5),
            confirmed: true,
        }),
        session_facts: BTreeMap::from([("_note".to_owned(), "ü".to_owned())]),
    }
}

/// Every field that a booking can carry is found again, letter by letter.
pub async fn every_field_of_a_booking_reads_back(stores: &dyn Stores) {
    provision(stores).await;
    let desired = after(7200) + Duration::from_millis(7);
    let draft = scheduled(START + Duration::from_millis(3), desired).number(" +49 (89) 1234-56 ").priority(-1000);
    let draft = draft.with(|callback| {
        callback.direction = Direction::UserOriginated;
        callback.particulars = full_particulars();
        callback.deadline = desired + Duration::from_secs(60);
    });
    let wanted = draft.clone().build().callback;
    let booked = book(stores, draft).await;
    assert_eq!(booked.version, 1, "P-8");
    assert_eq!((booked.created_at, booked.updated_at), (wanted.created_at, wanted.created_at));
    let found = standing(stores, &booked).await;
    assert_eq!(found, booked);
    assert_eq!(found, ges_domain::callback::Callback { version: 1, ..wanted }, "every field");
    let timeline = stores.record().timeline(tenant(), booked.id).await.unwrap();
    assert_eq!(timeline.len(), 1);
    assert_eq!((&timeline[0].actor, timeline[0].at), (&Actor::Ui("jane.doe".into()), booked.created_at));
    assert_eq!(timeline[0].changes, [Change::Booked]);
    assert_eq!(stores.record().tenant_of(booked.id).await.unwrap(), Some(tenant()));
}

/// What was not given is not made up.
pub async fn absent_fields_stay_absent(stores: &dyn Stores) {
    provision(stores).await;
    let booked = book(stores, immediate(START)).await;
    let found = standing(stores, &booked).await;
    assert_eq!(found, booked);
    assert_eq!(found.particulars, Particulars::default());
    assert_eq!((found.priority, &found.session, &found.cancel, &found.reason), (None, &None, &None, &None));
    assert_eq!((found.state, found.desired_at), (State::Queued, START));
}

/// Data of 100 kB that hardly compresses comes back unchanged.
pub async fn large_user_data_reads_back(stores: &dyn Stores) {
    provision(stores).await;
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut letter = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + u8::try_from((seed >> 33) % 90).unwrap())
    };
    let text: String = (0..100_000).map(|_| letter()).collect();
    let data = UserData::new([("blob".to_owned(), Scalar::Text(text)), ("small".to_owned(), Scalar::Bool(false))]);
    let data = data.unwrap();
    let booked = book(stores, immediate(START).with(|callback| callback.particulars.user_data = data.clone())).await;
    let found = standing(stores, &booked).await;
    assert!(found.particulars.user_data == data, "the data differs");
}

/// R-PUB-6: the check is part of the booking, whatever an older read of the catalogue said.
pub async fn an_unknown_or_removed_service_takes_no_booking(stores: &dyn Stores) {
    provision(stores).await;
    let refusal = refused(stores, immediate(START).on("CB_Nobody")).await;
    assert_eq!(refusal, Refusal::UnknownService("CB_Nobody".into()));
    stores.catalogue().remove_service(tenant(), &service("CB_Sales")).await.unwrap();
    assert_eq!(refused(stores, immediate(START)).await, Refusal::UnknownService("CB_Sales".into()));
    book(stores, immediate(START).on("CB_Support")).await;
}

/// R-CRE-1, R-THR-5: neither record nor timeline, place or count.
pub async fn a_refused_booking_writes_nothing(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let draft = scheduled(START, at).slot(claim(at, 0));
    let id = draft.clone().build().callback.id;
    let refusal = refused(stores, draft).await;
    assert!(matches!(refusal, Refusal::SlotUnavailable { at: told, .. } if told == at), "{refusal:?}");
    assert_eq!(stores.record().find(tenant(), id, START).await.unwrap(), None);
    assert_eq!(stores.record().timeline(tenant(), id).await.unwrap(), []);
    assert_eq!(stores.record().tenant_of(id).await.unwrap(), None);
    let window = |draft: crate::builders::Draft| draft.limits(|limits| limits.windows[0].limit = 1);
    for _ in 0..3 {
        let closed = Refusal::OfficeClosed { at: START, proposals: Default::default() };
        assert_eq!(refused(stores, window(immediate(START)).refused_later(closed.clone())).await, closed);
    }
    let booked = book(stores, window(immediate(START))).await;
    assert_eq!(used(stores, &booked, at).await, 0);
}

/// Bookings that share a transaction are still decided one by one, each under its own limits and tenant.
pub async fn concurrent_bookings_each_get_their_own_verdict(stores: &dyn Stores) {
    provision(stores).await;
    let at = after(7200);
    let drafts = (0..150).map(|n| match n % 5 {
        0 => scheduled(START, at).slot(claim(at, 0)),
        1 => immediate(START).on("CB_Nobody"),
        2 => scheduled(START, at).number(&format!("+1650466{n:04}")),
        3 => immediate(START).on("CB_Support").tenant(crate::builders::other_tenant()),
        _ => immediate(START).limits(|limits| limits.max_queued = 0),
    });
    let drafts: Vec<_> = drafts.collect();
    let wanted: Vec<_> = drafts.iter().map(|draft| draft.clone().build().callback.id).collect();
    let verdicts = book_at_once(stores, drafts).await;
    assert_eq!(accepted(&verdicts), 60);
    let refusals = |wanted: fn(&Refusal) -> bool| {
        verdicts.iter().filter(|verdict| matches!(verdict, Booked::Refused(refusal) if wanted(refusal))).count()
    };
    assert_eq!(refusals(|refusal| matches!(refusal, Refusal::SlotUnavailable { .. })), 30);
    assert_eq!(refusals(|refusal| matches!(refusal, Refusal::UnknownService(_))), 30);
    assert_eq!(refusals(|refusal| *refusal == Refusal::QueueFull), 30);
    for verdict in &verdicts {
        if let Booked::Accepted(callback) = verdict {
            assert!(wanted.contains(&callback.id));
            assert_eq!(standing(stores, callback).await, **callback);
        }
    }
}
