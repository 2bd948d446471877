//! The simulator's control plane: what its sessions did, and orders to its floor and routers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use ges_domain::{CallbackId, Instant, SessionId};
use serde_json::Value;

/// What a session of the simulator did.
#[derive(Debug, Clone)]
pub struct SessionSeen {
    /// Its id.
    pub session: SessionId,
    /// The callback it was started for.
    pub callback: CallbackId,
    /// When GES allowed it to go on; none when it never did.
    pub bound_at: Option<Instant>,
    /// When it called the consumer.
    pub dialed_at: Vec<Instant>,
    /// Whether it is over: its node knows it no longer.
    pub over: bool,
}

/// A message that a phone shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Whose phone.
    pub target: String,
    /// What it tells.
    pub event: String,
    /// How often it was sent; a repeat takes the place of what it repeats.
    pub sends: u64,
}

/// The control plane, and every session it ever told of.
#[derive(Debug)]
pub struct Control {
    http: reqwest::Client,
    url: String,
    seen: Mutex<HashMap<String, SessionSeen>>,
}

impl Control {
    /// The control plane on this port.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(port: u16) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
        Ok(Self { http, url: format!("http://127.0.0.1:{port}/_sim"), seen: Mutex::default() })
    }

    /// Puts a state in place: `floor`, `urs`, `env`.
    ///
    /// # Errors
    /// The simulator does not take it.
    pub async fn put(&self, target: &str, state: &Value) -> Result<()> {
        let put = self.http.put(format!("{}/state/{target}", self.url)).json(state).send().await?;
        put.error_for_status()?;
        Ok(())
    }

    /// Looks at all sessions. The simulator forgets old ones that ended, so a long run looks now and then.
    ///
    /// # Errors
    /// The simulator does not answer properly.
    pub async fn look(&self) -> Result<()> {
        let list: Vec<Value> = self.http.get(format!("{}/ors/sessions", self.url)).send().await?.json().await?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for shown in &list {
            let session = read(shown)?;
            seen.insert(session.session.to_string(), session);
        }
        Ok(())
    }

    /// Lets every session of a service follow this script from now on.
    ///
    /// # Errors
    /// The simulator does not take it.
    pub async fn script(&self, service: &str, script: &Value) -> Result<()> {
        let mut script = script.clone();
        script["service"] = service.into();
        let told = self.http.post(format!("{}/ors/scenario", self.url)).json(&script).send().await?;
        told.error_for_status()?;
        Ok(())
    }

    /// Orders a fault.
    ///
    /// # Errors
    /// The simulator does not take it.
    pub async fn order_fault(&self, fault: &Value) -> Result<()> {
        let ordered = self.http.post(format!("{}/faults", self.url)).json(fault).send().await?;
        ordered.error_for_status()?;
        Ok(())
    }

    /// What phones show: one entry per target and tag, with how often it was sent.
    ///
    /// # Errors
    /// The simulator does not answer properly.
    pub async fn push_ledger(&self) -> Result<Vec<Pushed>> {
        let list: Vec<Value> = self.http.get(format!("{}/fcm/ledger", self.url)).send().await?.json().await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let pushed = |shown: &Value| Pushed {
            target: text(&shown["target"]),
            event: text(&shown["event"]),
            sends: shown["sends"].as_u64().unwrap_or(0),
        };
        Ok(list.iter().map(pushed).collect())
    }

    /// A push credential that the simulated Google accepts.
    ///
    /// # Errors
    /// The simulator does not answer properly.
    pub async fn service_account(&self) -> Result<Value> {
        Ok(self.http.get(format!("{}/fcm/service-account", self.url)).send().await?.json().await?)
    }

    /// Every session seen so far.
    pub fn sessions(&self) -> Vec<SessionSeen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

fn read(shown: &Value) -> Result<SessionSeen> {
    let moment = |value: &Value| value.as_str().and_then(|text| text.parse::<Instant>().ok());
    let data = &shown["data"];
    Ok(SessionSeen {
        session: SessionId::new(shown["session"].as_str().context("a session without id")?)?,
        callback: data["_service_id"].as_str().context("a session without callback")?.parse()?,
        bound_at: moment(&data["_bound_at"]),
        dialed_at: data["_dialed_at"].as_array().into_iter().flatten().filter_map(moment).collect(),
        over: shown["state"] == "ended",
    })
}
