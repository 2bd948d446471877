//! What is dropped: every act a request can ask for, as a use case and as a request.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use ges_domain::availability::{Query, Until};
use ges_domain::booking::BookRequest;
use ges_domain::call_in::GroupName;
use ges_domain::callback::{Particulars, Source, State, UserData};
use ges_domain::invariants::{Acknowledged, CancelAnswered};
use ges_domain::phone::PhoneNumber;
use ges_domain::ports::Moved;
use ges_domain::use_cases::CallInWish;
use ges_domain::{CallbackId, Instant};
use ges_testkit::builders::{consumer_cancels, move_to, service, tenant, update};
use tower::ServiceExt as _;

use crate::house::{GROUP, House, KEY, SERVICE};

/// One act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    CreateImmediate,
    CreateScheduled,
    Retrieve,
    Cancel,
    /// A session has it and is asked.
    CancelHeld,
    Availability,
    OpenFor,
    /// A session tells a state and user data.
    Update,
    /// A session's storage is read by id alone.
    Storage,
    /// A booking moves to another cell: the act with a transaction around it.
    Move,
    /// A number to call in is asked for.
    CallIn,
    QueueStatus,
    /// The store is asked whether it works, as readiness does.
    Probe,
}

impl Act {
    pub(crate) const ALL: [Self; 13] = [
        Self::CreateImmediate,
        Self::CreateScheduled,
        Self::Retrieve,
        Self::Cancel,
        Self::CancelHeld,
        Self::Availability,
        Self::OpenFor,
        Self::Update,
        Self::Storage,
        Self::Move,
        Self::CallIn,
        Self::QueueStatus,
        Self::Probe,
    ];

    /// Whether a request asks for it.
    pub(crate) fn has_request(self) -> bool {
        !matches!(self, Self::Move | Self::Probe)
    }
}

/// Routes that show how the process does.
pub(crate) const HEALTH: [&str; 5] =
    ["/ges/v1/health", "/ges/v1/health/live", "/ges/v1/health/ready", "/ges/v1/health/detail", "/metrics"];

impl House {
    /// A record as the act wants it; for acts without one, the record that is always there.
    pub(crate) async fn prepared(&self, act: Act) -> CallbackId {
        // What processes remember of services is forgotten, so that the act has to read it.
        self.provision(|_| {}).await;
        match act {
            Act::Cancel | Act::Move => self.booked(Some(self.cell())).await,
            Act::CancelHeld | Act::Update | Act::Storage => {
                let id = self.booked(None).await;
                let taken = update("S1", 1, State::Queued);
                self.api.take_update.run(tenant(), id, &taken).await.unwrap();
                id
            }
            _ => self.control(),
        }
    }

    /// Runs the use case behind the act; whether it succeeded.
    pub(crate) async fn perform(&self, act: Act, id: CallbackId) -> bool {
        let api = &self.api;
        match act {
            Act::CreateImmediate => self.book(None).await,
            Act::CreateScheduled => self.book(Some(self.cell())).await,
            Act::Retrieve => api.retrieve.run(tenant(), id).await.is_ok(),
            Act::Cancel | Act::CancelHeld => {
                let cancelled = api.cancel.run(tenant(), id, consumer_cancels()).await.is_ok();
                if cancelled {
                    self.told().cancels.push(CancelAnswered { id, success: true, answered_at: self.clock.now() });
                }
                cancelled
            }
            Act::Availability => {
                let query = Query { from: None, until: Until::Days(1), max_slots: None, report_busy: false };
                api.offer.run(tenant(), &service(SERVICE), &query).await.is_ok()
            }
            Act::OpenFor => api.open_for.run(tenant(), &service(SERVICE), None).await.is_ok(),
            Act::Update => api.take_update.run(tenant(), id, &update("S1", 2, State::Routing)).await.is_ok(),
            Act::Storage => {
                let owner = api.record.tenant_of(id).await;
                matches!(owner, Ok(Some(owner)) if api.retrieve.run(owner, id).await.is_ok())
            }
            Act::Move => {
                let to = move_to(self.other_cell(), 10_000);
                let moved = self.store.move_booking(tenant(), id, &to, self.clock.now()).await;
                matches!(moved, Ok(Moved::Done(_)))
            }
            Act::CallIn => {
                let group = GroupName::new(GROUP).unwrap();
                let wish = CallInWish { group, from: None, user_data: UserData::default(), callback: Some(id) };
                api.call_in.run(tenant(), wish, Source::Api, None).await.is_ok()
            }
            Act::QueueStatus => api.queue_status.run(tenant(), &service(SERVICE)).await.is_ok(),
            Act::Probe => self.probe().await,
        }
    }

