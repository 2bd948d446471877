//! `callbacks/create` (engagement-api 4; R-CRE-2, R-CRE-3, R-CRE-7).

use std::sync::Arc;

use axum::extract::State;
use ges_domain::booking::{BookRequest, CaptchaToken};
use ges_domain::callback::{OfferType, Particulars, PushTarget, Source, UserData};
use ges_domain::idempotency::{Keyed, Operation};
use ges_domain::phone::PhoneNumber;
use ges_domain::use_cases::Created;
use ges_domain::{CallbackId, Refusal, ServiceName, TenantId, invariants};
use serde::Serialize;

use crate::answer::{Answer, Failure};
use crate::body::JsonBody;
use crate::dates::moment;
use crate::exchange::Exchange;
use crate::fields::{Fields, attached, invalid, object, whole};
use crate::idempotency::IdempotencyKey;
use crate::identity::Caller;
use crate::listener::Site;
use crate::visitor::Visitor;

pub(crate) const PATH: &str = "/engagement/v3/callbacks/create";

/// Longest optional text in characters.
pub(crate) const TEXT: usize = 1024;
/// Longest CAPTCHA token in characters; providers issue tokens of more than two thousand.
pub(crate) const TOKEN: usize = 16_384;
/// Most push targets.
pub(crate) const TARGETS: usize = 10;
/// Largest priority, and with a minus the smallest.
pub(crate) const PRIORITY: i32 = 1000;

#[derive(Debug, Serialize)]
struct CreatedBody {
    id: CallbackId,
}

pub(super) async fn create(
    State(site): State<Arc<Site>>,
    caller: Caller,
    visitor: Visitor,
    exchange: Exchange,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Answer, Failure> {
    let mut request = read(&body.fields()?, caller.source())?;
    request.captcha_token = request.captcha_token.map(|token| CaptchaToken {
        address: visitor.address,
        user_agent: visitor.browser,
        ..token
    });
    exchange.note_user_data(request.particulars.user_data.len());
    let created = book(&site, caller.tenant, request, key.under(Operation::Create, &body)).await?;
    if let Created::Now(callback) = &created {
        site.metrics().callback_created(&caller.tenant.to_string());
        site.look(&invariants::written(callback));
    }
    exchange.note_callback(created.id());
    Ok(Answer::ok(&CreatedBody { id: created.id() }))
}

/// Books, or finds what was booked under the same key before (I6).
async fn book(site: &Site, tenant: TenantId, request: BookRequest, keyed: Option<Keyed>) -> Result<Created, Refusal> {
    let api = site.api();
    if let Some(before) = api.answered(tenant, keyed.as_ref()).await? {
        return Ok(Created::Before(CallbackId(before)));
    }
    match keyed {
        Some(keyed) => api.book.run_once(tenant, request, keyed).await,
        None => Ok(Created::Now(Box::new(api.book.run(tenant, request).await?))),
    }
}

/// The request in domain values (engagement-api 4.1 to 4.6).
fn read(fields: &Fields<'_>, source: Source) -> Result<BookRequest, Failure> {
    let name = fields.required_text("serviceName", TEXT)?;
    let service = ServiceName::new(&name).map_err(|bad| invalid("serviceName", bad.to_string()))?;
    let number = fields.required_text("phoneNumber", TEXT)?;
    let phone = PhoneNumber::new(&number).map_err(|bad| invalid("phoneNumber", bad.to_string()))?;
    let desired = match fields.raw("desiredTime") {
        None => None,
        Some(_) => {
            let text = fields.text("desiredTime", TEXT)?.unwrap_or_default();
            let read = moment(&text).ok_or_else(|| invalid("desiredTime", "is not a date-time"))?;
            Some(read.resolve(None))
        }
    };
    let particulars = Particulars {
        source,
        language: fields.text("language", TEXT)?,
        route_point: fields.text("routePoint", TEXT)?,
        survey_rp: fields.text("surveyRP", TEXT)?,
        inbound_vq: fields.text("inboundVQ", TEXT)?,
        offer_threshold: threshold(fields)?,
        channel: fields.text("channel", TEXT)?,
        offer_timing: fields.text("offerTiming", TEXT)?,
        // Official clients send a sentence here when nobody set it, so nothing is refused (engagement-api 4.2).
        offer_type: Some(OfferType::lenient(fields.any_text("cbOfferType").as_deref(), desired.is_some())),
        origination_ixn: fields.text("cbOriginationIxnId", TEXT)?,
        user_data: user_data(fields)?,
        push_targets: push_targets(fields)?,
        always_check_capacity: fields.boolean("alwaysCheckCapacity")?.unwrap_or_default(),
        ..Particulars::default()
    };
    let captcha_token = fields.text("captchaToken", TOKEN)?.map(CaptchaToken::new);
    Ok(BookRequest { service, phone, desired, priority: priority(fields)?, captcha_token, particulars })
}

fn priority(fields: &Fields<'_>) -> Result<Option<i32>, Failure> {
    let whole = |number| {
        whole(number, -PRIORITY, PRIORITY)
            .ok_or_else(|| invalid("priority", format!("must be a whole number from -{PRIORITY} to {PRIORITY}")))
    };
    fields.number("priority")?.map(whole).transpose()
}

/// Seconds; parts of a second are cut.
fn threshold(fields: &Fields<'_>) -> Result<Option<i64>, Failure> {
    /// Far above any wait, and exact as a float.
    const MAX: f64 = 1e15;
    let seconds = |number: f64| {
        let fits = (0.0..=MAX).contains(&number);
        #[expect(clippy::cast_possible_truncation, reason = "it is in range, and cutting is meant")]
        fits.then_some(number as i64).ok_or_else(|| invalid("offerThreshold", "must be a number of seconds from 0"))
    };
    fields.number("offerThreshold")?.map(seconds).transpose()
}

pub(super) fn user_data(fields: &Fields<'_>) -> Result<UserData, Failure> {
    let Some(value) = fields.raw("userData") else { return Ok(UserData::default()) };
    let entries = attached("userData", value)?.unwrap_or_default();
    let kept = entries.into_iter().filter_map(|(key, value)| Some((key, value?)));
    UserData::new(kept).map_err(|_| Refusal::UserDataTooLarge.into())
}

/// `pushTargets`, or the pair of fields that older clients send instead (engagement-api 4.6).
fn push_targets(fields: &Fields<'_>) -> Result<Vec<PushTarget>, Failure> {
    let Some(list) = fields.list("pushTargets")? else {
        let (channel, target) = (fields.text("pushChannel", TEXT)?, fields.text("pushTarget", TEXT)?);
        return match (channel, target) {
            (Some(channel), Some(target)) => Ok(vec![push_target(&channel, target)?]),
            _ => Ok(Vec::new()),
        };
    };
    if list.len() > TARGETS {
        return Err(invalid("pushTargets", format!("must have at most {TARGETS} entries")));
    }
    let one = |entry| {
        let entry = object("pushTargets", entry)?;
        let channel = entry.required_text("channel", TEXT)?;
        push_target(&channel, entry.text("target", TEXT)?.unwrap_or_default())
    };
    list.into_iter().map(one).collect()
}

fn push_target(channel: &str, target: String) -> Result<PushTarget, Failure> {
    if channel != "FCM" || target.trim().is_empty() {
        return Err(Refusal::InvalidPushTarget.into());
    }
    Ok(PushTarget(target))
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "create_limits_tests.rs"]
mod limits_tests;
