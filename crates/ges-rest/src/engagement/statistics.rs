//! `statistics/operations/get-statistic-ex` (engagement-api 12).

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use ges_domain::statistics::{Question, max_age};
use serde_json::json;
use serde_json::value::RawValue;

use crate::answer::{Answer, Failure};
use crate::body::JsonBody;
use crate::canonical::canonical;
use crate::identity::Caller;
use crate::listener::Site;

pub(crate) const PATH: &str = "/engagement/v3/statistics/operations/get-statistic-ex";

pub(super) async fn get_statistic_ex(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Answer, Failure> {
    // Official clients can send nothing else, and of no statistics there are no values.
    if body.is_blank() {
        return Ok(Answer::ok(&json!({ "statistics": [] })));
    }
    let canonical = canonical(&body.fields()?);
    let question = Question { body: body.bytes(), canonical: &canonical, max_age: max_age(asked_age(&headers)) };
    let data = site.api().statistics.get_statistic_ex(caller.tenant, question).await.map_err(|error| {
        tracing::info!(error = &error as &dyn std::error::Error, "no statistics");
        Failure::Refused(error.into())
    })?;
    let data: &RawValue = serde_json::from_str(&data).map_err(|_| Failure::Internal)?;
    Ok(Answer::ok(&data))
}

/// Seconds of the first `max-age` that reads; other directives are ignored.
fn asked_age(headers: &HeaderMap) -> Option<u64> {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).find_map(age)
}

fn age(directive: &str) -> Option<u64> {
    let (name, seconds) = directive.split_once('=')?;
    let digits = seconds.trim().trim_matches('"');
    let reads = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than the type holds still ask for something old.
    (name.trim().eq_ignore_ascii_case("max-age") && reads).then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "statistics_tests.rs"]
mod tests;
