//! `/ges/v1/designer/{ccid}`: whole tables, and how publishing stands (integrations 5.4; F-21).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::routing::{get, put};
use ges_domain::publishing::{
    Cells, Edition, Extent, Identity, Problem, Publish, Published, Report, Standing, Table, sections_of,
};
use ges_domain::{Instant, Refusal, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::{Answer, Failure};
use crate::body::JsonBody;
use crate::exchange::Exchange;
use crate::listener::Site;
use crate::path::segment;
use crate::staff::tenant;

/// Longest publish id in characters.
const VERSION: usize = 255;
/// From here on not every whole number is a floating-point number.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;
/// The code of a table that has another version than the caller expects.
const CODE_VERSION: u16 = 26;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/ges/v1/designer/{ccid}/tables/{table}", put(publish))
        .route("/ges/v1/designer/{ccid}/status", get(status))
}

/// A table as it is sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TableBody {
    version: String,
    published_at: Option<String>,
    rows: Vec<serde_json::Map<String, Value>>,
}

/// What a publish changed.
#[derive(Debug, Serialize, Default)]
struct ReportBody {
    added: Vec<String>,
    updated: Vec<String>,
    removed: Vec<String>,
    invalid: Vec<Problem>,
}

impl From<Report> for ReportBody {
    fn from(report: Report) -> Self {
        let Report { added, updated, removed, invalid, .. } = report;
        Self { added, updated, removed, invalid }
    }
}

/// `PUT …/tables/{table}`: replaces the table.
async fn publish(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
    body: Request,
) -> Result<Answer, Failure> {
    let table: Table = segment(uri.path(), 5).and_then(|table| table.parse().ok()).ok_or(Failure::NoSuchPath)?;
    let tenant = tenant(&site, &exchange, &uri, &headers).await?;
    let only_if = headers.get(header::IF_MATCH).map(|version| {
        let text = String::from_utf8_lossy(version.as_bytes()).into_owned();
        text.trim().trim_start_matches("W/").trim_matches('"').to_owned()
    });
    let body = <JsonBody as axum::extract::FromRequest<_>>::from_request(body, &site).await?;
    let body: TableBody = serde_json::from_slice(body.bytes()).map_err(|error| {
        // The parser's own words may repeat the body.
        let place = format!("line {}, column {}", error.line(), error.column());
        Failure::Malformed(format!("The body is no table with version and rows: {place}").into())
    })?;
    if !(1..=VERSION).contains(&body.version.chars().count()) || body.version.contains('\0') {
        return Err(Refusal::invalid("version", "must have 1 to 255 characters and no NUL").into());
    }
    let received_at = site.api().publish.clock.now();
    let published_at = match body.published_at {
        None => received_at,
        Some(text) => {
            let read = text.parse::<Instant>();
            read.map_err(|_| Refusal::invalid("publishedAt", "must be an RFC 3339 date-time"))?
        }
    };
    let (sections, refused) = sections_of(table, body.rows.into_iter().map(|row| cells(table, row)).collect());
    let publish = Publish {
        edition: Some(Edition { id: body.version, published_at }),
        received_at,
        extent: Extent::Snapshot(table),
        sections,
        only_if,
        refused,
    };
    let id = publish.edition.as_ref().map(|edition| edition.id.clone()).unwrap_or_default();
    let ignored = |why: &'static str| {
        tracing::info!("tenant.id" = %tenant, table = table.as_str(), version = id, why, "a publish changed nothing");
    };
    match site.api().publish.run(tenant, publish).await.map_err(Refusal::from)? {
        Published::Applied(report) => {
            log_problems(tenant, &report);
            Ok(Answer::ok(&ReportBody::from(*report)))
        }
        Published::Older => {
            ignored("a later one is in force");
            Ok(Answer::ok(&ReportBody::default()))
        }
        // Its sender may have lost the answer that said what was not taken.
        Published::Repeated => {
            ignored("it is in force already");
            let standing = site.api().publish.publishing.standing(tenant).await.map_err(Refusal::from)?;
            let invalid = standing.problems_of(table).cloned().collect();
            Ok(Answer::ok(&ReportBody { invalid, ..ReportBody::default() }))
        }
        Published::VersionDiffers => {
            ignored("its sender expects another version of the table");
            Ok(Answer {
                data: None,
                ..Answer::with(
                    StatusCode::PRECONDITION_FAILED,
                    CODE_VERSION,
                    "The table has another version",
                    &json!({}),
                )
            })
        }
    }
}

