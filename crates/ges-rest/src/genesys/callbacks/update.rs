//! `PUT /genesys/1/service/callback/{service_name}/{service_id}` (integrations 2.4; R-EDT-1 to R-EDT-5).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use ges_domain::callback::{Actor, Callback, Scalar, State as CallbackState};
use ges_domain::use_cases::{Attached, Wanted};
use ges_domain::{Instant, Refusal, TenantId, invariants};

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
    facts: BTreeMap<String, String>,
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
    if changes.edits_fields() && callback.state != CallbackState::Scheduled {
        return Err(conflict("Number, priority and language can be changed while the callback is scheduled only"));
    }
    let desired = changes.desired.filter(|desired| *desired != callback.desired_at);
    if callback.state == CallbackState::Scheduled {
        edit(&site, tenant, &callback, desired, changes).await?;
    } else {
        attach(&site, tenant, &callback, desired, changes).await?;
    }
    Ok(nothing())
}

impl Changes {
    /// Whether fields are to change that only a scheduled callback lets change.
    const fn edits_fields(&self) -> bool {
        self.wanted.phone.is_some() || self.wanted.priority.is_some() || self.wanted.language.is_some()
    }
}

/// A callback that is still scheduled takes everything in one write: the new time with everything else, or nothing.
async fn edit(
    site: &Site,
    tenant: TenantId,
    callback: &Callback,
    desired: Option<Instant>,
    changes: Changes,
) -> Result<(), GmsFault> {
    let inside = &site.api().inside;
    let wanted = Wanted { user_data: changes.data.clone(), facts: changes.facts.clone(), ..changes.wanted.clone() };
    let edited = match (wanted.is_empty(), desired) {
        (true, None) => return Ok(()),
        (true, Some(_)) => inside.reschedule.run(tenant, callback.id, desired, Actor::Ivr).await,
        (false, None) => inside.edit.run(tenant, callback.id, wanted, Actor::Ivr).await,
        (false, Some(_)) => {
            let edit = inside.edit.check(tenant, callback.id, wanted, &Actor::Ivr).await?;
            inside.reschedule.with_edit(tenant, callback.id, desired, Some(edit), Actor::Ivr).await
        }
    };
    match edited {
        Ok(callback) => {
            site.look(&invariants::written(&callback));
            Ok(())
        }
        // It was handed over meanwhile; values may still be attached to it.
        Err(Refusal::NotEditable(state)) if state.is_open() && !changes.edits_fields() => {
            attach(site, tenant, callback, desired, changes).await
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// A callback that orchestration has takes another time and values, and its session hears of both.
async fn attach(
    site: &Site,
    tenant: TenantId,
    callback: &Callback,
    desired: Option<Instant>,
    changes: Changes,
) -> Result<(), GmsFault> {
    let inside = &site.api().inside;
    let attached = Attached { user_data: changes.data, facts: changes.facts };
    // Everything that can be refused is looked at before anything is written.
    attached.fits(callback).map_err(Refusal::from)?;
    if let Some(desired) = desired {
        let moved = inside.reschedule.run(tenant, callback.id, Some(desired), Actor::Ivr).await?;
        site.look(&invariants::written(&moved));
    }
    if attached.user_data.is_empty() && attached.facts.is_empty() {
        return Ok(());
    }
    Ok(inside.attach.run(tenant, callback.id, attached, Actor::Ivr).await?)
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
            _ if key.starts_with('_') => drop(changes.facts.insert(key.clone(), read::extra(&key, &value)?)),
            _ => {
                let kept = Some(value).filter(|value| !written(value).is_empty());
                changes.data.push((key, kept));
            }
        }
    }
    changes.desired = new_time.or(changes.desired);
    Ok(changes)
}
