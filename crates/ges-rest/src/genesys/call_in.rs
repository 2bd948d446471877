//! `match-interaction`, `request-interaction` and `request-access`: calls that come in (integrations 2.15; R-CTI-1 to R-CTI-14).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use ges_domain::call_in::{AccessNumber, CallInRequest, GroupName};
use ges_domain::callback::{Scalar, Source, UserData};
use ges_domain::phone::PhoneNumber;
use ges_domain::use_cases::{CallInWish, CalledFor, ReportedCall};
use ges_domain::{CallInId, Refusal};
use serde::Serialize;
use serde_json::value::RawValue;
use tracing::Instrument as _;

use super::answers::json;
use super::fault::GmsFault;
use super::place::Tenant;
use super::sent::{Sent, written};
use super::storage::update::user_data;
use super::storage::view;
use crate::exchange::Exchange;
use crate::listener::Site;

#[derive(Debug, Serialize)]
struct MatchedBody {
    _id: CallInId,
    _data_id: CallInId,
    /// Empty without a callback.
    _callback_service_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    _user_data: Option<std::collections::BTreeMap<String, Box<RawValue>>>,
}

#[derive(Debug, Serialize)]
struct AccessBody {
    _id: CallInId,
    _access_number: String,
    /// Empty when the group gives out no codes.
    _access_code: String,
    _expiration_time: String,
}

pub(super) async fn match_interaction(
    State(site): State<Arc<Site>>,
    Tenant(tenant): Tenant,
    request: Request,
) -> Result<Response, GmsFault> {
    let (mut number, mut code, mut caller, mut with_data) = (None, None, None, false);
    for (key, value) in Sent::keys(request, &site).await? {
        let text = written(&value);
        let text = text.trim();
        match key.as_str() {
            _ if text.is_empty() => {}
            "_access_number" => {
                let read = AccessNumber::dialed(text);
                number = Some(read.map_err(|bad| GmsFault::option(format!("_access_number {bad}")))?);
            }
            "_access_code" => code = Some(text.to_owned()),
            "_phone_number" => caller = Some(phone(text)?),
            "_return_user_data" => with_data = text.eq_ignore_ascii_case("true"),
            _ => {}
        }
    }
    let number = number.ok_or_else(|| GmsFault::option("_access_number is required"))?;
    let call = ReportedCall { number, code, caller };
    let matched = site.api().inside.match_call_in.run(tenant, call).await?;
    let matched = matched.ok_or_else(|| GmsFault::not_found("No matching request."))?;
    announce(&site, &matched);
    let data = || matched.user_data.iter().map(|(key, value)| (key.to_owned(), view::json(value))).collect();
    Ok(json(&MatchedBody {
        _id: matched.id,
        _data_id: matched.id,
        _callback_service_id: matched.callback.map(|id| id.to_string()).unwrap_or_default(),
        _user_data: with_data.then(data),
    }))
}

/// Beside the answer: the switch connects the caller as soon as it has that, while a session may take seconds to answer.
fn announce(site: &Arc<Site>, matched: &CallInRequest) {
    let (site, matched) = (Arc::clone(site), matched.clone());
    let announcement = async move {
        if let Err(error) = site.api().inside.match_call_in.announce(&matched).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(callin.id = %matched.id, error, "a worker tells the session that its consumer is on the line");
        }
    };
    drop(tokio::spawn(announcement.in_current_span()));
}

pub(super) async fn request_access(
    State(site): State<Arc<Site>>,
    exchange: Exchange,
    Tenant(tenant): Tenant,
    request: Request,
) -> Result<Response, GmsFault> {
    let wish = wish(Sent::keys(request, &site).await?)?;
    exchange.note_user_data(wish.user_data.len());
    let called_for = site.api().call_in.run(tenant, wish, Source::Ivr, None).await?;
    if matches!(called_for, CalledFor::Now(_)) {
        site.metrics().callin_created(&tenant.to_string());
    }
    let given = called_for.request();
    Ok(json(&AccessBody {
        _id: given.id,
        _access_number: given.reservation.number.as_str().to_owned(),
        _access_code: given.code().map(|code| code.to_string()).unwrap_or_default(),
        _expiration_time: given.expires_at.to_string(),
    }))
}

fn wish(pairs: Vec<(String, Scalar)>) -> Result<CallInWish, GmsFault> {
    let (mut group, mut from, mut callback, mut data) = (None, None, None, Vec::new());
    for (key, value) in pairs {
        let text = written(&value);
        let text = text.trim();
        match key.as_str() {
            _ if text.is_empty() => {}
            "_resource_group" => {
                let read = GroupName::new(text);
                group = Some(read.map_err(|bad| GmsFault::option(format!("_resource_group {bad}")))?);
            }
            "_phone_number" | "_customer_number" => from = Some(phone(text)?),
            "_callback_service_id" => {
                callback = Some(text.parse().map_err(|_| Refusal::NotFound("of _callback_service_id".into()))?);
            }
            "_user_data" => data.extend(user_data(&value)?.into_iter().filter_map(|(key, value)| Some((key, value?)))),
            _ if key.starts_with('_') => {}
            _ => data.push((key, value)),
        }
    }
    let group = group.ok_or_else(|| GmsFault::option("_resource_group is required"))?;
    let user_data = UserData::new(data).map_err(|_| Refusal::UserDataTooLarge)?;
    Ok(CallInWish { group, from, user_data, callback })
}

fn phone(text: &str) -> Result<PhoneNumber, GmsFault> {
    PhoneNumber::new(text).map_err(|bad| GmsFault::option(format!("_phone_number {bad}")))
}
