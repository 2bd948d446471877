//! `estimated-wait-time` (engagement-api 10).

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use ges_domain::wait::{EwtMode, QueueWait, names};
use serde::Serialize;

use crate::answer::{Answer, Failure};
use crate::fields::invalid;
use crate::identity::Caller;
use crate::listener::Site;
use crate::query::{Parameters, values};

pub(crate) const PATH: &str = "/engagement/v3/estimated-wait-time";

const QUEUES: &str = "virtual-queues";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitBody<'a> {
    virtual_queue: &'a str,
    /// Seconds, or -1.
    estimated_wait_time: i64,
    message: &'static str,
    result_code: i8,
}

pub(super) async fn estimated_wait_time(
    State(site): State<Arc<Site>>,
    caller: Caller,
    uri: Uri,
) -> Result<Answer, Failure> {
    // The comma of a list usually arrives encoded, so lists are decoded first and split afterwards.
    let lists = values(uri.query(), QUEUES)?;
    let queues = names(lists.iter().map(String::as_str)).map_err(|bad| invalid(QUEUES, bad.to_string()))?;
    let parameters = Parameters::pick(uri.query(), &["mode", "include-calls-on-hold"])?;
    let mode = match parameters.text("mode") {
        Some(mode) => mode.parse().map_err(|_| invalid("mode", "must be mode1, mode2 or mode3"))?,
        None => EwtMode::default(),
    };
    let on_hold = parameters.boolean("include-calls-on-hold")?.unwrap_or_default();
    let waits = site.api().waits.run(caller.tenant, &queues, mode, on_hold).await?;
    let bodies: Vec<_> = queues.iter().zip(waits).map(|(queue, wait)| body(queue, wait)).collect();
    Ok(Answer::ok(&bodies))
}

const fn body(virtual_queue: &str, wait: QueueWait) -> WaitBody<'_> {
    WaitBody {
        virtual_queue,
        estimated_wait_time: wait.estimated_wait_time,
        message: wait.message,
        result_code: wait.result_code,
    }
}

#[cfg(test)]
#[path = "estimated_wait_tests.rs"]
mod tests;
