//! A GES that only keeps what sessions tell it, and a stream in memory.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use ges_sim::floor::{Crew, FloorSettings, GroupSettings};
use ges_sim::{EntrySource, Ports, Sim, SimSettings, SourceError, StreamEntry};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What a session told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) headers: HeaderMap,
    pub(crate) keys: BTreeMap<String, String>,
}

/// The receiving end.
#[derive(Clone, Default)]
pub(crate) struct FakeGes {
    pub(crate) told: Arc<Mutex<Vec<Told>>>,
    /// Answers by callback id, first to last; then 200.
    pub(crate) answers: Arc<Mutex<HashMap<String, VecDeque<u16>>>>,
}

impl FakeGes {
    pub(crate) async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/genesys", listener.local_addr().unwrap());
        let router = Router::new().route("/genesys/1/service/{id}/storage", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    /// States and reasons of a callback as told, in order.
    pub(crate) fn story(&self, id: &str) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let of = told.iter().filter(|told| told.id == id);
        let word = |told: &Told| {
            let state = told.keys.get("_callback_state").cloned();
            state.or_else(|| told.keys.get("_session_reason").cloned())
        };
        of.filter_map(word).collect()
    }

    pub(crate) fn last(&self, id: &str, key: &str) -> Option<String> {
        let told = self.told.lock().unwrap();
        told.iter().rev().filter(|told| told.id == id).find_map(|told| told.keys.get(key).cloned())
    }
}

async fn take(
    State(ges): State<FakeGes>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(keys): Form<BTreeMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    ges.told.lock().unwrap().push(Told { id: id.clone(), headers, keys });
    let status = ges.answers.lock().unwrap().get_mut(&id).and_then(VecDeque::pop_front).unwrap_or(200);
    (StatusCode::from_u16(status).unwrap(), Json(json!({})))
}

/// A stream in memory: delivers once, and keeps what is not acknowledged.
#[derive(Default)]
pub(crate) struct MemorySource {
    waiting: Mutex<VecDeque<StreamEntry>>,
    pub(crate) acknowledged: Mutex<Vec<String>>,
    written: tokio::sync::Notify,
}

impl MemorySource {
    pub(crate) fn write(&self, id: &str, entry: Vec<(String, String)>) {
        self.waiting.lock().unwrap().push_back(StreamEntry { id: id.into(), fields: entry });
        self.written.notify_one();
    }

    pub(crate) fn acknowledged(&self) -> Vec<String> {
        self.acknowledged.lock().unwrap().clone()
    }
}

#[async_trait]
impl EntrySource for MemorySource {
    async fn next(&self) -> Result<Vec<StreamEntry>, SourceError> {
        loop {
            let taken: Vec<_> = self.waiting.lock().unwrap().drain(..).collect();
            if !taken.is_empty() {
                return Ok(taken);
            }
            self.written.notified().await;
        }
    }

    async fn acknowledge(&self, id: &str) -> Result<(), SourceError> {
        self.acknowledged.lock().unwrap().push(id.into());
        Ok(())
    }
}

/// An entry for a callback; `expires` is RFC 3339.
pub(crate) fn entry(ges: &str, id: &str, attempt: u32, expires: &str, data: Value) -> Vec<(String, String)> {
    [
        ("schema", "1".to_owned()),
        ("event", "callback.start".into()),
        ("serviceId", id.into()),
        ("attempt", attempt.to_string()),
        ("ccid", "c0ffee00-0000-4000-8000-000000000100".into()),
        ("serviceName", "CB_Sales".into()),
        ("gesUrl", ges.into()),
        ("submittedAt", "2026-01-01T00:00:00.000Z".into()),
        ("expiresAt", expires.into()),
        ("corrId", "11111111-1111-4111-8111-111111111111".into()),
        ("data", data.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// A crew that answers at once and talks for a moment.
pub(crate) fn swift() -> Crew {
    Crew {
        agents: 2,
        handling_ms: 30,
        reserve_ms: 10,
        ring_ms: 10,
        ring_timeout_ms: 20,
        answer: 1.0,
        redial_ms: 20,
        call_in_ms: 200,
    }
}

pub(crate) fn settings(crew: Crew) -> SimSettings {
    let group = GroupSettings { name: "Sales".into(), queues: vec!["CB_Sales".into(), "VQ_Sales".into()], crew };
    SimSettings {
        ports: Ports::FREE,
        floor: FloorSettings { groups: vec![group], ..FloorSettings::default() },
        ..SimSettings::default()
    }
}

/// Everything running.
pub(crate) struct World {
    pub(crate) ges: FakeGes,
    pub(crate) ges_url: String,
    pub(crate) source: Arc<MemorySource>,
    pub(crate) sim: Sim,
    pub(crate) http: reqwest::Client,
}

impl World {
    pub(crate) async fn start(crew: Crew) -> Self {
        let ges = FakeGes::default();
        let ges_url = ges.start().await;
        let source = Arc::new(MemorySource::default());
        let sim = Sim::start(settings(crew), Some(source.clone())).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
        Self { ges, ges_url, source, sim, http }
    }

    pub(crate) fn submit(&self, stream_id: &str, id: &str, attempt: u32, data: Value) {
        self.source.write(stream_id, entry(&self.ges_url, id, attempt, "2100-01-01T00:00:00.000Z", data));
    }

    pub(crate) fn control(&self, path: &str) -> String {
        format!("http://{}/_sim/{path}", self.sim.addresses().control)
    }

    pub(crate) fn ors(&self, path: &str) -> String {
        format!("http://{}/{path}", self.sim.addresses().ors)
    }

    pub(crate) async fn order(&self, path: &str, body: Value) -> Value {
        let answer = self.http.post(self.control(path)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    pub(crate) async fn ask(&self, path: &str) -> Value {
        self.http.get(self.control(path)).send().await.unwrap().json().await.unwrap()
    }

    /// Waits until something is so; real sockets have no virtual time.
    pub(crate) async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        for _ in 0..1_000 {
            if so(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never came: {what}; told so far: {:?}", self.ges.told.lock().unwrap());
    }

    pub(crate) async fn ended(&self, id: &str) {
        self.until("COMPLETED", |world| world.ges.story(id).last().is_some_and(|state| state == "COMPLETED")).await;
    }

    pub(crate) fn session_of(&self, id: &str) -> String {
        self.ges.last(id, "_ors_session_id").expect("bound")
    }
}
