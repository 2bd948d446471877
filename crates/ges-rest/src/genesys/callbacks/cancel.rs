//! `DELETE /genesys/1/service/callback/{service_name}/{service_id}` (integrations 2.5; R-CAN-1 to R-CAN-3).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use ges_domain::callback::{Actor, Callback, Category, Reason};
use ges_domain::ports::CancelRequest;
use ges_domain::{CallbackId, Refusal, TenantId, invariants};

use super::super::answers::nothing;
use super::super::fault::GmsFault;
use super::found;
use crate::exchange::Exchange;
use crate::listener::Site;
use crate::query::Parameters;

pub(in super::super) async fn cancel(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, GmsFault> {
    let parameters = Parameters::pick(uri.query(), &["reason"])?;
    let reason = reason(parameters.text("reason"), Reason::CANCELLED)?;
    let (tenant, callback) = found(&site, &exchange, &uri, &headers).await?;
    withdraw(&site, tenant, callback.id, reason).await?;
    Ok(nothing())
}

/// A reason a cancel may have; one that does not mean a cancel would keep the place of the callback taken (R-RSN-2).
pub(in super::super) fn reason(text: Option<&str>, otherwise: Reason) -> Result<Reason, GmsFault> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(otherwise) };
    let reason = Reason::new(text).ok().filter(|reason| reason.category() == Category::Cancel);
    reason.ok_or_else(|| {
        GmsFault::option("reason must be CANCELLED or one of the words that begin with it, as documented")
    })
}

/// Withdraws one callback for an internal caller. One that was withdrawn before is withdrawn.
pub(in super::super) async fn withdraw(
    site: &Site,
    tenant: TenantId,
    id: CallbackId,
    reason: Reason,
) -> Result<(), Refusal> {
    let request = CancelRequest { actor: Actor::Ivr, reason, keyed: None };
    match site.api().cancel.run(tenant, id, request).await {
        Ok(callback) => {
            site.look(&invariants::cancelled(&callback));
            Ok(())
        }
        Err(Refusal::AlreadyCompleted) => {
            let callback: Callback = site.api().retrieve.run(tenant, id).await?;
            let withdrawn = callback.reason.is_some_and(|reason| reason.category() == Category::Cancel);
            if withdrawn { Ok(()) } else { Err(Refusal::AlreadyCompleted) }
        }
        Err(refusal) => Err(refusal),
    }
}