/// `GET …/status`: rows as they were received, and what is wrong with them.
async fn status(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Answer, Failure> {
    let tenant = tenant(&site, &exchange, &uri, &headers).await?;
    let standing = site.api().publish.publishing.standing(tenant).await.map_err(Refusal::from)?;
    Ok(Answer::ok(&StatusBody::of(tenant, &standing)))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusBody<'a> {
    ccid: String,
    revision: u64,
    publish_id: Option<&'a str>,
    published_at: Option<String>,
    tables: BTreeMap<&'static str, TableStatus<'a>>,
    rows: Vec<RowStatus<'a>>,
    problems: Vec<&'a Problem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TableStatus<'a> {
    version: &'a str,
    published_at: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RowStatus<'a> {
    section: &'a str,
    /// The table it is a row of; none for sections of other kinds.
    table: Option<&'static str>,
    name: String,
    valid: bool,
    /// Whether it, or an earlier form of it, is in force.
    in_force: bool,
    publish_id: &'a str,
    published_at: String,
    row: &'a Cells,
    problems: &'a [Problem],
}

impl<'a> StatusBody<'a> {
    fn of(tenant: TenantId, standing: &'a Standing) -> Self {
        let rows = standing.sections.iter().map(|(section, kept)| {
            let Identity { kind, name } = Identity::of(section, &kept.cells);
            RowStatus {
                section,
                table: kind.table().map(Table::as_str),
                name,
                valid: kept.is_valid(),
                in_force: kept.is_valid() || kept.applied,
                publish_id: &kept.edition.id,
                published_at: kept.edition.published_at.to_string(),
                row: &kept.cells,
                problems: &kept.problems,
            }
        });
        let tables = standing.tables.iter().map(|(table, state)| {
            let Edition { id, published_at } = &state.edition;
            (table.as_str(), TableStatus { version: id, published_at: published_at.to_string() })
        });
        Self {
            ccid: tenant.to_string(),
            revision: standing.revision,
            publish_id: standing.last.as_ref().map(|last| last.id.as_str()),
            published_at: standing.last.as_ref().map(|last| last.published_at.to_string()),
            tables: tables.collect(),
            rows: rows.collect(),
            problems: standing.problems().collect(),
        }
    }
}

/// A row as cells: lists become numbered cells, what is deeper stays JSON. A row of number validation is one cell.
fn cells(table: Table, row: serde_json::Map<String, Value>) -> Cells {
    if table == Table::NumberValidation {
        return Cells::from([(String::new(), Value::Object(row).to_string())]);
    }
    let mut cells = Cells::new();
    for (column, value) in row {
        match value {
            Value::Array(list) => {
                let list = list.into_iter().enumerate();
                cells.extend(list.filter_map(|(place, one)| Some((format!("{column}{}", place + 1), cell(one)?))));
            }
            other => cells.extend(cell(other).map(|cell| (column, cell))),
        }
    }
    cells
}

/// A number that is whole although it was written with a point, as spreadsheets do: 15.0 is 15 (R-CFG-3).
fn whole(number: &serde_json::Number) -> Option<i64> {
    let value = number.as_f64().filter(|value| number.is_f64() && value.fract() == 0.0 && value.abs() < MOST_EXACT)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and small enough to be exact")]
    Some(value as i64)
}

/// A value as the text of a cell; `null` is no cell.
pub(crate) fn cell(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        Value::Number(number) => Some(whole(&number).map_or_else(|| number.to_string(), |whole| whole.to_string())),
        other => Some(other.to_string()),
    }
}

/// Tells the operator what was not taken (R-CFG-1). Settings are nobody's personal data.
pub(crate) fn log_problems(tenant: TenantId, report: &Report) {
    for Problem { row, column, cause } in &report.invalid {
        tracing::warn!("tenant.id" = %tenant, row, column, cause, "a published row was not taken");
    }
    let (added, updated, removed) = (report.added.len(), report.updated.len(), report.removed.len());
    tracing::info!("tenant.id" = %tenant, revision = report.revision, added, updated, removed, "a publish is in force");
}

#[cfg(test)]
#[path = "designer_tests.rs"]
mod tests;
