//! `callbacks/retrieve` (engagement-api 5).

use std::sync::Arc;

use axum::extract::State;
use ges_domain::CallbackId;
use ges_domain::callback::{Callback, Reason, State as CallbackState};
use serde::Serialize;

use super::id_body::id_of;
use crate::answer::{Answer, Failure};
use crate::body::JsonBody;
use crate::exchange::Exchange;
use crate::identity::Caller;
use crate::listener::Site;

pub(crate) const PATH: &str = "/engagement/v3/callbacks/retrieve";

/// What the caller learns of a callback.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CallbackBody {
    id: CallbackId,
    desired_time: String,
    callback_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_reason: Option<Reason>,
    phone_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    position_in_queue: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_wait_time: Option<u32>,
}

impl From<Callback> for CallbackBody {
    fn from(callback: Callback) -> Self {
        // R-REC-7; a position that stands still while the service is paused says nothing.
        let moving =
            matches!(callback.state, CallbackState::Queued | CallbackState::Routing | CallbackState::Processing);
        Self {
            id: callback.id,
            desired_time: callback.desired_at.to_string(),
            callback_state: callback.state.external().as_str(),
            callback_reason: callback.reason.filter(|_| callback.state == CallbackState::Completed),
            phone_number: callback.phone.as_given().to_owned(),
            position_in_queue: callback.position.filter(|_| moving),
            estimated_wait_time: callback.ewt.filter(|_| moving),
        }
    }
}

pub(super) async fn retrieve(
    State(site): State<Arc<Site>>,
    caller: Caller,
    exchange: Exchange,
    body: JsonBody,
) -> Result<Answer, Failure> {
    let id = id_of(&body)?;
    exchange.note_callback(id);
    let callback = site.api().retrieve.run(caller.tenant, id).await?;
    Ok(Answer::ok(&CallbackBody::from(callback)))
}

#[cfg(test)]
#[path = "retrieve_tests.rs"]
mod tests;
