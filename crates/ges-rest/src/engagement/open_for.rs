//! `callbacks/open-for/{service-name}` (engagement-api 8).

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;

use super::service_in;
use crate::answer::{Answer, Failure};
use crate::identity::Caller;
use crate::listener::Site;
use crate::query::Parameters;

pub(crate) const PATH: &str = "/engagement/v3/callbacks/open-for/{service-name}";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenForBody {
    /// Seconds.
    open_for: u32,
}

pub(super) async fn open_for(State(site): State<Arc<Site>>, caller: Caller, uri: Uri) -> Result<Answer, Failure> {
    let name = service_in(uri.path())?;
    let parameters = Parameters::pick(uri.query(), &["start", "timezone"])?;
    let zone = parameters.zone("timezone")?;
    let start = parameters.moment("start")?.map(|moment| moment.resolve(zone.as_ref()));
    let open_for = site.api().open_for.run(caller.tenant, &name, start).await?;
    Ok(Answer::ok(&OpenForBody { open_for }))
}

#[cfg(test)]
#[path = "open_for_tests.rs"]
mod tests;
