//! `/ges/v1/services/{ccid}/…`: pausing and resuming services on the internal listener (R-PAU-1).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::routing::{get, post};
use ges_domain::ports::{PauseAct, PauseEntry, PauseScope};
use ges_domain::{Refusal, ServiceName};
use serde::Serialize;

use crate::answer::{Answer, Failure};
use crate::body::JsonBody;
use crate::exchange::Exchange;
use crate::listener::Site;
use crate::path::segment;
use crate::staff::{by, tenant};

/// Acts of the history that are shown.
const HISTORY: u32 = 100;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/ges/v1/services/{ccid}/paused", get(standing))
        .route("/ges/v1/services/{ccid}/pause", post(pause))
        .route("/ges/v1/services/{ccid}/resume", post(resume))
        .route("/ges/v1/services/{ccid}/{service}/pause", post(pause))
        .route("/ges/v1/services/{ccid}/{service}/resume", post(resume))
}

/// The pauses that stand.
#[derive(Debug, Serialize)]
struct StandingBody {
    /// The one for all services.
    all: Option<EntryBody>,
    /// Those of single services.
    services: Vec<EntryBody>,
}

#[derive(Debug, Serialize)]
struct EntryBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    since: String,
    by: String,
}

impl From<Vec<PauseEntry>> for StandingBody {
    fn from(entries: Vec<PauseEntry>) -> Self {
        let (mut all, mut services) = (None, Vec::new());
        for entry in entries {
            let service = entry.scope.service().map(ToString::to_string);
            let body = EntryBody { service, since: entry.since.to_string(), by: entry.by };
            match entry.scope {
                PauseScope::All => all = Some(body),
                PauseScope::Service(_) => services.push(body),
            }
        }
        Self { all, services }
    }
}

#[derive(Debug, Serialize)]
struct ActBody {
    /// The service; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    paused: bool,
    at: String,
    by: String,
}

impl From<PauseAct> for ActBody {
    fn from(act: PauseAct) -> Self {
        let service = act.scope.service().map(ToString::to_string);
        Self { service, paused: act.paused, at: act.at.to_string(), by: act.by }
    }
}

#[derive(Debug, Serialize)]
struct PausedBody {
    #[serde(flatten)]
    standing: StandingBody,
    /// Who paused and resumed what, the latest first.
    history: Vec<ActBody>,
}

async fn standing(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Answer, Failure> {
    let tenant = tenant(&site, &exchange, &uri, &headers).await?;
    let pause = &site.api().pause;
    let standing = pause.standing(tenant).await?;
    let history = pause.history(tenant, HISTORY).await?;
    let history = history.into_iter().map(ActBody::from).collect();
    Ok(Answer::ok(&PausedBody { standing: standing.into(), history }))
}

async fn pause(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Answer, Failure> {
    set(&site, &exchange, &uri, &headers, &body, true).await
}

async fn resume(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Answer, Failure> {
    set(&site, &exchange, &uri, &headers, &body, false).await
}

async fn set(
    site: &Site,
    exchange: &Exchange,
    uri: &Uri,
    headers: &HeaderMap,
    body: &JsonBody,
    paused: bool,
) -> Result<Answer, Failure> {
    let tenant = tenant(site, exchange, uri, headers).await?;
    let by = if body.is_blank() { by(&crate::fields::Fields::of_body(b"{}")?)? } else { by(&body.fields()?)? };
    let scope = scope(uri)?;
    let standing = site.api().pause.run(tenant, scope, paused, &by).await?;
    Ok(Answer::ok(&StandingBody::from(standing)))
}

/// One service, or all when the path names none.
fn scope(uri: &Uri) -> Result<PauseScope, Failure> {
    if segment(uri.path(), 5).is_none() {
        return Ok(PauseScope::All);
    }
    let named = segment(uri.path(), 4).unwrap_or_default();
    let name = ServiceName::new(&named).map_err(|_| Refusal::UnknownService(named))?;
    Ok(PauseScope::Service(name))
}

#[cfg(test)]
#[path = "pauses_tests.rs"]
mod tests;
