//! `callbacks/queue-status/{queue-name}` (engagement-api 9).

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;

use super::name_in;
use crate::answer::{Answer, Failure};
use crate::fields::invalid;
use crate::identity::Caller;
use crate::listener::Site;

pub(crate) const PATH: &str = "/engagement/v3/callbacks/queue-status/{queue-name}";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QueueStatusBody {
    /// Seconds, or -1.
    ewt: i64,
    offer_immediate_callback: bool,
    offer_scheduled_callback: bool,
}

pub(super) async fn queue_status(State(site): State<Arc<Site>>, caller: Caller, uri: Uri) -> Result<Answer, Failure> {
    let queue = name_in(uri.path(), "queue-name")?;
    let status = site.api().queue_status.run(caller.tenant, &queue).await;
    let answered = status.map(|status| {
        Answer::ok(&QueueStatusBody {
            ewt: status.ewt.map_or(-1, i64::from),
            offer_immediate_callback: status.offer_immediate,
            offer_scheduled_callback: status.offer_scheduled,
        })
    });
    site.api().recent.settle(caller.tenant, &uri, answered.map_err(Failure::from))
}

/// The name is missing (engagement-api 2.5).
pub(super) async fn nameless(_: Caller) -> Failure {
    invalid("queue-name", "is missing from the path")
}

#[cfg(test)]
#[path = "queue_status_tests.rs"]
mod tests;
