//! `POST /genesys/1/admin/callback/cancel` (integrations 2.9; R-BLK-1): each callback by itself, in the order asked.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use ges_domain::callback::Reason;
use ges_domain::{CallbackId, Refusal, TenantId};
use serde::Serialize;

use super::super::answers::json;
use super::super::callbacks::cancel::{reason, withdraw};
use super::super::fault::GmsFault;
use super::super::place::Tenant;
use crate::body;
use crate::fields::Fields;
use crate::listener::Site;
use crate::scalar;

/// Most ids of one call (R-BLK-2).
const MOST: usize = 10_000;
/// Withdrawn at a time, so that a long list leaves the store to others.
const AT_A_TIME: usize = 8;

#[derive(Debug, Serialize)]
struct CancelledBody {
    cancelled: Vec<String>,
    failed: Vec<FailedBody>,
}

#[derive(Debug, Serialize)]
struct FailedBody {
    _id: String,
    message: String,
}

pub(in super::super) async fn cancel(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    request: Request,
) -> Result<Response, GmsFault> {
    let body = body::read(request, &site).await?;
    let fields = Fields::of_body(&body)?;
    let reason = reason(fields.any_text("reason").as_deref(), Reason::CANCELLED_BY_ADMIN)?;
    let list = fields.list("ids")?.ok_or_else(|| GmsFault::option("ids is required"))?;
    if list.len() > MOST {
        return Err(GmsFault::option(format!("ids must have at most {MOST} entries")));
    }
    let text = |entry: &serde_json::value::RawValue| {
        let text = scalar::text(entry.get()).ok().filter(|_| entry.get().starts_with('"'));
        text.filter(|text| text.chars().count() <= 128).ok_or_else(|| GmsFault::option("ids must be texts"))
    };
    let ids: Vec<String> = list.into_iter().map(text).collect::<Result<_, _>>()?;
    let mut outcome = CancelledBody { cancelled: Vec::new(), failed: Vec::new() };
    for (id, failed) in cancel_each(&site, tenant, ids, &reason).await {
        match failed {
            None => outcome.cancelled.push(id),
            Some(message) => outcome.failed.push(FailedBody { _id: id, message }),
        }
    }
    Ok(json(&outcome))
}

/// Withdraws every callback by itself; for each, in the order asked, the sentence that says why not.
pub(in super::super) async fn cancel_each(
    site: &Site,
    tenant: TenantId,
    ids: Vec<String>,
    reason: &Reason,
) -> Vec<(String, Option<String>)> {
    let one = async |id: String| {
        let outcome = match id.parse::<CallbackId>() {
            Ok(known) => withdraw(site, tenant, known, reason.clone()).await,
            Err(_) => Err(Refusal::NotFound(id.clone())),
        };
        let failed = outcome.err().map(|refusal| match refusal {
            Refusal::NotFound(_) => "Unknown callback.".to_owned(),
            refusal => GmsFault::from(refusal).message().to_owned(),
        });
        (id, failed)
    };
    stream::iter(ids).map(one).buffered(AT_A_TIME).collect().await
}
