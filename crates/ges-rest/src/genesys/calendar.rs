//! `GET /genesys/1/service/{office_hours_service}`: when an office is open (integrations 2.14).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use ges_domain::hours::{Hours, Window};
use serde::Serialize;

use super::fault::{Exception, GmsFault, Written};
use super::place::tenant_of;
use crate::answer::JSON;
use crate::exchange::Exchange;
use crate::listener::Site;
use crate::path::segment;
use crate::query::Parameters;

/// Longest period asked for, in days.
const MOST_DAYS: u32 = 366;
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Debug, Serialize)]
struct CalendarBody {
    /// `null`: the calendar was read.
    error: Option<String>,
    timezone: String,
    periods: Vec<Period>,
}

#[derive(Debug, Serialize)]
struct Period {
    start: String,
    end: String,
}

impl From<&Window> for Period {
    fn from(window: &Window) -> Self {
        Self { start: window.from.to_string(), end: window.until.to_string() }
    }
}

/// The open periods of `start` to `end`, cut to it; without parameters, the one that is now.
pub(super) async fn read(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let name = segment(uri.path(), 3).unwrap_or_default();
    let tenant = tenant_of(&site, &exchange, &headers).await?;
    // A name that no store could hold is nobody's.
    let found = match name.contains('\0') {
        true => None,
        false => site.api().open_for.catalogue.hours(tenant, &name).await?,
    };
    let no_such = || GmsFault::new(StatusCode::NOT_FOUND, Exception::NotFound, "No such office-hours service");
    let hours = found.ok_or_else(no_such)?;
    let parameters = Parameters::pick(uri.query(), &["start", "end", "number-of-days"])?;
    let moment = |name| Ok::<_, GmsFault>(parameters.moment(name)?.map(|moment| moment.resolve(Some(hours.zone()))));
    let now = site.api().publish.clock.now();
    let start = moment("start")?.unwrap_or(now);
    let end = match (moment("end")?, parameters.count("number-of-days")?) {
        (Some(_), Some(_)) => return Err(GmsFault::option("Either end or number-of-days, not both")),
        (Some(end), None) => end,
        (None, Some(days)) => start + DAY * days.min(MOST_DAYS + 1),
        (None, None) => start,
    };
    if end < start || end.since(start) > DAY * MOST_DAYS {
        return Err(GmsFault::option(format!("end must follow start by at most {MOST_DAYS} days")));
    }
    let windows = match start == end {
        true => hours.window_at(start).into_iter().collect(),
        false => hours.open_windows(start, end),
    };
    let unreadable = matches!(hours, Hours::Unreadable);
    let body = CalendarBody {
        error: unreadable.then(|| "The calendar does not read back; it counts as closed".to_owned()),
        timezone: hours.zone().name().to_owned(),
        periods: windows.iter().map(Period::from).collect(),
    };
    let body = serde_json::to_vec(&body).expect("invariant: a calendar is a tree of texts");
    let mut response = ([(header::CONTENT_TYPE, JSON)], body).into_response();
    response.extensions_mut().insert(Written);
    Ok(response)
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
