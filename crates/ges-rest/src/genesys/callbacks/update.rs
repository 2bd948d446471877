//! `PUT /genesys/1/service/callback/{service_name}/{service_id}` (integrations 2.4; R-EDT-1 to R-EDT-5).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use ges_domain::callback::{Actor, Callback, Scalar, SessionUpdate, State as CallbackState};
use ges_domain::use_cases::Wanted;
use ges_domain::{Instant, TenantId, invariants};

use super::super::answers::nothing;
use super::super::fault::GmsFault;
use super::super::sent::{Sent, written};
use super::super::storage::update::user_data;
use super::{conflict, found, read};
use crate::exchange::Exchange;
use crate::listener::Site;

/// Properties that are what they are: the record's own, and what belongs to its session.
const FIXED: [&str; 9] = [
    "_id",
    "_service_name",
    "_callback_state",
    "_callback_reason",
    "_expiration_time",
    "_url",
    "_ors_session_id",
    "_ors_url",
    "_session_state",
];

/// What is to change.
#[derive(Default)]
struct Changes {
    desired: Option<Instant>,
    wanted: Wanted,
    /// User data in the order sent; `None` removes.
    data: Vec<(String, Option<Scalar>)>,
    extras: Vec<(String, String)>,
}

pub(in super::super) async fn update(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    uri: Uri,
    request: Request,
) -> Result<Response, GmsFault> {
    let headers = request.headers().clone();
    let (tenant, callback) = found(&site, &exchange, &uri, &headers).await?;
    let changes = changes(Sent::keys(request, &site).await?)?;
    if callback.state == CallbackState::Completed {
        return Err(conflict("The callback is already completed"));
    }
    let inside = &site.api().inside;
    if changes.edits_fields() && callback.state != CallbackState::Scheduled {
        return Err(conflict("Number, priority and language can be changed while the callback is scheduled only"));
    }
    // Everything that can be refused is looked at before anything is written.
    let wanted = Wanted { user_data: changes.data.clone(), ..changes.wanted.clone() };
    inside.edit.check(tenant, callback.id, wanted.clone(), &Actor::Ivr).await?;
    let callback = match changes.desired.filter(|desired| *desired != callback.desired_at) {
        None => callback,
        Some(desired) => inside.reschedule.run(tenant, callback.id, Some(desired), Actor::Ivr).await?,
    };
    site.look(&invariants::written(&callback));
    if callback.state == CallbackState::Scheduled {
        if changes.edits_fields() || !wanted.user_data.is_empty() {
            inside.edit.run(tenant, callback.id, wanted, Actor::Ivr).await?;
        }
        attach(&site, tenant, &callback, Vec::new(), changes.extras).await?;
    } else if changes.edits_fields() {
        return Err(conflict("The callback has its new time and is due now; its number, priority and language stay"));
    } else {
        attach(&site, tenant, &callback, changes.data, changes.extras).await?;
    }
    Ok(nothing())
}

impl Changes {
    /// Whether fields are to change that only a scheduled callback lets change.
    const fn edits_fields(&self) -> bool {
        self.wanted.phone.is_some() || self.wanted.priority.is_some() || self.wanted.language.is_some()
    }
}

/// Data and extras that no state forbids, in the way a session attaches them.
async fn attach(
    site: &Site,
    tenant: TenantId,
    callback: &Callback,
    data: Vec<(String, Option<Scalar>)>,
    extras: Vec<(String, String)>,
) -> Result<(), GmsFault> {
    if data.is_empty() && extras.is_empty() {
        return Ok(());
    }
    let update = SessionUpdate { user_data: data, facts: extras.into_iter().collect(), ..SessionUpdate::default() };
    site.api().take_update.run(tenant, callback.id, &update).await?;
    Ok(())
}

fn changes(pairs: Vec<(String, Scalar)>) -> Result<Changes, GmsFault> {
    let mut changes = Changes::default();
    let mut new_time = None;
    for (key, value) in pairs {
        match key.as_str() {
            "_new_desired_time" => new_time = read::time(&key, &value)?,
            "_desired_time" => changes.desired = read::time(&key, &value)?,
            "_customer_number" => {
                changes.wanted.phone = Some(value)
                    .filter(|value| !written(value).is_empty())
                    .map(|value| read::number(&value))
                    .transpose()?;
            }
            "_priority" => changes.wanted.priority = read::priority(&value)?,
            "_language" => changes.wanted.language = read::short(&key, &value)?,
            "_user_data" => changes.data.extend(user_data(&value)?),
            fixed if FIXED.contains(&fixed) => {
                return Err(GmsFault::option(format!("{fixed} cannot be changed here")));
            }
            _ if key.starts_with('_') => changes.extras.push((key.clone(), read::extra(&key, &value)?)),
            _ => {
                let kept = Some(value).filter(|value| !written(value).is_empty());
                changes.data.push((key, kept));
            }
        }
    }
    changes.desired = new_time.or(changes.desired);
    Ok(changes)
}
