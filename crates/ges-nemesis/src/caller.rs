//! A client of the public API.

use std::time::Duration;

use anyhow::Result;
use ges_domain::{CallbackId, Instant};
use ges_harness::Cluster;
use serde_json::{Value, json};

/// Longer than any deadline of the service.
const PATIENCE: Duration = Duration::from_secs(12);

/// What the service said.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Value,
}

impl Answer {
    /// The code of the answer's `status`.
    pub fn code(&self) -> Option<i64> {
        self.body["status"]["code"].as_i64()
    }

    /// The id in the data.
    pub fn id(&self) -> Option<CallbackId> {
        self.body["data"]["id"].as_str()?.parse().ok()
    }

    /// Status and code, for messages.
    pub fn verdict(&self) -> (u16, i64) {
        (self.status, self.code().unwrap_or(-1))
    }
}

/// Calls API pods by number.
#[derive(Debug, Clone)]
pub struct Caller {
    http: reqwest::Client,
    ports: Vec<u16>,
}

impl Caller {
    /// A caller of the pods behind these external ports.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(ports: Vec<u16>) -> Result<Self> {
        // Fails only when the process has chosen already, and then that choice holds.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(2)).timeout(PATIENCE);
        Ok(Self { http: http.build()?, ports })
    }

    /// How many pods there are.
    pub fn pods(&self) -> usize {
        self.ports.len()
    }

    /// Posts to a pod. `None`: no answer arrived, so what happened is unknown.
    pub async fn post(&self, pod: usize, operation: &str, body: &Value) -> Option<Answer> {
        let url =
            format!("http://127.0.0.1:{}/engagement/v3/callbacks/{operation}", self.ports[pod % self.ports.len()]);
        let request = self.http.post(url).header("x-api-key", Cluster::API_KEY);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let body = serde_json::from_slice(&response.bytes().await.ok()?).ok()?;
        Some(Answer { status, body })
    }

    /// Books a callback, as soon as possible without a time, else as an appointment.
    pub async fn create(&self, pod: usize, service: &str, phone: &str, desired: Option<Instant>) -> Option<Answer> {
        let mut body = json!({ "serviceName": service, "phoneNumber": phone });
        if let Some(desired) = desired {
            body["desiredTime"] = desired.to_string().into();
            body["alwaysCheckCapacity"] = true.into();
        }
        self.post(pod, "create", &body).await
    }

    /// Asks for a callback.
    pub async fn retrieve(&self, pod: usize, id: CallbackId) -> Option<Answer> {
        self.post(pod, "retrieve", &json!({ "id": id.to_string() })).await
    }

    /// Takes a callback back.
    pub async fn cancel(&self, pod: usize, id: CallbackId) -> Option<Answer> {
        self.post(pod, "cancel", &json!({ "id": id.to_string() })).await
    }
}
