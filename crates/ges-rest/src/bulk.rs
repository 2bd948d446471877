//! `/ges/v1/bulk/{ccid}`: cancelling or booking again many callbacks at once, on the internal listener (R-BLK-1 to R-BLK-3).

mod report;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ges_domain::bulk::{BulkId, Filter, Job, Kind, MOST, Selection};
use ges_domain::callback::State as Stands;
use ges_domain::{CallbackId, Instant, Refusal, ServiceName};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::{Answer, Failure};
use crate::body::JsonBody;
use crate::exchange::Exchange;
use crate::fields::{Fields, invalid, object};
use crate::listener::Site;
use crate::path::segment;
use crate::sheet;
use crate::staff::{by, tenant};

/// Longest text in characters.
const TEXT: usize = 255;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/ges/v1/bulk/{ccid}", post(open))
        .route("/ges/v1/bulk/{ccid}/{job}", get(watch).delete(stop))
        .route("/ges/v1/bulk/{ccid}/{job}/result.csv", get(result))
}

/// A job as it stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JobBody {
    id: String,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    desired_time: Option<String>,
    by: String,
    state: &'static str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    total: u32,
    succeeded: u32,
    failed: u32,
    waiting: u32,
}

impl From<Job> for JobBody {
    fn from(job: Job) -> Self {
        let desired = match job.kind {
            Kind::Cancel => None,
            Kind::Recreate { desired } => desired,
        };
        Self {
            id: job.id.to_string(),
            action: job.kind.as_str(),
            desired_time: desired.map(|at| at.to_string()),
            by: job.by,
            state: job.stage.as_str(),
            created_at: job.created_at.to_string(),
            ended_at: job.ended_at.map(|at| at.to_string()),
            total: job.total,
            succeeded: job.succeeded,
            failed: job.failed,
            waiting: job.total.saturating_sub(job.succeeded + job.failed),
        }
    }
}

async fn open(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Answer, Failure> {
    let tenant = tenant(&site, &exchange, &uri, &headers).await?;
    let fields = body.fields()?;
    let (kind, selection, by) = (kind(&fields)?, selection(&fields)?, by(&fields)?);
    let job = site.api().bulk.open(tenant, kind, selection, &by).await?;
    Ok(Answer::with(StatusCode::ACCEPTED, 0, "Successful", &JobBody::from(job)))
}

async fn watch(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Answer, Failure> {
    let tenant = tenant(&site, &exchange, &uri, &headers).await?;
    let job = site.api().bulk.watch(tenant, job_in(&uri)?).await?;
    Ok(Answer::ok(&JobBody::from(job)))
}

async fn stop(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Answer, Failure> {
    let tenant = tenant(&site, &exchange, &uri, &headers).await?;
    let job = site.api().bulk.stop(tenant, job_in(&uri)?).await?;
    Ok(Answer::ok(&JobBody::from(job)))
}

/// The report: a line per record, whatever became of it so far.
async fn result(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let tenant = tenant(&site, &exchange, &uri, &headers).await?;
    let desk = &site.api().bulk;
    let job = desk.watch(tenant, job_in(&uri)?).await?;
    let items = desk.items(tenant, job.id, 0, MOST).await?;
    let report = sheet::lines(std::iter::once(report::HEADER.map(str::to_owned)).chain(items.iter().map(report::line)));
    let named = format!("attachment; filename=\"{}-{}.csv\"", job.kind.as_str(), job.id);
    let head = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, named)];
    Ok((head, Body::from(report)).into_response())
}

fn job_in(uri: &Uri) -> Result<BulkId, Failure> {
    segment(uri.path(), 4).and_then(|id| id.parse().ok()).ok_or(Failure::NoSuchPath)
}

fn instant(fields: &Fields<'_>, name: &'static str) -> Result<Option<Instant>, Failure> {
    let Some(text) = fields.text(name, TEXT)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| invalid(name, "must be an RFC 3339 date-time"))
}

fn kind(fields: &Fields<'_>) -> Result<Kind, Failure> {
    match fields.required_text("action", TEXT)?.as_str() {
        "cancel" => Ok(Kind::Cancel),
        "recreate" => Ok(Kind::Recreate { desired: instant(fields, "desiredTime")? }),
        _ => Err(invalid("action", "must be cancel or recreate")),
    }
}

/// Either `ids` or `filter` (R-BLK-1).
fn selection(fields: &Fields<'_>) -> Result<Selection, Failure> {
    match (fields.list("ids")?, fields.raw("filter")) {
        (Some(ids), None) => {
            let read = |id| word("ids", id)?.parse::<CallbackId>().map_err(|_| invalid("ids", "must be UUIDs"));
            Ok(Selection::of(ids.into_iter().map(read).collect::<Result<Vec<_>, Failure>>()?))
        }
        (None, Some(filter)) => {
            let filter = object("filter", filter)?;
            let bound = |name| instant(&filter, name)?.ok_or_else(|| invalid(name, "is required"));
            let states = words(&filter, "states", |text| Stands::from_word(&text))?;
            let services = words(&filter, "services", |text| ServiceName::new(&text).ok())?;
            Ok(Selection::Filter(Filter { from: bound("from")?, until: bound("until")?, states, services }))
        }
        _ => Err(Refusal::invalid("selection", "is either ids or filter").into()),
    }
}

fn word(name: &'static str, value: &RawValue) -> Result<String, Failure> {
    serde_json::from_str(value.get()).map_err(|_| invalid(name, "must be an array of strings"))
}

fn words<T>(fields: &Fields<'_>, name: &'static str, read: impl Fn(String) -> Option<T>) -> Result<Vec<T>, Failure> {
    let list = fields.list(name)?.unwrap_or_default();
    let one = |value: &RawValue| read(word(name, value)?).ok_or_else(|| invalid(name, "has an unknown value"));
    list.into_iter().map(one).collect()
}

#[cfg(test)]
#[path = "bulk_tests.rs"]
mod tests;
