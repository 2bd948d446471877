//! `callbacks/cancel` (engagement-api 6).

use std::sync::Arc;

use axum::extract::State;
use ges_domain::callback::Reason;
use ges_domain::idempotency::Operation;
use ges_domain::ports::CancelRequest;
use ges_domain::{CallbackId, invariants};
use serde::Serialize;

use super::id_body::id_of;
use crate::answer::{Answer, Failure};
use crate::body::JsonBody;
use crate::exchange::Exchange;
use crate::idempotency::IdempotencyKey;
use crate::identity::Caller;
use crate::listener::Site;

pub(crate) const PATH: &str = "/engagement/v3/callbacks/cancel";

#[derive(Debug, Serialize)]
struct CancelledBody {
    id: CallbackId,
}

pub(super) async fn cancel(
    State(site): State<Arc<Site>>,
    caller: Caller,
    exchange: Exchange,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Answer, Failure> {
    let id = id_of(&body)?;
    exchange.note_callback(id);
    let keyed = key.under(Operation::Cancel, &body);
    if let Some(before) = site.api().answered(caller.tenant, keyed.as_ref()).await? {
        return Ok(Answer::ok(&CancelledBody { id: CallbackId(before) }));
    }
    let request = CancelRequest { actor: caller.actor(), reason: Reason::CANCELLED, keyed };
    let callback = site.api().cancel.run(caller.tenant, id, request).await?;
    site.look(&invariants::cancelled(&callback));
    Ok(Answer::ok(&CancelledBody { id: callback.id }))
}

#[cfg(test)]
#[path = "cancel_tests.rs"]
mod tests;
