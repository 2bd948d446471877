//! Attempts for tests: the worked example of integrations 1.2.2, and many like it.

use std::sync::Arc;

use ges_domain::callback::{Callback, Direction, Kind, Particulars, Scalar, State, Submission, UserData};
use ges_domain::hours::Hours;
use ges_domain::phone::{PhoneKey, PhoneNumber};
use ges_domain::ports::Dispatch;
use ges_domain::service::{Service, Settings};
use ges_domain::wait::EwtMode;
use ges_domain::{CallbackId, Instant, ServiceName, submission};
use uuid::Uuid;

use crate::Origin;

pub(crate) fn origin() -> Origin {
    Origin { ges_url: "http://ges.ges.svc.cluster.local/genesys".into(), region: None, ewt_mode: EwtMode::default() }
}

pub(crate) fn service() -> Arc<Service> {
    let settings = Settings {
        callback_application: "CallbackApp".into(),
        application_stream: "Development".into(),
        routing_point: "5001@SIP_Switch".into(),
        dial_prefix: "+".into(),
        call_display_number: "18005550100".into(),
        call_display_name: "Acme".into(),
        ..Settings::default()
    };
    Arc::new(Service {
        name: ServiceName::new("CB_Sales").unwrap(),
        settings,
        hours: Hours::Always,
        capacity: None,
        number_rule: None,
        region_rule: None,
        tenant_throttle: ges_domain::throttle::Settings::default(),
        paused: false,
        removed: false,
    })
}

/// The record of the worked example.
pub(crate) fn callback() -> Callback {
    let desired: Instant = "2026-11-23T15:30:00.000Z".parse().unwrap();
    let phone = PhoneNumber::new("15105550100").unwrap();
    let user_data =
        [("accountId".to_owned(), Scalar::Text("A-17".into())), ("reason".to_owned(), Scalar::Text("billing".into()))];
    Callback {
        id: "0f2b1d5e-7a4c-4f6e-9a51-0a4f6a2f3c10".parse().unwrap(),
        tenant: "c0ffee00-0000-4000-8000-000000000100".parse().unwrap(),
        service: ServiceName::new("CB_Sales").unwrap(),
        kind: Kind::Scheduled,
        direction: Direction::UserTerminated,
        state: State::Scheduled,
        reason: None,
        phone_key: PhoneKey::new(None, &phone),
        phone,
        desired_at: desired,
        created_at: "2026-11-23T09:00:00Z".parse().unwrap(),
        updated_at: "2026-11-23T09:00:00Z".parse().unwrap(),
        completed_at: None,
        deadline: "2026-11-23T17:30:00Z".parse().unwrap(),
        priority: Some(50),
        particulars: Particulars {
            inbound_vq: Some("VQ_Sales".into()),
            channel: Some("web".into()),
            user_data: UserData::new(user_data).unwrap(),
            ..Particulars::default()
        },
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

pub(crate) fn dispatch() -> Dispatch {
    let callback = callback();
    let at = "2026-11-23T15:29:58.113Z".parse().unwrap();
    let earliest_dial = submission::earliest_dial(callback.desired_at, at);
    Dispatch { callback, service: service(), attempt: 1, earliest_dial, at }
}

/// `count` attempts of different callbacks, numbered through their ids.
pub(crate) fn dispatches(count: u32) -> Vec<Dispatch> {
    let one = dispatch();
    (1..=count)
        .map(|n| {
            let mut next = one.clone();
            next.callback.id = CallbackId(Uuid::from_u128(n.into()));
            next
        })
        .collect()
}
