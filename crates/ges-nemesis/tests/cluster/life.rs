//! Lives of callbacks (EX-M) through real processes: sessions follow scripts, people act through the APIs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ges_domain::{CallbackId, ServiceName};
use ges_harness::Cluster;
use ges_nemesis::{Deployment, DeploymentPlan, History, ServiceRow, SessionSeen, now};
use serde_json::{Value, json};

use crate::degraded::metric;
use crate::world::{SOON, all_end, burst, deployment, history, number, service, services, violations};

/// Longer than a session may take to end, and than the worker takes to look (integrations 1.4).
const STOPPED_WITHIN: Duration = Duration::from_secs(60);
const A_DAY: Duration = Duration::from_secs(86_400);

/// Services, each with the life that its sessions lead.
const LIVES: [&str; 7] = ["CB_M1", "CB_M3", "CB_M4", "CB_M7", "CB_M9", "CB_M14d", "CB_M16"];

fn step(after_ms: u64, state: &str) -> Value {
    json!({ "afterMs": after_ms, "update": { "_callback_state": state } })
}

/// Told before anything is booked.
fn scripts() -> [(&'static str, Value); 6] {
    let ends = |reason: &str| {
        let update = json!({ "_callback_state": "COMPLETED", "_callback_reason": reason });
        json!({ "afterMs": 200, "update": update })
    };
    let talks = || json!({ "afterMs": 200, "update": { "_callback_state": "PROCESSING", "_dial_attempts": "1" } });
    let waits = || step(600_000, "ROUTING");
    [
        ("CB_M1", json!({ "steps": [step(200, "ROUTING"), talks(), ends("AGENT_CONNECTED")] })),
        ("CB_M3", json!({ "steps": [talks(), step(200, "QUEUED"), ends("REDIAL_LIMIT_REACHED")] })),
        ("CB_M4", json!({ "steps": [talks(), waits()] })),
        ("CB_M9", json!({ "steps": [waits()] })),
        ("CB_M14d", json!({ "steps": [step(200, "COMPLETED")] })),
        // It says yes to everything, waits its time and then calls.
        ("CB_M16", json!({ "steps": [waits(), talks()], "onCancel": "ignore" })),
    ]
}

struct House {
    deployment: Deployment,
    history: Arc<History>,
    http: reqwest::Client,
    internal: u16,
}

impl House {
    async fn book(&self, service: &str, desired: Option<ges_domain::Instant>) -> CallbackId {
        let number = number(LIVES.iter().position(|life| *life == service).unwrap());
        let answer = self.deployment.caller.create(0, service, &number, desired).await.expect("the API answers");
        let booked = self.history.created(&ServiceName::new(service).unwrap(), Some(&answer));
        booked.unwrap_or_else(|| panic!("{service}: {}", answer.body))
    }

    /// As a client sees it.
    async fn seen(&self, id: CallbackId) -> Value {
        self.deployment.caller.retrieve(0, id).await.expect("the API answers").body["data"].clone()
    }

    /// As it is stored: a number from 1 (SCHEDULED) to 6 (COMPLETED), PAUSED is 5.
    fn stored(&self, id: CallbackId) -> String {
        self.deployment.sql(&format!("select state from callbacks where id = '{id}'")).unwrap().trim().to_owned()
    }

    async fn until_stored(&self, id: CallbackId, wanted: &str) {
        let begun = Instant::now();
        while self.stored(id) != wanted {
            assert!(begun.elapsed() < SOON, "{id} stands at {} and not at {wanted}", self.stored(id));
            assert_ne!(self.seen(id).await["callbackState"], "PAUSED", "R-ST-1");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The reason it ended with.
    async fn end(&self, id: CallbackId) -> String {
        self.until_stored(id, "6").await;
        self.seen(id).await["callbackReason"].as_str().unwrap_or_default().to_owned()
    }

    /// Its session, once that has the callback.
    async fn session(&self, id: CallbackId) -> SessionSeen {
        let begun = Instant::now();
        loop {
            self.deployment.control.look().await.unwrap();
            let of = |session: &SessionSeen| session.callback == id && session.bound_at.is_some();
            if let Some(session) = self.deployment.control.sessions().into_iter().find(of) {
                return session;
            }
            assert!(begun.elapsed() < SOON, "no session has {id}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The status of a call on the internal listener.
    async fn inside(&self, method: reqwest::Method, path: &str, body: &Value) -> u16 {
        let call = self.http.request(method, format!("http://127.0.0.1:{}{path}", self.internal));
        let call = call.header("ContactCenterId", Cluster::TENANT).json(body);
        call.send().await.unwrap().status().as_u16()
    }

    async fn verdict_of_cancel(&self, id: CallbackId) -> (u16, i64) {
        self.deployment.caller.cancel(0, id).await.expect("the API answers").verdict()
    }

    /// M1, M2, M5.
    async fn a_good_day(&self) {
        let id = self.book("CB_M1", None).await;
        assert_eq!(self.end(id).await, "AGENT_CONNECTED", "M1");
        let before = self.seen(id).await;
        let session = self.session(id).await.session;
        let late = json!({ "_callback_state": "PROCESSING", "_ors_session_id": session.as_str() });
        let storage = format!("/genesys/1/service/{id}/storage");
        assert_eq!(self.inside(reqwest::Method::POST, &storage, &late).await, 200, "M2: it is too late, and no error");
        assert_eq!(self.seen(id).await, before, "M2");
        assert_eq!(self.verdict_of_cancel(id).await, (400, 6), "M5");
    }

    /// M3, M14d.
    async fn ends_of_its_own(&self) {
        let (redialed, silent) = (self.book("CB_M3", None).await, self.book("CB_M14d", None).await);
        assert_eq!(self.end(redialed).await, "REDIAL_LIMIT_REACHED", "M3");
        assert_eq!(self.end(silent).await, "NOT_AVAILABLE", "M14d");
    }

    /// M4, M7.
    async fn cancels(&self) {
        let talking = self.book("CB_M4", None).await;
        self.until_stored(talking, "4").await;
        assert_eq!(self.verdict_of_cancel(talking).await, (400, 6), "M4");
        assert_eq!(self.stored(talking), "4", "M4");
        let appointment = self.book("CB_M7", Some(now() + A_DAY)).await;
        assert_eq!(self.verdict_of_cancel(appointment).await, (200, 0), "M7");
        assert_eq!(self.end(appointment).await, "CANCELLED", "M7");
    }

    /// M9: two callbacks of one queue, and one of another that goes on undisturbed.
    async fn a_pause(&self) {
        let ids = [self.book("CB_M9", None).await, self.book("CB_M9", None).await];
        for id in ids {
            self.session(id).await;
            self.until_stored(id, "2").await;
        }
        let act = async |act: &str| {
            let path = format!("/ges/v1/services/{}/CB_M9/{act}", Cluster::TENANT);
            self.inside(reqwest::Method::POST, &path, &json!({ "by": "anna" })).await
        };
        for (word, stands) in [("pause", "5"), ("resume", "2")] {
            assert_eq!(act(word).await, 200);
            for id in ids {
                self.until_stored(id, stands).await;
                assert_eq!(self.seen(id).await["callbackState"], "QUEUED", "M9: all the time for those outside");
            }
        }
        for id in ids {
            assert!(!self.session(id).await.over, "M9: it keeps its session, and so its place");
        }
    }

    /// M16, R-EDT-4, I2: the session agrees to another time and lives on. It is stopped before it calls anybody.
    async fn a_move_that_the_session_does_not_follow(&self) {
        let id = self.book("CB_M16", None).await;
        let session = self.session(id).await;
        self.until_stored(id, "2").await;
        let path = format!("/genesys/1/service/callback/CB_M16/{id}");
        let tomorrow = json!({ "_new_desired_time": (now() + A_DAY).to_string() });
        assert_eq!(self.inside(reqwest::Method::PUT, &path, &tomorrow).await, 200);
        assert_eq!(self.stored(id), "1", "M16: it waits for tomorrow");
        let late = json!({ "_callback_state": "ROUTING", "_ors_session_id": session.session.as_str() });
        let begun = Instant::now();
        while !self.session(id).await.over {
            assert!(begun.elapsed() < STOPPED_WITHIN, "the old session lives on");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(begun.elapsed() >= Duration::from_secs(9), "it had its time to end by itself: {:?}", begun.elapsed());
        assert_eq!(self.session(id).await.dialed_at, [], "the consumer was not called");
        let storage = format!("/genesys/1/service/{id}/storage");
        assert_eq!(self.inside(reqwest::Method::POST, &storage, &late).await, 409, "M16: late news of the old session");
        assert_eq!(self.stored(id), "1", "M16");
        assert_eq!(self.deployment.sql("select count(*) from former_sessions").unwrap().trim(), "0", "it is forgotten");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_live_as_the_examples_say() {
    let rows = LIVES.map(|life| ServiceRow::new(life, 100));
    // At the pace of the clock: scripts count real milliseconds.
    let plan = DeploymentPlan { floor: Vec::new(), ..DeploymentPlan::new(rows.into()) };
    let deployment = deployment(&plan).await;
    for (service, script) in scripts() {
        deployment.control.script(service, &script).await.unwrap();
    }
    let internal = deployment.cluster.node("api-0").unwrap().internal_port();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let house = House { deployment, history: history(), http, internal };
    tokio::join!(
        house.a_good_day(),
        house.ends_of_its_own(),
        house.cancels(),
        house.a_pause(),
        house.a_move_that_the_session_does_not_follow(),
    );
    assert_eq!(violations(&house.deployment, &house.history, false).await, []);
}

/// Check 3 over a real Redis and real pods, by the clock: sessions that never take their callback cost three entries, after 0, 60 and
/// 180 seconds, and a minute later it is given up (R-SUB-8, M14c).
#[tokio::test(flavor = "multi_thread")]
async fn check_03_unanswered_attempts_are_three_entries_on_the_stream() {
    let deployment = deployment(&DeploymentPlan::new(services())).await;
    deployment.control.script(&service(0), &json!({ "name": "neverAck" })).await.unwrap();
    let history = history();
    burst(&deployment, &history, 1, 1).await;
    let id = history.acknowledged()[0].id;
    let begun = Instant::now();
    all_end(&deployment, &history, Duration::from_secs(270)).await;
    assert!(begun.elapsed() > Duration::from_secs(235), "the third one had its minute: {:?}", begun.elapsed());
    let reason = deployment.sql(&format!("select reason from callbacks where id = '{id}'")).unwrap();
    assert_eq!(reason.trim(), "SUBMIT_FAILED");
    let written = deployment.ledger.written();
    let attempts: Vec<_> =
        written.iter().filter(|written| written.entry.id == id).map(|written| written.entry.attempt).collect();
    assert_eq!(attempts, [1, 2, 3], "one entry each");
    let failed = metric(&deployment, "worker-0", "CB_SUBMIT_FAILED").await;
    assert_eq!(failed, Some(1.0));
    assert_eq!(violations(&deployment, &history, true).await, []);
}