    pub(crate) async fn book(&self, desired: Option<Instant>) -> bool {
        match self.api.book.run(tenant(), self.wish(desired)).await {
            Ok(callback) => {
                self.acknowledge(callback.id);
                true
            }
            Err(_) => false,
        }
    }

    pub(crate) fn acknowledge(&self, id: CallbackId) {
        let (service, answered_at) = (service(SERVICE), self.clock.now());
        self.told().acknowledged.push(Acknowledged { tenant: tenant(), id, service, answered_at });
    }

    pub(crate) fn wish(&self, desired: Option<Instant>) -> BookRequest {
        BookRequest {
            service: service(SERVICE),
            phone: PhoneNumber::new(&self.number()).unwrap(),
            desired,
            priority: None,
            captcha_token: None,
            particulars: Particulars::default(),
        }
    }

    /// The act as a request, and the listener it goes to.
    pub(crate) fn request(&self, act: Act, id: CallbackId) -> (Router, Request<Body>) {
        let public = |request: axum::http::request::Builder, body: String| {
            let request = request.header("x-api-key", KEY).header("content-type", "application/json");
            (self.external.clone(), request.body(Body::from(body)).unwrap())
        };
        let post = |operation: &str| Request::post(format!("/engagement/v3/callbacks/{operation}"));
        let get = |operation: &str| Request::get(format!("/engagement/v3/callbacks/{operation}/{SERVICE}"));
        let create = |desired: String| {
            let number = self.number();
            public(post("create"), format!(r#"{{"serviceName":"{SERVICE}","phoneNumber":"{number}"{desired}}}"#))
        };
        let storage = format!("/genesys/1/service/{id}/storage");
        match act {
            Act::CreateImmediate => create(String::new()),
            Act::CreateScheduled => create(format!(r#","desiredTime":"{}""#, self.cell())),
            Act::Retrieve => public(post("retrieve"), format!(r#"{{"id":"{id}"}}"#)),
            Act::Cancel | Act::CancelHeld => public(post("cancel"), format!(r#"{{"id":"{id}"}}"#)),
            Act::Availability => public(get("availability"), String::new()),
            Act::OpenFor => public(get("open-for"), String::new()),
            Act::CallIn => {
                let body = format!(r#"{{"groupName":"{GROUP}","callbackServiceId":"{id}"}}"#);
                public(Request::post("/engagement/v3/call-in/requests/create"), body)
            }
            Act::QueueStatus => public(get("queue-status"), String::new()),
            Act::Update => {
                let told = r#"{"_callback_state":"ROUTING","_ors_session_id":"S1","order":"4711"}"#;
                let request = Request::post(storage).header("content-type", "application/json");
                (self.internal.clone(), request.body(Body::from(told)).unwrap())
            }
            Act::Storage => (self.internal.clone(), Request::get(storage).body(Body::empty()).unwrap()),
            Act::Move | Act::Probe => unreachable!("no request asks for it"),
        }
    }

    /// Sends a request and reads the answer to its end.
    pub(crate) async fn send(&self, act: Act, id: CallbackId, router: Router, request: Request<Body>) {
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(status, 200, "{act:?}: {}", String::from_utf8_lossy(&body));
        match act {
            Act::CreateImmediate | Act::CreateScheduled => self.acknowledge(self.last_issued()),
            Act::Cancel | Act::CancelHeld => {
                self.told().cancels.push(CancelAnswered { id, success: true, answered_at: self.clock.now() });
            }
            _ => {}
        }
    }

    /// Creates under an idempotency key; the id it is answered with.
    pub(crate) async fn create_under(&self, key: &str, number: &str) -> CallbackId {
        let request = Request::post("/engagement/v3/callbacks/create")
            .header("x-api-key", KEY)
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        let body = format!(r#"{{"serviceName":"{SERVICE}","phoneNumber":"{number}"}}"#);
        let response = self.external.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&body);
        assert_eq!(status, 200, "{text}");
        let (_, id) = text.split_once(r#""id":""#).unwrap();
        id[..36].parse().unwrap()
    }

    /// Asks one of the routes that show how the process does; its status.
    pub(crate) async fn look(&self, path: &str) -> u16 {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.internal.clone().oneshot(request).await.unwrap().status().as_u16()
    }
}
